"""What is odd about a plate map, though it can be read."""

from __future__ import annotations

import re
from itertools import combinations

from spheroid_qc.plate_map.mapped_wells import MappedWell, PlateMap
from spheroid_qc.wells import PLATE_FORMATS, fits, parse_well, smallest_format
from spheroid_qc.wording import plural

_HIGHEST_UM = 20_000.0


def warnings_of(plate_map: PlateMap) -> list[str]:
    """Say in finished sentences what is odd about a map without mistakes.

    No vehicle, lone wells outside the plate, two vehicles without groups, treated wells without
    drugs, doses that look like a wrong unit, names that look like one drug misspelled.
    """
    return [
        *_without_vehicle(plate_map),
        *_vehicle_kinds(plate_map),
        *_treated_with_nothing(plate_map),
        *_lone_wells(plate_map),
        *_huge_doses(plate_map),
        *_similar_names(plate_map),
    ]


def _without_vehicle(plate_map: PlateMap) -> list[str]:
    wells = plate_map.wells
    if not any(well.role == "vehicle" for well in wells):
        return [
            f"{plate_map.source} has no vehicle wells; nothing can be compared with untreated "
            "spheroids. Write the role vehicle for them."
        ]

    def group(well: MappedWell) -> tuple[str, ...]:
        strata = tuple(f"{name} {value}" for name, value in well.strata)
        named = (f"plate {well.plate}",) if well.plate is not None else ()
        solvent = (f"vehicle_group {well.vehicle_group}",) if well.vehicle_group else ()
        return (*named, *strata, *solvent)

    controlled = {group(well) for well in wells if well.role == "vehicle"}
    lacking = dict.fromkeys(
        group(well) for well in wells if well.role == "treated" and group(well) not in controlled
    )
    shown = list(lacking)[:10]
    sentences = [
        f"{plate_map.source} has treated wells but no vehicle wells for {', '.join(names)}; they "
        "can't be compared with untreated spheroids of their kind."
        for names in shown
        if names
    ]
    if lacking and () in shown:
        sentences.append(
            f"{plate_map.source} has treated wells without vehicle_group, while every vehicle "
            "well has one; write the group of each treated well."
        )
    if len(lacking) > len(shown):
        sentences.append(f"The same holds for {len(lacking) - len(shown)} more groups of wells.")
    return sentences


def _vehicle_kinds(plate_map: PlateMap) -> list[str]:
    names = list(
        # A vehicle without a name beside a named one is another condition as well.
        dict.fromkeys(
            well.control or "unnamed" for well in plate_map.wells if well.role == "vehicle"
        )
    )
    if len(names) < 2 or any(well.vehicle_group for well in plate_map.wells):
        return []
    return [
        f"{plate_map.source} has vehicle wells of several kinds ({', '.join(names[:5])}), which "
        "are pooled as one reference but are conditions of their own in tables and figures; name "
        "them alike, or add a column vehicle_group to keep them apart."
    ]


def _treated_with_nothing(plate_map: PlateMap) -> list[str]:
    wells = [well.well for well in plate_map.wells if well.role == "treated" and not well.drugs]
    if not wells:
        return []
    return [
        f"{plate_map.source} calls {plural(len(wells), 'well')} treated that hold no drug "
        f"({', '.join(wells[:5])}{' ...' if len(wells) > 5 else ''}); write vehicle if they are "
        "controls."
    ]


def _lone_wells(plate_map: PlateMap) -> list[str]:
    names = sorted({well.well for well in plate_map.wells})
    if len(names) < 8:
        return []
    whole = smallest_format(names)
    for count in PLATE_FORMATS:
        if count >= whole:
            break
        outside = [
            name for name in names if (well := parse_well(name)) is None or not fits(well, count)
        ]
        if 0 < len(outside) <= max(1, len(names) // 20):
            return [
                f"{plate_map.source} fits a {count}-well plate but for {', '.join(outside)}; "
                "check these wells."
            ]
    return []


def _huge_doses(plate_map: PlateMap) -> list[str]:
    highest: dict[str, float] = {}
    for well in plate_map.wells:
        for dose in well.drugs:
            if dose.dose_um is not None and dose.dose_um > highest.get(dose.drug, _HIGHEST_UM):
                highest[dose.drug] = dose.dose_um
    return [
        f"{plate_map.source} has {drug} at {dose:g} uM; check the unit."
        for drug, dose in highest.items()
    ]


def _similar_names(plate_map: PlateMap) -> list[str]:
    alike = [
        f"{plate_map.source} has the drugs {first} and {second}, read as two; write one name if "
        "they are the same."
        for first, second in combinations(plate_map.drugs, 2)
        if misspelled(first.casefold(), second.casefold())
    ]
    joined = [
        f"{plate_map.source} has {name!r}, read as one drug; write a combination as drug and "
        "drug_2 with a dose each."
        for name in plate_map.drugs
        if re.search(r"\w\s*[+&]\s*\w", name)
    ]
    return alike + joined


def misspelled(first: str, second: str) -> bool:
    """Tell whether two names differ by punctuation or by one letter within a long name."""
    plain = ["".join(c for c in name if c.isalnum()) for name in (first, second)]
    if plain[0] == plain[1]:
        return True
    short, long = sorted(plain, key=len)
    if len(short) < 6 or len(long) - len(short) > 1 or any(c.isdigit() for c in short + long):
        return False
    start = 0
    while start < len(short) and short[start] == long[start]:
        start += 1
    if len(short) == len(long):
        return short[start + 1 :] == long[start + 1 :] and start + 1 < len(short)
    return short[start:] == long[start + 1 :]
