"""Bodies that are solid, told from crowds of cells seen from afar.

At working resolution loose cells run together. At finer resolution the gaps between them show,
and they lead to the outside; a body, even one that is pale within a dark rim, is closed. What
is left after filling and after removing everything thin is the solid part.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from spheroid_qc.segmentation.array_types import Mask
from spheroid_qc.segmentation.classical.body_selection import SelectedBody
from spheroid_qc.segmentation.classical.foreign_material import Material, enlarge
from spheroid_qc.segmentation.piece_shapes import (
    box_of,
    largest_piece,
    narrowed,
    pad_as_cut,
    without_holes,
)
from spheroid_qc.segmentation.window_filters import highest

_THIN_RADII = 0.15
"""What is thinner than this share of the body's radius, to either side, is not body."""

_BUMP_RADII = 0.2
"""Bumps on the outline narrower than this share of the radius, to either side, are clumps."""

_SOLID_SHARE = 0.8
"""A body that keeps this share of its area is solid as it was found."""

_WEAK_EVIDENCE = 0.5
"""A body of more evidence than this has a rim of its own."""

_LOOSE_SHARE, _LOOSE_RATIO = 0.045, 1.7
"""Cells cover more than this share of the ground around a crowd's thick, which differs from the
background by less than so many times as much as they do."""

_SURE_EVIDENCE, _THICK_SHARE, _THICK_RATIO = 0.7, 0.4, 1.3
"""Nor is a body of middling evidence one where cells cover this share of the ground around it
and differ nearly as much as it does; unless it is pale, and shows by its rim."""

_MAX_GAP_SHARE = 0.5
"""More than this share of a crowd that shows by texture alone is even."""

_MAX_NOISE_SHARE = 0.13
"""Noise of this share of a body's step leaves no holes in it."""

_MANY_BODIES = 6
"""Where there are more bodies than this, each is small and was judged by its own rim."""


def consolidate(
    bodies: list[SelectedBody], material: Material, min_area: float
) -> list[SelectedBody]:
    """Replace crowds by what is solid in them, if that is at least `min_area` blocks."""
    taken = np.zeros(material.rough.shape, bool)
    for body in bodies:
        taken |= body.mask
    bodies = [body for body in bodies if not _is_crowd(body, taken, material)]
    if len(bodies) > _MANY_BODIES:
        return bodies
    result = []
    for body in bodies:
        if body.by_texture:
            result.append(body)
            continue
        solid = _solid_part(body, material)
        kept = float(np.count_nonzero(solid & body.mask)) / np.count_nonzero(body.mask)
        if kept >= _SOLID_SHARE:
            result.append(replace(body, mask=_without_bumps(body.mask)))
        elif np.count_nonzero(solid) >= min_area:
            result.append(replace(body, mask=solid, evidence=body.evidence * 0.8))
    return result


def _is_crowd(body: SelectedBody, taken: Mask, material: Material) -> bool:
    """Whether a weak body is but the thick of a crowd that goes on around it.

    A body is denser than the cells it sheds. Where what lies around the outline differs from
    the background as much as what lies within, the outline is where a threshold happened to be.
    What shows by texture alone is a crowd where most of its inside is as even as the background.
    """
    factor, shape = material.factor, material.mask.shape
    if body.by_texture:
        inside = np.abs(material.difference[enlarge(body.mask, factor, shape)])
        return float(np.mean(inside < 0.25 * inside.mean())) > _MAX_GAP_SHARE
    if body.evidence > _SURE_EVIDENCE:
        return False
    reach = 2 + 0.3 * float(np.sqrt(int(np.count_nonzero(body.mask)) / np.pi))
    away = ndimage.distance_transform_edt(~body.mask)
    ring = enlarge((away > 2) & (away < reach) & ~taken, factor, shape)
    loose = ring & (material.sharp | material.cells)
    share = int(np.count_nonzero(loose)) / max(int(np.count_nonzero(ring)), 1)
    if share <= _LOOSE_SHARE:
        return False
    inner = narrowed(body.mask, 2, beyond=True)
    inside = enlarge(inner if inner.any() else body.mask, factor, shape)
    size = np.abs(material.difference)
    ratio = float(size[inside].mean()) / max(float(size[loose].mean()), 1e-9)
    if body.evidence <= _WEAK_EVIDENCE:
        return ratio < _LOOSE_RATIO
    full = float(np.mean(material.mask[inside]))
    return share > _THICK_SHARE and ratio < _THICK_RATIO and full > 0.5


def _without_bumps(mask: Mask) -> Mask:
    """Take off what sticks to the body: opening by a disc of a share of the body's radius."""
    radius = float(np.sqrt(np.count_nonzero(mask) / np.pi))
    reach = _BUMP_RADII * radius
    if reach < 1.0:
        return mask
    box = box_of(mask)
    pad = int(reach) + 2
    inside = pad_as_cut(mask[box], pad, box, mask.shape)
    seeds = ndimage.distance_transform_edt(inside) > reach
    if not seeds.any():
        return mask
    opened = ndimage.distance_transform_edt(~seeds) <= reach
    result = np.zeros(mask.shape, bool)
    result[box] = largest_piece((opened & inside)[pad:-pad, pad:-pad])
    return result


def _solid_part(body: SelectedBody, material: Material) -> Mask:
    factor = material.factor
    box = box_of(body.mask, 3)
    fine_box = tuple(slice(s.start * factor, s.stop * factor) for s in box)
    difference = material.difference[fine_box]
    piece = enlarge(body.mask[box], factor, difference.shape)
    # Noise must not punch holes: a Gaussian of s pixels leaves 1 / (2 sqrt(pi) s) of it.
    blur = material.noise / (2 * np.sqrt(np.pi) * _MAX_NOISE_SHARE * max(abs(body.step), 1e-9))
    if blur > 0.3:
        blur = min(blur, 0.5 * _THIN_RADII * float(np.sqrt(np.count_nonzero(piece) / np.pi)))
        difference = ndimage.gaussian_filter(difference, blur, mode="nearest", truncate=3)
    opaque = -np.sign(body.step) * difference > 0.4 * abs(body.step)
    near = highest(piece, 2 * factor + 1)
    closed = without_holes(np.pad(opaque & near, 1, mode="edge"))[1:-1, 1:-1]
    radius = np.sqrt(np.count_nonzero(piece) / np.pi)
    reach = max(1.5, _THIN_RADII * radius)
    depth = ndimage.distance_transform_edt(np.pad(closed, 1, mode="edge"))[1:-1, 1:-1]
    seeds = depth > reach
    if not seeds.any():
        return np.zeros(body.mask.shape, bool)
    opened = ndimage.distance_transform_edt(~seeds) <= reach
    largest = largest_piece(opened & closed)
    result = np.zeros(body.mask.shape, bool)
    height, width = (s.stop - s.start for s in box)
    coarse = np.zeros((height * factor, width * factor), np.float32)
    coarse[: largest.shape[0], : largest.shape[1]] = largest
    share = coarse.reshape(height, factor, width, factor).mean(axis=(1, 3))
    target = result[box]
    target |= share[: target.shape[0], : target.shape[1]] > 0.5
    return result
