"""Scans of a plate: a microscope takes minutes from the first well to the last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from datetime import datetime
from itertools import pairwise

SCAN_GAP_H = 0.5
"""Longest pause between two wells of one scan of a plate."""


def scan_hours(moments: Sequence[datetime], series: Sequence[Hashable]) -> list[float]:
    """Hours since the first image, one value for all wells of one scan of the plate.

    A microscope takes minutes to scan a plate, so that wells of one time point may bear different
    times. A new time point starts where a series comes round again, or after a pause.

    Parameters
    ----------
    moments : sequence of datetime
        When each image was taken.
    series : sequence of hashable
        What each image shows, over and over.

    Returns
    -------
    list of float
        Start of the scan each image belongs to, hours since the first scan.
    """
    own: dict[Hashable, list[datetime]] = defaultdict(list)
    for moment, one in zip(moments, series, strict=True):
        own[one].append(moment)
    steps = [
        (later - earlier).total_seconds() / 3600
        for times in own.values()
        for earlier, later in pairwise(sorted(times))
        if later > earlier
    ]
    pause = min([SCAN_GAP_H, *(step / 2 for step in steps)])
    at: dict[datetime, set[Hashable]] = defaultdict(set)
    for moment, one in zip(moments, series, strict=True):
        at[moment].add(one)
    starts: dict[datetime, datetime] = {}
    begun = previous = min(at)
    inside: set[Hashable] = set()
    for moment in sorted(at):
        waited = (moment - previous).total_seconds() / 3600
        if waited > pause or (moment != previous and inside & at[moment]):
            begun, inside = moment, set()
        inside |= at[moment]
        starts[moment] = begun
        previous = moment
    first = min(at)
    return [(starts[moment] - first).total_seconds() / 3600 for moment in moments]
