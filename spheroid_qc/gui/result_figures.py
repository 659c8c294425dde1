"""Which figures there are of a run: each a title and a function that draws into an Axes.

The drawing is the report's own; the window and an exported file show the same. No Qt.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spheroid_qc.analysis.metric_names import MetricName, metric_of, size_metric
from spheroid_qc.analysis.treatment_families import TreatmentFamily, families_of
from spheroid_qc.report.figures.dose_figures import draw_dose_response
from spheroid_qc.report.figures.plate_figures import draw_plate
from spheroid_qc.report.figures.time_figures import draw_time_course, metric_limits

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from spheroid_qc.analysis import Analysis


_LEFT_OUT = ("unscorable", "never_formed", "vanished")


@dataclass(frozen=True)
class Figure:
    """One figure: a name for its file, a title, and what draws it into an Axes.

    `size` is width and height of an exported file, `margins` are left, right, bottom and top; both
    in CSS pixels.
    """

    name: str
    title: str
    draw: Callable[[Axes], None]
    size: tuple[float, float] = (560, 360)
    margins: tuple[float, float, float, float] = (60, 130, 44, 34)


def curve_metrics(conditions: pd.DataFrame) -> list[MetricName]:
    """Metrics that are summarised by condition: disintegration and size first."""
    names = [
        str(c).removesuffix("_mean")
        for c in conditions
        if str(c).endswith("_mean") and conditions[c].notna().any()
    ]
    size = size_metric(conditions)
    first = [metric_of("disintegration_fraction")] if "disintegration_fraction" in names else []
    first += [size] if size is not None else []
    return [*first, *(metric_of(n) for n in names if metric_of(n) not in first)]


def time_figure(
    conditions: pd.DataFrame, wells: pd.DataFrame, metric: MetricName, family: TreatmentFamily
) -> Figure:
    """Curves over time of one family of conditions, from the tables of the run folder."""
    limits = metric_limits(conditions, wells, metric)
    own = wells[wells["condition"].isin([*family.names, family.vehicle])]
    title = f"{metric.axis}: {family.title}"
    draw = functools.partial(
        draw_time_course, conditions=conditions, wells=own, metric=metric, names=family.names,
        vehicle=family.vehicle, labels=family.labels, limits=limits, dosed_at_h=_dosed(own),
        title=title,
    )  # fmt: skip
    longest = max((len(label) for label in family.labels.values()), default=4)
    return Figure(
        _safe(f"time_{metric.column}_{family.title}"), title, draw,
        margins=(60, min(300.0, 18 + 6.4 * longest), 44, 34),
    )  # fmt: skip


def time_figures(conditions: pd.DataFrame, wells: pd.DataFrame) -> Iterator[Figure]:
    """Curves of size and disintegration for every family."""
    metrics = curve_metrics(conditions)[:2]
    for family in families_of(conditions):
        for metric in metrics:
            yield time_figure(conditions, wells, metric, family)


def plate_figure(wells: pd.DataFrame, plate: str, metric: MetricName, time_h: float) -> Figure:
    """Heat map of one plate at one time."""
    own = wells[wells["plate"] == plate]
    title = f"{metric.axis} at {time_h:g} h"

    def draw(ax: Axes) -> None:
        draw_plate(ax, own, metric, time_h)
        ax.set_title(f"{plate}: {title}", loc="left", fontsize=11, parse_math=False, pad=22)

    name = _safe(f"plate_{plate}_{metric.column}_{time_h:g}h")
    return Figure(name, title, draw, size=(620, 430), margins=(34, 14, 10, 56))


def dose_figures(analysis: Analysis) -> list[Figure]:
    """Dose responses of drugs given alone, as far as the plate map allows them."""
    used, rows = analysis.used, analysis.dose_response
    if not len(used) or not len(rows):
        return []
    alone = used["drug_1"].notna()
    for n in range(2, 10):
        if f"drug_{n}" in used:
            alone &= used[f"drug_{n}"].isna()
    found = []
    for _, row in rows.iterrows():
        here = used["response"] == row["response"]
        if "stratum" in used and "stratum" in row:
            here &= used["stratum"] == row["stratum"]
        own = used[here]
        mine = own[alone.loc[own.index] & (own["drug_1"] == row["drug"])]
        if not len(mine):
            continue
        metric = metric_of(str(row["response"]), spheres=analysis.spheres)
        title = f"{row['drug']}: {metric.phrase}"
        stratum = str(row.get("stratum") or "")
        title += f" ({stratum})" if stratum and stratum != "nan" else ""
        draw = functools.partial(
            draw_dose_response,
            dose=mine["dose_1"].to_numpy(dtype=float),
            effect=mine["effect"].to_numpy(dtype=float),
            row={str(k): v for k, v in row.items()},
            vehicle=own.loc[own["role"] == "vehicle", "effect"].to_numpy(dtype=float),
            unit=str(row["unit"]).replace("uM", "µM"),
            ylabel=metric.label,
            title=title,
        )
        found.append(Figure(_safe(f"dose_{title}"), title, draw, margins=(60, 20, 44, 34)))
    return found


def nearest_well(
    wells: pd.DataFrame, metric: MetricName, names: list[str], at: tuple[float, float], reach: float
) -> tuple[str, str, float] | None:
    """Find plate, well and hours of the frame whose line is nearest to a point, if any is near.

    `names` are the conditions that are drawn, `at` hours and value of the metric, `reach` the
    largest difference in the metric that still counts.
    """
    used = wells[wells["condition"].isin(names) & ~wells["state"].isin(_LEFT_OUT)]
    best: tuple[float, str, str, float] | None = None
    for (plate, well), rows in used.groupby(["plate", "well"], sort=True):
        rows = rows.sort_values("time_h")
        times = rows["time_h"].to_numpy(dtype=float)
        values = metric.shown(rows[metric.column]).to_numpy()
        known = np.isfinite(values)
        if not known.any():
            continue
        there = float(np.interp(at[0], times[known], values[known]))
        distance = abs(there - at[1])
        if distance <= reach and (best is None or distance < best[0]):
            nearest = float(times[int(np.argmin(np.abs(times - at[0])))])
            best = (distance, str(plate), str(well), nearest)
    return None if best is None else best[1:]


def _dosed(wells: pd.DataFrame) -> float | None:
    """When the first drug was given, where that is known."""
    if "time_since_dose_h" not in wells or wells.empty:
        return None
    start = (wells["time_h"] - wells["time_since_dose_h"]).dropna()
    return float(start.min()) if len(start) else None


def _safe(text: str) -> str:
    """Name that any file system takes."""
    kept: Any = "".join(c if c.isalnum() or c in "-_.+" else "_" for c in text)
    return str(kept).strip("_.")[:120] or "figure"
