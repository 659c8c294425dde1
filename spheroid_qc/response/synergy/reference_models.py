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
from scipy.special import expit

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
    """Give the expected effect of additive drugs.

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
    shape = given.shape[:-1]
    parts = _Parts(given.reshape(-1, given.shape[-1]), curves)
    if parts.top <= 0:
        return np.zeros(shape)
    # Newton's steps for the logit of E / top, in which log(sum) is nearly straight; where they
    # leave the bracket or gain little (at a drug's maximum the slope is endless), its half.
    low, high = np.full(len(parts.share), -80.0), np.full(len(parts.share), 80.0)
    u = np.zeros(len(parts.share))
    before = np.full(len(parts.share), np.inf)
    for _ in range(200):
        effect, rest = parts.top * expit(u), parts.top * expit(-u)
        terms, fall = parts.at(effect, rest)
        total = terms.sum(axis=1)
        low, high = np.where(total > 1, u, low), np.where(total > 1, high, u)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            miss = np.log(total)
            step = u + miss * total / (fall.sum(axis=1) * effect * rest / parts.top)
        newton = (step > low) & (step < high) & (np.abs(miss) < 0.7 * before)
        before = np.abs(miss)
        done = (np.abs(miss) <= 1e-13) | (high - low <= 1e-13 * np.maximum(np.abs(u), 1))
        u = np.where(done, u, np.where(newton, step, (low + high) / 2))
        if done.all():
            break
    found = parts.top * expit(u)
    return np.where((parts.share > 0).any(axis=1), found, 0.0).reshape(shape)


_SLACK = 1e-9


class _Parts:
    """Terms d_i / D_i(E) of the equation of Loewe additivity, rows of doses by drugs."""

    def __init__(self, doses: FloatArray, curves: Sequence[HillCurve]) -> None:
        self.emax = np.array([curve.emax for curve in curves])
        self.power = np.array([1 / curve.hill for curve in curves])
        self.share = np.where(doses > 0, doses, 0.0) / np.array([curve.ec50 for curve in curves])
        self.share = np.where(self.emax > 0, self.share, 0.0)
        self.top = float(self.emax.max(initial=0.0))

    def left(
        self, effect: FloatArray, rest: FloatArray | None = None, slack: float = 0.0
    ) -> FloatArray:
        """Give what is left of each drug's maximum at effects (rows,); NaN beyond it.

        `rest`, top - effect, where it is known to more digits than the difference has. An effect
        that equals a maximum to the last digit, or exceeds it by a share of `slack`, still hangs on
        it.
        """
        e = effect[:, None]
        hangs = e <= self.emax * (1 + slack)
        left = np.where(hangs, np.maximum(self.emax - e, 1e-15 * self.emax), np.nan)
        return left if rest is None else np.where(self.emax == self.top, rest[:, None], left)

    def at(
        self, effect: FloatArray, rest: FloatArray | None = None, slack: float = 0.0
    ) -> tuple[FloatArray, FloatArray]:
        """Terms at effects (rows,), and how fast each falls with the effect."""
        e, left = effect[:, None], self.left(effect, rest, slack)
        left = np.where(np.isnan(left), 0.0, left)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            terms = np.where(self.share > 0, self.share * (left / e) ** self.power, 0.0)
            fall = np.where(left > 0, terms * self.power * self.emax / (left * e), 0.0)
        return terms, fall


def loewe_gradient(
    doses: ArrayLike, curves: Sequence[HillCurve], effect: FloatArray | None = None
) -> FloatArray:
    """Derive `loewe_effect` by (log ec50, log hill, emax) of each curve.

    Parameters
    ----------
    doses, curves
        As for `loewe_effect`.
    effect : ndarray, shape (...), optional
        What `loewe_effect` gave, to save finding it again.

    Returns
    -------
    ndarray of float64, shape (..., 3 k)
        From the equation itself: dE/dp = (dF/dp) / (-dF/dE) with F = sum_i d_i / D_i(E).
    """
    given = np.asarray(doses, dtype=np.float64)
    k = given.shape[-1]
    effect = (loewe_effect(given, curves) if effect is None else effect).reshape(-1)
    parts = _Parts(given.reshape(-1, k), curves)
    # Beside a steep drug the effect hangs on its maximum, and is found there but for rounding: on
    # which side must not decide.
    terms, fall = parts.at(effect, slack=_SLACK)
    e, left = effect[:, None], parts.left(effect, slack=_SLACK)
    with np.errstate(divide="ignore", invalid="ignore"):
        by_slope = -terms * parts.power * np.log(left / e)
        by_emax = terms * parts.power / left
        slopes = np.stack([-terms, by_slope, by_emax], axis=-1) / fall.sum(axis=1)[:, None, None]
    slopes = np.where(np.isfinite(slopes), slopes, 0.0)
    return np.asarray(slopes.reshape(*given.shape[:-1], 3 * k))
