"""`spheroid-qc run PLATES... --campaign DIR`: many plates, and what is said of them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from spheroid_qc.cli.options import say_problems
from spheroid_qc.cli.terminal import Reporter, echo, one_line
from spheroid_qc.run.run_request import RunRequest
from spheroid_qc.wording import plural
from spheroid_qc.workflow.campaign import PlateOutcome, run_campaign


def run_campaign_command(folders: Sequence[Path], out: Path, asked: Mapping[str, Any]) -> None:
    """Analyse all plates and say what stands out; `asked` are the fields that they share."""

    def told(number: int, outcome: PlateOutcome) -> None:
        place = f"{number}/{len(folders)}  {one_line(str(outcome.source))}: "
        result = outcome.result
        if result is None:
            echo(f"{place}not analysed. {one_line(outcome.sentence)}", err=True)
            return
        words = f"{result.n_frames} frames, {result.n_new} new"
        if result.failures:
            words += f", {plural(len(result.failures), 'problem')}"
        echo(f"{place}{words}; {out / outcome.run}")
        for warning in result.warnings:
            echo(f"warning: {one_line(warning)}", err=True)

    with Reporter() as report:
        result = run_campaign(folders, out, RunRequest(folders[0], out, **asked), report, told)
    say_problems(result.failures, f", all listed in the qc.csv of each run folder in {out}")
    echo("")
    for sentence in result.answer:
        echo(one_line(sentence))
    done = sum(one.result is not None for one in result.outcomes)
    echo(f"\n{done} of {plural(len(folders), 'plate')} analysed; run folders and tables: {out}")
    echo(f"to look at: {result.page}")
    raise typer.Exit(1 if result.failures else 0)
