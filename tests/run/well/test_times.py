"""Whatever tells the time, a plate has one time axis."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from tests.run.conftest import analyse, draw, write

WELLS = ("B02", "B03", "B04")


def stack(seed):
    return np.stack([draw(30 + n, seed=3 * seed + n) for n in range(3)])


def rows(tables):
    wells = tables["wells"]
    return wells.groupby("well")["time_h"].agg(list).to_dict()


def test_pages_of_an_imagej_stack_are_times(tmp_path):
    (tmp_path / "images").mkdir()
    for n, well in enumerate(WELLS):
        tifffile.imwrite(
            tmp_path / "images" / f"P_{well}.tif", stack(n), imagej=True, resolution=(0.25, 0.25),
            metadata={"axes": "TYX", "finterval": 7200.0, "unit": "um"},
        )  # fmt: skip
    # The pixel size is asked for, not how well a network finds a disc without texture.
    _, tables = analyse(tmp_path / "images", segmentation__method="classical")
    assert rows(tables) == {well: [0, 2, 4] for well in WELLS}
    for radius, found in zip((30, 31, 32), tables["wells"]["core_area_um2"], strict=False):
        assert found == pytest.approx(np.pi * (4 * radius) ** 2, rel=0.03)
    assert tables["frames"]["page"].tolist() == [0, 1, 2] * 3


def test_stacks_whose_times_are_seconds_apart_have_the_times_of_their_scan(tmp_path):
    for n, well in enumerate(WELLS):
        seconds = [40.0 * n, 21600 + 47.0 * n, 43200 + 38.0 * n]
        write(
            tmp_path / "images" / f"P_{well}.ome.tif", stack(n), axes="TYX",
            Plane={"DeltaT": seconds, "DeltaTUnit": ["s"] * 3},
        )  # fmt: skip
    _, tables = analyse(tmp_path / "images")
    times = rows(tables)
    assert times["B02"] == times["B03"] == times["B04"]
    assert times["B02"] == pytest.approx([0, 6, 12], abs=0.01)
    assert (tables["wells"]["state"] != "unscorable").all()


def test_an_interval_in_the_metadata_counts(tmp_path):
    write(
        tmp_path / "images" / "P_B2.ome.tif", stack(0), axes="TYX",
        TimeIncrement=30.0, TimeIncrementUnit="min",
    )  # fmt: skip
    _, tables = analyse(tmp_path / "images")
    assert tables["wells"]["time_h"].tolist() == [0, 0.5, 1]


@pytest.mark.parametrize("dated", [False, True])
def test_numbered_folders_are_counted_unless_the_files_are_dated(tmp_path, dated):
    for number in (1, 2, 3):
        for n, well in enumerate(WELLS):
            path = tmp_path / "images" / f"TimePoint_{number}" / f"plate1_{well}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            date = {"datetime": f"2024:03:{number:02d} 10:{5 * n:02d}:00"} if dated else {}
            tifffile.imwrite(path, draw(30 + number, seed=9 * number + n), **date)
    result, tables = analyse(tmp_path / "images")
    hours = [0, 24, 48] if dated else [0, 1, 2]
    assert rows(tables) == dict.fromkeys(WELLS, hours)
    flagged = tables["wells"]["flags"].str.contains("time_is_index")
    assert flagged.tolist() == [not dated] * 9
    assert any("time_h counts frames" in note for note in result.notes) == (not dated)
    _, tables = analyse_again(tmp_path, plate__frame_interval_h=12.0)
    assert rows(tables) == dict.fromkeys(WELLS, hours if dated else [0, 12, 24])
    assert not tables["wells"]["flags"].str.contains("time_is_index").any()


def analyse_again(tmp_path, **settings):
    (tmp_path / "again").mkdir()
    (tmp_path / "images").rename(tmp_path / "again" / "images")
    return analyse(tmp_path / "again" / "images", **settings)


def test_photographs_of_one_round_are_one_time_point(tmp_path):
    (tmp_path / "images").mkdir()
    number = 0
    for hour in (0, 6, 12):
        for n, well in enumerate(WELLS):
            number += 1
            tifffile.imwrite(
                tmp_path / "images" / f"plate1_{well}_{number:04d}.tif",
                draw(30, seed=number),
                datetime=f"2024:03:01 {8 + hour:02d}:{7 * n:02d}:00",
            )
    _, tables = analyse(tmp_path / "images")
    assert rows(tables) == {well: [0, 6, 12] for well in WELLS}
    assert "missing_frame" not in set(tables["qc"]["code"])
