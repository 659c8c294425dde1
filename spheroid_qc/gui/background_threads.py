"""Work that takes longer than a blink, in a thread or another process; its end is signalled here.

What reads files and waits for them goes into a thread. What computes goes into the helper process:
in a thread it would hold the interpreter, for which the window waits as well. Errors become napari
notifications that say what to do. What comes back to a panel that was closed meanwhile is dropped.
"""

from __future__ import annotations

import atexit
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

from napari.qt.threading import create_worker
from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, QThreadPool, QTimer

from spheroid_qc.errors import SpheroidQCError
from spheroid_qc.gui.helper_process import HELPER

_RUNNING: set[Any] = set()

_PATIENCE_MS = 20_000
"""A program that ends waits so long for threads that are still at work."""


def _wait_for_threads() -> None:
    """Let threads end before Qt does: one that ended afterwards would crash the program."""
    pool = QThreadPool.globalInstance()
    if pool is not None:
        pool.waitForDone(_PATIENCE_MS)


atexit.register(_wait_for_threads)


def alive(widget: QObject) -> bool:
    """Tell whether a widget has not been deleted."""
    try:
        widget.objectName()
    except RuntimeError:
        return False
    return True


_WINDOW_WORDS = {
    "--out folder": "results folder (button “Results folder…” below)",
    "--out": "the results folder",
    "--pixel-size": "the pixel size in the Plate panel",
    "plate.pixel_size_um": "the pixel size",
    "--plate-map": "the plate map",
    "--scheduler": "Scheduler (Workers on other machines)",
    "--path-map": "Folders there (Workers on other machines)",
}
"""What the command line calls it, and what stands in the window."""


def in_window_words(sentence: str) -> str:
    """Call what a sentence of the command line names by its name in the window."""
    for word, shown in _WINDOW_WORDS.items():
        sentence = sentence.replace(word, shown)
    return sentence


def sentence_of(error: BaseException) -> str:
    """Say to the user what went wrong."""
    if isinstance(error, SpheroidQCError):
        return in_window_words(str(error))
    if isinstance(error, OSError):
        place = f": {error.filename}" if error.filename else ""
        return f"{error.strerror or error}{place}; check the path and the disk, and try again."
    if isinstance(error, MemoryError):
        return "There is not enough memory; close other programs and try again."
    return (
        f"Something unexpected happened ({type(error).__name__}: {error}); please report it. "
        "Nothing that was finished is lost."
    )


def in_background(
    owner: QObject,
    function: Callable[..., Any],
    *args: Any,
    done: Callable[[Any], None] | None = None,
    failed: Callable[[BaseException], None] | None = None,
    finished: Callable[[], None] | None = None,
    desc: str = "",
) -> Any:
    """Call a function, which touches no Qt, in a thread; gives napari's worker, kept until the end.

    `done` gets the result and `failed` the error (default: a notification); `finished` is called
    last in either case; all in the window's thread, and dropped once the owner is deleted. `desc`
    is what napari's list of activities says meanwhile; empty for what is quick.
    """
    worker = create_worker(
        function, *args, _start_thread=False, _ignore_errors=True,
        _progress={"desc": desc} if desc else None,
    )  # fmt: skip

    def guarded(callback: Callable[..., None]) -> Callable[..., None]:
        def call(*values: Any) -> None:
            if alive(owner):
                callback(*values)

        return call

    def notify(error: BaseException) -> None:
        show_error(sentence_of(error))

    if done is not None:
        worker.returned.connect(guarded(done))
    worker.errored.connect(guarded(failed or notify))
    if finished is not None:
        worker.finished.connect(guarded(finished))
    worker.finished.connect(lambda: _RUNNING.discard(worker))
    _RUNNING.add(worker)
    worker.start()
    return worker


def in_process(
    owner: QObject,
    function: Callable[..., Any],
    *args: Any,
    done: Callable[[Any], None] | None = None,
    failed: Callable[[BaseException], None] | None = None,
    finished: Callable[[], None] | None = None,
    desc: str = "",
) -> Any:
    """Call a function of a module that knows no Qt in the helper process; else as `in_background`.

    Arguments and result are pickled: plain data. `failed` gets HelperEnded if the process ended.
    """
    return in_background(
        owner, _asked_of_helper, function, *args, done=done, failed=failed, finished=finished,
        desc=desc,
    )  # fmt: skip


def _asked_of_helper(function: Callable[..., Any], *args: Any) -> Any:
    pool = QThreadPool.globalInstance()
    assert pool is not None
    # A thread that only waits takes the place of none that works.
    pool.releaseThread()
    try:
        return HELPER.call(function, *args)
    finally:
        pool.reserveThread()


_TURN_MS = 5
"""Between two turns the window has room for what a person does."""

_TURNS: deque[weakref.WeakMethod[Callable[[], Any]]] = deque()


def in_turn(method: Callable[[], Any]) -> None:
    """Call a widget's method in a turn of its own, once, however often it is asked for till then.

    What several panels make of one change would together hold the window for too long.
    """
    held = weakref.WeakMethod(method)
    if held not in _TURNS:
        _TURNS.append(held)
        if len(_TURNS) == 1:
            QTimer.singleShot(_TURN_MS, _take_turn)


def _take_turn() -> None:
    if not _TURNS:
        return
    method = _TURNS.popleft()()
    if _TURNS:
        QTimer.singleShot(_TURN_MS, _take_turn)
    owner = getattr(method, "__self__", None)
    if method is not None and isinstance(owner, QObject) and alive(owner):
        method()


def rest_timer(owner: QObject, milliseconds: int, method: Callable[[], Any]) -> QTimer:
    """Make a timer that calls a method once nobody has started it again for a while."""
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(method)
    return timer
