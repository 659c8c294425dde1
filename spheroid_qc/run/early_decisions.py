"""Light and method of a plate that is still being imaged: decided anew while its first frames come.

Both are decided on the earliest frames of a plate. While a microscope writes, these change from
look to look; they are decided again then, and where something else comes out the plate's wells are
analysed anew, so that a watched run ends as one that was started when everything was there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from spheroid_qc.atomic import write_json
from spheroid_qc.run.plate_light import sampled_timepoints, shown
from spheroid_qc.run.run_request import PlannedRun
from spheroid_qc.run.store.illumination_file import ChannelLight, LightMode, read_illumination
from spheroid_qc.run.store.run_folder import MAX_RUN_JSON, RunFolder
from spheroid_qc.run.store.run_json import write_run_json
from spheroid_qc.run.store.well_records import record_path
from spheroid_qc.storage import read_plain

_NAME = "watched.json"


def forget_early_decisions(planned: PlannedRun) -> None:
    """Forget light and method if they were decided on other frames than would be looked at now.

    Called before they are decided; `OSError` if nothing can be written.
    """
    run, context = planned.run, planned.context
    known = _known(planned)
    frames = _frames(planned)
    if all(known.get(plate, {}).get("frames") == digest for plate, digest in frames.items()):
        return
    # What the records were made with is written down before anything is forgotten.
    write_json(run.records / _NAME, {plate: one | {"frames": ""} for plate, one in known.items()})
    context.update(illumination=None, methods=None)
    write_run_json(run, context, planned.table, {}, status="running")


def drop_outdated_records(
    planned: PlannedRun,
    light: Mapping[str, Mapping[str, ChannelLight]],
    methods: Mapping[str, str],
) -> None:
    """Remove records of plates for which something else was decided than they were made with.

    Called when light and method are decided, before wells are analysed; `OSError` if it can't.
    """
    run = planned.run
    known = _known(planned)
    decided: dict[str, dict[str, str]] = {}
    for plate, frames in _frames(planned).items():
        now = _decided(light.get(plate, {}).values(), methods.get(plate))
        before = known.get(plate, {}).get("decided")
        if before is not None and before != now:
            shutil.rmtree(record_path(run, plate, "A01").parent, ignore_errors=True)
        decided[plate] = {"frames": frames, "decided": now}
    if decided != known:
        write_json(run.records / _NAME, decided)


def _frames(planned: PlannedRun) -> dict[str, str]:
    """Plate -> digest of the frames that are looked at."""
    found = {}
    for plate in sorted({plate for plate, _ in planned.well_timepoints}):
        chosen = sampled_timepoints(planned.well_timepoints, plate)
        found[plate] = _digest([[well, moment.signature] for well, moment in chosen])
    return found


def _known(planned: PlannedRun) -> dict[str, dict[str, str]]:
    """Plate -> what its records were made with, and on which frames that was decided."""
    run = planned.run
    try:
        found = json.loads(read_plain(run.records / _NAME, MAX_RUN_JSON).decode("utf-8"))
        return {str(p): {n: str(one[n]) for n in ("frames", "decided")} for p, one in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    # Not watched before: what an ordinary run decided.
    lights = read_illumination(run) or []
    methods = planned.context.get("methods") or {}
    plates = sorted({plate for plate, _ in planned.well_timepoints})
    return {
        plate: {
            "frames": "",
            "decided": _decided(
                [light for light in lights if light.plate == shown(plate)],
                (methods.get(shown(plate)) or {}).get("method"),
            ),
        }
        for plate in plates
        if _has_records(run, plate)
    }


def _has_records(run: RunFolder, plate: str) -> bool:
    return record_path(run, plate, "A01").parent.is_dir()


def _decided(lights: Any, method: str | None) -> str:
    """Digest of what matters for masks: figures that are only reported do not."""
    at_work = [
        [one.channel, one.mode.value, one.terms if one.mode is LightMode.COMMON else None]
        for one in lights
        if one.mode in (LightMode.COMMON, LightMode.FRAME)
    ]
    return _digest([sorted(at_work, key=str), method])


def _digest(content: Any) -> str:
    return blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()
