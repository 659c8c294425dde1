"""The absolute IC50, the dose at which a curve crosses half of the effect, with its interval.

It depends on all four parameters of the curve, and where the curve falls steeply between two doses
its standard error says next to nothing. So the interval is a profile likelihood: every curve is
held to pass through the point, in place of one of its asymptotes, and the other three parameters
are fitted anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, stdtrit

from spheroid_qc.response.arrays import FloatArray
from spheroid_qc.response.curves.hill_search import (
    LOG_HILL_BOUNDS,
    CurveProblem,
    hill_fraction,
    minima_on_grid,
)
from spheroid_qc.response.curves.logistic import LogisticFit

_MAX_LOGIT = 7.0
"""The point lies between a thousandth and 999 thousandths of the way from e0 to emax (logit)."""


@dataclass(frozen=True)
class TargetResponse:
    """A response that curves are asked to take, `level + share * e0`.

    `level` is the same for every curve; `share` is that of the curve's own response without drug:
    0.5 is half of the vehicle.
    """

    level: float
    share: float = 0.0

    def response(self, e0: float) -> float:
        """Give the response asked of a curve that has `e0` without drug."""
        return self.level + self.share * e0


HALF_EFFECT = TargetResponse(0.5)
"""A fraction affected of one half."""

HALF_OF_VEHICLE = TargetResponse(0.0, 0.5)
"""For raw responses: half of the response without drug."""


def absolute_ic50(fit: LogisticFit, target: TargetResponse = HALF_EFFECT) -> float:
    """Give the dose at which the fitted curve takes a response.

    `HALF_OF_VEHICLE` is the target where the response is no fraction affected. Infinite where the
    curve goes towards the response and never takes it, NaN where it lies on the other side from the
    start.
    """
    half = target.response(fit.e0)
    dose = fit.dose_at(half)
    if np.isfinite(dose):
        return dose
    at_highest = float(fit.predict(fit.dose_range[1]))
    if target.share:
        short = 0 < half < at_highest and fit.emax < fit.e0
    else:
        short = at_highest < half and fit.e0 < half
    return float("inf") if short else float("nan")


def absolute_ic50_interval(
    fit: LogisticFit,
    target: TargetResponse = HALF_EFFECT,
    level: float = 0.95,
    reference: float = 0.0,
) -> tuple[float, float]:
    """Give the interval of the dose at which the curve takes a response.

    By profile likelihood. Fractions affected that were normalised to vehicle wells share the error
    of their mean, which moves a fraction f by 1 - f of it; both errors are put together distance by
    distance (Zou & Donner 2008, doi:10.1002/sim.3095), in the logarithm of the dose. `reference` is
    the variance of what responses were normalised to, in units of a well's (0: they were not).

    Bounds are those of `LogisticFit.profile_interval`; NaN too where the best curve never takes the
    response.
    """
    response = target.response(fit.e0)
    dose = fit.dose_at(response)
    if not np.isfinite(dose):
        return float("nan"), float("nan")
    best = float(np.log(dose))
    if fit.problem.e0 is not None and fit.problem.emax is not None:
        share = (response - fit.e0) / (fit.emax - fit.e0)
        low, high = fit.profile_interval(share, level)
    else:
        low, high = fit.profile_bounds(
            best, level, lambda at: profile_through(fit.problem, target, at)
        )
    if not reference or not np.isfinite(low):
        return low, high
    t = float(stdtrit(fit.noise.df, 0.5 + level / 2))
    shift = (1 - response) * t * float(np.sqrt(fit.noise.variance * reference))
    ends = [fit.dose_at(response - shift), fit.dose_at(response + shift)]
    if fit.emax < fit.e0:
        ends.reverse()
    # A shifted half that the curve never takes leaves that end open.
    down, up = (np.inf if np.isnan(end) else float(np.log(end)) - best for end in ends)
    with np.errstate(divide="ignore"):
        return (
            float(np.exp(best - np.hypot(best - np.log(low), down))),
            float(np.exp(best + np.hypot(np.log(high) - best, up))),
        )


def profile_through(problem: CurveProblem, target: TargetResponse, log_dose: float) -> float:
    """Smallest residual sum of squares of the curves that take a response at a dose.

    At least one asymptote of the problem is free; `log_dose` is the natural logarithm.
    """
    # Two numbers make a curve: its slope, and how far (logit) it has come at the dose.
    nearest = -_MAX_LOGIT
    if problem.e0 is not None:
        way = target.response(problem.e0) - problem.e0
        ends = [limit - problem.e0 for limit in problem.emax_bounds if np.isfinite(limit)]
        minimum = max((way / end for end in ends if way * end > 0), default=0.0)
        if minimum >= 1:
            return float("inf")  # no curve within the limits goes that far
        if minimum > 0:
            nearest = max(nearest, float(np.log(minimum / (1 - minimum))))
    grid = np.linspace(nearest, _MAX_LOGIT, 29), np.linspace(*LOG_HILL_BOUNDS, 24)

    def residuals(logit: FloatArray, log_hill: FloatArray) -> FloatArray:
        hill = np.exp(log_hill)
        z = hill_fraction(problem.dose, (log_dose - logit / hill)[..., None], hill[..., None])
        e0, emax = _asymptotes(problem, target, z, expit(logit)[..., None])
        with np.errstate(over="ignore", invalid="ignore"):
            found = (e0 + (emax - e0) * z - problem.response) * np.sqrt(problem.weight)
        return np.clip(np.nan_to_num(found, nan=1e100), -1e100, 1e100)

    return float(minima_on_grid(residuals, *grid, problem.pure)[1].min()) + problem.pure


def _asymptotes(
    problem: CurveProblem, target: TargetResponse, z: FloatArray, at: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Best e0 and emax, each (..., 1), of curves with shares z that take the response at `at`."""
    a, b, c = 1 - at - target.share, at, target.level  # a e0 + b emax = c
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
