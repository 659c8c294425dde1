"""Curves of the drugs alone on one plate, and what they say of a drug: idle, or with a plateau.

A drug's curve starts at 0 and ends at a free maximum, not above 1. A drug that is shown to do next
to nothing at its highest dose is held to do nothing: its fitted curve is noise, and may rise to a
full effect just above the last dose.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from spheroid_qc.parameters import ResponseParameters
from spheroid_qc.response.arrays import FloatArray
from spheroid_qc.response.conditions import Conditions
from spheroid_qc.response.curves.logistic import LogisticFit, fit_logistic
from spheroid_qc.response.variance_model import VarianceModel

Wells = tuple[FloatArray, FloatArray]
"""Doses and effects of one drug alone."""

FULL_EFFECT = 1 - 1e-4
"""Maximum from which a curve reaches its full effect: clean data do so but for rounding."""

_MIN_FLAT_P, _MAX_IDLE_EFFECT = 0.05, 0.1
"""A drug does nothing where a constant explains its wells as well, and its effect at the highest
dose is surely (upper limit of a 95 % interval) below the second figure."""


class SingleDrugCurves:
    """Curves of the drugs alone on one plate, fitted when they are first needed.

    `variance_model` is that of the plate; `emax` is the maximum of all drugs (None: free, between 0
    and 1).
    """

    def __init__(self, variance_model: VarianceModel, emax: float | None = None) -> None:
        self.variance_model = variance_model
        self.emax = emax
        self._known: dict[tuple[str, float | None], LogisticFit] = {}
        self._refused: dict[str, bool] = {}

    def fit(self, drug: str, wells: Wells, emax: float | None = None) -> LogisticFit:
        """Curve of a drug."""
        if (drug, emax) not in self._known:
            self._known[drug, emax] = fit_logistic(
                *wells, e0=0.0, emax=emax, emax_bounds=(0.0, 1.0),
                variance_model=self.variance_model,
            )  # fmt: skip
        return self._known[drug, emax]

    def is_refused(
        self, drug: str, wells: Wells, vehicle: FloatArray, settings: ResponseParameters
    ) -> bool:
        """Whether a drug alone has no curve of its own in the table of dose responses.

        That one has free ends and knows the `vehicle`'s effects; it is refused where a constant
        explains the wells as well.
        """
        if drug not in self._refused:
            doses = np.concatenate([np.zeros(len(vehicle)), wells[0]])
            e0 = settings.e0 if settings.e0 is not None or len(vehicle) else 0.0
            free = 2 + (e0 is None) + (settings.emax is None)
            self._refused[drug] = len(np.unique(doses)) >= free and bool(
                fit_logistic(
                    doses, np.concatenate([vehicle, wells[1]]), e0=e0, emax=settings.emax,
                    variance_model=self.variance_model,
                ).flat_p >= settings.flat_p
            )  # fmt: skip
        return self._refused[drug]

    def is_idle(self, drug: str, wells: Wells, cells: Conditions) -> bool:
        """Whether a drug is shown to have next to no effect: not seeing one is not enough.

        `wells` are doses and effects of it alone. Always False with fewer than three doses, or too
        few replicates to tell how wells scatter.
        """
        if cells.df < 3 or len(np.unique(wells[0])) < 3:
            return False
        if not self.fit(drug, wells).flat_p >= _MIN_FLAT_P:
            return False
        doses, effect = wells
        highest = effect[doses == doses.max()]
        mean = highest.mean(keepdims=True)
        own = (
            self.variance_model.relative(mean) / len(highest)
            + cells.vehicle_weight * (1 - mean) ** 2
        )
        limit = mean + special.stdtrit(cells.df, 0.975) * np.sqrt(cells.variance * own)
        return bool(limit[0] < _MAX_IDLE_EFFECT)

    def plateau_p(self, drug: str, wells: Wells, cells: Conditions) -> float:
        """Test whether a drug alone has its full effect at an endless dose.

        p of the F test of a maximum of 1 against a lower one; 1 where the curve reaches 1, NaN with
        fewer than three doses or no wells to spare.
        """
        if len(np.unique(wells[0])) < 3:
            return float("nan")
        fit = self.fit(drug, wells)
        if fit.df < 1:
            return float("nan")
        if fit.emax >= FULL_EFFECT:
            return 1.0
        fixed = self.fit(drug, wells, 1.0)
        df, variance = fit.df, fit.rss / fit.df
        if cells.df > df:
            df, variance = cells.df, max(variance, cells.variance)
        if variance <= 0:
            return 0.0
        return float(special.fdtrc(1, df, max(fixed.rss - fit.rss, 0.0) / variance))
