"""What stands at one place of all names of a make, where a single name leaves it open.

Names (or folders) of the same kinds of words in the same order are of one *make*; the words at one
place of a make are a *position*, and have one meaning together: numbers that are dates in all
names are dates, `T0 T24 T48` are hours while `T0 T1 T2` count, `2d` is a time beside `0h` and a
culture in two dimensions where nothing else stands there, and a hyphen that only some of the
numbers have is a minus.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from math import gcd

from spheroid_qc.frames.naming.known_words import is_known_line
from spheroid_qc.frames.naming.tokens import Token, hours_of, number_of, stamp_of

Make = tuple[str, ...]
Names = Sequence[list[Token]]

_CLASS = {
    **dict.fromkeys(("hours", "minutes", "days", "days_short", "weeks", "elapsed"), "time"),
    **dict.fromkeys(("stamp", "stamp_words", "stamp_european", "stamp_month"), "stamp"),
    **dict.fromkeys(("word", "line", "magnification"), "word"),
}
_DAY_HOURS = {"days": 24.0, "days_short": 24.0, "weeks": 168.0}

MIN_HOUR_STEP = 6
"""Numbers behind a `T` or an `H` that are all multiples of this are hours: plates are imaged every
6, 12 or 24 h, and frames are counted one by one."""

_HOUR_STEPS = frozenset({6, 12, 18, *range(24, 241, 24), 36})
"""Greatest common divisors of hours; micrometres and degrees go in 30, 45, 60 and 90."""

MAX_SPAN = timedelta(days=366)
"""Longest time between two dates of one folder; numbers further apart are not dates."""

CLEARLY_SHORTER = 3
"""Day and month are told apart if one order makes the dates this much closer than the other."""

_FORMATS = {
    6: ("%y%m%d", "%d%m%y", "%m%d%y"),
    8: ("%Y%m%d", "%d%m%Y", "%m%d%Y"),
    12: ("%Y%m%d%H%M", "%y%m%d%H%M%S"),
    14: ("%Y%m%d%H%M%S",),
}
_WRITTEN = {
    8: ("%y{0}%m{0}%d", "%d{0}%m{0}%y", "%m{0}%d{0}%y"),
    10: ("%d{0}%m{0}%Y", "%m{0}%d{0}%Y"),
}
_GLUED_HOURS = re.compile(r"([^\W\d_]{2,})([0-9]{1,3} ?h(?:rs?)?)", re.IGNORECASE)
_PART = re.compile("[.,][0-9]{1,2}")
_GLUED_DAY = re.compile("([A-Za-z]+[0-9]+)[Dd]([0-9]{1,3})")
_T_NUMBER = re.compile("[tT][-=]?[0-9]+")
_YEARS = range(2000, 2050)
_MINUS = re.compile("[-\N{MINUS SIGN}\N{EN DASH}]")


def make_of(tokens: Iterable[Token]) -> Make:
    """Kinds of the words in order; words without a meaning of their own count as one in a row."""
    make: list[str] = []
    for token in tokens:
        kind = _CLASS.get(token.kind, token.kind)
        if kind != "word" or not make or make[-1] != "word":
            make.append(kind)
    return tuple(make)


def places_of(tokens: Iterable[Token]) -> list[int]:
    """Position in the make of each token."""
    places: list[int] = []
    previous = ""
    for token in tokens:
        kind = _CLASS.get(token.kind, token.kind)
        last = places[-1] if places else -1
        places.append(last if kind == "word" and previous == "word" else last + 1)
        previous = kind
    return places


def aligned(tokens: Sequence[Token]) -> list[Token]:
    """One token for each position: the last of a row of words."""
    return list(dict(zip(places_of(tokens), tokens, strict=True)).values())


def settle_positions(texts: Sequence[tuple[str, list[Token]]]) -> list[str]:
    """Give every token the meaning that its position has in all names.

    `texts` are names (or folders) with their tokens, which are changed. The list of finished
    sentences says what was settled that could be meant otherwise.
    """
    _join_parts(texts)
    words = [tokens for _, tokens in texts]
    # `P1D3` where `P1D0` shows that it is a day; `post24h` where others have other hours.
    _split_glued(words, "days", _GLUED_DAY, lambda days: any(not day.strip("0") for day in days))
    _split_glued(words, "hours", _GLUED_HOURS, lambda hours: len(hours) > 1)
    makes: dict[Make, list[tuple[str, list[Token]]]] = defaultdict(list)
    for text, tokens in texts:
        makes[make_of(tokens)].append((text, tokens))
    notes: list[str] = []
    for make, names in makes.items():
        columns: list[tuple[str, list[tuple[str, Token]]]] | None = None
        for place, kind in enumerate(make):
            if kind not in ("time", "index", "number", "slot", "stamp", "date"):
                continue
            if columns is None:
                rows = [(text, aligned(tokens)) for text, tokens in names]
                columns = [
                    (one, [(text, row[at]) for text, row in rows]) for at, one in enumerate(make)
                ]
            _settle(columns, place, notes)
    return notes


def _join_parts(texts: Sequence[tuple[str, list[Token]]]) -> None:
    """Take `d0.5` for a time: a day where the well is another word, or the name of a folder.

    Where wells of other rows are written the same way, `A1.2` beside `D1.2`, the part is a field.
    """
    found: list[tuple[str, list[Token], int]] = []
    for text, tokens in texts:
        if "." not in text and "," not in text:
            continue
        for at, (one, other) in enumerate(pairwise(tokens)):
            if one.kind in ("slot", "index") and _PART.fullmatch(text[one.end : other.end]):
                found.append((text, tokens, at))
    letters = {tokens[at].text[0].upper() for _, tokens, at in found}
    alone = any(
        sum(one.kind in ("slot", "well") for one in tokens) < 2 and text[:1].upper() != letter
        for text, tokens, at in found
        for letter in (tokens[at].text[0].upper(),)
    )
    if (
        not found
        or not letters <= {"D", "J", "T"}
        or len(letters) > 1
        or (alone and "T" not in letters)
    ):
        return
    kind = "hours" if letters == {"T"} else "days"
    for text, tokens, at in found:
        start, end = tokens[at].start, tokens[at + 1].end
        tokens[at : at + 2] = [Token(kind, text[start:end], start, end)]
    places = {at for _, _, at in found}
    for _, tokens in texts:
        for at in places & set(range(len(tokens))):
            if tokens[at].kind in ("slot", "index") and tokens[at].text[0].upper() in letters:
                tokens[at].kind = kind


def _split_glued(
    names: Sequence[list[Token]],
    kind: str,
    shape: re.Pattern[str],
    is_time: Callable[[set[str]], bool],
) -> None:
    """Cut the time off words of a shape; whether it is one is told from the times of one word."""
    found: dict[str, list[tuple[list[Token], Token, str]]] = defaultdict(list)
    for tokens in names:
        for token in tokens:
            match = shape.fullmatch(token.text) if token.kind == "word" else None
            if match is not None:
                found[match[1]].append((tokens, token, match[2]))
    for word, places in found.items():
        if not is_time({time for *_, time in places}):
            continue
        for tokens, token, _ in places:
            middle = token.start + len(word)
            time = Token(kind, token.text[len(word) :], middle, token.end)
            tokens.insert(tokens.index(token) + 1, time)
            token.text, token.end = word, middle


def _settle(
    columns: list[tuple[str, list[tuple[str, Token]]]], place: int, notes: list[str]
) -> None:
    kind, column = columns[place]
    if kind == "time":
        _settle_times(column)
    elif kind == "index":
        _settle_index([token for _, token in column], notes)
    elif kind == "slot":
        _settle_hours(column)
    after = columns[place + 1] if place + 1 < len(columns) else ("", [])
    following = [token for _, token in after[1]] if after[0] == "number" else []
    tokens = [token for _, token in column]
    if kind in ("number", "date") and tokens[0].kind == kind:
        _settle_dates(tokens, following, notes)
    if tokens[0].kind in ("stamp", "stamp_european", "stamp_month") and following:
        _settle_clocks(tokens, following)
    kinds = {one for one, _ in columns}
    if kind == "number" and tokens[0].kind == "number" and not kinds & {"time", "index", "stamp"}:
        _settle_bare_hours(columns, place, notes)


def _settle_times(column: list[tuple[str, Token]]) -> None:
    tokens = [token for _, token in column]
    distinct = {token.text for token in tokens}
    if all(token.kind == "days_short" for token in tokens) and distinct <= {"2d", "3d", "2D", "3D"}:
        for token in tokens:
            token.kind = "word"  # 2D and 3D culture
        return
    _settle_signs(column)


def _settle_signs(column: list[tuple[str, Token]]) -> None:
    """Take a hyphen before the number for a minus if only some numbers have one."""
    weak = [_hyphen(text, token) for text, token in column]
    dashed = {token.text for (_, token), how in zip(column, weak, strict=True) if how}
    if not dashed:
        return
    plain = {token.text for (_, token), how in zip(column, weak, strict=True) if not how}
    zero = any(
        number_of(token.text) == 0 for (_, token), how in zip(column, weak, strict=True) if how
    )
    for (_, token), how in zip(column, weak, strict=True):
        if how and not zero and (plain or (how == "strong" and len(dashed) == 1)):
            token.hours = -_hours(token)


def _hyphen(text: str, token: Token) -> str:
    """How a hyphen stands before the number: empty, `weak` (`Day-1`) or `strong` (`_-24h`)."""
    digit = next(index for index, mark in enumerate(token.text) if mark.isdecimal())
    before = token.text[:digit]
    whole = text[: token.start] + before
    if not _MINUS.match(whole[-1:] or "x"):
        return ""
    if not before:
        return "strong" if len(whole) == 1 or whole[-2:-1] in ("_", " ", "(", "[") else ""
    return "strong" if before[-2:-1] in ("_", " ") else "weak"


def _hours(token: Token) -> float:
    found = hours_of(token)
    return found if found is not None else _DAY_HOURS.get(token.kind, 1) * number_of(token.text)


def are_hours(numbers: Iterable[float]) -> bool:
    """Whether numbers that stand for times are hours, not counts: see `MIN_HOUR_STEP`."""
    found = set(numbers)
    if len(found) < 2 or any(number % MIN_HOUR_STEP for number in found):
        return False
    return gcd(*map(int, found)) in _HOUR_STEPS


def count_from_one(numbers: Iterable[float]) -> bool:
    """Whether numbers count 1, 2, 3, as donors do; times begin at 0 or leave some out."""
    found = sorted(set(numbers))
    return found == list(range(1, len(found) + 1))


def _settle_index(tokens: list[Token], notes: list[str]) -> None:
    distinct = {token.text for token in tokens}
    if all(map(is_known_line, distinct)):
        for token in tokens:
            token.kind = "word"  # the bladder line T24
        return
    numbers = {number_of(text) for text in distinct}
    if all(map(_T_NUMBER.fullmatch, distinct)) and are_hours(numbers):
        for token in tokens:
            token.kind = "hours"
        notes.append(_taken(distinct, "hours"))


def _settle_hours(column: list[tuple[str, Token]]) -> None:
    """Settle `H0 H24 H48`, and minus signs of `D-1 D0 D1`, among words that look like wells."""
    tokens = [token for _, token in column]
    letters = {token.text[0].upper() for token in tokens}
    dashed = any(len(token.text) > 1 and _MINUS.match(token.text[1]) for token in tokens)
    if len(letters) > 1 or not letters <= {"D", "H", "J"}:
        return
    numbers = {number_of(token.text) for token in tokens}
    letter = letters.pop()
    if letter == "H" and 0 in numbers and are_hours(numbers):
        for token in tokens:
            token.kind = "hours"
    elif letter in "DJ" and 0 in numbers:
        for token in tokens:
            token.kind = "days"
    if dashed:
        _settle_signs(column)


def _settle_bare_hours(
    columns: list[tuple[str, list[tuple[str, Token]]]], place: int, notes: list[str]
) -> None:
    """Take `B02_24 B02_48` for hours.

    They are multiples of 6, and names differ in them that differ in nothing else; doses don't.
    """
    tokens = [token for _, token in columns[place][1]]
    numbers = {number_of(token.text) for token in tokens}
    if max(len(token.text) for token in tokens) > 3 or not are_hours(numbers) or max(numbers) < 24:
        return
    found: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for row, token in enumerate(tokens):
        others = (column[row][1].text for at, (_, column) in enumerate(columns) if at != place)
        found[tuple(others)].add(token.text)
    if 2 * sum(len(values) > 1 for values in found.values()) > len(found):
        for token in tokens:
            token.kind = "hours"
        notes.append(_taken({token.text for token in tokens}, "hours"))


def _settle_dates(tokens: list[Token], following: list[Token], notes: list[str]) -> None:
    """Take numbers for dates that are dates in all names, and lie close together."""
    distinct = {token.text for token in tokens}
    length = len(tokens[0].text)
    forms = _FORMATS.get(length, ())
    if tokens[0].kind == "date":
        for token in tokens:
            token.kind = "number"  # unless it turns out to be one
        years = {len(re.split("[-_.]", text)[-1]) for text in distinct}
        joints = set(re.findall("[-_.]", "".join(distinct)))
        if len(years) > 1 or len(joints) > 1:
            return
        joint = joints.pop()
        forms = tuple(form.format(joint) for form in _WRITTEN[10 if years == {4} else 8])
        length = 10
    elif not forms or any(len(text) != length for text in distinct):
        return
    clocked = length == 6 and following and all(_clock(token.text) for token in following)
    clocked = clocked and all(len(token.text) == 6 for token in following)
    if len(distinct) == 1 and length == 6 and not clocked:
        return  # six digits alone are as well a number
    spans: list[tuple[timedelta, dict[str, datetime]]] = []
    for form in forms:
        dates = _dates(distinct, form)
        if dates is not None:
            span = max(dates.values()) - min(dates.values())
            if span <= MAX_SPAN:
                spans.append((span, dates))
    if not spans:
        return
    shortest = min(span for span, _ in spans)
    rivals = [
        dates for span, dates in spans if span < CLEARLY_SHORTER * max(shortest, timedelta(1))
    ]
    if not _same_steps(rivals):
        notes.append(
            f"Numbers such as {min(distinct)} can be dates with the day or with the month first: "
            "they are not read; write them as 2026-10-05."
        )
        return
    chosen = next(dates for span, dates in spans if span == shortest)
    for token in tokens:
        token.kind, token.date = "stamp", (chosen[token.text], length > 10)
    if len(distinct) > 1:
        days = sorted({f"{date:%Y-%m-%d}" for date in chosen.values()})
        notes.append(
            f"Numbers such as {min(distinct)} are taken as dates ({days[0]} to {days[-1]})."
        )


def _same_steps(rivals: list[dict[str, datetime]]) -> bool:
    """Whether all orders of day and month give the same times since the first date."""
    steps = {
        tuple(sorted((text, date - min(dates.values())) for text, date in dates.items()))
        for dates in rivals
    }
    return len(steps) == 1


def _dates(texts: Iterable[str], form: str) -> dict[str, datetime] | None:
    dates = {}
    for text in texts:
        try:
            dates[text] = datetime.strptime(text, form)
        except ValueError:
            return None
        if dates[text].year not in _YEARS:
            return None
    return dates


def _clock(text: str) -> timedelta | None:
    """Time of day that four or six digits state."""
    if len(text) not in (4, 6):
        return None
    hours, minutes, seconds = int(text[:2]), int(text[2:4]), int(text[4:] or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _settle_clocks(stamps: list[Token], following: list[Token]) -> None:
    """Take numbers behind dates for times of day if all are, and they don't count one by one."""
    distinct = {token.text for token in following}
    clocks = {text: _clock(text) for text in distinct}
    if None in clocks.values() or any(token.kind != "number" for token in following):
        return
    numbers = sorted(map(int, distinct))
    if len(min(distinct)) == 4 and (
        numbers[-1] < 100 or (len(numbers) > 1 and numbers[-1] - numbers[0] == len(numbers) - 1)
    ):
        return
    for stamp, token in zip(stamps, following, strict=True):
        date = stamp_of(stamp)
        clock = clocks[token.text]
        if date is None or date[1] or clock is None:
            return
        stamp.date = (date[0] + clock, True)
        token.kind = "clock"


def _taken(texts: Iterable[str], what: str) -> str:
    shown = sorted(texts, key=lambda text: (number_of(text), text))
    more = " ..." if len(shown) > 6 else ""
    return f"{', '.join(shown[:6])}{more} in the names are taken as {what}."
