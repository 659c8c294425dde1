"""Material that came off: foreign and rough, near a body, and neither its glow nor a fibre."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from scipy import ndimage

from spheroid_qc.segmentation.array_types import Float, Labels, Mask
from spheroid_qc.segmentation.classical.foreign_material import (
    CELL_SHARE,
    Material,
    enlarge,
    interpolate,
)
from spheroid_qc.segmentation.downsampling import any_in_blocks
from spheroid_qc.segmentation.piece_shapes import box_of, component_shapes, pieces
from spheroid_qc.segmentation.window_filters import highest

_RIM_RADII = 0.05
"""Nearer to the body than this share of its radius a difference is the rim's own blur."""

_HALO_RADII = 0.35
"""A ring of light or shadow fades within this share of the radius."""

_GAP_RADII, _MIN_GAP_SHARE = 0.5, 0.025
"""Material further than this share of the radius, or of the frame's side if that is more, from
anything of the spheroid is dust."""

_REACH_RADII = 8.0
"""Nor does material belong to a spheroid at more than this many radii from its rim."""

_CROWDED_SHARE = 0.4
"""Where more than this share of a neighbourhood is material, the gaps are material too."""

_MIN_CELLS, _MIN_SURPLUS_SD = 12, 5.0
"""A cluster has at least so many cells, and so many standard deviations more than by chance."""

_MAX_CLUSTER_SHARE = 0.33
"""A cluster's radius is less than this share of the frame's side."""

_LINE_RATIO = 3.0
"""Particles spread this many times further one way than the other lie along a line."""


def find_shed(core: Labels, material: Material) -> Mask:
    """Find shed material around labelled bodies, at the material's resolution."""
    factor, shape = material.factor, material.mask.shape
    radius = float(np.sqrt((core == 1).sum() / np.pi))
    rim = max(1.0, _RIM_RADII * radius)
    away = ndimage.distance_transform_edt(core == 0).astype(np.float32)
    found = np.zeros(shape, bool)
    seeds = any_in_blocks(material.sharp | material.cells, material.factor)
    seeds &= (away > rim) & (away < _REACH_RADII * radius)
    if not seeds.any():
        return found
    # Only the part of the frame that holds anything sharp, and the bodies with their glow.
    needed = seeds | (away < _HALO_RADII * radius + 2)
    blocks = box_of(needed)
    box = tuple(slice(s.start * factor, s.stop * factor) for s in blocks)
    part = material.crop(blocks)
    distance = interpolate(away[blocks], factor, part.mask.shape)
    clear = (distance > rim) & (distance < _REACH_RADII * radius)
    mask = part.sharp & clear
    halo = _halo(part.difference, distance, radius, part.noise)
    if halo is not None:
        part = replace(part, difference=part.difference - halo)
        mask &= np.abs(part.difference) > part.limit
    mask = _half_height(mask, part)
    # Next to the rim, and in a halo, what is rough is the rim's or the halo's slope.
    single = part.cells & (distance > rim + 2)
    if halo is not None:
        single &= np.abs(halo) < part.limit
    mask |= single & clear
    mask = _crowded(mask, factor) & clear
    found[box] = _of_the_spheroid(mask, core[blocks], part, distance, radius, rim, core.size)
    return found


def find_cloud(material: Material, field_area: float) -> Mask:
    """Find a cloud of loose cells where there is no body; scattered dust is none.

    `field_area` is in blocks; the mask has the material's resolution.
    """
    factor, shape = material.factor, material.mask.shape
    mask = material.sharp | material.cells
    labels, count = pieces(mask, diagonal=True)
    area = np.bincount(labels.ravel(), minlength=count + 1)
    keep = area >= 3
    keep[0] = False
    mask = keep[labels]
    none = np.zeros(shape, bool)
    if np.count_nonzero(keep) < 8:
        return none
    blocks = any_in_blocks(mask, material.factor)
    half = max(2, round(0.015 * max(blocks.shape)))
    grown = highest(blocks, 2 * half + 1)
    groups, _ = pieces(grown)
    sizes = np.bincount(groups[blocks])
    sizes[0] = 0
    group = int(sizes.argmax())
    one: Mask = groups == group
    inside = mask & enlarge(one, factor, shape)
    number = np.unique(labels[inside]).size
    dense = inside.sum() / (one.sum() * factor**2)
    enough = mask.sum() >= 0.001 * field_area * factor**2
    if enough and number >= 8 and inside.sum() >= 0.5 * mask.sum() and dense >= 0.06:
        return _crowded(inside, factor)
    crowd = _cluster(labels.astype(np.int32, copy=False), keep, field_area * factor**2)
    if crowd is None:
        return none
    return _crowded(mask & crowd, factor)


def _cluster(labels: Labels, keep: Mask, field_area: float) -> Mask | None:
    """Disc that holds far more particles of a cell's size than chance would put there.

    Dust lies anywhere: of N specks a disc with the share p of the field holds N p, with
    variance N p (1 - p). Cells that a spheroid fell apart into lie where it was.
    """
    shapes = component_shapes(labels, keep.size - 1)
    side = float(np.sqrt(field_area))
    cells = np.flatnonzero(
        keep & (shapes.area < (CELL_SHARE * side) ** 2) & (shapes.elongation < 4)
    )
    if cells.size < _MIN_CELLS:
        return None
    y, x = shapes.y[cells], shapes.x[cells]
    cy, cx = float(np.median(y)), float(np.median(x))
    best, radius = 0.0, 0.0
    for _ in range(3):
        away = np.hypot(y - cy, x - cx)
        reach = np.sort(away)
        number = np.arange(1, reach.size + 1)
        share = np.pi * np.square(reach) / field_area
        chance = cells.size * share
        surplus = (number - chance) / np.sqrt(chance * np.maximum(1 - share, 0) + 1)
        surplus[
            (number < _MIN_CELLS) | (reach > _MAX_CLUSTER_SHARE * side) | (2 * number < cells.size)
        ] = 0
        last = int(surplus.argmax())
        best, radius = float(surplus[last]), float(reach[last])
        mine = away <= radius
        cy, cx = float(y[mine].mean()), float(x[mine].mean())
    if best < _MIN_SURPLUS_SD:
        return None
    spread = np.linalg.eigvalsh(np.cov(y[mine], x[mine]))
    if spread[1] > _LINE_RATIO**2 * spread[0]:
        return None  # text, a fibre or a wall
    rows, columns = np.ogrid[: labels.shape[0], : labels.shape[1]]
    disc: Mask = np.hypot(rows - cy, columns - cx) <= 1.3 * radius
    return disc


def cell_area(material: Material) -> float | None:
    """Typical area of loose cells, in blocks; None where there are too few.

    It is that of the piece at which half of all material in pieces of a cell's size is reached.
    """
    labels, count = pieces(material.sharp)
    area = np.bincount(labels.ravel(), minlength=count + 1).astype(np.float64)
    area[0] = 0
    sizes = np.sort(area[(area >= 3) & (area < CELL_SHARE**2 * material.mask.size)])
    if sizes.size < 12:
        return None
    typical = float(sizes[np.searchsorted(sizes.cumsum(), 0.5 * sizes.sum())])
    return typical / material.factor**2


def _half_height(mask: Mask, material: Material) -> Mask:
    """Cut every cell at half its height, where its edge is, whatever its contrast."""
    height = np.where(mask, np.abs(material.difference), np.float32(0))
    size = max(3, round(0.012 * max(mask.shape))) | 1
    return mask & (height > 0.5 * highest(height, size))


def _crowded(mask: Mask, factor: int) -> Mask:
    """Fill the gaps where cells stand close."""
    if not mask.any():
        return mask
    share = ndimage.uniform_filter(mask.astype(np.float32), 4 * factor + 1, mode="constant")
    return mask | (share > _CROWDED_SHARE)


def _halo(difference: Float, distance: Float, radius: float, noise: float) -> Float | None:
    """Smooth light or shadow around the body as a function of distance from it."""
    width = _HALO_RADII * radius
    inside = (distance > 0) & (distance < width + 2)
    if np.count_nonzero(inside) < 50:
        return None
    bins = 2.0  # per block
    ring = (distance[inside] * bins).astype(np.uint16)
    values = difference[inside]
    order = np.argsort(ring, kind="stable")
    starts = np.searchsorted(ring[order], np.arange(int(ring.max()) + 2))
    ordered = values[order]
    profile = np.zeros(int(ring.max()) + 1, np.float32)
    for i, (a, b) in enumerate(pairwise(starts)):
        if b - a < 8:
            continue
        part = np.sort(ordered[a:b])
        low, middle, high = (float(part[int(q * part.size)]) for q in (0.25, 0.5, 0.75))
        if abs(middle) > 1.5 * (high - low) / 1.35 or high - low < 4 * noise:
            profile[i] = middle
    last = int(min(width * bins, profile.size - 1))
    if abs(profile[last]) > 0.5 * np.abs(profile).max(initial=0.0):
        return None
    position = np.clip(distance * np.float32(bins) - np.float32(0.5), 0, profile.size - 1)
    lower = position.astype(np.intp)
    share = position - lower
    upper = np.minimum(lower + 1, profile.size - 1)
    halo: Float = profile[lower] * (1 - share) + profile[upper] * share
    halo[distance >= width + 1] = 0.0
    return halo


def _of_the_spheroid(
    mask: Mask,
    core: Labels,
    material: Material,
    distance: Float,
    radius: float,
    rim: float,
    frame_area: float,
) -> Mask:
    """Keep pieces that stand clear of the rim and belong; drop specks, fibres and dust."""
    factor = material.factor
    labels, count = pieces(mask, diagonal=True)
    if count == 0:
        return mask
    area = np.bincount(labels.ravel(), minlength=count + 1).astype(np.float64)
    keep = area >= 3
    clear = mask & (distance > rim + max(1.0, 0.03 * radius))
    keep &= np.bincount(labels[clear], minlength=count + 1) > 0
    if np.any(keep & (area > 30)):
        shapes = component_shapes(labels.astype(np.int32, copy=False), count)
        length = np.sqrt(shapes.area * shapes.elongation)
        keep &= ~((shapes.elongation > 5) & (length > 0.5 * radius * factor))
    keep[0] = False
    mask = keep[labels]
    # Linked to a body by steps no longer than the gap: grown by half of it, in one piece.
    blocks = any_in_blocks(mask, material.factor) | (core > 0)
    side = float(np.sqrt(frame_area))
    half = max(2, round(0.5 * max(_GAP_RADII * radius, _MIN_GAP_SHARE * side)))
    grown = highest(blocks, 2 * half + 1)
    linked, _ = pieces(grown)
    mine = np.zeros(int(linked.max()) + 1, bool)
    mine[linked[core > 0]] = True
    kept: Mask = mask & enlarge(mine[linked], factor, mask.shape)
    return kept
