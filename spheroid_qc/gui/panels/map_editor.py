"""Fill in the plate map: say what the selected wells hold; copy, paste, undo, save."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from napari.utils.notifications import show_info
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
from spheroid_qc.gui.panels.base_panel import (
    Notice,
    beside,
    button,
    flow,
    hint,
    long_choice,
    show_hint,
)
from spheroid_qc.gui.panels.plate_grid import PlateGrid
from spheroid_qc.gui.state.editable_map import FIELDS, EditableWell, Treatment
from spheroid_qc.gui.state.session import Session
from spheroid_qc.gui.state.shown_names import shown_name
from spheroid_qc.plate_map import ROLES
from spheroid_qc.wells import row_column

_UNITS = ("µM", "nM", "pM", "mM", "ng/ml", "µg/ml", "Gy", "%", "U/ml")
_AS_IT_IS = "as it is"
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
        self.role = long_choice()
        for name in ROLES:
            self.role.addItem(name.replace("_", " "), name)
        self.role.setCurrentIndex(ROLES.index("treated"))
        self.role.setToolTip("vehicle: only the solvent; blank: no cells; treated: with drugs.")
        fields.addWidget(QLabel("Role"), 0, 0)
        fields.addWidget(self.role, 0, 1, 1, 3)
        self.drugs: list[tuple[QComboBox, QLineEdit, QComboBox]] = []
        for n in range(_DRUGS):
            drug = long_choice(5)
            drug.setEditable(True)
            drug.lineEdit().textEdited.connect(self._on_drug_typed)
            drug.lineEdit().setPlaceholderText("drug" if n == 0 else "none")
            dose = QLineEdit()
            dose.setPlaceholderText("dose")
            dose.setFixedWidth(54)
            unit = long_choice(4)
            unit.addItems(list(_UNITS))
            unit.setEditable(True)
            unit.setFixedWidth(70)
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
        column.addWidget(flow(self.fill, self.clear, self.undo, self.redo))
        self.problem = Notice()
        column.addWidget(self.problem)
        self.what = long_choice(6)
        self.what.addItems([f"{name}s" for name in FIELDS])
        self.what.setCurrentIndex(FIELDS.index("drug"))
        self.what.setToolTip("What the cells of the spreadsheet are.")
        column.addWidget(
            flow(
                beside(QLabel("Spreadsheet:"), self.what),
                button("Copy", self.copy_block, "Copy from the selected wells (Ctrl+C)."),
                button(
                    "Paste", self.paste_block,
                    "Paste a block of cells, its first cell into the first selected well (Ctrl+V).",
                ),
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
        # Parts in which the selected wells differ: empty in the form, and left alone by it.
        self._mixed: set[int | str] = set()
        grid.selection_changed.connect(self.show_selected)
        self.refresh()

    # what is selected

    def _keys(self) -> list[tuple[str, str]]:
        return [(self._plate_of(), well) for well in self.grid.selected]

    def show_selected(self) -> None:
        """Show in the form what the selected wells hold; empty ones leave it as it was."""
        held = [w for key in self._keys() if (w := self.session.draft.wells.get(key)) is not None]
        self._mixed = set()
        if held:
            self._show_role({well.role for well in held})
            for n in range(_DRUGS):
                self._show_drug(n, {_drug_of(well, n) for well in held})
        else:
            if self.role.currentData() is None:
                self._show_role({"treated"})
            for n, (drug, _, _) in enumerate(self.drugs):
                drug.lineEdit().setPlaceholderText(_nothing(n))
        self.refresh()

    def _show_role(self, roles: set[str]) -> None:
        while self.role.count() > len(ROLES):
            self.role.removeItem(len(ROLES))
        if len(roles) == 1 and (role := next(iter(roles))) in ROLES:
            self.role.setCurrentIndex(ROLES.index(role))
            return
        self._mixed.add("role")
        self.role.addItem(_AS_IT_IS, None)
        self.role.setCurrentIndex(len(ROLES))

    def _show_drug(self, n: int, held: set[Treatment]) -> None:
        drug, dose, unit = self.drugs[n]
        one = next(iter(held)) if len(held) == 1 else Treatment()
        if len(held) > 1:
            self._mixed.add(n)
        drug.setCurrentText(one.drug)
        dose.setText(one.dose)
        unit.setCurrentText(_shown_unit(one.unit))
        drug.lineEdit().setPlaceholderText(_AS_IT_IS if n in self._mixed else _nothing(n))

    def _on_drug_typed(self, text: str) -> None:
        """Take a well with a drug for a treated one, unless a control is meant."""
        if text.strip() and self.role.currentData() in ("vehicle", "blank"):
            self.role.setCurrentIndex(ROLES.index("treated"))

    def refresh(self) -> None:
        """Say what is selected, and offer what can be done."""
        draft, wells = self.session.draft, self.grid.selected
        show_hint(self.selected, _selected_words(wells, draft.wells, self._keys()))
        self.selected.setToolTip(", ".join(wells))
        own = () if self.session.problems_of_file else self.session.map_problems
        self.problem.say(problem_words(own), "error")
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

    def entered(self) -> dict[int | str, str | Treatment]:
        """Give what the fields say, part by part; not where they leave wells as they are."""
        parts: dict[int | str, str | Treatment] = {}
        if self.role.currentData() is not None:
            parts["role"] = self.role.currentData()
        for n, (drug, dose, unit) in enumerate(self.drugs):
            name, amount = drug.currentText().strip(), dose.text().strip()
            if name or amount or n not in self._mixed:
                parts[n] = Treatment(name, amount, unit.currentText().strip())
        return parts

    def fill_selected(self) -> None:
        """Write the fields into the selected wells."""
        self.session.draft.change(self._keys(), self.entered())
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
            self.session.map_refused(error.problems)
            return False
        except OSError as error:
            self.session.map_refused(
                [f"{path} can't be written ({error.strerror}); choose another place."]
            )
            return False
        self.session.map_saved(plate_map, path)
        self.refresh()
        return True

    def _field(self) -> str:
        return FIELDS[self.what.currentIndex()]

    def _changed(self) -> None:
        self.session.map_edited()
        self.show_selected()


def _nothing(n: int) -> str:
    """Say what an empty field of the drug at a place asks for."""
    return "drug" if n == 0 else "none"


def _drug_of(well: EditableWell, n: int) -> Treatment:
    return well.drugs[n] if n < len(well.drugs) else Treatment()


def _shown_unit(unit: str) -> str:
    """Name a unit as the list does."""
    return next((one for one in _UNITS if one.replace("µ", "u") == unit.replace("µ", "u")), unit)


def _selected_words(
    wells: tuple[str, ...],
    written: Mapping[tuple[str, str], EditableWell],
    keys: list[tuple[str, str]],
) -> str:
    """Say which wells are selected, and what one of them holds."""
    if not wells:
        return "Select wells by dragging over the plate."
    if len(wells) == 1:
        held = written.get(keys[0])
        return f"{wells[0]} selected: {shown_name(held.words) if held is not None else 'empty'}"
    rows, columns = zip(*map(row_column, wells), strict=True)
    block = (max(rows) - min(rows) + 1) * (max(columns) - min(columns) + 1) == len(wells)
    most = 6
    if block:
        listed = f"{wells[0]} to {wells[-1]}"
    else:
        more = f" and {len(wells) - most} more" if len(wells) > most else ""
        listed = ", ".join(wells[:most]) + more
    empty = sum(key not in written for key in keys)
    partly = f"; {empty} of them empty" if 0 < empty < len(wells) else ""
    return f"{len(wells)} wells selected: {listed}{partly}"


def problem_words(problems: Sequence[str]) -> str:
    """Put the mistakes of a map into words of the window, all of them as far as there is room."""
    most = 8
    lines = [problem.replace("positive_control", "positive control") for problem in problems[:most]]
    more = len(problems) - most
    return "\n".join([*lines, *([f"… and {more} more."] if more > 0 else [])])
