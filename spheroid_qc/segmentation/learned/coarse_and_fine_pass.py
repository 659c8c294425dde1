"""Two passes of the network: a coarse one over the whole frame, a fine one over what was found.

The fine pass is mirrored, so that it checks the coarse one: where both agree the answer does not
hang on the scale or on the side that something lies on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spheroid_qc.segmentation.array_types import Float
from spheroid_qc.segmentation.learned.core_bodies import find_bodies
from spheroid_qc.segmentation.learned.input_channels import channels_of, pool_region
from spheroid_qc.segmentation.learned.network import CORE, predict
from spheroid_qc.segmentation.learned.view import Region, View
from spheroid_qc.segmentation.piece_shapes import box_of, pieces
from spheroid_qc.stopwatch import Work, timed

if TYPE_CHECKING:
    from spheroid_qc.segmentation.adapter import Adapter

_SIDE_PX = 256
"""Pixels along the longer side that the network sees."""

_CROWDED_SIDE_PX = 448
"""The same for a fine pass over a field of small bodies."""

_MAX_ENLARGEMENT = 1.7
"""A region is not magnified by more than this."""

_CORE_PROBABILITY = 0.5
_MIN_PIECE_PX = 12
"""Area in pixels of the coarse pass below which nothing is followed up."""

_MARGIN_DIAMETERS = 0.75
"""What the fine pass shows around the bodies, in diameters of the largest."""

_MAX_FINE_SHARE = 0.72
"""A fine pass covers less than this share of the frame's longer side."""

_SMALL_BODY_PX = 32.0
"""Diameter in pixels of the coarse pass below which bodies all over the frame want more pixels:
half of the area lies in smaller ones. Of 68 fields of 8 sources left out 68 % of the spheres are
told apart with a limit of 20 on whole clumps, 73 % with this (F1)."""

_FEW_PX = 300
"""A frame with fewer pixels along its longer side has no more to show."""

_COARSE_WEIGHT = 0.35
"""Weight of the coarse pass where there is a fine one."""


@dataclass(frozen=True, eq=False)
class Sight:
    """What the network is shown of a region, and what it says itself; mirrored or not, as shown.

    `channels` and `maps` have shape (4, y, x), `features` (16, y / 2, x / 2) rounded up, the mean
    intensity `pooled`, never mirrored, (y, x).
    """

    channels: Float
    maps: Float
    features: Float
    pooled: Float


def whole_frame(plane: Float) -> Region:
    """Give the region of the coarse pass."""
    height, width = plane.shape
    return Region(0, 0, height, width, _shape(height, width, _SIDE_PX))


def look(plane: Float, region: Region, *, mirrored: bool = False) -> Sight:
    """Show a region to the network."""
    part = plane[region.top : region.top + region.height, region.left : region.left + region.width]
    with timed(Work.POOL):
        pooled = pool_region(part, region.shape)
        channels = channels_of(pooled)
        if mirrored:
            channels = np.ascontiguousarray(channels[:, ::-1, ::-1])
    return Sight(channels, *predict(channels), pooled.mean)


def coarse_pass(plane: Float, adapter: Adapter | None = None) -> View:
    """Run the network on the whole frame, corrected by an adapter if there is one."""
    region = whole_frame(plane)
    seen = look(plane, region)
    if adapter is None:
        return View(region, seen.maps, seen.pooled)
    weight = adapter.weight(seen.channels)
    return View(region, adapter.apply(seen.maps, seen.features, weight), seen.pooled, weight)


def fine_pass(plane: Float, coarse: View, adapter: Adapter | None = None) -> tuple[View, View]:
    """Run the network, mirrored, on what the coarse pass found.

    Gives both passes taken together, at the fine one's region and resolution, and the fine pass by
    itself. An adapter counts as much as in the coarse pass: the frame is the same.
    """
    region = fine_region(coarse, plane.shape[0], plane.shape[1])
    seen = look(plane, region, mirrored=True)
    found = seen.maps
    if adapter is not None:
        found = adapter.apply(found, seen.features, coarse.adapted)
    found = np.ascontiguousarray(found[:, ::-1, ::-1])
    before = crop(coarse, region)
    weight = 0.5 if region.shape == coarse.region.shape else _COARSE_WEIGHT
    maps = np.float32(weight) * before + np.float32(1 - weight) * found
    return (
        View(region, maps, seen.pooled, coarse.adapted),
        View(region, found, seen.pooled, coarse.adapted),
    )


def crop(view: View, region: Region, which: slice = slice(None)) -> Float:
    """Cut the maps of a view to another region within it, in that region's pixels.

    Gives the maps `which`, shape (maps, y, x); by default all.
    """
    from PIL import Image

    own = view.region
    if region == own:
        return view.maps[which]
    down, across = own.scale
    box = (
        (region.left - own.left) / across,
        (region.top - own.top) / down,
        (region.left - own.left + region.width) / across,
        (region.top - own.top + region.height) / down,
    )
    size = (region.shape[1], region.shape[0])
    parts = [
        np.asarray(Image.fromarray(a).resize(size, Image.Resampling.BILINEAR, box), np.float32)
        for a in view.maps[which]
    ]
    return np.stack(parts)


def _shape(height: int, width: int, longest: int) -> tuple[int, int]:
    scale = min(longest / max(height, width), _MAX_ENLARGEMENT)
    return max(8, round(height * scale)), max(8, round(width * scale))


def fine_region(coarse: View, height: int, width: int) -> Region:
    """Choose the region and resolution of the fine pass, from where the maps say core."""
    whole = coarse.region
    labels, count = pieces(coarse.maps[CORE] > _CORE_PROBABILITY)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    if count == 0 or sizes.max() < _MIN_PIECE_PX:
        return whole
    kept = sizes >= max(_MIN_PIECE_PX, 0.03 * sizes.max())
    found = kept[labels]
    rows, columns = box_of(found)
    diameter = float(np.sqrt(4 / np.pi * sizes.max()))
    down, across = whole.scale
    margin = _MARGIN_DIAMETERS * diameter
    ends = (
        (rows.start - margin) * down,
        (rows.stop + margin) * down,
        (columns.start - margin) * across,
        (columns.stop + margin) * across,
    )
    tall, wide = ends[1] - ends[0], ends[3] - ends[2]
    side = max(tall, wide, 64.0)
    if side > _MAX_FINE_SHARE * max(height, width):
        if max(height, width) > _FEW_PX and _usual_diameter(coarse) < _SMALL_BODY_PX:
            return Region(0, 0, height, width, _shape(height, width, _CROWDED_SIDE_PX))
        return whole
    spans = [min(round(side), height), min(round(side), width)]
    starts = [
        int(np.clip(round((a + b - span) / 2), 0, n - span))
        for a, b, span, n in zip(ends[::2], ends[1::2], spans, (height, width), strict=True)
    ]
    return Region(starts[0], starts[1], spans[0], spans[1], _shape(spans[0], spans[1], _SIDE_PX))


def _usual_diameter(view: View) -> float:
    """Give the diameter in the view's pixels that half of the area of all bodies lies below."""
    areas = np.sort(np.bincount(find_bodies(view, _CORE_PROBABILITY).ravel())[1:])
    if areas.size == 0:
        return float(max(view.region.shape))
    up_to = np.cumsum(areas)
    return float(np.sqrt(4 / np.pi * areas[np.searchsorted(up_to, up_to[-1] / 2)]))
