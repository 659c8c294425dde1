"""Dunnett's many-to-one comparison: all conditions against one vehicle, also within blocks.

scipy.stats.dunnett knows one layout, without blocks, and integrates with random numbers. Against
one common control the correlations have the form rho_ij = l_i l_j, so that the probability is a
double integral, which is done here by quadrature: the same digits every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special, stats

from spheroid_qc.response.arrays import FloatArray


@lru_cache(maxsize=8)
def normal_nodes(n: int = 80) -> tuple[FloatArray, FloatArray]:
    """Nodes z and weights (they add to 1) of a standard normal variable (Gauss-Hermite)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(n)
    return nodes, weights / weights.sum()


@lru_cache(maxsize=256)
def spread_nodes(df: int, n: int = 96) -> tuple[FloatArray, FloatArray]:
    """Nodes s = sqrt(chi2_df / df) and weights (they add to 1), by Gauss-Legendre."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    # Even steps of 3x^2 - 2x^3 pack the nodes where the quantile runs away.
    x = (nodes + 1) / 2
    spread = np.sqrt(stats.chi2.ppf(3 * x**2 - 2 * x**3, df) / df)
    return spread, 3 * weights * x * (1 - x)


@dataclass(frozen=True)
class DunnettResult:
    """Simultaneous comparisons with one control.

    `difference` (block effects removed), its simultaneous bounds `low, high` and adjusted `p` have
    one entry a condition, in the order given; NaN where it can't be estimated. `df` are the
    degrees of freedom of the common spread. `conservative`: not every condition stands in every
    block alike, so the smallest correlation was taken for all, which can only make p larger.
    """

    difference: FloatArray
    low: FloatArray
    high: FloatArray
    p: FloatArray
    df: int = 0
    conservative: bool = False


def _probability_within(bound: float, loading: FloatArray, df: int) -> float:
    """P(max |T_i| <= bound) for the multivariate t with correlations l_i l_j."""
    z, z_weight = normal_nodes()
    z, z_weight = z[z > 0], 2 * z_weight[z > 0]  # the integrand is even
    s, s_weight = spread_nodes(df)
    alike, count = np.unique(np.round(loading, 12), return_counts=True)
    rest = np.sqrt(1 - alike**2)[:, None, None]
    shift = alike[:, None, None] * z[None, :, None]
    reach = bound * s[None, None, :]
    each = special.ndtr((shift + reach) / rest) - special.ndtr((shift - reach) / rest)
    return float(z_weight @ (each ** count[:, None, None]).prod(axis=0) @ s_weight)


def dunnett(
    groups: Sequence[Sequence[ArrayLike]], control: Sequence[ArrayLike], level: float = 0.95
) -> DunnettResult:
    """Compare several conditions with one control (Dunnett 1955, doi:10.2307/2281208).

    Least squares on condition and block with one common spread. The spread is common to all
    conditions: where spreads differ much, the small-spread comparisons are judged too strictly and
    the large-spread ones too mildly. `control` and each of `groups` are the units of each block, in
    the same order of blocks, and `level` holds simultaneously. NaN for a condition without units,
    and for all where there is no spread or no degree of freedom left.
    """
    k = len(groups)
    sizes = [[np.size(block) for block in one] for one in (control, *groups)]
    missing = np.full(k, np.nan)
    nothing = DunnettResult(missing, missing, missing, missing)
    if not sum(sizes[0]):
        return nothing
    values = np.concatenate([np.asarray(v, float) for one in (control, *groups) for v in one])
    condition = np.repeat(np.arange(k + 1), [sum(own) for own in sizes])
    block = np.concatenate([np.repeat(np.arange(len(own)), own) for own in sizes])
    design = np.column_stack(
        [condition == i for i in range(1, k + 1)] + [block == b for b in np.unique(block)]
    ).astype(float)
    gram = design.T @ design
    inverse = np.linalg.pinv(gram, hermitian=True)
    beta = inverse @ design.T @ values
    residual = values - design @ beta
    projection = inverse @ gram
    df = values.size - round(float(np.trace(projection)))
    # A condition whose blocks hold no control and no link to it has no difference to estimate.
    known = np.abs(projection[:k] - np.eye(k, design.shape[1])).max(axis=1, initial=0.0) < 1e-8
    difference = np.where(known, beta[:k], np.nan)
    spread = float(np.sqrt(residual @ residual / df)) if df > 0 else float("nan")
    size = max(float(np.abs(values).max()), np.finfo(float).tiny)
    if not known.any() or not spread > 1e-12 * size:
        return replace(nothing, difference=difference, df=df)
    covariance = inverse[:k, :k][np.ix_(known, known)]
    loading, conservative = _loadings(covariance)
    error = np.full(k, np.nan)
    error[known] = spread * np.sqrt(np.diag(covariance))
    p = np.array([_p(x, loading, df) for x in np.abs(difference) / error])
    reach = _critical(loading, df, level) * error
    return DunnettResult(difference, difference - reach, difference + reach, p, df, conservative)


def _p(t: float, loading: FloatArray, df: int) -> float:
    if np.isnan(t):
        return float("nan")
    single = float(2 * special.stdtr(df, -t))
    bonferroni = min(single * loading.size, 1.0)
    if bonferroni < 1e-8:  # there the integral is all rounding, and Bonferroni's bound is sharp
        return bonferroni
    return min(max(1 - _probability_within(float(t), loading, df), single), bonferroni)


def _critical(loading: FloatArray, df: int, level: float) -> float:
    tail = (1 - level) / 2
    low, high = stats.t.isf(tail, df), stats.t.isf(tail / loading.size, df)
    if loading.size == 1:
        return float(low)
    return float(
        optimize.brentq(
            lambda c: _probability_within(c, loading, df) - level, low * 0.999, high * 1.001
        )
    )


def _loadings(covariance: FloatArray) -> tuple[FloatArray, bool]:
    """One-factor loadings of the correlations; the smallest correlation where they don't fit."""
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(scale, scale)
    k = scale.size
    if k < 2:
        return np.zeros(k), False
    off = ~np.eye(k, dtype=bool)
    if k == 2:
        rho = max(float(correlation[0, 1]), 0.0)
        return np.full(2, np.sqrt(min(rho, 1 - 1e-12))), False
    # With a common control rho_ij = l_i l_j; the control's share of the covariance is constant.
    shared = float(covariance[off].min())
    if np.allclose(covariance[off], shared, rtol=1e-9, atol=1e-12) and shared > 0:
        return np.sqrt(shared) / scale, False
    smallest = max(float(correlation[off].min()), 0.0)
    return np.full(k, np.sqrt(smallest)), True
