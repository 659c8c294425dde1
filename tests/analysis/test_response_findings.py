"""What misled readers once: each finding with a table in its manner, and the one it came from."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spheroid_qc.analysis import Analysis, analyse_table
from spheroid_qc.analysis.treatment_families import families_of
from spheroid_qc.analysis.verdict.headline import headline
from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import Parameters, ResponseParameters
from tests.analysis.tables import hill

QUICK = Parameters(response=ResponseParameters(resamples=300))
FILES = Path(os.environ.get("SPHEROID_QC_SHARED", "/nowhere")) / "cases" / "files" / "response"
VIABILITY, INHIBITION = ("viability", "percent"), ("inhibition", "percent")


def shared(name: str, how: tuple[str | None, str | None] = (None, None)) -> Analysis:
    """Answer to a table of the reference material; skipped where that is not at hand."""
    if not (FILES / name).is_file():
        pytest.skip("SPHEROID_QC_SHARED names no folder of tables")
    return analyse_table(FILES / name, *how, QUICK)


def single(curve, doses, n: int = 3, sd: float = 1.5, seed: int = 0, unit: str = "um"):
    """Viability in per cent of one drug, with a vehicle; `curve` gives the fraction affected."""
    rng = np.random.default_rng(seed)
    rows = [
        {"drug_1": "drug" if dose else "", f"dose_1_{unit}": dose or None,
         "response": 100 * (1 - curve(dose)) + rng.normal(0, sd)}
        for dose in (0, *doses) for _ in range(n)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def pair(effect, doses=(0.1, 0.3, 1, 3), n: int = 3, sd: float = 0.03, seed: int = 0):
    """Fraction affected of two drugs in a matrix; `effect` of both doses."""
    rng = np.random.default_rng(seed)
    rows = [
        {"drug_1": "a" if x else "", "dose_1_um": x or None, "drug_2": "b" if y else "",
         "dose_2_um": y or None, "response": effect(x, y) + rng.normal(0, sd)}
        for y in (0, *doses) for x in (0, *doses) for _ in range(n)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def independent(x: float, y: float) -> float:
    return 1 - (1 - hill(x, 1.0, 1.2)) * (1 - hill(y, 1.0, 1.2)) if x or y else 0.0


def title_of(analysis: Analysis) -> str:
    return headline(analysis, families_of(analysis.conditions, analysis.wells))[0]


def said_of(analysis: Analysis, drug: str = "drug") -> str:
    (found,) = [f for f in analysis.verdict.about("dose") if f.subject == drug]
    return found.sentence


def plain(table: pd.DataFrame) -> Analysis:
    return analyse_table(table, *VIABILITY, QUICK)


DOSES = (0.01, 0.03, 0.1, 0.3, 1, 3, 10)


def test_a_wrong_meaning_or_unit_is_asked_about_first():
    table = single(lambda d: hill(d, 0.3, 1.5) if d else 0, DOSES)
    with pytest.raises(RequestError, match="viability given as inhibition"):
        analyse_table(table, *INHIBITION, QUICK)
    with pytest.raises(RequestError, match="as fractions do"):
        analyse_table(table.assign(response=table["response"] / 100), *VIABILITY, QUICK)
    for name, how in (("t8_swapped.csv", INHIBITION), ("t9_fraction_as_percent.csv", VIABILITY)):
        with pytest.raises(RequestError, match=r"as inhibition|fractions"):
            shared(name, how)


def test_copies_count_once():
    table = single(lambda d: hill(d, 0.3, 1.5) if d else 0, DOSES, n=1)
    copies = pd.concat([table.assign(replicate=n) for n in range(4)], ignore_index=True)
    answer = plain(copies)
    assert answer.dose_response["n"].tolist() == [len(table)]
    assert any("copied, and count once" in note for note in answer.notes)
    answer = shared("ONEIL_screening_data.csv", INHIBITION)
    assert any("copied, and count once" in note for note in answer.notes)
    assert answer.dose_response["n"].max() <= 10


def test_a_fall_is_no_lack_of_a_dose_response():
    values = [121, 104, 117, 60, 47, 29]
    doses = [np.nan, 0.2, 0.8, 3, 12, 50]
    table = pd.DataFrame({"drug_1": ["", *["drug"] * 5], "dose_1_nm": doses, "response": values})
    answer = plain(table)
    assert answer.dose_response["flat_p"].item() >= 0.05
    assert answer.dose_response["pattern"].item() == "trend"
    assert "rises with the dose (trend p = " in said_of(answer)
    assert "no dose response" not in said_of(answer)
    answer = shared("ibrutinib_flat.csv")
    assert answer.dose_response["pattern"].item() == "trend"
    assert answer.dose_response["trend_p"].item() == pytest.approx(0.017, abs=0.001)


def test_the_trend_is_judged_by_the_scatter_of_the_whole_plate():
    sure = single(lambda d: hill(d, 0.3, 1.5) if d else 0, DOSES, n=4, seed=1)
    doses = np.array([0.1, 0.3, 1.0])
    weak = pd.DataFrame(
        {"drug_1": "weak", "dose_1_um": doses,
         "response": [100, 96, 91]}
    )  # fmt: skip
    answer = plain(pd.concat([sure, weak], ignore_index=True)).dose_response.set_index("drug")
    assert answer.loc["weak", "trend_p"] < 0.01


def test_a_refused_curve_bears_no_verdict():
    rng = np.random.default_rng(8)
    table = pair(independent, n=1, sd=0.02)
    bumpy = {0: 0.0, 0.1: 0.6, 0.3: 0.1, 1: 0.7, 3: 0.3}
    alone = table["drug_2"].eq("") & table["drug_1"].eq("a")
    table.loc[alone, "response"] = table.loc[alone, "dose_1_um"].map(bumpy)
    again = table.assign(response=table["response"] + rng.normal(0, 0.2, len(table)))
    answer = analyse_table(pd.concat([table, again]), "fa", "fraction", QUICK)
    loewe = answer.synergy[answer.synergy["method"] == "loewe_excess"]
    assert answer.dose_response.set_index("drug").loc["a", "flat_p"] >= 0.05
    assert (loewe["call"] == "").all()
    assert loewe["low"].isna().all()
    assert "by Loewe" not in title_of(answer)


def test_a_slight_excess_is_called_slight_and_not_denied():
    boosted = pair(lambda x, y: independent(x, y) + (0.06 if x and y else 0.0), n=4, sd=0.02)
    answer = analyse_table(boosted, "fa", "fraction", QUICK)
    assert title_of(answer).startswith("A + b did slightly more than its parts would by Bliss")
    less = pair(lambda x, y: independent(x, y) - (0.06 if x and y else 0.0), n=4, sd=0.02)
    answer = analyse_table(less, "fa", "fraction", QUICK)
    assert title_of(answer).startswith("A + b did slightly less than its parts would by Bliss")
    answer = shared("t10_sfplus_replicates.csv", INHIBITION)
    assert "did slightly more than its parts would by Bliss and Loewe" in title_of(answer)
    assert "around 10 µM + 1 µM" in " ".join(answer.verdict.sentences)
    answer = shared("mix_acidiq.csv", ("fa", None))
    assert title_of(answer) == "A + B did slightly less than its parts would by Bliss and Loewe."


def test_an_antagonism_that_is_shown_is_called_so():
    def against(x: float, y: float) -> float:
        best = max(hill(dose, 1.0, 1.2) if dose else 0.0 for dose in (x, y))
        return best * (0.4 if x and y else 1.0)

    answer = analyse_table(pair(against), "fa", "fraction", QUICK)
    assert "did less than its parts would by Bliss" in title_of(answer)
    head, *_ = answer.verdict.about("combination")
    assert head.outcome == "opposite"


def test_how_far_a_drug_gets_comes_first():
    answer = plain(single(lambda d: 0.4 * hill(d, 0.05, 1.5) if d else 0, DOSES))
    assert "reaches 40 % affected (3" in said_of(answer)
    assert "), half effect not reached, EC50 0.0" in said_of(answer)
    answer = plain(single(lambda d: 0.9 * hill(d, 0.3, 1.5) if d else 0, DOSES))
    assert " affected (8" in said_of(answer)
    assert "), IC50 0." in said_of(answer)
    assert ", EC50 0." in said_of(answer)
    answer = plain(single(lambda d: -0.5 * hill(d, 0.2, 1.5) if d else 0, DOSES))
    assert "drug: stimulates growth, to 15" in said_of(answer)
    assert " % of the vehicle (1" in said_of(answer)
    found = said_of(shared("t4_plateau40.csv", VIABILITY), "palbociclib")
    assert "reaches 40 % affected" in found
    assert "half effect not reached" in found
    assert "stimulates growth" in said_of(shared("t5_stimulating.csv", VIABILITY), "EGF")


def test_a_curve_that_does_not_fit_is_said():
    def biphasic(d: float) -> float:
        return 0.4 * hill(d, 0.003, 3) + 0.6 * hill(d, 5, 3) if d else 0

    answer = plain(single(biphasic, (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)))
    assert "does not fit a curve (biphasic?" in said_of(answer)
    assert "does not fit a curve (biphasic?)" in title_of(answer)
    for name, drug in (("t6_biphasic.csv", "bortezomib"), ("t7_hormesis.csv", "tamoxifen")):
        assert "does not fit a curve (biphasic?" in said_of(shared(name, VIABILITY), drug)


def test_four_parameters_from_four_points_are_said():
    table = single(lambda d: hill(d, 0.5, 1.2) if d else 0, (0.1, 0.3, 0.9), n=1, sd=0)
    assert "as many parameters as responses, so no interval" in said_of(plain(table))
    answer = shared("readme.csv", VIABILITY)
    assert "as many parameters as responses" in said_of(answer, "selinexor")
    assert "IC50 0.666 uM, EC50 0.373 uM" in said_of(answer, "selinexor")


def test_a_slope_at_its_limit_is_said():
    table = single(lambda d: float(d > 0.5), (0.1, 0.2, 0.4, 0.6, 0.8, 1.6), n=3, sd=0.1)
    assert "slope at its limit" in said_of(plain(table))
    answer = shared("case_heartrate.csv", ("raw", None))
    assert "slope at its limit" in said_of(answer, "x")
    assert answer.dose_response["note"].str.contains("The slope is held at its limit of 20").all()


def everything_holds(answer: Analysis) -> None:
    """No mean index of thousands, and no value outside of its own interval."""
    table = answer.synergy[answer.synergy["value"].notna()]
    index = table[(table["method"] == "combination_index") & (table["level"] == "mean")]
    assert (index["value"].between(1e-3, 1e3)).all()
    assert not (table["low"] > table["value"] + 1e-9).any()
    assert not (table["high"] < table["value"] - 1e-9).any()


def test_an_index_is_summarised_and_lies_in_its_interval():
    everything_holds(analyse_table(pair(independent), "fa", "fraction", QUICK))
    everything_holds(shared("t1_matrix6x6_nM.csv"))
    everything_holds(shared("mix_mecter.csv", ("fa", None)))


def test_single_doses_have_a_smallest_excess():
    table = pair(lambda x, y: independent(x, y) - (0.03 if x and y else 0), n=6, sd=0.004)
    synergy = analyse_table(table, "fa", "fraction", QUICK).synergy
    doses = synergy[(synergy["level"] == "dose") & (synergy["method"] == "bliss_excess")]
    assert (doses["call"] == "slightly_less").sum() > 8
    assert not doses["call"].isin(["more", "less"]).any()
    synergy = shared("bigl_1.csv", ("viability", None)).synergy
    doses = synergy[(synergy["level"] == "dose") & (synergy["method"] == "bliss_excess")]
    assert not doses["call"].isin(["more", "less"]).any()
    assert not doses["note"].str.contains("Antagonistic").any()


def test_the_readme_s_table_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        table = pair(independent, (0.1, 0.3, 0.9), n=1, sd=0)
        table = table[(table["dose_1_um"].isna() | table["dose_2_um"].isna())
                      | (table["dose_1_um"] == table["dose_2_um"])]  # fmt: skip
        analyse_table(table, "fa", "fraction", QUICK)
        shared("readme.csv", VIABILITY)


def test_comparisons_follow_the_doses():
    doses = (0.3, 1, 3, 10, 30)
    answer = plain(single(lambda d: hill(d, 3, 1.5) if d else 0, doses))
    assert answer.comparisons["condition"].tolist() == [f"drug {d:g} uM" for d in doses]
    names = shared("t4_plateau40.csv", VIABILITY).comparisons["condition"]
    found = [float(name.split()[1]) for name in names]
    assert found == sorted(found)


def test_diagonals_of_a_matrix_are_no_series():
    answer = analyse_table(pair(independent), "fa", "fraction", QUICK)
    assert (answer.dose_response["ratio"] == "").all()
    assert (shared("t1_matrix6x6_nM.csv").dose_response["ratio"] == "").all()


def test_doses_are_shown_in_the_unit_in_which_they_were_given():
    table = single(lambda d: hill(d, 30, 1.5) if d else 0, (1, 3, 10, 30, 100, 300), unit="nm")
    answer = plain(table)
    assert answer.given_units == {"drug": "nM"}
    assert " nM (" in said_of(answer)
    assert answer.dose_response["ec50_um"].item() == pytest.approx(0.03, rel=0.1)
    assert "nM" in said_of(shared("t1_matrix6x6_nM.csv"), "osimertinib")
