"""Between which values the disintegration fraction lies, by the network's doubt about the masks.

The fraction is measured again with less and with more evidence asked of core and shed material,
and by each pass alone: where the maps are sure and both passes agree, it hardly moves. How far the
truth may lie from the drawn masks is a weighted sum of such doubts; the weights are quantile
regressions (Koenker & Bassett 1978, doi:10.2307/1913643), one for each side, on images of sources
that the network had not seen (`training.calibrate`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spheroid_qc.segmentation.array_types import Float, Labels, Mask
from spheroid_qc.segmentation.learned.confidence import weighed
from spheroid_qc.segmentation.learned.network import CORE, SHED
from spheroid_qc.segmentation.learned.view import Region, View
from spheroid_qc.segmentation.piece_shapes import largest_area, without_holes

_EASY_CORE, _USUAL_CORE, _HARD_CORE = 0.3, 0.5, 0.7
"""Chances from which a pixel is core: where doubt speaks for a whole spheroid, as the masks are
drawn, and where it speaks for one that fell apart."""

_EASY_SHED, _USUAL_SHED, _HARD_SHED = 0.3, 0.5, 0.8
"""The same for shed material; `easy` is asked where doubt speaks for one that fell apart."""

_LEAST_HALF_WIDTH = 0.02
"""Two people who outline the same spheroid differ by about this much."""

DOUBTS = ("below", "above", "vague", "hollow")
"""Doubts behind the interval, in the order of the calibration's weights: `fraction_doubts`."""


def fraction_doubts(
    coarse: View,
    combined: View,
    fine: View,
    core: Labels,
    shed: Mask,
    features: Mapping[str, float],
) -> tuple[float, dict[str, float]] | None:
    """Give the fraction of the drawn masks, and what speaks for a lower or a higher one.

    Parameters
    ----------
    coarse, combined, fine : View
        The coarse pass over the whole frame, both passes together and the fine one by itself over
        the fine one's region; maps of shape (4, y, x), chances in [0, 1].
    core : ndarray of int32, shape (y, x)
        Bodies as they were drawn, 0 background, at the frame's full resolution.
    shed : ndarray of bool, shape (y, x)
        Shed material as it was drawn; nowhere core.
    features : mapping of str to float
        Those of `answer_features`.

    Returns
    -------
    tuple of float and dict of str to float, or None
        Disintegration fraction, and its doubts, all in [0, 1]. `below`, `above`: how far the
        fraction falls and rises when the maps are cut elsewhere or by one pass alone; `vague`:
        pixels of which the network can't say whether they are shed material, as a share of the
        foreground; `hollow`: what the core lacks of being core for sure, which is what a corona
        taken for core does. None where nothing was drawn.
    """
    drawn = _drawn_fraction(core, shed, combined.region)
    if drawn is None:
        return None
    outside = _shed_outside(coarse, combined.region)
    found = [
        _fraction(view, core_chance, shed_chance, beyond)
        for view, core_chance, shed_chance, beyond in (
            (combined, _EASY_CORE, _HARD_SHED, _area_over(_HARD_SHED, outside, coarse.region)),
            (combined, _HARD_CORE, _EASY_SHED, _area_over(_EASY_SHED, outside, coarse.region)),
            (fine, _USUAL_CORE, _USUAL_SHED, _area_over(_USUAL_SHED, outside, coarse.region)),
            (coarse, _USUAL_CORE, _USUAL_SHED, 0.0),
        )
    ]
    known = [value for value in found if value is not None]
    total = np.count_nonzero(core) + np.count_nonzero(shed)
    near = combined.maps[SHED]
    vague = float(np.prod(combined.region.scale)) * float((near * (1 - near)).sum())
    vague += float(np.prod(coarse.region.scale)) * float((outside * (1 - outside)).sum())
    return drawn, {
        "below": max(drawn - min([drawn, *known]), 0.0),
        "above": max(max([drawn, *known]) - drawn, 0.0),
        "vague": vague / (vague + total),
        "hollow": 1 - features["inside"],
    }


def disintegration_interval(drawn: float, doubts: Mapping[str, float]) -> tuple[float, float]:
    """Give the 90 % interval of the disintegration fraction of one frame, from mask doubt.

    Parameters
    ----------
    drawn : float
        Fraction of the drawn masks.
    doubts : mapping of str to float
        Those of `fraction_doubts`.

    Returns
    -------
    tuple of float
        (low, high) in [0, 1]; never nearer than 0.02 to the fraction of the drawn masks, except
        at 0 and 1, which end the scale.
    """
    low = drawn - max(weighed("fraction_low", doubts), _LEAST_HALF_WIDTH)
    high = drawn + max(weighed("fraction_high", doubts), _LEAST_HALF_WIDTH)
    return float(max(low, 0.0)), float(min(high, 1.0))


def expected_error(doubts: Mapping[str, float]) -> float:
    """Absolute error of the disintegration fraction to be expected, in [0, 1]."""
    return float(np.clip(weighed("fraction_error", doubts), 0, 1))


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
    share = largest_area(seen) / max(int(np.count_nonzero(seen)), 1)
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
    core = without_holes(view.maps[CORE] > core_chance)
    total = core | (view.maps[SHED] > shed_chance)
    down, across = view.region.scale
    area = down * across * np.count_nonzero(total) + outside
    return float(1.0 - down * across * largest_area(core) / area) if area else None
