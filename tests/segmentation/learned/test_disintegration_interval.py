"""The interval of the disintegration fraction, from maps made by hand."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from spheroid_qc.parameters import SegmentationParameters
from spheroid_qc.segmentation import segment
from spheroid_qc.segmentation.learned.disintegration_interval import (
    DOUBTS,
    disintegration_interval,
    expected_error,
    fraction_doubts,
)
from spheroid_qc.segmentation.learned.view import Region, View
from tests.segmentation.scenes import cells, disc, ground, scattered

SIDE = 90


def balls(*places: tuple[float, float, float], side: int = SIDE) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    found = np.zeros((side, side), bool)
    for cy, cx, radius in places:
        found |= np.hypot(y - cy, x - cx) < radius
    return found


def view(core: np.ndarray, shed: np.ndarray, region: Region | None = None) -> View:
    """Maps with these chances of core and of shed material, over the whole frame."""
    region = region or Region(0, 0, *core.shape, core.shape)
    maps = np.stack([core, shed, 0 * core, 0 * core]).astype(np.float32)
    return View(region, maps, maps[0])


SURE = {"inside": 1.0}


def known(
    core_map: np.ndarray,
    shed_map: np.ndarray,
    core: np.ndarray,
    shed: np.ndarray,
    fine: View | None = None,
) -> tuple[float, dict[str, float]] | None:
    seen = view(core_map, shed_map)
    return fraction_doubts(
        seen, seen, fine or seen, core.astype(np.int32), shed & (core == 0), SURE
    )


def reach(*maps: np.ndarray, fine: View | None = None) -> tuple[float, float]:
    """How low and how high the fraction is when maps are cut elsewhere."""
    drawn, doubts = known(*maps, fine=fine) or (np.nan, {})
    return drawn - doubts["below"], drawn + doubts["above"]


def fraction(core: np.ndarray, shed: np.ndarray) -> float:
    labels, count = ndimage.label(core > 0, np.ones((3, 3)))
    largest = max((int((labels == n).sum()) for n in range(1, count + 1)), default=0)
    return 1 - largest / np.count_nonzero((core > 0) | shed)


BODY, RING = balls((45, 45, 20)), balls((45, 45, 30))


def test_sure_maps_leave_the_least_doubt() -> None:
    core, shed = BODY, RING & ~BODY
    drawn, doubts = known(core * 1.0, shed * 1.0, core, shed) or (np.nan, {})
    assert drawn == pytest.approx(fraction(core, shed))
    assert set(doubts) == set(DOUBTS)
    assert all(value == pytest.approx(0) for value in doubts.values())
    # The scale ends at 0 and at 1.
    assert reach(core * 1.0, 0.0 * core, core, core & False) == (0, 0)
    assert reach(0.0 * core, core * 1.0, core & False, core) == (1, 1)


def test_doubt_about_shed_material_opens_the_end_it_concerns() -> None:
    core, shed = BODY, RING & ~BODY
    drawn = fraction(core, shed)
    # Drawn, but not surely there.
    assert reach(core * 1.0, shed * 0.7, core, shed) == pytest.approx((0, drawn), abs=0.01)
    # Not drawn, but perhaps there.
    assert reach(core * 1.0, shed * 0.45, core, core & False) == pytest.approx((0, drawn), abs=0.01)


def test_doubt_about_the_core_opens_both_ends() -> None:
    low, high = reach(BODY * 0.55, 0.9 * (RING & ~BODY), BODY, RING & ~BODY)
    assert high == 1.0  # perhaps there is no core at all
    assert low <= fraction(BODY, RING & ~BODY)
    # A core within a corona that was taken for one body.
    inner = balls((45, 45, 12))
    low, high = reach(0.6 * RING + 0.4 * inner, 0.4 * RING, RING, RING & False)
    assert low == 0
    assert high == pytest.approx(1 - inner.sum() / RING.sum(), abs=0.01)


def test_passes_that_disagree_are_doubt() -> None:
    core, shed = BODY, RING & ~BODY
    alone = view(core * 1.0, 0.0 * core)
    drawn = fraction(core, shed)
    assert reach(core * 1.0, shed * 1.0, core, shed, fine=alone) == pytest.approx((0, drawn))


def test_pieces_that_touch_are_one_and_others_are_not() -> None:
    touching = np.zeros((SIDE, SIDE), np.int32)
    touching[20:40, 20:40], touching[20:40, 40:60] = 1, 2
    maps = ((touching > 0) * 1.0, 0.0 * touching, touching, touching > 9)
    assert reach(*maps) == (0, 0)
    touching[:, 40:44] = 0
    maps = ((touching > 0) * 1.0, 0.0 * touching, touching, touching > 9)
    assert reach(*maps) == pytest.approx((16 / 36, 16 / 36), abs=0.005)


def test_nothing_has_no_interval() -> None:
    nothing = np.zeros((SIDE, SIDE))
    assert known(nothing, nothing, nothing, nothing > 0) is None


@pytest.mark.parametrize("frame", [90, 360, 1000])
def test_material_beyond_the_fine_pass_counts_by_its_area(frame: int) -> None:
    """The coarse pass sees the frame at a quarter, the fine one its middle: the areas agree."""
    scale = frame / SIDE
    coarse_core, coarse_shed = balls((45, 45, 10)), balls((8, 8, 5), (45, 60, 4))
    coarse = view(coarse_core, coarse_shed, Region(0, 0, frame, frame, (SIDE, SIDE)))
    start, span = round(20 * scale), round(50 * scale)
    region = Region(start, start, span, span, (200, 200))
    near = np.ix_(*[((np.arange(200) + 0.5) * span / 200 + start) / scale // 1] * 2)
    at = tuple(part.astype(int) for part in near)
    fine = view(coarse_core[at], coarse_shed[at], region)
    whole = np.minimum((np.arange(frame) + 0.5) / scale // 1, SIDE - 1).astype(int)
    core, shed = (mask[np.ix_(whole, whole)] for mask in (coarse_core, coarse_shed))
    drawn, doubts = fraction_doubts(coarse, fine, fine, core.astype(np.int32), shed, SURE) or (
        0,
        {},
    )
    assert drawn == pytest.approx(fraction(core, shed), abs=1e-3)
    assert doubts["below"] < 0.01
    assert doubts["above"] < 0.01
    assert doubts["vague"] == 0


@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_it_always_holds_the_fraction_and_is_never_narrow(
    seed: int, much: float, more: float
) -> None:
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=(2, SIDE, SIDE)), (0, 5, 5))
    core_map, shed_map = np.clip(
        0.5 + field / field.std() / 3 + [[[much - 0.5]], [[more - 0.5]]], 0, 1
    )
    core, shed = core_map > 0.5, (shed_map > 0.6) & (core_map <= 0.5)
    if not (core | shed).any():
        return
    found = known(core_map, shed_map, core, shed)
    assert found is not None
    drawn, doubts = found
    assert drawn == pytest.approx(fraction(core, shed))
    assert all(0 <= value <= 1 for value in doubts.values())
    low, high = disintegration_interval(drawn, doubts)
    assert 0 <= low <= drawn <= high <= 1
    assert drawn - low >= min(0.02, drawn) - 1e-9
    assert high - drawn >= min(0.02, 1 - drawn) - 1e-9
    assert 0 <= expected_error(doubts) <= 1
    for turns, mirrored in product((1, 2), (False, True)):
        turned = [
            np.rot90(part[:, ::-1] if mirrored else part, turns)
            for part in (core_map, shed_map, core, shed)
        ]
        again = known(*turned)
        assert again is not None
        assert again[0] == pytest.approx(drawn)
        assert again[1] == pytest.approx(doubts)


def test_more_doubt_never_makes_the_interval_narrower() -> None:
    least = dict.fromkeys(DOUBTS, 0.0)
    for name in DOUBTS:
        ends = [
            disintegration_interval(0.4, least | {name: amount}) for amount in (0.0, 0.2, 0.5, 1.0)
        ]
        assert [low for low, _ in ends] == sorted((low for low, _ in ends), reverse=True)
        assert [high for _, high in ends] == sorted(high for _, high in ends)


def test_a_segmentation_has_one_where_it_can_know_it() -> None:
    image, _ = disc(400, (200, 200), 70)
    noisy, _ = cells(image, scattered(40, (200, 200), 85, 140), 5, -0.2)
    for method in ("learned", "auto"):
        found = segment(noisy, method=method)
        assert found.disintegration_interval is not None
        low, high = found.disintegration_interval
        assert isinstance(low, float)
        assert 0 <= low <= high <= 1
    assert segment(noisy, method="classical").disintegration_interval is None
    without = SegmentationParameters(shed=False)
    assert segment(noisy, method="learned", parameters=without).disintegration_interval is None
    assert segment(ground(400, 1), method="learned").disintegration_interval is None
    assert segment(np.zeros((50, 50)), method="learned").disintegration_interval is None
