"""The Review panel: queue, keys, painting, undo, decisions that survive."""

from __future__ import annotations

import os

import numpy as np
import pytest

pytest.importorskip("napari")
pytestmark = pytest.mark.gui

from qtpy.QtCore import Qt  # noqa: E402

from spheroid_qc.errors import RequestError  # noqa: E402
from spheroid_qc.gui import correct_masks  # noqa: E402
from spheroid_qc.gui.correct_masks import correcting_of  # noqa: E402
from spheroid_qc.gui.run_control import control_of  # noqa: E402
from spheroid_qc.gui.state.review_place import ReviewPlace, keep_place, read_place  # noqa: E402
from spheroid_qc.gui.state.session import Session  # noqa: E402
from spheroid_qc.run.store.mask_files import read_masks  # noqa: E402
from spheroid_qc.run.store.review_decisions import read_exclusions  # noqa: E402


def corrections(out) -> list:
    return sorted(path for path in (out / "corrections").rglob("*") if path.is_file())


def press(viewer, key: str) -> None:
    viewer.keymap[next(k for k in viewer.keymap if str(k) == key)](viewer)


@pytest.fixture
def reviewing(window, finished):
    window.open(finished)
    window.panel("Review")
    window.until(lambda: "core" in window.viewer.layers and window.session.tables)
    # Tables are made anew in the background; these tests look at what is decided.
    control_of(window.viewer).update_tables = lambda: None
    window.session.tables_wanted.disconnect()
    return window


def test_the_queue_is_gone_through_with_keys(reviewing, finished) -> None:
    window, session, viewer = reviewing, reviewing.session, reviewing.viewer
    review = window.panel("Review")
    review.shown.setCurrentText("all frames")
    scores = [entry.score for entry in review.queue.entries]
    assert len(scores) == 18
    assert not review.results_button.styleSheet(), "there is something to do here"
    assert scores == sorted(scores, reverse=True)
    first, second, third = review.queue.entries[:3]
    review.go_to(0)
    window.until(lambda: review.entry is not None and review.entry.key == first.key)
    press(viewer, "N")
    window.until(lambda: review.entry is not None and review.entry.key == second.key)
    press(viewer, "Shift+N")
    window.until(lambda: review.entry is not None and review.entry.key == first.key)
    press(viewer, "A")
    window.until(lambda: review.entry is not None and review.entry.key == second.key)
    review.reason.setCurrentText("dust or fibre on the spheroid")
    press(viewer, "Q")
    window.until(lambda: review.entry is not None and review.entry.key == third.key)
    out = session.opened.out
    (accepted,) = read_exclusions(out / "acceptances.csv")
    (excluded,) = read_exclusions(out / "exclusions.csv")
    assert (accepted.plate, accepted.well, accepted.time_h) == (
        first.plate, first.well, first.time_h,
    )  # fmt: skip
    assert excluded.reason == "dust or fibre on the spheroid"
    assert excluded.by == session.user
    assert excluded.at
    review.refresh()
    assert review.count.text() == "16 of 18 to do"
    press(viewer, "Shift+N")
    window.until(lambda: review.entry is not None and review.entry.key == second.key)
    press(viewer, "U")
    assert read_exclusions(out / "exclusions.csv") == []
    # Another viewer, or the next day: what was decided is still there.
    later = Session()
    later.set_opened(session.opened)
    assert [e.well for e in later.acceptances] == [first.well]


def test_the_place_is_remembered_from_one_session_to_the_next(window, finished, qtbot) -> None:
    out = finished.with_name(f"{finished.name}_spheroid_qc")
    before = ReviewPlace(shown="all frames", blanks=True, plate="VID7", well="C03", timepoint=1)
    keep_place(out, before)
    window.open(finished)
    review = window.panel("Review")
    window.until(lambda: review.queue.entries)
    assert window.session.opened.out == out
    assert review.shown.currentText() == "all frames"
    assert review.blanks.isChecked()
    assert "C03 at 6 h" in review.resume.text()
    qtbot.mouseClick(review.next_button, Qt.MouseButton.LeftButton)
    window.until(lambda: review.entry is not None and review.entry.key == before.key)
    assert review.resume.isHidden()
    qtbot.mouseClick(review.next_button, Qt.MouseButton.LeftButton)
    window.until(lambda: review.entry is not None and review.entry.key != before.key)
    window.until(lambda: read_place(out) not in (None, before))
    assert read_place(out).key == review.entry.key


def test_a_whole_well_can_be_excluded(reviewing) -> None:
    window, review = reviewing, reviewing.panel("Review")
    window.show("B03", 1)
    review.whole.setChecked(True)
    review.reason.setCurrentText("pipetting mistake")
    review.exclude_button.click()
    (entry,) = read_exclusions(window.session.opened.out / "exclusions.csv")
    assert (entry.well, entry.time_h) == ("B03", None)
    assert window.session.decision("VID7", "B03", 0.0)[0] == "exclude"


def test_painting_is_measured_and_kept_and_undone(reviewing) -> None:
    window, viewer = reviewing, reviewing.viewer
    review, out = window.panel("Review"), window.session.opened.out
    automatic = {p: p.read_bytes() for p in (out / "masks").rglob("*.tif")}
    data = window.show("B02", 1)
    heard = []
    correcting_of(viewer).measured.connect(lambda *key: heard.append(key))
    review.paint("shed")
    layer = viewer.layers["shed"]
    assert viewer.layers.selection.active is layer
    assert str(layer.mode) == "paint"
    layer.brush_size = 10
    layer.paint((1, 40, 40), 1)
    window.until(lambda: heard)
    result = correcting_of(viewer).result_of("VID7", "B02", 1)
    old = data.automatic[1]["rows"][0]
    assert result["rows"][0]["total_area_px"] > old["total_area_px"]
    assert result["rows"][0]["core_area_px"] == old["core_area_px"]
    window.until(lambda: len(corrections(out)) == 2)
    _, shed = read_masks(next(p for p in corrections(out) if p.suffix == ".tif"))
    assert shed[40, 40]
    assert automatic == {p: p.read_bytes() for p in automatic}

    window.until(lambda: review.state.text().startswith("Kept: B02 at"))
    assert "corrected" in review.features.text()

    layer.undo()
    window.until(lambda: not corrections(out))
    window.until(lambda: "B02 at 6 h has its automatic masks again" in review.state.text())
    assert "corrected" not in review.features.text()
    assert not correcting_of(viewer).is_corrected("VID7", "B02", 1)
    assert ("VID7", "B02", 1) not in window.session.corrections
    layer.redo()
    window.until(lambda: len(corrections(out)) == 2)
    window.until(lambda: review.state.text().startswith("Kept: B02 at"))

    # Another well and back: the correction is what is shown; its strokes are not undone there.
    window.show("B03", 1)
    window.show("B02", 1)
    assert np.asarray(viewer.layers["shed"].data[1])[40, 40]
    review.restore_button.click()
    window.until(lambda: not corrections(out))
    assert not np.asarray(viewer.layers["shed"].data[1])[40, 40]
    window.until(lambda: "automatic masks again" in review.state.text())
    assert "corrected" not in review.features.text()


def test_eraser_fill_and_polygon_correct_too(reviewing) -> None:
    window, viewer = reviewing, reviewing.viewer
    review, out = window.panel("Review"), window.session.opened.out
    window.show("C02", 0)
    heard = []
    correcting_of(viewer).measured.connect(lambda *key: heard.append(key))
    review.paint("core")
    review.erase()
    core = viewer.layers["core"]
    assert str(core.mode) == "erase"
    core.fill((0, 96, 96), 0)
    window.until(lambda: heard)
    result = correcting_of(viewer).result_of("VID7", "C02", 0)
    assert result["rows"][0]["core_area_px"] == 0
    core.paint_polygon([[0, 60, 60], [0, 60, 130], [0, 130, 130], [0, 130, 60]], 1)
    window.until(lambda: len(heard) > 1)
    result = correcting_of(viewer).result_of("VID7", "C02", 0)
    assert result["rows"][0]["core_area_px"] == pytest.approx(70 * 70, rel=0.1)
    window.until(lambda: corrections(out))


def test_the_last_stroke_is_kept_when_the_window_closes(reviewing) -> None:
    window, viewer = reviewing, reviewing.viewer
    out = window.session.opened.out
    window.show("B04", 2)
    viewer.layers["core"].paint((2, 20, 20), 1)
    assert not corrections(out)
    viewer.window._qt_window.close()
    assert len(corrections(out)) == 2


def test_a_stroke_that_a_thread_is_at_work_on_is_kept_when_the_window_closes(
    reviewing, monkeypatch
) -> None:
    """The thread, held up by others, comes after the window has closed: with the older stroke."""
    window, viewer = reviewing, reviewing.viewer
    out, correcting = window.session.opened.out, correcting_of(reviewing.viewer)
    window.show("B04", 2)
    late = []
    monkeypatch.setattr(correct_masks, "in_background", lambda *given, **_: late.append(given))
    layer = viewer.layers["core"]
    layer.brush_size = 4
    layer.paint((2, 20, 20), 1)
    window.until(lambda: correcting._under_way)
    layer.paint((2, 20, 60), 1)
    viewer.window._qt_window.close()

    def painted() -> list[bool]:
        core, _ = read_masks(next(p for p in corrections(out) if p.suffix == ".tif"))
        return [bool(core[20, 20]), bool(core[20, 60])]

    assert painted() == [True, True]
    measured = [given for given in late if given[1] is correct_masks._measure]
    _, measure, job, picture = measured[0]
    correcting._written.keep(job, measure(job, picture)[0])
    assert painted() == [True, True]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_where_decisions_lie_is_said_and_not_replaced(reviewing) -> None:
    session = reviewing.session
    path = session.opened.run.exclusions
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    session._read_decisions()
    assert "is no plain file" in session.unread
    with pytest.raises(RequestError, match="no plain file"):
        session.decide("VID7", "B02", 0.0, "exclude", "x")
    assert path.is_fifo()


def _paint_a_piece(window, well: str, timepoint: int) -> None:
    window.show(well, timepoint)
    core = window.viewer.layers["core"]
    review = window.panel("Review")
    review.paint("core")
    core.brush_size = 9
    core.paint((timepoint, 8, 8), 1)
    window.until(lambda: (window.session.plate, well, timepoint) in window.session.corrections)


def test_corrections_are_decisions_that_are_listed_and_taken_back(reviewing) -> None:
    window, session = reviewing, reviewing.session
    review, out = window.panel("Review"), session.opened.out
    _paint_a_piece(window, "B02", 1)
    assert "Core area (largest of 2)" in review.features.text()
    _paint_a_piece(window, "B03", 0)
    window.until(lambda: review.decided_fold.text() == "Decisions so far (2)")
    lines = [review.decided.topLevelItem(n) for n in range(2)]
    assert {line.text(0) for line in lines} == {"B02  6 h", "B03  0 h"}
    assert {line.text(1) for line in lines} == {"corrected"}
    assert all(session.user in line.text(2) for line in lines)

    # Of the well that is shown (B03) and of another.
    for line in lines:
        line.setSelected(True)
    review.revert_chosen()
    window.until(lambda: not corrections(out) and not session.corrections)
    window.until(lambda: review.decided_fold.text() == "Decisions so far (0)")
    assert not np.asarray(window.viewer.layers["core"].data[0])[8, 8]


def test_corrections_are_known_when_a_folder_is_opened_before_its_tables_tell(
    reviewing, qtbot
) -> None:
    window, session = reviewing, reviewing.session
    review = window.panel("Review")
    _paint_a_piece(window, "C02", 2)
    assert not (session.tables["wells"]["method"] == "corrected").any()
    session.corrections = {}
    window.open(session.opened.folder)
    window.until(lambda: session.corrections)
    (correction,) = session.corrections.values()
    assert correction.by == session.user
    assert correction.at
    review.shown.setCurrentText("decided or corrected")
    window.until(lambda: [entry.well for entry in review.queue.entries] == ["C02"])
    assert review.queue.entries[0].corrected


def test_without_a_reason_the_question_is_seen(reviewing) -> None:
    review = reviewing.panel("Review")
    review.shown.setCurrentText("all frames")
    review.go_to(0)
    review.reason.setCurrentText("")
    review.exclude()
    assert review.message.text().startswith("Why is it excluded?")
    assert not review.reason.view().isVisible(), "an opened list would lie over the question"
    assert not reviewing.session.exclusions
