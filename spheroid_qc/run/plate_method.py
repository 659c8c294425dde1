"""The method of every plate: decided once, on the evidence of frames from all over it, and kept.

Were it decided frame by frame, curves would jump where the method changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spheroid_qc.images import PlateCalibration
from spheroid_qc.parameters import Method
from spheroid_qc.run.executor import Executor
from spheroid_qc.run.plate_light import sampled, sampled_timepoints, shown
from spheroid_qc.run.run_request import PlannedRun
from spheroid_qc.run.store.illumination_file import ChannelLight
from spheroid_qc.run.store.well_records import WellTask
from spheroid_qc.run.well.method_sample import sample_methods
from spheroid_qc.segmentation.auto import TAUGHT

_SAMPLED = 12
"""Frames of a plate that both methods are tried on: the mean difference of what is expected of
either hardly changes with more."""

_FEWEST = 3
"""Frames that say something; with fewer every frame is decided by itself."""


def plate_methods(
    planned: PlannedRun,
    calibration: PlateCalibration,
    light: Mapping[str, Mapping[str, ChannelLight]],
    pool: Executor,
) -> dict[str, str]:
    """Decide for every plate whether the network or the rules segment it.

    Parameters
    ----------
    planned : PlannedRun
        Its context gets what `run.json` says was decided; what was decided before is kept.
    calibration : PlateCalibration
        What the plates' own files say of the pixel size.
    light : mapping
        Plate -> channel -> light.
    pool : Executor
        Who does the work.

    Returns
    -------
    dict of str to str
        Plate -> `learned` or `classical`; a plate that says too little is left out. Empty where the
        setting is not `auto`.
    """
    run, request = planned.run, planned.request
    if request.parameters.segmentation.method is not Method.AUTO:
        return {}
    known = decided_methods(planned.context.get("methods"))
    everyone = sorted({plate for plate, _ in planned.well_timepoints})
    tasks = [
        WellTask(
            request.folder, run.root, plate, well, (moment,), request.parameters, calibration,
            planned.adapter, light.get(plate, {}),
        )
        for plate in everyone
        if shown(plate) not in known
        for well, moment in sampled_timepoints(planned.well_timepoints, plate, _SAMPLED)
    ]  # fmt: skip
    seen = sampled(sample_methods, tasks, pool)
    for plate in everyone:
        mine = [found for of, found in seen if of == plate and found is not None]
        if len(mine) >= _FEWEST:
            known[shown(plate)] = decide_method(mine)
    planned.context["methods"] = known
    return {p: known[shown(p)]["method"] for p in everyone if shown(p) in known}


def decide_method(samples: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Take the method of which more is expected in the mean; the network where it is the same.

    What a person taught the network outweighs what is expected of either: where an adapter counts
    on these frames (`adapted`, from 0 to 1), the network leads.
    """
    learned, classical = (
        float(f"{np.mean([sample[name] for sample in samples]):.6g}")
        for name in ("learned", "classical")
    )
    taught = float(np.mean([sample.get("adapted", 0.0) for sample in samples])) > TAUGHT
    return {
        "method": "classical" if classical > learned and not taught else "learned",
        "expected_learned": learned,
        "expected_classical": classical,
        "frames": len(samples),
    }


def decided_methods(known: object) -> dict[str, dict[str, Any]]:
    """Read what `run.json` says was decided; what is no decision is left out."""
    if not isinstance(known, dict):
        return {}
    return {
        str(plate): found
        for plate, found in known.items()
        if isinstance(found, dict) and found.get("method") in ("learned", "classical")
    }
