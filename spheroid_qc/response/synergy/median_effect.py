"""The median effect line and what follows from it: combination index and dose reduction.

    fa / fu = (D / Dm)^m       log(fa / (1 - fa)) = m log D - m log Dm
    D(fa)   = Dm (fa / (1 - fa))^(1/m)
    CI(fa)  = sum_i D_i / Dx_i(fa)         DRI_i(fa) = Dx_i(fa) / D_i

D_i is the dose of drug i in the combination, Dx_i(fa) the dose of it alone for the same effect
(Chou & Talalay 1984, doi:10.1016/0065-2571(84)90007-4; Chou 2006, doi:10.1124/pr.58.3.10).
A combination in a fixed ratio has a line of its own, over the total dose. `MedianEffect` is
the classical line, through the logits of all doses alike. One near 0 or 1 is mostly noise: where
replicates tell how wells scatter, the line is fitted to the effects themselves (`fit_drawn_line`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import expit, logit

from spheroid_qc.response.arrays import FloatArray, IntArray
from spheroid_qc.response.curves.levenberg_marquardt import descend

FA_LEVELS = (0.5, 0.75, 0.9, 0.95)
"""Effects at which an index is given."""

TRUSTED_FA = (0.01, 0.99)
"""Beyond these the logit of a measured effect is mostly noise; flagged, not left out."""

MAX_LOG10_DOSES_BEYOND = 12
"""Powers of ten from the tested doses to Dm beyond which a line counts as level."""

_REACH = (30.0, 30.0, 10.0)
"""Bounds of the coefficients of a line, by the natural logarithm of the dose."""


@dataclass(frozen=True)
class MedianEffect:
    """A median effect line.

    `dm` is the median effect dose, in the unit of the doses, `m` the slope (sigmoidicity), `r` the
    linear correlation of the plot. Of the doses (means over wells) `n_points` are on the line,
    `n_extreme` of these with a mean effect outside (0.01, 0.99); `n_left_out` have one outside the
    limits, which the line can't take.
    """

    dm: float
    m: float
    r: float
    n_points: int
    n_left_out: int
    n_extreme: int

    def dose(self, fa: ArrayLike) -> FloatArray:
        """Dose for an effect: dm * (fa / (1 - fa))^(1/m); infinite on a line that hardly rises."""
        level = np.asarray(fa, dtype=np.float64)
        with np.errstate(over="ignore"):
            return np.asarray(self.dm * (level / (1 - level)) ** (1 / self.m))


def fit_median_effect(
    dose: ArrayLike, fa: ArrayLike, fa_limits: tuple[float, float] = (0.0, 1.0)
) -> MedianEffect | None:
    """Fit the median effect line by least squares of log(fa/fu) on log D.

    Wells of one dose are averaged first: a single well at or beyond 0 or 1 has no logit, and
    leaving it out alone would bend the line. Doses (n,) are total doses of a combination; rows with
    dose 0 are not used, and only means of `fa` strictly between the limits are on the line. None if
    fewer than two doses are left, or the line is level.
    """
    x, y = np.asarray(dose, dtype=np.float64), np.asarray(fa, dtype=np.float64)
    known = (x > 0) & np.isfinite(y)
    x, y = x[known], y[known]
    levels = np.unique(x)
    means = np.array([np.sort(y[x == level]).mean() for level in levels])
    low, high = max(fa_limits[0], 0.0), min(fa_limits[1], 1.0)
    on_line = (means > low) & (means < high)
    if on_line.sum() < 2:
        return None
    log_dose, effect = np.log10(levels[on_line]), means[on_line]
    line = stats.linregress(log_dose, np.log10(effect / (1 - effect)))
    log_dm = -line.intercept / line.slope if line.slope else np.inf
    if abs(log_dm - log_dose.mean()) > MAX_LOG10_DOSES_BEYOND:
        return None
    return MedianEffect(
        dm=float(10**log_dm),
        m=float(line.slope),
        r=float(line.rvalue),
        n_points=int(on_line.sum()),
        n_left_out=int((~on_line).sum()),
        n_extreme=int(((effect <= TRUSTED_FA[0]) | (effect >= TRUSTED_FA[1])).sum()),
    )


@dataclass(frozen=True)
class DrawnLine:
    """Median effect lines of many draws: logit fa = a + b x + c x^2, x = log D - centre.

    `coefficients` (b, 2 or 3) are a, b and, of lines that may bend, c.
    """

    centre: float
    coefficients: FloatArray

    def log_dose(self, logit: FloatArray | float) -> FloatArray:
        """Give log doses (b, 1) or (b, n) of effects with these logits (..., n).

        NaN where the line does not rise to an effect.
        """
        a, b, *bend = (one[:, None] for one in self.coefficients.T)
        with np.errstate(divide="ignore", invalid="ignore"):
            if not bend:
                return np.asarray((logit - a) / b + self.centre)
            steep = b + np.sqrt(b * b - 4 * bend[0] * (a - logit))
            return np.asarray(np.where(steep > 0, 2 * (logit - a) / steep + self.centre, np.nan))

    def dose(self, fa: ArrayLike) -> FloatArray:
        """Give doses (b, n) of effects (b, n)."""
        level = np.asarray(fa, dtype=np.float64)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            return np.exp(self.log_dose(np.log(level / (1 - level))))


def fit_drawn_line(
    log_dose: FloatArray, effects: FloatArray, weight: FloatArray, *, bend: bool = False
) -> DrawnLine:
    """Fit median effect lines to draws of the mean effects of the same doses.

    By weighted least squares on the scale of the effect, where a well near 0 or 1 errs no more than
    others: `log_dose` (m,), `effects` (b, m), also beyond 0 and 1, `weight` (m,). Lines that may
    `bend` need three doses.
    """
    centre, root = float(log_dose.mean()), np.sqrt(weight / weight.max())
    x = log_dose - centre
    powers = np.stack([np.ones_like(x), x, x**2][: 2 + bend], axis=1)

    def model(place: FloatArray, at: IntArray) -> tuple[FloatArray, FloatArray]:
        e = expit(place @ powers.T)
        return root * (e - effects[at]), (root * e * (1 - e))[..., None] * powers

    start = np.zeros(powers.shape[1])
    start[1::-1] = np.polyfit(x, logit(np.clip(effects[0], 0.02, 0.98)), 1)
    reach = np.array(_REACH[: 2 + bend])
    starts = np.tile(start, (len(effects), 1))
    return DrawnLine(centre, descend(model, starts, -reach, reach)[0])


def fit_classical_line(log_dose: FloatArray, effects: FloatArray) -> DrawnLine:
    """Fit the classical line to draws of mean effects (b, m), all between 0 and 1."""
    centre = float(log_dose.mean())
    logits = np.asarray(logit(effects)).T
    return DrawnLine(centre, np.polyfit(log_dose - centre, logits, 1)[::-1].T)


def combination_index(
    doses: ArrayLike, fa: ArrayLike, singles: Sequence[MedianEffect | DrawnLine]
) -> FloatArray:
    """Give the combination index at tested doses, whatever their ratio.

    `doses` (..., k) of the k drugs, `fa` (...) strictly between 0 and 1 (NaN comes out elsewhere).
    Below 1: synergism; 1: additive; above 1: antagonism.
    """
    return index_of(dose_reduction_index(doses, fa, singles))


def index_of(reduction: FloatArray) -> FloatArray:
    """Give the combination index (...) from the dose reductions (..., k) of its k drugs."""
    # A drug of which next to nothing would do alone makes it endless.
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray((1 / reduction).sum(axis=-1))


def dose_reduction_index(
    doses: ArrayLike, fa: ArrayLike, singles: Sequence[MedianEffect | DrawnLine]
) -> FloatArray:
    """By which factor each drug's dose is lower in the combination.

    As for `combination_index`; gives (..., k), above 1 where less of the drug is needed than alone.
    """
    given, effect = np.asarray(doses, dtype=np.float64), np.asarray(fa, dtype=np.float64)
    effect = np.where((effect > 0) & (effect < 1), effect, np.nan)
    alone = np.stack([single.dose(effect) for single in singles], axis=-1)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return np.asarray(alone / given)
