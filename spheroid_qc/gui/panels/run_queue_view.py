"""The plates that are analysed one after the other, each with its progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from qtpy.QtWidgets import QGridLayout, QLabel, QProgressBar, QPushButton, QWidget

from spheroid_qc.gui.panels.base_panel import WrappedLabel, breakable
from spheroid_qc.gui.run_control import Job
from spheroid_qc.workflow.background_process import Ended, Failed


def job_words(job: Job) -> str:
    """Say how far a run is, in a few words."""
    if job.waiting:
        return "waiting"
    if job.running:
        if job.stopping:
            return "stopping …"
        done = job.state
        return "starting …" if done is None else f"{done.done} of {done.total}"
    if isinstance(job.outcome, Ended):
        failed = len(job.outcome.failures)
        return f"done, {failed} failed" if failed else "done"
    return "not possible" if isinstance(job.outcome, Failed) else "stopped"


class RunQueueView(QWidget):
    """One line a plate: name, progress, a button to open it and one to take it out."""

    def __init__(self, open_job: Callable[[Job], None], withdraw: Callable[[Job], None]) -> None:
        super().__init__()
        self._open, self._withdraw = open_job, withdraw
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(4)
        self._grid.setColumnStretch(0, 1)
        self._shown: list[Job] = []

    def show_jobs(self, jobs: Sequence[Job]) -> None:
        """Show how far all are; lines are made anew only where the list is another."""
        jobs = [job for job in jobs if not job.only_tables]
        if len(jobs) != len(self._shown) or any(
            a is not b for a, b in zip(jobs, self._shown, strict=True)
        ):
            self._shown = jobs
            self._build()
        for row, job in enumerate(jobs):
            bar, words, out = (self._at(row, column) for column in (1, 2, 4))
            assert isinstance(bar, QProgressBar)
            assert isinstance(words, QLabel)
            state = job.state
            bar.setRange(0, max(1, state.total if state is not None else 1))
            bar.setValue(
                bar.maximum()
                if isinstance(job.outcome, Ended)
                else state.done if state is not None else 0
            )  # fmt: skip
            words.setText(job_words(job))
            if isinstance(job.outcome, Failed):
                words.setToolTip(job.outcome.sentence)
            assert out is not None
            out.setEnabled(not job.stopping)

    def _at(self, row: int, column: int) -> QWidget | None:
        item = self._grid.itemAtPosition(row, column)
        return None if item is None else item.widget()

    def _build(self) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for row, job in enumerate(self._shown):
            name = WrappedLabel(breakable(job.name))
            name.setToolTip(f"{job.request.folder}\nResults: {job.request.out}\nPlate map: "
                            f"{job.request.plate_map or 'none'}")  # fmt: skip
            bar = QProgressBar()
            bar.setTextVisible(False)
            bar.setFixedSize(60, 8)
            show = QPushButton("Open")
            show.setToolTip("Show this plate in all panels.")
            show.clicked.connect(partial(self._call, self._open, job))
            out = QPushButton("✕")
            out.setFixedWidth(26)
            out.setObjectName("take out")
            out.setToolTip("Take it out of the queue, or stop it; finished wells are kept.")
            out.clicked.connect(partial(self._call, self._withdraw, job))
            for column, widget in enumerate((name, bar, QLabel(), show, out)):
                self._grid.addWidget(widget, row, column)

    @staticmethod
    def _call(action: Callable[[Job], None], job: Job, *_: object) -> None:
        action(job)
