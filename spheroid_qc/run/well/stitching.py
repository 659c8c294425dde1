"""Tiles of one well put together to one picture, where the stage says how they lie.

Microscopes don't agree on which way the stage's axes point. Where tiles overlap or touch, the
picture itself tells: only one way round do their seams fit.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.run.well.load_images import FieldImage

_CLEARLY = 0.2  # of the structure in the seams: so much better must another way round fit
_OVERLAP_PX = 4
_NEAR = 0.05  # of a tile's side: tiles that are no further apart are neighbours


def stitch(fields: list[FieldImage], max_megapixels: float) -> FieldImage | None:
    """Put tiles of one well at one time with known stage positions together.

    Lines that no tile shows are bridged if they are narrow, since they must not cut a spheroid in
    pieces; wider gaps are NaN, and so are all gaps of further channels, of which nothing is to be
    invented. None where positions or one common pixel size are unknown, where tiles lie so far
    apart that they are not one picture, or where it would have more than `max_megapixels`.
    """
    first = fields[0]
    size = first.pixel_size_um
    if size is None:
        return None
    corners = []
    for tile in fields:
        same = tile.pixel_size_um is not None and abs(tile.pixel_size_um - size) <= 1e-4 * size
        if tile.position_um is None or not same:
            return None
        corners.append(tile.position_um)
    places = np.array(corners, dtype=float) / size
    shapes = np.array([f.pixels.shape for f in fields])
    # Stage positions are those of tile centres or of tile corners, alike for all tiles.
    offsets = _offsets(places, [f.pixels for f in fields])
    extent = (offsets + shapes).max(axis=0)
    covered = shapes.prod(axis=1).sum()
    if extent.prod() > max_megapixels * 1e6 or extent.prod() > 2 * covered:
        return None
    if len({tuple(o) for o in offsets.tolist()}) < len(fields):
        return None

    def lay(planes: list[NDArray[Any] | None]) -> NDArray[np.float32]:
        total = np.zeros(extent, np.float32)
        count = np.zeros(extent, np.float32)
        for plane, (y, x) in zip(planes, offsets, strict=True):
            if plane is None:
                continue
            place = np.s_[y : y + plane.shape[0], x : x + plane.shape[1]]
            total[place] += plane.astype(np.float32)
            count[place] += 1
        with np.errstate(invalid="ignore"):
            return np.where(count > 0, total / count, np.float32(np.nan))

    widest = int(_NEAR * shapes.min())
    names = sorted({name for f in fields for name in f.others})
    return replace(
        first,
        # Twice: where gaps cross, only their bridged sides have neighbours.
        pixels=_bridged(_bridged(lay([f.pixels for f in fields]), widest), widest),
        # A channel that one tile lacks is empty there, no reason not to stitch.
        others={name: lay([f.others.get(name) for f in fields]) for name in names},
        flats={channel: lay([f.flats.get(channel) for f in fields]) for channel in first.flats},
        inputs=list(
            {(one["path"], one.get("series")): one for f in fields for one in f.inputs}.values()
        ),
        problems=[problem for f in fields for problem in f.problems],
    )


def _bridged(picture: NDArray[np.float32], widest: int) -> NDArray[np.float32]:
    """Fill gaps of at most some pixels in a line between what is seen on both sides of them."""
    gap = np.isnan(picture)
    if not gap.any():
        return picture
    total, count = np.zeros_like(picture), np.zeros_like(picture)
    for turned in (False, True):
        hole = gap.T if turned else gap
        values = picture.T if turned else picture
        place = np.broadcast_to(np.arange(hole.shape[1]), hole.shape)
        before = np.maximum.accumulate(np.where(hole, -1, place), axis=1)
        after = np.minimum.accumulate(np.where(hole, hole.shape[1], place)[:, ::-1], axis=1)
        after = after[:, ::-1]
        narrow = hole & (before >= 0) & (after < hole.shape[1]) & (after - before - 1 <= widest)
        rows, columns = np.nonzero(narrow)
        left, right = before[narrow], after[narrow]
        share = (columns - left) / (right - left)
        line = values[rows, left] * (1 - share) + values[rows, right] * share
        to, counted = (total.T, count.T) if turned else (total, count)
        to[narrow] += line
        counted[narrow] += 1
    known = count > 0
    filled = picture.copy()
    filled[known] = total[known] / count[known]
    return filled


def _offsets(places: NDArray[np.float64], planes: list[NDArray[Any]]) -> NDArray[np.int_]:
    """Place tiles; the way the stage's axes point is told by the seams, else right and down."""
    layouts: list[NDArray[np.int_]] = []
    found: list[tuple[float, float]] = []
    for signs in ((1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)):
        turned = places * signs
        layouts.append(np.rint(turned - turned.min(axis=0)).astype(int))
        found.append(_agreement(layouts[-1], planes))
    scale = max(structure for _, structure in found) or 1.0
    fits = [common / scale for common, _ in found]
    best = max(range(len(fits)), key=lambda n: (fits[n], -n))
    # Seams through an empty background fit any way round, and there it does not matter.
    return layouts[best if fits[best] > fits[0] + _CLEARLY else 0]


def _agreement(offsets: NDArray[np.int_], planes: list[NDArray[Any]]) -> tuple[float, float]:
    """How much structure both sides of the seams show alike, and how much each shows.

    A seam of background on background differs little, whether or not it is one: not the
    difference tells that tiles belong together, but that something goes on across their seam.
    """
    common = structure = 0.0
    count = 0
    for i, j in combinations(range(len(planes)), 2):
        for one, other in _seams(offsets, planes, i, j):
            a, b = (side.astype(np.float64) for side in (one, other))
            seen = np.isfinite(a) & np.isfinite(b)
            if not seen.any():
                continue
            a, b = a[seen] - a[seen].mean(), b[seen] - b[seen].mean()
            common += float((a * b).sum())
            structure += float((a * a + b * b).sum()) / 2
            count += a.size
    return (common / count, structure / count) if count else (0.0, 0.0)


def _seams(
    offsets: NDArray[np.int_], planes: list[NDArray[Any]], i: int, j: int
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Give what two tiles show of the same place, or along both sides of where they touch."""
    low = np.maximum(offsets[i], offsets[j])
    high = np.minimum(offsets[i] + planes[i].shape, offsets[j] + planes[j].shape)
    shared = high - low
    if (shared >= _OVERLAP_PX).all():
        cut = [planes[k][tuple(map(slice, low - offsets[k], high - offsets[k]))] for k in (i, j)]
        return [(cut[0], cut[1])]
    found = []
    for axis in (0, 1):
        along = 1 - axis
        nearest = -_NEAR * min(planes[i].shape[axis], planes[j].shape[axis])
        if not nearest <= shared[axis] < _OVERLAP_PX or shared[along] < _OVERLAP_PX:
            continue
        pair = (i, j) if offsets[i][axis] < offsets[j][axis] else (j, i)
        sides = []
        # A few lines deep: single lines are mostly noise.
        for k, lines in zip(pair, (np.s_[-3:], np.s_[:3]), strict=True):
            span = slice(low[along] - offsets[k][along], high[along] - offsets[k][along])
            sides.append(np.moveaxis(planes[k], axis, 0)[lines, span].mean(axis=0))
        found.append((sides[0], sides[1]))
    return found
