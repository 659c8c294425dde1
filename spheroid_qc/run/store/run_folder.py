"""The run folder: what lies where, and how a file gets there whole or not at all.

Everything is written under a temporary name in the same folder and then renamed, so that a
killed process leaves either the old file or the new one. A lock that the operating system
releases with the process keeps two runs from working in one folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spheroid_qc.atomic import TEMPORARY
from spheroid_qc.errors import RequestError


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run folder.

    Parameters
    ----------
    root : Path
        The folder itself (`--out`).
    """

    root: Path

    @property
    def run_json(self) -> Path:
        """Version, parameters, inputs, libraries, times."""
        return self.root / "run.json"

    @property
    def records(self) -> Path:
        """One JSON file per finished well: everything that was measured, before any table."""
        return self.root / "records"

    @property
    def masks(self) -> Path:
        """Label images, named and nested like the frames that they belong to."""
        return self.root / "masks"

    @property
    def overlays(self) -> Path:
        """Pictures with outlines, named and nested like the frames."""
        return self.root / "overlays"

    @property
    def exclusions(self) -> Path:
        """The user's own exclusions (`plate, well, time_h, reason, by, at`)."""
        return self.root / "exclusions.csv"

    @property
    def acceptances(self) -> Path:
        """Frames that the user looked at and accepted; columns as in `exclusions`."""
        return self.root / "acceptances.csv"

    @property
    def corrections(self) -> Path:
        """Masks corrected by hand, named and nested like `masks`."""
        return self.root / "corrections"

    @property
    def illumination(self) -> Path:
        """Light of every plate and channel that the masks were made with."""
        return self.root / "illumination.json"

    @property
    def adapter(self) -> Path:
        """What the network learned from corrected masks."""
        return self.root / "adapter.npz"

    def table(self, name: str) -> Path:
        """Path of a table, e.g. `wells` -> `wells.csv`."""
        return self.root / f"{name}.csv"

    def has_later_decisions(self) -> bool:
        """Tell whether something was decided after the tables were made, before a crash perhaps."""
        wells = self.table("wells")
        if not wells.is_file():
            return False
        made = wells.stat().st_mtime
        kept = (self.exclusions, self.acceptances, self.adapter)
        decided = [path for path in kept if path.is_file()]
        decided += self.corrections.rglob("*.json") if self.corrections.is_dir() else []
        return any(path.stat().st_mtime > made for path in decided)

    def check_usable(self, source: Path) -> None:
        """Refuse a place where writing could destroy something.

        `RequestError` if the folder is a file, is the image folder `source` itself, or holds files
        of others.
        """
        if self.root.exists() and not self.root.is_dir():
            raise RequestError(f"{self.root} is a file, not a folder; choose another --out folder.")
        if self.root.resolve() == source.resolve():
            raise RequestError(
                f"The results can't go into the image folder {source} itself; choose another "
                "--out folder."
            )
        if self.root.is_dir() and not self.run_json.is_file():
            # A run that was killed before its first file leaves at most the lock behind.
            decisions = (self.exclusions, self.acceptances, self.corrections, self.adapter)
            known = {".lock", *(path.name for path in decisions)}
            others = [
                p.name
                for p in sorted(self.root.iterdir())
                if p.name not in known and TEMPORARY not in p.name
            ]
            if others:
                raise RequestError(
                    f"{self.root} holds files of something else (such as {others[0]!r}) and no "
                    "run.json; nothing was written there: choose an empty or new --out folder."
                )

    def read_run(self) -> dict[str, Any] | None:
        """Read what an earlier run wrote into `run.json`; None for a new folder.

        Raises
        ------
        RequestError
            If the file is there but damaged.
        """
        if not self.run_json.is_file():
            return None
        try:
            found = json.loads(self.run_json.read_text("utf-8"))
            if not isinstance(found, dict) or not isinstance(found.get("parameters"), dict):
                raise ValueError("parameters are missing")
            inputs = found.setdefault("inputs", [])
            if not isinstance(inputs, list) or not all(
                isinstance(entry, dict) and isinstance(entry.get("path"), str) for entry in inputs
            ):
                raise ValueError("the list of inputs is damaged")
        except (ValueError, OSError, RecursionError) as error:
            raise RequestError(
                f"{self.run_json} can't be read ({error}); restore the file or choose a new "
                "--out folder."
            ) from error
        return found

    def sweep(self) -> None:
        """Remove temporary files that a killed run left behind."""
        for folder in (self.root, self.records, self.masks, self.overlays, self.corrections):
            if folder.is_dir():
                pattern = f".*{TEMPORARY}*"
                found = folder.glob(pattern) if folder == self.root else folder.rglob(pattern)
                for path in list(found):
                    path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one run.

        Raises
        ------
        RequestError
            If another run holds it, naming the process.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            handle = (self.root / ".lock").open("a+", encoding="utf-8")
        except OSError as error:
            raise RequestError(
                f"{self.root} can't be written to ({error.strerror or error}); choose another "
                "--out folder or ask for write permission."
            ) from error
        with handle:
            if not _try_lock(handle.fileno()):
                handle.seek(0)
                holder = handle.read(200).strip() or "another process"
                raise RequestError(
                    f"{self.root} is in use by a run that is still going on ({holder}); wait for "
                    "it to end or choose another --out folder."
                )
            handle.seek(0)
            handle.truncate()
            handle.write(f"process {os.getpid()} on {socket.gethostname()}\n")
            handle.flush()
            try:
                yield
            finally:
                handle.seek(0)
                handle.truncate()


def _try_lock(descriptor: int) -> bool:
    """Take an advisory lock on a whole file; False if somebody else has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            # A byte far behind the text: Windows locks would hide the text from readers.
            os.lseek(descriptor, 1 << 20, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
