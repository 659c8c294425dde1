"""Figures of the page: which tables make which panels, drawn as SVG to stand in the HTML."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from spheroid_qc.analysis import Analysis
from spheroid_qc.report.families import Family
from spheroid_qc.report.figures import (
    draw_dose_response,
    draw_excess_list,
    draw_excess_matrix,
    draw_fa_ci,
    draw_forest,
    draw_isobologram,
    draw_survival,
    draw_time_course,
    svg_for_page,
)
from spheroid_qc.report.figures.combination import METHOD_NAMES
from spheroid_qc.report.figures.timecourse import metric_limits
from spheroid_qc.report.metrics import Metric, metric_of, size_metric
from spheroid_qc.report.palette import PALETTE, dose_colour
from spheroid_qc.report.words import dose_words

__all__ = [
    "MOST_PANELS", "Panel", "Pair", "combination_groups", "dose_groups", "survival_panels",
    "time_metrics", "time_pairs",
]  # fmt: skip

MOST_PANELS = 48
"""Figures of one kind; what is beyond stands in the tables, and the page says so."""

_LABEL_PX = 6.1
_MOST_TILES = 24
_MOST_LETTERS = 11


@dataclass(frozen=True)
class Panel:
    """One figure: `svg` is safe HTML, `title` and `note` are plain text."""

    svg: str
    title: str = ""
    note: str = ""


@dataclass(frozen=True)
class Pair:
    """Figures of one family side by side.

    Parameters
    ----------
    title : str
        What it is.
    panels : tuple of Panel
        The figures.
    key : tuple of (str, str)
        Colour's name and label of each line, where lines aren't named in the figure.
    said : tuple of str
        Sentences beside the figures.
    """

    title: str
    panels: tuple[Panel, ...]
    key: tuple[tuple[str, str], ...] = ()
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Figures of one response (and stratum)."""

    title: str
    panels: tuple[Panel, ...]
    forest: Panel | None = None
    combinations: tuple[Pair, ...] = ()
    notes: tuple[str, ...] = field(default=())


def time_metrics(analysis: Analysis) -> list[Metric]:
    """Choose the two metrics that are followed: how large, and how far fallen apart."""
    conditions = analysis.conditions
    if analysis.kind == "table":
        names = [use.name for use in analysis.responses]
        found = [metric_of(n) for n in names if f"{n}_mean" in conditions]
        return found or [metric_of("response")] * ("response_mean" in conditions)
    if "disintegration_fraction_mean" in conditions and conditions[
        "disintegration_fraction_mean"].notna().any():  # fmt: skip
        size = size_metric(conditions)
        return [*([size] if size else []), metric_of("disintegration_fraction")]
    names = ["spheres_per_well", "n_spheroids", "equivalent_diameter_um", "sfe_percent"]
    known = [n for n in names if f"{n}_mean" in conditions and conditions[f"{n}_mean"].notna().any()]
    if "spheres_per_well" in known:
        known.remove("n_spheroids")
    return [metric_of(n) for n in known[:2]]


def _right(labels: Sequence[str]) -> float:
    return min(210.0, 16 + _LABEL_PX * max((len(label) for label in labels), default=4))


def _key(family: Family) -> tuple[tuple[str, str], ...]:
    """Give a legend where labels are too long to stand at the lines."""
    if max((len(label) for label in family.labels.values()), default=0) <= _MOST_LETTERS:
        return ()
    of = {pair[0]: name for name, pair in PALETTE.items()}
    count = len(family.names)
    found = [
        (of[dose_colour(n, count)], family.labels[name]) for n, name in enumerate(family.names)
    ]
    return (*found, ("vehicle", "vehicle")) if family.vehicle else tuple(found)


def time_pairs(
    analysis: Analysis, families: Sequence[Family], metrics: Sequence[Metric], dosed: float | None
) -> list[Pair]:
    """Draw curves over time, each family with all metrics side by side.

    Parameters
    ----------
    analysis : Analysis
        For conditions and wells.
    families : sequence of Family
        From `families_of`.
    metrics : sequence of Metric
        From `time_metrics`.
    dosed : float or None
        When the first drug was given.

    Returns
    -------
    list of Pair
        Empty with fewer than two times.
    """
    conditions, wells = analysis.conditions, analysis.wells
    wells = wells[[c for c in wells if c in {"plate", "well", "time_h", "condition", "state"}
                   or c in {m.column for m in metrics}]]  # fmt: skip
    if "time_h" not in conditions or conditions["time_h"].nunique() < 2:
        return []
    if "state" not in wells:
        wells = wells.assign(state="")
    limits = {m.column: metric_limits(conditions, wells, m) for m in metrics}
    pairs = []
    for n, family in enumerate(families[:MOST_PANELS]):
        key = _key(family)
        right = 10.0 if key else _right([*family.labels.values()])
        panels = []
        for metric in metrics:
            draw = functools.partial(
                draw_time_course, conditions=conditions, wells=wells, metric=metric,
                names=family.names, vehicle=family.vehicle, labels=family.labels,
                limits=limits[metric.column], dosed_at_h=dosed, labelled=not key,
            )  # fmt: skip
            size = (40 + (224 if key else 168) + right, 204)
            panels.append(
                Panel(
                    svg_for_page(
                        draw, f"time-{n}-{metric.column}", size, (40, right, 36, 10),
                        alt=f"{metric.label} over time, {family.title}",
                    ),
                    metric.axis,
                )
            )  # fmt: skip
        pairs.append(Pair(family.title, tuple(panels), key))
    return pairs


def survival_panels(analysis: Analysis, families: Sequence[Family]) -> list[Panel]:
    """Draw Kaplan-Meier curves by family.

    Parameters
    ----------
    analysis : Analysis
        For `survival`.
    families : sequence of Family
        From `families_of`.

    Returns
    -------
    list of Panel
        Empty where nothing was followed.
    """
    table = analysis.survival
    if not len(table) or "survival" not in table or not table["survival"].notna().any():
        return []
    end = float(table["time_h"].max())
    panels = []
    for n, family in enumerate(families[:MOST_PANELS]):
        if not table["condition"].isin(family.names).any():
            continue
        right = _right([*family.labels.values()])
        lines = len(family.names) + (family.vehicle is not None)
        bottom = 52 + 13 * lines
        draw = functools.partial(
            draw_survival, survival=table, names=family.names, vehicle=family.vehicle,
            labels=family.labels, end_h=end, labelled=not _key(family),
        )  # fmt: skip
        panels.append(
            Panel(
                svg_for_page(
                    draw, f"survival-{n}", (44 + 216 + right, 150 + bottom),
                    (44, right, bottom, 10),
                    alt=f"Share of wells not fallen apart over time since dose, {family.title}",
                ),
                family.title,
            )
        )  # fmt: skip
    return panels


def _slices(analysis: Analysis, table: pd.DataFrame) -> list[tuple[str, str, str, pd.DataFrame]]:
    """Response, stratum, title and rows; of several plates only what they say together."""
    found = []
    for use in analysis.responses:
        rows = table
        if "response" in table:
            rows = rows[rows["response"] == use.name]
        for stratum in analysis.strata:
            part = rows[rows["stratum"] == stratum] if "stratum" in rows else rows
            if "plate" in part and (part["plate"] == "all").any():
                part = part[part["plate"] == "all"]
            title = use.title[:1].upper() + use.title[1:] + (f" ({stratum})" if stratum else "")
            if len(part):
                found.append((use.name, stratum, title, part))
    return found


def dose_groups(analysis: Analysis) -> list[Group]:
    """Draw dose responses, one group of panels a response.

    Parameters
    ----------
    analysis : Analysis
        For `dose_response` and the rows that were used.

    Returns
    -------
    list of Group
    """
    groups = []
    used = analysis.used
    if not len(used):
        return []
    alone = used["drug_1"].notna()
    for n in range(2, 10):
        if f"drug_{n}" in used:
            alone &= used[f"drug_{n}"].isna()
    for g, (name, stratum, title, rows) in enumerate(_slices(analysis, analysis.dose_response)):
        own = used[(used["response"] == name) & (used["stratum"] == stratum)]
        single = own[alone.loc[own.index]]
        vehicle = own.loc[own["role"] == "vehicle", "effect"]
        kind = next(use.kind for use in analysis.responses if use.name == name)
        limits = _effect_limits(own["effect"], kind)
        panels = []
        for d, (_, row) in enumerate(rows.iterrows()):
            mine = single[single["drug_1"] == row["drug"]]
            if not len(mine) or len(panels) >= MOST_PANELS:
                continue
            unit = str(row["unit"]).replace("uM", "µM")
            draw = functools.partial(
                draw_dose_response, dose=mine["dose_1"].to_numpy(dtype=float),
                effect=mine["effect"].to_numpy(dtype=float), row=row.to_dict(),
                vehicle=vehicle.to_numpy(dtype=float), unit=unit, limits=limits,
            )  # fmt: skip
            panels.append(
                Panel(
                    svg_for_page(
                        draw, f"dose-{g}-{d}", (330, 236), (40, 16, 40, 22),
                        alt=f"Dose response of {row['drug']}: {title}",
                    ),
                    str(row["drug"]),
                )
            )  # fmt: skip
        if panels:
            groups.append(Group(title, tuple(panels)))
    return groups


def _effect_limits(effect: pd.Series, kind: str) -> tuple[float, float] | None:
    known = effect[np.isfinite(effect)]
    if known.empty:
        return None
    low, high = float(known.min()), float(known.max())
    if kind == "fa":
        return min(-0.04, low * 1.05), max(1.04, high * 1.05)
    room = (high - low) * 0.08 or 1.0
    return low - room, high + room


def combination_groups(analysis: Analysis) -> list[Group]:
    """Draw what combinations do beyond their parts, one group a response.

    Parameters
    ----------
    analysis : Analysis
        For `synergy`.

    Returns
    -------
    list of Group
        Each with the means of all combinations, and figures by combination.
    """
    groups = []
    if not len(analysis.synergy):
        return []
    for g, (_, _, title, rows) in enumerate(_slices(analysis, analysis.synergy)):
        names = list(dict.fromkeys(str(c) for c in rows["combination"]))
        pairs = []
        for c, name in enumerate(names[:MOST_PANELS]):
            own = rows[rows["combination"] == name]
            panels = _of_combination(own, name.split(" + "), f"combination-{g}-{c}", analysis)
            if panels:
                said = [f.sentence for f in analysis.verdict.findings if f.subject == name]
                pairs.append(Pair(name, tuple(panels), (), tuple(said)))
        groups.append(Group(title, (), _forest(rows, names, f"forest-{g}"), tuple(pairs)))
    return groups


def _forest(rows: pd.DataFrame, names: Sequence[str], identifier: str) -> Panel | None:
    means = rows[(rows["level"] == "mean") & rows["method"].isin(METHOD_NAMES)]
    means = means[means["value"].notna()]
    if not len(means):
        return None
    shown = [name for name in names if name in set(means["combination"])]
    longest = max([*(len(name) for name in shown), 32])
    left = min(360.0, 18 + 6.4 * longest)
    height = 48 + 21 * (len(means) + 1.5 * len(shown))
    draw = functools.partial(draw_forest, synergy=means, combinations=shown)
    return Panel(
        svg_for_page(
            draw, identifier, (left + 360 + 150, height), (left, 150, 40, 6),
            alt="Mean effect of each combination beyond what was expected, with intervals",
        )
    )  # fmt: skip


def _of_combination(
    rows: pd.DataFrame, drugs: Sequence[str], identifier: str, analysis: Analysis
) -> list[Panel]:
    panels = []
    units = dict(zip(analysis.drugs, analysis.units, strict=False))
    bliss = rows[(rows["method"] == "bliss_excess") & (rows["level"] == "dose")]
    bliss = bliss[bliss["value"].notna()]
    if len(bliss) and len(drugs) == 2:
        counts = [max(1, bliss[f"dose_{n}_um"].nunique()) for n in (1, 2)]
        size = (58 + 62 * min(8, counts[0]) + 14, 50 + 44 * min(8, counts[1]) + 14)
        draw: Any = functools.partial(
            draw_excess_matrix, rows=bliss, drugs=drugs,
            units=[units.get(d, "uM").replace("uM", "µM") for d in drugs],
        )  # fmt: skip
        panels.append(
            Panel(
                svg_for_page(draw, f"{identifier}-bliss", size, (58, 14, 44, 10),
                             alt=f"Bliss excess of {' and '.join(drugs)} by dose"),
                "Bliss excess by dose",
            )
        )  # fmt: skip
    elif len(bliss):
        bliss = bliss.head(_MOST_TILES)
        labels = [_dose_label(row, drugs, units) for _, row in bliss.iterrows()]
        left = 14 + _LABEL_PX * max(len(label) for label in labels)
        size = (left + 70 + 10, 14 + 36 * len(bliss))
        draw = functools.partial(draw_excess_list, rows=bliss, labels=labels)
        panels.append(
            Panel(
                svg_for_page(draw, f"{identifier}-bliss", size, (left, 10, 7, 7),
                             alt=f"Bliss excess of {' and '.join(drugs)} by dose"),
                "Bliss excess by dose",
                " + ".join(drugs),
            )
        )  # fmt: skip
    index = rows[(rows["method"] == "combination_index") & (rows["level"] != "mean")]
    if index["value"].notna().any():
        draw = functools.partial(draw_fa_ci, rows=index)
        panels.append(
            Panel(
                svg_for_page(draw, f"{identifier}-faci", (300, 236), (46, 14, 40, 10),
                             alt=f"Combination index against effect, {' + '.join(drugs)}"),
                "Fa–CI plot",
            )
        )  # fmt: skip
    reduction = rows[rows["method"].str.startswith("dose_reduction_index")]
    if len(drugs) == 2 and reduction["value"].notna().any():
        draw = functools.partial(draw_isobologram, rows=reduction, drugs=drugs)
        panels.append(
            Panel(
                svg_for_page(draw, f"{identifier}-iso", (270, 250), (46, 16, 42, 10),
                             alt=f"Normalised isobologram, {' + '.join(drugs)}"),
                "Normalised isobologram",
            )
        )  # fmt: skip
    return panels


def _dose_label(row: pd.Series, drugs: Sequence[str], units: dict[str, str]) -> str:
    """Doses of one row, in the order of the drugs."""
    words = []
    for n, drug in enumerate(drugs, start=1):
        dose, unit = float(row[f"dose_{n}_um"]), "uM"
        if not math.isfinite(dose):
            dose, unit = float(row.get(f"dose_{n}", math.nan)), units.get(drug, "")
        words.append(dose_words(dose, unit) if math.isfinite(dose) else "?")
    return " + ".join(words)
