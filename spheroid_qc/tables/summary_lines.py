"""Lines below a table that sum it up (`Mean,,52.1`, `IC50,0.9`): they are no measurements."""

from __future__ import annotations

import re
from collections.abc import Sequence

from spheroid_qc.tables.located_cells import Table, TableRow
from spheroid_qc.tables.match_headings import read_heading
from spheroid_qc.tables.synonyms import SUMMARY_WORDS, folded
from spheroid_qc.tables.table_messages import TableMessages
from spheroid_qc.wording import listed

# Words that may as well be data: row N of a plate, the total among fractions, the largest group.
_MAY_BE_DATA = frozenset(
    {"n", "total", "totals", "max", "min", "maximum", "minimum", "count", "range", "overall", "se"}
)


def is_summary(text: str) -> bool:
    """Tell whether a cell is a word such as `Mean`, `SD`, `Total` or `IC50`."""
    bare = " ".join(folded(text).rstrip(":").split())
    return bare in SUMMARY_WORDS or re.sub(r"\s*[(\[][^()\[\]]*[)\]]$", "", bare) in SUMMARY_WORDS


def without_summary(
    table: Table,
    body: Sequence[TableRow],
    messages: TableMessages,
    headings: TableRow | None = None,
) -> list[TableRow]:
    """Leave out the last lines of a table where each begins with such a word, and say so.

    A line that is as full as those above it is data where its word may name a row of the plate, a
    replicate or a level of a factor; `headings` tell, where they are known.
    """
    kept = list(body)
    left: list[TableRow] = []
    while kept and _sums_up(kept[-1], body[0], headings):
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


def _sums_up(row: TableRow, first: TableRow, headings: TableRow | None) -> bool:
    at = next((at for at, text in enumerate(row.texts, start=1) if text), 0)
    if not is_summary(row.text(at)):
        return False
    if headings is None:
        return True
    full = all(row.text(column) for column, text in enumerate(first.texts, start=1) if text)
    kind = read_heading(headings.text(at)).kind
    word = row.text(at).casefold().rstrip(":")
    return not full or word not in _MAY_BE_DATA or kind in ("well", "drug", "dose")
