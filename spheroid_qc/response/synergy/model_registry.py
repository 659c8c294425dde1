"""All synergy models, in the order of the table: a new one is a class in a file and a line here."""

from __future__ import annotations

from spheroid_qc.response.synergy.best_doublet import BestDoublet, BestSubset
from spheroid_qc.response.synergy.bliss import Bliss
from spheroid_qc.response.synergy.braid import Braid
from spheroid_qc.response.synergy.combination_index import CombinationIndex
from spheroid_qc.response.synergy.dose_reduction import DoseReduction
from spheroid_qc.response.synergy.hsa import HighestSingleAgent
from spheroid_qc.response.synergy.loewe import Loewe
from spheroid_qc.response.synergy.synergy_model import SynergyModel
from spheroid_qc.response.synergy.zero_interaction_potency import ZeroInteractionPotency

SYNERGY_MODELS: list[SynergyModel] = [
    CombinationIndex(),
    Bliss(),
    HighestSingleAgent(),
    Loewe(),
    BestDoublet(),
    DoseReduction(),
    BestSubset(),
    ZeroInteractionPotency(),
    Braid(),
]


def model_of(method: str) -> SynergyModel:
    """Give the model that a code in column `method` belongs to."""
    return next(model for model in SYNERGY_MODELS if model.covers(method))


def drawn_models() -> list[SynergyModel]:
    """Models whose mean excess the report draws: those of the verdict first, in its order."""
    drawn = [model for model in SYNERGY_MODELS if model.title]
    return sorted(drawn, key=lambda model: model.verdict_rank or len(SYNERGY_MODELS))


def verdict_models() -> list[SynergyModel]:
    """Models that the verdict on a combination asks, the first to speak first."""
    asked = [model for model in SYNERGY_MODELS if model.verdict_rank is not None]
    return sorted(asked, key=lambda model: model.verdict_rank or 0)


def leading_models() -> list[SynergyModel]:
    """Those of them that may call a combination synergistic."""
    return [model for model in verdict_models() if model.shows_interaction]
