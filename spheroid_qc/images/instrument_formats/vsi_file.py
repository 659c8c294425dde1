"""Olympus VSI, read by `bioio-vsi`: experimental, for no file of a multiwell plate was at hand.

The `.vsi` is a small file; the pixels lie in a folder `_NAME_` beside it.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.frames.held_images import HeldImage
from spheroid_qc.images.grey import to_grey
from spheroid_qc.images.image_info import ImageInfo
from spheroid_qc.images.image_reader import SeveralImages, pixel_size, quietly, rising
from spheroid_qc.images.tiff_structure import check_size


class VSIReader(SeveralImages):
    """Reads planes, of at most `max_megapixels` each, of one VSI file and its folder."""

    def __init__(self, path: Path, max_megapixels: float) -> None:
        import bioio_vsi

        super().__init__(path.name, "VSI")
        self._max_megapixels = max_megapixels
        self._file: Any = bioio_vsi.Reader(os.fspath(path))
        self._scenes = [str(scene) for scene in self._file.scenes]
        self.held = [HeldImage(scene) for scene in self._scenes]
        self.refuse_empty()

    def info_of(self, image: int) -> ImageInfo:
        """Axes, calibration and times of a scene."""
        self._file.set_scene(self._scenes[image])
        sizes = {axis: int(getattr(self._file.dims, axis, 1)) for axis in "TCZYX"}
        colours = int(getattr(self._file.dims, "S", 1))
        check_size(self.shown(image), sizes["X"], sizes["Y"], colours, self._max_megapixels)
        names = [str(name) for name in self._file.channel_names or ()]
        edges = self._file.physical_pixel_sizes
        step = quietly(lambda: self._file.time_interval)
        hours = step.total_seconds() / 3600 if isinstance(step, timedelta) else None
        times = None if hours is None else rising([hours * time for time in range(sizes["T"])])
        return ImageInfo(
            name=self.shown(image),
            kind="vsi",
            height=sizes["Y"],
            width=sizes["X"],
            n_t=sizes["T"],
            n_c=sizes["C"],
            n_z=sizes["Z"],
            dtype=str(np.dtype(self._file.dtype)),
            colour=colours >= 3,
            channel_names=tuple(names) if len(names) == sizes["C"] else ("",) * sizes["C"],
            calibrations=pixel_size(edges.X, edges.Y, "vendor", "VSI"),
            times_h=times,
            notes=(f"{self.name} was read by an experimental reader of VSI; look at its overlay.",),
        )

    def read(self, image: int, time: int, channel: int, z: int) -> NDArray[Any]:
        """Read one plane as grey values (y, x)."""
        self._file.set_scene(self._scenes[image])
        axes = "YXS" if int(getattr(self._file.dims, "S", 1)) > 1 else "YX"
        lazy = self._file.get_image_dask_data(axes, T=time, C=channel, Z=z)
        return np.ascontiguousarray(to_grey(np.asarray(lazy.compute(scheduler="synchronous"))))

    def close(self) -> None:
        """Nothing stays open."""
