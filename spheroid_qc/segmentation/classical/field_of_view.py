"""Where in the frame a spheroid can be: inside the well, off burned-in text.

A whole-well frame is a lit disc in a dark surround with the well's wall as its brightest edge;
a segmenter that does not know this finds the well. Scale bars and time stamps are thin strokes
of the darkest or brightest value there is.

Seen from inside, a round well's wall is an arc that ends on the frame's border on both sides, with
the frame's middle on its hollow side. A body that the border cuts off bulges into the frame
instead, so that the side on which the circle's centre lies tells one from the other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spheroid_qc.segmentation.array_types import Float, Mask
from spheroid_qc.segmentation.classical.burned_in_text import find_text
from spheroid_qc.segmentation.downsampling import Reduced
from spheroid_qc.segmentation.illumination import background_surface
from spheroid_qc.segmentation.order_statistics import median
from spheroid_qc.segmentation.piece_shapes import (
    component_shapes,
    largest_piece,
    widened,
    without_holes,
)
from spheroid_qc.segmentation.window_filters import gaussian

_WALL_LIMITS = (0.12, 0.25, 0.5)
"""Differences from the background, as shares of the strongest at the frame's border, at which
walls are sought, lowest first: the lowest takes in the most of the fringe, higher ones come off
what lies near the wall."""

_MIN_WALL_RADIUS = 0.45
"""Radius of a wall as a share of the frame's longer side: a smaller circle is all in view."""

_MIN_ARC_SIDES = 0.15
"""Length of the arc in the frame, in frame sides."""

_MAX_BEYOND_SHARE = 0.4
"""Share of the frame that can lie behind a wall and in it."""

_MAX_SCATTER = 0.012
"""Scatter of a wall about its circle, as a share of the frame's longer side."""


def usable_field(reduced: Reduced) -> Mask:
    """Blocks in which a spheroid can be: no surround, wall, burned-in text or missing pixels."""
    usable = ~reduced.missing & ~find_text(reduced)
    inside = _well_interior(reduced)
    if inside is not None:
        return usable & inside
    beyond = _beyond_walls(reduced.mean, usable)
    return usable if beyond is None else usable & ~beyond


def _well_interior(reduced: Reduced) -> Mask | None:
    """Lit disc of a whole-well frame without its wall, or None for any other frame."""
    mean = reduced.mean
    height, width = mean.shape
    patch = max(2, min(height, width) // 20)
    if min(height, width) < 32:
        return None
    corners = np.array(
        [
            np.median(mean[rows, columns])
            for rows in (slice(0, patch), slice(-patch, None))
            for columns in (slice(0, patch), slice(-patch, None))
        ]
    )
    middle = float(np.median(mean[height // 4 : -height // 4, width // 4 : -width // 4]))
    surround = float(np.median(corners))
    step = middle - surround
    span = float(np.subtract(*np.percentile(mean, (99.5, 0.5))))
    if (
        abs(step) < 0.15 * span
        or np.count_nonzero(np.abs(corners - surround) < 0.25 * abs(step)) < 3
    ):
        return None
    lit = (mean - surround) * np.sign(step) > 0.5 * abs(step)
    well = largest_piece(without_holes(lit))
    if np.count_nonzero(well) < 0.35 * well.size:
        return None
    shape = component_shapes(well.astype(np.int32), 1)
    if shape.ellipse_fill[1] < 0.96:
        return None
    depth = ndimage.distance_transform_edt(np.pad(well, 1))[1:-1, 1:-1]
    inner: Mask = depth > 0.2 * depth.max()
    residual = mean - background_surface(mean, inner)
    flatness = median(np.abs(residual[inner]))
    saturated = float(reduced.extreme[inner].mean())
    if flatness > 0.05 * abs(step) or saturated > 0.2:
        return None
    profile = _by_depth(mean, well, depth)
    if np.abs(profile[1:7] - surround).max(initial=0.0) < 0.7 * abs(step):
        return None  # a vignette: the light fades slowly
    dead = float(np.median(reduced.texture[~well])) < 2e-3
    if step > 0 and not dead and not _has_wall(mean, well, profile):
        return None  # a big bright body on a dark ground
    if step < 0 and not (dead and surround > 0.99 and 0.15 < middle < 0.85):
        return None  # a big dark body on a bright ground, unless the ground is no image at all
    return depth > _wall_depth(reduced, well, depth)


def _by_depth(image: Float, well: Mask, depth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median over rings of equal depth: a spheroid fills but a sector, the wall all of it."""
    rings = depth[well].astype(np.uint16)
    numbers = np.unique(rings)
    profile = np.zeros(int(numbers[-1]) + 1)
    profile[numbers] = ndimage.median(image[well], rings, numbers)
    return profile


def _has_wall(mean: Float, well: Mask, profile: NDArray[np.float64]) -> bool:
    """Whether light goes up and down on the way in, as it does across a wall."""
    beyond = ndimage.distance_transform_edt(~well)
    ring = (beyond > 0) & (beyond < 0.06 * max(mean.shape))
    approach = _by_depth(mean, ring, beyond)[1:]
    crossing = np.concatenate([approach[::-1], profile[1 : max(4, profile.size // 4)]])
    travelled = float(np.abs(np.diff(crossing)).sum())
    return travelled > 1.4 * float(abs(crossing[-1] - crossing[0])) + 0.02


def _wall_depth(reduced: Reduced, well: Mask, depth: NDArray[np.float64]) -> float:
    """How far the wall and its glare reach into the well, from the edge profile by depth."""
    profile = _by_depth(ndimage.gaussian_gradient_magnitude(reduced.mean, 1.0), well, depth)
    limit = max(3, int(0.25 * depth.max()))
    calm = float(np.median(profile[limit:])) if profile.size > limit else 0.0
    peak = float(profile[:limit].max(initial=0.0))
    high = np.flatnonzero(profile[:limit] > calm + 0.05 * (peak - calm))
    return float(high.max() + 2) if high.size else 2.0


def _beyond_walls(mean: Float, usable: Mask) -> Mask | None:
    """Find blocks that are wall, its fringe, or outside the well; None where there is no wall."""
    if min(mean.shape) < 48 or not usable.any():
        return None
    if not _jumps_along_border(mean):
        return None
    smooth = gaussian(mean, 0.7, "nearest", truncate=3)
    level = np.abs(smooth - background_surface(smooth, usable))
    noise = 1.4826 * median(level[usable])
    frame = np.zeros(mean.shape, bool)
    frame[:2], frame[-2:], frame[:, :2], frame[:, -2:] = True, True, True, True
    strongest = float(np.percentile(level[frame], 98))
    found: Mask | None = None
    for share in _WALL_LIMITS:
        limit = max(share * strongest, 6 * noise)
        mask = level > limit
        labels, count = ndimage.label(mask, np.ones((3, 3), bool))
        touching = np.bincount(labels[frame], minlength=count + 1)
        touching[0] = 0
        for label in np.argsort(-touching, kind="stable")[:4]:
            if touching[label] < 6:
                break
            wall = _wall(labels == label, level, limit)
            if wall is not None:
                found = wall if found is None else found | wall
        if found is not None:
            return found
    return None


def _jumps_along_border(mean: Float) -> bool:
    """Whether the light changes at once somewhere along the border, as it does at a wall's end."""
    sides = [mean[:2].mean(axis=0), mean[-2:].mean(axis=0)]
    sides += [mean[:, :2].mean(axis=1), mean[:, -2:].mean(axis=1)]
    changes = np.concatenate([np.abs(side[4:] - side[:-4]) for side in sides])
    minimum = 0.05 * float(mean.max() - mean.min())
    return float(changes.max()) > max(4.0 * float(np.median(changes)), minimum)


def _wall(piece: Mask, level: Float, limit: float) -> Mask | None:
    """Blocks at and behind the arc that a piece shows towards the frame's middle, if it does."""
    height, width = piece.shape
    side = max(height, width)
    inside = largest_piece(~piece)
    if np.count_nonzero(inside) < (1 - _MAX_BEYOND_SHARE) * piece.size:
        return None
    shore = piece & widened(inside)
    y, x = (v.astype(np.float64) for v in np.nonzero(shore))
    if y.size < _MIN_ARC_SIDES * side:
        return None
    centre, radius, scatter = _circle(y, x)
    if scatter > max(1.0, _MAX_SCATTER * side) or radius < _MIN_WALL_RADIUS * side:
        return None
    rows = np.arange(height)[:, None] - centre[0]
    columns = np.arange(width)[None, :] - centre[1]
    depth = radius - np.hypot(rows, columns)
    if np.median(depth[inside]) < 0:
        return None  # it bulges into the frame: a body that the border cuts off
    if np.mean(depth[piece] < 2 * max(1.0, scatter)) < 0.97:
        return None
    # A wall is a sharp edge; the light's own fall-off towards a corner is none.
    before = (depth > -3) & (depth <= 0) & piece
    after = (depth > 3) & (depth <= 5) & inside
    if not after.any() or np.median(level[before]) - np.median(level[after]) < 0.5 * limit:
        return None
    # Both ends of the arc lie at the frame's border, and nowhere is there a gap.
    edge = np.minimum(np.minimum(y, height - 1 - y), np.minimum(x, width - 1 - x))
    angle = np.unwrap(np.sort(np.arctan2(y - centre[0], x - centre[1])))
    gap = np.diff(np.append(angle, angle[0] + 2 * np.pi))
    widest = int(gap.argmax())
    order = np.argsort(np.arctan2(y - centre[0], x - centre[1]), kind="stable")
    ends = (order[widest], order[(widest + 1) % order.size])
    if max(edge[end] for end in ends) > 3 or np.sort(gap)[:-1].max(initial=0.0) * radius > 6:
        return None
    # The fringe dies away inwards; take the median over the arc, which a body cannot hide.
    margin = 2
    for margin in range(1, max(4, side // 16)):
        ring = (depth >= margin) & (depth < margin + 1) & inside
        if not ring.any() or float(np.median(level[ring])) < 0.5 * limit:
            break
    near: Mask = depth < margin + 2.0
    if radius > 3 * side:  # as good as straight: perhaps a seam, so that only it is taken
        near &= widened(piece, margin + 1)
    return near


def _circle(
    y: NDArray[np.float64], x: NDArray[np.float64]
) -> tuple[tuple[float, float], float, float]:
    """Fit a circle to all but the worst tenth of points: centre, radius, scatter (Kasa)."""
    keep = np.ones(y.size, bool)
    centre, radius, scatter = (0.0, 0.0), 0.0, np.inf
    for _ in range(3):
        a, b = y[keep], x[keep]
        middle_y, middle_x = a.mean(), b.mean()
        design = np.stack([a - middle_y, b - middle_x, np.ones_like(a)], axis=1)
        squares = (a - middle_y) ** 2 + (b - middle_x) ** 2
        p = np.linalg.lstsq(design, squares, rcond=None)[0]
        centre = (float(p[0] / 2 + middle_y), float(p[1] / 2 + middle_x))
        radius = float(np.sqrt(max(p[2] + (p[0] ** 2 + p[1] ** 2) / 4, 1e-9)))
        off = np.abs(np.hypot(y - centre[0], x - centre[1]) - radius)
        keep = off <= np.quantile(off, 0.9)
        scatter = float(np.sqrt(np.mean(off[keep] ** 2)))
    return centre, radius, scatter
