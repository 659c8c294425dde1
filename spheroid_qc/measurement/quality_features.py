"""Raw features from which `spheroid_qc.flags` judges whether a frame can be trusted.

Nothing here knows a threshold: the features are stored, so that other thresholds need no
new pass over the pixels. Focus of the spheroid itself (`focus_score`, `rim_sharpness`) is among the
measured columns.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.measurement.background_level import (
    Surround,
    at_least,
    at_most,
    background_amplitude,
    coarse_factor,
    void,
)
from spheroid_qc.measurement.cut_out_spheroid import Box, Spheroid
from spheroid_qc.measurement.masked_frame import MaskedFrame, masked_frame
from spheroid_qc.measurement.scale_bars import find_annotations
from spheroid_qc.measurement.shape import solidity
from spheroid_qc.measurement.texture_scales import blurred, detail_ratio
from spheroid_qc.segmentation.array_types import Mask
from spheroid_qc.segmentation.downsampling import any_in_blocks
from spheroid_qc.segmentation.order_statistics import percentiles
from spheroid_qc.segmentation.piece_shapes import inner_rim
from spheroid_qc.segmentation.segmentation_result import Segmentation

QUALITY_FEATURES: dict[str, str] = {
    "intensity_min": "Smallest grey value of the frame",
    "intensity_max": "Largest grey value of the frame",
    "dynamic_range": "Grey values between the 0.1st and the 99.9th percentile",
    "background_level": "Median grey value around the spheroid",
    "background_noise": "SD of the pixel noise in the background, in grey values",
    "contrast": "Root mean square difference of C1 from the background, in grey values",
    "contrast_to_background": "Contrast over the robust SD of the background around it",
    "unevenness": "Height of the smooth surface under the background over the contrast",
    "unevenness_level": "The same height over the background level",
    "saturated_frame": "Share of the frame that is clipped at the bright end",
    "saturated_total": "Share of T that is clipped at either end",
    "border_contact_core": "Share of C1's outline that lies on the edge of the frame",
    "border_contact_total": "Share of T's outline that lies on the edge of the frame",
    "annotation_overlap": "Share of C1's box that is covered by burned-in text",
    "annotation_in_total": "Share of T that is burned-in text",
    "frame_focus": "Fine over coarse detail of the frame, whatever it shows",
    "body_count": "Number of compact bodies (core labels)",
    "second_body_ratio": "Area of the second largest separate piece of core over the largest",
    "second_body_solidity": "Solidity of that piece",
    "second_label_ratio": "Area of the second largest core label over the largest",
}

_TILE_PX = 128  # px; four of them stand for the frame where its focus is judged


def frame_quality(
    segmentation: Segmentation,
    image: NDArray[Any],
    pixel_size_um: float | None = None,
) -> dict[str, float]:
    """Raw quality features of one frame.

    Parameters
    ----------
    segmentation : Segmentation
        Core labels and shed mask, shape (y, x).
    image : ndarray, shape (y, x) or (y, x, 3|4), any numeric dtype
        The frame; values that are not finite are background.
    pixel_size_um : float, optional
        Checked, not used: no feature depends on it.

    Returns
    -------
    dict of str to float
        The keys of `QUALITY_FEATURES`; NaN where a feature has no meaning (no core, no
        background left).

    Raises
    ------
    RequestError
        If masks and image do not fit together, or the pixel size is not a positive number.
    """
    return quality_features(masked_frame(segmentation, image, pixel_size_um))


def quality_features(scene: MaskedFrame, recorded: NDArray[Any] | None = None) -> dict[str, float]:
    """Raw quality features of a frame whose masks fit; see `frame_quality`.

    `recorded` are the grey values of the file, where those of the scene were divided by the
    light: range and clipping are theirs.
    """
    pixels, total, box, body = scene.image, scene.total, scene.box, scene.whole
    recorded = pixels if recorded is None else recorded
    features = _range(recorded)
    features["background_level"] = scene.surround.level
    features["background_noise"] = scene.surround.noise
    features |= _light(pixels, total, body)
    features |= _saturation(
        recorded, total, box, features["intensity_min"], features["intensity_max"]
    )
    features["border_contact_core"] = _contact(body.main, body.main_box, pixels.shape)
    features["border_contact_total"] = _contact(body.total, box, pixels.shape)
    features |= _annotations(pixels, total, body)
    features["frame_focus"] = _frame_focus(pixels, scene.surround)
    features |= _bodies(scene.core[box], body)
    return {name: float(features[name]) for name in QUALITY_FEATURES}


def _range(image: NDArray[Any]) -> dict[str, float]:
    step = coarse_factor(image.shape)
    sample = image[::step, ::step].astype(np.float64)
    finite = image[np.isfinite(image)] if image.dtype.kind == "f" else image
    sample = sample[np.isfinite(sample)]
    if finite.size == 0 or sample.size == 0:
        return {"intensity_min": np.nan, "intensity_max": np.nan, "dynamic_range": 0.0}
    low, high = percentiles(sample, (0.1, 99.9))
    return {
        "intensity_min": float(finite.min()),
        "intensity_max": float(finite.max()),
        "dynamic_range": high - low,
    }


def _light(image: NDArray[Any], total: Mask, body: Spheroid) -> dict[str, float]:
    factor = coarse_factor(image.shape)
    values = image[::factor, ::factor].astype(np.float64)
    covered = any_in_blocks(total, factor)
    unknown = ~np.isfinite(values)
    level = body.surround.level
    values[unknown] = level if np.isfinite(level) else 0.0
    free = ~(_grown(covered) | unknown)
    free &= ~_grown(void(values))
    height = background_amplitude(values, free)
    contrast = np.nan
    if body.main_area and np.isfinite(level):
        inside, mask = body.main_surrounds
        contrast = float(np.sqrt(np.mean(inside[mask] ** 2, dtype=np.float64)))
    spread = body.surround.spread
    return {
        "contrast": contrast,
        "contrast_to_background": contrast / spread if spread > 0 else np.nan,
        "unevenness": height / contrast if contrast > 0 else np.nan,
        "unevenness_level": height / level if level > 0 else np.nan,
    }


def _grown(mask: Mask) -> Mask:
    from scipy import ndimage

    # Two cells in all eight directions; a running maximum is many times as fast as a dilation.
    grown = ndimage.maximum_filter(mask.view(np.uint8), 5, mode="constant")
    return np.asarray(grown > 0)


def _saturation(
    image: NDArray[Any], total: Mask, box: Box, low: float, high: float
) -> dict[str, float]:
    """Share of clipped pixels.

    Clipped is what lies at the end of the file's type, or at the end of the values that occur
    if more pixels lie there than just before it (12 bits in 16, a stretched JPEG). Dark
    backgrounds and black surrounds are clipped at the dark end without harm, so that end
    counts inside T only.
    """
    inside = image[box][total[box]]
    result = {"saturated_frame": 0.0, "saturated_total": 0.0 if inside.size else np.nan}
    if not high > low:
        return result
    step = 1.0 if image.dtype.kind in "iu" else (high - low) / 4096
    step = max(step, (high - low) / 4096)
    for bright, end in ((True, high), (False, low)):
        edge = _spike(image, end, step if bright else -step)
        if edge is None:
            continue
        if bright:
            result["saturated_frame"] = float(np.mean(at_least(image, edge)))
            if inside.size:
                result["saturated_total"] += float(np.mean(at_least(inside, edge)))
        elif inside.size:
            result["saturated_total"] += float(np.mean(at_most(inside, edge)))
    return result


def _spike(image: NDArray[Any], end: float, step: float) -> float | None:
    """Grey value from which pixels are clipped; None where the values simply end."""
    stride = coarse_factor(image.shape)
    sample = image[::stride, ::stride].astype(np.float64)
    sample = sample[np.isfinite(sample)]
    away = (end - sample) / step  # 0 at the end, growing inwards
    at_end = np.count_nonzero(away < 0.5)
    before = np.count_nonzero((away >= 0.5) & (away < 4.5)) / 4
    limit = image.dtype.kind in "iu" and end in (
        np.iinfo(image.dtype).max,
        np.iinfo(image.dtype).min,
    )
    if at_end >= 4 and (at_end > 3 * before or limit):
        return end - 0.5 * step
    return None


def _contact(mask: Mask, box: Box, shape: tuple[int, ...]) -> float:
    """Pixels of a mask on the edge of the frame over all its outer pixels; NaN for none."""
    if mask.size == 0 or not mask.any():
        return np.nan
    rows, columns = (np.arange(side.start, side.stop) for side in box)
    on_edge = np.logical_or.outer(
        (rows == 0) | (rows == shape[0] - 1), (columns == 0) | (columns == shape[1] - 1)
    )
    return np.count_nonzero(mask & on_edge) / np.count_nonzero(inner_rim(mask))


def _annotations(image: NDArray[Any], total: Mask, body: Spheroid) -> dict[str, float]:
    overlap = 0.0
    covered = 0.0
    y, x = body.main_box
    room = (y.stop - y.start) * (x.stop - x.start)
    for (rows, columns), mask in find_annotations(image):
        high = min(rows.stop, y.stop) - max(rows.start, y.start)
        wide = min(columns.stop, x.stop) - max(columns.start, x.start)
        overlap += max(0, high) * max(0, wide)
        covered += float(np.count_nonzero(total[rows, columns] & mask))
    return {
        "annotation_overlap": min(1.0, overlap / room) if room else np.nan,
        "annotation_in_total": covered / body.total_area if body.total_area else np.nan,
    }


def _frame_focus(image: NDArray[Any], surround: Surround) -> float:
    height, width = image.shape
    tiles = []
    for y in (height // 4, 3 * height // 4):
        for x in (width // 4, 3 * width // 4):
            top, left = max(0, y - _TILE_PX // 2), max(0, x - _TILE_PX // 2)
            tile = image[top : top + _TILE_PX, left : left + _TILE_PX].astype(np.float64)
            if np.isfinite(tile).all():
                # Offsets are taken off before the precision is.
                tiles.append((tile - tile.mean()).astype(np.float32))
    # Those of a frame of at least some size are alike, and are blurred in one go.
    alike = len({tile.shape for tile in tiles}) == 1
    ratios = []
    for stack in [np.stack(tiles)] if alike else [tile[np.newaxis] for tile in tiles]:
        levels = blurred(stack)
        ratios += [
            detail_ratio(tuple(level[n] for level in levels), None, surround.noise)
            for n in range(len(stack))
        ]
    known = [r for r in ratios if np.isfinite(r)]
    return float(np.median(known)) if known else np.nan


def _bodies(core: NDArray[np.integer], body: Spheroid) -> dict[str, float]:
    labels = np.sort(np.bincount(core[body.core]))[::-1]
    labels = labels[labels > 0]
    result = {
        "body_count": float(labels.size),
        "second_label_ratio": float(labels[1] / labels[0]) if labels.size > 1 else 0.0,
        "second_body_ratio": 0.0,
        "second_body_solidity": np.nan,
    }
    pieces = np.sort(body.core_pieces)[::-1]
    if pieces.size < 2:
        return result
    result["second_body_ratio"] = float(pieces[1] / pieces[0])
    # The second piece is the first one of what is left without C1.
    rest = body.core.copy()
    y, x = body.main_box
    rows = slice(y.start - body.box[0].start, y.stop - body.box[0].start)
    columns = slice(x.start - body.box[1].start, x.stop - body.box[1].start)
    rest[rows, columns] &= ~body.main
    result["second_body_solidity"] = solidity(replace(body, core=rest, total=rest))
    return result
