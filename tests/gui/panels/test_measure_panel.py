"""Segment and measure: any image layer, calibrated or not, one frame or many."""

from __future__ import annotations

import shutil
import threading

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("napari")
pytestmark = pytest.mark.gui

from spheroid_qc import measure, segment  # noqa: E402
from spheroid_qc.gui.state.one_image import find_in_frames  # noqa: E402
from tests.run.conftest import draw  # noqa: E402


def done(window, panel) -> None:
    window.until(lambda: panel._worker is None)


def test_a_calibrated_image(window, tmp_path) -> None:
    panel = window.panel("Segment and measure")
    image = draw(36, shed=6)
    source = window.viewer.add_image(
        image, name="mine", scale=(4, 4), units=("um", "um"), translate=(8, 12),
        metadata={"from": "a friend"},
    )  # fmt: skip
    panel.one_button.click()
    done(window, panel)
    core, shed = window.viewer.layers["mine core"], window.viewer.layers["mine shed"]
    for layer in (core, shed):
        assert np.array_equal(layer.scale, source.scale)
        assert np.array_equal(layer.translate, source.translate)
        assert layer.units == source.units
        assert layer.metadata["from"] == "a friend"
    found = segment(image, 4.0)
    assert np.array_equal(np.asarray(core.data) > 0, found.core > 0)
    assert np.array_equal(np.asarray(shed.data) > 0, found.shed)
    wanted = measure(found, image, 4.0)
    assert core.features["core_area_um2"].tolist() == wanted["core_area_um2"].tolist()
    assert core.features["index"].tolist() == [1]
    assert "µm²" in panel.answer.text()
    status = core.get_status((8 + 4 * 96, 12 + 4 * 96), world=True)
    assert "core_area_um2" in str(status), "hovering tells the figures"
    panel.save(tmp_path / "table.csv")
    window.until((tmp_path / "table.csv").is_file)
    assert pd.read_csv(tmp_path / "table.csv")["core_area_um2"].item() == pytest.approx(
        wanted["core_area_um2"].item(), rel=1e-5
    )


def test_without_a_pixel_size_it_warns_and_gives_pixels(window) -> None:
    panel = window.panel("Segment and measure")
    layer = window.viewer.add_image(draw(36), name="plain")
    assert "in pixels until you enter a pixel size" in panel.size_label.text()
    panel.one_button.click()
    done(window, panel)
    features = window.viewer.layers["plain core"].features
    assert not [name for name in features if "_um" in name]
    assert features["core_area_px"].item() > 0
    panel.size.setText("2,5")
    panel.size.editingFinished.emit()
    done(window, panel)
    assert layer.scale.tolist() == [2.5, 2.5]
    features = window.viewer.layers["plain core"].features
    assert features["core_area_um2"].item() == pytest.approx(features["core_area_px"].item() * 6.25)


def test_frames_painting_and_preview(window) -> None:
    panel = window.panel("Segment and measure")
    stack = np.stack([draw(36), draw(30, seed=1), draw(0)])
    window.viewer.add_image(stack, name="stack")
    assert panel.all_button.text() == "All 3 frames"
    panel.all_button.click()
    done(window, panel)
    core = window.viewer.layers["stack core"]
    assert core.data.shape == stack.shape
    assert core.features["frame"].tolist() == [0, 1, 2]
    assert [np.unique(frame).tolist() for frame in np.asarray(core.data)] == [[0, 1], [0, 2], [0]]
    before = core.features["core_area_px"].tolist()
    core.paint_polygon([[0, 80, 80], [0, 80, 110], [0, 110, 110], [0, 110, 80]], 0)
    panel.again_button.click()
    done(window, panel)
    after = window.viewer.layers["stack core"].features["core_area_px"].tolist()
    assert after[0] < before[0]
    assert after[1] == before[1]

    panel._results.clear()
    window.viewer.dims.set_current_step(0, 1)
    panel.live.setChecked(True)
    window.until(lambda: (1,) in panel._results)
    first = panel._results[(1,)]
    panel.forms["segmentation"].fields["shed"].value = False
    window.until(lambda: panel._results[(1,)] is not first)
    assert not panel._results[(1,)].shed.any()


def test_many_spheres_are_rows_that_can_be_clicked(window) -> None:
    image = np.minimum(draw(22, centre=(50, 50)), draw(26, centre=(130, 130), seed=1))
    panel = window.panel("Segment and measure")
    panel.assay.setCurrentIndex(panel.assay.findData("spheres"))
    window.viewer.add_image(image, name="field", scale=(4, 4), units=("um", "um"))
    panel.one_button.click()
    done(window, panel)
    core = window.viewer.layers["field core"]
    assert core.features["index"].tolist() == [1, 2]
    assert core.features["core_area_px"].is_monotonic_decreasing
    assert "2 spheres" in panel.answer.text()
    panel.show_table()


def test_what_is_no_picture_is_a_sentence(window, capsys) -> None:
    panel = window.panel("Segment and measure")
    window.viewer.add_image(np.full((64, 64), 7, np.uint8), name="blank")
    panel.one_button.click()
    done(window, panel)
    assert "No spheroid was found" in panel.answer.text()
    window.viewer.layers.clear()
    assert panel.layer is None
    panel.run_frame()  # nothing to do, nothing raised


def test_another_well_that_is_chosen_meanwhile_is_not_mixed_in(window, images, monkeypatch) -> None:
    gate = threading.Event()

    def slowly(*arguments):
        for result in find_in_frames(*arguments):
            yield result
            gate.wait(60)

    monkeypatch.setattr("spheroid_qc.gui.panels.measure_panel.find_in_frames", slowly)
    window.open(images)
    panel = window.panel("Segment and measure")
    assert panel.layer is window.viewer.layers["well"]
    panel.all_button.click()
    window.until(lambda: panel._results)
    window.show("C03")
    gate.set()
    done(window, panel)
    assert panel._results == {}
    assert "well core" not in window.viewer.layers
    panel.all_button.click()
    done(window, panel)
    core = window.viewer.layers["well core"]
    for timepoint in range(3):
        found = segment(window.shown().image.frame(timepoint), panel.pixel_size_um)
        assert np.array_equal(np.asarray(core.data[timepoint]) > 0, found.core > 0)


def test_what_was_measured_in_one_well_does_not_lie_on_another(window, finished, tmp_path) -> None:
    from napari.utils.notifications import notification_manager

    window.open(finished)
    panel, layers = window.panel("Segment and measure"), window.viewer.layers
    for _ in range(2):
        window.show("B02", 1)
        panel.one_button.click()
        done(window, panel)
        window.until(lambda: "well core" in layers)
        assert panel.answer.text()
        assert panel.save_button.isEnabled()
        window.viewer.dims.set_current_step(0, 0)
        assert "well core" in layers, "another time of the same well"
        window.show("C02", 1)
        assert "well core" not in layers
        assert "well shed" not in layers
        assert not panel.answer.text()
        assert not panel.save_button.isEnabled(), "there is no table any more"
    panel.one_button.click()
    done(window, panel)
    window.until(lambda: "well core" in layers)
    heard = []
    notification_manager.notification_ready.connect(heard.append)
    other = shutil.copytree(finished, tmp_path / "second" / "plate")
    for path in other.glob("*_B3_*"):
        path.unlink()
    window.open(other)
    assert "well core" not in layers
    assert not [one for one in heard if "units" in one.message]
