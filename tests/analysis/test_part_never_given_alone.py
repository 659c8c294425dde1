"""A combination of which a part was never given alone: said, and the answer goes on."""

from __future__ import annotations

import pandas as pd

from spheroid_qc.analysis import analyse_table
from spheroid_qc.parameters import Parameters, ResponseParameters


def test_a_combination_without_one_of_its_parts_alone_can_not_be_told() -> None:
    rows = [
        {"drug_1": a and "a", "dose_1_um": a or None, "drug_2": b and "b", "dose_2_um": b or None,
         "response": fraction + 0.01 * n}
        for a, b, fraction in ((0, 0, 0.0), (1.0, 0, 0.3), (1.0, 0.1, 0.7)) for n in range(3)
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    for name in ("drug_1", "drug_2"):
        table[name] = table[name].replace(0, "").astype(str)
    found = analyse_table(
        table, "fa", "fraction", Parameters(response=ResponseParameters(resamples=200))
    )
    sentences = [f.sentence for f in found.verdict.findings if f.topic == "combination"]
    assert any("can't be told" in sentence for sentence in sentences)
