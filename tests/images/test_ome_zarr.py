"""OME-Zarr 0.4 and 0.5: plates, series and single images; nothing from outside of their folder."""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from spheroid_qc.errors import ImageError
from spheroid_qc.images import ImageFile, plate_calibration, probe, read_plane

from .made_formats import spheroid, write_group, write_zarr_image, write_zarr_plate

pytest.importorskip("zarr", reason="the extra `zarr` is not installed")
VERSIONS = ["0.4", "0.5"]


def stack(*numbers: int) -> np.ndarray:
    return np.stack([spheroid(number) for number in numbers])


def refusal(path: Path) -> str:
    with pytest.raises(ImageError) as caught:
        read_plane(path)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("version", VERSIONS)
def test_a_plate(tmp_path: Path, version: str) -> None:
    wells = {"B/2": [stack(1, 2), stack(3, 4)], "C/11": [stack(5, 6)]}
    path = write_zarr_plate(tmp_path / "P.ome.zarr", wells, version=version, labels=True)
    found = probe(path)
    assert found is not None
    listed = [(one.held.well, one.held.field, one.held.place) for one in found.images]
    assert listed == [("B02", 1, "B/2/0"), ("B02", 2, "B/2/1"), ("C11", 1, "C/11/0")]
    assert {one.held.plate for one in found.images} == {"P1"}
    assert all(one.times_h == (0.0, 6.0) for one in found.images)
    assert {one.held.frame_bytes for one in found.images} == {96 * 96 * 2}
    with ImageFile(path / "B" / "2" / "1") as file:
        assert file.info.name == "P.ome.zarr/B/2/1"
        assert file.info.calibration.pixel_size_um == pytest.approx(0.65)
        assert file.info.calibration.source == "ome"
        assert np.array_equal(file.plane(1).pixels, spheroid(4))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("axes", ["yx", "tyx", "czyx", "tczyx", "tcyx"])
def test_a_single_image_of_any_axes(tmp_path: Path, version: str, axes: str) -> None:
    sizes = {"t": 3, "c": 2, "z": 2}
    shape = [sizes[axis] for axis in axes[:-2]]
    planes = np.stack([spheroid(n) for n in range(int(np.prod(shape, initial=1)))])
    image = planes.reshape(*shape, 96, 96)
    names = ("phase", "GFP") if "c" in axes else ()
    path = write_zarr_image(
        tmp_path / "B03.zarr", image, axes, version=version, channels=names, labels=axes == "yx"
    )
    with ImageFile(path) as file:
        info = file.info
        assert (info.n_t, info.n_c, info.n_z) == tuple(
            sizes[axis] if axis in axes else 1 for axis in "tcz"
        )
        assert info.channel_names == (names or ("",))
        last = file.plane(info.n_t - 1, info.n_c - 1)
        at = [last.z if axis == "z" else sizes[axis] - 1 for axis in axes[:-2]]
        assert np.array_equal(last.pixels, image[tuple(at)])


def test_pixel_size_without_unit_is_not_taken(tmp_path: Path) -> None:
    path = write_zarr_image(tmp_path / "B03.zarr", spheroid(), "yx", um=None)
    with ImageFile(path) as file:
        assert file.info.calibration.pixel_size_um is None
    text = (path / "zarr.json").read_text().replace("1.0", "0.65")
    (path / "zarr.json").write_text(text)
    with ImageFile(path) as file:
        assert file.info.calibration.pixel_size_um is None
        assert "without a unit" in file.info.calibration.note


def test_times_without_unit_are_counted(tmp_path: Path) -> None:
    path = write_zarr_image(tmp_path / "B03.zarr", stack(1, 2), "tyx", hours=None)
    with ImageFile(path) as file:
        assert file.info.times_h is None


def test_series_of_bioformats2raw(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    write_group(path, {"bioformats2raw.layout": 3}, "0.4")
    for number in range(2):
        write_zarr_image(path / str(number), spheroid(number), "yx", version="0.4")
    found = probe(path)
    assert found is not None
    assert [one.held.place for one in found.images] == ["0", "1"]
    assert np.array_equal(read_plane(path / "1").pixels, spheroid(1))


def test_acquisitions_are_times_only_with_dates(tmp_path: Path) -> None:
    fields = [spheroid(1), spheroid(2)]
    dated = [{"id": 7, "starttime": 1_760_000_000_000}, {"id": 9, "starttime": 1_760_086_400_000}]
    told = write_zarr_plate(
        tmp_path / "a.zarr", {"B/2": fields}, axes="yx", acquisitions=dated, acquisition_of=[7, 9]
    )
    found = probe(told)
    assert found is not None
    assert [one.held.field for one in found.images] == [1, 1]
    assert found.images[1].held.acquired == datetime(2025, 10, 10, 8, 53, 20)
    open_ = write_zarr_plate(
        tmp_path / "b.zarr",
        {"B/2": fields},
        axes="yx",
        acquisitions=[{"id": 7}, {"id": 9}],
        acquisition_of=[7, 9],
    )
    found = probe(open_)
    assert found is not None
    assert all("acquisitions" in one.held.conflict for one in found.images)


def test_one_damaged_image_does_not_cost_the_plate(tmp_path: Path) -> None:
    wells = {"B/2": [stack(1, 2)], "B/3": [stack(3, 4)]}
    path = write_zarr_plate(tmp_path / "P.zarr", wells)
    (path / "B" / "3" / "0" / "0" / "zarr.json").write_text("{nonsense")
    found = probe(path)
    assert found is not None
    assert [one.held.well for one in found.images] == ["B02"]
    ((place, sentence),) = found.left_out
    assert place == "B/3/0"
    assert "damaged" in sentence


def test_a_chunk_that_is_cut_short(tmp_path: Path) -> None:
    path = write_zarr_image(tmp_path / "B03.zarr", stack(1, 2), "tyx")
    chunk = path / "0" / "c" / "1" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:50])
    assert read_plane(path, time=0).pixels.any()
    with pytest.raises(ImageError, match=r"B03\.zarr can't be read: .*\.$"):
        read_plane(path, time=1)


def test_a_plane_that_was_never_written_is_not_black(tmp_path: Path) -> None:
    path = write_zarr_image(tmp_path / "B03.zarr", stack(1, 2), "tyx")
    shutil.rmtree(path / "0" / "c" / "1")
    with pytest.raises(ImageError, match="no pixels for time 2"):
        read_plane(path, time=1)


def test_bytes_decide_the_digest(tmp_path: Path) -> None:
    one = write_zarr_image(tmp_path / "a.zarr", stack(1, 2), "tyx")
    two = write_zarr_image(tmp_path / "b.zarr", stack(1, 2), "tyx")
    three = write_zarr_image(tmp_path / "c.zarr", stack(1, 3), "tyx")
    digests = []
    for path in (one, two, three):
        with ImageFile(path) as file:
            digests.append(file.sha256)
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_leads_out(tmp_path: Path, version: str) -> None:
    """Links, and names with `..`, in place of images, arrays and chunks."""
    secret = write_zarr_image(tmp_path / "secret.zarr", stack(8, 9), "tyx", version=version)

    def fresh(name: str) -> Path:
        return write_zarr_plate(tmp_path / name, {"B/2": [stack(1, 2)]}, version=version)

    def told(path: Path, old: str, new: str) -> None:
        meta = path / ("zarr.json" if version == "0.5" else ".zattrs")
        meta.write_text(meta.read_text().replace(f'"path": "{old}"', f'"path": "{new}"'))

    named = fresh("named.zarr")
    told(named / "B" / "2", "0", "../../../secret.zarr")
    array = fresh("array.zarr")
    told(array / "B" / "2" / "0", "0", "../../../../secret.zarr/0")
    for path in (named, array):
        with pytest.raises(ImageError, match="leads out of its folder"):
            probe(path)
    if not hasattr(os, "symlink"):
        return
    image = fresh("image.zarr")
    shutil.rmtree(image / "B" / "2" / "0")
    (image / "B" / "2" / "0").symlink_to(secret, target_is_directory=True)
    with pytest.raises(ImageError, match="leads out of its folder"):
        probe(image)
    assert "leads out" in refusal(image / "B" / "2" / "0")
    chunk = fresh("chunk.zarr")
    files = [path for path in sorted((chunk / "B/2/0/0").rglob("*")) if path.is_file()]
    first = next(path for path in files if path.name[0].isdigit())
    first.unlink()
    first.symlink_to(tmp_path / "secret.zarr" / "0" / first.relative_to(chunk / "B/2/0/0"))
    assert "leads out" in refusal(chunk / "B" / "2" / "0")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_in_place_of_a_chunk_does_not_hang(tmp_path: Path) -> None:
    path = write_zarr_image(tmp_path / "B03.zarr", stack(1), "tyx")
    chunk = path / "0" / "c" / "0" / "0" / "0"
    chunk.unlink()
    os.mkfifo(chunk)
    assert "regular file" in refusal(path)


@pytest.mark.parametrize("place", ["compressor", "filters"])
def test_codecs_that_run_what_they_read_are_refused(tmp_path: Path, place: str) -> None:
    path = write_zarr_image(tmp_path / "B03.zarr", stack(1), "tyx", version="0.4")
    meta = json.loads((path / "0" / ".zarray").read_text())
    meta[place] = {"id": "pickle"} if place == "compressor" else [{"id": "pickle"}]
    (path / "0" / ".zarray").write_text(json.dumps(meta))
    assert "the codec 'pickle'" in refusal(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shape": [10**6, 10**6]}, "megapixels"),
        ({"shape": "many"}, "unknown kind"),
        ({"dtype": "|O"}, "no picture"),
        ({"chunks": [10**6, 10**6]}, "GB"),
        ({"shape": [96]}, "do not fit"),
    ],
)
def test_headers_that_lie(tmp_path: Path, change: dict[str, object], said: str) -> None:
    path = write_zarr_image(tmp_path / "B03.zarr", spheroid(), "yx", version="0.4")
    meta = json.loads((path / "0" / ".zarray").read_text()) | change
    (path / "0" / ".zarray").write_text(json.dumps(meta))
    assert said in refusal(path)


def test_what_is_no_image_is_said(tmp_path: Path) -> None:
    bare = tmp_path / "bare.zarr"
    write_group(bare, {}, "0.5")
    assert "neither an image nor a plate" in refusal(bare)
    (tmp_path / "empty.zarr").mkdir()
    assert "no Zarr metadata" in refusal(tmp_path / "empty.zarr")
    old = write_zarr_image(tmp_path / "old.zarr", spheroid(), "yx", version="0.4")
    (old / ".zattrs").write_text((old / ".zattrs").read_text().replace('"0.4"', '"0.1"'))
    assert "OME-Zarr 0.1" in refusal(old)
    labels = write_zarr_image(tmp_path / "l.zarr", spheroid(), "yx", labels=True)
    write_group(labels, {"image-label": {}}, "0.5")
    assert "label image" in refusal(labels)


def test_the_standard_says_what_is_missing(tmp_path: Path) -> None:
    pytest.importorskip("ome_zarr_models")
    path = write_zarr_image(tmp_path / "a.zarr", spheroid(), "yx")
    meta = json.loads((path / "zarr.json").read_text())
    del meta["attributes"]["ome"]["multiscales"][0]["axes"]
    (path / "zarr.json").write_text(json.dumps(meta))
    assert "axes: Field required" in refusal(path)


def test_plate_files_are_not_looked_for_among_chunks(tmp_path: Path) -> None:
    path = write_zarr_image(tmp_path / "B03.zarr", spheroid(), "yx")
    (path / "0" / "pixel_size.txt").write_text("3 um")
    assert not plate_calibration(tmp_path).notes


@pytest.mark.real
@pytest.mark.parametrize("name", ["plate04.ome.zarr", "plate05.ome.zarr"])
def test_reference_plates(shared: Path, name: str) -> None:
    path = shared / "formats" / name
    if not path.exists():
        pytest.skip(f"the reference material has no {name}")
    import zarr

    found = probe(path)
    assert found is not None
    assert [one.held.well for one in found.images] == ["B02", "C02", "D02", "E02"]
    assert {(one.n_times, one.held.plate) for one in found.images} == {(3, "tiny")}
    whole = zarr.open_array(path / "D" / "2" / "0" / "s0", mode="r")[...]
    with ImageFile(path / "D" / "2" / "0") as file:
        assert np.array_equal(file.plane(2).pixels, whole[2, 0])
        assert file.info.calibration.pixel_size_um is None


@pytest.mark.parametrize("version", VERSIONS)
def test_wells_that_are_listed_and_not_there_are_said(tmp_path: Path, version: str) -> None:
    wells = {"B/2": [stack(1)], "B/3": [stack(2)], "B/4": [stack(3)]}
    path = write_zarr_plate(tmp_path / "P.zarr", wells, version=version)
    shutil.rmtree(path / "B" / "3")
    meta = path / "B" / "4" / ("zarr.json" if version == "0.5" else ".zattrs")
    meta.write_text(meta.read_text()[:-9])
    found = probe(path)
    assert found is not None
    assert [one.held.well for one in found.images] == ["B02"]
    (lost, lost_why), (damaged, damaged_why) = found.left_out
    assert (lost, damaged) == ("B/3", "B/4")
    assert "listed and not there" in lost_why
    assert "damaged" in damaged_why


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("listed", [False, True])
def test_one_lost_image_does_not_hide_the_rest(tmp_path: Path, version: str, listed: bool) -> None:
    path = tmp_path / "a.zarr"
    write_group(path, {"bioformats2raw.layout": 3}, version)
    for number in range(4):
        write_zarr_image(path / str(number), spheroid(number), "yx", version=version)
    if listed:
        write_group(path / "OME", {"series": ["0", "1", "2", "3"]}, version)
    for name in ("zarr.json", ".zattrs", ".zgroup"):
        (path / "1" / name).unlink(missing_ok=True)
    found = probe(path)
    assert found is not None
    assert [one.held.place for one in found.images] == ["0", "2", "3"]
    assert [place for place, _ in found.left_out] == ["1"]


PACKED_3 = ["gzip", "zstd", "blosc"]


@pytest.mark.parametrize("packed", [*PACKED_3, "zlib", "bz2", "lzma", "lz4"])
@pytest.mark.parametrize("form", ["2", "3", "3 in shards"])
def test_chunks_that_unpack_to_more_than_their_chunk(
    tmp_path: Path, packed: str, form: str
) -> None:
    """What fits is read with every codec; a chunk of 128 kB that holds 2 MB is not unpacked."""
    import numcodecs
    import zarr
    from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

    if form == "2":
        codec = numcodecs.get_codec({"id": packed})
    elif packed not in PACKED_3:
        pytest.skip("no codec of Zarr 3")
    else:
        codec = {"gzip": GzipCodec, "zstd": ZstdCodec, "blosc": BloscCodec}[packed]()
    version = "0.4" if form == "2" else "0.5"

    def written(name: str, pixels: np.ndarray, side: int) -> Path:
        path = write_zarr_image(tmp_path / name, pixels, "yx", version=version)
        array = zarr.create_array(
            store=str(path / "0"),
            shape=pixels.shape,
            dtype=pixels.dtype,
            chunks=(side, side),
            shards=(side, side) if "shards" in form else None,
            compressors=codec,
            zarr_format=int(form[0]),
            overwrite=True,
        )
        array[...] = pixels
        return path

    noise = np.random.default_rng(1).integers(0, 65_536, (256, 256)).astype(np.uint16)
    assert np.array_equal(read_plane(written("a.zarr", noise, 128)).pixels, noise)
    bomb = written("b.zarr", np.full((1024, 1024), 7, np.uint16), 1024)
    for meta in (bomb / "0" / ".zarray", bomb / "0" / "zarr.json"):
        if meta.exists():
            meta.write_text(meta.read_text().replace("1024", "256"))
    assert "unpacks to more" in refusal(bomb)
