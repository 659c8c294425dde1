"""One well, in a worker: its moments analysed and its record committed."""

from __future__ import annotations

import errno
import traceback
from dataclasses import dataclass, replace
from typing import Any

from spheroid_qc.errors import OutputError, SpheroidQCError
from spheroid_qc.run.folder import RunFolder, write_json
from spheroid_qc.run.work import RECORD_FORMAT, WellTask, read_record, record_path

__all__ = [
    "WellResult",
    "analyse_moments",
    "analyse_well",
    "commit_record",
    "masks_present",
    "split",
]


@dataclass(frozen=True)
class WellResult:
    """What the parent hears of a finished well.

    Parameters
    ----------
    plate, well : str
        Which.
    frames : int
        Moments analysed now (not those that an earlier run had done).
    """

    plate: str
    well: str
    frames: int


def analyse_well(task: WellTask) -> WellResult:
    """Analyse what a well's record does not cover yet, and commit the record.

    Parameters
    ----------
    task : WellTask
        The well, all of its moments and the settings.

    Returns
    -------
    WellResult
        A few numbers; the results are in the record.

    Raises
    ------
    OutputError
        If masks or the record can't be written.
    """
    moments, new = analyse_moments(task)
    try:
        commit_record(RunFolder(task.out), task, moments)
    except OSError as error:
        raise OutputError(output_sentence(task, error)) from error
    return WellResult(task.plate, task.well, new)


def analyse_moments(task: WellTask) -> tuple[list[dict[str, Any]], int]:
    """Analyse what a well's record does not cover yet, without touching the record.

    Parameters
    ----------
    task : WellTask
        The well, some or all of its moments and the settings.

    Returns
    -------
    moments : list of dict
        Old and new results, in the order of the task.
    new : int
        How many are new.

    Raises
    ------
    OutputError
        If masks can't be written.
    """
    # Imported here: the parent, which unpickles this function, needs none of it.
    from spheroid_qc.run.load import OpenFile
    from spheroid_qc.run.moment import analyse_moment

    run = RunFolder(task.out)
    done = read_record(run, task.plate, task.well)
    found: list[dict[str, Any]] = []
    new = 0
    with OpenFile() as files:
        for moment in task.moments:
            old = done.get(moment.signature)
            if old is not None and masks_present(run, old):
                found.append(old)
                continue
            new += 1
            path = moment.frames[0].path
            try:
                found.append(
                    analyse_moment(
                        task.folder, run, moment, task.parameters, task.calibration, files
                    )
                )
            except OSError as error:
                raise OutputError(output_sentence(task, error)) from error
            except SpheroidQCError:
                raise
            except MemoryError:
                sentence = f"There was not enough memory to analyse {path}; use fewer workers."
                found.append(_failed(moment.signature, "worker_died", path, sentence))
            except Exception as error:  # a fault of ours must not cost the plate
                reason = f"{type(error).__name__}: {error}"
                sentence = (
                    f"The analysis of {path} failed unexpectedly ({reason}); please report it "
                    "with the file."
                )
                details = traceback.format_exc()
                found.append(_failed(moment.signature, "worker_died", path, sentence, details))
    return found, new


def commit_record(run: RunFolder, task: WellTask, moments: list[dict[str, Any]]) -> None:
    """Write a well's record; from then on the well counts as done."""
    write_json(
        record_path(run, task.plate, task.well),
        {
            "format": RECORD_FORMAT,
            "plate": task.plate,
            "well": task.well,
            "moments": moments,
        },
    )


def split(task: WellTask) -> list[WellTask]:
    """One task for each moment of a well."""
    return [replace(task, moments=(moment,)) for moment in task.moments]


def output_sentence(task: WellTask, error: OSError) -> str:
    """Say why nothing more can be written, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"The disk that holds {task.out} is full; make room and run the same command again: "
            "finished wells are kept."
        )
    return (
        f"The results of well {task.well} can't be written to {task.out} "
        f"({error.strerror or error}); mend that and run the same command again: finished wells "
        "are kept."
    )


def masks_present(run: RunFolder, moment: dict[str, Any]) -> bool:
    """Tell whether the masks that a moment's result names are still there."""
    names = [field["mask"] for field in moment["fields"] if field["mask"]]
    return all((run.masks / name).is_file() for name in names)


def _failed(
    signature: str, code: str, path: str, sentence: str, details: str = ""
) -> dict[str, Any]:
    moment: dict[str, Any] = {
        "signature": signature,
        "inputs": [],
        "problems": [[code, path, sentence]],
        "n_fields": 0,
        "fields": [],
    }
    if details:
        moment["traceback"] = details
    return moment
