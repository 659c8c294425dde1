"""How fast a whole run is, what the time goes into, and how much memory the parent takes.

    python benchmarks/speed.py                     # shares, and runs of 100, 500 and 2000 frames
    python benchmarks/speed.py --frames 100 --workers 2
    python benchmarks/speed.py --side 512 --wells 15 --frames
    python benchmarks/speed.py --wells 58 --frames --peer PYTHON   # beside spheroidkit, on one core

A simulated plate is written once into a temporary folder; larger plates are made of links to its
frames under further vessel names, so that reading is real and the disk is spared. Each run is a
process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
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


_SHARES = """
import json, os, resource, statistics, sys, time
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
import numpy as np
from scipy import ndimage
from spheroid_qc import run_plate

def computed(values):
    begun = time.thread_time()
    ndimage.uniform_filter(values, 5)
    return 1000 * (time.thread_time() - begun)

if __name__ == "__main__":
    values = np.random.default_rng(0).random((1024, 1024), dtype=np.float32)
    fixed = statistics.median(computed(values) for _ in range(9))
    begun = time.process_time()
    result = run_plate(sys.argv[1], sys.argv[2], sys.argv[3], workers=1)
    print(json.dumps({"frames": result.n_frames, "profile": dict(result.profile),
                      "cpu": time.process_time() - begun, "fixed_ms": fixed}))
"""

_OF_FRAMES = (
    "read and decode", "hash files and pixels", "divide by the light",
    "pool pixels for the network", "network", "masks from the network's maps",
    "rules (second opinion)", "measure", "quality", "write masks", "static marks of wells",
    "records", "other",
)  # fmt: skip
"""Work that is done for every frame; the rest is done once a plate."""


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


def shares(source: Path, folder: Path, repeats: int) -> None:
    """Print where processor time goes with one worker, and how much a run of nothing new takes.

    Every run is a process of its own; of several the one that took least is shown. Beside it stands
    the time of one fixed computation in the same process, for machines with other work.
    """
    from spheroid_qc.stopwatch import Work

    found = []
    for number in range(repeats):
        out = folder / f"shares{number}"
        command = [sys.executable, "-c", _SHARES, source, source / "plate_map.csv", out]
        first, again = (
            json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            for _ in range(2)
        )
        found.append((first, again))
    first, again = min(found, key=lambda pair: sum(pair[0]["profile"].values()))
    n = first["frames"]
    each = {work: 1000 * first["profile"].get(work, 0.0) / n for work in Work}
    print(f"{'work, one worker':32}{'ms/frame':>9}")
    for work, milliseconds in each.items():
        if milliseconds:
            print(f"{work:32}{milliseconds:9.1f}{'' if work in _OF_FRAMES else '  once a plate'}")
    frame = sum(each[work] for work in _OF_FRAMES)
    least = each[Work.READ] + each[Work.NETWORK]
    print(
        f"a frame: {frame:.1f} ms, {frame / least:.2f} times read and decode + network "
        f"({least:.1f} ms); all of the run {sum(each.values()):.1f} ms a frame (n {n})\n"
        f"fixed computation {first['fixed_ms']:.1f} ms; nothing new: {again['cpu']:.2f} s of CPU\n"
    )


def against(peer: str, source: Path, folder: Path, few: int = 12) -> None:
    """Print a whole run on one core, start-up and report included, beside spheroidkit.

    Parameters
    ----------
    peer : str
        Python of an environment with spheroidkit (see `peer_spheroidkit.py`).
    source : Path
        A plate, each of whose frames is different.
    folder : Path
        For results.
    few : int
        Frames that spheroidkit gets, as 8-bit PNG; its own start-up is not counted.
    """
    import statistics

    import numpy as np
    from PIL import Image

    from spheroid_qc.errors import ImageError
    from spheroid_qc.images.read_image import read_plane

    def on_one_core(command: list[object]) -> float:
        """Seconds of processor time."""
        before = os.times()
        done = subprocess.run(
            [str(part) for part in command], check=False, stdout=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, {0}),
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
        # 1: the demo plate has a file that is cut short on purpose.
        if done.returncode not in (0, 1):
            done.check_returncode()
        after = os.times()
        spent = (after.children_user, after.children_system)
        return sum(spent) - before.children_user - before.children_system

    images = sorted(source.glob("*.tif"))
    run = [Path(sys.executable).with_name("spheroid-qc"), "run", source, "--out", folder / "whole"]
    ours = on_one_core([*run, "--plate-map", source / "plate_map.csv", "--workers", 1])
    pictures = folder / "pictures"
    pictures.mkdir()
    for path in images[:: max(1, len(images) // few)][:few]:
        with contextlib.suppress(ImageError):
            pixels = read_plane(path).pixels.astype(np.float32)
            low, high = np.percentile(pixels, (0.5, 99.5))
            eight = np.clip(255 * (pixels - low) / max(high - low, 1), 0, 255).astype(np.uint8)
            Image.fromarray(eight).save(pictures / f"{path.stem}.png")
    on_one_core([peer, Path(__file__).parent / "peer_spheroidkit.py", pictures])
    theirs = statistics.median(float(path.read_text()) for path in pictures.glob("*.seconds"))
    print(
        f"\n{len(images)} frames in {ours:.1f} s of processor time, start-up, tables and report "
        f"included: {1000 * ours / len(images):.0f} ms a frame; spheroidkit {1000 * theirs:.0f} ms "
        f"(median of {few}, its clock): {theirs * len(images) / ours:.1f} times"
    )


def main() -> None:
    """Write the plate, print the shares, run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, nargs="*", default=[100, 500, 2000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--side", type=int, default=1024, help="pixels along a side of a frame")
    parser.add_argument("--wells", type=int, default=75, help="wells of the simulated plate")
    parser.add_argument("--repeats", type=int, default=1, help="runs for the shares")
    parser.add_argument("--peer", help="Python of an environment that has spheroidkit")
    parser.add_argument("--source", type=Path, help="a plate that `spheroid-qc demo` wrote")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        source = options.source
        if source is None:
            from spheroid_qc.samples import DEMO, write_plate

            source = Path(temporary) / "plate"
            wells = DEMO.wells[:: max(1, len(DEMO.wells) // options.wells)]
            design = replace(DEMO, shape=(options.side, options.side), wells=wells)
            write_plate(source, design, workers=options.workers)
        shares(source, Path(temporary), options.repeats)
        if options.peer:
            against(options.peer, source, Path(temporary))
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
