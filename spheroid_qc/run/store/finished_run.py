"""What a finished run ended with, so that the same request need not be answered twice.

A run that finds its folder as it left it, asked for the same with the same images, gives the same
answer. Whether that is so is told from sizes and modification times of everything in the folder:
whatever is missing, corrected or made by another command since has another one, and then all is
made anew from the records.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from spheroid_qc import __version__
from spheroid_qc.atomic import write_text
from spheroid_qc.run.store.run_folder import MAX_RUN_JSON
from spheroid_qc.storage import files_below, read_plain

if TYPE_CHECKING:
    from spheroid_qc.run.run_request import PlannedRun

_NAME = "finished.json"


class FinishedRun(BaseModel):
    """What is said at the end of a run.

    Parameters
    ----------
    tables : dict of str to str
        Name -> file in the run folder.
    failures, notes, warnings, answer : tuple of str
        As in `PlateResult`.
    reported : bool
        Whether there is a report.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tables: dict[str, str]
    failures: tuple[str, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    answer: tuple[str, ...]
    reported: bool


def remember_run(planned: PlannedRun, finished: FinishedRun) -> None:
    """Keep what a run ended with; the folder must be held, and all else be written.

    `OSError` if it can't be written.
    """
    content = {"state": _state(planned), **finished.model_dump(mode="json")}
    write_text(planned.run.records / _NAME, json.dumps(content) + "\n")


def remembered_run(planned: PlannedRun) -> FinishedRun | None:
    """Give what the last run ended with, if it would end so again; None if it might not."""
    try:
        content = json.loads(read_plain(planned.run.records / _NAME, MAX_RUN_JSON).decode("utf-8"))
        if content.pop("state") != _state(planned):
            return None
        finished = FinishedRun.model_validate(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    # Nothing leads out of the run folder.
    names = finished.tables.values()
    return finished if all(Path(name).name == name for name in names) else None


def _state(planned: PlannedRun) -> str:
    """Digest of what was asked for, of the images, and of everything in the run folder."""
    digest = hashlib.blake2b(digest_size=16)
    context = planned.context
    asked = [
        __version__,
        platform.python_version(),
        os.path.abspath(context["source"]),
        context["plate_map"],
        context["join"],
        context["adapter"],
        planned.request.parameters.model_dump(mode="json"),
    ]
    digest.update(json.dumps(asked).encode())
    for known in (planned.excluded, planned.accepted, planned.table.findings):
        digest.update(repr(known).encode("utf-8", "surrogateescape"))
    for (plate, well), moments in planned.well_timepoints.items():
        place = [(moment.signature, moment.stamps, moment.timepoint) for moment in moments]
        times = [frame.time_h for moment in moments for frame in moment.frames]
        line = repr((plate, well, place, times))
        digest.update(line.encode("utf-8", "surrogateescape"))
    for line in sorted(_stamps(planned.run.root)):
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _stamps(folder: Path) -> Iterator[str]:
    """Name, size and modification time of every file below a folder, and names of folders."""
    for entry in files_below(folder, folders=True):
        name = os.path.relpath(entry.path, folder)
        if name in (".lock", os.path.join("records", _NAME)):
            continue
        if entry.is_dir(follow_symlinks=False):
            # An empty one may lie where a file should; its time changes with what is written in it.
            yield f"{name}\0folder\n"
            continue
        status = entry.stat(follow_symlinks=False)
        yield f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n"
