"""Masks for other programs: what the tables count, marked, whole or not at all, nothing else."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from typer.testing import CliRunner

from spheroid_qc import run_plate
from spheroid_qc.atomic import atomic_folder
from spheroid_qc.cli.main import app
from spheroid_qc.errors import OutputError, RequestError
from spheroid_qc.export.coco_file import run_lengths
from spheroid_qc.export.counted_run import CountedPicture, CountedRun
from spheroid_qc.export.export_names import plate_file_name
from spheroid_qc.export.pixel_outlines import signed_area
from spheroid_qc.export.run_export import export_run
from spheroid_qc.run.store.review_decisions import Exclusion, write_exclusions
from spheroid_qc.run.store.run_folder import RunFolder
from tests.export.conftest import CORRECTED
from tests.run.conftest import analyse, draw, write


def pictures(out: Path) -> dict[str, tuple[CountedPicture, np.ndarray, np.ndarray]]:
    """What the tables count, by short name."""
    run = CountedRun(out)
    return {
        one.name: (one, *run.masks(one))
        for plate in run.plates
        for well in run.wells(plate)
        for one in run.pictures(plate, well)
    }


def decoded(counts: str, shape: tuple[int, int]) -> np.ndarray:
    """Read compressed run lengths as COCO's documents describe them."""
    values: list[int] = []
    at = 0
    while at < len(counts):
        value = shift = 0
        while True:
            bits = ord(counts[at]) - 48
            at += 1
            value |= (bits & 0x1F) << shift
            shift += 5
            if not bits & 0x20:
                if bits & 0x10:
                    value |= -1 << shift
                break
        values.append(value + (values[-2] if len(values) > 2 else 0))
    kinds = np.arange(len(values)) % 2
    return np.repeat(kinds, values).reshape(shape, order="F").astype(bool)


def test_what_is_exported_is_what_the_tables_count(finished: Path) -> None:
    found = pictures(finished)
    wells = pd.read_csv(finished / "wells.csv")
    assert len(found) == len(wells) == 6
    for picture, core, shed in found.values():
        row = wells[(wells["well"] == picture.well) & (wells["time_h"] == picture.time_h)].iloc[0]
        sizes = np.bincount(core.ravel())[1:]
        assert row["total_area_px"] == sizes.sum() + np.count_nonzero(shed)
        assert row["core_area_px"] in (sizes.sum(), sizes.max(initial=0))
        assert picture.pixel_size_um == 4.0
        assert picture.state == row["state"]
        assert picture.excluded == (("excluded_by_user",) if picture.well == "C04" else ())
    assert [one.corrected for one, *_ in found.values()].count(True) == 1


def test_coco(finished: Path, tmp_path: Path) -> None:
    (path,) = export_run(finished, "coco", tmp_path / "coco", images="copy").paths
    found = json.loads((path / "annotations.json").read_text("utf-8"))
    assert [one["name"] for one in found["categories"]] == ["core", "shed"]
    known = pictures(finished)
    assert len(found["images"]) == len(known)
    for image in found["images"]:
        name = f"{image['well']}_t{1 + (image['time_h'] > 0):04d}_{image['time_h']:g}h"
        picture, core, shed = known[name]
        pixels = tifffile.imread(path / image["file_name"])
        assert np.array_equal(pixels, tifffile.imread(finished.parent / "images" / image["file"]))
        assert pixels.shape == (image["height"], image["width"])
        assert image["excluded"] == (picture.well == "C04")
        for category, mask in ((1, core > 0), (2, shed)):
            total = np.zeros(mask.shape, int)
            for one in found["annotations"]:
                if (one["image_id"], one["category_id"]) != (image["id"], category):
                    continue
                own = decoded(one["segmentation"]["counts"], mask.shape)
                rows, columns = np.nonzero(own)
                assert one["area"] == rows.size
                assert one["bbox"] == [
                    columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1,
                ]  # fmt: skip
                total += own
            assert np.array_equal(total, mask)


def test_coco_in_pycocotools(finished: Path, tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    (path,) = export_run(finished, "coco", tmp_path / "coco").paths
    found = coco.COCO(str(path / "annotations.json"))
    known = pictures(finished)
    assert {found.imgs[n]["file_name"] for n in found.getImgIds()} == {
        one.record["file"] for one, *_ in known.values()
    }
    for one in found.loadAnns(found.getAnnIds()):
        mask = found.annToMask(one)
        assert mask.sum() == one["area"]
        box = coco.maskUtils.toBbox(found.annToRLE(one)).tolist()
        assert box == one["bbox"]
    for core in (core for _, core, _ in known.values()):
        rle = coco.maskUtils.encode(np.asfortranarray(core > 0, dtype=np.uint8))
        assert rle["counts"].decode() == run_lengths(core > 0)


def test_geojson(finished: Path, tmp_path: Path) -> None:
    (path,) = export_run(finished, "geojson", tmp_path / "geojson").paths
    known = pictures(finished)
    files = sorted(path.rglob("*.geojson"))
    assert [one.stem for one in files] == sorted(known)
    for file in files:
        found = json.loads(file.read_text("utf-8"))
        picture, core, shed = known[file.stem]
        assert found["type"] == "FeatureCollection"
        for kind, pixels in (("core", core), ("shed", shed)):
            area = 0.0
            for feature in found["features"]:
                properties = feature["properties"]
                if properties["classification"]["name"] != kind:
                    continue
                assert properties["name"].endswith("(excluded)") == bool(picture.excluded)
                geometry = feature["geometry"]
                polygons = geometry["coordinates"]
                if geometry["type"] == "Polygon":
                    polygons = [polygons]
                own = 0.0
                for polygon in polygons:
                    for ring in polygon:
                        assert ring[0] == ring[-1]
                    rings = [np.array(ring[:-1]) for ring in polygon]
                    assert signed_area(rings[0]) > 0
                    own += sum(map(signed_area, rings))
                assert properties["measurements"]["area px^2"] == own
                assert properties["measurements"]["area um^2"] == own * 16
                area += own
            assert area == np.count_nonzero(pixels)
    corrected = json.loads(next(f for f in files if f.stem.startswith("B03_t0002")).read_text())
    cores = [
        f for f in corrected["features"] if f["properties"]["classification"]["name"] == "core"
    ]
    assert len(cores) == 2
    assert sorted(len(f["geometry"]["coordinates"]) for f in cores) == [1, 3]


def test_roi_sets_in_roifile(finished: Path, tmp_path: Path) -> None:
    roifile = pytest.importorskip("roifile", reason="roifile is not installed")
    (path,) = export_run(finished, "roi", tmp_path / "roi", images="copy").paths
    known = pictures(finished)
    zips = sorted(path.rglob("*.zip"))
    assert [one.stem for one in zips] == ["B02", "B03", "C04"]
    seen = []
    for file in zips:
        stack = tifffile.imread(file.with_suffix(".tif"))
        assert stack.shape == (2, 64, 64)
        for roi in roifile.roiread(file):
            name, _, part = roi.name.removesuffix("_excluded").partition("h_")
            picture, core, shed = known[f"{name}h"]
            mask = shed if part == "shed" else core == int(part.removeprefix("core_"))
            rings = roi.coordinates(multi=True)
            area = sum(signed_area(np.asarray(ring, dtype=float)) for ring in rings)
            assert area == np.count_nonzero(mask)
            assert roi.position == picture.timepoint + 1
            assert roi.name.endswith("_excluded") == bool(picture.excluded)
            rows, columns = np.nonzero(mask)
            assert (roi.left, roi.top) == (columns.min(), rows.min())
            assert (roi.right, roi.bottom) == (columns.max() + 1, rows.max() + 1)
            assert f"well: {picture.well}" in roi.props
            image = tifffile.imread(finished.parent / "images" / picture.record["file"])
            assert np.array_equal(stack[picture.timepoint], image)
            seen.append(roi.name)
    assert len(set(seen)) == len(seen)
    assert {name for name in seen if "core_2" in name} == {"B03_t0002_6h_core_2"}
    with tifffile.TiffFile(zips[0].with_suffix(".tif")) as tif:
        assert tif.imagej_metadata["unit"] == "um"
        assert tif.pages[0].resolution == pytest.approx((0.25, 0.25))
    again = export_run(finished, "roi", tmp_path / "again", images="copy").paths[0]
    for file in (f for f in path.rglob("*") if f.is_file()):
        assert file.read_bytes() == (again / file.relative_to(path)).read_bytes()


@pytest.mark.parametrize("to", ["roi", "geojson", "coco"])
def test_masks_need_no_images(out: Path, to: str) -> None:
    if to == "roi":
        pytest.importorskip("roifile", reason="roifile is not installed")
    record = json.loads((out / "run.json").read_text("utf-8"))
    record["source"] = str(out.parent / "gone")
    (out / "run.json").write_text(json.dumps(record), "utf-8")
    (path,) = export_run(out, to).paths
    assert path == out / to
    with pytest.raises(RequestError, match="--images reference"):
        export_run(out, to, out.parent / "more", images="copy")
    assert not (out.parent / "more").exists()


@pytest.mark.parametrize("to", ["xlsx", "parquet"])
def test_tables_are_not_written_over_what_is_there(finished: Path, tmp_path: Path, to: str) -> None:
    place = tmp_path / "mine"
    if to == "parquet":
        place.mkdir()
        (place / "wells.parquet").write_bytes(b"PK mine")
    else:
        place.write_bytes(b"PK mine")
    with pytest.raises(RequestError, match="--overwrite"):
        export_run(finished, to, place)
    kept = place / "wells.parquet" if to == "parquet" else place
    assert kept.read_bytes() == b"PK mine"
    if to == "xlsx":
        export_run(finished, to, place, overwrite=True)
        assert kept.read_bytes() != b"PK mine"


def test_nothing_is_overwritten_unless_told(finished: Path, tmp_path: Path) -> None:
    target = tmp_path / "made"
    export_run(finished, "geojson", target)
    (target / "mine.txt").write_text("x", "utf-8")
    with pytest.raises(RequestError, match="--overwrite"):
        export_run(finished, "geojson", target)
    assert (target / "mine.txt").is_file()
    export_run(finished, "coco", target, overwrite=True)
    assert sorted(path.name for path in target.iterdir()) == ["annotations.json", "export.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    other = tmp_path / "photos"
    other.mkdir()
    (other / "holiday.jpg").write_bytes(b"x")
    link = tmp_path / "link"
    link.symlink_to(target)
    for place in (other, link, other / "holiday.jpg"):
        with pytest.raises(RequestError, match="no export of spheroid-qc"):
            export_run(finished, "coco", place, overwrite=True)
    assert (other / "holiday.jpg").is_file()
    with pytest.raises(RequestError, match="taken for images"):
        export_run(finished, "coco", finished.parent / "images" / "coco")


def test_an_export_that_is_stopped_leaves_nothing(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "made"
    export_run(finished, "coco", target)
    before = (target / "annotations.json").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    for fault, error in ((full, OutputError), (stopped, KeyboardInterrupt)):
        with monkeypatch.context() as patch:
            patch.setattr("spheroid_qc.export.coco_file._write_masks", fault)
            with pytest.raises(error):
                export_run(finished, "coco", target, overwrite=True)
        assert (target / "annotations.json").read_bytes() == before
        assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_what_a_killed_export_left_is_removed(finished: Path, tmp_path: Path) -> None:
    code = (
        "import os, spheroid_qc.export.coco_file as c; c._write_masks = lambda *a: os._exit(9)\n"
        "from spheroid_qc.export.run_export import export_run\n"
        f"export_run({str(finished)!r}, 'coco', {str(tmp_path / 'made')!r})"
    )
    import subprocess
    import sys

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".")
    export_run(finished, "coco", tmp_path / "made")
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_a_run_that_is_not_ready_is_refused(out: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"run\.json is missing"):
        export_run(tmp_path, "coco")
    write_exclusions(RunFolder(out).exclusions, [Exclusion("", "B02", None, "late")])
    with pytest.raises(RequestError, match="after its tables were made"):
        export_run(out, "coco")
    run_plate(Path(json.loads((out / "run.json").read_text())["source"]), None, out, workers=0)
    known = json.loads((out / "run.json").read_text("utf-8"))
    (out / "run.json").write_text(json.dumps(known | {"status": "running"}), "utf-8")
    with pytest.raises(RequestError, match="not come to its end"):
        export_run(out, "coco")
    assert not (out / "coco").exists()


def test_a_run_that_changes_meanwhile_is_not_exported(out: Path, monkeypatch) -> None:
    real = CountedRun.masks

    def masks(self: CountedRun, picture: CountedPicture):
        (out / "wells.csv").write_text("changed", "utf-8")
        return real(self, picture)

    monkeypatch.setattr(CountedRun, "masks", masks)
    with pytest.raises(RequestError, match="was changed while it was exported"):
        export_run(out, "coco")
    assert not (out / "coco").exists()


def test_masks_that_are_not_what_was_counted_are_left_out(out: Path) -> None:
    (out / "masks" / "VID1_B2_1_00d00h00m.ome.tif").write_bytes(b"II*\0damaged")
    other = (out / "masks" / CORRECTED).read_bytes()
    (out / "masks" / "VID1_B2_1_00d06h00m.ome.tif").write_bytes(other)
    found = export_run(out, "geojson")
    assert len(found.problems) == 2
    assert all("not the one that was measured" in sentence for sentence in found.problems)
    assert len(list(found.paths[0].rglob("*.geojson"))) == 4
    done = CliRunner().invoke(app, ["export", str(out), "--to", "coco"])
    assert done.exit_code == 1
    assert "written:" in done.stdout


def test_nothing_is_followed_out_of_the_run_folder(out: Path, tmp_path: Path) -> None:
    table = (out / "frames.csv").read_text("utf-8")
    (out / "frames.csv").write_text(table.replace("VID1_B2_1_00d00", "../VID1_B2_1_00d00"))
    with pytest.raises(RequestError, match="does not belong to the other tables"):
        export_run(out, "coco")
    (out / "frames.csv").write_text(table)
    os.rename(out / "masks", tmp_path / "elsewhere")
    (out / "masks").symlink_to(tmp_path / "elsewhere")
    found = export_run(out, "geojson")
    # The corrected mask lies in the run folder.
    assert len(found.problems) == 5
    assert len(list(found.paths[0].rglob("*.geojson"))) == 1


def test_images_that_have_changed_are_not_copied(finished: Path, out: Path) -> None:
    images = out.parent / "images"
    images.mkdir()
    for path in (finished.parent / "images").iterdir():
        (images / path.name).write_bytes(path.read_bytes())
    known = json.loads((out / "run.json").read_text("utf-8"))
    (out / "run.json").write_text(json.dumps(known | {"source": str(images)}), "utf-8")
    write(images / "VID1_B2_1_00d00h00m.tif", draw(9, size=64, centre=(32, 32)))
    (images / "VID1_B2_1_00d06h00m.tif").unlink()
    found = export_run(out, "coco", images="copy")
    assert len(found.problems) == 2
    assert "has changed since" in found.problems[0]


def test_fields_of_spheres_stay_apart(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    for well in ("A1", "A2"):
        for field in (1, 3):
            image = draw(10 + field, size=64, centre=(32, 32), seed=field)
            write(folder / f"VID1_{well}_{field}_00d00h00m.tif", image)
    analyse(folder, plate__assay="spheres")
    (path,) = export_run(tmp_path / "out", "geojson").paths
    names = sorted(file.stem for file in path.rglob("*.geojson"))
    assert names == [f"A0{n}_f{f}_t0001_0h" for n in (1, 2) for f in (1, 3)]


def test_names_of_plates_are_harmless() -> None:
    assert plate_file_name("Plate 1.a") == "Plate 1.a"
    names = {
        plate_file_name(name) for name in ("../x", "a/b", "a_b", "", ".", "..", "a\\b", "é" * 99)
    }
    assert len(names) == 8
    assert all("/" not in name and "\\" not in name and name.strip(".") for name in names)


def test_the_command_line(finished: Path, tmp_path: Path) -> None:
    run = CliRunner()
    target = tmp_path / "x"
    line = ["export", str(finished), "--to", "geojson", "--out", str(target)]
    done = run.invoke(app, line)
    assert done.exit_code == 0
    assert f"written: {target}" in done.stdout
    assert run.invoke(app, [*line, "--overwrite"]).exit_code == 0
    for wrong in (["--images", "link"], ["--ome-zarr-version", "0.3"]):
        with pytest.raises(RequestError, match="is not known"):
            run.invoke(app, [*line, *wrong], catch_exceptions=False)


def contents(place: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in sorted(place.rglob("*"))
        if path.is_file()
    }


class FullDisk:
    """Takes so many files, and then part of one; arrays are cut as NumPy says it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.room = room
        real_bytes, real_open = Path.write_bytes, Path.open

        def write_bytes(path: Path, data: bytes) -> int:
            self.take(lambda: real_bytes(path, data[: len(data) // 2]))
            return real_bytes(path, data)

        def opened(path: Path, mode: str = "r", *args: object, **more: object) -> object:
            if "w" in mode or "a" in mode:
                self.take(lambda: None)
            return real_open(path, mode, *args, **more)  # type: ignore[call-overload]

        def imwrite(path: Path, *args: object, **more: object) -> None:
            raise OSError("18432 requested and 5960 written")

        monkeypatch.setattr(Path, "write_bytes", write_bytes)
        monkeypatch.setattr(Path, "open", opened)
        if room == 0:
            monkeypatch.setattr(tifffile, "imwrite", imwrite)

    def take(self, half: object) -> None:
        self.room -= 1
        if self.room < 0:
            half()  # type: ignore[operator]
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("to", "room"),
    [
        # Some files are written by libraries, in their own ways.
        ("ome-zarr", 1), ("ome-zarr", 3), ("roi", 0), ("coco", 0), ("coco", 1), ("geojson", 0),
        ("geojson", 1), ("parquet", 0), ("parquet", 1), ("xlsx", 0),
    ],
)  # fmt: skip
def test_a_full_disk_keeps_the_export_that_is_there(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str, room: int
) -> None:
    needed = {"ome-zarr": "zarr", "roi": "roifile", "parquet": "pyarrow"}
    if to in needed:
        pytest.importorskip(needed[to])
    target = tmp_path / "there" / ("tables.xlsx" if to == "xlsx" else "export")
    images = None if to in ("xlsx", "parquet") else "copy"
    target.parent.mkdir()
    export_run(finished, to, target, images=images)
    before = contents(tmp_path)
    with monkeypatch.context() as patch:
        disk = FullDisk(patch, room)
        with pytest.raises(OutputError, match=r"disk that holds .* is full.*make room"):
            export_run(finished, to, target, images=images, overwrite=True)
        assert disk.room <= 0
    assert contents(tmp_path) == before


def test_an_export_that_does_not_get_to_its_place_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, real = tmp_path / "export", os.replace
    place.mkdir()
    (place / "a").write_text("good")

    def replace(source: Path, target: Path) -> None:
        if Path(target) == place and (Path(source) / "b").exists():
            raise OSError(errno.EIO, "x")
        real(source, target)

    def write() -> None:
        with atomic_folder(place) as part:
            (part / "b").write_text("new")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(OSError, match="x"):
            write()
    assert contents(tmp_path) == {"export/a": b"good"}

    class Killed(BaseException):
        pass

    # Ended between the two renames: nothing is done any more.
    def killed(source: Path, target: Path) -> None:
        if Path(target) == place:
            raise Killed
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(Killed):
            write()
    assert not place.exists()

    def fail() -> None:
        with atomic_folder(place):
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert contents(tmp_path) == {"export/a": b"good"}


@pytest.mark.parametrize("what", ["image", "table of the run", "pipe", "broken link", "folder"])
def test_tables_replace_only_tables_of_their_kind(out: Path, tmp_path: Path, what: str) -> None:
    """Also if told to overwrite: a slip of the hand must not cost an image or a run's table."""
    target = out / "wells.csv" if what == "table of the run" else tmp_path / "x"
    if what == "image":
        write(target, draw(14, size=64, centre=(32, 32)))
    elif what == "pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("no pipes here")
        os.mkfifo(target)
    elif what == "broken link":
        target.symlink_to(tmp_path / "nowhere")
    elif what == "folder":
        (target / "inside").mkdir(parents=True)
    before = contents(tmp_path)
    with pytest.raises(RequestError, match="no file that an export to xlsx writes"):
        export_run(out, "xlsx", target, overwrite=True)
    assert contents(tmp_path) == before
    place = tmp_path / "tables.xlsx"
    for _ in range(2):
        export_run(out, "xlsx", place, overwrite=True)
    assert place.read_bytes().startswith(b"PK")


def test_a_folder_where_tables_of_a_run_get_to_is_said(out: Path) -> None:
    (out / "tables.xlsx").mkdir()
    with pytest.raises(RequestError, match="no file that an export to xlsx writes"):
        export_run(out, "xlsx")
