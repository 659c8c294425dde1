"""Two drugs in a matrix of doses: effects with their replicates, excesses, and their landscape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spheroid_qc.report.figures.axes import INK, MUTED, quiet, say
from spheroid_qc.report.palette import DIVERGING, PALETTE, SEQUENTIAL, step_of
from spheroid_qc.wording import decimal, number, plural, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

FULL = 0.4
"""Excess at which colours end."""

MOST_NUMBERED = 8
"""Doses of a drug up to which tiles hold numbers."""


def doses_of(rows: pd.DataFrame, n: int) -> FloatArray:
    """Doses of the n-th drug of rows of `synergy.csv`, in uM, or in the drug's own unit."""
    found = rows[f"dose_{n}_um"].to_numpy(dtype=float)
    if f"dose_{n}" in rows:
        own = pd.to_numeric(rows[f"dose_{n}"], errors="coerce").to_numpy(dtype=float)
        found = np.where(np.isfinite(found), found, own)
    return np.asarray(found)


def levels_of(doses: FloatArray) -> list[float]:
    """Different doses, low ones first."""
    return sorted({float(d) for d in doses if np.isfinite(d)})


def _grid(
    ax: Axes, levels: Sequence[Sequence[float]], drugs: Sequence[str], units: Sequence[str],
    factors: Sequence[float],
) -> None:  # fmt: skip
    """Axes of tiles: doses as words, evenly spaced, low ones at the left and below."""
    quiet(ax, xlabel=f"{drugs[0]}, {units[0]}", ylabel=f"{drugs[1]}, {units[1]}")
    ax.grid(visible=False)
    ax.spines["bottom"].set_visible(False)
    labels = [
        [number(dose * factor) for dose in found]
        for found, factor in zip(levels, factors, strict=True)
    ]
    size = 9.5 if max(len(text) for text in labels[0]) <= 5 else 8
    # Where labels of the first drug would touch, every second is enough.
    step = 1 if len(labels[0]) <= MOST_NUMBERED else 2
    shown = [text if n % step == 0 else "" for n, text in enumerate(labels[0])]
    ax.set_xticks(range(len(levels[0])), shown, fontsize=size)
    ax.set_yticks(range(len(levels[1])), labels[1], fontsize=size)
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-0.5, len(levels[0]) - 0.5)
    ax.set_ylim(-0.5, len(levels[1]) - 0.5)


def draw_response_matrix(
    ax: Axes, doses: FloatArray, effect: FloatArray, drugs: Sequence[str],
    units: Sequence[str] = ("µM", "µM"), factors: Sequence[float] = (1.0, 1.0),
) -> None:  # fmt: skip
    """Draw mean effects at all doses of two drugs, alone ones too, with a tick for each well.

    Means are written as measured, as other programs' matrices are: one below 0 may be growth
    beyond the vehicle's. Colours end at 0 and 1, and `response_matrix_note` says so.

    Parameters
    ----------
    ax : Axes
        Drawn into.
    doses : ndarray, shape (wells, 2)
        0 where a drug is absent.
    effect : ndarray, shape (wells,)
        Fractions affected.
    drugs, units : sequence of str, length 2
        In words.
    factors : sequence of float, length 2
        Doses are written times these.
    """
    from matplotlib.patches import Rectangle

    levels = [levels_of(doses[:, n]) for n in (0, 1)]
    _grid(ax, levels, drugs, units, factors)
    crowded = max(len(found) for found in levels) > MOST_NUMBERED + 1
    for i, first in enumerate(levels[0]):
        for j, second in enumerate(levels[1]):
            own = effect[(doses[:, 0] == first) & (doses[:, 1] == second) & np.isfinite(effect)]
            if not len(own):
                continue
            step = step_of(float(own.mean()), 0.0, 1.0)
            colour = PALETTE["nothing"][0] if step is None else SEQUENTIAL[step]
            ink = PALETTE["paper"][0] if step is not None and step >= 6 else INK
            ax.add_patch(Rectangle((i - 0.48, j - 0.47), 0.96, 0.94, facecolor=colour))
            if not crowded:
                say(ax, i, j + 0.1, decimal(own.mean()), ha="center", color=ink)
            if len(own) > 1:
                # Wells as ticks on a line from 0 to 1 along the lower edge.
                at = i - 0.42 + 0.84 * np.clip(own, 0, 1)
                ax.vlines(at, j - 0.40, j - 0.22, color=ink, linewidth=1.1)


def response_matrix_note(doses: FloatArray, effect: FloatArray) -> str:
    """Say what tiles of `draw_response_matrix` show, and how many means no fraction can be."""
    means = pd.Series(effect).groupby([*doses.T]).mean().round(2)
    beyond = int(((means < 0) | (means > 1)).sum())
    note = "mean; ticks: wells, from 0 to 1"
    if beyond:
        note += f"; {plural(beyond, 'mean')} beyond 0 to 1 as measured, coloured as the nearer end"
    return note


def draw_excess_matrix(
    ax: Axes, rows: pd.DataFrame, drugs: Sequence[str], units: Sequence[str] = ("µM", "µM"),
    factors: Sequence[float] = (1.0, 1.0), area: tuple[float, float] | None = None,
) -> None:  # fmt: skip
    """Draw the excess at each tested dose of two drugs.

    Parameters
    ----------
    ax : Axes
        Drawn into.
    rows : DataFrame
        Rows of one combination and method at level `dose`; a frame where `call` says that the
        excess counts, a dashed one where it is shown but slight.
    drugs, units, factors
        As for `draw_response_matrix`, for columns `dose_1_um` and `dose_2_um`.
    area : tuple of float, optional
        Doses in the middle of the most synergistic area, which is outlined.
    """
    from matplotlib.patches import Rectangle

    doses = [doses_of(rows, n) for n in (1, 2)]
    levels = [levels_of(found) for found in doses]
    _grid(ax, levels, drugs, units, factors)
    crowded = max(len(found) for found in levels) > MOST_NUMBERED
    for x, y, (_, row) in zip(*doses, rows.iterrows(), strict=True):
        if np.isfinite(x) and np.isfinite(y):
            at = (levels[0].index(float(x)), levels[1].index(float(y)))
            draw_tile(ax, at, row, number=not crowded)
    if area is not None:
        middle = [
            int(np.argmin(np.abs(np.log(np.array(found) / dose))))
            for found, dose in zip(levels, area, strict=True)
        ]
        ax.add_patch(
            Rectangle((middle[0] - 1.5, middle[1] - 1.5), 3, 3, facecolor="none",
                      edgecolor=PALETTE["vermillion"][0], linewidth=2.2, clip_on=False, zorder=5)
        )  # fmt: skip


def draw_tile(ax: Axes, at: tuple[int, int], row: pd.Series, *, number: bool) -> None:
    """Draw one excess: colour for its size, a frame for what its `call` says."""
    from matplotlib.patches import Rectangle

    value, call = float(row["value"]), str(row["call"])
    step = step_of(value, -FULL, FULL)
    colour = PALETTE["nothing"][0] if step is None else DIVERGING[step]
    counts, slight = call in ("more", "less"), call.startswith("slightly")
    ax.add_patch(
        Rectangle((at[0] - 0.47, at[1] - 0.46), 0.94, 0.92, facecolor=colour,
                  edgecolor=INK if counts else MUTED if slight else "none",
                  linewidth=1.7 if counts else 1.1, linestyle="-" if counts else (0, (3, 2)))
    )  # fmt: skip
    if number and np.isfinite(value):
        strong = step is not None and abs(step - 5) >= 4
        say(ax, *at, signed(value), ha="center", bold=counts,
            color=PALETTE["paper"][0] if strong else INK)  # fmt: skip


def draw_excess_contour(
    ax: Axes, rows: pd.DataFrame, drugs: Sequence[str], units: Sequence[str] = ("µM", "µM"),
    factors: Sequence[float] = (1.0, 1.0),
) -> None:  # fmt: skip
    """Draw the excess of two drugs as a landscape, straight between tested doses.

    Parameters are those of `draw_excess_matrix`; a matrix with gaps draws what is complete.
    """
    doses = [doses_of(rows, n) for n in (1, 2)]
    levels = [levels_of(found) for found in doses]
    _grid(ax, levels, drugs, units, factors)
    ax.set_xlim(0, len(levels[0]) - 1)
    ax.set_ylim(0, len(levels[1]) - 1)
    height = np.full((len(levels[1]), len(levels[0])), np.nan)
    for x, y, value in zip(*doses, rows["value"].to_numpy(dtype=float), strict=True):
        if np.isfinite(x) and np.isfinite(y):
            height[levels[1].index(float(y)), levels[0].index(float(x))] = value
    step = FULL / 5
    edges = step * (np.arange(12) - 5.5)
    clipped = np.clip(height, edges[0] + 1e-9, edges[-1] - 1e-9)
    masked = np.ma.masked_invalid(clipped)
    ax.contourf(masked, levels=edges, colors=list(DIVERGING))
    lines = [value for value in edges if np.nanmin(clipped) < value < np.nanmax(clipped)]
    if lines:
        ax.contour(masked, levels=lines, colors=[MUTED], linewidths=0.6)
    x, y = np.meshgrid(np.arange(len(levels[0])), np.arange(len(levels[1])))
    known = np.isfinite(height)
    ax.plot(x[known], y[known], linestyle="none", marker="o", markersize=2.6, color=INK,
            clip_on=False)  # fmt: skip
