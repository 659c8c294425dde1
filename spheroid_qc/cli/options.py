"""What the commands share: options, settings from file and options, refusals, the last words."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spheroid_qc.cli.terminal import echo, one_line
from spheroid_qc.errors import RequestError
from spheroid_qc.stopwatch import Work

if TYPE_CHECKING:
    from spheroid_qc.analysis import Analysis
    from spheroid_qc.parameters import Parameters
    from spheroid_qc.workflow.run_and_report import PlateResult


NamePattern = Annotated[
    str | None,
    typer.Option(
        "--name-pattern", metavar="REGEX",
        help="Named groups: well, or row and column; plate, field, channel, z, time, day, hour, "
        "minute.",
    ),
]  # fmt: skip
Workers = Annotated[
    int | None, typer.Option(min=1, max=1024, help="Processes. [default: one a processor]")
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler", metavar="ADDRESS",
        help="Scheduler of Dask, whose workers do the wells (pip install 'spheroid_qc[cluster]'). "
        "[default: this computer does]",
    ),
]  # fmt: skip
FoldersThere = Annotated[
    list[str] | None,
    typer.Option(
        "--path-map", metavar="HERE=THERE",
        help="A folder as it is called here and on the workers; may be repeated. [default: they "
        "are called the same]",
    ),
]  # fmt: skip

_MAX_LISTED = 20
_WIDTH = 100


def check_window() -> None:
    """Refuse to open a window where there is none to be had."""
    from importlib.util import find_spec

    bindings = ("PyQt6", "PySide6", "PyQt5", "PySide2")
    if find_spec("napari") is None or not any(find_spec(name) for name in bindings):
        raise RequestError(
            "napari is not installed here; install it with: pip install 'spheroid_qc[all]'"
        )
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise RequestError(
            "There is no screen to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is set); "
            "use spheroid-qc run here, or log in with a screen."
        )


def read_parameters(
    config: Path | None, options: Mapping[str, tuple[str, object]], settings: list[str]
) -> Parameters:
    """Defaults, then the file, then the command line."""
    from spheroid_qc.configuration import apply_overrides, parse_overrides, read_configuration
    from spheroid_qc.parameters import Parameters

    parameters = Parameters() if config is None else read_configuration(config)
    stated = {key: option for key, option in options.items() if option[1] is not None}
    return apply_overrides(parameters, parse_overrides(settings), stated)


def read_response_parameters(
    source: Path, config: Path | None, time: str | None, settings: list[str]
) -> Parameters:
    """Take the settings of the run, and what is stated now for the drug response."""
    from spheroid_qc.analysis.run_folder_analysis import parameters_of_run
    from spheroid_qc.configuration import apply_overrides, parse_overrides, read_configuration
    from spheroid_qc.parameters import Parameters

    base = parameters_of_run(source) or Parameters()
    if config is not None:
        stated = read_configuration(config).response
        base = base.model_copy(update={"response": stated})
    options = {} if time is None else {"response.time_h": ("--time", time)}
    final = apply_overrides(base, parse_overrides(settings), options)
    if final != base.model_copy(update={"response": final.response}):
        raise RequestError(
            "analyse changes settings of the section response only; others change what is "
            "measured: set them with spheroid-qc run and the same --out."
        )
    return final


def say_verdict(analysis: Analysis) -> None:
    """Print what was found out, and on standard error what had to be assumed for it."""
    from spheroid_qc.analysis.verdict.masks_that_do_not_fit import unfit_lines
    from spheroid_qc.analysis.verdict.verdict_sentences import remarks, verdict_lines

    say_first(unfit_lines(analysis.unfit))
    for remark in remarks(analysis):
        echo(f"note: {one_line(remark)}", err=True)
    echo("\n".join([*(one_line(line) for line in verdict_lines(analysis)), ""]))


def say_first(warnings: Sequence[str]) -> None:
    """Print what has to be said before anything else, if there is such a thing."""
    if warnings:
        echo(first_words(warnings))


def first_words(warnings: Sequence[str]) -> str:
    """Lay out what has to be said first: a paragraph for each sentence, none wider than a page."""
    paragraphs = [
        textwrap.fill(
            ("warning: " if number == 0 else "") + one_line(text), _WIDTH,
            break_long_words=False, break_on_hyphens=False,
        )
        for number, text in enumerate(warnings)
    ]  # fmt: skip
    return "\n".join([*paragraphs, ""])


def refuse_empty(paths: Mapping[str, Path | None]) -> None:
    """Refuse the empty text that an unset shell variable leaves: it would mean this folder."""
    arguments = sys.argv[1:]
    for name, path in paths.items():
        left_empty = "" in arguments or f"{name}=" in arguments
        if left_empty and str(path) == "." and "." not in arguments:
            raise RequestError(
                f"{name} is an empty text; write a path, or . for the folder that you are in."
            )


def conclude(result: PlateResult) -> None:
    """Say what came out, what could not be done, and where the results lie."""
    say_first(result.warnings)
    for note in result.notes:
        echo(f"note: {one_line(note)}", err=True)
    say_problems(result.failures, f", all listed in {result.out / 'qc.csv'}")
    old = result.n_frames - result.n_new
    kept = f" ({old} of them were done before)" if old else ""
    echo("\n".join(["", *(one_line(line) for line in result.answer), ""]))
    echo(f"{result.n_frames} frames analysed{kept}; tables, masks and overlays: {result.out}")
    if result.reported:
        echo(f"to look at: {result.out / 'report.html'}")


def say_profile(profile: Mapping[Work, float], n_new: int) -> None:
    """Print where the processor time went, that of all processes together."""
    total = sum(profile.values())
    each = f"{'ms/frame':>10}" if n_new else ""
    lines = ["", f"{'processor time':32}{'s':>9}{'share':>8}{each}"]
    for work in (work for work in Work if profile.get(work)):
        seconds = profile[work]
        each = f"{1000 * seconds / n_new:10.1f}" if n_new else ""
        lines.append(f"{work.value:32}{seconds:9.2f}{seconds / total:8.1%}{each}")
    each = f"{1000 * total / n_new:10.1f}" if n_new else ""
    echo("\n".join([*lines, f"{'all':32}{total:9.2f}{'':8}{each}"]))


def say_problems(problems: Sequence[str], listed: str = "") -> None:
    """Print the first problems, and how many more there are; `listed`: where all stand."""
    for problem in problems[:_MAX_LISTED]:
        echo(f"problem: {one_line(problem)}", err=True)
    if len(problems) > _MAX_LISTED:
        echo(f"problem: ... and {len(problems) - _MAX_LISTED} more{listed}.", err=True)
