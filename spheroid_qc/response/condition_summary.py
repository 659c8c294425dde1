"""One line per condition and time: how many wells, how large, how far fallen apart, how sure.

The unit is the well on one plate, and the biological replicate where there are several: then
wells are averaged within a replicate first, and the interval is taken over replicates. Frames
that are unscorable, never formed or vanished enter no mean; they are counted.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from spheroid_qc.follow.spheroid_states import STATES
from spheroid_qc.response.replicates import LEFT_OUT, biological_replicate, in_fixed_order

FloatArray = NDArray[np.float64]


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
MEASUREMENT_SD = "disintegration_fraction_measurement_sd"
"""Column of `conditions.csv`: how far one well's fraction is off for doubt about its masks."""

_INTERVAL = ("disintegration_fraction_low", "disintegration_fraction_high")
_HALF_WIDTH_SD = 1.645  # half of a normal variable's 90 % interval, in standard deviations
_KEYS = ("condition", "role", "time_h")
_COUNTED = (
    "n_wells", "n_plates", "n_biological", *(f"n_{state}" for state in STATES), "left_out",
    "interval",
)  # fmt: skip
DOSES = tuple(
    name.format(n) for n in (1, 2, 3) for name in ("drug_{}", "dose_{}_um", "dose_{}", "unit_{}")
)
_PARTS = ("n", "mean", "sd", "median", "mad", "ci_low", "ci_high")
_SAME_TIME = 0.25  # of the shortest interval between two frames of one plate
_SAME_TIME_H = 1.0
_ROLES = ("vehicle", "positive_control", "blank", "treated", "unmapped")


def mean_interval(values: pd.Series, level: float = 0.95) -> tuple[float, float]:
    """Interval of a mean by Student's t.

    One value per independent unit, NaN are left out; bounds are NaN for fewer than two values.
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
        Doses, `stratum` and `schedule` as far as the wells have them.
        Counts (`n_wells` scorable wells, `n_plates`, `n_biological`, wells by state, `left_out`
        naming the wells that enter no mean), `interval` (`within_plate`: all wells stand on one
        plate; `within_replicate`: on several plates of one biological replicate; `biological`:
        over biological replicates on several plates) and for each metric `_n` (units behind the
        mean), `_mean`, `_sd`, `_median`, `_mad` (median absolute deviation from the median,
        unscaled), `_ci_low`, `_ci_high` (95 %). Last, where wells have the interval of their
        measurement, `MEASUREMENT_SD`: the root mean square over scorable wells of half of its
        width / 1.645. It is a part of the spread of wells, which the intervals come from, and is
        not added to them. A condition's time is the earliest of its plates' where they were imaged
        minutes apart.
    """
    ordered = in_fixed_order(wells)
    table = ordered.assign(_replicate=biological_replicate(ordered), time_h=_common_times(ordered))
    metrics = [name for name in (*SUMMARISED, *extra) if name in table]
    doses = [name for name in table.columns if name in DOSES]
    doses += [name for name in ("stratum", "schedule") if name in table]
    several_plates = table["plate"].nunique() > 1
    measured = table[metrics].to_numpy(dtype=float)
    replicate, plate = (pd.factorize(table[name])[0] for name in ("_replicate", "plate"))
    state = table["state"].astype(str).to_numpy()
    left_out = table["state"].isin(LEFT_OUT).to_numpy()
    figures: list[FloatArray] = []
    begun: list[int] = []
    measured_with = _measurement_variance(table)
    errors: list[float] = []
    lines = []
    for rows in _groups(table):
        begun.append(rows[0])
        used = rows[~left_out[rows]]
        n_plates, n_biological = (np.unique(code[used]).size for code in (plate, replicate))
        line: dict[str, object] = {
            "n_wells": used.size,
            "n_plates": n_plates,
            "n_biological": n_biological,
        }
        for name in STATES:
            line[f"n_{name}"] = int(np.count_nonzero(state[rows] == name))
        out = table.iloc[rows[left_out[rows]]] if used.size < rows.size else table.iloc[:0]
        line["left_out"] = " ".join(
            f"{p}:{w}" if several_plates else str(w)
            for p, w in zip(out["plate"], out["well"], strict=True)
        )
        line["interval"] = "within_plate"
        if n_plates > 1:
            line["interval"] = "biological" if n_biological > 1 else "within_replicate"
        lines.append(line)
        if measured_with is not None:
            errors.append(_root_mean(measured_with[used]))
        values = measured[used]
        figures.append(
            _figures(_by_replicate(values, replicate[used]) if n_biological > 1 else values)
        )
    summary = table.iloc[begun][[*_KEYS, *doses]].reset_index(drop=True)
    described = np.array(figures).reshape(len(lines), len(_PARTS), len(metrics))
    columns: dict[str, object] = {}
    for number, name in enumerate(metrics):
        for part, values in zip(_PARTS, described[:, :, number].T, strict=True):
            columns[f"{name}_{part}"] = values.astype(np.int64) if part == "n" else values
    if measured_with is not None:
        columns[MEASUREMENT_SD] = errors
    parts = [summary, pd.DataFrame(lines, columns=list(_COUNTED)), pd.DataFrame(columns)]
    return in_dose_order(pd.concat(parts, axis=1))


def _groups(table: pd.DataFrame) -> Iterator[NDArray[np.intp]]:
    """Give the places of the rows of one condition and time after another."""
    number = table.groupby(list(_KEYS), sort=False, dropna=False).ngroup().to_numpy()
    order = np.argsort(number, kind="stable")
    for places in np.split(order, np.flatnonzero(np.diff(number[order])) + 1):
        if places.size:
            yield places


def _measurement_variance(table: pd.DataFrame) -> FloatArray | None:
    """Variance of each row's disintegration fraction by its interval; None without intervals.

    An interval that is not the same on both sides counts by half of its width.
    """
    if any(name not in table for name in _INTERVAL):
        return None
    low, high = table[list(_INTERVAL)].to_numpy(dtype=float).T
    variance: FloatArray = np.square((high - low) / (2 * _HALF_WIDTH_SD))
    return variance


def _root_mean(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(np.sqrt(known.mean())) if known.size else float("nan")


def _by_replicate(values: FloatArray, replicate: NDArray[np.intp]) -> FloatArray:
    """Average wells within their biological replicates, whatever is known of each."""
    codes, place = np.unique(replicate, return_inverse=True)
    known = ~np.isnan(values)
    total, count = np.zeros((2, codes.size, values.shape[1]))
    np.add.at(total, place, np.where(known, values, 0.0))
    np.add.at(count, place, known)
    with np.errstate(invalid="ignore"):
        average: FloatArray = total / count
    return average


def _figures(values: FloatArray, level: float = 0.95) -> FloatArray:
    """Describe the columns of (units, metrics): one row for each of `_PARTS`; NaN are left out."""
    known = ~np.isnan(values)
    n = known.sum(axis=0)
    some = np.where(n > 0, n, np.nan)
    mean = np.where(known, values, 0.0).sum(axis=0) / some
    apart = np.where(known, values - mean, 0.0)
    sd = np.sqrt((apart**2).sum(axis=0) / np.where(n > 1, n - 1, np.nan))
    median = _middle(values, n)
    half = stdtrit(np.maximum(n - 1, 1), 0.5 + level / 2) * sd / np.sqrt(some)
    spread = _middle(np.abs(values - median), n)
    return np.stack([n.astype(float), mean, sd, median, spread, mean - half, mean + half])


def _middle(values: FloatArray, n: NDArray[np.intp]) -> FloatArray:
    """Median of the `n` known values of each column."""
    if not len(values):
        return np.full(values.shape[1], np.nan)
    ordered = np.sort(values, axis=0)
    places = np.stack([np.maximum(n - 1, 0) // 2, np.minimum(n // 2, len(values) - 1)])
    middle: FloatArray = np.take_along_axis(ordered, places, axis=0).mean(axis=0)
    return middle


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


def in_dose_order(summary: pd.DataFrame) -> pd.DataFrame:
    """Sort controls first, then drugs alone by name and dose, then combinations; then time.

    `summary` has `condition, role`, and what there is of `drug_1, dose_1_um, dose_1 ...` and
    `time_h`.
    """
    if summary.empty:
        return summary
    summary = summary.reset_index(drop=True)
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
    if "time_h" in summary:
        keys["time_h"] = summary["time_h"]
    order = keys.sort_values(list(keys.columns), kind="stable").index
    return summary.loc[order].reset_index(drop=True)
