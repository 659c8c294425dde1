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
from spheroid_qc.analysis.verdict.combination_verdict import doses_in_words, kappa_words
from spheroid_qc.plate_map import with_strata
from spheroid_qc.report.figures import (
    draw_dose_response,
    draw_excess_contour,
    draw_excess_list,
    draw_excess_matrix,
    draw_fa_ci,
    draw_forest,
    draw_isobologram,
    draw_response_matrix,
    svg_for_page,
)
from spheroid_qc.report.figures.matrix_figures import doses_of, levels_of, response_matrix_note
from spheroid_qc.report.time_sections import LABEL_PX, MOST_PANELS, Pair, TimePanel
from spheroid_qc.response.synergy.bliss import Bliss
from spheroid_qc.response.synergy.combination_index import CombinationIndex
from spheroid_qc.response.synergy.dose_reduction import DoseReduction
from spheroid_qc.response.synergy.model_registry import drawn_models
from spheroid_qc.response.wells_analysed_together import of_all_plates
from spheroid_qc.wording import in_unit, interval, number, signed

_MOST_TILES = 24
_MOST_SECTIONS = 8


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
    table = of_all_plates(table, "combination" if "combination" in table else "drug")
    for use in analysis.responses:
        rows = table
        if "response" in table:
            rows = rows[rows["response"] == use.name]
        for stratum in analysis.strata:
            part = rows[rows["stratum"] == stratum] if "stratum" in rows else rows
            words = (
                METRICS[use.name].axis if use.kind == "raw" and use.name in METRICS else use.title
            )
            title = words[:1].upper() + words[1:] + (f" ({stratum})" if stratum else "")
            if len(part):
                found.append((use.name, stratum, title, part))
    return found


def shown_units(analysis: Analysis, drugs: Sequence[str]) -> tuple[list[str], list[float]]:
    """Units in which doses of drugs are shown, and the factors that bring them there."""
    own = dict(zip(analysis.drugs, analysis.units, strict=False))
    units = [analysis.given_units.get(drug, own.get(drug, "uM")) for drug in drugs]
    return [unit.replace("uM", "µM") for unit in units], [in_unit(1.0, unit) for unit in units]


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
            (unit,), (factor,) = shown_units(analysis, [str(row["drug"])])
            curves = analysis.curves
            for column, wanted in (("response", name), ("stratum", stratum)):
                curves = curves[curves[column] == wanted] if column in curves else curves
            if len(curves):
                curves = curves[(curves["drug"] == row["drug"]) & (curves["ratio"] == "")]
            draw = functools.partial(
                draw_dose_response, dose=mine["dose_1"].to_numpy(dtype=float),
                effect=mine["effect"].to_numpy(dtype=float),
                row={str(k): v for k, v in row.items()},
                vehicle=vehicle.to_numpy(dtype=float), unit=unit, limits=limits, factor=factor,
                curves=curves if len(curves) else None,
            )  # fmt: skip
            told = [
                f.facts["words"] for f in analysis.verdict.about("dose")
                if f.subject == row["drug"] and f.facts["stratum"] == stratum
            ]  # fmt: skip
            words = told[0].get(name, "") if told and isinstance(told[0], dict) else ""
            panels.append(
                TimePanel(
                    svg_for_page(
                        draw, f"dose-{g}-{d}", (360, 250), (40, 16, 40, 14),
                        alt=f"Dose response of {row['drug']}: {title}",
                    ),
                    str(row["drug"]),
                    words,
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
    minimum = analysis.parameters.response.min_excess
    for g, (response, stratum, title, rows) in enumerate(_slices(analysis, analysis.synergy)):
        names = list(dict.fromkeys(str(c) for c in rows["combination"]))
        pairs = []
        for c, name in enumerate(names[:MOST_PANELS]):
            own = rows[rows["combination"] == name]
            drugs, wells = name.split(" + "), _wells(analysis, response, stratum, name)
            panels = _of_combination(own, wells, drugs, f"combination-{g}-{c}", analysis)
            if panels:
                # The statements are about all responses: once is enough.
                told = analysis.verdict.findings if response == analysis.responses[0].name else ()
                messages = [f.sentence for f in told if f.subject == with_strata(name, stratum)]
                pairs.append(Pair(name, tuple(panels), (), tuple(messages)))
        groups.append(
            DrugGroup(title, (), _forest(rows, names, f"forest-{g}", minimum), tuple(pairs))
        )
    return groups


def _forest(
    rows: pd.DataFrame, names: Sequence[str], identifier: str, minimum: float
) -> TimePanel | None:
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
    draw = functools.partial(draw_forest, synergy=means, combinations=shown, minimum=minimum)
    return TimePanel(
        svg_for_page(
            draw, identifier, (left + 360 + 150, height), (left, 150, 40, 6),
            alt="Mean effect of each combination beyond what was expected, with intervals",
        )
    )  # fmt: skip


def _wells(analysis: Analysis, response: str, stratum: str, name: str) -> pd.DataFrame:
    """Wells with a combination, its parts or nothing: doses `0, 1 ...` by drug, and `effect`."""
    used, drugs = analysis.used, name.split(" + ")
    used = used[(used["response"] == response) & (used["stratum"] == stratum)]
    used = used[used["role"].isin(["vehicle", "treated"])]
    slots = [n for n in range(1, 10) if f"drug_{n}" in used]
    made = {
        str(i): sum(used[f"dose_{n}"].where(used[f"drug_{n}"] == drug, 0.0) for n in slots)
        for i, drug in enumerate(drugs)
    }
    other = pd.concat([used[f"drug_{n}"].notna() & ~used[f"drug_{n}"].isin(drugs) for n in slots],
                      axis=1).any(axis=1)  # fmt: skip
    return pd.DataFrame(made | {"effect": used["effect"]})[~other].astype(float)


def is_matrix(rows: pd.DataFrame) -> bool:
    """Whether combinations of two drugs fill at least half of a matrix of their doses."""
    sizes = [len(levels_of(doses_of(rows, n))) for n in (1, 2)]
    return len(rows) * 2 >= sizes[0] * sizes[1] or max(sizes) <= 4


def _matrix_panel(
    draw: Any, levels: Sequence[int], identifier: str, alt: str, title: str, note: str = ""
) -> TimePanel:
    """Put tiles into a figure as large as their number asks for."""
    wide, high = (max(190.0 / n, 26.0 if n > 8 else 50.0) for n in levels)
    size = (62 + wide * levels[0] + 14, 46 + min(high, 44.0) * levels[1] + 14)
    return TimePanel(svg_for_page(draw, identifier, size, (62, 14, 46, 14), alt=alt), title, note)


def _matrices(
    rows: pd.DataFrame, wells: pd.DataFrame, drugs: Sequence[str], identifier: str,
    analysis: Analysis,
) -> list[TimePanel]:  # fmt: skip
    """Effects as measured, then what they are beyond each model's expectation, of two drugs."""
    units, factors = shown_units(analysis, drugs)
    shared: dict[str, Any] = {"drugs": drugs, "units": units, "factors": factors}
    doses = wells[["0", "1"]].to_numpy()
    effect = wells["effect"].to_numpy()
    draw = functools.partial(draw_response_matrix, doses=doses, effect=effect, **shared)
    named = " and ".join(drugs)
    panels = [
        _matrix_panel(
            draw, [len(levels_of(doses[:, n])) for n in (0, 1)], f"{identifier}-effect",
            f"Fraction affected by {named}", "Fraction affected",
            ". ".join(filter(None, (response_matrix_note(doses, effect), kappa_words(rows)))),
        )
    ]  # fmt: skip
    for model in drawn_models():
        own = rows[(rows["method"] == model.method) & rows["value"].notna()]
        tiles = own[own["level"] == "dose"]
        if not len(tiles):
            continue
        area = own[(own["level"] == "area") & own["call"].isin(["more", "slightly_more"])]
        middle = (doses_of(area, 1)[0], doses_of(area, 2)[0]) if len(area) else None
        counts = [len(levels_of(doses_of(tiles, n))) for n in (1, 2)]
        note = ""
        if len(area):
            value, low, high = (area.iloc[0][c] for c in ("value", "low", "high"))
            note = f"outlined: most synergistic area, {signed(value)} ({interval(low, high)})"
        draw = functools.partial(draw_excess_matrix, rows=tiles, area=middle, **shared)
        panels.append(
            _matrix_panel(draw, counts, f"{identifier}-{model.method}",
                          f"{model.name} excess of {named} by dose",
                          f"Effect {model.title}", note)
        )  # fmt: skip
        if model.method == Bliss.method and min(counts) >= 3 and len(tiles) == math.prod(counts):
            draw = functools.partial(draw_excess_contour, rows=tiles, **shared)
            contour = _matrix_panel(
                draw, counts, f"{identifier}-contour", f"Landscape of the Bliss excess of {named}",
                "The same as a landscape", "beyond independence (Bliss)",
            )  # fmt: skip
            panels.append(contour)
    return panels


def _of_combination(
    rows: pd.DataFrame, wells: pd.DataFrame, drugs: Sequence[str], identifier: str,
    analysis: Analysis,
) -> list[TimePanel]:  # fmt: skip
    panels: list[TimePanel] = []
    size: tuple[float, float]
    draw: Any
    bliss = rows[(rows["method"] == Bliss.method) & (rows["level"] == "dose")]
    bliss = bliss[bliss["value"].notna()]
    doses = rows[rows["level"] == "dose"].drop_duplicates(
        [c for c in rows if str(c).startswith("dose_")]
    )
    if len(drugs) == 2 and len(doses) and is_matrix(doses):
        panels += _matrices(rows, wells, drugs, identifier, analysis)
    elif len(drugs) == 3 and len(bliss) and len(bliss) > _MOST_TILES:
        panels += _sections(bliss, drugs, identifier, analysis)
    elif len(bliss):
        bliss = bliss.head(_MOST_TILES)
        labels = [doses_in_words(row, analysis.given_units) for _, row in bliss.iterrows()]
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


def _sections(
    bliss: pd.DataFrame, drugs: Sequence[str], identifier: str, analysis: Analysis
) -> list[TimePanel]:
    """Cut the cube of doses of three drugs into matrices of the first two, one a dose."""
    units, factors = shown_units(analysis, drugs)
    third = doses_of(bliss, 3)
    panels = []
    for n, dose in enumerate(levels_of(third)[:_MOST_SECTIONS]):
        own = bliss[third == dose]
        draw = functools.partial(
            draw_excess_matrix, rows=own, drugs=drugs[:2], units=units[:2], factors=factors[:2]
        )
        panels.append(
            _matrix_panel(
                draw, [len(levels_of(doses_of(own, k))) for k in (1, 2)], f"{identifier}-cut{n}",
                f"Bliss excess of {' and '.join(drugs)} at one dose of {drugs[2]}",
                f"Bliss excess, {drugs[2]} {number(dose * factors[2])} {units[2]}",
            )
        )  # fmt: skip
    return panels
