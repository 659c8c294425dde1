"""One engine for intervals: draw the condition means anew, recompute, read the interval.

Condition means are drawn around the measured ones with the variance model of the plate (a
parametric bootstrap; Efron & Tibshirani 1993, chapters 6 and 13), by Student's t: the size of the
scatter is drawn too. Where effects were normalised to vehicle wells, the error of these moves all
effects at once, by (1 - f) each. Whatever is computed from the means is computed from each draw in
the same way, curves included, and `interval` reads what the draws say of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from spheroid_qc.response.arrays import FloatArray
from spheroid_qc.response.conditions import Conditions
from spheroid_qc.response.variance_model import PooledVariance

_SEED = 20

_TAIL = 0.005
"""Share of draws that still counts: beyond it p values are extrapolated, and what is the highest
in fewer draws is held not to be the highest."""


def scales(df: float, count: int) -> tuple[FloatArray, np.random.Generator]:
    """Draw how many times larger the scatter is than the one found with `df` degrees of freedom.

    Gives (count, 1) by Student's t, and the generator that goes on from there, from a fixed seed.
    """
    rng = np.random.default_rng(_SEED)
    return np.sqrt(df / rng.chisquare(df, size=count))[:, None], rng


@dataclass(frozen=True, eq=False)
class Draws:
    """Condition means drawn `count` times, around those of `cells`, with the scatter `noise`.

    `relative` (c,) are variances of a well in its units, if they are not those of the cells.
    Draws start from a fixed seed and follow the order of the means (`Conditions.orders`): they
    depend neither on the order of rows nor on names or units.
    """

    cells: Conditions
    noise: PooledVariance
    count: int
    relative: FloatArray | None = None

    @property
    def _per_mean(self) -> FloatArray:
        relative = self.cells.relative if self.relative is None else self.relative
        return np.asarray(relative / self.cells.count)

    @cached_property
    def means(self) -> FloatArray:
        """Drawn means (draws, conditions); none without degrees of freedom."""
        cells, (variance, df) = self.cells, self.noise
        if df < 1 or not np.isfinite(variance):
            return np.empty((0, len(cells.mean)))
        orders = cells.orders
        half = max(self.count // (2 * len(orders)), 1)
        scale, rng = scales(df, half)
        scale = scale * np.sqrt(variance)
        normal = rng.standard_normal((half, len(cells.mean)))
        common = rng.standard_normal((half, 1)) * np.sqrt(cells.vehicle_weight)
        moves = []
        for order in orders:
            noise = np.empty_like(normal)
            noise[:, order] = normal
            moves.append(scale * (noise * np.sqrt(self._per_mean)
                                  + common * (1 - cells.mean)))  # fmt: skip
        each = np.concatenate(moves)
        return np.asarray(cells.mean + np.concatenate([each, -each]))

    @cached_property
    def fractions(self) -> FloatArray:
        """The same where effects have a logit: between 0 and 1.

        With replicates as drawn, cut off there. Published means without any err in their logits
        (`relative`), and are drawn by these.
        """
        cells, means = self.cells, self.means
        if cells.df < 1:
            fraction = np.clip(cells.mean, 1e-12, 1 - 1e-12)
            away = (means - cells.mean) / (fraction * (1 - fraction))
            means = special.expit(special.logit(fraction) + away)
        return np.clip(means, 1e-12, 1 - 1e-12)


def highest(values: FloatArray, draws: FloatArray) -> FloatArray:
    """Draw the highest of several values (..., p) anew, from the draws (b, ..., p) of all.

    The highest of noisy values is too high where true ones are alike. Draws around the measured
    ones show less than half of that, since these lie apart by chance already, and over many doses
    it adds up. So the highest errs as the highest of the *errors* of those that may be it, which
    are those that are in a share of `_TAIL` of the draws (moment selection: Andrews & Soares 2010,
    doi:10.3982/ECTA7502; Fang & Santos 2019, doi:10.1093/restud/rdy049). Gives (b, ...).
    """
    may_be = (draws == draws.max(axis=-1, keepdims=True)).mean(axis=0) >= _TAIL
    errors = np.where(may_be, draws - values, -np.inf).max(axis=-1)
    return np.asarray(values.max(axis=-1) + errors)


def interval(values: FloatArray, draws: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Give the bounds of values (n,) from their draws (b, n).

    They span the percentile and the reflected interval: where a statistic is biased either alone
    is on the wrong side of it. What is endless on one side is not reflected, and then holds the
    value at its end at least. NaN without draws.
    """
    if not len(draws):
        nothing = np.full(np.shape(values), np.nan)
        return nothing, nothing
    ends = _quantiles(draws, 0.5 - level / 2)
    below, above = np.maximum(values - ends[0], 0), np.maximum(ends[1] - values, 0)
    return (
        values - np.where(np.isinf(above), below, np.maximum(below, above)),
        values + np.where(np.isinf(below), above, np.maximum(below, above)),
    )


def _quantiles(draws: FloatArray, tail: float) -> FloatArray:
    """Draws (2, n) with a share of `tail` below and above; some may be infinite."""
    places = np.round(np.array([tail, 1 - tail]) * (len(draws) - 1)).astype(int)
    return np.asarray(np.partition(draws, places, axis=0)[places])


def p_value(values: FloatArray, draws: FloatArray, df: float, null: float = 0.0) -> FloatArray:
    """Two-sided p of values (n,) against no effect: one minus the level whose interval ends there.

    Where fewer than a share of `_TAIL` of the draws (b, n) lie beyond, it is that of a t
    distribution which is as wide there. NaN without draws.
    """
    if not len(draws):
        return np.full(np.shape(values), np.nan)
    distance = np.abs(values - null)
    away = draws - values
    share = np.maximum((away >= distance).mean(axis=0), (away <= -distance).mean(axis=0))
    ends = np.abs(_quantiles(away, _TAIL)).max(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = special.stdtr(df, special.stdtrit(df, _TAIL) * distance / ends)
    far = np.where(ends > 0, far, (distance == 0).astype(float))
    return np.asarray(np.minimum(2 * np.where(share > _TAIL, share, far), 1.0))
