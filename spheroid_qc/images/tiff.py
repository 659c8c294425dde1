"""TIFF files of every usual kind.

Directories are checked first (`tiff_structure`), axes laid out (`tiff_axes`), then single pages
are decoded by tifffile, one thread, from the bytes that were hashed.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import ImageError
from spheroid_qc.frames.held_images import HeldImage
from spheroid_qc.images.acquisition_dates import parse_date
from spheroid_qc.images.file_bytes import FileContent, cut_short
from spheroid_qc.images.grey import is_one_scene, to_grey
from spheroid_qc.images.image_info import ImageInfo
from spheroid_qc.images.metadata_imagej import ImageJFacts, read_imagej
from spheroid_qc.images.metadata_metamorph import MetaMorphStack, read_metamorph
from spheroid_qc.images.metadata_ome import OmeImage, read_ome
from spheroid_qc.images.metadata_vendor import TiffText, VendorFacts, read_vendor_metadata
from spheroid_qc.images.pixel_size import Calibration, pixel_size_from_resolution
from spheroid_qc.images.safe_xml import XMLRefusedError
from spheroid_qc.images.tiff_axes import (
    CIELAB,
    MINISBLACK,
    MINISWHITE,
    PALETTE,
    RGB,
    SEPARATED,
    YCBCR,
    Address,
    PageLayout,
    layout_of,
)
from spheroid_qc.images.tiff_structure import (
    EXTRA,
    FORMAT,
    JPEG,
    PHOTOMETRIC,
    PLANAR,
    UIC2,
    Directory,
    check_codestreams,
    check_directory,
    check_size,
    walk_directories,
)

MAX_PLANES = 1_000_000
MASK, LINEAR_RAW = 4, 34892
ALPHA = (1, 2)

_LOGGER = logging.getLogger("tifffile")


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """Keep decoders from writing warnings to the terminal; their results are checked instead."""
    disabled = _LOGGER.disabled
    _LOGGER.disabled = True
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        _LOGGER.disabled = disabled


class TiffReader:
    """Reads planes, of at most `max_megapixels` each, of one TIFF file.

    Raises `ImageError` if the file can't be read; other exceptions of decoders are the caller's to
    translate.
    """

    def __init__(self, content: FileContent, max_megapixels: float) -> None:
        import tifffile

        self._content = content
        self._max_megapixels = max_megapixels
        self._outline = walk_directories(content)
        self._tiff = tifffile.TiffFile(content.stream(), name=content.name)
        first: Any = self._tiff.pages[0]
        self._tags: dict[int, Any] = {}
        for tag in first.tags:
            self._tags.setdefault(tag.code, tag)
        self._notes: list[str] = []
        self._description = self._text(270)
        self._omes: Sequence[OmeImage | None] = self._read_ome() or [None]
        self._imagej = self._read_imagej()
        self._metamorph = self._read_metamorph()
        self._layouts: dict[int, PageLayout] = {}
        self._infos: dict[int, ImageInfo] = {}
        self.held = [HeldImage() if one is None else one.held for one in self._omes]
        self.left_out: Sequence[tuple[str, str]] = ()
        self.info_of(0)

    def _layout(self, image: int) -> PageLayout:
        """Where the planes of an image lie."""
        if image not in self._layouts:
            layout = layout_of(
                self._outline.directories,
                self._description,
                self._omes[image],
                self._imagej,
                self._vendor_order(),
                self._content.name,
                cut=self._outline.cut,
                apart=self._are_planes_apart(),
            )
            if math.prod(layout.sizes) > MAX_PLANES:
                why = "it claims more planes than any file holds"
                raise ImageError(cut_short(self._content, why))
            self._layouts[image] = layout
        return self._layouts[image]

    def info_of(self, image: int) -> ImageInfo:
        """Axes, calibration and times of an image."""
        if image not in self._infos:
            self._infos[image] = self._make_info(self._omes[image], self._layout(image))
        return self._infos[image]

    def close(self) -> None:
        """Let go of the decoder."""
        self._tiff.close()

    def read(self, image: int, time: int, channel: int, z: int) -> NDArray[Any]:
        """Read one plane as grey values (y, x) in native byte order.

        Indices count from zero, within the sizes of `info_of`. Raises `ImageError` if the plane is
        missing, damaged, or of a kind that is not read.
        """
        address = self._layout(image).find(time, channel, z)
        info = self.info_of(image)
        name = self._content.name
        if address is None or address.page >= len(self._outline.directories):
            why = "the file is cut short or damaged" if address else "the stack has a gap"
            raise ImageError(
                f"{name} holds no plane for time {time + 1}, channel {channel + 1}, focus "
                f"{z + 1}: {why}; copy it again from the instrument."
            )
        directory = self._outline.directories[address.page]
        if (directory.height, directory.width) != (info.height, info.width):
            raise ImageError(
                f"{name} can't be read: page {address.page + 1} has another size than the first; "
                "export the stack again with pages of one size."
            )
        check_directory(self._content, directory, self._max_megapixels)
        check_codestreams(self._content, directory)
        pixels = self._decode(address, directory)
        return self._grey(pixels, address, directory)

    def samples(self) -> NDArray[Any]:
        """All pages as stored, (page, y, x) or (page, y, x, samples).

        Raises `ImageError` if one is damaged, or they are more than a pair of masks may be.
        """
        name, pages = self._content.name, self._outline.directories
        full = [page for page in pages if not page.reduced]
        area = sum(page.width * page.height * page.samples for page in full)
        # A pair of masks, or a picture with four samples a pixel.
        if area > 4e6 * self._max_megapixels or len({page.key for page in full}) != 1:
            raise ImageError(
                f"{name} can't be read as a mask: it holds {len(full)} pages of several sizes, or "
                f"more than the largest frame allowed, {self._max_megapixels:g} megapixels; give a "
                "mask with one page, or one for core and one for shed material."
            )
        found = []
        for page in full:
            check_directory(self._content, page, self._max_megapixels)
            check_codestreams(self._content, page)
            pixels = self._decode(Address(page.index), page)
            planar = page.one(PLANAR, 1) == 2 and page.samples > 1
            found.append(np.moveaxis(pixels, 0, -1) if planar else pixels)
        whole = np.stack(found)
        return whole[..., 0] if whole.shape[-1] == 1 else whole

    def _decode(self, address: Address, directory: Directory) -> NDArray[Any]:
        page: Any = self._tiff.pages[address.page]
        if address.repeat:
            return self._repeated(page, address.repeat)
        pixels: NDArray[Any] = np.asarray(page.asarray(maxworkers=1))
        expected = directory.height * directory.width
        if (
            pixels.size == 0
            or pixels.size % expected
            or pixels.size // expected > page.samplesperpixel
        ):
            raise ImageError(cut_short(self._content, "its pixels do not fill the picture"))
        if page.planarconfig == 2 and page.samplesperpixel > 1:
            return pixels.reshape(page.samplesperpixel, directory.height, directory.width)
        return pixels.reshape(directory.height, directory.width, -1)

    def _repeated(self, page: Any, repeat: int) -> NDArray[Any]:
        """Picture number so-and-so of those that follow each other behind one directory."""
        if page.compression != 1 or not page.is_contiguous or page.predictor != 1:
            raise ImageError(cut_short(self._content, "pages are missing"))
        dtype = np.dtype(self._tiff.byteorder + page.dtype.char)
        count = math.prod(page.shape)
        start = page.dataoffsets[0] + repeat * count * dtype.itemsize
        data = self._content.read_at(start, count * dtype.itemsize)
        if len(data) < count * dtype.itemsize:
            raise ImageError(cut_short(self._content, "it ends before its last picture"))
        return np.frombuffer(data, dtype).reshape(page.shape).reshape(*page.shape[:2], -1)

    def _grey(self, pixels: NDArray[Any], address: Address, directory: Directory) -> NDArray[Any]:
        page: Any = self._tiff.pages[address.page]
        planar = page.planarconfig == 2 and page.samplesperpixel > 1
        colours = None
        # ImageJ's tables are for looking at; the numbers themselves are what was measured.
        if self._imagej is None and directory.one(PHOTOMETRIC, MINISBLACK) == PALETTE:
            colours = page.colormap
        return _grey_of(
            np.moveaxis(pixels, 0, -1) if planar else pixels,
            directory,
            self._content.name,
            sample=address.sample,
            palette=None if colours is None else np.asarray(colours).T,
        )

    def _value(self, code: int, default: Any = None) -> Any:
        """Value of a tag of the first page."""
        return self._tags[code].value if code in self._tags else default

    def _text(self, code: int) -> str:
        value = self._value(code)
        if isinstance(value, bytes):
            value = value.decode("utf-8", errors="replace")
        return value.strip("\x00") if isinstance(value, str) else ""

    def _read_ome(self) -> list[OmeImage]:
        text = self._description.rstrip()
        if not text.endswith(("OME>", "OME&gt;")) or "<" not in text[:200]:
            return []
        try:
            return read_ome(text, self._content.name, len(self._outline.directories))
        except XMLRefusedError as error:
            self._notes.append(f"The OME metadata of {self._content.name} are ignored: {error}.")
        except (ValueError, KeyError, TypeError, IndexError, RecursionError):
            self._notes.append(f"The OME metadata of {self._content.name} are damaged; ignored.")
        return []

    def _read_imagej(self) -> ImageJFacts | None:
        # OME files may carry the ImageJ description in a second text.
        first: Any = self._tiff.pages[0]
        more = [tag.value for tag in first.tags if tag.code == 270][1:]
        for text in (self._description, *more):
            if isinstance(text, str) and text.startswith("ImageJ="):
                extra = self._value(50839)
                extra = extra if isinstance(extra, dict) else {}
                return read_imagej(text, self._resolution(), extra, self._content.name)
        return None

    def _resolution(self) -> tuple[float, float] | None:
        sides = []
        for code in (282, 283):
            value = self._value(code)
            if not (isinstance(value, tuple) and len(value) == 2 and value[1]):
                return None
            sides.append(value[0] / value[1])
        return sides[0], sides[1]

    def _read_metamorph(self) -> MetaMorphStack | None:
        tag = self._tags.get(UIC2)
        if tag is None or not isinstance(tag.value, dict) or tag.count < 1:
            if self._outline.directories[0].is_stack:
                self._notes.append(
                    f"How many pictures the MetaMorph stack {self._content.name} holds can't be "
                    "read: its first one is read; copy the file again from the instrument."
                )
            return None
        waves = self._value(33630)
        waves = waves.get("Wavelengths") if isinstance(waves, dict) else None
        return read_metamorph(int(tag.count), tag.value, waves)

    def _are_planes_apart(self) -> bool:
        """Whether the three planes of a picture called RGB are grey planes of different things.

        Programs that write arrays call three planes RGB, whatever they are. The planes of a
        coloured picture show one scene and so agree (`is_one_scene`); only files that store
        colour plane by plane, which cameras don't do, are looked at.
        """
        first = self._outline.directories[0]
        page: Any = self._tiff.pages[0]
        if self._omes[0] is not None or self._imagej is not None or page.planarconfig != 2:
            return False
        if first.samples != 3 or first.one(PHOTOMETRIC, MINISBLACK) != RGB:
            return False
        check_size(self._content.name, first.width, first.height, 3, self._max_megapixels)
        check_directory(self._content, first, self._max_megapixels)
        check_codestreams(self._content, first)
        return not is_one_scene(self._decode(Address(0), first))

    def _vendor_order(self) -> tuple[str, tuple[int, int, int]] | None:
        """Axes of MetaMorph STK and Zeiss LSM stacks, which have no other description."""
        lsm = self._value(34412)
        if self._metamorph is not None:
            return self._metamorph.order
        if not isinstance(lsm, dict):
            return None
        times, depth = (int(lsm.get(f"Dimension{axis}", 1)) for axis in ("Time", "Z"))
        full = sum(not page.reduced for page in self._outline.directories)
        return ("ZTC", (times, 1, depth)) if times * depth == full else None

    def _make_info(self, ome: OmeImage | None, layout: PageLayout) -> ImageInfo:
        base = self._outline.directories[layout.base]
        check_size(self._content.name, base.width, base.height, base.samples, self._max_megapixels)
        vendor = self._vendor_facts(base)
        n_t, n_c, n_z = layout.sizes
        imagej = self._imagej
        names = ome.channel_names if ome is not None else ()
        if len(names) != n_c:
            names = imagej.channel_names if imagej is not None else ()
        if len(names) != n_c:
            names = (vendor.channel,) if n_c == 1 else ("",) * n_c
        notes = [*layout.notes, *self._notes, *vendor.notes]
        turned = self._value(274, 1)
        if turned != 1:
            notes.append(
                f"The TIFF orientation {turned} of {self._content.name} is not applied; pixels are "
                "taken as stored."
            )
        if self._outline.cut:
            notes.append(f"{self._content.name} may be cut short: its last page leads nowhere.")
        exif = self._value(34665)
        taken = exif.get("DateTimeOriginal") if isinstance(exif, dict) else None
        acquired = [ome.acquired if ome else None, vendor.acquired, parse_date(taken)]
        acquired += [self._metamorph.acquired if self._metamorph else None]
        acquired += [parse_date(self._text(306)), imagej.acquired if imagej else None]
        bits = base.bits if base.one(FORMAT, 1) in (1, 2) else None
        if ome is not None and ome.bits and bits and ome.bits < bits:
            bits = ome.bits
        positions = ome.positions if ome is not None else None
        if positions is None and vendor.position is not None:
            positions = (vendor.position,)
        return ImageInfo(
            name=self._content.name,
            kind="tiff",
            height=base.height,
            width=base.width,
            n_t=n_t,
            n_c=n_c,
            n_z=n_z,
            dtype=self._dtype(layout),
            colour=layout.spread == 1
            and base.one(PHOTOMETRIC, MINISBLACK) in (RGB, YCBCR, SEPARATED, LINEAR_RAW),
            bits=bits,
            channel_names=tuple(names),
            calibrations=self._calibrations(ome, vendor, base),
            acquired=next(filter(None, acquired), None),
            times_h=self._times(ome, n_t),
            positions=positions,
            notes=tuple(notes),
            unused=layout.unused,
        )

    def _dtype(self, layout: PageLayout) -> str:
        dtype = self._tiff.pages[layout.base].dtype
        return "unknown" if dtype is None else str(np.dtype(dtype).newbyteorder("="))

    def _times(self, ome: OmeImage | None, n_t: int) -> tuple[float, ...] | None:
        if ome is not None and ome.times_h and len(ome.times_h) == n_t:
            return ome.times_h
        if self._imagej is not None and self._imagej.interval_s and n_t > 1:
            return tuple(i * self._imagej.interval_s / 3600 for i in range(n_t))
        if self._metamorph is not None and len(self._metamorph.times_h or ()) == n_t:
            return self._metamorph.times_h
        return None

    def _vendor_facts(self, base: Directory) -> VendorFacts:
        wanted = (33560, 33628, 34118, 34412, 34665, 34680, 34682, 51123)
        tags = {code: self._tags[code].value for code in wanted if code in self._tags}
        return read_vendor_metadata(
            TiffText(self._content, self._description, tags, base.width, base.height)
        )

    def _calibrations(
        self, ome: OmeImage | None, vendor: VendorFacts, base: Directory
    ) -> tuple[Calibration, ...]:
        found: list[Calibration] = []
        if ome is not None:
            stated = ome.calibration
            if (ome.width, ome.height) != (base.width, base.height):
                stated = Calibration(
                    None,
                    "ome",
                    f"OME metadata speak of {ome.width} x {ome.height} pixels, the picture has "
                    f"{base.width} x {base.height}: its pixel size is not taken.",
                )
            found.append(stated)
        if self._imagej is not None:
            found.append(self._imagej.calibration)
        if vendor.calibration is not None:
            found.append(vendor.calibration)
        resolution = self._resolution()
        unit = self._value(296, 2)
        scale = {2: 25_400.0, 3: 10_000.0}.get(int(unit) if isinstance(unit, int) else 1)
        if resolution is not None and scale is not None and self._imagej is None:
            found.append(
                pixel_size_from_resolution(*resolution, scale, "vendor", "The TIFF resolution")
            )
        return tuple(one for one in found if one.pixel_size_um is not None or one.note)


def _grey_of(
    pixels: NDArray[Any],
    directory: Directory,
    name: str,
    *,
    sample: int | None = None,
    palette: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Make grey values (y, x) of decoded samples (y, x, samples) by their photometric tag.

    `sample` is the channel to take where several lie side by side in a pixel; `palette` (n, 3)
    the colour table, None where the numbers themselves are the grey values. Bright is bright,
    also in files for which white is zero.
    """
    photometric = directory.one(PHOTOMETRIC, MINISBLACK)
    samples = pixels.shape[-1]
    if pixels.dtype.kind == "c":
        raise ImageError(
            f"{name} can't be read: its pixels are complex numbers; export the magnitude as "
            "16-bit or 32-bit grey."
        )
    extra = directory.values.get(EXTRA, ())
    if photometric in (MINISWHITE, MINISBLACK, MASK):
        with_alpha = sample is None and samples == 2 and bool(extra) and extra[0] in ALPHA
        grey = to_grey(pixels if with_alpha else pixels[..., sample or 0])
        return _inverted(grey, directory.bits) if photometric == MINISWHITE else grey
    if sample is not None:  # three grey planes that a program called RGB
        return to_grey(pixels[..., sample])
    if photometric == PALETTE:
        return _by_palette(pixels[..., 0], palette, name)
    if photometric == SEPARATED and samples >= 4 and pixels.dtype.kind == "u":
        return to_grey(_cmyk_to_rgb(pixels))
    # The first sample of CIELAB, and of YCbCr that no decoder has turned to RGB, is lightness.
    lightness = photometric == CIELAB or (
        photometric == YCBCR and directory.compression not in JPEG
    )
    if lightness or (samples == 1 and photometric in (RGB, YCBCR, LINEAR_RAW)):
        return to_grey(pixels[..., 0])
    if photometric in (RGB, YCBCR, LINEAR_RAW) and samples >= 3:
        with_alpha = samples > 3 and bool(extra) and extra[0] in ALPHA
        return to_grey(pixels[..., : 4 if with_alpha else 3])
    raise ImageError(
        f"{name} can't be read: its kind of colour (number {photometric}) is not one this program "
        "reads; save it as grey or RGB."
    )


def _by_palette(pixels: NDArray[Any], palette: NDArray[Any] | None, name: str) -> NDArray[Any]:
    if palette is None or pixels.dtype.kind not in "ub":
        return to_grey(pixels)
    if palette.shape[0] <= int(pixels.max()):
        raise ImageError(
            f"{name} can't be read: its colour table is too short for its pixels; the file is "
            "damaged, copy it again from the instrument."
        )
    grey = to_grey(palette[np.newaxis])[0]
    return np.ascontiguousarray(grey[pixels.astype(np.intp)])


def _inverted(grey: NDArray[Any], bits: int) -> NDArray[Any]:
    """Turn values for which white is zero."""
    if grey.dtype.kind == "u":
        top = grey.dtype.type((1 << min(bits, grey.dtype.itemsize * 8)) - 1)
        return np.ascontiguousarray(top - grey)
    if grey.dtype.kind == "i":
        return np.ascontiguousarray(~grey)
    return np.ascontiguousarray(-grey)


def _cmyk_to_rgb(pixels: NDArray[Any]) -> NDArray[np.float32]:
    top = np.float32(np.iinfo(pixels.dtype).max)
    ink = pixels[..., :4].astype(np.float32) / top
    rgb: NDArray[np.float32] = (1 - ink[..., :3]) * (1 - ink[..., 3:]) * top
    return rgb
