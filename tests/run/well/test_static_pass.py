"""Static marks of a well through a whole run: tables, masks, resuming, added frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from spheroid_qc.run.adaptation.corrected_frames import run_to_learn_from
from spheroid_qc.run.adaptation.propose_adapter import segment_as_the_run
from spheroid_qc.run.store.mask_files import read_masks
from spheroid_qc.run.well import light_sample, segment_and_measure_timepoint
from spheroid_qc.run.well.load_images import OpenFile
from spheroid_qc.run.well.reload_frame import load_analysed
from spheroid_qc.segmentation import Segmentation
from tests.run.conftest import SIZE, analyse, write

Y, X = np.mgrid[:SIZE, :SIZE].astype(float)
AWAY = np.hypot(Y - SIZE / 2, X - SIZE / 2)
RADIUS = 36


def floor(seed: int = 0) -> np.ndarray:
    """What a scratched floor lets through."""
    rng = np.random.default_rng(seed)
    through = np.ones((SIZE, SIZE))
    for _ in range(12):
        angle, off = rng.uniform(0, np.pi), rng.uniform(-0.4, 0.4) * SIZE
        across = (Y - SIZE / 2) * np.cos(angle) - (X - SIZE / 2) * np.sin(angle) - off
        through -= 0.3 * np.exp(-(across**2) / 4)
    return through


def cells(seed: int, number: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    found = np.zeros((SIZE, SIZE), bool)
    for _ in range(number):
        angle, far = rng.uniform(0, 2 * np.pi), RADIUS * rng.uniform(1.3, 2.2)
        y, x = SIZE / 2 + far * np.sin(angle), SIZE / 2 + far * np.cos(angle)
        found |= np.hypot(Y - y, X - x) < 3.5
    return found


def frame(through: np.ndarray, time: int, loose: int = 0) -> np.ndarray:
    rng = np.random.default_rng(100 + time)
    image = through * np.where(cells(time, loose), 0.6, 1.0)
    image = np.where(AWAY < RADIUS, 0.35 + 0.05 * rng.standard_normal(image.shape), image)
    image = 30_000 * ndimage.gaussian_filter(image, 0.6) + rng.normal(0, 200, image.shape)
    return np.clip(image, 0, 65535).astype(np.uint16)


def takes_scratches_for_cells(image: np.ndarray, **_: object) -> Segmentation:
    """A segmenter that calls everything dark shed material."""
    away = np.hypot(*np.meshgrid(*(np.arange(n) - n / 2 for n in image.shape), indexing="ij"))
    core = away < RADIUS * image.shape[0] / SIZE
    dark = ndimage.gaussian_filter(np.asarray(image, float), 0.7) < 0.9 * np.median(image)
    shed = ndimage.binary_dilation(dark) & ~core
    return Segmentation(core.astype(np.int32), shed, 0.9, "learned")


@pytest.fixture(autouse=True)
def segmenter(monkeypatch) -> None:
    monkeypatch.setattr(segment_and_measure_timepoint, "segment", takes_scratches_for_cells)
    monkeypatch.setattr(light_sample, "segment", takes_scratches_for_cells)


def write_wells(folder: Path, times: range = range(6)) -> None:
    """B2 stays whole on a scratched floor, B3 sheds there from the third time on."""
    for time in times:
        name = f"00d{6 * time:02d}h00m.tif"
        write(folder / f"VID7_B2_1_{name}", frame(floor(), time))
        write(folder / f"VID7_B3_1_{name}", frame(floor(), time, 8 * max(0, time - 1)))


def fractions(wells: pd.DataFrame, well: str) -> np.ndarray:
    return wells[wells["well"] == well]["disintegration_fraction"].to_numpy()


def test_marks_leave_tables_and_masks_and_material_stays(tmp_path) -> None:
    write_wells(tmp_path / "images")
    result, tables = analyse(tmp_path / "images")
    found = tables["wells"]
    off = tmp_path / "other"
    write_wells(off / "images")
    _, as_found = analyse(off / "images", segmentation__static_background=False)
    before = as_found["wells"]
    assert as_found["wells"]["static_background_px"].isna().all()
    assert fractions(before, "B02").min() > 0.2
    assert fractions(found, "B02").max() < 0.06
    shed = fractions(found, "B03")
    assert shed[:2].max() < 0.06
    assert shed[-1] > 0.2
    # At the last time so many cells lie on marks that some of them go with these.
    assert (np.diff(shed[1:5]) > 0.05).all()
    taken = found["static_background_px"].to_numpy()
    assert (taken[:6] > 100).all()
    gone = before["total_area_px"].to_numpy() - found["total_area_px"].to_numpy()
    assert gone.tolist() == taken.tolist()
    mask = next((tmp_path / "out" / "masks").rglob("VID7_B2_1_00d00h00m*"))
    core, loose = read_masks(mask)
    row = found.iloc[0]
    assert np.count_nonzero((core > 0) | loose) == row["total_area_px"]
    assert result.n_frames == 12


def test_frames_added_later_give_the_same_tables(tmp_path) -> None:
    write_wells(tmp_path / "images", range(4))
    analyse(tmp_path / "images")
    write_wells(tmp_path / "images", range(4, 6))
    _, continued = analyse(tmp_path / "images")
    fresh = tmp_path / "fresh"
    (fresh / "images").mkdir(parents=True)
    for path in sorted((tmp_path / "images").iterdir()):
        (fresh / "images" / path.name).write_bytes(path.read_bytes())
    analyse(fresh / "images")
    for name in ("wells.csv", "spheroids.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (fresh / "out" / name).read_bytes()
    assert continued["wells"]["static_background_px"].notna().all()


def test_a_run_that_has_nothing_to_do_changes_nothing(tmp_path) -> None:
    write_wells(tmp_path / "images")
    analyse(tmp_path / "images")
    first = {p: p.read_bytes() for p in (tmp_path / "out" / "masks").rglob("*.tif")}
    table = (tmp_path / "out" / "wells.csv").read_bytes()
    analyse(tmp_path / "images")
    assert {p: p.read_bytes() for p in (tmp_path / "out" / "masks").rglob("*.tif")} == first
    assert (tmp_path / "out" / "wells.csv").read_bytes() == table


def test_a_damaged_memory_of_what_was_taken_is_made_anew(tmp_path) -> None:
    write_wells(tmp_path / "images")
    _, tables = analyse(tmp_path / "images")
    stored = next((tmp_path / "out" / "records").rglob("*.static.npz"))
    stored.write_bytes(stored.read_bytes()[:200])
    _, again = analyse(tmp_path / "images")
    pd.testing.assert_frame_equal(tables["wells"], again["wells"])


def test_before_and_after_learning_are_without_the_marks_too(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(
        "spheroid_qc.segmentation.segment", lambda image, *_: takes_scratches_for_cells(image)
    )
    write_wells(tmp_path / "images")
    result, _ = analyse(tmp_path / "images")
    source = run_to_learn_from(result.out)
    with OpenFile() as files:
        for one in source.others:
            image = load_analysed(
                source.folder, one.well_timepoint, one.field, one.stitched, source.parameters,
                source.calibration, files, light=one.light,
            )  # fmt: skip
            found = segment_as_the_run(source, one, image, None)
            core, shed = read_masks(source.run.mask(one.mask))
            assert np.array_equal(found.core > 0, core > 0)
            assert np.array_equal(found.shed, shed)
            assert takes_scratches_for_cells(image.evened).shed.sum() > shed.sum()
