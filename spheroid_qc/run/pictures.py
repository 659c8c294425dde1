"""Which overlays a run wants: of every frame, or of those that are worth a look.

They are told one after another, as often as asked, so that no list of them is held.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spheroid_qc.flags import Flag
from spheroid_qc.images import PlateCalibration
from spheroid_qc.parameters import Assay, Overlays, Parameters, Severity
from spheroid_qc.run.folder import RunFolder
from spheroid_qc.run.judge import Judged
from spheroid_qc.run.overlays import Caption, OverlayTask
from spheroid_qc.run.rows import Layout, Record, Row, WellRows, read_rows

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
    layout : Layout
        All rows.
    records : callable
        Gives the record of a well.
    judged : mapping
        Plate -> its judged rows.
    parameters : Parameters
        All settings.
    calibration : PlateCalibration
        Passed on to the workers.
    """

    run: RunFolder
    source: Path
    layout: Layout
    records: Callable[[WellRows], Record]
    judged: Mapping[str, Judged]
    parameters: Parameters
    calibration: PlateCalibration

    def __iter__(self) -> Iterator[OverlayTask]:
        """Go through all wells; records are read of those that have a picture."""
        output = self.parameters.output
        if output.overlays is Overlays.NONE or not output.masks:
            return
        every = output.overlays is Overlays.ALL
        for plate, wells in self.layout.plates.items():
            judged, begin = self.judged[plate], 0
            for of_well in wells:
                numbers = range(begin, begin + len(of_well.times))
                begin = numbers.stop
                wanted = [every or _worth_a_look(judged.flags[n]) for n in numbers]
                if not any(wanted):
                    continue
                rows = read_rows(self.layout, of_well, self.records(of_well), self.parameters)
                for number, row, shown in zip(numbers, rows, wanted, strict=True):
                    if shown:
                        yield from self._of_row(row, judged, number)

    def _of_row(self, row: Row, judged: Judged, number: int) -> Iterator[OverlayTask]:
        if row.moment is None:
            return
        for one, mask in row.masks:
            part = f"field {one}" if len(row.masks) > 1 else ""
            state = judged.columns["state"][number]
            codes = [flag.code for flag in judged.flags[number]]
            yield OverlayTask(
                folder=self.source,
                out=self.run.root,
                moment=row.moment,
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
