"""The table: its columns, its units, its rows in either assay, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

import spheroid_qc
from spheroid_qc.errors import RequestError
from spheroid_qc.measurement import COLUMNS, measure, measure_rows, measured_columns
from spheroid_qc.segmentation import Segmentation

from .made import disc, masks, picture

CONTRACT = [
    "n_spheroids",
    "core_area_px",
    "total_area_px",
    "core_area_um2",
    "total_area_um2",
    "shed_area_um2",
    "equivalent_diameter_um",
    "volume_um3",
    "circularity",
    "solidity",
    "disintegration_fraction",
    "disintegration_index",
    "reach",
    "fragment_count",
    "largest_fragment_fraction",
    "perimeter_um",
    "eccentricity",
    "feret_max_um",
    "feret_min_um",
    "contour_roughness",
    "rim_sharpness",
    "mean_intensity",
    "texture",
    "integrated_optical_density",
    "focus_score",
    "centroid_y_px",
    "centroid_x_px",
    "core_count",
    "core_total_area_px",
    "pixel_size_um",
    "confidence",
]


def test_columns_of_the_contract() -> None:
    assert set(CONTRACT) <= set(COLUMNS)
    core = disc((100, 100), 20)
    table = measure(masks(core), picture(core), 1.5)
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 1


def test_package_is_the_function() -> None:
    core = disc((100, 100), 20)
    called = spheroid_qc.measure(masks(core), picture(core))
    assert called.equals(measure(masks(core), picture(core)))


def test_units() -> None:
    core = disc((200, 200), 50)
    shed = disc((200, 200), 70) & ~disc((200, 200), 60)
    row = measure(masks(core, shed), picture(core, shed), 2.5).iloc[0]
    assert row["pixel_size_um"] == 2.5
    for name, power in (("core_area", 2), ("total_area", 2), ("shed_area", 2)):
        assert row[f"{name}_um{power}"] == pytest.approx(row[f"{name}_px"] * 2.5**power)
    for name in ("perimeter", "feret_max", "feret_min", "equivalent_diameter"):
        assert row[f"{name}_um"] == pytest.approx(row[f"{name}_px"] * 2.5)
    assert row["volume_um3"] == pytest.approx(row["volume_px3"] * 2.5**3)
    assert row["total_area_px"] == row["core_area_px"] + row["shed_area_px"]
    assert row["volume_um3"] == pytest.approx(4 / 3 * np.pi * (row["core_area_um2"] / np.pi) ** 1.5)


def test_uncalibrated() -> None:
    core = disc((200, 200), 50)
    row = measure(masks(core), picture(core)).iloc[0]
    for name in COLUMNS:
        if name.endswith(("_um", "_um2", "_um3")):
            assert np.isnan(row[name]), name
    assert row["core_area_px"] == np.count_nonzero(core)
    assert row["perimeter_px"] > 0


def test_empty_frame() -> None:
    nothing = np.zeros((50, 60))
    row = measure(masks(nothing), picture(nothing), 1.0).iloc[0]
    assert row["n_spheroids"] == 0
    assert row["core_area_um2"] == 0
    assert row["equivalent_diameter_um"] == 0
    assert np.isnan(row["circularity"])
    assert measure(masks(nothing), picture(nothing), 1.0, assay="spheres").empty
    assert tuple(measure(masks(nothing), picture(nothing), assay="spheres").columns) == COLUMNS


def test_spheres() -> None:
    """Touching labels stay apart; shed material belongs to none."""
    core = np.zeros((200, 300), dtype=int)
    core[disc((200, 300), 30, (100.0, 60.0))] = 1
    core[disc((200, 300), 30, (100.0, 121.0))] = 2
    core[disc((200, 300), 20, (0.0, 250.0))] = 5
    shed = disc((200, 300), 10, (170.0, 200.0))
    table = measure(masks(core, shed), picture(core, shed), 2.0, assay="spheres")
    assert list(table["label"]) == [1, 2, 5]
    assert list(table["touches_border"]) == [0, 0, 1]
    assert table["equivalent_diameter_um"].iloc[0] == pytest.approx(120, rel=0.01)
    assert list(table["core_area_px"]) == [np.count_nonzero(core == n) for n in (1, 2, 5)]
    assert (table["n_spheroids"] == 1).all()
    assert table["disintegration_fraction"].isna().all()
    used = measured_columns("spheres")
    assert table[list(used)].notna().all().all()
    assert "disintegration_fraction" not in used
    assert set(used) < set(measured_columns("single")) == set(COLUMNS)
    # A sphere measured among others is the sphere measured alone.
    alone = measure(masks(core == 1), picture(core, shed), 2.0, assay="spheres").iloc[0]
    for name in ("perimeter_px", "solidity", "eccentricity", "centroid_x_px"):
        assert alone[name] == table[name].iloc[0]


def test_colour_is_luminance() -> None:
    core = disc((80, 80), 20)
    grey = (picture(core) >> 8).astype(np.uint8)
    colour = np.stack([grey] * 3, axis=-1)
    assert measure(masks(core), colour, 1.0).equals(measure(masks(core), grey, 1.0))


def test_edited_masks_of_other_types() -> None:
    core = disc((80, 80), 20)
    shed = disc((80, 80), 30) & ~core
    image = picture(core, shed)
    plain = measure(masks(core, shed), image)
    edited = Segmentation(core, shed.astype(np.uint8), 0.9, "edited")  # type: ignore[arg-type]
    assert measure(edited, image).equals(plain)


def test_inputs_are_left_alone() -> None:
    core = disc((80, 80), 20)
    segmentation, image = masks(core, disc((80, 80), 10, (70.0, 70.0))), picture(core)
    before = segmentation.core.copy(), segmentation.shed.copy(), image.copy()
    for array in (segmentation.core, segmentation.shed, image):
        array.flags.writeable = False
    measure(segmentation, image, 1.0)
    for array, was in zip((segmentation.core, segmentation.shed, image), before, strict=True):
        assert (array == was).all()


@pytest.mark.parametrize("size", [0, -1, np.nan, np.inf])
def test_refuses_pixel_sizes(size: float) -> None:
    core = disc((80, 80), 20)
    with pytest.raises(RequestError, match="pixel size"):
        measure_rows(masks(core), picture(core), size)


def test_refuses_what_does_not_fit() -> None:
    core = disc((80, 80), 20)
    with pytest.raises(RequestError, match="shape"):
        measure_rows(masks(core), picture(core)[:-1])
    with pytest.raises(RequestError, match="type"):
        measure_rows(masks(core), picture(core).astype(complex))
    with pytest.raises(RequestError, match=r"\(y, x\)"):
        measure_rows(masks(core), np.zeros((80, 80, 7)))
    with pytest.raises(ValueError, match="Assay"):
        measure_rows(masks(core), picture(core), assay="organoids")
