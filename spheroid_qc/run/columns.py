"""Rows gathered as columns: a dictionary for every frame would hold ten times the memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

__all__ = ["Columns"]


class Columns:
    """A table that grows row by row.

    Rows may lack columns and bring new ones; columns stand in the order of first appearance.
    """

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {}
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a row; what it lacks is NaN."""
        for name in row:
            if name not in self._columns:
                self._columns[name] = [float("nan")] * self._length
        for name, column in self._columns.items():
            column.append(row.get(name, _MISSING))
        self._length += 1

    def table(self) -> pd.DataFrame:
        """Make the table, and let go of the rows."""
        columns, self._columns, self._length = self._columns, {}, 0
        return pd.DataFrame({name: pd.Series(columns.pop(name)) for name in list(columns)})


_MISSING = float("nan")
