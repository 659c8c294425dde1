"""`spheroid-qc export`: its options, and what is said when it is done."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spheroid_qc.cli.options import refuse_empty, say_problems
from spheroid_qc.cli.terminal import Reporter, echo


def export_command(
    folder: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="Run folder; for tables also an answer of analyse."),
    ],
    to: Annotated[
        str,
        typer.Option(
            metavar="ome-zarr|roi|coco|geojson|prism|xlsx|parquet",
            help="Masks: a plate of OME-Zarr with images, labels and tables; ImageJ ROIs; "
            "annotations of COCO; objects for QuPath. Tables: a file of GraphPad Prism with the "
            "analysed responses, a workbook, or Parquet files.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="File or folder; for ome-zarr the folder that gets the plates, or one plate that "
            "ends with .zarr; default: in RUN."
        ),
    ] = None,
    images: Annotated[
        str | None,
        typer.Option(
            metavar="copy|reference",
            help="Masks: write the pixels too, or only name the images. "
            "[default: copy for ome-zarr, else reference]",
        ),
    ] = None,
    ome_zarr_version: Annotated[
        str, typer.Option(metavar="0.5|0.4", help="Version of OME-Zarr.")
    ] = "0.5",
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace what is at --out: only what an export wrote, or tables of the same kind.",
        ),
    ] = False,
) -> None:
    """Write masks, images and tables of a run, or tables of an answer, for other programs."""
    from spheroid_qc.export.run_export import export_run

    refuse_empty({"RUN": folder, "--out": out})
    with Reporter() as report:
        found = export_run(
            folder,
            to,
            out,
            ome_zarr_version=ome_zarr_version,
            images=images,
            overwrite=overwrite,
            progress=report,
        )
    say_problems(found.problems)
    for path in found.paths:
        echo(f"written: {path}")
    raise typer.Exit(1 if found.problems else 0)
