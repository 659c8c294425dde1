"""Cells of tables: nothing, clean text, numbers and wells, or what is wrong and what to write."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal

from spheroid_qc.tables.located_cells import Cell
from spheroid_qc.tables.match_headings import is_placeholder
from spheroid_qc.tables.parse_numbers import NumberError, NumberStyle, parse_number
from spheroid_qc.tables.synonyms import MISSING_WORDS
from spheroid_qc.tables.table_messages import TableMessages
from spheroid_qc.wells import (
    MAX_COLUMNS,
    MAX_ROWS,
    PLATE_FORMATS,
    Well,
    fits,
    parse_well,
    well_name,
)

_MONTHS = (
    r"(?:jan|feb|mar|m\u00e4r|mrz|apr|may|mai|jun|jul|aug|sep|sept|oct|okt|nov|dec|dez)[a-z]*\.?"
)
_DATE = re.compile(
    rf"\d{{1,2}}[-. /]+{_MONTHS}(?:[-. /]*\d{{2,4}})?|{_MONTHS}[-. /]*\d{{1,4}}"
    r"|\d{1,2}[./]\d{1,2}[./]?(?:\d{2,4})?|\d{4}-\d{2}-\d{2}.*",
    re.IGNORECASE,
)
_AMOUNT = re.compile(
    r"(?P<number>[+\-\u2212]?[\d.,'\u2019 \u00a0\u2009\u202f]*\d[.,]?(?:[eE][+-]?\d+)?)"
    r"\s*(?P<unit>[^\d\s.,'\u2019+\-].*)?"
)
_POWER = re.compile(
    r"(?P<number>[+-]?\d+(?:[.,]\d+)?)\s*[xX\u00d7*\u00b7]\s*10\s*(?:\^|\*\*|e|(?=[-+\u2212]))\s*"
    r"\(?(?P<exponent>[+\-\u2212]?\d{1,3})\)?"
)
_BARE_POWER = re.compile(
    r"(?<![\w.,^*\u00d7\u00b7])10\s*(?:\^|\*\*)\s*\(?(?P<exponent>[+\-\u2212]?\d{1,3})\)?"
)
_LONGEST_NUMBER = 60
_SUPERSCRIPTS = str.maketrans(
    "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b\u207a", "0123456789-+"
)
_RAISED = re.compile("10([\u207a\u207b]?[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+)")
_WELL_WORDS = re.compile(
    r"(?i)^well(?:\s*(?:no\.?|nr\.?|id|#))?[\s:_\-]*(?=[A-Za-z]{1,2}[\s_\-:]?\d)"
)
_ROW_AND_COLUMN = re.compile(
    r"(?i)(?:row|r)[\s_\-]*(\d{1,2})[\s_,;\-]*(?:column|col|c)[\s_\-]*(\d{1,2})"
)
_SCIENTIFIC = re.compile(r"([+-]?\d+(?:[.,]\d+)?)[eE]([+-]?\d+)")


def is_missing(text: str) -> bool:
    """Tell whether a cell says that there is nothing."""
    return text.casefold() in MISSING_WORDS or is_placeholder(text)


def clean(text: str) -> str:
    """Single spaces, plain hyphens, composed letters; empty for the spellings of nothing."""
    if is_missing(text):
        return ""
    plain = re.sub("[\u2010\u2011]", "-", unicodedata.normalize("NFC", text))
    return " ".join(plain.split())


def plain_powers(text: str, longest: int = _LONGEST_NUMBER) -> str:
    """Write powers of ten as a computer does: `1x10^-3`, `2 × 10⁻³`, `10^-8` as `1e-3`, `2e-3`.

    A text of more than `longest` letters is no number and stays as it is.
    """
    if len(text) > longest:
        return text

    def plain(found: re.Match[str]) -> str:
        number = found.groupdict().get("number") or "1"
        return f"{number}e{found['exponent'].replace(chr(0x2212), '-')}"

    raised = _RAISED.sub(lambda found: f"10^{found[1].translate(_SUPERSCRIPTS)}", text)
    return _BARE_POWER.sub(plain, _POWER.sub(plain, raised))


def amount_and_unit(text: str) -> tuple[str, str]:
    """Cut `10 nM` into its number and its unit; no number where the text is none."""
    text = plain_powers(text)
    match = _AMOUNT.fullmatch(text)
    return (match["number"].strip(), (match["unit"] or "").strip()) if match else ("", "")


def numeric_text(cell: Cell) -> str:
    """Give the number of a cell without its unit; empty where a workbook stores a number."""
    return "" if cell.cell_type == "number" else amount_and_unit(cell.text)[0]


def cell_number(cell: Cell, style: NumberStyle, text: str | None = None) -> Decimal:
    """Read the number of a cell, or of the part `text` of it; what a workbook stores is plain.

    Raises
    ------
    NumberError
        With the end of a sentence.
    """
    plain = cell.cell_type == "number"
    written = plain_powers(cell.text if text is None else text)
    return parse_number(written, NumberStyle() if plain else style)


def measured_number(cell: Cell, style: NumberStyle) -> Decimal | None:
    """Read a measured value; None where nothing was measured.

    Raises
    ------
    NumberError
        With the end of a sentence.
    """
    if is_missing(cell.text):
        return None
    exact = cell_number(cell, style, without_percent(cell.text))
    if abs(exact) > 10**300:
        raise NumberError(f"{cell.text!r} is beyond all measure; correct it")
    return exact


def without_percent(text: str) -> str:
    """Take away a per cent sign behind a number, `85 %`; what it means is the caller's to say."""
    return text[:-1].rstrip() if text.endswith("%") and len(text) > 1 else text


def well_named(text: str) -> Well | None:
    """Read a well as tables write it: `A1`, `Well A1`, `R02C03`; None where it is none."""
    numbered = _ROW_AND_COLUMN.fullmatch(text.strip())
    if numbered:
        row, column = int(numbered[1]), int(numbered[2])
        fits_a_plate = 1 <= row <= MAX_ROWS and 1 <= column <= MAX_COLUMNS
        return Well(row - 1, column - 1) if fits_a_plate else None
    return parse_well(_WELL_WORDS.sub("", text.strip()))


def read_well(cell: Cell, messages: TableMessages, well_count: int | None = None) -> str | None:
    """Read a well, or say what is wrong with it and what to write.

    Parameters
    ----------
    cell : Cell
        Cell of a column of wells.
    messages : TableMessages
        Takes what is wrong.
    well_count : int, optional
        Wells of the plate; a well outside is refused.

    Returns
    -------
    str or None
        Canonical name.
    """
    text = cell.text.lstrip("'").strip()
    if messages.untrusted(cell):
        return None
    if not text:
        messages.problem(
            f"{cell.place}: the well is missing; write a name such as A01, or delete the line.",
            "missing wells",
        )
        return None
    if cell.cell_type == "date" or _DATE.fullmatch(text):
        messages.problem(
            f"{cell.place}: {text!r} is a date; a spreadsheet program has turned the well into "
            "one. Write row letter and column number, such as B01, in a column formatted as text.",
            "wells turned into dates",
        )
        return None
    scientific = _SCIENTIFIC.fullmatch(text)
    if cell.cell_type == "number" or scientific or re.fullmatch(r"[+-]?\d+(?:[.,]\d+)?", text):
        messages.problem(_number_sentence(cell, text), "wells turned into numbers")
        return None
    well = well_named(text)
    if well is None:
        hint = ""
        if re.search(r"[A-Za-z]\s*\d+\s*[-:,;/+ ]+\s*[A-Za-z]?\d+", text):
            hint = " (one well a line, no ranges)"
        messages.problem(
            f"{cell.place}: {text!r} is not a well; write row letter and column number, such as "
            f"A01 or P24{hint}.",
            "unknown wells",
        )
        return None
    return well_on_plate(cell, well, messages, well_count)


def _number_sentence(cell: Cell, text: str) -> str:
    guess = ""
    scientific = _SCIENTIFIC.fullmatch(text)
    if scientific:
        exponent = int(scientific[2])
        if 1 <= exponent <= 48:
            guess = f"E{exponent:02d}"
    else:
        digits = re.fullmatch(r"([1-9]\d??)(0{2,48})(?:[.,]0*)?", text)
        if digits:
            guess = f"E{len(digits[2]):02d}"
    if guess:
        return (
            f"{cell.place}: {text!r} is a number; a spreadsheet program reads names such as "
            f"1{guess} as one. Write the well as {guess} if that is meant, in a column formatted "
            "as text, and the plate in a column of its own."
        )
    return (
        f"{cell.place}: {text!r} is a number, not a well; write row letter and column number, "
        "such as A01, in a column formatted as text."
    )


def well_of_row_and_column(
    pair: Sequence[Cell], messages: TableMessages, well_count: int | None = None
) -> str | None:
    """Read a well from a row (letters, or a number from 1) and a column number."""
    row, column = pair
    if messages.untrusted(row) or messages.untrusted(column):
        return None
    row_text, column_text = (re.sub(r"\.0+$", "", cell.text) for cell in (row, column))
    if row_text.isdigit() and 1 <= int(row_text) <= 32:
        row_text = well_name(int(row_text) - 1, 0)[:-2]
    well = parse_well(row_text + column_text) if column_text.isdigit() else None
    if well is None or not row_text.isalpha():
        bad = row if not (row_text.isalpha() and parse_well(row_text + "1")) else column
        messages.problem(
            f"{bad.place}: row {row.text!r} and column {column.text!r} are not a well; write a row "
            "letter such as A and a column number such as 1.",
            "unknown wells",
        )
        return None
    return well_on_plate(row, well, messages, well_count)


def well_on_plate(
    cell: Cell, well: Well, messages: TableMessages, well_count: int | None
) -> str | None:
    """Give the well's name if the plate has it, else say so."""
    if well_count is not None and not fits(well, well_count):
        rows, columns = PLATE_FORMATS[well_count]
        messages.problem(
            f"{cell.place}: {well.name} is not a well of a {well_count}-well plate, which ends at "
            f"{well_name(rows - 1, columns - 1)}; correct it, or set the number of wells.",
            "unknown wells",
        )
        return None
    return well.name
