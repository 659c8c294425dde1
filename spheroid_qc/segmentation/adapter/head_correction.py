"""What is added to the network's answer once it has learned from a microscope's corrections.

The network stays as it is. Its last layer weighs sixteen features of every block of two by two
pixels; the adapter adds to the logits of core and shed material another weighing of the same
features and of their means over two neighbourhoods. On frames unlike those that it was fitted on
it counts for less, and soon for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spheroid_qc.segmentation.array_types import Float

FEATURES = 16
"""Features that the network's last layer weighs."""

NEIGHBOURHOODS = (5, 17)
"""Sides, in blocks, of the squares over which features are also averaged: about a tenth and a
third of a body's diameter. Whether something is a ring of the well or a rim, its surroundings
tell; without them the benchmark's mean gain halves."""

INPUTS = FEATURES * (1 + len(NEIGHBOURHOODS))
ADAPTED = 2
"""Core and shed material, the first two of the network's maps."""

LAGS = (1, 2, 4, 8)
QUANTILES = (10, 50, 90)
DESCRIPTION = 4 * (len(QUANTILES) + len(LAGS))
_SMOOTHEST = 0.01
"""Roughness below this, a two-hundredth of a channel's range, is none."""

_NEAR, _FAR = 0.12, 0.2
"""Distance between frames up to which the adapter counts in full, and from which not at all. Of
frames of the same microscope nine in ten lie within the second of the nearest of five. With 0.15
and 0.3 an adapter to crowded fields had a weight of 0.14 on other sources, and cost 0.04 IoU there
(0.67 at worst); with these 0.01, and 0.008 at worst, and its own frames gain the same."""

_FARTHEST = 3.0
"""Standard deviations from the mean at which an input ends: beyond what was fitted nothing is
known, and a line goes on for ever. Without it an adapter to crowded fields cost one frame of
another source 0.355 of its overlap, with it 0.037; its own frames gain the same."""

_SUREST = 1e-4
"""Chances are taken to lie within this of 0 and 1, so that they can be argued with."""


@dataclass(frozen=True, eq=False)
class Adapter:
    """A correction of the network's last layer.

    Parameters
    ----------
    weights_sha256 : str
        Digest of the network's file, in hexadecimal: its features mean nothing to another one.
    centre, spread : ndarray of float32, shape (48,)
        Mean and standard deviation of each input over the pixels fitted on.
    change : ndarray of float32, shape (2, 49)
        What is added to the logits of core and shed material for one standard deviation of each
        input, and, last, for none.
    frames : ndarray of float32, shape (n, 28)
        `frame_description` of each frame fitted on.
    """

    weights_sha256: str
    centre: Float
    spread: Float
    change: Float
    frames: Float

    def weight(self, channels: Float) -> float:
        """Tell how much the adapter counts on a frame, in [0, 1].

        1 on frames like those that it was fitted on, and less the farther from the nearest of them.

        Parameters
        ----------
        channels : ndarray of float32, shape (4, y, x)
            What the network sees of the whole frame.
        """
        distance = nearest(frame_description(channels), self.frames)
        return float(np.clip((_FAR - distance) / (_FAR - _NEAR), 0.0, 1.0))

    def apply(self, maps: Float, features: Float, weight: float) -> Float:
        """Correct the network's maps.

        Parameters
        ----------
        maps : ndarray of float32, shape (4, y, x)
            Chances, as the network gives them.
        features : ndarray of float32, shape (16, y / 2, x / 2)
            Both rounded up.
        weight : float
            In [0, 1].

        Returns
        -------
        ndarray of float32, shape (4, y, x)
            The maps themselves where the weight is 0.
        """
        if weight <= 0:
            return maps
        inputs = inputs_of(features)
        inputs -= self.centre[:, None, None]
        inputs /= self.spread[:, None, None]
        np.clip(inputs, -_FARTHEST, _FARTHEST, out=inputs)
        added = np.tensordot(self.change[:, :-1], inputs, 1) + self.change[:, -1, None, None]
        added *= np.float32(weight)
        height, width = maps.shape[1:]
        corrected = maps.copy()
        for number in range(ADAPTED):
            whole = added[number].repeat(2, 0).repeat(2, 1)[:height, :width]
            corrected[number] = chance(log_odds(maps[number]) + whole)
        return corrected


def inputs_of(features: Float) -> Float:
    """Add means over neighbourhoods to features: (16, y, x) to (48, y, x)."""
    parts = [features]
    for side in NEIGHBOURHOODS:
        parts.append(ndimage.uniform_filter(features, (0, side, side), mode="nearest"))
    return np.concatenate(parts)


def log_odds(chances: Float) -> Float:
    """Give the logit of chances; 0 and 1 are not quite certain."""
    sure = np.clip(chances, _SUREST, 1 - _SUREST)
    odds: Float = np.log(sure / (1 - sure))
    return odds


def chance(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    """Give the chances behind logits."""
    chances: NDArray[np.floating] = 0.5 + 0.5 * np.tanh(0.5 * logits)
    return chances


def frame_description(channels: Float) -> Float:
    """Describe the look of a frame, whatever it holds: light, contrast and grain.

    Parameters
    ----------
    channels : ndarray of float32, shape (4, y, x)
        What the network sees of the whole frame.

    Returns
    -------
    ndarray of float32, shape (28,)
        Quantiles of each channel, and the logarithms of its mean differences over several
        distances. The network's own features would tell what a frame holds, and hardly which
        microscope it is from: a quarter of the frames of others are nearer by them.
    """
    levels = np.percentile(channels.reshape(len(channels), -1), QUANTILES, axis=1)
    rough = [
        np.abs(channels[:, :, lag:] - channels[:, :, :-lag]).mean((1, 2))
        + np.abs(channels[:, lag:] - channels[:, :-lag]).mean((1, 2))
        for lag in LAGS
    ]
    parts = [levels.ravel(), np.log(np.ravel(rough) + _SMOOTHEST)]
    return np.concatenate(parts).astype(np.float32)


def nearest(description: Float, frames: Float) -> float:
    """Distance of a frame from the nearest of others, root mean square over the description."""
    return float(np.sqrt(np.square(frames - description).mean(axis=1)).min())
