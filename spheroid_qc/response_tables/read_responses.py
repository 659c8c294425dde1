"""Tables that people bring: CSV, TSV or XLSX in, one row per response with known columns out.

Headings are read as those of plate maps are (`dose_1_um`, `Conc. (nM)`, SynergyFinder's
`conc_r`), doses become uM where they can, decimal commas are recognised from all cells
together. What can't be read with certainty is refused with its place; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from spheroid_qc.errors import RequestError
from spheroid_qc.plate_map import PlateMap
from spheroid_qc.plate_map.grid_form import find_grids
from spheroid_qc.plate_map.long_form import find_wells
from spheroid_qc.plate_map.read_map import CONTENT, plate_map_of
from spheroid_qc.response_tables.pooled_columns import account_for, known_rows, refuse_gaps
from spheroid_qc.response_tables.response_columns import has_response, response_of
from spheroid_qc.response_tables.responses_with_map import joined, values_by_well
from spheroid_qc.response_tables.rows_of_responses import rows_of, understood
from spheroid_qc.tables.distinguishing_columns import stem_of, would_be_pooled
from spheroid_qc.tables.dose_units import KNOWN_UNITS
from spheroid_qc.tables.find_heading_line import (
    HeadingLine,
    decide_columns,
    find_heading_line,
    is_matrix,
)
from spheroid_qc.tables.instruments import read_any_table
from spheroid_qc.tables.instruments.dose_columns import with_drugs_named
from spheroid_qc.tables.instruments.wide_columns import long_form
from spheroid_qc.tables.located_cells import Table, TableRow
from spheroid_qc.tables.parse_times import plain_hours
from spheroid_qc.tables.stated_columns import as_stated
from spheroid_qc.tables.summary_lines import without_summary
from spheroid_qc.tables.table_messages import TableMessages
from spheroid_qc.wording import listed

_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".pzfx")
# Columns of these kinds are matrix indices where drugs are called row and column.
_INDICES = frozenset({"row", "column"})


@dataclass(frozen=True)
class ResponseTable:
    """A table of responses, read.

    `rows` has `plate, well, role, replicate, biological_replicate, cell_line, passage, stratum,
    block, time_h` as far as the table has them (text, or numbers), `drug_n, dose_n_um, dose_n,
    unit_n`, and `response`; `places` says of each where it stands, for messages. `response` is its
    heading as written; `stated_kind` and `stated_unit` are what that heading states, empty where it
    doesn't.
    """

    rows: pd.DataFrame
    places: tuple[str, ...]
    response: str
    stated_kind: str = ""
    stated_unit: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableOptions:
    """What a user states of a table of responses besides what it says itself.

    `response_column` is the heading of the response; `dose_scale` is `log10` where doses are
    logarithms; `columns_are`: what the columns of a wide table are (`replicates`, `drugs`,
    `cell-lines`); `plate_map` tells what is in the wells of a table of values by well;
    `meanings` has pairs of a heading and what its column is (a key of `stated_columns.MEANINGS`).
    """

    response_column: str | None = None
    dose_scale: str = ""
    columns_are: str = ""
    plate_map: PlateMap | None = None
    meanings: tuple[tuple[str, str], ...] = ()


def read_response_files(path: Path, options: TableOptions | None = None) -> ResponseTable:
    """Read one table, or all tables of a folder as one.

    Files of a folder (CSV, TSV, TXT, XLSX; folders in it are not looked into) are parts of one
    table; where they name no plates and share wells, each file is a plate. The response is the
    column `response`, else the one that states its meaning (`viability`, `fa`, `inhibition`), if
    the options name none. A `RequestError` names every mistake and where it stands.
    """
    if not path.is_dir():
        return as_table(read_any_table(path), options)
    files = sorted(p for p in path.iterdir() if p.suffix.lower() in _SUFFIXES and p.is_file())
    files = [p for p in files if not p.name.startswith((".", "~$"))]
    if not files:
        raise RequestError(
            f"{path} holds neither run.json nor a table (CSV, TSV, TXT or XLSX); give a run "
            "folder or a table of responses."
        )
    parts = [as_table(read_any_table(file), options) for file in files]
    if len(parts) == 1:
        return parts[0]
    return _united(files, parts)


def _united(files: Sequence[Path], parts: Sequence[ResponseTable]) -> ResponseTable:
    """Put the files of a folder into one table."""
    stated = {(part.stated_kind, part.stated_unit) for part in parts}
    if len(stated) > 1:
        named = ", ".join(
            f"{part.response} in {f.name}" for f, part in zip(files, parts, strict=True)
        )
        raise RequestError(
            f"The files of the folder call their responses differently ({named}); give them one "
            "meaning and one unit."
        )
    notes = [note for part in parts for note in part.notes]
    rows = [part.rows for part in parts]
    if not any("plate" in part for part in rows) and all("well" in part for part in rows):
        keys = ["well", "time_h"] if all("time_h" in part for part in rows) else ["well"]
        if pd.concat([part[keys].drop_duplicates() for part in rows]).duplicated().any():
            rows = [part.assign(plate=f.stem) for f, part in zip(files, rows, strict=True)]
            notes.append(
                f"The {len(files)} files share wells and name no plate: each file is a plate, "
                "named like the file."
            )
    _refuse_files_that_differ(files, rows)
    if not any("plate" in part for part in rows) or any("plate" not in part for part in rows):
        notes.append(f"The {len(files)} files are read as parts of one table.")
    return ResponseTable(
        rows=pd.concat(rows, ignore_index=True),
        places=tuple(place for part in parts for place in part.places),
        response=parts[0].response,
        stated_kind=parts[0].stated_kind,
        stated_unit=parts[0].stated_unit,
        notes=tuple(dict.fromkeys(notes)),
    )


def _refuse_files_that_differ(files: Sequence[Path], rows: Sequence[pd.DataFrame]) -> None:
    """Ask about files of one treatment whose names differ in words: cell lines, times, media."""
    together = pd.concat(rows, ignore_index=True)
    names = [stem_of(file.stem) for file, part in zip(files, rows, strict=True) for _ in part.index]
    times = {tuple(filter(None, map(plain_hours, re.split(r"[_ .]+", f.stem)))) for f in files}
    # Each drug in a file of its own brings its own vehicle rows: those say nothing.
    treated = (together["role"] == "treated").to_numpy()
    named = [name for name, keep in zip(names, treated, strict=True) if keep]
    differ = "plate" not in together and would_be_pooled(
        known_rows(together[treated]), "file", named
    )
    if differ or (len(times) > 1 and "time_h" not in together):
        raise RequestError(
            f"The files of the folder ({listed([f.name for f in files], 4)}) hold rows of the same "
            "treatments, and their names may say in what they differ; add a column to each "
            "file that says it: cell_line, time_h, plate, biological_replicate or 'stratum NAME'."
        )


def _treatments(rows: pd.DataFrame) -> list[tuple[tuple[object, ...], bool]]:
    """Give all that is known of each row but its response, and whether it has a dose."""
    told = rows.drop(columns="response").astype(object).where(rows.notna(), "")
    told = told[sorted(map(str, told))]
    doses = [name for name in rows if str(name).startswith("dose_")]
    dosed = rows[doses].fillna(0).gt(0).any(axis=1)
    keys = [tuple(values) for values in told.itertuples(index=False, name=None)]
    return list(zip(keys, dosed.tolist(), strict=True))


def as_table(
    source: pd.DataFrame | Iterable[Table], options: TableOptions | None = None
) -> ResponseTable:
    """Bring a table of cells, or a data frame, to known columns.

    Of several sheets the first one with drugs or doses is taken; cells are checked one by one, and
    a `RequestError` names every mistake found.
    """
    options = options or TableOptions()
    sheets = [_of_frame(source)] if isinstance(source, pd.DataFrame) else list(source)
    messages = TableMessages(maximum=20)
    if options.plate_map is not None:
        return _with_map(sheets, options, options.plate_map, messages)
    sheets = [in_long_form(sheet, options) for sheet in sheets]
    chosen = [line for sheet in sheets if (line := heading_line_of(sheet)) is not None]
    with_responses = [line for line in chosen if has_response(line.row, options.response_column)]
    _refuse_several(with_responses)
    beside = map_and_values(sheets) if not with_responses else None
    if beside is not None:
        values, plate_map = beside
        return _with_map(values, options, plate_map, messages)
    if not chosen:
        sheet = sheets[0]
        there = ", ".join(text for text in sheet.rows[0].texts[:12] if text) if sheet.rows else ""
        if any(find_wells(one) for one in sheets) or any(
            find_grids(one, TableMessages()) for one in sheets
        ):
            raise RequestError(
                f"{sheet.title} {f'is {sheet.form} and ' if sheet.form else ''}has values by well, "
                "but has no column of drugs or doses (its first line: "
                f"{there or 'empty'}); give the plate map that says what is in the wells with "
                "--plate-map, or add columns drug_1 and dose_1_um."
            )
        raise RequestError(
            f"{sheet.title} has no column of drugs or doses (its first line: {there or 'empty'}); "
            "a tidy table of responses has drug_1, dose_1_um and response."
        )
    line = (with_responses or chosen)[0]
    sheet = line.table
    if len(sheets) > 1:
        messages.notes.append(f"{sheet.file} has several sheets; {sheet.sheet!r} is read.")
    messages.notes[:0] = sheet.notes
    body = without_summary(sheet, line.body(), messages, line.row)
    if not body:
        raise RequestError(f"{sheet.title} has headings but no rows.")
    response, kind, stated = response_of(sheet, line.row, options.response_column)
    columns = {
        at: heading for at, heading in decide_columns(line, messages).items() if at != response
    }
    columns = as_stated(columns, line, options.meanings)
    for at, heading in columns.items():
        if heading.bad_unit and heading.kind == "dose":
            messages.problem(
                f"{line.place(at)}: the unit {heading.bad_unit!r} is not known; write "
                f"{KNOWN_UNITS}."
            )
    messages.raise_if_problems()
    used = {at: heading for at, heading in columns.items() if understood(heading)}
    if is_matrix(line):
        columns = {at: h for at, h in columns.items() if h.kind not in _INDICES}
        used = {at: h for at, h in used.items() if h.kind not in _INDICES}
    rows, unit = rows_of(line, used, body, response, messages, options.dose_scale)
    messages.raise_if_problems()
    refuse_gaps(line, used, body, rows, messages)
    if any(heading.kind == "time_h" for heading in used.values()):
        used = {at: heading for at, heading in used.items() if heading.kind != "date"}
    unused = {at: heading for at, heading in columns.items() if at not in used}
    rows = account_for(line, unused, body, rows, messages)
    _refuse_second_block(line, body, rows, messages)
    if stated and unit and stated != unit:
        messages.problem(
            f"{line.place(response)}: the heading says {stated}, but the cells have per cent "
            "signs; mend one of them."
        )
    messages.raise_if_problems()
    return ResponseTable(
        rows, tuple(sheet.place(row.line) for row in body), line.row.text(response), kind,
        stated or unit, tuple(dict.fromkeys([*messages.notes, *messages.warnings])),
    )  # fmt: skip


def in_long_form(sheet: Table, options: TableOptions) -> Table:
    """Bring a table to one line a response, with the drugs that its headings name.

    A `RequestError` says where it could be read in several ways.
    """
    named = with_drugs_named(sheet, options.response_column) or sheet
    return long_form(named, options.columns_are, options.response_column) or named


def _refuse_several(lines: Sequence[HeadingLine]) -> None:
    """Ask where several sheets hold responses: they may be lines, times or repeats."""
    if len(lines) > 1:
        names = listed([repr(line.table.sheet) for line in lines], 6)
        raise RequestError(
            f"{lines[0].table.file} holds responses on several sheets, {names}, which may be cell "
            "lines, times or repeats; write one table with a column that tells them apart "
            "(cell_line, time_h, biological_replicate), or save the one that is meant as CSV."
        )


def map_and_values(sheets: Sequence[Table]) -> tuple[list[Table], PlateMap] | None:
    """Find a plate map and values by well on different sheets; None where there is no such pair."""
    if len(sheets) < 2:
        return None
    lines = [(sheet, find_wells(sheet)) for sheet in sheets]
    maps = [sheet for sheet, line in lines if line is not None and line.kinds & CONTENT]
    values = [sheet for sheet, line in lines if line is not None and not line.kinds & CONTENT]
    values += [
        sheet for sheet, line in lines if line is None and find_grids(sheet, TableMessages())
    ]
    if len(maps) != 1 or len(values) != 1:
        return None
    return values, plate_map_of(Path(maps[0].file), tuple(maps))


def _refuse_second_block(
    line: HeadingLine, body: Sequence[TableRow], rows: pd.DataFrame, messages: TableMessages
) -> None:
    """Ask where a table begins again: behind a gap in its lines the same treatments stand again.

    Without a column that tells the two apart (a line, a plate, a replicate) they would be taken
    for repeats.
    """
    seen: set[tuple[object, ...]] = set()
    part: set[tuple[object, ...]] = set()
    for number, (row, (key, dosed)) in enumerate(zip(body, _treatments(rows), strict=True)):
        if number and row.line - body[number - 1].line > 1:
            seen |= part
            part = set()
        if dosed:
            if key in seen:
                messages.problem(
                    f"{line.table.place(row.line)}: behind a gap the treatments of lines above "
                    "stand again, as if another table began; give each table a file of its own, "
                    "or add a column that tells them apart (cell_line, plate, replicate).",
                    once="second block",
                )
                return
            part.add(key)


def _with_map(
    sheets: list[Table], options: TableOptions, plate_map: PlateMap, messages: TableMessages
) -> ResponseTable:
    """Join values by well with the plate map."""
    if any(heading_line_of(sheet) is not None for sheet in sheets):
        raise RequestError(
            f"{sheets[0].title} names drugs or doses itself; leave --plate-map away, or give a "
            "table of values by well."
        )
    messages.notes += [note for sheet in sheets for note in sheet.notes]
    values = values_by_well(sheets, options.response_column, messages)
    messages.raise_if_problems()
    rows = joined(values.rows, plate_map, messages)
    if values.line is not None:
        further = as_stated(values.further, values.line, options.meanings)
        rows = account_for(values.line, further, values.body, rows, messages)
        messages.raise_if_problems()
    notes = tuple(dict.fromkeys(messages.notes))
    return ResponseTable(rows, values.places, values.heading, values.kind, values.unit, notes)


def heading_line_of(sheet: Table) -> HeadingLine | None:
    """Find the line that names the columns of a table of responses."""
    line = find_heading_line(sheet, frozenset({"drug"}), frozenset({"dose"}))
    return line if line is not None and sum(map(bool, line.row.texts)) > 1 else None


def _of_frame(frame: pd.DataFrame) -> Table:
    """Cells of a data frame, numbers to the last digit; row numbers count from 1."""
    if frame.empty:
        raise RequestError("The table of responses has no rows.")

    numbers: dict[tuple[int, int], str] = {}

    def text(value: object) -> str:
        if value is None or value is pd.NA or value is pd.NaT or value != value:
            return ""
        if isinstance(value, float | np.floating):
            return str(int(value)) if float(value).is_integer() else repr(float(value))
        return str(value).strip()

    rows = [TableRow(0, tuple(str(name) for name in frame.columns))]
    for line, values in enumerate(frame.itertuples(index=False, name=None), start=1):
        rows.append(TableRow(line, tuple(text(value) for value in values)))
        for column, value in enumerate(values, start=1):
            if isinstance(value, float | np.floating):
                numbers[line, column] = "number"
    return Table("The table", rows=tuple(rows), separator=",", cell_types=numbers)
