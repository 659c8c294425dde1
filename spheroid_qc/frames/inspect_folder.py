"""What `inspect` shows: how every name was read, and what to do about the rest.

`inspection` gives plain data, `render` plain text of it. Names are made safe for a terminal:
control characters, line breaks and marks that turn the direction of writing are shown escaped.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from spheroid_qc.frames.frame_table import HARMLESS, Frame, FrameTable, NameFinding, reasons
from spheroid_qc.frames.images_in_files import INSIDE, METADATA
from spheroid_qc.frames.naming.instrument_schemes import GENERIC, PATTERN, SCHEMES
from spheroid_qc.frames.naming.name_doubts import NameDoubt, PossibleReading
from spheroid_qc.frames.time_axis import REMEDY
from spheroid_qc.wells import PLATE_FORMATS, row_column, smallest_format, well_name

ADVICE: dict[str, str] = {
    "doubtful": "names that can be read in two ways, left out",
    "unread": "files that could not be read",
    "conflict": "names that contradict themselves or the rest, left out",
    "duplicate": "files that claim a place which another file has",
    "copy": "copies, byte for byte, of a file that is used",
    "stray": "files and folders that are not images of the plate",
}
"""Kind of finding -> what the files under it are."""

_AMBIGUITY_ADVICE = (
    "Give --name-pattern to say which word is the well, for example "
    r"'_(?P<well>[A-P]\d+)\.', or rename the files (D05 and day5 leave no doubt together)."
)
_TITLES = {scheme.name: scheme.title for scheme in reversed(SCHEMES)} | {
    GENERIC: "a well between separators",
    PATTERN: "your name pattern",
    METADATA: "the wells in the metadata of the files",
    INSIDE: "the names of images inside the files",
}
_SPARSE = 0.5


class InspectedName(NamedTuple):
    """How one file was read, as text for a table."""

    file: str
    plate: str
    well: str
    field: str
    channel: str
    z: str
    time_h: str
    time_from: str
    scheme: str


@dataclass(frozen=True, slots=True)
class PlateSummary:
    """One plate at a glance.

    `wells` are those with images, `wells_on_plate` those of the smallest plate that holds them;
    `gaps` are wells without any image inside the rectangle of wells that have some. `fields` and
    `planes` are the most of a well at a time. `counted`: the times count frames instead of hours.
    """

    plate: str
    wells: int
    wells_on_plate: int
    times_h: tuple[float, ...]
    fields: int
    planes: int
    channels: tuple[str, ...]
    schemes: tuple[str, ...]
    counted: bool
    gaps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """Everything `inspect` has to say.

    `rows` has one entry for each frame. `problems` are the files left out but for `ignored`, which
    aren't images of the plate, and `copies`, which have the same bytes as one that is used.
    `missing` (wells without image at some time), `gaps` (wells without any amid others, which a
    plate map may leave empty) and `notes` (how plates, times and fields were told apart) are
    finished sentences. `doubts` are groups of names with several readings.
    """

    rows: tuple[InspectedName, ...]
    plates: tuple[PlateSummary, ...]
    problems: tuple[NameFinding, ...]
    ignored: tuple[NameFinding, ...]
    copies: tuple[NameFinding, ...]
    missing: tuple[str, ...]
    gaps: tuple[str, ...]
    notes: tuple[str, ...]
    doubts: tuple[NameDoubt, ...] = ()


def visible(text: str) -> str:
    """Make a name safe to print: control, format and unassigned characters are escaped."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        mark
        if mark.isprintable() or mark == " "
        else mark.encode("unicode_escape", "backslashreplace").decode("ascii")
        for mark in text
    )


def gaps(wells: Iterable[str]) -> tuple[str, ...]:
    """Wells (canonical names) that are absent from the rectangle of wells that are there.

    Empty if half of the rectangle or more is absent: then it isn't a layout.
    """
    places = {row_column(well) for well in wells}
    if not places:
        return ()
    rows = range(min(row for row, _ in places), max(row for row, _ in places) + 1)
    columns = range(min(column for _, column in places), max(column for _, column in places) + 1)
    absent = [
        well_name(row, column) for row in rows for column in columns if (row, column) not in places
    ]
    return tuple(absent) if len(absent) < _SPARSE * len(rows) * len(columns) else ()


def inspection(table: FrameTable, well_count: int | None = None) -> Inspection:
    """Turn a frame table into what a user wants to see.

    Parameters
    ----------
    table : FrameTable
        From `frame_table`.
    well_count : int or None
        Wells on a plate if the user said so.

    Returns
    -------
    Inspection
    """
    by_plate: dict[str, list[Frame]] = defaultdict(list)
    for frame in table.frames:
        by_plate[frame.plate].append(frame)
    plates = tuple(_summary(plate, frames, well_count) for plate, frames in by_plate.items())
    lacking: dict[tuple[str, tuple[float, ...]], list[str]] = defaultdict(list)
    for absent in table.missing:
        lacking[absent.plate, absent.times_h].append(absent.well)
    counted = {one.plate for one in plates if one.counted}
    missing = [
        f"Plate {visible(plate)!r}: no image at {_times(times, plate in counted)} of "
        f"{_list(wells)}."
        for (plate, times), wells in lacking.items()
    ]
    gaps = [
        f"Plate {visible(one.plate)!r}: no image at all of {_list(one.gaps)}, amid wells that "
        "have some."
        for one in plates
        if one.gaps
    ]
    return Inspection(
        tuple(_row(frame) for frame in table.frames),
        plates,
        table.problems,
        tuple(finding for finding in table.findings if finding.kind == "stray"),
        tuple(finding for finding in table.findings if finding.kind == "copy"),
        tuple(missing),
        tuple(gaps),
        table.notes,
        table.doubts,
    )


def _summary(plate: str, frames: Sequence[Frame], well_count: int | None) -> PlateSummary:
    wells = {frame.well for frame in frames}
    fields: dict[tuple[str, float], set[int]] = defaultdict(set)
    planes: dict[tuple[str, float], set[int]] = defaultdict(set)
    for frame in frames:
        fields[frame.well, frame.time_h].add(frame.field)
        planes[frame.well, frame.time_h].add(frame.z)
    size = well_count if well_count in PLATE_FORMATS else smallest_format(wells)
    return PlateSummary(
        plate,
        len(wells),
        size,
        tuple(sorted({frame.time_h for frame in frames})),
        max(map(len, fields.values())),
        max(map(len, planes.values())),
        tuple(sorted({frame.channel for frame in frames if frame.channel})),
        tuple(sorted({frame.scheme for frame in frames})),
        any(frame.time_source == "index" for frame in frames),
        gaps(wells),
    )


def _row(frame: Frame) -> InspectedName:
    image = "" if frame.series is None else f" [image {frame.series}]"
    page = "" if frame.page is None else f" [page {frame.page}]"
    return InspectedName(
        visible(frame.path) + image + page,
        visible(frame.plate),
        frame.well,
        str(frame.field),
        visible(frame.channel),
        str(frame.z),
        f"{frame.time_h:g}",
        frame.time_source,
        frame.scheme,
    )


def _list(items: Sequence[str], maximum: int = 12) -> str:
    shown = ", ".join(items[:maximum])
    return shown if len(items) <= maximum else f"{shown} and {len(items) - maximum} more"


def _times(times: Sequence[float], counted: bool) -> str:
    return _list([f"frame {time:g}" if counted else f"{time:g} h" for time in times], 8)


def width(text: str) -> int:
    """Columns that a text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(mark) else 1 + (unicodedata.east_asian_width(mark) in "WF")
        for mark in text
    )


def _fitted(text: str, maximum: int) -> str:
    """Shorten in the middle: beginnings and ends of names tell them apart."""
    if width(text) <= maximum:
        return text
    head = (maximum - 1) // 2
    return f"{text[:head]}…{text[len(text) - (maximum - 1 - head) :]}"


def render(found: Inspection, max_rows: int | None = None, max_width: int = 72) -> str:
    """Print an inspection as plain text.

    Parameters
    ----------
    found : Inspection
        From `inspection`.
    max_rows : int or None
        Most rows of the table, of ignored files and of missing wells; None: all. Names that need
        the user's attention are listed in any case.
    max_width : int
        Longest file name in the table; longer ones lose their middle.

    Returns
    -------
    str
        Lines with line ends. The table comes first and the counts last, where they stay in view.
    """
    lines: list[str] = []
    if found.rows:
        lines += _table(found.rows, max_rows, max_width)
        lines.append("")
    for kind in ADVICE:
        group = [
            one for one in (*found.problems, *found.copies, *found.ignored) if one.kind == kind
        ]
        if group:
            lines += [*_findings(kind, group, max_rows if kind in HARMLESS else None), ""]
    if found.doubts:
        lines += ["What each reading would give", *_doubts(found.doubts), ""]
    missing = (*found.missing, *found.gaps)
    if missing:
        lines.append("Missing wells")
        lines += [f"  {sentence}" for sentence in missing[:max_rows]]
        lines += [*_more(len(missing), max_rows), ""]
    if found.notes:
        lines += ["How it was read", *(f"  {visible(note)}" for note in found.notes), ""]
    lines += _counts(found)
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[InspectedName], max_rows: int | None, max_width: int) -> list[str]:
    head = InspectedName(
        "file", "plate", "well", "field", "channel", "z", "time_h", "time from", "scheme"
    )
    shown = [head, *(row._replace(file=_fitted(row.file, max_width)) for row in rows[:max_rows])]
    shown = [row._replace(plate=_fitted(row.plate, 32)) for row in shown]
    # Columns that say nothing are left away.
    used = [
        place
        for place, name in enumerate(InspectedName._fields)
        if name not in ("channel", "z") or any(row[place] not in ("", "0") for row in rows)
    ]
    widths = {place: max(width(row[place]) for row in shown) for place in used}
    lines = [
        "  ".join(row[place] + " " * (widths[place] - width(row[place])) for place in used).rstrip()
        for row in shown
    ]
    return [*lines, *_more(len(rows), max_rows)]


def _more(count: int, maximum: int | None) -> list[str]:
    return [] if maximum is None or count <= maximum else [f"  ... and {count - maximum} more"]


def _findings(kind: str, group: Sequence[NameFinding], maximum: int | None) -> list[str]:
    """One sentence for each reason, and the names under it."""
    lines = [f"{kind.capitalize()} ({len(group)}): {ADVICE[kind]}"]
    if kind == "doubtful":
        lines += [f"  {visible(one.path)}: {' | '.join(one.readings)}" for one in group[:maximum]]
        return [*lines, *_more(len(group), maximum), f"    -> {_AMBIGUITY_ADVICE}"]
    by_message: dict[str, list[str]] = defaultdict(list)
    for one in group:
        by_message[one.message].append(visible(one.path))
    for message, paths in by_message.items():
        lines += [f"  {path}" for path in paths[:maximum]]
        lines += _more(len(paths), maximum)
        lines.append(f"    -> {visible(message)}")
    return lines


def given_by(reading: PossibleReading, n_names: int) -> str:
    """Say what one possible reading would give: `4 wells (C01 to D02), one time, 2 fields`."""
    if not reading.wells:
        return "no image of a plate"
    wells = reading.wells
    span = wells[0] if len(wells) == 1 else f"{wells[0]} to {wells[-1]}"
    words = [f"{len(wells)} well{'' if len(wells) == 1 else 's'} ({span})"]
    words.append(f"times {_list(reading.times, 6)}" if reading.times else "one time")
    if len(reading.fields) > 1:
        words.append(f"{len(reading.fields)} fields")
    if reading.n_read < n_names:
        words.append(f"from {reading.n_read} of the names")
    return ", ".join(words)


def _doubts(doubts: Sequence[NameDoubt]) -> list[str]:
    lines = []
    for doubt in doubts:
        count = len(doubt.paths)
        such = f"{count} names such as" if count > 1 else "the name"
        lines.append(f"  {such} {visible(doubt.paths[0])!r}:")
        for reading in doubt.readings:
            lines.append(f"    {visible(reading.words)}: {given_by(reading, count)}")
            if reading.pattern:
                lines.append(f"      --name-pattern '{reading.pattern}'")
    return lines


def _counts(found: Inspection) -> list[str]:
    lines = []
    for one in found.plates:
        times = one.times_h
        if one.counted:
            span = f"frames {times[0]:g} to {times[-1]:g}, not hours"
        else:
            span = f"{times[0]:g} h" if len(times) == 1 else f"{times[0]:g} to {times[-1]:g} h"
        words = [
            f"{one.wells} well{'' if one.wells == 1 else 's'} (fits {one.wells_on_plate})",
            f"{len(times)} time{'' if len(times) == 1 else 's'} ({span})",
        ]
        if one.fields > 1:
            words.append(f"{one.fields} fields")
        if one.planes > 1:
            words.append(f"{one.planes} planes")
        if one.channels:
            words.append("channels " + ", ".join(map(visible, one.channels)))
        read_as = ", ".join(_TITLES.get(name, name) for name in one.schemes)
        lines.append(f"Plate {visible(one.plate)}: {'; '.join(words)}; read as {read_as}.")
        if one.counted:
            lines.append(f"  Its frames are counted; {REMEDY}.")
    counts = Counter(one.kind for one in (*found.problems, *found.copies, *found.ignored))
    left = ", ".join(f"{counts[kind]} {kind}" for kind in ADVICE if counts[kind])
    lines.append(f"{len(found.rows)} images read" + (f"; left out: {left}." if left else "."))
    if found.problems:
        lines.append(f"Left out, because {reasons(found.problems)}.")
    return lines
