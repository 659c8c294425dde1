"""Training examples: a synthetic micrograph as the network sees it, and what it should answer.

Example `i` of a seed is always the same image, whoever draws it and when, so that a run can be
resumed and repeated. Nothing is stored.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.segmentation.learned.input_channels import (
    Pooled,
    channels_of,
    pool_region,
    resample,
)
from training.micrographs import WIDE, Family, Micrograph, draw_micrograph
from training.targets import targets_of, turned, without_some_channels

SIDE = 256
"""Pixels a side that the network is trained on."""

DRAWN = ((0.62, 0.06), (0.81, 0.12), (1.0, 0.60), (1.25, 0.12), (1.55, 0.07), (2.0, 0.03))
"""At how many times that frames are drawn, and how often."""

Float = NDArray[np.float32]


def example(
    seed: int, number: int, family: Family = WIDE, side: int = SIDE, shed_weight: float = 1.0
) -> tuple[Float, Float, Float]:
    """Draw one example.

    Parameters
    ----------
    seed, number : int
    family : Family
    side : int
        Of the result.
    shed_weight : float
        What shed material counts more than all else: rare, and missed rather than invented.

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
    without_some_channels(channels, rng)
    if not np.isfinite(channels).all():
        raise ValueError(f"example {number} of seed {seed} holds values that are no numbers")
    target, weight = truth_of(drawn, side, shed_weight)
    return turned(channels, target, weight, rng)


def pooled_of(drawn: Micrograph, side: int) -> Pooled:
    """Pool an image as a real one is, with the structure below its pixels added."""
    shape = (side, side)
    pooled = pool_region(drawn.image, shape)
    return Pooled(pooled.mean, pooled.variance + resample(np.square(drawn.fine), shape))


def truth_of(drawn: Micrograph, side: int, shed_weight: float) -> tuple[Float, Float]:
    """Make targets and weights; shed material counts `1 + shed_weight` times."""
    shape = (side, side)
    target, weight = targets_of(drawn.labels, drawn.shed, drawn.depth, shape)
    ignore = resample(drawn.ignore.astype(np.float32), shape) > 0.3
    weight[1][ignore & (target[1] < 0.5) & (target[0] < 0.5)] = 0
    weight[1] += shed_weight * target[1]
    return target, weight
