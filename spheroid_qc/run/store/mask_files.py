"""Masks on disk: OME-TIFF label images with the channels `core` and `shed`."""

from __future__ import annotations

import io
import uuid
import zlib
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from spheroid_qc.atomic import atomic_path
from spheroid_qc.errors import ImageError
from spheroid_qc.images.read_image import ImageFile
from spheroid_qc.parameters import ImageParameters
from spheroid_qc.segmentation.segmentation_result import Segmentation
from spheroid_qc.stopwatch import Work, timed
from spheroid_qc.storage import read_plain

_ROWS = 64
"""Rows of a strip, which is compressed by itself."""


@timed(Work.MASKS)
def write_masks(path: Path, segmentation: Segmentation, pixel_size_um: float | None) -> str:
    """Write core labels and shed material of one frame, atomically; pixel size where known.

    Gives the SHA-256 of what was written, in hexadecimal.
    """
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
    stream = io.BytesIO()
    tifffile.imwrite(
        stream,
        iter(strips),
        shape=(2, *planes[0].shape),
        dtype=dtype,
        ome=True,
        photometric="minisblack",
        compression="zlib",
        rowsperstrip=_ROWS,
        metadata=metadata,
    )
    content = stream.getvalue()
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return sha256(content).hexdigest()


def mask_digest(path: Path, max_megapixels: float) -> str | None:
    """SHA-256 of a mask file in hexadecimal; None where there is none that can be read."""
    try:
        # No mask that may be decoded is larger: labels of four bytes and as much shed material.
        return sha256(read_plain(path, int(max_megapixels * 8e6))).hexdigest()
    except OSError:
        return None


def _tops(plane: NDArray[Any]) -> range:
    return range(0, plane.shape[0], _ROWS)


def _strip(rows: NDArray[Any]) -> bytes:
    """Compress some rows; most rows of a mask are empty, and those are known."""
    return zlib.compress(rows.tobytes(), 1) if rows.any() else _empty_strip(rows.nbytes)


@lru_cache(maxsize=64)
def _empty_strip(size: int) -> bytes:
    return zlib.compress(bytes(size), 1)


def read_masks(
    path: Path,
    max_megapixels: float = ImageParameters().max_megapixels,
    shape: Sequence[int] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Read what `write_masks` wrote.

    Parameters
    ----------
    path : Path
        A mask file of a run folder.
    max_megapixels : float
        The largest frame allowed, as for images.
    shape : sequence of int, optional
        Rows and columns that it must have; another one is refused before it is decoded.

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
        with ImageFile(path, ImageParameters(max_megapixels=max_megapixels)) as file:
            size = file.info.height, file.info.width
            if shape is not None and size != tuple(shape[:2]):
                raise ImageError(
                    f"The mask {path.name} has {size[1]} x {size[0]} pixels, its picture has "
                    f"{shape[1]} x {shape[0]}."
                )
            planes = file.samples()
    except ImageError as error:
        raise ImageError(
            f"The mask can't be used: {str(error).rstrip('.')}. Delete it and run again to have it "
            "made anew."
        ) from error
    if planes.ndim != 3 or planes.shape[0] != 2 or planes.dtype.kind not in "ui":
        raise ImageError(f"The mask {path.name} does not hold the two channels core and shed.")
    return planes[0].astype(np.int32), planes[1] > 0
