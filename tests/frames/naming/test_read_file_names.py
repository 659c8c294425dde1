"""Names that no instrument wrote: the misreadings of others, doubts, strays, the user's pattern."""

from __future__ import annotations

import random
import time
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spheroid_qc.errors import RequestError
from spheroid_qc.frames.naming.parsed_name import NameReading, Reading
from spheroid_qc.frames.naming.read_file_names import read_names
from spheroid_qc.frames.naming.user_pattern import NamePattern
from spheroid_qc.wells import Well, row_name


def read_name(
    path: str, pattern: NamePattern | None = None, well_count: int | None = None
) -> NameReading:
    """Read one path without the help of neighbours."""
    return read_names([path], pattern, well_count)[0]


def describe(reading: Reading) -> str:
    """One reading in words: `well A01, field 2, 48 h, channel red`."""
    words = [f"well {reading.well.name}"]
    if reading.field is not None:
        words.append(f"field {reading.field}")
    if reading.hours is not None:
        in_days = reading.hours_from == "day" and reading.hours % 24 == 0
        words.append(f"day {reading.hours / 24:g}" if in_days else f"{reading.hours:g} h")
    elif reading.index is not None:
        words.append(f"time point {reading.index}")
    if reading.channel:
        words.append(f"channel {reading.channel}")
    if reading.z is not None:
        words.append(f"plane {reading.z}")
    return ", ".join(words)


READ: list[tuple[str, str]] = [
    ("BxPC3_G10.tif", "well G10"),
    ("plate1_A01.tif", "well A01"),
    ("A549_B02.tif", "well B02"),
    ("A549_b02.tif", "well B02"),
    ("VID1371_A1_1_00d06h00m.tif", "well A01, field 1, 6 h"),
    ("A172_Phase_A7_1_00d00h00m_1.tif", "well A07, field 1, 0 h, channel Phase"),
    ("DE_A549_B10_6_00d00h00m.tif", "well B10, field 6, 0 h"),
    ("SW480_C3_day2.tif", "well C03, day 2"),
    ("HCT116_F11.tif", "well F11"),
    ("B16F10_C04.tif", "well C04"),
    ("B16-F10_C04.tif", "well C04"),
    ("B16_E6.tif", "well E06"),
    ("HT29_E5.tif", "well E05"),
    ("P3_A05.tif", "well A05"),
    ("D3_B02.tif", "well B02, day 3"),
    ("C2C12_A1.tif", "well A01"),
    ("T47D_D4_48h.tif", "well D04, 48 h"),
    ("U87_A3.tif", "well A03"),
    ("MDA-MB-231_D05_72h.tif", "well D05, 72 h"),
    ("A4.tif", "well A04"),
    ("a01.tif", "well A01"),
    ("A01.ome.tif", "well A01"),
    ("A01.OME.TIFF", "well A01"),
    ("G7_48h.tif", "well G07, 48 h"),
    ("P2_08_A06_04x_001.tif", "well A06"),
    ("B7_CELULAS_ISOLADAS.tif", "well B07"),
    ("hct116_c3.tif", "well C03"),
    ("HCT116_H24.tif", "well H24"),
    ("A05_H24.tif", "well A05, 24 h"),
    ("C3_D5.tif", "well C03, day 5"),
    ("A01_C1.tif", "well A01, channel C1"),
    ("C1-A01.tif", "well A01, channel C1"),
    ("A01_f2_ch3_z04.tif", "well A01, field 2, channel ch3, plane 4"),
    ("A01_site_2_Bright Field.tif", "well A01, field 2, channel Bright Field"),
    ("Well_C05_BF.tif", "well C05, channel BF"),
    ("well C 5 GFP.tif", "well C05, channel GFP"),
    ("r3c4_t2.tif", "well C04, time point 2"),
    ("row3_col24.tif", "well C24"),
    ("R1_C2_A05.tif", "well A05, channel C2"),
    ("row 3 col 4.tif", "well C04"),
    ("AB12_x.tif", "well AB12"),
    ("3D_A549_B03.tif", "well B03"),
    ("A01_d03.tif", "well A01, day 3"),
    ("A01_Day 3.5.tif", "well A01, 84 h"),
    ("A01_day_3.tif", "well A01, day 3"),
    ("A01_Tag3.tif", "well A01, day 3"),
    ("A01_3days.tif", "well A01, day 3"),
    ("A01_week2.tif", "well A01, day 14"),
    ("A01_48h.tif", "well A01, 48 h"),
    ("A01_t=48h.tif", "well A01, 48 h"),
    ("A01_0.5 hours.tif", "well A01, 0.5 h"),
    ("A01_2,5h.tif", "well A01, 2.5 h"),
    ("A01_90min.tif", "well A01, 1.5 h"),
    ("A01_12h30m.tif", "well A01, 12.5 h"),
    ("A01_2d6h.tif", "well A01, 54 h"),
    ("A01_t003.tif", "well A01, time point 3"),
    ("A01_T2.tif", "well A01, time point 2"),
    ("A01_TimePoint_7.tif", "well A01, time point 7"),
    ("T24_A01_t3.tif", "well A01, time point 3"),
    ("day3/A01.tif", "well A01, day 3"),
    ("Day 3/A01_12h.tif", "well A01, 84 h"),
    ("day2/A01_48h.tif", "well A01, 48 h"),
    ("D3/A01.tif", "well A01, day 3"),
    ("48h/A01.tif", "well A01, 48 h"),
    ("TimePoint_3/ZStep_1/A01.tif", "well A01, time point 3, plane 1"),
    ("B02/img_003.tif", "well B02"),
    ("well_B02/day3/x.tif", "well B02, day 3"),
    ("A01/D5.tif", "well A01, day 5"),
    ("A01/A01_day5.tif", "well A01, day 5"),
    ("C1/A05.tif", "well A05, channel C1"),
    ("P1/A05.tif", "well A05"),
    ("B16/A05.tif", "well A05"),
    ("plate_1/phase/A05.tif", "well A05, channel phase"),
    (r"plate 2\red\A05.tif", "well A05, channel red"),
    ("Größe µ_B03 [neu].tif", "well B03"),
    ("実験_A04.tif", "well A04"),
    ("a\nb_A01.tif", "well A01"),
    ("x" * 230 + "_A05.tif", "well A05"),
]

DOUBTFUL: list[tuple[str, set[str]]] = [
    ("ExpL_793b_RM_J_D16_10000_1.tif", {"well D16", "day 16, no well"}),
    ("MCF7_D13.tif", {"well D13", "day 13, no well"}),
    ("B16_D5.tif", {"well D05, the melanoma line B16", "well B16, day 5"}),
    ("B16.tif", {"well B16", "the melanoma line B16, no well"}),
    ("H9.tif", {"well H09", "the cell line H9, no well"}),
    (
        "B16_F10.tif",
        {"well F10, the melanoma line B16", "the melanoma line B16, field 10, no well"},
    ),
    ("HCT116_P3.tif", {"well P03", "passage or plate 3, no well"}),
    ("C1-foo.tif", {"well C01", "channel 1, no well"}),
    ("SW480_c3.tif", {"well C03", "channel 3, no well"}),
    ("A1_B1.tif", {"well A01, B1 unexplained", "well B01, A1 unexplained"}),
    ("E5/A05.tif", {"well E05, A05 unexplained", "well A05, E5 unexplained"}),
    ("AB16_A01_x.tif", {"well AB16, A01 unexplained", "well A01, AB16 unexplained"}),
    ("E2_C05.tif", {"well E02, channel 5", "well C05, E2 unexplained"}),
    ("R01_C02.tif", {"well A02", "well C02"}),
    ("K8_D12_0d.tif", {"well K08, day 12", "well D12, K8 unexplained"}),
    ("P3_D2.tif", {"well D02, passage or plate 3", "well P03, day 2"}),
]

UNREAD = [
    "A549.tif",
    "H1299.tif",
    "PC3.tif",
    "A2780.tif",
    "T47D.tif",
    "A001B.tif",
    "H06B2.tif",
    "image_14.tif",
    "dyn1_day2.tif",
    "MCF7_D0.tif",
    "MCF7_D28.tif",
    "A001.tif",
    "20220725_Spheroids_BLSMC_DMEM_Ionomycin_Rep3-Image Export-02.tif",
    "Aufnahme-3724-Image Export-01.jpg",
    "Q03.tif",
    "A0.tif",
    "A25.tif",
    "x.nd2",
    "x.czi",
    "x.lif",
]

STRAY = [
    "Thumbs.db",
    ".DS_Store",
    "a/._A01.tif",
    ".A01.tif",
    "x_A01_s1_w1_thumb.tif",
    "x_A01_s1_w1_thumb0A1B2C3D.tif",
    "A01_mask.tif",
    "A01-mask.png",
    "A01_cp_masks.png",
    "A01_seg.tif",
    "A01_overlay.png",
    "A01_labels.tif",
    "A01_overlay_1.png",
    "mask_A01.tif",
    "plate_map.csv",
    "Index.idx.xml",
    "notes.txt",
    "A01.tif.part",
    "A01",
    "~$map.xlsx",
]


@pytest.mark.parametrize(("path", "words"), READ, ids=[row[0][-40:] for row in READ])
def test_ordinary_names_are_read(path: str, words: str) -> None:
    result = read_name(path)
    assert result.reading is not None, (result.message, result.alternatives)
    assert describe(result.reading) == words
    assert not result.reading.conflict


@pytest.mark.parametrize(("path", "readings"), DOUBTFUL, ids=[row[0] for row in DOUBTFUL])
def test_doubtful_names_show_both_readings(path: str, readings: set[str]) -> None:
    result = read_name(path)
    assert result.kind == "doubtful"
    assert result.reading is None
    assert set(result.alternatives) == readings
    assert all(words in result.message for words in readings)


@pytest.mark.parametrize("path", UNREAD)
def test_names_without_a_well(path: str) -> None:
    result = read_name(path)
    assert (result.kind, result.reading) == ("unread", None)
    assert result.message.endswith(".")


@pytest.mark.parametrize("path", STRAY)
def test_strays(path: str) -> None:
    result = read_name(path)
    assert result.kind == "stray"
    assert result.message.endswith(".")


@pytest.mark.parametrize("path", ["label_free_A01.tif", "Segment_A01.tif", "unmasked_A01.tif"])
def test_harmless_words_are_no_strays(path: str) -> None:
    assert read_name(path).kind == "read"


def test_dates_are_kept_for_the_plate() -> None:
    for path, when in [
        ("2022-07-25_14-30 A1.tif", datetime(2022, 7, 25, 14, 30)),
        ("A1_20220725_143059.tif", datetime(2022, 7, 25, 14, 30, 59)),
        ("A1_2022-07-25T14_30_59.tif", datetime(2022, 7, 25, 14, 30, 59)),
        ("20220725_01_02_A01.tif", datetime(2022, 7, 25)),
        ("25.07.2022_A01.tif", datetime(2022, 7, 25)),
        ("2022_07_25_A01.tif", datetime(2022, 7, 25)),
    ]:
        reading = read_name(path).reading
        assert reading is not None, path
        assert (reading.acquired_at, reading.well.name) == (when, "A01")
    reading = read_name("P1__2020-02-11T10_01_27-Measurement 1/Images/A01.tif").reading
    assert reading is not None
    assert reading.folder_acquired_at == datetime(2020, 2, 11, 10, 1, 27)
    assert read_name("20220231_A01.tif").reading is not None  # no such day: a number


def test_two_times_in_one_name_contradict() -> None:
    reading = read_name("day3_A01_48h.tif").reading
    assert reading is not None
    assert "day 3" in reading.conflict
    assert "48 h" in reading.conflict


def test_copies() -> None:
    assert [
        one.reading and one.reading.part
        for one in read_names(
            ["A01.tif", "A01 (1).tif", "A02 (1).tif", "A02 (2).tif", "A03 - Copy.tif"]
        )
    ] == [None, None, 1, 2, None]


def kinds(paths: list[str], well_count: int | None = None) -> dict[str, str]:
    return {
        one.path.removesuffix(".tif"): one.reading.well.name if one.reading else one.kind
        for one in read_names(paths, well_count=well_count)
    }


def test_folder_settles_a_full_plate() -> None:
    names = [f"{row}{column}" for row in "ABCDEFGH" for column in range(1, 13)]
    found = kinds([f"{name}.tif" for name in names])
    assert found == {name: f"{name[0]}{int(name[1:]):02d}" for name in names}
    # and not a well that such a plate doesn't have
    assert kinds([*(f"x_{name}.tif" for name in names), "x_D16.tif"])["x_D16"] == "doubtful"
    assert kinds([*(f"x_{name}.tif" for name in names), "x_D16.tif"], 384)["x_D16"] == "D16"


def test_folder_settles_a_constant_cell_line() -> None:
    found = kinds([f"B16_{row}{column}.tif" for row in "CD" for column in (1, 2, 5)])
    assert found["B16_D5"] == "D05"
    # one row only: days of well B16 as likely as wells of line B16
    found = kinds([f"B16_D{day}.tif" for day in (1, 3, 5)])
    assert set(found.values()) == {"doubtful"}
    # one certain well is no proof
    assert kinds(["x_D1.tif", "x_D3.tif", "x_D5.tif", "x_B2.tif"])["x_D3"] == "doubtful"
    # wells of several rows with days
    found = kinds([f"{well}_D{day}.tif" for well in ("B15", "B16", "C3") for day in (1, 3)])
    assert found["B16_D3"] == "B16"


def test_folder_settles_a_constant_word() -> None:
    found = kinds([f"M1_B0{column}.tif" for column in (2, 3, 4)])
    assert list(found.values()) == ["B02", "B03", "B04"]
    found = kinds([f"E2_1nM_{well}.tif" for well in ("A05", "B05", "C05")])
    assert list(found.values()) == ["A05", "B05", "C05"]
    found = kinds(["DMEM_F12_C05.tif", "DMEM_F12_D05.tif", "DMEM_F12_B05.tif"])
    assert list(found.values()) == ["C05", "D05", "B05"]
    assert kinds(["M1_B02.tif"]) == {"M1_B02": "doubtful"}


def test_folder_settles_rows_and_columns() -> None:
    found = kinds([f"R0{row}_C{column:02d}.tif" for row in (1, 2, 3) for column in (1, 2, 12)])
    assert list(found.values()) == [f"{row}{c}" for row in "ABC" for c in ("01", "02", "12")]


def test_folder_shows_days() -> None:
    assert set(kinds(["MCF7_D0.tif", "MCF7_D3.tif", "MCF7_D28.tif"]).values()) == {"unread"}
    assert set(kinds(["B16_D0.tif", "B16_D3.tif"]).values()) == {"doubtful"}
    assert kinds(["G7_D0.tif", "G7_D3.tif"]) == {"G7_D0": "G07", "G7_D3": "G07"}


def test_neighbours_of_another_make_prove_nothing() -> None:
    others = ["A549_B02.tif", "BxPC3_G10.tif", "HCT116_F11.tif", "HT29_E5.tif", "SW480_C3_day2.tif"]
    found = kinds([*others, "MCF7_D5.tif", "B16_D5.tif"])
    assert (found["MCF7_D5"], found["B16_D5"]) == ("doubtful", "doubtful")


def test_one_drug_a_row() -> None:
    drugs = dict(zip("ABCDE", ("ctrl", "gem", "sel", "combo", "pac"), strict=True))
    found = kinds([f"{drug}_{row}{c}.tif" for row, drug in drugs.items() for c in range(1, 7)])
    assert found["combo_D5"] == "D05"


def test_well_count_settles() -> None:
    assert kinds(["MCF7_D13.tif"], 96) == {"MCF7_D13": "unread"}
    assert kinds(["Q05.tif", "T02.tif"], 1536) == {"Q05": "Q05", "T02": "T02"}
    reading = read_name("VID1_D13_1_00d00h00m.tif", well_count=96).reading
    assert reading is not None
    assert "96 wells" in reading.conflict


def test_1536_rows_show_themselves() -> None:
    assert kinds(["x_AB05.tif", "x_Q05.tif", "x_A01.tif"])["x_Q05"] == "Q05"


NAMES = [row[0] for row in (*READ, *DOUBTFUL)] + UNREAD + STRAY
NAMES += [f"B16_{row}{column}.tif" for row in "CD" for column in (1, 2, 5)]


@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False))
def test_order_means_nothing(order: random.Random) -> None:
    shuffled = list(NAMES)
    order.shuffle(shuffled)
    first = {one.path: one for one in read_names(NAMES)}
    assert {one.path: one for one in read_names(shuffled)} == first


@given(
    st.sampled_from(["HCT116", "A549", "ctrl", "gem10uM", "B16F10", "Ünï", "plate 2", "p53null"]),
    st.integers(0, 15),
    st.integers(0, 23),
    st.booleans(),
    st.sampled_from(["_", "-", " ", "__"]),
    st.none() | st.integers(0, 400),
    st.sampled_from(["", "BF", "Phase", "GFP", "ch2", "w1"]),
    st.none() | st.integers(0, 30),
)
def test_generic_round_trip(
    prefix: str,
    row: int,
    column: int,
    padded: bool,
    joint: str,
    hours: int | None,
    channel: str,
    z: int | None,
) -> None:
    well = f"{row_name(row)}{column + 1:{'02d' if padded else 'd'}}"
    words = [
        prefix,
        well,
        "" if hours is None else f"{hours}h",
        channel,
        "" if z is None else f"z{z}",
    ]
    result = read_name(joint.join(word for word in words if word) + ".tif")
    if result.kind == "doubtful":  # days, passages, replicates
        name = f"{row_name(row)}{column + 1}"
        assert name[0] in "DPN" or name in ("B16", "H9")
        assert f"well {Well(row, column).name}" in result.alternatives[0]
        return
    got = result.reading
    assert got is not None
    assert (got.well, got.hours, got.z) == (Well(row, column), hours, z)
    assert got.channel == channel


@given(st.text(max_size=60), st.sampled_from([".tif", ".png", "", ".ome.tif"]))
def test_any_text_gets_an_answer(text: str, suffix: str) -> None:
    result = read_name(text.replace("\x00", "") + suffix)
    assert result.kind in ("read", "doubtful", "unread", "stray")
    assert (result.reading is not None) == (result.kind == "read")
    assert result.kind == "read" or result.message.endswith(".")


@pytest.mark.parametrize(
    "name",
    ["A" * 250, "_A1" * 80, "A1_" * 80 + "00d00h00m", "1" * 250, "d" * 250, "_" * 250, "(" * 250],
)
def test_long_names_are_quick(name: str) -> None:
    start = time.perf_counter()
    read_name(name + ".tif")
    assert time.perf_counter() - start < 1


def test_pattern_reads_every_group() -> None:
    pattern = NamePattern(
        r"(?P<plate>\w+)/(?P<row>\d+)-(?P<column>\d+)_f(?P<field>\d+)_z(?P<z>\d+)_(?P<channel>[a-z]+)"
        r"_d(?P<day>\d+)h(?P<hour>\d+)m(?P<minute>\d+)"
    )
    reading = read_name("PX/3-12_f2_z5_red_d2h6m30.tif", pattern).reading
    assert reading is not None
    assert describe(reading) == "well C12, field 2, 54.5 h, channel red, plane 5"
    assert reading.plate == "PX"
    reading = read_name(
        "x D16 3.5.tif", NamePattern(r"(?P<well>[A-P]\d+) (?P<time>[\d.]+)\.tif")
    ).reading
    assert reading is not None
    assert describe(reading) == "well D16, 3.5 h"
    pattern = NamePattern(r"(?P<row>[a-p])_(?P<column>\d+)_(?P<timepoint>\d+)?")
    reading = read_name("b_7_.tif", pattern).reading
    assert reading is not None
    assert (reading.well.name, reading.index) == ("B07", None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("(?P<well>[A-P", "not a regular expression"),
        (r"([A-P]\d+)", "does not say where the well stands"),
        (r"(?P<row>[A-P])", "does not say where the well stands"),
        ("(?P<well>a)(?P<well>b)", "not a regular expression"),
        ("*", "not a regular expression"),
        ("", "does not say where the well stands"),
    ],
)
def test_bad_patterns_are_refused(text: str, words: str) -> None:
    with pytest.raises(RequestError, match=words) as caught:
        NamePattern(text)
    assert str(caught.value).endswith(".")


def test_what_a_pattern_does_not_read() -> None:
    pattern = NamePattern(r"_(?P<well>[A-Z]+\d+)_(?P<field>\w+)")
    for path, words in [
        ("other.tif", "does not match"),
        ("x_ZZ9_1.tif", "no well of a plate"),
        ("x_A1_left.tif", "not a number"),
    ]:
        result = read_name(path, pattern)
        assert result.kind == "unread"
        assert words in result.message
    assert read_name("Thumbs.db", pattern).kind == "stray"
    rows = NamePattern(r"(?P<row>\d+)-(?P<column>\d+)")
    assert "row '30' and column '70'" in read_name("30-70.tif", rows).message
