"""A figure in another theme and size: as pixels for a panel, as a file with its caption. No Qt."""

from __future__ import annotations

import textwrap
import threading
from dataclasses import dataclass
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

_KEY_PX = 15.0
"""Height of a line of the list of names below a narrow figure."""

_DPI = 84
_TOP = 16
"""Room above an Axes without a title, in a panel."""


@dataclass(frozen=True)
class Place:
    """Where the data of an Axes lie in a picture.

    `size` is the picture's, `box` left, bottom, right and top of the Axes in it, in pixels from its
    lower left; `across` and `up` are the data at the ends of the box. Logarithmic axes have none.
    """

    size: tuple[int, int]
    box: tuple[float, float, float, float]
    across: tuple[float, float]
    up: tuple[float, float]

    def data_at(self, x: float, y: float) -> tuple[float, float] | None:
        """Give the data at a pixel; None beside the Axes."""
        left, bottom, right, top = self.box
        if not (left <= x <= right and bottom <= y <= top):
            return None
        return (
            self.across[0] + (x - left) / (right - left) * (self.across[1] - self.across[0]),
            self.up[0] + (y - bottom) / (top - bottom) * (self.up[1] - self.up[0]),
        )


@dataclass(frozen=True)
class DrawnFigure:
    """A figure as pixels: `rgba` of `width` times `height`, and where its data lie in it."""

    width: int
    height: int
    rgba: bytes
    place: Place | None


def pixels_of_figure(
    figure: Figure, width: int, height: int, ratio: float, dark: bool
) -> DrawnFigure:
    """Draw a figure for a panel of a size in pixels, of which the screen has `ratio` times."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as MatplotlibFigure

    with DRAWING:
        made = MatplotlibFigure(
            figsize=(width / _DPI, height / _DPI), dpi=_DPI * ratio,
            facecolor=PALETTE["paper"][int(dark)],
        )  # fmt: skip
        canvas: Any = FigureCanvasAgg(made)
        left, right, bottom, _ = (_DPI / 72 * margin for margin in figure.margins)
        top, draw = float(_TOP), figure.draw
        if figure.narrow is not None:
            left, right = (_DPI / 72 * side for side in figure.narrow_sides)
            draw = figure.narrow
        # A narrow panel has less room for the names at the ends of the lines.
        left, right = min(left, 0.47 * width), min(right, 0.42 * width)
        axes = made.add_axes(
            (left / width, bottom / height, max(0.2, 1 - (left + right) / width),
             max(0.2, 1 - (bottom + top) / height))
        )  # fmt: skip
        draw(axes)
        # What it is stands in the lists above it, which leaves more room than a title.
        axes.set_title("", loc="left")
        in_theme(made, dark=dark)
        canvas.draw()
        pixels = canvas.buffer_rgba()
        rows, columns = pixels.shape[:2]
        return DrawnFigure(columns, rows, bytes(pixels), _place_of(axes, (columns, rows)))


def _place_of(axes: Axes, size: tuple[int, int]) -> Place | None:
    if axes.get_xscale() != "linear" or axes.get_yscale() != "linear":
        return None
    box = axes.bbox
    return Place(size, (box.x0, box.y0, box.x1, box.y1), axes.get_xlim(), axes.get_ylim())


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

    `size` is width and height in CSS pixels without the caption. Where names at the lines would
    leave the curves less than half of the width they stand in a list below; a figure that has no
    such list gets as wide as its names ask for.
    """
    width, height = size or figure.size
    left, right, bottom, top = figure.margins
    listed = {}
    if width - left - right < width / 2:
        if figure.narrow is not None and figure.labels:
            listed = {figure.labels.get(name, name): c for name, c in figure.colours.items()}
            left, right = figure.narrow_sides
        else:
            width = max(width, left + right + width / 2)
    words = figure.caption if caption else ""
    lines = textwrap.wrap(words, max(20, int((width - 24) / _LETTER_PX))) if words else []
    told = _LINE_PX * len(lines) + (14 if lines else 0)
    letters = max(20, int((width - 38 - 12) / _LETTER_PX))
    key = [
        (line, colour if n == 0 else "")
        for name, colour in listed.items()
        for n, line in enumerate(textwrap.wrap(name, letters, break_on_hyphens=False))
    ]
    below = told + _KEY_PX * len(key)

    def draw(ax: Axes) -> None:
        figure.narrow(ax) if listed and figure.narrow is not None else figure.draw(ax)
        for n, (line, colour) in enumerate(reversed(key)):
            y = (told + 6 + _KEY_PX * n) / (height + below)
            mark = [("━━", 12, colour)] if colour else []
            for text, x, ink in (*mark, (line, 38, PALETTE["ink"][0])):
                ax.annotate(
                    text, (x / width, y), xycoords="figure fraction", fontsize=9, color=ink,
                    va="bottom", ha="left", parse_math=False,
                )  # fmt: skip
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
