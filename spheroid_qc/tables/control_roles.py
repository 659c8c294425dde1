"""What controls are called: in a column `role` or `control`, or instead of a drug."""

from __future__ import annotations

import re
from dataclasses import dataclass

from spheroid_qc.tables.synonyms import (
    AMBIGUOUS_MEDIUM,
    FALSE_WORDS,
    NAMELESS_CONTROLS,
    ROLE_OF,
    SOLVENTS,
    TRUE_WORDS,
)

_WITH_PERCENT = re.compile(
    r"(?:(?P<before>\d+(?:[.,]\d+)?)\s*%\s*(?:\(?v/v\)?\s*)?)?(?P<name>dmso|etoh|ethanol|pbs|saline)"
    r"(?:\s*[(,]?\s*(?P<after>\d+(?:[.,]\d+)?)\s*%\s*(?:v/v)?\s*\)?)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Control:
    """A control named in a column of drugs.

    Attributes
    ----------
    role : str
        `vehicle`, `positive_control` or `blank`.
    name : str
        What to call it (`DMSO`, `untreated`); empty where the word says only the role.
    solvent : bool
        Could also be a drug, if it has a dose.
    ambiguous : bool
        Medium: with cells it is a control, without cells a blank.
    """

    role: str
    name: str = ""
    solvent: bool = False
    ambiguous: bool = False


def _key(text: str) -> str:
    return " ".join(re.split(r"[\s_]+", text.strip().casefold()))


def read_role(text: str) -> str | None:
    """Read a role; None where the word is not known."""
    key = _key(text)
    role = ROLE_OF.get(key) or ROLE_OF.get(key.replace("-", " "))
    if role is None and _WITH_PERCENT.fullmatch(key):
        return "vehicle"
    return role


def role_name(text: str) -> str:
    """Name that a word for a role adds: `DMSO` does, `vehicle` does not."""
    key = _key(text)
    role = read_role(text)
    return (
        "" if key in NAMELESS_CONTROLS or role in (None, "treated") or key == role else text.strip()
    )


def read_control_flag(text: str) -> str | bool | None:
    """Read a cell of a column `control`: True, False, a role, or None where not known."""
    key = _key(text)
    if key in TRUE_WORDS:
        return True
    if key in FALSE_WORDS:
        return False
    return read_role(text)


def control_of_drug(text: str) -> Control | None:
    """Tell whether the name of a drug is the name of a control.

    Parameters
    ----------
    text : str
        Cell of a column of drugs.

    Returns
    -------
    Control or None
        None for a drug.
    """
    key = _key(text)
    match = _WITH_PERCENT.fullmatch(key)
    if match:
        share = match["before"] or match["after"]
        name = " ".join(text.split())
        if share:
            written = re.search(match["name"], name, re.IGNORECASE)
            name = f"{written[0] if written else match['name']} {share.replace(',', '.')} %"
        return Control("vehicle", name, solvent=match["name"] != "dmso")
    if key in SOLVENTS:
        return Control("vehicle", " ".join(text.split()), solvent=True)
    role = ROLE_OF.get(key)
    if role is None or role == "treated":
        return None
    name = "" if key in NAMELESS_CONTROLS else " ".join(text.split())
    return Control(role, name, ambiguous=key in AMBIGUOUS_MEDIUM)
