from __future__ import annotations

from datetime import datetime

import pytest
import tifffile

from spheroid_qc.images import open_image

GEN5 = (
    '<?xml version="1.0"?><BTIImageMetaData Version="29"><ImageReference><Date>02/19/26</Date>'
    "<Time>14:05:30</Time><Well>B1</Well></ImageReference><ImageAcquisition>"
    "<ObjectiveSize>4</ObjectiveSize><PixelWidth>84</PixelWidth><PixelHeight>60</PixelHeight>"
    "<ImageWidthMicrons>136.08</ImageWidthMicrons><ImageHeightMicrons>97.2</ImageHeightMicrons>"
    "</ImageAcquisition></BTIImageMetaData>"
)

METAMORPH = (
    '<MetaData><prop id="Description" type="string" value="Plate&#13;&#10;"/><PlaneInfo>'
    '<prop id="spatial-calibration-state" type="bool" value="on"/>'
    '<prop id="spatial-calibration-x" type="float" value="1.3556"/>'
    '<prop id="spatial-calibration-y" type="float" value="1.3556"/>'
    '<prop id="spatial-calibration-units" type="string" value="um"/>'
    '<prop id="acquisition-time-local" type="time" value="20260812 11:05:14.321"/>'
    '<prop id="stage-position-x" type="float" value="12000.5"/>'
    '<prop id="stage-position-y" type="float" value="-40"/>'
    '<prop id="_IllumSetting_" type="string" value="TL Phase"/></PlaneInfo></MetaData>'
)


def described(write, picture, text, **options):
    return open_image(write(picture, description=text, metadata=None, **options))


def test_gen5(write, picture):
    info = described(write, picture, GEN5)
    assert info.calibration.pixel_size_um == pytest.approx(1.62)
    assert info.calibration.source == "vendor"
    assert info.acquired == datetime(2026, 2, 19, 14, 5, 30)


def test_gen5_of_a_picture_that_was_resized(write, picture):
    info = described(write, picture[::2, ::2], GEN5)
    assert info.calibration.pixel_size_um is None
    assert "another size" in info.calibration.note


def test_metamorph(write, picture):
    info = described(write, picture, METAMORPH, software="MetaSeries")
    assert info.calibration.pixel_size_um == pytest.approx(1.3556)
    assert info.acquired == datetime(2026, 8, 12, 11, 5, 14, 321000)
    assert info.positions == ((12000.5, -40.0),)
    assert info.channel_names == ("TL Phase",)
    off = described(write, picture, METAMORPH.replace('value="on"', 'value="off"'))
    assert off.calibration.pixel_size_um is None


def test_micro_manager(write, picture):
    text = b'{"PixelSizeUm": 0.65, "Channel": "BF", "XPositionUm": 1, "YPositionUm": 2}'
    extratags = [(51123, 2, len(text) + 1, text, True)]
    info = described(write, picture, None, extratags=extratags)
    assert info.calibration.pixel_size_um == pytest.approx(0.65)
    assert info.positions == ((1.0, 2.0),)
    text = b'{"PixelSizeUm": 0.0}'
    info = described(write, picture, None, extratags=[(51123, 2, len(text) + 1, text, True)])
    assert info.calibration.pixel_size_um is None


def test_aperio(write, picture):
    info = described(write, picture, "Aperio Image Library v1|AppMag = 20|MPP = 0.4990")
    assert info.calibration.pixel_size_um == pytest.approx(0.499)


def test_resolution_tags(write, picture):
    options = {"resolution": (10_000 / 1.24, 10_000 / 1.24), "resolutionunit": "CENTIMETER"}
    info = described(write, picture, None, **options)
    assert info.calibration.pixel_size_um == pytest.approx(1.24, rel=1e-4)
    for dpi in (72, 96, 300, 600):
        info = described(write, picture, None, resolution=(dpi, dpi), resolutionunit="INCH")
        assert info.calibration.pixel_size_um is None
        assert "screens" in info.calibration.note
    info = described(write, picture, None, resolution=(1, 1), resolutionunit="NONE")
    assert info.calibration.pixel_size_um is None


def test_date_tag_and_zero_dates(write, picture):
    assert described(write, picture, None, datetime="2026:01:02 03:04:05").acquired == datetime(
        2026, 1, 2, 3, 4, 5
    )
    path = write(picture, metadata=None, datetime="2026:01:02 03:04:05")
    data = path.read_bytes().replace(b"2026:01:02 03:04:05", b"0000:00:00 00:00:00")
    path.write_bytes(data)
    assert open_image(path).acquired is None


@pytest.mark.parametrize(
    "text",
    [
        GEN5.replace("136.08", "many").replace("97.2", "0"),
        GEN5[:-30],
        '<!DOCTYPE a [<!ENTITY b "c">]>' + GEN5,
        METAMORPH.replace("1.3556", "1e400"),
        "<MetaData><PlaneInfo>" + '<prop id="x' * 1000,
        "Aperio |MPP = ....",
    ],
)
def test_damaged_fields_cost_only_themselves(write, picture, text):
    info = described(write, picture, text)
    assert info.calibration.pixel_size_um is None
    assert (info.height, info.width) == picture.shape


def test_ome_is_trusted_more_than_resolution(tmp_path, picture):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(
        path,
        picture,
        metadata={"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5},
        resolution=(10_000 / 0.7, 10_000 / 0.7),
        resolutionunit="CENTIMETER",
    )
    info = open_image(path)
    assert info.calibration.source == "ome"
    assert [one.source for one in info.calibrations] == ["ome", "vendor"]
