"""Shed material: from the network's map of chances to the shed mask of the frame."""

from __future__ import annotations

import numpy as np

from spheroid_qc.segmentation.array_types import Float, Mask
from spheroid_qc.segmentation.learned.coarse_and_fine_pass import Region, View, crop
from spheroid_qc.segmentation.learned.network import SHED
from spheroid_qc.segmentation.piece_shapes import box_of

_SHED_THRESHOLD = 0.6
"""Chance from which a pixel is shed material. Above a half, because training weighs what is shed
twice: in a corona, and on the demo's plate, lower ones take in gaps and specks."""

_CLOUD_THRESHOLD = 0.9
"""Chance from which shed material that was seen in the whole frame is not taken back by the
fine pass."""


def draw_shed(coarse: View, combined: View, shape: tuple[int, int]) -> Mask:
    """Draw the shed mask at full resolution: the fine pass's where it saw, else the coarse one's.

    `combined` is both passes together, over the fine one's region. Bodies are not taken out.
    """
    shed = np.zeros(shape, bool)
    whole, near = coarse.region, combined.region
    chance = combined.maps[SHED]
    if (whole.height, whole.width) != (near.height, near.width):
        _paste(shed, coarse.maps[SHED], whole)
        # A fine pass over a crowd sees its cells one by one, and the gaps between them as bare.
        coarse_chance = crop(coarse, near, slice(SHED, SHED + 1))[0]
        chance = np.where(
            coarse_chance >= _CLOUD_THRESHOLD, np.maximum(coarse_chance, chance), chance
        )
    _paste(shed, chance, near)
    return shed


def _paste(shed: Mask, probability: Float, region: Region) -> None:
    """Replace a region of a mask by a view's map of chances."""
    from PIL import Image

    target = shed[region.top : region.top + region.height, region.left : region.left + region.width]
    target[:] = False
    held = probability > 0.5 * _SHED_THRESHOLD
    if not held.any():
        return
    # Only the part that holds any, in eight bits: a frame may have millions of pixels.
    rows, columns = box_of(held, 1)
    down, across = region.scale
    top, bottom = int(rows.start * down), min(int(rows.stop * down) + 1, region.height)
    left, right = int(columns.start * across), min(int(columns.stop * across) + 1, region.width)
    eight = Image.fromarray(np.round(probability * 255).astype(np.uint8))
    big = eight.resize(
        (right - left, bottom - top),
        Image.Resampling.BILINEAR,
        (left / across, top / down, right / across, bottom / down),
    )
    target[top:bottom, left:right] = np.asarray(big) >= round(255 * _SHED_THRESHOLD)
