"""How sure the combination index at a tested dose is, from the effect measured there.

The error of the mean effect (t interval with the pooled variance, carried through the index, which
falls as the effect rises), that of the reference (likewise: it moves all effects at once, and weak
ones to 0) and the error of the drugs alone are independent and are put together distance by
distance (MOVER; Zou & Donner 2008, doi:10.1002/sim.3095).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from spheroid_qc.response.synergy.combination_index_interval import (
    MIN_EFFECT,
    InteractionFit,
    against_vehicle,
)

FloatArray = NDArray[np.float64]

_ALPHAS = np.concatenate([[1 - 1e-9], np.geomspace(0.9, 1e-9, 90)])
"""At which intervals are looked at for the p value; ten for a power of ten."""


@dataclass(frozen=True)
class DoseIndex:
    """Indices at tested doses.

    `fit` is that of the drugs alone, `doses` (j, k) are the tested ones, `means` (j,) their mean
    effects and `counts` (j,) their wells.
    """

    fit: InteractionFit
    doses: FloatArray
    means: FloatArray
    counts: FloatArray

    def _logs(self, theta: FloatArray, effects: FloatArray, minimum: float = 0.0) -> FloatArray:
        """Give logs of the index (first) and the dose-reduction indices, shape (j, 1 + k)."""
        k = self.fit.k
        with np.errstate(divide="ignore", invalid="ignore"):
            u = np.asarray(logit(np.maximum(against_vehicle(effects, theta), minimum)))[:, None]
            single = theta[:k] + u * np.exp(-theta[k : 2 * k]) - np.log(self.doses)
            index = np.logaddexp.reduce(-single, axis=1)
        return np.concatenate([index[:, None], single], axis=1)

    @cached_property
    def _inside(self) -> NDArray[np.bool_]:
        return np.asarray((self.means > 0) & (self.means < 1))

    @cached_property
    def _usable(self) -> FloatArray:
        return np.where(self._inside, self.means, 0.5)

    @cached_property
    def _centre(self) -> tuple[FloatArray, FloatArray]:
        """Logs by the fitted curves, and their derivatives by theta."""
        return self.fit.numeric(lambda theta: self._logs(theta, self._usable, MIN_EFFECT))

    def _log_bounds(self, level: float) -> FloatArray:
        fit, (centre, gradient) = self.fit, self._centre
        own, shared = fit.effect_half(self.means, self.counts, level), self._along_reference(level)
        curve = fit.half(gradient, level) ** 2 - (gradient @ shared) ** 2
        below = above = np.maximum(curve, 0.0)
        for ends in (
            [self._logs(fit.theta, self._usable + sign * own) for sign in (-1, 1)],
            [self._logs(fit.theta + sign * shared, self._usable) for sign in (-1, 1)],
        ):
            below = below + np.maximum(centre - np.minimum(*ends), 0.0) ** 2
            above = above + np.maximum(np.maximum(*ends) - centre, 0.0) ** 2
        bounds = np.stack([centre - np.sqrt(below), centre + np.sqrt(above)], axis=-1)
        bounds[~self._inside] = np.nan
        return np.asarray(bounds)

    def _along_reference(self, level: float) -> FloatArray:
        """Where theta goes (p,) if the reference was wrong by the half-width of its interval."""
        variance = float(self.fit.covariance[-1, -1])
        if not variance > 0:
            return np.zeros(len(self.fit.theta))
        return np.asarray(self.fit.t(level) * self.fit.covariance[:, -1] / np.sqrt(variance))

    def intervals(self, level: float = 0.95) -> FloatArray:
        """Intervals of the index and of the dose-reduction indices.

        Gives (j, 1 + k, 2); 0 or infinity where the mean's own interval reaches 1 or 0, NaN where
        the mean is not between 0 and 1.
        """
        with np.errstate(over="ignore"):
            return np.exp(self._log_bounds(level))

    def p_additive(self) -> FloatArray:
        """Two-sided p of an index of 1: one minus the level whose interval just holds it.

        NaN where there is no interval. The interval is lopsided, so that its p can't be had from
        the width of one of them.
        """
        logs = np.stack([self._log_bounds(1 - alpha)[:, 0] for alpha in _ALPHAS])
        gap = np.maximum(logs[..., 0], -logs[..., 1])  # above 0: 1 lies outside
        p = np.full(len(self.means), np.nan)
        for j in np.flatnonzero(self._inside):
            held = np.flatnonzero(gap[:, j] <= 0)
            at = int(held[0]) if held.size else len(_ALPHAS)
            if at in (0, len(_ALPHAS)):
                p[j] = _ALPHAS[min(at, len(_ALPHAS) - 1)]
                continue
            before, after = gap[at - 1, j], gap[at, j]
            share = before / (before - after) if np.isfinite(after) else 0.0
            p[j] = np.exp(np.interp(share, [0, 1], np.log(_ALPHAS[at - 1 : at + 1])))
        return p
