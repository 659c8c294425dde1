"""What the review shows in words: the queue as a table, figures before and after a correction."""

from __future__ import annotations

from typing import Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QColor

from spheroid_qc.gui.state.review_queue import Entry

_SIGNS = {"accept": "✓ accepted", "exclude": "✗ excluded"}
_FIGURES = (
    ("Core area", "core_area_um2", "µm²"), ("Core area", "core_area_px", "px"),
    ("Total area", "total_area_um2", "µm²"), ("Total area", "total_area_px", "px"),
    ("Disintegration fraction", "disintegration_fraction", ""),
    ("Disintegration index", "disintegration_index", ""),
)  # fmt: skip


class QueueModel(QAbstractTableModel):
    """The queue as a table."""

    columns = ("Frame", "Why", "Conf.", "Done")

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []

    def show(self, entries: list[Entry]) -> None:
        """Show other frames."""
        self.beginResetModel()
        self.entries = entries
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: D102
        return len(self.entries)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: D102
        return len(self.columns)

    def headerData(  # noqa: D102
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return self.columns[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        entry = self.entries[index.row()]
        if role == Qt.ItemDataRole.ForegroundRole and entry.done:
            return QColor("#8a939c")
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(entry.details) or "no finding"
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        state = _SIGNS.get(entry.decision, "✎ corrected" if entry.corrected else "")
        confidence = "" if np.isnan(entry.confidence) else f"{entry.confidence:.2f}"
        return (f"{entry.well}  {entry.time_h:g} h", entry.why, confidence, state)[index.column()]


def figures_text(automatic: dict[str, Any], corrected: dict[str, Any] | None) -> str:
    """Figures of the automatic masks, and beside them those of the corrected ones."""
    calibrated = automatic["pixel_size_um"] is not None
    lines = []
    for label, name, unit in _FIGURES:
        if (unit == "px") == calibrated and unit:
            continue
        cells = [_value(automatic, name, unit)]
        if corrected is not None:
            cells.append(f"<b>{_value(corrected, name, unit)}</b>")
        cells = [f'<td align="right" style="padding-left:18px">{cell}</td>' for cell in cells]
        lines.append(f"<tr><td>{label}</td>{''.join(cells)}</tr>")
    head = ""
    if corrected is not None:
        names = ("automatic", "<b>corrected</b>")
        cells = [f'<td align="right">{name}</td>' for name in names]
        head = f"<tr><td></td>{''.join(cells)}</tr>"
    return f"<table>{head}{''.join(lines)}</table>"


def _value(field: dict[str, Any], name: str, unit: str) -> str:
    rows = field["rows"]
    value = rows[0].get(name) if rows else None
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "–"
    text = f"{value:.3f}" if not unit else f"{value:,.0f}"
    return f"{text} {unit}".strip()
