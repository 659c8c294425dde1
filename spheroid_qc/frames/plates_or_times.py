"""Plates whose names may be times that no reader knows: asked about, not counted as plates.

Where the same wells lie in several folders, or under several prefixes, and no name states a time,
the folders are plates, or one plate over time: `Monday Wednesday`, `3 vecka 5 vecka`, `0301 0303`,
`day one`. What differs between their names decides. Words for vessels, replicates, cell lines,
doses and codes of specimens name plates; numbers that nothing explains and words for times are
asked about. So are folders of other words that share no well: one plate may have been sorted into
them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spheroid_qc.frames.naming.known_words import PLATE_NAMES, is_channel, is_known_line
from spheroid_qc.frames.naming.name_doubts import (
    WELL_IN_NAME,
    NameDoubt,
    PossibleReading,
    possible_reading,
)
from spheroid_qc.frames.naming.parsed_name import NameReading
from spheroid_qc.frames.naming.words_in_order import ORDERED_WORDS, either_time, in_order

_PIECE = re.compile(r"[^\W\d_]+|[0-9]+(?:[.,][0-9]+)?|.", re.DOTALL)

_PLATE_WORDS_TEXT = """
flask flasche chip slide chamber insert p pl pt bc barcode rep repl replicate replikat
réplicat replica réplica repeat wiederholung wdh duplicate triplicate biorep techrep n r
run exp expt experiment versuch essai ensayo batch lot charge set copy donor donneur
spender patient pat pdx pdo pdc case subject mouse maus souris ratón animal passage line
zelllinie clone klon clon organoid sample probe muestra échantillon specimen group
gruppe groupe grupo cohort kohorte arm condition bedingung version rig scope microscope
incubator inkubator operator user reader lane s e m b a g k screen assay study tissue
tray block panel culture kultur lâmina lamina lame
"""
_PLATE_WORDS = frozenset((*_PLATE_WORDS_TEXT.split(), *PLATE_NAMES.split()))
"""Words before a number that say what it numbers: no times."""

_UNITS_TEXT = """
cells cell zellen cellules células cellule k x um µm μm mm nm pm mol m µl μl ul ml µg μg ug ng
mg gy kpa pa mbar rpm v mv hz khz % percent nm°c c °c kv w mw u iu ppm fold wells well
"""
_UNITS = frozenset(_UNITS_TEXT.split())
"""Words behind a number that say what it measures: no times."""

_TIME_WORDS_TEXT = """
fresh day days tag tage jour jours giorno giorni dag dagen día dia week weeks woche wochen month
months hour hours hr hrs min time timepoint tp zeit zeitpunkt kw cw wk div dpi dps dpt hpi hpt
dygn uke uge vecka tydzień tydzien týden hét неделя
"""
_TIME_WORDS = frozenset(_TIME_WORDS_TEXT.split()) | ORDERED_WORDS
"""Words that place an image in time without a number that can be read."""

_VISITS_TEXT = """
scan image img imaging acquisition acq session round cycle read reading pass visit shot series serie
série photo foto
"""
_VISITS = frozenset(_VISITS_TEXT.split())
"""Words for what is done to a plate again and again."""

_ROMAN = re.compile("[IVX]+")
_TIME_LETTERS = frozenset("dhjtw")
_CODE = re.compile(r"[A-Z]{2,}$")
_BEFORE_WELL = "(?:[^/]*[^/0-9A-Za-z])?"
MOST_DIGITS = 4
"""Longer numbers are codes of plates, or dates that were read already."""

MIN_SHARED = 0.5
"""Share of the smaller plate's images that another has too, if they may be one plate over time."""


@dataclass(frozen=True, slots=True)
class OpenPlates:
    """Plates that may be one plate over time, why, and the doubt that shows both readings."""

    plates: tuple[str, ...]
    message: str
    doubt: NameDoubt


def open_plates(readings: Sequence[NameReading], plates: Sequence[str]) -> list[OpenPlates]:
    """Find the plates that may be times.

    Parameters
    ----------
    readings : sequence of NameReading
        All of kind `read`.
    plates : sequence of str
        The plate of each.

    Returns
    -------
    list of OpenPlates
        Sorted by the first plate of each.
    """
    images: dict[str, set[tuple[object, ...]]] = defaultdict(set)
    times: dict[str, set[float | int | None]] = defaultdict(set)
    paths: dict[str, list[str]] = defaultdict(list)
    dated: set[str] = set()
    of_folder: set[str] = set()
    for one, plate in zip(readings, plates, strict=True):
        reading = one.reading
        assert reading is not None
        images[plate].add((reading.well, reading.field, reading.channel, reading.z, reading.part))
        times[plate].add(reading.hours if reading.hours is not None else reading.index)
        paths[plate].append(one.path)
        if reading.acquired_at is not None or one.plate_folder != one.plate_folder_short:
            dated.add(plate)
        if one.plate_folder:
            of_folder.add(plate)
    found = []
    for same in _overlapping(images):
        timeless = all(times[plate] == {None} for plate in same)
        single = all(len(times[plate]) == 1 for plate in same) and dated >= set(same)
        apart = single and len(set().union(*(times[plate] for plate in same))) == len(same)
        if (timeless and may_be_times(same)) or (apart and not timeless):
            found.append(_over_time(same, images, paths))
    folders = [plate for plate in sorted(images) if plate in of_folder]
    if _share_no_well(folders, images) and name_contents(folders):
        found.append(_sorted_out(folders, images, paths))
    return sorted(found, key=lambda one: one.plates)


def _overlapping(images: dict[str, set[tuple[object, ...]]]) -> list[list[str]]:
    """Group the plates that show the same wells, two and more."""
    groups: list[list[str]] = []
    for plate in sorted(images):
        for group in groups:
            other = images[group[0]]
            if len(images[plate] & other) >= MIN_SHARED * min(len(images[plate]), len(other)):
                group.append(plate)
                break
        else:
            groups.append([plate])
    return [group for group in groups if len(group) > 1]


def _share_no_well(plates: Sequence[str], images: dict[str, set[tuple[object, ...]]]) -> bool:
    """Whether several wells lie in each of several plates, and none in two of them."""
    wells = [{image[0] for image in images[plate]} for plate in plates]
    several = len(plates) > 1 and min(map(len, wells)) > 1
    return several and len(set().union(*wells)) == sum(map(len, wells))


def name_contents(names: Sequence[str]) -> bool:
    """Whether several names differ in words for what is in wells: `DMSO gem`, `drug A drug B`."""
    middles, before, _, _ = _differences(names)
    words = [piece for middle in middles for piece in middle if piece.isalpha()]
    return before.lower() not in _PLATE_WORDS and not any(
        any(piece[0].isdecimal() for piece in middle)
        or is_known_line("".join(middle))
        or any(word.lower() in _PLATE_WORDS and len(word) > 1 for word in words)
        for middle in middles
    )


def may_be_times(names: Sequence[str]) -> bool:
    """Whether the words in which several names differ may be times."""
    middles, before, after, glued = _differences(names)
    words = [word for middle in middles for word in middle]
    if before.lower() not in _PLATE_WORDS and (
        (all(map(_ROMAN.fullmatch, words)) and "I" in "".join(words))
        or (before.lower() in _VISITS and all(len(word) == 1 for word in words))
    ):
        return True
    if all(not any(map(str.isalpha, middle)) for middle in middles):
        return _numbers_may_be_times(middles, before, after, glued)
    return any(_may_be_time(middle, before, after) for middle in middles)


def _differences(names: Sequence[str]) -> tuple[list[list[str]], str, str, bool]:
    """Pieces in which names differ, the common words before and behind, if the first is glued."""
    pieces = [_PIECE.findall(name) for name in names]
    head = _common([tuple(one) for one in pieces])
    rest = [one[head:] for one in pieces]
    tail = _common([tuple(reversed(one)) for one in rest])
    middles = [one[: len(one) - tail] for one in rest]
    before = next((piece for piece in reversed(pieces[0][:head]) if piece.isalpha()), "")
    glued = head > 0 and pieces[0][head - 1] == before
    after = next((piece for piece in pieces[0][len(pieces[0]) - tail :] if piece.isalpha()), "")
    return middles, before, after, glued


def _common(sequences: Sequence[tuple[str, ...]]) -> int:
    length = 0
    for pieces in zip(*sequences, strict=False):
        if len(set(pieces)) > 1:
            break
        length += 1
    return length


def _numbers_may_be_times(
    middles: Sequence[Sequence[str]], before: str, after: str, glued: bool
) -> bool:
    """Whether the names differ in numbers alone that may be times."""
    digits = ["".join(piece for piece in middle if piece[0].isdecimal()) for middle in middles]
    if any(len(number) > MOST_DIGITS for number in digits):
        return False
    word, unit = before.lower(), after.lower()
    if word in _TIME_WORDS or unit in _TIME_WORDS:
        return True
    if glued and word in _TIME_LETTERS:  # but lines of lung are called H69 and H82
        return word != "h" or all(int(number) <= 24 or int(number) % 6 == 0 for number in digits)
    if unit in _UNITS or is_channel(before) or is_known_line(f"{before}{digits[0]}"):
        return False
    if word in _PLATE_WORDS:
        if len(word) > 1 or word in "pnr":
            return False
        # Groups and mice count 1, 2, 3; times begin at 0 or leave some out.
        numbers = sorted({float(number.replace(",", ".")) for number in digits if number})
        return numbers != [float(one) for one in range(1, len(numbers) + 1)]
    return not (glued and _CODE.search(before))


def _may_be_time(middle: Sequence[str], before: str, after: str) -> bool:
    """Whether the words in which one name differs from others may be a time."""
    words = [piece for piece in middle if piece.isalpha()]
    numbers = [piece for piece in middle if piece[0].isdecimal()]
    if any(word.lower() in _TIME_WORDS for word in words):
        return True
    text = "".join(middle).strip(" _-.")
    if not numbers or is_known_line(text) or len("".join(numbers)) > MOST_DIGITS:
        return False
    if not words:
        return before.lower() not in _PLATE_WORDS and after.lower() not in _UNITS
    if len(numbers) == 1 and len(words) == 1 and middle[-1] == words[0]:  # `3 vecka`, `600 cells`
        return words[0].lower() not in _UNITS and len(words[0]) > 1 and words[0].islower()
    return False


def _quoted(plates: Sequence[str]) -> str:
    return ", ".join(repr(plate) for plate in plates[:4]) + (" ..." if len(plates) > 4 else "")


def _over_time(
    same: Sequence[str],
    images: dict[str, set[tuple[object, ...]]],
    paths: dict[str, list[str]],
) -> OpenPlates:
    texts = sorted(path for plate in same for path in paths[plate])
    shown = _quoted(same)
    wells = _wells(same, images)
    by_plate, by_time = _patterns(texts)
    order = list(same)
    if not by_time and all(text.startswith(tuple(f"{plate}/" for plate in same)) for text in texts):
        order = in_order(same)
        by_time = f"^(?P<plate>){either_time(order)}/{_BEFORE_WELL}{WELL_IN_NAME}[^/]*$"
    readings = [
        PossibleReading(f"plates {shown}", by_plate, wells, (), (), len(texts)),
        PossibleReading(
            f"one plate at the times {_quoted(order)}", by_time, wells, tuple(order), (), len(texts)
        ),
    ]
    if by_time:
        read = possible_reading(readings[1].words, by_time, texts)
        readings[1] = read if read.n_read == len(texts) else readings[1]
    message = (
        f"The same wells are in {shown}: these may be plates, or times or fields of one plate, and "
        "all are left out; write them as 'Plate 1' or as 'day 3', or give --name-pattern."
    )
    return OpenPlates(tuple(same), message, NameDoubt(tuple(texts), tuple(readings)))


def _sorted_out(
    plates: Sequence[str],
    images: dict[str, set[tuple[object, ...]]],
    paths: dict[str, list[str]],
) -> OpenPlates:
    texts = sorted(path for plate in plates for path in paths[plate])
    shown = _quoted(plates)
    wells = _wells(plates, images)
    by_plate, _ = _patterns(texts)
    readings = (
        PossibleReading(
            "one plate, sorted into folders",
            by_plate.replace("(?P<plate>", "(?P<plate>)(?:"),
            wells,
            (),
            (),
            len(texts),
        ),
        PossibleReading(f"plates {shown}", by_plate, wells, (), (), len(texts)),
    )
    message = (
        f"No well is in two of {shown}: these may be plates, or one plate that was sorted into "
        "folders, and all are left out; put its images into one folder, or write 'Plate 1' and so "
        "on, or give --name-pattern."
    )
    return OpenPlates(tuple(plates), message, NameDoubt(tuple(texts), readings))


def _wells(plates: Iterable[str], images: dict[str, set[tuple[object, ...]]]) -> tuple[str, ...]:
    found = {image[0] for plate in plates for image in images[plate]}
    return tuple(well.name for well in sorted(found))  # type: ignore[attr-defined, type-var]


def _patterns(paths: Sequence[str]) -> tuple[str, str]:
    """Name patterns that take the words before the well for a plate, and their number for a day."""
    if all("/" in path for path in paths):
        name = rf"{_BEFORE_WELL}{WELL_IN_NAME}[^/]*$"
        part, number = (
            r"(?:^|/)(?P<plate>[^/]+)/",
            r"(?:^|/)(?P<plate>)[^/0-9]*(?P<day>[0-9]+)[^/]*/",
        )
    else:
        name = rf"{WELL_IN_NAME}[^/]*$"
        part = r"(?:^|/)(?P<plate>[^/]+?)[^/0-9A-Za-z]"
        number = r"(?:^|/)[^/0-9]*(?P<day>[0-9]+)(?:[^/]*?[^/0-9A-Za-z])?"
    texts = {re.search(f"{number}{name}", path) is not None for path in paths}
    return f"{part}{name}", f"{number}{name}" if texts == {True} else ""


def left_out(
    readings: Iterable[NameReading], plates: Iterable[str], asked: Sequence[OpenPlates]
) -> dict[str, OpenPlates]:
    """Path of each name on a plate that is asked about."""
    of_plate = {plate: one for one in asked for plate in one.plates}
    return {
        one.path: of_plate[plate]
        for one, plate in zip(readings, plates, strict=True)
        if plate in of_plate
    }
