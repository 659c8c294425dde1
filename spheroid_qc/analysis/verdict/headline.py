"""The verdict in one line: what falls apart, and which combinations do more than their parts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from spheroid_qc.analysis.analysis_result import Analysis
from spheroid_qc.analysis.treatment_families import TreatmentFamily
from spheroid_qc.wording import listed_and, plural


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
    synergistic = [f for f in combined if f.outcome == "yes"]
    more = _named("More than the parts", [f.subject for f in synergistic])
    if not outcomes:
        if combined:
            count = f"{len(synergistic)} of {plural(len(combined), 'combination')}"
            return (
                f"{count} did more than {'its' if len(combined) == 1 else 'their'} parts would.",
                more,
            )
        return _spheres(analysis) if analysis.spheres else "", []
    fell: dict[str, float] = {}
    for family in families:
        found = [outcomes[name] for name in family.names if name in outcomes]
        times = [float(str(f.facts["median_h"])) for f in found if f.outcome == "yes"]
        if times:
            known = [fell.get(family.treatment, math.inf), *filter(math.isfinite, times)]
            fell[family.treatment] = min(known)
    if not fell:
        return "No treatment was shown to make the spheroids fall apart.", more
    joint = {family.treatment: family for family in families if len(family.drugs) > 1}
    several = [joint[name] for name in fell if name in joint]
    alone = [name for name in fell if name not in joint]
    if several:
        sentence = (
            f"{len(several)} of {plural(len(joint), 'combination')} made spheroids fall apart"
        )
        if combined:
            shown = {(f.facts["combination"], f.facts["stratum"]) for f in synergistic}
            both = [f for f in several if (" + ".join(f.drugs), f.stratum) in shown]
            sentence += ", " + _more(len(both), len(several))
        sentence += f"; so did {listed_and(alone)} alone." if alone else "; no drug alone did."
    else:
        sentence = f"{listed_and(alone)} made spheroids fall apart"
        sentence += "; no combination did." if joint else "."
    order = sorted(fell, key=lambda name: fell[name])
    when = [f"{t} (by {fell[t]:g} h)" if math.isfinite(fell[t]) else t for t in order]
    return sentence[:1].upper() + sentence[1:], [*_named("Fell apart", when), *more]


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


def _more(count: int, of: int) -> str:
    """Say how many of those that fell apart did more than their parts would."""
    if of == 1:
        return "more than its parts would" if count else "not shown to do more than its parts"
    if not count:
        return "none of them shown to do more than its parts"
    return f"{'all' if count == of else count} of them more than their parts would"


def _named(words: str, names: Sequence[str]) -> list[tuple[str, str]]:
    return [(words, "; ".join(names) + ".")] if names else []
