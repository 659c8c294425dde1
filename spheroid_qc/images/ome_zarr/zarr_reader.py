"""Planes of OME-Zarr, read by `zarr`: a plate, a series or one image."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import ImageError
from spheroid_qc.images.grey import to_grey
from spheroid_qc.images.image_info import ImageInfo
from spheroid_qc.images.image_reader import SeveralImages, pixel_size
from spheroid_qc.images.ome_zarr.ome_zarr_metadata import ZarrAxes, axes_of, images_of
from spheroid_qc.images.ome_zarr.zarr_folder import ZarrFolder
from spheroid_qc.images.pixel_size import Calibration
from spheroid_qc.images.tiff_structure import check_size
from spheroid_qc.stopwatch import Work, timed

MAX_CHUNK_BYTES = 2_000_000_000
"""Bytes of a chunk when unpacked: it is held whole, and planes of microscopes have 0.05 GB."""
MAX_TIMES = 1_000_000


class ZarrReader(SeveralImages):
    """Reads planes, of at most `max_megapixels` each, of an OME-Zarr folder."""

    def __init__(self, path: Path, max_megapixels: float) -> None:
        self._folder = ZarrFolder(path)
        super().__init__(self._folder.name, "OME-Zarr")
        self._max_megapixels = max_megapixels
        self._known: dict[int, ZarrAxes] = {}
        self._arrays: dict[int, Any] = {}
        listed, self.left_out = images_of(self._folder)
        alone = len(listed) == 1 and not self.left_out
        for held in listed:
            if held.conflict:
                self.held.append(held)
                continue
            try:
                axes = axes_of(self._folder, held.place)
            except ImageError as error:
                if alone:
                    raise
                self.left_out.append((held.place, str(error)))
                continue
            self._known[len(self.held)] = axes
            sizes = (axes.sizes.get(axis, 1) for axis in "czyx")
            size = math.prod(sizes) * np.dtype(axes.dtype).itemsize
            self.held.append(replace(held, frame_bytes=size))
        self.refuse_empty()

    def _axes(self, image: int) -> ZarrAxes:
        if image not in self._known:
            self._known[image] = axes_of(self._folder, self.held[image].place)
        return self._known[image]

    def shown(self, image: int) -> str:
        """Name of an image for sentences."""
        place = self.held[image].place
        return f"{self.name}/{place}" if place else self.name

    def info_of(self, image: int) -> ImageInfo:
        """Axes, calibration and times of an image."""
        axes, name = self._axes(image), self.shown(image)
        sizes = axes.sizes
        check_size(name, sizes["x"], sizes["y"], 1, self._max_megapixels)
        n_t, step = min(sizes.get("t", 1), MAX_TIMES), axes.step_h
        hours = axes.hours[:n_t] or tuple(step * time for time in range(n_t) if step)
        position = axes.position_um
        return ImageInfo(
            name=name,
            kind="zarr",
            height=sizes["y"],
            width=sizes["x"],
            n_t=n_t,
            n_c=sizes.get("c", 1),
            n_z=sizes.get("z", 1),
            dtype=axes.dtype,
            channel_names=axes.channel_names,
            calibrations=_calibrations(axes),
            acquired=self.held[image].acquired,
            times_h=hours if hours and n_t > 1 else None,
            positions=None if position is None else (position,),
        )

    def read(self, image: int, time: int, channel: int, z: int) -> NDArray[Any]:
        """Read one plane as grey values (y, x)."""
        axes = self._axes(image)
        array = self._array(image)
        at = {"t": time, "c": channel, "z": z}
        where = tuple(slice(None) if axis in "yx" else at[axis] for axis in axes.axes)
        array.store.found = 0
        pixels = np.asarray(array[where])
        # A chunk that is absent stands for one value; of a plane that a camera took, none is.
        if not array.store.found:
            raise ImageError(
                f"{self.shown(image)} holds no pixels for time {time + 1}, channel {channel + 1}, "
                f"focus {z + 1}: they are not written yet, or were lost; copy it again."
            )
        if axes.axes.index("x") < axes.axes.index("y"):
            pixels = pixels.T
        return np.ascontiguousarray(to_grey(pixels))

    def _array(self, image: int) -> Any:
        if image not in self._arrays:
            import zarr

            from spheroid_qc.images.ome_zarr.bounded_codecs import bounded
            from spheroid_qc.images.ome_zarr.confined_store import ConfinedStore

            array = zarr.open_array(
                store=ConfinedStore(self._folder), path=self._axes(image).place, mode="r"
            )
            size = math.prod(array.chunks) * np.dtype(array.dtype).itemsize
            if size > MAX_CHUNK_BYTES:
                raise ImageError(
                    f"{self.shown(image)} is refused: one of its chunks unpacks to "
                    f"{size / 1e9:.1f} GB; write it with smaller chunks."
                )
            self._arrays[image] = bounded(array)
        return self._arrays[image]

    @cached_property
    @timed(Work.HASH)
    def sha256(self) -> str:
        """Hexadecimal digest of the files of all images, at full size."""
        places = [self._axes(image).place for image in range(len(self.held))]
        return self._folder.digest(tuple(places))

    def close(self) -> None:
        """Let go of the arrays."""
        self._arrays.clear()


def _calibrations(axes: ZarrAxes) -> tuple[Calibration, ...]:
    width, height = axes.pixel_um
    if width is None and height is None:
        scale = axes.scale.get("x", 1.0)
        if scale == 1.0:
            return ()
        note = f"OME-Zarr gives a scale of {scale:g} without a unit of length: it is not taken."
        return (Calibration(None, "ome", note),)
    return pixel_size(width, height, "ome", "The scale of the OME-Zarr")
