"""Images that claim the same place: fields told apart by running numbers, and duplicates."""

from __future__ import annotations

import filecmp
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from spheroid_qc.frames.naming.parsed_name import NameReading, Reading
from spheroid_qc.wells import Well

MAX_WORDS = 8
"""Most words that may be times, channels or plates; more are names of what is in the wells."""

SECOND_TRIES = 0.25
"""Largest share of wells that were imaged a second time; fields are taken of all wells."""

MAX_OTHERS = 5
"""Most other files that are named with a duplicate."""


@dataclass(slots=True)
class FrameCandidate:
    """An image and the place on its plate that it claims.

    `source` says where the time comes from (`Frame.time_source`); `page` is the time page inside
    the file, None for a file with one time. `file` is the path of the file, `series` the number of
    the image in it, None where it is the only one.
    """

    one: NameReading
    reading: Reading
    plate: str
    field: int
    hours: float
    source: str
    page: int | None
    file: str = ""
    series: int | None = None

    def key(self) -> tuple[str, Well, float, int, str, int]:
        """Everything that tells frames apart, in the order in which they are sorted."""
        reading = self.reading
        return self.plate, reading.well, self.hours, self.field, reading.channel, reading.z or 0


def numbers_are_open(rows: list[FrameCandidate]) -> bool:
    """Whether a number alone tells images of a well apart, and does not say what it counts.

    Fields count `1 2 3`: `1 3 7 10` are something else, and `000001` may be a time as well.
    """
    parts: dict[tuple[object, ...], set[int]] = defaultdict(set)
    for row in rows:
        if row.reading.part is not None:
            parts[row.key()].add(row.reading.part)
    numbers = sorted(set().union(*parts.values()))
    most = max(map(len, parts.values()), default=0)
    if most < 2 or len(numbers) > 2 * most or _differ_in_words(rows):
        return False
    of_series = any(row.reading.counter is not None for row in rows)
    return of_series or numbers[-1] - numbers[0] >= len(numbers)


def open_words(rows: list[FrameCandidate]) -> tuple[str, ...]:
    """Give the words that alone tell images of a well apart, `pre post`; none where there are none.

    They stand behind the well, one in each name, and are few.
    """
    groups: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for row in rows:
        groups[row.key()].add(row.reading.words)
    if len(groups) == len(rows) or max(map(len, groups.values())) < 2:
        return ()
    written = [set(row.reading.words.split("_")) - {""} for row in rows]
    common = set.intersection(*written)
    differ = {frozenset(words - common) for words in written}
    found = sorted(word for words in differ for word in words)
    one_each = len(found) == len(differ) and all(differ)
    lettered = all(any(map(str.isalpha, word)) for word in found)
    return tuple(found) if one_each and lettered and len(found) <= MAX_WORDS else ()


def number_fields(plate: str, rows: list[FrameCandidate], notes: list[str]) -> None:
    """Let running numbers tell images apart that nothing else does: they become fields."""
    numbers_of_names = {row.reading.part for row in rows}
    without_number = 0 if 1 in numbers_of_names else 1
    parts: dict[tuple[object, ...], set[int]] = defaultdict(set)
    for row in rows:
        parts[row.key()].add(without_number if row.reading.part is None else row.reading.part)
    maximum = max(map(len, parts.values()), default=0)
    if maximum < 2 or _differ_in_words(rows) or _are_second_tries(rows, parts):
        return
    fields = {row.field for row in rows}
    # Far more numbers than images of a well: a camera's counter over all wells.
    counter = len(set().union(*parts.values())) > 2 * maximum
    numbers = []
    for row in rows:
        part = without_number if row.reading.part is None else row.reading.part
        numbers.append(sorted(parts[row.key()]).index(part) + 1 if counter else part)
    for row, number in zip(rows, numbers, strict=True):
        row.field = number
    if len(fields) > 1:
        _number_through(rows)
    notes.append(
        f"Several images of a well of plate {plate!r} differ only in a running number: it was "
        "taken for the field of view; if it counts time points, say so with --name-pattern."
    )


def _are_second_tries(
    rows: list[FrameCandidate], parts: dict[tuple[object, ...], set[int]]
) -> bool:
    """Whether few images have a number, beside one of the same without: `B2_48h`, `B2_48h_2`."""
    several = [key for key, numbers in parts.items() if len(numbers) > 1]
    bare = {row.key() for row in rows if row.reading.part is None}
    return bare.issuperset(several) and len(several) <= SECOND_TRIES * len(parts)


def _differ_in_words(rows: list[FrameCandidate]) -> bool:
    """Whether images of a well differ in more than a number: then the number is no field."""
    words: dict[tuple[object, ...], str] = {}
    return any(words.setdefault(row.key(), row.reading.words) != row.reading.words for row in rows)


def _number_through(rows: list[FrameCandidate]) -> None:
    pairs = {(row.reading.field or 1, row.field) for row in rows}
    order = {pair: rank + 1 for rank, pair in enumerate(sorted(pairs))}
    for row in rows:
        row.field = order[row.reading.field or 1, row.field]


def without_duplicates(
    folder: Path, rows: list[FrameCandidate], sizes: dict[str, int]
) -> tuple[list[FrameCandidate], list[tuple[str, str, str, tuple[str, ...]]]]:
    """Leave out images that claim the same place, unless they are the same byte for byte.

    `sizes` are bytes by path. Gives the rows kept, one for each place, and for each file left out
    its path, its kind (`copy` where the same bytes are used under another name, else `duplicate`),
    a finished sentence, and the other files that claim the place.
    """
    groups: dict[tuple[object, ...], list[FrameCandidate]] = defaultdict(list)
    for row in rows:
        groups[row.key()].append(row)
    if len(groups) == len(rows):
        return rows, []
    kept: list[FrameCandidate] = []
    left_out: dict[str, tuple[str, str, tuple[str, ...]]] = {}
    for group in groups.values():
        if len(group) == 1:
            kept += group
            continue
        group.sort(key=lambda row: (len(row.one.path), row.one.path))
        paths = [row.one.path for row in group]
        place = _place(group[0])
        same = all(_same_image(folder, group[0], other, sizes) for other in group[1:])
        if same:
            kept.append(group[0])
            message = f"The same image as {paths[0]!r}, byte for byte ({place}): that one is used."
        else:
            message = (
                f"{len(paths)} different files claim {place}: all are left out; remove or "
                "rename all but one, or give --name-pattern if something else in the names "
                "tells them apart."
            )
        for path in paths[1:] if same else paths:
            others = tuple(other for other in paths[: MAX_OTHERS + 1] if other != path)
            finding = ("copy" if same else "duplicate", message, others[:MAX_OTHERS])
            # Of a stack with pages of both kinds the worse counts.
            if path not in left_out or (left_out[path][0] == "copy" and not same):
                left_out[path] = finding
    return kept, [(path, *finding) for path, finding in left_out.items()]


def _place(row: FrameCandidate) -> str:
    when = f"frame {row.hours:g}" if row.source == "index" else f"{row.hours:g} h"
    place = f"plate {row.plate!r}, well {row.reading.well.name}, {when}"
    return f"{place}, channel {row.reading.channel}" if row.reading.channel else place


def _same_image(
    folder: Path, one: FrameCandidate, other: FrameCandidate, sizes: dict[str, int]
) -> bool:
    if sizes[one.one.path] != sizes[other.one.path] or one.series != other.series:
        return False
    try:
        return one.file != other.file and filecmp.cmp(
            folder / one.file, folder / other.file, shallow=False
        )
    except OSError:
        return False
