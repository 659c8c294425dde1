"""The runs of one viewer: queued, started, polled, stopped. They outlive the panel."""

from __future__ import annotations

import atexit
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
from napari.utils import progress
from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QMessageBox

from spheroid_qc.gui.background_threads import alive
from spheroid_qc.gui.open_and_save import load_tables
from spheroid_qc.gui.state.opened_folder import Opened, signed_anew
from spheroid_qc.gui.state.session import Session, session_of
from spheroid_qc.run.chosen_adapter import kept_digest
from spheroid_qc.run.progress import Progress
from spheroid_qc.run.run_request import RunRequest
from spheroid_qc.run.store.corrected_masks import corrected_record
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.workflow.background_process import BackgroundRun, Ended, Failed, RunStopped

_POLL_MS = 60
_IDLE_S = 12.0
"""Tables and report are made anew once decisions have come to rest, or when they are looked at."""

_ALL: weakref.WeakSet[BackgroundRun] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    for run in list(_ALL):
        run.stop()


@dataclass
class Job:
    """One run that was asked for: waiting, running or over.

    `opened` is the folder as it was read; `live` what its wells gave so far, `outcome` how it
    ended; `only_tables`: no masks, only tables and report made anew.
    """

    opened: Opened
    request: RunRequest
    only_tables: bool = False
    running: bool = False
    stopping: bool = False
    state: Progress | None = None
    live: LiveWells = field(default_factory=lambda: LiveWells())
    outcome: Ended | Failed | RunStopped | None = None

    @property
    def waiting(self) -> bool:
        """Whether it has not begun."""
        return not self.running and self.outcome is None

    @property
    def name(self) -> str:
        """What the folder is called."""
        return self.request.folder.name


class RunControl(QObject):
    """Runs the plates of a viewer one after the other, each in its own process.

    What a run gives belongs to its own run folder: `job_of` it tells of no other.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer.window._qt_window)
        self.session: Session = session_of(viewer)
        self.run: BackgroundRun | None = None
        self.jobs: list[Job] = []
        self._job: Job | None = None
        self._bar: Any = None
        self._tables_due = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)
        self.session.tables_wanted.connect(self.update_tables, check_nargs=False)
        # The window closes: the child hears that nobody listens, and ends; wells are kept.
        holder: list[BackgroundRun | None] = [None]
        self._holder = holder
        self.destroyed.connect(lambda *_: holder[0].stop() if holder[0] is not None else None)
        viewer.window._qt_window.installEventFilter(self)

    @property
    def running(self) -> bool:
        """Whether a run is going on, of whichever plate."""
        return self.run is not None

    @property
    def current(self) -> Job | None:
        """The run that is going on."""
        return self._job if self.run is not None else None

    @property
    def request(self) -> RunRequest | None:
        """What is being run."""
        return None if self.run is None else self.run.request

    @property
    def latest(self) -> Job | None:
        """The run that is going on, or the one that ended last."""
        return self._job

    @property
    def shown(self) -> Job | None:
        """The run of the folder that is open, the latest if there were several."""
        opened = self.session.opened
        return None if opened is None else self.job_of(opened.out)

    @property
    def live(self) -> dict[tuple[str, str], list[dict[str, Any]]]:
        """Wells of the folder that is open, as far as its run has come."""
        job = self.shown
        return {} if job is None else job.live

    def job_of(self, out: Path) -> Job | None:
        """Find the run into a run folder that is to be heard of: one to come, else the latest."""
        found = [job for job in self.jobs if job.request.out == out]
        open_ones = [job for job in found if job.outcome is None]
        return next(iter([*open_ones, *found[::-1]]), None)

    def start(
        self,
        workers: int | None = None,
        *,
        only_tables: bool = False,
        new_pixel_size: bool = False,
        scheduler: str | None = None,
        path_map: tuple[str, ...] = (),
    ) -> bool:
        """Ask for a run of the session, which waits for its turn; tells whether it was taken.

        `new_pixel_size`: the masks that are there are measured anew first. `scheduler` and
        `path_map` as in `RunRequest`.
        """
        if self.session.opened is None:
            return False
        request = replace(
            self.session.request(workers), new_pixel_size=new_pixel_size, scheduler=scheduler,
            path_map=path_map,
        )  # fmt: skip
        return self.add(self.session.opened, request, only_tables=only_tables)

    def add(self, opened: Opened, request: RunRequest, *, only_tables: bool = False) -> bool:
        """Ask for a run of any folder, which waits for its turn; tells whether it was taken."""
        known = self.job_of(request.out)
        if known is not None and known.outcome is None:
            show_info(f"{known.name} is in the queue already.")
            return False
        job = Job(opened, request, only_tables)
        if known is not None and not only_tables:
            self.jobs.remove(known)
        if only_tables:  # quick, and waited for
            self.jobs.insert(0, job)
        else:
            self.jobs.append(job)
        self._next()
        self.session.run_queued.emit()
        return True

    def withdraw(self, job: Job) -> None:
        """Take a run out of the queue; one that is going on is stopped, finished wells are kept."""
        if job is self.current:
            self.stop()
        elif job in self.jobs:
            self.jobs.remove(job)
            self.session.run_queued.emit()

    def stop(self) -> None:
        """Stop the run that is going on; finished wells are kept."""
        if self.run is not None and self._job is not None:
            self._job.stopping = True
            self.run.stop()

    def _next(self) -> None:
        """Start the run whose turn it is, if none is going on."""
        job = next((job for job in self.jobs if job.waiting), None)
        if self.run is not None or job is None:
            return
        if job.only_tables or job.request.out == getattr(self.session.opened, "out", None):
            self._tables_due = 0.0
        try:
            self.run = BackgroundRun(job.request)
        except OSError as error:
            job.outcome = Failed(
                f"The analysis can't be started ({error}); free some memory and try again."
            )
            self.session.run_ended.emit(job.outcome)
            return
        self._job = job
        job.running = True
        self._holder[0] = self.run
        _ALL.add(self.run)
        self._timer.start()
        if not job.only_tables:
            self._bar = progress(total=0, desc=f"analysing {job.name}")
        self.session.run_started.emit()

    @property
    def pending(self) -> bool:
        """Whether there are decisions that the tables do not hold yet."""
        waiting = any(job.only_tables and job.outcome is None for job in self.jobs)
        return bool(self._tables_due) or waiting

    def update_tables(self) -> None:
        """Make the tables anew once decisions have come to rest."""
        self._tables_due = time.monotonic() + _IDLE_S
        self._timer.start()

    def update_now(self) -> None:
        """Make the tables anew at once, if there is a reason to."""
        if self._tables_due:
            self._tables_due = time.monotonic()
            self._timer.start()

    def _poll(self) -> None:
        if not alive(self):
            return
        run = self.run
        if run is None:
            if self._tables_due and time.monotonic() >= self._tables_due:
                self._tables_due = 0.0
                opened = self.session.opened
                if opened is not None and opened.run.run_json.is_file():
                    self.start(only_tables=True)
            elif not self._tables_due:
                self._timer.stop()
            return
        begun = time.monotonic()
        for message in run.messages():
            if isinstance(message, Progress):
                self._on_progress(message)
            else:
                self._on_end(message)
                return
            # Many wells at once must not hold the window.
            if time.monotonic() - begun > 0.03:
                return

    def _on_progress(self, state: Progress) -> None:
        job = self._job
        assert job is not None
        job.state = state
        if self._bar is not None and state.stage == "frames":
            self._bar.total = state.total
            self._bar.update(state.done - self._bar.n)
        if state.well:
            key = (state.plate, state.well)
            job.live[key] = rows_of_well(job.opened, *key)
        self.session.run_progressed.emit(state)

    def _on_end(self, message: Ended | Failed | RunStopped) -> None:
        job, self.run = self._job, None
        self._holder[0] = None
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        assert job is not None
        job.running = job.stopping = False
        job.outcome = message
        opened = self.session.opened
        here = opened is not None and opened.out == job.request.out
        if isinstance(message, Ended):
            if here:
                self._sign_anew()
                load_tables(self, self.session)
            elif message.failures:
                show_warning(f"{job.name} is analysed, but {len(message.failures)} files failed.")
            else:
                show_info(f"{job.name} is analysed: {job.request.out}")
        elif isinstance(message, Failed) and not here:
            show_error(f"{job.name}: {message.sentence}")
        self.session.run_ended.emit(message)
        if job.only_tables:
            self.jobs.remove(job)
        self._next()
        if self.run is None and not self._tables_due:
            self._timer.stop()

    def _sign_anew(self) -> None:
        """Find the records of masks that were made with an adapter that came from elsewhere."""
        opened = self.session.opened
        assert opened is not None
        digest = kept_digest(opened.run)
        if digest != opened.adapter:
            self.session.set_opened(signed_anew(opened, digest))

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: D102
        # Only a person's own click: a program that closes the window means it.
        asked = event is not None and event.type() == QEvent.Type.Close and event.spontaneous()
        job = self.current
        if not asked or job is None or job.only_tables or event is None:
            return False
        answer = QMessageBox.question(
            self.parent(),
            "Close the window?",
            f"{job.name} is still being analysed. Finished wells are kept, and the analysis goes "
            "on from there the next time.",
            QMessageBox.StandardButton.Close | QMessageBox.StandardButton.Cancel,
        )
        if answer == QMessageBox.StandardButton.Cancel:
            event.ignore()
            return True
        return False


def rows_of_well(opened: Opened, plate: str, well: str) -> list[dict[str, Any]]:
    """Give what was measured in a well so far, time by time, before any judgement."""
    record: Mapping[str, dict[str, Any]] = corrected_record(opened.run, plate, well)
    rows = []
    for well_timepoint in opened.well_timepoints.get((plate, well), ()):
        result = record.get(well_timepoint.signature)
        fields = result["fields"] if result else []
        if not fields:
            continue
        place = {"plate": plate, "well": well, "time_h": well_timepoint.frames[0].time_h}
        measured = fields[0]["rows"]
        if opened.parameters.plate.assay.value == "single" and measured:
            rows.append(place | measured[0] | {"confidence": fields[0]["confidence"]})
        else:
            rows.append(place | {"n_spheroids": sum(len(field["rows"]) for field in fields)})
    return rows


def live_table(job: Job | None) -> pd.DataFrame:
    """Give the wells that a run has finished so far as a table, for a heat map."""
    return pd.DataFrame() if job is None else job.live.table()


class LiveWells(dict[tuple[str, str], list[dict[str, Any]]]):
    """Rows of wells as a run finishes them, and their table: only what is new is made one.

    A full plate has thousands of rows, and the window draws them twice a second.
    """

    def __init__(self) -> None:
        super().__init__()
        self._table = pd.DataFrame()
        self._new: list[dict[str, Any]] = []

    def __setitem__(self, key: tuple[str, str], rows: list[dict[str, Any]]) -> None:
        again = key in self
        super().__setitem__(key, rows)
        if again:
            self._table, self._new = (
                pd.DataFrame(),
                [row for known in self.values() for row in known],
            )
        else:
            self._new += rows

    def table(self) -> pd.DataFrame:
        """Give all rows; one table until another well comes."""
        if self._new:
            # A column that is empty so far has no type yet, and would spoil that of later numbers.
            fresh = pd.DataFrame(self._new).dropna(axis="columns", how="all")
            parts = [part for part in (self._table, fresh) if len(part)]
            self._table = pd.concat(parts, ignore_index=True) if len(parts) > 1 else fresh
            self._new = []
        return self._table


def is_begun(out: Path) -> bool:
    """Tell whether a run folder holds an earlier run."""
    return RunFolder(out).run_json.is_file()


_CONTROLS: weakref.WeakKeyDictionary[Any, RunControl] = weakref.WeakKeyDictionary()


def control_of(viewer: Any) -> RunControl:
    """Give the run control that belongs to a viewer; all its panels share it."""
    viewer = getattr(viewer, "__wrapped__", viewer)
    if viewer not in _CONTROLS or not alive(_CONTROLS[viewer]):
        _CONTROLS[viewer] = RunControl(viewer)
    return _CONTROLS[viewer]
