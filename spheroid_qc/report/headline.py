"""The verdict on the page: one line, who is meant, and the statements by question."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from spheroid_qc.analysis import Analysis, VerdictFinding
from spheroid_qc.report.metric_families import MetricFamily
from spheroid_qc.wording import plural

# title, topics, and how many single statements stand before the fold; 0: none beside a summary
_BLOCKS = (
    ("What falls apart", ("falls_apart",), 0),
    ("More than the parts?", ("combination", "third_drug"), 0),
    ("At which dose (EC50)", ("dose",), 4),
    ("Can it be trusted?", ("quality", "left_out"), 5),
)


def verdict_blocks(findings: Sequence[VerdictFinding]) -> list[dict[str, Any]]:
    """Lay the verdict out by question.

    Parameters
    ----------
    findings : sequence of VerdictFinding
        `analysis.verdict.findings`.

    Returns
    -------
    list of dict
        `title`, `lead` (the summary of the question, if there is one), `findings`, `more`.
    """
    blocks = []
    asked = {topic for _, topics, _ in _BLOCKS for topic in topics}
    rest = tuple(dict.fromkeys(f.topic for f in findings if f.topic not in asked))
    for title, topics, maximum in (*_BLOCKS, ("Also", rest, 3)):
        own = [f for f in findings if f.topic in topics]
        lead = [f for f in own if not f.subject]
        single = [f for f in own if f.subject]
        # A summary stands for its parts, which are there to be unfolded.
        hidden = {f.topic for f in lead} if maximum == 0 else set()
        shown = [f for f in single if f.topic not in hidden][: maximum or 3]
        more = [f for f in single if f not in shown]
        if own:
            blocks.append({"title": title, "lead": lead, "findings": shown, "more": more})
    return blocks


def headline(
    analysis: Analysis, families: Sequence[MetricFamily]
) -> tuple[str, list[tuple[str, str]]]:
    """Say the answer in one line, and who it is about in a second one.

    Parameters
    ----------
    analysis : Analysis
        With its verdict: nothing is said that isn't in it.
    families : sequence of MetricFamily
        Treatments.

    Returns
    -------
    str, list of (str, str)
        Headline, and below it who is meant; empty where there is nothing to count.
    """
    verdict = analysis.verdict
    judged = {f.facts["condition"]: f for f in verdict.about("falls_apart") if f.subject}
    joint = verdict.about("combination")
    synergistic = [f.subject for f in joint if f.subject and f.outcome == "yes"]
    combined = [f for f in joint if f.subject]
    if not judged:
        if combined:
            count = f"{len(synergistic)} of {plural(len(combined), 'combination')}"
            messages = (
                f"{count} did more than {'its' if len(combined) == 1 else 'their'} parts would."
            )
            return messages, _named("More than the parts", synergistic)
        if analysis.spheres:
            return _spheres(analysis), []
        return "", []
    fell: dict[str, float] = {}
    for family in families:
        times = [
            float(str(found.facts.get("median_h", math.nan)))
            for name in family.names
            if (found := judged.get(name)) and found.outcome == "yes"
        ]
        if times:
            title = family.title.partition(", ")[0]
            known = [t for t in times if math.isfinite(t)]
            earlier = fell.get(title, math.inf)
            fell[title] = min([earlier, *known])
    if not fell:
        return "No treatment was shown to make the spheroids fall apart.", _named(
            "More than the parts", synergistic
        )
    several = [t for t in fell if " + " in t]
    alone = [t for t in fell if " + " not in t]
    every = {f.title.partition(", ")[0] for f in families if " + " in f.title}
    if several:
        messages = (
            f"{len(several)} of {plural(len(every), 'combination')} made spheroids fall apart"
        )
        both = [t for t in several if t in synergistic]
        if combined:
            messages += ", " + _more(len(both), len(several))
        messages += "; no drug alone did." if not alone else f"; so did {_and(alone)} alone."
    else:
        messages = f"{_and(alone)} made spheroids fall apart" + (
            "; no combination did." if every else "."
        )
    order = sorted(fell, key=lambda t: fell[t])
    when = [f"{t} (by {fell[t]:g} h)" if math.isfinite(fell[t]) else t for t in order]
    return messages[:1].upper() + messages[1:], [
        *_named("Fell apart", when), *_named("More than the parts", synergistic)
    ]  # fmt: skip


def _spheres(analysis: Analysis) -> str:
    """Say in how many conditions fewer spheres formed, by Dunnett's test."""
    table = analysis.comparisons
    table = table[table["role"] == "treated"] if len(table) else table
    for metric in ("sfe_percent", "spheres_per_well", "n_spheroids"):
        rows = table[table["metric"] == metric] if len(table) else table
        if not len(rows):
            continue
        sure = rows["p_dunnett"] < 1 - analysis.parameters.response.confidence
        fewer, more = (
            (sure & (rows["difference"] < 0)).sum(),
            (sure & (rows["difference"] > 0)).sum(),
        )
        messages = (
            f"Fewer spheres than in vehicle in {fewer} of {plural(len(rows), 'treated condition')}"
        )
        return messages + (f", more in {more}." if more else ".")
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


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
