"""Rows of the synergy table at fixed effects: index and dose reduction of a fixed-ratio series.

The value is the classical one, from the median effect lines. Its interval comes from a curve of
the combination that may bend (`fixed_ratio_curve`); where that does not reach an effect, from the
model of a constant or evenly changing index (`combination_index_interval`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from spheroid_qc.response.synergy.combination_index_interval import InteractionFit, fit_interaction
from spheroid_qc.response.synergy.combination_wells import CombinationWells
from spheroid_qc.response.synergy.fixed_ratio_curve import fit_ray
from spheroid_qc.response.synergy.median_effect import (
    FA_LEVELS,
    MedianEffect,
    combination_index,
    dose_reduction_index,
    fit_median_effect,
    level_doses,
)
from spheroid_qc.response.synergy.synergy_model import UNKNOWN, Estimate, Row, joined, model_row
from spheroid_qc.response.wells_analysed_together import fixed_ratios

FloatArray = NDArray[np.float64]

INDEX = "combination_index"

NO_INTERVAL = "No interval: too few wells to tell their scatter."

DOUBTED_FIT_P = 0.05
"""Lack of fit that is spoken of."""

REFUSED_FIT_P = 0.01
"""Lack of fit with which an interval would claim too much."""

MAX_BOUND = 1e6
"""Times the value (or 1) from which an upper bound says no more than that there is none."""


def method_at(place: int) -> str:
    """Code in column `method`: of the index (0), or of the dose reduction of a drug (1, 2 ...)."""
    return f"dose_reduction_index_{place}" if place else INDEX


def trusted(alone: InteractionFit | None) -> bool:
    """Whether the drugs alone follow median effect lines well enough for intervals."""
    return alone is not None and alone.converged and not alone.misfit_p < REFUSED_FIT_P


def misfit_note(alone: InteractionFit | None) -> str:
    """Say why there is no interval, or why it deserves less trust; empty if all is well."""
    if alone is None or not alone.converged:
        return NO_INTERVAL
    if not alone.misfit_p < DOUBTED_FIT_P:
        return ""
    words = (
        f"The drugs alone depart from median effect lines (lack of fit, p = {alone.misfit_p:.2g})"
    )
    if trusted(alone):
        return f"{words}: the index deserves less trust."
    return f"No interval: {words[0].lower()}{words[1:]}. Loewe excess allows for partial effects."


def around(value: float, bounds: ArrayLike, df: float) -> Estimate:
    """Estimate whose interval also holds the classical value; none where a bound is NaN."""
    low, high = (float(bound) for bound in np.asarray(bounds))
    if np.isnan(low) or np.isnan(high):
        return Estimate(value, *UNKNOWN[1:])
    if high > MAX_BOUND * max(value, 1.0):
        high = float("inf")
    return Estimate(value, min(low, value), max(high, value), df)


def stretched_note(value: float, bounds: ArrayLike) -> str:
    """Say that an interval did not hold the classical value; empty if it did, or there is none."""
    low, high = (float(bound) for bound in np.asarray(bounds))
    if value < low * 0.999 or value > high * 1.001:
        return (
            "The value, from the fitted lines, lies outside what the wells allow: the interval is "
            "stretched to it."
        )
    return ""


def level_rows(
    wells: CombinationWells, singles: list[MedianEffect], alone: InteractionFit | None, warning: str
) -> Iterator[Row]:
    """Index at fixed effects, for every series of doses in a fixed ratio.

    `warning` goes into every note. Rows have the ratio as `series` and the estimate of the model
    behind the interval as `centre`: the lines, straightened by logarithms, are off by a little that
    does not average out over plates. `alone` are the drugs alone, fitted together.
    """
    doses, effect, settings = wells.doses, wells.effect, wells.settings
    given = (doses > 0).all(axis=1)
    everything = np.flatnonzero(given)
    for rows, parts in fixed_ratios(doses[given]):
        ray = np.zeros(len(doses), dtype=bool)
        ray[everything[rows]] = True
        total = doses[ray].sum(axis=1)
        line = fit_median_effect(total, effect[ray], (settings.fa_low, settings.fa_high))
        ratio = ":".join(f"{share / parts[0]:.4g}" for share in parts)
        n = int(ray.sum())
        if line is None or line.n_points < 3 or line.m <= 0:
            note = (
                f"Ratio {ratio}: no index at fixed effects, since fewer than three doses have an "
                "effect between the limits, or it falls with the dose."
            )
            for fa in FA_LEVELS:
                row = model_row(INDEX, f"fa={fa:.2f}", UNKNOWN, n, joined(warning, note), fa=fa)
                yield row | {"series": ratio}
            continue
        notes = [warning, f"Ratio {ratio}."]
        if line.r < settings.min_r:
            notes.append(
                f"Doubtful: the combination fits its median effect line badly (r = {line.r:.2f})."
            )
        if line.n_extreme:
            notes.append("Effects beyond (0.01, 0.99) are on its line.")
        notes.append(misfit_note(alone))
        order = np.lexsort((effect[ray], total))  # sums do not depend on the order of the rows
        levels, which = np.unique(total[order], return_inverse=True)
        count = np.bincount(which)
        tested = np.bincount(which, effect[ray][order]) / count
        bounds, df = np.full((len(FA_LEVELS), 1 + len(parts), 2), np.nan), 0
        if alone is not None and trusted(alone):
            bounds, df = _bent(levels, tested, count, alone, wells, parts), alone.df
            beyond = np.array([not tested.min() <= fa <= tested.max() for fa in FA_LEVELS])
            if beyond.any() or np.isnan(bounds).any():
                # A curve that reaches an effect which was not measured was often bent there by
                # chance: beyond, the interval spans both models.
                kept = ray | ((doses > 0).sum(axis=1) <= 1)
                straight = _straight(wells, kept, singles, parts)
                bounds[beyond] = _hull(bounds[beyond], straight[beyond])
                bounds = np.where(np.isnan(bounds), straight, bounds)
                if np.isnan(bounds).any():
                    notes.append("No interval: the wells do not determine the curves.")
        for j, fa in enumerate(FA_LEVELS):
            at = level_doses(line, parts, fa)
            outside = [] if tested.min() <= fa <= tested.max() else ["Beyond the effects measured."]
            values = [float(combination_index(at, fa, singles)),
                      *dose_reduction_index(at, fa, singles).tolist()]  # fmt: skip
            for place, value in enumerate(values):
                stretched = stretched_note(value, bounds[j, place])
                row = model_row(
                    method_at(place), f"fa={fa:.2f}", around(value, bounds[j, place], df), n,
                    joined(*notes, *outside, stretched), fa=fa, doses=at,
                )  # fmt: skip
                yield row | {"series": ratio, "centre": _centre(bounds[j, place])}


def _centre(bounds: FloatArray) -> float:
    """Middle of an interval, the estimate of the model behind it; NaN where both ends are open."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return float(np.exp(np.log(bounds).mean()))


def _hull(one: FloatArray, other: FloatArray) -> FloatArray:
    """Intervals (..., 2) that span both, or what there is of them."""
    low, high = np.fmin(one[..., 0], other[..., 0]), np.fmax(one[..., 1], other[..., 1])
    return np.stack([low, high], axis=-1)


def _bent(
    total: FloatArray, mean: FloatArray, count: NDArray[np.intp], alone: InteractionFit,
    wells: CombinationWells, parts: FloatArray,
) -> FloatArray:  # fmt: skip
    """Intervals at the effects from a curve of the combination that may bend.

    Shape (levels, 1 + drugs, 2); NaN where that curve does not say. Errors of the combination
    and of the drugs alone are independent, but for the vehicle's, which is carried along.
    """
    cells, fa, level = wells.cells, np.asarray(FA_LEVELS), wells.settings.confidence
    curve = fit_ray(total, mean, count / cells.variance_model.relative(mean))
    if curve is None or (len(total) < 4 and cells.df < 1):
        return np.full((len(fa), 1 + len(parts), 2), np.nan)
    place, unit, slope = curve.log_dose(fa)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        own = unit + cells.vehicle_weight / (fa * slope) ** 2
        half = float(special.stdtrit(alone.df, 0.5 + level / 2)) * np.sqrt(alone.variance * own)
        singles, spread = alone.alone_at(parts, FA_LEVELS, level)
        sign = np.where(np.arange(1 + len(parts)) == 0, 1.0, -1.0)
        centre = singles + sign * place[:, None]
        half = np.hypot(half[:, None], spread)
        return np.exp(np.stack([centre - half, centre + half], axis=-1))


def _straight(
    wells: CombinationWells, kept: NDArray[np.bool_], singles: list[MedianEffect], parts: FloatArray
) -> FloatArray:
    """Give the same from the model of an evenly changing index, by the wells that are kept."""
    cells = wells.cells
    fit = fit_interaction(
        wells.doses[kept], wells.effect[kept], singles,
        reference=cells.vehicle_weight, variance_model=cells.variance_model,
    )  # fmt: skip
    if fit is None or not fit.converged:
        return np.full((len(FA_LEVELS), 1 + len(parts), 2), np.nan)
    return fit.level_intervals(parts, FA_LEVELS, wells.settings.confidence)
