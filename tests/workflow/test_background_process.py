"""A run in a process of its own: heard of, stopped, continued."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spheroid_qc import Parameters, run_plate
from spheroid_qc.configuration import apply_overrides
from spheroid_qc.run.progress import Progress
from spheroid_qc.run.run_request import RunRequest
from spheroid_qc.workflow.background_process import BackgroundRun, Ended, Failed, RunStopped
from tests.run.conftest import write_plate


@pytest.fixture(scope="module")
def plate(tmp_path_factory) -> Path:
    return write_plate(tmp_path_factory.mktemp("background") / "images")


@pytest.fixture(scope="module")
def plate_map(plate) -> Path:
    return plate.parent / "map.csv"


def heard(run: BackgroundRun, until: type = object, seconds: float = 90) -> list:
    found: list = []
    end = time.monotonic() + seconds
    while run.running and time.monotonic() < end:
        for message in run.messages():
            found.append(message)
            if until is not object and isinstance(message, until):
                return found
        time.sleep(0.02)
    return [*found, *run.messages()]


def csvs(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("*.csv")}


@pytest.mark.parametrize("ignored", [False, True])
def test_stopped_and_continued_it_equals_a_run_in_one_go(
    plate, plate_map, tmp_path, ignored: bool
) -> None:
    """Also where a script started it by `&`, so that it was told to ignore interrupts."""
    parameters = apply_overrides(Parameters(), {"output.overlays": "none"})
    run_plate(plate, plate_map, tmp_path / "plain", parameters, workers=0)
    request = RunRequest(plate, tmp_path / "out", plate_map, parameters, workers=1)
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.default_int_handler)
    try:
        first = BackgroundRun(request)
    finally:
        signal.signal(signal.SIGINT, before)
    got = heard(first, Progress)
    first.stop()
    got += heard(first)
    assert isinstance(got[-1], RunStopped)
    second = BackgroundRun(request)
    got = heard(second)
    assert isinstance(got[-1], Ended), got
    assert got[-1].n_frames == 18
    assert got[-1].answer
    told = [m for m in got if isinstance(m, Progress) and m.well]
    assert {m.plate for m in told} == {"VID7"}
    assert csvs(tmp_path / "out") == csvs(tmp_path / "plain")


def test_a_wrong_request_is_told_in_a_sentence(tmp_path) -> None:
    (tmp_path / "images").mkdir()
    got = heard(BackgroundRun(RunRequest(tmp_path / "images", tmp_path / "out")))
    assert isinstance(got[-1], Failed)
    assert "images" in got[-1].sentence
    assert not (tmp_path / "out").exists()


def test_it_ends_when_nobody_listens() -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "spheroid_qc.workflow.background_process"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(60) != 0
