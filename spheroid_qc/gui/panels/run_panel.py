"""Panel 2: analyse the whole plate in background processes, and watch results appear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import napari.viewer
from qtpy.QtWidgets import QFileDialog, QLabel, QProgressBar, QSpinBox, QWidget

from spheroid_qc.analysis.verdict.masks_that_do_not_fit import unfit_lines
from spheroid_qc.gui.background_threads import rest_timer
from spheroid_qc.gui.open_and_save import (
    load_settings,
    open_images,
    open_panel,
    save_edited_map,
    save_settings,
)
from spheroid_qc.gui.panels.base_panel import (
    WARNING_STYLE,
    BasePanel,
    Fold,
    beside,
    button,
    heading,
    hint,
    show_hint,
)
from spheroid_qc.gui.panels.heat_map_view import HeatMap
from spheroid_qc.gui.panels.settings_forms import SectionForm
from spheroid_qc.gui.run_control import control_of, is_begun, live_table
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
from spheroid_qc.run.worker_processes import default_workers
from spheroid_qc.workflow.background_process import Ended, Failed, RunStopped

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
_STAGES = {"frames": "Finding spheroids", "tables": "Writing tables", "overlays": "Drawing"}


class RunPanel(BasePanel):
    """Start, watch, cancel and continue the analysis of a plate."""

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self.control = control_of(self.viewer)
        self._redraw = rest_timer(self, _DRAW_MS, self._draw)
        self.out_button = button("Results folder…", self.choose_out, "Where the results go.")
        self.next_button = button(
            "Next: review doubtful frames", lambda: open_panel(self.viewer, "Review"), primary=True
        )
        self.add(
            *self._build_start(),
            *self._build_results(),
            beside(self.out_button, 1),
            self._build_settings(),
            self.next_button,
        )
        self._connect()
        self._on_parameters()
        self._on_opened()
        if self.control.running:
            self._on_started()

    def _build_start(self) -> list[QWidget]:
        self.what = hint(_NO_FOLDER)
        self.warning = hint()
        self.warning.setStyleSheet(WARNING_STYLE)
        self.new_folder = button(
            "Put results into a new folder", self.use_new_folder,
            "The old results stay as they are.",
        )  # fmt: skip
        self.start_button = button("Analyse plate", self.start, primary=True)
        self.cancel_button = button(
            "Cancel", self.cancel, "Stop; finished wells are kept, and it can be continued."
        )
        self.workers = QSpinBox()
        self.workers.setRange(1, 1024)
        self.workers.setValue(max(1, default_workers() - 1))
        self.workers.setToolTip(
            "Background processes. The results do not depend on it; one processor is left for "
            "the window."
        )
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(10)
        self.status = hint("Not started.")
        return [
            self.what,
            self.warning,
            self.new_folder,
            beside(self.start_button, self.cancel_button, 1, QLabel("Processes"), self.workers),
            self.bar,
            self.status,
        ]

    def _build_results(self) -> list[QWidget]:
        self.unfit = hint()
        self.unfit.setStyleSheet(WARNING_STYLE)
        self.map = HeatMap()
        self.answer = hint()
        self.answer.setStyleSheet("font-family: monospace; font-size: 11px;")
        self.answer_fold = Fold("What came out", self.answer)
        self.failures = hint()
        self.failures_fold = Fold("What could not be done", self.failures)
        return [
            heading("Results so far"),
            self.unfit,
            self.map,
            self.answer_fold,
            self.failures_fold,
        ]

    def _build_settings(self) -> QWidget:
        self.forms = {name: SectionForm(model) for name, model in _SECTIONS.items()}
        files = beside(
            button(
                "Load settings…", lambda: load_settings(self, self.session),
                "TOML, as of the command line.",
            ),
            button(
                "Save settings…", lambda: save_settings(self, self.session),
                "TOML for the command line.",
            ),
            1,
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
        self.listen(session.opened_changed, to=self._on_opened)
        self.listen(session.parameters_changed, to=self._on_parameters)
        self.listen(session.tables_changed, to=self._on_tables)
        self.listen(session.run_started, to=self._on_started)
        self.listen(session.run_progressed, to=self._on_progress)
        self.listen(session.run_ended, to=self._on_ended)
        self.listen(session.shown_changed, to=self._on_shown)

    # what is asked for

    def start(self) -> None:
        """Analyse the plate of the session, or continue."""
        if self.session.opened is not None and save_edited_map(self.session):
            self.control.start(self.workers.value())

    def cancel(self) -> None:
        """Stop the run."""
        self.control.stop()
        self.cancel_button.setEnabled(False)
        show_hint(self.status, "Stopping …")

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

    # the session

    def _on_opened(self) -> None:
        opened = self.session.opened
        known = opened is not None and bool(opened.table.frames)
        self.start_button.setEnabled(known and not self.control.running)
        self.cancel_button.setVisible(self.control.running)
        for widget in (self.map, self.next_button, self.out_button):
            widget.setVisible(known)
        self.answer_fold.setVisible(False)
        self.failures_fold.setVisible(False)
        show_hint(self.unfit, "\n".join(unfit_lines(self.session.unfit)))
        if opened is None or not known:
            show_hint(self.what, _NO_FOLDER)
            self.new_folder.setVisible(False)
            show_hint(self.warning, "")
            return
        wells = len(opened.well_timepoints)
        frames = sum(len(of_well) for of_well in opened.well_timepoints.values())
        show_hint(
            self.what,
            f"{opened.folder.name}: {frames} frames of {wells} wells. "
            f"Results go to {opened.out.name}, beside the images."
            if opened.out.parent == opened.folder.resolve().parent
            else f"{opened.folder.name}: {frames} frames of {wells} wells. Results: {opened.out}",
        )
        begun = is_begun(opened.out)
        self.start_button.setText("Continue" if begun and opened.status != "done" else
                                  "Analyse again" if begun else "Analyse plate")  # fmt: skip
        self._check_settings()
        if not self.control.running:
            self.bar.setRange(0, 1)
            self.bar.setValue(1 if opened.status == "done" else 0)
            text = "Begun before; finished wells are kept." if begun else "Not started."
            if opened.status == "done":
                text = "Done before; new images are added."
            show_hint(self.status, text)
        self._draw()

    def _check_settings(self) -> None:
        changed = self.session.needs_other_folder() if self.session.opened is not None else []
        self.new_folder.setVisible(bool(changed))
        text = ""
        if changed:
            text = "Masks of the earlier run were made with other settings: " + " ".join(
                changed[:3]
            )
        show_hint(self.warning, text)

    def _on_parameters(self) -> None:
        for name, form in self.forms.items():
            form.set_value(getattr(self.session.parameters, name))
        self._check_settings()

    def _on_form(self, name: str) -> None:
        new = {name: self.forms[name].value()}
        self.session.set_parameters(self.session.parameters.model_copy(update=new))

    def _on_started(self) -> None:
        self.start_button.setEnabled(False)
        self.cancel_button.setVisible(not self.control.only_tables)
        self.cancel_button.setEnabled(True)
        self.workers.setEnabled(False)
        self.bar.setRange(0, 0)
        show_hint(self.status, "Making tables …" if self.control.only_tables else "Starting …")

    def _on_progress(self, state: Progress) -> None:
        if self.control.stopping:
            return
        self.bar.setRange(0, max(1, state.total))
        self.bar.setValue(state.done)
        parts = [f"{_STAGES.get(state.stage, state.stage)}: {state.done} of {state.total}"]
        if state.rate > 0:
            parts.append(f"{state.rate:.2g} a second")
        if state.seconds_left is not None and state.done < state.total:
            parts.append(f"{_duration(state.seconds_left)} left")
        if self.control.request is not None and self.session.opened is not None:
            folder = self.control.request.folder
            if folder != self.session.opened.folder:
                parts.insert(0, folder.name)
        show_hint(self.status, " · ".join(parts))
        if state.well and not self._redraw.isActive():
            self._redraw.start()

    def _on_ended(self, message: Ended | Failed | RunStopped) -> None:
        self.start_button.setEnabled(self.session.opened is not None)
        self.cancel_button.setVisible(False)
        self.workers.setEnabled(True)
        state = self.control.state
        self.bar.setRange(0, 1)
        self.bar.setValue(0)
        if isinstance(message, Ended):
            self.bar.setValue(1)
            self.start_button.setText("Analyse again")
            show_hint(self.status, f"Done: {message.n_frames} frames, {message.n_new} of them new.")
            show_hint(self.answer, "\n".join(message.answer))
            self.answer_fold.setVisible(bool(message.answer))
            notes = [*message.failures, *message.notes]
            show_hint(self.failures, "\n".join(f"• {sentence}" for sentence in notes[:40]))
            self.failures_fold.setText(
                f"What could not be done ({len(message.failures)}), and notes"
                if message.failures
                else "Notes"
            )
            self.failures_fold.setVisible(bool(notes))
        elif isinstance(message, Failed):
            show_hint(self.status, message.sentence)
        else:
            self.start_button.setText("Continue")
            done = f" after {state.done} of {state.total} frames" if state is not None else ""
            show_hint(self.status, f"Stopped{done}. Continue goes on from there.")

    def _on_tables(self) -> None:
        show_hint(self.unfit, "\n".join(unfit_lines(self.session.unfit)))
        self._draw()

    def _on_shown(self) -> None:
        self.map.grid.set_current(self.session.well)

    def _draw(self, *_: Any) -> None:
        opened = self.session.opened
        if opened is None:
            return
        request = self.control.request
        here = request is not None and request.out == opened.out and not self.control.only_tables
        wells = live_table(self.control) if here else self.session.tables.get("wells")
        if wells is None:
            wells = live_table(self.control)
        times = list(opened.times(self.session.plate).values())
        self.map.show_wells(wells, self.session.plate, self.session.well_count, times)
        self._on_shown()


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
