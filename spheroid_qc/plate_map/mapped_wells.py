"""What a plate map says: doses, wells, and the name of a condition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import TypeVar

from spheroid_qc.errors import PlateMapError
from spheroid_qc.tables.dose_units import MICROMOLAR
from spheroid_qc.wording import listed

ROLES = ("vehicle", "positive_control", "blank", "treated")
TEXTS = ("cell_line", "vehicle_group", "biological_replicate", "replicate", "passage")
MAX_DRUGS = 3

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class Dose:
    """One drug in one well.

    Attributes
    ----------
    drug : str
        As first spelled in the map.
    dose : float
        Above zero, in `unit`.
    unit : str
        `uM` for every molar unit (and for mass units with a molar mass); else `ng/ml`, `ug/ml`,
        `mg/ml`, `Gy`, `%` or `U/ml`.
    dose_um : float or None
        Dose in micromolar where it can be given.
    dosed_at_h, washout_at_h : float or None
        When the drug was given and taken away, in hours on the time axis of the images.
    molar_mass_g_mol : float or None
        As stated by the map.
    raw : str
        Dose and unit as written; no part of comparisons.
    given_unit : str
        The molar unit that was written (`nM`), empty for any other; no part of comparisons.
    """

    drug: str
    dose: float
    unit: str
    dose_um: float | None = None
    dosed_at_h: float | None = None
    washout_at_h: float | None = None
    molar_mass_g_mol: float | None = None
    raw: str = field(default="", compare=False)
    given_unit: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class MappedWell:
    """Everything a plate map says about one well.

    Attributes
    ----------
    plate : str or None
        None where the map has no column `plate`: the well is so on every plate.
    well : str
        Canonical name.
    role : str
        One of `ROLES`.
    drugs : tuple of Dose
        At most three, in the order in which drugs first appear in the map.
    control : str
        What a control is called by the map: `DMSO`, `untreated`, `staurosporine`; may be empty.
    cell_line, vehicle_group, biological_replicate, replicate, passage : str
        As written; empty where the map says nothing.
    dosed_at_h, washout_at_h : float or None
        First dose and, if every drug was taken away, the last washout, in hours.
    cells_seeded : float or None
        Cells per well at the start.
    extra : dict
        Further columns in order, values as text.
    strata : tuple of (str, str)
        Names and values that divide the map into experiments that have their own controls.
    scheduled : bool
        The map has more than one schedule, so that the schedule is part of the condition.
    """

    plate: str | None
    well: str
    role: str
    drugs: tuple[Dose, ...] = ()
    control: str = ""
    cell_line: str = ""
    vehicle_group: str = ""
    dosed_at_h: float | None = None
    washout_at_h: float | None = None
    cells_seeded: float | None = None
    biological_replicate: str = ""
    replicate: str = ""
    passage: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    strata: tuple[tuple[str, str], ...] = ()
    scheduled: bool = False

    @property
    def stratum(self) -> str:
        """Strata in words, ` | ` between them: `PANC-1 | passage 12`; empty without any."""
        named = [v if name == "cell_line" else f"{name} {v}" for name, v in self.strata if v]
        return " | ".join(named)

    @property
    def schedule(self) -> str:
        """When each drug was given and taken away, `;` between them: `from 0 h;from 24 h`.

        In the order of the drugs; of a well without drugs its own. Empty where the map has one
        schedule only, or tells none of this well.
        """
        if not self.scheduled:
            return ""
        given = [(dose.dosed_at_h, dose.washout_at_h) for dose in self.drugs]
        when = [_schedule(*times) for times in given or [(self.dosed_at_h, self.washout_at_h)]]
        return ";".join(when) if any(when) else ""


@dataclass(frozen=True)
class PlateMap:
    """A plate map as read.

    Attributes
    ----------
    wells : tuple of MappedWell
        Sorted by plate, row and column.
    columns : tuple of str
        Names of the further columns, in the map's order; keys of `MappedWell.extra`.
    drugs : tuple of str
        Names of the drugs in order of first appearance in the file: their order in every well.
    strata : tuple of str
        Names of the strata: `cell_line`, `passage`, columns on irradiation, `stratum_...`.
    notes, warnings : tuple of str
        Finished sentences; no part of comparisons.
    source : str
        Name of the file or files; no part of comparisons.
    """

    wells: tuple[MappedWell, ...]
    columns: tuple[str, ...] = ()
    drugs: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)
    source: str = field(default="", compare=False)

    @property
    def plates(self) -> tuple[str, ...]:
        """Names of the plates, sorted; empty without column `plate`."""
        return tuple(dict.fromkeys(well.plate for well in self.wells if well.plate is not None))

    @property
    def given_units(self) -> dict[str, str]:
        """Molar unit in which each drug's doses were first written, where that is not uM."""
        found: dict[str, str] = {}
        for dose in (dose for well in self.wells for dose in well.drugs):
            if dose.given_unit:
                found.setdefault(dose.drug, dose.given_unit)
        return {drug: unit for drug, unit in found.items() if unit != MICROMOLAR}

    def lookup(self, plate: str, well: str) -> MappedWell | None:
        """Find a well by the map's own name of the plate; None where it isn't mapped.

        Parameters
        ----------
        plate : str
            Name of the plate; of no importance for a map without column `plate`.
        well : str
            Canonical name.
        """
        index = self._index
        return index.get((plate, well)) or index.get((None, well))

    def for_plates(self, plates: Iterable[str]) -> dict[tuple[str, str], MappedWell]:
        """Bring the map to the plates that were imaged.

        Parameters
        ----------
        plates : iterable of str
            Names of all imaged plates.

        Returns
        -------
        dict
            (imaged plate, well) to the mapped well. Imaged plates that the map doesn't name have
            no entry: their wells are unmapped; wells of plates that were not imaged have none.

        Raises
        ------
        PlateMapError
            If the map names plates and none of them was imaged.
        """
        return on_imaged_plates(self._index, plates, self.source or "the plate map")

    @cached_property
    def _index(self) -> Mapping[tuple[str | None, str], MappedWell]:
        return {(well.plate, well.well): well for well in self.wells}


def find_plate(name: str, imaged: Iterable[str]) -> str | None:
    """Find the one imaged plate that a name means: by name, whatever its case, or by folder."""
    imaged = list(imaged)
    key = name.strip().casefold()
    for same in (
        [plate for plate in imaged if plate == name],
        [plate for plate in imaged if plate.strip().casefold() == key],
        [plate for plate in imaged if PurePosixPath(plate).name.strip().casefold() == key],
    ):
        if same:
            return same[0] if len(same) == 1 else None
    return None


def on_imaged_plates(
    entries: Mapping[tuple[str | None, str], Entry], plates: Iterable[str], source: str
) -> dict[tuple[str, str], Entry]:
    """Bring what is known by plate and well to the imaged plates; without plate it is for all."""
    imaged = list(dict.fromkeys(plates))
    named = dict.fromkeys(plate for plate, _ in entries if plate is not None)
    matches = match_plates(named, imaged, source)
    found: dict[tuple[str, str], Entry] = {}
    for (plate, well), entry in entries.items():
        matched = [matches[plate]] if plate in matches else []
        for target in imaged if plate is None else matched:
            found[target, well] = entry
    return found


def match_plates(named: Iterable[str], imaged: Iterable[str], source: str) -> dict[str, str]:
    """Match a table's plate names with those of the imaged plates.

    A name matches if it is the same but for case and outer spaces, or if it is the last part of
    exactly one imaged plate's path.

    Parameters
    ----------
    named, imaged : iterable of str
        Names in the table and names of imaged plates.
    source : str
        Name of the table's file, for the message.

    Returns
    -------
    dict
        Each name of the table that matches to the imaged plate; a plate that is not imaged (yet)
        has no entry.

    Raises
    ------
    PlateMapError
        With one sentence that lists both sides, if no name matches, or two match the same.
    """
    named, imaged = list(named), list(imaged)
    found = {name: find_plate(name, imaged) for name in named}
    matches = {name: plate for name, plate in found.items() if plate is not None}
    lost = [name for name in named if name not in matches]
    if lost and not matches:
        raise PlateMapError(
            f"{source} names the plate{'s' * (len(lost) > 1)} {listed(lost)}, which "
            f"{'are' if len(lost) > 1 else 'is'} not among the imaged plates "
            f"({listed(imaged) or 'none'}); write the names as they are listed here into the "
            "column plate, or leave that column out if the map holds for every plate."
        )
    twice = [plate for plate in imaged if list(matches.values()).count(plate) > 1]
    if twice:
        names = [name for name, plate in matches.items() if plate == twice[0]]
        raise PlateMapError(
            f"{source} has two plates, {listed(names)}, that both match the imaged plate "
            f"{twice[0]}; write the plate's name one way."
        )
    return matches


def condition_name(mapped: MappedWell) -> str:
    """Name the condition of a well: drugs and doses (with their schedule), then strata.

    The same drugs, doses, schedule and strata always give the same name, whatever the well; other
    columns, replicates and the plate play no part.

    Parameters
    ----------
    mapped : MappedWell
        A well of a map.

    Returns
    -------
    str
        Such as `gemcitabine 0.1 uM + selinexor 1 uM | PANC-1 | passage 12` or `vehicle (DMSO)`.
    """
    name = " + ".join(_dose_name(dose, mapped.scheduled) for dose in mapped.drugs)
    label = mapped.control
    if mapped.role == "vehicle":
        group = mapped.vehicle_group
        inside = [part for part in (group, label) if part]
        if group and label.casefold().startswith(group.casefold()):
            inside = [label]
        if mapped.scheduled:
            inside.append(_schedule(mapped.dosed_at_h, mapped.washout_at_h))
        inside = [part for part in inside if part]
        name = f"vehicle ({', '.join(inside)})" if inside else "vehicle"
    elif mapped.role == "treated":
        name = name or (f"treated ({label})" if label else "treated")
    else:
        words = mapped.role.replace("_", " ")
        inside = [part for part in (name, label) if part]
        name = f"{words} ({', '.join(inside)})" if inside else words
    return with_strata(name, mapped.stratum)


def with_strata(name: str, stratum: str) -> str:
    """Name of a condition with its stratum behind ` | `, which a drug's own name can't hold."""
    return " | ".join([name.replace(" | ", " ¦ "), *filter(None, [stratum])])


def without_stratum(condition: str, stratum: str) -> str:
    """Name of a condition without its stratum, where that need not be said again."""
    return condition.removesuffix(f" | {stratum}") if stratum else condition


def _dose_name(dose: Dose, scheduled: bool) -> str:
    name = f"{dose.drug} {dose.dose:.6g} {dose.unit}"
    when = _schedule(dose.dosed_at_h, dose.washout_at_h) if scheduled else ""
    return f"{name} ({when})" if when else name


def _schedule(start: float | None, end: float | None) -> str:
    if start is None and end is None:
        return ""
    if end is None:
        return f"from {start:.6g} h"
    return f"until {end:.6g} h" if start is None else f"{start:.6g} to {end:.6g} h"
