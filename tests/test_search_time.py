"""A user's regular expression that would never end is ended, and said."""

from __future__ import annotations

import time

import pytest

from spheroid_qc import search_time
from spheroid_qc.errors import RequestError
from spheroid_qc.frames.naming.read_file_names import read_names
from spheroid_qc.frames.naming.user_pattern import NamePattern
from spheroid_qc.search_time import check_search_ends

ENDLESS = r"(?P<well>([A-Z]+)+\d)$"
STICKS = "A" * 60 + "!"


@pytest.fixture(autouse=True)
def impatient(monkeypatch) -> None:
    monkeypatch.setattr(search_time, "_LONGEST_S", 2.0)


def test_the_name_that_it_sticks_at_is_said() -> None:
    names = ["B3.tif", *[f"x{n}.tif" for n in range(500)], f"{STICKS}.tif", "C4.tif"]
    begun = time.monotonic()
    with pytest.raises(RequestError, match=r"The name pattern .* does not come to an end on 'A+!"):
        read_names(names, NamePattern(ENDLESS))
    assert time.monotonic() - begun < 30


def test_names_that_no_text_can_show_are_searched() -> None:
    check_search_ends(r"\w+", ["\udcff\n", "", "日本", "x" * 100_000], "--group")


def test_a_pattern_that_ends_reads_many_names() -> None:
    names = [f"P_{row}{column}_{n}.tif" for row in "ABC" for column in (1, 2) for n in range(2000)]
    found = read_names(names, NamePattern(r"_(?P<well>[A-P]\d+)_(?P<field>\d+)"))
    assert all(one.reading is not None for one in found)
