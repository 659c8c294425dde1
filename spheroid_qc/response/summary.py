"""One line per condition and time: how many wells, how large, how far fallen apart, how sure.

The unit is the well on one plate, and the biological replicate where there are several: then
wells are averaged within a replicate first, and the interval is taken over replicates. Frames
that are unscorable, never formed or vanished enter no mean; they are counted.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from spheroid_qc.follow import STATES
from spheroid_qc.response.assay_quality import mad
from spheroid_qc.response.replicates import LEFT_OUT, biological_replicate, in_fixed_order

__all__ = ["DOSES", "SUMMARISED", "mean_interval", "summarise_conditions"]

SUMMARISED = (
    "core_area_um2",
    "core_area_px",
    "total_area_um2",
    "equivalent_diameter_um",
    "volume_um3",
    "circularity",
    "solidity",
    "disintegration_fraction",
    "disintegration_index",
    "core_volume_loss_vs_t0",
    "core_volume_loss_vs_vehicle",
    "df_excess_vs_t0",
    "df_excess_vs_vehicle",
)
_KEYS = ("condition", "role", "time_h")
DOSES = tuple(
    name.format(n) for n in (1, 2, 3) for name in ("drug_{}", "dose_{}_um", "dose_{}", "unit_{}")
)
_PARTS = ("n", "mean", "sd", "median", "mad", "ci_low", "ci_high")
_SAME_TIME = 0.25  # of the shortest interval between two frames of one plate
_SAME_TIME_H = 1.0
_ROLES = ("vehicle", "positive_control", "blank", "treated", "unmapped")


def mean_interval(values: pd.Series, level: float = 0.95) -> tuple[float, float]:
    """Interval of a mean by Student's t.

    Parameters
    ----------
    values : Series of float
        One value per independent unit; NaN are left out.
    level : float
        Confidence level.

    Returns
    -------
    tuple of float
        Lower and upper bound; NaN for fewer than two values.
    """
    known = values.dropna()
    if len(known) < 2:
        return float("nan"), float("nan")
    half = stdtrit(len(known) - 1, 0.5 + level / 2) * known.std(ddof=1) / len(known) ** 0.5
    centre = known.mean()
    return float(centre - half), float(centre + half)


def summarise_conditions(wells: pd.DataFrame, extra: tuple[str, ...] = ()) -> pd.DataFrame:
    """Summarise wells by condition and time.

    Parameters
    ----------
    wells : DataFrame
        One row per well and time: `plate, well, time_h, condition, role, state`, the doses and
        the measured columns of `SUMMARISED`; optionally `biological_replicate` (default: the
        plate).
    extra : tuple of str
        Further numeric columns to summarise in the same way.

    Returns
    -------
    DataFrame
        One row per condition and time; controls first, then drugs alone, then combinations.
        Counts (`n_wells` scorable wells, `n_plates`, `n_biological`, wells by state, `left_out`
        naming the wells that enter no mean), `interval` (`within_plate`: all wells stand on one
        plate; `within_replicate`: on several plates of one biological replicate; `biological`:
        over biological replicates on several plates) and for each metric `_n` (units behind the
        mean), `_mean`, `_sd`, `_median`, `_mad` (median absolute deviation from the median,
        unscaled), `_ci_low`, `_ci_high` (95 %). A condition's time is the
        earliest of its plates' where they were imaged minutes apart.
    """
    ordered = in_fixed_order(wells)
    table = ordered.assign(_replicate=biological_replicate(ordered), time_h=_common_times(ordered))
    metrics = [name for name in (*SUMMARISED, *extra) if name in table]
    doses = [name for name in table.columns if name in DOSES]
    several_plates = table["plate"].nunique() > 1
    figures: dict[str, array[Any]] = {
        f"{name}_{part}": array("q" if part == "n" else "d") for name in metrics for part in _PARTS
    }
    lines = []
    for rows in _groups(table):
        condition, role, time = (rows[name].iloc[0] for name in _KEYS)
        used = rows[~rows["state"].isin(LEFT_OUT)]
        n_biological = used["_replicate"].nunique()
        line: dict[str, object] = {"condition": condition, "role": role, "time_h": time}
        line |= {name: rows[name].iloc[0] for name in doses}
        line |= {
            "n_wells": len(used),
            "n_plates": used["plate"].nunique(),
            "n_biological": n_biological,
        }
        for state in STATES:
            line[f"n_{state}"] = int((rows["state"] == state).sum())
        out = rows[rows["state"].isin(LEFT_OUT)]
        line["left_out"] = " ".join(
            f"{p}:{w}" if several_plates else str(w)
            for p, w in zip(out["plate"], out["well"], strict=True)
        )
        line["interval"] = "within_plate"
        if used["plate"].nunique() > 1:
            line["interval"] = "biological" if n_biological > 1 else "within_replicate"
        for name in metrics:
            values = used[name].astype(float)
            if n_biological > 1:
                values = values.groupby(used["_replicate"]).mean()
            values = values.dropna()
            told = (
                len(values),
                values.mean(),
                values.std(ddof=1),
                values.median(),
                mad(values),
                *mean_interval(values),
            )
            for part, value in zip(_PARTS, told, strict=True):
                figures[f"{name}_{part}"].append(value)
        lines.append(line)
    summary = pd.DataFrame(lines)
    packed = pd.DataFrame({name: np.asarray(values) for name, values in figures.items()})
    return _in_order(pd.concat([summary, packed], axis=1))


def _groups(table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Give the rows of one condition and time after another, without a copy of them all."""
    number = table.groupby(list(_KEYS), sort=False, dropna=False).ngroup().to_numpy()
    order = np.argsort(number, kind="stable")
    for places in np.split(order, np.flatnonzero(np.diff(number[order])) + 1):
        if places.size:
            yield table.iloc[places]


def _common_times(wells: pd.DataFrame) -> pd.Series:
    """Give plates that were imaged minutes apart one time axis, or no mean would span plates.

    Times of different plates that differ by less than a quarter of the shortest interval (and
    by less than an hour) are one time, the earliest of them; two times of one plate never are.
    """
    own = wells[["plate", "time_h"]].drop_duplicates().sort_values(["time_h", "plate"])
    steps = own.sort_values(["plate", "time_h"]).groupby("plate")["time_h"].diff()
    shortest = steps[steps > 0].min()
    apart = _SAME_TIME_H if pd.isna(shortest) else min(_SAME_TIME_H, _SAME_TIME * shortest)
    common: dict[tuple[object, float], float] = {}
    begun, inside = -float("inf"), set[object]()
    for plate, time in zip(own["plate"], own["time_h"], strict=True):
        if time - begun > apart or plate in inside:
            begun, inside = time, set()
        inside.add(plate)
        common[plate, time] = begun
    pairs = zip(wells["plate"], wells["time_h"], strict=True)
    return pd.Series([common[pair] for pair in pairs], index=wells.index, dtype=float)


def _in_order(summary: pd.DataFrame) -> pd.DataFrame:
    """Sort controls first, then drugs alone by name and dose, then combinations; then time."""
    if summary.empty:
        return summary
    rank = {role: n for n, role in enumerate(_ROLES)}
    keys = pd.DataFrame({"role": [rank.get(str(r), len(rank)) for r in summary["role"]]})
    numbers = [n for n in (1, 2, 3) if f"drug_{n}" in summary]
    keys["drugs"] = sum((summary[f"drug_{n}"].notna().astype(int) for n in numbers), start=0)
    for n in numbers:
        keys[f"drug_{n}"] = summary[f"drug_{n}"].astype(object).fillna("").astype(str)
    for n in numbers:
        for column in (f"dose_{n}_um", f"dose_{n}"):
            if column in summary:
                keys[column] = summary[column].astype(float).fillna(-1.0)
    keys["condition"] = summary["condition"].astype(str)
    keys["time_h"] = summary["time_h"]
    order = keys.sort_values(list(keys.columns), kind="stable").index
    return summary.loc[order].reset_index(drop=True)
