"""What a run found, for other programs: one call for all targets.

Nothing is overwritten unless that is asked for, and then only what an earlier export wrote. What is
written gets to its place whole: a plate of OME-Zarr at a time, everything else in one folder.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spheroid_qc import __version__
from spheroid_qc.atomic import atomic_folder, is_full, write_json
from spheroid_qc.errors import OutputError, RequestError
from spheroid_qc.export.coco_file import write_coco
from spheroid_qc.export.counted_run import CountedRun
from spheroid_qc.export.export_names import plate_file_name
from spheroid_qc.export.export_tables import FORMATS, TABLE_PLACES, export_tables
from spheroid_qc.export.geojson_files import write_geojson
from spheroid_qc.export.roi_sets import require_roifile, write_roi_sets
from spheroid_qc.export.zarr_metadata import ZARR_VERSIONS, ZarrVersion
from spheroid_qc.export.zarr_plate import ZarrPlateOptions, require_zarr, write_zarr_plate
from spheroid_qc.run.progress import Progress, report_progress
from spheroid_qc.storage import open_plain, read_plain, real_path

PICTURE_FORMATS = ("ome-zarr", "roi", "coco", "geojson")
"""What can be asked for with `--to` beside `FORMATS`: these need a run folder."""

IMAGES = ("copy", "reference")
"""Whether pixels are part of the export, or images are only named."""

_NOTE = "export.json"
_MAX_NOTE = 1_000_000


@dataclass(frozen=True)
class Exported:
    """What was written: paths, and sentences on pictures that had to be left out."""

    paths: tuple[Path, ...]
    problems: tuple[str, ...] = ()


def export_run(
    folder: str | Path,
    to: str,
    out: str | Path | None = None,
    *,
    ome_zarr_version: str = "0.5",
    images: str | None = None,
    overwrite: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Exported:
    """Write what a run found for another program.

    Parameters
    ----------
    folder : path
        Run folder; for `prism`, `xlsx` and `parquet` also an answer of `analyse`.
    to : str
        `ome-zarr`: a plate with images, labels `core` and `shed`, and tables; `roi`: sets of ImageJ
        ROIs, one a well; `coco`: annotations in the format of COCO; `geojson`: objects for QuPath,
        a file a frame; `prism`, `xlsx`, `parquet`: see `export_tables`.
    out : path, optional
        File or folder; default: a folder in the run folder that is called like `to`. For `ome-zarr`
        the folder that gets a plate each, or, if it ends with `.zarr`, the only plate itself.
    ome_zarr_version : str
        `0.5` (Zarr 3) or `0.4` (Zarr 2).
    images : str, optional
        `copy`: pixels are written too; `reference`: images are only named. Default: `copy` for
        `ome-zarr`, whose arrays of images are empty otherwise, else `reference`.
    overwrite : bool
        Replace what an earlier export wrote, or with `out` tables of the same kind. Tables
        in their own place in the run folder are always replaced.
    progress : callable, optional
        Called with a `Progress` from this thread.

    Returns
    -------
    Exported
        Paths, and what had to be left out.

    Raises
    ------
    RequestError
        If the request is wrong; then nothing is written.
    OutputError
        If the export can't be written.
    """
    folder, target = Path(folder), None if out is None else Path(out)
    if to not in (*PICTURE_FORMATS, *FORMATS):
        known = ", ".join((*PICTURE_FORMATS, *FORMATS))
        raise RequestError(f"--to {to} is not known; choose one of {known}.")
    if ome_zarr_version not in ZARR_VERSIONS:
        raise RequestError(
            f"--ome-zarr-version {ome_zarr_version} is not known; choose "
            f"{' or '.join(ZARR_VERSIONS)}."
        )
    if images not in (None, *IMAGES):
        raise RequestError(f"--images {images} is not known; choose {' or '.join(IMAGES)}.")
    if to in FORMATS:
        if target is not None and not overwrite and _is_something(target):
            raise RequestError(_there(target))
        _check_tables(to, target or folder / TABLE_PLACES[to])
        with _said(target or folder):
            return Exported((export_tables(folder, to, target),))
    if to == "ome-zarr":
        require_zarr()
    if to == "roi":
        require_roifile()
    run = CountedRun(folder)
    copy = (images or ("copy" if to == "ome-zarr" else "reference")) == "copy"
    if copy:
        run.check_images()
    target = target or folder / to
    targets = _plates(run, target) if to == "ome-zarr" else {"": target}
    for path in targets.values():
        _check(run, path, overwrite=overwrite)
    marks = {
        "program": "spheroid_qc",
        "version": __version__,
        "format": to,
        "run_version": run.version,
        "assay": run.parameters.plate.assay.value,
        "images": "copy" if copy else "reference",
    }
    count = _Count(run, progress)
    problems: list[str] = []
    if to == "ome-zarr":
        version: ZarrVersion = "0.4" if ome_zarr_version == "0.4" else "0.5"
        for plate, path in targets.items():
            more = {"plate": plate, "time_h": list(run.hours(plate))}
            with _placed(run, path) as part:
                problems += write_zarr_plate(
                    run, plate, part, ZarrPlateOptions(version, copy), marks | more, count
                )
        return Exported(tuple(targets.values()), tuple(problems))
    write = {"roi": write_roi_sets, "coco": write_coco, "geojson": write_geojson}[to]
    with _placed(run, target) as part:
        problems += write(run, part, count, copy_images=copy)
        write_json(part / _NOTE, {"spheroid_qc": marks})
    return Exported((target,), tuple(problems))


class _Count:
    """Counts pictures and tells how far the export is."""

    def __init__(self, run: CountedRun, progress: Callable[[Progress], None] | None) -> None:
        self._progress = progress
        self._total = sum(run.number(plate) for plate in run.plates)
        self._done = 0
        self._begun = time.monotonic()

    def __call__(self, well: str, number: int) -> None:
        self._done += number
        rate = self._done / max(time.monotonic() - self._begun, 1e-9)
        left = max(0, self._total - self._done) / rate if rate else None
        report_progress(
            self._progress, Progress("frames", self._done, self._total, rate, left, well=well)
        )


@contextmanager
def _placed(run: CountedRun, target: Path) -> Iterator[Path]:
    """Give a temporary folder that gets to its place if the run is as it was."""
    with _said(target), atomic_folder(target) as part:
        yield part
        run.check_unchanged()


@contextmanager
def _said(target: Path) -> Iterator[None]:
    """Say in a sentence that an export can't be written."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            why, mend = f"the disk that holds {target} is full", "make room"
        else:
            why = f"it can't be written to {target} ({error.strerror or error})"
            mend = "mend that"
        raise OutputError(
            f"The export was given up: {why}; nothing was changed there: {mend}, or choose another "
            "--out, and export again."
        ) from error


def _plates(run: CountedRun, target: Path) -> dict[str, Path]:
    plates = [plate for plate in run.plates if run.wells(plate)]
    if target.suffix.lower() != ".zarr":
        return {plate: target / f"{plate_file_name(plate)}.ome.zarr" for plate in plates}
    if len(plates) > 1:
        raise RequestError(
            f"The run holds {len(plates)} plates, and each becomes a Zarr of its own; give a "
            f"folder for them instead of {target}."
        )
    return dict.fromkeys(plates, target)


def _check(run: CountedRun, target: Path, *, overwrite: bool) -> None:
    """Refuse a place where writing could destroy something, or spoil a folder of images."""
    root, source = real_path(run.run.root), real_path(run.source)
    place = real_path(target)
    if place.is_relative_to(source) and not place.is_relative_to(root):
        raise RequestError(
            f"{target} lies in the image folder {run.source}, where it would be taken for images; "
            "choose another --out."
        )
    if not (target.exists() or target.is_symlink()):
        return
    if target.is_symlink() or not target.is_dir() or not _is_export(target):
        raise RequestError(
            f"{target} is there already and is no export of spheroid-qc; choose another --out."
        )
    if not overwrite:
        raise RequestError(_there(target))


def _there(target: Path) -> str:
    return f"{target} is there already; choose another --out, or give --overwrite to replace it."


_BEGINNINGS = {"xlsx": b"PK", "parquet": b"PAR1", "prism": b"<?xml"}


def _check_tables(to: str, target: Path) -> None:
    """Refuse to replace anything but tables of the same kind: an image, or a table of a run."""
    found = sorted(target.glob("*.parquet")) if to == "parquet" else [target]
    if to == "parquet" and os.path.lexists(target) and not target.is_dir():
        found = [target]
    for path in found:
        if not os.path.lexists(path):
            continue
        try:
            handle, _ = open_plain(path)
            with handle:
                same = handle.read(8).startswith(_BEGINNINGS[to])
        except OSError:
            same = False
        if not same:
            raise RequestError(
                f"{path} is there already and is no file that an export to {to} writes; choose "
                "another --out."
            )


def _is_something(target: Path) -> bool:
    """Whether there is anything to lose at a place: an empty folder is nothing."""
    if target.is_dir():
        return next(target.iterdir(), None) is not None
    return target.exists() or target.is_symlink()


def _is_export(folder: Path) -> bool:
    """Whether a folder was written by an export, as its own metadata say."""
    for name in (_NOTE, "zarr.json", ".zattrs"):
        try:
            found: Any = json.loads(read_plain(folder / name, _MAX_NOTE))
        except (OSError, ValueError, RecursionError):
            continue
        for place in (found, found.get("attributes") if isinstance(found, dict) else None):
            if isinstance(place, dict) and isinstance(place.get("spheroid_qc"), dict):
                return bool(place["spheroid_qc"].get("program") == "spheroid_qc")
    return False
