"""Wells: one canonical name for each, whatever the instrument calls it.

`a1`, `A01`, `A 1` and `A001` are the same well, `A01`. Rows run A to Z and then AA to AF, which
is what a 1536-well plate needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

PLATE_FORMATS: dict[int, tuple[int, int]] = {
    6: (2, 3),
    12: (3, 4),
    24: (4, 6),
    48: (6, 8),
    96: (8, 12),
    384: (16, 24),
    1536: (32, 48),
}
"""Number of wells -> (rows, columns)."""

MAX_ROWS, MAX_COLUMNS = PLATE_FORMATS[1536]

_WELL = re.compile(r"\s*([A-Za-z]{1,2})\s*[-_: ]?\s*([0-9]{1,4})\s*")


class Well(NamedTuple):
    """A place on a plate, counted from zero.

    Attributes
    ----------
    row, column : int
        Zero-based, row 0 is A.
    """

    row: int
    column: int

    @property
    def name(self) -> str:
        """Canonical name, `A01`."""
        return well_name(self.row, self.column)


def row_name(row: int) -> str:
    """Letters of a zero-based row: 0 is A, 25 is Z, 26 is AA, 31 is AF."""
    if not 0 <= row < MAX_ROWS:
        raise ValueError(f"a plate has rows 0 to {MAX_ROWS - 1}, not {row}")
    return chr(65 + row) if row < 26 else "A" + chr(65 + row - 26)


@lru_cache(maxsize=2048)
def well_name(row: int, column: int) -> str:
    """Canonical name of a well.

    Parameters
    ----------
    row, column : int
        Zero-based.

    Returns
    -------
    str
        Row letters and a column of at least two digits, `A01`.

    Raises
    ------
    ValueError
        If no plate has that row or column.
    """
    if not 0 <= column < MAX_COLUMNS:
        raise ValueError(f"a plate has columns 0 to {MAX_COLUMNS - 1}, not {column}")
    return f"{row_name(row)}{column + 1:02d}"


@lru_cache(maxsize=8192)
def parse_well(text: str) -> Well | None:
    """Read one well name that stands alone.

    Parameters
    ----------
    text : str
        Row letters (A to Z, AA to AF, either case) and a column from 1 to 48 with or without
        leading zeros; one space, hyphen, underscore or colon between them is accepted.

    Returns
    -------
    Well or None
        None if the text isn't a well of any plate up to 1536 wells.
    """
    match = _WELL.fullmatch(text)
    if match is None:
        return None
    letters, column = match[1].upper(), int(match[2])
    if not 1 <= column <= MAX_COLUMNS:
        return None
    if len(letters) == 1:
        return Well(ord(letters) - 65, column - 1)
    if letters[0] != "A" or letters[1] > "F":
        return None
    return Well(26 + ord(letters[1]) - 65, column - 1)


def row_column(name: str) -> tuple[int, int]:
    """Zero-based row and column of a well name.

    Raises
    ------
    ValueError
        If the name isn't a well.
    """
    well = parse_well(name)
    if well is None:
        raise ValueError(f"{name!r} is not a well name such as A01")
    return well.row, well.column


def fits(well: Well, wells: int) -> bool:
    """Whether a plate of so many wells has this one."""
    rows, columns = PLATE_FORMATS[wells]
    return well.row < rows and well.column < columns


def smallest_format(wells: Iterable[str | Well]) -> int:
    """Smallest plate that holds all given wells.

    Parameters
    ----------
    wells : iterable of str or Well
        None at all gives the smallest plate there is.

    Returns
    -------
    int
        A key of `PLATE_FORMATS`.
    """
    places = [row_column(well) if isinstance(well, str) else tuple(well) for well in wells]
    rows = max((row for row, _ in places), default=0) + 1
    columns = max((column for _, column in places), default=0) + 1
    for count, (maximum_rows, maximum_columns) in PLATE_FORMATS.items():
        if rows <= maximum_rows and columns <= maximum_columns:
            return count
    raise ValueError(f"no plate has {rows} rows and {columns} columns")
