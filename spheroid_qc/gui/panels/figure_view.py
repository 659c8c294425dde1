"""A figure in a panel: drawn in a thread, in the size and the theme of the moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from spheroid_qc.gui.background_threads import in_background, rest_timer
from spheroid_qc.gui.figure_theme import DRAWING, in_theme
from spheroid_qc.gui.result_figures import Figure
from spheroid_qc.gui.well_colours import is_dark, tone
from spheroid_qc.report.palette import PALETTE

_DPI = 84
_REST_MS = 150
_TOP = 16
"""Room above an Axes without a title."""


@dataclass(frozen=True)
class _WantedFigure:
    """What is to be drawn: size in pixels of the panel, `ratio` of the screen's to these."""

    figure: Figure
    width: int
    height: int
    ratio: float
    dark: bool


@dataclass(frozen=True)
class _Drawn:
    """What was drawn: the Axes, which knows where its data lie, and the picture."""

    wanted: _WantedFigure
    axes: Any
    image: QImage


class FigureView(QWidget):
    """Shows a figure; `pressed` gives the place of a click in the data of its `axes`.

    Drawing takes some tenths of a second, in which the window must not stand still: a thread draws,
    and what was shown before stays until it is done. `axes` belongs to what is shown; None while
    there is nothing, or nothing yet.
    """

    pressed = Signal(float, float)

    def __init__(self, height: int = 300) -> None:
        super().__init__()
        self.setMinimumSize(200, height)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._figure: Figure | None = None
        self._drawn: _Drawn | None = None
        self._drawing: _WantedFigure | None = None
        self._resized = rest_timer(self, _REST_MS, self.redraw)

    @property
    def axes(self) -> Any:
        """The Axes of the figure that is asked for, once it is drawn."""
        drawn = self._drawn
        return drawn.axes if drawn is not None and drawn.wanted.figure is self._figure else None

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(340, self.minimumHeight())

    def show_figure(self, figure: Figure | None) -> None:
        """Draw a figure; None: an empty sheet."""
        self._figure = figure
        self.redraw()

    def redraw(self) -> None:
        """Draw the figure in the size and the theme of this moment."""
        if self._figure is None:
            self._drawn = None
            self.update()
            return
        wanted = _WantedFigure(
            self._figure, max(1, self.width()), max(1, self.height()),
            self.devicePixelRatioF(), is_dark(),
        )  # fmt: skip
        # One at a time: the next begins when this one is done, with what is wanted by then.
        if self._drawing is None and (self._drawn is None or self._drawn.wanted != wanted):
            self._drawing = wanted
            in_background(self, _draw, wanted, done=self._show, finished=self._next)

    def _show(self, drawn: _Drawn) -> None:
        if self._figure is not None:
            self._drawn = drawn
            self.update()

    def _next(self) -> None:
        failed = self._drawing is not None and (
            self._drawn is None or self._drawn.wanted is not self._drawing
        )
        self._drawing = None
        if not failed:
            self.redraw()

    def resizeEvent(self, event) -> None:  # type: ignore[no-untyped-def]  # noqa: D102
        super().resizeEvent(event)
        # Not at every step while a person drags the edge of the panel.
        self._resized.start()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: D102
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(tone("paper", is_dark())))
        if self._drawn is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(QRectF(self.rect()), self._drawn.image)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: D102
        axes, drawn = self.axes, self._drawn
        if event is None or axes is None or drawn is None:
            return
        ratio = drawn.wanted.ratio
        # The picture is as large as the panel, whatever size it was drawn in.
        x = event.position().x() / max(1, self.width()) * drawn.wanted.width * ratio
        y = (1 - event.position().y() / max(1, self.height())) * drawn.wanted.height * ratio
        if axes.bbox.contains(x, y) and event.button() == Qt.MouseButton.LeftButton:
            self.pressed.emit(
                *(float(value) for value in axes.transData.inverted().transform((x, y)))
            )


def _draw(wanted: _WantedFigure) -> _Drawn:
    """Draw a figure; in a thread."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as MatplotlibFigure

    figure, width, height = wanted.figure, wanted.width, wanted.height
    with DRAWING:
        dpi = _DPI * wanted.ratio
        made = MatplotlibFigure(
            figsize=(width / _DPI, height / _DPI), dpi=dpi,
            facecolor=PALETTE["paper"][int(wanted.dark)],
        )  # fmt: skip
        canvas: Any = FigureCanvasAgg(made)
        left, right, bottom, _ = (_DPI / 72 * margin for margin in figure.margins)
        top, draw = float(_TOP), figure.draw
        if figure.narrow is not None:
            left, right = (_DPI / 72 * side for side in figure.narrow_sides)
            draw = figure.narrow
        # A narrow panel has less room for the names at the ends of the lines.
        left, right = min(left, 0.47 * width), min(right, 0.42 * width)
        axes = made.add_axes(
            (left / width, bottom / height, max(0.2, 1 - (left + right) / width),
             max(0.2, 1 - (bottom + top) / height))
        )  # fmt: skip
        draw(axes)
        # What it is stands in the lists above it, which leaves more room than a title.
        axes.set_title("", loc="left")
        in_theme(made, dark=wanted.dark)
        canvas.draw()
        pixels = canvas.buffer_rgba()
        rows, columns = pixels.shape[:2]
        image = QImage(pixels, columns, rows, 4 * columns, QImage.Format.Format_RGBA8888).copy()
    return _Drawn(wanted, axes, image)
