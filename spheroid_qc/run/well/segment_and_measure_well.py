"""One well, in a worker: its timepoints analysed and its record committed."""

from __future__ import annotations

import traceback
from collections.abc import Collection
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from spheroid_qc.atomic import output_error
from spheroid_qc.errors import ImageError, SpheroidQCError
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.well_records import (
    WellTask,
    WellTimepoint,
    read_record,
    write_record,
)
from spheroid_qc.storage import NotPlainError, patiently

if TYPE_CHECKING:
    from spheroid_qc.run.well.load_images import OpenFile


def analyse_well(task: WellTask) -> int:
    """Analyse what a well's record does not cover yet, and commit the record with the results.

    Gives the number of timepoints analysed now (not those that an earlier run had done).
    `OutputError` if masks or the record can't be written.
    """
    from spheroid_qc.run.well.neighbour_pass import see_neighbours
    from spheroid_qc.run.well.static_pass import take_static_background

    well_timepoints, new = analyse_timepoints(task)
    run = RunFolder(task.out)
    edited: frozenset[str] = frozenset()
    try:
        if new < len(well_timepoints):
            # Masks of the record that is there may change now: whoever ends meanwhile leaves one
            # that does not vouch for them.
            edited = with_other_masks(task, well_timepoints)
            run.check_there()
            write_record(run, task.plate, task.well, _unfinished(well_timepoints, edited))
        try:
            see_neighbours(task, well_timepoints)
            take_static_background(task, well_timepoints)
        except (OSError, SpheroidQCError):
            raise
        except Exception as error:  # no memory, or a fault of ours: it must not cost the plate
            changed = with_other_masks(task, well_timepoints) - edited
            again, _ = analyse_timepoints(narrowed(task, changed))
            what = type(error).__name__ if not str(error) else f"{type(error).__name__}: {error}"
            well_timepoints = not_judged(
                task, replaced(well_timepoints, again), edited, f"failed ({what})"
            )
        run.check_there()
        write_record(run, task.plate, task.well, well_timepoints)
    except OSError as error:
        raise output_error(task.out, error) from error
    return new


def not_judged(
    task: WellTask, results: list[dict[str, Any]], edited: frozenset[str], how: str
) -> list[dict[str, Any]]:
    """Results of a well's timepoints that could not be judged together, so that it is said.

    They are `unfinished`, and the next run makes them anew, but for `edited` masks. `how` is what
    became of it.
    """
    sentence = (
        f"What is judged on all pictures of well {task.well} together {how}: their masks are those "
        "of each picture by itself, with marks of the well in them. Run the same command again, "
        "with fewer workers if memory is small."
    )
    problem = ["worker_died", _OF_THE_WELL, sentence]
    said = [one | {"problems": [*one["problems"], problem]} for one in results]
    return _unfinished(said, edited)


_OF_THE_WELL = ""
"""In the place of a path: the problem of no file, but of all timepoints of a well."""


def _unfinished(results: list[dict[str, Any]], edited: frozenset[str]) -> list[dict[str, Any]]:
    """Results that the next run makes anew, but for those with masks that a person edited."""
    return [one if one["signature"] in edited else one | {"unfinished": True} for one in results]


def with_other_masks(task: WellTask, results: list[dict[str, Any]]) -> frozenset[str]:
    """Signatures of the timepoints whose masks are not those of their results (any more)."""
    run, limit = RunFolder(task.out), task.parameters.images.max_megapixels
    return frozenset(
        one["signature"] for one in results if mask_states(run, one, limit) - {MaskState.WHOLE}
    )


def narrowed(task: WellTask, signatures: Collection[str]) -> WellTask:
    """Give the task with some of its timepoints only."""
    kept = tuple(moment for moment in task.well_timepoints if moment.signature in signatures)
    return replace(task, well_timepoints=kept)


def replaced(results: list[dict[str, Any]], others: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put others of the same timepoints in the place of results."""
    known = {one["signature"]: one for one in others}
    return [known.get(one["signature"], one) for one in results]


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
            path = well_timepoint.frames[0].path
            old = done.get(well_timepoint.signature)
            if old is not None and still_holds(task, well_timepoint, old, files):
                problems = [one for one in old["problems"] if one[1] != _OF_THE_WELL]
                old |= {"stamps": list(well_timepoint.stamps), "problems": problems}
                found.append(dict(old))
                measure_corrections(task, well_timepoint, old, files)
                continue
            new += 1

            def analysed(well_timepoint: WellTimepoint = well_timepoint) -> dict[str, Any]:
                run.check_there()
                return analyse_timepoint(task, well_timepoint, files)

            try:
                found.append(patiently(analysed, path))
                measure_corrections(task, well_timepoint, found[-1], files)
            except OSError as error:
                raise output_error(task.out, error) from error
            except SpheroidQCError:
                raise
            except MemoryError:
                sentence = f"There was not enough memory to analyse {path}; use fewer workers."
                found.append(failed(well_timepoint, "worker_died", path, sentence))
            except Exception as error:  # a fault of ours must not cost the plate
                reason = f"{type(error).__name__}: {error}"
                sentence = (
                    f"The analysis of {path} failed unexpectedly ({reason}); please report it "
                    "with the file."
                )
                details = traceback.format_exc()
                found.append(failed(well_timepoint, "worker_died", path, sentence, details))
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


def still_holds(
    task: WellTask, well_timepoint: WellTimepoint, result: dict[str, Any], files: OpenFile
) -> bool:
    """Tell whether a timepoint's result is that of the files as they are, with all of its masks."""
    run, limit = RunFolder(task.out), task.parameters.images.max_megapixels
    if result.get("unfinished") or MaskState.DAMAGED in mask_states(run, result, limit):
        return False
    return result["stamps"] == list(well_timepoint.stamps) or _same_bytes(
        task, well_timepoint, result, files
    )


def _same_bytes(
    task: WellTask, well_timepoint: WellTimepoint, result: dict[str, Any], files: OpenFile
) -> bool:
    """Tell whether all files of a timepoint are those that it was made of, whatever their dates."""
    known = {entry["path"]: entry["sha256"] for entry in result["inputs"]}
    paths = dict.fromkeys(frame.path for frame in well_timepoint.frames)
    if set(known) != set(paths):
        return False  # one of them could not be read then, and perhaps can be now
    try:
        return all(
            files.open(task.folder / path, task.parameters.images).sha256 == known[path]
            for path in paths
        )
    except ImageError:
        return False


class MaskState(StrEnum):
    """How a mask on the disk stands to the record that names it."""

    WHOLE = "whole"
    EDITED = "edited"
    DAMAGED = "damaged"


def mask_states(run: RunFolder, result: dict[str, Any], max_megapixels: float) -> set[MaskState]:
    """Tell how the masks that a timepoint's result names stand: by their content, not their size.

    One of another content that can still be read was edited by somebody, who should not lose it;
    one that can't, or is not there, is damaged.
    """
    from spheroid_qc.run.store.mask_files import mask_digest, read_masks

    states = set()
    for found in result["fields"]:
        if not found["mask"]:
            continue
        try:
            path = run.mask(found["mask"])
            if mask_digest(path, max_megapixels) == found["mask_sha256"]:
                states.add(MaskState.WHOLE)
                continue
            read_masks(path, max_megapixels, found["shape"])
            states.add(MaskState.EDITED)
        except (NotPlainError, ImageError):
            states.add(MaskState.DAMAGED)
    return states


def failed(
    well_timepoint: WellTimepoint, code: str, path: str, sentence: str, details: str = ""
) -> dict[str, Any]:
    """Make the result of a timepoint that could not be analysed, for its record.

    It is `unfinished`: the next run tries it again.
    """
    result: dict[str, Any] = {
        "signature": well_timepoint.signature,
        "stamps": list(well_timepoint.stamps),
        "inputs": [],
        "problems": [[code, path, sentence]],
        "n_fields": 0,
        "unfinished": True,
        "fields": [],
    }
    if details:
        result["traceback"] = details
    return result
