"""Bodies that are solid, told from crowds of cells seen from afar.

At working resolution loose cells run together. At finer resolution the gaps between them show,
and they lead to the outside; a body, even one that is pale within a dark rim, is closed. What
is left after filling and after removing everything thin is the solid part.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spheroid_qc.segment.classical.material import Material, enlarge
from spheroid_qc.segment.classical.selection import Body
from spheroid_qc.segment.classical.shapes import fill_holes

__all__ = ["consolidate"]

Mask = NDArray[np.bool_]

_THIN = 0.15
"""What is thinner than this share of the body's radius, to either side, is not body."""

_BUMP = 0.2
"""Bumps on the outline narrower than this share of the radius, to either side, are clumps."""

_SOLID = 0.8
"""A body that keeps this share of its area is solid as it was found."""

_DENSER = 1.3
"""The solid part of a crowd differs from the background by this much more than its cells."""

_MANY = 6
"""Where there are more bodies than this, each is small and was judged by its own rim."""


def consolidate(bodies: list[Body], material: Material, min_area: float) -> list[Body]:
    """Replace crowds by what is solid in them.

    Parameters
    ----------
    bodies : list of Body
    material : Material
    min_area : float
        In blocks; less than this left of the largest body is nothing.

    Returns
    -------
    list of Body
    """
    if len(bodies) > _MANY:
        return bodies
    result = []
    for body in bodies:
        if body.by_texture:
            result.append(body)
            continue
        solid = _solid_part(body, material)
        kept = float(np.count_nonzero(solid & body.mask)) / np.count_nonzero(body.mask)
        if kept >= _SOLID:
            result.append(replace(body, mask=_without_bumps(body.mask)))
        elif np.count_nonzero(solid) >= min_area and _stands_out(solid, body, material):
            result.append(replace(body, mask=solid, evidence=body.evidence * 0.8))
    return result


def _without_bumps(mask: Mask) -> Mask:
    """Take off what sticks to the body: opening by a disc of a share of the body's radius."""
    radius = float(np.sqrt(np.count_nonzero(mask) / np.pi))
    reach = _BUMP * radius
    if reach < 1.0:
        return mask
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    pad = int(reach) + 2
    inside = _padded(mask[box], pad, box, mask.shape)
    seeds = ndimage.distance_transform_edt(inside) > reach
    if not seeds.any():
        return mask
    opened = ndimage.distance_transform_edt(~seeds) <= reach
    opened = (opened & inside)[pad:-pad, pad:-pad]
    labels, count = ndimage.label(opened)
    if count > 1:
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        opened = labels == sizes.argmax()
    result = np.zeros(mask.shape, bool)
    result[box] = opened
    return result


def _padded(piece: Mask, pad: int, box: tuple[slice, slice], shape: tuple[int, ...]) -> Mask:
    """Surround by background, but where the frame ends by what lies at its edge."""
    padded = np.pad(piece, pad)
    if box[0].start == 0:
        padded[:pad] = padded[pad]
    if box[0].stop == shape[0]:
        padded[-pad:] = padded[-pad - 1]
    if box[1].start == 0:
        padded[:, :pad] = padded[:, pad : pad + 1]
    if box[1].stop == shape[1]:
        padded[:, -pad:] = padded[:, -pad - 1 : -pad]
    return padded


def _stands_out(solid: Mask, body: Body, material: Material) -> bool:
    """Whether the solid part is denser than the crowd, and not just where it is crowded most."""
    factor, shape = material.factor, material.mask.shape
    inside = enlarge(solid, factor, shape)
    crowd = enlarge(body.mask & ~solid, factor, shape) & material.mask
    if np.count_nonzero(crowd) < 20:
        return True
    size = np.abs(material.difference)
    return float(size[inside].mean()) > _DENSER * float(size[crowd].mean())


def _solid_part(body: Body, material: Material) -> Mask:
    factor = material.factor
    rows = np.flatnonzero(body.mask.any(axis=1))
    columns = np.flatnonzero(body.mask.any(axis=0))
    pad = 3
    box = (
        slice(max(rows[0] - pad, 0), rows[-1] + 1 + pad),
        slice(max(columns[0] - pad, 0), columns[-1] + 1 + pad),
    )
    fine_box = tuple(slice(s.start * factor, s.stop * factor) for s in box)
    difference = material.difference[fine_box]
    piece = enlarge(body.mask[box], factor, difference.shape)
    opaque = -np.sign(body.step) * difference > 0.4 * abs(body.step)
    near = ndimage.maximum_filter(piece, 2 * factor + 1)
    closed = fill_holes(np.pad(opaque & near, 1, mode="edge"))[1:-1, 1:-1]
    radius = np.sqrt(np.count_nonzero(piece) / np.pi)
    reach = max(1.5, _THIN * radius)
    depth = ndimage.distance_transform_edt(np.pad(closed, 1, mode="edge"))[1:-1, 1:-1]
    seeds = depth > reach
    if not seeds.any():
        return np.zeros(body.mask.shape, bool)
    opened = ndimage.distance_transform_edt(~seeds) <= reach
    opened &= closed
    labels, _ = ndimage.label(opened)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest = labels == sizes.argmax()
    result = np.zeros(body.mask.shape, bool)
    height, width = (s.stop - s.start for s in box)
    coarse = np.zeros((height * factor, width * factor), np.float32)
    coarse[: largest.shape[0], : largest.shape[1]] = largest
    share = coarse.reshape(height, factor, width, factor).mean(axis=(1, 3))
    target = result[box]
    target |= share[: target.shape[0], : target.shape[1]] > 0.5
    return result
