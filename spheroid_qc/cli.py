"""`spheroid-qc`: the command line.

Thin: it reads options into the parameter models, calls the same functions as Python and napari,
and prints sentences. Exit status: 0 done; 1 done, but some files could not be read or analysed;
2 the request is wrong. Everything heavy is imported inside the commands, so that `--help` is
quick.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from spheroid_qc import __version__
from spheroid_qc.errors import OutputError, RequestError, SpheroidQCError

if TYPE_CHECKING:
    from spheroid_qc.parameters import Parameters
    from spheroid_qc.run import Progress, RunResult

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
        float | None, typer.Option("--pixel-size", metavar="UM", help="Size of a pixel, um.")
    ] = None,
    dose_time: Annotated[
        float | None,
        typer.Option("--dose-time", metavar="H", help="When the first drug was given, hours."),
    ] = None,
    assay: Annotated[
        Literal["single", "spheres"] | None,
        typer.Option(help="One spheroid a well, or many spheres a field. [default: single]"),
    ] = None,
    method: Annotated[
        Literal["auto", "learned", "classical"] | None,
        typer.Option(help="How masks are made. [default: auto]"),
    ] = None,
    name_pattern: Annotated[
        str | None,
        typer.Option(
            "--name-pattern", metavar="REGEX",
            help="Named groups: well, or row and column; plate, field, channel, z, time, day, "
            "hour, minute.",
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
    overlays: Annotated[
        Literal["all", "flagged", "none"] | None,
        typer.Option(help="Pictures with outlines. [default: flagged]"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Processes. [default: one a processor]")
    ] = None,
    write_config: Annotated[
        Path | None,
        typer.Option(
            "--write-config", metavar="FILE",
            help="Write all settings with comments to a TOML file, and stop.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Analyse a folder of images: tables, masks, overlays and flags."""
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
        typer.echo(f"Wrote {write_config}; edit it and use it with --config.")
        return
    if folder is None:
        raise RequestError("Say which folder of images to analyse: spheroid-qc run FOLDER.")
    from spheroid_qc.run import run_plate

    with _Reporter() as report:
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


@app.command()
def inspect(
    folder: Annotated[Path, typer.Argument(help="Folder of images.")],
    name_pattern: Annotated[
        str | None,
        typer.Option(
            "--name-pattern", metavar="REGEX",
            help="Named groups: well, or row and column; plate, field, channel, z, time, day, "
            "hour, minute.",
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Settings in TOML.")] = None,
    all_rows: Annotated[
        bool, typer.Option("--all", help="Print every file, however many there are.")
    ] = False,
) -> None:  # fmt: skip
    """Show how every file name was read; runs nothing."""
    from spheroid_qc.plate.frames import frame_table
    from spheroid_qc.plate.inspect import inspection, render

    parameters = _parameters(config, {"plate.name_pattern": ("--name-pattern", name_pattern)}, [])
    table = frame_table(folder, parameters.plate)
    found = inspection(table, parameters.plate.well_count)
    typer.echo(render(found, max_rows=None if all_rows else 40))
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
    workers: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Processes. [default: one a processor]")
    ] = None,
) -> None:
    """Write the bundled synthetic time-lapse plate and run everything on it."""
    from spheroid_qc.demo import run_demo

    with _Reporter() as report:
        text = run_demo(out, workers=workers, progress=report)
    typer.echo(text)


def _parameters(
    config: Path | None, options: Mapping[str, tuple[str, object]], settings: list[str]
) -> Parameters:
    """Defaults, then the file, then the command line."""
    from spheroid_qc.configuration import apply_overrides, parse_overrides, read_configuration
    from spheroid_qc.parameters import Parameters

    parameters = Parameters() if config is None else read_configuration(config)
    stated = {key: option for key, option in options.items() if option[1] is not None}
    return apply_overrides(parameters, parse_overrides(settings), stated)


class _Reporter:
    """Progress on standard error: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._last = 0.0
        self._width = 0

    def __enter__(self) -> _Reporter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live and self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()

    def __call__(self, state: Progress) -> None:
        import time

        now = time.monotonic()
        last_one = state.done == state.total
        if not last_one and now - self._last < (0.2 if self._live else 10.0):
            return
        self._last = now
        text = self._line(state)
        if self._live:
            sys.stderr.write("\r" + text.ljust(self._width))
            self._width = max(self._width, len(text))
        else:
            sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def _line(self, state: Progress) -> str:
        word = "images of the demo plate" if state.stage == "plate" else state.stage
        if state.stage == "tables":
            return "making tables ..."
        share = state.done / max(state.total, 1)
        bar = ""
        if self._live:
            filled = round(24 * share)
            bar = "[" + "#" * filled + "." * (24 - filled) + "] "
        text = f"{bar}{word} {state.done}/{state.total} ({share:.0%})"
        if state.rate > 0:
            text += f", {state.rate:.1f}/s"
        if state.seconds_left:
            minutes, seconds = divmod(round(state.seconds_left), 60)
            text += f", {minutes} min {seconds} s left" if minutes else f", {seconds} s left"
        return text


def _conclude(result: RunResult) -> None:
    """Say what was done, what could not be done, and where the results lie."""
    for note in result.notes:
        typer.echo(f"note: {note}", err=True)
    for failure in result.failures[:_MOST_LISTED]:
        typer.echo(f"problem: {failure}", err=True)
    if len(result.failures) > _MOST_LISTED:
        more = len(result.failures) - _MOST_LISTED
        typer.echo(
            f"problem: ... and {more} more, all listed in {result.out / 'qc.csv'}.", err=True
        )
    old = result.n_frames - result.n_new
    kept = f" ({old} of them were done before)" if old else ""
    typer.echo(f"{result.n_frames} frames analysed{kept}; tables, masks and overlays: {result.out}")


def main() -> None:
    """Run the command line; user errors become sentences, never tracebacks."""
    try:
        app()
    except RequestError as error:
        _fail(error, 2)
    except (OutputError, SpheroidQCError) as error:
        _fail(error, 1)
    except KeyboardInterrupt:
        typer.echo("Stopped; run the same command again to continue.", err=True)
        sys.exit(130)


def _fail(error: SpheroidQCError, status: int) -> None:
    typer.echo(f"spheroid-qc: {error}", err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
