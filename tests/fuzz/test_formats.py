"""Files of instruments and OME-Zarr of any content end in a sentence or an answer."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spheroid_qc.errors import ImageError, SpheroidQCError
from spheroid_qc.frames.frame_table import frame_table
from spheroid_qc.frames.held_images import HeldImage
from spheroid_qc.frames.time_axis import Probe
from spheroid_qc.images import probe
from spheroid_qc.images.read_image import ImageFile
from spheroid_qc.parameters import ImageParameters, PlateParameters
from tests.fuzz.conftest import damaged, fuzzed, fuzzed_slowly, quick
from tests.fuzz.test_images_and_run_folders import altered
from tests.images.made_formats import spheroid, write_czi, write_zarr_plate

LIMIT = ImageParameters(max_megapixels=4.0)


def read_all(path: Path) -> None:
    """Ask for everything, as a run does."""
    with suppress(ImageError):
        probe(path, LIMIT)
    with suppress(ImageError), ImageFile(path, LIMIT) as file:
        for image in range(min(len(file.held), 3)):
            with suppress(ImageError):
                for time in range(min(file.info_of(image).n_t, 2)):
                    assert file.plane(time, image=image).pixels.ndim == 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("formats")


@pytest.fixture(scope="module")
def czi(folder: Path) -> bytes:
    return write_czi(folder / "whole.czi", scenes=2, times=2).read_bytes()


@fuzzed_slowly
@given(data=st.data())
def test_czi(folder: Path, czi: bytes, data: st.DataObject) -> None:
    """A damaged one may end the process that opens it, pixels and all, which is not this one."""
    # A new name each time: the file before may still be mapped into the memory of that process.
    path = folder / f"{data.draw(st.uuids())}.czi"
    path.write_bytes(data.draw(damaged(czi)))
    with quick():
        read_all(path)
    path.unlink()


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "module"),
    [("cluster.nd2", "nd2"), ("LeicaLASX_wavelength-sweep_example.lif", "liffile")],
)
def test_nd2_and_lif(folder: Path, shared: Path, name: str, module: str) -> None:
    """No library writes these: real ones are damaged, in their first and last bytes above all."""
    pytest.importorskip(module, reason="the extra `formats` is not installed")
    source = shared / "formats" / name
    if not source.exists():
        pytest.skip(f"the reference material has no {name}")
    whole = source.read_bytes()
    path = folder / f"x{source.suffix}"

    @fuzzed
    @given(
        head=damaged(whole[:6000]),
        tail=damaged(whole[-6000:]),
        which=st.integers(0, 2),
    )
    def try_one(head: bytes, tail: bytes, which: int) -> None:
        path.write_bytes(
            (head if which != 1 else whole[:6000])
            + whole[6000:-6000]
            + (tail if which else whole[-6000:])
        )
        with quick():
            read_all(path)

    try_one()


@pytest.fixture(scope="module", params=["0.4", "0.5"])
def plate(request: pytest.FixtureRequest, folder: Path) -> Path:
    pytest.importorskip("zarr", reason="the extra `zarr` is not installed")
    wells = {"B/2": [np.stack([spheroid(0, size=32), spheroid(1, size=32)])]}
    return write_zarr_plate(folder / f"whole{request.param}.zarr", wells, version=request.param)


@fuzzed_slowly
@given(data=st.data())
def test_ome_zarr(folder: Path, plate: Path, data: st.DataObject) -> None:
    path = folder / "x.zarr"
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(plate, path)
    names = ["zarr.json", ".zattrs", ".zgroup", ".zarray"]
    files = sorted(one for one in path.rglob("*") if one.is_file())
    one = data.draw(st.sampled_from(files))
    if one.name in names and data.draw(st.booleans()):
        one.write_text(json.dumps(data.draw(altered(json.loads(one.read_text())))))
    else:
        one.write_bytes(data.draw(damaged(one.read_bytes())))
    with quick():
        read_all(path)
        if (path / "B" / "2" / "0").is_dir():
            read_all(path / "B" / "2" / "0")


_names = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["B3", "P1", "Scene 1", "../..", "/", "A/1/R1", "24h", "B03_f2", "\x00", "D16"]
    ),
)
_held = st.builds(
    HeldImage,
    name=_names,
    plate=st.sampled_from(["", "P", "a/b"]),
    well=st.sampled_from(["", "", "B03", "AF48"]),
    field=st.one_of(st.none(), st.integers(0, 3)),
)
_times = st.one_of(st.none(), st.just((0.0, 6.0)), st.just((float("nan"), 1e9)))
_files = st.lists(
    st.tuples(
        st.sampled_from(["B03", "scan", "B03_t2", "p_48h", "D16", "a b"]),
        st.lists(st.tuples(_held, _times), max_size=4),
    ),
    max_size=4,
    unique_by=lambda one: one[0],
)


@fuzzed
@given(files=_files, pattern=st.sampled_from([None, r"(?P<well>[A-P]\d+)"]))
def test_what_files_say_of_their_images(
    tmp_path_factory: pytest.TempPathFactory, files: list[Any], pattern: str | None
) -> None:
    """Whatever is told, every image is a frame or a finding, and no place is taken twice."""
    folder = tmp_path_factory.mktemp("held")
    told: dict[str, Any] = {}
    for name, images in files:
        (folder / f"{name}.ome.tif").write_text(name)
        told[f"{name}.ome.tif"] = images

    def ask(path: Path) -> Probe:
        images = [
            Probe(1 if times is None else 2, times, None, held, n)
            for n, (held, times) in enumerate(told[path.name])
        ]
        return Probe(1, images=tuple(images))

    with quick(), suppress(SpheroidQCError):
        table = frame_table(folder, PlateParameters(name_pattern=pattern), ask)
        places = [
            (f.plate, f.well, f.time_h, f.field, f.channel, f.z, f.timepoint) for f in table.frames
        ]
        assert len(set(places)) == len(places)
        assert {f.path for f in table.frames} <= set(told)
        for finding in table.findings:
            assert finding.message.endswith(".")
