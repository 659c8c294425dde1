"""Time to disintegration by condition: Kaplan-Meier, number at risk, median, log-rank.

The spheroid at risk is the well; times are times of frames, so an event lies up to one imaging
interval before its time. With several biological replicates the test compares within them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from spheroid_qc.errors import RequestError
from spheroid_qc.response.multiple_testing import holm
from spheroid_qc.response.replicates import (
    biological_replicate,
    in_fixed_order,
    reference_key,
    require_columns,
)
from spheroid_qc.response.survival.kaplan_meier import kaplan_meier, logrank, median_time

COLUMNS = (
    "condition", "role", "reference", "time_h", "n_at_risk", "n_events", "n_censored", "survival",
    "low", "high", "exact_low", "exact_high", "n", "n_never_at_risk", "n_events_total",
    "n_plates", "n_biological", "median_h", "median_low_h", "median_high_h", "logrank_chi2",
    "p_logrank", "p_exact", "p_exact_smallest", "p_holm", "note",
)  # fmt: skip
_NAN = float("nan")


def survival_table(
    outcome: pd.DataFrame, conditions: pd.DataFrame, level: float = 0.95
) -> pd.DataFrame:
    """Kaplan-Meier curves and tests of all conditions, for `survival.csv`.

    Parameters
    ----------
    outcome : DataFrame
        From `follow.time_to_disintegration`: `plate, well, at_risk, event, duration_h`.
    conditions : DataFrame
        `plate, well, condition, role` and what `reference_key` and `biological_replicate` read;
        several rows a well (the wells table) are allowed, the first counts.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`: one row per condition and step of its curve, sorted by condition and
        time; the figures of the whole condition (median, tests against its vehicle, Holm over
        the conditions of one reference) stand in each of its rows; `p_holm` corrects `p_exact`
        where it was counted, else `p_logrank`. A condition without a well at
        risk keeps one row that says so. A median that is not reached is empty, and `note` says
        "> the last time".

    Raises
    ------
    RequestError
        If a column is missing or a well is not among the conditions.
    """
    require_columns(outcome, ["plate", "well", "at_risk", "event", "duration_h"], "Survival")
    require_columns(conditions, ["plate", "well", "condition", "role"], "Survival")
    table = _joined(outcome, conditions)
    table = table[table["role"].isin(["vehicle", "positive_control", "treated"])]
    parts = []
    for _, family in table.groupby("_reference", sort=True):
        vehicle = family[family["role"] == "vehicle"]
        parts += _family(family, vehicle, level)
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


def _joined(outcome: pd.DataFrame, conditions: pd.DataFrame) -> pd.DataFrame:
    if outcome.duplicated(["plate", "well"]).any():
        raise RequestError("Survival needs one outcome a well; some wells have more than one.")
    wells = in_fixed_order(conditions).drop_duplicates(["plate", "well"])
    wells = wells.assign(_replicate=biological_replicate(wells), _reference=reference_key(wells))
    kept = ["plate", "well", "condition", "role", "_replicate", "_reference"]
    table = in_fixed_order(outcome).merge(wells[kept], on=["plate", "well"], how="left")
    lacking = table.loc[table["condition"].isna(), ["plate", "well"]]
    if len(lacking):
        raise RequestError(
            f"Survival can't be computed: well {lacking['well'].iloc[0]} of plate "
            f"{lacking['plate'].iloc[0]} has no condition; add it to the plate map."
        )
    return table


def _family(family: pd.DataFrame, vehicle: pd.DataFrame, level: float) -> list[pd.DataFrame]:
    named = " / ".join(sorted(vehicle["condition"].astype(str).unique()))
    conditions = sorted(set(zip(family["condition"], family["role"], strict=True)))
    conditions.sort(key=lambda pair: pair[1] != "vehicle")
    parts, tests = [], []
    for condition, role in conditions:
        rows = family[(family["condition"] == condition) & (family["role"] == role)]
        at_risk = rows[rows["at_risk"].astype(bool) & rows["duration_h"].notna()]
        curve = kaplan_meier(at_risk["duration_h"], at_risk["event"], level)
        line: dict[str, Any] = {"condition": condition, "role": role, "reference": named}
        line |= {
            "n": len(at_risk),
            "n_never_at_risk": len(rows) - len(at_risk),
            "n_events_total": int(at_risk["event"].sum()),
            "n_plates": at_risk["plate"].nunique(),
            "n_biological": at_risk["_replicate"].nunique(),
        }
        messages = _median_into(line, curve, at_risk)
        test = {} if role == "vehicle" else _tested(at_risk, vehicle, messages)
        line |= test
        line["note"] = " ".join(messages)
        part = curve.copy() if len(curve) else pd.DataFrame(index=[0])
        for name, value in line.items():
            part[name] = value
        parts.append(part.reindex(columns=list(COLUMNS)))
        tests.append(test)
    for part, p in zip(parts, holm([_p(test) for test in tests]).tolist(), strict=True):
        part["p_holm"] = p
    return parts


def _p(test: dict[str, float]) -> float:
    """Take the exact p where it was counted; the chi-squared one is wrong with few wells."""
    exact = test.get("p_exact", _NAN)
    return test.get("p_logrank", _NAN) if np.isnan(exact) else exact


def _median_into(line: dict[str, Any], curve: pd.DataFrame, at_risk: pd.DataFrame) -> list[str]:
    """Fill in the median; give back what must be said."""
    if curve.empty:
        return ["No well was intact at time zero and watched afterwards."]
    messages = []
    end = float(at_risk["duration_h"].max())
    found = median_time(curve)
    for name, value in zip(("median_h", "median_low_h", "median_high_h"), found, strict=True):
        line[name] = value if np.isfinite(value) else _NAN
    if not np.isfinite(found[0]):
        messages.append(f"Median > {end:g} h: fewer than half fell apart while they were watched.")
    elif not np.isfinite(found[2]):
        messages.append(f"The upper bound of the median lies beyond {end:g} h.")
    if len(at_risk) < 5:
        messages.append("Few wells: read exact_low and exact_high, which exist at every time.")
    return messages


def _tested(at_risk: pd.DataFrame, vehicle: pd.DataFrame, messages: list[str]) -> dict[str, float]:
    reference = vehicle[vehicle["at_risk"].astype(bool) & vehicle["duration_h"].notna()]
    if at_risk.empty:
        return {}
    if reference.empty:
        messages.append("No vehicle well at risk to compare with.")
        return {}
    both = pd.concat([at_risk, reference])
    group = np.arange(len(both)) < len(at_risk)
    strata, how = _strata(at_risk, reference, both)
    result = logrank(both["duration_h"], both["event"], group, strata)
    if np.isnan(result["chi2"]):
        messages.append("No event tells the condition from its vehicle: no test.")
    elif result["p_exact_smallest"] > 0.05:
        low = result["p_exact_smallest"]
        messages.append(f"With these numbers the exact test can't go below p = {low:.2g}.")
    if how:
        messages.append(how)
    return {
        "logrank_chi2": result["chi2"],
        "p_logrank": result["p"],
        "p_exact": result["p_exact"],
        "p_exact_smallest": result["p_exact_smallest"],
    }


def _strata(
    at_risk: pd.DataFrame, reference: pd.DataFrame, both: pd.DataFrame
) -> tuple[Sequence[str], str]:
    """Replicates where several hold both; else plates; else one stratum."""
    for name, words in (("_replicate", "biological replicates"), ("plate", "plates")):
        shared = set(at_risk[name].astype(str)) & set(reference[name].astype(str))
        if both[name].nunique() > 1 and shared:
            return both[name].astype(str).tolist(), f"Tested within {words} (stratified log-rank)."
    return [""] * len(both), ""
