"""Ways to alter an image that should not alter what is found in it.

Each is a pair: what happens to the image, and what happens to the masks of the original.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Mask = NDArray[np.bool_]
Picture = NDArray[Any]


def _grey(image: Picture) -> NDArray[np.float64]:
    """Grey values in [0, 1]."""
    grey = image[..., :3].mean(axis=-1) if image.ndim == 3 else image.astype(np.float64)
    return np.asarray((grey - grey.min()) / max(float(np.ptp(grey)), 1e-12))


def _bytes(image: Picture) -> NDArray[np.uint8]:
    return np.rint(255 * np.clip(_grey(image), 0, 1)).astype(np.uint8)


def _same(mask: Mask) -> Mask:
    return mask


def _turned(turn: Callable[[Any], Any]) -> tuple[Callable[[Picture], Picture], Any]:
    return (lambda image: np.ascontiguousarray(turn(image))), turn


def _resized(factor: float) -> tuple[Callable[[Picture], Picture], Callable[[Mask], Mask]]:
    def change(image: Picture) -> Picture:
        grey = _grey(image)
        if factor < 1:
            grey = ndimage.gaussian_filter(grey, 0.4 / factor)
        return ndimage.zoom(grey, factor, order=1, grid_mode=True, mode="nearest")

    def follow(mask: Mask) -> Mask:
        zoomed = ndimage.zoom(
            mask.astype(np.float32), factor, order=1, grid_mode=True, mode="nearest"
        )
        return zoomed > 0.5

    return change, follow


def _crop(image: Picture) -> Picture:
    height, width = image.shape[:2]
    return image[round(0.06 * height) :, : width - round(0.06 * width)]


def _noisy(image: Picture) -> Picture:
    grey = _grey(image)
    spread = 0.05 * float(np.subtract(*np.percentile(grey, (99, 1))))
    return grey + np.random.default_rng(0).normal(0, spread, grey.shape)


def _blurred(image: Picture) -> Picture:
    grey = _grey(image)
    return ndimage.gaussian_filter(grey, 0.002 * max(grey.shape))


def _jpeg(image: Picture) -> Picture:
    buffer = BytesIO()
    Image.fromarray(_bytes(image)).save(buffer, "JPEG", quality=60)
    return np.asarray(Image.open(buffer))


def _sloped(image: Picture) -> Picture:
    grey = _grey(image)
    height, width = grey.shape
    slope = np.linspace(0.8, 1.2, width)[None, :] * np.linspace(0.9, 1.1, height)[:, None]
    return grey * slope


def _vignetted(image: Picture) -> Picture:
    grey = _grey(image)
    height, width = grey.shape
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    return grey * (1 - 0.15 * (x * x + y * y))


PERTURBATIONS: dict[str, tuple[Callable[[Picture], Picture], Callable[[Mask], Mask]]] = {
    "times 3 plus 1000": (lambda image: _grey(image) * 3 + 1000, _same),
    "turned by 90 degrees": _turned(np.rot90),
    "mirrored": _turned(np.fliplr),
    "upside down": _turned(np.flipud),
    "half the size": _resized(0.5),
    "1.6 times the size": _resized(1.6),
    "6 % cropped away": (_crop, _crop),
    "inverted": (lambda image: 1 - _grey(image), _same),
    "gamma 0.7": (lambda image: _grey(image) ** 0.7, _same),
    "gamma 1.4": (lambda image: _grey(image) ** 1.4, _same),
    "noise, 5 % of the range": (_noisy, _same),
    "blurred, 0.2 % of the side": (_blurred, _same),
    "JPEG, quality 60": (_jpeg, _same),
    "8 bits": (_bytes, _same),
    "light falls off across": (_sloped, _same),
    "vignette of 30 %": (_vignetted, _same),
}
