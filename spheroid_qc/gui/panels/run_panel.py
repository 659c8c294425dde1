"""Panel 2: analyse plates in background processes, and watch results appear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import napari.viewer
from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog, QLabel, QProgressBar, QSpinBox, QWidget

from spheroid_qc.analysis.verdict.masks_that_do_not_fit import unfit_lines
from spheroid_qc.gui.background_threads import (
    in_background,
    in_process,
    in_window_words,
    rest_timer,
    sentence_of,
)
from spheroid_qc.gui.correct_masks import correcting_of
from spheroid_qc.gui.open_and_save import (
    load_settings,
    open_images,
    open_panel,
    save_edited_map,
    save_settings,
)
from spheroid_qc.gui.panels.answer_table import ANSWER_TO_COME, AnswerTable, VerdictLabel
from spheroid_qc.gui.panels.base_panel import (
    BasePanel,
    Fold,
    Notice,
    beside,
    button,
    flow,
    heading,
    hint,
    set_primary,
    show_hint,
)
from spheroid_qc.gui.panels.cluster_choice import ClusterChoice
from spheroid_qc.gui.panels.heat_map_view import HeatMap
from spheroid_qc.gui.panels.run_queue_view import RunQueueView
from spheroid_qc.gui.panels.settings_forms import SectionForm
from spheroid_qc.gui.run_control import Job, control_of, is_begun, live_table
from spheroid_qc.gui.state.opened_folder import Opened, open_folder
from spheroid_qc.gui.state.run_answer import TogetherAnswer, answer_together
from spheroid_qc.gui.state.session import Stage
from spheroid_qc.gui.state.shown_names import shown_name
from spheroid_qc.parameters import (
    ImageParameters,
    MeasurementParameters,
    OutputParameters,
    Parameters,
    QualityParameters,
    ResponseParameters,
    Section,
    SegmentationParameters,
    SpheresParameters,
    StateParameters,
)
from spheroid_qc.run.progress import Progress
from spheroid_qc.run.run_request import RunRequest
from spheroid_qc.run.worker_processes import default_workers
from spheroid_qc.wording import plural
from spheroid_qc.workflow.background_process import Ended, Failed

_DRAW_MS = 400
_NO_FOLDER = "Open a folder of images in the Plate panel first."
_SECTIONS: dict[str, type[Section]] = {
    "images": ImageParameters,
    "segmentation": SegmentationParameters,
    "measurement": MeasurementParameters,
    "spheres": SpheresParameters,
    "states": StateParameters,
    "quality": QualityParameters,
    "response": ResponseParameters,
    "output": OutputParameters,
}
_START = {
    Stage.NEW: "Analyse plate", Stage.BEGUN: "Continue", Stage.DONE: "Analyse again",
}  # fmt: skip
_STANDS = {
    Stage.NEW: "Not started.",
    Stage.BEGUN: "Begun before; finished wells are kept.",
    Stage.DONE: "Done before; new images are added.",
}
_STAGES = {
    "frames": "Finding spheroids",
    "tables": "Writing tables",
    "overlays": "Drawing overlays",
    "pictures": "Drawing the report",
}


class RunPanel(BasePanel):
    """Start, watch, cancel and continue the analysis of plates."""

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self.control = control_of(self.viewer)
        self._redraw = rest_timer(self, _DRAW_MS, self._draw)
        self.out_button = button("Results folder…", self.choose_out, "Where the results go.")
        self.next_button = button(
            "Next: review doubtful frames", lambda: open_panel(self.viewer, "Review")
        )
        self.cluster = ClusterChoice()
        self.add(
            *self._build_start(), *self._build_results(), *self._build_queue(),
            Fold("Workers on other machines", self.cluster), self._build_settings(),
        )  # fmt: skip
        self.add_foot(*self._build_foot())
        self._connect()
        self._on_parameters()
        self._on_opened()

    def _build_start(self) -> list[QWidget]:
        self.what = hint(_NO_FOLDER)
        self.warning = Notice()
        self.new_folder = button(
            "Put results into a new folder", self.use_new_folder,
            "The old results stay as they are.",
        )  # fmt: skip
        self.new_size = button(
            "Use the new pixel size", self.use_new_size,
            "Measures all masks anew with it. Nothing is segmented again; corrections, exclusions "
            "and acceptances stay.",
            primary=True,
        )  # fmt: skip
        self.workers = QSpinBox()
        self.workers.setRange(1, 1024)
        self.workers.setValue(max(1, default_workers() - 1))
        self.workers.setToolTip(
            "Background processes. The results do not depend on it; one processor is left for "
            "the window."
        )
        return [
            self.what,
            self.warning,
            flow(self.new_size, self.new_folder),
            flow(self.out_button, beside(QLabel("Processes"), self.workers)),
        ]

    def _build_foot(self) -> list[QWidget]:
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.status = hint("Not started.")
        self.start_button = button("Analyse plate", self.start, primary=True)
        self.cancel_button = button(
            "Cancel", self.cancel, "Stop; finished wells are kept, and it can be continued."
        )
        return [self.bar, self.status, flow(self.start_button, self.cancel_button,
                                            self.next_button)]  # fmt: skip

    def _build_results(self) -> list[QWidget]:
        self.unfit = Notice()
        self.map = HeatMap()
        self.answer = AnswerTable()
        self.verdict = VerdictLabel()
        self.no_answer = hint()
        self.answer_fold = Fold(
            "What came out", self.answer, self.verdict, self.no_answer, opened=True
        )
        self.failures = hint()
        self.failures_fold = Fold("Notes", self.failures)
        self.results_heading = heading("Wells")
        return [
            self.unfit,
            self.results_heading,
            self.map,
            self.answer_fold,
            self.failures_fold,
        ]

    def _build_queue(self) -> list[QWidget]:
        self.queue = RunQueueView(self.open_job, self.control.withdraw)
        self.add_button = button(
            "Add a folder…", self.choose_folder,
            "Analyse another plate after this one, with its own settings and plate map: that of "
            "its earlier run, else the one table in or beside the folder that is named like a map.",
        )  # fmt: skip
        self.together_button = button(
            "Analyse plates together", self.analyse_together,
            "Replicate plates as one experiment: every plate with its own vehicle wells, intervals "
            "over the plates. Tables and report go to a folder beside the first plate.",
        )  # fmt: skip
        self.together = hint()
        self.page_button = button("Open their report", self.open_together)
        self.page_button.setVisible(False)
        self._page: Path | None = None
        self.queue_fold = Fold(
            "Several plates, one after the other", self.queue,
            flow(self.add_button, self.together_button), self.together, flow(self.page_button),
        )  # fmt: skip
        return [self.queue_fold]

    def _build_settings(self) -> QWidget:
        self.forms = {name: SectionForm(model) for name, model in _SECTIONS.items()}
        files = flow(
            button(
                "Load settings…", lambda: load_settings(self, self.session),
                "TOML, as of the command line.",
            ),
            button(
                "Save settings…", lambda: save_settings(self, self.session),
                "TOML for the command line.",
            ),
        )  # fmt: skip
        folds = [
            Fold(Parameters.model_fields[name].title or name, form.native)
            for name, form in self.forms.items()
        ]
        return Fold("All settings", files, *folds)

    def _connect(self) -> None:
        session = self.session
        self.map.clicked.connect(lambda well, h: session.show_at(session.plate, well, h))
        for name, form in self.forms.items():
            form.changed.connect(lambda name=name: self._on_form(name))
            form.made.connect(self.still)
        self.listen(session.opened_changed, session.plate_changed, to=self._on_opened)
        self.listen(session.parameters_changed, to=self._on_parameters)
        self.listen(session.tables_changed, to=self._on_opened, in_turn=True)
        self.listen(session.answer_changed, to=self._on_answer, in_turn=True)
        self.listen(
            session.run_queued, session.run_started, session.run_ended, to=self._on_run
        )  # fmt: skip
        self.listen(session.run_progressed, to=self._on_progress)
        self.listen(session.shown_changed, to=self._on_shown)

    # what is asked for

    def start(self) -> None:
        """Analyse the plate of the session, or continue; it waits for others that are running."""
        if self.session.opened is None:
            return
        if not save_edited_map(self.session):
            self.say(
                "The plate map is not complete: " + " ".join(self.session.map_problems[:3]), "error"
            )
            return
        self.say("")
        self._ask()

    def _ask(self, *, new_pixel_size: bool = False) -> None:
        self.control.start(
            self.workers.value(), new_pixel_size=new_pixel_size,
            scheduler=self.cluster.scheduler, path_map=self.cluster.path_map,
        )  # fmt: skip

    def cancel(self) -> None:
        """Stop the run of this plate, or take it out of the queue."""
        job = self.control.shown
        if job is not None:
            self.control.withdraw(job)
            self._on_run()

    def choose_folder(self) -> None:
        """Ask for a folder that is analysed after the others."""
        opened = self.session.opened
        start = str(opened.folder.parent) if opened is not None else ""
        name = QFileDialog.getExistingDirectory(self, "Folder of images", start)
        if name:
            self.add_folder(Path(name))

    def add_folder(self, folder: Path) -> Any:
        """Read a folder in the background, and queue its analysis."""
        self.queue_fold.expand()

        def done(opened: Opened) -> None:
            if not opened.table.frames:
                self.say(f"{folder.name} holds no image whose name tells its well; open it in the "
                         "Plate panel to see why.", "error")  # fmt: skip
                return
            if opened.map_path is None and len(opened.maps) > 1:
                names = ", ".join(path.name for path in opened.maps)
                self.say(
                    f"{folder.name} is not in the queue: any of {names} may be its plate map. Open "
                    "the folder in the Plate panel and load the right one.", "warning",
                )  # fmt: skip
                return
            plate_map = opened.map_path or next(iter(opened.maps), None)
            request = RunRequest(
                opened.folder, opened.out, plate_map, opened.parameters, opened.join,
                self.workers.value(), scheduler=self.cluster.scheduler,
                path_map=self.cluster.path_map,
            )  # fmt: skip
            used = f" with {plate_map.name}" if plate_map is not None else ", without a plate map"
            if self.control.add(opened, request):
                self.say(f"{folder.name} is in the queue{used}.")

        return in_background(
            self, open_folder, folder, done=done, desc=f"reading {folder.name}",
            failed=lambda error: self.say(sentence_of(error), "error"),
        )  # fmt: skip

    def finished_runs(self) -> list[Path]:
        """Give the run folders of the queue that are done."""
        return [
            job.request.out
            for job in self.control.jobs
            if isinstance(job.outcome, Ended) and not job.only_tables
        ]

    def analyse_together(self) -> Any:
        """Analyse the plates of the queue that are done as one experiment, in the background."""
        runs = self.finished_runs()
        if len(runs) < 2:
            return None
        target = runs[0].with_name(f"{runs[0].name}_and_{len(runs) - 1}_more")
        self.together_button.setEnabled(False)
        self.page_button.setVisible(False)
        show_hint(self.together, f"Analysing {len(runs)} plates together …")

        def done(found: TogetherAnswer) -> None:
            self._page = found.page
            said = [shown_name(sentence) for sentence in found.sentences[:3]]
            lines = [f"{plural(len(found.plates), 'plate')} together, in {target.name}:"]
            if found.unmapped:
                lines.insert(0, f"{', '.join(found.unmapped)}: no plate map, so no condition. Load "
                                "the map in the Plate panel, analyse that plate again, then these "
                                "together.")  # fmt: skip
            show_hint(self.together, "\n".join([*lines, *(f"• {sentence}" for sentence in said)]))
            self.page_button.setVisible(True)

        def failed(error: BaseException) -> None:
            show_hint(self.together, "")
            self.say(sentence_of(error), "error")

        return in_process(
            self, answer_together, runs, target, self.session.parameters, done=done,
            failed=failed, finished=self._on_run, desc="analysing plates together",
        )  # fmt: skip

    def open_together(self) -> None:
        """Open the page of the plates that were analysed together."""
        if self._page is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._page)))

    def open_job(self, job: Job) -> None:
        """Show the plate of a run in all panels."""
        open_images(self.viewer, job.request.folder, out=job.request.out)

    def choose_out(self) -> None:
        """Ask where results go."""
        opened = self.session.opened
        if opened is None:
            return
        name = QFileDialog.getExistingDirectory(self, "Results folder", str(opened.out.parent))
        if name:
            self.reopen(Path(name))

    def reopen(self, out: Path) -> None:
        """Put results into another folder; what lies there is continued."""
        opened = self.session.opened
        if opened is not None:
            open_images(self.viewer, opened.folder, None if is_begun(out) else
                        self.session.parameters, out)  # fmt: skip

    def use_new_folder(self) -> None:
        """Put results into a folder that does not exist yet."""
        opened = self.session.opened
        if opened is None:
            return
        number = 2
        base = opened.out.name.rstrip("0123456789").rstrip("_")
        while (new := opened.out.with_name(f"{base}_{number}")).exists():
            number += 1
        self.session.use_out(new)
        self._on_opened()

    def use_new_size(self) -> None:
        """Measure the masks that are there with the pixel size that was entered."""
        # A stroke of this very moment is a correction that is measured as well.
        correcting_of(self.viewer).finish()
        if self.session.opened is not None and save_edited_map(self.session):
            self._ask(new_pixel_size=True)

    # the session

    def _on_opened(self) -> None:
        opened = self.session.opened
        known = opened is not None and bool(opened.table.frames)
        for widget in (self.map, self.results_heading, self.next_button, self.out_button, self.bar,
                       self.status):  # fmt: skip
            widget.setVisible(known)
        self.unfit.say("\n".join(unfit_lines(self.session.unfit)), "warning")
        if opened is None or not known:
            show_hint(self.what, _NO_FOLDER)
            self.new_folder.setVisible(False)
            self.new_size.setVisible(False)
            self.warning.say("")
        else:
            wells = len(opened.well_timepoints)
            frames = sum(len(of_well) for of_well in opened.well_timepoints.values())
            show_hint(
                self.what,
                f"{opened.folder.name}: {frames} frames of {wells} wells. "
                f"Results go to {opened.out.name}, beside the images."
                if opened.out.parent == opened.folder.resolve().parent
                else f"{opened.folder.name}: {frames} frames of {wells} wells. "
                f"Results: {opened.out}",
            )
            self._check_settings()
        self._on_answer()
        self._on_run()
        self._draw()

    def _check_settings(self) -> None:
        changed = self.session.needs_other_folder() if self.session.opened is not None else []
        only_size = self.session.only_size_differs()
        self.new_folder.setVisible(bool(changed))
        self.new_size.setVisible(only_size)
        text = ""
        if only_size:
            text = (
                "Another pixel size was entered than the results were measured with. Measure them "
                "anew with it: outlines, corrections and decisions stay."
            )
        elif changed:
            text = "Masks of the earlier run were made with other settings: " + " ".join(
                changed[:3]
            )
        self.warning.say(in_window_words(text), "warning")
        self._on_run()

    def _on_parameters(self) -> None:
        for name, form in self.forms.items():
            form.set_value(getattr(self.session.parameters, name))
        self._check_settings()

    def _on_form(self, name: str) -> None:
        new = {name: self.forms[name].value()}
        self.session.set_parameters(self.session.parameters.model_copy(update=new))

    def _on_run(self) -> None:
        """Say how the run of the plate that is open stands, and where the others are."""
        self.queue.show_jobs(self.control.jobs)
        self.together_button.setVisible(len(self.control.jobs) > 1)
        self.together_button.setEnabled(len(self.finished_runs()) > 1)
        others = [job for job in self.control.jobs if not job.only_tables]
        opened = self.session.opened
        count = f" ({len(others)})" if others else ""
        self.queue_fold.setText(f"Several plates, one after the other{count}")
        if any(opened is None or job.request.out != opened.out for job in others):
            self.queue_fold.expand()
        self.failures_fold.setVisible(False)
        if opened is None:
            self.start_button.setEnabled(False)
            self.cancel_button.setVisible(False)
            return
        job = self.control.shown
        stage = self.session.stage
        self.start_button.setText(_START[stage])
        busy = job is not None and job.outcome is None
        # With other settings the old folder would be refused: a button above says what to do.
        fits = self.new_folder.isHidden() and self.new_size.isHidden()
        self.start_button.setEnabled(bool(opened.table.frames) and not busy and fits)
        self.workers.setEnabled(not busy)
        self.cancel_button.setVisible(busy and job is not None and not job.only_tables)
        self.cancel_button.setEnabled(job is not None and not job.stopping)
        self.bar.setRange(0, 1)
        self.bar.setValue(int(stage is Stage.DONE))
        if job is None:
            show_hint(self.status, _STANDS[stage])
        elif job.waiting:
            ahead = self.control.current
            after = f" {ahead.name} is being analysed." if ahead is not None else ""
            show_hint(self.status, f"Waiting for its turn.{after}")
        elif job.running:
            self.say("")
            self._show_progress(job)
        else:
            self._show_outcome(job)
        self._show_primary()

    def _show_progress(self, job: Job) -> None:
        state = job.state
        if job.stopping:
            show_hint(self.status, "Stopping …")
        elif state is None:
            self.bar.setRange(0, 0)
            show_hint(self.status, "Making tables …" if job.only_tables else "Starting …")
        else:
            self.bar.setRange(0, max(1, state.total))
            self.bar.setValue(state.done)
            parts = [f"{_STAGES.get(state.stage, state.stage)}: {state.done} of {state.total}"]
            if state.rate > 0:
                parts.append(f"{state.rate:.2g} a second")
            if state.seconds_left is not None and state.done < state.total:
                parts.append(f"{_duration(state.seconds_left)} left")
            show_hint(self.status, " · ".join(parts))

    def _show_outcome(self, job: Job) -> None:
        message, state = job.outcome, job.state
        if isinstance(message, Ended):
            self.bar.setValue(1)
            self.start_button.setText("Analyse again")
            failed = len(message.failures)
            told = f"Done: {message.n_frames} frames, {message.n_new} of them new."
            if failed:
                told = f"{told} {failed} could not be read or analysed."
                self.say(" ".join(message.failures[:3]), "error")
            show_hint(self.status, told)
            notes = [*message.failures, *message.notes]
            show_hint(self.failures, "\n".join(f"• {sentence}" for sentence in notes[:40]))
            self.failures_fold.setText(
                f"What could not be done ({failed}), and notes" if failed else "Notes"
            )
            self.failures_fold.setVisible(bool(notes))
            if failed:
                self.failures_fold.expand()
        elif isinstance(message, Failed):
            self.bar.setValue(0)
            show_hint(self.status, "Not analysed.")
            self.say(in_window_words(message.sentence), "error")
        else:
            self.bar.setValue(0)
            self.start_button.setText("Continue")
            if state is not None and state.stage == "frames":
                told = f"Stopped after {state.done} of {state.total} frames."
            elif state is not None:
                told = "Stopped while tables and pictures were made; all frames are measured."
            else:
                told = "Stopped."
            show_hint(self.status, f"{told} Continue goes on from there.")

    def _show_primary(self) -> None:
        """Let one button lead on: the one that is to be clicked next."""
        job = self.control.shown
        busy = job is not None and job.outcome is None
        # Tables that are made anew are there all the while.
        done = self.session.stage is Stage.DONE or (busy and job is not None and job.only_tables)
        changed = not (self.new_folder.isHidden() and self.new_size.isHidden())
        set_primary(self.next_button, done and not changed)
        set_primary(self.start_button, not done and not busy)

    def _on_progress(self, state: Progress) -> None:
        self.queue.show_jobs(self.control.jobs)
        job = self.control.shown
        if job is not None and job is self.control.current:
            self._show_progress(job)
            if state.well and not self._redraw.isActive():
                self._redraw.start()

    def _on_answer(self) -> None:
        answer, opened = self.session.answer, self.session.opened
        here = answer is not None and opened is not None and answer.out == opened.out
        lines = answer.lines if answer is not None and here else ()
        verdict = answer.verdict if answer is not None and here else ()
        told = ""
        if "wells" in self.session.tables and not (lines or verdict):
            told = answer.lacking if answer is not None and here else ANSWER_TO_COME
        show_hint(self.no_answer, told)
        self.answer_fold.setVisible(bool(lines or verdict or told))
        if answer is not None and lines:
            self.answer.show_lines(answer.title, answer.headings, lines)
        self.answer.setVisible(bool(lines))
        self.verdict.show_verdict(verdict)

    def _on_shown(self) -> None:
        self.map.grid.set_current(self.session.well)

    def _draw(self, *_: Any) -> None:
        opened = self.session.opened
        if opened is None:
            return
        job = self.control.shown
        live = job is not None and not job.only_tables and not isinstance(job.outcome, Ended)
        known = self.session.tables.get("wells")
        wells = live_table(job) if live or known is None else known
        if not len(wells) and known is not None:
            wells = known
        times = list(opened.times(self.session.plate).values())
        self.map.show_wells(
            wells, self.session.plate, self.session.well_count, times,
            imaged=opened.wells(self.session.plate),
        )  # fmt: skip
        self._on_shown()


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
