"""`spheroid-qc run` once its options are read: one plate, a plate that is watched, or many."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from spheroid_qc.cli.options import conclude, say_profile
from spheroid_qc.cli.terminal import Reporter
from spheroid_qc.errors import RequestError
from spheroid_qc.stopwatch import Work


def run_folders(
    folders: Sequence[Path],
    out: Path | None,
    asked: Mapping[str, Any],
    *,
    watch: bool,
    campaign: Path | None,
    profile: bool,
) -> None:
    """Analyse folders as asked (the further arguments of `run_plate`), and say what came out."""
    if campaign is not None:
        from spheroid_qc.cli.campaign_command import run_campaign_command

        if watch or out is not None:
            raise RequestError(
                "--campaign takes plates that are there, and makes a run folder for each in its "
                "own folder: leave out --out and --watch."
            )
        run_campaign_command(folders, campaign, asked)
        return
    if len(folders) > 1:
        raise RequestError(
            f"{len(folders)} folders were given; name the --campaign folder that their run folders "
            "go into, or give one folder."
        )
    before = time.process_time()
    if watch:
        from spheroid_qc.cli.watch_command import run_watch_command

        result = run_watch_command(folders[0], out, asked)
    else:
        from spheroid_qc.workflow.run_and_report import run_plate

        with Reporter() as report:
            result = run_plate(folders[0], out=out, progress=report, **asked)
    conclude(result)
    if profile:
        begun = {Work.START: result.profile.get(Work.START, 0.0) + before}
        say_profile({**result.profile, **begun}, result.n_new)
    raise typer.Exit(1 if result.failures else 0)
