"""A plate to click on: wells as circles, selected by dragging, coloured by whoever shows them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QBrush, QColor, QFont, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from spheroid_qc.gui.well_colours import is_dark, tone
from spheroid_qc.wells import PLATE_FORMATS, row_column, row_name, well_name

_MARGIN_LEFT, _MARGIN_TOP = 20, 17
_WIDEST_WELL = 56.0
"""A plate of few wells need not fill a panel; what stands below it is to be seen as well."""


@dataclass(frozen=True)
class Face:
    """How one well looks: its fill (None: hollow), a sign on it such as `×`, and a tip.

    `faint`: a well without an image is drawn thin; `hatched`: one with an image and no value.
    """

    colour: str | None = None
    mark: str = ""
    tip: str = ""
    faint: bool = False
    hatched: bool = False


class PlateGrid(QWidget):
    """A clickable plate: a single well was `clicked`, or the selection of wells changed."""

    clicked = Signal(str)
    selection_changed = Signal()

    def __init__(self, *, selectable: bool = False, on_paper: bool = False) -> None:
        super().__init__()
        # The ground on which the lowest step of a ramp shows; a theme's own may be as dark.
        self._on_paper = on_paper
        self._count = 96
        self._of: Hashable = None
        self._faces: dict[str, Face] = {}
        self._selectable = selectable
        self.selected: tuple[str, ...] = ()
        self.current = ""
        self._from: QPointF | None = None
        self._to: QPointF | None = None
        self._before: tuple[str, ...] = ()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("plate")

    # what is shown

    def set_plate(self, well_count: int, faces: Mapping[str, Face], of: Hashable = None) -> None:
        """Show a plate; what is selected and marked belongs to the one plate that `of` names."""
        another = of != self._of
        self._of = of
        if well_count != self._count:
            self._count = well_count
            self.updateGeometry()
        rows, columns = self.shape_of_plate
        self._faces = dict(faces)
        if another:
            self.current = ""
            self._from = self._to = None
        # Nothing that can't be seen is selected.
        self.select(
            well
            for well in (() if another else self.selected)
            if (place := row_column(well))[0] < rows and place[1] < columns
        )
        self.update()

    def face(self, well: str) -> Face:
        """How a well looks now."""
        return self._faces.get(well, Face(faint=True))

    def set_current(self, well: str) -> None:
        """Mark the well that is looked at."""
        if well != self.current:
            self.current = well
            self.update()

    def select(self, wells: Iterable[str]) -> None:
        """Select wells, in the order of the plate."""
        chosen = tuple(sorted(set(wells), key=row_column))
        if chosen != self.selected:
            self.selected = chosen
            self.selection_changed.emit()
            self.update()

    # geometry

    @property
    def shape_of_plate(self) -> tuple[int, int]:
        """Rows and columns."""
        return PLATE_FORMATS[self._count]

    def hasHeightForWidth(self) -> bool:  # noqa: D102
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: D102
        rows, columns = self.shape_of_plate
        pitch = min(_WIDEST_WELL, (width - _MARGIN_LEFT - 4) / columns)
        return int(_MARGIN_TOP + pitch * rows + 4)

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(400, self.heightForWidth(400))

    def minimumSizeHint(self) -> QSize:  # noqa: D102
        return QSize(300, self.heightForWidth(300))

    def _pitch(self) -> float:
        rows, columns = self.shape_of_plate
        return min(
            (self.width() - _MARGIN_LEFT - 4) / columns, (self.height() - _MARGIN_TOP - 2) / rows,
            _WIDEST_WELL,
        )  # fmt: skip

    def box_of(self, well: str) -> QRectF:
        """Square of a well in the widget."""
        y, x = row_column(well)
        pitch = self._pitch()
        return QRectF(_MARGIN_LEFT + x * pitch, _MARGIN_TOP + y * pitch, pitch, pitch)

    def well_at(self, place: QPointF) -> str:
        """Well at a place in the widget; empty beside the plate."""
        rows, columns = self.shape_of_plate
        pitch = self._pitch()
        x, y = (place.x() - _MARGIN_LEFT) / pitch, (place.y() - _MARGIN_TOP) / pitch
        return well_name(int(y), int(x)) if 0 <= x < columns and 0 <= y < rows else ""

    def _within(self, a: QPointF, b: QPointF) -> list[str]:
        """Wells that a dragged rectangle touches; on the letters or numbers: whole lines."""
        rows, columns = self.shape_of_plate
        pitch = self._pitch()
        left, right = sorted((a.x(), b.x()))
        top, bottom = sorted((a.y(), b.y()))
        if right < _MARGIN_LEFT:
            left, right = 0.0, float(self.width())
        if bottom < _MARGIN_TOP:
            top, bottom = 0.0, float(self.height())
        xs = range(
            max(0, int((left - _MARGIN_LEFT) / pitch)),
            min(columns, int((right - _MARGIN_LEFT) / pitch) + 1),
        )
        ys = range(
            max(0, int((top - _MARGIN_TOP) / pitch)),
            min(rows, int((bottom - _MARGIN_TOP) / pitch) + 1),
        )
        return [well_name(y, x) for y in ys for x in xs]

    # pointer and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._from = self._to = event.position()
        more = event.modifiers() & (
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        )
        self._before = self.selected if more else ()
        self._drag()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if self._from is not None:
            self._to = event.position()
            self._drag()
            return
        well = self.well_at(event.position())
        tip = self._faces[well].tip if well in self._faces else ""
        if well:
            QToolTip.showText(event.globalPosition().toPoint(), tip or well, self)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if self._from is None:
            return
        started, self._from, self._to = self._from, None, None
        well = self.well_at(event.position())
        if well and well == self.well_at(started):
            self.clicked.emit(well)
        self.update()

    def _drag(self) -> None:
        if self._selectable and self._from is not None and self._to is not None:
            self.select([*self._before, *self._within(self._from, self._to)])
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        steps = {
            Qt.Key.Key_Left: (0, -1),
            Qt.Key.Key_Right: (0, 1),
            Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
        }
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        rows, columns = self.shape_of_plate
        y, x = row_column(self.current) if self.current else (-step[0], -step[1])
        y, x = y + step[0], x + step[1]
        if 0 <= y < rows and 0 <= x < columns:
            well = well_name(y, x)
            if self._selectable:
                self.select([well])
            self.clicked.emit(well)

    def changeEvent(self, event: QEvent) -> None:  # noqa: D102
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.PaletteChange):
            self.update()
        super().changeEvent(event)

    # drawing

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        dark = is_dark()
        ink, muted, line = (QColor(tone(name, dark)) for name in ("ink", "muted", "line"))
        rows, columns = self.shape_of_plate
        pitch = self._pitch()
        painter = QPainter(self)
        if self._on_paper:
            painter.fillRect(self.rect(), QColor(tone("paper", dark)))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(self.font())
        font.setPixelSize(int(max(7, min(11, pitch * 0.55))))
        painter.setFont(font)
        painter.setPen(muted)
        each = 1 if pitch > 14 else 2
        for x in range(0, columns, each):
            box = QRectF(_MARGIN_LEFT + x * pitch - 4, 0, pitch + 8, _MARGIN_TOP - 2)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(x + 1))
        for y in range(0, rows, each):
            box = QRectF(0, _MARGIN_TOP + y * pitch - 4, _MARGIN_LEFT - 4, pitch + 8)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, row_name(y))
        gap = max(0.8, pitch * 0.07)
        for y in range(rows):
            for x in range(columns):
                well = well_name(y, x)
                face = self.face(well)
                box = QRectF(
                    _MARGIN_LEFT + x * pitch + gap, _MARGIN_TOP + y * pitch + gap,
                    pitch - 2 * gap, pitch - 2 * gap,
                )  # fmt: skip
                painter.setBrush(
                    QColor(face.colour) if face.colour
                    else QBrush(muted, Qt.BrushStyle.BDiagPattern) if face.hatched
                    else Qt.BrushStyle.NoBrush
                )  # fmt: skip
                pen = QPen(line if face.faint else muted, 1.0)
                if face.faint or face.hatched:
                    pen.setStyle(Qt.PenStyle.DotLine)
                painter.setPen(pen)
                painter.drawEllipse(box)
                if face.mark:
                    painter.setPen(_ink_on(face.colour, ink))
                    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, face.mark)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for well in self.selected if self._selectable else ():
            painter.setPen(QPen(QColor("#3b82c8"), 2))
            painter.drawRoundedRect(self.box_of(well).adjusted(1, 1, -1, -1), 3, 3)
        if self.current:
            painter.setPen(QPen(ink, 2))
            painter.drawEllipse(self.box_of(self.current).adjusted(1, 1, -1, -1))
        if self._selectable and self._from is not None and self._to is not None:
            painter.setPen(QPen(QColor("#3b82c8"), 1, Qt.PenStyle.DashLine))
            painter.drawRect(QRectF(self._from, self._to).normalized())
        painter.end()


def _ink_on(colour: str | None, ink: QColor) -> QColor:
    """Ink that can be read on a fill."""
    if colour is None:
        return ink
    return QColor("#16191d") if QColor(colour).lightnessF() > 0.5 else QColor("#fffffe")
