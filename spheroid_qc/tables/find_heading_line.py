"""The line of a table that names its columns, and what each column is taken for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from spheroid_qc.tables.control_roles import read_role
from spheroid_qc.tables.dose_units import KNOWN_UNITS
from spheroid_qc.tables.located_cells import Cell, Table, TableRow
from spheroid_qc.tables.match_headings import Heading, is_dose_like, is_placeholder, read_heading
from spheroid_qc.tables.parse_cells import is_missing
from spheroid_qc.tables.parse_times import is_date
from spheroid_qc.tables.synonyms import ROLE_LIKE
from spheroid_qc.tables.table_messages import TableMessages

_SEARCHED_LINES = 60
# Where two columns mean the same, one with this very heading is the one that is meant.
_PLAIN = "well|plate|drug|dose|role|cell_line|replicate|vehicle_group|unit|passage"
_LINE_NUMBERS = frozenset({"line", "lines", "line no", "line no."})
_PLAIN_HEADINGS = frozenset(_PLAIN.split("|"))


@dataclass(frozen=True, slots=True)
class HeadingLine:
    """The line of a table that names its columns."""

    table: Table
    row: TableRow
    headings: tuple[Heading, ...]

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of columns."""
        return frozenset(heading.kind for heading in self.headings)

    def body(self) -> list[TableRow]:
        """Give the lines below, without repeated headings."""
        below = [row for row in self.table.rows if row.line > self.row.line]
        return [row for row in below if row.texts != self.row.texts]

    def cell(self, row: TableRow, column: int, heading: str | None = None) -> Cell:
        """Give one cell of a line below, under its heading as written."""
        written = self.row.text(column) if heading is None else heading
        return Cell(self.table, row.line, column, row.text(column), written)

    def place(self, column: int) -> str:
        """Name the place of a heading."""
        return self.table.place(self.row.line, column, self.row.text(column))


def find_heading_line(table: Table, *needed: frozenset[str]) -> HeadingLine | None:
    """Find the line that names the columns, also below title lines or behind a `#`.

    Parameters
    ----------
    table : Table
        Any table.
    *needed : frozenset of str
        Sets of kinds; the line must have all kinds of at least one set.

    Returns
    -------
    HeadingLine or None
        The first line among the upper ones that names the most known columns.
    """
    best: HeadingLine | None = None
    best_score = 0
    for row in (*table.rows[:_SEARCHED_LINES], *table.comments[:_SEARCHED_LINES]):
        line = HeadingLine(table, row, tuple(read_heading(text) for text in row.texts))
        score = sum(heading.kind != "extra" for heading in line.headings)
        if score > best_score and any(line.kinds >= option for option in needed):
            best, best_score = line, score
    return best


def is_matrix(line: HeadingLine) -> bool:
    """Tell whether the drugs are called row and column, as SynergyFinder does."""
    named = [heading.written.casefold() for heading in line.headings if heading.kind == "drug"]
    return any("row" in name for name in named) and any("col" in name for name in named)


def wells_or_first_line(table: Table) -> tuple[TableRow, list[TableRow]]:
    """Give the line that names wells, also below titles, else the first; and the lines below it.

    The table must have a line.
    """
    line = find_heading_line(table, frozenset({"well"}), frozenset({"row", "column"}))
    if line is None:
        return table.rows[0], list(table.rows[1:])
    return line.row, line.body()


def decide_columns(line: HeadingLine, messages: TableMessages) -> dict[int, Heading]:
    """Decide what each column is: synonyms that clash, columns without name, doubled columns.

    Parameters
    ----------
    line : HeadingLine
        The headings.
    messages : TableMessages
        Takes what is found, also merged cells below the headings.

    Returns
    -------
    dict
        Column number (from 1) to heading.
    """
    table, body = line.table, line.body()
    last = body[-1].line if body else line.row.line
    for sentence in table.merged_problems(line.row.line, last):
        messages.problem(sentence, "merged cells")
    columns: dict[int, Heading] = {}
    width = max([len(line.row.texts), *(len(row.texts) for row in body)])
    for column in range(1, width + 1):
        values = [row.text(column) for row in body]
        written = line.row.text(column)
        reminder = any(is_placeholder(value) for value in values)
        if all(is_missing(value) for value in values) and (not written or reminder):
            continue
        heading = line.headings[column - 1] if written else None
        if (
            heading is not None
            and heading.kind == "cell_line"
            and _are_line_numbers(heading, values)
        ):
            messages.notes.append(
                f"The column {heading.written} of {table.title} counts lines and is left out."
            )
        elif heading is not None:
            columns[column] = _as_filled(heading, values, messages)
            if _is_flag(heading, values):
                messages.problem(
                    f"{line.place(column)}: the column holds 0 and 1, which may be hours or no and "
                    f"yes; write hours under a heading with the unit, such as {heading.kind}, or "
                    f"call it 'stratum {heading.written}'.",
                    "times or flags",
                )
        elif column == 1 and _counts_lines(values):
            messages.notes.append(
                f"The first column of {table.title} counts lines and is left out."
            )
        elif column > len(line.row.texts):
            surplus = next(line.cell(row, column) for row in body if row.text(column))
            hint = (
                " (a decimal comma in a file separated by commas? Then write a decimal point)"
                if table.separator == ","
                else ""
            )
            messages.problem(
                f"{surplus.place}: {surplus.text!r} stands beyond the last heading; this line "
                f"has more cells than line {line.row.line}, which names the columns; take the "
                f"surplus separator out{hint}.",
                "lines with too many cells",
            )
        else:
            columns[column] = Heading("extra", f"column {column}")
            messages.notes.append(
                f"Column {column} of {table.title} has no heading and is kept as 'column {column}'."
            )
    kinds = {heading.kind for heading in columns.values()}
    if "role" not in kinds:
        columns = {
            column: _as_roles(heading, [row.text(column) for row in body])
            for column, heading in columns.items()
        }
    if "drug" in kinds and "dose" not in kinds:
        for column, heading in columns.items():
            if heading.kind == "extra" and is_dose_like(heading.written):
                messages.problem(
                    f"{table.place(line.row.line, column, heading.written)}: the unit in this "
                    f"heading is not known; write one of {KNOWN_UNITS}, such as dose_uM.",
                    "unknown headings",
                )
    return _without_doubles(line, columns, messages)


def _as_roles(heading: Heading, values: list[str]) -> Heading:
    """Take a column called `type` or the like for roles where all its words are roles."""
    filled = {value for value in values if not is_missing(value)}
    known = filled and all(read_role(value) for value in filled)
    if known and heading.kind in ("extra", "factor") and heading.written.casefold() in ROLE_LIKE:
        return Heading("role", heading.written)
    return heading


def _as_filled(heading: Heading, values: list[str], messages: TableMessages) -> Heading:
    """Take a column of dates for a further one where its name may mean either."""
    filled = [value for value in values if not is_missing(value)]
    if (
        heading.kind != "dosed_at_h"
        or "treat" not in heading.written.casefold()
        or not filled
        or not all(map(is_date, filled))
    ):
        return heading
    messages.notes.append(
        f"The column {heading.written} holds dates and is kept as it is; write the hours from the "
        "first image to the dose into a column dosed_at_h."
    )
    return Heading("extra", heading.written)


def _are_line_numbers(heading: Heading, values: list[str]) -> bool:
    """Tell whether a column called `Line` counts the lines of the table."""
    return heading.written.casefold() in _LINE_NUMBERS and len(values) > 2 and _counts_lines(values)


def _is_flag(heading: Heading, values: list[str]) -> bool:
    """Tell whether a column of hours, `washout`, may be one of no and yes: 0 and 1."""
    if heading.kind not in ("dosed_at_h", "washout_at_h") or heading.scale != "unstated":
        return False
    filled = {value for value in values if not is_missing(value)}
    return "1" in filled and filled <= {"0", "1"}


def _counts_lines(values: list[str]) -> bool:
    numbers = [int(value) for value in values if value.isdigit()]
    return len(numbers) == len(values) and all(
        later - earlier == 1 for earlier, later in pairwise(numbers)
    )


def _meaning(heading: Heading) -> tuple[str, str]:
    if heading.kind in ("extra", "stratum", "factor", "remark", "ignored"):
        return heading.kind, heading.written.casefold()
    if heading.kind == "dose":
        factor = f"{heading.unit.name}{heading.unit.factor}" if heading.unit else ""
        return "dose", f"{heading.slot}/{factor}"
    return heading.kind, heading.slot


def _without_doubles(
    line: HeadingLine, columns: dict[int, Heading], messages: TableMessages
) -> dict[int, Heading]:
    alike: dict[tuple[str, str], list[int]] = {}
    for column, heading in columns.items():
        alike.setdefault(_meaning(heading), []).append(column)
    decided = dict(columns)
    for (kind, _), clashing in alike.items():
        if len(clashing) == 1:
            continue
        written = {column: columns[column].written for column in clashing}
        plain = [
            column
            for column, name in written.items()
            if kind in _PLAIN_HEADINGS and name.casefold().replace(" ", "_") == kind
        ]
        if kind == "role" and not plain:  # JUMP has both; only one names the controls
            plain = [at for at, name in written.items() if name.casefold().endswith("control_type")]
        if len(plain) == 1:
            for column, name in written.items():
                if column != plain[0]:
                    decided[column] = Heading("extra", name)
                    messages.notes.append(
                        f"Column {name!r} is kept as a further column, since "
                        f"{written[plain[0]]!r} says the same thing."
                    )
            continue
        first, second = clashing[:2]
        messages.problem(
            f"{line.place(second)}: the column means the same as column {first} "
            f"({line.row.text(first)}); delete one of them, or number them, such as drug_1 and "
            "drug_2.",
            "doubled columns",
        )
    return decided
