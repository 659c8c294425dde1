"""Outlines that follow a clear rim, and those that stay where they are."""

from __future__ import annotations

import numpy as np
import pytest

from spheroid_qc.segmentation.learned.edge_refinement import snap_to_edge


def circle(radius: float) -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    return np.stack([64 + radius * np.sin(t), 64 + radius * np.cos(t)], axis=1)


def area(points: np.ndarray) -> float:
    y, x = points.T
    return abs(0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)))


def picture(contrast: float, noise: float = 0.01) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:128, :128]
    away = np.hypot(y - 64, x - 64)
    body = 1 / (1 + np.exp(np.clip((away - 30) / 0.7, -40, 40)))
    image = 0.5 + contrast * body + np.random.default_rng(0).normal(0, noise, (128, 128))
    return image.astype(np.float32), away


@pytest.mark.parametrize("contrast", [-0.3, 0.3])
@pytest.mark.parametrize("found", [28.5, 31.5])
def test_it_moves_to_the_rim(contrast: float, found: float) -> None:
    image, away = picture(contrast)
    own = away < found
    moved = snap_to_edge(circle(found), own, ~own & False, image)
    assert area(moved) == pytest.approx(np.pi * 30**2, rel=0.025)


def test_without_contrast_it_stays() -> None:
    image, away = picture(0.0)
    points = circle(28)
    own = away < 28
    assert snap_to_edge(points, own, ~own & False, image) is points


def test_it_does_not_run_away() -> None:
    image, away = picture(-0.3)
    points = circle(24)  # a third of the area is missing: not for this step to mend
    own = away < 24
    assert snap_to_edge(points, own, ~own & False, image) is points
