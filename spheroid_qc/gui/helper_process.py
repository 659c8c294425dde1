"""A second interpreter, kept ready: analyses, figures and exports; plain data come back. No Qt.

In a thread they would hold the one lock of this interpreter, for which the window waits as well. It
ends with whoever started it. Nobody waits for it in vain: one that ended, that said what can't be
understood, or that stands still is given up, and whoever asked it hears so.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import psutil

from spheroid_qc.child_process import start_child
from spheroid_qc.errors import SpheroidQCError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_AT_ONCE = 4
"""Calls that are answered side by side: a figure need not wait until an export is done."""

_PATIENCE_S = 5.0

_STILL_S = 60.0
"""A process that is waited for and takes no processor time for so long will not answer any more.

How long an analysis takes depends on the plate and on what else the computer does, so that no time
for an answer would be right; work takes processor time on the busiest machine.
"""
_LOOKS = 10
"""Looks at the processor time within that time."""


class HelperEnded(SpheroidQCError):
    """The process ended while it was at work: killed, out of memory, or it stood still.

    `reason` are the words for that.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"The background process that analyses and draws {reason}. "
            "Try again: it is started anew, and nothing that was finished is lost. If it happens "
            "again, close other programs, which may need the memory."
        )


@dataclass(frozen=True)
class _Answer:
    """What came of a call: its number, whether it went well, and the pickled result or error."""

    number: int
    well: bool
    packed: bytes


@dataclass(frozen=True)
class _Child:
    """One process and those who wait for it, by the numbers of their calls."""

    process: subprocess.Popen[bytes]
    waiting: dict[int, Future[_Answer]] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)
    stood_still: threading.Event = field(default_factory=threading.Event)


class HelperProcess:
    """Calls functions in one other process, which is started when it is first needed.

    It is given up when it takes no processor time for `still_s` while it is waited for.
    """

    def __init__(self, still_s: float = _STILL_S) -> None:
        self._still_s = still_s
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._child: _Child | None = None

    @property
    def pid(self) -> int | None:
        """Number of the process, if there is one."""
        child = self._child
        return None if child is None else child.process.pid

    def start(self) -> None:
        """Start the process, so that it has loaded what it needs before it is asked."""
        with self._lock:
            self._alive()

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function of a module there, and wait for what comes of it; for a thread.

        What goes there and comes back is pickled. Raises what the function raises, and HelperEnded
        if the process ended meanwhile: the next call starts another.
        """
        number, future = next(self._numbers), Future[_Answer]()
        packed = pickle.dumps((number, pickle.dumps((function, args))))
        with self._lock:
            child = self._alive()
            child.waiting[number] = future
            assert child.process.stdin is not None
            # Where it has ended just now the one who listens says so.
            with contextlib.suppress(OSError, ValueError):
                child.process.stdin.write(packed)
                child.process.stdin.flush()
        if child.ended.is_set():
            _end(child)
        answer = future.result()
        result = pickle.loads(answer.packed)
        if not answer.well:
            raise result
        return result

    def close(self) -> None:
        """End the process; who still waits hears HelperEnded."""
        with self._lock:
            child, self._child = self._child, None
        if child is None:
            return
        with contextlib.suppress(OSError, ValueError):
            assert child.process.stdin is not None
            child.process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(_PATIENCE_S)
            return
        child.process.kill()

    def _alive(self) -> _Child:
        """Give the process, a new one where there is none any more; under the lock."""
        if self._child is None or self._child.ended.is_set():
            self._child = _Child(start_child("-m", "spheroid_qc.gui.helper_process"))
            for name, work in (("listener", _listen), ("watcher", self._watch)):
                threading.Thread(
                    target=work, args=(self._child,), name=f"helper-{name}", daemon=True
                ).start()
        return self._child

    def _watch(self, child: _Child) -> None:
        """Give the process up if it does nothing while somebody waits for it."""
        used, since = -1.0, time.monotonic()
        while not child.ended.wait(self._still_s / _LOOKS):
            now = _processor_s(child.process.pid)
            if now != used or not child.waiting:
                used, since = now, time.monotonic()
            elif time.monotonic() - since >= self._still_s:
                child.stood_still.set()
                child.process.kill()
                return


def _processor_s(pid: int) -> float:
    """Give the processor time that a process and its children took, s; -1 if there is none."""
    try:
        return sum(psutil.Process(pid).cpu_times()[:4])
    except psutil.Error:
        return -1.0


def _listen(child: _Child) -> None:
    """Hand out answers until the process ends."""
    assert child.process.stdout is not None
    try:
        while True:
            answer = pickle.load(child.process.stdout)
            future = child.waiting.pop(answer.number, None)
            if future is not None:
                future.set_result(answer)
    except EOFError:
        pass
    except Exception:
        # Where one answer can't be understood, none after it can.
        child.process.kill()
    child.process.stdout.close()
    child.process.wait()
    child.ended.set()
    _end(child)


def _end(child: _Child) -> None:
    """Tell those who still wait that nothing will come."""
    reason = (
        "stood still and was ended"
        if child.stood_still.is_set()
        else f"ended unexpectedly (status {child.process.returncode})"
    )
    while child.waiting:
        with contextlib.suppress(KeyError):
            _, future = child.waiting.popitem()
            future.set_exception(HelperEnded(reason))


HELPER = HelperProcess()
"""The one that all panels share."""

atexit.register(HELPER.close)


# in the other process


def _load() -> None:
    """Load what the first results are analysed and drawn with, fonts included."""
    from spheroid_qc.gui import export_files, figure_theme  # noqa: F401
    from spheroid_qc.report.figures.render import png

    png(_draw_letters, (60, 60), (9, 9, 9, 20))


def _draw_letters(ax: Axes) -> None:
    ax.set_title("0")


def _answered(number: int, packed_call: bytes) -> _Answer:
    try:
        function, args = pickle.loads(packed_call)
        return _Answer(number, True, pickle.dumps(function(*args)))
    except BaseException as error:
        try:
            packed = pickle.dumps(error)
            # What would end a program ends a thread of the window without a word.
            if not isinstance(pickle.loads(packed), Exception):
                raise TypeError
        except Exception:
            packed = pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
        return _Answer(number, False, packed)


def _serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer calls until nobody is there any more who could ask."""
    writing = threading.Lock()

    def work(number: int, packed_call: bytes) -> None:
        answer = _answered(number, packed_call)
        with writing, contextlib.suppress(OSError, ValueError):
            pickle.dump(answer, answers)
            answers.flush()

    with (
        contextlib.suppress(EOFError, OSError),
        ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="helper") as pool,
    ):
        while True:
            pool.submit(work, *pickle.load(requests))


def main() -> None:
    """Serve on standard input and output."""
    # Ctrl-C in the terminal is for the window; this ends with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    # Nothing else may be printed between the answers.
    with contextlib.suppress(OSError):
        os.dup2(2, 1)
    with contextlib.suppress(Exception):
        _load()
    _serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    # Under its own name: what is pickled here is unpickled there.
    from spheroid_qc.gui.helper_process import main as serve

    serve()
