"""What synergy models work on: the wells of one combination on one plate, and its drugs alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations as subsets

import numpy as np

from spheroid_qc.parameters import ResponseParameters
from spheroid_qc.response.arrays import FloatArray, IntArray
from spheroid_qc.response.conditions import Conditions
from spheroid_qc.response.curves.logistic import LogisticFit
from spheroid_qc.response.draws import Draws
from spheroid_qc.response.synergy.single_drug_curves import SingleDrugCurves, Wells
from spheroid_qc.response.variance_model import PooledVariance

MIN_RESIDUAL_DF = 3
"""Degrees of freedom with which residuals of curves tell how wells scatter."""


@dataclass(frozen=True, eq=False)
class CombinationWells:
    """Wells of a combination, of its drugs alone, of some of them together, and of the vehicle.

    `doses` (n, k) of the k drugs, 0 where one is absent; `effect` (n,) is the fraction affected,
    `cells` the same wells by condition, `curves` those of the drugs alone on this plate.
    """

    drugs: list[str]
    doses: FloatArray
    effect: FloatArray
    cells: Conditions
    curves: SingleDrugCurves
    settings: ResponseParameters

    @cached_property
    def combined(self) -> IntArray:
        """Numbers of the conditions that hold all drugs."""
        return np.flatnonzero((self.cells.doses > 0).all(axis=1))

    @cached_property
    def draws(self) -> Draws:
        """Draws of the condition means, by the scatter of replicates."""
        return Draws(self.cells, self.cells.noise, self.settings.resamples)

    def draws_beside(self, fits: Sequence[LogisticFit]) -> Draws:
        """Give the same; without replicates by how far wells lie off the curves of the drugs."""
        df = sum(fit.df for fit in fits)
        if self.cells.df > 0 or df < MIN_RESIDUAL_DF:
            return self.draws
        scatter = PooledVariance(sum(fit.rss for fit in fits) / df, df)
        return Draws(self.cells, scatter, self.settings.resamples)

    @cached_property
    def alone(self) -> dict[str, Wells]:
        """Doses and effects of each drug alone, where it was given alone."""
        single = (self.doses > 0).sum(axis=1) == 1
        return {
            drug: (self.doses[chosen, i], self.effect[chosen])
            for i, drug in enumerate(self.drugs)
            if (chosen := single & (self.doses[:, i] > 0)).any()
        }

    def cells_alone(self, drug: int) -> IntArray:
        """Give the numbers of the conditions of a drug alone, by dose."""
        single = (self.cells.doses > 0).sum(axis=1) == 1
        found = np.flatnonzero(single & (self.cells.doses[:, drug] > 0))
        return found[np.argsort(self.cells.doses[found, drug])]

    def doses_alone(self, drug: int) -> int:
        """At how many doses a drug was tested alone."""
        return len(self.cells_alone(drug))

    def parts(self, size: int) -> IntArray:
        """Numbers of the conditions with `size` of the drugs at the doses of each combination.

        Gives (combinations, choices of `size` drugs), -1 where that was not tested.
        """
        k, cells = len(self.drugs), self.cells
        kept = [np.isin(np.arange(k), chosen) for chosen in subsets(range(k), size)]
        return np.array(
            [
                [cells.find(np.where(keep, cells.doses[j], 0.0)) for keep in kept]
                for j in self.combined
            ],
            dtype=np.intp,
        ).reshape(len(self.combined), len(kept))
