"""Processor time is booked once, on the innermost kind of work."""

from __future__ import annotations

import time

from spheroid_qc.stopwatch import Work, book, taken, timed


def spend(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def test_work_within_work_is_booked_on_its_own_kind_only() -> None:
    taken()
    with timed(Work.MEASURE):
        spend(0.02)
        with timed(Work.HASH):
            spend(0.04)
    found = taken()
    assert set(found) == {Work.MEASURE, Work.HASH}
    assert 0.02 <= found[Work.MEASURE] < 0.035 < 0.04 <= found[Work.HASH] < 0.055
    assert taken() == {}


def test_work_that_is_timed_as_a_whole_takes_what_lies_within_it() -> None:
    taken()
    with timed(Work.STATIC, whole=True), timed(Work.READ):
        book({Work.NETWORK: 1.0})
    assert set(taken()) == {Work.STATIC}


def test_what_workers_could_not_name_is_of_the_kind_that_they_work_for() -> None:
    taken()
    with timed(Work.REPORT):
        book({Work.OTHER: 2.0, Work.READ: 1.0})
    found = taken()
    assert found[Work.READ] == 1.0
    assert 2.0 <= found[Work.REPORT] < 2.1
