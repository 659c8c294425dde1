"""What every drug does alone: how far it gets, and at which doses.

`EC50` is relative (the inflection of the curve), `IC50` absolute (half affected): they stand side
by side, since a drug that levels off early has the first and not the second. How far a drug gets is
the effect at the highest tested dose, which wells hold; the plateau of its curve is extrapolated,
and an end of its interval that nothing holds is said as open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from spheroid_qc.analysis.analysis_result import Analysis
from spheroid_qc.analysis.verdict.findings import VerdictFinding, short_titles
from spheroid_qc.response.replicates import stratum_of
from spheroid_qc.response.wells_analysed_together import of_all_plates
from spheroid_qc.wording import dose_in, finite, number, percent


def dose_findings(analysis: Analysis) -> list[VerdictFinding]:
    """Say what every drug does alone, by response.

    One finding per stratum and drug; `unknown` where no response has a curve. Of `facts`, `ec50`
    are its dose and interval by response, `half` whether half effect is reached in any, `patterns`
    what the wells follow, by response.
    """
    table = analysis.dose_response
    if table.empty:
        return []
    alone = table[(table["ratio"].fillna("") == "") & table["drug"].isin(analysis.drugs)]
    alone = of_all_plates(alone, "drug")
    kinds = {use.name: use.kind for use in analysis.responses}
    short = short_titles(analysis)
    findings = []
    for (stratum, drug), rows in alone.groupby([stratum_of(alone), "drug"], sort=False):
        words, doses, titles = [], [], []
        by_response: dict[str, str] = {}
        half: bool | None = None
        for _, row in rows.iterrows():
            name = row["response"] if "response" in row else next(iter(kinds), "")
            fraction = kinds.get(name) != "raw"
            title = f"{short.get(name, name)} " if "response" in row else ""
            told, short_told = _words(row, analysis, fraction=fraction)
            words.append(title + told)
            by_response[str(name)] = told
            titles.append(title + short_told)
            doses.append(tuple(_dose(row, f"ec50{end}") for end in ("", "_low", "_high")))
            if fraction:
                half = bool(half) or _reaches_half(row)
        sentence = f"{stratum}: " * bool(stratum) + f"{drug}: {'; '.join(words)}."
        outcome = "yes" if np.isfinite([dose[0] for dose in doses]).any() else "unknown"
        facts: dict[str, Any] = {"stratum": stratum, "ec50": tuple(doses)}
        facts |= {"patterns": tuple(rows["pattern"]), "words": by_response}
        facts["title"] = f"{drug}: {'; '.join(titles).rstrip(', ')}."
        if half is not None:
            facts["half"] = half
        findings.append(VerdictFinding("dose", str(drug), outcome, sentence, facts))
    return findings


def _dose(row: pd.Series, name: str) -> float:
    """Give a dose in the unit that is analysed."""
    return float(row[f"{name}_um" if row["unit"] == "uM" else name])


def _reaches_half(row: pd.Series) -> bool:
    """Whether half of the cells are affected within the tested doses."""
    if row["pattern"] in ("curve", "misfit"):
        return bool(np.isfinite(_dose(row, "ic50_abs")) and row["ic50_abs_qualifier"] != ">")
    return bool(row["effect_at_top"] >= 0.5)


class _Effect(NamedTuple):
    """An effect in words, what it is a share `of`, and its interval.

    `interval` is empty without one; `open`: there is one of which no end is known.
    """

    value: str
    of: str
    interval: str
    open: bool = False

    @classmethod
    def read(cls, row: pd.Series, name: str, *, fraction: bool) -> _Effect:
        """Take it from a row of `dose_response.csv`.

        What is a fraction lies within 0 and 1, and an end of its interval beyond is open. Growth
        beyond that of the vehicle is no fraction affected, and said as what there is of it.
        """
        value, low, high = (finite(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
        if value is None:
            return cls("", "", "")
        given, of = low is not None or high is not None, ""
        shown: Callable[[object], str] = number
        if fraction and round(100 * value) < 0:
            shown, of = percent, " of the vehicle"
            value, low, high = 1 - value, *(None if v is None else 1 - v for v in (high, low))
        elif fraction:
            shown, of, value = percent, " affected", min(max(value, 0.0), 1.0)
            low = None if low is None or low <= 0 else min(low, 1.0)
            high = None if high is None or high >= 1 else high
            if high is None and low is not None and round(100 * low) == 100:
                return cls(shown(low), of, "")  # all of it: there is no more that could be open
        if low is None and high is None:
            return cls(shown(value), of, "", given)
        if low is None or high is None:
            return cls(shown(value), of, f"at most {shown(high)}" if low is None
                       else f"at least {shown(low)}")  # fmt: skip
        return cls(shown(value), of, f"{shown(low)} to {shown(high)}")

    @property
    def words(self) -> str:
        """The value with its interval."""
        return f"{self.value}{self.of}" + (f" ({self.interval})" if self.interval else "")


def top_words(row: pd.Series, *, fraction: bool) -> str:
    """Say the effect at the highest tested dose of a row of `dose_response.csv`."""
    return _Effect.read(row, "effect_at_top", fraction=fraction).words


def plateau_words(row: pd.Series, *, fraction: bool) -> str:
    """Say where the curve of a row of `dose_response.csv` levels off, beyond the tested doses.

    Of a `fraction` affected in percent. The value is extrapolated, and left away where an end of
    its interval is open: `at least 40 %`.
    """
    found = _Effect.read(row, "emax", fraction=fraction)
    of = found.of.replace(" affected", "")
    if found.open:
        return "open"
    if found.interval.startswith("at "):
        return found.interval + of
    return found._replace(of=of).words


def _reach(row: pd.Series, minimum: float, *, fraction: bool) -> tuple[str, str]:
    """Say how far the effect gets, which is the first thing that is asked; and without interval."""
    found = _Effect.read(row, "effect_at_top", fraction=fraction)
    both = found.words, f"{found.value}{found.of}"
    at, verb, short_of = " at the highest dose", "reaches ", ""
    if fraction and row["pattern"] != "none":
        sure = bool(row["pattern"]) or row["effect_at_top_high"] < 0
        if row["effect_at_top"] <= -minimum and sure:
            long, brief = (f"stimulates growth, to {told}{at}" for told in both)
            return long, brief
        short_of = "" if _reaches_half(row) else ", half effect not reached"
    if row["pattern"] == "misfit":  # it may have got further at lower doses
        verb, short_of = "", at + short_of
    return f"{verb}{both[0]}{short_of}", f"{verb}{both[1]}{short_of}"


def _words(row: pd.Series, analysis: Analysis, *, fraction: bool) -> tuple[str, str]:
    """Say how far the effect gets, then IC50 and EC50, and what is wrong; and the first of it.

    A verb comes first: before it stands what was measured.
    """
    pattern = row["pattern"]
    minimum = analysis.parameters.response.min_excess
    reach, brief = _reach(row, minimum, fraction=fraction)
    if not pattern:
        words = f"gives no curve: {'too few doses' if row['n'] else 'never given alone'}"
        if not row["n"] or not np.isfinite(row["effect_at_top"]):
            return words, words
        return f"{words}, {reach}", f"{words}, {brief}"
    if pattern == "none":
        # Level wells may be affected all the same, where the doses begin too high.
        level = fraction and abs(row["effect_at_top"]) >= minimum
        level = level and not row["effect_at_top_low"] <= 0 <= row["effect_at_top_high"]
        told = "shows no dose response"
        if level and np.isnan([row["effect_at_top_low"], row["effect_at_top_high"]]).all():
            # What single wells reach at the end may be an effect that they are too few to show.
            told += " with so few wells"
        return ", ".join(filter(None, (told, reach))), f"{told}, {brief}" if level else told
    if pattern == "trend":
        moves = "changes" if not fraction else "rises" if row["effect_at_top"] > 0 else "falls"
        trend = f"the effect {moves} with the dose (trend p = {row['trend_p']:.2g})"
        told = f"{reach}, {trend}, but no curve is shown by so few wells, so there is no EC50"
        return told, f"{brief}, {trend}"
    names = [("ec50", "EC50")]
    if not fraction or _reaches_half(row):
        names.insert(0, ("ic50_abs", "IC50" if fraction else "half of the vehicle at"))
    doses = [_named_dose(row, *one, analysis) for one in names]
    plateau = plateau_words(row, fraction=fraction)
    ends = f"plateau {plateau}" if plateau else ""
    sentence = ", ".join(filter(None, (reach, *doses, ends)))
    title = ", ".join(filter(None, (brief, next(filter(None, doses), ""))))
    if pattern == "misfit":
        p = row["lack_of_fit_p"]
        more = f"lack of fit p = {p:.1g}" if np.isfinite(p) else "on most plates"
        misfit = "does not fit a curve (biphasic?)"
        return f"{misfit[:-1]}; {more}): {sentence}, to be read with care", f"{misfit}, {brief}"
    doubts = [words for sign, words in _DOUBTS.items() if sign in str(row["note"])]
    return f"{sentence} ({'; '.join(doubts)})" if doubts else sentence, title


# What the note of a curve says at length, in short.
_DOUBTS = {
    "As many parameters as responses": "as many parameters as responses, so no interval",
    "it may be steeper": "slope at its limit: a step anywhere between two tested doses",
    "it may be shallower": "slope at its limit, it may be shallower",
}


def _named_dose(row: pd.Series, name: str, called: str, analysis: Analysis) -> str:
    """Write a dose with its interval, in the unit in which it was given; empty if there is none."""
    value, low, high = (_dose(row, f"{name}{end}") for end in ("", "_low", "_high"))
    if np.isnan(value):
        return ""
    unit = analysis.given_units.get(str(row["drug"]), str(row["unit"]))
    shown, sign = dose_in(value, unit), row[f"{name}_qualifier"]
    if sign in (">", "<"):
        return f"{called} {sign} {shown} {unit}, beyond the tested doses"
    bounds = ""
    if np.isfinite(low) or np.isfinite(high):
        ends = [finite(low), finite(high)]
        lower, upper = (
            f"no {side} bound" if end is None else dose_in(end, unit)
            for side, end in zip(("lower", "upper"), ends, strict=True)
        )
        bounds = f" ({lower} to {upper})"
    return f"{called} {shown} {unit}{bounds}"
