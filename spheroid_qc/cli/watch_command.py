"""`spheroid-qc run --watch`: what is said while a folder is watched, and how it is told to stop."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from spheroid_qc.cli.options import say_first
from spheroid_qc.cli.terminal import Reporter, StopSignal, echo, one_line
from spheroid_qc.parameters import Parameters
from spheroid_qc.run.run_request import RunRequest, default_out
from spheroid_qc.wording import plural
from spheroid_qc.workflow.run_and_report import PlateResult
from spheroid_qc.workflow.watch import STOP, Round, watch_plate


def run_watch_command(folder: Path, out: Path | None, asked: Mapping[str, Any]) -> PlateResult:
    """Watch a folder until it is time to end; `asked` are the other fields of the request."""
    parameters: Parameters = asked["parameters"]
    request = RunRequest(folder, default_out(folder) if out is None else out, **asked)
    until = parameters.watch.until
    echo(
        f"Watching {folder}"
        + (f" until {until}" if until else "")
        + f"; results: {request.out}. To end it: Ctrl-C, or a file {STOP} in that folder."
    )
    asked_to_stop: list[int] = []

    def stop(number: int, _: object) -> None:
        if asked_to_stop:
            signal.signal(number, signal.SIG_DFL)
            raise StopSignal(number)
        asked_to_stop.append(number)
        echo("Ending when this round is done; once more: at once.", err=True)

    before = {
        number: signal.signal(number, stop)
        for number in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        with Reporter() as report:
            return watch_plate(request, _say, report, lambda: bool(asked_to_stop))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(told: Round | str) -> None:
    now = datetime.now().strftime("%H:%M:%S")
    if isinstance(told, str):
        echo(f"{now}  {one_line(told)}", err=True)
        return
    result = told.result
    waiting = f"; {plural(told.waiting, 'file')} not whole yet" if told.waiting else ""
    new = f"{result.n_new} new, {result.n_frames} frames in all"
    echo(f"{now}  {new} ({told.seconds:.0f} s){waiting}")
    say_first([f"Alarm. {sentence}" for sentence in told.fresh_alarms])
