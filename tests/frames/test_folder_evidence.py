"""Folders that were read wrongly in silence once, by kind: now read right, or asked about."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from spheroid_qc.frames.plates_or_times import may_be_times, name_contents
from spheroid_qc.wells import parse_well
from tests.frames.conftest import Read

WELLS = [f"{row}{column}" for row in "BCDE" for column in (2, 3, 4, 5)]
FEW = ["B2", "B3", "C2", "C3"]


def canonical(well: str) -> str:
    found = parse_well(well)
    assert found is not None
    return found.name


def row_of(well: str) -> int:
    return "BCDE".index(well[0]) + 1


# name, the times, fields and channels that are right, and the names for a well
RIGHT: list[tuple[str, set[float], set[int], set[str], Callable[[str], list[str]]]] = [
    # a vendor's scheme takes no word before or behind the well for the well
    ("sites and elapsed time", {0, 6}, {1, 2}, {""},
     lambda w: [f"{w}_S{s}_00d{h:02d}h00m" for s in (1, 2) for h in (0, 6)]),
    ("sites and the clock", {0, 24}, {1, 2}, {""},
     lambda w: [f"PDX_{w}_S{s}_2024y05m0{d}d_09h00m" for s in (1, 2) for d in (1, 2)]),
    ("channels and elapsed time", {0, 12}, {1}, {"C1", "C2"},
     lambda w: [f"{w}_C{c}_0d{h}h" for c in (1, 2) for h in (0, 12)]),
    ("day and site", {24, 72}, {1, 2}, {""},
     lambda w: [f"{w}_D{d}_S{s}" for d in (1, 3) for s in (1, 2)]),
    ("a day of four letters in front of a padded well", {0}, {1, 2}, {"w1"},
     lambda w: [f"GBM_D03_{canonical(w)}_s{s}_w1" for s in (1, 2)]),
    ("folders of time points", {0, 1}, {1, 2}, {""},
     lambda w: [f"TimePoint_{t}/{w}_F{f}" for t in (1, 2) for f in (1, 2)]),
    ("hours and BF", {0, 24}, {1, 2}, {"BF"},
     lambda w: [f"{w}_{h}_{f}_BF" for h in (0, 24) for f in (1, 2)]),
    # tiles
    ("tiles", {0}, {101, 102, 201, 202}, {""},
     lambda w: [f"{w}_r{r}c{c}" for r in (1, 2) for c in (1, 2)]),
    ("tiles in folders of wells", {24, 48}, {101, 102}, {""},
     lambda w: [f"{w}/Row1_Col{c}_{h}h" for c in (1, 2) for h in (24, 48)]),
    # what goes with the well is the name of what is in it
    ("compounds a row", {48}, {1}, {""}, lambda w: [f"{w}_C{row_of(w)}_48h"]),
    ("samples a row", {48}, {1}, {""}, lambda w: [f"{w}_F{row_of(w)}_48h"]),
    ("the bladder line J82", {0}, {1}, {""}, lambda w: [f"J82_{w}"]),
    ("the glioma line D54, hours", {0, 6}, {1}, {""}, lambda w: [f"D54_{w}_{h}h" for h in (0, 6)]),
    ("lines a row", {0}, {1}, {""},
     lambda w: [f"{('U251', 'T24', 'D54', 'J82')[row_of(w) - 1]}_{w}"]),
    ("a vitamin", {0}, {1}, {""}, lambda w: [f"{w}_{'Vit-D3' if w[0] in 'BC' else 'EtOH'}"]),
    ("a medium", {24, 48}, {1}, {""}, lambda w: [f"{w}_DMEM-F12_{h}h" for h in (24, 48)]),
    ("a clone", {0, 6}, {1}, {""}, lambda w: [f"clone-D5_{w}_{h}h" for h in (0, 6)]),
    # two times
    ("a pulse", {72}, {1}, {""}, lambda w: [f"72h_{w}_{row_of(w)}h-pulse"]),
    ("a pulse of hours and days", {72, 120}, {1}, {""},
     lambda w: [f"{w}_24h-gem_Day{d}" for d in (3, 5)]),
    ("4D imaging", {0, 12}, {1}, {""}, lambda w: [f"4D_{w}_{h}h" for h in (0, 12)]),
    ("hours of the names, not of the folder", {0, 48}, {1}, {""},
     lambda w: [f"gem 24h/{w}_{h}h" for h in (0, 48)]),
    # parts and signs
    ("parts of days", {12, 36}, {1}, {""}, lambda w: [f"{w}_d{d}" for d in ("0.5", "1.5")]),
    ("parts of days in folders", {72, 84}, {1}, {""},
     lambda w: [f"d{d}/{w}" for d in ("3", "3.5")]),
    ("parts of hours", {0, 0.5, 1}, {1}, {""},
     lambda w: [f"{w}_T{t}" for t in ("0", "0.5", "1.0")]),
    ("a plus", {24, 72}, {1}, {""}, lambda w: [f"D+{d}_{w}" for d in (1, 3)]),
    ("glued", {0, 12, 24}, {1}, {""}, lambda w: [f"{d}_{w}" for d in ("D0H0", "D0H12", "D1H0")]),
    ("words glued to hours", {24, 48}, {1}, {""}, lambda w: [f"post{h}h/{w}" for h in (24, 48)]),
    ("other languages", {24, 72}, {1}, {""}, lambda w: [f"{d} vrk/{w}" for d in (1, 3)]),
    ("dates of one digit", {0, 48}, {1}, {""}, lambda w: [f"{w}_2024-3-{d}" for d in (1, 3)]),
    ("the month first", {0, 48}, {1}, {""}, lambda w: [f"March {d} 2024/{w}" for d in (1, 3)]),
    ("the time of day below a date", {0, 30}, {1}, {""},
     lambda w: [f"2024-03-01/{w}_10h30", f"2024-03-02/{w}_16h30"]),
    # folders
    ("rows in folders", {0, 24}, {1}, {""}, lambda w: [f"Row {w[0]}/{w}_{h}h" for h in (0, 24)]),
    ("columns in folders", {0}, {1}, {""}, lambda w: [f"Spalte {w[1:]}/{w}"]),
    ("projections beside planes", {0}, {1}, {""}, lambda w: [f"{w}_z{z}" for z in (1, 2)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("hours", "fields", "channels", "names"),
    [row[1:] for row in RIGHT],
    ids=[row[0] for row in RIGHT],
)
def test_read_right(
    hours: set[float],
    fields: set[int],
    channels: set[str],
    names: Callable[[str], list[str]],
    read: Read,
) -> None:
    right = {f"{name}.tif": canonical(well) for well in WELLS for name in names(well)}
    extra = ["MAX_B2.tif", "MAX_C2.tif"] if "B2_z1.tif" in right else []
    table = read([*right, *extra])
    assert not table.problems
    assert {frame.path: frame.well for frame in table.frames} == right
    assert {frame.time_h for frame in table.frames} == hours
    assert {frame.field for frame in table.frames} == fields
    assert {frame.channel for frame in table.frames} == channels
    assert len(table.plates) == 1


ASKED: dict[str, list[str]] = {
    # no well at all
    "days and spheroids": [f"HT29_D{d}_S{s}" for d in (3, 5, 7) for s in (1, 2)],
    "passages and weeks": [f"PDO7_P{p}_W{w}" for p in (4, 5) for w in (1, 2)],
    "passages, elapsed": [f"HT29_P{p}_{d}d0h" for p in (4, 5) for d in (0, 1)],
    "mice and days": [f"M{m}_D{d}" for m in range(1, 7) for d in (3, 7)],
    "groups and days": [f"{g}{n}_d{d}" for g in "KB" for n in range(1, 7) for d in (0, 3)],
    "controls and treated": [f"{g}{n}_d{d}" for g in "CT" for n in (1, 2, 3) for d in (1, 2)],
    "controls and treated alone": [f"{g}{n}" for g in "CT" for n in range(1, 7)],
    "channels behind positions": [f"e_T001_XY0{x}_C{c}" for x in (1, 2, 3) for c in (1, 2)],
    "channels behind planes": [f"organoid_z{z}_c{c}" for z in (1, 2, 3) for c in (1, 2)],
    # a word beside the well
    "days or donors": [f"D{row_of(w)}_{w}" for w in WELLS],
    "times or treatments": [f"T{row_of(w)}_{w}" for w in WELLS],
    "donors or days with hours": [f"D{d}_{w}_{h}h" for d in (1, 2) for w in WELLS for h in (0, 6)],
    "day or donor folders": [f"D{d}/{w}" for d in (1, 2, 3) for w in WELLS],
    "day or donor folders above others": [
        f"P{p}/D0{d}/phase/{w}" for p in (1, 2) for d in (1, 2) for w in FEW
    ],
    "day or donor folders above an instrument's names": [
        f"D{d}/exp_{canonical(w)}_s{s}_w1" for d in (1, 2) for w in ("D1", *FEW) for s in (1, 2)
    ],
    "day or donor folders above rows and columns": [
        f"D{d}/r{r:02d}c02f01p01-ch1sk1fk1fl1" for d in (1, 2) for r in (2, 3, 4)
    ],
    "day or donor folders of names of two kinds": [
        *(f"D1/{w}" for w in WELLS),
        *(f"D2/{w}_gem_new" for w in WELLS),
    ],
    "wavelengths or weeks": [f"{w}_W{t}" for w in WELLS for t in (0, 1, 3)],
    "positions or plates": [f"{w}_P{p}" for w in WELLS for p in (1, 2, 3)],
    "replicates or rows": [f"R{r}_C{c}" for r in (1, 2, 3) for c in (2, 3, 4)],
    "two hours": [f"72h_{w}_{row_of(w)}h_pulse" for w in WELLS],
    # plates or times
    "weekdays": [f"{day}/{w}" for day in ("Montag", "Mittwoch") for w in FEW],
    "months and days in numbers": [f"{day}/{w}" for day in ("03-01", "03-03") for w in FEW],
    "four digits": [f"{day}/{w}" for day in ("0301", "0303") for w in FEW],
    "numbers in words": [f"day {day}/{w}" for day in ("one", "three") for w in FEW],
    "halves of days": [f"Day{day}/{w}" for day in ("3AM", "3PM") for w in FEW],
    "a language unknown here": [f"päev {day}/{w}" for day in (1, 4) for w in FEW],
    "the same in front": [f"ziua{day}_{w}" for day in (1, 2, 3) for w in FEW],
    "before and after": [f"{word}_{w}" for word in ("before", "after") for w in FEW],
    "bare numbers": [f"{day}/{w}" for day in (1, 3, 7) for w in FEW],
    "Roman numerals": [f"{day}/{w}" for day in ("I", "II", "III") for w in FEW],
    "scans": [f"scan_{day}/{w}" for day in "abc" for w in FEW],
    "days in brackets": [
        f"{day}/{w}" for day in ("d0 (before drug)", "d3 after drug") for w in FEW
    ],
    "sorted by drug": [f"{'DMSO' if w[0] in 'BC' else 'gem'}/{w}" for w in WELLS],
    # numbers
    "bare days": [f"{w}_{day}" for w in FEW for day in (1, 3, 7, 10)],
    "micrometres": [f"{w}_{z}" for w in FEW for z in (0, 30, 60)],
}


@pytest.mark.parametrize("names", ASKED.values(), ids=ASKED.keys())
def test_asked_with_both_readings(names: list[str], read: Read) -> None:
    table = read(f"{name}.tif" for name in names)
    assert not table.frames
    assert {finding.path for finding in table.problems} == {f"{name}.tif" for name in names}
    assert all(finding.message.endswith(".") for finding in table.problems)
    doubts = [doubt for doubt in table.doubts if doubt.paths]
    assert all(len({reading.words for reading in doubt.readings}) > 1 for doubt in doubts)
    asked = {path for doubt in doubts for path in doubt.paths}
    assert asked == {finding.path for finding in table.problems if finding.kind == "doubtful"}
    assert asked


def test_a_hormone_or_a_time(read: Read) -> None:
    table = read(f"{well}_{'T3' if well[0] == 'B' else 'DMSO'}.tif" for well in WELLS)
    assert {frame.well[0] for frame in table.frames} == {"C", "D", "E"}
    assert {finding.kind for finding in table.problems} == {"doubtful"}
    assert len(table.problems) == 4


@pytest.mark.parametrize(
    ("name", "below"),
    [
        ("D{d}/{w}.tif", ""),
        ("D{d}/{w}_s{f}.tif", ""),
        ("D{d}/{w}/x.tif", ""),
        ("D{d}/phase/{w}_C{f}.tif", ""),
        ("D{d}/exp_{p}_s{f}_w1.tif", ""),
        ("P1/D{d}/{w}.tif", "P1/"),
    ],
)
def test_folders_d1_d2_are_days_or_plates(name: str, below: str, read: Read) -> None:
    names = {
        name.format(d=day, w=well, p=canonical(well), f=field)
        for day in (1, 2) for well in WELLS for field in (1, 2)
    }  # fmt: skip
    names |= {one.replace("P1/", "P2/") for one in names}
    (doubt,) = read(names).doubts
    days, plates = doubt.readings
    assert (days.times, plates.times) == (("24 h", "48 h"), ())
    assert days.n_read == plates.n_read == len(names)
    number = {one: int(one[len(below) + 1]) for one in names}
    found = read(names, days.pattern)
    assert {frame.path: frame.time_h for frame in found.frames} == {
        one: 24.0 * number[one] for one in names
    }
    assert len(found.plates) == (2 if below else 1)
    found = read(names, plates.pattern)
    assert {frame.path for frame in found.frames} == names
    assert {frame.time_h for frame in found.frames} == {0}
    assert all(frame.plate.endswith(f"D{number[frame.path]}") for frame in found.frames)
    assert len(found.plates) == (4 if below else 2)


@pytest.mark.parametrize(
    ("folders", "hours"),
    [
        (("D0", "D1", "D2"), {0, 24, 48}),
        (("D0", "D3", "D7"), {0, 72, 168}),
        (("D1", "D3", "D7"), {24, 72, 168}),
        (("D2", "D3"), {48, 72}),
        (("D1",), {24}),
        (("Day 1", "Day 2"), {24, 48}),
        (("Day 0", "D1", "D2"), {0, 24, 48}),
        (("1d", "2d", "4d"), {24, 48, 96}),
    ],
)
@pytest.mark.parametrize("name", ["{w}", "exp_{p}_s1_w1", "r{r}c02f01p01-ch1sk1fk1fl1"])
def test_a_zero_a_gap_or_a_word_says_that_folders_are_days(
    folders: tuple[str, ...], hours: set[float], name: str, read: Read
) -> None:
    names = [
        f"{folder}/{name.format(w=well, p=canonical(well), r='0' + str(row_of(well)))}.tif"
        for folder in folders for well in FEW
    ]  # fmt: skip
    table = read(names)
    assert not table.problems
    assert {frame.time_h for frame in table.frames} == hours
    assert len(table.plates) == 1


def test_folders_that_repeat_the_day_of_the_name_are_days(read: Read) -> None:
    for time in ("{h}h", "day{d}"):
        names = [f"D{d}/{w}_{time.format(d=d, h=24 * d)}.tif" for d in (1, 2) for w in WELLS]
        table = read(names)
        assert not table.problems
        assert {frame.time_h for frame in table.frames} == {24, 48}


def test_folders_of_donors_and_dishes_are_plates(read: Read) -> None:
    for word in ("Donor", "Dish", "Plate"):
        names = [f"{word} {number}/{well}.tif" for number in (1, 2) for well in WELLS]
        assert read(names).plates == (f"{word} 1", f"{word} 2")


def test_a_pattern_settles_what_is_asked(read: Read) -> None:
    for names in (
        [f"päev {day}/{well}.tif" for day in (1, 4) for well in FEW],
        [f"ziua{day}_{well}.tif" for day in (1, 4) for well in FEW],
    ):
        plates, times = read(names).doubts[0].readings
        table = read(names, plates.pattern)
        assert len(table.plates) == 2
        assert len(table.frames) == len(names)
        table = read(names, times.pattern)
        assert table.plates == ("Exp",)
        assert {frame.time_h for frame in table.frames} == {24, 96}
    names = [f"{well}_W{number}.tif" for well in WELLS for number in (0, 1, 3)]
    channels, weeks = read(names).doubts[0].readings
    assert {frame.channel for frame in read(names, channels.pattern).frames} == {"W0", "W1", "W3"}
    assert {frame.time_source for frame in read(names, weeks.pattern).frames} == {"index"}
    names = [
        f"D{number}/{well}_{hour}h.tif" for number in (1, 2) for well in FEW for hour in (0, 6)
    ]
    day, donor = read(names).doubts[0].readings
    assert (day.times, donor.times) == (("24 h", "30 h", "48 h", "54 h"), ("0 h", "6 h"))
    names = [f"{well}_{number}.tif" for well in FEW for number in (1, 3, 7)]
    days = read(names).doubts[0].readings[0]
    assert {frame.time_h for frame in read(names, days.pattern).frames} == {24, 72, 168}


@pytest.mark.parametrize(
    "names",
    [
        ("Plate 1", "Plate 2"),
        ("Schale 1", "Schale 3"),
        ("boîte 1", "boîte 2"),
        ("板1", "板2"),
        ("rep1", "rep2", "rep4"),
        ("N1", "N2", "N3"),
        ("P12", "P14"),
        ("A549", "HCT116"),
        ("H69", "H82"),
        ("AB123401", "AB123402"),
        ("PDO12", "PDO15"),
        ("DMSO", "gemcitabine"),
        ("600 cells", "1200 cells"),
        ("1uM", "10uM"),
        ("4x", "10x"),
        ("Donor 1", "Donor 2"),
        ("M1", "M2", "M3"),
    ],
)
def test_what_names_plates(names: tuple[str, ...]) -> None:
    assert not may_be_times(names)


def test_what_names_contents() -> None:
    assert name_contents(["DMSO", "gem"])
    assert name_contents(["drug A", "drug B"])
    assert not name_contents(["Plate A", "Plate B"])
    assert not name_contents(["A549", "HCT116"])
    assert not name_contents(["batch 1", "batch 2"])


def test_plates_that_share_no_well_stay_plates(read: Read) -> None:
    table = read(f"Plate {'1' if well[0] in 'BC' else '2'}/{well}.tif" for well in WELLS)
    assert table.plates == ("Plate 1", "Plate 2")


def test_images_made_from_others(read: Read) -> None:
    planes = [f"{well}_z{z}.tif" for well in FEW for z in (1, 2)]
    made = ["MAX_B2.tif", "Drawing of B2_z1.tif", "preview_B3_z1.jpg"]
    table = read([*planes, *made])
    assert {frame.path for frame in table.frames} == set(planes)
    assert {finding.path for finding in table.findings} == set(made)
    assert not table.problems
    alone = read(f"MAX_{well}.tif" for well in FEW)  # projections without their planes are images
    assert len(alone.frames) == len(FEW)


def test_words_that_tell_images_apart_are_asked_with_their_times(read: Read) -> None:
    names = [f"{well}_{word}.tif" for well in FEW for word in ("post", "pre")]
    (doubt,) = read(names).doubts
    times, plates, channels = doubt.readings
    assert times.words == "the times pre, post, in this order"
    assert (times.times, times.n_read) == (("frame 0", "frame 1"), len(names))
    by_word = {frame.path[3:-4]: frame.time_h for frame in read(names, times.pattern).frames}
    assert by_word == {"pre": 0, "post": 1}
    assert read(names, plates.pattern).plates == ("post", "pre")
    assert {frame.channel for frame in read(names, channels.pattern).frames} == {"pre", "post"}


@pytest.mark.parametrize(
    ("folders", "hours"),
    [
        (("Mon", "Wed", "Fri"), [0, 48, 96]),
        (("Mo", "Di", "Do"), [0, 24, 72]),
        (("mardi", "jeudi"), [0, 48]),
        (("before", "after"), [0, 1]),
        (("II", "I", "III"), None),
    ],
)
def test_folders_of_weekdays_have_a_pattern(
    folders: tuple[str, ...], hours: list[float] | None, read: Read
) -> None:
    names = [f"{folder}/{well}.tif" for well in FEW for folder in folders]
    (doubt,) = read(names).doubts
    over_time = doubt.readings[1]
    assert over_time.n_read == len(names)
    table = read(names, over_time.pattern)
    assert len(table.plates) == 1
    times = {frame.path.partition("/")[0]: frame.time_h for frame in table.frames}
    expected = dict(zip(folders, hours, strict=True)) if hours else {"I": 0, "II": 1, "III": 2}
    assert times == expected


@pytest.mark.parametrize("word", ["Boite1", "Boîte1", "Platte1", "placa1", "プレート1", "планшет1"])
def test_words_for_plates(word: str, read: Read) -> None:
    table = read([f"{word}_{well}_d{day}.tif" for well in FEW for day in (0, 3)])
    assert table.plates == (word,)
    assert not table.problems


def test_a_stray_image_is_no_plate(read: Read) -> None:
    table = read([*(f"{well}_d{day}.tif" for well in WELLS for day in (0, 1)), "ruler_H12.tif"])
    assert [finding.path for finding in table.problems] == ["ruler_H12.tif"]
    assert len(table.plates) == 1


def test_a_second_try_is_no_field(read: Read) -> None:
    table = read([*(f"{well}_48h.tif" for well in WELLS), "B2_48h_2.tif"])
    assert {finding.path for finding in table.problems} == {"B2_48h.tif", "B2_48h_2.tif"}
    assert {frame.field for frame in table.frames} == {1}


def test_padded_numbers_of_a_series_are_asked(read: Read) -> None:
    names = [f"{well}_BF_{number:06d}.tif" for well in WELLS for number in (1, 2)]
    (doubt,) = read(names).doubts
    assert {reading.words for reading in doubt.readings} >= {
        "the number is the time point", "the number is the field",
    }  # fmt: skip


def test_one_h12_for_all_is_asked(read: Read) -> None:
    assert not read([f"H12_{well}.tif" for well in WELLS]).frames
    assert {f.time_h for f in read([f"H48_{well}.tif" for well in WELLS]).frames} == {48}


def test_wells_of_cellomics_are_padded(read: Read) -> None:
    assert not read([f"{well}f1d{day}.tif" for well in WELLS for day in (0, 3)]).frames


@pytest.mark.parametrize(
    "name",
    ["Zeile {row} Spalte {column} Tag {day}", "Row {row}_Col {column}_day{day}", "{well}孔_{day}天",
     "puits{well}_J{day}", "kuyu {well} gün {day}"],
)  # fmt: skip
def test_words_for_wells(name: str, read: Read) -> None:
    right = {
        f"{name.format(row=well[0], column=well[1:], well=well, day=day)}.tif": (
            canonical(well),
            day,
        )
        for well in WELLS
        for day in (0, 4)
    }
    table = read(right)
    assert not table.problems
    assert {f.path: (f.well, f.time_h / 24) for f in table.frames} == right


def test_repeats_in_folders_of_wells_are_no_plates(read: Read) -> None:
    table = read([f"{well}/rep{repeat}.tif" for well in FEW for repeat in (1, 2)])
    assert not table.frames
    assert {finding.kind for finding in table.problems} == {"doubtful"}
