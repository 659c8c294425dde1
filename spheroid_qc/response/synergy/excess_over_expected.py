"""What excesses of effect have in common: observed minus expected, for the wells and every draw.

An excess is a function of the condition means. It is computed from the measured ones and in the
same way from each draw of them (`draws`), which give its interval: at every combination, of the
unweighted mean over all, and of the most synergistic area.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from spheroid_qc.response.arrays import FloatArray, IntArray
from spheroid_qc.response.draws import Draws, highest
from spheroid_qc.response.synergy.combination_wells import CombinationWells
from spheroid_qc.response.synergy.synergy_model import (
    UNKNOWN,
    Estimate,
    Row,
    SynergyModel,
    estimates,
    model_row,
)

_AREA = 3
"""Doses of each drug in the most synergistic area, as in SynergyFinder
(doi:10.1093/nar/gkac382)."""


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

    def drawn(self, parts: FloatArray, draws: FloatArray) -> FloatArray:
        """Draw the expected effect (b, j), from effects of the parts (j, p) and draws of them."""
        return self.expected(draws)

    def rows(self, wells: CombinationWells) -> list[Row]:
        """Rows of the mean excess, and of every combination."""
        parts = wells.parts(self.part_size(len(wells.drugs)))
        known = (parts >= 0).all(axis=1)
        combined, parts = wells.combined[known], parts[known]

        def excess(means: FloatArray) -> FloatArray:
            if means.ndim == 1:
                return means[combined] - self.expected(means[parts])
            return means[:, combined] - self.drawn(wells.cells.mean[parts], means[:, parts])

        if known.any():
            rows = excess_rows(self, wells, combined, excess, wells.draws)
        else:
            rows = [model_row(self.method, "mean", UNKNOWN, 0, f"No excess. {self.lacking}")]
        for j in wells.combined[~known]:
            rows.append(_dose_row(self, wells, j, UNKNOWN, self.lacking))
        return rows


def excess_rows(
    model: SynergyModel,
    wells: CombinationWells,
    combined: IntArray,
    excess: Callable[[FloatArray], FloatArray],
    draws: Draws,
) -> list[Row]:
    """Rows of a mean excess, of the most synergistic area, and of each combination.

    `combined` (j,) are the numbers of the combinations, `excess` gives theirs (..., j) for means
    of all conditions (..., c).
    """
    cells, method = wells.cells, model.method
    value = excess(cells.mean)
    drawn = excess(draws.means) if len(draws.means) else np.empty((0, len(value)))
    note = "" if len(drawn) else "No interval: no replicates."
    n = int(cells.count[combined].sum())

    def estimated(values: FloatArray, drawn: FloatArray) -> list[Estimate]:
        found = estimates(values, drawn, wells.settings.confidence, draws.noise.df)
        ends = (model.within_limits(*one[:3]) for one in found)
        return [one._replace(low=low, high=high)
                for one, (low, high) in zip(found, ends, strict=True)]  # fmt: skip

    (mean,) = estimated(value.mean(keepdims=True), drawn.mean(axis=1, keepdims=True))
    rows = [model_row(method, "mean", mean, n, note)]
    areas = areas_of(cells.doses[combined])
    if len(areas):
        of = value[areas].mean(axis=1)
        best = areas[int(of.argmax())]
        again = highest(of, drawn[:, areas].mean(axis=2))[:, None] if len(drawn) else drawn
        (area,) = estimated(of.max(keepdims=True), again)
        doses = cells.doses[combined[best]]
        n = int(cells.count[combined[best]].sum())
        rows.append(model_row(method, "area", area, n, note, doses=doses[len(doses) // 2]))
    for j, estimate in zip(combined, estimated(value, drawn), strict=True):
        rows.append(_dose_row(model, wells, j, estimate, note))
    return rows


def areas_of(doses: FloatArray) -> IntArray:
    """Find all areas of 3 x 3 doses next to each other of two drugs, and their combinations.

    `doses` (j, 2); gives (areas, 9) numbers of combinations, by the first drug and then the second.
    """
    if doses.shape[1] != 2:
        return np.empty((0, _AREA**2), dtype=np.intp)
    steps, places = [], []
    for column in doses.T:
        levels, place = np.unique(column, return_inverse=True)
        steps.append(len(levels) - _AREA + 1)
        places.append(np.ravel(place))
    at = {place: j for j, place in enumerate(zip(*map(np.ndarray.tolist, places), strict=True))}
    found = [
        [at.get((a + i, b + k), -1) for i in range(_AREA) for k in range(_AREA)]
        for a in range(steps[0])
        for b in range(steps[1])
    ]
    return np.array([one for one in found if min(one) >= 0], dtype=np.intp).reshape(-1, _AREA**2)


def _dose_row(
    model: SynergyModel, wells: CombinationWells, j: int, estimate: Estimate, note: str
) -> Row:
    cells = wells.cells
    return model_row(
        model.method, "dose", estimate, int(cells.count[j]), note,
        fa=float(cells.mean[j]), doses=cells.doses[j],
    )  # fmt: skip
