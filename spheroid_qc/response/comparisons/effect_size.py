"""How large a difference is, with an interval, and what many tests at once cost.

Units stand in blocks (plates or biological replicates); with one block everything reduces to the
two-sample case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special

from spheroid_qc.response.arrays import FloatArray
from spheroid_qc.response.comparisons.dunnett import normal_nodes, spread_nodes

_NAN = float("nan")


@dataclass(frozen=True)
class Contrast:
    """A difference of means against its own spread.

    `difference` is the mean of the condition minus that of the reference, blocks removed; its
    bounds `low, high` are NaN where no spread is left to judge it by. `p` is two-sided, of
    Student's t with `df`; `spread` is the residual standard deviation, and `leverage` the variance
    of the difference in units of `spread**2` (1/n_x + 1/n_y in one block).
    """

    difference: float
    low: float = _NAN
    high: float = _NAN
    p: float = _NAN
    spread: float = _NAN
    leverage: float = _NAN
    df: float = 0.0


def _is_constant(spread: float, values: FloatArray) -> bool:
    scale = float(np.max(np.abs(values))) if values.size else 0.0
    return not spread > 1e-12 * max(scale, np.finfo(float).tiny)


def _student(
    difference: float, error: float, df: float, level: float
) -> tuple[float, float, float]:
    """Bounds and two-sided p by Student's t; scipy.stats takes five times as long for a pair."""
    half = float(special.stdtrit(df, 0.5 + level / 2)) * error
    p = float(2 * special.stdtr(df, -abs(difference) / error))
    return difference - half, difference + half, p


def welch(values: ArrayLike, reference: ArrayLike, level: float = 0.95) -> Contrast:
    """Difference of two means whose spreads may differ (Welch 1947, doi:10.1093/biomet/34.1-2.28).

    One value a unit. Bounds and p are NaN with fewer than two values on a side, or without any
    spread; `spread` is the pooled standard deviation.
    """
    x, y = np.asarray(values, dtype=float), np.asarray(reference, dtype=float)
    n_x, n_y = x.size, y.size
    difference = float(x.mean() - y.mean()) if n_x and n_y else _NAN
    leverage = 1 / n_x + 1 / n_y if n_x and n_y else _NAN
    if n_x < 2 or n_y < 2:
        return Contrast(difference, leverage=leverage)
    v_x, v_y = float(x.var(ddof=1)), float(y.var(ddof=1))
    pooled = float(np.sqrt(((n_x - 1) * v_x + (n_y - 1) * v_y) / (n_x + n_y - 2)))
    if _is_constant(pooled, np.concatenate([x, y])):
        return Contrast(difference, spread=0.0, leverage=leverage)
    e_x, e_y = v_x / n_x, v_y / n_y
    df = (e_x + e_y) ** 2 / (e_x**2 / (n_x - 1) + e_y**2 / (n_y - 1))
    judged = _student(difference, float(np.sqrt(e_x + e_y)), df, level)
    return Contrast(difference, *judged, pooled, leverage, float(df))


def block_contrast(
    values: Sequence[ArrayLike], reference: Sequence[ArrayLike], level: float = 0.95
) -> Contrast:
    """Difference of a condition and its reference within blocks, by least squares.

    Each block has a level of its own; with one unit of each kind a block this is the paired t-test,
    with one block Student's two-sample t-test. `values` and `reference` are the units of each
    block, in the same order of blocks; blocks that lack either kind tell nothing about the
    difference and are passed over. As of `welch`, with one pooled spread.
    """
    pairs = [
        (np.asarray(a, dtype=float), np.asarray(b, dtype=float))
        for a, b in zip(values, reference, strict=True)
    ]
    pairs = [(a, b) for a, b in pairs if a.size and b.size]
    if not pairs:
        return Contrast(_NAN)
    weight = np.array([a.size * b.size / (a.size + b.size) for a, b in pairs])
    gaps = np.array([a.mean() - b.mean() for a, b in pairs])
    difference = float(weight @ gaps / weight.sum())
    leverage = float(1 / weight.sum())
    within = sum(float(((x - x.mean()) ** 2).sum()) for pair in pairs for x in pair)
    between = float(weight @ (gaps - difference) ** 2)
    df = sum(a.size + b.size for a, b in pairs) - len(pairs) - 1
    if df < 1:
        return Contrast(difference, leverage=leverage)
    spread = float(np.sqrt((within + between) / df))
    if _is_constant(spread, np.concatenate([x for pair in pairs for x in pair])):
        return Contrast(difference, spread=0.0, leverage=leverage, df=float(df))
    error = spread * np.sqrt(leverage)
    judged = _student(difference, float(error), df, level)
    return Contrast(difference, *judged, spread, leverage, float(df))


def hedges_g(contrast: Contrast, level: float = 0.95) -> tuple[float, float, float]:
    r"""Hedges' g of a pooled contrast, with the interval of the noncentral t distribution.

    :math:`g = J(\nu)\,\Delta / s`, :math:`J(\nu) = \Gamma(\nu/2) / (\sqrt{\nu/2}\,
    \Gamma((\nu-1)/2))` (Hedges 1981, doi:10.3102/10769986006002107). The bounds are the
    noncentralities that put the observed t at the tails (Steiger & Fouladi 1997), times the square
    root of the leverage; unlike those by a standard error they hold at n = 3. g and its bounds are
    NaN where there is no spread, g alone also with one degree of freedom.
    """
    df, spread = contrast.df, contrast.spread
    if df < 1 or not spread > 0:
        return _NAN, _NAN, _NAN
    scale = float(np.sqrt(contrast.leverage))
    t = contrast.difference / (spread * scale)
    shrink = (
        float(np.exp(special.gammaln(df / 2) - special.gammaln((df - 1) / 2) - np.log(df / 2) / 2))
        if df > 1
        else _NAN
    )
    tail = (1 - level) / 2
    low = _noncentrality(t, df, 1 - tail) * scale
    high = _noncentrality(t, df, tail) * scale
    return shrink * contrast.difference / spread, low, high


def _noncentrality(t: float, df: float, probability: float) -> float:
    """Noncentrality at which P(T <= t) has a given value (it falls as noncentrality grows)."""
    if t < 0:
        return -_noncentrality(-t, df, 1 - probability)
    reach = 12 + 6 * t
    return float(
        optimize.brentq(lambda nc: _nct_cdf(t, df, nc) - probability, -12.0, reach, xtol=1e-9)
    )


def _nct_cdf(t: float, df: float, nc: float) -> float:
    """P(T <= t), t >= 0, of the noncentral t; scipy's own fails at small df and large t.

    T = (Z + nc) / S, averaged over S, or for large t over Z, where either is smooth.
    """
    if t < 8 * np.sqrt(2 * df):
        spread, weight = spread_nodes(round(df))
        return float(weight @ special.ndtr(t * spread - nc))
    z, weight = normal_nodes()
    smallest = np.maximum((nc + z) / t, 0.0)
    return float(weight @ special.chdtrc(df, df * smallest**2))


def cliffs_delta(
    values: Sequence[ArrayLike], reference: Sequence[ArrayLike], level: float = 0.95
) -> tuple[float, float, float]:
    r"""Cliff's delta, P(value > reference) - P(value < reference), with a score interval.

    The bounds are Newcombe's method 5 for the generalised Mann-Whitney measure
    :math:`\theta = (\delta + 1)/2` (2006, doi:10.1002/sim.2324): all :math:`\theta` with
    :math:`|\hat\theta - \theta| \le z \sqrt{V(\theta)}`. They neither collapse nor leave
    [-1, 1] where the groups don't overlap. Over blocks, the deltas within each are averaged with
    van Elteren's weights mn/(m + n + 1), and V with their squares. `values` and `reference` are the
    units of each block, in the same order of blocks; NaN without a block that holds both kinds.
    """
    thetas, weights, sizes = [], [], []
    for a, b in zip(values, reference, strict=True):
        x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
        if x.size and y.size:
            order = np.sign(x[:, None] - y[None, :])
            thetas.append((float(order.mean()) + 1) / 2)
            weights.append(x.size * y.size / (x.size + y.size + 1))
            sizes.append((x.size, y.size))
    if not thetas:
        return _NAN, _NAN, _NAN
    share = np.array(weights) / np.sum(weights)
    found = min(max(float(share @ np.array(thetas)), 0.0), 1.0)
    z = float(special.ndtri(0.5 + level / 2))

    def gap(theta: float) -> float:
        variance = 0.0
        for part, (m, n) in zip(share, sizes, strict=True):
            more = (m + n) / 2 - 1
            inflated = 1 + more * (1 - theta) / (2 - theta) + more * theta / (1 + theta)
            variance += part**2 * theta * (1 - theta) * inflated / (m * n)
        return float(abs(found - theta) - z * np.sqrt(variance))

    # Just beside the estimate: at 0 and 1 it is a root itself, which is not the one looked for.
    low = 0.0 if found <= 0 else float(optimize.brentq(gap, 0.0, found * (1 - 1e-9), xtol=1e-12))
    beside = found + (1 - found) * 1e-9
    high = 1.0 if found >= 1 else float(optimize.brentq(gap, beside, 1.0, xtol=1e-12))
    return 2 * found - 1, 2 * low - 1, 2 * high - 1
