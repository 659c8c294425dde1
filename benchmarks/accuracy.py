"""Core, shed material and disintegration against masks drawn by eye, source by source.

    python benchmarks/accuracy.py [FOLDER] [--folds DIR] [--sheets DIR] [--only NAME] [--perturb]
                                  [--peer PYTHON]

FOLDER holds `<source>/images/*` and `<source>/masks/<stem>.png` (0 background, 1 core, 2 shed,
255 ignore). Plain Otsu is scored in the same run for comparison, and the package spheroidkit where
`--peer` names the Python of an environment that has it. `--folds` names the trainings of
`training.leave_out`: every labelled image of the folder of reference material is then answered by
those that have not seen its source, which is what an unknown microscope may expect. `--sheets`
writes a contact sheet of outlines per source; `--perturb` repeats the run on altered copies of the
images and compares with the masks made of the originals, which needs no truth and so can't be tuned
to it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))
from perturbations import PERTURBATIONS
from scoring import Example, Score, fraction_table, score, side_by_side, table
from sheets import contact_sheet, outlined

from spheroid_qc.evaluate.mask_agreement import iou
from spheroid_qc.segmentation import Segmentation, segment
from spheroid_qc.segmentation.learned.network import use_weights
from training.leave_out import FOLDS, blind_folds
from training.sources import SOURCES, UNSCORED, micrographs


def examples(folder: Path, only: str = "") -> Iterator[Example]:
    """Read every image of the folder with its mask."""
    for path in sorted(folder.glob("*/images/*")):
        if only not in str(path):
            continue
        mask = path.parent.parent / "masks" / f"{path.stem}.png"
        truth = read(mask) if mask.exists() else None
        source = path.parent.parent.name
        many = any(s.spheres for s in SOURCES if Path(s.folder).name == source)
        yield Example(source, path.stem, read(path), truth, many)


def left_out(shared: Path, folds: Path, only: str = "") -> list[Score]:
    """Score every labelled image by the trainings that have not seen its source."""
    scores = []
    images = [m for m in micrographs(shared) if only in str(m.path)]
    for fold in range(1, len(FOLDS) + 1):
        use_weights(folds / f"fold_{fold}.onnx")
        for image in images:
            blind = blind_folds(image.source.group)
            if fold not in blind:
                continue
            assert image.labels is not None
            truth = np.where(image.labels > 0, 1, 0).astype(np.uint8)
            truth[image.shed & (truth == 0)] = 2
            truth[image.ignore] = 255
            # Whose shed material was a matter of opinion is not scored for it.
            unscored = image.source.spheres or image.source.group in UNSCORED
            example = Example(
                image.source.group, image.path.stem, image.plane, truth, unscored, 1 / len(blind)
            )
            scores.append(score(example, *timed(learned, image.plane)))
    use_weights(None)
    return scores


def read(path: Path) -> NDArray[Any]:
    if path.suffix.lower() in (".tif", ".tiff"):
        import tifffile

        return np.asarray(tifffile.imread(path))
    from PIL import Image

    return np.asarray(Image.open(path))


def timed(
    method: Callable[[NDArray[Any]], Segmentation], image: NDArray[Any]
) -> tuple[Segmentation, float]:
    start = time.perf_counter()
    result = method(image)
    return result, time.perf_counter() - start


def learned(image: NDArray[Any]) -> Segmentation:
    return segment(image, method="learned")


def classical(image: NDArray[Any]) -> Segmentation:
    return segment(image, method="classical")


def auto(image: NDArray[Any]) -> Segmentation:
    return segment(image, method="auto")


def otsu(image: NDArray[Any]) -> Segmentation:
    """Whatever is on the other side of Otsu's threshold than most of the frame's border."""
    from skimage.filters import threshold_otsu

    grey = image[..., :3].mean(axis=-1) if image.ndim == 3 else image.astype(float)
    above = grey > threshold_otsu(grey)
    border = np.concatenate([above[0], above[-1], above[:, 0], above[:, -1]])
    core = above if border.mean() < 0.5 else ~above
    return Segmentation(core.astype(np.int32), np.zeros(core.shape, bool), 0.5, "otsu")


def spheroidkit(images: list[Example], python: str) -> list[tuple[Segmentation, float]]:
    """Masks of the peer package, made by its own Python from 8-bit copies of the images.

    It reads 8 bits only, and would see the top of a 16-bit image's range and nothing else, so the
    copies are stretched from the 0.5th to the 99.5th percentile.
    """
    from PIL import Image

    results = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, example in enumerate(images):
            image = example.image[..., :3] if example.image.ndim == 3 else example.image
            low, high = np.percentile(image, (0.5, 99.5))
            eight = np.clip((image.astype(float) - low) / max(high - low, 1e-12), 0, 1) * 255
            Image.fromarray(eight.astype(np.uint8)).save(folder / f"{number:04d}.png")
        script = Path(__file__).parent / "peer_spheroidkit.py"
        subprocess.run([python, str(script), name], check=True)
        for number, example in enumerate(images):
            shape = example.image.shape[:2]
            mask = np.load(folder / f"{number:04d}.mask.npy")
            core = mask if mask.shape == shape else np.zeros(shape, bool)
            seconds = float((folder / f"{number:04d}.seconds").read_text())
            none = np.zeros(shape, bool)
            results.append((Segmentation(core.astype(np.int32), none, 0.5, "spheroidkit"), seconds))
    return results


def perturbed(images: list[Example]) -> str:
    """Markdown table: core of altered images against the core of the originals."""
    lines = [
        "### Altered images",
        "",
        "| change | n | median IoU | lowest | < 0.9 | found in one only |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    originals = [segment(e.image).core > 0 for e in images]
    for name, (change, follow) in PERTURBATIONS.items():
        ious, lost = [], 0
        for example, before in zip(images, originals, strict=True):
            expected = follow(before)
            after = segment(change(example.image)).core > 0
            if expected.any() != after.any():
                lost += 1
            elif expected.any():
                ious.append(iou(expected, after))
        values = np.array(ious)
        lines.append(
            f"| {name} | {values.size} | {np.median(values):.3f} | {values.min():.2f} "
            f"| {np.count_nonzero(values < 0.9)} | {lost} |"
        )
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = os.environ.get("SPHEROID_QC_SHARED")
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path(default, "real") if default else None,
        help="default: `real` in the folder that SPHEROID_QC_SHARED names",
    )  # fmt: skip
    parser.add_argument("--sheets", type=Path, help="folder for contact sheets of outlines")
    parser.add_argument("--only", default="", help="only paths that contain this")
    parser.add_argument("--methods", help="names with commas; default: all of ours")
    parser.add_argument("--peer", metavar="PYTHON", help="Python that has spheroidkit")
    parser.add_argument("--perturb", action="store_true", help="also score altered images")
    parser.add_argument("--folds", type=Path, help="trainings that leave sources out")
    arguments = parser.parse_args()
    if arguments.folds and default:
        scores = left_out(Path(default), arguments.folds, arguments.only)
        print(fraction_table("Sources that the weights have not seen", scores))
        print(table("learned, sources not seen", scores))
    if arguments.folder is None:
        print("No accuracy without images: name a folder, or set SPHEROID_QC_SHARED.")
        return
    images = list(examples(arguments.folder, arguments.only))
    methods: dict[str, Callable[[NDArray[Any]], Segmentation]] = {
        "auto": auto, "learned": learned, "classical": classical, "otsu": otsu,
    }  # fmt: skip
    if arguments.methods:
        methods = {name: methods[name] for name in arguments.methods.split(",")}
    answers: dict[str, list[tuple[Segmentation, float]]] = {}
    for name, method in methods.items():
        method(images[0].image)  # the network is loaded once, and not by the first image
        answers[name] = [timed(method, example.image) for example in images]
    if arguments.peer:
        answers["spheroidkit"] = spheroidkit(images, arguments.peer)
    results = {}
    for name, answer in answers.items():
        scores: list[Score] = []
        pictures: dict[str, list[tuple[str, Any]]] = {}
        for example, (result, seconds) in zip(images, answer, strict=True):
            note = f"{example.name[:18]} c {result.confidence:.2f} {result.method[:3]}"
            if example.truth is not None:
                scores.append(score(example, result, seconds))
                note += f" IoU {scores[-1].iou:.2f}"
            if arguments.sheets:
                picture = outlined(example.image, result, example.truth)
                pictures.setdefault(example.source, []).append((note, picture))
        results[name] = scores
        print(table(name, scores))
        if name in ("auto", "learned", "classical"):
            print(fraction_table(name, scores))
        worst = sorted(scores, key=lambda s: s.iou)[:5]
        print("Worst:", ", ".join(f"{s.source}/{s.name} {s.iou:.2f}" for s in worst), "\n")
        for source, items in pictures.items():
            contact_sheet(items, arguments.sheets / f"{name}_{source}.png")
    print(side_by_side(results))
    if arguments.perturb:
        print(perturbed([e for e in images if e.truth is not None]))


if __name__ == "__main__":
    main()
