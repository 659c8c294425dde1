"""The same spheroid over time: time zero, references, excess, states, and when it fell apart.

Tables in, tables out: one row per plate, well and time point, sorted by plate, well and time.
Nothing here looks at pixels, so that a changed plate map, dose time or threshold needs no new
masks. Areas are compared in um2 where the whole plate is calibrated, else in pixels.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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

_SAME_PIXEL_AREA = 1.001
DEBRIS_STATES = ("disintegrated", "lost")
_OUT_OF_EFFECT = ("never_formed", "vanished", "unscorable")


def comparable_area(table: pd.DataFrame) -> pd.Series:
    """Core area in the one unit that all frames of a plate share.

    Parameters
    ----------
    table : DataFrame
        With columns `plate`, `core_area_um2`, `core_area_px`.

    Returns
    -------
    Series of float
        um2 on plates where every measured frame is calibrated. Pixels on plates where some are
        not, if all that are have the same pixel size. Where they differ, pixels mean nothing:
        um2, and NaN for frames without. NaN where nothing was measured.
    """
    pixels = table["core_area_px"].astype(float)
    calibrated = table["core_area_um2"].astype(float)
    lacks_um = calibrated.isna() & pixels.notna()
    plate = table["plate"]
    plate_lacks_um = lacks_um.groupby(plate).transform("any")
    size = (calibrated / pixels.where(pixels > 0)).groupby(plate)
    one_size = ~(size.transform("max") > _SAME_PIXEL_AREA * size.transform("min"))
    return calibrated.where(~(plate_lacks_um & one_size), pixels)


def find_time_zero(table: pd.DataFrame) -> pd.Series:
    """Row of each well's baseline: the last scorable frame at or before the first dose.

    Parameters
    ----------
    table : DataFrame
        With columns `plate`, `well`, `time_h`, `dose_time_h` (h, one value a well) and
        `scorable` (bool).

    Returns
    -------
    Series
        For every row the index label of its well's time-zero row; missing where no scorable
        frame precedes the dose.
    """
    # A dose time that was copied from a table has six digits.
    latest = table["dose_time_h"] + 1e-6 + 1e-5 * table["dose_time_h"].abs()
    baseline = table[table["scorable"] & (table["time_h"] <= latest)]
    last = baseline.sort_values(["plate", "well", "time_h"]).groupby(["plate", "well"]).tail(1)
    of_well: dict[tuple[Hashable, Hashable], Hashable] = {
        (plate, well): label
        for label, plate, well in zip(last.index, last["plate"], last["well"], strict=True)
    }
    labels = [of_well.get(key) for key in zip(table["plate"], table["well"], strict=True)]
    return pd.Series(labels, index=table.index, dtype=object)


def volume_loss(area: pd.Series, reference: pd.Series) -> pd.Series:
    """Share of volume lost against a reference area: 1 - (area / reference)^(3/2).

    Parameters
    ----------
    area, reference : Series of float
        Core areas in one unit; an area of 0 means the core is gone.

    Returns
    -------
    Series of float
        1 for a core that is gone, 0 for no change, negative for growth; NaN where either is
        unknown or the reference is 0.
    """
    ratio = area / reference.where(reference > 0)
    return 1.0 - ratio.pow(1.5)


def _excess(fraction: pd.Series, reference: pd.Series) -> pd.Series:
    """Disintegration beyond a reference: (DF - DF_ref) / (1 - DF_ref)."""
    room = 1.0 - reference
    return (fraction - reference) / room.where(room > 0)


def versus_time_zero(table: pd.DataFrame, time_zero: pd.Series) -> pd.DataFrame:
    """Compare every frame with its own well at time zero.

    Parameters
    ----------
    table : DataFrame
        With columns `core_area_um2`, `core_area_px`, `disintegration_fraction`, `state`.
    time_zero : Series
        From `find_time_zero`.

    Returns
    -------
    DataFrame
        `area_ratio_vs_t0`, `core_volume_loss_vs_t0`, `df_excess_vs_t0`; empty where there is no
        baseline and for frames that are `never_formed`, `vanished` or `unscorable`.
    """
    area = comparable_area(table)
    known = time_zero.notna()
    reference = pd.DataFrame(index=table.index, columns=["area", "df"], dtype=float)
    labels = time_zero[known]
    fraction = table["disintegration_fraction"].astype(float)
    reference.loc[known, "area"] = area.loc[labels].to_numpy()
    reference.loc[known, "df"] = fraction.loc[labels].to_numpy()
    result = pd.DataFrame(index=table.index)
    result["area_ratio_vs_t0"] = area / reference["area"].where(reference["area"] > 0)
    result["core_volume_loss_vs_t0"] = volume_loss(area, reference["area"])
    result["df_excess_vs_t0"] = _excess(fraction, reference["df"])
    if "state" in table:
        result[table["state"].isin(_OUT_OF_EFFECT)] = np.nan
    return result


def versus_vehicle(table: pd.DataFrame) -> pd.DataFrame:
    """Compare every frame with the vehicle wells of its plate, strata and vehicle group.

    Parameters
    ----------
    table : DataFrame
        With columns `plate`, `reference_group` (what a well shares with its vehicle wells),
        `timepoint`, `role`, `state`, `core_area_um2`, `core_area_px`,
        `disintegration_fraction`.

    Returns
    -------
    DataFrame
        `core_volume_loss_vs_vehicle`, `df_excess_vs_vehicle` (medians of the reference wells at
        the same time; empty without one) and `n_reference_wells` (int, scorable reference
        wells at that time).
    """
    area = comparable_area(table)
    fraction = table["disintegration_fraction"].astype(float)
    keys = ["plate", "reference_group", "timepoint"]
    usable = (table["role"] == "vehicle") & ~table["state"].isin(_OUT_OF_EFFECT) & area.notna()
    pool = table.loc[usable, keys].assign(area=area[usable], df=fraction[usable])
    medians = pool.groupby(keys, sort=False).agg(
        area=("area", "median"), df=("df", "median"), n=("area", "size")
    )
    found = table[keys].join(medians, on=keys)
    result = pd.DataFrame(index=table.index)
    result["core_volume_loss_vs_vehicle"] = volume_loss(area, found["area"])
    result["df_excess_vs_vehicle"] = _excess(fraction, found["df"])
    result[table["state"].isin(_OUT_OF_EFFECT)] = np.nan
    result["n_reference_wells"] = found["n"].fillna(0).astype(int)
    return result


def states(table: pd.DataFrame, time_zero: pd.Series, parameters: StateParameters) -> pd.Series:
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


def time_to_disintegration(table: pd.DataFrame, parameters: StateParameters) -> pd.DataFrame:
    """When each spheroid fell apart, on time since dose.

    The event is the start of the first run in `disintegrated` or `lost` of at least
    `min_consecutive_frames` scorable frames that spans at least `min_duration_h`. At risk is a
    well that is intact at time zero; it is censored at its last frame that is neither
    unscorable nor `vanished`. Unscorable frames within a run neither count nor break it.

    Parameters
    ----------
    table : DataFrame
        Sorted by plate, well and time, with `plate`, `well`, `time_since_dose_h`, `is_t0`
        (bool) and `state`.
    parameters : StateParameters
        `min_consecutive_frames`, `min_duration_h`.

    Returns
    -------
    DataFrame
        One row per well: `plate, well, at_risk` (bool), `event` (bool), `duration_h` (time of
        the event or of censoring, h since dose; NaN for wells never at risk).
    """
    outcome = []
    for (plate, well), rows in table.groupby(["plate", "well"], sort=False):
        state = rows["state"].to_numpy(dtype=object)
        time = rows["time_since_dose_h"].to_numpy(dtype=float)
        origin = np.flatnonzero(rows["is_t0"].to_numpy(dtype=bool))
        at_risk = bool(origin.size) and state[origin[0]] == "intact"
        start = _first_run(state, time, origin[0], parameters) if at_risk else None
        seen = np.isin(state, ("unscorable", "vanished", "never_formed"), invert=True)
        last = time[seen].max() if at_risk else np.nan
        outcome.append(
            {
                "plate": plate,
                "well": well,
                "at_risk": at_risk,
                "event": start is not None,
                "duration_h": last if start is None else time[start],
            }
        )
    return pd.DataFrame(outcome, columns=["plate", "well", "at_risk", "event", "duration_h"])


def _first_run(
    state: NDArray[np.object_],
    time: NDArray[np.float64],
    origin: int,
    parameters: StateParameters,
) -> int | None:
    run: list[int] = []
    for i in range(origin, state.size):
        if state[i] in DEBRIS_STATES:
            run.append(i)
            long_enough = time[i] - time[run[0]] >= parameters.min_duration_h
            if len(run) >= parameters.min_consecutive_frames and long_enough:
                return run[0]
        elif state[i] != "unscorable":
            run = []
    return None
