"""What one file name says, before the folder as a whole is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from spheroid_qc.wells import Well


@dataclass(slots=True)
class Reading:
    """One way to read a name.

    Attributes
    ----------
    scheme : str
        Name of the scheme that read it.
    well : Well
        The well.
    plate : str
        Plate or vessel as the name states it; empty if it states none.
    label : str
        Words before the well that mean nothing to the scheme; they tell plates apart only
        where the wells would collide otherwise.
    field : int or None
        Field of view as written.
    part : int or None
        A running number whose meaning the name leaves open (crop, photograph).
    words : str
        Words behind the well that mean nothing to the scheme.
    channel : str
        Channel as written.
    z : int or None
        Focus plane as written.
    hours : float or None
        Elapsed time.
    hours_from : str
        `elapsed` or `day`.
    acquired_at, folder_acquired_at : datetime or None
        Absolute time in the name and in the folders above.
    index : int or None
        Running number of the time point as written.
    conflict : str
        A finished sentence if the name contradicts itself, else empty.
    """

    scheme: str
    well: Well
    plate: str = ""
    label: str = ""
    field: int | None = None
    part: int | None = None
    words: str = ""
    channel: str = ""
    z: int | None = None
    hours: float | None = None
    hours_from: str = ""
    acquired_at: datetime | None = None
    folder_acquired_at: datetime | None = None
    index: int | None = None
    conflict: str = ""


@dataclass(slots=True)
class NameReading:
    """What became of one name.

    Attributes
    ----------
    path : str
        Path below the folder, with forward slashes.
    kind : str
        `read`, `doubtful`, `unread` or `stray`.
    reading : Reading or None
        Present exactly if `kind` is `read`.
    message : str
        Why it wasn't read; empty if it was.
    alternatives : tuple of str
        The possible readings of a doubtful name, in words.
    plate_folder : str
        The folders above the file that aren't channels, times or planes.
    plate_folder_short : str
        The same without dates and times, for folders that differ in nothing else.
    """

    path: str
    kind: str
    reading: Reading | None = None
    message: str = ""
    alternatives: tuple[str, ...] = ()
    plate_folder: str = ""
    plate_folder_short: str = ""


def describe(reading: Reading) -> str:
    """One reading in words: `well A01, field 2, 48 h, channel red`."""
    words = [f"well {reading.well.name}"]
    if reading.field is not None:
        words.append(f"field {reading.field}")
    if reading.hours is not None:
        in_days = reading.hours_from == "day" and reading.hours % 24 == 0
        words.append(f"day {reading.hours / 24:g}" if in_days else f"{reading.hours:g} h")
    elif reading.index is not None:
        words.append(f"time point {reading.index}")
    if reading.channel:
        words.append(f"channel {reading.channel}")
    if reading.z is not None:
        words.append(f"plane {reading.z}")
    return ", ".join(words)
