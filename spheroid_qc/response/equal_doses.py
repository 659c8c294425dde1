"""Doses of a table: which of them, and which of their ratios, are meant to be the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

SAME_DOSE_TOLERANCE = 1e-6
"""Relative difference up to which two doses are one; dilutions are never that close."""


def clusters(values: FloatArray, gap: float) -> NDArray[np.intp]:
    """Give the number of the cluster that each value is in.

    Values (n,) are finite, in any order; within `gap` of the next one they share a cluster. 0 is
    the cluster of the lowest value.
    """
    order = np.argsort(values, kind="stable")
    found = np.zeros(len(values), dtype=np.intp)
    found[order[1:]] = np.cumsum(np.diff(values[order]) > gap)
    return found


def same_doses(doses: FloatArray) -> FloatArray:
    """Make doses equal that differ in the last digits: units were converted, dilutions computed.

    `doses` (n, k) has one column for each drug, 0 where it is absent; each becomes the lowest of
    those that are the same.
    """
    found = doses.copy()
    for column in found.T:
        given = column > 0
        levels = column[given]
        which = clusters(np.log(levels), SAME_DOSE_TOLERANCE)
        lowest = np.full(int(which.max(initial=-1)) + 1, np.inf)
        np.minimum.at(lowest, which, levels)
        column[given] = lowest[which]
    return found
