"""The four-parameter logistic curve, fitted so that it can't miss.

    f(x) = e0 + (emax - e0) * x^h / (x^h + ec50^h),   h > 0

For any pair (ec50, h) the asymptotes are a linear least-squares problem, so only two numbers
are searched: on a grid that covers every sensible curve, then refined from the best places.
Intervals come from the profile likelihood; standard errors from the observed information, as
in the R package drc (Ritz et al. 2015, doi:10.1371/journal.pone.0146021).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from spheroid_qc.response.arrays import FloatArray
from spheroid_qc.response.curves.hill_search import (
    MAX_LOG_DOSES_BEYOND,
    CurveProblem,
    fit_hill,
    hill_fraction,
)
from spheroid_qc.response.variance_model import CONSTANT, PooledVariance, VarianceModel, pooled


@dataclass(frozen=True)
class LogisticFit:
    """A fitted curve.

    `ec50` is the inflection dose; `e0` and `emax` are the responses without drug and at an infinite
    dose. `n` responses leave `df` residual degrees of freedom, `sigma` is the residual standard
    deviation, `r2` the share of the variance explained. `flat_p` tests the curve against a constant
    response, `lack_of_fit_p` (NaN without replicates) the residuals against the scatter of
    replicates, both by F. `covariance` (4, 4) is that of (log ec50, log hill, e0, emax) from the
    observed information; 0 for fixed ones. `dose_range` are the lowest and highest dose above 0.

    Intervals judge by `noise`: `sigma` and `df`, or the scatter of the doses where no well was cut
    off, if that is larger. `problem` is what was fitted.
    """

    ec50: float
    hill: float
    e0: float
    emax: float
    n: int
    df: int
    rss: float
    sigma: float
    r2: float
    flat_p: float
    lack_of_fit_p: float
    covariance: FloatArray
    dose_range: tuple[float, float]
    noise: PooledVariance
    problem: CurveProblem
    _profiles: dict[tuple[float, float], tuple[float, float]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def predict(self, dose: ArrayLike) -> FloatArray:
        """Response of the curve at doses (any shape)."""
        z = hill_fraction(np.asarray(dose, dtype=np.float64), np.log(self.ec50), self.hill)
        return np.asarray(self.e0 + (self.emax - self.e0) * z)

    def band(self, dose: ArrayLike, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """Bounds of the curve at doses (n,) above 0, pointwise, by the delta method.

        NaN without residual degrees of freedom.
        """
        z = hill_fraction(np.asarray(dose, dtype=np.float64), np.log(self.ec50), self.hill)
        curve = self.e0 + (self.emax - self.e0) * z
        if self.df < 1:
            nothing = np.full(np.shape(curve), np.nan)
            return nothing, nothing
        steep = (self.emax - self.e0) * z * (1 - z)
        logs = np.log(np.asarray(dose, dtype=np.float64) / self.ec50) * self.hill
        slopes = np.stack([-steep * self.hill, steep * logs, 1 - z, z], axis=-1)
        variance = np.einsum("ni,ij,nj->n", slopes, self.covariance, slopes)
        half = float(special.stdtrit(self.df, 0.5 + level / 2)) * np.sqrt(np.maximum(variance, 0))
        return np.asarray(curve - half), np.asarray(curve + half)

    def effective_dose(self, share: float) -> float:
        """Dose of a share of the way from e0 to emax: ec50 * (share/(1-share))^(1/h)."""
        return float(self.ec50 * (share / (1 - share)) ** (1 / self.hill))

    def effective_dose_se(self, share: float) -> float:
        """Give the standard error of `effective_dose` by the delta method."""
        dose = self.effective_dose(share)
        slope = -np.log(share / (1 - share)) / self.hill
        gradient = np.array([dose, dose * slope, 0.0, 0.0])
        return float(np.sqrt(gradient @ self.covariance @ gradient))

    def wald_interval(self, share: float = 0.5, level: float = 0.95) -> tuple[float, float]:
        """Symmetric t interval of an effective dose, as drc prints it."""
        if self.df < 1:
            return float("nan"), float("nan")
        half = float(special.stdtrit(self.df, 0.5 + level / 2)) * self.effective_dose_se(share)
        dose = self.effective_dose(share)
        return dose - half, dose + half

    def dose_at(self, response: float) -> float:
        """Absolute dose at which the curve takes a response; NaN if it never does."""
        if self.emax == self.e0:
            return float("nan")
        share = (response - self.e0) / (self.emax - self.e0)
        return self.effective_dose(share) if 0 < share < 1 else float("nan")

    def profile_interval(self, share: float = 0.5, level: float = 0.95) -> tuple[float, float]:
        """Interval of an effective dose by profile likelihood.

        All doses d whose best curve through d fits hardly worse than the best of all,
        `RSS(d) <= RSS_min + F(level; 1, df) * s^2`, with s^2 = RSS_min / df unless wells were
        cut off (`noise`). `share` lies between 0 and 1; 0.5 is the EC50.

        Bounds are 0 or infinity where the profile stays low beyond a thousandfold of the tested
        doses, NaN without residual degrees of freedom.
        """
        shift = np.log(share / (1 - share))

        def profile(place: float) -> float:
            return self.problem.profile(place, shift, np.log(self.hill))

        if (share, level) not in self._profiles:
            best = float(np.log(self.effective_dose(share)))
            self._profiles[share, level] = self.profile_bounds(best, level, profile)
        return self._profiles[share, level]

    def profile_bounds(
        self, best: float, level: float, profile: Callable[[float], float]
    ) -> tuple[float, float]:
        """Bounds of a dose by profile likelihood.

        `best` is the natural log of the best dose; `profile` gives the smallest residual sum of
        squares of the curves that have a given log dose. Bounds are as of `profile_interval`.
        """
        if self.df < 1:
            return float("nan"), float("nan")
        if self.rss <= 1e-20 * max(self.problem.total, 1e-300):
            return float(np.exp(best)), float(np.exp(best))
        limit = self.rss + float(special.fdtri(1, self.noise.df, level)) * self.noise.variance
        low, high = (
            np.log(self.dose_range[0]) - MAX_LOG_DOSES_BEYOND,
            np.log(self.dose_range[1]) + MAX_LOG_DOSES_BEYOND,
        )

        def excess(place: float) -> float:
            return profile(place) - limit

        return (
            float(np.exp(_profile_bound(excess, best, min(low, best - 1)))),
            float(np.exp(_profile_bound(excess, best, max(high, best + 1)))),
        )


def _profile_bound(excess: Callable[[float], float], start: float, end: float) -> float:
    """First place from start towards end where the profile leaves the interval, or infinity."""
    if excess(start) > 0:  # a step without scatter: no other curve than the best comes near
        return start
    inside, step = start, 0.15 * np.sign(end - start)
    while abs(inside - start) < abs(end - start):
        outside = inside + step
        if excess(outside) > 0:
            return float(optimize.brentq(excess, inside, outside, xtol=1e-7))
        inside, step = outside, step * 1.4
    return float(np.sign(end - start) * np.inf)


def fit_logistic(
    dose: ArrayLike,
    response: ArrayLike,
    *,
    e0: float | None = None,
    emax: float | None = None,
    emax_bounds: tuple[float, float] = (-np.inf, np.inf),
    variance_model: VarianceModel | None = None,
    cut_off: tuple[float, float] | None = None,
) -> LogisticFit:
    """Fit a four-parameter logistic by least squares.

    `dose` (n,) is not negative, 0 is the response without drug; `response` (n,) is any quantity,
    rising or falling, one value per well, replicates as they are. `e0`, `emax`: fixed asymptotes;
    None: free, emax within its bounds. Wells weigh by the inverse of the variance that
    `variance_model` gives them, and sums of squares and `sigma` are then those of a well of weight
    1; None: all weigh the same. `cut_off`: ends of the scale where responses may have been cut off:
    doses with wells at exactly one of them show less scatter than there is.

    Raises `ValueError` if there are fewer distinct doses than free parameters, or a dose is
    negative.
    """
    x, y = np.asarray(dose, dtype=np.float64), np.asarray(response, dtype=np.float64)
    known = np.isfinite(x) & np.isfinite(y)
    order = np.lexsort((y[known], x[known]))  # sums do not depend on the order of the rows
    x, y = x[known][order], y[known][order]
    free = 2 + (e0 is None) + (emax is None)
    levels = np.unique(x)
    if (x < 0).any():
        raise ValueError("a dose can't be negative")
    if len(levels) < free or not (x > 0).any():
        raise ValueError(f"{free} free parameters need {free} doses, there are {len(levels)}")
    which = np.searchsorted(levels, x)
    count = np.bincount(which).astype(np.float64)
    means = np.bincount(which, y) / count
    weight = count / (variance_model or CONSTANT).relative(means)
    each = (weight / count)[which]
    squares = np.bincount(which, each * (y - means[which]) ** 2).astype(np.float64)
    pure = float(squares.sum())
    null = e0 if e0 is not None else float(np.average(y, weights=each))
    total = float((each * (y - np.average(y, weights=each)) ** 2).sum())
    problem = CurveProblem(
        levels, means, weight, pure, e0, emax, emax_bounds, total
    )  # fmt: skip
    log_ec50, log_hill = fit_hill(problem)
    z = hill_fraction(levels, log_ec50, float(np.exp(log_hill)))
    best_e0, best_emax = (float(value[0]) for value in problem.asymptotes(z))
    rss = float(problem.rss(log_ec50, log_hill))
    n, df = len(y), len(y) - free
    rss0, one = float((each * (y - null) ** 2).sum()), free - (1 if e0 is None else 0)
    flat_p = float("nan")
    if df > 0:
        if rss0 <= 1e-24 * float((y * y).sum()):  # constant but for rounding
            flat_p = 1.0
        else:
            noise = max(rss / df, 1e-28 * rss0)
            flat_p = float(special.fdtrc(one, df, max(rss0 - rss, 0) / one / noise))
    sigma = float(np.sqrt(rss / df)) if df > 0 else float("nan")
    # Responses beyond an end say that there nothing was cut off.
    ends = [end for end in cut_off or () if not ((y < end).any() and (y > end).any())]
    whole = np.bincount(which, np.isin(y, ends)) == 0
    uncut = PooledVariance(sigma**2, df) if whole.all() else pooled(squares, count, whole)
    doses = x[x > 0]
    return LogisticFit(
        ec50=float(np.exp(log_ec50)),
        hill=float(np.exp(log_hill)),
        e0=best_e0,
        emax=best_emax,
        n=n,
        df=df,
        rss=rss,
        sigma=sigma,
        r2=1 - rss / total if total > 0 else float("nan"),
        flat_p=flat_p,
        lack_of_fit_p=_lack_of_fit(problem, rss, len(levels) - free, n - len(levels)),
        covariance=_covariance(
            problem, np.array([log_ec50, log_hill, best_e0, best_emax]), sigma**2
        ),
        dose_range=(float(doses.min()), float(doses.max())),
        noise=PooledVariance(sigma**2, df).or_larger(uncut),
        problem=problem,
    )


def _covariance(problem: CurveProblem, best: FloatArray, variance: float) -> FloatArray:
    """2 s^2 times the inverse Hessian of the RSS over the free parameters."""
    scale = max(float(np.ptp(problem.response)), 1e-300)
    # A search ends beside a bound by rounding; which side must not decide.
    at_bound = any(abs(best[3] - limit) <= 1e-4 * scale for limit in problem.emax_bounds)
    free = [0, 1]
    free += [2] if problem.e0 is None else []
    free += [3] if problem.emax is None and not at_bound else []
    steps = np.array([1e-4, 1e-4, 1e-4 * scale, 1e-4 * scale])[free]

    def model(moves: FloatArray) -> FloatArray:
        p = np.broadcast_to(best, (*moves.shape[:-1], 4)).copy()
        p[..., free] += moves * steps
        z = hill_fraction(problem.dose, p[..., 0, None], np.exp(p[..., 1, None]))
        return np.asarray(p[..., 2, None] + (p[..., 3] - p[..., 2])[..., None] * z)

    def rss(moves: FloatArray) -> FloatArray:
        return np.asarray((model(moves) - problem.response) ** 2 @ problem.weight)

    eye = np.eye(len(free))
    a, b = eye[:, None], eye[None, :]
    hessian = (rss(a + b) - rss(a - b) - rss(b - a) + rss(-a - b)) / 4
    eigenvalues = np.linalg.eigvalsh(hessian)
    if eigenvalues[0] <= 1e-9 * eigenvalues[-1]:
        # A flat or bent valley: the expected information has no negative directions.
        jacobian = (model(eye) - model(-eye)).T / 2 * np.sqrt(problem.weight)[:, None]
        hessian = 2 * jacobian.T @ jacobian
    covariance = np.zeros((4, 4))
    inside = 2 * variance * np.linalg.pinv(hessian, rcond=1e-12, hermitian=True)
    covariance[np.ix_(free, free)] = inside * np.outer(steps, steps)
    return covariance


def _lack_of_fit(problem: CurveProblem, rss: float, between: int, within: int) -> float:
    """F test of the curve's residuals against the scatter within doses."""
    pure = problem.pure
    rounding = 1e-20 * float(problem.weight @ problem.response**2)
    if between < 1 or within < 1 or pure <= rounding:
        return float("nan")
    return float(special.fdtrc(between, within, max(rss - pure, 0) / between / (pure / within)))
