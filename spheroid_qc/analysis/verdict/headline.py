"""The verdict in one line: what falls apart, and which combinations do more than their parts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from spheroid_qc.analysis.analysis_result import Analysis
from spheroid_qc.analysis.treatment_families import TreatmentFamily
from spheroid_qc.analysis.verdict.combination_verdict import OUTCOME_WORDS, in_sentence
from spheroid_qc.analysis.verdict.disintegration_verdict import ONLY_LATE, outcomes_of
from spheroid_qc.analysis.verdict.findings import VerdictFinding
from spheroid_qc.wording import listed_and, plural

_UNSHOWN = ("open", "unsure", "unknown")
"""Outcomes that are counted after those that were shown."""


def headline(
    analysis: Analysis, families: Sequence[TreatmentFamily]
) -> tuple[str, list[tuple[str, str]]]:
    """Say the answer in one line, and who it is about in a second one.

    Parameters
    ----------
    analysis : Analysis
        With its verdict: nothing is said that isn't in it.
    families : sequence of TreatmentFamily
        Treatments.

    Returns
    -------
    str, list of (str, str)
        Headline, and below it who is meant; empty where there is nothing to count.
    """
    verdict = analysis.verdict
    outcomes = {f.facts["condition"]: f for f in verdict.about("falls_apart") if f.subject}
    combined = [f for f in verdict.about("combination") if f.subject]
    groups = [
        entry
        for outcome, words in OUTCOME_WORDS.items()
        if words.group
        for entry in _named(words.group, [f.subject for f in combined if f.outcome == outcome])
    ]
    if not outcomes:
        if combined:
            areas = _named("Most", [str(f.facts["areas"]) for f in combined if f.facts["areas"]])
            return _combinations(combined), groups if len(combined) > 1 else areas
        return (_spheres(analysis) if analysis.spheres else _doses(analysis)), []
    fell: dict[str, float] = {}
    for family in families:
        found = [outcomes[name] for name in family.names if name in outcomes]
        times = [float(str(f.facts["median_h"])) for f in found if f.outcome == "yes"]
        if times:
            known = [fell.get(family.treatment, math.inf), *filter(math.isfinite, times)]
            fell[family.treatment] = min(known)
    late = _in_the_last_frame(analysis, [f for f in families if f.treatment not in fell])
    if not fell:
        end = f"; {listed_and(late)} {ONLY_LATE}" if late else ""
        return f"No treatment was shown to make the spheroids fall apart{end}.", groups
    joint = {family.treatment: family for family in families if len(family.drugs) > 1}
    several = [joint[name] for name in fell if name in joint]
    alone = [name for name in fell if name not in joint]
    if several:
        sentence = (
            f"{len(several)} of {plural(len(joint), 'combination')} made spheroids fall apart"
        )
        # Maps and tables may name the drugs of a combination in another order.
        fallen = {(frozenset(f.drugs), f.stratum) for f in several}
        own = [f for f in combined if (_drugs_of(f), f.facts["stratum"]) in fallen]
        sentence += f" ({_counted(own)})" if own else ""
        single = [name for name in late if name not in joint]
        if alone:
            sentence += f"; so did {listed_and(alone)} alone."
        elif single:
            sentence += f"; {listed_and(single)} alone {ONLY_LATE}."
        else:
            sentence += "; no drug alone did."
    else:
        sentence = f"{listed_and(alone)} made spheroids fall apart"
        both = [name for name in late if name in joint]
        if both:
            sentence += f"; {listed_and(both)} {ONLY_LATE}."
        else:
            sentence += "; no combination did." if joint else "."
    order = sorted(fell, key=lambda name: fell[name])
    when = [f"{t} (by {fell[t]:g} h)" if math.isfinite(fell[t]) else t for t in order]
    return sentence[:1].upper() + sentence[1:], [*_named("Fell apart", when), *groups]


def _drugs_of(finding: VerdictFinding) -> frozenset[str]:
    return frozenset(str(finding.facts["combination"]).split(" + "))


def _in_the_last_frame(analysis: Analysis, families: Sequence[TreatmentFamily]) -> list[str]:
    """Treatments of which half of the wells are debris at the time that is compared.

    Falling apart has to last for more than one frame; what pictures show of the last one is said.
    """
    late = {o.condition for o in outcomes_of(analysis) if o.only_in_the_last_frame}
    return [family.treatment for family in families if set(family.names) & late]


def _spheres(analysis: Analysis) -> str:
    """Say in how many conditions fewer spheres formed, by Dunnett's test."""
    table = analysis.comparisons
    if table.empty:
        return ""
    for metric in ("sfe_percent", "spheres_per_well", "n_spheroids"):
        rows = table[(table["role"] == "treated") & (table["metric"] == metric)]
        if rows.empty:
            continue
        sure = rows["p_dunnett"] < 1 - analysis.parameters.response.confidence
        fewer = (sure & (rows["difference"] < 0)).sum()
        more = (sure & (rows["difference"] > 0)).sum()
        treated = plural(len(rows), "treated condition")
        return f"Fewer spheres than in vehicle in {fewer} of {treated}" + (
            f", more in {more}." if more else "."
        )
    return ""


def _combinations(combined: Sequence[VerdictFinding]) -> str:
    """Say what the combinations did: of one what it was called, of several how many of each."""
    if len(combined) > 1:
        sentence = _counted(combined)
        return f"Of {_cases(combined, 'combination')}, {sentence}."
    (one,) = combined
    name = one.subject[:1].upper() + one.subject[1:]
    if one.outcome == "mixed":
        return f"{name} did more than its parts would in one response, and less in another."
    if not OUTCOME_WORDS[one.outcome].did:
        return f"Whether {one.subject} did more than its parts can't be told: no interval."
    by: dict[str, list[str]] = {}
    calls = one.facts["calls"]
    for outcome, method in calls if isinstance(calls, tuple) else ():
        by.setdefault(outcome, []).append(in_sentence(method))
    verb = "was" if one.outcome == "open" else "did"
    did = OUTCOME_WORDS[one.outcome].did
    sentence = f"{name} {verb} {did} by {listed_and(by.pop(one.outcome))}"
    for outcome, methods in by.items():
        sentence += f", {OUTCOME_WORDS[outcome].short} by {listed_and(methods)}"
    opposed = one.facts["opposed"]
    return f"{sentence}; at single doses {opposed}." if opposed else f"{sentence}."


def _counted(combined: Sequence[VerdictFinding]) -> str:
    """Count combinations by what they did, and name the method where it is one."""
    outcomes = [f.outcome for f in combined]
    parts = [
        f"{count} {words.counted}"
        for outcome, words in sorted(OUTCOME_WORDS.items(), key=lambda item: item[0] in _UNSHOWN)
        if words.counted and (count := sum(one == outcome for one in outcomes))
    ]
    methods = {str(f.facts["method"]) for f in combined if f.outcome != "unknown"}
    return listed_and(parts) + (f", by {in_sentence(*methods)}" if len(methods) == 1 else "")


def _cases(findings: Sequence[VerdictFinding], word: str) -> str:
    """Count drugs or combinations; in several strata they are counted in each."""
    if len({f.facts["stratum"] for f in findings}) > 1:
        return f"{plural(len(findings), 'case')} ({word}s by stratum)"
    return plural(len(findings), word)


def _doses(analysis: Analysis) -> str:
    """Say of one drug what it does, of several how many reach half effect."""
    drugs = [f for f in analysis.verdict.about("dose") if f.subject]
    if len(drugs) == 1:
        title = str(drugs[0].facts["title"])
        return title[:1].upper() + title[1:]
    if not drugs or not any("half" in f.facts for f in drugs):
        return ""
    half = [f for f in drugs if f.facts.get("half")]
    return f"{len(half)} of {_cases(drugs, 'drug')} reached half effect."


def _named(words: str, names: Sequence[str]) -> list[tuple[str, str]]:
    return [(words, "; ".join(names) + ".")] if names else []
