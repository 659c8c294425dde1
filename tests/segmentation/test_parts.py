"""Pieces of the classical segmenter against formulas."""

from __future__ import annotations

import numpy as np
import pytest

from spheroid_qc.segmentation.classical.candidates import split_lobes
from spheroid_qc.segmentation.downsampling import as_plane, pool
from spheroid_qc.segmentation.illumination import background_surface
from spheroid_qc.segmentation.outlines import Edges, fill_outline, follow_edge
from spheroid_qc.segmentation.piece_shapes import component_shapes
from tests.segmentation.scenes import grid


def test_shapes_from_runs_equal_shapes_from_pixels() -> None:
    labels = np.random.default_rng(0).integers(0, 5, (40, 60)).astype(np.int32)
    shapes = component_shapes(labels, 4)
    for label in range(1, 5):
        rows, columns = np.nonzero(labels == label)
        assert shapes.area[label] == rows.size
        assert shapes.y[label] == pytest.approx(rows.mean())
        assert shapes.x[label] == pytest.approx(columns.mean())
        moments = np.cov(rows, columns, bias=True) + np.eye(2) / 12
        fill = rows.size / (4 * np.pi * np.sqrt(np.linalg.det(moments)))
        assert shapes.ellipse_fill[label] == pytest.approx(fill)
        axes = np.sqrt(np.linalg.eigvalsh(moments))
        assert shapes.elongation[label] == pytest.approx(axes[1] / axes[0])


def test_ellipses_are_full_and_rings_are_not() -> None:
    y, x = grid(200)
    ellipse = np.hypot((y - 100) / 30, (x - 90) / 70) < 1
    ring = ellipse & (np.hypot((y - 100) / 25, (x - 90) / 65) > 1)
    full = component_shapes(ellipse.astype(np.int32), 1)
    assert full.ellipse_fill[1] == pytest.approx(1, abs=0.01)
    assert full.elongation[1] == pytest.approx(70 / 30, rel=0.02)
    assert component_shapes(ring.astype(np.int32), 1).ellipse_fill[1] < 0.5


def test_pooling_is_the_mean_of_blocks() -> None:
    values = np.random.default_rng(1).random((12, 18)).astype(np.float32)
    assert np.allclose(pool(values, 3), values.reshape(4, 3, 6, 3).mean((1, 3)))
    assert pool(values, 5).shape == (3, 4)


def test_the_background_is_not_bent_by_a_large_body() -> None:
    y, x = grid(120)
    truth = 0.5 + 0.2 * (x / 120) - 0.1 * (y / 120) ** 2
    image = truth - 0.4 * (np.hypot(y - 60, x - 60) < 40)
    surface = background_surface(image.astype(np.float32), np.ones(image.shape, bool))
    assert np.abs(surface - truth).max() < 0.01


def test_planes_are_scaled_to_one() -> None:
    plane, missing = as_plane(np.array([[1.0, np.nan], [3.0, 5.0]]))
    assert missing is not None
    assert missing.tolist() == [[False, True], [False, False]]
    assert plane.min() == 0
    assert plane.max() == 1


@pytest.mark.parametrize("radius", [3.2, 20, 77.7])
def test_an_outline_encloses_the_pixels_within(radius: float) -> None:
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    points = np.stack([100.3 + radius * np.sin(angle), 90.6 + radius * np.cos(angle)], axis=1)
    box, mask = fill_outline(points, (200, 200))
    filled = np.zeros((200, 200), bool)
    filled[box] = mask
    y, x = grid(200)
    distance = np.hypot(y - 100.3, x - 90.6) - radius
    assert filled[distance < -0.05].all()
    assert not filled[distance > 0.05].any()


def test_an_outline_beyond_the_frame_is_cut() -> None:
    points = np.array([[-5, -5], [-5, 30], [30, 30], [30, -5]], float)
    box, mask = fill_outline(points, (10, 12))
    assert mask.all()
    assert (box[0].stop, box[1].stop) == (10, 12)


@pytest.mark.parametrize("radius", [20.0, 60.0, 127.0, 160.0])
def test_an_outline_moves_to_the_edge_of_a_body_of_any_size(radius: float) -> None:
    """From some 128 blocks on the steps are so wide that a fixed margin was none."""
    side = int(2 * radius) + 120
    y, x = grid(side)
    away = np.hypot(y - side / 2, x - side / 2)
    values = (1 / (1 + np.exp((away - radius) / 1.5))).astype(np.float32)
    turn = np.linspace(0, 2 * np.pi, 256, endpoint=False)
    start = side / 2 + (radius - 3) * np.stack([np.sin(turn), np.cos(turn)], axis=1)
    moved = follow_edge(start, Edges(-values, 1, 1.0, radius, False))
    reached = np.hypot(*(moved - side / 2).T)
    assert np.abs(reached - radius).mean() < max(1.5, radius / 50)  # about one step


def test_necks_decide_what_is_cut() -> None:
    y, x = grid(120)

    def pieces(gap: float) -> int:
        pair = (np.hypot(y - 60, x - 60 + gap / 2) < 20) | (np.hypot(y - 60, x - 60 - gap / 2) < 20)
        return split_lobes(pair.astype(np.int32), np.array([1]), 30)[1]

    assert pieces(38) == 2
    assert pieces(34) == 2
    assert pieces(18) == 0
