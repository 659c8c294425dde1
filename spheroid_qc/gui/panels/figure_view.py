"""A figure in a panel: drawn by the helper process, in the size and the theme of the moment."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from spheroid_qc.gui.background_threads import in_process, rest_timer
from spheroid_qc.gui.figure_theme import DrawnFigure, Place, pixels_of_figure
from spheroid_qc.gui.result_figures import Figure
from spheroid_qc.gui.well_colours import is_dark, tone

_FADE_MS, _SHADOW = 400, 0.2
_REST_MS = 150


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
    """What was drawn: where its data lie, and the picture."""

    wanted: _WantedFigure
    place: Place | None
    image: QImage


class FigureView(QWidget):
    """Shows a figure; `pressed` gives the place of a click in its data, where its axes are linear.

    Drawing takes some tenths of a second, in which the window must not stand still: what was shown
    before stays until it is done, but as a shadow where that takes longer: beside it stands already
    what another figure shows. `place` belongs to what is shown; None while there is nothing, or
    nothing yet.
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
        self._fading = rest_timer(self, _FADE_MS, self.update)

    @property
    def is_drawn(self) -> bool:
        """Whether the figure that was asked for is on the screen."""
        return self._drawn is not None and self._drawn.wanted.figure is self._figure

    @property
    def place(self) -> Place | None:
        """Where the data of the figure lie that was asked for, once it is drawn."""
        return self._drawn.place if self._drawn is not None and self.is_drawn else None

    @property
    def is_of_another(self) -> bool:
        """Whether another figure than the one that was asked for has stood for too long."""
        return self._drawn is not None and not self.is_drawn and not self._fading.isActive()

    @property
    def is_late(self) -> bool:
        """Whether the figure that was asked for has been waited for too long; the first one too."""
        return self._figure is not None and not self.is_drawn and not self._fading.isActive()

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(340, self.minimumHeight())

    def show_figure(self, figure: Figure | None) -> None:
        """Draw a figure; None: an empty sheet."""
        if figure is not self._figure:
            self._fading.start()
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
            in_process(
                self, pixels_of_figure, self._figure, wanted.width, wanted.height, wanted.ratio,
                wanted.dark, done=self._show, finished=self._next,
            )  # fmt: skip

    def _show(self, drawn: DrawnFigure) -> None:
        wanted = self._drawing
        if self._figure is not None and wanted is not None:
            image = QImage(
                drawn.rgba, drawn.width, drawn.height, 4 * drawn.width,
                QImage.Format.Format_RGBA8888,
            )  # fmt: skip
            # A copy: the image only borrows its bytes.
            self._drawn = _Drawn(wanted, drawn.place, image.copy())
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
            painter.setOpacity(_SHADOW if self.is_of_another else 1.0)
            painter.drawImage(QRectF(self.rect()), self._drawn.image)
        if self.is_late:
            painter.setOpacity(1.0)
            painter.setPen(QColor(tone("ink", is_dark())))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "Drawing …")
        painter.end()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: D102
        place = self.place
        if event is None or place is None or event.button() != Qt.MouseButton.LeftButton:
            return
        # The picture is as large as the panel, whatever size it was drawn in.
        x = event.position().x() / max(1, self.width()) * place.size[0]
        y = (1 - event.position().y() / max(1, self.height())) * place.size[1]
        data = place.data_at(x, y)
        if data is not None:
            self.pressed.emit(*data)
