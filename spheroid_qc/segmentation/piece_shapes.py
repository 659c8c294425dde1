"""Pieces of masks: their boxes, rims and shapes, and the largest of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from spheroid_qc.segmentation.array_types import Features, Labels, Mask

_EIGHT = np.ones((3, 3), bool)


@dataclass(frozen=True, eq=False)
class Shapes:
    """Area, centre and compactness of labels 0..n (row 0 is the background), in pixels.

    `ellipse_fill` is the area divided by that of the ellipse with the same second moments: 1 for a
    filled ellipse, less for rings, crescents, branches and scatter; `elongation` the ratio of that
    ellipse's long to its short axis.
    """

    area: Features
    y: Features
    x: Features
    ellipse_fill: Features
    elongation: Features


def box_of(mask: Mask, around: int = 0) -> tuple[slice, slice]:
    """Box that holds a mask and some pixels around it, as far as the image goes.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
        Not empty.
    around : int

    Returns
    -------
    tuple of slice
        They may end beyond the image, which cutting ignores.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(int(rows[0]) - around, 0), int(rows[-1]) + around + 1),
        slice(max(int(columns[0]) - around, 0), int(columns[-1]) + around + 1),
    )


def pieces(mask: Mask, *, diagonal: bool = False) -> tuple[Labels, int]:
    """Give the connected pieces of a mask, numbered in reading order, and how many there are.

    The same as `scipy.ndimage.label`, which takes 0.16 ms instead of 0.06 ms for a body in the
    middle of 256 x 256 pixels: only the box that holds any of the mask is looked at. `diagonal`
    joins pixels that touch at a corner, too.
    """
    labels = np.zeros(mask.shape, np.int32)
    if not mask.any():
        return labels, 0
    box = box_of(mask)
    return labels, int(ndimage.label(mask[box], _EIGHT if diagonal else None, output=labels[box]))


def largest_area(mask: Mask) -> int:
    """Pixels of the largest piece of a mask, where pixels may touch at a corner; 0 for none."""
    labels, count = pieces(mask, diagonal=True)
    if count < 2:
        return int(np.count_nonzero(mask))
    return int(np.bincount(labels[mask]).max())


def component_shapes(labels: Labels, count: int) -> Shapes:
    """Measure labels 1 to `count`.

    The same as `skimage.measure.regionprops_table` (with a twelfth added to the second moments),
    which takes 9 ms instead of 2.6 ms of a frame's 79 ms (1 Mpx, by rules, one thread).
    """
    # Sums over a run of pixels in a row follow from where it begins and ends, so that only the
    # changes along the rows are visited: a run from a to b - 1 adds F(b) - F(a).
    height, width = labels.shape
    padded = np.zeros((height, width + 2), labels.dtype)
    padded[:, 1:-1] = labels
    flat = padded.ravel()
    at = np.flatnonzero(flat[1:] != flat[:-1])
    row, column = np.divmod(at, width + 2)
    ends, begins = flat[at], flat[at + 1]
    owner = np.concatenate([ends[ends > 0], begins[begins > 0]])
    sign = np.concatenate([np.ones(np.count_nonzero(ends)), -np.ones(np.count_nonzero(begins))])
    b = np.concatenate([column[ends > 0], column[begins > 0]]).astype(np.float64)
    r = np.concatenate([row[ends > 0], row[begins > 0]]).astype(np.float64)
    first = sign * b * (b - 1) / 2
    size = count + 1
    area: Features = np.bincount(owner, sign * b, size).astype(np.float64)
    safe = np.maximum(area, 1)
    y = np.bincount(owner, sign * b * r, size) / safe
    x = np.bincount(owner, first, size) / safe
    # One twelfth: the second moment of a pixel about its own centre.
    yy = np.bincount(owner, sign * b * r * r, size) / safe - y * y + 1 / 12
    xx = np.bincount(owner, first * (2 * b - 1) / 3, size) / safe - x * x + 1 / 12
    xy = np.bincount(owner, first * r, size) / safe - x * y
    determinant = np.maximum(yy * xx - xy * xy, 1e-9)
    spread = np.sqrt(np.maximum(((yy - xx) / 2) ** 2 + xy * xy, 0))
    middle = (yy + xx) / 2
    elongation = np.sqrt((middle + spread) / np.maximum(middle - spread, 1e-9))
    fill = safe / (4 * np.pi * np.sqrt(determinant))
    return Shapes(area, y, x, fill, elongation)


def largest_piece(mask: Mask) -> Mask:
    """Largest 4-connected piece of a mask; the mask itself where there is but one."""
    labels, count = pieces(mask)
    if count < 2:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest: Mask = labels == sizes.argmax()
    return largest


def by_size(labels: Labels, minimum: float = 1) -> Labels:
    """Renumber pieces, largest first; those of less than `minimum` pixels are dropped."""
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    order = [i for i in np.argsort(-sizes, kind="stable") if sizes[i] >= minimum]
    rank = np.zeros(sizes.size, np.int32)
    rank[order] = np.arange(1, len(order) + 1)
    return rank[labels]


def inner_rim(mask: Mask) -> Mask:
    """Pixels of a mask that have an edge to the outside, or to the end of the array."""
    rim: Mask = mask & ~narrowed(mask)
    return rim


def widened(mask: Mask, times: int = 1) -> Mask:
    """Add the four neighbours of every pixel, so many times.

    The same as `scipy.ndimage.binary_dilation`, which takes 0.7 ms instead of 0.05 ms for four
    times of 256 x 256 pixels: whole rows are joined at once.
    """
    for _ in range(times):
        before, mask = mask, mask.copy()
        mask[1:] |= before[:-1]
        mask[:-1] |= before[1:]
        mask[:, 1:] |= before[:, :-1]
        mask[:, :-1] |= before[:, 1:]
    return mask


def narrowed(mask: Mask, times: int = 1, *, beyond: bool = False) -> Mask:
    """Take away what has a neighbour that is not in the mask, so many times.

    `beyond` says whether what lies outside of the array is in the mask. The same as
    `scipy.ndimage.binary_erosion`; see `widened`.
    """
    for _ in range(times):
        before, mask = mask, mask.copy()
        mask[1:] &= before[:-1]
        mask[:-1] &= before[1:]
        mask[:, 1:] &= before[:, :-1]
        mask[:, :-1] &= before[:, 1:]
        if not beyond:
            mask[[0, -1]] = False
            mask[:, [0, -1]] = False
    return mask


def without_holes(mask: Mask) -> Mask:
    """Fill what is cut off from the outside.

    The same as `scipy.ndimage.binary_fill_holes`, which takes 1.2 ms instead of 0.1 ms for a body
    in the middle of 256 x 256 pixels.
    """
    if not mask.any():
        return mask
    box = box_of(mask)
    inside = mask[box]
    around = np.ones((inside.shape[0] + 2, inside.shape[1] + 2), bool)
    np.logical_not(inside, out=around[1:-1, 1:-1])
    outside, count = ndimage.label(around)
    if count == 1:
        return mask
    filled: Mask = mask.copy()
    np.not_equal(outside[1:-1, 1:-1], outside[0, 0], out=filled[box])
    return filled


def pad_as_cut(piece: Mask, pad: int, box: tuple[slice, slice], shape: tuple[int, ...]) -> Mask:
    """Surround a piece, cut out of the frame by `box`, by `pad` pixels of background.

    Where the frame ends, what lies at the piece's edge goes on instead.
    """
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
