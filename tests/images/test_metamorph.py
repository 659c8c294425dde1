"""MetaMorph stacks, and three grey planes that a program calls RGB."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from spheroid_qc.errors import ImageError
from spheroid_qc.frames.frame_table import frame_table
from spheroid_qc.images import open_image, probe, read_plane
from spheroid_qc.images.metadata_metamorph import read_metamorph
from spheroid_qc.parameters import ImageParameters, PlateParameters

JULIAN_2024_03_01 = 2460370


def stack(path: Path, planes: np.ndarray, distances: list[int], minutes: list[int]) -> Path:
    """Write a MetaMorph stack: one directory, all planes behind it, and UIC2."""
    count, height, width = planes.shape
    data = planes.astype("<u2").tobytes()
    uic2 = b"".join(
        struct.pack("<6I", distance, 1, JULIAN_2024_03_01, 60_000 * minute, 0, 0)
        for distance, minute in zip(distances, minutes, strict=True)
    )
    tags = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, 2 * width * height),
        (33628, 4, 1, 0), (33629, 5, count, 8 + len(data)),
    ]  # fmt: skip
    directory = struct.pack("<H", len(tags))
    directory += b"".join(struct.pack("<HHII", *tag) for tag in tags) + struct.pack("<I", 0)
    start = 8 + len(data) + len(uic2)
    path.write_bytes(b"II*\0" + struct.pack("<I", start) + data + uic2 + directory)
    return path


@pytest.fixture
def planes() -> np.ndarray:
    return np.random.default_rng(5).integers(100, 4000, (3, 40, 50)).astype(np.uint16)


def test_all_times_of_a_stack_are_read(tmp_path: Path, planes: np.ndarray) -> None:
    path = stack(tmp_path / "A02.stk", planes, [0, 0, 0], [0, 60, 150])
    info = open_image(path)
    assert (info.n_t, info.n_c, info.n_z) == (3, 1, 1)
    assert info.times_h == (0.0, 1.0, 2.5)
    assert info.acquired is not None
    assert f"{info.acquired:%Y-%m-%d %H:%M}" == "2024-03-01 00:00"
    for time in range(3):
        np.testing.assert_array_equal(read_plane(path, time=time).pixels, planes[time])


def test_the_day_is_counted_as_metamorph_counts() -> None:
    planes = {"DateCreated": [2451576], "TimeCreated": [54362783]}
    found = read_metamorph(1, planes, None).acquired
    assert found is not None
    assert f"{found:%Y-%m-%d %H:%M:%S}" == "2000-02-02 15:06:02"


def test_distances_make_a_focus_stack(tmp_path: Path, planes: np.ndarray) -> None:
    path = stack(tmp_path / "A02.stk", planes, [0, 5, 10], [0, 0, 0])
    info = open_image(path)
    assert (info.n_t, info.n_z) == (1, 3)
    highest = read_plane(path, ImageParameters(z="max")).pixels
    np.testing.assert_array_equal(highest, planes.max(axis=0))


def test_times_that_do_not_rise_are_no_times(tmp_path: Path, planes: np.ndarray) -> None:
    info = open_image(stack(tmp_path / "A02.tif", planes, [0, 0, 0], [0, 0, 0]))
    assert (info.n_t, info.times_h) == (3, None)


def test_wavelengths_in_turn_are_channels() -> None:
    found = read_metamorph(4, {"ZDistance": [0, 0, 0, 0]}, [488, 561, 488, 561])
    assert found.order == ("CTZ", (2, 2, 1))
    assert read_metamorph(4, {}, [488, 488, 561, 561]).order == ("CTZ", (4, 1, 1))
    assert read_metamorph(1, {}, None).order is None


def test_grey_planes_called_rgb_are_told_from_colour(write, picture) -> None:
    moved = np.stack([picture, np.roll(picture, 25, axis=1), np.roll(picture, 12, axis=0)])
    path = write(moved, "a.tif", photometric="rgb", planarconfig="separate")
    info = open_image(path)
    assert (info.n_c, info.colour) == (3, False)
    assert any("read as three channels" in note for note in info.notes)
    for channel in range(3):
        np.testing.assert_array_equal(
            read_plane(path, channel=str(channel + 1)).pixels, moved[channel]
        )
    colour = np.stack([picture, picture // 2, picture // 3])
    info = open_image(write(colour, "b.tif", photometric="rgb", planarconfig="separate"))
    assert (info.n_c, info.colour, info.notes) == (1, True, ())


def test_pages_that_are_not_read_are_said(tmp_path: Path, picture) -> None:
    import tifffile

    path = tmp_path / "A01.tif"
    with tifffile.TiffWriter(path) as out:
        for page in (picture, picture[:30, :40], picture[:30, :40]):
            out.write(page, contiguous=False)
    info = open_image(path)
    assert info.n_t == 1
    assert info.unused.startswith("2 of the 3 pages of A01.tif have another size")


def counted(data: bytes, count: int) -> bytes:
    """The stack with another number of planes in its UIC2."""
    (start,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, start)
    for place in range(start + 2, start + 2 + 12 * entries, 12):
        if struct.unpack_from("<H", data, place)[0] == 33629:
            return data[: place + 4] + struct.pack("<I", count) + data[place + 8 :]
    raise AssertionError


@pytest.mark.parametrize("count", [0, 1000, 10**8, 2**32 - 1])
def test_a_stack_that_does_not_say_how_many_planes_it_has_is_said(
    tmp_path: Path, planes: np.ndarray, count: int
) -> None:
    path = stack(tmp_path / "A02.stk", planes, [0, 0, 0], [0, 60, 150])
    path.write_bytes(counted(path.read_bytes(), count))
    info = open_image(path)
    assert (info.n_t, info.n_c, info.n_z) == (1, 1, 1)
    (note,) = info.notes
    assert note.startswith("How many pictures the MetaMorph stack A02.stk holds can't be read")
    np.testing.assert_array_equal(read_plane(path).pixels, planes[0])


def test_a_plane_that_a_stack_claims_and_does_not_hold_is_said(
    tmp_path: Path, planes: np.ndarray
) -> None:
    path = stack(tmp_path / "A02.stk", planes, [0, 0, 0], [0, 60, 150])
    path.write_bytes(counted(path.read_bytes(), 4))
    for time in range(3):
        np.testing.assert_array_equal(read_plane(path, time=time).pixels, planes[time])
    with pytest.raises(ImageError, match="it ends before its last picture"):
        read_plane(path, time=3)


def test_the_list_beside_a_stack_is_no_image_and_is_not_followed(
    tmp_path: Path, planes: np.ndarray
) -> None:
    """MetaMorph's `.nd` names files: what is in the folder counts, not what a list says of it."""
    folder = tmp_path / "images"
    folder.mkdir()
    stack(folder / "VID1_A2_1.stk", planes, [0, 0, 0], [0, 60, 150])
    lines = ['"NDInfoFile", Version 1.0', '"NTimePoints", 4000000000', '"Stage1", "../../etc"']
    (folder / "VID1_A2_1.nd").write_text("\n".join([*lines, '"WaveName1", "../../../x"']))
    table = frame_table(folder, PlateParameters(), probe)
    assert {frame.path for frame in table.frames} == {"VID1_A2_1.stk"}
    assert [finding.path for finding in table.findings] == ["VID1_A2_1.nd"]
