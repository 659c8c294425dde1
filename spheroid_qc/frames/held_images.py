"""What a file with several images says of each of them: scenes, positions, series, wells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class HeldImage:
    """One image of a file.

    Attributes
    ----------
    name : str
        As the file calls it; empty where it has no name.
    plate, well : str
        Where the metadata say so in so many words, else empty; the well is canonical.
    field : int or None
        Number of the field in its well, from 1, where the metadata say so.
    place : str
        Path below the file's own, of images in a folder; empty for images in one file.
    frame_bytes : int
        Bytes of all planes of one time, of images in a folder; else 0.
    acquired : datetime or None
        When the plate was scanned, where one file holds several scans.
    conflict : str
        A finished sentence if the metadata contradict themselves, else empty.
    """

    name: str = ""
    plate: str = ""
    well: str = ""
    field: int | None = None
    place: str = ""
    frame_bytes: int = 0
    acquired: datetime | None = None
    conflict: str = ""
