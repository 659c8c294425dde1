"""Many wells at once, in processes that can die without taking the run with them.

Processes are spawned with one thread each for the numerical libraries: two wells on two cores
are faster than one well on two, and the sums come out the same for any number of workers. Only a
few tasks are handed out at a time, so memory does not grow with the plate. A worker whose parent
is gone ends itself.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for_handles
from typing import Any, TypeVar

from spheroid_qc.stopwatch import Work, book, taken_by_process

Task = TypeVar("Task")
Result = TypeVar("Result")

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "BLIS_NUM_THREADS",
)
_ENVIRONMENT = {
    **dict.fromkeys(_THREAD_VARIABLES, "1"),
    # Frames come and go by the megabyte. The C library of Linux would give every one back to the
    # system and have the next one's memory zeroed anew, a tenth of a frame's processor time.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(128 * 1024 * 1024),
}


class WorkerDied(Exception):
    """A task killed its process (a crash in a decoder, or no memory left)."""


def default_workers() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


class Workers:
    """Processes that are kept from one kind of work to the next.

    Use it in a `with` statement: workers end with the block, at once if it ends by an exception
    (on Ctrl-C nobody wants to wait for wells in progress).

    Parameters
    ----------
    number : int
        How many at most; they are started as tasks come. 0: everything is done in this process.
    """

    def __init__(self, number: int) -> None:
        self.number = max(0, number)
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.end(at_once=kind is not None)

    def start(self, prepare: Callable[[], None]) -> None:
        """Start all workers without waiting for them; each imports what it will need.

        Parameters
        ----------
        prepare : callable
            Run in the workers; what it raises is left for the first task to meet.
        """
        # Tasks that are not taken yet make the pool start another worker.
        for _ in range(self.number):
            self.submit(prepare)

    @property
    def started(self) -> bool:
        """Whether there are processes to be used."""
        return self._pool is not None

    def submit(self, function: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Hand a task to a worker."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.number,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start_worker,
            )
        with _main_unseen(), _set_up():
            return self._pool.submit(function, *arguments)

    def end(self, *, at_once: bool = False) -> None:
        """End the processes; the next task starts new ones."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        if at_once:
            processes: dict[int, Any] = getattr(pool, "_processes", None) or {}
            for process in list(processes.values()):
                process.kill()
        pool.shutdown(wait=True, cancel_futures=True)


def map_unordered(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    workers: Workers | int,
    at_most: int | None = None,
) -> Iterator[tuple[Task, Result | WorkerDied]]:
    """Run a function over tasks in processes, and give results as they come.

    Parameters
    ----------
    function : callable
        Importable from a module (no closure, not from the main script); gets one task.
    tasks : iterable
        Picklable; taken one by one.
    workers : Workers or int
        Processes that are there already, or their number; 0 runs everything in this process.
    at_most : int, optional
        How many of the workers are worth using.

    Yields
    ------
    tuple
        The task and its result, or `WorkerDied` for a task that ended its process twice: once
        among others, once alone.

    Raises
    ------
    Exception
        Whatever `function` raised; outstanding tasks are given up.
    """
    if isinstance(workers, int):
        with Workers(workers) as own:
            yield from map_unordered(function, tasks, own, at_most)
        return
    if workers.number == 0:
        for task in tasks:
            yield task, function(task)
        return
    in_flight = 2 * min(workers.number, workers.number if at_most is None else at_most)
    suspects: list[Task] = []
    queue = iter(tasks)
    exhausted = False
    while not exhausted:
        running: dict[Future[tuple[Result, dict[Work, float]]], Task] = {}
        try:
            while True:
                while not exhausted and len(running) < in_flight:
                    try:
                        task = next(queue)
                    except StopIteration:
                        exhausted = True
                        break
                    try:
                        running[workers.submit(_timed, function, task)] = task
                    except BrokenProcessPool:
                        suspects.append(task)
                        raise
                if not running:
                    break
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    result, spent = future.result()
                    book(spent)
                    yield running.pop(future), result
        except BrokenProcessPool:
            workers.end(at_once=True)
            # Which of the tasks in flight did it can't be known: each is tried alone below.
            for future, task in running.items():
                if future.done() and not future.cancelled() and future.exception() is None:
                    yield task, future.result()[0]
                else:
                    suspects.append(task)
        except BaseException:
            workers.end(at_once=True)
            raise
        while suspects:
            task = suspects.pop(0)
            yield task, _alone(function, task)


def _timed(function: Callable[[Task], Result], task: Task) -> tuple[Result, dict[Work, float]]:
    """Run a task in a worker; gives its result and where the processor time went."""
    return function(task), taken_by_process()


def _alone(function: Callable[[Task], Result], task: Task) -> Result | WorkerDied:
    with Workers(1) as worker:
        try:
            return worker.submit(function, task).result()
        except BrokenProcessPool:
            return WorkerDied()


@contextlib.contextmanager
def _set_up() -> Iterator[None]:
    """Let processes that start here compute with one thread and keep the memory they had once.

    This one stays as it is.
    """
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _main_unseen() -> Iterator[None]:
    """Start workers without running the user's script again in each of them.

    A spawned process imports the main module first; a script that calls `run_plate` without an
    `if __name__ == "__main__"` would start itself in every worker. Nothing that is sent to a
    worker lives in the main module.
    """
    import signal

    # A worker that is still starting would answer Ctrl-C with a traceback: it starts with the
    # signal held back, and the parent gets it a moment later.
    held = hasattr(signal, "pthread_sigmask")
    if held:
        before_mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    main = sys.modules["__main__"]
    names: tuple[str, ...] = ("__file__", "__spec__")
    before = {name: main.__dict__[name] for name in names if name in main.__dict__}
    main.__dict__.pop("__file__", None)
    main.__dict__["__spec__"] = None
    try:
        yield
    finally:
        main.__dict__.update(before)
        if held:
            signal.pthread_sigmask(signal.SIG_SETMASK, before_mask)


def _start_worker() -> None:
    """Watch the parent: an orphan would go on writing into a folder that is no longer locked."""
    import signal

    # Ctrl-C reaches the whole group; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait_for_handles([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
