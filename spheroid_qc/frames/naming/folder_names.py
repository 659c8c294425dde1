"""Read the folders above a file: times, channels, planes and wells, and what is left: the plate.

`phase/`, `TimePoint_3/`, `ZStep_1/`, `day 3/`, `2026-10-05/` say something about the images in
them; anything else tells plates apart.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as factory

from spheroid_qc.frames.naming.known_words import NEUTRAL_FOLDERS
from spheroid_qc.frames.naming.parsed_name import NameReading
from spheroid_qc.frames.naming.tokens import Clock, Token, number_of, well_text
from spheroid_qc.wells import Well, parse_well, row_name

_SEPARATORS = " _-.,=+()[]{}#&~"
_MEASUREMENT = re.compile(r"[ _-]*Measurement[ _-]?[0-9]+", re.IGNORECASE)
_LINE = re.compile("(?<![^\\W_])(?:([A-Za-z])|0*([1-9][0-9]?))$")
_RUNS = re.compile(r"[ _-]{2,}")


@dataclass(slots=True)
class FolderFacts:
    """What the folders above a file say.

    `well` is from a folder such as `well_A01`, which can't be anything else; `slots` are folders
    that are named like a well and nothing else, outermost first; `inside` are words that look like
    wells in the names of other folders, with the folder. `parts` has for each remaining folder its
    name as written and its name without times.
    """

    clock: Clock = factory(default_factory=Clock)
    channel: str = ""
    z: int | None = None
    field: int | None = None
    well: Well | None = None
    slots: list[str] = factory(default_factory=list)
    inside: list[tuple[str, str]] = factory(default_factory=list)
    parts: list[tuple[str, str]] = factory(default_factory=list)

    def plate(self, own: Well | None, explained: frozenset[str] = frozenset()) -> tuple[str, str]:
        """Path of the plate's folder, as written and without times.

        A folder named like the file's `own` well isn't a plate, nor is one of `explained`: folders
        that turned out to hold the well, or to be a day, a channel or a field.
        """
        if not self.parts:
            return "", ""
        written, short = [], []
        for raw, stripped in self.parts:
            if raw in explained or (raw in self.slots and parse_well(raw) == own):
                continue
            written.append(raw)
            if stripped:
                short.append(stripped)
        return "/".join(written), "/".join(short)


def join_rows(names: Iterable[NameReading]) -> None:
    """Take folders for no plates that are named as the row, or the column, of all wells in them."""
    inside: dict[str, dict[str, list[NameReading]]] = defaultdict(lambda: defaultdict(list))
    for one in names:
        if one.reading is not None and one.plate_folder:
            above, _, last = one.plate_folder.rpartition("/")
            inside[above][last].append(one)
    for above, folders in inside.items():
        if len(folders) < 2 or not all(_is_line(last, ones) for last, ones in folders.items()):
            continue
        for last, ones in folders.items():
            for one in ones:
                one.plate_folder = above
                one.plate_folder_short = one.plate_folder_short.removesuffix(last).rstrip("/")


def _is_line(folder: str, names: Sequence[NameReading]) -> bool:
    """Whether a folder's name ends with the row or the column that all its wells share."""
    match = _LINE.search(folder)
    wells = {one.reading.well for one in names if one.reading is not None}
    rows, columns = ({well[axis] for well in wells} for axis in (0, 1))
    if match is None or (len(rows) > 1 and len(columns) > 1):
        return False
    if match[1]:
        return {row_name(row) for row in rows} == {match[1].upper()}
    return columns == {int(match[2]) - 1}


def _wholly(tokens: list[Token], text: str) -> bool:
    """Whether the tokens cover the text but for separators."""
    covered = sum(token.end - token.start for token in tokens)
    return covered + sum(text.count(mark) for mark in set(_SEPARATORS)) >= len(text)


def _without(text: str, tokens: list[Token]) -> str:
    for token in reversed(tokens):
        text = f"{text[: token.start].rstrip(_SEPARATORS)}_{text[token.end :].lstrip(_SEPARATORS)}"
    return _RUNS.sub("_", _MEASUREMENT.sub("", text)).strip("_ -")


def read_folder(folder: str, words: Mapping[str, list[Token]]) -> FolderFacts:
    """Read the folders above a file (`/` between them, empty for none); inner ones overrule.

    `words` has the tokens of each folder's name, settled by all of them (`settle_positions`).
    """
    facts = FolderFacts()
    for part in folder.split("/") if folder else ():
        if part.lower() in NEUTRAL_FOLDERS:
            continue
        tokens = words[part]
        if len(tokens) == 1 and tokens[0].kind == "slot" and parse_well(part) is not None:
            facts.slots.append(part)
            facts.parts.append((part, part))
            continue
        if len(tokens) == 1 and tokens[0].kind == "well":
            facts.well = parse_well(well_text(tokens[0].text))
            if facts.well is not None:
                continue
        facts.inside += [(part, token.text) for token in tokens if token.kind == "slot"]
        whole = _wholly(tokens, part)
        times: list[Token] = []
        other = 0
        for token in tokens:
            if facts.clock.add(token) or token.kind == "clock":
                times.append(token)
            elif whole and token.kind == "channel":
                facts.channel = token.text
            elif whole and token.kind == "z":
                facts.z = int(number_of(token.text))
            elif whole and token.kind == "field":
                facts.field = int(number_of(token.text))
            else:
                other += 1
        if other or not (whole and tokens):
            facts.parts.append((part, _without(part, times) if times else part))
    return facts
