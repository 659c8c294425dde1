"""Words that look like a well, and what else each of them could be, at what cost.

A word without any explanation costs 1. The costs order what is seen in names of micrographs: a `D3`
is a day as readily as a well, a `C7` rarely a channel; none is fitted to data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from spheroid_qc.frames.naming.known_words import PLAIN_LINES, WELL_LIKE_LINES
from spheroid_qc.wells import Well

LOOSE = -98
"""Place of the slot for `R1_C2` taken as one word."""

# What an explanation costs if the word stands before and after the well.
_ROLES: dict[str, tuple[float, float, str]] = {
    "C": (0.75, 0.2, "channel"),
    "D": (0.0, 0.0, "day"),
    "F": (0.7, 0.2, "field"),
    "J": (0.3, 0.3, "day"),
    "N": (0.3, 0.3, "replicate"),
    "P": (0.1, 0.1, "passage or plate"),
    "R": (0.3, 0.3, "replicate"),
    "S": (0.7, 0.2, "field"),
    "T": (0.4, 0.2, "time point"),
    "W": (0.7, 0.2, "channel"),
    "X": (0.5, 0.5, "position"),
    "Y": (0.5, 0.5, "position"),
    "Z": (0.7, 0.2, "plane"),
}
_TILE = re.compile("R[OW]*[^A-Z0-9]?([0-9]+)[^A-Z0-9]?C[OLUMN]*[^A-Z0-9]?([0-9]+)")
_MOST_TILES = 6
"""Most tiles of a well in a row or column; wells of a plate are more."""

_MOST = {"D": 200, "J": 200, "H": 240}


@dataclass(slots=True)
class Slot:
    """A word that looks like a well.

    `place` is the position of the word in its make, negative for folders. `well` is None if no
    plate in question has it (`D0`, `D28`, `F0`): then it only bears witness. `bound`: a hyphen
    joins it to the word before, as in `Vit-D3`, where other marks part the words.
    """

    place: int
    text: str
    well: Well | None
    bound: bool = False


def bears_witness(text: str) -> bool:
    """Whether a word that can't be a well shows what stands at its place: `D0`, `J28`, `H72`."""
    letter, digits = text[0].upper(), text[1:]
    if not digits.isdecimal():
        return False
    if letter in _MOST:
        return int(digits) < _MOST[letter] and (letter != "H" or int(digits) % 6 == 0)
    return letter in _ROLES and int(digits) == 0


def role_letter(text: str) -> str:
    """Letter that says what a word is if it isn't a well; empty for cell lines and all others."""
    letter = text[0].upper()
    return letter if letter in _ROLES or letter == "H" else ""


def tile_of(text: str) -> tuple[int, int] | None:
    """Row and column, from 1, of `r1c2` or `Row1_Col2`; None for other words."""
    match = _TILE.fullmatch(text.upper())
    return None if match is None else (int(match[1]), int(match[2]))


def role_of(
    slot: Slot, after: bool, has_line: bool, days: float | None = None
) -> tuple[float, str] | None:
    """Cost and name of what a slot is if it isn't the well."""
    text = slot.text.upper()
    if not text:  # a folder that says outright that it is a well
        return None
    if slot.bound:
        return 0.1, f"{slot.text} part of the word before"
    tile = tile_of(text)
    if tile is not None:
        return (0.3 if max(tile) <= _MOST_TILES else 0.8), f"tile {slot.text}"
    canonical = text[0] + text[1:].lstrip("0")
    if not has_line and text in WELL_LIKE_LINES:
        return 0.0, WELL_LIKE_LINES[text]
    number = int(text[1:]) if text[1:].isdecimal() else None
    if number is None:  # rows AA to AF
        return None
    if text[0] == "H" and number in (0, 24):
        return 0.3, f"hour {number}"
    if text[0] in _ROLES and not (text[0] == "C" and number > 9):
        before_cost, after_cost, word = _ROLES[text[0]]
        if text[0] == "D" and days is not None and days != 24 * number:
            return 0.8, f"day {number}"  # the name states another day
        if text[0] == "C" and number > 4:  # few images have so many channels
            after_cost = max(after_cost, 0.8)
        return (after_cost if after else before_cost), f"{word} {number}"
    if not has_line and canonical in PLAIN_LINES:
        return 0.3, PLAIN_LINES[canonical]
    return None


def is_unexplained(slot: Slot) -> bool:
    """Whether a slot can only be a well, as far as words go."""
    return role_of(slot, after=True, has_line=False) is None


@lru_cache(maxsize=8192)
def is_line(text: str) -> bool:
    """Whether a word that looks like a well is a cell line too."""
    return text.upper() in WELL_LIKE_LINES or text.upper() in PLAIN_LINES


def rivals(slot: Slot, chosen: Slot) -> bool:
    """Whether a slot must be explained beside the one that is taken for the well."""
    if slot is chosen or LOOSE in (slot.place, chosen.place):
        return False
    return slot.well is None or slot.well != chosen.well
