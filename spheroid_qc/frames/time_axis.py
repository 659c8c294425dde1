"""The time axis of one plate, from what its names, folders and files say.

Order of trust: elapsed time, date and time, running number; a plate has one kind of time, and
names without it are left out rather than placed somewhere. Dates count only if there are several.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from spheroid_qc.frames.held_images import HeldImage
from spheroid_qc.frames.naming.parsed_name import Reading

SCAN_GAP_H = 0.5
"""Longest pause between two wells of one scan of a plate."""


def scan_hours(dates: Sequence[datetime], series: Sequence[Hashable]) -> list[float]:
    """Hours since the first image, one value for all wells of one scan of the plate.

    A microscope takes minutes to scan a plate, so that wells of one time point may bear different
    times. A new time point starts where a series (what an image shows, over and over) comes round
    again, or after a pause. Each image gets the start of the scan it belongs to, in hours since the
    first scan.
    """
    own: dict[Hashable, list[datetime]] = defaultdict(list)
    for acquired_at, one in zip(dates, series, strict=True):
        own[one].append(acquired_at)
    steps = [
        (later - earlier).total_seconds() / 3600
        for times in own.values()
        for earlier, later in pairwise(sorted(times))
        if later > earlier
    ]
    pause = min([SCAN_GAP_H, *(step / 2 for step in steps)])
    at: dict[datetime, set[Hashable]] = defaultdict(set)
    for acquired_at, one in zip(dates, series, strict=True):
        at[acquired_at].add(one)
    starts: dict[datetime, datetime] = {}
    begun = previous = min(at)
    inside: set[Hashable] = set()
    for acquired_at in sorted(at):
        waited = (acquired_at - previous).total_seconds() / 3600
        if waited > pause or (acquired_at != previous and inside & at[acquired_at]):
            begun, inside = acquired_at, set()
        inside |= at[acquired_at]
        starts[acquired_at] = begun
        previous = acquired_at
    first = min(at)
    return [(starts[acquired_at] - first).total_seconds() / 3600 for acquired_at in dates]


REMEDY = "if they are 6 h apart, run with --set plate.frame_interval_h=6"
"""What to do where frames are counted: the end of a sentence."""

_EPOCH = datetime(2000, 1, 1)

MIN_PHOTO_SPAN_H = 1 / 6
"""Photographs of a well that are closer together than this are not a time lapse."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a file itself says about time.

    Attributes
    ----------
    n_times : int
        Number of time pages in the file.
    times_h : tuple of float or None
        Their times, hours, if the file has them.
    acquired : datetime or None
        When the (first) image was taken.
    held : HeldImage or None
        What the file says of the image, where it may hold several.
    number : int
        Number of the image in its file, from 0.
    images : tuple of Probe
        The same for each image, of a file that may hold several; else empty.
    left_out : tuple of (str, str)
        Names of images in it that can't be read, and why, in finished sentences.
    """

    n_times: int
    times_h: tuple[float, ...] | None = None
    acquired: datetime | None = None
    held: HeldImage | None = None
    number: int = 0
    images: tuple[Probe, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


ProbeFile = Callable[[int], Probe | None]


@dataclass(slots=True)
class PlateTimes:
    """Times of the files of one plate: for each file hours, source and page; none if left out.

    `conflicts` has a finished sentence for the number of each file that is left out; `notes` say
    how the times were read.
    """

    times: list[list[tuple[float, str, int | None]]]
    conflicts: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def put(self, index: int, hours: float, source: str, page: int | None = None) -> None:
        """Add one time of one file."""
        self.times[index].append((round(hours, 9), source, page))


def plate_times(
    plate: str,
    readings: Sequence[Reading],
    interval_h: float | None = None,
    probe: ProbeFile | None = None,
) -> PlateTimes:
    """Place the files of one plate on a time axis.

    `interval_h` are the hours between running numbers, from the parameters. `probe` asks a file (by
    its number in `readings`) what it says; it is called only where names give no time or only a
    running number.
    """
    result = PlateTimes([[] for _ in readings])
    timed = sum(reading.hours is not None for reading in readings)
    silent = sum(reading.hours is None and reading.index is None for reading in readings)
    if timed and silent <= timed:
        for index, reading in enumerate(readings):
            if reading.hours is not None:
                result.put(index, reading.hours, reading.hours_from)
            else:
                _leave_out(result, index, plate, reading.acquired_at)
        return result
    if timed:
        for index, reading in enumerate(readings):
            if reading.hours is None and reading.index is None:
                result.put(index, 0.0, "none")
            else:
                result.conflicts[index] = (
                    f"Most names of plate {plate!r} give no time and this one does: it is left "
                    "out; add the time to the other names, or move the file to a folder of its own."
                )
        return result
    dates, source = _dates(readings)
    if dates is not None:
        _by_date(result, plate, readings, dates, source, interval_h)
    elif any(reading.index is not None for reading in readings):
        _by_index(result, plate, readings, interval_h, probe)
    elif probe is not None:
        _by_file(result, plate, readings, interval_h, probe)
    else:
        for index in range(len(readings)):
            result.put(index, 0.0, "none")
    return result


def _leave_out(result: PlateTimes, index: int, plate: str, date: datetime | None = None) -> None:
    if date is not None:
        result.conflicts[index] = (
            f"The name bears a date, {date:%Y-%m-%d}, while other names of plate {plate!r} state "
            "the time since the start: it is left out; write the time as in the other names, or "
            "move the file to a folder of its own."
        )
        return
    result.conflicts[index] = (
        f"Other names of plate {plate!r} say when the image was taken and this one does not: it is "
        "left out; add the time to the name, or move the file to a folder of its own."
    )


def _dates(readings: Sequence[Reading]) -> tuple[list[datetime | None] | None, str]:
    """Dates of the names if they differ, else of the folders if they differ, else none."""
    in_names = [reading.acquired_at for reading in readings]
    in_folders = [reading.folder_acquired_at for reading in readings]
    if len(set(in_names) - {None}) > 1:
        return in_names, "absolute"
    if len(set(in_folders) - {None}) > 1:
        return in_folders, "folder_date"
    if all(
        reading.acquired_at is not None and reading.scheme.startswith("incu")
        for reading in readings
    ):
        return in_names, "absolute"
    return None, ""


def _series(reading: Reading) -> Hashable:
    """Tell what is imaged again and again."""
    return reading.well, reading.field, reading.part, reading.channel, reading.z


def _by_date(
    result: PlateTimes,
    plate: str,
    readings: Sequence[Reading],
    dates: Sequence[datetime | None],
    source: str,
    interval_h: float | None,
) -> None:
    dated = [index for index, acquired_at in enumerate(dates) if acquired_at is not None]
    for index in set(range(len(readings))) - set(dated):
        _leave_out(result, index, plate)
    known = [acquired_at for acquired_at in dates if acquired_at is not None]
    numbers: dict[Hashable, set[int | None]] = defaultdict(set)
    for index in dated:
        numbers[_series(readings[index]), dates[index]].add(readings[index].index)
    if max(map(len, numbers.values())) > 1:
        _by_date_and_index(result, plate, readings, dates, dated, source, interval_h)
        return
    hours = scan_hours(known, [_series(readings[index]) for index in dated])
    for index, hour in zip(dated, hours, strict=True):
        result.put(index, hour, source)


def _by_date_and_index(
    result: PlateTimes,
    plate: str,
    readings: Sequence[Reading],
    dates: Sequence[datetime | None],
    dated: Sequence[int],
    source: str,
    interval_h: float | None,
) -> None:
    """Several time points on each of several dates."""
    pairs = {index: (dates[index], readings[index].index or 0) for index in dated}
    first = min(acquired_at for acquired_at in dates if acquired_at is not None)
    if interval_h is None:
        order = {pair: rank for rank, pair in enumerate(sorted(set(pairs.values())))}
        for index in dated:
            result.put(index, float(order[pairs[index]]), "index")
        result.notes.append(
            f"Plate {plate!r} has dates and running numbers: its time points are counted, not "
            f"timed; {REMEDY}."
        )
        return
    lowest: dict[datetime | None, int] = {}
    for acquired_at, number in pairs.values():
        lowest[acquired_at] = min(number, lowest.get(acquired_at, number))
    for index in dated:
        acquired_at, number = pairs[index]
        assert acquired_at is not None
        start = (acquired_at - first).total_seconds() / 3600
        result.put(index, start + (number - lowest[acquired_at]) * interval_h, source)


def _by_index(
    result: PlateTimes,
    plate: str,
    readings: Sequence[Reading],
    interval_h: float | None,
    probe: ProbeFile | None,
) -> None:
    numbers = {reading.index for reading in readings if reading.index is not None}
    first = min(numbers)
    hours = {number: float(number - first) for number in numbers}
    source = "index" if len(numbers) > 1 else "none"
    if len(numbers) > 1:
        dated = None if probe is None else _index_dates(readings, probe)
        if dated is not None:
            hours, source = dated, "metadata"
            result.notes.append(
                f"Times of plate {plate!r} are the dates of acquisition in its files."
            )
        elif interval_h is not None:
            hours = {number: (number - first) * interval_h for number in numbers}
            source = "elapsed"
            result.notes.append(
                f"Times of plate {plate!r} are running numbers times the frame interval of "
                f"{interval_h:g} h."
            )
        else:
            result.notes.append(
                f"Names of plate {plate!r} give running numbers and no times: time_h counts "
                f"frames, not hours; {REMEDY}."
            )
    for index, reading in enumerate(readings):
        if reading.index is None:
            _leave_out(result, index, plate)
        else:
            result.put(index, hours[reading.index], source)


def _index_dates(readings: Sequence[Reading], probe: ProbeFile) -> dict[int, float] | None:
    """Hours of each running number from the files, if they have dates and the dates increase."""
    found: dict[int, list[datetime]] = defaultdict(list)
    for index, reading in enumerate(readings):
        if reading.index is None:
            continue
        dates = found[reading.index]
        probed = probe(index)
        if probed is None:  # unreadable: its neighbours at the same time may tell
            continue
        if probed.acquired is None:
            return None
        dates.append(probed.acquired.replace(tzinfo=None))
    if not all(found.values()):
        return None
    first = min(min(dates) for dates in found.values())
    order = sorted(found)
    middles = [
        median((date - first).total_seconds() / 3600 for date in found[number]) for number in order
    ]
    if any(later <= earlier for earlier, later in pairwise(middles)):
        return None
    return {number: middle - middles[0] for number, middle in zip(order, middles, strict=True)}


def _own_times(probed: Probe) -> tuple[float, ...] | None:
    """Take the times of a stack's pages, if there is one for each and they increase."""
    times = probed.times_h
    if times is None or len(times) != probed.n_times:
        return None
    return times if all(later > earlier for earlier, later in pairwise(times)) else None


def _common_pages(
    probed: Sequence[Probe | None],
) -> dict[tuple[int, int], float]:
    """Hours of each page of stacks that tell their times, one value for all wells of a scan.

    Each stack begins at 0; its later pages are seconds or minutes off those of its neighbours.
    """
    places: list[tuple[int, int]] = []
    hours: list[float] = []
    for index, one in enumerate(probed):
        own = None if one is None or one.n_times <= 1 else _own_times(one)
        for page, time in enumerate(own or ()):
            places.append((index, page))
            hours.append(time - (own or (0.0,))[0])
    if not places:
        return {}
    dates = [_EPOCH + timedelta(hours=hour) for hour in hours]
    starts = scan_hours(dates, [index for index, _ in places])
    # Rounding to the clock's microseconds must not show where stacks agree.
    exact: dict[float, float] = {}
    for start, hour in zip(starts, hours, strict=True):
        exact[start] = min(exact.get(start, hour), hour)
    return {place: exact[start] for place, start in zip(places, starts, strict=True)}


def _by_file(
    result: PlateTimes,
    plate: str,
    readings: Sequence[Reading],
    interval_h: float | None,
    probe: ProbeFile,
) -> None:
    """Names without any time: pages of stacks, or dates of several photographs of a well."""
    probed = [probe(index) for index in range(len(readings))]
    stacks = [one is not None and one.n_times > 1 for one in probed]
    if any(stacks):
        sources = set()
        common = _common_pages(probed)
        for index, one in enumerate(probed):
            if one is None or one.n_times <= 1:
                result.put(index, 0.0, "none")
                continue
            for page in range(one.n_times):
                if (index, page) in common:
                    hours, source = common[index, page], "metadata"
                elif interval_h is not None:
                    hours, source = page * interval_h, "elapsed"
                else:
                    hours, source = float(page), "index"
                result.put(index, hours, source, page)
                sources.add(source)
        result.notes.append(
            f"Plate {plate!r} has files with several time pages"
            + (f"; time_h counts pages, not hours; {REMEDY}." if "index" in sources else ".")
        )
        return
    dates = [None if one is None else one.acquired for one in probed]
    known = [date.replace(tzinfo=None) for date in dates if date is not None]
    visits: dict[Hashable, list[datetime]] = defaultdict(list)
    if len(known) == len(readings):
        for reading, date in zip(readings, known, strict=True):
            visits[reading.well, reading.field, reading.channel, reading.z].append(date)
    spans = [(max(seen) - min(seen)).total_seconds() / 3600 for seen in visits.values()]
    if spans and max(spans) >= MIN_PHOTO_SPAN_H and any(reading.part for reading in readings):
        series = [(one.well, one.field, one.channel, one.z) for one in readings]
        for index, hours in enumerate(scan_hours(known, series)):
            result.put(index, hours, "metadata")
        result.notes.append(
            f"Plate {plate!r} has several images of a well; their times are the dates of "
            "acquisition in the files."
        )
        return
    for index in range(len(readings)):
        result.put(index, 0.0, "none")
