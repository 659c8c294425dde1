"""All rows of a run in one table: read from the records once, well by well.

What a frame shows by itself, and what a person decided about it, is flagged here, where all of
its values are at hand.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from spheroid_qc.flags import Flag, frame_flags
from spheroid_qc.parameters import Assay, Parameters, Severity
from spheroid_qc.plate_map.mapped_wells import MappedWell
from spheroid_qc.run.store.review_decisions import Exclusions
from spheroid_qc.run.store.well_records import WellTimepoint
from spheroid_qc.run.tables.row_layout import WellRows, treatment_columns
from spheroid_qc.run.tables.sphere_formation_assay import (
    combine_channels,
    is_counted,
    merge_fields,
    summarise_spheres,
)
from spheroid_qc.wells import row_column

_NAN = float("nan")


class Columns:
    """A table that grows row by row.

    Numbers are packed as doubles, and words are those of the well, which all of its rows share: a
    dictionary for every frame of a large plate would take a gigabyte.
    """

    def __init__(self) -> None:
        self._columns: dict[str, Any] = {}
        self._missing: dict[str, float | None] = {}
        self._length = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a row; a column begins with its first value, and what a row lacks is missing."""
        for name, value in row.items():
            if name not in self._columns and value is not None:
                words = isinstance(value, str)
                empty: Any = [None] if words else array("d", [_NAN])
                self._columns[name] = empty * self._length
                self._missing[name] = None if words else _NAN
        for name, column in self._columns.items():
            value = row.get(name)
            column.append(self._missing[name] if value is None else value)
        self._length += 1

    def table(self) -> pd.DataFrame:
        """Make the table; columns without any value are not in it."""
        series: dict[str, Any] = {
            name: np.asarray(column) if self._missing[name] is _NAN else pd.Series(column)
            for name, column in self._columns.items()
        }
        return pd.DataFrame(series, index=pd.RangeIndex(self._length))


@dataclass(frozen=True, slots=True)
class Picture:
    """A field that was segmented, and the name of the mask that came out.

    `row` is that of its well and time, among the collected rows; `stitched`: all fields were put
    together to one picture; `several`: the row has more than one picture; `content` tells the files
    of image and mask by their content.
    """

    row: int
    well_timepoint: WellTimepoint
    field: int
    mask: str
    stitched: bool
    several: bool
    content: str


class CollectedRows:
    """The rows of a run, before time zero, states and references are known.

    Where the user accepted a frame, findings that exclude are warnings.

    Attributes
    ----------
    wells : Columns
        One row per plate, well and time: place, treatment and measured values (`feature:` stands
        before those of the picture's quality, `map:` before columns of the map, further channels
        as `channel_column` names them), `imaged`, and `accepted` (a person takes the frame as it
        is).
    flags : list of list of Flag
        By row of `wells`.
    spheroids : Columns
        One row per spheroid; `of_row` is its row in `wells`.
    frames : Columns
        One row per frame, as in `frames.csv`.
    pictures : list of Picture
        All fields that have a mask.
    hashes : dict
        Input path -> SHA-256, as hexadecimal text.
    failures : dict
        Sentences on files that could not be read or analysed, each once.
    """

    def __init__(
        self, excluded: Exclusions, accepted: Exclusions, *, mapped: bool, parameters: Parameters
    ) -> None:
        self.wells, self.spheroids, self.frames = Columns(), Columns(), Columns()
        self.flags: list[list[Flag]] = []
        self.pictures: list[Picture] = []
        self.channels: set[str] = set()
        self.hashes: dict[str, str] = {}
        self.failures: dict[str, None] = {}
        self._excluded = excluded
        self._accepted = accepted
        self._mapped = mapped
        self._parameters = parameters
        self._single = parameters.plate.assay is Assay.SINGLE

    def add(self, of_well: WellRows, record: Mapping[str, dict[str, Any]]) -> None:
        """Add all rows of a well; `record` holds what was measured by a timepoint's signature."""
        entry, well = of_well.entry, of_well.well
        imaged = {found.timepoint: found for found in of_well.well_timepoints}
        treatment = treatment_columns(entry)
        shared: list[Flag] = []
        if imaged and len(imaged) < len(of_well.times):
            shared.append(Flag("incomplete_series"))
        if self._mapped and entry is None:
            shared.append(Flag("unmapped"))
        if entry is not None and not imaged:
            shared.append(Flag("mapped_without_image"))
        for timepoint, time in of_well.times.items():
            place = {
                "plate": of_well.plate,
                "well": well,
                "row": well.rstrip("0123456789"),
                "column": row_column(well)[1] + 1,
                "time_h": time.time_h,
                "timepoint": timepoint,
            }
            values, flags = place | treatment, list[Flag]()
            if timepoint in imaged:
                found = imaged[timepoint]
                self._read(found, record.get(found.signature), place, values, flags, entry)
                absent = sorted(time.channels - {frame.channel for frame in found.frames})
                if absent and not any(flag.code == "channel_missing" for flag in flags):
                    detail = f"Other wells of the plate have {', '.join(absent)} at this time."
                    flags.append(Flag("channel_missing", detail=detail))
            else:
                flags.append(Flag("missing_frame"))
            flags += shared
            if time.source == "index":
                flags.append(Flag("time_is_index"))
            values["imaged"] = timepoint in imaged
            values["accepted"] = self._decide(values, flags)
            if values.get("pixel_hash") is not None:
                features = {
                    name.removeprefix("feature:"): value
                    for name, value in values.items()
                    if value is None or isinstance(value, int | float)
                }
                flags += frame_flags(
                    features, self._parameters.quality, self._parameters.plate.assay
                )
            self.wells.add(values)
            self.flags.append(flags)

    def _decide(self, values: Mapping[str, Any], flags: list[Flag]) -> bool:
        """Flag what a person decided on a frame; tells whether it is taken as it is."""
        place = (values["plate"], values["well"], values["time_h"])
        accepted, left_out = self._accepted.reason(*place), self._excluded.reason(*place)
        # A frame without a measurement can't be accepted.
        taken = accepted is not None and values.get("pixel_hash") is not None
        if taken:
            flags.append(Flag("accepted_by_user", detail=accepted or ""))
        if left_out is not None:
            flags.append(Flag("excluded_by_user", detail=left_out))
        return taken and left_out is None

    def _read(
        self,
        well_timepoint: WellTimepoint,
        result: Mapping[str, Any] | None,
        place: Mapping[str, Any],
        values: dict[str, Any],
        flags: list[Flag],
        entry: MappedWell | None,
    ) -> None:
        """Enter what was measured of a well at one time into its values and flags."""
        values["file"] = path = well_timepoint.frames[0].path
        if result is None:
            detail = f"{path} ended the process that worked on it."
            result = {
                "problems": [("worker_died", f.path, detail) for f in well_timepoint.frames],
                "inputs": [],
                "fields": [],
            }
            self._add_frames(well_timepoint, result)
            self.failures[detail] = None
            flags.append(Flag("worker_died", detail=detail))
            return
        self._add_frames(well_timepoint, result)
        # A field of a single spheroid has a row even if it is empty; a record might say otherwise.
        fields = [one for one in result["fields"] if one["rows"] or not self._single]
        for code, _, sentence in result["problems"]:
            # One field of several that can't be read does not spoil the others.
            flags.append(Flag(code, Severity.WARN if fields else Severity.EXCLUDE, sentence))
            self.failures[sentence] = None
        flags += [Flag(code, detail=sentence) for code, sentence in result.get("review", ())]
        flags += [
            Flag("planes_unused", detail=entry["unused"])
            for entry in result["inputs"]
            if entry.get("unused")
        ]
        notes = dict.fromkeys(note for entry in result["inputs"] for note in entry["notes"])
        flags += [Flag("reader_note", detail=note) for note in notes]
        if not fields:
            return
        masks = [
            (found["field"], found["mask"], found["mask_sha256"])
            for found in fields
            if found["mask"]
        ]
        read = ";".join(str(entry["sha256"]) for entry in result["inputs"])
        stitched, row = bool(fields[0]["stitched"]), len(self.flags)
        self.pictures += [
            Picture(row, well_timepoint, number, mask, stitched, len(masks) > 1, f"{read};{drawn}")
            for number, mask, drawn in masks
        ]
        if not self._single:
            fields, more = merge_fields(fields, self._parameters)
            flags += more
        first = fields[0]
        for one in fields:
            self.channels.update(one["fluorescence"])
            self._add_spheroids(one, place, row)
        if self._single:
            values |= first["rows"][0]
        else:
            seeded = None if entry is None else entry.cells_seeded
            summary, more = summarise_spheres(fields, self._parameters, seeded)
            values |= summary
            flags += more
        values |= {
            "file": first["file"],
            "pixel_hash": first["pixel_hash"],
            "pixel_size_um": first["pixel_size_um"],
            # Of masks that a person drew there is no confidence.
            "confidence": float(np.fmin.reduce([found["confidence"] for found in fields])),
            "method": first["method"],
            "static_background_px": first.get("static_px"),
            **{f"feature:{name}": value for name, value in first["figures"].items()},
        }
        for channel, features in combine_channels(fields).items():
            values |= {channel_column(channel, name): value for name, value in features.items()}
        if any(found["pixel_size_um"] is None for found in fields):
            flags.append(Flag("uncalibrated"))
        conflicts = [f["pixel_size_conflict"] for f in fields if f["pixel_size_conflict"]]
        if conflicts:
            flags.append(Flag("pixel_size_conflict", detail=conflicts[0]))
        if self._single and result["n_fields"] > 1 and not first["stitched"]:
            flags.append(Flag("not_stitched", detail=f"Field {first['field']} was used."))
        if (first.get("neighbours") or {}).get("followed"):
            flags.append(Flag("steadied"))

    def _add_spheroids(self, one: Mapping[str, Any], place: Mapping[str, Any], row: int) -> None:
        """Add the spheroids of a field."""
        for number, body in enumerate(one["rows"], start=1):
            # An empty frame of a single spheroid has a row of its own, but no spheroid.
            if self._single and not (body.get("total_area_px") or 0) > 0:
                continue
            shared = {n: one[n] for n in ("field", "file", "pixel_size_um", "confidence", "method")}
            counted = int(is_counted(body, self._parameters))
            self.spheroids.add(
                {**place, **shared, "spheroid": number, "counted": counted, **body, "of_row": row}
            )

    def _add_frames(self, well_timepoint: WellTimepoint, result: Mapping[str, Any]) -> None:
        """Add a row for every frame, with what reading its file told."""
        read = {(entry["path"], entry.get("series")): entry for entry in result["inputs"]}
        problems = {path: (code, sentence) for code, path, sentence in result["problems"]}
        for frame in well_timepoint.frames:
            code, sentence = problems.get(frame.path, ("", ""))
            line = {name: getattr(frame, name) for name in _OF_FRAME}
            line["status"] = _STATUS.get(code, "failed") if code else "read"
            line["note"] = sentence
            entry = read.get(frame.image)
            if entry is not None:
                line["note"] = sentence or " ".join(
                    filter(None, (entry["unused"], *entry["notes"]))
                )
                self.hashes[frame.path] = line["sha256"] = entry["sha256"]
                line["height_px"], line["width_px"] = entry["shape"][:2]
                line |= {name: entry.get(name) for name in _OF_FILE}
            self.frames.add(line)


_STATUS = {
    "unreadable": "unreadable",
    "storage_failed": "unreadable",
    "channel_missing": "unused",
}
_OF_FRAME = (
    "path", "plate", "well", "field", "channel", "z", "timepoint", "time_h", "time_source", "page",
    "series", "scheme", "size",
)  # fmt: skip
_OF_FILE = ("dtype", "pixel_size_um", "pixel_size_source")


def channel_column(channel: str, feature: str) -> str:
    """Name of a feature of a further channel in a row; no column of a table is called so."""
    return f"channel:{channel}\x1f{feature}"
