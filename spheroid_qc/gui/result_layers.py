"""What was found in an image, as layers beside it: outlines, and features to hover over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from spheroid_qc.gui.state.lazy_stack import pixels_of
from spheroid_qc.gui.state.one_image import WHOLE, FrameResult, features_of, frame_axes
from spheroid_qc.gui.well_colours import CORE, SHED
from spheroid_qc.measurement.cut_out_spheroid import bounding_box, within
from spheroid_qc.parameters import Parameters


def overlay_of(viewer: Any, name: str) -> Any:
    """Give an overlay of the canvas: `text` or `scale_bar`; napari has moved them."""
    canvas = getattr(viewer, "canvas", None)
    if canvas is not None:
        return getattr(canvas.overlays, name)
    return getattr(viewer, "text_overlay" if name == "text" else name)


def place_overlays(viewer: Any) -> None:
    """Place a changed text before it is drawn.

    Left alone, napari moves it while it draws, and for that draws everything once more. Where a
    napari has no such method that is what happens.
    """
    canvas = getattr(getattr(viewer.window, "_qt_viewer", None), "canvas", None)
    place = getattr(canvas, "_update_overlay_canvas_positions", None)
    if place is not None:
        place()


def one_colour(colour: str) -> DirectLabelColormap:
    """Colour map of a mask: all labels alike, nothing else."""
    return DirectLabelColormap(color_dict={None: colour, 0: "transparent"})


class MaskLayer(Labels):
    """A labels layer like any other, and sooner on the screen.

    The one method that is replaced is not public: should napari rename it, steps get slower and
    nothing else changes.
    """

    @property
    def _type_string(self) -> str:
        return "labels"  # what files, plug-ins and the "duplicate" action know it as

    def _calculate_contour(
        self, labels: NDArray[Any], data_slice: tuple[slice, ...]
    ) -> NDArray[Any] | None:
        if self.contour < 1 or labels.ndim != 2 or self.colormap.background_value != 0:
            found: NDArray[Any] | None = super()._calculate_contour(labels, data_slice)
            return found
        part = labels[data_slice]
        outlined = np.zeros_like(part)
        box = bounding_box(part != 0)
        if box is not None:
            where = within((data_slice[0], data_slice[1]), box)
            outlined[box] = super()._calculate_contour(labels, where)
        return outlined


KINDS = ("core", "shed")
"""Layers of results that an image has."""


def output_of(viewer: Any, image: Any, kind: str) -> Any:
    """Give the layer of results (`core` or `shed`) of an image, if it is still in the viewer."""
    return next((one for one in viewer.layers if is_output(one, image, kind)), None)


def is_output(layer: Any, image: Any, kind: str) -> bool:
    """Tell whether a layer holds the results (`core` or `shed`) of an image."""
    made = layer.metadata.get("spheroid_qc") if isinstance(layer, Labels) else None
    if image is None or made is None:
        return False
    return bool(made.get("kind") == kind and made.get("of") == str(image.unique_id))


def show_results(
    viewer: Any,
    image: Image,
    results: Sequence[FrameResult],
    pixel_size_um: float | None,
    parameters: Parameters,
) -> Any:
    """Put what was found into layers that lie on the image; gives the core.

    The features of the core are the table. The segmented `image` gives scale, units, place and
    metadata. `results` are in order of their frames, other frames stay empty; layers that are there
    already get new data.
    """
    axes = frame_axes(image.axis_labels, image.scale, image.units, pixels_of(image).ndim, image.rgb)
    table, numbers = features_of(results, pixel_size_um, parameters.plate.assay.value, axes)
    whole = pixels_of(image).shape
    shape = whole[:-1] if image.rgb else whole
    core = np.zeros(shape, np.int32)
    shed = np.zeros(shape, np.uint8)
    for result in results:
        of_frame = numbers[result.index]
        if 0 in of_frame:
            labels = np.where(result.core > 0, of_frame[0], 0)
        else:
            lookup = np.zeros(int(result.core.max(initial=0)) + 1, np.int32)
            for old, new in of_frame.items():
                lookup[old] = new
            labels = lookup[result.core]
        place = tuple(slice(None) if n == WHOLE else n for n in result.index)
        core[place] = labels
        shed[place] = result.shed
    made_with = {
        "of": str(image.unique_id),
        "source": image.name,
        "pixel_size_um": pixel_size_um,
        "parameters": parameters.model_dump(mode="json"),
    }
    _put(viewer, image, "shed", shed, SHED, made_with)
    made = _put(viewer, image, "core", core, CORE, made_with)
    made.features = table
    return made


def _put(
    viewer: Any, image: Image, kind: str, data: Any, colour: str, made_with: dict[str, Any]
) -> Any:
    metadata = {**image.metadata, "spheroid_qc": {"kind": kind, **made_with}}
    found = output_of(viewer, image, kind)
    if found is not None:
        found.data = data
        found.metadata = metadata
        return found
    ndim = data.ndim
    made = Labels(
        data,
        name=f"{image.name} {kind}",
        colormap=one_colour(colour),
        opacity=0.9,
        scale=image.scale[:ndim],
        translate=image.translate[:ndim],
        rotate=image.rotate,
        shear=image.shear,
        units=tuple(str(unit) for unit in image.units[:ndim]),
        axis_labels=image.axis_labels[:ndim],
        metadata=metadata,
    )
    made.contour = 2
    viewer.add_layer(made)
    if kind == "core":
        made.mouse_drag_callbacks.append(_select_clicked)
    return made


def _select_clicked(layer: Labels, event: Any) -> None:
    """Select the spheroid that is clicked, in the layer and so in the table of features."""
    if str(layer.mode) != "pan_zoom":
        return
    value = layer.get_value(
        event.position, view_direction=event.view_direction,
        dims_displayed=event.dims_displayed, world=True,
    )  # fmt: skip
    if value:
        layer.selected_label = int(value)
