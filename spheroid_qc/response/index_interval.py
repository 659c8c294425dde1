"""How sure a combination index is: a likelihood on the scale that was measured.

The median effect line is straight in log(fa/fu), where a well near 0 or 1 has a huge and lopsided
error; intervals from the line itself miss the truth. Here all wells of the drugs alone and of
the combination are fitted at once on the scale of the effect, by

    sum_i  d_i / Dm_i * (E / (1 - E))^(-kappa / m_i)  =  alpha

with alpha = kappa = 1 for a drug alone and free for the combination. Loewe additivity is
alpha = kappa = 1 exactly, for any slopes; alpha is the index at the median effect, kappa lets
it change with the effect. Where vehicle wells show that effects were normalised to their mean,
that mean has an error too, which all effects share: f = 1 - v (1 - E), f = 1 - v for a vehicle.
Intervals are delta intervals of the logarithm of the index with Student's t.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.special import expit, logit

from spheroid_qc.response.interaction_model import level_index, log_index, solve
from spheroid_qc.response.median_effect import MedianEffect, combination_index

__all__ = ["InteractionFit", "fit_interaction"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class InteractionFit:
    """Median effect parameters of k drugs and their interaction, with covariance.

    Parameters
    ----------
    theta : ndarray, shape (2 k + 3,)
        log Dm_1..k, log m_1..k, log alpha, log kappa, v.
    covariance : ndarray
        Of theta; 0 where a parameter is fixed.
    df : int
        Degrees of freedom of the variance.
    variance : float
        Of one well: the larger of residual and scatter within replicates.
    converged : bool
        False: the wells do not determine the curves, and there are no intervals.
    misfit_p : float
        F test of the residuals against the scatter of replicates; NaN without replicates.
    """

    theta: FloatArray
    covariance: FloatArray
    df: int
    variance: float
    converged: bool
    misfit_p: float

    def with_variance(self, variance: float, df: int) -> InteractionFit:
        """Judge by another estimate of a well's variance."""
        ratio = variance / self.variance if self.variance > 0 else 0.0
        return replace(self, covariance=self.covariance * ratio, variance=variance, df=df)

    @property
    def k(self) -> int:
        """Number of drugs."""
        return (len(self.theta) - 3) // 2

    def _t(self, level: float) -> float:
        return float(stats.t.ppf(0.5 + level / 2, self.df))

    def _interval(self, value: float, gradient: FloatArray, level: float) -> tuple[float, float]:
        half = self._t(level) * float(
            np.sqrt(max(float(gradient @ self.covariance @ gradient), 0.0))
        )
        with np.errstate(over="ignore"):
            return float(np.exp(value - half)), float(np.exp(value + half))

    def level_interval(
        self, parts: FloatArray, fa: float, level: float = 0.95
    ) -> tuple[float, float]:
        """Interval of the index of a fixed-ratio combination at an effect.

        CI(u) = alpha * sum(w_i) / sum(w_i e^(-(kappa - 1) u / m_i)), with
        w_i = p_i / Dm_i * e^(-u / m_i) and u = logit(fa).
        """
        value, gradient = self._numeric(lambda t: level_index(t, parts, fa)[0])
        return self._interval(value, gradient, level)

    def reduction_interval(
        self, parts: FloatArray, fa: float, drug: int, level: float = 0.95
    ) -> tuple[float, float]:
        """Interval of the dose-reduction index of one drug at an effect."""
        value, gradient = self._numeric(lambda t: float(level_index(t, parts, fa)[1][drug]))
        return self._interval(value, gradient, level)

    def mean_interval(self, doses: FloatArray, level: float = 0.95) -> tuple[float, float]:
        """Interval of the mean index over tested doses (rows), by the fitted interaction."""

        def log_mean(theta: FloatArray) -> float:
            u, _ = solve(theta, doses, np.ones(len(doses), dtype=bool))
            return float(np.log(np.exp(log_index(theta, doses, u)).mean()))

        value, gradient = self._numeric(log_mean)
        return self._interval(value, gradient, level)

    def measured_mean_interval(
        self, doses: FloatArray, means: FloatArray, counts: FloatArray, level: float = 0.95
    ) -> tuple[float, float]:
        """Interval of the mean index from measured effects, without a model of interaction.

        The errors of the mean effects are independent of each other and of that of the drugs
        alone; distances are put together as in `dose_interval`, on the scale of the index.

        Parameters
        ----------
        doses : ndarray, shape (j, k)
            Tested doses.
        means, counts : ndarray, shape (j,)
            Mean effects and numbers of wells.
        level : float
            Confidence level.

        Returns
        -------
        tuple of float
            Bounds; infinity where the interval of an effect reaches 0.
        """

        def index(theta: FloatArray, effects: FloatArray) -> FloatArray:
            effects = np.clip(1 - (1 - effects) / theta[-1] * self.theta[-1], 0, 1)
            return np.exp(log_index(theta, doses, np.asarray(logit(effects))))

        centre, gradient = self._numeric(lambda t: float(index(t, means).mean()))
        t = self._t(level)
        curve = t**2 * max(float(gradient @ self.covariance @ gradient), 0.0)
        own = t * np.sqrt(self.variance / counts)
        with np.errstate(over="ignore"):
            each = index(self.theta, means)
            below, above = (index(self.theta, np.clip(means + s * own, 0, 1)) for s in (1, -1))
            down = float((((each - below) / len(doses)) ** 2).sum())
            up = float((((above - each) / len(doses)) ** 2).sum())
        return max(centre - (down + curve) ** 0.5, 0.0), centre + (up + curve) ** 0.5

    def dose_interval(
        self, dose: FloatArray, mean: float, n: int, drug: int | None = None, level: float = 0.95
    ) -> tuple[float, float]:
        """Interval of the index at one tested dose, from its own mean effect.

        The error of the mean (t interval with the pooled variance, carried through the index,
        which falls as the effect rises) and the error of the drugs alone are independent and
        are put together distance by distance (MOVER; Zou & Donner 2008, doi:10.1002/sim.3095).

        Parameters
        ----------
        dose : ndarray, shape (k,)
            Doses of the drugs.
        mean : float
            Mean effect of the n wells.
        n : int
            Number of wells.
        drug : int, optional
            The dose-reduction index of that drug instead of the combination index.
        level : float
            Confidence level.

        Returns
        -------
        tuple of float
            Bounds; 0 or infinity where the mean's own interval reaches 1 or 0.
        """
        v = float(self.theta[-1])

        def value(theta: FloatArray, effect: float) -> float:
            effect = 1 - (1 - effect) / theta[-1] * v
            if not 0 < effect < 1:
                up = np.inf if drug is None else -np.inf
                return up if effect <= 0 else -up
            u = np.array([logit(effect)])
            if drug is None:
                return float(log_index(theta, dose[None, :], u)[0])
            return float(theta[drug] + u[0] / np.exp(theta[self.k + drug]) - np.log(dose[drug]))

        centre, gradient = self._numeric(lambda t: value(t, mean))
        if not np.isfinite(centre):
            return float("nan"), float("nan")
        t = self._t(level)
        curve = t * np.sqrt(max(float(gradient @ self.covariance @ gradient), 0.0))
        own = t * np.sqrt(self.variance / n)
        ends = sorted((value(self.theta, mean - own), value(self.theta, mean + own)))
        with np.errstate(over="ignore"):
            low = np.exp(centre - np.hypot(centre - ends[0], curve))
            high = np.exp(centre + np.hypot(ends[1] - centre, curve))
        return float(low), float(high)

    def _numeric(self, function: Callable[[FloatArray], float]) -> tuple[float, FloatArray]:
        """Value and central differences over theta."""
        value = function(self.theta)
        gradient = np.zeros(len(self.theta))
        for i in np.flatnonzero(np.diag(self.covariance) > 0):
            step = np.zeros(len(self.theta))
            step[i] = 1e-5
            up, down = function(self.theta + step), function(self.theta - step)
            gradient[i] = (up - down) / 2e-5
        return value, gradient


def fit_interaction(
    doses: FloatArray,
    effect: FloatArray,
    singles: Sequence[MedianEffect],
    *,
    normalised: bool = False,
    bend: bool = True,
) -> InteractionFit | None:
    """Fit drugs alone and their combination together, by least squares on the effect.

    Parameters
    ----------
    doses : ndarray, shape (n, k)
        Wells of the drugs alone, of the combination, and of the vehicle (all 0); without
        combined wells only the drugs alone are fitted.
    effect : ndarray, shape (n,)
        Fraction affected, as measured: also below 0 and above 1.
    singles : sequence of MedianEffect
        Lines of the drugs, where the search starts.
    normalised : bool
        Effects were divided by the mean of these vehicle wells: its error is shared.
    bend : bool
        Let the index change with the effect; needs at least three combined doses.

    Returns
    -------
    InteractionFit or None
        None without residual degrees of freedom.
    """
    k = doses.shape[1]
    order = np.lexsort((effect, *doses.T))
    x, y = doses[order], effect[order]
    treated = np.asarray((x > 0).any(axis=1))
    if not normalised:
        x, y, treated = x[treated], y[treated], treated[treated]
    combined = np.asarray((x > 0).sum(axis=1) > 1)
    bend = bend and bool(combined.any())
    free = [*range(2 * k), *([2 * k] if combined.any() else [])]
    free += [*([2 * k + 1] if bend else []), *([2 * k + 2] if normalised else [])]
    df = len(y) - len(free)
    if df < 1:
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
        return 1 - theta[-1] * (1 - e) - y, jac[:, free]

    last: dict[bytes, tuple[FloatArray, FloatArray]] = {}

    def both(p: FloatArray) -> tuple[FloatArray, FloatArray]:
        key = p.tobytes()  # the search asks for residuals and slopes at the same place
        if key not in last:
            last.clear()
            last[key] = model(p)
        return last[key]

    def residuals(p: FloatArray) -> FloatArray:
        return both(p)[0]

    def jacobian(p: FloatArray) -> FloatArray:
        return both(p)[1]

    reach = np.array([6.0] * k + [3.0] * k + [6.0, 3.0, 0.9])[free]
    begin = start[free]
    # An additive start may lie far from the wells: the search also begins at the measured index.
    found = min(
        (
            optimize.least_squares(
                residuals, b, jac=jacobian,
                bounds=(begin - reach, begin + reach), xtol=1e-11, ftol=1e-11, gtol=1e-11,
                max_nfev=300,
            )
            for b in _starts(begin, x[combined], y[combined], singles)
        ),
        key=lambda result: float(result.cost),
    )  # fmt: skip
    rss, jac = 2 * float(found.cost), np.asarray(found.jac)
    variance, df, misfit_p = _variance(x, y, rss, df)
    at_bound = bool(np.any(np.abs(found.x - begin) > 0.999 * reach))
    information = jac.T @ jac
    converged = not at_bound and bool(np.linalg.cond(information) < 1e14)
    covariance = np.zeros((2 * k + 3, 2 * k + 3))
    if converged:
        covariance[np.ix_(free, free)] = variance * np.linalg.inv(information)
    theta = start.copy()
    theta[free] = found.x
    return InteractionFit(theta, covariance, df, variance, converged, misfit_p)


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


def _variance(x: FloatArray, y: FloatArray, rss: float, df: int) -> tuple[float, int, float]:
    """Variance of a well (residual, or scatter of replicates if larger), its df, misfit."""
    _, which = np.unique(x, axis=0, return_inverse=True)
    which = np.asarray(which).ravel()
    count = np.bincount(which)
    means = np.bincount(which, y) / count
    within = len(y) - len(count)
    residual, misfit_p = rss / df, float("nan")
    if within >= 3:
        pure = float(((y - means[which]) ** 2).sum()) / within
        if pure > 0 and df > within:
            between = max(rss - pure * within, 0.0) / (df - within)
            misfit_p = float(stats.f.sf(between / pure, df - within, within))
        if pure > residual:
            return pure, within, misfit_p
    return residual, df, misfit_p
