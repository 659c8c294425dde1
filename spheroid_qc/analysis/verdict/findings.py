"""The answer in words first: what falls apart, since when, how sure, and what can't be trusted.

Every sentence stands beside the figures it was made from, so that terminal, report and tests
read the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spheroid_qc.analysis.analysis_result import Analysis

_SHORT_TITLES = {
    "core_volume_loss_vs_vehicle": "core volume lost",
    "df_excess_vs_vehicle": "disintegration",
}


@dataclass(frozen=True)
class VerdictFinding:
    """One statement.

    Parameters
    ----------
    topic : str
        `masks_unfit`, `falls_apart`, `combination`, `third_drug`, `dose`, `quality` or `left_out`.
    subject : str
        Condition, combination, drug, plate or wells that it is about.
    outcome : str
        `yes`, `no`, `opposite`, `slightly_more`, `slightly_less` (shown, but by less than counts),
        `open` (not shown either way), `mixed` (responses disagree) or `unknown` (can't be told,
        and the sentence says why).
    sentence : str
        The statement in words.
    facts : mapping
        Figures behind it.
    """

    topic: str
    subject: str
    outcome: str
    sentence: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """All statements, in the order in which they are read."""

    findings: tuple[VerdictFinding, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """Only the words."""
        return tuple(finding.sentence for finding in self.findings)

    def about(self, topic: str) -> tuple[VerdictFinding, ...]:
        """Statements on one topic."""
        return tuple(finding for finding in self.findings if finding.topic == topic)


def short_titles(analysis: Analysis) -> dict[str, str]:
    """Name every response in a word or two, for sentences on several of them."""
    return {use.name: _SHORT_TITLES.get(use.name, use.title) for use in analysis.responses}
