"""Every well followed over its times: final flags, time zero, states, comparison with references.

The order matters: a frame that can't be trusted can't be time zero, several spheroids are told
at time zero, and only a state tells which wells are a reference.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from spheroid_qc.flags import Flag, resolve, series_flags
from spheroid_qc.follow.change_against_references import versus_time_zero, versus_vehicle
from spheroid_qc.follow.disintegration_time import time_to_disintegration
from spheroid_qc.follow.spheroid_states import assign_states, uncertain_states
from spheroid_qc.follow.time_zero import find_time_zero
from spheroid_qc.parameters import Assay, Parameters, Severity
from spheroid_qc.run.tables.row_layout import WellRows, dosed_at

# What is compared between the times and wells of a plate; of many spheres a well the picture only.
_COMPARED = {
    Assay.SINGLE: (
        "n_spheroids", "core_area_um2", "core_area_px", "total_area_px", "equivalent_diameter_px",
        "solidity", "disintegration_fraction", "disintegration_fraction_low",
        "disintegration_fraction_high", "rim_sharpness", "focus_score", "centroid_y_px",
        "centroid_x_px", "feature:background_level", "feature:second_body_ratio",
        "feature:second_body_solidity", "feature:second_label_ratio",
    ),
    Assay.SPHERES: ("n_spheroids", "feature:background_level"),
}  # fmt: skip
_PLACE = ("plate", "well", "time_h", "timepoint", "role", "reference_group", "pixel_hash")
_ABOUT_A_SPHEROID = frozenset(
    {
        "df_unvalidated", "drift", "few_references", "low_confidence", "low_contrast",
        "never_formed", "no_baseline", "no_spheroid", "out_of_focus", "size_jump",
        "size_outlier_t0", "state_uncertain", "touches_border", "vanished",
    }
)  # fmt: skip

Found = dict[Hashable, list[Flag]]


def follow_wells(
    rows: pd.DataFrame, flags: list[list[Flag]], parameters: Parameters, *, mapped: bool
) -> tuple[pd.DataFrame, list[tuple[Flag, ...]]]:
    """Follow every well of `CollectedRows.wells`, as a table, over its times.

    Further findings are added to `flags`, which go by row; `mapped`: there is a plate map. Gives
    the same rows with `state`, `time_since_dose_h`, and for single spheroids `is_t0`, what is
    compared with time zero and with vehicle wells, and `disintegrated_since_dose_h`; and the flags
    by row with their final severities, sorted by code.
    """
    assay = parameters.plate.assay
    wells = rows.reindex(columns=[*_PLACE, *_COMPARED[assay], "imaged", "accepted"])
    wells = wells.astype({"imaged": bool, "accepted": bool})
    wells["dose_time_h"] = _dose_times(rows, parameters)
    before = tuple(wells)
    wells["time_since_dose_h"] = wells["time_h"] - wells["dose_time_h"]
    if assay is Assay.SINGLE:
        _follow(wells, flags, parameters)
        if mapped:
            _few_references(wells, flags, parameters)
    else:
        wells["scorable"] = _scorable(wells, flags, {}, parameters)
        _append(flags, series_flags(wells, parameters.quality))
        wells["state"] = np.where(_scorable(wells, flags, {}, parameters), "", "unscorable")
    _blank_wells(wells, flags, parameters)
    final = [
        tuple(map(_warning, found)) if accepted else found
        for found, accepted in zip(
            (_final(found, parameters) for found in flags), wells["accepted"], strict=True
        )
    ]
    return wells.drop(columns=[*before, "scorable"]), final


def plate_findings(
    layout: Mapping[str, Sequence[WellRows]], parameters: Parameters, *, mapped: bool
) -> tuple[list[tuple[str, Flag]], list[str]]:
    """Say what concerns whole plates: an assumed dose time, no vehicle.

    Gives plate and finding of each, and sentences for the user; `mapped`: there is a plate map.
    """
    found: list[tuple[str, Flag]] = []
    notes: list[str] = []
    for plate, wells in layout.items():
        known = any(dosed_at(w.entry) is not None for w in wells)
        if not known and parameters.plate.dose_time_h is None:
            found.append((plate, Flag("dose_time_assumed")))
            notes.append(
                f"Plate {plate}: no dose time was given, so the first frame counts as the time of "
                "the first dose; state it with --dose-time or the map's column dosed_at_h."
            )
    for plate, wells in layout.items() if mapped else ():
        if not any(w.entry is not None and w.entry.role == "vehicle" for w in wells):
            found.append((plate, Flag("no_vehicle")))
    return [(plate, resolve(flag, parameters.quality)) for plate, flag in found], notes


def _warning(flag: Flag) -> Flag:
    """Keep a finding on a frame that the user accepted, as a warning."""
    return replace(flag, severity=Severity.WARN) if flag.severity is Severity.EXCLUDE else flag


def _append(flags: list[list[Flag]], found: Mapping[Any, list[Flag]]) -> None:
    for label, more in found.items():
        flags[label] += more


def _blank_wells(wells: pd.DataFrame, flags: list[list[Flag]], parameters: Parameters) -> None:
    """Nothing in a blank well is as it should be; something is the finding."""
    for label in wells.index[wells["role"] == "blank"]:
        flags[label] = [
            flag
            for flag in flags[label]
            # What takes a frame out stays: the state rests on it.
            if flag.code not in _ABOUT_A_SPHEROID
            or resolve(flag, parameters.quality).severity is Severity.EXCLUDE
        ]
        if wells.loc[label, "state"] not in ("never_formed", "vanished", "unscorable", ""):
            flags[label].append(Flag("blank_not_empty"))


def _dose_times(rows: pd.DataFrame, parameters: Parameters) -> pd.Series:
    """Dose time of every row's well.

    A well without a time of its own (a vehicle) takes the earliest of its plate; where the map
    gives none it is the parameter, and else the first frame (`plate_findings` says so).
    """
    own = rows.reindex(columns=["dosed_at_h"])["dosed_at_h"].astype(float)
    dose = own.fillna(own.groupby(rows["plate"]).transform("min"))
    if parameters.plate.dose_time_h is not None:
        dose = dose.fillna(parameters.plate.dose_time_h)
    return dose.fillna(rows.groupby("plate")["time_h"].transform("min"))


def _scorable(
    wells: pd.DataFrame,
    flags: Sequence[Sequence[Flag]],
    more: Mapping[Hashable, Sequence[Flag]],
    parameters: Parameters,
    *,
    ignoring: str = "",
) -> list[bool]:
    """Tell which rows no finding takes out; `more` holds further findings by row."""
    return [
        not any(
            resolve(flag, parameters.quality).severity is Severity.EXCLUDE
            for flag in (*found, *more.get(row, ()))
            if flag.code != ignoring
        )
        or bool(accepted)
        for row, (found, accepted) in enumerate(zip(flags, wells["accepted"], strict=True))
    ]


def _follow(wells: pd.DataFrame, flags: list[list[Flag]], parameters: Parameters) -> None:
    """Time zero, series flags, states and comparisons, written into the table and the flags."""
    series: Found = {}

    def time_zero_rows() -> pd.Series:
        # Several spheroids are a finding at time zero; they must not take time zero away.
        wells["scorable"] = _scorable(
            wells, flags, series, parameters, ignoring="several_spheroids"
        )
        origins = find_time_zero(wells)
        wells["is_t0"] = origins.to_numpy() == wells.index.to_numpy()
        return origins

    # A series flag (a frame blurred beyond its plate) can move time zero, on which others rest.
    for _ in range(2):
        time_zero_rows()
        series = series_flags(wells, parameters.quality)
    time_zero = time_zero_rows()
    wells["scorable"] = _scorable(wells, flags, series, parameters)
    _append(flags, series)
    wells["state"] = assign_states(wells, time_zero, parameters.states)
    for name, column in versus_time_zero(wells, time_zero).items():
        wells[str(name)] = column
    for name, column in versus_vehicle(wells).items():
        wells[str(name)] = column
    for label in wells.index[time_zero.isna() & wells["imaged"]]:
        flags[label].append(Flag("no_baseline"))
    for state in ("never_formed", "vanished"):
        for label in wells.index[wells["state"] == state]:
            flags[label].append(Flag(state))
    held = uncertain_states(wells, parameters.states)
    ends = wells[["disintegration_fraction_low", "disintegration_fraction_high"]]
    for label in wells.index[held.notna()]:
        low, high = ends.loc[label]
        detail = f"It lies between {low:.2f} and {high:.2f} (90 %); the limit is {held[label]:g}."
        flags[label].append(Flag("state_uncertain", detail=detail))
    outcome = time_to_disintegration(wells, parameters.states)
    events = outcome.loc[outcome["event"], ["plate", "well", "duration_h"]]
    joined = wells[["plate", "well"]].merge(events, on=["plate", "well"], how="left")
    wells["disintegrated_since_dose_h"] = joined["duration_h"].to_numpy()


def _few_references(wells: pd.DataFrame, flags: list[list[Flag]], parameters: Parameters) -> None:
    """Flag rows that have too few vehicle wells to compare with, on plates that have any."""
    counts = wells["n_reference_wells"]
    compared = (wells["role"] == "vehicle").groupby(wells["plate"]).transform("any")
    needs = compared & wells["role"].isin(["treated", "positive_control", "vehicle"])
    few = needs & (counts < parameters.states.min_reference_wells)
    for label in wells.index[few & (wells["state"] != "unscorable")]:
        detail = f"Reference wells that can be used: {counts[label]}."
        flags[label].append(Flag("few_references", detail=detail))


def _final(found: Sequence[Flag], parameters: Parameters) -> tuple[Flag, ...]:
    """One flag a code, as grave as the gravest, with all details; sorted by code."""
    of_code: dict[str, list[Flag]] = {}
    for flag in (resolve(f, parameters.quality) for f in found):
        of_code.setdefault(flag.code, []).append(flag)
    kept = []
    for code in sorted(of_code):
        flags = sorted(of_code[code], key=lambda flag: -_GRAVITY[flag.severity])
        details = dict.fromkeys(flag.detail for flag in flags if flag.detail)
        kept.append(_one_flag(code, flags[0].severity, " ".join(details)))
    return tuple(kept)


_GRAVITY: dict[Severity | None, int] = {s: n for n, s in enumerate((None, *Severity))}
# Most findings concern many rows in the same words.
_one_flag: Callable[[str, Severity | None, str], Flag] = lru_cache(maxsize=4096)(Flag)
