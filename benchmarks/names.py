"""How long reading file names takes: 10,000 and 30,000 files of several makes.

Run with `python benchmarks/names.py`. Empty files are made in a temporary folder; the scan of
the folder, the readings and the printed table are timed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

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


def main() -> None:
    for make in (incucyte, imagexpress, opera, generic):
        for count in (10_000, 30_000):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                paths = [folder / make(number) for number in range(count)]
                for parent in {path.parent for path in paths}:
                    parent.mkdir(parents=True, exist_ok=True)
                for path in paths:
                    path.touch()
                start = time.perf_counter()
                table = frame_table(folder)
                read = time.perf_counter()
                text = render(inspection(table))
                shown = time.perf_counter()
            print(
                f"{make.__name__:12s} {count:6d} names: read {read - start:5.2f} s, "
                f"printed {shown - read:5.2f} s, {len(table.frames)} frames, "
                f"{text.count(chr(10))} lines"
            )


if __name__ == "__main__":
    main()
