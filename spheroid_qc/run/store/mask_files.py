"""Masks on disk: OME-TIFF label images with the channels `core` and `shed`."""

from __future__ import annotations

import uuid
import zlib
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from spheroid_qc.atomic import atomic_path
from spheroid_qc.errors import ImageError
from spheroid_qc.segmentation.segmentation_result import Segmentation
from spheroid_qc.stopwatch import Work, timed

_ROWS = 64
"""Rows of a strip, which is compressed by itself."""


@timed(Work.MASKS)
def write_masks(path: Path, segmentation: Segmentation, pixel_size_um: float | None) -> None:
    """Write core labels and shed material of one frame, atomically; pixel size where known."""
    labels = int(segmentation.core.max(initial=0))
    dtype = np.uint8 if labels < 256 else np.uint16 if labels < 65536 else np.uint32
    planes = [segmentation.core.astype(dtype), segmentation.shed.astype(dtype)]
    strips = [_strip(plane[top : top + _ROWS]) for plane in planes for top in _tops(plane)]
    metadata: dict[str, object] = {
        "axes": "CYX",
        "Channel": {"Name": ["core", "shed"]},
        # Without it the name of the temporary file would stand there.
        "Name": "".join(c if c.isprintable() else "_" for c in path.name),
        # The same masks are the same bytes: no identifier from the clock.
        "UUID": f"urn:uuid:{uuid.UUID(bytes=blake2b(b''.join(strips), digest_size=16).digest())}",
    }
    if pixel_size_um is not None:
        metadata |= {
            "PhysicalSizeX": pixel_size_um,
            "PhysicalSizeXUnit": "µm",
            "PhysicalSizeY": pixel_size_um,
            "PhysicalSizeYUnit": "µm",
        }
    with atomic_path(path) as temporary:
        tifffile.imwrite(
            temporary,
            iter(strips),
            shape=(2, *planes[0].shape),
            dtype=dtype,
            ome=True,
            photometric="minisblack",
            compression="zlib",
            rowsperstrip=_ROWS,
            metadata=metadata,
        )


def _tops(plane: NDArray[Any]) -> range:
    return range(0, plane.shape[0], _ROWS)


def _strip(rows: NDArray[Any]) -> bytes:
    """Compress some rows; most rows of a mask are empty, and those are known."""
    return zlib.compress(rows.tobytes(), 1) if rows.any() else _empty_strip(rows.nbytes)


@lru_cache(maxsize=64)
def _empty_strip(size: int) -> bytes:
    return zlib.compress(bytes(size), 1)


def read_masks(path: Path) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Read what `write_masks` wrote.

    Parameters
    ----------
    path : Path
        A mask file of a run folder.

    Returns
    -------
    core : ndarray of int32, shape (y, x)
        Core labels.
    shed : ndarray of bool, shape (y, x)
        Shed material.

    Raises
    ------
    ImageError
        If the file is absent or isn't such a pair of masks.
    """
    try:
        planes = tifffile.imread(path)
    except (OSError, ValueError, tifffile.TiffFileError) as error:
        raise ImageError(
            f"The mask {path.name} can't be read ({error}); delete it and run again to have it "
            "made anew."
        ) from error
    if planes.ndim != 3 or planes.shape[0] != 2:
        raise ImageError(f"The mask {path.name} does not hold the two channels core and shed.")
    return planes[0].astype(np.int32), planes[1] > 0
