"""The search behind the logistic curve: two numbers sought, two solved in passing.

For any inflection and slope the best asymptotes are linear least squares (variable projection;
Golub & Pereyra 1973, doi:10.1137/0710036), so the search is over a plane, and begins from a
grid that covers every sensible curve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage
from scipy.special import expit

from spheroid_qc.response.arrays import FloatArray, IntArray
from spheroid_qc.response.curves.levenberg_marquardt import descend

LOG_HILL_BOUNDS = (float(np.log(0.05)), float(np.log(20.0)))
"""Slopes outside are steps or constants as far as any plate can tell (natural log)."""

MAX_LOG_DOSES_BEYOND = np.log(1e3)
"""How far beyond the tested doses an inflection is sought (natural log)."""


def hill_fraction(dose: FloatArray, log_ec50: ArrayLike, hill: ArrayLike) -> FloatArray:
    """Share of the way from e0 to emax: x^h / (x^h + ec50^h), 0 at dose 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(expit(np.asarray(hill) * (np.log(dose) - np.asarray(log_ec50))))


@dataclass(frozen=True)
class CurveProblem:
    """Mean responses by dose and what is fixed; the asymptotes are solved in passing.

    `dose` are m distinct doses, `response` the means of their wells, `weight` that of each mean
    (the number of wells, where all wells scatter alike). The squared deviations from the means
    (`pure`) are the same for every curve: wells fitted one by one have the same best. `total` is
    the sum of squares of all wells around their mean; `e0` and `emax` are None where they are free,
    a free emax within its bounds.
    """

    dose: FloatArray
    response: FloatArray
    weight: FloatArray
    pure: float
    e0: float | None
    emax: float | None
    emax_bounds: tuple[float, float]
    total: float

    def asymptotes(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Best e0 and emax for shares z (..., m), each of shape (..., 1)."""
        y, n, w = self.response, self.weight, 1 - z
        if self.e0 is not None and self.emax is not None:
            shape = (*z.shape[:-1], 1)
            return np.full(shape, self.e0), np.full(shape, self.emax)
        if self.e0 is not None:
            top = ((n * z) * (y - self.e0 * w)).sum(-1, keepdims=True)
            emax = top / np.maximum((z * z) @ n, 1e-300)[..., None]
            return np.full_like(emax, self.e0), np.clip(emax, *self.emax_bounds)
        if self.emax is not None:
            emax = np.full((*z.shape[:-1], 1), self.emax)
        else:
            total = n.sum()
            mean = (z @ n)[..., None] / total
            away = z - mean
            spread = ((away * away) @ n)[..., None]
            slope = (away @ (n * y))[..., None] / np.maximum(spread, 1e-12)
            emax = np.clip((n @ y) / total + slope * (1 - mean), *self.emax_bounds)
        bottom = ((n * w) * (y - emax * z)).sum(-1, keepdims=True)
        return bottom / np.maximum((w * w) @ n, 1e-300)[..., None], emax

    def residuals(self, log_ec50: ArrayLike, log_hill: ArrayLike) -> FloatArray:
        """Residuals of the means, times the root of their wells, with the best asymptotes.

        Broadcasts over curves; shape (..., m).
        """
        where, slope = np.asarray(log_ec50)[..., None], np.exp(np.asarray(log_hill))[..., None]
        z = hill_fraction(self.dose, where, slope)
        e0, emax = self.asymptotes(z)
        return np.asarray((e0 + (emax - e0) * z - self.response) * np.sqrt(self.weight))

    def rss(self, log_ec50: ArrayLike, log_hill: ArrayLike) -> FloatArray:
        """Residual sum of squares of all wells; broadcasts over curves."""
        r = self.residuals(log_ec50, log_hill)
        return np.asarray((r * r).sum(-1) + self.pure)

    def profile(self, place: float, shift: float, log_hill: float) -> float:
        """Smallest RSS of the curves through a given effective dose."""

        def rss(slope: FloatArray) -> FloatArray:
            return self.rss(place - shift / np.exp(slope), slope)

        grid = np.append(np.linspace(*LOG_HILL_BOUNDS, 60), log_hill)
        grid.sort()
        at = int(np.argmin(rss(grid)))
        around = (grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)])
        for _ in range(4):  # each round narrows the bracket tenfold
            fine = np.linspace(*around, 21)
            values = rss(fine)
            at = int(np.argmin(values))
            around = (fine[max(at - 1, 0)], fine[min(at + 1, 20)])
        return float(values.min())


def minima_on_grid(
    residuals: Callable[[FloatArray, FloatArray], FloatArray],
    first: FloatArray,
    second: FloatArray,
    pure: float,
    maximum: int = 3,
) -> tuple[FloatArray, FloatArray]:
    """Find least sums of squares over a plane: on a grid, then refined from its lowest minima.

    `residuals` of the means (..., m) belong to the first and the second number, each (...). The
    ends of the grid's axes `first` and `second` are the limits; `pure` is the sum of squares that
    every curve leaves besides. At most `maximum` places of the grid that are lower than all around
    them are refined. Gives the places found (n, 2), and the sums of squares of the means there.
    """
    rss = (residuals(*np.meshgrid(first, second, indexing="ij")) ** 2).sum(-1)
    around = ndimage.minimum_filter(rss, 3, mode="nearest")
    found = np.argwhere(rss <= around)
    depth = rss[tuple(found.T)]
    order = np.argsort(depth, kind="stable")[:maximum]
    order = order[depth[order] + pure <= 5 * (depth.min() + pure) + 1e-300]
    low, high = np.array([first[0], second[0]]), np.array([first[-1], second[-1]])
    start = np.column_stack([first[found[order, 0]], second[found[order, 1]]])
    step = 1e-5
    moves = np.array([[0, 0], [step, 0], [-step, 0], [0, step], [0, -step]])

    def model(place: FloatArray, _: IntArray) -> tuple[FloatArray, FloatArray]:
        beside = place[:, None] + moves
        r = residuals(beside[..., 0], beside[..., 1])
        slopes = np.stack([r[:, 1] - r[:, 2], r[:, 3] - r[:, 4]], axis=-1)
        return r[:, 0], slopes / (2 * step)

    return descend(model, np.clip(start, low + 1e-6, high - 1e-6), low, high, 1e-14, 200)


def fit_hill(problem: CurveProblem) -> tuple[float, float]:
    """Best (log ec50, log hill): a grid over all sensible curves, then refinement."""
    doses = np.log(problem.dose[problem.dose > 0])
    low, high = doses.min() - MAX_LOG_DOSES_BEYOND, doses.max() + MAX_LOG_DOSES_BEYOND
    count = int(np.clip((high - low) / 0.25, 40, 160))
    grid = np.linspace(low, high, count), np.linspace(*LOG_HILL_BOUNDS, 24)
    places, cost = minima_on_grid(problem.residuals, *grid, problem.pure)
    log_ec50, log_hill = places[cost.argmin()]
    return float(log_ec50), float(log_hill)
