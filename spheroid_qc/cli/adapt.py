"""`spheroid-qc adapt`: what was learned, before and after, and whether it is kept."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from spheroid_qc.cli.terminal import echo, one_line

if TYPE_CHECKING:
    from spheroid_qc.run.progress import Progress


def run_adapt(
    out: Path, *, yes: bool, dry_run: bool, progress: Callable[[Progress], None] | None
) -> None:
    """Learn from the corrections of a run, show what it does, and keep it if it is wanted.

    `RequestError` if the folder holds no run to learn from.
    """
    from spheroid_qc.run.adaptation.comparison_lines import NOTHING_LEARNED, comparison_lines
    from spheroid_qc.run.adaptation.propose_adapter import (
        keep_adapter,
        propose,
        write_pictures,
    )

    proposal = propose(out, progress)
    pictures = write_pictures(proposal)
    lines = [one_line(line) for line in comparison_lines(proposal)]
    echo("\n".join([*lines, "", f"pictures of before and after: {pictures}"]))
    if not proposal.learned.helps:
        echo(NOTHING_LEARNED)
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


def _wanted() -> bool:
    """Ask, where there is somebody to answer."""
    if sys.stdin is None or not sys.stdin.isatty():
        return False
    echo("Keep it? [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _quoted(path: Path) -> str:
    text = str(path)
    return f'"{text}"' if " " in text else text
