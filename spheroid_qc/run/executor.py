"""What a run needs of whoever does its work: processes of this computer, or workers of a cluster.

`run.worker_processes.Workers` are the first, `run.cluster.dask_executor.DaskExecutor` the second. A
run knows no difference between them, so that both make the same files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

from spheroid_qc.run.worker_processes import WorkerDied
from spheroid_qc.storage import Waits

Task = TypeVar("Task")
Result = TypeVar("Result")


class Executor(Protocol):
    """Who does the work of a run. Used in a `with` statement.

    `number` is that of tasks at one time, 0 where all is done in this process; `waits` those for
    storage, wherever they were.
    """

    number: int
    waits: Waits

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    @property
    def started(self) -> bool:
        """Whether there is somebody to be used without waiting for a start."""
        ...

    def start(self, prepare: Callable[[], None]) -> None:
        """Start whoever can be started, without waiting; `prepare` imports what a task needs."""
        ...

    def ready(self, source: Path, example: str) -> None:
        """Raise `RequestError` if nobody can work on the images in a folder.

        Called before anything is written; `example` is the path of an image below the folder.
        """
        ...

    def alone(self) -> AbstractContextManager[Executor]:
        """Give an executor that has each task in a process in which no other runs."""
        ...

    def map_unordered(
        self,
        function: Callable[[Task], Result],
        tasks: Iterable[Task],
        at_most: int | None = None,
    ) -> Iterator[tuple[Task, Result | WorkerDied]]:
        """Run a function over tasks; see `run.worker_processes.map_unordered`."""
        ...
