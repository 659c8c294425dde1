"""The order of things: look, look closer, label, draw, and say how sure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from spheroid_qc.parameters import SegmentationParameters
from spheroid_qc.segmentation.downsampling import as_plane
from spheroid_qc.segmentation.learned.bodies import draw_bodies, find_bodies
from spheroid_qc.segmentation.learned.confidence import answer_features, confidence_of
from spheroid_qc.segmentation.learned.network import CORE, SHED
from spheroid_qc.segmentation.learned.passes import Region, View, coarse_pass, crop, fine_pass
from spheroid_qc.segmentation.result import Segmentation

Float = NDArray[np.float32]
Mask = NDArray[np.bool_]
Labels = NDArray[np.int32]

_THRESHOLD = 0.4
"""Chance from which a pixel is core: a little better than 0.5 on held-out frames."""

_SHED_THRESHOLD = 0.6
"""Chance from which a pixel is shed material. Above a half, because training weighs what is shed
twice: in a corona, and on the demo's plate, lower ones take in gaps and specks."""

_CLOUD = 0.9
"""Chance from which shed material that was seen in the whole frame is not taken back by a closer
look."""

_FEW_SHARE, _MANY_SHARE = 0.07, 0.02
"""Area below which a piece is a clump, as a share of the largest body's, where that one outweighs
all others together, and where it does not."""

_LEAST_SIDE = 16
"""Pixels of a frame below which nothing can be told."""


@dataclass(frozen=True, eq=False)
class Passes:
    """Both looks at a frame, and the bodies seen.

    Parameters
    ----------
    first, alone, combined : View
    labels : ndarray of int32, shape of the combined view
    """

    first: View
    alone: View
    combined: View
    labels: Labels


def segment_learned(
    image: ArrayLike, pixel_size_um: float | None, parameters: SegmentationParameters
) -> Segmentation:
    """Find core and shed material with the trained network.

    Parameters
    ----------
    image : array_like, shape (y, x) or (y, x, 3 or 4)
    pixel_size_um : float or None
    parameters : SegmentationParameters

    Returns
    -------
    Segmentation

    Raises
    ------
    ValueError
        If the array is not an image.
    RequestError
        If the network's weights are missing.
    """
    plane, _ = as_plane(image)
    shape = (plane.shape[0], plane.shape[1])
    if plane.max() <= 0 or min(shape) < _LEAST_SIDE:
        nothing = np.zeros(shape, np.int32)
        return Segmentation(nothing, nothing > 0, 1.0, "learned", {"agreement": 1.0})
    looks = two_passes(plane, pixel_size_um, parameters)
    labels = looks.labels
    features = answer_features(looks.first, looks.alone, looks.combined, labels)
    confidence = confidence_of(features, bool(labels.any()))
    seen = looks.combined
    core = draw_bodies(labels, seen.maps[CORE], seen.region, shape, _THRESHOLD, seen.pooled)
    shed = _draw_shed(looks, shape) & (core == 0) if parameters.shed else np.zeros(shape, bool)
    return Segmentation(core, shed, confidence, "learned", features)


def two_passes(
    plane: Float, pixel_size_um: float | None, parameters: SegmentationParameters
) -> Passes:
    """Run both passes and choose the bodies.

    Parameters
    ----------
    plane : ndarray of float32, shape (y, x)
    pixel_size_um : float or None
    parameters : SegmentationParameters

    Returns
    -------
    Passes
    """
    first = coarse_pass(plane)
    combined, alone = fine_pass(plane, first)
    labels = find_bodies(combined, _THRESHOLD)
    labels = _believable(labels, combined, plane.shape, pixel_size_um, parameters)
    return Passes(first, alone, combined, labels)


def _believable(
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
    keep &= sizes >= (_MANY_SHARE if many else _FEW_SHARE) * sizes[1]
    numbers = np.arange(count + 1)
    surest = ndimage.maximum(view.maps[CORE], labels, numbers)
    keep &= np.asarray(surest) >= max(_THRESHOLD, 1.3 - parameters.sensitivity)
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
        ring = ndimage.binary_dilation(own, iterations=6) & (labels == 0)
        if ring.any():
            darker = float(np.median(mean[own])) < float(np.median(mean[ring]))
            keep[number] = darker == (wanted == "dark")
    return keep


def _draw_shed(looks: Passes, shape: tuple[int, int]) -> Mask:
    """Shed material of the whole frame at full resolution, the closer look where there is one."""
    shed = np.zeros(shape, bool)
    whole, near = looks.first.region, looks.combined.region
    closer = looks.combined.maps[SHED]
    if (whole.height, whole.width) != (near.height, near.width):
        _paste(shed, looks.first.maps[SHED], whole)
        # A close look at a crowd sees its cells one by one, and the gaps between them as bare.
        before = crop(looks.first, near, slice(SHED, SHED + 1))[0]
        closer = np.where(before >= _CLOUD, np.maximum(before, closer), closer)
    _paste(shed, closer, near)
    return shed


def _paste(shed: Mask, probability: Float, region: Region) -> None:
    """Replace a region of a mask by what a view says about it."""
    from PIL import Image

    target = shed[region.top : region.top + region.height, region.left : region.left + region.width]
    target[:] = False
    found = probability > 0.5 * _SHED_THRESHOLD
    if not found.any():
        return
    # Only the part that holds any, in eight bits: a frame may have millions of pixels.
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    down, across = region.scale
    top, bottom = (
        int(max(rows[0] - 1, 0) * down),
        min(int((rows[-1] + 2) * down) + 1, region.height),
    )
    left = int(max(columns[0] - 1, 0) * across)
    right = min(int((columns[-1] + 2) * across) + 1, region.width)
    eight = Image.fromarray(np.round(probability * 255).astype(np.uint8))
    big = eight.resize(
        (right - left, bottom - top),
        Image.Resampling.BILINEAR,
        (left / across, top / down, right / across, bottom / down),
    )
    target[top:bottom, left:right] = np.asarray(big) >= round(255 * _SHED_THRESHOLD)
