"""Headings of tables: which column is meant, for which drug, in which unit.

People write `Well`, `well_id` or `Position`, `dose_uM`, `Conc. (nM)` or `drug 2 concentration
[µM]`. A heading is read into a kind, a slot (the drug's number in a row) and a unit; a heading
that means nothing here is a further column and is kept under its own name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from spheroid_qc.tables.dose_units import Unit, parse_unit
from spheroid_qc.tables.synonyms import (
    DOSE_HEADINGS,
    DOSE_WORDS,
    HEADING_KINDS,
    HEADING_PAIRS,
    HOURS_IN,
    MEASURED_WORDS,
    RESPONSE_MEANINGS,
    folded,
)


@dataclass(frozen=True, slots=True)
class Heading:
    """What one heading means.

    Attributes
    ----------
    kind : str
        `well`, `row`, `column`, `plate`, `drug`, `dose`, `unit`, `role`, `control`, `cell_line`,
        `vehicle_group`, `dosed_at_h`, `washout_at_h`, `cells_seeded`, `biological_replicate`,
        `replicate`, `passage`, `molar_mass_g_mol`, `control_name`, `index`, `time_h`, `date`,
        `block` (a matrix of doses), `stratum`, `factor` (a stratum where it tells rows apart),
        `remark`, `ignored` or `extra`.
    written : str
        The heading as written, single-spaced.
    slot : str
        Number of the drug (`1`, `2` ...; `n` in templates); empty where the heading has none.
    unit : Unit or None
        Unit of doses that the heading states.
    bad_unit : str
        A unit in brackets that is not known.
    factor : float
        A number as written times this factor is in the kind's own unit (hours, g/mol).
    scale : str
        Of doses: `log10`, or another logarithm as written; of times: `unstated` where no unit is
        named. Empty for plain numbers.
    """

    kind: str
    written: str
    slot: str = ""
    unit: Unit | None = None
    bad_unit: str = ""
    factor: float = 1.0
    scale: str = ""


_SLOTTED = frozenset({"drug", "dose", "unit", "dosed_at_h", "washout_at_h", "molar_mass_g_mol"})
_LETTER_SLOTS = {"a": "1", "b": "2", "c": "3", "d": "4"}
_GRAMS = {"g/mol": 1.0, "da": 1.0, "kda": 1000.0, "kg/mol": 1000.0, "": 1.0}
_LONGEST = 120
_NAMED_DOSE = re.compile(
    r"(?P<name>.*?[^\W\d_].*?)(?:[\s_]*[(\[](?P<bracket>[^()\[\]]{2,})[)\]]|[\s_]+(?P<last>\S{2,}))"
)
# Words in one pair of angle brackets; anything that could be markup is somebody's own name.
_REMINDER = re.compile(r"<[^<>/=\"']+>")
_BRACKETS = re.compile(r"(.*?)\s*[\(\[]([^()\[\]]*)[\)\]]\s*(.*)")
# What brackets say of a dose besides its unit.
_KIND_OF_DOSE = re.compile(r"(?i)final|nominal|in well|final conc\.?|final concentration|in assay")
_LOGARITHM = re.compile(
    r"(?P<minus>[-\u2212\u2013]\s*)?(?P<log>(?i:log[ _]?(?:10|2|e)|log|lg|ln))(?![a-z])(?P<rest>.*)"
)
_LOG_WORD = re.compile(r"(?i)(?:^|[\s_(\[])(?P<log>log[ _]?(?:10|2|e)|log|lg|ln)(?=$|[\s_)\]])")
# A heading that is nothing but the unit of a dose; `nm`, `M` and `%` have other meanings too.
_BARE_UNIT = re.compile(
    r"[\[(]?\s*(?:[pnumµμ]M|(?:n|u|µ|μ|m)g/m[lL]|(?:nano|micro|milli)molar)\s*[\])]?"
)
_PREFIXES = re.compile(r"(?i)^(?:image[ _.]?)?metadata[ _.](?=\S)")


def is_placeholder(text: str) -> bool:
    """Tell whether a cell is a template's reminder, such as `<Add_drug_cols_if_necessary>`."""
    return _REMINDER.fullmatch(text) is not None


def named_dose(text: str) -> tuple[str, Unit] | None:
    """Read a heading that names a drug and the unit of its doses: `gemcitabine (uM)`, `gem_nM`.

    None for anything else: a share (`serum (%)`), a result (`IC50 (nM)`), a word for doses.
    """
    written = " ".join(text.split())
    match = _NAMED_DOSE.fullmatch(written) if len(written) <= _LONGEST else None
    if match is None:
        return None
    name, unit = match["name"].strip(" _-,"), parse_unit(match["bracket"] or match["last"])
    words = {word for word in re.split(r"[\W\d_]+", folded(name)) if word}
    if unit is None or unit.kind not in ("molar", "mass") or not words:
        return None
    if match["last"] and not match["last"].endswith("M") and unit.kind == "molar":
        return None  # `focus_um` is a length
    result = words & (DOSE_WORDS | MEASURED_WORDS | RESPONSE_MEANINGS.keys())
    return None if result or read_heading(name).kind != "extra" else (name, unit)


def is_dose_like(text: str) -> bool:
    """Tell whether a heading that was not understood begins like one of doses (`dose_xM`)."""
    words = [folded(token) for token in _tokens(text[:_LONGEST], False)]
    return any(
        HEADING_KINDS.get(" ".join(words[:length])) == "dose" for length in range(1, len(words))
    )


def _tokens(text: str, camel: bool) -> list[str]:
    if camel:
        text = re.sub(r"(?<=[a-zäöü])(?=[A-Z])", " ", text)
    text = re.sub(r"(?<=[A-Za-z])(?=\d)", " ", text)
    return [token for token in re.split(r"[\s_.:,;|\-]+|(?<=\d)(?=[A-Za-z])", text) if token]


def read_heading(text: str) -> Heading:
    """Read one heading, or the name of a grid.

    Parameters
    ----------
    text : str
        As written.

    Returns
    -------
    Heading
        Of kind `extra` where nothing is recognised.
    """
    written = " ".join(text.split())
    if len(written) > _LONGEST:
        return Heading("extra", written)
    bare = written.lstrip("#").strip() if len(written) > 1 else written
    bare = _PREFIXES.sub("", bare)
    return _logarithm(bare, written) or _plain(bare, written)


def _logarithm(bare: str, written: str) -> Heading | None:
    """Read a heading of logarithmic doses: `log10 conc (M)`, `Log[M]`, `dose_log10_uM`."""
    match = _LOGARITHM.fullmatch(bare)
    if match:
        rest = match["rest"].strip(" _-.,:([")
        minus = match["minus"] or ""
        if rest.endswith((")", "]")) and not re.search(r"[(\[]", rest):
            rest = rest[:-1]
    else:
        match = _LOG_WORD.search(bare)
        if match is None:
            return None
        start, end = match.span("log")
        rest, minus = f"{bare[:start]}{bare[end:]}".strip(" _-.,:"), ""
        rest = re.sub(r"([(\[])\s*[_ ]*|[(\[]\s*[)\]]", r"\1", rest).strip()
    rest = rest.replace("[", "(").replace("]", ")")
    named = re.fullmatch(r"[^()]+\)\s*[,(]?\s*([^()]+?)\)?", rest)  # `Log[gemcitabine] (M)`
    rest = named[1] if named and parse_unit(named[1]) else rest
    unit = parse_unit(rest.strip("() "))
    plain = Heading("dose", written, unit=unit) if unit else _plain(rest, written)
    if plain.kind != "dose":
        return None
    scale = re.sub(r"[ _]", "", match["log"].casefold())
    scale = "log10" if scale == "lg" else scale
    return replace(plain, scale=f"-{scale}" if minus else scale)


def _plain(bare: str, written: str) -> Heading:
    if _BARE_UNIT.fullmatch(bare):
        return Heading("dose", written, unit=parse_unit(bare))
    bracket = ""
    match = _BRACKETS.fullmatch(bare)
    if match and match[1]:
        bare, bracket = f"{match[1]} {match[3]}".strip(), match[2].strip()
        if bracket.isdigit():
            bare, bracket = f"{bare} {bracket}", ""
        elif _KIND_OF_DOSE.fullmatch(bracket):
            bracket = ""
    for spelling, camel in ((bare, False), (bare, True), (bare.replace("/", " ", 1), False)):
        found = _from_tokens(_tokens(spelling, camel), written, bracket)
        if found is not None:
            return found
    return Heading("extra", written)


def _from_tokens(tokens: list[str], written: str, bracket: str) -> Heading | None:
    lower = [folded(token) for token in tokens]
    pair = HEADING_PAIRS.get(" ".join(lower))
    if pair:
        return _complete(pair[0], written, pair[1], [], bracket)
    known = DOSE_HEADINGS.get(" ".join(lower))
    if known and not bracket:
        return Heading("dose", written, unit=parse_unit(known))
    attempts = [(list(range(len(tokens))), "")]
    for position, token in enumerate(lower):
        rest = [place for place in range(len(tokens)) if place != position]
        if position and re.fullmatch(r"0?[1-9]\d?", token):
            attempts.append((rest, str(int(token))))
        elif position and token in _LETTER_SLOTS:
            attempts.append((rest, _LETTER_SLOTS[token]))
        elif position and token == "n" and position == len(tokens) - 1:
            attempts.append((rest, "n"))
    for kept, slot in attempts:
        for length in range(min(len(kept), 4), 0, -1):
            kind = HEADING_KINDS.get(" ".join(lower[place] for place in kept[:length]))
            if kind is None or (slot and kind not in _SLOTTED):
                continue
            found = _complete(
                kind, written, slot, [tokens[place] for place in kept[length:]], bracket
            )
            if found is not None:
                return found
    return None


def _complete(kind: str, written: str, slot: str, rest: list[str], bracket: str) -> Heading | None:
    """Judge what follows the words: a unit where the kind has one, else nothing may follow."""
    if kind == "stratum":
        return Heading(kind, written)
    if kind == "ignored":
        return Heading(kind, written) if rest else None
    if kind in ("factor", "remark", "block", "date"):
        return None if rest else Heading(kind, written)
    tail = " ".join(word for word in rest if word.casefold() not in ("in", "/"))
    if kind == "dose":
        unit = parse_unit(tail) or parse_unit("/".join(tail.split())) if tail else None
        if tail and unit is None:
            return None
        if bracket:
            stated = parse_unit(bracket)
            if stated is None:
                return Heading(kind, written, slot, None, bracket)
            unit = unit or stated
        return Heading(kind, written, slot, unit)
    if kind == "drug" and bracket and not tail and (stated := parse_unit(bracket)) is not None:
        return Heading("dose", written, slot, stated)  # `Drug (uM)` is the drug's dose
    if kind == "time_h":
        return _time(written, tail, bracket)
    if kind in ("dosed_at_h", "washout_at_h"):
        factor = HOURS_IN.get((tail or bracket or "h").casefold())
        if factor is None:
            return Heading(kind, written, slot, None, bracket) if bracket and not tail else None
        scale = "" if tail or bracket else "unstated"
        return Heading(kind, written, slot, factor=factor, scale=scale)
    if kind == "molar_mass_g_mol":
        factor = _GRAMS.get("/".join((tail or bracket).casefold().split()))
        return None if factor is None else Heading(kind, written, slot, factor=factor)
    if kind == "cells_seeded" and tail.casefold() in ("per well", "/well", "well"):
        tail = ""
    return None if tail else Heading(kind, written, slot)


def _time(written: str, tail: str, bracket: str) -> Heading | None:
    """Read the unit of a heading of times: behind it, in brackets, or the heading itself."""
    word = folded(tail or bracket)
    if word and word not in HOURS_IN:
        return Heading("time_h", written, bad_unit=bracket) if bracket and not tail else None
    if word:
        return Heading("time_h", written, factor=HOURS_IN[word])
    own = [HOURS_IN[one] for one in re.split(r"[^a-z]+", folded(written)) if one in HOURS_IN]
    if own:
        return Heading("time_h", written, factor=own[0])
    return Heading("time_h", written, scale="unstated")
