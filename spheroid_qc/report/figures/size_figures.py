"""Sizes of all spheres by condition: every sphere a stroke, quartiles and median over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spheroid_qc.report.figures.axes import INK, LINE, MUTED, plain, quiet
from spheroid_qc.report.palette import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_size_distribution(
    ax: Axes,
    spheroids: pd.DataFrame,
    names: Sequence[str],
    labels: Sequence[str],
    *,
    column: str = "equivalent_diameter_um",
    cut_off: float | None = None,
    xlabel: str = "diameter, µm",
) -> None:
    """Draw the size of every sphere.

    `spheroids` has one row a sphere with its `condition` and size; `names` are the conditions from
    top to bottom, `labels` how they are written. Spheres below `cut_off` (a line) aren't counted.
    """
    quiet(ax, xlabel=xlabel)
    ax.grid(visible=False)
    ax.grid(axis="x", color=LINE, linewidth=0.8)
    for n, name in enumerate(names):
        sizes = spheroids.loc[spheroids["condition"] == name, column].to_numpy(dtype=float)
        sizes = sizes[np.isfinite(sizes)]
        messages = f"{plain(labels[n])}  ({len(sizes)})"
        ax.annotate(
            messages, (0, n), xycoords=ax.get_yaxis_transform(), xytext=(-8, 0),
            textcoords="offset points", ha="right", va="center", fontsize=9.5, color=INK,
            parse_math=False,
        )  # fmt: skip
        if not len(sizes):
            continue
        ax.vlines(sizes, n - 0.28, n + 0.28, color=PALETTE["t2"][0], linewidth=0.9, alpha=0.45)
        first, middle, last = np.percentile(sizes, (25, 50, 75))
        ax.plot([first, last], [n, n], color=PALETTE["t5"][0], linewidth=3.2, alpha=0.8)
        ax.plot([middle], [n], marker="o", markersize=6.5, color=PALETTE["t5"][0],
                markeredgecolor=PALETTE["paper"][0], markeredgewidth=1.2)  # fmt: skip
    if cut_off is not None:
        ax.axvline(cut_off, color=MUTED, linewidth=1, linestyle=(0, (3, 2)))
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_yticks([])
    ax.set_xlim(left=0)
