"""One figure from plate to plate: whether a campaign is steady."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spheroid_qc.analysis.campaign_tables import outlying
from spheroid_qc.report.figures.axes import SMALL, quiet, say
from spheroid_qc.report.palette import PALETTE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_MOST_TICKS = 8


def draw_track(ax: Axes, plates: pd.DataFrame, figure: str, title: str = "") -> None:
    """Draw one figure of all plates in their order, with the median and who stands out.

    Parameters
    ----------
    ax : Axes
        Drawn into.
    plates : DataFrame
        `campaign.csv`.
    figure : str
        Its column.
    title : str
        Above the drawing.
    """
    quiet(ax, title=title, xlabel="plate")
    order = plates["order"].to_numpy(dtype=float)
    values = plates[figure].to_numpy(dtype=float)
    known = np.isfinite(values)
    ax.set_xlim(0.4, max(1.6, float(order.max(initial=1.0)) + 0.6))
    step = max(1, int(np.ceil(len(order) / _MOST_TICKS)))
    ax.set_xticks(order[::step], [f"{n:g}" for n in order[::step]])
    if not known.any():
        say(ax, 0.5, 0.5, "not known", ha="center", axes=True)
        return
    middle = float(np.median(values[known]))
    ax.axhline(middle, color=PALETTE["vehicle"][0], linewidth=1.0, linestyle=(0, (4, 2)), zorder=2)
    ax.plot(order[known], values[known], color=PALETTE["line"][0], linewidth=1.2, zorder=1)
    far = outlying(plates, figure)
    colours = {False: PALETTE["blue"][0], True: PALETTE["vermillion"][0]}
    for out in (False, True):
        chosen = known & (far == out)
        ax.plot(
            order[chosen], values[chosen], linestyle="none", marker="D" if out else "o",
            markersize=6 if out else 5, color=colours[out], zorder=3,
        )  # fmt: skip
    span = float(np.ptp(values[known])) or abs(middle) * 0.1 or 1.0
    low, high = float(values[known].min()), float(values[known].max())
    bottom = low - 0.15 * span
    ax.set_ylim(max(bottom, 0.0) if low >= 0 else bottom, high + 0.25 * span)
    ax.locator_params(axis="y", nbins=4)
    for place in np.flatnonzero(known & far):
        name = str(plates["name"].iloc[place])
        short = name if len(name) <= 14 else f"{name[:13]}…"
        say(
            ax, order[place], values[place] + 0.1 * span, short, ha="center", size=SMALL,
            color=colours[True],
        )  # fmt: skip
