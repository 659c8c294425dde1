"""Pictures side by side: two conditions over time, all wells of one, the well that is shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import napari.viewer
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QCheckBox, QFileDialog, QLabel, QSlider, QWidget

from spheroid_qc.atomic import atomic_path
from spheroid_qc.gui.background_threads import in_background, rest_timer, sentence_of
from spheroid_qc.gui.open_and_save import write_or_say
from spheroid_qc.gui.panels.base_panel import (
    BasePanel,
    beside,
    button,
    flow,
    hint,
    long_choice,
    show_hint,
)
from spheroid_qc.gui.picture_sheet import draw_frame, draw_sheet
from spheroid_qc.gui.result_figures import default_comparison
from spheroid_qc.gui.state.well_pictures import PictureRow, rows_of_wells, wells_of, whole_frame
from spheroid_qc.gui.well_colours import is_dark
from spheroid_qc.report.film_strips import Strip
from spheroid_qc.wording import plural

_SHOWN = ("two conditions over time", "all wells of one condition", "the well that is shown")
_WELLS_EACH = 3
_DRAWN_PX = 240
"""Side in which pictures are drawn; a sheet shows them smaller, a file as they are."""
_FRAME_PX = 1400
_SAVED_SCALE = 3
_SMALLEST, _LARGEST = 56, 220
_REST_MS = 200


class PicturesPanel(BasePanel):
    """Look at many pictures at once: same scale, same times, outlines on or off."""

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self.rows: list[PictureRow] = []
        self._number = 0
        self._soon = rest_timer(self, _REST_MS, self._draw)
        self._wanted_soon = rest_timer(self, _REST_MS, self._want)
        self.empty = hint("Analyse a plate first (Run panel).")
        self.what = long_choice()
        self.what.addItems(list(_SHOWN))
        self.first, self.second = long_choice(), long_choice()
        self.first_row = beside(QLabel("Condition"), self.first)
        self.second_row = beside(QLabel("beside"), self.second)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.hours = QLabel()
        self.hours.setMinimumWidth(48)
        self.time_row = beside(QLabel("Time"), self.slider, self.hours)
        self.outlines = QCheckBox("outlines")
        self.outlines.setChecked(True)
        self.sheet = QLabel()
        self.sheet.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.note = hint()
        self.save_button = button(
            "Save the pictures…", self.choose_file, "PNG, three times as large."
        )
        self.frame_button = button(
            "Save the frame that is shown…", self.choose_frame_file,
            "PNG of the whole frame in the viewer, with outlines and a scale bar.",
        )  # fmt: skip
        self.body: list[QWidget] = [
            beside(QLabel("Show"), self.what), self.first_row, self.second_row, self.time_row,
            self.outlines, self.note, self.sheet,
        ]  # fmt: skip
        self.add(self.empty, *self.body)
        self.saving = flow(self.save_button, self.frame_button)
        self.add_foot(self.saving)
        for choice in (self.what, self.first, self.second):
            choice.currentIndexChanged.connect(self._want)
        self.slider.valueChanged.connect(lambda *_: self._wanted_soon.start())
        self.outlines.toggled.connect(self._draw)
        session = self.session
        self.listen(session.opened_changed, to=self._on_tables)
        self.listen(session.tables_changed, to=self._on_tables, in_turn=True)
        self.listen(session.plate_changed, session.map_changed, to=self._on_tables)
        self.listen(session.shown_changed, session.correction_changed, to=self._on_shown)
        self._on_tables()

    def redraw(self) -> None:
        """Draw in the colours of the theme."""
        self._draw()

    def _on_tables(self) -> None:
        tables, opened = self.session.tables, self.session.opened
        known = opened is not None and "wells" in tables and "conditions" in tables
        self.empty.setVisible(not known)
        for widget in (*self.body, self.saving):
            widget.setVisible(known)
        self.rows = []
        if not known:
            self.sheet.clear()
            return
        assert opened is not None
        names = [str(name) for name in tables["conditions"]["condition"].drop_duplicates()]
        first = default_comparison(tables["conditions"])
        for choice, name in ((self.first, first[0]), (self.second, first[-1])):
            kept = choice.currentData()
            choice.blockSignals(True)
            choice.clear()
            for one in names:
                choice.addItem(self.session.shown_name(one), one)
            choice.setCurrentIndex(names.index(kept if kept in names else name))
            choice.blockSignals(False)
        times = list(opened.times(self.session.plate))
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(times) - 1))
        self.slider.setValue(len(times) - 1)
        self.slider.blockSignals(False)
        self._want()

    def _on_shown(self) -> None:
        if self.what.currentIndex() == 2:
            self._wanted_soon.start()

    def _want(self, *_: Any) -> None:
        """Have the pictures drawn that are asked for, in a thread, once they are looked at."""
        opened, tables = self.session.opened, self.session.tables
        at = self.what.currentIndex()
        self.first_row.setVisible(at < 2 and not self.empty.isVisibleTo(self))
        self.second_row.setVisible(at == 0 and not self.empty.isVisibleTo(self))
        self.time_row.setVisible(at == 1 and self.slider.maximum() > 0)
        if opened is None or "wells" not in tables or not self.isVisible() or self.is_behind:
            self.rows = []
            return
        wells, times = tables["wells"], list(opened.times(self.session.plate))
        note = ""
        chosen = None
        if at == 0:
            keys = []
            for choice in (self.first, self.second):
                all_wells = wells_of(wells, choice.currentData())
                some = wells_of(wells, choice.currentData(), _WELLS_EACH)
                keys += [(p, w, f"{w}   {choice.currentText()}") for p, w in some]
                if len(all_wells) > len(some):
                    note = f"Of each condition the {_WELLS_EACH} wells nearest to its median."
        elif at == 1:
            keys = [(p, w, w) for p, w in wells_of(wells, self.first.currentData())]
            chosen = times[self.slider.value() : self.slider.value() + 1]
        else:
            well = self.session.well
            keys = [(self.session.plate, well, f"{well}   {self._treatment()}")] if well else []
        if chosen:
            self.hours.setText(f"{opened.times(self.session.plate)[chosen[0]]:g} h")
        self._number += 1
        number = self._number

        def done(rows: list[PictureRow]) -> None:
            if number == self._number:
                self.rows = rows
                show_hint(self.note, note)
                self._draw()

        # What was shown is not what is asked for now, and many wells take a while.
        self.rows = []
        self._draw()
        show_hint(self.note, f"Drawing {plural(len(keys), 'well')} …" if keys else "")
        in_background(
            self, rows_of_wells, opened, wells, keys, _DRAWN_PX, chosen, done=done,
            failed=lambda error: self.say(sentence_of(error), "error"),
        )  # fmt: skip

    def _treatment(self) -> str:
        return self.session.treatment_of(self.session.plate, self.session.well)

    def _layout(self) -> tuple[int, int]:
        """Side of a picture on the sheet, and rows beside each other."""
        room = max(self.area.viewport().width() - 30, 300)
        across = max((len(row.hours) for row in self.rows), default=1)
        if across > 1:
            return max(_SMALLEST, min(_LARGEST, room // across - 4)), 1
        columns = max(1, min(len(self.rows), room // 110))
        return max(_SMALLEST, min(_LARGEST, room // columns - 4)), columns

    def _sheet(self, scale: int = 1) -> Callable[[], QImage]:
        """Give what draws the sheet, in any thread: `scale` pixels to one of the screen."""
        px, columns = self._layout()
        return partial(
            draw_sheet, self.rows, px, outlines=self.outlines.isChecked(),
            dark=is_dark() and scale == 1, scale=scale, columns=columns,
        )  # fmt: skip

    def _draw(self, *_: Any) -> None:
        if not self.rows:
            self.sheet.clear()
            return
        self.sheet.setPixmap(QPixmap.fromImage(self._sheet()()))
        self.sheet.setMinimumSize(QSize(1, 1))

    def resizeEvent(self, event) -> None:  # type: ignore[no-untyped-def]  # noqa: D102
        super().resizeEvent(event)
        self._soon.start()

    def came_to_front(self) -> None:
        """Draw what was asked for meanwhile."""
        if not self.rows:
            self._wanted_soon.start()

    # files

    def choose_file(self) -> None:
        """Ask for a file, and save the pictures."""
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the pictures", self.session.beside("pictures.png"), "PNG (*.png)"
        )
        if name:
            self.save(Path(name).with_suffix(".png"))

    def save(self, path: Path) -> None:
        """Save the sheet as PNG on white."""
        draw = self._sheet(scale=_SAVED_SCALE)
        write_or_say(self, path, lambda: _write(draw(), path))

    def choose_frame_file(self) -> None:
        """Ask for a file, and save the frame that is shown."""
        session = self.session
        default = session.beside(f"{session.well}_{session.timepoint}.png")
        name, _ = QFileDialog.getSaveFileName(self, "Save the frame", default, "PNG (*.png)")
        if name:
            self.save_frame(Path(name).with_suffix(".png"))

    def save_frame(self, path: Path) -> Any:
        """Save the frame that is shown, with outlines and a scale bar, in the background."""
        session, opened = self.session, self.session.opened
        if opened is None or not session.well:
            return None

        def done(strip: Strip) -> None:
            if not strip.uri:
                self.say("There is no picture with masks here to be saved.", "warning")
                return
            outlines = self.outlines.isChecked()
            write_or_say(self, path, lambda: _write(draw_frame(strip, outlines=outlines), path))

        return in_background(
            self, whole_frame, opened, session.plate, session.well, session.timepoint, _FRAME_PX,
            done=done,
        )  # fmt: skip


def _write(image: QImage, path: Path) -> None:
    with atomic_path(path) as temporary:
        if not image.save(str(temporary), "PNG"):
            raise OSError(5, "the picture could not be written", str(path))
