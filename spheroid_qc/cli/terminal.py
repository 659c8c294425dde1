"""What the command line shows, and how it is stopped.

Nothing that is printed may cost the run: a closed pipe, a full disk behind standard output or a
terminal that knows only ASCII are no reason to lose an analysis. Names of files come from
outside, so their control characters are shown, never sent to the terminal.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spheroid_qc.run import Progress


def echo(text: str, *, err: bool = False) -> None:
    """Print one or more lines to standard output or, with `err`, to standard error."""
    # A program without a terminal may have no standard streams at all.
    stream = sys.stderr if err else sys.stdout
    if stream is None:
        return
    line = _harmless(text) + "\n"
    try:
        try:
            stream.write(line)
        except UnicodeEncodeError:
            encoding = getattr(stream, "encoding", None) or "ascii"
            stream.write(line.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except (OSError, ValueError):
        _silence("stderr" if err else "stdout")


def one_line(text: str) -> str:
    """Keep a sentence on one line, whatever a name in it holds."""
    return text.replace("\r", "\\r").replace("\n", "\\n")


def _harmless(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


def _silence(name: str) -> None:
    """Send a stream that can't be written to nowhere, so that closing it raises nothing either."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, getattr(sys, name).fileno())
        os.close(nowhere)


class Reporter:
    """Progress on standard error: a bar on a terminal, a line now and then elsewhere.

    Use it in a `with` statement and call it with each `Progress`.
    """

    def __init__(self) -> None:
        self._live = sys.stderr is not None and sys.stderr.isatty()
        self._last = 0.0
        self._width = 0

    def __enter__(self) -> Reporter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live and self._width:
            self._write("\r" + " " * self._width + "\r")

    def __call__(self, state: Progress) -> None:
        """Show how far a run is."""
        now = time.monotonic()
        last_one = state.done == state.total
        if not last_one and now - self._last < (0.2 if self._live else 10.0):
            return
        self._last = now
        text = self._line(state)
        if self._live:
            self._write("\r" + text.ljust(self._width))
            self._width = max(self._width, len(text))
        else:
            self._write(text + "\n")

    def _write(self, text: str) -> None:
        if sys.stderr is None:
            return
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError):
            _silence("stderr")

    def _line(self, state: Progress) -> str:
        word = "images of the demo plate" if state.stage == "plate" else state.stage
        if state.stage == "tables":
            return "making tables ..."
        share = state.done / max(state.total, 1)
        bar = ""
        if self._live:
            filled = round(24 * share)
            bar = "[" + "#" * filled + "." * (24 - filled) + "] "
        text = f"{bar}{word} {state.done}/{state.total} ({share:.0%})"
        if state.rate > 0:
            text += f", {state.rate:.1f}/s"
        if state.seconds_left:
            minutes, seconds = divmod(round(state.seconds_left), 60)
            text += f", {minutes} min {seconds} s left" if minutes else f", {seconds} s left"
        return text


class StopSignal(BaseException):
    """Somebody asked the program to end: Ctrl-C, or a batch system's signal of this number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def stop_on_signals() -> None:
    """Turn the signals that ask a program to end into `StopSignal`, so that workers end with it."""

    def stop(number: int, _: object) -> None:
        # Whoever asks again gets what the system does on its own.
        signal.signal(number, signal.SIG_DFL)
        raise StopSignal(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        # `&` in a script sets signals to be ignored, and means it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)


def describe_unexpected(error: Exception) -> str:
    """Say in one finished sentence what went wrong that nobody foresaw, and where."""
    if isinstance(error, OSError) and error.strerror:
        place = f" for {error.filename}" if error.filename else ""
        return (
            f"The system reports {error.strerror!r}{place}; mend that and run the same command "
            "again."
        )
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = (
        f" in {Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno}"
        if trace
        else ""
    )
    what = f"{type(error).__name__}: {one_line(str(error))}".removesuffix(": ")
    return (
        f"Something went wrong that should not have ({what}{place}); run the same command with "
        "the environment variable SPHEROID_QC_TRACEBACK=1 and report what it prints."
    )
