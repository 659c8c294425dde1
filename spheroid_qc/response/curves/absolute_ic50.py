"""How well the best logistic curve through a given point fits: the profile of an absolute dose.

The dose at which a curve takes a response (an absolute IC50) depends on all four parameters, and
where the curve falls steeply between two doses its standard error says next to nothing. Here every
curve is held to pass through the point, in place of one of its asymptotes, and the other three
parameters are fitted anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from spheroid_qc.response.curves.hill_search import CurveProblem, lowest, reached

FloatArray = NDArray[np.float64]

_FURTHEST = 7.0
"""The point lies between a thousandth and 999 thousandths of the way from e0 to emax (logit)."""


@dataclass(frozen=True)
class Crossing:
    """A response that curves are asked to take, `level + share * e0`.

    Parameters
    ----------
    level : float
        The part that is the same for every curve.
    share : float
        The part of the curve's own response without drug: 0.5 is half of the vehicle.
    """

    level: float
    share: float = 0.0

    def response(self, e0: float) -> float:
        """Give the response asked of a curve that has `e0` without drug."""
        return self.level + self.share * e0


def profile_through(problem: CurveProblem, crossing: Crossing, log_dose: float) -> float:
    """Smallest residual sum of squares of the curves that take a response at a dose.

    Parameters
    ----------
    problem : CurveProblem
        At least one of its asymptotes is free.
    crossing : Crossing
        The response.
    log_dose : float
        Natural logarithm of the dose.

    Returns
    -------
    float
    """
    # A curve is told by its slope and by how far (logit) it has come at the dose.
    nearest = -_FURTHEST
    if problem.e0 is not None:
        way = crossing.response(problem.e0) - problem.e0
        ends = [limit - problem.e0 for limit in problem.emax_bounds if np.isfinite(limit)]
        minimum = max((way / end for end in ends if way * end > 0), default=0.0)
        if minimum >= 1:
            return float("inf")  # no curve within the limits goes that far
        if minimum > 0:
            nearest = max(nearest, float(np.log(minimum / (1 - minimum))))
    slopes = [float(np.log(slope)) for slope in problem.hill_bounds]
    far = np.linspace(nearest, _FURTHEST, 29), np.linspace(slopes[0], slopes[1], 24)

    def residuals(logit: FloatArray, log_hill: FloatArray) -> FloatArray:
        hill = np.exp(log_hill)
        z = reached(problem.dose, (log_dose - logit / hill)[..., None], hill[..., None])
        e0, emax = _asymptotes(problem, crossing, z, expit(logit)[..., None])
        with np.errstate(over="ignore", invalid="ignore"):
            found = (e0 + (emax - e0) * z - problem.response) * np.sqrt(problem.weight)
        return np.clip(np.nan_to_num(found, nan=1e100), -1e100, 1e100)

    return lowest(residuals, *far, problem.pure)[1] + problem.pure


def _asymptotes(
    problem: CurveProblem, crossing: Crossing, z: FloatArray, at: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Best e0 and emax, each (..., 1), of curves with shares z that take the response at `at`."""
    a, b, c = 1 - at - crossing.share, at, crossing.level  # a e0 + b emax = c
    if problem.e0 is not None:
        return np.full_like(at, problem.e0), (c - a * problem.e0) / b
    if problem.emax is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            return (c - b * problem.emax) / a, np.full_like(at, problem.emax)
    # The pairs that solve it are a line; on it the best is linear least squares in one number.
    size = np.hypot(a, b)
    e0, emax = c * a / size**2, c * b / size**2
    along_e0, along_emax = b / size, -a / size
    moved = along_e0 * (1 - z) + along_emax * z
    rest = problem.response - e0 * (1 - z) - emax * z
    t = (moved * rest) @ problem.weight / np.maximum((moved * moved) @ problem.weight, 1e-300)
    t = t[..., None]
    steep = np.where(np.abs(along_emax) > 1e-12, along_emax, 1e-12)
    t += (np.clip(emax + t * along_emax, *problem.emax_bounds) - emax - t * along_emax) / steep
    return e0 + t * along_e0, emax + t * along_emax
