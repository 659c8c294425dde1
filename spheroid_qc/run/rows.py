"""From records to one row per well and time: measured values, what the map says, raw figures.

Every well of the map has a row at every time of its plate, imaged or not. Nothing is judged
here; `judge.py` does that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from spheroid_qc.flags import Flag
from spheroid_qc.measure import measured_columns
from spheroid_qc.measure.channels import FLUORESCENCE_COLUMNS
from spheroid_qc.parameters import Assay, Parameters, Severity
from spheroid_qc.plate.frames import Frame, FrameTable
from spheroid_qc.plate.maps.models import MappedWell, PlateMap, condition_name
from spheroid_qc.plate.wells import row_column
from spheroid_qc.run.columns import Columns
from spheroid_qc.run.spheres import combine_channels, is_counted, judge_fields, summarise_spheres
from spheroid_qc.run.work import Moment

__all__ = ["FrameKey", "Gathered", "gather"]

Key = tuple[str, str]
_STATUS = {"unreadable": "unreadable", "channel_missing": "unused"}
FrameKey = tuple[str, int | None]


@dataclass
class Gathered:
    """Everything that is known before anything is judged.

    Parameters
    ----------
    wells : DataFrame
        One row per plate, well and time of the plate; columns prefixed `figure:` are raw
        quality figures and stay out of the tables.
    spheroids : DataFrame
        One row per spheroid and frame.
    flags : dict
        Row label of `wells` -> flags that the reading itself raised.
    frames : dict
        (path, page) -> what reading the frame's file told (shape, type, calibration, digest,
        problem).
    channels : list of str
        Columns of further channels, in their order.
    failures : list of str
        Sentences on files that could not be read or analysed, each once.
    """

    wells: pd.DataFrame
    spheroids: pd.DataFrame
    flags: dict[int, list[Flag]] = field(default_factory=dict)
    frames: dict[FrameKey, dict[str, Any]] = field(default_factory=dict)
    channels: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def gather(
    table: FrameTable,
    moments: Mapping[Key, list[Moment]],
    records: Mapping[Key, Mapping[str, dict[str, Any]]],
    plate_map: PlateMap | None,
    parameters: Parameters,
) -> Gathered:
    """Lay records, frame table and plate map side by side.

    Parameters
    ----------
    table : FrameTable
        Every frame and how its name was read.
    moments : mapping
        (plate, well) -> its moments.
    records : mapping
        (plate, well) -> signature -> what was measured.
    plate_map : PlateMap or None
        What was in the wells.
    parameters : Parameters
        All settings.

    Returns
    -------
    Gathered
        Sorted by plate, well (row, column) and time.
    """
    times = plate_times(table.frames)
    mapped = {} if plate_map is None else plate_map.for_plates(sorted(times))
    rows, spheroids = Columns(), Columns()
    flags: dict[int, list[Flag]] = {}
    frames: dict[FrameKey, dict[str, Any]] = {}
    failures: dict[str, None] = {}
    channels: set[str] = set()
    usual = _channels_at(moments)
    for plate, plate_time in times.items():
        wells = {w for p, w in moments if p == plate} | {w for p, w in mapped if p == plate}
        for well in sorted(wells, key=row_column):
            of_time = {m.timepoint: m for m in moments.get((plate, well), [])}
            entry = mapped.get((plate, well))
            record = records.get((plate, well), {}) if of_time else {}
            incomplete = bool(of_time) and len(of_time) < len(plate_time)
            for timepoint, (time_h, time_source) in plate_time.items():
                label = len(rows)
                moment = of_time.get(timepoint)
                line, found = _line(moment, record, parameters, entry)
                if moment is not None and not any(f.code == "channel_missing" for f in found):
                    found += _absent(moment, usual[plate, timepoint])
                if incomplete:
                    found.append(Flag("incomplete_series"))
                if plate_map is not None and entry is None:
                    found.append(Flag("unmapped"))
                if entry is not None and not of_time:
                    found.append(Flag("mapped_without_image"))
                if time_source == "index":
                    found.append(Flag("time_is_index"))
                _, column = row_column(well)
                place = {
                    "plate": plate,
                    "well": well,
                    "row": well.rstrip("0123456789"),
                    "column": column + 1,
                    "time_h": time_h,
                    "timepoint": timepoint,
                }
                for spheroid in line.pop("spheroids"):
                    spheroids.add(place | spheroid)
                frames |= line.pop("frames")
                channels |= set(line.pop("channels"))
                failures |= dict.fromkeys(line.pop("failures"))
                rows.add(place | _treatment(entry) | line)
                flags[label] = found
    wells_table = rows.table()
    for name in measured_columns(parameters.plate.assay.value):
        if name not in wells_table:
            wells_table[name] = float("nan")
    names = _channel_columns(wells_table, channels)
    return Gathered(wells_table, spheroids.table(), flags, frames, names, list(failures))


def _channels_at(moments: Mapping[Key, list[Moment]]) -> dict[tuple[str, int], set[str]]:
    """Channels in the names of each plate at each time."""
    found: dict[tuple[str, int], set[str]] = {}
    for (plate, _), of_well in moments.items():
        for moment in of_well:
            names = found.setdefault((plate, moment.timepoint), set())
            names |= {frame.channel for frame in moment.frames}
    return found


def _absent(moment: Moment, usual: set[str]) -> list[Flag]:
    """Flag a further channel that other wells have at this time."""
    absent = sorted(usual - {frame.channel for frame in moment.frames})
    if not absent:
        return []
    detail = f"Other wells of the plate have {', '.join(absent)} at this time."
    return [Flag("channel_missing", detail=detail)]


def _channel_columns(wells: pd.DataFrame, channels: set[str]) -> list[str]:
    """Give the columns of further channels their names: the channel's, fit for a column."""
    taken: set[str] = set()
    names = []
    for channel in sorted(channels):
        token = "".join(c if c.isalnum() else "_" for c in channel).strip("_").lower() or "channel"
        number = 1
        unique = token
        while unique in taken:
            number += 1
            unique = f"{token}_{number}"
        taken.add(unique)
        for key in FLUORESCENCE_COLUMNS:
            wells[f"{unique}_{key}"] = wells[_raw(channel, key)].astype(float)
            names.append(f"{unique}_{key}")
    return names


def _raw(channel: str, key: str) -> str:
    return f"channel:{channel}\x1f{key}"


def plate_times(frames: tuple[Frame, ...]) -> dict[str, dict[int, tuple[float, str]]]:
    """Collect the times of each plate: plate -> timepoint -> (hours, how they were read)."""
    found: dict[str, dict[int, tuple[float, str]]] = {}
    for frame in frames:
        found.setdefault(frame.plate, {}).setdefault(
            frame.timepoint, (frame.time_h, frame.time_source)
        )
    return {plate: dict(sorted(found[plate].items())) for plate in sorted(found)}


def _line(
    moment: Moment | None,
    record: Mapping[str, dict[str, Any]],
    parameters: Parameters,
    entry: MappedWell | None,
) -> tuple[dict[str, Any], list[Flag]]:
    line: dict[str, Any] = {"spheroids": [], "frames": {}, "channels": [], "failures": []}
    if moment is None:
        return line, [Flag("missing_frame")]
    result = record.get(moment.signature)
    line["file"] = moment.frames[0].path
    if result is None:
        detail = f"{moment.frames[0].path} ended the process that worked on it."
        line["failures"].append(detail)
        line["frames"] |= {
            (f.path, f.page): {"problem": detail, "status": "failed"} for f in moment.frames
        }
        return line, [Flag("worker_died", detail=detail)]
    analysed = result["fields"]
    flags = []
    for code, _, sentence in result["problems"]:
        # One field of several that can't be read does not spoil the others.
        severity = Severity.WARN if analysed else Severity.EXCLUDE
        flags.append(Flag(code, severity, sentence))
        line["failures"].append(sentence)
    line["frames"] = _frames_of(moment, result)
    flags += [Flag(code, detail=sentence) for code, sentence in result.get("review", ())]
    if not analysed:
        return line, flags
    if parameters.plate.assay is Assay.SPHERES:
        analysed, more = judge_fields(analysed, parameters)
        flags += more
    first = analysed[0]
    for field_result in analysed:
        line["channels"] += list(field_result["fluorescence"])
        for number, row in enumerate(field_result["rows"], start=1):
            # An empty frame of a single spheroid has a row of its own, but no spheroid.
            if parameters.plate.assay is Assay.SINGLE and not (row.get("total_area_px") or 0) > 0:
                continue
            line["spheroids"].append(
                {
                    "field": field_result["field"],
                    "file": field_result["file"],
                    "spheroid": number,
                    "counted": int(is_counted(row, parameters)),
                    "pixel_size_um": field_result["pixel_size_um"],
                    "confidence": field_result["confidence"],
                    "method": field_result["method"],
                    **row,
                }
            )
    if parameters.plate.assay is Assay.SINGLE:
        line |= first["rows"][0]
    else:
        values, more = summarise_spheres(
            analysed, parameters, None if entry is None else entry.cells_seeded
        )
        line |= values
        flags += more
    line |= {
        "file": first["file"],
        "field": first["field"],
        "stitched": first["stitched"],
        "masks": [(f["field"], f["mask"]) for f in result["fields"] if f["mask"]],
        "pixel_hash": first["pixel_hash"],
        "pixel_size_um": first["pixel_size_um"],
        # Of masks that a person drew there is no confidence.
        "confidence": float(np.fmin.reduce([f["confidence"] for f in analysed])),
        "method": first["method"],
        **{f"figure:{name}": value for name, value in first["figures"].items()},
    }
    for name, values in combine_channels(analysed).items():
        line |= {_raw(name, key): value for key, value in values.items()}
    if any(f["pixel_size_um"] is None for f in analysed):
        flags.append(Flag("uncalibrated"))
    conflicts = [f["pixel_size_conflict"] for f in analysed if f["pixel_size_conflict"]]
    if conflicts:
        flags.append(Flag("pixel_size_conflict", detail=conflicts[0]))
    if parameters.plate.assay is Assay.SINGLE and result["n_fields"] > 1 and not first["stitched"]:
        flags.append(Flag("not_stitched", detail=f"Field {first['field']} was used."))
    return line, flags


def _frames_of(moment: Moment, result: Mapping[str, Any]) -> dict[FrameKey, dict[str, Any]]:
    """Tell of each frame of a moment what reading it told."""
    read = {entry["path"]: entry for entry in result["inputs"]}
    problems = {path: (code, sentence) for code, path, sentence in result["problems"]}
    found: dict[FrameKey, dict[str, Any]] = {}
    for frame in moment.frames:
        known = found.setdefault((frame.path, frame.page), {})
        if frame.path in problems:
            code, known["problem"] = problems[frame.path]
            known["status"] = _STATUS.get(code, "failed")
        entry = read.get(frame.path)
        if entry is not None:
            known |= {
                "sha256": entry["sha256"],
                "height_px": entry["shape"][0],
                "width_px": entry["shape"][1],
                "dtype": entry["dtype"],
            }
            known |= {k: v for k, v in entry.items() if k.startswith("pixel_size")}
    return found


def _treatment(entry: MappedWell | None) -> dict[str, Any]:
    """Treatment columns of one well."""
    line: dict[str, Any] = {
        "condition": "unmapped" if entry is None else condition_name(entry),
        "role": "unmapped" if entry is None else entry.role,
    }
    doses = () if entry is None else entry.drugs
    for n in (1, 2, 3):
        dose = doses[n - 1] if len(doses) >= n else None
        line[f"drug_{n}"] = None if dose is None else dose.drug
        line[f"dose_{n}_um"] = None if dose is None else dose.dose_um
        line[f"dose_{n}"] = None if dose is None else dose.dose
        line[f"unit_{n}"] = None if dose is None else dose.unit
    if entry is None:
        # Nothing is known of it, so that no vehicle well is known to be its reference.
        line["reference_group"] = "\x00"
        return line
    starts = [d.dosed_at_h for d in doses if d.dosed_at_h is not None]
    if entry.dosed_at_h is not None:
        starts.append(entry.dosed_at_h)
    line |= {
        "dosed_at_h": min(starts) if starts else None,
        "washout_at_h": entry.washout_at_h,
        # What a well shares with its controls: the stock solution's solvent and the strata.
        "reference_group": "\x1f".join((entry.vehicle_group, *(v for _, v in entry.strata))),
        "control": entry.control,
        "cell_line": entry.cell_line,
        "vehicle_group": entry.vehicle_group,
        "biological_replicate": entry.biological_replicate,
        "replicate": entry.replicate,
        "passage": entry.passage,
        "cells_seeded": entry.cells_seeded,
    }
    # The map's own columns may be called anything, also like a column of ours.
    return line | {f"map:{name}": value for name, value in entry.extra.items()}
