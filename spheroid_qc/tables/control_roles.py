"""What controls are called: in a column `role` or `control`, or instead of a drug."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from spheroid_qc.tables.synonyms import (
    AMBIGUOUS_MEDIUM,
    BESIDE_SOLVENTS,
    FALSE_WORDS,
    LONG_SOLVENTS,
    NAMELESS_CONTROLS,
    ROLE_OF,
    SOLVENT_NAMES,
    SOLVENTS,
    TRUE_WORDS,
    folded,
)

_SHARE = re.compile(r"(\d+(?:[.,]\d+)?)\s*(%?)")
# More of a solvent than this (per cent) is no vehicle: 70 % ethanol kills.
_MOST_SOLVENT = 10.0
_LONGEST_NAME = 80


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
    key = " ".join(re.split(r"[\s_]+", folded(text.strip())))
    return key.rstrip(".") if len(key) > 1 else key


def _solvent(text: str) -> tuple[str, str] | None:
    """Give the solvent that a control is named by, and its name as written.

    `DMSO 0.1 %`, `Vehicle (DMSO)`, `DMSO_0.5`, `dimethyl sulfoxide control`; None for anything
    else, and for so much of a solvent that it is no vehicle.
    """
    if len(text) > _LONGEST_NAME:
        return None
    key = _key(text)
    for pattern, short in LONG_SOLVENTS.items():
        key = re.sub(pattern, short, key)
    shares = _SHARE.findall(key.replace("h2o", "water"))
    words = re.sub(r"[()\[\],;:%]|(?<![a-z])-|-(?![a-z])|\d+(?:[.,]\d+)?(?!o)", " ", key).split()
    words = [part for word in words for part in word.split("-") if part]
    found = [word for word in words if word in SOLVENT_NAMES]
    if len(set(found)) != 1 or len(shares) > 1:
        return None
    if any(word not in BESIDE_SOLVENTS for word in words if word != found[0]):
        return None
    name = " ".join(text.split())
    written = re.search(found[0], name, re.IGNORECASE)
    if written and {"vehicle", "veh"} & set(words):
        name = written[0]  # `Vehicle (DMSO)`: the role is said by the role
    if shares:
        number, sign = shares[0]
        if float(number.replace(",", ".")) > _MOST_SOLVENT:
            return None
        if sign and set(words) <= {found[0], "v/v"}:
            name = f"{written[0] if written else found[0]} {number.replace(',', '.')} %"
    return found[0], name


def read_role(text: str) -> str | None:
    """Read a role; None where the word is not known."""
    key = _key(text)
    role = _role(key)
    return "vehicle" if role is None and _solvent(text) else role


def _role(key: str) -> str | None:
    spellings = (key, key.replace("-", " "), key.replace(".", ""))
    return next((ROLE_OF[one] for one in spellings if one in ROLE_OF), None)


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


@lru_cache(maxsize=4096)
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
    role = _role(key)
    solvent = _solvent(text)
    if solvent is not None and role in (None, "vehicle"):
        return Control("vehicle", solvent[1], solvent=solvent[0] != "dmso")
    if key in SOLVENTS:
        return Control("vehicle", " ".join(text.split()), solvent=True)
    if role is None or role == "treated":
        return None
    nameless = {key, key.replace("-", " "), key.replace(".", "")} & NAMELESS_CONTROLS
    name = "" if nameless else " ".join(text.split())
    return Control(role, name, ambiguous=key in AMBIGUOUS_MEDIUM)
