"""The light of every plate: sampled before its wells are analysed, decided once, and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from spheroid_qc.images import PlateCalibration
from spheroid_qc.run.executor import Executor
from spheroid_qc.run.run_request import PlannedRun
from spheroid_qc.run.store.illumination_file import (
    ChannelLight,
    LightMode,
    read_illumination,
    write_illumination,
)
from spheroid_qc.run.store.well_records import WellTask, WellTimepoint
from spheroid_qc.run.well.light_sample import LightSample, sample_light
from spheroid_qc.run.worker_processes import WorkerDied, map_unordered
from spheroid_qc.segmentation.even_light import (
    LIGHT_MATTERS,
    MIN_FRAMES,
    common_illumination,
    light_through,
)

T = TypeVar("T")

_SAMPLED = 40
"""Frames of a plate that are looked at: the median of so many no longer changes visibly."""


def plate_light(
    planned: PlannedRun, calibration: PlateCalibration, pool: Executor
) -> dict[str, dict[str, ChannelLight]]:
    """Find the light of every plate and channel; what was estimated before is kept.

    A plate of which frames are added later keeps the light that its first masks were made with.

    Parameters
    ----------
    planned : PlannedRun
        Its run folder gets `illumination.json`, and its context what `run.json` says of it.
    calibration : PlateCalibration
        What the plates' own files say of the pixel size.
    pool : Executor
        Who does the work.

    Returns
    -------
    dict
        Plate -> channel -> light; empty where the setting is off.

    Raises
    ------
    RequestError
        If the stored light can't be used.
    """
    run, request = planned.run, planned.request
    if not request.parameters.segmentation.even_light:
        return {}
    known = read_illumination(run) or []
    done = {light.plate for light in known}
    everyone = sorted({plate for plate, _ in planned.well_timepoints})
    plates = [plate for plate in everyone if shown(plate) not in done]
    tasks = [
        WellTask(request.folder, run.root, plate, well, (moment,), request.parameters, calibration)
        for plate in plates
        for well, moment in sampled_timepoints(planned.well_timepoints, plate)
    ]
    ordered = [
        (plate, sample) for plate, found in sampled(sample_light, tasks, pool) for sample in found
    ]
    lights = list(known)
    for plate in plates:
        channels = sorted({sample.channel for of, sample in ordered if of == plate})
        for channel in channels:
            mine = [s for of, s in ordered if of == plate and s.channel == channel]
            lights.append(decide_light(shown(plate), channel, mine))
    planned.context["illumination"] = write_illumination(run, lights)
    return {
        plate: {light.channel: light for light in lights if light.plate == shown(plate)}
        for plate in everyone
    }


def sampled(
    look: Callable[[WellTask], T], tasks: Sequence[WellTask], pool: Executor
) -> list[tuple[str, T]]:
    """Look at the only timepoint of each task, in the processes of a pool.

    Gives plate and what was seen, in the order of the tasks, whoever was ready first; what a worker
    died of is left out.
    """
    seen: dict[tuple[str, str, int], T] = {}
    for task, result in map_unordered(look, tasks, pool):
        if not isinstance(result, WorkerDied):
            seen[_place(task)] = result
    return [(task.plate, seen[_place(task)]) for task in tasks if _place(task) in seen]


def _place(task: WellTask) -> tuple[str, str, int]:
    return task.plate, task.well, task.well_timepoints[0].timepoint


def shown(plate: str) -> str:
    """Write a plate's name as text, where its folder's name is none."""
    return plate.encode("utf-8", "backslashreplace").decode()


def sampled_timepoints(
    timepoints: Mapping[tuple[str, str], Sequence[WellTimepoint]],
    plate: str,
    most: int = _SAMPLED,
) -> list[tuple[str, WellTimepoint]]:
    """Choose the frames of a plate that are looked at: the earliest, spread over its wells.

    Early, because before drugs act spheroids are whole and the ground is bare; and so that frames
    of later times would not change the choice.
    """
    candidates = sorted(
        (moment.timepoint, well, moment)
        for (of, well), moments in timepoints.items()
        if of == plate
        for moment in moments
    )
    if len(candidates) > most:
        last = candidates[most - 1][0]
        candidates = [c for c in candidates if c[0] <= last]
    places = np.unique(np.linspace(0, len(candidates) - 1, most).round().astype(int))
    return [(candidates[place][1], candidates[place][2]) for place in places]


def decide_light(plate: str, channel: str, samples: Sequence[LightSample]) -> ChannelLight:
    """Decide what is done about the light of one channel of a plate, on all its samples."""
    grounds = [sample.ground for sample in samples if sample.ground is not None]
    contrasts = [s.contrast for s in samples if s.ground is not None and np.isfinite(s.contrast)]
    light = ChannelLight(plate=plate, channel=channel, mode=LightMode.UNKNOWN, frames=len(grounds))
    if not grounds or not contrasts:
        return light
    contrast = float(np.median(contrasts))
    common = common_illumination(grounds)
    if common is not None:
        unevenness = _six_digits(common.height / max(contrast, 1e-6))
        mode = LightMode.COMMON if unevenness >= LIGHT_MATTERS else LightMode.EVEN
        return ChannelLight(
            plate=plate,
            channel=channel,
            mode=mode,
            frames=len(grounds),
            height=_six_digits(common.height),
            unevenness=unevenness,
            terms=common.terms,
        )
    own = [
        (single.height, single.height / max(sample.contrast, 1e-6))
        for sample in samples
        if sample.ground is not None and np.isfinite(sample.contrast)
        for single in (light_through(sample.ground),)
        if single is not None
    ]
    if len(grounds) >= MIN_FRAMES or not own:
        return light
    height, unevenness = (_six_digits(float(v)) for v in np.median(own, axis=0))
    mode = LightMode.FRAME if unevenness >= LIGHT_MATTERS else LightMode.EVEN
    return light.model_copy(
        update={"mode": mode, "height": height, "unevenness": min(unevenness, 1e6)}
    )


def _six_digits(value: float) -> float:
    return float(f"{min(value, 1e6):.6g}")
