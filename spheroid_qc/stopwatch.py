"""Where the processor time of a run goes: by kind of work, each without what is timed within it.

`timed` costs a microsecond or two and is always on; `--profile` of the command line asks for the
sums.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from enum import StrEnum
from types import TracebackType
from typing import Self


class Work(StrEnum):
    """Kinds of work, in the order in which a run does them; the text is what a table says."""

    START = "start-up and imports"
    NAMES = "names and plate map"
    PLATE = "light and method of the plate"
    READ = "read and decode"
    HASH = "hash files and pixels"
    LIGHT = "divide by the light"
    POOL = "pool pixels for the network"
    NETWORK = "network"
    LEARNED = "masks from the network's maps"
    RULES = "rules (second opinion)"
    MEASURE = "measure"
    QUALITY = "quality"
    MASKS = "write masks"
    NEIGHBOURS = "cores that stand out"
    STATIC = "static marks of wells"
    RECORDS = "records"
    TABLES = "tables"
    OVERLAYS = "overlays"
    RESPONSE = "drug response"
    REPORT = "report"
    OTHER = "other"


class _Running(threading.local):
    """What one thread is doing."""

    def __init__(self) -> None:
        self.within: list[tuple[Work, bool]] = []
        self.since = 0.0
        self.spent: dict[Work, float] = {}

    def turn(self) -> None:
        """Book the time since the last turn on what was being done."""
        now = time.thread_time()
        if self.within:
            doing, _ = self.within[-1]
            self.spent[doing] = self.spent.get(doing, 0.0) + now - self.since
        self.since = now


_running = _Running()


class timed(contextlib.ContextDecorator):
    """Book the processor time of a block, or of a decorated function, on a kind of work.

    Parameters
    ----------
    work : Work
        What is done there. Work that is timed within the block is booked on its own kind only,
    whole : bool
        or, if this is true, on that of the block.
    """

    def __init__(self, work: Work, *, whole: bool = False) -> None:
        self._entry = work, whole

    def _recreate_cm(self) -> Self:
        return self

    def __enter__(self) -> Self:
        _running.turn()
        outer = _running.within[-1] if _running.within else self._entry
        _running.within.append(outer if outer[1] else self._entry)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _running.turn()
        _running.within.pop()


def book(spent: Mapping[Work, float]) -> None:
    """Add what others spent for this thread, such as its worker processes.

    What they could not name (`OTHER`) is of the kind of work that this thread is doing.
    """
    doing, whole = _running.within[-1] if _running.within else (Work.OTHER, False)
    for work, seconds in spent.items():
        known = doing if whole or work is Work.OTHER else work
        _running.spent[known] = _running.spent.get(known, 0.0) + seconds


def taken() -> dict[Work, float]:
    """Seconds of processor time by kind of work in this thread, since it was last asked."""
    _running.turn()
    spent, _running.spent = _running.spent, {}
    return spent


def taken_by_process() -> dict[Work, float]:
    """Seconds of a whole process, of which this thread does the work, since it was last asked.

    What was not timed is `OTHER`, but `START` up to the first time that this is asked.
    """
    global _counted
    spent, now = taken(), time.process_time()
    rest = Work.OTHER if _counted else Work.START
    spent[rest] = spent.get(rest, 0.0) + max(now - _counted - sum(spent.values()), 0.0)
    _counted = now
    return spent


_counted = 0.0
