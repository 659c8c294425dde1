"""End-point values by plate and well (ATP, LDH ...), to stand beside what the images say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from spheroid_qc.errors import PlateMapError
from spheroid_qc.plate_map.grid_form import find_grids, read_grids
from spheroid_qc.plate_map.long_form import find_wells, read_long
from spheroid_qc.plate_map.mapped_wells import on_imaged_plates
from spheroid_qc.plate_map.tidy_map import TidyMap, WellCells
from spheroid_qc.tables.instruments import read_any_table
from spheroid_qc.tables.located_cells import Cell, Table
from spheroid_qc.tables.parse_cells import is_missing, measured_number, numeric_text
from spheroid_qc.tables.parse_numbers import NumberError, NumberStyle, style_of
from spheroid_qc.tables.table_messages import TableMessages
from spheroid_qc.wording import plural


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
        if len(imaged) > 1 and all(plate is None for plate, _ in self.values):
            raise PlateMapError(
                f"{self.source} names no plate, but {len(imaged)} plates were imaged "
                f"({', '.join(imaged[:8])}); add a column plate, since a measured value "
                "belongs to one plate only."
            )
        return on_imaged_plates(self.values, imaged, self.source)


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
    return end_points_of(read_any_table(Path(path)), TableMessages(), well_count)


def end_points_of(
    tables: Sequence[Table], messages: TableMessages, well_count: int | None = None
) -> EndPoints:
    """Read values by well from tables that are open already; see `read_end_points`."""
    path = Path(tables[0].file)
    tidy = _read_tidy(path, tuple(tables), messages, well_count)
    cells: dict[str, list[tuple[WellCells, Cell]]] = {head.written: [] for head in tidy.headings}
    for row in tidy.rows:
        for heading, cell in row.cells:
            cells[heading.written].append((row, cell))
    style = style_of(
        ((numeric_text(cell) for _, cell in column) for column in cells.values()),
        tidy.tables[0].separator,
    )
    if style.mark == ",":
        messages.notes.append("Numbers are written with decimal commas.")
    lines: dict[tuple[str | None, str], int] = {}
    for row in tidy.rows:
        if row.plate_well in lines:
            plate = f" of plate {row.plate}" if row.plate else ""
            messages.problem(
                f"{row.place}: well {row.well}{plate} stands in line {lines[row.plate_well]} "
                "already; give each well one line.",
                "doubled wells",
            )
        else:
            lines[row.plate_well] = row.line
    values: dict[tuple[str | None, str], dict[str, float]] = {key: {} for key in lines}
    columns = []
    for name, column in cells.items():
        numbers = _numbers(name, column, style, messages)
        if numbers is None:
            continue
        columns.append(name)
        for row, number in numbers:
            values[row.plate_well].setdefault(name, number)
    if not columns and not messages.has_problems():
        messages.problem(
            f"{tidy.tables[0].title}, line 1: no column holds numbers; give a column of wells and "
            "at least one column of measured values."
        )
    messages.raise_if_problems()
    notes = [note for table in tidy.tables for note in table.notes] + messages.notes
    notes.append(f"Values joined for {plural(len(values), 'well')}: {', '.join(columns)}.")
    return EndPoints(tuple(columns), values, tuple(dict.fromkeys(notes)), path.name)


def _read_tidy(
    path: Path, tables: tuple[Table, ...], messages: TableMessages, well_count: int | None
) -> TidyMap:
    """Recognise the form, a column of wells or grids, and bring it to the middle form."""
    for table in tables:
        line = find_wells(table)
        if line is not None:
            if len(tables) > 1:
                messages.notes.append(f"{path.name} has several sheets; {table.sheet!r} is read.")
            return read_long(line, messages, well_count)
    grids = [grid for table in tables for grid in find_grids(table, messages)]
    if len(grids) == 1 and not grids[0].name and not grids[0].table.sheet:
        grids = [replace(grids[0], name=path.stem)]
        messages.notes.append(
            f"The grid of {path.name} has no name; its values are called {path.stem}."
        )
    if grids:
        return read_grids(grids, messages, well_count)
    raise PlateMapError(
        f"{tables[0].title}, line 1, column 1: no column with wells and no grid is found; name "
        "a column well, and a column plate if there are several plates."
    )


def _numbers(
    name: str,
    column: list[tuple[WellCells, Cell]],
    style: NumberStyle,
    messages: TableMessages,
) -> list[tuple[WellCells, float]] | None:
    """Read a column of numbers; None where it holds words only."""
    numbers: list[tuple[WellCells, float]] = []
    wrong: list[tuple[Cell, str]] = []
    for row, cell in column:
        if messages.untrusted(cell) or is_missing(cell.text):
            continue
        try:
            number = measured_number(cell, style)
        except NumberError as error:
            wrong.append((cell, str(error)))
            continue
        if number is not None:
            numbers.append((row, float(number)))
    if not numbers:
        like_numbers = [(cell, reason) for cell, reason in wrong if cell.text[:1].isdigit()]
        if len(like_numbers) < len(wrong):
            messages.notes.append(f"Column {name} holds words and is left out.")
            return None
        if not wrong:
            messages.notes.append(f"Column {name} is empty and is left out.")
            return None
    for cell, reason in wrong:
        messages.problem(
            f"{cell.place}: {reason}; leave the cell empty if nothing was measured.", name
        )
    return numbers
