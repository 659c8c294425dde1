"""How far a run is, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Parameters
    ----------
    stage : str
        `frames`, `tables`, `overlays` or `pictures` (of the report).
    done, total : int
        Frames (or overlays) finished and wanted.
    rate : float
        Finished per second in this run; 0 before the first.
    seconds_left : float or None
        Estimated from the rate; None before the first.
    plate, well : str
        The well that has just been finished; empty where there is none.
    """

    stage: str
    done: int
    total: int
    rate: float
    seconds_left: float | None
    plate: str = ""
    well: str = ""


def report_progress(progress: Callable[[Progress], None] | None, state: Progress) -> None:
    """Report to whoever wants to hear."""
    if progress is not None:
        progress(state)
