"""How fast a whole run is, what the time goes into, and how much memory the parent takes.

    python benchmarks/speed.py                     # stages, and runs of 100, 500 and 2000 frames
    python benchmarks/speed.py --frames 100 --workers 2

A simulated plate is written once into a temporary folder; larger plates are made of links to its
frames under further vessel names, so that reading is real and the disk is spared. Each run is a
process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_RUN = """
import json, resource, sys, time
from pathlib import Path
from spheroid_qc.run import RunRequest, analyse_images, mark_done, plan_run
from spheroid_qc.run.worker_processes import Workers
begun = time.perf_counter()
request = RunRequest(*map(Path, (sys.argv[1], sys.argv[3], sys.argv[2])))
with Workers(int(sys.argv[4])) as pool:
    planned = plan_run(request, pool)
    with planned.run.locked():
        mark_done(planned, analyse_images(planned, pool)[0])
seconds = time.perf_counter() - begun
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
children = resource.getrusage(resource.RUSAGE_CHILDREN)
own = resource.getrusage(resource.RUSAGE_SELF)
busy = children.ru_utime + children.ru_stime + own.ru_utime + own.ru_stime
print(json.dumps([planned.n_frames, seconds, busy, peak, children.ru_maxrss / 1024]))
"""


def plate_of(frames: int, source: Path, folder: Path) -> Path:
    """Make a folder of about so many frames out of links."""
    images = sorted(source.glob("*.tif"))
    folder.mkdir(parents=True)
    made = 0
    copy = 0
    while made < frames:
        for path in images:
            if made == frames:
                break
            vessel, rest = path.name.split("_", 1)
            os.link(path, folder / f"{vessel}{copy:03d}_{rest}")
            made += 1
        copy += 1
    return folder


def stages(source: Path, count: int = 40) -> None:
    """Print the median time of each stage for one frame, in this process on one core."""
    os.environ["OMP_NUM_THREADS"] = "1"
    from spheroid_qc.errors import ImageError
    from spheroid_qc.images import ImageFile
    from spheroid_qc.measurement import frame_quality, measure_rows
    from spheroid_qc.run.overlays.draw_overlay import Caption, draw_overlay
    from spheroid_qc.run.store.mask_files import write_masks
    from spheroid_qc.segmentation import segment

    taken: dict[str, list[float]] = {}

    def timed(name, function, *args):
        begun = time.perf_counter()
        value = function(*args)
        taken.setdefault(name, []).append(time.perf_counter() - begun)
        return value

    def read(path):
        with ImageFile(path) as file:
            return file.plane()

    images = sorted(source.glob("*.tif"))
    for path in images[:: max(1, len(images) // count)]:
        try:
            plane = timed("read and hash", read, path)
        except ImageError:
            continue
        found = timed("segment", segment, plane.pixels, 1.3)
        timed("measure", measure_rows, found, plane.pixels, 1.3)
        timed("quality", frame_quality, found, plane.pixels, 1.3)
        timed("write masks", write_masks, source / "mask.ome.tif", found, 1.3)
        caption = Caption("title", "result", "")
        timed("overlay (flagged only)", draw_overlay, plane.pixels, found.core, found.shed, caption)
    (source / "mask.ome.tif").unlink(missing_ok=True)
    print(f"{'stage':24} {'median ms':>10} {'90 % below':>11}")
    for name, values in taken.items():
        ordered = sorted(values)
        high = ordered[int(0.9 * (len(ordered) - 1))]
        print(f"{name:24} {1000 * statistics.median(values):10.1f} {1000 * high:11.1f}")


def main() -> None:
    """Write the plate, print the stages, run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, nargs="*", default=[100, 500, 2000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--source", type=Path, help="a plate that `spheroid-qc demo` wrote")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        source = options.source
        if source is None:
            from spheroid_qc.samples import write_plate

            source = Path(temporary) / "plate"
            write_plate(source, workers=options.workers)
        stages(source)
        # On a machine with other work the processor time per frame says more than the clock.
        print(
            f"\n{'frames':>7} {'seconds':>8} {'frames/s':>9} {'CPU ms/frame':>13} "
            f"{'parent MB':>10} {'worker MB':>10}"
        )
        for frames in options.frames:
            folder = Path(temporary) / f"n{frames}"
            plate_of(frames, source, folder / "images")
            command = [
                sys.executable, "-c", _RUN, folder / "images", source / "plate_map.csv",
                folder / "out", str(options.workers),
            ]  # fmt: skip
            messages = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            n, seconds, busy, peak, worker = json.loads(messages)
            print(
                f"{n:7d} {seconds:8.1f} {n / seconds:9.1f} {1000 * busy / n:13.0f} "
                f"{peak:10.0f} {worker:10.0f}"
            )


if __name__ == "__main__":
    main()
