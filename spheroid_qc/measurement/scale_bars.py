"""Scale bars, time stamps and labels that were burned into the picture.

What is burned in has one grey value at an end of the range, sharp edges, and is either a straight
bar or a row of letters of the same height. Nothing that grows in a well is all of this.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.measurement.background_level import at_least, at_most
from spheroid_qc.measurement.cut_out_spheroid import EIGHT, Box, bounding_box, within
from spheroid_qc.segmentation.array_types import Mask

_TOLERANCE = 0.03  # of the range: grey values that count as the end of it (JPEG blurs them)
_MAX_SHARE = 0.03  # of the frame: more than this at one end is no text
_MAX_PIECES = 3000  # pieces at the end of the range; more is noise
_MIN_EDGE = 0.12  # of the range: step from text to what lies two pixels away


def find_annotations(image: NDArray[Any]) -> list[tuple[Box, Mask]]:
    """Find burned-in letters and bars: of each its box in the frame and its pixels in the box."""
    finite = image if image.dtype.kind != "f" else image[np.isfinite(image)]
    if finite.size == 0:
        return []
    low, high = float(finite.min()), float(finite.max())
    span = high - low
    if not span > 0:
        return []
    found: list[tuple[Box, Mask]] = []
    with np.errstate(invalid="ignore"):
        bright = at_least(image, high - _TOLERANCE * span)
        for extreme in (bright, at_most(image, low + _TOLERANCE * span)):
            count = np.count_nonzero(extreme)
            if not 20 <= count <= _MAX_SHARE * image.size:
                continue
            # Text is compact: noise at the end of the range has few neighbours.
            beside = np.count_nonzero(extreme[:, 1:] & extreme[:, :-1])
            above = np.count_nonzero(extreme[1:] & extreme[:-1])
            compact = beside + above >= 0.5 * count
            if compact:
                found += _bars_and_text(image, extreme, span)
    return found


def _bars_and_text(image: NDArray[Any], extreme: Mask, span: float) -> list[tuple[Box, Mask]]:
    from scipy import ndimage

    around = bounding_box(extreme)
    assert around is not None  # the caller counted
    labels, count = ndimage.label(extreme[around], structure=EIGHT)
    if count > _MAX_PIECES:
        # Single noisy pixels at the end of the range: keep what is larger.
        sizes = np.bincount(labels.ravel())
        if np.count_nonzero(sizes[1:] >= 8) > _MAX_PIECES:
            return []
    bars: list[tuple[Box, Mask]] = []
    letters: list[tuple[Box, Mask]] = []
    tallest = 0.08 * image.shape[0]
    for number, part in enumerate(ndimage.find_objects(labels), start=1):
        box = within(around, (part[0], part[1]))
        height, width = box[0].stop - box[0].start, box[1].stop - box[1].start
        long, short = max(height, width), min(height, width)
        bar = long >= 20 and long >= 3 * short
        letter = 7 <= height <= tallest and width <= 3 * height
        if not bar and not letter:
            continue
        mask = labels[part] == number
        fill = np.count_nonzero(mask) / mask.size
        if not (bar and fill >= 0.9) and not (letter and 0.12 <= fill <= 1.0):
            continue
        if not _sharp(image, extreme, box, mask, span):
            continue
        (bars if bar and fill >= 0.9 else letters).append((box, mask))
    return bars + _text_lines(letters)


def _sharp(image: NDArray[Any], extreme: Mask, box: Box, mask: Mask, span: float) -> bool:
    """Tell whether grey values fall off within two pixels all around a piece.

    The neighbouring letters of a line of text don't count as its surroundings.
    """
    from scipy import ndimage

    padded = np.pad(mask, 2)
    near = ndimage.binary_dilation(padded, EIGHT)
    ring = ndimage.binary_dilation(near, EIGHT) & ~near
    y, x = np.nonzero(ring)
    y, x = y + box[0].start - 2, x + box[1].start - 2
    inside = (y >= 0) & (x >= 0) & (y < image.shape[0]) & (x < image.shape[1])
    y, x = y[inside], x[inside]
    around = image[y, x][~extreme[y, x]].astype(np.float64)
    own = float(np.mean(image[box][mask], dtype=np.float64))
    around = around[np.isfinite(around)]
    if around.size == 0:
        return False
    return bool(np.percentile(np.abs(around - own), 15) >= _MIN_EDGE * span)


def _text_lines(letters: list[tuple[Box, Mask]]) -> list[tuple[Box, Mask]]:
    """Keep letters that stand in a row of three or more of about the same height."""
    kept: list[tuple[Box, Mask]] = []
    for box, mask in letters:
        height = box[0].stop - box[0].start
        beside = 0
        for other, _ in letters:
            tall = other[0].stop - other[0].start
            same_line = abs(other[0].stop - box[0].stop) <= 0.25 * height
            alike = abs(tall - height) <= 0.35 * height
            gap = max(other[1].start - box[1].stop, box[1].start - other[1].stop)
            if same_line and alike and gap <= 5 * height:
                beside += 1
        if beside >= 3:  # itself among them
            kept.append((box, mask))
    return kept
