"""What leaves the program: tables, figures, masks, and what repeats the session headless.

Tables are the files of the run folder, byte for byte. No Qt.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from spheroid_qc.atomic import atomic_path, write_text
from spheroid_qc.configuration import write_configuration
from spheroid_qc.errors import RequestError
from spheroid_qc.export.run_export import Exported, export_run
from spheroid_qc.gui.figure_theme import file_of
from spheroid_qc.gui.result_figures import (
    Figure,
    curve_metrics,
    plate_figure,
    time_figures,
)
from spheroid_qc.gui.state.run_answer import answer_of
from spheroid_qc.parameters import Parameters
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.storage import read_plain

_REPEAT = "repeat.txt"
_MOST_BYTES = 2**20


def export_session(
    target: Path,
    run: RunFolder,
    tables: dict[str, pd.DataFrame],
    parameters: Parameters,
    command: str,
    plate_map: Path | None,
) -> list[Path]:
    """Write tables, figures and settings into a folder; gives the files that were written.

    The folder is made if it is missing; files of the same names are replaced. `tables` are those of
    the run as read, for the figures. `command` repeats the session: its `--config` is the settings
    file here. Raises RequestError if there is nothing to export or the folder is the run folder,
    OSError if it can't be written.
    """
    if not run.table("wells").is_file():
        raise RequestError("There are no results yet; analyse the plate first.")
    if target.resolve() == run.root.resolve():
        raise RequestError(
            f"{target} is the results folder itself; its tables are there already. Choose another "
            "folder."
        )
    if RunFolder(target).run_json.is_file():
        raise RequestError(
            f"{target} is the results folder of another run, whose tables and decisions would be "
            "replaced. Choose another folder."
        )
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for path in sorted(run.root.glob("*.csv")):
        written.append(_copied(path, target / path.name))
    page = run.root / "report.html"
    if page.is_file():
        written.append(_copied(page, target / page.name))
    settings = target / "settings.toml"
    write_configuration(settings, parameters, overwrite=True)
    written.append(settings)
    if plate_map is not None and plate_map.is_file():
        written.append(_copied(plate_map, target / _map_name(plate_map)))
    note = target / _REPEAT
    write_text(note, _repeat(command))
    written.append(note)
    for figure in _figures(run, tables, parameters):
        written += write_figure(figure, target / "figures")
    return written


def in_the_way(target: Path, run: RunFolder, command: str, plate_map: Path | None) -> list[str]:
    """Name what `export_session` would replace in a folder, if it isn't the same run's own export.

    A later export of a run may replace an earlier one; a map, tables or the export of another plate
    are somebody's work.
    """
    with contextlib.suppress(OSError):
        if read_plain(target / _REPEAT, _MOST_BYTES) == _repeat(command).encode():
            return []
    names = {path.name for path in run.root.glob("*.csv")}
    names |= {"report.html", "settings.toml", _REPEAT, "figures"}
    if plate_map is not None:
        names.add(_map_name(plate_map))
    return sorted(name for name in names if os.path.lexists(target / name))


def _repeat(command: str) -> str:
    return (
        "This command makes the same tables, with the corrections, exclusions and acceptances\n"
        f"that lie in the results folder:\n\n{command}\n"
    )


def _map_name(plate_map: Path) -> str:
    return f"plate_map{plate_map.suffix}"


PROGRAMS = {
    "OME-Zarr plate (napari, ngio)": ("ome-zarr", "ome_zarr"),
    "ROI sets (ImageJ, Fiji)": ("roi", "roi"),
    "GeoJSON (QuPath)": ("geojson", "geojson"),
    "COCO (training of networks)": ("coco", "coco"),
    "Workbook (Excel)": ("xlsx", "tables.xlsx"),
    "Prism": ("prism", "responses.pzfx"),
    "Parquet (pandas, R)": ("parquet", "parquet"),
}
"""What is offered -> what `spheroid-qc export --to` calls it, and the end of the file's name."""


def export_for_program(target: Path, run: RunFolder, program: str) -> Exported:
    """Write what a run found for one of `PROGRAMS` into a folder, as `spheroid-qc export` does.

    What is written is called like the run. Raises RequestError if it is there already.
    """
    to, ending = PROGRAMS[program]
    place = target / f"{run.root.name}_{ending}"
    if place.exists():
        raise RequestError(f"{place} is there already; choose another folder, or remove it.")
    target.mkdir(parents=True, exist_ok=True)
    return export_run(run.root, to, place)


def write_figure(
    figure: Figure,
    folder: Path,
    kinds: Iterable[str] = ("png", "svg"),
    size: tuple[float, float] | None = None,
    *,
    dark: bool = False,
    caption: bool = True,
) -> list[Path]:
    """Draw a figure into files of these kinds (`png`, `svg`); default size: its own."""
    written = []
    for kind in kinds:
        path = folder / f"{figure.name}.{kind}"
        with atomic_path(path) as temporary:
            temporary.write_bytes(file_of(figure, kind, size, dark=dark, caption=caption))
        written.append(path)
    return written


def _figures(
    run: RunFolder, tables: dict[str, pd.DataFrame], parameters: Parameters
) -> list[Figure]:
    wells, conditions = tables["wells"], tables["conditions"]
    found = list(time_figures(conditions, wells)) if wells["time_h"].nunique() > 1 else []
    metrics = curve_metrics(conditions)[:1]
    for plate, rows in wells.groupby("plate", sort=True):
        found += [
            plate_figure(wells, str(plate), metric, float(rows["time_h"].max()))
            for metric in metrics
        ]
    answer = answer_of(run.root, parameters)
    return [*found, *answer.doses, *answer.synergies]


def _copied(source: Path, target: Path) -> Path:
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
    return target
