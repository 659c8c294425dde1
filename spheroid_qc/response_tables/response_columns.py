"""Which column of a table is the response, and what its heading and cells state of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from spheroid_qc.errors import RequestError
from spheroid_qc.tables.located_cells import Cell, Table, TableRow
from spheroid_qc.tables.parse_cells import measured_number
from spheroid_qc.tables.parse_numbers import NumberError, NumberStyle
from spheroid_qc.tables.synonyms import RESPONSE_MEANINGS, RESPONSE_UNITS, folded
from spheroid_qc.tables.table_messages import TableMessages

_NOT_AVAILABLE = "#n/a"
# What brackets behind a response may say of its per cent: the reference, and no other response.
_OTHER_RESPONSES = {
    "inhibition": re.compile(
        r"(?i)\b(?:dead|death|dying|kill\w*|loss|lost|inhib\w*|affected|toxic\w*|cytotox\w*|lysis|"
        r"apopto\w*|reduction|non[ -]?viable)\b|\btot\b|\babget\u00f6tet\w*"
    ),
    "viability": re.compile(
        r"(?i)(?<!non-)(?<!non )\b(?:viab\w*|alive|live|living|surviv\w*|lebend\w*)\b"
    ),
}
_PERCENT_OF = re.compile(r"[\(\[]\s*(?:%|percent)(?:\s+(?:of\s+)?[\w ]+)?\s*[\)\]]")


def _plain(text: str) -> str:
    return re.sub(r"[\s.\-]+", "_", text.strip().casefold())


def meaning_of(text: str) -> tuple[str, str] | None:
    """Give meaning and unit that a heading states: `viability_percent`, `Inhibition (%)`.

    None also where it contradicts itself, as `viability (% dead)` does.
    """
    return None if contradicts_itself(text) else _meaning_of(text)


def contradicts_itself(text: str) -> bool:
    """Tell whether a heading names viability and its opposite at once: `viability (% dead)`."""
    found = _meaning_of(text)
    said = " ".join(re.findall(r"[\(\[]([^)\]]*)[)\]]", text))
    if found is None or not said:
        return False
    if found[0] == "viability":
        return bool(_OTHER_RESPONSES["inhibition"].search(said))
    # `cell death (% of live cells)` says of what they are a share.
    return bool(_OTHER_RESPONSES["viability"].search(re.sub(r"(?i)\bof\b.*", "", said)))


def _meaning_of(text: str) -> tuple[str, str] | None:
    bare = _PERCENT_OF.sub("_%", folded(text.strip()))
    bare = re.sub(r"[\(\[]\s*(fraction)\s*[\)\]]", r"_\1", bare)
    bare = re.sub(r"_+", "_", _plain(bare).replace("%", "_%_")).strip("_")
    word, _, unit = bare.rpartition("_")
    first, _, rest = bare.partition("_")
    if bare in RESPONSE_MEANINGS:
        return RESPONSE_MEANINGS[bare], ""
    if word in RESPONSE_MEANINGS and unit in RESPONSE_UNITS:
        return RESPONSE_MEANINGS[word], RESPONSE_UNITS[unit]
    if rest in RESPONSE_MEANINGS and first in RESPONSE_UNITS:
        return RESPONSE_MEANINGS[rest], RESPONSE_UNITS[first]
    return None


def response_of(sheet: Table, heads: TableRow, wanted: str | None) -> tuple[int, str, str]:
    """Column (from 1) of the response, and what its heading states."""
    texts = heads.texts
    listed = ", ".join(text for text in texts if text)
    if wanted is not None:
        at = [i for i, text in enumerate(texts) if _plain(text) == _plain(wanted)]
        if len(at) != 1:
            lack = "has no" if not at else "has more than one"
            raise RequestError(f"{sheet.title} {lack} column {wanted!r}; it has {listed}.")
        kind, unit = meaning_of(texts[at[0]]) or ("", "")
        return at[0] + 1, kind, unit
    named = [i for i, text in enumerate(texts) if _plain(text) == "response"]
    if len(named) > 1:
        raise RequestError(f"{sheet.title} has more than one column response; keep one of them.")
    if named:
        return named[0] + 1, "", ""
    torn = [text for text in texts if contradicts_itself(text)]
    if torn:
        raise RequestError(
            f"{sheet.place(heads.line)}: the heading {torn[0]!r} names viability and its opposite "
            "at once; write viability (%) or inhibition (%), or name the column by "
            "--response-column and say --response-is."
        )
    stated = [(i, found) for i, text in enumerate(texts) if (found := meaning_of(text))]
    if len(stated) == 1:
        return stated[0][0] + 1, *stated[0][1]
    why = (
        "has no column response"
        if not stated
        else (f"has several columns that may be meant ({', '.join(texts[i] for i, _ in stated)})")
    )
    raise RequestError(
        f"{sheet.title} {why}; it has {listed}. Name the column with the measured values by "
        "--response-column."
    )


def response_values(
    cells: Sequence[Cell], style: NumberStyle, messages: TableMessages
) -> tuple[list[float], str]:
    """Read the responses, and the unit that the cells state: `85 %` is percent.

    NaN where nothing was measured; empty where the cells state no unit.
    """
    values: list[float] = []
    percent = []
    for cell in cells:
        value = None
        try:
            if not messages.untrusted(cell) and cell.text.casefold() != _NOT_AVAILABLE:
                value = measured_number(cell, style)
        except NumberError as error:
            messages.problem(f"{cell.place}: {error}.", "unreadable responses")
        values.append(np.nan if value is None else float(value))
        if value is not None:
            percent.append(cell.text.endswith("%"))
    if any(percent) and not all(percent):
        bare = next(
            cell
            for cell, value in zip(cells, values, strict=True)
            if value == value and not cell.text.endswith("%")
        )
        messages.problem(
            f"{bare.place}: {bare.text!r} has no per cent sign, though other responses of the "
            "table have one; write all of them one way."
        )
    return values, "percent" if percent and all(percent) else ""


def has_response(heads: TableRow, wanted: str | None) -> bool:
    """Tell whether a line of headings has a column that may be the response."""
    texts = [text for text in heads.texts if text]
    if wanted is not None:
        return any(_plain(text) == _plain(wanted) for text in texts)
    return any(_plain(text) == "response" or _meaning_of(text) for text in texts)
