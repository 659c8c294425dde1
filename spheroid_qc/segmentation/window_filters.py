"""Filters of `scipy.ndimage` that cost less for images as they occur here; the same numbers.

Where the rows of an image are a power of two long, as those of the network's images are, the pixels
of a column fall on each other's place in the processor's cache: down the columns of 256 x 256
pixels a mean takes 0.33 ms instead of 0.10 ms with rows that are a little longer in memory.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spheroid_qc.segmentation.array_types import Float

Mode = Literal["reflect", "nearest"]
"""What lies beyond the edge: the image turned over, or the edge itself."""

_ALIKE_BYTES = 256
"""Rows whose length is a multiple of this fall on each other's place after a few of them."""

_APART_BYTES = 64
"""So much longer they don't: one line of the cache."""


def uniform(values: Float, size: int, mode: Mode = "reflect") -> Float:
    """Mean of a square window, as `scipy.ndimage.uniform_filter`."""
    result = _spread_like(values)
    # By one axis after the other, which is all that `uniform_filter` does.
    ndimage.uniform_filter1d(_spread(values), size, 0, result, mode)
    ndimage.uniform_filter1d(result, size, 1, result, mode)
    return result


def gaussian(values: Float, sigma: float, mode: Mode = "reflect", truncate: float = 4.0) -> Float:
    """Blur, as `scipy.ndimage.gaussian_filter`; of images (n, y, x) each by itself."""
    result = _spread_like(values)
    weights = _bell(sigma, int(truncate * sigma + 0.5))
    ndimage.correlate1d(_spread(values), weights, -2, result, mode)
    ndimage.correlate1d(result, weights, -1, result, mode)
    return result


@lru_cache(maxsize=64)
def _bell(sigma: float, reach: int) -> NDArray[np.float64]:
    """Weights of a Gaussian from -reach to reach pixels; few kinds occur, all over again."""
    away = np.arange(-reach, reach + 1)
    weights: NDArray[np.float64] = np.exp(-0.5 / sigma**2 * away**2)
    weights /= weights.sum()
    weights.setflags(write=False)
    return weights


def highest(values: NDArray[Any], size: int) -> NDArray[Any]:
    """Largest value of a square window of odd `size`, as `scipy.ndimage.maximum_filter`.

    That one takes 4.8 ms instead of 0.5 ms for 512 x 512 pixels and 11 x 11: here the largest of
    two, four, eight ... neighbours follow from each other, for all pixels at once.
    """
    for axis in (0, 1):
        length, reach = values.shape[axis], size // 2
        # What lies beyond the edge is the same as the edge: it is in the window already.
        ends = (slice(None, 1), slice(-1, None))
        before, after = (
            np.repeat(values[end if axis == 0 else (slice(None), end)], reach, axis) for end in ends
        )
        so_far, span = np.moveaxis(np.concatenate([before, values, after], axis), axis, 0), 1
        while 2 * span <= size:
            so_far = np.maximum(so_far[:-span], so_far[span:])
            span *= 2
        rest = size - span
        so_far = np.maximum(so_far[:length], so_far[rest : rest + length])
        values = np.moveaxis(so_far, 0, axis)
    return values


def shifted(values: Float, shift: tuple[float, float]) -> Float:
    """Shift an image down and to the right by pixels and parts of them; 0 comes in from outside.

    The same as `scipy.ndimage.shift` of the order 1, which takes 3 ms instead of 0.7 ms for 512 x
    512 pixels: all pixels lie equally between two others.
    """
    if shift == (0.0, 0.0):
        return values
    covered, result = [], values.astype(np.float64)
    for axis, (to, begin, share) in enumerate(shown_after_shift(values.shape, shift)):
        along = np.moveaxis(result, axis, 0)
        count = to.stop - to.start
        near = along[begin : begin + count]
        if share:
            near = near * (1 - share) + along[begin + 1 : begin + 1 + count] * share
        result = np.moveaxis(near, 0, axis)
        covered.append(to)
    moved: Float = np.zeros(values.shape, np.float32)
    moved[tuple(covered)] = result
    return moved


def shown_after_shift(
    shape: tuple[int, ...], shift: tuple[float, float]
) -> list[tuple[slice, int, float]]:
    """Pixels of a shifted image that show some of it, along either axis.

    Gives them, the first pixel of the image that they show, and how far they lie towards the next.
    """
    found = []
    for length, by in zip(shape, shift, strict=True):
        first = max(0, math.ceil(by))
        last = max(first - 1, min(length - 1, math.floor(length - 1 + by)))
        begin = math.floor(first - by)
        found.append((slice(first, last + 1), begin, first - by - begin))
    return found


def _spread(values: Float) -> Float:
    """Give an image with its rows apart in memory; itself where they are already."""
    if (values.shape[-1] * values.itemsize) % _ALIKE_BYTES:
        return values
    result = _spread_like(values)
    result[...] = values
    return result


def _spread_like(values: Float) -> Float:
    """Give an empty image of the same shape and type with its rows apart in memory."""
    *others, width = values.shape
    longer = 0 if (width * values.itemsize) % _ALIKE_BYTES else _APART_BYTES // values.itemsize
    return np.empty((*others, width + longer), values.dtype)[..., :width]
