"""Kinetics by condition: over wells or biological replicates, never over frames."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from spheroid_qc.response.comparisons import compare_with_vehicle
from spheroid_qc.response.replicates import biological_replicate, require_columns
from spheroid_qc.response.summary import mean_interval

SUMMARISED = ("growth_rate_per_h", "mean_relative_volume", "mean_disintegration_fraction")
"""Figures of a well that are averaged; the doubling time is taken from the mean rate."""

_DELAY = "time_to_multiple_h"


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
    lines = []
    for (condition, role), rows in table.groupby(["condition", "role"], sort=True):
        n_biological = rows["_replicate"].nunique()
        line: dict[str, object] = {"condition": condition, "role": role, "n_wells": len(rows)}
        line |= {"n_plates": rows["plate"].nunique(), "n_biological": n_biological}
        line["unit"] = "biological_replicate" if n_biological > 1 else "well"
        for name in SUMMARISED:
            values = rows[name].astype(float)
            if n_biological > 1:
                values = values.groupby(rows["_replicate"]).mean()
            known = values.dropna()
            low, high = mean_interval(known, level)
            line |= {f"{name}_n": len(known), f"{name}_mean": known.mean()}
            line |= {f"{name}_ci_low": low, f"{name}_ci_high": high}
        line |= _doubling(*(float(str(line[f"growth_rate_per_h_{part}"]))
                            for part in ("mean", "ci_low", "ci_high")))  # fmt: skip
        line["n_not_reached"] = int(censored.loc[rows.index].sum())
        line |= _delay(condition, role, rows, table, censored, delays)
        lines.append(line)
    return pd.DataFrame(lines)


def _doubling(rate: float, low: float, high: float) -> dict[str, float]:
    """Doubling time of a rate, with the bounds turned over; empty without growth."""

    def time(value: float) -> float:
        return math.log(2) / value if value > 0 else float("nan")

    return {
        "doubling_time_h": time(rate),
        "doubling_time_low_h": time(high) if rate > 0 else float("nan"),
        "doubling_time_high_h": time(low) if rate > 0 else float("nan"),
    }


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
    named = str(found["reference"].iloc[0]).split(" / ")
    vehicle = (table["role"] == "vehicle") & table["condition"].isin(named)
    if censored[vehicle].any() or censored.loc[rows.index].any():
        return nothing | {"note": "Not all wells reached the multiple: no mean growth delay."}
    values = found[["difference", "difference_low", "difference_high"]].iloc[0].astype(float)
    return dict(zip(nothing, values.tolist(), strict=True)) | {"note": str(found["note"].iloc[0])}
