"""Combination index: CI = sum_i D_i / Dx_i, the doses given over those needed alone.

From median effect lines (Chou & Talalay 1984, doi:10.1016/0065-2571(84)90007-4; formulas in
`median_effect`): at every tested dose, as their geometric mean, and for series of doses in a fixed
ratio at fixed effects. The dose reduction of each drug comes with it. Value and interval are of one
model: what is computed from the measured means is computed in the same way from each draw of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import logit, stdtrit

from spheroid_qc.response.arrays import FloatArray, IntArray
from spheroid_qc.response.conditions import Conditions
from spheroid_qc.response.draws import Draws
from spheroid_qc.response.synergy.combination_wells import MIN_RESIDUAL_DF, CombinationWells
from spheroid_qc.response.synergy.median_effect import (
    FA_LEVELS,
    TRUSTED_FA,
    DrawnLine,
    MedianEffect,
    combination_index,
    dose_reduction_index,
    fit_classical_line,
    fit_drawn_line,
    fit_median_effect,
    index_of,
)
from spheroid_qc.response.synergy.synergy_model import (
    UNKNOWN,
    Estimate,
    Row,
    SynergyModel,
    estimates,
    joined,
    model_row,
)
from spheroid_qc.response.variance_model import PooledVariance
from spheroid_qc.response.wells_analysed_together import fixed_ratios

INDEX = "combination_index"

DOUBTED_FIT_P, REFUSED_FIT_P = 0.05, 0.01
"""Lack of fit of the drugs alone that is spoken of, and with which an interval would claim too
much."""

MAX_BOUND = 1e6
"""Times the value (or 1) from which an upper bound says no more than that there is none."""


class Lines(NamedTuple):
    """Median effect lines of the drugs alone, of the wells (first) and of every draw.

    `doubt` is what has to be said of every index, and no interval is given where the lines are
    `refused`.
    """

    singles: list[DrawnLine]
    draws: Draws
    refused: bool
    doubt: str

    def estimates(self, found: FloatArray, level: float) -> list[Estimate]:
        """Give estimates of ratios (1 + draws, n) by their logarithms."""
        with np.errstate(divide="ignore"):
            logs = np.log(found)
        df, none = self.draws.noise.df, np.isnan(logs[0])
        drawn = np.where(np.isnan(logs[1:]), np.inf, logs[1:])
        made = estimates(np.where(none, 0.0, logs[0]), drawn[: 0 if self.refused else None],
                         level, df)  # fmt: skip
        return [UNKNOWN if missing else _ratio(one)
                for one, missing in zip(made, none, strict=True)]  # fmt: skip


def _ratio(logs: Estimate) -> Estimate:
    with np.errstate(over="ignore"):
        value, low, high = (float(np.exp(v)) for v in logs[:3])
    return Estimate(value, low, np.inf if high > MAX_BOUND * max(value, 1.0) else high, logs.p)


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
    limits = (0.0, np.inf)
    verdict_rank = 2

    def rows(self, wells: CombinationWells) -> list[Row]:
        """Rows of the mean, of every combination, and of fixed-ratio series at fixed effects.

        The dose reductions, which come of the same lines, are among them. Rows have the `series` at
        fixed effects, and `refused` where the drugs alone depart too far from their lines for an
        interval.
        """
        cells = wells.cells
        singles, refused, warned = _classical(wells)
        if refused:
            note = "No combination index. " + " ".join(refused)
            n = int(cells.count[wells.combined].sum())
            return [model_row(INDEX, "mean", UNKNOWN, n, note)]
        with np.errstate(divide="ignore"):
            log_doses = np.log(cells.doses)
        fits = [wells.fit(drug, 1.0) for drug in wells.alone]
        draws = wells.draws if cells.df > 0 else _draws_of_means(wells)
        lines = [
            _line(wells, draws, wells.cells_alone(i), log_doses[:, i]) for i in range(len(singles))
        ]
        misfits = [wells.plateau_p(drug) for drug in wells.alone]
        misfits += [len(fits) * fit.lack_of_fit_p for fit in fits]
        misfit_p = float(np.fmin.reduce(misfits))
        doubt, out = "", misfit_p < REFUSED_FIT_P
        if not len(draws.means):
            doubt = "No interval: too few wells to tell their scatter."
        elif misfit_p < DOUBTED_FIT_P:
            depart = f"rugs alone depart from median effect lines (lack of fit, p = {misfit_p:.2g})"
            doubt = f"The d{depart}: the index deserves less trust."
            if out:
                doubt = f"No interval: the d{depart}. Loewe excess allows for partial effects."
        whole = Lines(lines, draws, out, doubt)
        warning = " ".join(warned)
        rows = [*_at_doses(wells, whole, warning), *_at_effects(wells, whole, warning)]
        return [row | {"refused": out} for row in rows]


def _on_line(wells: CombinationWells, chosen: IntArray) -> IntArray:
    """Of some conditions those whose mean has a logit, within the limits of the settings."""
    mean, settings = wells.cells.mean[chosen], wells.settings
    return chosen[(mean > max(settings.fa_low, 0.0)) & (mean < min(settings.fa_high, 1.0))]


def _draws_of_means(wells: CombinationWells) -> Draws:
    """Draws of published means, without replicates, by the errors that classical lines assume.

    Those of all logits are alike, and as large as the drugs alone lie off their lines.
    """
    cells, squares, df = wells.cells, 0.0, 0
    for i in range(len(wells.drugs)):
        alone = _on_line(wells, wells.cells_alone(i))
        x, y = np.log(cells.doses[alone, i]), logit(cells.mean[alone])
        squares += float(((y - np.polyval(np.polyfit(x, y, 1), x)) ** 2).sum())
        df += len(alone) - 2
    scatter = PooledVariance(squares / df, df if df >= MIN_RESIDUAL_DF else 0)
    fraction = np.clip(cells.mean, 0, 1)
    relative = (fraction * (1 - fraction)) ** 2 * cells.count
    return Draws(cells, scatter, wells.settings.resamples, relative)


def _line(
    wells: CombinationWells, draws: Draws, chosen: IntArray, log_dose: FloatArray,
    *, bend: bool = False,
) -> DrawnLine:  # fmt: skip
    """Line through some conditions, of the wells and of every draw; `log_dose` of all conditions.

    Published means, without replicates, get the classical line.
    """
    cells, settings = wells.cells, wells.settings
    mean, limits = cells.mean[chosen], (settings.fa_low, settings.fa_high)
    if cells.df < 1:
        on_line = _on_line(wells, chosen)
        effects = np.vstack([cells.mean, draws.fractions])[:, on_line]
        return fit_classical_line(log_dose[on_line], effects)
    on_line = chosen[
        ((mean > limits[0]) | (limits[0] <= 0)) & ((mean < limits[1]) | (limits[1] >= 1))
    ]
    effects = np.vstack([cells.mean, draws.means])[:, on_line]
    weight = (cells.count / cells.relative)[on_line]
    return fit_drawn_line(log_dose[on_line], effects, weight, bend=bend)


def _classical(wells: CombinationWells) -> tuple[list[MedianEffect], list[str], list[str]]:
    """Lines of the drugs alone, why one of them gives no index, and what else is to be said."""
    cells, settings = wells.cells, wells.settings
    limits, minimum = (settings.fa_low, settings.fa_high), settings.min_single_doses
    singles, refused, warned = [], [], []
    for i, drug in enumerate(wells.drugs):
        dose, effect = wells.alone.get(drug, (np.empty(0), np.empty(0)))
        tested, needed = wells.doses_alone(i), f"an index needs at least {minimum}."
        line = fit_median_effect(dose, effect, limits)
        if tested < minimum:
            refused.append(f"{drug} alone was tested at {tested} doses; {needed}")
        elif line is None:
            refused.append(
                f"{drug} alone has no median effect line: its effect is level over the doses, or "
                f"fewer than two lie between {limits[0]:g} and {limits[1]:g}."
            )
        elif line.n_points < minimum:
            refused.append(
                f"Only {line.n_points} doses of {drug} alone have an effect between {limits[0]:g} "
                f"and {limits[1]:g}; {needed}"
            )
        elif line.m <= 0:
            refused.append(f"The effect of {drug} alone falls with its dose.")
        elif wells.is_idle(drug) and not _acts(cells, wells.cells_alone(i), settings.confidence):
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
    return singles, refused, warned


def _acts(cells: Conditions, alone: IntArray, level: float) -> bool:
    """Whether some dose of a drug alone has an effect that is surely not 0."""
    error = np.sqrt(cells.variance * cells.relative / cells.count)[alone]
    t = float(stdtrit(cells.df, 0.5 + level / 2))
    return bool((np.abs(cells.mean[alone]) > t * error).any())


def method_at(place: int) -> str:
    """Code in column `method`: of the index (0), or of the dose reduction of a drug (1, 2 ...)."""
    return f"dose_reduction_index_{place}" if place else INDEX


def _index_and_parts(reduction: FloatArray) -> Iterator[FloatArray]:
    """Index (b, n), then the dose reduction of each drug, from these (b, n, k)."""
    yield index_of(reduction)
    yield from np.moveaxis(reduction, -1, 0)


def _at_doses(wells: CombinationWells, lines: Lines, warning: str) -> Iterator[Row]:
    """Index and dose reduction at every tested dose, and the geometric mean of the index."""
    cells, combined, level = wells.cells, wells.combined, wells.settings.confidence
    given, mean = cells.doses[combined], cells.mean[combined]
    inside = (mean > 0) & (mean < 1)

    # One by one an effect of 1 needs endless doses of each drug alone, and one of 0 none.
    fa = np.where(inside, np.vstack([mean, lines.draws.means[:, combined]]), np.nan)
    reduction = dose_reduction_index(given, np.clip(fa, 1e-300, 1 - 1e-16), lines.singles)
    reduction[fa >= 1], reduction[fa <= 0] = np.inf, 0.0
    places = [lines.estimates(found, level) for found in _index_and_parts(reduction)]
    for j, cell in enumerate(combined):
        notes, n, effect = [warning], int(cells.count[cell]), float(cells.mean[cell])
        if not inside[j]:
            notes.append("No index: the mean effect is not between 0 and 1.")
        elif not TRUSTED_FA[0] < effect < TRUSTED_FA[1]:
            notes.append("The effect lies beyond (0.01, 0.99).")
        notes.append(lines.doubt if inside[j] else "")
        for place, estimate in enumerate(of[j] for of in places):
            yield model_row(
                method_at(place), "dose", estimate, n, joined(*notes), fa=effect, doses=given[j]
            )
    n = int(cells.count[combined].sum())
    if not inside.any():
        note = joined(warning, "No index: no combination has an effect between 0 and 1.")
        yield model_row(INDEX, "mean", UNKNOWN, n, note)
        return
    words = "Geometric mean"
    fa = np.vstack([mean, lines.draws.fractions[:, combined]])[:, inside]
    weight = np.ones_like(fa)
    if cells.df > 0:  # as of a logit, from each draw anew: an effect that errs errs in its weight
        words += ", each dose by what its effect tells"
        weight = (cells.count / cells.relative)[combined][inside] * (fa * (1 - fa)) ** 2
    notes = [warning, f"{words}."]
    if not inside.all():
        notes.append(f"{int((~inside).sum())} combinations without an index are not in the mean.")
    # In a sum no draw may be endless: here effects are drawn between 0 and 1.
    logs = np.log(combination_index(given[inside], fa, lines.singles))
    average = np.exp((logs * weight).sum(axis=1) / weight.sum(axis=1))[:, None]
    (estimate,) = lines.estimates(average, level)
    yield model_row(INDEX, "mean", estimate, n, joined(*notes, lines.doubt))


def _at_effects(wells: CombinationWells, lines: Lines, warning: str) -> Iterator[Row]:
    """Index and dose reduction at fixed effects, for every series of doses in a fixed ratio.

    Where there are replicates the line of the combination may bend: that of drugs of unequal
    slopes does, also where they are additive or independent. Rows have the ratio as `series`.
    """
    cells, settings = wells.cells, wells.settings
    for rows, parts in fixed_ratios(cells.doses[wells.combined]):
        ray = wells.combined[rows]
        ray = ray[np.argsort(cells.doses[ray].sum(axis=1))]
        total, tested = cells.doses[ray].sum(axis=1), cells.mean[ray]
        line = fit_median_effect(total, tested, (settings.fa_low, settings.fa_high))
        ratio = ":".join(f"{share / parts[0]:.4g}" for share in parts)
        n = int(cells.count[ray].sum())
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
        notes.append(lines.doubt)
        with np.errstate(divide="ignore"):
            log_total = np.log(cells.doses.sum(axis=1))
        curve = _line(wells, lines.draws, ray, log_total, bend=True)
        for fa in FA_LEVELS:
            with np.errstate(over="ignore"):
                at = np.exp(curve.log_dose(float(logit(fa)))) * parts
            level = np.full(len(at), fa)[:, None]
            reduction = dose_reduction_index(at[:, None], level, lines.singles)
            found = np.concatenate(list(_index_and_parts(reduction)), axis=1)
            outside = [] if tested.min() <= fa <= tested.max() else ["Beyond the effects measured."]
            if np.isnan(at[0]).any():
                outside.append("No index: the curve of the combination does not reach this effect.")
            for place, estimate in enumerate(lines.estimates(found, settings.confidence)):
                row = model_row(
                    method_at(place), f"fa={fa:.2f}", estimate, n, joined(*notes, *outside),
                    fa=fa, doses=at[0],
                )  # fmt: skip
                yield row | {"series": ratio}
