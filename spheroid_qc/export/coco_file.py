"""Annotations in the format of COCO: one file for a run, masks as run lengths, exact to the pixel.

A core is an annotation, and all shed material of a frame is one. Run lengths go down the columns,
and are written as the characters that pycocotools reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.export.counted_run import CountedPicture, CountedRun
from spheroid_qc.export.picture_copies import copy_picture
from spheroid_qc.run.well.load_images import OpenFile
from spheroid_qc.storage import inside

_CATEGORIES = (
    {"id": 1, "name": "core", "supercategory": "spheroid"},
    {"id": 2, "name": "shed", "supercategory": "spheroid"},
)


def write_coco(
    run: CountedRun, target: Path, done: Callable[[str, int], None], *, copy_images: bool
) -> list[str]:
    """Write `annotations.json`.

    Parameters
    ----------
    run : CountedRun
        Where it comes from.
    target : Path
        A folder, which is filled.
    done : callable
        Called with every finished well and its number of pictures.
    copy_images : bool
        Write the pictures too, in the folder `images`; else `file_name` is a path below the image
        folder of the run.

    Returns
    -------
    list of str
        Sentences on pictures that had to be left out.
    """
    images: list[dict[str, Any]] = []
    number = 0
    with (target / "annotations.json").open("w", encoding="utf-8", newline="\n") as file:
        info = {"description": "core and shed material of spheroids, by spheroid_qc"}
        file.write(f'{{"info": {_text(info)},\n"licenses": [],\n')
        file.write(f'"categories": {_text(_CATEGORIES)},\n"annotations": [')

        def write(
            picture: CountedPicture,
            core: NDArray[np.int32],
            shed: NDArray[np.bool_],
            files: OpenFile,
        ) -> None:
            nonlocal number
            name = _name(run, picture, target, files, copy_images=copy_images)
            images.append(_image(picture, len(images) + 1, name))
            number = _write_masks(file, core, shed, len(images), number)

        problems = run.for_each_picture(write, done)
        file.write("\n],\n" + '"images": [')
        file.write(",".join(f"\n{_text(image)}" for image in images) + "\n]}\n")
    return problems


def _text(value: object) -> str:
    # Any name can be written: what is no character stands as an escape.
    return json.dumps(value)


def _name(
    run: CountedRun, picture: CountedPicture, target: Path, files: OpenFile, *, copy_images: bool
) -> str:
    if not copy_images:
        return str(picture.record["file"])
    name = PurePosixPath("images", picture.mask.removesuffix(".ome.tif") + ".tif").as_posix()
    copy_picture(run, picture, inside(target, name), files)
    return name


def _image(picture: CountedPicture, number: int, name: str) -> dict[str, Any]:
    height, width = picture.shape
    facts = picture.facts()
    return {"id": number, "file_name": name, "width": width, "height": height, **facts}


def _write_masks(
    file: TextIO, core: NDArray[np.int32], shed: NDArray[np.bool_], image: int, number: int
) -> int:
    """Write the annotations of one picture; gives the number of the last one."""
    parts = [(1, core == n) for n in np.unique(core[core > 0]).tolist()]
    for category, mask in [*parts, *([(2, shed)] if shed.any() else [])]:
        number += 1
        rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
        left, top = int(columns[0]), int(rows[0])
        entry = {
            "id": number,
            "image_id": image,
            "category_id": category,
            "area": int(np.count_nonzero(mask)),
            "bbox": [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top],
            "iscrowd": 0,
            "segmentation": {"size": list(mask.shape), "counts": run_lengths(mask)},
        }
        file.write(("," if number > 1 else "") + f"\n{_text(entry)}")
    return number


def run_lengths(mask: NDArray[np.bool_]) -> str:
    """Write a mask as COCO's compressed run lengths.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
        What is annotated.

    Returns
    -------
    str
        Lengths of runs of 0 and 1 in turn, down the columns; from the fourth on as the difference
        to the one before the last, in groups of five bits.
    """
    flat = np.asarray(mask, dtype=bool).ravel(order="F")
    changes = np.nonzero(flat[1:] != flat[:-1])[0] + 1
    bounds = np.concatenate(([0], changes, [flat.size]))
    counts = np.diff(bounds)
    if flat.size and flat[0]:
        counts = np.concatenate(([0], counts))
    values = counts.copy()
    values[3:] -= counts[1:-2]
    characters = []
    for value in values.tolist():
        more = True
        while more:
            bits = value & 0x1F
            value >>= 5
            # Done when what is left is only the sign, which the highest bit written says too.
            more = value != (-1 if bits & 0x10 else 0)
            characters.append(chr(48 + (bits | 0x20 if more else bits)))
    return "".join(characters)
