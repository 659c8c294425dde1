"""What an index may claim: intervals where its model holds, words where it does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq

from spheroid_qc.response.synergy.loewe import HillCurve
from tests.response.synergy.test_synergy_table import CURVES, analyse, bliss, loewe, mean_of, plate

PARTIAL = (HillCurve(1.0, 1.2, 0.6), HillCurve(0.1, 2.0, 0.9))


def index_of(result):
    return result[result["method"] == "combination_index"]


def test_a_drug_that_levels_off_has_no_index_interval_and_the_note_says_why():
    found = index_of(analyse(plate(PARTIAL, bliss, n=4, sd=0.02, seed=1)))
    known = found[found["value"].notna()]
    assert len(known) > 4
    assert known["low"].isna().all()
    assert known["high"].isna().all()
    assert known["note"].str.contains("depart from median effect lines").all()
    assert not found["note"].str.contains("Synergistic").any()


@pytest.mark.parametrize("digits", [None, 6])
def test_clean_wells_with_replicates_are_no_lack_of_fit(digits):
    table = plate([HillCurve(1.0, 1.5)] * 2, lambda c, d: float(c[0].effect(d.sum())), n=3)
    if digits:
        table["response"] = table["response"].round(digits)
    found = index_of(analyse(table))
    assert found[["low", "high"]].to_numpy(float) == pytest.approx(np.ones((11, 2)), abs=1e-4)
    assert not found["note"].str.contains("depart").any()


def test_what_single_plates_refuse_their_mean_does_not_claim():
    tables = [plate(PARTIAL, bliss, n=3, sd=0.02, seed=s).assign(plate=f"P{s}") for s in range(3)]
    found = index_of(analyse(pd.concat(tables)))
    together = found[(found["plate"] == "all") & found["value"].notna()]
    assert len(together) > 4
    assert together["low"].isna().all()
    assert together["note"].str.contains("depart from median effect lines on 3 plates").all()


def test_the_mean_over_plates_is_additive_where_the_drugs_are():
    """Logarithms push the line of a noisy series off by a little, on every plate the same way."""
    called = 0
    for first in range(0, 30, 3):
        tables = [plate(CURVES[:2], loewe, n=3, sd=0.05, seed=s).assign(plate=f"P{s}")
                  for s in range(first, first + 3)]  # fmt: skip
        found = index_of(analyse(pd.concat(tables)))
        rows = found[(found["plate"] == "all") & found["level"].isin(["fa=0.50", "fa=0.75"])]
        assert rows["low"].notna().all()
        called += rows["note"].str.contains("Synergistic").any()
    assert called <= 2


def test_median_effect_drugs_have_index_intervals():
    found = index_of(analyse(plate(CURVES[:2], loewe, n=4, sd=0.02, seed=1)))
    known = found[found["value"].notna()]
    assert known["low"].notna().all()
    assert (known["low"] <= known["value"]).all()
    assert not found["note"].str.contains("depart").any()


def test_the_interval_at_an_effect_holds_where_the_index_bends():
    """Independent drugs of unequal slopes: the index falls along the ray, not evenly."""
    ec50 = np.array([curve.ec50 for curve in CURVES[:2]])
    scale = brentq(lambda c: bliss(CURVES[:2], c * ec50) - 0.95, 0.01, 100)
    alone = np.array([c.ec50 * 19 ** (1 / c.hill) for c in CURVES[:2]])
    true = float((scale * ec50 / alone).sum())
    found = []
    for seed in range(12):
        result = index_of(analyse(plate(CURVES[:2], bliss, n=6, sd=0.03, seed=seed)))
        found.append(result.set_index("level").loc["fa=0.95"])
    # The model of an evenly changing index holds it on fewer than two thirds of such plates.
    assert sum(row["low"] < true < row["high"] for row in found) >= 11


def test_series_of_a_matrix_are_judged_together_at_an_effect():
    """Some ratio seems synergistic somewhere on many additive plates; few survive Holm."""
    messages = []
    for seed in range(12):
        found = index_of(analyse(plate(CURVES[:2], loewe, n=3, sd=0.06, seed=seed, matrix=True)))
        rows = found[found["level"].str.startswith("fa=")]
        messages.append(rows["note"].str.contains("Synergistic at this effect").any())
    assert sum(messages) <= 2


def test_loewe_allows_for_a_full_effect_that_the_doses_do_not_reach():
    table = plate(CURVES[:2], loewe, n=3, sd=0.03, seed=11)
    low = table["dose_1_um"].le(0.5) & table["dose_2_um"].le(0.05)
    line = mean_of(analyse(table[low]), "loewe_excess")
    assert line["low"] < 0 < line["high"]
    assert np.isfinite([line["low"], line["high"]]).all()


def test_a_drug_that_does_next_to_nothing_has_no_index_whatever_line_its_noise_draws():
    idle = HillCurve(3.0, 1.6, 0.0)
    for seed in range(12):
        found = index_of(analyse(plate((*CURVES[:1], idle), bliss, n=4, sd=0.03, seed=seed)))
        assert found["value"].isna().all()
    assert found["note"].str.startswith("No combination index.").all()
    assert found["note"].str.contains("b alone").all()
    weak = HillCurve(3.0, 1.6, 0.25)  # an effect that is seen, and a line
    found = index_of(analyse(plate((*CURVES[:1], weak), bliss, n=4, sd=0.01, seed=1)))
    assert not found["note"].str.contains("next to no effect").any()


def test_a_drug_whose_effect_has_no_sigmoid_shape_is_not_said_to_do_nothing():
    """Profiles of 0, 0, 0.3, 0 and of 0.15 falling to 0: no curve fits, but wells tell."""
    for profile in ((0.02, 0.02, 0.3, 0.02), (0.02, 0.2, 0.1, 0.03)):
        for seed in range(8):
            rng = np.random.default_rng(seed)
            amounts = np.array([0.5, 1.0, 2.0, 4.0])
            rows = [(a, 0.0, a / (a + 1)) for a in amounts]
            rows += [(0.0, b, f) for b, f in zip(amounts, profile, strict=True)]
            rows += [(a, b, a / (a + 1)) for a, b in zip(amounts, amounts, strict=True)]
            each = np.repeat(np.array(rows), 4, axis=0)
            table = pd.DataFrame({
                "drug_1": "a", "dose_1_um": each[:, 0], "drug_2": "b", "dose_2_um": each[:, 1],
                "response": each[:, 2] + 0.04 * rng.standard_normal(len(each)),
            })  # fmt: skip
            assert not index_of(analyse(table))["note"].str.contains("next to no effect").any()


def test_value_and_interval_are_of_one_model():
    """The value lies in the middle of its interval, by logarithms, wherever that is bounded."""
    for seed in (1, 2, 5):
        found = index_of(analyse(plate(CURVES[:2], loewe, n=3, sd=0.05, seed=seed)))
        found = found[found["high"].notna() & (found["low"] > 0)]
        assert len(found) > 8
        middle = np.sqrt(found["low"] * found["high"])
        assert middle.to_numpy() == pytest.approx(found["value"].to_numpy(), rel=1e-6)


def one_vehicle_well(seed, n=3, sd=0.05):
    """Additive drugs, all wells against a single vehicle well with an error of its own."""
    table = plate(CURVES[:2], loewe, n=n, sd=sd, seed=seed)
    vehicle = (table["dose_1_um"] == 0) & (table["dose_2_um"] == 0)
    table = table[~vehicle | ~vehicle.duplicated()]
    signal = 1 - table["response"]
    return table.assign(response=1 - signal / signal[vehicle].iloc[0])


def test_a_wrong_vehicle_makes_no_weak_dose_synergistic():
    """The drugs alone tell how far off the vehicle is; the combination is held against that."""
    missed = called = 0
    for seed in range(12):
        found = index_of(analyse(one_vehicle_well(seed, n=6), reference="mean"))
        weak = found[found["level"] == "dose"].nsmallest(2, "fa")
        missed += int((weak["high"] < 0.98).sum())
        called += int(weak["note"].str.contains("Synergistic").sum())
    assert missed <= 3
    assert called <= 1


def test_an_effect_that_is_below_the_fitted_vehicle_has_an_index_without_upper_bound():
    table = one_vehicle_well(3)
    signal = (1 - table["response"]) * 0.87  # the vehicle well was too high
    vehicle = (table["dose_1_um"] == 0) & (table["dose_2_um"] == 0)
    table = table.assign(response=(1 - signal).where(~vehicle, 0.0))
    both = (table["dose_1_um"] > 0) & (table["dose_2_um"] > 0)
    weakest = both & (table["dose_1_um"] == table.loc[both, "dose_1_um"].min())
    table.loc[weakest, "response"] = [0.01, 0.02, 0.03]
    found = index_of(analyse(table, reference="mean"))
    found = found.query("level == 'dose'").nsmallest(1, "fa").iloc[0]
    assert found["fa"] == pytest.approx(0.02)
    assert found["low"] > 0
    assert np.isnan(found["high"])
    assert "no upper bound" in found["note"]


@pytest.mark.parametrize("n", [3, 6])
def test_single_doses_of_additive_drugs_are_seldom_called(n):
    """36 doses, half of them near full effect, where intervals are lopsided."""
    called = {"Synergistic": 0, "Antagonistic": 0}
    for seed in range(24):
        table = plate(CURVES[:2], loewe, n=n, sd=0.05, seed=seed, matrix=True)
        notes = index_of(analyse(table)).query("level == 'dose'")["note"]
        for word in called:
            called[word] += int(notes.str.contains(word).any())
    assert max(called.values()) <= 3


def test_at_an_effect_beyond_the_measured_ones_both_models_count():
    """Shallow additive drugs: a curve that reaches 0.95 was often bent there by chance."""
    shallow, called = (HillCurve(1.0, 0.6), HillCurve(0.1, 0.6)), 0
    for seed in range(15):
        found = index_of(analyse(plate(shallow, loewe, n=3, sd=0.05, seed=seed)))
        beyond = found[found["level"].isin(["fa=0.90", "fa=0.95"])]
        called += int(beyond["note"].str.contains("Synergistic").any())
    assert called <= 1
