"""A Zarr store that reads one folder and nothing else, for the library `zarr`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

from zarr.abc.store import OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest

from spheroid_qc.images.ome_zarr.zarr_folder import ZarrFolder

_NOTHING: tuple[str, ...] = ()


class ConfinedStore(Store):  # type: ignore[misc]
    """Reads files through a `ZarrFolder`; `found` counts those that were there."""

    def __init__(self, folder: ZarrFolder) -> None:
        super().__init__(read_only=True)
        self._folder = folder
        self.found = 0

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        """Bytes of a file, or of a part of it; None if there is none."""
        start, count = 0, None
        if isinstance(byte_range, RangeByteRequest):
            start, count = byte_range.start, byte_range.end - byte_range.start
        elif isinstance(byte_range, OffsetByteRequest):
            start = byte_range.offset
        elif isinstance(byte_range, SuffixByteRequest):
            start = -byte_range.suffix
        data = self._folder.bytes_of(key, start, count)
        if data is None:
            return None
        self.found += 1
        return prototype.buffer.from_bytes(data)

    async def get_partial_values(self, prototype: Any, key_ranges: Iterable[Any]) -> list[Any]:
        """Parts of several files."""
        return [await self.get(key, prototype, part) for key, part in key_ranges]

    async def exists(self, key: str) -> bool:
        """Whether a file is there."""
        return self._folder.file(key).is_file()

    @property
    def supports_writes(self) -> bool:
        """It never writes."""
        return False

    async def set(self, key: str, value: Any) -> None:
        """Refuse to write."""
        raise PermissionError(f"{key}: images are only read")

    @property
    def supports_deletes(self) -> bool:
        """It never deletes."""
        return False

    async def delete(self, key: str) -> None:
        """Refuse to delete."""
        raise PermissionError(f"{key}: images are only read")

    @property
    def supports_listing(self) -> bool:
        """It opens what it is told to."""
        return False

    async def list(self) -> AsyncIterator[str]:
        """Nothing is listed."""
        for key in _NOTHING:
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Nothing is listed."""
        for key in _NOTHING:
            yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Nothing is listed."""
        for key in _NOTHING:
            yield key
