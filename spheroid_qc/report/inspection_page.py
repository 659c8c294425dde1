"""The page of `inspect`: how a folder's names were read, to look at or to mail to the exporter.

Doubts come first, each with what its readings would give, drawn as plates; then every plate with
what each well holds. One file, no script, nothing loaded: every text is escaped by the template.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spheroid_qc import __version__
from spheroid_qc.atomic import write_text
from spheroid_qc.frames.frame_table import Frame, FrameTable, reasons
from spheroid_qc.frames.inspect_folder import ADVICE, Inspection, given_by, inspection, visible
from spheroid_qc.plate_map.mapped_wells import MappedWell, PlateMap, condition_name
from spheroid_qc.report.palette import css_variables
from spheroid_qc.wells import PLATE_FORMATS, row_name, smallest_format, well_name
from spheroid_qc.wording import listed, plural

_TEMPLATES = Path(__file__).parent / "templates"
_MOST_FILES = 200
_MOST_WELLS = 24


@dataclass(frozen=True, slots=True)
class WellCell:
    """A well as drawn: its name, a class for its colour, a sign, and what it holds in words."""

    well: str
    look: str
    sign: str
    words: str


def write_inspection(
    path: Path, table: FrameTable, plate_map: PlateMap | None = None, well_count: int | None = None
) -> Path:
    """Write the page of an inspected folder.

    Parameters
    ----------
    path : Path
        The HTML file; it is replaced.
    table : FrameTable
        From `frame_table`.
    plate_map : PlateMap or None
        What is in the wells; None: conditions are not shown.
    well_count : int or None
        Wells on a plate if the user said so.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    RequestError
        If the plate map is of other plates.
    """
    write_text(path, inspection_page(table, plate_map, well_count))
    return path


def inspection_page(
    table: FrameTable, plate_map: PlateMap | None = None, well_count: int | None = None
) -> str:
    """Make the page as text; see `write_inspection`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = inspection(table, well_count)
    mapped = {} if plate_map is None else plate_map.for_plates(table.plates)
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), undefined=StrictUndefined, autoescape=True,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("inspection.html.j2").render(
        folder=visible(table.folder.resolve().name or str(table.folder)),
        headline=_headline(found, table),
        doubts=_doubts(found),
        problems=_problems(found),
        plates=[*_plates(found, table.frames, mapped)],
        missing=(*found.missing, *found.gaps),
        notes=[visible(note) for note in found.notes],
        ignored=len(found.ignored) + len(found.copies),
        rows=found.rows[:_MOST_FILES],
        more=max(0, len(found.rows) - _MOST_FILES),
        light=css_variables(0),
        dark=css_variables(1),
        version=__version__,
    )


def _headline(found: Inspection, table: FrameTable) -> str:
    read = plural(len({frame.path for frame in table.frames}), "image")
    if not found.problems:
        return f"{read} read, none left out."
    return f"{read} read; {reasons(found.problems)}."


def _doubts(found: Inspection) -> list[dict[str, Any]]:
    doubts = []
    for doubt in found.doubts:
        readings = [
            {
                "words": visible(reading.words),
                "gives": given_by(reading, len(doubt.paths)),
                "pattern": reading.pattern,
                "grid": _grid(
                    {well: WellCell(well, "whole", "", well) for well in reading.wells},
                    smallest_format(reading.wells) if reading.wells else 0,
                ),
            }
            for reading in doubt.readings
        ]
        doubts.append(
            {
                "count": plural(len(doubt.paths), "name"),
                "examples": [visible(path) for path in doubt.paths[:6]],
                "readings": readings,
            }
        )
    return doubts


def _problems(found: Inspection) -> list[dict[str, Any]]:
    """Files left out, by kind and reason; names that are shown as doubts need no list."""
    shown = {path for doubt in found.doubts for path in doubt.paths}
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in found.problems:
        if one.path not in shown:
            groups[one.kind, one.message].append(one.path)
    return [
        {
            "title": f"{len(paths)} {ADVICE[kind]}",
            "message": visible(message),
            "paths": [visible(path) for path in paths[:_MOST_FILES]],
            "more": max(0, len(paths) - _MOST_FILES),
        }
        for (kind, message), paths in sorted(groups.items(), key=lambda item: -len(item[1]))
    ]


def _plates(
    found: Inspection, frames: Iterable[Frame], mapped: Mapping[tuple[str, str], MappedWell]
) -> Iterable[dict[str, Any]]:
    by_plate: dict[str, dict[str, list[Frame]]] = defaultdict(lambda: defaultdict(list))
    for frame in frames:
        by_plate[frame.plate][frame.well].append(frame)
    for plate in found.plates:
        wells = by_plate[plate.plate]
        cells = {}
        for well, held in wells.items():
            times = {frame.time_h for frame in held}
            look = "whole" if len(times) == len(plate.times_h) else "part"
            words = _holds(well, held, plate.counted, mapped.get((plate.plate, well)))
            cells[well] = WellCell(well, look, str(len(times)), words)
        for well in {well for of, well in mapped if of == plate.plate} - set(wells):
            condition = visible(condition_name(mapped[plate.plate, well]))
            cells[well] = WellCell(well, "absent", "–", f"{well}: no image; {condition}")
        unit = "frames, not hours" if plate.counted else "h"
        times_in_words = ", ".join(f"{time:g}" for time in plate.times_h[:40])
        more = " …" if len(plate.times_h) > 40 else ""
        size = max(plate.wells_on_plate, smallest_format(cells))
        yield {
            "name": visible(plate.plate),
            "facts": [
                plural(plate.wells, "well"),
                f"{plural(len(plate.times_h), 'time')} ({times_in_words}{more} {unit})",
                *([plural(plate.fields, "field")] if plate.fields > 1 else []),
                *([f"channels {', '.join(map(visible, plate.channels))}"] * bool(plate.channels)),
            ],
            "grid": _grid(cells, size),
            "mapped": bool(mapped),
            "conditions": _conditions(plate.plate, wells, mapped),
        }


def _conditions(
    plate: str,
    wells: Mapping[str, Sequence[Frame]],
    mapped: Mapping[tuple[str, str], MappedWell],
) -> list[tuple[str, str, str]]:
    """Give each condition of a plate with its wells and its images; the map's order of wells."""
    groups: dict[str, list[str]] = defaultdict(list)
    for (of, well), one in mapped.items():
        if of == plate:
            groups[condition_name(one)].append(well)
    if unmapped := [well for well in wells if (plate, well) not in mapped] if mapped else []:
        groups["not on the plate map"] = unmapped
    return [
        (
            visible(name),
            listed(held, _MOST_WELLS),
            plural(sum(len(wells.get(well, ())) for well in held), "image"),
        )
        for name, held in groups.items()
    ]


def _holds(well: str, held: list[Frame], counted: bool, mapped: MappedWell | None) -> str:
    """Say what a well holds: images, times, fields, channels, condition."""
    times = sorted({frame.time_h for frame in held})
    fields = sorted({frame.field for frame in held})
    channels = sorted({frame.channel for frame in held if frame.channel})
    unit = "" if counted else " h"
    words = [plural(len(held), "image")]
    shown = ", ".join(f"{time:g}" for time in times[:12]) + (" …" if len(times) > 12 else "")
    words.append(f"{'frames' if counted else 'times'} {shown}{unit}")
    if len(fields) > 1:
        words.append(f"fields {', '.join(map(str, fields[:12]))}")
    if channels:
        words.append(f"channels {', '.join(map(visible, channels))}")
    if mapped is not None:
        words.append(visible(condition_name(mapped)))
    return f"{well}: {'; '.join(words)}"


def _grid(cells: Mapping[str, WellCell], wells: int) -> dict[str, Any]:
    """Rows of a plate of so many wells, each with its letter and its cells (None: nothing)."""
    rows, columns = PLATE_FORMATS.get(wells, (0, 0))
    return {
        "columns": list(range(1, columns + 1)),
        "rows": [
            (row_name(row), [cells.get(well_name(row, column)) for column in range(columns)])
            for row in range(rows)
        ],
    }
