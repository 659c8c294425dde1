"""The outline, moved to where the edge is.

A body found at working resolution is a block or so off, and where its threshold was low or high
more than that. Its outline is sampled along its normals in the finer image, and every point
moves to the steepest change that has the body's own sign; neighbours agree on where that is.
The outline is then filled at full resolution.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from spheroid_qc.segmentation.array_types import Mask, Points
from spheroid_qc.segmentation.classical.body_selection import SelectedBody
from spheroid_qc.segmentation.classical.brightness_and_texture_cues import Cues
from spheroid_qc.segmentation.classical.foreign_material import Material
from spheroid_qc.segmentation.outlines import Edges, evenly_spaced, follow_edge
from spheroid_qc.segmentation.piece_shapes import box_of, pad_as_cut

_BAY_RADII, _MIN_ROUGHNESS = 0.25, 0.5
"""Widest bay, as a share of the radius, and log texture of the body above the background's, from
which its bays may be granules."""


def without_bays(body: SelectedBody, cues: Cues) -> Mask:
    """Fill bays that are as rough as the body: pale granules on its rim."""
    mask = body.mask
    reach = _BAY_RADII * float(np.sqrt(np.count_nonzero(mask) / np.pi))
    if body.by_texture or reach < 1.5:
        return mask
    pad = int(reach) + 2
    box = box_of(mask, pad)
    piece, rough = mask[box], cues.roughness[box]
    near = ndimage.distance_transform_edt(~piece)
    ring = (near > 4) & (near <= 4 + pad)
    if not ring.any():
        return mask
    outer, inner = float(np.median(rough[ring])), float(np.median(rough[piece]))
    if inner - outer < _MIN_ROUGHNESS:
        return mask
    open_sea = near > reach
    bays = (near > 0) & (ndimage.distance_transform_edt(~open_sea) > reach)
    result: Mask = mask.copy()
    result[box] |= bays & (rough > 0.35 * outer + 0.65 * inner)
    return result


def outline_of(mask: Mask) -> Points:
    """Trace the closed outline of a body in blocks: evenly spaced points, shape (n, 2)."""
    from skimage.measure import find_contours

    box = box_of(mask)
    # What touches the frame is repeated, so that the outline runs along the edge and not inside it.
    padded = np.pad(pad_as_cut(mask[box], 4, box, mask.shape).astype(np.float32), 2)
    contours = find_contours(ndimage.gaussian_filter(padded, 0.8), 0.5)  # type: ignore[no-untyped-call]
    longest = max(contours, key=len)
    points = np.asarray(longest, np.float64)[:-1] - 6 + (box[0].start, box[1].start)
    return evenly_spaced(points)


def refine_outline(points: Points, body: SelectedBody, cues: Cues, material: Material) -> Points:
    """Move an outline of `outline_of` to the steepest edge near it; in blocks as before."""
    radius = float(np.sqrt(np.count_nonzero(body.mask) / np.pi))
    if body.by_texture:
        edges = Edges(np.exp(cues.roughness), 1, -1.0, radius, True)
    else:
        sign = float(np.sign(body.step))
        edges = Edges(material.difference, material.factor, sign, radius, False)
    return follow_edge(points, edges)
