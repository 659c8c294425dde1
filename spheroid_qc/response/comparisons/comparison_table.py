"""Each condition against its vehicle: difference, effect size, Dunnett, ranks, Holm.

With one plate the unit is the well; with several plates of one biological replicate the well
within its plate; with several biological replicates the replicate, each with its own vehicle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spheroid_qc.errors import RequestError
from spheroid_qc.response.arrays import FloatArray
from spheroid_qc.response.comparisons.dunnett import DunnettResult, dunnett
from spheroid_qc.response.comparisons.effect_size import (
    block_contrast,
    cliffs_delta,
    hedges_g,
    welch,
)
from spheroid_qc.response.comparisons.permutation import rank_sum_test, sign_flip_test
from spheroid_qc.response.condition_summary import in_dose_order
from spheroid_qc.response.multiple_testing import holm
from spheroid_qc.response.replicates import (
    at_time,
    biological_replicate,
    reference_key,
    require_columns,
    usable,
)

COMPARED = ("core_volume_loss_vs_t0", "disintegration_fraction")
"""Metrics that are compared unless others are asked for; those that the table has."""

COLUMNS = (
    "metric", "time_h", "condition", "role", "reference", "unit", "n", "n_reference", "n_wells",
    "n_reference_wells", "n_plates", "n_biological", "mean", "reference_mean", "difference",
    "difference_low", "difference_high", "hedges_g", "hedges_g_low", "hedges_g_high",
    "cliffs_delta", "cliffs_delta_low", "cliffs_delta_high", "dunnett_low", "dunnett_high",
    "p_dunnett", "p_t", "p_t_holm", "rank_test", "p_rank", "p_rank_smallest", "p_rank_holm",
    "note",
)  # fmt: skip
_MAX_SPREAD_RATIO = 3.0


@dataclass(frozen=True)
class _Units:
    """Units of one condition, by block."""

    blocks: tuple[tuple[float, ...], ...]
    n_wells: int
    n_plates: int
    n_biological: int

    @property
    def values(self) -> FloatArray:
        return np.array([v for block in self.blocks for v in block], dtype=float)


def compare_with_vehicle(
    wells: pd.DataFrame,
    metrics: Sequence[str] | None = None,
    time_h: float | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare every condition with the vehicle wells of its strata and vehicle group.

    Parameters
    ----------
    wells : DataFrame
        One row per well (and time): `plate, well, condition, role` and the metrics; optionally
        `time_h`, `state` (wells out of effect are passed over), `biological_replicate` (default:
        the plate), and what `reference_key` reads.
    metrics : sequence of str, optional
        Columns to compare; default: those of `COMPARED` that the table has.
    time_h : float, optional
        Analysis time; default: the last time that all plates have.
    level : float
        Confidence level of all intervals.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, one row per metric and condition (blanks and unmapped wells aside),
        by reference, in the order of their doses. `difference` with its bounds is Welch's (blocks:
        least squares within blocks, which for biological replicates is the paired t-test), and
        `p_t` belongs to it; `p_dunnett` and its bounds share one spread among all conditions,
        and call a lone condition of large spread too often, where `p_t_holm` still holds;
        `p_rank` is the exact Mann-Whitney test (within plates: van Elteren's; biological
        replicates: signed ranks), `p_rank_smallest` what it could reach at best with these
        numbers. Holm's correction runs over the conditions of one metric and reference. What
        can't be computed is empty, and `note` says why.

    Raises
    ------
    RequestError
        If a column is missing, a well occurs twice at that time, or no metric is left.
    """
    require_columns(wells, ["plate", "well", "condition", "role"], "Comparisons")
    names = [m for m in COMPARED if m in wells] if metrics is None else list(metrics)
    if not names:
        raise RequestError(
            "Comparisons can't be computed: name the column to compare, since the table has none "
            f"of {', '.join(COMPARED)}."
        )
    require_columns(wells, names, "Comparisons")
    table = at_time(wells, time_h)
    table = table[table["condition"].notna()]
    double = table.duplicated(["plate", "well"])
    if double.any():
        where = table[double].iloc[0]
        raise RequestError(
            f"Comparisons can't be computed: well {where['well']} of plate {where['plate']} has "
            "more than one row at the analysis time; keep one row a well and time."
        )
    table = table.assign(
        condition=table["condition"].astype(str),
        role=table["role"].astype(str),
        _replicate=biological_replicate(table),
        _reference=reference_key(table),
        _usable=usable(table),
    )
    time = float(table["time_h"].median()) if "time_h" in table and len(table) else float("nan")
    table = table[table["role"].isin(["vehicle", "positive_control", "treated"])]
    lines: list[dict[str, object]] = []
    for metric in names:
        values = pd.to_numeric(table[metric], errors="coerce").astype(float)
        values = values.where(np.isfinite(values) & table["_usable"])
        filled = table.assign(_value=values)
        for _, family in filled.groupby("_reference", sort=True):
            lines += [{"metric": metric, "time_h": time, **line} for line in _family(family, level)]
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _family(family: pd.DataFrame, level: float) -> list[dict[str, object]]:
    """All conditions that share one reference."""
    known = family[family["_value"].notna()]
    vehicle = known[known["role"] == "vehicle"]
    unit, blocks = _unit_and_blocks(known)
    reference = _units(vehicle, unit, blocks)
    named = " / ".join(sorted(family.loc[family["role"] == "vehicle", "condition"].unique()))
    others = family[family["role"] != "vehicle"]
    by_dose = in_dose_order(others.drop_duplicates(["condition", "role"]))
    own = dict(iter(others.groupby(["condition", "role"], sort=True)))
    rows_of = {key: own[key] for key in zip(by_dose["condition"], by_dose["role"], strict=True)}
    groups = [_units(rows[rows["_value"].notna()], unit, blocks) for rows in rows_of.values()]
    joint = dunnett([group.blocks for group in groups], reference.blocks, level)
    lines = []
    for place, ((condition, role), group) in enumerate(zip(rows_of, groups, strict=True)):
        line: dict[str, object] = {"condition": condition, "role": role, "reference": named}
        line |= {"unit": unit} | _counts(group, reference)
        line |= _compared(group, reference, unit, joint, place, level)
        line["note"] = f"{_without_value(rows_of[condition, role])}{line['note']}"
        lines.append(line)
    for name in ("p_t", "p_rank"):
        raw = [float(str(line[name])) for line in lines]
        for line, p in zip(lines, holm(raw).tolist(), strict=True):
            line[f"{name}_holm"] = p
    return lines


def _without_value(rows: pd.DataFrame) -> str:
    """Say that lost spheroids have no value: leaving out the worst wells flatters a drug."""
    if "state" not in rows:
        return ""
    lost = int(((rows["state"] == "lost") & rows["_value"].isna()).sum())
    return f"{lost} lost well(s) have no value here: the effect is understated. " if lost else ""


def _unit_and_blocks(known: pd.DataFrame) -> tuple[str, list[str]]:
    """Pick the unit of analysis, and name the blocks.

    Replicates count as the unit only if vehicle wells stand in more than one of them: without
    its own vehicle a replicate can't be compared with anything.
    """
    with_vehicle = known.loc[known["role"] == "vehicle", "_replicate"].nunique()
    if with_vehicle > 1:
        return "biological_replicate", sorted(known["_replicate"].unique())
    plates = sorted(known["plate"].astype(str).unique())
    return ("well_within_plate" if len(plates) > 1 else "well"), plates


def _units(rows: pd.DataFrame, unit: str, blocks: list[str]) -> _Units:
    if unit == "biological_replicate":
        means = rows.groupby("_replicate")["_value"].mean()
        parts = tuple((float(means[b]),) if b in means.index else () for b in blocks)
    else:
        of_plate = rows["plate"].astype(str)
        parts = tuple(tuple(rows.loc[of_plate == b, "_value"].tolist()) for b in blocks)
    return _Units(parts, len(rows), rows["plate"].nunique(), rows["_replicate"].nunique())


def _counts(group: _Units, reference: _Units) -> dict[str, object]:
    return {
        "n": group.values.size,
        "n_reference": reference.values.size,
        "n_wells": group.n_wells,
        "n_reference_wells": reference.n_wells,
        "n_plates": group.n_plates,
        "n_biological": group.n_biological,
        "mean": float(group.values.mean()) if group.values.size else float("nan"),
        "reference_mean": float(reference.values.mean()) if reference.values.size else float("nan"),
    }


def _compared(
    group: _Units,
    reference: _Units,
    unit: str,
    joint: DunnettResult,
    place: int,
    level: float,
) -> dict[str, object]:
    treated, vehicle = group.values, reference.values
    blocked = block_contrast(group.blocks, reference.blocks, level)
    plain = welch(treated, vehicle, level) if unit == "well" else blocked
    # A single well beside several vehicle wells is judged by the vehicle's spread alone.
    lonely = unit == "well" and np.isnan(plain.p) and not np.isnan(blocked.p)
    plain = blocked if lonely else plain
    g, g_low, g_high = hedges_g(blocked, level)
    delta, delta_low, delta_high = cliffs_delta(group.blocks, reference.blocks, level)
    if unit == "biological_replicate":
        test = "signed_rank"
        gaps = [a[0] - b[0] for a, b in zip(group.blocks, reference.blocks, strict=True) if a and b]
        p, smallest, how = sign_flip_test(gaps)
    else:
        test = "mann_whitney" if unit == "well" else "van_elteren"
        p, smallest, how = rank_sum_test(group.blocks, reference.blocks)
    return {
        "difference": plain.difference, "difference_low": plain.low,
        "difference_high": plain.high, "p_t": plain.p,
        "hedges_g": g, "hedges_g_low": g_low, "hedges_g_high": g_high,
        "cliffs_delta": delta, "cliffs_delta_low": delta_low, "cliffs_delta_high": delta_high,
        "rank_test": f"{test} ({how})" if how else "", "p_rank": p, "p_rank_smallest": smallest,
        "dunnett_low": float(joint.low[place]), "dunnett_high": float(joint.high[place]),
        "p_dunnett": float(joint.p[place]),
        "note": _note(group, reference, unit, smallest, lonely, joint.conservative),
    }  # fmt: skip


def _note(
    group: _Units,
    reference: _Units,
    unit: str,
    smallest: float,
    lonely: bool,
    conservative: bool,
) -> str:
    treated, vehicle = group.values, reference.values
    if not treated.size:
        return "No value of this condition can be used."
    if not vehicle.size:
        return "There is no vehicle value of the same strata and vehicle group to compare with."
    between, both = unit == "biological_replicate", np.concatenate([treated, vehicle])
    pairs = list(zip(group.blocks, reference.blocks, strict=True))
    wide, narrow = 0.0, 0.0
    if not between and min(treated.size, vehicle.size) > 1:
        narrow, wide = sorted([treated.std(ddof=1), vehicle.std(ddof=1)])
    messages = []
    if not any(a and b for a, b in pairs):
        messages.append("No plate or replicate holds both this condition and vehicle.")
    elif between and any(a and not b for a, b in pairs):
        messages.append("Replicates without vehicle are not compared.")
    if np.ptp(both) == 0:
        messages.append("All values are the same: there is no spread to test against.")
    elif lonely:
        messages.append("One well only: judged by the spread of the other group alone.")
    elif treated.size < 2 and vehicle.size < 2:
        messages.append("One value on each side: no test and no interval.")
    if between and treated.size < 2:
        messages.append("One biological replicate: no test and no interval.")
    if smallest > 0.05:
        messages.append(f"With these numbers the rank test can't go below p = {smallest:.2g}.")
    if wide > _MAX_SPREAD_RATIO * narrow:
        messages.append(
            "The spreads differ more than threefold: prefer the Welch difference and the ranks to "
            "Dunnett's test and to Hedges' g, which share one spread."
        )
    if conservative:
        messages.append("Unequal numbers in the blocks: Dunnett's p is an upper bound.")
    if not between:
        messages.append("Within one biological replicate: says nothing about the next one.")
    return " ".join(messages)
