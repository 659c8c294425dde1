"""What all panels share: a column that scrolls, parts that fold away, hints, safe listening."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from html import escape
from inspect import signature
from typing import Any

import napari.viewer
from qtpy.QtCore import QSignalBlocker, QSize, Qt
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from spheroid_qc.gui.background_threads import alive
from spheroid_qc.gui.state.session import Session, session_of

WARNING_STYLE = "color: #e09a4f;"
QWIDGETSIZE_MAX = 2**24 - 1  # Qt's own limit, which its Python names don't have


class BasePanel(QWidget):
    """A dock widget: one column, scrolling where the screen is small."""

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

    def listen(self, *signals: Any, to: Callable[..., None]) -> None:
        """Call a method when a signal of the session comes, as long as the panel lives."""
        taken = len(signature(to).parameters)
        # The session must not keep a closed panel, and with it the viewer, alive.
        held, owner = weakref.WeakMethod(to), weakref.ref(self)

        def call(*values: Any) -> None:
            found, panel = held(), owner()
            if found is not None and panel is not None and alive(panel):
                found(*values[:taken])
            else:
                for signal in signals:
                    signal.disconnect(call, missing_ok=True)

        for signal in signals:
            signal.connect(call, check_nargs=False)

    def add(self, *widgets: QWidget) -> None:
        """Put widgets below each other, from the top."""
        for widget in widgets:
            self.column.addWidget(widget)
        self.column.addStretch(1)


class Fold(QCollapsible):
    """A part of a panel that folds away under its title."""

    def __init__(self, title: str, *widgets: QWidget, opened: bool = False) -> None:
        super().__init__(title)
        # The arrows are pictures, which themes don't reach: a grey that shows on dark and light.
        palette = self.toggleButton().palette()
        palette.setColor(QPalette.ColorRole.WindowText, QColor("#8a939c"))
        self.toggleButton().setPalette(palette)
        self.setExpandedIcon("▼")
        self.setCollapsedIcon("▶")
        self.toggleButton().setStyleSheet(
            "border: none; font-weight: bold; padding: 3px 0; text-align: left;"
            " background: transparent;"
        )
        self.toggleButton().setCursor(Qt.CursorShape.PointingHandCursor)
        # By itself it has no room for lines that wrap, and would cut a text.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.layout().setAlignment(Qt.AlignmentFlag(0))
        self.layout().setContentsMargins(0, 0, 0, 0)
        self.layout().setSpacing(2)
        self.setDuration(0)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(12, 0, 0, 4)
        column.setSpacing(5)
        for widget in widgets:
            column.addWidget(widget)
        self.setContent(inside)
        self.toggled.connect(self._on_toggled)
        (self.expand if opened else self.collapse)(animate=False)

    def _on_toggled(self, opened: bool) -> None:
        # As high as its text needs, which changes; and no key leads into what is folded away.
        self.content().setMaximumHeight(QWIDGETSIZE_MAX)
        self.content().setVisible(opened)


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


def show_hint(label: QLabel, text: str) -> None:
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


def beside(*widgets: QWidget | int, spacing: int = 6) -> QWidget:
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


def long_choice(letters: int) -> QComboBox:
    """Make a list of long names that needs no more room than this many letters."""
    choice = QComboBox()
    choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    choice.setMinimumContentsLength(letters)
    return choice


def fill_choice(choice: QComboBox, names: Iterable[str], values: Iterable[Any] = ()) -> None:
    """Offer other names (and their values), without a signal, at the one that was chosen."""
    names, values, chosen = list(names), list(values), choice.currentText()
    if not values and names == [choice.itemText(n) for n in range(choice.count())]:
        return
    with QSignalBlocker(choice):
        choice.clear()
        choice.addItems(names)
        for number, value in enumerate(values):
            choice.setItemData(number, value)
        if chosen in names:
            choice.setCurrentText(chosen)


def element(tag: str, text: str, style: str = "") -> str:
    """Make an element of rich text for a label; whatever the text holds is shown, not obeyed."""
    return f'<{tag} style="{style}">{escape(text)}</{tag}>'
