"""A run that is killed again and again ends with the bytes of an undisturbed one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.run.test_run_images import tables

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="process groups and SIGKILL"),
]


def start(plate, plate_map, out):
    command = [
        sys.executable, "-m", "spheroid_qc.cli.main", "run", str(plate), "--plate-map",
        str(plate_map),
        "--out", str(out), "--workers", "2", "--overlays", "all",
    ]  # fmt: skip
    return subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def written(out):
    return sum(1 for folder in ("masks", "records", "overlays") for _ in (out / folder).rglob("*"))


def test_kill_at_random_moments(plate, plate_map, tmp_path):
    whole = tmp_path / "whole"
    assert start(plate, plate_map, whole).wait() == 0

    out = tmp_path / "killed"
    well_timepoints = random.Random(20261122)
    killed = 0
    for _ in range(5):
        # By what is written, not by the clock: machines differ, and start-up takes longest.
        enough = written(out) + well_timepoints.randint(1, 4)
        process = start(plate, plate_map, out)
        while process.poll() is None and written(out) < enough:
            time.sleep(0.002)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            killed += 1
        process.wait()
    assert killed >= 3
    last = start(plate, plate_map, out)
    assert last.wait() == 0, last.stderr.read()
    assert tables(out) == tables(whole)
    names = {p.relative_to(whole) for p in whole.rglob("*") if p.is_file()}
    assert {p.relative_to(out) for p in out.rglob("*") if p.is_file()} == names
    for name in names:
        if name.suffix in (".tif", ".png"):
            assert (out / name).read_bytes() == (whole / name).read_bytes()
