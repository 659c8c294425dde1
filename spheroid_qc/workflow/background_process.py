"""A run in a process of its own, for a program that must stay responsive meanwhile.

The child reads one request and reports line by line how far it is. It ends with whoever started it,
and can be stopped at any moment: finished wells are kept, and the next run goes on from there.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import IO, Any

from spheroid_qc.child_process import start_child
from spheroid_qc.errors import RequestError, SpheroidQCError
from spheroid_qc.parameters import Parameters
from spheroid_qc.run.progress import Progress
from spheroid_qc.run.run_request import RunRequest

_PATIENCE_S = 5.0


@dataclass(frozen=True)
class Ended:
    """A run came to its end.

    Parameters
    ----------
    n_frames, n_new : int
        As in `PlateResult`.
    failures, notes, answer : tuple of str
        Sentences: on files that could not be analysed, on how things were understood, and what
        came out.
    """

    n_frames: int
    n_new: int
    failures: tuple[str, ...]
    notes: tuple[str, ...]
    answer: tuple[str, ...]


@dataclass(frozen=True)
class Failed:
    """A run could not be carried out.

    Parameters
    ----------
    sentence : str
        What is wrong and what to do.
    """

    sentence: str


@dataclass(frozen=True)
class RunStopped:
    """A run was stopped; finished wells are kept."""


Message = Progress | Ended | Failed | RunStopped


class BackgroundRun:
    """One run in a child process.

    Parameters
    ----------
    request : RunRequest
        What to analyse.
    """

    def __init__(self, request: RunRequest) -> None:
        self.request = request
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._stopping = False
        self._process = start_child(
            "-m", "spheroid_qc.workflow.background_process", stderr=subprocess.PIPE, text=True,
            encoding="utf-8", errors="backslashreplace",
        )  # fmt: skip
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps(_plain(request)) + "\n")
            self._process.stdin.flush()
        self._reader = threading.Thread(target=self._read, name="run-reader", daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        """Whether more may be heard of it."""
        return self._reader.is_alive() or not self._messages.empty()

    def messages(self) -> Iterator[Message]:
        """Give what was heard since the last time; never waits."""
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._messages.get_nowait()

    def stop(self) -> None:
        """Ask it to stop; `RunStopped` is heard when it has."""
        self._stopping = True
        with contextlib.suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.close()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it has ended; tells whether it has."""
        self._reader.join(seconds)
        return not self._reader.is_alive()

    def _read(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        errors: list[str] = []
        drain = threading.Thread(
            target=lambda: errors.extend(self._process.stderr or ()), daemon=True
        )
        drain.start()
        last: Message | None = None
        for line in self._process.stdout:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                last = _message(json.loads(line))
                if not isinstance(last, RunStopped):
                    self._messages.put(last)
        status = self._process.wait()
        drain.join(1.0)
        for stream in (self._process.stdout, self._process.stderr, self._process.stdin):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.close()  # type: ignore[union-attr]
        if isinstance(last, Ended | Failed):
            return
        if self._stopping or isinstance(last, RunStopped):
            self._messages.put(RunStopped())
            return
        last_words = next((line.strip() for line in reversed(errors) if line.strip()), "")
        self._messages.put(
            Failed(
                f"The analysis ended unexpectedly (status {status}"
                + (f": {last_words}" if last_words else "")
                + "). Start it again: finished wells are kept."
            )
        )


def _plain(request: RunRequest) -> dict[str, Any]:
    return {
        "folder": str(request.folder),
        "out": str(request.out),
        "plate_map": None if request.plate_map is None else str(request.plate_map),
        "join": None if request.join is None else str(request.join),
        "adapter": None if request.adapter is None else str(request.adapter),
        "parameters": request.parameters.model_dump(mode="json"),
        "workers": request.workers,
        "new_pixel_size": request.new_pixel_size,
        "scheduler": request.scheduler,
        "path_map": request.path_map,
    }


def _message(found: dict[str, Any]) -> Message:
    kind = found.pop("kind")
    if kind == "progress":
        return Progress(**found)
    if kind == "ended":
        sentences = {name: tuple(found[name]) for name in ("failures", "notes", "answer")}
        return Ended(int(found["n_frames"]), int(found["n_new"]), **sentences)
    return Failed(**found) if kind == "failed" else RunStopped()


def _send(stream: IO[str], kind: str, **content: Any) -> None:
    # The reader may be gone; the run is then about to be stopped.
    with contextlib.suppress(OSError, ValueError):
        stream.write(json.dumps({"kind": kind, **content}) + "\n")
        stream.flush()


def _end_with_parent() -> None:
    """Stop when nobody listens any more: the other end of standard input is closed."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdin.read()
    if sys.platform != "win32":
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(_PATIENCE_S)
    os._exit(130)


def _measure_anew(request: dict[str, Any], out: IO[str]) -> None:
    """Measure the masks that are there with the pixel size that was entered."""
    from pathlib import Path

    from spheroid_qc.run.new_pixel_size import measure_with_new_pixel_size

    parameters = Parameters.model_validate(request["parameters"])
    asked = RunRequest(Path(request["folder"]), Path(request["out"]), parameters=parameters)
    measure_with_new_pixel_size(asked, lambda state: _send(out, "progress", **asdict(state)))


def main() -> int:
    """Carry out the request on standard input; one JSON line for each message."""
    out = sys.stdout
    # Nothing else may be printed between the messages.
    sys.stdout = sys.stderr
    request = json.loads(sys.stdin.readline() or "null")
    if request is None:
        return 2
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Whoever was started by `&` in a script hands that on; here it is how a run is stopped.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        from spheroid_qc.workflow.run_and_report import run_plate

        if request["new_pixel_size"]:
            _measure_anew(request, out)
        result = run_plate(
            request["folder"],
            plate_map=request["plate_map"],
            out=request["out"],
            parameters=Parameters.model_validate(request["parameters"]),
            progress=lambda state: _send(out, "progress", **asdict(state)),
            join=request["join"],
            adapter=request["adapter"],
            workers=request["workers"],
            scheduler=request["scheduler"],
            path_map=request["path_map"],
        )
        answer = [line for line in result.answer if line]
    except KeyboardInterrupt:
        _send(out, "stopped")
        return 130
    except SpheroidQCError as error:
        _send(out, "failed", sentence=str(error))
        return 2 if isinstance(error, RequestError) else 1
    except MemoryError:
        _send(out, "failed", sentence="There is not enough memory; use fewer processes.")
        return 1
    _send(
        out, "ended", n_frames=result.n_frames, n_new=result.n_new,
        failures=list(result.failures), notes=list(result.notes), answer=answer,
    )  # fmt: skip
    return 1 if result.failures else 0


if __name__ == "__main__":
    # The listening thread never ends by itself.
    status = main()
    sys.stderr.flush()
    os._exit(status)
