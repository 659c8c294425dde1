"""The same curve fitted to many draws: each starts at that of the wells, so a few steps do."""

from __future__ import annotations

import numpy as np

from spheroid_qc.response.arrays import FloatArray, IntArray
from spheroid_qc.response.curves.hill_search import (
    LOG_HILL_BOUNDS,
    MAX_LOG_DOSES_BEYOND,
    hill_fraction,
)
from spheroid_qc.response.curves.levenberg_marquardt import descend
from spheroid_qc.response.curves.logistic import LogisticFit
from spheroid_qc.response.draws import interval, scales

_FAR = 10.0
"""Times the range of the responses by which a drawn maximum lies off the response without drug at
most: where wells do not say where a curve ends, a search must stop somewhere."""


def refit(fit: LogisticFit, responses: FloatArray, e0: FloatArray | None = None) -> FloatArray:
    """Fit the curve of a fit to drawn responses.

    `responses` (b, m) stand at the m doses of the fit's problem. The response without drug is as
    in the problem, fixed or free, or `e0` (b,) of each draw; emax is free within the problem's
    bounds unless it is fixed there. Gives log ec50, log hill, emax and e0, (b, 4).
    """
    problem = fit.problem
    unit = max(float(np.ptp(problem.response)), 1e-300)
    doses = problem.dose[problem.dose > 0]
    reach = fit.e0 - _FAR * unit, fit.e0 + _FAR * unit
    top = np.clip(problem.emax_bounds, *reach) if problem.emax is None else (problem.emax,) * 2
    low = np.array([np.log(doses.min()) - MAX_LOG_DOSES_BEYOND, LOG_HILL_BOUNDS[0], top[0], 0.0])
    high = np.array([np.log(doses.max()) + MAX_LOG_DOSES_BEYOND, LOG_HILL_BOUNDS[1], top[1], 0.0])
    low[3], high[3] = reach
    drawn = responses / unit
    base = np.full(len(responses), fit.e0) if e0 is None else e0
    start = [
        np.log(fit.ec50),
        np.log(min(fit.hill, _slope_of_a_gap(doses, fit.ec50))),
        fit.emax,
        fit.e0,
    ]
    starts = np.tile(start, (len(responses), 1))
    for column in (starts, low, high):
        column[..., 2:] /= unit
    held = 3 if e0 is not None or problem.e0 is not None else 4
    root, logs = np.sqrt(problem.weight), np.log(np.maximum(problem.dose, 1e-300))

    def model(place: FloatArray, at: IntArray) -> tuple[FloatArray, FloatArray]:
        log_ec50, hill = place[:, 0, None], np.exp(place[:, 1, None])
        z = hill_fraction(problem.dose, log_ec50, hill)
        start = place[:, 3, None] if held == 4 else base[at, None] / unit
        height = place[:, 2, None] - start
        steep = root * height * z * (1 - z) * hill
        slopes = [-steep, steep * (logs - log_ec50), root * z, root * (1 - z)]
        return root * (start + height * z - drawn[at]), np.stack(slopes[:held], axis=-1)

    found, _ = descend(model, starts[:, :held], low[:held], high[:held])
    found[:, 2:] *= unit
    return found if held == 4 else np.column_stack([found, base])


def _slope_of_a_gap(doses: FloatArray, ec50: float) -> float:
    """Slope that rises from an eighth to seven eighths between the tested doses around an EC50.

    A curve at the limit of its slope has no dose on it, and draws that began there would stay:
    EC50s of steep drugs would seem to be known almost without error.
    """
    logs = np.log(doses)
    above = np.clip(np.searchsorted(logs, np.log(ec50)), 1, max(len(logs) - 1, 1))
    return float(4 / (logs[above] - logs[above - 1])) if len(logs) > 1 else float("inf")


def drawn_responses(fit: LogisticFit, count: int, reference: float = 0.0) -> FloatArray:
    """Draw the mean responses of a fit anew (b, m), as those of combinations are (`Draws`).

    They are drawn around the measured ones by the fit's `noise`, which has degrees of freedom;
    `reference` is the variance of what fractions affected were normalised to, in units of a well's,
    0 where they were not.
    """
    problem, half = fit.problem, max(count // 2, 1)
    scale, rng = scales(fit.noise.df, half)
    error = rng.standard_normal((half, len(problem.dose))) / np.sqrt(problem.weight)
    common = rng.standard_normal((half, 1)) * np.sqrt(reference)
    moves = scale * np.sqrt(fit.noise.variance) * (error + common * (1 - problem.response))
    return np.asarray(problem.response + np.concatenate([moves, -moves]))


def drawn_curves(fit: LogisticFit, count: int, reference: float = 0.0) -> FloatArray:
    """Fit the curve of a fit to its `drawn_responses`: log ec50, log hill, emax, e0, (b, 4)."""
    return refit(fit, drawn_responses(fit, count, reference))


def reach_intervals(
    fit: LogisticFit, level: float, count: int, reference: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Bounds of how far a curve gets: at the highest tested dose, and at an endless one.

    Both are of the same `drawn_curves`, for which `reference` is.

    The response at the highest dose is held by wells, the plateau beyond it is extrapolated: drawn
    ones that lie beyond the responses by more than these span are endless, and a curve that
    rises ends no lower than it got (one that falls, no higher). Gives lower and upper bounds, (2,)
    each; infinite where the wells leave an end open, NaN without residual degrees of freedom.
    """
    variance, df = fit.noise
    if df < 1 or not np.isfinite(variance):
        return np.full(2, np.nan), np.full(2, np.nan)
    log_ec50, log_hill, plateau, e0 = drawn_curves(fit, count, reference).T
    highest = np.array([fit.dose_range[1]])
    way = hill_fraction(highest, log_ec50, np.exp(log_hill))
    lowest, most = fit.problem.response.min(), fit.problem.response.max()
    span = most - lowest
    beyond = np.where(plateau > most + span, np.inf, np.where(plateau < lowest - span, -np.inf, 0))
    drawn = np.column_stack([e0 + (plateau - e0) * way, plateau + beyond])
    low, high = interval(np.array([fit.predict(highest)[0], fit.emax]), drawn, level)
    if fit.emax >= fit.e0:
        low[1] = max(low)
    else:
        high[1] = min(high)
    return low, high
