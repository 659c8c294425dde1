"""`spheroid-qc evaluate`: the command's arguments, and what it prints."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from spheroid_qc.errors import RequestError
from spheroid_qc.terminal import one_line, say

__all__ = ["add_evaluate"]

_MOST_LISTED = 20


def add_evaluate(app: typer.Typer) -> None:
    """Give an application the command.

    Parameters
    ----------
    app : typer.Typer
    """
    app.command()(evaluate)


def evaluate(
    predicted: Annotated[
        Path, typer.Argument(help="Folder of masks, run folder, or table of measured values.")
    ],
    truth: Annotated[
        Path, typer.Argument(help="The same from a reference: masks of 0 background, 1 core, "
        "2 shed, 255 not sure; or a table."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results; default: PREDICTED_evaluation.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of the images, for pictures of the failures.")
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="Tables: a column that says what a row is about.")
    ] = None,
    value: Annotated[list[str] | None, typer.Option(help="Tables: a column to compare.")] = None,
    group: Annotated[
        str | None,
        typer.Option(
            help="Tables: a column. Masks: a regular expression whose first group is the group's "
            "name; default: the folder."
        ),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(metavar="PX", help="Outlines this near are the same, for the F1.")
    ] = 2.0,
    numbers: Annotated[
        bool, typer.Option("--numbers", help="The values in masks are numbers of bodies.")
    ] = False,
) -> None:  # fmt: skip
    """Compare masks or measured values with a reference: overlap, bias, agreement, failures."""
    from spheroid_qc.evaluate import evaluate as compare

    # An unset shell variable leaves an empty text, which would mean this folder.
    for path in (predicted, truth, out, images):
        if path is not None and str(path) == "." and "" in sys.argv[1:]:
            raise RequestError("A path is an empty text; write a path, or . for this folder.")
    found = compare(
        predicted, truth, out, images=images, keys=tuple(key or ()), values=tuple(value or ()),
        group=group, tolerance_px=tolerance, numbers=numbers,
    )  # fmt: skip
    for problem in found.problems[:_MOST_LISTED]:
        say(f"problem: {one_line(problem)}", err=True)
    if len(found.problems) > _MOST_LISTED:
        say(f"problem: ... and {len(found.problems) - _MOST_LISTED} more.", err=True)
    say("\n".join([*(one_line(line) for line in found.lines), "", f"Tables: {found.out}"]))
    raise typer.Exit(1 if found.problems else 0)
