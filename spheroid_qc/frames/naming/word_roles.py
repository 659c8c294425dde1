"""What the words beside the well say, by how they change with it.

A letter and a number (`D3`, `T1`, `C2`, `F12`) say a time, a channel or a field only where the
folder bears it out: such words change from image to image of one well. Where each well has a single
one they are names of what is in it (donors, compounds, cell lines): as channels, fields and planes
they say nothing, and as times they are asked about. Of several times in a name the one that changes
counts; where that does not tell, both are shown. Other letters behind the well (`P1 P2`) may tell
fields or plates apart, and are asked about.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from spheroid_qc.frames.naming.generic_names import NO_WELL, NameCandidates
from spheroid_qc.frames.naming.tokens import number_of
from spheroid_qc.frames.naming.well_lookalikes import is_line, rivals
from spheroid_qc.wells import Well

MOST_DAYS = 31
"""Spheroids are followed for days to weeks: a `D54` or `J82` that never changes is a name."""

MIN_WELLS = 4
"""Fewer wells do not show that a word goes with the well."""

STRAYS = 0.25
"""Largest share of names that may be of another kind without a meaning."""

_TIMES = frozenset("DJHT")
_PLACES = frozenset("CFSWXYZ")
_LETTERED = frozenset({"index", "field", "channel", "z"})
_DAYS = frozenset({"days", "days_short", "weeks"})
_HOURS = frozenset({"hours", "minutes", "elapsed"})
_STATED = _DAYS | _HOURS | {"index", "stamp", "stamp_words", "stamp_european", "stamp_month"}
_NOTHING: frozenset[int] = frozenset()


def settle_roles(names: Iterable[NameCandidates]) -> None:
    """Give the words beside the well the meaning that the folder leaves.

    `names` are all that no instrument wrote; those with one well get in `ignored` the positions
    that say nothing, and in `choices` what of them has to be asked.
    """
    groups: dict[tuple[object, ...], list[NameCandidates]] = defaultdict(list)
    silent = total = 0
    for one in names:
        total += 1
        if len(one.options) == 1 and one.options[0] != NO_WELL:
            silent += not one.states_time()
            groups[one.make, one.slots[one.options[0]].place, len(one.slots)].append(one)
    for same in groups.values():
        timeless = silent - sum(not one.states_time() for one in same)
        _Roles(same, partial=timeless > STRAYS * total).settle()


class _Roles:
    """Names of one make whose well stands at one position.

    `partial`: many other names of the folder state no time.
    """

    def __init__(self, names: Sequence[NameCandidates], partial: bool) -> None:
        self.names = names
        self.partial = partial
        self.wells: list[Well | None] = [one.slots[one.options[0]].well for one in names]
        first = names[0]
        well = self.well = first.slots[first.options[0]].place
        kinds = {
            place: token.kind
            for place, token in zip(first.places, first.tokens, strict=True)
            if place != well
        }
        letters = {
            place
            for place, token in zip(first.places, first.tokens, strict=True)
            if token.kind in _LETTERED and token.text[1:].isdecimal() and place != well
        }
        self.stated = {
            place: kind for place, kind in kinds.items() if kind in _STATED and place not in letters
        }
        self.lettered = letters | {
            slot.place
            for one in names
            for slot in one.slots
            if slot.place in one.apart or rivals(slot, one.slots[one.options[0]])
        }

    def settle(self) -> None:
        """Settle all positions."""
        below = self.names[0].facts.clock
        folders = below.hours is not None or below.days is not None
        if not self.lettered and len(self.stated) < 2 and not (self.stated and folders):
            return
        columns = {place: self._column(place) for place in {*self.lettered, *self.stated}}
        changing = {place for place, texts in columns.items() if self._changes(texts)}
        moving = changing & self.stated.keys()
        quiet, choices = self._stated_times(columns, moving)
        timed = bool(moving) or self._folders_move()
        for place in sorted(self.lettered):
            if self._is_bound(place):
                quiet.add(place)
                continue
            letter, values = self._main_letter(columns[place])
            if letter == "" and values:
                quiet.add(place)  # one position has one meaning
            elif letter in _PLACES:
                if place not in changing and len(values) > 1 and len(set(self.wells)) >= MIN_WELLS:
                    quiet.add(place)
                elif letter == "W" and place in changing and self._may_be_weeks(values):
                    choices = choices or (_NOTHING, frozenset({place}))
            elif letter.isalpha() and letter not in "NR" and letter not in _TIMES:
                if place > self.well and place in changing:
                    choices = choices or (_NOTHING, frozenset({place}))
            elif letter in _TIMES:
                role = self._time_or_name(letter, values, place in changing, timed)
                if role == "name":
                    quiet.add(place)
                elif role == "open":
                    choices = choices or (_NOTHING, frozenset({place}))
        for one in self.names:
            one.moves = bool(moving)
            if quiet:
                one.ignored |= quiet
                one.read_clock()
            one.choices = choices

    def _is_bound(self, place: int) -> bool:
        """Whether a hyphen joins the words at a position to those before."""
        slots = [slot for one in self.names for slot in one.slots if slot.place == place]
        return bool(slots) and all(slot.bound for slot in slots)

    def _names_treatment(self, place: int) -> bool:
        """Whether a hyphen joins a time to a word behind it, `24h-gem`, as no others are joined."""
        one = self.names[0]
        at = one.places.index(place)
        if at + 1 >= len(one.tokens) or one.tokens[at + 1].kind not in ("word", "line"):
            return False
        joints = [one.stem[a.end : b.start] for a, b in pairwise(one.tokens)]
        return joints[at] == "-" and set(joints) > {"-"}

    def _column(self, place: int) -> list[str]:
        """Word of each name at a position."""
        column = []
        for one in self.names:
            text = next((slot.text for slot in one.slots if slot.place == place), "")
            if not text and place >= 0:
                text = one.tokens[one.places.index(place)].text
            column.append(text)
        return column

    def _main_letter(self, texts: Sequence[str]) -> tuple[str, set[str]]:
        """Letter of the words at a position and those with it; empty if there are several."""
        counts = Counter(text[:1].upper() for text in texts)
        main = {letter for letter, count in counts.items() if count > STRAYS * len(texts)}
        values = {text.upper() for text in texts if text[:1].upper() in main and text}
        if len(main) > 1 and main & _TIMES:
            return "", values
        letter = main.pop() if len(main) == 1 else "?"
        if all(map(is_line, values)) or not all(text[1:].isdecimal() for text in values):
            return "?", values
        return letter, values

    def _changes(self, texts: Sequence[str]) -> bool:
        """Whether some well has several words at a position."""
        seen: dict[Well | None, str] = {}
        return any(
            seen.setdefault(well, text) != text
            for well, text in zip(self.wells, texts, strict=True)
        )

    def _folders_move(self) -> bool:
        """Whether folders tell several times of a well."""
        clocks = [one.facts.clock for one in self.names]
        times = [f"{one.hours} {one.days} {one.index} {one.acquired_at}" for one in clocks]
        return len(set(times)) > 1 and self._changes(times)

    def _may_be_weeks(self, values: set[str]) -> bool:
        """Whether `W0 W1 W3` count weeks: wavelengths count from 1, and with padded wells."""
        numbers = {number_of(text) for text in values}
        if 0 in numbers:
            return True
        texts = {one.slots[one.options[0]].text for one in self.names}
        sites = "field" in self.names[0].make
        return len(values) > 2 and not sites and any(len(text) == 2 for text in texts)

    def _time_or_name(self, letter: str, values: set[str], changes: bool, timed: bool) -> str:
        """Whether words such as `D3` are a `time`, a `name`, or `open` to both."""
        large = letter in "DJ" and max(map(number_of, values)) > MOST_DAYS
        constant = len(values) == 1
        if constant and large:
            return "name"
        if timed:
            if letter in "DJ" and self._within_days() and (constant or changes):
                return "open"  # `D3 6h` is one time of two words, or donor 3
            return "time" if changes else "name"
        if changes:
            return "time"
        hours = max(map(number_of, values))
        if letter == "H" and hours % 6 == 0 and hours % 24:
            return "open"  # one `H12` for all: where nothing else moves, plates wait whole days
        return "time" if constant and not self.partial else "open"

    def _within_days(self) -> bool:
        """Whether other words tell hours of a day, so that they and a day make one time."""
        clocks = (
            one.clock if one.clock.hours is not None else one.facts.clock for one in self.names
        )
        hours = [one.hours for one in clocks if one.hours is not None]
        return bool(hours) and max(hours) < 24

    def _stated_times(
        self, columns: dict[int, list[str]], moving: set[int]
    ) -> tuple[set[int], tuple[frozenset[int], ...]]:
        """Find the times that say nothing where there are several, and what has to be asked."""
        days = {place for place, kind in self.stated.items() if kind in _DAYS}
        hours = {place for place, kind in self.stated.items() if kind in _HOURS}
        if len(days | hours) < 2:
            return set(), ()
        bound = set(filter(self._names_treatment, days | hours))
        if bound and bound < days | hours:
            return bound, ()
        moving = moving & (days | hours)
        if len(moving) == 1:
            both = moving <= hours and self._within_days()  # `Day 3 12h` is one time of two words
            if both:  # but `4D` is a kind of imaging
                days = {place for place in days if columns[place][0].endswith("D")}
                hours |= {place for place in days if self.stated[place] == "days_short"}
            return (hours if both else days | hours) - moving, ()
        for alike in (sorted(hours), sorted(days)):
            if len(alike) > 1 and any(
                number_of(one) != number_of(other)
                for one, other in zip(columns[alike[0]], columns[alike[-1]], strict=True)
            ):
                return set(), (frozenset(alike[:1]), frozenset(alike[1:]))
        return set(), ()
