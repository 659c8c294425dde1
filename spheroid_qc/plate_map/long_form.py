"""Plate maps in long form: a heading, then one or several lines a well."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise

from spheroid_qc.plate_map.map_headings import Heading, is_dose_like, is_placeholder, read_heading
from spheroid_qc.plate_map.map_records import (
    MapProblems,
    Record,
    clean,
    is_missing,
    read_well,
    well_of_row_and_column,
)
from spheroid_qc.tables.cells import Cell, Table, TableRow
from spheroid_qc.tables.dose_units import KNOWN_UNITS

_SEARCHED_LINES = 60
_PLAIN_WORD = {
    "well": "well",
    "plate": "plate",
    "drug": "drug",
    "dose": "dose",
    "role": "role",
    "cell_line": "cell_line",
    "replicate": "replicate",
    "vehicle_group": "vehicle_group",
    "unit": "unit",
    "passage": "passage",
}


@dataclass(frozen=True, slots=True)
class HeadingLine:
    """The line of a table that names its columns."""

    row: TableRow
    headings: tuple[Heading, ...]

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of columns."""
        return frozenset(heading.kind for heading in self.headings)


def find_heading_line(table: Table, needed: tuple[frozenset[str], ...]) -> HeadingLine | None:
    """Find the line that names the columns, also below title lines or behind a `#`.

    Parameters
    ----------
    table : Table
        Any table.
    needed : tuple of frozenset of str
        Sets of kinds; the line must have all kinds of at least one set.

    Returns
    -------
    HeadingLine or None
        The first line among the upper ones that names the most known columns.
    """
    best: HeadingLine | None = None
    best_score = 0
    for row in (*table.rows[:_SEARCHED_LINES], *table.comments[:_SEARCHED_LINES]):
        headings = tuple(read_heading(text) for text in row.texts)
        kinds = frozenset(heading.kind for heading in headings)
        if not any(kinds >= option for option in needed):
            continue
        score = sum(heading.kind != "extra" for heading in headings)
        if score > best_score:
            best, best_score = HeadingLine(row, headings), score
    return best


def settle_columns(
    table: Table, line: HeadingLine, body: list[TableRow], problems: MapProblems, notes: list[str]
) -> dict[int, Heading]:
    """Decide what each column is: synonyms that clash, columns without name, doubled columns.

    Returns
    -------
    dict
        Column number (from 1) to heading.
    """
    columns: dict[int, Heading] = {}
    width = max([len(line.row.texts), *(len(row.texts) for row in body)])
    for column in range(1, width + 1):
        values = [row.text(column) for row in body]
        filled = [row for row in body if row.text(column)]
        written = line.row.text(column)
        reminder = any(is_placeholder(value) for value in values)
        if all(is_missing(value) for value in values) and (not written or reminder):
            continue
        if written:
            columns[column] = line.headings[column - 1]
        elif column == 1 and _counts_lines(values):
            notes.append(f"The first column of {table.title} counts lines and is left out.")
        elif column > len(line.row.texts):
            place = table.place(filled[0].line, column)
            hint = (
                " (a decimal comma in a file separated by commas? Then write a decimal point)"
                if table.separator == ","
                else ""
            )
            problems.add(
                f"{place}: {filled[0].text(column)!r} stands beyond the last heading; this line "
                f"has more cells than line {line.row.line}, which names the columns; take the "
                f"surplus separator out{hint}.",
                "lines with too many cells",
            )
        else:
            columns[column] = Heading("extra", f"column {column}")
            notes.append(
                f"Column {column} of {table.title} has no heading and is kept as 'column {column}'."
            )
    kinds = {heading.kind for heading in columns.values()}
    if "drug" in kinds and "dose" not in kinds:
        for column, heading in columns.items():
            if heading.kind == "extra" and is_dose_like(heading.written):
                problems.add(
                    f"{table.place(line.row.line, column, heading.written)}: the unit in this "
                    f"heading is not known; write one of {KNOWN_UNITS}, such as dose_uM.",
                    "unknown headings",
                )
    return _without_doubles(table, line.row, columns, problems, notes)


def _counts_lines(values: list[str]) -> bool:
    numbers = [int(value) for value in values if value.isdigit()]
    return len(numbers) == len(values) and all(
        later - earlier == 1 for earlier, later in pairwise(numbers)
    )


def _without_doubles(
    table: Table,
    row: TableRow,
    columns: dict[int, Heading],
    problems: MapProblems,
    notes: list[str],
) -> dict[int, Heading]:
    def key(heading: Heading) -> tuple[str, str]:
        if heading.kind in ("extra", "stratum"):
            return heading.kind, heading.written.casefold()
        if heading.kind == "dose":
            factor = f"{heading.unit.name}{heading.unit.factor}" if heading.unit else ""
            return "dose", f"{heading.slot}/{factor}"
        return heading.kind, heading.slot

    counts = Counter(key(heading) for heading in columns.values())
    settled = dict(columns)
    for name, count in counts.items():
        if count == 1:
            continue
        clashing = [column for column, heading in columns.items() if key(heading) == name]
        plain = [
            column
            for column in clashing
            if columns[column].written.casefold().replace(" ", "_") == _PLAIN_WORD.get(name[0])
        ]
        if len(plain) == 1 and name[0] not in ("extra", "stratum"):
            for column in clashing:
                if column != plain[0]:
                    settled[column] = Heading("extra", columns[column].written)
                    notes.append(
                        f"Column {columns[column].written!r} is kept as a further column, since "
                        f"{columns[plain[0]].written!r} says the same thing."
                    )
            continue
        first, second = clashing[:2]
        problems.add(
            f"{table.place(row.line, second, row.text(second))}: the column means the same as "
            f"column {first} ({row.text(first)}); delete one of them, or number them, such as "
            "drug_1 and drug_2.",
            "doubled columns",
        )
    return settled


def body_rows(table: Table, line: HeadingLine) -> list[TableRow]:
    """Give the lines below the heading, without repeated headings."""
    below = [row for row in table.rows if row.line > line.row.line]
    return [row for row in below if row.texts != line.row.texts]


def long_records(
    table: Table,
    line: HeadingLine,
    problems: MapProblems,
    notes: list[str],
    well_count: int | None = None,
) -> tuple[list[Record], list[Heading]]:
    """Read the lines of a long-form map.

    Parameters
    ----------
    table : Table
        The table.
    line : HeadingLine
        Its heading, as found by `find_heading_line`.
    problems, notes : MapProblems, list of str
        Take what is found.
    well_count : int, optional
        Wells of the plate.

    Returns
    -------
    (list of Record, list of Heading)
        Records in the file's order, and the columns in order.
    """
    body = body_rows(table, line)
    last = body[-1].line if body else line.row.line
    for sentence in table.merged_problems(line.row.line, last):
        problems.add(sentence, "merged cells")
    if not body:
        problems.add(
            f"{table.title}, line {line.row.line}, column 1: no wells follow the headings; write "
            "one line a well below them."
        )
    columns = settle_columns(table, line, body, problems, notes)
    if table.rows and table.rows[0].line < line.row.line:
        notes.append(f"The headings of {table.title} stand in line {line.row.line}.")
    by_kind = {heading.kind: column for column, heading in reversed(columns.items())}
    own = {by_kind[kind] for kind in ("well", "plate") if kind in by_kind}
    if "row" in by_kind and "column" in by_kind:
        own |= {by_kind["row"], by_kind["column"]}
    columns = {
        column: (
            replace(heading, kind="extra")
            if column not in own and heading.kind in ("row", "column", "index")
            else heading
        )
        for column, heading in columns.items()
    }
    records = []
    for row in body:
        cells = {
            column: Cell(table, row.line, column, row.text(column), heading.written)
            for column, heading in columns.items()
        }
        if all(not cell.text and not cell.cell_error for cell in cells.values()):
            continue
        well = _well_of(cells, by_kind, problems, well_count)
        if well is None:
            continue
        plate: str | None = None
        if "plate" in by_kind:
            cell = cells[by_kind["plate"]]
            plate = clean(cell.text) or None
            if cell.cell_error:
                problems.add(f"{cell.place} {cell.cell_error}.", "untrusted cells")
            elif plate is None:
                problems.add(
                    f"{cell.place}: the plate is missing; write its name, or delete the column if "
                    "the map holds for every plate.",
                    "missing plates",
                )
                continue
        messages = tuple(
            (columns[column], cells[column]) for column in columns if column not in own
        )
        anchor = by_kind.get("well", by_kind.get("row", 1))
        place = table.place(row.line, anchor, line.row.text(anchor))
        records.append(Record(place, plate, well, messages, row.line))
    return records, [columns[column] for column in columns if column not in own]


def _well_of(
    cells: dict[int, Cell], by_kind: dict[str, int], problems: MapProblems, well_count: int | None
) -> str | None:
    pair: tuple[Cell, Cell] | None = None
    if "row" in by_kind and "column" in by_kind:
        pair = cells[by_kind["row"]], cells[by_kind["column"]]
    if "well" not in by_kind:
        return well_of_row_and_column(*pair, problems, well_count) if pair else None
    cell = cells[by_kind["well"]]
    well = read_well(cell, problems, well_count)
    if pair and well is not None and pair[0].text and pair[1].text:
        other = well_of_row_and_column(*pair, problems, well_count)
        if other is not None and other != well:
            problems.add(
                f"{cell.place}: the well is {well}, but row and column of the same line say "
                f"{other}; correct one of them.",
                "contradicting wells",
            )
            return None
    return well
