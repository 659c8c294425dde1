"""The button *Learn from my corrections*: shown before and after, and kept only when wanted."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("napari")
pytestmark = pytest.mark.gui

from qtpy.QtWidgets import QLabel  # noqa: E402

from spheroid_qc import run_plate  # noqa: E402
from spheroid_qc.gui import learn_from_corrections as learning  # noqa: E402
from spheroid_qc.gui.run_control import Job, control_of  # noqa: E402
from tests.run.conftest import write  # noqa: E402
from tests.run.store.test_corrected_masks import correct  # noqa: E402
from tests.segmentation.adapter.zoned import zoned  # noqa: E402

WELLS = ("B02", "B03", "B04", "C02")


@pytest.fixture
def said(monkeypatch) -> list[str]:
    """What the person is told in notifications."""
    told: list[str] = []
    for name in ("show_info", "show_warning"):
        monkeypatch.setattr(learning, name, told.append)
    return told


@pytest.fixture
def corrected(tmp_path) -> Path:
    """A small plate that was analysed, with three of its four wells corrected."""
    folder = tmp_path / "plate_9"
    for seed, well in enumerate(WELLS):
        write(folder / f"VID9_{well}_1_00d00h00m.tif", zoned(seed)[0])
    out = run_plate(folder, workers=0).out
    for seed, well in enumerate(WELLS[:3]):
        masks = zoned(seed)[1]
        correct(folder, out, well, 0, lambda core, shed, m=masks: (m.core, m.shed))
    return folder


def test_too_few_corrections_are_said_so(window, finished, said) -> None:
    window.open(finished)
    review = window.panel("Review")
    window.until(lambda: window.session.tables)
    review.learn_button.click()
    window.until(lambda: said)
    assert "at least 3 are needed" in said[0]
    # In full in the panel too: a notice shows the first words only.
    assert review.message.text().replace("\u200b", "") == said[0]
    assert not window.session.opened.run.adapter.exists()


def test_tables_that_are_made_anew_keep_nobody_from_learning(window, finished, said) -> None:
    window.open(finished)
    review, control = window.panel("Review"), control_of(window.viewer)
    window.until(lambda: window.session.tables)
    for only_tables, words in ((False, "still being analysed"), (True, "at least 3 are needed")):
        control._job = Job(window.session.opened, window.session.request(), only_tables)
        control.run = object()
        review.learn_button.click()
        window.until(lambda: said)
        assert words in said.pop()
    out = window.session.opened.out
    assert learning.is_busy(control, out)
    assert not learning.is_busy(control, out.with_name("another"))
    kept = []
    proposal = SimpleNamespace(out=out)
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(learning, "keep_adapter", kept.append)
    monkeypatch.setattr(control, "start", lambda: None)
    learning.keep_and_run(window.viewer, proposal)
    window.qtbot.wait(500)
    assert not kept, "the run folder is held"
    control.run = None
    window.until(lambda: kept == [proposal])
    monkeypatch.undo()


def test_the_question_fits_into_the_window(window, qtbot) -> None:
    main = window.viewer.window._qt_window
    main.resize(1000, 700)
    nothing = SimpleNamespace(corrected=(), others=())
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(learning, "comparison_lines", lambda proposal: ["before and after"])
    dialog = learning.BeforeAndAfter(nothing, window.panel("Review"))
    monkeypatch.undo()
    qtbot.addWidget(dialog)
    assert dialog.height() <= main.height()
    assert dialog.width() <= main.width()


def test_what_was_learned_is_shown_and_kept_only_when_wanted(
    window, corrected, said, monkeypatch
) -> None:
    window.open(corrected)
    review = window.panel("Review")
    control = control_of(window.viewer)
    # Fewer processes to start.
    monkeypatch.setattr(control, "start", partial(control.start, 0))
    # Corrections are newer than the tables, which are made anew first.
    control.update_now()
    window.until(lambda: window.session.tables and not control.running and not control.pending)
    dialogs: list[learning.BeforeAndAfter] = []
    made = learning.BeforeAndAfter

    def remember(*arguments) -> learning.BeforeAndAfter:
        dialogs.append(made(*arguments))
        return dialogs[-1]

    monkeypatch.setattr(learning, "BeforeAndAfter", remember)
    run = window.session.opened.run

    review.learn_button.click()
    window.until(lambda: dialogs and dialogs[0].isVisible())
    pictures = [label for label in dialogs[0].findChildren(QLabel) if label.pixmap() is not None]
    assert sum(not label.pixmap().isNull() for label in pictures) == 4
    # Three pictures beside each other say nothing unless it is said which is which.
    told = [label.text() for label in dialogs[0].findChildren(QLabel)]
    assert "VID9 B02 0 h, from left to right: as corrected, before, after" in told
    assert "VID9 C02 0 h, from left to right: before, after" in told
    dialogs[0].reject()
    assert not run.adapter.exists()
    assert not control.running

    before = (run.masks / "VID9_C02_1_00d00h00m.ome.tif").read_bytes()
    review.learn_button.click()
    window.until(lambda: len(dialogs) == 2 and dialogs[1].isVisible())
    earlier = window.session.tables
    dialogs[1].accept()
    assert run.adapter.is_file()
    # Those of before stay in sight until then.
    window.until(lambda: not control.running and window.session.tables is not earlier)
    assert (run.masks / "VID9_C02_1_00d00h00m.ome.tif").read_bytes() != before
    wells = window.session.tables["wells"].set_index("well")
    assert wells.loc["B02", "method"] == "corrected"
    assert wells.loc["C02", "disintegration_fraction"] < 0.1
    assert not said
