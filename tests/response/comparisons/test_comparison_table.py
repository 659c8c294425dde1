"""Conditions against vehicle: the right unit and reference, and words where nothing is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from spheroid_qc.errors import RequestError
from spheroid_qc.response.comparisons.comparison_table import COLUMNS, compare_with_vehicle
from spheroid_qc.response.multiple_testing import holm
from tests.response.plates import groups, shuffled

VEHICLE = [0.1, 0.3, 0.2, 0.15, 0.4]
WEAK, STRONG = [0.22, 0.5, 0.45], [0.9, 1.1, 0.95]


def compare(table, **options):
    return compare_with_vehicle(table, ["value"], **options).set_index("condition")


def test_figures_of_one_plate():
    found = compare(groups({"vehicle": VEHICLE, "weak": WEAK, "strong": STRONG}))
    assert list(found.index) == ["strong", "weak"]
    line = found.loc["weak"]
    assert (line["n"], line["n_reference"], line["unit"]) == (3, 5, "well")
    welch = stats.ttest_ind(WEAK, VEHICLE, equal_var=False)
    assert line["p_t"] == pytest.approx(welch.pvalue)
    assert line["difference_low"] == pytest.approx(welch.confidence_interval().low)
    assert line["p_rank"] == pytest.approx(stats.mannwhitneyu(WEAK, VEHICLE).pvalue)
    joint = stats.dunnett(STRONG, WEAK, control=VEHICLE)
    assert found["p_dunnett"].tolist() == pytest.approx(joint.pvalue.tolist(), abs=1e-3)
    assert found["p_t_holm"].tolist() == pytest.approx(holm(found["p_t"]).tolist())
    assert line["cliffs_delta"] == pytest.approx((13 - 2) / 15)
    assert line["hedges_g_low"] < line["hedges_g"] < line["hedges_g_high"]


def test_shuffled_rows_give_the_same_table():
    table = pd.concat(
        [groups({"vehicle": VEHICLE, "a": WEAK, "b": STRONG}, plate=p) for p in ("P", "Q", "R")]
    )
    table["value"] += np.linspace(0, 1, len(table))
    pd.testing.assert_frame_equal(
        compare_with_vehicle(table, ["value"]),
        compare_with_vehicle(shuffled(table), ["value"]),
        check_exact=True,
    )


def test_several_plates_are_biological_replicates():
    gaps = [0.5, 0.9, 0.6]
    table = pd.concat(
        [
            groups({"vehicle": [i, i + 0.2], "drug": [i + gap, i + gap + 0.1]}, plate=f"P{i}")
            for i, gap in enumerate(gaps)
        ]
    )
    line = compare(table).loc["drug"]
    assert line["unit"] == "biological_replicate"
    assert (line["n"], line["n_wells"], line["n_plates"], line["n_biological"]) == (3, 6, 3, 3)
    differences = np.array(gaps) - 0.05
    assert line["difference"] == pytest.approx(differences.mean())
    assert line["p_t"] == pytest.approx(stats.ttest_1samp(differences, 0).pvalue)
    assert line["rank_test"] == "signed_rank (exact)"
    assert line["p_rank"] == pytest.approx(0.25)
    assert "can't go below p = 0.25" in line["note"]


def test_plates_of_one_replicate_are_blocks_of_wells():
    table = pd.concat(
        [
            groups({"vehicle": [0.0, 0.2, 0.1], "drug": [1.0, 1.3, 0.9]}, plate="P"),
            groups({"vehicle": [5.0, 5.2, 5.3], "drug": [6.0, 6.3, 6.2]}, plate="Q"),
        ]
    ).assign(biological_replicate="day 1")
    line = compare(table).loc["drug"]
    assert line["unit"] == "well_within_plate"
    assert line["rank_test"] == "van_elteren (exact)"
    assert line["p_rank"] == pytest.approx(2 / 400)
    assert line["difference"] == pytest.approx(((3.2 - 0.3) / 3 + (18.5 - 15.5) / 3) / 2)
    assert line["p_t"] < 1e-4
    assert "one biological replicate" in line["note"]


def test_each_vehicle_group_has_its_own_reference():
    table = groups({"vehicle (DMSO)": [0.0, 0.1, 0.2], "a": [1.0, 1.1, 1.2],
                    "vehicle (saline)": [5.0, 5.1, 5.2], "b": [5.0, 5.2, 5.4]})  # fmt: skip
    table["vehicle_group"] = ["DMSO"] * 6 + ["saline"] * 6
    found = compare(table)
    assert found.loc["a", "reference"] == "vehicle (DMSO)"
    assert found.loc["a", "difference"] == pytest.approx(1.0)
    assert found.loc["b", "difference"] == pytest.approx(0.1)
    assert found.loc["b", "p_t_holm"] == found.loc["b", "p_t"]


def test_strata_are_compared_apart():
    table = groups({"vehicle | A": [0.0, 0.1, 0.2], "x | A": [1.0, 1.1, 1.2],
                    "vehicle | B": [5.0, 5.1, 5.2], "x | B": [5.0, 5.1, 5.2]})  # fmt: skip
    table["stratum"] = ["A"] * 6 + ["B"] * 6
    assert compare(table)["difference"].tolist() == pytest.approx([1.0, 0.0])


def test_wells_out_of_effect_are_passed_over_and_lost_ones_named():
    table = groups({"vehicle": VEHICLE, "drug": [0.5, 0.6, 0.7, 99.0, np.nan]})
    table["state"] = ["intact"] * 8 + ["unscorable", "lost"]
    line = compare(table).loc["drug"]
    assert line["n"] == 3
    assert line["mean"] == pytest.approx(0.6)
    assert line["note"].startswith("1 lost well(s) have no value here")


def test_the_last_common_time_is_compared():
    early = groups({"vehicle": VEHICLE, "drug": WEAK}, time_h=24.0)
    late = groups({"vehicle": VEHICLE, "drug": STRONG}, time_h=48.0)
    both = pd.concat([early, late])
    assert compare(both).loc["drug", "mean"] == pytest.approx(np.mean(STRONG))
    assert compare(both, time_h=24.2).loc["drug", "mean"] == pytest.approx(np.mean(WEAK))
    assert compare(both).loc["drug", "time_h"] == 48
    with pytest.raises(RequestError, match="between 24 and 48 h"):
        compare(both, time_h=90)


def test_three_wells_say_what_ranks_can_not():
    line = compare(groups({"vehicle": [1.0, 2.0, 3.0], "drug": [7.0, 8.0, 9.0]})).loc["drug"]
    assert line["p_rank"] == pytest.approx(0.1)
    assert "can't go below p = 0.1" in line["note"]


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"drug": [1.0, 2.0, 3.0]}, "no vehicle"),
        ({"vehicle": [1.0, 2.0, 3.0], "drug": [np.nan, np.nan]}, "No value of this condition"),
        ({"vehicle": [2.0, 2.0, 2.0], "drug": [2.0, 2.0]}, "All values are the same"),
        ({"vehicle": [2.0], "drug": [3.0]}, "One value on each side"),
        ({"vehicle": [2.0, 2.5, 2.1], "drug": [3.0]}, "One well only"),
    ],
)
def test_what_can_not_be_said_is_said(values, word):
    table = groups(values)
    line = compare(table).loc["drug"]
    assert word in line["note"]
    tests = [line["p_t"], line["p_dunnett"]]
    assert np.isnan(tests).all() or word == "One well only"


def test_tables_without_anything():
    empty = groups({"vehicle": [1.0], "drug": [2.0]}).iloc[:0]
    assert list(compare_with_vehicle(empty, ["value"]).columns) == list(COLUMNS)
    assert compare_with_vehicle(groups({"vehicle": [1.0, 2.0]}), ["value"]).empty
    all_nan = groups({"vehicle": [np.nan] * 3, "drug": [np.nan] * 3})
    assert "No value" in compare(all_nan).loc["drug", "note"]


def test_requests_that_can_not_be_met():
    table = groups({"vehicle": VEHICLE, "drug": WEAK})
    with pytest.raises(RequestError, match="no column area"):
        compare_with_vehicle(table, ["area"])
    with pytest.raises(RequestError, match="name the column"):
        compare_with_vehicle(table)
    with pytest.raises(RequestError, match="more than one row"):
        compare_with_vehicle(pd.concat([table, table]), ["value"])


def test_wells_without_a_condition_are_no_condition():
    table = groups({"vehicle": VEHICLE, "drug": WEAK})
    table.loc[table.index[-1], "condition"] = None
    assert compare(table).loc["drug", "n"] == 2
    assert compare_with_vehicle(table.assign(condition=np.nan), ["value"]).empty
