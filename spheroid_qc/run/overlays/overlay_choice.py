"""Which overlays a run wants: of every frame, or of those that are worth a look."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spheroid_qc.atomic import write_json
from spheroid_qc.flags import Flag
from spheroid_qc.flags.plate_checks import worst_frames
from spheroid_qc.images import PlateCalibration
from spheroid_qc.parameters import Assay, Overlays, Parameters, Severity
from spheroid_qc.run.executor import Executor
from spheroid_qc.run.overlays.draw_overlay import (
    Caption,
    OverlayTask,
    overlay_digest,
    write_overlay,
)
from spheroid_qc.run.progress import Progress, report_progress
from spheroid_qc.run.store.run_folder import MAX_RUN_JSON, RunFolder
from spheroid_qc.run.worker_processes import WorkerDied, map_unordered
from spheroid_qc.storage import names_inside, read_plain
from spheroid_qc.wording import interval

if TYPE_CHECKING:
    from spheroid_qc.run.tables.collect_rows import Picture
    from spheroid_qc.run.tables.write_tables import RunTables


def _shown(index: Path) -> dict[str, str]:
    """Read which overlays there are; names that lead out of their folder are not ours."""
    try:
        found = json.loads(read_plain(index, MAX_RUN_JSON).decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        name: digest
        for name, digest in found.items()
        if name.endswith(".png") and names_inside(name)
    }


def draw_overlays(
    tasks: Sequence[OverlayTask],
    run: RunFolder,
    workers: Executor,
    progress: Callable[[Progress], None] | None,
) -> list[str]:
    """Draw those of the wanted overlays whose content changed, and remember what each shows.

    Overlays that are not wanted any more are removed. Gives sentences on those that could not be
    drawn; the next run tries them again.
    """
    index = run.records / "overlays.json"
    shown = _shown(index)
    wanted: dict[str, str] = {}
    stale: list[OverlayTask] = []
    undrawn: list[str] = []
    for task in tasks:
        name, digest = task.name, overlay_digest(task)
        wanted[name] = digest
        if shown.get(name) != digest or not run.overlay(name).is_file():
            stale.append(task)
    for name in sorted(set(shown) - set(wanted)):
        run.overlay(name).unlink(missing_ok=True)
    if stale:
        begun = time.monotonic()
        report_progress(progress, Progress("overlays", 0, len(stale), 0.0, None))
        # A few pictures are not worth the start of many processes.
        number = None if workers.started else max(1, len(stale) // 4)
        drawn = map_unordered(write_overlay, stale, workers, number)
        for done, (task, written) in enumerate(drawn, start=1):
            if isinstance(written, WorkerDied):
                undrawn.append(task.name)
                wanted.pop(task.name)
                # One that is there shows what was before.
                run.overlay(task.name).unlink(missing_ok=True)
            rate = done / max(time.monotonic() - begun, 1e-9)
            left = (len(stale) - done) / rate
            report_progress(progress, Progress("overlays", done, len(stale), rate, left))
    if wanted != shown:
        write_json(index, dict(sorted(wanted.items())))
    return _on_undrawn(undrawn)


def _on_undrawn(names: list[str]) -> list[str]:
    if not names:
        return []
    first = min(names)
    which = first if len(names) == 1 else f"{first} and {len(names) - 1} more"
    return [
        f"The overlay {which} could not be drawn: the process that drew ended, or there was not "
        "enough memory; run the same command again, with fewer workers if memory is small."
    ]


NOT_IN_THE_PICTURE = frozenset(
    {
        "uncalibrated", "pixel_size_conflict", "time_is_index", "few_references", "no_vehicle",
        "unmapped", "mapped_without_image", "no_baseline", "incomplete_series",
        "imaged_fraction_unknown", "channel_missing", "planes_unused", "reader_note",
        "not_stitched",
    }
)  # fmt: skip


def wanted_overlays(
    run: RunFolder,
    source: Path,
    tables: RunTables,
    parameters: Parameters,
    calibration: PlateCalibration,
) -> list[OverlayTask]:
    """Say which overlays are wanted of the images in `source`.

    Beside flagged frames those that speak against a plate's masks, whose own flags may be none.
    """
    output = parameters.output
    if output.overlays is Overlays.NONE or not output.masks:
        return []
    worst = {(one.plate, one.well, one.time_h) for one in worst_frames(tables.unfit)}
    place = tables.wells[["plate", "well", "time_h"]]
    shown = [
        picture
        for picture in tables.pictures
        if output.overlays is Overlays.ALL
        or _worth_a_look(tables.flags[picture.row])
        or (worst and tuple(place.loc[picture.row]) in worst)
    ]
    lines = tables.wells.loc[[picture.row for picture in shown], list(_IN_CAPTION)]
    return [
        OverlayTask(
            folder=source,
            out=run.root,
            well_timepoint=picture.well_timepoint,
            field=picture.field,
            stitched=picture.stitched,
            mask=picture.mask,
            caption=_caption(line, picture, parameters.plate.assay),
            parameters=parameters,
            calibration=calibration,
            content=picture.content,
        )
        for picture, line in zip(shown, lines.to_dict("records"), strict=True)
    ]


_IN_CAPTION = (
    "plate", "well", "time_h", "condition", "state", "n_spheroids", "disintegration_fraction",
    "disintegration_fraction_low", "disintegration_fraction_high",
    "equivalent_diameter_um", "core_area_px", "confidence", "flags",
)  # fmt: skip


def _worth_a_look(flags: tuple[Flag, ...]) -> bool:
    """Tell whether a picture helps: not with a finding about the whole plate or map."""
    return any(f.code not in NOT_IN_THE_PICTURE and f.severity is not Severity.INFO for f in flags)


def _caption(line: Mapping[Hashable, Any], picture: Picture, assay: Assay) -> Caption:
    condition = "" if line["condition"] == "unmapped" else f"  {line['condition']}"
    field = f"field {picture.field}" if picture.several else ""
    parts = [word for word in (field, line["state"]) if word]
    if picture.several:
        parts.append(f"{line['n_spheroids']:g} spheres in all fields")
    fraction = line["disintegration_fraction"]
    if not math.isnan(fraction) and assay is Assay.SINGLE:
        doubt = interval(*(line[f"disintegration_fraction_{end}"] for end in ("low", "high")))
        parts.append(f"DF {fraction:.2f}" + (f" ({doubt})" if doubt else ""))
    if not math.isnan(line["equivalent_diameter_um"]):
        parts.append(f"core {line['equivalent_diameter_um']:.0f} µm")
    elif line["core_area_px"] > 0:
        parts.append(f"core {line['core_area_px']:.0f} px")
    confidence = line["confidence"]
    parts.append("corrected by hand" if math.isnan(confidence) else f"confidence {confidence:.2f}")
    return Caption(
        title=f"{line['plate']}  {line['well']}  {line['time_h']:g} h{condition}",
        result="   ".join(parts),
        flags=f"flags: {line['flags'].replace(';', ', ')}" if line["flags"] else "",
    )
