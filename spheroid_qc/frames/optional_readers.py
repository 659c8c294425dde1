"""Formats of instruments and OME-Zarr: read by libraries that the base install does not bring.

A file whose reader is missing costs one line, which says what to type.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class OptionalReader:
    """The library that reads files of one suffix: its module, its format in words, the extra."""

    module: str
    title: str
    extra: str

    @property
    def is_installed(self) -> bool:
        """Whether the library can be imported; it is not imported here."""
        try:
            return importlib.util.find_spec(self.module) is not None
        except (ImportError, ValueError):
            return False

    @property
    def remedy(self) -> str:
        """What to do where it is missing: the one line to type."""
        return f'pip install "spheroid_qc[{self.extra}]"'


OPTIONAL_READERS: dict[str, OptionalReader] = {
    "nd2": OptionalReader("nd2", "Nikon ND2", "formats"),
    "czi": OptionalReader("pylibCZIrw", "Zeiss CZI", "formats"),
    "lif": OptionalReader("liffile", "Leica LIF", "formats"),
    "vsi": OptionalReader("bioio_vsi", "Olympus VSI", "formats"),
    "zarr": OptionalReader("zarr", "OME-Zarr", "zarr"),
}
"""Suffix in lower case, without its point -> reader."""


@cache
def without_reader(suffix: str) -> str:
    """Say in a finished sentence that files of a suffix can't be read here; empty if they can."""
    reader = OPTIONAL_READERS.get(suffix)
    if reader is None or reader.is_installed:
        return ""
    return (
        f"{reader.title} is read by a library that is not here: type {reader.remedy} and run "
        "again, or export the images as TIFF."
    )
