"""Runs on files of instruments, on several images in one file and on OME-Zarr."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from spheroid_qc import run_plate
from spheroid_qc.parameters import Parameters
from spheroid_qc.run.store.mask_files import read_masks
from tests.images.made_formats import spheroid, write_czi, write_series, write_zarr_plate
from tests.run.conftest import draw

WELLS = ("B2", "B3")


def grown(well: int, time: int) -> np.ndarray:
    """A spheroid that is different in each well, and grows."""
    return draw(18 + 2 * well + 3 * time, size=128, centre=(64, 64))


@pytest.fixture(scope="module")
def as_tiff(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Wells of a plate of TIFF files, two wells and two times."""
    root = tmp_path_factory.mktemp("tiff")
    (root / "P1").mkdir()
    for n, well in enumerate(WELLS):
        for time in range(2):
            pixels = grown(n, time)
            resolution = (1e4 / 2.0, 1e4 / 2.0)
            tifffile.imwrite(
                root / "P1" / f"{well}_{6 * time}h.tif", pixels,
                resolution=resolution, resolutionunit=3,
            )  # fmt: skip
    run_plate(root / "P1", out=root / "out", workers=0)
    return pd.read_csv(root / "out" / "wells.csv")


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Compare what was measured, in everything but the names of files."""
    names = [name for name in expected if name not in ("file", "flags", "plate")]
    pd.testing.assert_frame_equal(found[names], expected[names])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("given", ["itself", "in a folder"])
def test_a_zarr_plate_measures_like_its_tiffs(
    tmp_path: Path, as_tiff: pd.DataFrame, version: str, given: str
) -> None:
    pytest.importorskip("zarr", reason="the extra `zarr` is not installed")
    wells = {
        f"{well[0]}/{well[1:]}": [np.stack([grown(n, time) for time in range(2)])]
        for n, well in enumerate(WELLS)
    }
    folder = tmp_path / "images"
    folder.mkdir()
    plate = write_zarr_plate(
        folder / "x.ome.zarr", wells, version=version, um=2.0, labels=given == "itself"
    )
    source = plate if given == "itself" else folder
    result = run_plate(source, out=tmp_path / "out", workers=0)
    assert result.n_frames == 4
    found = pd.read_csv(tmp_path / "out" / "wells.csv")
    assert set(found["plate"]) == {"P1"}
    same(found, as_tiff)
    frames = pd.read_csv(tmp_path / "out" / "frames.csv")
    assert set(frames["status"]) == {"read"}
    assert set(frames["pixel_size_source"]) == {"ome"}
    assert run_plate(source, out=tmp_path / "out", workers=0).n_new == 0


def test_scenes_are_wells(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    scenes = "".join(
        f'<Scene Index="{n}" Name="P{n + 1}"><ArrayName>{well}</ArrayName></Scene>'
        for n, well in enumerate(WELLS)
    )
    write_czi(
        images / "scan.czi", scenes=2, times=2, channels=("BF", "GFP"), scene_xml=scenes,
        increment_s=7200,
    )  # fmt: skip
    run_plate(images, out=tmp_path / "out", workers=0)
    found = pd.read_csv(tmp_path / "out" / "wells.csv")
    assert found["well"].tolist() == ["B02", "B02", "B03", "B03"]
    assert found["time_h"].tolist() == [0, 2, 0, 2]
    assert (found["n_spheroids"] == 1).all()
    assert found["pixel_size_um"].tolist() == [0.65] * 4
    assert any(name.startswith("gfp") for name in map(str.lower, found)), list(found)
    frames = pd.read_csv(tmp_path / "out" / "frames.csv")
    assert sorted(zip(frames["series"], frames["page"], strict=True)) == [
        (0, 0), (0, 1), (1, 0), (1, 1)
    ]  # fmt: skip
    # Each has a mask of its own.
    masks = sorted(path.name for path in (tmp_path / "out" / "masks").rglob("*.tif"))
    assert masks == [f"scan_s{s:04}_t{t:04}.ome.tif" for s in (0, 1) for t in (0, 1)]
    core, _ = read_masks(tmp_path / "out" / "masks" / masks[3])
    where = np.argwhere(core > 0).mean(0)
    assert where[1] - 48 == pytest.approx(13, abs=2)  # scene 2, time 2 is shifted by 13 px


def test_series_of_a_tiff_are_fields(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    fields = [spheroid(0, radius=14), spheroid(0, radius=24), spheroid(0, radius=18)]
    write_series(images / "B03_24h.ome.tif", fields)
    write_series(images / "B04_24h.ome.tif", fields)
    run_plate(images, out=tmp_path / "out", workers=0)
    frames = pd.read_csv(tmp_path / "out" / "frames.csv")
    assert frames["field"].tolist() == [1, 2, 3] * 2
    assert frames["series"].tolist() == [0, 1, 2] * 2
    qc = pd.read_csv(tmp_path / "out" / "qc.csv")
    assert "planes_unused" not in set(qc["code"])
    (mask,) = (tmp_path / "out" / "masks").glob("B03*.tif")
    # The largest whole core counts, and it is that of the second image.
    assert mask.name == "B03_24h_s0001.ome.tif"
    assert run_plate(images, out=tmp_path / "out", workers=0).n_new == 0


def test_series_of_a_tiff_are_wells(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    write_series(images / "screen.ome.tif", [spheroid(1), spheroid(9)], ["B2", "C11"])
    run_plate(images, out=tmp_path / "out", workers=0)
    found = pd.read_csv(tmp_path / "out" / "wells.csv")
    assert found["well"].tolist() == ["B02", "C11"]
    assert found["plate"].tolist() == ["screen"] * 2
    assert (found["n_spheroids"] == 1).all()


def test_damaged_files_of_instruments_do_not_stop_a_plate(tmp_path: Path) -> None:
    pytest.importorskip("pylibCZIrw", reason="the extra `formats` is not installed")
    images = tmp_path / "images"
    images.mkdir()
    write_czi(images / "B02.czi")
    (images / "B03.czi").write_bytes((images / "B02.czi").read_bytes()[:3000])
    (images / "scan.czi").write_bytes(b"ZISRAWFILE" + bytes(100))
    result = run_plate(images, out=tmp_path / "out", workers=1)
    found = pd.read_csv(tmp_path / "out" / "wells.csv").set_index("well")
    assert found.loc["B02", "n_spheroids"] == 1
    assert "unreadable" in found.loc["B03", "flags"]
    assert len(result.failures) == 2
    assert all(sentence.endswith(".") for sentence in result.failures)


def test_a_damaged_well_of_a_zarr_does_not_stop_a_plate(tmp_path: Path) -> None:
    pytest.importorskip("zarr", reason="the extra `zarr` is not installed")
    plate = write_zarr_plate(
        tmp_path / "P.zarr", {"B/2": [spheroid()[None]], "B/3": [spheroid()[None]]}
    )
    chunk = plate / "B" / "3" / "0" / "0" / "c" / "0" / "0" / "0"
    chunk.write_bytes(b"nonsense")
    result = run_plate(plate, out=tmp_path / "out", workers=0)
    found = pd.read_csv(tmp_path / "out" / "wells.csv").set_index("well")
    assert found.loc["B02", "n_spheroids"] == 1
    assert "unreadable" in found.loc["B03", "flags"]
    assert len(result.failures) == 1


def test_a_single_zarr_is_a_folder(tmp_path: Path) -> None:
    """The image is the folder itself: it has no name below it."""
    pytest.importorskip("zarr", reason="the extra `zarr` is not installed")
    from tests.images.made_formats import write_zarr_image

    path = write_zarr_image(tmp_path / "B03.ome.zarr", spheroid()[None], "tyx")
    run_plate(path, out=tmp_path / "out", workers=0)
    found = pd.read_csv(tmp_path / "out" / "wells.csv")
    assert found[["plate", "well", "file"]].to_numpy().tolist() == [["B03", "B03", "."]]
    assert [p.name for p in (tmp_path / "out" / "masks").glob("*.tif")] == ["image.ome.tif"]
    inputs = json.loads((tmp_path / "out" / "run.json").read_text())["inputs"]
    assert [len(one["sha256"]) for one in inputs] == [64]


def test_workers_and_interruptions_change_nothing(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    names = [f"{row}{column}" for row in "BC" for column in (2, 3)]
    write_series(images / "screen.ome.tif", [spheroid(n) for n in range(4)], names)
    tables = []
    for number, workers in enumerate((0, 2)):
        out = tmp_path / f"out{number}"
        run_plate(images, out=out, workers=workers, parameters=Parameters())
        tables.append((out / "wells.csv").read_bytes())
    assert tables[0] == tables[1]
