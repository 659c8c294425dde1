"""What is known of an image file, and one plane of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from numpy.typing import NDArray

from spheroid_qc.images.pixel_size import NONE, Calibration


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """Axes, calibration and times of one file, read without decoding its pixels.

    Parameters
    ----------
    name : str
        File name.
    kind : str
        `tiff`, `png`, `jpeg` or `bmp`.
    height, width : int
        Size of a plane in pixels.
    n_t, n_c, n_z : int
        Numbers of times, channels and focus planes.
    dtype : str
        Type of the stored samples, e.g. `uint16`.
    colour : bool
        The stored planes are colour, and come back as luminance.
    bits : int or None
        Bits that carry the value (12 for a 12-bit camera in 16-bit files, where the file says
        so); None for floating point.
    channel_names : tuple of str
        One a channel; empty where unknown.
    calibrations : tuple of Calibration
        All that the file says of its pixel size, most trusted first.
    acquired : datetime or None
        When the first time point was taken; naive (UTC where the file names a zone).
    times_h : tuple of float or None
        Hours since the first time point, one a time point.
    positions : tuple of (float, float) or None
        Stage position (x, y) in um, one for each field in the file that is read.
    notes : tuple of str
        Finished sentences: how doubtful axes were read, what was ignored.
    unused : str
        Finished sentence on pages of the file that are not read; empty if all are.
    """

    name: str
    kind: str
    height: int
    width: int
    n_t: int
    n_c: int
    n_z: int
    dtype: str
    colour: bool = False
    bits: int | None = None
    channel_names: tuple[str, ...] = ()
    calibrations: tuple[Calibration, ...] = ()
    acquired: datetime | None = None
    times_h: tuple[float, ...] | None = None
    positions: tuple[tuple[float, float], ...] | None = None
    notes: tuple[str, ...] = ()
    unused: str = ""

    @property
    def calibration(self) -> Calibration:
        """The most trusted calibration in the file that has a value, else the first note."""
        for one in self.calibrations:
            if one.pixel_size_um is not None:
                return one
        note = " ".join(one.note for one in self.calibrations if one.note)
        return Calibration(None, "none", note) if note else NONE


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """One plane of pixels, ready to be segmented.

    Parameters
    ----------
    pixels : ndarray, shape (y, x)
        Stored type, or float32 after luminance or a mean; C-contiguous, native byte order.
    info : ImageInfo
        The file it came from.
    sha256 : str
        Hexadecimal digest of the file's bytes.
    channel : str
        Name of the channel that was read; empty where it has none.
    z : int or None
        Index of the focus plane that was taken; None for a projection.
    """

    pixels: NDArray[Any]
    info: ImageInfo
    sha256: str
    channel: str = ""
    z: int | None = 0
