"""Read file names: the user's pattern, else a vendor's scheme, else a bare well, else not at all.

A name is read for itself first and then in the light of the whole folder. Whatever stays open
is `doubtful`, with its possible readings in words; nothing is guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from spheroid_qc.frames.ignored_files import reason_to_ignore, split_suffix
from spheroid_qc.frames.naming.disambiguation import resolve_ambiguous
from spheroid_qc.frames.naming.folder_names import FolderFacts, read_folder
from spheroid_qc.frames.naming.generic_names import NameCandidates, candidate, finish, in_words
from spheroid_qc.frames.naming.instrument_schemes import read_vendor
from spheroid_qc.frames.naming.parsed_name import NameReading, Reading
from spheroid_qc.frames.naming.tokens import Clock
from spheroid_qc.frames.naming.user_pattern import NamePattern
from spheroid_qc.wells import fits

_COPY = re.compile(r"(?: - (?:Copy|Kopie|Copie|Copia))?(?: ?\(([0-9]{1,3})\))?$", re.IGNORECASE)
_NO_CLOCK = Clock()
_ADVICE = "give --name-pattern to settle it, or rename the file."


def read_names(
    paths: Sequence[str],
    pattern: NamePattern | None = None,
    well_count: int | None = None,
    above: str = "",
) -> list[NameReading]:
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

    Returns
    -------
    list of NameReading
        In the order of the paths; the order has no influence on the readings.
    """
    reader = _NameReader(paths, pattern, well_count, above)
    results = [reader.read(path) for path in paths]
    reader.finish()
    return results


class _NameReader:
    """State of one pass over a folder: folders already read, ambiguous names."""

    def __init__(
        self,
        paths: Iterable[str],
        pattern: NamePattern | None,
        well_count: int | None,
        above: str,
    ) -> None:
        self.paths = frozenset(paths)
        self.pattern = pattern
        self.well_count = well_count
        self.above = above
        self.folders: dict[str, FolderFacts] = {}
        self.candidates: list[tuple[NameReading, NameCandidates, int | None]] = []

    def facts(self, folder: str) -> FolderFacts:
        found = self.folders.get(folder)
        if found is None:
            found = self.folders[folder] = read_folder(folder)
        return found

    def read(self, path: str) -> NameReading:
        """Read a path as far as it goes without its neighbours."""
        text = path.replace("\\", "/") if "\\" in path else path
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        folder, _, name = text.rpartition("/")
        result = NameReading(path, "unread")
        ignored = reason_to_ignore(name)
        if ignored is not None:
            result.kind, result.message = ignored
            return result
        facts = self.facts(folder)
        if self.pattern is not None:
            found = self.pattern.read(text)
            if isinstance(found, str):
                result.message = found
            else:
                self._take(result, found, facts)
            return result
        stem, number = self._without_copy(split_suffix(name)[0], path)
        if not stem:
            result.message = "The name has no words to read; rename the file."
            return result
        vendor = read_vendor(stem, f"{self.above}/{folder}" if self.above else folder)
        if vendor is not None:
            self._complete(vendor, facts, _NO_CLOCK)
            self._take(result, vendor, facts)
            return result
        self.candidates.append((result, candidate(stem, facts, self.well_count), number))
        return result

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

    def _complete(self, reading: Reading, facts: FolderFacts, clock: Clock) -> None:
        """Fill in from the folders what the name leaves open."""
        below = facts.clock
        if reading.hours is None and reading.acquired_at is None:
            reading.hours, reading.hours_from, conflict = clock.elapsed(below)
            if conflict:
                reading.conflict = (
                    f"The name and its folders state two times, {conflict}: the file is left out; "
                    "rename it or its folder."
                )
        if reading.acquired_at is None:
            reading.acquired_at = clock.acquired_at
        if reading.scheme != "incucyte_raw":
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
        if reading.scheme != "incucyte_raw":
            result.plate_folder, result.plate_folder_short = facts.plate(reading.well, explained)

    def finish(self) -> None:
        """Read the ambiguous names in the light of one another."""
        if any(
            slot.well is not None and slot.well.row >= 26
            for _, name, _ in self.candidates
            for slot in name.slots
        ):  # rows AA to AF: a 1536-well plate, whose rows Q to Z are to be expected too
            self.candidates = [
                (result, candidate(name.stem, name.facts, self.well_count, wide=True), number)
                for result, name, number in self.candidates
            ]
        resolve_ambiguous([name for _, name, _ in self.candidates], self.well_count)
        for result, name, number in self.candidates:
            self._close(result, name, number)

    def _close(self, result: NameReading, name: NameCandidates, number: int | None) -> None:
        if len(name.options) > 1:
            result.kind = "doubtful"
            words = tuple(in_words(name, option) for option in name.options)
            result.alternatives = words
            result.message = f"It can be read as {' or as '.join(words)}: left out; {_ADVICE}"
            return
        reading = finish(name)
        if reading is None:
            where = f": {name.resolved}" if name.resolved else " in the name"
            result.message = f"No well was found{where}; {_ADVICE}"
            return
        if number is not None:
            reading.part = number
        self._complete(reading, name.facts, name.clock)
        chosen = name.slots[name.options[0]]
        explained = frozenset(
            slot.text
            for slot in name.slots
            if slot.place < 0 and slot is not chosen and slot.text[:1] in "DdCcFf"
        )
        self._take(result, reading, name.facts, explained)
        result.message = name.resolved
