"""Mistakes of a table are gathered, put in the order of lines and counted where they are many."""

from __future__ import annotations

import pytest

from spheroid_qc.errors import PlateMapError
from spheroid_qc.tables.located_cells import Cell, Table
from spheroid_qc.tables.table_messages import TableMessages


def refused(messages: TableMessages) -> tuple[str, ...]:
    with pytest.raises(PlateMapError) as caught:
        messages.raise_if_problems()
    return caught.value.problems


def test_nothing_wrong_refuses_nothing() -> None:
    messages = TableMessages(notes=["Read."], warnings=["Odd."])
    messages.raise_if_problems()
    assert not messages.has_problems()


def test_mistakes_come_by_file_and_line_each_once() -> None:
    messages = TableMessages()
    for sentence in ("b, line 10: x.", "b, line 9: y.", "a, line 1: z.", "b, line 9: y."):
        messages.problem(sentence)
    assert refused(messages) == ("b, line 9: y.", "b, line 10: x.", "a, line 1: z.")


def test_many_mistakes_are_counted() -> None:
    messages = TableMessages(maximum=3)
    for line in range(1, 11):
        messages.problem(f"a, line {line}: x.")
    assert refused(messages)[-2:] == ("a, line 3: x.", "7 more mistakes are not listed.")
    alike = TableMessages()
    for line in range(1, 11):
        alike.problem(f"a, line {line}: x.", "letters")
    assert len(refused(alike)) == 6
    assert refused(alike)[-1] == "5 more mistakes are of the same kind (letters)."
    assert alike.has_problems("letters")
    assert not alike.has_problems("numbers")


def test_a_cell_that_a_workbook_warns_of_is_a_mistake() -> None:
    table = Table("a.xlsx", "S", cell_errors={(2, 1): "holds no stored value"})
    messages = TableMessages()
    assert messages.untrusted(Cell(table, 2, 1, "", "dose"))
    assert not messages.untrusted(Cell(table, 3, 1, "1", "dose"))
    assert refused(messages) == (
        "a.xlsx, sheet 'S', line 2, column 1 (cell A2, dose) holds no stored value.",
    )
