"""Survival against Freireich's published 6-MP trial, scipy, and hand counts."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from spheroid_qc.errors import RequestError
from spheroid_qc.response.survival.kaplan_meier import (
    kaplan_meier,
    logrank,
    median_time,
)
from spheroid_qc.response.survival.survival_table import COLUMNS, survival_table
from tests.response.plates import shuffled

# Freireich et al. 1963, Blood 21:699: weeks of remission; curve, medians (23, 8) and log-rank
# (16.79) as in Kleinbaum & Klein, Survival Analysis, ch. 2.
DRUG = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def test_the_published_curve():
    curve = kaplan_meier(DRUG, RELAPSED).set_index("time_h")
    published = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    for week, survival in published.items():
        assert curve.loc[week, "survival"] == pytest.approx(survival, abs=6e-4)
    assert curve.loc[[6, 10, 22], "n_at_risk"].tolist() == [21, 15, 7]
    assert median_time(curve.reset_index())[0] == 23
    assert median_time(kaplan_meier(PLACEBO, [1] * 21))[0] == 8


def test_the_published_logrank():
    found = logrank(DRUG + PLACEBO, RELAPSED + [1] * 21, [True] * 21 + [False] * 21)
    assert found["chi2"] == pytest.approx(16.793, abs=1e-3)
    assert (found["observed"], found["expected"]) == (9, pytest.approx(19.25, abs=0.01))


def test_greenwoods_interval_is_scipys():
    data = stats.CensoredData.right_censored(DRUG, 1 - np.array(RELAPSED))
    sf = stats.ecdf(data).sf
    interval = sf.confidence_interval(method="log-log")
    curve = kaplan_meier(DRUG, RELAPSED).iloc[1:]
    assert curve["survival"].tolist() == pytest.approx(sf.probabilities.tolist())
    assert curve["low"].tolist() == pytest.approx(interval.low.probabilities.tolist())
    assert curve["high"].tolist() == pytest.approx(interval.high.probabilities.tolist())


def test_without_censoring_the_exact_interval_is_clopper_pearsons():
    curve = kaplan_meier([3, 5, 5, 9, 12], [1] * 5)
    for _, line in curve.iterrows():
        left = round(5 * line["survival"])
        expected = stats.binomtest(left, 5).proportion_ci(method="exact")
        assert line["exact_low"] == pytest.approx(expected.low, abs=1e-9)
        assert line["exact_high"] == pytest.approx(expected.high, abs=1e-9)


def test_three_late_events_do_not_show_that_the_median_is_late():
    curve = kaplan_meier([36, 36, 36], [1, 1, 1])
    assert median_time(curve) == (36, 0, np.inf)
    assert curve["survival"].tolist() == [1, 0]
    assert np.isnan(curve[["low", "high"]].to_numpy()).all()


def test_the_exact_logrank_counts_all_arrangements():
    time = np.array([4.0, 6, 6, 9, 12, 12])
    event = np.array([1, 1, 0, 1, 1, 0], dtype=bool)
    found = logrank(time, event, [True, True, True, False, False, False])

    def gap(members):
        result = logrank(time, event, np.isin(np.arange(6), members))
        return abs(result["observed"] - result["expected"])

    gaps = [gap(members) for members in combinations(range(6), 3)]
    assert found["p_exact"] == pytest.approx(np.mean(np.array(gaps) >= gap((0, 1, 2)) - 1e-9))
    assert found["p"] == pytest.approx(
        stats.logrank(
            stats.CensoredData.right_censored(time[:3], ~event[:3]),
            stats.CensoredData.right_censored(time[3:], ~event[3:]),
        ).pvalue
    )


def test_strata_add_up():
    time, event = np.array([1.0, 2, 3, 4]), np.ones(4, dtype=bool)
    one = logrank(time, event, [1, 0, 1, 0])
    two = logrank(np.tile(time, 2), np.tile(event, 2), [1, 0, 1, 0] * 2, ["a"] * 4 + ["b"] * 4)
    assert two["chi2"] == pytest.approx(2 * one["chi2"])


def outcome(**conditions):
    lines = []
    for condition, (times, events) in conditions.items():
        for i, (time, event) in enumerate(zip(times, events, strict=True)):
            lines.append(("P", f"{condition[0].upper()}{i + 1:02d}", condition, time, bool(event)))
    table = pd.DataFrame(lines, columns=["plate", "well", "condition", "duration_h", "event"])
    table["role"] = np.where(table["condition"] == "vehicle", "vehicle", "treated")
    table["at_risk"] = table["duration_h"].notna()
    meta = table[["plate", "well", "condition", "role"]]
    return table.drop(columns=["condition", "role"]), meta


def test_a_table_for_every_condition():
    wells, meta = outcome(
        vehicle=([72] * 6, [0] * 6), apart=([24, 36, 36], [1] * 3), half=([48, 72, 72], [1, 0, 0])
    )
    table = survival_table(wells, meta)
    assert list(table.columns) == list(COLUMNS)
    assert table["condition"].unique().tolist() == ["vehicle", "apart", "half"]
    first = table.drop_duplicates("condition").set_index("condition")
    assert first.loc["apart", "median_h"] == 36
    assert first.loc["apart", "p_exact"] == pytest.approx(1 / 84)
    assert first.loc["apart", "p_holm"] == pytest.approx(2 / 84)
    assert np.isnan(first.loc["vehicle", "p_holm"])
    assert "Median > 72 h" in first.loc["half", "note"]
    assert np.isnan(first.loc["half", "median_h"])
    again = survival_table(shuffled(wells), shuffled(meta, 4))
    pd.testing.assert_frame_equal(table, again, check_exact=True)


def test_wells_never_at_risk_are_counted_and_stay_out():
    wells, meta = outcome(vehicle=([72, 72, np.nan], [0] * 3), gone=([np.nan] * 2, [0] * 2))
    table = survival_table(wells, meta).drop_duplicates("condition").set_index("condition")
    assert table.loc["vehicle", ["n", "n_never_at_risk"]].tolist() == [2, 1]
    assert "No well was intact" in table.loc["gone", "note"]
    assert np.isnan(table.loc["gone", "survival"])


def test_without_vehicle_or_events_there_is_no_test():
    wells, meta = outcome(drug=([24, 48, 48], [1, 1, 1]))
    line = survival_table(wells, meta).iloc[0]
    assert np.isnan(line["p_logrank"])
    assert "No vehicle well" in line["note"]
    wells, meta = outcome(vehicle=([72] * 3, [0] * 3), drug=([72] * 3, [0] * 3))
    table = survival_table(wells, meta)
    assert "No event tells" in table.loc[table["condition"] == "drug", "note"].iloc[0]


def test_replicates_are_strata():
    wells, meta = outcome(
        vehicle=([24, 72, 72, 72], [1, 0, 0, 0]), drug=([12, 24, 24, 36], [1] * 4)
    )
    meta["biological_replicate"] = ["a", "a", "b", "b"] * 2
    line = survival_table(wells, meta).query("condition == 'drug'").iloc[0]
    assert "within biological replicates" in line["note"]
    assert line["n_biological"] == 2


def test_requests_that_can_not_be_met():
    wells, meta = outcome(vehicle=([72] * 3, [0] * 3))
    with pytest.raises(RequestError, match=r"V03.*no condition"):
        survival_table(wells, meta.iloc[:2])
    with pytest.raises(RequestError, match="more than one"):
        survival_table(pd.concat([wells, wells]), meta)
    with pytest.raises(RequestError, match="duration_h"):
        survival_table(wells.drop(columns="duration_h"), meta)
    assert survival_table(wells.iloc[:0], meta).empty
    assert kaplan_meier([], []).empty
