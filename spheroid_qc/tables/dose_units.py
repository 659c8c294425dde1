"""Units of doses: how people write them, and what they become.

Molar concentrations become um (micromolar). Mass concentrations become um where the molar mass
is known and stay in their own unit elsewhere; gray, per cent and enzyme units always stay.
Letters are read with their case, because mM and MM, or M and m, are not the same; only spellings
with one possible meaning (`um`, `nm` in a dose column) are accepted in lower case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

MICROMOLAR = "uM"
KNOWN_UNITS = "pM, nM, uM, mM, M, ng/ml, ug/ml, mg/ml, Gy, % or U/ml"


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of dose.

    Attributes
    ----------
    name : str
        Unit that doses are kept in: `uM`, `ng/ml`, `ug/ml`, `mg/ml`, `Gy`, `%` or `U/ml`.
    kind : str
        `molar`, `mass`, `radiation`, `share` or `activity`.
    factor : decimal.Decimal
        A dose as written times this factor is a dose in `name`.
    written : str
        The user's spelling.
    """

    name: str
    kind: str
    factor: Decimal
    written: str = ""


_PREFIXES = {"": "1e6", "m": "1e3", "u": "1", "n": "1e-3", "p": "1e-6", "f": "1e-9"}
_PREFIX_WORDS = {"": "", "milli": "m", "micro": "u", "nano": "n", "pico": "p", "femto": "f"}
# Mass per volume, with per-litre forms brought to per-millilitre ones.
_MASS = {
    "pg/ml": ("ng/ml", "1e-3"),
    "ng/ml": ("ng/ml", "1"),
    "ug/l": ("ng/ml", "1"),
    "ng/l": ("ng/ml", "1e-3"),
    "ug/ml": ("ug/ml", "1"),
    "mg/l": ("ug/ml", "1"),
    "ng/ul": ("ug/ml", "1"),
    "mg/ml": ("mg/ml", "1"),
    "g/l": ("mg/ml", "1"),
    "ug/ul": ("mg/ml", "1"),
    "g/ml": ("mg/ml", "1e3"),
}
_OTHER_WORDS = {
    "gy|gray|grays": ("Gy", "radiation", "1"),
    "cgy": ("Gy", "radiation", "1e-2"),
    "%|percent|percentage|pct|%v/v|%w/v|%(v/v)|%(w/v)|v/v%|vol%": ("%", "share", "1"),
    "u/ml|iu/ml|units/ml|unit/ml": ("U/ml", "activity", "1"),
    "u/l|iu/l|mu/ml": ("U/ml", "activity", "1e-3"),
    "ku/ml": ("U/ml", "activity", "1e3"),
}
_OTHER = {word: unit for words, unit in _OTHER_WORDS.items() for word in words.split("|")}
# Nanograms in one of each kept mass unit.
_NANOGRAMS = {"ng/ml": Decimal(1), "ug/ml": Decimal(1000), "mg/ml": Decimal(1_000_000)}


# `x10^-6 M`, `10-6 M`, `1e-6 M` above a column: each number in it counts so many molar.
_POWER_OF_MOLAR = re.compile(r"(?:[x\u00d7*]?10\^?(-\d{1,2})|1?[eE](-\d{1,2}))M")


def _tidy(text: str) -> str:
    """Bring the many typographic forms of one unit to plain letters."""
    tidy = text.strip().strip("[]").strip()
    if tidy.startswith("(") and tidy.endswith(")"):
        tidy = tidy[1:-1].strip()
    tidy = tidy.replace("\u00b5", "u").replace("\u03bc", "u").replace("\u2126", "")
    tidy = tidy.replace("\u207b\u00b9", "-1").replace("\u2212", "-").replace("\u2013", "-")
    tidy = re.sub(r"(?i)[\s_]*\bper\b[\s_]*|[\s_]+per[\s_]+", "/", tidy)
    tidy = re.sub(r"[\s_]*[.\u00b7\u22c5*]?[\s_]*([A-Za-z]+)\s*\^?\s*-1$", r"/\1", tidy)
    tidy = re.sub(r"\s*/\s*", "/", tidy)
    tidy = re.sub(r"\s+", "", tidy)
    return re.sub(
        r"(?i)/(milliliters?|millilitres?)$",
        "/ml",
        re.sub(r"(?i)/(liters?|litres?|dm3)$", "/l", tidy),
    )


def _molar(tidy: str) -> str | None:
    """Give the prefix (``m``, ``u`` ...) of a molar unit, or None."""
    match = re.fullmatch(r"([munpf]?)M", tidy)
    if match:
        return match[1]
    if tidy in ("um", "nm", "pm", "mm", "UM", "NM", "PM", "Um", "Nm", "Pm"):
        return tidy[0].lower()
    lower = tidy.lower()
    match = re.fullmatch(r"(milli|micro|nano|pico|femto|)-?molar", lower)
    if match:
        return _PREFIX_WORDS[match[1]]
    match = re.fullmatch(r"(milli|micro|nano|pico|femto|)moles?/l", lower)
    if match:
        return _PREFIX_WORDS[match[1]]
    match = re.fullmatch(r"([munpf]?)(?:mol/l|-?molar)", lower)
    if match and not tidy.startswith("M"):
        return match[1]
    match = re.fullmatch(r"([munpf])Mol", tidy)
    if match:
        return match[1]
    # Smaller volumes: 1 nmol/ml and 1 pmol/ul are 1 umol/l, 1 mmol/m3 is as well.
    match = re.fullmatch(r"([mun])mol/ml|([unp])mol/ul|(m)mol/m3", lower)
    if match and not tidy.startswith("M"):
        finer = {"m": "", "u": "m", "n": "u", "p": "n"}
        if match[1] or match[3]:
            return finer[match[1]] if match[1] else "u"
        return finer[finer[match[2]] or ""] if match[2] != "u" else ""
    return None


def parse_unit(text: str) -> Unit | None:
    """Read one unit of dose.

    Parameters
    ----------
    text : str
        As written: `uM`, `µM`, `nmol/L`, `micromolar`, `ng/ml`, `Gy`, `%` ...

    Returns
    -------
    Unit or None
        None where the text is no known unit, or has two possible meanings (`MM`, `m`).
    """
    tidy = _tidy(text) if len(text) <= 40 else ""
    if not tidy:
        return None
    power = _POWER_OF_MOLAR.fullmatch(tidy)
    if power:
        exponent = int(power[1] or power[2])
        return Unit(MICROMOLAR, "molar", Decimal(10) ** (6 + exponent), text.strip())
    prefix = _molar(tidy)
    if prefix is not None:
        return Unit(MICROMOLAR, "molar", Decimal(_PREFIXES[prefix]), text.strip())
    lower = tidy.lower()
    if lower in _MASS and not tidy.startswith("M"):
        name, factor = _MASS[lower]
        return Unit(name, "mass", Decimal(factor), text.strip())
    if lower in _OTHER and not tidy.startswith("MU"):
        name, kind, factor = _OTHER[lower]
        return Unit(name, kind, Decimal(factor), text.strip())
    return None


def looks_damaged(text: str) -> bool:
    """Tell whether a micro sign was lost on the way (`ÂµM`, `�M`, `?M`)."""
    tidy = text.strip()
    return "\ufffd" in tidy or "\u00c2" in tidy or "\u00ce\u00bc" in tidy or tidy.startswith("?")


def convert_dose(
    amount: Decimal, unit: Unit, molar_mass_g_mol: float | None = None
) -> tuple[float, str]:
    """Bring one dose to the unit it is analysed in.

    Parameters
    ----------
    amount : decimal.Decimal
        Dose as written, in `unit`.
    unit : Unit
        Unit as read by `parse_unit`.
    molar_mass_g_mol : float, optional
        Molar mass in g/mol; with it a mass concentration becomes micromolar: 1 ng/ml is 1 ug/l,
        and (1e-6 g/l) / (g/mol) is 1e-6 mol/l.

    Returns
    -------
    (float, str)
        Dose and the name of its unit.
    """
    kept = amount * unit.factor
    if unit.kind == "mass" and molar_mass_g_mol:
        nanograms_per_ml = kept * _NANOGRAMS[unit.name]
        return float(nanograms_per_ml / Decimal(repr(float(molar_mass_g_mol)))), MICROMOLAR
    return float(kept), unit.name


def molar_name(unit: Unit) -> str:
    """Give the usual name of a molar unit (`nM`); `uM` for one that has none, or is no molar."""
    names = {
        Decimal("1e-6"): "pM",
        Decimal("1e-3"): "nM",
        Decimal("1e3"): "mM",
        Decimal("1e6"): "M",
    }
    return names.get(unit.factor, MICROMOLAR) if unit.kind == "molar" else MICROMOLAR


def between_mass_units(dose: float, of: str, to: str) -> float:
    """Convert a dose between `ng/ml`, `ug/ml` and `mg/ml`."""
    return float(Decimal(repr(dose)) * _NANOGRAMS[of] / _NANOGRAMS[to])
