"""How long reading file names takes: 10,000 and 100,000 names of several makes.

Run with `python benchmarks/names.py`; processor time is given. The names are not written to a disc:
listing a folder depends on the disc, reading its names does not. With `--files` 10,000 empty files
are made in a temporary folder, and the scan, the readings and the printed table are timed.

What must hold: 10,000 names in less than 1 s, 100,000 in less than 10 s.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from spheroid_qc.frames import frame_table as frames
from spheroid_qc.frames.file_tree import FileTree
from spheroid_qc.frames.frame_table import frame_table
from spheroid_qc.frames.inspect_folder import inspection, render
from spheroid_qc.wells import well_name

WELLS = [well_name(row, column) for row in range(8) for column in range(12)]


def incucyte(number: int) -> str:
    scan, well = divmod(number, 96)
    days, hours = divmod(2 * scan, 24)
    return f"VID1371_{WELLS[well]}_1_{days:02d}d{hours:02d}h00m.tif"


def imagexpress(number: int) -> str:
    scan, rest = divmod(number, 96 * 4)
    well, site = divmod(rest, 4)
    return f"TimePoint_{scan + 1}/exp_{WELLS[well]}_s{site + 1}_w1.tif"


def opera(number: int) -> str:
    scan, well = divmod(number, 96)
    return f"Images/r{well // 12 + 1:02d}c{well % 12 + 1:02d}f01p01-ch1sk{scan + 1}fk1fl1.tiff"


def generic(number: int) -> str:
    scan, well = divmod(number, 96)
    return f"day{scan}/HCT116_gem10_{WELLS[well]}_rep1.tif"


def ambiguous(number: int) -> str:
    """Three words that look like wells: a donor, the well and a field."""
    scan, well = divmod(number, 96)
    hour, field = divmod(scan, 4)
    return f"M1_{WELLS[well]}_F{field + 1:02d}_{24 * hour}h.tif"


def doubtful(number: int) -> str:
    """Nothing tells which of two words is the well."""
    left, right = divmod(number, 96)
    return f"{left // 96}/{WELLS[left % 96]}_{WELLS[right]}.tif"


MAKERS = (incucyte, imagexpress, opera, generic, ambiguous, doubtful)


def from_memory() -> None:
    for make in MAKERS:
        for count in (10_000, 100_000):
            names = sorted({make(number) for number in range(count)})
            files = tuple((name, size) for size, name in enumerate(names))
            frames.list_folder = lambda folder, files=files: FileTree(files, ())
            start = time.process_time()
            table = frame_table(Path("plate"))
            seconds = time.process_time() - start
            print(
                f"{make.__name__:12s} {len(names):6d} names: {seconds:5.2f} s, "
                f"{len(table.frames)} frames, {len(table.problems)} left out",
                flush=True,
            )


def from_disc() -> None:
    for make in MAKERS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            paths = [folder / make(number) for number in range(10_000)]
            for parent in {path.parent for path in paths}:
                parent.mkdir(parents=True, exist_ok=True)
            for path in paths:
                path.touch()
            start = time.process_time()
            table = frame_table(folder)
            read = time.process_time()
            text = render(inspection(table))
            shown = time.process_time()
        print(
            f"{make.__name__:12s} 10000 files: read {read - start:5.2f} s, printed "
            f"{shown - read:5.2f} s, {text.count(chr(10))} lines",
            flush=True,
        )


if __name__ == "__main__":
    from_disc() if "--files" in sys.argv else from_memory()
