"""Plate maps drawn as plates: grids with row letters and column numbers, one for each variable.

Grids may be stacked, stand side by side, or lie on one sheet each. The variable's name stands in
the top-left cell, in a line above, or is the sheet's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from spheroid_qc.plate_map.tidy_map import TidyMap, WellCells, of_maps
from spheroid_qc.tables.located_cells import Cell, Table, TableRow
from spheroid_qc.tables.match_headings import Heading, read_heading
from spheroid_qc.tables.parse_cells import is_missing, well_on_plate
from spheroid_qc.tables.table_messages import TableMessages
from spheroid_qc.wells import Well, parse_well
from spheroid_qc.wording import plural

# `plate: X` names a plate; without a colon only what looks like a number or a short code does,
# since titles such as "plate map of May" are common.
_PLATE_WORDS = r"(?:plate|platte|vessel|barcode)(?: (?:name|id|no\.?|number))?"
_PLATE_LINE = re.compile(
    rf"{_PLATE_WORDS}\s*[:=#]\s*(\S.*)|{_PLATE_WORDS}\s+(\S{{1,2}}|\S*\d\S*)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Grid:
    """One grid, with all its cells, also empty ones.

    `name` is that of the variable, empty where there is none; `plate` is the one that a line above
    states. `line` and `column` are the place of the top-left cell.
    """

    table: Table
    name: str
    plate: str | None
    line: int
    column: int
    last_line: int
    cells: tuple[tuple[Well, Cell], ...]

    @property
    def place(self) -> str:
        """Where the grid begins, for messages."""
        return self.table.place(self.line, self.column)


def _column_number(text: str) -> int | None:
    match = re.fullmatch(r"0*([1-9]\d?)(?:\.0+)?", text)
    return int(match[1]) if match and int(match[1]) <= 48 else None


def _row_letters(text: str) -> int | None:
    """Zero-based row of a label such as `A` or `AF`."""
    well = parse_well(text + "1") if text.isalpha() and text.isascii() else None
    return None if well is None else well.row


def _heads(row: TableRow, below: TableRow | None) -> list[tuple[int, list[int]]]:
    """Find runs of column numbers in a line: (column of the label, column numbers).

    An empty column within a plate has the number 0.
    """
    runs: list[tuple[int, list[int]]] = []
    column = 2
    width = len(row.texts)
    while column <= width:
        number = _column_number(row.text(column))
        if number is None:
            column += 1
            continue
        # Columns that were not used may be left out (2, 3, 5), but numbers rise.
        numbers = [number]
        while True:
            at = column + len(numbers)
            after = _column_number(row.text(at))
            beyond = None if row.text(at) else _column_number(row.text(at + 1))
            if after is not None and after > numbers[-1]:
                numbers.append(after)
            elif beyond and beyond > numbers[-1] and not (below and _row_letters(below.text(at))):
                numbers += [0, beyond]
            else:
                break
        if len(numbers) > 1:
            runs.append((column - 1, numbers))
        column += len(numbers)
    return runs


def find_grids(table: Table, messages: TableMessages) -> list[Grid]:
    """Find all grids of a table, from top to bottom and left to right.

    `messages` takes what is wrong within a grid (rows out of order, a value beyond the last
    column).
    """
    grids: list[Grid] = []
    rows = list(table.rows)
    plate: str | None = None
    titles: list[TableRow] = []
    position = 0
    while position < len(rows):
        row = rows[position]
        found = []
        below = rows[position + 1] if position + 1 < len(rows) else None
        for label, numbers in _heads(row, below):
            if below is not None and _row_letters(below.text(label)) is not None:
                found.append((label, numbers))
        if not found:
            texts = [text for text in row.texts if text]
            stated = _PLATE_LINE.fullmatch(texts[0]) if len(texts) == 1 else None
            if len(texts) == 2 and read_heading(texts[0].rstrip(":=")).kind == "plate":
                plate = texts[1]
            elif stated:
                plate = stated[1] or stated[2]
            else:
                titles.append(row)
            position += 1
            continue
        depth = 1
        for index, (label, numbers) in enumerate(found):
            right = found[index + 1][0] if index + 1 < len(found) else None
            name = row.text(label) or _title(titles, label, single=len(found) == 1)
            grid = _grid(table, rows, position, label, numbers, right, name, plate, messages)
            grids.append(grid)
            depth = max(depth, 1 + sum(row.line <= grid.last_line for row in rows[position + 1 :]))
        position += depth
        titles = []
    return grids


def _title(titles: list[TableRow], label: int, single: bool) -> str:
    """Take the name from the nearest line above that isn't part of a grid."""
    if not titles:
        return ""
    row = titles[-1]
    texts = [text for text in row.texts if text]
    if single and len(texts) == 1:
        return texts[0].rstrip(":").strip()
    text = row.text(label) or row.text(label + 1)
    return "" if single else text.rstrip(":").strip()


def _grid(
    table: Table,
    rows: list[TableRow],
    position: int,
    label: int,
    numbers: list[int],
    right: int | None,
    name: str,
    plate: str | None,
    messages: TableMessages,
) -> Grid:
    head = rows[position]
    heading = " ".join(name.split())
    cells: list[tuple[Well, Cell]] = []
    last_line = head.line
    previous = -1
    for row in rows[position + 1 :]:
        letters = _row_letters(row.text(label))
        if letters is None:
            break
        if letters <= previous:
            messages.problem(
                f"{table.place(row.line, label, heading)}: row {row.text(label)!r} stands twice or "
                "out of order in this grid; write each row once, from top to bottom, and start a "
                "new grid with a line of column numbers.",
                "rows out of order",
            )
            break
        previous = letters
        last_line = row.line
        end = right - 1 if right is not None else max(len(row.texts), label + len(numbers))
        for column in range(label + 1, end + 1):
            text = row.text(column)
            offset = column - label - 1
            if offset >= len(numbers):
                if text and right is None and column == label + len(numbers) + 1:
                    messages.problem(
                        f"{table.place(row.line, column, heading)}: {text!r} stands to the right "
                        f"of the last column, {numbers[-1]}; number the column, or take the value "
                        "out.",
                        "values beside a grid",
                    )
                continue
            if not numbers[offset]:
                if text:
                    messages.problem(
                        f"{table.place(row.line, column, heading)}: {text!r} stands in a column "
                        "without a number; number the column, or take the value out.",
                        "values beside a grid",
                    )
                continue
            well = Well(letters, numbers[offset] - 1)
            cells.append((well, Cell(table, row.line, column, text, heading)))
    return Grid(table, name, plate, head.line, label, last_line, tuple(cells))


def read_grids(
    grids: Iterable[Grid], messages: TableMessages, well_count: int | None = None
) -> TidyMap:
    """Join grids of several variables into one row a well that any of them says something about.

    All grids have a name, or are on a sheet whose name is one. `well_count`: wells of the plate.
    """
    grids = list(grids)
    named = _named_grids(grids, messages)
    collected: dict[tuple[str | None, Well], list[tuple[Heading, Cell]]] = {}
    for heading, grid in named:
        for well, cell in grid.cells:
            if is_missing(cell.text) and not cell.cell_error:
                continue
            if well_on_plate(cell, well, messages, well_count):
                collected.setdefault((grid.plate, well), []).append((heading, cell))
    tables = {id(grid.table): grid.table for grid in grids}
    for table in tables.values():
        here = [grid for _, grid in named if grid.table is table]
        if here:
            first, last = min(grid.line for grid in here), max(grid.last_line for grid in here)
            for sentence in table.merged_problems(first, last):
                messages.problem(sentence, "merged cells")
    plates = {grid.plate for grid in grids}
    if len(plates) > 1 and None in plates:
        lost = next(grid for grid in grids if grid.plate is None)
        messages.problem(
            f"{lost.place}: this grid belongs to no plate, while others do; write a line "
            "'plate: NAME' above it."
        )
    headings = list(dict.fromkeys(heading for heading, _ in named))
    names = ", ".join(dict.fromkeys(heading.written for heading in headings))
    messages.notes.append(f"{plural(len(grids), 'grid')} read: {names}.")
    rows = []
    for plate, well in sorted(collected, key=lambda key: (key[0] or "", key[1])):
        found = collected[plate, well]
        own = next((cell.text for heading, cell in found if heading.kind == "plate"), None)
        first_cell = found[0][1]
        rows.append(
            WellCells(
                first_cell.table.place(first_cell.line, first_cell.column),
                own or plate,
                well.name,
                tuple(pair for pair in found if pair[0].kind != "plate"),
                first_cell.line,
            )
        )
    headings = [heading for heading in headings if heading.kind != "plate"]
    return TidyMap(rows, headings, list(tables.values()))


def _named_grids(grids: list[Grid], messages: TableMessages) -> list[tuple[Heading, Grid]]:
    """Give each grid with what its name means; a name may stand once for each plate."""
    named: dict[tuple[str | None, str, str], tuple[Heading, Grid]] = {}
    for grid in grids:
        heading = of_maps(read_heading(grid.name or grid.table.sheet))
        written = heading.written
        if not written or heading.kind in ("well", "row", "column"):
            messages.problem(
                f"{grid.place}: the grid has no name; write what it holds (drug, dose_uM, unit, "
                "role, cell_line ...) into its top-left cell. If its numbers are treatments, give "
                "the treatment table too, named as this file but with 'treatment' for 'layout'.",
                "grids without a name",
            )
            continue
        key = (grid.plate, heading.kind if heading.kind != "extra" else written, heading.slot)
        if key in named:
            messages.problem(
                f"{grid.place}: a second grid is named {written!r} (the first begins in line "
                f"{named[key][1].line}); number them, such as drug_1 and drug_2, or write a line "
                "'plate: NAME' above the grids of each plate.",
                "doubled grids",
            )
            continue
        named[key] = (heading, grid)
    return list(named.values())
