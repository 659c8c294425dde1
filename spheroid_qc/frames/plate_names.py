"""Name the plates of a folder tree.

One folder with one prefix is called by its prefix if the instrument writes one, else by the
folder; several folders are called by their paths, joined with the prefix where one folder holds
several. Words before a bare well (`A549_B02`, `ctrl_B02`) tell plates apart only if the same
well would otherwise occur twice: they may be a cell line on one plate as well as two plates.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from spheroid_qc.frames.naming.known_words import is_known_line
from spheroid_qc.frames.naming.parsed_name import NameReading, Reading

MOST_LABELS = 8
MIN_PLATE = 12
"""Wells of a plate beside which one image of one more well is a stray."""
_SIX_DIGITS = re.compile(r"(?:.*/)?[0-9]{6}")


def _image(one: Reading) -> tuple[object, ...]:
    """Everything but dates and running numbers that tells images of one plate apart."""
    return one.well, one.field, one.channel, one.z, one.hours, one.index


def name_plates(readings: Sequence[NameReading], folder_name: str) -> tuple[list[str], list[str]]:
    """Find the plate, never empty, of every name that was read.

    `readings` are all of kind `read`; `folder_name` is that of the analysed folder. The second list
    has finished sentences about decisions.
    """
    notes: list[str] = []
    written_of: dict[str, set[str]] = defaultdict(set)
    for one in readings:
        written_of[one.plate_folder_short].add(one.plate_folder)
    # A folder loses its date or day only where that joins several folders to one plate.
    folders = [
        one.plate_folder_short if len(written_of[one.plate_folder_short]) > 1 else one.plate_folder
        for one in readings
    ]
    six = sorted({name for name in set(folders) if _SIX_DIGITS.fullmatch(name)})
    if len(six) > 1:
        notes.append(
            f"Folders {_some(six)} are taken as plates; if they are dates, write them as "
            "2026-10-05: six digits do not say which is the year."
        )
    prefixes = _prefixes(readings, folders, folder_name, notes)
    by_folder: dict[str, set[str]] = defaultdict(set)
    for folder, prefix in zip(folders, prefixes, strict=True):
        by_folder[folder].add(prefix)
    several = len(by_folder) > 1
    plates = []
    for folder, prefix in zip(folders, prefixes, strict=True):
        own = folder or folder_name
        if len(by_folder[folder]) > 1 and prefix:
            plates.append(f"{own}/{prefix}" if several else prefix)
        elif not several and prefix:
            plates.append(prefix)
        else:
            plates.append(own)
    return plates, notes


def _prefixes(
    readings: Sequence[NameReading], folders: list[str], folder_name: str, notes: list[str]
) -> list[str]:
    """Plate as the name states it, with the words before a bare well where they tell plates."""
    groups: dict[tuple[str, str], list[Reading]] = defaultdict(list)
    for one, folder in zip(readings, folders, strict=True):
        if one.reading is not None:
            groups[folder, one.reading.plate].append(one.reading)
    split = {
        group: _to_split(groups[group], "/".join(filter(None, group)) or folder_name, notes)
        for group in sorted(groups)
    }
    prefixes = []
    for one, folder in zip(readings, folders, strict=True):
        reading = one.reading
        if reading is None:
            prefixes.append("")
            continue
        word = split[folder, reading.plate].get((reading.label, _is_timed(reading)), "")
        prefixes.append("_".join(filter(None, (reading.plate, word))))
    return prefixes


def _to_split(
    readings: Sequence[Reading], plate: str, notes: list[str]
) -> dict[tuple[str, bool], str]:
    """Find the labels that are plates of their own: (label, has time) -> word for the plate.

    `readings` are all of one folder and one stated plate; `notes` gets a sentence for each
    decision.
    """
    by_label: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        by_label[reading.label].append(reading)
    owners: dict[object, set[str]] = defaultdict(set)
    for label, ones in by_label.items():
        for reading in ones:
            owners[_image(reading)].add(label)
    if len(by_label) > MOST_LABELS and 2 * len(by_label) > len(readings):
        return {}  # a number that differs from file to file names no plate
    colliding = {label for labels in owners.values() if len(labels) > 1 for label in labels}
    if 2 * len(colliding) > len(by_label):
        notes.append(
            f"The same wells of {plate!r} occur under several prefixes ({_some(by_label)}): each "
            "prefix is taken as a plate of its own."
        )
        return {(label, timed): label for label in by_label for timed in (False, True)}
    if colliding and all(map(_names_line, colliding)):
        notes.append(
            f"The same wells of {plate!r} occur with several cell lines ({_some(colliding)}): each "
            "is taken as a plate of its own."
        )
        return {(label, timed): label for label in colliding for timed in (False, True)}
    return _without_time(by_label, plate, notes)


def _without_time(
    by_label: dict[str, list[Reading]], plate: str, notes: list[str]
) -> dict[tuple[str, bool], str]:
    """Set names without time apart from names with one if they share no well.

    `A549_B02` beside `SW480_C3_day2` is another experiment; `A01` beside `A01_day3` may be the
    first picture of the same well, and stays to be reported.
    """
    timed = {label for label, ones in by_label.items() if any(map(_is_timed, ones))}
    timed_wells = {one.well for ones in by_label.values() for one in ones if _is_timed(one)}
    apart: dict[tuple[str, bool], str] = {}
    for label, ones in by_label.items():
        wells = {one.well for one in ones if not _is_timed(one)}
        # A lone image is no experiment beside a plate: it is left out for it states no time.
        alone = len(wells) == 1 and len(timed_wells) >= MIN_PLATE
        if timed and wells and not wells & timed_wells and not alone:
            told = "" if label and label not in timed else "without time"
            apart[label, False] = " ".join(filter(None, (label, told)))
    if apart:
        notes.append(
            f"Some names of {plate!r} give no time while others do, and share no well with them: "
            f"they are taken as plates of their own ({_some(apart.values())})."
        )
    return apart


def _names_line(label: str) -> bool:
    return is_known_line(label) or any(map(is_known_line, label.split("_")))


def _is_timed(reading: Reading) -> bool:
    return reading.hours is not None or reading.index is not None


def _some(labels: Iterable[str]) -> str:
    names = sorted(label or "(none)" for label in labels)
    return ", ".join(names[:6]) + (" ..." if len(names) > 6 else "")
