"""How well the reference is known that effects were normalised to.

An error of the vehicle's mean moves all effects at once, by (1 - f) each: no scatter between wells
shows it. So whoever judges effects has to know whether they were normalised to these vehicle
wells. Tables of others do not say so, but their vehicle wells do: the mean or median is 0 then.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["REFERENCES", "reference_weight"]

REFERENCES = ("", "mean", "median")
"""What of the vehicle wells effects were normalised to; empty: not known."""

_MOST_DECIMALS = 9


def reference_weight(vehicle: NDArray[np.float64], reference: str = "") -> float:
    """Variance of the reference, in units of a vehicle well's, where wells were normalised to it.

    Parameters
    ----------
    vehicle : ndarray, shape (n,)
        Effects of the vehicle wells.
    reference : str
        One of `REFERENCES`. Where it is empty the wells tell: their mean or median is 0 within
        the decimals they are written with, or effects were cut off at 0 and a vehicle well stands
        there.

    Returns
    -------
    float
        0 where effects were not normalised to these wells.
    """
    n = len(vehicle)
    if not n:
        return 0.0
    reference = reference or _seen(vehicle)
    if not reference:
        return 0.0
    # Of a median asymptotically pi / 2 / n, with its value of 1 for a single well.
    return 1 / n if reference == "mean" else np.pi / 2 / (n + np.pi / 2 - 1)


def _seen(vehicle: NDArray[np.float64]) -> str:
    """Judge from vehicle wells what effects were normalised to."""
    # Decimals, or significant digits: three of them leave a thousandth of the scatter.
    rounding = max(0.5001 * 10.0 ** -_decimals(vehicle), 1e-3 * float(vehicle.std()))
    if abs(float(vehicle.mean())) <= rounding:
        return "mean"
    if abs(float(np.median(vehicle))) <= 1e-9:
        return "median"
    if float(vehicle.min()) == 0:  # cut off: of a mean of 0 some wells lay below
        return "median" if 2 * int((vehicle == 0).sum()) >= len(vehicle) else "mean"
    return ""


def _decimals(values: NDArray[np.float64]) -> int:
    """Decimals that values are written with."""
    for decimals in range(1, _MOST_DECIMALS):
        if np.abs(np.round(values, decimals) - values).max() < 1e-12:
            return decimals
    return _MOST_DECIMALS
