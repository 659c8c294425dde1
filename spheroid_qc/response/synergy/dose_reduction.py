"""Dose-reduction index: by which factor a drug's dose is lower in the combination than alone.

DRI_i(fa) = Dx_i(fa) / D_i (Chou 2006, doi:10.1124/pr.58.3.10); from the same median effect lines as
the combination index, whose terms are their inverses; `combination_index` computes both.
"""

from __future__ import annotations

import numpy as np

from spheroid_qc.response.synergy.combination_wells import CombinationWells
from spheroid_qc.response.synergy.synergy_model import Row, SynergyModel


class DoseReduction(SynergyModel):
    """How much less of each drug is needed; one method per drug, numbered as in `combination`."""

    method = "dose_reduction_index"
    name = "dose-reduction index"
    references = ("doi:10.1124/pr.58.3.10",)
    requires = "A median effect line of each drug alone: at least three doses."
    is_ratio = True
    limits = (0.0, np.inf)
    is_tested = False
    shows_interaction = False

    def covers(self, method: str) -> bool:
        """Whether it is the dose reduction of some drug."""
        return method.startswith(f"{self.method}_")

    def rows(self, wells: CombinationWells) -> list[Row]:
        """None of its own: they come with those of the combination index."""
        return []
