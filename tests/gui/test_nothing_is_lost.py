"""Closing, deleting and opening something else in the middle of a run raises and loses nothing."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
import time

import pytest

pytest.importorskip("napari")
pytestmark = pytest.mark.gui

from spheroid_qc.gui.run_control import control_of  # noqa: E402

from .conftest import in_one_process  # noqa: E402


def started(window, folder):
    window.open(folder)
    run = window.panel("Run")
    in_one_process(run)
    run.start()
    control = control_of(window.viewer)
    window.until(lambda: control.live)
    return run, control


@contextlib.contextmanager
def held(control):
    """Hold the run where it is, however slow the window is meanwhile."""
    process = control.run._process
    if sys.platform != "win32":
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        if sys.platform != "win32":
            process.send_signal(signal.SIGCONT)


def test_panels_closed_and_layers_deleted_in_the_middle_of_a_run(window, images) -> None:
    _, control = started(window, images)
    viewer = window.viewer
    with held(control):
        window.panel("Review")
        for name in ("Run", "Review"):
            dock, _ = viewer.window.add_plugin_dock_widget("spheroid_qc", name)
            viewer.window.remove_dock_widget(dock)
        viewer.layers.clear()
        window.show("C02", 1)
        assert "well" in viewer.layers, "a layer that was deleted is made again"
        viewer.layers.remove("well")
        assert control.running
        again = window.panel("Run")
        assert again.cancel_button.isVisibleTo(again), "a new panel shows the run that goes on"
    window.until(lambda: not control.running)
    window.until(lambda: "wells" in window.session.tables)
    assert len(window.session.tables["wells"]) == 18


def test_another_folder_opened_in_the_middle_of_a_run(window, images) -> None:
    other = images.with_name("another")
    shutil.copytree(images, other)
    run, control = started(window, images)
    first = window.session.opened.out
    with held(control):
        window.open(other)
        assert window.session.opened.folder == other
        run.start()  # one at a time: said, not started
        assert control.request.folder == images
    window.until(lambda: not control.running)
    assert (first / "wells.csv").is_file()
    assert "wells" not in window.session.tables, "its tables are not taken for the other's"


def test_napari_closed_in_the_middle_of_a_run(window, images) -> None:
    _, control = started(window, images)
    out, run = window.session.opened.out, control.run
    window.viewer.close()
    window.until(lambda: run.wait(0.0), seconds=120)
    assert list((out / "records").rglob("*.json")), "finished wells are kept"
    from spheroid_qc.run.store.run_folder import RunFolder

    end = time.monotonic() + 120
    while time.monotonic() < end:  # its lock goes with the process
        try:
            with RunFolder(out).locked():
                break
        except Exception:
            time.sleep(0.1)
    else:
        pytest.fail("the run still holds its folder")
