"""The user's own pattern for file names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from spheroid_qc.errors import RequestError
from spheroid_qc.frames.naming.parsed_name import Reading
from spheroid_qc.search_time import check_search_ends
from spheroid_qc.wells import MAX_COLUMNS, MAX_ROWS, Well, parse_well

_TIMES = ("time", "day", "hour", "minute")
_WHOLE = ("field", "z", "timepoint")
_STATED = re.compile("(time|day|hour|timepoint)_([0-9]{1,6})")
"""Groups whose words mean a number: `day_3`."""
_STATED_WELL = re.compile("well_([A-Za-z]{1,2}[0-9]{1,2})")
"""Groups whose words mean a well: `well_B3`."""
KNOWN = frozenset(
    {"well", "row", "column", "row0", "column0", "plate", "channel", *_TIMES, *_WHOLE}
)


class NamePattern:
    """A regular expression with named groups, searched in the path below the folder.

    It must have the group `well`, or `row` and `column` (letters or numbers from 1), or `row0` and
    `column0` (numbers from 0); it may have
    `plate`, `field`, `channel`, `z`, `time` (hours), `day`, `hour`, `minute`, `timepoint`. Where
    `plate` is an empty group, `(?P<plate>)`, folders are no plates. A word that stands for a time
    is a group with the number behind its name: `(?P<day_0>Mon)|(?P<day_2>Wed)`, and words that
    stand for a well likewise: `(?P<well_B3>Scene 1$)|(?P<well_B4>Scene 2$)`. Raises
    `RequestError` if it is no regular expression or has no group for the well.
    """

    def __init__(self, text: str) -> None:
        try:
            self._search = re.compile(text).search
            groups = set(re.compile(text).groupindex)
        except re.error as error:
            where = "" if error.pos is None else f" at character {error.pos + 1}"
            raise RequestError(
                f"The name pattern {text!r} is not a regular expression: {error.msg}{where}. "
                r"An example that works is '(?P<plate>\w+)_(?P<well>[A-P]\d+)_(?P<field>\d+)'."
            ) from None
        except (OverflowError, RecursionError):
            raise RequestError(
                f"The name pattern {text!r} is too large; write a shorter one."
            ) from None
        stated = {name for name in groups if _STATED_WELL.fullmatch(name)}
        if (
            "well" not in groups
            and not stated
            and not any({f"row{zero}", f"column{zero}"} <= groups for zero in ("", "0"))
        ):
            named = ", ".join(sorted(groups)) or "none"
            raise RequestError(
                f"The name pattern {text!r} does not say where the well stands (named groups: "
                f"{named}); name a group (?P<well>...), or (?P<row>...) and (?P<column>...)."
            )
        self.text = text
        rest = groups - KNOWN - stated
        self.unknown = tuple(sorted(name for name in rest if not _STATED.fullmatch(name)))

    def try_on(self, texts: Sequence[str]) -> None:
        """See that searching these ends; `RequestError` if it does not within some seconds."""
        check_search_ends(self.text, texts, "The name pattern")

    def read(self, path: str) -> Reading | str:
        """Read one path (below the folder, with `/` and suffix), or say in a sentence why not."""
        match = self._search(path)
        if match is None:
            return "The name does not match the name pattern; it is left out."
        found = {name: text for name, text in match.groupdict().items() if text is not None}
        for name in list(found):
            well = _STATED_WELL.fullmatch(name)
            if well is not None:
                found["well"] = well[1]
            stated = _STATED.fullmatch(name)
            if stated is not None:
                found[stated[1]] = stated[2]
        place = _well(found)
        if place is None:
            messages = repr(found["well"]) if "well" in found else "no well"
            if "row" in found and "column" in found and "well" not in found:
                messages = f"row {found['row']!r} and column {found['column']!r}"
            return (
                f"The name pattern found {messages}, which is no well of a plate up to 1536 wells; "
                "correct the pattern or the name."
            )
        reading = Reading(
            "pattern",
            place,
            plate=found.get("plate", ""),
            channel=found.get("channel", ""),
            one_plate=found.get("plate") == "",
        )
        numbers: dict[str, float] = {}
        for name in (*_TIMES, *_WHOLE):
            if name in found:
                number = _number(found[name], whole=name in _WHOLE)
                if number is None:
                    return (
                        f"The name pattern found {found[name]!r} for {name}, which is not a "
                        "number; correct the pattern or the name."
                    )
                numbers[name] = number
        reading.field, reading.z, reading.index = (
            int(numbers[name]) if name in numbers else None for name in _WHOLE
        )
        if any(name in numbers for name in _TIMES):
            factors = {"time": 1.0, "day": 24.0, "hour": 1.0, "minute": 1 / 60}
            reading.hours = sum(numbers.get(name, 0.0) * factors[name] for name in _TIMES)
            only_days = "day" in numbers and sum(name in numbers for name in _TIMES) == 1
            reading.hours_from = "day" if only_days else "elapsed"
        return reading


def _number(text: str, whole: bool) -> float | None:
    try:
        number = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    if number != number or abs(number) > 1e9 or (whole and number != int(number)):
        return None
    return number


def _well(found: dict[str, str]) -> Well | None:
    if "well" in found:
        return parse_well(found["well"])
    row, column = found.get("row", "").strip(), found.get("column", "").strip()
    if "row0" in found and "column0" in found:
        try:
            row, column = str(int(found["row0"]) + 1), str(int(found["column0"]) + 1)
        except ValueError:
            return None
    if row.isdecimal() and column.isdecimal():
        if 1 <= int(row) <= MAX_ROWS and 1 <= int(column) <= MAX_COLUMNS:
            return Well(int(row) - 1, int(column) - 1)
        return None
    if column.isdecimal() and row.isalpha():
        return parse_well(row + column)
    return None
