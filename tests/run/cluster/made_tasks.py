"""Tasks that worker processes of a cluster can import."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from spheroid_qc.run.worker_processes import alive


@dataclass(frozen=True)
class MadeTask:
    """A task with the two folders that all tasks have."""

    folder: Path
    out: Path
    number: float


def square(task: MadeTask) -> float:
    return task.number**2


def nap_or_square(task: MadeTask) -> float:
    """Hang where the number is 0, die where it is below."""
    alive()
    if task.number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    if task.number == 0:
        time.sleep(600)
    return task.number**2


def slow(task: MadeTask) -> float:
    """Be at work for a minute, and say so all the time."""
    (task.folder / f"begun_{task.number:g}").touch()
    for _ in range(600):
        alive()
        time.sleep(0.1)
    return 0.0


def write_outside(task: MadeTask) -> None:
    (task.out / "run.json").write_text("{}")


def threads(_: MadeTask) -> str | None:
    return os.environ.get("OMP_NUM_THREADS")
