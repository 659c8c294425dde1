"""Small scenes with known truth, drawn by formulas only."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.segmentation import segment

Image = NDArray[np.float64]
Mask = NDArray[np.bool_]


classical = partial(segment, method="classical")


def grid(size: int) -> tuple[Image, Image]:
    y, x = np.mgrid[0:size, 0:size].astype(float)
    return y, x


def soft(distance: Image, width: float = 1.5) -> Image:
    """1 inside, 0 outside, over about `width` px."""
    return 1 / (1 + np.exp(np.clip(distance / width, -40, 40)))


def ground(size: int, seed: int = 0, noise: float = 0.008) -> Image:
    y, x = grid(size)
    light = 0.6 - 0.1 * ((y / size - 0.5) ** 2 + (x / size - 0.4) ** 2) + 0.03 * x / size
    return light + np.random.default_rng(seed).normal(0, noise, (size, size))


def disc(
    size: int = 400,
    centre: tuple[float, float] = (190, 215),
    radius: float = 70,
    contrast: float = -0.3,
    seed: int = 0,
) -> tuple[Image, Mask]:
    y, x = grid(size)
    distance = np.hypot(y - centre[0], x - centre[1]) - radius
    return ground(size, seed) + contrast * soft(distance), distance < 0


def rim_only(size: int = 400, radius: float = 70) -> tuple[Image, Mask]:
    """Same grey inside as outside, rough, within a dark rim."""
    y, x = grid(size)
    distance = np.hypot(y - 200, x - 200) - radius
    texture = np.random.default_rng(5).normal(0, 0.05, (size, size))
    image = ground(size) - 0.3 * np.exp(-(((distance + 7) / 6) ** 2))
    return image + texture * soft(distance), distance < 0


def cells(
    image: Image, points: NDArray[np.float64], radius: float, contrast: float
) -> tuple[Image, Mask]:
    image, mask = image.copy(), np.zeros(image.shape, bool)
    y, x = grid(image.shape[0])
    for cy, cx in points:
        distance = np.hypot(y - cy, x - cx) - radius
        image += contrast * soft(distance, 0.7) * ~mask
        mask |= distance < 0
    return image, mask


def scattered(
    count: int, centre: tuple[float, float], near: float, far: float, seed: int = 1
) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    radius = np.sqrt(rng.uniform(near**2, far**2, count))  # evenly over the ring
    angle = rng.uniform(0, 2 * np.pi, count)
    return np.stack([centre[0] + radius * np.sin(angle), centre[1] + radius * np.cos(angle)], 1)


def overlap(a: Mask, b: Mask) -> float:
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0
