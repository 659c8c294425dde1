"""The order of things: reduce, find the field, propose, judge, refine, shed, confidence."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from spheroid_qc.parameters import SegmentationParameters
from spheroid_qc.segment.classical.candidates import find_candidates
from spheroid_qc.segment.classical.consolidation import consolidate
from spheroid_qc.segment.classical.cues import Cues, make_cues
from spheroid_qc.segment.classical.field import usable_field
from spheroid_qc.segment.classical.material import Material, find_material
from spheroid_qc.segment.classical.reduction import as_plane, reduce_frame
from spheroid_qc.segment.classical.refinement import (
    fill_outline,
    outline_of,
    refine_outline,
)
from spheroid_qc.segment.classical.selection import Body, select_bodies
from spheroid_qc.segment.classical.shed import cell_area, find_cloud, find_shed
from spheroid_qc.segment.result import Segmentation

__all__ = ["segment_classical"]

T = TypeVar("T", bound=np.generic)

_CELLS_IN_A_BODY = 12
"""A clump of fewer cells than this, among loose cells, is shed material."""

_WORKING_PX = 256


def segment_classical(
    image: ArrayLike, pixel_size_um: float | None, parameters: SegmentationParameters
) -> Segmentation:
    """Find core and shed material by intensity, texture and edges.

    Parameters
    ----------
    image : array_like, shape (y, x) or (y, x, 3 or 4)
    pixel_size_um : float or None
    parameters : SegmentationParameters

    Returns
    -------
    Segmentation
    """
    plane, missing = as_plane(image)
    shape = (plane.shape[0], plane.shape[1])
    reduced = reduce_frame(plane, missing, _WORKING_PX)
    field = usable_field(reduced)
    if plane.max() <= 0 or np.count_nonzero(field.usable) < 64:
        return _nothing(shape, 1.0)
    cues = make_cues(reduced, field, "auto")
    area = float(np.count_nonzero(field.usable))
    min_area = max(12.0, 0.0025 * area)
    candidates = find_candidates(cues, field.usable, max(9.0, 0.0003 * area))
    bodies = select_bodies(candidates, cues, field.usable, min_area, 0.3)
    union = _union(bodies, field.usable.shape)
    by_rim = bool(bodies) and not bodies[0].by_texture
    contrast = abs(bodies[0].step) if by_rim else 0.5 * cues.span
    material = find_material(reduced, cues, field.usable, union, contrast, 0.15)
    bodies = consolidate(bodies, material, min_area)
    cell = cell_area(material) if bodies else None
    if cell is not None:
        bodies = [b for b in bodies if np.count_nonzero(b.mask) > _CELLS_IN_A_BODY * cell]
    if not bodies:
        cloud = find_cloud(material, area)
        loose = _enlarge(cloud, reduced.block // material.factor, shape)
        return Segmentation(np.zeros(shape, np.int32), loose, 0.5, "classical", {})
    labels = np.zeros(reduced.mean.shape, np.int32)
    for number, body in enumerate(bodies, start=1):
        labels[body.mask] = number
    count = len(bodies)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    rank = np.zeros(count + 1, np.int32)
    rank[np.argsort(-sizes, kind="stable") + 1] = np.arange(1, count + 1)
    labels = rank[labels]
    shed = find_shed(labels, material)
    core = _full_resolution(bodies, cues, material, reduced.block, shape)
    loose = _enlarge(shed, reduced.block // material.factor, shape) & (core == 0)
    return Segmentation(core, loose, float(bodies[0].evidence), "classical", {})


def _full_resolution(
    bodies: list[Body], cues: Cues, material: Material, block: int, shape: tuple[int, int]
) -> NDArray[np.int32]:
    """Refine every body's outline and label the bodies, largest first."""
    filled = []
    for body in bodies:
        points = refine_outline(outline_of(body.mask), body, cues, material)
        filled.append(fill_outline((points + 0.5) * block - 0.5, shape))
    core = np.zeros(shape, np.int32)
    order = sorted(range(len(filled)), key=lambda i: -int(np.count_nonzero(filled[i][1])))
    for number, i in enumerate(order, start=1):
        box, mask = filled[i]
        target = core[box]
        target[mask & (target == 0)] = number
    return core


def _union(bodies: list[Body], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    union = np.zeros(shape, bool)
    for body in bodies:
        union |= body.mask
    return union


def _enlarge(values: NDArray[T], block: int, shape: tuple[int, ...]) -> NDArray[T]:
    big = np.repeat(np.repeat(values, block, axis=0), block, axis=1)
    return np.ascontiguousarray(big[: shape[0], : shape[1]])


def _nothing(shape: tuple[int, ...], confidence: float) -> Segmentation:
    return Segmentation(
        np.zeros(shape, np.int32), np.zeros(shape, bool), confidence, "classical", {}
    )
