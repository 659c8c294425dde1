"""How sure a combination index is: a likelihood on the scale that was measured.

The median effect line is straight in log(fa/fu), where a well near 0 or 1 has a huge and lopsided
error; intervals from the line itself miss the truth. Here all wells of the drugs alone and of
the combination are fitted at once on the scale of the effect, by

    sum_i  d_i / Dm_i * (E / (1 - E))^(-kappa / m_i)  =  alpha

with alpha = kappa = 1 for a drug alone and free for the combination. Loewe additivity is
alpha = kappa = 1 exactly, for any slopes; alpha is the index at the median effect, kappa lets
it change with the effect. Where vehicle wells show that effects were normalised to their mean,
that mean has an error too, which all effects share: f = 1 - v (1 - E), f = 1 - v for a vehicle.
Intervals are delta intervals of the logarithm of the index with Student's t; those at tested doses
stand in `combination_index_at_doses`, that of their mean in `mean_combination_index`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.special import expit, logit

from spheroid_qc.response.curves.levenberg_marquardt import levenberg_marquardt
from spheroid_qc.response.synergy.median_effect import MedianEffect, combination_index
from spheroid_qc.response.variance_model import CONSTANT, PooledVariance, VarianceModel

FloatArray = NDArray[np.float64]


def level_index(theta: FloatArray, parts: FloatArray, fa: FloatArray) -> FloatArray:
    """Give logs of the index (first) and of the dose-reduction indices at effects.

    `theta` as above, `parts` (k,) are the shares of the total dose; gives (m, 1 + k) for m effects.
    """
    k = len(parts)
    u, slope = logit(fa)[:, None], np.exp(-theta[k : 2 * k])
    with np.errstate(divide="ignore"):
        weight = np.log(parts) - theta[:k]
    bent = _log_sum(weight - np.exp(theta[2 * k + 1]) * u * slope)[0]
    reduction = theta[:k] + u * slope - (theta[2 * k] - bent)[:, None] - np.log(parts)
    return np.concatenate([_log_sum(-reduction)[0][:, None], reduction], axis=1)


def _log_sum(terms: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Log of the sum of exponentials of rows, and the share of each term in it."""
    largest = terms.max(axis=1, keepdims=True)
    parts = np.exp(terms - largest)
    total = parts.sum(axis=1, keepdims=True)
    return (largest + np.log(total))[:, 0], parts / total


def log_index(theta: FloatArray, doses: FloatArray, u: FloatArray) -> FloatArray:
    """Log sum_i d_i / Dx_i of doses (j, k) at effects with logit u (..., j)."""
    k = doses.shape[1]
    with np.errstate(divide="ignore"):
        terms = np.log(doses) - theta[:k] - u[..., None] * np.exp(-theta[k : 2 * k])
    return np.asarray(np.logaddexp.reduce(terms, axis=-1))


def solve(
    theta: FloatArray, doses: FloatArray, combined: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    """Logit of the effect at each row of doses, and its derivatives by theta (without v).

    g(u) = log sum_i exp(log d_i - log Dm_i - kappa u / m_i) - log alpha is convex and falls, so
    Newton's steps from the largest root of its single terms can't overshoot.
    """
    k = doses.shape[1]
    alpha = np.where(combined, theta[2 * k], 0.0)
    kappa = np.where(combined, np.exp(theta[2 * k + 1]), 1.0)
    slope = np.exp(-theta[k : 2 * k])
    with np.errstate(divide="ignore"):
        start = np.log(doses) - theta[:k]
    rate = kappa[:, None] * slope
    u = ((start - alpha[:, None]) / rate).max(axis=1)
    for _ in range(60):
        total, weight = _log_sum(start - rate * u[:, None])
        step = (total - alpha) / (weight * rate).sum(axis=1)
        u = u + step
        if np.abs(step).max(initial=0.0) < 1e-12:
            break
    weight = _log_sum(start - rate * u[:, None])[1]
    fall = (weight * rate).sum(axis=1)
    derivative = np.zeros((len(doses), 2 * k + 2))
    derivative[:, :k] = -weight / fall[:, None]
    derivative[:, k : 2 * k] = weight * rate * u[:, None] / fall[:, None]
    derivative[:, 2 * k] = np.where(combined, -1 / fall, 0.0)
    derivative[:, 2 * k + 1] = np.where(combined, -u, 0.0)
    return u, derivative


MIN_EFFECT = 1e-6
"""What an effect that is not above the vehicle's counts as, where an index must be finite."""


@dataclass(frozen=True)
class InteractionFit:
    """Median effect parameters of k drugs and their interaction, with covariance.

    `theta` (2 k + 3,) is log Dm_1..k, log m_1..k, log alpha, log kappa, v, and `covariance` is 0
    where one of them is fixed. `variance`, with `df`, is that of a well of weight 1 in
    `variance_model`: the larger of residual and scatter within replicates. Where not `converged`,
    the wells do not determine the curves, and there are no intervals. `misfit_p`: F test of the
    residuals against the scatter of replicates; NaN without replicates.
    """

    theta: FloatArray
    covariance: FloatArray
    df: int
    variance: float
    converged: bool
    misfit_p: float
    variance_model: VarianceModel = CONSTANT

    def with_variance(self, variance: float, df: int) -> InteractionFit:
        """Judge by another estimate of a well's variance."""
        ratio = variance / self.variance if self.variance > 0 else 0.0
        return replace(self, covariance=self.covariance * ratio, variance=variance, df=df)

    @property
    def noise(self) -> PooledVariance:
        """Variance of a well of weight 1, and its degrees of freedom."""
        return PooledVariance(self.variance, self.df)

    @property
    def k(self) -> int:
        """Number of drugs."""
        return (len(self.theta) - 3) // 2

    def t(self, level: float) -> float:
        """Student's t of a two-sided interval."""
        return float(special.stdtrit(self.df, 0.5 + level / 2))

    def half(self, gradient: FloatArray, level: float) -> FloatArray:
        """Half-widths of t intervals from gradients (..., p)."""
        variance = np.einsum("...i,ij,...j->...", gradient, self.covariance, gradient)
        return np.asarray(self.t(level) * np.sqrt(np.maximum(variance, 0.0)))

    def level_intervals(
        self, parts: FloatArray, fa: Sequence[float], level: float = 0.95
    ) -> FloatArray:
        """Intervals at effects of the index (first) and the dose-reduction indices.

        CI(u) = alpha * sum(w_i) / sum(w_i e^(-(kappa - 1) u / m_i)), with
        w_i = p_i / Dm_i * e^(-u / m_i) and u = logit(fa).

        `parts` (k,) are the shares of the drugs in the total dose; gives (m, 1 + k, 2) for m
        effects.
        """
        at = np.asarray(fa, dtype=np.float64)
        value, gradient = self.numeric(lambda t: level_index(t, parts, at))
        half = self.half(gradient, level)
        with np.errstate(over="ignore"):
            return np.exp(np.stack([value - half, value + half], axis=-1))

    def alone_at(
        self, parts: FloatArray, fa: Sequence[float], level: float = 0.95
    ) -> tuple[FloatArray, FloatArray]:
        """Give logs of sum_i p_i / Dx_i(fa) and of Dx_i(fa) / p_i, and their half-widths.

        What the drugs alone contribute to the index of a combination and to the dose-reduction
        indices; both of shape (m, 1 + k).
        """
        k, u = self.k, logit(np.asarray(fa, dtype=np.float64))

        def logs(theta: FloatArray) -> FloatArray:
            single = theta[:k] + u[:, None] * np.exp(-theta[k : 2 * k]) - np.log(parts)
            index = np.logaddexp.reduce(-single, axis=1)
            return np.concatenate([index[:, None], single], axis=1)

        value, gradient = self.numeric(logs)
        return value, self.half(gradient, level)

    def mean_interval(self, doses: FloatArray, level: float = 0.95) -> tuple[float, float]:
        """Interval of the mean index over tested doses (rows), by the fitted interaction."""

        def log_mean(theta: FloatArray) -> FloatArray:
            u, _ = solve(theta, doses, np.ones(len(doses), dtype=bool))
            return np.asarray(np.log(np.exp(log_index(theta, doses, u)).mean(keepdims=True)))

        value, gradient = self.numeric(log_mean)
        half = self.half(gradient, level)
        with np.errstate(over="ignore"):
            return float(np.exp(value - half)[0]), float(np.exp(value + half)[0])

    def against_vehicle(self, effects: FloatArray) -> FloatArray:
        """Effects (any shape), as measured, against what the vehicle is on the fitted curves."""
        return against_vehicle(effects, self.theta)

    def index_at(self, doses: FloatArray, effects: FloatArray) -> FloatArray:
        """Give indices of combinations `doses` (j, k) whose effects (..., j) truly are these."""
        with np.errstate(over="ignore", divide="ignore"):
            return np.exp(log_index(self.theta, doses, np.asarray(logit(effects))))

    def mean_index_half(self, doses: FloatArray, means: FloatArray, level: float = 0.95) -> float:
        """Half-width of the mean index at measured effects (j,), as far as the drugs alone go."""

        def mean(theta: FloatArray) -> FloatArray:
            effects = np.maximum(against_vehicle(means, theta), MIN_EFFECT)
            index = np.exp(log_index(theta, doses, np.asarray(logit(effects))))
            return np.asarray(index.mean(keepdims=True))

        return float(self.half(self.numeric(mean)[1], level)[0])

    def effect_half(self, means: FloatArray, counts: FloatArray, level: float) -> FloatArray:
        """Half-widths of mean effects (j,) of `counts` wells, from the variance of a well."""
        relative = self.variance_model.relative(means)
        return np.asarray(self.t(level) * np.sqrt(self.variance * relative / counts))

    def numeric(
        self, function: Callable[[FloatArray], FloatArray]
    ) -> tuple[FloatArray, FloatArray]:
        """Values (any shape) and their central differences over theta (one axis more)."""
        value = function(self.theta)
        gradient = np.zeros((*value.shape, len(self.theta)))
        for i in np.flatnonzero(np.diag(self.covariance) > 0):
            step = np.zeros(len(self.theta))
            step[i] = 1e-5
            ends = function(self.theta + step), function(self.theta - step)
            gradient[..., i] = (ends[0] - ends[1]) / 2e-5
        return value, gradient


def against_vehicle(effects: FloatArray, theta: FloatArray) -> FloatArray:
    """Solve f = 1 - v (1 - E) for E, between 0 and 1."""
    return np.asarray(np.clip(1 - (1 - effects) / theta[-1], 0.0, 1.0))


def fit_interaction(
    doses: FloatArray,
    effect: FloatArray,
    singles: Sequence[MedianEffect],
    *,
    reference: float = 0.0,
    bend: bool = True,
    variance_model: VarianceModel | None = None,
) -> InteractionFit | None:
    """Fit drugs alone and their combination together, by least squares on the effect.

    `doses` (n, k) are wells of the drugs alone, of the combination, and of the vehicle (all 0);
    without combined wells only the drugs alone are fitted. `effect` (n,) is the fraction affected
    as measured, also below 0 and above 1; the search starts at the lines of `singles`. `reference`
    is the variance of what all effects were normalised to, in units of a well's: they share its
    error (0: they were not, and vehicle wells are not used). `bend` lets the index change with the
    effect, which needs at least three combined doses. None without residual degrees of freedom.
    """
    k, variance_model = doses.shape[1], variance_model or CONSTANT
    cells = _cells(doses, effect, variance_model, reference)
    x, y, root = cells.doses, cells.mean, np.sqrt(cells.weight)
    treated = np.asarray((x > 0).any(axis=1))
    combined = np.asarray((x > 0).sum(axis=1) > 1)
    bend = bend and bool(combined.any())
    free = [*range(2 * k), *([2 * k] if combined.any() else [])]
    free += [*([2 * k + 1] if bend else []), *([2 * k + 2] if reference else [])]
    df = cells.wells - len(free)
    if df < 1 or len(x) < len(free):
        return None
    start = np.zeros(2 * k + 3)
    start[:k] = [np.log(single.dm) for single in singles]
    start[k : 2 * k] = [np.log(np.clip(single.m, 0.1, 15)) for single in singles]
    start[-1] = 1.0

    def model(p: FloatArray) -> tuple[FloatArray, FloatArray]:
        theta = start.copy()
        theta[free] = p
        u, du = solve(theta, x[treated], combined[treated])
        e = np.zeros(len(x))
        e[treated] = expit(u)
        jac = np.zeros((len(x), 2 * k + 3))
        jac[treated, :-1] = (theta[-1] * e[treated] * (1 - e[treated]))[:, None] * du
        jac[:, -1] = -(1 - e)
        return root * (1 - theta[-1] * (1 - e) - y), root[:, None] * jac[:, free]

    reach = np.array([6.0] * k + [3.0] * k + [6.0, 3.0, 0.9])[free]
    begin = start[free]
    # An additive start may lie far from the wells: the search also begins at the measured index.
    place, cost, jac = min(
        (
            levenberg_marquardt(model, b, (begin - reach, begin + reach))
            for b in _starts(begin, x[combined], y[combined], singles)
        ),
        key=lambda found: found[1],
    )
    variance, df, misfit_p = _variance(cells, cost, df)
    at_bound = bool(np.any(np.abs(place - begin) > 0.999 * reach))
    information = jac.T @ jac
    converged = not at_bound and bool(np.linalg.cond(information) < 1e14)
    covariance = np.zeros((2 * k + 3, 2 * k + 3))
    if converged:
        covariance[np.ix_(free, free)] = variance * np.linalg.inv(information)
    theta = start.copy()
    theta[free] = place
    return InteractionFit(theta, covariance, df, variance, converged, misfit_p, variance_model)


class _Cells(NamedTuple):
    """Means of wells with the same doses, and how much they weigh."""

    doses: FloatArray
    mean: FloatArray
    weight: FloatArray
    pure: float
    wells: int


def _cells(
    doses: FloatArray, effect: FloatArray, variance_model: VarianceModel, reference: float
) -> _Cells:
    order = np.lexsort((effect, *doses.T))  # sums do not depend on the order of the rows
    x, y = doses[order], effect[order]
    if not reference:
        treated = (x > 0).any(axis=1)
        x, y = x[treated], y[treated]
    distinct, which = np.unique(x, axis=0, return_inverse=True)
    which = np.asarray(which).ravel()
    count = np.bincount(which).astype(np.float64)
    mean = np.bincount(which, y) / count
    relative = variance_model.relative(mean)
    pure = float(((y - mean[which]) ** 2 / relative[which]).sum())
    weight = count / relative
    if reference:  # by definition 0, also where vehicle wells were then cut off
        vehicle = ~(distinct > 0).any(axis=1)
        mean[vehicle], weight[vehicle] = 0.0, 1 / reference
    return _Cells(distinct, mean, weight, pure, len(y))


def _starts(
    begin: FloatArray, doses: FloatArray, effect: FloatArray, singles: Sequence[MedianEffect]
) -> list[FloatArray]:
    """Places where the search begins: additive, and at the measured index."""
    if not len(doses):
        return [begin]
    index = combination_index(doses, effect, singles)
    known = index[np.isfinite(index) & (index > 0)]
    measured = begin.copy()
    measured[2 * len(singles)] = np.clip(np.log(np.median(known)), -5, 5) if len(known) else -1.0
    return [begin, measured]


def _variance(cells: _Cells, between: float, df: int) -> tuple[float, int, float]:
    """Variance of a well (residual, or scatter of replicates if larger), its df, misfit."""
    within = cells.wells - len(cells.mean)
    residual, misfit_p = (between + cells.pure) / df, float("nan")
    if within >= 3:
        pure = cells.pure / within
        # Replicates that are equal but for rounding tell no scatter.
        if cells.pure > 1e-20 * float(cells.weight @ cells.mean**2) and df > within:
            misfit_p = float(special.fdtrc(df - within, within, between / (df - within) / pure))
        if pure > residual:
            return pure, within, misfit_p
    return residual, df, misfit_p
