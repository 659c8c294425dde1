"""Panel 1: which images, how their names were read, what is in the wells."""

from __future__ import annotations

from functools import partial
from html import escape
from pathlib import Path

import napari.viewer
from qtpy.QtCore import QEvent, QSignalBlocker, Qt
from qtpy.QtWidgets import (
    QFileDialog,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from spheroid_qc.frames.frame_table import FrameTable
from spheroid_qc.frames.inspect_folder import given_by, inspection
from spheroid_qc.gui.background_threads import alive, rest_timer, sentence_of
from spheroid_qc.gui.correct_masks import correcting_of
from spheroid_qc.gui.open_and_save import keep_edited_map, load_map, open_images, open_panel
from spheroid_qc.gui.panels.base_panel import (
    BasePanel,
    Fold,
    Notice,
    beside,
    button,
    element,
    fill_choice,
    flow,
    heading,
    hint,
    long_choice,
    set_primary,
    show_hint,
)
from spheroid_qc.gui.panels.map_editor import MapEditor, problem_words
from spheroid_qc.gui.panels.name_and_review_tables import NamesTable
from spheroid_qc.gui.panels.plate_grid import Face, PlateGrid
from spheroid_qc.gui.panels.settings_forms import SectionForm
from spheroid_qc.gui.preferences import preference, remember
from spheroid_qc.gui.state.session import Stage
from spheroid_qc.gui.state.shown_names import shown_name
from spheroid_qc.gui.well_colours import BLANK, MUTED, condition_colours, is_dark
from spheroid_qc.gui.well_view import view_of
from spheroid_qc.parameters import PlateParameters
from spheroid_qc.plate_map import condition_name
from spheroid_qc.wells import row_column
from spheroid_qc.wording import plural

_WELCOME = "Open a folder of images. Or try File > Open Sample > Spheroid QC."
_MOST_DOUBTS = 2
"""Groups of names that are asked about in the panel at a time; a pattern may settle all."""

_SOURCES = {"parameter": "as you entered", "ome": "OME metadata", "imagej": "ImageJ metadata"}


class PlatePanel(BasePanel):
    """Choose a folder, see how it was read, fill in the plate map, look at wells."""

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self.view = view_of(self.viewer)
        self._reopen = rest_timer(self, 700, self._open_again)
        self._legend: dict[str, str] = {}
        self.next_button = button(
            "Next: analyse the plate", lambda: open_panel(self.viewer, "Run"), primary=True
        )
        self.add(*self._build_folder(), *self._build_wells(), *self._build_folds())
        self.add_foot(self.next_button)
        self.setAcceptDrops(True)
        self.viewer.window._qt_window.installEventFilter(self)
        self._connect()
        self._on_parameters()
        self._on_opened()

    def _build_folder(self) -> list[QWidget]:
        self.open_button = button(
            "Open folder…", self.choose_folder, "Folder of images of one or more plates.",
            primary=True,
        )  # fmt: skip
        self.path = QLineEdit()
        self.path.setPlaceholderText("no folder yet: open one, or drop it here")
        self.path.setToolTip("Folder of images; a path can be typed too.")
        self.summary = hint(_WELCOME)
        self.problems = Notice()
        self.doubts = QWidget()
        QVBoxLayout(self.doubts).setContentsMargins(0, 0, 0, 0)
        return [beside(self.open_button, self.path), self.summary, self.problems, self.doubts]

    def _build_wells(self) -> list[QWidget]:
        self.plates = long_choice()
        self.plate_row = beside(QLabel("Plate"), self.plates)
        self.load_button = button("Load plate map…", self.choose_map, "CSV or XLSX.")
        self.found_map = button("", self._on_found_map)
        # Mistakes stand beside the map until it is mended.
        self.map_problem = Notice()
        self.map_warning = Notice()
        self.map_state = hint()
        self.grid = PlateGrid(selectable=True)
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setWordWrap(True)
        self.field = long_choice()
        self.field.setToolTip("Which field of view of a well is shown and corrected.")
        self.field_row = beside(QLabel("Field of view"), self.field)
        self.channel = long_choice()
        self.channel.setToolTip(
            "Which channel is shown. The analysis takes the one that shows the spheroid "
            "(All settings, Images, in the Run panel); all are measured."
        )
        self.channel_row = beside(QLabel("Channel"), self.channel)
        self.wells_heading = heading("Wells")
        return [
            self.wells_heading,
            self.plate_row,
            flow(self.load_button, self.found_map),
            self.map_problem,
            self.map_warning,
            self.map_state,
            self.grid,
            self.legend,
            self.field_row,
            self.channel_row,
        ]

    def _build_folds(self) -> list[QWidget]:
        self.editor = MapEditor(self.session, self.grid, self._plate_of_map)
        self.editor_fold = Fold("Fill in the map by hand", self.editor)
        self.form = SectionForm(PlateParameters)
        self.settings_fold = Fold("Pixel size, assay, times", self.form.native)
        self.names = NamesTable()
        self.names_fold = Fold("How file names were read", self.names)
        return [self.editor_fold, self.settings_fold, self.names_fold]

    def _connect(self) -> None:
        session = self.session
        self.path.returnPressed.connect(self._on_typed)
        self.plates.currentTextChanged.connect(self._on_plate_chosen)
        self.field.currentIndexChanged.connect(self._on_field)
        self.channel.currentIndexChanged.connect(self._on_channel)
        self.grid.clicked.connect(self._on_well_clicked)
        self.form.changed.connect(self._on_form)
        self.form.made.connect(self.still)
        self.names.clicked.connect(self._on_name_clicked)
        self.listen(session.opened_changed, to=self._on_opened)
        self.listen(session.map_changed, to=self._on_map_changed)
        self.listen(session.parameters_changed, to=self._on_parameters)
        self.listen(session.shown_changed, to=self._on_shown)
        self.listen(session.plate_changed, to=self._on_map_changed)
        self.listen(session.run_ended, to=self._say_summary)

    # folder

    def choose_folder(self) -> None:
        """Ask for a folder."""
        start = preference("plate", "last_folder", "")
        if self.session.opened is not None:
            start = str(self.session.opened.folder)
        name = QFileDialog.getExistingDirectory(self, "Folder of images", start)
        if name:
            remember("plate", "last_folder", name)
            self.open(Path(name))

    def open(self, folder: Path) -> None:
        """Open a folder in the background."""
        show_hint(self.summary, f"Reading the names in {folder.name} …")
        self.say("")
        worker = open_images(self.viewer, folder)
        worker.errored.connect(lambda error: self._on_not_opened(error))

    def eventFilter(self, watched, event) -> bool:  # type: ignore[no-untyped-def]  # noqa: D102
        if event is not None and event.type() == QEvent.Type.Close:
            # Nobody is asked: what was filled in by hand lies beside the images the next time.
            keep_edited_map(self.session)
        return False

    def _on_not_opened(self, error: BaseException) -> None:
        if alive(self):
            self._on_opened()
            self.say(sentence_of(error), "error")

    def _on_typed(self) -> None:
        text = self.path.text().strip().strip('"')
        if text:
            self.open(Path(text).expanduser())

    def dragEnterEvent(self, event) -> None:  # type: ignore[no-untyped-def]  # noqa: D102
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event) -> None:  # type: ignore[no-untyped-def]  # noqa: D102
        for url in event.mimeData().urls():
            path = Path(url.toLocalFile())
            if path.is_dir():
                self.open(path)
            else:
                load_map(self, self.session, path)
            return

    def _on_opened(self) -> None:
        opened = self.session.opened
        known = opened is not None and bool(opened.table.frames)
        for widget in (
            self.grid, self.load_button, self.editor_fold, self.settings_fold, self.names_fold,
            self.next_button, self.legend, self.wells_heading,
        ):  # fmt: skip
            widget.setVisible(opened is not None)
        self.next_button.setEnabled(known)
        # One button leads on: the next one, once there is a folder.
        set_primary(self.open_button, not known)
        self.found_map.setVisible(False)
        self.plate_row.setVisible(opened is not None and len(opened.plates) > 1)
        self._offer_fields()
        if opened is None:
            show_hint(self.summary, _WELCOME)
            self.doubts.setVisible(False)
            return
        picture = opened.picture
        told = picture is not None and picture.pixel_size_um and picture.source != "parameter"
        self.form.set_placeholder(
            "pixel_size_um",
            "from the files" if told else "µm a pixel, e.g. 1.3",
        )
        self.path.setText(str(opened.folder))
        self._say_summary()
        self._inspected = inspection(opened.table, opened.parameters.plate.well_count)
        self._offer_readings()
        self.names.show_table(opened.table)
        serious = len(opened.table.problems)
        self.names_fold.setText(
            "How file names were read" + (f" ({serious} left out)" if serious else "")
        )
        if serious:
            self.names_fold.expand()
        fill_choice(self.plates, opened.plates)
        self.plates.setCurrentText(self.session.plate)
        self._on_map_changed()
        if known and not self.session.well:
            first = opened.wells(self.session.plate)
            if first:
                self.session.show(self.session.plate, first[0], 0)

    def _offer_readings(self) -> None:
        """Offer every reading of names that can be read in several ways; one click settles it."""
        opened, layout = self.session.opened, self.doubts.layout()
        assert opened is not None
        assert layout is not None
        while (item := layout.takeAt(0)) is not None:
            item.widget().deleteLater()
        for doubt in opened.table.doubts[:_MOST_DOUBTS]:
            name, count = Path(doubt.paths[0]).name, len(doubt.paths)
            layout.addWidget(hint(f"{plural(count, 'name')} such as {name} can be read as:"))
            for reading in doubt.readings:
                if reading.pattern:
                    gives = given_by(reading, count)
                    choice = button(
                        f"{reading.words}\n{gives}",
                        partial(self.use_pattern, reading.pattern),
                        f"{reading.words}: {gives}. Reads names by the pattern {reading.pattern}",
                    )
                    # Long names make no panel wider; the tip has them in full.
                    choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
                    layout.addWidget(choice)
        self.doubts.setVisible(bool(opened.table.doubts))

    def use_pattern(self, pattern: str) -> None:
        """Read the folder anew by a name pattern."""
        plate = self.session.parameters.plate.model_copy(update={"name_pattern": pattern})
        self.session.set_parameters(self.session.parameters.model_copy(update={"plate": plate}))
        self._open_again()

    def _say_summary(self) -> None:
        if self.session.opened is not None:
            show_hint(self.summary, self._summary_text())

    def _summary_text(self) -> str:
        opened = self.session.opened
        assert opened is not None
        if not opened.table.frames and opened.table.doubts:
            return "The names can be read in several ways: choose one below."
        if not opened.table.frames and not _image_files(opened.table):
            return (
                f"{opened.folder.name} holds no image. Open the folder that the microscope wrote "
                "its pictures into; folders inside of it are read as well."
            )
        if not opened.table.frames:
            return (
                "No file name tells its well. See below how names were read, and give a name "
                "pattern under “Pixel size, assay, times”."
            )
        wells, times = len(opened.well_timepoints), {f.time_h for f in opened.table.frames}
        lines = [
            f"{plural(len(opened.table.frames), 'image')}: {plural(wells, 'well')}, "
            + plural(len(times), "time")
            + (f", {len(opened.plates)} plates" if len(opened.plates) > 1 else "")
        ]
        picture = opened.picture
        if picture is None:
            lines.append("None of the first images can be read; see the files.")
        else:
            size = (
                f"{picture.pixel_size_um:.4g} µm a pixel "
                f"({_SOURCES.get(picture.source, picture.source)})"
                if picture.pixel_size_um
                else "no pixel size known"
            )
            lines.append(f"{picture.shape[1]} × {picture.shape[0]} pixels, {size}")
        stage = self.session.stage
        if stage is Stage.DONE:
            lines.append(f"Analysed before: results in {opened.out.name}")
        elif stage is Stage.BEGUN:
            lines.append(
                f"An analysis was begun; go on with it in the Run panel ({opened.out.name})"
            )
        return "\n".join(lines)

    def _problem_text(self) -> str:
        opened = self.session.opened
        assert opened is not None
        found = []
        serious = opened.table.problems
        if serious:
            found.append(
                f"{len(serious)} file{'s' * (len(serious) > 1)} left out; the reasons stand on "
                "top of the table below."
            )
        if opened.picture is not None and not opened.picture.pixel_size_um:
            found.append(
                "Without a pixel size all areas stay in pixels. Enter it under “Pixel size, "
                "assay, times”."
            )
        if opened.picture is not None and opened.picture.conflict:
            found.append(opened.picture.conflict)
        told = self._inspected.missing
        if self.session.plate_map is None:
            # A map says which wells are meant to be imaged; without one it is guessed.
            told += self._inspected.gaps
        return "\n".join([*found, *told[:2]])

    def _on_name_clicked(self, index) -> None:  # type: ignore[no-untyped-def]
        frame = self.names.frame_of(index.row())
        if frame is not None:
            self.session.show(frame.plate, frame.well, frame.timepoint)

    # plates and wells

    def _plate_of_map(self) -> str:
        """Plate that the map's wells are written for: every plate unless the map names plates."""
        named = any(plate for plate, _ in self.session.draft.wells)
        several = self.session.opened is not None and len(self.session.opened.plates) > 1
        return self.session.plate if named or (several and not self.session.draft.wells) else ""

    def _on_plate_chosen(self, plate: str) -> None:
        if plate and plate != self.session.plate:
            self.session.choose_plate(plate)

    def _on_well_clicked(self, well: str) -> None:
        opened = self.session.opened
        if opened is not None and (self.session.plate, well) in opened.well_timepoints:
            self.session.show(self.session.plate, well, self.session.timepoint)

    def _offer_fields(self) -> None:
        opened = self.session.opened
        fields = sorted({f.field for f in opened.table.frames}) if opened is not None else []
        fill_choice(self.field, ["as analysed", *map(str, fields)], [None, *fields])
        self.field.setCurrentIndex(0)
        self.field_row.setVisible(len(fields) > 1)
        picture = opened.picture if opened is not None else None
        further = [one.name for one in picture.further] if picture is not None else []
        analysed = f"{picture.channel} (analysed)" if picture and picture.channel else "as analysed"
        fill_choice(self.channel, [analysed, *further], ["", *further])
        with QSignalBlocker(self.channel):
            self.channel.setCurrentIndex(0)
        self.channel_row.setVisible(bool(further))

    def _on_channel(self, *_: object) -> None:
        self.view.channel = self.channel.currentData() or ""
        self.view.read_again()

    def _on_field(self, *_: object) -> None:
        # A stroke of this very moment belongs to the field that is left now.
        correcting_of(self.viewer).finish()
        self.view.field = self.field.currentData()
        self.view.read_again()

    def _on_shown(self) -> None:
        self.grid.set_current(self.session.well)
        if self.plates.currentText() != self.session.plate:
            self.plates.setCurrentText(self.session.plate)

    # map

    def choose_map(self) -> None:
        """Ask for the file of a plate map."""
        opened = self.session.opened
        start = str(opened.folder.parent) if opened is not None else ""
        name, _ = QFileDialog.getOpenFileName(
            self,
            "Plate map",
            start,
            "Plate maps (*.csv *.xlsx *.tsv *.txt *.PlateMap *.toml);;All files (*)",
        )
        if name:
            load_map(self, self.session, Path(name))

    def _on_found_map(self) -> None:
        opened = self.session.opened
        if opened is not None and opened.maps:
            load_map(self, self.session, opened.maps[0])

    def _on_map_changed(self) -> None:
        opened, draft = self.session.opened, self.session.draft
        if opened is None:
            return
        mapped = self.session.mapped(self.session.plate)
        entries = self.session.plate_map.wells if self.session.plate_map is not None else ()
        colours, words = condition_colours(entries), self.session.shown_names()
        imaged = set(opened.wells(self.session.plate))
        faces = {}
        conditions: dict[str, str] = {}
        plate = self._plate_of_map()
        for well in {*imaged, *mapped, *(w for p, w in draft.wells if p in (plate, ""))}:
            name = condition_name(mapped[well]) if well in mapped else ""
            written = draft.wells.get((plate, well)) or draft.wells.get(("", well))
            text = words.get(name) or (
                f"{shown_name(written.words)} (not complete)" if written else "not on the map"
            )
            if name:
                conditions[text] = colours.get(name, "#888888")
            where = "" if well in imaged else ", no image"
            faces[well] = Face(
                colours.get(name), "" if name or not written else "?", f"{well}: {text}{where}",
                faint=well not in imaged,
            )  # fmt: skip
        self.grid.set_plate(
            self.session.well_count, faces, (str(opened.folder), self.session.plate)
        )
        self.grid.set_current(self.session.well)
        self._write_legend(conditions)
        self.problems.say(self._problem_text(), "warning")
        self._write_map_state(set(mapped), imaged)
        self.editor.refresh()

    def redraw(self) -> None:
        """Write the legend for the ground of the theme."""
        self._write_legend(self._legend)

    def _write_legend(self, conditions: dict[str, str]) -> None:
        self._legend = conditions
        entries = self.session.plate_map.wells if self.session.plate_map is not None else ()
        # Controls first, then drugs by dose, as the colours are given.
        ranks = {colour: n for n, colour in enumerate(condition_colours(entries).values())}
        order = sorted(conditions, key=lambda name: ranks.get(conditions[name], len(ranks)))
        parts = [_sign(conditions[name]) + f"&nbsp;{escape(name)}" for name in order[:14]]
        if len(order) > 14:
            parts.append(f"and {len(order) - 14} more")
        self.legend.setText("&ensp; ".join(parts))
        self.legend.setVisible(bool(parts))

    def _write_map_state(self, mapped: set[str], imaged: set[str]) -> None:
        opened, plate_map = self.session.opened, self.session.plate_map
        assert opened is not None
        problems = self.session.map_problems
        draft, of_file = self.session.draft, self.session.problems_of_file
        draft_refused = bool(problems) and not draft.saved and not of_file
        told = problem_words(problems)
        if draft_refused:
            # In full beside the fields that are to be filled in.
            told = "The map is not complete yet; see below the fields of the wells."
        elif problems:
            path = self.session.map_path
            kept = "" if path is None else path.name
            if draft.wells and not draft.saved:
                kept = "the one that was filled in by hand"
            told += f"\nThe map that is shown is still {kept}." if kept else ""
        self.map_problem.say(told, "error")
        warnings: list[str] = []
        if plate_map is None:
            show_hint(
                self.map_state,
                "" if problems else
                "No plate map yet: load one, or select wells and fill them in below.",
            )  # fmt: skip
        else:
            lacking = sorted(mapped - imaged, key=row_column)
            missing = sorted(imaged - mapped, key=row_column)
            show_hint(self.map_state, f"{plural(len(mapped), 'well')} on the map")
            if mapped and not mapped & imaged:
                warnings.append(
                    "None of the wells on the map has an image: is it the map of another plate?"
                )
            if missing:
                warnings.append(
                    f"{plural(len(missing), 'imaged well')} {_is(missing)} not on the map: "
                    f"{_listed(missing)}."
                )
            if lacking:
                warnings.append(f"{_listed(lacking)} on the map {_has(lacking)} no image.")
            warnings += list(plate_map.warnings)
        self.map_warning.say("\n".join(shown_name(str(w)) for w in warnings), "warning")
        offered = bool(opened.maps) and self.session.plate_map is None
        self.found_map.setVisible(offered)
        if offered:
            self.found_map.setText(f"Use {opened.maps[0].name}")
            self.found_map.setToolTip(str(opened.maps[0]))

    # settings

    def _on_parameters(self) -> None:
        self.form.set_value(self.session.parameters.plate)

    def _on_form(self) -> None:
        old = self.session.parameters
        new = old.model_copy(update={"plate": self.form.value()})
        self.session.set_parameters(new)
        if self.session.opened is not None:
            # Names and calibration are read anew, once the typing has come to rest.
            self._reopen.start()

    def _open_again(self) -> None:
        opened = self.session.opened
        if opened is not None:
            open_images(self.viewer, opened.folder, self.session.parameters, opened.out)


def _sign(colour: str) -> str:
    """Give the dot of a condition in the legend, as its wells look on the ground of the theme."""
    # On a light ground the pale fill of blanks can't be seen, only the line around it.
    sign, shown = ("○", MUTED) if colour == BLANK and not is_dark() else ("●", colour)
    return element("span", sign, f"color:{shown}; font-size:13px;")


def _image_files(table: FrameTable) -> int:
    """Count the images that were found, whether their names could be read or not."""
    return len(table.frames) + len(table.problems) + len(table.doubts)


def _listed(wells: list[str]) -> str:
    most = 8
    more = len(wells) - most
    return ", ".join(wells[:most]) + (f" and {more} more" if more > 0 else "")


def _is(wells: list[str]) -> str:
    return "is" if len(wells) == 1 else "are"


def _has(wells: list[str]) -> str:
    return "has" if len(wells) == 1 else "have"
