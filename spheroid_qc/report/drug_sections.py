"""Figures of drugs: dose response, and what combinations do beyond their parts."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from spheroid_qc.analysis import Analysis
from spheroid_qc.analysis.metric_names import METRICS
from spheroid_qc.report.figures import (
    draw_dose_response,
    draw_excess_list,
    draw_excess_matrix,
    draw_fa_ci,
    draw_forest,
    draw_isobologram,
    svg_for_page,
)
from spheroid_qc.report.time_sections import LABEL_PX, MOST_PANELS, Pair, TimePanel
from spheroid_qc.response.synergy.bliss import Bliss
from spheroid_qc.response.synergy.combination_index import CombinationIndex
from spheroid_qc.response.synergy.dose_reduction import DoseReduction
from spheroid_qc.response.synergy.model_registry import drawn_models
from spheroid_qc.wording import dose_words

_MOST_TILES = 24


@dataclass(frozen=True)
class DrugGroup:
    """Figures of one response (and stratum)."""

    title: str
    panels: tuple[TimePanel, ...]
    forest: TimePanel | None = None
    combinations: tuple[Pair, ...] = ()


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
            words = (
                METRICS[use.name].axis if use.kind == "raw" and use.name in METRICS else use.title
            )
            title = words[:1].upper() + words[1:] + (f" ({stratum})" if stratum else "")
            if len(part):
                found.append((use.name, stratum, title, part))
    return found


def dose_groups(analysis: Analysis) -> list[DrugGroup]:
    """Draw dose responses, one group of panels a response."""
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
        panels: list[TimePanel] = []
        for d, (_, row) in enumerate(rows.iterrows()):
            mine = single[single["drug_1"] == row["drug"]]
            if not len(mine) or len(panels) >= MOST_PANELS:
                continue
            unit = str(row["unit"]).replace("uM", "µM")
            draw = functools.partial(
                draw_dose_response, dose=mine["dose_1"].to_numpy(dtype=float),
                effect=mine["effect"].to_numpy(dtype=float),
                row={str(k): v for k, v in row.items()},
                vehicle=vehicle.to_numpy(dtype=float), unit=unit, limits=limits,
            )  # fmt: skip
            panels.append(
                TimePanel(
                    svg_for_page(
                        draw, f"dose-{g}-{d}", (330, 236), (40, 16, 40, 22),
                        alt=f"Dose response of {row['drug']}: {title}",
                    ),
                    str(row["drug"]),
                )
            )  # fmt: skip
        if panels:
            groups.append(DrugGroup(title, tuple(panels)))
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


def combination_groups(analysis: Analysis) -> list[DrugGroup]:
    """Draw what combinations do beyond their parts, one group a response.

    Each has the means of all combinations, and figures by combination.
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
                # The statements are about all responses: once is enough.
                told = analysis.verdict.findings if g == 0 else ()
                messages = [f.sentence for f in told if f.subject == name]
                pairs.append(Pair(name, tuple(panels), (), tuple(messages)))
        groups.append(DrugGroup(title, (), _forest(rows, names, f"forest-{g}"), tuple(pairs)))
    return groups


def _forest(rows: pd.DataFrame, names: Sequence[str], identifier: str) -> TimePanel | None:
    means = rows[
        (rows["level"] == "mean") & rows["method"].isin([m.method for m in drawn_models()])
    ]
    means = means[means["value"].notna()]
    if not len(means):
        return None
    shown = [name for name in names if name in set(means["combination"])]
    longest = max([*(len(name) for name in shown), 32])
    left = min(360.0, 18 + 6.4 * longest)
    height = 48 + 21 * (len(means) + 1.5 * len(shown))
    draw = functools.partial(draw_forest, synergy=means, combinations=shown)
    return TimePanel(
        svg_for_page(
            draw, identifier, (left + 360 + 150, height), (left, 150, 40, 6),
            alt="Mean effect of each combination beyond what was expected, with intervals",
        )
    )  # fmt: skip


def _of_combination(
    rows: pd.DataFrame, drugs: Sequence[str], identifier: str, analysis: Analysis
) -> list[TimePanel]:
    panels: list[TimePanel] = []
    size: tuple[float, float]
    units = dict(zip(analysis.drugs, analysis.units, strict=False))
    bliss = rows[(rows["method"] == Bliss.method) & (rows["level"] == "dose")]
    bliss = bliss[bliss["value"].notna()]
    if len(bliss) and len(drugs) == 2:
        counts = [max(1, bliss[f"dose_{n}_um"].nunique()) for n in (1, 2)]
        size = (58 + 62 * min(8, counts[0]) + 14, 50 + 44 * min(8, counts[1]) + 14)
        draw: Any = functools.partial(
            draw_excess_matrix, rows=bliss, drugs=drugs,
            units=[units.get(d, "uM").replace("uM", "µM") for d in drugs],
        )  # fmt: skip
        panels.append(
            TimePanel(
                svg_for_page(draw, f"{identifier}-bliss", size, (58, 14, 44, 10),
                             alt=f"Bliss excess of {' and '.join(drugs)} by dose"),
                "Bliss excess by dose",
            )
        )  # fmt: skip
    elif len(bliss):
        bliss = bliss.head(_MOST_TILES)
        labels = [_dose_label(row, drugs, units) for _, row in bliss.iterrows()]
        left = 14 + LABEL_PX * max(len(label) for label in labels)
        size = (left + 70 + 10, 14 + 36 * len(bliss))
        draw = functools.partial(draw_excess_list, rows=bliss, labels=labels)
        panels.append(
            TimePanel(
                svg_for_page(draw, f"{identifier}-bliss", size, (left, 10, 7, 7),
                             alt=f"Bliss excess of {' and '.join(drugs)} by dose"),
                "Bliss excess by dose",
                " + ".join(drugs),
            )
        )  # fmt: skip
    index = rows[(rows["method"] == CombinationIndex.method) & (rows["level"] != "mean")]
    if index["value"].notna().any():
        draw = functools.partial(draw_fa_ci, rows=index)
        panels.append(
            TimePanel(
                svg_for_page(draw, f"{identifier}-faci", (300, 236), (46, 14, 40, 10),
                             alt=f"Combination index against effect, {' + '.join(drugs)}"),
                "Fa–CI plot",
            )
        )  # fmt: skip
    reduction = rows[rows["method"].map(DoseReduction().covers)]
    if len(drugs) == 2 and reduction["value"].notna().any():
        draw = functools.partial(draw_isobologram, rows=reduction, drugs=drugs)
        panels.append(
            TimePanel(
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
