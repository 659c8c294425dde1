"""Conditions of one plate: wells with the same doses, their means and their common variance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.response.scatter import CONSTANT, Scatter, fit_scatter

__all__ = ["Conditions", "conditions", "reference_weight"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Conditions:
    """Means of wells with the same doses.

    Parameters
    ----------
    doses : ndarray, shape (c, k)
        Without the vehicle.
    mean, count, squares : ndarray, shape (c,)
        Mean effect, wells, sum of squared deviations.
    topped : ndarray of bool, shape (c,)
        Whether a well stands at exactly 1, and none of the plate's beyond: effects were cut off.
    vehicle_mean : float
        NaN without vehicle wells.
    vehicle_weight : float
        Variance of the reference in units of a well's; 0 where effects were not normalised to
        these vehicle wells.
    scatter : Scatter
        How a well's variance depends on its effect.
    """

    doses: FloatArray
    mean: FloatArray
    count: FloatArray
    squares: FloatArray
    topped: NDArray[np.bool_]
    vehicle_mean: float
    vehicle_weight: float
    scatter: Scatter = CONSTANT

    @property
    def relative(self) -> FloatArray:
        """Variance of a well of each condition, in units of `variance`."""
        return self.scatter.relative(self.mean)

    @property
    def df(self) -> int:
        """Degrees of freedom of the pooled variance, as far as intervals may trust in it.

        Effects that were clipped to exactly 0 or 1 in all wells say nothing about scatter.
        """
        told = ~_clipped(self.mean, self.squares)
        within = int((self.count - 1)[told].sum())
        if within < 1 or self.scatter.shape == "constant":
            return within
        return max(int(self.scatter.known_df(self.mean[told], (self.count - 1)[told])), 1)

    @property
    def variance(self) -> float:
        """Pooled variance of a well; NaN without replicates."""
        told = ~_clipped(self.mean, self.squares)
        within = int((self.count - 1)[told].sum())
        return float((self.squares / self.relative).sum() / within) if within else float("nan")

    def find(self, dose: FloatArray) -> int:
        """Find the number of a condition, -1 if it was not tested.

        Doses agree within 0.1 %: dilutions are written with few digits.
        """
        close = (np.abs(self.doses - dose) <= 1e-3 * np.abs(dose)).all(axis=1)
        if not close.any():
            return -1
        distance = np.abs(self.doses - dose).sum(axis=1)
        return int(np.argmin(np.where(close, distance, np.inf)))


def _clipped(mean: FloatArray, squares: FloatArray) -> NDArray[np.bool_]:
    """Conditions whose wells all stand at exactly 0 or 1."""
    return np.asarray((squares == 0) & np.isin(mean, (0.0, 1.0)))


def conditions(doses: FloatArray, effect: FloatArray, scatter: Scatter | None = None) -> Conditions:
    """Group wells by their doses.

    Parameters
    ----------
    doses : ndarray, shape (n, k)
        0 where a drug is absent; all 0: vehicle.
    effect : ndarray, shape (n,)
        Fraction affected.
    scatter : Scatter, optional
        How a well's variance depends on its effect; None: judged from these wells.

    Returns
    -------
    Conditions
    """
    treated = (doses > 0).any(axis=1)
    with np.errstate(divide="ignore"):
        # Doses from unit conversions differ in the last digits.
        key = np.where(doses > 0, np.round(np.log(np.where(doses > 0, doses, 1)), 6), -np.inf)
    _, first, which = np.unique(key[treated], axis=0, return_index=True, return_inverse=True)
    which = np.asarray(which).ravel()
    groups = [np.sort(effect[treated][which == i]) for i in range(len(first))]
    vehicle = np.sort(effect[~treated])
    means = np.array([group.mean() for group in groups])
    count = np.array([float(len(group)) for group in groups])
    top = float(effect.max(initial=0.0))
    squares = np.array([((group - group.mean()) ** 2).sum() for group in groups])
    told = ~_clipped(means, squares)
    if scatter is None:
        scatter = fit_scatter(means[told], count[told], squares[told])
    return Conditions(
        doses=doses[treated][first],
        mean=means,
        count=count,
        squares=squares,
        topped=np.array([bool((group == 1).any()) and top <= 1 for group in groups], dtype=bool),
        vehicle_mean=float(vehicle.mean()) if len(vehicle) else float("nan"),
        vehicle_weight=reference_weight(vehicle) * float(scatter.relative(0.0)),
        scatter=scatter,
    )


def reference_weight(vehicle: FloatArray) -> float:
    """Variance of the reference, in units of a vehicle well's, where wells were normalised to it.

    Parameters
    ----------
    vehicle : ndarray, shape (n,)
        Effects of the vehicle wells. If all effects were normalised to their mean or median, that
        is 0; if they were then cut off at 0, half of the wells stand there.

    Returns
    -------
    float
        0 where they were not.
    """
    n = len(vehicle)
    if not n:
        return 0.0
    mean, spread = float(vehicle.mean()), float(vehicle.std())
    if spread <= 1e-12:
        return 0.0  # one value, or 0 by definition: nothing was measured here
    if abs(mean) < 1e-4 + 1e-3 * spread:
        return 1 / n
    cut_off = float(vehicle.min()) == 0 and 2 * int((vehicle == 0).sum()) >= n
    if cut_off or abs(float(np.median(vehicle))) < 1e-9:
        # Of a median (asymptotically pi / 2 / n), with its value of 1 for a single well.
        return np.pi / 2 / (n + np.pi / 2 - 1)
    return 0.0
