"""Files that hold several images: wells by metadata, by their names, by the file; or a question."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from spheroid_qc.errors import ImageError
from spheroid_qc.frames import optional_readers
from spheroid_qc.frames.frame_table import FrameTable, frame_table
from spheroid_qc.frames.held_images import HeldImage
from spheroid_qc.frames.inspect_folder import inspection, render
from spheroid_qc.frames.optional_readers import OPTIONAL_READERS, OptionalReader, without_reader
from spheroid_qc.frames.time_axis import Probe
from spheroid_qc.parameters import PlateParameters

Held = Sequence[HeldImage | str]
Make = Callable[..., FrameTable]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if all readers were there; none is called."""
    for suffix, one in OPTIONAL_READERS.items():
        reader = OptionalReader("json", one.title, one.extra)
        monkeypatch.setitem(optional_readers.OPTIONAL_READERS, suffix, reader)
    without_reader.cache_clear()
    yield
    without_reader.cache_clear()


@pytest.fixture
def make(tmp_path: Path, installed: None) -> Make:
    """Lay files into a folder and give its frame table; what they hold is told, not read."""

    made: list[FrameTable] = []

    def _make(
        files: Mapping[str, Held],
        *,
        pattern: str | None = None,
        times: int = 1,
        hours: Sequence[float] | None = None,
        left_out: Sequence[tuple[str, str]] = (),
    ) -> FrameTable:
        folder = tmp_path / str(len(made)) / "plate"
        for name in files:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith("zarr"):
                path.mkdir()
                (path / "zarr.json").write_text("{}")
                (path / "chunk").write_text("")
            else:
                path.write_text(name)

        def probe(path: Path) -> Probe | None:
            held = files[path.relative_to(folder).as_posix()]
            images = [HeldImage(one) if isinstance(one, str) else one for one in held]
            stated = None if hours is None else tuple(hours)
            return Probe(
                times,
                stated,
                images=tuple(Probe(times, stated, None, one, n) for n, one in enumerate(images)),
                left_out=tuple(left_out),
            )

        made.append(frame_table(folder, PlateParameters(name_pattern=pattern), probe))
        return made[-1]

    return _make


def places(table: FrameTable) -> list[tuple[str, int | None, str, str, int]]:
    return [(f.path, f.series, f.plate, f.well, f.field) for f in table.frames]


def findings(table: FrameTable) -> dict[str, str]:
    return {one.path: one.kind for one in table.findings}


def test_names_of_images_are_wells(make: Make) -> None:
    table = make({"scan.czi": ["B2", "B3", "C2"]})
    assert places(table) == [
        ("scan.czi", 0, "scan", "B02", 1),
        ("scan.czi", 1, "scan", "B03", 1),
        ("scan.czi", 2, "scan", "C02", 1),
    ]
    assert not table.findings


def test_names_of_images_are_read_like_names_of_files(make: Make) -> None:
    table = make({"scan.lif": ["B3_f1", "B3_f2", "B4_f1", "B4_f2"]})
    assert [(f.well, f.field) for f in table.frames] == [
        ("B03", 1), ("B03", 2), ("B04", 1), ("B04", 2)
    ]  # fmt: skip


def test_images_of_one_name_are_fields(make: Make) -> None:
    table = make({"scan.nd2": ["B3", "B3", "B4", "B4"]})
    assert [(f.well, f.field, f.series) for f in table.frames] == [
        ("B03", 1, 0), ("B03", 2, 1), ("B04", 1, 2), ("B04", 2, 3)
    ]  # fmt: skip


def test_images_without_wells_are_fields_of_the_files_well(make: Make) -> None:
    table = make({"B03.czi": ["Scene 1", "Scene 2"], "B04.czi": ["P1", "P2"]})
    assert [(f.path, f.series, f.well, f.field) for f in table.frames] == [
        ("B03.czi", 0, "B03", 1), ("B03.czi", 1, "B03", 2),
        ("B04.czi", 0, "B04", 1), ("B04.czi", 1, "B04", 2),
    ]  # fmt: skip
    assert not table.findings


def test_one_image_is_the_file(make: Make) -> None:
    table = make({"B03.nd2": [""], "B04.nd2": ["whatever"]})
    assert places(table) == [
        ("B03.nd2", None, "plate", "B03", 1),
        ("B04.nd2", None, "plate", "B04", 1),
    ]


def test_nothing_tells_a_well(make: Make) -> None:
    table = make({"scan.czi": ["Scene 1", "Scene 2"], "cluster.nd2": [""]})
    assert not table.frames
    assert findings(table) == {
        "scan.czi/Scene 1": "unread",
        "scan.czi/Scene 2": "unread",
        "cluster.nd2": "unread",
    }
    told = {one.path: one.message for one in table.findings}["scan.czi/Scene 1"]
    assert "name the positions after their wells" in told
    # What it says to type is a pattern that settles it.
    pattern = told.partition("--name-pattern '")[2].rpartition("'")[0]
    again = make({"scan.czi": ["Scene 1", "Scene 2"]}, pattern=pattern)
    assert [frame.well for frame in again.frames] == ["B02", "B03"]


def test_a_pattern_says_which_image_is_which_well(make: Make) -> None:
    pattern = r"(?P<well_B2>Scene 1$)|(?P<well_B3>Scene 2$)|(?P<well_C7>cluster)"
    table = make({"scan.czi": ["Scene 1", "Scene 2"], "cluster.nd2": [""]}, pattern=pattern)
    assert sorted((f.well, f.path, f.series) for f in table.frames) == [
        ("B02", "scan.czi", 0), ("B03", "scan.czi", 1), ("C07", "cluster.nd2", None)
    ]  # fmt: skip
    assert not table.findings
    assert not [note for note in table.notes if "without meaning" in note]


def test_what_may_be_a_position_or_a_well_is_asked(make: Make) -> None:
    """ZEN numbers its scenes P1, P2 ...: the first wells of row P, or positions."""
    table = make({"scan.czi": ["P1", "P2", "P3"]})
    assert not table.frames
    assert set(findings(table).values()) == {"doubtful"}
    (doubt,) = table.doubts
    assert doubt.paths == ("scan.czi/P1", "scan.czi/P2", "scan.czi/P3")


def test_a_name_of_a_file_that_may_be_two_things(make: Make) -> None:
    """What is in it settles it, or it is asked about like any other name."""
    told = make({"exp_D16.nd2": ["B3", "B4"]})
    assert [frame.well for frame in told.frames] == ["B03", "B04"]
    assert not told.doubts
    asked = make({"exp_D16.nd2": [""], "exp_D17.nd2": [""]})
    assert findings(asked) == {"exp_D16.nd2": "doubtful", "exp_D17.nd2": "doubtful"}
    assert asked.doubts[0].paths == ("exp_D16.nd2", "exp_D17.nd2")


def test_file_and_image_name_two_wells(make: Make) -> None:
    table = make({"B03.czi": ["C04"], "E05.czi": [HeldImage("x", well="E06")]})
    assert not table.frames
    assert findings(table) == {"B03.czi": "conflict", "E05.czi": "conflict"}
    assert "says well B03 and what is in it says C04" in table.findings[0].message


def test_wells_in_a_file_that_is_called_like_a_well(make: Make) -> None:
    table = make({"B03.czi": ["C4", "C5"]})
    assert not table.frames
    assert set(findings(table).values()) == {"doubtful"}
    assert table.findings[0].readings == ("2 fields of well B03", "wells C04, C05 ...")
    # Metadata leave no doubt: what holds several wells is not one.
    stated = make({"B03.czi": [HeldImage("P1", well="C04"), HeldImage("P2", well="C05")]})
    assert [frame.well for frame in stated.frames] == ["C04", "C05"]


def test_a_pattern_settles_it(make: Make) -> None:
    table = make(
        {"B03.czi": ["C4", "C5"], "scan.czi": ["P1", "P2"]},
        pattern=r"/(?P<well>[A-P]\d+)$",
    )
    assert [(f.path, f.well) for f in table.frames] == [
        ("B03.czi", "C04"), ("B03.czi", "C05"), ("scan.czi", "P01"), ("scan.czi", "P02")
    ]  # fmt: skip


def test_names_of_files_are_times_and_plates(make: Make) -> None:
    table = make({"p1_24h.nd2": ["B3", "B4"], "p1_48h.nd2": ["B3", "B4"]})
    assert [(f.plate, f.well, f.time_h, f.path) for f in table.frames] == [
        ("p1", "B03", 24, "p1_24h.nd2"), ("p1", "B03", 48, "p1_48h.nd2"),
        ("p1", "B04", 24, "p1_24h.nd2"), ("p1", "B04", 48, "p1_48h.nd2"),
    ]  # fmt: skip


def test_times_of_a_recording_stand_before_a_number_in_its_name(make: Make) -> None:
    table = make({"B03_t2.czi": ["Scene 1"]}, times=2, hours=[0, 6])
    assert [(f.page, f.time_h, f.time_source) for f in table.frames] == [
        (0, 0.0, "metadata"), (1, 6.0, "metadata")
    ]  # fmt: skip


def test_hours_in_the_name_of_a_recording(make: Make) -> None:
    """They may be its length, or its beginning."""
    table = make({"B03_48h.czi": [""]}, times=3, hours=[0, 24, 48])
    assert [frame.time_h for frame in table.frames] == [0, 24, 48]
    asked = make({"B03_72h.czi": [""]}, times=3, hours=[0, 24, 48])
    assert findings(asked) == {"B03_72h.czi": "doubtful"}
    assert "says 72 h, and the file holds 3 times over 48 h" in asked.problems[0].message


def test_a_plate_in_folders(make: Make) -> None:
    held = [
        HeldImage("0", "Lab plate", f"{row}02", field, f"{row}/2/{field - 1}", 18_432)
        for row in "BC"
        for field in (1, 2)
    ]
    table = make({"P.ome.zarr": held, "E05.tif": []}, times=2, hours=[0, 6])
    zarr = [frame for frame in table.frames if frame.plate == "Lab plate"]
    assert [(f.path, f.series, f.well, f.field, f.page, f.size) for f in zarr[:4]] == [
        ("P.ome.zarr/B/2/0", None, "B02", 1, 0, 18_432),
        ("P.ome.zarr/B/2/1", None, "B02", 2, 0, 18_432),
        ("P.ome.zarr/B/2/0", None, "B02", 1, 1, 18_432),
        ("P.ome.zarr/B/2/1", None, "B02", 2, 1, 18_432),
    ]
    assert len(zarr) == 8
    assert not table.findings


def test_a_plate_that_was_scanned_twice(make: Make) -> None:
    held = [
        HeldImage("0", "P", "B02", 1, "B/2/0", acquired=datetime(2026, 1, 1, 8)),
        HeldImage("1", "P", "B02", 1, "B/2/1", acquired=datetime(2026, 1, 2, 8)),
    ]
    table = make({"P.zarr": held})
    assert [(f.path, f.time_h, f.time_source) for f in table.frames] == [
        ("P.zarr/B/2/0", 0.0, "absolute"), ("P.zarr/B/2/1", 24.0, "absolute")
    ]  # fmt: skip


def test_what_contradicts_itself_is_said(make: Make) -> None:
    table = make({"P.zarr": [HeldImage("0", "P", "B02", 1, "B/2/0", conflict="Two readings.")]})
    assert [(one.path, one.kind, one.message) for one in table.findings] == [
        ("P.zarr/B/2/0", "conflict", "Two readings.")
    ]


def test_images_that_cant_be_read_are_named(make: Make) -> None:
    table = make({"B03.lif": ["xy"]}, left_out=[("xz", "B03.lif, image xz, has no x-y plane.")])
    assert len(table.frames) == 1
    assert findings(table) == {"B03.lif/xz": "unread"}


def test_of_two_files_with_the_same_bytes_one_is_used(tmp_path: Path, installed: None) -> None:
    for name in ("B03.czi", "B03 (2).czi"):
        (tmp_path / name).write_text("the same")

    def probe(path: Path) -> Probe:
        return Probe(1, images=tuple(Probe(1, None, None, HeldImage(f"S{n}"), n) for n in (0, 1)))

    table = frame_table(tmp_path, PlateParameters(), probe)
    assert [(f.path, f.series) for f in table.frames] == [("B03.czi", 0), ("B03.czi", 1)]
    assert set(findings(table).values()) == {"copy"}
    assert not table.problems


def test_of_ome_tiffs_the_largest_speaks_for_the_rest(tmp_path: Path) -> None:
    asked: list[str] = []
    for number in range(20):
        (tmp_path / f"B{number + 1:02}_24h.ome.tif").write_text("x" * (number + 1))

    def probe(path: Path) -> Probe:
        asked.append(path.name)
        return Probe(1)

    assert len(frame_table(tmp_path, PlateParameters(), probe).frames) == 20
    assert asked == ["B20_24h.ome.tif"]


def test_a_whole_plate_in_one_tiff(tmp_path: Path) -> None:
    (tmp_path / "screen.ome.tif").write_text("x")

    def probe(path: Path) -> Probe:
        wells = [HeldImage(well, "P7", well, 1) for well in ("B02", "B03")]
        return Probe(1, images=tuple(Probe(1, None, None, one, n) for n, one in enumerate(wells)))

    table = frame_table(tmp_path, PlateParameters(), probe)
    assert places(table) == [
        ("screen.ome.tif", 0, "P7", "B02", 1),
        ("screen.ome.tif", 1, "P7", "B03", 1),
    ]


def test_a_damaged_file_keeps_the_place_that_its_name_gives(
    tmp_path: Path, installed: None
) -> None:
    for name in ("B03.nd2", "scan.nd2"):
        (tmp_path / name).write_text("x")

    def probe(path: Path) -> Probe:
        raise ImageError(f"{path.name} can't be read: it is damaged.")

    table = frame_table(tmp_path, PlateParameters(), probe)
    assert [(f.path, f.well) for f in table.frames] == [("B03.nd2", "B03")]
    (found,) = table.findings
    assert (found.path, found.kind) == ("scan.nd2", "unread")
    assert found.message == "scan.nd2 can't be read: it is damaged."


def test_a_missing_reader_is_one_line_for_all_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for suffix, one in OPTIONAL_READERS.items():
        reader = OptionalReader("no_such_module", one.title, one.extra)
        monkeypatch.setitem(optional_readers.OPTIONAL_READERS, suffix, reader)
    without_reader.cache_clear()
    for name in ("B03.nd2", "B04.nd2", "B05.tif"):
        (tmp_path / name).write_text("x")
    (tmp_path / "P.zarr").mkdir()
    try:
        table = frame_table(tmp_path, PlateParameters(), lambda path: Probe(1))
    finally:
        without_reader.cache_clear()
    assert [frame.path for frame in table.frames] == ["B05.tif"]
    text = render(inspection(table))
    assert text.count('type pip install "spheroid_qc[formats]"') == 1
    assert text.count('type pip install "spheroid_qc[zarr]"') == 1
    assert findings(table) == {"B03.nd2": "unread", "B04.nd2": "unread", "P.zarr/": "unread"}


def test_inspection_tells_images_apart(make: Make) -> None:
    table = make({"scan.czi": ["B2", "B3"]}, times=2)
    text = render(inspection(table))
    assert "scan.czi [image 1] [page 0]" in text
    assert "the names of images inside the files" in text
