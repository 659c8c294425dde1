"""Two workers of Dask: the same bytes, whatever happens to them."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest

from spheroid_qc import run_plate
from spheroid_qc.errors import ClusterError, RequestError
from spheroid_qc.run.cluster import dask_executor
from spheroid_qc.run.cluster.dask_executor import Cluster, DaskExecutor
from spheroid_qc.run.cluster.path_map import PathMap
from spheroid_qc.run.worker_processes import WorkerDied
from tests.run.cluster import made_tasks
from tests.run.cluster.made_tasks import MadeTask
from tests.run.cluster.small_cluster import until

# One cluster is enough, however many processes run the tests.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]


def contents(out):
    """All files of a run folder but those that hold times of clocks."""
    clocks = {"run.json", "finished.json", ".lock"}
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name not in clocks
    }


def differing(one, other):
    """Names of files that are not the same in both."""
    left, right = contents(one), contents(other)
    return {name for name in left.keys() | right.keys() if left.get(name) != right.get(name)}


@contextmanager
def observer(cluster):
    """A client of the test's own."""
    from distributed import Client

    with Client(cluster.address, set_as_default=False) as client:
        yield client


@contextmanager
def executor(cluster, tmp_path, step_s=30.0):
    """An executor whose workers have been looked at."""
    (tmp_path / "images").mkdir(exist_ok=True)
    (tmp_path / "images" / "A01.tif").touch()
    (tmp_path / "out").mkdir(exist_ok=True)
    with DaskExecutor(Cluster(cluster.address), step_s) as pool:
        pool.ready(tmp_path / "images", "A01.tif")
        yield pool


def made(tmp_path, numbers):
    return [MadeTask(tmp_path / "images", tmp_path / "out", number) for number in numbers]


def idle(cluster):
    """Wait until no worker has anything to do."""
    with observer(cluster) as client:
        until(lambda: not any(client.processing().values()))


# In the order of a cluster's life: first without workers.


def test_a_scheduler_without_workers_is_refused(lonely, plate, tmp_path, monkeypatch):
    monkeypatch.setattr(dask_executor, "_FIRST_WORKER_S", 0.2)
    if len(lonely.processes) > 1:
        pytest.skip("it has workers already")
    with pytest.raises(RequestError, match=f"dask worker {lonely.address}"):
        run_plate(plate, out=tmp_path / "out", scheduler=lonely.address)
    assert not (tmp_path / "out").exists()


def test_one_killed_and_one_stopped_cost_nothing_but_time(cluster, plate, tmp_path, whole):
    out = tmp_path / "out"
    hit = []

    def strike(state):
        # As soon as a well is done: both workers have others in hand.
        if state.stage == "frames" and state.done and not hit:
            with observer(cluster) as client:
                hit.extend(client.run(os.getpid).values())
            os.kill(hit[0], signal.SIGKILL)
            os.kill(hit[1], signal.SIGSTOP)

    result = run_plate(plate, out=out, progress=strike, scheduler=cluster.address)
    assert len(hit) == 2
    assert not result.failures
    assert result.n_new == result.n_frames == 18
    assert differing(out, whole) == set()


def test_who_stops_a_run_stops_the_workers_and_can_go_on_elsewhere(cluster, plate, tmp_path, whole):
    out = tmp_path / "out"

    def stop(state):
        if state.stage == "frames" and state.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_plate(plate, out=out, progress=stop, scheduler=cluster.address)
    done = len(list(out.glob("records/*/*.json")))
    assert 1 <= done < 6
    idle(cluster)
    assert len(list(out.glob("records/*/*.json"))) == done
    until(lambda: not list(cluster.place.glob("worker_*/**/spheroid_qc_*")))
    run_plate(plate, out=out, workers=0)
    assert differing(out, whole) == set()


def test_what_was_begun_here_goes_on_there_with_paths_and_corrections(cluster, small, tmp_path):
    from spheroid_qc.run.store.mask_files import read_masks, write_masks
    from spheroid_qc.run.store.run_folder import RunFolder
    from spheroid_qc.segmentation import Segmentation

    late, broken = "VID1_C4_1_00d06h00m.tif", "VID1_B3_1_00d06h00m.tif"
    drawn = "VID1_C4_1_00d00h00m.ome.tif"
    images, outs = tmp_path / "images", (tmp_path / "here", tmp_path / "there")
    shutil.copytree(small, images)
    (images / late).rename(tmp_path / late)
    (images / broken).write_bytes((images / broken).read_bytes()[:4000])
    for out in outs:
        run_plate(images, out=out, workers=0)
        run = RunFolder(out)
        core, _ = read_masks(run.mask(drawn), 100.0)
        write_masks(run.correction(drawn), Segmentation(core, core == 0, 1.0, ""), 4.0)
    (tmp_path / late).rename(images / late)
    # What workers call it must not be seen in any sentence.
    (tmp_path / "mounted").symlink_to(tmp_path)
    paths = [f"{tmp_path}={tmp_path / 'mounted'}"]
    run_plate(images, out=outs[0], workers=0)
    result = run_plate(images, out=outs[1], scheduler=cluster.address, path_map=paths)
    assert len(result.failures) == 1
    assert differing(*outs) == set()
    assert (outs[1] / "corrections" / "VID1_C4_1_00d00h00m.json").is_file()
    assert b"mounted" not in b"".join(contents(outs[1]).values())


def test_a_task_that_hangs_or_kills_its_process_is_given_up_as_here(cluster, tmp_path):
    with executor(cluster, tmp_path, step_s=2.0) as pool:
        tasks = made(tmp_path, [2, 0, 3, -1, 4])
        found = dict(pool.map_unordered(made_tasks.nap_or_square, tasks))
        assert [found[task] for task in tasks if task.number > 0] == [4, 9, 16]
        for task in tasks[1], tasks[3]:
            assert isinstance(found[task], WorkerDied)
            assert found[task].hung == (task.number == 0)
        assert [r for _, r in pool.map_unordered(made_tasks.threads, tasks[:1])] == ["1"]


def test_whoever_leaves_is_not_worked_for(cluster, tmp_path):
    with executor(cluster, tmp_path) as pool:
        running = pool.map_unordered(made_tasks.slow, made(tmp_path, range(6)))
        with pytest.raises(ClusterError, match="went away or gave up"):
            for _ in _meanwhile(running, lambda: _give_up(cluster, tmp_path)):
                pass
    idle(cluster)


def _meanwhile(running, other):
    import threading

    threading.Thread(target=other, daemon=True).start()
    yield from running


def _give_up(cluster, tmp_path):
    """Let somebody else drop the tasks, as is done from a notebook."""
    while not list((tmp_path / "images").glob("begun_*")):
        time.sleep(0.05)
    with observer(cluster) as client:
        from distributed import Future

        keys = {key for keys in client.processing().values() for key in keys}
        client.cancel([Future(key, client) for key in keys], force=True)


def test_other_programs_and_folders_that_are_not_there_are_refused(
    cluster, plate, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    (tmp_path / "empty").mkdir()
    paths = [f"{plate}={tmp_path / 'empty'}"]
    with pytest.raises(RequestError, match=r"does not see .*empty.*--path-map"):
        run_plate(plate, out=out, scheduler=cluster.address, path_map=paths)
    with pytest.raises(RequestError, match="lie in none of the folders"):
        run_plate(plate, out=out, scheduler=cluster.address, path_map=[f"{tmp_path}=/there"])
    mine = replace(dask_executor.program_identity(), version="9.9", weights="0" * 64)
    monkeypatch.setattr(dask_executor, "program_identity", lambda: mine)
    with pytest.raises(RequestError, match=r"has spheroid_qc .* instead of 9\.9, other weights"):
        run_plate(plate, out=out, scheduler=cluster.address)
    assert not out.exists()


def test_a_worker_that_joins_later_is_compared_too(cluster, tmp_path, monkeypatch):
    with executor(cluster, tmp_path) as pool:
        tasks = made(tmp_path, [2])
        mine = replace(dask_executor.program_identity(), version="9.9")
        monkeypatch.setattr(dask_executor, "program_identity", lambda: mine)
        with pytest.raises(ClusterError, match="joined the run and has spheroid_qc"):
            list(pool.map_unordered(made_tasks.square, tasks))
        monkeypatch.undo()
        pool.cluster = Cluster(
            cluster.address, PathMap.of([f"{tmp_path / 'images'}={tmp_path / 'nowhere'}"])
        )
        with pytest.raises(ClusterError, match="joined the run and has no folder"):
            list(pool.map_unordered(made_tasks.square, tasks))


def test_nothing_listens_here_and_nothing_is_written_outside(cluster, tmp_path):
    import psutil

    def listening():
        return {c.laddr for c in psutil.Process().net_connections() if c.status == "LISTEN"}

    before = listening()
    with executor(cluster, tmp_path) as pool:
        tasks = made(tmp_path, range(5))
        assert sorted(r for _, r in pool.map_unordered(made_tasks.square, tasks)) == [
            0, 1, 4, 9, 16,
        ]  # fmt: skip
        assert listening() == before
        with pytest.raises(Exception, match="leads out of its folder"):
            list(pool.map_unordered(made_tasks.write_outside, tasks[:1]))
    assert not list((tmp_path / "out").iterdir())


def test_an_address_where_nobody_answers_is_refused(plate, tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="Dask (extra cluster) is not installed")
    monkeypatch.setattr(dask_executor, "_CONNECT_S", 0.5)
    for address, words in (
        ("tcp://127.0.0.1:9", "No scheduler of Dask answers at tcp://127.0.0.1:9.*dask scheduler"),
        ("nonsense://x", "no address of a scheduler"),
        ("tcp://127.0.0.1", "no address of a scheduler"),
        ("", "no address of a scheduler"),
    ):
        with pytest.raises(RequestError, match=words):
            run_plate(plate, out=tmp_path / "out", scheduler=address)
    assert not (tmp_path / "out").exists()


def test_a_path_map_without_a_scheduler_is_refused(plate, tmp_path):
    with pytest.raises(RequestError, match="name their --scheduler"):
        run_plate(plate, out=tmp_path / "out", path_map=["/a=/b"])


def test_without_the_library_the_line_to_type_is_said(plate, tmp_path, monkeypatch):
    monkeypatch.setattr(dask_executor, "find_spec", lambda _: None)
    with pytest.raises(RequestError, match=r"pip install 'spheroid_qc\[cluster\]'"):
        run_plate(plate, out=tmp_path / "out", scheduler="tcp://127.0.0.1:8786")
    assert not (tmp_path / "out").exists()
