"""What an interval allows to say: one rule, which table, title, sentences and pictures read.

A value is called only where its interval lies wholly on one side of no interaction (single doses:
where its p value, adjusted by Holm's method, says so too), and `slightly` where it lies nearer to
no interaction than `min_excess`: an excess by less than that, an index within a factor of
1 + `min_excess` of 1 (for a tenth, the range that Chou calls nearly additive,
doi:10.1124/pr.58.3.10). The word stands in column `call`.
"""

from __future__ import annotations

import numpy as np

from spheroid_qc.parameters import ResponseParameters
from spheroid_qc.response.multiple_testing import holm
from spheroid_qc.response.synergy.model_registry import model_of
from spheroid_qc.response.synergy.synergy_model import Row, SynergyModel, joined
from spheroid_qc.response.wells_analysed_together import ALL_PLATES

CALLS = ("more", "slightly_more", "open", "slightly_less", "less")
"""Words of column `call`, from synergy to antagonism; empty where nothing can be told."""

_PLACES = {
    "mean": "on average over the tested doses",
    "area": "in the area of 3 x 3 doses around this one",
    "dose": "at this dose",
}


def call_of(model: SynergyModel, value: float, low: float, high: float, minimum: float) -> str:
    """Call a value with an interval.

    `minimum` is the smallest excess that counts. Gives one of `CALLS`, or nothing without an
    interval.
    """
    if not np.isfinite(value) or np.isnan(low) or np.isnan(high) or not model.is_tested:
        return ""
    side = model.side(low, high)
    if not side:
        return "open"
    if model.is_ratio:
        far = value <= 0 or abs(np.log(value)) >= np.log1p(minimum)
    else:
        far = abs(value) >= minimum
    return ("" if far else "slightly_") + ("more" if side > 0 else "less")


def annotate_significance(rows: list[Row], settings: ResponseParameters) -> None:
    """Give each row its `call`, and add to its note what that means.

    Single doses are adjusted by Holm's method (Holm 1979) within a method, indices at an effect
    over the fixed ratios that have one. `rows` are those of one combination on one plate, changed
    in place.
    """
    for row in rows:
        model = model_of(row["method"])
        values = (row["value"], row["low"], row["high"])
        called = call_of(model, *values, settings.min_excess)
        # The highest areas of several plates lie anywhere: their mean is no estimate of one.
        unclear = row["level"] == "area" and row.get("plate") == ALL_PLATES
        row["call"] = "" if unclear or row.get("refused") else called
    for method, level in dict.fromkeys((row["method"], row["level"]) for row in rows):
        same = [r for r in rows if (r["method"], r["level"]) == (method, level)]
        p = np.array([row["p"] for row in same])
        known = int(np.isfinite(p).sum())
        if level in ("mean", "area") or known < (1 if level == "dose" else 2):
            continue
        over = "" if level == "dose" else f" over {known} ratios"
        for row, adjusted in zip(same, holm(p), strict=True):
            shown = row["call"] not in ("", "open")
            if not np.isfinite(adjusted) or not model_of(method).is_tested:
                continue
            if level == "dose" or shown:
                row["note"] = joined(row["note"], f"Holm-adjusted{over} p = {adjusted:.2g}.")
            if shown and adjusted >= 1 - settings.confidence:
                row["call"] = "open"
    for row in rows:
        if row["call"] and (row["level"] not in ("dose", "area") or row["call"] != "open"):
            row["note"] = joined(row["note"], _words(row, settings.min_excess))


def _words(row: Row, minimum: float) -> str:
    """Say what the call of a row means."""
    model, call = model_of(row["method"]), row["call"]
    where = _PLACES.get(row["level"], "at this effect")
    if call == "open":
        return f"Not shown either way {where}."
    word = model.words["less" in call]
    if call.startswith("slightly"):
        near = f"a factor of {1 + minimum:g}" if model.is_ratio else f"{minimum:g}"
        return f"Slightly {word[0].lower()}{word[1:]} {where}, by less than {near}."
    return f"{word} {where}."
