"""The client's side of a run on Dask: tasks out, answers back, and what to say when neither moves.

Which worker does what, who is alive, and what becomes of the tasks of one that is not, is decided
by Dask's scheduler. Nothing here listens: the client calls the scheduler, and so do the workers.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from spheroid_qc.atomic import output_error
from spheroid_qc.errors import ClusterError, RequestError
from spheroid_qc.run.cluster.hosted_task import HostedTask, run_hosted
from spheroid_qc.run.cluster.path_map import PathMap
from spheroid_qc.run.cluster.same_program import WorkerView, look_around, program_identity
from spheroid_qc.run.cluster.shipped_files import files_for, receive
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.worker_processes import WorkerDied
from spheroid_qc.stopwatch import book
from spheroid_qc.storage import Waits

if TYPE_CHECKING:
    from distributed import Client, Future

Task = TypeVar("Task")
Result = TypeVar("Result")

_CONNECT_S = 10.0
"""Time that a scheduler has to answer: Dask's own limit is 30 s, for crowded networks."""

_FIRST_WORKER_S = 20.0
"""Time until a worker must be there: one that was started a moment ago imports for some seconds."""

_LOOK_S = 120.0
"""Time until a worker must have looked around: libraries come from a slow share."""

_NO_WORKER_S = 300.0
"""Time without a single worker after which a run ends: as long as Dask waits for one that is silent
(`worker-ttl`), and enough for a batch system to replace one."""

_TICK_S, _COUNT_S = 1.0, 5.0
"""Longest wait for a future before a look around, and time between two counts of the workers."""

_PER_THREAD = 2
"""Tasks in hand for every thread of a worker, so that none waits for its next one."""


@dataclass(frozen=True)
class Cluster:
    """Where a run is done.

    Parameters
    ----------
    address : str
        Of Dask's scheduler, e.g. `tcp://10.0.0.5:8786`.
    paths : PathMap
        What the folders of this computer are called on the workers.
    """

    address: str
    paths: PathMap = field(default_factory=PathMap)


class DaskExecutor:
    """Workers of a Dask cluster, as the processes of a run; an `Executor`.

    Parameters
    ----------
    cluster : Cluster
        Where.
    step_s : float
        Seconds without a sign of life after which a task's process is ended, as on one computer.
    """

    def __init__(self, cluster: Cluster, step_s: float) -> None:
        self.cluster = cluster
        self.step_s = step_s
        self.waits = Waits()
        self.number = 1
        self.started = True
        self._client: Client | None = None
        self._quiet = contextlib.ExitStack()
        self._since_worker = self._counted = time.monotonic()
        if find_spec("distributed") is None:
            raise RequestError(
                "The library distributed (Dask), which --scheduler needs, is not installed; type "
                "python -m pip install 'spheroid_qc[cluster]', here and on the workers."
            )

    def __enter__(self) -> Self:
        # What its client logs of a lost connection, with tracebacks, is said in a sentence here.
        self._quiet.enter_context(_silent("distributed.client", "distributed.core"))
        return self

    def __exit__(self, *_: object) -> None:
        with self._quiet, contextlib.suppress(Exception):
            if self._client is not None:
                self._client.close(timeout=_CONNECT_S)

    def start(self, prepare: Callable[[], None]) -> None:
        """Nothing: workers import what a task needs with the first one."""

    def ready(self, source: Path, example: str) -> None:
        """Connect, and compare what the workers run and see with what is here.

        Parameters
        ----------
        source : Path
            Folder of the images.
        example : str
            Path of an image below it.

        Raises
        ------
        RequestError
            If there is no scheduler or no worker, or one that would make other numbers or does not
            see the images.
        """
        folder = self.cluster.paths.there(source)
        self._client = _connected(self.cluster.address)
        views = self._views(folder, example)
        mine = program_identity()
        for worker, view in sorted(views.items()):
            name = f"The worker {worker} on {view.host}"
            differences = mine.differences(view.identity)
            if differences:
                raise RequestError(
                    f"{name} has {', '.join(differences)}; results of both must not be mixed: "
                    "install the same on both sides, and start the workers again."
                )
            if not view.sees_images:
                raise RequestError(
                    f"{name} does not see {folder / example}; mount the images there, or say with "
                    f"--path-map {source}=PATH by which path the workers know them."
                )
        self._count()

    def _views(self, folder: Path, example: str) -> dict[str, WorkerView]:
        """Ask every worker what it runs and sees; those that are busy are asked with each task."""
        client = self._connection
        address = self.cluster.address
        command = f"dask worker {address}"
        try:
            client.wait_for_workers(1, timeout=_FIRST_WORKER_S)
        except TimeoutError:
            raise RequestError(
                f"The scheduler {address} has no workers; start one on every computer that is to "
                f"help: {command}"
            ) from None
        asked = {
            worker: client.submit(
                look_around, folder, example, workers=[worker], pure=False, priority=1000
            )
            for worker in client.scheduler_info(n_workers=-1)["workers"]
        }
        until = time.monotonic() + _LOOK_S
        views: dict[str, WorkerView] = {}
        try:
            while len(views) < len(asked) and time.monotonic() < until:
                for worker, future in asked.items():
                    if future.done() and worker not in views:
                        views[worker] = _view(worker, future)
                # A worker that is busy or stopped does not hold up those that answered.
                if views:
                    until = min(until, time.monotonic() + _CONNECT_S)
                time.sleep(0.05)
        finally:
            client.cancel(list(asked.values()), force=True)
        if not views:
            raise RequestError(
                f"None of the {len(asked)} workers of the scheduler {address} answered within "
                f"{_LOOK_S:.0f} s: they are busy with other work or stopped; wait, or start "
                f"another one: {command}"
            )
        return views

    @property
    def _connection(self) -> Client:
        assert self._client is not None, "ready() comes first"
        return self._client

    @contextlib.contextmanager
    def alone(self) -> Iterator[DaskExecutor]:
        """Give the same workers: every task has a process to itself there anyway."""
        other = DaskExecutor(self.cluster, self.step_s)
        other._client, other.number = self._client, self.number
        yield other

    def map_unordered(
        self,
        function: Callable[[Task], Result],
        tasks: Iterable[Task],
        at_most: int | None = None,
    ) -> Iterator[tuple[Task, Result | WorkerDied]]:
        """Run a function over tasks on the workers; see `run.worker_processes.map_unordered`.

        Tasks have `folder` and `out`. `ClusterError` if scheduler or workers are gone.
        """
        client = self._connection
        todo = iter(tasks)
        given: dict[Future, Task] = {}
        ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        exhausted = False
        try:
            while True:
                most = self.number if at_most is None else min(self.number, at_most)
                while not exhausted and len(given) < _PER_THREAD * most:
                    try:
                        task = next(todo)
                    except StopIteration:
                        exhausted = True
                        break
                    future = client.submit(run_hosted, self._hosted(function, task), pure=False)
                    given[future] = task
                    future.add_done_callback(ended.put)
                if not given:
                    return
                future = self._next(ended)
                task = given.pop(future)
                yield task, self._answer(future, task)
        finally:
            # Left early: a worker that still is at one of these sees that nobody wants it.
            if given:
                with contextlib.suppress(Exception):
                    client.cancel(list(given), force=True)

    def _hosted(self, function: Callable[[Any], Any], task: Any) -> HostedTask:
        folder = self.cluster.paths.there(task.folder)
        files = files_for(task)
        return HostedTask(function, task, folder, files, self.step_s, program_identity())

    def _next(self, ended: queue.SimpleQueue[Future]) -> Future:
        """Wait for a future that has ended; `ClusterError` where none will."""
        while True:
            if time.monotonic() - self._counted >= _COUNT_S:
                self._count()
            with contextlib.suppress(queue.Empty):
                return ended.get(timeout=_TICK_S)

    def _count(self) -> None:
        """Count threads of workers; `ClusterError` if there has been none for too long."""
        client = self._connection
        try:
            threads = client.sync(client.scheduler.ncores, callback_timeout=_NO_WORKER_S)
        except (OSError, TimeoutError) as error:
            raise self._gone() from error
        self._counted = time.monotonic()
        self.number = max(1, sum(threads.values()))
        if threads:
            self._since_worker = self._counted
        elif self._counted - self._since_worker > _NO_WORKER_S:
            raise ClusterError(
                f"The scheduler {self.cluster.address} has had no worker for "
                f"{_NO_WORKER_S / 60:.0f} minutes; start one (dask worker {self.cluster.address}) "
                "and run the same command again: finished wells are kept."
            )

    def _answer(self, future: Future, task: Any) -> Any:
        """Take what came of a task, and write the files that it made."""
        from concurrent.futures import CancelledError

        from distributed import KilledWorker

        try:
            answer = future.result()
        except KilledWorker:
            return WorkerDied()
        except (CancelledError, OSError, TimeoutError) as error:
            raise self._gone() from error
        except ModuleNotFoundError as error:
            raise ClusterError(
                f"A worker that joined the run lacks {error.name}; install spheroid_qc[cluster] "
                "there as it is here, and run the same command again: finished wells are kept."
            ) from error
        finally:
            future.release()
        book(answer.spent)
        self.waits.add(answer.waits)
        try:
            receive(answer.files, RunFolder(task.out))
        except OSError as error:
            raise output_error(task.out, error) from error
        return answer.result

    def _gone(self) -> ClusterError:
        return ClusterError(
            f"The scheduler {self.cluster.address} went away or gave up the tasks of this run; "
            "start it and its workers again, and run the same command again: finished wells are "
            "kept."
        )


@contextlib.contextmanager
def _silent(*names: str) -> Iterator[None]:
    """Keep loggers silent."""
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, was in zip(loggers, before, strict=True):
            logger.disabled = was


def _connected(address: str) -> Client:
    from distributed import Client
    from distributed.comm import get_address_host_port

    try:
        # Without an address Dask would start a cluster of its own here.
        get_address_host_port(address, strict=True)
    except ValueError as error:
        raise RequestError(
            f"{address!r} is no address of a scheduler ({error}); write it as the scheduler prints "
            "it, such as tcp://10.0.0.5:8786."
        ) from error
    start = "dask scheduler --host ADDRESS, and dask worker tcp://ADDRESS:8786 on every computer"
    try:
        return Client(
            address, timeout=_CONNECT_S, set_as_default=False, name="spheroid_qc",
            direct_to_workers=False,
        )  # fmt: skip
    except (OSError, TimeoutError) as error:
        raise RequestError(
            f"No scheduler of Dask answers at {address}; check the address, or start one: {start}."
        ) from error


def _view(worker: str, future: Future) -> WorkerView:
    try:
        view: WorkerView = future.result()
    except ModuleNotFoundError as error:
        raise RequestError(
            f"The worker {worker} lacks {error.name}; type there python -m pip install "
            "'spheroid_qc[cluster]', in the version that is here, and start it again."
        ) from error
    except Exception as error:
        raise RequestError(
            f"The worker {worker} can't run spheroid_qc ({type(error).__name__}: {error}); install "
            "there what is installed here, and start it again."
        ) from error
    return view
