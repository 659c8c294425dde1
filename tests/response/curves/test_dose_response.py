"""The table of dose responses: columns, qualifiers, words where there is no number."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import ResponseParameters
from spheroid_qc.response.curves.dose_response import DOSE_RESPONSE_COLUMNS, dose_response_table
from spheroid_qc.response.response_table import read_responses

SHORT = {"pac": "paclitaxel", "cis": "cisplatin", "top": "topotecan"}


def chou_table(shared):
    record = json.loads((shared / "oracles" / "chou1994_table3.json").read_text())
    rows = [
        {"drug_1": drug, "dose_1_um": dose, "response": fa}
        for drug, data in record["single"].items()
        for dose, fa in zip(data["D"], data["fa"], strict=True)
    ]
    for pair, data in record["combo"].items():
        first, second = pair.split("+")
        factor = data["ratio"][1] / data["ratio"][0]
        rows += [
            {
                "drug_1": SHORT[first],
                "dose_1_um": dose,
                "drug_2": SHORT[second],
                "dose_2_um": dose * factor,
                "response": fa,
            }
            for dose, fa in zip(data[f"D_{first}"], data["fa"], strict=True)
        ]
    return pd.DataFrame(rows), record


def series(ec50=1.0, hill=1.5, emax=1.0, n=3, top=30.0, noise=0.02, seed=0, drug="a", **more):
    rng = np.random.default_rng(seed)
    dose = np.repeat([0, *np.geomspace(top / 3**7, top, 8)], n)
    effect = emax * dose**hill / (dose**hill + ec50**hill) + rng.normal(0, noise, dose.size)
    return pd.DataFrame({"drug_1": drug, "dose_1_um": dose, "response": effect} | more)


def only(table, **settings):
    result = dose_response_table(read_responses(table), ResponseParameters(**settings))
    assert len(result) == 1
    return result.iloc[0]


def test_ryegrass_as_a_raw_response(shared):
    data = pd.read_csv(shared / "oracles" / "ryegrass_drc.csv")
    table = pd.DataFrame({"drug_1": "acid", "dose_1_um": data["conc"], "response": data["rootl"]})
    line = dose_response_table(read_responses(table, "raw")).iloc[0]
    assert line["n"] == 24
    numbers = line[["hill", "emax", "e0", "ec10_um", "ec50_um", "ec90_um"]].astype(float)
    assert numbers.tolist() == pytest.approx(
        [2.98222, 0.48141, 7.79296, 1.46371, 3.05795, 6.38864], abs=2e-5
    )
    wald = line[["ec50_wald_low_um", "ec50_wald_high_um"]].astype(float).tolist()
    assert wald == pytest.approx([2.67053, 3.44538], abs=1e-5)
    assert line["ec50_low_um"] == pytest.approx(2.6911, abs=1e-3)
    assert line["ec50_high_um"] == pytest.approx(3.4754, abs=1e-3)
    assert np.isnan(line["median_effect_dm_um"])
    half = line["e0"] / 2
    share = (half - line["e0"]) / (line["emax"] - line["e0"])
    expected = line["ec50_um"] * (share / (1 - share)) ** (1 / line["hill"])
    assert line["ic50_abs_um"] == pytest.approx(expected)


def test_chou_single_agents_and_total_doses(shared):
    table, record = chou_table(shared)
    result = dose_response_table(read_responses(table)).set_index("drug")
    assert list(result.index) == [
        *record["single"],
        "paclitaxel + cisplatin",
        "paclitaxel + topotecan",
        "cisplatin + topotecan",
    ]
    for name, expected in record["recomputed"]["Dm,m,r"].items():
        row = result.loc[" + ".join(SHORT.get(part, part) for part in name.split("+"))]
        measured = row[[f"median_effect_{x}" for x in ("dm_um", "m", "r")]].astype(float)
        assert measured.tolist() == pytest.approx(expected, abs=1e-5)


def test_columns_are_those_of_the_contract():
    result = dose_response_table(read_responses(series()))
    assert tuple(result.columns) == DOSE_RESPONSE_COLUMNS
    several = dose_response_table(read_responses(pd.concat(
        [series(plate=p, time_h=t, seed=t) for p in ("P", "Q") for t in (24, 48)]
    )))  # fmt: skip
    assert tuple(several.columns) == ("time_h", "plate", *DOSE_RESPONSE_COLUMNS)
    assert list(several["plate"]) == ["P", "Q", "all"]
    assert set(several["time_h"]) == {48}
    assert several["note"].str.contains("48 h, the last time").all()


def test_beyond_the_tested_doses_nothing_is_extrapolated():
    line = only(series(ec50=100.0, hill=1.0, top=10.0, noise=0.005))
    for name in ("ec50", "ec90", "ic50_abs"):
        assert (line[f"{name}_um"], line[f"{name}_qualifier"]) == (pytest.approx(10.0), ">")
    assert "Not extrapolated" in line["note"]
    low = only(series(ec50=1e-4, top=30.0))
    assert low["ec50_qualifier"] == "<"
    assert low["ec50_um"] == pytest.approx(30 / 3**7)


def test_absolute_and_relative_are_told_apart():
    line = only(series(emax=0.8, noise=0.001))
    assert line["ec50_um"] == pytest.approx(1.0, rel=0.02)
    assert line["ic50_abs_um"] == pytest.approx((5 / 3) ** (1 / 1.5), rel=0.02)
    assert line["ic50_abs_low_um"] < line["ic50_abs_um"] < line["ic50_abs_high_um"]
    weak = only(series(emax=0.4, noise=0.001))
    assert weak["ec50_qualifier"] == ""
    assert (weak["ic50_abs_qualifier"], weak["ic50_abs_um"]) == (">", pytest.approx(30.0))
    assert "stays below" in weak["note"]


@pytest.mark.parametrize("response", [0.3, np.r_[0.31, 0.29, 0.3]])
def test_a_constant_response_has_no_ec50(response):
    table = series(n=3)
    table["response"] = np.resize(response, len(table))
    line = only(table)
    assert np.isnan(line["ec50_um"])
    assert "No dose response" in line["note"]
    assert line["ec50_qualifier"] == ""


def test_one_dose_is_too_few_and_says_so():
    table = pd.DataFrame({"drug_1": "a", "dose_1_um": [0, 0, 1, 1], "response": [0, 0.1, 0.5, 0.6]})
    line = only(table)
    assert "2 doses (with the vehicle) are too few" in line["note"]
    assert np.isnan(line["ec50_um"])


def test_fixed_asymptotes_are_kept():
    line = only(series(), e0=0.0, emax=1.0)
    assert (line["e0"], line["emax"]) == (0, 1)
    assert line["ec50_um"] == pytest.approx(1, rel=0.1)


def test_shuffling_renaming_units_and_percent_change_nothing():
    table = pd.concat([series(), series(ec50=3, drug="b", seed=1)], ignore_index=True)
    one = dose_response_table(read_responses(table))
    shuffled = table.sample(frac=1, random_state=3)
    other = dose_response_table(read_responses(shuffled)).set_index("drug").loc[["a", "b"]]
    pd.testing.assert_frame_equal(other.reset_index(), one, check_exact=True)
    renamed = table.replace({"drug_1": {"a": "zeta", "b": "alpha"}})
    again = dose_response_table(read_responses(renamed))
    pd.testing.assert_frame_equal(again.drop(columns="drug"), one.drop(columns="drug"))
    nano = table.assign(dose_1_um=table["dose_1_um"] * 1000)
    in_nano = dose_response_table(read_responses(nano))
    doses = [c for c in one.columns if c.endswith("_um")]
    assert in_nano[doses].to_numpy() / 1000 == pytest.approx(
        one[doses].to_numpy(), rel=1e-5, nan_ok=True
    )
    percent = table.assign(response=100 * (1 - table["response"]))
    as_percent = dose_response_table(read_responses(percent, "viability", "percent"))
    assert as_percent["ec50_um"].tolist() == pytest.approx(one["ec50_um"].tolist(), rel=1e-6)


def test_plates_are_units_and_their_mean_has_an_interval_between_them():
    truths = {"P": 1.0, "Q": 2.0, "R": 4.0}
    table = pd.concat([series(ec50=e, plate=p, seed=i) for i, (p, e) in enumerate(truths.items())])
    result = dose_response_table(read_responses(table))
    every = result.iloc[-1]
    single = result["ec50_um"][:3].astype(float)
    assert every["plate"] == "all"
    assert every["interval"] == "biological"
    assert every["ec50_um"] == pytest.approx(np.exp(np.log(single).mean()))
    half = 4.302653 * np.log(single).std(ddof=1) / 3**0.5
    assert every["ec50_high_um"] == pytest.approx(every["ec50_um"] * np.exp(half), rel=1e-5)


def test_parameters_of_several_plates_are_those_of_plates_that_have_a_curve():
    """Of a plate without one, `e0` holds the mean of all its wells."""
    flat = series(emax=0.0, seed=3).assign(plate="P3")
    flat["response"] += 0.4
    curves = [series(seed=s).assign(plate=f"P{s}") for s in (1, 2)]
    found = dose_response_table(read_responses(pd.concat([*curves, flat]))).set_index("plate")
    assert found.loc["P3", "e0"] == pytest.approx(0.4, abs=0.02)
    assert np.isnan(found.loc["P3", "ec50_um"])
    for name in ("e0", "emax"):
        mean = found.loc[["P1", "P2"], name].mean()
        assert found.loc["all", name] == pytest.approx(mean)


def test_other_units_stand_in_their_own_columns():
    table = series().rename(columns={"dose_1_um": "dose_1"}).assign(unit_1="Gy")
    line = only(table)
    assert line["unit"] == "Gy"
    assert np.isnan(line["ec50_um"])
    assert line["ec50"] == pytest.approx(1, rel=0.1)


def test_times_must_be_common_and_known():
    table = pd.concat([series(plate="P", time_h=24), series(plate="Q", time_h=48)])
    with pytest.raises(RequestError, match="no time in common"):
        dose_response_table(read_responses(table))
    with pytest.raises(RequestError, match="No response at 30 h"):
        dose_response_table(read_responses(table), ResponseParameters(time_h=30))
    chosen = dose_response_table(read_responses(table), ResponseParameters(time_h=24))
    assert set(chosen["plate"]) == {"P"}


def test_a_step_without_scatter_is_no_traceback():
    dose = np.repeat([0.0, 0.125, 0.25, 0.5, 1, 2, 4], 3)
    table = pd.DataFrame({"drug_1": "a", "dose_1_um": dose, "response": (dose > 0.4) * 1.0})
    for kind in ("fa", "raw"):
        line = dose_response_table(read_responses(table, kind)).iloc[0]
        assert 0.25 < line["ec50_um"] < 0.5
        assert not line["ec50_low_um"] > line["ec50_um"]
        assert not line["ec50_high_um"] < line["ec50_um"]


def test_the_full_effect_of_a_fraction_has_an_interval_that_is_one():
    rng = np.random.default_rng(3)
    dose = np.repeat([0.0, *3.0 ** np.arange(-3, 4)], 3)
    for top in (0.6, 1.0):
        effect = top * dose**1.5 / (dose**1.5 + 1) + 0.05 * rng.standard_normal(len(dose))
        wells = pd.DataFrame({"drug_1": "a", "dose_1_um": dose, "response": effect})
        line = dose_response_table(read_responses(wells)).iloc[0]
        assert line["emax_low"] < line["emax"] <= line["emax_high"]
        assert line["emax_low"] < top <= line["emax_high"] <= max(1, line["emax"])
        raw = wells.assign(response=900 - 800 * effect)
        line = dose_response_table(read_responses(raw, "raw")).iloc[0]
        assert line["emax_low"] < 900 - 800 * top < line["emax_high"]
    fixed = dose_response_table(read_responses(wells), ResponseParameters(emax=1.0)).iloc[0]
    assert np.isnan([fixed["emax_low"], fixed["emax_high"]]).all()


def test_a_slope_at_either_limit_says_on_which_side_it_may_lie():
    effects = {0.0: 0.0, 0.8: 0.0, 0.9: 0.0, 1.0: 0.3, 1.1: 1.0, 1.2: 1.0}
    wells = [(dose, effect + e) for dose, effect in effects.items() for e in (-0.01, 0.0, 0.01)]
    steep = only(pd.DataFrame(wells, columns=["dose_1_um", "response"]).assign(drug_1="a"))
    assert "limit of 20: it may be steeper, a step anywhere between" in steep["note"]
    wells = [(10.0**k, 0.5 + 0.005 * k + e) for k in range(-4, 5) for e in (-0.01, 0.0, 0.01)]
    table = pd.DataFrame(wells, columns=["dose_1_um", "response"]).assign(drug_1="a")
    assert "limit of 0.05: it may be shallower" in only(table, e0=0.0, emax=1.0)["note"]
