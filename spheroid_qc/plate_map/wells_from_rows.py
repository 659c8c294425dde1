"""From records to drafts of wells: combinations, roles, and everything that contradicts itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from spheroid_qc.plate_map.dose_cells import (
    DrugColumns,
    DrugDose,
    numeric_text,
    read_parts,
    read_quantity,
)
from spheroid_qc.plate_map.map_headings import Heading
from spheroid_qc.plate_map.map_records import (
    MapProblems,
    Record,
    clean,
    counted,
    is_missing,
    some_of,
)
from spheroid_qc.plate_map.role_words import read_control_flag, read_role, role_name
from spheroid_qc.tables.cells import Cell
from spheroid_qc.tables.numbers import NumberStyle, style_of

_TEXTS = ("cell_line", "vehicle_group", "biological_replicate", "replicate", "passage")
_NUMERIC = ("dose", "dosed_at_h", "washout_at_h", "cells_seeded", "molar_mass_g_mol")


@dataclass
class Findings:
    """Sentences gathered while wells are made."""

    problems: MapProblems
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass
class WellBuilder:
    """What is known of one well while its records are joined.

    `parts` holds the drugs with doses above zero, `zeros` the names of drugs of dose 0, `order`
    the position of each name in the file.
    """

    plate: str | None
    well: str
    place: str
    line: int
    parts: list[DrugDose] = field(default_factory=list)
    zeros: list[str] = field(default_factory=list)
    unnamed_zero: bool = False
    named: dict[str, str] = field(default_factory=dict)
    order: dict[str, int] = field(default_factory=dict)
    role: str = ""
    role_place: str = ""
    implied: str = ""
    control: str = ""
    flagged: bool = False
    texts: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    extra: dict[str, list[str]] = field(default_factory=dict)
    records: int = 0
    vehicle_line: tuple[int, str] | None = None
    dosed_line: tuple[int, str] | None = None


def number_style(records: list[Record], findings: Findings) -> NumberStyle:
    """Decide how the map writes numbers, and say so where commas are decimal."""
    texts: list[str] = []
    separator = ""
    seen: set[tuple[int, int, int]] = set()
    for record in records:
        for heading, cell in record.cells:
            key = (id(cell.table), cell.line, cell.column)
            if heading.kind in _NUMERIC and key not in seen:
                seen.add(key)
                separator = separator or cell.table.separator
                texts.append(numeric_text(cell))
    style = style_of(texts, separator)
    if style.mark == ",":
        findings.notes.append("Numbers are written with decimal commas.")
    return style


def draft_wells(
    records: list[Record],
    headings: list[Heading],
    findings: Findings,
) -> list[WellBuilder]:
    """Join the records of each well and refuse what contradicts itself.

    Parameters
    ----------
    records : list of Record
        In the file's order.
    headings : list of Heading
        The map's columns.
    findings : Findings
        Takes problems, notes and warnings.

    Returns
    -------
    list of WellBuilder
        In order of first appearance.
    """
    kinds = {heading.kind for heading in headings}
    slots_of_drugs = {heading.slot for heading in headings if heading.kind in ("drug", "dose")}
    numbered = "1" in slots_of_drugs and "" in slots_of_drugs
    numbered = numbered and not _is_unit_twin(headings)
    style = number_style(records, findings)
    position = 0
    drafts: dict[tuple[str | None, str], WellBuilder] = {}
    for record in records:
        slots = DrugColumns.of(record, numbered)
        parts = read_parts(slots, style, findings.problems, record.place, "drug" in kinds)
        key = (record.plate, record.well)
        draft = drafts.get(key)
        if draft is None:
            draft = drafts[key] = WellBuilder(record.plate, record.well, record.place, record.line)
        elif not _may_add(draft, parts, record, findings.problems):
            continue
        draft.records += 1
        for part in parts:
            position += 1
            draft.order.setdefault(part.drug, position)
            _take_part(draft, part, findings)
        _take_role(draft, slots, findings)
        _take_values(draft, record, slots, style, findings)
        _note_line(draft, parts, record)
    several = [draft.well for draft in drafts.values() if draft.records > 1]
    if several:
        findings.notes.append(
            f"{counted(len(several))} with several lines, each line one drug of a combination: "
            f"{some_of(several)}."
        )
    return list(drafts.values())


def _is_unit_twin(headings: list[Heading]) -> bool:
    """Tell whether `dose` and `dose_1_um` stand for one drug, rather than two drugs."""
    drugs = {heading.slot for heading in headings if heading.kind == "drug"}
    return not {"", "1"} <= drugs


def _may_add(
    draft: WellBuilder, parts: list[DrugDose], record: Record, problems: MapProblems
) -> bool:
    """Judge whether a further line of the same well adds a drug, or doubles the well."""
    plate = f" of plate {record.plate}" if record.plate else ""
    known = set(draft.named)
    names = [part.drug.casefold() for part in parts if part.drug]
    if not names or not known:
        problems.add(
            f"{record.place}: well {record.well}{plate} stands in line {draft.line} already; give "
            "each well one line, or one line for each of its drugs.",
            "doubled wells",
        )
        return False
    for name in names:
        if name in known:
            problems.add(
                f"{record.place}: well {record.well}{plate} has {draft.named[name]} in line "
                f"{draft.line} already; keep one of the two lines, or correct the well.",
                "doubled wells",
            )
            return False
    vehicle, dosed = _line_says(parts)
    vehicle_line = (record.line, vehicle) if vehicle else draft.vehicle_line
    dosed_line = (record.line, dosed) if dosed else draft.dosed_line
    if (vehicle and draft.dosed_line) or (dosed and draft.vehicle_line):
        assert vehicle_line is not None
        assert dosed_line is not None
        problems.add(
            f"{record.place}: well {record.well}{plate} is vehicle ({vehicle_line[1]}) in line "
            f"{vehicle_line[0]} and holds {dosed_line[1]} in line {dosed_line[0]}; if "
            f"{vehicle_line[1]} is only the solvent of the drug, delete line {vehicle_line[0]} or "
            f"write {vehicle_line[1]} into the column vehicle_group of line {dosed_line[0]} "
            "instead; if one of the lines has the wrong well, correct it.",
            "vehicle and drug in one well",
        )
        return False
    return True


def _line_says(parts: list[DrugDose]) -> tuple[str, str]:
    """Give the vehicle that a line states and nothing besides, and the drugs that it doses."""
    dosed = [part for part in parts if part.control is None and part.amount]
    vehicles = [
        part.drug
        for part in parts
        if part.control is not None and part.control.role == "vehicle" and not part.amount
    ]
    return (
        vehicles[0] if vehicles and not dosed else "",
        " + ".join(f"{part.drug} {part.raw}".strip() for part in dosed),
    )


def _note_line(draft: WellBuilder, parts: list[DrugDose], record: Record) -> None:
    vehicle, dosed = _line_says(parts)
    if vehicle:
        draft.vehicle_line = draft.vehicle_line or (record.line, vehicle)
    if dosed:
        draft.dosed_line = draft.dosed_line or (record.line, dosed)


def _take_part(draft: WellBuilder, part: DrugDose, findings: Findings) -> None:
    name = part.drug.casefold()
    if not part.drug:
        draft.unnamed_zero = True
        return
    if name in draft.named and part.control is not None and not part.amount:
        return  # `DMSO` in every column of drugs: the same control, said again
    if name in draft.named:
        findings.problems.add(
            f"{part.place}: well {draft.well} has {part.drug} twice; name each drug once.",
            "doubled drugs",
        )
        return
    draft.named[name] = part.drug
    if part.control is not None:
        control = part.control
        if draft.implied and draft.implied != control.role:
            findings.problems.add(
                f"{part.place}: well {draft.well} is {draft.implied} and {control.role} at once; "
                "give it one role.",
                "two roles",
            )
            return
        draft.implied = control.role
        label = control.name
        if part.amount and part.unit is not None and part.unit.kind == "share" and "%" not in label:
            label = f"{label} {part.amount:f} %".strip()
        draft.control = draft.control or label
        if control.doubtful:
            _once(
                findings.warnings,
                f"{part.place}: {part.drug!r} is read as untreated cells in medium (vehicle); "
                "write the role blank if there were no cells.",
            )
        _keep_times(draft, part)
    elif part.amount is None:
        draft.parts.append(part)
    elif part.amount == 0:
        draft.zeros.append(part.drug)
        _keep_times(draft, part)
    else:
        draft.parts.append(part)


def _keep_times(draft: WellBuilder, part: DrugDose) -> None:
    for key, value in (("dosed_at_h", part.dosed_at_h), ("washout_at_h", part.washout_at_h)):
        if value is not None:
            draft.numbers.setdefault(key, value)


def _once(sentences: list[str], sentence: str) -> None:
    kind = sentence.partition(": ")[2]
    if not any(known.partition(": ")[2] == kind for known in sentences):
        sentences.append(sentence)


def _take_role(draft: WellBuilder, slots: DrugColumns, findings: Findings) -> None:
    stated: list[tuple[str, str, Cell]] = []
    found = slots.first("role", "")
    if found:
        cell = found[1]
        role = read_role(cell.text)
        if cell.cell_error:
            findings.problems.add(f"{cell.place} {cell.cell_error}.", "untrusted cells")
        elif role is None:
            findings.problems.add(
                f"{cell.place}: the role {cell.text!r} is not known; write vehicle, "
                "positive_control, blank or treated.",
                "unknown roles",
            )
        else:
            stated.append((role, role_name(cell.text), cell))
    found = slots.first("control", "")
    if found:
        cell = found[1]
        flag = read_control_flag(cell.text)
        if cell.cell_error:
            findings.problems.add(f"{cell.place} {cell.cell_error}.", "untrusted cells")
        elif flag is None:
            findings.problems.add(
                f"{cell.place}: {cell.text!r} in a column of controls is not known; write TRUE, "
                "FALSE, negative or positive.",
                "unknown roles",
            )
        elif flag is True:
            draft.flagged = True
            draft.role_place = draft.role_place or cell.place
        elif isinstance(flag, str):
            stated.append((flag, role_name(cell.text), cell))
    found = slots.first("control_name", "")
    if found:
        draft.control = clean(found[1].text)
    for role, label, cell in stated:
        if draft.role and role != draft.role:
            findings.problems.add(
                f"{cell.place}: well {draft.well} has two roles, {draft.role} and {role} "
                f"({draft.role_place}); give it one.",
                "two roles",
            )
            continue
        draft.role, draft.role_place = role, draft.role_place or cell.place
        draft.control = draft.control or label


def _take_values(
    draft: WellBuilder, record: Record, slots: DrugColumns, style: NumberStyle, findings: Findings
) -> None:
    problems = findings.problems
    for heading, cell in record.cells:
        kind = heading.kind
        if kind in _TEXTS:
            if cell.cell_error:
                problems.add(f"{cell.place} {cell.cell_error}.", "untrusted cells")
                continue
            value = clean(cell.text)
            if value and draft.texts.setdefault(kind, value).casefold() != value.casefold():
                problems.add(
                    f"{cell.place}: well {draft.well} has two values, {draft.texts[kind]!r} and "
                    f"{value!r}, in the column {heading.written}; write one.",
                    "contradicting values",
                )
        elif kind in ("extra", "stratum"):
            if cell.cell_error:
                problems.add(f"{cell.place} {cell.cell_error}.", "untrusted cells")
                continue
            value = "" if is_missing(cell.text) else cell.text
            values = draft.extra.setdefault(heading.written, [])
            if value and value not in values:
                if values and kind == "stratum":
                    problems.add(
                        f"{cell.place}: well {draft.well} has two values, {values[0]!r} and "
                        f"{value!r}, in the column {heading.written}; write one.",
                        "contradicting values",
                    )
                    continue
                values.append(value)
        elif kind == "cells_seeded" or (
            kind in ("dosed_at_h", "washout_at_h") and not heading.slot and not draft.parts
        ):
            minimum = 0.0 if kind == "cells_seeded" else None
            number = read_quantity(heading, cell, style, problems, minimum=minimum)
            if number is not None and draft.numbers.setdefault(kind, number) != number:
                problems.add(
                    f"{cell.place}: well {draft.well} has two values, {draft.numbers[kind]:g} and "
                    f"{number:g}, in the column {heading.written}; write one.",
                    "contradicting values",
                )
