"""What synergy models work on: the wells of one combination on one plate, and its drugs alone.

A drug's curve starts at 0 and ends at a free maximum, not above 1. A drug that is shown to do next
to nothing at its highest dose is held to do nothing: its fitted curve is noise, and may rise to a
full effect just above the last dose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations as subsets
from typing import Any

import numpy as np
from scipy import special

from spheroid_qc.parameters import ResponseParameters
from spheroid_qc.response.arrays import FloatArray, IntArray
from spheroid_qc.response.conditions import Conditions
from spheroid_qc.response.curves.logistic import LogisticFit, fit_logistic
from spheroid_qc.response.draws import Draws
from spheroid_qc.response.variance_model import PooledVariance

Fits = dict[tuple[object, ...], LogisticFit]

MIN_RESIDUAL_DF = 3
"""Degrees of freedom with which residuals of curves tell how wells scatter."""

FULL_EFFECT = 1 - 1e-4
"""Maximum from which a curve reaches its full effect: clean data do so but for rounding."""

_MIN_FLAT_P, _MAX_IDLE_EFFECT = 0.05, 0.1
"""A drug does nothing where a constant explains its wells as well, and its effect at the highest
dose is surely (upper limit of a 95 % interval) below the second figure."""


@dataclass(frozen=True, eq=False)
class CombinationWells:
    """Wells of a combination, of its drugs alone, of some of them together, and of the vehicle.

    `doses` (n, k) of the k drugs, 0 where one is absent; `effect` (n,) is the fraction affected,
    `cells` the same wells by condition. `fits` remembers curves of drugs alone, for all
    combinations of the plate.
    """

    drugs: list[str]
    doses: FloatArray
    effect: FloatArray
    cells: Conditions
    settings: ResponseParameters
    fits: Fits = field(default_factory=dict)

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
    def alone(self) -> dict[str, tuple[FloatArray, FloatArray]]:
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

    def fit(self, drug: str, emax: float | None = None) -> LogisticFit:
        """Curve of a drug alone, to a maximum of `emax`, or a free one."""
        bounds = (0.0, 1.0)
        return self._fitted((drug, emax), *self.alone[drug], e0=0.0, emax=emax, emax_bounds=bounds)

    def _fitted(
        self, key: tuple[object, ...], dose: FloatArray, effect: FloatArray, **how: Any
    ) -> LogisticFit:
        if key not in self.fits:
            model = self.cells.variance_model
            self.fits[key] = fit_logistic(dose, effect, variance_model=model, **how)
        return self.fits[key]

    def is_refused(self, drug: str) -> bool:
        """Whether a drug alone has no curve of its own in the table of dose responses.

        That one has free ends and knows the vehicle's effects; it is refused where a constant
        explains the wells as well.
        """
        settings, (dose, effect) = self.settings, self.alone[drug]
        vehicle = self.effect[(self.doses == 0).all(axis=1)]
        e0 = settings.e0 if settings.e0 is not None or len(vehicle) else 0.0
        dose = np.concatenate([np.zeros(len(vehicle)), dose])
        if len(np.unique(dose)) < 2 + (e0 is None) + (settings.emax is None):
            return False
        effect = np.concatenate([vehicle, effect])
        fit = self._fitted((drug, "of the table"), dose, effect, e0=e0, emax=settings.emax)
        return bool(fit.flat_p >= settings.flat_p)

    def is_idle(self, drug: str) -> bool:
        """Whether a drug is shown to have next to no effect alone: not seeing one is not enough.

        Always False with fewer than three doses, or too few replicates to tell how wells scatter.
        """
        cells, (dose, effect) = self.cells, self.alone[drug]
        if cells.df < 3 or len(np.unique(dose)) < 3:
            return False
        if not self.fit(drug).flat_p >= _MIN_FLAT_P:
            return False
        highest = effect[dose == dose.max()]
        mean = highest.mean(keepdims=True)
        own = (
            cells.variance_model.relative(mean) / len(highest)
            + cells.vehicle_weight * (1 - mean) ** 2
        )
        limit = mean + special.stdtrit(cells.df, 0.975) * np.sqrt(cells.variance * own)
        return bool(limit[0] < _MAX_IDLE_EFFECT)

    def plateau_p(self, drug: str) -> float:
        """Test whether a drug alone has its full effect at an endless dose.

        p of the F test of a maximum of 1 against a lower one; 1 where the curve reaches 1, NaN with
        fewer than three doses or no wells to spare.
        """
        if len(np.unique(self.alone[drug][0])) < 3:
            return float("nan")
        fit = self.fit(drug)
        if fit.df < 1:
            return float("nan")
        if fit.emax >= FULL_EFFECT:
            return 1.0
        fixed = self.fit(drug, 1.0)
        df, variance = fit.df, fit.rss / fit.df
        if self.cells.df > df:
            df, variance = self.cells.df, max(variance, self.cells.variance)
        if variance <= 0:
            return 0.0
        return float(special.fdtrc(1, df, max(fixed.rss - fit.rss, 0.0) / variance))
