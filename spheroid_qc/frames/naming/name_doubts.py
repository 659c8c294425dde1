"""Names that can be read in two ways: what each reading gives, and the pattern that settles it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from spheroid_qc.errors import RequestError
from spheroid_qc.frames.naming.generic_names import NO_WELL, ROLES_ASKED, NameCandidates
from spheroid_qc.frames.naming.parsed_name import Reading
from spheroid_qc.frames.naming.tokens import Token
from spheroid_qc.frames.naming.user_pattern import NamePattern
from spheroid_qc.frames.naming.well_lookalikes import Slot
from spheroid_qc.frames.naming.words_in_order import either_time, in_order

_LETTERED = {
    "D": "(?P<day>[0-9]+)",
    "J": "(?P<day>[0-9]+)",
    "H": "(?P<time>[0-9]+)",
    "F": "(?P<field>[0-9]+)",
    "S": "(?P<field>[0-9]+)",
}
_NUMBER = re.compile("[0-9]+(?:[.,][0-9]+)?")
_WELL = "(?P<well>[A-Za-z]{1,2}[0-9]{1,3})"


@dataclass(frozen=True, slots=True)
class PossibleReading:
    """One way to read a group of names.

    `words` say what it takes the words of the first name for, `pattern` is the name pattern that
    gives it (empty if the names are no images of a plate then). `wells` are canonical names in the
    order of a plate, `times` the times in words, `fields` the fields of view; `n_read` counts the
    names that the pattern reads.
    """

    words: str
    pattern: str = ""
    wells: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    fields: tuple[int, ...] = ()
    n_read: int = 0


@dataclass(frozen=True, slots=True)
class NameDoubt:
    """Names that are left out because the folder does not tell between several readings."""

    paths: tuple[str, ...]
    readings: tuple[PossibleReading, ...]


WHAT_IT_IS = "a day, a time point, a field of view, a focal plane or something else"
WELL_IN_NAME = r"(?P<well>[A-Za-z]{1,2}[0-9]{1,2})(?![0-9A-Za-z])"
"""Pattern for a well that stands alone in a path."""


def number_doubt(paths: Sequence[str]) -> NameDoubt:
    """Show what the last number of names may be."""
    last = r"(?:^|[/\W_])" + WELL_IN_NAME + r"(?:.*?[^0-9])?(?P<GROUP>[0-9]+)[^0-9/]*$"
    return NameDoubt(
        tuple(sorted(paths)),
        tuple(
            possible_reading(f"the number is {words}", last.replace("GROUP", group), paths)
            for words, group in (
                ("the day", "day"),
                ("the time point", "timepoint"),
                ("the field", "field"),
                ("the plane", "z"),
            )
        ),
    )


def word_doubt(paths: Sequence[str], words: Sequence[str]) -> NameDoubt:
    """Show what the words may be that alone tell images of a well apart: `B2_pre`, `B2_post`."""
    order = in_order(words)
    shown = ", ".join(order)
    either = "|".join(map(re.escape, order))
    before = r"(?:^|[/\W_])" + WELL_IN_NAME + r"(?:[^/]*[\W_])?"
    return NameDoubt(
        tuple(sorted(paths)),
        tuple(
            possible_reading(what, rf"{before}{part}(?![^\W_])[^/]*$", paths)
            for what, part in (
                (f"the times {shown}, in this order", either_time(order)),
                (f"the plates {shown}", f"(?P<plate>{either})"),
                (f"the channels {shown}", f"(?P<channel>{either})"),
            )
        ),
    )


def possible_reading(words: str, pattern: str, paths: Sequence[str]) -> PossibleReading:
    """Read names by a pattern and say what that gives."""
    found = []
    if pattern:
        try:
            reader = NamePattern(pattern)
        except RequestError:
            return PossibleReading(words)
        found = [one for one in map(reader.read, paths) if isinstance(one, Reading)]
    if not found:
        return PossibleReading(words)
    return PossibleReading(
        words,
        pattern,
        tuple(well.name for well in sorted({one.well for one in found})),
        tuple(_times(found)),
        tuple(sorted({one.field for one in found if one.field is not None})),
        len(found),
    )


def _times(readings: Iterable[Reading]) -> list[str]:
    hours = {one.hours for one in readings if one.hours is not None}
    indices = {one.index for one in readings if one.index is not None}
    return [f"{time:g} h" for time in sorted(hours)] + [f"frame {time}" for time in sorted(indices)]


def pattern_of(name: NameCandidates, option: int, silent: frozenset[int] = frozenset()) -> str:
    """Name pattern that takes one slot of a name for the well, for all names of its make.

    Words that are asked about say the other of their two roles at the positions `silent`.
    """
    if option == NO_WELL:
        return ""
    chosen = name.slots[option]
    if chosen.place < 0:
        above = "".join("[^/]+/" for _ in range(-chosen.place - 1))  # folders
        return f"(?:^|/){_WELL}/{above}[^/]*$"
    parts: list[str] = []
    used: set[str] = set()
    previous = -1
    for place, token in zip(name.places, name.tokens, strict=True):
        if place == previous:
            continue  # a row of words is one place
        previous = place
        part = _WELL if place == chosen.place else _part(token.kind, token.text)
        if name.choices and any(place in one for one in name.choices):
            part = _part_asked(token, part, place in silent)
        group = re.search(r"\(\?P<(\w+)>", part)
        if group is not None and group[1] in used:
            part = "[^/]+?"
        used |= {group[1]} if group is not None else set()
        parts.append(part)
    folder = _folder_part(name, chosen, silent)
    joints = {name.stem[one.end : other.start] for one, other in pairwise(name.tokens)}
    joint = "_" if joints <= {"_"} else r"[\W_]+"
    return f"(?:^|/){folder}{joint.join(parts)}{_tail(name)}"


def _part_asked(token: Token, part: str, silent: bool) -> str:
    """Pattern for a word whose meaning is asked about."""
    letter = token.text[0].upper()
    if letter not in ROLES_ASKED:
        return "[^/]+?" if silent else part
    either = f"[{letter}{letter.lower()}]"
    if letter == "W":
        return f"{either}(?P<timepoint>[0-9]+)" if silent else f"(?P<channel>{either}[0-9]+)"
    return f"{either}(?P<field>[0-9]+)" if silent else f"(?P<plate>{either}[0-9]+)"


def _folder_part(name: NameCandidates, chosen: Slot, silent: frozenset[int]) -> str:
    """Pattern for the folder above whose word is asked about; empty if there is none."""
    for slot in name.slots:
        if slot.place == -1 and frozenset({-1}) in name.choices and slot is not chosen:
            return "[^/]+/" if -1 in silent else f"(?P<plate>){_part('slot', slot.text)}/"
    return ""


def _tail(name: NameCandidates) -> str:
    rest = name.stem[name.tokens[-1].end :]
    return r"\." if not rest else r"[\W_]*\."


def _part(kind: str, text: str) -> str:
    letter = text[0].upper()
    if kind == "slot":
        if letter in _LETTERED and text[1:].isdecimal():
            return f"[{letter}{letter.lower()}]{_LETTERED[letter]}"
        return f"(?P<channel>[{letter}{letter.lower()}][0-9]+)" if letter in "CW" else "[^/]+?"
    group = {"hours": "time", "days": "day", "days_short": "day", "index": "timepoint"}.get(kind)
    group = {"field": "field", "z": "z", "number": "field"}.get(kind, group)
    if kind == "channel":
        return f"(?P<channel>{re.escape(text)})"
    match = _NUMBER.search(text)
    if group is None or match is None:
        return "[^/]+?"
    number = "[0-9]+(?:[.,][0-9]+)?" if group in ("time", "day") else "[0-9]+"
    before, after = (
        f"(?i:{re.escape(part)})" if part else ""
        for part in (text[: match.start()], text[match.end() :])
    )
    return f"{before}(?P<{group}>{number}){after}"
