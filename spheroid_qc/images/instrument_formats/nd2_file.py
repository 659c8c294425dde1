"""Nikon ND2, read by `nd2`: positions are images, called as their points are."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import ImageError
from spheroid_qc.frames.held_images import HeldImage
from spheroid_qc.images.grey import to_grey
from spheroid_qc.images.image_info import ImageInfo
from spheroid_qc.images.image_reader import SeveralImages, pixel_size, quietly, rising
from spheroid_qc.images.tiff_structure import check_size

_JULIAN_OF_UNIX = 2_440_587.5


class ND2Reader(SeveralImages):
    """Reads planes, of at most `max_megapixels` each, of one ND2 file."""

    def __init__(self, stream: BinaryIO, name: str, max_megapixels: float) -> None:
        import nd2

        super().__init__(name, "ND2")
        self._file: Any = nd2.ND2File(stream)
        try:
            self._sizes = {axis: int(size) for axis, size in self._file.sizes.items()}
            height, width = self._sizes.get("Y", 0), self._sizes.get("X", 0)
            check_size(name, width, height, self._sizes.get("S", 1), max_megapixels)
            points = quietly(self._points) or []
            for number in range(self._sizes.get("P", 1)):
                point = points[number] if number < len(points) else None
                called = getattr(point, "name", None)
                self.held.append(HeldImage(called if isinstance(called, str) else ""))
            # Where each plane of (position, time, z) stands in the file.
            self._numbers = {
                tuple(index.get(axis, 0) for axis in "PTZ"): number
                for number, index in enumerate(self._file.loop_indices)
            }
        except BaseException:
            self._file.close()
            raise

    def _points(self) -> list[Any]:
        for loop in self._file.experiment:
            if loop.type == "XYPosLoop":
                return list(loop.parameters.points)
        return []

    def info_of(self, image: int) -> ImageInfo:
        """Axes, calibration and times of a position."""
        sizes, n_t = self._sizes, self._sizes.get("T", 1)
        channels = quietly(lambda: self._file.metadata.channels) or []
        n_c = sizes.get("C", 1)
        names = [str(getattr(getattr(one, "channel", None), "name", "")) for one in channels]
        facts = [self._facts(image, time) for time in range(n_t)]
        seconds = [quietly(partial(_seconds, one)) for one in facts]
        # Without a calibration the library gives 1 um.
        known = quietly(lambda: all(channels[0].volume.axesCalibrated[:2]))
        voxel = quietly(self._file.voxel_size) if known else None
        width, height = (None, None) if voxel is None else (voxel.x, voxel.y)
        stage = quietly(lambda: facts[0].position.stagePositionUm)
        bits = quietly(lambda: int(self._file.attributes.bitsPerComponentSignificant))
        return ImageInfo(
            name=self.shown(image),
            kind="nd2",
            height=sizes["Y"],
            width=sizes["X"],
            n_t=n_t,
            n_c=n_c,
            n_z=sizes.get("Z", 1),
            dtype=str(np.dtype(self._file.dtype)),
            colour=sizes.get("S", 1) >= 3,
            bits=bits,
            channel_names=tuple(names) if len(names) == n_c else ("",) * n_c,
            calibrations=pixel_size(width, height, "vendor", "ND2"),
            acquired=quietly(lambda: _date(facts[0].time.absoluteJulianDayNumber)),
            times_h=rising([None if one is None else one / 3600 for one in seconds]),
            positions=None if stage is None else ((float(stage.x), float(stage.y)),),
            notes=self._notes(),
        )

    def _notes(self) -> tuple[str, ...]:
        other = [axis for axis, n in self._sizes.items() if n > 1 and axis not in "PTZCYXS"]
        if not other:
            return ()
        return (f"{self.name} has the axes {', '.join(other)}, of which the first plane is read.",)

    def _facts(self, image: int, time: int) -> Any:
        """Give what is known of the first channel of the first plane of a time."""
        number = self._numbers.get((image, time, 0))
        if number is None:
            return None
        return quietly(lambda: self._file.frame_metadata(number).channels[0])

    def read(self, image: int, time: int, channel: int, z: int) -> NDArray[Any]:
        """Read one plane as grey values (y, x)."""
        number = self._numbers.get((image, time, z))
        if number is None:
            raise ImageError(
                f"{self.shown(image)} holds no plane for time {time + 1}, focus {z + 1}: the "
                "recording was stopped or the file is cut short; copy it again."
            )
        plane = np.asarray(self._file.read_frame(number))
        if self._sizes.get("C", 1) > 1:
            plane = plane[channel]
        while plane.ndim > 2 and plane.shape[0] == 1:
            plane = plane[0]
        return np.ascontiguousarray(to_grey(plane))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _seconds(facts: Any) -> float:
    return float(facts.time.relativeTimeMs) / 1000


def _date(julian: float) -> datetime | None:
    """Turn a Julian day to a date; None for the zero of files that know none."""
    if not julian > _JULIAN_OF_UNIX:
        return None
    return datetime(1970, 1, 1) + timedelta(days=julian - _JULIAN_OF_UNIX)
