"""When each spheroid fell apart: the time to event of the survival analysis."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spheroid_qc.follow.spheroid_states import DEBRIS_STATES
from spheroid_qc.parameters import StateParameters


def time_to_disintegration(table: pd.DataFrame, parameters: StateParameters) -> pd.DataFrame:
    """When each spheroid fell apart, on time since dose.

    The event is the start of the first run in `disintegrated` or `lost` of at least
    `min_consecutive_frames` scorable frames that spans at least `min_duration_h`. At risk is a
    well that is intact at time zero; it is censored at its last frame that is neither
    unscorable nor `vanished`. Unscorable frames within a run neither count nor break it.

    Parameters
    ----------
    table : DataFrame
        Sorted by plate, well and time, with `plate`, `well`, `time_since_dose_h`, `is_t0`
        (bool) and `state`.
    parameters : StateParameters
        `min_consecutive_frames`, `min_duration_h`.

    Returns
    -------
    DataFrame
        One row per well: `plate, well, at_risk` (bool), `event` (bool), `duration_h` (time of
        the event or of censoring, h since dose; NaN for wells never at risk).
    """
    outcome = []
    for (plate, well), rows in table.groupby(["plate", "well"], sort=False):
        state = rows["state"].to_numpy(dtype=object)
        time = rows["time_since_dose_h"].to_numpy(dtype=float)
        origin = np.flatnonzero(rows["is_t0"].to_numpy(dtype=bool))
        at_risk = bool(origin.size) and state[origin[0]] == "intact"
        start = _first_run(state, time, origin[0], parameters) if at_risk else None
        seen = np.isin(state, ("unscorable", "vanished", "never_formed"), invert=True)
        last = time[seen].max() if at_risk else np.nan
        outcome.append(
            {
                "plate": plate,
                "well": well,
                "at_risk": at_risk,
                "event": start is not None,
                "duration_h": last if start is None else time[start],
            }
        )
    return pd.DataFrame(outcome, columns=["plate", "well", "at_risk", "event", "duration_h"])


def _first_run(
    state: NDArray[np.object_],
    time: NDArray[np.float64],
    origin: int,
    parameters: StateParameters,
) -> int | None:
    run: list[int] = []
    for i in range(origin, state.size):
        if state[i] in DEBRIS_STATES:
            run.append(i)
            long_enough = time[i] - time[run[0]] >= parameters.min_duration_h
            if len(run) >= parameters.min_consecutive_frames and long_enough:
                return run[0]
        elif state[i] != "unscorable":
            run = []
    return None
