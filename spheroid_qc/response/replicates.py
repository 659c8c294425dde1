"""What every table of responses shares: its columns, its units of analysis, its references.

The unit is the well on one plate and the biological replicate where there are several; the
reference of a well are the vehicle wells of its strata and vehicle group.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from spheroid_qc.errors import RequestError

LEFT_OUT = ("unscorable", "never_formed", "vanished")
"""States of wells that enter no mean and no test."""

CARRIED = (
    "biological_replicate",
    "reference_group",
    "vehicle_group",
    "cell_line",
    "passage",
    "stratum",
)
"""Columns that a table of wells must keep for its units and references to be found again."""

_STRATA = ("vehicle_group", "cell_line", "passage", "stratum")


def require_columns(table: pd.DataFrame, names: Sequence[str], purpose: str) -> None:
    """Refuse a table that lacks a column.

    `purpose` is what is to be computed, as the subject of a sentence (`"Growth rates"`); the
    `RequestError` names the columns that are missing and those that are there.
    """
    missing = [name for name in names if name not in table]
    if missing:
        there = ", ".join(str(name) for name in table.columns[:12]) or "none"
        raise RequestError(
            f"{purpose} can't be computed: the table has no column {', '.join(missing)} "
            f"(its columns: {there}); add what is missing or name it so."
        )


def in_fixed_order(table: pd.DataFrame) -> pd.DataFrame:
    """Sort rows so that sums come out the same to the last digit however they arrived.

    Parameters
    ----------
    table : DataFrame
        With `plate` and `well`, optionally `time_h`.

    Returns
    -------
    DataFrame
        Sorted by plate, well and time with a fresh index.
    """
    keys = [name for name in ("plate", "well", "time_h", "time_since_dose_h") if name in table]
    return table.sort_values(keys, kind="stable").reset_index(drop=True)


def as_text(column: pd.Series) -> pd.Series:
    """Values as text, numbers without `.0`, missing as empty."""
    if pd.api.types.is_numeric_dtype(column):
        return column.map(lambda v: "" if pd.isna(v) else f"{v:g}").astype(str)
    return column.astype("string").fillna("").str.strip().astype(str)


def biological_replicate(table: pd.DataFrame) -> pd.Series:
    """Biological replicate of every row: as stated, else the plate."""
    plate = as_text(table["plate"])
    if "biological_replicate" not in table:
        return plate
    stated = as_text(table["biological_replicate"])
    return stated.where(stated != "", plate)


def reference_key(table: pd.DataFrame) -> pd.Series:
    """Name what a well shares with its vehicle wells, the plate aside.

    Parameters
    ----------
    table : DataFrame
        Optionally with `reference_group`, which settles it. Without that, wells that agree in
        `vehicle_group`, `cell_line`, `passage` and `stratum` share a reference.

    Returns
    -------
    Series of str
        One key a row.
    """
    if "reference_group" in table:
        return as_text(table["reference_group"])
    nothing = pd.Series("", index=table.index, dtype=str)
    parts = [as_text(table[name]) if name in table else nothing for name in _STRATA]
    return pd.Series(
        ["\x1f".join(values) for values in zip(*parts, strict=True)], index=table.index, dtype=str
    )


def stratum_of(table: pd.DataFrame) -> pd.Series:
    """Stratum of every row as text; empty where the table names none."""
    if "stratum" not in table:
        return pd.Series("", index=table.index, dtype=str)
    return as_text(table["stratum"])


def shared_stratum(table: pd.DataFrame) -> str:
    """Name the stratum that all rows share, which need not be said with each; else empty."""
    found = stratum_of(table).unique()
    return str(found[0]) if len(found) == 1 else ""


def reference_label(key: str) -> str:
    """Write a key of `reference_key` for people; empty where there is nothing to tell apart."""
    return " ".join(dict.fromkeys(part for part in key.split("\x1f") if part))


def usable(table: pd.DataFrame) -> pd.Series:
    """Rows whose state lets them count (all rows where there is no column `state`)."""
    if "state" not in table:
        return pd.Series(True, index=table.index)
    return ~table["state"].isin(LEFT_OUT)


def is_time_zero(table: pd.DataFrame) -> pd.Series:
    """Rows at time zero: column `is_t0` (true/false or 1/0, empty is no), else the first time."""
    if "is_t0" in table:
        stated = table["is_t0"].astype("string").str.strip().str.lower()
        return stated.isin(["true", "1", "1.0", "yes"]).astype(bool)
    if "time_h" not in table:
        return pd.Series(False, index=table.index)
    return table["time_h"] == table["time_h"].groupby(table["plate"]).transform("min")


def since_dose(table: pd.DataFrame) -> pd.Series:
    """Time since dose in hours; `time_h` where the table doesn't tell when the dose was given."""
    name = "time_since_dose_h" if "time_since_dose_h" in table else "time_h"
    require_columns(table, [name], "Kinetics")
    return pd.to_numeric(table[name], errors="coerce").astype(float)


def last_common_time(table: pd.DataFrame) -> float | None:
    """Last time that all plates have: the earliest of the plates' last times.

    Parameters
    ----------
    table : DataFrame
        With `plate`, optionally `time_h`.

    Returns
    -------
    float or None
        Hours; None where the table has no times.
    """
    if "time_h" not in table or table["time_h"].isna().all():
        return None
    return float(table["time_h"].groupby(table["plate"]).max().min())


def at_time(table: pd.DataFrame, time_h: float | None) -> pd.DataFrame:
    """Rows at one time, one frame a well.

    Plates are not imaged at the same minute: each gives the frames of its time nearest to the
    one asked for, if that is no farther than half its shortest interval.

    Parameters
    ----------
    table : DataFrame
        With `plate`, `well`, optionally `time_h`.
    time_h : float or None
        Hours; None takes `last_common_time`.

    Returns
    -------
    DataFrame
        A part of the table, in fixed order. Without times: the whole table.

    Raises
    ------
    RequestError
        If no plate has that time.
    """
    ordered = in_fixed_order(table)
    wanted = last_common_time(ordered) if time_h is None else float(time_h)
    if "time_h" not in ordered or wanted is None:
        return ordered
    kept: list[pd.DataFrame] = []
    for _, rows in ordered.groupby("plate", sort=True):
        times = np.unique(rows["time_h"].dropna().to_numpy(dtype=float))
        if times.size == 0:
            continue
        reach = 0.5 * float(np.diff(times).min()) if times.size > 1 else 0.5
        nearest = times[np.argmin(np.abs(times - wanted))]
        if abs(nearest - wanted) <= reach + 1e-9:
            kept.append(rows[rows["time_h"] == nearest])
    if not kept:
        raise RequestError(
            f"No plate was imaged at {wanted:g} h; choose a time between "
            f"{ordered['time_h'].min():g} and {ordered['time_h'].max():g} h."
        )
    found: pd.DataFrame = pd.concat(kept)
    return found.reset_index(drop=True)
