"""Combination index: CI = sum_i D_i / Dx_i, the doses given over those needed alone.

From median effect lines (Chou & Talalay 1984, doi:10.1016/0065-2571(84)90007-4; formulas in
`median_effect`). At every tested dose, as a mean over them, and for series of doses in a fixed
ratio at fixed effects (`combination_index_at_effects`). The dose reduction of each drug comes
with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from spheroid_qc.response.conditions import Conditions
from spheroid_qc.response.synergy.combination_index_at_doses import DoseIndex
from spheroid_qc.response.synergy.combination_index_at_effects import (
    INDEX,
    around,
    level_rows,
    method_at,
    misfit_note,
    stretched_note,
    trusted,
)
from spheroid_qc.response.synergy.combination_index_interval import InteractionFit, fit_interaction
from spheroid_qc.response.synergy.combination_wells import CombinationWells
from spheroid_qc.response.synergy.mean_combination_index import mean_index_interval
from spheroid_qc.response.synergy.median_effect import (
    TRUSTED_FA,
    MedianEffect,
    combination_index,
    dose_reduction_index,
    fit_median_effect,
)
from spheroid_qc.response.synergy.synergy_model import (
    UNKNOWN,
    Row,
    SynergyModel,
    joined,
    model_row,
)

MIN_FIT_P = 0.2
"""Lack of fit below which a model of the interaction does not lend its bound to the mean index."""


class CombinationIndex(SynergyModel):
    """Whether doses add up, on median effect lines: every drug has its full effect in the end."""

    method = INDEX
    name = "combination index"
    colour = "ink"
    references = ("doi:10.1016/0065-2571(84)90007-4", "doi:10.1124/pr.58.3.10")
    requires = (
        "A median effect line of each drug alone: at least three doses; at fixed effects also a "
        "series of the combination in a fixed ratio."
    )
    is_ratio = True
    verdict_rank = 2

    def rows(self, wells: CombinationWells) -> list[Row]:
        """Rows of the mean, of every combination, and of fixed-ratio series at fixed effects."""
        return [row for row in wells.once(median_effect_rows) if self.covers(row["method"])]


def median_effect_rows(wells: CombinationWells) -> list[Row]:
    """Give combination index and dose-reduction index of one combination.

    Rows of both methods, as of `SynergyModel.rows`; also `p` of the index at a dose, `series` and
    `centre` at fixed effects, and `refused` where the drugs alone depart too far from their lines
    for an interval.
    """
    doses, effect, cells, drugs = wells.doses, wells.effect, wells.cells, wells.drugs
    settings = wells.settings
    limits = (settings.fa_low, settings.fa_high)
    number = (doses > 0).sum(axis=1)
    curves = [
        (wells.curves.plateau_p(*one, cells), wells.curves.is_idle(*one, cells))
        for one in wells.alone.items()
    ]
    # Not known where no drug was given alone.
    plateau_p = float(np.fmin.reduce([p for p, _ in curves], initial=np.nan))
    idle = {drug for drug, (_, rests) in zip(wells.alone, curves, strict=True) if rests}
    singles: list[MedianEffect] = []
    refused, warned = [], []
    for i, drug in enumerate(drugs):
        alone = (number == 1) & (doses[:, i] > 0)
        tested = wells.doses_alone(i)
        line = fit_median_effect(doses[alone, i], effect[alone], limits)
        if tested < settings.min_single_doses:
            refused.append(
                f"{drug} alone was tested at {tested} doses; an index needs at least "
                f"{settings.min_single_doses}."
            )
        elif line is None:
            refused.append(
                f"{drug} alone has no median effect line: its effect is level over the doses, or "
                f"fewer than two lie between {limits[0]:g} and {limits[1]:g}."
            )
        elif line.n_points < settings.min_single_doses:
            refused.append(
                f"Only {line.n_points} doses of {drug} alone have an effect between {limits[0]:g} "
                f"and {limits[1]:g}; an index needs at least {settings.min_single_doses}."
            )
        elif line.m <= 0:
            refused.append(f"The effect of {drug} alone falls with its dose.")
        elif drug in idle and not _acts(cells, i, settings.confidence):
            refused.append(
                f"{drug} alone has next to no effect: its median effect line is a line through "
                "noise."
            )
        else:
            singles.append(line)
            if line.r < settings.min_r:
                warned.append(
                    f"Doubtful: {drug} alone fits its median effect line badly (r = {line.r:.2f})."
                )
            if line.n_extreme:
                warned.append(f"{drug} alone has effects beyond (0.01, 0.99) on its line.")
    if refused:
        note = "No combination index. " + " ".join(refused)
        n = int((number == len(drugs)).sum())
        return [model_row(INDEX, "mean", UNKNOWN, n, note)]
    warning = " ".join(warned)
    alone = fit_interaction(
        doses[number <= 1], effect[number <= 1], singles, reference=cells.vehicle_weight,
        variance_model=cells.variance_model,
    )  # fmt: skip
    if alone is not None and cells.df >= 3 and cells.variance > alone.variance:
        alone = alone.with_variance(cells.variance, cells.df)
    if alone is not None:
        alone = replace(alone, misfit_p=float(np.fmin(alone.misfit_p, plateau_p)))
    rows = [
        *_at_doses(wells, singles, alone, warning),
        *level_rows(wells, singles, alone, warning),
    ]
    doubted = alone is not None and alone.converged and not trusted(alone)
    return [row | {"refused": doubted} for row in rows]


def _acts(cells: Conditions, drug: int, level: float) -> bool:
    """Whether some dose of a drug alone has an effect that is surely not 0."""
    alone = ((cells.doses > 0).sum(axis=1) == 1) & (cells.doses[:, drug] > 0)
    error = np.sqrt(cells.variance * cells.relative / cells.count)[alone]
    t = float(stdtrit(cells.df, 0.5 + level / 2))
    return bool((np.abs(cells.mean[alone]) > t * error).any())


def _at_doses(
    wells: CombinationWells, singles: list[MedianEffect], alone: InteractionFit | None, warning: str
) -> Iterator[Row]:
    """Index and dose reduction at every tested dose, and the mean index over them."""
    cells, combined, settings, k = wells.cells, wells.combined, wells.settings, len(wells.drugs)
    given, mean = cells.doses[combined], cells.mean[combined]
    index = combination_index(given, mean, singles)
    reduction = dose_reduction_index(given, mean, singles)
    bounds, df, doubt = np.full((len(combined), 1 + k, 2), np.nan), 0, misfit_note(alone)
    p = np.full(len(combined), np.nan)
    if alone is not None and trusted(alone):
        at_doses = DoseIndex(alone, given, mean, cells.count[combined])
        bounds, p, df = at_doses.intervals(settings.confidence), at_doses.p_additive(), alone.df
    for j, cell in enumerate(combined):
        notes = [warning]
        n = int(cells.count[cell])
        if not 0 < mean[j] < 1:
            notes.append("No index: the mean effect is not between 0 and 1.")
        elif not TRUSTED_FA[0] < mean[j] < TRUSTED_FA[1]:
            notes.append("The effect lies beyond (0.01, 0.99).")
        if np.isfinite(index[j]):
            notes.append(doubt)
        for place, value in enumerate([float(index[j]), *reduction[j].tolist()]):
            estimate = around(value, bounds[j, place], df)
            note = joined(*notes, stretched_note(value, bounds[j, place]))
            row = model_row(
                method_at(place), "dose", estimate, n, note, fa=float(mean[j]), doses=given[j]
            )
            yield row if place else row | {"p": float(p[j])}
    known = np.isfinite(index)
    n = int(cells.count[combined].sum())
    if not known.any():
        note = joined(warning, "No index: no combination has an effect between 0 and 1.")
        yield model_row(INDEX, "mean", UNKNOWN, n, note)
        return
    notes = [warning]
    if not known.all():
        notes.append(f"{int((~known).sum())} combinations without an index are not in the mean.")
    notes.append(doubt)
    bounds_of_mean = (np.nan, np.nan)
    if alone is not None and trusted(alone):
        bounds_of_mean = _mean_bounds(wells, combined[known], singles, alone)
    value = float(index[known].mean())
    estimate = around(value, bounds_of_mean, df)
    notes.append(stretched_note(value, bounds_of_mean))
    yield model_row(INDEX, "mean", estimate, n, joined(*notes))


def _mean_bounds(
    wells: CombinationWells, combined: NDArray[np.intp], singles: list[MedianEffect],
    alone: InteractionFit,
) -> tuple[float, float]:  # fmt: skip
    """Interval of the mean index, from the measured effects where they bound it.

    Where one can't be told from 0 its index has no upper bound, nor has the mean: then the
    model of an evenly changing index lends its own, if it fits.
    """
    cells, level = wells.cells, wells.settings.confidence
    noise = cells.noise if cells.df >= 3 else alone.noise
    low, high = mean_index_interval(alone, cells, combined, noise, level, wells.settings.resamples)
    if np.isfinite(high):
        return low, high
    number = (wells.doses > 0).sum(axis=1)
    # Doublets of a triple have an index of their own.
    whole = (number <= 1) | (number == len(wells.drugs))
    both = fit_interaction(
        wells.doses[whole], wells.effect[whole], singles, reference=cells.vehicle_weight,
        bend=len(combined) >= 3, variance_model=cells.variance_model,
    )  # fmt: skip
    if both is None or not both.converged or both.misfit_p < MIN_FIT_P:
        return low, high
    modelled = both.mean_interval(cells.doses[combined], level)
    return min(low, modelled[0]), modelled[1]
