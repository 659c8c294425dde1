"""Where in the frame a spheroid can be: inside the well, off writing that was burned in.

A whole-well frame is a lit disc in a dark surround with the well's wall as its brightest edge;
a segmenter that does not know this finds the well. Scale bars and time stamps are thin strokes
of the darkest or brightest value there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spheroid_qc.segmentation.classical.burned_in_text import find_writing
from spheroid_qc.segmentation.classical.well_wall import beyond_walls
from spheroid_qc.segmentation.downsampling import Reduced
from spheroid_qc.segmentation.illumination import background_surface
from spheroid_qc.segmentation.piece_shapes import component_shapes, fill_holes

Float = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Field:
    """The part of the frame in which spheroids are sought, at working resolution.

    Parameters
    ----------
    usable : ndarray of bool, shape (y, x)
    well : bool
        Whether the frame shows a whole well in a dark surround.
    annotation : ndarray of bool, shape (y, x)
        Writing burned into the frame.
    """

    usable: Mask
    well: bool
    annotation: Mask


def usable_field(reduced: Reduced) -> Field:
    """Find surround, wall, writing and missing pixels.

    Parameters
    ----------
    reduced : Reduced

    Returns
    -------
    Field
    """
    usable = ~reduced.missing
    annotation = find_writing(reduced)
    inside = _well_interior(reduced)
    if inside is not None:
        usable &= inside
    usable &= ~annotation
    if inside is None:
        beyond = beyond_walls(reduced.mean, usable)
        if beyond is not None:
            usable &= ~beyond
    return Field(usable, inside is not None, annotation)


def _well_interior(reduced: Reduced) -> Mask | None:
    """Lit disc of a whole-well frame without its wall, or None for any other frame."""
    mean = reduced.mean
    height, width = mean.shape
    patch = max(2, min(height, width) // 20)
    if min(height, width) < 32:
        return None
    corners = np.array(
        [
            np.median(mean[rows, columns])
            for rows in (slice(0, patch), slice(-patch, None))
            for columns in (slice(0, patch), slice(-patch, None))
        ]
    )
    middle = float(np.median(mean[height // 4 : -height // 4, width // 4 : -width // 4]))
    surround = float(np.median(corners))
    step = middle - surround
    span = float(np.subtract(*np.percentile(mean, (99.5, 0.5))))
    if (
        abs(step) < 0.15 * span
        or np.count_nonzero(np.abs(corners - surround) < 0.25 * abs(step)) < 3
    ):
        return None
    lit = fill_holes((mean - surround) * np.sign(step) > 0.5 * abs(step))
    labels, count = ndimage.label(lit)
    if count == 0:
        return None
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest = int(sizes.argmax())
    well: Mask = labels == largest
    if sizes[largest] < 0.35 * well.size:
        return None
    shape = component_shapes(well.astype(np.int32), 1)
    if shape.ellipse_fill[1] < 0.96:
        return None
    depth = ndimage.distance_transform_edt(np.pad(well, 1))[1:-1, 1:-1]
    inner: Mask = depth > 0.2 * depth.max()
    residual = mean - background_surface(mean, inner)
    flatness = float(np.median(np.abs(residual[inner])))
    saturated = float(reduced.extreme[inner].mean())
    if flatness > 0.05 * abs(step) or saturated > 0.2:
        return None
    profile = _by_depth(mean, well, depth)
    if np.abs(profile[1:7] - surround).max(initial=0.0) < 0.7 * abs(step):
        return None  # a vignette: the light fades slowly
    dead = float(np.median(reduced.texture[~well])) < 2e-3
    if step > 0 and not dead and not _has_wall(mean, well, profile):
        return None  # a big bright body on a dark ground
    if step < 0 and not (dead and surround > 0.99 and 0.15 < middle < 0.85):
        return None  # a big dark body on a bright ground, unless the ground is no image at all
    return depth > _wall_depth(reduced, well, depth)


def _by_depth(image: Float, well: Mask, depth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median over rings of equal depth: a spheroid fills but a sector, the wall all of it."""
    rings = depth[well].astype(np.uint16)
    order = np.argsort(rings, kind="stable")
    starts = np.searchsorted(rings[order], np.arange(int(rings.max()) + 2))
    values = image[well][order]
    return np.array([np.median(values[a:b]) if b > a else 0.0 for a, b in pairwise(starts)])


def _has_wall(mean: Float, well: Mask, profile: NDArray[np.float64]) -> bool:
    """Whether light goes up and down on the way in, as it does across a wall."""
    beyond = ndimage.distance_transform_edt(~well)
    ring = (beyond > 0) & (beyond < 0.06 * max(mean.shape))
    approach = _by_depth(mean, ring, beyond)[1:]
    crossing = np.concatenate([approach[::-1], profile[1 : max(4, profile.size // 4)]])
    travelled = float(np.abs(np.diff(crossing)).sum())
    return travelled > 1.4 * float(abs(crossing[-1] - crossing[0])) + 0.02


def _wall_depth(reduced: Reduced, well: Mask, depth: NDArray[np.float64]) -> float:
    """How far the wall and its glare reach into the well, from the edge profile by depth."""
    profile = _by_depth(ndimage.gaussian_gradient_magnitude(reduced.mean, 1.0), well, depth)
    limit = max(3, int(0.25 * depth.max()))
    calm = float(np.median(profile[limit:])) if profile.size > limit else 0.0
    peak = float(profile[:limit].max(initial=0.0))
    high = np.flatnonzero(profile[:limit] > calm + 0.05 * (peak - calm))
    return float(high.max() + 2) if high.size else 2.0
