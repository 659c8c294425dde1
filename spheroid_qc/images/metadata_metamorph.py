"""MetaMorph stacks: many planes behind one TIFF directory, described by the UIC tags.

UIC2 (33629) has for each plane a distance, the day (Julian) and the time of day (ms) of its making,
UIC3 (33630) its wavelength. Planes of a stack have no other labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from spheroid_qc.images.metadata_ome import Key

_JULIAN_OF_YEAR_1 = 1_721_424
"""MetaMorph's number of the day before 1 January of the year 1, from which Python counts.

MetaMorph numbers a day by the noon before it: one less than astronomers give its own noon."""


@dataclass(frozen=True, slots=True)
class MetaMorphStack:
    """What a stack is made of.

    `order` has the axes from fast to slow and their sizes (t, c, z), None for a single plane.
    `times_h` are hours since the first plane, None where they are absent or don't rise; `acquired`
    is when the first was taken.
    """

    order: tuple[str, Key] | None
    times_h: tuple[float, ...] | None = None
    acquired: datetime | None = None


def read_metamorph(count: int, planes: Mapping[str, Any], waves: object) -> MetaMorphStack:
    """Read the UIC tags of a stack of `count` planes.

    `planes` are the values of UIC2 as tifffile gives them (`ZDistance`, `DateCreated`,
    `TimeCreated`, one a plane), `waves` the wavelengths of UIC3, or None. Planes at several
    distances are a focus stack, planes of several wavelengths in turn are channels, all others
    times.
    """
    created = _created(count, planes)
    acquired = created[0] if created else None
    if count < 2:
        return MetaMorphStack(None, None, acquired)
    n_waves = _n_waves(count, waves)
    steps = count // n_waves
    distances = np.atleast_1d(np.asarray(planes.get("ZDistance", 0), float))
    # The first or the last plane of a focus stack may lie at zero.
    if steps > 1 and np.count_nonzero(distances) > len(distances) // 2:
        return MetaMorphStack(("CZT", (1, n_waves, steps)), None, acquired)
    times = None
    if created:
        firsts = created[::n_waves]
        hours = tuple((one - firsts[0]).total_seconds() / 3600 for one in firsts)
        times = hours if all(later > earlier for earlier, later in pairwise(hours)) else None
    return MetaMorphStack(("CTZ", (steps, n_waves, 1)), times, acquired)


def _created(count: int, planes: Mapping[str, Any]) -> list[datetime]:
    """Dates of all planes; none if one is missing or is no date."""
    days = np.atleast_1d(np.asarray(planes.get("DateCreated", ()))).tolist()
    clocks = np.atleast_1d(np.asarray(planes.get("TimeCreated", ()))).tolist()
    if len(days) != count or len(clocks) != count:
        return []
    try:
        return [
            datetime.fromordinal(int(day) - _JULIAN_OF_YEAR_1) + timedelta(milliseconds=int(clock))
            for day, clock in zip(days, clocks, strict=True)
        ]
    except (ValueError, OverflowError):
        return []


def _n_waves(count: int, waves: object) -> int:
    """Count the wavelengths that planes take in turn; 1 if they don't."""
    found = np.atleast_1d(np.asarray(waves if waves is not None else (), float)).tolist()
    several = len(set(found))
    in_turn = len(found) == count and several > 1 and count % several == 0
    return several if in_turn and found == found[:several] * (count // several) else 1
