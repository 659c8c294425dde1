"""Drugs and doses in one record of a plate map."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal

from spheroid_qc.plate_map.map_headings import Heading
from spheroid_qc.plate_map.map_records import MapProblems, Record, clean, is_missing
from spheroid_qc.plate_map.role_words import Control, control_of_drug
from spheroid_qc.tables.cells import Cell
from spheroid_qc.tables.dose_units import KNOWN_UNITS, Unit, looks_damaged, parse_unit
from spheroid_qc.tables.numbers import NumberFault, NumberStyle, parse_number

_AMOUNT = re.compile(
    r"(?P<number>[+\-\u2212]?[\d.,'\u2019 \u00a0\u2009\u202f]*\d[.,]?(?:[eE][+-]?\d+)?)"
    r"\s*(?P<unit>[^\d\s.,'\u2019+\-].*)?"
)
_WITH_DOSE = re.compile(
    r"(?P<drug>\S.*?)[\s(,@]+(?P<amount>\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?\s*(?P<unit>[^\d\s)]+))\)?"
)


@dataclass(frozen=True, slots=True)
class DrugDose:
    """One drug or control that a record names, with what is said about it."""

    drug: str
    place: str
    control: Control | None = None
    amount: Decimal | None = None
    unit: Unit | None = None
    dosed_at_h: float | None = None
    washout_at_h: float | None = None
    molar_mass_g_mol: float | None = None
    raw: str = ""


@dataclass(frozen=True)
class DrugColumns:
    """Cells of one record, by kind and number of the drug."""

    cells: dict[tuple[str, str], list[tuple[Heading, Cell]]] = field(default_factory=dict)

    @classmethod
    def of(cls, record: Record, numbered: bool) -> DrugColumns:
        """Sort the cells; without `numbered`, a column without number is that of the first drug."""
        cells: dict[tuple[str, str], list[tuple[Heading, Cell]]] = {}
        for heading, cell in record.cells:
            slot = heading.slot
            if not slot and heading.kind in ("drug", "dose", "molar_mass_g_mol") and not numbered:
                slot = "1"
            cells.setdefault((heading.kind, slot), []).append((heading, cell))
        return cls(cells)

    def names(self) -> list[str]:
        """Numbers of the drugs, in order."""
        slots = {slot for kind, slot in self.cells if kind in ("drug", "dose")}
        return sorted(slots, key=lambda slot: (slot == "n", slot.zfill(3)))

    def first(self, kind: str, *slots: str) -> tuple[Heading, Cell] | None:
        """Give the first cell with something in it among the given slots."""
        for slot in slots:
            for heading, cell in self.cells.get((kind, slot), []):
                if not is_missing(cell.text) or cell.cell_error:
                    return heading, cell
        return None


def numeric_text(cell: Cell) -> str:
    """Give the number of a cell without its unit; empty where a workbook stores a number."""
    if cell.cell_type == "number":
        return ""
    match = _AMOUNT.fullmatch(cell.text)
    return match["number"] if match else ""


def _trusted(cell: Cell, problems: MapProblems) -> bool:
    if cell.cell_error:
        problems.add(f"{cell.place} {cell.cell_error}.", "untrusted cells")
    return not cell.cell_error


def read_quantity(
    heading: Heading,
    cell: Cell,
    style: NumberStyle,
    problems: MapProblems,
    *,
    minimum: float | None,
) -> float | None:
    """Read a number that is no dose (hours, cells, g/mol), in the kind's own unit.

    Returns
    -------
    float or None
        None if there is none, or it is wrong and said so.
    """
    if not _trusted(cell, problems) or is_missing(cell.text):
        return None
    text = cell.text
    factor = heading.factor
    if heading.bad_unit:
        problems.add(
            f"{cell.place}: the unit {heading.bad_unit!r} is not known here; write h for hours.",
            "unknown units",
        )
        return None
    if cell.cell_type == "date":
        problems.add(
            f"{cell.place}: {text!r} is a date; write a number, for times the hours since the "
            "first image.",
            "dates for numbers",
        )
        return None
    if heading.kind in ("dosed_at_h", "washout_at_h"):
        match = re.fullmatch(r"(.*\d[.,]?)\s*(h|hrs?|hours?|d|days?)", text)
        if match:
            text = match[1]
            factor = 24.0 if match[2].startswith("d") else 1.0
    try:
        exact = parse_number(text, NumberStyle() if cell.cell_type == "number" else style)
        value = float(exact * Decimal(repr(factor)))
    except NumberFault as cell_error:
        problems.add(f"{cell.place}: {cell_error}.", "unreadable numbers")
        return None
    if value in (float("inf"), float("-inf")) or (minimum is not None and value <= minimum):
        problems.add(
            f"{cell.place}: {cell.text!r} can't be; write a number above 0.", "impossible numbers"
        )
        return None
    return value


def _unit_of_text(text: str, cell: Cell, problems: MapProblems) -> Unit | None:
    unit = parse_unit(text)
    if unit is None:
        why = (
            "its micro sign was damaged by a wrong encoding; write uM"
            if looks_damaged(text)
            else f"write {KNOWN_UNITS}"
        )
        problems.add(f"{cell.place}: the unit {text!r} is not known; {why}.", "unknown units")
    return unit


def _read_amount(
    cell: Cell, style: NumberStyle, problems: MapProblems
) -> tuple[Decimal | None, str]:
    """Read a dose and the unit text in the same cell."""
    if cell.cell_type == "date":
        problems.add(
            f"{cell.place}: {cell.text!r} is a date; a spreadsheet program has turned the dose "
            "into one. Write it as a number with a decimal point.",
            "dates for numbers",
        )
        return None, ""
    match = _AMOUNT.fullmatch(cell.text)
    number, unit = (match["number"].strip(), match["unit"] or "") if match else (cell.text, "")
    try:
        amount = parse_number(number, NumberStyle() if cell.cell_type == "number" else style)
    except NumberFault as cell_error:
        several = (
            "; give each drug of a combination its own line, or columns drug_2 and dose_2"
            if re.search(r"\d\s*[+&/]\s*\d", cell.text)
            else ""
        )
        problems.add(f"{cell.place}: the dose {cell_error}{several}.", "unreadable doses")
        return None, ""
    if amount < 0:
        problems.add(
            f"{cell.place}: the dose {cell.text} is negative; write 0 or a positive number.",
            "negative doses",
        )
        return None, ""
    if amount and not 1e-30 < amount < Decimal("1e30"):
        problems.add(
            f"{cell.place}: the dose {cell.text} is beyond all measure; correct it.",
            "impossible numbers",
        )
        return None, ""
    return amount, unit.strip()


def read_parts(
    slots: DrugColumns, style: NumberStyle, problems: MapProblems, place: str, has_drugs: bool
) -> list[DrugDose]:
    """Read all drugs of one record.

    Parameters
    ----------
    slots : DrugColumns
        Cells of the record.
    style : NumberStyle
        How the map writes numbers.
    problems : MapProblems
        Takes what is wrong.
    place : str
        Place of the record, for a drug that has no dose cell.
    has_drugs : bool
        Whether the map has a column of drugs at all.

    Returns
    -------
    list of DrugDose
        Also those of dose 0 and those that name a control.
    """
    parts: list[DrugDose] = []
    for slot in slots.names():
        parts.extend(_read_slot(slots, slot, style, problems, place, has_drugs))
    return parts


def _read_slot(
    slots: DrugColumns,
    slot: str,
    style: NumberStyle,
    problems: MapProblems,
    place: str,
    has_drugs: bool,
) -> list[DrugDose]:
    named = slots.first("drug", slot)
    drug = ""
    if named:
        cell = named[1]
        if not _trusted(cell, problems):
            return []
        drug = clean(cell.text)
        if drug.casefold() == "nan":
            drug = ""
        if drug and cell.cell_type == "date":
            problems.add(
                f"{cell.place}: {cell.text!r} is a date; a spreadsheet program has turned the "
                "drug's name into one. Write the name in a column formatted as text.",
                "drugs turned into dates",
            )
            return []
        place = cell.place
    whole = slots.first("dose", slot)
    if drug and whole is None and len(drug) < 300:
        several = _parts_of_text(drug, style, place)
        if several:
            return several
    amounts: list[tuple[Decimal, Unit | None, Cell]] = []
    for heading, cell in slots.cells.get(("dose", slot), []):
        if is_missing(cell.text) and not cell.cell_error:
            continue
        if not _trusted(cell, problems):
            return []
        amount, unit_text = _read_amount(cell, style, problems)
        if amount is None:
            return []
        unit, sound = _settle_unit(slots, slot, heading, cell, amount, unit_text, problems)
        if not sound:
            return []
        amounts.append((amount, unit, cell))
    times = [
        read_quantity(*found, style, problems, minimum=None) if found else None
        for found in (
            slots.first("dosed_at_h", slot, ""),
            slots.first("washout_at_h", slot, ""),
        )
    ]
    found = slots.first("molar_mass_g_mol", slot)
    mass = read_quantity(*found, style, problems, minimum=0.0) if found else None
    control = control_of_drug(drug) if drug else None
    if not amounts:
        return (
            [DrugDose(drug, place, control, None, None, times[0], times[1], mass)] if drug else []
        )
    amount, unit, cell = amounts[0]
    for other, other_unit, other_cell in amounts[1:]:
        if unit is None or other_unit is None:
            if other_unit is not None and amount == 0 == other:
                unit = other_unit
            continue
        same_unit = unit.name == other_unit.name
        ours, theirs = amount * unit.factor, other * other_unit.factor
        if same_unit and abs(ours - theirs) > Decimal("1e-6") * max(ours, theirs):
            problems.add(
                f"{other_cell.place}: the dose {other_cell.text} contradicts {cell.text} in column "
                f"{cell.column} ({cell.heading}); keep one of the two columns.",
                "contradicting doses",
            )
            return []
    raw = " ".join(part for part in (cell.text, unit.written if unit else "") if part)
    if not drug:
        if amount > 0:
            missing = (
                "write the drug's name in the same line"
                if has_drugs
                else "add a column drug with the name of the drug"
            )
            problems.add(
                f"{cell.place}: the dose {cell.text} has no drug; {missing}, or leave the dose "
                "empty.",
                "doses without drug",
            )
            return []
        return [DrugDose("", cell.place, None, amount, unit, times[0], times[1], mass, raw)]
    if control is not None and control.solvent and amount > 0:
        control = None
    needs_unit = amount > 0 and (control is None)
    if needs_unit and unit is None:
        heading_text = cell.heading or "dose"
        problems.add(
            f"{cell.place}: the dose {cell.text} of {drug} has no unit; write the unit into the "
            f"heading, such as {heading_text}_uM, or add a column unit ({KNOWN_UNITS}).",
            "doses without unit",
        )
        return []
    return [DrugDose(drug, place, control, amount, unit, times[0], times[1], mass, raw)]


def _settle_unit(
    slots: DrugColumns,
    slot: str,
    heading: Heading,
    cell: Cell,
    amount: Decimal,
    in_cell: str,
    problems: MapProblems,
) -> tuple[Unit | None, bool]:
    """Bring together the units of cell, unit column and heading; (unit, whether it is sound)."""
    stated: list[tuple[Unit, str]] = []
    if in_cell:
        unit = _unit_of_text(in_cell, cell, problems)
        if unit is None:
            return None, False
        stated.append((unit, cell.place))
    if heading.bad_unit:
        _unit_of_text(heading.bad_unit, cell, problems)
        return None, False
    if heading.unit is not None:
        stated.append((heading.unit, cell.place))
    # A unit column beside `dose` and `dose_um` belongs to the column that states no unit.
    elsewhere = heading.unit is not None and _has_bare(slots, slot)
    column = None if elsewhere else slots.first("unit", slot, "")
    if column:
        unit_cell = column[1]
        if not _trusted(unit_cell, problems):
            return None, False
        unit = _unit_of_text(unit_cell.text, unit_cell, problems)
        if unit is None:
            return None, False
        stated.append((unit, unit_cell.place))
    if not stated:
        return None, True
    first = stated[0][0]
    for unit, place in stated[1:]:
        if (unit.name, unit.factor) != (first.name, first.factor) and amount != 0:
            problems.add(
                f"{place}: two units for one dose, {first.written} and {unit.written}; write one.",
                "two units",
            )
            return None, False
    return first, True


def _has_bare(slots: DrugColumns, slot: str) -> bool:
    """Tell whether the same drug has a dose column without unit, which the unit column is for."""
    return any(heading.unit is None for heading, _ in slots.cells.get(("dose", slot), []))


def _parts_of_text(text: str, style: NumberStyle, place: str) -> list[DrugDose]:
    """Read `selinexor 1 uM + gemcitabine 10 nM` in a column of treatments without doses."""
    parts = []
    for piece in re.split(r"\s+[+&/]\s+", text):
        match = _WITH_DOSE.fullmatch(piece.strip())
        unit = parse_unit(match["unit"]) if match else None
        if match is None or unit is None:
            return []
        written = _AMOUNT.fullmatch(match["amount"])
        try:
            amount = parse_number(written["number"].strip(), style) if written else None
        except NumberFault:
            return []
        name = clean(match["drug"])
        parts.append(
            DrugDose(name, place, control_of_drug(name), amount, unit, raw=match["amount"])
        )
    return parts
