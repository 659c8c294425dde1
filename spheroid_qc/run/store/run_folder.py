"""The run folder: what lies where, and how a file gets there whole or not at all.

Everything is written under a temporary name in the same folder and then renamed, so that a
killed process leaves either the old file or the new one. A lock that the operating system
releases with the process keeps two runs from working in one folder.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from spheroid_qc.atomic import TEMPORARY, write_text
from spheroid_qc.errors import FolderInUse, RequestError
from spheroid_qc.storage import files_below, inside, read_plain, real_path

MAX_RUN_JSON = 1_000_000_000
"""Bytes of `run.json`: some 200 for each of five million files."""


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

    def mask(self, name: str) -> Path:
        """Path of an automatic mask; `NotPlainError` if its name leads out of the run folder."""
        return inside(self.masks, name)

    def overlay(self, name: str) -> Path:
        """Path of an overlay; `NotPlainError` if its name leads out of the run folder."""
        return inside(self.overlays, name)

    def correction(self, name: str) -> Path:
        """Path of a corrected mask; `NotPlainError` if its name leads out of the run folder."""
        return inside(self.corrections, name)

    def check_there(self) -> None:
        """Raise `OSError` if the folder is gone: nothing must be written where a share was."""
        if not self.root.is_dir():
            raise OSError(errno.ESTALE, "the run folder is not there any more", str(self.root))

    def table(self, name: str) -> Path:
        """Path of a table, e.g. `wells` -> `wells.csv`."""
        return self.root / f"{name}.csv"

    def has_later_decisions(self) -> bool:
        """Tell whether something was decided after the tables were made, before a crash perhaps."""
        wells = self.table("wells")
        if not wells.is_file():
            return False
        try:
            known = read_plain(self._decided, 1000).decode("ascii", "replace").strip()
        except OSError:
            return False
        return known != self.decisions()

    def decisions(self) -> str:
        """Digest of everything that a person decided, by content: clocks are set back and forth."""
        digest = blake2b(digest_size=16)
        single = (self.exclusions, self.acceptances, self.adapter)
        notes = [Path(e.path) for e in files_below(self.corrections) if e.name.endswith(".json")]
        for path in (*single, *sorted(notes)):
            with contextlib.suppress(OSError):
                content = read_plain(path, MAX_RUN_JSON)
                digest.update(
                    f"{path.relative_to(self.root)}\0{len(content)}\0".encode(
                        "utf-8", "surrogateescape"
                    )
                )
                digest.update(content)
        return digest.hexdigest()

    def remember_decisions(self, decisions: str) -> None:
        """Keep what `decisions` gave before the tables were made, once they are written."""
        write_text(self._decided, decisions + "\n")

    @property
    def _decided(self) -> Path:
        return self.records / "decisions.txt"

    def check_decisions(self) -> None:
        """Raise `RequestError` for anything else where a person's decisions should lie.

        Pipes, folders and broken links in the place of files, and of the folder of corrections.
        """
        for path in (self.exclusions, self.acceptances, self.adapter):
            if os.path.lexists(path) and not path.is_file():
                raise RequestError(
                    f"{path} is no plain file, so that what was decided there can't be read; "
                    "remove it, or put the file back in its place."
                )
        if os.path.lexists(self.corrections) and not self.corrections.is_dir():
            raise RequestError(
                f"{self.corrections} is no folder, so that the masks corrected there can't be "
                "read; remove it, or put the folder back in its place."
            )

    def check_usable(self, source: Path) -> None:
        """Refuse a place where writing could destroy something.

        `RequestError` if the folder is a file, is the image folder `source` itself, holds files of
        others, or a pipe, folder or broken link where decisions of a person lie.
        """
        if self.root.exists() and not self.root.is_dir():
            raise RequestError(f"{self.root} is a file, not a folder; choose another --out folder.")
        if real_path(self.root) == real_path(source):
            raise RequestError(
                f"The results can't go into the image folder {source} itself; choose another "
                "--out folder."
            )
        rooms = (self.records, self.masks, self.overlays, self.corrections)
        # Names of masks and overlays are confined one by one; records are named by us.
        of_plates = sorted(self.records.iterdir()) if self.records.is_dir() else ()
        for folder in (*rooms, *of_plates):
            if not real_path(folder).is_relative_to(real_path(self.root)):
                raise RequestError(
                    f"{folder} is a link that leads out of the run folder, and nothing is written "
                    "there; move the whole run folder to where there is room, and link to that."
                )
        self.check_decisions()
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
            found = json.loads(read_plain(self.run_json, MAX_RUN_JSON).decode("utf-8"))
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
        left = [entry.path for entry in files_below(self.root) if _is_temporary(entry.name)]
        for path in left:
            Path(path).unlink(missing_ok=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one run.

        Raises
        ------
        RequestError
            If another run holds it, naming the process.
        """
        path = self.root / ".lock"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            # What is written here is written in place: through a link, into somebody else's file.
            if path.is_symlink() or (path.exists() and not path.is_file()):
                raise RequestError(
                    f"{path} is no plain file, as a run writes it; remove it, and give the same "
                    "command again."
                )
            handle = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise RequestError(
                f"{self.root} can't be written to ({error.strerror or error}); choose another "
                "--out folder or ask for write permission."
            ) from error
        with handle:
            if not _try_lock(handle.fileno()):
                handle.seek(0)
                holder = handle.read(200).strip() or "another process"
                raise FolderInUse(
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


def _is_temporary(name: str) -> bool:
    return name.startswith(".") and TEMPORARY in name


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
