"""What a Dask worker does for a run: one task after the other, each in a process of our own.

A worker of Dask may have several threads, an interpreter that others use too, and no way to end a
thread that hangs. Tasks therefore run where they run on one computer: in processes with one thread
each for the numerical libraries, with a time limit from one sign of life to the next. What a task
does to its process, and the sums that come out, are the same on both.
"""

from __future__ import annotations

import contextlib
import platform
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from spheroid_qc.errors import ClusterError, OutputError
from spheroid_qc.run.cluster.same_program import ProgramIdentity, program_identity
from spheroid_qc.run.worker_processes import WorkerDied, Workers, map_unordered
from spheroid_qc.stopwatch import Work, taken
from spheroid_qc.storage import Waits

_KEPT_S = 60.0
"""Time that a process without a task is kept: the next wells of a run come within seconds."""


@dataclass(frozen=True)
class HostedTask:
    """A task on its way to a worker.

    Parameters
    ----------
    function : callable
        Importable from spheroid_qc; gets the task.
    task : WellTask or OverlayTask
        As it is done on one computer.
    folder : Path
        Where the worker finds the images.
    files : dict of str to bytes
        What the task may read of the run folder.
    step_s : float
        Seconds without a sign of life after which its process is ended.
    client : ProgramIdentity
        What whoever asks runs.
    """

    function: Callable[[Any], Any]
    task: Any
    folder: Path
    files: Mapping[str, bytes]
    step_s: float
    client: ProgramIdentity


@dataclass(frozen=True)
class HostedAnswer:
    """A task on its way back.

    Parameters
    ----------
    result : object
        What the function gave, or `WorkerDied` if its process died or hung.
    files : dict of str to bytes
        What it made or changed in the run folder.
    spent : dict of Work to float
        Seconds of processor time.
    waits : Waits
        Those for storage.
    """

    result: Any
    files: Mapping[str, bytes]
    spent: Mapping[Work, float]
    waits: Waits


def run_hosted(hosted: HostedTask) -> HostedAnswer:
    """Do a task, in a thread of a Dask worker.

    Raises
    ------
    ClusterError
        If this worker, which may have joined later, runs another program or does not see the
        folder of the images.
    OutputError
        If it has no room for the files of one task.
    Exception
        Whatever the function raised.
    """
    from distributed import get_worker

    worker = get_worker()
    name = f"The worker {worker.address} on {platform.node()}"
    _check(hosted, name)
    key = worker.get_current_task()

    def still_wanted() -> None:
        state = worker.state.tasks.get(key)
        if state is None or state.state in ("cancelled", "released", "forgotten"):
            raise ClusterError(f"{name} was told to stop.")

    taken()
    with _own_folder(worker.local_directory, name) as out, _processes.lent(hosted.step_s) as pool:
        pool.look_up = still_wanted
        # Once seen, a folder of images that goes away is waited for, as on one computer.
        work = hosted, out, name, hosted.folder in _seen
        ((_, answer),) = map_unordered(_in_a_folder_of_its_own, [work], pool)
        waits, pool.waits = pool.waits, Waits()
    if isinstance(answer, WorkerDied):
        return HostedAnswer(answer, {}, taken(), waits)
    _seen.add(hosted.folder)
    return HostedAnswer(*answer, taken(), waits)


_seen: set[Path] = set()
"""Folders of images that this worker has had."""


def _check(hosted: HostedTask, name: str) -> None:
    differences = hosted.client.differences(program_identity())
    if differences:
        raise ClusterError(
            f"{name} joined the run and has {', '.join(differences)}; install there what is here, "
            "and run the same command again: finished wells are kept."
        )


def _prepare() -> None:
    """Import what a task needs, before there is a time limit."""
    from spheroid_qc.run.cluster import shipped_files  # noqa: F401
    from spheroid_qc.run.well.segment_and_measure_well import prepare

    prepare()


@contextlib.contextmanager
def _own_folder(place: str, name: str) -> Iterator[Path]:
    """Give an empty folder that is removed whatever becomes of the process that works in it."""
    try:
        folder = TemporaryDirectory(prefix="spheroid_qc_", dir=place, ignore_cleanup_errors=True)
    except OSError as error:
        raise _no_room(name, Path(place), error) from error
    with folder as own:
        yield Path(own)


def _in_a_folder_of_its_own(
    work: tuple[HostedTask, Path, str, bool],
) -> tuple[Any, dict[str, bytes]]:
    """Do a task, in a process of our own, with a run folder that holds nothing else."""
    # The worker of Dask, which unpickles this function, needs none of it.
    from spheroid_qc.run.cluster.shipped_files import changed_files, unpack

    hosted, out, name, seen = work
    if not seen and not hosted.folder.is_dir():
        raise ClusterError(
            f"{name} joined the run and has no folder {hosted.folder}; mount the images there, or "
            "say with --path-map where they are, and run the same command again: finished wells "
            "are kept."
        )
    try:
        unpack(hosted.files, out)
        result = hosted.function(replace(hosted.task, folder=hosted.folder, out=out))
        return result, changed_files(out, hosted.files)
    except OutputError as error:
        raise OutputError(f"{name} has no room to work in. {error}") from error
    except OSError as error:
        raise _no_room(name, out, error) from error


def _no_room(name: str, place: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{name} can't write to its own folder {place} ({error.strerror or error}); make room "
        "there, or start it with another --local-directory, and run the same command again: "
        "finished wells are kept."
    )


class _OwnProcesses:
    """Processes of one Dask worker, kept from one task to the next, and not much longer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[tuple[float, Workers]] = []

    @contextlib.contextmanager
    def lent(self, step_s: float) -> Iterator[Workers]:
        """Give a process that nobody else uses; a new one where there is none."""
        with self._lock:
            pool = self._idle.pop()[1] if self._idle else Workers(1)
        pool.step_s = step_s
        if not pool.started:
            pool.start(_prepare)
        try:
            yield pool
        finally:
            pool.look_up = None
            with self._lock:
                self._idle.append((time.monotonic(), pool))
            timer = threading.Timer(_KEPT_S, self._end_old)
            timer.daemon = True
            timer.start()

    def _end_old(self) -> None:
        with self._lock:
            now = time.monotonic()
            old = [pool for since, pool in self._idle if now - since >= _KEPT_S]
            self._idle = [(s, pool) for s, pool in self._idle if now - s < _KEPT_S]
        for pool in old:
            pool.end()


_processes = _OwnProcesses()
