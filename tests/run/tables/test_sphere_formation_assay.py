"""Counts, cut-off and sphere-forming efficiency."""

from __future__ import annotations

import math

import pytest

from spheroid_qc import Parameters
from spheroid_qc.configuration import apply_overrides
from spheroid_qc.run.tables.sphere_formation_assay import summarise_spheres


def field(diameters, *, pixel=1.0, shape=(1000, 1000)):
    rows = [
        {
            "core_area_px": math.pi * d * d / 4 / (pixel or 1) ** 2,
            "core_area_um2": None if pixel is None else math.pi * d * d / 4,
            "equivalent_diameter_um": None if pixel is None else d,
        }
        for d in diameters
    ]
    return {"rows": rows, "shape": list(shape), "pixel_size_um": pixel}


def settings(**values):
    return apply_overrides(Parameters(), {f"spheres.{k}": v for k, v in values.items()})


def test_small_bodies_are_no_spheres():
    values, _ = summarise_spheres([field([49.9, 50, 80, 200])], settings(), 1000)
    assert (values["n_spheroids"], values["n_below_cutoff"]) == (3, 1)
    assert values["equivalent_diameter_um"] == 80
    values, _ = summarise_spheres([field([49.9, 50])], settings(min_diameter_um=60), None)
    assert values["n_spheroids"] == 0
    assert math.isnan(values["equivalent_diameter_um"])


def test_fields_add_up_and_counts_are_scaled_to_the_well():
    values, flags = summarise_spheres(
        [field([60] * 3), field([60] * 5)], settings(well_area_mm2=20.0), 400
    )
    assert values["n_spheroids"] == 8
    assert values["imaged_area_mm2"] == pytest.approx(2.0)
    assert values["imaged_fraction"] == pytest.approx(0.1)
    assert values["spheres_per_well"] == pytest.approx(80)
    assert values["sfe_percent"] == pytest.approx(20.0)
    assert not flags


def test_without_the_well_area_counts_are_those_of_the_imaged_area_and_flagged():
    values, flags = summarise_spheres([field([60] * 4)], settings(), 200)
    assert values["sfe_percent"] == pytest.approx(2.0)
    assert values["spheres_per_mm2"] == pytest.approx(4.0)
    assert math.isnan(values["spheres_per_well"])
    assert [flag.code for flag in flags] == ["imaged_fraction_unknown"]


def test_without_cells_seeded_there_is_no_efficiency():
    values, _ = summarise_spheres([field([60])], settings(well_area_mm2=1.0), None)
    assert math.isnan(values["sfe_percent"])


def test_without_a_pixel_size_everything_is_counted_and_nothing_is_in_um():
    values, flags = summarise_spheres([field([10, 20], pixel=None)], settings(well_area_mm2=9), 10)
    assert values["n_spheroids"] == 2
    assert math.isnan(values["total_area_um2"])
    assert math.isnan(values["imaged_area_mm2"])
    assert flags


def test_an_empty_field_counts_as_zero():
    values, _ = summarise_spheres([field([])], settings(well_area_mm2=2.0), 100)
    assert values["n_spheroids"] == 0
    assert values["sfe_percent"] == 0
    assert values["total_area_px"] == 0
