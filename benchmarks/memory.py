"""What the parent of a run holds of every frame: names, tables and all, without any pixels.

    python benchmarks/memory.py RECORDS              # 100, 500, 2000 and 30000 frames
    python benchmarks/memory.py RECORDS --frames 30000

RECORDS is the folder `records` of a run, such as that of `spheroid-qc demo`. A 384-well plate of
so many IncuCyte names is made, every frame gets one of the records' results at random, and a run
is finished from them: everything but the analysis itself, which happens in the workers. Results
that don't belong together raise more flags than real ones do.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

_RUN = """
import json, resource, sys
from benchmarks.memory import finish_only
from pathlib import Path
from spheroid_qc.run import RunRequest, analyse_images, mark_done, plan_run, plate_run
from spheroid_qc.run.worker_processes import Workers
from spheroid_qc.run.tables import write_tables
begin = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20
plate_run._analyse_wells = finish_only(sys.argv[3])
images, out = Path(sys.argv[1]), Path(sys.argv[2])
with Workers(0) as pool:
    planned = plan_run(RunRequest(images, out, images.parent / "map.csv"), pool)
    with planned.run.locked():
        mark_done(planned, analyse_images(planned, pool)[0])
own = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([planned.n_frames, begin, own.ru_maxrss / 1024, own.ru_utime + own.ru_stime]))
"""


def write_names(frames: int, folder: Path) -> None:
    """Write files that are images by their names only, and a plate map beside the folder."""
    from spheroid_qc.wells import well_name

    wells = [well_name(row, column) for row in range(16) for column in range(24)]
    folder.mkdir(parents=True)
    for number in range(frames):
        time, place = divmod(number, len(wells))
        name = f"VID7_{wells[place]}_1_{2 * time // 24:02d}d{2 * time % 24:02d}h00m.tif"
        # Different bytes: the same picture twice would be left out.
        (folder / name).write_bytes(number.to_bytes(8, "big"))
    lines = ["well,drug,dose,unit,role"]
    for number, well in enumerate(wells):
        row, column = divmod(number, 24)
        treatment = f"drug {column % 5},{3**row / 1e6},uM,treated" if column > 1 else ",,,vehicle"
        lines.append(f"{well},{treatment}")
    (folder.parent / "map.csv").write_text("\n".join(lines) + "\n", "utf-8")


def finish_only(records: str):
    """Give a stand-in for the analysis: results are drawn from records of another run."""
    from spheroid_qc.run.store.well_records import write_record

    pool = []
    for path in sorted(Path(records).glob("*/*.json")):
        pool += [m for m in json.loads(path.read_bytes())["moments"] if m["fields"]]
    rng = random.Random(1)

    def analyse(planned, *_):
        for (plate, well), of_well in planned.well_timepoints.items():
            results = []
            for well_timepoint in of_well:
                result = json.loads(json.dumps(rng.choice(pool)))
                path = well_timepoint.frames[0].path
                for entry in result["inputs"]:
                    entry |= {"path": path, "sha256": f"{rng.getrandbits(256):064x}"}
                for field in result["fields"]:
                    field |= {"file": path, "mask": path.replace(".tif", ".ome.tif")}
                    field["pixel_hash"] = f"{rng.getrandbits(128):032x}"
                stamps = list(well_timepoint.stamps)
                results.append(result | {"signature": well_timepoint.signature, "stamps": stamps})
            write_record(planned.run, plate, well, results)
        return 0, []

    return analyse


def main() -> None:
    """Make the plates, finish the runs, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", type=Path)
    parser.add_argument("--frames", type=int, nargs="*", default=[100, 500, 2000, 30000])
    options = parser.parse_args()
    print(f"{'frames':>7} {'at start MB':>12} {'peak MB':>8} {'kB a frame':>11} {'CPU s':>6}")
    first = None
    with tempfile.TemporaryDirectory() as temporary:
        for frames in options.frames:
            folder = Path(temporary) / f"n{frames}" / "images"
            write_names(frames, folder)
            messages = subprocess.run(
                [sys.executable, "-c", _RUN, folder, folder.parent / "out", options.records],
                cwd=Path(__file__).resolve().parent.parent,
                capture_output=True, text=True, check=True,
            ).stdout  # fmt: skip
            n, begin, peak, seconds = json.loads(messages)
            # What a frame adds to the first, smallest run.
            first = first or (n, peak)
            each = f"{1024 * (peak - first[1]) / (n - first[0]):.2f}" if n > first[0] else "-"
            print(f"{n:7d} {begin:12.0f} {peak:8.0f} {each:>11} {seconds:6.0f}", flush=True)


if __name__ == "__main__":
    main()
