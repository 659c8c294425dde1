"""`illumination.json`: the light of every plate and channel, estimated once and kept.

All frames of a plate are divided by the same light, also those that a run continued later adds, so
that the estimate is stored with the masks that it made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spheroid_qc.atomic import write_json
from spheroid_qc.errors import RequestError
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.segmentation.even_light import Illumination
from spheroid_qc.storage import read_plain

_FORMAT = 1
_MAX_BYTES = 1_000_000
"""Far more than the light of any number of plates that one run can hold."""


class LightMode(StrEnum):
    """What is done about the light of a channel."""

    EVEN = "even"
    COMMON = "common"
    FRAME = "frame"
    UNKNOWN = "unknown"


class ChannelLight(BaseModel):
    """Light of one plate and channel.

    Parameters
    ----------
    plate, channel : str
        As in the frame table, or a channel's name inside files.
    mode : LightMode
        `common`: every frame is divided by `terms`; `frame`: each by its own light, since there
        are too few frames for a common one; `even`: nothing is done, since the light is even
        beside the bodies' contrast; `unknown`: nothing is done, since the ground says nothing of
        the light.
    frames : int
        Number of frames with ground that it rests on.
    height : float or None
        98th less 2nd percentile of the light, as a share of its mean.
    unevenness : float or None
        The same over the contrast of the bodies.
    terms : tuple of 6 floats or None
        See `Illumination`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    plate: str = Field(max_length=1000)
    channel: str = Field(max_length=1000)
    mode: LightMode
    frames: int = Field(ge=0, le=1_000_000)
    height: float | None = Field(None, ge=0, le=10)
    unevenness: float | None = Field(None, ge=0, le=1e6)
    terms: tuple[float, float, float, float, float, float] | None = None

    @model_validator(mode="after")
    def _can_be_light(self) -> ChannelLight:
        if (self.mode is LightMode.COMMON) and self.terms is None:
            raise ValueError("common light needs terms")
        if self.terms is not None and not Illumination(self.terms).is_light:
            raise ValueError("the terms are no light")
        return self

    @property
    def divisor(self) -> Illumination | None:
        """What every frame is divided by; None in other modes than `common`."""
        if self.mode is not LightMode.COMMON or self.terms is None:
            return None
        return Illumination(self.terms)


def read_illumination(run: RunFolder) -> list[ChannelLight] | None:
    """Read the light that a run's masks were made with; None where none was estimated yet.

    Raises
    ------
    RequestError
        If `run.json` names the file, and it is gone, damaged or another one.
    """
    named = (run.read_run() or {}).get("illumination")
    if not isinstance(named, dict):
        return None
    try:
        content = read_plain(run.illumination, _MAX_BYTES)
        if hashlib.sha256(content).hexdigest() != named.get("sha256"):
            raise ValueError("it is not the file that the run wrote")
        found = json.loads(content)
        if not isinstance(found, dict) or found.get("format") != _FORMAT:
            raise ValueError("it has another form")
        return [ChannelLight.model_validate(entry) for entry in found["channels"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise RequestError(
            f"{run.illumination}, the light that the masks in this folder were made with, can't "
            f"be used ({reason}); restore the file or choose a new --out folder."
        ) from error


def write_illumination(run: RunFolder, lights: Iterable[ChannelLight]) -> dict[str, Any]:
    """Write the light of all plates; returns what `run.json` says of it."""
    known = sorted(lights, key=lambda light: (light.plate, light.channel))
    entries = [light.model_dump(mode="json") for light in known]
    write_json(run.illumination, {"format": _FORMAT, "channels": entries})
    digest = hashlib.sha256(read_plain(run.illumination, _MAX_BYTES)).hexdigest()
    return {"file": run.illumination.name, "sha256": digest, "channels": entries}
