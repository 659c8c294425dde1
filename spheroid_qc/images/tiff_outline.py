"""The skeleton of a TIFF file, checked before any decoder sees it.

A damaged header can point outside the file or lead in circles. This module walks the chain of
image directories itself, with limits; `tiff_checks` then judges single pages.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from spheroid_qc.errors import ImageError
from spheroid_qc.images.file_bytes import FileContent

MOST_PAGES = 200_000

WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
OFFSETS, SAMPLES, ROWS, COUNTS, PLANAR = 273, 277, 278, 279, 284
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS = 322, 323, 324, 325
SUBFILE, EXTRA, FORMAT, DEPTH, PREDICTOR = 254, 338, 339, 32997, 317

_WANTED = {
    *(WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, ROWS, PLANAR, TILE_WIDTH),
    *(TILE_LENGTH, SUBFILE, EXTRA, FORMAT, DEPTH, PREDICTOR),
}
_ARRAYS = {OFFSETS, COUNTS, TILE_OFFSETS, TILE_COUNTS}
_TYPES = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q"}


@dataclass(slots=True)
class Directory:
    """What one image directory says of its picture."""

    index: int
    values: dict[int, tuple[int, ...]] = field(default_factory=dict)
    arrays: dict[int, tuple[str, int, int]] = field(default_factory=dict)

    def one(self, code: int, default: int) -> int:
        """First value of a tag."""
        values = self.values.get(code)
        return values[0] if values else default

    @property
    def width(self) -> int:
        """Columns."""
        return self.one(WIDTH, 0)

    @property
    def height(self) -> int:
        """Rows."""
        return self.one(LENGTH, 0)

    @property
    def samples(self) -> int:
        """Samples a pixel."""
        return self.one(SAMPLES, 1)

    @property
    def compression(self) -> int:
        """Number of the compression scheme."""
        return self.one(COMPRESSION, 1)

    @property
    def bits(self) -> int:
        """Bits a sample."""
        return self.one(BITS, 1)

    @property
    def key(self) -> tuple[int, ...]:
        """What pages of one stack have in common."""
        return self.height, self.width, self.samples, self.bits, self.one(FORMAT, 1)

    @property
    def reduced(self) -> bool:
        """Whether the page is a thumbnail, a step of a pyramid, or a transparency mask."""
        return bool(self.one(SUBFILE, 0) & 5)


@dataclass(slots=True)
class TiffOutline:
    """All directories of the main chain.

    Parameters
    ----------
    directories : list of Directory
        In file order.
    cut : bool
        The chain leads outside the file or in a circle after the last of them.
    """

    directories: list[Directory]
    cut: bool


def outline_of(content: FileContent) -> TiffOutline:
    """Walk through the directories of a TIFF file.

    Parameters
    ----------
    content : FileContent
        An open file that begins like a TIFF.

    Returns
    -------
    TiffOutline
        With at least one directory.

    Raises
    ------
    ImageError
        If not even the first directory can be read.
    """
    head = content.read_at(0, 16)
    order = "<" if head[:2] == b"II" else ">"
    big = len(head) == 16 and head[2:4] in (b"+\x00", b"\x00+")
    count_format, entry_size, pointer = ("Q", 20, "Q") if big else ("H", 12, "I")
    entry_format = struct.Struct(order + ("HHQ8s" if big else "HHI4s"))
    pointer_size = struct.calcsize(pointer)
    if len(head) < 8:
        raise ImageError(cut_short(content, "its header is incomplete"))
    (offset,) = struct.unpack_from(order + pointer, head, 8 if big else 4)
    seen: set[int] = set()
    found: list[Directory] = []
    cut = False
    while offset:
        if offset in seen or len(found) >= MOST_PAGES:
            cut = True
            break
        seen.add(offset)
        head_bytes = content.read_at(offset, struct.calcsize(count_format))
        if len(head_bytes) < struct.calcsize(count_format):
            cut = True
            break
        (count,) = struct.unpack(order + count_format, head_bytes)
        size = count * entry_size
        body = (
            content.read_at(offset + len(head_bytes), size + pointer_size) if count < 8192 else b""
        )
        if count == 0 or len(body) < size:
            cut = True
            break
        found.append(_directory(content, len(found), offset, body[:size], order, entry_format, big))
        # Some instruments leave out the pointer after the last directory of the file.
        tail = body[size:]
        offset = struct.unpack(order + pointer, tail)[0] if len(tail) == pointer_size else 0
    if not found:
        raise ImageError(cut_short(content, "it has no image directory"))
    return TiffOutline(found, cut)


def _directory(
    content: FileContent,
    index: int,
    offset: int,
    body: bytes,
    order: str,
    entry_format: struct.Struct,
    big: bool,
) -> Directory:
    directory = Directory(index)
    inline = 8 if big else 4
    header = offset + (8 if big else 2)
    for number, (code, kind, count, raw) in enumerate(entry_format.iter_unpack(body)):
        letter = _TYPES.get(kind)
        if letter is None or (code not in _WANTED and code not in _ARRAYS):
            continue
        length = count * struct.calcsize(letter)
        if length <= inline:
            where = header + number * entry_format.size + (12 if big else 8)
        else:
            (where,) = struct.unpack(order + ("Q" if big else "I"), raw)
        if code in _ARRAYS:
            directory.arrays[code] = (order + letter, count, where)
        elif 0 < count <= 64:
            data = content.read_at(where, length)
            if len(data) == length:
                directory.values[code] = struct.unpack(f"{order}{count}{letter}", data)
    return directory


def cut_short(content: FileContent, why: str) -> str:
    """Make the sentence for a file that ends before its picture does."""
    return (
        f"{content.name} can't be read: the file is cut short or damaged ({why}); copy it again "
        "from the instrument."
    )
