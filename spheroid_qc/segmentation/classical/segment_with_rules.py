"""The order of things: reduce, find the field, candidates, bodies, outlines, shed material."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from spheroid_qc.parameters import SegmentationParameters
from spheroid_qc.segmentation.array_types import Mask, Points
from spheroid_qc.segmentation.classical.body_selection import SelectedBody, select_bodies
from spheroid_qc.segmentation.classical.brightness_and_texture_cues import Cues, make_cues
from spheroid_qc.segmentation.classical.candidates import find_candidates
from spheroid_qc.segmentation.classical.field_of_view import usable_field
from spheroid_qc.segmentation.classical.foreign_material import Material, enlarge, find_material
from spheroid_qc.segmentation.classical.shed_by_rules import cell_area, find_cloud, find_shed
from spheroid_qc.segmentation.classical.solid_bodies import consolidate
from spheroid_qc.segmentation.downsampling import as_plane, reduce_frame
from spheroid_qc.segmentation.outlines import (
    Edges,
    evenly_spaced,
    fill_outline,
    follow_edge,
    paint_bodies,
)
from spheroid_qc.segmentation.piece_shapes import box_of, pad_as_cut, widened
from spheroid_qc.segmentation.segmentation_result import Segmentation
from spheroid_qc.stopwatch import Work, timed


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


_WORKING_BLOCKS = 256
"""Blocks along the longer side at which bodies are sought."""

_MIN_PIECE_SHARE = 0.0003
"""Share of the field below which nothing counts; a sphere among many may be that small."""

_MIN_CELLS_IN_BODY = 12
"""A clump of fewer cells than this, among loose cells, is shed material."""

_MIN_MATERIAL_CONTRAST = 0.15
"""Material differs from the background by at least this share of the bodies' own contrast."""

_MIN_FIELD_BLOCKS = 64
"""Blocks below which a frame is too small to tell anything."""


@timed(Work.RULES)
def segment_classical(
    image: ArrayLike, pixel_size_um: float | None, parameters: SegmentationParameters
) -> Segmentation:
    """Find core and shed material by intensity, texture and edges; see `segment`."""
    plane, missing = as_plane(image)
    shape = (plane.shape[0], plane.shape[1])
    reduced = reduce_frame(plane, missing, _WORKING_BLOCKS)
    usable = usable_field(reduced)
    area = float(np.count_nonzero(usable))
    if plane.max() <= 0 or area < _MIN_FIELD_BLOCKS:
        return _nothing(shape, 1.0)
    cues = make_cues(reduced, usable, parameters.polarity.value)
    needed = 1.0 - parameters.sensitivity
    min_area = _smallest_body(area, reduced.block, pixel_size_um, parameters)
    candidates = find_candidates(cues, usable, max(9.0, _MIN_PIECE_SHARE * area))
    bodies, best = select_bodies(candidates, cues, usable, min_area, needed)
    by_rim = bool(bodies) and not bodies[0].by_texture
    contrast = abs(bodies[0].step) if by_rim else 0.5 * cues.span
    union = _union(bodies, usable.shape)
    material = find_material(reduced, cues, usable, union, contrast, _MIN_MATERIAL_CONTRAST)
    bodies = consolidate(bodies, material, min_area)
    cell = cell_area(_loose(material, bodies, min_area)) if bodies else None
    if cell is not None:
        bodies = [b for b in bodies if np.count_nonzero(b.mask) > _MIN_CELLS_IN_BODY * cell]
    if not bodies:
        # The nearer the best candidate came to being accepted, the less certain is nothing.
        confidence = float(np.clip(1 - 0.6 * best / needed, 0.2, 1.0))
        cloud = None
        if parameters.shed:
            if union.any():  # it was a crowd: look for its cells there too
                nowhere = np.zeros_like(union)
                material = find_material(
                    reduced, cues, usable, nowhere, contrast, _MIN_MATERIAL_CONTRAST
                )
            cloud = find_cloud(material, area)
        if cloud is None or not cloud.any():
            return _nothing(shape, confidence, best)
        loose = enlarge(cloud, reduced.block // reduced.factor, shape)
        return Segmentation(
            np.zeros(shape, np.int32), loose, min(confidence, 0.6), "classical", {"evidence": best}
        )
    core = _full_resolution(bodies, cues, material, reduced.block, shape)
    loose = np.zeros(shape, bool)
    if parameters.shed:
        shed = find_shed(_label(bodies, usable.shape), material)
        loose = enlarge(shed, reduced.block // reduced.factor, shape) & (core == 0)
    first = bodies[0]
    evidence = {
        "evidence": first.evidence,
        "stability": first.stability,
        "support": first.support,
        "by_texture": float(first.by_texture),
        "contrast": contrast / cues.span,
        "bodies": float(len(bodies)),
    }
    return Segmentation(core, loose, first.confidence, "classical", evidence)


def _smallest_body(
    area: float, block: int, pixel_size_um: float | None, parameters: SegmentationParameters
) -> float:
    """Smallest area of the largest body, in blocks."""
    diameter = parameters.min_diameter_share * np.sqrt(area)
    if parameters.min_diameter_um is not None and pixel_size_um is not None:
        diameter = parameters.min_diameter_um / (pixel_size_um * block)
    return max(12.0, float(np.pi / 4 * diameter**2))


def _full_resolution(
    bodies: list[SelectedBody], cues: Cues, material: Material, block: int, shape: tuple[int, int]
) -> NDArray[np.int32]:
    """Refine every body's outline and label the bodies, largest first."""
    filled = []
    for body in bodies:
        points = refine_outline(outline_of(body.mask), body, cues, material)
        filled.append(fill_outline((points + 0.5) * block - 0.5, shape))
    return paint_bodies(filled, shape)


def _label(bodies: list[SelectedBody], shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Bodies at working resolution, largest first."""
    labels = np.zeros(shape, np.int32)
    ordered = sorted(bodies, key=lambda body: -int(np.count_nonzero(body.mask)))
    for number, body in enumerate(ordered, start=1):
        labels[body.mask] = number
    return labels


def _union(bodies: list[SelectedBody], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    union = np.zeros(shape, bool)
    for body in bodies:
        union |= body.mask
    return union


def _loose(material: Material, bodies: list[SelectedBody], min_area: float) -> Material:
    """Material without the larger bodies: spheres are not the cells they are measured by."""
    bodies = [b for b in bodies if np.count_nonzero(b.mask) > 0.5 * min_area]
    union = widened(_union(bodies, material.rough.shape), 2)
    sharp = material.sharp & ~enlarge(union, material.factor, material.sharp.shape)
    return replace(material, sharp=sharp)


def _nothing(shape: tuple[int, int], confidence: float, best: float = 0.0) -> Segmentation:
    return Segmentation(
        np.zeros(shape, np.int32),
        np.zeros(shape, bool),
        confidence,
        "classical",
        {"evidence": best},
    )
