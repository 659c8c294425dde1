"""Shape of the main body C1.

All metrics describe the outline of C1: holes are filled first, because a dark or empty centre
is no edge of the spheroid. Everything is computed from whole pixels. Without a core: NaN.

C1 is blind to shedding; these metrics never stand alone (see `disintegration`).
"""

from __future__ import annotations

import numpy as np

from spheroid_qc.measurement.cut_out_spheroid import Spheroid
from spheroid_qc.segmentation.piece_shapes import inner_rim


def core_area(body: Spheroid) -> int:
    """Area of C1, the largest piece of the core, in px."""
    return body.main_area


def core_total_area(body: Spheroid) -> int:
    """Area of C, all pieces of the core, in px."""
    return body.core_area


def core_count(body: Spheroid) -> int:
    """Count the 8-connected pieces of C, whatever their size."""
    return int(body.core_pieces.size)


def total_area(body: Spheroid) -> int:
    """Area of T, core and shed material, in px."""
    return body.total_area


def shed_area(body: Spheroid) -> int:
    """Area of H, the shed material, in px."""
    return body.total_area - body.core_area


def equivalent_diameter(body: Spheroid) -> float:
    """Diameter in px of the disc of C1's area."""
    return 2.0 * float(np.sqrt(body.main_area / np.pi))


def volume(body: Spheroid) -> float:
    """Volume in cubic px of the sphere with C1's area as its shadow: 4/3 pi (A/pi)^(3/2)."""
    return float(4.0 / 3.0 * np.pi * (body.main_area / np.pi) ** 1.5)


def perimeter(body: Spheroid) -> float:
    """Length of the outline in px, by Cauchy and Crofton's formula.

    Half the integral, over directions and parallel lines, of how often a line crosses the
    outline, with the lines through the grid in sixteen directions. Counting pixel edges
    instead would give 4/pi times too much for a disc. Lines are taken in steps of 0.7 to 1.4 %
    of the equivalent diameter (at least 2 px), so that the length neither grows with the
    resolution nor jumps for a mask that was enlarged two times. Within 1 % for discs from 10 px
    diameter.

    `skimage.measure.perimeter_crofton` has four directions and a step of one pixel: it is 4 % too
    long for that smallest disc, 0.3 % for one of 300 px, and 11 % for a mask that was enlarged two
    times.

    References
    ----------
    Legland, Kieu, Devaux 2007, Image Analysis & Stereology 26:83, doi:10.5566/ias.v26.p83-92.
    """
    if not body.main_area:
        return np.nan
    return body.outline_length


def circularity(body: Spheroid) -> float:
    """4 pi A / P^2 of the outline: 1 for a disc, less for anything else.

    A digital disc of more than a few pixels comes to 1 within 1 %; bodies of a few pixels
    would come out above 1, which no outline can have, and are given 1.
    """
    if not body.main_area:
        return np.nan
    return min(1.0, 4.0 * np.pi * body.outline_area / perimeter(body) ** 2)


def solidity(body: Spheroid) -> float:
    """Area of the outline over the area of its convex hull, in (0, 1].

    The hull is the set of pixels whose centres lie in the convex hull of C1's pixel centres;
    Pick's theorem counts them. A digital disc, a rectangle, a line of pixels and a single
    pixel have exactly 1, whatever their size.
    """
    if not body.main_area:
        return np.nan
    corners = body.hull
    steps = np.roll(corners, -1, axis=0) - corners
    y, x = corners[:, 0], corners[:, 1]
    twice_area = abs(int(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))
    on_edge = int(np.gcd(np.abs(steps[:, 0]), np.abs(steps[:, 1])).sum())
    pixels = (twice_area + on_edge) // 2 + 1
    return body.outline_area / pixels


def feret_max(body: Spheroid) -> float:
    """Largest distance in px between two points of C1, its pixels taken as squares."""
    if not body.main_area:
        return np.nan
    apart = np.abs(body.hull[:, None, :] - body.hull[None, :, :]) + 1
    return float(np.sqrt((apart**2).sum(axis=2).max()))


def feret_min(body: Spheroid) -> float:
    """Smallest width in px of C1 between two parallel lines, its pixels taken as squares."""
    if not body.main_area:
        return np.nan
    corners = body.hull.astype(np.float64)
    sides = np.roll(corners, -1, axis=0) - corners
    sides = np.concatenate([sides[np.any(sides != 0, axis=1)], np.eye(2)])
    normals = np.stack([-sides[:, 1], sides[:, 0]], axis=1)
    normals /= np.sqrt((normals**2).sum(axis=1, keepdims=True))
    # A convex shape is narrowest across one of its sides (rotating calipers). The hull of the
    # squares is that of the centres widened by a unit square, which adds its own two sides.
    heights = normals @ corners.T
    widths = heights.max(axis=1) - heights.min(axis=1) + np.abs(normals).sum(axis=1)
    return float(widths.min())


def eccentricity(body: Spheroid) -> float:
    """Eccentricity of the ellipse with C1's second moments: 0 for a disc, 1 for a line.

    As `skimage.measure.regionprops` defines it, which takes 1.4 ms instead of 0.2 ms.
    """
    if not body.main_area:
        return np.nan
    outline = body.outline
    cy, cx = body.outline_centroid
    area = body.outline_area
    y, x = (np.arange(side) - middle for side, middle in zip(outline.shape, (cy, cx), strict=True))
    yy, xx = (
        np.count_nonzero(outline, axis=axis) @ np.square(at) / area for axis, at in ((1, y), (0, x))
    )
    # Runs of pixels in a row, of which only the ends are visited; the frame around is empty.
    ends = np.flatnonzero(np.diff(outline.view(np.int8).ravel()))
    rows, columns = np.divmod(ends, outline.shape[1])
    # Sum of x from the row's start up to each end; a run is the last one's less the first one's.
    sums = np.cumsum(x)[columns]
    sums[::2] *= -1
    xy = float((y[rows] * sums).sum()) / area
    middle, apart = (yy + xx) / 2, float(np.hypot((yy - xx) / 2, xy))
    long, short = middle + apart, max(middle - apart, 0.0)
    return float(np.sqrt(1 - short / long)) if long > 0 else 0.0


def contour_roughness(body: Spheroid) -> float:
    """SD of the radius over its mean, over all pixels of the outline; 0 for a disc.

    The radius runs from the centroid of the outline to the outer pixels of C1 (those with an
    edge to the outside), plus half a pixel, which is where their outer edge lies.
    """
    if not body.main_area:
        return np.nan
    y, x = np.nonzero(inner_rim(body.outline))
    cy, cx = body.outline_centroid
    radii = np.hypot(y - cy, x - cx) + 0.5
    return float(radii.std() / radii.mean())
