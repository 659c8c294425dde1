"""Plate maps in long form: a heading, then one or several lines a well."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from spheroid_qc.plate_map.tidy_map import TidyMap, WellCells, of_maps
from spheroid_qc.tables.find_heading_line import (
    HeadingLine,
    decide_columns,
    find_heading_line,
    is_matrix,
)
from spheroid_qc.tables.located_cells import Cell, Table
from spheroid_qc.tables.parse_cells import clean, read_well, well_of_row_and_column
from spheroid_qc.tables.stated_columns import as_stated
from spheroid_qc.tables.summary_lines import without_summary
from spheroid_qc.tables.table_messages import TableMessages


def find_wells(table: Table) -> HeadingLine | None:
    """Find the line that names a column of wells, or columns of rows and columns.

    Beside drugs that are called row and column, as SynergyFinder does, those count a matrix.
    """
    line = find_heading_line(table, frozenset({"well"}), frozenset({"row", "column"}))
    return None if line is None or ("well" not in line.kinds and is_matrix(line)) else line


def read_long(
    line: HeadingLine,
    messages: TableMessages,
    well_count: int | None = None,
    meanings: Iterable[tuple[str, str]] = (),
) -> TidyMap:
    """Read the lines of a long-form map, in the file's order.

    `line` is what `find_wells` found; `well_count`: wells of the plate; `meanings`: what the user
    says of columns (`read_meanings`).
    """
    table = line.table
    body = without_summary(table, line.body(), messages, line.row)
    if not body:
        messages.problem(
            f"{table.title}, line {line.row.line}, column 1: no wells follow the headings; write "
            "one line a well below them."
        )
    columns = as_stated(decide_columns(line, messages), line, meanings)
    if table.rows and table.rows[0].line < line.row.line:
        messages.notes.append(f"The headings of {table.title} stand in line {line.row.line}.")
    by_kind = {heading.kind: column for column, heading in reversed(columns.items())}
    pair = ("row", "column") if {"row", "column"} <= by_kind.keys() else ()
    own = {by_kind[kind] for kind in ("well", "plate", *pair) if kind in by_kind}
    named = {
        column: replace(heading, kind="extra")
        if heading.kind in ("row", "column", "index")
        else of_maps(heading)
        for column, heading in columns.items()
        if column not in own
    }
    anchor = by_kind.get("well", by_kind.get("row", 1))
    rows = []
    for row in body:
        cells = {column: line.cell(row, column, columns[column].written) for column in columns}
        if all(not cell.text and not cell.cell_error for cell in cells.values()):
            continue
        well = _well_of(
            cells.get(by_kind.get("well", 0)),
            tuple(cells[by_kind[kind]] for kind in pair),
            messages,
            well_count,
        )
        if well is None:
            continue
        plate: str | None = None
        if "plate" in by_kind:
            cell = cells[by_kind["plate"]]
            plate = clean(cell.text) or None
            if not messages.untrusted(cell) and plate is None:
                messages.problem(
                    f"{cell.place}: the plate is missing; write its name, or delete the column if "
                    "the map holds for every plate.",
                    "missing plates",
                )
                continue
        place = table.place(row.line, anchor, line.row.text(anchor))
        found = tuple((heading, cells[column]) for column, heading in named.items())
        rows.append(WellCells(place, plate, well, found, row.line))
    return TidyMap(rows, list(named.values()), [table])


def _well_of(
    cell: Cell | None, pair: tuple[Cell, ...], messages: TableMessages, well_count: int | None
) -> str | None:
    """Read the well of a line, from its own column or from row and column, which must agree."""
    if cell is None:
        return well_of_row_and_column(pair, messages, well_count)
    well = read_well(cell, messages, well_count)
    if well is not None and pair and all(one.text for one in pair):
        other = well_of_row_and_column(pair, messages, well_count)
        if other is not None and other != well:
            messages.problem(
                f"{cell.place}: the well is {well}, but row and column of the same line say "
                f"{other}; correct one of them.",
                "contradicting wells",
            )
            return None
    return well
