"""The Results panel: curves that lead to wells, figures that leave the program."""

from __future__ import annotations

import os
import signal

import pandas as pd
import pytest

from spheroid_qc.analysis.metric_names import metric_of
from spheroid_qc.export.export_tables import FORMATS
from spheroid_qc.export.run_export import PICTURE_FORMATS
from spheroid_qc.gui.export_files import PROGRAMS

pytest.importorskip("napari")
pytestmark = pytest.mark.gui

from qtpy.QtCore import QPoint, Qt  # noqa: E402
from qtpy.QtWidgets import QFileDialog, QMessageBox, QTabBar  # noqa: E402

from spheroid_qc.gui.open_and_save import open_panel  # noqa: E402


@pytest.fixture
def results(window, finished):
    window.open(finished)
    panel = window.panel("Results")
    window.until(lambda: panel.family.count() > 0)
    return panel


def place_of(view, hours: float, value: float) -> QPoint:
    """Where a value is seen in a figure."""
    left, bottom, right, top = view.place.box
    (first, last), (low, high) = view.place.across, view.place.up
    x = left + (hours - first) / (last - first) * (right - left)
    y = bottom + (value - low) / (high - low) * (top - bottom)
    return QPoint(round(x), round(view.height() - y))


def test_names_that_differ_in_their_ends_are_told_apart(results) -> None:
    name = "a compound from the library with a very long name and the number 1234-5678, 10000"
    results.dose.clear()
    results.dose.addItems([f"{name} nM", f"{name}0 nM"])
    results.dose.resize(300, 26)
    shown = []
    for n in range(2):
        results.dose.setCurrentIndex(n)
        shown.append(results.dose.shown_text())
        assert results.dose.fontMetrics().horizontalAdvance(shown[n]) < 300
    assert shown[0].endswith(" 10000 nM")
    assert shown[1].endswith("100000 nM")
    assert "…" in shown[0]
    results.dose.grab()


def test_a_click_on_a_line_goes_to_that_well_and_frame(window, results, qtbot) -> None:
    results.what.setCurrentIndex(0)
    columns = [metric.column for metric in results._metrics]
    results.metric.setCurrentIndex(columns.index("core_area_um2"))
    results.draw()
    window.until(lambda: results.curves.place is not None)
    row = window.session.row("VID7", "C03", 1)
    metric = results._metrics[results.metric.currentIndex()]
    at = place_of(results.curves, 6.2, float(row[metric.column]))
    qtbot.mouseClick(results.curves, Qt.MouseButton.LeftButton, pos=at)
    assert "h:" in results.clicked.text()
    wanted = {"C02", "C03"}
    window.until(lambda: window.shown() and window.session.well in wanted)
    assert window.session.timepoint == 1
    window.until(lambda: results.curves.place is not None)
    results.curves.pressed.emit(6.0, 9e9)
    assert "No well's line" in results.clicked.text()


def test_a_figure_is_drawn_elsewhere_and_anew_for_another_size(window, results) -> None:
    view = results.curves
    window.until(lambda: window.session.answer is not None)
    window.viewer.window._qt_window.show()
    results.draw()
    assert view.place is None, "whoever asked goes on at once"
    window.until(lambda: view.place is not None)
    for width in (view.width() + 120, *range(400, 480)):  # a person drags the edge of the panel
        view.resize(width, view.height())
    window.until(lambda: view.place is not None and view.place.size[0] == 479)
    view.show_figure(None)
    assert view.place is None


def test_a_panel_that_lies_behind_works_once_somebody_comes_to_look(window, results, qtbot) -> None:
    main = window.viewer.window._qt_window
    main.show()
    open_panel(window.viewer, "Plate")
    window.until(lambda: results.is_behind)
    told = []
    results.control.update_now = lambda: told.append("tables")
    results.curves.show_figure(None)
    results.draw()
    assert results.curves.place is None

    def tabs() -> list[tuple[QTabBar, int]]:
        bars = [bar for bar in main.findChildren(QTabBar) if bar.isVisible()]
        return [
            (b, n) for b in bars for n in range(b.count()) if b.tabText(n).startswith("Results")
        ]

    window.until(tabs)
    (bar, at), *_ = tabs()
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(at).center())
    window.until(lambda: told and results.curves.place is not None)


def test_the_heat_map_shows_any_metric_at_any_time(window, results) -> None:
    results.what.setCurrentIndex(1)
    heat_map = results.map
    heat_map.metric_choice.setCurrentText(metric_of("core_area_um2").axis)
    heat_map.slider.setValue(heat_map.slider.minimum())
    assert heat_map.time_h == 0
    first = results.map.grid.face("C02").colour
    heat_map.slider.setValue(heat_map.slider.maximum())
    assert heat_map.time_h == 12
    assert results.map.grid.face("C02").colour != first
    results.map.clicked.emit("C02", 12.0)
    window.until(lambda: window.session.well == "C02" and window.session.timepoint == 2)


def test_a_short_tab_is_not_as_high_as_the_longest(window, results) -> None:
    window.until(lambda: window.session.answer is not None)
    heights = []
    for tab in range(results.what.count()):
        results.what.setCurrentIndex(tab)
        heights.append(results.what.sizeHint().height())
    assert len(set(heights)) > 2
    results.what.setCurrentIndex(0)
    assert results.what.sizeHint().height() == heights[0]


def test_figures_are_saved_as_png_and_svg(window, results, tmp_path) -> None:
    for tab in (0, 1):
        results.what.setCurrentIndex(tab)
        results.draw()
        for kind in ("png", "svg"):
            path = tmp_path / f"figure_{tab}.{kind}"
            results.save_figure(path)
            window.until(path.is_file)
            head = path.read_bytes()[:200]
            assert head.startswith(b"\x89PNG") if kind == "png" else b"<?xml" in head
        assert results.figure_button.isEnabled()
    # The answer is a table: there is no figure that could be saved.
    results.what.setCurrentIndex(4)
    assert not results.figure_button.isEnabled()
    results.what.setCurrentIndex(2)
    results.draw()


def test_export_into_the_results_folder_is_refused(window, results) -> None:
    out = window.session.opened.out
    before = sorted(out.iterdir())
    results.export(out)
    window.until(lambda: "results folder itself" in results.state.text())
    assert sorted(out.iterdir()) == before


def test_what_is_drawn_is_listed_first(window, results) -> None:
    # Ten conditions in the order of a table, where the combination comes last.
    rows = [("vehicle", "vehicle", None, None, None, None)]
    rows += [(f"a {n}", "treated", "a", n, None, None) for n in range(1, 5)]
    rows += [(f"b {n}", "treated", "b", n, None, None) for n in range(1, 5)]
    rows += [("a 4 + b 4", "treated", "a", 4, "b", 4)]
    results._offer_ticks(
        pd.DataFrame(
            [(*row, 3) for row in rows],
            columns=["condition", "role", "drug_1", "dose_1", "drug_2", "dose_2", "n_wells"],
        )
    )
    items = [results.ticks.item(n) for n in range(results.ticks.count())]
    names = [item.data(Qt.ItemDataRole.UserRole) for item in items]
    assert sorted(names) == sorted(row[0] for row in rows)
    assert names[:4] == results.ticked == ["vehicle", "a 4", "b 4", "a 4 + b 4"]


def test_an_export_replaces_nobody_elses_files_unasked(
    window, results, tmp_path, monkeypatch
) -> None:
    asked = []

    def answered(*given):
        asked.append(given[2])
        return QMessageBox.StandardButton.No

    target = tmp_path / "taken"
    target.mkdir()
    mine = target / "wells.csv"
    mine.write_text("of another plate\n", "utf-8")
    monkeypatch.setattr(QMessageBox, "question", answered)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(target))
    results.export_button.click()
    assert len(asked) == 1
    assert "wells.csv" in asked[0]
    assert mine.read_text("utf-8") == "of another plate\n"
    assert [path.name for path in target.iterdir()] == ["wells.csv"]
    mine.unlink()
    for _ in range(2):  # an export of the same plate once more needs no question
        results.export_button.click()
        window.until(lambda: "files are in" in results.state.text())
        results.say("")
        window.until(results.export_button.isEnabled)
    assert len(asked) == 1


def test_an_export_into_the_results_of_another_run_is_refused(window, results, tmp_path) -> None:
    other = tmp_path / "other_run"
    other.mkdir()
    for name in ("run.json", "exclusions.csv"):
        (other / name).write_text("{}", "utf-8")
    results.export(other)
    window.until(lambda: "of another run" in results.state.text())
    assert (other / "exclusions.csv").read_text("utf-8") == "{}"
    assert len(list(other.iterdir())) == 2


def test_the_death_of_the_helper_is_said_and_the_next_try_works(window, results, tmp_path) -> None:
    from spheroid_qc.gui.helper_process import HELPER

    window.until(lambda: window.session.answer is not None)
    os.kill(HELPER.pid, signal.SIGSTOP)  # so that it can't be done before it is killed
    results.export(tmp_path / "first")
    window.until(lambda: HELPER._child.waiting)
    killed = HELPER.pid
    os.kill(killed, signal.SIGKILL)
    window.until(lambda: "ended unexpectedly" in results.state.text())
    assert "Try again" in results.state.text()
    assert results.export_button.isEnabled()
    results.export(tmp_path / "second")
    window.until(lambda: "files are in" in results.state.text())
    assert HELPER.pid != killed


def test_masks_and_tables_are_exported_for_other_programs(window, results, tmp_path) -> None:
    programs = results.programs
    offered = [programs.choice.itemText(n) for n in range(programs.choice.count())]
    assert offered == list(PROGRAMS)
    assert {to for to, _ in PROGRAMS.values()} == {*FORMATS, *PICTURE_FORMATS}
    run = window.session.opened.run
    programs.choice.setCurrentText("GeoJSON (QuPath)")
    programs.export(tmp_path)
    window.until(lambda: "Exported" in results.state.text())
    made = tmp_path / f"{run.root.name}_geojson"
    assert sorted(made.rglob("*.geojson"))
    assert programs.button.isEnabled()
    programs.export(tmp_path)
    window.until(lambda: "is there already" in results.state.text())


def test_what_is_left_out_is_said_from_the_tables(window, results) -> None:
    from spheroid_qc.analysis.verdict.left_out import left_out_lines

    tables = window.session.tables
    assert results.left_out.text() == "\n".join(left_out_lines(tables["qc"], tables["wells"]))
    one = tables["qc"].iloc[:0].copy()
    plate = str(tables["wells"]["plate"].iloc[0])
    one.loc[0, ["plate", "well", "time_h", "code", "severity", "title"]] = [
        plate, "B02", 0.0, "out_of_focus", "exclude", "Out of focus",
    ]  # fmt: skip
    window.session.tables["qc"] = one
    window.session.tables_changed.emit()
    window.until(lambda: "Out of focus at 0 h: B02" in results.left_out.text())


def test_masks_that_do_not_fit_are_said_above_everything(window, results) -> None:
    from spheroid_qc.analysis.verdict.masks_that_do_not_fit import unfit_lines

    run = window.panel("Run")
    assert results.unfit.isHidden()
    assert run.unfit.isHidden()
    wells = window.session.tables["wells"]
    start = wells["is_t0"].eq(1) & wells["disintegration_fraction"].notna()
    window.session.tables["wells"] = wells.assign(
        disintegration_fraction=wells["disintegration_fraction"].mask(start, 0.4)
    )
    window.session.tables_changed.emit()
    assert len(window.session.unfit) == 1
    words = "\n".join(unfit_lines(window.session.unfit))
    assert "5 of 5 wells (100 %)" in words
    for panel in (results, run):
        window.until(lambda panel=panel: panel.unfit.text() == words)
        assert not panel.unfit.isHidden()
    assert results.body[0] is results.unfit


def test_the_interval_stands_where_the_fraction_does(window, results) -> None:
    from spheroid_qc.gui.panels.review_panel import features_html
    from spheroid_qc.wording import interval

    results.what.setCurrentIndex(1)
    heat_map = results.map
    heat_map.metric_choice.setCurrentText(metric_of("disintegration_fraction").axis)
    row = window.session.row("VID7", "C02", 2)
    ends = interval(row["disintegration_fraction_low"], row["disintegration_fraction_high"])
    assert f"({ends})" in heat_map.grid.face("C02").tip
    data = window.show("C02", 2)
    assert f"({ends})" in features_html(data.automatic[2], None)
    columns = [metric.column for metric in results._metrics]
    assert not [name for name in columns if name.endswith(("_low", "_high"))]


def test_what_was_exported_is_told_until_the_tables_are_others(window, results, tmp_path) -> None:
    results.export(tmp_path / "taken")
    window.until(lambda: "files are in" in results.message.text())
    window.session.plate_changed.emit()
    assert "files are in" in results.message.text(), "the same tables"
    window.session.set_tables(dict(window.session.tables))
    window.until(lambda: not results.message.text())
