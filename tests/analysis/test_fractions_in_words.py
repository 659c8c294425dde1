"""What is said as a share is one, on simulated tables of all kinds; pictures and title too."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from spheroid_qc.analysis import Analysis, analyse_table
from spheroid_qc.analysis.treatment_families import families_of
from spheroid_qc.analysis.verdict.headline import headline
from spheroid_qc.analysis.verdict.verdict_sentences import verdict_lines
from spheroid_qc.parameters import Parameters, ResponseParameters
from spheroid_qc.report.drug_sections import dose_groups
from spheroid_qc.report.report_tables import dose_listing
from tests.analysis.tables import bliss_plate, hill

QUICK = Parameters(response=ResponseParameters(resamples=200))
SHARE = re.compile(r"([−-]?)(\d+(?:\.\d+)?) %(?! CI)")
TABLES = 60


def simulated(seed: int) -> pd.DataFrame:
    """Fractions affected of one to three drugs alone on one to three plates.

    Plateaus of -2 (growth) to 1, reached or far beyond the doses; one to four wells that scatter
    little or much, with a vehicle or none, sometimes cut off or an offset between plates.
    """
    rng = np.random.default_rng(seed)
    doses = 3.0 ** np.arange(-3, rng.integers(1, 5))
    wells, sd = int(rng.integers(1, 5)), float(rng.choice([0.01, 0.05, 0.2]))
    rows = []
    for plate in range(int(rng.choice([1, 1, 2, 3]))):
        offset = float(rng.choice([0.0, 0.3])) * rng.standard_normal()
        for drug in "abc"[: rng.integers(1, 4)]:
            top, middle = (
                float(rng.choice([1, 1, 0.7, 0.3, 0.05, -0.5, -2])),
                float(rng.uniform(-3, 6)),
            )
            slope = float(rng.choice([0.7, 1.5, 6]))
            levels = [*doses] if rng.random() < 0.2 else [0.0, *doses]
            for dose in np.repeat(levels, wells):
                effect = top * hill(dose, 3.0**middle, slope) if dose else 0.0
                effect += offset + sd * rng.standard_normal()
                rows.append({"plate": f"p{plate}", "drug_1": drug if dose else "",
                             "dose_1_um": dose or None, "response": effect})  # fmt: skip
    table = pd.DataFrame(rows)
    if rng.random() < 0.2:
        table["response"] = table["response"].clip(0, 1)
    return table


def shares_are_shares(text: str) -> None:
    """No share below 0; above 1 only growth, which is said as what it is of the vehicle."""
    for sign, digits in SHARE.findall(text):
        assert not sign, text
        assert float(digits) <= 100 or "of the vehicle" in text, text


def told(answer: Analysis) -> list[str]:
    title, below = headline(answer, families_of(answer.conditions, answer.wells))
    facts = [str(f.facts.get("title", "")) for f in answer.verdict.about("dose")]
    return [title, *(words for pair in below for words in pair), *answer.verdict.sentences, *facts]


def of_vehicle_allowed(answer: Analysis) -> str:
    """All that a terminal prints, lines joined so that no phrase is cut in two."""
    return " ".join(" ".join(verdict_lines(answer)).split())


def test_no_share_is_outside_of_what_a_fraction_can_be():
    open_ends, said = 0, 0
    for seed in range(TABLES):
        answer = analyse_table(simulated(seed), "fa", "fraction", QUICK)
        for text in told(answer):
            shares_are_shares(text)
        shares_are_shares(of_vehicle_allowed(answer))
        table = answer.dose_response
        said += int(table["effect_at_top"].notna().sum())
        open_ends += sum("plateau at least" in text for text in answer.verdict.sentences)
        high = table[["emax_high", "effect_at_top_high"]].max(axis=1)
        at_most = table[["emax", "effect_at_top"]].max(axis=1).clip(lower=1)
        assert not (high > at_most + 1e-9).any()
        for name in ("emax", "effect_at_top"):
            assert not (table[f"{name}_low"] > table[name] + 1e-9).any()
            assert not (table[f"{name}_high"] < table[name] - 1e-9).any()
        # A curve that rises ends no lower than it got, of one plate and of all.
        rises = table[(table["pattern"] == "curve") & (table["emax"] >= table["e0"])]
        got = rises[["effect_at_top_low", "emax"]].min(axis=1)
        assert not (rises["emax_low"] < got - 1e-9).any()
    assert said > TABLES
    assert open_ends > TABLES / 20


def test_pictures_and_the_table_of_the_page_say_no_other_share():
    for seed in range(12):
        answer = analyse_table(simulated(seed), "fa", "fraction", QUICK)
        for group in dose_groups(answer):
            for panel in group.panels:
                shares_are_shares(panel.note)
                drawn = "\n".join(re.findall(r"<text[^>]*>([^<]*)", str(panel.svg)))
                assert drawn
                shares_are_shares(drawn)
        listing = dose_listing(answer)
        for row in listing.rows if listing is not None else ():
            for cell in row["cells"]:
                shares_are_shares(str(cell))


@pytest.mark.parametrize("boost", [-0.2, 0.0, 0.3])
def test_an_excess_of_fractions_is_a_difference_of_fractions(boost):
    plates = [
        bliss_plate(n=2, sd=0.1, seed=seed, boost=boost, drugs="ab").assign(plate=f"p{seed}")
        for seed in range(2)
    ]
    for table in (plates[0], pd.concat(plates)):
        answer = analyse_table(table, "fa", "fraction", QUICK)
        excess = answer.synergy[answer.synergy["method"].str.endswith("_excess")]
        assert excess[["low", "high"]].abs().max(axis=None) <= 1
        for text in told(answer):
            shares_are_shares(text)


def test_a_plateau_that_no_well_holds_is_said_as_open():
    doses = np.repeat([0.0, *3.0 ** np.arange(-3, 4)], 3)
    noise = 0.03 * np.random.default_rng(3).standard_normal(len(doses))

    def sentence(effect: np.ndarray) -> str:
        table = pd.DataFrame({"drug_1": np.where(doses > 0, "x", ""), "dose_1_um": doses,
                              "response": effect + noise})  # fmt: skip
        (found,) = analyse_table(table, "fa", "fraction", QUICK).verdict.about("dose")
        return found.sentence

    def curve(top: float, middle: float) -> np.ndarray:
        return np.array([top * hill(d, middle, 1.5) if d else 0.0 for d in doses])

    reached = sentence(curve(0.4, 0.5))
    assert re.search(r"reaches \d+ % affected \(3\d % to 4\d %\), half effect not reached", reached)
    assert re.search(r"plateau \d+ % \(3\d % to \d+ %\)\.$", reached)
    assert re.search(r"plateau at least [23]\d %\.$", sentence(curve(1.0, 40.0)))
    assert re.search(r"plateau at least 9\d %\.$", sentence(curve(1.0, 0.5)))
    growth = sentence(curve(-1.5, 40.0))
    assert "stimulates growth, to 1" in growth
    assert re.search(r"plateau at least 1\d\d % of the vehicle\.$", growth)
