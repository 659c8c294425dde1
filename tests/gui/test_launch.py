"""`spheroid-qc gui`: what it says where there is no napari or no screen, and what it opens."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from spheroid_qc.cli import main
from spheroid_qc.errors import RequestError


def test_without_napari_it_says_what_to_install(monkeypatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "napari" else real(name, *a)
    )
    with pytest.raises(RequestError, match=r"pip install 'spheroid_qc\[all\]'") as told:
        main.gui(None)
    assert "\n" not in str(told.value)


def test_without_a_screen_it_says_so(monkeypatch) -> None:
    monkeypatch.setattr(main.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda *a: object())
    with pytest.raises(RequestError, match="no screen"):
        main.gui(None)


def test_a_folder_that_is_none_is_refused_before_anything_opens(tmp_path) -> None:
    with pytest.raises(RequestError, match="is not a folder"):
        main.gui(tmp_path / "nothing")


@pytest.mark.gui
def test_all_panels_are_docked_as_tabs_and_in_the_menus(make_napari_viewer) -> None:
    npe2 = pytest.importorskip("npe2")
    from spheroid_qc.gui.launch import open_all_panels
    from spheroid_qc.gui.open_and_save import PANELS

    viewer = make_napari_viewer()
    open_all_panels(viewer)
    docks = viewer.window._qt_window.findChildren(
        type(viewer.window.add_plugin_dock_widget("spheroid_qc", "Plate")[0])
    )
    titles = {dock.windowTitle() for dock in docks}
    assert set(PANELS) <= titles
    manifest = npe2.PluginManifest.from_distribution("spheroid_qc")
    offered = {widget.display_name for widget in manifest.contributions.widgets}
    assert offered == {"All panels", *PANELS}
    menus = manifest.contributions.menus
    assert {"napari/layers/segment", "napari/layers/measure"} <= set(menus)


@pytest.mark.gui
def test_a_typed_path_a_plate_map_and_the_sample(make_napari_viewer, qtbot) -> None:
    from spheroid_qc.gui.open_sample_plate import SMALL, sample_folder
    from spheroid_qc.samples import write_plate

    viewer = make_napari_viewer()
    # The sample as it is, only with fewer pixels, so that a test can wait for it.
    from dataclasses import replace

    folder = sample_folder()
    small = replace(SMALL, wells=SMALL.wells[:3], times_h=SMALL.times_h[:2], shape=(128, 128))
    write_plate(folder / "sample_plate", small, seed=3)
    (folder / "complete").write_text("", "utf-8")
    viewer.open_sample("spheroid_qc", "small_plate")
    qtbot.waitUntil(lambda: "well" in viewer.layers, timeout=60_000)
    _, plate = viewer.window.add_plugin_dock_widget("spheroid_qc", "Plate")
    assert plate.found_map.text() == "Use plate_map.csv"
    plate.found_map.click()
    qtbot.waitUntil(lambda: plate.session.plate_map is not None, timeout=60_000)


ENDS_WHILE_A_THREAD_WORKS = """
import time
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QApplication
application, owner = QApplication([]), QObject()
from spheroid_qc.gui.background_threads import in_background
in_background(owner, time.sleep, 1.0)
"""


@pytest.mark.gui
def test_a_program_that_ends_while_a_thread_works_raises_nothing() -> None:
    command = [sys.executable, "-W", "ignore", "-c", ENDS_WHILE_A_THREAD_WORKS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "Error" not in done.stderr
