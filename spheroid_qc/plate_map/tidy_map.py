"""The middle form of every plate map: a long table of cells with their places.

Long maps, stacked grids and layouts with treatment tables all become this, and are checked and
read from here on in one way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from spheroid_qc.tables.located_cells import Cell, Table
from spheroid_qc.tables.match_headings import Heading
from spheroid_qc.tables.parse_cells import is_missing

# Columns that a plate map keeps under their own names: what they mean elsewhere is not theirs.
_KEPT_AS_THEY_ARE = frozenset({"time_h", "date", "block"})


def of_maps(heading: Heading) -> Heading:
    """Give a heading as it is meant in a table of wells without times."""
    return replace(heading, kind="extra") if heading.kind in _KEPT_AS_THEY_ARE else heading


@dataclass(frozen=True, slots=True)
class WellCells:
    """What one line (or one place of all grids) says about one well.

    `place` is where it stands, for messages, `line` the line of the file. `plate` is None where the
    map names no plates; `cells` are in the order of columns.
    """

    place: str
    plate: str | None
    well: str
    cells: tuple[tuple[Heading, Cell], ...]
    line: int = 0

    @property
    def name(self) -> str:
        """What messages call it: the well, or the line where a table has no wells."""
        return f"well {self.well}" if self.well else f"line {self.line}"

    @property
    def plate_well(self) -> tuple[str | None, str]:
        """Plate and well."""
        return self.plate, self.well

    def first(self, kind: str, *slots: str) -> tuple[Heading, Cell] | None:
        """Give the first cell of a kind with something in it, by the drugs' numbers."""
        for slot in slots or ("",):
            for heading, cell in self.cells:
                named = heading.kind == kind and heading.slot == slot
                if named and (cell.cell_error or not is_missing(cell.text)):
                    return heading, cell
        return None


@dataclass(frozen=True)
class TidyMap:
    """A map in the middle form.

    `rows` are in the file's order, and a well may have several; `headings` are the columns without
    those of plate and well.
    """

    rows: list[WellCells]
    headings: list[Heading]
    tables: list[Table]

    @property
    def kinds(self) -> set[str]:
        """Kinds of columns."""
        return {heading.kind for heading in self.headings}
