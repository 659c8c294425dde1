"""From records to one row per well and time: measured values, what the map says, raw figures.

Every well of the map has a row at every time of its plate, imaged or not. Rows are made from the
records one well at a time, as often as they are needed, and never held together. Nothing is
judged here; `judge.py` does that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spheroid_qc.flags import Flag
from spheroid_qc.frames.frame_table import Frame, FrameTable
from spheroid_qc.parameters import Assay, Parameters, Severity
from spheroid_qc.plate_map.mapped_wells import MappedWell, PlateMap, condition_name
from spheroid_qc.run.store.well_records import WellTimepoint
from spheroid_qc.run.tables.spheres_assay import (
    combine_channels,
    is_counted,
    merge_fields,
    summarise_spheres,
)
from spheroid_qc.wells import row_column

Key = tuple[str, str]
Record = Mapping[str, dict[str, Any]]
"""What was measured in one well: signature of a moment -> its result."""

_STATUS = {"unreadable": "unreadable", "channel_missing": "unused"}


@dataclass(frozen=True)
class WellRows:
    """One well of the tables: it has a row at every time of its plate.

    Parameters
    ----------
    plate, well : str
        Which.
    times : mapping
        Timepoint of the plate -> hours, and how they were read.
    well_timepoints : sequence of WellTimepoint
        What was imaged.
    entry : MappedWell or None
        What the plate map says of it.
    """

    plate: str
    well: str
    times: Mapping[int, tuple[float, str]]
    well_timepoints: Sequence[WellTimepoint]
    entry: MappedWell | None


@dataclass(frozen=True)
class RowLayout:
    """All rows of the tables, in their order, before anything of them is read.

    Parameters
    ----------
    plates : dict
        Plate -> its wells, sorted by row and column.
    mapped : bool
        Whether there is a plate map.
    usual : dict
        (plate, timepoint) -> channels in the names of its files.
    """

    plates: dict[str, list[WellRows]]
    mapped: bool
    usual: dict[tuple[str, int], set[str]]


@dataclass(slots=True)
class Row:
    """One well at one time.

    Parameters
    ----------
    values : dict
        Place, treatment and measured values; names prefixed `figure:` are raw quality figures,
        those of `channel_column` further channels.
    flags : list of Flag
        What the reading itself raised.
    well_timepoint : WellTimepoint or None
        What was imaged.
    spheroids : list of dict
        One for every spheroid.
    frames : list of (Frame, dict)
        What reading each frame's file told (shape, type, calibration, digest, problem).
    masks : list of (int, str)
        Field and mask, where there is one.
    channels : list of str
        Further channels.
    failures : list of str
        Sentences on files that could not be read or analysed.
    """

    values: dict[str, Any]
    flags: list[Flag]
    well_timepoint: WellTimepoint | None
    spheroids: list[dict[str, Any]] = field(default_factory=list)
    frames: list[tuple[Frame, dict[str, Any]]] = field(default_factory=list)
    masks: list[tuple[int, str]] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def lay_out(
    table: FrameTable,
    well_timepoints: Mapping[Key, list[WellTimepoint]],
    plate_map: PlateMap | None,
) -> RowLayout:
    """Lay frame table and plate map side by side.

    Parameters
    ----------
    table : FrameTable
        Every frame and how its name was read.
    well_timepoints : mapping
        (plate, well) -> its moments.
    plate_map : PlateMap or None
        What was in the wells.

    Returns
    -------
    RowLayout
        Sorted by plate, well (row, column) and time.
    """
    times = _plate_times(table.frames)
    mapped = {} if plate_map is None else plate_map.for_plates(sorted(times))
    wells: dict[str, set[str]] = {plate: set() for plate in times}
    for plate, well in (*well_timepoints, *mapped):
        if plate in wells:
            wells[plate].add(well)
    plates = {
        plate: [
            WellRows(
                plate,
                well,
                times[plate],
                well_timepoints.get((plate, well), ()),
                mapped.get((plate, well)),
            )
            for well in sorted(wells[plate], key=row_column)
        ]
        for plate in times
    }
    return RowLayout(plates, plate_map is not None, _channels_at(well_timepoints))


def read_rows(
    layout: RowLayout, of_well: WellRows, record: Record, parameters: Parameters
) -> Iterator[Row]:
    """Make the rows of one well.

    Parameters
    ----------
    layout : RowLayout
        Of the whole run.
    of_well : WellRows
        The well.
    record : mapping
        What was measured in it.
    parameters : Parameters
        All settings.

    Yields
    ------
    Row
        In order of time.
    """
    plate, well, entry = of_well.plate, of_well.well, of_well.entry
    of_time = {
        well_timepoint.timepoint: well_timepoint for well_timepoint in of_well.well_timepoints
    }
    treatment = _treatment(entry)
    letters, column = well.rstrip("0123456789"), row_column(well)[1] + 1
    shared: list[Flag] = []
    if of_time and len(of_time) < len(of_well.times):
        shared.append(Flag("incomplete_series"))
    if layout.mapped and entry is None:
        shared.append(Flag("unmapped"))
    if entry is not None and not of_time:
        shared.append(Flag("mapped_without_image"))
    for timepoint, (time_h, time_source) in of_well.times.items():
        well_timepoint = of_time.get(timepoint)
        place = {
            "plate": plate,
            "well": well,
            "row": letters,
            "column": column,
            "time_h": time_h,
            "timepoint": timepoint,
        }
        row = Row(place | treatment, [], well_timepoint)
        if well_timepoint is None:
            row.flags.append(Flag("missing_frame"))
        else:
            _read_timepoint(
                row, well_timepoint, record.get(well_timepoint.signature), parameters, entry
            )
            if not any(f.code == "channel_missing" for f in row.flags):
                row.flags += _absent(well_timepoint, layout.usual[plate, timepoint])
        row.flags += shared
        if time_source == "index":
            row.flags.append(Flag("time_is_index"))
        row.spheroids = [place | spheroid for spheroid in row.spheroids]
        yield row


def _channels_at(
    well_timepoints: Mapping[Key, list[WellTimepoint]],
) -> dict[tuple[str, int], set[str]]:
    """Channels in the names of each plate at each time."""
    found: dict[tuple[str, int], set[str]] = {}
    for (plate, _), of_well in well_timepoints.items():
        for well_timepoint in of_well:
            names = found.setdefault((plate, well_timepoint.timepoint), set())
            names |= {frame.channel for frame in well_timepoint.frames}
    return found


def _absent(well_timepoint: WellTimepoint, usual: set[str]) -> list[Flag]:
    """Flag a further channel that other wells have at this time."""
    absent = sorted(usual - {frame.channel for frame in well_timepoint.frames})
    if not absent:
        return []
    detail = f"Other wells of the plate have {', '.join(absent)} at this time."
    return [Flag("channel_missing", detail=detail)]


def channel_column(channel: str, figure: str) -> str:
    """Name of a figure of a further channel in a row; no column of a table is called so."""
    return f"channel:{channel}\x1f{figure}"


def _plate_times(frames: tuple[Frame, ...]) -> dict[str, dict[int, tuple[float, str]]]:
    """Collect the times of each plate: plate -> timepoint -> (hours, how they were read)."""
    found: dict[str, dict[int, tuple[float, str]]] = {}
    for frame in frames:
        of_plate = found.setdefault(frame.plate, {})
        if frame.timepoint not in of_plate:
            of_plate[frame.timepoint] = (frame.time_h, frame.time_source)
    return {plate: dict(sorted(found[plate].items())) for plate in sorted(found)}


def _read_timepoint(
    row: Row,
    well_timepoint: WellTimepoint,
    result: Mapping[str, Any] | None,
    parameters: Parameters,
    entry: MappedWell | None,
) -> None:
    """Enter what was measured at one time."""
    line, flags = row.values, row.flags
    line["file"] = well_timepoint.frames[0].path
    if result is None:
        detail = f"{well_timepoint.frames[0].path} ended the process that worked on it."
        row.failures.append(detail)
        row.frames = [(f, {"problem": detail, "status": "failed"}) for f in well_timepoint.frames]
        flags.append(Flag("worker_died", detail=detail))
        return
    analysed = result["fields"]
    for code, _, sentence in result["problems"]:
        # One field of several that can't be read does not spoil the others.
        severity = Severity.WARN if analysed else Severity.EXCLUDE
        flags.append(Flag(code, severity, sentence))
        row.failures.append(sentence)
    row.frames = _frames_of(well_timepoint, result)
    flags += [Flag(code, detail=sentence) for code, sentence in result.get("review", ())]
    if not analysed:
        return
    single = parameters.plate.assay is Assay.SINGLE
    if not single:
        analysed, more = merge_fields(analysed, parameters)
        flags += more
    first = analysed[0]
    for field_result in analysed:
        row.channels += list(field_result["fluorescence"])
        for number, body in enumerate(field_result["rows"], start=1):
            # An empty frame of a single spheroid has a row of its own, but no spheroid.
            if single and not (body.get("total_area_px") or 0) > 0:
                continue
            row.spheroids.append(
                {
                    "field": field_result["field"],
                    "file": field_result["file"],
                    "spheroid": number,
                    "counted": int(is_counted(body, parameters)),
                    "pixel_size_um": field_result["pixel_size_um"],
                    "confidence": field_result["confidence"],
                    "method": field_result["method"],
                    **body,
                }
            )
    if single:
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
        "pixel_hash": first["pixel_hash"],
        "pixel_size_um": first["pixel_size_um"],
        # Of masks that a person drew there is no confidence.
        "confidence": float(np.fmin.reduce([f["confidence"] for f in analysed])),
        "method": first["method"],
        **{f"figure:{name}": value for name, value in first["figures"].items()},
    }
    row.masks = [(f["field"], f["mask"]) for f in result["fields"] if f["mask"]]
    for name, values in combine_channels(analysed).items():
        line |= {channel_column(name, key): value for key, value in values.items()}
    if any(f["pixel_size_um"] is None for f in analysed):
        flags.append(Flag("uncalibrated"))
    conflicts = [f["pixel_size_conflict"] for f in analysed if f["pixel_size_conflict"]]
    if conflicts:
        flags.append(Flag("pixel_size_conflict", detail=conflicts[0]))
    if single and result["n_fields"] > 1 and not first["stitched"]:
        flags.append(Flag("not_stitched", detail=f"Field {first['field']} was used."))


def _frames_of(
    well_timepoint: WellTimepoint, result: Mapping[str, Any]
) -> list[tuple[Frame, dict[str, Any]]]:
    """Tell of each frame of a moment what reading it told."""
    read = {entry["path"]: entry for entry in result["inputs"]}
    problems = {path: (code, sentence) for code, path, sentence in result["problems"]}
    found: list[tuple[Frame, dict[str, Any]]] = []
    for frame in well_timepoint.frames:
        known: dict[str, Any] = {}
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
        found.append((frame, known))
    return found


def dosed_at(entry: MappedWell | None) -> float | None:
    """Time of a well's first dose in hours, as the map states it; None if it does not."""
    if entry is None:
        return None
    starts = [d.dosed_at_h for d in entry.drugs if d.dosed_at_h is not None]
    if entry.dosed_at_h is not None:
        starts.append(entry.dosed_at_h)
    return min(starts, default=None)


def _treatment(entry: MappedWell | None) -> dict[str, Any]:
    """Treatment columns of one well."""
    line: dict[str, Any] = {
        "condition": "unmapped" if entry is None else condition_name(entry),
        "role": "unmapped" if entry is None else entry.role,
        "stratum": "" if entry is None else entry.stratum,
        "schedule": "" if entry is None else entry.schedule,
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
    line |= {
        "dosed_at_h": dosed_at(entry),
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
