"""Medians and percentiles of many pixels; the numbers of numpy, for a part of its time.

`numpy.median` and `numpy.percentile` put several places in order at once, which numpy can't do with
the processor's vector instructions; one place after the other it can. The median of 65,000 values
takes 0.04 ms instead of 0.6 ms, three percentiles 0.1 ms instead of 0.7 ms, and a frame asks for
some fifty of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def median(values: NDArray[np.floating[Any]]) -> float:
    """Median of an array of any shape, as `numpy.median`: in the precision of the values.

    Parameters
    ----------
    values : ndarray of float32 or float64
        At least one, all finite; they stay as they are.

    Returns
    -------
    float
    """
    flat = values.flatten()
    half = flat.size // 2
    flat.partition(half)
    upper = flat[half]
    return float(upper if flat.size % 2 else (flat[:half].max() + upper) / 2)


def percentiles(values: NDArray[np.floating[Any]], shares: Sequence[float]) -> list[float]:
    """Percentiles of an array of any shape, as `numpy.percentile`.

    Parameters
    ----------
    values : ndarray of float32 or float64
        At least one, all finite; they stay as they are.
    shares : sequence of float
        In per cent, from 0 to 100, rising.

    Returns
    -------
    list of float
        One a share, interpolated between the two values around it.
    """
    flat = values.flatten()
    found, done = [], 0
    for share in shares:
        place = (flat.size - 1) * (share / 100)
        below = int(place)
        flat[done:].partition(below - done)
        done = below
        low, high, beyond = flat[below], flat[below], place - below
        if below + 1 < flat.size:
            high = flat[below + 1 :].min()
        # As numpy does it, from the nearer end.
        apart = float(high - low)
        near = float(low) + apart * beyond if beyond < 0.5 else float(high) - apart * (1 - beyond)
        found.append(near)
    return found
