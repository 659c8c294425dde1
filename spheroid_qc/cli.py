"""`spheroid-qc`: the command line.

Thin: it reads options into the parameter models, calls the same functions as Python and napari,
and prints sentences. Exit status: 0 done; 1 done, but some files could not be read or analysed;
2 the request is wrong. Everything heavy is imported inside the commands, so that `--help` is
quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from spheroid_qc import __version__
from spheroid_qc.cli_evaluate import add_evaluate
from spheroid_qc.errors import RequestError, SpheroidQCError
from spheroid_qc.terminal import Reporter, Stopped, one_line, say, stop_on_signals, unexpected

if TYPE_CHECKING:
    from spheroid_qc.analysis import Analysis
    from spheroid_qc.parameters import Parameters
    from spheroid_qc.workflow import PlateResult

__all__ = ["app", "main"]

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

_MOST_LISTED = 20

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


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"spheroid-qc {__version__}")
        raise typer.Exit


@app.command()
def run(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of images; folders in it are read too.")
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
            help="How masks are made; learned needs a trained network, which this version does "
            "not bring. [default: auto]"
        ),
    ] = None,
    name_pattern: NamePattern = None,
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
    overlays: Annotated[
        Literal["all", "flagged", "none"] | None,
        typer.Option(
            help="Pictures with outlines: of all frames, or of those that are worth a look. "
            "[default: flagged]"
        ),
    ] = None,
    workers: Workers = None,
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
        "FOLDER": folder,
        "--plate-map": plate_map,
        "--out": out,
        "--config": config,
        "--join": join,
        "--exclusions": exclusions,
        "--write-config": write_config,
    }
    _refuse_empty(paths)
    options = {
        "plate.pixel_size_um": ("--pixel-size", pixel_size),
        "plate.dose_time_h": ("--dose-time", dose_time),
        "plate.assay": ("--assay", assay),
        "plate.name_pattern": ("--name-pattern", name_pattern),
        "segmentation.method": ("--method", method),
        "output.overlays": ("--overlays", overlays),
    }
    parameters = _parameters(config, options, settings or [])
    if write_config is not None:
        from spheroid_qc.configuration import write_configuration

        write_configuration(write_config, parameters)
        say(f"Wrote {write_config}; edit it and use it with --config.")
        return
    if folder is None:
        raise RequestError("Say which folder of images to analyse: spheroid-qc run FOLDER.")
    from spheroid_qc.workflow import run_plate

    with Reporter() as report:
        result = run_plate(
            folder,
            plate_map=plate_map,
            out=out,
            parameters=parameters,
            progress=report,
            join=join,
            exclusions=exclusions,
            workers=workers,
        )
    _conclude(result)
    raise typer.Exit(1 if result.failures else 0)


def analyse(
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
    from spheroid_qc.workflow import analyse as analyse_source

    _refuse_empty({"DIR_OR_CSV": source, "--out": out, "--config": config})
    parameters = _response_parameters(source, config, time, settings or [])
    with Reporter() as report:
        result = analyse_source(
            source, out, response_is, response_unit, parameters, response_column, report
        )
    _say_verdict(result.analysis)
    say(f"tables: {result.out}")
    for failure in result.failures:
        say(f"problem: {one_line(failure)}", err=True)
    if result.failures:
        raise typer.Exit(1)
    say(f"to look at: {result.out / 'report.html'}")


app.command("analyse")(analyse)
app.command("analyze", hidden=True)(analyse)


@app.command()
def inspect(
    folder: Annotated[Path, typer.Argument(help="Folder of images.")],
    name_pattern: NamePattern = None,
    config: Annotated[Path | None, typer.Option(help="Settings in TOML.")] = None,
    all_rows: Annotated[
        bool, typer.Option("--all", help="Print every file, however many there are.")
    ] = False,
) -> None:  # fmt: skip
    """Show how every file name was read; runs nothing."""
    from spheroid_qc.plate.frames import frame_table
    from spheroid_qc.plate.inspect import inspection, render

    _refuse_empty({"FOLDER": folder, "--config": config})
    parameters = _parameters(config, {"plate.name_pattern": ("--name-pattern", name_pattern)}, [])
    table = frame_table(folder, parameters.plate)
    found = inspection(table, parameters.plate.well_count)
    say(render(found, max_rows=None if all_rows else 40))
    if not table.frames:
        raise RequestError(
            f"No image in {folder} has a name that tells its well; settle it with --name-pattern."
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
    from spheroid_qc.demo import run_demo

    _refuse_empty({"--out": out})
    with Reporter() as report:
        text = run_demo(out, workers=workers, progress=report)
    say(text)


@app.command()
def gui(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of images, or of an earlier run.")
    ] = None,
) -> None:
    """Open napari with the panels: look, correct, run and export by pointing and clicking."""
    _refuse_empty({"FOLDER": folder})
    if folder is not None and not folder.is_dir():
        raise RequestError(f"{folder} is not a folder; name the folder that holds the images.")
    _check_window()
    from spheroid_qc.gui.start import start

    start(folder)


def _check_window() -> None:
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


add_evaluate(app)


def _parameters(
    config: Path | None, options: Mapping[str, tuple[str, object]], settings: list[str]
) -> Parameters:
    """Defaults, then the file, then the command line."""
    from spheroid_qc.configuration import apply_overrides, parse_overrides, read_configuration
    from spheroid_qc.parameters import Parameters

    parameters = Parameters() if config is None else read_configuration(config)
    stated = {key: option for key, option in options.items() if option[1] is not None}
    return apply_overrides(parameters, parse_overrides(settings), stated)


def _response_parameters(
    source: Path, config: Path | None, time: str | None, settings: list[str]
) -> Parameters:
    """Take the settings of the run, and what is stated now for the drug response."""
    from spheroid_qc.analysis.runs import parameters_of_run
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


def _say_verdict(analysis: Analysis) -> None:
    from spheroid_qc.analysis.words import remarks, verdict_lines

    for remark in remarks(analysis):
        say(f"note: {one_line(remark)}", err=True)
    say("\n".join([*(one_line(line) for line in verdict_lines(analysis)), ""]))


def _refuse_empty(paths: Mapping[str, Path | None]) -> None:
    """Refuse the empty text that an unset shell variable leaves: it would mean this folder."""
    arguments = sys.argv[1:]
    for name, path in paths.items():
        left_empty = "" in arguments or f"{name}=" in arguments
        if left_empty and str(path) == "." and "." not in arguments:
            raise RequestError(
                f"{name} is an empty text; write a path, or . for the folder that you are in."
            )


def _conclude(result: PlateResult) -> None:
    """Say what came out, what could not be done, and where the results lie."""
    for note in result.notes:
        say(f"note: {one_line(note)}", err=True)
    for failure in result.failures[:_MOST_LISTED]:
        say(f"problem: {one_line(failure)}", err=True)
    if len(result.failures) > _MOST_LISTED:
        more = len(result.failures) - _MOST_LISTED
        say(f"problem: ... and {more} more, all listed in {result.out / 'qc.csv'}.", err=True)
    old = result.n_frames - result.n_new
    kept = f" ({old} of them were done before)" if old else ""
    say("\n".join(["", *(one_line(line) for line in result.answer), ""]))
    say(f"{result.n_frames} frames analysed{kept}; tables, masks and overlays: {result.out}")
    if result.analysis is not None:
        say(f"to look at: {result.out / 'report.html'}")


def main() -> None:
    """Run the command line; errors become sentences, never tracebacks."""
    stop_on_signals()
    try:
        app()
    except RequestError as error:
        _fail(str(error), 2)
    except SpheroidQCError as error:
        _fail(str(error), 1)
    except Stopped as stop:
        _fail("Stopped; run the same command again to continue.", 128 + stop.number)
    except MemoryError:
        _fail("There is not enough memory; run the same command again with fewer --workers.", 1)
    except OSError as error:
        # What fails while results are written is told by `run_plate`; this is before.
        _fail(unexpected(error), 2)
    except Exception as error:
        if os.environ.get("SPHEROID_QC_TRACEBACK"):
            raise
        _fail(unexpected(error), 1)


def _fail(sentence: str, status: int) -> None:
    say(f"spheroid-qc: {sentence}", err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
