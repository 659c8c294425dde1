"""Records of a plate map, whatever its form, and the list of its mistakes.

The long form, stacked grids and layouts with treatment tables all become records: a plate, a
well, and the cells that say something about it, each with its place.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field

from spheroid_qc.errors import PlateMapError
from spheroid_qc.plate_map.map_headings import Heading, is_placeholder
from spheroid_qc.tables.cells import Cell
from spheroid_qc.wells import PLATE_FORMATS, Well, fits, parse_well, well_name

_MISSING = frozenset(
    {"", "-", "--", "\u2013", "\u2014", ".", "na", "n/a", "n.a.", "none", "null", "nil", "<na>"}
)
_MONTHS = (
    r"(?:jan|feb|mar|m\u00e4r|mrz|apr|may|mai|jun|jul|aug|sep|sept|oct|okt|nov|dec|dez)[a-z]*\.?"
)
_DATE = re.compile(
    rf"\d{{1,2}}[-. /]+{_MONTHS}(?:[-. /]*\d{{2,4}})?|{_MONTHS}[-. /]*\d{{1,4}}"
    r"|\d{1,2}[./]\d{1,2}[./]?(?:\d{2,4})?|\d{4}-\d{2}-\d{2}.*",
    re.IGNORECASE,
)
_SCIENTIFIC = re.compile(r"([+-]?\d+(?:[.,]\d+)?)[eE]([+-]?\d+)")


@dataclass(frozen=True, slots=True)
class Record:
    """What one line (or one place of all grids) says about one well."""

    place: str
    plate: str | None
    well: str
    cells: tuple[tuple[Heading, Cell], ...]
    line: int = 0


@dataclass
class MapProblems:
    """Mistakes of one map, collected so that all of them are mended in one go."""

    alike: int = 5
    maximum: int = 40
    _found: list[tuple[str, str]] = field(default_factory=list)

    def add(self, sentence: str, kind: str = "") -> None:
        """Take one finished sentence; of one kind only the first few are shown in full."""
        if len(sentence) > 900:
            sentence = f"{sentence[:500]} ... {sentence[-300:]}"
        if (kind, sentence) not in self._found:
            self._found.append((kind, sentence))

    def has(self, *kinds: str) -> bool:
        """Tell whether mistakes of one of these kinds were found."""
        return any(kind in kinds for kind, _ in self._found)

    def __bool__(self) -> bool:
        return bool(self._found)

    def sentences(self) -> list[str]:
        """Give the sentences to show, by file and line, with what was left off in numbers."""
        files: dict[str, int] = {}
        for _, sentence in self._found:
            files.setdefault(sentence.partition(", line ")[0], len(files))

        def order(found: tuple[str, str]) -> tuple[int, int]:
            file, _, rest = found[1].partition(", line ")
            line = re.match(r"\d+", rest)
            return files[file], int(line[0]) if line else 0

        self._found.sort(key=order)
        totals = Counter(kind for kind, _ in self._found)
        shown: Counter[str] = Counter()
        sentences = []
        for kind, sentence in self._found:
            shown[kind] += 1
            if kind and totals[kind] > self.alike + 1:
                if shown[kind] == self.alike + 1:
                    sentences.append(
                        f"{totals[kind] - self.alike} more mistakes are of the same kind ({kind})."
                    )
                if shown[kind] > self.alike:
                    continue
            sentences.append(sentence)
        if len(sentences) > self.maximum:
            left = len(sentences) - self.maximum
            sentences = [*sentences[: self.maximum], f"{left} more mistakes are not listed."]
        return sentences

    def raise_if_any(self) -> None:
        """Refuse the map if anything was found."""
        if self._found:
            raise PlateMapError(self.sentences())


def is_missing(text: str) -> bool:
    """Tell whether a cell says that there is nothing."""
    return text.casefold() in _MISSING or is_placeholder(text)


def counted(count: int, noun: str = "well") -> str:
    """Write a number and its noun: `1 well`, `2 wells`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def some_of(wells: list[str], maximum: int = 8) -> str:
    """Name the first few wells, each once, and count the rest."""
    wells = list(dict.fromkeys(wells))
    shown = ", ".join(wells[:maximum])
    return f"{shown} and {len(wells) - maximum} more" if len(wells) > maximum else shown


def clean(text: str) -> str:
    """Single spaces, plain hyphens, composed letters; empty for the spellings of nothing."""
    if is_missing(text):
        return ""
    plain = re.sub("[\u2010\u2011]", "-", unicodedata.normalize("NFC", text))
    return " ".join(plain.split())


def read_well(cell: Cell, problems: MapProblems, well_count: int | None = None) -> str | None:
    """Read a well, or say what is wrong with it and what to write.

    Parameters
    ----------
    cell : Cell
        Cell of a column of wells.
    problems : MapProblems
        Takes the sentence.
    well_count : int, optional
        Wells of the plate; a well outside is refused.

    Returns
    -------
    str or None
        Canonical name.
    """
    text = cell.text.lstrip("'").strip()
    if cell.cell_error:
        problems.add(f"{cell.place} {cell.cell_error}.", "untrusted cells")
        return None
    if not text:
        problems.add(
            f"{cell.place}: the well is missing; write a name such as A01, or delete the line.",
            "missing wells",
        )
        return None
    if cell.cell_type == "date" or _DATE.fullmatch(text):
        problems.add(
            f"{cell.place}: {text!r} is a date; a spreadsheet program has turned the well into "
            "one. Write row letter and column number, such as B01, in a column formatted as text.",
            "wells turned into dates",
        )
        return None
    scientific = _SCIENTIFIC.fullmatch(text)
    if cell.cell_type == "number" or scientific or re.fullmatch(r"[+-]?\d+(?:[.,]\d+)?", text):
        problems.add(_number_sentence(cell, text), "wells turned into numbers")
        return None
    well = parse_well(text)
    if well is None:
        hint = ""
        if re.search(r"[A-Za-z]\s*\d+\s*[-:,;/+ ]+\s*[A-Za-z]?\d+", text):
            hint = " (one well a line, no ranges)"
        problems.add(
            f"{cell.place}: {text!r} is not a well; write row letter and column number, such as "
            f"A01 or P24{hint}.",
            "unknown wells",
        )
        return None
    return within_plate(cell, well, problems, well_count)


def _number_sentence(cell: Cell, text: str) -> str:
    guess = ""
    scientific = _SCIENTIFIC.fullmatch(text)
    if scientific:
        exponent = int(scientific[2])
        if 1 <= exponent <= 48:
            guess = f"E{exponent:02d}"
    else:
        digits = re.fullmatch(r"([1-9]\d??)(0{2,48})(?:[.,]0*)?", text)
        if digits:
            guess = f"E{len(digits[2]):02d}"
    if guess:
        return (
            f"{cell.place}: {text!r} is a number; a spreadsheet program reads names such as "
            f"1{guess} as one. Write the well as {guess} if that is meant, in a column formatted "
            "as text, and the plate in a column of its own."
        )
    return (
        f"{cell.place}: {text!r} is a number, not a well; write row letter and column number, "
        "such as A01, in a column formatted as text."
    )


def well_of_row_and_column(
    row: Cell, column: Cell, problems: MapProblems, well_count: int | None = None
) -> str | None:
    """Read a well from a row (letters, or a number from 1) and a column number."""
    for cell in (row, column):
        if cell.cell_error:
            problems.add(f"{cell.place} {cell.cell_error}.", "untrusted cells")
            return None
    row_text, column_text = (re.sub(r"\.0+$", "", cell.text) for cell in (row, column))
    if row_text.isdigit() and 1 <= int(row_text) <= 32:
        row_text = well_name(int(row_text) - 1, 0)[:-2]
    well = parse_well(row_text + column_text) if column_text.isdigit() else None
    if well is None or not row_text.isalpha():
        bad = row if not (row_text.isalpha() and parse_well(row_text + "1")) else column
        problems.add(
            f"{bad.place}: row {row.text!r} and column {column.text!r} are not a well; write a row "
            "letter such as A and a column number such as 1.",
            "unknown wells",
        )
        return None
    return within_plate(row, well, problems, well_count)


def within_plate(
    cell: Cell, well: Well, problems: MapProblems, well_count: int | None
) -> str | None:
    """Give the well's name if the plate has it, else say so."""
    if well_count is not None and not fits(well, well_count):
        rows, columns = PLATE_FORMATS[well_count]
        problems.add(
            f"{cell.place}: {well.name} is not a well of a {well_count}-well plate, which ends at "
            f"{well_name(rows - 1, columns - 1)}; correct it, or set the number of wells.",
            "unknown wells",
        )
        return None
    return well.name
