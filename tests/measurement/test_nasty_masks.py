"""Every metric on every nasty mask: a finite number, or NaN where a list below says so."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from spheroid_qc.measurement import REGISTRY, fluorescence, frame_quality, measure_rows
from spheroid_qc.measurement.metric_registry import columns

from .made import Mask, disc, masks, picture

SIDE = 64


def _empty() -> Mask:
    return np.zeros((SIDE, SIDE), dtype=bool)


def _at(*places: tuple[object, object]) -> Mask:
    mask = _empty()
    for place in places:
        mask[place] = True
    return mask


NONE = _empty()
NASTY: dict[str, tuple[Mask, Mask]] = {
    "empty": (NONE, NONE),
    "one_pixel": (_at((20, 30)), NONE),
    "one_pixel_in_the_corner": (_at((0, 0)), NONE),
    "two_pixels_diagonal": (_at((20, 30), (21, 31)), NONE),
    "row": (_at((20, slice(5, 50))), NONE),
    "column": (_at((slice(5, 50), 20)), NONE),
    "diagonal": (np.eye(SIDE, dtype=bool), NONE),
    "full_row": (_at((20, slice(None))), NONE),
    "edge_touching": (disc((SIDE, SIDE), 20, (0.0, 30.0)), NONE),
    "hole": (disc((SIDE, SIDE), 25) & ~disc((SIDE, SIDE), 10), NONE),
    "shed_in_a_hole": (
        disc((SIDE, SIDE), 25) & ~disc((SIDE, SIDE), 10),
        disc((SIDE, SIDE), 10),
    ),
    "many_pieces": (_at((slice(None, None, 4), slice(None, None, 4))), NONE),
    "checkerboard": ((np.indices((SIDE, SIDE)).sum(axis=0) % 2).astype(bool), NONE),
    "full_frame": (~NONE, NONE),
    "shed_only": (NONE, disc((SIDE, SIDE), 20)),
    "one_shed_pixel": (NONE, _at((20, 30))),
    "shed_everywhere": (NONE, ~NONE),
    "core_and_all_the_rest_shed": (disc((SIDE, SIDE), 12), ~disc((SIDE, SIDE), 12)),
    "small_core_in_debris": (disc((SIDE, SIDE), 3), disc((SIDE, SIDE), 20, (10.0, 10.0))),
}

SHAPE = [
    "circularity",
    "solidity",
    "perimeter_um",
    "perimeter_px",
    "eccentricity",
    "feret_max_um",
    "feret_max_px",
    "feret_min_um",
    "feret_min_px",
    "contour_roughness",
    "mean_intensity",
    "centroid_y_px",
    "centroid_x_px",
]
LIGHT = ["rim_sharpness", "texture", "focus_score"]
DISTANCE = ["disintegration_index", "reach"]
NO_CORE = {*SHAPE, *LIGHT, *DISTANCE}
NO_BACKGROUND = {*LIGHT, "integrated_optical_density"}

# Where NaN is right: column names by mask. Everything else has to be finite.
UNDEFINED: dict[str, set[str]] = {
    "empty": {*NO_CORE, "disintegration_fraction", "largest_fragment_fraction"},
    "one_pixel": set(DISTANCE),
    "one_pixel_in_the_corner": set(DISTANCE),
    "two_pixels_diagonal": set(DISTANCE),
    "row": set(DISTANCE),
    "column": set(DISTANCE),
    "diagonal": set(DISTANCE),
    "full_row": set(DISTANCE),
    "full_frame": NO_BACKGROUND,
    "shed_only": NO_CORE,
    "one_shed_pixel": NO_CORE,
    "shed_everywhere": {*NO_CORE, *NO_BACKGROUND},
    "core_and_all_the_rest_shed": NO_BACKGROUND,
    "small_core_in_debris": set(DISTANCE),
}
# Whether an edge or fine detail stands out in a body of a few pixels is up to the picture.
OPEN = set(LIGHT)


def frame(name: str, kind: str) -> np.ndarray:
    core, shed = NASTY[name]
    image = picture(core, shed)
    if kind == "flat":
        image[:] = 7
    if kind == "nan":
        noisy = image.astype(np.float32)
        noisy[::3] = np.nan
        noisy[5] = np.inf
        return noisy
    if kind == "all_nan":
        return np.full(image.shape, np.nan)
    return image


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("metric", REGISTRY)
def test_metric_on_mask(name: str, metric: str) -> None:
    core, shed = NASTY[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = measure_rows(masks(core, shed), frame(name, "plain"), 1.3)
    assert len(rows) == 1
    tiny = np.count_nonzero(core) < 100 or name in ("many_pieces", "checkerboard")
    for column in REGISTRY[metric].columns:
        value = rows[0][column.name]
        if column.name in UNDEFINED.get(name, set()):
            assert np.isnan(value), column.name
        elif not (column.name in OPEN and tiny):
            # A checkerboard's cells on the coarse grid leave no background.
            if name == "checkerboard" and column.name in NO_BACKGROUND:
                continue
            assert np.isfinite(value), column.name


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("kind", ["plain", "flat", "nan", "all_nan"])
def test_nothing_breaks(name: str, kind: str) -> None:
    """No exception and no warning, whatever the picture; never an infinite number."""
    core, shed = NASTY[name]
    segmentation, image = masks(core, shed), frame(name, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = [
            *measure_rows(segmentation, image, None),
            *measure_rows(segmentation, image, 0.7, assay="spheres"),
            frame_quality(segmentation, image, 0.7),
            fluorescence(segmentation, image, 0.7),
        ]
    for result in results:
        for key, value in result.items():
            assert not np.isinf(value), key


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 2), (3, 300)])
@pytest.mark.parametrize("filled", [False, True])
def test_tiny_frames(shape: tuple[int, int], filled: bool) -> None:
    core = np.full(shape, filled)
    image = np.arange(core.size, dtype=np.uint16).reshape(shape)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (row,) = measure_rows(masks(core), image, 1.0)
        frame_quality(masks(core), image)
        fluorescence(masks(core), image)
    assert row["core_area_px"] == core.sum()


@pytest.mark.parametrize(
    "dtype", [np.bool_, np.uint8, np.int16, np.uint32, np.int64, np.uint64, np.float16, np.float64]
)
def test_any_numeric_type(dtype: type) -> None:
    core = disc((80, 80), 20)
    image = (200 - 150 * core + np.random.default_rng(0).integers(0, 9, core.shape)) // 2
    image = image > 60 if dtype is np.bool_ else image.astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (row,) = measure_rows(masks(core), image, 1.0)
        features = frame_quality(masks(core), image)
    assert row["mean_intensity"] == pytest.approx(image[core].mean(dtype=float))
    assert features["contrast"] > 0


def test_every_column_is_described() -> None:
    names = [column.name for column in columns()]
    assert len(names) == len(set(names))
    for column in columns():
        assert column.description.strip().endswith((".", ":")) or column.description, column.name
        if column.name.endswith(("_um", "_um2", "_um3")):
            assert column.unit.startswith("um")
