"""Rows of pictures on a sheet: outlines, hours, titles and a scale bar, on screen and in a file."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QFont, QImage, QPainter, QPainterPath, QPen

from spheroid_qc.gui.state.well_pictures import PictureRow
from spheroid_qc.gui.well_colours import CORE, SHED, tone
from spheroid_qc.report.film_strips import GRID, Strip

_GAP, _TITLE, _HEAD = 3, 16, 16
_LENGTHS = (5000, 2000, 1000, 500, 200, 100, 50, 20, 10, 5, 2, 1)
_NUMBER = re.compile(r"-?\d+")


def draw_sheet(
    rows: Sequence[PictureRow], px: int, *, outlines: bool, dark: bool, scale: int = 1,
    columns: int = 1,
) -> QImage:  # fmt: skip
    """Draw rows below each other, or as many beside each other as `columns` says.

    `px` is the side of a picture on the sheet; `scale` pixels of the file to one of the sheet.
    """
    across = max((len(row.hours) for row in rows), default=1)
    block = across * (px + _GAP)
    lines = -(-len(rows) // columns)
    tall = _TITLE + px + _GAP
    width, height = columns * block + _GAP, _HEAD + lines * tall + 26
    sheet = QImage(width * scale, height * scale, QImage.Format.Format_RGB32)
    sheet.fill(QColor(tone("paper", dark)))
    painter = QPainter(sheet)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.scale(scale, scale)
    font = QFont(painter.font())
    font.setPixelSize(11)
    painter.setFont(font)
    ink, muted = QColor(tone("ink", dark)), QColor(tone("muted", dark))
    for n, row in enumerate(rows):
        x0 = float((n % columns) * block)
        y0 = float(_HEAD + (n // columns) * tall)
        if n < columns:
            painter.setPen(muted)
            for k, hours in enumerate(row.hours):
                place = QRectF(x0 + k * (px + _GAP), 0, px, _HEAD)
                painter.drawText(place, Qt.AlignmentFlag.AlignCenter, f"{hours:g} h")
        painter.setPen(ink)
        title = painter.fontMetrics().elidedText(
            row.title, Qt.TextElideMode.ElideMiddle, int(block - 4)
        )
        painter.drawText(QRectF(x0 + 2, y0, block, _TITLE), Qt.AlignmentFlag.AlignVCenter, title)
        _draw_strip(painter, row.strip, x0, y0 + _TITLE, px, outlines=outlines, muted=muted)
    known = [row.strip.um_per_px * row.strip.px for row in rows if row.strip.um_per_px]
    if known:
        _scale_bar(painter, known[0] / px, px / 2, height - 22, ink)
    painter.end()
    return sheet


def draw_frame(strip: Strip, *, outlines: bool) -> QImage:
    """Draw one frame as it is, with outlines and a scale bar in the picture."""
    px = strip.px
    sheet = QImage(px, px, QImage.Format.Format_RGB32)
    sheet.fill(QColor("black"))
    painter = QPainter(sheet)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _draw_strip(painter, strip, 0, 0, px, outlines=outlines, muted=QColor("#888888"))
    if strip.um_per_px:
        length = _bar_length(strip.um_per_px, px / 4) / strip.um_per_px
        painter.fillRect(QRectF(0, px - 44, length + 130, 44), QColor(0, 0, 0, 110))
        font = QFont(painter.font())
        font.setPixelSize(20)
        painter.setFont(font)
        _scale_bar(painter, strip.um_per_px, px / 4, px - 36, QColor("white"), 12)
    painter.end()
    return sheet


def _draw_strip(
    painter: QPainter, strip: Strip, x0: float, y0: float, px: int, *, outlines: bool,
    muted: QColor,
) -> None:  # fmt: skip
    pictures = QImage()
    if strip.uri:
        pictures.loadFromData(base64.b64decode(strip.uri.partition(",")[2]), "JPEG")
    for k, there in enumerate(strip.shown):
        box = QRectF(x0 + k * (px + _GAP), y0, px, px)
        if not there:
            painter.setPen(muted)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "no image")
            continue
        painter.drawImage(box, pictures, QRectF(k * strip.px, 0, strip.px, strip.px))
        if not outlines:
            continue
        painter.save()
        painter.setClipRect(box)
        painter.translate(box.topLeft())
        painter.scale(px / strip.px / GRID, px / strip.px / GRID)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for path, colour in ((strip.shed[k], SHED), (strip.core[k], CORE)):
            pen = QPen(QColor(colour), max(1.4, px / 500))
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawPath(painter_path(path))
        painter.restore()


def painter_path(path: str) -> QPainterPath:
    """Read the outline of a strip (`M x y l dx dy ... z`, whole steps) for a painter."""
    made = QPainterPath()
    for part in filter(None, path.split("z")):
        numbers = [int(n) for n in _NUMBER.findall(part)]
        x, y = numbers[:2]
        made.moveTo(QPointF(x, y))
        for dx, dy in zip(numbers[2::2], numbers[3::2], strict=False):
            x, y = x + dx, y + dy
            made.lineTo(QPointF(x, y))
        made.closeSubpath()
    return made


def _bar_length(um_per_px: float, room: float) -> int:
    """Choose a round length that fits into so many pixels."""
    return next((n for n in _LENGTHS if n / um_per_px <= room), 1)


def _scale_bar(
    painter: QPainter, um_per_px: float, room: float, top: float, ink: QColor, left: float = 4
) -> None:
    """Draw a round length that fits into `room` pixels, and write it beside."""
    length = _bar_length(um_per_px, room)
    painter.fillRect(QRectF(left, top + 8, length / um_per_px, 3), ink)
    painter.setPen(ink)
    place = QRectF(left + length / um_per_px + 6, top - 4, 160, 28)
    painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, f"{length} µm")
