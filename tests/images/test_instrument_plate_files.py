from __future__ import annotations

import pytest

from spheroid_qc.images import plate_calibration

OPERA = """<?xml version="1.0" encoding="utf-8"?>
<EvaluationInputData xmlns="http://www.perkinelmer.com/PEHH/HarmonyV5"><Images>
<Image Version="1"><id>a</id><URL>r01c02f01p01-ch1sk1fk1fl1.tiff</URL><ChannelID>1</ChannelID>
<ImageResolutionX Unit="m">6.5E-07</ImageResolutionX>
<ImageResolutionY Unit="m">6.5E-07</ImageResolutionY>
<PositionX Unit="m">-0.000322</PositionX><PositionY Unit="m">0.0001</PositionY>
<AbsTime>2026-01-01T10:00:00.1234567+01:00</AbsTime></Image>
<Image Version="1"><id>b</id><URL>r01c02f01p01-ch2sk1fk1fl1.tiff</URL><ChannelID>2</ChannelID>
<ImageResolutionX Unit="m">1.3E-06</ImageResolutionX>
<ImageResolutionY Unit="m">1.3E-06</ImageResolutionY>
</Image></Images></EvaluationInputData>"""

OPERA_NEW = """<EvaluationInputData><Maps><Map><Entry ChannelID="1"><ChannelName>BF</ChannelName>
<ImageResolutionX Unit="m">2.9E-06</ImageResolutionX>
<ImageResolutionY Unit="m">2.9E-06</ImageResolutionY>
</Entry></Map></Maps></EvaluationInputData>"""

CELLVOYAGER = """<?xml version="1.0"?><bts:MeasurementDetail
 xmlns:bts="http://www.yokogawa.co.jp/BTS/BTSSchema/1.0">
<bts:MeasurementChannel bts:Ch="1" bts:HorizontalPixelDimension="0.65"
 bts:VerticalPixelDimension="0.65"/>
<bts:MeasurementChannel bts:Ch="2" bts:HorizontalPixelDimension="1.3"
 bts:VerticalPixelDimension="1.3"/>
</bts:MeasurementDetail>"""


def size(calibration):
    return None if calibration is None else calibration.pixel_size_um


def test_opera_index(tmp_path):
    folder = tmp_path / "plate" / "Images"
    folder.mkdir(parents=True)
    (folder / "Index.idx.xml").write_text(OPERA, encoding="utf-8-sig")
    plate = plate_calibration(tmp_path)
    one = "plate/Images/r01c02f01p01-ch1sk1fk1fl1.tiff"
    assert size(plate.for_path(one)) == pytest.approx(0.65)
    assert plate.for_path(one).source == "plate_file"
    assert size(plate.for_path(one.replace("ch1", "ch2"))) == pytest.approx(1.3)
    assert plate.for_path("plate/Images/other.tiff") is None
    assert plate.position(one) == pytest.approx((-322, 100))
    assert plate.acquired(one).isoformat() == "2026-01-01T09:00:00.123456"
    assert "0.65" in plate.notes[0]


def test_opera_index_by_channel(tmp_path):
    (tmp_path / "Index.xml").write_text(OPERA_NEW)
    plate = plate_calibration(tmp_path)
    assert size(plate.for_path("r01c02f01p01-ch1sk1fk1fl1.tiff")) == pytest.approx(2.9)
    assert plate.for_path("r01c02f01p01-ch2sk1fk1fl1.tiff") is None


def test_cellvoyager(tmp_path):
    (tmp_path / "MeasurementDetail.mrf").write_text(CELLVOYAGER)
    plate = plate_calibration(tmp_path)
    assert size(plate.for_path("x_C02_T0001F001L01A01Z01C01.tif")) == 0.65
    assert size(plate.for_path("x_C02_T0001F001L01A01Z01C02.tif")) == 1.3


def test_incell_zen_jdce_and_plain(tmp_path):
    for name, text, expected in (
        ("a/scan.xdce", '<ImageStack><ObjectiveCalibration unit="um" pixel_width="1.62" '
         'pixel_height="1.62"/></ImageStack>', 1.62),
        ("b/x_metadata.xml", '<M><Scaling><Items><Distance Id="X"><Value>6.5E-07</Value></Distance>'
         '<Distance Id="Y"><Value>6.5E-07</Value></Distance></Items></Scaling></M>', 0.65),
        ("c/p.jdce", '{"ImageStack": {"AutoLeadAcquisitionProtocol": {"ObjectiveCalibration": '
         '{"PixelWidth": 0.7, "PixelHeight": 0.7}}}}', 0.7),
        ("d/pixel_size.txt", "# measured\npixel size = 1,24 µm\n", 1.24),
        ("e/pixel_size.txt", "650 nm", 0.65),
        ("f/pixelsize.txt", "0.9", 0.9),
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8")
        plate = plate_calibration(tmp_path)
        assert size(plate.for_path(f"{path.parent.name}/deep/er/A01.tif")) == pytest.approx(
            expected
        )
        assert plate.for_path("A01.tif") is None


def test_the_nearest_plate_file_counts(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "pixel_size.txt").write_text("2 um")
    (tmp_path / "sub" / "pixel_size.txt").write_text("3 um")
    plate = plate_calibration(tmp_path)
    assert size(plate.for_path("A01.tif")) == 2
    assert size(plate.for_path("sub/A01.tif")) == 3


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("pixel_size.txt", b"about two"),
        ("pixel_size.txt", b"2 furlongs"),
        ("pixel_size.txt", b"0"),
        ("pixel_size.txt", b""),
        ("MeasurementDetail.mrf", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
        ("MeasurementDetail.mrf", b"\x00\xff\xfe"),
        ("scan.xdce", b"<a>"),
        ("p.jdce", b"{}"),
        ("p.jdce", b"[" * 100_000),
        ("Index.idx.xml", b"<Image>" * 2000),
    ],
)
def test_damaged_plate_files_cost_a_note_at_most(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    plate = plate_calibration(tmp_path)
    assert size(plate.for_path("A01.tif")) is None
    for note in plate.notes:
        assert name in note
