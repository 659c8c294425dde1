"""The trained network: loaded once in every process, run with one thread and a batch of one.

One thread and one region at a time keep the result the same whatever the number of workers.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spheroid_qc.errors import RequestError
from spheroid_qc.segmentation.array_types import Float
from spheroid_qc.segmentation.learned.input_channels import CHANNELS
from spheroid_qc.stopwatch import Work, timed

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


CORE, SHED, EDGE, CENTRE = range(4)
"""Order of the network's maps."""

WEIGHTS = "core_shed.onnx"

STRIDE = 32
"""Pixels a side that one pixel of the network's deepest layer stands for."""


def check_weights() -> None:
    """Refuse the network's methods where its weights or their runtime are missing.

    The `RequestError` says what is missing and what to do.
    """
    if not files(__package__).joinpath(WEIGHTS).is_file():
        raise RequestError(
            f"The trained network ({WEIGHTS}) is not in this installation, so the methods 'auto' "
            "and 'learned' are not available; install the package anew or use 'classical'."
        )
    if find_spec("onnxruntime") is None:
        raise RequestError(
            "The library onnxruntime, which runs the trained network, is not installed, so the "
            "methods 'auto' and 'learned' are not available; install the package anew or use "
            "'classical'."
        )


_OTHER: list[Path] = []


def use_weights(path: Path | None) -> None:
    """Run other weights than those that ship in this process, or (None) those again.

    For scores and calibrations of trainings that leave sources out.
    """
    _OTHER[:] = [path] if path else []
    _session.cache_clear()
    weights_sha256.cache_clear()


def _weights() -> bytes:
    check_weights()
    return (_OTHER[0] if _OTHER else files(__package__).joinpath(WEIGHTS)).read_bytes()


@lru_cache(maxsize=1)
def weights_sha256() -> str:
    """Digest of the weights' file, in hexadecimal: what was fitted to others doesn't fit these.

    `RequestError` if they are missing.
    """
    return hashlib.sha256(_weights()).hexdigest()


@lru_cache(maxsize=1)
def _session() -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(_weights(), options, providers=["CPUExecutionProvider"])


def predict(channels: Float) -> tuple[Float, Float]:
    """Run the network on a region's channels, shape (4, y, x) of any size, from `channels_of`.

    Gives probabilities of core, shed material and edge, and depth below the rim as a share of the
    body's radius, in one array of the same shape; and the features (16, y / 2, x / 2, both rounded
    up) that its last layer weighs, of every block of two by two pixels. `RequestError` if the
    weights are missing.
    """
    height, width = channels.shape[1:]
    shown = {"channels": _padded(channels)[None]}
    with timed(Work.NETWORK):
        answer, found = _session().run(["maps", "features"], shown)
    maps: Float = np.asarray(answer[0, :, :height, :width], np.float32)
    features: Float = np.asarray(found[0, :, : -(-height // 2), : -(-width // 2)], np.float32)
    return maps, features


def _padded(channels: Float) -> Float:
    assert channels.shape[0] == CHANNELS
    height, width = channels.shape[1:]
    below, right = -height % STRIDE, -width % STRIDE
    if below or right:
        return np.pad(channels, ((0, 0), (0, below), (0, right)), mode="edge")
    return channels
