"""Which conditions fall apart, since when, how sure: from survival, states and comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from spheroid_qc.analysis.analysis_result import Analysis
from spheroid_qc.analysis.verdict.findings import VerdictFinding
from spheroid_qc.plate_map import without_stratum
from spheroid_qc.response.replicates import LEFT_OUT, shared_stratum
from spheroid_qc.wording import hours, in_given_units, plural

_METRIC = "disintegration_fraction"
_NAN = float("nan")


class ConditionOutcome(NamedTuple):
    """What became of the wells of one condition.

    `n` spheroids were at risk, `events` of them fell apart, half of them by `median_h` after the
    dose (NaN if not reached or not followed); `last_frame` more are debris at the time that is
    compared only, which did not last long enough to count. `df` is the mean disintegration
    fraction, `df_reference` that of the vehicle, `p` Dunnett's.
    """

    condition: str
    role: str
    n: int
    events: int
    median_h: float = _NAN
    last_frame: int = 0
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

    @property
    def only_in_the_last_frame(self) -> bool:
        """Whether half of the wells are debris at last, and fewer were for long enough."""
        return 2 * self.events < self.n <= 2 * (self.events + self.last_frame)

    @property
    def words(self) -> str:
        """Count for a column: `3 of 4, median 24 h`, or `0 of 3, 2 only in the last frame`."""
        if self.n == 0:
            return "–"
        median = f", median {hours(self.median_h)}" if np.isfinite(self.median_h) else ""
        return f"{self.events} of {self.n}{median}{self.late_words}"

    @property
    def late_words(self) -> str:
        """Say of how many that fell apart in one frame only, where half have not fallen before."""
        told = self.last_frame and 2 * self.events < self.n
        return f", {self.last_frame} {ONLY_LATE}" if told else ""


ONLY_LATE = "only in the last frame"
"""What is said of debris that one frame shows: in title, sentences, columns and terminal."""


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
        (e for e in treated if e.outcome(alpha) != "no" or e.only_in_the_last_frame),
        key=lambda entry: (
            entry.outcome(alpha) != "yes",
            np.inf if np.isnan(entry.median_h) else entry.median_h,
            -entry.events / max(entry.n, 1),
            -np.nan_to_num(entry.df),
        ),
    )
    given = analysis.given_units
    findings = [
        _finding(e, in_given_units(without_stratum(e.condition, shared), given), alpha)
        for e in fell
    ]
    return [_headline(treated, outcomes, findings, analysis), *findings]


def _finding(entry: ConditionOutcome, name: str, alpha: float) -> VerdictFinding:
    outcome = entry.outcome(alpha)
    if outcome == "unknown":
        sentence = f"{name}: no spheroid that could be followed."
        return VerdictFinding("falls_apart", name, outcome, sentence, entry._asdict())
    sentence = f"{name}: {entry.events} of {entry.n} spheroids fell apart"
    if np.isfinite(entry.median_h):
        sentence += f", half of them by {entry.median_h:g} h after the dose"
    sentence += entry.late_words
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
    late = sum(entry.only_in_the_last_frame for entry in treated)
    facts = {"n_conditions": len(treated), "n_fell_apart": len(sure), "vehicle": (fell, wells)}
    half = sum(2 * entry.events >= entry.n > 0 for entry in treated)
    late_too = f"; in {plural(late, 'condition')} {ONLY_LATE}" if late else ""
    if not sure:
        # Every picture shows the states: they come first, then why they are no effect.
        of = f"of {len(treated)} treated conditions"
        if half:
            sentence = (
                f"Half of the spheroids or more fell apart in {half} {of}, which is not shown to "
                f"be more than in vehicle{beside}{late_too}."
            )
        elif late:
            sentence = (
                f"Half of the spheroids or more fell apart in {late} {of}, but {ONLY_LATE}, which "
                f"is too short to count{beside}."
            )
        else:
            end = "" if analysis.time_h is None else f" by {analysis.time_h:g} h"
            sentence = f"In no treated condition did half of the spheroids fall apart{end}{beside}."
        return VerdictFinding("falls_apart", "", "no", sentence, facts)
    first = float(str(sure[0].facts["median_h"]))
    since = f", by {first:g} h after the dose" if np.isfinite(first) else ""
    sentence = (
        f"Half of the spheroids or more fell apart in {len(sure)} of {len(treated)} treated "
        f"conditions{beside}{late_too}. First: {sure[0].subject}{since}."
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
        one._replace(df=df, df_reference=reference, p=p)
        for one in count_fallen(at_compared_time(analysis), analysis.survival, analysis.wells)
        if one.role in ("vehicle", "positive_control", "treated")
        for df, reference, p in [figures.get(one.condition, (_NAN, _NAN, _NAN))]
    ]


def at_compared_time(analysis: Analysis) -> pd.DataFrame:
    """Rows of the conditions at the time that is compared; one without it has its last before."""
    rows = analysis.conditions
    if analysis.time_h is not None and "time_h" in rows:
        rows = rows[rows["time_h"] <= analysis.time_h + 1e-6]
    return rows.drop_duplicates("condition", keep="last")


def count_fallen(
    conditions: pd.DataFrame, survival: pd.DataFrame, wells: pd.DataFrame
) -> list[ConditionOutcome]:
    """Count by condition what fell apart: the one count that title, table and terminal read.

    Parameters
    ----------
    conditions : DataFrame
        Rows of `conditions.csv` at one time.
    survival : DataFrame
        `survival.csv`, without rows where nothing was followed.
    wells : DataFrame
        `wells.csv`, of which `disintegrated_since_dose_h` is read without survival.

    Returns
    -------
    list of ConditionOutcome
        In the order of `conditions`; empty for anything but single spheroids.
    """
    if "n_disintegrated" not in conditions:
        return []
    keys = ["condition", "role"]
    now = conditions["n_disintegrated"] + conditions["n_lost"]
    counted = pd.DataFrame({"events": now, "n": conditions["n_wells"], "median_h": _NAN})
    counted.index = pd.MultiIndex.from_frame(conditions[keys].astype(str))
    followed = _followed(survival, wells)
    if followed is not None:
        counted.update(followed.reindex(counted.index))
    columns = (counted[name].astype(float).tolist() for name in counted)
    return [
        ConditionOutcome(
            str(name), str(role), int(n), int(events), median, max(int(min(at_end, n) - events), 0)
        )
        for (name, role), at_end, events, n, median in zip(
            counted.index, now.astype(int).tolist(), *columns, strict=True
        )
    ]


def _followed(survival: pd.DataFrame, wells: pd.DataFrame) -> pd.DataFrame | None:
    """Events, wells at risk and median time by condition and role; None where one time is there."""
    keys = ["condition", "role"]
    if len(survival):
        rows = survival.drop_duplicates(keys).set_index(keys)
        return rows[["n_events_total", "n", "median_h"]].set_axis(
            ["events", "n", "median_h"], axis=1
        )
    since = "disintegrated_since_dose_h"
    if since not in wells or wells["time_h"].nunique() < 2:
        return None
    seen = wells[~wells["state"].isin(LEFT_OUT)].groupby([*keys, "plate", "well"])[since].first()
    grouped = seen.groupby(keys)
    found = pd.DataFrame({"events": grouped.count(), "n": grouped.size()})
    # A well that never fell apart has an endless time: fewer than half have no median.
    median = seen.fillna(np.inf).groupby(keys).median()
    return found.assign(median_h=median.replace(np.inf, _NAN))
