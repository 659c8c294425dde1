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
from spheroid_qc.plate_map import with_strata
from spheroid_qc.response.replicates import stratum_of
from spheroid_qc.response.synergy.best_doublet import BestDoublet
from spheroid_qc.response.synergy.model_registry import leading_models, model_of, verdict_models
from spheroid_qc.response.wells_analysed_together import ALL_PLATES
from spheroid_qc.wording import listed_and

_WORDS = {
    "yes": "synergistic",
    "opposite": "antagonistic",
    "open": "not shown either way",
    "small": "",  # its words name the limit
}
_NO_OUTCOME = {"unknown": "not possible", "unsure": "without an interval"}


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

    One finding per stratum and combination, in the table's order; `facts` holds, by response and
    method, `outcome, value, low, high`. `titles`: response -> short words for it, one entry where
    there is one response; `minimum` is the smallest mean excess that is called synergy.
    """
    found = []
    leading = [model.method for model in leading_models()]
    for stratum, combination, rows in _combinations(synergy):
        facts: dict[str, object] = {}
        estimates: dict[str, dict[str, MeanEstimate]] = {}
        for response, own in _by_response(rows, titles):
            estimates[response] = {
                model.method: _estimate(part, model.method, minimum)
                for model in verdict_models()
                if len(part := own[own["method"] == model.method])
            }
            facts |= {
                f"{response}:{method}": one._asdict() for method, one in estimates[response].items()
            }
        telling = {m for of in estimates.values() for m in of if of[m].outcome in _WORDS}
        lead = next((method for method in leading if method in telling), leading[0])
        outcomes = {r: t[lead].outcome for r, t in estimates.items() if lead in t}
        outcome = _overall(outcomes.values())
        facts |= {"method": model_of(lead).name, "outcomes": outcomes, "combination": combination}
        facts |= {"stratum": stratum}
        sentence = _sentence(combination, lead, outcome, estimates, titles, level, minimum)
        subject = with_strata(combination, stratum)
        where = f"{stratum}: " if stratum else ""
        found.append(VerdictFinding("combination", subject, outcome, where + sentence, facts))
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

    Parameters are those of `combination_findings`.
    """
    method = BestDoublet.method
    found = []
    for stratum, combination, rows in _combinations(synergy):
        if not (rows["method"] == method).any():
            continue
        estimates = {
            response: _estimate(own[own["method"] == method], method, 0.0)
            for response, own in _by_response(rows, titles)
            if (own["method"] == method).any()
        }
        outcome = _overall([one.outcome for one in estimates.values()])
        parts = []
        words = {"yes": "more", "opposite": "less", "open": "not shown to be more"}
        for response, one in estimates.items():
            where = f" in {titles[response]}" if titles.get(response) else ""
            if one.outcome not in words:
                parts.append(f"can't be estimates{where}" + _why(one.note))
            else:
                parts.append(f"{words[one.outcome]}{where} ({_figure(one, level)})")
        sentence = f"{combination} against its best pair: {listed_and(parts)}."
        sentence = f"{stratum}: {sentence}" if stratum else sentence
        facts = {response: one._asdict() for response, one in estimates.items()}
        found.append(VerdictFinding("third_drug", combination, outcome, sentence, facts))
    return found


def _combinations(synergy: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    """Means of every stratum and combination, of all plates where there are several."""
    if synergy.empty:
        return []
    means = synergy[synergy["level"] == "mean"]
    found = []
    for key, rows in means.groupby([stratum_of(means), "combination"], sort=False):
        if "plate" in rows and (rows["plate"] == ALL_PLATES).any():
            rows = rows[rows["plate"] == ALL_PLATES]
        found.append((str(key[0]), str(key[1]), rows))
    return found


def _by_response(rows: pd.DataFrame, titles: Mapping[str, str]) -> list[tuple[str, pd.DataFrame]]:
    if "response" not in rows:
        return [(next(iter(titles), "response"), rows)]
    return [(name, rows[rows["response"] == name]) for name in dict.fromkeys(rows["response"])]


def _estimate(rows: pd.DataFrame, method: str, minimum: float) -> MeanEstimate:
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
    return next((one for one in ("yes", "opposite", "small") if one in known), "open")


def _sentence(
    combination: str, lead: str, outcome: str, estimates: Mapping[str, Mapping[str, MeanEstimate]],
    titles: Mapping[str, str], level: float, minimum: float,
) -> str:  # fmt: skip
    if outcome == "unknown":
        notes = {one[lead].note for one in estimates.values() if lead in one}
        sentence = f"{combination}: can't be estimates{_why(' '.join(sorted(notes)))}."
        return f"{sentence} {_others(estimates, '', titles, minimum)}".strip()
    grouped: dict[str, list[str]] = {}
    for response, methods in estimates.items():
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
    others = _others(estimates, lead, titles, minimum)
    return f"{sentence} {others}".strip()


def _others(
    estimates: Mapping[str, Mapping[str, MeanEstimate]],
    lead: str,
    titles: Mapping[str, str],
    minimum: float,
) -> str:
    """Say method by method what the others find."""
    sentences = []
    for model in leading_models():
        by_words: dict[str, list[str]] = {}
        for response, methods in estimates.items():
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
    return _WORDS.get(one.outcome, _NO_OUTCOME.get(one.outcome, "can't be estimates"))


def _figure(one: MeanEstimate, level: float) -> str:
    low = "no lower bound" if np.isinf(one.low) else f"{one.low:z.2f}"
    high = "no upper bound" if np.isinf(one.high) else f"{one.high:z.2f}"
    return f"{one.value:z.2f}, {100 * level:g} % CI {low} to {high}"


def _why(note: str) -> str:
    return f" ({note.rstrip('.')})" if note else ""
