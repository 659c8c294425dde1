"""The light around the spheroid: its level, its spread and the camera's noise.

Every intensity figure is relative to the background next to the spheroid, not to the whole
frame: frames have vignettes, well walls and black surrounds. A sample of some ten thousand
pixels is enough for medians, so the work is done on a coarse grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import RequestError
from spheroid_qc.segmentation.result import Segmentation

_GRID = 160  # the shorter side of the coarse grid, in cells, at least
_ENOUGH = 400  # cells needed for a median that can be trusted


@dataclass(frozen=True)
class Surround:
    """Background near a body.

    Parameters
    ----------
    level : float
        Median intensity; NaN where no background pixel is left.
    spread : float
        Robust standard deviation (1.4826 MAD) of the background: noise and structure.
    noise : float
        Robust standard deviation of pixel noise, from differences of neighbours; never below
        the rounding error of the grey levels.
    """

    level: float
    spread: float
    noise: float


def grey_image(image: NDArray[Any]) -> NDArray[Any]:
    """Bring an image into the form that all measurements read.

    Parameters
    ----------
    image : ndarray, shape (y, x) or (y, x, 3|4), any numeric dtype
        The frame.

    Returns
    -------
    ndarray, shape (y, x)
        Luminance for colour; the image itself, unchanged, otherwise.

    Raises
    ------
    RequestError
        For any other shape, or values that are no real numbers.
    """
    pixels = np.asarray(image)
    if pixels.dtype == np.bool_:
        pixels = pixels.view(np.uint8)
    if pixels.dtype.kind not in "iuf":
        raise RequestError(
            f"The image holds values of type {pixels.dtype}; give an image of real numbers."
        )
    if pixels.ndim == 3 and pixels.shape[2] in (3, 4):
        from spheroid_qc.images import to_grey

        pixels = to_grey(pixels)
    if pixels.ndim != 2:
        raise RequestError(
            f"The image has the shape {pixels.shape}; give one of (y, x) or (y, x, 3|4)."
        )
    return pixels


def checked(
    segmentation: Segmentation, image: NDArray[Any], pixel_size_um: float | None
) -> tuple[NDArray[np.integer], NDArray[np.bool_], NDArray[Any], float]:
    """Check that masks, image and pixel size fit together.

    Parameters
    ----------
    segmentation : Segmentation
        Masks, shape (y, x).
    image : ndarray, shape (y, x) or (y, x, 3|4)
        The frame.
    pixel_size_um : float or None
        Size of one pixel in um.

    Returns
    -------
    core : ndarray of int, shape (y, x)
    shed : ndarray of bool, shape (y, x)
    image : ndarray, shape (y, x)
        Grey values.
    pixel_size_um : float
        NaN for None.

    Raises
    ------
    RequestError
        If they don't.
    """
    pixels = grey_image(image)
    core, shed = np.asarray(segmentation.core), np.asarray(segmentation.shed)
    if core.dtype == np.bool_:
        core = core.view(np.uint8)
    if core.dtype.kind not in "iu" or shed.dtype.kind not in "biu":
        raise RequestError(
            f"The masks hold values of type {core.dtype} (core) and {shed.dtype} (shed); give "
            "whole numbers for the core's labels and a mask for the shed material."
        )
    if core.shape != pixels.shape or shed.shape != pixels.shape:
        raise RequestError(
            f"The masks have the shapes {core.shape} (core) and {shed.shape} (shed), the image "
            f"{pixels.shape}; give masks of the image they were made from."
        )
    if pixels.size == 0:
        raise RequestError("The image has no pixels; give one that has.")
    size = np.nan if pixel_size_um is None else float(pixel_size_um)
    if pixel_size_um is not None and not (np.isfinite(size) and size > 0):
        raise RequestError(
            f"The pixel size is {pixel_size_um}; give a positive number of um, or None."
        )
    return core, shed.astype(bool, copy=False), pixels, size


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
    return max(1, min(shape) // _GRID)


def coarse_any(mask: NDArray[np.bool_], factor: int) -> NDArray[np.bool_]:
    """Reduce a mask: a cell is true where any of its pixels is.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
        Mask at full resolution.
    factor : int
        Side of a cell in pixels.

    Returns
    -------
    ndarray of bool, shape (ceil(y / factor), ceil(x / factor))
        The reduced mask.
    """
    if factor == 1:
        return mask
    height, width = (-(-side // factor) for side in mask.shape)
    rows = np.zeros((height, mask.shape[1]), dtype=bool)
    cells = np.zeros((height, width), dtype=bool)
    # Whole slices at once: far quicker than a reduction over short axes.
    for first in range(factor):
        part = mask[first::factor]
        rows[: part.shape[0]] |= part
    for first in range(factor):
        part = rows[:, first::factor]
        cells[:, : part.shape[1]] |= part
    return cells


def surround_of(image: NDArray[Any], total: NDArray[np.bool_], gap_px: float = 3.0) -> Surround:
    """Estimate the background around a body.

    Pixels nearest to the body, but at least `gap_px` away from it, are taken first: a ring as
    wide as the body's equivalent radius, wider where that holds too few.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        Grey values of any numeric dtype; pixels that are not finite are left out.
    total : ndarray of bool, shape (y, x)
        Everything that is not background.
    gap_px : float
        Width in pixels of the rim around `total` that belongs to neither: halo, blur.

    Returns
    -------
    Surround
        Level, spread and noise in grey values of the image.
    """
    from scipy import ndimage

    factor = coarse_factor(image.shape)
    covered = coarse_any(total, factor)
    values = image[::factor, ::factor].astype(np.float64)
    following = np.roll(image, -1, axis=1) if image.shape[1] < 2 else image[:, 1:]
    nexts = following[::factor, ::factor].astype(np.float64)
    width = min(values.shape[1], nexts.shape[1])
    values, nexts, covered = values[:, :width], nexts[:, :width], covered[:, :width]
    free = np.isfinite(values) & np.isfinite(nexts) & ~covered
    if covered.any() and free.any():
        distance = ndimage.distance_transform_edt(~covered) * factor
        radius = float(np.sqrt(np.count_nonzero(covered) / np.pi)) * factor
        beyond = free & (distance > gap_px)
        needed = min(_ENOUGH, int(np.count_nonzero(beyond)))
        for reach in (gap_px + max(radius, 16.0), gap_px + 3 * max(radius, 16.0), np.inf):
            chosen = beyond & (distance <= reach)
            if needed and int(np.count_nonzero(chosen)) >= needed:
                free = chosen
                break
    if not free.any():
        return Surround(np.nan, np.nan, np.nan)
    sample = values[free]
    level = float(np.median(sample))
    spread = 1.4826 * float(np.median(np.abs(sample - level)))
    steps = np.abs(nexts[free] - sample)
    # The median difference of two equal normal variables is 0.6745 * sqrt(2) of their SD.
    noise = float(np.median(steps)) / (0.6745 * np.sqrt(2.0))
    changing = steps[steps > 0]
    rounding = float(changing.min()) / np.sqrt(12.0) if changing.size else 0.0
    return Surround(level, max(spread, rounding), max(noise, rounding))
