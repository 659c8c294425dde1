"""What came out, one line a condition: mean with interval, wells, and a bar of their states."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from spheroid_qc.gui.panels.base_panel import WrappedLabel, element
from spheroid_qc.gui.state.shown_names import shown_name
from spheroid_qc.gui.well_colours import is_dark, tone
from spheroid_qc.report.overview import Line
from spheroid_qc.report.palette import STATES
from spheroid_qc.wording import plural

ANSWER_TO_COME = "The answer is being worked out …"
"""What panels say where there are tables and no answer yet."""

_LINE, _HEAD, _FOOT = 21, 20, 36
"""Heights: of a line besides its name, of the heading, and of what the letters mean."""
_BAR = 0.32
"""Share of the width that the bar of states takes."""


class AnswerTable(QWidget):
    """Draws `Line`s of the report: words and figures above, states of the wells as a bar."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: tuple[Line, ...] = ()
        self._headings: tuple[str, ...] = ()
        self._wanted = ""
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_lines(self, title: str, headings: Sequence[str], lines: Sequence[Line]) -> None:
        """Show other lines."""
        self._wanted, self._headings, self.lines = title, tuple(headings), tuple(lines)
        self.setAccessibleName("; ".join(self._words(line) for line in self.lines))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(320, int(self._tops()[-1]) + _FOOT)

    def minimumSizeHint(self) -> QSize:  # noqa: D102
        return QSize(240, self.sizeHint().height())

    def resizeEvent(self, event) -> None:  # type: ignore[no-untyped-def]  # noqa: D102
        super().resizeEvent(event)
        self.updateGeometry()

    def _font(self, pixels: int) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(pixels)
        return font

    def _left(self) -> float:
        """Width of the words, beside the bar."""
        return self.width() * (1 - _BAR) - 8

    def _tops(self) -> list[float]:
        """Where each line begins, and where the last one ends.

        Names are written in full: two combinations may differ in any part of theirs.
        """
        metrics, room = QFontMetricsF(self._font(12)), QRectF(0, 0, self._left() - 4, 1e4)
        tops = [float(_HEAD)]
        for line in self.lines:
            name = metrics.boundingRect(room, Qt.TextFlag.TextWordWrap, line.title)
            tops.append(tops[-1] + max(17.0, name.height()) + _LINE)
        return tops

    def _words(self, line: Line) -> str:
        states = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in line.states)
        told = [f"{line.title}: {line.shown}" + (f" ({line.bounds})" if line.bounds else "")]
        told += [plural(line.n, "well"), states]
        told += [f"{h}: {c}" for h, c in zip(self._headings, line.cells, strict=False) if c]
        told += [f"left out: {line.left_out}"] if line.left_out else []
        return "\n".join(part for part in told if part)

    def mouseMoveEvent(self, event) -> None:  # type: ignore[no-untyped-def]  # noqa: D102
        at = bisect.bisect_right(self._tops(), event.position().y()) - 1
        if 0 <= at < len(self.lines):
            QToolTip.showText(event.globalPosition().toPoint(), self._words(self.lines[at]), self)

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: D102
        dark = is_dark()
        ink, muted, line_colour = (QColor(tone(n, dark)) for n in ("ink", "muted", "line"))
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        normal, small = self._font(12), self._font(11)
        width = float(self.width())
        bar, left = width * _BAR, self._left()
        tops = self._tops()
        painter.setFont(small)
        painter.setPen(muted)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, 0, width, _HEAD), middle, f"{self._wanted}, states of the wells")
        for line, top, bottom in zip(self.lines, tops, tops[1:], strict=False):
            painter.setPen(QPen(line_colour, 1))
            painter.drawLine(0, int(top), int(width), int(top))
            painter.setPen(ink)
            painter.setFont(normal)
            name = QRectF(0, top + 2, left - 4, bottom - top - _LINE)
            painter.drawText(name, middle | Qt.TextFlag.TextWordWrap, line.title)
            painter.setFont(small)
            painter.setPen(muted)
            told = line.shown + (f"  ({line.bounds})" if line.bounds else "")
            told = f"{told}   n = {line.n}" if line.n else told
            painter.drawText(QRectF(0, bottom - 19, left, 17), middle, told)
            self._bar(painter, line, QRectF(left + 8, top + 8, bar - 2, 20), dark)
        painter.setPen(muted)
        painter.setFont(small)
        below = QRectF(0, tops[-1] + 3, width, _FOOT - 4)
        painter.drawText(below, Qt.TextFlag.TextWordWrap, _legend(self.lines))
        painter.end()

    def _bar(self, painter: QPainter, line: Line, box: QRectF, dark: bool) -> None:
        total = sum(count for _, count in line.states)
        x = box.x()
        for state, count in line.states:
            name, sign = STATES[state]
            colour = QColor(tone(name, dark))
            part = QRectF(x, box.y(), box.width() * count / total, box.height())
            painter.fillRect(part.adjusted(0, 0, -1, 0), colour)
            painter.setPen(QColor("#16191d" if colour.lightnessF() > 0.5 else "#fffffe"))
            if part.width() > 22:
                painter.drawText(part, Qt.AlignmentFlag.AlignCenter, f"{count} {sign}")
            x += part.width()


class VerdictLabel(WrappedLabel):
    """The verdict of a run: each question with its sentences."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setVisible(False)

    def show_verdict(self, verdict: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Show (question, sentences); none: the label goes."""
        parts = []
        for title, said in verdict:
            parts.append(element("div", title, "font-weight:bold; margin-top:6px;"))
            parts += [element("div", f"• {shown_name(sentence)}") for sentence in said]
        self.setText("".join(parts))
        self.setVisible(bool(parts))


def _legend(lines: Sequence[Line]) -> str:
    """Say what the letters in the bars mean."""
    seen = {state for line in lines for state, _ in line.states}
    return "   ".join(f"{STATES[s][1]} {s.replace('_', ' ')}" for s in STATES if s in seen)
