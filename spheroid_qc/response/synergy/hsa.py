"""Highest single agent: E = max_i f_i, effects as fractions affected (Berenbaum 1989)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from spheroid_qc.response.arrays import FloatArray
from spheroid_qc.response.draws import highest
from spheroid_qc.response.synergy.excess_over_expected import ExcessOverParts


class HighestSingleAgent(ExcessOverParts):
    """Excess over the drug that does most alone: more than it is not yet synergy."""

    method = "hsa_excess"
    name = "highest single agent"
    title = "beyond the best single drug (HSA)"
    colour = "purple"
    references: ClassVar[tuple[str, ...]] = ("Berenbaum 1989, Pharmacological Reviews 41:93-141",)
    requires = "Each drug alone at the doses of the combination; no curve, any number of drugs."
    shows_interaction = False
    words = ("Better than the best drug alone", "Worse than the best drug alone")
    verdict_rank: ClassVar[int | None] = 4

    def expected(self, parts: ArrayLike) -> FloatArray:
        """Give the effect of the best part, shape (...), from those of all, shape (..., p)."""
        return np.asarray(np.max(np.asarray(parts, dtype=np.float64), axis=-1))

    def drawn(self, parts: FloatArray, draws: FloatArray) -> FloatArray:
        """Draw the effect of the best part anew."""
        return highest(parts, draws)
