"""Touching balls taken apart, lobed bodies left whole.

Two balls that touch are joined by a neck much narrower than either; a lobed body has none.
The distance to the outline is a ball's radius at its centre and half the neck's width between
two centres, so that both can be compared whatever their size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Labels = NDArray[np.int32]

_NECK = 0.85
"""A neck narrower than this share of the smaller ball separates the two."""


def split_lobes(labels: Labels, chosen: NDArray[np.intp], min_area: float) -> tuple[Labels, int]:
    """Cut chosen pieces at their necks.

    Parameters
    ----------
    labels : ndarray of int32, shape (y, x)
    chosen : ndarray of int
        Labels to look at.
    min_area : float
        Parts smaller than this are left out.

    Returns
    -------
    parts : ndarray of int32, shape (y, x)
        Only the parts of pieces that came apart.
    count : int
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
            if depth[along_y, along_x].min() > _NECK * min(radius, depth[other_y, other_x]):
                separate = False
                break
        if separate and radius > 0.3 * depth[centres[0]] if centres else True:
            centres.append((y, x))
    return centres
