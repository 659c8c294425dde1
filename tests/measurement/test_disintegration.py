"""DF and DI against closed forms and against their definitions written out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spheroid_qc.measurement import measure_rows
from spheroid_qc.parameters import MeasurementParameters

from .made import disc, masks, picture, single

FRAME = (700, 700)


@pytest.mark.parametrize("ratio", [1.0, 1.2, 1.5, 2.0, 3.0])
def test_disc_in_concentric_disc(ratio: float) -> None:
    core = disc(FRAME, 110)
    row = single(core, disc(FRAME, 110 * ratio) & ~core)
    assert row["disintegration_fraction"] == pytest.approx(1 - 1 / ratio**2, abs=1e-3)
    assert row["disintegration_index"] == pytest.approx(np.tanh(2 * (ratio - 1) / 3), abs=1e-3)
    assert row["reach"] == pytest.approx(ratio * np.sqrt(0.9), rel=2e-3)


@pytest.mark.parametrize(
    ("inner", "outer", "w1", "df"), [(1.5, 2, 0.69697, 0.63636), (2, 2.5, 1.10256, 0.69231)]
)
def test_disc_gap_and_ring(inner: float, outer: float, w1: float, df: float) -> None:
    core = disc(FRAME, 130)
    row = single(core, disc(FRAME, 130 * outer) & ~disc(FRAME, 130 * inner))
    assert row["disintegration_index"] == pytest.approx(np.tanh(w1), abs=1e-3)
    assert row["disintegration_fraction"] == pytest.approx(df, abs=1e-3)
    assert row["fragment_count"] == 2


def test_definition_written_out() -> None:
    """Irregular masks in two pieces, against the formula of the specification as it stands."""
    rng = np.random.default_rng(3)
    core = disc((200, 220), 40, (80.0, 90.0)) | disc((200, 220), 15, (150.0, 150.0))
    shed = (rng.random(core.shape) < 0.02) & ~core
    row = single(core, shed)

    area = np.count_nonzero(core)
    total = core | shed
    cy, cx = np.argwhere(core).mean(axis=0)
    y, x = np.nonzero(total)
    d = np.sort(np.hypot(y - cy, x - cx)) / np.sqrt(area / np.pi)
    n = d.size
    w1 = sum(abs(d[i - 1] - np.sqrt((i - 0.5) / n)) for i in range(1, n + 1)) / n
    largest = np.count_nonzero(disc((200, 220), 40, (80.0, 90.0)))
    assert row["disintegration_index"] == pytest.approx(np.tanh(w1), rel=1e-12)
    assert row["reach"] == pytest.approx(np.percentile(d, 90), rel=1e-12)
    assert row["disintegration_fraction"] == pytest.approx(1 - largest / n, rel=1e-12)
    assert row["core_area_px"] == largest
    assert row["core_total_area_px"] == area
    assert row["core_count"] == 2


def test_debris_without_core() -> None:
    shed = disc(FRAME, 60)
    row = single(np.zeros(FRAME), shed)
    assert row["disintegration_fraction"] == 1
    assert np.isnan(row["disintegration_index"])
    assert np.isnan(row["reach"])
    assert row["n_spheroids"] == 0
    assert row["core_area_px"] == 0
    assert row["total_area_px"] == np.count_nonzero(shed)


def test_nothing() -> None:
    row = single(np.zeros(FRAME))
    assert np.isnan(row["disintegration_fraction"])
    assert np.isnan(row["disintegration_index"])
    assert row["fragment_count"] == 0
    assert row["total_area_px"] == 0
    assert row["volume_px3"] == 0


def test_core_too_small_for_distances() -> None:
    core = disc((100, 100), 4)
    shed = disc((100, 100), 20) & ~core
    image = picture(core, shed)
    assert np.isnan(single(core, shed, image)["disintegration_index"])
    assert single(core, shed, image)["disintegration_fraction"] > 0.9
    smaller = MeasurementParameters(min_core_radius_px=3)
    row = measure_rows(masks(core, shed), image, parameters=smaller)[0]
    assert row["disintegration_index"] > 0.9


def test_shrinking_alone_is_no_disintegration() -> None:
    for radius in (200, 120, 60):
        row = single(disc(FRAME, radius))
        assert row["disintegration_fraction"] == 0
        assert row["disintegration_index"] < 0.01


@given(seed=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_more_debris_is_more_disintegration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    core = disc((160, 160), 30)
    chance = rng.random(core.shape)
    rows = [single(core, (chance < share) & ~core) for share in (0, 0.01, 0.05, 0.2)]
    fractions = [row["disintegration_fraction"] for row in rows]
    indices = [row["disintegration_index"] for row in rows]
    assert fractions == sorted(fractions)
    assert fractions[-1] > fractions[0]
    assert indices == sorted(indices)


def test_core_and_shed_that_overlap_count_once() -> None:
    core = disc((120, 120), 30)
    assert single(core, core)["disintegration_fraction"] == 0


def test_pieces_of_one_label_and_touching_labels() -> None:
    """Pieces are what is contiguous, however the segmenter numbered it."""
    apart = disc((120, 200), 30, (60.0, 50.0)).astype(int)
    apart[disc((120, 200), 20, (60.0, 150.0))] = 1
    assert single(apart)["core_count"] == 2
    assert single(apart)["disintegration_fraction"] > 0.2
    halves = disc((120, 120), 30).astype(int)
    halves[:, 60:] *= 2
    assert single(halves)["core_count"] == 1
    assert single(halves)["disintegration_fraction"] == 0


def test_fragments_above_the_floor() -> None:
    core = disc((200, 200), 30)
    shed = np.zeros_like(core)
    shed[10:15, 10:15] = True  # 25 px
    shed[30:33, 10:13] = True  # 9 px
    image = picture(core, shed)
    parameters = MeasurementParameters(min_fragment_px=20, min_fragment_um2=200)

    def count(pixel_size_um: float | None) -> float:
        row = measure_rows(masks(core, shed), image, pixel_size_um, parameters=parameters)[0]
        assert row["fragment_count_all"] == 3
        return row["fragment_count"]

    assert count(None) == 2
    assert count(5.0) == 3  # 9 px are 225 um2
    assert count(3.0) == 2  # 81 and 225 um2
    assert count(1.0) == 1


def test_largest_fragment_fraction() -> None:
    core = disc(FRAME, 50)
    ring = disc(FRAME, 150) & ~disc(FRAME, 120)
    row = single(core, ring)
    expected = np.count_nonzero(ring) / np.count_nonzero(core | ring)
    assert row["largest_fragment_fraction"] == pytest.approx(expected)


def doubted(core, shed, interval):
    """The row of a frame whose segmenter said between which values the fraction lies."""
    segmentation = replace(masks(core, shed), disintegration_interval=interval)
    return measure_rows(segmentation, picture(core, shed))[0]


@given(
    st.floats(0, 1).flatmap(lambda low: st.tuples(st.just(low), st.floats(low, 1))),
    st.integers(0, 30),
    st.integers(0, 3),
    st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_the_interval_holds_the_fraction_however_the_masks_lie(
    interval: tuple[float, float], seed: int, turns: int, mirrored: bool
) -> None:
    rng = np.random.default_rng(seed)
    core = disc((60, 70), 4 + 10 * rng.random(), (20 + 20 * rng.random(), 35.0))
    shed = (rng.random(core.shape) < 0.1 * rng.random()) & ~core
    row = doubted(core, shed, interval)
    df = row["disintegration_fraction"]
    low, high = (row[f"disintegration_fraction_{end}"] for end in ("low", "high"))
    assert 0 <= low <= df <= high <= 1
    # Doubt is added, never taken away.
    assert low <= interval[0]
    assert high >= interval[1]
    turned = [np.rot90(m[:, ::-1] if mirrored else m, turns) for m in (core, shed)]
    again = doubted(*turned, interval)
    assert again["disintegration_fraction_low"] == low
    assert again["disintegration_fraction_high"] == high


def test_without_an_interval_or_a_fraction_there_is_none() -> None:
    core = disc((60, 70), 12)
    nothing = core & False
    for row in (
        doubted(core, nothing, None),
        doubted(nothing, nothing, (0.1, 0.2)),
        measure_rows(masks(core), picture(core))[0],
    ):
        assert np.isnan(row["disintegration_fraction_low"])
        assert np.isnan(row["disintegration_fraction_high"])
    # Debris without a core is 1, and the interval reaches there.
    row = doubted(nothing, core, (0.2, 0.6))
    assert (row["disintegration_fraction_low"], row["disintegration_fraction_high"]) == (0.2, 1.0)


def test_spheres_have_no_interval() -> None:
    segmentation = replace(masks(disc((60, 70), 12)), disintegration_interval=(0.1, 0.2))
    image = picture(disc((60, 70), 12))
    (row,) = measure_rows(segmentation, image, assay="spheres")
    assert np.isnan(row["disintegration_fraction_low"])
