"""Fitting an adapter to corrected masks: penalised logistic regression on the network's features.

The network's own logits are the starting point and nothing is the prior: with little evidence
nothing changes. Every frame weighs the same. The fit is convex and so has one solution, found by
Newton's method (iteratively reweighted least squares) in a second or two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spheroid_qc.segmentation.adapter.head_correction import (
    ADAPTED,
    Adapter,
    chance,
    frame_description,
    inputs_of,
    log_odds,
)
from spheroid_qc.segmentation.array_types import Float
from spheroid_qc.segmentation.downsampling import as_plane
from spheroid_qc.segmentation.learned.coarse_and_fine_pass import fine_region, look, whole_frame
from spheroid_qc.segmentation.learned.input_channels import resample
from spheroid_qc.segmentation.learned.network import weights_sha256
from spheroid_qc.segmentation.learned.view import Region, View

Double = NDArray[np.float64]

_PENALTY = 0.01
"""Of the squared change of the logits for one standard deviation of an input, beside the mean
cross entropy of a pixel. On eleven sources anything from 0.003 to 0.03 gains the same."""

_BLOCKS = 20_000
"""Blocks of pixels that a fit rests on, from all frames together: more cost time and change
nothing, since neighbouring blocks say the same."""

_STEPS = 15
_SETTLED = 1e-3
_FLATTEST = 1e-4
"""Least curvature that a pixel contributes, so that certain ones do not leave it undefined."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """A corrected frame, as it is fitted on.

    Parameters
    ----------
    description : ndarray of float32, shape (28,)
        `frame_description`.
    inputs : ndarray of float32, shape (n, 48)
        Of every block of both passes.
    logits, wanted : ndarray of float32, shape (2, 4, n)
        What the network says of core and shed material in the four pixels of each block, and the
        share of each that they cover.
    """

    description: Float
    inputs: Float
    logits: Float
    wanted: Float


def lesson_of(
    image: ArrayLike,
    core: NDArray[np.int32],
    shed: NDArray[np.bool_],
    unsure: NDArray[np.bool_] | None = None,
) -> Lesson:
    """Show a corrected frame to the network, as the segmenter does.

    Parameters
    ----------
    image : array_like, shape (y, x) or (y, x, 3 or 4)
        As for `segment`.
    core : ndarray of int32, shape (y, x)
        Corrected bodies.
    shed : ndarray of bool, shape (y, x)
        Corrected shed material.
    unsure : ndarray of bool, shape (y, x), optional
        Where the masks say nothing.

    Returns
    -------
    Lesson

    Raises
    ------
    ValueError
        If the array is not an image.
    RequestError
        If the network's weights are missing.
    """
    plane, _ = as_plane(image)
    truth = (core > 0).astype(np.float32), (shed & (core == 0)).astype(np.float32)
    whole = whole_frame(plane)
    # The closer look goes where a network that had learned would send it.
    found = np.zeros((4, *whole.shape), np.float32)
    found[0] = _shrunk(truth[0], whole)
    near = fine_region(View(whole, found, found[0]), plane.shape[0], plane.shape[1])
    inputs, logits, wanted = [], [], []
    description = None
    for region, mirrored in ((whole, False), (near, True)):
        seen = look(plane, region, mirrored=mirrored)
        if description is None:
            description = frame_description(seen.channels)
        shown = [_shrunk(mask, region) for mask in truth]
        if mirrored:
            shown = [mask[::-1, ::-1] for mask in shown]
        taken = inputs_of(seen.features)
        known: slice | NDArray[np.bool_] = slice(None)
        if unsure is not None:
            left_out = _shrunk(unsure.astype(np.float32), region)
            known = _blocks(left_out[::-1, ::-1] if mirrored else left_out).max(axis=0) == 0
        inputs.append(taken.reshape(len(taken), -1).T[known])
        logits.append(np.stack([_blocks(log_odds(a))[:, known] for a in seen.maps[:ADAPTED]]))
        wanted.append(np.stack([_blocks(mask)[:, known] for mask in shown]))
    assert description is not None
    return Lesson(
        description,
        np.concatenate(inputs),
        np.concatenate(logits, axis=-1),
        np.concatenate(wanted, axis=-1),
    )


def _shrunk(mask: Float, region: Region) -> Float:
    part = mask[region.top : region.top + region.height, region.left : region.left + region.width]
    return resample(part, region.shape)


def _blocks(values: Float) -> Float:
    """Put the four pixels of each block beside each other: (y, x) to (4, n), the last repeated."""
    height, width = values.shape
    even = np.pad(values, ((0, height % 2), (0, width % 2)), mode="edge")
    parts = [even[row::2, column::2].ravel() for row in (0, 1) for column in (0, 1)]
    return np.stack(parts)


def fit_adapter(lessons: Sequence[Lesson]) -> Adapter:
    """Fit the change of core and shed material to corrected frames.

    Parameters
    ----------
    lessons : sequence of Lesson
        At least one.

    Returns
    -------
    Adapter
        At full strength.
    """
    # An odd step, so that no column of blocks is always left out.
    step = 2 * (sum(len(lesson.inputs) for lesson in lessons) // (2 * _BLOCKS)) + 1
    inputs = np.concatenate([lesson.inputs[::step] for lesson in lessons]).astype(np.float64)
    logits = np.concatenate([lesson.logits[..., ::step] for lesson in lessons], axis=-1)
    wanted = np.concatenate([lesson.wanted[..., ::step] for lesson in lessons], axis=-1)
    sizes = [len(lesson.inputs[::step]) for lesson in lessons]
    weight = np.concatenate([np.full(n, 0.25 / n / len(sizes)) for n in sizes])
    centre, spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-3
    design = np.ones((len(inputs), inputs.shape[1] + 1))
    design[:, :-1] = (inputs - centre) / spread
    change = np.stack([_fit(design, *pair, weight) for pair in zip(logits, wanted, strict=True)])
    return Adapter(
        weights_sha256(),
        centre.astype(np.float32),
        spread.astype(np.float32),
        change.astype(np.float32),
        np.stack([lesson.description for lesson in lessons]),
    )


def weakened(adapter: Adapter, core: float, shed: float) -> Adapter:
    """Give the adapter with a share of its change of core and of shed material."""
    strength = np.array([[core], [shed]], np.float32)
    return replace(adapter, change=adapter.change * strength)


def _fit(design: Double, logits: Float, wanted: Float, weight: Double) -> Double:
    """Minimise the penalised cross entropy by Newton's method with halved steps."""
    change = np.zeros(design.shape[1])

    def loss_of(change: Double) -> float:
        answer = logits + design @ change
        entropy = (np.logaddexp(0, answer) - wanted * answer).sum(axis=0)
        return float(weight @ entropy + 0.5 * _PENALTY * change @ change)

    loss = loss_of(change)
    for _ in range(_STEPS):
        answer = chance(logits + design @ change)
        slope = design.T @ (weight * (answer - wanted).sum(axis=0)) + _PENALTY * change
        bend = weight * np.maximum(answer * (1 - answer), _FLATTEST).sum(axis=0)
        curvature = (design * bend[:, None]).T @ design + _PENALTY * np.eye(len(change))
        step = np.linalg.solve(curvature, slope)
        while (after := loss_of(change - step)) > loss and np.abs(step).max() > _SETTLED:
            step /= 2
        if after > loss:
            break
        change, loss = change - step, after
        if np.abs(step).max() < _SETTLED:
            break
    return change
