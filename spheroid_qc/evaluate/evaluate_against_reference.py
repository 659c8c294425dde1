"""`spheroid-qc evaluate`: predicted against true, as tables, sentences and pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from spheroid_qc.errors import ImageError, OutputError, RequestError
from spheroid_qc.evaluate.mask_agreement import FAILED_BELOW, group_masks, image_table
from spheroid_qc.evaluate.mask_pairs import MaskPair, Masks, find_pairs, read_mask_file
from spheroid_qc.evaluate.value_agreement import join_tables, read_table, value_table
from spheroid_qc.search_time import check_search_ends
from spheroid_qc.tables.csv_writer import write_table
from spheroid_qc.wording import plural

if TYPE_CHECKING:
    import pandas as pd


FOUND, TRUE, FOUND_SHED, TRUE_SHED = (240, 228, 66), (204, 121, 167), (86, 180, 233), (0, 114, 178)
"""Colours that people with any colour vision tell apart (Okabe and Ito 2008)."""

_LONGER_SIDE = 700  # of a picture, px
_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp")


def find_image(folder: Path, name: str) -> NDArray[Any] | None:
    """Read the image (grey, (y, x)) that a mask was made of; None where there is none to be read.

    `name` is that of the mask, without suffix; `images` folders below `folder` are searched too.
    """
    from spheroid_qc.images import read_plane

    parts = name.split("/")
    for stem in (Path(*parts), Path(*parts[:-1], "images", parts[-1])):
        for suffix in _SUFFIXES:
            path = folder / f"{stem}{suffix}"
            if path.is_file():
                try:
                    return read_plane(path).pixels
                except ImageError:
                    return None
    return None


def draw_difference(
    image: NDArray[Any] | None, ours: Masks, truth: Masks, caption: str
) -> Image.Image:
    """Draw both outlines on the image (None: on grey)."""
    height, width = truth.core.shape
    scale = _LONGER_SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if image is None or image.shape != truth.core.shape:
        grey = np.full((height, width), 90, np.uint8)
    else:
        low, high = np.nanpercentile(image, (0.5, 99.5))
        shown = np.clip((image - low) / max(high - low, 1e-12), 0, 1) * 255
        grey = np.nan_to_num(shown).astype(np.uint8)
    picture = np.array(Image.fromarray(grey).resize(size).convert("RGB"))
    layers = (
        (truth.shed, TRUE_SHED), (ours.shed, FOUND_SHED), (truth.core, TRUE), (ours.core, FOUND),
    )  # fmt: skip
    for mask, colour in layers:
        small = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
        picture[small & ~ndimage.binary_erosion(small)] = colour
    canvas = Image.new("RGB", (size[0], size[1] + 34), (24, 24, 24))
    canvas.paste(Image.fromarray(picture), (0, 0))
    draw = ImageDraw.Draw(canvas)
    draw.text((6, size[1] + 3), caption, fill=(235, 235, 235))
    draw.text((6, size[1] + 18), "predicted", fill=FOUND)
    draw.text((80, size[1] + 18), "reference", fill=TRUE)
    return canvas


_MAX_PICTURES = 40
_TABLES = (".csv", ".tsv", ".txt", ".xlsx")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What an evaluation found.

    Parameters
    ----------
    lines : tuple of str
        The answer in sentences and a table.
    details, groups : DataFrame
        One row for each image or joined row, worst first; one for each group and value.
    problems : tuple of str
        What could not be compared.
    out : Path
        Where both tables lie.
    """

    lines: tuple[str, ...]
    details: pd.DataFrame
    groups: pd.DataFrame
    out: Path
    problems: tuple[str, ...] = field(default=())


def evaluate(
    predicted: Path,
    truth: Path,
    out: Path | None = None,
    *,
    images: Path | None = None,
    keys: tuple[str, ...] = (),
    values: tuple[str, ...] = (),
    group: str | None = None,
    tolerance_px: float = 2.0,
    numbers: bool = False,
) -> Evaluation:
    """Compare masks, or tables of measured values, with a reference.

    Parameters
    ----------
    predicted, truth : Path
        Two folders of masks (or run folders), or two tables.
    out : Path, optional
        Folder for the results; default: `PREDICTED_evaluation` beside it.
    images : Path, optional
        Folder of the images, for pictures of the failures.
    keys, values : tuple of str
        For tables: columns that say what a row is about, and those to compare.
    group : str, optional
        For tables a column, for masks a regular expression whose first group, found in the name,
        is the group; default: the folder.
    tolerance_px : float
        For the boundary F1.
    numbers : bool
        Single-channel masks hold numbers of bodies, not classes.

    Returns
    -------
    Evaluation

    Raises
    ------
    RequestError
        If there is nothing to compare.
    OutputError
        If the results can't be written.
    """
    for path, which in ((predicted, "PREDICTED"), (truth, "TRUTH")):
        if not path.exists():
            raise RequestError(f"{which} does not exist: {path}.")
    if predicted.is_dir() != truth.is_dir():
        raise RequestError(
            "PREDICTED and TRUTH are two folders of masks or two tables, not one each."
        )
    if not 0 < tolerance_px < 1e4:
        raise RequestError(f"--tolerance is a positive number of pixels, not {tolerance_px!r}.")
    target = out or predicted.parent / f"{predicted.stem}_evaluation"
    for path in (predicted, truth):
        if path.is_dir() and target.resolve() in (path.resolve(), *path.resolve().parents):
            raise RequestError(f"--out {target} would lie over {path}; choose another folder.")
    if predicted.is_dir():
        return _masks(predicted, truth, target, images, group, tolerance_px, numbers)
    return _values(predicted, truth, target, keys, values, group)


def _masks(
    predicted: Path,
    truth: Path,
    out: Path,
    images: Path | None,
    group: str | None,
    tolerance_px: float,
    numbers: bool,
) -> Evaluation:
    if images is not None and not images.is_dir():
        raise RequestError(f"--images is not a folder: {images}.")
    pattern = _pattern(group)
    pairs, missing, extra = find_pairs(predicted, truth)
    if pattern is not None:
        check_search_ends(pattern.pattern, [pair.name for pair in pairs], "--group")
        pairs = [MaskPair(p.name, _group_of(pattern, p.name), p.predicted, p.truth) for p in pairs]
    details, problems = image_table(pairs, tolerance_px, numbers)
    if details.empty:
        raise RequestError(f"No pair of masks could be compared. {problems[0]}")
    groups = group_masks(details)
    problems += [f"{name} has no prediction." for name in missing]
    lines = [
        plural(len(details), "image") + " compared"
        + (f"; {len(extra)} predictions have no reference" if extra else "") + ".",
        "",
        *_mask_lines(groups),
    ]  # fmt: skip
    failed = details[details["verdict"].isin(["wrong", "missed", "false body"])]
    if len(failed):
        lines += ["", f"Failures (IoU below {FAILED_BELOW:g}, missed or false), worst first:"]
        lines += [
            f"  {row.iou:.2f}  {row.verdict:<10}  {row.name}"
            for row in failed.head(_MAX_PICTURES).itertuples(index=False)
        ]
    with _writing_to(out):
        write_table(out / "images.csv", details)
        write_table(out / "groups.csv", groups)
        _draw(failed.head(_MAX_PICTURES), pairs, images, out / "failures", numbers)
    return Evaluation(tuple(lines), details, groups, out, tuple(problems))


@contextmanager
def _writing_to(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{out} can't be written ({error.strerror or error}).") from error


def _pattern(group: str | None) -> re.Pattern[str] | None:
    if group is None:
        return None
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise RequestError(f"--group is no regular expression ({error}): {group}") from error
    if pattern.groups < 1:
        raise RequestError(f"--group needs a part in parentheses that names the group: {group}")
    return pattern


def _group_of(pattern: re.Pattern[str], name: str) -> str:
    found = pattern.search(name)
    return found.group(1) if found and found.group(1) else ""


def _draw(
    failed: pd.DataFrame, pairs: list[MaskPair], images: Path | None, folder: Path, numbers: bool
) -> None:
    from spheroid_qc.evaluate.evaluate_against_reference import draw_difference, find_image

    known = {pair.name: pair for pair in pairs}
    for rank, row in enumerate(failed.itertuples(index=False), start=1):
        pair = known[str(row.name)]
        ours, truth = (read_mask_file(p, numbers) for p in (pair.predicted, pair.truth))
        image = None if images is None else find_image(images, pair.name)
        picture = draw_difference(image, ours, truth, f"{pair.name}: IoU {row.iou:.2f}")
        folder.mkdir(parents=True, exist_ok=True)
        safe = re.sub(r"[^\w.-]+", "_", pair.name)[-80:]
        picture.save(folder / f"{rank:02d}_{safe}.png")


def _mask_lines(groups: pd.DataFrame) -> list[str]:
    head = (
        f"{'group':<24} {'n':>5} {'median IoU (95 %)':>22} {'< 0.7':>6} {'Dice':>6} {'F1':>6} "
        f"{'H95 px':>7} {'area bias % (limits)':>24} {'CCC':>6} {'shed Dice':>10}"
    )
    lines = [head]
    for row in groups.to_dict("records"):
        if row["n"] == 0:
            lines.append(f"{str(row['group'])[:24] or '-':<24} {0:>5}")
        else:
            median = (
                f"{row['median_iou']:.3f} {_span(row['median_iou_low'], row['median_iou_high'])}"
            )
            bias = f"{row['area_bias_percent']:+.1f} " + _span(
                row["area_limit_low"], row["area_limit_high"], "+.0f"
            )
            shed = f"{row['median_shed_dice']:.2f}" if row["n_shed"] else "-"
            lines.append(
                f"{str(row['group'])[:24] or '-':<24} {row['n']:>5} {median:>22} "
                f"{100 * row['share_below_0.7']:>4.0f} % {row['median_dice']:>6.3f} "
                f"{row['median_boundary_f1']:>6.2f} {row['median_hausdorff_95_px']:>7.1f} "
                f"{bias:>24} {_number(row['area_concordance'], '.3f'):>6} {shed:>10}"
            )
        if row["n_empty"]:
            lines.append(
                f"{'':<24} {row['n_empty_found_empty']} of {row['n_empty']} empty ones found empty"
            )
    return lines


def _number(value: float, form: str) -> str:
    return format(value, form) if value == value else "-"


def _span(low: float, high: float, form: str = ".3f") -> str:
    return f"({low:{form}} to {high:{form}})" if low == low else ""


def _values(
    predicted: Path,
    truth: Path,
    out: Path,
    keys: tuple[str, ...],
    values: tuple[str, ...],
    group: str | None,
) -> Evaluation:
    for path in (predicted, truth):
        if path.suffix.lower() not in _TABLES:
            raise RequestError(f"{path} is no table ({', '.join(_TABLES)}) and no folder of masks.")
    ours, theirs = read_table(predicted), read_table(truth)
    joined, used, compared, lonely, lonely_true = join_tables(ours, theirs, keys, values, group)
    groups = value_table(joined, compared, group)
    lines = [
        plural(len(joined), "row") + f" joined by {', '.join(used)}"
        + (f"; {lonely} of PREDICTED and {lonely_true} of TRUTH have no counterpart"
           if lonely or lonely_true else "") + ".",
        "",
        f"{'value':<28} {'group':<16} {'n':>5} {'bias (limits of agreement)':>36} {'CCC':>7} "
        f"{'median error % (95 %)':>26}",
    ]  # fmt: skip
    for row in groups.to_dict("records"):
        bias = f"{row['bias']:.4g} " + _span(row["limit_low"], row["limit_high"], ".4g")
        median = (
            _number(row["median_error_percent"], "+.2f")
            + " "
            + _span(row["median_error_low"], row["median_error_high"], "+.2f")
        )
        lines.append(
            f"{row['value'][:28]:<28} {row['group'][:16]:<16} {row['n']:>5} {bias:>36} "
            f"{_number(row['concordance'], '.4f'):>7} {median:>26}"
        )
    first = compared[0]
    order = (
        (joined[first] - joined[f"{first}_true"]).abs().sort_values(ascending=False, kind="stable")
    )
    details = joined.loc[order.index].reset_index(drop=True)
    with _writing_to(out):
        write_table(out / "rows.csv", details)
        write_table(out / "groups.csv", groups)
    return Evaluation(tuple(lines), details, groups, out)
