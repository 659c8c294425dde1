"""A plate as OME-Zarr: valid, read by others, with the pixels and masks of the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile

from spheroid_qc import run_plate
from spheroid_qc.errors import RequestError
from spheroid_qc.export.run_export import export_run
from spheroid_qc.export.zarr_metadata import (
    ZarrGrid,
    image_attributes,
    labels_attributes,
    plate_attributes,
)
from tests.export.test_run_export import pictures
from tests.run.conftest import analyse, draw, glow, write

VERSIONS = ("0.4", "0.5")


@pytest.fixture(scope="module")
def zarr() -> Any:
    return pytest.importorskip("zarr", minversion="3", reason="zarr is not installed")


@pytest.fixture(scope="module", params=VERSIONS)
def plate(request: pytest.FixtureRequest, zarr: Any, finished: Path, tmp_path_factory) -> Path:
    """The small run as a plate, in both versions."""
    out = tmp_path_factory.mktemp("zarr")
    found = export_run(finished, "ome-zarr", out, ome_zarr_version=request.param)
    assert found.problems == ()
    assert found.paths == (out / "VID1.ome.zarr",)
    assert [path.name for path in out.iterdir()] == ["VID1.ome.zarr"]
    return found.paths[0]


def ome(group: Any) -> dict[str, Any]:
    attributes = dict(group.attrs)
    return dict(attributes.get("ome", attributes))


def test_it_holds_pixels_and_masks_of_the_run(zarr: Any, plate: Path, finished: Path) -> None:
    root = zarr.open_group(plate, mode="r")
    assert [well["path"] for well in ome(root)["plate"]["wells"]] == ["B/2", "B/3", "C/4"]
    for picture, core, shed in pictures(finished).values():
        image = root[f"{picture.well[0]}/{int(picture.well[1:])}/0"]
        t = picture.timepoint
        pixels = tifffile.imread(finished.parent / "images" / picture.record["file"])
        assert image["0"].shape == (2, 1, 64, 64)
        assert image["0"].dtype == np.uint16
        assert np.array_equal(image["0"][t, 0], pixels)
        assert np.array_equal(image["labels/core/0"][t], core)
        assert np.array_equal(image["labels/shed/0"][t], shed)
        (frame,) = (f for f in image.attrs["spheroid_qc"]["frames"] if f["t"] == t)
        assert frame["excluded"] == (picture.well == "C04")
        assert frame["method"] == picture.record["method"]
        multiscale = ome(image)["multiscales"][0]
        assert [axis["name"] for axis in multiscale["axes"]] == ["t", "c", "y", "x"]
        assert [axis.get("unit") for axis in multiscale["axes"]] == [
            "hour", None, "micrometer", "micrometer",
        ]  # fmt: skip
        (scale, _) = multiscale["datasets"][0]["coordinateTransformations"]
        assert scale["scale"] == [6.0, 1.0, 4.0, 4.0]
    assert root["C/4"].attrs["spheroid_qc"] == {"well": "C04", "excluded": True}
    assert root.attrs["spheroid_qc"]["time_h"] == [0.0, 6.0]


def test_tables_are_those_of_the_run(plate: Path, finished: Path) -> None:
    for name in ("wells", "conditions"):
        made = (plate / "tables" / name / "table.csv").read_bytes()
        assert made == (finished / f"{name}.csv").read_bytes()


def test_the_models_of_the_standard_accept_it(zarr: Any, plate: Path) -> None:
    models = pytest.importorskip("ome_zarr_models", reason="ome-zarr-models is not installed")
    root = zarr.open_group(plate, mode="r")
    kinds = {}
    for path in (
        "",
        "B/2",
        "C/4",
        "B/2/0",
        "B/2/0/labels",
        "B/2/0/labels/core",
        "B/3/0/labels/shed",
    ):
        group = root[path] if path else root
        kinds[path] = type(models.open_ome_zarr(group)).__name__
    assert list(kinds.values()) == [
        "HCS",
        "Well",
        "Well",
        "Image",
        "Labels",
        "ImageLabel",
        "ImageLabel",
    ]


def test_ngio_reads_it(plate: Path, finished: Path) -> None:
    ngio = pytest.importorskip("ngio", reason="ngio is not installed")
    before = {path: path.read_bytes() for path in plate.rglob("*") if path.is_file()}
    # Open for writing, as it does by default: labels that it does not understand it would drop.
    found = ngio.open_ome_zarr_plate(plate)
    assert found.wells_paths() == ["B/2", "B/3", "C/4"]
    image = found.get_images(max_workers=1)["B/3/0"]
    assert sorted(image.list_labels()) == ["core", "shed"]
    assert image.get_image().pixel_size.x == 4.0
    for name in ("core", "shed"):
        assert image.get_label(name).get_as_numpy().any()
    assert before == {path: path.read_bytes() for path in plate.rglob("*") if path.is_file()}
    wells = found.get_table("wells").dataframe
    assert len(wells) == len(pd.read_csv(finished / "wells.csv"))


@pytest.mark.gui
def test_napari_ome_zarr_opens_it_with_both_labels(plate: Path, make_napari_viewer: Any) -> None:
    pytest.importorskip("napari_ome_zarr", reason="napari-ome-zarr is not installed")
    viewer = make_napari_viewer()
    viewer.open(plate, plugin="napari-ome-zarr")
    kinds = [type(layer).__name__ for layer in viewer.layers]
    assert sorted(kinds) == ["Image", "Labels", "Labels"]
    for layer in viewer.layers:
        pixels = np.asarray(layer.data)
        # Two times; two rows and three columns of wells.
        assert pixels.shape == (2, 2 * 64, 3 * 64)
        assert pixels.any()
        assert layer.scale.tolist() == [6, 4, 4]


@pytest.mark.parametrize("version", VERSIONS)
def test_read_back_it_gives_the_same_wells(zarr: Any, tmp_path: Path, version: str) -> None:
    folder = tmp_path / "images"
    hours = (0, 6, 30)
    for n, well in enumerate(("B2", "B3", "C4", "C5")):
        for t, hour in enumerate(hours):
            image = draw(
                28 + n - 4 * t * (n > 1), size=128, centre=(64, 64), seed=n + 7 * t, shed=4 * n
            )
            write(folder / f"VID1_{well}_1_{hour // 24:02d}d{hour % 24:02d}h00m.tif", image)
    (tmp_path / "map.csv").write_text(
        "plate,well,drug,dose,unit,role\n,B2,,,,vehicle\n,B3,,,,vehicle\n"
        ",C4,selinexor,1,uM,treated\n,C5,selinexor,1,uM,treated\n".replace("plate,", "").replace(
            "\n,", "\n"
        ),
        "utf-8",
    )
    mapped = tmp_path / "map.csv"
    run_plate(folder, mapped, tmp_path / "out", workers=0)
    export_run(tmp_path / "out", "ome-zarr", tmp_path / "again", ome_zarr_version=version)
    run_plate(tmp_path / "again", mapped, tmp_path / "back", workers=0)
    first, second = (wells_of(tmp_path / name) for name in ("out", "back"))
    assert list(second.columns) == list(first.columns)
    assert differing(first, second) == {"file"}
    # What a frame is read from now, and what it was called.
    assert_names_of_images(zarr, tmp_path / "again", first, second)


def wells_of(out: Path) -> pd.DataFrame:
    """`wells.csv` as it is written: every cell is text."""
    return pd.read_csv(out / "wells.csv", dtype=str, keep_default_na=False)


def differing(first: pd.DataFrame, second: pd.DataFrame) -> set[str]:
    """Columns in which two tables of the same rows and columns differ."""
    return {name for name in first.columns if first[name].tolist() != second[name].tolist()}


def assert_names_of_images(
    zarr: Any, folder: Path, first: pd.DataFrame, second: pd.DataFrame
) -> None:
    for was, now in zip(first.itertuples(), second.itertuples(), strict=True):
        assert now.file == f"VID1.ome.zarr/{now.row}/{now.column}/0"
        told = zarr.open_group(folder / now.file, mode="r").attrs["spheroid_qc"]["frames"]
        names = [one["file"] for one in told if f"{one['time_h']:g}" == now.time_h]
        assert names == [was.file]


@pytest.mark.parametrize("version", VERSIONS)
def test_read_back_only_what_was_not_copied_or_filled_up_is_another(
    zarr: Any, tmp_path: Path, version: str
) -> None:
    folder = tmp_path / "images"

    def write_one(well: str, hour: int, seed: int, size: int = 96, field: int = 1) -> None:
        image = draw(
            22 - hour // 6, size=size, centre=(size / 2, size / 2), seed=seed, shed=2 * seed
        )
        write(folder / f"VID1_{well}_{field}_00d{hour:02d}h00m.tif", image)

    for hour in (0, 6):
        write_one("B2", hour, 1 + hour)
        write_one("C4", hour, 2 + hour, size=80)
        write_one("C5", hour, 3 + hour)
        write_one("C5", hour, 4 + hour, field=2)
    write_one("B3", 0, 5)
    run_plate(folder, None, tmp_path / "out", workers=0)
    export_run(tmp_path / "out", "ome-zarr", tmp_path / "again", ome_zarr_version=version)
    run_plate(tmp_path / "again", None, tmp_path / "back", workers=0)
    first, second = (wells_of(tmp_path / name) for name in ("out", "back"))
    assert list(second.columns) == list(first.columns)

    def of(well: str, time_h: str | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
        found = [table[table["well"] == well] for table in (first, second)]
        if time_h is not None:
            found = [table[table["time_h"] == time_h] for table in found]
        return found[0], found[1]

    def flags(table: pd.DataFrame) -> list[set[str]]:
        return [set(filter(None, text.split(";"))) for text in table["flags"]]

    # A well with a picture of the plate's size at every time: as it was.
    assert differing(*of("B02")) == {"file"}
    assert_names_of_images(zarr, tmp_path / "again", *of("B02"))
    # A picture that was not there can't be read now.
    before, after = of("B03", "0")
    assert differing(before, after) == {"file", "flags"}
    assert [old - new for old, new in zip(flags(before), flags(after), strict=True)] == [
        {"incomplete_series"}
    ]
    before, after = of("B03", "6")
    assert differing(before, after) == {"file", "flags"}
    assert (flags(before), flags(after)) == (
        [{"missing_frame", "incomplete_series"}],
        [{"unreadable"}],
    )
    # Of several fields the one that counted was copied.
    before, after = of("C05")
    assert differing(before, after) == {"file", "flags"}
    for old, new in zip(flags(before), flags(after), strict=True):
        assert (old - new, new - old) == ({"not_stitched"}, set())
    # A smaller picture was filled up with zeros: it is measured as such a one.
    before, after = of("C04")
    assert before[["plate", "well", "time_h"]].equals(after[["plate", "well", "time_h"]])
    assert {"file", "core_area_px"} <= differing(before, after)


def test_times_that_were_counted_are_not_hours_afterwards(zarr: Any, tmp_path: Path) -> None:
    frames = np.stack([draw(28 - 4 * t, size=128, centre=(64, 64), seed=t) for t in range(3)])
    (tmp_path / "images").mkdir()
    tifffile.imwrite(tmp_path / "images" / "B2.ome.tif", frames, metadata={"axes": "TYX"})
    run_plate(tmp_path / "images", None, tmp_path / "out", workers=0)
    (plate,) = export_run(tmp_path / "out", "ome-zarr", tmp_path / "again").paths
    run_plate(plate, None, tmp_path / "back", workers=0)
    first, second = (pd.read_csv(tmp_path / name / "wells.csv") for name in ("out", "back"))
    assert first["flags"].str.contains("time_is_index").all()
    pd.testing.assert_frame_equal(
        second.drop(columns=["file", "plate"]), first.drop(columns=["file", "plate"])
    )


def test_without_pixels_the_images_are_named(zarr: Any, finished: Path, tmp_path: Path) -> None:
    target = tmp_path / "plate.zarr"
    found = export_run(finished, "ome-zarr", target, images="reference")
    assert found.paths == (target,)
    image = zarr.open_group(target, mode="r")["B/2/0"]
    assert image["0"].nchunks_initialized == 0
    assert image["labels/core/0"].nchunks_initialized == 2
    frames = image.attrs["spheroid_qc"]["frames"]
    assert [frame["file"] for frame in frames] == [
        "VID1_B2_1_00d00h00m.tif", "VID1_B2_1_00d06h00m.tif",
    ]  # fmt: skip
    assert {frame["pixels"] for frame in frames} == {"not copied"}


def test_a_plate_is_replaced_only_if_told(zarr: Any, finished: Path, tmp_path: Path) -> None:
    export_run(finished, "ome-zarr", tmp_path, ome_zarr_version="0.4")
    with pytest.raises(RequestError, match="--overwrite"):
        export_run(finished, "ome-zarr", tmp_path)
    (path,) = export_run(finished, "ome-zarr", tmp_path, overwrite=True).paths
    assert (path / "zarr.json").is_file()
    assert not (path / ".zattrs").exists()
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    json.loads((path / "zarr.json").read_text())["attributes"]["ome"]["plate"]
    foreign = tmp_path / "foreign.zarr"
    zarr.create_group(store=str(foreign), attributes={"ome": {}})
    with pytest.raises(RequestError, match="no export"):
        export_run(finished, "ome-zarr", foreign, overwrite=True)


def test_plates_of_odd_pictures(zarr: Any, tmp_path: Path) -> None:
    """Two plates; sizes, types and channels that differ; uneven times; no calibration."""
    folder = tmp_path / "images"
    for name, hour in (("P1", 0), ("P1", 6), ("P1", 30), ("P2", 0)):
        for n, well in enumerate(("A1", "H12")):
            image = draw(14 + n, size=64 + 300 * n, centre=(32, 32), seed=n + hour)
            if n == 0:
                image = (image // 256).astype(np.uint8)
            if (name, hour, well) == ("P1", 6, "H12"):
                continue
            time = f"{hour // 24:02d}d{hour % 24:02d}h00m"
            write(folder / name / f"VID1_{well}_1_phase_{time}.tif", image, None)
            light = glow(10, size=image.shape[0])
            write(folder / name / f"VID1_{well}_1_green_{time}.tif", light, None)
    analyse(folder, images__channel="phase")
    with pytest.raises(RequestError, match="holds 2 plates"):
        export_run(tmp_path / "out", "ome-zarr", tmp_path / "one.zarr")
    found = export_run(tmp_path / "out", "ome-zarr")
    assert [path.name for path in found.paths] == ["P1.ome.zarr", "P2.ome.zarr"]
    root = zarr.open_group(found.paths[0], mode="r")
    assert {column["name"] for column in ome(root)["plate"]["columns"]} == {"1", "12"}
    small, large = root["A/1/0"], root["H/12/0"]
    levels = [[group[str(level)].shape for level in range(2)] for group in (small, large)]
    assert levels == [[(3, 2, 364, 364), (3, 2, 182, 182)]] * 2
    assert small["0"].dtype == large["0"].dtype == np.uint16
    assert [c["label"] for c in ome(small)["omero"]["channels"]] == ["phase", "green"]
    assert small["0"][0, 1, 32, 32] == 1500
    assert not small["0"][:, :, 64:].any()
    assert not large["0"][1].any()
    assert [frame["t"] for frame in large.attrs["spheroid_qc"]["frames"]] == [0, 2]
    axes = ome(small)["multiscales"][0]["axes"]
    assert [axis.get("unit") for axis in axes] == [None] * 4
    assert root.attrs["spheroid_qc"]["time_h"] == [0.0, 6.0, 30.0]


def test_metadata_stand_where_each_version_has_them() -> None:
    made = {}
    for version in VERSIONS:
        grid = ZarrGrid(version, 2, (0.0, 1.0), ("",), ((4, 6), (2, 3)), "uint8", (1.0, 2.0))
        made[version] = (
            plate_attributes(grid, "x", ["A01", "AB12"], 1),
            image_attributes(grid, "x", 0.5),
            labels_attributes(version),
        )
    plate, image, labels = made["0.4"]
    assert plate["plate"]["version"] == image["multiscales"][0]["version"] == "0.4"
    assert [row["name"] for row in plate["plate"]["rows"]] == ["A", "AB"]
    assert labels == {"labels": ["core", "shed"]}
    plate, image, labels = made["0.5"]
    assert labels == {"ome": {"version": "0.5", "labels": ["core", "shed"]}}
    assert image["ome"]["version"] == plate["ome"]["version"] == "0.5"
    second = image["ome"]["multiscales"][0]["datasets"][1]["coordinateTransformations"]
    assert second[0]["scale"] == [1.0, 1.0, 1.0, 1.0]
    assert second[1]["translation"] == [0.0, 0.0, 0.25, 0.25]


def test_the_missing_library_is_named(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(RequestError, match=r"pip install 'spheroid_qc\[zarr\]'"):
        export_run(finished, "ome-zarr")
    monkeypatch.setitem(sys.modules, "roifile", None)
    with pytest.raises(RequestError, match=r"pip install 'spheroid_qc\[export\]'"):
        export_run(finished, "roi")
