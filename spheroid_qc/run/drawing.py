"""The overlays of a run: which have to be drawn, and drawing them in processes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from spheroid_qc.atomic import write_json
from spheroid_qc.run.executors import Workers, map_unordered
from spheroid_qc.run.folder import RunFolder
from spheroid_qc.run.progress import Progress, tell

if TYPE_CHECKING:
    from spheroid_qc.run.overlays import OverlayTask


def _shown(run: RunFolder, index: Path) -> dict[str, str]:
    """Read which overlays there are; names that lead out of their folder are not ours."""
    try:
        found = json.loads(index.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        name: digest
        for name, digest in found.items()
        if name.endswith(".png") and ".." not in Path(name).parts and not Path(name).is_absolute()
    }


def draw_overlays(
    tasks: Iterable[OverlayTask],
    run: RunFolder,
    workers: Workers,
    progress: Callable[[Progress], None] | None,
) -> None:
    """Draw the overlays whose content changed, and remember what each shows.

    Parameters
    ----------
    tasks : iterable of OverlayTask
        All overlays that are wanted; gone through twice, so that no list of them is held.
    run : RunFolder
        Where they go; overlays that are not wanted any more are removed.
    workers : Workers
        Processes that draw.
    progress : callable or None
        Told of every picture.
    """
    from spheroid_qc.run.overlays import overlay_digest, write_overlay

    index = run.records / "overlays.json"
    shown = _shown(run, index)
    wanted: dict[str, str] = {}
    stale: set[str] = set()
    for task in tasks:
        name, digest = task.name, overlay_digest(task)
        wanted[name] = digest
        if shown.get(name) != digest or not (run.overlays / name).is_file():
            stale.add(name)
    for name in sorted(set(shown) - set(wanted)):
        (run.overlays / name).unlink(missing_ok=True)
    if stale:
        begun = time.monotonic()
        tell(progress, Progress("overlays", 0, len(stale), 0.0, None))
        # A few pictures are not worth the start of many processes.
        number = None if workers.started else max(1, len(stale) // 4)
        drawn = map_unordered(write_overlay, (t for t in tasks if t.name in stale), workers, number)
        for done, _ in enumerate(drawn, start=1):
            rate = done / max(time.monotonic() - begun, 1e-9)
            left = (len(stale) - done) / rate
            tell(progress, Progress("overlays", done, len(stale), rate, left))
    if wanted != shown:
        write_json(index, dict(sorted(wanted.items())))
