"""Which position of a make holds the well, weighed over all names that have it.

Each position that looks like wells may be *the* well; the others must then be explained, each by
one meaning for all its values. What is unexplained costs 1, an explanation less
(`well_lookalikes`), and to that the folder adds:

* a position that never changes costs the less, the more wells the other one has;
* values of several rows, several each, look like a plate: leaving them unexplained costs more;
* where values can be no well (`D0`, `D28`), the position holds none;
* a well where the scheme of an instrument has it costs less than another.

The cheapest reading wins if no other comes within `MARGIN`, else all that do are shown; a reading
that leaves a plate unexplained wins never. Names that differ in words (a drug a row) are weighed
together where they have wells of a plate in great number, else names of the same words.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from spheroid_qc.frames.naming.generic_names import (
    NO_WELL,
    NameCandidates,
    has_line,
    is_split,
)
from spheroid_qc.frames.naming.known_words import WELL_LIKE_LINES
from spheroid_qc.frames.naming.positions import Make, are_hours
from spheroid_qc.frames.naming.well_lookalikes import (
    LOOSE,
    Slot,
    is_unexplained,
    role_letter,
    role_of,
)
from spheroid_qc.wells import Well, fits, smallest_format

MARGIN = 0.25
"""A reading wins if all others cost at least this much more; an unexplained word costs 1."""

MIN_SURE = 2
MIN_CHANGING = 3
MIN_POOLED_WELLS, MIN_POOLED_ROWS = 12, 3
ROW_COST = 0.25
VENDOR, VENDOR_MARKED = 0.25, 1.25
"""Cost of another well than that of the instrument's scheme which a name fits: less than a word
that nothing explains, or, where the name has what only the instrument writes, more."""

MOST_CHANNELS = 4
LETTERS_OF_96, COLUMNS_OF_96 = 8, 12
STRAYS = 0.25
"""Largest share of names that may have something else at a position: they are strays."""


def choose_wells(candidates: Iterable[NameCandidates], well_count: int | None = None) -> None:
    """Give every name the options for its well that the folder leaves.

    `candidates` are all names of the folder that no instrument wrote; their `options` and
    `resolved` are set. `well_count`: wells on the plate if the user said so.
    """
    pooled: dict[tuple[object, ...], list[NameCandidates]] = defaultdict(list)
    wordless: dict[Make, list[NameCandidates]] = defaultdict(list)  # by shape
    for one in candidates:
        if not one.slots:
            wordless[one.shape()].append(one)
        if one.fixed or not one.slots:
            continue
        pooled[one.make, tuple(slot.place for slot in one.slots if slot.place < 0)].append(one)
    weighed: list[_Weighing] = []
    for names in pooled.values():
        together = _Weighing(names) if len(names) >= MIN_POOLED_WELLS else None
        if together is not None and together.is_plate():
            together.decide(well_count)
            weighed.append(together)
            continue
        makes: dict[tuple[str, ...], list[NameCandidates]] = defaultdict(list)
        for one in names:
            makes[one.template].append(one)
        for same in makes.values():
            weighed.append(_Weighing(same))
            weighed[-1].decide(well_count)
    if well_count is None:
        _doubt_numbered(weighed)
        _doubt_mixed(weighed, wordless.values())


def _doubt_numbered(weighed: Iterable[_Weighing]) -> None:
    """Let names have no well where the wells of their shape look like things that are numbered."""
    shapes: dict[tuple[object, ...], list[_Weighing]] = defaultdict(list)
    for one in weighed:
        if len(one.best) == 1:
            shapes[one.best[0], one.names[0].make].append(one)
    for alike in shapes.values():
        if alike[0].is_numbered(set().union(*(one.wells[one.best[0]] for one in alike))):
            for one in alike:
                one.doubt()


def _doubt_mixed(weighed: Iterable[_Weighing], others: Iterable[Sequence[NameCandidates]]) -> None:
    """Let names have no well where many of their shape have there a letter that no plate has.

    `C1 C2 C3 T1 T2 T3` are controls and treated.
    """
    groups = [*(one.names for one in weighed), *others]
    shapes: dict[tuple[str, ...], list[Sequence[NameCandidates]]] = defaultdict(list)
    for names in groups:
        shapes[names[0].shape()].append(names)
    for one in weighed:
        alike = shapes[one.names[0].shape()]
        if len(one.best) != 1 or one.best[0] < 0 or len(alike) < 2:
            continue
        lettered = sum(
            len(names)
            for names in alike
            if names is not one.names and names[0].make[one.best[0]] in ("index", "label", "word")
        )
        if lettered >= MIN_SURE and lettered > STRAYS * sum(map(len, alike)):
            one.doubt()


class _Weighing:
    """Names of one make and the cost of each position as the one that holds the wells."""

    def __init__(self, names: Sequence[NameCandidates]) -> None:
        self.names = names
        self.values: dict[int, dict[str, Slot]] = defaultdict(dict)
        self.counts: dict[int, Counter[str]] = defaultdict(Counter)
        self.days_differ: set[int] = set()
        self._common: dict[int, str] = {}
        self._letters: dict[int, tuple[str, int]] = {}
        self._alike: dict[tuple[int, int], bool] = {}
        self._on_plate: dict[tuple[int, Well], bool] = {}
        self._reasons: dict[int, str] = {}
        self._alone: dict[tuple[object, ...], list[int]] = {}
        for one in names:
            days = one.clock.days if one.clock.days is not None else one.clock.hours
            for slot in one.slots:
                text = slot.text.upper()
                self.values[slot.place].setdefault(text, slot)
                self.counts[slot.place][text] += 1
                number = text[1:] if text[0] == "D" else ""
                if days is not None and number.isdecimal() and days != 24 * int(number):
                    self.days_differ.add(slot.place)
        self.vendors: dict[int, float] = {}
        for place in {one.vendor for one in names if one.vendor is not None}:
            share = [one.marked for one in names if one.vendor == place]
            weight = VENDOR_MARKED if all(share) else VENDOR
            self.vendors[place] = weight * len(share) / len(names)
        self.has_line = all(map(has_line, names))
        self.wells = {
            place: {slot.well for slot in values.values() if slot.well is not None}
            for place, values in self.values.items()
        }
        self.possible = [
            place
            for place, values in self.values.items()
            if sum(self.counts[place][text] for text, slot in values.items() if slot.well is None)
            <= STRAYS * len(names)
        ]
        self.costs = {place: self._cost(place) for place in self.possible}
        self.best = self._best()

    def _best(self) -> list[int]:
        if not self.costs:
            return []
        least = min(self.costs.values())
        best = [place for place in self.possible if self.costs[place] < least + MARGIN]
        if all(map(self._leaves_plate, best)):
            best = self.possible
        if len(best) == 1 and len(self.names) > 1:
            best += [place for place in self.possible if self._is_open(best[0], place)]
        if best == [LOOSE] and self._may_be_replicates():
            best = [LOOSE, *(place for place in self.possible if place != LOOSE)]
        if len(best) > 1 and all(self._same(best[0], place) for place in best[1:]):
            best = best[-1:]  # the file's own word rather than the folder's
        return best

    def _may_be_replicates(self) -> bool:
        """Whether `R1_C2` are few replicates of wells of row C, and not padded as numbers are."""
        texts = self.values[LOOSE]
        return max(well.row for well in self.wells[LOOSE]) < MOST_CHANNELS and not any(
            "0" in text for text in texts
        )

    def _is_open(self, best: int, other: int) -> bool:
        """Whether fewer than two names tell the best reading from another.

        Only where strays may have decided: where a position has a meaning in some names only.
        """
        if not self._rivals(best, other) or not self._letter_of(other)[1]:
            return False
        shares = [self._letter_of(place)[1] for place in (best, other)]
        if not any(0 < count < len(self.names) for count in shares):
            return False
        told = sum(
            self._explains(best, other, name) and not self._explains(other, best, name)
            for name in self.names
        )
        return told < MIN_SURE

    def _explains(self, well: int, place: int, name: NameCandidates) -> bool:
        """Whether a name has at a position what all have there, if another holds the well."""
        if len(self.values[place]) == 1 and len(self.wells[well]) >= MIN_CHANGING:
            return True
        letter, count = self._letter_of(place)
        text = next(slot.text for slot in name.slots if slot.place == place)
        return count > 0 and role_letter(text) == letter

    def _letter_of(self, place: int) -> tuple[str, int]:
        """Letter that explains most names at a position, and how many."""
        if place not in self._letters:
            names: Counter[str] = Counter()
            for text, slot in self.values[place].items():
                if role_of(slot, True, self.has_line) is not None:
                    names[role_letter(text)] += self.counts[place][text]
            self._letters[place] = max(
                ((letter, count) for letter, count in names.items()),
                key=lambda pair: (pair[1], pair[0]),
                default=("", 0),
            )
        return self._letters[place]

    def _leaves_plate(self, well: int) -> bool:
        """Whether a reading leaves unexplained what lies in rows as wells do: then it is none."""
        return any(
            self._other(place, place > well, len(self.wells[well])) > 1
            for place in self.values
            if self._rivals(place, well)
        )

    def _same(self, one: int, other: int) -> bool:
        """Whether both positions have the same well in every name."""
        pair = min(one, other), max(one, other)
        if pair not in self._alike:
            self._alike[pair] = all(
                len({slot.well for slot in name.slots if slot.place in pair}) == 1
                for name in self.names
            )
        return self._alike[pair]

    def _rivals(self, one: int, other: int) -> bool:
        return one != other and LOOSE not in (one, other) and not self._same(one, other)

    def _cost(self, well: int) -> float:
        cost = sum(
            self._other(place, place > well, len(self.wells[well]))
            for place in self.values
            if self._rivals(place, well)
        )
        if LOOSE in self.values and well != LOOSE:
            cost += self._row_cost(LOOSE)
        return cost + sum(cost for place, cost in self.vendors.items() if place != well)

    def _row_cost(self, place: int) -> float:
        """Cost of leaving aside what lies in rows as wells do."""
        wells = self.wells[place]
        return ROW_COST * (len({well.row for well in wells}) - 1) if spread(wells) else 0.0

    def _other(self, place: int, after: bool, n_wells: int) -> float:
        """Cost of a position that doesn't hold the wells while another holds `n_wells`."""
        values = self.values[place]
        days = -1.0 if place in self.days_differ else None
        costs: dict[str, float] = {}
        names: Counter[str] = Counter()
        hours = set(map(role_letter, values)) == {"H"} and are_hours(
            int(text[1:]) for text in values
        )
        for text, slot in values.items():
            role = (0.3, "hour") if hours else role_of(slot, after, self.has_line, days)
            if role is not None:
                letter = role_letter(text)
                costs[letter] = max(role[0], costs.get(letter, 0.0))
                names[letter] += self.counts[place][text]
        share, cost = max(((names[one], -costs[one]) for one in costs), default=(0, -1.0))
        unexplained = 1 - share / len(self.names)
        cost = unexplained - cost if unexplained <= STRAYS else 1 + self._row_cost(place)
        if len(values) == 1 and n_wells >= MIN_CHANGING:
            cost = min(cost, 2 / n_wells)
        return cost

    def is_plate(self) -> bool:
        """Whether one position has wells of a plate in great number, beyond doubt."""
        if len(self.best) != 1:
            return False
        place = self.best[0]
        sure = {
            slot.well
            for slot in self.values[place].values()
            if slot.well is not None and is_unexplained(slot)
        }
        rows = {well.row for well in sure if well is not None}
        return len(sure) >= MIN_POOLED_WELLS and len(rows) >= MIN_POOLED_ROWS

    def decide(self, well_count: int | None) -> None:
        """Set the options of every name."""
        lone = len(self.best) == 1 and not any(
            self._rivals(place, self.best[0]) for place in self.values
        )
        certain = lone and self._certain(self.best[0])
        apart = frozenset(
            place for place in self.values if self.best and self._rivals(place, self.best[0])
        )
        # `DMEM_F12_B02`: a field that never changes is not written before the well.
        ignored = frozenset(
            place
            for place in apart
            if place < self.best[0]
            and len(self.values[place]) == 1
            and len(self.wells[self.best[0]]) > 1
            and set(map(role_letter, self.values[place])) <= {"F", "S"}
        )
        for one in self.names:
            one.options = self._options(one, lone)
            one.apart = apart if len(self.best) == 1 else frozenset()
            one.ignored = ignored
            if len(one.options) == 1 and len(self.names) == 1:
                continue
            if len(self.names) > 1:
                self._by_folder(one, lone, certain, well_count)

    def is_numbered(self, wells: set[Well]) -> bool:
        """Whether `wells` rather number things with a letter: mice `M1 M2 M3`, channels `C1 C2`.

        Rows beyond H come with plates of 384 wells, whose wells lie wide; channels are written
        last, behind fields and planes.
        """
        place = self.best[0]
        rows = {well.row for well in wells}
        columns = {well.column for well in wells}
        if len(wells) < MIN_SURE or any(one.vendor == place and one.marked for one in self.names):
            return False
        if max(rows) >= LETTERS_OF_96:
            return len(rows) < 3 and max(columns) < COLUMNS_OF_96 and max(rows) < 26
        if rows == {2} and max(columns) < MOST_CHANNELS and place >= 0:
            return any(kind in ("field", "z") for kind in self.names[0].make[:place])
        return False

    def doubt(self) -> None:
        """Let every name have no well."""
        for one in self.names:
            if len(one.options) == 1:
                one.options, one.resolved = [*one.options, NO_WELL], ""

    def _options(self, one: NameCandidates, lone: bool) -> list[int]:
        options = [
            index
            for index, slot in enumerate(one.slots)
            if slot.place in self.best and slot.well is not None
        ]
        texts = [slot.text.upper() for slot in one.slots]
        if texts in (["B16", "F10"], ["B16", "F1"], ["B16", "F0"]) and len(options) == 2:
            return [1, NO_WELL]  # B16-F10 is a line of its own
        if len(options) == 1 and self._perhaps_none(one, one.slots[options[0]], lone):
            options.append(NO_WELL)
        return options

    def _perhaps_none(self, one: NameCandidates, slot: Slot, lone: bool) -> bool:
        """Whether the name may have no well at all."""
        others = [other for other in one.slots if other is not slot]
        if lone or not others:
            return one.may_have_none(slot)
        line = slot.text.upper() in WELL_LIKE_LINES and not self.has_line
        days = not any(other.place in self.possible for other in others)
        return line and len(self.values[slot.place]) == 1 and days

    def _certain(self, place: int) -> bool:
        """Whether a position that only some values show to be wells holds wells in all names."""
        if any(slot.well is None for slot in self.values[place].values()):
            return False
        sure = {
            slot.well
            for one in self.names
            for slot in one.slots
            if slot.place == place and slot.well is not None and not one.may_have_none(slot)
        }
        wells = self.wells[place]
        if any(map(is_split, self.values[place])):
            return self._fills_plate(place)
        bare = any(is_unexplained(slot) for slot in self.values[place].values())
        return len(sure) >= MIN_SURE or (bare and len(wells) >= MIN_CHANGING and spread(wells))

    def _without_neighbours(self, one: NameCandidates, lone: bool) -> list[int]:
        """Give the options of a name without its neighbours."""
        if lone:
            return list(one.options)
        # All that `_options` looks at where there are several slots.
        texts = tuple(slot.text for slot in one.slots)
        dated = any(text[:1] in ("D", "d") for text in texts)
        days = (one.clock.days, one.clock.hours) if dated else None
        key = (texts, has_line(one), days, one.vendor, one.marked)
        if key not in self._alone:
            weighing = _Weighing([one])
            single = len(weighing.best) == 1 and not any(
                weighing._rivals(place, weighing.best[0]) for place in weighing.values
            )
            self._alone[key] = weighing._options(one, single)
        return self._alone[key]

    def _fills_plate(self, place: int) -> bool:
        """Whether the wells of a position are as many, and lie as wide, as on 24-well plates."""
        wells = self.wells[place]
        rows, columns = ({well[axis] for well in wells} for axis in (0, 1))
        return len(wells) >= 24 and len(rows) >= 4 and len(columns) >= 6

    def _by_folder(
        self, one: NameCandidates, lone: bool, certain: bool, well_count: int | None
    ) -> None:
        """Settle a name by the others, where its well is on the plate that they show."""
        alone = self._without_neighbours(one, lone)
        if lone and len(one.options) > 1 and certain:
            one.options = one.options[:1]
        if len(one.options) != 1 or one.options == alone:
            return
        slot = one.slots[one.options[0]]
        if any(self._is_odd(other) for other in one.slots if other is not slot):
            one.options = sorted({*one.options, *alone} - {NO_WELL})
            return
        if slot.well is None or len(self.wells[slot.place]) < 2:
            return
        if (slot.place, slot.well) not in self._on_plate:
            wells = self.wells[slot.place]
            self._on_plate[slot.place, slot.well] = fits(
                slot.well, well_count or max(96, smallest_format(wells - {slot.well}))
            )
        if not self._on_plate[slot.place, slot.well]:
            one.options = alone
            return
        one.resolved = self._reason(slot.place)

    def _is_odd(self, slot: Slot) -> bool:
        """Whether nearly all names have another letter at a position: this one strayed in."""
        if slot.place not in self._common:
            letters: Counter[str] = Counter()
            for text, count in self.counts[slot.place].items():
                letters[text[:1]] += count
            letter, count = letters.most_common(1)[0]
            self._common[slot.place] = letter if count >= (1 - STRAYS) * len(self.names) else ""
        common = self._common[slot.place]
        return common != "" and slot.text[:1].upper() != common

    def _reason(self, place: int) -> str:
        if place not in self._reasons:
            wells = self.wells[place]
            rows = len({well.row for well in wells})
            self._reasons[place] = (
                f"{len(wells)} wells of {rows} row{'s' if rows > 1 else ''} stand at this place in "
                "all names of this make"
            )
        return self._reasons[place]


def spread(wells: Iterable[Well]) -> bool:
    """Whether wells lie as wells do: in three rows, or several each in two."""
    rows = Counter(well.row for well in wells)
    return len(rows) > 2 or sum(count > 1 for count in rows.values()) > 1
