"""What the interval of an index or an excess allows to say, in words.

`Synergistic` is said only where the interval lies wholly on that side: of the mean over all
tested combinations, of the index at an effect, and at single doses after Holm's adjustment.
"""

from __future__ import annotations

import numpy as np

from spheroid_qc.parameters import ResponseParameters
from spheroid_qc.response.multiple_testing import holm
from spheroid_qc.response.synergy.model_registry import model_of
from spheroid_qc.response.synergy.synergy_model import Row, SynergyModel, joined


def annotate_significance(rows: list[Row], settings: ResponseParameters) -> None:
    """Add to each row's note what its interval says.

    Means, and indices at an effect, are judged by their intervals; single doses by p values that
    are adjusted by Holm's method (Holm 1979) within a method. `rows` are those of one combination
    on one plate, changed in place.
    """
    for method in dict.fromkeys(row["method"] for row in rows):
        model = model_of(method)
        if not model.is_tested:
            continue
        singles = [r for r in rows if r["method"] == method and r["level"] == "dose"]
        p = np.array([row["p"] for row in singles])
        for row, adjusted in zip(singles, holm(p), strict=True):
            if np.isfinite(adjusted):
                words = f"Holm-adjusted p = {adjusted:.2g}."
                side = model.side(row["low"], row["high"])
                if adjusted < 1 - settings.confidence and side:
                    words += " " + _words(model, side, "at this dose")
                row["note"] = joined(row["note"], words)
    for row in rows:
        if row["level"] not in ("dose", "area"):  # the highest of many is no test
            row["note"] = joined(row["note"], _verdict(row))
    _over_ratios(rows, settings)


def _over_ratios(rows: list[Row], settings: ResponseParameters) -> None:
    """Take back what is said of an effect where Holm's method over several ratios doesn't bear it.

    A matrix of doses holds several series in a fixed ratio, and each has an index at the same
    effects.
    """
    for method, level in dict.fromkeys((row["method"], row["level"]) for row in rows):
        if level in ("mean", "area", "dose") or not model_of(method).is_tested:
            continue
        same = [r for r in rows if (r["method"], r["level"]) == (method, level)]
        p = np.array([row["p"] for row in same])
        if np.isfinite(p).sum() < 2:
            continue
        for row, adjusted in zip(same, holm(p), strict=True):
            side = model_of(method).side(row["low"], row["high"])
            if side and adjusted >= 1 - settings.confidence:
                words = (
                    f"Not shown either way at this effect: Holm-adjusted over "
                    f"{int(np.isfinite(p).sum())} ratios p = {adjusted:.2g}."
                )
                row["note"] = row["note"].removesuffix(_verdict(row)) + words


def _verdict(row: Row) -> str:
    """Say what the interval of a mean, or of an index at an effect, tells."""
    model, low, high = model_of(row["method"]), row["low"], row["high"]
    if not model.is_tested or np.isnan(low) or np.isnan(high):
        return ""
    where = "on average over the tested doses" if row["level"] == "mean" else "at this effect"
    side = model.side(low, high)
    if not side:
        return f"Not shown either way {where}: the interval holds {model.null:g}."
    return _words(model, side, where)


def _words(model: SynergyModel, side: int, where: str) -> str:
    return f"{model.words[0] if side > 0 else model.words[1]} {where}."
