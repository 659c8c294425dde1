"""Masks that a person corrected, beside the automatic ones, and what was measured from them.

`corrections/` in the run folder mirrors `masks/`: a mask there takes the place of the automatic
one of the same name, in every table and picture, and is never made anew. A note beside it says
who and when, on which picture it was drawn, and holds what was measured from it, so that tables
need no pixels. The automatic masks and records stay as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc import __version__
from spheroid_qc.atomic import write_json
from spheroid_qc.errors import ImageError
from spheroid_qc.parameters import Parameters
from spheroid_qc.run.store.mask_files import read_masks, write_masks
from spheroid_qc.run.store.record_form import is_field
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.well_records import WellTask, WellTimepoint, read_record
from spheroid_qc.run.well.load_images import FieldImage, OpenFile
from spheroid_qc.run.well.reload_frame import load_analysed
from spheroid_qc.run.well.segment_and_measure_timepoint import measure_field
from spheroid_qc.segmentation import Segmentation
from spheroid_qc.storage import files_below, read_plain

METHOD = "corrected"
"""What the column `method` says of masks that a person drew."""

_FORMAT = 1
_ENDING = ".ome.tif"

MAX_CORRECTION = 1_000_000_000
"""Bytes of a corrected mask as it is stored, or of the note beside it: more is no mask."""


@dataclass(frozen=True)
class Correction:
    """A mask that a person drew: its name in the run folder, who and when (ISO 8601) if known."""

    mask: str
    by: str = ""
    at: str = ""


def corrections_of(run: RunFolder) -> Iterator[Correction]:
    """Read which masks of a run were corrected, by whom and when.

    Parameters
    ----------
    run : RunFolder
        The run folder.

    Yields
    ------
    Correction
        In no order. Files that don't belong to their picture are among them, and what is no file is
        not; tables say of both.
    """
    for entry in files_below(run.corrections):
        if entry.name.endswith(_ENDING):
            mask = Path(entry.path).relative_to(run.corrections).as_posix()
            if _drawn(run, mask) is None:
                continue
            note = _read_json(note_path(run, mask))
            yield Correction(mask, str(note.get("by") or ""), str(note.get("at") or ""))


def mask_path(run: RunFolder, mask: str) -> Path:
    """Where the mask lies that counts: the corrected one, else the automatic one.

    Parameters
    ----------
    run : RunFolder
        The run folder.
    mask : str
        Name of the mask, as in a record.
    """
    return _drawn(run, mask) or run.mask(mask)


def _drawn(run: RunFolder, mask: str) -> Path | None:
    """Path of the corrected mask of that name, if a file is there."""
    try:
        path = run.correction(mask)
        return path if path.is_file() else None
    except OSError:
        return None


def _is_claimed(run: RunFolder, mask: str) -> bool:
    """Whether anything lies where the corrected mask of that name would, usable or not.

    Somebody put it there: a pipe, a folder or a link to nowhere must not pass for no correction.
    """
    try:
        path = run.correction(mask)
        path.lstat()
    except FileNotFoundError:
        # Of a folder that is a link to nowhere, too.
        above = path.parents[: len(path.relative_to(run.corrections).parts) - 1]
        return any(folder.is_symlink() and not folder.exists() for folder in above)
    except OSError:  # a file where a folder should be, no permission, or a link that leads out
        return True
    return True


def mask_state(run: RunFolder, mask: str) -> tuple[str, ...]:
    """Digest of the corrected mask of that name; empty where there is none."""
    try:
        content = read_plain(run.correction(mask), MAX_CORRECTION)
    except OSError:
        return ()
    return (blake2b(content, digest_size=16).hexdigest(),)


def tidy(core: NDArray[Any], shed: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Bring painted masks into the form that a segmenter gives.

    Parameters
    ----------
    core : ndarray of int, shape (y, x)
        Labels as painted: pieces may share a number, numbers may be missing.
    shed : ndarray, shape (y, x)
        Anything but 0 is shed material.

    Returns
    -------
    core : ndarray of int32
        One number for each piece, largest first; bodies that touch stay apart.
    shed : ndarray of bool
        Without what is core.
    """
    from skimage.measure import label

    pieces: NDArray[Any] = label(core, connectivity=2)  # type: ignore[no-untyped-call]
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    order = np.argsort(-sizes, kind="stable")
    rank = np.zeros(sizes.size, np.int32)
    present = order[: np.count_nonzero(sizes)]
    rank[present] = np.arange(1, present.size + 1, dtype=np.int32)
    return rank[pieces], (np.asarray(shed) != 0) & (pieces == 0)


def measure_masks(
    automatic: dict[str, Any],
    core: NDArray[Any],
    shed: NDArray[Any],
    image: FieldImage,
    parameters: Parameters,
) -> dict[str, Any]:
    """Measure masks that a person drew.

    Parameters
    ----------
    automatic : dict
        What the record says of the field.
    core, shed : ndarray, shape (y, x)
        Masks as painted.
    image : FieldImage
        The picture that they were drawn on.
    parameters : Parameters
        All settings.

    Returns
    -------
    dict
        Like `automatic`, with the new features. `confidence` is None: it is the segmenter's, and
        no segmenter made these masks.
    """
    labels, loose = tidy(core, shed)
    result = measure_field(image, Segmentation(labels, loose, 1.0, METHOD), parameters)
    kept = {name: automatic[name] for name in ("mask", "mask_sha256", "stitched", "field")}
    return result | kept | {"confidence": None}


def store_correction(
    run: RunFolder,
    result: dict[str, Any],
    core: NDArray[Any],
    shed: NDArray[Any],
    pixel_size_um: float | None,
    parameters: Parameters,
    *,
    by: str = "",
    at: str = "",
) -> None:
    """Store masks that a person drew and that have been measured.

    Parameters
    ----------
    run : RunFolder
        Where.
    result : dict
        From `measure_masks`; it names the mask.
    core, shed : ndarray, shape (y, x)
        Masks as painted.
    pixel_size_um : float or None
        Written into the mask file.
    parameters : Parameters
        The settings that were measured with.
    by, at : str
        Who, and when (ISO 8601).

    Raises
    ------
    OSError
        If nothing can be written.
    """
    labels, loose = tidy(core, shed)
    path = run.correction(result["mask"])
    write_masks(path, Segmentation(labels, loose, 1.0, METHOD), pixel_size_um)
    _write_note(run, result, parameters, by, at)


def remove_correction(run: RunFolder, mask: str) -> None:
    """Go back to the automatic mask of that name."""
    run.correction(mask).unlink(missing_ok=True)
    note_path(run, mask).unlink(missing_ok=True)


def corrected_record(run: RunFolder, plate: str, well: str) -> dict[str, dict[str, Any]]:
    """Read the record of a well with its corrections: timepoints by signature.

    Parameters
    ----------
    run : RunFolder
        The run folder.
    plate, well : str
        Which.
    """
    record = read_record(run, plate, well)
    if not run.corrections.is_dir():
        return record
    return {
        signature: corrected(run, well_timepoint) for signature, well_timepoint in record.items()
    }


def corrected(run: RunFolder, well_timepoint: dict[str, Any]) -> dict[str, Any]:
    """Put corrected fields of a timepoint, as in a record, in the place of automatic ones.

    The answer is the same, or a copy with other fields and `review`: [flag code, sentence] on what
    was corrected, and by whom.
    """
    fields, review = [], []
    for automatic in well_timepoint["fields"]:
        field = automatic
        if automatic["mask"] and _is_claimed(run, automatic["mask"]):
            note = _read_note(run, automatic["mask"])
            name = f"The corrected mask {automatic['mask']}"
            if note is None:
                why = f"{name} can't be read, or has not the size of the picture."
                review.append(["correction_unused", why])
            elif note["pixel_hash"] != automatic["pixel_hash"]:
                review.append(["correction_unused", f"{name} was drawn on another picture."])
            else:
                field = automatic | note["field"] | {"confidence": float("nan")}
                review.append(["corrected_by_user", _who(note)])
        fields.append(field)
    return well_timepoint | {"fields": fields, "review": review} if review else well_timepoint


def pending(run: RunFolder, well_timepoint: dict[str, Any], parameters: Parameters) -> bool:
    """Tell whether a corrected mask of a timepoint is still to be measured with these settings."""
    if not run.corrections.is_dir():
        return False
    return any(_is_pending(run, field, parameters) for field in well_timepoint["fields"])


def measure_corrections(
    task: WellTask, well_timepoint: WellTimepoint, result: dict[str, Any], files: OpenFile
) -> None:
    """Measure the corrected masks of a timepoint that have not been measured with these settings.

    `result` is that of the timepoint, as in a record, and is changed. A mask that can't be read,
    or does not fit its picture, is left out, which `corrected` says.
    """
    run, parameters = RunFolder(task.out), task.parameters
    if not run.corrections.is_dir():
        return
    for automatic in result["fields"]:
        if not _is_pending(run, automatic, parameters):
            continue
        try:
            core, shed = read_masks(
                run.correction(automatic["mask"]),
                parameters.images.max_megapixels,
                automatic["shape"],
            )
            image = load_analysed(
                task.folder,
                well_timepoint,
                automatic["field"],
                automatic["stitched"],
                parameters,
                task.calibration,
                files,
                with_others=True,
                light=automatic.get("light"),
            )
        except ImageError:
            continue
        if core.shape != image.pixels.shape:
            continue
        old = _read_json(note_path(run, automatic["mask"]))
        who = {name: str(old.get(name) or "") for name in ("by", "at")}
        field = measure_masks(automatic, core, shed, image, parameters)
        _write_note(run, field, parameters, **who)


def _is_pending(run: RunFolder, automatic: dict[str, Any], parameters: Parameters) -> bool:
    mask = automatic["mask"]
    if not mask or _drawn(run, mask) is None:
        return False
    note = _read_note(run, mask)
    return note is None or (
        note["pixel_hash"] == automatic["pixel_hash"] and note["settings"] != _settings(parameters)
    )


def _settings(parameters: Parameters) -> str:
    """Digest of what the features depend on, apart from masks and pixels."""
    plate = parameters.plate
    content = [
        __version__,
        plate.assay.value,
        plate.pixel_size_um,
        parameters.images.model_dump(mode="json"),
        parameters.measurement.model_dump(mode="json"),
    ]
    return blake2b(json.dumps(content).encode(), digest_size=12).hexdigest()


def note_path(run: RunFolder, mask: str) -> Path:
    """Where the note on the corrected mask of that name lies."""
    return run.correction(f"{mask.removesuffix(_ENDING)}.json")


def _write_note(
    run: RunFolder, field: dict[str, Any], parameters: Parameters, by: str, at: str
) -> None:
    note = {
        "format": _FORMAT,
        "by": by,
        "at": at,
        "mask": next(iter(mask_state(run, field["mask"])), ""),
        "pixel_hash": field["pixel_hash"],
        "settings": _settings(parameters),
        "field": field,
    }
    write_json(note_path(run, field["mask"]), note)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_plain(path, MAX_CORRECTION).decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _read_note(run: RunFolder, mask: str) -> dict[str, Any] | None:
    """Read what belongs to a corrected mask; None if it is missing or of another mask."""
    if _drawn(run, mask) is None:
        return None
    note = _read_json(note_path(run, mask))
    texts = all(isinstance(note.get(name), str) for name in ("pixel_hash", "settings"))
    if note.get("format") != _FORMAT or not texts or not is_field(note.get("field")):
        return None
    return note if (note.get("mask"),) == mask_state(run, mask) else None


def _who(note: dict[str, Any]) -> str:
    by = f" by {note['by']}" if note.get("by") else ""
    at = f" on {str(note['at'])[:10]}" if note.get("at") else ""
    return f"The masks were corrected{by}{at}."
