"""Headings of wide columns: a repeat, a time, a name, or several of them, each read whole.

`PANC1_rep2`, `24h rep 1`, `bio rep 1`, `Mean`: words of a repeat and of a time are taken out, and
what is left is a name, of a drug, a line or a condition, which must not get lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from spheroid_qc.tables.dose_units import parse_unit
from spheroid_qc.tables.located_cells import TableRow
from spheroid_qc.tables.parse_cells import amount_and_unit
from spheroid_qc.tables.summary_lines import is_summary

_TIME = re.compile(
    r"(?i)(?<![^\W_])(?:t\s*=?\s*)?\d+(?:[.,]\d+)?\s*(?:h|hr|hrs|hours?|d|days?|min|wk|weeks?)"
    r"(?![^\W_])|(?<![^\W_])(?:day|week)[\s_\-]*\d+(?![^\W_])"
)
_BIOLOGICAL = re.compile(
    r"(?i)(?<![^\W_])(?:bio(?:l|logical)?[\s_.\-]*(?:rep|replicate|repeat)|exp|experiment)"
    r"[\s_.\-#]*\d{1,2}(?![^\W_])"
)
_REPEAT = re.compile(
    r"(?i)(?<![^\W_])(?:tech(?:n|nical)?[\s_.\-]*)?(?:rep|repl|replicate|repeat|replikat|wdh)"
    r"[\s_.\-#]*\d{1,2}(?![^\W_])"
)
# A letter and a number name a repeat where nothing else stands there, or at the end.
_SHORT_REPEAT = re.compile(r"(?i)(?:(?:^|[\s_])[nry]|no\.?)[\s_.\-]*\d{1,2}$|\(\d{1,2}\)$")
_EXPERIMENTS = re.compile(r"(?i)n[\s_.\-]*\d{1,2}")
# `570 nm` is a wavelength, though `nm` is read as nM in a column of doses.
_LENGTH = re.compile("[munpµμ]m")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


@dataclass(frozen=True, slots=True)
class WideHeading:
    """What the heading of one wide column says; each part as written, empty where it says none.

    `dose`: the heading is a dose with its unit and nothing else; `number`: it is nothing but a
    number; `statistic`: a mean or an error of others.
    """

    written: str
    name: str = ""
    time: str = ""
    replicate: str = ""
    biological: str = ""
    dose: str = ""
    number: bool = False
    statistic: bool = False


def read_wide_heading(text: str) -> WideHeading:
    """Read one heading, with nothing left out."""
    written = " ".join(text.split())
    if is_summary(written):
        return WideHeading(written, statistic=True)
    if _NUMBER.fullmatch(written):
        return WideHeading(written, number=True)
    amount, unit = amount_and_unit(written)
    if amount and parse_unit(unit) is not None and not _LENGTH.fullmatch(unit):
        return WideHeading(written, dose=written)
    rest = written
    found: dict[str, str] = {}
    for part, pattern in (
        ("biological", _BIOLOGICAL),
        ("replicate", _REPEAT),
        ("time", _TIME),
        ("replicate", _SHORT_REPEAT),
    ):
        match = pattern.search(rest)
        if match and part not in found:
            found[part] = match[0].strip(" _()")
            rest = f"{rest[: match.start()]} {rest[match.end() :]}"
    name = " ".join(re.sub(r"\(\s*\)|\[\s*\]", " ", rest).split()).strip(" _-.,;:/|")
    name = re.sub(r"^[(\[]\s*(.*?)\s*[)\]]$", r"\1", name)
    if "replicate" in found and "biological" not in found and _EXPERIMENTS.fullmatch(name):
        found["biological"], name = name, ""  # `N1_rep2`: the experiment, and its repeat
    return WideHeading(
        written,
        name,
        found.get("time", ""),
        found.get("replicate", ""),
        found.get("biological", ""),
    )


def counts_up(headings: Sequence[str]) -> bool:
    """Tell whether numbers only count: 1, 2, 3, once or once for each group."""
    numbers = {int(text) for text in headings if text.isdigit()}
    whole = all(text.isdigit() for text in headings)
    return whole and numbers == set(range(1, len(numbers) + 1)) and len(numbers) > 1


def labels_above(above: TableRow | None, columns: Sequence[int]) -> list[str] | None:
    """Give for each wide column what the line above its heading says of it.

    A label holds for the columns to its right up to the next, as merged cells do. None where the
    line says nothing of them; an empty text where a column stands left of the first label.
    """
    if above is None or not any(above.text(at) for at in columns):
        return None
    labels = []
    current = ""
    for at in range(min(columns), max(columns) + 1):
        current = above.text(at) or current
        if at in columns:
            labels.append(current)
    return labels
