"""What the plate as a whole says of its masks: untreated spheroids are nearly all whole.

Before the first dose, and in the vehicle wells, few spheroids fall apart. Where many read so, the
masks are what is wrong: a scratched floor or shading taken for shed material, on every frame of
that microscope alike. No single frame can tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spheroid_qc.parameters import Parameters
from spheroid_qc.wording import listed, percent

if TYPE_CHECKING:
    import pandas as pd


BEFORE_DOSE, VEHICLE = "before_dose", "vehicle"
MOST_SHOWN = 6
"""Frames that are named and shown, worst first."""

_WHEN = {BEFORE_DOSE: "before the first dose", VEHICLE: "in most of their frames"}
_WHOSE = {BEFORE_DOSE: "wells", VEHICLE: "vehicle wells"}


@dataclass(frozen=True)
class SuspectFrame:
    """One frame of an untreated well that reads as falling apart."""

    plate: str
    well: str
    time_h: float
    disintegration_fraction: float


@dataclass(frozen=True)
class MasksUnfit:
    """More wells without a drug than can be true read as falling apart.

    Parameters
    ----------
    plate : str
        The plate.
    group : str
        Which wells were counted: `before_dose`, every well by its frame at time zero, or
        `vehicle`, every vehicle well by the median over its times.
    n_high, n_wells : int
        Wells that read `threshold` or more, of how many.
    threshold : float
        Disintegration fraction from which a spheroid is shedding.
    dose_assumed : bool
        No dose time was given, so that the first frame was taken as from before the dose.
    frames : tuple of SuspectFrame
        One of each of those wells, the highest fraction first.
    """

    plate: str
    group: str
    n_high: int
    n_wells: int
    threshold: float
    dose_assumed: bool
    frames: tuple[SuspectFrame, ...]

    @property
    def share(self) -> float:
        """Share of the wells that read as falling apart, in [0, 1]."""
        return self.n_high / self.n_wells

    @property
    def words(self) -> str:
        """How many wells, and which frames: `8 of 10 wells (80 %) read ...`."""
        named = (
            f"{one.well} at {one.time_h:g} h ({one.disintegration_fraction:.2f})"
            for one in self.frames[:MOST_SHOWN]
        )
        return (
            f"{self.n_high} of {self.n_wells} {_WHOSE[self.group]} ({percent(self.share)}) read "
            f"a disintegration fraction of {self.threshold:g} or more {_WHEN[self.group]}; the "
            f"worst: {listed(named, MOST_SHOWN)}."
        )


def masks_unfit(wells: pd.DataFrame, parameters: Parameters) -> tuple[MasksUnfit, ...]:
    """Find plates whose untreated wells read as falling apart.

    Two groups of wells are looked at. All wells before the first dose, by their frame at time zero
    (earlier ones may show spheroids that still form); where the dose time is only assumed and the
    plate was imaged once, that frame need not be from before the dose, so that only wells of which
    the map says nothing count. And the vehicle wells, by the median over all their scorable times
    (some shed in the end). Blank wells and unscorable frames count nowhere. Fewer than
    `quality.unfit_wells` that read so say nothing: of four wells one is more than a fifth, and may
    be a spheroid that is loose.

    Parameters
    ----------
    wells : DataFrame
        `wells.csv`: `plate, well, time_h, role, state, disintegration_fraction`, and if there
        `is_t0` (bool) and `dosed_at_h`.
    parameters : Parameters
        `states.shedding_df`, `quality.unfit_share`, `quality.unfit_wells`, `plate.dose_time_h`.

    Returns
    -------
    tuple of MasksUnfit
        In the order of the plates, before the dose first; empty where all is well, and in the
        assay `spheres`, which has no such fraction.
    """
    needed = ("role", "state", "is_t0", "disintegration_fraction")
    if any(name not in wells for name in needed):
        return ()
    seen = wells["disintegration_fraction"].notna() & (wells["state"] != "unscorable")
    known = wells[seen & (wells["role"] != "blank")].reset_index(drop=True)
    found = []
    for plate, rows in known.groupby("plate", sort=False):
        every = wells[wells["plate"] == plate]
        assumed = parameters.plate.dose_time_h is None and not (
            "dosed_at_h" in every and every["dosed_at_h"].notna().any()
        )
        start = rows[rows["is_t0"].eq(1)]
        if assumed and every["time_h"].nunique() < 2:
            start = start[start["role"] == "unmapped"]
        vehicle = rows[rows["role"] == "vehicle"]
        for group, own in ((BEFORE_DOSE, start), (VEHICLE, vehicle)):
            one = _unfit(str(plate), group, own, parameters, assumed)
            if one is not None:
                found.append(one)
    return tuple(found)


def worst_frames(found: tuple[MasksUnfit, ...]) -> tuple[SuspectFrame, ...]:
    """Give the frames of all plates and groups to look at, each well once, worst first."""
    of_well: dict[tuple[str, str], SuspectFrame] = {}
    frames = [frame for one in found for frame in one.frames[:MOST_SHOWN]]
    for frame in sorted(frames, key=lambda frame: -frame.disintegration_fraction):
        of_well.setdefault((frame.plate, frame.well), frame)
    return tuple(of_well.values())[:MOST_SHOWN]


def _unfit(
    plate: str, group: str, rows: pd.DataFrame, parameters: Parameters, assumed: bool
) -> MasksUnfit | None:
    """Count the wells of one group; None where too few of them read so."""
    fraction = rows["disintegration_fraction"].astype(float)
    of_well = fraction.groupby(rows["well"], sort=False).median()
    threshold, quality = parameters.states.shedding_df, parameters.quality
    high = of_well.index[of_well >= threshold]
    if len(high) < quality.unfit_wells or len(high) <= quality.unfit_share * len(of_well):
        return None
    worst = rows.loc[fraction.groupby(rows["well"], sort=False).idxmax()]
    frames = [
        SuspectFrame(plate, str(well), float(time), float(value))
        for well, time, value in zip(
            worst["well"], worst["time_h"], worst["disintegration_fraction"], strict=True
        )
        if well in high
    ]
    frames.sort(key=lambda frame: -frame.disintegration_fraction)
    return MasksUnfit(plate, group, len(high), len(of_well), threshold, assumed, tuple(frames))
