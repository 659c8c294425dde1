"""From maps to bodies, with maps made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spheroid_qc.segmentation.learned import core_bodies
from spheroid_qc.segmentation.learned.coarse_and_fine_pass import crop
from spheroid_qc.segmentation.learned.core_bodies import draw_bodies, find_bodies
from spheroid_qc.segmentation.learned.view import Region, View


def view(balls: list[tuple[float, float, float]], side: int = 120, frame: int = 120) -> View:
    """Maps that a perfect network would give for balls (y, x, radius)."""
    y, x = np.mgrid[:side, :side]
    core, depth = np.zeros((side, side)), np.zeros((side, side))
    for cy, cx, radius in balls:
        below = radius - np.hypot(y - cy, x - cx)
        core = np.maximum(core, np.clip(0.5 + below, 0, 1))
        depth = np.maximum(depth, np.clip(below / radius, 0, 1))
    maps = np.stack([core, 0 * core, 0 * core, depth]).astype(np.float32)
    return View(Region(0, 0, frame, frame, (side, side)), maps, maps[0])


def test_touching_balls_are_two_and_one_ball_is_one() -> None:
    assert find_bodies(view([(60, 40, 22), (60, 82, 22)]), 0.5).max() == 2
    assert find_bodies(view([(60, 40, 30), (60, 85, 16)]), 0.5).max() == 2
    assert find_bodies(view([(60, 60, 40)]), 0.5).max() == 1
    assert find_bodies(view([(60, 52, 30), (60, 68, 30)]), 0.5).max() == 1


@pytest.mark.parametrize("seed", range(30))
def test_whether_a_flood_is_needed_changes_no_answer(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(seed)
    seen = view([(rng.uniform(40, 80), rng.uniform(40, 80), r) for r in rng.uniform(10, 30, 3)])
    rough = ndimage.gaussian_filter(rng.normal(size=(120, 120)), 3)
    seen.maps[3] *= (1 + rng.uniform(0, 4) * rough).astype(np.float32)
    labels = find_bodies(seen, 0.5)
    monkeypatch.setattr(core_bodies, "_is_one", lambda *_: False)
    assert np.array_equal(labels, find_bodies(seen, 0.5))


def test_gaps_of_packed_spheres_are_ground_and_a_hole_in_one_is_not() -> None:
    # Four balls that enclose a gap, as a dense field does everywhere.
    seen = view([(40, 40, 21), (40, 80, 21), (80, 40, 21), (80, 80, 21)])
    labels = find_bodies(seen, 0.5)
    assert labels.max() == 4
    assert labels[60, 60] == 0
    one = view([(60, 60, 40)])
    one.maps[0][50:60, 50:60] = 0
    assert find_bodies(one, 0.5)[55, 55] == 1


def test_a_ring_of_touching_spheres_is_counted_however_wide_its_gap() -> None:
    # Borders that run on through the gap are longer than a sphere is wide.
    turns = 2 * np.pi * np.arange(14) / 14
    ring = [(60 + 30.5 * np.sin(turn), 60 + 30.5 * np.cos(turn), 7.0) for turn in turns]
    labels = find_bodies(view(ring), 0.5)
    assert labels.max() == 14
    assert labels[60, 60] == 0


def test_a_wide_hole_with_uneven_rim_is_one_body_s_own() -> None:
    # A hollow spheroid: its rim has many summits, and low passes between some of them.
    y, x = np.mgrid[:120, :120]
    radius, turn = np.hypot(y - 60, x - 60), np.arctan2(y - 60, x - 60)
    hollow = view([(60, 60, 45)])
    hollow.maps[0][radius < 24] = 0
    hollow.maps[3] *= (0.8 + 0.2 * np.cos(5 * turn)).astype(np.float32)
    assert find_bodies(hollow, 0.5).max() == 1


def test_a_crowd_is_counted_and_the_largest_is_first() -> None:
    balls = [
        (20 + 27 * i, 20 + 27 * j, 14 + (i == 1) * (j == 2)) for i in range(4) for j in range(4)
    ]
    labels = find_bodies(view(balls), 0.5)
    assert labels.max() == 16
    sizes = np.bincount(labels.ravel())[1:]
    assert (np.diff(sizes) <= 0).all()
    assert labels[20 + 27, 20 + 54] == 1


@pytest.mark.parametrize("frame", [120, 1000, 2497])
def test_areas_are_exact_at_full_resolution(frame: int) -> None:
    seen = view([(60, 50, 31.4)], frame=frame)
    labels = find_bodies(seen, 0.5)
    core = draw_bodies(labels, seen.maps[0], seen.region, (frame, frame), 0.5)
    true = np.pi * (31.4 * frame / 120) ** 2
    assert np.count_nonzero(core) == pytest.approx(true, rel=0.01)
    y, x = np.nonzero(core)
    assert y.mean() == pytest.approx(60.5 * frame / 120 - 0.5, abs=0.01 * frame)
    assert x.mean() == pytest.approx(50.5 * frame / 120 - 0.5, abs=0.01 * frame)


def test_a_body_that_is_cut_off_reaches_the_edge() -> None:
    seen = view([(0, 60, 30)], frame=600)
    core = draw_bodies(find_bodies(seen, 0.5), seen.maps[0], seen.region, (600, 600), 0.5)
    assert core[0, 300] == 1
    assert np.count_nonzero(core) == pytest.approx(np.pi / 2 * 150**2, rel=0.05)


def test_a_hole_is_filled() -> None:
    seen = view([(60, 60, 40)])
    seen.maps[0][55:65, 55:65] = 0
    labels = find_bodies(seen, 0.5)
    core = draw_bodies(labels, seen.maps[0], seen.region, (120, 120), 0.5)
    assert core[60, 60] == 1


def test_nothing_gives_nothing() -> None:
    seen = view([])
    labels = find_bodies(seen, 0.5)
    assert labels.max() == 0
    assert not draw_bodies(labels, seen.maps[0], seen.region, (120, 120), 0.5).any()


def test_crop_finds_the_same_place() -> None:
    seen = view([(60, 40, 10)], frame=480)
    region = Region(160, 80, 160, 160, (100, 100))
    part = crop(seen, region)[0] > 0.5
    y, x = np.nonzero(part)
    assert (y.mean() + 0.5) * 1.6 + 160 == pytest.approx(60.5 * 4, abs=1.5)
    assert (x.mean() + 0.5) * 1.6 + 80 == pytest.approx(40.5 * 4, abs=1.5)
    assert np.sqrt(part.sum() / np.pi) * 1.6 == pytest.approx(40, abs=1)
