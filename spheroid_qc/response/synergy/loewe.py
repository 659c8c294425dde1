"""Excess over Loewe additivity from curves of the drugs alone, fitted once a plate.

A drug's curve starts at 0 and ends at a free maximum, not above 1. Where the doses end before the
curve does, the free maximum is often too low by chance, and additive drugs then look synergistic.
So wherever a full effect fits the wells as well, the interval also spans what that curve says.
A drug that is shown to do next to nothing at its highest dose is held to do nothing: its fitted
curve is noise, and may rise to a full effect just above the last dose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from spheroid_qc.response.conditions import Conditions
from spheroid_qc.response.curves.logistic import LogisticFit, fit_logistic
from spheroid_qc.response.scatter import VarianceModel
from spheroid_qc.response.synergy.excess import Estimate, loewe_excess

FloatArray = NDArray[np.float64]
Wells = tuple[FloatArray, FloatArray]
"""Doses and effects of one drug alone."""

_STEP = 1e-3

_AT_FULL = 1 - 1e-4
"""Maximum from which a curve reaches its full effect: clean data do so but for rounding."""

_REFUTED_P = 0.05
"""Below, a full effect is no longer held for possible."""

_FLAT_P, _NEXT_TO_NOTHING = 0.05, 0.1
"""A drug does nothing where a constant explains its wells as well, and its effect at the highest
dose is surely (upper limit of a 95 % interval) below the second figure."""


class SingleCurves:
    """Curves of the drugs alone on one plate, fitted when they are first needed.

    Parameters
    ----------
    scatter : VarianceModel
        How a well's variance depends on its effect on this plate.
    emax : float, optional
        Maximum of all drugs; None: free, between 0 and 1.
    """

    def __init__(self, scatter: VarianceModel, emax: float | None = None) -> None:
        self.scatter = scatter
        self.emax = emax
        self._known: dict[tuple[str, float | None, float], LogisticFit] = {}

    def fit(
        self, drug: str, wells: Wells, emax: float | None = None, step: float = 0.0
    ) -> LogisticFit:
        """Curve of a drug, after all its effects were moved by step * (1 - f)."""
        key = (drug, emax, step)
        if key not in self._known:
            x, y = wells
            self._known[key] = fit_logistic(
                x, y + step * (1 - y), e0=0.0, emax=emax, emax_bounds=(0.0, 1.0),
                scatter=self.scatter,
            )  # fmt: skip
        return self._known[key]

    def loewe(
        self, wells: Mapping[str, Wells], cells: Conditions, combined: NDArray[np.intp],
        level: float = 0.95,
    ) -> tuple[list[LogisticFit], list[Estimate], Estimate]:  # fmt: skip
        """Excess of combinations over Loewe additivity.

        Parameters
        ----------
        wells : mapping of str to (ndarray, ndarray)
            Doses and effects of each drug alone, in the order of the columns of `cells.doses`.
        cells, combined, level
            As for `loewe_excess`.

        Returns
        -------
        list of LogisticFit, list of Estimate, Estimate
            The curves, each combination, and their unweighted mean.
        """
        fits = [self.fit(drug, own, self.emax) for drug, own in wells.items()]
        idle = [self.emax is None and self.is_idle(*part, cells) for part in wells.items()]
        each, mean = self._excess(wells, cells, combined, [self.emax] * len(fits), idle, level)
        if self.emax is None:
            tops = [
                1.0
                if fit.emax < _AT_FULL and not rests and self.plateau_p(*part, cells) > _REFUTED_P
                else None
                for part, fit, rests in zip(wells.items(), fits, idle, strict=True)
            ]
            if any(tops):
                others, other = self._excess(wells, cells, combined, tops, idle, level)
                each = [_both(a, b) for a, b in zip(each, others, strict=True)]
                mean = _both(mean, other)
        return fits, each, mean

    def _excess(
        self, wells: Mapping[str, Wells], cells: Conditions, combined: NDArray[np.intp],
        tops: Sequence[float | None], idle: Sequence[bool], level: float,
    ) -> tuple[list[Estimate], Estimate]:  # fmt: skip
        def curves(step: float) -> list[LogisticFit]:
            found = []
            for (drug, own), top, rests in zip(wells.items(), tops, idle, strict=True):
                fit = self.fit(drug, own, top, step)
                if rests:
                    fit = replace(fit, emax=0.0, covariance=np.zeros_like(fit.covariance))
                found.append(fit)
            return found

        moved = curves(_STEP) if cells.vehicle_weight else None
        return loewe_excess(cells, combined, curves(0.0), moved, _STEP, level)

    def is_idle(self, drug: str, wells: Wells, cells: Conditions) -> bool:
        """Whether a drug is shown to have next to no effect: not seeing one is not enough.

        Parameters
        ----------
        drug, wells, cells
            As for `loewe`.

        Returns
        -------
        bool
            Always False with fewer than three doses, or too few replicates to tell how wells
            scatter.
        """
        if cells.df < 3 or len(np.unique(wells[0])) < 3:
            return False
        if not self.fit(drug, wells).flat_p >= _FLAT_P:
            return False
        doses, effect = wells
        highest = effect[doses == doses.max()]
        mean = highest.mean(keepdims=True)
        own = self.scatter.relative(mean) / len(highest) + cells.vehicle_weight * (1 - mean) ** 2
        limit = mean + special.stdtrit(cells.df, 0.975) * np.sqrt(cells.variance * own)
        return bool(limit[0] < _NEXT_TO_NOTHING)

    def plateau_p(self, drug: str, wells: Wells, cells: Conditions) -> float:
        """Test whether a drug alone has its full effect at an endless dose.

        Parameters
        ----------
        drug, wells, cells
            As for `loewe`.

        Returns
        -------
        float
            p of the F test of a maximum of 1 against a lower one; 1 where the curve reaches 1, NaN
            with fewer than three doses or no wells to spare.
        """
        if len(np.unique(wells[0])) < 3:
            return float("nan")
        fit = self.fit(drug, wells)
        if fit.df < 1:
            return float("nan")
        if fit.emax >= _AT_FULL:
            return 1.0
        fixed = self.fit(drug, wells, 1.0)
        df, variance = fit.df, fit.rss / fit.df
        if cells.df > df:
            df, variance = cells.df, max(variance, cells.variance)
        if variance <= 0:
            return 0.0
        return float(special.fdtrc(1, df, max(fixed.rss - fit.rss, 0.0) / variance))


def _both(one: Estimate, other: Estimate) -> Estimate:
    """Estimate with an interval that spans both."""
    return Estimate(one.value, min(one.low, other.low), max(one.high, other.high), one.df)
