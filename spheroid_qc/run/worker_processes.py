"""Many wells at once, in processes that can die without taking the run with them.

Processes are spawned with one thread each for the numerical libraries: two wells on two cores
are faster than one well on two, and the sums come out the same for any number of workers. Every
worker has one task at a time, so memory does not grow with the plate, and it is known whose task
it was when one dies or says nothing any more: it alone is replaced. A worker whose parent is gone
ends itself.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import multiprocessing.process
import os
import pickle
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for_handles
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from spheroid_qc.stopwatch import book, taken_by_process
from spheroid_qc.storage import Waits, taken_waits, while_waiting

if TYPE_CHECKING:
    from spheroid_qc.run.executor import Executor

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


_START_S = 120.0
"""Time that a new process has until its first sign of life: libraries come from a slow share."""

_LOOK_UP_S = 1.0
"""Time between two looks at whether anybody still wants what is waited for."""

_END_S = 5.0
"""Time that a process has to end before it is ended, or left behind."""


class WorkerDied(Exception):
    """A task ended its process (a crash in a decoder, or no memory left), or hung.

    So does one that found no memory and says so: it costs itself, and not the others.

    Parameters
    ----------
    hung : bool
        Whether it gave no sign of life for too long, and was ended.
    """

    def __init__(self, *, hung: bool = False) -> None:
        super().__init__()
        self.hung = hung


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
    step_s : float
        Seconds without a sign of life (`alive`) after which a worker that has a task counts as
        hung and is ended.
    """

    def __init__(self, number: int, step_s: float = math.inf) -> None:
        self.number = max(0, number)
        self.step_s = step_s
        self.idle: list[_Worker] = []
        self.waits = Waits()
        self.look_up: Callable[[], None] | None = None
        """Called about once a second while tasks are waited for; what it raises ends them."""

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
        while len(self.idle) < self.number:
            self.idle.append(_Worker(prepare))

    def ready(self, source: Path, example: str) -> None:
        """Nothing that processes of this computer would lack."""

    def alone(self) -> Workers:
        """Give other processes, of which each has one task at a time and no other beside it."""
        return Workers(1, self.step_s)

    @property
    def started(self) -> bool:
        """Whether there are processes to be used."""
        return bool(self.idle)

    def take(self) -> _Worker:
        """Give a worker that has nothing to do, a new one where there is none."""
        return self.idle.pop() if self.idle else _Worker()

    def map_unordered(
        self,
        function: Callable[[Task], Result],
        tasks: Iterable[Task],
        at_most: int | None = None,
    ) -> Iterator[tuple[Task, Result | WorkerDied]]:
        """Run a function over tasks in these processes; see `map_unordered` of this module."""
        if self.number == 0:
            for task in tasks:
                try:
                    result: Result | WorkerDied = function(task)
                except MemoryError:
                    result = WorkerDied()
                yield task, result
            return
        most = self.number if at_most is None else min(self.number, at_most)
        queue = iter(tasks)
        busy: dict[_Worker, Task] = {}
        exhausted = False
        try:
            while True:
                while not exhausted and len(busy) < most:
                    try:
                        task = next(queue)
                    except StopIteration:
                        exhausted = True
                        break
                    busy[_given(self, function, task)] = task
                if not busy:
                    return
                for worker, hung in _ready(busy, self.look_up):
                    answer, gone = None, hung
                    if not hung:
                        try:
                            answer = worker.receive(self.step_s)
                        except (EOFError, OSError):
                            gone = True
                    if gone:
                        task = busy.pop(worker)
                        worker.end(at_once=True)
                        worker.wait()
                        yield task, WorkerDied(hung=hung)
                    elif answer is not None:
                        task = busy.pop(worker)
                        self.idle.append(worker)
                        result, error, spent, waits = answer
                        book(spent)
                        self.waits.add(waits)
                        if isinstance(error, MemoryError):
                            result = WorkerDied()
                        elif error is not None:
                            raise error
                        yield task, result
        finally:
            # Left early: whoever is still at work is not wanted any more.
            for worker in busy:
                worker.end(at_once=True)
            for worker in busy:
                worker.wait()

    def end(self, *, at_once: bool = False) -> None:
        """End the processes; the next task starts new ones."""
        idle, self.idle = self.idle, []
        for worker in idle:
            worker.end(at_once=at_once)
        for worker in idle:
            worker.wait()


_starting = threading.Lock()


class _Worker:
    """One process that takes tasks one by one through a pipe; used by `map_unordered` only."""

    def __init__(self, prepare: Callable[[], None] | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, prepare), daemon=True)
        # What is changed for a start belongs to the whole process: one start after the other.
        with _starting, _main_unseen(), _set_up(), _child_allowed():
            self.process.start()
        theirs.close()
        self.heard = time.monotonic()
        self.patience_s = math.inf

    def send(self, function: Callable[..., Any], task: Any, step_s: float) -> None:
        """Hand over a task; OSError if the process is gone."""
        self.heard = time.monotonic()
        # A process that is still starting imports half a scientific library before it answers.
        self.patience_s = max(step_s, _START_S)
        self.pipe.send((function, task))

    def receive(self, step_s: float) -> tuple[Any, ...] | None:
        """Take what it says: its answer to a task, or None for a sign of life.

        `EOFError` or `OSError` if the process is gone.
        """
        message: tuple[Any, ...] = self.pipe.recv()
        self.heard = time.monotonic()
        if message[0] == "alive":
            self.patience_s = step_s * message[1]
            return None
        return message[1:]

    @property
    def left_s(self) -> float:
        """Seconds after which it counts as hung, if it says nothing."""
        return self.heard + self.patience_s - time.monotonic()

    def end(self, *, at_once: bool) -> None:
        """Tell the process to end, or end it."""
        if at_once:
            self.process.kill()
        with contextlib.suppress(OSError):
            self.pipe.close()

    def wait(self) -> None:
        """Wait until the process has ended; one that the system does not end is left behind."""
        self.process.join(_END_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join(_END_S)
        if self.process.is_alive():
            # It waits for a device that does not answer; as soon as that does, it ends. The
            # interpreter would wait for it at exit.
            multiprocessing.process._children.discard(self.process)  # type: ignore[attr-defined]


def map_unordered(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    workers: Executor | int,
    at_most: int | None = None,
) -> Iterator[tuple[Task, Result | WorkerDied]]:
    """Run a function over tasks in processes, and give results as they come.

    Parameters
    ----------
    function : callable
        Importable from a module (no closure, not from the main script); gets one task.
    tasks : iterable
        Picklable; taken one by one.
    workers : Executor or int
        Processes that are there already, or the number of those to be started here; 0 runs
        everything in this process.
    at_most : int, optional
        How many of the workers are worth using.

    Yields
    ------
    tuple
        The task and its result, or `WorkerDied` for a task that ended its process, or that gave no
        sign of life for too long. The process is replaced; the others go on.

    Raises
    ------
    Exception
        Whatever `function` raised; outstanding tasks are given up.
    """
    if isinstance(workers, int):
        with Workers(workers) as own:
            yield from own.map_unordered(function, tasks, at_most)
    else:
        yield from workers.map_unordered(function, tasks, at_most)


def _given(workers: Workers, function: Callable[[Any], Any], task: Any) -> _Worker:
    """Hand a task to a worker; one that ended while it had nothing to do is replaced."""
    while True:
        worker = workers.take()
        try:
            worker.send(function, task, workers.step_s)
        except OSError:
            worker.end(at_once=True)
            worker.wait()
        else:
            return worker


def _ready(
    busy: Mapping[_Worker, Any], look_up: Callable[[], None] | None
) -> list[tuple[_Worker, bool]]:
    """Wait for workers that have something to say or have ended; True: silent for too long."""
    pipes = [worker.pipe for worker in busy]
    while True:
        left = min(worker.left_s for worker in busy)
        longest = left if look_up is None else min(left, _LOOK_UP_S)
        said = wait_for_handles(pipes, None if longest == math.inf else max(longest, 0.0))
        if look_up is not None:
            look_up()
        ready = [(worker, False) for worker in busy if worker.pipe in said]
        hung = [(w, True) for w in busy if w.pipe not in said and w.left_s <= 0]
        if ready or hung:
            return ready + hung


_mouth: list[Connection] = []
"""Where this process says that it lives, if it is a worker."""


def alive(times: float = 1.0) -> None:
    """Say that a worker is getting on, before every step that may take long.

    Parameters
    ----------
    times : float
        How many times longer than usual the next step may take.
    """
    if _mouth:
        with contextlib.suppress(OSError):
            _mouth[0].send(("alive", times))


def _serve(pipe: Connection, prepare: Callable[[], None] | None) -> None:
    """Do tasks as they come, in a worker, until the other side of the pipe is closed."""
    _start_worker()
    if prepare is not None:
        with contextlib.suppress(Exception):
            prepare()
    _mouth.append(pipe)
    while_waiting(alive)
    while True:
        try:
            function, task = pipe.recv()
        except EOFError:
            return
        alive()
        result, error = None, None
        try:
            result = function(task)
        except BaseException as raised:
            error = raised
            details = "".join(traceback.format_exception(raised))
            # A process of its own has a traceback of its own, which would be lost on the way.
            error.add_note(f"In a worker process:\n{details}")
        try:
            pipe.send(("done", result, error, taken_by_process(), taken_waits()))
        except (pickle.PicklingError, TypeError, AttributeError) as failed:
            pipe.send(("done", None, failed, taken_by_process(), taken_waits()))


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


@contextlib.contextmanager
def _child_allowed() -> Iterator[None]:
    """Start a process from one that may have no children (a Dask worker below its nanny).

    The rule of `multiprocessing` is there because such children would outlive their parent; ours
    watch it and end themselves.
    """
    own = multiprocessing.process.current_process()._config  # type: ignore[attr-defined]
    before = own.get("daemon")
    own["daemon"] = False
    try:
        yield
    finally:
        own["daemon"] = before


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
