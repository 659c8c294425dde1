"""From maps to bodies: touching ones taken apart, outlines drawn at full resolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spheroid_qc.segmentation.array_types import Float, Labels, Mask
from spheroid_qc.segmentation.learned.edge_refinement import snap_to_edge
from spheroid_qc.segmentation.learned.network import CENTRE, CORE, EDGE
from spheroid_qc.segmentation.learned.view import Region, View
from spheroid_qc.segmentation.outlines import fill_outline, paint_bodies
from spheroid_qc.segmentation.piece_shapes import box_of, by_size, pieces, without_holes
from spheroid_qc.segmentation.window_filters import gaussian, highest

_MIN_DROP = 0.22
"""Two summits of the depth map belong to two bodies if the pass between them is lower than the
lower summit by this share of it."""

_MIN_DEPTH_RADII = 0.25
"""A body of its own is at least this deep in its middle, as a share of its radius."""

_MAX_SEAM_DIAMETERS = 1.2
"""Bodies that touch do so along a seam no longer than the smaller one is wide, with room for the
steps of pixels. A longer one runs through a single body: on images of one spheroid the network's
false seams have a median of 1.5 diameters, those between spheres of a field 0.6."""

_FEWEST_AROUND_A_GAP = 3
"""Round bodies that touch enclose a gap by three at least; a hole of fewer is one body's own."""

_MIN_BODY_PX = 6

_BLUR_PX, _BLUR_REACH_PX = 1.0, 4
"""Standard deviation of the blur of the depth map, and how far it reaches."""


def find_bodies(view: View, threshold: float) -> Labels:
    """Label the bodies of a view, largest first; core has a probability over `threshold`."""
    seen = view.maps[CORE] > threshold
    core = without_holes(seen)
    labels, count = pieces(core)
    if count == 0:
        return labels
    depth = np.zeros(core.shape, np.float32)
    # With as much around the bodies as reaches into them.
    around = box_of(core, _BLUR_REACH_PX)
    deep = view.maps[CENTRE][around] * (1 - 0.7 * view.maps[EDGE][around])
    depth[around] = gaussian(deep, _BLUR_PX, "nearest")
    parted = np.zeros(core.shape, np.int32)
    total = 0
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        mine = labels[box] == number
        if np.count_nonzero(mine) < _MIN_BODY_PX:
            continue
        parts, n = _part(mine, np.where(mine, depth[box], 0), seen[box])
        target = parted[box]
        target[mine] = parts[mine] + total
        total += n
    parted[_between_bodies(parted, core & ~seen)] = 0
    return by_size(parted, _MIN_BODY_PX)


def _between_bodies(bodies: Labels, holes: Mask) -> Mask:
    """Holes that more than one body encloses: gaps of packed spheres, and none of them."""
    gaps, count = pieces(holes)
    if count == 0:
        return holes
    numbers = np.arange(count + 1)
    none = int(bodies.max()) + 1
    first = ndimage.minimum_filter(np.where(bodies > 0, bodies, none), 3)
    last = ndimage.maximum_filter(bodies, 3)
    lowest, highest = ndimage.minimum(first, gaps, numbers), ndimage.maximum(last, gaps, numbers)
    shared = np.asarray(lowest) < np.asarray(highest)
    shared[0] = False
    return shared[gaps]


def _part(mine: Mask, depth: Float, seen: Mask) -> tuple[Labels, int]:
    """Divide one piece at the passes between its summits; `seen` is core that is no filled hole."""
    peaks = (depth == highest(depth, 5)) & (depth > _MIN_DEPTH_RADII) & mine
    markers, count = pieces(peaks, diagonal=True)
    one = mine.astype(np.int32)
    if count < 2:
        return one, 1
    heights = np.zeros(count, np.float32)
    heights[markers[peaks] - 1] = depth[peaks]  # the same all over a summit
    if _is_one(depth, markers, heights):
        return one, 1
    from skimage.segmentation import watershed

    basins = watershed(-depth, markers, mask=mine)  # type: ignore[no-untyped-call]
    # Around one body's own hole there may be summits enough for a gap, but not bodies.
    gaps, parts, borders = mine & ~seen, basins, _borders(basins, depth)
    for _ in range(count):
        before, gaps = gaps, _gaps(parts, gaps)
        parts = _joined(basins, borders, heights, gaps)
        if np.array_equal(before, gaps):
            break
    parts[mine & (parts == 0)] = 1
    return parts, int(parts.max())


def _is_one(depth: Float, markers: Labels, heights: Float) -> bool:
    """Whether no pass between summits is low enough to part any of them; no flood is needed then.

    That is so if every summit but the highest is joined to a higher one by ground that is nowhere
    too low beside itself. `depth` is 0 outside of the piece; `markers` number its summits.
    """
    _, first = np.unique(markers, return_index=True)
    places = first[first.size - heights.size :]
    ranked = np.argsort(-heights, kind="stable")
    rank, joined = np.argsort(ranked), np.zeros(heights.size, bool)
    joined[ranked[0]] = True
    for summit in ranked:
        if joined[summit]:
            continue
        ground, _ = ndimage.label(depth > (1 - _MIN_DROP) * heights[summit])
        mine = ground.ravel()[places]
        if not np.any((mine == mine[summit]) & (rank < rank[summit])):
            return False
        # What is joined to the highest here is so all the more beside lower ground.
        joined |= mine == mine[ranked[0]]
    return True


def _joined(basins: Labels, borders: _Borders, heights: Float, gaps: Mask) -> Labels:
    """Join basins between which there is no low pass, or a longer one than bodies touch along."""
    count = heights.size
    areas = np.bincount(basins.ravel(), minlength=count + 1).astype(np.float64)
    joined = np.arange(count + 1)
    # How long each of what was joined touches each other.
    seams: list[dict[int, float]] = [{} for _ in range(count + 1)]
    lengths = borders.lengths(gaps).tolist()
    passes = [(height, a, b) for height, (a, b) in zip(borders.heights, borders.pairs, strict=True)]
    for (_, a, b), length in zip(passes, lengths, strict=True):
        seams[a][b] = seams[b][a] = length

    def root(a: int) -> int:
        while joined[a] != a:
            a = int(joined[a])
        return a

    # From the highest pass down, as a rising flood would part them.
    for height, a, b in sorted(passes, reverse=True):
        a, b = root(a), root(b)
        if a == b:
            continue
        lower = min(heights[a - 1], heights[b - 1])
        wide = float(np.sqrt(4 / np.pi * min(areas[a], areas[b])))
        if height > (1 - _MIN_DROP) * lower or seams[a][b] > _MAX_SEAM_DIAMETERS * wide:
            keep, lose = (a, b) if heights[a - 1] >= heights[b - 1] else (b, a)
            joined[lose] = keep
            areas[keep] += areas[lose]
            for other, length in seams[lose].items():
                del seams[other][lose]
                if other != keep:
                    both = seams[keep].get(other, 0.0) + length
                    seams[keep][other] = seams[other][keep] = both
    roots = np.array([root(i) for i in range(count + 1)])
    _, compact = np.unique(roots, return_inverse=True)
    parts: Labels = compact[basins].astype(np.int32)
    return parts


def _gaps(parts: Labels, holes: Mask) -> Mask:
    """Holes that three parts or more meet in: as many spheres it takes to enclose a gap."""
    found, count = pieces(holes)
    if count == 0:
        return holes
    around = np.asarray(ndimage.maximum_filter(found, 3))
    at = (around > 0) & (parts > 0)
    pairs = np.unique(np.stack([around[at], parts[at]]), axis=1)
    shared = np.bincount(pairs[0], minlength=count + 1) >= _FEWEST_AROUND_A_GAP
    shared[0] = False
    return shared[found]


@dataclass(frozen=True, eq=False)
class _Borders:
    """Where every two basins touch: the two, and the highest point of the border between them.

    `sides` are the pixels on both sides of every step along a border, as places in the flat image,
    and `of` says of which pair the step is.
    """

    pairs: list[tuple[int, int]]
    heights: list[float]
    sides: tuple[NDArray[np.intp], NDArray[np.intp]]
    of: NDArray[np.intp]

    def lengths(self, gaps: Mask) -> NDArray[np.float64]:
        """Length of every border in pixels; through a gap spheres do not touch."""
        first, second = (gaps.ravel()[side] for side in self.sides)
        # Sides of pixels along a line of any direction are 4 / pi times its length on the average.
        steps = np.bincount(self.of, ~(first | second), len(self.pairs))
        return steps.astype(np.float64) * (np.pi / 4)


def _borders(basins: Labels, depth: Float) -> _Borders:
    count = int(basins.max()) + 1
    places = np.arange(basins.size).reshape(basins.shape)
    steps = []
    for axis in (0, 1):
        left, right = _neighbours(basins, axis)
        at = (left != right) & (left > 0) & (right > 0)
        steps.append([side[at] for side in _neighbours(places, axis)])
    first, second = (np.concatenate(sides) for sides in zip(*steps, strict=True))
    a, b = (basins.ravel()[side].astype(np.int64) for side in (first, second))
    found, of = np.unique(np.minimum(a, b) * count + np.maximum(a, b), return_inverse=True)
    highest = np.zeros(found.size, np.float32)
    np.maximum.at(highest, of, np.minimum(*(depth.ravel()[side] for side in (first, second))))
    pairs = [divmod(pair, count) for pair in found.tolist()]
    return _Borders(pairs, highest.tolist(), (first, second), of)


def _neighbours(values: NDArray[Any], axis: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Every pixel and the next one along an axis."""
    if axis == 0:
        return values[:-1], values[1:]
    return values[:, :-1], values[:, 1:]


def draw_bodies(
    labels: Labels,
    probability: Float,
    region: Region,
    shape: tuple[int, int],
    threshold: float,
    mean: Float | None = None,
) -> Labels:
    """Draw the bodies' outlines at the frame's resolution, `shape`, largest first.

    The outline runs where the probability crosses the threshold, between the network's pixels.
    With the view's intensity, `mean`, it follows the rim where that is clear. Arrays have the
    view's shape.
    """
    down, across = region.scale
    drawn = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        points = _outline(labels, probability, number, box, threshold)
        if points is None:
            continue
        if mean is not None:
            own = labels == number
            points = snap_to_edge(points, own, (labels > 0) & ~own, mean)
        at = (points + 0.5) * (down, across) - 0.5 + (region.top, region.left)
        drawn.append(fill_outline(at, shape))
    return paint_bodies(drawn, shape)


def _outline(
    labels: Labels, probability: Float, number: int, box: tuple[slice, ...], threshold: float
) -> NDArray[np.float64] | None:
    """Longest closed outline of one body, in the view's pixels."""
    from skimage.measure import find_contours

    height, width = labels.shape
    low = [max(s.start - 2, 0) for s in box]
    high = [min(s.stop + 2, n) for s, n in zip(box, (height, width), strict=True)]
    part = (slice(low[0], high[0]), slice(low[1], high[1]))
    own = labels[part] == number
    # Neighbours are cut off half-way between the pixels; the ground keeps its probabilities.
    values = np.where((labels[part] == 0) | own, probability[part], 0.0)
    values = np.where(own, np.maximum(values, threshold + 1e-3), values)
    values = np.where(~own, np.minimum(values, threshold - 1e-3), values)
    # Beyond the frame things go on as they are, so that the outline runs outside of it.
    padded = np.pad(values, 2, mode="edge")
    padded = np.pad(padded, 1)
    contours = find_contours(padded, threshold)  # type: ignore[no-untyped-call]
    if not contours:
        return None
    longest = max(contours, key=len)
    points: NDArray[np.float64] = np.asarray(longest, np.float64) - 3 + (low[0], low[1])
    return points[:-1]
