"""`spheroid-qc adapt`: what was learned, before and after, and whether it is kept."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from spheroid_qc.cli.terminal import echo, one_line
from spheroid_qc.wording import plural

if TYPE_CHECKING:
    from spheroid_qc.run.adaptation.propose_adapter import Comparison, Proposal
    from spheroid_qc.run.progress import Progress


def run_adapt(
    out: Path, *, yes: bool, dry_run: bool, progress: Callable[[Progress], None] | None
) -> None:
    """Learn from the corrections of a run, show what it does, and keep it if it is wanted.

    `RequestError` if the folder holds no run to learn from.
    """
    from spheroid_qc.run.adaptation.propose_adapter import (
        keep_adapter,
        propose,
        write_pictures,
    )

    proposal = propose(out, progress)
    pictures = write_pictures(proposal)
    echo("\n".join([*comparison_lines(proposal), "", f"pictures of before and after: {pictures}"]))
    if not proposal.learned.helps:
        echo(
            "Nothing is kept: frames that were left out are not segmented better by what the "
            "others teach. Correct more frames, of other wells and times, and try again."
        )
        return
    if dry_run:
        echo("Nothing is kept, since this was a dry run.")
        return
    if not yes and not _wanted():
        echo("Nothing is kept; look at the pictures, and add --yes to keep it.")
        return
    kept = keep_adapter(proposal)
    command = f"spheroid-qc run {_quoted(proposal.folder)} --out {_quoted(proposal.out)}"
    echo(
        f"Kept: {kept}\nRun the same command as before once more, with all its options ({command} "
        "...): it makes the masks anew, and keeps corrected ones. For the next plate of this "
        f"microscope add --adapter {_quoted(kept)}."
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


def _place(found: Comparison) -> str:
    return one_line(f"{found.plate} {found.well} {found.time_h:g} h")


def _fractions(found: Comparison) -> str:
    if math.isnan(found.fraction_before):
        return ""
    return f"{found.fraction_before:.2f} -> {found.fraction_after:.2f}"


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}"


def _wanted() -> bool:
    """Ask, where there is somebody to answer."""
    if sys.stdin is None or not sys.stdin.isatty():
        return False
    echo("Keep it? [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _quoted(path: Path) -> str:
    text = str(path)
    return f'"{text}"' if " " in text else text
