"""From joined rows to finished wells: roles, converted doses, spellings, strata, schedules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from spheroid_qc.plate_map.mapped_wells import MAX_DRUGS, Dose, MappedWell, PlateMap
from spheroid_qc.plate_map.wells_from_rows import WellBuilder, some_wells
from spheroid_qc.tables.distinguishing_columns import (
    DIVIDING,
    REPEATS,
    KnownRows,
    look_merged,
    names_within_labels,
    shown_values,
    tells_apart,
    would_be_pooled,
)
from spheroid_qc.tables.dose_units import MICROMOLAR, between_mass_units, convert_dose, molar_name
from spheroid_qc.tables.match_headings import Heading
from spheroid_qc.tables.table_messages import TableMessages
from spheroid_qc.wells import row_column
from spheroid_qc.wording import listed, plural

_FURTHER = ("extra", "remark", "ignored", "stratum", "factor")
_SEEDED = "cells_seeded"
# Cells are counted to within a third or so; what differs by more was meant to differ.
_OTHER_DENSITY = 1.5
_SPELLED = ("cell_line", "vehicle_group")
_MASS_UNITS = ("ng/ml", "ug/ml", "mg/ml")


def finish_map(
    builders: list[WellBuilder],
    drug_names: list[str],
    headings: list[Heading],
    messages: TableMessages,
    source: str,
) -> PlateMap:
    """Make the map of all wells; its notes and warnings are left to the caller.

    `builders` are in the file's order, `drug_names` are those of all drugs as they appear, `source`
    is the name of the file. `messages` takes problems, notes and warnings; `PlateMapError` is
    raised if anything is refused.
    """
    columns = tuple(h.written for h in headings if h.kind in _FURTHER)
    strata = _strata(headings, builders, messages, source)
    drugs = _drug_names(drug_names, messages)
    spellings = _spellings(builders, messages)
    wells: list[MappedWell] = []
    silent: list[str] = []
    untreated: list[str] = []
    zero: list[str] = []
    for builder in builders:
        role = decide_role(builder)
        if role is None:
            continue
        if role == "":
            if not (builder.texts or builder.numbers or any(builder.extra.values())):
                silent.append(builder.well)
                continue
            untreated.append(builder.well)
        elif role == "vehicle" and not (
            builder.role or builder.implied_role or builder.marked_control
        ):
            zero.append(builder.well)
        doses = make_doses(builder, drugs)
        well = _mapped_well(builder, role or "vehicle", doses, columns, spellings)
        if well.control.casefold() in drugs and well.role in ("vehicle", "blank"):
            well = replace(well, control="")
        wells.append(replace(well, strata=_strata_of(well, strata)))
    if zero:
        messages.notes.append(
            f"{plural(len(zero), 'well')} with nothing but doses of 0, or only marked as control, "
            f"read as vehicle: {some_wells(zero)}."
        )
    if untreated:
        messages.warnings.append(
            f"{plural(len(untreated), 'well')} with neither drug nor role, read as untreated "
            f"(vehicle): {some_wells(untreated)}; write a role to make it certain."
        )
    if silent:
        messages.notes.append(
            f"{plural(len(silent), 'well')} of which the map says nothing, left out: "
            f"{some_wells(silent)}."
        )
    messages.raise_if_problems()
    wells = _with_schedules(_one_mass_unit(wells, messages), messages)
    wells.sort(key=lambda well: (well.plate or "", row_column(well.well)))
    used = {dose.drug for well in wells for dose in well.drugs}
    in_order = tuple(name for name in drugs.values() if name in used)
    return PlateMap(tuple(wells), columns, in_order, strata, source=source)


def _strata(
    headings: list[Heading],
    builders: list[WellBuilder],
    messages: TableMessages,
    source: str,
) -> tuple[str, ...]:
    """Name the strata: cell_line, passage, columns on irradiation, and stratum_... columns.

    Patient, medium and the like, and the cells seeded, are strata where wells of one treatment
    differ in them; any other column that would be pooled over is asked about.
    """
    names = [kind for kind in DIVIDING if any(kind in well.texts for well in builders)]
    names += [
        heading.written
        for heading in headings
        if heading.kind == "stratum" and any(well.extra.get(heading.written) for well in builders)
    ]
    known = _known(builders, names)
    seeded = [well.numbers.get(_SEEDED) for well in builders]
    numbers = [number for number in seeded if number]
    differ = bool(numbers) and max(numbers) >= _OTHER_DENSITY * min(numbers)
    if differ and tells_apart(known, ["" if one is None else f"{one:g}" for one in seeded]):
        names.append(_SEEDED)
    for heading in headings:
        values = _further(builders, heading.written)
        if heading.kind == "factor" and tells_apart(known, values):
            names.append(heading.written)
    _refuse_gaps(builders, names, messages)
    known = _known(builders, names)
    for kind in REPEATS:
        labels = [well.texts.get(kind, "") for well in builders]
        if names_within_labels(known, labels):
            messages.problem(
                f"{source}: the names of {kind} ({listed(dict.fromkeys(labels), 4)}) hold more "
                "than repeats; write what else they tell apart, such as the cell line, into a "
                "column of its own.",
                once=f"names of {kind}",
            )
    for heading in headings:
        values = _further(builders, heading.written)
        if heading.kind not in ("extra", "remark", "factor") or heading.written in names:
            continue
        if would_be_pooled(known, heading.written, values, is_remark=heading.kind == "remark"):
            shown = shown_values(values)
            messages.problem(
                f"{source}: wells of one condition differ in the column {heading.written} "
                f"({shown}), and would be pooled; call it 'stratum {heading.written}' to compare "
                "them apart, 'replicate' or 'biological_replicate' if they are repeats, or "
                f"'ignore {heading.written}' if it is nothing to keep apart.",
                "columns that tell wells apart",
            )
    return tuple(names)


def _refuse_gaps(
    builders: Sequence[WellBuilder], strata: Sequence[str], messages: TableMessages
) -> None:
    """Refuse treated wells without the cell line (the repeat ...) that other wells have."""
    for name in (*strata, *REPEATS):
        values = [
            well.texts.get(name)
            or "; ".join(well.extra.get(name, {}))
            or str(well.numbers.get(name, ""))
            for well in builders
        ]
        lacking = [
            well
            for well, value in zip(builders, values, strict=True)
            if not value and well.dosed and well.role in ("", "treated")
        ]
        if lacking and any(values) and (name in DIVIDING or look_merged(values)):
            named = some_wells([well.well for well in lacking])
            messages.problem(
                f"{lacking[0].first_row.place}: {name} is missing in "
                f"{plural(len(lacking), 'treated well')} ({named}), "
                "though other wells have it; write it in every line, also where it is the same as "
                "in the line above.",
                "gaps",
            )


def _further(builders: Sequence[WellBuilder], name: str) -> list[str]:
    return ["; ".join(well.extra.get(name, {})) for well in builders]


def _known(builders: Sequence[WellBuilder], strata: Sequence[str]) -> KnownRows:
    """Give what each well holds, as far as it is read yet."""
    treatments: list[tuple[object, ...]] = []
    conditions: list[tuple[object, ...]] = []
    for well in builders:
        given = sorted(
            (
                dose.drug.casefold(),
                *convert_dose(dose.amount or Decimal(0), dose.unit, dose.molar_mass_g_mol),
                str(dose.dosed_at_h),
                str(dose.washout_at_h),
            )
            for dose in well.dosed
            if dose.unit is not None
        )
        of = (
            well.role or well.implied_role,
            *(str(well.numbers.get(kind, "")) for kind in ("dosed_at_h", "washout_at_h")),
            *(
                well.texts.get(name)
                or str(well.numbers.get(name, ""))
                or "; ".join(well.extra.get(name, {}))
                for name in (*strata, "vehicle_group")
            ),
        )
        treatments.append((tuple(drug for drug, *_ in given), *of))
        conditions.append((tuple(given), *of))
    labels: dict[str, list[object]] = {
        kind: [well.texts.get(kind, "") for well in builders] for kind in REPEATS
    }
    labels["plate"] = [well.first_row.plate or "" for well in builders]
    labels = {name: found for name, found in labels.items() if len(set(found)) > 1}
    if len(labels) > 1:
        labels["all of them"] = list(zip(*labels.values(), strict=True))
    places = [row_column(well.well) for well in builders]
    labels |= {"row": [row for row, _ in places], "column": [column for _, column in places]}
    return KnownRows(treatments, conditions, labels)


def _strata_of(well: MappedWell, strata: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    seeded = "" if well.cells_seeded is None else f"{well.cells_seeded:g}"
    values = {"cell_line": well.cell_line, "passage": well.passage, _SEEDED: seeded}
    pairs = ((name, values.get(name) or well.extra.get(name, "")) for name in strata)
    return tuple((name, value) for name, value in pairs if value)


def _drug_names(written: list[str], messages: TableMessages) -> dict[str, str]:
    """Give each drug's lower-case name, by first appearance, and the name as first spelled."""
    spelled: dict[str, dict[str, None]] = {}
    for name in written:
        spelled.setdefault(name.casefold(), {}).setdefault(name)
    drugs = {key: next(iter(spellings)) for key, spellings in spelled.items()}
    for key, spellings in spelled.items():
        if len(spellings) > 1:
            names = ", ".join(repr(name) for name in spellings)
            messages.notes.append(f"{names} are read as one drug, {drugs[key]}.")
    return drugs


def _spellings(builders: list[WellBuilder], messages: TableMessages) -> dict[str, str]:
    """Bring other texts that differ only by case to their first spelling."""
    first: dict[str, str] = {}
    noted: set[tuple[str, str]] = set()
    for builder in builders:
        texts = {key: builder.texts[key] for key in _SPELLED if key in builder.texts}
        for key, value in {**texts, "control": builder.control}.items():
            kept = first.setdefault(f"{key}/{value.casefold()}", value)
            if kept != value and (kept, value) not in noted:
                noted.add((kept, value))
                messages.notes.append(f"{value!r} is read as {kept!r} in {key}.")
    return first


def _one_mass_unit(wells: list[MappedWell], messages: TableMessages) -> list[MappedWell]:
    """Bring the doses of a drug that come in several mass units to the first of them."""
    units: dict[str, dict[str, None]] = {}
    for well in wells:
        for dose in well.drugs:
            units.setdefault(dose.drug, {}).setdefault(dose.unit)
    target: dict[str, str] = {}
    for drug, found in units.items():
        mass = [unit for unit in found if unit in _MASS_UNITS]
        if len(mass) > 1:
            target[drug] = mass[0]
            messages.notes.append(f"Doses of {drug} in {' and '.join(mass)} are kept in {mass[0]}.")
        if len(found) > 1 and len(mass) < len(found):
            messages.warnings.append(
                f"Doses of {drug} are in {' and '.join(found)}, which can't be compared; write one "
                "unit, or molar_mass_g_mol for doses in mass units."
            )

    def converted(dose: Dose) -> Dose:
        unit = target.get(dose.drug)
        if unit is None or dose.unit not in _MASS_UNITS:
            return dose
        return replace(dose, dose=between_mass_units(dose.dose, dose.unit, unit), unit=unit)

    return [replace(well, drugs=tuple(map(converted, well.drugs))) for well in wells]


def _with_schedules(wells: list[MappedWell], messages: TableMessages) -> list[MappedWell]:
    """Make the schedule a part of the condition where the map has more than one."""
    schedules = {(dose.dosed_at_h, dose.washout_at_h) for well in wells for dose in well.drugs} | {
        (well.dosed_at_h, well.washout_at_h)
        for well in wells
        if not well.drugs and (well.dosed_at_h, well.washout_at_h) != (None, None)
    }
    if len(schedules) < 2:
        return wells
    messages.notes.append(
        f"The map has {len(schedules)} schedules; the schedule is part of the condition."
    )
    return [replace(well, scheduled=True) for well in wells]


def decide_role(well: WellBuilder) -> str | None:
    """Give the well's role; empty if nothing is said about it, None if it contradicts itself."""
    dosed, without_dose = well.dosed, well.without_dose
    role = well.role or well.implied_role
    place = well.role_place or well.first_row.place
    if well.role and well.implied_role and well.role != well.implied_role:
        # A stated role stands above a drug's name, except where they exclude each other.
        agrees = (
            well.role in ("treated", "positive_control", "blank")
            if dosed
            else well.role in ("vehicle", "blank") and well.implied_role != "positive_control"
        )
        if not agrees:
            well.messages.problem(
                f"{place}: {well.first_row.name} has two roles, {well.role} and "
                f"{well.implied_role} (as {', '.join(well.named.values())}); give it one.",
                "two roles",
            )
            return None
    if without_dose and role in ("vehicle", "blank", "positive_control"):
        well.control = well.control or " + ".join(dose.drug for dose in without_dose)
    elif without_dose:
        dose = without_dose[0]
        well.messages.problem(
            f"{dose.place}: {dose.drug} has no dose; write the dose, 0 for none of it, or a role "
            "(vehicle, positive_control) if the well is a control.",
            "drugs without dose",
        )
        return None
    if not dosed:
        return role or ("vehicle" if well.marked_control or well.doses else "")
    solvents = all(dose.unit and dose.unit.kind == "share" for dose in dosed)
    if role == "vehicle" and not well.implied_role and solvents:
        names = [f"{dose.drug} {dose.amount:f} %" for dose in dosed]
        well.control = well.control or " + ".join(names)
        well.doses = []
        return "vehicle"
    if well.role == "vehicle" or (well.marked_control and not well.role):
        called = "vehicle" if well.role else "a control (TRUE)"
        well.messages.problem(
            f"{place}: {well.first_row.name} has two roles: it is called {called} but holds "
            f"{' + '.join(dose.written for dose in dosed)}; write the role treated or "
            "positive_control, or the dose 0.",
            "two roles",
        )
        return None
    return well.role or ("treated" if well.implied_role == "vehicle" else role or "treated")


def make_doses(well: WellBuilder, drugs: dict[str, str]) -> tuple[Dose, ...]:
    """Convert the drugs of a well, in the map's order of drugs.

    `drugs` has lower-case names to names as first spelled, in order of first appearance.
    """
    dosed = well.dosed
    if len(dosed) > MAX_DRUGS:
        names = listed(dose.drug for dose in dosed)
        well.messages.problem(
            f"{dosed[MAX_DRUGS].place}: well {well.well} has {len(dosed)} drugs ({names}); at "
            f"most {MAX_DRUGS} can be analysed together; name a fixed mixture as one drug.",
            "too many drugs",
        )
        return ()
    order = list(drugs)
    doses = []
    for given in sorted(dosed, key=lambda dose: order.index(dose.drug.casefold())):
        if given.amount is None or given.unit is None:
            continue
        amount, unit = convert_dose(given.amount, given.unit, given.molar_mass_g_mol)
        start, end = given.dosed_at_h, given.washout_at_h
        start = well.numbers.get("dosed_at_h") if start is None else start
        end = well.numbers.get("washout_at_h") if end is None else end
        if start is not None and end is not None and end <= start:
            well.messages.problem(
                f"{given.place}: {given.drug} is washed out at {end:g} h, but given at {start:g} h;"
                " correct dosed_at_h or washout_at_h.",
                "impossible schedules",
            )
        doses.append(
            Dose(
                drugs[given.drug.casefold()],
                amount,
                unit,
                amount if unit == MICROMOLAR else None,
                start,
                end,
                given.molar_mass_g_mol,
                given.raw,
                molar_name(given.unit) if given.unit.kind == "molar" else "",
            )
        )
    return tuple(doses)


def _mapped_well(
    well: WellBuilder,
    role: str,
    doses: tuple[Dose, ...],
    columns: tuple[str, ...],
    spellings: dict[str, str],
) -> MappedWell:
    """Finish one well; different spellings of one text are brought to the first."""

    def spelled(kind: str, text: str) -> str:
        return spellings.get(f"{kind}/{text.casefold()}", text)

    texts = {kind: spelled(kind, text) for kind, text in well.texts.items()}
    starts = [dose.dosed_at_h for dose in doses if dose.dosed_at_h is not None]
    ends = [dose.washout_at_h for dose in doses]
    washout = well.numbers.get("washout_at_h")
    if doses:
        known = [end for end in ends if end is not None]
        washout = max(known) if len(known) == len(ends) else None
    return MappedWell(
        plate=well.first_row.plate,
        well=well.well,
        role=role,
        drugs=doses,
        control=spelled("control", well.control),
        dosed_at_h=min(starts) if starts else well.numbers.get("dosed_at_h"),
        washout_at_h=washout,
        cell_line=texts.get("cell_line", ""),
        vehicle_group=texts.get("vehicle_group", ""),
        biological_replicate=texts.get("biological_replicate", ""),
        replicate=texts.get("replicate", ""),
        passage=texts.get("passage", ""),
        cells_seeded=well.numbers.get("cells_seeded"),
        extra={column: "; ".join(well.extra.get(column, {})) for column in columns},
    )
