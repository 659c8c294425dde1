"""Copies of the pictures that masks belong to, as TIFF, beside the files that describe the masks.

The picture that was analysed may be no file of its own: a page of a stack, tiles put together, one
channel, a combined stack of focus. A copy is what the masks fit, pixel by pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from spheroid_qc.errors import ImageError
from spheroid_qc.export.counted_run import CountedPicture, CountedRun
from spheroid_qc.run.well.load_images import OpenFile


def copy_picture(run: CountedRun, picture: CountedPicture, path: Path, files: OpenFile) -> None:
    """Write the picture as a TIFF of one page.

    Parameters
    ----------
    run : CountedRun
        Where it comes from.
    picture : CountedPicture
        Which.
    path : Path
        The file; its folder is made.
    files : OpenFile
        Keeps a stack open from one picture to the next.

    Raises
    ------
    ImageError
        If the picture can't be read any more.
    """
    pixels = _of_imagej(run.image(picture, files).pixels)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tifffile.TiffWriter(path, imagej=True) as tif:
        _write(tif, pixels, picture.pixel_size_um, "YX")


def copy_stack(
    run: CountedRun, pictures: Sequence[CountedPicture], path: Path, times: int
) -> list[str]:
    """Write the frames of a well as a stack in order of time, as ImageJ opens it.

    A time without a picture is a black frame, so that positions stay those of the plate's times;
    smaller frames are filled up to the right and below. The well is held while it is written.

    Parameters
    ----------
    run : CountedRun
        Where they come from.
    pictures : sequence of CountedPicture
        Those of one field, one a time.
    path : Path
        The file.
    times : int
        How many the plate has.

    Returns
    -------
    list of str
        Sentences on frames that had to be left out.
    """
    shape = tuple(max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    stack: NDArray[Any] | None = None
    problems = []
    with OpenFile() as files:
        for picture in pictures:
            try:
                pixels = _of_imagej(run.image(picture, files).pixels)
            except ImageError as error:
                problems.append(str(error))
                continue
            if stack is None:
                stack = np.zeros((times, *shape), pixels.dtype)
            kind = np.result_type(stack.dtype, pixels.dtype)
            stack = stack.astype(kind if kind.itemsize <= 4 else np.float32, copy=False)
            stack[picture.timepoint, : pixels.shape[0], : pixels.shape[1]] = pixels
    if stack is not None:
        sizes = {picture.pixel_size_um for picture in pictures}
        with tifffile.TiffWriter(path, imagej=True) as tif:
            _write(tif, stack, sizes.pop() if len(sizes) == 1 else None, "TYX")
    return problems


def _of_imagej(pixels: NDArray[Any]) -> NDArray[Any]:
    """Bring pixels to a type that ImageJ knows: unsigned of one or two bytes, or float."""
    if pixels.dtype in (np.uint8, np.uint16, np.float32):
        return pixels
    return pixels.astype(np.uint8 if pixels.dtype == bool else np.float32)


def _write(tif: Any, pixels: NDArray[Any], pixel_size_um: float | None, axes: str) -> None:
    metadata: dict[str, Any] = {"axes": axes}
    more: dict[str, Any] = {}
    if pixel_size_um is not None:
        metadata["unit"] = "um"
        more["resolution"] = (1 / pixel_size_um, 1 / pixel_size_um)
    tif.write(pixels, metadata=metadata, datetime=False, software="spheroid_qc", **more)
