"""Columns that nobody asked for and that still tell rows apart: they must not be pooled over.

Rows of one condition that differ in cell line, patient, medium or the dose of a second drug are
different experiments. Whether a column is such a one is seen from how its values lie among the
conditions, not from its name: a factor of a design comes back at other doses, while a measurement
differs from row to row, the name of a row stands once, and another name of what is known already
(a class of drugs, the plate, the time) says nothing new.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import combinations
from statistics import median

from spheroid_qc.tables.dose_units import parse_unit
from spheroid_qc.tables.parse_cells import is_missing, well_named
from spheroid_qc.tables.parse_times import is_date, plain_hours
from spheroid_qc.tables.synonyms import (
    COUNTER_WORDS,
    DOSE_WORDS,
    FALSE_WORDS,
    LEFT_OUT_WORDS,
    MEASURED_WORDS,
)
from spheroid_qc.wording import listed

DIVIDING = ("cell_line", "passage")
"""Kinds of columns that are strata wherever they stand."""

REPEATS = ("biological_replicate", "replicate")
"""Kinds of columns that number repeats."""

# A design repeats its levels at (nearly) every dose, also one of which half of the wells are
# missing; values of a measurement fall together by chance, at a few doses.
_LEAST_CROSSING = 0.5
# What is called a count or an area is a measurement, unless it lies as regularly as replicates do.
_REGULAR = 0.9
# Below so many rows nothing can be said from how often a round number comes back.
_FEW_ROWS = 8
# The fewest doses of a series.
_SERIES = 3
_PLACES = ("row", "column")
_PLACE_WORDS = frozenset({"row", "rows", "col", "column", "columns", "zeile", "spalte"})
_DAY_NUMBER = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])")


@dataclass(frozen=True)
class KnownRows:
    """What is known of the rows of a table by now, each sequence row by row.

    Attributes
    ----------
    treatments : sequence
        What a row holds, without doses: drugs, role, strata.
    conditions : sequence
        The same with doses.
    labels : mapping
        Further columns by name, such as `plate`, `replicate` and `time_h`; rows that differ in them
        are not the same row, but may have the same condition.
    """

    treatments: Sequence[Hashable]
    conditions: Sequence[Hashable]
    labels: Mapping[str, Sequence[Hashable]] = field(default_factory=dict)


def tells_apart(known: KnownRows, values: Sequence[str]) -> bool:
    """Tell whether rows that are alike in all that is known differ in this column.

    Parameters
    ----------
    known : KnownRows
        What is known of each row.
    values : sequence of str
        The column; missing values say nothing.

    Returns
    -------
    bool
        True if one condition has several values, or one treatment several values of which one
        spans several doses.
    """
    by_condition: dict[Hashable, set[str]] = {}
    for condition, value in zip(known.conditions, values, strict=True):
        if not is_missing(value):
            by_condition.setdefault(condition, set()).add(value)
    if any(len(found) > 1 for found in by_condition.values()):
        return True
    return any(
        len(spans) > 1 and any(len(found) > 1 for found in spans.values())
        for spans in _spans(known.treatments, known.conditions, values).values()
    )


def would_be_pooled(
    known: KnownRows,
    heading: str,
    values: Sequence[str],
    *,
    is_remark: bool = False,
    may_be_measured: bool = True,
) -> bool:
    """Tell whether taking no notice of a column would pool rows that it tells apart.

    Parameters
    ----------
    known : KnownRows
        What is known of each row.
    heading : str
        The column as it is called: a unit in it makes a quantity of its numbers.
    values : sequence of str
        The column.
    is_remark : bool
        The heading promises remarks, which stand here and there.
    may_be_measured : bool
        False for what is set and never measured, such as the hour of a dose.

    Returns
    -------
    bool
        False for a measurement, a name of every row, another name of what is known, and remarks
        here and there; True where it can't be told.
    """
    present = [value for value in values if not is_missing(value)]
    if len(set(values)) > 1 and _leaves_out(heading, present):
        return True
    gaps = len(present) < len(values)
    one_word = gaps and len(set(present)) == 1
    if one_word or (is_remark and not _is_nested(known, values)):
        if not _are_series(known, values, is_remark=is_remark):
            return False
        if gaps:
            return True
    if _is_other_dose(known, heading, values):
        return True
    if not tells_apart(known, values):
        return False
    if _is_place(known, heading, values):
        return False
    numbers = _numbers(values)
    if numbers is None and _is_nested(known, values):
        stems = [stem_of(value) for value in values]
        return tells_apart(known, stems) and not _is_nested(known, stems)
    if len(set(present)) == len(present):
        return False
    if numbers is not None and _is_control(known, heading, values):
        return False
    of_label = _of_label(known, heading, values)
    if of_label is not None:
        return not of_label
    return numbers is None or not (may_be_measured and _is_measurement(known, heading, values))


def shown_values(values: Sequence[str]) -> str:
    """List the first few values of a column, for a question about it."""
    present = dict.fromkeys(value for value in values if not is_missing(value))
    one = len(present) == 1 and any(map(is_missing, values))
    return listed([*present, *(["nothing"] if one else [])], 4)


def stem_of(label: str) -> str:
    """Give what is left of the name of a row without wells, counters and numbers.

    `PANC1_03` and `img/PANC1_B02.tif` are `panc` and `img panc tif`, `rep 2` is `rep`; three digits
    or more behind a letter are part of a name (`H1299`).
    """
    kept = []
    for token in re.split(r"[^0-9A-Za-zÀ-ÿµμ]+", label):
        bare = re.sub(r"(?<=[^\W\d])\d{1,2}$", "", token)
        if not re.search(r"[^\W\d]", token) or len(bare) < 2 or well_named(token) is not None:
            continue
        kept.append(bare.casefold())
    return " ".join(kept)


def names_within_labels(known: KnownRows, values: Sequence[str]) -> bool:
    """Tell whether labels of repeats hold something else: `PANC-1 a`, `PANC-1 b`, `MIA a` ..."""
    stems = [stem_of(value) for value in values]
    if len(set(values)) == len({stem for stem in stems if stem}):
        return False
    return tells_apart(known, stems)


def look_merged(values: Sequence[str]) -> bool:
    """Tell whether values stand in the first lines of blocks only, as merged cells show them."""
    filled = [not is_missing(value) for value in values]
    first = [at for at, there in enumerate(filled) if there]
    if not first or first[0] != 0 or len(first) == len(values):
        return False
    blocks = [at for at in first if at + 1 < len(values) and not filled[at + 1]]
    return len(blocks) * 2 > len(first)


def is_function_of(values: Sequence[Hashable], labels: Sequence[Hashable]) -> bool:
    """Tell whether a column has one value for each label."""
    found: dict[Hashable, Hashable] = {}
    pairs = zip(labels, values, strict=True)
    return all(found.setdefault(label, value) == value for label, value in pairs)


def _spans(
    treatments: Sequence[Hashable], conditions: Sequence[Hashable], values: Sequence[str]
) -> dict[Hashable, dict[str, Counter[Hashable]]]:
    """Count the rows of each value at each condition, treatment by treatment."""
    found: dict[Hashable, dict[str, Counter[Hashable]]] = {}
    for treatment, condition, value in zip(treatments, conditions, values, strict=True):
        if not is_missing(value):
            of_value = found.setdefault(treatment, {}).setdefault(value, Counter())
            of_value[condition] += 1
    return found


def _leaves_out(heading: str, present: Sequence[str]) -> bool:
    """Tell whether a column marks rows that somebody wants to leave out."""
    if LEFT_OUT_WORDS & _words(heading):
        return any(value.casefold() not in FALSE_WORDS for value in present)
    return any(LEFT_OUT_WORDS & _words(value) for value in set(present))


def _experiments(known: KnownRows) -> list[Hashable]:
    """Give each row its treatment, and one name to all treatments of a single dose together."""
    doses: dict[Hashable, set[Hashable]] = {}
    for treatment, condition in zip(known.treatments, known.conditions, strict=True):
        doses.setdefault(treatment, set()).add(condition)
    return [one if len(doses[one]) > 1 else "single doses" for one in known.treatments]


def _is_nested(known: KnownRows, values: Sequence[str]) -> bool:
    """Tell whether no value is met in two conditions, of several that there are."""
    found: dict[str, set[Hashable]] = {}
    for condition, value in zip(known.conditions, values, strict=True):
        if not is_missing(value):
            found.setdefault(value, set()).add(condition)
    present = sum(not is_missing(value) for value in values)
    if len(found) == present:
        return True
    return len(set(known.conditions)) > 1 and all(len(where) == 1 for where in found.values())


def _are_series(known: KnownRows, values: Sequence[str], *, is_remark: bool) -> bool:
    """Tell whether words stand for series of doses and not for a row or two.

    A word of a series stands at half of the doses of a treatment or more, beside rows there that
    don't have it. Remarks are about series where two of them (or one and none) stand at nearly all
    doses, such as hypoxia and normoxia.
    """
    least = _REGULAR if is_remark else _LEAST_CROSSING
    words = ["" if is_missing(value) else value for value in values]
    experiments = _experiments(known)
    rows = list(zip(experiments, known.conditions, words, strict=True))
    found: set[str] = set()
    for one in set(experiments):
        doses = {condition for experiment, condition, _ in rows if experiment == one}
        for word in set(words):
            with_word = {condition for _, condition, other in rows if other == word} & doses
            without = {condition for _, condition, other in rows if other != word} & doses
            if with_word & without and len(with_word) >= least * len(doses) > least:
                found.add(word)
    return len(found) > 1 if is_remark else bool(found - {""})


def _is_other_dose(known: KnownRows, heading: str, values: Sequence[str]) -> bool:
    """Tell whether a column may hold doses of one more drug, also in step with the first's."""
    words = re.split(r"[\s_()\[\]]+", heading.strip(" )]"))
    unit = parse_unit(words[-1]) if len(words) > 1 and words[-1].endswith("M") else None
    if unit is None or unit.kind != "molar" or DOSE_WORDS & _words(heading):
        return False
    filled = [at for at, value in enumerate(values) if not is_missing(value)]
    return not is_function_of(
        [values[at] for at in filled], [known.treatments[at] for at in filled]
    )


def _is_place(known: KnownRows, heading: str, values: Sequence[str]) -> bool:
    """Tell whether a column is called wells, rows or columns, and holds them."""
    words = _words(heading)
    if {"well", "wells", "position"} & words:
        return all(is_missing(value) or well_named(value) is not None for value in values)
    places = [known.labels[name] for name in _PLACES if name in known.labels]
    return bool(_PLACE_WORDS & words) and any(is_function_of(values, one) for one in places)


def _words(text: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return {word for word in re.split(r"[\W\d_]+", spaced.casefold()) if word}


def _numbers(values: Sequence[str]) -> list[float] | None:
    """Read a column of numbers, NaN where it has none; None where it holds words."""
    numbers: list[float] = []
    words = 0
    for value in values:
        if is_missing(value):
            continue
        try:
            numbers.append(float(value.replace(",", ".").rstrip("%").strip()))
        except ValueError:
            words += 1
    # A word here and there among numbers (`OVRFLW`) doesn't make names of them.
    return numbers if numbers and words * 10 <= len(numbers) else None


def _is_measurement(known: KnownRows, heading: str, values: Sequence[str]) -> bool:
    """Tell whether numbers that come back now and then are a measurement and no factor."""
    present = [value for value in values if not is_missing(value)]
    levels = set(present)
    is_named = bool(MEASURED_WORDS & _words(heading))
    if len(levels) * 2 > len(present):
        digits = (len(re.sub(r"\D", "", value).strip("0")) for value in levels)
        few = len(present) < _FEW_ROWS and sum(n > 2 for n in digits) * 2 <= len(levels)
        return is_named or not few
    crossing = _crossing(known, values)
    return crossing < _LEAST_CROSSING or (is_named and crossing < _REGULAR)


def _is_control(known: KnownRows, heading: str, values: Sequence[str]) -> bool:
    """Tell whether something measured stands once for each plate or repeat: counts of controls."""
    groups = zip(known.treatments, *known.labels.values(), strict=True)
    return bool(MEASURED_WORDS & _words(heading)) and is_function_of(values, list(groups))


def _crossing(known: KnownRows, values: Sequence[str]) -> float:
    """Give the share of the doses of a treatment at which its values are met, 1 for full crossing.

    Without repeats, values that follow the dose are measured (0), and those whose doses lie among
    each other's may be series of their own (the least crossing that is asked about).
    """
    met = possible = 0
    series = False
    for spans in _spans(_experiments(known), known.conditions, values).values():
        conditions = sorted(set().union(*spans.values()), key=_order)
        if len(spans) < 2 or len(conditions) < 2:
            continue
        if len(conditions) < sum(map(len, spans.values())):
            met += sum(map(len, spans.values()))
            possible += len(spans) * len(conditions)
        else:
            places = [[conditions.index(one) for one in span] for span in spans.values()]
            overlap = any(min(a) < max(b) and min(b) < max(a) for a, b in combinations(places, 2))
            series |= overlap and median(map(len, places)) >= _SERIES
    if possible:
        return met / possible
    return _LEAST_CROSSING if series else 0.0


def _order(condition: Hashable) -> tuple[tuple[int, float, str], ...]:
    """Order conditions by their doses, names by the alphabet."""
    if isinstance(condition, tuple):
        return tuple(part for one in condition for part in _order(one))
    if isinstance(condition, int | float | Decimal):
        return ((1, float(condition), ""),)
    return ((0, 0.0, str(condition)),)


def _of_label(known: KnownRows, heading: str, values: Sequence[str]) -> bool | None:
    """Tell whether a column is another name of a label that is known.

    None where it doesn't follow one; False where it does (a medium for each plate), but is no name
    of it.
    """
    followed = False
    for name, labels in known.labels.items():
        if name in _PLACES:
            continue  # a medium may go by rows as well
        if not is_function_of(values, labels):
            continue
        followed = True
        pairs = dict(zip(labels, values, strict=True))
        if all(map(_is_day, pairs.values())):
            return True  # the day of a plate or of a repeat
        one_to_one = len(set(pairs.values())) == len(pairs)
        if name == "time_h" and _follows_time(pairs):
            return True
        if one_to_one and all(_same_name(label, value) for label, value in pairs.items()):
            return True
        if one_to_one and not _has_unit(heading) and _counts_up(pairs.values()):
            return True
    return False if followed else None


def _is_day(value: str) -> bool:
    return is_missing(value) or is_date(value) or _DAY_NUMBER.fullmatch(value) is not None


def _same_name(label: Hashable, value: str) -> bool:
    """Tell whether a value is a label in other words: `Plate 2` is 2, and `exp2` is 2."""
    texts = [str(label).casefold(), value.casefold()]
    if texts[0] == texts[1]:
        return True
    first, second = (re.sub(r"\D", "", text).lstrip("0") for text in texts)
    words = _words(value) | _words(str(label))
    return first == second != "" and words <= COUNTER_WORDS


def _has_unit(heading: str) -> bool:
    last = re.split(r"[\s_()\[\]]+", heading.strip(" )]"))[-1]
    return len(_words(heading)) > 0 and parse_unit(last) is not None


def _counts_up(values: Iterable[str]) -> bool:
    """Tell whether values are whole numbers without a gap, maybe behind one word that counts."""
    found: list[int] = []
    stems: set[str] = set()
    for value in values:
        match = re.fullmatch(r"(\D*?)0*(\d+)(?:\.0+)?(?:\.[a-z]{3,4})?", value.casefold())
        if match is None or not _words(match[1]) <= COUNTER_WORDS or len(match[1].strip()) == 1:
            return False
        found.append(int(match[2]))
        stems.add(match[1])
    return len(stems) == 1 and max(found) - min(found) == len(found) - 1


def _follows_time(pairs: Mapping[Hashable, str]) -> bool:
    """Tell whether a value for each time is the time in another unit, or as a word."""
    read = {hours: plain_hours(value) for hours, value in pairs.items()}
    if all(value is not None for value in read.values()):
        return True
    try:
        known = {float(str(hours)): float(value) for hours, value in pairs.items()}
    except ValueError:
        return False
    ratios = {round(value / hours, 6) for hours, value in known.items() if hours}
    days = all(value == hours // 24 for hours, value in known.items())
    return days or (len(ratios) == 1 and all(value == 0 for h, value in known.items() if not h))
