"""Outlines of masks as polygons that enclose exactly the pixels of the mask.

Outlines run along the edges of pixels, so that the area of a polygon is the number of pixels that
the tables count; a line through pixel centres would lose half a pixel all round. A coordinate is
that of a pixel's corner: the upper left pixel spans 0 to 1. So do ImageJ, QuPath and COCO.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PixelOutline:
    """One piece whose pixels share edges: what surrounds it, and its holes.

    Each ring has shape (n, 2), x and y of corners of pixels; it is not repeated at its end and
    touches neither itself nor a neighbour along a line. The shell turns from x to y, holes the
    other way.
    """

    shell: Ring
    holes: tuple[Ring, ...] = ()

    @property
    def rings(self) -> tuple[Ring, ...]:
        """The shell, then the holes."""
        return (self.shell, *self.holes)


def signed_area(ring: Ring) -> float:
    """Area within a ring in square pixels; negative for a hole."""
    x, y = ring[:, 0], ring[:, 1]
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2


def pixel_outlines(mask: NDArray[Any]) -> list[PixelOutline]:
    """Trace a mask.

    Parameters
    ----------
    mask : ndarray, shape (y, x)
        Anything but 0 belongs to it.

    Returns
    -------
    list of PixelOutline
        One for each piece whose pixels share edges, in reading order of their first pixel. Together
        they are a valid multipolygon: pieces touch in corners at most.
    """
    from scipy import ndimage

    mask = np.asarray(mask) != 0
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    if not rows.size:
        return []
    top, left = int(rows[0]), int(columns[0])
    pieces, number = ndimage.label(mask[top : rows[-1] + 1, left : columns[-1] + 1])
    shells: dict[int, Ring] = {}
    holes: dict[int, list[Ring]] = {}
    for piece, ring in _rings(np.pad(pieces, 1)):
        # The frame of one pixel around the box makes its corners one larger.
        placed = ring + np.array([left - 1, top - 1])
        if signed_area(placed) > 0:
            shells[piece] = placed
        else:
            holes.setdefault(piece, []).append(placed)
    return [PixelOutline(shells[n], tuple(holes.get(n, ()))) for n in range(1, number + 1)]


def _rings(pieces: NDArray[Any]) -> Iterator[tuple[int, Ring]]:
    """Give piece and corners of every closed edge; `pieces` has a frame of zeros."""
    starts, ends, turns, owners = _edges(pieces)
    order = np.lexsort((turns, starts, owners))
    starts, ends, turns, owners = (a[order] for a in (starts, ends, turns, owners))
    width = pieces.shape[1] + 1
    corners = (pieces.shape[0] + 1) * width
    keys = owners * corners + starts
    # Where two edges of a piece leave one corner, the first is that of the smaller direction.
    first = np.searchsorted(keys, owners * corners + ends, side="left")
    last = np.searchsorted(keys, owners * corners + ends, side="right") - 1
    # Turning towards the own pixel keeps pixels apart that touch in the corner only.
    towards = (turns + 1) % 4
    following = np.where(turns[first] == towards, first, last).tolist()
    at = starts.tolist()
    seen = [False] * len(at)
    for begin in range(len(at)):
        if seen[begin]:
            continue
        walk: list[int] = []
        edge = begin
        while not seen[edge]:
            seen[edge] = True
            walk.append(at[edge])
            edge = following[edge]
        for simple in _simple(walk):
            place = np.array(simple)
            yield int(owners[begin]), _straightened(np.stack((place % width, place // width), 1))


def _edges(pieces: NDArray[Any]) -> tuple[NDArray[np.int64], ...]:
    """Edges of pixels between a piece and something else, the piece to the right (y points down).

    Start and end are numbers of corners; turns are 0 for right, 1 down, 2 left, 3 up.
    """
    width = pieces.shape[1] + 1
    found: list[list[NDArray[np.int64]]] = [[], [], [], []]

    def add(own: NDArray[Any], other: NDArray[Any], start: int, end: int, turn: int) -> None:
        rows, columns = np.nonzero((own > 0) & (own != other))
        corner = rows * width + columns
        for kept, values in zip(
            found, (corner + start, corner + end, np.full_like(corner, turn), own[rows, columns]),
            strict=True,
        ):  # fmt: skip
            kept.append(values.astype(np.int64))

    above, below = pieces[:-1], pieces[1:]
    add(below, above, width, width + 1, 0)  # along the upper side of the lower pixel
    add(above, below, width + 1, width, 2)
    before, after = pieces[:, :-1], pieces[:, 1:]
    add(before, after, 1, width + 1, 1)  # down the right side of the left pixel
    add(after, before, width + 1, 1, 3)
    starts, ends, turns, owners = (np.concatenate(parts) for parts in found)
    return starts, ends, turns, owners


def _simple(walk: list[int]) -> Iterator[list[int]]:
    """Split a closed walk where it comes back to a corner, until every part visits each once."""
    stack: list[int] = []
    place: dict[int, int] = {}
    for corner in walk:
        if corner in place:
            begin = place[corner]
            yield stack[begin:]
            for left in stack[begin:]:
                del place[left]
            del stack[begin:]
        place[corner] = len(stack)
        stack.append(corner)
    yield stack


def _straightened(ring: Ring) -> Ring:
    """Keep only the corners where the ring turns."""
    step = np.roll(ring, -1, axis=0) - ring
    return np.ascontiguousarray(ring[(step != np.roll(step, 1, axis=0)).any(axis=1)])
