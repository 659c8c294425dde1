"""The well that is looked at, as layers of the viewer: image, core and shed over time.

One view serves all panels of a viewer. Layers are made once and get the next well's data, so that
stepping from well to well is quick; a layer that was deleted is made again when it is needed.
"""

from __future__ import annotations

import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import napari.viewer
import numpy as np
from napari.layers import Image, Layer
from qtpy.QtCore import QEvent, QObject, Signal

from spheroid_qc.gui.background_threads import alive, in_background, rest_timer
from spheroid_qc.gui.mask_layers import MasksAsLabels
from spheroid_qc.gui.preferences import preference
from spheroid_qc.gui.result_layers import (
    KINDS,
    MaskLayer,
    one_colour,
    output_of,
    overlay_of,
    place_overlays,
)
from spheroid_qc.gui.state.lazy_stack import LazyStack, SwappableStack, empty_stack
from spheroid_qc.gui.state.session import Session, session_of
from spheroid_qc.gui.state.well_data import WellData, open_well, warm_well
from spheroid_qc.gui.warm_up import warm_up
from spheroid_qc.gui.well_colours import CORE, SHED
from spheroid_qc.run.progress import Progress

IMAGE, CORE_NAME, SHED_NAME = "well", "core", "shed"
_AHEAD = (1, -1, 2, 3)
_PAUSE_MS = 60
_REFIT_MS = 120
_DRAWN_MS = 20


@dataclass(frozen=True)
class _Wanted:
    plate: str
    well: str
    timepoint: int
    number: int


class WellView(QObject):
    """Shows one well of the session in the viewer.

    Signals: another well is `shown`; another time of it was `stepped` to; a mask (`core` or
    `shed`) may have been `painted`.
    """

    shown = Signal()
    stepped = Signal()
    painted = Signal(str)

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer.window._qt_window)
        self._viewer = weakref.ref(viewer)
        self.session: Session = session_of(viewer)
        self.data: WellData | None = None
        self.field: int | None = None
        self.channel = ""
        self._limits_of = ""
        self._layers: dict[str, weakref.ref[Layer]] = {}
        self._number = 0
        self._setting = False
        self._size: tuple[float, ...] = ()
        self._fitted: tuple[Any, ...] = ()
        # Reading takes turns with drawing: what the user waits for is drawn first.
        self._ahead = rest_timer(self, _PAUSE_MS, self._read_ahead)
        self._warmer = ThreadPoolExecutor(1, thread_name_prefix="wells-ahead")
        self._warming: list[Future[None]] = []
        self.session.well_wanted.connect(self._on_wanted, check_nargs=False)
        self.session.opened_changed.connect(self._on_opened, check_nargs=False)
        self.session.tables_changed.connect(self._on_tables, check_nargs=False)
        self.session.map_changed.connect(self._on_map, check_nargs=False)
        self.session.run_progressed.connect(self._on_progress)
        self._refit = rest_timer(self, _REFIT_MS, self._fit_again)
        # A layer that is new takes napari a tenth of a second: one at a time, and the window lives.
        self._waiting: tuple[_Wanted, WellData] | None = None
        self._go_on = rest_timer(self, 0, self._show_waiting)
        self._then_scale = rest_timer(self, _DRAWN_MS, self._show_scale)
        self._canvas = viewer.window._qt_viewer.canvas.native
        self._canvas.installEventFilter(self)
        warm_up(self, viewer.window._qt_viewer.canvas)
        MasksAsLabels(self, viewer)
        viewer.dims.events.current_step.connect(self._on_step)
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def viewer(self) -> Any:
        """The viewer; None once it is gone."""
        return self._viewer()

    def layer(self, name: str) -> Any:
        """Give a layer of the view, if it is still in the viewer."""
        found = self._layers.get(name, lambda: None)()
        viewer = self.viewer
        return (
            found if found is not None and viewer is not None and found in viewer.layers else None
        )

    def _present(self) -> list[Any]:
        """Give the layers of the view that are in the viewer, the image first."""
        layers = [self.layer(name) for name in (IMAGE, CORE_NAME, SHED_NAME)]
        return [layer for layer in layers if layer is not None]

    @property
    def timepoint(self) -> int:
        """Number of the frame on the screen."""
        viewer = self.viewer
        if self.data is None or viewer is None or viewer.dims.ndim < 3:
            return 0
        at = viewer.dims.point[viewer.dims.ndim - 3]
        return int(np.clip(round(at / self._hours()), 0, len(self.data.times_h) - 1))

    def go_to(self, timepoint: int) -> None:
        """Show another time of the well."""
        viewer = self.viewer
        if viewer is not None and self.data is not None and viewer.dims.ndim >= 3:
            viewer.dims.set_point(viewer.dims.ndim - 3, timepoint * self._hours())

    def _hours(self) -> float:
        """Length of a step in time on the screen's scale, by whichever layer is left."""
        return next((float(layer.scale[0]) for layer in self._present()), 1.0)

    def _fit(self) -> None:
        """Fit the picture into the canvas, and remember that nobody has moved it."""
        viewer = self.viewer
        if viewer is not None:
            viewer.reset_view()
            self._fitted = _camera_place(viewer)

    def _fit_again(self) -> None:
        """Fit the picture into a canvas of another size, unless a person has moved it."""
        viewer = self.viewer
        if viewer is None or self.data is None or self.layer(IMAGE) is None:
            return
        if _camera_place(viewer) == self._fitted:
            self._fit()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: D102
        if event is not None and event.type() == QEvent.Type.Resize:
            self._refit.start()
        return False

    def read_again(self) -> None:
        """Read the well anew: it was analysed, or its masks were changed elsewhere."""
        if self.session.well:
            self.session.show(self.session.plate, self.session.well, self.session.timepoint)

    # from the session

    def _on_opened(self) -> None:
        if not alive(self):
            return
        self._number += 1
        self.field, self.channel = None, ""
        self._size = ()
        data, self.data = self.data, None
        viewer = self.viewer
        if viewer is not None:
            self._drop_results(viewer)
            for layer in self._present():
                viewer.layers.remove(layer)
            overlay_of(viewer, "text").visible = False
        if data is not None:
            data.close()
        if self.session.well:  # the same folder, read anew: go on looking at the same well
            self._on_wanted(self.session.plate, self.session.well, self.session.timepoint)

    def _on_wanted(self, plate: str, well: str, timepoint: int) -> None:
        if not alive(self) or self.session.opened is None:
            return
        self._number += 1
        self._cool()
        wanted = _Wanted(plate, well, timepoint, self._number)
        in_background(
            self, _prepare, self.session, wanted, self.field, self.channel, done=self._show
        )

    def _on_tables(self) -> None:
        """Show masks that have come since the well was opened."""
        if alive(self) and self.data is not None:
            if self.data.analysed:
                self.write_caption()
            elif self.session.tables:
                self.read_again()

    def _on_map(self) -> None:
        if alive(self):
            self.write_caption()

    def _on_progress(self, state: Progress) -> None:
        waiting = alive(self) and self.data is not None and not self.data.analysed
        if waiting and (state.plate, state.well) == (self.session.plate, self.session.well):
            self.read_again()

    def _show(self, prepared: tuple[_Wanted, WellData]) -> None:
        wanted, data = prepared
        viewer = self.viewer
        if viewer is None or wanted.number != self._number:
            data.close()
            return
        before = self.timepoint, viewer.dims.point
        stacks = self._stacks(data)
        missing = [name for name in stacks if self.layer(name) is None and self._needed(name, data)]
        if missing:
            self._setting = True
            try:
                self._make(viewer, missing[0], data, stacks)
            finally:
                self._setting = False
            self._waiting = prepared
            self._go_on.start()
            return
        old, self.data = self.data, data
        if old is None or (old.plate, old.well, old.field) != (data.plate, data.well, data.field):
            self._drop_results(viewer)
        self._setting = True
        hidden = [] if wanted.timepoint == before[0] or self._alike(stacks) else self._hide()
        try:
            turned = self._fill(viewer, data, stacks)
            self.go_to(wanted.timepoint)
            if viewer.dims.point == before[1]:  # no step in time has made them look
                for layer in turned:
                    layer.refresh(extent=False)
        finally:
            for layer in hidden:
                layer.visible = True
            self._setting = False
        size = tuple(self._geometry(data)["scale"][1:]) + tuple(data.image.shape[1:])
        if size != self._size:  # another pixel size moves the picture out of sight
            self._size = size
            self._fit()
        if old is not None and old is not data:
            old.close()
        self._after_step()
        self.shown.emit()

    def _drop_results(self, viewer: Any) -> None:
        """Take away what was measured in the picture: it would lie on that of another well."""
        for kind in KINDS:
            layer = output_of(viewer, self.layer(IMAGE), kind)
            if layer is not None:
                viewer.layers.remove(layer)

    def _show_waiting(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._show(waiting)

    def _needed(self, name: str, data: WellData) -> bool:
        """Tell whether there is something to show in a layer."""
        return name == IMAGE or (data.shed if name == SHED_NAME else data.core) is not None

    def _stacks(self, data: WellData) -> dict[str, LazyStack]:
        """Give what each layer is to show: nothing, where the masks are still to come."""
        shape = data.image.shape
        return {
            IMAGE: data.image,
            SHED_NAME: data.shed or empty_stack(shape, np.uint8),
            CORE_NAME: data.core or empty_stack(shape, np.uint16),
        }

    def _alike(self, stacks: dict[str, LazyStack]) -> bool:
        """Whether all layers can go on with the arrays that they have."""
        layers = {self.layer(name): stack for name, stack in stacks.items()}
        return all(layer is None or _can_turn(layer, stack) for layer, stack in layers.items())

    def _hide(self) -> list[Any]:
        """Hide the layers, so that a frame between the old one and the new is never read."""
        shown = [layer for layer in self._present() if layer.visible]
        for layer in shown:
            layer.visible = False
        return shown

    def _make(self, viewer: Any, name: str, data: WellData, stacks: dict[str, LazyStack]) -> None:
        """Make a layer that is not there, or not any more."""
        geometry, metadata = self._geometry(data), _metadata(data)
        if name == IMAGE:
            picture = self.session.opened.picture if self.session.opened else None
            image = Image(
                SwappableStack(stacks[IMAGE]), name=IMAGE, contrast_limits=(0, 255),
                metadata=metadata, multiscale=False, rgb=False, **geometry,
            )  # fmt: skip
            if picture is not None:
                _set_limits(image, *picture.limits(self.channel))
            self._limits_of = self.channel
            self._keep(viewer, IMAGE, image)
            return
        layer = MaskLayer(
            SwappableStack(stacks[name]), name=name,
            colormap=one_colour(SHED if name == SHED_NAME else CORE), opacity=0.9,
            metadata=metadata, multiscale=False, **geometry,
        )  # fmt: skip
        layer.contour = 2
        layer.brush_size = int(preference("review", "brush_size", 12))
        self._keep(viewer, name, layer)
        for event in (layer.events.paint, layer.events.set_data):
            event.connect(lambda *_: self._on_painted(name))

    def _fill(self, viewer: Any, data: WellData, stacks: dict[str, LazyStack]) -> list[Any]:
        """Give the layers their arrays; those that kept their own have yet to look at it."""
        turned: list[Any] = []
        for name, stack in stacks.items():
            layer = self.layer(name)
            if layer is None:
                continue
            turned += _turn(layer, stack)
            layer.metadata = _metadata(data)
            picture = self.session.opened.picture if self.session.opened else None
            if name == IMAGE and self._limits_of != self.channel and picture is not None:
                # What a person has set for one channel says nothing of another.
                self._limits_of = self.channel
                _set_limits(layer, *picture.limits(self.channel))
            if name != IMAGE:
                # Taking layers away and making them again is slow: an empty one that can't be
                # painted stands in for the masks that are still to come.
                # Forgets the strokes: those of another well must not be taken back on this one.
                layer.editable = False
                layer.editable = self._needed(name, data)
        if data.core is None:
            viewer.layers.selection.active = self.layer(IMAGE)
        return turned

    def _geometry(self, data: WellData) -> dict[str, Any]:
        opened = self.session.opened
        picture = opened.picture if opened is not None else None
        size = picture.pixel_size_um if picture is not None else None
        sizes = [r["pixel_size_um"] for r in data.results if r and r["pixel_size_um"]]
        size = sizes[0] if sizes else size
        step = opened.regular_step_h(data.plate) if opened is not None else None
        unit = "um" if size else "pixel"
        return {
            "scale": (step or 1.0, size or 1.0, size or 1.0),
            "units": ("hour" if step else "pixel", unit, unit),
            "axis_labels": ("time", "y", "x"),
        }

    def _keep(self, viewer: Any, name: str, layer: Layer) -> None:
        viewer.add_layer(layer)
        masks = self._present()
        if name == IMAGE and masks:  # a picture that was deleted comes back below them
            lowest = min(viewer.layers.index(mask) for mask in masks)
            viewer.layers.move(len(viewer.layers) - 1, lowest)
        self._layers[name] = weakref.ref(layer)

    # from the viewer

    def _on_step(self, event: Any = None) -> None:
        if alive(self) and not self._setting and self.data is not None:
            self._after_step()
            self.stepped.emit()

    def _on_removed(self, event: Any) -> None:
        if not alive(self):
            return
        for name, reference in list(self._layers.items()):
            if reference() is event.value:
                del self._layers[name]
                viewer = self.viewer
                if name == IMAGE and viewer is not None:
                    overlay_of(viewer, "text").visible = False

    def _on_painted(self, name: str) -> None:
        if alive(self) and not self._setting and self.data is not None:
            self.painted.emit(name)

    def _after_step(self) -> None:
        data = self.data
        if data is None:
            return
        self._ahead.start()
        self.session.now_shown(data.plate, data.well, self.timepoint)
        self.write_caption()

    def _read_ahead(self) -> None:
        data = self.data
        if data is None:
            return
        now = self.timepoint
        for stack in data.stacks:
            stack.prefetch([now + step for step in _AHEAD])
        opened, cache = self.session.opened, self.session.cache
        self._cool()
        if opened is not None and data.well in (wells := opened.wells(data.plate)):
            at = wells.index(data.well)
            for well in (*wells[at + 1 : at + 2], *wells[max(at - 1, 0) : at]):
                ahead = opened, data.plate, well, cache, self.field, self.channel, now
                self._warming.append(self._warmer.submit(warm_well, *ahead))

    def _cool(self) -> None:
        """Let go of what was to be read ahead."""
        while self._warming:
            self._warming.pop().cancel()

    def _name_axes(self, time: str) -> None:
        """Write the hours beside the slider, which by itself counts frames."""
        dims = self.viewer.dims
        labels = (*dims.axis_labels[:-3], time, "y", "x")[-dims.ndim :]
        if dims.axis_labels != labels:
            dims.axis_labels = labels

    def write_caption(self) -> None:
        """Say on the canvas which well this is, when, and what was found."""
        viewer, data = self.viewer, self.data
        if viewer is None or data is None or self.layer(IMAGE) is None:
            return
        now = self.timepoint
        # As wide at every time: napari measures the name of an axis once.
        width = max(len(f"{hours:g}") for hours in data.times_h)
        self._name_axes(f"{data.times_h[now]:g}".rjust(width, "\u2007") + " h")
        parts = [data.well, f"{data.times_h[now]:g} h"]
        if self.session.opened is not None and len(self.session.opened.plates) > 1:
            parts.insert(0, data.plate)
        condition = self.session.treatment_of(data.plate, data.well)
        row = self.session.row(data.plate, data.well, now)
        if self.channel:
            parts.append(self.channel)
        state = "" if row is None else str(row["state"] if row["state"] == row["state"] else "")
        if data.well_timepoints[now] is None:
            state = "no image at this time"
        parts += [part for part in (state.replace("_", " "), condition) if part]
        overlay = overlay_of(viewer, "text")
        overlay.text = "   ".join(parts)
        overlay.font_size = 8
        overlay.visible = True
        overlay.position = "top_left"
        place_overlays(viewer)
        self._then_scale.start()

    def _show_scale(self) -> None:
        """Show the scale bar where there is a scale: after the caption, each is slow at first."""
        viewer, data = self.viewer, self.data
        if viewer is not None and data is not None:
            wanted = bool(self._geometry(data)["units"][1] == "um")
            overlay_of(viewer, "scale_bar").visible = wanted


def _prepare(
    session: Session, wanted: _Wanted, field: int | None, channel: str
) -> tuple[_Wanted, WellData]:
    """Read what the screen will show first; in a thread."""
    assert session.opened is not None
    data = open_well(session.opened, wanted.plate, wanted.well, session.cache, field, channel)
    now = min(wanted.timepoint, len(data.times_h) - 1)
    for stack in data.stacks:
        stack.frame(now)
    return wanted, data


def _camera_place(viewer: Any) -> tuple[Any, ...]:
    """Zoom and centre of the camera, which napari has moved: it warns of its old name on screen."""
    camera = getattr(viewer, "scene", viewer).camera
    return (camera.zoom, *camera.center)


def _set_limits(image: Any, low: float, high: float) -> None:
    """Show grey values between these, with as much room on both sides for the slider."""
    room = high - low
    image.contrast_limits_range = (low - room, high + room)
    image.contrast_limits = (low, high)


def _metadata(data: WellData) -> dict[str, Any]:
    return {"plate": data.plate, "well": data.well, "time_h": list(data.times_h)}


def _can_turn(layer: Any, stack: LazyStack) -> bool:
    return isinstance(layer.data, SwappableStack) and layer.data.like(stack)


def _turn(layer: Any, stack: LazyStack) -> list[Any]:
    """Let a layer show another stack; it is given back where it has yet to look at it."""
    if _can_turn(layer, stack):
        layer.data.swap(stack)
        return [layer]
    layer.data = SwappableStack(stack)
    return []


_VIEWS: weakref.WeakKeyDictionary[Any, WellView] = weakref.WeakKeyDictionary()


def view_of(viewer: Any) -> WellView:
    """Give the view that belongs to a viewer; all its panels share it."""
    viewer = getattr(viewer, "__wrapped__", viewer)
    if viewer not in _VIEWS or not alive(_VIEWS[viewer]):
        _VIEWS[viewer] = WellView(viewer)
    return _VIEWS[viewer]
