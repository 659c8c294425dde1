"""Share of wells that have not fallen apart, over time since dose, with the number at risk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spheroid_qc.report.figures.axes import hour_ticks, label_lines, quiet, say
from spheroid_qc.report.palette import PALETTE, dose_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_LINE_PX = 13.0


def draw_survival(
    ax: Axes,
    survival: pd.DataFrame,
    names: Sequence[str],
    *,
    vehicle: str | None = None,
    labels: Mapping[str, str] | None = None,
    end_h: float | None = None,
    title: str = "",
    labelled: bool = True,
) -> None:
    """Draw Kaplan-Meier curves with intervals, censoring marks and numbers at risk below.

    Parameters
    ----------
    ax : Axes
        Drawn into; below it there must be room for a line of numbers a condition.
    survival : DataFrame
        `survival.csv`.
    names : sequence of str
        Conditions, low doses first.
    vehicle : str, optional
        Condition drawn in grey behind them.
    labels : mapping, optional
        Short names.
    end_h : float, optional
        End of the time axis; default: the last time of these conditions.
    title : str
        Above the figure.
    labelled : bool
        Whether lines are named at their ends; the lines of numbers are named in any case.
    """
    quiet(ax, title=title, xlabel="hours since dose")
    labels = labels or {}
    order = ([vehicle] if vehicle is not None and vehicle not in names else []) + list(names)
    known = survival[survival["condition"].isin(order) & survival["time_h"].notna()]
    end = float(known["time_h"].max()) if end_h is None and len(known) else float(end_h or 1.0)
    ax.set_xlim(0, end * 1.03)
    ax.set_ylim(-0.03, 1.06)
    ax.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    ticks = hour_ticks(0.0, end, 5)
    ax.set_xticks(ticks)
    ends = []
    for line, name in enumerate(order):
        colour = PALETTE["vehicle"][0]
        if name != vehicle:
            colour = dose_colour(list(names).index(name), len(names))
        rows = survival[survival["condition"] == name].sort_values("time_h", kind="stable")
        rows = rows[rows["survival"].notna()]
        label = labels.get(name, name)
        if rows.empty:
            continue
        time = np.concatenate([[0.0], rows["time_h"].to_numpy(dtype=float)])
        share = np.concatenate([[1.0], rows["survival"].to_numpy(dtype=float)])
        gone = share[-1] == 0 and time[-1] < end
        # Few wells have no usual interval before and after all events; the exact one is there.
        low, high = (
            np.concatenate([[1.0], rows[c].fillna(rows[f"exact_{c}"]).to_numpy(dtype=float)])
            for c in ("low", "high")
        )
        ax.fill_between(time, low, high, step="post", color=colour, alpha=0.08, linewidth=0)
        ax.step(
            # Nobody left is known to the end; a curve of wells lost from view is not.
            np.append(time, end) if gone else time,
            np.append(share, 0.0) if gone else share, where="post", color=colour, linewidth=1.9,
            linestyle=(0, (4, 2)) if name == vehicle else "-",
        )  # fmt: skip
        censored = rows[rows["n_censored"] > 0]
        ax.plot(
            censored["time_h"].to_numpy(dtype=float), censored["survival"].to_numpy(dtype=float),
            linestyle="none", marker="|", markersize=6, color=colour,
        )  # fmt: skip
        ends.append((end, float(share[-1]), label, colour))
        _numbers(ax, rows, ticks, line, label, colour)
    if labelled:
        label_lines(ax, ends, size=9.5)


def _numbers(
    ax: Axes, rows: pd.DataFrame, ticks: Sequence[float], line: int, label: str, colour: str
) -> None:
    """Numbers at risk at the ticks, in a line below the axis."""
    height = ax.get_window_extent().height / ax.figure.dpi * 72
    y = -(46 + line * _LINE_PX) / height
    right = ax.get_xlim()[1]
    if line == 0:
        say(ax, 0, -(46 - _LINE_PX) / height, "wells at risk", axes=True, size=8.5)
    for tick in ticks:
        say(ax, tick / right, y, str(at_risk(rows, tick)), axes=True, color=colour, ha="center")
    say(ax, 1.045, y, label, axes=True, color=colour, size=8.5)


def at_risk(rows: pd.DataFrame, time_h: float) -> int:
    """Wells that are watched and whole just before a time.

    `rows` are those of one condition in `survival.csv`, by time; hours since dose.
    """
    later = rows[rows["time_h"] >= time_h - 1e-9]
    if len(later):
        return int(later["n_at_risk"].iloc[0])
    last = rows.iloc[-1]
    return int(last["n_at_risk"] - last["n_events"] - last["n_censored"])
