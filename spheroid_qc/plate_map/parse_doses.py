"""Drugs and doses in one row of a plate map."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal

from spheroid_qc.plate_map.tidy_map import WellCells
from spheroid_qc.tables.control_roles import Control, control_of_drug
from spheroid_qc.tables.dose_units import KNOWN_UNITS, Unit, looks_damaged, parse_unit
from spheroid_qc.tables.located_cells import Cell
from spheroid_qc.tables.match_headings import Heading
from spheroid_qc.tables.parse_cells import amount_and_unit, cell_number, clean, is_missing
from spheroid_qc.tables.parse_numbers import NumberError, NumberStyle, parse_number
from spheroid_qc.tables.parse_times import is_date
from spheroid_qc.tables.table_messages import TableMessages
from spheroid_qc.tables.treatment_text import parts_of_treatment

_DILUTION = re.compile(r"1\s*[:/]\s*\d+(?:[.,]\d+)?")
_WATER = re.compile(r"(?i)water|h2o|wasser|d?pbs|saline")
# More of a solvent (per cent) than this is no vehicle.
_MOST_SOLVENT = 10
_ONE_MOLAR_UM = 1_000_000


# `gem+sel`: several names of two letters and more.
_SEVERAL = re.compile(r"[^\W\d_][^+]+(?:\s*\+\s*[^\W\d_][^+]+)+")


@dataclass(frozen=True, slots=True)
class DrugDose:
    """One drug or control that a row names, with what is said about it.

    The amount is None where no dose is written, and 0 where there is none of the drug.
    """

    drug: str
    place: str
    control: Control | None = None
    amount: Decimal | None = None
    unit: Unit | None = None
    dosed_at_h: float | None = None
    washout_at_h: float | None = None
    molar_mass_g_mol: float | None = None
    raw: str = ""

    @property
    def written(self) -> str:
        """Drug and dose as written."""
        return f"{self.drug} {self.raw}".strip()


class _CellError(Exception):
    """A cell is wrong, and that has become a problem of the map."""


@dataclass(frozen=True)
class DoseReader:
    """Reads drugs, doses and other amounts from the rows of one map.

    `messages` takes what is wrong; `has_drugs`: the map has a column of drugs at all. `dose_scale`:
    `log10` where the user says that doses are logarithms.
    """

    style: NumberStyle
    messages: TableMessages
    has_drugs: bool
    dose_scale: str = ""
    _nameless: dict[str, Decimal] = field(default_factory=dict, compare=False, repr=False)

    def doses(self, row: WellCells) -> list[DrugDose]:
        """Read all drugs of one row, also those of dose 0 and those that name a control."""
        slots = {heading.slot for heading, _ in row.cells if heading.kind in ("drug", "dose")}
        doses: list[DrugDose] = []
        for slot in sorted(slots, key=lambda slot: (slot == "n", slot.zfill(3))):
            try:
                doses += self._drug(row, slot)
            except _CellError:
                continue
        return doses

    def quantity(self, heading: Heading, cell: Cell, *, minimum: float | None) -> float | None:
        """Read a number that is no dose (hours, cells, g/mol), in the kind's own unit.

        None if there is none, or if it is wrong and a problem.
        """
        if self.messages.untrusted(cell) or is_missing(cell.text):
            return None
        text = cell.text
        factor = heading.factor
        if heading.bad_unit:
            self.messages.problem(
                f"{cell.place}: the unit {heading.bad_unit!r} is not known here; write h for "
                "hours.",
                "unknown units",
                once=f"unit {heading.written}",
            )
            return None
        if cell.cell_type == "date" or is_date(text):
            self.messages.problem(
                f"{cell.place}: {text!r} is a date; write a number, for times the hours since the "
                "first image.",
                "dates for numbers",
                once=f"date {heading.written}",
            )
            return None
        if heading.kind in ("dosed_at_h", "washout_at_h"):
            match = re.fullmatch(r"(.*\d[.,]?)\s*(h|hrs?|hours?|d|days?)", text)
            if match:
                text = match[1]
                factor = 24.0 if match[2].startswith("d") else 1.0
        try:
            value = float(cell_number(cell, self.style, text) * Decimal(repr(factor)))
        except NumberError as error:
            self.messages.problem(f"{cell.place}: {error}.", "unreadable numbers")
            return None
        if value in (float("inf"), float("-inf")) or (minimum is not None and value <= minimum):
            self.messages.problem(
                f"{cell.place}: {cell.text!r} can't be; write a number above 0.",
                "impossible numbers",
            )
            return None
        return value

    def _refuse(self, sentence: str, kind: str, once: str = "") -> _CellError:
        self.messages.problem(sentence, kind, once)
        return _CellError(sentence)

    def _trust(self, cell: Cell) -> Cell:
        if self.messages.untrusted(cell):
            raise _CellError(cell.place)
        return cell

    def _drug(self, row: WellCells, slot: str) -> list[DrugDose]:
        """Read the drug of one number, with its dose, unit, times and molar mass."""
        drug, place = "", row.place
        named = row.first("drug", slot)
        if named:
            cell = self._trust(named[1])
            drug = clean(cell.text)
            drug = "" if drug.casefold() == "nan" else drug
            if drug and cell.cell_type == "date":
                raise self._refuse(
                    f"{cell.place}: {cell.text!r} is a date; a spreadsheet program has turned the "
                    "drug's name into one. Write the name in a column formatted as text.",
                    "drugs turned into dates",
                )
            place = cell.place
        dose_cell = row.first("dose", slot)
        stated = self._treatment(drug, place, alone=dose_cell is None) if drug else []
        if stated and dose_cell is None:
            return stated
        amounts = [
            (*self._amount(row, slot, heading, cell), cell)
            for heading, cell in row.cells
            if (heading.kind, heading.slot) == ("dose", slot)
            if not is_missing(cell.text) or cell.cell_error
        ]
        dosed_at, washout_at = (
            self.quantity(*found, minimum=None) if found else None
            for found in (row.first(kind, slot, "") for kind in ("dosed_at_h", "washout_at_h"))
        )
        found = row.first("molar_mass_g_mol", slot)
        mass = self.quantity(*found, minimum=0.0) if found else None
        if not amounts:
            control = control_of_drug(drug) if drug else None
            return (
                [DrugDose(drug, place, control, None, None, dosed_at, washout_at, mass)]
                if drug
                else []
            )
        amount, unit, cell = self._agreed(amounts)
        logarithmic = self.dose_scale or "log" in cell.heading.casefold()
        molar = logarithmic and unit is not None and unit.kind == "molar"
        molar = molar and control_of_drug(drug) is None
        if molar and unit is not None and amount * unit.factor >= _ONE_MOLAR_UM:
            raise self._refuse(
                f"{cell.place}: the logarithm {cell.text} is a dose of 1 M or more, which can't "
                "be; leave the cell empty if there is no drug.",
                "impossible logarithms",
            )
        if stated and amount > 0:
            drug = self._named_once(drug, stated, amount, unit, cell)
        control = self._dosed_control(drug, amount, unit, place)
        raw = " ".join(part for part in (cell.text, unit.written if unit else "") if part)
        if not drug:
            if amount > 0:
                missing = (
                    "write the drug's name in the same line"
                    if self.has_drugs
                    else "add a column drug with the name of the drug"
                )
                raise self._refuse(
                    f"{cell.place}: the dose {cell.text} has no drug; {missing}, or leave the dose "
                    "empty.",
                    "doses without drug",
                )
            place = cell.place
        if amount > 0 and control is None and _SEVERAL.fullmatch(drug):
            raise self._refuse(
                f"{place}: {drug!r} stands with one dose, which may be that of each drug or of all "
                "together; write drug_1, dose_1, drug_2 and dose_2, or call a fixed mixture by one "
                "name without +.",
                "combinations as one drug",
            )
        if amount > 0 and control is None and unit is None:
            raise self._refuse(
                f"{cell.place}: the dose {cell.text} of {drug} has no unit; write the unit into "
                f"the heading, such as {cell.heading or 'dose'}_uM, or add a column unit "
                f"({KNOWN_UNITS}).",
                "doses without unit",
                once=f"no unit {cell.table.title} {cell.column}" if cell.heading else "",
            )
        return [DrugDose(drug, place, control, amount, unit, dosed_at, washout_at, mass, raw)]

    def _named_once(
        self, drug: str, stated: list[DrugDose], amount: Decimal, unit: Unit | None, cell: Cell
    ) -> str:
        """Give the drug's name without the dose that stands in it and in the column of doses."""
        (same, *more) = stated
        if not more and same.amount is not None and same.unit is not None and unit is not None:
            named, written = same.amount * same.unit.factor, amount * unit.factor
            if same.unit.name == unit.name and abs(named - written) <= Decimal("1e-6") * written:
                return same.drug
        raise self._refuse(
            f"{cell.place}: the name {drug!r} states a dose, and the dose is {cell.text}; write "
            "the drug's name alone, and its dose once.",
            "contradicting doses",
        )

    def _treatment(self, text: str, place: str, *, alone: bool) -> list[DrugDose]:
        """Read `selinexor 1 uM + gemcitabine 10 nM` in a column of treatments.

        Empty where the text states no amount, or can't be read in full beside a dose of its own;
        `alone`: there is no such dose, and what can't be read in full is refused.
        """
        if control_of_drug(text) is not None:
            return []  # `DMSO 0.1 %`, `DMSO, final 0.1%`: a control's name, with its share
        parts = parts_of_treatment(text)
        if not parts:
            if parts is None and alone:
                raise self._refuse(
                    f"{place}: {text!r} can't be read in full as drugs with their doses; write "
                    "each drug with one dose and nothing else, such as gemcitabine 10 nM + "
                    "selinexor 1 uM, and times, cell lines or culture conditions in columns of "
                    "their own.",
                    "unreadable treatments",
                )
            return []
        doses = []
        for part in parts:
            try:
                solvent = part.unit.kind == "share" and control_of_drug(part.name) is not None
                number = part.number.replace(",", ".") if solvent else part.number
                amount = parse_number(number, NumberStyle() if solvent else self.style)
            except NumberError as error:
                if not alone:
                    return []
                raise self._refuse(
                    f"{place}: the dose of {part.name} {error}.", "unreadable doses"
                ) from None
            control = self._dosed_control(part.name, amount, part.unit, place)
            if part.unit.kind == "share":
                control = control_of_drug(part.name)
            if control and control.name and amount and part.unit.kind not in ("share", "molar"):
                raise self._refuse(
                    f"{place}: {text!r} names a control with a dose of {part.raw}; write what the "
                    "well holds besides it as a drug of its own.",
                    "controls with a dose",
                )
            doses.append(DrugDose(part.name, place, control, amount, part.unit, raw=part.raw))
        return doses

    def _dosed_control(
        self, drug: str, amount: Decimal, unit: Unit | None, place: str
    ) -> Control | None:
        """Give the control that a name with a dose is; None where a solvent is given as a drug.

        Refuses names that may be either: two letters (`PC`, `NC`) with a dose, water or a buffer
        with a concentration, and so much of a solvent that it is no vehicle.
        """
        control = control_of_drug(drug) if drug else None
        if control is None or amount <= 0:
            return control
        share = unit is not None and unit.kind == "share"
        if share and control.role == "vehicle" and amount > _MOST_SOLVENT:
            raise self._refuse(
                f"{place}: {amount:f} % of {drug} is more than a vehicle's; correct the dose, or "
                "write the role (treated, positive_control) if it is meant to kill.",
                "controls with a dose",
            )
        if share or unit is None:
            return None if control.solvent else control
        short = len(drug.strip()) <= 2
        if short or control.ambiguous or (control.solvent and _WATER.fullmatch(drug.strip())):
            meant = "a control, or the short name of a drug" if short else "a control, or a drug"
            raise self._refuse(
                f"{place}: {drug!r} with a dose may be {meant}; leave the dose of a control empty, "
                "or write a drug's full name.",
                "controls with a dose",
                once=f"dosed control {drug.casefold()}",
            )
        if control.role == "positive_control" and not control.name:
            first = self._nameless.setdefault(drug.casefold(), amount * unit.factor)
            if first != amount * unit.factor:
                raise self._refuse(
                    f"{place}: {drug!r} stands with several doses, as a drug does; write the "
                    "drug's name, and positive_control into a column role.",
                    "controls with a dose",
                    once=f"dosed control {drug.casefold()}",
                )
        return None if control.solvent else control

    def _amount(
        self, row: WellCells, slot: str, heading: Heading, cell: Cell
    ) -> tuple[Decimal, Unit | None]:
        """Read a dose and its unit, as the cell, a column of units or the heading states it."""
        self._trust(cell)
        if cell.cell_type == "date":
            raise self._refuse(
                f"{cell.place}: {cell.text!r} is a date; a spreadsheet program has turned the dose "
                "into one. Write it as a number with a decimal point.",
                "dates for numbers",
            )
        if _DILUTION.fullmatch(cell.text.strip()):
            raise self._refuse(
                f"{cell.place}: {cell.text!r} is a dilution, no dose; write the concentration in "
                f"the well with its unit ({KNOWN_UNITS}).",
                "dilutions",
            )
        number, unit = amount_and_unit(cell.text)
        try:
            amount = cell_number(cell, self.style, number or cell.text)
        except NumberError as error:
            several = (
                "; give each drug of a combination its own line, or columns drug_2 and dose_2"
                if re.search(r"\d\s*[+&/]\s*\d", cell.text)
                else ""
            )
            raise self._refuse(
                f"{cell.place}: the dose {error}{several}.", "unreadable doses"
            ) from None
        amount = self._linear(heading, cell, amount)
        if amount < 0:
            raise self._refuse(
                f"{cell.place}: the dose {cell.text} is negative; write 0 or a positive number; if "
                "these are logarithms, write log10 into the heading, such as log10 conc (M), or "
                "say --dose-scale log10 to inspect or analyse.",
                "negative doses",
            )
        if amount and not 1e-30 < amount < Decimal("1e30"):
            raise self._refuse(
                f"{cell.place}: the dose {cell.text} is beyond all measure; correct it.",
                "impossible numbers",
            )
        stated = [(self._unit(unit, cell), cell.place)] if unit else []
        if heading.bad_unit:
            self._unit(heading.bad_unit, cell, once=f"unit {heading.written}")
        if heading.unit is not None:
            stated.append((heading.unit, cell.place))
        column = row.first("unit", slot, "")
        # A unit column beside `dose` and `dose_um` belongs to the column that states no unit.
        if column and not (heading.unit is not None and _has_bare_dose(row, slot)):
            unit_cell = self._trust(column[1])
            stated.append((self._unit(unit_cell.text, unit_cell), unit_cell.place))
        for other, place in stated[1:]:
            first = stated[0][0]
            if (other.name, other.factor) != (first.name, first.factor) and amount != 0:
                raise self._refuse(
                    f"{place}: two units for one dose, {first.written} and {other.written}; write "
                    "one.",
                    "two units",
                    once=f"two units {cell.column} {first.written} {other.written}",
                )
        return amount, stated[0][0] if stated else None

    def _linear(self, heading: Heading, cell: Cell, amount: Decimal) -> Decimal:
        """Give the dose of a column of logarithms."""
        scale = heading.scale
        if not scale and self.dose_scale != "log10":
            return amount
        if scale == "log10" or (scale in ("", "log") and self.dose_scale == "log10"):
            if abs(amount) > 30:
                raise self._refuse(
                    f"{cell.place}: the logarithm {cell.text} is beyond all measure; correct it.",
                    "impossible numbers",
                )
            self.messages.note_once(
                f"Doses of {heading.written} are read as decimal logarithms: {cell.text} is "
                f"{float(10**amount):.3g}."
            )
            return Decimal(f"{10**amount:.12g}")
        raise self._refuse(
            f"{cell.place}: the column {heading.written} holds logarithms of another base, or of "
            "none that is stated; write log10 into the heading if they are decimal, such as "
            "log10 conc (M), or say --dose-scale log10 to inspect or analyse; or write the doses "
            "themselves.",
            "logarithms",
            once=f"logarithms {heading.written}",
        )

    def _unit(self, text: str, cell: Cell, once: str = "") -> Unit:
        unit = parse_unit(text)
        if unit is None:
            advice = (
                "its micro sign was damaged by a wrong encoding; write uM"
                if looks_damaged(text)
                else f"write {KNOWN_UNITS}"
            )
            raise self._refuse(
                f"{cell.place}: the unit {text!r} is not known; {advice}.",
                "unknown units",
                once=once,
            )
        return unit

    def _agreed(
        self, amounts: list[tuple[Decimal, Unit | None, Cell]]
    ) -> tuple[Decimal, Unit | None, Cell]:
        """Give the first of a drug's doses; others in the same unit must be the same."""
        molar = [one for one in amounts if one[1] is not None and one[1].kind == "molar"]
        amount, unit, cell = (molar or amounts)[0]
        for other, other_unit, other_cell in amounts:
            if unit is None or other_unit is None:
                if other_unit is not None and amount == 0 == other:
                    unit = other_unit
                continue
            ours, theirs = amount * unit.factor, other * other_unit.factor
            if unit.name == other_unit.name and abs(ours - theirs) > Decimal("1e-6") * max(
                ours, theirs
            ):
                raise self._refuse(
                    f"{other_cell.place}: the dose {other_cell.text} contradicts {cell.text} in "
                    f"column {cell.column} ({cell.heading}); keep one of the two columns.",
                    "contradicting doses",
                )
        return amount, unit, cell


def _has_bare_dose(row: WellCells, slot: str) -> bool:
    """Tell whether the same drug has a dose column without unit, which the unit column is for."""
    return any(
        heading.unit is None
        for heading, _ in row.cells
        if (heading.kind, heading.slot) == ("dose", slot)
    )
