"""A part of a panel that folds away."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSizePolicy, QToolButton, QVBoxLayout, QWidget


class Fold(QWidget):
    """A title that shows or hides what stands below it.

    Parameters
    ----------
    title : str
        Always to be seen.
    *widgets : QWidget
        Shown when it is open.
    opened : bool
        Whether it starts open.
    """

    def __init__(self, title: str, *widgets: QWidget, opened: bool = False) -> None:
        super().__init__()
        self._title = QToolButton()
        self._title.setText(title)
        self._title.setCheckable(True)
        self._title.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._title.setStyleSheet(
            "QToolButton { border: none; font-weight: bold; padding: 3px 0; text-align: left;"
            " background: transparent; }"
        )
        self._title.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._title.setCursor(Qt.CursorShape.PointingHandCursor)
        self._body = QWidget()
        inside = QVBoxLayout(self._body)
        inside.setContentsMargins(12, 0, 0, 4)
        inside.setSpacing(5)
        for widget in widgets:
            inside.addWidget(widget)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(2)
        outer.addWidget(self._title)
        outer.addWidget(self._body)
        self._title.toggled.connect(self._on_toggled)
        self._title.setChecked(opened)
        self._on_toggled(opened)

    @property
    def opened(self) -> bool:
        """Whether it is open."""
        return self._title.isChecked()

    def set_open(self, opened: bool) -> None:
        """Open or close it."""
        self._title.setChecked(opened)

    def set_title(self, title: str) -> None:
        """Write another title."""
        self._title.setText(title)

    def _on_toggled(self, opened: bool) -> None:
        self._title.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)
        self._body.setVisible(opened)
