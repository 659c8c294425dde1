"""Intervals of the disintegration fraction, and masks that can't be right, in the tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spheroid_qc.segmentation import Segmentation
from tests.run.conftest import SIZE, analyse, write

SEGMENT = "spheroid_qc.run.well.segment_and_measure_timepoint.segment"
LOW, HIGH = "disintegration_fraction_low", "disintegration_fraction_high"
CORE_RADIUS = 30


def paint(fraction: float, seed: int) -> np.ndarray:
    """A dark core, and around it a grey ring of shed material of the area that gives a fraction."""
    y, x = np.mgrid[:SIZE, :SIZE]
    core = np.hypot(y - 96, x - 96) <= CORE_RADIUS
    image = np.random.default_rng(seed).normal(30_000, 200, core.shape)
    image[core] = 12_000
    wanted = round(fraction / (1 - fraction) * core.sum())
    free = np.argwhere(~core & (np.hypot(y - 96, x - 96) > CORE_RADIUS + 4) & (y > 4))
    order = np.argsort(np.hypot(*(free - 96).T), kind="stable")[:wanted]
    image[tuple(free[order].T)] = 20_000
    return image.astype(np.uint16)


def sees(doubt: float):
    """Segment by thresholds, with this half width of the interval."""

    def segment(image: np.ndarray, *_: object, **__: object) -> Segmentation:
        core = (image < 16_000).astype(np.int32)
        shed = (image >= 16_000) & (image < 25_000)
        fraction = 1 - core.sum() / max(core.sum() + shed.sum(), 1)
        interval = (max(fraction - doubt, 0.0), min(fraction + doubt, 1.0))
        return Segmentation(core, shed, 0.9, "learned", {}, interval)

    return segment


def plate(folder: Path, series: dict[str, list[float]]) -> Path:
    for n, (well, fractions) in enumerate(series.items()):
        for t, fraction in enumerate(fractions):
            name = f"VID7_{well}_1_00d{6 * t:02d}h00m.tif"
            write(folder / name, paint(fraction, 10 * n + t))
    return folder


def codes(tables: dict[str, pd.DataFrame], code: str) -> pd.DataFrame:
    qc = tables["qc"]
    return qc[qc["code"] == code]


@pytest.fixture
def sure(monkeypatch):
    monkeypatch.setattr(SEGMENT, sees(0.05))


def test_wells_and_spheroids_have_the_interval_and_uncertain_states_are_flagged(
    sure, tmp_path
) -> None:
    folder = plate(tmp_path / "images", {"B2": [0.05, 0.3], "B3": [0.12, 0.47], "B4": [0.0, 0.8]})
    _, tables = analyse(folder)
    wells = tables["wells"]
    columns = list(wells.columns)
    at = columns.index("time_since_dose_h")
    assert columns[at : at + 4] == ["time_since_dose_h", LOW, HIGH, "df_excess_vs_t0"]
    for name in ("wells", "spheroids"):
        table = tables[name]
        fraction = table["disintegration_fraction"]
        assert (table[LOW] <= fraction).all()
        assert (fraction <= table[HIGH]).all()
        assert (table[HIGH] - table[LOW]).to_numpy() == pytest.approx(0.1, abs=0.051)
    flagged = codes(tables, "state_uncertain")
    places = list(zip(flagged["well"], flagged["time_h"], strict=True))
    assert places == [("B03", 0.0), ("B03", 6.0)]
    assert set(flagged["severity"]) == {"info"}
    assert "0.07 and 0.17 (90 %); the limit is 0.15" in flagged["detail"].iloc[0]
    assert (wells.loc[wells["well"] == "B03", "flags"].str.contains("state_uncertain")).all()
    conditions = tables["conditions"]
    assert conditions["disintegration_fraction_measurement_sd"].iloc[0] == pytest.approx(
        np.sqrt((0.05**2 + 0.05**2 + 0.025**2) / 3) / 1.645, rel=0.02
    )


def test_other_limits_flag_other_frames_without_new_masks(sure, tmp_path) -> None:
    folder = plate(tmp_path / "images", {"B2": [0.05, 0.3]})
    analyse(folder)
    result, tables = analyse(folder, states__shedding_df=0.28)
    assert result.n_new == 0
    assert list(codes(tables, "state_uncertain")["time_h"]) == [6.0]


def test_spheres_have_empty_columns(sure, tmp_path) -> None:
    folder = plate(tmp_path / "images", {"B2": [0.05, 0.3]})
    _, tables = analyse(folder, plate__assay="spheres")
    assert tables["wells"][[LOW, HIGH]].isna().all(axis=None)
    assert codes(tables, "state_uncertain").empty
    assert codes(tables, "masks_unfit").empty


BASELINE = {f"B{n + 2}": [0.3 if n < 3 else 0.02, 0.5] for n in range(10)}


def test_a_plate_whose_baseline_falls_apart_says_so_first(sure, tmp_path) -> None:
    folder = plate(tmp_path / "images", BASELINE)
    result, tables = analyse(folder, plate__dose_time_h=0)
    (line,) = codes(tables, "masks_unfit").to_dict("records")
    assert tables["qc"]["code"].iloc[0] == "masks_unfit"
    assert (line["plate"], line["severity"]) == ("VID7", "warn")
    assert pd.isna(line["well"])
    assert line["detail"].startswith("3 of 10 wells (30 %)")
    assert "spheroid-qc adapt" in line["advice"]
    assert result.warnings[0].startswith("The masks don't fit this microscope (plate VID7): 3 of")
    assert all(f"B{n:02d} at 0 h" in result.warnings[0] for n in (2, 3, 4))
    # The frames that speak against the masks can be looked at, though nothing else flags them.
    shown = {path.name for path in (result.out / "overlays").rglob("*.png")}
    assert {f"VID7_B{n}_1_00d00h00m.png" for n in (2, 3, 4)} <= shown


def test_a_plate_of_whole_spheroids_says_nothing(sure, tmp_path) -> None:
    folder = plate(tmp_path / "images", {f"B{n + 2}": [0.3 * (n < 2), 0.9] for n in range(10)})
    result, tables = analyse(folder, plate__dose_time_h=0)
    assert codes(tables, "masks_unfit").empty
    assert result.warnings == ()


def test_corrected_masks_are_certain_and_end_the_finding(sure, tmp_path) -> None:
    """A person who draws masks is not asked how sure; the plate's finding follows the masks."""
    from tests.run.store.test_corrected_masks import correct

    folder = plate(tmp_path / "images", BASELINE)
    result, _ = analyse(folder, plate__dose_time_h=0)
    for well in ("B02", "B03"):
        correct(folder, result.out, well, 0, lambda core, shed: (core, shed & False))
    result, tables = analyse(folder, plate__dose_time_h=0)
    wells = tables["wells"].set_index(["well", "time_h"])
    for well in ("B02", "B03"):
        row = wells.loc[(well, 0.0)]
        assert (row["method"], row["disintegration_fraction"]) == ("corrected", 0)
        assert row[[LOW, HIGH]].isna().all()
    assert result.warnings == ()
    assert codes(tables, "masks_unfit").empty
