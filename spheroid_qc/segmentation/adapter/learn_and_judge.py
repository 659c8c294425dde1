"""Learning from corrected frames, judged on each of them by what the others teach.

How much of what was fitted is kept is decided by leaving frames out, for core and for shed
material by itself: all of it, half, or nothing where the frames left out don't gain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.segmentation.adapter.fit_adapter import Lesson, fit_adapter, weakened
from spheroid_qc.segmentation.adapter.head_correction import Adapter
from spheroid_qc.segmentation.segmentation_result import Segmentation

FEWEST = 3
"""Corrected frames from which something can be learned and judged."""

_FOLDS = 8
"""Times that frames are left out; with more frames than this several at once."""

_STRENGTHS = (1.0, 0.5)

_MAX_LOSS = 0.03
"""No frame that was left out may lose more than this: the person corrected it, and would see it."""


@dataclass(frozen=True, eq=False)
class Corrected:
    """Masks that a person corrected.

    Parameters
    ----------
    core : ndarray of int32, shape (y, x)
    shed : ndarray of bool, shape (y, x)
    unsure : ndarray of bool, shape (y, x), or None
        Where they say nothing.
    """

    core: NDArray[np.int32]
    shed: NDArray[np.bool_]
    unsure: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Agreement:
    """How well masks agree with corrected ones.

    Parameters
    ----------
    core : float
        Overlap (intersection over union) of all bodies.
    shed : float
        1 minus the difference of the disintegration fractions; of fields of many spheres the
        overlap of everything that is not background.
    """

    core: float
    shed: float


@dataclass(frozen=True, eq=False)
class Learned:
    """What was learned, and what it is worth.

    Parameters
    ----------
    adapter : Adapter
        Fitted to all frames, at the strengths that were chosen.
    core, shed : float
        Share of the change that is kept, from 0 (nothing was learned) to 1.
    before, after : tuple of Agreement
        Of each corrected frame: without an adapter, and with one of those strengths that was
        fitted to the other frames only.
    plain, left_out : tuple of Segmentation
        The masks behind `before` and `after`.
    """

    adapter: Adapter
    core: float
    shed: float
    before: tuple[Agreement, ...]
    after: tuple[Agreement, ...]
    plain: tuple[Segmentation, ...]
    left_out: tuple[Segmentation, ...]

    @property
    def helps(self) -> bool:
        """Whether anything is kept."""
        return self.core > 0 or self.shed > 0


def learn(
    lessons: Sequence[Lesson],
    corrected: Sequence[Corrected],
    segment_frame: Callable[[int, Adapter | None], Segmentation],
    *,
    many: bool = False,
) -> Learned:
    """Fit an adapter, and decide by leaving frames out how much of it is kept.

    Parameters
    ----------
    lessons : sequence of Lesson
        Of each corrected frame, at least three.
    corrected : sequence of Corrected
        Their masks.
    segment_frame : callable
        Segments the frame of a number, with an adapter or without.
    many : bool
        Fields of many spheres.

    Returns
    -------
    Learned
    """
    numbers = range(len(lessons))
    folds = min(len(lessons), _FOLDS)
    blind: dict[int, Adapter] = {}
    for fold in range(folds):
        taught = fit_adapter([lessons[n] for n in numbers if n % folds != fold])
        blind |= {n: taught for n in numbers if n % folds == fold}
    seen: dict[tuple[int, float, float], Segmentation] = {}

    def left_out(n: int, core: float, shed: float) -> Segmentation:
        key = (n, core, shed)
        if key not in seen:
            seen[key] = segment_frame(n, weakened(blind[n], core, shed) if core or shed else None)
        return seen[key]

    def agreements(core: float, shed: float) -> tuple[Agreement, ...]:
        return tuple(agreement(left_out(n, core, shed), corrected[n], many=many) for n in numbers)

    before = agreements(0, 0)
    core = _strength({s: _gains(before, agreements(s, 0), "core") for s in _STRENGTHS})
    base = agreements(core, 0)
    shed = _strength({s: _gains(base, agreements(core, s), "shed") for s in _STRENGTHS})
    return Learned(
        weakened(fit_adapter(lessons), core, shed),
        core,
        shed,
        before,
        agreements(core, shed),
        tuple(left_out(n, 0, 0) for n in numbers),
        tuple(left_out(n, core, shed) for n in numbers),
    )


def _gains(
    before: Sequence[Agreement], after: Sequence[Agreement], name: str
) -> NDArray[np.float64]:
    return np.array(
        [getattr(a, name) - getattr(b, name) for b, a in zip(before, after, strict=True)]
    )


def _strength(gains: dict[float, NDArray[np.float64]]) -> float:
    """Choose the strength whose mean gain is largest by its lower bound, one standard error."""
    best, chosen = 0.0, 0.0
    for strength, found in gains.items():
        bound = float(found.mean() - found.std(ddof=1) / np.sqrt(found.size))
        if bound > best and found.min() >= -_MAX_LOSS:
            best, chosen = bound, strength
    return chosen


def agreement(found: Segmentation, truth: Corrected, *, many: bool = False) -> Agreement:
    """Compare masks with corrected ones.

    Parameters
    ----------
    found : Segmentation
    truth : Corrected
        Of the same shape.
    many : bool
        Fields of many spheres.

    Returns
    -------
    Agreement
    """
    known = slice(None) if truth.unsure is None else ~truth.unsure
    core, true_core = (found.core > 0)[known], (truth.core > 0)[known]
    if many:
        everything, true_everything = core | found.shed[known], true_core | truth.shed[known]
        return Agreement(_overlap(core, true_core), _overlap(everything, true_everything))
    fractions = [
        fallen_apart(labels[known], loose[known])
        for labels, loose in ((found.core, found.shed), (truth.core, truth.shed))
    ]
    return Agreement(_overlap(core, true_core), 1 - abs(fractions[0] - fractions[1]))


def _overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    union = int(np.count_nonzero(one | other))
    return int(np.count_nonzero(one & other)) / union if union else 1.0


def fallen_apart(core: NDArray[np.int32], shed: NDArray[np.bool_]) -> float:
    """Give the disintegration fraction of masks, shape (y, x); 0 where there is nothing."""
    largest = int(np.bincount(core.ravel())[1:].max(initial=0))
    total = int(np.count_nonzero((core > 0) | shed))
    return 1 - largest / total if total else 0.0
