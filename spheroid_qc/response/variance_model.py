"""How wells scatter, and whether scatter depends on the effect.

With three wells a condition knows its own variance far too badly, so conditions share one. Where
untreated wells scatter more than dead ones (an error in proportion to the signal, effects cut off
at 0 and 1), one variance for all is too small for some conditions and too large for others. The
replicates of a whole plate can tell: then the variance follows the effect f by

    v = s^2 ((1 - r) + r g(f)),   g = (1 - f)^2  or  f^2  or  4 f (1 - f)

a constant and a proportional error together (Rocke & Lorenzato 1995,
doi:10.1080/00401706.1995.10484302). Unless the likelihood speaks for it, it is constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from spheroid_qc.response.arrays import BoolArray, FloatArray

MIN_LIKELIHOOD_GAIN = 6.0
"""Of twice the log likelihood, for a variance that follows the effect (three shapes are tried)."""

MIN_DF = 8
"""Degrees of freedom below which replicates can't tell a shape."""

_SHARES = np.concatenate([np.linspace(0, 0.9, 19), 1 - np.geomspace(0.07, 1e-6, 16)])


MIN_UNCUT_DF = 3
"""Degrees of freedom below which doses without a well that was cut off are not asked."""


class PooledVariance(NamedTuple):
    """Variance of a well (of weight 1), and the degrees of freedom it is known with."""

    variance: float
    df: int

    def or_larger(self, uncut: PooledVariance) -> PooledVariance:
        """Judge by the conditions where no well was cut off, if these scatter more.

        An effect that is cut off at 0 and 1 scatters less near them (with a third of the variance
        at the end itself), and one variance for all is then too small for those between.
        """
        larger = uncut.df >= MIN_UNCUT_DF and uncut.variance > self.variance
        return uncut if larger else self


def pooled(
    squares: FloatArray, count: FloatArray, chosen: BoolArray, df: int | None = None
) -> PooledVariance:
    """Pool the scatter within some of the conditions.

    `squares` (c,) are squared deviations of a condition's wells, each times its weight; `df` is
    what intervals may trust in, if fewer than wells say. NaN with 0 degrees of freedom without
    replicates.
    """
    within = int((count - 1)[chosen].sum())
    if within < 1:
        return PooledVariance(float("nan"), 0)
    return PooledVariance(float(squares[chosen].sum() / within), within if df is None else df)


@dataclass(frozen=True)
class VarianceModel:
    """Variance of a well as a function of the effect, up to its size.

    `shape` is `constant`, `signal` (falls with the effect), `effect` (rises) or `middle`; `share` r
    of the variance follows the effect, from `lowest` to `highest`, the effects of which replicates
    tell; beyond them it stays what it is there.
    """

    shape: str = "constant"
    share: float = 0.0
    lowest: float = 0.0
    highest: float = 1.0

    def relative(self, effect: ArrayLike) -> FloatArray:
        """Variance at effects of any shape, in units of s^2."""
        f = np.clip(np.asarray(effect, dtype=np.float64), self.lowest, self.highest)
        if self.shape == "constant":
            return np.ones(f.shape)
        return np.asarray(1 - self.share + self.share * _SHAPES[self.shape](f))

    def known_df(self, effect: FloatArray, df: FloatArray) -> float:
        """Degrees of freedom of the part of the variance that follows the effect.

        Conditions whose wells hardly have that part say little about it: each counts by the
        square of its share (the information on a variance component).
        """
        if self.shape == "constant":
            return float(df.sum())
        relative = self.relative(effect)
        return float((df * (1 - (1 - self.share) / relative) ** 2).sum())


CONSTANT = VarianceModel()
"""The same for all wells."""

_SHAPES = {
    "signal": lambda f: (1 - f) ** 2,
    "effect": lambda f: f**2,
    "middle": lambda f: 4 * f * (1 - f),
}


def fit_variance_model(mean: FloatArray, count: FloatArray, squares: FloatArray) -> VarianceModel:
    """Judge from replicates whether scatter depends on the effect.

    `mean` effect of each condition, `count` of its wells, `squares` their squared deviations added
    up, each (c,). Constant unless twice the log likelihood rises by `MIN_LIKELIHOOD_GAIN`.
    """
    df = count - 1
    used = df > 0
    df, sums, f = df[used], squares[used], mean[used]
    total_df = float(df.sum())
    rounding = 1e-20 * float((count * mean**2).sum())
    if total_df < MIN_DF or not sums.sum() > rounding:
        return CONSTANT
    best, gain = CONSTANT, MIN_LIKELIHOOD_GAIN
    constant = total_df * np.log(sums.sum() / total_df)
    for shape in _SHAPES:
        # Rows: shares r; columns: conditions. The size s^2 has its best value in passing.
        relative = 1 - _SHARES[:, None] * (1 - _SHAPES[shape](np.clip(f, 0.0, 1.0)))
        deviance = (
            total_df * np.log((sums / relative).sum(axis=1) / total_df) + np.log(relative) @ df
        )
        at = int(np.argmin(deviance))
        if constant - deviance[at] > gain:
            gain = float(constant - deviance[at])
            ends = np.clip((f.min(), f.max()), 0.0, 1.0)
            best = VarianceModel(shape, float(_SHARES[at]), float(ends[0]), float(ends[1]))
    return best


REFERENCES = ("", "mean", "median")
"""What of the vehicle wells effects were normalised to; empty: nothing, or not known."""


def reference_weight(
    vehicle: FloatArray,
    reference: str,
    variance_model: VarianceModel = CONSTANT,
    variance: float = np.nan,
) -> float:
    """Variance of the reference, in units of a well of weight 1, where wells were normalised to it.

    An error of the vehicle's mean moves all effects at once, by (1 - f) each, and no scatter
    between wells shows it.

    `vehicle` are the effects of the vehicle wells, `reference` one of `REFERENCES`; 0 where effects
    were not normalised. The variance by `variance_model` falls towards 0 where effects were cut off
    there, but the reference was formed before: how much it scattered, the vehicle wells above 0
    tell. `variance` is that of a well of weight 1, NaN where it is not known.
    """
    n = len(vehicle)
    if not n or not reference:
        return 0.0
    well = float(variance_model.relative(0.0))
    if float(vehicle.min()) == 0:
        well = max(well, min(_own_scatter(vehicle) / variance, 1.0) if variance > 0 else 1.0)
    # Of a median asymptotically pi / 2 / n, with its value of 1 for a single well.
    return well * (1 / n if reference == "mean" else np.pi / 2 / (n + np.pi / 2 - 1))


def _own_scatter(vehicle: FloatArray) -> float:
    """Variance of vehicle wells of which those below 0 were cut off there; an 80 % upper limit.

    Wells below the reference lay as far from it as those above.
    """
    if len(vehicle) < 2:
        return float("inf")
    return float((vehicle**2).sum() / special.chdtri(len(vehicle) / 2, 0.8))
