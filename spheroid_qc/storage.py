"""Files that others named: opened, joined and waited for in one place.

A name that a person typed may be a pipe or a device, a name that stands in a file may lead
anywhere, and a network share may be gone for a minute. Whatever opens such a file does it here:
plain files only, of a bounded size and in bounded time; names from files stay below their folder;
errors that pass are waited for.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")

MAX_TABLE_BYTES = 200_000_000
"""Bytes of a table or a configuration that a person gives: a hundred times the largest seen."""

MAX_READ_S = 300.0
"""Longest time that a whole file may take to arrive: 200 MB, the largest table, at 1 MB/s."""

PATIENCE_S = 60.0
"""Longest wait for storage: twice what a file server takes to hand over to its spare one."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 10.0

_PASSING_NAMES = """
EIO EREMOTEIO ESTALE ETIMEDOUT EHOSTDOWN EHOSTUNREACH ENETDOWN ENETUNREACH ENETRESET ENOTCONN
ECONNRESET ECONNABORTED ECONNREFUSED ESHUTDOWN EAGAIN EBUSY EINTR ENOLINK
"""
_PASSING = {getattr(errno, name, None) for name in _PASSING_NAMES.split()} - {None}
"""What the system says of storage that may be back in a moment, not of the file itself."""


class NotPlainError(OSError):
    """A path that is no plain file, or larger than it may be; `strerror` is a clause that says so.

    `is_folder` and `too_large` tell the cases apart.
    """

    def __init__(
        self, path: Path, clause: str, *, is_folder: bool = False, too_large: bool = False
    ) -> None:
        super().__init__(errno.EINVAL, clause, str(path))
        self.is_folder = is_folder
        self.too_large = too_large


def open_plain(path: Path) -> tuple[BinaryIO, int]:
    """Open a plain file for reading, without a buffer; gives it and its bytes.

    Raises
    ------
    NotPlainError
        If it is a folder, a pipe, a socket or a device.
    OSError
        If it can't be opened.
    """
    # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags)
    except ValueError as error:  # a NUL in a name
        raise OSError(errno.EINVAL, str(error), str(path)) from None
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.EOPNOTSUPP, errno.ENODEV):
            raise NotPlainError(path, "it is not a regular file") from None
        raise
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise NotPlainError(path, "it is a folder", is_folder=True)
        if not stat.S_ISREG(status.st_mode):
            raise NotPlainError(path, "it is not a regular file")
        return os.fdopen(descriptor, "rb", buffering=0), status.st_size
    except BaseException:
        os.close(descriptor)
        raise


def read_plain(path: Path, most: int) -> bytes:
    """Read a plain file whole.

    Parameters
    ----------
    path : Path
        The file.
    most : int
        Bytes that it may have.

    Raises
    ------
    NotPlainError
        If it is no plain file, or larger.
    OSError
        If it can't be read, or takes more than `MAX_READ_S`.
    """
    return patiently(lambda: _read(path, most), path)


def _read(path: Path, most: int) -> bytes:
    handle, size = open_plain(path)
    with handle:
        chunks: list[bytes] = []
        total, begun = 0, time.monotonic()
        while chunk := handle.read(min(max(size - total, 0), most) + 1):
            total += len(chunk)
            # A file may grow while it is read, and some have no size before they are.
            if total > most:
                clause = (
                    f"it has {max(size, total) / 1e6:.0f} MB, and {most / 1e6:.0f} MB are allowed"
                )
                raise NotPlainError(path, clause, too_large=True)
            if time.monotonic() - begun > MAX_READ_S:
                raise OSError(errno.ETIME, "it takes too long to read", str(path))
            chunks.append(chunk)
    return b"".join(chunks)


def names_inside(name: object) -> bool:
    """Tell whether a name that stands in a file is a path below a folder."""
    if not isinstance(name, str) or not name or "\0" in name:
        return False
    path = PurePath(name)
    return not path.anchor and ".." not in path.parts


def inside(folder: Path, name: str) -> Path:
    """Join a name that stands in a file to the folder that it must stay in.

    Parameters
    ----------
    folder : Path
        Where the file belongs.
    name : str
        Path below it, with `/`.

    Returns
    -------
    Path
        Below the folder, also when links are followed.

    Raises
    ------
    NotPlainError
        If the name leads out of the folder.
    """
    path = folder / name
    if not names_inside(name) or not real_path(path.parent).is_relative_to(
        real_path(folder.parent)
    ):
        raise NotPlainError(path, "it leads out of its folder")
    return path


def real_path(path: Path) -> Path:
    """Follow all links of a path; one that leads in a circle is given as far as it goes.

    `Path.resolve` raises `RuntimeError` there, or not, as the version of Python likes.
    """
    return Path(os.path.realpath(path))


def files_below(folder: Path, *, folders: bool = False) -> Iterator[os.DirEntry[str]]:
    """Walk through all files below a folder, however deep, without following links.

    Folders that can't be listed are passed over; links count as files. With `folders` they are
    given too.
    """
    stack = [str(folder)]
    while stack:
        try:
            with os.scandir(stack.pop()) as entries:
                for entry in entries:
                    is_folder = entry.is_dir(follow_symlinks=False)
                    if is_folder:
                        stack.append(entry.path)
                    if folders or not is_folder:
                        yield entry
        except OSError:
            continue


@dataclass
class Waits:
    """Waits for storage: how many, seconds in all, and what the system said at the first one."""

    number: int = 0
    seconds: float = 0.0
    first: str = ""

    def add(self, other: Waits) -> None:
        """Count those of another process too."""
        self.number += other.number
        self.seconds += other.seconds
        self.first = self.first or other.first

    def sentence(self) -> str:
        """Say it; empty where nothing was waited for."""
        if not self.number:
            return ""
        times = "once" if self.number == 1 else f"{self.number} times"
        return (
            f"The storage did not answer {times} ({self.first}); it was asked again until it did, "
            f"which took {self.seconds:.0f} s in all. Look at the disc or the network share."
        )


@dataclass
class _Waiting:
    waits: Waits = field(default_factory=Waits)
    gave_up: bool = False
    """Whether storage did not come back the last time: nobody waits again until it does."""
    alive: Callable[[], None] = lambda: None


_waiting = _Waiting()


def taken_waits() -> Waits:
    """Give the waits of this process since it was last asked."""
    taken, _waiting.waits = _waiting.waits, Waits()
    return taken


def while_waiting(alive: Callable[[], None]) -> None:
    """Call something before every pause: whoever waits for this process must know that it lives."""
    _waiting.alive = alive


def passes(error: OSError) -> bool:
    """Tell whether an error is of a kind that passes: of the storage, not of the file."""
    # 53, 54, 59, 64, 121, 1231: network paths and names of Windows that are gone for a moment.
    code = getattr(error, "winerror", None)
    return error.errno in _PASSING or code in (53, 54, 59, 64, 121, 1231)


def patiently(
    call: Callable[[], T], what: object, may_pass: Callable[[OSError], bool] = passes
) -> T:
    """Call something that reads or writes; where storage errs for a while, wait and try again.

    Parameters
    ----------
    call : callable
        What is to be done; must be safe to do twice.
    what : object
        What it is done to, for the sentence on waits.
    may_pass : callable
        Tells whether an error is worth waiting for.

    Raises
    ------
    OSError
        The last one, after `PATIENCE_S`.
    """
    pause, waited = _FIRST_PAUSE_S, 0.0
    while True:
        try:
            result = call()
        except OSError as error:
            if not may_pass(error):
                raise
            if waited >= PATIENCE_S or (_waiting.gave_up and waited):
                _waiting.gave_up = True
                raise
            if not waited:
                _waiting.waits.number += 1
                _waiting.waits.first = (
                    _waiting.waits.first or f"{error.strerror or error}, first at {what}"
                )
            _waiting.alive()
            time.sleep(pause)
            waited += pause
            _waiting.waits.seconds += pause
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        else:
            _waiting.gave_up = False
            return result


def read_arrays(path: Path, most: int) -> dict[str, NDArray[Any]]:
    """Read the arrays of an NPZ file, which says beforehand how much there is to unpack.

    Parameters
    ----------
    path : Path
        The file.
    most : int
        Bytes that it may have, and unpack to.

    Raises
    ------
    OSError
        If it can't be opened.
    ValueError
        If it is damaged, too large, or holds objects instead of numbers.
    """
    import zipfile

    import numpy as np

    data = read_plain(path, most)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(member.file_size for member in archive.infolist()) > most:
                raise ValueError("it is too large")
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            if not isinstance(found, np.lib.npyio.NpzFile):
                raise ValueError("it holds no named arrays")
            return {name: np.asarray(found[name]) for name in found.files}
    except ValueError:
        raise
    except MemoryError:
        raise ValueError("it needs more memory than there is") from None
    except Exception as error:  # zipfile, zlib and NumPy answer damage with errors of any kind
        raise ValueError(f"it is damaged: {error}") from None
