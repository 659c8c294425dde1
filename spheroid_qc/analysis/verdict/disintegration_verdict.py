"""Which conditions fall apart, since when, how sure: from survival, states and comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from spheroid_qc.analysis.analysis_result import Analysis
from spheroid_qc.analysis.verdict.findings import VerdictFinding
from spheroid_qc.plate_map import without_stratum
from spheroid_qc.response.replicates import shared_stratum

_METRIC = "disintegration_fraction"
_NAN = float("nan")


class ConditionOutcome(NamedTuple):
    """What became of the wells of one condition.

    `n` spheroids were at risk, `events` of them fell apart, half of them by `median_h` after the
    dose (NaN if not reached or not followed). `df` is the mean disintegration fraction,
    `df_reference` that of the vehicle, `p` Dunnett's.
    """

    condition: str
    role: str
    n: int
    events: int
    median_h: float = _NAN
    df: float = _NAN
    df_reference: float = _NAN
    p: float = _NAN

    def outcome(self, alpha: float) -> str:
        """Tell `yes` (half or more, and the difference is sure), `no`, `open` or `unknown`."""
        if self.n == 0:
            return "unknown"
        if 2 * self.events >= self.n and self.p < alpha and self.df > self.df_reference:
            return "yes"
        return "no" if self.events == 0 else "open"


def disintegration_findings(analysis: Analysis) -> list[VerdictFinding]:
    """Say which conditions fall apart, since when and how sure.

    A headline, then every treated condition of which a spheroid fell apart, soonest first; nothing
    for anything but a run of single spheroids.
    """
    known = analysis.kind == "run" and _METRIC in analysis.wells
    if not known or not analysis.wells[_METRIC].notna().any():
        return []
    alpha = 1 - analysis.parameters.response.confidence
    outcomes = outcomes_of(analysis)
    treated = [entry for entry in outcomes if entry.role == "treated"]
    if not treated:
        return []
    named = analysis.conditions["condition"].isin([entry.condition for entry in outcomes])
    shared = shared_stratum(analysis.conditions[named])
    fell = sorted(
        (entry for entry in treated if entry.outcome(alpha) != "no"),
        key=lambda entry: (
            entry.outcome(alpha) != "yes",
            np.inf if np.isnan(entry.median_h) else entry.median_h,
            -entry.events / max(entry.n, 1),
            -np.nan_to_num(entry.df),
        ),
    )
    findings = [_finding(entry, without_stratum(entry.condition, shared), alpha) for entry in fell]
    return [_headline(treated, outcomes, findings, analysis), *findings]


def _finding(entry: ConditionOutcome, name: str, alpha: float) -> VerdictFinding:
    outcome = entry.outcome(alpha)
    if outcome == "unknown":
        sentence = f"{name}: no spheroid that could be followed."
        return VerdictFinding("falls_apart", name, outcome, sentence, entry._asdict())
    sentence = f"{name}: {entry.events} of {entry.n} spheroids fell apart"
    if np.isfinite(entry.median_h):
        sentence += f", half of them by {entry.median_h:g} h after the dose"
    if np.isfinite(entry.df) and np.isfinite(entry.df_reference):
        sentence += (
            f"; disintegration fraction {entry.df:.2f} against {entry.df_reference:.2f} in vehicle"
        )
        if np.isfinite(entry.p):
            p = "p < 0.001" if entry.p < 0.001 else f"p = {entry.p:.2g}"
            sentence += f" (Dunnett {p})"
    return VerdictFinding("falls_apart", name, outcome, f"{sentence}.", entry._asdict())


def _headline(
    treated: Sequence[ConditionOutcome],
    outcomes: Sequence[ConditionOutcome],
    findings: Sequence[VerdictFinding],
    analysis: Analysis,
) -> VerdictFinding:
    """First sentence of all: how many conditions, which one first, what the vehicle does."""
    sure = [finding for finding in findings if finding.outcome == "yes"]
    vehicle = [entry for entry in outcomes if entry.role == "vehicle"]
    wells, fell = sum(entry.n for entry in vehicle), sum(entry.events for entry in vehicle)
    beside = f"; of the vehicle wells {fell} of {wells}" if wells else ""
    facts = {"n_conditions": len(treated), "n_fell_apart": len(sure), "vehicle": (fell, wells)}
    if not sure:
        end = "" if analysis.time_h is None else f" by {analysis.time_h:g} h"
        sentence = f"In no treated condition did half of the spheroids fall apart{end}{beside}."
        return VerdictFinding("falls_apart", "", "no", sentence, facts)
    first = float(str(sure[0].facts["median_h"]))
    since = f", by {first:g} h after the dose" if np.isfinite(first) else ""
    sentence = (
        f"Half of the spheroids or more fell apart in {len(sure)} of {len(treated)} treated "
        f"conditions{beside}. First: {sure[0].subject}{since}."
    )
    return VerdictFinding("falls_apart", "", "yes", sentence, facts)


def outcomes_of(analysis: Analysis) -> list[ConditionOutcome]:
    """Count by condition what fell apart: from the survival table, else from the last states."""
    apart = analysis.comparisons
    figures: dict[str, tuple[float, float, float]] = {}
    if len(apart):
        rows = apart[apart["metric"] == _METRIC]
        columns = (rows["condition"], rows["mean"], rows["reference_mean"], rows["p_dunnett"])
        for name, *numbers in zip(*columns, strict=True):
            figures[str(name)] = (float(numbers[0]), float(numbers[1]), float(numbers[2]))
    return [
        ConditionOutcome(*counted, *figures.get(counted[0], (_NAN, _NAN, _NAN)))
        for counted in _counted(analysis)
    ]


def at_compared_time(analysis: Analysis) -> pd.DataFrame:
    """Rows of the conditions at the time that is compared, or the one next to it."""
    rows = analysis.conditions
    if analysis.time_h is not None and rows["time_h"].notna().any():
        away = (rows["time_h"] - analysis.time_h).abs()
        rows = rows[away == away.min()]
    return rows


def _counted(analysis: Analysis) -> list[tuple[str, str, int, int, float]]:
    if len(analysis.survival):
        rows = analysis.survival.drop_duplicates(["condition", "role"])
        events, n, median = rows["n_events_total"], rows["n"], rows["median_h"].astype(float)
    else:
        rows = analysis.conditions
        if "n_disintegrated" not in rows:
            return []
        rows = at_compared_time(analysis)
        events, n = rows["n_disintegrated"] + rows["n_lost"], rows["n_wells"]
        median = events.astype(float) * _NAN
    columns = (rows["condition"], rows["role"], n, events, median)
    return [
        (str(c), str(r), int(w), int(e), float(m)) for c, r, w, e, m in zip(*columns, strict=True)
    ]
