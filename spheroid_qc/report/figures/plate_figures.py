"""A plate as it lies on the bench, each well coloured by one metric at one time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spheroid_qc.analysis.metric_names import MetricName
from spheroid_qc.report.figures.axes import quiet, say
from spheroid_qc.report.palette import DIVERGING, PALETTE, SEQUENTIAL, step_of
from spheroid_qc.response.replicates import LEFT_OUT
from spheroid_qc.wells import row_column, row_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def used_part(wells: pd.Series) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last row and column, from 0, of the part of a plate that holds all wells."""
    places = np.array([row_column(str(well)) for well in wells.unique()]).reshape(-1, 2)
    if not len(places):
        return (0, 0), (7, 11)
    (top, left), (bottom, right) = places.min(axis=0).tolist(), places.max(axis=0).tolist()
    return (top, left), (bottom, right)


def colour_scale(values: pd.Series, metric: MetricName) -> tuple[float, float]:
    """Give the ends of the scale: the metric's own, else the range of the values over all times."""
    if metric.low is not None and metric.high is not None:
        return metric.low, metric.high
    known = values[np.isfinite(values)]
    if known.empty:
        return 0.0, 1.0
    low = metric.low if metric.low is not None else float(known.quantile(0.01))
    high = metric.high if metric.high is not None else float(known.quantile(0.99))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def draw_plate(ax: Axes, wells: pd.DataFrame, metric: MetricName, time_h: float) -> None:
    """Draw one plate.

    Parameters
    ----------
    ax : Axes
        Drawn into.
    wells : DataFrame
        `wells.csv` of one plate, all times (they make the scale).
    metric : MetricName
        What colours mean.
    time_h : float
        Which time is drawn.
    """
    from matplotlib.patches import Circle

    (top, left), (bottom, right) = used_part(wells["well"])
    quiet(ax)
    ax.grid(visible=False)
    ax.spines["bottom"].set_visible(False)
    ax.set_xlim(left - 0.6, right + 0.6)
    ax.set_ylim(bottom + 0.6, top - 0.6)
    ax.set_aspect("equal")
    ax.set_xticks(range(left, right + 1), [str(n + 1) for n in range(left, right + 1)])
    ax.set_yticks(range(top, bottom + 1), [row_name(n) for n in range(top, bottom + 1)])
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    low, high = colour_scale(metric.shown(wells[metric.column]), metric)
    ramp = DIVERGING if metric.diverging else SEQUENTIAL
    now = wells[np.isclose(wells["time_h"].to_numpy(dtype=float), time_h)]
    shown = metric.shown(now[metric.column])
    for (_, row), value in zip(now.iterrows(), shown, strict=True):
        y, x = row_column(str(row["well"]))
        step = step_of(float(value), low, high)
        out = row["state"] in LEFT_OUT
        colour = PALETTE["nothing"][0] if step is None or out else ramp[step]
        ax.add_patch(Circle((x, y), 0.44, facecolor=colour, edgecolor=PALETTE["line"][0]))
        if out and row["role"] != "blank":
            say(ax, x, y, "×", ha="center", color=PALETTE["muted"][0])
