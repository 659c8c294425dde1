"""Frames as tables: how file names were read, and what is to be reviewed."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from spheroid_qc.frames.frame_table import HARMLESS, FrameTable
from spheroid_qc.frames.inspect_folder import visible
from spheroid_qc.gui.state.review_queue import Entry
from spheroid_qc.gui.well_colours import quiet_colour
from spheroid_qc.run.store.review_decisions import Exclusion

_TEXT = Qt.ItemDataRole.DisplayRole
_TIP = Qt.ItemDataRole.ToolTipRole
_COLOUR = Qt.ItemDataRole.ForegroundRole
_SIGNS = {"accept": "✓ accepted", "exclude": "✗ excluded"}


class FrameModel(QAbstractTableModel):
    """Rows whose cells are made when they are looked at: a plate has thousands."""

    columns: tuple[str, ...] = ()

    def __init__(self, entries: Sequence[Any] = ()) -> None:
        super().__init__()
        self.entries = list(entries)

    def show(self, entries: Sequence[Any]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self.entries = list(entries)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: D102
        return len(self.entries)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: D102
        return len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _TEXT) -> Any:  # noqa: D102
        wanted = role == _TEXT and orientation == Qt.Orientation.Horizontal
        return self.columns[section] if wanted else None


class FrameTableView(QTableView):
    """A table whose whole rows are selected."""

    def __init__(self, row_height: int) -> None:
        super().__init__()
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(row_height)


class _NamesModel(FrameModel):
    columns = ("File", "Well", "Time", "Field", "Channel", "Plate", "Remark")

    def __init__(self, table: FrameTable) -> None:
        serious = [f for f in table.findings if f.kind not in HARMLESS]
        harmless = [f for f in table.findings if f.kind in HARMLESS]
        super().__init__([*serious, *table.frames, *harmless])
        self._serious = len(serious)

    def data(self, index: QModelIndex, role: int = _TEXT) -> Any:
        entry = self.entries[index.row()]
        if role == _COLOUR and index.row() < self._serious:
            return QColor("#d98647")
        if role not in (_TEXT, _TIP):
            return None
        column = self.columns[index.column()]
        if column == "File":
            return visible(entry.path)
        if not hasattr(entry, "well"):  # a file that is left out
            return visible(entry.message) if column == "Remark" else ""
        if column == "Time":
            counted = entry.time_source == "index"
            return f"frame {entry.time_h:g}" if counted else f"{entry.time_h:g} h"
        if column == "Remark":
            return f"read as {entry.scheme}, time from {entry.time_source}"
        return visible(str(getattr(entry, column.lower())))


class NamesTable(FrameTableView):
    """How the names of files were read, problems on top."""

    def __init__(self) -> None:
        super().__init__(20)
        self.setWordWrap(False)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.horizontalHeader().setStretchLastSection(True)
        self.setMinimumHeight(150)

    def show_table(self, table: FrameTable) -> None:
        """Show how the names of a folder were read."""
        self.setModel(_NamesModel(table))
        for column, width in enumerate((170, 42, 52, 38, 52, 60)):
            self.setColumnWidth(column, width)
        no_channels = all(not frame.channel for frame in table.frames[:2000])
        hidden = {"Plate": len(table.plates) < 2, "Channel": no_channels}
        for number, name in enumerate(_NamesModel.columns):
            self.setColumnHidden(number, hidden.get(name, False))

    def frame_of(self, row: int) -> Any:
        """Frame of a row; None for a file that is left out."""
        entry = self.model().entries[row]
        return entry if hasattr(entry, "well") else None


class _QueueModel(FrameModel):
    columns = ("Frame", "Why", "Sure", "Done")

    def data(self, index: QModelIndex, role: int = _TEXT) -> Any:
        entry = self.entries[index.row()]
        if role == _COLOUR and entry.done:
            return QColor(quiet_colour())
        if role == _TIP:
            sure = "" if np.isnan(entry.confidence) else f"\nconfidence {entry.confidence:.2f}"
            return ("\n".join(entry.details) or "no finding") + sure
        if role != _TEXT:
            return None
        state = _SIGNS.get(entry.decision, "✎ corrected" if entry.corrected else "")
        confidence = "" if np.isnan(entry.confidence) else f"{entry.confidence:.2f}"
        return (f"{entry.well}  {entry.time_h:g} h", entry.why, confidence, state)[index.column()]


class QueueTable(FrameTableView):
    """The frames that are to be reviewed."""

    def __init__(self) -> None:
        super().__init__(21)
        self._queue = _QueueModel()
        self.setModel(self._queue)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        # Bold where a line is chosen, which is every line of the table.
        self.horizontalHeader().setHighlightSections(False)
        for column, width in ((0, 84), (2, 42), (3, 84)):
            self.setColumnWidth(column, width)
        self.setFixedHeight(168)

    @property
    def entries(self) -> list[Entry]:
        """The frames, the most suspicious first."""
        return self._queue.entries

    def show_queue(self, entries: Sequence[Entry]) -> None:
        """Show other frames."""
        self._queue.show(entries)

    def mark(self, entry: Entry | None) -> None:
        """Select the frame that is looked at."""
        if entry is None:
            self.clearSelection()
        else:
            self.selectRow(self.entries.index(entry))


def who_and_when(decision: Exclusion) -> str:
    """Say who decided, and when by the clock on the wall."""
    when = decision.at
    with contextlib.suppress(ValueError):
        when = f"{datetime.fromisoformat(when).astimezone():%Y-%m-%d %H:%M}"
    return f"{decision.by} {when}".strip()
