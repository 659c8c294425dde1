"""From rows to wells: combinations, roles, and everything that contradicts itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from spheroid_qc.plate_map.mapped_wells import TEXTS
from spheroid_qc.plate_map.parse_doses import DoseReader, DrugDose
from spheroid_qc.plate_map.tidy_map import TidyMap, WellCells
from spheroid_qc.tables.control_roles import read_control_flag, read_role, role_name
from spheroid_qc.tables.located_cells import Cell, Table
from spheroid_qc.tables.match_headings import Heading
from spheroid_qc.tables.parse_cells import clean, is_missing, numeric_text
from spheroid_qc.tables.parse_numbers import NumberStyle, style_of
from spheroid_qc.tables.table_messages import TableMessages
from spheroid_qc.tables.treatment_text import name_beside_name, numbers_of_treatment
from spheroid_qc.wording import listed, plural

_TIMES = ("dosed_at_h", "washout_at_h")
_NUMERIC = ("dose", *_TIMES, "cells_seeded", "molar_mass_g_mol")


def read_wells(
    tidy: TidyMap, messages: TableMessages, dose_scale: str = ""
) -> tuple[list[WellBuilder], list[str]]:
    """Join the rows of each well and refuse what contradicts itself.

    `dose_scale` is `log10` where the user says that doses are logarithms. Wells are in order of
    first appearance, the names of all drugs as they appear.
    """
    style = _number_style(tidy, messages)
    reader = DoseReader(style, messages, "drug" in tidy.kinds, dose_scale)
    wells: dict[tuple[str | None, str], WellBuilder] = {}
    drugs: list[str] = []
    for row in with_numbered_drugs(tidy):
        doses = reader.doses(row)
        well = wells.get(row.plate_well)
        if well is None:
            well = wells[row.plate_well] = WellBuilder(row, reader, drugs)
        elif not well.may_add(row, doses):
            continue
        well.add(row, doses)
    if "dose" not in tidy.kinds:
        refuse_names_in_names(drugs, tidy.tables[0], messages)
    several = [well.well for well in wells.values() if well.n_rows > 1]
    if several:
        messages.notes.append(
            f"{plural(len(several), 'well')} with several lines, each line one drug of a "
            f"combination: {some_wells(several)}."
        )
    return list(wells.values()), drugs


def refuse_names_in_names(drugs: Iterable[str], table: Table, messages: TableMessages) -> None:
    """Ask about drugs of treatments written out, of which one's name is part of another's."""
    beside = name_beside_name(drugs)
    if beside is not None:
        messages.problem(
            f"{table.title}: {beside[0]!r} and {beside[1]!r} would be two drugs, though their "
            "names share words; write a cell line, a gene or a medium in a column of its own, or "
            "join the words of one name by a hyphen.",
            "names in names",
        )


def some_wells(names: list[str]) -> str:
    """Name the first few wells, each once, and count the rest."""
    return listed(dict.fromkeys(names), 8)


def _number_style(tidy: TidyMap, messages: TableMessages) -> NumberStyle:
    """Decide how the map writes numbers, and say so where commas are decimal."""
    cells = {
        (id(cell.table), cell.line, cell.column): (heading, cell)
        for row in tidy.rows
        for heading, cell in row.cells
        if heading.kind in (*_NUMERIC, "drug")
    }
    columns: dict[Heading, list[str]] = {}
    for heading, cell in cells.values():
        numbers = (
            numbers_of_treatment(cell.text) if heading.kind == "drug" else [numeric_text(cell)]
        )
        columns.setdefault(heading, []).extend(numbers)
    separators = (cell.table.separator for _, cell in cells.values())
    style = style_of(columns.values(), next(filter(None, separators), ""))
    if style.mark == ",":
        messages.notes.append("Numbers are written with decimal commas.")
    return style


def with_numbered_drugs(tidy: TidyMap) -> list[WellCells]:
    """Take columns without number for those of the first drug, where there is no `drug_1` too."""
    if {"", "1"} <= {heading.slot for heading in tidy.headings if heading.kind == "drug"}:
        return tidy.rows

    def numbered(heading: Heading) -> Heading:
        first = heading.kind in ("drug", "dose", "molar_mass_g_mol") and not heading.slot
        return replace(heading, slot="1") if first else heading

    names = {heading: numbered(heading) for heading in tidy.headings}
    return [
        replace(row, cells=tuple((names[heading], cell) for heading, cell in row.cells))
        for row in tidy.rows
    ]


def _content_of(doses: list[DrugDose]) -> tuple[str, str]:
    """Give the vehicle that a line states and nothing besides, and the drugs that it doses."""
    dosed = [dose for dose in doses if dose.control is None and dose.amount]
    vehicles = [
        dose.drug
        for dose in doses
        if dose.control is not None and dose.control.role == "vehicle" and not dose.amount
    ]
    return (
        vehicles[0] if vehicles and not dosed else "",
        " + ".join(dose.written for dose in dosed),
    )


@dataclass
class WellBuilder:
    """One well, while its rows are joined.

    `all_drugs` takes the names of drugs, for all wells of the map. `rows` has the line of the file
    and what it names. `doses` are drugs that are no control, also those of dose 0 and those without
    a dose; `named` is everything named in place of a drug, lower-case name to the name as written.
    `role` is as a column of roles states it, `implied_role` what a control's name means, `control`
    what the control is called; `vehicle_line` and `drug_line` are the first lines, of `n_rows`,
    that hold such, and what they hold; `marked_control`: a column `control` says TRUE. `texts` and
    `numbers` are other columns with a meaning.
    """

    first_row: WellCells
    reader: DoseReader
    all_drugs: list[str]
    n_rows: int = 0
    vehicle_line: tuple[int, str] | None = None
    drug_line: tuple[int, str] | None = None
    doses: list[DrugDose] = field(default_factory=list)
    named: dict[str, str] = field(default_factory=dict)
    role: str = ""
    role_place: str = ""
    implied_role: str = ""
    control: str = ""
    marked_control: bool = False
    texts: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    extra: dict[str, dict[str, None]] = field(default_factory=dict)

    @property
    def well(self) -> str:
        """Canonical name."""
        return self.first_row.well

    @property
    def messages(self) -> TableMessages:
        """Take what is wrong."""
        return self.reader.messages

    @property
    def dosed(self) -> list[DrugDose]:
        """Drugs with doses above zero."""
        return [dose for dose in self.doses if dose.amount]

    @property
    def without_dose(self) -> list[DrugDose]:
        """Drugs for which no dose is written."""
        return [dose for dose in self.doses if dose.amount is None]

    def may_add(self, row: WellCells, doses: list[DrugDose]) -> bool:
        """Decide whether a further row of the well adds a drug; one that doubles it is refused."""
        well = f"well {self.well}" + (f" of plate {row.plate}" if row.plate else "")
        names = [dose.drug.casefold() for dose in doses if dose.drug]
        line = self.first_row.line
        if not names or not self.named:
            self.messages.problem(
                f"{row.place}: {well} stands in line {line} already; give each well one line, or "
                "one line for each of its drugs.",
                "doubled wells",
            )
            return False
        for name in names:
            if name in self.named:
                self.messages.problem(
                    f"{row.place}: {well} has {self.named[name]} in line {line} already; keep one "
                    "of the two lines, or correct the well.",
                    "doubled wells",
                )
                return False
        vehicle, dosed = _content_of(doses)
        vehicles = (row.line, vehicle) if vehicle else self.vehicle_line
        drugs = (row.line, dosed) if dosed else self.drug_line
        if vehicles and drugs and (vehicle or dosed):
            (vehicle_line, vehicle), (drug_line, dosed) = vehicles, drugs
            self.messages.problem(
                f"{row.place}: {well} is vehicle ({vehicle}) in line {vehicle_line} and holds "
                f"{dosed} in line {drug_line}; if {vehicle} is only the solvent of the drug, "
                f"delete line {vehicle_line} or write {vehicle} into the column vehicle_group of "
                f"line {drug_line} instead; if one of the lines has the wrong well, correct it.",
                "vehicle and drug in one well",
            )
            return False
        return True

    def add(self, row: WellCells, doses: list[DrugDose]) -> None:
        """Take in what a row says."""
        self.n_rows += 1
        vehicle, dosed = _content_of(doses)
        self.vehicle_line = self.vehicle_line or ((row.line, vehicle) if vehicle else None)
        self.drug_line = self.drug_line or ((row.line, dosed) if dosed else None)
        for dose in doses:
            self._add_dose(dose)
        self._add_roles(row)
        for heading, cell in row.cells:
            if heading.kind in TEXTS:
                self._add_text(heading, cell)
            elif heading.kind in ("extra", "remark", "ignored", "stratum", "factor"):
                self._add_extra(heading, cell)
            elif heading.kind == "cells_seeded" or (
                heading.kind in _TIMES
                and not heading.slot
                and not any(dose.amount or dose.amount is None for dose in self.doses)
            ):
                self._add_number(heading, cell)

    def _add_dose(self, dose: DrugDose) -> None:
        name = dose.drug.casefold()
        if not dose.drug:
            self.doses.append(dose)
            return
        if name in self.named and dose.control is not None and not dose.amount:
            return  # `DMSO` in every column of drugs: the same control again
        if name in self.named:
            self.messages.problem(
                f"{dose.place}: {self.first_row.name} has {dose.drug} twice; name each drug once.",
                "doubled drugs",
            )
            return
        self.named[name] = dose.drug
        if dose.control is None:
            self.doses.append(dose)
            self.all_drugs += [dose.drug] if dose.amount is not None else []
        elif not self._add_control(dose, dose.control.role):
            return
        if dose.control is not None or dose.amount == 0:
            for kind, hours in zip(_TIMES, (dose.dosed_at_h, dose.washout_at_h), strict=True):
                if hours is not None:
                    self.numbers.setdefault(kind, hours)

    def _add_control(self, dose: DrugDose, role: str) -> bool:
        if self.implied_role and self.implied_role != role:
            self.messages.problem(
                f"{dose.place}: {self.first_row.name} is {self.implied_role} and {role} at once; "
                "give it one role.",
                "two roles",
            )
            return False
        self.implied_role = role
        label = dose.control.name if dose.control else ""
        if dose.amount and dose.unit is not None and dose.unit.kind == "share" and "%" not in label:
            label = f"{label} {dose.amount:f} %".strip()
        self.control = self.control or label
        if dose.control is not None and dose.control.ambiguous:
            sentence = (
                f": {dose.drug!r} is read as untreated cells in medium (vehicle); write the role "
                "blank if there were no cells."
            )
            if not any(warning.endswith(sentence) for warning in self.messages.warnings):
                self.messages.warnings.append(dose.place + sentence)
        return True

    def _add_roles(self, row: WellCells) -> None:
        stated: list[tuple[str, Cell]] = []
        found = row.first("role")
        if found and not self.messages.untrusted(found[1]):
            role = read_role(found[1].text)
            if role is None:
                self.messages.problem(
                    f"{found[1].place}: the role {found[1].text!r} is not known; write vehicle, "
                    "positive_control, blank or treated.",
                    "unknown roles",
                )
            else:
                stated.append((role, found[1]))
        found = row.first("control")
        if found and not self.messages.untrusted(found[1]):
            flag = read_control_flag(found[1].text)
            if flag is None:
                self.messages.problem(
                    f"{found[1].place}: {found[1].text!r} in a column of controls is not known; "
                    "write TRUE, FALSE, negative or positive.",
                    "unknown roles",
                )
            elif flag is True:
                self.marked_control = True
                self.role_place = self.role_place or found[1].place
            elif isinstance(flag, str):
                stated.append((flag, found[1]))
        found = row.first("control_name")
        if found:
            self.control = clean(found[1].text)
        for role, cell in stated:
            if self.role and role != self.role:
                self.messages.problem(
                    f"{cell.place}: {self.first_row.name} has two roles, {self.role} and {role} "
                    f"({self.role_place}); give it one.",
                    "two roles",
                )
                continue
            self.role, self.role_place = role, self.role_place or cell.place
            self.control = self.control or role_name(cell.text)

    def _add_text(self, heading: Heading, cell: Cell) -> None:
        value = "" if self.messages.untrusted(cell) else clean(cell.text)
        if value:
            first = self.texts.setdefault(heading.kind, value)
            if first.casefold() != value.casefold():
                self._contradiction(heading, cell, repr(first), repr(value))

    def _add_extra(self, heading: Heading, cell: Cell) -> None:
        if self.messages.untrusted(cell):
            return
        values = self.extra.setdefault(heading.written, {})
        if is_missing(cell.text) or cell.text in values:
            return
        if values and heading.kind in ("stratum", "factor"):
            self._contradiction(heading, cell, repr(next(iter(values))), repr(cell.text))
        else:
            values[cell.text] = None

    def _add_number(self, heading: Heading, cell: Cell) -> None:
        minimum = 0.0 if heading.kind == "cells_seeded" else None
        number = self.reader.quantity(heading, cell, minimum=minimum)
        if number is not None:
            first = self.numbers.setdefault(heading.kind, number)
            if first != number:
                self._contradiction(heading, cell, f"{first:g}", f"{number:g}")

    def _contradiction(self, heading: Heading, cell: Cell, first: str, second: str) -> None:
        self.messages.problem(
            f"{cell.place}: {self.first_row.name} has two values, {first} and {second}, in the "
            f"column {heading.written}; write one.",
            "contradicting values",
        )
