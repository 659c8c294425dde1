"""Names, answers and messages: none cut to another's, none of another plate, none waited for."""

from __future__ import annotations

import itertools
import shutil
import time
from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("napari")
pytestmark = pytest.mark.gui

from qtpy.QtCore import QEvent, QPoint  # noqa: E402
from qtpy.QtGui import QColor, QHelpEvent, QPalette  # noqa: E402
from qtpy.QtWidgets import QApplication, QFileDialog, QLineEdit, QToolTip  # noqa: E402

from spheroid_qc.gui import open_and_save  # noqa: E402
from spheroid_qc.gui.helper_process import HelperEnded  # noqa: E402
from spheroid_qc.gui.panels.answer_table import ANSWER_TO_COME, AnswerTable  # noqa: E402
from spheroid_qc.gui.panels.base_panel import PANEL_WIDTH, long_choice  # noqa: E402
from spheroid_qc.gui.panels.name_and_review_tables import who_and_when  # noqa: E402
from spheroid_qc.gui.result_figures import Figure, comparison_figure  # noqa: E402
from spheroid_qc.gui.state.run_answer import answer_of, tables_of  # noqa: E402
from spheroid_qc.gui.well_colours import contrast  # noqa: E402
from spheroid_qc.report.overview import Line  # noqa: E402
from spheroid_qc.report.palette import PALETTE  # noqa: E402
from spheroid_qc.run.store.review_decisions import Exclusion  # noqa: E402

from .test_with_the_mouse import with_all_fields  # noqa: E402

PAIR = "gemcitabine 0.09 µM + nab-paclitaxel 27 nM"
TRIPLE = "gemcitabine 0.09 µM + selinexor 0.9 µM + nab-paclitaxel 27 nM"


def line_of(title: str) -> Line:
    fields = dict.fromkeys(Line.__dataclass_fields__, "")
    return Line(**fields | {"title": title, "shown": "0.91", "n": 3, "states": (("lost", 3),)})


def ink_of(table: AnswerTable) -> np.ndarray:
    image = table.grab().toImage()
    pixels = np.frombuffer(image.constBits().asstring(image.sizeInBytes()), np.uint8)
    return pixels.reshape(image.height(), image.width(), 4)


def test_combinations_that_differ_in_the_middle_are_named_in_full(qtbot) -> None:
    table = AnswerTable()
    qtbot.addWidget(table)
    table.resize(PANEL_WIDTH - 40, 10)
    heights = []
    for title in ("vehicle", PAIR, TRIPLE):
        table.show_lines("Disintegration fraction at 72 h", (), [line_of(title)])
        heights.append(table.sizeHint().height())
    assert heights[0] < heights[2], "a long name takes a second line"
    table.show_lines("", (), [line_of(TRIPLE), line_of(PAIR)])
    table.resize(table.width(), table.sizeHint().height())
    first, second, last = (int(top) for top in table._tops())
    names = table.fontMetrics().horizontalAdvance(TRIPLE)
    assert names > table._left(), "it does not fit into one line"
    one, other = ink_of(table)[first + 2 : last - 22, : int(table._left())], None
    other = one[second - first :]
    assert one[: len(other)].shape == other.shape
    assert not np.array_equal(one[: len(other)], other)
    table.resize(900, 300)
    assert table.sizeHint().height() < heights[2] + 60, "and one line where there is room"


def test_what_a_list_leaves_out_of_a_name_is_in_its_tip(qtbot) -> None:
    choice = long_choice(8)
    qtbot.addWidget(choice)
    choice.addItems([TRIPLE, "vehicle"])
    choice.resize(160, 26)
    choice.show()

    def tip() -> str:
        QToolTip.hideText()
        place = QPoint(5, 5)
        QApplication.sendEvent(
            choice, QHelpEvent(QEvent.Type.ToolTip, place, choice.mapToGlobal(place))
        )
        return QToolTip.text()

    assert choice.shown_text() != TRIPLE
    assert tip() == TRIPLE
    choice.setToolTip("What is compared.")
    assert tip() == f"{TRIPLE}\n\nWhat is compared."
    choice.setCurrentIndex(1)
    assert tip() == "What is compared."


def test_three_drugs_their_pairs_and_all_have_colours_of_their_own() -> None:
    from skimage.color import deltaE_ciede2000, rgb2lab

    def lab(colour: str) -> np.ndarray:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        return rgb2lab(np.array(parts)[None, None])[0, 0]

    names = ["vehicle", "a", "b", "c", "a + b", "a + c", "b + c", "a + b + c"]
    conditions = pd.DataFrame(
        [
            {
                "condition": name, "role": "treated" if n else "vehicle", "time_h": hours,
                "n_wells": 3, "disintegration_fraction_mean": 0.1,
                "disintegration_fraction_ci_low": 0.0, "disintegration_fraction_ci_high": 0.2,
            }
            for n, name in enumerate(names) for hours in (0.0, 24.0)
        ]
    )  # fmt: skip
    columns = ["plate", "well", "condition", "time_h", "state", "disintegration_fraction"]
    from spheroid_qc.analysis.metric_names import metric_of

    figure = comparison_figure(
        conditions, pd.DataFrame(columns=columns), metric_of("disintegration_fraction"), names,
        {name: name for name in names},
    )  # fmt: skip
    dark_of = dict(PALETTE.values())
    light = [figure.colours[name] for name in names]
    for colours in (light, [dark_of[colour] for colour in light]):
        apart = [deltaE_ciede2000(lab(a), lab(b)) for a, b in itertools.combinations(colours, 2)]
        # Sixteen times of what is just seen as another colour, side by side.
        assert min(apart) > 16


def test_a_decision_is_told_by_the_clock_on_the_wall(monkeypatch) -> None:
    at = datetime(2026, 3, 1, 23, 30, tzinfo=UTC).isoformat()
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        told = who_and_when(Exclusion("p", "A01", None, "dust", "Ada", at))
        assert told == "Ada 2026-03-02 00:30"
        assert who_and_when(Exclusion("p", "A01", None, "dust", "Ada", "in May")) == "Ada in May"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_message_of_one_plate_does_not_stand_on_another(window, finished, tmp_path) -> None:
    window.open(finished)
    panels = [window.panel(name) for name in open_and_save.PANELS]
    for panel in panels:
        panel.say("85 files are in the folder.")
    window.session.opened_changed.emit()
    assert all(panel.message.text() for panel in panels), "the same plate, read anew"
    other = shutil.copytree(finished, tmp_path / "second" / "plate")
    window.open(other)
    assert not any(panel.message.text() for panel in panels)


def test_every_dialog_begins_where_the_results_lie(window, finished, monkeypatch) -> None:
    window.open(finished)
    window.until(lambda: window.session.answer is not None)
    began = []

    def asked(*given):
        began.append(given[2])
        return "", ""

    for name in ("getSaveFileName", "getOpenFileName"):
        monkeypatch.setattr(QFileDialog, name, asked)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *given: asked(*given)[0])
    pictures, results = window.panel("Pictures"), window.panel("Results")
    pictures.choose_file()
    pictures.choose_frame_file()
    window.panel("Segment and measure").save_as()
    results.choose_export()
    results.programs.choose()
    open_and_save.save_settings(results, window.session)
    open_and_save.load_settings(results, window.session)
    assert len(began) == 7
    place = str(window.session.opened.out.parent)
    assert all(start.startswith(place) for start in began), began


@pytest.mark.parametrize("asked_of", [tables_of, answer_of])
def test_a_helper_that_ended_is_asked_once_more(window, finished, monkeypatch, asked_of) -> None:
    ended, told = [], []
    real = open_and_save.in_process

    def in_process(owner, function, *args, failed, **more):
        if function is asked_of and len(ended) < 1:
            ended.append(function)
            more.get("finished", bool)()
            failed(HelperEnded("stood still and was ended"))
            return None
        return real(owner, function, *args, failed=failed, **more)

    monkeypatch.setattr(open_and_save, "in_process", in_process)
    monkeypatch.setattr(open_and_save, "show_warning", told.append)
    window.open(finished)
    window.until(lambda: window.session.answer is not None)
    assert ended
    assert not window.session.answer.lacking
    assert "stood still and was ended" in told[0]
    assert "once more" in told[0]


def test_an_answer_that_does_not_come_is_said_in_the_panels(window, finished, monkeypatch) -> None:
    told, failing = [], []

    def in_process(owner, function, *args, failed, done, **more):
        if function is tables_of:
            done(tables_of(*args))
        else:
            failing.append(failed)

    monkeypatch.setattr(open_and_save, "in_process", in_process)
    monkeypatch.setattr(open_and_save, "_LATE_MS", 50)
    monkeypatch.setattr(open_and_save, "show_info", told.append)
    monkeypatch.setattr(open_and_save, "show_warning", told.append)
    run, results = window.panel("Run"), window.panel("Results")
    window.open(finished)
    window.until(lambda: failing and told and run.no_answer.text())
    assert "still being read" in told[0]
    assert run.no_answer.text() == results.no_answer.text() == ANSWER_TO_COME
    assert not run.answer_fold.isHidden()
    failing.pop()(HelperEnded("ended unexpectedly (status -9)"))
    assert "once more" in told[-1]
    failing.pop()(HelperEnded("ended unexpectedly (status -9)"))
    window.until(lambda: "ended unexpectedly (status -9)" in run.no_answer.text())
    assert "ended unexpectedly" in results.no_answer.text()


def test_the_answer_is_asked_for_whatever_a_panel_makes_of_the_tables(
    window, finished, monkeypatch
) -> None:
    def broken(*_):
        raise ValueError("a panel that can't draw these tables")

    window.session.tables_changed.connect(broken)
    with window.qtbot.captureExceptions():
        window.open(finished)
        window.until(lambda: window.session.answer is not None)
    window.session.tables_changed.disconnect(broken)


def test_a_figure_does_not_stand_under_the_words_of_another(qtbot, monkeypatch) -> None:
    from spheroid_qc.gui.panels import figure_view

    held = []
    monkeypatch.setattr(
        figure_view, "in_process", lambda *given, done, finished: held.append((done, finished))
    )
    view = figure_view.FigureView(200)
    qtbot.addWidget(view)
    view.show()

    def draw(shade: int) -> None:
        done, finished = held.pop(0)
        wanted = view._drawing
        pixels = bytes([shade, shade, shade, 255]) * (wanted.width * wanted.height)
        done(SimpleNamespace(rgba=pixels, width=wanted.width, height=wanted.height, place=None))
        finished()

    def shade() -> int:
        return view.grab().toImage().pixelColor(5, 5).red()

    first, second = (Figure(name, name, print) for name in ("first", "second"))
    view.show_figure(first)
    bare = view.grab().toImage()
    assert not view.is_late
    qtbot.waitUntil(lambda: view.is_late)
    assert view.grab().toImage() != bare, "an empty sheet says that it is being drawn on"
    draw(200)
    assert not view.is_late
    full = shade()
    view.show_figure(second)
    assert shade() == full, "a quick one is not announced"
    qtbot.waitUntil(lambda: view.is_of_another)
    assert shade() != full, "the first is a shadow"
    draw(100)
    assert not view.is_of_another
    assert shade() == 100
    view.show_figure(None)
    assert not view.is_of_another


def fields_of(panel) -> list[QLineEdit]:
    return [line for line in panel.findChildren(QLineEdit) if line.placeholderText()]


def ground_of(line: QLineEdit) -> QColor:
    """Colour that most of a field has."""
    image = line.grab().toImage()
    counted = Counter(
        image.pixel(x, y) for x in range(image.width()) for y in range(image.height())
    )
    return QColor(counted.most_common(1)[0][0])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_stands_in_empty_fields_can_be_read(window, theme) -> None:
    from napari.settings import get_settings

    panels = [with_all_fields(window.panel(name)) for name in open_and_save.PANELS]
    window.viewer.window._qt_window.show()
    for chosen in ("dark" if theme == "light" else "light", theme):
        get_settings().appearance.theme = chosen
        window.qtbot.wait(50)
    size = next(panel.size for panel in panels if hasattr(panel, "size_label"))
    size.resize(120, 26)
    ground = np.array(ground_of(size).getRgbF()[:3])
    seen = 0
    for panel in panels:
        for line in fields_of(panel):
            line.ensurePolished()
            shown = line.palette().color(QPalette.ColorRole.PlaceholderText)
            assert shown.alpha() == 255
            ink = np.array(shown.getRgbF()[:3])
            assert contrast(ink, ground) >= 4.5, (panel, line.placeholderText())
            seen += 1
    assert seen > 15
