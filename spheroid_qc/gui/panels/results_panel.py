"""Panel 4: curves by condition, the plate as a heat map, dose response; export."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import napari.viewer
import numpy as np
from napari.utils.notifications import show_info
from qtpy.QtCore import QSignalBlocker, QSize, Qt, QUrl
from qtpy.QtGui import QColor, QDesktopServices, QIcon, QPixmap
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from spheroid_qc.analysis.metric_names import MetricName
from spheroid_qc.analysis.treatment_families import TreatmentFamily, families_of
from spheroid_qc.analysis.verdict.left_out import left_out_lines
from spheroid_qc.analysis.verdict.masks_that_do_not_fit import unfit_lines
from spheroid_qc.gui.background_threads import in_process, in_turn, rest_timer, sentence_of
from spheroid_qc.gui.export_files import export_session, in_the_way, write_figure
from spheroid_qc.gui.figure_theme import in_tone
from spheroid_qc.gui.open_and_save import save_settings, write_or_say
from spheroid_qc.gui.panels.answer_table import ANSWER_TO_COME, AnswerTable, VerdictLabel
from spheroid_qc.gui.panels.base_panel import (
    BasePanel,
    Fold,
    Notice,
    beside,
    button,
    fill_choice,
    flow,
    hint,
    long_choice,
    show_hint,
)
from spheroid_qc.gui.panels.export_for_program import ExportForProgram
from spheroid_qc.gui.panels.figure_view import FigureView
from spheroid_qc.gui.panels.heat_map_view import HeatMap
from spheroid_qc.gui.result_figures import (
    Figure,
    comparison_figure,
    curve_metrics,
    default_comparison,
    nearest_well,
    plate_figure,
    time_figure,
)
from spheroid_qc.gui.run_control import control_of, is_begun
from spheroid_qc.gui.state.run_answer import RunAnswer
from spheroid_qc.gui.well_colours import is_dark
from spheroid_qc.gui.well_view import view_of
from spheroid_qc.wording import plural

_REACH_PX = 14.0
_REST_MS = 30
_COUNT = Qt.ItemDataRole.UserRole + 1
_MOST_NAMED = 4
_MOST_TICKS = 6
"""Conditions that are listed without a scroll bar: the caption below is still seen."""

_CHOSEN = "conditions ticked below"
_SIZES = {
    "for a page": (560.0, 360.0),
    "half a page": (330.0, 250.0),
    "for a slide": (640.0, 360.0),
}
"""Widths and heights in CSS pixels, of which a PNG has three each way. What is to be read from the
back of a room has larger letters for its size, so that a slide is no larger than a page."""


class ResultsPanel(BasePanel):
    """Look at what came out, and take it with you."""

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self.view = view_of(self.viewer)
        self.control = control_of(self.viewer)
        self._families: list[TreatmentFamily] = []
        self._metrics: list[MetricName] = []
        self._doses: tuple[Figure, ...] = ()
        self._synergies: tuple[Figure, ...] = ()
        self._shown: Figure | None = None
        self._export_later: Callable[[], Any] | None = None
        self._exported: tuple[str, Any] = "", None
        self._plate_of_ticks: Any = None
        # Tables, answer and map come one after the other: they are drawn once.
        self._draw_soon = rest_timer(self, _REST_MS, self.draw)
        self.empty = hint("Analyse a plate first (Run panel).")
        self.what = QTabWidget()
        self.what.tabBar().setUsesScrollButtons(False)
        self.what.tabBar().setElideMode(Qt.TextElideMode.ElideRight)
        self.map = HeatMap()
        for title, page in (
            ("Over time", self._build_curves()), ("Plate", _page(self.map)),
            ("Dose", self._build_doses()), ("Synergy", self._build_synergies()),
            ("Answer", self._build_answer()),
        ):  # fmt: skip
            self.what.addTab(page, title)
        self.left_out = hint()
        self.unfit = Notice()
        self.body = [self.unfit, self.what, Fold("Left out of every mean", self.left_out)]
        self.body.append(self._build_figure_export())
        self.add(self.empty, *self.body)
        self.export_row = self._build_export()
        self.add_foot(self.export_row)
        self._connect()
        self._on_tables()

    def _build_curves(self) -> QWidget:
        self.family, self.metric = long_choice(), long_choice()
        self.curves = FigureView(320)
        self.ticks = QListWidget()
        self.ticks.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.ticks.setToolTip("Tick the conditions that are compared in one picture.")
        self.caption = hint()
        self.clicked = hint("Click a thin line to see that well at that time.")
        return _page(
            beside(QLabel("Show"), self.family),
            beside(QLabel("Metric"), self.metric),
            self.curves,
            self.ticks,
            self.clicked,
            self.caption,
        )

    def _build_doses(self) -> QWidget:
        self.dose = long_choice()
        self.dose_canvas = FigureView(300)
        self.dose_words = hint()
        self.no_dose = hint()
        return _page(self.dose, self.dose_canvas, self.dose_words, self.no_dose)

    def _build_synergies(self) -> QWidget:
        self.synergy = long_choice()
        self.synergy_canvas = FigureView(300)
        self.synergy_words = hint()
        self.no_synergy = hint()
        return _page(self.synergy, self.synergy_canvas, self.synergy_words, self.no_synergy)

    def _build_answer(self) -> QWidget:
        self.answer = AnswerTable()
        self.verdict = VerdictLabel()
        self.no_answer = hint()
        return _page(self.answer, self.verdict, self.no_answer)

    def _build_figure_export(self) -> QWidget:
        self.size = long_choice(8)
        self.size.addItems(list(_SIZES))
        self.dark = QCheckBox("dark")
        self.dark.setToolTip("Light lines on a dark ground, for slides.")
        self.with_caption = QCheckBox("with caption")
        self.with_caption.setChecked(True)
        self.figure_button = button(
            "Save this figure…", self.choose_figure, "PNG or SVG, by the ending."
        )
        return Fold(
            "Save this figure",
            flow(beside(QLabel("Size"), self.size), self.dark, self.with_caption,
                 self.figure_button),
        )  # fmt: skip

    def _build_export(self) -> QWidget:
        self.export_button = button(
            "Export everything…", self.choose_export,
            "Tables (CSV), figures (PNG and SVG), the settings (TOML) and the command that repeats "
            "this session. Masks and overlays stay in the results folder.", primary=True,
        )  # fmt: skip
        self.settings_button = button(
            "Save settings…", lambda: save_settings(self, self.session), "TOML"
        )
        self.page_button = button("Open report", self.open_report, "report.html in the browser")
        self.state = self.message
        self.programs = ExportForProgram(self.session, self.say, self.when_up_to_date)
        return flow(self.export_button, self.page_button, self.settings_button, self.programs)

    def _connect(self) -> None:
        session = self.session
        self.what.currentChanged.connect(self.draw)
        for choice in (self.metric, self.dose, self.synergy):
            choice.currentIndexChanged.connect(self.draw)
        self.family.currentIndexChanged.connect(self._on_family)
        self.ticks.itemChanged.connect(self._on_ticked)
        self.curves.pressed.connect(self._on_curve_clicked)
        self.map.clicked.connect(lambda well, h: session.show_at(session.plate, well, h))
        self.listen(session.opened_changed, to=self._on_tables)
        self.listen(session.tables_changed, to=self._on_tables, in_turn=True)
        self.listen(session.answer_changed, to=self._on_answer, in_turn=True)
        self.listen(session.plate_changed, session.map_changed, to=self._on_tables)
        self.listen(session.shown_changed, to=self._on_shown)

    # what is shown

    def _on_tables(self) -> None:
        tables, opened = self.session.tables, self.session.opened
        told, exported = self._exported
        if told and self.message.text() == told and exported is not tables:
            self.say("")
        known = opened is not None and "wells" in tables and "conditions" in tables
        self.empty.setVisible(not known)
        for widget in (*self.body, self.export_row):
            if widget is not self.unfit:
                widget.setVisible(known)
        self._on_answer()
        if not known:
            self.unfit.say("")
            return
        assert opened is not None
        conditions = tables["conditions"]
        self._families = families_of(conditions) or _all_together(conditions)
        self._metrics = curve_metrics(conditions)
        names = tuple(conditions["condition"].unique())
        if self._plate_of_ticks != (opened.out, names):
            self._plate_of_ticks = (opened.out, names)
            with QSignalBlocker(self.family):
                self.family.clear()
            self._offer_ticks(conditions)
        self._name_ticks()
        fill_choice(self.family, [_CHOSEN, *(family.title for family in self._families)])
        fill_choice(self.metric, [metric.axis for metric in self._metrics])
        self.unfit.say("\n".join(unfit_lines(self.session.unfit)), "warning")
        if "qc" in tables:
            show_hint(self.left_out, "\n".join(left_out_lines(tables["qc"], tables["wells"])))
        in_turn(self._show_map)
        later, self._export_later = self._export_later, None
        if later is not None:
            later()
        self.page_button.setVisible((opened.out / "report.html").is_file())
        self._draw_soon.start()

    def _show_map(self) -> None:
        opened, tables = self.session.opened, self.session.tables
        if opened is not None and "wells" in tables:
            times = list(opened.times(self.session.plate).values())
            self.map.show_wells(
                tables["wells"], self.session.plate, self.session.well_count, times,
                imaged=opened.wells(self.session.plate),
            )  # fmt: skip
            self._on_shown()

    def _offer_ticks(self, conditions: Any) -> None:
        """List the conditions of the plate, first those ticked that answer the first question.

        The list is the legend of the picture: what is drawn must be seen without scrolling.
        """
        ticked = default_comparison(conditions)
        seen = conditions.groupby("condition", sort=False)["n_wells"].max()
        seen = seen.loc[[*ticked, *(name for name in seen.index if name not in ticked)]]
        with QSignalBlocker(self.ticks):
            self.ticks.clear()
            for name, count in seen.items():
                item = QListWidgetItem()
                item.setData(Qt.ItemDataRole.UserRole, str(name))
                item.setData(_COUNT, int(count))
                on = str(name) in ticked
                item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
                self.ticks.addItem(item)

    def _name_ticks(self) -> None:
        """Write the conditions as the map has them, which may come after the tables."""
        with QSignalBlocker(self.ticks):
            for n in range(self.ticks.count()):
                item = self.ticks.item(n)
                item.setText(self.session.shown_name(str(item.data(Qt.ItemDataRole.UserRole))))
                item.setToolTip(f"{item.text()}: {plural(item.data(_COUNT), 'well')}")
        lines = max(1, min(self.ticks.count(), _MOST_TICKS))
        frame = 2 * self.ticks.frameWidth()
        self.ticks.setFixedHeight(lines * max(self.ticks.sizeHintForRow(0), 16) + frame)

    def _colour_ticks(self, colours: Mapping[str, str]) -> None:
        """Let the list say which line is whose."""
        dark = is_dark()
        with QSignalBlocker(self.ticks):
            for n in range(self.ticks.count()):
                item = self.ticks.item(n)
                colour = colours.get(str(item.data(Qt.ItemDataRole.UserRole)))
                dot = QPixmap(14, 14)
                dot.fill(QColor(in_tone(colour, dark=dark) if colour else "transparent"))
                item.setIcon(QIcon(dot))

    @property
    def ticked(self) -> list[str]:
        """Conditions that are ticked, as the tables name them."""
        items = [self.ticks.item(n) for n in range(self.ticks.count())]
        return [
            str(item.data(Qt.ItemDataRole.UserRole))
            for item in items
            if item is not None and item.checkState() == Qt.CheckState.Checked
        ]

    def _on_family(self, at: int) -> None:
        """Tick the conditions of the family that was chosen."""
        if at > 0:
            family = self._families[at - 1]
            wanted = {*family.names, *([family.vehicle] if family.vehicle else [])}
            with QSignalBlocker(self.ticks):
                for n in range(self.ticks.count()):
                    item = self.ticks.item(n)
                    on = item.data(Qt.ItemDataRole.UserRole) in wanted
                    item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
        self.draw()

    def _on_ticked(self, *_: Any) -> None:
        with QSignalBlocker(self.family):
            self.family.setCurrentIndex(0)
        self.draw()

    def _on_answer(self) -> None:
        answer, opened = self.session.answer, self.session.opened
        if answer is None or opened is None or answer.out != opened.out:
            answer = RunAnswer(Path(), lacking=ANSWER_TO_COME)
        self._doses, self._synergies = answer.doses, answer.synergies
        for figures, choice, canvas, words, none, why in (
            (self._doses, self.dose, self.dose_canvas, self.dose_words, self.no_dose,
             "No dose response: it needs a plate map with vehicle wells and several doses of a "
             "drug given alone."),
            (self._synergies, self.synergy, self.synergy_canvas, self.synergy_words,
             self.no_synergy,
             "No synergy: it needs a plate map with vehicle wells, drugs given alone, and the same "
             "doses together."),
        ):  # fmt: skip
            fill_choice(choice, [figure.title for figure in figures])
            for widget in (choice, canvas, words):
                widget.setVisible(bool(figures))
            show_hint(none, "" if figures else answer.lacking or why)
        self.answer.show_lines(answer.title, answer.headings, answer.lines)
        self.answer.setVisible(bool(answer.lines))
        self.verdict.show_verdict(answer.verdict)
        show_hint(
            self.no_answer, "" if answer.lines else answer.lacking or "No condition is known."
        )
        self._draw_soon.start()

    def _time_figure(self) -> Figure | None:
        m = self.metric.currentIndex()
        names = self.ticked
        if not (0 <= m < len(self._metrics) and names):
            return None
        tables, metric = self.session.tables, self._metrics[m]
        at = self.family.currentIndex()
        if at > 0:
            return time_figure(
                tables["conditions"], tables["wells"], metric, self._families[at - 1]
            )
        labels = {name: self.session.shown_name(name) for name in names}
        return comparison_figure(tables["conditions"], tables["wells"], metric, names, labels)

    def draw(self, *_: Any) -> None:
        """Draw what the open tab shows."""
        if "wells" not in self.session.tables or self.is_behind:
            return
        at = self.what.currentIndex()
        if at == 0:
            self._shown = self._time_figure()
            self.curves.show_figure(self._shown)
            self._colour_ticks(self._shown.colours if self._shown is not None else {})
            show_hint(self.caption, self._shown.caption if self._shown is not None else
                      "Tick the conditions that are to be compared.")  # fmt: skip
        elif at == 1:
            metric = self.map.shown_metric
            self._shown = None
            if metric is not None:
                self._shown = plate_figure(
                    self.session.tables["wells"], self.session.plate, metric, self.map.time_h
                )
        elif at in (2, 3):
            figures, choice, canvas, words = (
                (self._doses, self.dose, self.dose_canvas, self.dose_words)
                if at == 2
                else (self._synergies, self.synergy, self.synergy_canvas, self.synergy_words)
            )
            n = choice.currentIndex()
            self._shown = figures[n] if 0 <= n < len(figures) else None
            canvas.show_figure(self._shown)
            show_hint(words, "" if self._shown is None else self._shown.caption)
        else:
            self._shown = None
        # The answer is no figure: its button says so before it is pressed.
        self.figure_button.setEnabled(self._shown is not None)

    def came_to_front(self) -> None:
        """Have the latest decisions in the tables, and draw."""
        self.control.update_now()
        self.draw()

    # clicks

    def _on_curve_clicked(self, hours: float, value: float) -> None:
        m, names = self.metric.currentIndex(), self.ticked
        place = self.curves.place
        if place is None or not (0 <= m < len(self._metrics)):
            return
        metric = self._metrics[m]
        _, bottom, _, top = place.box
        reach = abs(place.up[1] - place.up[0]) * _REACH_PX / max(1.0, top - bottom)
        found = nearest_well(self.session.tables["wells"], metric, names, (hours, value), reach)
        if found is None:
            show_hint(self.clicked, "No well's line runs here; click nearer to a thin line.")
            return
        plate, well, time_h = found
        told = self.session.treatment_of(plate, well)
        show_hint(self.clicked, f"{well} at {time_h:g} h: {told}")
        self.session.show_at(plate, well, time_h)

    def _on_shown(self) -> None:
        self.map.grid.set_current(self.session.well)

    # export

    def choose_export(self) -> None:
        """Ask for a folder and export into it."""
        start = self.session.beside()
        name = QFileDialog.getExistingDirectory(self, "Export into this folder", start)
        if name and self._may_replace(Path(name)):
            self.export(Path(name))

    def _may_replace(self, target: Path) -> bool:
        """Ask before files are replaced that are no earlier export of the same run."""
        opened, session = self.session.opened, self.session
        if opened is None:
            return False
        found = in_the_way(
            target, opened.run, session.command(target / "settings.toml"), session.map_path
        )
        if not found or is_begun(target):  # which the export refuses in its own words
            return True
        more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
        answer = QMessageBox.question(
            self,
            "Replace files?",
            f"{target} holds {', '.join(found[:_MOST_NAMED])}{more} already, which no export of "
            "this plate wrote there. Replace them? Otherwise choose another folder.",
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No,
            QMessageBox.StandardButton.No,
        )
        return bool(answer == QMessageBox.StandardButton.Yes)

    def export(self, target: Path) -> Any:
        """Write tables, figures and settings into a folder, in the background.

        Tables that lack the latest decisions are made anew first.
        """
        opened, session = self.session.opened, self.session
        if opened is None:
            return None
        if self.control.pending:
            return self.when_up_to_date(lambda: self.export(target))
        tables = session.tables
        self.say("Exporting …")
        self.export_button.setEnabled(False)

        def done(written: list[Path]) -> None:
            self.say(f"{len(written)} files are in {target}")
            self._exported = self.message.text(), tables

        def failed(error: BaseException) -> None:
            self.say(sentence_of(error), "error")

        def finished() -> None:
            self.export_button.setEnabled(True)

        return in_process(
            self, export_session, target, opened.run, dict(tables), session.parameters,
            session.command(target / "settings.toml"), session.map_path,
            done=done, failed=failed, finished=finished, desc="exporting",
        )  # fmt: skip

    def when_up_to_date(self, begin: Callable[[], Any]) -> Any:
        """Export now or, if decisions are not in the tables yet, when they are."""
        if not self.control.pending:
            return begin()
        self._export_later = begin
        self.control.update_now()
        self.say("The latest decisions are taken into the tables first …")
        return None

    def choose_figure(self) -> None:
        """Ask for a file and save the figure that is shown."""
        if self._shown is None:
            show_info("There is no figure to save here.")
            return
        name, _ = QFileDialog.getSaveFileName(
            self,
            "Save the figure",
            self.session.beside(f"{self._shown.name}.png"),
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
        named = replace(figure, name=path.stem)
        # A plate and a matrix have a shape of their own; curves take any.
        size = _SIZES[self.size.currentText()] if self.what.currentIndex() in (0, 2) else None
        dark, caption = self.dark.isChecked(), self.with_caption.isChecked()
        write_or_say(
            self, path,
            partial(write_figure, named, path.parent, (kind,), size, dark=dark, caption=caption),
            here=False,
        )  # fmt: skip

    def open_report(self) -> None:
        """Open the page of the run in the browser."""
        opened = self.session.opened
        if opened is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(opened.out / "report.html")))


class _TabPage(QWidget):
    """Asks for room while it is open only: a short page needs no scrolling into nothing."""

    def sizeHint(self) -> QSize:
        return QSize(0, 0) if self.isHidden() else super().sizeHint()

    def minimumSizeHint(self) -> QSize:
        return QSize(0, 0) if self.isHidden() else super().minimumSizeHint()

    def heightForWidth(self, width: int) -> int:
        return 0 if self.isHidden() else super().heightForWidth(width)


def _page(*widgets: QWidget) -> QWidget:
    page = _TabPage()
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
