"""Candidates: every compact piece of every cue at every threshold, with its evidence.

What a rim shows is read from the pairs of neighbouring blocks that lie across it, so that one
pass over a label image measures all its pieces. Pieces that consist of touching balls are
offered both whole and apart.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spheroid_qc.segmentation.array_types import Features, Labels, Mask
from spheroid_qc.segmentation.classical.brightness_and_texture_cues import TEXTURE_CUES, Cues
from spheroid_qc.segmentation.piece_shapes import (
    box_of,
    component_shapes,
    narrowed,
    widened,
    without_holes,
)

_NECK_SHARE = 0.85
"""A neck narrower than this share of the smaller ball separates the two."""


def split_lobes(labels: Labels, chosen: NDArray[np.intp], min_area: float) -> tuple[Labels, int]:
    """Cut the pieces with the chosen labels at their necks.

    Gives only the parts of pieces that came apart, labelled, and their number; parts smaller than
    `min_area` are left out.
    """
    parts = np.zeros(labels.shape, np.int32)
    count = 0
    boxes = ndimage.find_objects(labels)
    for label in chosen:
        box = boxes[label - 1]
        piece = np.pad(labels[box] == label, 1)
        coarse = max(1, min(piece.shape) // 40)  # necks of large pieces show in every second row
        depth = coarse * ndimage.distance_transform_edt(piece[::coarse, ::coarse])
        centres = [(y * coarse, x * coarse) for y, x in _centres(depth)]
        if len(centres) < 2:
            continue
        rows, columns = np.nonzero(piece[1:-1, 1:-1])
        radii = np.array([depth[y // coarse, x // coarse] for y, x in centres])
        # Nearest ball by the distance to its surface: cuts run straight through the necks.
        distance = np.stack(
            [
                np.hypot(rows + 1 - y, columns + 1 - x) - r
                for (y, x), r in zip(centres, radii, strict=True)
            ]
        )
        nearest = distance.argmin(axis=0)
        sizes = np.bincount(nearest, minlength=len(centres))
        numbers = np.zeros(len(centres), np.int32)
        kept = sizes >= min_area
        numbers[kept] = count + 1 + np.arange(int(kept.sum()))
        count += int(kept.sum())
        target = parts[box]
        target[rows, columns] = numbers[nearest]
    return parts, count


def _centres(depth: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Centres of balls, deepest first, with a neck between any two."""
    smooth = ndimage.gaussian_filter(depth, 1.0)
    peaks = (smooth == ndimage.maximum_filter(smooth, 5)) & (depth > 2)
    rows, columns = np.nonzero(peaks)
    order = np.argsort(-depth[rows, columns], kind="stable")[:200]
    centres: list[tuple[int, int]] = []
    t = np.linspace(0, 1, 24)
    for y, x in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        radius = depth[y, x]
        separate = True
        for other_y, other_x in centres:
            along_y = np.rint(y + (other_y - y) * t).astype(np.intp)
            along_x = np.rint(x + (other_x - x) * t).astype(np.intp)
            if depth[along_y, along_x].min() > _NECK_SHARE * min(radius, depth[other_y, other_x]):
                separate = False
                break
        if separate and radius > 0.3 * depth[centres[0]] if centres else True:
            centres.append((y, x))
    return centres


@dataclass(eq=False)
class Candidates:
    """Pieces of all cues at all thresholds; one row each, features as arrays of equal length.

    Parameters
    ----------
    layers : list of ndarray of int32, shape (y, x)
        Label images the pieces are cut from.
    layer, index, cue : ndarray of int
        Row's label image, its label there, and its cue's number.
    split : ndarray of bool
        Whether the piece was cut from a larger one at its necks.
    area, y, x, ellipse_fill, elongation : ndarray
        Shape, in blocks.
    convexity : ndarray
        Outline of the bounding box divided by the piece's own, both counted along rows and
        columns: 1 for a smooth body, less for a ragged one.
    border : ndarray
        Share of the outline on the edge of the field.
    step, agreement : ndarray
        Mean signed change of intensity outwards across the rim, and the share of the rim that
        changes that way.
    rough_step, rough_agreement : ndarray
        The same for log texture; positive where the inside is rougher.
    unevenness : ndarray
        Standard deviation of the intensity change along the rim, divided by its mean size:
        small for a solid body, large where loose cells and gaps take turns.
    """

    layers: list[Labels]
    layer: NDArray[np.int64]
    index: NDArray[np.int64]
    cue: NDArray[np.int64]
    split: NDArray[np.bool_]
    area: Features
    y: Features
    x: Features
    ellipse_fill: Features
    elongation: Features
    convexity: Features
    border: Features
    step: Features
    agreement: Features
    rough_step: Features
    rough_agreement: Features
    unevenness: Features

    def __len__(self) -> int:
        return self.area.size

    def mask(self, row: int) -> Mask:
        """One piece, shape (y, x)."""
        mask: Mask = self.layers[self.layer[row]] == self.index[row]
        return mask


_REACH_BLOCKS = 2
"""Blocks on either side of the rim between which the change is taken."""

_TANGLED_FILL = 0.4
"""Ellipse fill up to which a piece is no row or cluster of balls either."""

_COMPACT_FILL = 0.955
"""Ellipse fill from which a piece is not searched for touching balls."""


def find_candidates(cues: Cues, usable: Mask, min_area: float) -> Candidates:
    """Measure all pieces of all cues that have at least `min_area` blocks."""
    layers: list[Labels] = []
    tables: list[dict[str, NDArray[Any]]] = []

    def measure(labels: Labels, count: int, cue: int, split: bool) -> dict[str, NDArray[Any]]:
        table = _measure(labels, count, cues, usable)
        table["split"] = np.full(count, split)
        table["layer"] = np.full(count, len(layers), np.int64)
        table["cue"] = np.full(count, cue, np.int64)
        table["index"] = np.arange(1, count + 1)
        layers.append(labels)
        tables.append(table)
        return table

    for number, cue in enumerate(cues.cues):
        previous = -1
        for position, threshold in enumerate(cue.thresholds):
            mask = (cue.values > threshold) & usable
            amount = int(np.count_nonzero(mask))
            if amount < min_area or amount == previous:
                continue
            previous = amount
            labels, count = _pieces(mask, usable, min_area)
            if count == 0:
                continue
            table = measure(labels, count, number, split=False)
            lobed = np.flatnonzero(
                (table["ellipse_fill"] < _COMPACT_FILL)
                & (table["ellipse_fill"] > _TANGLED_FILL)
                & (table["area"] > 8 * min_area)
            )
            if lobed.size and cue.name not in TEXTURE_CUES and position % 2:
                parts, total = split_lobes(labels, lobed + 1, min_area)
                if total:
                    measure(parts, total, number, split=True)
    names = [f.name for f in fields(Candidates) if f.name != "layers"]
    columns: dict[str, Any] = {
        name: np.concatenate([t[name] for t in tables]) if tables else np.zeros(0) for name in names
    }
    return Candidates(layers, **columns)


def _pieces(mask: Mask, usable: Mask, min_area: float) -> tuple[Labels, int]:
    """Fill, open and label, in the part of the frame that holds the mask."""
    box = box_of(mask, 2)
    filled = np.pad(without_holes(mask[box]), 2, mode="edge")
    solid = widened(narrowed(filled))[2:-2, 2:-2] & usable[box]
    found, count = ndimage.label(solid)
    large = np.bincount(found.ravel(), minlength=count + 1) >= min_area
    large[0] = False
    kept = int(np.count_nonzero(large))
    order = np.zeros(count + 1, np.int32)
    order[large] = np.arange(1, kept + 1)
    labels = np.zeros(mask.shape, np.int32)
    labels[box] = np.take(order, found)
    return labels, kept


def _measure(labels: Labels, count: int, cues: Cues, usable: Mask) -> dict[str, NDArray[Any]]:
    shapes = component_shapes(labels, count)
    rim = _Rim(labels, count, usable)
    step, agreement, _ = rim.change(cues.flat)
    rough_step, rough_agreement, _ = rim.change(cues.roughness)
    _, _, unevenness = rim.change(cues.mean)
    full = {
        "area": shapes.area,
        "y": shapes.y,
        "x": shapes.x,
        "ellipse_fill": shapes.ellipse_fill,
        "elongation": shapes.elongation,
        "convexity": _convexity(labels, rim.outline),
        "border": rim.border,
        "step": step,
        "agreement": agreement,
        "rough_step": -rough_step,
        "rough_agreement": rough_agreement,
        "unevenness": unevenness,
    }
    return {name: values[1:] for name, values in full.items()}


def _convexity(labels: Labels, outline: Features) -> Features:
    box = np.zeros(outline.size)
    for label, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        box[label] = 2.0 * (rows.stop - rows.start + columns.stop - columns.start)
    return np.minimum(box / np.maximum(outline, 1), 1.0)


class _Rim:
    """Pairs of blocks across the outlines of a label image; seams between labels don't count."""

    def __init__(self, labels: Labels, count: int, usable: Mask) -> None:
        self._count = count
        height, width = labels.shape
        flat = labels.ravel()
        open_field = usable.ravel()
        owner, inner, outer = [], [], []
        on_border = np.zeros(count + 1)
        foreground = labels > 0
        for stride, size, across in (
            (1, width, foreground[:, :-1] != foreground[:, 1:]),
            (width, height, foreground[:-1] != foreground[1:]),
        ):
            at = np.flatnonzero(across)
            rows, columns = np.divmod(at, across.shape[1])
            a = rows * width + columns
            b = a + stride
            along = columns if stride == 1 else rows
            before = a - stride * np.minimum(along, _REACH_BLOCKS - 1)
            after = b + stride * np.minimum(size - 2 - along, _REACH_BLOCKS - 1)
            inside_first = flat[a] > 0
            mine = np.where(inside_first, a, b)
            real = open_field[np.where(inside_first, b, a)]
            on_border += np.bincount(flat[mine[~real]], minlength=count + 1)
            owner.append(flat[mine[real]])
            inner.append(np.where(inside_first, before, after)[real])
            outer.append(np.where(inside_first, after, before)[real])
        for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
            on_border += np.bincount(side, minlength=count + 1)
        self._owner = np.concatenate(owner)
        self._inner = np.concatenate(inner)
        self._outer = np.concatenate(outer)
        length = np.bincount(self._owner, minlength=count + 1).astype(np.float64)
        self.outline = on_border + length
        self.border = on_border / np.maximum(self.outline, 1)
        self._length = np.maximum(length, 1)

    def change(self, values: NDArray[np.float32]) -> tuple[Features, Features, Features]:
        """Mean outward change along each rim, share that has its sign, and unevenness."""
        flat = values.ravel()
        differences = (flat[self._outer] - flat[self._inner]).astype(np.float64)
        mean = np.bincount(self._owner, differences, self._count + 1) / self._length
        square = np.bincount(self._owner, differences**2, self._count + 1) / self._length
        same = self._owner[differences * np.sign(mean)[self._owner] > 0]
        agreement = np.bincount(same, minlength=self._count + 1) / self._length
        spread = np.sqrt(np.maximum(square - mean * mean, 0))
        return mean, agreement, spread / np.maximum(np.abs(mean), 1e-9)
