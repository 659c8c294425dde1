"""What was learned, in lines for a person: each frame before and after."""

from __future__ import annotations

import math

from spheroid_qc.run.adaptation.propose_adapter import Comparison, Proposal
from spheroid_qc.wording import plural

NOTHING_LEARNED = (
    "Nothing is kept: frames that were left out are not segmented better by what the others teach. "
    "Correct more frames, of other wells and times, and try again."
)


def comparison_lines(proposal: Proposal) -> list[str]:
    """Lines for a terminal: corrected frames, each judged by what the others teach, and further."""
    learned = proposal.learned
    lines = [
        f"Learned from {plural(len(proposal.corrected), 'corrected frame')}; each is judged by "
        "what the others teach.",
        f"Kept of the change: core {learned.core:.0%}, shed material {learned.shed:.0%}.",
        "",
        "corrected frames     core overlap      disintegration     corrected",
    ]
    for found in proposal.corrected:
        overlap = f"{found.overlap_before:.2f} -> {found.overlap_after:.2f}"
        lines.append(
            f"{_place(found):<20} {overlap:<17} {_fractions(found):<18} "
            f"{_number(found.fraction_corrected)}".rstrip()
        )
    lines += ["", "further frames                         disintegration"]
    lines += [f"{_place(found):<38} {_fractions(found)}".rstrip() for found in proposal.others]
    return lines


def picture_words(found: Comparison) -> str:
    """Say of which frame a picture is, and what stands beside each other in it."""
    corrected = "" if math.isnan(found.overlap_before) else "as corrected, "
    return f"{_place(found)}, from left to right: {corrected}before, after"


def _place(found: Comparison) -> str:
    return f"{found.plate} {found.well} {found.time_h:g} h"


def _fractions(found: Comparison) -> str:
    if math.isnan(found.fraction_before):
        return ""
    return f"{found.fraction_before:.2f} -> {found.fraction_after:.2f}"


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}"
