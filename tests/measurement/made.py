"""Frames with known masks, drawn pixel by pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spheroid_qc.measurement import measure_rows
from spheroid_qc.segmentation import Segmentation

Mask = NDArray[np.bool_]


def disc(shape: tuple[int, int], radius: float, centre: tuple[float, float] | None = None) -> Mask:
    cy, cx = centre or ((shape[0] - 1) / 2 + 0.3, (shape[1] - 1) / 2 - 0.2)
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (y - cy) ** 2 + (x - cx) ** 2 <= radius**2


def masks(core: NDArray[Any], shed: Mask | None = None, confidence: float = 0.9) -> Segmentation:
    core = np.asarray(core)
    shed = np.zeros(core.shape, dtype=bool) if shed is None else shed
    return Segmentation(core.astype(np.int32), shed, confidence, "drawn")


def picture(
    core: NDArray[Any],
    shed: Mask | None = None,
    *,
    level: float = 20_000,
    depth: float = 8_000,
    noise: float = 200,
    blur: float = 1.0,
    seed: int = 0,
) -> NDArray[np.uint16]:
    """Dark material on a bright background, 16 bit, with optics and camera noise."""
    rng = np.random.default_rng(seed)
    dark = (np.asarray(core) > 0).astype(float)
    if shed is not None:
        dark += 0.6 * shed
    grain = 1 + 0.15 * ndimage.gaussian_filter(rng.normal(size=dark.shape), 1.5) * 5
    seen = ndimage.gaussian_filter(dark * grain, blur)
    image = level - depth * seen + rng.normal(0, noise, dark.shape)
    return np.clip(image, 0, 65_535).astype(np.uint16)


def single(
    core: NDArray[Any],
    shed: Mask | None = None,
    image: NDArray[Any] | None = None,
    pixel_size_um: float | None = None,
) -> dict[str, float]:
    """The one row of a frame."""
    image = picture(core, shed) if image is None else image
    rows = measure_rows(masks(core, shed), image, pixel_size_um)
    assert len(rows) == 1
    return rows[0]
