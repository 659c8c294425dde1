"""One row of the synergy table that stems from the median effect, before it is a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spheroid_qc.response.excess import Estimate
from spheroid_qc.response.index_interval import InteractionFit

FloatArray = NDArray[np.float64]
Row = dict[str, Any]

NO_INTERVAL = "No interval: too few wells to tell their scatter."

UNKNOWN = Estimate(float("nan"), float("nan"), float("nan"), 0.0)

DOUBTED_P = 0.05
"""Lack of fit that is spoken of."""

ENDLESS = 1e6
"""Times the value (or 1) from which an upper bound says no more than that there is none."""

REFUSED_P = 0.01
"""Lack of fit with which an interval would claim too much."""


def trusted(alone: InteractionFit | None) -> bool:
    """Whether the drugs alone follow median effect lines well enough for intervals."""
    return alone is not None and alone.converged and not alone.misfit_p < REFUSED_P


def misfit_note(alone: InteractionFit | None) -> str:
    """Say why there is no interval, or why it deserves less trust; empty if all is well."""
    if alone is None or not alone.converged:
        return NO_INTERVAL
    if not alone.misfit_p < DOUBTED_P:
        return ""
    words = (
        f"The drugs alone depart from median effect lines (lack of fit, p = {alone.misfit_p:.2g})"
    )
    if trusted(alone):
        return f"{words}: the index deserves less trust."
    return f"No interval: {words[0].lower()}{words[1:]}. Loewe excess allows for partial effects."


def row(
    method: str, level: str, fa: float, doses: FloatArray | None, estimate: Estimate, n: int,
    note: str,
) -> Row:  # fmt: skip
    """Put the parts of a row together."""
    return {
        "method": method, "level": level, "fa": fa, "doses": doses, "value": estimate.value,
        "low": estimate.low, "high": estimate.high, "df": estimate.df, "n": n, "note": note,
    }  # fmt: skip


def around(value: float, bounds: ArrayLike, df: float) -> Estimate:
    """Estimate whose interval also holds the classical value; none where a bound is NaN."""
    low, high = (float(bound) for bound in np.asarray(bounds))
    if np.isnan(low) or np.isnan(high):
        return Estimate(value, *UNKNOWN[1:])
    if high > ENDLESS * max(value, 1.0):
        high = float("inf")
    return Estimate(value, min(low, value), max(high, value), df)


def stretched_note(value: float, bounds: ArrayLike) -> str:
    """Say that an interval did not hold the classical value; empty if it did, or there is none."""
    low, high = (float(bound) for bound in np.asarray(bounds))
    if value < low * 0.999 or value > high * 1.001:
        return (
            "The value, from the fitted lines, lies outside what the wells allow: the interval is "
            "stretched to it."
        )
    return ""


def joined(notes: Sequence[str]) -> str:
    """Sentences in a row."""
    return " ".join(filter(None, notes))
