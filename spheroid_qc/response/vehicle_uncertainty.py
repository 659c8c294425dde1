"""How well the reference is known that effects were normalised to.

An error of the vehicle's mean moves all effects at once, by (1 - f) each: no scatter between wells
shows it. So whoever judges effects has to know whether they were normalised to these vehicle
wells. Tables of others do not say so, but their vehicle wells do: the mean or median is 0 then.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from spheroid_qc.response.variance_model import CONSTANT, VarianceModel

REFERENCES = ("", "mean", "median")
"""What of the vehicle wells effects were normalised to; empty: not known."""

_MAX_DECIMALS = 9

_SINGLE_PRECISION_ROUNDING = 1e-7
"""Of effects that were kept in single precision."""


def reference_weight(
    vehicle: NDArray[np.float64],
    reference: str = "",
    variance_model: VarianceModel = CONSTANT,
    variance: float = np.nan,
) -> float:
    """Variance of the reference, in units of a well of weight 1, where wells were normalised to it.

    `vehicle` are the effects of the vehicle wells; 0 where effects were not normalised to them.
    Where `reference` (one of `REFERENCES`) is empty the wells tell: their mean or median is 0
    within the decimals they are written with, or effects were cut off at 0 and a vehicle well
    stands there. The variance by `variance_model` falls towards 0 where effects were cut off there,
    but the reference was formed before: how much it scattered, the vehicle wells above 0 tell.
    `variance` is that of a well of weight 1, NaN where it is not known.
    """
    n = len(vehicle)
    if not n:
        return 0.0
    reference = reference or _seen(vehicle)
    if not reference:
        return 0.0
    well = float(variance_model.relative(0.0))
    if float(vehicle.min()) == 0:
        well = max(well, min(_own_scatter(vehicle) / variance, 1.0) if variance > 0 else 1.0)
    # Of a median asymptotically pi / 2 / n, with its value of 1 for a single well.
    return well * (1 / n if reference == "mean" else np.pi / 2 / (n + np.pi / 2 - 1))


def _own_scatter(vehicle: NDArray[np.float64]) -> float:
    """Variance of vehicle wells of which those below 0 were cut off there; an 80 % upper limit.

    Wells below the reference lay as far from it as those above.
    """
    if len(vehicle) < 2:
        return float("inf")
    return float((vehicle**2).sum() / special.chdtri(len(vehicle) / 2, 0.8))


def _seen(vehicle: NDArray[np.float64]) -> str:
    """Judge from vehicle wells what effects were normalised to."""
    half = max(_half_digit(vehicle), _SINGLE_PRECISION_ROUNDING)
    if abs(float(vehicle.mean())) <= half:
        return "mean"
    if abs(float(np.median(vehicle))) <= half:
        return "median"
    if float(vehicle.min()) == 0:  # cut off: of a mean of 0 some wells lay below
        return "median" if 2 * int((vehicle == 0).sum()) >= len(vehicle) else "mean"
    return ""


def _half_digit(vehicle: NDArray[np.float64]) -> float:
    """How far rounding may have moved the mean of effects, by the digits they are written with.

    Tables are written with so many decimals, or with so many significant digits of the effect or
    of the signal that is left: of 1.03 beside 0.967 the last digit is worth ten times as much.
    """
    decimals = np.full(len(vehicle), float(_MAX_DECIMALS))
    for fewer in range(_MAX_DECIMALS - 1, 0, -1):
        decimals[np.abs(np.round(vehicle, fewer) - vehicle) < 1e-12] = fewer
    known = vehicle != 0
    maximum = decimals[known].max(initial=0.0)
    with np.errstate(divide="ignore"):
        sizes = [np.floor(np.log10(np.abs(np.round(x, 12)))) for x in (vehicle, 1 - vehicle)]
    # An effect of 0 may be any that was cut off; where others are negative, it is a signal of 1.00.
    ones = maximum if (vehicle >= 0).all() else maximum - 1
    halves = []
    for size, zero in zip(sizes, (maximum, ones), strict=True):
        own = [decimals[known & (size == one)].max(initial=0.0) or zero for one in size]
        halves.append(float(np.mean(0.5001 * 10.0 ** -np.array(own))))
    return max(halves)
