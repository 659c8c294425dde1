"""Matrices of two drugs' doses, as SynergyFinder and Combenefit take them."""

from __future__ import annotations

import re
from itertools import pairwise

from spheroid_qc.errors import PlateMapError
from spheroid_qc.tables.instruments.made_table import made_table
from spheroid_qc.tables.located_cells import Table, TableRow
from spheroid_qc.tables.parse_numbers import NumberError, NumberStyle, parse_number, style_of

_MOST_LINES_ABOVE = 40
MATRIX_FORM = "a matrix of two drugs' doses"
_DRUG = re.compile(
    r"(?:drug|agent|compound)[\s_]*(?:name)?[\s_]*(row|col|column|[12ab])\s*:?", re.I
)
_UNIT = re.compile(
    r"(?:conc(?:entration)?[\s_.]*)?units?[\s_]*(?:of[\s_]*)?(row|col|column|[12ab])?\s*:?", re.I
)
_SLOTS = {"row": "1", "col": "2", "column": "2", "a": "1", "b": "2"}


def _numbers(row: TableRow, style: NumberStyle) -> list[float] | None:
    try:
        return [float(parse_number(text, style)) for text in row.texts[1:] if text]
    except NumberError:
        return None


def read_dose_matrix(table: Table) -> Table | None:
    """Read one or several matrices into one line a pair of doses; None for anything else.

    The first drug's doses stand in the first column, the second one's in the first line, as both
    programs have it. Raises `PlateMapError` where drugs or the unit are not named.
    """
    above = [row for row in table.rows[:_MOST_LINES_ABOVE] if sum(map(bool, row.texts)) <= 2]
    named = any(_DRUG.fullmatch(row.text(1)) or _UNIT.fullmatch(row.text(1)) for row in above)
    if not named and (not table.rows or table.rows[0].text(1)):
        return None
    style = style_of((text for row in table.rows for text in row.texts), table.separator)
    names: dict[str, str] = {}
    lines: list[tuple[int, dict[str, str]]] = []
    head: TableRow | None = None
    block = 0
    for row in table.rows:
        key, value = row.text(1), row.text(2)
        drug, unit = _DRUG.fullmatch(key), _UNIT.fullmatch(key)
        stated = drug or unit
        if stated is not None and sum(map(bool, row.texts)) <= 2:
            slot = stated[1] or ""
            slot = _SLOTS.get(slot.casefold(), slot)
            if head is not None:
                names, head = {}, None
            names[f"{'drug' if drug else 'unit'}_{slot}"] = value
            continue
        numbers = _numbers(row, style)
        if numbers is None or len(numbers) < 2:
            continue
        rises = len({earlier < later for earlier, later in pairwise(numbers)}) == 1
        rises = rises and len(set(numbers)) == len(numbers)
        if not key and rises and head is None and any(name[:5] == "drug_" for name in names):
            head, block = row, block + 1
            _refuse_nameless(table, row, names)
        elif head is not None and key:
            lines += _cells(row, head, names, block)
    if not lines:
        _refuse_bare(table, style)
        return None
    columns = ["block", "drug_1", "dose_1", "unit_1", "drug_2", "dose_2", "unit_2", "response"]
    if block < 2:
        columns.remove("block")
    one = lines[0][1]
    note = (
        f"Doses of {one['drug_1']} stand in the first column, of {one['drug_2']} in the first line."
    )
    return made_table(table, MATRIX_FORM, columns, lines, note)


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
    row: TableRow, head: TableRow, names: dict[str, str], block: int
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
        if dose
    ]
