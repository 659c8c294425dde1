"""What all panels share: a column that scrolls, headings, quiet hints, and safe listening."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from inspect import signature
from typing import Any

import napari.viewer
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from spheroid_qc.gui.state.session import Session, session_of
from spheroid_qc.gui.state.threads import alive


class BasePanel(QWidget):
    """A dock widget: one column, scrolling where the screen is small.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        The viewer that it is docked in.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.viewer = getattr(viewer, "__wrapped__", viewer)
        self.session: Session = session_of(self.viewer)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        self.column = QVBoxLayout(inside)
        self.column.setContentsMargins(10, 8, 10, 8)
        self.column.setSpacing(6)
        area.setWidget(inside)
        outer.addWidget(area)
        self.setMinimumWidth(380)

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(430, 640)

    def listen(self, signal: Any, method: Callable[..., None]) -> None:
        """Call a method when a signal of the session comes, as long as the panel lives."""
        taken = len(signature(method).parameters)
        # The session must not keep a closed panel, and with it the viewer, alive.
        held, owner = weakref.WeakMethod(method), weakref.ref(self)

        def call(*values: Any) -> None:
            found, panel = held(), owner()
            if found is not None and panel is not None and alive(panel):
                found(*values[:taken])
            else:
                signal.disconnect(call, missing_ok=True)

        signal.connect(call, check_nargs=False)

    def add(self, *widgets: QWidget | None) -> None:
        """Put widgets below each other."""
        for widget in widgets:
            if widget is not None:
                self.column.addWidget(widget)


def heading(text: str) -> QLabel:
    """Title of a part of a panel."""
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    font.setPointSizeF(font.pointSizeF() * 1.08)
    label.setFont(font)
    label.setContentsMargins(0, 6, 0, 0)
    return label


def hint(text: str = "") -> QLabel:
    """Explain in a line or two; wraps."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    label.setVisible(bool(text))
    return label


def say_in(label: QLabel, text: str) -> None:
    """Write a hint, and hide it where there is nothing to say."""
    label.setText(text)
    label.setVisible(bool(text))


def button(
    text: str, action: Callable[[], Any], tip: str = "", *, primary: bool = False
) -> QPushButton:
    """Make a button."""
    made = QPushButton(text)
    made.setToolTip(tip)
    made.clicked.connect(lambda *_: action())
    made.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
    if primary:
        made.setStyleSheet(
            "QPushButton { background-color: #2f6fb0; color: white; font-weight: bold;"
            " padding: 5px 12px; border-radius: 3px; }"
            "QPushButton:hover { background-color: #3b82c8; }"
            "QPushButton:disabled { background-color: #6d7782; color: #d0d4d8; }"
        )
    return made


def row(*widgets: QWidget | int, spacing: int = 6) -> QWidget:
    """Put widgets beside each other; a number is a stretch."""
    made = QWidget()
    layout = QHBoxLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for widget in widgets:
        if isinstance(widget, int):
            layout.addStretch(widget)
        else:
            layout.addWidget(widget)
    return made
