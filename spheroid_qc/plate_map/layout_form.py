"""SpheroidAnalyseR's pair: a layout of treatment numbers and a table of treatments."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from spheroid_qc.errors import PlateMapError
from spheroid_qc.plate_map.grid_form import Grid
from spheroid_qc.plate_map.long_form import (
    HeadingLine,
    body_rows,
    find_heading_line,
    settle_columns,
)
from spheroid_qc.plate_map.map_headings import Heading
from spheroid_qc.plate_map.map_records import MapProblems, Record, is_missing, within_plate
from spheroid_qc.tables.cells import Cell, Table

_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx")


def find_treatments(table: Table) -> HeadingLine | None:
    """Find the headings of a treatment table: an index and drugs or concentrations."""
    needed = (frozenset({"index", "drug"}), frozenset({"index", "dose"}))
    line = find_heading_line(table, needed)
    return None if line is None or "well" in line.kinds else line


def sibling_of(path: Path, word: str = "layout", other: str = "treatment") -> Path | None:
    """Find the file beside `path` that is named like it, with `treatment` for `layout`.

    Raises
    ------
    PlateMapError
        If several files are named so.
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
            [
                f"{path.name} has several tables beside it that are named like its {other} table, "
                f"{names}; keep one of them."
            ]
        )
    return found[0] if found else None


def _number(text: str) -> str:
    """Bring `1`, `01` and `1.0` to the same index."""
    match = re.fullmatch(r"0*(\d+)(?:[.,]0+)?", text)
    return match[1] if match else text.casefold()


def layout_records(
    grid: Grid,
    treatments: Table,
    line: HeadingLine,
    problems: MapProblems,
    notes: list[str],
    well_count: int | None = None,
) -> tuple[list[Record], list[Heading]]:
    """Join a layout with its treatments.

    Parameters
    ----------
    grid : Grid
        Treatment numbers.
    treatments : Table
        One line a treatment.
    line : HeadingLine
        The headings of `treatments`.
    problems, notes : MapProblems, list of str
        Take what is found.
    well_count : int, optional
        Wells of the plate.

    Returns
    -------
    (list of Record, list of Heading)
        One record for every well with a treatment number; its cells are those of the treatment.
    """
    body = body_rows(treatments, line)
    last = body[-1].line if body else line.row.line
    for sentence in (
        *grid.table.merged_problems(grid.line, grid.last_line),
        *treatments.merged_problems(line.row.line, last),
    ):
        problems.add(sentence, "merged cells")
    columns = settle_columns(treatments, line, body, problems, notes) if body else {}
    index_column = next(
        (column for column, heading in columns.items() if heading.kind == "index"), 1
    )
    columns = {
        column: replace(heading, kind="extra")
        if heading.kind in ("well", "row", "column", "plate")
        else heading
        for column, heading in columns.items()
    }
    by_index: dict[str, tuple[tuple[Heading, Cell], ...]] = {}
    lines: dict[str, int] = {}
    for row in body:
        index = Cell(
            treatments, row.line, index_column, row.text(index_column), line.row.text(index_column)
        )
        key = _number(index.text)
        if index.cell_error:
            problems.add(f"{index.place} {index.cell_error}.", "untrusted cells")
            continue
        if is_missing(index.text):
            problems.add(
                f"{index.place}: the treatment has no index; write the number that stands for it "
                "in the layout, or delete the line.",
                "missing index",
            )
            continue
        if key in by_index:
            problems.add(
                f"{index.place}: the treatment {index.text} stands in line {lines[key]} already; "
                "give each treatment its own index.",
                "doubled index",
            )
            continue
        lines[key] = row.line
        by_index[key] = tuple(
            (heading, Cell(treatments, row.line, column, row.text(column), heading.written))
            for column, heading in columns.items()
            if heading.kind != "index"
        )
    records = []
    used = set()
    for well, cell in grid.cells:
        if is_missing(cell.text) and not cell.cell_error:
            continue
        if cell.cell_error:
            problems.add(f"{cell.place} {cell.cell_error}.", "untrusted cells")
            continue
        if within_plate(cell, well, problems, well_count) is None:
            continue
        key = _number(cell.text)
        if key not in by_index:
            problems.add(
                f"{cell.place}: well {well.name} has treatment {cell.text!r}, which the treatment "
                f"table {treatments.title} does not list; add a line for it, or correct the well.",
                "unknown treatments",
            )
            continue
        used.add(key)
        records.append(Record(cell.place, grid.plate, well.name, by_index[key], cell.line))
    notes.append(
        f"The layout {grid.table.title} is read with the treatment table {treatments.title}."
    )
    idle = [key for key in by_index if key not in used]
    if idle:
        notes.append(f"Treatments without a well: {', '.join(idle)}.")
    return records, [heading for heading in columns.values() if heading.kind != "index"]
