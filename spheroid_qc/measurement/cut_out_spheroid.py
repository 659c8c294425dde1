"""What every metric is given: one spheroid, cut out of its frame.

A `Spheroid` holds masks that are cropped to what they contain, so that a metric costs what the
spheroid costs and not what the frame costs. Quantities that several metrics need (pieces,
outline, hull, distances) are computed once, when the first metric asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.measurement.background_level import Surround
from spheroid_qc.measurement.texture_scales import blurred, rim_band
from spheroid_qc.segmentation.array_types import Mask
from spheroid_qc.segmentation.piece_shapes import box_of

Box = tuple[slice, slice]

EIGHT = np.ones((3, 3), dtype=bool)
RIM_PX = 8
MARGIN_PX = 16  # pixels around C1 that intensity metrics read, at least


def bounding_box(mask: Mask) -> Box | None:
    """Smallest box around the true pixels of a mask; None for an empty one."""
    return box_of(mask) if mask.any() else None


def cut(box: Box, margin: int, shape: tuple[int, ...]) -> Box:
    """Widen a box by a margin, as far as the frame goes."""
    y, x = box
    return (
        slice(max(0, y.start - margin), min(shape[0], y.stop + margin)),
        slice(max(0, x.start - margin), min(shape[1], x.stop + margin)),
    )


def _pieces(
    mask: Mask, inside: NDArray[np.intp]
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Label the 8-connected pieces of a mask; areas in pixels, index 0 is piece 1."""
    from scipy import ndimage

    labels, count = ndimage.label(mask, structure=EIGHT)
    # Counting the labelled pixels only: most of the box is empty.
    areas = np.bincount(labels.ravel()[inside], minlength=count + 1)[1:]
    return labels, areas


@dataclass(frozen=True, eq=False)
class Spheroid:
    """One spheroid (assay `single`: all there is in the frame; `spheres`: one sphere).

    Parameters
    ----------
    core : ndarray of bool, shape (h, w)
        Core C inside `box`.
    total : ndarray of bool, shape (h, w)
        Core and shed material T inside `box`.
    box : tuple of slice
        Where `core` and `total` lie in the frame: the bounding box of T.
    image : ndarray, shape (y, x)
        The whole frame, any real dtype; metrics read crops of it.
    surround : Surround
        Background around T.
    pixel_size_um : float
        NaN where unknown.
    label : int
        Number of the sphere in the label image; in `single` 1, or 0 without a core.
    min_fragment_px : float
        Pieces below this area in pixels are not counted.
    min_core_radius_px : float
        Below this radius the core can't anchor distances.
    contiguous : bool
        True: C1 is the largest 8-connected piece of C; False: C1 is all of C (a sphere's
        label is one body, whatever it touches).
    """

    core: Mask
    total: Mask
    box: Box
    image: NDArray[Any]
    surround: Surround
    pixel_size_um: float
    label: int
    min_fragment_px: float
    min_core_radius_px: float
    contiguous: bool = True

    # areas ------------------------------------------------------------------------------------

    @cached_property
    def core_area(self) -> int:
        """Pixels of C."""
        return int(np.count_nonzero(self.core))

    @cached_property
    def total_area(self) -> int:
        """Pixels of T."""
        return self.inside.size

    @cached_property
    def inside(self) -> NDArray[np.intp]:
        """Places of T's pixels in the flattened box."""
        return np.flatnonzero(self.total)

    @cached_property
    def core_pieces(self) -> NDArray[np.integer]:
        """Areas in pixels of the 8-connected pieces of C."""
        return self._main[2]

    @cached_property
    def total_pieces(self) -> NDArray[np.integer]:
        """Areas in pixels of the 8-connected pieces of T."""
        return _pieces(self.total, self.inside)[1]

    # C1 ---------------------------------------------------------------------------------------

    @cached_property
    def _main(self) -> tuple[Mask, Box, NDArray[np.integer]]:
        """C1 cropped to itself, its box in the frame, areas of all pieces of C."""
        empty = np.zeros((0, 0), dtype=bool), (slice(0, 0), slice(0, 0))
        inner = bounding_box(self.core)
        if inner is None:
            return *empty, np.zeros(0, dtype=np.intp)
        core = self.core[inner]
        labels, areas = _pieces(core, np.flatnonzero(core))
        if self.contiguous and areas.size > 1:
            # argmax takes the first in reading order where two pieces are equally large.
            core = labels == int(np.argmax(areas)) + 1
            own = bounding_box(core)
            assert own is not None
            core = core[own]
            inner = within(inner, own)
        return core, within(self.box, inner), areas

    @property
    def main(self) -> Mask:
        """C1, cropped to its own bounding box; shape (0, 0) without a core."""
        return self._main[0]

    @property
    def main_box(self) -> Box:
        """Where C1 lies in the frame."""
        return self._main[1]

    @cached_property
    def main_area(self) -> int:
        """Pixels of C1."""
        return int(np.count_nonzero(self.main))

    @cached_property
    def main_centroid(self) -> tuple[float, float]:
        """Centroid (y, x) of C1 in pixels of the frame, pixel centres at whole numbers."""
        if not self.main_area:
            return np.nan, np.nan
        y, x = centroid(self.main)
        return y + self.main_box[0].start, x + self.main_box[1].start

    @cached_property
    def outline(self) -> Mask:
        """C1 with its holes filled and a frame of one empty pixel: what its edge encloses."""
        from scipy import ndimage

        padded = np.pad(self.main, 1)
        if not self.main_area:
            return padded
        # 8-connected bodies leave a 4-connected outside; the pixel in the corner belongs to it.
        outside, count = ndimage.label(~padded)
        return padded if count == 1 else outside != outside[0, 0]

    @cached_property
    def outline_area(self) -> int:
        """Pixels of the outline."""
        return int(np.count_nonzero(self.outline))

    @cached_property
    def outline_centroid(self) -> tuple[float, float]:
        """Centroid (y, x) of the outline, in its own pixels."""
        return centroid(self.outline)

    @cached_property
    def outline_length(self) -> float:
        """Length of the outline in px; see `shape.perimeter`."""
        diameter = 2.0 * np.sqrt(self.outline_area / np.pi)
        # A power of two, so that it doubles when the mask does; in bodies of a few pixels two
        # pixels are no short step.
        step = 1 if diameter < 32 else max(2, 2 ** int(np.log2(diameter / 70)))
        return _crofton(self.outline, step)

    @cached_property
    def hull(self) -> NDArray[np.int64]:
        """Corners (y, x) of the convex hull of C1's pixel centres, in order; shape (n, 2).

        In whole numbers, so that a line of pixels and a single pixel are no special case. Hull and
        Feret diameter of `skimage.measure.regionprops` take 11 ms instead of 0.4 ms of a frame's
        54 ms (1 Mpx, by the network, one thread), and know no smallest width.
        """
        mask = self.main
        first = mask.argmax(axis=1)
        last = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
        rows = np.flatnonzero(mask.any(axis=1))
        # Only the outermost pixel of each row, on either side, can be a corner of the hull.
        left = _chain(rows, first[rows])
        right = _chain(rows[::-1], last[rows[::-1]])
        corners = list(dict.fromkeys(left + right))
        return np.array(corners, dtype=np.int64).reshape(-1, 2)

    @cached_property
    def main_surrounds(self) -> tuple[NDArray[np.float32], Mask]:
        """Crop of the image around C1 (grey values above background), and C1 in it.

        Pixels that are not finite are background. The crop reaches a third of C1's radius
        beyond it, at least `MARGIN_PX` px.
        """
        margin = max(MARGIN_PX, round(float(np.sqrt(self.main_area / np.pi)) / 3))
        crop = cut(self.main_box, margin, self.image.shape)
        values = self.above_background(crop)
        mask = np.zeros(values.shape, dtype=bool)
        y = self.main_box[0].start - crop[0].start
        x = self.main_box[1].start - crop[1].start
        mask[y : y + self.main.shape[0], x : x + self.main.shape[1]] = self.main
        return values, mask

    @cached_property
    def levels(self) -> tuple[NDArray[np.float32], ...]:
        """The crop of `main_surrounds`, blurred by each of `SCALES`; see `scales.blurred`."""
        return blurred(self.main_surrounds[0])

    @cached_property
    def rim(self) -> Mask:
        """Band of `RIM_PX` on either side of C1's edge, in the crop of `main_surrounds`."""
        return rim_band(self.main_surrounds[1], RIM_PX)

    def above_background(self, box: Box) -> NDArray[np.float32]:
        """Grey values of a box minus the background; 0 where they are not finite."""
        values = self.image[box].astype(np.float64)
        level = self.surround.level
        values -= level if np.isfinite(level) else 0.0
        if self.image.dtype.kind == "f":
            values[~np.isfinite(values)] = 0.0
        # Large offsets are gone; what is left needs no double precision.
        return values.astype(np.float32)

    # distances --------------------------------------------------------------------------------

    @cached_property
    def core_radius(self) -> float:
        """R_C = sqrt(area(C) / pi) in pixels."""
        return float(np.sqrt(self.core_area / np.pi))

    @cached_property
    def distances(self) -> NDArray[np.float64]:
        """Sorted distances of all pixels of T from the centroid of C, in units of R_C.

        Empty without a core, or with one too small to anchor a distance.
        """
        if not self.core_area or self.core_radius < self.min_core_radius_px:
            return np.zeros(0)
        y, x = centroid(self.core)
        rows = (np.arange(self.total.shape[0]) - y) ** 2
        columns = (np.arange(self.total.shape[1]) - x) ** 2
        at_row, at_column = np.divmod(self.inside, self.total.shape[1])
        squared = rows[at_row] + columns[at_column]
        squared.sort()
        return np.sqrt(squared) / self.core_radius


def within(outer: Box, inner: Box) -> Box:
    """Express a box that is relative to another box in the frame's pixels."""
    y, x = outer[0].start, outer[1].start
    return (
        slice(y + inner[0].start, y + inner[0].stop),
        slice(x + inner[1].start, x + inner[1].stop),
    )


def centroid(mask: Mask) -> tuple[float, float]:
    """Centroid (y, x) of a mask in pixels.

    The same as `skimage.measure.centroid`, which takes 0.7 ms instead of 0.1 ms of a frame's.
    """
    rows, columns = (np.count_nonzero(mask, axis=axis) for axis in (1, 0))
    area = rows.sum()
    y, x = (float((at * np.arange(at.size)).sum() / area) for at in (rows, columns))
    return y, x


# Lines through the pixel grid in sixteen directions: (dy, dx) to the next pixel on the line.
_QUADRANT = ((0, 1), (1, 3), (1, 2), (2, 3), (1, 1), (3, 2), (2, 1), (3, 1))
_DIRECTIONS = (*_QUADRANT, *((dx, -dy) for dy, dx in _QUADRANT))


def _crofton(outline: NDArray[np.bool_], step: int) -> float:
    mask = np.pad(outline, 3 * step)  # the longest step must not leave the array
    angles = np.array([np.arctan2(dy, dx) for dy, dx in _DIRECTIONS])
    following = np.append(angles[1:], np.pi)
    previous = np.append(angles[-1] - np.pi, angles[:-1])
    share = (following - previous) / 2.0
    length = 0.0
    height, width = mask.shape
    for (y, x), angle in zip(_DIRECTIONS, share, strict=True):
        dy, dx = y * step, x * step
        left = max(0, -dx)
        start = mask[: height - dy, left : width - max(0, dx)]
        end = mask[dy:, left + dx : left + dx + start.shape[1]]
        crossings = np.count_nonzero(start != end)
        length += 0.5 * angle * crossings / np.hypot(dy, dx)
    return float(length)


def _chain(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> list[tuple[int, int]]:
    """Half of a convex hull (Andrew's monotone chain): drop every point that is no corner."""
    for _ in range(6):
        # What lies on or behind the line between its neighbours is no corner, and most do: they go
        # all at once.
        dy, dx = np.diff(rows), np.diff(columns)
        corner = np.ones(rows.size, dtype=bool)
        corner[1:-1] = dy[:-1] * dx[1:] > dx[:-1] * dy[1:]
        if corner.all():
            break
        rows, columns = rows[corner], columns[corner]
    kept: list[tuple[int, int]] = []
    for y, x in zip(rows.tolist(), columns.tolist(), strict=True):
        while len(kept) >= 2:
            (y0, x0), (y1, x1) = kept[-2], kept[-1]
            if (y1 - y0) * (x - x0) - (x1 - x0) * (y - y0) > 0:
                break
            kept.pop()
        kept.append((y, x))
    return kept
