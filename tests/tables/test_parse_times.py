"""Times as people write them."""

from __future__ import annotations

import pytest

from spheroid_qc.errors import PlateMapError
from spheroid_qc.tables.located_cells import Cell, Table
from spheroid_qc.tables.match_headings import read_heading
from spheroid_qc.tables.parse_numbers import NumberStyle
from spheroid_qc.tables.parse_times import is_date, read_hours
from spheroid_qc.tables.table_messages import TableMessages


def hours(heading: str, *texts: str) -> list[float | None]:
    messages = TableMessages()
    cells = [Cell(Table("t.csv"), n, 1, text, heading) for n, text in enumerate(texts, start=2)]
    found = read_hours(read_heading(heading), cells, NumberStyle(), messages)
    messages.raise_if_problems()
    return found


@pytest.mark.parametrize(
    ("heading", "text", "expected"),
    [
        ("time_h", "6.5", 6.5),
        ("Time (s)", "3600", 1.0),
        ("time_min", "90", 1.5),
        ("Day", "2", 48.0),
        ("Elapsed (days)", "0.5", 12.0),
        ("time", "24h", 24.0),
        ("time", "2 d", 48.0),
        ("time", "1d12h", 36.0),
        ("time", "90 min", 1.5),
        ("time", "-24h", -24.0),
        ("time", "Day 3", 72.0),
        ("time", "T48", 48.0),
        ("time", "d-1", -24.0),
        ("time", "48:00:00", 48.0),
        ("time", "00:30", 0.5),
        ("time", "2 days, 0:00:00", 48.0),
        ("time", "", None),
        ("time", "NA", None),
    ],
)
def test_hours(heading, text, expected) -> None:
    found = hours(heading, text)[0]
    assert found is None if expected is None else found == pytest.approx(expected)


def test_dates() -> None:
    assert is_date("01.03.2024 14:00")
    assert not is_date("24h")
    assert hours("time", "2024-03-01 08:00", "2024-03-02T20:00:00") == [0, 36]
    assert hours("date time", "30/01/2014 17:00:00", "31/01/2014 01:00:00") == [0, 8]
    assert hours("date time", "3/27/2018 2:20:00 PM", "3/28/2018 2:20:00 PM") == [0, 24]
    assert hours("date time", "01.03.2024 08:00", "02.03.2024 08:00") == [0, 24]
    with pytest.raises(PlateMapError, match="day or with the month"):
        hours("date time", "01/03/2024 08:00", "02/03/2024 08:00")


def test_what_is_no_time() -> None:
    with pytest.raises(PlateMapError, match="write times as hours"):
        hours("time", "soon")
    with pytest.raises(PlateMapError, match="is no unit of time"):
        hours("time (furlong)", "3")
