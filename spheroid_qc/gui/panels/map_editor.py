"""Fill in the plate map: say what the selected wells hold; copy, paste, undo, save."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QLabel,
    QLineEdit,
    QShortcut,
    QVBoxLayout,
    QWidget,
)

from spheroid_qc.errors import PlateMapError
from spheroid_qc.gui.panels.base_panel import beside, button, hint, show_hint
from spheroid_qc.gui.panels.plate_grid import PlateGrid
from spheroid_qc.gui.state.editable_map import FIELDS, EditableWell, Treatment
from spheroid_qc.gui.state.session import Session
from spheroid_qc.plate_map import ROLES

_UNITS = ("uM", "nM", "pM", "mM", "ng/ml", "ug/ml", "Gy", "%", "U/ml")
_DRUGS = 3


class MapEditor(QWidget):
    """Fields for the wells that are selected on a grid; the session holds the draft.

    `plate_of` gives the plate that is written to; empty: every plate.
    """

    def __init__(self, session: Session, grid: PlateGrid, plate_of: Callable[[], str]) -> None:
        super().__init__()
        self.session = session
        self.grid = grid
        self._plate_of = plate_of
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        self.selected = hint("Select wells by dragging over the plate.")
        column.addWidget(self.selected)
        fields = QGridLayout()
        fields.setSpacing(4)
        self.role = QComboBox()
        for name in ROLES:
            self.role.addItem(name.replace("_", " "), name)
        self.role.setCurrentIndex(ROLES.index("treated"))
        self.role.setToolTip("vehicle: only the solvent; blank: no cells; treated: with drugs.")
        fields.addWidget(QLabel("Role"), 0, 0)
        fields.addWidget(self.role, 0, 1, 1, 3)
        self.drugs: list[tuple[QComboBox, QLineEdit, QComboBox]] = []
        for n in range(_DRUGS):
            drug = QComboBox()
            drug.setEditable(True)
            drug.setMinimumContentsLength(10)
            drug.lineEdit().setPlaceholderText("drug" if n == 0 else "none")
            dose = QLineEdit()
            dose.setPlaceholderText("dose")
            dose.setMaximumWidth(80)
            unit = QComboBox()
            unit.addItems(list(_UNITS))
            unit.setEditable(True)
            unit.setMaximumWidth(80)
            fields.addWidget(QLabel(f"Drug {n + 1}"), n + 1, 0)
            for at, widget in enumerate((drug, dose, unit), start=1):
                fields.addWidget(widget, n + 1, at)
            self.drugs.append((drug, dose, unit))
        fields.setColumnStretch(1, 1)
        column.addLayout(fields)
        self.fill = button(
            "Set selected wells", self.fill_selected, "Write this into every selected well.",
            primary=True,
        )  # fmt: skip
        self.clear = button("Empty", self.clear_selected, "Empty the selected wells (Delete).")
        self.undo = button("Undo", self.undo_step, "Take the last change back (Ctrl+Z).")
        self.redo = button("Redo", self.redo_step, "Do it again (Ctrl+Shift+Z).")
        column.addWidget(beside(self.fill, self.clear, 1, self.undo, self.redo))
        self.what = QComboBox()
        self.what.addItems([f"{name}s" for name in FIELDS])
        self.what.setCurrentIndex(FIELDS.index("drug"))
        self.what.setToolTip("What the cells of the spreadsheet are.")
        column.addWidget(
            beside(
                QLabel("Spreadsheet:"),
                self.what,
                button("Copy", self.copy_block, "Copy from the selected wells (Ctrl+C)."),
                button(
                    "Paste", self.paste_block,
                    "Paste a block of cells, its first cell into the first selected well (Ctrl+V).",
                ),
                1,
                button("Save map…", self.save_as, "Save the map as CSV."),
            )
        )  # fmt: skip
        self.state = hint()
        column.addWidget(self.state)
        for keys, action in (
            ("Ctrl+Z", self.undo_step), ("Ctrl+Shift+Z", self.redo_step),
            ("Ctrl+C", self.copy_block), ("Ctrl+V", self.paste_block),
            ("Delete", self.clear_selected),
        ):  # fmt: skip
            shortcut = QShortcut(QKeySequence(keys), grid)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(action)
        grid.selection_changed.connect(self.refresh)
        self.refresh()

    # what is selected

    def _keys(self) -> list[tuple[str, str]]:
        return [(self._plate_of(), well) for well in self.grid.selected]

    def refresh(self) -> None:
        """Say what is selected, and offer what can be done."""
        draft, wells = self.session.draft, self.grid.selected
        if wells:
            listed = ", ".join(wells[:6]) + (" …" if len(wells) > 6 else "")
            show_hint(self.selected, f"{len(wells)} selected: {listed}")
        else:
            show_hint(self.selected, "Select wells by dragging over the plate.")
        for widget in (self.fill, self.clear):
            widget.setEnabled(bool(wells))
        self.undo.setEnabled(draft.can_undo)
        self.redo.setEnabled(draft.can_redo)
        known = list(dict.fromkeys(t.drug for w in draft.wells.values() for t in w.drugs if t.drug))
        for drug, _, _ in self.drugs:
            text = drug.currentText()
            if [drug.itemText(n) for n in range(drug.count())] != ["", *known]:
                drug.clear()
                drug.addItems(["", *known])
                drug.setCurrentText(text)
        if not draft.saved:
            show_hint(self.state, "Not saved yet; it is saved beside the images before a run.")
        elif self.session.map_path is not None:
            show_hint(self.state, f"Map: {self.session.map_path.name}")
        else:
            show_hint(self.state, "")

    # actions

    def entered(self) -> EditableWell:
        """Give what the fields say."""
        drugs = tuple(
            Treatment(drug.currentText().strip(), dose.text().strip(), unit.currentText().strip())
            for drug, dose, unit in self.drugs
            if drug.currentText().strip() or dose.text().strip()
        )
        return EditableWell(self.role.currentData(), drugs)

    def fill_selected(self) -> None:
        """Write the fields into the selected wells."""
        self.session.draft.fill(self._keys(), self.entered())
        self._changed()

    def clear_selected(self) -> None:
        """Empty the selected wells."""
        self.session.draft.clear(self._keys())
        self._changed()

    def undo_step(self) -> None:
        """Take the last change back."""
        self.session.draft.undo()
        self._changed()

    def redo_step(self) -> None:
        """Do again what was taken back."""
        self.session.draft.redo()
        self._changed()

    def copy_block(self) -> None:
        """Copy values of the selected wells for a spreadsheet."""
        text = self.session.draft.copy(self._plate_of(), self.grid.selected, self._field())
        QApplication.clipboard().setText(text)

    def paste_block(self) -> None:
        """Paste a block of a spreadsheet into the wells."""
        text = QApplication.clipboard().text()
        if not text.strip():
            show_info("There is nothing to paste; copy cells in the spreadsheet first.")
            return
        corner = self.grid.selected[0] if self.grid.selected else "A01"
        count, left_out = self.session.draft.paste(
            text, self._plate_of(), corner, self._field(), self.session.well_count
        )
        self._changed()
        show_info(f"{count} wells were filled from the spreadsheet. {left_out}".strip())

    def save_as(self) -> None:
        """Ask for a file and save the map there."""
        default = self.session.map_path or self.session.default_map_path() or Path("plate_map.csv")
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the plate map", str(default.with_suffix(".csv")), "CSV (*.csv)"
        )
        if name:
            self.save(Path(name))

    def save(self, path: Path) -> bool:
        """Save the map; tells whether it can be used."""
        try:
            plate_map = self.session.draft.save(path)
        except PlateMapError as error:
            problems = list(error.problems)
            more = f" … and {len(problems) - 3} more." if len(problems) > 3 else ""
            show_error(" ".join(problems[:3]) + more)
            return False
        except OSError as error:
            show_error(f"{path} can't be written ({error.strerror}); choose another place.")
            return False
        self.session.map_saved(plate_map, path)
        self.refresh()
        return True

    def _field(self) -> str:
        return FIELDS[self.what.currentIndex()]

    def _changed(self) -> None:
        self.session.map_changed.emit()
        self.refresh()
