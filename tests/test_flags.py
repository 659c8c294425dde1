"""Flags: each can be raised, none is raised by a clean frame, severities can be changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from spheroid_qc.errors import RequestError
from spheroid_qc.flags import FLAGS, Flag, frame_flags, resolve, series_flags
from spheroid_qc.measurement import frame_quality, measure_rows
from spheroid_qc.parameters import QualityParameters, Severity

from .measurement.made import Mask, disc, masks, picture

FRAME = (400, 500)
CORE = disc(FRAME, 90)
SPECIFIED = [
    "out_of_focus",
    "low_contrast",
    "saturated",
    "touches_border",
    "no_spheroid",
    "several_spheroids",
    "size_jump",
    "drift",
    "uneven_light",
    "uncalibrated",
    "low_confidence",
    "annotation_overlap",
    "duplicate_frame",
    "missing_frame",
    "size_outlier_t0",
    "df_unvalidated",
    "state_uncertain",
    "masks_unfit",
    "unreadable",
    "pixel_size_conflict",
    "time_is_index",
    "dose_time_assumed",
    "no_baseline",
    "few_references",
    "no_vehicle",
    "unmapped",
    "mapped_without_image",
    "excluded_by_user",
    "accepted_by_user",
    "corrected_by_user",
    "correction_unused",
    "worker_died",
    "timed_out",
    "storage_failed",
    "planes_unused",
    "reader_note",
    "never_formed",
    "vanished",
    "not_stitched",
    "incomplete_series",
    "channel_missing",
    "imaged_fraction_unknown",
    "doubtful_name",
    "duplicate_file",
    "stray_file",
]


def judged(
    core: np.ndarray,
    image: np.ndarray,
    shed: Mask | None = None,
    *,
    pixel_size_um: float | None = 1.5,
    confidence: float = 0.9,
    parameters: QualityParameters | None = None,
) -> dict[str, Severity | None]:
    segmentation = masks(core, shed, confidence)
    row = measure_rows(segmentation, image, pixel_size_um)[0]
    features = row | frame_quality(segmentation, image, pixel_size_um)
    return {flag.code: flag.severity for flag in frame_flags(features, parameters)}


def test_registry() -> None:
    assert set(SPECIFIED) <= set(FLAGS)
    for code, kind in FLAGS.items():
        assert kind.code == code
        assert kind.title
        for sentence in (kind.explanation, kind.advice):
            assert sentence.endswith("."), code
            assert "\n" not in sentence
            assert sentence[0].isupper()
    excluding = {code for code, kind in FLAGS.items() if kind.severity is Severity.EXCLUDE}
    assert excluding == {
        "unreadable", "blank_image", "out_of_focus", "several_spheroids", "missing_frame",
        "excluded_by_user", "worker_died", "storage_failed", "timed_out",
    }  # fmt: skip


def test_unknown_codes_are_refused() -> None:
    with pytest.raises(KeyError):
        Flag("blurry")
    wrong = QualityParameters(severity={"blurry": Severity.WARN})
    for use in (
        lambda: resolve(Flag("drift"), wrong),
        lambda: frame_flags({}, wrong),
        lambda: series_flags(plate(), wrong),
    ):
        with pytest.raises(RequestError, match=r"quality\.severity names blurry"):
            use()


def test_whose_severity_counts() -> None:
    plain = QualityParameters()
    mild = Flag("out_of_focus", Severity.WARN)
    assert resolve(Flag("out_of_focus"), plain).severity is Severity.EXCLUDE
    assert resolve(mild, plain).severity is Severity.WARN
    wanted = QualityParameters(severity={"out_of_focus": Severity.INFO})
    assert resolve(mild, wanted).severity is Severity.INFO
    assert resolve(Flag("drift"), wanted).severity is Severity.INFO


@pytest.mark.parametrize("seed", range(3))
def test_clean_frames(seed: int) -> None:
    for image in (picture(CORE, seed=seed), 40_000 - picture(CORE, seed=seed)):
        assert judged(CORE, image) == {}
        assert judged(CORE, (image >> 8).astype(np.uint8)) == {}
    small = disc(FRAME, 12)
    assert judged(small, picture(small, seed=seed)) == {}


def test_falling_apart_is_no_fault() -> None:
    rng = np.random.default_rng(0)
    shed = ndimage.binary_dilation(rng.random(FRAME) < 0.004, iterations=3)
    shed &= disc(FRAME, 190)
    core = disc(FRAME, 50)
    shed &= ~core
    found = judged(core, picture(core, shed), shed)
    assert set(found) <= {"df_unvalidated"}
    assert set(judged(np.zeros(FRAME), picture(np.zeros(FRAME), shed), shed)) == {"no_spheroid"}


def test_out_of_focus() -> None:
    assert judged(CORE, picture(CORE, blur=20))["out_of_focus"] is Severity.EXCLUDE
    assert judged(CORE, picture(CORE, blur=9.5))["out_of_focus"] is Severity.WARN
    assert "out_of_focus" not in judged(CORE, picture(CORE, blur=4))


def test_low_contrast() -> None:
    assert "low_contrast" in judged(CORE, picture(CORE, depth=300, noise=400))
    empty = np.zeros(FRAME)
    assert "low_contrast" in judged(CORE, picture(empty))


def test_saturated() -> None:
    bright = np.minimum(picture(CORE).astype(int) * 4, 65_535).astype(np.uint16)
    assert "saturated" in judged(CORE, bright)
    assert "saturated" in judged(CORE, np.where(CORE, 0, picture(CORE)))


def test_touches_border() -> None:
    cut = disc(FRAME, 90, (20.0, 250.0))
    assert judged(cut, picture(cut))["touches_border"] is Severity.EXCLUDE
    grazing = disc(FRAME, 90, (89.0, 250.0))
    assert judged(grazing, picture(grazing))["touches_border"] is None
    shed = disc(FRAME, 15, (0.0, 100.0))
    found = judged(CORE, picture(CORE, shed), shed)
    assert found["touches_border"] is Severity.INFO


def test_the_hidden_part_of_a_cut_spheroid() -> None:
    """A contact of 20 % hides about 5 % of a disc's area, as the parameter says."""
    for depth in np.arange(20, 60):
        cut = disc((400, 400), 100, (100.0 - depth, 200.0))
        share = frame_quality(masks(cut), picture(cut))["border_contact_core"]
        if share >= 0.2:
            hidden = 1 - np.count_nonzero(cut) / (np.pi * 100**2)
            assert 0.03 < hidden < 0.09
            return
    pytest.fail("the contact never reached 20 %")


def test_no_spheroid_and_blank_image() -> None:
    empty = np.zeros(FRAME)
    assert judged(empty, picture(empty)) == {"no_spheroid": None}
    assert "blank_image" in judged(empty, np.full(FRAME, 700, dtype=np.uint16))
    assert "blank_image" in judged(empty, np.full(FRAME, np.nan))


def test_uneven_light() -> None:
    tilt = picture(CORE, depth=3_000) + 6_000 * np.linspace(0, 1, FRAME[1])
    assert "uneven_light" in judged(CORE, tilt)
    slight = picture(CORE) + 2_000 * np.linspace(0, 1, FRAME[1])
    assert "uneven_light" not in judged(CORE, slight)


def test_calibration_confidence_and_range() -> None:
    assert set(judged(CORE, picture(CORE), pixel_size_um=None)) == {"uncalibrated"}
    assert set(judged(CORE, picture(CORE), confidence=0.3)) == {"low_confidence"}
    shed = disc(FRAME, 110) & ~disc(FRAME, 100)
    assert "df_unvalidated" in judged(CORE, picture(CORE, shed), shed)


def test_annotation() -> None:
    image = (picture(CORE) >> 8).astype(np.uint8)
    image[220:226, 200:300] = 255
    assert "annotation_overlap" in judged(CORE, image)


def test_thresholds_are_the_parameters() -> None:
    strict = QualityParameters(
        soft_rim=900, min_contrast=900, min_confidence=1, unvalidated_df_from=0
    )
    found = judged(CORE, picture(CORE, blur=4), parameters=strict)
    assert set(found) == {"out_of_focus", "low_contrast", "low_confidence", "df_unvalidated"}


def test_figures_that_are_missing_raise_nothing() -> None:
    assert [flag.code for flag in frame_flags({})] == ["uncalibrated"]
    assert frame_flags({"pixel_size_um": 1.0, "rim_sharpness": None, "confidence": None}) == []


def test_spheres() -> None:
    features = {
        "pixel_size_um": 1.0, "rim_sharpness": 0.1, "border_contact_core": 0.5,
        "disintegration_fraction": 0.2, "n_spheroids": 12,
    }  # fmt: skip
    assert frame_flags(features, assay="spheres") == []


# several frames ---------------------------------------------------------------------------------


def plate(wells: int = 8, times: Iterable[float] = (0, 24, 48, 72)) -> pd.DataFrame:
    """A plate on which nothing is wrong."""
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for well in range(wells):
        for time in times:
            area = 30_000 * (1 + 0.1 * time / 24) * rng.normal(1, 0.03)
            rows.append(
                {
                    "plate": "p",
                    "well": f"A{well + 1:02d}",
                    "time_h": float(time),
                    "role": "treated",
                    "is_t0": time == 0,
                    "scorable": True,
                    "n_spheroids": 1,
                    "core_area_px": area,
                    "core_area_um2": area * 1.44,
                    "total_area_px": area * 1.03,
                    "equivalent_diameter_px": 2 * np.sqrt(area / np.pi),
                    "centroid_y_px": 500 + rng.normal(0, 5),
                    "centroid_x_px": 500 + rng.normal(0, 5),
                    "disintegration_fraction": 0.03,
                    "solidity": 0.97,
                    "rim_sharpness": rng.normal(20, 1),
                    "focus_score": rng.normal(0.6, 0.03),
                    "feature:second_body_ratio": 0.0,
                    "feature:second_body_solidity": np.nan,
                    "feature:second_label_ratio": 0.0,
                    "feature:background_level": 20_000.0,
                    "pixel_hash": f"{well}-{time}",
                }
            )
    return pd.DataFrame(rows)


def codes(table: pd.DataFrame, parameters: QualityParameters | None = None) -> dict[Any, list[str]]:
    found = series_flags(table, parameters)
    return {label: [flag.code for flag in flags] for label, flags in found.items()}


def test_clean_plate() -> None:
    assert codes(plate()) == {}


def test_absent_columns_and_values() -> None:
    bare = plate()[["plate", "well", "time_h"]]
    assert codes(bare) == {}
    gone = plate()
    measured = gone.columns.difference(["plate", "well", "time_h", "is_t0", "scorable", "role"])
    gone[measured] = gone[measured].astype(object)
    gone.loc[5, measured] = np.nan
    assert codes(gone) == {}
    assert codes(plate().iloc[:0]) == {}


def test_duplicates() -> None:
    table = plate()
    table.loc[9, "pixel_hash"] = table.loc[2, "pixel_hash"]
    found = series_flags(table)
    assert set(found) == {2, 9}
    assert "A03 at 24 h" in found[2][0].detail
    other = pd.concat([plate(), plate().assign(plate="q")], ignore_index=True)
    assert codes(other) == {}


def test_blurred_beside_its_plate() -> None:
    table = plate()
    table.loc[6, ["rim_sharpness", "focus_score"]] = [7.0, 0.1]
    table.loc[7, ["rim_sharpness", "focus_score"]] = [11.0, 0.3]
    table.loc[8, "rim_sharpness"] = 5.0  # frayed, but sharp
    table.loc[9, "focus_score"] = 0.1  # smooth, but with a sharp rim
    found = series_flags(table)
    assert set(found) == {6, 7}
    assert found[6][0].severity is Severity.EXCLUDE
    assert found[7][0].severity is Severity.WARN


def test_changed_light() -> None:
    table = plate()
    table.loc[[3, 4], "feature:background_level"] = [2_000.0, 1_500.0]
    table.loc[4, "n_spheroids"] = 0
    found = series_flags(table)
    assert [flag.code for flag in found[3]] == ["light_changed"]
    assert found[3][0].severity is None
    assert found[4][0].severity is Severity.EXCLUDE


def test_several_spheroids_spoil_the_series() -> None:
    table = plate()
    two = ["feature:second_body_ratio", "feature:second_body_solidity"]
    table.loc[4, two] = [0.6, 0.95]  # A02 at time zero
    table.loc[9, two] = [0.6, 0.95]  # A03 later: it broke
    table.loc[12, two] = [0.6, 0.5]  # A04: a ragged clump at time zero
    table.loc[16, two] = [0.05, 0.95]  # A05: a crumb
    assert codes(table) == {label: ["several_spheroids"] for label in (4, 5, 6, 7)}
    assert codes(table, QualityParameters(second_body_ratio=0.7)) == {}


def test_two_that_touch() -> None:
    table = plate()
    table.loc[4, ["feature:second_label_ratio", "solidity"]] = [0.8, 0.87]
    table.loc[8, ["feature:second_label_ratio", "solidity"]] = [0.8, 0.96]
    found = series_flags(table)
    assert set(found) == {4, 5, 6, 7}
    assert found[4][0].severity is Severity.WARN


def test_size_jump() -> None:
    table = plate()
    grown = ["core_area_px", "core_area_um2"]
    table.loc[5, grown] *= 2
    assert codes(table) == {5: ["size_jump"], 6: ["size_jump"]}
    collapse = plate()
    collapse.loc[6:7, grown] *= 0.3
    collapse.loc[6:7, "disintegration_fraction"] = 0.7
    assert codes(collapse) == {}
    collapse.loc[6:7, "total_area_px"] *= 0.3  # the rest is not there: out of view?
    assert codes(collapse) == {6: ["size_jump"]}
    lost = plate()
    lost.loc[6, [*grown, "n_spheroids"]] = 0
    assert codes(lost) == {}


def test_size_jump_knows_the_interval() -> None:
    """Doubling in three days is growth, in four hours it is a fault."""
    slow, quick = plate(1, (0, 72)), plate(1, (0, 4))
    for table in (slow, quick):
        table.loc[1, ["core_area_px", "core_area_um2"]] = [60_000, 86_400]
    assert codes(slow) == {}
    assert codes(quick) == {1: ["size_jump"]}


def test_drift() -> None:
    table = plate()
    table.loc[5:7, "centroid_x_px"] += 150
    assert codes(table) == {5: ["drift"]}


def test_size_outlier_at_time_zero() -> None:
    table = plate()
    areas = ["core_area_px", "core_area_um2"]
    table.loc[4:7, areas] *= 1.8
    assert codes(table) == {4: ["size_outlier_t0"]}
    table.loc[4:7, "role"] = "blank"
    assert codes(table) == {}
    few = plate(5)
    few.loc[4:7, areas] *= 1.8
    assert codes(few) == {}
    uniform = plate()
    uniform.loc[uniform["is_t0"], areas] = [30_000, 43_200]
    uniform.loc[4, areas] = [31_500, 45_360]
    assert codes(uniform) == {}


def test_unscorable_frames_are_no_reference() -> None:
    table = plate()
    table.loc[5, ["core_area_px", "core_area_um2"]] *= 3
    table.loc[5, "scorable"] = False
    assert codes(table) == {}
