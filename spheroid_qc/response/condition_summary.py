"""One line per condition and time: how many wells, how large, how far fallen apart, how sure.

The unit is the well on one plate, and the biological replicate where there are several: then
wells are averaged within a replicate first, and the interval is taken over replicates. Frames
that are unscorable, never formed or vanished enter no mean; they are counted.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from spheroid_qc.follow.spheroid_states import STATES
from spheroid_qc.response.replicates import LEFT_OUT, biological_replicate, in_fixed_order

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
DOSES = tuple(
    name.format(n) for n in (1, 2, 3) for name in ("drug_{}", "dose_{}_um", "dose_{}", "unit_{}")
)
_PARTS = ("n", "mean", "sd", "median", "mad", "ci_low", "ci_high")
_SAME_TIME = 0.25  # of the shortest interval between two frames of one plate
_SAME_TIME_H = 1.0
_ROLES = ("vehicle", "positive_control", "blank", "treated", "unmapped")


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
    described = [name for name in (*DOSES, "stratum", "schedule") if name in table]
    group = table.groupby(list(_KEYS), sort=False, dropna=False).ngroup().rename("_group")
    rows = table.loc[~group.duplicated(), [*_KEYS, *described]].reset_index(drop=True)
    left_out = table["state"].isin(LEFT_OUT)
    used, of = table[~left_out], group[~left_out]
    counted = pd.DataFrame(index=rows.index)
    counted["n_wells"] = of.value_counts()
    for name, column in (("n_plates", "plate"), ("n_biological", "_replicate")):
        counted[name] = used[column].groupby(of).nunique()
    counted = counted.fillna(0).astype(np.int64)
    for name in STATES:
        counted[f"n_{name}"] = (table["state"] == name).groupby(group).sum().astype(np.int64)
    named = table["well"].astype(str)
    if table["plate"].nunique() > 1:
        named = table["plate"].astype(str) + ":" + named
    gone = named[left_out].groupby(group[left_out]).agg(" ".join)
    counted["left_out"] = gone.reindex(rows.index).fillna("").astype(str)
    between = np.where(counted["n_biological"] > 1, "biological", "within_replicate")
    counted["interval"] = np.where(counted["n_plates"] > 1, between, "within_plate")
    figures = figures_of_units(used[metrics], of, used["_replicate"], rows.index)
    columns = {f"{name}_{part}": figures[part][name] for name in metrics for part in _PARTS}
    parts = [rows, counted, pd.DataFrame(columns, index=rows.index)]
    if all(name in table for name in _INTERVAL):
        # An interval that is not the same on both sides counts by half of its width.
        width = used[_INTERVAL[1]].astype(float) - used[_INTERVAL[0]].astype(float)
        variance = (width / (2 * _HALF_WIDTH_SD)) ** 2
        error = variance.groupby(of).mean().reindex(rows.index) ** 0.5
        parts.append(error.to_frame(MEASUREMENT_SD))
    return in_dose_order(pd.concat(parts, axis=1))


def figures_of_units(
    values: pd.DataFrame,
    group: pd.Series,
    replicate: pd.Series,
    groups: pd.Index,
    level: float = 0.95,
) -> dict[str, pd.DataFrame]:
    """Describe groups of wells by their units: biological replicates where there are several.

    Else the wells. `values` are numbers by well, of each metric, `group` and `replicate` those of
    each well; gives a table of `groups` and metrics for each of `n, mean, sd, median, mad, ci_low,
    ci_high`, the interval of the mean by Student's t; NaN are left out.
    """
    several = replicate.groupby(group).transform("nunique") > 1
    unit = replicate.where(several, pd.Series(values.index, values.index).astype(str))
    units = values.astype(float).groupby([group, unit]).mean()
    grouped = units.groupby(level=0)
    n = grouped.count().reindex(groups, fill_value=0)
    mean, sd = grouped.mean().reindex(groups), grouped.std().reindex(groups)
    median = grouped.median().reindex(groups)
    apart = (units - median.reindex(units.index, level=0)).abs()
    half = stdtrit(n.clip(lower=2) - 1, 0.5 + level / 2) * sd / n**0.5
    spread = apart.groupby(level=0).median().reindex(groups)
    found = (n, mean, sd, median, spread, mean - half, mean + half)
    return dict(zip(_PARTS, found, strict=True))


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
