"""The table of synergy: published means, nulls that stay null, words with every number."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import ResponseParameters
from spheroid_qc.response.response_table import read_responses
from spheroid_qc.response.synergy.loewe import HillCurve, loewe_effect
from spheroid_qc.response.synergy.synergy_table import SYNERGY_COLUMNS, synergy_table
from spheroid_qc.response.synergy.synergyfinder_export import synergyfinder_table
from spheroid_qc.response.wells_analysed_together import fixed_ratios
from tests.response.curves.test_dose_response import chou_table

CURVES = (HillCurve(1.0, 1.0), HillCurve(0.1, 2.5), HillCurve(3.0, 1.6))
LEVELS = 2.0 ** np.arange(-3, 3)


def bliss(curves, doses):
    return 1 - np.prod([1 - c.effect(d) for c, d in zip(curves, doses, strict=True)])


def loewe(curves, doses):
    return float(loewe_effect(doses, curves))


def plate(curves, effect, n=1, sd=0.0, seed=0, boost=0.0, matrix=False):
    """Vehicle, drugs alone, and all combinations of them, as a tidy table."""
    rng = np.random.default_rng(seed)
    k = len(curves)
    rows = [np.zeros(k)]
    for size in range(1, k + 1):
        for drugs in itertools.combinations(range(k), size):
            amounts = itertools.product(LEVELS[::2], repeat=size) if matrix else (
                [level] * size for level in LEVELS)  # fmt: skip
            for amount in amounts:
                row = np.zeros(k)
                row[list(drugs)] = np.array(amount) * [curves[i].ec50 for i in drugs]
                rows.append(row)
    lines = []
    for row in rows:
        for _ in range(n):
            extra = boost if (row > 0).sum() > 1 else 0.0
            value = (
                effect(curves, row) + extra + rng.normal(0, sd) if row.any() else rng.normal(0, sd)
            )
            line = {"response": value}
            for i in range(k):
                line |= {f"drug_{i + 1}": "abcd"[i], f"dose_{i + 1}_um": row[i]}
            lines.append(line)
    return pd.DataFrame(lines)


def analyse(table, *how, reference="", **settings):
    settings = {"resamples": 1000} | settings
    return synergy_table(
        read_responses(table, *how, reference=reference), ResponseParameters(**settings)
    )


def mean_of(result, method, combination=None):
    chosen = result[(result["method"] == method) & (result["level"] == "mean")]
    if combination:
        chosen = chosen[chosen["combination"] == combination]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_screening_matrix_as_published(shared):
    block = pd.read_csv(shared / "oracles" / "mathews_block1.csv")
    table = block.rename(columns={"drug_row": "drug_1", "drug_col": "drug_2"})
    table = table.assign(dose_1_um=block["conc_r"] / 1000, dose_2_um=block["conc_c"] / 1000)
    result = analyse(table, "viability", "percent")
    line = mean_of(result, "bliss_excess")
    assert line["combination"] == "ispinesib + ibrutinib"
    assert 100 * line["value"] == pytest.approx(10.856, abs=6e-4)
    assert 100 * mean_of(result, "hsa_excess")["value"] == pytest.approx(20.195, abs=6e-4)
    assert line["n"] == 25
    assert np.isnan(line["low"])
    assert "no replicates" in line["note"]


def test_chou_doublets_as_published(shared):
    table, record = chou_table(shared)
    result = analyse(table)
    assert tuple(result.columns) == SYNERGY_COLUMNS
    names = {"pac+cis": "paclitaxel + cisplatin", "cis+top": "cisplatin + topotecan",
             "pac+top": "paclitaxel + topotecan"}  # fmt: skip
    for pair, name in names.items():
        own = result[(result["combination"] == name) & (result["method"] == "combination_index")]
        at_levels = own[own["level"].str.startswith("fa=")]
        assert list(at_levels["level"]) == ["fa=0.50", "fa=0.75", "fa=0.90", "fa=0.95"]
        assert at_levels["value"].tolist() == pytest.approx(
            record["recomputed"]["CI at fa .50/.75/.90/.95"][pair], abs=1e-5
        )
        at_doses = own[own["level"] == "dose"]
        assert at_doses["value"].tolist() == pytest.approx(
            record["recomputed"]["CI at observed fa"][pair], abs=1e-5
        )
        mean = own[own["level"] == "mean"].iloc[0]
        assert mean["value"] == pytest.approx(np.exp(np.log(at_doses["value"]).mean()))
        known = own.dropna(subset=["low", "high"])
        assert ((known["low"] <= known["value"]) & (known["value"] <= known["high"])).all()
    extreme = result[result["combination"].str.contains("topotecan")]
    assert extreme.query("method == 'combination_index'")["note"].str.contains("0.99").all()


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("hill", [0.6, 1.0, 3.0])
def test_a_sham_combination_is_exactly_additive(k, hill):
    curves = [HillCurve(1.0, hill)] * k
    result = analyse(plate(curves, lambda c, d: float(c[0].effect(d.sum()))))
    index = result[result["method"] == "combination_index"]
    assert len(index) > 10
    assert index["value"].to_numpy(float) == pytest.approx(np.ones(len(index)), rel=1e-9)
    excess = result.query("method == 'loewe_excess'")["value"].to_numpy(float)
    assert excess == pytest.approx(np.zeros(len(excess)), abs=1e-6)


@pytest.mark.parametrize("matrix", [False, True])
@pytest.mark.parametrize("k", [2, 3])
def test_independent_drugs_have_no_bliss_excess(k, matrix):
    if k == 3 and matrix:
        pytest.skip("the same as in two dimensions, only slower")
    result = analyse(plate(CURVES[:k], bliss, matrix=matrix))
    excess = result.query("method == 'bliss_excess'")["value"].to_numpy(float)
    assert excess == pytest.approx(np.zeros(len(excess)), abs=1e-12)


def test_unequal_slopes_are_additive_by_loewe_too():
    result = analyse(plate(CURVES, loewe))
    at_doses = result.query("method == 'combination_index' and level == 'dose'")
    assert at_doses["value"].to_numpy(float) == pytest.approx(np.ones(len(at_doses)), rel=1e-7)
    excess = result.query("method == 'loewe_excess'")["value"].to_numpy(float)
    assert excess == pytest.approx(np.zeros(len(excess)), abs=1e-6)


def test_synergy_is_seen_and_said():
    result = analyse(plate(CURVES[:2], bliss, n=3, sd=0.02, boost=0.1))
    line = mean_of(result, "bliss_excess")
    assert line["low"] > 0
    assert line["value"] == pytest.approx(0.1, abs=0.03)
    assert "Synergistic on average" in line["note"]
    doses = result.query("method == 'bliss_excess' and level == 'dose'")
    assert doses["note"].str.contains("Holm-adjusted p").all()


def test_antagonism_is_no_synergy():
    result = analyse(plate(CURVES[:2], bliss, n=3, sd=0.02, boost=-0.15))
    line = mean_of(result, "bliss_excess")
    assert line["high"] < 0
    assert "Antagonistic" in line["note"]
    assert not result["note"].str.contains("Synergistic").any()


def test_bliss_interval_by_hand():
    """Three wells each: pooled variance, gradient of the product."""
    table = pd.DataFrame(
        [{"drug_1": "a", "dose_1_um": 1.0, "drug_2": "", "dose_2_um": 0, "response": r}
         for r in (0.2, 0.3, 0.4)]
        + [{"drug_1": "b", "dose_1_um": 1.0, "drug_2": "", "dose_2_um": 0, "response": r}
           for r in (0.5, 0.5, 0.8)]
        + [{"drug_1": "a", "dose_1_um": 1.0, "drug_2": "b", "dose_2_um": 1.0, "response": r}
           for r in (0.85, 0.9, 0.95)]
    )  # fmt: skip
    line = analyse(table, resamples=20_000).query("level == 'dose'").iloc[0]
    assert line["method"] == "bliss_excess"
    assert line["value"] == pytest.approx(0.9 - (1 - 0.7 * 0.4))
    variance = (0.02 + 0.06 + 0.005) / 6
    half = 2.446912 * np.sqrt(variance / 3 * (1 + 0.4**2 + 0.7**2))
    # Drawn with the error of draws, and the product of two errors is no straight line.
    assert (line["low"], line["high"]) == pytest.approx(
        (line["value"] - half, line["value"] + half), abs=0.05 * half
    )
    assert line["n"] == 3


def test_the_vehicle_s_error_counts_where_effects_were_normalised_to_it():
    table = plate(CURVES[:2], bliss, n=3, sd=0.03, seed=5)
    vehicle = (table["dose_1_um"] == 0) & (table["dose_2_um"] == 0)
    signal = 1 - table["response"]
    normalised = table.assign(response=1 - signal / signal[vehicle].mean())
    line, other = (
        mean_of(analyse(normalised, reference=of), "bliss_excess") for of in ("mean", "")
    )
    assert line["value"] == pytest.approx(other["value"])
    assert line["high"] - line["low"] > 1.02 * (other["high"] - other["low"])


def test_the_best_doublet_is_chosen_anew_and_an_inert_third_drug_adds_nothing():
    curves = (*CURVES[:2], HillCurve(1.0, 1.0, 0.0))
    table = plate(curves, bliss, n=3, sd=0.04, seed=2)
    few = table["dose_1_um"].isin([0, 0.5, 1.0]) & table["dose_2_um"].isin([0, 0.05, 0.1])
    few &= table["dose_3_um"].isin([0, 0.5, 1.0])
    result = analyse(table[few])
    line = mean_of(result, "excess_over_best_doublet", "a + b + c")
    assert line["low"] < 0 < line["high"]
    assert "Better" not in line["note"]
    gain = bliss(CURVES[:1], [0.5])
    table.loc[few & (table["dose_1_um"] * table["dose_2_um"] * table["dose_3_um"] > 0),
              "response"] += 0.3 * gain  # fmt: skip
    strong = analyse(table[few])
    assert "Better than its best part" in mean_of(strong, "excess_over_best_doublet")["note"]


def test_bounds_of_an_excess_stay_differences_of_fractions():
    table = plate(CURVES[:2], bliss, n=2, sd=0.6, seed=1)
    found = analyse(table)
    # Loewe has no interval where wells scatter so much that a drug alone gives no curve.
    rows = found[found["method"].str.endswith("excess") & found["low"].notna()]
    inside = rows["value"].abs() <= 1
    assert inside.sum() > 10
    assert rows.loc[inside, ["low", "high"]].abs().to_numpy().max() == 1
    assert not ((rows["low"] > rows["value"]) | (rows["high"] < rows["value"])).any()


def test_too_few_doses_alone_give_no_index_in_words():
    table = plate(CURVES[:2], bliss, n=3, sd=0.02)
    keep = ~((table["dose_2_um"] == 0) & (table["dose_1_um"] > 0.26))
    result = analyse(table[keep])
    line = mean_of(result, "combination_index")
    assert np.isnan(line["value"])
    assert "a alone was tested at 2 doses; an index needs at least 3" in line["note"]
    assert "No Loewe excess" in mean_of(result, "loewe_excess")["note"]
    lacking = result.query("method == 'bliss_excess' and level == 'dose' and value.isna()")
    assert len(lacking) == 4
    assert lacking["note"].str.contains("Each drug alone was not tested").all()


def test_a_bad_line_is_warned_of():
    table = plate(CURVES[:2], bliss)
    alone = (table["dose_2_um"] == 0) & (table["dose_1_um"] > 0)
    table.loc[alone, "response"] = [0.1, 0.6, 0.2, 0.5, 0.15, 0.7]
    notes = analyse(table).query("method == 'combination_index'")["note"]
    assert notes.str.contains(r"a alone fits its median effect line badly \(r = 0\.").all()


def test_effects_of_one_have_no_index():
    table = plate(CURVES[:2], bliss)
    combined = (table["dose_1_um"] > 0) & (table["dose_2_um"] > 0)
    table.loc[combined, "response"] = 1.0
    result = analyse(table).query("method == 'combination_index' and level == 'dose'")
    assert result["value"].isna().all()
    assert result["note"].str.contains("not between 0 and 1").all()


def test_shuffling_renaming_and_units_change_nothing():
    table = plate(CURVES[:2], bliss, n=3, sd=0.05, seed=7)
    one = analyse(table)
    shuffled = analyse(table.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(shuffled, one, check_exact=False, rtol=1e-9)
    names = {"a": "zeta", "b": "alpha"}
    renamed = analyse(table.replace({f"drug_{i}": names for i in (1, 2)}))
    numbers = ["fa", "value", "low", "high", "n"]
    pd.testing.assert_frame_equal(renamed[numbers], one[numbers])
    nano = table.copy()
    nano[["dose_1_um", "dose_2_um"]] *= 1000
    pd.testing.assert_frame_equal(analyse(nano)[numbers], one[numbers], rtol=1e-4)


def test_the_order_of_drugs_changes_nothing():
    table = plate(CURVES, bliss, n=2, sd=0.05, seed=7)
    table = table[table["dose_1_um"].isin([0, *LEVELS[::2]])]
    names = ["drug_2", "dose_2_um", "drug_1", "dose_1_um", "drug_3", "dose_3_um"]
    swapped = table[["response", *names]].set_axis(
        ["response", "drug_1", "dose_1_um", "drug_2", "dose_2_um", "drug_3", "dose_3_um"], axis=1
    )
    one, other = analyse(table), analyse(swapped)
    numbers = ["value", "low", "high", "n"]
    for method in ("bliss_excess", "hsa_excess", "loewe_excess", "excess_over_best_doublet"):
        line, again = (mean_of(t, method, c) for t, c in ((one, "a + b + c"), (other, "b + a + c")))
        assert again[numbers].tolist() == pytest.approx(line[numbers].tolist(), rel=1e-4)


def test_plates_are_analysed_apart_and_put_together():
    tables = [plate(CURVES[:2], bliss, n=3, sd=0.03, seed=s, boost=0.08).assign(plate=f"P{s}")
              for s in range(3)]  # fmt: skip
    result = analyse(pd.concat(tables))
    means = result.query("method == 'bliss_excess' and level == 'mean'")
    assert list(means["plate"]) == ["P0", "P1", "P2", "all"]
    alone = mean_of(analyse(tables[1].drop(columns="plate")), "bliss_excess")
    assert means.iloc[1][["value", "low", "high"]].tolist() == pytest.approx(
        alone[["value", "low", "high"]].tolist()
    )
    single = means["value"][:3].astype(float)
    assert means["value"].iloc[3] == pytest.approx(single.mean())
    half = 4.302653 * single.std(ddof=1) / 3**0.5
    assert means["high"].iloc[3] == pytest.approx(single.mean() + half)


def test_parts_on_different_plates_are_analysed_together():
    table = plate(CURVES[:2], bliss, n=3, sd=0.02)
    combined = (table["dose_1_um"] > 0) & (table["dose_2_um"] > 0)
    split = table.assign(plate=np.where(combined, "P2", "P1"))
    line = mean_of(analyse(split), "bliss_excess")
    assert line["plate"] == "all"
    assert line["value"] == pytest.approx(mean_of(analyse(table), "bliss_excess")["value"])
    assert "no plate has all the parts" in line["note"]


def test_without_single_agents_there_are_words_and_no_number():
    table = plate(CURVES[:2], bliss)
    result = analyse(table[(table["dose_1_um"] > 0) & (table["dose_2_um"] > 0)])
    assert len(result) == 1
    assert result["value"].isna().all()
    assert "each drug alone" in result["note"].iloc[0]


def test_single_drugs_give_an_empty_table_and_raw_responses_are_refused():
    table = pd.DataFrame({"drug_1": "a", "dose_1_um": [0, 1, 2], "response": [0, 0.1, 0.2]})
    assert list(analyse(table).columns) == list(SYNERGY_COLUMNS)
    assert analyse(table).empty
    for function in (synergy_table, synergyfinder_table):
        with pytest.raises(RequestError, match="Raw responses"):
            function(read_responses(table, "raw"))


def test_four_drugs_have_bliss_and_hsa():
    curves = (*CURVES, HillCurve(0.5, 1.2))
    table = plate(curves, bliss)
    doses = table[[f"dose_{i}_um" for i in range(1, 5)]] / [c.ec50 for c in curves]
    result = analyse(table[doses.isin([0, 0.5, 1.0]).all(axis=1)])
    assert "dose_4_um" in result
    assert mean_of(result, "bliss_excess", "a + b + c + d")["value"] == pytest.approx(0, abs=1e-12)
    assert mean_of(result, "hsa_excess", "a + b + c + d")["value"] > 0


def test_export_for_synergyfinder():
    table = plate(CURVES, bliss, n=2, sd=0.01)
    export = synergyfinder_table(read_responses(table))
    assert list(export.columns) == [
        "block_id", "drug1", "drug2", "drug3", "conc1", "conc2", "conc3", "response", "conc_unit",
    ]  # fmt: skip
    assert export["block_id"].nunique() == 4
    triple = export[export["block_id"] == 4]
    assert len(triple) == len(table)
    assert triple["response"].sum() == pytest.approx(100 * table["response"].sum())
    pair = export[export["block_id"] == 1]
    assert set(pair["drug3"]) == {""}
    assert ((pair["conc1"] == 0) & (pair["conc2"] == 0)).sum() == 2


def test_a_plate_without_the_drugs_alone_is_named():
    whole = plate(CURVES[:2], bliss, n=3, sd=0.02).assign(plate="P1")
    combined = (whole["dose_1_um"] > 0) & (whole["dose_2_um"] > 0)
    result = analyse(pd.concat([whole, whole[combined].assign(plate="P2")]))
    assert set(result["plate"]) == {"P1"}
    assert result["note"].str.contains("Not used: plate P2, without the drugs alone.").all()


def test_doses_written_with_few_digits_are_the_same_dose():
    table = plate(CURVES[:2], bliss)
    single = (table["dose_2_um"] == 0) & (table["dose_1_um"] > 0)
    table.loc[single, "dose_1_um"] *= 1.0004
    result = analyse(table).query("method == 'bliss_excess'")
    assert result["value"].notna().all()


def test_a_vehicle_that_is_zero_had_an_error_too():
    """Normalised to itself, a single vehicle well shows none, and moves all effects."""
    table = plate(CURVES[:2], bliss, n=3, sd=0.03)
    vehicle = (table["dose_1_um"] == 0) & (table["dose_2_um"] == 0)
    first = vehicle & ~vehicle.duplicated()
    zero = table.assign(response=table["response"].where(~vehicle, 0.0))[~vehicle | first]
    one, none = (mean_of(analyse(zero, reference=of), "bliss_excess") for of in ("mean", ""))
    assert one["value"] == none["value"]
    assert one["high"] - one["low"] > 1.05 * (none["high"] - none["low"])


def test_tied_conditions_in_another_order_give_the_same_intervals():
    """Effects cut off at 0 and 1: many means are equal, and draws may not follow the rows."""
    table = plate(CURVES, bliss, n=2, sd=0.15)
    table["response"] = table["response"].clip(0, 1).round(1)
    one = analyse(table).query("method in ['hsa_excess', 'excess_over_best_doublet']")
    doses = ["dose_1_um", "dose_2_um", "dose_3_um"]
    assert table.groupby(doses)["response"].mean().duplicated().sum() > 5
    places = dict(zip("123", "312", strict=True))  # another drug comes first
    turned = table.sample(frac=1, random_state=2).rename(
        columns=lambda name: "_".join(places.get(part, part) for part in name.split("_"))
    )
    names = dict(zip("abc", "xyz", strict=True))
    other = analyse(
        turned.assign(**{f"drug_{i}": turned[f"drug_{i}"].map(names) for i in (1, 2, 3)})
    )
    other = other[other["method"].isin(set(one["method"]))]
    assert set(other["combination"]) == {"y + z", "y + x", "z + x", "y + z + x"}
    figures = ["value", "low", "high"]
    assert sorted(map(tuple, one[figures].to_numpy())) == [
        pytest.approx(line, rel=1e-9, abs=1e-12)
        for line in sorted(map(tuple, other[figures].to_numpy()))
    ]


def test_exchangeable_drugs_have_no_first():
    """Two drugs whose wells are the same by rank: only their doses tell them apart."""
    table = plate((CURVES[1],) * 2, bliss, matrix=True)
    given = (table["dose_1_um"] > 0).astype(int) + (table["dose_2_um"] > 0)
    table["response"] = table["response"].where(given > 0, 0.0).round(1)
    table = pd.concat([table] * 2 + [table.assign(response=table["response"] + 0.1)])
    table["dose_2_um"] **= 1.5
    places = {"drug_1": "drug_2", "drug_2": "drug_1", "dose_1_um": "dose_2_um",
              "dose_2_um": "dose_1_um"}  # fmt: skip
    one, other = analyse(table), analyse(table.rename(columns=places))
    by, figures = ["method", "level", "dose_1_um", "dose_2_um"], ["value", "low", "high"]
    swapped = other.rename(columns=places).sort_values(by).reset_index(drop=True)
    one = one.sort_values(by).reset_index(drop=True)
    chosen = one["method"].isin(["hsa_excess", "combination_index"]) & ~one["level"].str[:2].eq(
        "fa"
    )
    assert chosen.sum() > 15
    assert swapped.loc[chosen, figures].to_numpy(float) == pytest.approx(
        one.loc[chosen, figures].to_numpy(float), rel=1e-8, abs=1e-12, nan_ok=True
    )


@pytest.mark.parametrize("seed", range(6))
def test_beside_a_plateau_a_fraction_and_its_complement_say_the_same(seed):
    """The additive effect is found on the plateau but for rounding, above it or below."""
    rng = np.random.default_rng(seed)
    rows = []
    for a in (0.0, 1, 3, 9, 27):
        for b in (0.0, 10, 30, 90, 270):
            true = 1 - (1 - a**1.5 / (a**1.5 + 8)) * (1 - 0.25 * (b > 5))
            rows += [(a, b, f) for f in np.round(true + 0.05 * rng.standard_normal(3), 2)]
    table = pd.DataFrame(rows, columns=["dose_1_um", "dose_2_um", "response"])
    table = table.assign(drug_1="a", drug_2="b")
    left = table.assign(response=(1 - table["response"]).round(2))
    found = (analyse(*how) for how in ((table,), (left, "viability")))
    one, other = (result[result["method"] == "loewe_excess"] for result in found)
    width = one["high"] - one["low"]
    assert ((one["low"] - other["low"]).abs() < 1e-3 * width).all()
    assert ((one["high"] - other["high"]).abs() < 1e-3 * width).all()


def test_no_drug_comes_first_where_ratios_are_compared():
    """Threefold dilutions of three drugs, written with two digits."""
    rng = np.random.default_rng(5)
    for _ in range(30):
        start = rng.uniform(1, 9, 3)
        series = [[float(f"{s * 3.0**i:.2g}") for i in range(5)] for s in start]
        doses = np.repeat(np.array(series).T, 2, axis=0)
        found = [
            {tuple(np.flatnonzero(rows)) for rows, _ in fixed_ratios(doses[:, list(drugs)])}
            for drugs in itertools.permutations(range(3))
        ]
        assert all(one == found[0] for one in found)


def test_effects_that_were_cut_off_are_spoken_of():
    table = plate(CURVES[:2], bliss, n=3, sd=0.05)
    messages = "conditions have wells cut off at 0 or 1"
    assert not analyse(table)["note"].str.contains(messages).any()
    table["response"] = table["response"].clip(0, 1)
    result = analyse(table)
    means = result["level"] == "mean"
    assert result.loc[means, "note"].str.contains(messages).all()
    assert not result.loc[~means, "note"].str.contains(messages).any()


def test_between_replicates_an_excess_stays_a_difference_of_fractions():
    """Two plates, synergistic and antagonistic: Student's t with one degree of freedom is wide."""
    plates = [
        plate(CURVES[:2], bliss, n=2, sd=0.02, seed=seed, boost=boost).assign(plate=f"P{seed}")
        for seed, boost in ((0, 0.3), (1, -0.4))
    ]
    result = analyse(pd.concat(plates))
    both = result[
        (result["plate"] == "all") & result["method"].isin(["bliss_excess", "hsa_excess"])
    ]
    bounds = both[["low", "high"]].to_numpy()
    assert (np.abs(bounds) <= 1).all()
    assert {-1.0, 1.0} <= set(bounds.ravel())
