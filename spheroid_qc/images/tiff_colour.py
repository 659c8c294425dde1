"""From the samples of a TIFF page to grey values, by its photometric interpretation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import ImageError
from spheroid_qc.images.grey import to_grey
from spheroid_qc.images.tiff_layout import (
    CIELAB,
    MINISBLACK,
    MINISWHITE,
    PALETTE,
    RGB,
    SEPARATED,
    YCBCR,
)
from spheroid_qc.images.tiff_outline import EXTRA, PHOTOMETRIC, Directory

MASK, LINEAR_RAW = 4, 34892
ALPHA = (1, 2)
JPEG = (6, 7)


def grey_of(
    pixels: NDArray[Any],
    directory: Directory,
    name: str,
    *,
    sample: int | None = None,
    palette: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Make grey values of a decoded page.

    Parameters
    ----------
    pixels : ndarray, shape (y, x, samples)
        As decoded.
    directory : Directory
        The page's tags.
    name : str
        File name, for errors.
    sample : int, optional
        The channel to take where several lie side by side in a pixel.
    palette : ndarray, shape (n, 3), optional
        Colour table; None: the numbers themselves are the grey values.

    Returns
    -------
    ndarray, shape (y, x)
        Bright is bright, also in files for which white is zero.

    Raises
    ------
    ImageError
        For kinds of colour that are not read.
    """
    photometric = directory.one(PHOTOMETRIC, MINISBLACK)
    samples = pixels.shape[-1]
    if pixels.dtype.kind == "c":
        raise ImageError(
            f"{name} can't be read: its pixels are complex numbers; export the magnitude as "
            "16-bit or 32-bit grey."
        )
    extra = directory.values.get(EXTRA, ())
    if photometric in (MINISWHITE, MINISBLACK, MASK):
        with_alpha = sample is None and samples == 2 and bool(extra) and extra[0] in ALPHA
        grey = to_grey(pixels if with_alpha else pixels[..., sample or 0])
        return _inverted(grey, directory.bits) if photometric == MINISWHITE else grey
    if photometric == PALETTE:
        return _by_palette(pixels[..., 0], palette, name)
    if photometric == SEPARATED and samples >= 4 and pixels.dtype.kind == "u":
        return to_grey(_cmyk_to_rgb(pixels))
    # The first sample of CIELAB, and of YCbCr that no decoder has turned to RGB, is lightness.
    lightness = photometric == CIELAB or (
        photometric == YCBCR and directory.compression not in JPEG
    )
    if lightness or (samples == 1 and photometric in (RGB, YCBCR, LINEAR_RAW)):
        return to_grey(pixels[..., 0])
    if photometric in (RGB, YCBCR, LINEAR_RAW) and samples >= 3:
        with_alpha = samples > 3 and bool(extra) and extra[0] in ALPHA
        return to_grey(pixels[..., : 4 if with_alpha else 3])
    raise ImageError(
        f"{name} can't be read: its kind of colour (number {photometric}) is not one this program "
        "reads; save it as grey or RGB."
    )


def _by_palette(pixels: NDArray[Any], palette: NDArray[Any] | None, name: str) -> NDArray[Any]:
    if palette is None or pixels.dtype.kind not in "ub":
        return to_grey(pixels)
    if palette.shape[0] <= int(pixels.max()):
        raise ImageError(
            f"{name} can't be read: its colour table is too short for its pixels; the file is "
            "damaged, copy it again from the instrument."
        )
    grey = to_grey(palette[np.newaxis])[0]
    return np.ascontiguousarray(grey[pixels.astype(np.intp)])


def _inverted(grey: NDArray[Any], bits: int) -> NDArray[Any]:
    """Turn values for which white is zero."""
    if grey.dtype.kind == "u":
        top = grey.dtype.type((1 << min(bits, grey.dtype.itemsize * 8)) - 1)
        return np.ascontiguousarray(top - grey)
    if grey.dtype.kind == "i":
        return np.ascontiguousarray(~grey)
    return np.ascontiguousarray(-grey)


def _cmyk_to_rgb(pixels: NDArray[Any]) -> NDArray[np.float32]:
    top = np.float32(np.iinfo(pixels.dtype).max)
    ink = pixels[..., :4].astype(np.float32) / top
    rgb: NDArray[np.float32] = (1 - ink[..., :3]) * (1 - ink[..., 3:]) * top
    return rgb
