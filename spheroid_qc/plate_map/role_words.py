"""What controls are called: in a column `role` or `control`, or instead of a drug."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ROLES = {
    "vehicle": "vehicle|vehicle control|negative|negative control|neg|neg control|neg ctrl|nc|"
    "untreated|untreated control|no treatment|no drug|dmso|dmso control|solvent|solvent control|"
    "mock|control|ctrl|saline|pbs|ut|nt|media|medium|media control|medium control|"
    "unbehandelt|kontrolle|negativkontrolle",
    "positive_control": "positive|positive control|pos|pos control|pos ctrl|pc|positivkontrolle|"
    "kill control|death control",
    "blank": "blank|empty|empty well|background|no cells|no cell|cell free|cell-free|medium only|"
    "media only|leer|blank control",
    "treated": "treated|treatment|sample|compound|test|drug|experimental|experiment|combination|"
    "combo|behandelt",
}
_ROLE_OF = {word: role for role, words in _ROLES.items() for word in words.split("|")}
# Words that say only what the role says anyway, and so are no name of a control.
_NAMELESS = frozenset(
    {
        "vehicle",
        "vehicle control",
        "negative",
        "negative control",
        "neg",
        "neg control",
        "neg ctrl",
        "nc",
        "control",
        "ctrl",
        "no drug",
        "no treatment",
        "nt",
        "ut",
        "kontrolle",
        "negativkontrolle",
        "positive",
        "positive control",
        "pos",
        "pos control",
        "pos ctrl",
        "pc",
        "positivkontrolle",
        "blank",
        "blank control",
        "empty",
        "empty well",
        "leer",
    }
)
_AMBIGUOUS_MEDIUM = frozenset({"media", "medium", "media control", "medium control"})
# Solvents that may also be given as a drug (ethanol, salt): a control only without a dose.
_SOLVENTS = frozenset({"water", "h2o", "ethanol", "etoh", "methanol", "nacl", "pbs", "saline"})
_WITH_PERCENT = re.compile(
    r"(?:(?P<before>\d+(?:[.,]\d+)?)\s*%\s*(?:\(?v/v\)?\s*)?)?(?P<name>dmso|etoh|ethanol|pbs|saline)"
    r"(?:\s*[(,]?\s*(?P<after>\d+(?:[.,]\d+)?)\s*%\s*(?:v/v)?\s*\)?)?",
    re.IGNORECASE,
)
_TRUE = frozenset({"true", "t", "yes", "y", "ja", "j", "1", "wahr", "x"})
_FALSE = frozenset({"false", "f", "no", "n", "nein", "0", "falsch"})


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
    doubtful : bool
        Medium: with cells it is a control, without cells a blank.
    """

    role: str
    name: str = ""
    solvent: bool = False
    doubtful: bool = False


def _key(text: str) -> str:
    return " ".join(re.split(r"[\s_]+", text.strip().casefold()))


def read_role(text: str) -> str | None:
    """Read a role; None where the word is not known."""
    key = _key(text)
    role = _ROLE_OF.get(key) or _ROLE_OF.get(key.replace("-", " "))
    if role is None and _WITH_PERCENT.fullmatch(key):
        return "vehicle"
    return role


def role_name(text: str) -> str:
    """Name that a word for a role adds: `DMSO` does, `vehicle` does not."""
    key = _key(text)
    role = read_role(text)
    return "" if key in _NAMELESS or role in (None, "treated") or key == role else text.strip()


def read_control_flag(text: str) -> str | bool | None:
    """Read a cell of a column `control`: True, False, a role, or None where not known."""
    key = _key(text)
    if key in _TRUE:
        return True
    if key in _FALSE:
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
    if key in _SOLVENTS:
        return Control("vehicle", " ".join(text.split()), solvent=True)
    role = _ROLE_OF.get(key)
    if role is None or role == "treated":
        return None
    name = "" if key in _NAMELESS else " ".join(text.split())
    return Control(role, name, doubtful=key in _AMBIGUOUS_MEDIUM)
