"""From drafts to finished wells: roles, converted doses, spellings, strata, schedules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from spheroid_qc.plate_map.dose_cells import DrugDose
from spheroid_qc.plate_map.map_headings import Heading
from spheroid_qc.plate_map.map_records import counted, some_of
from spheroid_qc.plate_map.mapped_wells import MAX_DRUGS, Dose, MappedWell, PlateMap
from spheroid_qc.plate_map.wells_from_rows import Findings, WellBuilder
from spheroid_qc.tables.dose_units import MICROMOLAR, between_mass_units, convert_dose
from spheroid_qc.wells import row_column

_SPELLED = ("cell_line", "vehicle_group")
_MASS_UNITS = ("ng/ml", "ug/ml", "mg/ml")


def finish_map(
    drafts: list[WellBuilder], headings: list[Heading], findings: Findings, source: str
) -> PlateMap | None:
    """Make the map of all drafts.

    Parameters
    ----------
    drafts : list of WellBuilder
        In the file's order.
    headings : list of Heading
        The map's columns.
    findings : Findings
        Takes problems, notes and warnings.
    source : str
        Name of the file.

    Returns
    -------
    PlateMap or None
        None where anything is refused. Notes and warnings are left to the caller.
    """
    columns = [heading.written for heading in headings if heading.kind in ("extra", "stratum")]
    strata = _strata(headings, drafts)
    ranks = _ranks(drafts, findings)
    spellings = _spellings(drafts, findings)
    wells: list[MappedWell] = []
    idle: list[str] = []
    untold: list[str] = []
    zero: list[str] = []
    for draft in drafts:
        role = settle_role(draft, findings)
        if role is None:
            continue
        if role == "" and not _says_anything(draft):
            idle.append(draft.well)
            continue
        if role == "":
            untold.append(draft.well)
        elif role == "vehicle" and not (draft.role or draft.implied or draft.flagged):
            zero.append(draft.well)
        doses = make_doses(draft, ranks, findings)
        well = mapped_well(draft, role or "vehicle", doses, columns, spellings)
        if well.control.casefold() in ranks and well.role in ("vehicle", "blank"):
            well = replace(well, control="")
        wells.append(replace(well, strata=_values(well, strata)))
    _say(findings, zero, untold, idle)
    if findings.problems:
        return None
    wells = _one_mass_unit(wells, findings)
    used = {dose.drug for well in wells for dose in well.drugs}
    schedules = {(dose.dosed_at_h, dose.washout_at_h) for well in wells for dose in well.drugs} | {
        (well.dosed_at_h, well.washout_at_h)
        for well in wells
        if not well.drugs and (well.dosed_at_h, well.washout_at_h) != (None, None)
    }
    scheduled = len(schedules) > 1
    if scheduled:
        findings.notes.append(
            f"The map has {len(schedules)} schedules; the schedule is part of the condition."
        )
    wells = [replace(well, scheduled=scheduled) for well in wells]
    wells.sort(key=lambda well: (well.plate or "", row_column(well.well)))
    drugs = tuple(name for name in ranks.values() if name in used)
    return PlateMap(tuple(wells), tuple(columns), drugs, strata, source=source)


def _says_anything(draft: WellBuilder) -> bool:
    return bool(draft.texts or draft.numbers or any(draft.extra.values()))


def _strata(headings: list[Heading], drafts: list[WellBuilder]) -> tuple[str, ...]:
    """Name the strata: cell_line, passage, columns on irradiation, and stratum_... columns."""
    names = [
        kind for kind in ("cell_line", "passage") if any(kind in draft.texts for draft in drafts)
    ]
    names += [
        heading.written
        for heading in headings
        if heading.kind == "stratum" and any(draft.extra.get(heading.written) for draft in drafts)
    ]
    return tuple(names)


def _values(well: MappedWell, strata: Iterable[str]) -> tuple[tuple[str, str], ...]:
    values = {"cell_line": well.cell_line, "passage": well.passage}
    pairs = ((name, values.get(name) or well.extra.get(name, "")) for name in strata)
    return tuple((name, value) for name, value in pairs if value)


def _ranks(drafts: list[WellBuilder], findings: Findings) -> dict[str, str]:
    """Rank the drugs by first appearance in the file; unite spellings that differ by case."""
    seen: list[tuple[int, str]] = []
    for draft in drafts:
        names = {part.drug for part in draft.parts if part.amount} | set(draft.zeros)
        seen += [(position, name) for name, position in draft.order.items() if name in names]
    ranks: dict[str, str] = {}
    spelled: dict[str, dict[str, None]] = {}
    for _, name in sorted(seen, key=lambda pair: pair[0]):
        ranks.setdefault(name.casefold(), name)
        spelled.setdefault(name.casefold(), {}).setdefault(name)
    for key, spellings in spelled.items():
        if len(spellings) > 1:
            written = ", ".join(repr(name) for name in spellings)
            findings.notes.append(f"{written} are read as one drug, {ranks[key]}.")
    return ranks


def _spellings(drafts: list[WellBuilder], findings: Findings) -> dict[str, str]:
    """Bring other texts that differ only by case to their first spelling."""
    first: dict[str, str] = {}
    messages: set[tuple[str, str]] = set()
    for draft in drafts:
        texts = {key: draft.texts[key] for key in _SPELLED if key in draft.texts}
        texts["control"] = draft.control
        for key, value in texts.items():
            kept = first.setdefault(f"{key}/{value.casefold()}", value)
            if kept != value and (kept, value) not in messages:
                messages.add((kept, value))
                findings.notes.append(f"{value!r} is read as {kept!r} in {key}.")
    return first


def _say(findings: Findings, zero: list[str], untold: list[str], idle: list[str]) -> None:
    if zero:
        findings.notes.append(
            f"{counted(len(zero))} with nothing but doses of 0, or only marked as control, read as "
            f"vehicle: {some_of(zero)}."
        )
    if untold:
        findings.warnings.append(
            f"{counted(len(untold))} with neither drug nor role, read as untreated (vehicle): "
            f"{some_of(untold)}; write a role to make it certain."
        )
    if idle:
        findings.notes.append(
            f"{counted(len(idle))} of which the map says nothing, left out: {some_of(idle)}."
        )


def _one_mass_unit(wells: list[MappedWell], findings: Findings) -> list[MappedWell]:
    """Bring the doses of a drug that come in several mass units to the first of them."""
    units: dict[str, list[str]] = {}
    for well in wells:
        for dose in well.drugs:
            if dose.unit not in units.setdefault(dose.drug, []):
                units[dose.drug].append(dose.unit)
    target: dict[str, str] = {}
    for drug, found in units.items():
        mass = [unit for unit in found if unit in _MASS_UNITS]
        if len(mass) > 1:
            target[drug] = mass[0]
            findings.notes.append(f"Doses of {drug} in {' and '.join(mass)} are kept in {mass[0]}.")
        if len(found) > 1 and len(mass) < len(found):
            findings.warnings.append(
                f"Doses of {drug} are in {' and '.join(found)}, which can't be compared; write one "
                "unit, or molar_mass_g_mol for doses in mass units."
            )
    if not target:
        return wells
    return [
        replace(
            well,
            drugs=tuple(
                replace(
                    dose,
                    dose=between_mass_units(dose.dose, dose.unit, target[dose.drug]),
                    unit=target[dose.drug],
                )
                if dose.drug in target and dose.unit in _MASS_UNITS
                else dose
                for dose in well.drugs
            ),
        )
        for well in wells
    ]


def settle_role(draft: WellBuilder, findings: Findings) -> str | None:
    """Give the well's role; None if nothing at all is said about it, or it contradicts itself."""
    dosed = [part for part in draft.parts if part.amount]
    bare = [part for part in draft.parts if not part.amount]
    role = draft.role or draft.implied
    place = draft.role_place or draft.place
    if draft.role and draft.implied and draft.role != draft.implied:
        # A stated role stands above a drug's name, except where they exclude each other.
        if dosed:
            agrees = draft.role in ("treated", "positive_control", "blank")
        else:
            agrees = draft.role in ("vehicle", "blank") and draft.implied != "positive_control"
        if agrees:
            role = draft.role
        else:
            findings.problems.add(
                f"{place}: well {draft.well} has two roles, {draft.role} and "
                f"{draft.implied} (as {', '.join(draft.named.values())}); give it one.",
                "two roles",
            )
            return None
    if bare and role in ("vehicle", "blank", "positive_control"):
        draft.control = draft.control or " + ".join(part.drug for part in bare)
    elif bare:
        part = bare[0]
        findings.problems.add(
            f"{part.place}: {part.drug} has no dose; write the dose, 0 for none of it, or a role "
            "(vehicle, positive_control) if the well is a control.",
            "drugs without dose",
        )
        return None
    if dosed:
        if role == "vehicle" and not draft.implied:
            shares = [part for part in dosed if part.unit and part.unit.kind == "share"]
            if len(shares) == len(dosed):
                names = [f"{part.drug} {part.amount:f} %" for part in shares]
                draft.control = draft.control or " + ".join(names)
                draft.parts = []
                return "vehicle"
        if draft.role == "vehicle" or (draft.flagged and not draft.role):
            called = "vehicle" if draft.role else "a control (TRUE)"
            findings.problems.add(
                f"{place}: well {draft.well} has two roles: it is called {called} but holds "
                f"{_listed(dosed)}; write the role treated or positive_control, or the dose 0.",
                "two roles",
            )
            return None
        return draft.role or ("treated" if draft.implied == "vehicle" else role or "treated")
    if role:
        return role
    if draft.flagged or draft.zeros or draft.unnamed_zero:
        return "vehicle"
    return ""


def _listed(parts: list[DrugDose]) -> str:
    return " + ".join(f"{part.drug} {part.raw}".strip() for part in parts)


def make_doses(draft: WellBuilder, ranks: dict[str, str], findings: Findings) -> tuple[Dose, ...]:
    """Convert the drugs of a well, in the map's order of drugs.

    Parameters
    ----------
    draft : WellBuilder
        The well.
    ranks : dict
        Lower-case name to the name as first spelled, in order of first appearance.
    findings : Findings
        Takes problems.
    """
    dosed = [part for part in draft.parts if part.amount]
    if len(dosed) > MAX_DRUGS:
        names = ", ".join(part.drug for part in dosed)
        findings.problems.add(
            f"{dosed[MAX_DRUGS].place}: well {draft.well} has {len(dosed)} drugs ({names}); at "
            f"most {MAX_DRUGS} can be analysed together; name a fixed mixture as one drug.",
            "too many drugs",
        )
        return ()
    order = list(ranks)
    doses = []
    for part in sorted(dosed, key=lambda part: order.index(part.drug.casefold())):
        if part.amount is None or part.unit is None:
            continue
        dose, unit = convert_dose(part.amount, part.unit, part.molar_mass_g_mol)
        start = part.dosed_at_h if part.dosed_at_h is not None else draft.numbers.get("dosed_at_h")
        end = part.washout_at_h
        end = end if end is not None else draft.numbers.get("washout_at_h")
        if start is not None and end is not None and end <= start:
            findings.problems.add(
                f"{part.place}: {part.drug} is washed out at {end:g} h, but given at {start:g} h; "
                "correct dosed_at_h or washout_at_h.",
                "impossible schedules",
            )
        doses.append(
            Dose(
                ranks[part.drug.casefold()],
                dose,
                unit,
                dose if unit == MICROMOLAR else None,
                start,
                end,
                part.molar_mass_g_mol,
                part.raw,
            )
        )
    return tuple(doses)


def mapped_well(
    draft: WellBuilder, role: str, doses: tuple[Dose, ...], columns: list[str], name: dict[str, str]
) -> MappedWell:
    """Finish one well; `name` brings different spellings of one text to the first."""
    starts = [dose.dosed_at_h for dose in doses if dose.dosed_at_h is not None]
    ends = [dose.washout_at_h for dose in doses]
    last = max((end for end in ends if end is not None), default=None)
    texts = {
        key: name.get(f"{key}/{value.casefold()}", value) for key, value in draft.texts.items()
    }
    return MappedWell(
        plate=draft.plate,
        well=draft.well,
        role=role,
        drugs=doses,
        control=name.get(f"control/{draft.control.casefold()}", draft.control),
        cell_line=texts.get("cell_line", ""),
        vehicle_group=texts.get("vehicle_group", ""),
        dosed_at_h=min(starts) if starts else draft.numbers.get("dosed_at_h"),
        washout_at_h=(last if None not in ends else None)
        if doses
        else draft.numbers.get("washout_at_h"),
        cells_seeded=draft.numbers.get("cells_seeded"),
        biological_replicate=texts.get("biological_replicate", ""),
        replicate=texts.get("replicate", ""),
        passage=texts.get("passage", ""),
        extra={column: "; ".join(draft.extra.get(column, [])) for column in columns},
    )
