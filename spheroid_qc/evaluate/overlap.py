"""How well one mask covers another: overlap, and distance between the outlines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]


def iou(a: Mask, b: Mask) -> float:
    """Intersection over union (Jaccard index); 1 where both are empty.

    Parameters
    ----------
    a, b : ndarray of bool, shape (y, x)

    Returns
    -------
    float
    """
    union = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / union if union else 1.0


def dice(a: Mask, b: Mask) -> float:
    """Twice the intersection over the sum of both areas; 1 where both are empty.

    Parameters
    ----------
    a, b : ndarray of bool, shape (y, x)

    Returns
    -------
    float
    """
    both = int(np.count_nonzero(a)) + int(np.count_nonzero(b))
    return 2 * int(np.count_nonzero(a & b)) / both if both else 1.0


@dataclass(frozen=True)
class Outlines:
    """Distance between two outlines.

    Parameters
    ----------
    f1 : float
        Harmonic mean of the shares of either outline that lie within the tolerance of the other
        (Csurka et al. 2013, doi:10.5244/C.27.32).
    hausdorff_px : float
        Largest distance from a point of one outline to the other outline.
    hausdorff_95_px : float
        The same for 95 % of the points.
    """

    f1: float
    hausdorff_px: float
    hausdorff_95_px: float


def compare_outlines(a: Mask, b: Mask, tolerance_px: float) -> Outlines:
    """Compare the outlines of two masks.

    Parameters
    ----------
    a, b : ndarray of bool, shape (y, x)
    tolerance_px : float
        Distance up to which outlines count as the same.

    Returns
    -------
    Outlines
        Distances are NaN where one of the masks is empty, and F1 is 0; where both are, it is 1.
    """
    if not a.any() or not b.any():
        return Outlines(float(a.any() == b.any()), np.nan, np.nan)
    rows = np.flatnonzero((a | b).any(axis=1))
    columns = np.flatnonzero((a | b).any(axis=0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    rim_a, rim_b = _rim(a[box]), _rim(b[box])
    to_b = ndimage.distance_transform_edt(~rim_b)[rim_a]
    to_a = ndimage.distance_transform_edt(~rim_a)[rim_b]
    precision, recall = float(np.mean(to_b <= tolerance_px)), float(np.mean(to_a <= tolerance_px))
    both = precision + recall
    return Outlines(
        2 * precision * recall / both if both else 0.0,
        float(max(to_a.max(), to_b.max())),
        float(max(np.percentile(to_a, 95), np.percentile(to_b, 95))),
    )


def _rim(mask: Mask) -> Mask:
    inner: Mask = ndimage.binary_erosion(np.pad(mask, 1))[1:-1, 1:-1]
    return mask & ~inner
