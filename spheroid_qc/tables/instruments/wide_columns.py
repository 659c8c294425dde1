"""Wide tables of responses: doses in the first column, and a column for each repeat or drug.

Whether columns are repeats, drugs or cell lines is not always to be seen; where it isn't, it is
asked about (`--columns-are`).
"""

from __future__ import annotations

import re

from spheroid_qc.errors import RequestError
from spheroid_qc.tables.instruments.made_table import made_table
from spheroid_qc.tables.located_cells import Table, TableRow
from spheroid_qc.tables.match_headings import read_heading
from spheroid_qc.tables.parse_cells import is_missing, without_percent
from spheroid_qc.tables.parse_numbers import NumberError, parse_number, style_of
from spheroid_qc.tables.synonyms import RESPONSE_MEANINGS
from spheroid_qc.wording import listed

_TIME = re.compile(r"(?i)t?\s*\d+(?:\.\d+)?\s*(?:h|hr|hrs|hours?|d|days?|min)|day\s*\d+")
COLUMNS_ARE = ("replicates", "drugs", "cell-lines")
_FORM = "a wide table of responses"
_REPEAT = re.compile(
    r"(?i)(?:(?:technical\s*)?(?:rep|repl|replicate|repeat|y|n|r|#|no\.?)[\s_.\-#]*\d{1,2}|\d{1,2})"
    r"|(?:.*[\s_.\-:(])?(?:rep|replicate|repeat)[\s_.\-#]*\d{1,2}\)?"
)


def long_form(table: Table, columns_are: str = "") -> Table | None:
    """Bring a wide table to one line a dose and column; None where it is no wide table.

    Parameters
    ----------
    table : Table
        Any table.
    columns_are : str
        One of `COLUMNS_ARE`; empty: what the headings tell.

    Returns
    -------
    Table or None
        With `drug`, `cell_line` or `replicate`, the doses under their heading, and `response`.

    Raises
    ------
    RequestError
        Where the headings of a wide table may be drugs, cell lines or repeats.
    """
    head = _head(table)
    if head is None:
        return _beside_drugs(table)
    names = [text for text in head.texts[1:] if text]
    if not columns_are:
        if len(set(names)) == 1 or all(_REPEAT.fullmatch(name) for name in names):
            columns_are = "replicates"
        else:
            raise RequestError(
                f"{table.place(head.line)}: the table has a column of doses "
                f"({head.text(1)}) and columns {listed(dict.fromkeys(names), 6)}, which may be "
                "drugs, cell lines or repeats; say --columns-are drugs, cell-lines or replicates, "
                "or write a tidy table with one line a value: drug_1, dose_1_uM, response."
            )
    kind = {"replicates": "replicate", "drugs": "drug", "cell-lines": "cell_line"}[columns_are]
    dose = head.text(1)
    lines = []
    for row in table.rows:
        if row.line <= head.line:
            continue
        for column, name in enumerate(head.texts[1:], start=2):
            if name and not is_missing(row.text(column)):
                cells = {dose: row.text(1), "response": row.text(column), kind: name}
                lines.append((row.line, cells))
    note = f"Each column is one of its {columns_are.replace('-', ' ')}."
    return made_table(table, _FORM, [kind, dose, "response"], lines, note)


def _beside_drugs(table: Table) -> Table | None:
    """Bring columns of repeats or of times beside named drugs to one line a value."""
    for number, row in enumerate(table.rows[:30]):
        kinds = [read_heading(text).kind for text in row.texts]
        if not {"drug", "dose"} <= set(kinds):
            continue
        repeats = [at for at, text in enumerate(row.texts) if _REPEAT.fullmatch(text)]
        times = [at for at, text in enumerate(row.texts) if _TIME.fullmatch(text)]
        wide, kind = (repeats, "replicate") if len(repeats) > 1 else (times, "time_h")
        if len(wide) < 2 or kind in kinds or "response" in [t.casefold() for t in row.texts]:
            return None
        kept = [at for at, text in enumerate(row.texts) if text and at not in wide]
        if any(_names_a_response(row.texts[at]) for at in kept):
            return None
        lines = [
            (
                line.line,
                {row.texts[i]: line.text(i + 1) for i in kept}
                | {kind: row.texts[at], "response": line.text(at + 1)},
            )
            for line in table.rows[number + 1 :]
            for at in wide
            if not is_missing(line.text(at + 1))
        ]
        names = [row.texts[at] for at in kept]
        what = "replicates" if kind == "replicate" else "times"
        note = f"Its columns {listed([row.texts[at] for at in wide], 4)} are {what}."
        return made_table(table, _FORM, [*names, kind, "response"], lines, note)
    return None


def _names_a_response(text: str) -> bool:
    """Tell whether a heading names a response itself."""
    words = re.sub(r"[^a-zäöü]+", " ", text.casefold()).split()
    return any(word in RESPONSE_MEANINGS for word in words)


def _head(table: Table) -> TableRow | None:
    """Find the headings: doses first, and nothing else that means anything, numbers below."""
    for number, row in enumerate(table.rows[:30]):
        if read_heading(row.text(1)).kind != "dose" or len(row.texts) < 3:
            continue
        kinds = {read_heading(text).kind for text in row.texts[1:] if text}
        known = kinds - {"extra", "replicate"}
        body = table.rows[number + 1 :]
        if known or not body or "response" in [text.casefold() for text in row.texts]:
            return None
        columns = [at for at in range(2, len(row.texts) + 1) if row.text(at)]
        cells = [without_percent(line.text(at)) for line in body for at in columns]
        filled = [text for text in cells if not is_missing(text)]
        style = style_of(filled, table.separator)
        try:
            for text in filled:
                parse_number(text, style)
        except NumberError:
            return None
        return row if filled and len(columns) > 1 else None
    return None
