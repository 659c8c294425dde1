"""A frame seen with its neighbours in time: where it leaves the core in doubt, they decide.

Before and after a frame that is out of focus or half hidden the same body lies in the well. What it
looked like there is a prior for this frame, as odds: a chance that is nearly even goes with the
neighbours, one that is sure, because the body did change, outweighs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from spheroid_qc.segmentation.array_types import Float, Mask
from spheroid_qc.segmentation.learned.input_channels import resample
from spheroid_qc.segmentation.learned.network import CORE
from spheroid_qc.segmentation.learned.view import Region, View

_LOG_ODDS = 2.0
"""What the neighbours say of a pixel, as logarithm of the odds: chances from 0.12 to 0.88 give way.

On 53 pairs of unlike frames, where a change is real, frames that follow them lose 0.003 of their
overlap in the mean (0.001 with 1, 0.044 with 3); of blurred copies of 15 frames that stood out
the overlap rises from 0.36 to 0.66 (0.39 with 1, 0.70 with 3)."""

_FURTHEST = 0.5
"""How far a body may have moved from one frame to the next, in its diameters."""

_SETTLED = 0.05
"""Share of a body by which it must fit better so far away, along either axis: where the frame does
not tell, it has stayed."""


def with_neighbours(view: View, cores: Sequence[Mask]) -> View:
    """Give a view whose chances of core were weighed with the cores of the frames around it.

    Parameters
    ----------
    view : View
        What the network saw of the frame.
    cores : sequence of ndarray of bool, shape (y, x)
        Cores of its neighbours, at the frame's full resolution. Each is laid where it fits the
        frame's own chances best, as the body or the stage may have moved.

    Returns
    -------
    View
        The same with other chances of core.
    """
    own = view.maps[CORE]
    expected = np.mean([_laid(own, _seen_as(core, view.region)) for core in cores], axis=0)
    odds = np.log(np.clip(own, 1e-6, 1) / np.clip(1 - own, 1e-6, 1))
    maps = view.maps.copy()
    maps[CORE] = 1 / (1 + np.exp(-(odds + _LOG_ODDS * (2 * expected - 1))))
    return replace(view, maps=maps)


def _seen_as(core: Mask, region: Region) -> Float:
    """Share of each of a region's pixels that a core covers; the frame is that of the region."""
    rows = slice(region.top, region.top + region.height)
    columns = slice(region.left, region.left + region.width)
    return resample(core[rows, columns].astype(np.float32), region.shape)


def _laid(own: Float, core: Float) -> Float:
    """Move a core, within reach, to where it covers most of the core and least of the ground."""
    from scipy.signal import correlate

    reach = int(_FURTHEST * np.sqrt(4 / np.pi * float(core.sum())))
    padded = np.pad(2 * own - 1, reach, mode="edge")
    fit = correlate(padded, core, mode="valid", method="fft")
    if reach:
        away = np.square(np.arange(-reach, reach + 1, dtype=np.float32) / reach)
        fit -= _SETTLED * core.sum() * (away[:, None] + away)
    down, across = (int(n) for n in np.unravel_index(int(np.argmax(fit)), fit.shape))
    top, left = down - reach, across - reach
    around = np.pad(core, reach, mode="edge")
    height, width = core.shape
    return around[reach - top : reach - top + height, reach - left : reach - left + width]
