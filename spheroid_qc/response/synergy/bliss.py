"""Bliss independence: E = 1 - prod_i (1 - f_i), effects as fractions affected.

Bliss 1939, doi:10.1111/j.1744-7348.1939.tb06990.x.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spheroid_qc.response.arrays import FloatArray
from spheroid_qc.response.synergy.excess_over_expected import ExcessOverParts


class Bliss(ExcessOverParts):
    """Excess over independent drugs: each affects its share of what the others left."""

    method = "bliss_excess"
    name = "Bliss"
    title = "beyond independence (Bliss)"
    colour = "blue"
    references = ("doi:10.1111/j.1744-7348.1939.tb06990.x",)
    requires = "Each drug alone at the doses of the combination; no curve, any number of drugs."
    verdict_rank = 1

    def expected(self, parts: ArrayLike) -> FloatArray:
        """Give the effect of independent drugs, shape (...), from theirs alone, shape (..., k)."""
        return np.asarray(1 - np.prod(1 - np.asarray(parts, dtype=np.float64), axis=-1))
