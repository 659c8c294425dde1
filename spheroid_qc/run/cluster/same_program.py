"""Whether two machines would make the same numbers: program, weights and libraries compared."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from spheroid_qc import __version__
from spheroid_qc.run.store.run_json import library_versions
from spheroid_qc.storage import files_below, read_plain

_MAX_SOURCE = 10_000_000
"""Bytes of a module: the longest has some 100,000."""


@dataclass(frozen=True)
class ProgramIdentity:
    """What the numbers of a frame depend on, beside the frame and the settings.

    Parameters
    ----------
    version : str
        Of spheroid_qc.
    code : str
        Digest of its modules: a clone may be newer than its version says.
    weights : str
        SHA-256 of the network's weights.
    libraries : tuple of (str, str or None)
        Name and version, as `run.json` lists them.
    """

    version: str
    code: str
    weights: str
    libraries: tuple[tuple[str, str | None], ...]

    def differences(self, other: ProgramIdentity) -> list[str]:
        """Say what another machine has instead, in clauses; empty where there is no difference."""
        found = []
        if self.version != other.version:
            found.append(f"spheroid_qc {other.version} instead of {self.version}")
        elif self.code != other.code:
            found.append(f"another state of spheroid_qc {self.version}")
        if self.weights != other.weights:
            found.append(
                f"other weights of the network ({other.weights[:8]} instead of {self.weights[:8]})"
            )
        theirs = dict(other.libraries)
        for name, mine in self.libraries:
            if theirs.get(name) != mine:
                found.append(f"{name} {theirs.get(name)} instead of {mine}")
        return found


@lru_cache(maxsize=1)
def program_identity() -> ProgramIdentity:
    """Identity of the program as it runs here."""
    from spheroid_qc.segmentation.learned.network import weights_sha256

    root = Path(str(files("spheroid_qc")))
    digest = hashlib.blake2b(digest_size=16)
    modules = [Path(e.path) for e in files_below(root) if e.name.endswith((".py", ".json"))]
    for path in sorted(modules):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
        # A checkout may have other line ends.
        digest.update(read_plain(path, _MAX_SOURCE).replace(b"\r\n", b"\n"))
    return ProgramIdentity(
        version=__version__,
        code=digest.hexdigest(),
        weights=weights_sha256(),
        libraries=tuple(library_versions().items()),
    )


@dataclass(frozen=True)
class WorkerView:
    """What a worker says of itself before a run.

    Parameters
    ----------
    identity : ProgramIdentity
        What it runs.
    host : str
        Name of its computer.
    sees_images : bool
        Whether the example image is there.
    """

    identity: ProgramIdentity
    host: str
    sees_images: bool


def look_around(folder: Path, example: str) -> WorkerView:
    """Say what this worker runs, and whether it sees the images."""
    return WorkerView(program_identity(), platform.node(), (folder / example).is_file())
