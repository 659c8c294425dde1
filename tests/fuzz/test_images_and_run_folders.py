"""Images, masks, records and whole run folders of any content end in a sentence or an answer."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from spheroid_qc import Parameters, analyse, run_plate
from spheroid_qc.errors import ImageError, SpheroidQCError
from spheroid_qc.images.read_image import ImageFile
from spheroid_qc.parameters import ImageParameters
from spheroid_qc.report.kept_tiles import make_tile, read_tiles, tile_key, write_tiles
from spheroid_qc.run.run_request import RunRequest, plan_run
from spheroid_qc.run.store.corrected_masks import corrected_record
from spheroid_qc.run.store.mask_files import read_masks, write_masks
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.store.well_records import read_record, write_record
from spheroid_qc.run.tables.write_tables import write_tables
from spheroid_qc.run.worker_processes import Workers
from spheroid_qc.segmentation import Segmentation
from tests.fuzz.conftest import damaged, fuzzed, fuzzed_slowly, quick
from tests.images.test_metamorph import stack
from tests.run.conftest import draw, write

LIMIT = ImageParameters(max_megapixels=4.0)


def tiffs() -> list[bytes]:
    """Files of several kinds, small enough that every byte is hit."""
    pixels = np.arange(3 * 24 * 20, dtype=np.uint16).reshape(3, 24, 20)
    kinds: list[tuple[Any, dict[str, Any]]] = [
        (pixels[0], {}),
        (pixels, {"ome": True, "metadata": {"axes": "TYX", "PhysicalSizeX": 2.0}}),
        (pixels, {"imagej": True, "metadata": {"axes": "ZYX", "spacing": 2.0}}),
        (pixels[0], {"compression": "zlib", "predictor": True, "tile": (16, 16)}),
        (pixels[0].astype(np.uint8), {"compression": "lzw", "bigtiff": True}),
        (pixels[0].astype(np.float32), {"compression": "zstd", "rowsperstrip": 5}),
        (np.zeros((24, 20, 3), np.uint8), {"photometric": "rgb", "planarconfig": "separate"}),
        (np.zeros((24, 20, 3), np.uint8), {"photometric": "rgb", "compression": "jpeg"}),
    ]
    found = []
    for array, options in kinds:
        stream = io.BytesIO()
        tifffile.imwrite(stream, array, **options)
        found.append(stream.getvalue())
    with tempfile.TemporaryDirectory() as folder:
        found.append(stack(Path(folder) / "A2.stk", pixels, [0] * 3, [0, 5, 9]).read_bytes())
    for kind in ("PNG", "JPEG", "BMP"):
        stream = io.BytesIO()
        Image.fromarray(pixels[0].astype(np.uint8)).save(stream, format=kind)
        found.append(stream.getvalue())
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@fuzzed
@given(data=st.sampled_from(tiffs()).flatmap(damaged))
def test_images(folder: Path, data: bytes) -> None:
    path = folder / "x.tif"
    path.write_bytes(data)
    with quick(), suppress(ImageError), ImageFile(path, LIMIT) as image:
        for time in range(min(image.info.n_t, 3)):
            assert image.plane(time).pixels.ndim == 2


def mask(folder: Path) -> bytes:
    labels = np.zeros((100, 30), np.int32)
    labels[10:40, 5:20] = 1
    path = folder / "whole.ome.tif"
    write_masks(path, Segmentation(labels, labels[::-1] > 0, 1.0, "x"), 2.0)
    return path.read_bytes()


@fuzzed
@given(data=st.data())
def test_masks(folder: Path, data: st.DataObject) -> None:
    path = folder / "m.ome.tif"
    path.write_bytes(data.draw(damaged(mask(folder))))
    with quick(), suppress(ImageError):
        core, shed = read_masks(path, LIMIT.max_megapixels)
        assert core.shape == shed.shape


_odd = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([]),
    st.just({}), st.sampled_from(["../../x", "/etc/passwd", "=1+1", "<b>", "a" * 3000, -1, 1e308]),
)  # fmt: skip


@st.composite
def altered(draw: st.DrawFn, value: Any, depth: int = 0) -> Any:
    """Change something somewhere in nested data."""
    if isinstance(value, dict) and value and (depth < 2 or draw(st.integers(0, 4))):
        key = draw(st.sampled_from(sorted(value)))
        kind = draw(st.sampled_from(["go on", "go on", "go on", "drop", "add"]))
        rest = {name: item for name, item in value.items() if name != key}
        if kind == "drop":
            return rest
        if kind == "add":
            return value | {draw(st.text(max_size=5)): draw(_odd)}
        return value | {key: draw(altered(value[key], depth + 1))}
    if isinstance(value, list) and value and (depth < 2 or draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(value) - 1))
        kind = draw(st.sampled_from(["go on", "go on", "drop", "repeat"]))
        if kind == "drop":
            return value[:at] + value[at + 1 :]
        if kind == "repeat":
            return value + value[at : at + 1]
        return [*value[:at], draw(altered(value[at], depth + 1)), *value[at + 1 :]]
    return draw(_odd)


class Plate:
    """One well at two times, analysed once; every case changes a copy of it."""

    def __init__(self, folder: Path) -> None:
        self.images, self.out = folder / "images", folder / "out"
        for t in range(2):
            image = draw(14 - t, size=64, centre=(32, 32), seed=t)
            write(self.images / f"VID1_B2_1_00d{6 * t:02d}h00m.tif", image)
        run_plate(self.images, out=self.out, workers=0)
        self.run = RunFolder(self.out)
        (path,) = (self.out / "records").glob("*/B02.json")
        self.record = json.loads(path.read_bytes())
        with Workers(0) as pool:
            self.planned = plan_run(RunRequest(self.images, self.out, workers=0), pool)

    def restore(self) -> None:
        write_record(self.run, "VID1", "B02", self.record["moments"])


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Plate(tmp_path_factory.mktemp("plate"))  # type: ignore[return-value]


@fuzzed_slowly
@given(data=st.data())
def test_records(plate: Plate, data: st.DataObject) -> None:
    moments = data.draw(altered(plate.record["moments"]))
    try:
        write_record(plate.run, "VID1", "B02", moments)
        with quick():
            found = read_record(plate.run, "VID1", "B02")
            corrected_record(plate.run, "VID1", "B02")
            if found:
                write_tables(plate.planned)
    finally:
        plate.restore()


FILES = [
    "run.json", "wells.csv", "conditions.csv", "qc.csv", "frames.csv", "exclusions.csv",
    "acceptances.csv", "illumination.json", "adapter.npz", "records/overlays.json",
    "records/finished.json", "records/VID1_x/B02.json", "masks/VID1_B2_1_00d00h00m.ome.tif",
    "corrections/VID1_B2_1_00d00h00m.ome.tif", "corrections/VID1_B2_1_00d00h00m.json",
]  # fmt: skip


@fuzzed_slowly
@given(data=st.data())
def test_run_folders(plate: Plate, folder: Path, data: st.DataObject) -> None:
    """Read as `analyse` and the next run would, without analysing anything."""
    out = folder / "hostile"
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(plate.out, out)
    for name in data.draw(st.lists(st.sampled_from(FILES), min_size=1, max_size=2)):
        path = next(out.glob(name.replace("VID1_x", "VID1_*")), out / name)
        path.parent.mkdir(exist_ok=True)
        whole = path.read_bytes() if path.is_file() else (plate.out / "qc.csv").read_bytes()
        path.write_bytes(data.draw(damaged(whole)))
    with quick(), suppress(SpheroidQCError), Workers(0) as pool:
        planned = plan_run(RunRequest(plate.images, out, workers=0), pool)
        write_tables(planned)
    with quick(), suppress(SpheroidQCError):
        analyse(out, folder / "answer", parameters=Parameters(), workers=0)


@fuzzed
@given(data=st.data())
def test_kept_pictures(folder: Path, data: st.DataObject) -> None:
    path = folder / "A01.pictures.npz"
    tiles = {
        tile_key(n): make_tile(np.arange(64.0).reshape(8, 8) * n, "M0 0l1 1z", "", 1.5)
        for n in range(2)
    }
    write_tiles(path, tiles)
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    with quick():
        for key, found in read_tiles(path, 8).items():
            assert found.pixels.shape == (8, 8)
            assert (found.core, found.shed, found.um_per_px) == ("M0 0l1 1z", "", 1.5)
            assert key in tiles
