"""Agreement of core and shed masks with masks drawn by eye, source by source.

    python benchmarks/accuracy.py FOLDER [--sheets DIR] [--only NAME] [--perturb]

FOLDER holds `<source>/images/*` and `<source>/masks/<stem>.png` (0 background, 1 core, 2 shed,
255 ignore). Plain Otsu is scored in the same run for comparison. `--sheets` writes a contact
sheet of outlines per source; `--perturb` repeats the run on altered copies of the images and
compares with the masks made of the originals, which needs no truth and so can't be tuned to it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
from perturbations import PERTURBATIONS
from sheets import contact_sheet, outlined

from spheroid_qc.segment import Segmentation, segment

IGNORE = 255
SHED_COUNTS_FROM = 0.02


@dataclass(frozen=True)
class Example:
    """One image; truth is None where no mask was drawn."""

    source: str
    name: str
    image: NDArray[Any]
    truth: NDArray[np.uint8] | None


@dataclass(frozen=True)
class Score:
    """One segmented image against its truth."""

    source: str
    name: str
    empty: bool
    iou: float
    area_error: float
    shed_dice: float
    found: int
    confidence: float
    seconds: float


def examples(folder: Path, only: str = "") -> Iterator[Example]:
    """Read every image of the folder with its mask."""
    for path in sorted(folder.glob("*/images/*")):
        if only not in str(path):
            continue
        mask = path.parent.parent / "masks" / f"{path.stem}.png"
        truth = read(mask) if mask.exists() else None
        yield Example(path.parent.parent.name, path.stem, read(path), truth)


def read(path: Path) -> NDArray[Any]:
    if path.suffix.lower() in (".tif", ".tiff"):
        import tifffile

        return np.asarray(tifffile.imread(path))
    from PIL import Image

    return np.asarray(Image.open(path))


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


def overlap(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union; 1 where both are empty."""
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0


def score(example: Example, result: Segmentation, seconds: float) -> Score:
    truth = example.truth
    assert truth is not None
    valid = truth != IGNORE
    core, true_core = (result.core > 0) & valid, truth == 1
    shed, true_shed = result.shed & valid, truth == 2
    empty = not true_core.any()
    both = np.count_nonzero(shed) + np.count_nonzero(true_shed)
    return Score(
        example.source,
        example.name,
        empty,
        overlap(core, true_core),
        np.nan if empty else np.count_nonzero(core) / np.count_nonzero(true_core) - 1,
        2 * np.count_nonzero(shed & true_shed) / both
        if true_shed.mean() > SHED_COUNTS_FROM
        else np.nan,
        int(result.core.max()),
        result.confidence,
        seconds,
    )


def bootstrap(values: NDArray[np.float64], draws: int = 2000) -> tuple[float, float]:
    """95 % interval of the median over images."""
    rng = np.random.default_rng(0)
    medians = np.median(rng.choice(values, (draws, values.size)), axis=1)
    low, high = np.percentile(medians, (2.5, 97.5))
    return float(low), float(high)


def risk_coverage(scores: list[Score]) -> tuple[float, float]:
    """Area under the risk-coverage curve, and the least possible for these errors.

    Images are accepted from the most confident on; risk is the mean of 1 - IoU so far.
    """
    error = np.array([1 - s.iou for s in scores])
    count = np.arange(1, error.size + 1)
    order = np.argsort([-s.confidence for s in scores], kind="stable")
    area, least = (float(np.mean(np.cumsum(e) / count)) for e in (error[order], np.sort(error)))
    return area, least


def table(name: str, scores: list[Score]) -> str:
    """Markdown table of one method."""
    lines = [
        f"### {name}",
        "",
        "| source | n | median IoU (95 % interval) | mean | < 0.7 | area error | shed Dice |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    bodies = [s for s in scores if not s.empty]
    medians = []
    for source in sorted({s.source for s in bodies}):
        mine = [s for s in bodies if s.source == source]
        iou = np.array([s.iou for s in mine])
        low, high = bootstrap(iou)
        medians.append(float(np.median(iou)))
        dice = np.array([s.shed_dice for s in mine if np.isfinite(s.shed_dice)])
        lines.append(
            f"| {source} | {iou.size} | {np.median(iou):.3f} ({low:.3f} to {high:.3f}) "
            f"| {iou.mean():.3f} | {np.count_nonzero(iou < 0.7)} "
            f"| {100 * np.median([s.area_error for s in mine]):+.1f} % "
            f"| {f'{np.median(dice):.2f} (n {dice.size})' if dice.size else ''} |"
        )
    iou = np.array([s.iou for s in bodies])
    errors = np.array([s.area_error for s in bodies])
    lines.append(
        f"| **macro-average** | {iou.size} | **{np.mean(medians):.3f}** | "
        f"| {100 * np.mean(iou < 0.7):.0f} % | {100 * np.median(np.abs(errors)):.1f} % abs. | |"
    )
    none = [s for s in scores if s.found == 0]
    empty = [s for s in scores if s.empty]
    right = sum(s.empty for s in none)
    area, least = risk_coverage(scores)
    lines += [
        "",
        f"Empty images: {right} of {len(empty)} found empty (recall "
        f"{right / max(len(empty), 1):.2f}), {len(none) - right} others called empty "
        f"(precision {right / max(len(none), 1):.2f}). "
        f"Area under the risk-coverage curve {area:.4f} (least possible {least:.4f}, "
        f"no order {np.mean([1 - s.iou for s in scores]):.4f}). "
        f"Median time {1e3 * np.median([s.seconds for s in scores]):.0f} ms an image.",
        "",
    ]
    return "\n".join(lines)


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
                ious.append(overlap(expected, after))
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
    parser.add_argument("--perturb", action="store_true", help="also score altered images")
    arguments = parser.parse_args()
    if arguments.folder is None:
        print("No accuracy without images: name a folder, or set SPHEROID_QC_SHARED.")
        return
    images = list(examples(arguments.folder, arguments.only))
    methods: dict[str, Callable[[NDArray[Any]], Segmentation]] = {"classical": classical}
    if images and auto(images[0].image).method != "classical":
        methods["auto"] = auto
    methods["otsu"] = otsu
    for name, method in methods.items():
        scores, pictures = [], {}
        for example in images:
            start = time.perf_counter()
            result = method(example.image)
            seconds = time.perf_counter() - start
            note = f"{example.name[:18]} c {result.confidence:.2f}"
            if example.truth is not None:
                scores.append(score(example, result, seconds))
                note += f" IoU {scores[-1].iou:.2f}"
            if arguments.sheets:
                picture = outlined(example.image, result, example.truth)
                pictures.setdefault(example.source, []).append((note, picture))
        print(table(name, scores))
        worst = sorted(scores, key=lambda s: s.iou)[:5]
        print("Worst:", ", ".join(f"{s.source}/{s.name} {s.iou:.2f}" for s in worst), "\n")
        for source, items in pictures.items():
            contact_sheet(items, arguments.sheets / f"{name}_{source}.png")
    if arguments.perturb:
        print(perturbed([e for e in images if e.truth is not None]))


if __name__ == "__main__":
    main()
