"""Names that no instrument wrote: a bare well between separators, and what else it may be.

Every word that looks like a well is a *slot*. A reading makes one slot the well and must explain
the others: `D3` as a day, `B16` as a cell line, `F2` as a field, `C1` as a channel, `P3` as a
passage or plate. An unexplained slot costs 1, an explanation less; the cheapest reading wins if
it wins clearly, else the name is doubtful. A lone slot that is as likely something else (`D16`,
`B16`) is doubtful too, unless the name has its time or its cell line already.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from spheroid_qc.frames.naming.folder_names import FolderFacts
from spheroid_qc.frames.naming.known_words import WELL_LIKE_LINES, is_known_line
from spheroid_qc.frames.naming.parsed_name import Reading
from spheroid_qc.frames.naming.tokens import Clock, Token, number_of, tokenise
from spheroid_qc.frames.naming.well_lookalikes import LOOSE, Slot, is_line, rivals, role_of
from spheroid_qc.wells import Well, fits, parse_well

NO_WELL = -1
CLEAR = 0.25

_WIDE = re.compile(r"[Q-Z][0-9]{2}")
_IMAGEJ = re.compile(r"C[1-9]-")
_DIGITS = re.compile("[0-9]+")
_LOOSE_ROW_COLUMN = re.compile("(r[0-9]{1,2})[ _-](c[0-9]{1,2})", re.IGNORECASE)
_COUNTERS = frozenset({"export", "image", "img", "picture", "photo", "scan", "frame", "no", "nr"})
_WELL_WORD = re.compile(r"well[ _-]?", re.IGNORECASE)


@dataclass(slots=True)
class NameCandidates:
    """A name on its way to a reading.

    `clock` has the times in the name. `options` are indices of the slots that may be the well, with
    `NO_WELL` if perhaps none is; `fixed`: the name says outright where the well is (`well A1`,
    `r1c1`). `template` are the words with slots, numbers and times blanked: names of one make share
    it. `resolved` is what the folder showed, where the name alone was ambiguous.
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


def _possible(text: str, well_count: int | None, wide: bool) -> Well | None:
    well = parse_well(text)
    if well is None or (len(text) > 3 and text[:2].isalpha() is False):
        return None
    if well_count is not None:
        return well if fits(well, well_count) else None
    if wide or well.row >= 26:
        return well
    return well if fits(well, 384) else None


def candidate(
    stem: str, facts: FolderFacts, well_count: int | None = None, wide: bool = False
) -> NameCandidates:
    """Collect everything a name without suffix says and the wells it may mean.

    `facts` are what the folders above say. `well_count`: wells on the plate if the user said so;
    others can't be meant. `wide`: rows beyond P (1536 wells) are to be expected.
    """
    tokens = tokenise(stem)
    if len(tokens) <= 2 and any(token.kind == "line" for token in tokens):
        tokens = _split_lines(tokens)
    tokens, row_and_column = _split_row_column(tokens)
    name = NameCandidates(stem, tokens, facts, Clock())
    wide = wide or well_count == 1536
    fixed: Slot | None = None
    for depth, text in enumerate(facts.slots):
        well = _possible(text, well_count, wide)
        if well is not None:
            name.slots.append(Slot(depth - len(facts.slots), text, well))
    template: list[str] = []
    for place, token in enumerate(tokens):
        kind, text = token.kind, token.text
        if kind == "slot" or (wide and _WIDE.fullmatch(text)):
            well = _possible(text, well_count, wide)
            if well is None and text[0] in "Dd" and text[1:].isdecimal() and int(text[1:]) < 200:
                name.slots.append(Slot(place, text, None))
                template.append("*")
            elif well is not None:
                name.slots.append(Slot(place, text, well))
                template.append("*")
            else:
                token.kind = "word"
                template.append(text.lower())
        elif kind == "word":
            template.append(text.lower())
        else:
            if kind == "well":
                well = _possible(_WELL_WORD.sub("", text), None, wide=True)
                fixed = Slot(place, text, well) if well is not None else fixed
            elif kind == "rowcolumn":
                well = _row_column(text)
                fixed = Slot(place, text, well) if well is not None else fixed
            elif kind == "days_short" and number_of(text) in (2, 3):
                kind = "word"  # 2D and 3D culture
            elif kind == "index" and is_known_line(text):
                kind = "word"  # the bladder line T24
            else:
                name.clock.add(token)
            template.append(f"<{kind}>")
    name.template = tuple(template)
    if fixed is None and facts.well is not None:
        fixed = Slot(-99, "", facts.well)
    if row_and_column is not None:
        name.slots.append(row_and_column)
    if fixed is not None:
        name.slots.append(fixed)
        name.options, name.fixed = [len(name.slots) - 1], True
    else:
        name.options = _options(name)
    return name


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


def _split_lines(tokens: list[Token]) -> list[Token]:
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


def _options(name: NameCandidates) -> list[int]:
    """Weigh which slots may be the well, and whether a lone slot is ambiguous."""
    real = [index for index, slot in enumerate(name.slots) if slot.well is not None]
    if not real:
        return []
    texts = [name.slots[index].text.upper() for index in real]
    if texts[0] == "B16" and texts[1:] in (["F10"], ["F1"]):
        return [real[1], NO_WELL]  # B16-F10 is a line of its own
    has_line = _has_line(name)
    days = name.clock.days if name.clock.days is not None else name.clock.hours
    if len(name.slots) == 1:
        return [0, NO_WELL] if _is_ambiguous_alone(name, name.slots[0], has_line) else [0]
    costs: dict[int, float] = {}
    for index in real:
        chosen = name.slots[index]
        total = 0.0
        for slot in name.slots:
            if slot.well is None or not rivals(slot, chosen):
                continue
            role = role_of(slot, slot.place > chosen.place, has_line, days)
            total += 1.0 if role is None else role[0]
        costs[index] = total
    minimum = min(costs.values())
    options = [index for index, cost in costs.items() if cost < minimum + CLEAR]
    wells = {name.slots[index].well for index in options}
    if len(wells) == 1:
        options = options[-1:]  # the file's own word rather than the folder's
        if len({name.slots[index].well for index in real}) == 1 and _is_ambiguous_alone(
            name, name.slots[options[0]], has_line
        ):
            options.append(NO_WELL)
    return options


def may_be_line(name: NameCandidates, option: int) -> bool:
    """Whether a slot is as likely a cell line as a well."""
    return name.slots[option].text.upper() in WELL_LIKE_LINES and not _has_line(name)


def _is_ambiguous_alone(name: NameCandidates, slot: Slot, has_line: bool) -> bool:
    text = slot.text
    letter, number = text[0].upper(), text[1:]
    if not number.isdecimal():
        return False
    if letter == "D":
        days = any(other.well is None for other in name.slots)
        return not (days or name.clock.knows_time or name.facts.clock.knows_time)
    if letter == "P":
        return True
    if letter == "N" and len(number) == 1:
        return True
    if text.upper() in WELL_LIKE_LINES:
        return not has_line
    if letter == "C" and _IMAGEJ.match(name.stem) and slot.place == 0:
        return True
    return text[0] in "cfh" and name.stem != name.stem.lower()


def _has_line(name: NameCandidates) -> bool:
    return any(token.kind == "line" or is_known_line(token.text) for token in name.tokens)


def in_words(name: NameCandidates, option: int) -> str:
    """One option of a doubtful name in words, `well D05, the melanoma line B16`."""
    has_line = _has_line(name)
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
        role = role_of(slot, slot.place > chosen.place, has_line)
        words.append(f"{slot.text} unexplained" if role is None else role[1])
    if option == NO_WELL:
        words.append("no well")
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
        if rivals(slot, chosen):
            _explain(slot, reading, clock)
    for place, token in enumerate(name.tokens):
        kind = token.kind
        if kind == "channel":
            reading.channel = token.text
        elif kind == "z":
            reading.z = int(number_of(token.text))
        elif kind == "field":
            reading.field = int(number_of(token.text))
        elif kind == "plate":
            reading.plate = token.text
        elif kind in ("number", "image"):
            if place > chosen.place and not _is_tail(name, place):
                reading.part = int(_DIGITS.findall(token.text)[-1])
            elif place > chosen.place:
                words.append(token.text)
            elif labels:  # `OVCAR-3`, `exp 2`; a number in front of everything counts pictures
                labels.append(token.text)
        elif (
            kind in ("label", "line")
            or (kind == "word" and place < chosen.place)
            or (place in others and (token.text[0] in "NnPpRr" or is_line(token.text)))
        ):
            labels.append(token.text)
        elif kind == "word":
            words.append(token.text)
    reading.label, reading.words = "_".join(labels), "_".join(words)
    return reading


def _is_tail(name: NameCandidates, place: int) -> bool:
    """Whether a number belongs to the word before it, as in `IL-2`, and counts nothing."""
    if place == 0 or name.tokens[place - 1].kind != "word":
        return False
    before, token = name.tokens[place - 1], name.tokens[place]
    glued = name.stem[before.end : token.start] == "-"
    return glued and before.text.lower() not in _COUNTERS


def _explain(slot: Slot, reading: Reading, clock: Clock) -> None:
    """Let the slots that aren't the well say what they say."""
    letter, digits = slot.text[0].upper(), slot.text[1:]
    if not digits.isdecimal() or slot.text.upper() in WELL_LIKE_LINES:
        return
    number = int(digits)
    if letter == "D":
        clock.days = 24.0 * number if clock.days is None else clock.days
    elif letter == "H" and number in (0, 24):
        clock.hours = float(number) if clock.hours is None else clock.hours
    elif letter in "CW":
        reading.channel = slot.text
    elif letter in "FS":
        reading.field = number
    elif letter == "Z":
        reading.z = number
    elif letter == "T":
        clock.index = number
