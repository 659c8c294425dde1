"""Whole folders, named as people and instruments name them: read right, or asked about."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from time import process_time as time_of_process

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spheroid_qc.frames import frame_table as module
from spheroid_qc.frames.file_tree import FileTree
from spheroid_qc.frames.frame_table import FrameTable, frame_table
from spheroid_qc.wells import Well, well_name
from tests.frames.conftest import Read
from tests.frames.habits import HABITS, Habit

LAYOUTS: dict[str, list[Well]] = {
    "inner 60 of 96": [Well(row, column) for row in range(1, 7) for column in range(1, 11)],
    "all 96": [Well(row, column) for row in range(8) for column in range(12)],
    "half of 96": [Well(row, column) for row in range(8) for column in range(6)],
    "row D": [Well(3, column) for column in range(12)],
    "24": [Well(row, column) for row in range(4) for column in range(6)],
    "two wells": [Well(1, 3), Well(3, 3)],
    "inner 384, every second": [
        Well(row, column) for row in range(1, 15) for column in range(1, 23, 2)
    ],
}
STRAYS = (
    "Thumbs.db", "overview.tif", "scalebar 100um.png", "B16_D5.tif", "MCF7_D13.tif", "D5_F2.tif",
    "T24.tif", "Kopie von A1.tif", "20240301.tif", "notes.txt", "A1_B1.tif",
)  # fmt: skip


def truth(habit: Habit, wells: Iterable[Well]) -> dict[str, tuple[str, float, int]]:
    """Name -> well, hours and field."""
    return {
        habit.name(well, time, field): (
            well.name,
            habit.hours[time] if habit.hours else 0.0,
            habit.fields[field] if habit.fields else 1,
        )
        for well in wells
        for time in range(max(1, len(habit.hours)))
        for field in range(max(1, len(habit.fields)))
    }


def misread(table: FrameTable, right: dict[str, tuple[str, float, int]]) -> list[str]:
    """Frames whose well, time or field is not the right one.

    Times of dates and running numbers count from the first that is there.
    """
    first = min((hours for _, hours, _ in right.values()), default=0.0)
    several = len({hours for _, hours, _ in right.values()}) > 1
    wrong = []
    for frame in table.frames:
        if frame.path not in right:
            continue
        well, hours, field = right[frame.path]
        counted = frame.time_source in ("absolute", "folder_date", "index")
        time = frame.time_h + first if counted else frame.time_h
        timed = abs(time - hours) < 0.02 or (frame.time_source == "none" and not several)
        if (frame.well, frame.field) != (well, field) or not timed:
            wrong.append(f"{frame.path} -> {frame.well}, {frame.field}, {frame.time_h:g} h")
    return wrong


@pytest.mark.parametrize("habit", HABITS, ids=lambda habit: habit.title)
def test_a_plate_is_read_or_asked_about(habit: Habit, read: Read) -> None:
    right = truth(habit, LAYOUTS["inner 60 of 96"])
    table = read(right)
    assert not misread(table, right)
    if habit.asked:
        assert not table.frames
        assert table.problems
        return
    assert {frame.path for frame in table.frames} == set(right)
    assert not table.problems
    assert len(table.plates) == 1
    assert habit.counted == any(frame.time_source == "index" for frame in table.frames)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("habit", HABITS, ids=lambda habit: habit.title)
def test_no_plate_is_read_wrongly(habit: Habit, layout: str, read: Read) -> None:
    """Up to half of the images are missing, others strayed in; what is left out is listed."""
    right = truth(habit, LAYOUTS[layout])
    rng = random.Random(f"{habit.title} {layout}")
    kept = dict(rng.sample(sorted(right.items()), rng.randint(1 + len(right) // 2, len(right))))
    table = read([*kept, *rng.sample(STRAYS, rng.randint(0, len(STRAYS)))])
    assert all(frame.well == kept[frame.path][0] for frame in table.frames if frame.path in kept)
    left_out = {finding.path for finding in table.problems}
    assert set(kept) <= {frame.path for frame in table.frames} | left_out


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(HABITS), min_size=2, max_size=3, unique=True),
    st.sampled_from(sorted(LAYOUTS)),
    st.randoms(use_true_random=False),
)
def test_folders_of_several_habits(habits: list[Habit], layout: str, rng: random.Random) -> None:
    """What is written in another way, or by others, changes no well."""
    right: dict[str, str] = {}
    for habit in habits:
        names = truth(habit, LAYOUTS[layout])
        some = rng.sample(sorted(names), rng.randint(1, len(names)))
        right |= {name: names[name][0] for name in some}
    files = tuple((name, size) for size, name in enumerate(sorted(right)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "list_folder", lambda folder: FileTree(files, ()))
        table = frame_table(Path("/somewhere/Exp"))
    wrong = [frame for frame in table.frames if frame.well != right[frame.path]]
    assert not wrong


@pytest.mark.parametrize("habit", HABITS, ids=lambda habit: habit.title)
def test_plates_in_folders_stay_apart(habit: Habit, read: Read) -> None:
    names = truth(habit, LAYOUTS["24"])
    right = {
        f"{folder}/{name}": one for folder in ("exp/P1", "exp/P2") for name, one in names.items()
    }
    table = read(right)
    assert not misread(table, right)
    folders: dict[str, set[str]] = {}
    for frame in table.frames:
        folders.setdefault(frame.plate, set()).add(frame.path[:6])
    assert all(len(of_plate) == 1 for of_plate in folders.values())
    assert len(folders) in (0, 2)


# Single folders whose names were read wrongly once.

INNER = [well_name(row, column) for row in range(1, 7) for column in range(1, 11)]
FEW = INNER[:6]


def frames(table: FrameTable) -> set[tuple[str, int, str, float]]:
    return {(one.well, one.field, one.channel, round(one.time_h, 2)) for one in table.frames}


def test_channels_of_two_rows(read: Read) -> None:
    table = read(f"{well}_C{channel}.tif" for well in ("B4", "D4") for channel in (1, 2))
    assert frames(table) == {(w, 1, c, 0) for w in ("B04", "D04") for c in ("C1", "C2")}
    assert not table.problems


def test_donors_are_plates(read: Read) -> None:
    table = read(f"M{number}_{well}_48h.tif" for number in (1, 2) for well in INNER)
    assert {frame.well for frame in table.frames} == set(INNER)
    assert table.plates == ("M1", "M2")
    assert len(table.frames) == 120


def test_a_field_that_is_named_like_its_well(read: Read) -> None:
    table = read(f"{well}_F{field:02d}_T01_Z01.tif" for well in INNER for field in (1, 2))
    assert len(table.frames) == 120
    assert {(one.well, one.field) for one in table.frames if one.path.startswith("F02")} == {
        ("F02", 1),
        ("F02", 2),
    }


def test_dates_and_clocks(read: Read) -> None:
    table = read(f"A1_20240301_{clock}.tif" for clock in ("0800", "1400", "2000"))
    assert frames(table) == {("A01", 1, "", hours) for hours in (0, 6, 12)}
    folders = ("20240301_0800", "20240301_1400", "20240302_0800")
    table = read(f"{folder}/{well}.tif" for folder in folders for well in FEW)
    assert table.plates == ("Exp",)
    assert {frame.time_h for frame in table.frames} == {0, 6, 24}
    folders = ("241128_111010_Plate 1", "241129_110950_Plate 1")
    table = read(f"{folder}/A{n}_01_1_1_Bright Field_001.tif" for folder in folders for n in (1, 2))
    assert table.plates == ("Plate 1",)
    assert {round(frame.time_h, 2) for frame in table.frames} == {0, 23.99}
    table = read(f"{day}_{well}.tif" for day in ("240301", "240302") for well in INNER)
    assert {frame.time_h for frame in table.frames} == {0, 24}
    table = read(f"{well}_0{day}032024.tif" for day in (1, 2, 4) for well in INNER)
    assert {frame.time_h for frame in table.frames} == {0, 24, 72}
    table = read(f"{well}_240301_{clock}.tif" for clock in ("081010", "141010") for well in FEW)
    assert {frame.time_h for frame in table.frames} == {0, 6}


def test_days_and_months_without_a_year(read: Read) -> None:
    table = read(f"March 2024/{day} March/{well}.tif" for day in (1, 2, 4) for well in FEW)
    assert {frame.time_h for frame in table.frames} == {0, 24, 72}
    assert table.plates == ("March 2024",)
    table = read(f"{well}_2_marker.tif" for well in FEW)  # and no other words
    assert {frame.time_source for frame in table.frames} == {"none"}


def test_one_date_and_folder_is_no_plate(read: Read) -> None:
    assert read(f"20240301_0800/{well}.tif" for well in FEW).plates == ("Exp",)
    assert read(f"20240301/{well}.tif" for well in FEW).plates == ("Exp",)


def test_numbers_that_are_no_dates(read: Read) -> None:
    # counters behind a date, and six digits of specimens
    table = read(f"A1_20240301_{number:04d}.tif" for number in range(1, 40))
    assert {frame.field for frame in table.frames} == set(range(1, 40))
    table = read(f"{number}_{well}.tif" for number in (104218, 993301) for well in FEW)
    assert not table.frames
    assert {finding.kind for finding in table.problems} == {"duplicate"}
    table = read(f"A1_{number}.tif" for number in (48210933, 77120045))
    assert not table.frames  # never a field of eight digits


def test_dates_whose_month_is_open_are_asked_about(read: Read) -> None:
    # 1 and 2 March, or 3 January and 3 February: the first lie closer together
    near = read(f"{well}_0{day}032024.tif" for day in (1, 2) for well in FEW)
    assert {frame.time_h for frame in near.frames} == {0, 24}
    # 3 April and 4 March, or 4 March and 3 April: 30 days either way
    open_ = read(f"{well}_{date}2024.tif" for date in ("0304", "0403") for well in FEW)
    assert {frame.time_h for frame in open_.frames} in ({0, 720}, set())


def test_signs(read: Read) -> None:
    table = read(["B4_-24h.tif", "B4_0h.tif", "B4_48h.tif"])
    assert frames(table) == {("B04", 1, "", hours) for hours in (-24, 0, 48)}
    table = read(f"Day {day}/{well}.tif" for day in (-1, 0, 2) for well in FEW)
    assert table.plates == ("Exp",)
    assert {frame.time_h for frame in table.frames} == {-24, 0, 48}
    table = read(f"{well}_D{day}.tif" for day in (-1, 0, 3) for well in FEW)
    assert {frame.time_h for frame in table.frames} == {-24, 0, 72}
    # a hyphen that all have joins words
    table = read(f"Day-{day}/{well}.tif" for day in (1, 2, 3) for well in FEW)
    assert {frame.time_h for frame in table.frames} == {24, 48, 72}
    table = read(f"{well}-{hour}h.tif" for hour in (0, 24) for well in FEW)
    assert {frame.time_h for frame in table.frames} == {0, 24}


def test_times_behind_letters(read: Read) -> None:
    table = read(f"{well}_T{hour}.tif" for hour in (0, 24, 48) for well in INNER)
    assert {frame.time_h for frame in table.frames} == {0, 24, 48}
    assert any("T0, T24, T48 in the names are taken as hours" in note for note in table.notes)
    table = read(f"H{hour}_{well}.tif" for hour in (0, 24, 48) for well in INNER)
    assert table.plates == ("Exp",)
    assert {frame.time_h for frame in table.frames} == {0, 24, 48}
    table = read(f"{well}_T{number}.tif" for number in (0, 1, 2) for well in INNER)
    assert {frame.time_source for frame in table.frames} == {"index"}
    table = read(f"T24_{well}.tif" for well in INNER)  # the bladder line
    assert {frame.time_h for frame in table.frames} == {0}


def test_bare_hours(read: Read) -> None:
    table = read(f"{well}_{hour}.tif" for hour in (0, 24, 48) for well in FEW)
    assert {frame.time_h for frame in table.frames} == {0, 24, 48}
    assert any("are taken as hours" in note for note in table.notes)
    # doses differ from well to well, and counters are no multiples of 6
    table = read(f"{well}_gem_{12 * n}.tif" for n, well in enumerate(FEW))
    assert {frame.time_h for frame in table.frames} == {0}
    table = read(f"{well}_{n}.tif" for n in (1, 2, 3) for well in FEW)
    assert {frame.field for frame in table.frames} == {1, 2, 3}


def test_samples_are_no_fields(read: Read) -> None:
    table = read(f"S{number}_{well}_24h.tif" for number in (1, 2) for well in INNER)
    assert table.plates == ("S1", "S2")


def test_units_of_several_kinds(read: Read) -> None:
    table = read(f"B4_{time}.tif" for time in ("0h", "1d", "2d", "72h"))
    assert frames(table) == {("B04", 1, "", hours) for hours in (0, 24, 48, 72)}
    table = read(f"B4_{time}.tif" for time in ("0d", "1d12h", "3d"))
    assert frames(table) == {("B04", 1, "", hours) for hours in (0, 36, 72)}
    table = read(f"3D_{well}_24h.tif" for well in FEW)
    assert {frame.time_h for frame in table.frames} == {24}


def test_a_constant_word_like_a_well(read: Read) -> None:
    table = read(f"{well}_G1_d{day}.tif" for day in (1, 2) for well in INNER)
    assert {frame.well for frame in table.frames} == set(INNER)
    assert {frame.time_h for frame in table.frames} == {24, 48}


def test_replicates_and_days_in_front(read: Read) -> None:
    table = read(f"N{number}_{well}.tif" for number in (1, 2) for well in INNER)
    assert {frame.well for frame in table.frames} == set(INNER)
    table = read(f"D1_F{field:02d}_{well}.tif" for field in (1, 2) for well in INNER)
    assert {frame.well for frame in table.frames} == set(INNER)
    assert {frame.field for frame in table.frames} == {1, 2}


def test_thumbnails(read: Read) -> None:
    names = ["ABCD_A01_s1_w1.tif", "ABCD_A01_s1_w1_thumbB71AE91C-0A53.tif"]
    names += ["ABCD_A01_s1_w1_thumb_DEADBEEF-0A53-4821-9F00-DEADBEEF0000.tif"]
    table = read(names)
    assert [frame.path for frame in table.frames] == names[:1]
    assert not table.problems


def test_decomposed_letters_and_copies(read: Read) -> None:
    word = unicodedata.normalize("NFD", "Sphäroid")
    names = [f"Sphäroid_{well}.tif" for well in INNER] + [f"{word}_B02 (2).tif"]
    table = read(names)
    assert {frame.well for frame in table.frames} >= set(INNER) - {"B02"}
    assert {finding.path for finding in table.problems} <= {names[0], names[-1]}


def test_plates_that_look_alike_are_shown_both_ways(read: Read) -> None:
    table = read(f"A{left}_B{right}.tif" for left in (1, 2) for right in (1, 2, 3))
    assert not table.frames
    (doubt,) = table.doubts
    assert len(doubt.paths) == 6
    left, right = doubt.readings
    assert (left.wells, right.wells) == (("A01", "A02"), ("B01", "B02", "B03"))
    assert left.n_read == right.n_read == 6


def test_ten_thousand_names_take_less_than_a_second(read: Read) -> None:
    names = [
        f"M1_{well}_F{field:02d}_{24 * time}h.tif"
        for well in (one.name for one in LAYOUTS["all 96"])
        for field in range(1, 5)
        for time in range(26)
    ]
    start = time_of_process()
    assert len(read(names).frames) == len(names)
    # Half a second here; a slower machine, or a busy one, may take its time.
    assert time_of_process() - start < 3


@pytest.mark.parametrize(
    ("words", "hours"),
    [
        (("0d", "0.5d", "1d", "2d"), (0, 12, 24, 48)),
        (("1d", "1.5d", "2d", "2.5d"), (24, 36, 48, 60)),
        (("0,5d", "1,0d", "2,0d"), (12, 24, 48)),
    ],
)
def test_parts_of_days_are_times(
    read: Read, words: tuple[str, ...], hours: tuple[float, ...]
) -> None:
    for names in (
        [f"{well}_{word}.tif" for well in INNER for word in words],
        [f"{word}/{well}.tif" for well in INNER for word in words],
    ):
        table = read(names)
        assert not table.problems
        assert sorted({frame.time_h for frame in table.frames}) == list(hours)
        assert len({frame.well for frame in table.frames}) == len(INNER)
        assert len(table.plates) == 1


DATES = (
    "%Y%m%d", "%y%m%d", "%d%m%Y", "%Y-%m-%d", "%d.%m.%Y", "%Y_%m_%d", "%y%m%d_%H%M%S",
    "%Y%m%d_%H%M", "%Y%m%d%H%M%S", "%d-%m-%y", "%d%b%Y",
)  # fmt: skip
AROUND = (
    "{w}_{d}", "{d}_{w}", "{d}/{w}", "exp_{d}_{w}", "{w} {d} 10x", "{d}_Plate1/{w}",
    "Plate1_{d}/{w}", "PANC1_{w}_{d}_s1", "{w}_{d}_001", "batch {d} {w}", "scan_{d}_{w}",
    "donor3_{d}_{w}",
    "run_{d}_{w}", "plate_{d}_{w}", "time_{d}_{w}", "position_{d}_{w}", "{w}_img_{d}",
)  # fmt: skip


@pytest.mark.parametrize("around", AROUND)
def test_a_date_is_a_time_and_neither_field_nor_plate(around: str, read: Read) -> None:
    wells = [f"{row}{column}" for row in "BC" for column in (2, 3, 4)]
    for form in DATES:
        days = {day: datetime(2024, 3, 1 + day, 8).strftime(form) for day in (0, 1, 3)}
        right = {
            around.format(w=well, d=date) + ".tif": 24.0 * day
            for well in wells
            for day, date in days.items()
        }
        table = read(right)
        if form.startswith("%y%m%d") and ("scan_" in around or "img_" in around):
            assert not table.frames  # cameras count as far as that
            continue
        assert {frame.path: frame.time_h for frame in table.frames} == right, form
        assert len(table.plates) == 1, form
        assert {frame.field for frame in table.frames} == {1}, form
