"""A synergy model is one class: table, verdict and report follow from what it says of itself."""

from __future__ import annotations

import numpy as np
import pytest

from spheroid_qc.analysis.verdict.combination_verdict import combination_findings
from spheroid_qc.report.palette import PALETTE
from spheroid_qc.response.synergy.excess_over_expected import ExcessOverParts
from spheroid_qc.response.synergy.loewe import HillCurve
from spheroid_qc.response.synergy.model_registry import (
    SYNERGY_MODELS,
    drawn_models,
    leading_models,
    model_of,
)
from tests.response.synergy.test_synergy_table import analyse, mean_of, plate


class SumOfEffects(ExcessOverParts):
    """Effects add up, as some take for granted."""

    method = "sum_excess"
    name = "sum of effects"
    title = "beyond the sum of effects"
    requires = "Each drug alone at the doses of the combination."
    verdict_rank = 5

    def expected(self, parts):
        return np.asarray(parts).sum(axis=-1)


@pytest.fixture
def registered():
    model = SumOfEffects()
    SYNERGY_MODELS.append(model)
    yield model
    SYNERGY_MODELS.remove(model)


def test_a_registered_model_stands_in_the_table_and_in_the_verdict(registered):
    def sum_of_effects(curves, doses):
        return sum(curve.effect(dose) for curve, dose in zip(curves, doses, strict=True))

    curves = (HillCurve(1.0, 1.0, 0.4), HillCurve(0.1, 2.5, 0.4))
    table = analyse(plate(curves, sum_of_effects, n=3, sd=0.02, seed=1))
    row = mean_of(table, "sum_excess")
    assert row["value"] == pytest.approx(0, abs=0.02)
    assert row["low"] < 0 < row["high"]
    assert row["note"].startswith("Not shown either way on average")
    doses = table[(table["method"] == "sum_excess") & (table["level"] == "dose")]
    assert doses["note"].str.contains("Holm-adjusted p").all()
    assert table["method"].iloc[-1] == "sum_excess"
    (_, finding) = combination_findings(table, {"fa": ""}, 0.95)
    assert finding.facts["fa:sum_excess"]["value"] == pytest.approx(row["value"])
    assert "Sum of effects: " in finding.sentence
    assert registered in drawn_models()


def test_every_model_says_what_it_is_what_it_asks_and_how_it_is_shown():
    codes = [model.method for model in SYNERGY_MODELS]
    assert len(set(codes)) == len(codes)
    for model in SYNERGY_MODELS:
        assert model.name
        assert model.requires.endswith(".")
        assert model.colour in PALETTE
        assert type(model).__doc__
        for reference in model.references:
            assert any(character.isdigit() for character in reference)
    assert model_of("dose_reduction_index_2").method == "dose_reduction_index"
    assert [model.name for model in leading_models()] == [
        "Bliss", "combination index", "Loewe",
    ]  # fmt: skip


@pytest.mark.parametrize(("low", "high", "side"), [(0.2, 0.8, 1), (1.2, 2, -1), (0.5, 1.5, 0)])
def test_below_one_an_index_is_on_the_side_of_synergy(low, high, side):
    assert model_of("combination_index").side(low, high) == side
    assert model_of("bliss_excess").side(low - 1, high - 1) == -side
    assert model_of("bliss_excess").side(np.nan, np.nan) == 0
