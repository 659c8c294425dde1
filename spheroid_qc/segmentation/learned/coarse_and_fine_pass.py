"""Two passes of the network: a coarse one over the whole frame, a fine one over what was found.

The fine pass is mirrored, so that it checks the coarse one: where both agree the answer does not
hang on the scale or on the side that something lies on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from spheroid_qc.segmentation.array_types import Float
from spheroid_qc.segmentation.learned.input_channels import channels_of, pool_region
from spheroid_qc.segmentation.learned.network import CORE, predict
from spheroid_qc.segmentation.piece_shapes import box_of

_SIDE_PX = 256
"""Pixels along the longer side that the network sees."""

_CROWDED_SIDE_PX = 448
"""The same for a fine pass over a frame full of small bodies."""

_MAX_ENLARGEMENT = 1.7
"""A region is not magnified by more than this."""

_CORE_PROBABILITY = 0.5
_MIN_PIECE_PX = 12
"""Area in pixels of the coarse pass below which nothing is followed up."""

_MARGIN_DIAMETERS = 0.75
"""What the fine pass shows around the bodies, in diameters of the largest."""

_MAX_FINE_SHARE = 0.72
"""A fine pass covers less than this share of the frame's longer side."""

_SMALL_BODY_PX = 20.0
"""Diameter in pixels of the coarse pass below which bodies all over the frame want more pixels."""

_COARSE_WEIGHT = 0.35
"""Weight of the coarse pass where there is a fine one."""


@dataclass(frozen=True)
class Region:
    """Part of a frame, in its pixels, and the `shape` in pixels that the network sees it with."""

    top: int
    left: int
    height: int
    width: int
    shape: tuple[int, int]

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the frame for one of the network's, down and across."""
        return self.height / self.shape[0], self.width / self.shape[1]


@dataclass(frozen=True, eq=False)
class View:
    """The network's maps of a region, (4, y, x), and the mean intensity that it saw, (y, x)."""

    region: Region
    maps: Float
    pooled: Float


def coarse_pass(plane: Float) -> View:
    """Run the network on the whole frame."""
    height, width = plane.shape
    return _pass(plane, Region(0, 0, height, width, _shape(height, width, _SIDE_PX)))


def fine_pass(plane: Float, coarse: View) -> tuple[View, View]:
    """Run the network, mirrored, on what the coarse pass found.

    Gives both passes taken together, at the fine one's region and resolution, and the fine pass by
    itself.
    """
    region = _fine_region(coarse, plane.shape[0], plane.shape[1])
    alone = _pass(plane, region, mirrored=True)
    before = crop(coarse, region)
    weight = 0.5 if region.shape == coarse.region.shape else _COARSE_WEIGHT
    maps = np.float32(weight) * before + np.float32(1 - weight) * alone.maps
    return View(region, maps, alone.pooled), alone


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


def _pass(plane: Float, region: Region, *, mirrored: bool = False) -> View:
    part = plane[region.top : region.top + region.height, region.left : region.left + region.width]
    pooled = pool_region(part, region.shape)
    channels = channels_of(pooled)
    if mirrored:
        maps = predict(np.ascontiguousarray(channels[:, ::-1, ::-1]))[:, ::-1, ::-1]
    else:
        maps = predict(channels)
    return View(region, np.ascontiguousarray(maps), pooled.mean)


def _shape(height: int, width: int, longest: int) -> tuple[int, int]:
    scale = min(longest / max(height, width), _MAX_ENLARGEMENT)
    return max(8, round(height * scale)), max(8, round(width * scale))


def _fine_region(coarse: View, height: int, width: int) -> Region:
    """Choose the region and resolution of the fine pass."""
    whole = coarse.region
    labels, count = ndimage.label(coarse.maps[CORE] > _CORE_PROBABILITY)
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
        typical = float(np.median(np.sqrt(4 / np.pi * sizes[kept])))
        if typical < _SMALL_BODY_PX and max(height, width) > 1.2 * _CROWDED_SIDE_PX:
            return Region(0, 0, height, width, _shape(height, width, _CROWDED_SIDE_PX))
        return whole
    spans = [min(round(side), height), min(round(side), width)]
    starts = [
        int(np.clip(round((a + b - span) / 2), 0, n - span))
        for a, b, span, n in zip(ends[::2], ends[1::2], spans, (height, width), strict=True)
    ]
    return Region(starts[0], starts[1], spans[0], spans[1], _shape(spans[0], spans[1], _SIDE_PX))
