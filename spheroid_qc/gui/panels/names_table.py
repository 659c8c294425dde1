"""The table of how file names were read, problems on top."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from spheroid_qc.frames.frame_table import HARMLESS, FrameTable
from spheroid_qc.frames.inspection import visible

_COLUMNS = ("File", "Well", "Time", "Field", "Channel", "Plate", "Remark")


class _Model(QAbstractTableModel):
    """Rows are made when they are looked at: a plate has thousands."""

    def __init__(self, table: FrameTable) -> None:
        super().__init__()
        serious = [f for f in table.findings if f.kind not in HARMLESS]
        harmless = [f for f in table.findings if f.kind in HARMLESS]
        self._rows: list[Any] = [*serious, *table.frames, *harmless]
        self._serious = len(serious)
        self._one_plate = len(table.plates) < 2

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return len(self._rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        return len(_COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return _COLUMNS[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry = self._rows[index.row()]
        if role == Qt.ItemDataRole.ForegroundRole and index.row() < self._serious:
            return QColor("#d98647")
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        column = _COLUMNS[index.column()]
        if column == "File":
            return visible(entry.path)
        if not hasattr(entry, "well"):  # a file that is left out
            return visible(entry.message) if column == "Remark" else ""
        if column == "Time":
            counted = entry.time_source == "index"
            return f"frame {entry.time_h:g}" if counted else f"{entry.time_h:g} h"
        if column == "Remark":
            return f"read as {entry.scheme}, time from {entry.time_source}"
        value = getattr(entry, column.lower())
        return visible(str(value))

    def well_of(self, row: int) -> Any:
        """Frame of a row; None for a file that is left out."""
        entry = self._rows[row]
        return entry if hasattr(entry, "well") else None


class NamesTable(QTableView):
    """Shows a frame table."""

    def __init__(self) -> None:
        super().__init__()
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setWordWrap(False)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(20)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.horizontalHeader().setStretchLastSection(True)
        self.setMinimumHeight(150)

    def show_table(self, table: FrameTable) -> None:
        """Show how the names of a folder were read."""
        self.setModel(_Model(table))
        for column, width in enumerate((170, 42, 52, 38, 52, 60)):
            self.setColumnWidth(column, width)
        if len(table.plates) < 2:
            self.setColumnHidden(_COLUMNS.index("Plate"), True)
        no_channels = all(not frame.channel for frame in table.frames[:2000])
        self.setColumnHidden(_COLUMNS.index("Channel"), no_channels)
