"""The files of a run folder that a task reads or makes, sent to a worker and back as bytes.

Only the client writes into the run folder: it alone holds the lock, and a worker that was given up
and comes to life again later can't overwrite what somebody has corrected meanwhile. The run folder
then needs no shared storage, and workers may see the images without being allowed to write.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Protocol

from spheroid_qc.atomic import atomic_path
from spheroid_qc.run.overlays.draw_overlay import OverlayTask
from spheroid_qc.run.store.corrected_masks import note_path
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.well_records import MAX_RECORD, WellTask, read_record, record_path
from spheroid_qc.run.well.static_pass import taken_path
from spheroid_qc.storage import NotPlainError, files_below, inside, patiently, read_plain


class FolderTask(Protocol):
    """A task that reads images below `folder`, and reads and writes the run folder `out`."""

    @property
    def folder(self) -> Path:
        """Where the images lie."""
        ...

    @property
    def out(self) -> Path:
        """The run folder."""
        ...


def files_for(task: FolderTask) -> dict[str, bytes]:
    """Read what a task may read of its run folder.

    Parameters
    ----------
    task : WellTask or OverlayTask
        The task.

    Returns
    -------
    dict of str to bytes
        Path below the run folder, with `/`, -> content; what is not there, or no plain file, is
        left out.
    """
    run = RunFolder(task.out)
    paths: list[Path] = []
    if isinstance(task, WellTask):
        paths += [record_path(run, task.plate, task.well), taken_path(run, task.plate, task.well)]
        for timepoint in read_record(run, task.plate, task.well).values():
            for field in timepoint["fields"]:
                paths += _of_mask(run, field["mask"])
    elif isinstance(task, OverlayTask):
        paths += _of_mask(run, task.mask)
    found = {}
    for path in paths:
        with contextlib.suppress(OSError):
            found[path.relative_to(task.out).as_posix()] = read_plain(path, MAX_RECORD)
    return found


def _of_mask(run: RunFolder, mask: str | None) -> list[Path]:
    """Paths of a mask, of what a person made of it, and of the note on that."""
    if not mask:
        return []
    try:
        return [run.mask(mask), run.correction(mask), note_path(run, mask)]
    except NotPlainError:
        return []


def unpack(files: Mapping[str, bytes], root: Path) -> None:
    """Write files where a worker has its own run folder for one task."""
    for name, content in files.items():
        path = inside(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def changed_files(root: Path, before: Mapping[str, bytes]) -> dict[str, bytes]:
    """Read what a task made or changed in its own run folder; `before` is what it was given."""
    found = {}
    for path in sorted(Path(entry.path) for entry in files_below(root)):
        name = path.relative_to(root).as_posix()
        content = read_plain(path, MAX_RECORD)
        if before.get(name) != content:
            found[name] = content
    return found


def receive(files: Mapping[str, bytes], run: RunFolder) -> None:
    """Write what a worker made into the run folder: masks first, the record that names them last.

    Raises
    ------
    OSError
        If it can't be written, or a name leads out of the folder.
    """
    run.check_there()
    for path, content, durable in sorted(_places(files, run), key=lambda place: place[2]):

        def write(path: Path = path, content: bytes = content, durable: bool = durable) -> None:
            with atomic_path(path, durable=durable) as temporary:
                temporary.write_bytes(content)

        patiently(write, path)


def _places(files: Mapping[str, bytes], run: RunFolder) -> Iterator[tuple[Path, bytes, bool]]:
    known = {p.name: p for p in (run.masks, run.corrections, run.overlays, run.records)}
    for name, content in files.items():
        room, _, rest = name.partition("/")
        if room not in known or not rest:
            raise NotPlainError(run.root / PurePosixPath(name), "it leads out of its folder")
        record = room == run.records.name and name.endswith(".json")
        yield inside(known[room], rest), content, record
