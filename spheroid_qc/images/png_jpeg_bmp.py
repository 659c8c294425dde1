"""PNG, JPEG and BMP.

Sizes are taken from the header and judged before anything is decoded. The orientation that
cameras note in EXIF is not applied: masks must lie on the pixels as they are stored, and no
measurement depends on it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import ImageError
from spheroid_qc.frames.held_images import HeldImage
from spheroid_qc.images.acquisition_dates import parse_date
from spheroid_qc.images.file_bytes import FileContent, cut_short
from spheroid_qc.images.grey import to_grey
from spheroid_qc.images.image_info import ImageInfo
from spheroid_qc.images.pixel_size import Calibration, pixel_size_from_resolution
from spheroid_qc.images.tiff_structure import check_size, jpeg_size

if TYPE_CHECKING:
    from PIL.Image import Image


# Types in which the grey modes of Pillow come out; all other modes are colour.
_GREY_MODES = {
    **dict.fromkeys(("1", "L", "LA", "La"), "uint8"),
    **dict.fromkeys(("I;16", "I;16B", "I;16L"), "uint16"),
    "I": "int32",
    "F": "float32",
}

# Deflate can't expand its input by more than this.
MAX_DEFLATE_RATIO = 1040


class RasterReader:
    """Reads the one plane of a `png`, `jpeg` or `bmp` file of at most `max_megapixels`."""

    def __init__(self, content: FileContent, kind: str, max_megapixels: float) -> None:
        self._content = content
        self._kind = kind
        width, height, samples = _SIZES[kind](content)
        check_size(content.name, width, height, min(samples, 4), max_megapixels)
        if kind == "png" and width * height * samples > MAX_DEFLATE_RATIO * 8 * content.size:
            raise ImageError(
                f"{content.name} can't be read: its header claims {width} x {height} pixels, more "
                "than its bytes can hold; copy it again from the instrument."
            )
        if kind == "png":
            _check_png(content)
        self._deep = kind == "png" and content.head[24] == 16 and content.head[25] in (2, 4, 6)
        with _pillow() as pillow:
            self._image: Image = pillow.open(content.stream(), formats=[kind.upper()])
        if self._image.size != (width, height):
            raise ImageError(
                f"{content.name} can't be read: its header is damaged; copy it again from the "
                "instrument."
            )
        self.held = (HeldImage(),)
        self.left_out: tuple[tuple[str, str], ...] = ()
        self._info = self._make_info()

    def info_of(self, image: int) -> ImageInfo:
        """Axes and calibration of the one image."""
        return self._info

    def close(self) -> None:
        """Let go of the decoder."""
        self._image.close()

    def read(self, image: int, time: int, channel: int, z: int) -> NDArray[Any]:
        """Read the plane as grey values (y, x); all indices are zero."""
        if self._deep:
            # Pillow would throw away the lower eight bits.
            import imagecodecs

            data = self._content.read_at(0, self._content.size)
            return to_grey(np.asarray(imagecodecs.png_decode(data)))
        with _pillow():
            picture = self._image
            if picture.mode in ("P", "PA", "CMYK", "YCbCr", "LAB", "HSV") or (
                "transparency" in picture.info and picture.mode in ("L", "RGB")
            ):
                picture = picture.convert(
                    "RGBA" if "transparency" in picture.info or picture.mode == "PA" else "RGB"
                )
            return to_grey(np.asarray(picture))

    def samples(self) -> NDArray[Any]:
        """Give the plane as stored, (1, y, x) or (1, y, x, samples)."""
        if self._deep:
            import imagecodecs

            data = self._content.read_at(0, self._content.size)
            return np.asarray(imagecodecs.png_decode(data))[np.newaxis]
        with _pillow():
            return np.asarray(self._image)[np.newaxis]

    def _make_info(self) -> ImageInfo:
        image = self._image
        dtype, colour = _GREY_MODES.get(image.mode, "uint8"), image.mode not in _GREY_MODES
        if self._deep:
            dtype, colour = "uint16", self._content.head[25] != 4
        exif: dict[int, Any] = {}
        with suppress(Exception):  # damaged EXIF must not cost the picture
            # Of a PNG without EXIF, Pillow would decode everything to look behind the pixels.
            if "exif" in image.info or self._kind == "jpeg":
                raw = image.getexif()
                exif = {**dict(raw), **dict(raw.get_ifd(34665))}
        notes = []
        if exif.get(274, 1) not in (1, None):
            notes.append(
                f"{image.format} orientation {exif[274]} of {self._content.name} is not applied; "
                "pixels are taken as stored."
            )
        return ImageInfo(
            name=self._content.name,
            kind=self._kind,
            height=image.height,
            width=image.width,
            n_t=1,
            n_c=1,
            n_z=1,
            dtype=dtype,
            colour=colour,
            bits={"uint8": 8, "uint16": 16}.get(dtype),
            channel_names=("",),
            calibrations=self._calibrations(exif),
            acquired=self._date(exif),
            notes=tuple(notes),
        )

    def _calibrations(self, exif: dict[int, Any]) -> tuple[Calibration, ...]:
        found = []
        with suppress(TypeError, ValueError, ZeroDivisionError):
            if 282 in exif and 283 in exif:
                unit = {2: 25_400.0, 3: 10_000.0}.get(exif.get(296, 2))
                if unit is not None:
                    x, y = float(exif[282]), float(exif[283])
                    found.append(
                        pixel_size_from_resolution(x, y, unit, "vendor", "The EXIF resolution")
                    )
        dpi = self._image.info.get("dpi")
        with suppress(TypeError, ValueError):
            if isinstance(dpi, tuple) and len(dpi) == 2:
                x, y = float(dpi[0]), float(dpi[1])
                where = f"The {self._kind.upper()} resolution"
                found.append(pixel_size_from_resolution(x, y, 25_400.0, "vendor", where))
        return tuple(found)

    def _date(self, exif: dict[int, Any]) -> datetime | None:
        stated = (exif.get(36867), exif.get(306), self._image.info.get("Creation Time"))
        return next(filter(None, map(parse_date, stated)), None)


@contextmanager
def _pillow() -> Iterator[Any]:
    """Pillow without its own limit on pixels: ours, which the user can set, was applied before."""
    from PIL import Image

    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        yield Image
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _png_size(content: FileContent) -> tuple[int, int, int]:
    head = content.head
    if len(head) < 33 or head[12:16] != b"IHDR":
        raise ImageError(_no_header(content))
    width, height, _, colour = struct.unpack(">IIBB", head[16:26])
    return width, height, {2: 3, 4: 2, 6: 4}.get(colour, 1)


def _check_png(content: FileContent) -> None:
    """Verify the checksums of a PNG: Pillow decodes damaged data without a word."""
    offset = 8
    while offset < content.size:
        head = content.read_at(offset, 8)
        length = int.from_bytes(head[:4], "big")
        data = content.read_at(offset + 4, length + 8)
        if len(head) < 8 or len(data) < length + 8:
            raise ImageError(cut_short(content, "it ends too early"))
        if zlib.crc32(data[:-4]) != int.from_bytes(data[-4:], "big"):
            raise ImageError(cut_short(content, "a checksum is wrong"))
        if head[4:] == b"IEND":
            return
        offset += length + 12
    raise ImageError(cut_short(content, "it ends too early"))


def _jpeg_size(content: FileContent) -> tuple[int, int, int]:
    # Colour profiles and previews may stand before the frame header.
    for length in (1 << 16, 1 << 22, content.size):
        size = jpeg_size(content.read_at(0, length))
        if size is not None:
            return size
        if length >= content.size:
            break
    raise ImageError(_no_header(content))


def _bmp_size(content: FileContent) -> tuple[int, int, int]:
    head = content.head
    if len(head) < 26:
        raise ImageError(_no_header(content))
    if int.from_bytes(head[14:18], "little") == 12:
        width, height = struct.unpack("<HH", head[18:22])
        return width, height, 3
    width, height = struct.unpack("<ii", head[18:26])
    # A negative height means rows from top to bottom.
    return width, abs(height), 3


def _no_header(content: FileContent) -> str:
    return cut_short(content, "its header is incomplete")


_SIZES = {"png": _png_size, "jpeg": _jpeg_size, "bmp": _bmp_size}
