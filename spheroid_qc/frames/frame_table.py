"""The frame table: every image of a folder with its plate, well, time, field, channel and plane.

Nothing enters it by a guess: what can't be read, can be read in two ways or occurs twice is a
finding, and the rest goes on.
"""

from __future__ import annotations

import gc
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spheroid_qc.errors import SpheroidQCError
from spheroid_qc.frames.duplicate_images import (
    FrameCandidate,
    number_fields,
    numbers_are_open,
    open_words,
    without_duplicates,
)
from spheroid_qc.frames.file_tree import list_folder
from spheroid_qc.frames.ignored_files import split_suffix
from spheroid_qc.frames.naming.parsed_name import NameReading
from spheroid_qc.frames.plate_names import name_plates
from spheroid_qc.frames.time_axis import Probe, plate_times
from spheroid_qc.parameters import PlateParameters

if TYPE_CHECKING:
    from spheroid_qc.frames.images_in_files import ImageSource
    from spheroid_qc.frames.naming.name_doubts import NameDoubt

HARMLESS = ("stray", "copy")
"""Kinds of findings that cost the user no image."""

MAX_HOURS = 100_000.0
"""Eleven years: no experiment is longer, and the dose time can't be later."""

_NO_TIME = (
    f"The name gives a time of more than {MAX_HOURS:,.0f} h, which no experiment lasts; correct "
    "the name, or say with --name-pattern what the number is."
)

_WHY: dict[str, tuple[str, str]] = {
    "doubtful": ("can be read in two ways", "can be read in two ways"),
    "unread": ("tells no well or can't be read", "tell no well or can't be read"),
    "conflict": ("contradicts itself or the rest", "contradict themselves or the rest"),
    "duplicate": (
        "claims a place that another file claims too",
        "claim places that other files claim too",
    ),
}


@dataclass(frozen=True, slots=True)
class Frame:
    """One image of one well at one time.

    Attributes
    ----------
    path : str
        Below the folder, with forward slashes.
    plate, well : str
        Plate, never empty, and canonical well.
    field : int
        Field of view as written; 1 where the name has none.
    channel : str
        Channel as written; empty where the name has none.
    z : int
        Focus plane as written; 0 where the name has none.
    timepoint : int
        Rank of the time on its plate, from 0, without gaps.
    time_h : float
        Hours on the plate's time axis.
    time_source : str
        `elapsed`, `absolute`, `folder_date`, `metadata`, `day`, `index` or `none`.
    page : int or None
        Time page inside the file; None if the file has one time.
    scheme : str
        Which scheme read the name.
    size : int
        Bytes: of the file; of all planes of one time where an image is a folder (OME-Zarr).
    series : int or None
        Number of the image (scene, position, series) inside the file, from 0; None if the file has
        one image.
    """

    path: str
    plate: str
    well: str
    field: int
    channel: str
    z: int
    timepoint: int
    time_h: float
    time_source: str
    page: int | None
    scheme: str
    size: int
    series: int | None = None

    @property
    def image(self) -> tuple[str, int | None]:
        """Which image of which file it is."""
        return self.path, self.series


@dataclass(frozen=True, slots=True)
class NameFinding:
    """One file, or folder, that is left out.

    Attributes
    ----------
    path : str
        Below the folder; a folder ends with a slash.
    kind : str
        `doubtful`, `unread`, `stray`, `duplicate`, `copy` (the same bytes are used under another
        name) or `conflict`.
    message : str
        Finished sentence: what is wrong and what to do.
    readings : tuple of str
        The possible readings of a doubtful name; the files that say the same of a duplicate.
    """

    path: str
    kind: str
    message: str
    readings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MissingWell:
    """A well that has images, but not at all times of its plate."""

    plate: str
    well: str
    times_h: tuple[float, ...]


@dataclass(frozen=True)
class FrameTable:
    """All frames of a folder and everything that isn't one.

    Attributes
    ----------
    folder : Path
        The analysed folder.
    frames : tuple of Frame
        Sorted by plate, well, time, field, channel and plane.
    findings : tuple of NameFinding
        Sorted by path.
    missing : tuple of MissingWell
        Wells without an image at some time of their plate.
    notes : tuple of str
        Finished sentences: how plates, times and fields were told apart.
    doubts : tuple of NameDoubt
        Groups of names that can be read in two ways, and what each would give.
    """

    folder: Path
    frames: tuple[Frame, ...]
    findings: tuple[NameFinding, ...]
    missing: tuple[MissingWell, ...]
    notes: tuple[str, ...]
    doubts: tuple[NameDoubt, ...] = ()

    @property
    def problems(self) -> tuple[NameFinding, ...]:
        """Findings that cost the user an image: all but ignored files and copies."""
        return tuple(finding for finding in self.findings if finding.kind not in HARMLESS)

    @property
    def plates(self) -> tuple[str, ...]:
        """Names of the plates, sorted."""
        return tuple(sorted({frame.plate for frame in self.frames}))


def reasons(problems: Iterable[NameFinding]) -> str:
    """Say in a clause why files are left out, the most frequent reason first.

    `240 files claim places that other files claim too, 2 files can be read in two ways`; empty if
    there are none.
    """
    counts = Counter(one.kind for one in problems)
    return ", ".join(
        f"{count} file{'' if count == 1 else 's'} {_WHY[kind][count > 1]}"
        for kind, count in counts.most_common()
    )


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep the collector of circular references away from a function that makes none.

    It would walk the words of 100,000 names again and again, and take half of the time.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@_collector_paused()
def frame_table(
    folder: Path,
    parameters: PlateParameters | None = None,
    probe: Callable[[Path], Probe | None] | None = None,
    whole: Collection[str] | None = None,
) -> FrameTable:
    """Read all file names below a folder.

    Parameters
    ----------
    folder : Path
        Folder with images, in subfolders or not.
    parameters : PlateParameters or None
        Name pattern, wells on a plate, frame interval.
    probe : callable or None
        Asks one file for its time pages and date of acquisition; called only where names give no
        time. None: files are not opened.
    whole : collection of str or None
        Paths below the folder of the files that count; others are still being written. None: all.

    Returns
    -------
    FrameTable
        Empty of frames if no name could be read.

    Raises
    ------
    RequestError
        If the folder or the name pattern is no good.
    """
    # Workers know frames, but read no names: the table of schemes is not theirs to compile.
    from spheroid_qc.frames.images_in_files import open_files
    from spheroid_qc.frames.naming.user_pattern import NamePattern
    from spheroid_qc.frames.plates_or_times import left_out, open_plates

    parameters = parameters or PlateParameters()
    pattern = None if parameters.name_pattern is None else NamePattern(parameters.name_pattern)
    folder = Path(folder)
    listing = list_folder(folder)
    resolved = folder.resolve()
    findings = [NameFinding(path, kind, message) for path, kind, message in listing.left_out]
    above = "/".join(resolved.parts[-4:]).lstrip("/")
    if whole is not None:
        listing = listing.only(whole)
    found = open_files(folder, listing, pattern, parameters.well_count, above, probe)
    findings += [NameFinding(*finding) for finding in found.left_out]
    sizes = dict(listing.files) | {path: one.size for path, one in found.sources.items()}
    read: list[NameReading] = []
    for one in found.names:
        if one.reading is None:
            findings.append(NameFinding(one.path, one.kind, one.message, one.alternatives))
        elif one.reading.conflict:
            findings.append(NameFinding(one.path, "conflict", one.reading.conflict))
        elif not abs(one.reading.hours or 0.0) <= MAX_HOURS:
            findings.append(NameFinding(one.path, "conflict", _NO_TIME))
        else:
            read.append(one)
    name = split_suffix(resolved.name)[0] if "." in listing.zarrs else resolved.name
    plates, notes = name_plates(read, name or "plate")
    notes += [*found.notes, *_resolved(read)]
    if pattern is not None and pattern.unknown:
        notes.append(
            f"Groups of the name pattern without meaning: {', '.join(pattern.unknown)}; they were "
            "ignored."
        )
    doubts = list(found.doubts)
    asked = open_plates(read, plates) if pattern is None else []
    open_paths = left_out(read, plates, asked)
    by_plate: dict[str, list[NameReading]] = defaultdict(list)
    for one, plate in zip(read, plates, strict=True):
        if one.path in open_paths:
            open_ = open_paths[one.path]
            words = tuple(reading.words for reading in open_.doubt.readings)
            findings.append(NameFinding(one.path, "doubtful", open_.message, words))
        else:
            by_plate[plate].append(one)
    rows: list[FrameCandidate] = []
    for plate in sorted(by_plate):
        rows += _plate_rows(
            folder,
            plate,
            by_plate[plate],
            found.sources,
            parameters,
            probe,
            findings,
            notes,
            doubts,
        )
    rows, duplicates = without_duplicates(folder, rows, sizes)
    findings += [NameFinding(*finding) for finding in duplicates]
    frames = _ranked(rows, sizes)
    return FrameTable(
        folder,
        frames,
        tuple(sorted(findings, key=lambda finding: (finding.path, finding.kind))),
        tuple(missing_wells(frames)),
        tuple(notes),
        (*doubts, *(one.doubt for one in asked)),
    )


def _resolved(read: Iterable[NameReading]) -> list[str]:
    """One sentence for each reason that made a name clear."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for one in read:
        if one.message:
            reasons[one.message].append(one.path)
    return [
        f"Names that could be read in two ways ({len(paths)}, such as {min(paths)!r}) were settled "
        f"by the folder: {reason}."
        for reason, paths in sorted(reasons.items())
    ]


def _plate_rows(
    folder: Path,
    plate: str,
    ones: Sequence[NameReading],
    sources: Mapping[str, ImageSource],
    parameters: PlateParameters,
    probe: Callable[[Path], Probe | None] | None,
    findings: list[NameFinding],
    notes: list[str],
    doubts: list[NameDoubt],
) -> list[FrameCandidate]:
    readings = [one.reading for one in ones if one.reading is not None]

    def ask(index: int) -> Probe | None:
        assert probe is not None
        known = sources.get(ones[index].path)
        if known is not None:
            return known.probe
        try:
            return probe(folder / ones[index].path)
        except SpheroidQCError:  # it will be reported when its pixels are wanted
            return None

    times = plate_times(plate, readings, parameters.frame_interval_h, ask if probe else None)
    notes += times.notes
    rows = []
    for index, (one, reading) in enumerate(zip(ones, readings, strict=True)):
        if index in times.conflicts:
            findings.append(NameFinding(one.path, "conflict", times.conflicts[index]))
        field = 1 if reading.field is None else reading.field
        if any(not abs(hours) <= MAX_HOURS for hours, _, _ in times.times[index]):
            findings.append(NameFinding(one.path, "conflict", _NO_TIME))
            continue
        place = sources.get(one.path)
        file, series = (one.path, None) if place is None else (place.path, place.series)
        for hours, source, page in times.times[index]:
            rows.append(
                FrameCandidate(one, reading, plate, field, hours, source, page, file, series)
            )
    words = open_words(rows) if parameters.name_pattern is None else ()
    if words or (parameters.name_pattern is None and numbers_are_open(rows)):
        from spheroid_qc.frames.naming.name_doubts import WHAT_IT_IS, number_doubt, word_doubt

        paths = [row.one.path for row in rows]
        doubt = word_doubt(paths, words) if words else number_doubt(paths)
        what = (
            f"The words {', '.join(words)} alone tell images of a well apart, as times, plates or "
            "channels do"
            if words
            else "A number alone tells images of a well apart, and does not say what it counts: "
            f"{WHAT_IT_IS}"
        )
        message = f"{what}. They are left out; give --name-pattern to say what it is."
        words = tuple(reading.words for reading in doubt.readings)
        findings += [NameFinding(path, "doubtful", message, words) for path in doubt.paths]
        doubts.append(doubt)
        return []
    number_fields(plate, rows, notes)
    return rows


def _ranked(rows: list[FrameCandidate], sizes: dict[str, int]) -> tuple[Frame, ...]:
    hours: dict[str, set[float]] = defaultdict(set)
    for row in rows:
        hours[row.plate].add(row.hours)
    ranks = {
        plate: {time: rank for rank, time in enumerate(sorted(times))}
        for plate, times in hours.items()
    }
    # By row and column, so that AA comes after Z.
    rows.sort(key=lambda row: (row.key(), row.one.path))
    return tuple(
        Frame(
            row.file,
            row.plate,
            row.reading.well.name,
            row.field,
            row.reading.channel,
            row.reading.z or 0,
            ranks[row.plate][row.hours],
            row.hours,
            row.source,
            row.page,
            row.reading.scheme,
            sizes[row.one.path],
            row.series,
        )
        for row in rows
    )


def missing_wells(frames: Iterable[Frame]) -> list[MissingWell]:
    """Wells that lack an image at some time of their plate, in the order of the frames."""
    times: dict[str, set[float]] = defaultdict(set)
    own: dict[tuple[str, str], set[float]] = defaultdict(set)
    for frame in frames:
        times[frame.plate].add(frame.time_h)
        own[frame.plate, frame.well].add(frame.time_h)
    return [
        MissingWell(plate, well, tuple(sorted(times[plate] - have)))
        for (plate, well), have in own.items()
        if len(have) < len(times[plate])
    ]
