"""The light around the spheroid: its level, its spread, its evenness and the camera's noise.

Every intensity metric is relative to the background next to the spheroid, not to the whole
frame: frames have vignettes, well walls and black surrounds. A sample of some ten thousand
pixels is enough for medians, so the work is done on a coarse grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.segmentation.downsampling import any_in_blocks
from spheroid_qc.segmentation.order_statistics import median, percentiles
from spheroid_qc.segmentation.piece_shapes import box_of

_GRID_CELLS = 160  # the shorter side of the coarse grid, in cells, at least
_MIN_CELLS = 400  # cells needed for a median that can be trusted
_MAX_CELLS = 4000  # background cells the surface is fitted to


@dataclass(frozen=True)
class Surround:
    """Background near a body, in grey values.

    `level` is its median, NaN where no background pixel is left; `spread` its robust standard
    deviation (1.4826 MAD): noise and structure; `noise` that of the pixel noise, from differences
    of neighbours, never below the rounding error of the grey levels.
    """

    level: float
    spread: float
    noise: float


def at_least(image: NDArray[Any], value: float) -> NDArray[np.bool_]:
    """Pixels of a value or more.

    Whole numbers are compared with a whole number: with a fraction, numpy would first turn the
    frame into floats, which takes ten times as long as the comparison.
    """
    if image.dtype.kind not in "iu":
        return np.asarray(image >= value)
    limits, minimum = np.iinfo(image.dtype), math.ceil(value)
    if minimum > limits.max:
        return np.zeros(image.shape, dtype=bool)
    return np.asarray(image >= max(minimum, limits.min))


def at_most(image: NDArray[Any], value: float) -> NDArray[np.bool_]:
    """Pixels of a value or less; see `at_least`."""
    if image.dtype.kind not in "iu":
        return np.asarray(image <= value)
    limits, maximum = np.iinfo(image.dtype), math.floor(value)
    if maximum < limits.min:
        return np.zeros(image.shape, dtype=bool)
    return np.asarray(image <= min(maximum, limits.max))


def coarse_factor(shape: tuple[int, ...]) -> int:
    """Side of a cell of the coarse grid, in pixels."""
    return max(1, min(shape) // _GRID_CELLS)


def surround_of(image: NDArray[Any], total: NDArray[np.bool_], gap_px: float = 3.0) -> Surround:
    """Estimate level, spread and noise of the background around a body, in grey values.

    Pixels nearest to the body (`total`: everything that is not background), but at least `gap_px`
    pixels away from it for halo and blur, are taken first: a ring as wide as the body's equivalent
    radius, wider where that holds too few. Pixels that are not finite are left out.
    """
    from scipy import ndimage

    factor = coarse_factor(image.shape)
    covered = any_in_blocks(total, factor)
    values = image[::factor, ::factor].astype(np.float64)
    following = np.roll(image, -1, axis=1) if image.shape[1] < 2 else image[:, 1:]
    nexts = following[::factor, ::factor].astype(np.float64)
    width = min(values.shape[1], nexts.shape[1])
    values, nexts, covered = values[:, :width], nexts[:, :width], covered[:, :width]
    free = np.isfinite(values) & np.isfinite(nexts) & ~covered
    if covered.any() and free.any():
        radius = float(np.sqrt(np.count_nonzero(covered) / np.pi)) * factor
        for reach in (gap_px + max(radius, 16.0), gap_px + 3 * max(radius, 16.0), np.inf):
            # What lies further away than the reach is not asked how far.
            around = max(covered.shape) if math.isinf(reach) else math.ceil(reach / factor)
            near = box_of(covered, around)
            distance = ndimage.distance_transform_edt(~covered[near]) * factor
            chosen = np.zeros_like(free)
            chosen[near] = free[near] & (distance > gap_px) & (distance <= reach)
            found = int(np.count_nonzero(chosen))
            if found >= _MIN_CELLS or (found and math.isinf(reach)):
                free = chosen
                break
    if not free.any():
        return Surround(np.nan, np.nan, np.nan)
    sample = values[free]
    level = median(sample)
    spread = 1.4826 * median(np.abs(sample - level))
    steps = np.abs(nexts[free] - sample)
    # The median difference of two equal normal variables is 0.6745 * sqrt(2) of their SD.
    noise = median(steps) / (0.6745 * np.sqrt(2.0))
    changing = steps[steps > 0]
    rounding = float(changing.min()) / np.sqrt(12.0) if changing.size else 0.0
    return Surround(level, max(spread, rounding), max(noise, rounding))


def void(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Find a surround that is no image: the black (or white) corners of a whole-well frame.

    It reaches a corner, is nearly constant at one end of the range of grey values, and is set off
    abruptly from everything else. A dark background that goes over into brighter parts is none.
    `values` is the frame on a coarse grid, finite.
    """
    from scipy import ndimage

    found = np.zeros(values.shape, dtype=bool)
    low, high = (float(v) for v in (values.min(), values.max()))
    span = high - low
    if not span > 0:
        return found
    for away in (values - low, high - values):
        extreme = away <= 0.04 * span
        corners = [extreme[y, x] for y in (0, -1) for x in (0, -1)]
        if not any(corners) or np.count_nonzero(extreme) < 0.02 * values.size:
            continue
        labels, _ = ndimage.label(extreme)
        touching = {int(labels[y, x]) for y in (0, -1) for x in (0, -1)} - {0}
        candidate = np.isin(labels, list(touching))
        rest = away[~candidate]
        # A background at the end of the range goes over into the rest without a gap.
        if rest.size >= 0.05 * values.size and np.percentile(rest, 5) > 0.15 * span:
            found |= candidate
    return found


def background_amplitude(values: NDArray[np.float64], free: NDArray[np.bool_]) -> float:
    """Height of the smooth surface (second order) under the background, in grey values.

    Difference between 98th and 2nd percentile of the surface fitted to the background cells `free`
    of a frame on a coarse grid; NaN for fewer than 50 cells.
    """
    y, x = np.nonzero(free)
    if y.size < 50:
        return np.nan
    step = -(-y.size // _MAX_CELLS)
    y, x = y[::step], x[::step]
    grey = values[y, x]
    v, u = (2.0 * y / max(1, values.shape[0] - 1) - 1, 2.0 * x / max(1, values.shape[1] - 1) - 1)
    terms = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=1)
    keep = np.ones(grey.size, dtype=bool)
    surface = np.zeros_like(grey)
    for _ in range(3):
        # Wells walls, debris and text are outliers of the surface, not part of it.
        weights, *_ = np.linalg.lstsq(terms[keep], grey[keep], rcond=None)
        surface = terms @ weights
        residual = np.abs(grey - surface)
        keep = residual <= 3 * 1.4826 * median(residual) + 1e-12 * np.abs(grey).max()
        if np.count_nonzero(keep) < 20:
            break
    low, high = percentiles(surface, (2, 98))
    return high - low
