"""Files of instruments looked into by a process of its own.

Their libraries are in part C++, and a damaged file may end or hold up the process that opens it.
Pixels are read by the workers of a run, which are replaced; what a file holds is asked before there
are any, by one process that is kept, ended after `LONGEST_S`, and started anew.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from spheroid_qc.errors import ImageError
from spheroid_qc.frames.time_axis import Probe
from spheroid_qc.parameters import ImageParameters

LONGEST_S = 120.0
"""Longest time for one file: a hundred times what the metadata of a whole plate take."""

_START = "from spheroid_qc.images.isolated_probe import serve; serve()"


class _Looker:
    """The process that looks, started with the first file."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any] | None:
        """Answer of the process; None where it ended or was ended."""
        with self._lock:
            try:
                return self._asked(request, seconds)
            except (OSError, ValueError, TimeoutError):
                self.end()
                return None
            except BaseException:
                self.end()
                raise

    def _asked(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        if self._process is None or self._process.poll() is not None:
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
        into, out = self._process.stdin, self._process.stdout
        assert into is not None
        assert out is not None
        into.write(json.dumps(request).encode() + b"\n")
        into.flush()
        line: Future[bytes] = Future()
        threading.Thread(target=lambda: line.set_result(out.readline()), daemon=True).start()
        answer = json.loads(line.result(seconds))
        if not isinstance(answer, dict):
            raise ValueError("no answer")
        return answer

    def end(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()


_looker = _Looker()
atexit.register(_looker.end)


def isolated_probe(path: Path, parameters: ImageParameters | None = None) -> Probe:
    """Ask in another process what a file holds.

    Parameters
    ----------
    path : Path
        The file.
    parameters : ImageParameters, optional
        Limits.

    Returns
    -------
    Probe

    Raises
    ------
    ImageError
        If it can't be read, ends the process, or takes longer than `LONGEST_S`.
    """
    from pydantic import TypeAdapter

    limits = parameters or ImageParameters()
    request = {"path": os.fspath(Path(path).absolute()), "images": limits.model_dump(mode="json")}
    answer = _looker.ask(request, LONGEST_S)
    if answer is None:
        raise ImageError(
            f"{Path(path).name} can't be read: it ended or held up the process that opened it, so "
            "it is damaged; copy it again from the instrument, or export it as TIFF."
        )
    if "error" in answer:
        raise ImageError(str(answer["error"]))
    found: Probe = TypeAdapter(Probe).validate_python(answer["probe"])
    return found


def serve() -> None:
    """Answer requests, one a line, until there are no more: what the process does."""
    from pydantic import TypeAdapter

    from spheroid_qc.images.read_image import probe_here

    adapter = TypeAdapter(Probe)
    # Libraries print what they like: it must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "wb")
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            limits = ImageParameters.model_validate(request["images"])
            found = probe_here(Path(request["path"]), limits)
            answer = {"probe": adapter.dump_python(found, mode="json")}
        except ImageError as error:
            answer = {"error": str(error)}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
