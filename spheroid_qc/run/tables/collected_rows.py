"""All rows of a run in one table: read from the records once, well by well.

What a frame shows by itself, and what a person decided about it, is flagged here, where all of
its values are at hand.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from spheroid_qc.flags import Flag, frame_flags
from spheroid_qc.parameters import Parameters
from spheroid_qc.run.store.decisions import Exclusions
from spheroid_qc.run.store.well_records import WellTimepoint
from spheroid_qc.run.tables.table_columns import frame_rows
from spheroid_qc.run.tables.well_rows import Record, Row, RowLayout, WellRows, read_rows

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
        series = {
            name: np.asarray(column) if self._missing[name] is _NAN else pd.Series(column)
            for name, column in self._columns.items()
        }
        return pd.DataFrame(series, index=pd.RangeIndex(self._length))


@dataclass(frozen=True, slots=True)
class Picture:
    """A field that was segmented, and the mask that came out.

    Parameters
    ----------
    row : int
        Of its well and time, among the collected rows.
    well_timepoint : WellTimepoint
        What was imaged.
    field : int
        Number of the field.
    mask : str
        Name of the mask.
    stitched : bool
        Whether all fields were put together to one picture.
    several : bool
        Whether the row has more than one picture.
    """

    row: int
    well_timepoint: WellTimepoint
    field: int
    mask: str
    stitched: bool
    several: bool


@dataclass
class CollectedRows:
    """The rows of a run, before time zero, states and references are known.

    Parameters
    ----------
    wells : DataFrame
        One row per plate, well and time: place, treatment, measured values, `imaged` and
        `accepted` (bool: a person takes the frame as it is).
    flags : list of list of Flag
        By row of `wells`.
    spheroids : DataFrame
        One row per spheroid; `of_row` is its row in `wells`.
    frames : DataFrame
        One row per frame.
    pictures : list of Picture
        All fields that have a mask.
    channels : set of str
        Further channels.
    hashes : dict
        Input path -> SHA-256, as hexadecimal text.
    failures : dict
        Sentences on files that could not be read or analysed, each once.
    """

    wells: pd.DataFrame
    flags: list[list[Flag]]
    spheroids: pd.DataFrame
    frames: pd.DataFrame
    pictures: list[Picture] = field(default_factory=list)
    channels: set[str] = field(default_factory=set)
    hashes: dict[str, str] = field(default_factory=dict)
    failures: dict[str, None] = field(default_factory=dict)


def collect_rows(
    layout: RowLayout,
    records: Callable[[WellRows], Record],
    excluded: Exclusions,
    accepted: Exclusions,
    parameters: Parameters,
) -> CollectedRows:
    """Read all records into tables.

    Parameters
    ----------
    layout : RowLayout
        All wells and times, in order.
    records : callable
        Gives the record of a well.
    excluded : Exclusions
        What the user left out.
    accepted : Exclusions
        What the user looked at and accepted: there, findings that exclude are warnings.
    parameters : Parameters
        Thresholds.

    Returns
    -------
    CollectedRows
    """
    wells, spheroids, frames = Columns(), Columns(), Columns()
    found = CollectedRows(pd.DataFrame(), [], pd.DataFrame(), pd.DataFrame())
    for of_well in (of_well for of_plate in layout.plates.values() for of_well in of_plate):
        for row in read_rows(layout, of_well, records(of_well), parameters):
            number = len(found.flags)
            values = row.values
            place = (values["plate"], values["well"], values["time_h"])
            left_out = excluded.reason(*place)
            accepted_for = accepted.reason(*place)
            # A frame without a measurement can't be accepted.
            taken = accepted_for is not None and values.get("pixel_hash") is not None
            flags = _own_flags(row, left_out, accepted_for if taken else None, parameters)
            found.flags.append(flags)
            imaged = values.get("file") is not None
            wells.add(values | {"imaged": imaged, "accepted": taken and left_out is None})
            for spheroid in row.spheroids:
                spheroids.add(spheroid | {"of_row": number})
            for line in frame_rows(row):
                frames.add(line)
                if "sha256" in line:
                    found.hashes[line["path"]] = line["sha256"]
            found.pictures += _pictures(row, number)
            found.channels.update(row.channels)
            found.failures |= dict.fromkeys(row.failures)
    found.wells, found.spheroids, found.frames = wells.table(), spheroids.table(), frames.table()
    for name in ("imaged", "accepted"):
        found.wells[name] = found.wells[name].astype(bool)
    return found


def _pictures(row: Row, number: int) -> list[Picture]:
    well_timepoint = row.well_timepoint
    if well_timepoint is None:
        return []
    stitched, several = bool(row.values.get("stitched")), len(row.masks) > 1
    return [
        Picture(number, well_timepoint, one, mask, stitched, several) for one, mask in row.masks
    ]


def _own_flags(
    row: Row, left_out: str | None, accepted_for: str | None, parameters: Parameters
) -> list[Flag]:
    """Flag one frame by its reading, by what a person said of it, and by its features."""
    flags = list(row.flags)
    if accepted_for is not None:
        flags.append(Flag("accepted_by_user", detail=accepted_for))
    if left_out is not None:
        flags.append(Flag("excluded_by_user", detail=left_out))
    if row.values.get("pixel_hash") is not None:
        features = {
            name.removeprefix("figure:"): value
            for name, value in row.values.items()
            if value is None or isinstance(value, int | float)
        }
        flags += frame_flags(features, parameters.quality, parameters.plate.assay)
    return flags
