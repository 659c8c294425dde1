"""A folder that is watched: new images are analysed as the microscope writes them.

Each round is the ordinary run that continues, on the files that are whole by then; the last one,
when watching ends, makes what a run makes that is started afterwards. Nothing is remembered but
what lies in the run folder, so that a watch which was killed is simply started again.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from spheroid_qc.analysis.plate_alarms import PlateAlarm
from spheroid_qc.analysis.verdict.alarm_sentences import alarm_sentences
from spheroid_qc.errors import ClusterError, FolderInUse, NoFrames, OutputError, RequestError
from spheroid_qc.report.watched_page import WatchedPage
from spheroid_qc.run.progress import Progress
from spheroid_qc.run.run_request import RunRequest
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.wording import listed, plural
from spheroid_qc.workflow.run_and_report import PlateResult, carry_out
from spheroid_qc.workflow.settled_files import SettledFiles

STOP = "STOP"
"""A file of this name in the run folder ends watching."""

_SLICE_S = 0.5
"""Pause between two questions whether somebody wants to stop."""


@dataclass(frozen=True)
class Round:
    """What one round of watching brought.

    Parameters
    ----------
    result : PlateResult
        As of any run.
    alarms : tuple of str
        Sentences on what goes wrong at the newest time.
    fresh_alarms : tuple of str
        Those among them that were not said before.
    seconds : float
        How long it took.
    waiting : int
        Files that are not whole yet.
    """

    result: PlateResult
    alarms: tuple[str, ...]
    fresh_alarms: tuple[str, ...]
    seconds: float
    waiting: int


def watch_plate(
    request: RunRequest,
    told: Callable[[Round | str], None],
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> PlateResult:
    """Watch a folder and analyse what becomes whole in it, until it is time to end.

    Parameters
    ----------
    request : RunRequest
        As of an ordinary run; the section `watch` of its parameters says how it is watched.
    told : callable
        Called with each `Round`, and with sentences on what holds it up.
    progress : callable, optional
        Called with a `Progress` from this thread.
    stop : callable
        Asked between two looks whether watching ends now.

    Returns
    -------
    PlateResult
        What the last run ended with; `failures` name the files that never became whole.

    Raises
    ------
    RequestError
        If the request can't be carried out, or no image became whole.
    OutputError
        If the results of the last round can't be written.
    """
    return _Watch(replace(request, watched=True), told, progress, stop).until_the_end()


class _Watch:
    def __init__(
        self,
        request: RunRequest,
        told: Callable[[Round | str], None],
        progress: Callable[[Progress], None] | None,
        stop: Callable[[], bool],
    ) -> None:
        self.request = request
        self.told = told
        self.progress = progress
        self.stop = stop
        self.settings = request.parameters.watch
        self.run = RunFolder(request.out)
        self.run.check_usable(request.folder)
        known = (self.run.read_run() or {}).get("inputs", ())
        read_before = {one["path"]: int(one.get("size") or 0) for one in known if one.get("sha256")}
        self.files = SettledFiles(request.folder, request.parameters.images, read_before)
        self.said: set[str] = set()
        self.last_said = ""
        self.rounds = 0

    def until_the_end(self) -> PlateResult:
        until = self.settings.until
        end = None if until is None else datetime.fromisoformat(until).timestamp()
        idle_s = self.settings.idle_hours * 3600 or math.inf
        # Whoever starts anew means it.
        self._take_stop()
        done: object = None
        last_new = time.monotonic()
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                if self._look():
                    last_new = time.monotonic()
                state = (self.files.state, self._decisions())
                if self.files.state and state != done and not self.files.disturbed:
                    # What could not be done is tried again at the next look.
                    done = state if self._round() else done
                if end is not None and time.time() >= end:
                    break
                if time.monotonic() - last_new >= idle_s:
                    break
                if self._pause():
                    break
        return self._finish()

    def _look(self, *, last: bool = False) -> int:
        try:
            return self.files.look(last=last)
        except RequestError as error:
            if not self.rounds and not self.files.state:
                raise
            self._say(f"{error} Looking again until it is back.")
            return 0

    def _decisions(self) -> str:
        with contextlib.suppress(OSError):
            return self.run.decisions()
        return ""

    def _round(self) -> bool:
        """Analyse what is whole; tells whether that could be done."""
        begun = time.monotonic()
        request = replace(self.request, whole=self.files.whole)
        found: list[PlateAlarm] = []

        def page(alarms: tuple[PlateAlarm, ...]) -> WatchedPage:
            found.extend(alarms)
            now = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
            refresh = max(2, round(self.settings.look_seconds))
            return WatchedPage(refresh, now, tuple(alarm_sentences(alarms)))

        try:
            result = carry_out(request, self.progress, page)
        except (FolderInUse, OutputError, ClusterError) as error:
            # A disk is made room on, and workers come back.
            self._say(f"{error} Trying again at the next look.")
            return False
        except RequestError as error:
            if not self.rounds and not isinstance(error, NoFrames):
                raise
            self._say(f"{error} Trying again at the next look.")
            return False
        self.rounds += 1
        self.last_said = ""
        alarms = tuple(alarm_sentences(found))
        fresh = tuple(sentence for sentence in alarms if sentence not in self.said)
        self.said.update(alarms)
        seconds = time.monotonic() - begun
        self.told(Round(result, alarms, fresh, seconds, len(self.files.stuck)))
        return True

    def _say(self, sentence: str) -> None:
        if sentence != self.last_said:
            self.last_said = sentence
            self.told(sentence)

    def _pause(self) -> bool:
        """Wait for the next look; tells whether watching ends meanwhile."""
        until = time.monotonic() + self.settings.look_seconds
        while True:
            if self.stop() or self._take_stop():
                return True
            left = until - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(left, _SLICE_S))

    def _take_stop(self) -> bool:
        """Tell whether somebody put the file there, and take it away; in run folders only."""
        if not self.run.run_json.is_file():
            return False
        try:
            Path(self.run.root, STOP).unlink()
        except OSError:
            return False
        return True

    def _finish(self) -> PlateResult:
        """Make the tables and the page as they stay, and name what never became whole."""
        # What came since the last look is not known to be whole: it must not be read as damaged.
        self._look(last=True)
        stuck = self.files.missing
        if not self.files.state:
            raise RequestError(
                f"No image in {self.request.folder} became whole while it was watched"
                + (f" ({plural(len(stuck), 'file')} {_not_open(stuck)})" if stuck else "")
                + "; look whether the microscope writes there."
            )
        result = carry_out(replace(self.request, whole=self.files.whole), self.progress)
        if not stuck:
            return result
        one = len(stuck) == 1
        sentence = (
            f"{plural(len(stuck), 'file')} never became whole and {'is' if one else 'are'} not in "
            f"the tables: {listed(stuck)}. Copy {'it' if one else 'them'} again from the "
            "instrument, and run the same command without --watch."
        )
        return replace(result, failures=(*result.failures, sentence))


def _not_open(stuck: Sequence[str]) -> str:
    return "does not open: " + stuck[0] if len(stuck) == 1 else f"don't open, such as {stuck[0]}"
