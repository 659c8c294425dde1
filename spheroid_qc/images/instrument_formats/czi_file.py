"""Zeiss CZI, read by `pylibCZIrw`: scenes are images, tiles of a scene are put together.

ZEN writes for each scene its name, and on multiwell plates the well in `ArrayName`. A plane that
is not in the file would come out black: the library is asked for its tiles first.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import ImageError
from spheroid_qc.frames.held_images import HeldImage
from spheroid_qc.images.acquisition_dates import parse_date
from spheroid_qc.images.grey import to_grey
from spheroid_qc.images.image_info import ImageInfo
from spheroid_qc.images.image_reader import SeveralImages, pixel_size, quietly, rising
from spheroid_qc.images.pixel_size import Calibration
from spheroid_qc.images.tiff_structure import check_size
from spheroid_qc.wells import parse_well

_DTYPES = {"Gray8": "uint8", "Gray16": "uint16", "Gray32Float": "float32"}
_DTYPES |= {"Bgr24": "uint8", "Bgr48": "uint16"}
MAX_TIMES = 1_000_000


class CZIReader(SeveralImages):
    """Reads planes, of at most `max_megapixels` each, of one CZI file."""

    def __init__(self, path: Path, max_megapixels: float) -> None:
        from pylibCZIrw import czi

        super().__init__(path.name, "CZI")
        self._max_megapixels = max_megapixels
        # The library's own way in; its context manager would close the file at once.
        self._file: Any = czi.CziReader(os.fspath(path))
        try:
            self._metadata = quietly(lambda: self._file.metadata["ImageDocument"]["Metadata"]) or {}
            box = self._file.total_bounding_box_no_pyramid
            self._sizes = {axis: int(stop) - int(start) for axis, (start, stop) in box.items()}
            scenes = dict(sorted(self._file.scenes_bounding_rectangle_no_pyramid.items()))
            self._scenes: list[int | None] = list(scenes) or [None]
            self._areas = list(scenes.values()) or [self._file.total_bounding_rectangle_no_pyramid]
            self.held = [self._held(number) for number in self._scenes]
        except BaseException:
            self._file.close()
            raise

    def _held(self, scene: int | None) -> HeldImage:
        told = self._scene(scene)
        well = parse_well(str(told.get("@ArrayName", told.get("ArrayName", ""))))
        name = str(told.get("@Name", ""))
        return HeldImage(name or ("" if scene is None else f"Scene {scene + 1}"),
                         well="" if well is None else well.name)  # fmt: skip

    def _scene(self, scene: int | None) -> Mapping[str, Any]:
        """Give what the metadata say of a scene."""
        dimensions = _below(self._metadata, "Information", "Image", "Dimensions")
        for one in _listed(_below(dimensions, "S", "Scenes").get("Scene")):
            if str(one.get("@Index")) == str(0 if scene is None else scene):
                return one
        return {}

    def info_of(self, image: int) -> ImageInfo:
        """Axes, calibration and times of a scene."""
        area = self._areas[image]
        name = self.shown(image)
        kind = str(quietly(lambda: self._file.get_channel_pixel_type(0)) or "")
        colour = kind.startswith("Bgr")
        check_size(name, area.w, area.h, 3 if colour else 1, self._max_megapixels)
        about = _below(self._metadata, "Information", "Image")
        n_t, n_c = min(self._sizes.get("T", 1), MAX_TIMES), self._sizes.get("C", 1)
        channels = _listed(_below(about, "Dimensions", "Channels").get("Channel"))
        names = [str(one.get("@Name") or "") for one in channels]
        step = quietly(
            lambda: float(about["Dimensions"]["T"]["Positions"]["Interval"]["Increment"]) / 3600
        )
        bits = quietly(lambda: int(about["ComponentBitCount"]))
        centre = quietly(
            lambda: [
                float(one) for one in self._scene(self._scenes[image])["CenterPosition"].split(",")
            ]
        )
        return ImageInfo(
            name=name,
            kind="czi",
            height=area.h,
            width=area.w,
            n_t=n_t,
            n_c=n_c,
            n_z=self._sizes.get("Z", 1),
            dtype=_DTYPES.get(kind, "unknown"),
            colour=colour,
            bits=bits,
            channel_names=tuple(names) if len(names) == n_c else ("",) * n_c,
            calibrations=self._calibrations(),
            acquired=parse_date(str(about.get("AcquisitionDateAndTime", ""))),
            times_h=None if not step else rising([step * time for time in range(n_t)]),
            positions=((centre[0], centre[1]),) if centre and len(centre) == 2 else None,
            notes=self._notes(),
        )

    def _calibrations(self) -> tuple[Calibration, ...]:
        edges: dict[str, float] = {}
        for one in _listed(_below(self._metadata, "Scaling", "Items").get("Distance")):
            metres = quietly(partial(_number, one.get("Value")))
            if metres is not None and one.get("@Id") in ("X", "Y"):
                edges[one["@Id"]] = metres * 1e6
        return pixel_size(edges.get("X"), edges.get("Y"), "vendor", "CZI")

    def _notes(self) -> tuple[str, ...]:
        other = [axis for axis, n in self._sizes.items() if n > 1 and axis not in "TZCYXSM"]
        if not other:
            return ()
        return (f"{self.name} has the axes {', '.join(other)}, of which the first plane is read.",)

    def read(self, image: int, time: int, channel: int, z: int) -> NDArray[Any]:
        """Read one plane as grey values (y, x)."""
        area, scene = self._areas[image], self._scenes[image]
        found: list[int] = []

        def count(number: int, _: object) -> bool:
            found.append(number)
            return False

        at = {"T": time, "C": channel, "Z": z}
        at = {axis: index for axis, index in at.items() if self._sizes.get(axis, 1) > 1}
        self._file.enumerate_subblocks_subset(
            count, plane=at or None, roi=(area.x, area.y, area.w, area.h), only_layer0=True
        )
        if not found:
            raise ImageError(
                f"{self.shown(image)} holds no plane for time {time + 1}, channel {channel + 1}, "
                f"focus {z + 1}: the recording was stopped or the file is cut short; copy it again."
            )
        pixels = np.asarray(
            self._file.read(plane={"T": time, "C": channel, "Z": z}, scene=scene, zoom=1.0,
                            roi=tuple(area))
        )  # fmt: skip
        if pixels.ndim == 3:
            pixels = pixels[..., 0] if pixels.shape[-1] == 1 else pixels[..., 2::-1]
        return np.ascontiguousarray(to_grey(pixels))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _number(text: object) -> float:
    return float(str(text))


def _below(found: Any, *names: str) -> Mapping[str, Any]:
    """Walk down nested metadata; empty where they end before."""
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _listed(found: Any) -> list[Mapping[str, Any]]:
    """One or several elements as a list."""
    several = found if isinstance(found, list) else [found]
    return [one for one in several if isinstance(one, Mapping)]
