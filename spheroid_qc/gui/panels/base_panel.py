"""What all panels share: a column that scrolls, a foot that stands, notices, safe listening."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from html import escape
from inspect import signature
from pathlib import Path
from typing import Any

import napari.viewer
from qtpy.QtCore import QEvent, QObject, QSignalBlocker, QSize, Qt, QTimer
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QScrollBar,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QTabBar,
    QToolTip,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible, QFlowLayout

from spheroid_qc.gui.background_threads import alive, rest_timer
from spheroid_qc.gui.background_threads import in_turn as take_turn
from spheroid_qc.gui.state.session import Session, session_of
from spheroid_qc.gui.well_colours import quiet_colour

QWIDGETSIZE_MAX = 2**24 - 1  # Qt's own limit, which its Python names don't have
PANEL_WIDTH = 380
"""Beside it a micrograph still has most of a screen of 1366 pixels with napari's own docks open."""

_TURNED_BY_THE_WHEEL = (QAbstractSpinBox, QComboBox, QAbstractSlider, QTabBar)
_LONG_WORD = 24
_CHOICE_MARGIN = 8
"""Pixels that styles keep clear beside the name in a list."""

_NOTICE_COLOURS = {"error": "208, 69, 58", "warning": "217, 138, 43", "info": "74, 138, 202"}


class _WheelScrolls(QObject):
    """Lets the wheel scroll the panel and never turn what lies under the pointer."""

    def __init__(self, panel: QWidget, area: QScrollArea) -> None:
        super().__init__(panel)
        self._bar = area.verticalScrollBar()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is None or event.type() != QEvent.Type.Wheel:
            return False
        QApplication.sendEvent(self._bar, event)
        return True


class WrappedLabel(QLabel):
    """Lines that wrap at any width: a long word makes no panel wider."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)

    def minimumSizeHint(self) -> QSize:  # noqa: D102
        return QSize(0, super().minimumSizeHint().height())


class _Legible(QObject):
    """Keeps what stands in empty fields legible; a theme makes it half transparent each time."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        if event is not None and event.type() in (QEvent.Type.Polish, QEvent.Type.StyleChange):
            self.redo(watched)
        return False

    def redo(self, line: Any) -> None:
        """Set the colour of one field."""
        palette = line.palette()
        palette.setColor(QPalette.ColorRole.PlaceholderText, QColor(quiet_colour()))
        line.setPalette(palette)


class Notice(WrappedLabel):
    """A sentence that stands until it is answered, as an `error`, a `warning` or an `info`."""

    def __init__(self) -> None:
        super().__init__()
        self.severity = ""
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setVisible(False)

    def say(self, text: str, severity: str = "info") -> None:
        """Say something; nothing: the notice goes."""
        if severity != self.severity:
            self.severity = severity
            # A tint over whatever lies below shows on dark and light themes alike.
            rgb = _NOTICE_COLOURS[severity]
            self.setStyleSheet(
                f"Notice {{ background-color: rgba({rgb}, 45); padding: 5px 7px;"
                f" border-left: 3px solid rgb({rgb}); }}"
            )
        self.setText(breakable(text))
        self.setVisible(bool(text))


class BasePanel(QWidget):
    """A dock widget: one column, scrolling where the screen is small, on a foot that stands still.

    `say` writes into the panel's one place for messages, above the foot.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self.viewer = getattr(viewer, "__wrapped__", viewer)
        self.session: Session = session_of(self.viewer)
        self._docked = False
        self._front = rest_timer(self, 0, self._look)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self._wheel = _WheelScrolls(self, self.area)
        self._legible = _Legible(self)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.inside = QWidget()
        self.column = QVBoxLayout(self.inside)
        self.column.setContentsMargins(10, 8, 10, 8)
        self.column.setSpacing(6)
        self.area.setWidget(self.inside)
        outer.addWidget(self.area, 1)
        self.message = Notice()
        self.foot = QWidget()
        self._foot_column = QVBoxLayout(self.foot)
        self._foot_column.setContentsMargins(10, 4, 10, 6)
        self._foot_column.setSpacing(5)
        self._foot_column.addWidget(self.message)
        outer.addWidget(self.foot)
        self.setMinimumWidth(PANEL_WIDTH)
        follow_theme(self, self.restyle)
        self._said_of: Path | None = None
        self.listen(self.session.opened_changed, to=self._forget_message)

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(430, 640)

    def restyle(self) -> None:
        """Draw in the colours of the theme that was chosen just now."""
        for widget in (self, *self.findChildren(QWidget)):
            redraw = getattr(widget, "redraw", None)
            if redraw is not None:
                redraw()
            widget.update()

    def say(self, text: str, severity: str = "info") -> None:
        """Write into the panel's place for messages; nothing: clear it."""
        self.message.say(text, severity)
        self._said_of = None if self.session.opened is None else self.session.opened.out

    def _forget_message(self) -> None:
        """Clear what was said of another plate."""
        if self.session.opened is not None and self.session.opened.out != self._said_of:
            self.say("")

    def listen(self, *signals: Any, to: Callable[..., None], in_turn: bool = False) -> None:
        """Call a method when a signal of the session comes, as long as the panel lives.

        `in_turn`: soon after it, without its values: not all panels hold the window at once.
        """
        taken = len(signature(to).parameters)
        # The session must not keep a closed panel, and with it the viewer, alive.
        held, owner = weakref.WeakMethod(to), weakref.ref(self)

        def call(*values: Any) -> None:
            found, panel = held(), owner()
            if found is not None and panel is not None and alive(panel):
                if in_turn:
                    take_turn(found)
                else:
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
        self.still()

    def add_foot(self, *widgets: QWidget) -> None:
        """Put widgets into the foot, which is always seen and never moves."""
        for widget in widgets:
            self._foot_column.addWidget(widget)
        self.still()

    def still(self) -> None:
        """See to it that the wheel scrolls, and changes nothing that lies under the pointer.

        And that what stands in empty fields can be read.
        """
        for line in self.findChildren(QLineEdit):
            line.removeEventFilter(self._legible)
            line.installEventFilter(self._legible)
            self._legible.redo(line)
        for kind in _TURNED_BY_THE_WHEEL:
            for widget in self.findChildren(kind):
                if not isinstance(widget, QScrollBar):
                    widget.removeEventFilter(self._wheel)
                    widget.installEventFilter(self._wheel)
                    if widget.focusPolicy() == Qt.FocusPolicy.WheelFocus:
                        widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def showEvent(self, event) -> None:  # type: ignore[no-untyped-def]  # noqa: D102
        super().showEvent(event)
        self._front.start()
        if not self._docked:
            self._docked = True
            # Where it was put by whoever opened it is known once that is done.
            rest_timer(self, 0, self._join_the_others).start()

    @property
    def is_behind(self) -> bool:
        """Whether other panels lie over this one, which Qt does not call hidden."""
        return self.isVisible() and self.visibleRegion().isEmpty()

    def came_to_front(self) -> None:
        """Do what waited until somebody looks at the panel."""

    def _look(self) -> None:
        if not self.is_behind:
            self.came_to_front()

    def _on_visible(self, visible: bool) -> None:
        if visible and alive(self):
            # The dock has yet to move to where it is seen.
            self._front.start()

    def _join_the_others(self) -> None:
        """Lie as a tab with the panels that are docked already, whatever menu opened this one."""
        mine = _dock_of(self)
        if mine is not None:
            mine.visibilityChanged.connect(self._on_visible)
        window = self.viewer.window._qt_window if mine is not None else None
        if mine is None or window is None or mine.isFloating():
            return
        area = window.dockWidgetArea(mine)
        docks = [
            dock
            for dock in window.findChildren(QDockWidget)
            if dock.findChild(BasePanel) is not None
            and not dock.isFloating()
            and window.dockWidgetArea(dock) == area
        ]
        # All join the one that was there first, which stays where it is.
        first = docks[0] if docks else mine
        if first is not mine and first not in window.tabifiedDockWidgets(mine):
            window.tabifyDockWidget(first, mine)
            mine.raise_()


def _dock_of(widget: QWidget) -> QDockWidget | None:
    found: Any = widget.parentWidget()
    while found is not None and not isinstance(found, QDockWidget):
        found = found.parentWidget()
    return found


def follow_theme(owner: QObject, redraw: Callable[[], None]) -> None:
    """Call a bound method once another theme has been chosen and is in place."""
    from napari.settings import get_settings

    held, events = weakref.WeakMethod(redraw), get_settings().appearance.events

    def later() -> None:
        method = held()
        if method is not None and alive(owner):
            method()

    def changed(event: Any = None) -> None:
        if held() is None or not alive(owner):
            events.theme.disconnect(changed)
        else:
            # The settings tell before the window has its new style.
            QTimer.singleShot(0, later)

    events.theme.connect(changed)


def breakable(text: str) -> str:
    """Let a line break inside of very long words, such as paths and names of files."""
    words = (
        "".join(c + "\u200b" * (c in "_-./\\") for c in word) if len(word) > _LONG_WORD else word
        for word in text.split(" ")
    )
    return " ".join(words)


class Fold(QCollapsible):
    """A part of a panel that folds away under its title."""

    def __init__(self, title: str, *widgets: QWidget, opened: bool = False) -> None:
        super().__init__(title)
        # An animation would end at the height that the content had before it was shown.
        self.setDuration(0)
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
    label = WrappedLabel(text)
    if not text:  # one that is shown before it has a place would be a window of its own
        label.setVisible(False)
    return label


def show_hint(label: QLabel, text: str) -> None:
    """Write a hint, and hide it where there is nothing to say."""
    label.setText(breakable(text))
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
        set_primary(made, True)
    return made


def set_primary(made: QPushButton, primary: bool) -> None:
    """Make a button the one that leads on, or one like any other."""
    style = (
        "QPushButton { background-color: #2f6fb0; color: white; font-weight: bold;"
        " padding: 5px 12px; border-radius: 3px; }"
        "QPushButton:hover { background-color: #3b82c8; }"
        "QPushButton:disabled { background-color: #6d7782; color: #d0d4d8; }"
        if primary
        else ""
    )
    if made.styleSheet() != style:  # Qt styles anew even where nothing changes
        made.setStyleSheet(style)


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


def flow(*widgets: QWidget, spacing: int = 5) -> QWidget:
    """Put widgets beside each other, in a second line where the first is full."""
    made = QWidget()
    layout = QFlowLayout(made)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setHorizontalSpacing(spacing)
    layout.setVerticalSpacing(4)
    for widget in widgets:
        layout.addWidget(widget)
    return made


class LongChoice(QComboBox):
    """A list of long names: what does not fit lacks its middle, for names differ in their ends."""

    def __init__(self) -> None:
        super().__init__()
        self.view().setTextElideMode(Qt.TextElideMode.ElideMiddle)

    def event(self, event) -> bool:  # type: ignore[no-untyped-def]  # noqa: D102
        if event.type() == QEvent.Type.ToolTip and self.shown_text() != self.currentText():
            # What is left out is what tells this name from another.
            told = "\n\n".join(filter(None, (self.currentText(), self.toolTip())))
            QToolTip.showText(event.globalPos(), told, self)
            return True
        return bool(super().event(event))

    def shown_text(self) -> str:
        """Give the chosen name as it is drawn."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        field = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option,
            QStyle.SubControl.SC_ComboBoxEditField, self,
        )  # fmt: skip
        return option.fontMetrics.elidedText(
            option.currentText, Qt.TextElideMode.ElideMiddle, field.width() - _CHOICE_MARGIN
        )

    def paintEvent(self, event) -> None:  # type: ignore[no-untyped-def]  # noqa: D102
        option, painter = QStyleOptionComboBox(), QStylePainter(self)
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        option.currentText = self.shown_text()
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()


def long_choice(letters: int = 12) -> LongChoice:
    """Make a list of long names that needs no more room than this many letters."""
    choice = LongChoice()
    choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    choice.setMinimumContentsLength(letters)
    choice.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
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
