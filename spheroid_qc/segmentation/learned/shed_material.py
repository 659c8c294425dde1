"""Shed material, drawn at full resolution where the network says that there is some.

The network sees a region at 256 pixels a side, where a loose cell is a pixel or two: it says where
shed material lies, and the frame itself how far it reaches. A cell's outline is where its
difference from the ground around it has fallen to a share of its height, so that it has its own
area, whatever the scale that the network saw it at. Where cells lie too dense to be told apart the
network's chance is high throughout, and the whole cloud counts.
"""

from __future__ import annotations

import numpy as np

from spheroid_qc.segmentation.array_types import Float, Labels, Mask
from spheroid_qc.segmentation.downsampling import pool
from spheroid_qc.segmentation.learned.coarse_and_fine_pass import crop
from spheroid_qc.segmentation.learned.input_channels import resample
from spheroid_qc.segmentation.learned.network import SHED
from spheroid_qc.segmentation.learned.view import Region, View
from spheroid_qc.segmentation.order_statistics import median
from spheroid_qc.segmentation.piece_shapes import box_of, narrowed, pieces, widened
from spheroid_qc.segmentation.window_filters import gaussian, highest, uniform

_MIN_CHANCE = 0.1
"""Chance below which the network sees ground. A pixel that a cell covers a tenth of gets about a
tenth: what it is trained on is the share of the pixel that shed material covers."""

_COVERED = 0.5
"""Chance from which a whole pixel of the network counts as covered, where cells can't be told apart
and at the outline where the network sees every pixel of the frame."""

_SEEN_CHANCE = 0.25
"""A piece that nowhere reaches this is nothing. With all three, 76 images of sources left out have
their fractions by 0.018 too low in the mean, 240 simulated ones by 0.032 (0.15, 0.7 and 0.35: 0.023
and 0.049), at the same mean error."""

_SHARE_OF_HEIGHT = 0.4
"""Share of its greatest difference from the ground at which a cell ends. Half is the outline of a
blurred disc; bright rims and dark middles of one cell need a little less to stay one."""

_MIN_NOISES = 3.0
"""A difference of fewer standard deviations of the ground is none."""

_OWN_PIXELS = 1.3
"""Pixels of the frame for one of the network's up to which there is nothing more to be seen."""

_FINEST = 4.0
"""Pixels of the drawing for one of the network's, at most: a cell has a few pixels then."""

_BORDER = 0.125
"""Share of the fine pass's side over which it comes to count as much as in its middle."""


def draw_shed(plane: Float, coarse: View, combined: View, core: Labels) -> Mask:
    """Draw the shed mask: from the fine pass where it saw, else from the coarse one.

    `plane` (y, x) is the frame in [0, 1], `combined` both passes together over the fine one's
    region, `core` the bodies at full resolution; they are left out.
    """
    shed = np.zeros(core.shape, bool)
    whole, near = coarse.region, combined.region
    if (whole.height, whole.width) != (near.height, near.width):
        _draw(shed, plane, coarse, coarse.maps[SHED], core)
        before = crop(coarse, near, slice(SHED, SHED + 1))[0]
        if min(near.scale) < 1:
            # A magnified frame shows no more, and a cloud in it looks like ground to the network.
            chance = np.maximum(combined.maps[SHED], before)
        else:
            # A fine pass over a crowd sees its cells one by one, and the gaps between as bare.
            chance = np.maximum(combined.maps[SHED], np.where(before > 0.9, before, 0))
            chance = before + _inwards(near, whole) * (chance - before)
    else:
        chance = combined.maps[SHED]
    _draw(shed, plane, combined, chance, core)
    return shed


def _inwards(near: Region, whole: Region) -> Float:
    """Give how much the fine pass counts, from 0 at those of its borders that the frame goes on at.

    Without it a cloud that only one of the passes is sure of would end at a straight line.
    """
    ramps: list[Float] = []
    for first, length, end, count in (
        (near.top, near.height, whole.height, near.shape[0]),
        (near.left, near.width, whole.width, near.shape[1]),
    ):
        place = np.arange(count, dtype=np.float32) + np.float32(0.5)
        ramp = np.ones(count, np.float32)
        if first > 0:
            ramp = np.minimum(ramp, place / np.float32(_BORDER * count))
        if first + length < end:
            ramp = np.minimum(ramp, place[::-1] / np.float32(_BORDER * count))
        ramps.append(ramp)
    return np.minimum.outer(*ramps)


def _draw(shed: Mask, plane: Float, view: View, chance: Float, core: Labels) -> None:
    """Replace a view's region of the shed mask."""
    region = view.region
    inside = (
        slice(region.top, region.top + region.height),
        slice(region.left, region.left + region.width),
    )
    target = shed[inside]
    target[:] = False
    body = core[inside] > 0
    held = _seen(chance)
    if not held.any():
        return
    # Only the part that holds any: a frame may have millions of pixels.
    rows, columns = box_of(held, 2)
    down, across = region.scale
    top, bottom = int(rows.start * down), min(int(rows.stop * down) + 1, region.height)
    left, right = int(columns.start * across), min(int(columns.stop * across) + 1, region.width)
    box = (slice(top, bottom), slice(left, right))
    scale = max(down, across)
    step = max(1, round(scale / _FINEST))
    part, covered = pool(plane[inside][box], step), pool(body[box].astype(np.float32), step) > 0.5
    shape = part.shape
    spot = (left / across, top / down, right / across, bottom / down)
    fine = _enlarged(np.where(held, chance, 0), shape, spot)
    if scale <= _OWN_PIXELS:
        drawn = fine >= _COVERED
    else:
        taken = widened(_shrunk(body, chance.shape), 2)
        # Well within the body nothing is drawn, and the ground there is of no interest.
        wanted = np.zeros(taken.shape, bool)
        near = box_of(held, 4)
        wanted[near] = ~narrowed(taken, 6)[near]
        ground = _ground(view.pooled, chance, taken, wanted)
        smooth = gaussian(part, 0.7, "nearest") if step == 1 else part
        height = np.abs(smooth - _enlarged(ground, shape, spot))
        bare = ((chance < 0.5 * _MIN_CHANCE) & ~taken).astype(np.float32)
        drawn = _outlined(height, fine, covered, _enlarged(bare, shape, spot) > 0.99, scale / step)
    if step > 1:
        drawn = _enlarged(drawn.astype(np.float32), body[box].shape, None) > 0.5
    target[box] = drawn & ~body[box]


def _seen(chance: Float) -> Mask:
    """Where there may be shed material: pieces that the network is sure of somewhere."""
    labels, count = pieces(chance > _MIN_CHANCE, diagonal=True)
    if count == 0:
        return labels > 0
    sure = np.zeros(count + 1, bool)
    sure[labels[chance >= _SEEN_CHANCE]] = True
    sure[0] = False
    return sure[labels]


def _outlined(height: Float, chance: Float, body: Mask, bare: Mask, scale: float) -> Mask:
    """Cells by their height above the ground, clouds by the network's chance."""
    noise = 1.4826 * median(height[bare][::5]) if np.count_nonzero(bare) > 500 else 0.0
    open_to = (chance > _MIN_CHANCE) & ~body
    about_a_cell = 2 * round(1.2 * scale) + 1
    peak = highest(np.where(open_to, height, 0), about_a_cell)
    cells = (height > _SHARE_OF_HEIGHT * peak) & (height > _MIN_NOISES * noise)
    return open_to & (cells | (chance > _COVERED))


def _ground(mean: Float, chance: Float, taken: Mask, wanted: Mask) -> Float:
    """Intensity of the ground around what lies on it, as near as any ground is seen.

    Further away is looked only as long as some of `wanted` has none.
    """
    known = (1 - np.clip(chance, 0, 1)) ** 4
    known[taken] = 0
    known += np.float32(1e-6)
    seen = known * mean
    result, missing = np.zeros_like(mean), np.ones_like(mean)
    for size in (5, 17, 65):
        if not wanted.any():
            break
        box, around = box_of(wanted), box_of(wanted, size)
        within = tuple(
            slice(b.start - a.start, b.stop - a.start) for a, b in zip(around, box, strict=True)
        )
        weight, value = (
            uniform(uniform(a[around], size, "nearest"), size)[within] for a in (known, seen)
        )
        share = missing[box] * np.clip(weight / 0.15, 0, 1)
        result[box] += share * value / np.maximum(weight, 1e-9)
        missing[box] -= share
        wanted = wanted & (missing > 0)
    return result + missing * np.float32(seen.sum() / known.sum())


def _shrunk(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """Pixels of a coarser image of which a mask covers a part."""
    rows = np.flatnonzero(mask.any(axis=1))
    across: Float = np.zeros((mask.shape[0], shape[1]), np.float32)
    if rows.size:
        # First along the rows, as the resampling does, but only along those that hold any.
        held = slice(rows[0], rows[-1] + 1)
        across[held] = resample(mask[held].astype(np.float32), (held.stop - held.start, shape[1]))
    return resample(across, shape) > 0.3


def _enlarged(
    values: Float, shape: tuple[int, ...], box: tuple[float, float, float, float] | None
) -> Float:
    """Bring part of an image, `box` as left, top, right, bottom, to another size."""
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    size = (shape[1], shape[0])
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR, box), np.float32)
