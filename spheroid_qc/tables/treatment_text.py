"""Treatments written out: `gemcitabine 10 nM + selinexor 1 uM`, one grammar for all tables.

A treatment is one or several drugs, each with its amount before or behind it: a number in any form
that people write and a unit that is known. The words beside an amount are the drug's name. A text
is read only where the grammar takes all of it: what is left over (a time, a range, a line's name, a
further drug without an amount) would else become part of a name, and its rows another drug.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from spheroid_qc.tables.control_roles import control_of_drug
from spheroid_qc.tables.dose_units import Unit, parse_unit
from spheroid_qc.tables.parse_cells import clean, plain_powers

RADIATION = "radiation"
"""What an amount of gray without a name is called."""

_LONGEST = 300
_GAP = r"[ '\u2019\u2009\u202f\u00a0]"
# Thousands grouped by spaces; three digits and then a group without a leading zero are the code of
# a drug and its amount (`ABT 737 100 nM`).
_GROUPED = rf"(?:\d{{1,2}}{_GAP}\d{{3}}|\d{{3}}{_GAP}0\d\d)(?:{_GAP}\d{{3}})*(?:[.,]\d+)?"
_NUMBER = rf"(?:{_GROUPED}|\d+(?:[.,]\d+)*|[.,]\d+)(?:[eE][+\-\u2212]?\d{{1,3}})?"
# A unit is one word, with its slash, or a per cent sign; whether it is known is asked of it.
_AMOUNT = re.compile(
    rf"(?<![^\W_])(?<![.,'^*/:])(?P<number>{_NUMBER})\s*(?P<unit>[A-Za-z\u00b5\u03bc\u2126]+"
    r"(?:\s?/\s?[A-Za-z\u00b5\u03bc]+|[.\u00b7]?[A-Za-z]+\^?[-\u207b][1\u00b9])?|%)(?![^\W_])"
)
_AMOUNT_LOOSE = re.compile(r"\d\s*(?P<unit>[A-Za-z\u00b5\u03bc]+(?:/[A-Za-z]+)?|%)(?![^\W_])")
_BETWEEN_DRUGS = re.compile(
    r"\s*[+&;|\n]\s*|\s*,\s+|,(?=[^\W\d])|\s*/\s*(?!(?:m|u|\u00b5|d)?[lL]\b)"
    r"|\s+(?:and|with|plus|und|mit|x|\u00d7)\s+"
)
# Words of a schedule or a comparison, and marks that belong to no name.
_NO_NAME = re.compile(
    r"(?i)[~<>=^%*|?:\u00b1\u2264\u2265\u2192\u2190#]|->|\b(?:then|followed|after|before|until|to|bis|"
    r"dann|danach|nach|vor|for|pre|post|daily|fold|x\d+|\d+x|ic\d\d|ec\d\d|gi\d\d)\b"
)
_TIME_WORD = re.compile(
    r"(?i)(?<![\w-])(?:\d+(?:[.,]\d+)?\s*(?:h|hr|hrs|hours?|d|days?|min|wk|weeks?|tage?|std)|"
    r"(?:day|tag|week)\s*\d+|[dt]\d+)(?![\w-])"
)
_VITAMIN = re.compile(r"(?i)vitamin\s+[dk]\d")
_PURE_RANGE = re.compile(r"(?:^|[\s_(])\d+(?:[.,]\d+)?\s*[-\u2013\u2014]\s*$")
_GENE_KNOCKED = re.compile(r"^(?:si|sh|sg)[A-Z][A-Za-z0-9]+$")
_CODE = re.compile(r"(?=.*[A-Za-z])(?=.*\d)[\w-]+")
# Words that follow a drug's own name: its salt or form.
_FORM_WORDS = (
    "acid|hydrochloride|hcl|dihydrochloride|sulfate|sulphate|mesylate|sodium|tosylate|phosphate|"
    "maleate|citrate|potassium|acetate|methanesulfonate|dimethanesulfonate|antibody|mab|ab|"
    "inhibitor|hydrate|bromide|chloride"
)
_FORMS = frozenset(_FORM_WORDS.split("|"))


@dataclass(frozen=True, slots=True)
class TreatmentPart:
    """One drug of a treatment: its name, the number as written, and the unit."""

    name: str
    number: str
    unit: Unit
    raw: str


def parts_of_treatment(text: str) -> tuple[TreatmentPart, ...] | None:
    """Read a treatment in full.

    Parameters
    ----------
    text : str
        Cell of a column of treatments.

    Returns
    -------
    tuple of TreatmentPart or None
        Drugs and controls in the order of the text, a solvent beside drugs left out; empty where
        the text has no amount at all, and None where it has one but can't be read in full.
    """
    if len(text) > _LONGEST:
        return None
    plain = plain_powers(text, _LONGEST)
    if not states_amount(plain):
        return ()
    parts: list[TreatmentPart] = []
    pieces = [piece.strip() for piece in _BETWEEN_DRUGS.split(plain)]
    for piece in pieces:
        found = _piece(piece)
        if found is None:
            control = control_of_drug(piece)
            if len(pieces) > 1 and control is not None and control.role == "vehicle":
                continue
            return None
        parts += found
    drugs = [part for part in parts if not _is_solvent(part)]
    if len(parts) > 1 and any(part.unit.kind == "share" for part in drugs):
        return None  # serum or oxygen: a share beside a drug is a condition of the culture
    return tuple(drugs or parts)


def states_amount(text: str) -> bool:
    """Tell whether a text holds a number with a unit of dose, readable or not."""
    return any(parse_unit(found["unit"]) for found in _AMOUNT_LOOSE.finditer(text))


def numbers_of_treatment(text: str) -> list[str]:
    """Give the numbers of all amounts of a text, as written; shares of a solvent tell nothing."""
    if len(text) > _LONGEST:
        return []
    found = _AMOUNT.finditer(plain_powers(text, _LONGEST))
    units = ((amount["number"], parse_unit(amount["unit"])) for amount in found)
    return [number for number, unit in units if unit is not None and unit.kind != "share"]


def _is_solvent(part: TreatmentPart) -> bool:
    control = control_of_drug(part.name)
    return control is not None and control.role == "vehicle" and part.unit.kind == "share"


def _piece(piece: str) -> list[TreatmentPart] | None:
    """Read drugs with their amounts, no sign between them; None where words are left over."""
    amounts = [(found, parse_unit(found["unit"])) for found in _AMOUNT.finditer(piece)]
    known = [(found, unit) for found, unit in amounts if unit is not None]
    if not known:
        return None
    gaps = []
    at = 0
    for found, _ in known:
        gaps.append(piece[at : found.start()])
        at = found.end()
    gaps.append(piece[at:])
    for place, (found, _) in enumerate(known):
        if _PURE_RANGE.search(gaps[place]) or _may_be_grouped(gaps[place], found["number"]):
            return None
    words = [_name(gap) for gap in gaps]
    if known[0][1].kind == "radiation" and not words[0] and (not words[-1] or len(known) == 1):
        names = [words[1]] if len(known) == 1 and words[1] else [RADIATION, *words[1:-1]]
    elif not words[-1]:
        names = words[:-1]
    elif not words[0]:
        names = words[1:]
    else:
        return None
    if not all(map(is_name, names)):
        return None
    return [
        TreatmentPart(name, found["number"], unit, found[0])
        for name, (found, unit) in zip(names, known, strict=True)
    ]


def _name(gap: str) -> str:
    """Take brackets and signs that lead to an amount, or away from it, from a name."""
    bare = clean(gap.strip(" \t_,:@=")) if gap.strip() not in ("-", "(", ")") else ""
    bare = re.sub(r"^[)\]]\s*|\s*[(\[]$", "", bare)
    bare = re.sub(r"^[-_,:@]+|[-_,:@=]+$", "", bare.strip()).strip()
    return re.sub(r"(?i)^of\s+|\s+(?:at|@)$", "", bare)


def _may_be_grouped(gap: str, number: str) -> bool:
    """Tell whether a name's last number and the amount may be one number, `gem 1 500 nM`.

    Also where the amount was read as grouped though it may be a name's number and an amount. A
    group that begins with 0 is no number of its own.
    """
    if re.search(r"(?:^|\s)[1-9]\d?\s$", gap) and re.fullmatch(r"\d{3}(?:[.,]\d+)?", number):
        return True
    groups = re.split(r"[ \u00a0]", number)
    return len(groups) > 1 and bool(gap.strip()) and not any(g.startswith("0") for g in groups[1:])


def is_name(text: str) -> bool:
    """Tell whether words may be the name of one drug, and hold nothing else that is known."""
    if not re.search(r"[^\W\d_]", text) or text.count("(") != text.count(")"):
        return False
    if control_of_drug(text) is not None:
        return True
    if _NO_NAME.search(text) or states_amount(text):
        return False
    words = re.split(r"[\s_]+", text)
    if len(words) > 1 and _TIME_WORD.search(_VITAMIN.sub("", text).replace("_", " ")):
        return False
    if any(_GENE_KNOCKED.fullmatch(word) for word in words):
        return False
    first, *others = words
    plain = [word for word in others if word.isalpha() and word.casefold() not in _FORMS]
    return not (plain and _CODE.fullmatch(first) and len(plain) == len(others))


def name_beside_name(names: Iterable[str]) -> tuple[str, str] | None:
    """Find two names of drugs of which one holds more words: `gem` and `siKRAS gem`.

    Also two that end alike, `PANC-1 gem` and `MIA gem`: the other words are a line, a medium or
    something else that treatments don't name. None where names have nothing in common.
    """
    split = {name: tuple(re.split(r"[\s_]+", name.casefold())) for name in dict.fromkeys(names)}
    for name, words in split.items():
        for other, fewer in split.items():
            inside = len(fewer) < len(words) and fewer in (
                words[: len(fewer)],
                words[-len(fewer) :],
            )
            alike = len(words) > 1 < len(fewer) and words[-1] == fewer[-1] and words != fewer
            if inside and not set(words) - set(fewer) <= _FORMS:
                return name, other
            if alike and words[-1] not in _FORMS:
                return name, other
    return None
