"""Dose response: wells as dots, the fitted curve, the EC50 with its interval below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spheroid_qc.report.figures.axes import dose_axis, quiet, say
from spheroid_qc.report.palette import PALETTE
from spheroid_qc.wording import finite

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
    """
    quiet(ax, title=title, xlabel=f"dose, {unit}", ylabel=ylabel)
    x, y = np.asarray(dose, dtype=float), np.asarray(effect, dtype=float)
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
    ec50 = dose_of(row, "ec50")
    flat = float(row.get("flat_p") or 0.0)
    curve = all(np.isfinite(float(row[name])) for name in ("e0", "emax", "hill"))
    sign = str(row.get("ec50_qualifier"))
    if sign in ("<", ">") and np.isfinite(ec50):
        left_side = sign == "<"
        say(
            ax, 0.02 if left_side else 0.98, 0.06, f"EC50 {sign} {ec50:.2g}", axes=True,
            ha="left" if left_side else "right", color=colour, size=9,
        )  # fmt: skip
    if not curve or not np.isfinite(ec50) or sign in ("<", ">"):
        if flat >= 0.05:
            say(ax, 0.5, 0.95, "no dose response shown", axes=True, ha="center", size=9)
        return
    grid = np.geomspace(x.min(), x.max(), 120)
    ax.plot(grid, logistic(grid, row), color=colour, linewidth=2, zorder=4,
            linestyle="-" if not flat >= 0.05 else (0, (2, 2)))  # fmt: skip
    low, high = dose_of(row, "ec50_low"), dose_of(row, "ec50_high")
    edge = ax.get_xlim()
    base = 0.035
    say_y = ax.get_xaxis_transform()
    if np.isfinite(low) or np.isfinite(high):
        ends = (
            max(low, edge[0]) if np.isfinite(low) else edge[0],
            min(high, edge[1]) if np.isfinite(high) else edge[1],
        )
        ax.plot(ends, (base, base), color=colour, linewidth=3, alpha=0.35, transform=say_y,
                solid_capstyle="butt", zorder=4)  # fmt: skip
    if edge[0] <= ec50 <= edge[1]:
        ax.plot([ec50], [base], marker="D", markersize=5, color=colour, transform=say_y, zorder=5)
        ax.annotate(
            f"EC50 {ec50:.2g}", (ec50, base), xycoords=say_y, xytext=(0, 7),
            textcoords="offset points", ha="center", fontsize=9, color=colour,
        )  # fmt: skip
