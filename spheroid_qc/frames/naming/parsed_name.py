"""What one file name says, before the folder as a whole is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from spheroid_qc.wells import Well


@dataclass(slots=True)
class Reading:
    """One way to read a name; texts and numbers as written, empty or None where it states none.

    `plate` is also a vessel. `label` are words before the well that mean nothing to the scheme;
    they tell plates apart only where the wells would collide otherwise. `words` are such words
    behind the well. `part` is a running number whose meaning the name leaves open (crop,
    photograph), `index` the running number of the time point, `z` the focus plane. `counter` is a
    running number that an instrument writes without saying what it counts; `sequence` one that
    rises over the whole acquisition.

    `hours` is elapsed time, from `elapsed` or `day` (`hours_from`); `acquired_at` and
    `folder_acquired_at` are absolute times in the name and in the folders above. `conflict` is a
    finished sentence if the name contradicts itself, else empty. `one_plate`: the user says that
    the folders are no plates.
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
    counter: int | None = None
    sequence: int | None = None
    conflict: str = ""
    one_plate: bool = False


@dataclass(slots=True)
class NameReading:
    """What became of one name.

    `path` is below the folder, with `/`; `kind` is `read`, `doubtful`, `unread` or `stray`, and
    `reading` is there exactly if it is `read`. `message` says why a name wasn't read, or what
    settled one that could be read in two ways; `alternatives` are the readings of a doubtful name
    in words. `plate_folder` are the folders above the file that aren't channels, times or planes,
    `plate_folder_short` the same without dates and times, for folders that differ in nothing else.
    """

    path: str
    kind: str
    reading: Reading | None = None
    message: str = ""
    alternatives: tuple[str, ...] = ()
    plate_folder: str = ""
    plate_folder_short: str = ""
