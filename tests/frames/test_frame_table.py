"""Folder trees on disk: plates, times, fields, duplicates, strays, links."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from spheroid_qc.errors import ImageError, RequestError
from spheroid_qc.frames.frame_table import Frame, FrameTable, Probe, frame_table
from spheroid_qc.frames.time_axis import scan_hours
from spheroid_qc.parameters import PlateParameters

Make = Callable[..., FrameTable]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a tree of small files (their content is their name, or given) and read it."""

    def made(
        names: Iterable[str],
        contents: dict[str, bytes] | None = None,
        probe: Callable[[Path], Probe | None] | None = None,
        **settings: object,
    ) -> FrameTable:
        root = tmp_path / "My plate"
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((contents or {}).get(name, name.encode()))
        return frame_table(root, PlateParameters(**settings), probe)

    return made


def short(table: FrameTable) -> list[tuple[str, str, float]]:
    return [(frame.plate, frame.well, frame.time_h) for frame in table.frames]


def kinds(table: FrameTable) -> dict[str, str]:
    return {finding.path: finding.kind for finding in table.findings}


def test_one_frame_in_full(make: Make) -> None:
    table = make(["red/VID7_B3_2_01d06h00m.tif"])
    assert table.frames == (
        Frame(
            "red/VID7_B3_2_01d06h00m.tif",
            "VID7",
            "B03",
            2,
            "red",
            0,
            0,
            30.0,
            "elapsed",
            None,
            "incucyte",
            27,
        ),
    )
    assert not table.findings
    assert not table.missing


def test_defaults_where_the_name_is_silent(make: Make) -> None:
    frame = make(["A549_B02.tif"]).frames[0]
    assert (frame.plate, frame.field, frame.channel, frame.z) == ("My plate", 1, "", 0)
    assert (frame.time_h, frame.time_source, frame.timepoint, frame.page) == (0, "none", 0, None)


# plates


def test_one_folder_two_vessels(make: Make) -> None:
    table = make(["VID1_A1_1_00d00h00m.tif", "VID2_A1_1_00d00h00m.tif"])
    assert table.plates == ("VID1", "VID2")


def test_channel_and_time_folders_are_no_plates(make: Make) -> None:
    table = make(["phase/VID1_A1_1_00d00h00m.tif", "red/VID1_A1_1_00d00h00m.tif"])
    assert table.plates == ("VID1",)
    assert [frame.channel for frame in table.frames] == ["phase", "red"]


def test_several_folders_are_plates(make: Make) -> None:
    table = make(
        [
            "batch 1/P1/TimePoint_1/e_A01_w1.tif",
            "batch 1/P1/TimePoint_2/e_A01_w1.tif",
            "batch 1/P2/TimePoint_1/e_A01_w1.tif",
            "batch 2/P1/TimePoint_1/e_A01_w1.tif",
        ]
    )
    assert table.plates == ("batch 1/P1", "batch 1/P2", "batch 2/P1")


def test_several_prefixes_in_one_of_several_folders(make: Make) -> None:
    names = ["a/VID1_A1_1_00d00h00m.tif", "a/VID2_A1_1_00d00h00m.tif", "b/VID3_A1_1_00d00h00m.tif"]
    assert make(names).plates == ("a/VID1", "a/VID2", "b")


def test_words_before_a_bare_well(make: Make) -> None:
    # drugs on one plate
    assert make(["ctrl_A01.tif", "gem_B01.tif"]).plates == ("My plate",)


def test_cell_lines_with_the_same_wells_are_plates(make: Make) -> None:
    table = make(["A549_B02.tif", "HCT116_B02.tif", "A549_B03.tif"])
    assert table.plates == ("A549", "HCT116")
    assert "A549, HCT116" in table.notes[0]


def test_numbers_of_cell_lines_are_no_fields(make: Make) -> None:
    table = make(["OVCAR-3_A01_1.tif", "OVCAR-8_A01_1.tif"])
    assert table.plates == ("OVCAR_3", "OVCAR_8")
    assert {frame.field for frame in table.frames} == {1}
    table = make(["sub/A01_IL-2.tif", "sub/A01_IL-6.tif"])
    assert [finding.kind for finding in table.findings] == ["duplicate", "duplicate"]


def test_counters_before_the_well_name_no_plates(make: Make) -> None:
    table = make([f"exp_{12 * day + n:04d}_A{n + 1:02d}.tif" for day in (0, 1) for n in range(12)])
    assert not table.frames
    assert {finding.kind for finding in table.findings} == {"duplicate"}


def test_folders_of_wells_are_no_plates(make: Make) -> None:
    assert make(["A01/day1.tif", "B02/day1.tif", "A01/day2.tif"]).plates == ("My plate",)


def test_harmony_measurements_of_one_plate(make: Make) -> None:
    table = make(
        [
            f"PX__2020-02-{day}T10_01_27-Measurement {n}/Images/r01c01f01p01-ch1sk1fk1fl1.tiff"
            for n, day in ((1, 11), (2, 13))
        ]
    )
    assert short(table) == [("PX", "A01", 0), ("PX", "A01", 48)]
    assert table.frames[0].time_source == "folder_date"


# times


def test_timepoints_are_ranks_of_each_plate(make: Make) -> None:
    table = make(
        ["V1_A1_1_00d06h00m.tif", "V1_A1_1_02d00h00m.tif", "V2_A1_1_02d00h00m.tif"],
    )
    assert [(f.plate, f.time_h, f.timepoint) for f in table.frames] == [
        ("V1", 6, 0),
        ("V1", 48, 1),
        ("V2", 48, 0),
    ]


def test_absolute_times_count_from_the_first(make: Make) -> None:
    stamps = ["2026y10m05d_14h30m", "2026y10m05d_16h00m", "2026y10m06d_14h30m"]
    table = make([f"V_A1_1_{stamp}.tif" for stamp in stamps])
    assert [frame.time_h for frame in table.frames] == [0, 1.5, 24]
    assert {frame.time_source for frame in table.frames} == {"absolute"}


def test_wells_of_one_scan_share_a_time(make: Make) -> None:
    start = datetime(2026, 10, 5, 23, 30)
    names = []
    for scan in range(3):
        for number in range(4):
            when = start + timedelta(hours=2 * scan, minutes=7 * number)
            names.append(f"V_A{number + 1}_1_{when:%Yy%mm%dd_%Hh%Mm}.tif")
    table = make(names)
    assert sorted({frame.time_h for frame in table.frames}) == [0, 2, 4]
    assert not table.missing


def test_scan_that_takes_nearly_the_whole_interval() -> None:
    start = datetime(2026, 1, 1)
    moments = [start + timedelta(minutes=minute) for minute in range(0, 240, 10)]
    series = [number % 6 for number in range(24)]
    assert sorted(set(scan_hours(moments, series))) == [0, 1, 2, 3]


def test_days_dates_and_hours_in_folders(make: Make) -> None:
    table = make(["2022-07-25/A01.tif", "2022-07-27/A01.tif"])
    assert [frame.time_h for frame in table.frames] == [0, 48]
    assert table.plates == ("My plate",)


def test_one_date_is_no_time(make: Make) -> None:
    frame = make(["20220725_A01.tif", "20220725_B02.tif"]).frames[0]
    assert (frame.time_h, frame.time_source) == (0, "none")


def test_day_folders_join_one_plate_each(make: Make) -> None:
    table = make(["HCT_day0/A01.tif", "HCT_day3/A01.tif", "LS 174/day3/A01.tif"])
    assert short(table) == [("HCT", "A01", 0), ("HCT", "A01", 72), ("LS 174", "A01", 72)]


def test_running_numbers(make: Make) -> None:
    names = [f"TimePoint_{number}/e_A01_w1.tif" for number in (1, 2, 4)]
    table = make(names)
    assert [frame.time_h for frame in table.frames] == [0, 1, 3]
    assert {frame.time_source for frame in table.frames} == {"index"}
    assert "counts frames" in table.notes[0]
    table = make(names, frame_interval_h=2.5)
    assert [frame.time_h for frame in table.frames] == [0, 2.5, 7.5]
    assert {frame.time_source for frame in table.frames} == {"elapsed"}


def test_running_numbers_with_dates_of_acquisition(make: Make) -> None:
    def probe(path: Path) -> Probe:
        number = int(path.parent.name[-1])
        late = timedelta(minutes=3) if "_B" in path.name else timedelta(0)
        return Probe(1, None, datetime(2026, 1, 1) + timedelta(hours=6 * number) + late)

    names = [f"TimePoint_{n}/e_{well}_w1.tif" for n in (1, 2, 3) for well in ("A01", "A02", "B01")]
    table = make(names, probe=probe)
    assert sorted({frame.time_h for frame in table.frames}) == [0, 6, 12]
    assert {frame.time_source for frame in table.frames} == {"metadata"}
    # one that can't be read does no harm
    table = make(names, probe=lambda path: None if "3/e_B01" in path.as_posix() else probe(path))
    assert {frame.time_source for frame in table.frames} == {"metadata"}
    # a file without a date: no mixture of hours and numbers
    table = make(names, probe=lambda path: Probe(1) if "B01" in path.name else probe(path))
    assert {frame.time_source for frame in table.frames} == {"index"}
    # files copied later bear dates that don't follow the numbers
    table = make(names, probe=lambda path: Probe(1, None, datetime(2026, 1, 1)))
    assert {frame.time_source for frame in table.frames} == {"index"}


def test_stacks(make: Make) -> None:
    pages = {"A01.tif": Probe(3, (1.0, 2.5, 4.0)), "A02.tif": Probe(3)}
    table = make(pages, probe=lambda path: pages[path.name])
    assert [(f.well, f.page, f.time_h, f.timepoint, f.time_source) for f in table.frames] == [
        ("A01", 0, 0, 0, "metadata"),
        ("A01", 1, 1.5, 2, "metadata"),
        ("A01", 2, 3, 4, "metadata"),
        ("A02", 0, 0, 0, "index"),
        ("A02", 1, 1, 1, "index"),
        ("A02", 2, 2, 3, "index"),
    ]
    # times that don't increase are no times
    table = make(["A01.tif"], probe=lambda path: Probe(3, (0.0, 0.0, 0.0)))
    assert [frame.time_source for frame in table.frames if frame.well == "A01"] == ["index"] * 3
    table = make(pages, probe=lambda path: Probe(2), frame_interval_h=4)
    assert [frame.time_h for frame in table.frames] == [0, 4, 0, 4]


def test_a_probe_that_fails_is_no_stack(make: Make) -> None:
    def probe(path: Path) -> Probe:
        raise ImageError("A01.tif is damaged.")

    assert short(make(["A01.tif"], probe=probe)) == [("My plate", "A01", 0)]


def test_files_with_a_time_in_their_name_are_not_opened(make: Make) -> None:
    def probe(path: Path) -> Probe:
        raise AssertionError(path)

    make(["V_A1_1_00d06h00m.tif", "A01_day3.tif", "A01_day4.tif"], probe=probe)


def test_photographs_with_dates_are_a_time_lapse(make: Make) -> None:
    def probe(path: Path) -> Probe:
        return Probe(1, None, datetime(2026, 1, 1) + int(path.stem[-1]) * timedelta(days=1))

    table = make(["A01_1.tif", "A01_2.tif", "B01_1.tif", "B01_2.tif"], probe=probe)
    assert [frame.time_h for frame in table.frames] == [0, 24, 0, 24]
    assert {frame.field for frame in table.frames} == {1}


def test_names_without_time_beside_names_with_one(make: Make) -> None:
    table = make(["A01_day0.tif", "A01_day3.tif", "B01_day3.tif", "A01.tif"])
    assert kinds(table) == {"A01.tif": "conflict"}
    assert len(table.frames) == 3


def test_one_name_with_time_beside_a_plate_without(make: Make) -> None:
    table = make(["A01.tif", "A02.tif", "A03.tif", "A01_48h.tif"])
    assert kinds(table) == {"A01_48h.tif": "conflict"}


def test_other_experiments_in_the_folder(make: Make) -> None:
    table = make(["A549_B02.tif", "SW480_C3_day2.tif", "SW480_C4_day2.tif"])
    assert not table.findings
    assert {frame.well: frame.plate for frame in table.frames} == {
        "B02": "A549",
        "C03": "My plate",
        "C04": "My plate",
    }


# fields and duplicates


def test_running_numbers_of_photographs_are_fields(make: Make) -> None:
    table = make(["A01_1.tif", "A01_2.tif", "A02_1.tif", "A02_2.tif"])
    assert [(f.well, f.field) for f in table.frames] == [
        ("A01", 1),
        ("A01", 2),
        ("A02", 1),
        ("A02", 2),
    ]
    assert "running number" in table.notes[0]


def test_counter_of_a_camera(make: Make) -> None:
    names = [f"A0{w}_IMG_{10 * w + k:04d}.tif" for w in range(1, 9) for k in (1, 2)]
    assert {frame.field for frame in make(names).frames} == {1, 2}


def test_counter_with_one_image_a_well_means_nothing(make: Make) -> None:
    assert {frame.field for frame in make([f"A0{w}_{w:03d}.tif" for w in range(1, 9)]).frames} == {
        1
    }


def test_crops_of_fields(make: Make) -> None:
    names = [f"V_A1_{field}_00d00h00m_{crop}.tif" for field in (1, 2) for crop in (1, 2)]
    assert [frame.field for frame in make(names).frames] == [1, 2, 3, 4]


def test_different_files_for_one_place_are_all_left_out(make: Make) -> None:
    table = make(["A01.tif", "A01.png", "A02.tif"])
    assert kinds(table) == {"A01.png": "duplicate", "A01.tif": "duplicate"}
    assert table.findings[0].readings == ("A01.tif",)
    assert "well A01" in table.findings[0].message
    assert [frame.well for frame in table.frames] == ["A02"]


def test_identical_files_count_once(make: Make) -> None:
    table = make(
        ["A01.tif", "A01 (1).tif", "copy/A01.tif"], dict.fromkeys(["A01.tif", "A01 (1).tif"], b"x")
    )
    assert [frame.path for frame in table.frames if frame.plate == "My plate"] == ["A01.tif"]
    assert kinds(table) == {"A01 (1).tif": "copy"}
    assert table.problems == ()
    assert "byte for byte" in table.findings[0].message


# what lies about


OURS = b'{\n "program": "spheroid_qc"'


def test_strays_and_folders(make: Make) -> None:
    table = make(
        [
            "A01.tif",
            "Thumbs.db",
            "old run/run.json",
            "old run/masks/B01.tif",
            "masks/A01.tif",
            "Overlays/A01.png",
            ".hidden/A02.tif",
            "x.nd2",
            "A549.tif",
        ],
        {"old run/run.json": OURS},
    )
    assert [frame.path for frame in table.frames] == ["A01.tif"]
    assert kinds(table) == {
        "Thumbs.db": "stray",
        "old run/": "stray",
        "masks/": "stray",
        "Overlays/": "stray",
        ".hidden/": "stray",
        "x.nd2": "unread",
        "A549.tif": "unread",
    }
    assert [finding.path for finding in table.problems] == ["A549.tif", "x.nd2"]


def test_run_folder_inside_itself(make: Make) -> None:
    """Results beside the images: the folder itself has a run.json."""
    table = make(["A01.tif", "run.json", "masks/A01.tif", "overlays/A01.png"])
    assert [frame.path for frame in table.frames] == ["A01.tif"]


def test_a_run_json_hides_no_images(make: Make) -> None:
    """Other programs write files of that name; and somebody may move images beside ours."""
    names = ["B2.tif", "other/run.json", "other/B3.tif", "ours/run.json", "ours/B4.tif"]
    names += ["ours/corrections/B5.tif", "ours/masks/B6.tif", "empty/run.json"]
    table = make(names, {"ours/run.json": OURS, "other/run.json": b"{}"})
    assert [frame.well for frame in table.frames] == ["B02", "B03", "B04"]


def test_an_ome_zarr_is_one_finding(make: Make) -> None:
    names = [
        "A01.tif",
        "plate.zarr/.zattrs",
        "plate.zarr/A/1/0/0/0.0",
        "v5/zarr.json",
        "v5/A/c.tif",
    ]
    table = make(names)
    assert [frame.path for frame in table.frames] == ["A01.tif"]
    assert kinds(table) == {"plate.zarr/": "unread", "v5/": "unread"}
    assert all("OME-Zarr" in finding.message for finding in table.findings)


def test_folders_are_looked_into_to_some_depth(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "A01.tif").write_bytes(b"1")
    before = os.getcwd()
    os.chdir(root)
    try:  # longer than any path may be
        for _ in range(600):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(before)
    table = frame_table(root)
    assert [frame.path for frame in table.frames] == ["A01.tif"]
    (finding,) = table.findings
    assert finding.kind == "unread"
    assert "more than 64 folders" in finding.message


@pytest.mark.parametrize("days", ["9" * 9, "9" * 200])
def test_a_time_that_no_experiment_lasts_is_left_out(make: Make, days: str) -> None:
    table = make(["V_B2_1_00d00h00m.tif", "V_B2_1_01d00h00m.tif", f"V_B3_1_{days}d00h00m.tif"])
    assert [frame.time_h for frame in table.frames] == [0.0, 24.0]
    (finding,) = table.problems
    assert "no experiment lasts" in finding.message


def test_links_lead_nowhere_twice(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "a").mkdir(parents=True)
    outside.mkdir()
    (root / "a" / "A01.tif").write_bytes(b"1")
    (outside / "B01.tif").write_bytes(b"2")
    for name, target in [
        ("loop", root),
        ("up", tmp_path),
        ("again", root / "a"),
        ("z_out", outside),
        ("z_out2", outside),
        ("broken", tmp_path / "nothing"),
    ]:
        try:
            os.symlink(target, root / name)
        except OSError:
            pytest.skip("this system can't make links")
    os.symlink(root, outside / "back")
    table = frame_table(root)
    assert [frame.path for frame in table.frames] == ["a/A01.tif", "z_out/B01.tif"]
    assert set(kinds(table)) == {"loop/", "up/", "again/", "z_out2/", "z_out/back/", "broken"}


def test_names_that_are_not_text(tmp_path: Path) -> None:
    try:
        with open(os.fsencode(tmp_path) + b"/\xff_A01.tif", "wb"):
            pass
    except OSError:
        pytest.skip("this file system wants valid names")
    table = frame_table(tmp_path)
    assert not table.frames
    assert table.findings[0].kind == "unread"
    table.findings[0].path.encode()


def test_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="There is no folder"):
        frame_table(tmp_path / "nothing")
    (tmp_path / "file.tif").write_bytes(b"")
    with pytest.raises(RequestError, match="is a file"):
        frame_table(tmp_path / "file.tif")
    (tmp_path / "empty").mkdir()
    table = frame_table(tmp_path / "empty")
    assert (table.frames, table.findings) == ((), ())


def test_bad_pattern_is_refused_before_anything(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="regular expression"):
        frame_table(tmp_path, PlateParameters(name_pattern="("))


def test_pattern_decides_alone(make: Make) -> None:
    table = make(
        ["B16_D5.tif", "B16_D7.tif", "VID1_A1_1_00d00h00m.tif"],
        name_pattern=r"B16_(?P<well>[A-P]\d+)(?P<odd>)",
    )
    assert short(table) == [("My plate", "D05", 0), ("My plate", "D07", 0)]
    assert kinds(table) == {"VID1_A1_1_00d00h00m.tif": "unread"}
    assert any("odd" in note for note in table.notes)


def test_missing_wells(make: Make) -> None:
    table = make(["A01_0h.tif", "A01_6h.tif", "A01_12h.tif", "B02_6h.tif"])
    assert [(one.plate, one.well, one.times_h) for one in table.missing] == [
        ("My plate", "B02", (0, 12))
    ]


def test_raw_store_opened_at_any_depth(tmp_path: Path) -> None:
    deep = tmp_path / "EssenFiles" / "ScanData" / "2610" / "05"
    for clock in ("1430", "1630"):
        (deep / clock / "1371").mkdir(parents=True)
        (deep / clock / "1371" / "A1-1-Ph.tif").write_bytes(clock.encode())
    for root in (tmp_path, deep.parent, deep):
        assert short(frame_table(root)) == [("1371", "A01", 0), ("1371", "A01", 2)]


def test_order_of_the_listing_means_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [
        f"V_{row}{column}_1_0{day}d00h00m.tif"
        for row in "AB"
        for column in (1, 2)
        for day in (0, 1)
    ]
    names += ["B16_D5.tif", "MCF7_D13.tif", "A01.png", "A01.tif", "A549_C1.tif", "HCT116_C1.tif"]
    first = make(names)
    scandir = os.scandir

    class Shuffled:
        def __init__(self, path: str) -> None:
            with scandir(path) as entries:
                self.entries = list(entries)
            random.Random(path).shuffle(self.entries)

        def __enter__(self) -> Iterable[os.DirEntry[str]]:
            return iter(self.entries)

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(os, "scandir", Shuffled)
    assert make(names) == first


def test_rows_of_1536_wells_sort_after_z(make: Make) -> None:
    table = make(["AB01.tif", "Z01.tif", "A01.tif"])
    assert [frame.well for frame in table.frames] == ["A01", "Z01", "AB01"]


def test_counted_times_name_the_remedy(make: Make) -> None:
    table = make([f"A01_t{number:03d}.tif" for number in (1, 2)])
    assert any(
        "frames, not hours" in note and "--set plate.frame_interval_h=6" in note
        for note in table.notes
    )


def test_a_date_beside_elapsed_times_is_named(make: Make) -> None:
    table = make(
        [
            *(f"VID1_A1_1_00d0{hour}h00m.tif" for hour in (0, 6)),
            "VID1_A1_1_2024y03m05d_10h30m.tif",
        ]
    )
    (finding,) = table.findings
    assert finding.kind == "conflict"
    assert "bears a date, 2024-03-05" in finding.message


def test_files_that_are_still_being_written_are_nobodys(make: Make, tmp_path: Path) -> None:
    names = ["P_A01_00d00h00m.tif", "P_A02_00d00h00m.tif", "nothing.tif"]
    assert len(make(names).frames) == 2
    # Nor is one that came after the look: only what is known to be whole counts.
    half = frame_table(tmp_path / "My plate", whole={"P_A01_00d00h00m.tif", "gone.tif"})
    assert [frame.path for frame in half.frames] == ["P_A01_00d00h00m.tif"]
    assert not half.findings
