"""Segment and measure any image that is open, with or without a plate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import napari.viewer
import numpy as np
from napari.layers import Image
from napari.qt.threading import create_worker
from napari.utils.notifications import show_info
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QProgressBar,
    QWidget,
)

from spheroid_qc.errors import SpheroidQCError
from spheroid_qc.gui.background_threads import alive, rest_timer, sentence_of
from spheroid_qc.gui.open_and_save import write_or_say
from spheroid_qc.gui.panels.base_panel import (
    BasePanel,
    Fold,
    Notice,
    beside,
    button,
    fill_choice,
    flow,
    hint,
    long_choice,
    show_hint,
)
from spheroid_qc.gui.panels.settings_forms import SectionForm
from spheroid_qc.gui.result_layers import is_output, output_of, overlay_of, show_results
from spheroid_qc.gui.state.lazy_stack import pixels_of
from spheroid_qc.gui.state.one_image import (
    WHOLE,
    FrameAxis,
    FrameResult,
    find_in_frames,
    frame_axes,
    frame_indices,
    pixel_size_of,
)
from spheroid_qc.parameters import (
    Assay,
    MeasurementParameters,
    Parameters,
    SegmentationParameters,
    ZChoice,
)
from spheroid_qc.tables.csv_writer import write_table
from spheroid_qc.wording import interval

_PREVIEW_MS = 250
_PLANES = {
    ZChoice.SHARPEST: "sharpest plane",
    ZChoice.MAX: "brightest value of all planes",
    ZChoice.MIN: "darkest value of all planes",
    ZChoice.MEAN: "mean of all planes",
}


class MeasurePanel(BasePanel):
    """Find core and shed material in an image layer, and measure them."""

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self._worker: Any = None
        self._results: dict[tuple[int, ...], FrameResult] = {}
        self._of: Any = None
        self._source: Image | None = None
        self._preview_due = False
        self._rest = rest_timer(self, _PREVIEW_MS, self._preview)
        self.empty = hint("Open an image first: drop a file on napari, or File > Open Sample.")
        image, run, settings = self._build_image(), self._build_run(), self._build_settings()
        self.body = [*image, *run, *settings]
        self.add(self.empty, *image, *run[1:], *settings)
        self.add_foot(run[0])
        self._connect()
        self._on_parameters()
        self._on_layers()

    def _build_image(self) -> list[QWidget]:
        self.choice = long_choice()
        self.size_label = Notice()
        self.size = QLineEdit()
        self.size.setPlaceholderText("µm a pixel, e.g. 1.3")
        self.size.setMaximumWidth(150)
        self.size.setToolTip("Only for this image; the layer's scale is set to it.")
        self.assay = long_choice()
        self.assay.addItem("single: one spheroid, or what is left of it", Assay.SINGLE.value)
        self.assay.addItem("spheres: many in the field", Assay.SPHERES.value)
        self.planes = long_choice()
        self.planes.addItem("each plane by itself", None)
        for choice, words in _PLANES.items():
            self.planes.addItem(words, choice)
        self.planes.setCurrentIndex(1)
        self.planes.setToolTip("How a focus stack becomes one plane, as in a run of a plate.")
        self.planes_row = beside(QLabel("Focus stack"), self.planes)
        return [
            beside(QLabel("Image"), self.choice),
            self.planes_row,
            self.size_label,
            beside(QLabel("Pixel size (µm)"), self.size, 1),
            beside(QLabel("Assay"), self.assay),
        ]

    def _build_run(self) -> list[QWidget]:
        self.one_button = button("This frame", self.run_frame, "Segment and measure.", primary=True)
        self.all_button = button("All frames", self.run_all, "Every frame of the layer.")
        self.cancel_button = button("Cancel", self.cancel)
        self.cancel_button.setVisible(False)
        self.live = QCheckBox("Live preview of the frame that is shown")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.bar.setVisible(False)
        self.answer = hint()
        self.table_button = button(
            "Show table", self.show_table, "napari's table of features: sort, select, copy."
        )
        self.save_button = button("Save table…", self.save_as, "CSV, one row a spheroid and frame.")
        self.again_button = button(
            "Measure painted masks", self.run_painted,
            "Measure the masks as they are now, after painting; nothing is segmented.",
        )  # fmt: skip
        return [
            flow(self.one_button, self.all_button, self.cancel_button),
            self.live,
            self.bar,
            self.answer,
            flow(self.table_button, self.save_button, self.again_button),
        ]

    def _build_settings(self) -> list[QWidget]:
        self.forms = {
            "segmentation": SectionForm(SegmentationParameters),
            "measurement": SectionForm(MeasurementParameters),
        }
        return [
            Fold("Segmentation", self.forms["segmentation"].native, opened=True),
            Fold("Measurement", self.forms["measurement"].native),
        ]

    def _connect(self) -> None:
        self.choice.currentIndexChanged.connect(self._on_chosen)
        self.size.editingFinished.connect(self._on_size)
        self.assay.currentIndexChanged.connect(self._settings_changed)
        self.planes.currentIndexChanged.connect(self._on_chosen)
        self.live.toggled.connect(self._settings_changed)
        for form in self.forms.values():
            form.changed.connect(self._settings_changed)
            form.made.connect(self.still)
        events = self.viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered):
            event.connect(self._on_layers)
        events.removed.connect(self._on_removed)
        self.viewer.dims.events.current_step.connect(self._on_step)
        self.listen(self.session.parameters_changed, to=self._on_parameters)

    # the image

    @property
    def layer(self) -> Any:
        """The image that is chosen; None if it is gone."""
        found = self.choice.currentData()
        return found if found is not None and found in self.viewer.layers else None

    @property
    def pixel_size_um(self) -> float | None:
        """Pixel size of the image that is chosen."""
        layer = self.layer
        return None if layer is None else pixel_size_of(layer.scale, layer.units)[0]

    @property
    def parameters(self) -> Parameters:
        """Settings as entered."""
        base = self.session.parameters
        plate = base.plate.model_copy(update={"assay": Assay(self.assay.currentData())})
        shown = {name: form.value() for name, form in self.forms.items()}
        images = base.images
        if self.planes.currentData() is not None:
            images = images.model_copy(update={"z": self.planes.currentData()})
        return base.model_copy(update={"plate": plate, "images": images, **shown})

    def _on_parameters(self) -> None:
        for name, form in self.forms.items():
            form.set_value(getattr(self.session.parameters, name))
        self.assay.setCurrentIndex(self.assay.findData(self.session.parameters.plate.assay.value))

    def _on_layers(self, event: Any = None) -> None:
        if not alive(self):
            return
        chosen = self.layer
        images = [layer for layer in self.viewer.layers if isinstance(layer, Image)]
        with QSignalBlocker(self.choice):
            fill_choice(self.choice, [layer.name for layer in images], images)
            at = images.index(chosen) if chosen in images else len(images) - 1
            self.choice.setCurrentIndex(at)
        self.empty.setVisible(not images)
        for widget in self.body:
            if widget not in (self.bar, self.answer, self.size_label, self.planes_row):
                widget.setVisible(bool(images))
        if self.layer is not self._source:
            self._on_chosen()

    def _on_removed(self, event: Any) -> None:
        """Let go of results whose masks were taken away, with those of another well or by hand."""
        if alive(self) and self.layer is not None and is_output(event.value, self.layer, "core"):
            self._on_chosen()

    def _on_chosen(self, *_: Any) -> None:
        self._source = self.layer
        self._results = {}
        show_hint(self.answer, "")
        self._show_size()
        layer = self.layer
        if layer is not None:
            self.planes_row.setVisible(any(axis.name == "z" for axis in self._axes()))
            frames = len(self._frames())
            self.all_button.setVisible(frames > 1)
            self.all_button.setText(f"All {frames} frames")
            self.one_button.setText("This frame" if frames > 1 else "Segment and measure")
        self._update_buttons()

    def _show_size(self) -> None:
        layer = self.layer
        if layer is None:
            return
        size, source = pixel_size_of(layer.scale, layer.units)
        if size is None:
            self.size_label.say(
                f"{source} Results are in pixels until you enter a pixel size.", "warning"
            )
            self.size.setText("")
        else:
            self.size_label.say("")
            self.size.setText(f"{size:.5g}")
            self.size.setToolTip(f"{size:.6g} µm a pixel, {source}")

    def _on_size(self) -> None:
        layer, text = self.layer, self.size.text().strip().replace(",", ".")
        if layer is None or not text:
            return
        try:
            size = float(text)
        except ValueError:
            size = 0.0
        if not 0 < size <= 1000:
            self.say(f"{text!r} is no pixel size; write µm a pixel, such as 1.3.", "error")
            self._show_size()
            return
        old = pixel_size_of(layer.scale, layer.units)[0]
        if old is not None and abs(old - size) < 1e-5 * size:
            return
        for one in (layer, self._output("core"), self._output("shed")):
            if one is not None:
                one.scale = (*one.scale[:-2], size, size)
                one.units = (*(str(unit) for unit in one.units[:-2]), "um", "um")
        self.say("")
        self._show_size()
        overlay_of(self.viewer, "scale_bar").visible = True
        # The picture is as large as its scale says, and would be out of sight.
        self.viewer.reset_view()
        if self._results:
            self.run_painted()

    # running

    def _index_shown(self) -> tuple[int, ...]:
        """Place of the frame that is shown on the leading axes of the layer."""
        layer = self.layer
        leading = pixels_of(layer).shape[: -3 if layer.rgb else -2]
        point = layer.world_to_data(self.viewer.dims.point[-layer.ndim :])
        here = tuple(
            int(np.clip(round(at), 0, size - 1)) for at, size in zip(point, leading, strict=False)
        )
        return self._with_whole_stacks(here)

    def _axes(self) -> tuple[FrameAxis, ...]:
        layer = self.layer
        if layer is None:
            return ()
        ndim = pixels_of(layer).ndim
        return frame_axes(layer.axis_labels, layer.scale, layer.units, ndim, layer.rgb)

    def _with_whole_stacks(self, index: tuple[int, ...]) -> tuple[int, ...]:
        """Mean all planes of a focus stack, where they are to become one."""
        if self.planes.currentData() is None:
            return index
        return tuple(
            WHOLE if axis.name == "z" else at for at, axis in zip(index, self._axes(), strict=True)
        )

    def run_frame(self) -> None:
        """Segment and measure the frame that is shown."""
        if self.layer is not None:
            self._start([self._index_shown()])

    def run_all(self) -> None:
        """Segment and measure all frames."""
        if self.layer is not None:
            self._results = {}
            self._start(self._frames())

    def _frames(self) -> list[tuple[int, ...]]:
        """Places of the frames that "all" means: with several channels, those of the one shown."""
        layer = self.layer
        axes, here = self._axes(), self._index_shown()
        found = [
            self._with_whole_stacks(index)
            for index in frame_indices(pixels_of(layer).shape, layer.rgb)
            if all(
                axis.name != "channel" or at == now
                for axis, at, now in zip(axes, index, here, strict=True)
            )
        ]
        return list(dict.fromkeys(found))

    def run_painted(self) -> None:
        """Measure the masks as they are now."""
        core, shed = self._output("core"), self._output("shed")
        if self.layer is None or core is None or shed is None or not self._results:
            show_info("There are no masks yet; segment the image first.")
            return
        self._start(sorted(self._results), masks=(core.data, shed.data))

    def cancel(self) -> None:
        """Stop after the frame in progress; what is done stays."""
        if self._worker is not None:
            self._worker.quit()

    def _start(self, indices: list[tuple[int, ...]], masks: tuple[Any, Any] | None = None) -> None:
        layer = self.layer
        if layer is None or self._worker is not None:
            self._preview_due = True
            return
        pixels = pixels_of(layer)
        if pixels is not self._of:  # frames of another well are not one result with these
            self._results, self._of = {}, pixels
        worker = create_worker(
            find_in_frames, pixels, indices, self.pixel_size_um, self.parameters, masks,
            _start_thread=False, _ignore_errors=True,
        )  # fmt: skip
        self._worker = worker
        self.say("")
        self.bar.setRange(0, len(indices))
        self.bar.setValue(0)
        self.bar.setVisible(True)
        self.cancel_button.setVisible(len(indices) > 1)
        for widget in (self.one_button, self.all_button, self.again_button):
            widget.setEnabled(False)
        worker.yielded.connect(lambda result: self._on_result(layer, result))
        worker.errored.connect(self._on_error)
        worker.finished.connect(lambda: self._on_finished(layer))
        worker.start()

    def _on_result(self, layer: Image, result: FrameResult) -> None:
        if not alive(self) or layer is not self.layer or pixels_of(layer) is not self._of:
            return
        self._results[result.index] = result
        self.bar.setValue(self.bar.value() + 1)

    def _on_error(self, error: BaseException) -> None:
        plain = isinstance(error, ValueError) and not isinstance(error, SpheroidQCError)
        self.say(str(error) if plain else sentence_of(error), "error")

    def _on_finished(self, layer: Image) -> None:
        if not alive(self):
            return
        self._worker = None
        self.bar.setVisible(False)
        self.cancel_button.setVisible(False)
        if layer is self.layer and pixels_of(layer) is not self._of:
            self._results = {}
            show_info("Another well was chosen meanwhile; segment again to have that one.")
        elif layer is self.layer and self._results:
            self._show_results(layer)
        self._update_buttons()
        if self._preview_due:
            self._preview_due = False
            self._preview()

    def _update_buttons(self) -> None:
        idle = self._worker is None and self.layer is not None
        self.one_button.setEnabled(idle)
        self.all_button.setEnabled(idle)
        for widget in (self.again_button, self.table_button, self.save_button):
            widget.setEnabled(idle and bool(self._results))

    # preview

    def _settings_changed(self, *_: Any) -> None:
        if self.live.isChecked():
            self._rest.start()

    def _on_step(self, event: Any = None) -> None:
        if alive(self) and self.live.isChecked() and self.layer is not None:
            if self._index_shown() not in self._results:
                self._rest.start()
            else:
                self._show_answer()

    def _preview(self) -> None:
        if self.live.isChecked() and self.layer is not None:
            self.run_frame()

    # results

    def _output(self, kind: str) -> Any:
        """Layer of results of the image that is chosen, if it is still there."""
        return output_of(self.viewer, self.layer, kind)

    def _show_results(self, layer: Image) -> None:
        results = [self._results[index] for index in sorted(self._results)]
        show_results(self.viewer, layer, results, self.pixel_size_um, self.parameters)
        self._show_answer()

    def _show_answer(self) -> None:
        layer = self.layer
        if layer is None:
            return
        result = self._results.get(self._index_shown())
        if result is None:
            show_hint(self.answer, f"{len(self._results)} frames measured; not this one.")
            return
        rows = result.table
        um = self.pixel_size_um is not None
        area = "core_area_um2" if um else "core_area_px"
        unit = "µm²" if um else "px"
        doubt = "" if np.isnan(result.confidence) else f", confidence {result.confidence:.2f}"
        if self.parameters.plate.assay is Assay.SPHERES:
            mean = f", mean area {rows[area].mean():,.0f} {unit}" if len(rows) else ""
            show_hint(self.answer, f"{len(rows)} spheres{mean}{doubt}")
            return
        first = rows.iloc[0]
        if not first["total_area_px"] > 0:
            show_hint(self.answer, f"No spheroid was found{doubt}.")
            return
        ends = interval(*(first[f"disintegration_fraction_{end}"] for end in ("low", "high")))
        show_hint(
            self.answer,
            f"{_core_words(result)} {first[area]:,.0f} {unit}, disintegration fraction "
            f"{first['disintegration_fraction']:.3f}{f' ({ends})' if ends else ''}{doubt}",
        )

    def show_table(self) -> None:
        """Dock napari's own table of features."""
        core = self._output("core")
        if core is not None:
            self.viewer.layers.selection.active = core
        dock, _ = self.viewer.window.add_plugin_dock_widget("napari", "Features table widget")
        # Below the picture: beside it, it would squeeze this panel.
        self.viewer.window._qt_window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)

    def save_as(self) -> None:
        """Ask for a file, and save the table."""
        name = self.layer.name if self.layer is not None else "spheroids"
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the table", self.session.beside(f"{name}.csv"), "CSV (*.csv)"
        )
        if name:
            self.save(Path(name).with_suffix(".csv"))

    def save(self, path: Path) -> None:
        """Save the table as CSV."""
        core = self._output("core")
        if core is None:
            return
        table = core.features.rename(columns={"index": "label"})
        write_or_say(self, path, lambda: write_table(path, table))


def _core_words(result: FrameResult) -> str:
    """Name the core; of several pieces it is the largest that is measured."""
    pieces = int(np.count_nonzero(np.bincount(result.core.ravel())[1:]))
    return f"Core (largest of {pieces} pieces)" if pieces > 1 else "Core"
