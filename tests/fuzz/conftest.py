"""What all parsers are fuzzed with: how often, and how valid things are made invalid.

`make fuzz` sets the number of cases; without it the suite tries a few. Cases are the same in every
run and on every machine, so that what failed once can be looked at.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

CASES = int(os.environ.get("SPHEROID_QC_FUZZ", "40"))
LONGEST_S = 10.0
MOST_MB = 1000.0


def often(cases: int) -> Callable[[Any], Any]:
    """Try so many cases, the same in every run."""
    return settings(
        max_examples=max(1, cases),
        derandomize=True,
        database=None,
        deadline=None,  # hanging is told by `quick`, in processor time
        suppress_health_check=list(HealthCheck),
    )


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
    """Nothing is written outside of the folder of the test, and memory stays bounded."""
    here = sorted(os.listdir("."))
    yield
    assert sorted(os.listdir(".")) == here
    if sys.platform.startswith("linux"):
        import resource

        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 < MOST_MB
