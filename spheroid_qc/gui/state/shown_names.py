"""Conditions as they are shown: doses in the unit that a person wrote, micro as µ. No Qt."""

from __future__ import annotations

import re

from spheroid_qc.plate_map import MappedWell, condition_name, without_stratum
from spheroid_qc.plate_map.mapped_wells import Dose

_MICRO = re.compile(r"(?<![A-Za-z])u(?=(?:M|g/ml|m)\b)")
_WRITTEN = re.compile(r"\s*(?P<number>\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?)\s*(?P<unit>\S.*?)\s*")


def shown_name(text: str) -> str:
    """Write micro as µ in a text of the tables: `1 uM` is `1 µM`."""
    return _MICRO.sub("µ", text)


def shown_dose(dose: Dose) -> str:
    """Write a dose as the person did, `10 nM`; in the map's unit where that is not known."""
    written = _WRITTEN.fullmatch(dose.raw)
    if written is None:
        return shown_name(f"{dose.dose:.6g} {dose.unit}")
    number = float(written["number"].replace(",", "."))
    return shown_name(f"{number:.6g} {written['unit']}")


def shown_condition(entry: MappedWell, shared_stratum: str | None = None) -> str:
    """Say what is in a well; without `shared_stratum`, by default without any."""
    stratum = entry.stratum if shared_stratum is None else shared_stratum
    name = without_stratum(condition_name(entry), stratum)
    for dose in entry.drugs:
        # Schedule and strata stay as the condition's own name has them.
        plain = f"{dose.drug} {dose.dose:.6g} {dose.unit}"
        name = name.replace(plain, f"{dose.drug} {shown_dose(dose)}", 1)
    return shown_name(name)
