"""Figures over time: which tables make which panels, drawn as SVG to stand in the HTML."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spheroid_qc.analysis import Analysis
from spheroid_qc.analysis.metric_names import MetricName, metric_of, size_metric
from spheroid_qc.analysis.treatment_families import TreatmentFamily
from spheroid_qc.report.figures import (
    draw_survival,
    draw_time_course,
    svg_for_page,
)
from spheroid_qc.report.figures.size_figures import draw_size_distribution
from spheroid_qc.report.figures.time_figures import metric_limits
from spheroid_qc.report.overview import shown_name
from spheroid_qc.report.palette import PALETTE, dose_colour
from spheroid_qc.tables.csv_writer import read_table

_MOST_CONDITIONS = 60


def size_panel(analysis: Analysis, folder: Path | None, stratum: str) -> TimePanel | None:
    """Draw the sizes of all counted spheres at the analysis time, by condition.

    None for other assays, or where nothing was counted; `folder` has `spheroids.csv`, `stratum` is
    the one that all conditions share.
    """
    path = None if folder is None else folder / "spheroids.csv"
    spheres = analysis.spheres
    if not spheres or path is None or not path.is_file():
        return None
    table = read_table(path, text=("plate", "well", "state", "flags", "method", "file"))
    if "counted" in table:
        table = table[table["counted"] == 1]
    if analysis.time_h is not None:
        table = table[(table["time_h"] - analysis.time_h).abs() < 1e-6]
    wells = analysis.wells.drop_duplicates(["plate", "well"])
    table = table.merge(wells[["plate", "well", "condition"]], on=["plate", "well"], how="left")
    column = "equivalent_diameter_um"
    if not table[column].notna().any():
        column = "equivalent_diameter_px"
    table = table[table[column].notna()]
    roles = analysis.conditions.drop_duplicates("condition")
    names = [str(c) for c, r in zip(roles["condition"], roles["role"], strict=True)
             if r not in ("blank", "unmapped")][:_MOST_CONDITIONS]  # fmt: skip
    if not len(table) or not names:
        return None
    labels = [shown_name(name, stratum, analysis.given_units) for name in names]
    left = 44 + LABEL_PX * max(len(label) for label in labels)
    unit = "µm" if column.endswith("_um") else "px"
    draw = functools.partial(
        draw_size_distribution, spheroids=table, names=names, labels=labels, column=column,
        cut_off=analysis.parameters.spheres.min_diameter_um if unit == "µm" else None,
        xlabel=f"diameter, {unit}",
    )  # fmt: skip
    return TimePanel(
        svg_for_page(
            draw, "sizes", (left + 560, 50 + 28 * len(names)), (left, 16, 40, 6),
            alt="Diameters of all counted spheres by condition",
        )
    )  # fmt: skip


MOST_PANELS = 48
"""Figures of one kind; what is beyond stands in the tables, and the page says so."""

LABEL_PX = 6.1
"""Width of a letter of a label."""

_MOST_LETTERS = 11


@dataclass(frozen=True)
class TimePanel:
    """One figure: `svg` is safe HTML, `title` and `note` are plain text."""

    svg: str
    title: str = ""
    note: str = ""


@dataclass(frozen=True)
class Pair:
    """Figures of one family side by side.

    `key` is colour's name and label of each line, where lines aren't named in the figure;
    `messages` are sentences beside the figures.
    """

    title: str
    panels: tuple[TimePanel, ...]
    key: tuple[tuple[str, str], ...] = ()
    messages: tuple[str, ...] = ()


def time_metrics(analysis: Analysis) -> list[MetricName]:
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
    known = [
        n for n in names if f"{n}_mean" in conditions and conditions[f"{n}_mean"].notna().any()
    ]
    if "spheres_per_well" in known:
        known.remove("n_spheroids")
    return [metric_of(n, spheres=True) for n in known[:2]]


def _right(labels: Sequence[str]) -> float:
    return min(210.0, 16 + LABEL_PX * max((len(label) for label in labels), default=4))


def _key(family: TreatmentFamily) -> tuple[tuple[str, str], ...]:
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
    analysis: Analysis,
    families: Sequence[TreatmentFamily],
    metrics: Sequence[MetricName],
    dosed: float | None,
) -> list[Pair]:
    """Draw curves over time, each family with all metrics side by side.

    `dosed` is when the first drug was given, in hours; empty with fewer than two times.
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
                TimePanel(
                    svg_for_page(
                        draw, f"time-{n}-{metric.column}", size, (40, right, 36, 10),
                        alt=f"{metric.label} over time, {family.title}",
                    ),
                    metric.axis,
                )
            )  # fmt: skip
        pairs.append(Pair(family.title, tuple(panels), key))
    return pairs


def survival_panels(analysis: Analysis, families: Sequence[TreatmentFamily]) -> list[TimePanel]:
    """Draw Kaplan-Meier curves by family; none where nothing was followed."""
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
            TimePanel(
                svg_for_page(
                    draw, f"survival-{n}", (44 + 216 + right, 150 + bottom),
                    (44, right, bottom, 10),
                    alt=f"Share of wells not fallen apart over time since dose, {family.title}",
                ),
                family.title,
            )
        )  # fmt: skip
    return panels
