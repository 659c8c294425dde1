"""The state of every frame: decided here, from thresholds in the parameters, and nowhere else."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd

from spheroid_qc.follow.core_area_units import comparable_area
from spheroid_qc.parameters import StateParameters

STATES = (
    "intact",
    "shrunken",
    "shedding",
    "disintegrated",
    "lost",
    "vanished",
    "never_formed",
    "unscorable",
)
"""All states, in the order in which tables and texts count them."""

DEBRIS_STATES = ("disintegrated", "lost")
_RESTS_ON_FRACTION = ("intact", "shrunken", "shedding", "disintegrated")
OUT_OF_EFFECT = ("never_formed", "vanished", "unscorable")


def assign_states(
    table: pd.DataFrame, time_zero: pd.Series, parameters: StateParameters
) -> pd.Series:
    """Name the state of every frame.

    Parameters
    ----------
    table : DataFrame
        Sorted by plate, well and time, with `plate`, `well`, `time_h`, `scorable`,
        `n_spheroids`, `core_area_um2`, `core_area_px`, `total_area_px`,
        `disintegration_fraction`.
    time_zero : Series
        From `find_time_zero`.
    parameters : StateParameters
        Thresholds.

    Returns
    -------
    Series of str
        One of `STATES`. Frames before time zero are not called shrunken: a spheroid that is
        still forming has lost nothing. Without a baseline shrinking can't be told, and a
        spheroid that holds together is `intact`.
    """
    area = comparable_area(table)
    named = np.empty(len(table), dtype=object)
    for places in table.groupby(["plate", "well"], sort=False).indices.values():
        rows = table.iloc[places]
        origin = time_zero.loc[rows.index[0]]
        named[places] = _states_of_well(rows, area, origin, parameters)
    return pd.Series(named, index=table.index, dtype=object)


def uncertain_states(table: pd.DataFrame, parameters: StateParameters) -> pd.Series:
    """Say which frames would be in another state within the interval of their fraction.

    Parameters
    ----------
    table : DataFrame
        With `state`, `disintegration_fraction_low` and `disintegration_fraction_high`.
    parameters : StateParameters
        `shedding_df`, `disintegrated_df`.

    Returns
    -------
    Series of float
        The threshold that the interval holds, the lower one where it holds both; NaN where it
        holds none, there is no interval, or the state does not rest on the fraction. A threshold
        belongs to the state above it, so that an interval that only begins there holds it not.
    """
    low = table["disintegration_fraction_low"].astype(float)
    high = table["disintegration_fraction_high"].astype(float)
    rests = table["state"].isin(_RESTS_ON_FRACTION)
    held = pd.Series(np.nan, index=table.index)
    for threshold in (parameters.disintegrated_df, parameters.shedding_df):
        held[rests & (low < threshold) & (threshold <= high)] = threshold
    return held


def _states_of_well(
    rows: pd.DataFrame, area: pd.Series, origin: Hashable | None, parameters: StateParameters
) -> list[str]:
    time = rows["time_h"].to_numpy(dtype=float)
    size = area.loc[rows.index].to_numpy(dtype=float)
    total = rows["total_area_px"].to_numpy(dtype=float)
    bodies = rows["n_spheroids"].fillna(0).to_numpy(dtype=float)
    fraction = rows["disintegration_fraction"].to_numpy(dtype=float)
    scorable = rows["scorable"].to_numpy(dtype=bool)
    start = np.flatnonzero(rows.index == origin)
    has_baseline = start.size > 0
    origin_time = time[start[0]] if has_baseline else -np.inf
    smallest_intact = parameters.intact_area_ratio * size[start[0]] if has_baseline else -np.inf
    formed = not has_baseline or bodies[start[0]] > 0
    named: list[str] = []
    before = ""
    for i in range(len(rows)):
        if not scorable[i]:
            named.append("unscorable")
            continue
        if not formed:
            named.append("never_formed")
            continue
        if not total[i] > 0:
            # Nothing is seen before anything was: without a baseline it can't be called a loss.
            after_debris = before in ("shedding", *DEBRIS_STATES)
            state = "lost" if after_debris else "vanished" if before else "never_formed"
        elif bodies[i] == 0 or fraction[i] >= parameters.disintegrated_df:
            state = "disintegrated"
        elif fraction[i] >= parameters.shedding_df:
            state = "shedding"
        elif time[i] >= origin_time and size[i] < smallest_intact:
            state = "shrunken"
        else:
            state = "intact"
        if state != "never_formed":
            before = state
        named.append(state)
    return named
