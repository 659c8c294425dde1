"""What can still be saved: alarms of a plate while its experiment goes on, as data.

Each is found at every time of a plate, from `wells.csv` alone; that of the newest time is what a
person has to hear of.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from enum import StrEnum

import numpy as np
import pandas as pd

from spheroid_qc.parameters import Assay, Parameters
from spheroid_qc.response.comparisons.effect_size import block_contrast
from spheroid_qc.response.plate_quality.edge_and_position_effects import at_edge, by_edge
from spheroid_qc.wells import parse_well

_SHOWN = 0.99
"""Confidence of the edge's interval: it is asked at every time of an experiment."""


class Alarm(StrEnum):
    """What is wrong; the text is the code in `alarms.csv`."""

    FOCUS_LOST = "focus_lost"
    VANISHED = "spheroids_vanished"
    EDGE = "edge_drift"


@dataclass(frozen=True)
class PlateAlarm:
    """One alarm of one plate at one time.

    Parameters
    ----------
    plate : str
        The plate.
    time_h : float
        Hours on its time axis.
    code : Alarm
        What is wrong.
    newest : bool
        Whether this is the plate's newest time.
    n_wells, of_wells : int
        Wells that show it, of how many; of the edge: outermost and inner wells compared.
    value, low, high : float
        Share of the wells; of the edge: growth of the core's area since time zero in the outermost
        wells beyond that in inner ones of the same condition, with its 99 % interval. NaN where
        there is no interval.
    wells : tuple of str
        Which wells show it; of the edge: none.
    """

    plate: str
    time_h: float
    code: Alarm
    newest: bool
    n_wells: int
    of_wells: int
    value: float
    low: float = float("nan")
    high: float = float("nan")
    wells: tuple[str, ...] = ()


def plate_alarms(wells: pd.DataFrame, parameters: Parameters) -> tuple[PlateAlarm, ...]:
    """Find all alarms of a table of wells.

    Parameters
    ----------
    wells : DataFrame
        As in `wells.csv`.
    parameters : Parameters
        `watch` holds the limits, `plate.well_count` the size of the plate.

    Returns
    -------
    tuple of PlateAlarm
        By plate, time and code; empty where all is well.
    """
    found: list[PlateAlarm] = []
    seeded = wells[(wells["role"] != "blank") & wells["file"].notna() & (wells["file"] != "")]
    for plate, rows in seeded.groupby("plate", sort=True):
        newest = float(rows["time_h"].max())
        everyone = wells.loc[wells["plate"] == plate, "well"].unique().tolist()
        outer: dict[str, bool] = {}
        if all(parse_well(str(well)) for well in everyone):
            edge = at_edge(everyone, parameters.plate.well_count).tolist()
            outer = dict(zip(everyone, edge, strict=True))
        for time, now in rows.groupby("time_h", sort=True):
            found += _at(str(plate), float(str(time)), newest, now, outer, parameters)
    return tuple(found)


def _at(
    plate: str,
    time: float,
    newest: float,
    now: pd.DataFrame,
    outer: dict[str, bool],
    parameters: Parameters,
) -> Iterable[PlateAlarm]:
    watch = parameters.watch
    codes = now["flags"].fillna("").astype(str).str.split(";")
    hits = {
        Alarm.FOCUS_LOST: codes.map(lambda found: "out_of_focus" in found).to_numpy(dtype=bool),
        Alarm.VANISHED: (now["state"] == "vanished").to_numpy(dtype=bool),
    }
    for code, hit in hits.items():
        n = int(hit.sum())
        if n >= watch.alarm_wells and n >= watch.alarm_share * len(now):
            which = tuple(now["well"].to_numpy()[hit])
            yield PlateAlarm(
                plate, time, code, time == newest, n, len(now), n / len(now), wells=which
            )
    if parameters.plate.assay is Assay.SINGLE:
        yield from _edge(plate, time, newest, now, outer, parameters)


def _edge(
    plate: str,
    time: float,
    newest: float,
    now: pd.DataFrame,
    outer: dict[str, bool],
    parameters: Parameters,
) -> Iterable[PlateAlarm]:
    """Growth since time zero, outermost against inner wells within each condition."""
    watch = parameters.watch
    if "core_volume_loss_vs_t0" not in now or not outer:
        return
    left = 1.0 - pd.to_numeric(now["core_volume_loss_vs_t0"], errors="coerce").to_numpy(float)
    # Of wells that no plate map knows it can't be said which should be alike.
    known = (now["state"] != "unscorable") & (now["role"] != "unmapped")
    usable = np.isfinite(left) & (left > 0) & known.to_numpy(dtype=bool)
    if not usable.any():
        return
    growth = np.log(left[usable]) * 2.0 / 3.0
    outermost = now.loc[usable, "well"].map(outer).to_numpy(dtype=bool)
    edge, inner = by_edge(growth, outermost, now.loc[usable, "condition"].astype(str).tolist())
    compared = [(a, b) for a, b in zip(edge, inner, strict=True) if a.size and b.size]
    n_edge, n_inner = (sum(pair[side].size for pair in compared) for side in (0, 1))
    if min(n_edge, n_inner) < watch.alarm_wells:
        return
    contrast = block_contrast(edge, inner, _SHOWN)
    apart = contrast.low > 0 or contrast.high < 0
    value, low, high = (
        float(np.expm1(figure)) for figure in (contrast.difference, contrast.low, contrast.high)
    )
    if apart and abs(value) >= watch.alarm_edge:
        yield PlateAlarm(plate, time, Alarm.EDGE, time == newest, n_edge, n_inner, value, low, high)


COLUMNS = tuple(field.name for field in fields(PlateAlarm))


def alarm_table(alarms: Iterable[PlateAlarm]) -> pd.DataFrame:
    """Lay out alarms as `alarms.csv` has them."""
    own = (asdict(one) | {"code": one.code.value, "newest": int(one.newest)} for one in alarms)
    lines = [line | {"wells": " ".join(line["wells"])} for line in own]
    return pd.DataFrame(lines, columns=[*COLUMNS])
