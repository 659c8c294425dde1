"""Leica LIF, read by `liffile`: its images are those with an x-y plane.

A plate of LAS X stands in the names as `TileScan 1/A/1/R1`: row, column, field. Steps of wavelength
are channels, called by their wavelength.
"""

from __future__ import annotations

import io
import re
from datetime import datetime
from functools import partial
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.frames.held_images import HeldImage
from spheroid_qc.images.grey import to_grey
from spheroid_qc.images.image_info import ImageInfo
from spheroid_qc.images.image_reader import SeveralImages, pixel_size, quietly, rising
from spheroid_qc.images.tiff_structure import check_size
from spheroid_qc.wells import parse_well

_PLATE = re.compile(r"(?:^|/)([A-P])/([0-9]{1,2})(?:/[A-Za-z]*([0-9]{1,3}))?$")
_WAVES = ("λ", "Λ")
_KNOWN = ("T", "C", "Z", "Y", "X", "S", *_WAVES)


class LIFReader(SeveralImages):
    """Reads planes, of at most `max_megapixels` each, of one LIF file."""

    def __init__(self, stream: BinaryIO, name: str, max_megapixels: float) -> None:
        import liffile

        super().__init__(name, "LIF")
        self._max_megapixels = max_megapixels
        nameless = io.BufferedReader(_Nameless(stream), 1 << 16)
        self._file: Any = liffile.LifFile(nameless, squeeze=False)
        self._images: list[Any] = []
        try:
            for one in self._file.images:
                self._take(one)
        except BaseException:
            self._file.close()
            raise
        self.refuse_empty()

    def _take(self, image: Any) -> None:
        called = str(image.path or image.name)
        try:
            frame = image.frames.frame_sizes
            plane = [axis for axis, size in frame.items() if size > 1 and axis != "S"]
            is_plane = set(plane) <= {"Y", "X"} and {"Y", "X"} <= set(frame)
            problem = "" if is_plane else f"its planes are {'-'.join(plane).lower() or 'empty'}"
        except Exception as error:  # of this image alone: the others may be whole
            problem = f"it is damaged or of an unusual kind ({error})"
        if problem:
            sentence = (
                f"{self.name}, image {called}, can't be read: {problem}, and pictures of a well "
                "have x and y; leave it out."
            )
            self.left_out.append((called, sentence))
            return
        match = _PLATE.search(called)
        well = parse_well(match[1] + match[2]) if match else None
        self._images.append(image)
        if match is None or well is None:
            self.held.append(HeldImage(called))
        else:
            number = int(match[3]) if match[3] else None
            self.held.append(HeldImage(called, well=well.name, field=number))

    def info_of(self, image: int) -> ImageInfo:
        """Axes, calibration and times of an image."""
        one = self._images[image]
        sizes = {axis: int(size) for axis, size in one.sizes.items()}
        check_size(self.shown(image), sizes["X"], sizes["Y"], sizes.get("S", 1),
                   self._max_megapixels)  # fmt: skip
        names = self._channel_names(one, sizes)
        coordinates = quietly(lambda: one.coords) or {}
        times = quietly(lambda: [float(at) / 3600 for at in coordinates["T"]]) or []
        stamps = quietly(lambda: one.timestamps)
        taken = quietly(lambda: stamps[0].astype("datetime64[s]").item())
        edges = [quietly(partial(_step, coordinates.get(axis))) for axis in ("X", "Y")]
        stage = quietly(lambda: one.tilescan.tiles)
        place = quietly(lambda: (float(stage["pos_x"][0]) * 1e6, float(stage["pos_y"][0]) * 1e6))
        n_t = sizes.get("T", 1)
        return ImageInfo(
            name=self.shown(image),
            kind="lif",
            height=sizes["Y"],
            width=sizes["X"],
            n_t=n_t,
            n_c=len(names),
            n_z=sizes.get("Z", 1),
            dtype=str(np.dtype(one.dtype).newbyteorder("=")),
            colour=sizes.get("S", 1) >= 3,
            channel_names=names,
            calibrations=pixel_size(edges[0], edges[1], "vendor", "LIF"),
            acquired=taken if isinstance(taken, datetime) else None,
            times_h=rising(times) if len(times) == n_t else None,
            positions=(place,) if place is not None and place != (0.0, 0.0) else None,
            notes=self._notes(sizes),
        )

    @staticmethod
    def _channel_names(image: Any, sizes: dict[str, int]) -> tuple[str, ...]:
        """One name a channel and step of wavelength; empty where unknown."""
        n_c = sizes.get("C", 1)
        found = quietly(lambda: [str(name) for name in image.coords["C"]]) or []
        plain = found if len(found) == n_c and not all(map(_is_number, found)) else [""] * n_c
        for wave in _WAVES:
            steps = sizes.get(wave, 1)
            if steps > 1:
                words = quietly(partial(_lengths, image, wave)) or []
                if len(words) != steps:
                    words = [""] * steps
                plain = [" ".join(filter(None, (name, one))) for name in plain for one in words]
        return tuple(plain)

    def _notes(self, sizes: dict[str, int]) -> tuple[str, ...]:
        other = [axis for axis, size in sizes.items() if size > 1 and axis not in _KNOWN]
        if not other:
            return ()
        return (f"{self.name} has the axes {', '.join(other)}, of which the first plane is read.",)

    def read(self, image: int, time: int, channel: int, z: int) -> NDArray[Any]:
        """Read one plane as grey values (y, x)."""
        one = self._images[image]
        sizes = one.sizes
        at: dict[str, int] = {"T": time, "Z": z}
        for wave in reversed(_WAVES):
            if sizes.get(wave, 1) > 1:
                channel, at[wave] = divmod(channel, int(sizes[wave]))
        at["C"] = channel
        pixels = np.asarray(one.frame(**{axis: n for axis, n in at.items() if axis in sizes}))
        return np.ascontiguousarray(to_grey(np.squeeze(pixels) if pixels.ndim > 3 else pixels))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class _Nameless(io.RawIOBase):
    """A file without a name: the library must not look for others beside it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        """Say that it is read."""
        return True

    def seekable(self) -> bool:
        """Say that it is read at any place."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Read into a buffer; gives the number of bytes."""
        view = memoryview(buffer).cast("B")
        data = self._stream.read(len(view)) or b""
        view[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Tell the place."""
        return self._stream.tell()


def _step(places: Any) -> float | None:
    """Edge of a pixel, um, from where pixels lie, m."""
    return float(places[-1] - places[0]) / (len(places) - 1) * 1e6 if len(places) > 1 else None


def _lengths(image: Any, axis: str) -> list[str]:
    """Wavelengths of the steps of an axis, in words."""
    return [f"{float(one) * 1e9:.0f} nm" for one in image.coords[axis]]


def _is_number(text: str) -> bool:
    return text.isdecimal()
