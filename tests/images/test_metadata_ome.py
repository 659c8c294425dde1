from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
import tifffile

from spheroid_qc.images import open_image, read_plane
from spheroid_qc.images.metadata_ome import read_ome

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
)


def document(
    pixels: str, inner: str = "", *, root: str = "", image: str = "", more: str = ""
) -> str:
    return (
        f'{HEAD} {root}><Image ID="Image:0" Name="a">{image}<Pixels ID="Pixels:0" {pixels}>{inner}'
        f"</Pixels></Image>{more}</OME>"
    )


def write_ome(path, stack, xml):
    with tifffile.TiffWriter(path) as tiff:
        for number, page in enumerate(stack):
            tiff.write(
                page,
                metadata=None,
                description=xml.encode() if number == 0 else None,
                photometric="minisblack",
            )
    return path


@pytest.fixture
def stack(picture):
    return [picture + number for number in range(12)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ('PhysicalSizeX="0.65" PhysicalSizeY="0.65"', 0.65),
        ('PhysicalSizeX="0.65" PhysicalSizeXUnit="µm"', 0.65),
        ('PhysicalSizeX="0.65" PhysicalSizeXUnit="um" PhysicalSizeY="0.65"', 0.65),
        ('PhysicalSizeX="650" PhysicalSizeXUnit="nm"', 0.65),
        ('PhysicalSizeY="650" PhysicalSizeYUnit="nm"', 0.65),
        ('PhysicalSizeX="0.00065" PhysicalSizeXUnit="mm"', 0.65),
        ('PhysicalSizeX="0.65" PhysicalSizeXUnit="micron"', 0.65),
        ('PhysicalSizeX="0.65" PhysicalSizeXUnit="pixel"', None),
        ('PhysicalSizeX="1" PhysicalSizeXUnit="reference frame"', None),
        ('PhysicalSizeX="0" PhysicalSizeY="0"', None),
        ('PhysicalSizeX="NaN" PhysicalSizeY="x"', None),
        ('PhysicalSizeX="-0.5"', None),
        ('PhysicalSizeX="1e9"', None),
        ("", None),
    ],
)  # fmt: skip
def test_pixel_size_and_its_units(tmp_path, picture, fields, expected):
    xml = document(f'SizeX="84" SizeY="60" SizeZ="1" SizeC="1" SizeT="1" {fields}')
    info = open_image(write_ome(tmp_path / "a.tif", [picture], xml))
    if expected is None:
        assert info.calibration.pixel_size_um is None
    else:
        assert info.calibration.pixel_size_um == pytest.approx(expected)
        assert info.calibration.source == "ome"


def test_a_pixel_size_of_another_picture_is_not_taken(tmp_path, picture):
    xml = document('SizeX="168" SizeY="120" SizeZ="1" SizeC="1" SizeT="1" PhysicalSizeX="0.5"')
    info = open_image(write_ome(tmp_path / "a.tif", [picture], xml))
    assert info.calibration.pixel_size_um is None
    assert "168 x 120" in info.calibration.note


@pytest.mark.parametrize("order", ["XYZCT", "XYZTC", "XYCTZ", "XYCZT", "XYTCZ", "XYTZC"])
def test_every_dimension_order(tmp_path, stack, order):
    sizes = {"T": 3, "C": 2, "Z": 2}
    xml = document(
        f'DimensionOrder="{order}" SizeX="84" SizeY="60" SizeZ="2" SizeC="2" SizeT="3"',
        '<Channel Name="GFP"/><Channel Name="Phase"/><TiffData/>',
    )
    path = write_ome(tmp_path / "a.tif", stack, xml)
    info = open_image(path)
    assert (info.n_t, info.n_c, info.n_z) == (3, 2, 2)
    assert info.channel_names == ("GFP", "Phase")
    at = {"T": 2, "C": 1, "Z": 0}
    number, stride = 0, 1
    for axis in order[2:]:
        number += at[axis] * stride
        stride *= sizes[axis]
    from spheroid_qc.parameters import ImageParameters

    plane = read_plane(path, ImageParameters(z="first"), time=2)
    assert plane.channel == "Phase"
    np.testing.assert_array_equal(plane.pixels, stack[number])


def test_planes_by_explicit_numbers(tmp_path, stack):
    blocks = (
        '<TiffData IFD="2" FirstT="0"/><TiffData IFD="0" FirstT="1"/><TiffData IFD="1" FirstT="2"/>'
    )
    xml = document('SizeX="84" SizeY="60" SizeZ="1" SizeC="1" SizeT="3"', blocks)
    path = write_ome(tmp_path / "a.tif", stack[:3], xml)
    for time, page in enumerate((2, 0, 1)):
        np.testing.assert_array_equal(read_plane(path, time=time).pixels, stack[page])


def test_one_file_of_a_set_whose_partners_are_absent(tmp_path, stack):
    blocks = "".join(
        f'<TiffData IFD="{z}" FirstT="{t}" FirstZ="{z}"><UUID FileName="t{t}.ome.tif">urn:uuid:{t}'
        "</UUID></TiffData>"
        for t in range(5)
        for z in range(2)
    )
    planes = "".join(
        f'<Plane TheT="{t}" TheC="0" TheZ="{z}" DeltaT="{t * 4}" DeltaTUnit="h" PositionX="1.5" '
        'PositionXUnit="mm" PositionY="-200" PositionYUnit="µm"/>'
        for t in range(5)
        for z in range(2)
    )
    xml = document(
        'SizeX="84" SizeY="60" SizeZ="2" SizeC="1" SizeT="5" PhysicalSizeX="1.2"',
        blocks + planes,
        root='UUID="urn:uuid:3"',
        image="<AcquisitionDate>2026-05-01T10:00:00</AcquisitionDate>",
    )
    path = write_ome(tmp_path / "renamed.ome.tif", stack[:2], xml)
    info = open_image(path)
    assert (info.n_t, info.n_z) == (1, 2)
    assert info.acquired == datetime(2026, 5, 1, 22)
    assert info.times_h == (0.0,)
    assert info.positions == ((1500.0, -200.0),)
    assert "one file of a set" in " ".join(info.notes)
    assert read_plane(path).pixels.shape == (60, 84)


def test_a_file_of_a_set_that_is_found_by_its_name_only(tmp_path, stack):
    blocks = "".join(
        f'<TiffData IFD="0" FirstT="{t}"><UUID FileName="t{t}.ome.tif">urn:uuid:{t}</UUID>'
        "</TiffData>"
        for t in range(3)
    )
    xml = document('SizeX="84" SizeY="60" SizeZ="1" SizeC="1" SizeT="3"', blocks)
    path = write_ome(tmp_path / "t1.ome.tif", stack[4:5], xml)
    assert open_image(path).n_t == 1
    np.testing.assert_array_equal(read_plane(path).pixels, stack[4])
    # Neither identity nor name: the pages speak for themselves.
    other = write_ome(tmp_path / "x.ome.tif", stack[5:6], xml)
    np.testing.assert_array_equal(read_plane(other).pixels, stack[5])


def test_times_from_increment_and_from_planes(tmp_path, stack):
    base = 'SizeX="84" SizeY="60" SizeZ="1" SizeC="1" SizeT="3"'
    uneven = "".join(
        f'<Plane TheT="{t}" TheC="0" TheZ="0" DeltaT="{t * t * 3600 + 5}"/>' for t in range(3)
    )
    for fields, inner, expected in (
        ('TimeIncrement="7200"', "", (0, 2, 4)),
        ('TimeIncrement="120" TimeIncrementUnit="min"', "", (0, 2, 4)),
        ('TimeIncrement="2.5" TimeIncrementUnit="h"', "", (0, 2.5, 5)),
        ('TimeIncrement="0"', "", None),
        ("", uneven, (0, 1, 4)),
        ("", '<Plane TheT="0" TheC="0" TheZ="0" DeltaT="0"/>', None),
    ):  # fmt: skip
        path = write_ome(tmp_path / "a.tif", stack[:3], document(f"{base} {fields}", inner))
        times = open_image(path).times_h
        assert times == (None if expected is None else pytest.approx(expected))


def test_significant_bits_give_the_saturation(tmp_path, picture):
    xml = document('SizeX="84" SizeY="60" SizeZ="1" SizeC="1" SizeT="1" SignificantBits="12"')
    plane = read_plane(write_ome(tmp_path / "a.tif", [picture >> 4], xml))
    assert plane.info.bits == 12


def test_a_cut_stack_keeps_its_earlier_times(tmp_path, stack):
    from spheroid_qc.errors import ImageError

    xml = document('SizeX="84" SizeY="60" SizeZ="1" SizeC="1" SizeT="12"', "<TiffData/>")
    path = write_ome(tmp_path / "a.tif", stack[:12], xml)
    path.write_bytes(path.read_bytes()[:60_000])
    np.testing.assert_array_equal(read_plane(path, time=1).pixels, stack[1])
    with pytest.raises(ImageError, match="copy it again"):
        read_plane(path, time=11)


def test_the_picture_counts_among_several_images(tmp_path, picture):
    label = (
        '<Image ID="Image:1"><Pixels SizeX="20" SizeY="20" SizeZ="1" SizeC="1" SizeT="1"/></Image>'
    )
    xml = document(
        'SizeX="84" SizeY="60" SizeZ="1" SizeC="1" SizeT="1" PhysicalSizeX="2"',
        "<TiffData/>",
        more=label,
    )
    assert open_image(write_ome(tmp_path / "a.tif", [picture], xml)).calibration.pixel_size_um == 2


@pytest.mark.parametrize(
    "xml",
    [
        '<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
        + document('SizeX="84" SizeY="60"').replace("</OME>", "&b;</OME>"),
        document('SizeX="84" SizeY="60"')[:-40] + "</OME>",
        HEAD + ">" + "<a>" * 5000 + "</a>" * 5000 + "</OME>",
    ],
    ids=["entities", "damaged", "deep"],
)
def test_hostile_or_damaged_xml_costs_only_the_metadata(tmp_path, picture, xml):
    plane = read_plane(write_ome(tmp_path / "a.tif", [picture], xml))
    np.testing.assert_array_equal(plane.pixels, picture)
    assert "ignored" in " ".join(plane.info.notes)


def test_sizes_beyond_reason_are_not_believed():
    pixels = 'SizeX="84" SizeY="60" SizeZ="1" SizeC="999999999" SizeT="999999999"'
    assert read_ome(document(pixels, "<TiffData/>"), "a", 1) == []
    many = '<TiffData IFD="0" PlaneCount="199999"/>' * 200
    (read,) = read_ome(document('SizeX="8" SizeY="6" SizeT="199999"', many), "a", 1)
    assert read.sizes[0] == 199_999


def test_tifffiles_own_ome_colour(tmp_path, picture):
    rgb = np.stack([np.dstack([picture, picture // 2, picture // 3])] * 2)
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, rgb, photometric="rgb", metadata={"axes": "TYXS"})
    info = open_image(path)
    assert (info.n_t, info.n_c, info.colour) == (2, 1, True)
    apart = tmp_path / "b.ome.tif"
    tifffile.imwrite(
        apart,
        np.moveaxis(rgb[0], -1, 0),
        photometric="minisblack",
        planarconfig="separate",
        metadata={"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP", "BF"]}},
    )
    plane = read_plane(apart, channel="3")
    assert plane.info.n_c == 3
    np.testing.assert_array_equal(plane.pixels, picture // 3)
