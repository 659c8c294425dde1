"""The trained network: loaded once in every process, run with one thread and a batch of one.

One thread and one region at a time keep the result the same whatever the number of workers.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.segmentation.learned.input_channels import CHANNELS
from spheroid_qc.segmentation.learned.weights import read_weights

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


Float = NDArray[np.float32]

CORE, SHED, EDGE, CENTRE = range(4)
"""Order of the network's maps."""

STRIDE = 32
"""Pixels a side that one pixel of the network's deepest layer stands for."""


@lru_cache(maxsize=1)
def _session() -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(read_weights(), options, providers=["CPUExecutionProvider"])


def predict(channels: Float) -> Float:
    """Run the network on one region.

    Parameters
    ----------
    channels : ndarray of float32, shape (4, y, x)
        From `channels_of`; any size.

    Returns
    -------
    ndarray of float32, shape (4, y, x)
        Probabilities of core, shed material and edge, and depth below the rim as a share of the
        body's radius.

    Raises
    ------
    RequestError
        If the weights are missing.
    """
    height, width = channels.shape[1:]
    below, right = -height % STRIDE, -width % STRIDE
    if below or right:
        channels = np.pad(channels, ((0, 0), (0, below), (0, right)), mode="edge")
    assert channels.shape[0] == CHANNELS
    answer = _session().run(None, {"channels": channels[None]})[0]
    maps: Float = np.asarray(answer[0, :, :height, :width], np.float32)
    return maps
