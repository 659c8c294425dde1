"""Writes a simulated plate as a microscope would: named OME-TIFFs and a plate map.

Frames depend on nothing but the design, the seed, their well and their time, so that they come
out byte for byte the same in any order and with any number of processes.
"""

from __future__ import annotations

import contextlib
import csv
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.samples.optics import (
    Dust,
    Extra,
    Fibre,
    Light,
    Modality,
    Optics,
    Rendered,
    render_scene,
)
from spheroid_qc.samples.plate_design import DEMO, PlateDesign, WellPlan
from spheroid_qc.samples.simulated_time_course import History, history_of, stream
from spheroid_qc.samples.truth import (
    FrameTruth,
    Truth,
    conditions_of,
    frame_truth,
    with_states,
    write_csv,
)

START = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)

_LEVELS = {
    Modality.BRIGHTFIELD: 0.62,
    Modality.PHASE: 0.5,
    Modality.DARKFIELD: 0.05,
    Modality.FLUORESCENCE: 0.04,
}


def file_name(design: PlateDesign, plan: WellPlan, time_h: float) -> str:
    """Return the IncuCyte name of a frame: `VID1_B2_1_00d06h00m.tif`."""
    minutes = round(time_h * 60)
    days, rest = divmod(minutes, 24 * 60)
    well = f"{plan.well[0]}{int(plan.well[1:])}"
    return f"{design.plate}_{well}_1_{days:02d}d{rest // 60:02d}h{rest % 60:02d}m.tif"


def _optics_of(design: PlateDesign, plan: WellPlan, index: int, seed: int) -> Optics:
    """Microscope of one frame: the plate's lamp, the well's meniscus, the frame's focus."""
    plate = stream(seed, 999)
    lamp = plate.uniform(-0.06, 0.06, 2)
    well = stream(seed, plan.row, plan.column, 1)
    tilt = well.uniform(-0.07, 0.07, 2)
    mottle = 0.012 * well.standard_normal((5, 5))
    frame = stream(seed, plan.row, plan.column, 2, index)
    blurred = plan.blurred_from_h is not None and design.times_h[index] >= plan.blurred_from_h
    return Optics(
        modality=design.modality,
        level=_LEVELS[design.modality] * float(1.0 + 0.01 * frame.normal()),
        bits=design.bits,
        psf_px=0.85,
        defocus_px=float(frame.uniform(13.0, 16.0)) if blurred else 0.6 * frame.random(),
        light=Light(
            gradient_y=float(lamp[0] + tilt[0]),
            gradient_x=float(lamp[1] + tilt[1]),
            vignette=float(well.uniform(0.02, 0.10)),
            mottle=tuple(tuple(float(v) for v in row) for row in mottle),
        ),
    )


def _extras_of(design: PlateDesign, plan: WellPlan, seed: int) -> tuple[Extra, ...]:
    """Dust on the plate's bottom and now and then a fibre, away from the spheroid."""
    if not design.extras:
        return ()
    rng = stream(seed, plan.row, plan.column, 3)
    height, width = design.shape
    found: list[Extra] = []
    for _ in range(int(rng.integers(0, 4))):
        angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.36, 0.48)
        y, x = height * (0.5 + away * np.sin(angle)), width * (0.5 + away * np.cos(angle))
        smudge = rng.random() < 0.4
        found.append(
            Dust(
                float(y),
                float(x),
                radius=float(rng.uniform(10, 26) if smudge else rng.uniform(1.0, 3.0)),
                blur=float(rng.uniform(9, 16) if smudge else 1.0),
                strength=float(rng.uniform(0.03, 0.09) if smudge else rng.uniform(0.25, 0.6)),
            )
        )
    if rng.random() < 0.08:
        side = rng.choice(np.array([0.06, 0.94]))
        xs = width * (side + 0.03 * rng.normal(size=4))
        ys = height * np.linspace(rng.uniform(0.05, 0.3), rng.uniform(0.6, 0.95), 4)
        found.append(
            Fibre(
                tuple((float(y), float(x)) for y, x in zip(ys, xs, strict=True)),
                width=float(rng.uniform(3, 6)),
                blur=1.2,
                strength=float(rng.uniform(0.3, 0.6)),
            )
        )
    return tuple(found)


def render_frame(
    design: PlateDesign, plan: WellPlan, index: int, seed: int, history: History | None = None
) -> Rendered:
    """Render one frame of a plate, on its own.

    Parameters
    ----------
    design, plan : PlateDesign, WellPlan
        The plate and the well.
    index : int
        Number of the time.
    seed : int
        Seed of the plate.
    history : History, optional
        The well's traits, if they have been drawn already.

    Returns
    -------
    Rendered
        Frame and exact masks.
    """
    history = history or history_of(design, plan, seed)
    return render_scene(
        history.scene_at(index),
        _optics_of(design, plan, index, seed),
        stream(seed, plan.row, plan.column, 4, index),
        _extras_of(design, plan, seed),
    )


def _ome(name: str, image: NDArray[np.generic], design: PlateDesign, time_h: float) -> bytes:
    """OME-XML of one plane, with nothing in it that changes from run to run."""
    when = (START + timedelta(hours=time_h)).strftime("%Y-%m-%dT%H:%M:%S")
    size = f'PhysicalSizeX="{design.pixel_size_um:g}" PhysicalSizeXUnit="µm" '
    size += f'PhysicalSizeY="{design.pixel_size_um:g}" PhysicalSizeYUnit="µm"'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="http://www.openmicroscopy.org/Schemas/OME/2016-06 '
        'http://www.openmicroscopy.org/Schemas/OME/2016-06/ome.xsd" Creator="spheroid_qc">'
        f'<Image ID="Image:0" Name={quoteattr(name)}><AcquisitionDate>{when}</AcquisitionDate>'
        f'<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="{image.dtype.name}" '
        f'SignificantBits="{design.bits}" SizeX="{image.shape[1]}" SizeY="{image.shape[0]}" '
        f'SizeC="1" SizeZ="1" SizeT="1" {size}>'
        f'<Channel ID="Channel:0:0" Name="{design.modality.value}" SamplesPerPixel="1"/>'
        '<TiffData IFD="0" PlaneCount="1"/><Plane TheZ="0" TheT="0" TheC="0"/>'
        "</Pixels></Image></OME>"
    ).encode()


def _write_frame(path: Path, image: NDArray[np.generic], design: PlateDesign, t: float) -> None:
    import tifffile

    tifffile.imwrite(
        path,
        image,
        photometric="minisblack",
        compression="zlib",
        compressionargs={"level": 1},
        rowsperstrip=128,
        description=_ome(path.name, image, design, t),
        metadata=None,
        software="spheroid_qc",
    )


def _write_mask(path: Path, rendered: Rendered) -> None:
    from PIL import Image

    Image.fromarray(np.where(rendered.shed, 2, rendered.core > 0).astype(np.uint8)).save(path)


@dataclass(frozen=True, slots=True)
class _WellJob:
    """One well to be written by one process."""

    folder: Path
    design: PlateDesign
    plan: WellPlan
    seed: int
    masks: bool


def _write_well(job: _WellJob) -> tuple[FrameTruth, ...]:
    history = history_of(job.design, job.plan, job.seed)
    frames = []
    for index, time_h in enumerate(job.design.times_h):
        rendered = render_frame(job.design, job.plan, index, job.seed, history)
        path = job.folder / file_name(job.design, job.plan, time_h)
        _write_frame(path, rendered.image, job.design, time_h)
        truth = frame_truth(path.name, job.design, job.plan, time_h, rendered.core, rendered.shed)
        if truth.quality == "truncated":
            # As after a broken transfer: the header stands, half of the pixels are missing.
            os.truncate(path, path.stat().st_size // 2)
        if job.masks:
            _write_mask(job.folder / "truth" / "masks" / f"{path.stem}_mask.png", rendered)
        frames.append(truth)
    return with_states(frames)


def _write_map(path: Path, design: PlateDesign) -> None:
    drugs = {drug.name: drug for drug in design.drugs}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ["well", "role", "drug", "dose", "unit", "cell_line", "replicate", "dosed_at_h"]
        )
        for plan in design.wells:
            rest = [design.cell_line, plan.replicate, 0]
            if not plan.treatment:
                writer.writerow([plan.well, plan.role, "", "", "", *rest])
            for name, dose in plan.treatment:
                drug = drugs[name]
                amount = f"{dose * drug.per_um:.6g}"
                writer.writerow([plan.well, plan.role, name, amount, drug.unit, *rest])


def write_plate(
    folder: Path | str,
    design: PlateDesign = DEMO,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    *,
    masks: bool = False,
    workers: int = 1,
) -> Truth:
    """Write a simulated time-lapse plate with known truth.

    Parameters
    ----------
    folder : path
        Where to write; made if it is missing. Files of the same names are replaced.
    design : PlateDesign
        The plate.
    seed : int
        The same seed gives the same bytes.
    progress : callable, optional
        Called with the number of frames written and the number of all frames.
    masks : bool
        Write `truth/masks/<name>_mask.png` as well: 0 background, 1 core, 2 shed.
    workers : int
        Processes that write; 1 works in this process. With more, a script needs the usual
        `if __name__ == "__main__":` around the call.

    Returns
    -------
    Truth
        What is in the frames; also written as `truth/truth.csv` (frames) and
        `truth/truth_conditions.csv`.
    """
    folder = Path(folder)
    (folder / "truth" / "masks" if masks else folder / "truth").mkdir(parents=True, exist_ok=True)
    jobs = [_WellJob(folder, design, plan, seed, masks) for plan in design.wells]
    done: dict[str, tuple[FrameTruth, ...]] = {}
    total = len(jobs) * len(design.times_h)

    def finished(plan: WellPlan, frames: tuple[FrameTruth, ...]) -> None:
        done[plan.well] = frames
        if progress is not None:
            progress(len(done) * len(design.times_h), total)

    if workers <= 1:
        for job in jobs:
            finished(job.plan, _write_well(job))
    else:
        # A fresh interpreter for each process: forking one that runs threads can lock up.
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            try:
                with _interrupts_held():
                    running = {pool.submit(_write_well, job): job.plan for job in jobs}
                for future in as_completed(running):
                    finished(running[future], future.result())
            except BaseException:
                # On Ctrl-C nobody wants to wait for the wells that are still to be drawn.
                processes: dict[int, Any] = getattr(pool, "_processes", None) or {}
                for process in list(processes.values()):
                    process.kill()
                raise
    plate_map = folder / "plate_map.csv"
    _write_map(plate_map, design)
    frames = tuple(frame for plan in design.wells for frame in done[plan.well])
    conditions = conditions_of(design)
    write_csv(folder / "truth" / "truth.csv", frames)
    write_csv(folder / "truth" / "truth_conditions.csv", conditions)
    return Truth(folder, plate_map, design, frames, conditions)


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: the parent alone decides what it means."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
