"""End-point values by plate and well (ATP, LDH ...), to stand beside what the images say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from spheroid_qc.errors import PlateMapError
from spheroid_qc.plate_map.dose_cells import numeric_text
from spheroid_qc.plate_map.grid_form import find_grids, grid_records
from spheroid_qc.plate_map.long_form import find_heading_line, long_records
from spheroid_qc.plate_map.map_headings import Heading
from spheroid_qc.plate_map.map_records import MapProblems, Record, counted, is_missing
from spheroid_qc.plate_map.mapped_wells import match_plates
from spheroid_qc.tables.cells import Cell, Table
from spheroid_qc.tables.delimited_text import read_tables
from spheroid_qc.tables.numbers import NumberFault, NumberStyle, parse_number, style_of

_NO_NUMBER = ("", "na", "n/a", "nan", "-", ".", "null", "none", "missing")


@dataclass(frozen=True)
class EndPoints:
    """Measured values by plate and well.

    Attributes
    ----------
    columns : tuple of str
        Names of the values, in the file's order.
    values : dict
        (plate or None, well) to a dict of column to number; a missing value has no key. A plate
        of None means that the file names no plates.
    notes : tuple of str
        What was understood, in sentences.
    source : str
        Name of the file.
    """

    columns: tuple[str, ...]
    values: dict[tuple[str | None, str], dict[str, float]]
    notes: tuple[str, ...] = field(default=(), compare=False)
    source: str = field(default="", compare=False)

    def for_plates(self, plates: Iterable[str]) -> dict[tuple[str, str], dict[str, float]]:
        """Bring the values to the imaged plates.

        Parameters
        ----------
        plates : iterable of str
            Names of all imaged plates.

        Returns
        -------
        dict
            (imaged plate, well) to values.

        Raises
        ------
        PlateMapError
            If none of the plates that the file names was imaged, or it names none while several
            were.
        """
        imaged = list(dict.fromkeys(plates))
        named = list(dict.fromkeys(plate for plate, _ in self.values if plate is not None))
        if not named and len(imaged) > 1:
            raise PlateMapError(
                [
                    f"{self.source} names no plate, but {len(imaged)} plates were imaged "
                    f"({', '.join(imaged[:8])}); add a column plate, since a measured value "
                    "belongs to one plate only."
                ]
            )
        matches = match_plates(named, imaged, self.source)
        found: dict[tuple[str, str], dict[str, float]] = {}
        for (plate, well), values in self.values.items():
            matched = matches.get(plate or "")
            for target in imaged if plate is None else [p for p in imaged if p == matched]:
                found[target, well] = values
        return found


def read_end_points(path: Path | str, *, well_count: int | None = None) -> EndPoints:
    """Read a table of values by well: a column of wells and columns of numbers, or grids.

    Parameters
    ----------
    path : Path or str
        CSV, TSV, TXT or XLSX.
    well_count : int, optional
        Wells of the plate; wells outside it are refused.

    Returns
    -------
    EndPoints
        All columns that hold numbers; columns of words are left out, and said.

    Raises
    ------
    PlateMapError
        With all mistakes found, one sentence each.
    """
    path = Path(path)
    tables = read_tables(path)
    problems = MapProblems()
    notes: list[str] = []
    records, headings, used = _records_of(path, tables, problems, notes, well_count)
    cells = _by_column(records, headings)
    style = style_of(
        (numeric_text(cell) for column in cells.values() for _, cell in column),
        used[0].separator,
    )
    if style.mark == ",":
        notes.append("Numbers are written with decimal commas.")
    values: dict[tuple[str | None, str], dict[str, float]] = {}
    lines: dict[tuple[str | None, str], int] = {}
    for record in records:
        key = (record.plate, record.well)
        if key in lines:
            plate = f" of plate {record.plate}" if record.plate else ""
            problems.add(
                f"{record.place}: well {record.well}{plate} stands in line {lines[key]} already; "
                "give each well one line.",
                "doubled wells",
            )
            continue
        lines[key] = record.line
        values[key] = {}
    columns = []
    for name, column in cells.items():
        numbers = _numbers(name, column, style, problems, notes)
        if numbers is None:
            continue
        columns.append(name)
        for record, number in numbers:
            values[record.plate, record.well].setdefault(name, number)
    if not columns and not problems:
        problems.add(
            f"{used[0].title}, line 1: no column holds numbers; give a column of wells and at "
            "least one column of measured values."
        )
    problems.raise_if_any()
    notes[:0] = [note for table in used for note in table.notes]
    notes.append(f"Values joined for {counted(len(values))}: {', '.join(columns)}.")
    return EndPoints(tuple(columns), values, tuple(dict.fromkeys(notes)), path.name)


def _records_of(
    path: Path,
    tables: tuple[Table, ...],
    problems: MapProblems,
    notes: list[str],
    well_count: int | None,
) -> tuple[list[Record], list[Heading], list[Table]]:
    needed = (frozenset({"well"}), frozenset({"row", "column"}))
    for table in tables:
        line = find_heading_line(table, needed)
        if line is not None:
            if len(tables) > 1:
                notes.append(f"{path.name} has several sheets; {table.sheet!r} is read.")
            records, headings = long_records(table, line, problems, notes, well_count)
            return records, headings, [table]
    grids = [grid for table in tables for grid in find_grids(table, problems)]
    if grids:
        if len(grids) == 1 and not grids[0].name and not grids[0].table.sheet:
            grids = [replace(grids[0], name=path.stem)]
            notes.append(f"The grid of {path.name} has no name; its values are called {path.stem}.")
        records, headings = grid_records(grids, problems, notes, well_count)
        return records, headings, list({id(grid.table): grid.table for grid in grids}.values())
    raise PlateMapError(
        [
            f"{tables[0].title}, line 1, column 1: no column with wells and no grid is found; name "
            "a column well, and a column plate if there are several plates."
        ]
    )


def _by_column(
    records: list[Record], headings: list[Heading]
) -> dict[str, list[tuple[Record, Cell]]]:
    cells: dict[str, list[tuple[Record, Cell]]] = {heading.written: [] for heading in headings}
    for record in records:
        for heading, cell in record.cells:
            cells.setdefault(heading.written, []).append((record, cell))
    return cells


def _numbers(
    name: str,
    column: list[tuple[Record, Cell]],
    style: NumberStyle,
    problems: MapProblems,
    notes: list[str],
) -> list[tuple[Record, float]] | None:
    """Read a column of numbers; None where it holds words only."""
    numbers: list[tuple[Record, float]] = []
    wrong: list[tuple[Cell, str]] = []
    for record, cell in column:
        if cell.cell_error:
            problems.add(f"{cell.place} {cell.cell_error}.", "untrusted cells")
            continue
        if is_missing(cell.text) or cell.text.casefold() in _NO_NUMBER:
            continue
        try:
            exact = parse_number(cell.text, NumberStyle() if cell.cell_type == "number" else style)
        except NumberFault as cell_error:
            wrong.append((cell, str(cell_error)))
            continue
        if abs(exact) > 10**300:
            wrong.append((cell, f"{cell.text!r} is beyond all measure; correct it"))
            continue
        numbers.append((record, float(exact)))
    if not numbers:
        looks_numeric = [(cell, why) for cell, why in wrong if cell.text[:1].isdigit()]
        if wrong and len(looks_numeric) < len(wrong):
            notes.append(f"Column {name} holds words and is left out.")
            return None
        wrong = looks_numeric
        if not wrong:
            notes.append(f"Column {name} is empty and is left out.")
            return None
    for cell, why in wrong:
        problems.add(f"{cell.place}: {why}; leave the cell empty if nothing was measured.", name)
    return numbers
