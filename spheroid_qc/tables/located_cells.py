"""The cells of a table, each with its place, so that a mistake can be named where it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

# A leading apostrophe guards text that a spreadsheet program would take for a formula.
_GUARDED = re.compile(r"'[=+\-@'\t\r]")
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class TableRow:
    """One line with something in it: its number in the file (from 1) and its stripped cells."""

    line: int
    texts: tuple[str, ...]

    def text(self, column: int) -> str:
        """Give the cell in `column` (from 1); empty beyond the end of the line."""
        return self.texts[column - 1] if 0 < column <= len(self.texts) else ""


@dataclass(frozen=True)
class Table:
    """One sheet of cells.

    Attributes
    ----------
    file : str
        Name of the file, for messages.
    sheet : str
        Name of the sheet; empty for text files.
    rows : tuple of TableRow
        Lines with something in them, without comment lines.
    comments : tuple of TableRow
        Lines that begin with `#`.
    separator : str
        Tab, semicolon or comma; empty for workbooks and for files of one column.
    notes : tuple of str
        What was recognised, in sentences.
    cell_types : mapping
        (line, column) to `number`, `date` or `boolean` where a workbook says so.
    cell_errors : mapping
        (line, column) to the end of a sentence: why this cell can't be trusted.
    merged : tuple
        (first line, first column, last line, last column) of merged cells with a value.
    form : str
        What the file is where it is no plain table, such as `IncuCyte plate map`; its lines are
        those of the file, but its columns were made by the reader of that form.
    """

    file: str
    sheet: str = ""
    rows: tuple[TableRow, ...] = ()
    comments: tuple[TableRow, ...] = ()
    separator: str = ""
    notes: tuple[str, ...] = ()
    cell_types: Mapping[tuple[int, int], str] = field(default_factory=dict)
    cell_errors: Mapping[tuple[int, int], str] = field(default_factory=dict)
    merged: tuple[tuple[int, int, int, int], ...] = ()
    form: str = ""

    @property
    def title(self) -> str:
        """The file, and the sheet where there is one."""
        return f"{self.file}, sheet {self.sheet!r}" if self.sheet else self.file

    def place(self, line: int, column: int | None = None, heading: str = "") -> str:
        """Name a place: `map.csv, line 3, column 2 (dose)`."""
        where = f"{self.title}, line {line}"
        if column is None:
            return where
        if self.form:
            return f"{where} ({heading})" if heading else where
        inside = [f"cell {column_letters(column)}{line}"] if self.sheet else []
        if heading:
            inside.append(heading)
        return f"{where}, column {column}" + (f" ({', '.join(inside)})" if inside else "")

    def merged_problems(self, first: int, last: int) -> list[str]:
        """Give one sentence for each merged range that touches the lines `first` to `last`."""
        problems = []
        for top, left, bottom, right in self.merged:
            if bottom < first or top > last:
                continue
            cells = f"{column_letters(left)}{top}:{column_letters(right)}{bottom}"
            problems.append(
                f"{self.title}, line {top}, column {left}: the cells {cells} are merged, and only "
                "the first of them holds a value; unmerge them and write the value into every "
                "cell it is meant for."
            )
        return problems


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell with its place."""

    table: Table
    line: int
    column: int
    text: str
    heading: str = ""

    @property
    def place(self) -> str:
        """File, line, column and heading, for messages."""
        return self.table.place(self.line, self.column, self.heading)

    @property
    def cell_type(self) -> str:
        """`number`, `date` or `boolean` as a workbook says, else empty."""
        return self.table.cell_types.get((self.line, self.column), "")

    @property
    def cell_error(self) -> str:
        """Why the cell can't be trusted; empty where it can."""
        return self.table.cell_errors.get((self.line, self.column), "")


def column_letters(column: int) -> str:
    """Name a column as a spreadsheet program does: 1 is A, 27 is AA."""
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def bare_text(text: str) -> str:
    """Take away outer spaces and what can't be seen: zero-width marks, soft hyphens, controls."""
    return _UNSEEN.sub("", text).strip()


def unescape(text: str) -> str:
    """Take away the apostrophe that guards text beginning like a formula."""
    return text[1:] if _GUARDED.match(text) else text
