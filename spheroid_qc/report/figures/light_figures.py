"""The light across the field of view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spheroid_qc.report.figures.axes import INK, SMALL
from spheroid_qc.segmentation.even_light import GRID, light_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEVELS = (0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.3, 1.4, 1.5, 1.75, 2.0)


def draw_light(ax: Axes, terms: Sequence[float]) -> None:
    """Draw a light as lines of equal brightness, as shares of its mean.

    Parameters
    ----------
    ax : Axes
        Where.
    terms : sequence of 6 floats
        See `Illumination`.
    """
    surface = light_of(terms).surface((GRID, GRID))
    ax.set_facecolor("none")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_aspect("equal")
    ax.invert_yaxis()
    ax.set_xlim(0, GRID - 1)
    ax.set_ylim(GRID - 1, 0)
    low, high = float(surface.min()), float(surface.max())
    levels = [level for level in _LEVELS if low < level < high]
    if not levels:
        ax.text(GRID / 2, GRID / 2, "even", ha="center", va="center", fontsize=SMALL, color=INK)
        return
    lines = ax.contour(surface, levels=levels, colors=[INK], linewidths=0.8)
    ax.clabel(lines, fmt=lambda level: f"{level:.0%}", fontsize=SMALL)
