"""What a segmenter returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Core and shed masks of one frame.

    Parameters
    ----------
    core : ndarray of int32, shape (y, x)
        Label image: 0 background, 1.. one number for each compact body, largest first.
    shed : ndarray of bool, shape (y, x)
        Material that came off the spheroid; nowhere overlaps `core`.
    confidence : float
        In [0, 1]; lower where the cues disagree. Where nothing was found: the confidence that
        there is nothing.
    method : str
        The method that made the masks: `classical` or `learned`.
    evidence : mapping of str to float
        Features behind the confidence, for the curious and for benchmarks.
    disintegration_interval : tuple of float, or None
        Between which values the frame's disintegration fraction lies with a chance of 90 %, from
        the network's doubt about core and shed material: (low, high), 0 <= low <= high <= 1. It is
        of the measurement of this one frame and says nothing of other wells. None where there is
        none: nothing was found, shed material was not looked for, the rules alone were asked (they
        weigh whole bodies and know no chance of a pixel), or a person drew the masks.
    """

    core: NDArray[np.int32]
    shed: NDArray[np.bool_]
    confidence: float
    method: str
    evidence: Mapping[str, float] = field(default_factory=dict)
    disintegration_interval: tuple[float, float] | None = None
