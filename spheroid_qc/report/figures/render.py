"""A figure as SVG for the page or as PNG for export: the same bytes each time.

Identifiers in an SVG come from its name, no date is written, and text stays text, so that it is
drawn in the page's font, can be searched, and is small.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from spheroid_qc.report.figures.axes import plain
from spheroid_qc.report.palette import with_variables

if TYPE_CHECKING:
    from matplotlib.axes import Axes


Draw = Callable[["Axes"], None]
Margins = tuple[float, float, float, float]

_MARGINS: Margins = (44, 74, 40, 30)
_HEAD = re.compile(r"^.*?(?=<svg )", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_STYLE = re.compile(r"\s*<style type=\"text/css\">.*?</style>", re.DOTALL)
_GROUP_ID = re.compile(r'<g id="(?:figure|axes|patch|text|line2d|matplotlib|xtick|ytick|'
                       r'PathCollection|FillBetweenPolyCollection|LineCollection|QuadMesh|'
                       r'legend|PolyCollection)[^"]*"')  # fmt: skip
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FONT = re.compile(r"font: ((?:\d+ |bold )*)([\d.]+)px [^;\"]*")


def svg(draw: Draw, name: str, size: tuple[float, float], margins: Margins = _MARGINS) -> str:
    """Draw a figure as a whole SVG file.

    Parameters
    ----------
    draw : callable
        Draws into the Axes it is given.
    name : str
        Identifiers are made from it: give each figure its own.
    size : tuple of float
        Width and height, CSS pixels.
    margins : tuple of float
        Left, right, bottom and top room around the Axes, CSS pixels.

    Returns
    -------
    str
        SVG without dates.
    """
    return _drawn(draw, size, margins, "svg", name, 72).decode("utf-8")


def png(
    draw: Draw, size: tuple[float, float], margins: Margins = _MARGINS, *, scale: float = 3.0
) -> bytes:
    """Draw a figure as PNG on white, for export.

    Parameters
    ----------
    draw, size, margins
        As for `svg`.
    scale : float
        Pixels per CSS pixel; 3 gives about 300 dpi in print.

    Returns
    -------
    bytes
    """
    return _drawn(draw, size, margins, "png", "png", 72 * scale)


def svg_for_page(
    draw: Draw, name: str, size: tuple[float, float], margins: Margins = _MARGINS, *, alt: str = ""
) -> str:
    """Draw a figure to stand inside an HTML page: colours as CSS variables, no style of its own.

    Parameters
    ----------
    draw, name, size, margins
        As for `svg`.
    alt : str
        What the figure shows, for those who can't see it; escaped here.

    Returns
    -------
    str
        One `<svg>` element, safe to be put into HTML.
    """
    text = _HEAD.sub("", svg(draw, name, size, margins), count=1)
    for pattern in (_METADATA, _STYLE, _COMMENT):
        text = pattern.sub("", text)
    text = _GROUP_ID.sub("<g", text)
    text = _FONT.sub(r"font-size: \2px; font-weight: \1", text)
    text = text.replace("font-weight: ;", "").replace("; font-weight: ;", ";")
    width, height = size
    opening = (
        f'<svg class="figure" role="img" aria-label="{escape(plain(alt))}" '
        f'viewBox="0 0 {width:g} {height:g}" style="width:{width:g}px" '
        'xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
    text = re.sub(r"^<svg [^>]*>", lambda _: opening, text, count=1)
    return with_variables(text).strip()


def _drawn(
    draw: Draw, size: tuple[float, float], margins: Margins, kind: str, name: str, dpi: float
) -> bytes:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    settings: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "path.simplify": True,
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "axes.unicode_minus": True,
        "text.usetex": False,
    }
    with rc_context(settings), warnings.catch_warnings():
        # A drug may be written in any script: the page's font has the letters.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        width, height = size
        left, right, bottom, top = margins
        figure = Figure(figsize=(width / 72, height / 72), dpi=dpi)
        figure.patch.set_alpha(0.0 if kind == "svg" else 1.0)
        ax = figure.add_axes((
            left / width, bottom / height, (width - left - right) / width,
            (height - top - bottom) / height,
        ))  # fmt: skip
        draw(ax)
        buffer = io.BytesIO()
        nothing = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=nothing)
        return buffer.getvalue()
