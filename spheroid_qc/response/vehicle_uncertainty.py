"""How well the reference is known that effects were normalised to.

An error of the vehicle's mean moves all effects at once, by (1 - f) each: no scatter between wells
shows it. So whoever judges effects has to know whether they were normalised to these vehicle
wells: a run's are, of a table it is stated (`response.normalised_to`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from spheroid_qc.response.variance_model import CONSTANT, VarianceModel

REFERENCES = ("", "mean", "median")
"""What of the vehicle wells effects were normalised to; empty: nothing, or not known."""


def reference_weight(
    vehicle: NDArray[np.float64],
    reference: str,
    variance_model: VarianceModel = CONSTANT,
    variance: float = np.nan,
) -> float:
    """Variance of the reference, in units of a well of weight 1, where wells were normalised to it.

    `vehicle` are the effects of the vehicle wells, `reference` one of `REFERENCES`; 0 where effects
    were not normalised. The variance by `variance_model` falls towards 0 where effects were cut off
    there, but the reference was formed before: how much it scattered, the vehicle wells above 0
    tell. `variance` is that of a well of weight 1, NaN where it is not known.
    """
    n = len(vehicle)
    if not n or not reference:
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
