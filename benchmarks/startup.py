"""How long it takes until the help is there, as a whole process: the best and the median of ten."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def main() -> None:
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "spheroid_qc.cli.main", "--help"],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        seconds.append(time.perf_counter() - start)
    print(f"--help: best {min(seconds):.2f} s, median {statistics.median(seconds):.2f} s")


if __name__ == "__main__":
    main()
