"""The search behind the logistic curve: two numbers sought, two solved in passing.

For any inflection and slope the best asymptotes are linear least squares (variable projection;
Golub & Pereyra 1973, doi:10.1137/0710036), so the search is over a plane, and begins from a
grid that covers every sensible curve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize
from scipy.special import expit

__all__ = ["HILL_BOUNDS", "REACH", "CurveProblem", "reached", "search"]

FloatArray = NDArray[np.float64]

HILL_BOUNDS = (0.05, 20.0)
"""Slopes outside are steps or constants as far as any plate can tell."""

REACH = np.log(1e3)
"""How far beyond the tested doses an inflection is sought (natural log)."""


def reached(dose: FloatArray, log_ec50: ArrayLike, hill: ArrayLike) -> FloatArray:
    """x^h / (x^h + ec50^h), 0 at dose 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(expit(np.asarray(hill) * (np.log(dose) - np.asarray(log_ec50))))


@dataclass(frozen=True)
class CurveProblem:
    """Doses, responses and what is fixed; the asymptotes are solved in passing."""

    dose: FloatArray
    response: FloatArray
    e0: float | None
    emax: float | None
    emax_bounds: tuple[float, float]
    hill_bounds: tuple[float, float]
    total: float

    def asymptotes(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Best e0 and emax for shares z (..., n), each of shape (..., 1)."""
        y, w = self.response, 1 - z
        if self.e0 is not None and self.emax is not None:
            shape = (*z.shape[:-1], 1)
            return np.full(shape, self.e0), np.full(shape, self.emax)
        if self.e0 is not None:
            top = (z * (y - self.e0 * w)).sum(-1, keepdims=True)
            emax = top / np.maximum((z * z).sum(-1, keepdims=True), 1e-300)
            return np.full_like(emax, self.e0), np.clip(emax, *self.emax_bounds)
        if self.emax is not None:
            emax = np.full((*z.shape[:-1], 1), self.emax)
        else:
            mean = z.mean(-1, keepdims=True)
            spread = ((z - mean) ** 2).sum(-1, keepdims=True)
            slope = ((z - mean) * y).sum(-1, keepdims=True) / np.maximum(spread, 1e-12)
            emax = np.clip(y.mean() + slope * (1 - mean), *self.emax_bounds)
        bottom = (w * (y - emax * z)).sum(-1, keepdims=True)
        return bottom / np.maximum((w * w).sum(-1, keepdims=True), 1e-300), emax

    def residuals(self, log_ec50: ArrayLike, log_hill: ArrayLike) -> FloatArray:
        """Residuals with the best asymptotes; broadcasts over curves."""
        where, slope = np.asarray(log_ec50)[..., None], np.exp(np.asarray(log_hill))[..., None]
        z = reached(self.dose, where, slope)
        e0, emax = self.asymptotes(z)
        return e0 + (emax - e0) * z - self.response

    def profile(self, place: float, shift: float, log_hill: float) -> float:
        """Smallest RSS of the curves through a given effective dose."""

        def rss(slope: FloatArray) -> FloatArray:
            r = self.residuals(place - shift / np.exp(slope), slope)
            return np.asarray((r * r).sum(-1))

        low, high = np.log(self.hill_bounds)
        grid = np.append(np.linspace(low, high, 60), log_hill)
        grid.sort()
        at = int(np.argmin(rss(grid)))
        around = (grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)])
        for _ in range(4):  # each round narrows the bracket tenfold
            fine = np.linspace(*around, 21)
            values = rss(fine)
            at = int(np.argmin(values))
            around = (fine[max(at - 1, 0)], fine[min(at + 1, 20)])
        return float(values.min())


def search(problem: CurveProblem) -> tuple[float, float]:
    """Best (log ec50, log hill): a grid over all sensible curves, then refinement."""
    doses = np.log(problem.dose[problem.dose > 0])
    low, high = doses.min() - REACH, doses.max() + REACH
    count = int(np.clip((high - low) / 0.25, 40, 160))
    where, slope = (
        np.linspace(low, high, count),
        np.linspace(
            float(np.log(problem.hill_bounds[0])), float(np.log(problem.hill_bounds[1])), 24
        ),
    )
    grid = np.meshgrid(where, slope, indexing="ij")
    rss = (problem.residuals(*grid) ** 2).sum(-1)
    padded = np.pad(rss, 1, constant_values=np.inf)
    neighbours = [padded[1 + i : 1 + i + count, 1 + j : 25 + j]
                  for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]  # fmt: skip
    valleys = np.argwhere(rss <= np.min(neighbours, axis=0))
    depth = np.array([rss[i, j] for i, j in valleys])
    order = np.argsort(depth, kind="stable")[:3]
    valleys = valleys[order[depth[order] <= 5 * depth.min() + 1e-300]]
    bounds = ([low, slope[0]], [high, slope[-1]])
    best, place = np.inf, (0.0, 0.0)

    def residuals(place: FloatArray) -> FloatArray:
        return problem.residuals(place[0], place[1])

    for i, j in valleys:
        start = np.clip([where[i], slope[j]], np.add(bounds[0], 1e-6), np.subtract(bounds[1], 1e-6))
        found = optimize.least_squares(
            residuals, start, bounds=bounds, jac="3-point",
            xtol=1e-12, ftol=1e-14, gtol=1e-12, max_nfev=200,
        )  # fmt: skip
        if found.cost < best * (1 - 1e-10):
            best, place = float(found.cost), (float(found.x[0]), float(found.x[1]))
    return place
