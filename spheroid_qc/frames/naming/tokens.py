"""Cut a name into words and say what each could mean.

One pass of one regular expression. A word counts only between separators, so that the `C3` in
`BxPC3` or the `A54` in `A549` never comes up. What looks like a well (`slot`) is decided
elsewhere, with the other words and the rest of the folder in view.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from spheroid_qc.frames.naming.known_words import (
    CHANNEL,
    COLUMN_NAMES,
    PLATE_NAMES,
    ROW_NAMES,
    WELL_NAMES,
)

_BEFORE, _AFTER = r"(?<![^\W_])", r"(?![^\W_])"
# A word does not take the first number of a date behind it: `exp_2024-03-01`.
_NO_DATE = (
    r"(?!(?:19|20)[0-9]{2}[-_.][0-9]{1,2}[-_.][0-9]{1,2}(?![0-9])"
    r"|[0-9]{1,2}[-_.][0-9]{1,2}[-_.](?:19|20)[0-9]{2}|[0-9]{1,2}[-.][0-9]{1,2}[-.][0-9]{2}(?![0-9]))"
)
_N = rf"{_NO_DATE}[0-9]{{1,6}}"
# Six digits behind a word that counts may be a date; only cameras count that far.
_COUNT = rf"(?![1-4][0-9](?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?![0-9])){_N}"
_DECIMAL = r"[0-9]{1,5}(?:[.,][0-9]{1,3})?"
_PART = r"[0-9]{1,3}[.,][0-9]{1,2}"
_MINUS = "-\N{MINUS SIGN}\N{EN DASH}"
_JOINT = rf"[ _]{{0,2}}[{_MINUS}+]? ?"  # between a word and its number; the sign is settled later
_MONTH = (
    r"(?:jan|feb|mar|m[äa]r|apr|avr|may|mai|jun|jul|aug|ao[uû]t|sept?|o[ck]t|nov|de[cz])[a-zé]{0,6}"
)
_CLOCK = (
    r"(?:T(?:[01][0-9]|2[0-3])[-_.:h]?[0-5][0-9](?:[-_.:m]?[0-5][0-9](?:[.][0-9]+)?)?"
    r"|[ _-]{1,3}(?:[01][0-9]|2[0-3])(?:[-.:h][0-5][0-9](?:[-.:m][0-5][0-9])?|[0-5][0-9][0-5][0-9])"
    r"|[ _]{1,3}(?:[01][0-9]|2[0-3])_[0-5][0-9]_[0-5][0-9])[ms]?"
)

_MONTH_ALONE = (
    "jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|june?|juni|july?|juli"
    "|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?"
)


def _any(words: str) -> str:
    """Give a pattern for one of several words, the longest first."""
    return "|".join(sorted(words.split(), key=len, reverse=True))


_KINDS: tuple[tuple[str, str], ...] = (
    (
        "stamp",
        r"(?:19|20)[0-9]{2}(?P<joint>[-_.]?)(?:0[1-9]|1[0-2])(?P=joint)(?:0[1-9]|[12][0-9]|3[01])"
        rf"(?:{_CLOCK})?",
    ),
    (
        "stamp_words",
        r"[0-9]{4}y[0-9]{1,2}m[0-9]{1,2}d(?:[_ -]?[0-9]{1,2}h[0-9]{1,2}m)?"
        r"|(?:19|20)[0-9]{2}-(?:1[0-2]|0?[1-9])-(?:[12][0-9]|3[01]|0?[1-9])"
        r"|(?:19|20)[0-9]{2}[年년] ?[0-9]{1,2}[月월] ?[0-9]{1,2}[日일]",
    ),
    ("stamp_european", r"(?:0?[1-9]|[12][0-9]|3[01])\.(?:0?[1-9]|1[0-2])\.(?:19|20)[0-9]{2}"),
    (
        "date",
        r"[0-9]{1,2}(?P<dash>[-_.])[0-9]{1,2}(?P=dash)(?:19|20)[0-9]{2}"
        r"|[0-9]{1,2}(?P<short>[-.])[0-9]{1,2}(?P=short)[0-9]{2}",
    ),
    (
        "stamp_month",
        rf"(?:0?[1-9]|[12][0-9]|3[01])[ _.-]?{_MONTH}[ _.-]?(?:(?:19|20)[0-9]{{2}}|[0-9]{{2}})"
        rf"|(?:19|20)[0-9]{{2}}[ _.-]?{_MONTH}[ _.-]?(?:0?[1-9]|[12][0-9]|3[01])"
        rf"|(?:0?[1-9]|[12][0-9]|3[01])[ _.-]?(?:{_MONTH_ALONE})"
        rf"|(?:{_MONTH_ALONE})[ -](?:0?[1-9]|[12][0-9]|3[01])(?:st|nd|rd|th)?"
        r"(?:,?[ _-](?:19|20)[0-9]{2})?",
    ),
    (
        "elapsed",
        r"t?(?:[0-9]+d(?:ays?)?[ _]?[0-9]+h(?:rs?|ours?)?(?:[ _]?[0-9]+m(?:in)?)?"
        r"|[0-9]+h[ _]?[0-9]+m(?:in)?|[0-9]+h[0-5][0-9]|d(?:ay)?[0-9]{1,2}h(?:r|our)?[0-9]{1,2})",
    ),
    (
        "hours",
        rf"(?:t=?)?{_DECIMAL} ?(?:h(?:p[itsd])?|hrs?|hours?|std|stunden?|horas?|heures?|ore|uur"
        rf"|godz(?:in[ay]?)?|timer|tim(?:mar)?|tuntia|óra|saat|giờ"
        rf"|小[时時][后後]?|時間[後目]?|시간(?: ?후)?|ч|час(?:а|ов)?)"
        rf"|{_DECIMAL}[_-](?:hrs?|hours?|horas?|stunden?)|h[+]{_N}"
        rf"|(?:hours?|hrs?|hora|heure|stunde|ora|saat|hpt)[ _=-]?{_JOINT}{_N}",
    ),
    ("minutes", rf"(?:t=?)?{_DECIMAL} ?(?:min|mins|minutes?)"),
    (
        "days",
        rf"(?:days?|tag|jour|giorno|gg|dag|d[ií]a|dzie[nń]|p[aä]iv[aä]|g[uü]n|день|den|doba|ngày|nap"
        rf"|сутки)[ _=.-]?{_JOINT}{_DECIMAL}"
        rf"|{_DECIMAL} ?(?:days?|tage?|jours?|giorni|dagen|d[ií]as?|dni|d(?:p[itsd]|iv)|дней|дня"
        rf"|天|日目?|일차?|сут(?:ки|ок)?|dn[ůí]|dny|vrk|ngày)"
        rf"|{_N}[.]? ?nap|{_N}(?:st|nd|rd|th)[ _-]?days?|第{_N}天|{_PART}d|[dj][+]{_N}",
    ),
    ("days_short", r"[0-9]{1,3}d"),
    (
        "weeks",
        rf"(?:weeks?|wk|woche|semaine|semana|settimana)[ _-]?{_DECIMAL}"
        rf"|{_DECIMAL} ?(?:weeks?|wks?|wochen?)",
    ),
    ("index", rf"(?:time[ _-]?points?|time|frame|tp|tiempo|zeit|temps)[ _-]?{_COUNT}|t[-=]?{_N}"),
    ("z", rf"(?:z[ _-]?(?:step|stack|plane|slice)|slice|plane)[ _-]?{_N}|z[0-9]{{1,4}}"),
    ("field", rf"(?:field|fld|fov|site|position|pos|xy|tile)[ _-]?{_COUNT}|s[0-9]{{1,3}}"),
    ("channel", rf"(?:{CHANNEL})|w[0-9]|ch(?:annel)?[ _-]?[0-9]{{1,2}}"),
    ("plate", rf"(?:{_any(PLATE_NAMES)})[ _-]?(?:{_COUNT}|[a-z])"),
    ("rowcolumn", r"r(?:ow)?[ _-]?[0-9]{1,2}[ _-]?c(?:ol(?:umn)?)?[ _-]?[0-9]{1,2}"),
    (
        "well",
        rf"(?:{_any(WELL_NAMES)})[ _-]?(?:a[a-f]|[a-z])[ _-]?[0-9]{{1,2}}"
        rf"|(?:a[a-f]|[a-z])[0-9]{{1,2}}(?:{_any(WELL_NAMES)})"
        rf"|(?:{_any(ROW_NAMES)})[ _-]?(?:a[a-f]|[a-z])[ _-]{{1,3}}"
        rf"(?:{_any(COLUMN_NAMES)})[ _-]?[0-9]{{1,2}}",
    ),
    ("line", r"b16[ _-]f(?:10|0|1)|mda[ _-]mb[ _-][0-9]{3}|h9[ _-]hesc"),
    ("magnification", rf"{_DECIMAL}x"),
    (
        "label",
        r"(?:rep|repl|replicate|run|exp|batch|donor|patient|passage)[ _-]?"
        rf"{_NO_DATE}[0-9]{{1,4}}(?![.,][0-9])"
        r"|r[0-9]{1,2}",
    ),
    ("slot", rf"(?:a[a-f]|[a-z])[0-9]{{1,3}}|[dhj][{_MINUS}][0-9]{{1,3}}"),
    ("image", rf"(?:img|image|im|dscn?|snap|snapshot|pic|photo|foto|capture|scan)[ _-]?{_N}"),
    ("number", r"[0-9]+"),
    ("word", r"[^\W_]+"),
)

_TOKEN = re.compile(
    _BEFORE + "(?:" + "|".join(f"(?P<{kind}>{text})" for kind, text in _KINDS) + ")" + _AFTER,
    re.IGNORECASE,
)
_INNER = {"joint": "stamp", "dash": "date", "short": "date"}
_DIGITS = re.compile(r"[0-9]+")
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?")


@dataclass(slots=True)
class Token:
    """One word of a name, as written, and where it stands.

    `kind` is what it looks like: `slot` is a well or something that looks like one. Where the other
    names of the folder show more, `kind` changes and `hours` or `date` (with whether it has a time
    of day) hold what they show.
    """

    kind: str
    text: str
    start: int
    end: int
    hours: float | None = None
    date: tuple[datetime, bool] | None = None


def tokenise(text: str) -> list[Token]:
    """Cut a name without suffix (or a folder's name) into words, in order."""
    tokens = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "word"
        kind = _INNER.get(kind, kind)
        tokens.append(Token(kind, match[0], match.start(), match.end()))
    return tokens


@lru_cache(maxsize=8192)
def number_of(text: str) -> float:
    """First number in a word, decimal comma or point."""
    match = _NUMBER.search(text)
    return float(match[0].replace(",", ".")) if match else 0.0


_WORDS_OF_WELLS = re.compile(
    f"(?:{_any(WELL_NAMES)}|{_any(ROW_NAMES)}|{_any(COLUMN_NAMES)})|[ _-]", re.IGNORECASE
)


def well_text(text: str) -> str:
    """Give the well of a word of kind `well` without what calls it one: `Zeile B Spalte 2`."""
    return _WORDS_OF_WELLS.sub("", text)


def hours_of(token: Token) -> float | None:
    """Elapsed hours that a token states, or None if it states none."""
    kind = token.kind
    if token.hours is not None and kind in ("hours", "elapsed", "minutes"):
        return token.hours
    if kind == "elapsed":
        text = token.text.lower()
        if text[0] == "d":  # `D1H12`
            number, rest = _DIGITS.findall(text)
            return 24.0 * int(number) + int(rest)
        days = re.search(r"([0-9]+)d", text)
        hours, minutes = re.findall(r"([0-9]+)h\D*([0-9]*)", text)[0]
        return 24 * int(days[1] if days else 0) + int(hours) + int(minutes or 0) / 60
    if kind == "hours":
        return number_of(token.text)
    if kind == "minutes":
        return number_of(token.text) / 60
    return None


def stamp_of(token: Token) -> tuple[datetime, bool] | None:
    """Date of a stamp and whether it has a time of day; None if there is no such day."""
    if token.date is not None:
        return token.date
    if token.kind == "stamp_month":
        return _month_stamp(token.text)
    parts = [int(piece) for piece in _DIGITS.findall(token.text)]
    if token.kind == "stamp_european":
        parts = [parts[2], parts[1], parts[0]]
    elif token.kind == "stamp":
        digits = "".join(_DIGITS.findall(token.text))[:14]
        cuts = ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))
        parts = [int(digits[a:b]) for a, b in cuts if len(digits) >= b]
    try:
        return datetime(*parts[:6]), len(parts) > 3  # type: ignore[arg-type]
    except ValueError:
        return None


_MONTHS = (
    ("jan",), ("feb",), ("mar", "mär"), ("apr", "avr"), ("may", "mai"), ("jun", "juin"),
    ("jul", "juil"), ("aug", "aou", "aoû"), ("sep",), ("oct", "okt"), ("nov",),
    ("dec", "dez", "déc"),
)  # fmt: skip


def _month_stamp(text: str) -> tuple[datetime, bool] | None:
    word = re.sub(r"[^a-zà-ÿ]", "", text.lower())
    digits = _DIGITS.findall(text)
    first, last = digits[0], digits[1] if len(digits) > 1 else "2000"  # a year that has 29 February
    year, day = (first, last) if len(first) == 4 else (last, first)
    for month, words in enumerate(_MONTHS, 1):
        if word.startswith(words):
            try:
                return datetime(int(year) + (2000 if len(year) == 2 else 0), month, int(day)), False
            except ValueError:
                return None
    return None


@dataclass(slots=True)
class Clock:
    """All times that one name, or the folders above it, states.

    `hours` are elapsed, `days` whole days in hours; `acquired_at` is a date, with a time of day if
    `has_clock`; `index` is a running number.
    """

    hours: float | None = None
    days: float | None = None
    acquired_at: datetime | None = None
    has_clock: bool = False
    index: int | None = None

    @property
    def knows_time(self) -> bool:
        """Whether the time is known well enough that a `D5` isn't needed as day 5."""
        elapsed = self.hours is not None or self.days is not None
        return elapsed or self.has_clock or self.index is not None

    def add(self, token: Token) -> bool:
        """Take in a token; whether it was a time."""
        kind = token.kind
        if (hours := hours_of(token)) is not None:
            self.hours = hours
        elif kind in ("days", "days_short"):
            self.days = token.hours if token.hours is not None else 24 * number_of(token.text)
        elif kind == "weeks":
            self.days = 168 * number_of(token.text)
        elif kind == "index":
            self.index = int(number_of(token.text))
        elif kind.startswith("stamp"):
            stamp = stamp_of(token)
            if stamp is None:
                return False
            if self.acquired_at is None or stamp[1] >= self.has_clock:
                self.acquired_at, self.has_clock = stamp
        else:
            return False
        return True

    def elapsed(self, below: Clock, moves: bool = False) -> tuple[float | None, str, str]:
        """Hours and their source, with the folder's clock where this one is silent.

        `moves`: names state several times of a well, so that another one of the folder is none.

        The source is `elapsed`, `day` or empty; the third is a clause that names two times which
        contradict each other, empty if there are none.
        """
        for own, other, what in ((self.hours, below.hours, "h"), (self.days, below.days, "days")):
            if not moves and own is not None and other is not None and own != other:
                unit = 24 if what == "days" else 1
                return None, "", f"{own / unit:g} {what} and {other / unit:g} {what}"
        hours = self.hours if self.hours is not None else below.hours
        days = self.days if self.days is not None else below.days
        if hours is None:
            return days, "" if days is None else "day", ""
        if days is None or days == hours:
            return hours, "elapsed", ""
        if hours < 24:
            return days + hours, "elapsed", ""
        return None, "", f"day {days / 24:g} and {hours:g} h"
