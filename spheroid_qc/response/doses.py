"""Doses of a table: which of them are meant to be the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["same_doses"]

FloatArray = NDArray[np.float64]

_LAST_DIGITS = 1e-6
"""Relative difference up to which two doses are one; dilutions are never that close."""


def same_doses(doses: FloatArray) -> FloatArray:
    """Make doses equal that differ in the last digits: units were converted, dilutions computed.

    Parameters
    ----------
    doses : ndarray, shape (n, k)
        One column for each drug; 0: absent.

    Returns
    -------
    ndarray, shape (n, k)
        Each dose is the lowest of those that are the same.
    """
    found = doses.copy()
    for column in found.T:
        given = np.flatnonzero(column > 0)
        if not given.size:
            continue
        order = given[np.argsort(column[given])]
        levels = column[order]
        steps = np.concatenate([[0], np.cumsum(np.diff(np.log(levels)) > _LAST_DIGITS)])
        column[order] = levels[np.searchsorted(steps, steps)]
    return found
