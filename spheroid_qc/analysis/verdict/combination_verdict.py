"""Combinations in words: more or less than their parts, in which response, by which method.

Methods ask different questions (Bliss: independence; Loewe and the index: additive doses; HSA:
more than the better drug), so a sentence always names them. Bliss speaks first: it needs no
curve and holds for any number of drugs; the others stand behind it, also where they disagree.
What is said of a value is what column `call` of `synergy.csv` says, for every picture reads it.
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
from spheroid_qc.response.synergy.braid import Braid
from spheroid_qc.response.synergy.model_registry import leading_models, model_of, verdict_models
from spheroid_qc.response.wells_analysed_together import of_all_plates
from spheroid_qc.wording import dose_words, finite, interval, listed_and, number, telling_places

OUTCOMES = {"more": "yes", "less": "opposite"}
"""`call` of `synergy.csv` -> outcome of a finding, where these are different words."""


class OutcomeWords(NamedTuple):
    """How an outcome is said: the same words in title and sentences.

    `called` is what a combination is called, `did` and `short` what it did, and of several
    `counted` so many, who stand in a `group` of their own.
    """

    called: str
    did: str = ""
    short: str = ""
    counted: str = ""
    group: str = ""


OUTCOME_WORDS = {
    "yes": OutcomeWords("synergistic", "more than its parts would", "more",
                        "did more than the parts would", "More than the parts"),
    "slightly_more": OutcomeWords("slightly synergistic", "slightly more than its parts would",
                                  "slightly more", "did slightly more", "Slightly more"),
    "open": OutcomeWords("not shown either way", "not shown to do more or less than its parts",
                         "not shown either way", "not shown either way"),
    "slightly_less": OutcomeWords("slightly antagonistic", "slightly less than its parts would",
                                  "slightly less", "did slightly less", "Slightly less"),
    "opposite": OutcomeWords("antagonistic", "less than its parts would", "less",
                             "did less than the parts would", "Less than the parts"),
    "mixed": OutcomeWords("mixed", "", "more in one response and less in another",
                          "did more in one response and less in another",
                          "More in one response, less in another"),
    "unsure": OutcomeWords("without an interval"),
    "unknown": OutcomeWords("not possible", "", "", "can't be judged"),
}  # fmt: skip
"""What a combination did, by outcome, synergy first."""

_ORDER = tuple(OUTCOME_WORDS)


class CalledValue(NamedTuple):
    """What one row says: outcome, value and interval, and where it stands, in words."""

    outcome: str
    value: float
    low: float
    high: float
    note: str
    where: str = ""

    @property
    def known(self) -> bool:
        """Whether anything can be told from it."""
        return self.outcome not in ("unsure", "unknown")


def combination_findings(
    synergy: pd.DataFrame, titles: Mapping[str, str], level: float,
    given: Mapping[str, str] | None = None,
) -> list[VerdictFinding]:  # fmt: skip
    """Say of every combination whether it does more or less than its parts.

    One finding per stratum and combination, in the table's order; `facts` holds, by response and
    method, `outcome, value, low, high`. `titles`: response -> short words for it, one entry where
    there is one response; `level` is that of the intervals; `given`: drug -> molar unit in
    which its doses were written.
    """
    found = []
    leading = [model.method for model in leading_models()]
    for stratum, combination, rows in _combinations(synergy):
        values: dict[str, dict[str, CalledValue]] = {}
        areas: dict[str, CalledValue] = {}
        for response, own in _by_response(rows, titles):
            means = own[own["level"] == "mean"]
            values[response] = {
                model.method: called_value(part.iloc[0])
                for model in verdict_models()
                if len(part := means[means["method"] == model.method])
            }
        telling = {m for of in values.values() for m, one in of.items() if one.known}
        lead = next((method for method in leading if method in telling), leading[0])
        for response, own in _by_response(rows, titles):
            area = own[(own["level"] == "area") & (own["method"] == lead)]
            for _, row in area.iterrows():
                if row["call"] in OUTCOMES:
                    areas[response] = called_value(row, given)
        outcomes = {r: of[lead].outcome for r, of in values.items() if lead in of}
        opposed = "; ".join(
            f"{titles.get(response, '')} {told}".strip()
            for response, own in _by_response(rows, titles)
            if (told := _opposed(own[(own["method"] == lead) & (own["level"] == "dose")]))
        )
        known = {m: [of[m].outcome for of in values.values() if m in of and of[m].known]
                 for m in leading}  # fmt: skip
        calls = tuple((_overall(own), model_of(m).name) for m, own in known.items() if own)
        facts: dict[str, object] = {
            f"{response}:{method}": one._asdict()
            for response, of in values.items() for method, one in of.items()
        } | {
            "method": model_of(lead).name, "code": lead, "outcomes": outcomes,
            "combination": combination, "stratum": stratum, "calls": calls, "opposed": opposed,
            "areas": "; ".join(f"around {one.where} ({_figure(one, level)})"
                               for one in areas.values() if one.outcome == "yes"),
        }  # fmt: skip
        sentence = _sentence(combination, lead, values, areas, titles, level)
        sentence += f" Not alike over the doses: {opposed}." if opposed else ""
        where = f"{stratum}: " if stratum else ""
        found.append(
            VerdictFinding(
                "combination", with_strata(combination, stratum), _overall(outcomes.values()),
                where + sentence, facts,
            )
        )  # fmt: skip
    return [_headline(found), *found] if found else []


def _opposed(doses: pd.DataFrame) -> str:
    """Say of single doses how many do more and how many less; empty where not both occur."""
    calls = doses["call"].fillna("").astype(str).str.removeprefix("slightly_")
    more, less = int((calls == "more").sum()), int((calls == "less").sum())
    return f"more at {more} and less at {less} of {len(calls)}" if more and less else ""


def _headline(found: Sequence[VerdictFinding]) -> VerdictFinding:
    """First sentence: what each combination was called, and what was meant by it."""
    words = {outcome: said.called for outcome, said in OUTCOME_WORDS.items()}
    words |= {"mixed": "answers of the responses disagree", "unknown": "can't be told"}
    parts = []
    for outcome in ("yes", "slightly_more", "opposite", "slightly_less", "mixed", "open",
                    "unknown"):  # fmt: skip
        those = [finding for finding in found if finding.outcome == outcome]
        told = outcome not in ("unknown", "mixed")
        for method in dict.fromkeys(str(f.facts["method"]) if told else "" for f in those):
            named = [f.subject for f in those if not told or f.facts["method"] == method]
            head = f"{words[outcome][0].upper()}{words[outcome][1:]}"
            by = f" by {in_sentence(method)}" if told else ""
            parts.append(f"{head}{by}: {'; '.join(named)}.")
    parts.append(
        "Bliss asks whether effects are independent, Loewe and the combination index whether "
        "doses add up: they can differ."
    )
    called = [finding.outcome for finding in found]
    outcome = next((one for one in ("yes", "opposite", "slightly_more", "slightly_less")
                    if one in called), "open")  # fmt: skip
    facts = {"synergistic": tuple(f.subject for f in found if f.outcome == "yes")}
    return VerdictFinding("combination", "", outcome, " ".join(parts), facts)


def in_sentence(method: str) -> str:
    """Name a method within a sentence: Bliss, the combination index."""
    return method if method[:1].isupper() else f"the {method}"


def third_drug_findings(
    synergy: pd.DataFrame, titles: Mapping[str, str], level: float
) -> list[VerdictFinding]:
    """Say of every triple whether it does more than its best pair.

    Parameters are those of `combination_findings`.
    """
    found = []
    words = {outcome: said.short for outcome, said in OUTCOME_WORDS.items()}
    words["open"] = "not shown to be more"
    for stratum, combination, rows in _combinations(synergy):
        means = rows[(rows["method"] == BestDoublet.method) & (rows["level"] == "mean")]
        values = {
            response: called_value(own.iloc[0])
            for response, own in _by_response(means, titles)
            if len(own)
        }
        if not values:
            continue
        outcome = _overall(one.outcome for one in values.values())
        parts = []
        for response, one in values.items():
            where = f" in {titles[response]}" if titles.get(response) else ""
            if one.known:
                parts.append(f"{words[one.outcome]}{where} ({_figure(one, level)})")
            else:
                parts.append(f"can't be told{where}" + _why(one.note))
        sentence = f"{combination} against its best pair: {listed_and(parts)}."
        sentence = f"{stratum}: {sentence}" if stratum else sentence
        facts = {response: one._asdict() for response, one in values.items()}
        found.append(VerdictFinding("third_drug", combination, outcome, sentence, facts))
    return found


def _combinations(synergy: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    """Rows of every stratum and combination, of all plates where there are several."""
    if synergy.empty:
        return []
    rows = of_all_plates(synergy, "combination")
    groups = rows.groupby([stratum_of(rows), "combination"], sort=False)
    return [(str(stratum), str(name), own) for (stratum, name), own in groups]


def _by_response(rows: pd.DataFrame, titles: Mapping[str, str]) -> list[tuple[str, pd.DataFrame]]:
    if "response" not in rows:
        return [(next(iter(titles), "response"), rows)]
    return [(name, rows[rows["response"] == name]) for name in dict.fromkeys(rows["response"])]


def called_value(row: pd.Series, given: Mapping[str, str] | None = None) -> CalledValue:
    """Take a row of `synergy.csv` at its word."""
    value, low, high = (float(row[name]) for name in ("value", "low", "high"))
    # An interval without a bound on one side has an empty cell there.
    low = -np.inf if row["low_qualifier"] == "unbounded" else low
    high = np.inf if row["high_qualifier"] == "unbounded" else high
    # Where no row of the table is called anything the cells are not texts.
    call = "" if pd.isna(row["call"]) else str(row["call"])
    outcome = OUTCOMES.get(call, call) or ("unsure" if np.isfinite(value) else "unknown")
    return CalledValue(outcome, value, low, high, str(row["note"]), doses_in_words(row, given))


def doses_in_words(row: pd.Series, given: Mapping[str, str] | None = None) -> str:
    """Doses of a row of `synergy.csv`, in the order of its drugs; empty where it has none.

    `given`: drug -> molar unit in which its doses were written.
    """
    words = []
    for n, drug in enumerate(str(row["combination"]).split(" + "), start=1):
        dose, unit = finite(row[f"dose_{n}_um"]), "uM"
        if dose is None and (dose := finite(row.get(f"dose_{n}"))) is not None:
            unit = str(row[f"unit_{n}"])
        if dose is not None:
            words.append(dose_words(dose, unit, (given or {}).get(drug, "")))
    return " + ".join(words)


def kappa_words(rows: pd.DataFrame) -> str:
    """Say BRAID's parameter for a matrix, from rows of one combination; empty where it has none."""
    found = rows[(rows["method"] == Braid.method) & rows["value"].notna()]
    if not len(found):
        return ""
    row = found.iloc[0]
    ends = interval(row["low"], row["high"])
    return f"{Braid.name} {number(row['value'], 2)}{f' ({ends})' if ends else ''}; 0: doses add up"


def _overall(outcomes: Iterable[str]) -> str:
    """Put the outcomes of several responses together."""
    known = {outcome for outcome in outcomes if outcome not in ("unsure", "unknown")}
    if not known:
        return "unknown"
    if known & {"yes", "slightly_more"} and known & {"opposite", "slightly_less"}:
        return "mixed"
    return next(
        one for one in ("yes", "opposite", "slightly_more", "slightly_less", "open") if one in known
    )


def _sentence(
    combination: str, lead: str, values: Mapping[str, Mapping[str, CalledValue]],
    areas: Mapping[str, CalledValue], titles: Mapping[str, str], level: float,
) -> str:  # fmt: skip
    """Say what the leading method finds, where most of it lies, and what the others find."""
    leading = {r: of[lead] for r, of in values.items() if lead in of and of[lead].known}
    sentences = []
    if leading:
        parts = _grouped(
            (one.outcome, f"{titles.get(r, '')} {_figure(one, level)}".strip())
            for r, one in leading.items()
        )
        method = in_sentence(model_of(lead).name)
        sentences.append(f"{combination}: by {method} {', '.join(parts)}.")
    else:
        notes = sorted({of[lead].note for of in values.values() if lead in of})
        sentences.append(f"{combination}: can't be told{_why(' '.join(notes))}.")
    for response, one in areas.items():
        title = f" in {titles[response]}" if titles.get(response) else ""
        side = "Most synergistic" if one.value > 0 else "Least antagonistic"
        sentences.append(f"{side}{title} around {one.where} ({_figure(one, level)}).")
    for model in leading_models():
        parts = _grouped(
            (of[model.method].outcome,
             f"{titles.get(r, '')} {of[model.method].value:.2g}".replace("nan", "").strip())
            for r, of in values.items()
            if model.method in of and not (model.method == lead and leading)
        )  # fmt: skip
        if parts:
            sentences.append(f"{model.name[0].upper()}{model.name[1:]}: {', '.join(parts)}.")
    return " ".join(sentences)


def _grouped(told: Iterable[tuple[str, str]]) -> list[str]:
    """Gather figures by outcome, synergy first: `synergistic (0.2; 0.3)`."""
    groups: dict[str, list[str]] = {}
    for outcome, figure in told:
        groups.setdefault(outcome, []).append(figure)
    return [
        OUTCOME_WORDS[one].called
        + (f" ({'; '.join(filter(None, groups[one]))})" if any(groups[one]) else "")
        for one in sorted(groups, key=_ORDER.index)
    ]


def _figure(one: CalledValue, level: float) -> str:
    low, high = (
        f"no {side} bound" if np.isinf(end) else f"{end:z.{telling_places(end)}f}"
        for side, end in (("lower", one.low), ("upper", one.high))
    )
    return f"{one.value:z.2f}, {100 * level:g} % CI {low} to {high}"


def _why(note: str) -> str:
    return f" ({note.rstrip('.')})" if note else ""
