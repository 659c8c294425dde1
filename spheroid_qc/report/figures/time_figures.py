"""Curves over time by condition: mean, interval over wells, thin lines for the wells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spheroid_qc.analysis.metric_names import MetricName
from spheroid_qc.report.figures.axes import hour_ticks, label_lines, quiet
from spheroid_qc.report.palette import PALETTE, dose_colour
from spheroid_qc.response.replicates import LEFT_OUT

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_MOST_WELLS = 60
_MOST_BARS = 8
"""Bars of measurement error along a line; at more times they are drawn at evenly spaced ones."""

_BAR_STEP_SHARE = 0.01
"""Bars of different conditions at one time stand this share of the time axis apart."""

_BAR_SDS = 1.645  # half of a normal variable's 90 % interval


def draw_time_course(
    ax: Axes,
    conditions: pd.DataFrame,
    wells: pd.DataFrame,
    metric: MetricName,
    names: Sequence[str],
    *,
    vehicle: str | None = None,
    labels: Mapping[str, str] | None = None,
    limits: tuple[float, float] | None = None,
    dosed_at_h: float | None = None,
    title: str = "",
    labelled: bool = True,
    colours: Mapping[str, str] | None = None,
) -> None:
    """Draw one metric over time.

    Parameters
    ----------
    ax : Axes
        Drawn into.
    conditions : DataFrame
        `conditions.csv`: `condition, time_h` and the metric's `_mean, _ci_low, _ci_high`; where
        it has a `_measurement_sd`, upright bars show the 90 % interval of one well's measurement.
    wells : DataFrame
        `wells.csv`, for the thin lines; wells that enter no mean are left out.
    metric : MetricName
        What is drawn.
    names : sequence of str
        Conditions, low doses first.
    vehicle : str, optional
        Condition drawn in grey behind them.
    labels : mapping, optional
        Short names at the ends of the lines.
    limits : tuple of float, optional
        Of the y axis.
    dosed_at_h : float, optional
        A line there says when the first drug was given.
    title : str
        Above the figure.
    labelled : bool
        Whether lines are named at their ends; else a legend beside the figure has to do it.
    colours : mapping, optional
        Condition -> colour, where they are not doses of one drug.
    """
    quiet(ax, title=title, xlabel="hours")
    labels = labels or {}
    order = [] if vehicle is None or vehicle in names else [vehicle]
    order += list(names)
    times = np.sort(conditions["time_h"].dropna().unique())
    if len(times):
        room = (times[-1] - times[0]) * 0.02 or 1.0
        ax.set_xlim(times[0] - room, times[-1] + room)
        few = len(times) <= 7
        ax.set_xticks(times if few else hour_ticks(float(times[0]), float(times[-1]), 6))
    if limits is not None:
        ax.set_ylim(*limits)
    ends = []
    for place, name in enumerate(order):
        rows = conditions[conditions["condition"] == name].sort_values("time_h")
        mean = metric.shown(rows[f"{metric.column}_mean"]).to_numpy()
        colour = PALETTE["vehicle"][0]
        if name != vehicle:
            colour = dose_colour(list(names).index(name), len(names))
        colour = (colours or {}).get(name, colour)
        _wells(ax, wells, name, metric, colour)
        if not np.isfinite(mean).any():
            continue
        time = rows["time_h"].to_numpy(dtype=float)
        bounds = [
            metric.shown(rows[f"{metric.column}_{end}"]).to_numpy() for end in ("ci_low", "ci_high")
        ]
        low, high = np.minimum(*bounds), np.maximum(*bounds)
        # The scale's own ends are no news; an interval drawn beyond them would be nonsense.
        low = np.clip(low, metric.low if metric.low is not None else -np.inf, None)
        high = np.clip(high, None, metric.high if metric.high is not None else np.inf)
        ax.fill_between(time, low, high, color=colour, alpha=0.16, linewidth=0, zorder=2)
        ax.plot(
            time, mean, color=colour, linewidth=1.9, zorder=4, solid_capstyle="round",
            linestyle=(0, (4, 2)) if name == vehicle else "-",
        )  # fmt: skip
        if f"{metric.column}_measurement_sd" in rows:
            apart = (place - (len(order) - 1) / 2) * _BAR_STEP_SHARE * float(np.ptp(times))
            _measurement_bars(ax, rows, metric, colour, apart)
        last = np.flatnonzero(np.isfinite(mean))[-1]
        ends.append((time[last], float(mean[last]), labels.get(name, name), colour))
    if dosed_at_h is not None and len(times) and times[0] < dosed_at_h < times[-1]:
        ax.axvline(dosed_at_h, color=PALETTE["muted"][0], linewidth=0.8, linestyle=(0, (1, 2)))
    if labelled:
        label_lines(ax, ends, size=9.5)


def _measurement_bars(
    ax: Axes, rows: pd.DataFrame, metric: MetricName, colour: str, apart: float
) -> None:
    """How far the measurement of one well may be off, as bars about the mean, moved by `apart`."""
    mean = rows[f"{metric.column}_mean"].to_numpy(dtype=float)
    half = _BAR_SDS * rows[f"{metric.column}_measurement_sd"].to_numpy(dtype=float)
    known = np.flatnonzero(np.isfinite(mean) & np.isfinite(half))
    if known.size > _MOST_BARS:
        known = known[np.unique(np.linspace(0, known.size - 1, _MOST_BARS).round().astype(int))]
    ends = [
        np.clip(
            metric.shown(pd.Series(mean[known] + sign * half[known])).to_numpy(),
            -np.inf if metric.low is None else metric.low,
            np.inf if metric.high is None else metric.high,
        )
        for sign in (-1, 1)
    ]
    time = rows["time_h"].to_numpy(dtype=float)[known] + apart
    ax.vlines(time, *ends, color=colour, linewidth=1.0, alpha=0.85, zorder=5)


def _wells(ax: Axes, wells: pd.DataFrame, name: str, metric: MetricName, colour: str) -> None:
    """One thin line a well."""
    from matplotlib.collections import LineCollection

    if metric.column not in wells:
        return
    columns = ["plate", "well", "time_h", "state", metric.column]
    used = wells.loc[(wells["condition"] == name).to_numpy(), columns]
    used = used[~used["state"].isin(LEFT_OUT)].sort_values(["plate", "well", "time_h"])
    points = np.column_stack([used["time_h"].to_numpy(float), metric.shown(used[metric.column])])
    starts = np.flatnonzero(~used.duplicated(["plate", "well"]).to_numpy())
    lines = np.split(points, starts[1:])[:_MOST_WELLS] if len(points) else []
    ax.add_collection(
        LineCollection(lines, colors=colour, linewidths=0.6, alpha=0.5, zorder=3), autolim=True
    )


def metric_limits(
    conditions: pd.DataFrame, wells: pd.DataFrame, metric: MetricName
) -> tuple[float, float] | None:
    """One scale for all panels of a metric.

    Parameters
    ----------
    conditions, wells : DataFrame
        As for `draw_time_course`.
    metric : MetricName
        What is drawn.

    Returns
    -------
    tuple of float or None
        None if nothing is known.
    """
    parts = [metric.shown(conditions[f"{metric.column}_mean"])]
    if metric.column in wells:
        used = wells[~wells["state"].isin(LEFT_OUT)]
        parts.append(metric.shown(used[metric.column]))
    values = pd.concat(parts)
    values = values[np.isfinite(values)]
    if values.empty:
        return None
    low = metric.low if metric.low is not None else float(values.min())
    high = metric.high if metric.high is not None else float(values.max())
    room = (high - low) * 0.04 or 1.0
    return (low - (room if metric.low is None else room / 2), high + room)
