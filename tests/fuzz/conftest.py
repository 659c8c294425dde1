"""What all parsers are fuzzed with: how often, and how valid things are made invalid.

`make fuzz` sets the number of cases; without it the suite tries a few. Cases are the same in every
run and on every machine, so that what failed once can be looked at.
"""

from __future__ import annotations

import functools
import gc
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st

from spheroid_qc.images import isolated_process

CASES = int(os.environ.get("SPHEROID_QC_FUZZ", "40"))
LONGEST_S = 10.0
MOST_MB = 1000.0
MOST_A_ROUND = 2000
"""Hypothesis keeps every case until its test ends, 80 kB each of those of `damaged`: 10,000 of them
would hide what the program takes."""


def often(cases: int, most_a_round: int = MOST_A_ROUND) -> Callable[[Any], Any]:
    """Try so many cases, the same in every run, in rounds that share no case and no memory."""
    rounds = math.ceil(max(1, cases) / most_a_round)
    applied = settings(
        max_examples=math.ceil(max(1, cases) / rounds),
        derandomize=True,
        database=None,
        deadline=None,  # hanging is told by `quick`, in processor time
        suppress_health_check=list(HealthCheck),
    )

    def in_rounds(test: Any) -> Any:
        test = applied(test)

        @functools.wraps(test)
        def all_rounds(*arguments: Any, **named: Any) -> None:
            for number in range(rounds):
                seed(number)(test)(*arguments, **named)
                gc.collect()

        return all_rounds

    return in_rounds


fuzzed = often(CASES)
fuzzed_slowly = often(CASES if CASES > 1000 else CASES // 4)
"""For cases that take a tenth of a second and more; a few are tried in the suite."""


@contextmanager
def quick() -> Iterator[None]:
    """See to it that a case takes no longer than it may."""
    begun = time.process_time()
    yield
    assert time.process_time() - begun < LONGEST_S


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Change some bytes of something valid: overwritten, cut, doubled or put elsewhere."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        kind = draw(st.sampled_from(["over", "over", "over", "ends", "insert", "delete", "move"]))
        if kind == "over":
            some = draw(st.binary(min_size=1, max_size=8))
            data[place : place + len(some)] = some
        elif kind == "ends":
            most = draw(st.sampled_from([b"\xff", b"\x00", b"\x7f\xff", b"\xff" * 4, b"\xff" * 8]))
            data[place : place + len(most)] = most
        elif kind == "insert":
            data[place:place] = draw(st.binary(min_size=1, max_size=30))
        elif kind == "delete":
            del data[place : place + draw(st.integers(1, 300))]
        else:
            some = data[place : place + draw(st.integers(1, 60))]
            to = draw(st.integers(0, max(len(data) - 1, 0)))
            data[to : to + len(some)] = some
    return bytes(data)


@pytest.fixture(autouse=True)
def escapes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is written outside of the folder of the test, and memory stays bounded.

    So does that of the process that opens files of instruments, each of those that were started.
    """
    here = sorted(os.listdir("."))
    earlier = _most_mb_of_children()
    yield
    assert sorted(os.listdir(".")) == here
    # The system tells of a process that has ended.
    isolated_process._opener.end()
    if sys.platform.startswith("linux"):
        import resource

        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 < MOST_MB
        assert _most_mb_of_children() < max(MOST_MB, earlier + 1)


def _most_mb_of_children() -> float:
    """Memory of the largest process that this one started and that has ended, in MB."""
    if not sys.platform.startswith("linux"):
        return 0.0
    import resource

    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
