"""Numbers and doses as people write them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

_DASH = "–"


def finite(value: object) -> float | None:
    """Take a value as a number; None where it is none, infinite or missing."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def number(value: object, digits: int = 3) -> str:
    """Write a number with some significant digits; a dash where there is none.

    Parameters
    ----------
    value : object
        A number, or anything else.
    digits : int
        Significant ones.

    Returns
    -------
    str
    """
    found = finite(value)
    if found is None:
        return _DASH
    text = f"{found:.{digits}g}"
    if "e" in text and 1e-4 <= abs(found) < 1e7:
        text = f"{float(text):.0f}"
    return text.replace("-", "−", 1) if text.startswith("-") else text


def signed(value: object, places: int = 2) -> str:
    """Write a difference with its sign."""
    found = finite(value)
    return _DASH if found is None else f"{found:+z.{places}f}".replace("-", "−")


def decimal(value: object, places: int = 2) -> str:
    """Write a number with fixed places, so that those below each other compare; never as -0.00."""
    found = finite(value)
    return _DASH if found is None else f"{found:z.{places}f}".replace("-", "−")


def telling_places(value: float, places: int = 2) -> int:
    """Give the places with which a bound does not look like no effect (0, or 1) where it is not."""
    shown = range(places, places + 3)
    return next((n for n in shown if float(f"{value:.{n}f}") not in (0.0, 1.0)), places)


def interval(low: object, high: object, places: int = 2) -> str:
    """Write an interval; empty where there is none."""
    ends = [finite(low), finite(high)]
    if ends[0] is None and ends[1] is None:
        return ""
    shown = ["no bound" if e is None else decimal(e, telling_places(e, places)) for e in ends]
    return f"{shown[0]} to {shown[1]}"


def signed_interval(low: float, high: float) -> str:
    """Write the ends of a difference's interval with their signs."""
    ends = (signed(end, telling_places(end)) for end in (low, high))
    return f"[{', '.join(ends)}]"


def percent(value: object) -> str:
    """Write a share in percent."""
    found = finite(value)
    if found is None:
        return _DASH
    whole = round(100 * found)
    return f"−{-whole} %" if whole < 0 else f"{whole} %"


def hours(value: object) -> str:
    """Write a time in hours."""
    found = finite(value)
    return _DASH if found is None else f"{found:g} h"


def p_words(value: object) -> str:
    """Write a p value; what is below a ten-thousandth isn't known more closely."""
    found = finite(value)
    if found is None:
        return _DASH
    return "< 0.0001" if found < 1e-4 else f"{found:.2g}"


def dose_words(dose: float, unit: str = "uM", given: str = "") -> str:
    """Write a dose in the unit that needs no zeros, or in the molar one in which it was given.

    Parameters
    ----------
    dose : float
        Above 0.
    unit : str
        `uM`, or a unit that is kept as it is.
    given : str
        A molar unit; empty: any.

    Returns
    -------
    str
    """
    if unit != "uM":
        return f"{dose:.3g} {unit}"
    if given:
        return f"{dose_in(dose, given)} {given.replace('uM', 'µM')}"
    for factor, name in ((1e-3, "mM"), (1.0, "µM"), (1e3, "nM"), (1e6, "pM")):
        if dose * factor >= 0.0999 or name == "pM":
            return f"{float(f'{dose * factor:.3g}'):g} {name}"
    return f"{dose:g} µM"


_PER_MICROMOLAR = {"pM": 1e6, "nM": 1e3, "uM": 1.0, "mM": 1e-3, "M": 1e-6}
MOLAR_UNITS = tuple(_PER_MICROMOLAR)
"""Units in which doses that are analysed in uM can be shown."""


def in_unit(dose: float, unit: str) -> float:
    """Turn a dose in uM into a molar unit; one in any other unit stays as it is."""
    return dose * _PER_MICROMOLAR.get(unit, 1.0)


def dose_in(dose: float, unit: str) -> str:
    """Write a dose (in uM where `unit` is a molar one) as a number of `unit`."""
    return number(in_unit(dose, unit))


def in_given_units(name: str, given: Mapping[str, str]) -> str:
    """Write the doses in the name of a condition (in uM) as they were given.

    `given`: drug -> molar unit in which its doses were written.
    """
    for drug, unit in given.items():
        name = re.sub(
            rf"(?<![^ (]){re.escape(drug)} (\S+) uM\b",
            lambda found, d=drug, u=unit: f"{d} {in_unit(float(found[1]), u):.6g} {u}",  # type: ignore[misc]
            name,
        )
    return name


def plural(count: int, word: str) -> str:
    """Count things: 1 well, 2 wells."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def listed(items: Iterable[str], maximum: int = 12) -> str:
    """List some things and count the rest."""
    found = list(items)
    more = f" and {len(found) - maximum} more" if len(found) > maximum else ""
    return ", ".join(found[:maximum]) + more


def listed_and(items: Iterable[str]) -> str:
    """List some things with an `and` before the last."""
    *most, last = items
    return f"{', '.join(most)} and {last}" if most else last
