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

__all__ = ["WorkerDied", "default_workers", "map_unordered"]

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


class WorkerDied(Exception):
    """A task killed its process (a crash in a decoder, or no memory left)."""


def default_workers() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def map_unordered(
    function: Callable[[Task], Result], tasks: Iterable[Task], workers: int
) -> Iterator[tuple[Task, Result | WorkerDied]]:
    """Run a function over tasks in processes, and give results as they come.

    Parameters
    ----------
    function : callable
        Importable from a module (no closure, not from the main script); gets one task.
    tasks : iterable
        Picklable; taken one by one.
    workers : int
        Number of processes; 0 runs everything in this process.

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
    if workers <= 0:
        for task in tasks:
            yield task, function(task)
        return
    suspects: list[Task] = []
    queue = iter(tasks)
    exhausted = False
    while not exhausted:
        with _pool(workers) as pool:
            running: dict[Future[Result], Task] = {}
            try:
                while True:
                    while not exhausted and len(running) < 2 * workers:
                        try:
                            task = next(queue)
                        except StopIteration:
                            exhausted = True
                            break
                        try:
                            with _main_unseen():
                                running[pool.submit(function, task)] = task
                        except BrokenProcessPool:
                            suspects.append(task)
                            raise
                    if not running:
                        break
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        result = future.result()
                        yield running.pop(future), result
            except BrokenProcessPool:
                # Which of the tasks in flight did it can't be known: each is tried alone below.
                for future, task in running.items():
                    if future.done() and not future.cancelled() and future.exception() is None:
                        yield task, future.result()
                    else:
                        suspects.append(task)
        while suspects:
            task = suspects.pop(0)
            yield task, _alone(function, task)


def _alone(function: Callable[[Task], Result], task: Task) -> Result | WorkerDied:
    with _pool(1) as pool:
        try:
            with _main_unseen():
                future = pool.submit(function, task)
            return future.result()
        except BrokenProcessPool:
            return WorkerDied()


@contextlib.contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    pool = ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_start_worker
    )
    try:
        yield pool
    except BaseException:
        _kill(pool)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
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


def _kill(pool: ProcessPoolExecutor) -> None:
    """End the workers at once: on Ctrl-C nobody wants to wait for wells in progress."""
    processes: dict[int, Any] = getattr(pool, "_processes", None) or {}
    for process in list(processes.values()):
        process.kill()


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
