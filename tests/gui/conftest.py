"""A real viewer, a small plate that is quick to analyse, and waiting without sleeping."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.run.conftest import write_plate

_NO_SCREEN = (
    sys.platform.startswith("linux")
    and not os.environ.get("DISPLAY")
    and shutil.which("Xvfb") is None
)
_REASON = (
    "napari is not installed"
    if importlib.util.find_spec("napari") is None
    else "there is no screen, and Xvfb is not installed"
    if _NO_SCREEN
    else ""
)


def pytest_collection_modifyitems(items) -> None:
    """Skip what needs a window where there can't be one."""
    for item in items:
        if _REASON and "gui" in item.keywords and item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.skip(reason=_REASON))


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch, tmp_path) -> None:
    """No test touches the settings or the cache of whoever runs it."""
    monkeypatch.setenv("NAPARI_CONFIG", str(tmp_path / "napari" / "settings.yaml"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="session")
def original(tmp_path_factory) -> Path:
    """Six wells at three times, with a map beside them."""
    return write_plate(tmp_path_factory.mktemp("gui") / "plate_7")


@pytest.fixture
def images(original, tmp_path) -> Path:
    """A copy that a test may do anything with."""
    folder = Path(shutil.copytree(original, tmp_path / "plate_7"))
    shutil.copy(original.parent / "map.csv", tmp_path / "map.csv")
    return folder


@pytest.fixture(scope="session")
def analysed(original, tmp_path_factory) -> Path:
    """The same plate with its results beside it, without the page, which takes as long again."""
    from spheroid_qc.run import RunRequest, analyse_images, default_out, mark_done, plan_run
    from spheroid_qc.run.worker_processes import Workers

    place = tmp_path_factory.mktemp("analysed")
    folder = Path(shutil.copytree(original, place / "plate_7"))
    shutil.copy(original.parent / "map.csv", place / "map.csv")
    with Workers(0) as pool:
        planned = plan_run(RunRequest(folder, default_out(folder), place / "map.csv"), pool)
        with planned.run.locked():
            mark_done(planned, analyse_images(planned, pool)[0])
    return folder


@pytest.fixture
def finished(analysed, tmp_path) -> Path:
    """A copy of the plate with results."""
    for path in analysed.parent.iterdir():
        if path.is_dir():
            shutil.copytree(path, tmp_path / path.name)
        else:
            shutil.copy(path, tmp_path / path.name)
    return tmp_path / analysed.name


def in_one_process(run_panel) -> None:
    """Let the background process do all the work itself: fewer processes to start."""
    run_panel.workers.setRange(0, 8)
    run_panel.workers.setValue(0)


class Window:
    """A viewer with the plug-in, driven through its manifest."""

    def __init__(self, viewer, qtbot) -> None:
        from spheroid_qc.gui.state.session import session_of

        self.viewer = viewer
        self.qtbot = qtbot
        self.session = session_of(viewer)

    @property
    def caption(self) -> str:
        from spheroid_qc.gui.result_layers import overlay_of

        return overlay_of(self.viewer, "text").text

    def panel(self, name: str):
        return self.viewer.window.add_plugin_dock_widget("spheroid_qc", name)[1]

    def until(self, condition, seconds: float = 120) -> None:
        from spheroid_qc.gui import background_threads

        self.qtbot.waitUntil(lambda: bool(condition()), timeout=int(seconds * 1000))
        # And until every panel has made of it what it makes, each in its turn.
        self.qtbot.waitUntil(lambda: not background_threads._TURNS, timeout=20_000)

    def open(self, folder: Path):
        plate = self.panel("Plate")
        plate.open(folder)
        self.until(lambda: self.session.opened is not None and self.session.opened.folder == folder)
        self.until(lambda: self.shown())
        return plate

    def shown(self):
        from spheroid_qc.gui.well_view import view_of

        data = view_of(self.viewer).data
        return data is not None and data.well == self.session.well and data

    def show(self, well: str, timepoint: int = 0):
        self.session.show(self.session.plate, well, timepoint)
        from spheroid_qc.gui.well_view import view_of

        view = view_of(self.viewer)
        self.until(lambda: self.shown() and view.data.well == well and view.timepoint == timepoint)
        return self.shown()


@pytest.fixture
def window(make_napari_viewer, qtbot):
    return Window(make_napari_viewer(), qtbot)
