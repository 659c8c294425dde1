"""Wide tables of responses: doses in the first column, and a column for each repeat, drug or time.

The headings are read whole: repeats and times are what they say, and names among them may be drugs,
cell lines or repeats, which is asked about where it is not to be seen (`--columns-are`). So is a
number that may be hours or a second drug's dose, and a line above the headings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from spheroid_qc.errors import RequestError
from spheroid_qc.tables.control_roles import read_role
from spheroid_qc.tables.instruments.made_table import made_table
from spheroid_qc.tables.instruments.wide_headings import (
    WideHeading,
    counts_up,
    labels_above,
    read_wide_heading,
)
from spheroid_qc.tables.located_cells import Table, TableRow
from spheroid_qc.tables.match_headings import read_heading
from spheroid_qc.tables.parse_cells import is_missing, without_percent
from spheroid_qc.tables.parse_numbers import NumberError, parse_number, style_of
from spheroid_qc.tables.summary_lines import is_summary
from spheroid_qc.tables.synonyms import RESPONSE_MEANINGS, folded
from spheroid_qc.wording import listed

COLUMNS_ARE = ("replicates", "drugs", "cell-lines")
_FORM = "a wide table of responses"
_KINDS = {"replicates": "replicate", "drugs": "drug", "cell-lines": "cell_line"}
# Kinds of a label above bare numbers whose values these are: patients 1, 2, 3.
_VALUED = frozenset(
    {"factor", "cell_line", "passage", "biological_replicate", "replicate", "time_h"}
)
_SEARCHED_LINES = 30
_MOST_LABELS = 3


def long_form(table: Table, columns_are: str = "", response: str | None = None) -> Table | None:
    """Bring a wide table to one line a dose and column; None where it is no wide table.

    Parameters
    ----------
    table : Table
        Any table.
    columns_are : str
        One of `COLUMNS_ARE`; empty: what the headings tell.
    response : str, optional
        Heading of the response where it is stated: a table that has it is not wide.

    Returns
    -------
    Table or None
        With what each heading says (`drug`, `cell_line`, `replicate`, `time_h` ...), the doses
        under their heading, and `response`.

    Raises
    ------
    RequestError
        Where the headings of a wide table can be read in more than one way, or not in full.
    """
    for number, row in enumerate(table.rows[:_SEARCHED_LINES]):
        wide = _doses_first(table, number) or _beside_drugs(table, number)
        if wide is None:
            continue
        stated = (response or "").casefold()
        if not wide or (stated and stated in [text.casefold() for text in row.texts]):
            return None
        above = _lines_above(table.rows, number)
        return _long(table, row, above, table.rows[number + 1 :], wide, columns_are)
    return None


def _doses_first(table: Table, number: int) -> list[int]:
    """Find wide columns: doses first, nothing else that means anything, numbers below.

    Gives their numbers (from 1); empty where this is no such line of headings.
    """
    row = table.rows[number]
    # A program's own table has one column a data set; elsewhere a single column names the response.
    fewest = 1 if table.form else 2
    if read_heading(row.text(1)).kind != "dose" or len(row.texts) <= fewest:
        return []
    body = table.rows[number + 1 :]
    columns = [at for at in range(2, len(row.texts) + 1) if row.text(at)]
    known = {read_heading(row.text(at)).kind for at in columns if not _is_wide(row.text(at))}
    if known - {"extra", "replicate"} or not body or _has_response(row) or len(columns) < fewest:
        return []
    return columns if _hold_numbers(table, number, columns) else []


def _hold_numbers(table: Table, number: int, columns: Sequence[int]) -> bool:
    """Whether there is nothing but numbers below headings; headings may be repeated."""
    row, body = table.rows[number], table.rows[number + 1 :]
    cells = [[without_percent(line.text(at)) for line in body] for at in columns]
    filled = [[text for text in column if not is_missing(text)] for column in cells]
    style = style_of(filled, table.separator)
    words = {text for text in row.texts if text}
    try:
        for text in (text for column in filled for text in column if text not in words):
            parse_number(text, style)
    except NumberError:
        return False
    return any(filled)


def _beside_drugs(table: Table, number: int) -> list[int] | None:
    """Find columns of repeats, times or names beside named drugs and doses.

    None where this line names no drugs and doses; empty where it does, but has no such columns.
    """
    row = table.rows[number]
    kinds = [read_heading(text).kind for text in row.texts]
    if "drug" in kinds and "dose" not in kinds:
        of_doses = [at for at, text in enumerate(row.texts, 1) if read_wide_heading(text).dose]
        return of_doses if len(of_doses) > 1 and _hold_numbers(table, number, of_doses) else None
    if not {"drug", "dose"} <= set(kinds):
        return None
    wide = [at for at, text in enumerate(row.texts, start=1) if _is_wide(text)]
    further = [row.text(at) for at in range(1, len(row.texts) + 1) if at not in wide]
    if _has_response(row) or any(_names_a_response(text) for text in further):
        return []
    if len(wide) < 2 and set(kinds) <= {"drug", "dose", "unit", "role", "extra"}:
        wide = [at for at, kind in enumerate(kinds, 1) if kind == "extra" and row.text(at)]
        wide = [at for at in wide if not is_summary(row.text(at))]
        wide = wide if _hold_numbers(table, number, wide) else []
    return [] if len(wide) < 2 else wide


def _is_wide(text: str) -> bool:
    """Tell whether a heading says a repeat or a time, or is a bare number."""
    if not text or read_heading(text).kind not in ("extra", "replicate", "biological_replicate"):
        return False
    read = read_wide_heading(text)
    return bool(read.number or read.replicate or read.time or read.biological)


def _has_response(row: TableRow) -> bool:
    return "response" in [text.casefold() for text in row.texts]


def _names_a_response(text: str) -> bool:
    """Tell whether a heading names a response itself."""
    words = "".join(letter if letter.isalpha() else " " for letter in folded(text)).split()
    return any(word in RESPONSE_MEANINGS for word in words)


def _long(
    table: Table,
    head: TableRow,
    above: Sequence[TableRow],
    body: Sequence[TableRow],
    wide: list[int],
    columns_are: str,
) -> Table:
    """Lay out one line a value."""
    read = {at: read_wide_heading(head.text(at)) for at in wide}
    left = [heading.written for heading in read.values() if heading.statistic]
    read = {at: heading for at, heading in read.items() if not heading.statistic}
    kept = [at for at in range(1, len(head.texts) + 1) if head.text(at) and at not in wide]
    said_above = _said_above(table, above, read, nameless=len(kept) == 1)
    read, response, drug = said_above.read, said_above.response, said_above.drug
    notes = list(said_above.notes)
    if left:
        notes.append(f"Columns that sum up others are left out: {listed(left, 4)}.")
    first = next(iter(read.values())).name
    alike = all(one.name == first for one in read.values())
    if alike and response == "response" and _names_a_response(first):
        response = first
    kind_of_numbers = said_above.kind_of_numbers
    parts, note = _meanings(table, head, list(read.values()), columns_are, kind_of_numbers)
    lines = []
    for row in _numbers_below(table, head, body, list(read)):
        for at, said in zip(read, parts, strict=True):
            if is_missing(row.text(at)):
                continue
            cells = {head.text(other): row.text(other) for other in kept}
            role = read_role(row.text(kept[0])) if len(kept) == 1 else None
            if role is not None:
                cells = {"role": role}
            elif drug:
                cells["drug"] = drug
            lines.append((row.line, cells | said | {response: row.text(at)}))
    names = [head.text(at) for at in kept]
    kinds = ["drug", "dose", "cell_line", "time_h", "biological_replicate", "replicate"]
    extra = [key for part in parts for key in part if key not in kinds]
    columns = dict.fromkeys([*kinds, *extra, "role", *names, response])
    return made_table(table, _FORM, list(columns), lines, note, *notes)


def _lines_above(rows: Sequence[TableRow], number: int) -> list[TableRow]:
    """Give the lines that stand above the headings, the nearest first.

    Up to the first gap, but the nearest one also behind a gap; notes of an experiment
    (`Date:, 2 May, Operator:, ...`) say nothing of columns.
    """
    found: list[TableRow] = []
    for row in reversed(rows[:number]):
        keys = [text for text in row.texts if text.endswith(":")]
        if keys and sum(map(bool, row.texts)) > 2:
            break
        if found and found[-1].line - row.line > 1:
            break
        found.append(row)
    return found[:_MOST_LABELS]


@dataclass(frozen=True)
class _SaidAbove:
    """What the lines above the headings say of the wide columns, besides the headings."""

    read: dict[int, WideHeading]
    response: str = "response"
    drug: str = ""
    kind_of_numbers: str = ""
    notes: tuple[str, ...] = ()


def _said_above(
    table: Table, above: Sequence[TableRow], read: dict[int, WideHeading], *, nameless: bool
) -> _SaidAbove:
    """Read the lines above the headings, the nearest first; `nameless`: no column names drugs."""
    said = _SaidAbove(read)
    for row in above:
        labels = labels_above(row, list(read))
        texts = [text for text in row.texts if text]
        if labels is None:
            if len(texts) == 1 and _names_a_response(texts[0]):
                said = replace(said, response=texts[0])
            if nameless and (drug := _drug_in_title(row)):
                note = f"The drug is {drug}, as the line above the headings says."
                said = replace(said, drug=drug, notes=(*said.notes, note))
            continue
        distinct = dict.fromkeys(labels)
        if "" in distinct:
            raise RequestError(
                f"{table.place(row.line)}: the line above the headings says "
                f"{listed([label for label in distinct if label], 4)} of some columns and nothing "
                "of others; write it above each column, or a tidy table with one line a value."
            )
        if len(distinct) > 1 or read_wide_heading(labels[0]).time:
            joined = (
                _under(label, one) for label, one in zip(labels, said.read.values(), strict=True)
            )
            said = replace(said, read=dict(zip(said.read, joined, strict=True)))
            continue
        kind, response = _single_label(table.place(row.line), labels[0], list(said.read.values()))
        if kind or response != "response":
            said = replace(said, kind_of_numbers=kind or said.kind_of_numbers, response=response)
        elif read_heading(labels[0]).kind != "replicate":
            note = f"The line above the headings ({labels[0]}) is not used."
            said = replace(said, notes=(*said.notes, note))
    return said


def _under(label: str, heading: WideHeading) -> WideHeading:
    """Give a heading with the label above it: a name, a time, or both."""
    of = read_wide_heading(label)
    return replace(
        heading,
        name=" ".join(filter(None, [of.written if of.number else of.name, heading.name])),
        time=heading.time or of.time,
        replicate=heading.written if heading.number else heading.replicate or of.replicate,
        biological=heading.biological or of.biological,
        number=False,
    )


def _drug_in_title(above: TableRow) -> str:
    """Give the drug that a line above the headings names, `Drug: gemcitabine`."""
    texts = [text for text in above.texts if text]
    if len(texts) == 1:
        key, _, value = texts[0].partition(":")
        texts = [key, value.strip()]
    return texts[1] if len(texts) == 2 and read_heading(texts[0].rstrip(":")).kind == "drug" else ""


def _single_label(place: str, label: str, read: list[WideHeading]) -> tuple[str, str]:
    """Tell what one label above all columns says: of what the numbers are, or what is measured."""
    heading = read_heading(label)
    numbers = all(one.number for one in read)
    if _names_a_response(label):
        return "", label
    if numbers and heading.kind in _VALUED:
        return label, "response"
    if numbers and not counts_up([one.written for one in read]):
        raise RequestError(
            f"{place}: {label} stands above the numbers {listed([o.written for o in read], 5)}, "
            "which may be doses of a second drug; write the lines 'Drug1:', 'Drug2:' and "
            "'ConcUnit:' above a matrix of doses, or a tidy table with drug_1, dose_1_uM, drug_2, "
            "dose_2_uM and response."
        )
    return "", "response"


def _meanings(
    table: Table,
    head: TableRow,
    read: list[WideHeading],
    columns_are: str,
    kind_of_numbers: str,
) -> tuple[list[dict[str, str]], str]:
    """Give for each column what its cells are of, and a note; asks where that is not to be seen."""
    written = [one.written for one in read]
    named = list(dict.fromkeys(one.name for one in read))
    place = table.place(head.line)
    numbers = [one.number for one in read]
    clear = (all(numbers) and counts_up(written)) or columns_are or kind_of_numbers
    if any(numbers) and not clear:
        raise RequestError(
            f"{place}: the columns {listed(written, 6)} may be times, doses of a second drug or "
            "repeats; write times with their unit (24h), name repeats (rep1), write a matrix of "
            "doses with lines 'Drug1:', 'Drug2:' and 'ConcUnit:' above it, or say --columns-are."
        )
    if len(named) > 1 and not columns_are:
        raise RequestError(
            f"{place}: the table has a column of doses and columns {listed(written, 6)}, whose "
            f"names ({listed(named, 6)}) may be drugs, cell lines or repeats; say --columns-are "
            "drugs, cell-lines or replicates, name the one that is the response by "
            "--response-column, or write a tidy table with one line a value: drug_1, dose_1_uM, "
            "response."
        )
    times = [one.time for one in read]
    if any(times) and not all(times) and columns_are != "replicates":
        raise RequestError(
            f"{place}: some of the columns {listed(written, 6)} state a time and others none; "
            "write it into every heading."
        )
    if columns_are == "replicates":
        return [{"replicate": text} for text in written], "Each column is one of its replicates."
    kind = _KINDS.get(columns_are, "")
    parts = []
    for one in read:
        if one.dose:
            parts.append({"dose": one.dose})
            continue
        said = {"time_h": one.time} if one.time else {}
        if one.biological:
            said["biological_replicate"] = one.biological
        if one.number and kind_of_numbers:
            said[kind_of_numbers] = one.written
        elif kind:
            said[kind] = one.name or one.written
        if one.replicate or not (said and (one.time or one.biological or kind or kind_of_numbers)):
            said["replicate"] = one.replicate or one.written
        parts.append(said)
    keys = list(dict.fromkeys(key for said in parts for key in said))
    words = {"time_h": "times", "biological_replicate": "biological replicates"}
    what = [words.get(key, _PLURALS.get(key, key)) for key in keys]
    return parts, f"Its columns {listed(written, 4)} are {' and '.join(what)}."


_PLURALS = {"dose": "doses", "replicate": "replicates", "drug": "drugs", "cell_line": "cell lines"}


def _numbers_below(
    table: Table, head: TableRow, body: Sequence[TableRow], wide: Sequence[int]
) -> list[TableRow]:
    """Give the lines of numbers; a title among them, or a sum below them, is none."""
    rows = [row for row in body if row.texts != head.texts]
    while rows and is_summary(next((text for text in rows[-1].texts if text), "")):
        rows.pop()
    for number, row in enumerate(rows):
        empty = all(is_missing(row.text(at)) for at in wide)
        texts = [text for text in row.texts if text]
        if empty and len(texts) == 1 and number + 1 < len(rows) and not texts[0][:1].isdigit():
            raise RequestError(
                f"{table.place(row.line)}: the line {texts[0]!r} stands between the numbers and "
                "seems to begin another table; give each table a file of its own, or write one "
                "table with a column (cell_line, drug, plate) that tells them apart."
            )
    return rows
