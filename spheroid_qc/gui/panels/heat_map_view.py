"""A plate coloured by any metric at any time, with its scale and a slider."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from qtpy.QtCore import QRectF, QSignalBlocker, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFont, QPainter, QPaintEvent
from qtpy.QtWidgets import QLabel, QSizePolicy, QSlider, QVBoxLayout, QWidget

from spheroid_qc.analysis.metric_names import MetricName, metric_of
from spheroid_qc.gui.panels.base_panel import beside, fill_choice, long_choice
from spheroid_qc.gui.panels.plate_grid import Face, PlateGrid
from spheroid_qc.gui.state.shown_names import shown_name
from spheroid_qc.gui.well_colours import is_dark, tone, value_colour
from spheroid_qc.report.figures.plate_figures import colour_scale
from spheroid_qc.report.plate_heat_map import shown_metrics
from spheroid_qc.response.replicates import LEFT_OUT
from spheroid_qc.wording import interval


class HeatMap(QWidget):
    """Shows the table of wells as a plate.

    Signals: a well was `clicked`, at the hours shown; `time_changed` to other hours.
    """

    clicked = Signal(str, float)
    time_changed = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self._wells = pd.DataFrame()
        self._plate = ""
        self._count = 96
        self._imaged: tuple[str, ...] = ()
        self._times: list[float] = []
        self._metrics: list[MetricName] = []
        self.metric_choice = long_choice(14)
        self.metric_choice.setToolTip("What the colours mean.")
        self.metric_choice.currentIndexChanged.connect(self._draw)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setPageStep(1)
        self.slider.valueChanged.connect(self._on_slid)
        self.time_label = QLabel()
        self.time_label.setMinimumWidth(58)
        self.grid = PlateGrid(on_paper=True)
        self.grid.clicked.connect(lambda well: self.clicked.emit(well, self.time_h))
        self.scale = _Scale()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.metric_row = beside(QLabel("Colour by"), self.metric_choice)
        column.addWidget(self.metric_row)
        column.addWidget(self.grid)
        column.addWidget(self.scale)
        self.time_row = beside(QLabel("Time"), self.slider, self.time_label)
        column.addWidget(self.time_row)

    @property
    def time_h(self) -> float:
        """Hours that are shown."""
        return self._times[self.slider.value()] if self._times else 0.0

    @property
    def shown_metric(self) -> MetricName | None:
        """What is shown; `metric` would be what Qt asks of everything that is painted on."""
        at = self.metric_choice.currentIndex()
        return self._metrics[at] if 0 <= at < len(self._metrics) else None

    def show_wells(
        self,
        wells: pd.DataFrame,
        plate: str,
        well_count: int,
        times: list[float],
        imaged: Iterable[str] = (),
    ) -> None:
        """Show a table of wells (`plate, well, time_h`, metrics); perhaps only some of them yet.

        `imaged` wells are drawn as such before anything is known of them.
        """
        self._wells = wells[wells["plate"] == plate] if len(wells) else wells
        self._imaged = tuple(imaged)
        if plate != self._plate:
            self.grid.set_current("")
        self._plate, self._count = plate, well_count
        metrics = shown_metrics(self._wells) if len(self._wells) else []
        for widget in (self.metric_row, self.scale):
            widget.setVisible(bool(metrics))
        if [m.column for m in metrics] != [m.column for m in self._metrics]:
            self._metrics = metrics
            fill_choice(self.metric_choice, [metric.axis for metric in metrics])
        if times != self._times:
            at_end = not self._times or self.slider.value() == len(self._times) - 1
            self._times = times
            with QSignalBlocker(self.slider):
                self.slider.setRange(0, max(0, len(times) - 1))
                if at_end:
                    self.slider.setValue(len(times) - 1)
        self.time_row.setVisible(len(times) > 1 and bool(metrics))
        self._draw()

    def _on_slid(self, *_: object) -> None:
        self._draw()
        self.time_changed.emit(self.time_h)

    def _draw(self, *_: object) -> None:
        self.time_label.setText(f"{self.time_h:g} h")
        metric = self.shown_metric
        faces = {well: Face(tip=f"{well}: not analysed yet", hatched=True) for well in self._imaged}
        wells = self._wells
        if metric is None or not len(wells) or metric.column not in wells:
            self.scale.show_scale(None, 0, 1)
            self.grid.set_plate(self._count, faces)
            return
        low, high = colour_scale(metric.shown(wells[metric.column]), metric)
        now = wells[np.isclose(wells["time_h"].to_numpy(dtype=float), self.time_h)]
        values = metric.shown(now[metric.column]).to_numpy()
        states = now["state"].tolist() if "state" in now else [""] * len(now)
        roles = now["role"].tolist() if "role" in now else [""] * len(now)
        conditions = now["condition"].tolist() if "condition" in now else [""] * len(now)
        doubts = _doubts(now, metric)
        dark = is_dark()
        for well, value, doubt, state, role, condition in zip(
            now["well"], values, doubts, states, roles, conditions, strict=True
        ):
            out = state in LEFT_OUT
            known = bool(np.isfinite(value))
            shown = f"{value:.4g} {metric.unit}".strip() if known else "no value"
            tip = "\n".join(
                str(part)
                for part in (
                    f"{well}: {shown}{doubt}",
                    shown_name(str(condition)),
                    str(state).replace("_", " "),
                )
                if part and part == part and part != "nan"
            )
            mark = "×" if out and role != "blank" else ""
            faces[well] = Face(
                value_colour(float(value), low, high, metric, dark) if known else None,
                mark,
                tip,
                hatched=not known and not mark,
            )
        self.scale.show_scale(metric, low, high)
        self.grid.set_plate(self._count, faces)

    def redraw(self) -> None:
        """Draw in the colours of the theme."""
        self._draw()


def _doubts(now: pd.DataFrame, metric: MetricName) -> list[str]:
    """Interval of each well's value in words, where the metric is measured with one."""
    columns = [f"{metric.column}_{end}" for end in ("low", "high")]
    if any(name not in now for name in columns):
        return [""] * len(now)
    ends = (interval(*pair) for pair in now[columns].itertuples(index=False))
    return [f" ({words})" if words else "" for words in ends]


class _Scale(QWidget):
    """The ramp of a metric with its ends."""

    def __init__(self) -> None:
        super().__init__()
        self._metric: MetricName | None = None
        self._low, self._high = 0.0, 1.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(300, 26)

    def show_scale(self, metric: MetricName | None, low: float, high: float) -> None:
        self._metric, self._low, self._high = metric, low, high
        self.setToolTip("" if metric is None else metric.help or metric.label)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        metric = self._metric or metric_of("disintegration_fraction")
        dark = is_dark()
        painter = QPainter(self)
        left, width = 20.0, self.width() - 24.0
        kind = "d" if metric.diverging else "s"
        for n in range(11):
            colour = QColor(tone(f"{kind}{n}" if self._metric else "nothing", dark))
            painter.fillRect(QRectF(left + n * width / 11, 2, width / 11 + 0.6, 8), colour)
        if self._metric is not None:
            font = QFont(self.font())
            font.setPixelSize(11)
            painter.setFont(font)
            painter.setPen(QColor(tone("muted", dark)))
            box = QRectF(left, 11, width, 14)
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft, f"{self._low:.3g}")
            painter.drawText(box, Qt.AlignmentFlag.AlignRight, f"{self._high:.3g}")
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, "× left out · hatched: no value")
        painter.end()
