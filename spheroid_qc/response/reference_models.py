"""What a combination would do if its drugs did not interact: Bliss, HSA, Loewe.

Effects are fractions affected.

* Bliss independence: E = 1 - prod_i (1 - f_i) (Bliss 1939,
  doi:10.1111/j.1744-7348.1939.tb06990.x).
* Highest single agent: E = max_i f_i (Berenbaum 1989).
* Loewe additivity: the E that solves sum_i d_i / D_i(E) = 1, where D_i(E) is the dose of drug i
  alone with effect E (Loewe 1953). A drug that can't reach E alone at any dose contributes
  nothing there, so that E exists for any maxima and slopes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "HillCurve",
    "bliss_effect",
    "bliss_gradient",
    "hsa_effect",
    "loewe_effect",
    "loewe_gradient",
]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class HillCurve:
    """Effect of one drug alone: emax * d^h / (d^h + ec50^h).

    Parameters
    ----------
    ec50, hill, emax : float
        Inflection dose, slope, effect at an infinite dose; emax of 0 or less: an inert drug.
    """

    ec50: float
    hill: float
    emax: float = 1.0

    def effect(self, dose: ArrayLike) -> FloatArray:
        """Effect of doses of any shape."""
        with np.errstate(divide="ignore", over="ignore"):
            ratio = (self.ec50 / np.asarray(dose, dtype=np.float64)) ** self.hill
        return np.asarray(self.emax / (1 + ratio))

    def moved(self, log_ec50: float, log_hill: float, emax: float) -> HillCurve:
        """Curve with its parameters changed a little."""
        return HillCurve(
            self.ec50 * float(np.exp(log_ec50)), self.hill * float(np.exp(log_hill)),
            self.emax + emax,
        )  # fmt: skip


def bliss_effect(single: ArrayLike) -> FloatArray:
    """Give the expected effect of independent drugs.

    Parameters
    ----------
    single : array_like of float, shape (..., k)
        Effects of the k drugs alone at the doses of the combination.

    Returns
    -------
    ndarray of float64, shape (...)
    """
    return np.asarray(1 - np.prod(1 - np.asarray(single, dtype=np.float64), axis=-1))


def bliss_gradient(single: ArrayLike) -> FloatArray:
    """Derive `bliss_effect` by each single effect: the product of the others' (1 - f)."""
    rest = 1 - np.asarray(single, dtype=np.float64)
    parts = [np.prod(np.delete(rest, i, axis=-1), axis=-1) for i in range(rest.shape[-1])]
    return np.stack(parts, axis=-1)


def hsa_effect(single: ArrayLike) -> FloatArray:
    """Effect of the best part, shape (..., k) to (...)."""
    return np.asarray(np.max(np.asarray(single, dtype=np.float64), axis=-1))


def loewe_effect(doses: ArrayLike, curves: Sequence[HillCurve]) -> FloatArray:
    """Give the expected effect of additive drugs, by bisection.

    Parameters
    ----------
    doses : array_like of float, shape (..., k)
        Doses in the combination.
    curves : sequence of HillCurve
        The k drugs alone.

    Returns
    -------
    ndarray of float64, shape (...)
        0 where no drug does anything.
    """
    given = np.asarray(doses, dtype=np.float64)
    top = max((curve.emax for curve in curves), default=0.0)
    shape = given.shape[:-1]
    if top <= 0:
        return np.zeros(shape)
    low, high = np.zeros(shape), np.full(shape, top)
    for _ in range(70):
        middle = (low + high) / 2
        too_low = _dose_fraction(given, curves, middle) > 1
        low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
    return np.where((given > 0).any(axis=-1), (low + high) / 2, 0.0)


def _dose_fraction(
    doses: FloatArray, curves: Sequence[HillCurve], effect: FloatArray
) -> FloatArray:
    """sum_i d_i / D_i(effect)."""
    total = np.zeros(effect.shape)
    for i, curve in enumerate(curves):
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratio = np.where(effect < curve.emax, (curve.emax - effect) / effect, 0.0)
            total = total + np.where(
                doses[..., i] > 0, doses[..., i] / curve.ec50 * ratio ** (1 / curve.hill), 0.0
            )
    return total


def loewe_gradient(doses: ArrayLike, curves: Sequence[HillCurve]) -> FloatArray:
    """Derive `loewe_effect` by (log ec50, log hill, emax) of each curve.

    Returns
    -------
    ndarray of float64, shape (..., 3 k)
        Central differences.
    """
    columns = []
    for i in range(len(curves)):
        for place in range(3):
            step = [0.0, 0.0, 0.0]
            step[place] = 1e-5
            ends = []
            for sign in (1, -1):
                moved = list(curves)
                moved[i] = curves[i].moved(*(sign * s for s in step))
                ends.append(loewe_effect(doses, moved))
            columns.append((ends[0] - ends[1]) / 2e-5)
    return np.stack(columns, axis=-1)
