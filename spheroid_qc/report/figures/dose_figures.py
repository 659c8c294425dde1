"""Dose response: wells as dots, the curve with its band, IC50 on it and EC50 below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spheroid_qc.report.figures.axes import MUTED, dose_axis, quiet, say
from spheroid_qc.report.palette import PALETTE
from spheroid_qc.wording import finite, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes


FloatArray = NDArray[np.float64]


def logistic(dose: FloatArray, row: Mapping[str, Any]) -> FloatArray:
    """Four-parameter logistic of a row of `dose_response.csv`."""
    e0, emax, hill = (float(row[name]) for name in ("e0", "emax", "hill"))
    ec50 = dose_of(row, "ec50")
    return np.asarray(e0 + (emax - e0) / (1 + (ec50 / dose) ** hill), dtype=np.float64)


def dose_of(row: Mapping[Any, Any] | pd.Series, name: str) -> float:
    """Give a dose in uM, or in the drug's own unit where it has another one."""
    known = (finite(row.get(column)) for column in (f"{name}_um", name))
    return next((value for value in known if value is not None), float("nan"))


def draw_dose_response(
    ax: Axes,
    dose: Sequence[float] | FloatArray,
    effect: Sequence[float] | FloatArray,
    row: Mapping[str, Any] | None,
    *,
    vehicle: Sequence[float] | FloatArray = (),
    ylabel: str = "",
    unit: str = "µM",
    title: str = "",
    limits: tuple[float, float] | None = None,
    factor: float = 1.0,
    curves: pd.DataFrame | None = None,
) -> None:
    """Draw one drug.

    Parameters
    ----------
    ax : Axes
        Drawn into.
    dose, effect : sequence of float, shape (wells,)
        Wells of the drug alone, all doses above 0.
    row : mapping or None
        Row of `dose_response.csv`; the curve is drawn where it has one.
    vehicle : sequence of float
        Effects without drug, drawn left of the doses.
    ylabel, unit, title : str
        In words.
    limits : tuple of float, optional
        Of the y axis.
    factor : float
        Doses are written times this, to be in `unit`.
    curves : DataFrame, optional
        The drug's rows of `curves.csv`: the curve of each plate and its interval.
    """
    quiet(ax, title=title, xlabel=f"dose, {unit}", ylabel=ylabel)
    x, y = factor * np.asarray(dose, dtype=float), np.asarray(effect, dtype=float)
    known = np.isfinite(x) & np.isfinite(y) & (x > 0)
    x, y = x[known], y[known]
    if not len(x):
        say(ax, 0.5, 0.5, "no well with a response", axes=True, ha="center")
        return
    none = np.asarray(vehicle, dtype=float)
    left = float(x.min()) / 4 if len(none) else float(x.min())
    dose_axis(ax, [left, float(x.max())], x.tolist())
    colour = PALETTE["blue"][0]
    if limits is not None:
        ax.set_ylim(*limits)
    ax.plot(x, y, linestyle="none", marker="o", markersize=4.8, color=colour, alpha=0.6,
            markeredgewidth=0, zorder=3)  # fmt: skip
    if len(none):
        grey = PALETTE["vehicle"][0]
        ax.plot(np.full(len(none), left), none, linestyle="none", marker="o", markersize=4.8,
                color=grey, alpha=0.7, markeredgewidth=0, zorder=3)  # fmt: skip
        # A logarithmic axis has no 0: vehicle wells stand left of the doses, and are named 0.
        ticks = [t for t in ax.get_xticks() if t > 1.5 * left]
        ax.set_xticks([left, *ticks], ["0", *(f"{t:g}" for t in ticks)])
    if row is None:
        return
    pattern = str(row.get("pattern") or "")
    if pattern in ("none", "trend"):
        told = {"none": "no dose response shown", "trend": "a trend, but no curve is shown"}
        say(ax, 0.02, 0.96, told[pattern], axes=True, size=9)
        for level in np.unique(x):
            half = 1.12
            ax.plot([level / half, level * half], [y[x == level].mean()] * 2, color=colour,
                    linewidth=2, zorder=4)  # fmt: skip
        return
    if pattern == "misfit":
        say(ax, 0.02, 0.96, "the curve does not fit", axes=True, size=9)
    style: Any = (0, (4, 2)) if pattern == "misfit" else "-"
    own = [] if curves is None else [part for _, part in curves.groupby("plate", sort=True)] \
        if "plate" in curves else [curves]  # fmt: skip
    for part in own:
        grid = factor * part["dose"].to_numpy(dtype=float)
        low, high = part["low"].to_numpy(dtype=float), part["high"].to_numpy(dtype=float)
        if len(own) == 1 and np.isfinite(low).all():
            ends = ax.get_ylim()
            if limits is None:
                # A band of a fit that few doses hold reaches far beyond all that was measured.
                seen = np.concatenate([y, none, part["effect"].to_numpy(dtype=float)])
                least, most = float(np.nanmin(seen)), float(np.nanmax(seen))
                ends = least - 0.5 * (most - least), most + 0.5 * (most - least)
            ax.fill_between(grid, np.clip(low, *ends), np.clip(high, *ends), color=colour,
                            alpha=0.16, linewidth=0, zorder=2)  # fmt: skip
        ax.plot(grid, part["effect"].to_numpy(dtype=float), color=colour, zorder=4,
                linewidth=2 if len(own) == 1 else 1, linestyle=style)  # fmt: skip
    if (
        len(own) != 1
        and all(np.isfinite(float(row[n])) for n in ("e0", "emax", "hill"))
        and np.isfinite(dose_of(row, "ec50"))
        and row.get("ec50_qualifier") not in ("<", ">")
    ):
        grid = np.geomspace(x.min(), x.max(), 120)
        ax.plot(grid, logistic(grid / factor, row), color=colour, linewidth=2, zorder=4,
                linestyle=style)  # fmt: skip
    _mark_doses(ax, row, factor, colour)


def _mark_doses(ax: Axes, row: Mapping[str, Any], factor: float, colour: str) -> None:
    """Mark the IC50 where the curve crosses a half, and the EC50 with its interval below it."""
    edge, on_axis = ax.get_xlim(), ax.get_xaxis_transform()
    half = factor * dose_of(row, "ic50_abs")
    if row.get("ic50_abs_qualifier") not in ("<", ">") and edge[0] <= half <= edge[1]:
        bottom, top = ax.get_ylim()
        if bottom < 0 and 1 < top < 5:
            ax.plot([edge[0], half], [0.5, 0.5], color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
            ax.plot([half], [0.5], marker="o", markersize=6, markerfacecolor=PALETTE["paper"][0],
                    markeredgecolor=colour, markeredgewidth=1.6, zorder=6)  # fmt: skip
    ec50, sign = factor * dose_of(row, "ec50"), row.get("ec50_qualifier")
    if not np.isfinite(ec50):
        return
    if sign in ("<", ">"):
        left_side = sign == "<"
        say(ax, 0.02 if left_side else 0.98, 0.06, f"EC50 {sign} {number(ec50, 2)}", axes=True,
            ha="left" if left_side else "right", color=colour, size=9)  # fmt: skip
        return
    base = 0.035
    low, high = factor * dose_of(row, "ec50_low"), factor * dose_of(row, "ec50_high")
    if np.isfinite(low) or np.isfinite(high):
        ends = (
            max(low, edge[0]) if np.isfinite(low) else edge[0],
            min(high, edge[1]) if np.isfinite(high) else edge[1],
        )
        ax.plot(ends, (base, base), color=colour, linewidth=3, alpha=0.35, transform=on_axis,
                solid_capstyle="butt", zorder=4)  # fmt: skip
    if edge[0] <= ec50 <= edge[1]:
        ax.plot([ec50], [base], marker="D", markersize=5, color=colour, transform=on_axis, zorder=5)
        ax.annotate(f"EC50 {number(ec50, 2)}", (ec50, base), xycoords=on_axis, xytext=(0, 7),
                    textcoords="offset points", ha="center", fontsize=9, color=colour)  # fmt: skip
