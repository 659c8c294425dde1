"""Names that no instrument wrote: a bare well between separators, and what else it may be.

Every word that looks like a well is a *slot*. A reading makes one slot the well and must explain
the others: `D3` as a day, `B16` as a cell line, `F2` as a field, `C1` as a channel, `P3` as a
passage or plate; `well_position` weighs the readings over the folder. A lone slot that is as likely
something else (`D16`, `B16`) is doubtful, unless the name has its time or its cell line already, or
the folder shows a plate.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from itertools import pairwise

from spheroid_qc.frames.naming.folder_names import FolderFacts
from spheroid_qc.frames.naming.instrument_schemes import VendorMatch
from spheroid_qc.frames.naming.known_words import WELL_LIKE_LINES, is_known_line
from spheroid_qc.frames.naming.parsed_name import Reading
from spheroid_qc.frames.naming.positions import Make, make_of, places_of
from spheroid_qc.frames.naming.tokens import Clock, Token, number_of, well_text
from spheroid_qc.frames.naming.well_lookalikes import (
    LOOSE,
    Slot,
    bears_witness,
    is_line,
    rivals,
    role_of,
    tile_of,
)
from spheroid_qc.wells import Well, fits, parse_well

NO_WELL = -1
MAX_COUNTER = 99_999
"""Largest running number of an image; longer ones are dates and serial numbers."""

MIN_PADDED = 5
"""Digits of a padded number (`000001`) by which a program counts a series, of fields or times."""

INSIDE = -60
"""First place of slots that stand beside other words in the name of a folder."""

ROLES_ASKED = {
    "W": ("a channel", "a week"),
    **dict.fromkeys("ABEGIKLMOPQUV", ("a plate", "a field")),
}
"""Letter of a word beside the well -> the two roles that are asked about, if not time or none."""

_SPLIT = re.compile("[-_ ]")
_APART = re.compile("[A-Za-z][-_ ][0-9]+")
_WIDE = re.compile(r"[Q-Z][0-9]{2}")
_IMAGEJ = re.compile(r"C[1-9]-")
_TIME_OF_DAY = re.compile("([0-9]{1,2})h([0-5][0-9])")
_DIGITS = re.compile("[0-9]+")
_LOOSE_ROW_COLUMN = re.compile("(r[0-9]{1,2})[ _-](c[0-9]{1,2})", re.IGNORECASE)
_COUNTERS = frozenset({"export", "image", "img", "picture", "photo", "scan", "frame", "no", "nr"})


@dataclass(slots=True)
class NameCandidates:
    """A name on its way to a reading.

    `clock` has the times in the name. `options` are indices of the slots that may be the well, with
    `NO_WELL` if perhaps none is; `fixed`: the name says outright where the well is (`well A1`,
    `r1c1`). `make` are the kinds of words in order, `places` the position in it of each token;
    `template` are the words themselves with slots, numbers and times blanked. `constant` are
    positions with a number that is the same in all names of the make, `apart` positions that say
    another thing than the well, though this name may have the same word there, `ignored` positions
    that never change and say nothing; `dated`: its date is a time, for others have other dates.
    `resolved` is what the folder showed, where the name alone was ambiguous. `vendor` is the
    position of the well by an instrument's scheme that the name fits, `marked`: it has what only
    that instrument writes. `choices` are sets of positions of which one says nothing, where the
    folder does not tell which. `moves`: the names state several times of one well.
    """

    stem: str
    tokens: list[Token]
    facts: FolderFacts
    clock: Clock
    slots: list[Slot] = field(default_factory=list)
    options: list[int] = field(default_factory=list)
    template: tuple[str, ...] = ()
    resolved: str = ""
    fixed: bool = False
    make: Make = ()
    places: list[int] = field(default_factory=list)
    constant: frozenset[int] = frozenset()
    apart: frozenset[int] = frozenset()
    ignored: frozenset[int] = frozenset()
    dated: bool = False
    vendor: int | None = None
    marked: bool = False
    choices: tuple[frozenset[int], ...] = ()
    moves: bool = False

    def read_clock(self) -> None:
        """Read the times again without those at ignored positions."""
        self.clock = Clock()
        for place, token in zip(self.places, self.tokens, strict=True):
            if place not in self.ignored:
                self.clock.add(token)

    def read_time_of_day(self) -> None:
        """Take `10h30` for a time of day where the folders have dates that are times."""
        below = self.facts.clock
        if not self.dated or below.acquired_at is None or below.has_clock or self.clock.acquired_at:
            return
        for token in self.tokens:
            match = _TIME_OF_DAY.fullmatch(token.text) if token.kind == "elapsed" else None
            if match is not None and int(match[1]) < 24:
                time = timedelta(hours=int(match[1]), minutes=int(match[2]))
                self.clock.acquired_at, self.clock.has_clock = below.acquired_at + time, True
                self.clock.hours = None

    def states_time(self) -> bool:
        """Whether the name or its folders have any word for a time, or one that may be."""
        return (
            self.dated
            or self.clock.knows_time
            or self.facts.clock.knows_time
            or any(slot.text[:1] in ("D", "d", "J", "j", "H", "h") for slot in self.slots)
        )

    def shape(self) -> tuple[str, ...]:
        """Kinds of the words in order, where a letter and a number are of one kind."""
        words = dict(zip(self.places, self.tokens, strict=True))
        return tuple(
            "lettered"
            if len(token.text) < 4 and token.text[0].isalpha() and token.text[1:].isdecimal()
            else self.make[place]
            for place, token in words.items()
        )

    def is_as_vendor(self) -> bool:
        """Whether the well is where the instrument's scheme says, or no word of the name."""
        if self.vendor is None:
            return True
        one = self.options[0] if len(self.options) == 1 else NO_WELL
        return one != NO_WELL and self.slots[one].place == self.vendor

    def may_have_none(self, slot: Slot) -> bool:
        """Whether a slot that stands alone is as likely something else than a well."""
        text = slot.text
        letter, number = text[:1].upper(), text[1:]
        if slot.place == self.vendor and self.marked:
            return False
        if is_split(text):
            return True
        if not number.isdecimal():
            return False
        if letter == "D":
            if self._is_numbered_before(slot):
                return True
            days = any(other.well is None for other in self.slots)
            known = self.dated or self.clock.knows_time or self.facts.clock.knows_time
            return not (days or known)
        if letter == "P" or (slot.place == self.vendor and letter in "RSTWXYZ"):
            return True
        if letter == "N" and len(number) == 1:
            return True
        if text.upper() in WELL_LIKE_LINES:
            return not has_line(self)
        if letter == "C" and _IMAGEJ.match(self.stem) and slot.place == 0:
            return True
        return text[0] in "cfh" and self.stem != self.stem.lower()

    def _is_numbered_before(self, slot: Slot) -> bool:
        """Whether a lettered number stands before the slot, `T1_D2`: treatment or time 1."""
        return any(
            token.kind == "index" and token.text[1:].isdecimal() and place < slot.place
            for place, token in zip(self.places, self.tokens, strict=True)
        ) and all(other is slot for other in self.slots)


def is_split(text: str) -> bool:
    """Whether the letter and the number of a well stand apart: `B-2`, as groups and samples do."""
    return _APART.fullmatch(text) is not None


@lru_cache(maxsize=8192)
def _possible(text: str, well_count: int | None, wide: bool) -> Well | None:
    well = parse_well(text)
    if well is None or (len(_SPLIT.sub("", text)) > 3 and text[:2].isalpha() is False):
        return None
    if well_count is not None:
        return well if fits(well, well_count) else None
    if wide or well.row >= 26:
        return well
    return well if fits(well, 384) else None


def prepare(
    stem: str, tokens: list[Token], well_count: int | None = None, wide: bool = False
) -> list[Token]:
    """Sort the words that look like wells: those that can be none, nor bear witness, are words.

    Where nothing in a name looks like a well, a lone letter and the number behind it do: `B_02`.
    """
    for token in tokens:
        if (
            token.kind == "slot"
            and _possible(token.text, well_count, wide) is None
            and (is_known_line(token.text) or not bears_witness(_SPLIT.sub("", token.text)))
        ):
            token.kind = "word"
        elif wide and token.kind != "slot" and _WIDE.fullmatch(token.text):
            token.kind = "slot"
    if any(token.kind in ("slot", "well", "rowcolumn") for token in tokens):
        return tokens
    pairs = [
        (one, other)
        for one, other in pairwise(tokens)
        if len(one.text) == 1
        and other.kind == "number"
        and _possible(stem[one.start : other.end], well_count, wide) is not None
    ]
    if len(pairs) != 1:
        return tokens
    one, other = pairs[0]
    joined = Token("slot", stem[one.start : other.end], one.start, other.end)
    return [joined if token is one else token for token in tokens if token is not other]


def is_beyond_z(text: str) -> bool:
    """Whether a word is a well of the rows AA to AF, which only plates of 1536 wells have."""
    well = parse_well(text)
    return well is not None and well.row >= 26


def mark_constants(names: Iterable[NameCandidates]) -> None:
    """Find the numbers that are the same in all names of a make while another number changes."""
    makes: dict[Make, list[NameCandidates]] = defaultdict(list)
    for one in names:
        makes[one.make].append(one)
    for make, same in makes.items():
        values: dict[int, set[str]] = {
            place: set() for place, kind in enumerate(make) if kind in ("number", "image")
        }
        if len(values) < 2:
            continue
        for one in same:
            for place, token in zip(one.places, one.tokens, strict=True):
                if place in values:
                    values[place].add(token.text)
        constant = frozenset(place for place, found in values.items() if len(found) == 1)
        if len(constant) < len(values):
            for one in same:
                one.constant = constant


def mark_running(names: Sequence[NameCandidates]) -> None:
    """Find the fields that number the wells through, `S14_B03`: they say nothing of their own."""
    makes: dict[Make, list[NameCandidates]] = defaultdict(list)
    for one in names:
        if "field" in one.make and len(one.options) == 1 and one.options[0] != NO_WELL:
            makes[one.make].append(one)
    for make, same in makes.items():
        for place in (place for place, kind in enumerate(make) if kind == "field"):
            values: dict[Well | None, set[str]] = defaultdict(set)
            for one in same:
                text = one.tokens[one.places.index(place)].text
                values[one.slots[one.options[0]].well].add(text)
            numbers = set().union(*values.values())
            if len(values) > 3 and len(numbers) == len(values) == sum(map(len, values.values())):
                for one in same:
                    one.ignored |= {place}


def mark_dated(names: Sequence[NameCandidates]) -> None:
    """Find the names whose dates, or whose folders' dates, are times: there are several."""
    dates = [one.clock.acquired_at or one.facts.clock.acquired_at for one in names]
    if len(set(dates) - {None}) > 1:
        for one, date in zip(names, dates, strict=True):
            one.dated = date is not None


def candidate(
    stem: str,
    tokens: list[Token],
    facts: FolderFacts,
    well_count: int | None = None,
    wide: bool = False,
    *,
    replicates: bool = False,
    vendor: VendorMatch | None = None,
) -> NameCandidates:
    """Collect everything a name without suffix says and the wells it may mean.

    `tokens` are its words, settled by the folder (`settle_positions`); `facts` are what the folders
    above say. `well_count`: wells on the plate if the user said so; others can't be meant. `wide`:
    rows beyond P (1536 wells) are to be expected. `replicates`: other names have `R1` before other
    wells than those of row C, so that `R1_C02` is no row and column. `vendor`: the scheme of an
    instrument that the name fits.
    """
    row_and_column: Slot | None = None
    if not facts.slots:
        tokens, row_and_column = _split_row_column(tokens)
    if replicates:
        row_and_column = None
    joined = _joined(stem, tokens)
    name = NameCandidates(stem, tokens, facts, Clock(), make=make_of(tokens))
    fixed: Slot | None = None
    tile: Slot | None = None
    for depth, text in enumerate(facts.slots):
        well = _possible(text, well_count, wide)
        if well is not None:
            name.slots.append(Slot(depth - len(facts.slots), text, well))
    if not facts.slots and not any(token.kind in ("slot", "well", "rowcolumn") for token in tokens):
        for depth, (_, text) in enumerate(facts.inside):
            well = _possible(text, well_count, wide)
            name.slots.append(Slot(INSIDE + depth, text, well))
    template: list[str] = []
    for token, place in zip(tokens, places_of(tokens), strict=True):
        kind, text = token.kind, token.text
        name.places.append(place)
        by_vendor = vendor is not None and token.start == vendor.start and token.end == vendor.end
        if by_vendor and vendor is not None:
            name.vendor, name.marked = place, vendor.marked
        if kind == "slot" or by_vendor:
            large = wide or (by_vendor and name.marked)
            well = _possible(text, well_count, large)
            name.slots.append(Slot(place, text, well, token.start in joined))
            template.append("*")
        elif kind in ("word", "line"):
            template.append(text.lower())
        else:
            if kind == "well":
                well = _possible(well_text(text), None, wide=True)
                fixed = Slot(place, text, well) if well is not None else fixed
            elif kind == "rowcolumn":
                well = _row_column(text)
                tile = Slot(place, text, well) if well is not None else tile
            else:
                name.clock.add(token)
            template.append(f"<{kind}>")
    name.template = tuple(template)
    if fixed is None and facts.well is not None:
        fixed = Slot(-99, "", facts.well)
    if tile is not None and (name.slots or fixed is not None):
        name.slots.append(tile)
    elif tile is not None:
        fixed = tile
    if row_and_column is not None:
        name.slots.append(row_and_column)
    if fixed is not None:
        name.slots.append(fixed)
        name.options, name.fixed = [len(name.slots) - 1], True
    return name


def _joined(stem: str, tokens: Sequence[Token]) -> frozenset[int]:
    """Where words begin that a hyphen joins to the word before, while other marks part words."""
    joints = [stem[one.end : other.start] for one, other in pairwise(tokens)]
    if "-" not in joints or set(joints) <= {"-"}:
        return frozenset()
    return frozenset(
        other.start
        for (one, other), joint in zip(pairwise(tokens), joints, strict=True)
        if joint == "-" and one.kind in ("word", "line", "label") and len(one.text) > 1
    )


def _row_column(text: str) -> Well | None:
    row, column = (int(number) for number in _DIGITS.findall(text))
    return Well(row - 1, column - 1) if 1 <= row <= 32 and 1 <= column <= 48 else None


def _split_row_column(tokens: list[Token]) -> tuple[list[Token], Slot | None]:
    """Take `R1_C2` for two words; the row and column only if nothing else can be the well."""
    split: list[Token] = []
    found: Slot | None = None
    for token in tokens:
        match = _LOOSE_ROW_COLUMN.fullmatch(token.text) if token.kind == "rowcolumn" else None
        if match is None:
            split.append(token)
            continue
        split.append(Token("label", match[1], token.start, token.start + len(match[1])))
        split.append(Token("slot", match[2], token.end - len(match[2]), token.end))
        found = Slot(LOOSE, token.text, _row_column(token.text))
    if sum(token.kind in ("slot", "well", "rowcolumn") for token in split) > 1:
        found = None
    return split, found


def split_lines(tokens: list[Token]) -> list[Token]:
    """Take `B16_F10` for two words where nothing else can be the well."""
    split: list[Token] = []
    for token in tokens:
        first, _, second = re.sub("[ -]", "_", token.text).partition("_")
        if token.kind == "line" and first.upper() == "B16" and second[:1] in "Ff":
            middle = token.start + len(first) + 1
            split.append(Token("slot", first, token.start, middle - 1))
            split.append(Token("slot", second, middle, token.end))
        else:
            split.append(token)
    if sum(token.kind == "slot" for token in split) > 2:
        return tokens
    return split


def has_line(name: NameCandidates) -> bool:
    """Whether a name has a cell line that can't be a well."""
    return any(token.kind == "line" or is_known_line(token.text) for token in name.tokens)


def in_words(name: NameCandidates, option: int) -> str:
    """One option of a doubtful name in words, `well D05, the melanoma line B16`."""
    lined = has_line(name)
    words = []
    if option != NO_WELL:
        chosen = name.slots[option]
        assert chosen.well is not None
        words.append(f"well {chosen.well.name}")
    else:
        chosen = Slot(-100, "", None)
    for slot in name.slots:
        if not rivals(slot, chosen):
            continue
        role = role_of(slot, slot.place > chosen.place, lined)
        words.append(f"{slot.text} unexplained" if role is None else role[1])
    if option == NO_WELL:
        words.append("no well")
    return ", ".join(words)


def choice_in_words(name: NameCandidates, silent: frozenset[int]) -> str:
    """One choice of a name with one well in words, `well B02, D1 no time`."""
    chosen = name.slots[name.options[0]]
    assert chosen.well is not None
    words = [f"well {chosen.well.name}"]
    texts = {slot.place: slot.text for slot in name.slots if slot.place < 0}
    texts |= {place: one.text for place, one in zip(name.places, name.tokens, strict=True)}
    for place in sorted(frozenset().union(*name.choices)):
        meant, otherwise = ROLES_ASKED.get(texts[place][:1].upper(), ("a time", "no time"))
        words.append(f"{texts[place]} {otherwise if place in silent else meant}")
    return ", ".join(words)


def finish(name: NameCandidates) -> Reading | None:
    """Make the reading of a draft with one option; None if it has no well."""
    if len(name.options) != 1 or name.options[0] == NO_WELL:
        return None
    chosen = name.slots[name.options[0]]
    assert chosen.well is not None
    facts, clock = name.facts, name.clock
    reading = Reading("generic", chosen.well, channel=facts.channel, z=facts.z, field=facts.field)
    labels: list[str] = []
    words: list[str] = []
    others = {slot.place: slot for slot in name.slots if slot is not chosen}
    for slot in others.values():
        if slot.place in name.ignored:
            continue
        if rivals(slot, chosen) or slot.place in name.apart:
            _explain(slot, reading, clock)
    for place, token in zip(name.places, name.tokens, strict=True):
        kind = token.kind
        if place in name.ignored:
            if kind not in ("field", "word") or place < chosen.place:
                labels.append(token.text)
        elif kind == "channel":
            reading.channel = token.text
        elif kind == "z":
            reading.z = int(number_of(token.text))
        elif kind == "field" and place < chosen.place and token.text[1:].isdecimal():
            labels.append(token.text)  # `S2_B03`: a sample; sites stand behind the well
        elif kind == "field":
            reading.field = int(number_of(token.text))
        elif kind == "plate":
            reading.plate = token.text
        elif kind in ("number", "image"):
            if place > chosen.place and not _is_tail(name, token):
                number = int(_DIGITS.findall(token.text)[-1])
                if place not in name.constant and number <= MAX_COUNTER:
                    reading.part = number
                    if token.text.startswith("0") and len(token.text) >= MIN_PADDED:
                        reading.counter = number
            elif place > chosen.place:
                words.append(token.text)
            elif labels:  # `OVCAR-3`, `exp 2`; a number in front of everything counts pictures
                labels.append(token.text)
        elif (
            kind in ("label", "line")
            or (kind == "word" and place < chosen.place)
            or (place in others and (others[place].bound or not _explains(token.text)))
        ):
            labels.append(token.text)
        elif kind == "word":
            words.append(token.text)
    if chosen.place < 0 and chosen.place != LOOSE:
        # What lies in a well's folder is of that well: `B2/rep1` is no plate.
        words, labels = [*labels, *words], []
    reading.label, reading.words = "_".join(labels), "_".join(words)
    return reading


def _is_tail(name: NameCandidates, token: Token) -> bool:
    """Whether a number belongs to the word before it, as in `IL-2`, and counts nothing."""
    index = name.tokens.index(token)
    if index == 0 or name.tokens[index - 1].kind != "word":
        return False
    before = name.tokens[index - 1]
    glued = name.stem[before.end : token.start] == "-"
    return glued and before.text.lower() not in _COUNTERS


def _explains(text: str) -> bool:
    """Whether a word that looks like a well says something else by its letter."""
    letter, digits = text[0].upper(), text[1:]
    if not digits.isdecimal() or is_line(text):
        return False
    return letter in "CDFJSTWXYZ" or (letter == "H" and int(digits) % 6 == 0)


def _explain(slot: Slot, reading: Reading, clock: Clock) -> None:
    """Let the slots that aren't the well say what they say."""
    letter, digits = slot.text[0].upper(), slot.text[1:]
    tile = None if slot.bound else tile_of(slot.text)
    if tile is not None:
        reading.field = 100 * tile[0] + tile[1]
    if slot.bound or not digits.isdecimal() or slot.text.upper() in WELL_LIKE_LINES:
        return
    number = int(digits)
    if letter in "DJ":
        clock.days = 24.0 * number if clock.days is None else clock.days
    elif letter == "H" and number % 6 == 0:
        clock.hours = float(number) if clock.hours is None else clock.hours
    elif letter in "CW":
        reading.channel = slot.text
    elif letter in "FS":
        reading.field = number
    elif letter == "Z":
        reading.z = number
    elif letter == "T":
        clock.index = number


def explain_folders(facts: FolderFacts, well: Well) -> tuple[Clock, frozenset[str]]:
    """Read times of folders named like wells, above a name that tells its well; and which do so."""
    clock = Clock()
    explained = set()
    for text in facts.slots:
        if parse_well(text) != well and text[0].upper() in "DJH" and _explains(text):
            _explain(Slot(0, text, None), Reading("", well), clock)
            explained.add(text)
    return clock, frozenset(explained)
