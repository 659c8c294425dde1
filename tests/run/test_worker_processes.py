"""Work goes on when a worker dies, and stops when told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from spheroid_qc.run.worker_processes import WorkerDied, Workers, map_unordered


def square(n: int) -> int:
    if n == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    if n == 99:
        raise ZeroDivisionError("ninety-nine")
    return n * n


def threads(_: int) -> str:
    return os.environ.get("OMP_NUM_THREADS", "")


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_every_task_gives_its_result(workers):
    found = dict(map_unordered(square, range(10), workers))
    assert found == {n: n * n for n in range(10)}


def test_a_task_that_kills_its_worker_is_named_and_the_others_are_done():
    found = dict(map_unordered(square, [*range(12), 13, *range(20, 30)], 2))
    dead = [task for task, result in found.items() if isinstance(result, WorkerDied)]
    assert dead == [13]
    assert len(found) == 23
    assert all(result == n * n for n, result in found.items() if n != 13)


def test_an_exception_is_raised_as_it_is():
    with pytest.raises(ZeroDivisionError, match="ninety-nine"):
        list(map_unordered(square, [1, 99], 1))


def test_workers_compute_with_one_thread_and_the_parent_keeps_its_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert dict(map_unordered(threads, [1], 1)) == {1: "1"}
    assert os.environ["OMP_NUM_THREADS"] == "7"


def identity(_: object = None) -> int:
    return os.getpid()


def test_workers_stay_for_the_next_kind_of_work():
    with Workers(1) as workers:
        assert not workers.started
        workers.start(os.getpid)
        first = {pid for _, pid in map_unordered(identity, range(3), workers)}
        second = {pid for _, pid in map_unordered(identity, range(3), workers)}
        assert first == second != {os.getpid()}
        dead = dict(map_unordered(square, [1, 13], workers))
        assert isinstance(dead[13], WorkerDied)
        third = {pid for _, pid in map_unordered(identity, range(3), workers)}
        assert third != first
    assert not workers.started


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_orphans_end_themselves(tmp_path):
    (tmp_path / "slow.py").write_text(
        "import os, time\n"
        "def slow(path):\n"
        "    open(path, 'w').write(str(os.getpid()))\n"
        "    time.sleep(60)\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys\n"
        "from slow import slow\n"
        "from spheroid_qc.run.worker_processes import map_unordered\n"
        "list(map_unordered(slow, [sys.argv[1]], 1))\n"
    )
    told = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, str(script), str(told)])
    deadline = time.monotonic() + 30
    while not (told.exists() and told.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    worker = int(told.read_text())
    parent.kill()
    parent.wait()
    while time.monotonic() < deadline:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        # A zombie whose parent is gone is reaped by init; until then it still answers.
        with open(f"/proc/{worker}/stat") as stat:
            if stat.read().rsplit(")", 1)[1].split()[0] == "Z":
                return
        time.sleep(0.05)
    pytest.fail("the worker outlived its parent")


def test_a_script_without_a_main_guard_is_not_run_again_by_its_workers(tmp_path):
    script = tmp_path / "naive.py"
    script.write_text(
        "print('once')\n"
        "from math import sqrt\n"
        "from spheroid_qc.run.worker_processes import map_unordered\n"
        "print(sorted(r for _, r in map_unordered(sqrt, [4, 9], 2)))\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.stdout == "once\n[2.0, 3.0]\n"
    assert done.stderr == ""
