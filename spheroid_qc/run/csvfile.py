"""Tables on disk: UTF-8, `.`, six significant digits, missing is empty, nothing executable.

A spreadsheet runs a cell that begins with `=`, `+`, `-` or `@`; such text (from a file name or a
plate map) gets a leading apostrophe, which a spreadsheet hides. Long tables are written row by
row, so that they never stand in memory.
"""

from __future__ import annotations

import contextlib
import csv
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from spheroid_qc.run.folder import atomic_path, write_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TableWriter", "escape_formula", "table_writer", "write_table"]

_DANGEROUS = ("=", "+", "-", "@", "|", "%")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")


def escape_formula(value: object) -> object:
    r"""Make a text cell harmless to spreadsheets; other values pass unchanged.

    Control characters are shown as `\xNN` or `\uNNNN`, since a line break in a name would break
    the row for many readers.
    """
    if not isinstance(value, str):
        return value
    if not value.isprintable():
        value = "".join(
            c if c.isprintable() else f"\\x{ord(c):02x}" if ord(c) < 256 else f"\\u{ord(c):04x}"
            for c in value
        )
    if value.startswith(_DANGEROUS) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


class TableWriter:
    """Rows of one table, written as they come.

    Parameters
    ----------
    file : TextIO
        Open for writing, without translation of line ends.
    columns : sequence of str
        Columns in their final order.
    whole : collection of str
        Columns of whole numbers that keep all their digits; all other numbers have six.
    """

    def __init__(self, file: TextIO, columns: Sequence[str], whole: Collection[str] = ()) -> None:
        self._write = csv.writer(file, lineterminator="\n").writerow
        self._columns = [(name, name in whole) for name in columns]
        self._write([escape_formula(name) for name in columns])

    def add(self, row: Mapping[str, Any]) -> None:
        """Write a row; what it lacks is empty, what has no column is left out."""
        self._write([_cell(row.get(name), whole) for name, whole in self._columns])


def _cell(value: Any, whole: bool) -> object:
    if value is None or value != value:  # NaN is not itself
        return ""
    if isinstance(value, str):
        return escape_formula(value)
    return int(value) if whole else f"{float(value):.6g}"


@contextlib.contextmanager
def table_writer(
    path: Path, columns: Sequence[str], whole: Collection[str] = ()
) -> Iterator[TableWriter]:
    """Open a table that takes the place of the old one when the block ends well.

    Parameters
    ----------
    path : Path
        Target file.
    columns, whole
        As in `TableWriter`.

    Yields
    ------
    TableWriter
        Takes the rows.
    """
    with (
        atomic_path(path, durable=True) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        yield TableWriter(file, columns, whole)


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, atomically.

    Parameters
    ----------
    path : Path
        Target file.
    table : DataFrame
        Columns and rows in their final order.
    """
    import pandas as pd

    columns = {}
    for name, column in table.items():
        if pd.api.types.is_bool_dtype(column):
            final = column.astype(int)
        elif pd.api.types.is_numeric_dtype(column):
            final = column
        else:
            final = column.map(escape_formula).astype(object)
        columns[escape_formula(str(name))] = final
    clean = pd.DataFrame(columns)
    text = clean.to_csv(index=False, float_format="%.6g", lineterminator="\n", na_rep="")
    write_text(path, text)
