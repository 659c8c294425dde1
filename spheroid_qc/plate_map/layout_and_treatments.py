"""SpheroidAnalyseR's pair: a layout of treatment numbers and a table of treatments."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from spheroid_qc.errors import PlateMapError
from spheroid_qc.plate_map.grid_form import Grid
from spheroid_qc.plate_map.tidy_map import TidyMap, WellCells, of_maps
from spheroid_qc.tables.find_heading_line import HeadingLine, decide_columns, find_heading_line
from spheroid_qc.tables.located_cells import Cell, Table
from spheroid_qc.tables.match_headings import Heading
from spheroid_qc.tables.parse_cells import is_missing, well_on_plate
from spheroid_qc.tables.table_messages import TableMessages

_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx")


def find_treatments(table: Table) -> HeadingLine | None:
    """Find the headings of a treatment table: an index and drugs or concentrations."""
    line = find_heading_line(table, frozenset({"index", "drug"}), frozenset({"index", "dose"}))
    return None if line is None or "well" in line.kinds else line


def sibling_of(path: Path, word: str = "layout", other: str = "treatment") -> Path | None:
    """Find the file beside `path` that is named like it, with `treatment` for `layout`.

    Raises `PlateMapError` if several files are named so.
    """
    stem = path.stem.casefold()
    wanted = {stem.replace(word, other), stem.replace(word, other + "s")} - {stem}
    if word not in stem:
        wanted |= {f"{stem}{gap}{other}{end}" for gap in "_- ." for end in ("", "s")}
        wanted |= {f"{other}{end}{gap}{stem}" for gap in "_- ." for end in ("", "s")}
    try:
        beside = sorted(path.resolve().parent.iterdir())
    except OSError:
        return None
    found = [
        file
        for file in beside
        if file.suffix.casefold() in _SUFFIXES and file.stem.casefold() in wanted
    ]
    if len(found) > 1:
        names = " and ".join(file.name for file in found)
        raise PlateMapError(
            f"{path.name} has several tables beside it that are named like its {other} table, "
            f"{names}; keep one of them."
        )
    return found[0] if found else None


def _plain_index(text: str) -> str:
    """Bring `1`, `01` and `1.0` to the same index."""
    match = re.fullmatch(r"0*(\d+)(?:[.,]0+)?", text)
    return match[1] if match else text.casefold()


def read_layout(
    grid: Grid, line: HeadingLine, messages: TableMessages, well_count: int | None = None
) -> TidyMap:
    """Join a layout with its treatments: a well's cells are those of its treatment.

    `grid` holds treatment numbers (a well without one has no row); `line` are the headings of the
    treatment table, as found by `find_treatments`. `well_count`: wells of the plate.
    """
    for sentence in grid.table.merged_problems(grid.line, grid.last_line):
        messages.problem(sentence, "merged cells")
    columns = {
        column: replace(heading, kind="extra")
        if heading.kind in ("well", "row", "column", "plate")
        else of_maps(heading)
        for column, heading in decide_columns(line, messages).items()
    }
    treatments = _read_treatments(line, columns, messages)
    rows = []
    used = set()
    for well, cell in grid.cells:
        if not cell.cell_error and is_missing(cell.text):
            continue
        if messages.untrusted(cell) or not well_on_plate(cell, well, messages, well_count):
            continue
        key = _plain_index(cell.text)
        if key not in treatments:
            messages.problem(
                f"{cell.place}: well {well.name} has treatment {cell.text!r}, which the treatment "
                f"table {line.table.title} does not list; add a line for it, or correct the well.",
                "unknown treatments",
            )
            continue
        used.add(key)
        rows.append(WellCells(cell.place, grid.plate, well.name, treatments[key], cell.line))
    messages.notes.append(
        f"The layout {grid.table.title} is read with the treatment table {line.table.title}."
    )
    idle = [key for key in treatments if key not in used]
    if idle:
        messages.notes.append(f"Treatments without a well: {', '.join(idle)}.")
    headings = [heading for heading in columns.values() if heading.kind != "index"]
    return TidyMap(rows, headings, [grid.table, line.table])


def _read_treatments(
    line: HeadingLine, columns: dict[int, Heading], messages: TableMessages
) -> dict[str, tuple[tuple[Heading, Cell], ...]]:
    """Read what stands for each treatment number."""
    index_column = next(
        (column for column, heading in columns.items() if heading.kind == "index"), 1
    )
    treatments: dict[str, tuple[tuple[Heading, Cell], ...]] = {}
    lines: dict[str, int] = {}
    for row in line.body():
        index = line.cell(row, index_column)
        key = _plain_index(index.text)
        if messages.untrusted(index):
            continue
        if is_missing(index.text):
            messages.problem(
                f"{index.place}: the treatment has no index; write the number that stands for it "
                "in the layout, or delete the line.",
                "missing index",
            )
            continue
        if key in treatments:
            messages.problem(
                f"{index.place}: the treatment {index.text} stands in line {lines[key]} already; "
                "give each treatment its own index.",
                "doubled index",
            )
            continue
        lines[key] = row.line
        treatments[key] = tuple(
            (heading, line.cell(row, column, heading.written))
            for column, heading in columns.items()
            if heading.kind != "index"
        )
    return treatments
