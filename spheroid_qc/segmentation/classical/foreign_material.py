"""Everything foreign around the bodies: where the frame differs from its local background.

At about twice the working resolution single cells stand apart. The background is interpolated
through bodies and material, so that a cloud does not hide itself; a smooth glow, halo or shadow
that rings a body is light, not material, and is taken out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spheroid_qc.segmentation.array_types import Float, Mask
from spheroid_qc.segmentation.classical.brightness_and_texture_cues import Cues
from spheroid_qc.segmentation.downsampling import Reduced, pool
from spheroid_qc.segmentation.order_statistics import median, percentiles
from spheroid_qc.segmentation.window_filters import uniform

T = TypeVar("T", bound=np.generic)

_MAX_TILT = 0.7
"""Light that changes by more than this share of the bodies' contrast is not even."""

_NEAR_SHARE = 0.06
"""Share of the frame's side over which the background is corrected once more for cells."""


_MIN_CELL_ENERGY = 5.0
"""Mean square of three by three pixels, in squares of the noise, that no noise reaches: the
chance is a hundred-thousandth for normal values."""

_CELL_EDGE_SHARE = 0.3
"""A cell ends where its energy falls to this share of the highest nearby."""

CELL_SHARE = 0.025
"""A loose cell's diameter is less than this share of the frame's side."""

_MAX_ROUGH_SHARE = 0.35
"""With more than this share of the frame rough, what is rough is no cell."""


@dataclass(frozen=True, eq=False)
class Material:
    """The frame at finer resolution, and what in it is foreign.

    `factor` is fine pixels along a block's side. `difference` is intensity minus local background,
    `noise` its spread in the background, `limit` the difference from which a pixel is foreign.
    `mask` holds foreign pixels, bodies included; `rough`, at working resolution, blocks with more
    fine texture than the background. `sharp` are foreign pixels that are rough or stand out from
    their neighbourhood: smudges, shadows and seams of the light do neither. `cells` are pixels of
    single cells, by their fine structure, whatever their contrast.
    """

    factor: int
    difference: Float
    noise: float
    limit: float
    mask: Mask
    rough: Mask
    sharp: Mask
    cells: Mask

    def crop(self, blocks: tuple[slice, slice]) -> Material:
        """Part of the frame, given in blocks."""
        box = tuple(slice(s.start * self.factor, s.stop * self.factor) for s in blocks)
        return replace(
            self,
            difference=self.difference[box],
            mask=self.mask[box],
            rough=self.rough[blocks],
            sharp=self.sharp[box],
            cells=self.cells[box],
        )


def find_material(
    reduced: Reduced, cues: Cues, usable: Mask, bodies: Mask, contrast: float, needed: float
) -> Material:
    """Find what differs from the local background by the share `needed` of the bodies' contrast.

    Masks have the shape of the working resolution; `contrast` is an intensity difference.
    """
    factor, fine = reduced.factor, reduced.fine
    shape = (
        min(fine.shape[0], usable.shape[0] * factor),
        min(fine.shape[1], usable.shape[1] * factor),
    )
    fine = fine[: shape[0], : shape[1]]
    rough = _rough(cues.roughness, usable & ~bodies) & usable
    surface = cues.smooth - cues.level
    low, high = percentiles(surface[usable][::7], (5, 95))
    if high - low > _MAX_TILT * contrast:
        # A vignette stronger than the bodies: only what is left of it can be averaged.
        background = surface + _local_background(cues.level, usable, bodies | rough, contrast)
    else:
        # A surface may bend through a wide cloud, an average that leaves it out does not.
        background = _local_background(cues.smooth, usable, bodies | rough, contrast)
    difference = fine - interpolate(background, factor, shape)
    # Rough blocks too: compression and uneven noise leave few that are not. A cloud is less
    # than half of the field, and the median hardly sees it.
    quiet = enlarge(usable & ~bodies, factor, shape)
    inside = np.abs(difference[quiet])[::3] if quiet.any() else np.zeros(1, np.float32)
    noise = 1.4826 * median(inside) + 1e-6
    if factor > 1 and 4.5 * noise > needed * contrast:
        difference = uniform(difference, 3, "nearest")
        noise /= 2.0  # at best a third; neighbouring pixels are not quite independent
    limit = max(4.5 * noise, needed * contrast)
    mask = (np.abs(difference) > limit) & enlarge(usable, factor, shape)
    outstanding = np.abs(difference - _neighbourhood(difference, factor, usable.shape)) > limit
    sharp = mask & (outstanding | enlarge(rough, factor, shape))
    calm = usable & ~bodies & ~rough
    near = _nearby(cues.mean, background, calm)
    cells = _single_cells(reduced, near, rough & ~bodies, calm, 0.5 * limit)
    cells = cells[: shape[0], : shape[1]]
    return Material(factor, difference, noise, limit, mask, rough, sharp, cells)


def _single_cells(
    reduced: Reduced, background: Float, rough: Mask, calm: Mask, minimum: float
) -> Mask:
    """Find pixels of loose cells by their fine structure, at full resolution and where it is rough.

    A loose cell in brightfield is a bright centre in a dark ring: its mean is the background's, so
    that at any coarser resolution it is gone. Its energy is not. What counts is measured against
    the camera's noise and not against the body, so that a dark body does not hide pale cells.

    `background` is intensity without bodies and material; noise is taken from the blocks in
    `calm`; below the difference `minimum` nothing counts, where the camera shows no noise at all.
    The answer has the working resolution times `reduced.factor`, not cut to the fine image's
    shape.
    """
    factor, block, plane = reduced.factor, reduced.block, reduced.plane
    rows, columns = reduced.mean.shape
    found = np.zeros((rows * factor, columns * factor), bool)
    inner = rough.copy()
    inner[plane.shape[0] // block :] = False
    inner[:, plane.shape[1] // block :] = False
    at_row, at_column = np.nonzero(inner)
    if not 4 <= at_row.size <= _MAX_ROUGH_SHARE * rough.size or not calm.any():
        return found
    samples = block * block if block > 1 else 9
    noise2 = float(np.mean(np.square(reduced.texture[calm]))) * samples / (samples - 1) + 1e-9
    # Each block with a pixel around it, for the mean over three by three.
    steps = np.arange(-1, block + 1)
    y = np.clip(at_row[:, None] * block + steps, 0, plane.shape[0] - 1)
    x = np.clip(at_column[:, None] * block + steps, 0, plane.shape[1] - 1)
    energy = plane[y[:, :, None], x[:, None, :]] - background[at_row, at_column][:, None, None]
    energy *= energy
    lines = energy[:, :-2] + energy[:, 1:-1] + energy[:, 2:]
    energy = (lines[:, :, :-2] + lines[:, :, 1:-1] + lines[:, :, 2:]) / np.float32(9)
    peaks = np.zeros((rows, columns), np.float32)
    peaks[at_row, at_column] = energy.max(axis=(1, 2))
    size = max(3, round(CELL_SHARE * max(rows, columns))) | 1
    highest = ndimage.maximum_filter(peaks, size)[at_row, at_column]
    limit = np.maximum(
        max(_MIN_CELL_ENERGY * noise2, minimum * minimum), _CELL_EDGE_SHARE * highest
    )[:, None, None]
    cell = energy > limit
    inside = block // factor
    share = cell.reshape(-1, factor, inside, factor, inside).mean(axis=(2, 4), dtype=np.float32)
    tiles = found.reshape(rows, factor, columns, factor)
    tiles[at_row, :, at_column, :] = share >= 0.5
    return found


def _nearby(mean: Float, background: Float, calm: Mask) -> Float:
    """Background corrected by the calm blocks close by, of which there are some among cells."""
    size = max(5, round(_NEAR_SHARE * max(mean.shape))) | 1
    weight = uniform(calm.astype(np.float32), size, "nearest")
    error = uniform(np.where(calm, mean - background, 0.0), size, "nearest")
    corrected: Float = background + error / (weight + np.float32(0.02))
    return corrected


def _neighbourhood(difference: Float, factor: int, shape: tuple[int, ...]) -> Float:
    """Mean over an area a few cells wide."""
    height, width = shape
    padded = np.zeros((height * factor, width * factor), np.float32)
    padded[: difference.shape[0], : difference.shape[1]] = difference
    size = max(5, round(0.04 * max(shape))) | 1
    local = uniform(pool(padded, factor), size, "nearest")
    return interpolate(local, factor, difference.shape)


def _rough(roughness: Float, calm: Mask) -> Mask:
    """Blocks with more fine texture than the background, from its quietest tenth."""
    if not calm.any():
        return np.zeros(roughness.shape, bool)
    low, tenth = np.percentile(roughness[calm], (2, 10))
    spread = (tenth - low) / 0.77  # of a normal distribution, as is the next line
    centre = tenth + 1.28 * spread
    rough: Mask = roughness > centre + max(4.0 * spread, 0.2)
    return rough


def _local_background(smooth: Float, usable: Mask, bodies: Mask, contrast: float) -> Float:
    """Average of what is neither body nor material, spread into their place."""
    sigma = 0.07 * max(smooth.shape)
    step = max(1, int(sigma / 4))
    calm = usable & ~bodies
    background = np.full_like(smooth, np.median(smooth[calm]) if calm.any() else 0.0)
    for limit in (0.35, 0.15):
        sure = (calm & (np.abs(smooth - background) < limit * contrast)).astype(np.float32)
        weight, total = (
            ndimage.gaussian_filter(part[::step, ::step], sigma / step, mode="constant")
            for part in (
                uniform(sure, step),
                uniform(sure * smooth, step),
            )
        )
        coarse = (total + 1e-4 * median(background)) / (weight + 1e-4)
        background = _magnified(coarse.astype(np.float32), step, smooth.shape, 0.0)
    return background


def enlarge(values: NDArray[T], factor: int, shape: tuple[int, ...]) -> NDArray[T]:
    """Repeat blocks up to a finer shape; what the blocks don't reach is background."""
    if factor > 1:
        values = np.repeat(np.repeat(values, factor, axis=0), factor, axis=1)
    beyond = [max(0, n - m) for n, m in zip(shape, values.shape, strict=True)]
    if any(beyond):
        values = np.pad(values, [(0, n) for n in beyond])
    return np.ascontiguousarray(values[: shape[0], : shape[1]])


def interpolate(values: Float, factor: int, shape: tuple[int, ...]) -> Float:
    """Bring an image to a finer shape, linearly between the centres of blocks."""
    if factor == 1:
        return values[: shape[0], : shape[1]]
    return _magnified(values, factor, shape, 0.5 / factor - 0.5)


def _magnified(values: Float, factor: int, shape: tuple[int, ...], first: float) -> Float:
    """Values between samples `factor` pixels apart, from the place of the first pixel on.

    `ndimage.affine_transform` takes 5 ms more of a frame's 79 ms (1 Mpx, by rules, one thread).
    """
    height, width = values.shape
    rows = np.clip(np.arange(shape[0]) / factor + first, 0, height - 1)
    columns = np.clip(np.arange(shape[1]) / factor + first, 0, width - 1)
    r, c = rows.astype(np.intp), columns.astype(np.intp)
    a, b = (rows - r).astype(np.float32)[:, None], (columns - c).astype(np.float32)
    lines = values[r] * (1 - a) + values[np.minimum(r + 1, height - 1)] * a
    result: Float = lines[:, c] * (1 - b) + lines[:, np.minimum(c + 1, width - 1)] * b
    return result
