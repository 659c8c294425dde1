"""How many clicks of a mouse lead from a folder to tables and to exported files."""

from __future__ import annotations

import shutil

import pytest

pytest.importorskip("napari")
pytestmark = pytest.mark.gui

from qtpy.QtCore import Qt  # noqa: E402
from qtpy.QtWidgets import QApplication, QFileDialog  # noqa: E402

from spheroid_qc.gui.launch import open_all_panels  # noqa: E402
from spheroid_qc.gui.open_and_save import open_images, open_panel  # noqa: E402
from spheroid_qc.gui.run_control import control_of  # noqa: E402

from .conftest import in_one_process  # noqa: E402

IN_A_DIALOG = 1
"""The folder that a dialog starts in is the one that is wanted: *Choose*."""


class Hand:
    """Clicks on what can be seen, and counts."""

    def __init__(self, window) -> None:
        self.window = window
        self.clicks = 0

    def click(self, widget) -> None:
        self.window.until(lambda: widget.isVisible() and widget.isEnabled(), 60)
        middle = widget.rect().center()
        at = QApplication.widgetAt(widget.mapToGlobal(middle))
        assert at is widget or widget.isAncestorOf(at), f"{widget.text()} is covered or cut off"
        self.window.qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=middle)
        self.clicks += 1


def test_two_clicks_to_tables_and_seven_to_exported_files(
    window, images, tmp_path, monkeypatch
) -> None:
    shutil.move(tmp_path / "map.csv", images.with_name("plate_7_map.csv"))
    main = window.viewer.window._qt_window
    main.resize(1366, 768)
    main.show()
    open_all_panels(window.viewer)
    open_images(window.viewer, images)  # what `spheroid-qc gui FOLDER` has done by itself
    window.until(window.shown)
    session, control, hand = window.session, control_of(window.viewer), Hand(window)
    plate, run, review, results = (
        window.panel(name) for name in ("Plate", "Run", "Review", "Results")
    )
    in_one_process(run)
    open_panel(window.viewer, "Plate")

    hand.click(plate.found_map)
    window.until(lambda: session.plate_map is not None)
    with_map = hand.clicks
    hand.click(plate.next_button)
    hand.click(run.start_button)
    window.until(lambda: control.running)
    window.until(lambda: not control.running and "wells" in session.tables)
    assert (session.opened.out / "wells.csv").is_file()
    assert hand.clicks - with_map == 2, "without a map two clicks lead to tables"

    hand.click(run.next_button)
    window.until(lambda: review.queue.entries)
    hand.click(review.next_button)
    assert review.entry is not None, "a doubtful frame is looked at"
    hand.click(review.results_button)
    target = tmp_path / "exported"
    target.mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(target))
    hand.click(results.export_button)
    hand.clicks += IN_A_DIALOG
    window.until(lambda: "files are in" in results.state.text())
    assert (target / "wells.csv").read_bytes() == (session.opened.out / "wells.csv").read_bytes()
    assert hand.clicks <= 8
