"""ND2, CZI, LIF and VSI: each image of a file with its axes, names, times and pixel size."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from spheroid_qc.errors import ImageError
from spheroid_qc.frames import optional_readers
from spheroid_qc.frames.optional_readers import OPTIONAL_READERS, OptionalReader, without_reader
from spheroid_qc.images import ImageFile, isolated_process, open_image, probe, read_plane
from spheroid_qc.parameters import ImageParameters

from .made_formats import spheroid, write_czi

MAGIC = {
    "nd2": b"\xda\xce\xbe\x0a",
    "czi": b"ZISRAWFILE",
    "lif": b"\x70\x00\x00\x00",
    "vsi": b"II*\x00\x08\x00\x00\x00",
}


@pytest.fixture
def sample(shared: Path) -> Callable[[str, str], Path]:
    """Give a real file; skips where it, or its reader, is absent."""

    def find(name: str, module: str) -> Path:
        pytest.importorskip(module, reason="the extra `formats` is not installed")
        path = shared / "formats" / name
        if not path.exists():
            pytest.skip(f"the reference material has no {name}")
        return path

    return find


def refusal(path: Path) -> str:
    """The one sentence that a file is refused with, however it is asked for."""
    with pytest.raises(ImageError) as caught:
        read_plane(path)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    with pytest.raises(ImageError):
        probe(path)
    return message


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    missing = {
        suffix: OptionalReader(f"no_{one.module}", one.title, one.extra)
        for suffix, one in OPTIONAL_READERS.items()
    }
    for suffix, one in missing.items():
        monkeypatch.setitem(optional_readers.OPTIONAL_READERS, suffix, one)
    without_reader.cache_clear()
    yield
    without_reader.cache_clear()


@pytest.mark.parametrize("kind", sorted(MAGIC))
def test_a_missing_reader_is_one_line_to_type(
    kind: str, tmp_path: Path, nothing_installed: None
) -> None:
    path = tmp_path / f"B03.{kind}"
    path.write_bytes(MAGIC[kind] + bytes(200))
    assert 'pip install "spheroid_qc[formats]"' in refusal(path)


def test_the_base_imports_none_of_them() -> None:
    code = (
        "import sys, spheroid_qc.images, spheroid_qc.images.read_image, "
        "spheroid_qc.frames.images_in_files, spheroid_qc.run.run_images\n"
        "print([m for m in ('nd2', 'pylibCZIrw', 'liffile', 'bioio_vsi', 'zarr', "
        "'ome_zarr_models') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_czi_with_scenes(tmp_path: Path) -> None:
    path = write_czi(
        tmp_path / "a.czi", scenes=2, times=3, channels=("BF", "GFP"), increment_s=1800
    )
    found = probe(path)
    assert found is not None
    assert [one.held.name for one in found.images] == ["Scene 1", "Scene 2"]
    assert [one.n_times for one in found.images] == [3, 3]
    assert found.images[0].times_h == pytest.approx((0, 0.5, 1.0))
    with ImageFile(path) as file:
        info = file.info_of(1)
        assert (info.height, info.width, info.n_c, info.n_z) == (96, 96, 2, 1)
        assert info.channel_names == ("BF", "GFP")
        assert info.calibration.pixel_size_um == pytest.approx(0.65)
        for image, time, channel in [(0, 0, 0), (0, 2, 1), (1, 1, 0), (1, 2, 1)]:
            plane = file.plane(time, channel, image)
            assert np.array_equal(plane.pixels, spheroid(10 * image + 3 * time + channel))
        assert file.plane().pixels.shape == (96, 96)
        assert "2 images (series)" in file.info.unused
        assert not file.info_of(0).unused
        with pytest.raises(ImageError, match="no image 3"):
            file.plane(image=2)


def test_czi_names_its_wells(tmp_path: Path) -> None:
    scenes = "".join(
        f'<Scene Index="{n}" Name="P{n + 1}"><ArrayName>{well}</ArrayName>'
        f"<CenterPosition>{100 * n}.5,20</CenterPosition></Scene>"
        for n, well in enumerate(("B2", "B3"))
    )
    path = write_czi(tmp_path / "a.czi", scenes=2, scene_xml=scenes)
    found = probe(path)
    assert found is not None
    assert [(one.held.name, one.held.well) for one in found.images] == [
        ("P1", "B02"),
        ("P2", "B03"),
    ]
    with ImageFile(path) as file:
        assert file.info_of(1).positions == ((100.5, 20.0),)


def test_a_plane_that_is_not_in_a_czi_is_not_black(tmp_path: Path) -> None:
    czi = pytest.importorskip("pylibCZIrw.czi", reason="the extra `formats` is not installed")
    path = tmp_path / "a.czi"
    with czi.create_czi(str(path)) as file:
        for time, scene in [(0, 0), (1, 0), (0, 1)]:
            file.write(
                spheroid()[..., None],
                plane={"T": time, "C": 0, "Z": 0},
                scene=scene,
                location=(200 * scene, 0),
            )
    with ImageFile(path) as opened:
        assert opened.plane(1, image=0).pixels.any()
        with pytest.raises(ImageError, match="no plane for time 2"):
            opened.plane(1, image=1)


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.7, 0.98])
def test_a_czi_that_is_cut_short_ends_in_a_sentence(tmp_path: Path, kept: float) -> None:
    path = write_czi(tmp_path / "a.czi", scenes=2, times=2)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(ImageError, match=r"^a\.czi.*\.$"):
        probe(path)


def test_a_file_that_ends_or_holds_up_its_process_costs_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that looks is replaced, and the next file is read."""
    whole = write_czi(tmp_path / "a.czi")
    for end in ("import os; os.abort()", "import time; time.sleep(60)"):
        monkeypatch.setattr(isolated_process, "_START", end)
        monkeypatch.setattr(isolated_process, "LONGEST_S", 1.0)
        isolated_process._opener.end()
        with pytest.raises(ImageError, match="ended or held up the process"):
            probe(whole)
        monkeypatch.undo()
    found = probe(whole)
    assert found is not None
    assert found.images[0].n_times == 1


def test_pixels_that_end_the_process_cost_a_sentence_and_the_next_plane_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_czi(tmp_path / "a.czi", times=2)
    abort = (
        "import os; from spheroid_qc.images.instrument_formats import czi_file; "
        "read = czi_file.CZIReader.read; czi_file.CZIReader.read = lambda self, image, time, *rest:"
        " os.abort() if time else read(self, image, time, *rest); "
    )
    monkeypatch.setattr(isolated_process, "_START", abort + isolated_process._START)
    isolated_process._opener.end()
    with ImageFile(path) as opened:
        with pytest.raises(ImageError, match="ended or held up the process"):
            opened.plane(1)
        assert opened.plane(0).pixels.any()
    isolated_process._opener.end()


@pytest.mark.parametrize("kind", ["nd2", "czi", "lif"])
def test_a_header_alone_is_damage(kind: str, tmp_path: Path) -> None:
    pytest.importorskip(OPTIONAL_READERS[kind].module, reason="the extra is not installed")
    path = tmp_path / f"a.{kind}"
    path.write_bytes(MAGIC[kind] + bytes(300))
    assert refusal(path).startswith(f"a.{kind} can't be read")


def test_a_picture_called_czi_is_a_picture(tmp_path: Path) -> None:
    import tifffile

    tifffile.imwrite(tmp_path / "a.tif", spheroid())
    (tmp_path / "a.tif").rename(tmp_path / "a.czi")
    assert read_plane(tmp_path / "a.czi").pixels.shape == (96, 96)


FAKE_VSI = '''
"""What `bioio-vsi` offers of a file, as far as it is used."""

import types

import numpy as np

from tests.images.made_formats import spheroid


class Reader:
    scenes = ("Group 1: BF",)
    channel_names = ("BF", "GFP")
    dtype = np.dtype("uint16")
    dims = types.SimpleNamespace(T=2, C=2, Z=1, Y=96, X=96)
    physical_pixel_sizes = types.SimpleNamespace(X=0.5, Y=0.5, Z=None)
    time_interval = None

    def __init__(self, path):
        self.scene = ""

    def set_scene(self, scene):
        self.scene = scene

    def get_image_dask_data(self, axes, **at):
        assert axes == "YX"
        pixels = spheroid(3 * at["T"] + at["C"])
        return types.SimpleNamespace(compute=lambda scheduler: pixels)
'''


def test_vsi_through_its_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No real VSI was at hand: only that what the library gives is handed on."""
    (tmp_path / "libraries").mkdir()
    (tmp_path / "libraries" / "bioio_vsi.py").write_text(FAKE_VSI)
    monkeypatch.syspath_prepend(tmp_path / "libraries")
    without_reader.cache_clear()
    isolated_process._opener.end()
    path = tmp_path / "B03.vsi"
    path.write_bytes(MAGIC["vsi"] + bytes(200))
    try:
        plane = read_plane(path, time=1, channel="GFP")
        info = open_image(path)
    finally:
        without_reader.cache_clear()
        isolated_process._opener.end()
    assert np.array_equal(plane.pixels, spheroid(4))
    assert info.calibration.pixel_size_um == 0.5
    assert "experimental" in info.notes[0]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system bounds no memory")
def test_a_file_that_asks_for_all_memory_costs_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a compressed plane that says of itself that it is endless."""
    path = write_czi(tmp_path / "a.czi")
    greedy = (
        "import numpy; from spheroid_qc.images.instrument_formats import czi_file; "
        "czi_file.CZIReader.read = lambda self, *at: numpy.ones(2 * 2**30, numpy.uint8); "
    )
    monkeypatch.setattr(isolated_process, "_START", greedy + isolated_process._START)
    isolated_process._opener.end()
    try:
        with (
            ImageFile(path, ImageParameters(max_megapixels=4)) as opened,
            pytest.raises(ImageError, match="more memory than there is"),
        ):
            opened.plane(0)
    finally:
        isolated_process._opener.end()


@pytest.mark.real
def test_real_nd2(sample: Callable[[str, str], Path]) -> None:
    path = sample("cluster.nd2", "nd2")
    with ImageFile(path) as file:
        info = file.info
        assert (info.n_t, info.n_c, info.n_z, info.height, info.width) == (3, 2, 10, 31, 38)
        assert info.calibration.pixel_size_um == pytest.approx(0.168, abs=0.001)
        assert info.channel_names[0].startswith("5-FAM")
        assert info.bits == 12
        assert info.acquired is not None
        assert info.acquired.date().isoformat() == "2014-06-18"
        assert info.times_h is not None
        assert info.times_h[2] * 3600 == pytest.approx(21.3, abs=0.1)
        import nd2

        with nd2.ND2File(path) as direct:
            whole = direct.asarray()  # (T, Z, C, Y, X)
        for time, channel in [(0, 0), (2, 1)]:
            plane = file.plane(time, channel)
            assert plane.z is not None
            assert np.array_equal(plane.pixels, whole[time, plane.z, channel])


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "scenes", "shape"),
    [("B03_t2.czi", 1, (2, 1)), ("made_t3c2_scenes2.czi", 2, (3, 2))],
)
def test_reference_czi(
    sample: Callable[[str, str], Path], name: str, scenes: int, shape: tuple[int, int]
) -> None:
    path = sample(name, "pylibCZIrw")
    with ImageFile(path) as file:
        assert len(file.held) == scenes
        info = file.info_of(scenes - 1)
        assert (info.n_t, info.n_c) == shape
        assert (info.height, info.width) == (128, 160)
        assert info.calibration.pixel_size_um == pytest.approx(0.65)
        assert file.plane(info.n_t - 1, image=scenes - 1).pixels.std() > 0


@pytest.mark.real
def test_real_lif_with_wavelengths(sample: Callable[[str, str], Path]) -> None:
    path = sample("LeicaLASX_wavelength-sweep_example.lif", "liffile")
    import liffile

    with ImageFile(path) as file, liffile.LifFile(path) as direct:
        assert [held.name for held in file.held] == [one.path for one in direct.images]
        assert [file.info_of(n).n_c for n in range(3)] == [20, 15, 10]
        info = file.info_of(2)
        assert (info.n_t, info.n_z, info.height, info.width) == (2, 11, 64, 64)
        assert info.channel_names[:2] == ("550 nm", "555 nm")
        assert info.calibration.pixel_size_um == pytest.approx(0.1048, abs=1e-4)
        whole = direct.images[2].asarray()  # (T, wavelength, Z, Y, X)
        for time, channel in [(0, 0), (1, 9)]:
            plane = file.plane(time, channel, 2)
            assert plane.z is not None
            assert np.array_equal(plane.pixels, whole[time, channel, plane.z])


@pytest.mark.real
def test_real_lif_without_pictures_is_refused(
    sample: Callable[[str, str], Path],
) -> None:
    message = refusal(sample("xz-example.lif", "liffile"))
    assert "z-x" in message
