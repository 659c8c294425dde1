"""What ImageJ writes into a TIFF: hyperstack sizes, unit, frame interval, slice labels."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from spheroid_qc.images.acquisition_dates import parse_date, seconds_per
from spheroid_qc.images.pixel_size import (
    Calibration,
    calibration_of,
    length_in_um,
    pixel_size_from_resolution,
)

# Animations play at some frames per second; an acquisition of spheroids does not.
MAX_ACQUISITION_HZ = 0.1

# A larger number of frames, channels or slices is a damaged one.
MAX_IMAGES = 100_000

_DATE_LINE = re.compile(
    r"^\W*(?:.*\b)?(acquisition\s*date|date\s*time\s*original|date\s*time|acquired|creation\s*date|"
    r"timestamp)\s*[:=]\s*(.+)$",
    re.IGNORECASE,
)


@dataclass(slots=True)
class ImageJFacts:
    """Facts of one ImageJ file: numbers of frames, channels and slices, calibration, times.

    `images` is the number of planes that the file claims, `interval_s` the seconds between frames.
    """

    n_t: int
    n_c: int
    n_z: int
    images: int
    calibration: Calibration
    interval_s: float | None
    channel_names: tuple[str, ...]
    acquired: datetime | None
    notes: list[str] = field(default_factory=list)


def read_imagej(
    description: str,
    resolution: tuple[float, float] | None,
    extra: dict[str, Any],
    file_name: str,
) -> ImageJFacts:
    """Read the description that ImageJ puts into the first page: lines of `key=value`.

    `resolution` are pixels per unit along x and y, from the resolution tags; `extra` is the content
    of ImageJ's private tag: `Info`, `Labels`. Sizes are at least one; a product that disagrees with
    `images` is left to the caller.
    """
    values: dict[str, str] = {}
    for line in description.splitlines()[:2000]:
        key, separator, value = line.partition("=")
        if separator:
            values.setdefault(key.strip().lower(), value.strip())
    n_t, n_c, n_z = (_count(values.get(name)) for name in ("frames", "channels", "slices"))
    images = max(_count(values.get("images")), 1)
    notes: list[str] = []
    interval = _interval(values)
    if n_z > 1 and n_t == 1 and interval is not None and "spacing" not in values:
        n_t, n_z = n_z, 1
        notes.append(
            f"The {n_t} slices of {file_name} have a frame interval and no spacing: they are read "
            "as times."
        )
    elif n_z > 1 and n_t == 1 and "spacing" not in values:
        notes.append(
            f"{file_name} calls its {n_z} images slices, so they are read as focus planes; if "
            "they are times, set frames instead (Image > Properties in ImageJ)."
        )
    info = extra.get("Info")
    return ImageJFacts(
        n_t=n_t,
        n_c=n_c,
        n_z=n_z,
        images=images,
        calibration=_calibration(values, resolution),
        interval_s=interval,
        channel_names=_names(extra.get("Labels"), n_c),
        acquired=_date(info) if isinstance(info, str) else None,
        notes=notes,
    )


def _calibration(values: dict[str, str], resolution: tuple[float, float] | None) -> Calibration:
    unit = values.get("unit", "")
    scale = length_in_um(unit)
    if scale is None:
        where = f"in “{unit}”" if unit else "without a unit"
        return Calibration(None, "imagej", f"The ImageJ scale is {where}: no calibration.")
    if resolution is None or not all(math.isfinite(one) and one > 0 for one in resolution):
        return Calibration(None, "imagej", "The ImageJ scale has a unit but no resolution.")
    if unit.lower() in ("inch", "inches", "in", "cm"):
        # ImageJ takes over the dots per inch of the picture it opened, which mean nothing.
        return pixel_size_from_resolution(*resolution, scale, "imagej", "The ImageJ scale")
    y_scale = length_in_um(values.get("yunit", "")) or scale
    return calibration_of(
        scale / resolution[0], y_scale / resolution[1], "imagej", "The ImageJ scale"
    )


def _interval(values: dict[str, str]) -> float | None:
    """Seconds between frames."""
    try:
        interval = float(values.get("finterval", "0"))
    except ValueError:
        interval = 0.0
    scale = seconds_per(values.get("tunit"), 1.0)
    if math.isfinite(interval) and interval > 0 and scale is not None:
        return interval * scale
    try:
        rate = float(values.get("fps", "0"))
    except ValueError:
        return None
    return 1 / rate if 1e-7 < rate < MAX_ACQUISITION_HZ else None


def _names(labels: Any, n_c: int) -> tuple[str, ...]:
    """Channel names from slice labels such as `c:1/2 z:1/5 - Phase` or `c:1/2 - Phase`."""
    names = [""] * n_c
    if n_c > 1 and isinstance(labels, (list, tuple)):
        for index, label in enumerate(labels[:n_c]):
            if isinstance(label, str):
                text = re.sub(r"\b[cztCZT]:\d+/\d+\b", " ", label).strip(" -;,\n\t")
                names[index] = text.splitlines()[0][:80] if text else ""
    return tuple(names)


def _date(info: str) -> datetime | None:
    for line in info[:200_000].splitlines():
        match = _DATE_LINE.match(line[:300])
        if match and (found := parse_date(match[2].strip().strip('"'))) is not None:
            return found
    return None


def _count(text: str | None) -> int:
    try:
        count = int(text) if text is not None and len(text) < 12 else 1
    except ValueError:
        return 1
    return count if 1 <= count <= MAX_IMAGES else 1
