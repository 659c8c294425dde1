"""Pictures within pictures: JPEG and JPEG 2000 streams inside a TIFF carry sizes of their own.

A decoder believes the stream, not the TIFF around it. One flipped bit there can ask for
gigabytes, so the sizes are compared before anything is decoded.
"""

from __future__ import annotations

from spheroid_qc.errors import ImageError
from spheroid_qc.images.files import FileContent
from spheroid_qc.images.tiff_checks import segments_of
from spheroid_qc.images.tiff_outline import (
    PLANAR,
    ROWS,
    TILE_LENGTH,
    TILE_OFFSETS,
    TILE_WIDTH,
    Directory,
)

JPEG = (6, 7)
JPEG2000 = (33003, 33004, 33005, 34712)


def check_codestreams(content: FileContent, page: Directory) -> None:
    """Compare the sizes inside JPEG and JPEG 2000 strips or tiles with those of the page.

    Raises
    ------
    ImageError
        If a stream claims another size than its strip or tile.
    """
    if page.compression not in JPEG + JPEG2000:
        return
    if TILE_OFFSETS in page.arrays:
        width, height = page.one(TILE_WIDTH, 0), page.one(TILE_LENGTH, 0)
    else:
        width, height = page.width, min(page.one(ROWS, page.height), page.height)
    measure = jpeg_size if page.compression in JPEG else jpeg2000_size
    most_samples = page.samples if page.one(PLANAR, 1) == 1 else 1
    offsets, counts = segments_of(content, page)
    for offset, count in zip(offsets.tolist(), counts.tolist(), strict=False):
        size = measure(content.read_at(offset, min(count, 1 << 17)))
        if size is None:
            raise ImageError(
                f"{content.name} can't be read: its compressed picture is damaged; copy it again "
                "from the instrument."
            )
        if size[0] > width or size[1] > height or size[2] > max(3, most_samples):
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
