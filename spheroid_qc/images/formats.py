"""Formats of instrument makers (ND2, CZI, LIF, VSI ...), read through the bioio readers.

They are an extra: `pip install "spheroid_qc[formats]"`. Without it a sentence says so.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import ImageError
from spheroid_qc.images.calibration import Calibration, pixel_size
from spheroid_qc.images.dates import parse_date
from spheroid_qc.images.grey import to_grey
from spheroid_qc.images.image_info import ImageInfo
from spheroid_qc.images.tiff_checks import check_size

# Kind or suffix -> (name of the format, module that reads it).
EXTRA_FORMATS = {
    "nd2": ("Nikon ND2", "bioio_nd2"),
    "czi": ("Zeiss CZI", "bioio_czi"),
    "lif": ("Leica LIF", "bioio_lif"),
    "vsi": ("Olympus VSI", "bioio_bioformats"),
    "oib": ("Olympus OIB", "bioio_bioformats"),
    "oif": ("Olympus OIF", "bioio_bioformats"),
    "oir": ("Olympus OIR", "bioio_bioformats"),
    "zvi": ("Zeiss ZVI", "bioio_bioformats"),
    "ims": ("Imaris IMS", "bioio_bioformats"),
    "dv": ("DeltaVision DV", "bioio_dv"),
}


class BioioReader:
    """Reads planes of a vendor's file through bioio.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        A key of `EXTRA_FORMATS`.
    max_megapixels : float
        Largest frame allowed.

    Raises
    ------
    ImageError
        If the reader is not installed; the message says what to install.
    """

    def __init__(self, path: Path, kind: str, max_megapixels: float) -> None:
        title, module = EXTRA_FORMATS[kind]
        package = module.replace("_", "-")
        if find_spec("bioio") is None or find_spec(module) is None:
            raise ImageError(
                f"{path.name} is a {title} file, which needs an extra reader: install it with "
                f'pip install "spheroid_qc[formats]" (here {package}), or export TIFF files.'
            )
        with _silent():
            reader = import_module(module).Reader
            self._image = import_module("bioio").BioImage(path, reader=reader)
            dims = self._image.dims
            samples = int(getattr(dims, "S", 1))
            check_size(path.name, int(dims.X), int(dims.Y), samples, max_megapixels)
            self._samples = samples
            self.info = self._make_info(path.name, kind)

    def close(self) -> None:
        """Nothing stays open: bioio opens the file for each plane."""

    def read(self, time: int, channel: int, z: int) -> NDArray[Any]:
        """Read one plane.

        Returns
        -------
        ndarray, shape (y, x)
            Grey values.
        """
        order = "YXS" if self._samples > 1 else "YX"
        # The delayed array, for some readers load the whole file for any plane of the other.
        with _silent():
            lazy = self._image.get_image_dask_data(order, T=time, C=channel, Z=z)
            return to_grey(np.asarray(lazy.compute(scheduler="synchronous")))

    def _make_info(self, name: str, kind: str) -> ImageInfo:
        image = self._image
        dims = image.dims
        sizes = image.physical_pixel_sizes
        calibration = Calibration(None, "vendor")
        if sizes.X is not None or sizes.Y is not None:
            calibration = pixel_size(
                _number(sizes.X), _number(sizes.Y), "vendor", f"The {kind.upper()} metadata"
            )
        notes = []
        if len(image.scenes) > 1:
            notes.append(f"{name} holds {len(image.scenes)} scenes; the first is read.")
        names = [str(one) for one in image.channel_names or []]
        n_c, n_t = int(dims.C), int(dims.T)
        return ImageInfo(
            name=name,
            kind=kind,
            height=int(dims.Y),
            width=int(dims.X),
            n_t=n_t,
            n_c=n_c,
            n_z=int(dims.Z),
            dtype=str(np.dtype(image.dtype)),
            colour=self._samples > 1,
            bits=np.dtype(image.dtype).itemsize * 8 if np.dtype(image.dtype).kind == "u" else None,
            channel_names=tuple(names) if len(names) == n_c else ("",) * n_c,
            calibrations=(calibration,),
            acquired=self._acquired(),
            times_h=self._times(n_t),
            notes=tuple(notes),
        )

    def _acquired(self) -> datetime | None:
        value = getattr(self._image.standard_metadata, "imaging_datetime", None)
        return parse_date(value if isinstance(value, datetime) else str(value))

    def _times(self, n_t: int) -> tuple[float, ...] | None:
        step = self._image.time_interval
        seconds = step.total_seconds() if hasattr(step, "total_seconds") else _number(step)
        if n_t < 2 or seconds is None or seconds <= 0:
            return None
        return tuple(i * seconds / 3600 for i in range(n_t))


@contextmanager
def _silent() -> Iterator[None]:
    """Keep the readers' logs, tracebacks among them, off the terminal."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(level)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
