"""Rows of the synergy table that stem from the median effect: index and dose reduction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.parameters import ResponseParameters
from spheroid_qc.response.excess import Conditions, Estimate
from spheroid_qc.response.groups import fixed_ratios
from spheroid_qc.response.index_interval import InteractionFit, fit_interaction
from spheroid_qc.response.median_effect import (
    FA_LEVELS,
    TRUSTED_FA,
    MedianEffect,
    combination_index,
    dose_reduction_index,
    fit_median_effect,
    level_doses,
)

__all__ = ["index_rows"]

FloatArray = NDArray[np.float64]
Row = dict[str, Any]

MISFIT_P = 0.2
"""Below, the mean index has an interval from the measured effects, not from the model."""

DOUBTED_P = 0.5
"""Below, the interval of the mean index spans both."""

_NO_INTERVAL = "No interval: too few wells to tell their scatter."


def index_rows(
    doses: FloatArray,
    effect: FloatArray,
    cells: Conditions,
    drugs: Sequence[str],
    settings: ResponseParameters,
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

    Returns
    -------
    list of dict
        `method, level, fa, doses, value, low, high, n, note` and `df`.
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
        return [_row("combination_index", "mean", np.nan, None, Estimate(*_NAN), wells, note)]
    warning = " ".join(warned)
    return [
        *_at_doses(doses, effect, cells, singles, settings, warning),
        *_at_levels(doses, effect, cells, singles, settings, warning),
    ]


_NAN = (float("nan"), float("nan"), float("nan"), 0.0)


def _row(
    method: str, level: str, fa: float, doses: FloatArray | None, estimate: Estimate, n: int,
    note: str,
) -> Row:  # fmt: skip
    return {
        "method": method, "level": level, "fa": fa, "doses": doses, "value": estimate.value,
        "low": estimate.low, "high": estimate.high, "df": estimate.df, "n": n, "note": note,
    }  # fmt: skip


def _around(value: float, bounds: tuple[float, float], df: float) -> Estimate:
    """Estimate whose interval also holds the classical value."""
    low, high = bounds
    return Estimate(value, min(low, value), max(high, value), df)


def _at_doses(
    doses: FloatArray, effect: FloatArray, cells: Conditions, singles: list[MedianEffect],
    settings: ResponseParameters, warning: str,
) -> Iterator[Row]:  # fmt: skip
    """Index at every tested dose, and its mean over them."""
    number = (doses > 0).sum(axis=1)
    k = doses.shape[1]
    combined = np.flatnonzero((cells.doses > 0).all(axis=1))
    normalised = cells.vehicle_weight > 0
    alone = fit_interaction(doses[number <= 1], effect[number <= 1], singles, normalised=normalised)
    if alone is not None and cells.df >= 3 and cells.variance > alone.variance:
        alone = alone.with_variance(cells.variance, cells.df)
    given, mean = cells.doses[combined], cells.mean[combined]
    index = combination_index(given, mean, singles)
    reduction = dose_reduction_index(given, mean, singles)
    usable = alone is not None and alone.converged
    for j, cell in enumerate(combined):
        notes = [warning]
        n = int(cells.count[cell])
        if not 0 < mean[j] < 1:
            notes.append("No index: the mean effect is not between 0 and 1.")
        elif not TRUSTED_FA[0] < mean[j] < TRUSTED_FA[1]:
            notes.append("The effect lies beyond (0.01, 0.99).")
        if not usable and np.isfinite(index[j]):
            notes.append(_NO_INTERVAL)
        for method, drug, value in [
            ("combination_index", None, float(index[j])),
            *((f"dose_reduction_index_{i + 1}", i, float(reduction[j, i])) for i in range(k)),
        ]:
            estimate = Estimate(value, *_NAN[1:])
            if usable and alone is not None and np.isfinite(value):
                bounds = alone.dose_interval(given[j], float(mean[j]), n, drug, settings.confidence)
                estimate = _around(value, bounds, alone.df)
            yield _row(method, "dose", float(mean[j]), given[j], estimate, n, _join(notes))
    known = np.isfinite(index)
    wells = int(cells.count[combined].sum())
    if not known.any():
        note = _join([warning, "No index: no combination has an effect between 0 and 1."])
        yield _row("combination_index", "mean", np.nan, None, Estimate(*_NAN), wells, note)
        return
    value, level = float(index[known].mean()), settings.confidence
    whole = (number <= 1) | (number == k)  # doublets of a triple have an index of their own
    both = fit_interaction(
        doses[whole], effect[whole], singles, normalised=normalised, bend=len(combined) >= 3
    )
    notes = [warning]
    if not known.all():
        notes.append(f"{int((~known).sum())} combinations without an index are not in the mean.")
    estimate = Estimate(value, *_NAN[1:])
    measured = modelled = None
    if usable and alone is not None:
        measured = alone.measured_mean_interval(
            given[known], mean[known], cells.count[combined][known], level
        )
    if both is not None and both.converged:
        modelled = both.mean_interval(given[known], level)
    if measured and alone is not None and (modelled is None or _misfit(both) < MISFIT_P):
        estimate = _around(value, measured, alone.df)
    elif modelled and both is not None:
        estimate = _around(value, modelled, both.df)
        if measured and _misfit(both) < DOUBTED_P:
            low, high = measured[0], measured[1] if np.isfinite(measured[1]) else value
            estimate = _around(value, (min(low, estimate.low), max(high, estimate.high)), both.df)
    else:
        notes.append(_NO_INTERVAL)
    yield _row("combination_index", "mean", np.nan, None, estimate, wells, _join(notes))


def _misfit(fit: InteractionFit | None) -> float:
    """Give the p value of a model's misfit; 1 where nothing speaks against it."""
    return 1.0 if fit is None or np.isnan(fit.misfit_p) else fit.misfit_p


def _at_levels(
    doses: FloatArray, effect: FloatArray, cells: Conditions, singles: list[MedianEffect],
    settings: ResponseParameters, warning: str,
) -> Iterator[Row]:  # fmt: skip
    """Index at fixed effects, for every series of doses in a fixed ratio."""
    given = (doses > 0).all(axis=1)
    everything = np.flatnonzero(given)
    for rows, parts in fixed_ratios(doses[given]):
        ray = np.zeros(len(doses), dtype=bool)
        ray[everything[rows]] = True
        total = doses[ray].sum(axis=1)
        line = fit_median_effect(total, effect[ray], (settings.fa_low, settings.fa_high))
        ratio = ":".join(f"{share / parts[0]:.4g}" for share in parts)
        if line is None or line.n_points < 3 or line.m <= 0:
            note = (
                f"Ratio {ratio}: no index at fixed effects, since fewer than three doses have an "
                "effect between the limits, or it falls with the dose."
            )
            for fa in FA_LEVELS:
                yield _row(
                    "combination_index", f"fa={fa:.2f}", fa, None, Estimate(*_NAN),
                    int(ray.sum()), _join([warning, note]),
                ) | {"series": ratio}  # fmt: skip
            continue
        notes = [warning, f"Ratio {ratio}."]
        if line.r < settings.min_r:
            notes.append(
                f"Doubtful: the combination fits its median effect line badly (r = {line.r:.2f})."
            )
        if line.n_extreme:
            notes.append("Effects beyond (0.01, 0.99) are on its line.")
        single = (doses > 0).sum(axis=1) <= 1
        fit = fit_interaction(
            doses[single | ray], effect[single | ray], singles,
            normalised=cells.vehicle_weight > 0,
        )  # fmt: skip
        usable = fit is not None and fit.converged
        if not usable:
            notes.append(_NO_INTERVAL)
        tested = [effect[ray][total == one].mean() for one in np.unique(total)]
        for fa in FA_LEVELS:
            at = level_doses(line, parts, fa)
            outside = [] if min(tested) <= fa <= max(tested) else ["Beyond the effects measured."]
            values = [float(combination_index(at, fa, singles)),
                      *dose_reduction_index(at, fa, singles).tolist()]  # fmt: skip
            for place, value in enumerate(values):
                estimate = Estimate(value, *_NAN[1:])
                if usable and fit is not None:
                    level = settings.confidence
                    bounds = (
                        fit.level_interval(parts, fa, level)
                        if place == 0
                        else fit.reduction_interval(parts, fa, place - 1, level)
                    )
                    estimate = _around(value, bounds, fit.df)
                method = f"dose_reduction_index_{place}" if place else "combination_index"
                yield _row(
                    method, f"fa={fa:.2f}", fa, at, estimate, int(ray.sum()),
                    _join([*notes, *outside]),
                ) | {"series": ratio}  # fmt: skip


def _join(notes: Sequence[str]) -> str:
    return " ".join(filter(None, notes))
