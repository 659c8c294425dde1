"""Training examples: a synthetic micrograph as the network sees it, and what it should answer.

Example `i` of a seed is always the same image, whoever draws it and when, so that a run can be
resumed and repeated. Nothing is stored.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from spheroid_qc.segmentation.learned.input_channels import (
    Pooled,
    channels_of,
    pool_region,
    resample,
)
from training.micrographs import WIDE, Family, Micrograph, draw_micrograph

SIDE = 256
"""Pixels a side that the network is trained on."""

DRAWN = ((0.62, 0.06), (0.81, 0.12), (1.0, 0.60), (1.25, 0.12), (1.55, 0.07), (2.0, 0.03))
"""At how many times that frames are drawn, and how often."""

Float = NDArray[np.float32]


def example(
    seed: int, number: int, family: Family = WIDE, side: int = SIDE
) -> tuple[Float, Float, Float]:
    """Draw one example.

    Parameters
    ----------
    seed, number : int
    family : Family
    side : int
        Of the result.

    Returns
    -------
    channels : ndarray of float32, shape (4, side, side)
    target : ndarray of float32, shape (4, side, side)
        Core, shed, edge and centre, in [0, 1].
    weight : ndarray of float32, shape (4, side, side)

    Raises
    ------
    ValueError
        If a drawn value is no number: one would spoil all weights without a word.
    """
    rng = np.random.default_rng((seed, number))
    sides, chances = zip(*DRAWN, strict=True)
    drawn = draw_micrograph(rng, round(side * float(rng.choice(sides, p=chances))), family)
    channels = channels_of(pooled_of(drawn, side))
    for channel in range(1, 4):
        if rng.random() < 0.03:
            channels[channel] = 0
    if not np.isfinite(channels).all():
        raise ValueError(f"example {number} of seed {seed} holds values that are no numbers")
    target, weight = truth_of(drawn, side)
    turns, mirrored = int(rng.integers(4)), rng.random() < 0.5
    return tuple(  # type: ignore[return-value]
        np.ascontiguousarray(np.rot90(a[..., ::-1] if mirrored else a, turns, (1, 2)))
        for a in (channels, target, weight)
    )


def pooled_of(drawn: Micrograph, side: int) -> Pooled:
    """Pool an image as a real one is, with the structure below its pixels added."""
    shape = (side, side)
    pooled = pool_region(drawn.image, shape)
    return Pooled(pooled.mean, pooled.variance + resample(np.square(drawn.fine), shape))


def truth_of(drawn: Micrograph, side: int) -> tuple[Float, Float]:
    """Make targets and weights."""
    shape = (side, side)
    labels = drawn.labels
    core = labels > 0
    highest = ndimage.maximum_filter(labels, 3)
    edge = (highest != ndimage.minimum_filter(labels, 3)) & core
    seam = edge & (ndimage.minimum_filter(np.where(core, labels, 1 << 20), 3) != highest)
    target = np.stack(
        [resample(a.astype(np.float32), shape) for a in (core, drawn.shed, edge, drawn.depth)]
    )
    weight = np.ones((4, *shape), np.float32)
    ignore = resample(drawn.ignore.astype(np.float32), shape) > 0.3
    weight[1][ignore & (target[1] < 0.5) & (target[0] < 0.5)] = 0
    weight[2] += 4 * resample(seam.astype(np.float32), shape)
    weight[3] = 0.2 + 2 * target[0]
    return target, weight


def batch(
    seed: int, numbers: range, family: Family = WIDE, side: int = SIDE
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw a batch of examples."""
    drawn = [example(seed, number, family, side) for number in numbers]
    channels, target, weight = (torch.from_numpy(np.stack(a)) for a in zip(*drawn, strict=True))
    return channels.to(memory_format=torch.channels_last), target, weight
