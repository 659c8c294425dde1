"""Which pictures a combination gets: matrices, landscapes, slices of triples."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spheroid_qc.analysis import analyse_table
from spheroid_qc.parameters import Parameters, ResponseParameters
from spheroid_qc.report.drug_sections import combination_groups, dose_groups
from spheroid_qc.wording import number

QUICK = Parameters(response=ResponseParameters(resamples=200))


def test_triples_are_cut_into_slices_and_pairs_are_matrices() -> None:
    rng = np.random.default_rng(2)
    doses = (0.0, 10.0, 30.0, 100.0)
    rows = [
        {"drug_1": "a" if x else "", "dose_1_nm": x or None, "drug_2": "b" if y else "",
         "dose_2_nm": y or None, "drug_3": "c" if z else "", "dose_3_nm": z or None,
         "response": 1 - (1 - x / 200) * (1 - y / 200) * (1 - z / 200) + rng.normal(0, 0.02)}
        for z in doses for y in doses for x in doses
    ]  # fmt: skip
    answer = analyse_table(pd.DataFrame(rows), "fa", "fraction", QUICK)
    (group,) = combination_groups(answer)
    titles = {pair.title: [panel.title for panel in pair.panels] for pair in group.combinations}
    cuts = [title for title in titles["a + b + c"] if title.startswith("Bliss excess, ")]
    assert cuts == [f"Bliss excess, c {dose:g} nM" for dose in doses[1:]]
    assert titles["a + b"][:3] == [
        "Fraction affected", "Effect beyond independence (Bliss)", "The same as a landscape"
    ]  # fmt: skip
    (first,) = (pair.panels[0] for pair in group.combinations if pair.title == "a + b")
    (kappa,) = answer.synergy.query("method == 'braid_kappa' and combination == 'a + b'")["value"]
    assert f"ticks: wells, from 0 to 1. BRAID kappa {number(kappa, 2)}; 0: " in first.note
    (curves,) = dose_groups(answer)
    assert [panel.title for panel in curves.panels] == ["a", "b", "c"]
    assert "dose, nM" in curves.panels[0].svg
    assert curves.panels[0].note.startswith("reaches ")
