"""Marks of the well told from material: the same structure at the same place at all times.

Scratches, machining rings and dirt on the floor of a well are there before the spheroid sheds
anything, and their fine structure stays as it is, while what lives or died moves by more than its
own details within hours. So it is the structure that is compared between times, not the place: a
corona that stays where it is changes all the time and is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.segmentation.array_types import Float, Labels, Mask
from spheroid_qc.segmentation.downsampling import any_in_blocks, pool
from spheroid_qc.segmentation.order_statistics import median
from spheroid_qc.segmentation.piece_shapes import box_of, pieces
from spheroid_qc.segmentation.window_filters import (
    gaussian,
    highest,
    shifted,
    shown_after_shift,
    uniform,
)

MIN_TIMES = 4
"""Times below which nothing is called static: three can agree by chance."""

_SIDE_PX = 512
"""Pixels along the longer side at which structure is compared; a cell of 10 um still has two."""

_COARSE_PX = 6.0
"""Standard deviation in those pixels of what is no fine structure: light, haze, the body's glow."""

_REACH = 3
"""Standard deviations after which that blur ends."""

_WINDOW_PX = 9
"""Side of the window in which structures are compared: a few cells."""

_LIKE, _RATHER_LIKE = 0.6, 0.5
"""Correlation with the structure of the other times from which a window shows the same, and from
which it does where it adjoins such a one. Windows without anything in common come to 0 +- 0.2."""

_MIN_STRENGTH = 1.5
"""Standard deviation of a window's structure from which it has any, in those of the pixel noise."""

_NEARLY_ALL = 2 / 3
"""Share of the times at which a mark must show, beside the first: cells lie on it at some, and
others are out of focus."""

_PARTLY = 0.3
"""Static share of a piece of shed material from which its structureless rest goes, too: segmenters
draw a mark wider than it is, and bridge marks that lie close."""

_REFERENCES = 9
"""Times, spread over all, that a frame is compared with: more do not change their median."""

_MAX_SHIFT = 0.04
"""Largest shift of the stage between two times, as a share of the frame's longer side."""


@dataclass(frozen=True, eq=False)
class FineStructure:
    """Fine structure of one frame beside its bodies, shape (y, x) at reduced resolution.

    `detail` is in standard deviations of the pixel noise and 0 where a body lies (`body`); `block`
    the number of the frame's pixels along a side of one of its own.
    """

    detail: Float
    body: Mask
    block: int


def fine_structure(image: NDArray[np.generic], core: Labels) -> FineStructure:
    """Reduce a frame, shape (y, x), to its fine structure beside the bodies."""
    block = max(1, -(-max(image.shape) // _SIDE_PX))
    plane = image.astype(np.float32)
    if image.dtype.kind == "f":
        plane = np.nan_to_num(plane)
    plane = pool(plane, block)
    body = any_in_blocks(core > 0, block)
    near = highest(body, 5)
    bare = (~near).astype(np.float32)
    # The ground without the bodies, so that their edges leave no ring in it.
    ground = gaussian(plane * bare, _COARSE_PX, truncate=_REACH)
    if near.any():  # away from bodies the blur of what is bare is 1
        reach = round(_REACH * _COARSE_PX)
        whole, part = box_of(near, 2 * reach), box_of(near, reach)
        blurred = np.ones_like(bare)
        blurred[whole] = gaussian(bare[whole], _COARSE_PX, truncate=_REACH)
        ground[part] /= np.maximum(blurred[part], 1e-3)
    detail = np.where(near, np.float32(0), plane - ground)
    # The noise of the camera, from differences of neighbours: marks may lie all over the frame.
    steps = np.abs(np.diff(detail, axis=1))[~(near[:, 1:] | near[:, :-1])]
    noise = median(steps) / (0.6745 * np.sqrt(2)) if steps.size else 0.0
    if not noise > 0:
        noise = float(detail.std()) or 1.0
    return FineStructure(np.clip(detail / np.float32(noise), -25, 25), near, block)


def static_marks(frames: Sequence[FineStructure]) -> list[Mask]:
    """Where each of a well's frames shows what nearly all of them show.

    Parameters
    ----------
    frames : sequence of FineStructure
        One a time, in order of time, all of one shape.

    Returns
    -------
    list of ndarray of bool
        One a frame, in its own pixels; nowhere for fewer than `MIN_TIMES` frames.
    """
    shape = frames[0].detail.shape if frames else (0, 0)
    nothing = [np.zeros(f.detail.shape, bool) for f in frames]
    if len(frames) < MIN_TIMES or any(f.detail.shape != shape for f in frames):
        return nothing
    shifts = _shifts(frames)
    seen, bare = np.zeros(shape, np.float32), []
    for frame, shift in zip(frames, shifts, strict=True):
        free = shifted((~frame.body).astype(np.float32), shift)
        seen += free
        bare.append(free > 0.5)
    chosen = np.unique(np.linspace(0, len(frames) - 1, _REFERENCES).round().astype(int)).tolist()
    references = {n: shifted(frames[n].detail, shifts[n]) for n in chosen}
    common = _middle(list(references.values()))
    alike: list[tuple[Mask, Mask]] = []
    support = np.zeros(shape, np.float32)
    # There from the first time that the place is in view: material that settles later and stays,
    # or that is left where the body was, is no mark of the well.
    first, unseen = np.zeros(shape, bool), np.ones(shape, bool)
    for number, (frame, shift) in enumerate(zip(frames, shifts, strict=True)):
        if number in references:  # a frame is no witness in its own cause
            detail = references[number]
            others = _middle([other for n, other in references.items() if n != number])
        else:
            detail, others = shifted(frame.detail, shift), common
        surely, same = (mask & bare[number] for mask in _alike(detail, others))
        alike.append((surely, same))
        support += same
        in_view = np.zeros(shape, bool)
        in_view[tuple(covered for covered, _, _ in shown_after_shift(shape, shift))] = True
        in_view &= unseen
        first |= in_view & same
        unseen &= ~in_view
    persistent = first & (seen >= MIN_TIMES - 0.5) & (support >= _NEARLY_ALL * seen)
    marks = []
    for (surely, same), shift in zip(alike, shifts, strict=True):
        labels, count = pieces(persistent & same)
        held = np.zeros(count + 1, bool)
        held[labels[persistent & surely]] = True
        held[0] = False
        marks.append(shifted(held[labels].astype(np.float32), (-shift[0], -shift[1])) > 0.5)
    return marks


def _middle(details: Sequence[Float]) -> Float:
    """Median of details: what some of them show and others don't is none of it.

    The same as `numpy.median`, which takes 13 ms instead of 0.6 ms for four details: so few are
    sorted all at once, the smaller half of them by pairs.
    """
    values = list(details)
    half = len(values) // 2
    for place in range(half + 1):  # the smallest of what is left goes to its place
        for other in range(len(values) - 1, place, -1):
            low = np.minimum(values[other - 1], values[other])
            values[other] = np.maximum(values[other - 1], values[other])
            values[other - 1] = low
    if len(values) % 2:
        return values[half]
    return np.asarray((values[half - 1] + values[half]) / np.float32(2), np.float32)


def _alike(detail: Float, others: Float) -> tuple[Mask, Mask]:
    """Windows in which a frame shows, and rather shows, the structure of the other times."""
    size = _WINDOW_PX
    product = uniform(detail * others, size)
    own = uniform(np.square(detail), size)
    theirs = uniform(np.square(others), size)
    likeness = product / np.sqrt(np.maximum(own * theirs, 1e-6))
    strong = own >= _MIN_STRENGTH**2
    return strong & (likeness >= _LIKE), strong & (likeness >= _RATHER_LIKE)


def _shifts(frames: Sequence[FineStructure]) -> list[tuple[float, float]]:
    """Shift of every frame onto the first; none where that does not make them more alike."""
    from scipy.fft import fftn
    from skimage.registration import phase_cross_correlation

    first = fftn(frames[0].detail)
    limit = _MAX_SHIFT * max(first.shape)
    found = [(0.0, 0.0)]
    for frame in frames[1:]:
        shift, *_ = phase_cross_correlation(  # type: ignore[no-untyped-call]
            first, fftn(frame.detail), space="fourier", upsample_factor=4, normalization=None
        )
        moved = (float(shift[0]), float(shift[1]))
        if max(abs(moved[0]), abs(moved[1])) > limit:
            moved = (0.0, 0.0)
        found.append(moved)
    return found


def without_marks(shed: Mask, mark: Mask, frame: FineStructure) -> Mask:
    """Take a frame's static marks out of its shed material, with the blur around them.

    Parameters
    ----------
    shed : ndarray of bool, shape (y, x)
        Shed material of the frame, at full resolution.
    mark : ndarray of bool
        From `static_marks`.
    frame : FineStructure
        Of the same frame.

    Returns
    -------
    ndarray of bool, shape (y, x)
        What is left of the shed material.
    """
    if not mark.any() or not shed.any():
        return shed
    block = frame.block
    small = any_in_blocks(shed, block)
    labels, count = pieces(small, diagonal=True)
    size = np.bincount(labels[small], minlength=count + 1)
    static = np.bincount(labels[mark & small], minlength=count + 1)
    share = static / np.maximum(size, 1)
    # What shows no structure of its own in a piece that is partly a mark is the mark's blur, and
    # what lies on the body's rim, where nothing can be told, goes with the piece.
    flat = uniform(np.square(frame.detail), _WINDOW_PX) < _MIN_STRENGTH**2
    flat |= frame.body
    gone = mark | (share >= _PARTLY)[labels] & flat
    big = np.repeat(np.repeat(gone, block, axis=0), block, axis=1)
    left: Mask = shed & ~big[: shed.shape[0], : shed.shape[1]]
    return left
