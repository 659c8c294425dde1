"""An adapter as a file: `adapter.npz`, plain arrays, read as carefully as any file of a user's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spheroid_qc.atomic import atomic_path
from spheroid_qc.errors import RequestError
from spheroid_qc.segmentation.adapter.head_correction import (
    ADAPTED,
    DESCRIPTION,
    INPUTS,
    Adapter,
)
from spheroid_qc.storage import read_arrays

_FORMAT = 1
_MAX_BYTES = 4_000_000
"""An adapter of a hundred frames has 13 kB; a larger file is something else."""

_MOST_FRAMES = 10_000
_LARGEST = 1e6
"""Values beyond this come from no fit and would only overflow."""


def write_adapter(path: Path, adapter: Adapter) -> None:
    """Write an adapter; the same adapter is the same bytes.

    Parameters
    ----------
    path : Path
        Target, by its use `adapter.npz`.
    adapter : Adapter
        What is kept.

    Raises
    ------
    OSError
        If the file can't be written.
    """
    with atomic_path(path, durable=True) as temporary:
        np.savez(
            temporary,
            format=np.array(_FORMAT, np.int64),
            weights_sha256=np.array(adapter.weights_sha256, "U64"),
            centre=adapter.centre.astype(np.float32),
            spread=adapter.spread.astype(np.float32),
            change=adapter.change.astype(np.float32),
            frames=adapter.frames.astype(np.float32),
        )


def read_adapter(path: str | Path) -> Adapter:
    """Read an adapter that `spheroid-qc adapt` kept.

    Parameters
    ----------
    path : str or Path
        `adapter.npz`, of a run folder or copied from one.

    Returns
    -------
    Adapter

    Raises
    ------
    RequestError
        If there is no such file, if it is no adapter, or if it was fitted for other weights of the
        network than those of this installation.
    """
    place = Path(path)
    try:
        adapter = _checked(read_arrays(place, _MAX_BYTES))
    except OSError as error:
        raise RequestError(
            f"The adapter {place} can't be opened ({error.strerror or error}); check the path."
        ) from error
    except (ValueError, KeyError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise RequestError(
            f"{place} is not an adapter that this version can use ({reason}); give the "
            "adapter.npz that spheroid-qc adapt kept in a run folder."
        ) from error
    from spheroid_qc.segmentation.learned.network import weights_sha256

    if adapter.weights_sha256 != weights_sha256():
        raise RequestError(
            f"The adapter {place} was fitted for other weights of the network than those of this "
            "installation; correct three or more frames of a run made with this version and run "
            "spheroid-qc adapt again."
        )
    return adapter


def _checked(arrays: dict[str, np.ndarray]) -> Adapter:
    version, weights = arrays["format"], arrays["weights_sha256"]
    if version.shape != () or version.dtype.kind not in "iu" or int(version) != _FORMAT:
        raise ValueError(f"its format is not {_FORMAT}")
    if weights.shape != () or weights.dtype.kind != "U":
        raise ValueError("weights_sha256 is no text")
    frames = arrays["frames"]
    if not 0 < len(np.atleast_1d(frames)) <= _MOST_FRAMES:
        raise ValueError("it was fitted to no frame, or to too many")
    shapes = {
        "centre": (INPUTS,),
        "spread": (INPUTS,),
        "change": (ADAPTED, INPUTS + 1),
        "frames": (len(np.atleast_1d(frames)), DESCRIPTION),
    }
    for name, shape in shapes.items():
        values = arrays[name]
        if values.shape != shape or values.dtype.kind != "f":
            raise ValueError(f"{name} is not an array of numbers of shape {shape}")
        if not (np.abs(values) <= _LARGEST).all():
            raise ValueError(f"{name} holds values that are not finite, or far too large")
    if not (arrays["spread"] >= 1e-6).all():
        raise ValueError("spread holds values that are not above zero")
    kept = {name: arrays[name].astype(np.float32) for name in shapes}
    return Adapter(weights_sha256=str(weights), **kept)
