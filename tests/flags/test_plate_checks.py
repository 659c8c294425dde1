"""Whether a plate's masks can be right: untreated spheroids are nearly all whole."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spheroid_qc import Parameters
from spheroid_qc.configuration import apply_overrides
from spheroid_qc.flags import masks_unfit
from spheroid_qc.flags.plate_checks import BEFORE_DOSE, VEHICLE, worst_frames

DEFAULT = Parameters()
DOSED = apply_overrides(DEFAULT, {"plate.dose_time_h": 0})


def table(
    fractions: list[list[float]], role: str = "treated", state: str = "intact", plate: str = "P",
    row: str = "A", t0: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """One well a list: its fractions at 0, 24, 48 ... h; time zero is frame `t0`."""
    return pd.DataFrame(
        [
            {
                "plate": plate, "well": f"{row}{n + 1:02d}", "time_h": 24.0 * t, "role": role,
                "state": state, "is_t0": t == t0, "disintegration_fraction": fraction,
            }
            for n, well in enumerate(fractions)
            for t, fraction in enumerate(well)
        ]
    )  # fmt: skip


def test_three_of_ten_wells_before_the_dose_are_too_many() -> None:
    wells = table([[0.3, 0.4], [0.31, 0.4], [0.32, 0.9], *[[0.01, 0.9]] * 7])
    (found,) = masks_unfit(wells, DOSED)
    assert (found.plate, found.group, found.n_high, found.n_wells) == ("P", BEFORE_DOSE, 3, 10)
    assert found.share == pytest.approx(0.3)
    assert found.threshold == DEFAULT.states.shedding_df
    assert not found.dose_assumed
    assert [(one.well, one.time_h) for one in found.frames] == [
        ("A03", 0.0), ("A02", 0.0), ("A01", 0.0)
    ]  # fmt: skip
    assert found.words == (
        "3 of 10 wells (30 %) read a disintegration fraction of 0.15 or more before the first "
        "dose; the worst: A03 at 0 h (0.32), A02 at 0 h (0.31), A01 at 0 h (0.30)."
    )


def test_a_fifth_is_not_more_than_a_fifth() -> None:
    assert masks_unfit(table([[0.9, 0.9]] * 2 + [[0.0, 0.9]] * 8), DOSED) == ()
    assert masks_unfit(table([[0.149, 0.9]] * 10), DOSED) == ()
    assert len(masks_unfit(table([[0.15, 0.9]] * 10), DOSED)) == 1


@pytest.mark.parametrize("role", ["treated", "vehicle"])
def test_a_single_well_says_nothing_and_two_of_few_do(role: str) -> None:
    for fine in range(4):
        assert masks_unfit(table([[0.9, 0.9]] + [[0.0, 0.0]] * fine, role), DOSED) == ()
        assert masks_unfit(table([[0.9, 0.9]] * 2 + [[0.0, 0.0]] * fine, role), DOSED) != ()


def test_wells_that_fell_apart_after_the_dose_are_no_finding() -> None:
    assert masks_unfit(table([[0.0, 0.8, 0.9]] * 10), DOSED) == ()


def test_vehicle_wells_count_by_their_median_over_time() -> None:
    treated = table([[0.0, 0.9, 0.9]] * 6, row="B")
    late = pd.concat([table([[0.0, 0.05, 0.3]] * 6, "vehicle"), treated])
    assert masks_unfit(late, DOSED) == ()
    often = pd.concat([table([[0.0, 0.2, 0.3]] * 2 + [[0.0, 0.0, 0.0]] * 4, "vehicle"), treated])
    (found,) = masks_unfit(often, DOSED)
    assert (found.group, found.n_high, found.n_wells) == (VEHICLE, 2, 6)
    assert {(one.well, one.time_h) for one in found.frames} == {("A01", 48.0), ("A02", 48.0)}
    assert "2 of 6 vehicle wells (33 %) read" in found.words
    assert "0.15 or more in most of their frames; the worst" in found.words


def test_both_groups_are_told_and_the_worst_frames_are_of_different_wells() -> None:
    wells = pd.concat([table([[0.4, 0.5]] * 6, "vehicle"), table([[0.45, 0.6]] * 6, row="B")])
    found = masks_unfit(wells, DOSED)
    assert [one.group for one in found] == [BEFORE_DOSE, VEHICLE]
    worst = worst_frames(found)
    assert len(worst) == 6
    assert len({one.well for one in worst}) == 6
    assert [one.disintegration_fraction for one in worst] == [0.5] * 6


def test_what_is_not_seen_or_holds_no_spheroid_does_not_count() -> None:
    fine = table([[0.0, 0.0]] * 5)
    for more in (
        table([[0.9, 0.9]] * 5, "blank", row="B"),
        table([[0.9, 0.9]] * 5, state="unscorable", row="B"),
        table([[np.nan, np.nan]] * 5, state="never_formed", row="B"),
    ):
        assert masks_unfit(pd.concat([fine, more]), DOSED) == ()


def test_frames_of_forming_spheroids_before_time_zero_do_not_count() -> None:
    forming = table([[0.6, 0.05, 0.0]] * 8, t0=1)
    assert masks_unfit(forming, apply_overrides(DEFAULT, {"plate.dose_time_h": 24})) == ()


def test_one_time_without_a_dose_time_may_be_after_the_dose() -> None:
    treated = table([[0.9]] * 8)
    assert masks_unfit(treated, DEFAULT) == ()
    assert len(masks_unfit(treated, DOSED)) == 1
    assert len(masks_unfit(treated.assign(dosed_at_h=0.0), DEFAULT)) == 1
    # Where nothing is known of the wells all count, and it is said what was assumed.
    (found,) = masks_unfit(treated.assign(role="unmapped"), DEFAULT)
    assert found.dose_assumed
    (found,) = masks_unfit(table([[0.9]] * 8, "vehicle"), DEFAULT)
    assert found.group == VEHICLE
    # Several times: the first frame counts as from before the dose, as everywhere.
    (found,) = masks_unfit(table([[0.9, 0.9]] * 8), DEFAULT)
    assert found.dose_assumed


def test_plates_are_told_apart() -> None:
    wells = pd.concat(
        [table([[0.0, 0.0]] * 20), table([[0.3, 0.3]] * 6, plate="Q")], ignore_index=True
    )
    assert [one.plate for one in masks_unfit(wells, DOSED)] == ["Q"]


def test_limits_are_settings() -> None:
    wells = table([[0.3, 0.3]] * 3 + [[0.0, 0.0]] * 7)
    for key, value in (
        ("quality.unfit_share", 0.3), ("quality.unfit_wells", 11), ("states.shedding_df", 0.31),
    ):  # fmt: skip
        assert masks_unfit(wells, apply_overrides(DOSED, {key: value})) == ()


def test_tables_without_a_fraction_say_nothing() -> None:
    spheres = table([[0.9, 0.9]] * 8).drop(columns="is_t0")
    assert masks_unfit(spheres, DOSED) == ()
    assert masks_unfit(table([[np.nan, np.nan]] * 8), DOSED) == ()
    assert masks_unfit(pd.DataFrame(), DOSED) == ()


@given(st.lists(st.floats(0, 1), min_size=5, max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_wells_makes_no_difference(fractions: list[float], chance) -> None:
    wells = table([[value, 0.0] for value in fractions])
    (first, *_), n_high = (masks_unfit(wells, DOSED) or (None,)), sum(v >= 0.15 for v in fractions)
    assert (first is not None) == (n_high > 0.2 * len(fractions))
    order = list(wells.index)
    chance.shuffle(order)
    (again, *_) = masks_unfit(wells.loc[order], DOSED) or (None,)
    if first is not None:
        assert again is not None
        assert (again.n_high, again.n_wells) == (first.n_high, first.n_wells) == (
            n_high, len(fractions)
        )  # fmt: skip
        assert {one.well for one in again.frames} == {one.well for one in first.frames}
