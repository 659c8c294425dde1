"""From raw rows to judged rows: flags, time zero, states, comparison with t0 and vehicle.

The order matters: a frame that can't be trusted can't be time zero, several spheroids are told
at time zero, and only a state tells which wells are a reference. One plate at a time: nothing
is compared between plates, and of each row only the figures that others need are held.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from spheroid_qc.flags import Flag, frame_flags, resolve, series_flags
from spheroid_qc.follow.disintegration_time import time_to_disintegration
from spheroid_qc.follow.excess import versus_time_zero, versus_vehicle
from spheroid_qc.follow.states import STATES, assign_states
from spheroid_qc.follow.time_zero import find_time_zero
from spheroid_qc.parameters import Assay, Parameters, Severity
from spheroid_qc.run.store.decisions import Exclusions
from spheroid_qc.run.tables.column_store import Columns
from spheroid_qc.run.tables.well_rows import Row, RowLayout, dosed_at

# What is compared between the times and wells of a plate; of many spheres a well the picture only.
_FIGURES = {
    Assay.SINGLE: (
        "n_spheroids", "core_area_um2", "core_area_px", "total_area_px", "equivalent_diameter_px",
        "solidity", "disintegration_fraction", "rim_sharpness", "focus_score", "centroid_y_px",
        "centroid_x_px", "figure:background_level", "figure:second_body_ratio",
        "figure:second_body_solidity", "figure:second_label_ratio",
    ),
    Assay.SPHERES: ("n_spheroids", "figure:background_level"),
}  # fmt: skip
_ABOUT_A_SPHEROID = frozenset(
    {
        "df_unvalidated", "drift", "few_references", "low_confidence", "low_contrast",
        "never_formed", "no_baseline", "no_spheroid", "out_of_focus", "size_jump",
        "size_outlier_t0", "touches_border", "vanished",
    }
)  # fmt: skip
_KEPT = (
    "state", "time_since_dose_h", "is_t0", "area_ratio_vs_t0", "core_volume_loss_vs_t0",
    "df_excess_vs_t0", "core_volume_loss_vs_vehicle", "df_excess_vs_vehicle", "n_reference_wells",
    "disintegrated_since_dose_h",
)  # fmt: skip

Found = dict[Hashable, list[Flag]]


@dataclass(frozen=True)
class ScoredRows:
    """What was found out about the rows of one plate, in their order.

    Parameters
    ----------
    columns : dict
        `state`, `time_since_dose_h` and the comparisons -> one value a row.
    flags : list of tuple of Flag
        With their final severities, sorted by code.
    """

    columns: dict[str, Any]
    flags: list[tuple[Flag, ...]]

    def values(self, row: int) -> dict[str, Any]:
        """Give the values of one row, by column."""
        return {name: column[row] for name, column in self.columns.items()}


class PlateReader:
    """Takes the rows of one plate and keeps what judging needs of them.

    Parameters
    ----------
    parameters : Parameters
        Thresholds.
    excluded : Exclusions
        What the user left out.
    accepted : Exclusions
        What the user looked at and accepted: there, findings that exclude are warnings.
    """

    def __init__(self, parameters: Parameters, excluded: Exclusions, accepted: Exclusions) -> None:
        self._parameters = parameters
        self._excluded = excluded
        self._accepted = accepted
        words = ("plate", "well", "role", "reference_group", "pixel_hash")
        numbers = ("time_h", "timepoint", "dosed_at_h", *_FIGURES[parameters.plate.assay])
        self._columns = Columns((*words, *numbers), words)
        self._imaged: list[bool] = []
        self._taken: list[bool] = []
        self._flags: list[list[Flag]] = []

    def add(self, row: Row) -> None:
        """Take the next row, and judge what it shows by itself."""
        values, parameters = row.values, self._parameters
        flags = row.flags
        place = (values["plate"], values["well"], values["time_h"])
        measured = values.get("pixel_hash") is not None
        accepted = self._accepted.reason(*place)
        # A frame without a measurement can't be accepted.
        taken = accepted is not None and measured
        if taken:
            flags.append(Flag("accepted_by_user", detail=accepted or ""))
        reason = self._excluded.reason(*place)
        if reason is not None:
            flags.append(Flag("excluded_by_user", detail=reason))
        if measured:
            features = {
                name.removeprefix("figure:"): value
                for name, value in values.items()
                if value is None or isinstance(value, int | float)
            }
            flags += frame_flags(features, parameters.quality, parameters.plate.assay)
        self._columns.add(values)
        self._imaged.append(values.get("file") is not None)
        self._taken.append(taken and reason is None)
        self._flags.append(flags)

    def table(self) -> tuple[pd.DataFrame, list[list[Flag]]]:
        """Give the figures and the flags of the rows, and let go of them."""
        wells = self._columns.table()
        wells["imaged"] = self._imaged
        wells["accepted"] = self._taken
        return wells, self._flags


def plate_findings(
    layout: RowLayout, parameters: Parameters
) -> tuple[list[tuple[str, Flag]], list[str]]:
    """Say what concerns whole plates: an assumed dose time, no vehicle.

    Parameters
    ----------
    layout : RowLayout
        All plates.
    parameters : Parameters
        For the dose time and severities.

    Returns
    -------
    list of (str, Flag)
        Plate and finding.
    list of str
        Sentences for the user.
    """
    found: list[tuple[str, Flag]] = []
    notes: list[str] = []
    for plate, wells in layout.plates.items():
        known = any(dosed_at(w.entry) is not None for w in wells)
        if not known and parameters.plate.dose_time_h is None:
            found.append((plate, Flag("dose_time_assumed")))
            notes.append(
                f"Plate {plate}: no dose time was given, so the first frame counts as the time of "
                "the first dose; state it with --dose-time or the map's column dosed_at_h."
            )
    for plate, wells in layout.plates.items() if layout.mapped else ():
        if not any(w.entry is not None and w.entry.role == "vehicle" for w in wells):
            found.append((plate, Flag("no_vehicle")))
    return [(plate, resolve(flag, parameters.quality)) for plate, flag in found], notes


def score_plate(reader: PlateReader, parameters: Parameters, *, mapped: bool) -> ScoredRows:
    """Judge every row of a plate.

    Parameters
    ----------
    reader : PlateReader
        Has taken all rows; they are let go of.
    parameters : Parameters
        Thresholds.
    mapped : bool
        Whether there is a plate map.

    Returns
    -------
    ScoredRows
        Same rows, same order.
    """
    wells, flags = reader.table()
    wells["dose_time_h"] = _dose_times(wells, parameters)
    wells["time_since_dose_h"] = wells["time_h"] - wells["dose_time_h"]
    if parameters.plate.assay is Assay.SINGLE:
        _follow(wells, flags, parameters)
        if mapped:
            _few_references(wells, flags, parameters)
    else:
        wells["scorable"] = _scorable(wells, flags, {}, parameters)
        _append(flags, series_flags(wells, parameters.quality))
        wells["state"] = np.where(_scorable(wells, flags, {}, parameters), "", "unscorable")
    _blank_wells(wells, flags, parameters)
    final = [
        tuple(map(_warning, scored)) if taken else scored
        for scored, taken in zip(
            (_final(found, parameters) for found in flags), wells["accepted"], strict=True
        )
    ]
    columns: dict[str, Any] = {name: wells[name].to_numpy() for name in _KEPT if name in wells}
    # The words of the states, not a copy of them for every row.
    words = {name: name for name in (*STATES, "")}
    columns["state"] = [words[str(name)] for name in columns["state"]]
    return ScoredRows(columns, final)


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


def _dose_times(wells: pd.DataFrame, parameters: Parameters) -> pd.Series:
    """Dose time of every row's well.

    A well without a time of its own (a vehicle) takes the earliest of its plate; where the map
    gives none it is the parameter, and else the first frame (`plate_findings` says so).
    """
    own = wells["dosed_at_h"]
    dose = own.fillna(own.min())
    if parameters.plate.dose_time_h is not None:
        dose = dose.fillna(parameters.plate.dose_time_h)
    return dose.fillna(wells["time_h"].min())


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
        wells["is_t0"] = [label == t for label, t in origins.items()]
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
    outcome = time_to_disintegration(wells, parameters.states)
    since = {
        well: duration
        for well, event, duration in zip(
            outcome["well"], outcome["event"], outcome["duration_h"], strict=True
        )
        if event
    }
    wells["disintegrated_since_dose_h"] = [since.get(well, np.nan) for well in wells["well"]]


def _few_references(wells: pd.DataFrame, flags: list[list[Flag]], parameters: Parameters) -> None:
    """Flag rows that have too few vehicle wells to compare with, on plates that have any."""
    if not (wells["role"] == "vehicle").any():
        return
    counts = wells["n_reference_wells"]
    needs = wells["role"].isin(["treated", "positive_control", "vehicle"])
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
# Most findings are said of many rows in the same words.
_one_flag: Callable[[str, Severity | None, str], Flag] = lru_cache(maxsize=4096)(Flag)
