"""Filters of `scipy.ndimage` that cost less for images as they occur here; the same numbers.

Where the rows of an image are a power of two long, as those of the network's images are, the pixels
of a column fall on each other's place in the processor's cache: down the columns of 256 x 256
pixels a mean takes 0.33 ms instead of 0.10 ms with rows that are a little longer in memory.
"""

from __future__ import annotations

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
    ndimage.uniform_filter(_spread(values), size, output=result, mode=mode)
    return result


def gaussian(values: Float, sigma: float, mode: Mode = "reflect", truncate: float = 4.0) -> Float:
    """Blur, as `scipy.ndimage.gaussian_filter`; of images (n, y, x) each by itself."""
    result = _spread_like(values)
    ndimage.gaussian_filter(
        _spread(values), sigma, output=result, mode=mode, truncate=truncate, axes=(-2, -1)
    )
    return result


def highest(values: NDArray[Any], size: int) -> NDArray[Any]:
    """Largest value of a square window of odd `size`, as `scipy.ndimage.maximum_filter`.

    That one takes 4.8 ms instead of 0.5 ms for 512 x 512 pixels and 11 x 11: here the largest of
    two, four, eight ... neighbours follow from each other, for all pixels at once.
    """
    for axis in (0, 1):
        length, reach = values.shape[axis], size // 2
        wide = [(0, 0), (0, 0)]
        wide[axis] = (reach, reach)
        # What lies beyond the edge is the same as the edge: it is in the window already.
        so_far, span = np.moveaxis(np.pad(values, wide, mode="edge"), axis, 0), 1
        while 2 * span <= size:
            so_far = np.maximum(so_far[:-span], so_far[span:])
            span *= 2
        rest = size - span
        so_far = np.maximum(so_far[:length], so_far[rest : rest + length])
        values = np.moveaxis(so_far, 0, axis)
    return values


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
