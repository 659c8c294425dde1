"""Values by well (IncuCyte's exports, plate readers' grids) joined with a plate map."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from spheroid_qc.errors import RequestError
from spheroid_qc.plate_map import MappedWell, PlateMap
from spheroid_qc.plate_map.joined_end_point_values import end_points_of
from spheroid_qc.plate_map.long_form import find_wells
from spheroid_qc.response_tables.response_columns import meaning_of, response_of, response_values
from spheroid_qc.tables.find_heading_line import HeadingLine, decide_columns
from spheroid_qc.tables.located_cells import Table, TableRow
from spheroid_qc.tables.match_headings import Heading
from spheroid_qc.tables.parse_cells import (
    clean,
    numeric_text,
    read_well,
    well_of_row_and_column,
    without_percent,
)
from spheroid_qc.tables.parse_numbers import style_of
from spheroid_qc.tables.parse_times import read_hours
from spheroid_qc.tables.summary_lines import without_summary
from spheroid_qc.tables.table_messages import TableMessages
from spheroid_qc.wording import listed, plural


@dataclass(frozen=True)
class ValuesByWell:
    """Values by well and time, before anything is known of the wells.

    `rows` has `plate, well, time_h, response`, `places` says where each stands; `heading` is that
    of the response, `kind` and `unit` what it states. Of a table with a line a value, `line` has
    its headings, `body` its lines and `further` the columns that are not used.
    """

    rows: pd.DataFrame
    places: tuple[str, ...]
    heading: str
    kind: str = ""
    unit: str = ""
    line: HeadingLine | None = None
    body: Sequence[TableRow] = ()
    further: dict[int, Heading] = field(default_factory=dict)


def values_by_well(
    tables: Iterable[Table], response_column: str | None, messages: TableMessages
) -> ValuesByWell:
    """Read a table of values by well and time, or a plate drawn as grid.

    A `RequestError` says what is wrong.
    """
    tables = list(tables)
    for table in tables:
        line = find_wells(table)
        if line is not None:
            return _long(line, response_column, messages)
    points = end_points_of(tables, messages)
    wanted = response_column or (points.columns[0] if len(points.columns) == 1 else "")
    if wanted not in points.columns:
        raise RequestError(
            f"{tables[0].title} has several grids of values ({listed(points.columns)}); say which "
            "with --response-column."
        )
    kept = [(key, found[wanted]) for key, found in points.values.items() if wanted in found]
    rows = pd.DataFrame(
        {
            "plate": [plate or "" for (plate, _), _ in kept],
            "well": [well for (_, well), _ in kept],
            "response": [value for _, value in kept],
        }
    )
    places = tuple(f"{tables[0].title}, well {well}" for (_, well), _ in kept)
    messages.notes += [note for note in points.notes if note not in messages.notes]
    kind, unit = meaning_of(wanted) or ("", "")
    return ValuesByWell(_without_empty_plate(rows), places, wanted, kind, unit)


def _long(line: HeadingLine, response_column: str | None, messages: TableMessages) -> ValuesByWell:
    table = line.table
    body = without_summary(table, line.body(), messages, line.row)
    columns = decide_columns(line, messages)
    response, kind, unit = _response(line, columns, response_column)
    at = {heading.kind: column for column, heading in reversed(columns.items())}
    style = style_of(
        [[without_percent(numeric_text(line.cell(row, response))) for row in body]], table.separator
    )
    made: dict[str, Any] = {}
    if "plate" in at:
        made["plate"] = [clean(row.text(at["plate"])) for row in body]
    made["well"] = [_well(line, row, at, messages) for row in body]
    when = at.get("time_h", at.get("date"))
    if when is not None:
        cells = [line.cell(row, when) for row in body]
        hours = read_hours(columns[when], cells, style, messages)
        made["time_h"] = [np.nan if hour is None else hour for hour in hours]
    values, in_cells = response_values([line.cell(r, response) for r in body], style, messages)
    made["response"] = values
    messages.raise_if_problems()
    rows = pd.DataFrame(made)
    _refuse_doubled(rows, body, table, messages)
    further = {
        column: heading
        for column, heading in columns.items()
        if column not in (response, when) and heading.kind not in ("plate", "well", "row", "column")
    }
    return ValuesByWell(
        rows, tuple(table.place(row.line) for row in body), line.row.text(response), kind,
        unit or in_cells, line, body, further,
    )  # fmt: skip


def _refuse_doubled(
    rows: pd.DataFrame, body: Sequence[TableRow], table: Table, messages: TableMessages
) -> None:
    """Refuse two values of one well at one time: of two plates, or of two readings."""
    names = [name for name in ("plate", "well", "time_h") if name in rows]
    measured = rows[rows["response"].notna()]
    doubled = measured.index[measured.duplicated(names)]
    for at in doubled[:1]:
        same = (measured[names] == measured.loc[at, names]).all(axis=1)
        first = body[int(measured.index[same][0])].line
        messages.problem(
            f"{table.place(body[int(at)].line)}: well {rows['well'][at]} has a value in line "
            f"{first} already ({plural(len(doubled), 'such line')}); add a column plate or time_h "
            "if they are different plates or times, else keep one of them.",
            "doubled wells",
        )


def _response(
    line: HeadingLine, columns: dict[int, Heading], wanted: str | None
) -> tuple[int, str, str]:
    """Find the response: as named, as its heading tells, or the only column left."""
    if wanted is None:
        further = [column for column, heading in columns.items() if heading.kind == "extra"]
        if len(further) == 1:
            kind, unit = meaning_of(columns[further[0]].written) or ("", "")
            return further[0], kind, unit
    return response_of(line.table, line.row, wanted)


def _well(line: HeadingLine, row: TableRow, at: dict[str, int], messages: TableMessages) -> str:
    if "well" in at:
        return read_well(line.cell(row, at["well"]), messages) or ""
    pair = (line.cell(row, at["row"]), line.cell(row, at["column"]))
    return well_of_row_and_column(pair, messages) or ""


def _without_empty_plate(rows: pd.DataFrame) -> pd.DataFrame:
    return rows if (rows["plate"] != "").any() else rows.drop(columns="plate")


def joined(rows: pd.DataFrame, plate_map: PlateMap, messages: TableMessages) -> pd.DataFrame:
    """Give every row what the map says of its well; wells that are not mapped enter no fit."""
    messages.notes += [*plate_map.notes, *plate_map.warnings]
    plates = list(dict.fromkeys(rows["plate"])) if "plate" in rows else [""]
    if "plate" not in rows and len(plate_map.plates) > 1:
        raise RequestError(
            f"{plate_map.source} is a map of several plates ({listed(plate_map.plates, 8)}), but "
            "the values name none; add a column plate to them."
        )
    by_well: dict[tuple[str, str], MappedWell]
    if "plate" in rows:
        by_well = plate_map.for_plates(plates)
    else:
        by_well = {("", well.well): well for well in plate_map.wells}
    own = rows["plate"] if "plate" in rows else [""] * len(rows)
    found = [by_well.get(key) for key in zip(own, rows["well"], strict=True)]
    lost = list(dict.fromkeys(w for w, one in zip(rows["well"], found, strict=True) if one is None))
    if lost:
        messages.notes.append(
            f"{plural(len(lost), 'well')} with values but not on the map, left out of every fit: "
            f"{listed(lost, 8)}."
        )
    if not any(found):
        raise RequestError(f"No well of the values is on the map {plate_map.source}.")
    made: dict[str, Any] = {"role": [one.role if one else "unmapped" for one in found]}
    for slot in range(max([1, *(len(one.drugs) for one in found if one)])):
        doses = [one.drugs[slot] if one and slot < len(one.drugs) else None for one in found]
        made[f"drug_{slot + 1}"] = [dose.drug if dose else "" for dose in doses]
        made[f"dose_{slot + 1}_um"] = [
            dose.dose_um if dose and dose.dose_um is not None else np.nan for dose in doses
        ]
        made[f"dose_{slot + 1}"] = [
            dose.dose if dose and dose.dose_um is None else np.nan for dose in doses
        ]
        made[f"unit_{slot + 1}"] = [
            dose.unit if dose and dose.dose_um is None else "" for dose in doses
        ]
    for name in ("cell_line", "passage", "replicate", "biological_replicate"):
        values = [getattr(one, name) if one else "" for one in found]
        if any(values):
            made[name] = values
    strata = [_further_strata(one) if one else "" for one in found]
    if any(strata):
        made["stratum"] = strata
    return rows.assign(**made)


def _further_strata(well: MappedWell) -> str:
    own = [f"{name} {value}" for name, value in well.strata if name not in ("cell_line", "passage")]
    if well.vehicle_group:
        own.append(f"vehicle_group {well.vehicle_group}")
    return " | ".join(own)
