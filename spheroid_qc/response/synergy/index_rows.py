"""Rows of the synergy table that stem from the median effect: index and dose reduction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from spheroid_qc.parameters import ResponseParameters
from spheroid_qc.response.conditions import Conditions
from spheroid_qc.response.synergy.dose_index import DoseIndex
from spheroid_qc.response.synergy.index_interval import InteractionFit, fit_interaction
from spheroid_qc.response.synergy.index_levels import (
    UNKNOWN,
    Row,
    around,
    joined,
    level_rows,
    misfit_note,
    row,
    stretched_note,
    trusted,
)
from spheroid_qc.response.synergy.mean_index import mean_index_interval
from spheroid_qc.response.synergy.median_effect import (
    TRUSTED_FA,
    MedianEffect,
    combination_index,
    dose_reduction_index,
    fit_median_effect,
)

FloatArray = NDArray[np.float64]

MISFIT_P = 0.2
"""Below, a model of the interaction does not lend its bound to the mean index."""


def index_rows(
    doses: FloatArray,
    effect: FloatArray,
    cells: Conditions,
    drugs: Sequence[str],
    settings: ResponseParameters,
    plateau_p: float = float("nan"),
    idle: Collection[str] = (),
) -> list[Row]:
    """Give combination index and dose-reduction index of one combination.

    Parameters
    ----------
    doses : ndarray, shape (n, k)
        Wells of the drugs alone, of the combination of all k, and of the vehicle.
    effect : ndarray, shape (n,)
        Fraction affected.
    cells : Conditions
        The same wells by condition.
    drugs : sequence of str
        Names of the k drugs.
    settings : ResponseParameters
        Limits and confidence level.
    plateau_p : float
        p of the test that the drugs alone have their full effect at an endless dose, as every
        median effect line says; the smallest of the drugs.
    idle : collection of str
        Drugs that are shown to have next to no effect alone.

    Returns
    -------
    list of dict
        `method, level, fa, doses, value, low, high, n, note, df`, `p` of the index at a dose,
        and `refused` where the drugs alone depart too far from their lines for an interval.
    """
    limits = (settings.fa_low, settings.fa_high)
    number = (doses > 0).sum(axis=1)
    singles: list[MedianEffect] = []
    refused, warned = [], []
    for i, drug in enumerate(drugs):
        alone = (number == 1) & (doses[:, i] > 0)
        tested = int(((cells.doses > 0).sum(axis=1) == 1)[cells.doses[:, i] > 0].sum())
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
        wells = int((number == len(drugs)).sum())
        return [row("combination_index", "mean", np.nan, None, UNKNOWN, wells, note)]
    warning = " ".join(warned)
    alone = fit_interaction(
        doses[number <= 1], effect[number <= 1], singles, reference=cells.vehicle_weight,
        scatter=cells.scatter,
    )  # fmt: skip
    if alone is not None and cells.df >= 3 and cells.variance > alone.variance:
        alone = alone.with_variance(cells.variance, cells.df)
    if alone is not None:
        alone = replace(alone, misfit_p=float(np.fmin(alone.misfit_p, plateau_p)))
    rows = [
        *_at_doses(doses, effect, cells, singles, alone, settings, warning),
        *level_rows(doses, effect, cells, singles, alone, settings, warning),
    ]
    doubted = alone is not None and alone.converged and not trusted(alone)
    return [line | {"refused": doubted} for line in rows]


def _acts(cells: Conditions, drug: int, level: float) -> bool:
    """Whether some dose of a drug alone has an effect that is surely not 0."""
    alone = ((cells.doses > 0).sum(axis=1) == 1) & (cells.doses[:, drug] > 0)
    error = np.sqrt(cells.variance * cells.relative / cells.count)[alone]
    t = float(stdtrit(cells.df, 0.5 + level / 2))
    return bool((np.abs(cells.mean[alone]) > t * error).any())


def _at_doses(
    doses: FloatArray, effect: FloatArray, cells: Conditions, singles: list[MedianEffect],
    alone: InteractionFit | None, settings: ResponseParameters, warning: str,
) -> Iterator[Row]:  # fmt: skip
    """Index at every tested dose, and its mean over them."""
    number = (doses > 0).sum(axis=1)
    k = doses.shape[1]
    combined = np.flatnonzero((cells.doses > 0).all(axis=1))
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
            method = f"dose_reduction_index_{place}" if place else "combination_index"
            estimate = around(value, bounds[j, place], df)
            note = joined([*notes, stretched_note(value, bounds[j, place])])
            found = row(method, "dose", float(mean[j]), given[j], estimate, n, note)
            yield found if place else found | {"p": float(p[j])}
    known = np.isfinite(index)
    wells = int(cells.count[combined].sum())
    if not known.any():
        note = joined([warning, "No index: no combination has an effect between 0 and 1."])
        yield row("combination_index", "mean", np.nan, None, UNKNOWN, wells, note)
        return
    notes = [warning]
    if not known.all():
        notes.append(f"{int((~known).sum())} combinations without an index are not in the mean.")
    notes.append(doubt)
    bounds_of_mean = (np.nan, np.nan)
    if alone is not None and trusted(alone):
        whole = (number <= 1) | (number == k)  # doublets of a triple have an index of their own
        bounds_of_mean = _mean_bounds(
            doses[whole], effect[whole], cells, combined[known], singles, alone, settings
        )
    value = float(index[known].mean())
    estimate = around(value, bounds_of_mean, df)
    notes.append(stretched_note(value, bounds_of_mean))
    yield row("combination_index", "mean", np.nan, None, estimate, wells, joined(notes))


def _mean_bounds(
    doses: FloatArray, effect: FloatArray, cells: Conditions, combined: NDArray[np.intp],
    singles: list[MedianEffect], alone: InteractionFit, settings: ResponseParameters,
) -> tuple[float, float]:  # fmt: skip
    """Interval of the mean index, from the measured effects where they bound it.

    Where one can't be told from 0 its index has no upper bound, nor has the mean: then the
    model of an evenly changing index lends its own, if it fits.
    """
    given, level = cells.doses[combined], settings.confidence
    noise = cells.noise if cells.df >= 3 else alone.noise
    low, high = mean_index_interval(alone, cells, combined, noise, level, settings.resamples)
    if np.isfinite(high):
        return low, high
    both = fit_interaction(
        doses, effect, singles, reference=cells.vehicle_weight, bend=len(combined) >= 3,
        scatter=cells.scatter,
    )  # fmt: skip
    if both is None or not both.converged or both.misfit_p < MISFIT_P:
        return low, high
    modelled = both.mean_interval(given, level)
    return min(low, modelled[0]), modelled[1]
