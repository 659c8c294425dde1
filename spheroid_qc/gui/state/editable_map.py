"""A plate map in the making: wells filled by hand, step by step, with undo.

Values are kept as a person writes them and are read by the same reader as a file, so that a map
filled in here and one from a spreadsheet are the same thing.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from spheroid_qc.atomic import write_text
from spheroid_qc.errors import PlateMapError
from spheroid_qc.gui.state.shown_names import shown_dose
from spheroid_qc.plate_map import MappedWell, PlateMap, read_plate_map
from spheroid_qc.plate_map.mapped_wells import Dose
from spheroid_qc.plate_map.write_map import escape
from spheroid_qc.wells import PLATE_FORMATS, parse_well, row_column, well_name

Key = tuple[str, str]  # plate (empty: every plate), well
FIELDS = ("role", "drug", "dose", "unit")
_TEXTS = ("cell_line", "vehicle_group", "biological_replicate", "replicate", "passage")
_MAX_UNDO_STEPS = 200
_DECIMAL_COMMA = re.compile(r"(?P<whole>\d*),(?P<part>\d+)")


@dataclass(frozen=True)
class Treatment:
    """One drug as written."""

    drug: str = ""
    dose: str = ""
    unit: str = "uM"


@dataclass(frozen=True)
class EditableWell:
    """What is written for one well: a role or none, at most three drugs.

    `extra` holds further columns of a map that was loaded.
    """

    role: str = ""
    drugs: tuple[Treatment, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What the well holds, for a tooltip."""
        drugs = " + ".join(f"{t.drug} {t.dose} {t.unit}".strip() for t in self.drugs if t.drug)
        role = self.role.replace("_", " ")
        return f"{role}: {drugs}" if drugs and role else drugs or role or "empty"


class EditableMap:
    """Wells of a map, changed in steps that can be undone."""

    def __init__(self, wells: Mapping[Key, EditableWell] | None = None) -> None:
        self.wells: dict[Key, EditableWell] = dict(wells or {})
        self._past: list[dict[Key, EditableWell]] = []
        self._future: list[dict[Key, EditableWell]] = []
        self.mark_saved()

    @property
    def saved(self) -> bool:
        """Whether the file holds what is filled in; a step that was taken back leaves no trace."""
        return self.wells == self._kept

    def mark_saved(self) -> None:
        """Take note that the file holds what is filled in."""
        self._kept = dict(self.wells)

    @classmethod
    def from_map(cls, plate_map: PlateMap) -> EditableMap:
        """Take over a map that was read from a file."""
        return cls({(w.plate or "", w.well): _draft_of(w) for w in plate_map.wells})

    def take_over(self, plate_map: PlateMap) -> None:
        """Take over a map that was read from a file, as a step that can be undone."""
        if self.wells:
            self._step()
        self.wells = self.from_map(plate_map).wells
        self.mark_saved()

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to do again."""
        return bool(self._future)

    def undo(self) -> None:
        """Take the last step back."""
        if self._past:
            self._future.append(dict(self.wells))
            self.wells = self._past.pop()

    def redo(self) -> None:
        """Do again what was taken back."""
        if self._future:
            self._past.append(dict(self.wells))
            self.wells = self._future.pop()

    def fill(self, keys: Iterable[Key], well: EditableWell) -> None:
        """Write the same into all given wells, keeping their further columns."""
        self._step()
        for key in keys:
            old = self.wells.get(key)
            self.wells[key] = replace(well, extra=well.extra or (old.extra if old else {}))

    def change(self, keys: Iterable[Key], parts: Mapping[int | str, str | Treatment]) -> None:
        """Write only some parts into all given wells: `role`, or a drug by its place from 0."""
        self._step()
        for key in keys:
            well = self.wells.get(key, EditableWell())
            drugs = list(well.drugs)
            for part, value in parts.items():
                if isinstance(part, int) and isinstance(value, Treatment):
                    drugs += [Treatment()] * (part + 1 - len(drugs))
                    drugs[part] = value
                elif part == "role":
                    well = replace(well, role=str(value))
            kept = tuple(t for t in drugs if t.drug.strip() or t.dose.strip())
            self.wells[key] = replace(well, drugs=kept)

    def readable(self) -> PlateMap | None:
        """Read the wells whose own contents can be read; None where none can.

        What is shown while a map is being filled in must not vanish for one unfinished well.
        """
        told: dict[tuple[str, tuple[Treatment, ...]], bool] = {}
        kept = {}
        for key, well in self.wells.items():
            content = well.role, well.drugs
            if content not in told:
                told[content] = _can_be_read({key: EditableWell(*content)})
            if told[content]:
                kept[key] = well
        try:
            return EditableMap(kept).check() if kept else None
        except PlateMapError:
            return None

    def clear(self, keys: Iterable[Key]) -> None:
        """Empty the given wells."""
        self._step()
        for key in keys:
            self.wells.pop(key, None)

    def paste(
        self, text: str, plate: str, corner: str, what: str, well_count: int
    ) -> tuple[int, str]:
        """Write a block copied from a spreadsheet (tabs between cells), its first cell in a corner.

        `plate` may be empty: every plate; `what` is one of `FIELDS`. Gives the number of wells that
        were written, and a sentence where cells lay beyond the plate.
        """
        rows = [line.split("\t") for line in text.replace("\r\n", "\n").rstrip("\n").split("\n")]
        rows = _without_headings(rows)
        top, left = row_column(corner)
        height, width = PLATE_FORMATS[well_count]
        self._step()
        written = beyond = 0
        for y, cells in enumerate(rows):
            for x, cell in enumerate(cells):
                value = cell.strip()
                if not value:
                    continue
                if top + y >= height or left + x >= width:
                    beyond += 1
                    continue
                key = (plate, well_name(top + y, left + x))
                self.wells[key] = _with(self.wells.get(key, EditableWell()), what, value)
                written += 1
        left_out = f"{beyond} cells lay beyond the plate and were left out." if beyond else ""
        return written, left_out

    def copy(self, plate: str, wells: Iterable[str], what: str) -> str:
        """Give one kind of value of the wells as a block for a spreadsheet."""
        places = [row_column(well) for well in wells]
        if not places:
            return ""
        rows = range(min(y for y, _ in places), max(y for y, _ in places) + 1)
        columns = range(min(x for _, x in places), max(x for _, x in places) + 1)
        return "\n".join(
            "\t".join(
                _value(self.wells.get((plate, well_name(y, x)), EditableWell()), what)
                if (y, x) in places
                else ""
                for x in columns
            )
            for y in rows
        )

    def text(self) -> str:
        """Write the map as a long CSV: one line for each drug of each well."""
        plates = any(plate for plate, _ in self.wells)
        extra = list(dict.fromkeys(name for well in self.wells.values() for name in well.extra))
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        head = [*(("plate",) if plates else ()), "well", "role", "drug", "dose", "unit", *extra]
        writer.writerow([escape(name) for name in head])
        for (plate, well), draft in sorted(
            self.wells.items(), key=lambda item: (item[0][0], row_column(item[0][1]))
        ):
            used = [t for t in draft.drugs if t.drug.strip() or t.dose.strip()]
            for treatment in used or [Treatment(unit="")]:
                values = [
                    *((plate,) if plates else ()),
                    well,
                    draft.role,
                    treatment.drug,
                    _with_point(treatment.dose),
                    # Spreadsheets take a file for one of their own old code page.
                    treatment.unit.replace("µ", "u") if treatment.dose.strip() else "",
                    *(draft.extra.get(name, "") for name in extra),
                ]
                writer.writerow([escape(str(value).strip()) for value in values])
        return stream.getvalue()

    def save(self, path: Path) -> PlateMap:
        """Write the map as CSV, over an old one too, and read it back as every run will.

        Raises PlateMapError if the map can't be read: the old file, if any, stays.
        """
        plate_map = self.check(path.name)
        write_text(path, self.text())
        self.mark_saved()
        return plate_map

    def check(self, name: str = "plate_map.csv") -> PlateMap:
        """Read the map as a run would, without leaving a file.

        Raises PlateMapError with all mistakes.
        """
        import tempfile

        if not self.wells:
            raise PlateMapError("The map is empty; select wells and say what they hold.")
        with tempfile.TemporaryDirectory(prefix="spheroid_qc_") as place:
            path = Path(place) / (name or "plate_map.csv")
            path.write_text(self.text(), "utf-8")
            return read_plate_map(path)

    def _step(self) -> None:
        self._past = [*self._past[-_MAX_UNDO_STEPS:], dict(self.wells)]
        self._future.clear()


def _can_be_read(wells: Mapping[Key, EditableWell]) -> bool:
    try:
        EditableMap(wells).check()
    except PlateMapError:
        return False
    return True


def _with_point(dose: str) -> str:
    """Write a dose with a decimal point, as the rest of the file that it stands in."""
    match = _DECIMAL_COMMA.fullmatch(dose.strip())
    return f"{match['whole'] or '0'}.{match['part']}" if match else dose


def _draft_of(well: MappedWell) -> EditableWell:
    extra = {name: getattr(well, name) for name in _TEXTS if getattr(well, name)}
    for name in ("dosed_at_h", "washout_at_h", "cells_seeded"):
        value = getattr(well, name)
        if value is not None:
            extra[name] = f"{value:.10g}"
    if well.control:
        extra["control_name"] = well.control
    drugs = tuple(_as_written(d) for d in well.drugs)
    return EditableWell(well.role, drugs, extra | well.extra)


def _as_written(dose: Dose) -> Treatment:
    """Give a drug in the unit of the file that it was read from."""
    if dose.molar_mass_g_mol is not None:  # a mass, which was made molar
        return Treatment(dose.drug, f"{dose.dose:.10g}", dose.unit)
    number, _, unit = shown_dose(dose).partition(" ")
    return Treatment(dose.drug, number, unit)


def _without_headings(rows: list[list[str]]) -> list[list[str]]:
    """Drop column numbers and row letters that were copied along."""
    numbers = [cell.strip() for cell in rows[0] if cell.strip()]
    if len(rows) > 1 and numbers and numbers == [str(n) for n in range(1, len(numbers) + 1)]:
        letters = [row[0].strip() for row in rows[1:] if row and row[0].strip()]
        if letters and all(parse_well(f"{letter}1") for letter in letters):
            return [row[1:] for row in rows[1:]]
    return rows


def _value(well: EditableWell, what: str) -> str:
    if what == "role":
        return well.role
    return getattr(well.drugs[0], what) if well.drugs else ""


def _with(well: EditableWell, what: str, value: str) -> EditableWell:
    if what == "role":
        return replace(well, role=value)
    first = well.drugs[0] if well.drugs else Treatment()
    return replace(well, drugs=(replace(first, **{what: value}), *well.drugs[1:]))
