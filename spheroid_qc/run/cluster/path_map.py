"""Where workers on other machines find the folders of this one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from spheroid_qc.errors import RequestError


@dataclass(frozen=True)
class PathMap:
    """Folders of this computer, and what they are called on the workers.

    Parameters
    ----------
    folders : tuple of (Path, str)
        Absolute paths here and there. Empty: the workers call everything as it is called here.
    """

    folders: tuple[tuple[Path, str], ...] = ()

    @classmethod
    def of(cls, entries: Sequence[str]) -> PathMap:
        """Read `HERE=THERE`, one a folder.

        Raises
        ------
        RequestError
            If an entry is no pair of an existing folder here and an absolute path there.
        """
        return cls(tuple(_pair(entry) for entry in entries))

    def there(self, folder: Path) -> Path:
        """Give the path by which workers know a folder.

        Raises
        ------
        RequestError
            If there are folders, and this one lies in none of them.
        """
        if not self.folders:
            return Path(os.path.abspath(folder))
        # As it was typed first: a link may be what the workers know, or what it leads to.
        for path in (Path(os.path.abspath(folder)), Path(os.path.realpath(folder))):
            holding = [pair for pair in self.folders if path.is_relative_to(pair[0])]
            if holding:
                here, there = max(holding, key=lambda pair: len(pair[0].parts))
                return Path(there, path.relative_to(here))
        names = " and ".join(str(here) for here, _ in self.folders)
        raise RequestError(
            f"The images in {folder} lie in none of the folders that --path-map names ({names}), "
            f"so the workers could not find them; add --path-map {folder}=PATH, the path by which "
            "the workers know that folder."
        )


def _pair(entry: str) -> tuple[Path, str]:
    here, sign, there = entry.partition("=")
    if not sign or not here or not there or "=" in there:
        raise RequestError(
            f"--path-map {entry!r} is not of the form HERE=THERE; write the folder as it is called "
            "here, =, and its path on the workers, such as /data=/mnt/data (a path with = in it "
            "can't be mapped: name the folder above it)."
        )
    if not (PurePosixPath(there).is_absolute() or PureWindowsPath(there).is_absolute()):
        raise RequestError(
            f"--path-map {entry!r}: {there} is no absolute path; write the whole path by which the "
            "workers know the folder."
        )
    if not Path(here).is_dir():
        raise RequestError(
            f"--path-map {entry!r}: there is no folder {here} on this computer; write HERE=THERE, "
            "the folder as it is called here first."
        )
    return Path(os.path.abspath(here)), there
