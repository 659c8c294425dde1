"""The table of dose responses: one line per drug or fixed-ratio combination.

`ec50_um` is the relative EC50, the inflection of the fitted curve, halfway between `e0` and
`emax`; `ic50_abs_um` is the absolute IC50, where the curve crosses a fraction affected of 0.5
(for raw responses: half of the response without drug). A dose that the wells did not reach is
not extrapolated: the column holds the highest (lowest) dose and its `_qualifier` says `>` (`<`).
Asymptotes are free unless fixed by the parameters. Only where the wells of a fraction affected
leave one undetermined is it held at what the word means, and said so: 0 without drug (where
there is no vehicle), not above 1 at full effect.
Effects are fractions affected unless the response is raw.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import ResponseParameters
from spheroid_qc.response.arrays import BoolArray, FloatArray
from spheroid_qc.response.conditions import Conditions
from spheroid_qc.response.curves.absolute_ic50 import (
    HALF_EFFECT,
    HALF_OF_VEHICLE,
    absolute_ic50,
    absolute_ic50_interval,
)
from spheroid_qc.response.curves.hill_search import LOG_HILL_BOUNDS
from spheroid_qc.response.curves.logistic import LogisticFit, fit_logistic
from spheroid_qc.response.curves.refit import reach_intervals
from spheroid_qc.response.curves.trend_test import trend_p
from spheroid_qc.response.response_table import Responses
from spheroid_qc.response.synergy.median_effect import MedianEffect, fit_median_effect
from spheroid_qc.response.variance_model import reference_weight
from spheroid_qc.response.wells_analysed_together import (
    ALL_PLATES,
    Group,
    analysis_time,
    combinations_given,
    fixed_ratios,
    grouping_columns,
    groups,
    over_plates,
    whole_plate,
)
from spheroid_qc.wording import plural

DOSE_RESPONSE_COLUMNS = (
    "drug", "n", "hill", "ec10_um", "ec50_um", "ec50_low_um", "ec50_high_um", "ec90_um", "emax",
    "e0", "ic50_abs_um", "median_effect_dm_um", "median_effect_m", "median_effect_r",
    "ec10_qualifier", "ec50_qualifier", "ec90_qualifier", "ic50_abs_qualifier",
    "ic50_abs_low_um", "ic50_abs_high_um", "ec50_wald_low_um", "ec50_wald_high_um", "n_doses",
    "rmse", "r2", "flat_p", "trend_p", "lack_of_fit_p", "effect_at_top", "pattern", "emax_low",
    "emax_high", "ratio", "unit", "interval", "note", "effect_at_top_low", "effect_at_top_high",
)  # fmt: skip
"""Columns after the grouping ones (`plate`, `time_h`)."""

MISFIT_P = 0.01
"""Lack of fit below which the wells are said to depart from the curve."""

Line = dict[str, Any]

PATTERNS = ("curve", "misfit", "trend", "none")
"""Words of column `pattern`; empty where nothing was fitted."""

_OPEN = "The wells leave open how far the effect goes in the end."
_DOSES = [name for name in DOSE_RESPONSE_COLUMNS if name.endswith("_um")]


def dose_response_table(
    responses: Responses, parameters: ResponseParameters | None = None
) -> pd.DataFrame:
    """Fit every drug and every fixed-ratio combination.

    Parameters
    ----------
    responses : Responses
        From `read_responses`.
    parameters : ResponseParameters, optional
        Confidence level, time, fixed asymptotes, limits.

    Returns
    -------
    DataFrame
        `time_h` and `plate` first where the table has them, then `DOSE_RESPONSE_COLUMNS`; with
        several plates each plate and then `all`, their mean with an interval between plates.
        Doses of drugs that are not in uM stand in the same columns without `_um`, appended.
        What can't be given is empty, and `note` says why.

    Raises
    ------
    RequestError
        If the time can't be chosen, or there is nothing to fit.

    Examples
    --------
    >>> import pandas as pd
    >>> from spheroid_qc.response.curves.dose_response import dose_response_table
    >>> from spheroid_qc.response.response_table import read_responses
    >>> doses = [0.1, 0.3, 1, 3, 10, 30]
    >>> affected = [0.01, 0.05, 0.2, 0.5, 0.81, 0.95]
    >>> wells = pd.DataFrame({"drug_1": "a", "dose_1_um": doses, "response": affected})
    >>> table = dose_response_table(read_responses(wells, "fa"))
    >>> table[["drug", "ec50_um", "ec50_low_um", "ec50_high_um"]].round(1)
      drug  ec50_um  ec50_low_um  ec50_high_um
    0    a      3.0          2.8           3.3
    """
    return dose_response_tables(responses, parameters)[0]


CURVE_COLUMNS = ("drug", "ratio", "unit", "dose", "effect", "low", "high")
"""Columns of the drawn curves, after the grouping ones."""

_CURVE_POINTS = 61


def dose_response_tables(
    responses: Responses, parameters: ResponseParameters | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fit every drug and every fixed-ratio combination, and lay out the curves for drawing.

    Parameters and errors are those of `dose_response_table`, which is the first table; the second
    has `CURVE_COLUMNS`: the curve of each plate between the lowest and the highest dose, with
    its pointwise interval.
    """
    settings = ResponseParameters() if parameters is None else parameters
    at_time, time_note = analysis_time(responses, settings.time_h)
    lines: list[Line] = []
    whole: dict[str, Conditions] = {}
    vehicle = ~(at_time.doses > 0).any(axis=1)
    for name, columns in _subjects(at_time):
        chosen = at_time.where(_exactly(at_time, columns) | vehicle)
        several = at_time.rows["plate"].nunique() > 1
        own: list[Line] = []
        for group in groups(chosen, lambda part: bool((part.doses > 0).any())):
            if group.plate not in whole:
                whole[group.plate] = whole_plate(at_time, group)
            found = _lines(group, name, columns, whole[group.plate], settings)
            own += [{"plate": group.plate, "_block": group.block, **line} for line in found]
        lines += own
        if several:
            ratios = dict.fromkeys(line["ratio"] for line in own)
            for ratio in ratios:
                same = [line for line in own if line["ratio"] == ratio]
                if len(same) > 1:
                    lines.append(_together(same, settings.confidence, at_time.kind))
    if not lines:
        raise RequestError(
            "No drug was given alone and no combination in a fixed ratio: there is no dose "
            "response to fit."
        )
    table = pd.DataFrame(lines)
    table["note"] = [" ".join(filter(None, (time_note, note))) for note in table["note"]]
    first = grouping_columns(table, at_time)
    other = table["unit"] != "uM"
    appended = []
    if other.any():
        for column in _DOSES:
            name = column.removesuffix("_um")
            table[name] = table[column].where(other)
            table[column] = table[column].where(~other)
            appended.append(name)
    drawn = [part for line in lines if (part := _drawn(line, settings.confidence)) is not None]
    curves = pd.concat(drawn, ignore_index=True) if drawn else pd.DataFrame(columns=["plate"])
    grouping_columns(curves, at_time)
    return (
        table[[*first, *DOSE_RESPONSE_COLUMNS, *appended]].reset_index(drop=True),
        curves.reindex(columns=[*first, *CURVE_COLUMNS]),
    )


def _drawn(line: Line, level: float) -> pd.DataFrame | None:
    """Lay out the curve of a line, if it has one."""
    fit: LogisticFit | None = line.get("_fit")
    if fit is None:
        return None
    dose = np.geomspace(fit.dose_range[0], fit.dose_range[1], _CURVE_POINTS)
    low, high = fit.band(dose, level)
    named = {name: line[name] for name in ("plate", "drug", "ratio", "unit")}
    drawn = {"dose": dose, "effect": fit.predict(dose), "low": low, "high": high}
    return pd.DataFrame(named | drawn)


def _subjects(responses: Responses) -> list[tuple[str, tuple[int, ...]]]:
    """Drugs in their order, then combinations with at least one fixed-ratio series."""
    found: list[tuple[str, tuple[int, ...]]] = [
        (drug, (i,)) for i, drug in enumerate(responses.drugs) if (responses.doses[:, i] > 0).any()
    ]
    for columns in combinations_given(responses):
        rows = _exactly(responses, columns)
        if _is_matrix(responses.doses[rows][:, list(columns)]):
            continue  # its diagonals are no series that somebody made
        if fixed_ratios(responses.doses[rows][:, list(columns)]):
            found.append((" + ".join(responses.drugs[i] for i in columns), columns))
    return found


def _is_matrix(doses: FloatArray) -> bool:
    """Whether combinations (n, k) are all those of three or more doses of each drug."""
    sizes = [len(np.unique(column)) for column in doses.T]
    return min(sizes) >= 3 and len(np.unique(doses, axis=0)) == np.prod(sizes)


def _exactly(responses: Responses, columns: tuple[int, ...]) -> BoolArray:
    """Rows that hold these drugs and no other."""
    given = responses.doses > 0
    wanted = np.zeros(given.shape[1], dtype=bool)
    wanted[list(columns)] = True
    return np.asarray((given == wanted).all(axis=1))


class _Series(NamedTuple):
    """Wells of one curve on one plate, their doses (0 of the vehicle), and what all are judged by.

    `plate` are all conditions of the plate.
    """

    dose: FloatArray
    wells: Responses
    plate: Conditions
    settings: ResponseParameters

    @property
    def startless(self) -> bool:
        """Whether nothing but the curve tells where it starts."""
        return self.wells.is_fraction and self.settings.e0 is None and not (self.dose == 0).any()

    @property
    def free(self) -> int:
        """Parameters that are sought."""
        return 2 + (self.settings.e0 is None) + (self.settings.emax is None)


def _lines(
    group: Group,
    name: str,
    columns: tuple[int, ...],
    plate: Conditions,
    settings: ResponseParameters,
) -> list[Line]:
    """Fit one drug, or each fixed-ratio series of a combination, on one plate."""
    part = group.responses
    unit = " + ".join(dict.fromkeys(part.units[i] for i in columns))
    doses = part.doses[:, list(columns)]

    def line(ratio: str, dose: FloatArray, keep: BoolArray) -> Line:
        series = _Series(dose[keep], part.where(keep), plate, settings)
        return _empty(name, unit, "") | {"ratio": ratio} | _fitted(series, ratio)

    if len(columns) == 1:
        if not (doses > 0).any():
            return [_empty(name, unit, "No well of this plate holds the drug alone.")]
        return [line("", doses[:, 0], np.ones(len(doses), dtype=bool))]
    if "+" in unit:
        return [_empty(name, unit, "The drugs have doses in different units: no total dose.")]
    given = np.asarray((doses > 0).all(axis=1))
    found = []
    for rows, parts in fixed_ratios(doses[given]):
        keep = ~given
        keep[np.flatnonzero(given)[rows]] = True
        ratio = ":".join(f"{share / parts[0]:.4g}" for share in parts)
        found.append(line(ratio, doses.sum(axis=1), keep))
    return found


def _empty(name: str, unit: str, note: str) -> Line:
    line: Line = dict.fromkeys(DOSE_RESPONSE_COLUMNS, np.nan)
    texts = dict.fromkeys((c for c in DOSE_RESPONSE_COLUMNS if c.endswith("qualifier")), "")
    texts["pattern"] = ""
    return line | texts | {
        "drug": name, "n": 0, "n_doses": 0, "ratio": "", "unit": unit,
        "interval": "within_plate", "note": note,
    }  # fmt: skip


def _fitted(series: _Series, ratio: str) -> Line:
    """Fit one curve and the median effect line; `_fit` is the curve, where one is shown."""
    dose, wells, _, settings = series
    effect = wells.effect
    line: Line = {"n": len(effect), "n_doses": len(np.unique(dose[dose > 0]))}
    notes = [f"Doses are total doses in the ratio {ratio}."] * bool(ratio)
    if wells.is_fraction:
        line |= _median_effect(series, notes)
    levels = len(np.unique(dose))
    if levels < series.free - series.startless:
        notes.append(
            f"{levels} doses (with the vehicle) are too few for a curve with {series.free} free "
            "parameters; test more doses or fix e0 or emax."
        )
        reached = _reached(series) if (dose > 0).any() else {}
        return line | reached | {"note": " ".join(notes)}
    fit = _fit(series, notes)
    line |= {"flat_p": fit.flat_p, "trend_p": trend_p(dose, effect, series.plate.noise)}
    if fit.flat_p >= settings.flat_p:
        return line | _without_curve(series, fit.flat_p, line["trend_p"], notes)
    reference = 0.0
    if wells.is_fraction:
        vehicle, model = effect[dose == 0], series.plate.variance_model
        reference = reference_weight(vehicle, wells.reference, model, fit.noise.variance)
        if reference and len(vehicle) == 1:
            notes.append(
                "Effects were normalised to one vehicle well: its error counts in the absolute "
                "IC50."
            )
    line |= _figures(fit, series, reference, notes)
    line |= {"pattern": "curve", "note": " ".join(notes), "_fit": fit}
    # A curve that does not fit does not say where the wells are.
    return line | {"pattern": "misfit"} | _reached(series) if _misfits(fit, series) else line


def _without_curve(series: _Series, flat_p: float, trend: float, notes: list[str]) -> Line:
    """Say of wells that a constant explains as well whether they rise, and how far they get."""
    rises = trend < series.settings.flat_p
    because = (
        f"a constant explains the wells as well (F test, p = {flat_p:.2g}), so there is no EC50."
    )
    notes.append(
        f"The effect changes with the dose (trend, p = {trend:.2g}), but no curve is shown: "
        f"{because}"
        if rises
        else f"No dose response: {because}"
    )
    return _reached(series) | {
        "e0": float(np.mean(series.wells.effect)), "pattern": "trend" if rises else "none",
        "note": " ".join(notes),
    }  # fmt: skip


def _reached(series: _Series) -> Line:
    """Effect at the highest dose of wells that follow no curve, by Student's t."""
    dose, wells, plate, settings = series
    top = wells.effect[dose == dose.max()]
    reached, half = float(np.mean(top)), float("nan")
    if plate.noise.df > 0:
        error = plate.noise.variance * float(plate.variance_model.relative(reached)) / len(top)
        half = float(stdtrit(plate.noise.df, 0.5 + settings.confidence / 2)) * error**0.5
    bounds = _reach("effect_at_top", reached, reached - half, reached + half, wells.kind)
    return bounds | {"effect_at_top": reached}


def _misfits(fit: LogisticFit, series: _Series) -> bool:
    """Whether means depart from the curve by more than replicates do, and by as much as counts."""
    if not fit.lack_of_fit_p < MISFIT_P:
        return False
    dose, means = fit.problem.dose, fit.problem.response
    off = float(np.abs(means - fit.predict(dose)).max())
    span = 1.0 if series.wells.is_fraction else abs(fit.emax - fit.e0)
    return off >= series.settings.min_excess * span


def _fit(series: _Series, notes: list[str]) -> LogisticFit:
    """Fit with free asymptotes as far as the wells determine them."""
    dose, wells, plate, settings = series
    e0, emax, level = settings.e0, settings.emax, settings.confidence
    lowest, highest = float(dose[dose > 0].min()), float(dose.max())
    if series.startless and len(np.unique(dose)) == series.free - 1:
        e0 = 0.0
    fitted = functools.partial(
        fit_logistic, dose, wells.effect, emax=emax, variance_model=plate.variance_model,
        cut_off=(0.0, 1.0) if wells.is_fraction else None,
    )  # fmt: skip
    fit = fitted(e0=e0)
    if series.startless and e0 is None and not fit.profile_interval(0.5, level)[0] >= lowest:
        e0 = 0.0
        fit = fitted(e0=e0)
    if series.startless and e0 == 0:
        notes.append("No vehicle: the curve starts at 0, since the wells leave its start open.")
    held = wells.is_fraction and emax is None and fit.emax > 1
    if held and not fit.profile_interval(0.5, level)[1] <= highest:
        fit = fitted(e0=e0, emax_bounds=(-np.inf, 1.0))
        notes.append("The curve ends at 1, since the wells leave its end open.")
    return fit


def _median_effect(series: _Series, notes: list[str]) -> Line:
    settings = series.settings
    limits = settings.fa_low, settings.fa_high
    fitted = fit_median_effect(series.dose, series.wells.effect, limits)
    if fitted is None:
        notes.append(
            "No median effect line: the effect does not depend on the dose, or fewer than two "
            "doses have one within the limits."
        )
        return {}
    notes += median_effect_notes(fitted, settings)
    return {
        "median_effect_dm_um": fitted.dm,
        "median_effect_m": fitted.m,
        "median_effect_r": fitted.r,
    }


def median_effect_notes(line: MedianEffect, settings: ResponseParameters) -> list[str]:
    """Say what has to be said about a median effect line, in finished sentences."""
    messages = []
    if line.n_left_out:
        messages.append(
            f"{plural(line.n_left_out, 'dose')} with a mean effect outside "
            f"({settings.fa_low:g}, {settings.fa_high:g}) "
            f"{'is' if line.n_left_out == 1 else 'are'} not on the median effect line."
        )
    if line.n_extreme:
        messages.append(
            f"{plural(line.n_extreme, 'dose')} on the median effect line "
            f"{'has' if line.n_extreme == 1 else 'have'} an effect beyond "
            "(0.01, 0.99), where a small error moves it far."
        )
    if line.m <= 0:
        messages.append("The effect falls with the dose: the median effect line has no meaning.")
    elif line.r < settings.min_r:
        messages.append(
            f"The median effect line fits badly (r = {line.r:.2f}, below {settings.min_r:g})."
        )
    return messages


def _figures(fit: LogisticFit, series: _Series, reference: float, notes: list[str]) -> Line:
    """Doses of effect with their qualifiers, and goodness of fit."""
    settings, (lowest, highest) = series.settings, fit.dose_range
    target = HALF_EFFECT if series.wells.is_fraction else HALF_OF_VEHICLE
    absolute = absolute_ic50(fit, target)
    line: Line = {
        "hill": fit.hill, "emax": fit.emax, "e0": fit.e0, "rmse": fit.sigma, "r2": fit.r2,
        "lack_of_fit_p": fit.lack_of_fit_p, "effect_at_top": float(fit.predict([highest])[0]),
    }  # fmt: skip
    steeper = "steeper, a step anywhere between two tested doses"
    for limit, words in zip(LOG_HILL_BOUNDS, ("shallower", steeper), strict=True):
        if abs(np.log(fit.hill) - limit) < 1e-6:
            notes.append(f"The slope is held at its limit of {fit.hill:.3g}: it may be {words}.")
    values = {f"ec{share}": fit.effective_dose(share / 100) for share in (10, 50, 90)}
    if not np.isnan(absolute):
        values["ic50_abs"] = absolute
    if np.isinf(absolute) and series.wells.is_fraction:
        notes.append("The fitted curve stays below a fraction affected of 0.5 at any dose.")
    beyond = []
    for name, dose in values.items():
        sign = ">" if dose > highest * (1 + 1e-9) else "<" if dose < lowest * (1 - 1e-9) else ""
        line[f"{name}_um"] = {"": dose, ">": highest, "<": lowest}[sign]
        line[f"{name}_qualifier"] = sign
        if sign:
            end = "highest" if sign == ">" else "lowest"
            figure = name.removesuffix("_abs").upper() + " (absolute)" * name.endswith("_abs")
            beyond.append(f"{figure} {sign} {end} dose")
    if beyond:
        notes.append("Not extrapolated: " + ", ".join(beyond) + ".")
    low, high = fit.profile_interval(0.5, settings.confidence)
    bounds = {"ec50_low_um": low, "ec50_high_um": high}
    bounds["ec50_wald_low_um"], bounds["ec50_wald_high_um"] = fit.wald_interval(
        0.5, settings.confidence
    )
    if "ic50_abs_um" in line and not line["ic50_abs_qualifier"]:
        bounds["ic50_abs_low_um"], bounds["ic50_abs_high_um"] = absolute_ic50_interval(
            fit, target, settings.confidence, reference
        )
    lower, upper = reach_intervals(fit, settings.confidence, settings.resamples // 4, reference)
    for place, name in enumerate(("effect_at_top", "emax")[: 1 + (settings.emax is None)]):
        line["_open"] = bool(np.isinf([lower[place], upper[place]]).any())
        bounds |= _reach(name, line[name], lower[place], upper[place], series.wells.kind)
    notes += [_OPEN] * line["_open"]
    line |= {name: value if np.isfinite(value) else np.nan for name, value in bounds.items()}
    for name, called in (("ec50", "EC50"), ("ic50_abs", "absolute IC50")):
        if np.isinf(bounds.get(f"{name}_high_um", 0.0)):
            notes.append(f"The {called} has no upper bound.")
        if bounds.get(f"{name}_low_um", 1.0) == 0:
            notes.append(f"The {called} has no lower bound above 0.")
            line[f"{name}_low_um"] = np.nan
    if fit.lack_of_fit_p < MISFIT_P:
        notes.append("The wells depart from the curve by more than replicates do from each other.")
    if fit.df < 1:
        notes.append(
            f"As many parameters as responses ({fit.n}): the curve is no test, no interval."
        )
    return line


def _reach(name: str, value: float, low: float, high: float, kind: str) -> Line:
    """Bounds of an effect; of a fraction no more than all can be affected."""
    return {
        f"{name}_low": low,
        f"{name}_high": high if kind == "raw" else min(high, max(1.0, value)),
    }


def _together(lines: list[Line], level: float, kind: str) -> Line:
    """Put plates together for one drug: means over plates, t interval between them."""
    blocks = np.array([line["_block"] for line in lines])
    first = lines[0]
    result = _empty(first["drug"], first["unit"], "") | {
        "plate": ALL_PLATES,
        "_block": ALL_PLATES,
        "n": sum(line["n"] for line in lines),
        "n_doses": max(line["n_doses"] for line in lines),
        "ratio": first["ratio"],
        "interval": "biological",
    }
    notes = [f"Mean of {len(lines)} plates; the interval is between biological replicates."]
    for name in ("ec10", "ec50", "ec90", "ic50_abs", "median_effect_dm"):
        signs = {line.get(f"{name}_qualifier", "") for line in lines}
        values = np.array([line[f"{name}_um"] for line in lines], dtype=np.float64)
        if signs - {""}:
            notes.append(f"{name.upper()} lies beyond the tested doses on some plates: no mean.")
            continue
        mean, low, high = over_plates(values, blocks, level, log=True)
        result[f"{name}_um"] = mean
        if name in ("ec50", "ic50_abs"):
            result[f"{name}_low_um"], result[f"{name}_high_um"] = low, high
    # A plate without a dose response has the mean of all its wells in `e0`: no start of a curve.
    fitted = np.array([np.isfinite(line["hill"]) for line in lines])
    patterns = [line["pattern"] for line in lines]
    result["pattern"] = max(PATTERNS, key=patterns.count) if any(patterns) else ""
    for name in ("hill", "emax", "e0", "effect_at_top", "median_effect_m"):
        values = np.array([line[name] for line in lines], dtype=np.float64)
        of_curve = name in ("hill", "emax", "e0") and fitted.any()
        values = np.where(fitted, values, np.nan) if of_curve else values
        result[name], low, high = over_plates(values, blocks, level, log=name == "hill")
        if name in ("emax", "effect_at_top"):
            result |= _reach(name, result[name], low, high, kind)
    low, high, plateau = result["emax_low"], result["emax_high"], result["emax"]
    if any(line.get("_open") for line in lines):
        low, high = -np.inf, np.inf  # plateaus that no wells hold have no mean
        notes.append(_OPEN)
    # They lie at least as far as the effect got.
    if plateau < result["e0"]:
        high = min(high, max(result["effect_at_top_high"], plateau))
    else:
        low = max(low, min(result["effect_at_top_low"], plateau))
    bounds = _reach("emax", plateau, low, high, kind)
    result |= {name: value if np.isfinite(value) else np.nan for name, value in bounds.items()}
    return result | {"note": " ".join(notes)}
