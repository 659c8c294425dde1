"""Files of instruments opened by a process of its own.

Their libraries are in part C++, and a damaged file may end or hold up the process that opens it, or
ask for all its memory: a run, the panels, a report. So everything of such a file comes from one
process that is kept, has an end to its memory, is ended after `LONGEST_S`, and is started anew.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.child_process import start_child
from spheroid_qc.errors import ImageError, SpheroidQCError, StorageError
from spheroid_qc.frames.held_images import HeldImage
from spheroid_qc.frames.time_axis import Probe
from spheroid_qc.images.image_info import ImageInfo
from spheroid_qc.images.image_reader import ImageReader, SeveralImages
from spheroid_qc.parameters import ImageParameters

LONGEST_S = 120.0
"""Longest time for one answer: a hundred times what the metadata of a whole plate take."""

_BASE_BYTES = 3 * 2**28
_BYTES_A_PIXEL = 16
"""Memory of the process: for Python and its libraries, and for each pixel of the largest frame that
is allowed, of which copies and channels are held at once."""

_START = "from spheroid_qc.images.isolated_process import serve; serve()"

Request = Mapping[str, Any]


class _Opener:
    """The process that opens files, started with the first of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, request: Request, seconds: float) -> tuple[dict[str, Any], bytes] | None:
        """Answer of the process and the bytes behind it; None where it ended or was ended."""
        with self._lock:
            try:
                return self._asked(request, seconds)
            except (OSError, ValueError, TimeoutError):
                self.end()
                return None
            except BaseException:
                self.end()
                raise

    def _asked(self, request: Request, seconds: float) -> tuple[dict[str, Any], bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = start_child("-c", _START, stderr=subprocess.DEVNULL)
        into, out = self._process.stdin, self._process.stdout
        assert into is not None
        assert out is not None
        into.write(json.dumps(request).encode() + b"\n")
        into.flush()
        answer: Future[tuple[dict[str, Any], bytes]] = Future()
        threading.Thread(target=_receive, args=(out, answer), daemon=True).start()
        return answer.result(seconds)

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


def _receive(out: BinaryIO, answer: Future[tuple[dict[str, Any], bytes]]) -> None:
    try:
        told = json.loads(out.readline())
        behind = out.read(int(told.get("bytes", 0)))
        if len(behind) < int(told.get("bytes", 0)):
            raise ValueError("the answer ends before its time")
        answer.set_result((told, behind))
    except Exception as error:  # the process ended, or its library wrote into the answer
        answer.set_exception(ValueError(str(error)))


_opener = _Opener()
atexit.register(_opener.end)


def _ask(path: Path, what: str, **rest: Any) -> tuple[dict[str, Any], bytes]:
    """Ask for something of a file; raises `ImageError` with the sentence of the process."""
    request = {"path": os.fspath(Path(path).absolute()), "what": what, **rest}
    found = _opener.ask(request, LONGEST_S)
    if found is None:
        raise ImageError(
            f"{Path(path).name} can't be read: it ended or held up the process that opened it, so "
            "it is damaged; copy it again from the instrument, or export it as TIFF."
        )
    if "error" in found[0]:
        kind = StorageError if found[0]["passes"] else ImageError
        raise kind(str(found[0]["error"]))
    return found


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
    StorageError
        If the storage fails in a way that passes.
    """
    from pydantic import TypeAdapter

    limits = parameters or ImageParameters()
    answer, _ = _ask(path, "probe", images=limits.model_dump(mode="json"))
    found: Probe = TypeAdapter(Probe).validate_python(answer["found"])
    return found


class IsolatedReader(SeveralImages):
    """Reads planes, of at most `max_megapixels` each, of a file that another process has open.

    `kind` is the file's suffix.

    Raises `ImageError` where the file can't be read, ends that process, or holds it up for longer
    than `LONGEST_S`; the next file is read by a new one.
    """

    def __init__(self, path: Path, kind: str, max_megapixels: float) -> None:
        from pydantic import TypeAdapter

        super().__init__(path.name, kind.upper())
        self._path, self._limit = path, max_megapixels
        self._infos: dict[int, ImageInfo] = {}
        answer, _ = _ask(path, "held", limit=max_megapixels)
        self.held = TypeAdapter(list[HeldImage]).validate_python(answer["found"])
        self.left_out = [(str(name), str(why)) for name, why in answer["left_out"]]

    def info_of(self, image: int) -> ImageInfo:
        """Axes, calibration and times of an image."""
        from pydantic import TypeAdapter

        if image not in self._infos:
            answer, _ = _ask(self._path, "info", limit=self._limit, image=image)
            self._infos[image] = TypeAdapter(ImageInfo).validate_python(answer["found"])
        return self._infos[image]

    def read(self, image: int, time: int, channel: int, z: int) -> NDArray[Any]:
        """Read one plane as grey values (y, x)."""
        at = {"image": image, "time": time, "channel": channel, "z": z}
        answer, pixels = _ask(self._path, "read", limit=self._limit, **at)
        return np.frombuffer(pixels, answer["dtype"]).reshape(answer["shape"]).copy()

    def close(self) -> None:
        """Let go of the file: the process closes it with the next one it opens."""


class _Server:
    """What the process does: answers of one file at a time, which stays open."""

    def __init__(self) -> None:
        self._key: tuple[Any, ...] = ()
        self._file: Any = None

    def answer(self, request: Request) -> tuple[dict[str, Any], bytes]:
        """Answer one request; a sentence where that fails."""
        from pydantic_core import to_jsonable_python

        from spheroid_qc.images.read_image import probe_here, translated

        path, what = Path(request["path"]), request["what"]
        try:
            if what == "probe":
                limits = ImageParameters.model_validate(request["images"])
                _bound_memory(limits.max_megapixels)
                return {"found": to_jsonable_python(probe_here(path, limits))}, b""
            with translated(path.name):
                reader = self._opened(path, float(request["limit"]))
                if what == "held":
                    found = {"found": reader.held, "left_out": reader.left_out}
                    return to_jsonable_python(found), b""
                if what == "info":
                    return {"found": to_jsonable_python(reader.info_of(request["image"]))}, b""
                plane = reader.read(*(request[axis] for axis in ("image", "time", "channel", "z")))
                about = {"dtype": plane.dtype.str, "shape": plane.shape, "bytes": plane.nbytes}
                return about, plane.tobytes()
        except SpheroidQCError as error:
            return {"error": str(error), "passes": isinstance(error, StorageError)}, b""

    def _opened(self, path: Path, limit: float) -> ImageReader:
        from spheroid_qc.images.read_image import ImageFile

        status = path.stat()
        key = (path, limit, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if key != self._key:
            if self._file is not None:
                self._file.close()
            self._key, self._file = (), None
            _bound_memory(limit)
            parameters = ImageParameters(max_megapixels=limit)
            self._file = ImageFile(path, parameters, whole=False, isolated=False)
            self._key = key
        reader: ImageReader = self._file.reader
        return reader


def _bound_memory(max_megapixels: float) -> None:
    """Let what asks for more memory than the largest frame takes fail, where the system can."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        most = int(_BASE_BYTES + _BYTES_A_PIXEL * 1e6 * max_megapixels)
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        if hard == resource.RLIM_INFINITY or most <= hard:
            resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def serve() -> None:
    """Answer requests, one a line, until there are no more: what the process does."""
    # Libraries print what they like: it must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "wb")
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    server = _Server()
    for line in sys.stdin.buffer:
        # Who asked may be gone when a library never comes back: the system ends it then.
        if hasattr(signal, "alarm"):
            signal.alarm(int(2 * LONGEST_S))
        about, behind = server.answer(json.loads(line))
        answers.write(json.dumps(about).encode() + b"\n" + behind)
        answers.flush()
        if hasattr(signal, "alarm"):
            signal.alarm(0)
