"""How a spheroid grows, stalls and falls apart: rate, doubling time, delay, area under the curve.

One row per well first; the frames of a well are not independent, so that conditions are
summarised over wells (or biological replicates), never over frames.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from spheroid_qc.errors import RequestError
from spheroid_qc.response.arrays import FloatArray
from spheroid_qc.response.comparisons.comparison_table import compare_with_vehicle
from spheroid_qc.response.condition_summary import figures_of_units
from spheroid_qc.response.growth.growth_rate import area_under_curve, growth_rate, time_to_multiple
from spheroid_qc.response.replicates import (
    CARRIED,
    biological_replicate,
    in_fixed_order,
    is_time_zero,
    reference_key,
    require_columns,
    since_dose,
    usable,
)

COLUMNS = (
    "plate", "well", "condition", "role", "size_measure", "n_times", "from_h", "to_h",
    "growth_rate_per_h", "growth_rate_low", "growth_rate_high", "residual_autocorrelation",
    "doubling_time_h", "doubling_time_low_h", "doubling_time_high_h", "multiple",
    "time_to_multiple_h", "watched_until_h", "reference_time_to_multiple_h", "growth_delay_h",
    "growth_delay_at_least_h", "mean_relative_volume", "mean_disintegration_fraction",
    "auc_from_h", "auc_to_h", "note",
)  # fmt: skip

SUMMARISED = ("growth_rate_per_h", "mean_relative_volume", "mean_disintegration_fraction")
"""Figures of a well that are averaged; the doubling time is taken from the mean rate."""

_DELAY = "time_to_multiple_h"
_NAN = float("nan")


def summarise_kinetics(kinetics: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Summarise the kinetics of wells by condition.

    Parameters
    ----------
    kinetics : DataFrame
        From `kinetics.well_kinetics`.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        One row per condition, sorted: `condition, role, n_wells, n_plates, n_biological, unit`
        (`well`, or `biological_replicate` where there are several: wells are averaged within
        it), for each of `SUMMARISED` `_n, _mean, _ci_low, _ci_high`; `doubling_time_h` with its
        bounds; `n_not_reached` (wells that never came to the multiple) and `growth_delay_h` with
        its bounds: the difference of the mean times to the multiple against the vehicle, with
        the spread of both (Welch's interval; over replicates the paired one). The delay is empty
        as soon as one well of either did not reach the multiple, for the mean of the others
        would be too early; `note` says so.

    Raises
    ------
    RequestError
        If a column is missing.
    """
    require_columns(
        kinetics, ["plate", "well", "condition", "role", *SUMMARISED, _DELAY], "Kinetics"
    )
    table = kinetics.assign(_replicate=biological_replicate(kinetics))
    table = table.sort_values(["plate", "well"], kind="stable")
    censored = table[_DELAY].isna() & (table["n_times"].fillna(0) > 0)
    delays = compare_with_vehicle(table, [_DELAY], level=level).set_index(["condition", "role"])
    groups = table.groupby(["condition", "role"], sort=True)
    numbers, values = pd.RangeIndex(len(groups)), table[[*SUMMARISED]]
    figures = figures_of_units(values, groups.ngroup(), table["_replicate"], numbers, level)
    lines = []
    for number, ((condition, role), rows) in enumerate(groups):
        n_biological = rows["_replicate"].nunique()
        line: dict[str, object] = {"condition": condition, "role": role, "n_wells": len(rows)}
        line |= {"n_plates": rows["plate"].nunique(), "n_biological": n_biological}
        line["unit"] = "biological_replicate" if n_biological > 1 else "well"
        for name in SUMMARISED:
            for part in ("n", "mean", "ci_low", "ci_high"):
                line[f"{name}_{part}"] = figures[part].loc[number, name]
        line |= _doubling_time(*(float(str(line[f"growth_rate_per_h_{part}"]))
                            for part in ("mean", "ci_low", "ci_high")))  # fmt: skip
        line["n_not_reached"] = int(censored.loc[rows.index].sum())
        line |= _delay(condition, role, rows, table, censored, delays)
        lines.append(line)
    return pd.DataFrame(lines)


def _doubling_time(rate: float, low: float, high: float) -> dict[str, float]:
    """Doubling time of a rate, with the bounds turned over; empty without growth."""
    times = [math.log(2) / value if rate > 0 and value > 0 else _NAN for value in (rate, high, low)]
    return dict(
        zip(("doubling_time_h", "doubling_time_low_h", "doubling_time_high_h"), times, strict=True)
    )


def _delay(
    condition: object,
    role: object,
    rows: pd.DataFrame,
    table: pd.DataFrame,
    censored: pd.Series,
    delays: pd.DataFrame,
) -> dict[str, object]:
    nothing: dict[str, object] = {
        "growth_delay_h": np.nan, "growth_delay_low_h": np.nan, "growth_delay_high_h": np.nan,
    }  # fmt: skip
    if role == "vehicle":
        return nothing | {"note": ""}
    found = delays.loc[[(condition, role)]] if (condition, role) in delays.index else None
    if found is None or len(found) != 1:
        return nothing | {"note": "No one vehicle to compare the growth with."}
    key = reference_key(table)
    vehicle = (table["role"] == "vehicle") & key.isin(key[rows.index])
    if censored[vehicle].any() or censored.loc[rows.index].any():
        return nothing | {"note": "Not all wells reached the multiple: no mean growth delay."}
    values = found[["difference", "difference_low", "difference_high"]].iloc[0].astype(float)
    return dict(zip(nothing, values.tolist(), strict=True)) | {"note": str(found["note"].iloc[0])}


def well_kinetics(wells: pd.DataFrame, multiple: float = 2.0, level: float = 0.95) -> pd.DataFrame:
    """Kinetics of every well on time since dose.

    Parameters
    ----------
    wells : DataFrame
        One row per well and time: `plate, well, condition, role`, `time_since_dose_h` (else
        `time_h`), a volume (`volume_um3`) or a core area (`core_area_um2`, `core_area_px`), and
        if there `state`, `is_t0`, `disintegration_fraction`. Series begin at time zero (else at
        the first frame at or after the dose); frames that are unscorable, never formed or
        vanished are passed over.
    multiple : float
        Multiple of the volume at time zero for growth delay.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, then the replicate and strata columns of the table, one row per well,
        sorted by plate and well: ready for `comparisons.compare_with_vehicle`. `size_measure`
        says what stood for volume: rates, delays and relative volumes don't depend on its unit.
        `growth_delay_h` is the time to the multiple minus the median of the plate's reference
        wells; empty if it is not reached, then `growth_delay_at_least_h` holds what is known.
        `mean_relative_volume` and `mean_disintegration_fraction` are areas under the curve of
        volume over volume at time zero, and of DF (a `lost` frame counts as 1, for nothing is
        left whole), divided by the duration. Growth rates and areas end at the last time that
        all plates have, and areas are given only for wells that are watched that long, so that
        all stand for one window. What can't be computed is empty; `note` says why.

    Raises
    ------
    RequestError
        If a column is missing, no size is there, or a well has two rows at one time.
    """
    require_columns(wells, ["plate", "well", "condition", "role"], "Kinetics")
    table = in_fixed_order(wells)
    table = table.assign(
        _t=since_dose(table), _of=reference_key(table), _ok=usable(table), _whole=_fraction(table),
        _zero=is_time_zero(table) & ("is_t0" in table),
    )  # fmt: skip
    table = table[table["_t"].notna() & (table["role"] != "unmapped")]
    if table.duplicated(["plate", "well", "_t"]).any():
        raise RequestError("Kinetics need one row a well and time; some wells have more.")
    end = float(table["_t"].groupby(table["plate"]).max().min())
    lines: list[dict[str, object]] = []
    for _, plate_rows in table.groupby("plate", sort=True):
        volume, measure = volume_of_plate(plate_rows)
        known = plate_rows.assign(_v=volume)
        for _, rows in known.groupby("well", sort=True):
            lines.append(_of_well(rows, measure, multiple, end, level))
    carried = [name for name in CARRIED if name in table]
    return _with_delay(pd.DataFrame(lines, columns=[*COLUMNS, *carried, "_of"]))


def volume_of_plate(rows: pd.DataFrame) -> tuple[pd.Series, str]:
    """Find the volume, or what is proportional to it, in one unit for the whole plate.

    Rows of one plate have any of `volume_um3, core_area_um2, core_area_px`; gives the values and
    the first measure that no measured frame lacks.
    """
    for name, power in (("volume_um3", 1.0), ("core_area_um2", 1.5), ("core_area_px", 1.5)):
        if name not in rows:
            continue
        values = pd.to_numeric(rows[name], errors="coerce").astype(float)
        pixels = rows["core_area_px"].notna() if "core_area_px" in rows else values.notna()
        if values.notna().any() and (name == "core_area_px" or not (values.isna() & pixels).any()):
            return values.pow(power), name if power == 1.0 else f"{name}^1.5"
    return pd.Series(np.nan, index=rows.index), ""


def _of_well(
    rows: pd.DataFrame, measure: str, multiple: float, end: float, level: float
) -> dict[str, object]:
    first = rows.iloc[0]
    names = ("plate", "well", "condition", "role", "_of", *CARRIED)
    line: dict[str, object] = {name: first[name] for name in names if name in rows}
    line |= {"size_measure": measure, "multiple": multiple}
    messages: list[str] = []
    series = rows[rows["_ok"]]
    since = series["_t"][series["_zero"]].min()
    series = series[series["_t"] >= (0.0 if np.isnan(since) else since) - 1e-9]
    if not len(series):
        return line | {"n_times": 0, "note": "No frame of this well can be used after time zero."}
    t, v = series["_t"].to_numpy(dtype=float), series["_v"].to_numpy(dtype=float)
    inside = t <= end + 1e-9
    fit = growth_rate(t[inside], v[inside], level)
    line |= {
        "n_times": int(fit["n"]),
        "from_h": float(t.min()),
        "to_h": float(t[inside].max()) if inside.any() else _NAN,
        "growth_rate_per_h": fit["rate"],
        "growth_rate_low": fit["low"],
        "growth_rate_high": fit["high"],
        "residual_autocorrelation": fit["autocorrelation"],
    }
    line |= _doubling_time(fit["rate"], fit["low"], fit["high"])
    messages += _growth_notes(fit["rate"], fit["low"])
    gone = int((inside & ~(v > 0)).sum())
    if gone:
        messages.append(f"{gone} frame(s) without a core are not in the growth rate.")
    reached = time_to_multiple(t, v, multiple) if v.size and v[0] > 0 else _NAN
    line |= {"time_to_multiple_h": reached, "watched_until_h": float(t.max() - t.min())}
    relative = v / v[0] if v[0] > 0 else np.full(v.size, _NAN)
    mean, start, stop = area_under_curve(t, relative, end)
    line |= {"mean_relative_volume": mean, "auc_from_h": start, "auc_to_h": stop}
    line["mean_disintegration_fraction"] = area_under_curve(t, series["_whole"], end)[0]
    if math.isnan(mean):
        messages.append(_why_no_area(t, v, end))
    line["note"] = " ".join(messages)
    return line


def _why_no_area(t: FloatArray, v: FloatArray, end: float) -> str:
    if not v[0] > 0:
        return "No size at time zero: no growth delay and no relative volume."
    if t.size < 2:
        return "One time only: nothing over time can be computed."
    return f"Watched to {t.max():g} h only, not to {end:g} h: no areas." if end else ""


def _fraction(table: pd.DataFrame) -> pd.Series:
    """Disintegration fraction of every frame; 1 of a `lost` one, for nothing is left whole."""
    if "disintegration_fraction" not in table:
        return pd.Series(np.nan, index=table.index)
    fraction = pd.to_numeric(table["disintegration_fraction"], errors="coerce").astype(float)
    lost = table["state"] == "lost" if "state" in table else False
    return fraction.mask(fraction.isna() & lost, 1.0)


def _growth_notes(rate: float, low: float) -> list[str]:
    """Say why there is no growth rate or doubling time, or no upper bound of it."""
    if math.isnan(rate):
        return ["Fewer than two sizes: no growth rate."]
    if rate <= 0:
        return ["Doesn't grow: no doubling time."]
    if low <= 0:
        return ["Growth can't be told from none: the doubling time has no upper bound."]
    return []


def _with_delay(table: pd.DataFrame) -> pd.DataFrame:
    """Growth delay against the median of the plate's reference wells."""
    reached, watched = (table[f"{name}_h"].astype(float)
                        for name in ("time_to_multiple", "watched_until"))  # fmt: skip
    # An infinite time is a well that was watched and did not reach it: it counts in a median.
    of_vehicle = reached.where(table["role"] == "vehicle")
    reference = of_vehicle.groupby([table["plate"], table["_of"]]).transform("median")
    notes = table["note"].fillna("").tolist()
    for i, (time, middle) in enumerate(zip(reached, reference, strict=True)):
        if math.isnan(time):
            continue
        if math.isnan(middle):
            notes[i] += " No reference well for a growth delay."
        elif math.isinf(middle):
            notes[i] += " Half of the reference wells never reach the multiple: no growth delay."
        if math.isinf(time):
            notes[i] += f" Time to the multiple > {watched.iloc[i]:g} h."
    finite, known = (column.where(np.isfinite(column)) for column in (reference, reached))
    result = table.assign(
        time_to_multiple_h=known,
        reference_time_to_multiple_h=finite,
        growth_delay_h=known - finite,
        growth_delay_at_least_h=watched.where(np.isinf(reached)) - finite,
        note=[note.strip() for note in notes],
    )
    numeric = [c for c in COLUMNS if c.endswith(("_h", "_low", "_high", "_per_h"))]
    numeric += ["mean_relative_volume", "mean_disintegration_fraction", "residual_autocorrelation"]
    result[numeric] = result[numeric].astype(float)
    return result.drop(columns="_of")
