"""Resolve by the folder as a whole what one name leaves open, where it really does.

Names of one template (the same words, with numbers and well-like words blanked) are compared place
by place. An ambiguous name is resolved only by one of these, and the reason is kept:

* at the same place other names of the template have wells that can't be anything else;
* only one place changes its letter over the template, as wells do and days and cell lines don't;
* only one place changes at all, and some word there can be nothing but a well;
* other names of the template have at that place what can't be a well (`D0`, `D28`): it is a day;
* names that differ in a word (one drug a row) have wells at that place in great number.

In each case the well must also exist on the plate that the certain wells show.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from spheroid_qc.frames.naming.generic_names import NO_WELL, NameCandidates, may_be_line
from spheroid_qc.frames.naming.well_lookalikes import is_unexplained
from spheroid_qc.wells import Well, fits, smallest_format

MIN_SURE = 2
MIN_CHANGING = 3
MIN_ROWWISE = 12


def resolve_ambiguous(candidates: Iterable[NameCandidates], well_count: int | None = None) -> None:
    """Remove options that the other names rule out.

    `candidates` are all names of the folder that no instrument wrote; their `options` and
    `resolved` are changed. `well_count`: wells on the plate if the user said so.
    """
    everything = list(candidates)
    templates: dict[tuple[object, ...], list[NameCandidates]] = defaultdict(list)
    for one in everything:
        folders = sum(1 for slot in one.slots if slot.place < 0)
        templates[(one.template, folders)].append(one)
    for names in templates.values():
        if any(len(one.options) > 1 or len(one.slots) > 1 for one in names):
            _resolve_template(names, well_count)
    _resolve_rowwise(everything, well_count)


def _on_plate(well: Well, sure: Iterable[Well], well_count: int | None) -> bool:
    return fits(well, well_count or max(96, smallest_format(sure)))


def _at(one: NameCandidates, place: int) -> int | None:
    """Index of the slot at a place."""
    return next((index for index, slot in enumerate(one.slots) if slot.place == place), None)


def _places(one: NameCandidates) -> dict[int, int]:
    """Place -> option, for the options that are wells."""
    return {one.slots[index].place: index for index in one.options if index != NO_WELL}


class _Template:
    """What the names of one template have at each place."""

    def __init__(self, names: list[NameCandidates]) -> None:
        self.sure: dict[int, set[Well]] = defaultdict(set)
        self.seen: dict[int, set[Well]] = defaultdict(set)
        self.days: set[int] = set()
        bare: dict[int, set[Well]] = defaultdict(set)
        for one in names:
            for slot in one.slots:
                if slot.well is None:
                    self.days.add(slot.place)
                else:
                    self.seen[slot.place].add(slot.well)
                    if is_unexplained(slot):
                        bare[slot.place].add(slot.well)
            if len(one.options) == 1 and one.options[0] != NO_WELL:
                slot = one.slots[one.options[0]]
                if slot.well is not None:
                    self.sure[slot.place].add(slot.well)
        varying = [place for place, wells in self.seen.items() if len(wells) > 1]
        self.only: int | None = None
        """The one place that varies while all others are constant, if only wells do so."""
        if len(varying) == 1 and varying[0] not in self.days:
            place = varying[0]
            if len(self.seen[place]) >= MIN_CHANGING and (
                bare[place] == self.seen[place] or (bare[place] and _spread(self.seen[place]))
            ):
                self.only = place

    def proof(self, places: dict[int, int]) -> tuple[int, str] | None:
        """Place that must hold the well, and why."""
        if self.only is not None:
            return self.only, "words that can only be wells, and no other word changes,"
        proven = [place for place in places if len(self.sure[place]) >= MIN_SURE]
        if proven:
            known = len(proven) == 1 and proven[0] not in self.days
            return (proven[0], "certain wells") if known else None
        changing = [
            place
            for place, wells in self.seen.items()
            if len({well.row for well in wells}) > 1 and place not in self.days
        ]
        if len(changing) == 1 and _spread(self.seen[changing[0]]):
            return changing[0], "wells of several rows, and no other word changes its letter,"
        return None


def _spread(wells: set[Well]) -> bool:
    """Whether wells lie as wells do: in three rows, or several each in two."""
    rows = Counter(well.row for well in wells)
    return len(rows) > 2 or sum(count > 1 for count in rows.values()) > 1


def _resolve_template(names: list[NameCandidates], well_count: int | None) -> None:
    found = _Template(names)
    for one in names:
        places = _places(one)
        if len(one.options) > 1:
            for place in found.days & places.keys():
                if one.slots[places[place]].text[0] in "Dd":
                    _exclude(one, places.pop(place))
        # A lone explanation such as `C05`, a channel, gives way to what all names show.
        overruled = found.only is not None and not one.fixed and found.only not in places
        if len(one.options) < 2 and not overruled:
            continue
        proof = found.proof(places)
        if proof is None:
            continue
        place, reason = proof
        index = _at(one, place)
        if index is None or (index not in one.options and not overruled):
            continue
        well = one.slots[index].well
        others = (found.sure[place] or found.seen[place]) - {well}
        if well is not None and others and _on_plate(well, others, well_count):
            one.options = [index]
            one.resolved = f"other names of the same make have {reason} at this place"


def _exclude(one: NameCandidates, index: int) -> None:
    """Take away an option that is a day in other names."""
    one.options.remove(index)
    one.resolved = "other names of the same make have a day at this place"
    left = one.options
    if len(left) == 1 and left[0] != NO_WELL and may_be_line(one, left[0]):
        left.append(NO_WELL)  # `B16_D3` beside `B16_D0`: what is left may still be a cell line


def _resolve_rowwise(candidates: list[NameCandidates], well_count: int | None) -> None:
    """Resolve lone slots of names that differ in a word, such as one drug a row."""
    sure: dict[tuple[int, int], set[Well]] = defaultdict(set)
    pending: dict[tuple[int, int], list[NameCandidates]] = defaultdict(list)
    other: dict[tuple[int, int], int] = defaultdict(int)
    for one in candidates:
        if not one.options or len(one.slots) != 1:
            continue
        key = (len(one.tokens), one.slots[0].place)
        well = one.slots[0].well
        if one.options == [0] and well is not None and not one.resolved:
            sure[key].add(well)
        elif one.options == [0, NO_WELL]:
            pending[key].append(one)
        else:
            other[key] += 1
    for key, waiting in pending.items():
        wells = sure[key]
        if len(wells) < MIN_ROWWISE or len({well.row for well in wells}) < 3 or other[key]:
            continue
        for one in waiting:
            well = one.slots[0].well
            if well is not None and _on_plate(well, wells, well_count):
                one.options = [0]
                one.resolved = f"{len(wells)} certain wells stand at this place in other names"
