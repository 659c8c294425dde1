"""Work in the helper process: plain data there and back, errors in words, its death survived."""

from __future__ import annotations

import os
import pickle
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from spheroid_qc.configuration import read_configuration
from spheroid_qc.errors import PlateMapError, RequestError
from spheroid_qc.gui.export_files import export_session, write_figure
from spheroid_qc.gui.figure_theme import file_of, pixels_of_figure
from spheroid_qc.gui.helper_process import HelperEnded, HelperProcess
from spheroid_qc.gui.result_figures import curve_metrics, plate_figure, time_figures
from spheroid_qc.gui.state.run_answer import answer_of, tables_of
from spheroid_qc.parameters import Parameters
from spheroid_qc.run import default_out
from spheroid_qc.run.store.run_folder import RunFolder


class TwoWordsError(Exception):
    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} {other}")


def _raise_odd() -> None:
    raise TwoWordsError("odd", "error")


@pytest.fixture(scope="module")
def helper():
    made = HelperProcess()
    yield made
    made.close()


def test_it_is_another_process_and_stays(helper) -> None:
    first = helper.call(os.getpid)
    assert first not in {os.getpid()}
    assert helper.call(os.getpid) == first == helper.pid


def test_what_it_prints_is_no_answer(helper) -> None:
    helper.call(os.write, 1, b"said by a library\n")
    assert helper.call(len, "four") == 4


def test_errors_come_back_as_they_are(helper, tmp_path) -> None:
    with pytest.raises(FileNotFoundError) as found:
        helper.call(os.listdir, tmp_path / "nowhere")
    assert Path(found.value.filename) == tmp_path / "nowhere"
    with pytest.raises(RequestError, match="no results yet"):
        helper.call(
            export_session, tmp_path / "to", RunFolder(tmp_path), {}, Parameters(), "", None
        )
    assert str(pickle.loads(pickle.dumps(PlateMapError("A.", "B.")))) == "A.\nB."
    with pytest.raises(TypeError, match="pickle"):
        helper.call(threading.Lock)
    # One that can't be made again from its text is said all the same.
    with pytest.raises(RuntimeError, match="TwoWordsError: odd error"):
        helper.call(_raise_odd)


def test_calls_are_answered_side_by_side(helper) -> None:
    told = []
    slow = threading.Thread(target=lambda: told.append(helper.call(time.sleep, 3.0)))
    slow.start()
    assert helper.call(len, "quick") == 5
    assert not told, "the quick one need not wait for the slow one"
    slow.join()


def test_a_process_that_was_killed_is_said_and_replaced() -> None:
    helper = HelperProcess()
    first = helper.call(os.getpid)
    raised = []

    def wait() -> None:
        try:
            helper.call(time.sleep, 60)
        except HelperEnded as error:
            raised.append(str(error))

    waiting = threading.Thread(target=wait)
    waiting.start()
    while not helper._child.waiting:
        time.sleep(0.01)
    os.kill(first, signal.SIGTERM)
    waiting.join(30)
    assert "ended unexpectedly" in raised[0]
    assert "Try again" in raised[0]
    assert helper.call(os.getpid) != first
    helper.close()
    assert helper.pid is None


def test_one_that_ended_while_nobody_asked_is_replaced_in_silence() -> None:
    helper = HelperProcess()
    first = helper.call(os.getpid)
    os.kill(first, signal.SIGTERM)
    helper._child.ended.wait(30)
    assert helper.call(os.getpid) != first
    helper.close()


STARTS_AND_IS_KILLED = """
import os
from spheroid_qc.gui.helper_process import HELPER
print(HELPER.call(os.getpid), flush=True)
os._exit(9)
"""


def test_it_ends_with_whoever_started_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARTS_AND_IS_KILLED], capture_output=True, text=True, check=False
    )
    number = int(done.stdout)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the helper process outlived the program")


def test_it_loads_no_window() -> None:
    code = (
        "import sys, spheroid_qc.gui.helper_process as h; h._load();"
        "print([m for m in ('napari', 'qtpy', 'PyQt6', 'vispy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_answer_figures_and_files_are_those_of_this_process(helper, analysed, tmp_path) -> None:
    run = RunFolder(default_out(analysed))
    tables = helper.call(tables_of, run.root)
    assert {name: table.to_csv() for name, table in tables.items()} == {
        name: table.to_csv() for name, table in tables_of(run.root).items()
    }
    there, here = helper.call(answer_of, run.root, Parameters()), answer_of(run.root, Parameters())
    assert (there.lines, there.verdict, there.title) == (here.lines, here.verdict, here.title)
    metric = curve_metrics(tables["conditions"])[0]
    plate = str(tables["wells"]["plate"].iloc[0])
    figures = [
        *time_figures(tables["conditions"], tables["wells"]),
        plate_figure(tables["wells"], plate, metric, 12.0),
    ]
    for figure in figures:
        (path,) = helper.call(write_figure, figure, tmp_path / "there", ("svg",))
        assert path.read_bytes() == file_of(figure, "svg")
        drawn = helper.call(pixels_of_figure, figure, 300, 200, 1.0, True)
        assert drawn == pixels_of_figure(figure, 300, 200, 1.0, True)
        assert len(drawn.rgba) == 4 * drawn.width * drawn.height
    place = helper.call(pixels_of_figure, figures[0], 300, 200, 2.0, False).place
    assert place.size == (600, 400)
    left, bottom, right, top = place.box
    assert place.data_at(left, bottom) == pytest.approx((place.across[0], place.up[0]))
    assert place.data_at(right, top) == pytest.approx((place.across[1], place.up[1]))
    assert place.data_at(0, 0) is None


def test_an_export_from_there_is_that_of_this_process(helper, analysed, tmp_path) -> None:
    run = RunFolder(default_out(analysed))
    given = run, tables_of(run.root), Parameters(), "command", analysed.parent / "map.csv"
    there = helper.call(export_session, tmp_path / "there", *given)
    here = export_session(tmp_path / "here", *given)
    assert [path.relative_to(tmp_path / "there") for path in there] == [
        path.relative_to(tmp_path / "here") for path in here
    ]
    for one, other in zip(there, here, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name
    assert read_configuration(tmp_path / "there" / "settings.toml") == Parameters()


def _write_nonsense() -> None:
    """Write into every pipe, as a library that kept its own copy of standard output."""
    for number in range(3, 64):
        try:
            if stat.S_ISFIFO(os.fstat(number).st_mode):
                os.write(number, b"nonsense\n")
        except OSError:
            continue


def test_what_can_not_be_understood_is_waited_for_by_nobody() -> None:
    helper = HelperProcess()
    first = helper.call(os.getpid)
    with pytest.raises(HelperEnded, match="ended unexpectedly"):
        helper.call(_write_nonsense)
    assert helper.call(os.getpid) != first
    helper.close()


def test_one_that_stands_still_is_given_up_and_replaced() -> None:
    helper = HelperProcess(still_s=3.0)
    helper.call(os.getpid)
    time.sleep(4.0)
    first = helper.call(os.getpid)
    assert first == helper.pid, "nobody waited for it: it may rest"
    with pytest.raises(HelperEnded, match="stood still and was ended"):
        helper.call(time.sleep, 600)
    assert helper.call(os.getpid) != first
    helper.close()


def _work_for(seconds: float) -> str:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(1000))
    return "done"


def test_one_that_works_for_long_is_waited_for() -> None:
    helper = HelperProcess(still_s=2.0)
    assert helper.call(_work_for, 5.0) == "done"
    helper.close()


def test_what_would_end_a_program_is_an_error_like_any_other(helper) -> None:
    with pytest.raises(RuntimeError, match="SystemExit: 3"):
        helper.call(sys.exit, 3)
    assert helper.call(len, "four") == 4
