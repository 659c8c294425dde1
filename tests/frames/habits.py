# ruff: noqa: E501 (names are kept whole)
"""How people and instruments name the images of a plate: habits, written from public examples.

Each habit makes the name of one image from its well, the number of its time and of its field, and says
what must be read: hours (or counted frames) and fields. `asked` are habits whose names leave open
what they mean, so that nothing may be read without a question.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from spheroid_qc.wells import Well, row_name

Name = Callable[[Well, int, int], str]


@dataclass(frozen=True)
class Habit:
    """One way of naming.

    `hours` are what the times are read as, `counted` if they are numbers of frames; without any all
    images are of one time. `fields` are the fields as read; `asked`: not to be read.
    """

    title: str
    name: Name
    hours: tuple[float, ...] = ()
    fields: tuple[int, ...] = ()
    counted: bool = False
    asked: bool = False


def w2(well: Well) -> str:
    return well.name


def w1(well: Well) -> str:
    return f"{row_name(well.row)}{well.column + 1}"


def low(well: Well) -> str:
    return well.name.lower()


def row(well: Well) -> str:
    return row_name(well.row)


START = datetime(2024, 3, 1, 8, 0)
H3 = (0.0, 24.0, 48.0)
D3 = (0.0, 72.0, 168.0)
DAYS = (0, 3, 7)


def at(time: int, step: float = 24) -> datetime:
    return START + timedelta(hours=time * step)


def guid(*parts: int) -> str:
    number = 0xB71AE91C0A5348219F00DEADBEEF0000
    for part in parts:
        number = (number * 31 + 977 * part + 7) % (1 << 128)
    return str(UUID(int=number)).upper()


def clock(time: int) -> str:
    return f"{24 * time // 24:02d}d{24 * time % 24:02d}h00m"


DRUG = ("ctrl", "gem", "sel", "combo", "pac", "gem_sel", "dmso", "media")
ML = (0.0, 24.0, 72.0)

HABITS: tuple[Habit, ...] = (
    # instruments
    Habit("IncuCyte, elapsed", lambda w, t, f: f"VID77_{w1(w)}_{f + 1}_{clock(t)}.tif", H3, (1, 2)),
    Habit(
        "IncuCyte, elapsed, no vessel",
        lambda w, t, f: f"{w1(w)}_{f + 1}_{clock(t)}.tif",
        H3,
        (1, 2),
    ),
    Habit(
        "IncuCyte, absolute",
        lambda w, t, f: f"PDAC_{w1(w)}_{f + 1}_{at(t):%Yy%mm%dd_%Hh%Mm}.tif",
        H3,
        (1, 2),
    ),
    Habit(
        "IncuCyte, channel folders",
        lambda w, t, f: f"Phase/VID77_{w1(w)}_1_{clock(t)}.tif",
        H3,
    ),
    Habit(
        "IncuCyte, raw store",
        lambda w, t, f: f"EssenFiles/ScanData/{at(t):%y%m/%d/%H%M}/1371/{w1(w)}-{f + 1}-Ph.tif",
        H3,
        (1, 2),
    ),
    Habit(
        "ImageXpress, time folders",
        lambda w, t, f: f"TimePoint_{t + 1}/exp_{w2(w)}_s{f + 1}_w1.TIF",
        (0, 1, 2),
        (1, 2),
        counted=True,
    ),
    Habit(
        "ImageXpress, GUIDs",
        lambda w, t, f: (
            f"2024-03-01/77/TimePoint_{t + 1}/exp_{w2(w)}_s{f + 1}_w1{guid(w.row, w.column, t, f)}.tif"
        ),
        (0, 1, 2),
        (1, 2),
        counted=True,
    ),
    Habit("ImageXpress, day in prefix", lambda w, t, f: f"D{DAYS[t]}/exp_{w2(w)}_s1_w1.tif", D3),
    Habit(
        "Opera Phenix",
        lambda w, t, f: (
            f"Images/r{w.row + 1:02d}c{w.column + 1:02d}f{f + 1:02d}p01-ch1sk{t + 1}fk1fl1.tiff"
        ),
        (0, 1, 2),
        (1, 2),
        counted=True,
    ),
    Habit(
        "Harmony measurements",
        lambda w, t, f: (
            f"PX__{at(t):%Y-%m-%dT%H_%M_%S}-Measurement {t + 1}/Images/r{w.row + 1:02d}c{w.column + 1:02d}f01p01-ch1sk1fk1fl1.tiff"
        ),
        H3,
    ),
    Habit(
        "Columbus",
        lambda w, t, f: f"{w.row + 1:03d}{w.column + 1:03d}-{f + 1}-001001001.tif",
        (),
        (1, 2),
    ),
    Habit(
        "CellVoyager",
        lambda w, t, f: (
            f"AssayPlate_Greiner_#655090_{w2(w)}_T{t + 1:04d}F{f + 1:03d}L01A01Z01C01.tif"
        ),
        (0, 1, 2),
        (1, 2),
        counted=True,
    ),
    Habit(
        "Gen5, kinetic",
        lambda w, t, f: f"{w1(w)}_01_1_{f + 1}_Bright Field_{t + 1:03d}.tif",
        (0, 1, 2),
        (1, 2),
        counted=True,
    ),
    Habit(
        "Gen5, dated folders",
        lambda w, t, f: f"{at(t):%y%m%d_%H%M%S}_Plate 1/{w1(w)}_01_1_1_Bright Field_001.tif",
        H3,
    ),
    Habit(
        "Gen5, dated experiment folders",
        lambda w, t, f: (
            f"{at(t):%y%m%d_%H%M%S}_Experiment1_Plate 1/{w1(w)}_-1_1_1_Stitched[Phase Contrast]_001.tif"
        ),
        H3,
    ),
    Habit(
        "EVOS, plate scan",
        lambda w, t, f: f"scan_Plate_R_p{t:02d}_z00_0_{w2(w)}f{f:02d}d0.TIF",
        (0, 1, 2),
        (0, 1),
        counted=True,
    ),
    Habit(
        "EVOS, M7000",
        lambda w, t, f: f"scan_R_p{t}_z1_0_{w2(w)}f{f:02d}d0.tif",
        (0, 1, 2),
        (0, 1),
        counted=True,
    ),
    Habit(
        "Cellomics, any prefix",
        lambda w, t, f: f"170301_PDAC_50K_P2_1_{w2(w)}f{f:02d}d0.tif",
        (),
        (0, 1),
    ),
    Habit(
        "Cellomics, days in folders",
        lambda w, t, f: f"day {DAYS[t]}/MFGTMP_240301080000_{w2(w)}f00d0.TIF",
        D3,
        (0,),
    ),
    Habit(
        "Cellomics, kinetic",
        lambda w, t, f: f"020506platei3t{t + 1:03d}{w2(w)}f{f:02d}d0.TIF",
        (0, 1, 2),
        (0, 1),
        counted=True,
    ),
    Habit(
        "IN Cell, new",
        lambda w, t, f: f"{row(w)}_{w.column + 1:02d}_f{f + 1}_c1_xUV_mDAPI_z1_t{t + 1}.tif",
        (0, 1, 2),
        (1, 2),
        counted=True,
    ),
    Habit(
        "IN Cell, old",
        lambda w, t, f: f"{row(w)} - {w.column + 1}(fld {f + 1} wv TL-Brightfield).tif",
        (),
        (1, 2),
    ),
    Habit(
        "JOBS, points",
        lambda w, t, f: (
            f"Well{w2(w)}_Point{w2(w)}_{f:04d}_ChannelBF_Seq{12 * w.row + w.column:04d}.tif"
        ),
        (),
        (0, 1),
    ),
    Habit(
        "JOBS, dated prefix",
        lambda w, t, f: f"{at(t):%Y%m%d_%H%M%S}_906__Well{w2(w)}_ChannelBF_Seq0000.tif",
        H3,
    ),
    Habit(
        "JOBS, sequence alone",
        lambda w, t, f: f"Well{w2(w)}_ChannelBF_Seq{t:04d}.tif",
        (0, 1, 2),
        asked=True,
        counted=True,
    ),
    Habit(
        "Micro-Manager 2",
        lambda w, t, f: (
            f"{w1(w)}-Site_{f}/img_channel000_position{w.column:03d}_time{t:09d}_z000.tif"
        ),
        (0, 1, 2),
        (0, 1),
        counted=True,
    ),
    Habit(
        "Micro-Manager 1.4",
        lambda w, t, f: f"{w1(w)}-Site_{f}/img_{t:09d}_Default_000.tif",
        (0, 1, 2),
        (0, 1),
        counted=True,
    ),
    Habit(
        "BD Pathway, one image a well",
        lambda w, t, f: f"Well {w2(w)}/Transmitted Light - n000000.tif",
    ),
    Habit(
        "BD Pathway, several",
        lambda w, t, f: f"Well {w2(w)}/Transmitted Light - n{t:06d}.tif",
        (0, 1, 2),
        counted=True,
        asked=True,
    ),
    Habit(
        "ScanR",
        lambda w, t, f: f"data/{w1(w)}--W00001--P{f + 1:05d}--Z00000--T{t:05d}--BF.tif",
        (0, 1, 2),
        (1, 2),
        counted=True,
    ),
    Habit(
        "Leica Matrix Screener",
        lambda w, t, f: (
            f"image--L0000--S00--U{w.row:02d}--V{w.column:02d}--J08--E00--O00--X{f:02d}--Y00--T0000--Z00--C00.ome.tif"
        ),
        asked=True,
    ),
    Habit(
        "Yokogawa CQ1, wells as a number",
        lambda w, t, f: f"W{12 * w.row + w.column + 1:04d}F{f + 1:04d}T{t + 1:04d}Z000C1.tif",
        asked=True,
    ),
    Habit("Squid", lambda w, t, f: f"{w2(w)}_{f}_0_BF_LED_matrix_full.tiff", (), (0, 1)),
    Habit(
        "Acquifer",
        lambda w, t, f: (
            f"-{row(w)}{w.column + 1:03d}--PO{f + 1:02d}--LO{t + 1:03d}--CO6--SL001--PX32500.tif"
        ),
        (0, 1, 2),
        (1, 2),
        counted=True,
    ),
    Habit(
        "ZEN, scenes named by wells",
        lambda w, t, f: f"Experiment-12_{w1(w)}_BF_t{t + 1:02d}.tif",
        (0, 1, 2),
        counted=True,
    ),
    Habit(
        "LAS X, regions",
        lambda w, t, f: f"TileScan 1_{w1(w)}_Region{f + 1}_t{t:02d}_ch00.tif",
        (0, 1, 2),
        (),
        counted=True,
    ),
    Habit("Celigo", lambda w, t, f: f"Plate 1_{w1(w)}_Brightfield_{at(t):%Y-%m-%d}.jpg", H3),
    Habit("GelCount", lambda w, t, f: f"{at(t):%d-%m-%Y} plate 1 {w1(w)}.tif", H3),
    Habit("cell^F", lambda w, t, f: f"{w1(w)}_{at(t):%d.%m.%Y}.tif", H3),
    Habit(
        "CellSens, date and clock",
        lambda w, t, f: f"{w1(w)}_{at(t, 6):%Y%m%d_%H%M}.tif",
        (0, 6, 12),
    ),
    # what people write
    Habit(
        "fields, time and plane",
        lambda w, t, f: f"{w2(w)}_F{f + 1:02d}_T{t + 1:02d}_Z01.tif",
        (0, 1, 2),
        (1, 2),
        counted=True,
    ),
    Habit("day, then well", lambda w, t, f: f"D{DAYS[t]}_{w1(w)}.tif", D3),
    Habit("well, then day", lambda w, t, f: f"{w1(w)}_D{DAYS[t]}.tif", D3),
    Habit("well and day in words", lambda w, t, f: f"HCT116 {w1(w)} day {DAYS[t]}.jpg", D3),
    Habit("days in folders", lambda w, t, f: f"Day{DAYS[t]}/{w1(w)}.tif", D3),
    Habit("days before dosing", lambda w, t, f: f"Day {t - 1}/{w1(w)}.tif", (-24, 0, 24)),
    Habit("hours before dosing", lambda w, t, f: f"{w1(w)}_{24 * (t - 1)}h.tif", (-24, 0, 24)),
    Habit("hours behind T", lambda w, t, f: f"{w2(w)}_T{24 * t}.tif", H3),
    Habit("hours behind H", lambda w, t, f: f"H{24 * t}_{w2(w)}.tif", H3),
    Habit(
        "hours, days and weeks",
        lambda w, t, f: f"{w1(w)}_{('0h', '1d', '1week')[t]}.tif",
        (0, 24, 168),
    ),
    Habit("days and hours", lambda w, t, f: f"{w1(w)}_{('0d', '1d12h', '3d')[t]}.tif", (0, 36, 72)),
    Habit(
        "hours with a comma", lambda w, t, f: f"{w1(w)} {('0', '1,5', '24')[t]}h.tif", (0, 1.5, 24)
    ),
    Habit("hours post treatment", lambda w, t, f: f"SW480_{w1(w)}_{24 * t}hpt.tif", H3),
    Habit("days in vitro", lambda w, t, f: f"PDO12_{w1(w)}_DIV{DAYS[t]}.tif", D3, asked=True),
    Habit("dated names", lambda w, t, f: f"{at(t):%Y%m%d}_{w2(w)}_MiaPaCa2.tif", H3),
    Habit("six-digit dates", lambda w, t, f: f"{at(t):%y%m%d}_{w2(w)}.tif", H3),
    Habit("German dates", lambda w, t, f: f"{at(t):%d%m%Y}_{w2(w)}.tif", H3),
    Habit("six-digit German dates", lambda w, t, f: f"{w2(w)} {at(t):%d%m%y}.tif", H3),
    Habit(
        "American dates", lambda w, t, f: f"{w2(w)}_{START + timedelta(days=14 + t):%m%d%Y}.tif", H3
    ),
    Habit("months in words", lambda w, t, f: f"{w2(w)}_{at(t):%d%b%Y}.tif", H3),
    Habit(
        "dates and clocks in six digits",
        lambda w, t, f: f"{w2(w)}_{at(t, 6):%y%m%d_%H%M%S}.tif",
        (0, 6, 12),
    ),
    Habit(
        "dates and clocks in one number",
        lambda w, t, f: f"{at(t, 6):%Y%m%d%H%M%S}_{w2(w)}.tif",
        (0, 6, 12),
    ),
    Habit("dated folders", lambda w, t, f: f"{at(t):%Y%m%d}/{w2(w)}.tif", H3),
    Habit(
        "folders with date and clock",
        lambda w, t, f: f"{at(t, 6):%Y%m%d_%H%M}/{w2(w)}.tif",
        (0, 6, 12),
    ),
    Habit("folders with six digits", lambda w, t, f: f"{at(t):%y%m%d}/{w2(w)}.tif", H3),
    Habit("folders with T and hours", lambda w, t, f: f"T{24 * t}/{w2(w)}.tif", H3),
    Habit("folders with words and dates", lambda w, t, f: f"PDAC {at(t):%d.%m.%Y}/{w2(w)}.tif", H3),
    Habit("mice or donors", lambda w, t, f: f"M{f + 1}_{w2(w)}_{24 * t}h.tif", H3),
    Habit("replicates N1", lambda w, t, f: f"N{f + 1}_{w2(w)}_{24 * t}h.tif", H3),
    Habit("passages", lambda w, t, f: f"P12_{w1(w)}_d{DAYS[t]}.tif", D3),
    Habit("a word like a well that is constant", lambda w, t, f: f"{w2(w)}_G1_d{DAYS[t]}.tif", D3),
    Habit("channels C1 C2", lambda w, t, f: f"{w1(w)}_C{f + 1}_{24 * t}h.tif", H3),
    Habit("channels in front", lambda w, t, f: f"C{f + 1}-{w2(w)}_day{DAYS[t]}.tif", D3),
    Habit("ImageJ channels without a time", lambda w, t, f: f"{w1(w)}_C{f + 1}.tif"),
    Habit("the melanoma line B16", lambda w, t, f: f"B16_{w1(w)}_{24 * t}h.tif", H3),
    Habit("the line B16-F10", lambda w, t, f: f"B16-F10_{w1(w)}_{24 * t}h.tif", H3),
    Habit("T24, a cell line", lambda w, t, f: f"T24_{w1(w)}_{24 * t}h.tif", H3),
    Habit("lines and days", lambda w, t, f: f"A549_D{DAYS[t]}_{w1(w)}_4x.tif", D3),
    Habit("DMEM-F12", lambda w, t, f: f"DMEM_F12_{w2(w)}_{24 * t}h.tif", H3),
    Habit("3D culture", lambda w, t, f: f"3D_HT29_{w1(w)}_d{DAYS[t]}.tif", D3),
    Habit("one drug a row", lambda w, t, f: f"{DRUG[w.row % 8]}_{w1(w)}.tif"),
    Habit(
        "one drug a row, with days",
        lambda w, t, f: f"{DRUG[w.row % 8]}_{w1(w)}_day{DAYS[t]}.tif",
        D3,
    ),
    Habit(
        "drug and dose",
        lambda w, t, f: f"{DRUG[w.row % 8]}_{w.column + 1}uM_{w1(w)}_{24 * t}h.tif",
        H3,
    ),
    Habit("wells in folders", lambda w, t, f: f"{w2(w)}/day{DAYS[t]}.tif", D3),
    Habit(
        "wells in folders with a word",
        lambda w, t, f: f"well_{w2(w)}/t{t:03d}.tif",
        (0, 1, 2),
        counted=True,
    ),
    Habit("wells and words in folders", lambda w, t, f: f"{w2(w)}_gem/day{DAYS[t]}.tif", D3),
    Habit(
        "rows and columns as numbers",
        lambda w, t, f: f"r{w.row + 1}c{w.column + 1}_{24 * t}h.tif",
        H3,
    ),
    Habit(
        "Row and Column",
        lambda w, t, f: f"Row{w.row + 1:02d}_Col{w.column + 1:02d}_{24 * t}h.tif",
        H3,
    ),
    Habit(
        "row and column apart", lambda w, t, f: f"exp_{row(w)}_{w.column + 1:02d}_{24 * t}h.tif", H3
    ),
    Habit(
        "row and column with a hyphen", lambda w, t, f: f"{row(w)}-{w.column + 1}_{24 * t}h.tif", H3
    ),
    Habit("copied photographs", lambda w, t, f: f"IMG_{1000 + 12 * w.row + w.column} {w1(w)}.JPG"),
    Habit("fields in brackets", lambda w, t, f: f"{w1(w)} ({f + 1}).tif", (), (1, 2)),
    Habit("fields behind a hyphen", lambda w, t, f: f"{w1(w)}-{f + 1}.tif", (), (1, 2)),
    Habit("lower case", lambda w, t, f: f"panc1_{low(w)}_{24 * t}h.tif", H3),
    Habit("German", lambda w, t, f: f"Sphäroid {w1(w)} Tag {DAYS[t]}.tif", D3),
    Habit("French", lambda w, t, f: f"sphéroïde_{w1(w)}_J{DAYS[t]}.tif", D3),
    Habit("French, in words", lambda w, t, f: f"puits {w1(w)} jour {DAYS[t]}.tif", D3),
    Habit("Italian", lambda w, t, f: f"sferoidi_{w1(w)}_{24 * t} ore.tif", H3),
    Habit("Spanish", lambda w, t, f: f"esferoide_{w1(w)}_día {DAYS[t]}.tif", D3),
    Habit("Portuguese", lambda w, t, f: f"esferoide {w1(w)} {24 * t} horas.tif", H3),
    Habit("Dutch", lambda w, t, f: f"{w1(w)}_dag{DAYS[t]}_{DRUG[w.row % 8]}.tif", D3),
    Habit("Polish", lambda w, t, f: f"{w1(w)} dzień {DAYS[t]}.tif", D3),
    Habit("Russian", lambda w, t, f: f"сфероид_{w1(w)}_{24 * t}ч.tif", H3),
    Habit("Chinese", lambda w, t, f: f"肿瘤球_{w1(w)}_第{DAYS[t]}天.tif", D3),
    Habit("Japanese", lambda w, t, f: f"スフェロイド_{w1(w)}_{24 * t}時間.tif", H3),
    # a second list, written after the reader
    Habit(
        "plate code, well, date ISO, objective",
        lambda w, t, f: f"PDX12-{w2(w)}-{at(t):%Y-%m-%d}-4x.tif",
        H3,
    ),
    Habit(
        "operator initials and date",
        lambda w, t, f: f"JK_{at(t):%y%m%d}_{w1(w)}_{f + 1}.tif",
        H3,
        (1, 2),
    ),
    Habit("day folder + drug", lambda w, t, f: f"2024-03 screen/D{DAYS[t]}/Gem {w1(w)}.tif", D3),
    Habit("P1D3 glued folder", lambda w, t, f: f"P1D{DAYS[t]}/{w2(w)}.tif", D3),
    Habit("d0 lower before", lambda w, t, f: f"d{DAYS[t]}_{w2(w)}_bf.png", D3),
    Habit(
        "ch00 leica",
        lambda w, t, f: f"Project001_{w1(w)}_t{t:02d}_ch00.tif",
        (0, 1, 2),
        counted=True,
    ),
    Habit("zen czi export", lambda w, t, f: f"2024_03_0{1 + t}__0007_{w1(w)}.tif", H3),
    Habit(
        "Snap-1234 Image Export", lambda w, t, f: f"{w1(w)} d{DAYS[t]}-Image Export-01_c1.tif", D3
    ),
    Habit("R1 replicates rows", lambda w, t, f: f"R{f + 1}_{w2(w)}_D{DAYS[t]}.tif", D3),
    Habit(
        "exp001_plate2",
        lambda w, t, f: f"exp001_plate2_{w2(w)}_tp{t + 1}.tif",
        (0, 1, 2),
        counted=True,
    ),
    Habit("time before well h", lambda w, t, f: f"{24 * t}h_{w1(w)}_gem.tif", H3),
    Habit("time hr underscore", lambda w, t, f: f"{24 * t}_hr_{w1(w)}.tif", H3),
    Habit("hours with leading zeros", lambda w, t, f: f"{w2(w)}_{24 * t:03d}h.tif", H3),
    Habit("minutes", lambda w, t, f: f"{w2(w)}_{30 * t}min.tif", (0, 0.5, 1)),
    Habit("Week folders", lambda w, t, f: f"Week {t + 1}/{w2(w)}.tif", (168, 336, 504)),
    Habit("Wk1", lambda w, t, f: f"{w2(w)}_wk{t + 1}.tif", (168, 336, 504)),
    Habit(
        "IncuCyte export words",
        lambda w, t, f: f"My experiment_{w1(w)}_1_{at(t):%Yy%mm%dd_%Hh%Mm}.jpg",
        H3,
    ),
    Habit(
        "Gen5 with plate prefix",
        lambda w, t, f: f"Plate1/{w1(w)}_02_2_1_Phase Contrast_{t + 1:03d}.tif",
        (0, 1, 2),
        (1,),
        counted=True,
    ),
    Habit(
        "Operetta z",
        lambda w, t, f: f"r{w.row + 1:02d}c{w.column + 1:02d}f01p03-ch2sk1fk1fl1.tiff",
        (),
        (1,),
    ),
    Habit("MetaXpress stk", lambda w, t, f: f"MX1_{w2(w)}_w1.stk"),
    Habit(
        "MetaMorph MDA",
        lambda w, t, f: f"pl_w1BF_s{12 * w.row + w.column + 1}_t{t + 1}.TIF",
        (0, 1, 2),
        asked=True,
    ),
    Habit(
        "numbers only",
        lambda w, t, f: f"{12 * w.row + w.column + 1:03d}_d{DAYS[t]}.tif",
        D3,
        asked=True,
    ),
    Habit("well in parentheses", lambda w, t, f: f"Spheroid ({w1(w)}) {24 * t}h.tif", H3),
    Habit("well brackets", lambda w, t, f: f"HT29[{w2(w)}]_{24 * t}h.tif", H3),
    Habit("equals", lambda w, t, f: f"well={w1(w)},day={DAYS[t]}.tif", D3),
    Habit("dots", lambda w, t, f: f"exp7.{w1(w)}.d{DAYS[t]}.tif", D3),
    Habit(
        "double underscore",
        lambda w, t, f: f"toxo-plate1__{w2(w)}__site{f + 1}__BF.tif",
        (),
        (1, 2),
    ),
    Habit("hash", lambda w, t, f: f"#{w1(w)} {24 * t} h.tif", H3),
    Habit("X Y tile", lambda w, t, f: f"{w2(w)}_X{f:02d}_Y00_{24 * t}h.tif", H3),
    Habit(
        "seeding density 500c",
        lambda w, t, f: f"MCF7_{500 * (w.column + 1)}c_{w1(w)}_D{DAYS[t]}.tif",
        D3,
    ),
    Habit("passage p5 and well", lambda w, t, f: f"PDO5 p{5} {w1(w)} d{DAYS[t]}.tif", D3),
    Habit("GFP channel words", lambda w, t, f: f"{w1(w)}_GFP_D{DAYS[t]}.tif", D3),
    Habit("merge", lambda w, t, f: f"{w1(w)}_merged_D{DAYS[t]}.tif", D3),
    Habit("scalebar suffix", lambda w, t, f: f"{w1(w)}_D{DAYS[t]}_scale.tif", D3),
    Habit("crop number", lambda w, t, f: f"{w1(w)}_D{DAYS[t]}_crop.tif", D3),
    Habit(
        "phone photos",
        lambda w, t, f: f"PXL_2024030{t + 1}_{101112 + w.column:06d}345_{w1(w)}.jpg",
        H3,
    ),
    Habit(
        "DSC before",
        lambda w, t, f: f"DSC_{100 * t + 12 * w.row + w.column:04d}_{w1(w)}_D{DAYS[t]}.JPG",
        D3,
    ),
    Habit("German Platte", lambda w, t, f: f"Platte 2 {w1(w)} {24 * t} Std.tif", H3),
    Habit("Stunden", lambda w, t, f: f"{w1(w)}_{24 * t}Stunden.tif", H3),
    Habit("French heures", lambda w, t, f: f"{w1(w)} {24 * t} heures.tif", H3),
    Habit("Italian giorno", lambda w, t, f: f"{w1(w)}_giorno{DAYS[t]}.tif", D3),
    Habit("Swedish dag", lambda w, t, f: f"brunn {w1(w)} dag {DAYS[t]}.tif", D3),
    Habit("Finnish", lambda w, t, f: f"{w1(w)}_päivä{DAYS[t]}.tif", D3),
    Habit("Turkish gün", lambda w, t, f: f"{w1(w)}_gün{DAYS[t]}.tif", D3),
    Habit("Korean", lambda w, t, f: f"{w1(w)}_{DAYS[t]}일.tif", D3),
    Habit("Chinese day number first", lambda w, t, f: f"{w1(w)}_{DAYS[t]}天.tif", D3),
    Habit("date US slashes as dashes", lambda w, t, f: f"{w1(w)}_3-{15 + t}-24.tif", H3),
    Habit("date d.m.yy", lambda w, t, f: f"{w1(w)}_{1 + t}.3.24.tif", H3),
    Habit("clock 8h30", lambda w, t, f: f"{w1(w)}_20240301_{8 + 6 * t:02d}h30.tif", (0, 6, 12)),
    Habit("clock with am", lambda w, t, f: f"{w1(w)}_2024-03-01_{8 + t:02d}-00-00.tif", (0, 1, 2)),
    Habit("epoch-ish", lambda w, t, f: f"{w1(w)}_17092800{t}0.tif", H3, asked=True),
    Habit("timepoint word", lambda w, t, f: f"timepoint{t}_{w1(w)}.tif", (0, 1, 2), counted=True),
    Habit("t0h", lambda w, t, f: f"{w1(w)}_t{24 * t}h.tif", H3),
    Habit("T=24", lambda w, t, f: f"{w1(w)}_T={24 * t}.tif", H3),
    Habit("D0D7 range dose", lambda w, t, f: f"{w1(w)}_10nM_D{DAYS[t]}.tif", D3),
    Habit(
        "dose rows C1..C8 conc labels",
        lambda w, t, f: f"Gem_C{w.column + 1}_{w1(w)}_{24 * t}h.tif",
        H3,
    ),
    Habit("group G1..G6 by row", lambda w, t, f: f"G{w.row + 1}_{w1(w)}_{24 * t}h.tif", H3),
    Habit(
        "sample S1..S60 numbering",
        lambda w, t, f: f"S{12 * w.row + w.column + 1}_{w1(w)}_d{DAYS[t]}.tif",
        D3,
    ),
    Habit("mouse B6 strain", lambda w, t, f: f"B6_{w2(w)}_{24 * t}h.tif", H3),
    Habit("IL-6 treated", lambda w, t, f: f"IL-6_{w2(w)}_{24 * t}h.tif", H3),
    Habit("H2O2", lambda w, t, f: f"H2O2_{w2(w)}_{24 * t}h.tif", H3),
    Habit("E2 estradiol before", lambda w, t, f: f"E2_{w2(w)}_{24 * t}h.tif", H3),
    Habit("A1 label anxa", lambda w, t, f: f"{w2(w)}_AnxA1_{24 * t}h.tif", H3),
    Habit("K3 media supplement after", lambda w, t, f: f"{w2(w)}_VitK3_{24 * t}h.tif", H3),
    Habit(
        "row folder", lambda w, t, f: f"row {row(w)}/{w.column + 1}_{24 * t}h.tif", H3, asked=True
    ),
    Habit("well then folder times", lambda w, t, f: f"{24 * t}h/{w1(w)}/img.tif", H3),
    Habit(
        "well folder fields", lambda w, t, f: f"{w1(w)}/field_{f + 1}_d{DAYS[t]}.tif", D3, (1, 2)
    ),
    Habit(
        "S001 site folder",
        lambda w, t, f: f"{w2(w)}/s{f + 1}_t{t:03d}.tif",
        (0, 1, 2),
        (1, 2),
        counted=True,
    ),
    Habit("plate in name both", lambda w, t, f: f"Plate_A_{w2(w)}_{24 * t}h.tif", H3),
    Habit("Plate B lone letter", lambda w, t, f: f"Plate B {w1(w)} day {DAYS[t]}.tif", D3),
    Habit("hpi", lambda w, t, f: f"{w1(w)}_{24 * t} hpi.tif", H3),
    Habit("dpt", lambda w, t, f: f"{w1(w)}_{DAYS[t]}dpt.tif", D3),
    Habit("Celigo wells", lambda w, t, f: f"{w1(w)}_Tumorosphere_{at(t):%m-%d-%Y}.tif", H3),
    Habit("A1.1 A1.2", lambda w, t, f: f"{w1(w)}.{f + 1}.tif", (), (1, 2)),
    Habit("A1a A1b", lambda w, t, f: f"{w1(w)}{'ab'[f]}.tif", (), (1, 2), asked=True),
)
"""All habits; those of instruments first."""
