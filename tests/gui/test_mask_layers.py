"""Masks of a run folder open as labels at their scale, and labels are written back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("napari")

from spheroid_qc.errors import ImageError
from spheroid_qc.gui import mask_layers
from spheroid_qc.gui.mask_layers import is_mask, read_mask_layers, write_labels
from spheroid_qc.run.store.mask_files import read_masks, write_masks
from spheroid_qc.segmentation import Segmentation
from tests.run.conftest import draw, write


def masks() -> Segmentation:
    core = np.zeros((40, 50), np.int32)
    core[10:20, 10:25] = 1
    core[30:34, 30:34] = 2
    shed = np.zeros((40, 50), bool)
    shed[5:8, 40:44] = True
    return Segmentation(core, shed, 1.0, "classical")


def test_a_mask_opens_as_two_layers_of_labels_with_scale(tmp_path) -> None:
    path = tmp_path / "a.ome.tif"
    write_masks(path, masks(), 1.3)
    assert is_mask(path)
    (shed, of_shed, kind), (core, of_core, _) = read_mask_layers(str(path))
    assert kind == "labels"
    assert np.array_equal(core, masks().core)
    assert np.array_equal(shed != 0, masks().shed)
    assert of_core["scale"] == pytest.approx((1.3, 1.3))
    assert of_core["units"] == ("um", "um")
    assert of_core["colormap"] != of_shed["colormap"]


def test_napari_never_asks_which_reader_is_to_read_an_ome_tiff(tmp_path) -> None:
    from npe2 import PluginManager, PluginManifest

    path = tmp_path / "image.ome.tif"
    write(path, draw(30))
    assert not is_mask(path)
    manager = PluginManager()
    manager.register(PluginManifest.from_file(Path(__file__).parents[2] / "plugin.yaml"))
    for name in ("image.ome.tif", "image.tif", "image.png", "table.csv", "plate.zarr"):
        assert not list(manager.iter_compatible_readers([str(tmp_path / name)])), name


def test_core_and_shed_are_written_as_a_run_folder_holds_them(tmp_path) -> None:
    path = tmp_path / "a.ome.tif"
    write_masks(path, masks(), 1.3)
    layers = read_mask_layers(str(path))
    back = tmp_path / "b.ome.tif"
    assert write_labels(str(back), layers) == [str(back)]
    core, shed = read_masks(back)
    assert np.array_equal(core, masks().core)
    assert np.array_equal(shed, masks().shed)
    assert read_mask_layers(str(back))[0][1]["scale"] == pytest.approx((1.3, 1.3))


def test_any_labels_become_channels_and_unlike_shapes_are_refused(tmp_path) -> None:
    import tifffile

    path = tmp_path / "c.ome.tif"
    stack = np.zeros((3, 8, 9), np.int32)
    stack[1, 2:4, 2:4] = 300
    shown = {"name": "movie", "scale": (6.0, 2.0, 2.0), "units": ("hour", "um", "um")}
    write_labels(str(path), [(stack, shown, "labels")])
    with tifffile.TiffFile(path) as file:
        assert file.series[0].axes == "TYX"
        assert 'PhysicalSizeX="2.0"' in file.ome_metadata
        assert np.array_equal(file.asarray(), stack)
    with pytest.raises(ImageError, match="differ in shape"):
        write_labels(str(path), [(stack, shown, "labels"), (stack[0], {"name": "one"}, "labels")])


@pytest.mark.gui
def test_a_mask_that_is_opened_or_dropped_becomes_labels(window, tmp_path, monkeypatch) -> None:
    mask, plain = tmp_path / "a.ome.tif", tmp_path / "b.ome.tif"
    write_masks(mask, masks(), 1.3)
    write(plain, draw(30))
    window.panel("Plate")
    layers = window.viewer.layers
    # As the drop of both files on the window, and File > Open, do: no plug-in is named.
    window.viewer.open([str(plain), str(mask)])
    window.until(lambda: {"a shed", "a core"} <= {layer.name for layer in layers})
    assert [layer.name for layer in layers] == ["b.ome", "a shed", "a core"]
    assert layers["a core"].contour == 2
    assert layers["a core"].scale == pytest.approx((1.3, 1.3))
    assert np.array_equal(layers["a core"].data, masks().core)
    layers.clear()
    layers.selection.clear()
    told = []
    monkeypatch.setattr(mask_layers, "show_error", told.append)
    both = ([str(mask), str(plain)], "")
    monkeypatch.setattr(mask_layers.QFileDialog, "getOpenFileNames", lambda *_: both)
    mask_layers.choose_masks()
    assert [layer.name for layer in layers] == ["a shed", "a core"]
    assert told == ["b.ome.tif holds no masks of core and shed material."]
    layers.select_all()
    written = layers.save(str(tmp_path / "d.ome.tif"), plugin="spheroid_qc", selected=True)
    assert len(written) == 1
    core, _ = read_masks(tmp_path / "d.ome.tif")
    assert np.array_equal(core, masks().core)
