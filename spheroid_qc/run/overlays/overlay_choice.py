"""Which overlays a run wants: of every frame, or of those that are worth a look.

They are told one after another, as often as asked, so that no list of them is held.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spheroid_qc.atomic import write_json
from spheroid_qc.flags import Flag
from spheroid_qc.images import PlateCalibration
from spheroid_qc.parameters import Assay, Overlays, Parameters, Severity
from spheroid_qc.run.executors import Workers, map_unordered
from spheroid_qc.run.overlays.draw_overlay import Caption, OverlayTask
from spheroid_qc.run.progress import Progress, report_progress
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.tables.scored_rows import ScoredRows
from spheroid_qc.run.tables.well_rows import Record, Row, RowLayout, WellRows, read_rows

if TYPE_CHECKING:
    from spheroid_qc.run.overlays.draw_overlay import OverlayTask


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
    from spheroid_qc.run.overlays.draw_overlay import overlay_digest, write_overlay

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
        report_progress(progress, Progress("overlays", 0, len(stale), 0.0, None))
        # A few pictures are not worth the start of many processes.
        number = None if workers.started else max(1, len(stale) // 4)
        drawn = map_unordered(write_overlay, (t for t in tasks if t.name in stale), workers, number)
        for done, _ in enumerate(drawn, start=1):
            rate = done / max(time.monotonic() - begun, 1e-9)
            left = (len(stale) - done) / rate
            report_progress(progress, Progress("overlays", done, len(stale), rate, left))
    if wanted != shown:
        write_json(index, dict(sorted(wanted.items())))


NOT_IN_THE_PICTURE = frozenset(
    {
        "uncalibrated", "pixel_size_conflict", "time_is_index", "few_references", "no_vehicle",
        "unmapped", "mapped_without_image", "no_baseline", "incomplete_series",
        "imaged_fraction_unknown", "channel_missing", "not_stitched",
    }
)  # fmt: skip


@dataclass(frozen=True)
class WantedOverlays:
    """All overlays that are wanted; iterating gives one `OverlayTask` after another.

    Parameters
    ----------
    run : RunFolder
        Where masks and records lie.
    source : Path
        Image folder.
    layout : RowLayout
        All rows.
    records : callable
        Gives the record of a well.
    scored : mapping
        Plate -> its judged rows.
    parameters : Parameters
        All settings.
    calibration : PlateCalibration
        Passed on to the workers.
    """

    run: RunFolder
    source: Path
    layout: RowLayout
    records: Callable[[WellRows], Record]
    scored: Mapping[str, ScoredRows]
    parameters: Parameters
    calibration: PlateCalibration

    def __iter__(self) -> Iterator[OverlayTask]:
        """Go through all wells; records are read of those that have a picture."""
        output = self.parameters.output
        if output.overlays is Overlays.NONE or not output.masks:
            return
        every = output.overlays is Overlays.ALL
        for plate, wells in self.layout.plates.items():
            scored, begin = self.scored[plate], 0
            for of_well in wells:
                numbers = range(begin, begin + len(of_well.times))
                begin = numbers.stop
                wanted = [every or _worth_a_look(scored.flags[n]) for n in numbers]
                if not any(wanted):
                    continue
                rows = read_rows(self.layout, of_well, self.records(of_well), self.parameters)
                for number, row, shown in zip(numbers, rows, wanted, strict=True):
                    if shown:
                        yield from self._of_row(row, scored, number)

    def _of_row(self, row: Row, scored: ScoredRows, number: int) -> Iterator[OverlayTask]:
        if row.well_timepoint is None:
            return
        for one, mask in row.masks:
            part = f"field {one}" if len(row.masks) > 1 else ""
            state = scored.columns["state"][number]
            codes = [flag.code for flag in scored.flags[number]]
            yield OverlayTask(
                folder=self.source,
                out=self.run.root,
                well_timepoint=row.well_timepoint,
                field=one,
                stitched=bool(row.values["stitched"]),
                mask=mask,
                caption=_caption(row.values, part, state, codes, self.parameters.plate.assay),
                parameters=self.parameters,
                calibration=self.calibration,
            )


def _worth_a_look(flags: tuple[Flag, ...]) -> bool:
    """Tell whether a picture helps: not with a finding about the whole plate or map."""
    return any(f.code not in NOT_IN_THE_PICTURE and f.severity is not Severity.INFO for f in flags)


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _caption(
    line: Mapping[str, Any], part: str, state: str, codes: list[str], assay: Assay
) -> Caption:
    condition = "" if line["condition"] == "unmapped" else f"  {line['condition']}"
    parts = [word for word in (part, state) if word]
    if part:
        parts.append(f"{line['n_spheroids']:g} spheres in all fields")
    fraction = _known(line.get("disintegration_fraction"))
    if fraction is not None and assay is Assay.SINGLE:
        parts.append(f"DF {fraction:.2f}")
    diameter = _known(line.get("equivalent_diameter_um"))
    pixels = _known(line.get("core_area_px"))
    if diameter is not None:
        parts.append(f"core {diameter:.0f} µm")
    elif pixels is not None and pixels > 0:
        parts.append(f"core {pixels:.0f} px")
    confidence = _known(line["confidence"])
    parts.append("corrected by hand" if confidence is None else f"confidence {confidence:.2f}")
    return Caption(
        title=f"{line['plate']}  {line['well']}  {line['time_h']:g} h{condition}",
        result="   ".join(parts),
        flags="flags: " + ", ".join(codes) if codes else "",
    )
