"""`spheroid-qc`: the command line.

Thin: it reads options into the parameter models, calls the same functions as Python and napari,
and prints sentences. Exit status: 0 done; 1 done, but some files could not be read or analysed;
2 the request is wrong. Everything heavy is imported inside the commands, so that `--help` is
quick.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from spheroid_qc import __version__
from spheroid_qc.cli.export_command import export_command
from spheroid_qc.cli.options import (
    FoldersThere,
    NamePattern,
    Scheduler,
    Workers,
    check_window,
    read_parameters,
    read_response_parameters,
    refuse_empty,
    say_problems,
    say_verdict,
)
from spheroid_qc.cli.terminal import (
    Reporter,
    StopSignal,
    describe_unexpected,
    echo,
    one_line,
    stop_on_signals,
)
from spheroid_qc.errors import RequestError, SpheroidQCError

app = typer.Typer(
    name="spheroid-qc",
    help="Are my spheroids falling apart, and can I trust the answer? Segments spheroids into "
    "core and shed material, follows them over time, flags what can't be trusted, and writes "
    "tables by well and drug condition.",
    epilog="Exit status: 0 done; 1 done, but some files could not be read or analysed; 2 the "
    "request is wrong and nothing was written.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"spheroid-qc {__version__}")
        raise typer.Exit


@app.command()
def run(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FOLDER",
            help="Folder of images, or an OME-Zarr; folders in it are read too. With --campaign "
            "several, one a plate.",
        ),
    ] = None,
    plate_map: Annotated[
        Path | None,
        typer.Option("--plate-map", help="Plate map, CSV or XLSX: what is in the wells."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Run folder; default: FOLDER_spheroid_qc beside the images. Run again with the "
            "same folder to continue."
        ),
    ] = None,
    pixel_size: Annotated[
        str | None, typer.Option("--pixel-size", metavar="UM", help="Size of a pixel, um.")
    ] = None,
    dose_time: Annotated[
        str | None,
        typer.Option("--dose-time", metavar="H", help="When the first drug was given, hours."),
    ] = None,
    assay: Annotated[
        Literal["single", "spheres"] | None,
        typer.Option(help="One spheroid a well, or many spheres a field. [default: single]"),
    ] = None,
    method: Annotated[
        Literal["auto", "learned", "classical"] | None,
        typer.Option(
            help="How masks are made: by a trained network, by rules, or auto, which weighs both. "
            "[default: auto]"
        ),
    ] = None,
    name_pattern: NamePattern = None,
    dose_scale: Annotated[
        Literal["log10"] | None,
        typer.Option(
            "--dose-scale", help="Doses of the plate map are decimal logarithms. [default: plain]"
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column", metavar="NAME=MEANING",
            help="What a column of the plate map is that tells wells apart: stratum, replicate, "
            "biological_replicate, cell_line, plate or ignore; may be repeated.",
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings in TOML; see --write-config.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.NAME=VALUE", help="Any setting; may be repeated."),
    ] = None,
    join: Annotated[
        Path | None,
        typer.Option(help="Table of end-point values by plate and well (ATP, LDH)."),
    ] = None,
    exclusions: Annotated[
        Path | None,
        typer.Option(
            help="Table (plate, well, time_h, reason) of wells or frames to leave out. "
            "[default: exclusions.csv in the run folder]"
        ),
    ] = None,
    adapter: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What the network learned from corrections on an earlier plate of this microscope "
            "(spheroid-qc adapt). [default: adapter.npz in the run folder]",
        ),
    ] = None,
    overlays: Annotated[
        Literal["all", "flagged", "none"] | None,
        typer.Option(
            help="Pictures with outlines: of all frames, or of those that are worth a look. "
            "[default: flagged]"
        ),
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    path_map: FoldersThere = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Go on as the microscope writes: new images are analysed when they are whole. "
            "Ends with Ctrl-C, with a file STOP in the run folder, or as the settings of watch "
            "say.",
        ),
    ] = False,
    watch_until: Annotated[
        str | None,
        typer.Option(
            "--watch-until", metavar="TIME",
            help="Watch until this local date and time, as 2026-05-04T18:00.",
        ),
    ] = None,
    campaign: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="One run folder for each plate in DIR, and a summary across plates: their "
            "quality, drift, and conditions that stand out.",
        ),
    ] = None,
    profile: Annotated[
        bool,
        typer.Option("--profile", help="At the end say what the processor time was spent on."),
    ] = False,
    write_config: Annotated[
        Path | None,
        typer.Option(
            "--write-config", metavar="FILE",
            help="Write all settings with comments to a TOML file, and stop.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Analyse a folder of images: tables, masks, overlays and flags."""
    paths = {
        "FOLDER": folders[0] if folders else None,
        "--plate-map": plate_map,
        "--out": out,
        "--config": config,
        "--join": join,
        "--exclusions": exclusions,
        "--adapter": adapter,
        "--write-config": write_config,
        "--campaign": campaign,
    }
    refuse_empty(paths)
    options = {
        "plate.pixel_size_um": ("--pixel-size", pixel_size),
        "plate.dose_time_h": ("--dose-time", dose_time),
        "plate.assay": ("--assay", assay),
        "plate.name_pattern": ("--name-pattern", name_pattern),
        "plate.map_dose_scale": ("--dose-scale", dose_scale),
        "plate.map_columns": ("--column", "; ".join(column) if column else None),
        "segmentation.method": ("--method", method),
        "output.overlays": ("--overlays", overlays),
        "watch.until": ("--watch-until", watch_until),
    }
    parameters = read_parameters(config, options, settings or [])
    if write_config is not None:
        from spheroid_qc.configuration import write_configuration

        write_configuration(write_config, parameters)
        echo(f"Wrote {write_config}; edit it and use it with --config.")
        return
    if not folders:
        raise RequestError("Say which folder of images to analyse: spheroid-qc run FOLDER.")
    asked = {
        "plate_map": plate_map, "parameters": parameters, "join": join, "exclusions": exclusions,
        "adapter": adapter, "workers": workers, "scheduler": scheduler,
        "path_map": tuple(path_map or ()),
    }  # fmt: skip
    from spheroid_qc.cli.run_command import run_folders

    run_folders(
        folders, out, asked, watch=watch or watch_until is not None, campaign=campaign,
        profile=profile,
    )  # fmt: skip


def analyse_command(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="DIR_OR_CSV",
            help="A run folder; or a table of responses (CSV, TSV, XLSX), or a folder of them: "
            "drug_1, dose_1_um, drug_2, dose_2_um ... response, optionally plate, well, role, "
            "replicate, biological_replicate, time_h, cell_line, passage.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the answer; default: the run folder, or TABLE_spheroid_qc beside the "
            "table."
        ),
    ] = None,
    response_is: Annotated[
        Literal["fa", "viability", "inhibition", "raw"] | None,
        typer.Option(
            "--response-is",
            help="What the response of a table is: fa is the fraction affected, raw any measured "
            "quantity (dose response and comparisons only). Used as given, never guessed.",
        ),
    ] = None,
    response_unit: Annotated[
        Literal["fraction", "percent"] | None,
        typer.Option("--response-unit", help="Unit of the response. [default: fraction]"),
    ] = None,
    response_column: Annotated[
        str | None,
        typer.Option(
            "--response-column", metavar="NAME", help="Heading of it. [default: response]"
        ),
    ] = None,
    plate_map: Annotated[
        Path | None,
        typer.Option(
            help="What is in the wells, for a table of values by well (IncuCyte's exports, plate "
            "readers' grids)."
        ),
    ] = None,
    dose_scale: Annotated[
        Literal["log10"] | None,
        typer.Option("--dose-scale", help="Doses are decimal logarithms. [default: plain doses]"),
    ] = None,
    columns_are: Annotated[
        Literal["replicates", "drugs", "cell-lines"] | None,
        typer.Option(
            "--columns-are",
            help="What the columns of a wide table are, with doses in its first column (Prism).",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column", metavar="NAME=MEANING",
            help="What a column is that tells rows apart: stratum, replicate, "
            "biological_replicate, cell_line, plate or ignore; may be repeated.",
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            "--time", metavar="H",
            help="Time at which drugs are compared, hours. [default: the last that all plates "
            "have]",
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings in TOML; the section response is used.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="response.NAME=VALUE", help="Any setting of it; may be repeated."
        ),
    ] = None,
) -> None:  # fmt: skip
    """Drug response, synergy, plate quality and comparisons of a run or of a table."""
    from spheroid_qc.workflow.run_and_report import analyse

    refuse_empty({"DIR_OR_CSV": source, "--out": out, "--config": config, "--plate-map": plate_map})
    parameters = read_response_parameters(source, config, time, settings or [])
    with Reporter() as report:
        result = analyse(
            source, out, response_is, response_unit, parameters, response_column, report,
            plate_map=plate_map, dose_scale=dose_scale, columns_are=columns_are,
            columns=column or (),
        )  # fmt: skip
    say_verdict(result.analysis)
    echo(f"tables: {result.out}")
    say_problems(result.failures)
    if result.failures:
        raise typer.Exit(1)
    echo(f"to look at: {result.out / 'report.html'}")


app.command("analyse")(analyse_command)
app.command("analyze", hidden=True)(analyse_command)


@app.command()
def adapt(
    out: Annotated[
        Path, typer.Argument(metavar="RUN", help="Run folder with three or more corrected frames.")
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Keep what was learned without asking.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change; keep nothing.")
    ] = False,
) -> None:  # fmt: skip
    """Learn from corrected masks: show before and after, and keep what was learned if wanted."""
    from spheroid_qc.cli.adapt import run_adapt

    refuse_empty({"RUN": out})
    with Reporter() as report:
        run_adapt(out, yes=yes, dry_run=dry_run, progress=report)


@app.command()
def inspect(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER_OR_TABLE", help="Folder of images, OME-Zarr, or a table of any form."
        ),
    ],
    name_pattern: NamePattern = None,
    config: Annotated[Path | None, typer.Option(help="Settings in TOML.")] = None,
    all_rows: Annotated[
        bool, typer.Option("--all", help="Print every file, however many there are.")
    ] = False,
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Of a table: write it as the canonical long CSV, which reads back the same.",
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write a page: doubts first, then each plate with what its wells hold.",
        ),
    ] = None,
    plate_map: Annotated[
        Path | None,
        typer.Option(
            "--plate-map",
            help="Plate map: for the conditions on the page, or of a table of values by well.",
        ),
    ] = None,
    dose_scale: Annotated[
        Literal["log10"] | None,
        typer.Option("--dose-scale", help="Of a table: its doses are decimal logarithms."),
    ] = None,
    columns_are: Annotated[
        Literal["replicates", "drugs", "cell-lines"] | None,
        typer.Option("--columns-are", help="Of a wide table: what its columns are."),
    ] = None,
    response_column: Annotated[
        str | None,
        typer.Option(
            "--response-column", metavar="NAME", help="Of a table: heading of its response."
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column", metavar="NAME=MEANING", help="Of a table: what a column is, as of analyse."
        ),
    ] = None,
) -> None:  # fmt: skip
    """Show how every file name, or every column of a table, was read; runs nothing."""
    if folder.is_file():
        if html is not None:
            raise RequestError(f"--html draws a folder of images; {folder} is a table.")
        from spheroid_qc.cli.inspect_command import say_table

        say_table(
            folder, write, plate_map, response_column,
            dose_scale=dose_scale or "", columns_are=columns_are or "", columns=column or (),
        )  # fmt: skip
        return
    for option, given in (
        ("--write", write), ("--dose-scale", dose_scale), ("--columns-are", columns_are),
        ("--response-column", response_column), ("--column", column),
    ):  # fmt: skip
        if given is not None:
            raise RequestError(f"{option} is for tables; {folder} is a folder of images.")
    from spheroid_qc.frames.frame_table import frame_table, reasons
    from spheroid_qc.frames.inspect_folder import inspection, render
    from spheroid_qc.images import probe

    refuse_empty({"FOLDER": folder, "--config": config, "--html": html, "--plate-map": plate_map})
    parameters = read_parameters(
        config, {"plate.name_pattern": ("--name-pattern", name_pattern)}, []
    )
    # As a run reads them: pages and dates of files count where names give no time.
    table = frame_table(folder, parameters.plate, probe)
    found = inspection(table, parameters.plate.well_count)
    echo(render(found, max_rows=None if all_rows else 40))
    if html is not None:
        from spheroid_qc.plate_map import read_plate_map
        from spheroid_qc.report import write_inspection

        well_count = parameters.plate.well_count
        mapped = None if plate_map is None else read_plate_map(plate_map, well_count=well_count)
        echo(f"to look at: {write_inspection(html, table, mapped, well_count)}")
    if not table.frames:
        why = reasons(table.problems)
        raise RequestError(
            f"No image in {folder} can be used"
            + (f": {why}; settle it with --name-pattern." if why else ", for it holds none.")
        )
    raise typer.Exit(1 if found.problems else 0)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where the synthetic plate and its results go.")] = Path(
        "spheroid_qc_demo"
    ),
    workers: Workers = None,
) -> None:
    """Write the bundled synthetic time-lapse plate and run everything on it."""
    from spheroid_qc.cli.demo import run_demo

    refuse_empty({"--out": out})
    with Reporter() as report:
        text = run_demo(out, workers=workers, progress=report)
    echo(text)


@app.command("evaluate")
def evaluate_command(
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
    from spheroid_qc.evaluate import evaluate

    refuse_empty({"PREDICTED": predicted, "TRUTH": truth, "--out": out, "--images": images})
    found = evaluate(
        predicted, truth, out, images=images, keys=tuple(key or ()), values=tuple(value or ()),
        group=group, tolerance_px=tolerance, numbers=numbers,
    )  # fmt: skip
    say_problems(found.problems)
    echo("\n".join([*(one_line(line) for line in found.lines), "", f"Tables: {found.out}"]))
    raise typer.Exit(1 if found.problems else 0)


app.command("export")(export_command)


@app.command()
def gui(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of images, or of an earlier run.")
    ] = None,
) -> None:
    """Open napari with the panels: look, correct, run and export by pointing and clicking."""
    refuse_empty({"FOLDER": folder})
    if folder is not None and not folder.is_dir():
        raise RequestError(f"{folder} is not a folder; name the folder that holds the images.")
    check_window()
    from spheroid_qc.gui.launch import start

    start(folder)


def main() -> None:
    """Run the command line; errors become sentences, never tracebacks."""
    stop_on_signals()
    try:
        app()
    except RequestError as error:
        _fail(str(error), 2)
    except SpheroidQCError as error:
        _fail(str(error), 1)
    except StopSignal as stop:
        _fail("Stopped; run the same command again to continue.", 128 + stop.number)
    except MemoryError:
        _fail("There is not enough memory; run the same command again with fewer --workers.", 1)
    except OSError as error:
        # What fails while results are written is said by `run_plate`; this is before.
        _fail(describe_unexpected(error), 2)
    except Exception as error:
        if os.environ.get("SPHEROID_QC_TRACEBACK"):
            raise
        _fail(describe_unexpected(error), 1)


def _fail(sentence: str, status: int) -> None:
    echo(f"spheroid-qc: {sentence}", err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
