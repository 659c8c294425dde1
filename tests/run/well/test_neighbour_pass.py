"""A core that jumps out of line and back, through a whole run: masks, tables, resuming, frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from spheroid_qc.run import run_images
from spheroid_qc.run.store.mask_files import read_masks, write_masks
from spheroid_qc.run.well import light_sample, segment_and_measure_timepoint
from spheroid_qc.run.worker_processes import WorkerDied
from spheroid_qc.segmentation import Segmentation
from tests.run.conftest import SIZE, analyse, draw, write

BLURRED = 2
"""The time at which the frame of B2 is out of focus."""


def disc(radius: float) -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE]
    return np.hypot(y - SIZE / 2, x - SIZE / 2) < radius


def coded(radius: float, doubt: bool) -> np.ndarray:
    """A frame whose brightest pixel says how large its core is, and the next whether it is sure."""
    image = draw(30)
    image[0, :2] = 60_000 + round(radius), 60_000 + doubt
    return image


def decodes(image: np.ndarray, neighbours: object = (), **_: object) -> Segmentation:
    """A segmenter that finds the radius that a frame was written with; in doubt it goes along."""
    radius, doubt = (round(float(value)) - 60_000 for value in np.asarray(image)[0, :2])
    core = disc(radius)
    if doubt and len(neighbours):  # type: ignore[arg-type]
        core = np.mean(list(neighbours), axis=0) > 0.5  # type: ignore[call-overload]
    shed = disc(45) & ~disc(40)
    return Segmentation(core.astype(np.int32), shed, 0.9, "learned")


@pytest.fixture
def coded_frames(monkeypatch) -> None:
    monkeypatch.setattr(segment_and_measure_timepoint, "segment", decodes)
    monkeypatch.setattr(light_sample, "segment", decodes)


def write_well(
    folder: Path, well: str, radii: list[int], doubtful: tuple[int, ...], first: int = 0
) -> None:
    for time, radius in enumerate(radii):
        name = f"VID7_{well}_1_00d{6 * time:02d}h00m.tif"
        if time >= first:
            write(folder / name, coded(radius, time in doubtful))


def run(folder: Path, **settings: object) -> pd.DataFrame:
    wells = analyse(
        folder, segmentation__method="learned", segmentation__even_light=False, **settings
    )[1]["wells"]
    wells["flags"] = wells["flags"].fillna("")
    return wells


def radii_of(wells: pd.DataFrame, well: str) -> list[int]:
    area = wells[wells["well"] == well]["core_area_px"].to_numpy()
    return np.round(np.sqrt(area / np.pi)).astype(int).tolist()


def test_only_a_doubtful_core_that_stands_out_follows_its_neighbours(
    tmp_path, coded_frames
) -> None:
    images = tmp_path / "images"
    # Doubtful; sure of its size; a change that stays; a slow one; no core found; at the end.
    write_well(images, "B2", [30, 30, 22, 31, 31], (2,))
    write_well(images, "B3", [30, 30, 22, 31, 31], ())
    write_well(images, "B4", [30, 30, 22, 22, 22], (2, 3, 4))
    write_well(images, "B5", [30, 28, 26, 24, 22], (1, 2, 3))
    write_well(images, "B6", [30, 30, 0, 30, 30], (2,))
    write_well(images, "B7", [22, 30, 30, 30, 22], (0, 4))
    wells = run(images)
    assert radii_of(wells, "B02")[:2] == [30, 30]
    assert radii_of(wells, "B02")[2] in (30, 31)
    assert radii_of(wells, "B03") == [30, 30, 22, 31, 31]
    assert radii_of(wells, "B04") == [30, 30, 22, 22, 22]
    assert radii_of(wells, "B05") == [30, 28, 26, 24, 22]
    assert radii_of(wells, "B06") == [30] * 5
    assert radii_of(wells, "B07") == [22, 30, 30, 30, 22]
    steadied = wells[wells["flags"].str.contains("steadied")]
    assert steadied[["well", "time_h"]].to_numpy().tolist() == [["B02", 12], ["B06", 12]]
    # What was measured is what the mask on the disk says.
    core, shed = read_masks(next((tmp_path / "out" / "masks").rglob("VID7_B2_1_00d12h00m*")))
    row = steadied.iloc[0]
    assert np.count_nonzero(core == 1) == row["core_area_px"]
    assert np.count_nonzero((core > 0) | shed) == row["total_area_px"]


def test_frames_that_stand_out_side_by_side_are_left_alone(tmp_path, coded_frames) -> None:
    write_well(tmp_path / "images", "B2", [30, 20, 30, 20, 30], (1, 2, 3))
    assert radii_of(run(tmp_path / "images"), "B02") == [30, 20, 30, 20, 30]


@pytest.mark.parametrize(
    "off", [{"segmentation__neighbours": False}, {"output__masks": False}], ids=["off", "no masks"]
)
def test_it_can_be_switched_off(tmp_path, coded_frames, off) -> None:
    write_well(tmp_path / "images", "B2", [30, 30, 22, 31, 31], (2,))
    assert radii_of(run(tmp_path / "images", **off), "B02") == [30, 30, 22, 31, 31]


@pytest.mark.parametrize(
    "radii",
    [
        [30, 30, 22, 30, 30, 30],  # is seen once more when its neighbour has come
        [30, 22, 30, 22, 22, 22],  # stands out until the next one says that it doesn't
        [30, 22, 30, 20, 30, 30],  # its neighbour turns out to stand out itself
    ],
)
def test_frames_added_one_by_one_give_the_same_tables(tmp_path, coded_frames, radii) -> None:
    every = tuple(range(6))
    for count in range(2, 7):
        write_well(tmp_path / "images", "B2", radii[:count], every, first=0)
        run(tmp_path / "images")
    fresh = tmp_path / "fresh"
    write_well(fresh / "images", "B2", radii, every)
    run(fresh / "images")
    for name in ("wells.csv", "spheroids.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (fresh / "out" / name).read_bytes()
    masks = sorted((tmp_path / "out" / "masks").rglob("*.tif"))
    assert len(masks) == 6
    for path in masks:
        other = fresh / "out" / "masks" / path.relative_to(tmp_path / "out" / "masks")
        assert path.read_bytes() == other.read_bytes()


def test_a_well_of_which_a_frame_kills_its_process_is_judged_as_a_whole(
    tmp_path, coded_frames, monkeypatch
) -> None:
    def dying(function, tasks, _):
        for task in tasks:
            moments = getattr(task, "well_timepoints", ())
            fatal = any("02d00h" in f.path for m in moments for f in m.frames)
            yield task, WorkerDied() if fatal else function(task)

    monkeypatch.setattr(run_images, "map_unordered", dying)
    for time, radius in enumerate([30, 30, 22, 31, 31]):
        name = f"VID7_B2_1_{6 * time // 24:02d}d{6 * time % 24:02d}h00m.tif"
        write(tmp_path / "images" / name, coded(radius, doubt=True))
    write(tmp_path / "images" / "VID7_B2_1_02d00h00m.tif", coded(31, doubt=True))
    wells = run(tmp_path / "images")
    assert radii_of(wells.iloc[:5], "B02")[2] in (30, 31)
    assert "steadied" in wells["flags"].iloc[2]
    assert wells["state"].iloc[5] == "unscorable"


def test_an_edited_mask_is_not_replaced(tmp_path, coded_frames) -> None:
    images = tmp_path / "images"
    write_well(images, "B2", [30, 30, 22], (2,))
    run(images)
    mask = next((tmp_path / "out" / "masks").rglob("VID7_B2_1_00d12h00m*"))
    write_masks(mask, Segmentation(disc(10).astype(np.int32), disc(0), 1.0, ""), None)
    edited = mask.read_bytes()
    write_well(images, "B2", [30, 30, 22, 30], (2,), first=3)
    run(images)
    assert mask.read_bytes() == edited


def test_a_blurred_frame_by_the_network(tmp_path) -> None:
    """The real network: out of focus for one frame, and smaller for good."""
    for well, radii in (("B2", [30] * 5), ("B3", [30, 30, 22, 22, 22])):
        for time, radius in enumerate(radii):
            image = draw(radius, seed=time).astype(np.float32)
            if time == BLURRED and well == "B2":
                noise = np.random.default_rng(7).normal(0, 250, image.shape)
                image = ndimage.gaussian_filter(image, 26) + noise
            name = f"VID7_{well}_1_00d{6 * time:02d}h00m.tif"
            write(tmp_path / "images" / name, np.clip(image, 0, 65535).astype(np.uint16))
    alone = run(tmp_path / "images", segmentation__neighbours=False)
    (tmp_path / "out").rename(tmp_path / "alone")
    seen = run(tmp_path / "images")
    true = np.pi * 30**2
    off = [
        abs(w[w["well"] == "B02"]["core_area_px"].iloc[BLURRED] / true - 1) for w in (alone, seen)
    ]
    assert off[0] > 0.2
    assert off[1] < 0.5 * off[0]
    changed = ~np.isclose(alone["core_area_px"], seen["core_area_px"])
    assert seen[changed][["well", "time_h"]].to_numpy().tolist() == [["B02", 6 * BLURRED]]
