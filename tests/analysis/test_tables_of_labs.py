"""Tables as laboratories have them, read by one who looks for what is false or missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spheroid_qc.analysis.analysis_result import Analysis
from spheroid_qc.analysis.table_analysis import analyse_table
from spheroid_qc.analysis.treatment_families import families_of
from spheroid_qc.analysis.verdict.headline import headline
from spheroid_qc.analysis.verdict.verdict_sentences import remarks
from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import Parameters, ResponseParameters
from tests.analysis.tables import hill

QUICK = Parameters(response=ResponseParameters(resamples=200))
DOSES = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


def alone(effect, *, doses=DOSES, n=3, seed=0, **columns) -> pd.DataFrame:
    """One drug, viability in percent, with the effect at each dose."""
    rng = np.random.default_rng(seed)
    rows = [
        {"drug": "x" if dose else "", "dose (uM)": dose,
         "viability (%)": 100 * (1 - effect(dose)) + rng.normal(0, 3)} | columns
        for dose in doses for _ in range(n)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def matrix(effect, *, first=DOSES[:5], second=DOSES[:5], n=3, seed=0) -> pd.DataFrame:
    """Two drugs in a matrix, viability in percent."""
    rng = np.random.default_rng(seed)
    rows = [
        {"drug_1": "a" if x else "", "dose_1 (uM)": x, "drug_2": "b" if y else "",
         "dose_2 (uM)": y, "viability (%)": 100 * (1 - effect(x, y)) + rng.normal(0, 3)}
        for x in first for y in second for _ in range(n)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def half_at_one(dose: float) -> float:
    return hill(dose, 1.0, 1.5) if dose else 0.0


def independent(x: float, y: float) -> float:
    return 1 - (1 - half_at_one(x)) * (1 - half_at_one(y))


def answer(table: pd.DataFrame) -> Analysis:
    return analyse_table(table, parameters=QUICK)


def title(found: Analysis) -> str:
    return headline(found, families_of(found.conditions, found.wells))[0]


def sentences(found: Analysis, topic: str) -> list[str]:
    return [one.sentence for one in found.verdict.about(topic) if one.subject]


def test_a_dead_plate_is_asked_about_by_its_name():
    dead = alone(lambda _: 0.97, plate="P3")
    table = pd.concat([alone(half_at_one, plate="P1"), alone(half_at_one, plate="P2"), dead])
    with pytest.raises(RequestError, match=r"Plate P3: the 3 vehicle wells .* 0\.9"):
        answer(table.reset_index(drop=True))


def test_a_plate_in_another_unit_is_asked_about():
    other = alone(half_at_one, plate="P2")
    other["viability (%)"] /= 100
    table = pd.concat([alone(half_at_one, plate="P1"), other], ignore_index=True)
    with pytest.raises(RequestError, match=r"Plate P2: .* in another unit"):
        answer(table)


def test_a_dead_cell_line_is_asked_about_by_its_name():
    table = pd.concat(
        [alone(half_at_one, cell_line="HCT116"), alone(lambda _: 0.97, cell_line="SW480")],
        ignore_index=True,
    )
    with pytest.raises(RequestError, match="SW480: the 3 vehicle wells"):
        answer(table)


def test_a_plate_whose_vehicle_is_off_is_named():
    table = pd.concat(
        [alone(half_at_one, plate="P1"), alone(lambda d: 0.2 + 0.8 * half_at_one(d), plate="P2"),
         alone(half_at_one, plate="P3", seed=1)], ignore_index=True,
    )  # fmt: skip
    said = [note for note in remarks(answer(table)) if "vehicle wells stand at" in note]
    assert len(said) == 1
    assert said[0].startswith("Plate P2: the vehicle wells stand at a fraction affected of 0.2")


def test_one_drug_in_two_cell_lines_is_not_two_drugs():
    table = pd.concat(
        [
            alone(half_at_one, cell_line="HCT116"),
            alone(lambda d: hill(d, 90, 1), cell_line="SW480"),
        ],
        ignore_index=True,
    )
    assert title(answer(table)) == "1 of 2 cases (drugs by stratum) reached half effect."


def test_one_combination_in_two_cell_lines_is_not_two():
    table = pd.concat(
        [matrix(independent).assign(cell_line=line) for line in ("L1", "L2")], ignore_index=True
    )
    assert title(answer(table)).startswith("Of 2 cases (combinations by stratum), ")


def test_vehicle_rows_without_a_cell_line_are_told_what_they_lack():
    lines = [alone(half_at_one, doses=DOSES[1:], cell_line=line) for line in ("HCT116", "SW480")]
    vehicle = alone(half_at_one, doses=(0.0,), cell_line="")
    said = remarks(answer(pd.concat([vehicle, *lines], ignore_index=True)))
    assert any(note.startswith("3 rows without a drug name no stratum") for note in said)
    assert "Analysed apart: HCT116, SW480." in said
    assert not any(note.startswith("No vehicle well") for note in said)
    vehicle["cell_line"] = "HCT116"
    said = remarks(answer(pd.concat([vehicle, *lines], ignore_index=True)))
    assert "No vehicle well of SW480: its conditions are compared with nothing." in said


def test_one_mistyped_well_is_pointed_at_and_does_not_make_a_dead_drug_idle():
    table = alone(half_at_one)
    table.loc[10, "viability (%)"] = 980.0
    found = answer(table)
    said = [note for note in remarks(found) if "far from the replicates" in note]
    assert len(said) == 1
    assert "1 well lies far" in said[0]
    assert "-8.8 beside 0.1" in said[0]
    assert title(found).startswith("X: shows no dose response, reaches 9")
    assert title(answer(alone(lambda _: 0.0))) == "X: shows no dose response."


def test_wells_that_are_dead_at_every_dose_are_not_said_to_be_idle():
    assert title(answer(alone(lambda _: 0.95, doses=DOSES[1:]))).startswith("X: reaches 9")


@pytest.mark.parametrize("sd", [3, 20])
def test_ordinary_scatter_is_not_pointed_at(sd):
    rng = np.random.default_rng(5)
    for seed in range(10):
        table = alone(half_at_one, n=4, seed=seed)
        table["viability (%)"] += rng.normal(0, sd, len(table))
        assert not any("far from the replicates" in note for note in remarks(answer(table)))


def test_more_than_all_is_said():
    said = remarks(answer(alone(lambda d: 1.2 * half_at_one(d))))
    assert any("stand at more than all affected (up to 1." in note or
               "stands at more than all affected (up to 1." in note for note in said)  # fmt: skip


def test_synergy_in_one_corner_and_antagonism_in_another_are_both_said():
    def corners(x: float, y: float) -> float:
        shift = 0.25 if 0 < x < 0.2 and 0 < y < 0.2 else -0.3 if x > 0.2 and y > 0.2 else 0.0
        return independent(x, y) + shift

    found = answer(matrix(corners))
    assert title(found).endswith("; at single doses more at 4 and less at 4 of 16.")
    assert sentences(found, "combination")[0].endswith(
        "Not alike over the doses: more at 4 and less at 4 of 16."
    )
    assert "single doses" not in title(answer(matrix(independent)))


def test_a_bound_that_is_not_zero_is_not_written_as_zero():
    for seed in range(6):
        found = answer(matrix(lambda x, y: independent(x, y) + 0.03 * (x > 0 < y), seed=seed))
        for one in found.verdict.about("combination"):
            if one.outcome in ("slightly_more", "slightly_less", "yes", "opposite"):
                assert "CI 0.00 " not in one.sentence
                assert "to 0.00)" not in one.sentence


def test_a_partner_at_one_dose_has_its_effect_said():
    found = answer(matrix(independent, second=(0.0, 1.0)))
    (said,) = (text for text in sentences(found, "dose") if text.startswith("b: "))
    assert "reaches 5" in said
    assert "gives no curve: too few doses, " in said
    stated = found.dose_response.set_index("drug").loc["b"]
    assert stated["effect_at_top_low"] < 0.5 < stated["effect_at_top_high"]


def test_a_curve_within_a_gap_of_doses_is_open_over_the_gap():
    found = answer(alone(lambda d: float(d > 1), doses=(0.0, 0.001, 0.003, 0.01, 30.0, 100.0)))
    line = found.dose_response.iloc[0]
    assert line["ec50_low_um"] < 0.02
    assert line["ec50_high_um"] > 20


def test_what_is_worst_is_not_called_most():
    found = answer(matrix(lambda x, y: -0.2 if x > 0 < y else independent(x, y)))
    (said,) = sentences(found, "combination")
    assert "Least antagonistic around" in said


def test_a_curve_that_does_not_fit_does_not_say_where_the_wells_are():
    """Hooked: all affected in the middle, two fifths at the highest dose."""
    doses = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
    found = answer(alone(lambda d: hill(d, 0.1, 2) * (1 - 0.6 * hill(d, 20, 3)) if d else 0.0,
                         doses=doses))  # fmt: skip
    assert found.dose_response["pattern"].iloc[0] == "misfit"
    assert found.dose_response["effect_at_top"].iloc[0] == pytest.approx(0.4, abs=0.06)
    (said,) = sentences(found, "dose")
    assert "% affected (" in said
    assert "at the highest dose" in said
    assert "reaches" not in title(found)
