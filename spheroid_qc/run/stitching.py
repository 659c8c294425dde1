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

from spheroid_qc.run.load import FieldImage

__all__ = ["stitch"]

_CLEARLY = 0.9  # of the usual way's misfit: below it the other way round is believed
_NEAR = 0.05  # of a tile's side: tiles that are no further apart are neighbours


def stitch(fields: list[FieldImage], max_megapixels: float) -> FieldImage | None:
    """Put tiles with known stage positions together.

    Parameters
    ----------
    fields : list of FieldImage
        Fields of one well at one time.
    max_megapixels : float
        Larger pictures are not made.

    Returns
    -------
    FieldImage or None
        One picture with NaN in the gaps; None where positions or one common pixel size are
        unknown, or where tiles lie so far apart that they are not one picture.
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

    names = sorted({name for f in fields for name in f.others})
    return replace(
        first,
        pixels=lay([f.pixels for f in fields]),
        # A channel that one tile lacks is empty there, no reason not to stitch.
        others={name: lay([f.others.get(name) for f in fields]) for name in names},
        inputs=list({entry["path"]: entry for f in fields for entry in f.inputs}.values()),
        problems=[problem for f in fields for problem in f.problems],
    )


def _offsets(places: NDArray[np.float64], planes: list[NDArray[Any]]) -> NDArray[np.int_]:
    """Place tiles; the way the stage's axes point is told by the seams, else right and down."""
    usual: tuple[float, NDArray[np.int_]] | None = None
    best: tuple[float, NDArray[np.int_]] | None = None
    for signs in ((1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)):
        turned = places * signs
        offsets = np.rint(turned - turned.min(axis=0)).astype(int)
        misfit = _misfit(offsets, planes)
        if usual is None or best is None:
            usual = best = misfit, offsets
        elif misfit < best[0] * (1 - 1e-9):
            best = misfit, offsets
    assert usual is not None
    assert best is not None
    # Seams through an empty background fit any way round, and there it does not matter.
    return best[1] if best[0] < _CLEARLY * usual[0] else usual[1]


def _misfit(offsets: NDArray[np.int_], planes: list[NDArray[Any]]) -> float:
    """Mean absolute difference of tiles where they overlap, or of the edges where they touch."""
    overlaps: list[NDArray[np.float32]] = []
    seams: list[NDArray[np.float32]] = []
    for i, j in combinations(range(len(planes)), 2):
        low = np.maximum(offsets[i], offsets[j])
        high = np.minimum(offsets[i] + planes[i].shape, offsets[j] + planes[j].shape)
        shared = high - low
        if (shared >= 4).all():
            one, other = (
                planes[k][tuple(slice(a, b) for a, b in zip(low - offsets[k], high - offsets[k],
                                                            strict=True))]
                for k in (i, j)
            )  # fmt: skip
            overlaps.append(np.abs(one.astype(np.float32) - other.astype(np.float32)).ravel())
            continue
        for axis in (0, 1):
            along = 1 - axis
            near = -_NEAR * min(planes[i].shape[axis], planes[j].shape[axis])
            if not near <= shared[axis] < 4 or shared[along] < 4:
                continue
            before, after = (i, j) if offsets[i][axis] < offsets[j][axis] else (j, i)
            span = [slice(low[along] - offsets[k][along], high[along] - offsets[k][along])
                    for k in (before, after)]  # fmt: skip
            # A few lines deep: single lines are mostly noise.
            last = np.moveaxis(planes[before], axis, 0)[-3:, span[0]].astype(np.float32)
            following = np.moveaxis(planes[after], axis, 0)[:3, span[1]].astype(np.float32)
            seams.append(np.abs(last.mean(axis=0) - following.mean(axis=0)))
    told = overlaps or seams
    return float(np.mean(np.concatenate(told))) if told else 0.0
