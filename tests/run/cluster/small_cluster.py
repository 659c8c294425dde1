"""A scheduler and workers of Dask as processes, each in a network of its own where allowed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

# A part of a network that is for tests and documentation only (RFC 5737), another one for every
# process that runs tests: eight addresses, of which the bridge has the sixth.
_RUNNER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 32


def _address(number: int) -> str:
    return f"198.51.100.{8 * _RUNNER + number + 1}"


@dataclass
class SmallCluster:
    """A scheduler, workers, and where they are.

    `own_network`: each has an address of its own in a namespace of its own.
    """

    place: Path
    own_network: bool
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    port: int = 0

    @property
    def address(self) -> str:
        """Of the scheduler."""
        return f"tcp://{self.host(0)}:{self.port}"

    def host(self, number: int) -> str:
        """Address of the scheduler (0) or of a worker."""
        return _address(number) if self.own_network else "127.0.0.1"

    def start(self, number: int, *arguments: str) -> subprocess.Popen[bytes]:
        """Start one process of Dask as a host of that number."""
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            # Silent workers are given up after five minutes, else; Dask's least is five seconds,
            # which a worker on a crowded machine may be silent for more than three times.
            "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "3s",
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "30",
            "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",
        }
        inside = ["ip", "netns", "exec", _namespace(number)] if self.own_network else []
        log = (self.place / f"{arguments[0]}_{len(self.processes)}.log").open("wb")
        process = subprocess.Popen(
            [*inside, sys.executable, "-m", "dask", *arguments, "--no-dashboard"],
            stdout=log, stderr=log, cwd=self.place, env=environment, start_new_session=True,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def start_scheduler(self) -> None:
        """Start it, and wait until it says on which port it is."""
        file = self.place / "scheduler.json"
        self.start(
            0, "scheduler", "--host", self.host(0), "--port", "0", "--scheduler-file", str(file)
        )
        until(lambda: file.is_file() and file.read_text("utf-8").rstrip().endswith("}"))
        self.port = int(file.read_text("utf-8").partition(f"{self.host(0)}:")[2].partition('"')[0])

    def start_worker(self, number: int) -> None:
        """Start a worker with one thread, below a nanny, as `dask worker` does."""
        self.start(
            number, "worker", self.address, "--host", self.host(number), "--nthreads", "1",
            "--local-directory", str(self.place / f"worker_{number}"),
        )  # fmt: skip

    def end(self) -> None:
        """End all of them, whatever state they are in."""
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def until(there: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


def _namespace(number: int) -> str:
    return f"sqc{os.getpid()}_{number}"


@contextmanager
def namespaces(hosts: int) -> Iterator[bool]:
    """Give every host a network of its own behind a bridge; False where that is not allowed."""
    if shutil.which("ip") is None:
        yield False
        return
    bridge = f"sqc{os.getpid()}b"
    with ExitStack() as made:
        try:
            _ip("link", "add", bridge, "type", "bridge")
            made.callback(_ip_or_not, "link", "del", bridge)
            _ip("addr", "add", f"{_address(5)}/29", "dev", bridge)
            _ip("link", "set", bridge, "up")
            for number in range(hosts):
                name, cable = _namespace(number), f"sqc{os.getpid()}_{number}"[:15]
                _ip("netns", "add", name)
                made.callback(_ip_or_not, "netns", "del", name)
                _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
                _ip("link", "set", cable, "master", bridge, "up")
                _ip("-n", name, "addr", "add", f"{_address(number)}/29", "dev", "eth0")
                _ip("-n", name, "link", "set", "eth0", "up")
                _ip("-n", name, "link", "set", "lo", "up")
            allowed = True
        except (subprocess.CalledProcessError, OSError):
            allowed = False
        yield allowed


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _ip_or_not(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=False, capture_output=True)
