"""Combinations: mean excess by method, excess by dose, Fa-CI plot, normalised isobologram."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spheroid_qc.report.figures.axes import INK, LINE, MUTED, plain, quiet, say
from spheroid_qc.report.figures.matrix_figures import draw_tile
from spheroid_qc.report.palette import PALETTE
from spheroid_qc.response.synergy.model_registry import drawn_models
from spheroid_qc.wording import signed, signed_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FARTHEST = 5.0
"""Share of its dose alone at which an isobologram ends."""

_LABEL = np.array([0.16, 0.07])
"""Shares of an isobologram's axes that a label takes."""


def draw_forest(
    ax: Axes, synergy: pd.DataFrame, combinations: Sequence[str], minimum: float | None = None
) -> None:
    """Draw the mean excess of every combination with its interval.

    Filled is what `call` says something of, bold what counts.

    Parameters
    ----------
    ax : Axes
        Drawn into; room of 20 px a line is wanted.
    synergy : DataFrame
        Rows of `synergy.csv` at one response, time and plate.
    combinations : sequence of str
        From top to bottom.
    minimum : float, optional
        Smallest excess that counts: dotted lines.
    """
    quiet(ax, xlabel="effect beyond what was expected (fraction affected)")
    ax.grid(visible=False)
    ax.grid(axis="x", color=LINE, linewidth=0.8)
    means = synergy[synergy["level"] == "mean"]
    y, names = 0.0, []
    spans = [0.0]
    for combination in combinations:
        rows = means[means["combination"] == combination]
        lines = [(m, rows[rows["method"] == m.method]) for m in drawn_models()]
        found = [(m, r.iloc[0]) for m, r in lines if len(r) and np.isfinite(r["value"].iloc[0])]
        names.append((y - 0.95, combination))
        for model, row in found:
            colour = PALETTE[model.colour][0]
            value, low, high = (float(row[c]) for c in ("value", "low", "high"))
            shown = np.isfinite(low) and np.isfinite(high)
            call = str(row["call"])
            sure = call not in ("", "open")
            counts = sure and not call.startswith("slightly")
            if shown:
                ax.plot([low, high], [y, y], color=colour, linewidth=2.4, solid_capstyle="butt")
            ax.plot([value], [y], marker="o", markersize=6.5, color=colour,
                    markerfacecolor=colour if sure else PALETTE["paper"][0],
                    markeredgewidth=1.6)  # fmt: skip
            ax.annotate(
                model.title, (0, y), xycoords=ax.get_yaxis_transform(), xytext=(-8, 0),
                textcoords="offset points", ha="right", va="center", fontsize=9, color=MUTED,
            )  # fmt: skip
            words = signed(value) + (f"  {signed_interval(low, high)}" if shown else "")
            ax.annotate(
                words, (1, y), xycoords=ax.get_yaxis_transform(), xytext=(8, 0),
                textcoords="offset points", va="center", fontsize=9,
                color=INK if sure else MUTED, fontweight="bold" if counts else "normal",
            )  # fmt: skip
            spans += [v for v in (value, low, high) if np.isfinite(v)]
            y += 1
        y += 1.5
    for place, name in names:
        ax.annotate(
            plain(name), (0, place), xycoords=ax.get_yaxis_transform(), xytext=(-8, 0),
            textcoords="offset points", ha="right", va="center", fontsize=10.5, color=INK,
            fontweight="bold", parse_math=False,
        )  # fmt: skip
    ax.set_ylim(y - 1.5 + 0.4, -1.6)
    ax.set_yticks([])
    limit = 0.0 if minimum is None else minimum
    if limit:
        for end in (-limit, limit):
            ax.axvline(end, color=MUTED, linewidth=0.8, linestyle=(0, (1, 3)))
    reach = max(abs(min(spans)), abs(max(spans)), 0.1) * 1.06
    ax.set_xlim(max(-reach, min(spans) - 0.1), reach)
    ax.axvline(0, color=MUTED, linewidth=1)


def draw_excess_list(ax: Axes, rows: pd.DataFrame, labels: Sequence[str]) -> None:
    """Draw the excess at each tested dose of three or more drugs, one tile a combination.

    Parameters
    ----------
    ax : Axes
        Drawn into.
    rows : DataFrame
        Rows of one combination and method at level `dose`.
    labels : sequence of str
        Doses of each row, in words.
    """
    quiet(ax)
    ax.grid(visible=False)
    ax.spines["bottom"].set_visible(False)
    ax.set_xticks([])
    ax.set_xlim(-0.5, 0.5)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_yticks(range(len(rows)), [plain(label) for label in labels], parse_math=False)
    for n, (_, row) in enumerate(rows.iterrows()):
        draw_tile(ax, (0, n), row, number=True)


def draw_fa_ci(ax: Axes, rows: pd.DataFrame, title: str = "") -> None:
    """Draw combination index against effect: below 1 less of the drugs was needed.

    Parameters
    ----------
    ax : Axes
        Drawn into.
    rows : DataFrame
        Rows of one combination with method `combination_index`, at levels `fa=...` and `dose`.
    title : str
        Above the figure.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    quiet(ax, title=title, xlabel="fraction affected", ylabel="combination index")
    ax.set_yscale("log")
    known = rows[np.isfinite(rows["value"].astype(float)) & (rows["value"] > 0)]
    ax.set_xlim(0, 1)
    colour = PALETTE["blue"][0]
    dose = known[known["level"] == "dose"]
    level = known[~known["level"].isin(["dose", "mean"])].sort_values("fa")
    reach = 4.0
    for _, row in level.iterrows():
        low = float(row["low"]) if np.isfinite(row["low"]) else np.nan
        high = float(row["high"]) if np.isfinite(row["high"]) else np.nan
        if np.isfinite(low) and np.isfinite(high) and low > 0:
            ax.plot([row["fa"]] * 2, [low, high], color=colour, linewidth=2, alpha=0.45)
    ax.plot(level["fa"].to_numpy(dtype=float), level["value"].to_numpy(dtype=float), color=colour,
            marker="o", markersize=5.5, linewidth=1.2)  # fmt: skip
    ax.plot(dose["fa"].to_numpy(dtype=float), dose["value"].to_numpy(dtype=float),
            linestyle="none", marker="o", markersize=5.5, markeredgecolor=INK, markeredgewidth=1.2,
            markerfacecolor=PALETTE["paper"][0])  # fmt: skip
    if len(known):
        reach = max(reach, float(known["value"].max()) * 1.3, 1.3 / float(known["value"].min()))
    reach = min(reach, 100.0)
    ax.set_ylim(1 / reach, reach)
    ticks = [t for t in (0.01, 0.1, 0.25, 0.5, 1, 2, 4, 10, 100) if 1 / reach <= t <= reach]
    ax.yaxis.set_major_locator(FixedLocator(ticks))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    ax.axhspan(1 / reach, 1, color=PALETTE["blue"][0], alpha=0.06, linewidth=0)
    ax.axhline(1, color=MUTED, linewidth=1)
    say(ax, 0.015, 0.04, "synergy", axes=True, size=9, color=colour)
    say(ax, 0.015, 0.96, "antagonism", axes=True, size=9)


def draw_isobologram(ax: Axes, rows: pd.DataFrame, drugs: Sequence[str], title: str = "") -> None:
    """Draw a normalised isobologram: doses as shares of what each drug alone needs.

    Parameters
    ----------
    ax : Axes
        Drawn into.
    rows : DataFrame
        Rows of one combination with methods `dose_reduction_index_1` and `_2`.
    drugs : sequence of str, length 2
        Names.
    title : str
        Above the figure.
    """
    quiet(
        ax, title=title, xlabel=f"dose of {drugs[0]} / its dose alone",
        ylabel=f"dose of {drugs[1]} / its dose alone",
    )  # fmt: skip
    ax.grid(axis="both", color=LINE, linewidth=0.8)
    key = ["level", "fa", "dose_1_um", "dose_2_um"]
    parts = []
    for n in (1, 2):
        own = rows[rows["method"] == f"dose_reduction_index_{n}"]
        place = pd.MultiIndex.from_frame(own[key].astype(str))
        parts.append(pd.Series(1 / own["value"].to_numpy(dtype=float), index=place))
    parts = [part[~part.index.duplicated()] for part in parts]
    both = pd.concat(parts, axis=1, keys=["x", "y"]).dropna()
    ax.plot([0, 1], [1, 0], color=MUTED, linewidth=1.2)
    say(ax, 0.03, 1.04, "additive", size=9, va="bottom")
    reach = 1.15
    levels = sorted({str(p[1]) for p in both.index if p[0] not in ("dose", "mean")}, key=float)
    ends = (levels[0], levels[-1]) if levels else ()
    labels: dict[str, tuple[float, float]] = {}
    for place, (x, y) in zip(both.index, both.to_numpy(dtype=float).tolist(), strict=True):
        at_level = place[0] not in ("dose", "mean")
        colour = PALETTE["blue"][0] if at_level else INK
        ax.plot(
            [x], [y], marker="o", markersize=6, color=colour, markeredgewidth=1.2,
            markerfacecolor=colour if at_level else PALETTE["paper"][0],
            clip_on=max(x, y) > _FARTHEST,
        )  # fmt: skip
        if at_level and place[1] in ends:
            labels[str(place[1])] = (x, y)
        reach = max(reach, x * 1.08, y * 1.08)
    reach = min(reach, _FARTHEST)
    ax.set_xlim(0, reach)
    ax.set_ylim(0, reach)
    ends_at = list(labels.values())
    # Where the ends lie close together their labels would cover each other.
    apart = np.abs(np.subtract(ends_at[0], ends_at[-1])) / reach if ends_at else _LABEL
    close = len(ends_at) == 2 and bool((apart < _LABEL).all())
    if close:
        first, last = (f"{100 * float(level):.0f}" for level in labels)
        labels = {f"{first}–{last} %": max(ends_at, key=sum)}
    for level, end in labels.items():
        ax.annotate(
            level if close else f"{100 * float(level):.0f} %", end, xytext=(6, 5),
            textcoords="offset points", fontsize=9, color=PALETTE["blue"][0],
        )  # fmt: skip
