"""Read file names: the user's pattern, else a vendor's scheme, else a bare well, else not at all.

A name is read for itself first and then in the light of the whole folder. Whatever stays open
is `doubtful`, with its possible readings in words; nothing is guessed.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from spheroid_qc.frames.ignored_files import reason_to_ignore, split_suffix
from spheroid_qc.frames.naming.folder_names import FolderFacts, join_rows, read_folder
from spheroid_qc.frames.naming.generic_names import (
    INSIDE,
    NO_WELL,
    NameCandidates,
    candidate,
    choice_in_words,
    explain_folders,
    finish,
    in_words,
    is_beyond_z,
    is_lettered_day,
    mark_constants,
    mark_dated,
    mark_running,
    prepare,
    split_lines,
)
from spheroid_qc.frames.naming.instrument_schemes import (
    ASKING,
    VendorMatch,
    folders_of,
    match_vendor,
)
from spheroid_qc.frames.naming.name_doubts import (
    NameDoubt,
    PossibleReading,
    pattern_of,
    possible_reading,
)
from spheroid_qc.frames.naming.parsed_name import NameReading, Reading
from spheroid_qc.frames.naming.positions import settle_positions
from spheroid_qc.frames.naming.tokens import Clock, Token, number_of, tokenise
from spheroid_qc.frames.naming.user_pattern import NamePattern
from spheroid_qc.frames.naming.well_position import choose_wells
from spheroid_qc.frames.naming.word_roles import may_count_donors, settle_roles
from spheroid_qc.wells import fits

_COPY = re.compile(r"(?: - (?:Copy|Kopie|Copie|Copia))?(?: ?\(([0-9]{1,3})\))?$", re.IGNORECASE)
_DERIVED = re.compile(
    r"(?:MAX|AVG|SUM|STD|MED|MIN)_|(?:Drawing|Count Masks|Masks?|Outlines|Labels) of "
    r"|[Pp]review[ _-]"
)
_REPLICATE = re.compile("r[0-9]{1,2}", re.IGNORECASE)
_NO_CLOCK = Clock()
_ADVICE = "give --name-pattern to settle it, or rename the file."
_FOLDER_ADVICE = "give --name-pattern to settle it, or call the folders 'Day 1' or 'Plate 1'."


@dataclass(frozen=True, slots=True)
class FolderReading:
    """All names of a folder: `names` in the order of the paths, in no order of importance.

    `notes` are finished sentences about what could be meant otherwise; `doubts` has each group of
    names that is left out because the folder does not tell between two readings.
    """

    names: tuple[NameReading, ...]
    notes: tuple[str, ...] = ()
    doubts: tuple[NameDoubt, ...] = ()


def read_folder_names(
    paths: Sequence[str],
    pattern: NamePattern | None = None,
    well_count: int | None = None,
    above: str = "",
    *,
    are_files: bool = True,
) -> FolderReading:
    """Read all paths of a folder together.

    Parameters
    ----------
    paths : sequence of str
        Below the folder; forward or backward slashes.
    pattern : NamePattern or None
        The user's own pattern; it alone decides then.
    well_count : int or None
        Wells on the plate, 6 to 1536, if known.
    above : str
        Names of the folder itself and of those above it, for schemes that keep the time there.
    are_files : bool
        False: paths end with names of images inside files, which have no suffix.

    Returns
    -------
    FolderReading
        Names in the order of the paths; the order has no influence on the readings.

    Raises
    ------
    RequestError
        If searching the names for the pattern does not come to an end.
    """
    if pattern is not None and paths:
        pattern.try_on([_plain(path) for path in paths])
    reader = _NameReader(paths, pattern, well_count, above, are_files=are_files)
    results = tuple(reader.open(path) for path in paths)
    reader.finish()
    return FolderReading(results, tuple(reader.notes), tuple(reader.doubts))


def read_names(
    paths: Sequence[str],
    pattern: NamePattern | None = None,
    well_count: int | None = None,
    above: str = "",
) -> list[NameReading]:
    """Read all paths of a folder together, as `read_folder_names`, and give the names alone."""
    return list(read_folder_names(paths, pattern, well_count, above).names)


def _plain(path: str) -> str:
    """Write a path with `/`, and composed letters, whatever system the files come from."""
    text = path.replace("\\", "/") if "\\" in path else path
    return text if text.isascii() else unicodedata.normalize("NFC", text)


@dataclass(slots=True)
class _Opened:
    """A name that is being read: its words, or what an instrument says in it.

    `match` is the scheme that it fits, as long as its words may say something else.
    """

    result: NameReading
    text: str
    folder: str
    stem: str
    number: int | None = None
    vendor: Reading | None = None
    match: VendorMatch | None = None
    tokens: list[Token] = field(default_factory=list)


class _NameReader:
    """State of one pass over a folder: words of names and folders, names that are open."""

    def __init__(
        self,
        paths: Iterable[str],
        pattern: NamePattern | None,
        well_count: int | None,
        above: str,
        *,
        are_files: bool,
    ) -> None:
        self.are_files = are_files
        self.paths = frozenset(map(_plain, paths))
        self.pattern = pattern
        self.well_count = well_count
        self.above = above
        self.folders: dict[str, FolderFacts] = {}
        self.stems: list[str] = []
        self.names: list[_Opened] = []
        self.notes: list[str] = []
        self.doubts: list[NameDoubt] = []

    def open(self, path: str) -> NameReading:
        """Read a path as far as it goes without its neighbours."""
        text = _plain(path)
        folder, _, name = text.rpartition("/")
        result = NameReading(path, "unread")
        ignored = reason_to_ignore(name) if self.are_files else None
        if ignored is not None:
            result.kind, result.message = ignored
            return result
        if self.pattern is not None:
            found = self.pattern.read(text)
            if isinstance(found, str):
                result.message = found
            else:
                self.names.append(_Opened(result, text, folder, name, vendor=found))
            return result
        stem = split_suffix(name)[0] if self.are_files else name
        if self._is_derived(folder, stem):
            result.kind, result.message = (
                "stray",
                ("Made from other images of the folder by a program; it is left out."),
            )
            return result
        stem, number = self._without_copy(stem, text)
        if not stem:
            result.message = "The name has no words to read; rename the file."
            return result
        one = _Opened(result, text, folder, stem, number)
        match = match_vendor(stem, f"{self.above}/{folder}" if self.above else folder)
        if match is None or match.is_open(stem):
            one.match, one.tokens = match, tokenise(stem)
        else:
            one.vendor = match.reading
        self.names.append(one)
        return result

    def _is_derived(self, folder: str, stem: str) -> bool:
        """Whether a name is that of an image or stack in its folder with `MAX_` and the like."""
        match = _DERIVED.match(stem)
        if match is None:
            return False
        if not self.stems:
            self.stems = sorted(split_suffix(path)[0] for path in self.paths)
        rest = f"{folder}/{stem[match.end() :]}" if folder else stem[match.end() :]
        at = bisect_left(self.stems, rest)
        return at < len(self.stems) and (
            self.stems[at] == rest
            or self.stems[at].startswith((f"{rest}_", f"{rest}-", f"{rest} "))
        )

    def _without_copy(self, stem: str, path: str) -> tuple[str, int | None]:
        """Take `(2)` or ` - Copy` off; the number counts unless the original is there too."""
        match = _COPY.search(stem)
        if match is None or not match[0]:
            return stem, None
        plain = stem[: match.start()]
        original = path[: path.rindex(stem)] + plain + path[path.rindex(stem) + len(stem) :]
        number = int(match[1]) if match[1] and original not in self.paths else None
        # `A - 01(fld 1)` and the like don't match: only digits stand in the brackets.
        return plain, number

    def _complete(
        self, reading: Reading, facts: FolderFacts, clock: Clock, moves: bool = False
    ) -> None:
        """Fill in from the folders what the name leaves open."""
        below = facts.clock
        if reading.hours is None and reading.acquired_at is None:
            reading.hours, reading.hours_from, conflict = clock.elapsed(below, moves)
            if conflict:
                reading.conflict = (
                    f"The name and its folders state two times, {conflict}: the file is left out; "
                    "rename it or its folder."
                )
        if reading.acquired_at is None:
            reading.acquired_at = clock.acquired_at
        if folders_of(reading.scheme) >= 0:
            reading.folder_acquired_at = below.acquired_at
        if reading.index is None:
            reading.index = clock.index if clock.index is not None else below.index
        if not reading.channel:
            reading.channel = facts.channel
        if reading.z is None:
            reading.z = facts.z
        if reading.field is None:
            reading.field = facts.field

    def _take(
        self,
        result: NameReading,
        reading: Reading,
        facts: FolderFacts,
        explained: frozenset[str] = frozenset(),
    ) -> None:
        if reading.scheme == "pattern":
            self._complete(reading, facts, _NO_CLOCK)
        if self.well_count is not None and not fits(reading.well, self.well_count):
            reading.conflict = (
                f"Well {reading.well.name} does not exist on a plate of {self.well_count} wells: "
                "the file is left out; correct the name or the number of wells."
            )
        result.kind, result.reading = "read", reading
        if folders_of(reading.scheme) >= 0 and not reading.one_plate:
            result.plate_folder, result.plate_folder_short = facts.plate(reading.well, explained)

    def finish(self) -> None:
        """Settle words and wells over the folder, then read every name."""
        generic = [one for one in self.names if one.vendor is None]
        self._read_folders()
        self._prepare(generic)
        candidates = [
            candidate(
                one.stem,
                one.tokens,
                self.folders[one.folder],
                self.well_count,
                self.wide,
                replicates=self.replicates,
                vendor=one.match,
            )
            for one in generic
        ]
        mark_constants(candidates)
        mark_dated(candidates)
        choose_wells(candidates, self.well_count)
        settle_roles(candidates)
        mark_running(candidates)
        for one, name in zip(generic, candidates, strict=True):
            if one.match is not None and name.is_as_vendor() and (name.marked or not name.choices):
                one.vendor = one.match.reading
            else:
                self._close(one.result, name, one.number)
        self._show_doubts(generic, candidates)
        for one in self.names:
            if one.vendor is not None:
                facts = self._facts_above(one, one.vendor)
                clock, explained = explain_folders(facts, one.vendor.well)
                if one.vendor.scheme != "pattern":
                    self._complete(one.vendor, facts, clock)
                self._take(one.result, one.vendor, facts, explained)
        join_rows([one.result for one in self.names])
        vendors = [one for one in self.names if one.vendor is not None]
        self._ask_days(vendors)
        self._date_prefixes(vendors)
        self._settle_vendors(vendors)

    def _facts_above(self, one: _Opened, reading: Reading) -> FolderFacts:
        """Give what the folders say that are no part of an instrument's name."""
        levels = folders_of(reading.scheme)
        parts = one.folder.split("/")
        return self.folders["/".join(parts[:-levels]) if levels > 0 else one.folder]

    def _ask_days(self, names: Iterable[_Opened]) -> None:
        """Ask whether folders `D1 D2 D3` above names of instruments are days or plates."""
        asked: list[_Opened] = []
        days: set[str] = set()
        others: set[float | None] = set()
        for one in names:
            reading = one.vendor
            if reading is None or reading.scheme == "pattern":
                continue
            facts = self._facts_above(one, reading)
            own = {text for text in facts.slots if is_lettered_day(text)}
            timed = reading.hours_from == "elapsed" or reading.acquired_at is not None
            if own and not timed and not facts.clock.knows_time:
                asked.append(one)
                days |= own
            elif not own:
                others.add(facts.clock.days)
        if not may_count_donors(days, others):
            return
        asked.sort(key=lambda one: one.text)
        shown = ", ".join(sorted(days, key=number_of))
        roles = tuple(f"{what} in the folders {shown}" for what in ("days", "plates"))
        possible = self._days_or_plates(asked, roles)
        self.doubts.append(NameDoubt(tuple(sorted(one.result.path for one in asked)), possible))
        for one in asked:
            one.vendor = one.result.reading = None
            self._doubt(one.result, roles, _FOLDER_ADVICE)

    def _days_or_plates(
        self, asked: Sequence[_Opened], roles: tuple[str, ...]
    ) -> tuple[PossibleReading, ...]:
        """Both readings, with the patterns that give them where one reads all names as here."""
        first, texts = asked[0], [one.text for one in asked]
        readings = [one.vendor for one in asked if one.vendor is not None]
        wells = {one.well for one in readings}
        hours = {one.hours for one in readings if one.hours is not None}
        days = tuple(f"{time:g} h" for time in sorted(hours))
        shown = tuple(well.name for well in sorted(wells))
        match = match_vendor(first.stem, f"{self.above}/{first.folder}")
        name = candidate(
            first.stem,
            prepare(first.stem, tokenise(first.stem), self.well_count, self.wide),
            self.folders[first.folder],
            self.well_count,
            self.wide,
            vendor=match,
        )
        name.options = [at for at, slot in enumerate(name.slots) if slot.place == name.vendor]
        name.choices = (frozenset(), frozenset(slot.place for slot in name.day_folders()))
        if len(name.options) == 1 and len(name.choices[1]) == 1:
            possible = tuple(
                possible_reading(words, pattern_of(name, name.options[0], silent), texts)
                for words, silent in zip(roles, name.choices, strict=True)
            )
            if all(one.n_read == len(texts) and one.wells == shown for one in possible):
                return possible
        return tuple(
            PossibleReading(words, "", shown, times, (), len(texts))
            for words, times in zip(roles, (days, ()), strict=True)
        )

    def _read_folders(self) -> None:
        levels: dict[int, set[str]] = defaultdict(set)
        for folder in {one.folder for one in self.names}:
            for level, part in enumerate(folder.split("/")):
                levels[level].add(part)
        parts = sorted(set().union(*levels.values()))
        words = {part: prepare(part, tokenise(part)) for part in parts}
        for level in sorted(levels):
            self.notes += settle_positions([(part, words[part]) for part in sorted(levels[level])])
        for one in self.names:
            folder = one.folder
            while folder not in self.folders:
                self.folders[folder] = read_folder(folder, words)
                folder = folder.rpartition("/")[0]

    def _date_prefixes(self, names: list[_Opened]) -> None:
        """Take times out of the prefixes of instruments where that makes them one plate."""
        texts = sorted({one.vendor.plate for one in names if one.vendor and one.vendor.plate})
        words = {text: prepare(text, tokenise(text)) for text in texts if "/" not in text}
        notes = settle_positions(list(words.items()))
        facts = {text: read_folder(text, words) for text in words}
        plates = {text: one.plate(None)[1] for text, one in facts.items()}
        joined = {text for text in plates if list(plates.values()).count(plates[text]) > 1}
        joined = {text for text in joined if facts[text].clock != Clock()}
        if not joined:
            return
        self.notes += notes
        for one in names:
            reading = one.vendor
            if reading is not None and reading.plate in joined and reading.scheme != "pattern":
                below = facts[reading.plate]
                reading.plate = plates[reading.plate]
                self._complete(reading, below, _NO_CLOCK)

    def _prepare(self, names: list[_Opened]) -> None:
        # Rows AA to AF: a 1536-well plate, whose rows Q to Z are to be expected too.
        self.wide = self.well_count == 1536 or any(
            token.kind == "slot" and is_beyond_z(token.text)
            for one in names
            for token in one.tokens
        )
        b16 = any(
            token.text.upper() == "B16" and following.kind == "slot"
            for one in names
            for token, following in pairwise(one.tokens)
        )
        self.replicates = any(
            _REPLICATE.fullmatch(token.text) and following.kind == "slot"
            for one in names
            for token, following in pairwise(one.tokens)
        )
        for one in names:
            if (b16 or len(one.tokens) <= 2) and any(token.kind == "line" for token in one.tokens):
                one.tokens = split_lines(one.tokens)
            one.tokens = prepare(one.stem, one.tokens, self.well_count, self.wide)
        self.notes += settle_positions([(one.stem, one.tokens) for one in names])

    def _show_doubts(self, opened: list[_Opened], names: list[NameCandidates]) -> None:
        groups: dict[tuple[object, ...], list[tuple[_Opened, NameCandidates]]] = defaultdict(list)
        for one, name in zip(opened, names, strict=True):
            if one.result.kind == "doubtful":
                places = tuple(
                    NO_WELL if option == NO_WELL else name.slots[option].place
                    for option in name.options
                )
                groups[name.make, places, name.choices].append((one, name))
        for group in groups.values():
            # A name that shows the readings best: `A1_B2` rather than `A1_A1`.
            first, name = min(
                group, key=lambda pair: (-len(set(pair[0].result.alternatives)), pair[0].text)
            )
            texts = [one.text for one, _ in group]
            ways = [(option, frozenset[int]()) for option in name.options]
            if len(ways) == 1:
                ways = [(name.options[0], silent) for silent in name.choices]
            self.doubts.append(
                NameDoubt(
                    tuple(sorted(one.result.path for one, _ in group)),
                    tuple(
                        possible_reading(words, pattern_of(name, *way), texts)
                        for words, way in zip(first.result.alternatives, ways, strict=True)
                    ),
                )
            )
        self.doubts.sort(key=lambda doubt: doubt.paths[0])

    def _settle_vendors(self, names: list[_Opened]) -> None:
        """Ask what instruments leave open, and count what they number through."""
        groups: dict[tuple[object, ...], list[_Opened]] = defaultdict(list)
        for one in names:
            reading = one.vendor
            if reading is not None and (reading.sequence is not None or reading.scheme in ASKING):
                place = (reading.well, reading.field, reading.channel, reading.z, reading.index)
                groups[reading.scheme, one.result.plate_folder, reading.plate, *place].append(one)
        asked: dict[str, list[_Opened]] = defaultdict(list)
        for key, group in groups.items():
            scheme = str(key[0])
            readings = [one.vendor for one in group if one.vendor is not None]
            sequences = sorted({one.sequence for one in readings if one.sequence is not None})
            if len(sequences) > 1:
                for reading in readings:
                    if reading.sequence is not None:
                        reading.index = sequences.index(reading.sequence)
            counters = {one.counter for one in readings if one.sequence is None}
            if scheme in ASKING and (None in counters or len(counters) > 1):
                asked[scheme] += group
        for scheme in sorted(asked):
            if any(
                one.vendor is not None and one.vendor.counter is not None for one in asked[scheme]
            ):
                asked[scheme] = [
                    one for one in names if one.vendor is not None and one.vendor.scheme == scheme
                ]
            self._ask(asked[scheme], ASKING[scheme])

    def _ask(self, names: list[_Opened], readings: tuple[tuple[str, str], ...]) -> None:
        texts = [one.text for one in names]
        possible = tuple(possible_reading(words, pattern, texts) for words, pattern in readings)
        words = tuple(one.words for one in possible)
        self.doubts.append(NameDoubt(tuple(sorted(one.result.path for one in names)), possible))
        for one in names:
            one.result.kind, one.result.reading = "doubtful", None
            one.result.alternatives = words
            one.result.message = (
                f"The instrument does not say what it counts: {' or '.join(words)}: left out; "
                f"{_ADVICE}"
            )

    def _doubt(self, result: NameReading, words: tuple[str, ...], advice: str = _ADVICE) -> None:
        result.kind, result.alternatives = "doubtful", words
        result.message = f"It can be read as {' or as '.join(words)}: left out; {advice}"

    def _close(self, result: NameReading, name: NameCandidates, number: int | None) -> None:
        if len(name.options) > 1:
            self._doubt(result, tuple(in_words(name, option) for option in name.options))
            return
        if name.choices and name.options and name.options[0] != NO_WELL:
            asked = frozenset[int]().union(*name.choices)
            folder = any(slot.place in asked for slot in name.day_folders())
            self._doubt(
                result,
                tuple(choice_in_words(name, one) for one in name.choices),
                _FOLDER_ADVICE if folder else _ADVICE,
            )
            return
        reading = finish(name)
        if reading is None:
            where = f": {name.resolved}" if name.resolved else " in the name"
            result.message = f"No well was found{where}; {_ADVICE}"
            return
        if number is not None:
            reading.part = number
        name.read_time_of_day()
        self._complete(reading, name.facts, name.clock, name.moves)
        chosen = name.slots[name.options[0]]
        explained = frozenset(
            slot.text
            for slot in name.slots
            if slot.place < 0
            and slot is not chosen
            and slot.text[:1] in ("CcFf" if slot.place in name.ignored else "DdCcFf")
        )
        if INSIDE <= chosen.place < INSIDE + len(name.facts.inside):
            explained |= {name.facts.inside[chosen.place - INSIDE][0]}
        self._take(result, reading, name.facts, explained)
        result.message = name.resolved
