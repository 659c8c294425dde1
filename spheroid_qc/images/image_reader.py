"""What every reader of image files offers, whatever the format.

A file holds one image or several (scenes, positions, series, fields of a plate); each has its axes,
channels, times and pixel size, and its planes are read one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import ImageError
from spheroid_qc.frames.held_images import HeldImage
from spheroid_qc.images.image_info import ImageInfo
from spheroid_qc.images.pixel_size import Calibration, CalibrationSource, calibration_of


class ImageReader(Protocol):
    """An open file."""

    @property
    def held(self) -> Sequence[HeldImage]:
        """What the file says of each of its images, at least one; their numbers count from 0."""

    @property
    def left_out(self) -> Sequence[tuple[str, str]]:
        """Names of images that can't be read, and why, in finished sentences."""

    def info_of(self, image: int) -> ImageInfo:
        """Axes, calibration and times of an image, without decoding its pixels."""

    def read(self, image: int, time: int, channel: int, z: int) -> NDArray[Any]:
        """Read one plane as grey values (y, x) in native byte order.

        Indices count from zero, within the sizes of `info_of`. Raises `ImageError` if the plane is
        missing or damaged; other exceptions of decoders are the caller's to translate.
        """

    def samples(self) -> NDArray[Any]:
        """All pages as stored, of masks; raises `ImageError` for formats that hold none."""

    def close(self) -> None:
        """Let go of the file."""


class SeveralImages:
    """What readers of formats that hold several images have in common.

    Parameters
    ----------
    name : str
        File name, for sentences.
    kind : str
        Format, for sentences.
    """

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.kind = kind
        self.held: list[HeldImage] = []
        self.left_out: list[tuple[str, str]] = []

    def samples(self) -> NDArray[Any]:
        """Refuse to give masks."""
        raise ImageError(
            f"{self.name} can't be read as a mask: masks are TIFF or PNG, not {self.kind}; export "
            "it."
        )

    def shown(self, image: int) -> str:
        """Name of an image for sentences: that of the file, and its own where there are several."""
        held = self.held[image]
        return self.name if len(self.held) == 1 else f"{self.name}, image {held.name or image + 1}"

    def refuse_empty(self) -> None:
        """Raise the reason where not one image can be read."""
        if self.held:
            return
        if self.left_out:
            raise ImageError(self.left_out[0][1])
        raise ImageError(
            f"{self.name} can't be read: it holds no image; copy it again from the instrument."
        )


def pixel_size(
    x: float | None, y: float | None, source: CalibrationSource, where: str
) -> tuple[Calibration, ...]:
    """Calibration from edges in um, as readers give it; empty where there is none."""
    edges = [None if side is None or not side > 0 else float(side) for side in (x, y)]
    if edges == [None, None]:
        return ()
    return (calibration_of(edges[0], edges[1], source, where),)


def rising(hours: Sequence[float | None]) -> tuple[float, ...] | None:
    """Hours since the first time point; None where one is missing or they don't rise."""
    known = [float(one) for one in hours if one is not None]
    if len(known) != len(hours) or len(known) < 2 or not np.isfinite(known).all():
        return None
    if any(later <= earlier for earlier, later in pairwise(known)):
        return None
    return tuple(one - known[0] for one in known)


def quietly(call: Callable[[], Any]) -> Any:
    """Ask for what a file may not have; None where asking fails, whatever the library raises."""
    try:
        return call()
    except Exception:  # metadata of instruments come in all forms, and none is worth an image
        return None
