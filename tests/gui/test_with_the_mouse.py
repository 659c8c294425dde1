"""What a new user met with a real mouse: each finding once, driven by the events that made it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("napari")
pytestmark = pytest.mark.gui

from qtpy.QtCore import QPoint, QPointF, Qt  # noqa: E402
from qtpy.QtGui import QWheelEvent  # noqa: E402
from qtpy.QtWidgets import (  # noqa: E402
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QPushButton,
    QScrollBar,
    QTabBar,
)

from spheroid_qc.gui.open_and_save import (  # noqa: E402
    PANELS,
    load_map,
    open_images,
    save_edited_map,
)
from spheroid_qc.gui.panels.base_panel import PANEL_WIDTH, BasePanel  # noqa: E402
from spheroid_qc.gui.panels.review_panel import features_html  # noqa: E402
from spheroid_qc.gui.run_control import control_of  # noqa: E402
from spheroid_qc.gui.well_view import view_of  # noqa: E402
from spheroid_qc.run import default_out  # noqa: E402

from .conftest import in_one_process  # noqa: E402


def wheel(widget, notches: int) -> None:
    """Turn the wheel over a widget, as Qt sends it: to it first, then to whoever holds it."""
    middle = QPointF(widget.rect().center())
    event = QWheelEvent(
        middle, widget.mapToGlobal(middle), QPoint(0, 0), QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase,
        False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)


def with_all_fields(panel):
    """A panel after all of its settings have been looked at, which is when they are made."""
    own = getattr(panel, "form", None)
    for form in (*([own] if own is not None else []), *getattr(panel, "forms", {}).values()):
        assert form.fields
    return panel


def value_of(widget):
    if isinstance(widget, QComboBox | QTabBar):
        return widget.currentIndex()
    return widget.text() if isinstance(widget, QAbstractSpinBox) else widget.value()


def drag(qtbot, grid, first: str, last: str) -> None:
    a, b = (grid.box_of(well).center().toPoint() for well in (first, last))
    qtbot.mousePress(grid, Qt.MouseButton.LeftButton, pos=a)
    qtbot.mouseMove(grid, pos=(a + b) / 2)
    qtbot.mouseMove(grid, pos=b)
    qtbot.mouseRelease(grid, Qt.MouseButton.LeftButton, pos=b)


def second_plate(images: Path, keep: str = "*_B2_*") -> Path:
    """A smaller plate, never analysed, beside the first."""
    folder = images.with_name("other_plate")
    folder.mkdir()
    for path in images.glob(keep):
        shutil.copy(path, folder)
    return folder


def with_more_wells(images: Path) -> None:
    """A plate that takes a while, so that it is still being run when something else is done."""
    for path in list(images.glob("*_B2_*")):
        for row in "EFGH":
            for column in range(2, 12):
                shutil.copy(path, images / path.name.replace("_B2_", f"_{row}{column}_"))


def opened(window, folder: Path) -> None:
    open_images(window.viewer, folder)
    window.until(lambda: window.session.opened.folder == folder)
    window.until(window.shown)


def test_the_wheel_scrolls_and_changes_nothing_in_any_panel(window, finished) -> None:
    window.open(finished)
    window.until(lambda: window.session.answer is not None)
    seen = 0
    for name in PANELS:
        panel = with_all_fields(window.panel(name))
        for kind in (QComboBox, QAbstractSpinBox, QAbstractSlider, QTabBar):
            for widget in panel.findChildren(kind):
                if isinstance(widget, QScrollBar):
                    continue
                before = value_of(widget)
                for notches in (1, -1, -1):
                    wheel(widget, notches)
                assert value_of(widget) == before, (name, widget)
                widget.setFocus()  # and not with the focus of the last click either
                wheel(widget, -1)
                assert value_of(widget) == before, (name, widget)
                seen += 1
    assert seen > 60


def test_the_wheel_over_a_box_scrolls_the_panel(window, images) -> None:
    plate = window.open(images)
    plate.editor_fold.expand()
    main = window.viewer.window._qt_window
    main.show()
    main.resize(1000, 500)
    bar = plate.area.verticalScrollBar()
    window.until(lambda: bar.maximum() > 0, 30)
    wheel(plate.editor.role, -2)
    assert bar.value() > 0


def test_the_selection_belongs_to_its_plate(window, images, qtbot) -> None:
    plate = window.open(images)
    drag(qtbot, plate.grid, "F10", "H12")
    assert len(plate.grid.selected) == 9
    opened(window, second_plate(images))
    assert plate.grid.selected == ()
    assert not plate.editor.fill.isEnabled()
    plate.editor.fill_selected()
    assert not window.session.draft.wells


def test_wells_beyond_a_smaller_plate_are_not_selected(window, images) -> None:
    plate = window.open(images)
    plate.grid.select(["B02", "H12"])
    plate.form.fields["well_count"].value = "24"
    window.until(lambda: window.session.well_count == 24 and plate.grid.shape_of_plate == (4, 6))
    assert plate.grid.selected == ("B02",)


def test_run_shows_the_plate_that_is_open_and_no_other(window, finished) -> None:
    window.open(finished)
    run = window.panel("Run")
    window.until(lambda: "wells" in window.session.tables and run.map.grid.face("B02").colour)
    assert run.start_button.text() == "Analyse again"
    opened(window, second_plate(finished))
    run.map._draw()
    assert all(run.map.grid.face(well).colour is None for well in ("B02", "B03", "C02", "C03"))
    assert not run.map.grid.face("B02").faint, "wells with images are seen before the run"
    assert run.map.grid.face("C03").faint
    assert run.start_button.text() == "Analyse plate"
    assert run.answer_fold.isHidden()
    assert run.status.text() == "Not started."


def test_continue_continues_the_plate_that_was_stopped(window, images) -> None:
    with_more_wells(images)
    other = second_plate(images)
    window.open(images)
    run, control = window.panel("Run"), control_of(window.viewer)
    in_one_process(run)
    run.start_button.click()
    window.until(lambda: control.live)
    first = window.session.opened
    opened(window, other)
    assert run.start_button.text() == "Analyse plate"
    assert not control.live, "wells of the other plate are not this one's"
    assert run.cancel_button.isHidden()
    control.withdraw(control.job_of(first.out))
    window.until(lambda: not control.running)
    assert run.start_button.text() == "Analyse plate"
    assert "Stopped" not in run.status.text()
    assert "VID7" not in run.what.text()
    opened(window, images)
    assert run.start_button.text() == "Continue"


def test_a_plate_that_was_stopped_can_be_taken_out_of_the_queue(window, images) -> None:
    with_more_wells(images)
    window.open(images)
    run, control = window.panel("Run"), control_of(window.viewer)
    in_one_process(run)
    run.start_button.click()
    window.until(lambda: control.live)
    run.cancel_button.click()
    (line,) = run.queue.findChildren(QPushButton, "take out")
    assert not line.isEnabled(), "it is being stopped"
    window.until(lambda: not control.running)
    assert line.isEnabled()
    line.click()
    assert not control.jobs
    assert run.start_button.text() == "Continue", "what was finished is kept"


def as_stopped_while_its_report_was_drawn(folder: Path) -> Path:
    """Tables and masks are there, and the run folder does not call itself done."""
    run_json = default_out(folder) / "run.json"
    content = json.loads(run_json.read_text())
    assert content["status"] == "done"
    run_json.write_text(json.dumps(content | {"status": "running"}))
    return run_json


def test_a_run_stopped_while_its_report_was_drawn_reads_the_same_in_all_panels(
    window, finished
) -> None:
    run_json = as_stopped_while_its_report_was_drawn(finished)
    plate = window.open(finished)
    run, control = window.panel("Run"), control_of(window.viewer)
    in_one_process(run)
    window.until(lambda: "wells" in window.session.tables)
    assert "An analysis was begun" in plate.summary.text()
    assert "Begun before" in run.status.text()
    assert (run.start_button.text(), run.bar.value()) == ("Continue", 0)
    assert run.start_button.styleSheet()
    assert not run.next_button.styleSheet(), "the run is to be continued first"
    run.start_button.click()
    window.until(lambda: control.shown is not None and control.shown.outcome is not None)
    assert json.loads(run_json.read_text())["status"] == "done"
    assert "Analysed before" in plate.summary.text(), "the panel beside it knows at once"
    assert run.start_button.text() == "Analyse again"
    assert run.next_button.styleSheet()
    assert not run.start_button.styleSheet()


def test_a_damaged_run_folder_is_said_and_counts_as_none(window, finished, capsys) -> None:
    as_stopped_while_its_report_was_drawn(finished).write_text("{")
    run, plate = window.panel("Run"), window.panel("Plate")
    plate.open(finished)
    window.until(window.shown)
    assert "can't be continued" in capsys.readouterr().out
    assert run.start_button.text() == "Analyse plate"
    assert run.status.text() == "Not started."
    assert "nalys" not in plate.summary.text()


def test_plates_wait_for_each_other_and_run_in_turn(window, images) -> None:
    other = second_plate(images)
    window.open(images)
    run, control = window.panel("Run"), control_of(window.viewer)
    in_one_process(run)
    run.forms["output"].fields["overlays"].value = "none"
    run.start_button.click()
    run.add_folder(other)
    window.until(lambda: len(control.jobs) == 2)
    first, second = control.jobs
    assert first.running
    assert second.waiting
    assert second.request.folder == other
    window.until(lambda: second.outcome is not None)
    for job in (first, second):
        assert (job.request.out / "wells.csv").is_file()
    window.until(lambda: "wells" in window.session.tables)
    assert window.session.opened.folder == images, "the queue opens nothing by itself"


def test_replicate_plates_of_the_queue_are_analysed_together(window, finished, qtbot) -> None:
    from spheroid_qc.gui.run_control import Job
    from spheroid_qc.workflow.background_process import Ended

    window.open(finished)
    run, control = window.panel("Run"), control_of(window.viewer)
    window.until(lambda: "wells" in window.session.tables)
    opened = window.session.opened
    assert run.together_button.isHidden(), "one plate has nothing to be together with"
    copy = opened.out.with_name("plate_8_spheroid_qc")
    shutil.copytree(opened.out, copy)
    for out in (opened.out, copy):
        job = Job(opened, replace(window.session.request(), out=out))
        job.outcome = Ended(18, 18, (), (), ())
        control.jobs.append(job)
    run._on_run()
    qtbot.mouseClick(run.together_button, Qt.MouseButton.LeftButton)
    assert not run.together_button.isEnabled()
    window.until(lambda: not run.page_button.isHidden() or run.message.text())
    assert run.together.text().startswith("2 plates together"), run.message.text()
    target = opened.out.with_name(f"{opened.out.name}_and_1_more")
    assert (target / "report.html").is_file()
    assert run.together_button.isEnabled()


def test_plates_without_a_map_are_named_and_not_counted(window, finished) -> None:
    from spheroid_qc.gui.state.run_answer import answer_together
    from spheroid_qc.parameters import Parameters

    window.open(finished)
    out = window.session.opened.out
    copy = out.with_name("plate_8_spheroid_qc")
    shutil.copytree(out, copy)
    wells = pd.read_csv(copy / "wells.csv").assign(condition="unmapped", role="unmapped")
    wells.to_csv(copy / "wells.csv", index=False)
    found = answer_together([out, copy], out.with_name("together"), Parameters())
    assert found.plates == ("plate_7_spheroid_qc / VID7",)
    assert found.unmapped == ("plate_8_spheroid_qc / VID7",)

    run = window.panel("Run")
    with patch("spheroid_qc.gui.panels.run_panel.in_process") as asked:
        with patch.object(run, "finished_runs", lambda: [out, copy]):
            run.analyse_together()
        asked.call_args.kwargs["done"](found)
    assert "1 plate together" in run.together.text()
    assert "plate_8_spheroid_qc / VID7: no plate map" in run.together.text()


def test_a_folder_with_two_possible_maps_is_not_queued(window, images) -> None:
    other = second_plate(images)
    for name in ("map_1.csv", "map_2.csv"):
        shutil.copy(images.parent / "map.csv", other / name)
    window.open(images)
    run, control = window.panel("Run"), control_of(window.viewer)
    run.add_folder(other)
    window.until(run.message.text)
    assert "any of map_1.csv, map_2.csv may be its plate map" in run.message.text().replace(
        "\u200b", ""
    )
    assert not control.jobs


def test_results_stay_in_sight_while_masks_are_made_anew_with_what_was_learned(
    window, finished
) -> None:
    from spheroid_qc.gui.state.opened_folder import signed_anew

    window.open(finished)
    results, session = window.panel("Results"), window.session
    window.until(lambda: session.answer is not None)
    session.set_opened(signed_anew(session.opened, "abc"))
    assert results.empty.isHidden()
    assert session.tables
    assert session.answer is not None


@pytest.mark.parametrize("name", PANELS)
def test_no_panel_is_cut_off_at_its_smallest_width(name, window, finished) -> None:
    window.open(finished)
    window.until(lambda: window.session.answer is not None)
    panel = with_all_fields(window.panel(name))
    if name == "Plate":
        for fold in (panel.editor_fold, panel.settings_fold, panel.names_fold):
            fold.expand()
    if name == "Review":
        # The widest that it gets: numbers before and after a correction, with their intervals.
        row = {"core_area_um2": 1234567.0, "total_area_um2": 1234567.0, "core_area_px": 1.0,
               "disintegration_fraction": 0.5, "disintegration_fraction_low": 0.1,
               "disintegration_fraction_high": 0.9}  # fmt: skip
        field = {"pixel_size_um": 1.0, "rows": [row]}
        panel.features.setText(features_html(field, field))
    # What a scroll bar takes of it, in any style.
    room = PANEL_WIDTH - 16
    assert panel.inside.minimumSizeHint().width() <= room
    assert panel.foot.minimumSizeHint().width() <= room
    window.viewer.window._qt_window.resize(1366, 768)
    panel.resize(PANEL_WIDTH, 500)
    window.until(lambda: panel.area.horizontalScrollBar().maximum() == 0)


def test_panels_are_tabs_whichever_menu_opened_them(window) -> None:
    main = window.viewer.window._qt_window
    main.show()
    docks = [
        window.viewer.window.add_plugin_dock_widget("spheroid_qc", name)[0]
        for name in ("Plate", "Run", "Segment and measure")
    ]
    for dock in docks:
        dock.show()
    window.until(lambda: len(main.tabifiedDockWidgets(docks[0])) == 2)


def test_the_plugins_menu_opens_all_panels(window) -> None:
    window.panel("All panels")
    main = window.viewer.window._qt_window
    window.until(lambda: len(main.findChildren(BasePanel)) == len(PANELS))
    docks = window.viewer.window.dock_widgets
    window.until(lambda: not any("All panels" in name for name in docks))


def test_what_came_out_is_a_table_with_the_states_of_the_wells(window, finished) -> None:
    window.open(finished)
    run = window.panel("Run")
    window.until(lambda: window.session.answer is not None)
    assert run.answer_fold.isExpanded()
    lines = {line.title: line for line in run.answer.lines}
    conditions = window.session.tables["conditions"]
    last = conditions[conditions["time_h"] == conditions["time_h"].max()]
    imaged = last[last["n_wells"] > 0]
    assert len(imaged)
    assert len(lines) >= len(imaged)
    for line in lines.values():
        assert sum(count for _, count in line.states) >= line.n
    window.viewer.window._qt_window.show()
    window.until(lambda: run.answer.height() > 50 and run.answer.width() > 200)
    assert not run.answer.grab().isNull()


def test_a_map_that_is_refused_is_said_beside_the_map_until_it_is_mended(window, images) -> None:
    plate = window.open(images)
    load_map(view_of(window.viewer), window.session, images.parent / "map.csv")
    window.until(lambda: window.session.map_path is not None)
    wrong = images.parent / "wrong_map.csv"
    wrong.write_text("well,drug,dose\nB02,selinexor,1\nZ99,selinexor,1\n", "utf-8")
    load_map(view_of(window.viewer), window.session, wrong)
    window.until(lambda: not plate.map_problem.isHidden())
    assert plate.map_problem.severity == "error"
    assert "wrong_map.csv" in plate.map_problem.text().replace("\u200b", "")
    assert "still map.csv" in plate.map_problem.text()
    window.show("C03", 1)
    assert not plate.map_problem.isHidden(), "it stays until it is mended"
    load_map(view_of(window.viewer), window.session, images.parent / "map.csv")
    window.until(lambda: plate.map_problem.isHidden())


def test_a_map_of_other_wells_is_warned_of_with_the_wells_named(window, images) -> None:
    plate = window.open(images)
    elsewhere = images.parent / "elsewhere.csv"
    elsewhere.write_text("well,role\nD01,vehicle\nH12,vehicle\n", "utf-8")
    load_map(view_of(window.viewer), window.session, elsewhere)
    window.until(lambda: window.session.map_path == elsewhere)
    told = plate.map_warning.text()
    assert plate.map_warning.severity == "warning"
    assert "None of the wells on the map has an image" in told
    assert "D01, H12" in told


def test_the_form_shows_what_the_clicked_well_holds(window, images, qtbot) -> None:
    plate = window.open(images)
    editor, grid = plate.editor, plate.grid
    three = [("selinexor", "1", "µM"), ("gemcitabine", "10", "nM"), ("paclitaxel", "5", "nM")]
    for well, count in (("B02", 2), ("B03", 3)):
        drag(qtbot, grid, well, well)
        for (drug, dose, unit), written in zip(
            editor.drugs, [*three[:count], *[("", "", "µM")] * (3 - count)], strict=True
        ):
            drug.setCurrentText(written[0])
            dose.setText(written[1])
            unit.setCurrentText(written[2])
        editor.fill.click()
    drag(qtbot, grid, "B02", "B02")
    assert [drug.currentText() for drug, _, _ in editor.drugs] == ["selinexor", "gemcitabine", ""]
    assert editor.drugs[1][1].text() == "10"
    assert editor.drugs[1][2].currentText() == "nM"
    editor.role.setCurrentText("positive control")
    editor.fill.click()
    held = window.session.draft.wells["", "B02"]
    assert held.role == "positive_control"
    assert [t.drug for t in held.drugs] == ["selinexor", "gemcitabine"]
    # Several wells that differ: only what is written is changed.
    drag(qtbot, grid, "B02", "B03")
    assert editor.role.currentText() == "as it is"
    editor.role.setCurrentText("treated")
    editor.fill.click()
    wells = window.session.draft.wells
    assert [len(wells["", well].drugs) for well in ("B02", "B03")] == [2, 3]
    assert {wells["", well].role for well in ("B02", "B03")} == {"treated"}


def test_a_drug_that_is_typed_makes_a_treated_well(window, images, qtbot) -> None:
    plate = window.open(images)
    plate.grid.select(["B02"])
    plate.editor.role.setCurrentText("vehicle")
    qtbot.keyClicks(plate.editor.drugs[0][0].lineEdit(), "selinexor")
    assert plate.editor.role.currentData() == "treated"


def test_the_caption_is_what_the_map_says_now(window, images) -> None:
    plate = window.open(images)
    plate.grid.select(["B02"])
    plate.editor.role.setCurrentText("treated")
    for (drug, dose, unit), written in zip(
        plate.editor.drugs, [("selinexor", "1", "µM"), ("gemcitabine", "10", "nM")], strict=False
    ):
        drug.setCurrentText(written[0])
        dose.setText(written[1])
        unit.setCurrentText(written[2])
    plate.editor.fill.click()
    assert "selinexor 1 µM + gemcitabine 10 nM" in window.caption
    assert "gemcitabine 10 nM" in plate.legend.text()
    plate.editor.undo.click()
    assert "selinexor" not in window.caption
    plate.editor.redo.click()
    assert "selinexor 1 µM + gemcitabine 10 nM" in window.caption


def test_which_wells_lack_an_image_is_guessed_only_without_a_map(window, images) -> None:
    for path in images.glob("*_C3_*"):
        path.unlink()
    plate = window.open(images)
    assert "no image at all of C03" in plate.problems.text()
    path = images.parent / "map.csv"
    load_map(plate, window.session, path)
    window.until(lambda: window.session.plate_map is not None)
    assert "C03" not in plate.problems.text()
    assert "C03, E02 on the map have no image" in plate.map_warning.text()
    kept = [line for line in path.read_text().splitlines() if not line.startswith(("C3", "C03"))]
    path.write_text("\n".join(kept) + "\n")
    load_map(plate, window.session, path)
    window.until(lambda: "C03" not in plate.map_warning.text())
    assert "C03" not in plate.problems.text(), "it is meant to be empty"


def test_a_map_whose_change_was_taken_back_is_the_file_that_was_loaded(window, images) -> None:
    plate = window.open(images)
    load_map(plate, window.session, images.parent / "map.csv")
    window.until(lambda: window.session.plate_map is not None)
    plate.grid.select(["C03"])
    plate.editor.drugs[0][1].setText("7")
    plate.editor.fill.click()
    assert "Not saved yet" in plate.editor.state.text()
    plate.editor.undo.click()
    assert plate.editor.state.text() == "Map: map.csv"
    assert save_edited_map(window.session)
    assert window.session.map_path == images.parent / "map.csv"
    assert not window.session.default_map_path().exists(), "nothing was changed, nothing is written"


def test_one_unfinished_well_hides_no_other(window, images) -> None:
    plate = window.open(images)
    plate.grid.select(["B02", "B03"])
    plate.editor.role.setCurrentText("vehicle")
    plate.editor.fill.click()
    plate.grid.select(["C02"])
    plate.editor.role.setCurrentText("treated")
    plate.editor.drugs[0][0].setCurrentText("selinexor")
    plate.editor.fill.click()
    assert "not complete yet" in plate.map_problem.text()
    assert not plate.editor.problem.isHidden()
    assert plate.grid.face("B02").colour
    assert plate.grid.face("C02").mark == "?"
    run = window.panel("Run")
    run.start_button.click()
    assert not control_of(window.viewer).running
    assert run.message.severity == "error"


def test_the_reason_comes_from_the_flag_or_is_asked_for(window, finished) -> None:
    window.open(finished)
    review = window.panel("Review")
    window.until(lambda: "core" in window.viewer.layers and window.session.tables)
    window.session.tables_wanted.disconnect()
    qc = window.session.tables["qc"]
    flagged = pd.DataFrame(
        [{**dict.fromkeys(qc.columns, ""), "plate": "VID7", "well": "C03", "time_h": 12.0,
          "code": "touches_border", "severity": "warn", "title": "Touches the border"}]
    )  # fmt: skip
    window.session.set_tables({**window.session.tables, "qc": pd.concat([qc, flagged])})
    review.shown.setCurrentText("all frames")
    window.show("C03", 2)
    assert review.reason.currentText() == "spheroid partly out of view"
    window.show("B02", 0)
    assert review.reason.currentText() == ""
    review.exclude_button.click()
    assert not window.session.exclusions, "no reason, no exclusion"
    assert review.message.severity == "warning"
    review.reason.hidePopup()
    window.show("B03", 0)
    assert review.message.isHidden(), "what was asked of the frame before does not stand here"
    review.exclude_button.click()
    review.reason.hidePopup()
    assert not review.message.isHidden()
    review.reason.setCurrentText("air bubble")
    assert review.message.isHidden(), "it is answered"
    review.exclude_button.click()
    assert [e.reason for e in window.session.exclusions] == ["air bubble"]


def test_buttons_of_review_stand_still(window, finished, qtbot) -> None:
    window.open(finished)
    review = window.panel("Review")
    window.until(lambda: "core" in window.viewer.layers and window.session.tables)
    window.session.tables_wanted.disconnect()
    review.shown.setCurrentText("all frames")
    places = set()
    for number in range(6):
        review.go_to(number)
        qtbot.wait(30)
        places.add(review.accept_button.mapTo(review, QPoint(0, 0)).y())
    assert len(places) == 1
    exclude = review.exclude_button.mapTo(review, QPoint(0, 0))
    assert review.accept_button.styleSheet()
    assert not review.results_button.styleSheet()
    for entry in review.queue.entries:
        window.session.decide("accept", entry.plate, entry.well, entry.time_h)
    review.refresh()
    qtbot.wait(30)
    assert review.results_button.styleSheet()
    assert not review.accept_button.styleSheet(), "one button leads on"
    assert review.exclude_button.mapTo(review, QPoint(0, 0)) == exclude


def test_what_is_said_of_tables_and_corrections_is_of_this_plate_and_true(window, finished) -> None:
    from spheroid_qc.gui.run_control import Job
    from spheroid_qc.workflow.background_process import Ended, Failed

    window.open(finished)
    review, control, session = window.panel("Review"), control_of(window.viewer), window.session
    window.until(lambda: "wells" in session.tables)
    session.tables_wanted.disconnect()
    other = Job(session.opened, replace(session.request(), out=finished / "elsewhere"), True)
    mine = Job(session.opened, session.request(), only_tables=True)
    # The run of this session, which made the masks, stays in the list.
    whole = Job(session.opened, session.request(), outcome=Ended(18, 18, (), (), ()))
    for job, outcome, said in (
        (other, Ended(18, 0, (), (), ()), ""),
        (mine, Ended(18, 0, (), (), ()), "Tables hold all decisions"),
        (mine, Failed("The disk is full."), "Tables lack the latest decisions"),
    ):
        control.jobs[:] = [job, whole]
        control._job, job.outcome = job, outcome
        session.run_ended.emit(outcome)
        assert review.state.text().startswith(said)
        assert review.state.isHidden() != bool(said)
    control.jobs.clear()
    opened(window, second_plate(finished))
    assert review.state.isHidden(), "of the plate before"


def test_decisions_are_listed_and_taken_back(window, finished) -> None:
    window.open(finished)
    review = window.panel("Review")
    window.until(lambda: "core" in window.viewer.layers and window.session.tables)
    window.session.tables_wanted.disconnect()
    window.session.decide("exclude", "VID7", "C03", 12.0, "air bubble")
    review.refresh()
    item = review.decided.topLevelItem(0)
    assert "C03" in item.text(0)
    assert "air bubble" in item.text(1)
    item.setSelected(True)
    review.revert_button.click()
    assert not window.session.exclusions


def thick_lines(results) -> int:
    """Lines in the figure that is on the screen."""
    from matplotlib.figure import Figure

    if not results.curves.is_drawn:
        return 0
    axes = Figure().add_subplot()
    results._shown.narrow(axes)
    return sum(line.get_linewidth() > 1.5 for line in axes.lines)


def test_vehicle_parts_and_combination_stand_in_one_picture(window, finished) -> None:
    window.open(finished)
    results = window.panel("Results")
    window.until(lambda: results.ticks.count() > 0)
    names = [results.ticks.item(n).data(Qt.ItemDataRole.UserRole)
             for n in range(results.ticks.count())]  # fmt: skip
    assert set(names) == set(window.session.tables["conditions"]["condition"])
    assert any(name.startswith("vehicle") for name in results.ticked)
    assert any(not name.startswith("vehicle") for name in results.ticked)
    for n in range(results.ticks.count()):
        results.ticks.item(n).setCheckState(Qt.CheckState.Checked)
    assert set(results._shown.colours) == set(names)
    conditions = window.session.tables["conditions"]
    imaged = set(conditions.loc[conditions["n_wells"] > 0, "condition"])
    window.until(lambda: thick_lines(results) == len(imaged))
    assert "Wells —" in results.caption.text()
    rows = results.ticks.sizeHintForRow(0) * len(names)
    assert rows <= results.ticks.height() < rows + results.ticks.sizeHintForRow(0), "no grey below"
    off = names.index(next(iter(imaged)))
    results.ticks.item(off).setCheckState(Qt.CheckState.Unchecked)
    window.until(lambda: thick_lines(results) == len(imaged) - 1)


def test_conditions_are_named_as_the_map_has_them_whenever_it_comes(
    window, finished, tmp_path
) -> None:
    window.open(finished)
    results, pictures = window.panel("Results"), window.panel("Pictures")
    window.until(lambda: results.ticks.count() > 0 and window.session.plate_map is not None)
    text = (tmp_path / "map.csv").read_text()
    in_nm = tmp_path / "in_nm.csv"
    in_nm.write_text(text.replace(",1,uM", ",1000,nM"))
    assert in_nm.read_text() != text
    load_map(results, window.session, in_nm)
    listed = lambda: [results.ticks.item(n).text() for n in range(results.ticks.count())]  # noqa: E731
    window.until(lambda: any("1000 nM" in name for name in listed()))
    assert not any("µM" in name for name in listed())
    assert any("1000 nM" in pictures.first.itemText(n) for n in range(pictures.first.count()))


def test_the_ring_on_the_heat_map_follows_the_well(window, finished) -> None:
    window.open(finished)
    results, run = window.panel("Results"), window.panel("Run")
    window.until(lambda: "wells" in window.session.tables)
    window.session.show_at("VID7", "C03", 6.0)
    assert results.map.grid.current == run.map.grid.current == "C03"


def test_a_pyramid_is_measured_at_full_resolution(window) -> None:
    y, x = np.mgrid[:256, :256]
    disc = np.where((y - 128) ** 2 + (x - 128) ** 2 < 60**2, 60, 200).astype(np.uint8)
    rng = np.random.default_rng(0)
    disc = (disc + rng.normal(0, 3, disc.shape)).clip(0, 255).astype(np.uint8)
    window.viewer.add_image([disc, disc[::2, ::2], disc[::4, ::4]], multiscale=True, name="deep")
    panel = window.panel("Segment and measure")
    panel.one_button.click()
    window.until(lambda: panel._worker is None and "deep core" in window.viewer.layers)
    core = window.viewer.layers["deep core"]
    assert core.data.shape == disc.shape
    assert abs(np.count_nonzero(core.data) - np.pi * 60**2) < 0.05 * np.pi * 60**2
    assert panel.one_button.isEnabled()


def test_axes_of_a_stack_keep_their_names(window) -> None:
    stack = np.zeros((2, 3, 64, 64), np.uint8)
    stack[..., 20:40, 20:40] = 200
    window.viewer.add_image(
        stack, name="movie", axis_labels=("t", "z", "y", "x"), scale=(48, 1, 1, 1),
        units=("hour", "pixel", "um", "um"),
    )  # fmt: skip
    panel = window.panel("Segment and measure")
    assert panel.all_button.text() == "All 2 frames", "a focus stack is one frame, as in a run"
    panel.run_all()
    window.until(lambda: panel._worker is None and "movie core" in window.viewer.layers)
    core = window.viewer.layers["movie core"]
    assert set(core.features["time_h"]) == {0.0, 48.0}
    assert "z" not in core.features
    assert np.array_equal(core.data[0, 0], core.data[0, 2])
    panel.planes.setCurrentIndex(0)
    assert panel.all_button.text() == "All 6 frames"
    panel.run_all()
    window.until(lambda: panel._worker is None and len(core.features) == 6)
    assert set(core.features["z"]) == {0, 1, 2}


def test_the_heat_map_follows_the_theme(window, finished) -> None:
    from napari.settings import get_settings

    window.open(finished)
    run = window.panel("Run")
    window.until(lambda: "wells" in window.session.tables and run.map.grid.face("B02").colour)
    dark = run.map.grid.face("B02").colour
    theme = get_settings().appearance.theme
    get_settings().appearance.theme = "light"
    try:
        window.until(lambda: run.map.grid.face("B02").colour != dark)
    finally:
        get_settings().appearance.theme = theme


def test_an_empty_folder_holds_no_image(window, tmp_path) -> None:
    (tmp_path / "nothing").mkdir()
    plate = window.panel("Plate")
    plate.open(tmp_path / "nothing")
    window.until(lambda: "holds no image" in plate.summary.text())


def test_small_plates_are_drawn_as_such(window, tmp_path) -> None:
    from tests.run.conftest import draw, write

    folder = tmp_path / "twelve"
    for row in "ABC":
        for column in range(1, 5):
            write(folder / f"VID9_{row}{column}_1_00d00h00m.tif", draw(30))
    plate = window.open(folder)
    assert window.session.well_count == 12
    assert plate.grid.shape_of_plate == (3, 4)


def test_a_pixel_size_that_comes_late_is_one_click_and_keeps_what_was_decided(
    window, finished
) -> None:
    plate = window.open(finished)
    run, control = window.panel("Run"), control_of(window.viewer)
    in_one_process(run)
    window.until(lambda: "wells" in window.session.tables)
    before = window.session.row("VID7", "C02", 1)["core_area_px"]
    window.session.decide("exclude", "VID7", "C03", 12.0, "air bubble")
    plate.form.fields["pixel_size_um"].value = "2"
    window.until(lambda: "2 µm a pixel" in plate.summary.text() and not run.new_size.isHidden())
    assert not run.start_button.isEnabled(), "the old folder would be refused"
    out = window.session.opened.out
    masks = {path: path.stat().st_size for path in (out / "masks").rglob("*.tif")}
    run.new_size.click()
    window.until(lambda: control.shown is not None and control.shown.outcome is not None)
    assert control.shown.outcome.n_new == 0, "nothing was segmented"
    window.until(lambda: window.session.row("VID7", "C02", 1)["pixel_size_um"] == 2)
    row = window.session.row("VID7", "C02", 1)
    assert row["core_area_px"] == before
    assert row["core_area_um2"] == pytest.approx(before * 4, rel=1e-5)
    assert window.session.row("VID7", "C03", 2)["state"] == "unscorable"
    assert run.new_size.isHidden()
    assert set((out / "masks").rglob("*.tif")) == set(masks)


def test_how_a_run_ended_is_said_as_it_was(window, images) -> None:
    from spheroid_qc.gui.run_control import Job
    from spheroid_qc.run.progress import Progress
    from spheroid_qc.workflow.background_process import Ended, Failed, RunStopped

    window.open(images)
    run, control, session = window.panel("Run"), control_of(window.viewer), window.session
    job = Job(session.opened, session.request())
    control.jobs.append(job)
    job.outcome = Ended(18, 18, ("B02.tif could not be read.",), (), ())
    session.run_ended.emit(job.outcome)
    assert "1 could not be read" in run.status.text()
    assert run.message.severity == "error"
    assert run.failures_fold.isExpanded()
    job.outcome, job.state = RunStopped(), Progress("pictures", 26, 41, 1.0, None)
    session.run_ended.emit(job.outcome)
    assert "all frames are measured" in run.status.text()
    assert "41" not in run.status.text()
    job.outcome = Failed("The folder can't be written; choose another --out folder.")
    session.run_ended.emit(job.outcome)
    assert "--out" not in run.message.text()
    assert "Results folder…" in run.message.text()
    assert run.message.severity == "error"
