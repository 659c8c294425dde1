"""The skeleton of a TIFF file, checked before any decoder sees it.

A damaged or hostile header can point outside the file, lead in circles, or ask for any amount of
memory. `walk_directories` follows the chain of image directories itself, with limits;
`check_directory` judges the sizes, compression and every strip or tile of one page.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import ImageError
from spheroid_qc.images.file_bytes import FileContent, cut_short

MAX_PAGES = 200_000

WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
OFFSETS, SAMPLES, ROWS, COUNTS, PLANAR = 273, 277, 278, 279, 284
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS = 322, 323, 324, 325
SUBFILE, EXTRA, FORMAT, DEPTH, PREDICTOR = 254, 338, 339, 32997, 317

UIC2 = 33629
"""What says how many pictures a MetaMorph stack has behind one directory."""

JPEG = (6, 7)
JPEG2000 = (33003, 33004, 33005, 34712)

_WANTED = {
    *(WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, ROWS, PLANAR, TILE_WIDTH),
    *(TILE_LENGTH, SUBFILE, EXTRA, FORMAT, DEPTH, PREDICTOR),
}
_ARRAYS = {OFFSETS, COUNTS, TILE_OFFSETS, TILE_COUNTS}
_TYPES = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q"}


@dataclass(slots=True)
class Directory:
    """What one image directory says of its picture.

    `is_stack`: it claims to be one of MetaMorph, whether what it says of it can be read or not.
    """

    index: int
    values: dict[int, tuple[int, ...]] = field(default_factory=dict)
    arrays: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    is_stack: bool = False

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
    """All directories of the main chain, in file order.

    `cut`: the chain leads outside the file or in a circle after the last of them.
    """

    directories: list[Directory]
    cut: bool


def walk_directories(content: FileContent) -> TiffOutline:
    """Walk through the directories of a file that begins like a TIFF; there is at least one.

    Raises `ImageError` if not even the first can be read.
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
        if offset in seen or len(found) >= MAX_PAGES:
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
        directory.is_stack |= code == UIC2
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


def check_codestreams(content: FileContent, page: Directory) -> None:
    """Compare the sizes inside JPEG and JPEG 2000 strips or tiles with those of the page.

    Raises `ImageError` if a stream claims another size than its strip or tile.
    """
    if page.compression not in JPEG + JPEG2000:
        return
    if TILE_OFFSETS in page.arrays:
        width, height = page.one(TILE_WIDTH, 0), page.one(TILE_LENGTH, 0)
    else:
        width, height = page.width, min(page.one(ROWS, page.height), page.height)
    measure = jpeg_size if page.compression in JPEG else jpeg2000_size
    maximum_samples = page.samples if page.one(PLANAR, 1) == 1 else 1
    offsets, counts = segments_of(content, page)
    for offset, count in zip(offsets.tolist(), counts.tolist(), strict=False):
        size = measure(content.read_at(offset, min(count, 1 << 17)))
        if size is None:
            raise ImageError(
                f"{content.name} can't be read: its compressed picture is damaged; copy it again "
                "from the instrument."
            )
        if size[0] > width or size[1] > height or size[2] > max(3, maximum_samples):
            raise ImageError(
                f"{content.name} can't be read: a compressed part claims {size[0]} x {size[1]} "
                f"pixels where {width} x {height} are due; copy it again from the instrument."
            )


def jpeg_size(data: bytes) -> tuple[int, int, int] | None:
    """Width, height and components of a JPEG stream; None where it has no frame header."""
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if at + 10 > len(data):
                return None
            height = int.from_bytes(data[at + 5 : at + 7], "big")
            width = int.from_bytes(data[at + 7 : at + 9], "big")
            return width, height, data[at + 9]
        if marker in (0xDA, 0xD9) or length < 2:
            return None
        at += 2 + length
    return None


def jpeg2000_size(data: bytes) -> tuple[int, int, int] | None:
    """Width, height and components of a JPEG 2000 stream, bare or in its box format."""
    start = data.find(b"\xff\x4f\xff\x51")
    if start < 0 or start + 42 > len(data):
        return None
    fields = [int.from_bytes(data[at : at + 4], "big") for at in range(start + 8, start + 40, 4)]
    right, bottom, left, top, tile_width, tile_height = fields[:6]
    if right <= left or bottom <= top or tile_width == 0 or tile_height == 0:
        return None
    components = int.from_bytes(data[start + 40 : start + 42], "big")
    return right - left, bottom - top, components


# Compression schemes that are read, by number, with the most bytes that one can stand for.
# None: the scheme has no such bound, or the bound is not worth checking.
COMPRESSIONS: dict[int, tuple[str, float | None]] = {
    1: ("none", 1.0),
    2: ("CCITT", None),
    3: ("CCITT fax 3", None),
    4: ("CCITT fax 4", None),
    5: ("LZW", 2100.0),
    6: ("old JPEG", None),
    7: ("JPEG", None),
    8: ("deflate", 1040.0),
    32946: ("deflate", 1040.0),
    32773: ("PackBits", 64.0),
    33003: ("JPEG 2000", None),
    33004: ("JPEG 2000", None),
    33005: ("JPEG 2000", None),
    34712: ("JPEG 2000", None),
    34925: ("LZMA", None),
    34926: ("Zstandard", None),
    50000: ("Zstandard", None),
}


def check_directory(content: FileContent, page: Directory, max_megapixels: float) -> None:
    """See to it that a page can be decoded: sane sizes, known compression, all bytes present.

    Raises `ImageError` with the reason and what to do; frames have at most `max_megapixels`.
    """
    check_size(content.name, page.width, page.height, page.samples, max_megapixels)
    depths = page.values.get(BITS, (1,))
    if len(set(depths)) > 1 or not 1 <= depths[0] <= 64 or page.one(DEPTH, 1) != 1:
        raise ImageError(_bad_header(content, f"it claims {depths[0]} bits a sample"))
    if page.compression not in COMPRESSIONS:
        raise ImageError(
            f"{content.name} can't be read: its compression (number {page.compression}) is not "
            "one this program reads; save it uncompressed, or with LZW or deflate."
        )
    offsets, counts = segments_of(content, page)
    expected = _expected_segments(page)
    if len(offsets) < expected or len(counts) < expected:
        raise ImageError(
            _bad_header(
                content, f"{expected} strips or tiles are due and {len(offsets)} are listed"
            )
        )
    offsets, counts = offsets[:expected], counts[:expected]
    row_bits = page.width * page.samples * depths[0]
    need = page.height * math.ceil(row_bits / 8)
    if page.compression == 1 and expected == 1 and int(counts[0]) == 0:
        counts = np.array([need], np.uint64)
    if not counts.all() or not offsets.all():
        raise ImageError(cut_short(content, "some strips or tiles of its picture are missing"))
    # Offsets beyond 2**63 are nonsense and would wrap around when added.
    if max(int(offsets.max()), int(counts.max())) >= 1 << 62:
        raise ImageError(_bad_header(content, "its strips lie outside the file"))
    ends = offsets.astype(np.int64) + counts.astype(np.int64)
    if int(ends.max()) > content.size:
        raise ImageError(
            cut_short(
                content,
                f"its picture ends at byte {int(ends.max()):,}, the file at {content.size:,}",
            )
        )
    ratio = COMPRESSIONS[page.compression][1]
    if ratio is not None and need > ratio * int(counts.astype(np.int64).sum()) + 8:
        raise ImageError(
            _bad_header(
                content,
                f"its header claims {page.width} x {page.height} pixels, more than its bytes hold",
            )
        )


def check_size(name: str, width: int, height: int, samples: int, max_megapixels: float) -> None:
    """Refuse frames without pixels and frames that are larger than allowed.

    Raises `ImageError` with the sizes, and what to do.
    """
    if width < 1 or height < 1 or samples < 1:
        raise ImageError(
            f"{name} can't be read: its header gives a picture of {width} x {height} pixels; the "
            "file is damaged, copy it again from the instrument."
        )
    if width * height > max_megapixels * 1e6 or width * height * samples > max_megapixels * 4e6:
        raise ImageError(
            f"{name} is refused: its header claims {width} x {height} pixels with {samples} "
            f"sample{'s' * (samples > 1)} each, and the largest frame allowed is "
            f"{max_megapixels:g} megapixels; raise images.max_megapixels if that is right."
        )


def segments_of(
    content: FileContent, page: Directory
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Offsets and byte counts of the strips or tiles of a page."""
    codes = (TILE_OFFSETS, TILE_COUNTS) if TILE_OFFSETS in page.arrays else (OFFSETS, COUNTS)
    out: list[NDArray[np.uint64]] = []
    for code in codes:
        if code not in page.arrays:
            if code == COUNTS and page.compression == 1 and OFFSETS in page.arrays:
                # Uncompressed files of old may leave the byte counts out.
                out.append(np.zeros(len(out[0]), np.uint64))
                continue
            raise ImageError(_bad_header(content, "it does not say where its pixels are"))
        kind, count, where = page.arrays[code]
        size = np.dtype(kind).itemsize
        data = content.read_at(where, count * size) if count * size <= content.size else b""
        if len(data) < count * size or count == 0:
            raise ImageError(cut_short(content, "the list of its strips is missing"))
        out.append(np.frombuffer(data, kind, count).astype(np.uint64))
    return out[0], out[1]


def _expected_segments(page: Directory) -> int:
    if TILE_OFFSETS in page.arrays:
        across, down = page.one(TILE_WIDTH, 0), page.one(TILE_LENGTH, 0)
        if across < 1 or down < 1:
            return 1
        count = math.ceil(page.width / across) * math.ceil(page.height / down)
    else:
        count = math.ceil(page.height / max(1, min(page.one(ROWS, page.height), page.height)))
    return count * (page.samples if page.one(PLANAR, 1) == 2 else 1)


def _bad_header(content: FileContent, why: str) -> str:
    return (
        f"{content.name} can't be read: its header is damaged ({why}); copy it again from the "
        "instrument or save it again from the program that opens it."
    )
