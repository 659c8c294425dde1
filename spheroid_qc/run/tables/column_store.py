"""Rows gathered as columns: what is held of every frame must be small.

Numbers are packed as doubles, and words are those of the well, which all of its rows share. A
dictionary for every frame would take twenty times the memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

_NAN = float("nan")


class Columns:
    """A table that grows row by row.

    Parameters
    ----------
    names : iterable of str
        Columns in their order.
    words : collection of str
        Those that hold anything but numbers.
    """

    def __init__(self, names: Iterable[str], words: Collection[str] = ()) -> None:
        self._numbers: dict[str, array[float]] = {}
        self._words: dict[str, list[Any]] = {}
        self._names = tuple(dict.fromkeys(names))
        for name in self._names:
            if name in words:
                self._words[name] = []
            else:
                self._numbers[name] = array("d")

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a row; what it lacks is missing, what has no column is left out."""
        for name, numbers in self._numbers.items():
            value = row.get(name)
            numbers.append(_NAN if value is None else value)
        for name, words in self._words.items():
            words.append(row.get(name))

    def table(self) -> pd.DataFrame:
        """Make the table, and let go of the rows."""
        columns = {}
        for name in self._names:
            # The doubles stay where they are.
            columns[name] = (
                pd.Series(self._words.pop(name))
                if name in self._words
                else pd.Series(np.asarray(self._numbers.pop(name)), copy=False)
            )
        return pd.DataFrame(columns, copy=False)
