"""Tables on disk: UTF-8, `.`, six significant digits, missing is empty, nothing executable.

A spreadsheet runs a cell that begins with `=`, `+`, `-` or `@`; such text (from a file name or a
plate map) gets a leading apostrophe, which a spreadsheet hides.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from spheroid_qc.atomic import atomic_path
from spheroid_qc.errors import RequestError
from spheroid_qc.storage import patiently, read_plain

if TYPE_CHECKING:
    import pandas as pd


_DANGEROUS = ("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠")
"""Also in full width, which spreadsheets of East Asia take for the plain signs."""
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")


_MAX_BYTES = 4_000_000_000
"""A table of a run folder: `spheroids.csv` of a million spheres has 0.6 GB."""


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


def write_table(path: Path, table: pd.DataFrame, whole: Collection[str] = ()) -> None:
    """Write a table as CSV, atomically.

    Parameters
    ----------
    path : Path
        Target file.
    table : DataFrame
        Columns and rows in their final order.
    whole : collection of str
        Columns of whole numbers that keep all their digits; all other numbers have six.
    """
    import pandas as pd

    columns = {}
    for name, column in table.items():
        if pd.api.types.is_bool_dtype(column):
            final = column.astype(int)
        elif pd.api.types.is_numeric_dtype(column):
            final = column.astype("Int64") if name in whole else column
        else:
            final = column.map(escape_formula).astype(object)
        columns[escape_formula(str(name))] = final
    clean = pd.DataFrame(columns)

    def write() -> None:
        with atomic_path(path, durable=True) as temporary:
            clean.to_csv(
                temporary, index=False, float_format="%.6g", lineterminator="\n", na_rep="",
                encoding="utf-8", errors="backslashreplace",
            )  # fmt: skip

    patiently(write, path)


def read_table(path: Path, text: Collection[str] = ()) -> pd.DataFrame:
    """Read a table that `write_table` wrote; guards against formulas are taken away.

    Parameters
    ----------
    path : Path
        A table of a run folder.
    text : collection of str
        Columns that hold text even where it looks like numbers (`plate` 001, passage 12).

    Returns
    -------
    DataFrame
        Empty cells are missing, and only they: a drug may be called NA.

    Raises
    ------
    RequestError
        If the file is absent or no such table.
    """
    import pandas as pd

    try:
        content = io.BytesIO(read_plain(path, _MAX_BYTES))
        table = pd.read_csv(
            content, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=[""],
            low_memory=False,
        )  # fmt: skip
    except (OSError, ValueError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise RequestError(
            f"{path} can't be read as a table ({reason}); run spheroid-qc run again with the "
            "same --out, which writes it anew."
        ) from error
    for name, column in table.items():
        if pd.api.types.is_string_dtype(column) or column.dtype == object:
            table[name] = column.map(_unguarded)
    return table


def _unguarded(value: object) -> object:
    if isinstance(value, str) and value[:1] == "'" and value[1:].startswith(_DANGEROUS):
        return value[1:]
    return value
