"""A figure in another theme, of another size, with its caption: what leaves the window. No Qt."""

from __future__ import annotations

import textwrap
import threading
from typing import TYPE_CHECKING, Any

from spheroid_qc.gui.result_figures import Figure
from spheroid_qc.report.figures.render import png, svg
from spheroid_qc.report.palette import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DARK = {light.lower(): dark for light, dark in PALETTE.values()}
DRAWING = threading.Lock()
"""Held while a figure is drawn: matplotlib has settings and caches that all threads share."""

_LINE_PX = 12.5
_LETTER_PX = 5.4
"""Of a caption at 9 points: height of a line and mean width of a letter, in CSS pixels."""


def in_tone(colour: str, *, dark: bool) -> str:
    """Give a light colour of the palette as the theme has it; any other stays."""
    return _DARK.get(colour.lower(), colour) if dark else colour


def in_theme(made: Any, *, dark: bool) -> None:
    """Draw a matplotlib figure in the dark colours of the palette, where that is wanted."""
    if not dark:
        return
    from matplotlib.colors import to_hex

    made.patch.set_facecolor(_DARK[PALETTE["paper"][0]])
    for artist in made.findobj():
        for part in ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor"):
            get, put = (getattr(artist, f"{verb}_{part}", None) for verb in ("get", "set"))
            if get is None or put is None or artist is made.patch:
                continue
            alpha = artist.get_alpha()
            try:
                found = to_hex(get())
            except (ValueError, TypeError):
                try:
                    colours = get()
                    new = [_DARK.get(to_hex(one), one) for one in colours]
                except (ValueError, TypeError):
                    continue
                if len(colours):
                    put(new)
                    artist.set_alpha(alpha)
                continue
            if found in _DARK:
                put(_DARK[found])
                artist.set_alpha(alpha)


def file_of(
    figure: Figure,
    kind: str,
    size: tuple[float, float] | None = None,
    *,
    dark: bool = False,
    caption: bool = True,
) -> bytes:
    """Draw a figure as a file, `png` or `svg`, with its caption below it if that is wanted.

    `size` is width and height in CSS pixels without the caption.
    """
    width, height = size or figure.size
    words = figure.caption if caption else ""
    lines = textwrap.wrap(words, max(20, int((width - 24) / _LETTER_PX))) if words else []
    left, right, bottom, top = figure.margins
    below = _LINE_PX * len(lines) + (14 if lines else 0)

    def draw(ax: Axes) -> None:
        figure.draw(ax)
        if lines:
            ax.annotate(
                "\n".join(lines), (12 / width, 8 / (height + below)), xycoords="figure fraction",
                fontsize=9, color=PALETTE["muted"][0], va="bottom", ha="left", parse_math=False,
                linespacing=1.25,
            )  # fmt: skip
        in_theme(ax.figure, dark=dark)

    room, margins = (width, height + below), (left, right, bottom + below, top)
    with DRAWING:
        if kind == "svg":
            return svg(draw, figure.name, room, margins).encode("utf-8")
        return png(draw, room, margins)
