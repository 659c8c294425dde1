"""What excesses of effect have in common: observed minus expected, with intervals.

An excess is a function of condition means, and all wells of the combination's conditions share one
variance, estimated within conditions (or one model of it, where the wells show that it follows the
effect: `variance_model`). Where it is smooth, the delta method carries the errors over.

Where vehicle wells show that effects were normalised to them, the vehicle's error counts too: it
moves all effects at once, by (1 - f) each.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from spheroid_qc.parameters import ResponseParameters
from spheroid_qc.response.conditions import Conditions
from spheroid_qc.response.synergy.combination_wells import CombinationWells
from spheroid_qc.response.synergy.synergy_model import (
    NAN,
    UNKNOWN,
    Estimate,
    Row,
    SynergyModel,
    model_row,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


class ExcessOverParts(SynergyModel):
    """A model whose expected effect follows from the effects of parts at the same doses.

    `lacking` is what is said of a combination of which a part was not tested.
    """

    lacking: ClassVar[str] = "Each drug alone was not tested at this dose."

    def part_size(self, drugs: int) -> int:
        """How many of the drugs make a part."""
        return 1

    @abstractmethod
    def expected(self, parts: ArrayLike) -> FloatArray:
        """Give the expected effect, shape (...), for effects of the p parts, shape (..., p)."""

    def gradient(self, parts: FloatArray) -> FloatArray:
        """Derive `expected` by the effect of each part, shape (..., p): by differences, if no rule.

        A model that is not smooth overrides `excess`.
        """
        steps = 1e-6 * np.eye(parts.shape[-1])
        ends = (self.expected(parts[..., None, :] + sign * steps) for sign in (1, -1))
        return np.asarray(np.subtract(*ends) / 2e-6)

    def excess(
        self, cells: Conditions, combined: IntArray, parts: IntArray, settings: ResponseParameters
    ) -> tuple[list[Estimate], Estimate]:
        """Give the excess of combinations over what is expected of their parts.

        `combined` (j,) are the numbers of the combinations, `parts` (j, p) those of their parts.
        Gives each combination, and their unweighted mean.
        """
        effects = cells.mean[parts]
        gradient = np.zeros((len(combined), len(cells.mean)))
        rows = np.arange(len(combined))
        gradient[rows, combined] = 1.0
        gradient[rows[:, None], parts] -= self.gradient(effects)
        values = cells.mean[combined] - self.expected(effects)
        return excess_intervals(cells, values, gradient, settings.confidence)

    def rows(self, wells: CombinationWells) -> list[Row]:
        """Rows of the mean excess, and of every combination."""
        cells, combined = wells.cells, wells.combined
        parts = wells.parts(self.part_size(len(wells.drugs)))
        known = (parts >= 0).all(axis=1)
        if known.any():
            each, mean = self.excess(cells, combined[known], parts[known], wells.settings)
            rows = excess_rows(self.method, cells, combined[known], each, mean)
        else:
            rows = [model_row(self.method, "mean", UNKNOWN, 0, f"No excess. {self.lacking}")]
        return rows + [_dose_row(self.method, cells, j, UNKNOWN, self.lacking)
                       for j in combined[~known]]  # fmt: skip


def excess_rows(
    method: str, cells: Conditions, combined: IntArray, each: list[Estimate], mean: Estimate
) -> list[Row]:
    """Rows of a mean excess and of the excess of each combination."""
    note = "" if np.isfinite(mean.low) else "No interval: no replicates."
    rows = [model_row(method, "mean", mean, int(cells.count[combined].sum()), note)]
    for j, estimate in zip(combined, each, strict=True):
        rows.append(_dose_row(method, cells, j, estimate, note))
    return rows


def _dose_row(method: str, cells: Conditions, j: int, estimate: Estimate, note: str) -> Row:
    return model_row(
        method, "dose", estimate, int(cells.count[j]), note,
        fa=float(cells.mean[j]), doses=cells.doses[j],
    )  # fmt: skip


def excess_intervals(
    cells: Conditions, values: FloatArray, gradient: FloatArray, level: float
) -> tuple[list[Estimate], Estimate]:
    """Intervals of values that are smooth in the condition means, by the delta method.

    `values` (j,) are one per combination, `gradient` (j, c) their derivatives by the c condition
    means. Gives each value, and their unweighted mean.
    """
    variance, df = cells.noise
    shared = (gradient * (1 - cells.mean)).sum(axis=1) * np.sqrt(cells.vehicle_weight)
    if df < 1:
        each = [Estimate(float(v), NAN, NAN, 0) for v in values]
        return each, Estimate(float(values.mean()), NAN, NAN, 0)
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
