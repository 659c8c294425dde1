"""Whatever is wrong with a file, an ImageError says so; nothing else comes out."""

from __future__ import annotations

import os
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from spheroid_qc.errors import ImageError
from spheroid_qc.images import open_image, probe, read_plane

SEED = 20_261_122


def refused(path: Path) -> str:
    with pytest.raises(ImageError) as caught:
        read_plane(path)
    message = str(caught.value)
    assert message.startswith(path.name)
    assert message.endswith(".")
    assert "\n" not in message
    with pytest.raises(ImageError):
        open_image(path)
    assert probe(path) is None
    return message


def test_empty_file(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"")
    assert "empty" in refused(path)


@pytest.mark.parametrize(
    "data",
    [b"well,drug\nA01,DMSO\n", b"II", b"II*\x00", b"MM\x00*\x00\x00\x00\x08", b"\x00" * 500,
     b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"BM" + b"\x00" * 60, b"GIF89a" + b"\x00" * 50,
     b"%PDF-1.4", b"PK\x03\x04" + b"\x00" * 40, b"II*\x00\xff\xff\xff\xff",
     b"II*\x00\x08\x00\x00\x00",
     b"II+\x00\x08\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\x7f", b"BM"],
)  # fmt: skip
def test_what_is_no_image(tmp_path, data):
    path = tmp_path / "a.tif"
    path.write_bytes(data)
    refused(path)


def test_folder_missing_file_and_bad_links(tmp_path):
    folder = tmp_path / "a.tif"
    folder.mkdir()
    assert "folder" in refused(folder)
    assert "not there" in refused(tmp_path / "b.tif")
    loop = tmp_path / "c.tif"
    loop.symlink_to(loop)
    refused(loop)
    dangling = tmp_path / "d.tif"
    dangling.symlink_to(tmp_path / "nothing")
    assert "not there" in refused(dangling)
    refused(tmp_path / ("x" * 300 + ".tif"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_does_not_hang(tmp_path):
    path = tmp_path / "a.tif"
    os.mkfifo(path)
    assert "regular file" in refused(path)


def test_permission_denied(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\x00")

    def deny(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", deny)
    assert "permission is denied" in refused(path)


@pytest.mark.parametrize(
    "error", [MemoryError(), RecursionError(), ZeroDivisionError(), OSError(5, "I/O error")]
)
def test_whatever_a_decoder_raises_becomes_a_sentence(write, picture, monkeypatch, error):
    path = write(picture)

    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(tifffile.TiffPage, "asarray", fail)
    with pytest.raises(ImageError, match=r"^image\.tif can't be read: .*\.$"):
        read_plane(path)


@pytest.mark.parametrize("kind", ["oib", "oir"])
def test_formats_of_instruments_are_refused_with_what_to_do_instead(tmp_path, kind):
    magic = {"oib": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"}
    path = tmp_path / f"a.{kind}"
    path.write_bytes(magic.get(kind, b"....") + b"\x00" * 200)
    assert "export it as TIFF" in refused(path)


def patched_tag(path: Path, code: int, value: int) -> Path:
    """Change a tag's value in place, as a number of 32 bits."""
    data = bytearray(path.read_bytes())
    first = struct.unpack_from("<I", data, 4)[0]
    for entry in range(struct.unpack_from("<H", data, first)[0]):
        at = first + 2 + 12 * entry
        if struct.unpack_from("<H", data, at)[0] == code:
            struct.pack_into("<HII", data, at + 2, 4, 1, value)
            path.write_bytes(data)
            return path
    raise AssertionError(code)


@pytest.mark.parametrize(
    ("code", "value", "compression"),
    [(256, 100_000, None), (257, 2**31, "zlib"), (256, 2**32 - 1, "lzw"), (277, 60_000, None),
     (256, 0, None), (257, 0, "zlib"), (258, 4096, None), (259, 12_345, None)],
)  # fmt: skip
def test_headers_that_lie(write, picture, code, value, compression):
    path = patched_tag(write(picture, compression=compression, rowsperstrip=60), code, value)
    with pytest.raises(ImageError):
        read_plane(path)


def test_tiff_bomb_is_refused_by_its_header(write, picture):
    path = patched_tag(write(picture, compression="zlib"), 256, 100_000)
    patched_tag(path, 257, 100_000)
    assert "megapixels" in refused(path)


def test_claims_that_the_bytes_cannot_hold(write, picture):
    path = patched_tag(write(picture, compression="zlib", rowsperstrip=60), 256, 18_000)
    patched_tag(path, 257, 20_000)
    patched_tag(path, 278, 20_000)
    with pytest.raises(ImageError, match="bytes hold"):
        read_plane(path)


def test_directories_in_a_circle_and_without_end(tmp_path, write, picture):
    path = write(picture, metadata=None)
    data = bytearray(path.read_bytes())
    first = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    path.write_bytes(data)
    plane = read_plane(path)
    np.testing.assert_array_equal(plane.pixels, picture)
    assert "cut short" in " ".join(plane.info.notes)


def test_png_bomb(tmp_path):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    def png(width: int, height: int, data: bytes) -> bytes:
        head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
        return (
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
        )

    path = tmp_path / "a.png"
    path.write_bytes(png(100_000, 100_000, zlib.compress(b"\x00" * 10_000_000, 9)))
    assert "megapixels" in refused(path)
    path.write_bytes(png(19_000, 19_000, zlib.compress(b"\x00" * 1000)))
    assert "bytes hold" in refused(path) or "can hold" in refused(path)
    text = chunk(b"zTXt", b"a\x00\x00" + zlib.compress(b"x" * 90_000_000, 9))
    good = png(8, 8, zlib.compress(b"\x00" * 72))
    path.write_bytes(good[:33] + text + good[33:])
    refused(path)


def test_jpeg_and_bmp_bombs(tmp_path, picture):
    eight = Image.fromarray((picture >> 8).astype(np.uint8))
    jpeg = tmp_path / "a.jpg"
    eight.save(jpeg)
    data = bytearray(jpeg.read_bytes())
    at = data.find(b"\xff\xc0")
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    jpeg.write_bytes(data)
    assert "megapixels" in refused(jpeg)
    bmp = tmp_path / "a.bmp"
    eight.save(bmp)
    data = bytearray(bmp.read_bytes())
    struct.pack_into("<ii", data, 18, 100_000, -100_000)
    bmp.write_bytes(data)
    assert "megapixels" in refused(bmp)


def test_a_jpeg_inside_a_tiff_that_claims_another_size(write, picture):
    path = write((picture >> 8).astype(np.uint8), compression="jpeg", rowsperstrip=60)
    data = bytearray(path.read_bytes())
    at = data.find(b"\xff\xc0")
    data[at + 5 : at + 9] = b"\xff\x00\xff\x00"
    path.write_bytes(data)
    with pytest.raises(ImageError, match="claims"):
        read_plane(path)


def test_a_jpeg2000_inside_a_tiff_that_claims_another_size(write, picture):
    path = write(picture, compression="jpeg2000")
    data = bytearray(path.read_bytes())
    at = data.find(b"\xff\x4f\xff\x51")
    data[at + 8 : at + 12] = b"\x00\x10\x00\x00"
    path.write_bytes(data)
    with pytest.raises(ImageError):
        read_plane(path)


def test_a_file_that_shrinks_while_it_is_read(write, picture, monkeypatch):
    path = write(picture)
    true_fstat = os.fstat

    def larger(descriptor):
        status = list(true_fstat(descriptor))
        status[6] += 1000
        return os.stat_result(status)

    monkeypatch.setattr(os, "fstat", larger)
    with pytest.raises(ImageError, match="became shorter"):
        read_plane(path)


@pytest.fixture(scope="module")
def originals(tmp_path_factory, picture) -> list[Path]:
    folder = tmp_path_factory.mktemp("originals")
    eight = (picture >> 8).astype(np.uint8)
    rgb = np.dstack([eight, eight // 2, eight])
    tifffile.imwrite(folder / "plain.tif", picture)
    for compression in ("lzw", "zlib", "packbits", "zstd", "lzma", "jpeg2000"):
        tifffile.imwrite(folder / f"{compression}.tif", picture, compression=compression)
    tifffile.imwrite(folder / "jpeg.tif", rgb, compression="jpeg", photometric="rgb", tile=(32, 32))
    tifffile.imwrite(folder / "predictor.tif", picture, compression="lzw", predictor=True)
    tifffile.imwrite(folder / "big.tif", picture, bigtiff=True, byteorder=">", tile=(32, 32))
    tifffile.imwrite(folder / "palette.tif", eight, photometric="palette",
                     colormap=np.tile(np.arange(256, dtype=np.uint16) * 257, (3, 1)))  # fmt: skip
    stack = np.stack([picture] * 4).reshape(2, 2, *picture.shape)
    tifffile.imwrite(
        folder / "ome.ome.tif", stack, compression="zlib",
        metadata={"axes": "TCYX", "PhysicalSizeX": 0.65, "TimeIncrement": 2.0},
    )  # fmt: skip
    tifffile.imwrite(folder / "imagej.tif", stack, imagej=True, metadata={"axes": "TCYX"})
    for name in ("grey.png", "grey.jpg", "grey.bmp"):
        Image.fromarray(eight).save(folder / name)
    Image.fromarray(rgb).save(folder / "colour.jpg", progressive=True)
    Image.fromarray(rgb).convert("P").save(folder / "palette.png")
    (folder / "deep.png").write_bytes(imagecodecs.png_encode(np.dstack([picture] * 3)))
    return sorted(folder.iterdir())


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Cut, flip, overwrite, drop bytes, or put extreme numbers into the header."""
    out = bytearray(data)
    kind = rng.randrange(5)
    if kind == 0:
        return bytes(out[: rng.randrange(len(out))])
    if kind == 1:
        for _ in range(rng.randrange(1, 20)):
            out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    elif kind == 2:
        for _ in range(rng.randrange(1, 8)):
            out[rng.randrange(min(len(out), 600))] = rng.randrange(256)
    elif kind == 3:
        at = rng.randrange(len(out))
        del out[at : at + rng.randrange(1, 200)]
    else:
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(min(len(out), 2000))
            out[at : at + 4] = rng.choice(
                [b"\xff" * 4, b"\x00" * 4, b"\xff\xff\xff\x7f", b"\x01" * 4]
            )
    return bytes(out)


def test_four_hundred_mutated_files(originals, tmp_path, capfd, recwarn):
    read, messages = 0, []
    for original in originals:
        data = original.read_bytes()
        rng = random.Random(f"{SEED} {original.name}")
        for number in range(22):
            path = tmp_path / f"{number}{original.suffix}"
            path.write_bytes(mutate(data, rng))
            try:
                plane = read_plane(path)
            except ImageError as error:
                messages.append((path.name, str(error)))
            else:
                read += 1
                assert plane.pixels.ndim == 2
                assert plane.pixels.shape == (plane.info.height, plane.info.width)
                assert plane.pixels.dtype.kind in "uif"
    assert all(text.startswith(name) and text.endswith(".") for name, text in messages)
    assert read > 20  # flips in plain pixels leave a picture
    assert capfd.readouterr().err == ""
    assert not recwarn.list


def test_truncation_never_gives_a_picture_of_compressed_bytes(originals, tmp_path):
    for original in originals:
        if original.name in ("ome.ome.tif", "imagej.tif"):  # later planes may be cut off
            continue
        data = original.read_bytes()
        for share in (0.1, 0.5, 0.9, 0.99):
            path = tmp_path / original.name
            path.write_bytes(data[: int(len(data) * share)])
            with pytest.raises(ImageError):
                read_plane(path)


def test_png_with_a_flipped_bit_is_never_read(originals, tmp_path):
    for original in originals:
        if original.suffix != ".png":
            continue
        data = bytearray(original.read_bytes())
        for at in range(40, len(data) - 16, max(1, len(data) // 40)):
            path = tmp_path / "a.png"
            flipped = bytes(data[:at]) + bytes([data[at] ^ 4]) + bytes(data[at + 1 :])
            path.write_bytes(flipped)
            with pytest.raises(ImageError):
                read_plane(path)


def test_nothing_is_printed_and_the_interpreter_survives(originals, tmp_path):
    """In a process of its own, where decoders could write to the real stderr."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom spheroid_qc.errors import ImageError\n"
        "from spheroid_qc.images import read_plane\n"
        "for name in sys.argv[1:]:\n    try:\n        read_plane(Path(name))\n"
        "    except ImageError:\n        pass\n"
    )
    names = []
    rng = random.Random(SEED + 1)
    for original in originals:
        path = tmp_path / original.name
        path.write_bytes(mutate(original.read_bytes(), rng))
        names.append(str(path))
    done = subprocess.run(
        [sys.executable, "-c", code, *names],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
