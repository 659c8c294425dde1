"""Colour to grey.

Luminance with the weights of ITU-R BT.709-6 (0.2126 R + 0.7152 G + 0.0722 B), on the stored
values. Pictures that are grey in colour's clothing keep their values and their type exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LUMINANCE = (0.2126, 0.7152, 0.0722)


def to_grey(array: NDArray[Any]) -> NDArray[Any]:
    """Make one grey plane of a picture.

    Parameters
    ----------
    array : ndarray, shape (y, x), (y, x, 1), (y, x, 2), (y, x, 3) or (y, x, 4)
        Grey, grey + alpha, RGB or RGB + alpha; any numeric type, or bool.

    Returns
    -------
    ndarray, shape (y, x)
        C-contiguous. Grey pictures, and colour pictures whose three channels are equal, keep
        their type (bool becomes uint8); others are float32 luminance. Fully transparent pixels
        become NaN, which is background everywhere in this program, unless alpha is the same
        all over (then it says nothing); partial transparency is ignored, for what would shine
        through is unknown.

    Raises
    ------
    ValueError
        For another shape, or complex numbers.
    """
    array = np.asarray(array)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    if array.dtype.kind not in "uif":
        raise ValueError(f"pixels of type {array.dtype} are not grey values")
    if array.ndim == 2:
        return _native(array)
    if array.ndim != 3 or array.shape[2] not in (1, 2, 3, 4):
        raise ValueError(f"an array of shape {array.shape} is no picture")
    samples = array.shape[2]
    grey = _native(array[..., 0]) if samples <= 2 else _luminance(array)
    if samples in (2, 4):
        alpha = array[..., -1]
        if alpha.size and alpha.min() == 0 and alpha.max() != 0:
            grey = grey.astype(np.float64 if grey.dtype.itemsize > 4 else np.float32)
            grey[alpha == 0] = np.nan
    return grey


def _luminance(array: NDArray[Any]) -> NDArray[Any]:
    red, green, blue = array[..., 0], array[..., 1], array[..., 2]
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return _native(red)
    # Sums of 8- and 16-bit values are exact enough in float32; wider types are not.
    wide = array.dtype.itemsize > 2 and array.dtype != np.float32
    work: type[np.floating[Any]] = np.float64 if wide else np.float32
    with np.errstate(all="ignore"):
        grey = red.astype(work) * LUMINANCE[0]
        grey += green.astype(work) * LUMINANCE[1]
        grey += blue.astype(work) * LUMINANCE[2]
        return np.ascontiguousarray(grey, dtype=np.float32)


def _native(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


ONE_SCENE = 0.9
"""Least correlation between the colours of one picture: photographs of cultures in transmitted
light mostly have 0.95 to 1.0, planes of different channels or times less."""


def is_one_scene(planes: NDArray[Any]) -> bool:
    """Whether planes (n, y, x) show the same thing, as the colours of one picture do.

    Judged on a grid of at most some 200 x 200 points; a plane without contrast agrees with all.
    """
    step = max(1, max(planes.shape[1:]) // 200)
    points = planes[:, ::step, ::step].reshape(len(planes), -1).astype(np.float64)
    points = points[:, np.isfinite(points).all(axis=0)]
    varying = points[points.std(axis=1) > 0] if points.shape[1] else points[:0]
    return len(varying) < 2 or float(np.corrcoef(varying).min()) >= ONE_SCENE
