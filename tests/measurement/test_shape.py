"""Shape figures: closed forms, invariances, nothing impossible."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.transform import rotate

from .made import Mask, disc, single

SHAPE = (
    "core_area_px",
    "perimeter_px",
    "circularity",
    "solidity",
    "eccentricity",
    "feret_max_px",
    "feret_min_px",
    "contour_roughness",
    "disintegration_fraction",
    "disintegration_index",
)


def ellipse(shape: tuple[int, int], a: float, b: float) -> Mask:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return ((y - shape[0] / 2) / b) ** 2 + ((x - shape[1] / 2) / a) ** 2 <= 1


def bun() -> Mask:
    """An irregular outline with a concave part."""
    mask = disc((300, 300), 80, (150.0, 140.0)) | disc((300, 300), 40, (110.0, 220.0))
    return mask & ~disc((300, 300), 25, (220.0, 140.0))


@pytest.mark.parametrize("radius", [10, 20, 50, 150])
def test_disc(radius: float) -> None:
    row = single(disc((400, 400), radius))
    assert row["perimeter_px"] == pytest.approx(2 * np.pi * radius, rel=0.01)
    assert 0.985 <= row["circularity"] <= 1
    assert row["equivalent_diameter_px"] == pytest.approx(2 * radius, rel=0.01)
    assert row["feret_max_px"] == pytest.approx(2 * radius, abs=1.5)
    assert row["feret_min_px"] == pytest.approx(2 * radius, abs=1.5)
    assert row["contour_roughness"] < 0.3 / radius
    assert row["eccentricity"] < 0.15
    assert row["solidity"] == 1


def test_ellipse() -> None:
    row = single(ellipse((300, 500), 200, 100))
    assert row["eccentricity"] == pytest.approx(np.sqrt(0.75), abs=2e-3)
    assert row["perimeter_px"] == pytest.approx(968.845, rel=0.005)
    assert row["feret_max_px"] == pytest.approx(400, abs=2)
    assert row["feret_min_px"] == pytest.approx(200, abs=2)
    assert row["solidity"] > 0.99


@pytest.mark.parametrize("angle", [0, 17, 30, 45])
def test_square(angle: float) -> None:
    mask = np.zeros((400, 400))
    mask[100:300, 100:300] = 1
    row = single(rotate(mask, angle, order=1) > 0.5)
    assert row["perimeter_px"] == pytest.approx(800, rel=0.015)
    assert row["circularity"] == pytest.approx(np.pi / 4, rel=0.03)
    assert row["feret_max_px"] == pytest.approx(200 * np.sqrt(2), rel=0.01)
    assert row["feret_min_px"] == pytest.approx(200, rel=0.01)
    assert row["solidity"] > 0.99


def test_volume_and_area_in_um() -> None:
    row = single(disc((500, 500), 200), pixel_size_um=1.0)
    assert row["core_area_um2"] == pytest.approx(125_663.7, rel=1e-3)
    assert row["volume_um3"] == pytest.approx(3.3510e7, rel=2e-3)


@pytest.mark.parametrize("turn", range(8))
def test_turned_and_mirrored(turn: int) -> None:
    mask = bun()
    turned = np.rot90(mask, turn % 4)
    turned = turned[::-1] if turn >= 4 else turned
    one, other = single(mask), single(turned)
    for name in SHAPE:
        assert other[name] == pytest.approx(one[name], rel=1e-9), name


@given(dy=st.integers(-60, 60), dx=st.integers(-50, 35))
@settings(max_examples=15, deadline=None)
def test_moved(dy: int, dx: int) -> None:
    mask = bun()
    one, other = single(mask), single(np.roll(mask, (dy, dx), (0, 1)))
    for name in SHAPE:
        assert other[name] == pytest.approx(one[name], rel=1e-9), name
    assert other["centroid_y_px"] == pytest.approx(one["centroid_y_px"] + dy)
    assert other["centroid_x_px"] == pytest.approx(one["centroid_x_px"] + dx)


def test_turned_by_any_angle() -> None:
    one = single(bun())
    for angle in (10, 20, 33):
        other = single(rotate(bun().astype(float), angle, order=1) > 0.5)
        for name in ("perimeter_px", "solidity", "feret_max_px", "eccentricity"):
            assert other[name] == pytest.approx(one[name], rel=0.015), (name, angle)


@pytest.mark.parametrize("mask", [bun(), disc((100, 100), 30), disc((60, 60), 8)])
def test_enlarged_two_times(mask: Mask) -> None:
    core = single(mask)
    large = single(np.kron(mask, np.ones((2, 2))) > 0)
    lengths = ("perimeter_px", "feret_max_px", "feret_min_px", "equivalent_diameter_px")
    for name in lengths:
        assert large[name] == pytest.approx(2 * core[name], rel=0.01), name
    for name in ("circularity", "eccentricity", "disintegration_fraction"):
        assert large[name] == pytest.approx(core[name], rel=0.01, abs=0.003), name
    # Enlarged pixels make steps, which a hull bridges: the smaller the disc, the more.
    steps = 0.75 / core["equivalent_diameter_px"]
    assert large["solidity"] == pytest.approx(core["solidity"], rel=0.003 + steps)
    assert large["disintegration_index"] == pytest.approx(core["disintegration_index"], abs=0.005)
    assert large["contour_roughness"] == pytest.approx(core["contour_roughness"], abs=0.02)


def test_roughness_of_a_wavy_outline() -> None:
    """SD of a sine is amplitude / sqrt(2)."""
    y, x = np.mgrid[:500, :500]
    angle, radius = np.arctan2(y - 250, x - 250), np.hypot(y - 250, x - 250)
    row = single(radius <= 180 * (1 + 0.05 * np.sin(6 * angle)))
    assert row["contour_roughness"] == pytest.approx(0.05 / np.sqrt(2), rel=0.06)


def test_hole_is_no_outline() -> None:
    whole = disc((200, 200), 60)
    holed = whole & ~disc((200, 200), 30)
    one, other = single(whole), single(holed)
    for name in ("perimeter_px", "circularity", "solidity", "contour_roughness"):
        assert other[name] == pytest.approx(one[name])
    assert other["core_area_px"] == pytest.approx(0.75 * one["core_area_px"], rel=0.01)


def test_line_and_point() -> None:
    line = np.zeros((60, 60))
    line[30, 10:40] = 1
    row = single(line)
    assert row["solidity"] == pytest.approx(1)
    assert row["feret_max_px"] == pytest.approx(np.hypot(30, 1))
    assert row["feret_min_px"] == pytest.approx(1)
    assert row["eccentricity"] > 0.99
    assert row["circularity"] < 0.25
    point = np.zeros((60, 60))
    point[3, 5] = 1
    row = single(point)
    assert row["solidity"] == 1
    assert row["eccentricity"] == 0
    assert (row["centroid_y_px"], row["centroid_x_px"]) == (3, 5)
    assert row["feret_max_px"] == pytest.approx(np.sqrt(2))


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_bounds_of_any_mask(seed: int) -> None:
    rng = np.random.default_rng(seed)
    core = rng.random((rng.integers(1, 40), rng.integers(1, 40))) < rng.random()
    row = single(core, image=rng.integers(0, 255, core.shape, dtype=np.uint8))
    if row["n_spheroids"]:
        assert 0 < row["circularity"] <= 1
        assert 0 < row["solidity"] <= 1
        assert 0 <= row["eccentricity"] <= 1  # 1: a line of pixels
        assert 0 < row["feret_min_px"] <= row["feret_max_px"] + 1e-9
        assert 0 <= row["disintegration_fraction"] < 1
