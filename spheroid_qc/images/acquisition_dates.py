"""Dates and durations as instruments write them.

Dates come back without a time zone: those that carry one are turned to UTC, the others stay as
written. Only differences between frames of one instrument are ever used.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

_PATTERNS = (
    "%Y:%m:%d %H:%M:%S",
    "%Y:%m:%d %H:%M:%S.%f",
    "%Y%m%d %H:%M:%S.%f",
    "%Y%m%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S %z",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%y %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%y %I:%M:%S %p",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%y %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
)

_LONG_FRACTION = re.compile(r"(\.\d{6})\d+")

_UNITS = {
    "ns": 1e-9,
    "us|µs": 1e-6,
    "ms|msec|millisecond": 1e-3,
    "s|sec|second": 1.0,
    "min|minute": 60.0,
    "h|hr|hour": 3600.0,
    "d|day": 86_400.0,
}
_SECONDS = {word: length for words, length in _UNITS.items() for word in words.split("|")}


def parse_date(text: object) -> datetime | None:
    """Read a date with time from a string or a `datetime`; anything else gives None.

    The result is naive; UTC where the text names a zone. None for what is no date, and for the zero
    dates that cameras write before their clock is set.
    """
    if isinstance(text, datetime):
        found: datetime | None = text
    elif isinstance(text, str):
        found = _parse(_LONG_FRACTION.sub(r"\1", text.strip().strip("\x00").strip()))
    else:
        return None
    if found is None:
        return None
    if found.tzinfo is not None:
        try:
            found = found.astimezone(UTC).replace(tzinfo=None)
        except (OverflowError, ValueError):
            return None
    return found if 1980 < found.year < 2200 else None


def _parse(text: str) -> datetime | None:
    if not 8 <= len(text) <= 60:
        return None
    if "-" in text or "T" in text:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    for pattern in _PATTERNS:
        try:
            return datetime.strptime(text, pattern)
        except ValueError:
            continue
    return None


def seconds_per(unit: str | None, default: float | None = None) -> float | None:
    """Length of a unit of time (`s`, `sec`, `ms`, `min`, `h`, `hour` ...) in seconds.

    `default` where there is no unit, None for an unknown word.
    """
    if unit is None or not unit.strip():
        return default
    text = unit.strip().lower().replace("\u03bc", "µ").rstrip(".")
    return _SECONDS.get(text, _SECONDS.get(text.removesuffix("s")))


def after(start: datetime, seconds: float) -> datetime:
    """Date some seconds after another; the start itself where that leaves the calendar."""
    if not math.isfinite(seconds):
        return start
    try:
        return start + timedelta(seconds=seconds)
    except OverflowError:
        return start
