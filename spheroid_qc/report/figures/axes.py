"""What all figures share: quiet axes, labels at the lines instead of legends, plain text.

Every figure is a function that draws a table into a matplotlib Axes and gives nothing back. None
touches pyplot, so that the same function serves the page, an exported file and a window.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from spheroid_qc.report.palette import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes


INK, MUTED, LINE = (PALETTE[name][0] for name in ("ink", "muted", "line"))
SMALL, NORMAL = 9.5, 11.0


def plain(text: object) -> str:
    """Text that may come from a plate map, for a figure: no control characters, one line."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def quiet(ax: Axes, *, title: str = "", xlabel: str = "", ylabel: str = "") -> None:
    """Take away frame, ticks and dark grid; words are plain, never read as a formula."""
    ax.set_facecolor("none")
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(MUTED)
    ax.spines["bottom"].set_linewidth(0.8)
    ax.tick_params(length=0, labelsize=SMALL, labelcolor=MUTED, pad=4)
    ax.tick_params(axis="x", length=3, color=MUTED)
    ax.grid(axis="y", color=LINE, linewidth=0.8)
    ax.set_axisbelow(True)
    if title:
        ax.set_title(
            plain(title), loc="left", fontsize=NORMAL, fontweight="bold", color=INK, pad=10,
            parse_math=False,
        )  # fmt: skip
    for name, setter in ((xlabel, ax.set_xlabel), (ylabel, ax.set_ylabel)):
        if name:
            setter(plain(name), fontsize=SMALL, color=MUTED, parse_math=False)


def say(
    ax: Axes, x: float, y: float, text: str, *, color: str = MUTED, size: float = SMALL,
    ha: str = "left", va: str = "center", axes: bool = False, bold: bool = False,
) -> None:  # fmt: skip
    """Write into a figure; `axes` means places as shares of the Axes."""
    ax.text(
        x, y, plain(text), color=color, fontsize=size, ha=ha, va=va, clip_on=False,
        transform=ax.transAxes if axes else ax.transData,
        fontweight="bold" if bold else "normal", parse_math=False,
    )  # fmt: skip


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move labels apart until no two are closer than `gap`, changing as little as needed.

    They stay between `low` and `high` as long as there is room, and in the order of `places`.
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    # Blocks of touching labels: each is centred on the mean of where its labels want to be.
    blocks: list[tuple[float, list[int]]] = []
    for i in order:
        blocks.append((min(max(places[i], low), high), [i]))
        while len(blocks) > 1:
            (before, first), (after, second) = blocks[-2:]
            if after - before >= gap * (len(first) + len(second)) / 2 - 1e-12:
                break
            joined = first + second
            centre = sum(min(max(places[j], low), high) for j in joined) / len(joined)
            half = gap * (len(joined) - 1) / 2
            blocks[-2:] = [(min(max(centre, low + half), max(high - half, low + half)), joined)]
    result = [0.0] * len(places)
    for centre, members in blocks:
        for n, i in enumerate(members):
            result[i] = centre + gap * (n - (len(members) - 1) / 2)
    return result


def label_lines(ax: Axes, ends: Iterable[tuple[float, float, str, str]], *, size: float) -> None:
    """Name lines at their right ends, moved apart where they would collide.

    `ends` are last points and their text and colour: (x, y, text, colour). The axes must have their
    final limits and position; `size` of the font in points.
    """
    found = [end for end in ends if math.isfinite(end[1])]
    if not found:
        return
    low, high = sorted(ax.get_ylim())
    height = ax.get_window_extent().height / ax.figure.dpi * 72
    gap = size * 1.15 / height * (high - low)
    right = ax.get_xlim()[1]
    places = spread([y for _, y, _, _ in found], gap, low, high)
    for (_, y, text, colour), place in zip(found, places, strict=True):
        moved = abs(place - y) > gap / 4
        ax.annotate(
            plain(text), xy=(right, y), xytext=(9, (place - y) * height / (high - low)),
            textcoords="offset points", color=colour, fontsize=size, va="center", ha="left",
            annotation_clip=False, parse_math=False,
            arrowprops=(
                {"arrowstyle": "-", "color": colour, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 0,
                 "relpos": (0, 0.5)}
                if moved
                else None
            ),
        )  # fmt: skip


def dose_axis(ax: Axes, doses: Sequence[float], marked: Sequence[float] = ()) -> None:
    """Make a logarithmic axis of doses with plain numbers, at the doses if they are few.

    All `doses`, above 0, make the limits; up to five tested doses (`marked`) are written, else
    decades.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    ax.set_xscale("log")
    low, high = min(doses), max(doses)
    room = max((high / low) ** 0.08, 1.25)
    ax.set_xlim(low / room, high * room)
    first, last = math.floor(math.log10(low / room)), math.ceil(math.log10(high * room))
    step = max(1, round((last - first) / 6))
    ticks = [10.0**n for n in range(first, last + 1, step)]
    inside = [t for t in ticks if low / room <= t <= high * room]
    distinct = sorted({float(f"{d:.3g}") for d in marked or doses})
    if len(inside) < 2 or (len(marked) > 0 and len(distinct) <= 5):
        inside = distinct if len(distinct) <= 5 else [distinct[0], distinct[-1]]
    ax.xaxis.set_major_locator(FixedLocator(without_touching(ax, inside)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def without_touching(ax: Axes, ticks: Sequence[float]) -> list[float]:
    """Leave out ticks of a logarithmic axis whose labels would touch a higher one's, but the ends.

    The axis must have its final limits and place.
    """
    low, high = ax.get_xlim()
    width = ax.get_window_extent().width / ax.figure.dpi * 72
    per_log = width / math.log(high / low)
    half = {tick: 0.31 * SMALL * len(f"{tick:g}") for tick in ticks}
    kept: list[float] = []
    for tick in sorted(ticks, reverse=True):
        if not kept or math.log(kept[-1] / tick) * per_log >= half[tick] + half[kept[-1]] + 5:
            kept.append(tick)
    return kept[::-1]


def hour_ticks(first: float, last: float, most: int) -> list[float]:
    """Give round hours between two times, so far apart that `most` steps or fewer span them."""
    for step in (1, 2, 6, 12, 24, 48, 72, 96, 168, 336, 1000):
        if (last - first) / step <= most:
            begin = math.ceil(first / step) * step
            count = math.floor((last + 1e-9 - begin) / step) + 1
            return [float(begin + n * step) for n in range(count)]
    return [first, last]
