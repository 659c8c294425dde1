"""List the files of a folder tree: in a fixed order, once each, without walking in circles."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from spheroid_qc.errors import RequestError
from spheroid_qc.frames.ignored_files import SKIPPED_FOLDERS, reason_to_ignore
from spheroid_qc.storage import open_plain, passes, patiently


@dataclass(frozen=True, slots=True)
class FileTree:
    """Files of a folder tree: path below the folder (with `/`) and bytes, sorted by path.

    `left_out` has path, kind (`stray` or `unread`) and a finished sentence; `zarrs` are folders
    that are one OME-Zarr each, and are not looked into here: path without a slash at its end, `.`
    for the folder itself.
    """

    files: tuple[tuple[str, int], ...]
    left_out: tuple[tuple[str, str, str], ...]
    zarrs: tuple[str, ...] = ()

    def only(self, paths: Collection[str]) -> FileTree:
        """Give the tree with some of its files only, and all OME-Zarr."""
        return FileTree(
            tuple(one for one in self.files if one[0] in paths), self.left_out, self.zarrs
        )


def list_folder(folder: Path) -> FileTree:
    """List all files below a folder.

    Hidden and system folders, folders of masks and overlays and earlier run folders are left out
    whole, and so is what lies deeper than `MAX_DEPTH` folders. A linked folder is followed if it
    leads out of the tree, once, and never into itself. Raises `RequestError` if
    there is no such folder, or it can't be listed.
    """
    if not folder.exists():
        raise RequestError(f"There is no folder {str(folder)!r}; check the path.")
    if not folder.is_dir():
        raise RequestError(f"{str(folder)!r} is a file; give the folder that holds the images.")

    def walked(*, waiting: bool) -> _Walk:
        walk = _Walk(os.path.realpath(folder), waiting)
        walk.down(str(folder), "", top=True)
        return walk

    try:
        try:
            walk = patiently(lambda: walked(waiting=True), folder)
        except OSError:
            # What does not pass concerns one file or folder, which is named.
            walk = walked(waiting=False)
    except OSError as error:
        raise RequestError(
            f"The folder {str(folder)!r} can't be listed ({error.strerror}); check its permissions."
        ) from error
    return FileTree(
        tuple(sorted(walk.files)), tuple(sorted(walk.left_out)), tuple(sorted(walk.zarrs))
    )


MAX_DEPTH = 64
"""Folders in each other that are looked into: ten times what instruments write."""

_TOO_DEEP = f"It lies in more than {MAX_DEPTH} folders; move the images further up."
ZARR_FILES = frozenset({".zattrs", ".zgroup", ".zarray", "zarr.json"})
"""Names of files that make a folder a Zarr: its metadata."""


def _is_ours(path: str) -> bool:
    """Tell whether a `run.json` is one of this program; others write files of that name too."""
    try:
        handle, _ = open_plain(Path(path))
        with handle:
            return b'"program": "spheroid_qc"' in handle.read(1000)
    except OSError:
        return False


class _Walk:
    def __init__(self, root: str, waiting: bool) -> None:
        self.waiting = waiting
        self.followed = {root}
        self.files: list[tuple[str, int]] = []
        self.left_out: list[tuple[str, str, str]] = []
        self.zarrs: list[str] = []

    def down(self, folder: str, prefix: str, top: bool = False) -> None:
        """Take in one folder and the folders in it."""
        below: list[tuple[str, str, bool]] = []
        files: list[tuple[str, int]] = []
        is_run = is_zarr = False
        with os.scandir(folder) as entries:
            for entry in entries:
                relative = prefix + entry.name
                if not _is_printable(relative):
                    shown = relative.encode("utf-8", "backslashreplace").decode()
                    self._out(shown, "unread", "The name is not valid UTF-8; rename it.")
                    continue
                try:
                    is_folder = entry.is_dir()
                    size = 0 if is_folder else self._size(entry)
                except OSError as error:
                    self._not_opened(relative, entry.name, error)
                    continue
                if is_folder:
                    below.append((entry.name, entry.path, entry.is_symlink()))
                elif size is None:
                    kind = "unread" if reason_to_ignore(entry.name) is None else "stray"
                    self._out(relative, kind, "Not a plain file; it is left out.")
                else:
                    files.append((relative, size))
                    is_run = is_run or entry.name == "run.json"
                    is_zarr = is_zarr or entry.name in ZARR_FILES
        if is_zarr or folder.lower().endswith(".zarr"):
            self.zarrs.append(prefix.rstrip("/") or ".")
            return
        if is_run and not top and _is_ours(os.path.join(folder, "run.json")):
            # A run folder has no images beside `run.json`; where there are some, they count.
            if all(reason_to_ignore(name.rpartition("/")[2]) for name, _ in files):
                self._out(prefix, "stray", "An earlier run folder; it is left out whole.")
                return
            below = [one for one in below if one[0] not in ("corrections", "records")]
        self.files += files
        if prefix.count("/") >= MAX_DEPTH:
            below, deeper = [], below
            for name, _, _ in deeper:
                self._out(f"{prefix}{name}/", "unread", _TOO_DEEP)
        for name, path, is_link in sorted(below):
            self._folder(prefix + name + "/", name, path, is_link)

    def _folder(self, relative: str, name: str, path: str, is_link: bool) -> None:
        reason = "a hidden folder" if name.startswith(".") else SKIPPED_FOLDERS.get(name.lower())
        if reason is not None:
            self._out(relative, "stray", f"It is {reason} and is left out whole.")
            return
        if is_link:
            target = os.path.realpath(path)
            if any(_is_within(target, seen) or _is_within(seen, target) for seen in self.followed):
                self._out(relative, "stray", "A link to a folder that is listed already.")
                return
            self.followed.add(target)
        try:
            self.down(path, relative)
        except OSError as error:
            if self.waiting and passes(error):
                raise
            reason = f"The folder can't be listed ({error.strerror}); check its permissions."
            self._out(relative, "unread", reason)

    def _not_opened(self, relative: str, name: str, error: OSError) -> None:
        if self.waiting and passes(error):
            raise error
        # A link to a picture that is gone costs the user a picture; other broken links cost none.
        kind = "unread" if reason_to_ignore(name) is None else "stray"
        reason = error.strerror or str(error)
        self._out(relative, kind, f"It can't be opened ({reason}); copy the file, or remove it.")

    @staticmethod
    def _size(entry: os.DirEntry[str]) -> int | None:
        found = entry.stat()
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def _out(self, path: str, kind: str, message: str) -> None:
        self.left_out.append((path, kind, message))


def _is_printable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
