"""That the masks don't fit a microscope, in words: what a run says before anything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from spheroid_qc.analysis.verdict.findings import VerdictFinding
from spheroid_qc.flags.plate_checks import BEFORE_DOSE, MasksUnfit

ADVICE = (
    "Look at the overlays of these frames before anything else. Where the outlines are wrong, "
    "correct some of them (three or more, in the Review panel) and let the program learn from "
    "that with spheroid-qc adapt RUN, or try another --method or other settings of the "
    "segmentation. Where they are right, the spheroids were loose without any drug, and this plate "
    "says little about drugs."
)
"""What to do, the same in terminal, report and panels."""

_ASSUMED = (
    "No dose time was given, so that the first frame counts as from before the dose; state it with "
    "--dose-time if it does not."
)


def unfit_sentences(found: Sequence[MasksUnfit]) -> list[str]:
    """Say of every plate and group of wells that its masks don't fit; empty where all do."""
    return [
        f"The masks don't fit this microscope (plate {one.plate}): {one.words}"
        + (f" {_ASSUMED}" if one.dose_assumed and one.group == BEFORE_DOSE else "")
        for one in found
    ]


def unfit_lines(found: Sequence[MasksUnfit]) -> list[str]:
    """Say the same, and what to do, for the top of a terminal or a panel; empty where all fit."""
    sentences = unfit_sentences(found)
    return [*sentences, ADVICE] if sentences else []


def unfit_findings(found: Sequence[MasksUnfit]) -> list[VerdictFinding]:
    """Say the same as statements of a verdict; `facts` are those of the record."""
    return [
        VerdictFinding("masks_unfit", one.plate, "no", sentence, asdict(one))
        for one, sentence in zip(found, unfit_sentences(found), strict=True)
    ]
