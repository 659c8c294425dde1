"""Time of measurement and quality figures for one typical frame, on one core.

A 1-megapixel frame with a spheroid of 300 px diameter and 100 fragments around it. Run as
`python benchmarks/measuring.py`; prints the best and the median time of each step. The goal is
25 ms for measurement and 20 ms for the quality figures.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.measurement import fluorescence, frame_quality, measure_rows
from spheroid_qc.segmentation import Segmentation

SIDE = 1000
REPEATS = 15


def typical_frame(seed: int = 0) -> tuple[Segmentation, NDArray[np.uint16]]:
    """Draw a dark spheroid with fragments on a bright, noisy background."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    core = (y - 500) ** 2 + (x - 500) ** 2 <= 150**2
    shed = np.zeros_like(core)
    for _ in range(100):
        cy, cx = rng.integers(20, SIDE - 20, 2)
        shed |= (y - cy) ** 2 + (x - cx) ** 2 <= rng.integers(3, 9) ** 2
    shed &= ~core
    image = 30_000 - 12_000 * core - 6_000 * shed + rng.normal(0, 400, core.shape)
    segmentation = Segmentation(core.astype(np.int32), shed, 0.9, "made")
    return segmentation, image.astype(np.uint16)


def timed(function: Callable[[], object]) -> tuple[float, float]:
    """Best and median time in ms."""
    function()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function()
        times.append(1000 * (time.perf_counter() - start))
    return min(times), statistics.median(times)


def main() -> None:
    segmentation, image = typical_frame()
    steps: dict[str, Callable[[], object]] = {
        "measure_rows": lambda: measure_rows(segmentation, image, 1.3),
        "frame_quality": lambda: frame_quality(segmentation, image, 1.3),
        "fluorescence": lambda: fluorescence(segmentation, image, 1.3),
    }
    print(f"{'step':<14}{'best':>9}{'median':>9}   (ms, {SIDE} x {SIDE} px, one core)")
    for name, step in steps.items():
        best, median = timed(step)
        print(f"{name:<14}{best:>9.1f}{median:>9.1f}")


if __name__ == "__main__":
    main()
