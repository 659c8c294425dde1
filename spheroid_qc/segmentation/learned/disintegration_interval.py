"""Between which values the disintegration fraction lies, by the network's doubt about the masks.

The fraction is measured again with less and with more evidence asked of core and shed material,
and by the fine pass alone: where the maps are sure, or both passes agree, it hardly moves.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from spheroid_qc.segmentation.array_types import Float, Labels, Mask
from spheroid_qc.segmentation.learned.coarse_and_fine_pass import Region, View
from spheroid_qc.segmentation.learned.network import CORE, SHED

_EASY_CORE, _USUAL_CORE, _HARD_CORE = 0.25, 0.4, 0.6
"""Chances from which a pixel is core: where doubt speaks for a whole spheroid, as the masks are
drawn, and where it speaks for one that fell apart."""

_EASY_SHED, _USUAL_SHED, _HARD_SHED = 0.35, 0.6, 0.8
"""The same for shed material; `easy` is asked where doubt speaks for one that fell apart."""

_LEAST_HALF_WIDTH = 0.02
"""Two people who outline the same spheroid differ by about this much."""

_EIGHT = np.ones((3, 3), bool)


def disintegration_interval(
    coarse: View,
    combined: View,
    fine: View,
    core: Labels,
    shed: Mask,
    shape: tuple[int, int],
    features: Mapping[str, float],
) -> tuple[float, float] | None:
    """Give the 90 % interval of the disintegration fraction of one frame, from mask doubt.

    Parameters
    ----------
    coarse, combined, fine : View
        The coarse pass over the whole frame, both passes together and the fine one by itself over
        the fine one's region; maps of shape (4, y, x), chances in [0, 1].
    core : ndarray of int32, shape (y, x)
        Bodies as they were drawn, 0 background, at the frame's full resolution.
    shed : ndarray of bool, shape (y, x)
        Shed material as it was drawn; nowhere core.
    shape : tuple of int
        Of the frame: (y, x) in pixels.
    features : mapping of str to float
        Those of `answer_features`; for a width that is learnt from frames with known masks, which
        this first version does not have.

    Returns
    -------
    tuple of float, or None
        (low, high) in [0, 1]; never nearer than 0.02 to the fraction of the drawn masks, except
        at 0 and 1, which end the scale. None for a frame in which nothing was drawn.
    """
    assert core.shape == shed.shape == shape
    drawn = _drawn_fraction(core, shed, combined.region)
    if drawn is None:
        return None
    outside = _shed_outside(coarse, combined.region)
    found = [
        _fraction(view, core_chance, shed_chance, _area_over(shed_chance, outside, coarse.region))
        for view, core_chance, shed_chance in (
            (combined, _EASY_CORE, _HARD_SHED),
            (combined, _HARD_CORE, _EASY_SHED),
            (fine, _USUAL_CORE, _USUAL_SHED),
        )
    ]
    known = [value for value in found if value is not None]
    low = min([drawn - _LEAST_HALF_WIDTH, *known])
    high = max([drawn + _LEAST_HALF_WIDTH, *known])
    return max(low, 0.0), min(high, 1.0)


def _drawn_fraction(core: Labels, shed: Mask, region: Region) -> float | None:
    """Disintegration fraction of drawn masks; None for empty ones.

    Areas are counted at full resolution. Which share of the core is its largest piece is counted
    at the network's, where pieces that touch are one as they are in the measurement.
    """
    part = core[region.top : region.top + region.height, region.left : region.left + region.width]
    core_area = np.count_nonzero(part)
    total = core_area + np.count_nonzero(shed)
    if not total:
        return None
    down, across = region.scale
    rows = ((np.arange(region.shape[0]) + 0.5) * down).astype(np.intp)
    columns = ((np.arange(region.shape[1]) + 0.5) * across).astype(np.intp)
    seen = part[rows[:, None], columns] > 0
    share = _largest(seen) / max(int(np.count_nonzero(seen)), 1)
    return float(1.0 - share * core_area / total)


def _shed_outside(coarse: View, near: Region) -> Float:
    """Chances of shed material in the coarse pass's pixels beyond a region, shape (n,)."""
    down, across = coarse.region.scale
    height, width = coarse.region.shape
    rows, columns = (np.arange(height) + 0.5) * down, (np.arange(width) + 0.5) * across
    inside_rows = (rows >= near.top) & (rows < near.top + near.height)
    inside_columns = (columns >= near.left) & (columns < near.left + near.width)
    found: Float = coarse.maps[SHED][~(inside_rows[:, None] & inside_columns)]
    return found


def _area_over(chance: float, chances: Float, region: Region) -> float:
    """Area of those of a region's pixels that are over a chance, in pixels of the frame."""
    down, across = region.scale
    return float(down * across * np.count_nonzero(chances > chance))


def _fraction(view: View, core_chance: float, shed_chance: float, outside: float) -> float | None:
    """Disintegration fraction of a view's maps cut at two chances; None where nothing is left.

    `outside` is the area of shed material beyond the view, in pixels of the frame.
    """
    core = ndimage.binary_fill_holes(view.maps[CORE] > core_chance)
    total = core | (view.maps[SHED] > shed_chance)
    down, across = view.region.scale
    area = down * across * np.count_nonzero(total) + outside
    return float(1.0 - down * across * _largest(core) / area) if area else None


def _largest(mask: Mask) -> int:
    """Pixels of the largest 8-connected piece."""
    labels, count = ndimage.label(mask, _EIGHT)
    return int(np.bincount(labels.ravel())[1:].max()) if count else 0
