"""Real micrographs that may be trained on, and those that only score: where, whose, which together.

The images lie outside of the repository (`open/` and `real/` of the folder of reference material);
masks that were drawn for this project lie in `training/annotations` as polygons, with the checksum
of the image they belong to. Images of one group come from one laboratory, microscope or culture and
are never split between training and scoring.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.draw import polygon

from spheroid_qc.segmentation.downsampling import as_plane

ANNOTATIONS = Path(__file__).parent / "annotations"

IGNORE = 255
CORE, SHED = 1, 2


@dataclass(frozen=True)
class Source:
    """One folder of images.

    Parameters
    ----------
    folder : str
        Below the folder of reference material.
    group : str
        What is never split.
    repository, licence : str
    trains : bool
        Whether its licence lets shipped weights be trained on it.
    spheres : bool
        Many bodies a field, so that a disintegration fraction means nothing.
    """

    folder: str
    group: str
    repository: str
    licence: str
    trains: bool = True
    spheres: bool = False


SOURCES = tuple(
    Source(**entry)
    for entry in tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))["source"]
)
"""Every folder of real micrographs, with what may be done with it."""

UNSCORED = frozenset({"fmi"})
"""Groups whose shed material was a matter of opinion when it was drawn: no fraction is scored."""


@dataclass(frozen=True, eq=False)
class Micrograph:
    """A real image and what was drawn on it.

    Parameters
    ----------
    path : Path
    source : Source
    plane : ndarray of float32, shape (y, x)
        Grey values in [0, 1].
    labels : ndarray of int32, shape (y, x), or None
        Bodies from 1; None where nothing was drawn.
    shed, ignore : ndarray of bool, shape (y, x), or None
    """

    path: Path
    source: Source
    plane: NDArray[np.float32]
    labels: NDArray[np.int32] | None
    shed: NDArray[np.bool_] | None
    ignore: NDArray[np.bool_] | None

    @property
    def name(self) -> str:
        """Source folder and file, without suffix."""
        return f"{self.source.folder}/{self.path.stem}"

    @property
    def disintegration_fraction(self) -> float:
        """As drawn; NaN for fields of many bodies or without foreground."""
        if self.labels is None or self.shed is None or self.source.spheres:
            return float("nan")
        return disintegration_fraction(self.labels, self.shed)


def disintegration_fraction(
    labels: NDArray[np.int32] | NDArray[np.bool_], shed: NDArray[np.bool_]
) -> float:
    """1 - area of the largest body / area of all; NaN where there is nothing.

    Bodies that touch are one, as they are where the fraction is measured.
    """
    pieces, _ = ndimage.label(labels > 0, np.ones((3, 3)))
    sizes = np.bincount(pieces.ravel())[1:]
    total = int(sizes.sum()) + int(np.count_nonzero(shed & (labels == 0)))
    return float(1 - sizes.max(initial=0) / total) if total else float("nan")


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


CHECKSUMS = Path(__file__).with_name("images.sha256")
"""SHA-256 of every image and mask that the weights were trained on, as `sha256sum` writes them."""


def files_that_train(shared: Path) -> list[Path]:
    """Find every image that weights are trained on, and the masks beside them, in a fixed order."""
    found = []
    for source in SOURCES:
        if source.trains:
            for path in sorted((shared / source.folder / "images").glob("*")):
                mask = shared / source.folder / "masks" / f"{path.stem}.png"
                drawn = ANNOTATIONS / Path(source.folder).name / f"{path.stem}.json"
                if mask.is_file() or drawn.is_file():
                    found += [path, mask] if mask.is_file() else [path]
    return found


def check_images(shared: Path) -> None:
    """Compare the images and masks of a folder with those that the shipped weights learned from.

    Raises
    ------
    ValueError
        If there are others, or one differs; `python -m training.sources FOLDER` writes them anew.
    """
    there = {str(p.relative_to(shared)): checksum(p) for p in files_that_train(shared)}
    lines = CHECKSUMS.read_text("utf-8").splitlines()
    known = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    if there != known:
        odd = sorted(n for n in there | known if there.get(n) != known.get(n))
        raise ValueError(
            f"{len(odd)} files below {shared} are not those of {CHECKSUMS.name}, first {odd[0]}"
        )


def read_pixels(path: Path) -> NDArray[Any]:
    """Pixels of the first plane."""
    if path.suffix.lower() in (".tif", ".tiff"):
        import tifffile

        pixels = np.asarray(tifffile.imread(path, key=0))
    else:
        from PIL import Image

        pixels = np.asarray(Image.open(path))
    return pixels


def micrographs(shared: Path, *, labelled: bool = True) -> Iterator[Micrograph]:
    """Read every image, in a fixed order.

    Parameters
    ----------
    shared : Path
        Folder of reference material, with `open` and `real` in it.
    labelled : bool
        Only those with a mask.

    Yields
    ------
    Micrograph

    Raises
    ------
    ValueError
        If an image is not the one that its polygons were drawn on.
    """
    for source in SOURCES:
        for path in sorted((shared / source.folder / "images").glob("*")):
            drawn = _drawn(shared, source, path)
            if drawn is None and labelled:
                continue
            plane, _ = as_plane(read_pixels(path))
            if drawn is None:
                yield Micrograph(path, source, plane, None, None, None)
                continue
            classes, labels = drawn
            yield Micrograph(path, source, plane, labels, classes == SHED, classes == IGNORE)


def _drawn(
    shared: Path, source: Source, path: Path
) -> tuple[NDArray[np.uint8], NDArray[np.int32]] | None:
    """Classes and numbered bodies of an image: a mask beside it, or polygons of this project."""
    mask = shared / source.folder / "masks" / f"{path.stem}.png"
    polygons = ANNOTATIONS / Path(source.folder).name / f"{path.stem}.json"
    if polygons.is_file():
        return _painted(json.loads(polygons.read_text("utf-8")), path)
    if mask.is_file():
        classes = np.asarray(read_pixels(mask)).astype(np.uint8)
        labels, _ = ndimage.label(classes == CORE)
        return classes, labels.astype(np.int32)
    return None


def _painted(drawn: dict[str, Any], path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    if checksum(path) != drawn["sha256"]:
        raise ValueError(f"{path} is not the image that its polygons were drawn on")
    shape = (drawn["height"], drawn["width"])
    classes = np.zeros(shape, np.uint8)
    labels = np.zeros(shape, np.int32)
    number = 0
    for entry in drawn["polygons"]:
        points = np.asarray(entry["points"], np.float64)
        rows, columns = polygon(points[:, 1], points[:, 0], shape)
        classes[rows, columns] = entry["label"]
        number += entry["label"] == CORE
        labels[rows, columns] = number if entry["label"] == CORE else 0
    if drawn["region"] is not None:
        left, top, right, bottom = (round(v) for v in drawn["region"])
        outside = np.ones(shape, bool)
        outside[top:bottom, left:right] = False
        classes[outside], labels[outside] = IGNORE, 0
    return classes, labels


def main() -> None:
    shared = Path(sys.argv[1])
    lines = [f"{checksum(p)}  {p.relative_to(shared)}\n" for p in files_that_train(shared)]
    CHECKSUMS.write_text("".join(lines), "utf-8")


if __name__ == "__main__":
    main()
