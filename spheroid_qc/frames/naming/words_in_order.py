"""Words for times that follow each other: days of a week, before and after, first and second.

They place images in time without a number. A name pattern gives each its own: `(?P<day_0>Mon)` says
that `Mon` means day 0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_WEEKS_TEXT = """
monday tuesday wednesday thursday friday saturday sunday
mon tue wed thu fri sat sun
mon tues wed thur fri sat sun
mon tues weds thurs fri sat sun
montag dienstag mittwoch donnerstag freitag samstag sonntag
mo di mi do fr sa so
lundi mardi mercredi jeudi vendredi samedi dimanche
lunes martes miércoles jueves viernes sábado domingo
lunes martes miercoles jueves viernes sabado domingo
lunedì martedì mercoledì giovedì venerdì sabato domenica
lunedi martedi mercoledi giovedi venerdi sabato domenica
segunda terça quarta quinta sexta sábado domingo
maandag dinsdag woensdag donderdag vrijdag zaterdag zondag
poniedziałek wtorek środa czwartek piątek sobota niedziela
måndag tisdag onsdag torsdag fredag lördag söndag
mandag tirsdag onsdag torsdag fredag lørdag søndag
"""
_ORDERS_TEXT = """
january february march april may june july august september october november december
jan feb mar apr may jun jul aug sep oct nov dec
jan feb mar apr may jun jul aug sept oct nov dec
januar februar märz april mai juni juli august september oktober november dezember
before after
pre post
vorher nachher
vor nach
avant après
avant apres
antes después
antes despues
antes depois
prima dopo
przed po
до после
前 後
前 后
baseline start begin beginning middle mid end
inicio fin
inizio fine
início fim
anfang mitte ende
initial final
early late
earlier later
früh spät
first second third fourth fifth last
morning noon afternoon evening night
am pm
yesterday today tomorrow
gestern heute morgen
one two three four five six seven eight nine ten
eins zwei drei vier fünf sechs sieben
un deux trois quatre cinq
uno dos tres cuatro cinco
i ii iii iv v vi vii viii ix x
"""
_WEEKS = tuple(tuple(line.split()) for line in _WEEKS_TEXT.strip().splitlines())
_ORDERS = tuple(tuple(line.split()) for line in _ORDERS_TEXT.strip().splitlines())
ORDERED_WORDS = frozenset(
    word
    for line in (*_WEEKS, *_ORDERS[:-1])
    for word in line  # numerals are judged elsewhere
)
"""Words of all these lines but Roman numerals."""


def in_order(words: Sequence[str]) -> list[str]:
    """Sort words by time as far as one line has them all, else as text."""
    line = _line_of(words, (*_WEEKS, *_ORDERS))
    return sorted(words) if line is None else sorted(words, key=lambda one: line.index(one.lower()))


def either_time(words: Sequence[str]) -> str:
    """Give a name pattern for words that are times, in this order.

    Days of one week are counted from the first of them; all others are time points 0, 1, 2.
    """
    line = _line_of(words, _WEEKS)
    group, numbers = "timepoint", list(range(len(words)))
    if line is not None:
        days = [line.index(word.lower()) for word in words]
        group, numbers = "day", [day - min(days) for day in days]
    parts = [
        f"(?P<{group}_{number}>{re.escape(word)})"
        for word, number in zip(words, numbers, strict=True)
    ]
    return f"(?:{'|'.join(parts)})"


def _line_of(words: Sequence[str], lines: Sequence[Sequence[str]]) -> Sequence[str] | None:
    lower = {word.lower() for word in words}
    return next((line for line in lines if lower <= set(line)), None)
