"""Tables of the page in words: plate quality, comparisons, dose response, findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from spheroid_qc.analysis import Analysis
from spheroid_qc.analysis.metric_names import metric_of
from spheroid_qc.analysis.verdict.dose_verdict import plateau_words, top_words
from spheroid_qc.report.figures.dose_figures import dose_of
from spheroid_qc.report.overview import shown_name
from spheroid_qc.response.plate_quality.quality_thresholds import title_of
from spheroid_qc.wording import dose_in, interval, number, p_words, signed

_MOST_ROWS = 400
_MOST_FINDINGS = 60


@dataclass(frozen=True)
class HtmlTable:
    """A table for the template.

    Each of `rows` has `cells` (texts), `cls`, `refs` (numbers of `footnotes`, each written once)
    and `under` (below the first cell); `more` rows are only in the CSV file. `lacking` names
    figures that can't be given, and why.
    """

    title: str
    headings: tuple[str, ...]
    rows: list[dict[str, Any]]
    more: int = 0
    footnotes: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()


def _noted(
    title: str, headings: tuple[str, ...], rows: list[dict[str, Any]], more: int
) -> HtmlTable:
    """Make a table whose notes stand below it, each once."""
    places: dict[str, int] = {}
    for row in rows:
        note = row.pop("note")
        row["refs"] = [places.setdefault(note, len(places) + 1)] if note else []
    return HtmlTable(title, headings, rows, more, tuple(places))


def _text(value: object) -> str:
    return "" if value is None or pd.isna(value) else str(value)  # type: ignore[call-overload]


def quality_listing(analysis: Analysis) -> HtmlTable | None:
    """Figures of plate quality with bound, verdict and what each can't tell."""
    table = analysis.plate_quality
    if not len(table):
        return None
    several = table["plate"].nunique() > 1
    rows: list[dict[str, Any]] = []
    known = table[table["value"].notna()]
    lacking: dict[str, list[str]] = {}
    for _, row in table[table["value"].isna()].iterrows():
        name = title_of(str(row["statistic"]))
        names = lacking.setdefault(_text(row["note"]) or "Not computed.", [])
        if name not in names:
            names.append(name)
    for _, row in known.head(_MOST_ROWS).iterrows():
        metric = _text(row["metric"])
        what = metric_of(metric, spheres=analysis.spheres).label if metric else ""
        rows.append(
            {
                "cls": {"yes": "good", "no": "bad", "undecided": "open"}.get(
                    _text(row["meets_bound"]), ""
                ),
                "cells": [
                    *([_text(row["plate"])] if several else []),
                    title_of(str(row["statistic"])),
                    ", ".join(filter(None, (what, _compared(row, analysis)))),
                    number(row["value"]),
                    interval(row["low"], row["high"]),
                    p_words(row["p"]) if pd.notna(row["p"]) else "",
                    _text(row["bound"]),
                    {"yes": "✓ within", "no": "✗ beyond", "undecided": "? open"}.get(
                        _text(row["meets_bound"]), "–"
                    ),
                    _text(row["cannot_tell"]),
                ],
                "refs": [],
                "under": _text(row["note"]),
            }
        )
    headings = ("figure", "of", "value", "interval", "p", "customary bound", "", "can't tell")
    return HtmlTable(
        "", (("plate",) if several else ()) + headings, rows, max(0, len(known) - _MOST_ROWS),
        lacking=tuple(f"{', '.join(names)}: {note}" for note, names in lacking.items()),
    )  # fmt: skip


def _compared(row: pd.Series, analysis: Analysis) -> str:
    """Say what a figure of plate quality compares, doses as they were given."""
    return shown_name(_text(row["compared"]), "", analysis.given_units)


def comparison_listings(analysis: Analysis, stratum: str) -> list[HtmlTable]:
    """Each condition against its vehicle, one table a metric."""
    table = analysis.comparisons
    found = []
    for metric, rows in table.groupby("metric", sort=False) if len(table) else ():
        lines = []
        for _, row in rows.head(_MOST_ROWS).iterrows():
            low, high = row["difference_low"], row["difference_high"]
            sure = pd.notna(row["p_dunnett"]) and row["p_dunnett"] < 0.05
            lines.append(
                {
                    "cls": "sure" if sure else "",
                    "cells": [
                        shown_name(str(row["condition"]), stratum, analysis.given_units),
                        f"{int(row['n'])} vs {int(row['n_reference'])}",
                        signed(row["difference"]),
                        interval(low, high),
                        number(row["hedges_g"], 2),
                        interval(row["hedges_g_low"], row["hedges_g_high"], 1),
                        p_words(row["p_dunnett"]),
                        p_words(row["p_t_holm"]),
                        p_words(row["p_rank_holm"]),
                    ],
                    "note": _text(row["note"]),
                }
            )
        headings = (
            "condition", "n", "difference", "interval", "Hedges' g", "interval", "p Dunnett",
            "p Welch, Holm", "p ranks, Holm",
        )  # fmt: skip
        units = ", ".join(sorted(set(rows["unit"].astype(str)))).replace("_", " ")
        title = (
            f"{metric_of(str(metric), spheres=analysis.spheres).label} (unit of analysis: {units})"
        )
        found.append(_noted(title, headings, lines, max(0, len(rows) - _MOST_ROWS)))
    return found


def _groups(table: pd.DataFrame) -> list[str]:
    return [name for name in ("response", "stratum", "plate") if name in table]


def _group_cells(row: pd.Series, groups: list[str], analysis: Analysis) -> list[str]:
    """Response (by its title), stratum and plate of a row."""
    titles = {use.name: use.title for use in analysis.responses}
    return [titles.get(_text(row[name]), _text(row[name])) for name in groups]


def _qualified(row: pd.Series, name: str, unit: str) -> str:
    """Write a dose in a unit, or that it lies beyond the tested ones."""
    sign = _text(row.get(f"{name}_qualifier"))
    shown = dose_in(dose_of(row, name), unit)
    return f"{sign} {shown}" if sign in ("<", ">") and shown != "–" else shown


def dose_listing(analysis: Analysis) -> HtmlTable | None:
    """Curves in figures, all responses together."""
    table = analysis.dose_response
    if not len(table):
        return None
    groups, kinds = _groups(table), {use.name: use.kind for use in analysis.responses}
    rows = []
    for _, row in table.head(_MOST_ROWS).iterrows():
        kind = kinds.get(_text(row.get("response")), next(iter(kinds.values()), ""))
        fraction = kind != "raw"
        unit = analysis.given_units.get(_text(row["drug"]), _text(row["unit"]))
        ends = [dose_in(dose_of(row, f"ec50_{end}"), unit) for end in ("low", "high")]
        bounds = (
            "" if ends == ["–", "–"] else " to ".join(e if e != "–" else "no bound" for e in ends)
        )
        rows.append(
            {
                "cls": "",
                "cells": [
                    *_group_cells(row, groups, analysis),
                    _text(row["drug"]), unit.replace("uM", "µM"), number(row["n"]),
                    _qualified(row, "ec50", unit), bounds, _qualified(row, "ic50_abs", unit),
                    top_words(row, fraction=fraction) or "–", number(row["hill"]),
                    plateau_words(row, fraction=fraction) or "–", number(row["r2"]),
                    dose_in(dose_of(row, "median_effect_dm"), unit), number(row["median_effect_m"]),
                    number(row["median_effect_r"]),
                ],
                "note": _text(row["note"]),
            }
        )  # fmt: skip
    headings = (
        *groups, "drug", "unit", "n", "EC50 (relative)", "interval", "IC50 (absolute)",
        "at the highest dose", "Hill", "plateau", "R²", "Dm", "m", "r",
    )  # fmt: skip
    return _noted("", headings, rows, max(0, len(table) - _MOST_ROWS))


def index_listing(analysis: Analysis) -> HtmlTable | None:
    """Give the combination index at fixed effects and on average."""
    table = analysis.synergy
    if not len(table):
        return None
    rows = table[(table["method"] == "combination_index") & (table["level"] != "dose")]
    if not len(rows):
        return None
    groups = _groups(rows)
    lines = [
        {
            "cls": "",
            "cells": [
                *_group_cells(row, groups, analysis),
                _text(row["combination"]),
                _text(row["level"]).replace("mean", "mean over doses"),
                number(row["value"]), interval(row["low"], row["high"]), number(row["n"]),
            ],
            "note": _text(row["note"]),
        }
        for _, row in rows.head(_MOST_ROWS).iterrows()
    ]  # fmt: skip
    headings = (*groups, "combination", "at", "index", "interval", "n")
    return _noted("", headings, lines, max(0, len(rows) - _MOST_ROWS))


def finding_rows(
    qc: pd.DataFrame, several_plates: bool
) -> tuple[list[dict[str, Any]], list[tuple[str, int]], int]:
    """List findings that matter, one a frame; others counted.

    Rows have `key` (plate, well, time), `place`, `severity`, `titles`, `detail`, `advice`; then
    (title, count) of mere remarks, and how many rows more stand in `qc.csv`.
    """
    if not len(qc) or "severity" not in qc:
        return [], [], 0
    serious = qc[qc["severity"].isin(["exclude", "warn"])]
    counts = qc.loc[qc["severity"] == "info", "title"].value_counts()
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for _, row in serious.iterrows():
        plate, well = _text(row["plate"]), _text(row["well"])
        time = "" if pd.isna(row["time_h"]) else f"{row['time_h']:g}"
        own = (plate, well, time) if well else (plate, "", _text(row["title"]))
        words = [plate] if (several_plates or not well) and plate else []
        words += [well] if well else []
        words += [f"{time} h"] if time else []
        line = rows.setdefault(
            own,
            {"key": own if well else None, "place": " ".join(words) or _text(row["file"]),
             "severity": "warn", "findings": []},
        )  # fmt: skip
        if row["severity"] == "exclude":
            line["severity"] = "exclude"
        line["findings"].append(
            {"title": _text(row["title"]), "detail": _text(row["detail"]),
             "advice": _text(row["advice"])}
        )  # fmt: skip
    ordered = sorted(rows.values(), key=lambda line: line["severity"] != "exclude")
    remarks = [(str(title), int(n)) for title, n in counts.items()]
    return ordered[:_MOST_FINDINGS], remarks, max(0, len(ordered) - _MOST_FINDINGS)
