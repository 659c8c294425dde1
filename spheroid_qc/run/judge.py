"""From raw rows to judged rows: flags, time zero, states, comparison with t0 and vehicle.

The order matters: a frame that can't be trusted can't be time zero, several spheroids are told
at time zero, and only a state tells which wells are a reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from spheroid_qc import follow
from spheroid_qc.flags import Flag, frame_flags, resolve, series_flags
from spheroid_qc.parameters import Assay, Parameters, Severity
from spheroid_qc.run.exclusions import Exclusion
from spheroid_qc.run.rows import Gathered

__all__ = ["Judged", "judge"]

# What many spheres a well have in common with one: the picture, not the body's size and place.
_SERIES_OF_SPHERES = (
    "plate", "well", "time_h", "scorable", "pixel_hash", "n_spheroids", "figure:background_level",
)  # fmt: skip
_ABOUT_A_SPHEROID = frozenset(
    {
        "df_unvalidated", "drift", "few_references", "low_confidence", "low_contrast",
        "never_formed", "no_baseline", "no_spheroid", "out_of_focus", "size_jump",
        "size_outlier_t0", "touches_border", "vanished",
    }
)  # fmt: skip


@dataclass
class Judged:
    """The wells table with flags, states and comparisons.

    Parameters
    ----------
    wells : DataFrame
        As gathered, with `flags`, `state`, `is_t0`, `time_since_dose_h` and the comparisons.
    flags : dict
        Row label -> flags with their final severities, sorted by code.
    plate_flags : list of tuple
        (plate, Flag) of findings that concern a whole plate.
    notes : list of str
        Sentences for the user (e.g. that the dose time was assumed).
    """

    wells: pd.DataFrame
    flags: dict[int, list[Flag]]
    plate_flags: list[tuple[str, Flag]]
    notes: list[str]


def judge(
    gathered: Gathered,
    parameters: Parameters,
    exclusions: Sequence[Exclusion],
    *,
    mapped: bool,
    accepted: Sequence[Exclusion] = (),
) -> Judged:
    """Judge every row.

    Parameters
    ----------
    gathered : Gathered
        Raw rows.
    parameters : Parameters
        Thresholds.
    exclusions : sequence of Exclusion
        What the user left out.
    mapped : bool
        Whether there is a plate map.
    accepted : sequence of Exclusion
        What the user looked at and accepted: there, findings that exclude are warnings.

    Returns
    -------
    Judged
        Same rows, same order.
    """
    wells = gathered.wells.copy()
    flags: dict[int, list[Flag]] = {label: list(gathered.flags[label]) for label in wells.index}
    plate_flags: list[tuple[str, Flag]] = []
    notes: list[str] = []
    excluded, unknown = _excluded(wells, exclusions)
    notes += unknown
    taken = _accepted(wells, flags, accepted)
    wells["accepted"] = [label in taken and label not in excluded for label in wells.index]
    for label, reason in excluded.items():
        flags[label].append(Flag("excluded_by_user", detail=reason))
    for label, figures in _figures(wells):
        flags[label] += frame_flags(figures, parameters.quality, parameters.plate.assay.value)

    wells["dose_time_h"], assumed = _dose_times(wells, parameters)
    for plate in assumed:
        plate_flags.append((plate, Flag("dose_time_assumed")))
        notes.append(
            f"Plate {plate}: no dose time was given, so the first frame counts as the time of "
            "the first dose; state it with --dose-time or the map's column dosed_at_h."
        )
    wells["time_since_dose_h"] = wells["time_h"] - wells["dose_time_h"]

    single = parameters.plate.assay is Assay.SINGLE
    if single:
        _follow(wells, flags, parameters)
        if mapped:
            _few_references(wells, flags, parameters)
    else:
        wells["is_t0"] = False
        wells["scorable"] = _scorable(wells, flags, parameters)
        known = [name for name in _SERIES_OF_SPHERES if name in wells]
        series = series_flags(wells[known], parameters.quality)
        for label in flags:
            flags[label] += series.get(label, [])
        wells["state"] = np.where(_scorable(wells, flags, parameters), "", "unscorable")
        for name in ("disintegration_fraction", "disintegration_index"):
            wells[name] = np.nan
    if mapped:
        vehicles = (wells["role"] == "vehicle").groupby(wells["plate"], sort=True).any()
        lacking = vehicles.index[~vehicles].tolist()
        plate_flags += [(str(plate), Flag("no_vehicle")) for plate in lacking]
    _blank_wells(wells, flags, parameters)
    taken &= set(wells.index[wells["accepted"]])
    for label in flags:
        flags[label] = _final(flags[label], parameters)
        if label in taken:
            flags[label] = [_warning(flag) for flag in flags[label]]
    wells["flags"] = [";".join(f.code for f in flags[label]) for label in wells.index]
    return Judged(
        wells, flags, [(p, resolve(f, parameters.quality)) for p, f in plate_flags], notes
    )


def _blank_wells(wells: pd.DataFrame, flags: dict[int, list[Flag]], parameters: Parameters) -> None:
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


def _figures(wells: pd.DataFrame) -> Iterator[tuple[int, dict[str, float]]]:
    """Give the raw figures of the rows that were measured, one row at a time."""
    if "pixel_hash" not in wells:
        return
    numeric = wells.loc[wells["pixel_hash"].notna()].select_dtypes("number")
    names = [str(name).removeprefix("figure:") for name in numeric.columns]
    for label, values in zip(numeric.index.tolist(), numeric.to_numpy(dtype=float), strict=True):
        yield label, dict(zip(names, values.tolist(), strict=True))


def _excluded(
    wells: pd.DataFrame, exclusions: Sequence[Exclusion]
) -> tuple[dict[int, str], list[str]]:
    """Rows that the user left out, with the reason; sentences on exclusions that hit nothing."""
    found: dict[int, str] = {}
    unknown: list[str] = []
    plates = [str(plate) for plate in wells["plate"].unique()]
    for entry in exclusions:
        hit = wells["well"] == entry.well
        if entry.plate:
            hit &= wells["plate"] == _plate_named(entry.plate, plates)
        if entry.time_h is not None:
            hit &= (wells["time_h"] - entry.time_h).abs() < 1e-6 + 1e-5 * abs(entry.time_h)
        found |= dict.fromkeys(wells.index[hit], entry.reason)
        if not hit.any():
            plate = f" of plate {entry.plate}" if entry.plate else ""
            when = "" if entry.time_h is None else f" at {entry.time_h:g} h"
            unknown.append(
                f"The exclusions name well {entry.well}{plate}{when}, which is in no table; "
                "correct plate, well or time, or nothing is left out by that line."
            )
    return found, unknown


def _accepted(
    wells: pd.DataFrame, flags: dict[int, list[Flag]], accepted: Sequence[Exclusion]
) -> set[int]:
    """Rows that the user accepted, flagged so; a frame without a measurement can't be one."""
    found, _ = _excluded(wells, accepted)
    measured = wells["pixel_hash"].notna() if "pixel_hash" in wells else None
    taken = {label for label in found if measured is not None and measured[label]}
    for label in sorted(taken):
        flags[label].append(Flag("accepted_by_user", detail=found[label]))
    return taken


def _warning(flag: Flag) -> Flag:
    """Keep a finding on a frame that the user accepted, as a warning."""
    return replace(flag, severity=Severity.WARN) if flag.severity is Severity.EXCLUDE else flag


def _plate_named(name: str, plates: Sequence[str]) -> str | None:
    """Find the plate that a user means: by its name, whatever its case, or its folder's name."""
    key = name.strip().casefold()
    for known in (
        [plate for plate in plates if plate == name],
        [plate for plate in plates if plate.strip().casefold() == key],
        [plate for plate in plates if PurePosixPath(plate).name.strip().casefold() == key],
    ):
        if len(known) == 1:
            return known[0]
    return None


def _dose_times(wells: pd.DataFrame, parameters: Parameters) -> tuple[pd.Series, list[str]]:
    """Dose time of every row's well, and the plates for which it had to be assumed.

    A well without a time of its own (a vehicle) takes the earliest of its plate.
    """
    if "dosed_at_h" in wells:
        own = wells["dosed_at_h"].astype(float)
    else:
        own = pd.Series(np.nan, index=wells.index)
    plate_earliest = own.groupby(wells["plate"]).transform("min")
    dose = own.fillna(plate_earliest)
    if parameters.plate.dose_time_h is not None:
        dose = dose.fillna(parameters.plate.dose_time_h)
    assumed = sorted(wells.loc[dose.isna(), "plate"].unique())
    first = wells["time_h"].groupby(wells["plate"]).transform("min")
    return dose.fillna(first), assumed


def _scorable(
    wells: pd.DataFrame,
    flags: Mapping[int, list[Flag]],
    parameters: Parameters,
    *,
    ignoring: str = "",
) -> pd.Series:
    verdict = [
        not any(
            resolve(flag, parameters.quality).severity is Severity.EXCLUDE
            for flag in flags[label]
            if flag.code != ignoring
        )
        for label in wells.index
    ]
    verdict = [fine or taken for fine, taken in zip(verdict, wells["accepted"], strict=True)]
    return pd.Series(verdict, index=wells.index, dtype=bool)


def _follow(wells: pd.DataFrame, flags: dict[int, list[Flag]], parameters: Parameters) -> None:
    """Time zero, series flags, states and comparisons, written into the table and the flags."""
    frame_level = {label: list(found) for label, found in flags.items()}
    time_zero = pd.Series(dtype=object)
    # A series flag (a frame blurred beyond its plate) can move time zero, on which others rest.
    for _ in range(2):
        # Several spheroids are a finding at time zero; they must not take time zero away.
        wells["scorable"] = _scorable(wells, flags, parameters, ignoring="several_spheroids")
        time_zero = follow.find_time_zero(wells)
        wells["is_t0"] = [label == t for label, t in time_zero.items()]
        found = series_flags(wells, parameters.quality)
        for label in flags:
            flags[label] = frame_level[label] + found.get(label, [])
    wells["scorable"] = _scorable(wells, flags, parameters, ignoring="several_spheroids")
    time_zero = follow.find_time_zero(wells)
    wells["is_t0"] = [label == t for label, t in time_zero.items()]
    wells["scorable"] = _scorable(wells, flags, parameters)
    wells["state"] = follow.states(wells, time_zero, parameters.states)
    for name, column in follow.versus_time_zero(wells, time_zero).items():
        wells[str(name)] = column
    for name, column in follow.versus_vehicle(wells).items():
        wells[str(name)] = column
    imaged = wells["file"].notna() if "file" in wells else pd.Series(False, index=wells.index)
    for label in wells.index[time_zero.isna() & imaged]:
        flags[label].append(Flag("no_baseline"))
    for state in ("never_formed", "vanished"):
        for label in wells.index[wells["state"] == state]:
            flags[label].append(Flag(state))
    outcome = follow.time_to_disintegration(wells, parameters.states)
    since = {
        (plate, well): duration
        for plate, well, event, duration in zip(
            outcome["plate"], outcome["well"], outcome["event"], outcome["duration_h"], strict=True
        )
        if event
    }
    wells["disintegrated_since_dose_h"] = [
        since.get(key, np.nan) for key in zip(wells["plate"], wells["well"], strict=True)
    ]


def _few_references(
    wells: pd.DataFrame, flags: dict[int, list[Flag]], parameters: Parameters
) -> None:
    """Flag rows that have too few vehicle wells to compare with, on plates that have any."""
    counts = wells["n_reference_wells"]
    has_vehicle = (wells["role"] == "vehicle").groupby(wells["plate"]).transform("any")
    needs = wells["role"].isin(["treated", "positive_control", "vehicle"]) & has_vehicle
    few = needs & (counts < parameters.states.min_reference_wells)
    for label in wells.index[few & (wells["state"] != "unscorable")]:
        detail = f"Reference wells that can be used: {counts[label]}."
        flags[label].append(Flag("few_references", detail=detail))


def _final(found: list[Flag], parameters: Parameters) -> list[Flag]:
    """One flag a code, as grave as the gravest, with all details; sorted by code."""
    order = {severity: n for n, severity in enumerate((None, *Severity))}
    of_code: dict[str, list[Flag]] = {}
    for flag in (resolve(f, parameters.quality) for f in found):
        of_code.setdefault(flag.code, []).append(flag)
    kept = []
    for code in sorted(of_code):
        flags = sorted(of_code[code], key=lambda flag: -order[flag.severity])
        details = dict.fromkeys(flag.detail for flag in flags if flag.detail)
        kept.append(Flag(code, flags[0].severity, " ".join(details)))
    return kept
