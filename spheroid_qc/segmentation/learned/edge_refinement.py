"""The last pixel: an outline that follows the rim where the rim can be seen.

The network says what is a body; where exactly its rim runs, the intensities say better, if they
change across it clearly. Then the outline moves to the steepest change, as in the classical
segmenter; where they don't, it stays where the network's probability puts it.
"""

from __future__ import annotations

import numpy as np

from spheroid_qc.segmentation.array_types import Float, Mask, Points
from spheroid_qc.segmentation.order_statistics import median, percentiles
from spheroid_qc.segmentation.outlines import Edges, enclosed_area, evenly_spaced, follow_edge
from spheroid_qc.segmentation.piece_shapes import box_of, narrowed, widened

_MIN_STEP_IQR = 1.5
"""Change across the rim, in quartile ranges of what lies outside, from which it is followed."""

_MAX_AREA_CHANGE = 0.12
"""A share of the area by which the outline may change; more means that it ran away."""

_MIN_RADIUS_PX = 6.0
"""Pixels of the view below which a body's outline is left alone."""

_MARGIN_PX = 8
"""Pixels around a body that are cut out: a little more than what counts as just outside."""


def snap_to_edge(points: Points, own: Mask, others: Mask, mean: Float) -> Points:
    """Move a closed outline, (y, x) in the view's pixels, to the rim, if it is clear.

    `own` is the body, `others` all further ones, `mean` the intensity of the view.
    """
    radius = float(np.sqrt(np.count_nonzero(own) / np.pi))
    on_border = own[0].any() or own[-1].any() or own[:, 0].any() or own[:, -1].any()
    if radius < _MIN_RADIUS_PX or on_border:
        return points
    box = box_of(own, _MARGIN_PX)
    body, around = own[box], mean[box]
    near = widened(body, 2)
    outside = widened(near, 4) & ~near & ~others[box]
    inside = body & ~narrowed(body, max(3, round(0.15 * radius)))
    if np.count_nonzero(outside) < 20:
        return points
    low, level, high = percentiles(around[outside], (25, 50, 75))
    step = level - median(around[inside])
    if abs(step) < _MIN_STEP_IQR * (high - low):
        return points
    even = evenly_spaced(points)
    edges = Edges(mean - np.float32(level), 1, float(np.sign(step)), radius, False)
    moved = follow_edge(even, edges)
    before, after = enclosed_area(even), enclosed_area(moved)
    return moved if abs(after / before - 1) < _MAX_AREA_CHANGE else points
