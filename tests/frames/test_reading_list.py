"""The reference list of names and their right reading, row by row."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import pytest

from tests.frames.conftest import Read

# name -> well, field, hours, channel, plate; None: whatever it is
Right = dict[str, tuple[str, int | None, float | None, str | None, str | None]]

WELLS = [f"{row}{column}" for row in "BCDEFG" for column in range(2, 12)]
FEW = WELLS[:4] + WELLS[10:14]


def canonical(well: str) -> str:
    return f"{well[0]}{int(well[1:]):02d}"


def timed(pattern: str, hours: dict[str, float], wells: Iterable[str] = WELLS) -> Right:
    """Names with the well and a word for the time."""
    return {
        pattern.format(well=well, time=word): (canonical(well), 1, hour, "", None)
        for well in wells
        for word, hour in hours.items()
    }


ROWS: list[tuple[str, Right]] = [
    (
        "C1, C2 behind B4, D4 are channels",
        {
            f"{w}_C{c}.tif": (canonical(w), 1, 0, f"C{c}", None)
            for w in ("B4", "D4")
            for c in (1, 2)
        },
    ),
    (
        "fields, times, planes",
        {
            f"{w}_F{f:02d}_T01_Z01.tif": (canonical(w), f, 0, "", None)
            for w in WELLS
            for f in (1, 2)
        },
    ),
    (
        "M1, M2 before wells are groups or plates",
        {
            f"M{m}_{w}_48h.tif": (canonical(w), 1, 48, "", f"M{m}")
            for m in (1, 2)
            for w in WELLS
        },
    ),
    ("G1 is the same everywhere", timed("{well}_G1_{time}.tif", {"d1": 24, "d2": 48})),
    (
        "dates and clocks of a well",
        timed("{well}_{time}.tif", {"20240301_0800": 0, "20240301_1400": 6, "20240301_2000": 12},
              ["A1"]),
    ),
    (
        "folders of dates and clocks",
        timed("{time}/{well}.tif", {"20240301_0800": 0, "20240301_1400": 6, "20240302_0800": 24}),
    ),
    (
        "dated folders of Gen5",
        timed("{time}_Plate 1/{well}.tif", {"241128_111010": 0, "241129_110950": 23.994}),
    ),
    ("a minus in names", timed("{well}_{time}.tif", {"-24h": -24, "0h": 0, "48h": 48}, ["B4"])),
    ("a minus in folders", timed("{time}/{well}.tif", {"Day -1": -24, "Day 0": 0, "Day 2": 48})),
    ("T0, T24, T48", timed("{well}_{time}.tif", {"T0": 0, "T24": 24, "T48": 48})),
    (
        "hours and days together",
        timed("{well}_{time}.tif", {"0h": 0, "1d": 24, "2d": 48, "72h": 72}, ["B4"]),
    ),
    ("H0, H24, H48", timed("{time}_{well}.tif", {"H0": 0, "H24": 24, "H48": 48})),
    (
        "Cellomics behind any prefix",
        {
            f"070314_TDS_VSV_50K_P2_1_{w}f{f}d0.tif": (w, f, 0, "d0", None)
            for w in ("B02", "B03", "C02")
            for f in (0, 1)
        },
    ),
    (
        "JOBS of NIS-Elements",
        {
            f"WellA01_PointA01_{f:04d}_ChannelBF_Seq{f:04d}.tif": ("A01", f, 0, "BF", None)
            for f in (0, 1)
        },
    ),
    (
        "Micro-Manager",
        {
            f"{w}-Site_0/img_channel000_position000_time000000000_z000.tif": (
                canonical(w), None, 0, None, "Exp"
            )
            for w in ("A1", "A2", "B1")
        },
    ),
    ("dates of six digits", timed("{time}_{well}.tif", {"240301": 0, "240302": 24})),
]  # fmt: skip


@pytest.mark.parametrize("right", [row[1] for row in ROWS], ids=[row[0] for row in ROWS])
def test_row_is_read(right: Right, read: Read) -> None:
    table = read(right)
    assert not table.problems
    assert {frame.path for frame in table.frames} == set(right)
    for frame in table.frames:
        well, field, hours, channel, plate = right[frame.path]
        assert frame.well == well
        assert field is None or frame.field == field
        assert hours is None or frame.time_h == pytest.approx(hours, abs=0.01)
        assert channel is None or frame.channel == channel
        assert plate is None or frame.plate == plate
    if all(plate is None for *_, plate in right.values()):
        assert len(table.plates) == 1


def test_gen5_folders_are_called_after_the_plate(read: Read) -> None:
    table = read(dict(ROWS)["dated folders of Gen5"])
    assert table.plates == ("Plate 1",)


def test_bd_pathway_is_asked(read: Read) -> None:
    names = [f"Well {w}/Transmitted Light - n{n:06d}.tif" for w in ("A01", "A02") for n in (0, 1)]
    table = read(names)
    assert not table.frames
    assert {finding.kind for finding in table.problems} == {"doubtful"}
    assert len(table.doubts[0].readings) == 2


def test_thumbnails_are_ignored(read: Read) -> None:
    images = [f"ABCD_{w}_s1_w1.tif" for w in ("A01", "A02", "B01")]
    table = read([*images, *(f"{one[:-4]}_thumbB71AE91C-0A53.tif" for one in images)])
    assert [frame.path for frame in table.frames] == sorted(images)
    assert not table.problems


def test_one_odd_name_costs_no_other(read: Read) -> None:
    good = [f"sphéroïde {w} (1).tif" for w in FEW]
    odd = unicodedata.normalize("NFD", "sphéroïde B2 (1) (2).tif")
    table = read([*good, odd])
    left_out = {finding.path for finding in table.findings}
    assert left_out <= {odd, "sphéroïde B2 (1).tif"}
    assert {frame.well for frame in table.frames} >= {canonical(w) for w in FEW[1:]}
