from __future__ import annotations

import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from spheroid_qc.errors import ImageError
from spheroid_qc.images import open_image, read_plane
from spheroid_qc.parameters import ImageParameters


@pytest.mark.parametrize(
    "dtype",
    ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"],
)
def test_every_number_type_comes_back_as_stored(write, picture, dtype):
    array = (picture >> 9).astype(dtype)
    plane = read_plane(write(array))
    assert plane.pixels.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(plane.pixels, array)
    assert plane.pixels.flags.c_contiguous
    assert plane.info.dtype == np.dtype(dtype).name


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "lzw"},
        {"compression": "lzw", "predictor": True},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True, "rowsperstrip": 7},
        {"compression": "zstd"},
        {"compression": "lzma"},
        {"compression": "packbits"},
        {"compression": "jpeg2000", "compressionargs": {"reversible": True, "level": 0}},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"byteorder": ">", "compression": "zlib", "predictor": True},
        {"bigtiff": True, "byteorder": ">"},
        {"tile": (32, 48)},
        {"tile": (16, 16), "compression": "lzw", "predictor": True},
        {"rowsperstrip": 1},
        {"rowsperstrip": 13},
    ],
    ids=str,
)
def test_lossless_storage_gives_the_same_pixels(write, picture, options):
    plane = read_plane(write(picture, **options))
    np.testing.assert_array_equal(plane.pixels, picture)
    assert plane.pixels.dtype.isnative


def test_float_predictor(write, picture):
    array = picture.astype("f4") / 7
    plane = read_plane(write(array, compression="zlib", predictor=3, tile=(32, 32)))
    np.testing.assert_array_equal(plane.pixels, array)


def test_jpeg_inside_tiff_is_close(write, picture):
    eight = (picture >> 8).astype(np.uint8)
    plane = read_plane(write(eight, compression="jpeg", tile=(32, 32)))
    assert np.abs(plane.pixels.astype(int) - eight).mean() < 3


def test_one_bit(write, picture):
    bits = picture > 30_000
    plane = read_plane(write(bits, photometric="minisblack"))
    assert plane.pixels.dtype == np.uint8
    np.testing.assert_array_equal(plane.pixels, bits)
    plane = read_plane(write(bits, photometric="miniswhite"))
    np.testing.assert_array_equal(plane.pixels, ~bits)


def test_fax_compression(tmp_path, picture):
    bits = picture > 30_000
    path = tmp_path / "fax.tif"
    Image.fromarray(bits).save(path, compression="group4")
    np.testing.assert_array_equal(read_plane(path).pixels, bits)


def test_twelve_bits_packed(tmp_path):
    """Two values in three bytes, as some cameras write."""
    values = np.arange(8 * 4, dtype=np.uint16) * 130 % 4096
    first, second = values[::2].astype(int), values[1::2].astype(int)
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=1).astype(
        np.uint8
    )
    tags = [
        (256, 3, 1, 8),
        (257, 3, 1, 4),
        (258, 3, 1, 12),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 200),
        (277, 3, 1, 1),
        (278, 3, 1, 4),
        (279, 4, 1, packed.size),
    ]
    data = bytearray(b"II*\x00" + struct.pack("<IH", 8, len(tags)))
    for code, kind, count, value in tags:
        data += struct.pack("<HHII", code, kind, count, value)
    data += struct.pack("<I", 0)
    data += b"\x00" * (200 - len(data)) + packed.tobytes()
    path = tmp_path / "packed.tif"
    path.write_bytes(bytes(data))
    plane = read_plane(path)
    np.testing.assert_array_equal(plane.pixels.ravel(), values)
    assert plane.info.bits == 12
    assert plane.info.bits == 12


def test_colour_becomes_luminance(write, picture):
    red = (picture >> 8).astype(np.uint8)
    rgb = np.dstack([red, red // 2, red // 4])
    plane = read_plane(write(rgb, photometric="rgb"))
    expected = 0.2126 * red + 0.7152 * (red // 2) + 0.0722 * (red // 4)
    assert plane.pixels.dtype == np.float32
    np.testing.assert_allclose(plane.pixels, expected, rtol=1e-5)
    assert plane.info.colour
    assert plane.info.n_c == 1


def test_grey_dressed_as_colour_keeps_its_values(write, picture):
    plane = read_plane(write(np.dstack([picture] * 3), photometric="rgb"))
    np.testing.assert_array_equal(plane.pixels, picture)
    assert plane.pixels.dtype == np.uint16


def test_planes_of_colour_side_by_side_or_apart(write, picture):
    rgb = np.dstack([picture, picture // 2, picture // 3])
    together = read_plane(write(rgb, "a.tif", photometric="rgb")).pixels
    apart = read_plane(
        write(np.moveaxis(rgb, -1, 0), "b.tif", photometric="rgb", planarconfig="separate")
    ).pixels
    np.testing.assert_array_equal(together, apart)


def test_fully_transparent_pixels_are_background(write, picture):
    alpha = np.full(picture.shape, 255, np.uint8)
    alpha[:10] = 0
    red = (picture >> 8).astype(np.uint8)
    rgba = np.dstack([red, red, red, alpha])
    pixels = read_plane(write(rgba, photometric="rgb", extrasamples=["unassalpha"])).pixels
    assert np.isnan(pixels[:10]).all()
    np.testing.assert_array_equal(pixels[10:], red[10:])
    constant = np.dstack([red, red, red, np.zeros_like(red)])
    pixels = read_plane(write(constant, photometric="rgb", extrasamples=["unassalpha"])).pixels
    np.testing.assert_array_equal(pixels, red)


def test_palette_is_looked_up_and_imagej_tables_are_not(write, picture):
    index = (picture >> 8).astype(np.uint8)
    ramp = np.tile(np.arange(256, dtype=np.uint16)[::-1] * 257, (3, 1))
    looked_up = read_plane(write(index, "p.tif", photometric="palette", colormap=ramp)).pixels
    np.testing.assert_array_equal(looked_up, (255 - index.astype(np.uint16)) * 257)
    path = write(
        index,
        "ij.tif",
        photometric="palette",
        colormap=ramp,
        description="ImageJ=1.54f\nmin=0",
        metadata=None,
    )
    np.testing.assert_array_equal(read_plane(path).pixels, index)


def test_white_is_zero_is_turned(write, picture):
    pixels = read_plane(write(picture, photometric="miniswhite")).pixels
    np.testing.assert_array_equal(pixels, 65535 - picture)
    signed = picture.astype("f4")
    np.testing.assert_array_equal(
        read_plane(write(signed, "f.tif", photometric="miniswhite")).pixels, -signed
    )


def test_cmyk(write):
    ink = np.zeros((20, 30, 4), np.uint8)
    ink[:, 15:, 3] = 255
    pixels = read_plane(write(ink, photometric="separated")).pixels
    assert (pixels[:, :15] == 255).all()
    assert (pixels[:, 15:] == 0).all()


def test_pyramid_gives_full_resolution(tmp_path, picture):
    path = tmp_path / "pyramid.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(picture, subifds=1, tile=(16, 16), metadata={"axes": "YX", "PhysicalSizeX": 0.5})
        tiff.write(picture[::2, ::2], subfiletype=1, tile=(16, 16))
    plane = read_plane(path)
    np.testing.assert_array_equal(plane.pixels, picture)
    assert (plane.info.n_t, plane.info.n_c, plane.info.n_z) == (1, 1, 1)


def test_pyramid_and_thumbnail_pages_are_not_times(tmp_path, picture):
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(picture[::4, ::4], metadata=None)
        tiff.write(picture, metadata=None)
        tiff.write(picture[::2, ::2], subfiletype=1, metadata=None)
    plane = read_plane(path)
    np.testing.assert_array_equal(plane.pixels, picture)
    assert plane.info.n_t == 1


def test_pages_without_labels_are_times_and_a_note_says_so(tmp_path, picture):
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as tiff:
        for step in range(3):
            tiff.write(picture + step, metadata=None)
    info = open_image(path)
    assert (info.n_t, info.n_c, info.n_z) == (3, 1, 1)
    assert "read as times" in " ".join(info.notes)
    np.testing.assert_array_equal(read_plane(path, time=2).pixels, picture + 2)
    with pytest.raises(ImageError, match="has no time point 4"):
        read_plane(path, time=3)


@pytest.mark.parametrize("axes", ["TZCYX", "ZTYX", "CYX", "TCYX", "ZYX"])
def test_axes_of_python_files(write, axes):
    sizes = {"T": 2, "Z": 3, "C": 4, "Y": 20, "X": 30}
    shape = [sizes[axis] for axis in axes]
    array = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    path = write(array, metadata={"axes": axes}, photometric="minisblack")
    info = open_image(path)
    assert info.n_t == (2 if "T" in axes else 1)
    assert info.n_z == (3 if "Z" in axes else 1)
    assert info.n_c == (4 if "C" in axes else 1)
    at = {"T": info.n_t - 1, "C": info.n_c - 1, "Z": 0}
    index = tuple(at[axis] for axis in axes[:-2])
    plane = read_plane(path, ImageParameters(z="first"), time=at["T"], channel=str(at["C"] + 1))
    np.testing.assert_array_equal(plane.pixels, array[index])


def test_channels_side_by_side_in_a_pixel(write, picture):
    array = np.stack([picture, picture // 2, picture // 3, picture // 4, picture // 5])
    for planar, data in (("separate", array), ("contig", np.moveaxis(array, 0, -1))):
        path = write(data, f"{planar}.tif", photometric="minisblack", planarconfig=planar)
        assert open_image(path).n_c == 5
        np.testing.assert_array_equal(read_plane(path, channel="3").pixels, picture // 3)


def test_nan_and_infinity_stay(write, picture):
    array = picture.astype("f4")
    array[0, 0], array[1, 1] = np.nan, np.inf
    pixels = read_plane(write(array)).pixels
    np.testing.assert_array_equal(pixels, array)


def test_hash_is_of_the_bytes(write, picture):
    import hashlib

    path = write(picture)
    assert read_plane(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_large_files_stay_on_disc_and_read_the_same(write, picture, monkeypatch):
    path = write(np.stack([picture, picture + 1]), metadata={"axes": "TYX"}, compression="zlib")
    whole = read_plane(path, time=1)
    monkeypatch.setattr("spheroid_qc.images.file_bytes.MAX_WHOLE_FILE_BYTES", 100)
    piecewise = read_plane(path, time=1)
    np.testing.assert_array_equal(whole.pixels, piecewise.pixels)
    assert whole.sha256 == piecewise.sha256


def test_complex_numbers_are_refused(write, picture):
    with pytest.raises(ImageError, match="complex"):
        read_plane(write(picture.astype("c8")))


def test_unknown_compression_is_named(write, picture):
    path = write((picture >> 8).astype(np.uint8), compression="png")
    with pytest.raises(ImageError, match="its compression"):
        read_plane(path)


def test_orientation_is_not_applied_but_noted(write, picture):
    plane = read_plane(write(picture, extratags=[(274, 3, 1, 6, True)]))
    assert "orientation" in " ".join(plane.info.notes)
    np.testing.assert_array_equal(plane.pixels, picture)
