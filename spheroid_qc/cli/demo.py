"""`spheroid-qc demo`: the bundled synthetic plate, written and analysed, and what came out.

The plate holds the kinds of trouble that real plates have (an empty well, a well out of focus, a
file cut short); the demo expects them and shows how they are reported.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import astuple
from hashlib import blake2b
from pathlib import Path

from spheroid_qc.cli.options import first_words
from spheroid_qc.errors import OutputError, RequestError
from spheroid_qc.run import Progress
from spheroid_qc.run.worker_processes import default_workers
from spheroid_qc.samples import DEMO, write_plate
from spheroid_qc.workflow.run_and_report import PlateResult, run_plate


def run_demo(
    out: Path,
    *,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> str:
    """Write the demo plate (once) into `out`/plate, analyse it into `out`/results.

    Gives what to print: a table by condition, what was flagged, and where everything lies. Without
    `workers` there is one process a processor. Raises RequestError if `out` can't be used.
    """
    plate, results = out / "plate", out / "results"
    marker = out / "demo.json"
    design = {"design": blake2b(repr(astuple(DEMO)).encode(), digest_size=8).hexdigest(), "seed": 0}
    try:
        if out.is_dir() and any(out.iterdir()) and not marker.is_file() and not plate.is_dir():
            raise RequestError(
                f"{out} holds files of something else; choose another --out folder for the demo."
            )
        if not _is_written(marker, design):
            begun = time.monotonic()

            def written(done: int, total: int) -> None:
                rate = done / max(time.monotonic() - begun, 1e-9)
                if progress is not None:
                    left = (total - done) / rate if rate else None
                    progress(Progress("plate", done, total, rate, left))

            marker.unlink(missing_ok=True)
            number = default_workers() if workers is None else workers
            write_plate(plate, DEMO, seed=0, progress=written, workers=number)
            marker.write_text(json.dumps(design), "utf-8")
    except OSError as error:
        raise OutputError(
            f"The demo plate can't be written to {plate} ({error.strerror or error}); choose "
            "another --out folder."
        ) from error
    result = run_plate(
        plate,
        plate_map=plate / "plate_map.csv",
        out=results,
        progress=progress,
        workers=workers,
    )
    return _text(result, plate)


def _is_written(marker: Path, design: dict[str, object]) -> bool:
    try:
        found: object = json.loads(marker.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return found == design


def _text(result: PlateResult, plate: Path) -> str:
    named = [" + ".join(known.drugs) for known in DEMO.interactions if known.synergistic]
    lines = [first_words(result.warnings)] if result.warnings else []
    lines += ["", *result.answer, ""]
    lines += [
        f"What was simulated: {' and '.join(named)} go beyond Bliss independence; the other pairs "
        "are independent (plate/truth/truth_conditions.csv)."
    ]
    lines += ["", "Files that could not be read (expected here: one is cut short on purpose):"]
    lines += [f"  {sentence}" for sentence in result.failures] or ["  none"]
    lines += [
        "",
        f"to look at             {result.out / 'report.html'}",
        f"images and plate map   {plate}",
        f"results                {result.out}",
        "  wells.csv, conditions.csv, spheroids.csv, qc.csv, frames.csv, run.json, masks/, "
        "overlays/",
        "  dose_response.csv, synergy.csv, survival.csv, plate_quality.csv, comparisons.csv ...",
    ]
    return "\n".join(lines)
