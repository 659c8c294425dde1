"""Masks on disk: OME-TIFF label images with the channels `core` and `shed`."""

from __future__ import annotations

import uuid
from hashlib import blake2b
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from spheroid_qc.atomic import atomic_path
from spheroid_qc.errors import ImageError
from spheroid_qc.segmentation.segmentation_result import Segmentation
from spheroid_qc.stopwatch import Work, timed


@timed(Work.MASKS)
def write_masks(path: Path, segmentation: Segmentation, pixel_size_um: float | None) -> None:
    """Write core labels and shed material of one frame, atomically; pixel size where known."""
    labels = int(segmentation.core.max(initial=0))
    dtype = np.uint8 if labels < 256 else np.uint16 if labels < 65536 else np.uint32
    planes = np.stack([segmentation.core.astype(dtype), segmentation.shed.astype(dtype)])
    metadata: dict[str, object] = {
        "axes": "CYX",
        "Channel": {"Name": ["core", "shed"]},
        # Without it the name of the temporary file would stand there.
        "Name": "".join(c if c.isprintable() else "_" for c in path.name),
        # The same masks are the same bytes: no identifier from the clock.
        "UUID": f"urn:uuid:{uuid.UUID(bytes=blake2b(planes.tobytes(), digest_size=16).digest())}",
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
            planes,
            ome=True,
            photometric="minisblack",
            compression="zlib",
            compressionargs={"level": 1},
            metadata=metadata,
        )


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
