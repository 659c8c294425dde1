"""Masks as layers: files of a run folder open as outlines at their scale, labels are written back.

A mask that was opened, painted and saved is a file that a run folder understands.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import napari
import numpy as np
import tifffile
from napari.layers import Image
from napari.utils.colormaps import DirectLabelColormap
from napari.utils.notifications import show_error
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QFileDialog

from spheroid_qc.atomic import atomic_path
from spheroid_qc.errors import ImageError
from spheroid_qc.gui.background_threads import alive, rest_timer
from spheroid_qc.gui.state.one_image import pixel_size_of
from spheroid_qc.gui.well_colours import CORE, SHED
from spheroid_qc.images import open_image
from spheroid_qc.run.store.mask_files import read_masks, write_masks
from spheroid_qc.segmentation import Segmentation

LayerData = tuple[Any, dict[str, Any], str]
_ENDINGS = (".ome.tif", ".ome.tiff")
_COLOURS = {"core": CORE, "shed": SHED}


def is_mask(path: Path) -> bool:
    """Tell by the names of its channels whether a file holds masks of ours."""
    try:
        with tifffile.TiffFile(path) as file:
            text = file.ome_metadata or ""
            return 'Name="core"' in text and 'Name="shed"' in text
    except (OSError, ValueError, tifffile.TiffFileError):
        return False


class MasksAsLabels(QObject):
    """Puts labels in the place of masks that napari has read as pictures.

    A reader of our own could be asked for by the ending of a name only, which every OME-TIFF has:
    napari would ask for each which reader is to be used.
    """

    def __init__(self, owner: QObject, viewer: Any) -> None:
        super().__init__(owner)
        self._viewer = weakref.ref(viewer)
        self._found: list[Path] = []
        # napari is in the middle of adding the picture.
        self._soon = rest_timer(self, 0, self._replace)
        viewer.layers.events.inserted.connect(self._on_inserted)

    def _on_inserted(self, event: Any) -> None:
        if not alive(self):
            return
        layer = event.value
        path = layer.source.path
        ours = layer.source.reader_plugin == "napari" and isinstance(layer, Image)
        if ours and path and Path(path).name.lower().endswith(_ENDINGS) and is_mask(Path(path)):
            self._found.append(Path(path))
            self._soon.start()

    def _replace(self) -> None:
        viewer, found = self._viewer(), list(dict.fromkeys(self._found))
        self._found.clear()
        if viewer is None:
            return
        for path in found:
            for layer in list(viewer.layers):
                if isinstance(layer, Image) and layer.source.path == str(path):
                    viewer.layers.remove(layer)
            open_masks(viewer, [path])


def open_masks(viewer: Any, paths: Iterable[Path]) -> None:
    """Add masks of a run folder as labels; says of which files they could not be read."""
    for path in paths:
        try:
            if not is_mask(path):
                raise ImageError(f"{path.name} holds no masks of core and shed material.")
            for data, settings, _ in read_mask_layers(str(path)):
                settings = {
                    **settings,
                    "colormap": DirectLabelColormap(color_dict=settings["colormap"]),
                }
                viewer.add_labels(data, **settings).contour = 2
        except ImageError as error:
            show_error(str(error))


def choose_masks() -> None:
    """Ask for masks of a run folder, and add them as labels."""
    viewer = napari.current_viewer()
    if viewer is None:
        return
    names, _ = QFileDialog.getOpenFileNames(
        viewer.window._qt_window, "Masks of a run", "", "Masks (*.ome.tif)"
    )
    open_masks(viewer, map(Path, names))


def read_mask_layers(path: str | list[str]) -> list[LayerData]:
    """Read core and shed material as two layers of labels, drawn as outlines."""
    place = Path(path[0] if isinstance(path, list) else path)
    core, shed = read_masks(place)
    told = (one.pixel_size_um for one in open_image(place).calibrations)
    size = next((known for known in told if known), None)
    unit = "um" if size else "pixel"
    name = place.name.removesuffix(".tif").removesuffix(".ome")
    layers: list[LayerData] = []
    for kind, labels in (("shed", shed.astype(np.uint8)), ("core", core)):
        shown = {
            "name": f"{name} {kind}",
            "scale": (size or 1.0,) * 2,
            "units": (unit, unit),
            "colormap": {None: _COLOURS[kind], 0: "transparent"},
            "opacity": 0.9,
            "metadata": {"spheroid_qc": {"kind": kind, "file": str(place)}},
        }
        layers.append((labels, shown, "labels"))
    return layers


def write_labels(path: str, layers: Sequence[LayerData]) -> list[str]:
    """Write layers of labels as OME-TIFF with their pixel size.

    Two plain ones named `... core` and `... shed` become a mask as run folders hold them; others
    become the channels of one file. Raises ImageError if they differ in shape.
    """
    target = Path(path)
    arrays = [np.asarray(data) for data, _, _ in layers]
    if len({array.shape for array in arrays}) != 1:
        raise ImageError(
            f"{target.name} was not written: the layers differ in shape; select layers of one "
            "image, or save them one by one."
        )
    shown = [settings for _, settings, _ in layers]
    names = [str(settings.get("name") or f"labels {n}") for n, settings in enumerate(shown)]
    scale = shown[0].get("scale") or (1.0,) * arrays[0].ndim
    units = shown[0].get("units") or ("pixel",) * arrays[0].ndim
    size, _ = pixel_size_of(list(scale), list(units))
    kinds = {name.rsplit(" ", 1)[-1]: n for n, name in enumerate(names)}
    if set(kinds) == {"core", "shed"} and arrays[0].ndim == 2:
        core, shed = arrays[kinds["core"]], arrays[kinds["shed"]]
        masks = Segmentation(core.astype(np.int32), (shed != 0) & (core == 0), 1.0, "corrected")
        write_masks(target, masks, size)
        return [str(target)]
    stack = np.stack(arrays) if len(arrays) > 1 else arrays[0]
    leading = {2: "", 3: "T", 4: "TZ"}.get(arrays[0].ndim)
    if leading is None:
        raise ImageError(
            f"{target.name} was not written: {arrays[0].ndim} axes are more than time, depth, "
            "height and width; save a part of it."
        )
    metadata: dict[str, Any] = {"axes": ("C" if len(arrays) > 1 else "") + leading + "YX"}
    metadata["Channel"] = {"Name": names if len(arrays) > 1 else names[0]}
    if size is not None:
        for axis in "XY":
            metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "µm"}
    smallest = np.min_scalar_type(int(stack.max(initial=0)))
    with atomic_path(target) as temporary:
        tifffile.imwrite(
            temporary, stack.astype(smallest), ome=True, photometric="minisblack",
            compression="zlib", metadata=metadata,
        )  # fmt: skip
    return [str(target)]
