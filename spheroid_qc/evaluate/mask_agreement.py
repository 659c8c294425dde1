"""Masks against masks: one row for each image, one for each group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from spheroid_qc.errors import ImageError
from spheroid_qc.evaluate.agreement_statistics import bland_altman, bootstrap_interval, concordance
from spheroid_qc.evaluate.mask_pairs import MaskPair, Masks, read_mask_file
from spheroid_qc.segmentation.array_types import Mask
from spheroid_qc.segmentation.piece_shapes import box_of, inner_rim

if TYPE_CHECKING:
    import pandas as pd


def iou(a: Mask, b: Mask) -> float:
    """Intersection over union of two masks (Jaccard index); 1 where both are empty."""
    union = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / union if union else 1.0


def dice(a: Mask, b: Mask) -> float:
    """Dice index of two masks: twice the intersection over both areas; 1 where both are empty."""
    both = int(np.count_nonzero(a)) + int(np.count_nonzero(b))
    return 2 * int(np.count_nonzero(a & b)) / both if both else 1.0


@dataclass(frozen=True)
class Outlines:
    """Distance between two outlines.

    `f1` is the harmonic mean of the shares of either outline that lie within the tolerance of the
    other (Csurka et al. 2013, doi:10.5244/C.27.32), `hausdorff_px` the largest distance from a
    point of one outline to the other outline, `hausdorff_95_px` the same for 95 % of the points.
    """

    f1: float
    hausdorff_px: float
    hausdorff_95_px: float


def compare_outlines(a: Mask, b: Mask, tolerance_px: float) -> Outlines:
    """Compare the outlines of two masks (y, x); up to `tolerance_px` apart they count as the same.

    Distances are NaN where one of the masks is empty, and F1 is 0; where both are, it is 1.
    """
    if not a.any() or not b.any():
        return Outlines(float(a.any() == b.any()), np.nan, np.nan)
    box = box_of(a | b)
    rim_a, rim_b = inner_rim(a[box]), inner_rim(b[box])
    to_b = ndimage.distance_transform_edt(~rim_b)[rim_a]
    to_a = ndimage.distance_transform_edt(~rim_a)[rim_b]
    precision, recall = float(np.mean(to_b <= tolerance_px)), float(np.mean(to_a <= tolerance_px))
    both = precision + recall
    return Outlines(
        2 * precision * recall / both if both else 0.0,
        float(max(to_a.max(), to_b.max())),
        float(max(np.percentile(to_a, 95), np.percentile(to_b, 95))),
    )


FAILED_BELOW = 0.7
"""IoU of the core below which a mask counts as wrong."""


def compare_masks(ours: Masks, truth: Masks, tolerance_px: float) -> dict[str, float | str]:
    """Agreement of one image; pixels that the reference leaves open count nowhere.

    `tolerance_px` is for the boundary F1. `area_error` is relative to the true area and NaN where
    that is 0; `shed_dice` is NaN where a file can't tell shed material or neither holds any.
    """
    valid = ~truth.ignored
    core, true = ours.core & valid, truth.core & valid
    shed, true_shed = ours.shed & valid, truth.shed & valid
    lines = compare_outlines(core, true, tolerance_px)
    area, true_area = int(np.count_nonzero(core)), int(np.count_nonzero(true))
    overlap = iou(core, true)
    if true_area == 0:
        verdict = "empty" if area == 0 else "false body"
    elif area == 0:
        verdict = "missed"
    else:
        verdict = "wrong" if overlap < FAILED_BELOW else "right"
    tells = ours.has_shed and truth.has_shed and bool(shed.any() or true_shed.any())
    return {
        "verdict": verdict,
        "iou": overlap,
        "dice": dice(core, true),
        "boundary_f1": lines.f1,
        "hausdorff_px": lines.hausdorff_px,
        "hausdorff_95_px": lines.hausdorff_95_px,
        "area_px": area,
        "true_area_px": true_area,
        "area_error": area / true_area - 1 if true_area else np.nan,
        "shed_dice": dice(shed, true_shed) if tells else np.nan,
        "true_shed_share": float(true_shed.mean()),
    }


def image_table(
    pairs: list[MaskPair], tolerance_px: float, numbers: bool
) -> tuple[pd.DataFrame, list[str]]:
    """Compare every pair, worst first; with one sentence for each pair that can't be compared.

    `numbers` is that of `read_mask_file`.
    """
    import pandas as pd

    rows, problems = [], []
    for pair in pairs:
        try:
            ours, truth = (read_mask_file(p, numbers) for p in (pair.predicted, pair.truth))
            if ours.core.shape != truth.core.shape:
                raise ImageError(
                    f"The masks {pair.predicted} and {pair.truth} differ in size, "
                    f"{ours.core.shape} and {truth.core.shape} (height, width)."
                )
        except ImageError as error:
            problems.append(str(error))
            continue
        features = compare_masks(ours, truth, tolerance_px)
        rows.append({"name": pair.name, "group": pair.group, **features})
    table = pd.DataFrame(rows)
    if len(table):
        table = table.sort_values(["iou", "name"], kind="stable", ignore_index=True)
    return table, problems


def group_masks(table: pd.DataFrame) -> pd.DataFrame:
    """Agreement in every group and of all images, with bootstrap intervals of the median IoU.

    Images whose reference holds no core count as empty images and nowhere else.
    """
    import pandas as pd

    groups = [(str(name), part) for name, part in table.groupby("group", sort=True)]
    if len(groups) > 1:
        groups.append(("all", table))
    return pd.DataFrame([_summary(name, part) for name, part in groups])


def _summary(name: str, part: pd.DataFrame) -> dict[str, float | str]:
    bodies = part[part["true_area_px"] > 0]
    empty = part[part["true_area_px"] == 0]
    overlap = bodies["iou"].to_numpy(np.float64)
    low, high = bootstrap_interval(overlap)
    error = bodies["area_error"].to_numpy(np.float64)
    bias = bland_altman(100 * error)
    shed = part["shed_dice"].dropna()

    def median(column: str) -> float:
        values = bodies[column].to_numpy(np.float64)
        values = values[np.isfinite(values)]
        return float(np.median(values)) if values.size else np.nan

    return {
        "group": name,
        "n": len(bodies),
        "median_iou": median("iou"),
        "median_iou_low": low,
        "median_iou_high": high,
        "mean_iou": float(overlap.mean()) if overlap.size else np.nan,
        "share_below_0.7": float(np.mean(overlap < FAILED_BELOW)) if overlap.size else np.nan,
        "median_dice": median("dice"),
        "median_boundary_f1": median("boundary_f1"),
        "median_hausdorff_px": median("hausdorff_px"),
        "median_hausdorff_95_px": median("hausdorff_95_px"),
        "median_area_error_percent": 100 * median("area_error"),
        "median_absolute_area_error_percent": float(np.median(np.abs(100 * error)))
        if error.size
        else np.nan,
        "area_bias_percent": bias.bias,
        "area_bias_low": bias.bias_low,
        "area_bias_high": bias.bias_high,
        "area_limit_low": bias.low,
        "area_limit_high": bias.high,
        "area_concordance": concordance(
            bodies["area_px"].to_numpy(np.float64), bodies["true_area_px"].to_numpy(np.float64)
        ),
        "n_shed": len(shed),
        "median_shed_dice": float(shed.median()) if len(shed) else np.nan,
        "n_empty": len(empty),
        "n_empty_found_empty": int((empty["area_px"] == 0).sum()),
    }
