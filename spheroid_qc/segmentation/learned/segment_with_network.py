"""The order of things: a coarse pass, a fine pass, bodies, shed material, confidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from spheroid_qc.parameters import SegmentationParameters
from spheroid_qc.segmentation.adapter import Adapter
from spheroid_qc.segmentation.array_types import Float, Labels, Mask
from spheroid_qc.segmentation.downsampling import as_plane
from spheroid_qc.segmentation.learned.coarse_and_fine_pass import coarse_pass, fine_pass
from spheroid_qc.segmentation.learned.confidence import answer_features, expectation
from spheroid_qc.segmentation.learned.core_bodies import draw_bodies, find_bodies
from spheroid_qc.segmentation.learned.disintegration_interval import (
    disintegration_interval,
    expected_error,
    fraction_doubts,
)
from spheroid_qc.segmentation.learned.network import CORE
from spheroid_qc.segmentation.learned.shed_material import draw_shed
from spheroid_qc.segmentation.learned.sight_of_neighbours import with_neighbours
from spheroid_qc.segmentation.learned.view import View
from spheroid_qc.segmentation.piece_shapes import widened
from spheroid_qc.segmentation.segmentation_result import Segmentation
from spheroid_qc.stopwatch import Work, timed

_CORE_THRESHOLD = 0.5
"""Chance from which a pixel is core. From 0.4 to 0.6 sources left out score alike (IoU 0.86)."""

_MIN_SHARE_FEW, _MIN_SHARE_MANY = 0.07, 0.02
"""Area below which a piece is a clump, as a share of the largest body's, where that one outweighs
all others together, and where it does not."""

_MIN_SIDE_PX = 16
"""Pixels along the shorter side below which a frame is too small."""


@timed(Work.LEARNED)
def segment_learned(
    image: ArrayLike,
    pixel_size_um: float | None,
    parameters: SegmentationParameters,
    adapter: Adapter | None = None,
    neighbours: Sequence[Mask] = (),
) -> Segmentation:
    """Find core and shed material with the trained network; see `segment`.

    `neighbours` are the cores of the frames before and after, boolean and of the image's shape:
    where the network is in doubt of the core, they decide. It is no surer of itself for them.
    """
    with timed(Work.POOL):
        plane, _ = as_plane(image)
    shape = (plane.shape[0], plane.shape[1])
    if plane.max() <= 0 or min(shape) < _MIN_SIDE_PX:
        nothing = np.zeros(shape, np.int32)
        return Segmentation(nothing, nothing > 0, 1.0, "learned", {"agreement": 1.0})
    coarse = coarse_pass(plane, adapter)
    combined, fine = fine_pass(plane, coarse, adapter)
    weighed = with_neighbours(combined, neighbours) if neighbours else combined
    labels = find_bodies(weighed, _CORE_THRESHOLD)
    labels = _plausible(labels, weighed, shape, pixel_size_um, parameters)
    features = answer_features(coarse, fine, combined, labels)
    if adapter is not None:
        features["adapted"] = coarse.adapted
    # The overlap of the core to be expected, or the chance that there is nothing.
    confidence = expectation("bodies" if labels.any() else "nothing", features)
    core = draw_bodies(
        labels, weighed.maps[CORE], weighed.region, shape, _CORE_THRESHOLD, weighed.pooled
    )
    shed = np.zeros(shape, bool)
    interval = None
    if parameters.shed:
        shed = draw_shed(plane, coarse, combined, core)
        known = fraction_doubts(coarse, combined, fine, core, shed, features)
        if known is not None:
            drawn, doubts = known
            interval = disintegration_interval(drawn, doubts)
            features |= doubts
            confidence *= 1 - expected_error(doubts)
    return Segmentation(core, shed, confidence, "learned", features, interval)


def _plausible(
    labels: Labels,
    view: View,
    shape: tuple[int, ...],
    pixel_size_um: float | None,
    parameters: SegmentationParameters,
) -> Labels:
    """Drop what is too small, too unsure or of the wrong polarity."""
    count = int(labels.max())
    if count == 0:
        return labels
    sizes = np.bincount(labels.ravel(), minlength=count + 1).astype(np.float64)
    keep = np.ones(count + 1, bool)
    down, across = view.region.scale
    if parameters.min_diameter_um is not None and pixel_size_um is not None:
        minimum = parameters.min_diameter_um / pixel_size_um
    else:
        minimum = 0.5 * parameters.min_diameter_share * float(np.sqrt(shape[0] * shape[1]))
    if sizes[1] * down * across < np.pi / 4 * minimum**2:
        return np.zeros_like(labels)
    many = sizes[2:].sum() > sizes[1]
    keep &= sizes >= (_MIN_SHARE_MANY if many else _MIN_SHARE_FEW) * sizes[1]
    sure = np.zeros(count + 1, bool)
    sure[labels[view.maps[CORE] >= max(_CORE_THRESHOLD, 1.3 - parameters.sensitivity)]] = True
    keep &= sure
    if parameters.polarity.value != "auto":
        keep &= _has_polarity(labels, view.pooled, parameters.polarity.value)
    keep[0] = False
    rank = np.zeros(count + 1, np.int32)
    rank[keep] = np.arange(1, int(keep.sum()) + 1)
    return rank[labels]


def _has_polarity(labels: Labels, mean: Float, wanted: str) -> Mask:
    """Whether each body is darker, or brighter, than what lies around it."""
    count = int(labels.max())
    keep = np.ones(count + 1, bool)
    for number in range(1, count + 1):
        own = labels == number
        ring = widened(own, 6) & (labels == 0)
        if ring.any():
            darker = float(np.median(mean[own])) < float(np.median(mean[ring]))
            keep[number] = darker == (wanted == "dark")
    return keep
