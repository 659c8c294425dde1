"""How sure the mean combination index over all tested doses is.

Each dose has its own measured effect, and the index is steep where that comes near 1: the mean of
many indices is skewed, and only effects that were measured between 0 and 1 have an index at all.
So what the true effects may be is drawn many times from their confidence distributions (generalised
intervals; Weerahandi 1993, doi:10.1080/01621459.1993.10476355), given that the effect came out
where it has an index: without that condition doses beyond the reach of the assay, whose
measurements count only when they are too low, push the interval up. Where wells were cut off at 1
their mean is too low as well, and the effects are drawn around what it was before.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from spheroid_qc.response.conditions import Conditions
from spheroid_qc.response.synergy.combination_index_interval import MIN_EFFECT, InteractionFit
from spheroid_qc.response.variance_model import PooledVariance

DRAWS_SEED = 21

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

UNCONDITIONAL_SHARE = 0.3
"""Share of draws that do not know that only effects between 0 and 1 have an index. The condition
puts up to half of a confidence distribution at an effect of 1, an index of 0; in a mean of many
doses that adds up, and additive triples were called synergistic on 6 % of simulated plates."""

SATURATED_SHARE = 0.4
"""Share of doses whose effect can't be told from 1 from which all of them may be 1 at once."""

_MAX_STANDARD_ERRORS = 8.0
"""Standard errors from 0 or 1 beyond which the condition says nothing."""


def draw_effects(means: FloatArray, errors: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draw true effects from the confidence distributions of measured ones.

    `means` (j,) lie between 0 and 1, their standard errors `errors` (draws, j) have one row for
    each draw, and so has what is drawn, between 0 and 1, both included. P(true <= e) is the chance
    to measure at least `means` if e is true, given that the measurement falls between 0 and 1.
    """
    z = rng.standard_normal(errors.shape)
    free = rng.random(errors.shape) < UNCONDITIONAL_SHARE
    drawn = means + errors * z
    widest = _MAX_STANDARD_ERRORS * errors.max(axis=0)
    near = np.flatnonzero((means + widest > 1) | (means - widest < 0))
    if near.size:
        given = _conditional(means[near], errors[:, near], ndtr(z[:, near]))
        drawn[:, near] = np.where(free[:, near], drawn[:, near], given)
    return np.clip(drawn, 0.0, 1.0)


def _conditional(means: FloatArray, errors: FloatArray, levels: FloatArray) -> FloatArray:
    """Quantiles of the conditional confidence distributions."""
    low = np.clip(means - _MAX_STANDARD_ERRORS * errors, 0.0, 1.0)
    high = np.clip(means + _MAX_STANDARD_ERRORS * errors, 0.0, 1.0)

    def too_low(effect: FloatArray) -> NDArray[np.bool_]:
        inside = ndtr((1 - effect) / errors)
        above = inside - ndtr((means - effect) / errors)
        return np.asarray(above / (inside - ndtr(-effect / errors)) < levels)

    found = _bisect(too_low, low, high, 22)
    step = (high - low) * 1e-6
    return np.where(found > high - step, high, np.where(found < low + step, low, found))


def _before_cut_off(means: FloatArray, wells: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean effects before wells were cut off at 1, and how much worse they are known.

    The mean of a normal well cut off at 1 is 1 - s (d P(d) + p(d)), with d the distance of its mean
    from 1 in standard deviations s, P and p the normal distribution and its density.
    """

    def too_low(effect: FloatArray) -> NDArray[np.bool_]:
        d = (1 - effect) / wells
        density = np.exp(-(d**2) / 2) / np.sqrt(2 * np.pi)
        return np.asarray(1 - wells * (d * ndtr(d) + density) < means)

    found = _bisect(too_low, np.full_like(means, -1.0), np.full_like(means, 2.0), 40)
    return found, 1 / np.maximum(ndtr((1 - found) / wells), 0.2)


def _bisect(
    too_low: Callable[[FloatArray], NDArray[np.bool_]],
    low: FloatArray, high: FloatArray, steps: int,
) -> FloatArray:  # fmt: skip
    """Find where each place between low and high stops being too low."""
    for _ in range(steps):
        middle = (low + high) / 2
        short = too_low(middle)
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.asarray((low + high) / 2)


def mean_index_interval(
    fit: InteractionFit, cells: Conditions, combined: IntArray, noise: PooledVariance,
    level: float = 0.95, draws: int = 4000,
) -> tuple[float, float]:  # fmt: skip
    """Interval of the mean index from measured effects, without a model of interaction.

    What the effects leave open and what the drugs alone leave open are independent, and are put
    together distance by distance (Zou & Donner 2008, doi:10.1002/sim.3095), upwards in the
    logarithm. Of a dose whose effect can hardly be told from 0 the index is known only from below.

    `fit` is that of the drugs alone; `combined` (j,) are numbers of combinations, all with a mean
    effect between 0 and 1; `noise` is the variance of a well of weight 1, and effects are drawn
    `draws` times. Bounds are infinite where an effect can't be told from 0, NaN where nothing tells
    how wells scatter.
    """
    if noise.df < 1 or np.isnan(noise.variance):
        return float("nan"), float("nan")
    # Draws follow the order of the effects: they depend neither on rows nor on names or units.
    orders = [order[np.isin(order, combined)] for order in cells.orders]
    combined = orders[0]
    doses, measured, counts = cells.doses[combined], cells.mean[combined], cells.count[combined]
    means = np.maximum(fit.against_vehicle(measured), MIN_EFFECT)
    vehicle = float(fit.theta[-1])

    def mean_index(effects: FloatArray) -> FloatArray:
        """Mean index of draws, in every order that the drugs may have."""
        found = [fit.index_at(cells.doses[order], effects).mean(axis=1) for order in orders]
        return np.concatenate(found)

    each = fit.index_at(doses, means)
    centre = float(each.mean())
    curve = fit.mean_index_half(doses, measured, level)
    own = np.sqrt(noise.variance * fit.variance_model.relative(measured) / counts) / vehicle
    if not (own > 0).all():
        return max(centre - curve, 0.0), centre + curve
    rng = np.random.default_rng(DRAWS_SEED)
    scale = np.sqrt(noise.df / rng.chisquare(noise.df, size=draws))[:, None]
    effects = draw_effects(means, scale * own, rng)
    cut = cells.topped[combined]
    if cut.any():
        wells = own[cut] * np.sqrt(counts[cut])
        before, widened = _before_cut_off(means[cut], wells)
        z = rng.standard_normal((draws, int(cut.sum())))
        effects[:, cut] = np.clip(before + scale * own[cut] * widened * z, 0.0, 1.0)
    shared = (1 - means) / vehicle * np.sqrt(fit.covariance[-1, -1])
    reach = float(stdtrit(noise.df, 0.5 + level / 2)) * np.hypot(own, shared)
    hardly = means < 2 * reach
    from_below = np.where(
        hardly,
        np.minimum(means + np.abs(scale * own * rng.standard_normal(effects.shape)), 1),
        effects,
    )
    tail = (1 - level) / 2
    down, lower = np.quantile(mean_index(from_below), [tail, 0.5], method="nearest")
    low = float(lower - np.hypot(lower - down, curve))
    above = means + fit.effect_half(measured, counts, level) / vehicle
    full = above >= 1
    if full.mean() > SATURATED_SHARE:
        # Effects that can't be told from 1 may all be 1 at once: where many are, draws that are
        # independent of each other would rule that out, and additive drugs looked antagonistic.
        share = (each - fit.index_at(doses, np.clip(above, 0, 1))) / len(means)
        widest = np.sqrt(share[full].sum() ** 2 + (share[~full] ** 2).sum() + curve**2)
        low = min(low, centre - float(widest))
    low = max(low, 0.0)
    if (means <= reach).any():
        return low, float("inf")
    upper, up = np.quantile(mean_index(effects), [0.5, 1 - tail], method="nearest")
    if not upper > 0 or not np.isfinite(up):  # an index of 0 has no logarithm
        return low, float(up)
    return low, float(upper * np.exp(np.hypot(np.log(up / upper), curve / centre)))
