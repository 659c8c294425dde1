"""What a user says of columns that tell rows apart: `batch=ignore`, `donor=stratum`."""

from __future__ import annotations

from collections.abc import Iterable

from spheroid_qc.errors import RequestError
from spheroid_qc.tables.find_heading_line import HeadingLine
from spheroid_qc.tables.match_headings import Heading

MEANINGS = {
    "stratum": "stratum", "ignore": "ignored", "replicate": "replicate",
    "biological_replicate": "biological_replicate", "cell_line": "cell_line", "plate": "plate",
}  # fmt: skip
"""What a user may state of a column, and the kind of heading that it becomes."""


def read_meanings(stated: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Read what columns are, as `NAME=stratum`; a `RequestError` says what can be stated."""
    found = []
    for text in stated:
        name, _, meaning = text.rpartition("=")
        if not name.strip() or meaning.strip() not in MEANINGS:
            raise RequestError(
                f"--column {text!r} is not understood; write the heading, = and one of "
                f"{', '.join(MEANINGS)}, such as 'batch=ignore'."
            )
        found.append((name.strip(), meaning.strip()))
    return tuple(found)


def as_stated(
    columns: dict[int, Heading], line: HeadingLine, meanings: Iterable[tuple[str, str]]
) -> dict[int, Heading]:
    """Give columns the meaning that the user states."""
    decided = dict(columns)
    for name, meaning in meanings:
        named = [at for at, one in columns.items() if one.written.casefold() == name.casefold()]
        if not named:
            there = ", ".join(heading.written for heading in columns.values())
            raise RequestError(f"{line.table.title} has no column {name!r}; it has {there}.")
        kind = MEANINGS[meaning]
        others = [one for at, one in decided.items() if one.kind == kind and at not in named]
        if others and kind not in ("stratum", "ignored"):
            raise RequestError(
                f"{line.table.title} has the column {others[0].written} for {meaning} already; "
                f"say what {name} is besides."
            )
        decided |= {at: Heading(kind, columns[at].written) for at in named}
    return decided
