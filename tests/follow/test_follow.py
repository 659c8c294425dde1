"""Time zero, states, references and events on small tables with known answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spheroid_qc.follow.change_against_references import (
    versus_time_zero,
    versus_vehicle,
    volume_loss,
)
from spheroid_qc.follow.core_area_units import comparable_area
from spheroid_qc.follow.disintegration_time import time_to_disintegration
from spheroid_qc.follow.spheroid_states import assign_states, uncertain_states
from spheroid_qc.follow.time_zero import find_time_zero
from spheroid_qc.parameters import StateParameters

THRESHOLDS = StateParameters()


def series(
    areas: list[float],
    fractions: list[float],
    *,
    well: str = "A01",
    role: str = "treated",
    totals: list[float] | None = None,
    scorable: list[bool] | None = None,
    dose_time: float = 0.0,
    interval: float = 6.0,
    plate: str = "P",
) -> pd.DataFrame:
    n = len(areas)
    if totals is None:
        # An area with a disintegration fraction has the total that the fraction implies.
        totals = [
            0.0 if np.isnan(f) else a / (1 - f) if f < 1 else 50.0
            for a, f in zip(areas, fractions, strict=True)
        ]
    return pd.DataFrame(
        {
            "plate": plate,
            "well": well,
            "time_h": np.arange(n) * interval,
            "timepoint": np.arange(n),
            "dose_time_h": dose_time,
            "role": role,
            "reference_group": "g",
            "scorable": [True] * n if scorable is None else scorable,
            "n_spheroids": [int(a > 0) for a in areas],
            "core_area_px": areas,
            "core_area_um2": areas,
            "total_area_px": totals,
            "disintegration_fraction": fractions,
        }
    )


def named(table: pd.DataFrame) -> list[str]:
    return assign_states(table, find_time_zero(table), THRESHOLDS).tolist()


def test_time_zero_is_the_last_scorable_frame_at_or_before_the_dose():
    table = series([100] * 5, [0] * 5, dose_time=13.0, scorable=[True, True, False, True, True])
    assert find_time_zero(table).tolist() == [1] * 5


def test_no_frame_before_the_dose_means_no_baseline():
    table = series([100] * 3, [0] * 3, dose_time=-1.0)
    origin = find_time_zero(table)
    assert origin.isna().all()
    table["state"] = assign_states(table, origin, THRESHOLDS)
    compared = versus_time_zero(table, origin)
    assert compared["core_volume_loss_vs_t0"].isna().all()
    assert set(table["state"]) == {"intact"}


def test_time_zero_is_found_for_each_well_and_plate_alone():
    table = pd.concat(
        [
            series([100, 90], [0, 0], well="A01"),
            series([50, 60], [0, 0], well="A01", plate="Q", scorable=[False, True]),
            series([70, 60], [0, 0], well="A02", dose_time=6.0),
        ],
        ignore_index=True,
    )
    found = find_time_zero(table)
    assert found[:2].tolist() == [0, 0]
    assert found[2:4].isna().all()
    assert found[4:].tolist() == [5, 5]


@pytest.mark.parametrize(
    ("areas", "fractions", "expected"),
    [
        ([100, 110, 130], [0, 0.05, 0.1], ["intact"] * 3),
        ([100, 90, 89.9, 40], [0, 0, 0, 0.149], ["intact", "intact", "shrunken", "shrunken"]),
        ([100, 90, 60], [0.0, 0.15, 0.499], ["intact", "shedding", "shedding"]),
        ([100, 60, 20], [0.0, 0.5, 0.9], ["intact", "disintegrated", "disintegrated"]),
        ([100, 0, 0], [0.0, 1.0, np.nan], ["intact", "disintegrated", "lost"]),
        ([100, 60, 0], [0.0, 0.3, np.nan], ["intact", "shedding", "lost"]),
        ([100, 0, 0], [0.0, np.nan, np.nan], ["intact", "vanished", "vanished"]),
        ([100, 50, 0], [0.0, 0.0, np.nan], ["intact", "shrunken", "vanished"]),
        ([100, 0, 100], [0.0, np.nan, 0.0], ["intact", "vanished", "intact"]),
        ([0, 0, 100], [np.nan, 1.0, 0.0], ["never_formed"] * 3),
        ([0, 100], [1.0, 0.0], ["never_formed"] * 2),
        ([100, 60, 0, 0], [0, 0.6, np.nan, np.nan],
         ["intact", "disintegrated", "lost", "lost"]),
    ],
)  # fmt: skip
def test_states(areas, fractions, expected):
    assert named(series(areas, fractions)) == expected


def test_an_unscorable_frame_is_named_so_and_does_not_break_the_story():
    table = series([100, 60, 999, 0], [0, 0.6, 0.0, np.nan], scorable=[True, True, False, True])
    assert named(table) == ["intact", "disintegrated", "unscorable", "lost"]


def test_growing_before_the_dose_is_not_shrinking():
    table = series([50, 80, 100, 80], [0] * 4, dose_time=12.0)
    assert named(table) == ["intact", "intact", "intact", "shrunken"]


@pytest.mark.parametrize(
    ("state", "low", "high", "held"),
    [
        ("intact", 0.0, 0.149, np.nan),
        ("intact", 0.0, 0.15, 0.15),
        ("shrunken", 0.1, 0.6, 0.15),
        ("shedding", 0.15, 0.4, np.nan),
        ("shedding", 0.149, 0.4, 0.15),
        ("shedding", 0.2, 0.5, 0.5),
        ("disintegrated", 0.5, 0.9, np.nan),
        ("disintegrated", 0.4, 1.0, 0.5),
        ("disintegrated", np.nan, np.nan, np.nan),
        ("unscorable", 0.0, 1.0, np.nan),
        ("never_formed", 0.0, 1.0, np.nan),
    ],
)
def test_a_state_is_uncertain_where_the_interval_holds_its_limit(state, low, high, held):
    table = pd.DataFrame(
        {"state": [state], "disintegration_fraction_low": low, "disintegration_fraction_high": high}
    )
    (found,) = uncertain_states(table, THRESHOLDS)
    assert found == held or (np.isnan(found) and np.isnan(held))


def test_volume_loss_has_its_closed_form_and_keeps_growth():
    loss = volume_loss(
        pd.Series([100.0, 25.0, 0.0, 400.0, np.nan, 1.0]),
        pd.Series([100.0, 100.0, 100.0, 100.0, 100.0, 0.0]),
    )
    assert loss[:4].tolist() == pytest.approx([0.0, 0.875, 1.0, -7.0])
    assert loss[4:].isna().all()


def test_excess_over_time_zero_and_vehicle():
    table = pd.concat(
        [
            series([100, 120], [0.1, 0.1], well="A01", role="vehicle"),
            series([100, 140], [0.1, 0.2], well="A02", role="vehicle"),
            series([100, 160], [0.1, 0.3], well="A03", role="vehicle"),
            series([100, 35], [0.1, 0.6], well="B01"),
        ],
        ignore_index=True,
    )
    origin = find_time_zero(table)
    table["state"] = assign_states(table, origin, THRESHOLDS)
    own = versus_time_zero(table, origin)
    assert own["df_excess_vs_t0"].iloc[7] == pytest.approx((0.6 - 0.1) / 0.9)
    assert own["core_volume_loss_vs_t0"].iloc[7] == pytest.approx(1 - 0.35**1.5)
    vehicle = versus_vehicle(table)
    assert vehicle["df_excess_vs_vehicle"].iloc[7] == pytest.approx((0.6 - 0.2) / 0.8)
    assert vehicle["core_volume_loss_vs_vehicle"].iloc[7] == pytest.approx(1 - 0.25**1.5)
    assert vehicle["n_reference_wells"].tolist() == [3] * 8


def test_wells_without_effect_are_no_reference_and_get_no_comparison():
    table = pd.concat(
        [
            series([100, 120], [0.0, 0.0], well="A01", role="vehicle"),
            series([100, 0], [0.0, np.nan], well="A02", role="vehicle"),
            series([0, 0], [np.nan, np.nan], well="A03", role="vehicle"),
            series([100, 60], [0.0, 0.0], well="B01", scorable=[True, False]),
        ],
        ignore_index=True,
    )
    origin = find_time_zero(table)
    table["state"] = assign_states(table, origin, THRESHOLDS)
    vehicle = versus_vehicle(table)
    assert vehicle["n_reference_wells"].tolist() == [2, 1] * 4
    out = table["state"].isin(["vanished", "never_formed", "unscorable"])
    assert out.sum() == 4
    assert vehicle.loc[out, "core_volume_loss_vs_vehicle"].isna().all()
    assert versus_time_zero(table, origin)[out].isna().all(axis=None)


def test_references_are_of_the_same_plate_group_and_time():
    table = pd.concat(
        [
            series([100, 100], [0, 0], well="A01", role="vehicle"),
            series([50, 50], [0, 0], well="A01", role="vehicle", plate="Q"),
            series([100, 50], [0, 0], well="B01"),
            series([100, 50], [0, 0], well="B01", plate="Q"),
            series([100, 50], [0, 0], well="C01").assign(reference_group="saline"),
        ],
        ignore_index=True,
    )
    table["state"] = named(table)
    loss = versus_vehicle(table)["core_volume_loss_vs_vehicle"]
    assert loss.iloc[[5, 7]].tolist() == pytest.approx([1 - 0.5**1.5, 0.0])
    assert loss.iloc[8:].isna().all()


def test_areas_in_pixels_where_a_plate_is_not_wholly_calibrated():
    table = series([100, 50], [0, 0])
    table["core_area_um2"] = [400.0, np.nan]
    assert comparable_area(table).tolist() == [100, 50]
    table["core_area_um2"] = [400.0, 200.0]
    assert comparable_area(table).tolist() == [400, 200]


def outcome(states: list[str], *, interval: float = 6.0, **thresholds: float) -> pd.Series:
    n = len(states)
    table = pd.DataFrame(
        {
            "plate": "P",
            "well": "A01",
            "time_since_dose_h": np.arange(n) * interval,
            "is_t0": [True] + [False] * (n - 1),
            "state": states,
        }
    )
    return time_to_disintegration(table, StateParameters(**thresholds)).iloc[0]


@pytest.mark.parametrize(
    ("states", "event", "duration"),
    [
        ("i i d d", True, 12.0),
        ("i d i d d", True, 18.0),
        ("i d i d", False, 18.0),
        ("i d u d", True, 6.0),
        ("i s l l", True, 12.0),
        ("i i v v", False, 6.0),
        ("i i i u", False, 12.0),
        ("i d d v", True, 6.0),
    ],
)
def test_time_to_disintegration(states, event, duration):
    words = {
        "i": "intact", "d": "disintegrated", "s": "shedding", "l": "lost", "u": "unscorable",
        "v": "vanished",
    }  # fmt: skip
    found = outcome([words[s] for s in states.split()])
    assert found["at_risk"]
    assert (bool(found["event"]), found["duration_h"]) == (event, duration)


def test_an_event_must_last():
    states = ["intact", "disintegrated", "disintegrated", "disintegrated"]
    assert outcome(states, min_duration_h=12.0)["event"]
    assert not outcome(states, min_duration_h=12.1)["event"]
    assert not outcome(states, min_consecutive_frames=4)["event"]


def test_a_well_that_was_not_intact_at_time_zero_is_not_at_risk():
    found = outcome(["shedding", "disintegrated", "disintegrated"])
    assert not found["at_risk"]
    assert not found["event"]
    assert np.isnan(found["duration_h"])
