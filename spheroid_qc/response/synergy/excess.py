"""Excess over Bliss, HSA, Loewe and the best doublet, with intervals that hold at n = 3.

Every excess is a function of condition means, and all wells of the combination's conditions share
one variance, estimated within conditions (or one law of it, where the wells show that it follows
the effect: `scatter`). Bliss and Loewe are smooth, so the delta method carries the errors over.
The best of several (HSA, best doublet) is not: there the means are drawn anew many times with the
pooled variance (parametric bootstrap), the best is chosen anew in each draw, and the interval
spans the percentile and the reflected one, since the maximum of noisy means is too high. The draws
start from a fixed seed and follow the order of the means (`Conditions.orders`), so they depend
neither on the order of rows nor on names or units.

Where vehicle wells show that effects were normalised to them, the vehicle's error counts too: it
moves all effects at once, by (1 - f) each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from spheroid_qc.response.conditions import Conditions
from spheroid_qc.response.curves.logistic import LogisticFit
from spheroid_qc.response.synergy.reference_models import (
    HillCurve,
    bliss_effect,
    bliss_gradient,
    loewe_effect,
    loewe_gradient,
)

SEED = 20
"""Of every parametric bootstrap."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


class Estimate(NamedTuple):
    """A value, its interval and the degrees of freedom behind it."""

    value: float
    low: float
    high: float
    df: float


def _linear(
    cells: Conditions, values: FloatArray, gradient: FloatArray, level: float
) -> tuple[list[Estimate], Estimate]:
    """Intervals of values with a gradient by condition means, and of their unweighted mean."""
    variance, df = cells.noise
    shared = (gradient * (1 - cells.mean)).sum(axis=1) * np.sqrt(cells.vehicle_weight)
    if df < 1:
        nan = float("nan")
        each = [Estimate(float(v), nan, nan, 0) for v in values]
        return each, Estimate(float(values.mean()), nan, nan, 0)
    t = float(special.stdtrit(df, 0.5 + level / 2))
    wells = cells.count / cells.relative
    halves = t * np.sqrt(variance * ((gradient**2 / wells).sum(axis=1) + shared**2))
    each = [
        Estimate(float(v), float(v - half), float(v + half), df)
        for v, half in zip(values, halves, strict=True)
    ]
    mean, along = float(values.mean()), gradient.mean(axis=0)
    half = t * np.sqrt(variance * ((along**2 / wells).sum() + shared.mean() ** 2))
    half = max(half, _own_half(cells, along, float(shared.mean()), level))
    return each, Estimate(mean, mean - half, mean + half, df)


def _own_half(cells: Conditions, along: FloatArray, shared: float, level: float) -> float:
    """Half-width of a mean with each condition's own variance (Satterthwaite's df).

    A mean over many conditions has degrees of freedom enough for that, and needs it where
    wells of weak effect scatter more than those of strong effect.
    """
    replicated = cells.count > 1
    if not replicated[along != 0].all():
        return 0.0
    own = np.divide(cells.squares, cells.count - 1, where=replicated, out=np.zeros(len(along)))
    parts = along**2 * own / cells.count
    total = float(parts.sum())
    if total <= 0:
        return 0.0
    df = total**2 / float((parts[replicated] ** 2 / (cells.count[replicated] - 1)).sum())
    total += shared**2 * cells.variance
    return float(special.stdtrit(df, 0.5 + level / 2) * np.sqrt(total))


def bliss_excess(
    cells: Conditions, combined: IntArray, parts: IntArray, level: float = 0.95
) -> tuple[list[Estimate], Estimate]:
    """Excess over Bliss independence.

    Parameters
    ----------
    cells : Conditions
        All conditions.
    combined : ndarray of int, shape (j,)
        Numbers of the combinations.
    parts : ndarray of int, shape (j, k)
        Numbers of their drugs alone at the same doses.
    level : float
        Confidence level.

    Returns
    -------
    list of Estimate, Estimate
        Each combination, and their unweighted mean.
    """
    single = cells.mean[parts]
    gradient = np.zeros((len(combined), len(cells.mean)))
    rows = np.arange(len(combined))
    gradient[rows, combined] = 1.0
    gradient[rows[:, None], parts] -= bliss_gradient(single)
    return _linear(cells, cells.mean[combined] - bliss_effect(single), gradient, level)


def best_excess(
    cells: Conditions,
    combined: IntArray,
    parts: IntArray,
    level: float = 0.95,
    resamples: int = 4000,
) -> tuple[list[Estimate], Estimate]:
    """Excess over the best of several conditions (drugs alone: HSA; doublets of a triple).

    Parameters
    ----------
    cells, combined, level
        As for `bliss_excess`.
    parts : ndarray of int, shape (j, p)
        Numbers of the conditions among which the best is sought, anew in each draw.
    resamples : int
        Draws.

    Returns
    -------
    list of Estimate, Estimate
        Each combination, and their unweighted mean.
    """
    values = cells.mean[combined] - cells.mean[parts].max(axis=1)
    variance, df = cells.noise
    if df < 1:
        gradient = _best_gradient(cells, combined, parts, cells.orders[0])
        return _linear(cells, values, gradient, level)
    rng = np.random.default_rng(SEED)
    scale = np.sqrt(df / rng.chisquare(df, size=resamples)) * np.sqrt(variance)
    normal = rng.standard_normal((resamples, len(cells.mean)))
    common = rng.standard_normal(resamples)[:, None] * np.sqrt(cells.vehicle_weight)
    t = float(special.stdtrit(df, 0.5 + level / 2))
    draws, wider = [], 1.0
    for order in cells.orders:
        noise = np.empty_like(normal)
        noise[:, order] = normal
        noise *= np.sqrt(cells.relative / cells.count)
        drawn = cells.mean + scale[:, None] * (noise + common * (1 - cells.mean))
        draws.append(drawn[:, combined] - drawn[:, parts].max(axis=2))
        # The same widening for unequal scatter as for the smooth models.
        gradient = _best_gradient(cells, combined, parts, order)
        _, fixed = _linear(cells, values, gradient, level)
        own = gradient.mean(axis=0) ** 2 * cells.relative / cells.count
        pooled = t * float(np.sqrt(variance * own.sum()))
        if pooled > 0 and not cells.vehicle_weight:
            wider = max(wider, (fixed.high - fixed.value) / pooled)
    excess = np.concatenate(draws)
    *each, mean = _spanning(
        np.append(values, values.mean()), np.column_stack([excess, excess.mean(axis=1)]), level, df
    )
    low = mean.value - wider * (mean.value - mean.low)
    return each, Estimate(mean.value, low, mean.value + wider * (mean.high - mean.value), df)


def _best_gradient(
    cells: Conditions, combined: IntArray, parts: IntArray, order: IntArray
) -> FloatArray:
    """Derive each excess over the best part by condition means; of tied parts the last counts."""
    gradient = np.zeros((len(combined), len(cells.mean)))
    rows, place = np.arange(len(combined)), np.argsort(order)
    gradient[rows, combined] = 1.0
    gradient[rows, parts[rows, place[parts].argmax(axis=1)]] -= 1.0
    return gradient


def _spanning(values: FloatArray, draws: FloatArray, level: float, df: int) -> list[Estimate]:
    """Intervals that span the percentile and the reflected bootstrap interval, by column."""
    low, high = np.quantile(draws, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    low, high = np.minimum(low, 2 * values - high), np.maximum(high, 2 * values - low)
    return [
        Estimate(float(value), float(least), float(most), df)
        for value, least, most in zip(values, low, high, strict=True)
    ]


def loewe_excess(
    cells: Conditions,
    combined: IntArray,
    fits: Sequence[LogisticFit],
    moved: Sequence[LogisticFit] | None = None,
    step: float = 1e-3,
    level: float = 0.95,
) -> tuple[list[Estimate], Estimate]:
    """Excess over Loewe additivity.

    Parameters
    ----------
    cells, combined, level
        As for `bliss_excess`.
    fits : sequence of LogisticFit
        The drugs alone, with e0 = 0.
    moved : sequence of LogisticFit, optional
        The same after all effects were moved by `step * (1 - f)`: what an error of the vehicle
        does to the curves.
    step : float
        Size of that move.

    Returns
    -------
    list of Estimate, Estimate
        Each combination, and their unweighted mean. Without replicates the variance is that of
        the residuals of the drugs alone.
    """
    curves = [HillCurve(fit.ec50, fit.hill, fit.emax) for fit in fits]
    doses = cells.doses[combined]
    expected = loewe_effect(doses, curves)
    values = cells.mean[combined] - expected
    residual_df = sum(fit.df for fit in fits)
    residual = sum(fit.rss for fit in fits) / residual_df if residual_df else float("nan")
    variance, df = cells.noise
    if df < 1 or (residual_df >= 3 and residual > variance):
        df, variance = residual_df, residual
    mean = float(values.mean())
    if df < 1 or any(fit.df < 1 for fit in fits):
        nan = float("nan")
        return [Estimate(float(v), nan, nan, 0) for v in values], Estimate(mean, nan, nan, 0)
    gradient = loewe_gradient(doses, curves, expected)
    covariance = np.zeros((3 * len(fits), 3 * len(fits)))
    for i, fit in enumerate(fits):
        unit = fit.covariance / fit.sigma**2 if fit.sigma > 0 else np.zeros((4, 4))
        covariance[3 * i : 3 * i + 3, 3 * i : 3 * i + 3] = unit[np.ix_([0, 1, 3], [0, 1, 3])]
    shared = np.zeros(len(combined))
    if moved is not None and cells.vehicle_weight:
        after = loewe_effect(doses, [HillCurve(fit.ec50, fit.hill, fit.emax) for fit in moved])
        shared = (1 - cells.mean[combined]) - (after - expected) / step
        shared *= np.sqrt(cells.vehicle_weight)
    t = float(special.stdtrit(df, 0.5 + level / 2))
    curve = np.einsum("ij,jk,ik->i", gradient, covariance, gradient)
    wells = (cells.count / cells.relative)[combined]
    halves = t * np.sqrt(variance * (1 / wells + curve + shared**2))
    left = 1 - cells.mean[combined]
    own = t * np.sqrt(variance * (1 / wells + left**2 * cells.vehicle_weight))
    tops = [curve.emax for curve in curves]
    span = (min(0.0, *tops), max(1.0, *tops))
    each = [_bounded(*one, span, df) for one in zip(values, halves, expected, own, strict=True)]
    along = gradient.mean(axis=0)
    unit = (1 / wells).sum() / len(combined) ** 2
    half = t * np.sqrt(variance * (unit + along @ covariance @ along + shared.mean() ** 2))
    own_mean = t * np.sqrt(variance * (unit + left.mean() ** 2 * cells.vehicle_weight))
    return each, _bounded(mean, half, expected.mean(), own_mean, span, df)


def _bounded(
    value: float, half: float, expected: float, own: float, span: tuple[float, float], df: int
) -> Estimate:
    """Interval of an excess over an expectation that lies within a span, however unsure it is.

    Where the wells do not determine a drug's curve, its standard errors are beyond all bounds.
    `own` is the half-width that the wells of the combination and of the vehicle leave.
    """
    low = max(value - half, value + expected - span[1] - own)
    high = min(value + half, value + expected - span[0] + own)
    return Estimate(float(value), float(min(low, value)), float(max(high, value)), df)
