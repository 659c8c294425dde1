"""What was decided on the frames of a plate so far: who, what and when."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QTreeWidget, QTreeWidgetItem

from spheroid_qc.gui.panels.name_and_review_tables import who_and_when
from spheroid_qc.gui.state.session import Session
from spheroid_qc.run.store.review_decisions import Exclusion

CORRECTED = "corrected"
Decision = tuple[str, Exclusion]
"""What was done (`excluded`, `accepted` or `CORRECTED`), and of which frame, by whom and when."""


class DecisionList(QTreeWidget):
    """Exclusions, acceptances and corrections, the newest first."""

    def __init__(self) -> None:
        super().__init__()
        self.setHeaderLabels(["Frame", "What", "Who, when"])
        self.setRootIsDecorated(False)
        self.setFixedHeight(130)
        self.setSelectionMode(QTreeWidget.SelectionMode.ExtendedSelection)

    def show_decisions(self, session: Session) -> int:
        """List what was decided in the folder that is open; gives their number."""
        found: list[Decision] = [("excluded", e) for e in session.exclusions]
        found += [("accepted", e) for e in session.acceptances]
        for (plate, well, timepoint), correction in session.corrections.items():
            hours = None if session.opened is None else session.opened.times(plate).get(timepoint)
            entry = Exclusion(plate, well, hours, "", correction.by, correction.at)
            found.append((CORRECTED, entry))
        self.clear()
        for what, entry in sorted(found, key=lambda one: one[1].at, reverse=True):
            when = "whole well" if entry.time_h is None else f"{entry.time_h:g} h"
            reason = f": {entry.reason}" if entry.reason else ""
            item = QTreeWidgetItem(
                [f"{entry.well}  {when}", f"{what}{reason}", who_and_when(entry)]
            )
            for column in range(3):
                item.setToolTip(column, item.text(column))
            item.setData(0, Qt.ItemDataRole.UserRole, (what, entry))
            self.addTopLevelItem(item)
        return len(found)

    @property
    def chosen(self) -> list[Decision]:
        """Decisions that are selected."""
        return [decision_of(item) for item in self.selectedItems()]


def decision_of(item: QTreeWidgetItem) -> Decision:
    """Give what a line of the list stands for."""
    decision: Decision = item.data(0, Qt.ItemDataRole.UserRole)
    return decision
