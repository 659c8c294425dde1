"""The table of named schemes: how instruments name their image files.

A scheme is one or more anchored patterns with named groups of one meaning throughout:
`prefix`, `well` (or `row` and `column`, or `rownumber` and `column`), `field`, `channel`, `z`,
`part`, `index`; `days`, `hours`, `minutes`, `ms` for elapsed time; `year` to `minute_of_hour`
for absolute time. Adding an instrument is adding one entry; the patterns exclude each other, so
their order has no meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from spheroid_qc.frames.naming.known_words import is_channel
from spheroid_qc.frames.naming.parsed_name import Reading
from spheroid_qc.wells import MAX_COLUMNS, MAX_ROWS, Well, parse_well

_W = r"(?P<well>(?:A[A-F]|[A-Z])[0-9]{1,2})"
_W2 = r"(?P<well>(?:A[A-F]|[A-Z])[0-9]{2})"
_P = r"(?:(?P<prefix>.+)_)?"
_GUID = r"[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}"
_IX = rf"(?:_?t(?P<index>[0-9]+))?(?:_?z(?P<z>[0-9]+))?_?(?:{_GUID})?"
_VESSEL = "Plate|[^_]*Slide|[^_]*Dish|[^_]*Flask"
_REST = r"(?:[ _-](?P<rest>.+))?"


@dataclass(frozen=True)
class Scheme:
    """One way of naming files.

    `name` stands in the column `scheme`; `title` is the instrument, for people. `patterns` are
    regular expressions for the whole file name without its suffix, `hint` is a cheap one that must
    occur in a name before they are tried, `folder` one that must occur in the folders above (empty
    for none). `examples` are names that the scheme reads, with folders where they matter. With
    `folders` the patterns are for the name and so many folders above it (-1: all), which are no
    plate then.

    `mark` is a regular expression, with capitals, for what only the instrument writes; a name of
    the scheme without it may as well be a person's, and its well is weighed like any other word.
    Empty: the patterns alone are a mark.

    What an instrument leaves open is in `asks`: possible readings in words, each with the name
    pattern that gives it. They are asked where names of one well differ only in the group
    `counter`, or always if there is no such group.
    """

    name: str
    title: str
    patterns: tuple[str, ...]
    examples: tuple[str, ...]
    hint: str = ""
    folder: str = ""
    folders: int = 0
    asks: tuple[tuple[str, str], ...] = ()
    mark: str = ""

    matchers: tuple[Callable[[str], re.Match[str] | None], ...] = field(init=False, repr=False)
    in_folder: Callable[[str], object] = field(init=False, repr=False)
    hinted: Callable[[str], object] = field(init=False, repr=False)
    marked: Callable[[str], object] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        compiled = [re.compile(text, re.IGNORECASE | re.DOTALL) for text in self.patterns]
        object.__setattr__(self, "matchers", tuple(one.fullmatch for one in compiled))
        object.__setattr__(self, "in_folder", _has(self.folder))
        object.__setattr__(self, "hinted", _has(self.hint))
        object.__setattr__(self, "marked", re.compile(self.mark).search)


def _has(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern, re.IGNORECASE).search


GENERIC = "generic"
PATTERN = "pattern"

SCHEMES: tuple[Scheme, ...] = (
    Scheme(
        "incucyte",
        "IncuCyte, elapsed time",
        (
            rf"{_P}{_W}(?:[_-](?P<field>[0-9]+))?[_ -](?P<days>[0-9]+)d"
            rf"[ _]?(?P<hours>[0-9]{{1,2}})h(?:[ _]?(?P<minutes>[0-9]{{1,2}})m)?{_REST}",
        ),
        (
            "VID1371_A1_1_00d06h00m.tif",
            "Phase_A1_1_00d00h00m.tif",
            "DE_A549_B10_6_00d00h00m.tif",
            "A172_Phase_A7_1_00d00h00m_1.tif",
            "B10_1_00d03h00m.tif",
        ),
        "[0-9]d[ _]?[0-9]{1,2}h",
        mark="[0-9][_-][0-9]+[_ -][0-9]+d",  # the field of view stands between well and time
    ),
    Scheme(
        "incucyte",
        "IncuCyte, one time",
        (rf"(?P<prefix>VID[0-9]+)_{_W}_(?P<field>[0-9]+)",),
        ("VID1371_D4_1.tif",),
        "^VID[0-9]",
    ),
    Scheme(
        "incucyte_absolute",
        "IncuCyte, date and time",
        (
            rf"{_P}{_W}(?:[_-](?P<field>[0-9]+))?[_ -](?P<year>[0-9]{{4}})y(?P<month>[0-9]{{1,2}})m"
            r"(?P<day_of_month>[0-9]{1,2})d[_ -]?(?P<hour_of_day>[0-9]{1,2})h"
            rf"(?P<minute_of_hour>[0-9]{{1,2}})m{_REST}",
        ),
        ("VID123_C04_2_2026y10m05d_14h30m.tif", "T101_X_A_disp_A11_1_2023y08m30d_16h09m.tif"),
        "[0-9]{4}y[0-9]",
        mark="[0-9][_-][0-9]+[_ -][0-9]{4}y",
    ),
    Scheme(
        "incucyte_raw",
        "IncuCyte, raw store",
        (
            r"(?:.*/)?(?P<year>[0-9]{2})(?P<month>[0-9]{2})/(?P<day_of_month>[0-9]{2})/"
            r"(?P<hour_of_day>[0-9]{2})(?P<minute_of_hour>[0-9]{2})/(?P<prefix>[0-9]+)/"
            rf"{_W}-(?P<field>[0-9]+)-(?P<channel>P|Ph|C[0-9]|BF|[A-Za-z]+[0-9]?)",
        ),
        ("EssenFiles/ScanData/2610/05/1430/1371/A1-1-Ph.tif",),
        hint="^[^-]*-[^-]*-[^-]*$",
        folders=-1,
    ),
    Scheme(
        "imagexpress",
        "ImageXpress, MetaXpress",
        (
            rf"{_P}{_W}_?s(?P<field>[0-9]{{1,3}})(?:_?(?P<channel>w[0-9]))?{_IX}",
            rf"{_P}(?!(?-i:s)){_W}_?(?P<channel>w[0-9]){_IX}",  # s1 is a site, S01 a well
            rf"{_P}{_W}_?{_GUID}",
        ),
        (
            "exp_A01_s1_w1.tif",
            "exp_P24_w2.TIF",
            "TimePoint_3/ZStep_1/exp_B02_s4_w1A1B2C3D4-0123-4567-89AB-0123456789AB.tif",
        ),
        r"[0-9]_?[sw][0-9]|-[0-9a-f]{12}$",
        mark="[0-9]{2}_?[sw][0-9]|-[0-9A-F]{12}$",
    ),
    Scheme(
        "imagexpress",
        "ImageXpress, one site and one wavelength",
        (rf"(?P<prefix>.+)_{_W}",),
        ("TimePoint_1/exp_C07.tif",),
        folder=r"(?:^|/)TimePoint_[0-9]+(?:/|$)",
        mark="(?!)",  # a word before a well is everybody's habit
    ),
    Scheme(
        "opera",
        "Opera Phenix, Operetta (Harmony)",
        (
            r"r(?P<rownumber>[0-9]{2})c(?P<column>[0-9]{2})f(?P<field>[0-9]+)p(?P<z>[0-9]+)(?:rc[0-9]+)?"
            r"-(?P<channel>ch[0-9]+)(?:sk|t)(?P<index>[0-9]+)(?:fk[0-9]+)?(?:fl[0-9]+)?",
        ),
        ("r03c04f144p05-ch3sk1fk1fl1.tiff", "Images/r16c24f01p01-ch1sk12fk1fl1.tiff"),
        "^r[0-9]{2}c",
    ),
    Scheme(
        "cellvoyager",
        "Yokogawa CellVoyager",
        (
            rf"{_P}{_W}_T(?P<index>[0-9]{{4}})F(?P<field>[0-9]{{3}})L[0-9]{{2}}A[0-9]{{2}}"
            r"Z(?P<z>[0-9]{2,3})(?P<channel>C[0-9]{2})",
        ),
        ("exp_C02_T0001F001L01A01Z01C01.tif",),
        "T[0-9]{4}F[0-9]{3}L",
    ),
    Scheme(
        "cytation",
        "BioTek Cytation, Gen5",
        (
            rf"{_P}{_W}_-?[0-9]+_[0-9]+_(?P<field>[0-9]+)(?:Z(?P<z>[0-9]+))?"
            r"_(?P<channel>[^0-9_][^_]*(?:_[^0-9_][^_]*)*)_(?P<index>[0-9]{3,4})",
        ),
        (
            "A1_03_1_1_Bright Field_001.tif",
            "B3_02_1_1Z0_Bright Field_001.tif",
            "H12_02_2_1_GFP_014.tif",
        ),
        "_[0-9]{3,4}$",
    ),
    Scheme(
        "evos",
        "EVOS",
        (
            rf"(?P<prefix>.+?)_(?:{_VESSEL})_(?P<channel>[A-Z0-9]+)"
            r"_p(?P<index>[0-9]+)(?:_z(?P<z>[0-9]+))?_(?P<index2>[0-9]+)"
            rf"_{_W}f(?P<field>[0-9]+)d[0-9]+",
            rf"(?!.*_(?:{_VESSEL})_)(?P<prefix>.+)_(?P<channel>[RDM])_p(?P<index>[0-9]+)"
            rf"_z(?P<z>[0-9]+)_(?P<index2>[0-9]+)_{_W}f(?P<field>[0-9]+)d[0-9]+",
        ),
        (
            "P1_Plate_M_p00_z00_0_A01f00d0.TIF",
            "scan_Plate_TR2_p00_0_H12f03d4.TIF",
            "scan_R_p2_z1_0_B03f01d0.tif",
        ),
        "f[0-9]+d[0-9]+$",
    ),
    Scheme(
        "cellomics",
        "Cellomics ArrayScan, CellInsight",
        (
            rf"(?!.*_(?:p[0-9]+_z[0-9]+|(?:{_VESSEL})_[A-Z0-9]+_p[0-9]+)_[0-9]+_[^_]+$){_P}{_W2}(?:t(?P<index>[0-9]+))?"
            r"f(?P<field>[0-9]+)(?P<channel>d[0-9]+)(?:[._]?o[0-9])?",
            rf"(?P<prefix>.*?)_?i3t(?P<index>[0-9]+){_W}f(?P<field>[0-9]+)(?P<channel>d[0-9]+)",
        ),
        (
            "MFGTMP_140206180002_A01f00d0.TIF",
            "H12f03d1.TIF",
            "170301_LOT_KRAS_P2_1_B02f0d0.tif",
            "020506platei3t001A01f01d2.TIF",
        ),
        "f[0-9]+d[0-9]",
    ),
    Scheme(
        "nikon_jobs",
        "NIS-Elements JOBS",
        (
            rf"(?:(?P<prefix>.+?)_+)?Well{_W}_Point[^_]+(?:_.*)?_(?P<field>[0-9]{{4}})"
            r"_Channel(?P<channel>.+?)_Seq(?P<sequence>[0-9]+)",
            rf"(?:(?P<prefix>.+?)_+)?Well{_W}_Channel(?P<channel>.+?)_Seq(?P<counter>[0-9]+)",
        ),
        (
            "WellA01_PointA01_0000_ChannelBF_Seq0000.tif",
            "20201115_184113_906__WellA2_ChannelDAPI_Seq0003.tif",
        ),
        "_Seq[0-9]",
        asks=(
            (
                "Seq is the field",
                r"Well(?P<well>[A-P]\d+)_Channel(?P<channel>.+)_Seq(?P<field>\d+)",
            ),
            (
                "Seq is the time point",
                r"Well(?P<well>[A-P]\d+)_Channel(?P<channel>.+)_Seq(?P<timepoint>\d+)",
            ),
        ),
    ),
    Scheme(
        "micromanager",
        "Micro-Manager, a folder a site",
        (
            rf"{_W}-Site_(?P<field>[0-9]+)/img_channel(?P<channel>[0-9]+)_position[0-9]+"
            r"_time(?P<index>[0-9]+)_z(?P<z>[0-9]+)",
            rf"{_W}-Site_(?P<field>[0-9]+)/img_(?P<index>[0-9]{{9}})_(?P<channel>.+)_(?P<z>[0-9]{{3}})",
        ),
        (
            "A1-Site_0/img_channel000_position000_time000000000_z000.tif",
            "B12-Site_3/img_000000002_Default_000.tif",
        ),
        "^img_",
        folder="-Site_[0-9]+$",
        folders=1,
    ),
    Scheme(
        "bd_pathway",
        "BD Pathway",
        (rf"Well {_W}/(?P<channel>.+) - n(?P<counter>[0-9]{{6}})",),
        ("Well A01/Transmitted Light - n000000.tif",),
        "- n[0-9]{6}$",
        folder="(?:^|/)Well [A-Z]{1,2}[0-9]{1,2}$",
        folders=1,
        asks=(
            (
                "n is the field",
                r"Well (?P<well>[A-P]\d+)/(?P<channel>[^/]+) - n(?P<field>\d+)",
            ),
            (
                "n is the time point",
                r"Well (?P<well>[A-P]\d+)/(?P<channel>[^/]+) - n(?P<timepoint>\d+)",
            ),
        ),
    ),
    Scheme(
        "scanr",
        "Olympus ScanR",
        (
            rf"{_W}--W[0-9]+--P(?P<field>[0-9]+)--Z(?P<z>[0-9]+)--T(?P<index>[0-9]+)"
            r"--(?P<channel>.+)",
        ),
        ("A1--W00001--P00001--Z00000--T00000--Alexa 488.tif",),
        "--W[0-9]+--P",
    ),
    Scheme(
        "columbus",
        "Operetta, Columbus (older)",
        (
            r"(?P<rownumber>[0-9]{3})(?P<column>[0-9]{3})-(?P<field>[0-9]+)-[0-9]{3}[0-9]{3}[0-9]{3}",
        ),
        ("002003-1-001001001.tif",),
        "^[0-9]{6}-[0-9]+-[0-9]{9}$",
    ),
    Scheme(
        "leica_matrix",
        "Leica Matrix Screener",
        (
            r".+--U(?P<row0>[0-9]+)--V(?P<column0>[0-9]+)--.*X(?P<x>[0-9]+)--Y(?P<y>[0-9]+)"
            r"--T(?P<index>[0-9]+)(?:--Z(?P<z>[0-9]+))?--C(?P<channel>[0-9]+)",
        ),
        ("image--L0000--S00--U00--V00--J08--E00--O00--X00--Y00--T0000--Z00--C00.ome.tif",),
        "--U[0-9]+--V",
        asks=(
            (
                "U is the row and V the column",
                r"--U(?P<row0>\d+)--V(?P<column0>\d+)--.*X(?P<fieldx>\d+)--Y(?P<field>\d+)"
                r"--T(?P<timepoint>\d+)(?:--Z(?P<z>\d+))?--C(?P<channel>\d+)",
            ),
            (
                "U is the column and V the row",
                r"--U(?P<column0>\d+)--V(?P<row0>\d+)--.*X(?P<fieldx>\d+)--Y(?P<field>\d+)"
                r"--T(?P<timepoint>\d+)(?:--Z(?P<z>\d+))?--C(?P<channel>\d+)",
            ),
        ),
    ),
    Scheme(
        "incell",
        "IN Cell Analyzer, new",
        (
            rf"{_P}(?P<row>A[A-F]|[A-Z])_(?P<column>[0-9]{{1,2}})(?:_f(?P<field>[0-9]+))?"
            r"(?:_c[0-9]+)?_x(?P<excitation>[^_]+)_m(?P<emission>[^_]+)(?:_z(?P<z>[0-9]+))?"
            r"(?:_t(?P<index>[0-9]+))?",
        ),
        ("A_01_f2_c1_xUV_mDAPI_z3_t2.tif",),
        "_x[^_]+_m",
    ),
    Scheme(
        "incell_old",
        "IN Cell Analyzer, old",
        (
            rf"{_P}(?P<row>A[A-F]|[A-Z]) ?- ?(?P<column>[0-9]{{1,2}}) ?\("
            r"(?:fld ?(?P<field>[0-9]+))?(?: ?wv (?P<channel>.+?))?(?: ?z ?(?P<z>[0-9]+))?"
            r"(?: ?time ?(?P<index>[0-9]+)(?: ?- ?(?P<ms>[0-9]+) ?ms)?)?\)",
        ),
        (
            "A - 01(fld 2 wv Blue - FITC).tif",
            "H - 12(fld 1 wv UV - DAPI z 3).tif",
            "B - 3(fld 1 wv TL-Brightfield time 2 - 3600000 ms).tif",
        ),
        r"\)$",
    ),
    Scheme(
        "acquifer",
        "Acquifer",
        (
            r"-?(?P<well>[A-P][0-9]{3})--PO(?P<field>[0-9]+)--LO(?P<index>[0-9]+)"
            r"--(?P<channel>CO[0-9]+)--SL(?P<z>[0-9]+)--.*",
        ),
        ("-B012--PO01--LO002--CO3--SL005--PX32500--PW0080--IN0020--TM281--X014580--Y0.tif",),
        "--PO",
    ),
    Scheme(
        "squid",
        "Squid",
        (
            rf"{_W}_(?P<field>[0-9]+)_(?P<z>[0-9]+)_"
            r"(?P<channel>Fluorescence[^/]*|(?:BF|DF|Brightfield|Darkfield)_LED[^/]*)",
        ),
        ("D16_2_2_Fluorescence_638_nm_Ex.tiff", "A01_0_0_BF_LED_matrix_full.tiff"),
        "_fluorescence|_led",
    ),
)
"""All vendor schemes; what none of them reads goes to the generic reading."""

_ANY_HINT = _has("|".join(f"(?:{scheme.hint})" for scheme in SCHEMES if scheme.hint))
_ANY_FOLDER = _has("|".join(f"(?:{scheme.folder})" for scheme in SCHEMES if not scheme.hint))
_WELL_LIKE = re.compile(r"(?<![^\W_])[A-Za-z]{1,2}[0-9]{1,3}(?![^\W_])").search
_FOLDERS = {scheme.name: scheme.folders for scheme in SCHEMES}
ASKING: dict[str, tuple[tuple[str, str], ...]] = {
    scheme.name: scheme.asks for scheme in SCHEMES if scheme.asks
}
"""Scheme -> possible readings of what the instrument leaves open (`Scheme.asks`)."""


def _well(found: dict[str, str | None]) -> Well | None:
    column = found.get("column")
    if (text := found.get("well")) is not None:
        return parse_well(text)
    if (row0 := found.get("row0")) is not None:
        row_index, column_index = int(row0), int(found["column0"] or 0)
        valid = row_index < MAX_ROWS and column_index < MAX_COLUMNS
        return Well(row_index, column_index) if valid else None
    if column is None:
        return None
    if (row := found.get("row")) is not None:
        return parse_well(row + column)
    row_number = int(found.get("rownumber") or 0)
    if not (1 <= row_number <= MAX_ROWS and 1 <= int(column) <= MAX_COLUMNS):
        return None
    return Well(row_number - 1, int(column) - 1)


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def split_channel(prefix: str) -> tuple[str, str]:
    """Cut a channel word off the end or the beginning of a prefix: rest and channel, or empty."""
    head, _, tail = prefix.rpartition("_")
    if is_channel(tail):
        return head, tail
    head, _, tail = prefix.partition("_")
    if is_channel(head):
        return tail, head
    return prefix, ""


def _acquired_at(found: dict[str, str | None]) -> datetime | None:
    year = found.get("year")
    if year is None:
        return None
    rest = ("month", "day_of_month", "hour_of_day", "minute_of_hour")
    month, day, hour, minute = (int(found[name] or 0) for name in rest)
    return datetime((2000 if len(year) == 2 else 0) + int(year), month, day, hour, minute)


def _reading(scheme: str, found: dict[str, str | None]) -> Reading | None:
    well = _well(found)
    if well is None:
        return None
    try:
        acquired_at = _acquired_at(found)
    except ValueError:  # 31 February: not this scheme
        return None
    plate, channel = found.get("prefix") or "", found.get("channel") or ""
    if not channel and found.get("emission"):
        channel = f"{found['excitation']} - {found['emission']}"
    if plate and not channel and scheme.startswith("incucyte"):
        plate, channel = split_channel(plate)
    part, rest = None, found.get("rest")
    if rest is not None and rest.isdecimal():
        part = int(rest)
    elif rest is not None and not channel and is_channel(rest):
        channel = rest
    hours = None
    if found.get("hours") is not None:
        minutes = int(found.get("minutes") or 0)
        hours = int(found["days"] or 0) * 24 + int(found["hours"] or 0) + minutes / 60
    elif found.get("ms") is not None:
        hours = int(found["ms"] or 0) / 3_600_000
    index = _number(found.get("index"))
    if index is not None and found.get("index2") is not None:
        # EVOS writes a pass and a repeat; in a time lapse one of the two counts.
        index += int(found["index2"] or 0)
    return Reading(
        scheme,
        well,
        plate=plate,
        field=_number(found.get("field")),
        part=part,
        channel=channel,
        z=_number(found.get("z")),
        hours=hours,
        hours_from="" if hours is None else "elapsed",
        acquired_at=acquired_at,
        index=index,
        counter=_number(found.get("counter")),
        sequence=_number(found.get("sequence")),
    )


@dataclass(frozen=True, slots=True)
class VendorMatch:
    """A name that fits a vendor's scheme.

    `start` and `end` are where its well stands in the name, -1 where that is beyond question.
    `marked`: the name has what only that vendor writes.
    """

    reading: Reading
    start: int
    end: int
    marked: bool

    def is_open(self, stem: str) -> bool:
        """Whether another word of the name could be the well, or a person have written it."""
        return self.start >= 0 and not (self.marked and _WELL_LIKE(stem[: self.start]) is None)


def match_vendor(stem: str, folder: str = "") -> VendorMatch | None:
    """Read a name without suffix by the first vendor scheme that fits it whole.

    `folder` are the folders above it, with `/`. None if no instrument writes such names.
    """
    if not _ANY_HINT(stem) and not _ANY_FOLDER(folder):
        return None
    for scheme in SCHEMES:
        if not scheme.hinted(stem) or not scheme.in_folder(folder):
            continue
        subject = stem
        if scheme.folders:
            above = folder.split("/")
            subject = "/".join([*(above if scheme.folders < 0 else above[-scheme.folders :]), stem])
        for fullmatch in scheme.matchers:
            match = fullmatch(subject)
            if match is not None:
                found = match.groupdict()
                reading = _reading(scheme.name, found)
                if reading is None:
                    continue
                weighed = scheme.mark and subject is stem
                at = match.span("well") if weighed else (-1, -1)
                return VendorMatch(reading, *at, bool(scheme.marked(stem)))
    return None


def folders_of(scheme: str) -> int:
    """How many folders above the file belong to its name (`Scheme.folders`)."""
    return _FOLDERS.get(scheme, 0)
