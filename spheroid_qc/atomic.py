"""A file gets to its place whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from spheroid_qc.errors import OutputError
from spheroid_qc.storage import patiently

TEMPORARY = ".part"
"""Part of the names of files that are not whole yet."""


@contextlib.contextmanager
def atomic_path(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give a temporary path that takes the place of `path` when the block ends well.

    Parameters
    ----------
    path : Path
        The file to be written; its folder is made.
    durable : bool
        Also wait until the bytes are on the disk.

    Yields
    ------
    Path
        Where to write.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own, short enough for any file system whatever the target is called.
    digest = hashlib.blake2b(path.name.encode("utf-8", "surrogateescape"), digest_size=8)
    name = f".{os.getpid()}.{digest.hexdigest()}{TEMPORARY}{path.suffix}"
    temporary = path.with_name(name)
    try:
        yield temporary
        if durable:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder that takes the place of `path` when the block ends well.

    A folder that stands there gives way in the moment that the new one is whole. What an earlier
    attempt left behind is removed.

    Parameters
    ----------
    path : Path
        The folder to be written; the one that holds it is made.

    Yields
    ------
    Path
        Where to write.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.blake2b(path.name.encode("utf-8", "surrogateescape"), digest_size=8)
    new, old = (
        path.with_name(f".{digest.hexdigest()}{TEMPORARY}.{kind}") for kind in ("new", "old")
    )
    if old.exists() and not path.exists():
        # Whoever wrote here last ended between the two renames below.
        os.replace(old, path)
    for left in (new, old):
        shutil.rmtree(left, ignore_errors=True)
    new.mkdir()
    try:
        yield new
        if path.exists():
            os.replace(path, old)
        try:
            os.replace(new, path)
        except BaseException:
            if old.exists():
                os.replace(old, path)
            raise
    finally:
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    r"""Write a text file in UTF-8 with plain line ends, atomically and durably.

    Bytes of a path that are no text (Python keeps them as lone surrogates) are shown as `\udcNN`.
    """

    def write() -> None:
        with atomic_path(path, durable=True) as temporary:
            temporary.write_bytes(text.encode("utf-8", "backslashreplace"))

    patiently(write, path)


def write_json(path: Path, value: Mapping[str, Any], **lists: Iterable[Any]) -> None:
    """Write a JSON object, atomically and durably; numbers keep all their digits.

    Parameters
    ----------
    path : Path
        Target file.
    value : mapping
        What stands in it.
    **lists : iterable
        Further keys with long lists, which are written item by item and never held.
    """

    def text(item: Any, indent: str = "") -> str:
        return json.dumps(item, ensure_ascii=False, indent=1).replace("\n", "\n" + indent)

    with (
        atomic_path(path, durable=True) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        file.write("{")
        comma = "\n"
        for name, item in value.items():
            file.write(f"{comma} {text(name)}: {text(item, ' ')}")
            comma = ",\n"
        for name, items in lists.items():
            file.write(f"{comma} {text(name)}: [")
            comma = "\n"
            for item in items:
                file.write(f"{comma}  {text(item, '  ')}")
                comma = ",\n"
            file.write("\n ]")
        file.write("\n}\n")


def is_full(error: OSError) -> bool:
    """Tell whether there is no room any more, on the disk or for this user."""
    # NumPy says of an array that was written in part how much of it, and no number.
    cut = error.errno is None and " requested and " in str(error)
    return cut or error.errno in (errno.ENOSPC, errno.EDQUOT)


def output_error(root: Path, error: OSError) -> OutputError:
    """Say why nothing more can be written to a run folder, and what to do.

    Parameters
    ----------
    root : Path
        The run folder.
    error : OSError
        What the system said.

    Returns
    -------
    OutputError
        To be raised.
    """
    if is_full(error):
        return OutputError(
            f"The disk that holds {root} is full; make room and run the same command again: "
            "finished wells are kept."
        )
    # A file is written under another name first; the user knows only the second one.
    place = error.filename2 or error.filename
    return OutputError(
        f"The results can't be written to {root} ({error.strerror or error}"
        + (f": {os.fspath(place)!r}" if place and str(place) != str(root) else "")
        + "); mend that and run the same command again: finished wells are kept."
    )
