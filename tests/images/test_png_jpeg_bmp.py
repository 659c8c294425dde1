from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from spheroid_qc.errors import ImageError
from spheroid_qc.images import open_image, read_plane
from spheroid_qc.parameters import ImageParameters


@pytest.fixture(scope="module")
def eight(picture):
    return (picture >> 8).astype(np.uint8)


@pytest.mark.parametrize("name", ["a.png", "a.bmp"])
def test_lossless_grey(tmp_path, eight, name):
    path = tmp_path / name
    Image.fromarray(eight).save(path)
    plane = read_plane(path)
    np.testing.assert_array_equal(plane.pixels, eight)
    assert (plane.info.kind, plane.info.dtype) == (name[2:], "uint8")


def test_sixteen_bit_png(tmp_path, picture):
    path = tmp_path / "a.png"
    Image.fromarray(picture).save(path)
    plane = read_plane(path)
    assert plane.pixels.dtype == np.uint16
    np.testing.assert_array_equal(plane.pixels, picture)


def test_sixteen_bit_colour_png_keeps_all_bits(tmp_path, picture):
    path = tmp_path / "a.png"
    path.write_bytes(imagecodecs.png_encode(np.dstack([picture, picture, picture + 1])))
    pixels = read_plane(path).pixels
    expected = picture + np.float32(0.0722)
    np.testing.assert_allclose(pixels, expected, atol=0.02)


def test_palette_png(tmp_path, eight):
    image = Image.fromarray(eight).convert("P")
    image.putpalette([255 - i for i in range(256) for _ in range(3)])
    path = tmp_path / "a.png"
    image.save(path)
    np.testing.assert_array_equal(read_plane(path).pixels, 255 - eight)


def test_grey_with_alpha(tmp_path, eight):
    alpha = np.full_like(eight, 200)
    alpha[:, :5] = 0
    path = tmp_path / "a.png"
    Image.fromarray(np.dstack([eight, alpha])).save(path)
    pixels = read_plane(path).pixels
    assert np.isnan(pixels[:, :5]).all()
    np.testing.assert_array_equal(pixels[:, 5:], eight[:, 5:])


def test_one_bit_png(tmp_path, eight):
    path = tmp_path / "a.png"
    Image.fromarray(eight > 100).save(path)
    np.testing.assert_array_equal(read_plane(path).pixels, eight > 100)


def test_interlaced_png(tmp_path, picture):
    """Adam7 passes laid by hand: no writer at hand makes them."""
    import struct
    import zlib

    grey = (picture[:16, :16] >> 8).astype(np.uint8)
    raw = b""
    for y0, x0, dy, dx in (
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    ):
        for row in grey[y0::dy, x0::dx]:
            raw += b"\x00" + row.tobytes()

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    path = tmp_path / "a.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 0, 0, 0, 1))
        + chunk(b"IDAT", zlib.compress(raw))
        + chunk(b"IEND", b"")
    )
    np.testing.assert_array_equal(read_plane(path).pixels, grey)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg(tmp_path, eight, mode):
    path = tmp_path / "a.jpg"
    Image.fromarray(eight).convert("RGB").convert(mode).save(path, quality=95)
    plane = read_plane(path)
    assert plane.pixels.shape == eight.shape
    assert np.abs(plane.pixels.astype(float) - eight).mean() < 4


def test_exif_orientation_is_not_applied_but_noted(tmp_path, eight):
    exif = Image.Exif()
    exif[274] = 6
    exif[306] = "2026:03:04 05:06:07"
    path = tmp_path / "a.jpg"
    Image.fromarray(eight).save(path, exif=exif)
    info = open_image(path)
    assert (info.height, info.width) == eight.shape
    assert "orientation" in " ".join(info.notes)
    assert info.acquired is not None
    assert info.acquired.isoformat() == "2026-03-04T05:06:07"


def test_the_content_counts_not_the_suffix(tmp_path, eight):
    path = tmp_path / "a.tif"
    Image.fromarray(eight).save(path, format="PNG")
    plane = read_plane(path)
    assert plane.info.kind == "png"
    np.testing.assert_array_equal(plane.pixels, eight)


def test_pictures_beyond_pillows_own_limit_are_read(tmp_path, monkeypatch, eight):
    path = tmp_path / "a.png"
    Image.fromarray(eight).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    np.testing.assert_array_equal(read_plane(path).pixels, eight)
    assert Image.MAX_IMAGE_PIXELS == 10
    with pytest.raises(ImageError, match="max_megapixels"):
        read_plane(path, ImageParameters(max_megapixels=0.001))
