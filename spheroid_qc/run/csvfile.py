"""Tables on disk: UTF-8, `.`, six significant digits, missing is empty, nothing executable.

A spreadsheet runs a cell that begins with `=`, `+`, `-` or `@`; such text (from a file name or a
plate map) gets a leading apostrophe, which a spreadsheet hides.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from spheroid_qc.run.folder import write_text

__all__ = ["escape_formula", "write_table"]

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


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, atomically.

    Parameters
    ----------
    path : Path
        Target file.
    table : DataFrame
        Columns and rows in their final order.
    """
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
