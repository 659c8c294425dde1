from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spheroid_qc.wells import (
    PLATE_FORMATS,
    Well,
    fits,
    parse_well,
    row_column,
    row_name,
    smallest_format,
    well_name,
)

ROWS, COLUMNS = st.integers(0, 31), st.integers(0, 47)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A1", "A01"),
        ("a01", "A01"),
        ("A001", "A01"),
        ("A 1", "A01"),
        ("A-1", "A01"),
        (" h12 ", "H12"),
        ("P24", "P24"),
        ("Z48", "Z48"),
        ("AA1", "AA01"),
        ("af48", "AF48"),
    ],
)
def test_spellings_of_a_well(text: str, name: str) -> None:
    well = parse_well(text)
    assert well is not None
    assert well.name == name


@pytest.mark.parametrize(
    "text",
    ["", "A", "1", "A0", "A49", "AG1", "BA1", "A1B", "A549", "A1.5", "AAA1", "1A", "Ä1", "A-01x"],
)
def test_what_is_no_well(text: str) -> None:
    assert parse_well(text) is None


@given(ROWS, COLUMNS, st.booleans(), st.integers(0, 2))
def test_round_trip(row: int, column: int, lower: bool, zeros: int) -> None:
    name = well_name(row, column)
    assert row_column(name) == (row, column)
    loose = f"{row_name(row)}{'0' * zeros}{column + 1}"
    assert parse_well(loose.lower() if lower else loose) == Well(row, column)


def test_names_are_in_plate_order_within_a_row() -> None:
    names = [well_name(3, column) for column in range(48)]
    assert names == sorted(names)
    assert len({well_name(row, column) for row in range(32) for column in range(48)}) == 1536


def test_formats_hold_what_they_say() -> None:
    for count, (rows, columns) in PLATE_FORMATS.items():
        assert rows * columns == count
        assert smallest_format([well_name(rows - 1, columns - 1)]) == count
        assert fits(Well(rows - 1, columns - 1), count)
        assert not fits(Well(rows, columns - 1), count)
        assert not fits(Well(rows - 1, columns), count)


def test_smallest_format_of_many() -> None:
    assert smallest_format([]) == 6
    assert smallest_format(["A01", "B03"]) == 6
    assert smallest_format(["C01"]) == 12
    assert smallest_format(["A13"]) == 384
    assert smallest_format(["H12", Well(0, 0)]) == 96
    assert smallest_format(["Q01"]) == 1536


@pytest.mark.parametrize(("row", "column"), [(-1, 0), (32, 0), (0, -1), (0, 48)])
def test_no_such_place(row: int, column: int) -> None:
    with pytest.raises(ValueError, match="a plate has"):
        well_name(row, column)


def test_row_column_refuses() -> None:
    with pytest.raises(ValueError, match="A549"):
        row_column("A549")
