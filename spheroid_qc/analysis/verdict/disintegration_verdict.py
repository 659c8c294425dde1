"""Which conditions fall apart, since when, how sure: from survival, states and comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from spheroid_qc.analysis.analysis_result import Analysis
from spheroid_qc.analysis.verdict.findings import Finding

_METRIC = "disintegration_fraction"
_NAN = float("nan")


class Fate(NamedTuple):
    """What became of the wells of one condition.

    Parameters
    ----------
    condition, role : str
        As in the tables.
    n, events : int
        Spheroids at risk, and those that fell apart.
    median_h : float
        Time since dose by which half of them had; NaN if not reached or not followed.
    df, df_reference, p : float
        Mean disintegration fraction, that of the vehicle, and Dunnett's p.
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


def fate_findings(analysis: Analysis) -> list[Finding]:
    """Say which conditions fall apart, since when and how sure.

    Parameters
    ----------
    analysis : Analysis
        Of a run of single spheroids; anything else has no such findings.

    Returns
    -------
    list of Finding
        A headline, then every treated condition of which a spheroid fell apart, soonest first.
    """
    known = analysis.kind == "run" and _METRIC in analysis.wells
    if not known or not analysis.wells[_METRIC].notna().any():
        return []
    alpha = 1 - analysis.parameters.response.confidence
    fates = fates_of(analysis)
    treated = [fate for fate in fates if fate.role == "treated"]
    if not treated:
        return []
    shared = shared_suffix(fate.condition for fate in fates)
    told = sorted(
        (fate for fate in treated if fate.outcome(alpha) != "no"),
        key=lambda fate: (
            fate.outcome(alpha) != "yes",
            np.inf if np.isnan(fate.median_h) else fate.median_h,
            -fate.events / max(fate.n, 1),
            -np.nan_to_num(fate.df),
        ),
    )
    findings = [_finding(fate, fate.condition.removesuffix(shared), alpha) for fate in told]
    return [_headline(treated, fates, findings, analysis), *findings]


def _finding(fate: Fate, name: str, alpha: float) -> Finding:
    outcome = fate.outcome(alpha)
    if outcome == "unknown":
        sentence = f"{name}: no spheroid that could be followed."
        return Finding("falls_apart", name, outcome, sentence, fate._asdict())
    sentence = f"{name}: {fate.events} of {fate.n} spheroids fell apart"
    if np.isfinite(fate.median_h):
        sentence += f", half of them by {fate.median_h:g} h after the dose"
    if np.isfinite(fate.df) and np.isfinite(fate.df_reference):
        sentence += (
            f"; disintegration fraction {fate.df:.2f} against {fate.df_reference:.2f} in vehicle"
        )
        sentence += f" (Dunnett {_p(fate.p)})" if np.isfinite(fate.p) else ""
    return Finding("falls_apart", name, outcome, f"{sentence}.", fate._asdict())


def _headline(
    treated: Sequence[Fate], fates: Sequence[Fate], findings: Sequence[Finding], analysis: Analysis
) -> Finding:
    """First sentence of all: how many conditions, which one first, what the vehicle does."""
    sure = [finding for finding in findings if finding.outcome == "yes"]
    vehicle = [fate for fate in fates if fate.role == "vehicle"]
    wells, fell = sum(fate.n for fate in vehicle), sum(fate.events for fate in vehicle)
    beside = f"; of the vehicle wells {fell} of {wells}" if wells else ""
    facts = {"n_conditions": len(treated), "n_fell_apart": len(sure), "vehicle": (fell, wells)}
    if not sure:
        end = "" if analysis.time_h is None else f" by {analysis.time_h:g} h"
        sentence = f"In no treated condition did half of the spheroids fall apart{end}{beside}."
        return Finding("falls_apart", "", "no", sentence, facts)
    first = float(str(sure[0].facts["median_h"]))
    since = f", by {first:g} h after the dose" if np.isfinite(first) else ""
    sentence = (
        f"Half of the spheroids or more fell apart in {len(sure)} of {len(treated)} treated "
        f"conditions{beside}. First: {sure[0].subject}{since}."
    )
    return Finding("falls_apart", "", "yes", sentence, facts)


def fates_of(analysis: Analysis) -> list[Fate]:
    """Count by condition what fell apart: from the survival table, else from the last states.

    Parameters
    ----------
    analysis : Analysis
        Of a run.

    Returns
    -------
    list of Fate
        In the order of the table.
    """
    apart = analysis.comparisons
    figures: dict[str, tuple[float, float, float]] = {}
    if len(apart):
        rows = apart[apart["metric"] == _METRIC]
        columns = (rows["condition"], rows["mean"], rows["reference_mean"], rows["p_dunnett"])
        for name, *numbers in zip(*columns, strict=True):
            figures[str(name)] = (float(numbers[0]), float(numbers[1]), float(numbers[2]))
    found = []
    for condition, role, n, events, median in _counted(analysis):
        found.append(
            Fate(condition, role, n, events, median, *figures.get(condition, (_NAN, _NAN, _NAN)))
        )
    return found


def _counted(analysis: Analysis) -> list[tuple[str, str, int, int, float]]:
    if len(analysis.survival):
        rows = analysis.survival.drop_duplicates(["condition", "role"])
        events, n, median = rows["n_events_total"], rows["n"], rows["median_h"].astype(float)
    else:
        rows = analysis.conditions
        if "n_disintegrated" not in rows:
            return []
        if analysis.time_h is not None and rows["time_h"].notna().any():
            away = (rows["time_h"] - analysis.time_h).abs()
            rows = rows[away == away.min()]
        events, n = rows["n_disintegrated"] + rows["n_lost"], rows["n_wells"]
        median = events.astype(float) * _NAN
    columns = (rows["condition"], rows["role"], n, events, median)
    return [
        (str(c), str(r), int(w), int(e), float(m)) for c, r, w, e, m in zip(*columns, strict=True)
    ]


def shared_suffix(names: Iterable[str]) -> str:
    """Find the strata with which all names of conditions end; empty if they differ."""
    ends = {"".join(name.partition(" | ")[1:]) for name in names}
    return ends.pop() if len(ends) == 1 else ""


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
