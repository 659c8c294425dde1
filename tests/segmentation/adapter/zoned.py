"""Bodies whose paler, rough outer zone the network takes for shed material, and a person for core.

Drawn by formulas only; the person is always right.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spheroid_qc.segmentation.adapter.fit_adapter import Lesson, lesson_of
from spheroid_qc.segmentation.adapter.learn_and_judge import Corrected

SIDE = 192


def zoned(seed: int, radius: float | None = None) -> tuple[NDArray[Any], Corrected]:
    """A body with an outer zone of 1.4 radii, and the masks that a person draws."""
    rng = np.random.default_rng(seed)
    radius = radius or float(rng.uniform(22, 34))
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    centre = SIDE / 2 + rng.uniform(-12, 12, 2)
    distance = np.hypot(y - centre[0], x - centre[1])
    rough = 1 + ndimage.gaussian_filter(rng.normal(0, 1, (SIDE, SIDE)), 1.5)
    image = 30000 - 9000 * _inside(distance - radius, 1.5)
    image -= 3500 * rough * _inside(distance - 1.4 * radius, 2.0)
    image += rng.normal(0, 300, image.shape)
    core = (distance < 1.4 * radius).astype(np.int32)
    pixels = np.clip(image, 0, 65535).astype(np.uint16)
    return pixels, Corrected(core, np.zeros(core.shape, bool))


def _inside(distance: NDArray[Any], width: float) -> NDArray[Any]:
    return 1 / (1 + np.exp(np.clip(distance / width, -40, 40)))


def lessons(frames: list[tuple[NDArray[Any], Corrected]]) -> list[Lesson]:
    return [lesson_of(pixels, masks.core, masks.shed) for pixels, masks in frames]
