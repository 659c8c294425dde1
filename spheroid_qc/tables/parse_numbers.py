"""Numbers in tables that people type: decimal points, decimal commas, thousands.

`1,5` is clear, `1,000` is not: it may be one or one thousand. Which mark a table uses is decided
from all cells of its numeric columns together; what stays ambiguous is refused rather than
guessed, because a factor of a thousand in a dose looks perfectly plausible in a figure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

_EXPONENT = r"(?:[eE][+-]?\d{1,3})?"
_PLAIN = re.compile(rf"[+-]?\d+{_EXPONENT}")
_POINT = re.compile(rf"[+-]?\d*\.\d+{_EXPONENT}|[+-]?\d+\.{_EXPONENT}")
_COMMA = re.compile(rf"[+-]?\d*,\d+{_EXPONENT}|[+-]?\d+,{_EXPONENT}")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
_GROUPED_COMMAS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3}){2,}|[+-]?[1-9]\d{0,2}(?:,\d{3})+\.\d+")
_GROUPED_POINTS = re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3}){2,}|[+-]?[1-9]\d{0,2}(?:\.\d{3})+,\d+")
_SHORT_INTEGER = re.compile(r"[1-9]\d{0,2}")
_GROUPED_SPACES = re.compile(r"[+-]?[1-9]\d{0,2}(?:[ \u00a0\u2009\u202f'\u2019]\d{3})+(?:[.,]\d+)?")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity|infinite|\u221e)", re.IGNORECASE)
_SPREADSHEET_ERROR = re.compile(r"#(?:N/A|REF!|DIV/0!|VALUE!|NAME\?|NUM!|NULL!|SPILL!|CALC!)|#{3,}")


class NumberError(ValueError):
    """Why a cell is no number; the text ends a sentence that begins with the cell's place."""


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """How numbers are written in one table.

    Attributes
    ----------
    mark : str
        Decimal mark: `.` or `,`.
    sure : bool
        Whether `1.000` can only be a decimal number. Where no cell proves a mark it may be a
        European thousand, and is refused.
    proven : bool
        Whether cells prove the mark and none contradicts it: then the other mark can only group
        thousands.
    """

    mark: str = "."
    sure: bool = True
    proven: bool = field(default=False, compare=False)


def mark_evidence(text: str) -> str:
    """Tell which decimal mark one cell proves: `.` or `,`.

    Empty where the cell proves nothing (an integer, `1,000`, a word).
    """
    text = text.strip()
    if len(text) > 60:
        return ""
    if _GROUPED_COMMAS.fullmatch(text):
        return "."
    if _GROUPED_POINTS.fullmatch(text):
        return ","
    if _THOUSANDS.fullmatch(text):
        return ""
    if _POINT.fullmatch(text):
        return "."
    if _COMMA.fullmatch(text):
        return ","
    return ""


def style_of(columns: Iterable[Iterable[str]], separator: str) -> NumberStyle:
    """Decide how a table writes numbers, from the cells of its numeric columns.

    Parameters
    ----------
    columns : iterable of iterables of str
        Cells, without unit, column by column.
    separator : str
        The table's separator. Columns are separated by commas where decimals have points, so that
        `1.000` without any proof is a decimal there; in other files it may be a thousand.

    Returns
    -------
    NumberStyle
        The mark of the majority of proving cells; the minority then fails in `parse_number`.
    """
    cells = [[text.strip() for text in column] for column in columns]
    marks = [mark for column in cells for text in column if (mark := mark_evidence(text))]
    if not marks:
        return NumberStyle(".", sure=separator == "," and not any(map(_groups_thousands, cells)))
    commas = marks.count(",")
    return NumberStyle("," if commas * 2 > len(marks) else ".", proven=commas in (0, len(marks)))


def _groups_thousands(column: list[str]) -> bool:
    """Tell whether a column looks as if points group thousands: `300`, `1.000`, `10.000`.

    A column of decimals has its places everywhere (`0.300`, `1.000`) or nowhere; whole numbers
    below a thousand beside nothing but such points, and none above, are what grouping leaves.
    """
    filled = [text for text in column if text and text != "0"]
    pointed = [text for text in filled if _THOUSANDS.fullmatch(text) and "." in text]
    whole = [text for text in filled if _SHORT_INTEGER.fullmatch(text)]
    return bool(pointed and whole) and len(pointed) + len(whole) == len(filled)


def parse_number(text: str, style: NumberStyle | None = None) -> Decimal:
    """Read one number exactly as written.

    Parameters
    ----------
    text : str
        The cell, without unit.
    style : NumberStyle, optional
        How the table writes numbers; decimal points by default.

    Returns
    -------
    decimal.Decimal
        Finite.

    Raises
    ------
    NumberError
        With the end of a sentence: what is wrong and what to write instead.
    """
    style = style or NumberStyle()
    text = text.strip().replace("\u2212", "-")
    if not text:
        raise NumberError("is empty; write a number")
    if len(text) > 60:
        raise NumberError(f"{text[:20]!r} ... is too long for a number; write one such as 0.1")
    if _NOT_FINITE.fullmatch(text):
        raise NumberError(f"{text!r} is not a finite number; write a number, or leave it empty")
    if _SPREADSHEET_ERROR.fullmatch(text):
        raise NumberError(
            f"{text!r} is an error value of the spreadsheet program; mend the formula or the "
            "column width there and write the number"
        )
    if _PLAIN.fullmatch(text):
        return Decimal(text)
    if _GROUPED_SPACES.fullmatch(text):
        return parse_number(re.sub(r"[ \u00a0\u2009\u202f'\u2019]", "", text), style)
    other = "," if style.mark == "." else "."
    if _GROUPED_COMMAS.fullmatch(text) and style.mark == ".":
        return Decimal(text.replace(",", ""))
    if _GROUPED_POINTS.fullmatch(text) and style.mark == ",":
        return Decimal(text.replace(".", "").replace(",", "."))
    if _THOUSANDS.fullmatch(text) and (other in text or not style.sure):
        digits = re.sub(r"[.,]", "", text)
        if style.proven:
            return Decimal(digits)
        raise NumberError(
            f"{text!r} may be {text.replace(',', '.')} or {digits}; write {digits} without a "
            f"separator, or {Decimal(text.replace(',', '.')).normalize():f} with a decimal point "
            "if that is meant"
        )
    if (_POINT if style.mark == "." else _COMMA).fullmatch(text):
        return Decimal(text.replace(",", "."))
    if (_COMMA if style.mark == "." else _POINT).fullmatch(text):
        names = {".": "point", ",": "comma"}
        raise NumberError(
            f"{text!r} has a decimal {names[other]}, but other numbers of this table have a "
            f"decimal {names[style.mark]}; write all of them one way"
        )
    raise NumberError(f"{text!r} is not a number; write one such as 0.1, 10 or 1e-3")
