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

import pandas as pd

from spheroid_qc.errors import OutputError, RequestError
from spheroid_qc.run import Progress, RunResult, run_plate
from spheroid_qc.run.executors import default_workers
from spheroid_qc.samples import DEMO, write_plate

__all__ = ["condition_lines", "run_demo"]


def run_demo(
    out: Path,
    *,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> str:
    """Write the demo plate (once) and analyse it.

    Parameters
    ----------
    out : Path
        Gets the folders `plate` (images, plate map, truth) and `results` (the run folder).
    workers : int, optional
        Processes; default: one a processor.
    progress : callable, optional
        As in `run_plate`.

    Returns
    -------
    str
        What to print: a table by condition, what was flagged, and where everything lies.

    Raises
    ------
    RequestError
        If `out` can't be used.
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


def condition_lines(conditions: pd.DataFrame) -> list[str]:
    """Print-ready table of the last time: one line per condition.

    Parameters
    ----------
    conditions : DataFrame
        `conditions.csv`.

    Returns
    -------
    list of str
        Heading and lines; means over wells.
    """
    last = conditions[conditions["time_h"] == conditions["time_h"].max()]
    width = max([len("condition"), *(len(str(name)) for name in last["condition"])])
    heading = (
        f"{'condition':{width}}  wells  DF mean [95 % CI]     core volume lost  states\n"
        f"{'':{width}}                               against vehicle"
    )
    lines = heading.split("\n")
    for _, row in last.iterrows():
        states = ", ".join(
            f"{int(row[f'n_{name}'])} {name}"
            for name in (
                "intact", "shrunken", "shedding", "disintegrated", "lost", "vanished",
                "never_formed", "unscorable",
            )
            if row[f"n_{name}"] > 0
        )  # fmt: skip
        fraction = _with_interval(row, "disintegration_fraction")
        loss = _percent(row["core_volume_loss_vs_vehicle_mean"])
        lines.append(
            f"{row['condition']:{width}}  {int(row['n_wells']):5d}  {fraction:20}  {loss:>16}  "
            f"{states}"
        )
    return lines


def _with_interval(row: pd.Series, name: str) -> str:
    mean, low, high = (row[f"{name}_{part}"] for part in ("mean", "ci_low", "ci_high"))
    if pd.isna(mean):
        return "-"
    return f"{mean:.2f}" + ("" if pd.isna(low) else f" [{max(low, 0):.2f}, {min(high, 1):.2f}]")


def _percent(value: float) -> str:
    return "-" if pd.isna(value) else f"{round(100 * value)} %"


def _text(result: RunResult, plate: Path) -> str:
    conditions = pd.read_csv(result.tables["conditions"])
    qc = pd.read_csv(result.tables["qc"])
    last = conditions["time_h"].max()
    lines = ["", f"By condition, {last:g} h after the first frame:", ""]
    lines += condition_lines(conditions)
    excluded = qc[(qc["severity"] == "exclude") & qc["well"].notna()]
    lines += ["", "Not trusted, and kept out of every mean:"]
    for (well, code), rows in excluded.groupby(["well", "code"], sort=False):
        times = ", ".join(f"{t:g}" for t in rows["time_h"])
        lines.append(f"  {well}  {code}  ({times} h)  {rows['title'].iloc[0]}")
    formed = pd.read_csv(result.tables["wells"], usecols=["well", "state"])
    for well in formed.loc[formed["state"] == "never_formed", "well"].unique():
        lines.append(f"  {well}  never_formed  No spheroid at time zero.")
    lines += ["", "Files that could not be read (expected here: one is cut short on purpose):"]
    lines += [f"  {sentence}" for sentence in result.failures] or ["  none"]
    lines += [
        "",
        f"images and plate map   {plate}",
        f"results                {result.out}",
        "  wells.csv, conditions.csv, spheroids.csv, qc.csv, frames.csv, run.json, masks/, "
        "overlays/",
    ]
    return "\n".join(lines)
