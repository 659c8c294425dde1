"""What the network should answer, and how examples are turned, for drawn and real images alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spheroid_qc.segmentation.learned.input_channels import resample

Float = NDArray[np.float32]


def targets_of(
    labels: NDArray[np.int32], cover: Float, depth: Float, shape: tuple[int, ...]
) -> tuple[Float, Float]:
    """Make targets and their weights.

    Parameters
    ----------
    labels : ndarray of int32, shape (y, x)
        Bodies from 1.
    cover : ndarray of float32, shape (y, x)
        Share of each pixel that shed material covers.
    depth : ndarray of float32, shape (y, x)
        Below the rim, as a share of the body's radius.
    shape : tuple of int
        Wanted.

    Returns
    -------
    target : ndarray of float32, shape (4, *shape)
        Core, shed, edge and depth, in [0, 1].
    weight : ndarray of float32, shape (4, *shape)
        Seams between touching bodies, and the depth within bodies, count more.
    """
    core = labels > 0
    highest = ndimage.maximum_filter(labels, 3)
    edge = (highest != ndimage.minimum_filter(labels, 3)) & core
    seam = edge & (ndimage.minimum_filter(np.where(core, labels, 1 << 20), 3) != highest)
    target = np.stack([resample(a.astype(np.float32), shape) for a in (core, cover, edge, depth)])
    weight = np.ones((4, *shape), np.float32)
    weight[2] += 4 * resample(seam.astype(np.float32), shape)
    weight[3] = 0.2 + 2 * target[0]
    return target, weight


def without_some_channels(channels: Float, rng: np.random.Generator) -> None:
    """Blank each channel but the first now and then, in place."""
    for channel in range(1, len(channels)):
        if rng.random() < 0.03:
            channels[channel] = 0


def turned(
    channels: Float, target: Float, weight: Float, rng: np.random.Generator
) -> tuple[Float, Float, Float]:
    """Turn and mirror an example at random."""
    turns, mirrored = int(rng.integers(4)), rng.random() < 0.5
    return tuple(  # type: ignore[return-value]
        np.ascontiguousarray(np.rot90(a[..., ::-1] if mirrored else a, turns, (1, 2)))
        for a in (channels, target, weight)
    )
