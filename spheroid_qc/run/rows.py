"""From records to one row per well and time: measured values, what the map says, raw figures.

Every well of the map has a row at every time of its plate, imaged or not. Nothing is judged
here; `judge.py` does that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from spheroid_qc.flags import Flag
from spheroid_qc.measure import measured_columns
from spheroid_qc.parameters import Assay, Parameters, Severity
from spheroid_qc.plate.frames import Frame, FrameTable
from spheroid_qc.plate.map_models import MappedWell, PlateMap, condition_name
from spheroid_qc.plate.wells import row_column
from spheroid_qc.run.spheres import summarise_spheres
from spheroid_qc.run.work import Moment

__all__ = ["Gathered", "gather"]

Key = tuple[str, str]


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
        (path, page) -> what reading the frame's file told (shape, type, calibration, digest).
    channels : list of str
        Further channels, sorted.
    """

    wells: pd.DataFrame
    spheroids: pd.DataFrame
    flags: dict[int, list[Flag]] = field(default_factory=dict)
    frames: dict[str, dict[str, Any]] = field(default_factory=dict)
    channels: list[str] = field(default_factory=list)


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
    rows: list[dict[str, Any]] = []
    spheroids: list[dict[str, Any]] = []
    flags: dict[int, list[Flag]] = {}
    frames: dict[str, dict[str, Any]] = {}
    channels: set[str] = set()
    for plate, plate_time in times.items():
        wells = {w for p, w in moments if p == plate} | {w for p, w in mapped if p == plate}
        for well in sorted(wells, key=row_column):
            of_time = {m.timepoint: m for m in moments.get((plate, well), [])}
            entry = mapped.get((plate, well))
            for timepoint, (time_h, time_source) in plate_time.items():
                label = len(rows)
                line, found = _line(
                    of_time.get(timepoint), records.get((plate, well), {}), parameters, entry
                )
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
                spheroids += [place | s for s in line.pop("spheroids")]
                frames |= line.pop("frames")
                channels |= set(line.pop("channels"))
                rows.append(place | _treatment(entry) | line)
                flags[label] = found
    wells_table = pd.DataFrame(rows)
    for name in measured_columns(parameters.plate.assay.value):
        if name not in wells_table:
            wells_table[name] = float("nan")
    return Gathered(wells_table, pd.DataFrame(spheroids), flags, frames, sorted(channels))


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
    line: dict[str, Any] = {"spheroids": [], "frames": {}, "channels": []}
    if moment is None:
        return line, [Flag("missing_frame")]
    result = record.get(moment.signature)
    line["file"] = moment.frames[0].path
    if result is None:
        detail = f"{moment.frames[0].path} ended the process that worked on it."
        return line, [Flag("worker_died", detail=detail)]
    analysed = result["fields"]
    flags = []
    for code, path, sentence in result["problems"]:
        # One field of several that can't be read does not spoil the others.
        severity = Severity.WARN if analysed and code == "unreadable" else None
        flags.append(Flag(code, severity, sentence))
        line["frames"][path] = {"problem": sentence}
    for entry_read in result["inputs"]:
        line["frames"].setdefault(entry_read["path"], {})["sha256"] = entry_read["sha256"]
    if not analysed:
        return line, flags
    first = analysed[0]
    for field_result in analysed:
        line["frames"].setdefault(field_result["file"], {}).update(
            {
                "height_px": field_result["shape"][0],
                "width_px": field_result["shape"][1],
                "dtype": field_result["dtype"],
                "pixel_size_um": field_result["pixel_size_um"],
                "pixel_size_source": field_result["pixel_size_source"],
            }
        )
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
        "mask": first["mask"],
        "pixel_hash": first["pixel_hash"],
        "pixel_size_um": first["pixel_size_um"],
        "confidence": min(f["confidence"] for f in analysed),
        "method": first["method"],
        **{f"figure:{name}": value for name, value in first["figures"].items()},
    }
    for name, values in first["fluorescence"].items():
        line |= {f"{_token(name)}_{key}": value for key, value in values.items()}
    if first["pixel_size_um"] is None:
        flags.append(Flag("uncalibrated"))
    if first["pixel_size_conflict"]:
        flags.append(Flag("pixel_size_conflict", detail=first["pixel_size_conflict"]))
    if parameters.plate.assay is Assay.SINGLE and result["n_fields"] > 1 and not first["stitched"]:
        flags.append(Flag("not_stitched", detail=f"Field {first['field']} was used."))
    return line, flags


def _token(channel: str) -> str:
    """Channel name as part of a column name."""
    return "".join(c if c.isalnum() else "_" for c in channel).strip("_").lower() or "channel"


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
        line["reference_group"] = ""
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
