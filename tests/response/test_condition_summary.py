"""Means and intervals over the right unit, and nothing that can't be trusted in them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from spheroid_qc.response.condition_summary import (
    MEASUREMENT_SD,
    figures_of_units,
    summarise_conditions,
)


def wells(values, *, states=None, plates=None, replicates=None, condition="drug"):
    n = len(values)
    table = pd.DataFrame(
        {
            "plate": plates or ["P"] * n,
            "well": [f"A{i + 1:02d}" for i in range(n)],
            "time_h": 24.0,
            "condition": condition,
            "role": "treated",
            "state": states or ["intact"] * n,
            "drug_1": "x",
            "dose_1_um": 1.0,
            "core_area_um2": values,
            "disintegration_fraction": np.nan,
        }
    )
    if replicates:
        table["biological_replicate"] = replicates
    return table


def interval_of(values: pd.Series) -> tuple[float, float]:
    everyone = pd.Series("one", values.index)
    found = figures_of_units(values.to_frame("x"), everyone, everyone, pd.Index(["one"]))
    return found["ci_low"].loc["one", "x"], found["ci_high"].loc["one", "x"]


def test_interval_is_that_of_a_t_test():
    values = pd.Series([4.1, 5.2, 6.9, 4.4, np.nan])
    low, high = interval_of(values)
    expected = stats.ttest_1samp(values.dropna(), 0).confidence_interval(0.95)
    assert (low, high) == pytest.approx((expected.low, expected.high))


def test_one_value_has_no_interval():
    assert np.isnan(interval_of(pd.Series([3.0]))).all()


def test_figures_of_one_condition():
    line = summarise_conditions(wells([1.0, 2.0, 6.0])).iloc[0]
    assert line["core_area_um2_mean"] == 3
    assert line["core_area_um2_median"] == 2
    assert line["core_area_um2_sd"] == pytest.approx(np.std([1, 2, 6], ddof=1))
    assert (line["n_wells"], line["n_plates"], line["n_biological"]) == (3, 1, 1)
    assert line["interval"] == "within_plate"
    assert np.isnan(line["disintegration_fraction_mean"])
    assert line["disintegration_fraction_n"] == 0


def test_what_cannot_be_trusted_is_left_out_counted_and_named():
    table = wells(
        [1.0, 2.0, 300.0, 400.0, 500.0],
        states=["intact", "shedding", "unscorable", "never_formed", "vanished"],
    )
    line = summarise_conditions(table).iloc[0]
    assert line["core_area_um2_mean"] == 1.5
    assert line["n_wells"] == 2
    assert (line["n_unscorable"], line["n_never_formed"], line["n_vanished"]) == (1, 1, 1)
    assert line["left_out"] == "A03 A04 A05"


def test_wells_of_a_replicate_are_averaged_first():
    table = wells([1.0, 3.0, 10.0], plates=["P", "P", "Q"])
    line = summarise_conditions(table).iloc[0]
    assert line["core_area_um2_mean"] == 6
    assert line["core_area_um2_n"] == 2
    assert line["interval"] == "biological"
    assert line["n_plates"] == 2


def test_a_stated_biological_replicate_overrules_the_plate():
    table = wells([1.0, 3.0, 10.0, 20.0], plates=list("PQRS"), replicates=["a", "a", "b", "b"])
    line = summarise_conditions(table).iloc[0]
    assert line["n_biological"] == 2
    assert line["core_area_um2_mean"] == pytest.approx((2 + 15) / 2)


def test_the_order_of_wells_does_not_matter():
    table = pd.concat([wells([1.0, 2.0, 4.0]), wells([5.0, 7.0], condition="other")])
    one = summarise_conditions(table)
    other = summarise_conditions(table.iloc[[2, 0, 1, 4, 3]].reset_index(drop=True))
    numbers = one.select_dtypes("number").columns
    pd.testing.assert_frame_equal(one[numbers], other[numbers])


def test_a_condition_of_which_nothing_is_left_keeps_its_line():
    line = summarise_conditions(wells([1.0], states=["unscorable"])).iloc[0]
    assert line["n_wells"] == 0
    assert np.isnan(line["core_area_um2_mean"])


def test_plates_imaged_minutes_apart_have_one_time_axis():
    table = pd.concat(
        [wells([1.0, 2.0], plates=["P", "P"]).assign(time_h=time) for time in (0.0, 24.0)]
        + [wells([3.0, 4.0], plates=["Q", "Q"]).assign(time_h=time) for time in (0.0, 24.2)],
        ignore_index=True,
    )
    summary = summarise_conditions(table)
    assert summary["time_h"].tolist() == [0, 24]
    assert summary["n_plates"].tolist() == [2, 2]
    assert summary["core_area_um2_mean"].tolist() == [2.5, 2.5]


def test_times_of_one_plate_stay_apart():
    table = pd.concat(
        [wells([1.0, 2.0]).assign(time_h=time) for time in (0.0, 0.1, 0.2, 24.0)],
        ignore_index=True,
    )
    assert summarise_conditions(table)["time_h"].tolist() == [0, 0.1, 0.2, 24]


@pytest.mark.parametrize(
    ("plates", "replicates", "interval", "n"),
    [
        (["P"] * 4, None, "within_plate", 4),
        (["P", "P", "Q", "Q"], None, "biological", 2),
        (["P", "P", "Q", "Q"], ["a"] * 4, "within_replicate", 4),
        (["P"] * 4, ["a", "a", "b", "b"], "within_plate", 2),
        (["P", "P", "Q", "Q"], ["a", "b", "a", "b"], "biological", 2),
    ],
)
def test_the_interval_says_what_it_covers(plates, replicates, interval, n):
    line = summarise_conditions(
        wells([1.0, 2.0, 3.0, 5.0], plates=plates, replicates=replicates)
    ).iloc[0]
    assert line["interval"] == interval
    assert line["core_area_um2_n"] == n


def test_a_column_of_the_map_is_no_dose():
    table = wells([1.0, 2.0]).assign(drug_class=["a", "b"], dose_note="x", unit_price="y")
    columns = set(summarise_conditions(table).columns)
    assert not columns & {"drug_class", "dose_note", "unit_price"}
    assert {"drug_1", "dose_1_um"} <= columns


def test_measurement_error_stands_beside_the_spread_of_wells():
    table = wells([1.0, 2.0, 3.0, 4.0], states=["intact", "shedding", "intact", "unscorable"])
    table["disintegration_fraction"] = [0.1, 0.3, 0.2, 0.9]
    plain = summarise_conditions(table).iloc[0]
    assert MEASUREMENT_SD not in plain
    table["disintegration_fraction_low"] = [0.08, 0.1, np.nan, 0.0]
    table["disintegration_fraction_high"] = [0.12, 0.5, np.nan, 1.0]
    line = summarise_conditions(table).iloc[0]
    # Half widths 0.02 and 0.2; one well has no interval, one enters no mean.
    expected = np.sqrt((0.02**2 + 0.2**2) / 2) / 1.645
    assert line[MEASUREMENT_SD] == pytest.approx(expected)
    # It is said, and nothing else is changed by it.
    pd.testing.assert_series_equal(line.drop(MEASUREMENT_SD), plain)
    table[["disintegration_fraction_low", "disintegration_fraction_high"]] = np.nan
    assert np.isnan(summarise_conditions(table).iloc[0][MEASUREMENT_SD])
