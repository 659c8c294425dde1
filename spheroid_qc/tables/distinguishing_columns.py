"""Columns that nobody asked for and that still tell rows apart: they must not be pooled over.

Rows of one treatment that differ in cell line, patient or medium are different experiments. A
column that only names what is known already (a class of drugs, a label of each dose) is harmless,
and so is another measurement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

from spheroid_qc.tables.parse_cells import is_missing

# A design has few levels; a measurement has about as many values as rows.
_MOST_LEVELS = 12


def tells_apart(
    treatments: Sequence[Hashable], conditions: Sequence[Hashable], values: Sequence[str]
) -> bool:
    """Tell whether rows that are alike in all that is known differ in this column.

    Parameters
    ----------
    treatments : sequence
        What each row holds, without doses.
    conditions : sequence
        The same with doses.
    values : sequence of str
        The column; missing values say nothing.

    Returns
    -------
    bool
        True if one condition has several values, or one treatment several values of which one
        spans several doses.
    """
    by_condition: dict[Hashable, set[str]] = {}
    by_treatment: dict[Hashable, dict[str, set[Hashable]]] = {}
    for treatment, condition, value in zip(treatments, conditions, values, strict=True):
        if is_missing(value):
            continue
        by_condition.setdefault(condition, set()).add(value)
        by_treatment.setdefault(treatment, {}).setdefault(value, set()).add(condition)
    if any(len(found) > 1 for found in by_condition.values()):
        return True
    return any(
        len(spans) > 1 and any(len(found) > 1 for found in spans.values())
        for spans in by_treatment.values()
    )


def is_measurement(values: Sequence[str]) -> bool:
    """Tell whether a column of numbers is a measurement and no factor of a design.

    A factor has few levels, each about as often as the others; counts of objects pile up.
    """
    numbers: list[float] = []
    for value in values:
        if is_missing(value):
            continue
        try:
            numbers.append(float(value.replace(",", ".").rstrip("%").strip()))
        except ValueError:
            return False
    levels = Counter(numbers)
    if len(levels) < 2 or len(levels) > _MOST_LEVELS:
        return len(levels) > _MOST_LEVELS
    return min(levels.values()) * 4 * len(levels) < len(numbers)


def is_function_of(values: Sequence[str], labels: Sequence[Hashable]) -> bool:
    """Tell whether a column has one value for each label."""
    found: dict[Hashable, str] = {}
    pairs = zip(labels, values, strict=True)
    return all(found.setdefault(label, value) == value for label, value in pairs)
