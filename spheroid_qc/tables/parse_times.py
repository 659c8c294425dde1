"""Times in tables: hours, days, clocks and dates, all as hours.

A number has the unit of its heading, unless the cell names one itself (`24h`, `2 d`, `1d12h`,
`Day 3`); a clock (`48:00:00`) is a time that has passed; dates become hours since the first of
them. Numbers that may count times as well as hours are asked about.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from itertools import pairwise

from spheroid_qc.tables.located_cells import Cell
from spheroid_qc.tables.match_headings import Heading
from spheroid_qc.tables.parse_cells import cell_number, is_missing
from spheroid_qc.tables.parse_numbers import NumberError, NumberStyle
from spheroid_qc.tables.synonyms import HOURS_IN
from spheroid_qc.tables.table_messages import TableMessages

_PARTS = re.compile(r"(\d+(?:[.,]\d+)?)\s*([a-z]+)\.?", re.IGNORECASE)
_WITH_UNITS = re.compile(r"(?:t\s*=?\s*)?-?(?:\d+(?:[.,]\d+)?\s*[a-z]+\.?\s*)+", re.IGNORECASE)
_NAMED = re.compile(r"(day|d|hour|h|t|time|week|wk)\s*[ _=:]?\s*(-?\d+(?:[.,]\d+)?)", re.IGNORECASE)
_CLOCK = re.compile(
    r"(?:(?P<days>\d+)\s*(?:\.|d|days?)?,?\s*(?<=[\s.d,]))?"
    r"(?P<hours>\d{1,4}):(?P<minutes>[0-5]\d)(?::(?P<seconds>[0-5]\d(?:\.\d+)?))?",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?:(?P<iso>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"
    r"|(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second>\d{1,2})[-/.](?P<year>\d{4}|\d{2}))"
    r"(?:[T ,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<sec>\d{2})(?:\.\d+)?)?"
    r"\s*(?P<half>[ap]m)?)?"
    r"(?:Z|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
_LONGEST = 60
_BARE = re.compile(r"(?:t|tp|time|time\s?point)?[ _=:]*-?[\d.,]+", re.IGNORECASE)
_FIRST_DAYS = frozenset({24.0, 48.0, 72.0})


def is_date(text: str) -> bool:
    """Tell whether a cell is a date, with or without a time of day."""
    return _DATE.fullmatch(" ".join(text.split())[:_LONGEST]) is not None


def read_hours(
    heading: Heading, cells: Sequence[Cell], style: NumberStyle, messages: TableMessages
) -> list[float | None]:
    """Read a column of times.

    Parameters
    ----------
    heading : Heading
        Of kind `time_h` or `date`; its factor brings a bare number to hours.
    cells : sequence of Cell
        The column, row by row.
    style : NumberStyle
        How the table writes numbers.
    messages : TableMessages
        Takes what is wrong, and how dates were read.

    Returns
    -------
    list of float or None
        Hours; None where nothing is written, or where it is a mistake.
    """
    if heading.bad_unit:
        messages.problem(
            f"{cells[0].table.title}: the unit {heading.bad_unit!r} of the column "
            f"{heading.written} is no unit of time; write h, min, s or days.",
            once=f"time unit {heading.written}",
        )
        return [None] * len(cells)
    written = [cell for cell in cells if not is_missing(cell.text) and not cell.cell_error]
    dates = [_DATE.fullmatch(cell.text[:_LONGEST]) for cell in written]
    if written and all(dates):
        return _since_the_first(heading, cells, messages)
    hours = [_hours(heading, cell, style, messages) for cell in cells]
    if heading.scale == "unstated" and "elapsed" not in heading.written.casefold():
        _refuse_bare_numbers(heading, cells, hours, messages)
    return hours


def plain_hours(text: str) -> float | None:
    """Read a time that names its unit itself: `48h`, `2 d`, `Day 3`; None for anything else."""
    tidy = " ".join(text.split())[:_LONGEST]
    named = _NAMED.fullmatch(tidy)
    if named:
        factor = HOURS_IN.get(named[1].casefold())
        return None if factor is None else float(named[2].replace(",", ".")) * factor
    parts = _PARTS.findall(tidy) if _WITH_UNITS.fullmatch(tidy) else []
    if not parts or any(unit.casefold() not in HOURS_IN for _, unit in parts):
        return None
    total = sum(float(n.replace(",", ".")) * HOURS_IN[unit.casefold()] for n, unit in parts)
    return -total if tidy.startswith("-") else total


def _refuse_bare_numbers(
    heading: Heading,
    cells: Sequence[Cell],
    hours: Sequence[float | None],
    messages: TableMessages,
) -> None:
    """Ask about times 1, 2, 3 or T0, T1 ...: hours, days or just their numbers.

    Whole days (24, 48, 72) are hours and nothing else; what counts 0, 1, 2 is anything.
    """
    if not all(is_missing(cell.text) or _BARE.fullmatch(cell.text) for cell in cells):
        return
    found = sorted({hour for hour in hours if hour is not None})
    steps = {later - earlier for earlier, later in pairwise(found)}
    whole_days = all(hour % 24 == 0 for hour in found)
    if whole_days or (steps != {1.0} and _FIRST_DAYS & set(found)):
        return
    shown = f"{found[0]:g}" if len(found) == 1 else f"{found[0]:g} ... {found[-1]:g}"
    messages.problem(
        f"{cells[0].table.title}: the column {heading.written} holds {shown} without a unit, which "
        "may be hours, days or numbers of readings; write the unit into the heading (time_h, day), "
        "or into the cells (24h).",
        once=f"time counts {heading.written}",
    )


def _hours(
    heading: Heading, cell: Cell, style: NumberStyle, messages: TableMessages
) -> float | None:
    text = " ".join(cell.text.split())[:_LONGEST]
    if messages.untrusted(cell) or is_missing(text):
        return None
    clock = _CLOCK.fullmatch(text)
    if clock:
        seconds = float(clock["seconds"] or 0)
        whole = 24 * int(clock["days"] or 0) + int(clock["hours"])
        return whole + int(clock["minutes"]) / 60 + seconds / 3600
    stated = plain_hours(text)
    if stated is not None:
        return stated
    named = _NAMED.fullmatch(text)
    if named:
        return float(named[2].replace(",", ".")) * heading.factor
    try:
        return float(cell_number(cell, style)) * heading.factor
    except NumberError as error:
        messages.problem(
            f"{cell.place}: {error}; write times as hours, or with their unit (24h, 2 d).",
            "unreadable times",
        )
        return None


def _since_the_first(
    heading: Heading, cells: Sequence[Cell], messages: TableMessages
) -> list[float | None]:
    """Read dates as hours since the first; day and month must be told apart by some cell."""
    found = [None if is_missing(cell.text) else _DATE.fullmatch(cell.text) for cell in cells]
    slashed = [match for match in found if match and match["first"]]
    firsts, seconds = ({int(match[side]) for match in slashed} for side in ("first", "second"))
    month_first = any(second > 12 for second in seconds)
    american = any(match["half"] for match in slashed)
    day_first = any(first > 12 for first in firsts) or any(m["mark"] == "." for m in slashed)
    if slashed and not (month_first or day_first) and (len(firsts) > 1 or len(seconds) > 1):
        if not american:
            messages.problem(
                f"{cells[0].table.title}: the dates of {heading.written} ({slashed[0][0]} ...) may "
                "begin with the day or with the month; write them as 2024-03-01 08:00, or the "
                "hours since the first.",
                once=f"dates {heading.written}",
            )
            return [None] * len(cells)
        month_first = True
    moments = [None if match is None else _moment(match, month_first) for match in found]
    for cell, match, moment in zip(cells, found, moments, strict=True):
        if match is not None and moment is None:
            messages.problem(f"{cell.place}: {cell.text!r} is no date.", "unreadable times")
    first = min((moment for moment in moments if moment is not None), default=None)
    if first is None:
        return [None] * len(cells)
    messages.notes.append(f"Times of {heading.written} are hours since {first:%Y-%m-%d %H:%M}.")
    return [
        None if moment is None else (moment - first).total_seconds() / 3600 for moment in moments
    ]


def _moment(match: re.Match[str], month_first: bool) -> datetime.datetime | None:
    if match["iso"]:
        year, month, day = int(match["iso"]), int(match["month"]), int(match["day"])
    else:
        day, month = int(match["first"]), int(match["second"])
        day, month = (month, day) if month_first else (day, month)
        year = int(match["year"]) + (2000 if len(match["year"]) == 2 else 0)
    hour = int(match["hour"] or 0)
    if match["half"]:
        hour = hour % 12 + (12 if match["half"].casefold() == "pm" else 0)
    try:
        return datetime.datetime(
            year, month, day, hour, int(match["minute"] or 0), int(match["sec"] or 0)
        )
    except ValueError:
        return None
