"""Panel 4: curves by condition, the plate as a heat map, dose response; export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import napari.viewer
import numpy as np
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure as MatplotlibFigure
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog, QLabel, QTabWidget, QVBoxLayout, QWidget

from spheroid_qc.analysis.metric_names import MetricName
from spheroid_qc.analysis.treatment_families import TreatmentFamily, families_of
from spheroid_qc.analysis.verdict.left_out import left_out_lines
from spheroid_qc.analysis.verdict.masks_that_do_not_fit import unfit_lines
from spheroid_qc.gui.background_threads import in_background, sentence_of
from spheroid_qc.gui.export_files import dose_figures_of, export_session, write_figure
from spheroid_qc.gui.open_and_save import save_settings, write_or_say
from spheroid_qc.gui.panels.base_panel import (
    WARNING_STYLE,
    BasePanel,
    Fold,
    beside,
    button,
    fill_choice,
    hint,
    long_choice,
    show_hint,
)
from spheroid_qc.gui.panels.heat_map_view import HeatMap
from spheroid_qc.gui.result_figures import (
    Figure,
    curve_metrics,
    nearest_well,
    plate_figure,
    time_figure,
)
from spheroid_qc.gui.run_control import control_of
from spheroid_qc.gui.well_view import view_of
from spheroid_qc.report.palette import PALETTE

_REACH_PX = 14.0
_DPI = 84


class _Canvas(FigureCanvasQTAgg):
    """A matplotlib figure on paper, in the panel."""

    def __init__(self, height: int = 300) -> None:
        self.made = MatplotlibFigure(facecolor=PALETTE["paper"][0], dpi=_DPI)
        super().__init__(self.made)  # type: ignore[no-untyped-call]
        self.setMinimumHeight(height)
        self.axes: Any = None

    def show_figure(self, figure: Figure | None) -> None:
        """Draw a figure; None: an empty sheet."""
        self.made.clear()
        self.axes = None
        if figure is not None:
            width, height = max(1, self.width()), max(1, self.height())
            left, right, bottom, top = (_DPI / 72 * margin for margin in figure.margins)
            # A narrow panel has less room for the names at the ends of the lines.
            right = min(right, 0.42 * width)
            self.axes = self.made.add_axes(
                (left / width, bottom / height, max(0.2, 1 - (left + right) / width),
                 max(0.2, 1 - (bottom + top) / height))
            )  # fmt: skip
            figure.draw(self.axes)
            # What it is stands in the lists above it, which leaves more room than a title.
            self.axes.set_title("", loc="left")
        self.draw_idle()  # type: ignore[no-untyped-call]


class ResultsPanel(BasePanel):
    """Look at what came out, and take it with you."""

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self.view = view_of(self.viewer)
        self.control = control_of(self.viewer)
        self._families: list[TreatmentFamily] = []
        self._metrics: list[MetricName] = []
        self._doses: list[Figure] = []
        self._shown: Figure | None = None
        self._export_to: Path | None = None
        self.empty = hint("Analyse a plate first (Run panel).")
        self.what = QTabWidget()
        self.what.addTab(self._build_curves(), "Over time")
        self.map = HeatMap()
        self.what.addTab(_page(self.map), "Plate")
        self.what.addTab(self._build_doses(), "Dose response")
        self.left_out = hint()
        self.unfit = hint()
        self.unfit.setStyleSheet(WARNING_STYLE)
        self.body = [self.unfit, self.what, Fold("Left out of every mean", self.left_out)]
        self.body += self._build_export()
        self.add(self.empty, *self.body)
        self._connect()
        self._on_tables()

    def _build_curves(self) -> QWidget:
        self.family, self.metric = long_choice(26), long_choice(26)
        self.curves = _Canvas(320)
        self.clicked = hint("Click a thin line to see that well at that time.")
        return _page(
            beside(QLabel("Drugs"), self.family),
            beside(QLabel("Metric"), self.metric),
            self.curves,
            self.clicked,
        )

    def _build_doses(self) -> QWidget:
        self.dose = long_choice(26)
        self.dose_canvas = _Canvas(300)
        self.no_dose = hint()
        return _page(self.dose, self.dose_canvas, self.no_dose)

    def _build_export(self) -> list[QWidget]:
        self.export_button = button(
            "Export everything…", self.choose_export,
            "Tables (CSV), figures (PNG and SVG), the settings (TOML) and the command that repeats "
            "this session.", primary=True,
        )  # fmt: skip
        self.figure_button = button(
            "Save this figure…", self.choose_figure, "PNG or SVG, by the ending."
        )
        self.settings_button = button(
            "Save settings…", lambda: save_settings(self, self.session), "TOML"
        )
        self.page_button = button("Open report", self.open_report, "report.html in the browser")
        self.state = hint()
        return [
            beside(self.export_button, self.figure_button, 1),
            beside(self.settings_button, self.page_button, 1),
            self.state,
        ]

    def _connect(self) -> None:
        session = self.session
        self.what.currentChanged.connect(self.draw)
        for choice in (self.family, self.metric, self.dose):
            choice.currentIndexChanged.connect(self.draw)
        self.curves.mpl_connect("button_press_event", self._on_curve_clicked)
        self.map.clicked.connect(lambda well, h: session.show_at(session.plate, well, h))
        self.listen(session.opened_changed, session.tables_changed, to=self._on_tables)
        self.listen(session.shown_changed, to=self._on_shown)

    # what is shown

    def _on_tables(self) -> None:
        tables, opened = self.session.tables, self.session.opened
        known = opened is not None and "wells" in tables and "conditions" in tables
        self.empty.setVisible(not known)
        for widget in self.body:
            if widget not in (self.state, self.unfit):
                widget.setVisible(known)
        if not known:
            show_hint(self.unfit, "")
            return
        assert opened is not None
        conditions = tables["conditions"]
        self._families = families_of(conditions) or _all_together(conditions)
        self._metrics = curve_metrics(conditions)
        first = self.family.count() == 0
        fill_choice(self.family, [family.title for family in self._families])
        if first:
            # Combinations stand last, and are what is looked for first.
            imaged = set(conditions.loc[conditions["n_wells"] > 0, "condition"])
            filled = [n for n, f in enumerate(self._families) if imaged & set(f.names)]
            self.family.setCurrentIndex(filled[-1] if filled else 0)
        fill_choice(self.metric, [metric.axis for metric in self._metrics])
        show_hint(self.unfit, "\n".join(unfit_lines(self.session.unfit)))
        if "qc" in tables:
            show_hint(self.left_out, "\n".join(left_out_lines(tables["qc"], tables["wells"])))
        times = list(opened.times(self.session.plate).values())
        self.map.show_wells(tables["wells"], self.session.plate, self.session.well_count, times)
        self._on_shown()
        target, self._export_to = self._export_to, None
        if target is not None:
            self.export(target)
        self.page_button.setVisible((opened.out / "report.html").is_file())
        in_background(
            self, dose_figures_of, opened.run, self.session.parameters, done=self._on_doses
        )
        self.draw()

    def _on_doses(self, figures: list[Figure]) -> None:
        self._doses = figures
        fill_choice(self.dose, [figure.title for figure in figures])
        for widget in (self.dose, self.dose_canvas):
            widget.setVisible(bool(figures))
        show_hint(
            self.no_dose,
            ""
            if figures
            else "No dose response: it needs a plate map with vehicle wells and several doses of a "
            "drug given alone.",
        )
        self.draw()

    def _time_figure(self) -> Figure | None:
        f, m = self.family.currentIndex(), self.metric.currentIndex()
        if not (0 <= f < len(self._families) and 0 <= m < len(self._metrics)):
            return None
        tables = self.session.tables
        return time_figure(
            tables["conditions"], tables["wells"], self._metrics[m], self._families[f]
        )

    def draw(self, *_: Any) -> None:
        """Draw what the open tab shows."""
        if "wells" not in self.session.tables:
            return
        at = self.what.currentIndex()
        if at == 0:
            self._shown = self._time_figure()
            self.curves.show_figure(self._shown)
        elif at == 1:
            metric = self.map.metric
            self._shown = None
            if metric is not None:
                self._shown = plate_figure(
                    self.session.tables["wells"], self.session.plate, metric, self.map.time_h
                )
        else:
            d = self.dose.currentIndex()
            self._shown = self._doses[d] if 0 <= d < len(self._doses) else None
            self.dose_canvas.show_figure(self._shown)

    def resizeEvent(self, event) -> None:  # type: ignore[no-untyped-def]  # noqa: D102
        super().resizeEvent(event)
        self.draw()

    def showEvent(self, event) -> None:  # type: ignore[no-untyped-def]  # noqa: D102
        super().showEvent(event)
        self.control.update_now()
        self.draw()

    # clicks

    def _on_curve_clicked(self, event: Any) -> None:
        f, m = self.family.currentIndex(), self.metric.currentIndex()
        if event.inaxes is None or not (0 <= f < len(self._families)):
            return
        metric, family = self._metrics[m], self._families[f]
        low, high = event.inaxes.get_ylim()
        reach = abs(high - low) * _REACH_PX / max(1.0, event.inaxes.bbox.height)
        names = [*family.names, *([family.vehicle] if family.vehicle else [])]
        found = nearest_well(
            self.session.tables["wells"], metric, names, (event.xdata, event.ydata), reach
        )
        if found is None:
            show_hint(self.clicked, "No well's line runs here; click nearer to a thin line.")
            return
        plate, well, time_h = found
        show_hint(self.clicked, f"{well} at {time_h:g} h: {self.session.condition_of(plate, well)}")
        self.session.show_at(plate, well, time_h)

    def _on_shown(self) -> None:
        self.map.grid.set_current(self.session.well)

    # export

    def choose_export(self) -> None:
        """Ask for a folder and export into it."""
        start = str(self._beside())
        name = QFileDialog.getExistingDirectory(self, "Export into this folder", start)
        if name:
            self.export(Path(name))

    def _beside(self) -> Path:
        """Where a dialog starts: where the results lie, beside the images."""
        opened = self.session.opened
        return Path() if opened is None else opened.out.parent

    def export(self, target: Path) -> Any:
        """Write tables, figures and settings into a folder, in the background.

        Tables that lack the latest decisions are made anew first.
        """
        opened, session = self.session.opened, self.session
        if opened is None:
            return None
        if self.control.pending:
            self._export_to = target
            self.control.update_now()
            show_hint(self.state, "The latest decisions are taken into the tables first …")
            return None
        show_hint(self.state, "Exporting …")
        self.export_button.setEnabled(False)

        def done(written: list[Path]) -> None:
            show_hint(self.state, f"{len(written)} files are in {target}")
            show_info(f"Exported into {target}")

        def failed(error: BaseException) -> None:
            show_hint(self.state, sentence_of(error))
            show_error(sentence_of(error))

        def finished() -> None:
            self.export_button.setEnabled(True)

        return in_background(
            self, export_session, target, opened.run, dict(session.tables), session.parameters,
            session.command(target / "settings.toml"), session.map_path,
            done=done, failed=failed, finished=finished, desc="exporting",
        )  # fmt: skip

    def choose_figure(self) -> None:
        """Ask for a file and save the figure that is shown."""
        if self._shown is None:
            show_info("There is no figure to save here.")
            return
        name, _ = QFileDialog.getSaveFileName(
            self,
            "Save the figure",
            str(self._beside() / f"{self._shown.name}.png"),
            "PNG (*.png);;SVG (*.svg)",
        )
        if name:
            self.save_figure(Path(name))

    def save_figure(self, path: Path) -> None:
        """Save the figure that is shown; the ending says as what."""
        figure = self._shown
        if figure is None:
            return
        kind = "svg" if path.suffix.lower() == ".svg" else "png"
        named = Figure(path.stem, figure.title, figure.draw, figure.size, figure.margins)
        write_or_say(path, lambda: write_figure(named, path.parent, (kind,)))

    def open_report(self) -> None:
        """Open the page of the run in the browser."""
        opened = self.session.opened
        if opened is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(opened.out / "report.html")))


def _page(*widgets: QWidget) -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(2, 6, 2, 2)
    column.setSpacing(5)
    for widget in widgets:
        column.addWidget(widget)
    column.addStretch(1)
    return page


def _all_together(conditions: Any) -> list[TreatmentFamily]:
    """Without a plate map: everything in one picture."""
    names = tuple(str(name) for name in np.unique(conditions["condition"].astype(str)))
    return (
        [TreatmentFamily("all wells", "", (), "", names, {name: name for name in names}, None)]
        if names
        else []
    )
