"""The folder of a Zarr: metadata as JSON, and chunks, never from outside of it.

Names of wells, images and arrays stand in files that others wrote: they are joined here, links are
followed only as far as they stay in the folder, and files are opened by `storage`. Both formats
are read: 2 (`.zattrs`, `.zarray`) and 3 (`zarr.json`).
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from spheroid_qc.errors import ImageError
from spheroid_qc.frames.file_tree import ZARR_FILES
from spheroid_qc.images.file_bytes import not_opened
from spheroid_qc.storage import names_inside, open_plain, patiently, read_plain

MAX_METADATA_BYTES = 20_000_000
"""Bytes of one JSON file: a thousand times that of a plate of 1536 wells."""


@dataclass(frozen=True, slots=True)
class ZarrNode:
    """A group or array.

    `attributes` are the user's, `array` what describes an array (empty for a group), `version` the
    format of the Zarr, 2 or 3.
    """

    attributes: Mapping[str, Any]
    array: Mapping[str, Any]
    version: int

    @property
    def ome(self) -> Mapping[str, Any]:
        """What OME says: below `ome` in format 3, bare in format 2."""
        found = self.attributes.get("ome") if self.version == 3 else self.attributes
        return found if isinstance(found, Mapping) else {}


def is_zarr(folder: Path) -> bool:
    """Whether a folder is a group or array of a Zarr."""
    return any((folder / name).is_file() for name in ZARR_FILES)


class ZarrFolder:
    """A group in a Zarr, and everything below it.

    Parameters
    ----------
    path : Path
        The group: a plate, an image, or an image in a plate. What it names must lie in the
        outermost Zarr around it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.resolve().name if path.name in ("", ".", "..") else path.name
        top = path.absolute()
        while is_zarr(top.parent):
            top = top.parent
        self._top = Path(os.path.realpath(top))
        if top != path.absolute():
            self.name = "/".join((top.name, *path.absolute().relative_to(top).parts))

    def file(self, key: str) -> Path:
        """Path of something below the group; raises `ImageError` where it leads out of the Zarr."""
        path = self.path / key
        if not names_inside(key) or not Path(os.path.realpath(path)).is_relative_to(self._top):
            raise ImageError(
                f"{self.name} is refused: {key!r} in it leads out of its folder; copy the whole "
                "OME-Zarr, without links, from where it was written."
            )
        return path

    def node(self, place: str = "") -> ZarrNode | None:
        """Group or array at a place below; None if there is none.

        Raises `ImageError` if its metadata can't be read.
        """
        new = self._json(_joined(place, "zarr.json"))
        if new is not None:
            attributes = new.get("attributes")
            is_array = new.get("node_type") == "array"
            return ZarrNode(attributes if isinstance(attributes, Mapping) else {},
                            new if is_array else {}, 3)  # fmt: skip
        array = self._json(_joined(place, ".zarray"))
        attributes = self._json(_joined(place, ".zattrs"))
        if array is None and attributes is None and self._json(_joined(place, ".zgroup")) is None:
            return None
        return ZarrNode(attributes or {}, array or {}, 2)

    def _json(self, key: str) -> Mapping[str, Any] | None:
        """Read a JSON file; None if it is not there."""
        path = self.file(key)
        try:
            found = json.loads(read_plain(path, MAX_METADATA_BYTES))
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                return None
            raise not_opened(f"{self.name}/{key}", path, error) from error
        except (ValueError, RecursionError) as error:
            raise ImageError(
                f"{self.name} can't be read: its metadata {key} are damaged ({error}); copy it "
                "again."
            ) from None
        if not isinstance(found, Mapping):
            raise ImageError(
                f"{self.name} can't be read: its metadata {key} are damaged (no object); copy it "
                "again."
            )
        return found

    def bytes_of(self, key: str, start: int = 0, count: int | None = None) -> bytes | None:
        """Read part of a file, from the end where `start` is negative; None if it isn't there."""
        path = self.file(key)

        def read() -> bytes | None:
            try:
                handle, size = open_plain(path)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.ENOTDIR):
                    return None
                raise
            with handle:
                first = max(0, size + start) if start < 0 else start
                handle.seek(first)
                left = size - first if count is None else min(count, size - first)
                chunks = []
                while left > 0 and (chunk := handle.read(left)):
                    chunks.append(chunk)
                    left -= len(chunk)
                return b"".join(chunks)

        return patiently(read, path)

    def files_of(self, place: str) -> Iterator[str]:
        """Keys of all files below a place, sorted."""
        folder = self.file(place)
        names = []
        for where, folders, files in os.walk(folder):
            folders.sort()
            below = PurePosixPath(Path(where).relative_to(folder).as_posix())
            names += [_joined(place, str(below / name)) for name in files]
        yield from sorted(names)

    def digest(self, places: tuple[str, ...]) -> str:
        """SHA-256 over names and bytes of all files below some places, in hexadecimal."""
        digest = hashlib.sha256()
        for place in places:
            for key in self.files_of(place):
                content = self.bytes_of(key) or b""
                digest.update(f"{key}\0{len(content)}\0".encode("utf-8", "surrogateescape"))
                digest.update(content)
        return digest.hexdigest()


def _joined(place: str, name: str) -> str:
    return f"{place}/{name}" if place else name
