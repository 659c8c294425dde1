"""One well, in a worker: its timepoints analysed and its record committed."""

from __future__ import annotations

import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spheroid_qc.atomic import output_error
from spheroid_qc.errors import ImageError, SpheroidQCError
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.well_records import WellTask, read_record, write_record

if TYPE_CHECKING:
    pass


def analyse_well(task: WellTask) -> int:
    """Analyse what a well's record does not cover yet, and commit the record with the results.

    Gives the number of timepoints analysed now (not those that an earlier run had done).
    `OutputError` if masks or the record can't be written.
    """
    from spheroid_qc.run.well.static_pass import take_static_background

    well_timepoints, new = analyse_timepoints(task)
    try:
        take_static_background(task, well_timepoints)
        write_record(RunFolder(task.out), task.plate, task.well, well_timepoints)
    except OSError as error:
        raise output_error(task.out, error) from error
    return new


def analyse_timepoints(task: WellTask) -> tuple[list[dict[str, Any]], int]:
    """Analyse what a well's record does not cover yet, without touching the record.

    Gives old and new results, in the order of the task, and how many are new. `OutputError` if
    masks can't be written.
    """
    # Imported here: the parent, which unpickles this function, needs none of it.
    from spheroid_qc.run.store.corrected_masks import measure_corrections
    from spheroid_qc.run.well.load_images import OpenFile
    from spheroid_qc.run.well.segment_and_measure_timepoint import analyse_timepoint

    run = RunFolder(task.out)
    done = read_record(run, task.plate, task.well)
    found: list[dict[str, Any]] = []
    new = 0
    with OpenFile() as files:
        for well_timepoint in task.well_timepoints:
            old = done.get(well_timepoint.signature)
            if old is not None and masks_present(run, old):
                found.append(old)
                measure_corrections(task, well_timepoint, old, files)
                continue
            new += 1
            path = well_timepoint.frames[0].path
            try:
                found.append(analyse_timepoint(task, well_timepoint, files))
                measure_corrections(task, well_timepoint, found[-1], files)
            except OSError as error:
                raise output_error(task.out, error) from error
            except SpheroidQCError:
                raise
            except MemoryError:
                sentence = f"There was not enough memory to analyse {path}; use fewer workers."
                found.append(_failed(well_timepoint.signature, "worker_died", path, sentence))
            except Exception as error:  # a fault of ours must not cost the plate
                reason = f"{type(error).__name__}: {error}"
                sentence = (
                    f"The analysis of {path} failed unexpectedly ({reason}); please report it "
                    "with the file."
                )
                details = traceback.format_exc()
                found.append(
                    _failed(well_timepoint.signature, "worker_died", path, sentence, details)
                )
    return found, new


def prepare() -> None:
    """Import what analysing a well needs, before there is a well."""
    import spheroid_qc.run.well.load_images
    import spheroid_qc.run.well.segment_and_measure_timepoint
    import spheroid_qc.segmentation.classical  # noqa: F401


def split(task: WellTask) -> list[WellTask]:
    """One task for each timepoint of a well."""
    return [
        replace(task, well_timepoints=(well_timepoint,)) for well_timepoint in task.well_timepoints
    ]


def masks_present(run: RunFolder, well_timepoint: dict[str, Any]) -> bool:
    """Tell whether the masks that a timepoint's result names are still there, and whole."""
    return all(
        _is_whole(run.masks / found["mask"], found.get("mask_size"))
        for found in well_timepoint["fields"]
        if found["mask"]
    )


def _is_whole(path: Path, size: int | None) -> bool:
    """Tell whether a mask can be used; it is opened only where its size is not as it was."""
    try:
        if size is not None and path.is_file() and path.stat().st_size == size:
            return True
        from spheroid_qc.run.store.mask_files import read_masks

        read_masks(path)
    except (OSError, ImageError):
        return False
    return True


def _failed(
    signature: str, code: str, path: str, sentence: str, details: str = ""
) -> dict[str, Any]:
    well_timepoint: dict[str, Any] = {
        "signature": signature,
        "inputs": [],
        "problems": [[code, path, sentence]],
        "n_fields": 0,
        "fields": [],
    }
    if details:
        well_timepoint["traceback"] = details
    return well_timepoint
