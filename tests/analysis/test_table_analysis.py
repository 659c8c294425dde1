"""Tables that people bring: the same answer however they write it, or a clear sentence."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from spheroid_qc.analysis import analyse_table
from spheroid_qc.analysis.verdict.verdict_sentences import verdict_of
from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import Parameters, ResponseParameters
from spheroid_qc.response.curves.dose_response import DOSE_RESPONSE_COLUMNS
from spheroid_qc.response.synergy.synergy_table import SYNERGY_COLUMNS
from tests.analysis.tables import bliss_plate

QUICK = Parameters(response=ResponseParameters(resamples=200))
TABLES = ("dose_response", "synergy", "comparisons", "conditions", "plate_quality")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return bliss_plate(drugs="ab", boost=0.2, seed=3)


@pytest.fixture(scope="module")
def answer(table):
    return analyse_table(table, "fa", "fraction", QUICK)


def same(one, two, tables=TABLES) -> None:
    for name in tables:
        pd.testing.assert_frame_equal(
            getattr(one, name), getattr(two, name), rtol=1e-6, check_dtype=False
        )


def analysed(table, how=("fa", "fraction"), parameters=QUICK):
    return analyse_table(table, *how, parameters)


def test_columns_are_the_contract(answer) -> None:
    assert tuple(answer.dose_response.columns) == DOSE_RESPONSE_COLUMNS
    assert DOSE_RESPONSE_COLUMNS[:14] == (
        "drug", "n", "hill", "ec10_um", "ec50_um", "ec50_low_um", "ec50_high_um", "ec90_um",
        "emax", "e0", "ic50_abs_um", "median_effect_dm_um", "median_effect_m", "median_effect_r",
    )  # fmt: skip
    assert tuple(answer.synergy.columns) == SYNERGY_COLUMNS
    assert list(answer.dose_response["drug"]) == ["a", "b", "a + b"]
    levels = set(answer.synergy["level"])
    assert levels == {"mean", "dose", "fa=0.50", "fa=0.75", "fa=0.90", "fa=0.95"}
    assert set(answer.synergy["method"]) == {
        "combination_index", "dose_reduction_index_1", "dose_reduction_index_2", "bliss_excess",
        "hsa_excess", "loewe_excess",
    }  # fmt: skip


def test_the_verdict_says_what_was_simulated(answer) -> None:
    head, pair = answer.verdict.about("combination")
    assert head.outcome == "yes"
    assert head.sentence.startswith("Synergistic by Bliss: a + b.")
    assert pair.facts["fa:bliss_excess"]["value"] == pytest.approx(0.2, abs=0.04)
    none = analysed(bliss_plate(drugs="ab", seed=4))
    head, pair = none.verdict.about("combination")
    assert head.outcome == "open"
    assert "Not shown either way by Bliss: a + b." in head.sentence
    assert "not shown either way" in pair.sentence


def test_three_drugs_against_their_best_pair() -> None:
    plate = bliss_plate(n=2, seed=5)
    answer = analysed(plate)
    assert "excess_over_best_doublet" in set(answer.synergy["method"])
    (third,) = answer.verdict.about("third_drug")
    assert third.subject == "a + b + c"
    assert third.outcome == "yes"
    assert third.sentence.startswith("a + b + c against its best pair: more (")


def test_order_of_rows_does_not_matter(table, answer) -> None:
    mixed = pd.concat([table.iloc[[6]], table.drop(index=6).sample(frac=1, random_state=1)])
    assert mixed["drug_1"].iloc[0] == "a"
    same(analysed(mixed), answer)
    bare = table.drop(columns="well")
    same(analysed(bare.iloc[::-1].sort_values("drug_1", kind="stable")), analysed(bare))


def test_names_of_drugs_do_not_matter(table, answer) -> None:
    names = {"a": "selinexor <b>", "b": "=2+5"}
    renamed = analysed(table.replace({"drug_1": names, "drug_2": names}))
    assert list(renamed.synergy["combination"].unique()) == ["selinexor <b> + =2+5"]
    for name in ("value", "low", "high"):
        np.testing.assert_allclose(renamed.synergy[name], answer.synergy[name])


def test_units_do_not_matter(table, answer) -> None:
    nano = table.rename(columns={"dose_1_um": "dose_1_nM", "dose_2_um": "Conc. 2 (nM)"})
    nano[["dose_1_nM", "Conc. 2 (nM)"]] = nano[["dose_1_nM", "Conc. 2 (nM)"]] * 1000
    same(analysed(nano), answer)
    column = table.rename(columns={"dose_1_um": "dose_1", "dose_2_um": "dose_2"})
    column["dose_1"] = column["dose_1"] / 1000
    column["unit_1"], column["unit_2"] = "mM", "uM"
    same(analysed(column), answer)


def test_meaning_and_unit_of_the_response(table, answer) -> None:
    percent = table.assign(response=100 * table["response"])
    same(analysed(percent, ("inhibition", "percent")), answer)
    alive = table.assign(response=100 * (1 - table["response"]))
    same(analysed(alive, ("viability", "percent")), answer)
    told = alive.rename(columns={"response": "Viability (%)"})
    same(analysed(told, (None, None)), answer)
    same(analysed(told.assign(extra="x"), ("viability", None)), answer)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_european_files(table, answer, tmp_path, separator) -> None:
    path = tmp_path / "europe.csv"
    table.to_csv(path, index=False, sep=separator, decimal=",")
    found = analysed(path)
    same(found, answer)
    assert any("decimal commas" in note for note in found.notes)
    assert any("separated by" in note for note in found.notes)


def test_workbooks(table, answer, tmp_path) -> None:
    path = tmp_path / "book.xlsx"
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"read me": ["nothing here"]}).to_excel(book, sheet_name="notes", index=False)
        table.to_excel(book, sheet_name="data", index=False)
    found = analysed(path)
    same(found, answer)
    assert any("'data' is read" in note for note in found.notes)


def test_split_files_are_one_table(table, tmp_path) -> None:
    both = pd.concat([table.assign(plate="p1"), table.assign(plate="p2")], ignore_index=True)
    both["response"] += np.where(both["plate"] == "p2", 0.01, 0.0)
    whole = analysed(both)
    for name, rows in both.groupby("plate"):
        rows.to_csv(tmp_path / f"{name}.csv", index=False)
    same(analysed(tmp_path), whole)
    for name, rows in both.groupby("plate"):  # without a column plate files are plates
        rows.drop(columns="plate").to_csv(tmp_path / f"{name}.csv", index=False)
    by_file = analysed(tmp_path)
    same(by_file, whole)
    assert any("each file is a plate" in note for note in by_file.notes)
    assert whole.synergy.columns[0] == "plate"
    assert set(whole.synergy["plate"]) == {"p1", "p2", "all"}
    assert set(whole.dose_response["interval"]) == {"within_plate", "biological"}
    halves = tmp_path / "halves"
    halves.mkdir()
    table.iloc[:20].to_csv(halves / "1.csv", index=False)
    table.iloc[20:].to_csv(halves / "2.csv", index=False)
    same(analysed(halves), analysed(table))


def test_biological_replicates_without_plates(table) -> None:
    both = pd.concat([table.assign(biological_replicate=n) for n in (1, 2)], ignore_index=True)
    both["response"] += np.where(both["biological_replicate"] == 2, 0.01, 0.0)
    found = analysed(both)
    assert set(found.synergy["plate"]) == {"1", "2", "all"}
    assert any("each biological replicate" in note for note in found.notes)
    by_plate = analysed(both.assign(plate=both["biological_replicate"]))
    same(found, by_plate)


def test_times_come_first_and_the_last_common_one_is_taken(table) -> None:
    early = table.assign(time_h=24.0, response=table["response"] / 2)
    late = table.assign(time_h=48.0)
    both = pd.concat([early, late], ignore_index=True)
    answer = analysed(both)
    assert answer.time_h == 48
    assert answer.synergy.columns[0] == "time_h"
    assert (answer.dose_response["time_h"] == 48).all()
    assert "Analysed at 48 h" in " ".join(answer.notes)
    assert list(answer.conditions["time_h"].unique()) == [24.0, 48.0]
    days = both.assign(day=both["time_h"] / 24).drop(columns="time_h")
    same(analysed(days), answer)
    asked = Parameters(response=ResponseParameters(resamples=200, time_h=24))
    first = analysed(both, parameters=asked)
    np.testing.assert_allclose(first.synergy["value"], analysed(early).synergy["value"])
    with pytest.raises(RequestError, match="No response at 30 h"):
        analysed(both, parameters=Parameters(response=ResponseParameters(time_h=30)))


def test_cell_lines_are_analysed_apart(table, answer) -> None:
    other = table.assign(cell_line="PANC-1", plate="p")
    both = pd.concat([table.assign(cell_line="BxPC-3", plate="o"), other], ignore_index=True)
    found = analysed(both)
    assert found.strata == ("BxPC-3", "PANC-1")
    assert found.synergy.columns[0] == "stratum"
    one = found.synergy[found.synergy["stratum"] == "PANC-1"].drop(columns="stratum")
    pd.testing.assert_frame_equal(one.reset_index(drop=True), answer.synergy)
    assert {f.subject for f in found.verdict.about("combination")} == {
        "", "a + b | BxPC-3", "a + b | PANC-1"
    }  # fmt: skip


def test_doses_that_are_not_molar_stay_in_their_unit(table) -> None:
    rows = table.rename(columns={"dose_1_um": "dose_1", "dose_2_um": "dose_2"})
    for slot in (1, 2):
        rows[f"unit_{slot}"] = rows[f"drug_{slot}"].map({"a": "uM", "b": "Gy"})
    found = analysed(rows)
    assert found.units == ("uM", "Gy")
    lines = found.dose_response.set_index("drug")
    assert np.isnan(lines.loc["b", "ec50_um"])
    assert lines.loc["b", "ec50"] == pytest.approx(0.1, rel=0.2)
    doses = found.synergy[found.synergy["level"] == "dose"]
    assert doses["dose_2_um"].isna().all()
    assert set(doses["unit_2"]) == {"Gy"}
    weight = rows.replace({"Gy": "ug/ml"}).assign(mw_1=443.3, mw_2=443.3)
    assert analysed(weight).units == ("uM", "uM")


def test_values_are_used_as_given(table) -> None:
    wild = table.copy()
    wild.loc[0, "response"], wild.loc[10, "response"] = -0.4, 1.3
    found = analysed(wild)
    assert found.wells["fa"].min() == -0.4
    assert found.wells["fa"].max() == 1.3
    assert found.responses[0].n_below == found.responses[0].n_above == 0


def test_raw_gets_dose_response_and_comparisons_only(table) -> None:
    raw = analysed(table.assign(response=1000 - 900 * table["response"]), ("raw", None))
    assert raw.synergy.empty
    assert "fraction affected" in raw.missing["synergy"]
    assert raw.dose_response["ec50_um"].notna().any()
    assert len(raw.comparisons)
    assert raw.verdict.about("combination") == ()


def test_absent_drugs_and_dose_nought_are_the_same(table, answer) -> None:
    nought = table.fillna({"dose_1_um": 0, "dose_2_um": 0, "drug_1": "a", "drug_2": "b"})
    alone = table["drug_1"].eq("b")
    nought.loc[alone, "drug_2"] = ""
    same(analysed(nought), answer)
    fa_alone = table[table["drug_1"].notna()]
    lonely = analysed(fa_alone)
    assert lonely.comparisons.empty
    assert "no vehicle" in lonely.missing["comparisons"]
    assert lonely.synergy["value"].notna().any()


def test_controls(table) -> None:
    positive = pd.DataFrame({"well": ["P01", "P02", "P03"], "response": [0.95, 0.97, 0.96],
                             "role": "positive_control"})  # fmt: skip
    found = analysed(pd.concat([table, positive], ignore_index=True))
    z = found.plate_quality.set_index("statistic").loc["z_prime"]
    assert 0.5 < z["value"] < 1
    assert z["meets_bound"] == "yes"
    assert found.dose_response.loc[0, "n"] == analysed(table).dose_response.loc[0, "n"]


def test_a_dose_without_a_lower_bound_is_known(answer) -> None:
    fits = answer.dose_response.head(1)
    bounds = {"ec50_um": 1.0, "ec50_low_um": np.nan, "ec50_high_um": 3.0, "ec50_qualifier": ""}
    (dose,) = verdict_of(replace(answer, dose_response=fits.assign(**bounds))).about("dose")
    assert re.match(r"a: reaches 73 % affected \(\d\d % to \d\d %\), IC50 1 uM \(", dose.sentence)
    assert re.search(r"EC50 1 uM \(no lower bound to 3\), plateau at least 8\d %\.", dose.sentence)
    assert dose.outcome == "yes"
    none = {"ec50_um": np.nan, "ec50_low_um": np.nan, "ec50_high_um": np.nan, "flat_p": 0.6,
            "pattern": "none", "effect_at_top": 0.02,
            "effect_at_top_low": -0.01, "effect_at_top_high": 0.05}  # fmt: skip
    (dose,) = verdict_of(replace(answer, dose_response=fits.assign(**none))).about("dose")
    assert dose.sentence == "a: shows no dose response, reaches 2 % affected (at most 5 %)."
    assert dose.outcome == "unknown"
    none |= {"effect_at_top": 0.53, "effect_at_top_low": np.nan, "effect_at_top_high": np.nan}
    (dose,) = verdict_of(replace(answer, dose_response=fits.assign(**none))).about("dose")
    assert dose.sentence == "a: shows no dose response with so few wells, reaches 53 % affected."


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"pattern": "", "n": 3}, "gives no curve: too few doses, "),
        ({"pattern": "", "n": 0}, "gives no curve: never given alone."),
        ({"pattern": "none"}, "shows no dose response, reaches"),
        ({"pattern": "trend"}, "reaches"),
        ({"pattern": "misfit"}, "does not fit a curve (biphasic?;"),
        ({"pattern": "curve"}, "reaches"),
    ],
)
def test_what_is_told_of_a_response_is_a_sentence(answer, row, told) -> None:
    fits = answer.dose_response.head(1).assign(response="core volume lost", **row)
    (dose,) = verdict_of(replace(answer, dose_response=fits)).about("dose")
    assert dose.sentence.startswith(f"a: core volume lost {told}")
    assert f"core volume lost {told}".split(",")[0].split(";")[0] in dose.facts["title"]


def test_an_interval_without_a_bound_is_told_by_its_qualifier(answer) -> None:
    synergy = answer.synergy.copy()
    index = (synergy["method"] == "combination_index") & (synergy["level"] == "mean")
    bliss = synergy["method"] == "bliss_excess"
    synergy.loc[index, ["value", "low", "high"]] = [0.5, np.nan, 0.9]
    synergy.loc[index, "low_qualifier"] = "unbounded"
    _, pair = verdict_of(replace(answer, synergy=synergy[~bliss])).about("combination")
    assert pair.outcome == "yes"
    assert "(0.50, 95 % CI no lower bound to 0.90)" in pair.sentence


def test_a_line_on_one_plate_is_told_beside_one_on_several() -> None:
    """What several plates say together stands for them, and for no other line's plate."""
    rows = [
        {"cell_line": line, "plate": plate, "drug_1": "a", "dose_1_um": dose,
         "response": dose / (dose + middle) + error}
        for line, plate, middle in (("A", "p1", 1), ("A", "p2", 1.1), ("B", "p3", 5))
        for dose in (0.1, 0.3, 1, 3, 10, 30) for error in (0.01, -0.01)
    ]  # fmt: skip
    found = analyse_table(pd.DataFrame(rows), "fa", "fraction").verdict.about("dose")
    assert [finding.facts["stratum"] for finding in found] == ["A", "B"]
    assert "IC50 5" in found[1].sentence
