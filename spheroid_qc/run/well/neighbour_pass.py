"""A well through all its times: a core that jumps out of line and back is looked at once more.

A frame whose core stands out from those before and after it, which agree, is segmented again with
sight of them. What comes out counts only if the core no longer stands out: then the frame itself
left it in doubt. If it does, the frame shows a change, and its masks stay as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spheroid_qc.errors import ImageError
from spheroid_qc.parameters import Assay, Method
from spheroid_qc.run.store.mask_files import mask_digest, read_masks, write_masks
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.well_records import WellTask, WellTimepoint
from spheroid_qc.run.well.load_images import OpenFile
from spheroid_qc.run.well.reload_frame import load_recorded
from spheroid_qc.run.well.segment_and_measure_timepoint import measure_field, segment_field
from spheroid_qc.segmentation.array_types import Mask
from spheroid_qc.stopwatch import Work, timed

_WHICH = ("before", "after")

_STANDS_OUT = 0.1
"""Difference of the logarithm of the core's diameter from that between its neighbours from which it
stands out, if they differ by less from each other: 20 % of its area."""


@timed(Work.NEIGHBOURS, whole=True)
def see_neighbours(task: WellTask, results: list[dict[str, Any]]) -> None:
    """Segment frames whose core stands out again, with sight of those before and after.

    Parameters
    ----------
    task : WellTask
        The well, whole.
    results : list of dict
        As in its record, one a timepoint of the task. Fields that were looked at again say so
        (`neighbours`), and are measured anew where the neighbours were followed.

    Raises
    ------
    OSError
        If masks can't be written.
    """
    if not _is_wanted(task):
        return
    seen = [
        (moment, result["fields"][0])
        for moment, result in zip(task.well_timepoints, results, strict=True)
        if is_followed(result)
    ]
    sizes = [_diameter(field) for _, field in seen]
    out = [False, *(_stands_out(*sizes[n - 1 : n + 2]) for n in range(1, len(sizes) - 1)), False]
    with OpenFile() as files:
        # First those that no longer stand out, or whose neighbours do: others are seen with them.
        asked: dict[int, dict[str, str]] = {}
        for n, (moment, field) in enumerate(seen):
            if out[n] and not out[n - 1] and not out[n + 1]:
                around = seen[n - 1][0].signature, seen[n + 1][0].signature
                asked[n] = dict(zip(_WHICH, around, strict=True))
            known = field.get("neighbours")
            if known is not None and {name: known[name] for name in _WHICH} != asked.get(n):
                if known["followed"]:
                    _segment_again(task, moment, field, (), files)
                field.pop("neighbours", None)
        for n, which in asked.items():
            moment, field = seen[n]
            if field.get("neighbours") is not None:
                continue
            alone = _core_px(field)
            try:
                cores = [_core(task, seen[m][1]) for m in (n - 1, n + 1)]
            except ImageError:
                continue
            followed = _segment_again(
                task, moment, field, cores, files, (sizes[n - 1], sizes[n + 1])
            )
            field["neighbours"] = which | {"followed": followed, "core_px": alone}


def is_followed(result: dict[str, Any]) -> bool:
    """Tell whether a timepoint has the one measured field, with masks, of a spheroid in time."""
    fields = result["fields"]
    return len(fields) == 1 and bool(fields[0]["mask"]) and bool(fields[0]["rows"])


def _is_wanted(task: WellTask) -> bool:
    parameters = task.parameters
    method = task.leading or parameters.segmentation.method.value
    return (
        parameters.segmentation.neighbours
        and parameters.output.masks
        and parameters.plate.assay is Assay.SINGLE
        and method == Method.LEARNED.value
    )


def _core_px(field: dict[str, Any]) -> int:
    """Area of the core's largest piece, in pixels."""
    return int(field["rows"][0]["core_area_px"] or 0)


def _diameter(field: dict[str, Any]) -> float:
    """Logarithm of the core's diameter in pixels as the frame alone shows it; NaN for no core."""
    known = field.get("neighbours")
    pixels = _core_px(field) if known is None else known["core_px"]
    return _logarithm(pixels)


def _logarithm(pixels: int) -> float:
    return float(np.log(pixels) / 2) if pixels > 0 else float("nan")


def _stands_out(before: float, own: float, after: float) -> bool:
    """Whether a core's size is out of line with those around it; a missing one always is."""
    apart = abs(after - before)
    if np.isnan(apart):
        return False
    return not abs(own - (before + after) / 2) <= max(_STANDS_OUT, apart)


def _core(task: WellTask, field: dict[str, Any]) -> Mask:
    path = RunFolder(task.out).mask(field["mask"])
    core, _ = read_masks(path, task.parameters.images.max_megapixels, field["shape"])
    return core > 0


def _segment_again(
    task: WellTask,
    moment: WellTimepoint,
    field: dict[str, Any],
    cores: Sequence[Mask],
    files: OpenFile,
    around: tuple[float, float] | None = None,
) -> bool:
    """Segment a frame anew, alone or with its neighbours' cores; tells whether its masks changed.

    With `around`, the sizes of its neighbours, only what no longer stands out from them counts.
    """
    run = RunFolder(task.out)
    mask = run.mask(field["mask"])
    if mask_digest(mask, task.parameters.images.max_megapixels) != field["mask_sha256"]:
        return False  # a person has edited it
    if any(list(core.shape) != field["shape"] for core in cores):
        return False
    try:
        image = load_recorded(task, moment, field, files, with_others=True)
    except ImageError:
        return False
    segmentation = segment_field(image, task, cores)
    if around is not None:
        size = _logarithm(int(np.count_nonzero(segmentation.core == 1)))
        if _stands_out(around[0], size, around[1]):
            return False
    written = write_masks(mask, segmentation, image.pixel_size_um)
    kept = {name: field[name] for name in ("field", "mask", "stitched")}
    again = measure_field(image, segmentation, task.parameters)
    field.clear()
    field.update(again | kept | {"mask_sha256": written})
    return True
