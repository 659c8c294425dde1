"""The run of one viewer: started, polled, stopped. It outlives the panel that started it."""

from __future__ import annotations

import atexit
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from napari.utils import progress
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QObject, QTimer

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


class RunControl(QObject):
    """Starts the run of a viewer's session in its own process and passes its messages on."""

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer.window._qt_window)
        self.session: Session = session_of(viewer)
        self.run: BackgroundRun | None = None
        self.state: Progress | None = None
        self.live: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.stopping = False
        self.only_tables = False
        self._folder: Opened | None = None
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

    @property
    def running(self) -> bool:
        """Whether a run is going on."""
        return self.run is not None

    @property
    def request(self) -> RunRequest | None:
        """What is being run."""
        return None if self.run is None else self.run.request

    def start(self, workers: int | None = None, *, only_tables: bool = False) -> bool:
        """Start the run of the session; tells whether it was."""
        if self.run is not None:
            show_info(f"{self.run.request.folder.name} is still being analysed; wait or cancel.")
            return False
        if self.session.opened is None:
            return False
        self._folder = self.session.opened
        self.live = {}
        self.state = None
        self.stopping = False
        self.only_tables = only_tables
        self._tables_due = 0.0
        try:
            self.run = BackgroundRun(self.session.request(workers))
        except OSError as error:
            show_error(f"The analysis can't be started ({error}); free some memory and try again.")
            return False
        self._holder[0] = self.run
        _ALL.add(self.run)
        self._timer.start()
        if not only_tables:
            self._bar = progress(total=0, desc=f"analysing {self._folder.folder.name}")
        self.session.run_started.emit()
        return True

    def stop(self) -> None:
        """Stop the run; finished wells are kept."""
        if self.run is not None:
            self.stopping = True
            self.run.stop()

    @property
    def pending(self) -> bool:
        """Whether there are decisions that the tables do not hold yet."""
        return bool(self._tables_due) or (self.running and self.only_tables)

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
        self.state = state
        if self._bar is not None and state.stage == "frames":
            self._bar.total = state.total
            self._bar.update(state.done - self._bar.n)
        if state.well and self._folder is not None:
            key = (state.plate, state.well)
            self.live[key] = rows_of_well(self._folder, *key)
        self.session.run_progressed.emit(state)

    def _on_end(self, message: Ended | Failed | RunStopped) -> None:
        run, self.run = self.run, None
        self._holder[0] = None
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        assert run is not None
        opened = self.session.opened
        here = opened is not None and opened.out == run.request.out
        if isinstance(message, Ended):
            if here:
                self._sign_anew()
                load_tables(self, self.session)
            if not self.only_tables or not here:
                show_info(f"{run.request.folder.name} is analysed: {run.request.out}")
        elif isinstance(message, Failed):
            show_error(message.sentence)
        self.session.run_ended.emit(message)
        if not self._tables_due:
            self._timer.stop()

    def _sign_anew(self) -> None:
        """Find the records of masks that were made with an adapter that came from elsewhere."""
        opened = self.session.opened
        assert opened is not None
        digest = kept_digest(opened.run)
        if digest != opened.adapter:
            self.session.set_opened(signed_anew(opened, digest))


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


def live_table(control: RunControl) -> pd.DataFrame:
    """Wells that are finished so far as a table, for a heat map."""
    return pd.DataFrame([row for rows in control.live.values() for row in rows])


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
