"""Masks on disk: reading them, and which belongs to which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.errors import ImageError, RequestError
from spheroid_qc.images.read_image import ImageFile
from spheroid_qc.storage import files_below

IGNORE = 255
"""Value of pixels that the reference leaves open."""

SUFFIXES = (".png", ".tif", ".tiff", ".bmp")


@dataclass(frozen=True, eq=False)
class Masks:
    """What a mask file says; masks are (y, x).

    `bodies` is the number of core labels, 0 where the file holds classes and no numbers;
    `has_shed` whether the file can tell shed material from background.
    """

    core: NDArray[np.bool_]
    shed: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    bodies: int
    has_shed: bool


@dataclass(frozen=True)
class MaskPair:
    """Two files of the same frame: `name` is the path below the folder, without suffix.

    `group` is the folder that it lies in; empty at the top.
    """

    name: str
    group: str
    predicted: Path
    truth: Path


def read_mask_file(path: Path, numbers: bool = False) -> Masks:
    """Read one mask; raises ImageError if the file can't be read or is no mask.

    A pair of channels, as `spheroid-qc run` writes it, is core labels and shed material. One
    channel holds classes (0 background, 1 core, 2 shed, 255 not sure), or only 0 and 255 (core),
    or numbers of bodies; `numbers` reads it as these, whatever its values.
    """
    try:
        with ImageFile(path) as file:
            planes = file.samples()
    except ImageError as error:
        raise ImageError(f"The mask {path} can't be used: {error}") from error
    while planes.ndim > 2 and planes.shape[0] == 1:
        planes = planes[0]
    if planes.ndim == 3 and planes.shape[0] == 2:
        core = planes[0]
        none = np.zeros(core.shape, bool)
        return Masks(core > 0, planes[1] > 0, none, int(core.max(initial=0)), True)
    if planes.ndim == 3 and planes.shape[-1] in (3, 4):
        if not (planes[..., 0] == planes[..., 1]).all():
            raise ImageError(
                f"The mask {path} is a colour picture; save it with one channel: 0 background, "
                "1 core, 2 shed, 255 not sure."
            )
        planes = planes[..., 0]
    if planes.ndim != 2 or planes.size == 0 or planes.dtype.kind not in "buif":
        raise ImageError(f"The mask {path} has the shape {planes.shape}; (y, x) is needed.")
    values = np.unique(planes)
    none = np.zeros(planes.shape, bool)
    if numbers or planes.dtype.kind == "f" or not np.isin(values, (0, 1, 2, IGNORE)).all():
        core = planes > 0
        return Masks(core, none, none, int(np.unique(planes[core]).size), False)
    if not np.isin(values, (1, 2)).any():
        return Masks(planes == IGNORE, none, none, 0, False)
    return Masks(planes == 1, planes == 2, planes == IGNORE, 0, 2 in values)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    paths = [
        path
        for path in sorted(Path(entry.path) for entry in files_below(folder))
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")
    ]
    masks = [p for p in paths if "masks" in (q.lower() for q in p.relative_to(folder).parts[:-1])]
    for path in masks or paths:  # beside `masks` there are images
        relative = path.relative_to(folder).as_posix()
        yield relative[: -len(path.suffix)].removesuffix(".ome"), path


def find_pairs(predicted: Path, truth: Path) -> tuple[list[MaskPair], list[str], list[str]]:
    """Match the masks of two folders by their names.

    Files belong together if their paths below the folders are the same but for the suffix; if
    none are, if their names alone are. A run folder stands for its `masks`, and folders named
    `masks` in between are passed over. With the pairs come the names in `truth` without a
    prediction, and those in `predicted` without a truth. Raises RequestError if nothing matches,
    or a name stands for several files.
    """
    folders = []
    for folder in (predicted, truth):
        if (folder / "run.json").is_file() and (folder / "masks").is_dir():
            folder = folder / "masks"
        folders.append(folder)
    found = [{_plain(name): path for name, path in _files(folder)} for folder in folders]
    for files, folder in zip(found, folders, strict=True):
        if not files:
            raise RequestError(f"There is no mask ({', '.join(SUFFIXES)}) in {folder}.")
    if not found[0].keys() & found[1].keys():
        found = [_by_name(files, folder) for files, folder in zip(found, folders, strict=True)]
    ours, theirs = found
    both = sorted(ours.keys() & theirs.keys())
    if not both:
        raise RequestError(
            f"No mask in {predicted} has the name of one in {truth}; "
            f"for example {next(iter(ours))} and {next(iter(theirs))}."
        )
    pairs = []
    for name in both:
        below = theirs[name].relative_to(folders[1]).parent
        group = PurePosixPath(*(p for p in below.parts if p.lower() not in ("masks", "labels")))
        label = "" if str(group) == "." else str(group)
        pairs.append(MaskPair(name, label, ours[name], theirs[name]))
    return pairs, sorted(theirs.keys() - ours.keys()), sorted(ours.keys() - theirs.keys())


def _plain(name: str) -> str:
    """Path without folders that only say what is in them."""
    parts = [p for p in PurePosixPath(name).parts[:-1] if p.lower() not in ("masks", "labels")]
    return "/".join([*parts, PurePosixPath(name).name])


def _by_name(files: dict[str, Path], folder: Path) -> dict[str, Path]:
    result: dict[str, Path] = {}
    for path in files.values():
        name = path.name[: -len(path.suffix)].removesuffix(".ome")
        if name in result:
            raise RequestError(
                f"{folder} holds two masks named {name} ({result[name]} and {path}); lay both "
                "folders out alike, so that the paths tell which belongs to which."
            )
        result[name] = path
    return result
