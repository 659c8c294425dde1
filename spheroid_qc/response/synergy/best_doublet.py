"""Excess over the best smaller combination: whether the last drug adds anything at these doses."""

from __future__ import annotations

from spheroid_qc.response.synergy.hsa import HighestSingleAgent


class BestDoublet(HighestSingleAgent):
    """Excess of a triple over the best of its three doublets at the same doses."""

    method = "excess_over_best_doublet"
    name = "best doublet"
    title = "beyond the best doublet"
    colour = "vermillion"
    references = ()
    requires = "The doublets of a triple at its doses; no curve."
    words = ("Better than its best part", "Worse than its best part")
    verdict_rank = None
    lacking = "Not every doublet was tested at these doses."

    def applies(self, drugs: int) -> bool:
        """Only for triples."""
        return drugs == 3

    def part_size(self, drugs: int) -> int:
        """All drugs but one."""
        return drugs - 1


class BestSubset(BestDoublet):
    """The same for more than three drugs: the best combination of all but one."""

    method = "excess_over_best_subset"
    name = "best smaller combination"
    title = "beyond the best smaller combination"
    colour = "muted"
    requires = "All combinations of all drugs but one at the same doses; no curve."

    def applies(self, drugs: int) -> bool:
        """For four drugs and more."""
        return drugs > 3
