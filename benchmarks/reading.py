"""How long it takes to open, read and hash one frame: `python benchmarks/reading.py`."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from spheroid_qc.images import focus_of, open_image, read_plane, to_grey


def milliseconds(action: Callable[[], object], repeats: int = 30) -> float:
    action()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


def frame(side: int = 1024) -> np.ndarray:
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:side, :side]
    disc = (y - side / 2) ** 2 + (x - side / 2) ** 2 < (side / 5) ** 2
    return (20_000 - 9_000 * disc + rng.normal(0, 200, disc.shape)).astype(np.uint16)


def write_files(folder: Path) -> list[Path]:
    image = frame()
    eight = (image >> 8).astype(np.uint8)
    ome = {"axes": "YX", "PhysicalSizeX": 0.65, "PhysicalSizeY": 0.65}
    tifffile.imwrite(folder / "ome.ome.tif", image, ome=True, metadata=ome)
    tifffile.imwrite(
        folder / "ome_deflate.ome.tif", image, ome=True, metadata=ome, compression="zlib"
    )
    tifffile.imwrite(folder / "lzw.tif", image, compression="lzw")
    tifffile.imwrite(folder / "rgb.tif", np.dstack([eight] * 3), photometric="rgb")
    stack = np.stack([image] * 5)
    tifffile.imwrite(
        folder / "imagej_z5.tif", stack, imagej=True, metadata={"axes": "ZYX", "spacing": 5.0}
    )
    Image.fromarray(eight).save(folder / "grey.png")
    Image.fromarray(np.dstack([eight] * 3)).save(folder / "rgb.jpg", quality=90)
    return sorted(folder.iterdir())


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        files = write_files(Path(name))
        print(f"{'1024 x 1024 frame':24} {'MB':>6} {'open ms':>8} {'read ms':>8} {'hash ms':>8}")
        for path in files:
            data = path.read_bytes()
            opened = milliseconds(lambda path=path: open_image(path))
            read = milliseconds(lambda path=path: read_plane(path))
            hashed = milliseconds(lambda data=data: hashlib.sha256(data).hexdigest())
            print(f"{path.name:24} {len(data) / 1e6:6.2f} {opened:8.2f} {read:8.2f} {hashed:8.2f}")
    image = frame()
    colour = np.dstack([image >> 8, image >> 9, image >> 8]).astype(np.uint8)
    print(f"focus of one plane: {milliseconds(lambda: focus_of(image)):.2f} ms")
    print(f"luminance of one colour plane: {milliseconds(lambda: to_grey(colour)):.2f} ms")


if __name__ == "__main__":
    main()
