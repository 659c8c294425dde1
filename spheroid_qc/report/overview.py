"""The first screen: what was asked, one picture a treatment, one line a condition."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from spheroid_qc.analysis import Analysis, VerdictFinding
from spheroid_qc.analysis.metric_names import MetricName
from spheroid_qc.analysis.treatment_families import TreatmentFamily
from spheroid_qc.analysis.verdict.disintegration_verdict import at_compared_time, outcomes_of
from spheroid_qc.plate_map import without_stratum
from spheroid_qc.report.palette import STATES
from spheroid_qc.response.condition_summary import MEASUREMENT_SD
from spheroid_qc.response.replicates import LEFT_OUT
from spheroid_qc.wording import decimal, in_given_units, interval, listed, number, percent, plural

_MOST_CARDS = 8
_MICRO = re.compile(r"(?<=\d )uM\b")
_MOST_LINES = 400


@dataclass(frozen=True)
class Line:
    """One condition at the analysis time.

    `head`: it begins a family. `n` wells stand behind its means, `states` counts those of its
    wells, and `left_out` are wells that enter no mean. The first metric and its interval are in
    words `shown` and `bounds`, on a scale of 0 to 100 `at, from_, to`; `cells` are further figures
    in words.
    """

    title: str
    role: str
    head: bool
    n: int
    shown: str
    bounds: str
    at: float | None
    from_: float | None
    to: float | None
    cells: tuple[str, ...]
    states: tuple[tuple[str, int], ...]
    left_out: str


@dataclass(frozen=True)
class Card:
    """One treatment with one well that stands for it."""

    title: str
    dose: str
    condition: str
    plate: str
    well: str
    time_h: float
    figure: str
    unit: str
    note: str


def facts(analysis: Analysis) -> list[str]:
    """Say in a few words what was analysed."""
    wells, conditions = analysis.wells, analysis.conditions
    named = sorted({str(p) for p in wells["plate"].dropna()} - {""})
    found = []
    if named:
        word = "plate" if len(named) == 1 else "plates"
        found.append(f"{word} {listed(named, 4)}")
    seen = wells.drop_duplicates(["plate", "well"])
    found.append(plural(len(seen), "well" if analysis.kind == "run" else "row"))
    known = conditions.loc[~conditions["role"].isin(["blank", "unmapped"]), "condition"].nunique()
    if known:
        found.append(plural(int(known), "condition"))
    times = analysis.times_h
    if len(times) > 1:
        found.append(f"{len(times)} times from {times[0]:g} to {times[-1]:g} h")
    if analysis.time_h is not None and len(times) > 1:
        found.append(f"compared at {analysis.time_h:g} h")
    return found


# title, topics, and how many single statements stand before the fold; 0: none beside a summary
_BLOCKS = (
    ("What falls apart", ("falls_apart",), 0),
    ("More than the parts?", ("combination", "third_drug"), 0),
    ("What each drug does alone", ("dose",), 6),
    ("Can it be trusted?", ("quality", "left_out"), 5),
)


def verdict_blocks(findings: Sequence[VerdictFinding]) -> list[dict[str, Any]]:
    """Lay the verdict out by question.

    Each has `title`, `lead` (the summary of the question, if there is one), `findings`, `more`.
    """
    blocks = []
    # That the masks don't fit stands above everything, with the frames that say so.
    asked = {"masks_unfit", *(topic for _, topics, _ in _BLOCKS for topic in topics)}
    rest = tuple(dict.fromkeys(f.topic for f in findings if f.topic not in asked))
    for title, topics, maximum in (*_BLOCKS, ("Also", rest, 3)):
        own = [f for f in findings if f.topic in topics]
        single = [f for f in own if f.subject]
        # One statement needs no summary.
        alone = [t for t in topics if sum(s.topic == t for s in single) == 1]
        lead = [f for f in own if not f.subject and f.topic not in alone]
        # A summary stands for its parts, which are there to be unfolded.
        hidden = {f.topic for f in lead} if maximum == 0 else set()
        shown = [f for f in single if f.topic not in hidden][: maximum or 3]
        more = [f for f in own if f not in shown and f not in lead]
        if own:
            blocks.append({"title": title, "lead": lead, "findings": shown, "more": more})
    return blocks


_MARKS = {
    "yes": ("●", "shown"),
    "slightly_more": ("△", "slightly more"),
    "slightly_less": ("▽", "slightly less"),
    "opposite": ("▼", "the opposite"),
    "no": ("○", "not so"),
    "open": ("◐", "not shown either way"),
    "mixed": ("◑", "answers disagree"),
    "unknown": ("?", "can't be told"),
}
_PLAIN_TOPICS = ("quality", "left_out", "dose")


def verdict_marks(findings: Sequence[VerdictFinding]) -> list[tuple[str, str]]:
    """Signs before the statements of a verdict and what they mean, of those that are there."""
    seen = {f.outcome for f in findings if f.subject and f.topic not in _PLAIN_TOPICS}
    return [sign for outcome, sign in _MARKS.items() if outcome in seen]


def condition_lines(
    analysis: Analysis, families: Sequence[TreatmentFamily], metric: MetricName, stratum: str
) -> tuple[list[str], list[Line], tuple[float, float]]:
    """Lay out one line a condition.

    `families` give the order; `metric` is shown as a dot with its interval; `stratum`, which all
    conditions share, is left away. Gives headings of the further figures, lines, and the ends of
    the scale.
    """
    rows = at_compared_time(analysis)
    rows = rows[rows["role"] != "unmapped"].set_index("condition")
    order = [str(c) for c, r in rows["role"].items() if r in ("vehicle", "positive_control")]
    order += [name for family in families for name in family.names if name not in order]
    order += [str(c) for c in rows.index if str(c) not in order]
    heads = {family.names[0] for family in families}
    column = metric.column
    values = rows[[f"{column}_{part}" for part in ("mean", "ci_low", "ci_high")]]
    shown = values.apply(metric.shown)
    low = metric.low if metric.low is not None else float(np.nanmin([0.0, *shown.min()]))
    high = metric.high if metric.high is not None else float(np.nanmax([0.0, *shown.max()]))
    high = high if high > low else low + 1
    headings, further = _further(analysis)
    lines = []
    for name in order[:_MOST_LINES]:
        if name not in rows.index:
            continue
        row: dict[str, Any] = {str(k): v for k, v in rows.loc[name].items()}
        ends = shown.loc[name].to_numpy(dtype=float)
        mean = float(ends[0])
        first, last = max(float(ends[1:].min()), low), min(float(ends[1:].max()), high)
        lines.append(
            Line(
                title=shown_name(name, stratum, analysis.given_units),
                role=str(row["role"]),
                head=name in heads,
                n=int(float(row["n_wells"])),
                shown=number(mean) if abs(mean) >= 10 else decimal(mean),
                bounds=interval(first, last) if np.isfinite(ends[1:]).all() else "",
                at=_place(mean, low, high),
                from_=_place(first, low, high) if np.isfinite(ends[1:]).all() else None,
                to=_place(last, low, high) if np.isfinite(ends[1:]).all() else None,
                cells=tuple(make(name, row) for make in further),
                states=tuple(
                    (s, int(row[f"n_{s}"])) for s in STATES
                    if f"n_{s}" in row and row[f"n_{s}"] > 0
                ),
                left_out="" if pd.isna(row.get("left_out")) else str(row.get("left_out") or ""),
            )
        )  # fmt: skip
    return headings, lines, (low, high)


def shown_name(condition: str, stratum: str, given: Mapping[str, str] | None = None) -> str:
    """Name of a condition for people: without shared strata, and with the micro sign.

    `given`: drug -> molar unit in which its doses were written, in which they are shown.
    """
    name = in_given_units(without_stratum(condition, stratum), given or {})
    return _MICRO.sub("µM", name)


def _place(value: float, low: float, high: float) -> float | None:
    if not math.isfinite(value):
        return None
    return round(100 * min(1.0, max(0.0, (value - low) / (high - low))), 2)


def _further(analysis: Analysis) -> tuple[list[str], list[Any]]:
    """Headings and makers of the columns beside the first metric."""
    conditions, survival = analysis.conditions, analysis.survival
    headings: list[str] = []
    makers: list[Any] = []
    if MEASUREMENT_SD in conditions and conditions[MEASUREMENT_SD].notna().any():
        headings.append("mask doubt (SD)")
        makers.append(lambda _, row: number(row[MEASUREMENT_SD], 1))
    loss = "core_volume_loss_vs_vehicle_mean"
    if loss in conditions and conditions[loss].notna().any():
        headings.append("core lost vs vehicle")
        makers.append(lambda _, row: percent(row[loss]))
    if len(survival):
        fell = {outcome.condition: outcome.words for outcome in outcomes_of(analysis)}
        headings.append("fell apart")
        makers.append(lambda name, _: fell.get(name, "–"))
    for column, heading in (
        ("n_spheroids_mean", "spheres a field"), ("spheres_per_well_mean", "spheres a well"),
        ("equivalent_diameter_um_mean", "mean diameter, µm"), ("sfe_percent_mean", "SFE, %"),
    ):  # fmt: skip
        if not len(survival) and column in conditions and conditions[column].notna().any():
            headings.append(heading)
            makers.append(lambda _, row, c=column: number(row[c]))
    return headings, makers


def representatives(
    analysis: Analysis, families: Sequence[TreatmentFamily], stratum: str
) -> list[Card]:
    """Choose for each treatment the well that stands for it: nearest to the median.

    At most eight: vehicle first, then of each family the highest doses, doublets and triples last.
    `stratum` is the one that all conditions share.
    """
    wells = analysis.wells
    columns = (("disintegration_fraction", "DF"), ("spheres_per_well", "spheres a well"),
               ("n_spheroids", "spheres"))  # fmt: skip
    known = [pair for pair in columns if pair[0] in wells and wells[pair[0]].notna().any()]
    if analysis.kind != "run" or analysis.time_h is None or not known:
        return []
    column, unit = known[0]
    now = wells[np.isclose(wells["time_h"].astype(float), analysis.time_h)]
    now = now[~now["state"].isin(LEFT_OUT)].reset_index(drop=True)
    chosen: list[tuple[str, str, str]] = []
    roles = dict(zip(wells["condition"].astype(str), wells["role"].astype(str), strict=True))
    tops: dict[str, TreatmentFamily] = {}
    for family in families:
        if family.vehicle and not chosen:
            chosen.append((family.vehicle, "vehicle", ""))
        tops[family.treatment] = family  # of a split one its highest doses
    shown = list(tops.items())
    while len(shown) + len(chosen) > _MOST_CARDS:
        # The question is about the combinations: controls go first, then drugs alone.
        controls = [n for n, (_, f) in enumerate(shown) if roles[f.names[-1]] != "treated"]
        single = [n for n, (_, f) in enumerate(shown) if len(f.drugs) < 2]
        del shown[[*controls, *single, len(shown) - 1][0]]
    for title, family in shown:
        top = family.names[-1]
        chosen.append((top, title, family.labels.get(top, "")))
    cards: list[Card] = []
    for condition, title, dose in chosen:
        rows = now[(now["condition"] == condition) & now[column].notna()]
        if not len(rows) or len(cards) >= _MOST_CARDS:
            continue
        away = (rows[column] - rows[column].median()).abs()
        best = rows.loc[away.sort_values(kind="stable").index[0]]
        states = rows["state"].value_counts()
        worst = ", ".join(f"{int(states[s])} {s}" for s in STATES if s in states.index)
        cards.append(
            Card(
                title=title, dose=dose,
                condition=shown_name(condition, stratum, analysis.given_units),
                plate=str(best["plate"]), well=str(best["well"]), time_h=float(best["time_h"]),
                figure=f"{rows[column].mean():.{2 if unit == 'DF' else 1}f}", unit=unit,
                note=worst,
            )
        )  # fmt: skip
    return cards
