"""List the files of a folder tree: in a fixed order, once each, without walking in circles."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from spheroid_qc.errors import RequestError
from spheroid_qc.frames.ignored_files import SKIPPED_FOLDERS, reason_to_ignore


@dataclass(frozen=True, slots=True)
class FileTree:
    """Files of a folder tree: path below the folder (with `/`) and bytes, sorted by path.

    `left_out` has path, kind (`stray` or `unread`) and a finished sentence.
    """

    files: tuple[tuple[str, int], ...]
    left_out: tuple[tuple[str, str, str], ...]


def list_folder(folder: Path) -> FileTree:
    """List all files below a folder.

    Hidden and system folders, folders of masks and overlays and earlier run folders (those with a
    `run.json`) are left out whole. A linked folder is followed if it leads out of the tree, once,
    and never into itself. Raises `RequestError` if there is no such folder, or it can't be listed.
    """
    if not folder.exists():
        raise RequestError(f"There is no folder {str(folder)!r}; check the path.")
    if not folder.is_dir():
        raise RequestError(f"{str(folder)!r} is a file; give the folder that holds the images.")
    walk = _Walk(os.path.realpath(folder))
    try:
        walk.down(str(folder), "", top=True)
    except OSError as error:
        raise RequestError(
            f"The folder {str(folder)!r} can't be listed ({error.strerror}); check its permissions."
        ) from error
    return FileTree(tuple(sorted(walk.files)), tuple(sorted(walk.left_out)))


class _Walk:
    def __init__(self, root: str) -> None:
        self.followed = {root}
        self.files: list[tuple[str, int]] = []
        self.left_out: list[tuple[str, str, str]] = []

    def down(self, folder: str, prefix: str, top: bool = False) -> None:
        """Take in one folder and the folders in it."""
        below: list[tuple[str, str, bool]] = []
        files: list[tuple[str, int]] = []
        is_run = False
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
        if is_run and not top:
            self._out(prefix, "stray", "An earlier run folder (run.json); it is left out whole.")
            return
        self.files += files
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
            reason = f"The folder can't be listed ({error.strerror}); check its permissions."
            self._out(relative, "unread", reason)

    def _not_opened(self, relative: str, name: str, error: OSError) -> None:
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
