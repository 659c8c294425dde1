"""What the parsers are fuzzed with does what it says: as many cases, the same ones, in rounds."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.conftest import damaged, often


def cases_of(most_a_round: int) -> list[bytes]:
    found: list[bytes] = []

    @often(100, most_a_round)
    @given(one=st.binary(min_size=16, max_size=16))
    def try_one(one: bytes) -> None:
        found.append(one)

    try_one()
    return found


def test_rounds_are_as_many_cases_others_each_time_and_the_same_in_every_run():
    first = cases_of(40)
    assert len(first) == 3 * 34
    # Every round tries a few simplest cases; the rest is its own.
    assert len(set(first)) > 90
    assert cases_of(40) == first


def test_a_round_lets_go_of_the_cases_before():
    def most_bytes(most_a_round: int) -> int:
        @often(50, most_a_round)
        @given(one=damaged(bytes(200_000)))
        def try_one(one: bytes) -> None:
            pass

        tracemalloc.start()
        try_one()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert most_bytes(5) < most_bytes(50) / 2


def test_a_failure_of_a_later_round_is_a_failure():
    tried: list[int] = []

    @often(60, most_a_round=20)
    @given(number=st.integers(0, 2**64))
    def try_one(number: int) -> None:
        tried.append(number)
        assert len(tried) < 45

    with pytest.raises(AssertionError):
        try_one()
