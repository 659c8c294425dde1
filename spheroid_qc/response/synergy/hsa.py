"""Highest single agent: E = max_i f_i, effects as fractions affected (Berenbaum 1989).

The best of several is not smooth in the condition means. So the means are drawn anew many times
with the pooled variance (parametric bootstrap), the best is chosen anew in each draw, and the
interval spans the percentile and the reflected one, since the maximum of noisy means is too high.
The draws start from a fixed seed and follow the order of the means (`Conditions.orders`), so they
depend neither on the order of rows nor on names or units.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from spheroid_qc.parameters import ResponseParameters
from spheroid_qc.response.conditions import Conditions
from spheroid_qc.response.synergy.excess_over_expected import ExcessOverParts, excess_intervals
from spheroid_qc.response.synergy.synergy_model import Estimate

BOOTSTRAP_SEED = 20

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


class HighestSingleAgent(ExcessOverParts):
    """Excess over the drug that does most alone: more than it is not yet synergy."""

    method = "hsa_excess"
    name = "highest single agent"
    title = "beyond the best single drug (HSA)"
    colour = "purple"
    references: ClassVar[tuple[str, ...]] = ("Berenbaum 1989, Pharmacological Reviews 41:93-141",)
    requires = "Each drug alone at the doses of the combination; no curve, any number of drugs."
    shows_interaction = False
    words = ("Better than the best drug alone", "Worse than the best drug alone")
    verdict_rank: ClassVar[int | None] = 4

    def expected(self, parts: ArrayLike) -> FloatArray:
        """Give the effect of the best part, shape (...), from those of all, shape (..., p)."""
        return np.asarray(np.max(np.asarray(parts, dtype=np.float64), axis=-1))

    def excess(
        self, cells: Conditions, combined: IntArray, parts: IntArray, settings: ResponseParameters
    ) -> tuple[list[Estimate], Estimate]:
        """Give the excess over the best part, which is sought anew in each of many draws."""
        level, resamples = settings.confidence, settings.resamples
        values = cells.mean[combined] - self.expected(cells.mean[parts])
        variance, df = cells.noise
        if df < 1:
            gradient = _best_gradient(cells, combined, parts, cells.orders[0])
            return excess_intervals(cells, values, gradient, level)
        rng = np.random.default_rng(BOOTSTRAP_SEED)
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
            draws.append(drawn[:, combined] - self.expected(drawn[:, parts]))
            # The same widening for unequal scatter as for the smooth models.
            gradient = _best_gradient(cells, combined, parts, order)
            _, fixed = excess_intervals(cells, values, gradient, level)
            own = gradient.mean(axis=0) ** 2 * cells.relative / cells.count
            pooled = t * float(np.sqrt(variance * own.sum()))
            if pooled > 0 and not cells.vehicle_weight:
                wider = max(wider, (fixed.high - fixed.value) / pooled)
        excess = np.concatenate(draws)
        *each, mean = _spanning(
            np.append(values, values.mean()),
            np.column_stack([excess, excess.mean(axis=1)]),
            level,
            df,
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
        Estimate(float(value), float(lower), float(upper), df)
        for value, lower, upper in zip(values, low, high, strict=True)
    ]
