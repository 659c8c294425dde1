"""Combinations in words: synergistic or not, in which response, by which method, how sure.

Methods ask different questions (Bliss: independence; Loewe and the index: additive doses; HSA:
more than the better drug), so a sentence always names them. Bliss speaks first: it needs no
curve and holds for any number of drugs; the others stand behind it, also where they disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from spheroid_qc.analysis.verdict.findings import VerdictFinding
from spheroid_qc.response.groups import ALL_PLATES
from spheroid_qc.response.synergy.best_doublet import BestDoublet
from spheroid_qc.response.synergy.model_registry import leading_models, model_of, verdict_models

_WORDS = {
    "yes": "synergistic",
    "opposite": "antagonistic",
    "open": "not shown either way",
    "small": "",  # its words name the limit
}
_UNTOLD = {"unknown": "not possible", "unsure": "without an interval"}


class MeanEstimate(NamedTuple):
    """What one mean says: outcome, value and interval."""

    outcome: str
    value: float
    low: float
    high: float
    note: str


def combination_findings(
    synergy: pd.DataFrame, titles: Mapping[str, str], minimum: float, level: float
) -> list[VerdictFinding]:
    """Say of every combination whether it is synergistic.

    Parameters
    ----------
    synergy : DataFrame
        `Analysis.synergy`.
    titles : mapping
        Response -> short words for it; one entry where there is one response.
    minimum : float
        Smallest mean excess that is called synergy (`response.min_excess`).
    level : float
        Confidence level of the intervals.

    Returns
    -------
    list of VerdictFinding
        One per stratum and combination, in the table's order; `facts` holds, by response and
        method, `outcome, value, low, high`.
    """
    found = []
    leading = [model.method for model in leading_models()]
    for stratum, combination, rows in _combinations(synergy):
        facts: dict[str, object] = {}
        told: dict[str, dict[str, MeanEstimate]] = {}
        for response, own in _by_response(rows, titles):
            told[response] = {
                model.method: _told(part, model.method, minimum)
                for model in verdict_models()
                if len(part := own[own["method"] == model.method])
            }
            facts |= {
                f"{response}:{method}": one._asdict() for method, one in told[response].items()
            }
        lead = next(
            (m for m in leading if any(m in t and t[m].outcome in _WORDS for t in told.values())),
            leading[0],
        )
        outcomes = {r: t[lead].outcome for r, t in told.items() if lead in t}
        outcome = _overall(outcomes.values())
        facts |= {"method": model_of(lead).name, "outcomes": outcomes, "combination": combination}
        facts |= {"stratum": stratum}
        sentence = _sentence(combination, lead, outcome, told, titles, level, minimum)
        subject = f"{combination} | {stratum}" if stratum else combination
        if stratum:
            sentence = f"{stratum}: {sentence}"
        found.append(VerdictFinding("combination", subject, outcome, sentence, facts))
    return [_headline(found), *found] if found else []


def _headline(found: Sequence[VerdictFinding]) -> VerdictFinding:
    """First sentence: which combinations are synergistic, and what was meant by it."""
    yes = [finding for finding in found if finding.outcome == "yes"]
    against = [finding for finding in found if finding.outcome == "opposite"]
    rest = [finding for finding in found if finding.outcome not in ("yes", "opposite")]
    parts = []
    for words, those in (("Synergistic", yes), ("Antagonistic", against)):
        by = dict.fromkeys(str(finding.facts["method"]) for finding in those)
        for method in by:
            named = [f.subject for f in those if f.facts["method"] == method]
            parts.append(f"{words} by {method}: {'; '.join(named)}.")
    if rest:
        others = "; ".join(finding.subject for finding in rest)
        parts.append(f"No synergy shown: {others}.")
    parts.append(
        "Bliss asks whether effects are independent, Loewe and the combination index whether "
        "doses add up: they can differ."
    )
    outcome = "yes" if yes else "opposite" if against else "open"
    facts = {"synergistic": tuple(f.subject for f in yes)}
    return VerdictFinding("combination", "", outcome, " ".join(parts), facts)


def third_drug_findings(
    synergy: pd.DataFrame, titles: Mapping[str, str], level: float
) -> list[VerdictFinding]:
    """Say of every triple whether it does more than its best pair.

    Parameters
    ----------
    synergy, titles, level
        As for `combination_findings`.

    Returns
    -------
    list of VerdictFinding
    """
    method = BestDoublet.method
    found = []
    for stratum, combination, rows in _combinations(synergy):
        if not (rows["method"] == method).any():
            continue
        told = {
            response: _told(own[own["method"] == method], method, 0.0)
            for response, own in _by_response(rows, titles)
            if (own["method"] == method).any()
        }
        outcome = _overall([one.outcome for one in told.values()])
        parts = []
        words = {"yes": "more", "opposite": "less", "open": "not shown to be more"}
        for response, one in told.items():
            where = f" in {titles[response]}" if titles.get(response) else ""
            if one.outcome not in words:
                parts.append(f"can't be told{where}" + _why(one.note))
            else:
                parts.append(f"{words[one.outcome]}{where} ({_figure(one, level)})")
        sentence = f"{combination} against its best pair: {_and(parts)}."
        if stratum:
            sentence = f"{stratum}: {sentence}"
        facts = {response: one._asdict() for response, one in told.items()}
        found.append(VerdictFinding("third_drug", combination, outcome, sentence, facts))
    return found


def _combinations(synergy: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    """Means of every stratum and combination, of all plates where there are several."""
    if synergy.empty:
        return []
    means = synergy[synergy["level"] == "mean"]
    strata = means["stratum"].astype(str) if "stratum" in means else pd.Series("", means.index)
    found = []
    keys = dict.fromkeys(zip(strata, means["combination"].astype(str), strict=True))
    for stratum, combination in keys:
        rows = means[(strata == stratum) & (means["combination"] == combination)]
        if "plate" in rows and (rows["plate"] == ALL_PLATES).any():
            rows = rows[rows["plate"] == ALL_PLATES]
        found.append((stratum, combination, rows))
    return found


def _by_response(rows: pd.DataFrame, titles: Mapping[str, str]) -> list[tuple[str, pd.DataFrame]]:
    if "response" not in rows:
        return [(next(iter(titles), "response"), rows)]
    return [(name, rows[rows["response"] == name]) for name in dict.fromkeys(rows["response"])]


def _told(rows: pd.DataFrame, method: str, minimum: float) -> MeanEstimate:
    row = rows.iloc[0]
    value, low, high = (float(row[name]) for name in ("value", "low", "high"))
    note = str(row["note"])
    # An interval without a bound on one side has an empty cell there.
    low = -np.inf if row["low_qualifier"] == "unbounded" else low
    high = np.inf if row["high_qualifier"] == "unbounded" else high
    if not np.isfinite(value):
        return MeanEstimate("unknown", value, low, high, note)
    if np.isnan(low) or np.isnan(high):
        return MeanEstimate("unsure", value, low, high, note)
    model = model_of(method)
    outcome = {1: "yes", -1: "opposite", 0: "open"}[model.side(low, high)]
    if outcome != "open" and not model.is_ratio and abs(value) < minimum:
        outcome = "small"
    return MeanEstimate(outcome, value, low, high, note)


def _overall(outcomes: Iterable[str]) -> str:
    known = [outcome for outcome in outcomes if outcome in _WORDS]
    if not known:
        return "unknown"
    if "yes" in known and "opposite" in known:
        return "mixed"
    for one in ("yes", "opposite", "small"):
        if one in known:
            return one
    return "open"


def _sentence(
    combination: str, lead: str, outcome: str, told: Mapping[str, Mapping[str, MeanEstimate]],
    titles: Mapping[str, str], level: float, minimum: float,
) -> str:  # fmt: skip
    if outcome == "unknown":
        notes = {one[lead].note for one in told.values() if lead in one}
        untold = f"{combination}: can't be told{_why(' '.join(sorted(notes)))}."
        return f"{untold} {_others(told, '', titles, minimum)}".strip()
    grouped: dict[str, list[str]] = {}
    for response, methods in told.items():
        one = methods.get(lead)
        if one is None:
            continue
        where = f"{titles.get(response, '')} ".lstrip()
        words = _words(one, minimum)
        figure = f"{_figure(one, level)}" if one.outcome in _WORDS else ""
        grouped.setdefault(words, []).append(f"{where}{figure}".strip())
    order = sorted(grouped, key=lambda words: words != _WORDS["yes"])
    parts = [
        f"{words} ({'; '.join(filter(None, grouped[words]))})" if any(grouped[words]) else words
        for words in order
    ]
    sentence = f"{combination}: by {model_of(lead).name} {', '.join(parts)}."
    others = _others(told, lead, titles, minimum)
    return f"{sentence} {others}".strip()


def _others(
    told: Mapping[str, Mapping[str, MeanEstimate]],
    lead: str,
    titles: Mapping[str, str],
    minimum: float,
) -> str:
    """Say method by method what the others find."""
    sentences = []
    for model in leading_models():
        by_words: dict[str, list[str]] = {}
        for response, methods in told.items():
            one = methods.get(model.method)
            if model.method == lead or one is None:
                continue
            value = "" if one.outcome == "unknown" else f"{one.value:.2g}"
            title = titles.get(response, "")
            place = f"{title} {value}".strip() if title or value else ""
            by_words.setdefault(_words(one, minimum), []).append(place)
        if by_words:
            parts = [
                f"{words} ({', '.join(filter(None, places))})" if any(places) else words
                for words, places in by_words.items()
            ]
            sentences.append(f"{model.name[0].upper()}{model.name[1:]}: {', '.join(parts)}.")
    return " ".join(sentences)


def _words(one: MeanEstimate, minimum: float) -> str:
    if one.outcome == "small":
        side = "more" if one.value > 0 else "less"
        return f"{side} than expected, but by less than {minimum:g}"
    return _WORDS.get(one.outcome, _UNTOLD.get(one.outcome, "can't be told"))


def _figure(one: MeanEstimate, level: float) -> str:
    low = "no lower bound" if np.isinf(one.low) else _short(one.low)
    high = "no upper bound" if np.isinf(one.high) else _short(one.high)
    return f"{_short(one.value)}, {100 * level:g} % CI {low} to {high}"


def _short(value: float) -> str:
    text = f"{value:.2f}"
    return text.removeprefix("-") if text == "-0.00" else text


def _why(note: str) -> str:
    return f" ({note.rstrip('.')})" if note else ""


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
