"""Scale bars with their legend, and time stamps, burned into the frame.

A bar is the one thing in a micrograph that is a perfect level rectangle. What else is written
stands beside it, in strokes of the same grey; text on its own is known by strokes of the
darkest or brightest value there is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spheroid_qc.segmentation.array_types import Float, Mask
from spheroid_qc.segmentation.downsampling import Reduced
from spheroid_qc.segmentation.order_statistics import percentiles

_STRIP_SHARE = 0.2
"""Share of the frame's height, at the top and at the bottom, in which a bar may be."""

_MAX_BAR_SHARE = 0.03
"""Thickness of a bar, as a share of the frame's height."""

_LETTER_SHARE = 0.08
"""Height of a letter, as a share of the frame's height."""


def find_text(reduced: Reduced) -> Mask:
    """Find blocks with bars, legends and stamps that were burned into the frame."""
    text = _extreme_strokes(reduced)
    height = reduced.fine.shape[0]
    tall = round(_STRIP_SHARE * height)
    if reduced.block < 2 or tall < 24:
        return text
    for begin, end in ((0, tall), (height - tall, height)):
        strip = _legend(reduced.fine[begin:end], height)
        if strip is None:
            continue
        rows, columns = np.nonzero(strip)
        blocks = np.zeros(text.shape, bool)
        blocks[
            np.minimum((rows + begin) // reduced.factor, text.shape[0] - 1),
            np.minimum(columns // reduced.factor, text.shape[1] - 1),
        ] = True
        text |= ndimage.binary_dilation(blocks, np.ones((3, 3), bool))
    return text


def _legend(strip: Float, height: int) -> Mask | None:
    """Bar and letters in a strip along the top or the bottom of the frame, if there is a bar."""
    reach = 2 * round(_MAX_BAR_SHARE * height) + 1
    for sign in (-1, 1):
        # Noise is averaged along the rows, in which a bar is long.
        values = sign * ndimage.uniform_filter1d(strip, 1 + 2 * (height // 256), axis=1)
        # What is left over an opening along the columns is thin from top to bottom.
        opened = ndimage.maximum_filter1d(
            ndimage.minimum_filter1d(values, reach, axis=0, mode="nearest"),
            reach,
            axis=0,
            mode="nearest",
        )
        thin = values - opened
        # Writing covers little of the strip, but stands out from all else that is thin.
        rest, high = percentiles(thin[::2], (97, 99.9))
        if high < 2.0 * rest + 1e-3:
            continue
        strokes = thin > 0.35 * high
        labels, count = ndimage.label(strokes)
        if not 0 < count < 400:
            continue
        sizes = np.bincount(labels.ravel(), minlength=count + 1)
        boxes = ndimage.find_objects(labels)
        for label in range(1, count + 1):
            rows, columns = boxes[label - 1]
            tall, wide = rows.stop - rows.start, columns.stop - columns.start
            if wide < 0.04 * strip.shape[1] or wide < 6 * tall or tall > _MAX_BAR_SHARE * height:
                continue
            if sizes[label] < 0.85 * tall * wide or tall < 2:
                continue
            bar = strip[rows, columns][labels[rows, columns] == label]
            whole = strip.shape[1] - columns.stop < 2 and columns.start < 2
            if whole or 1.4826 * float(np.median(np.abs(bar - np.median(bar)))) > 0.15 * high:
                continue
            return _around(labels, boxes, label, height)
    return None


def _around(labels: NDArray[Any], boxes: list[tuple[slice, ...]], bar: int, height: int) -> Mask:
    """Fill the boxes of the bar and of the letters beside it."""
    covered = np.zeros(labels.shape, bool)
    rows, columns = boxes[bar - 1]
    letter = _LETTER_SHARE * height
    aside = 0.5 * (columns.stop - columns.start) + letter
    for box in boxes:
        if box[0].stop - box[0].start > letter or box[1].stop - box[1].start > max(
            3 * letter, columns.stop - columns.start
        ):
            continue
        far_y = max(rows.start - box[0].stop, box[0].start - rows.stop)
        far_x = max(columns.start - box[1].stop, box[1].start - columns.stop)
        if far_y < 0.75 * letter and far_x < aside:
            covered[box] = True
    # Between a letter and the next.
    gap = max(3, round(0.012 * height)) | 1
    return ndimage.binary_closing(np.pad(covered, gap), np.ones((1, gap), bool))[gap:-gap, gap:-gap]


def _extreme_strokes(reduced: Reduced) -> Mask:
    """Find groups of sharp strokes at an extreme value in a small part of the frame."""
    strokes = (reduced.extreme > 0.02) & (reduced.extreme < 0.999) & (reduced.texture > 0.15)
    none = np.zeros(strokes.shape, bool)
    if reduced.block < 2 or not strokes.any() or strokes.mean() > 0.05:
        return none
    # Letters of one word and the bar above it lie closer together than a tenth of the frame.
    reach = max(3, round(0.02 * max(strokes.shape))) | 1
    words = ndimage.maximum_filter(strokes, size=reach)
    labels, count = ndimage.label(words)
    if count == 0:
        return none
    result = none
    height, width = strokes.shape
    for index, box in enumerate(ndimage.find_objects(labels), start=1):
        tall, wide = box[0].stop - box[0].start, box[1].stop - box[1].start
        middle_y = (box[0].start + box[0].stop) / 2 / height
        if tall > 0.16 * height or wide > 0.4 * width or 0.2 < middle_y < 0.8:
            continue
        part = labels[box] == index
        extreme = reduced.extreme[box][part & strokes[box]]
        texture = reduced.texture[box][part & strokes[box]]
        # A two-valued block has standard deviation sqrt(p (1 - p)) times its step.
        two_valued = np.sqrt(extreme * (1 - extreme)) * 0.5
        # Single hot pixels lie scattered; strokes lie close.
        dense = extreme.size > max(5, 0.2 * np.count_nonzero(part))
        if dense and np.median(texture - two_valued) > 0 and wide >= tall:
            result = result | (words & (labels == index))
    return result
