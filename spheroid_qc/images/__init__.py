"""Pixels and calibration from files.

`open_image` tells what a file holds, `read_plane` reads one plane as grey values, `ImageFile`
keeps a file open for several; `resolve_pixel_size` decides whose pixel size counts. Whatever is
wrong with a file comes out as an `ImageError` with a finished sentence.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spheroid_qc.images.calibration import Calibration, ResolvedPixelSize, resolve_pixel_size
    from spheroid_qc.images.grey import to_grey
    from spheroid_qc.images.info import ImageInfo, Plane
    from spheroid_qc.images.plate_files import PlateCalibration, plate_calibration
    from spheroid_qc.images.probing import probe
    from spheroid_qc.images.reading import ImageFile, open_image, read_plane
    from spheroid_qc.images.stacks import combine_z, focus_of

__all__ = [
    "Calibration",
    "ImageFile",
    "ImageInfo",
    "Plane",
    "PlateCalibration",
    "ResolvedPixelSize",
    "combine_z",
    "focus_of",
    "open_image",
    "plate_calibration",
    "probe",
    "read_plane",
    "resolve_pixel_size",
    "to_grey",
]

_HOME = {
    "Calibration": "calibration",
    "ResolvedPixelSize": "calibration",
    "resolve_pixel_size": "calibration",
    "to_grey": "grey",
    "ImageInfo": "info",
    "Plane": "info",
    "PlateCalibration": "plate_files",
    "plate_calibration": "plate_files",
    "probe": "probing",
    "ImageFile": "reading",
    "open_image": "reading",
    "read_plane": "reading",
    "combine_z": "stacks",
    "focus_of": "stacks",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"spheroid_qc.images.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
