"""The bytes of a file: opened once, without trusting it.

A regular file of moderate size is read whole, hashed and decoded from memory, so that what was
hashed is what was measured, even if the file is being replaced meanwhile. Pipes, folders and
empty files are refused before anything waits for them.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from spheroid_qc.errors import ImageError, StorageError
from spheroid_qc.stopwatch import Work, timed
from spheroid_qc.storage import NotPlainError, open_plain, passes

# Larger files stay on disc: a stack of several gigabytes must not be copied into memory.
MAX_WHOLE_FILE_BYTES = 256 * 1024 * 1024

MOST_DIGESTS = 1000
_DIGESTS: dict[object, str] = {}
"""Digests of large files, by device, number, size and time of writing."""

_MAGIC = (
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"ZISRAWFILE", "czi"),
    (b"\xda\xce\xbe\x0a", "nd2"),
    (b"GIF8", "gif"),
    (b"%PDF", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b", "gz"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
)


class FileContent:
    """An open file; with `whole` all bytes are read now, if it is not too large for that.

    Raises `ImageError` if it can't be opened, is empty, or is no regular file.
    """

    def __init__(self, path: Path, *, whole: bool) -> None:
        self.name = path.name or str(path)
        self._data: bytes | None = None
        self._digest: str | None = None
        try:
            self._handle, self.size = open_plain(path)
        except OSError as error:
            raise not_opened(self.name, path, error) from error
        try:
            if self.size == 0:
                raise ImageError(
                    f"{self.name} can't be read: the file is empty; copy it again from the "
                    "instrument or remove it."
                )
            if whole and self.size <= MAX_WHOLE_FILE_BYTES:
                self._data = self._read_all()
                self.size = len(self._data)
            self.head = self.read_at(0, 64)
        except OSError as error:
            self.close()
            raise not_opened(self.name, path, error) from error
        except BaseException:
            self.close()
            raise

    def _read_all(self) -> bytes:
        """All bytes; at least the size seen when the file was opened."""
        with io.BufferedReader(self._handle, 1 << 20) as reader:  # type: ignore[type-var]
            data = reader.read(self.size)
        if len(data) < self.size:
            raise ImageError(
                f"{self.name} can't be read: the file became shorter while it was read; run "
                "again when nothing writes to the folder any more."
            )
        return data

    def read_at(self, offset: int, count: int) -> bytes:
        """Bytes from a place in the file; fewer where the file ends before."""
        if offset < 0 or count <= 0 or offset >= self.size:
            return b""
        if self._data is not None:
            return self._data[offset : offset + count]
        self._handle.seek(offset)
        return self._handle.read(min(count, self.size - offset)) or b""

    def stream(self) -> BinaryIO:
        """Open a seekable stream of the bytes, for decoders."""
        if self._data is not None:
            return io.BytesIO(self._data)
        self._handle.seek(0)
        return self._handle

    def find(self, needle: bytes, *, near_end: int | None = None) -> int:
        """Position of some bytes, or -1; with `near_end` only in the last so many bytes."""
        start = 0 if near_end is None else max(0, self.size - near_end)
        if self._data is not None:
            return self._data.find(needle, start)
        found = self.read_at(start, self.size - start if near_end else 1 << 20).find(needle)
        return found + start if found >= 0 else -1

    @property
    @timed(Work.HASH)
    def sha256(self) -> str:
        """Hexadecimal digest of the file's bytes.

        A file that is not held in memory may show a whole plate, and is opened for every well: its
        digest is kept as long as its size and its time of writing are the same.
        """
        if self._digest is None:
            status = os.fstat(self._handle.fileno()) if self._data is None else None
            key = status and (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
            if key not in _DIGESTS:
                digest = hashlib.sha256()
                offset = 0
                while chunk := self.read_at(offset, 1 << 22):
                    digest.update(chunk)
                    offset += len(chunk)
                self._digest = digest.hexdigest()
                if key is None:
                    return self._digest
                if len(_DIGESTS) >= MOST_DIGESTS:
                    _DIGESTS.clear()
                _DIGESTS[key] = self._digest
            self._digest = _DIGESTS[key]
        return self._digest

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):
            self._handle.close()


def not_opened(name: str, path: Path, error: OSError) -> ImageError:
    """Say why a file can't be opened or read."""
    return (StorageError if passes(error) else ImageError)(_why_not_opened(name, path, error))


def _why_not_opened(name: str, path: Path, error: OSError) -> str:
    code = error.errno
    if isinstance(error, NotPlainError):
        return f"{name} can't be read: {error.strerror}; move it out of the image folder."
    if code in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE):
        return f"{name} can't be read: the file is not there (any more); look for it in its folder."
    denied = code in (errno.EACCES, errno.EPERM)
    if code == errno.EISDIR or (denied and path.is_dir()):
        return f"{name} can't be read: it is a folder; move it out of the image folder."
    if denied:
        return f"{name} can't be read: permission is denied; ask its owner for leave to read it."
    if code == errno.ELOOP:
        return f"{name} can't be read: it is a link that leads back to itself; remove it."
    reason = error.strerror or str(error)
    return f"{name} can't be read: the system says “{reason}”; check the disc or the network share."


def kind_of(content: FileContent) -> str:
    """Kind of a file by its first bytes and, for containers alike, by its suffix.

    `tiff`, `png`, `jpeg`, `bmp`, another known word, or an empty string.
    """
    head = content.head
    suffix = content.name.rpartition(".")[2].lower() if "." in content.name else ""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            # An Olympus .vsi is a TIFF that holds but a thumbnail.
            return "vsi" if kind == "tiff" and suffix == "vsi" else kind
    if head[:2] == b"BM" and len(head) >= 26 and int.from_bytes(head[14:18], "little") < 256:
        return "bmp"
    if head[:4] == b"\x70\x00\x00\x00" and suffix in ("lif", "lof", "xlif"):
        return "lif"
    if head[4:8] == b"jP  ":
        return "nd2" if suffix == "nd2" else "jp2"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return suffix if suffix in ("oib", "zvi", "mdb") else "ole"
    return ""


def cut_short(content: FileContent, why: str) -> str:
    """Make the sentence for a file that ends before its picture does."""
    return (
        f"{content.name} can't be read: the file is cut short or damaged ({why}); copy it again "
        "from the instrument."
    )
