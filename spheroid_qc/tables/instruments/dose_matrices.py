"""Matrices of two drugs' doses, as SynergyFinder and Combenefit take them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from spheroid_qc.errors import PlateMapError
from spheroid_qc.tables.instruments.made_table import made_table
from spheroid_qc.tables.located_cells import Table, TableRow
from spheroid_qc.tables.parse_numbers import NumberError, NumberStyle, parse_number, style_of
from spheroid_qc.tables.summary_lines import is_summary
from spheroid_qc.wording import listed

_MOST_LINES_ABOVE = 40
MATRIX_FORM = "a matrix of two drugs' doses"
_DRUG = re.compile(
    r"(?:drug|agent|compound)[\s_]*(?:name)?[\s_]*(row|col|column|[12ab])\s*:?", re.I
)
_UNIT = re.compile(
    r"(?:conc(?:entration)?[\s_.]*)?units?[\s_]*(?:of[\s_]*)?(row|col|column|[12ab])?\s*:?", re.I
)
_SLOTS = {"row": "1", "col": "2", "column": "2", "a": "1", "b": "2"}


def columns_of(rows: Sequence[TableRow]) -> list[list[str]]:
    """Give the cells below each other."""
    width = max((len(row.texts) for row in rows), default=0)
    return [[row.text(column) for row in rows] for column in range(1, width + 1)]


def _numbers(
    row: TableRow, style: NumberStyle, left: frozenset[int] = frozenset()
) -> list[float] | None:
    """Give the numbers behind the first cell, without the columns `left`; None if one is none."""
    texts = [text for at, text in enumerate(row.texts[1:], start=2) if text and at not in left]
    try:
        return [float(parse_number(text, style)) for text in texts]
    except NumberError:
        return None


def _margins(row: TableRow) -> frozenset[int]:
    """Name the columns of a line that sum others up: `Mean`."""
    return frozenset(at for at, text in enumerate(row.texts, start=1) if text and is_summary(text))


def read_dose_matrix(table: Table) -> Table | None:
    """Read one or several matrices into one line a pair of doses; None for anything else.

    The first drug's doses stand in the first column, the second one's in the first line, as both
    programs have it; a margin of means is left out. A further line of doses begins another matrix,
    of the same drugs unless lines above it name others. Raises `PlateMapError` where drugs or the
    unit are not named, and where a line among the doses is neither.
    """
    above = [row for row in table.rows[:_MOST_LINES_ABOVE] if sum(map(bool, row.texts)) <= 2]
    named = any(_stated(row) for row in above)
    if not named and (not table.rows or table.rows[0].text(1)):
        return None
    style = style_of(columns_of(table.rows), table.separator)
    names: dict[str, str] = {}
    lines: list[tuple[int, dict[str, str]]] = []
    head: TableRow | None = None
    left: frozenset[int] = frozenset()
    block = 0
    titles: list[str] = []
    lost: TableRow | None = None
    for row in table.rows:
        stated = _stated(row)
        if stated is not None:
            if head is not None:
                names, head = {}, None
            names[stated[0]] = stated[1]
            continue
        margins = _margins(row)
        numbers = _numbers(row, style, margins)
        rises = numbers is not None and len(numbers) > 1 and _rises(numbers)
        if not row.text(1) and rises and any(name[:5] == "drug_" for name in names):
            head, left, block = row, margins, block + 1
            _refuse_nameless(table, row, names)
            lost = None
        elif head is not None and is_summary(row.text(1)):
            continue
        elif head is not None and row.text(1) and sum(map(bool, row.texts)) == 1:
            lost = lost or (row if _numbers(TableRow(0, ("", row.text(1))), style) else None)
            titles.append(row.text(1))
        elif head is not None and row.text(1) and _numbers(row, style, left):
            lines += _cells(row, head, names, block, left)
        elif head is not None and any(row.texts):
            lost = lost or row
    if not lines:
        _refuse_bare(table, style)
        return None
    if lost is not None:
        raise PlateMapError(
            f"{table.place(lost.line)}: this line stands below a matrix of doses, but is no "
            "line of it; take it out, or write the next matrix with its line of doses."
        )
    columns = ["block", "drug_1", "dose_1", "unit_1", "drug_2", "dose_2", "unit_2", "response"]
    if block < 2:
        columns.remove("block")
    one = lines[0][1]
    notes = [
        f"Doses of {one['drug_1']} stand in the first column, of {one['drug_2']} in the first line."
    ]
    if block > 1:
        between = f" Lines between them: {listed(titles, 6)}." if titles else ""
        notes.append(f"It has {block} matrices, numbered from the top as blocks.{between}")
    return made_table(table, MATRIX_FORM, columns, lines, *notes)


def _stated(row: TableRow) -> tuple[str, str] | None:
    """Give what a line above a matrix names: `Drug1:` or a unit, in two cells or in one."""
    texts = [text for text in row.texts if text]
    if len(texts) == 1 and row.text(1):
        key, _, value = row.text(1).partition(":")
        texts = [f"{key}:", value.strip()] if value.strip() else texts
    if not texts or len(texts) > 2 or not row.text(1):
        return None
    key, value = texts[0], texts[1] if len(texts) > 1 else ""
    drug, unit = _DRUG.fullmatch(key), _UNIT.fullmatch(key)
    stated = drug or unit
    if stated is None:
        return None
    slot = stated[1] or ""
    return f"{'drug' if drug else 'unit'}_{_SLOTS.get(slot.casefold(), slot)}", value


def _rises(numbers: Sequence[float]) -> bool:
    """Tell whether numbers only rise or only fall, as doses do."""
    steps = {earlier < later for earlier, later in pairwise(numbers)}
    return len(steps) == 1 and len(set(numbers)) == len(numbers)


def _refuse_bare(table: Table, style: NumberStyle) -> None:
    """Say what a table is that holds nothing but numbers, with doses above and beside them."""
    head, *body = table.rows or (TableRow(0, ()),)
    width = len(head.texts)
    numbers = [_numbers(row, style) for row in table.rows]
    sides = [_numbers(TableRow(row.line, ("", row.text(1))), style) for row in body]
    square = all(found is not None and len(found) == width - 1 for found in numbers)
    if len(body) > 1 and width > 2 and not head.text(1) and square and all(sides):
        raise PlateMapError(
            f"{table.place(head.line)}: this looks like a matrix of two drugs' doses, but "
            "drugs and unit are not named; write the lines 'Drug1:', 'Drug2:' and 'ConcUnit:' "
            "above it, or a tidy table with drug_1, dose_1_uM, drug_2, dose_2_uM and response."
        )


def _refuse_nameless(table: Table, row: TableRow, names: dict[str, str]) -> None:
    if not (names.get("drug_1") and names.get("drug_2")):
        raise PlateMapError(
            f"{table.place(row.line)}: a matrix of doses begins, but its two drugs are not named; "
            "write lines 'Drug1:' and 'Drug2:' with their names above it."
        )
    if not (names.get("unit_") or (names.get("unit_1") and names.get("unit_2"))):
        raise PlateMapError(
            f"{table.place(row.line)}: the doses of the matrix have no unit; write a line "
            "'ConcUnit:' with it above the matrix."
        )


def _cells(
    row: TableRow, head: TableRow, names: dict[str, str], block: int, left: frozenset[int]
) -> list[tuple[int, dict[str, str]]]:
    common = {
        "block": str(block),
        "drug_1": names["drug_1"],
        "drug_2": names["drug_2"],
        "unit_1": names.get("unit_1") or names.get("unit_", ""),
        "unit_2": names.get("unit_2") or names.get("unit_", ""),
        "dose_1": row.text(1),
    }
    return [
        (row.line, common | {"dose_2": dose, "response": row.text(column)})
        for column, dose in enumerate(head.texts, start=1)
        if dose and column not in left
    ]
