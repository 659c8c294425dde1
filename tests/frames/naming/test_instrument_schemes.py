"""Every vendor scheme: real-looking names, and round trips over all its fields."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spheroid_qc.frames.naming.instrument_schemes import SCHEMES, match_vendor
from spheroid_qc.frames.naming.parsed_name import Reading
from spheroid_qc.frames.naming.read_file_names import read_folder_names, read_names
from spheroid_qc.frames.naming.user_pattern import NamePattern
from spheroid_qc.wells import Well, row_name, well_name

# path, scheme, well, and whatever else the name says
TABLE: list[tuple[str, str, str, dict[str, object]]] = [
    ("VID1371_A1_1_00d06h00m.tif", "incucyte", "A01", {"plate": "VID1371", "field": 1, "hours": 6}),
    ("VID1335_A7_1_00d05h00m.jpg", "incucyte", "A07", {"hours": 5}),
    ("VID558_H12_4_03d12h30m.tif", "incucyte", "H12", {"field": 4, "hours": 84.5}),
    ("VID12_D4_3.tif", "incucyte", "D04", {"plate": "VID12", "field": 3, "hours": None}),
    ("B07f03d1.TIF", "cellomics", "B07", {"field": 3, "channel": "d1", "plate": ""}),
    ("VID558_P24_1_10d00h00m.tif", "incucyte", "P24", {"hours": 240}),
    ("VID558_a1_1_00d00h00m.TIF", "incucyte", "A01", {"hours": 0}),
    ("Phase_A1_1_00d00h00m.tif", "incucyte", "A01", {"plate": "", "channel": "Phase"}),
    ("DE_A549_B10_6_00d00h00m.tif", "incucyte", "B10", {"plate": "DE_A549", "field": 6}),
    ("R2_MDF_green_B2_1_00d00h00m.tif", "incucyte", "B02", {"plate": "R2_MDF", "channel": "green"}),
    ("001_SUM159_AC_A10_1_00d00h00m.tif", "incucyte", "A10", {"plate": "001_SUM159_AC"}),
    ("B10_1_00d03h00m.tif", "incucyte", "B10", {"plate": "", "field": 1, "hours": 3}),
    ("A172_Phase_A7_1_00d00h00m_1.tif", "incucyte", "A07", {"plate": "A172", "part": 1}),
    ("VID1_A1_1_00d06h00m_cal-bg-unmix.tif", "incucyte", "A01", {"hours": 6, "part": None}),
    ("B16_D5_C3_1_01d00h00m.tif", "incucyte", "C03", {"plate": "B16_D5", "hours": 24}),
    ("phase/VID1630_A1_1_00d00h00m.tif", "incucyte", "A01", {"channel": "phase"}),
    ("VID 7 (new)_A1_1_00d02h00m.tif", "incucyte", "A01", {"plate": "VID 7 (new)"}),
    (
        "VID123_C04_2_2026y10m05d_14h30m.tif",
        "incucyte_absolute",
        "C04",
        {"plate": "VID123", "field": 2, "acquired_at": datetime(2026, 10, 5, 14, 30)},
    ),
    (
        "T101_Jenh191_A_disp_A11_1_2023y08m30d_16h09m.tif",
        "incucyte_absolute",
        "A11",
        {"plate": "T101_Jenh191_A_disp", "acquired_at": datetime(2023, 8, 30, 16, 9)},
    ),
    (
        "EssenFiles/ScanData/2610/05/1430/1371/A1-1-Ph.tif",
        "incucyte_raw",
        "A01",
        {"plate": "1371", "channel": "Ph", "acquired_at": datetime(2026, 10, 5, 14, 30)},
    ),
    (
        "2610/05/0015/88/B2-3-C1.tif",
        "incucyte_raw",
        "B02",
        {"field": 3, "channel": "C1", "acquired_at": datetime(2026, 10, 5, 0, 15)},
    ),
    ("exp_A01_s1_w1.tif", "imagexpress", "A01", {"plate": "exp", "field": 1, "channel": "w1"}),
    ("exp_P24_s12_w2.TIF", "imagexpress", "P24", {"field": 12, "channel": "w2"}),
    ("exp_A549_B02_w3.tif", "imagexpress", "B02", {"plate": "exp_A549", "channel": "w3"}),
    ("exp_D16_s1.tif", "imagexpress", "D16", {"field": 1}),
    ("D3_C02_s1_w1.tif", "imagexpress", "C02", {"plate": "D3"}),
    (
        "2020-05-05/77/TimePoint_3/ZStep_1/exp_B02_s4_w1A1B2C3D4-0123-4567-89AB-0123456789AB.tif",
        "imagexpress",
        "B02",
        {"field": 4, "channel": "w1", "index": 3, "z": 1},
    ),
    ("TimePoint_2/exp_C07.tif", "imagexpress", "C07", {"index": 2, "channel": ""}),
    (
        "r03c04f144p05-ch3sk1fk1fl1.tiff",
        "opera",
        "C04",
        {"field": 144, "z": 5, "channel": "ch3", "index": 1},
    ),
    (
        "p__2020-02-11T10_01_27-Measurement 1/Images/r16c24f01p01-ch1sk9fk1fl1.tiff",
        "opera",
        "P24",
        {},
    ),
    (
        "exp_C02_T0001F001L01A01Z01C01.tif",
        "cellvoyager",
        "C02",
        {"plate": "exp", "field": 1, "z": 1, "channel": "C01", "index": 1},
    ),
    (
        "A549_20260101_B16_T0012F003L01A02Z07C02.tif",
        "cellvoyager",
        "B16",
        {"field": 3, "z": 7, "channel": "C02", "index": 12},
    ),
    (
        "A1_03_1_1_Bright Field_001.tif",
        "cytation",
        "A01",
        {"field": 1, "channel": "Bright Field", "index": 1},
    ),
    ("B3_02_1_1Z0_Bright Field_001.tif", "cytation", "B03", {"z": 0, "channel": "Bright Field"}),
    ("H12_02_2_4_GFP_014.tif", "cytation", "H12", {"field": 4, "channel": "GFP", "index": 14}),
    ("A1_-1_1_1_Stitched[Bright Field]_001.tif", "cytation", "A01", {"index": 1}),
    (
        "P1_Plate_M_p00_z03_0_A01f02d0.TIF",
        "evos",
        "A01",
        {"plate": "P1", "field": 2, "channel": "M", "z": 3, "index": 0},
    ),
    ("scan 2_Plate_TR2_p00_7_H12f00d0.TIF", "evos", "H12", {"channel": "TR2", "index": 7}),
    (
        "MFGTMP_140206180002_A01f00d0.TIF",
        "cellomics",
        "A01",
        {"plate": "MFGTMP_140206180002", "field": 0, "channel": "d0"},
    ),
    (
        "A_01_f2_c1_xUV_mDAPI_z3_t2.tif",
        "incell",
        "A01",
        {"field": 2, "channel": "UV - DAPI", "z": 3, "index": 2},
    ),
    (
        "A - 01(fld 2 wv Blue - FITC).tif",
        "incell_old",
        "A01",
        {"field": 2, "channel": "Blue - FITC"},
    ),
    ("H - 12(fld 1 wv UV - DAPI z 3).tif", "incell_old", "H12", {"channel": "UV - DAPI", "z": 3}),
    (
        "B - 3(fld 1 wv TL-Brightfield time 2 - 3600000 ms).tif",
        "incell_old",
        "B03",
        {"channel": "TL-Brightfield", "hours": 1, "index": 2},
    ),
    (
        "-B012--PO01--LO002--CO3--SL005--PX32500--PW0080--IN0020.tif",
        "acquifer",
        "B12",
        {"field": 1, "index": 2, "channel": "CO3", "z": 5},
    ),
    ("D16_2_2_Fluorescence_638_nm_Ex.tiff", "squid", "D16", {"field": 2, "z": 2}),
    (
        "170301_LOT_KRAS_P2_1_B02f0d0.tif",
        "cellomics",
        "B02",
        {"plate": "170301_LOT_KRAS_P2_1", "field": 0, "channel": "d0"},
    ),
    ("020506platei3t001A01f01d2.TIF", "cellomics", "A01", {"index": 1, "field": 1}),
    ("scan_R_p2_z1_0_B03f01d0.tif", "evos", "B03", {"field": 1, "z": 1, "channel": "R"}),
    (
        "WellA01_PointA01_0001_ChannelBF_Seq0001.tif",
        "nikon_jobs",
        "A01",
        {"field": 1, "channel": "BF", "plate": "", "index": None},
    ),
    (
        "Plate1_2000_WellM05_Point1_2000_M05_0001_ChannelDAPI_Seq2427.tiff",
        "nikon_jobs",
        "M05",
        {"field": 1, "channel": "DAPI", "plate": "Plate1_2000"},
    ),
    ("WellA2_ChannelDAPI,GFP_Seq0003.tif", "nikon_jobs", "A02", {"channel": "DAPI,GFP"}),
    (
        "A1-Site_0/img_channel000_position000_time000000003_z002.tif",
        "micromanager",
        "A01",
        {"field": 0, "channel": "000", "index": 3, "z": 2},
    ),
    ("B12-Site_3/img_000000002_Default_000.tif", "micromanager", "B12", {"field": 3, "index": 2}),
    (
        "Well A01/Transmitted Light - n000000.tif",
        "bd_pathway",
        "A01",
        {"channel": "Transmitted Light", "field": None},
    ),
    (
        "A1--W00001--P00002--Z00003--T00004--Alexa 488.tif",
        "scanr",
        "A01",
        {"field": 2, "z": 3, "index": 4, "channel": "Alexa 488"},
    ),
    ("002003-1-001001001.tif", "columbus", "B03", {"field": 1}),
]


@pytest.mark.parametrize(
    ("path", "scheme", "well", "messages"), TABLE, ids=[row[0] for row in TABLE]
)
def test_vendor_names(path: str, scheme: str, well: str, messages: dict[str, object]) -> None:
    result = read_names([path])[0]
    assert result.kind == "read", result.message
    assert result.reading is not None
    assert (result.reading.scheme, result.reading.well.name) == (scheme, well)
    assert {name: getattr(result.reading, name) for name in messages} == messages


def test_table_covers_every_scheme() -> None:
    always_asked = {"leica_matrix"}
    assert {row[1] for row in TABLE} == {scheme.name for scheme in SCHEMES} - always_asked


def test_an_instrument_that_does_not_say_which_number_is_the_row_is_asked() -> None:
    names = [
        f"image--L0000--S00--U{u:02d}--V{v:02d}--J08--E00--O00--X00--Y00--T0000--Z00--C00.ome.tif"
        for u in range(12)
        for v in range(8)
    ]
    found = read_folder_names(names)
    assert {one.kind for one in found.names} == {"doubtful"}
    (doubt,) = found.doubts
    assert [one.words for one in doubt.readings] == [
        "U is the row and V the column",
        "U is the column and V the row",
    ]
    assert doubt.readings[0].wells[-1] == "L08"
    assert doubt.readings[1].wells[-1] == "H12"
    settled = read_names(names, NamePattern(doubt.readings[1].pattern))
    assert {one.reading.well.name for one in settled if one.reading} == set(doubt.readings[1].wells)


def test_a_number_that_an_instrument_does_not_explain_is_asked_where_it_counts() -> None:
    once = [f"Well A0{n}/Transmitted Light - n000000.tif" for n in (1, 2)]
    assert {one.kind for one in read_names(once)} == {"read"}
    found = read_folder_names([*once, "Well A01/Transmitted Light - n000001.tif"])
    assert {one.kind for one in found.names} == {"doubtful"}
    as_field, as_time = found.doubts[0].readings
    assert (as_field.fields, as_field.times) == ((0, 1), ())
    assert (as_time.fields, as_time.times) == ((), ("frame 0", "frame 1"))
    assert as_field.wells == as_time.wells == ("A01", "A02")


def test_jobs_that_come_back_to_a_point_are_times() -> None:
    names = [
        f"WellA0{well}_PointA0{well}_000{point}_ChannelBF_Seq{8 * loop + 2 * well + point:04d}.tif"
        for loop in range(3)
        for well in (1, 2)
        for point in (0, 1)
    ]
    readings = [one.reading for one in read_names(names) if one.reading]
    assert [(one.well.name, one.field, one.index) for one in readings] == [
        (f"A0{well}", point, loop) for loop in range(3) for well in (1, 2) for point in (0, 1)
    ]


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.title)
def test_schemes_exclude_each_other(scheme: object) -> None:
    for example in scheme.examples:  # type: ignore[attr-defined]
        folder, _, name = example.rpartition("/")
        stem = name.rpartition(".")[0]
        readers = {
            other.name
            for other in SCHEMES
            if other.name != "incucyte_raw"
            and not other.folders
            and other.hinted(stem)
            and other.in_folder(folder)
            and any(fullmatch(stem) for fullmatch in other.matchers)
        }
        assert readers <= {scheme.name}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "name",
    [
        "VID1_A0_1_00d00h00m",  # there is no column 0
        "VID1_AG1_1_00d00h00m",  # nor a row AG
        "VID1_A49_1_00d00h00m",
        "r33c01f01p01-ch1sk1fk1fl1",
        "r00c01f01p01-ch1sk1fk1fl1",
        "r01c49f01p01-ch1sk1fk1fl1",
        "VID1_A1_1_2026y13m05d_14h30m",
        "x_A001_s1_w1",
        "image_14",
        "A549",
        "",
    ],
)
def test_what_no_instrument_writes(name: str) -> None:
    assert match_vendor(name or "x") is None


WELLS = st.builds(Well, st.integers(0, 31), st.integers(0, 47))
SMALL = st.integers(1, 999)
PREFIX = st.from_regex(r"[A-Za-z0-9äμ][A-Za-z0-9äμ _()-]{0,12}[A-Za-z0-9]", fullmatch=True)


def loose(well: Well, padded: bool, lower: bool) -> str:
    text = f"{row_name(well.row)}{well.column + 1:{'02d' if padded else 'd'}}"
    return text.lower() if lower else text


def read(path: str) -> Reading:
    result = read_names([path])[0]
    assert result.reading is not None, (path, result.message)
    return result.reading


@given(
    PREFIX, WELLS, SMALL, st.integers(0, 60), st.integers(0, 23), st.integers(0, 59), st.booleans()
)
def test_incucyte_round_trip(
    prefix: str, well: Well, field: int, days: int, hours: int, minutes: int, padded: bool
) -> None:
    name = f"VID_{prefix}_{loose(well, padded, not padded)}_{field}"
    got = read(f"{name}_{days:02d}d{hours:02d}h{minutes:02d}m.tif")
    assert (got.scheme, got.well, got.field) == ("incucyte", well, field)
    assert got.hours == pytest.approx(24 * days + hours + minutes / 60)


@given(
    WELLS, SMALL, st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)), st.integers(1, 99999)
)
def test_absolute_round_trips(well: Well, field: int, when: datetime, vessel: int) -> None:
    when = when.replace(second=0, microsecond=0)
    stamp = f"{when:%Y}y{when:%m}m{when:%d}d_{when:%H}h{when:%M}m"
    got = read(f"VID{vessel}_{well.name}_{field}_{stamp}.tif")
    assert (got.well, got.field, got.acquired_at, got.plate) == (well, field, when, f"VID{vessel}")
    folder = f"EssenFiles/ScanData/{when:%y%m/%d/%H%M}/{vessel}"
    raw = read(f"{folder}/{loose(well, False, False)}-{field}-Ph.tif")
    assert (raw.well, raw.field, raw.acquired_at, raw.plate) == (well, field, when, str(vessel))


@given(
    PREFIX, WELLS, SMALL, st.integers(1, 9), SMALL, st.integers(0, 99), st.booleans(), st.uuids()
)
def test_imagexpress_round_trip(
    prefix: str, well: Well, site: int, wave: int, time: int, z: int, guid: bool, uuid: object
) -> None:
    tail = str(uuid).upper() if guid else ""
    got = read(f"TimePoint_{time}/ZStep_{z}/x{prefix}_{well.name}_s{site}_w{wave}{tail}.tif")
    assert (got.scheme, got.well, got.field) == ("imagexpress", well, site)
    assert (got.channel, got.index, got.z, got.plate) == (f"w{wave}", time, z, f"x{prefix}")


@given(WELLS, SMALL, st.integers(1, 99), st.integers(1, 9), SMALL)
def test_opera_round_trip(well: Well, field: int, plane: int, channel: int, time: int) -> None:
    place = f"r{well.row + 1:02d}c{well.column + 1:02d}f{field:02d}p{plane:02d}"
    got = read(f"{place}-ch{channel}sk{time}fk1fl1.tiff")
    assert (got.scheme, got.well, got.field, got.z) == ("opera", well, field, plane)
    assert (got.channel, got.index) == (f"ch{channel}", time)


@given(PREFIX, WELLS, SMALL, st.integers(1, 9999), st.integers(1, 99), st.integers(1, 99))
def test_cellvoyager_round_trip(
    prefix: str, well: Well, field: int, time: int, z: int, channel: int
) -> None:
    got = read(f"{prefix}_{well.name}_T{time:04d}F{field:03d}L01A01Z{z:02d}C{channel:02d}.tif")
    assert (got.scheme, got.well, got.field, got.index) == ("cellvoyager", well, field, time)
    assert (got.z, got.channel) == (z, f"C{channel:02d}")


@given(
    WELLS,
    st.integers(1, 99),
    SMALL,
    st.none() | st.integers(0, 50),
    st.sampled_from(["Bright Field", "GFP", "Phase Contrast", "CY5", "Texas Red", "DAPI"]),
    SMALL,
)
def test_cytation_round_trip(
    well: Well, step: int, field: int, z: int | None, channel: str, time: int
) -> None:
    plane = "" if z is None else f"Z{z}"
    got = read(f"{loose(well, False, False)}_{step:02d}_1_{field}{plane}_{channel}_{time:03d}.tif")
    assert (got.scheme, got.well, got.field, got.z) == ("cytation", well, field, z)
    assert (got.channel, got.index) == (channel, time)


@given(
    WELLS, st.integers(0, 99), st.integers(0, 9), st.none() | st.integers(0, 30), st.integers(0, 99)
)
def test_evos_and_cellomics_round_trips(
    well: Well, field: int, dye: int, z: int | None, time: int
) -> None:
    plane = "" if z is None else f"_z{z:02d}"
    got = read(f"scan_Plate_TR_p00{plane}_{time}_{well.name}f{field:02d}d{dye}.TIF")
    assert (got.scheme, got.well, got.field, got.z, got.index) == ("evos", well, field, z, time)
    got = read(f"MFGTMP_140206180002_{well.name}f{field:02d}d{dye}.TIF")
    assert (got.scheme, got.well, got.field) == ("cellomics", well, field)
    assert got.channel == f"d{dye}"


@given(WELLS, SMALL, st.none() | st.integers(0, 50), st.none() | SMALL)
def test_in_cell_round_trips(well: Well, field: int, z: int | None, time: int | None) -> None:
    row, column = row_name(well.row), well.column + 1
    tail = ("" if z is None else f"_z{z}") + ("" if time is None else f"_t{time}")
    got = read(f"{row}_{column:02d}_f{field}_c1_xUV_mDAPI{tail}.tif")
    assert (got.scheme, got.well, got.field, got.z, got.index) == ("incell", well, field, z, time)
    tail = ("" if z is None else f" z {z}") + ("" if time is None else f" time {time} - 7200000 ms")
    got = read(f"{row} - {column:02d}(fld {field} wv Blue - FITC{tail}).tif")
    assert (got.scheme, got.well, got.field, got.z) == ("incell_old", well, field, z)
    assert got.channel == "Blue - FITC"
    assert got.hours == (None if time is None else 2.0)


@given(st.integers(0, 15), st.integers(0, 23), SMALL, st.integers(1, 99))
def test_acquifer_and_squid_round_trips(row: int, column: int, field: int, z: int) -> None:
    well = Well(row, column)
    got = read(
        f"-{row_name(row)}{column + 1:03d}--PO{field:02d}--LO001--CO6--SL{z:03d}--PX1--X.tif"
    )
    assert (got.scheme, got.well, got.field, got.z) == ("acquifer", well, field, z)
    got = read(f"{well_name(row, column)}_{field}_{z}_BF_LED_matrix_full.tiff")
    assert (got.scheme, got.well, got.field, got.z) == ("squid", well, field, z)


@given(WELLS, st.timedeltas(timedelta(0), timedelta(days=99)))
def test_lower_case_and_padding_mean_nothing(well: Well, time: timedelta) -> None:
    hours = int(time.total_seconds() // 3600)
    names = {
        f"v_{text}_1_{hours // 24}d{hours % 24:02d}h00m.tif"
        for text in (loose(well, True, True), loose(well, False, False), loose(well, True, False))
    }
    assert len({(read(name).well, read(name).hours) for name in names}) == 1
