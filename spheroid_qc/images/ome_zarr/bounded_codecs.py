"""Chunks of a Zarr are unpacked only if they fill their chunk, not the memory.

A few hundred kilobytes of gzip or zstd may hold gigabytes, and the codecs of `zarr` unpack whatever
is there. A look before each of them refuses what is larger than the chunk that it is to fill:
by the size in its header, or by unpacking it piece by piece and keeping nothing.
"""

from __future__ import annotations

import bz2
import lzma
import math
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numcodecs.abc import Codec
from zarr import Array, AsyncArray
from zarr.abc.codec import BytesBytesCodec
from zarr.codecs import ShardingCodec

_PIECE_BYTES = 1 << 20

_SLACK = 1.01, 1024
"""What a chunk may have more than its pixels: check sums, headers, what does not get smaller."""


def bounded(array: Any) -> Any:
    """Give the same array of `zarr`, whose chunks are looked at before they are unpacked."""
    metadata = array.metadata
    size = np.dtype(array.dtype).itemsize
    if metadata.zarr_format == 2:
        most = math.prod(metadata.chunks) * size
        given = metadata.compressor
        looked_at = replace(
            metadata,
            compressor=None if given is None else _LookBefore(given, most),
            filters=tuple(_LookBefore(one, most) for one in metadata.filters or ()) or None,
        )
    else:
        codecs = _with_looks(metadata.codecs, metadata.chunk_grid.chunk_shape, size)
        looked_at = replace(metadata, codecs=codecs)
    return Array(AsyncArray(metadata=looked_at, store_path=array.store_path))


def _with_looks(codecs: Iterable[Any], shape: Iterable[int], size: int) -> tuple[Any, ...]:
    """Put a look behind each codec that packs: they are undone from the last to the first."""
    found: list[Any] = []
    for one in codecs:
        if isinstance(one, ShardingCodec):
            inner = _with_looks(one.codecs, one.chunk_shape, size)
            found.append(replace(one, codecs=inner))
            continue
        found.append(one)
        name = str(one.to_dict().get("name", "")).rpartition(".")[2]
        if name in _UNPACKED:
            found.append(_Look(name, math.prod(shape) * size))
    return tuple(found)


def _check(name: str, data: bytes, most: int) -> None:
    """Raise `ValueError` if some packed bytes hold more than they may."""
    limit = int(most * _SLACK[0]) + _SLACK[1]
    if name in _UNPACKED and _UNPACKED[name](data, limit) > limit:
        raise ValueError(f"a chunk unpacks to more than the {most / 1e6:.3g} MB that it is to fill")


@dataclass(frozen=True)
class _Look(BytesBytesCodec):  # type: ignore[misc]
    """A codec of Zarr 3 that changes nothing and looks at what the next one will unpack."""

    name: str
    most: int
    is_fixed_size = True

    def to_dict(self) -> dict[str, Any]:
        return {"name": "spheroid_qc.look"}

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: Any) -> int:
        return input_byte_length

    async def _decode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        _check(self.name, chunk_data.to_bytes(), self.most)
        return chunk_data

    async def _encode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return chunk_data


class _LookBefore(Codec):  # type: ignore[misc]
    """A codec of Zarr 2 that looks before it unpacks."""

    codec_id = "spheroid_qc.look"

    def __init__(self, codec: Any, most: int) -> None:
        self._name = str(codec.codec_id)
        self._codec = codec
        self._most = most

    def encode(self, buf: Any) -> Any:
        """Pack as the codec does."""
        return self._codec.encode(buf)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Unpack what is no larger than it may be."""
        if self._name in _UNPACKED:
            _check(self._name, np.asarray(buf).tobytes(), self._most)
        return self._codec.decode(buf, out)

    def get_config(self) -> dict[str, Any]:
        """Give the settings of the codec."""
        config: dict[str, Any] = self._codec.get_config()
        return config


def _streamed(start: Callable[[], Any]) -> Callable[[bytes, int], int]:
    """Count what a stream unpacks to, and stop where it is too much; damage is the codec's to say.

    Several streams may follow each other.
    """

    def count(data: bytes, most: int) -> int:
        total = 0
        try:
            while data and total <= most:
                stream = start()
                packed = data
                while not stream.eof and total <= most:
                    piece = stream.decompress(packed, _PIECE_BYTES)
                    total += len(piece)
                    packed = getattr(stream, "unconsumed_tail", b"")
                    if not piece and not packed:
                        return total
                data = stream.unused_data
        except (zlib.error, lzma.LZMAError, OSError, EOFError):
            return total
        return total

    return count


def _blosc(data: bytes, most: int) -> int:
    return int.from_bytes(data[4:8], "little")


def _lz4(data: bytes, most: int) -> int:
    return int.from_bytes(data[:4], "little")


def _zstd(data: bytes, most: int) -> int:
    """Size by the header of the frame (RFC 8878, section 3.1.1.1); without one it is tried."""
    flags = data[4] if len(data) > 4 else 0
    alone = flags >> 5 & 1
    length = (alone, 2, 4, 8)[flags >> 6]
    start = 5 + (1 - alone) + (0, 1, 2, 4)[flags & 3]
    if length:
        return int.from_bytes(data[start : start + length], "little") + 256 * (length == 2)
    import imagecodecs

    try:
        return len(imagecodecs.zstd_decode(data, out=most))
    except imagecodecs.ZstdError:  # too large or damaged
        return most + 1


_zlib = _streamed(lambda: zlib.decompressobj(zlib.MAX_WBITS | 32))
_UNPACKED: dict[str, Callable[[bytes, int], int]] = {
    "blosc": _blosc,
    "lz4": _lz4,
    "zstd": _zstd,
    "gzip": _zlib,
    "zlib": _zlib,
    "bz2": _streamed(bz2.BZ2Decompressor),
    "lzma": _streamed(lzma.LZMADecompressor),
}
"""Bytes that packed bytes unpack to, by the name of the codec; it may stop at `most`."""
