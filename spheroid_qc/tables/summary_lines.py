"""Lines below a table that sum it up (`Mean,,52.1`): they are no measurements."""

from __future__ import annotations

from collections.abc import Sequence

from spheroid_qc.tables.located_cells import Table, TableRow
from spheroid_qc.tables.synonyms import SUMMARY_WORDS
from spheroid_qc.tables.table_messages import TableMessages
from spheroid_qc.wording import listed


def is_summary(text: str) -> bool:
    """Tell whether a cell is a word such as `Mean`, `SD` or `Total`."""
    return " ".join(text.casefold().rstrip(":").split()) in SUMMARY_WORDS


def without_summary(
    table: Table, body: Sequence[TableRow], messages: TableMessages
) -> list[TableRow]:
    """Leave out the last lines of a table where each begins with such a word, and say so."""
    kept = list(body)
    left: list[TableRow] = []
    while kept and is_summary(next((text for text in kept[-1].texts if text), "")):
        left.insert(0, kept.pop())
    if left and kept:
        words = listed(dict.fromkeys(next(text for text in row.texts if text) for row in left))
        lines = f"Line {left[0].line}"
        if len(left) > 1:
            lines = f"Lines {left[0].line} to {left[-1].line}"
        messages.notes.append(
            f"{lines} of {table.title} ({words}) sum the table up and are left out."
        )
        return kept
    return list(body)
