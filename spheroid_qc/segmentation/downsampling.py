"""The frame at working resolution: mean and fine texture of blocks of pixels.

Everything but the last refinement of the edge runs on a few ten thousand block means. What
the mean would lose, the texture that betrays a faint spheroid in phase contrast, is pooled
from full resolution into a second image, the standard deviation within each block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from spheroid_qc.images import to_grey
from spheroid_qc.segmentation.array_types import Float, Mask

_FINE_PX = 720
"""Largest number of fine pixels along the longer side; two to three blocks' worth each way."""


@dataclass(frozen=True, eq=False)
class Reduced:
    """A frame at working resolution: blocks of `block` pixels a side.

    `plane` is the whole frame, shape (y, x), scaled to [0, 1], missing pixels filled; `fine` the
    frame at a resolution at which single cells stand apart, `factor` pixels along a block's side.
    The others have shape (ceil(y / block), ceil(x / block)): `mean` and `texture` are mean and
    standard deviation of each block; `extreme` the share of its pixels at the darkest or the
    brightest value of the frame, where fewer than a tenth of all pixels have it; `missing` are
    blocks that hold no valid pixel.
    """

    block: int
    plane: Float
    factor: int
    fine: Float
    mean: Float
    texture: Float
    extreme: Float
    missing: Mask


def as_plane(image: ArrayLike) -> tuple[Float, Mask | None]:
    """Grey values, float32 in [0, 1] and of shape (y, x), and where there are none (None: nowhere).

    Any real numeric or boolean type, shape (y, x) or (y, x, 3 or 4); NaN and infinities count as
    missing. `ValueError` if the array is not an image: wrong number of axes, no pixels, complex or
    not numeric.
    """
    array: NDArray[Any] = np.asarray(image)
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] in (3, 4)):
        raise ValueError(
            f"An image has the axes (y, x) or (y, x, 3 or 4), but this array has shape "
            f"{array.shape}; choose one channel, plane and time first."
        )
    if array.size == 0:
        raise ValueError(f"This image has no pixels (shape {array.shape}).")
    if array.dtype.kind not in "buif":
        raise ValueError(
            f"An image holds real numbers, but this array is of type {array.dtype}; "
            "convert it first."
        )
    if array.ndim == 3:
        array = to_grey(array)
    missing = None
    if array.dtype.kind in "bui" and array.dtype.itemsize <= 2:
        values = array.astype(np.float32)
    else:
        work = array.astype(np.float64, copy=True)
        if array.dtype.kind == "f":
            finite = np.isfinite(work)
            if not finite.all():
                missing = ~finite
                work[missing] = work[finite].min() if finite.any() else 0.0
        scale = float(np.abs(work).max())
        if scale > 0:  # keep the span of extreme values finite
            work /= scale
        work -= work.min()
        values = work.astype(np.float32)
    low, high = values.min(), values.max()
    span = float(high) - float(low)
    if span > 0:
        values -= low
        values *= np.float32(1.0 / span)
    else:
        values = np.zeros(values.shape, np.float32)
    return values, missing


def pool(values: Float, block: int) -> Float:
    """Mean of blocks of pixels; the last blocks repeat the frame's edge.

    `skimage.measure.block_reduce` takes 15 ms instead of 1.4 ms of a frame's 54 ms (1 Mpx, by the
    network, one thread).
    """
    if block == 1:
        return values
    height, width = values.shape
    rows, columns = -(-height // block), -(-width // block)
    if (rows * block, columns * block) != (height, width):
        values = np.pad(
            values, ((0, rows * block - height), (0, columns * block - width)), mode="edge"
        )
    # Sums of strided views: far quicker than reducing over a short inner axis.
    lines = values[0::block].copy()
    for row in range(1, block):
        lines += values[row::block]
    pooled: Float = lines[:, 0::block].copy()
    for column in range(1, block):
        pooled += lines[:, column::block]
    pooled /= np.float32(block * block)
    return pooled


def any_in_blocks(mask: Mask, block: int) -> Mask:
    """Blocks of pixels that hold any of a mask, shape (ceil(y / block), ceil(x / block)).

    `skimage.measure.block_reduce` takes 4 ms instead of 0.3 ms of a frame's 54 ms.
    """
    if block == 1:
        return mask
    height, width = (-(-side // block) for side in mask.shape)
    rows = np.zeros((height, mask.shape[1]), bool)
    blocks = np.zeros((height, width), bool)
    for first in range(block):
        part = mask[first::block]
        rows[: part.shape[0]] |= part
    for first in range(block):
        part = rows[:, first::block]
        blocks[:, : part.shape[1]] |= part
    return blocks


def finer_factor(block: int, shape: tuple[int, ...]) -> int:
    """How many times finer than the working resolution single cells are sought."""
    for factor in (3, 2):
        if block % factor == 0 and max(shape) * factor <= _FINE_PX * block:
            return factor
    return 1


def reduce_frame(plane: Float, missing: Mask | None, working_px: int) -> Reduced:
    """Pool a frame from `as_plane` so that its longer side has at most `working_px` blocks."""
    block = max(1, -(-max(plane.shape) // working_px))
    if block > 3 and block % 2 and block % 3:
        block += 1  # so that there is a whole-numbered resolution in between
    if missing is not None:
        plane, holes = _fill_missing(plane, missing, block)
    else:
        holes = np.zeros((-(-plane.shape[0] // block), -(-plane.shape[1] // block)), bool)
    inner = finer_factor(block, plane.shape)
    fine = pool(plane, block // inner)
    mean = pool(fine, inner)
    if block > 1:
        variance = pool(np.square(plane), block) - mean * mean
    else:
        variance = ndimage.uniform_filter(plane * plane, 3, mode="nearest")
        local = ndimage.uniform_filter(plane, 3, mode="nearest")
        variance -= local * local
    texture = np.sqrt(np.maximum(variance, 0))
    extreme = _rare_extremes(plane, block, mean.shape)
    return Reduced(block, plane, inner, fine, mean, texture, extreme, holes)


def _rare_extremes(plane: Float, block: int, shape: tuple[int, ...]) -> Float:
    """Share of each block at the darkest or the brightest value, unless that is common."""
    result = np.zeros(shape, np.float32)
    for at in (plane <= 0, plane >= 1):
        if 20 <= np.count_nonzero(at) < 0.1 * plane.size:
            result += pool(at.astype(np.float32), block)
    return result


def _fill_missing(plane: Float, missing: Mask, block: int) -> tuple[Float, Mask]:
    """Give missing pixels the median of the rest, and say which blocks hold nothing else."""
    valid = ~missing
    filled = plane.copy()
    filled[missing] = np.median(plane[valid]) if valid.any() else 0.0
    holes = pool(missing.astype(np.float32), block) > 0.999
    return filled, holes
