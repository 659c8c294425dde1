"""A well through all its times: marks that stand in all of them are taken out of the shed material.

What was taken lies beside the well's record, so that more frames can be added later and the well
judged anew, with the same result as if all had been there from the beginning.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.atomic import atomic_path
from spheroid_qc.errors import ImageError
from spheroid_qc.parameters import Assay
from spheroid_qc.run.store.mask_files import read_masks, write_masks
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.well_records import (
    MAX_RECORD,
    WellTask,
    WellTimepoint,
    record_path,
)
from spheroid_qc.run.well.load_images import FieldImage, OpenFile
from spheroid_qc.run.well.neighbour_pass import is_followed
from spheroid_qc.run.well.reload_frame import load_recorded
from spheroid_qc.run.well.segment_and_measure_timepoint import measure_field
from spheroid_qc.segmentation import Segmentation
from spheroid_qc.segmentation.static_background import (
    MIN_TIMES,
    FineStructure,
    fine_structure,
    static_marks,
    without_marks,
)
from spheroid_qc.stopwatch import Work, timed
from spheroid_qc.storage import read_arrays

_WORTH_IT, _EARLY = 0.02, 2
"""Disintegration fraction below which, at so many first times, there is nothing that marks could
explain: they are there from the beginning. Comparing costs as much as segmenting once more."""

_ENDS = ("disintegration_fraction_low", "disintegration_fraction_high")


@timed(Work.STATIC, whole=True)
def take_static_background(task: WellTask, results: list[dict[str, Any]]) -> None:
    """Take static marks out of a well's masks and measure those frames anew.

    Parameters
    ----------
    task : WellTask
        The well, whole.
    results : list of dict
        As in its record, one a timepoint of the task; those whose masks change are changed, and
        all whose shed material was judged say how much was taken (`static_px`).

    Raises
    ------
    OSError
        If masks can't be written.
    """
    parameters, run = task.parameters, RunFolder(task.out)
    if not parameters.segmentation.static_background or not parameters.output.masks:
        return
    if parameters.plate.assay is not Assay.SINGLE or len(results) < MIN_TIMES:
        return
    moments = [
        (moment, result["fields"][0])
        for moment, result in zip(task.well_timepoints, results, strict=True)
        if is_followed(result)
    ]
    path = taken_path(run, task.plate, task.well)
    before = marks_taken(run, task.plate, task.well)
    if not any(_fraction(field) >= _WORTH_IT for _, field in moments[:_EARLY]):
        return
    shape = moments[0][1]["shape"]
    moments = [(moment, field) for moment, field in moments if field["shape"] == shape]
    if len(moments) < MIN_TIMES:
        return
    frames, masks = [], []
    kept: list[tuple[WellTimepoint, dict[str, Any]]] = []
    with OpenFile() as files:
        for moment, field in moments:
            try:
                image = load_recorded(task, moment, field, files, with_others=False)
                core, shed = read_masks(
                    run.mask(field["mask"]), parameters.images.max_megapixels, field["shape"]
                )
            except ImageError:
                continue
            # Masks that were made anew since then still hold all that was found.
            old = before.get(moment.signature) if field.get("static_px") is not None else None
            if old is not None and old.shape == shed.shape:
                shed = shed | old & (core == 0)
            frames.append(fine_structure(image.evened, core))
            masks.append((core, np.packbits(shed)))
            kept.append((moment, field))
        taken = _taken(frames, masks)
        _write_taken(path, {m.signature: t for (m, _), t in zip(kept, taken, strict=True)})
        for (moment, field), (core, packed), mark in zip(kept, masks, taken, strict=True):
            old = before.get(moment.signature)
            if field.get("static_px") is not None and old is not None and np.array_equal(old, mark):
                continue
            field["static_px"] = int(np.count_nonzero(mark))
            if not mark.any() and (old is None or not old.any()):
                continue
            image = load_recorded(task, moment, field, files, with_others=True)
            shed = _unpacked(packed, core) & ~mark
            _measure_again(run, field, image, core, shed, task)


def taken_path(run: RunFolder, plate: str, well: str) -> Path:
    """Where it lies what was taken out of a well's masks."""
    return record_path(run, plate, well).with_suffix(".static.npz")


def _taken(
    frames: list[FineStructure], masks: list[tuple[NDArray[np.int32], NDArray[np.uint8]]]
) -> list[NDArray[np.bool_]]:
    """Shed material of every frame that is a mark of the well, at full resolution."""
    marks = static_marks(frames)
    found = []
    for frame, mark, (core, packed) in zip(frames, marks, masks, strict=True):
        shed = _unpacked(packed, core)
        found.append(shed & ~without_marks(shed, mark, frame))
    return found


def _unpacked(packed: NDArray[np.uint8], like: NDArray[Any]) -> NDArray[np.bool_]:
    return np.unpackbits(packed, count=like.size).reshape(like.shape).view(bool)


def _fraction(field: dict[str, Any]) -> float:
    """Disintegration fraction as it was found, before anything was taken."""
    first = field.get("as_found") or field["rows"][0]
    value = first.get("disintegration_fraction")
    return float(value) if value is not None else 0.0


def _measure_again(
    run: RunFolder,
    field: dict[str, Any],
    image: FieldImage,
    core: NDArray[np.int32],
    shed: NDArray[np.bool_],
    task: WellTask,
) -> None:
    """Write masks without marks, and replace what was measured of them."""
    found = field.get("as_found") or {
        name: field["rows"][0].get(name) for name in ("disintegration_fraction", *_ENDS)
    }
    written = write_masks(
        run.mask(field["mask"]), Segmentation(core, shed, 0.0, ""), image.pixel_size_um
    )
    segmentation = Segmentation(core, shed, float(field["confidence"]), field["method"])
    again = measure_field(image, segmentation, task.parameters)
    row = again["rows"][0]
    now, then = row.get("disintegration_fraction"), found["disintegration_fraction"]
    for end in _ENDS:
        # The doubt about what was left is that about what was found, moved along.
        if found[end] is not None and now is not None and then is not None:
            row[end] = min(max(found[end] + now - then, 0.0), 1.0)
    kept = {n: field[n] for n in ("field", "mask", "stitched", "static_px")}
    field |= again | kept | {"as_found": found, "mask_sha256": written}


def marks_taken(run: RunFolder, plate: str, well: str) -> dict[str, NDArray[np.bool_]]:
    """Read what was taken out of the shed material of a well's frames, by signature.

    A damaged file is none.
    """
    found: dict[str, NDArray[np.bool_]] = {}
    try:
        for name, values in read_arrays(taken_path(run, plate, well), MAX_RECORD).items():
            height, width = (int(n) for n in values[:8].copy().view(np.uint32))
            if height * width > 8 * (values.size - 8):
                raise ValueError("it is cut short")
            bits = np.unpackbits(values[8:], count=height * width)
            found[name] = bits.reshape(height, width).view(bool)
    except (OSError, ValueError, TypeError, IndexError):
        return {}
    return found


def _write_taken(path: Path, taken: dict[str, NDArray[np.bool_]]) -> None:
    """Write what was taken; nothing where nothing was and no file is there."""
    if not path.is_file() and not any(mark.any() for mark in taken.values()):
        return
    entries = {
        signature: np.concatenate(
            [np.asarray(mark.shape, np.uint32).view(np.uint8), np.packbits(mark)]
        )
        for signature, mark in taken.items()
    }
    stream = io.BytesIO()
    np.savez_compressed(stream, **entries)  # type: ignore[arg-type]
    with atomic_path(path) as temporary:
        Path(temporary).write_bytes(stream.getvalue())
