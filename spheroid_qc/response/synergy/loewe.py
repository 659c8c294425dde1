"""Loewe additivity: the E that solves sum_i d_i / D_i(E) = 1 (Loewe 1953).

D_i(E) is the dose of drug i alone with effect E, from its curve. A drug that can't reach E alone at
any dose contributes nothing there, so that E exists for any maxima and slopes.

Where the doses end before a drug's curve does, the free maximum of the curve is often too low by
chance, and additive drugs then look synergistic. So wherever a full effect fits the wells as well,
the interval also spans what that curve says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from scipy.special import expit

from spheroid_qc.response.conditions import Conditions
from spheroid_qc.response.curves.logistic import LogisticFit
from spheroid_qc.response.synergy.combination_wells import CombinationWells
from spheroid_qc.response.synergy.excess_over_expected import excess_rows
from spheroid_qc.response.synergy.single_drug_curves import FULL_EFFECT
from spheroid_qc.response.synergy.synergy_model import (
    NAN,
    UNKNOWN,
    Estimate,
    Row,
    SynergyModel,
    joined,
    model_row,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

_VEHICLE_STEP = 1e-3
"""By which the vehicle's mean is moved to see what its error does to the curves."""

_REFUTED_P = 0.05
"""Below, a full effect is no longer held for possible."""


class Loewe(SynergyModel):
    """Excess over drugs whose doses add up, as those of a drug and its own dilution do."""

    method = "loewe_excess"
    name = "Loewe"
    title = "beyond dose additivity (Loewe)"
    colour = "green"
    references = ("Loewe 1953, Arzneimittelforschung 3:285-290",)
    requires = "A curve of each drug alone: at least three doses; also partial effects."
    verdict_rank = 3

    def rows(self, wells: CombinationWells) -> list[Row]:
        """Rows of the mean excess, and of every combination."""
        settings = wells.settings
        for i, drug in enumerate(wells.drugs):
            tested = wells.doses_alone(i)
            if tested < settings.min_single_doses:
                note = (
                    f"No Loewe excess: {drug} alone was tested at {tested} doses, and its curve "
                    f"needs at least {max(settings.min_single_doses, 3)}."
                )
                return [model_row(self.method, "mean", UNKNOWN, 0, note)]
        fits, each, mean = _excess_for_any_maximum(wells)
        rows = excess_rows(self.method, wells.cells, wells.combined, each, mean)
        flat = [
            d for d, fit in zip(wells.drugs, fits, strict=True) if fit.flat_p >= settings.flat_p
        ]
        if flat:
            note = f"{' and '.join(flat)} alone shows no dose response."
            for row in rows:
                row["note"] = joined(row["note"], note)
        return rows


def _excess_for_any_maximum(
    wells: CombinationWells,
) -> tuple[list[LogisticFit], list[Estimate], Estimate]:
    """Curves of the drugs, and excesses with intervals that allow for a full effect of each."""
    curves, cells = wells.curves, wells.cells
    alone = list(wells.alone.items())
    fits = [curves.fit(drug, own, curves.emax) for drug, own in alone]
    idle = [curves.emax is None and curves.is_idle(*one, cells) for one in alone]
    each, mean = _excess(wells, [curves.emax] * len(fits), idle)
    if curves.emax is None:
        tops = [
            1.0
            if fit.emax < FULL_EFFECT and not rests and curves.plateau_p(*one, cells) > _REFUTED_P
            else None
            for one, fit, rests in zip(alone, fits, idle, strict=True)
        ]
        if any(tops):
            others, other = _excess(wells, tops, idle)
            each = [_both(a, b) for a, b in zip(each, others, strict=True)]
            mean = _both(mean, other)
    return fits, each, mean


def _excess(
    wells: CombinationWells, tops: Sequence[float | None], idle: Sequence[bool]
) -> tuple[list[Estimate], Estimate]:
    """Excesses for drugs with these maxima (None: free), some of which do nothing."""

    def curves(step: float) -> list[LogisticFit]:
        found = []
        for (drug, own), top, rests in zip(wells.alone.items(), tops, idle, strict=True):
            fit = wells.curves.fit(drug, own, top, step)
            if rests:
                fit = replace(fit, emax=0.0, covariance=np.zeros_like(fit.covariance))
            found.append(fit)
        return found

    cells = wells.cells
    moved = curves(_VEHICLE_STEP) if cells.vehicle_weight else None
    return loewe_excess(
        cells, wells.combined, curves(0.0), moved, _VEHICLE_STEP, wells.settings.confidence
    )


def _both(one: Estimate, other: Estimate) -> Estimate:
    """Estimate with an interval that spans both."""
    return Estimate(one.value, min(one.low, other.low), max(one.high, other.high), one.df)


def loewe_excess(
    cells: Conditions,
    combined: IntArray,
    fits: Sequence[LogisticFit],
    moved: Sequence[LogisticFit] | None = None,
    step: float = 1e-3,
    level: float = 0.95,
) -> tuple[list[Estimate], Estimate]:
    """Excess over Loewe additivity.

    `combined` (j,) are the numbers of the combinations, `fits` the drugs alone with e0 = 0, and
    `moved` the same after all effects were moved by `step * (1 - f)`: what an error of the vehicle
    does to the curves. Gives each combination, and their unweighted mean. Without replicates the
    variance is that of the residuals of the drugs alone.
    """
    curves = [HillCurve(fit.ec50, fit.hill, fit.emax) for fit in fits]
    doses = cells.doses[combined]
    expected = loewe_effect(doses, curves)
    values = cells.mean[combined] - expected
    residual_df = sum(fit.df for fit in fits)
    residual = sum(fit.rss for fit in fits) / residual_df if residual_df else float("nan")
    variance, df = cells.noise
    if df < 1 or (residual_df >= 3 and residual > variance):
        df, variance = residual_df, residual
    mean = float(values.mean())
    if df < 1 or any(fit.df < 1 for fit in fits):
        return [Estimate(float(v), NAN, NAN, 0) for v in values], Estimate(mean, NAN, NAN, 0)
    gradient = loewe_gradient(doses, curves, expected)
    covariance = np.zeros((3 * len(fits), 3 * len(fits)))
    for i, fit in enumerate(fits):
        unit = fit.covariance / fit.sigma**2 if fit.sigma > 0 else np.zeros((4, 4))
        covariance[3 * i : 3 * i + 3, 3 * i : 3 * i + 3] = unit[np.ix_([0, 1, 3], [0, 1, 3])]
    shared = np.zeros(len(combined))
    if moved is not None and cells.vehicle_weight:
        after = loewe_effect(doses, [HillCurve(fit.ec50, fit.hill, fit.emax) for fit in moved])
        shared = (1 - cells.mean[combined]) - (after - expected) / step
        shared *= np.sqrt(cells.vehicle_weight)
    t = float(special.stdtrit(df, 0.5 + level / 2))
    curve = np.einsum("ij,jk,ik->i", gradient, covariance, gradient)
    wells = (cells.count / cells.relative)[combined]
    halves = t * np.sqrt(variance * (1 / wells + curve + shared**2))
    left = 1 - cells.mean[combined]
    own = t * np.sqrt(variance * (1 / wells + left**2 * cells.vehicle_weight))
    tops = [curve.emax for curve in curves]
    span = (min(0.0, *tops), max(1.0, *tops))
    each = [_bounded(*one, span, df) for one in zip(values, halves, expected, own, strict=True)]
    along = gradient.mean(axis=0)
    unit = (1 / wells).sum() / len(combined) ** 2
    half = t * np.sqrt(variance * (unit + along @ covariance @ along + shared.mean() ** 2))
    own_mean = t * np.sqrt(variance * (unit + left.mean() ** 2 * cells.vehicle_weight))
    return each, _bounded(mean, half, expected.mean(), own_mean, span, df)


def _bounded(
    value: float, half: float, expected: float, own: float, span: tuple[float, float], df: int
) -> Estimate:
    """Interval of an excess over an expectation that lies within a span, however unsure it is.

    Where the wells do not determine a drug's curve, its standard errors are beyond all bounds.
    `own` is the half-width that the wells of the combination and of the vehicle leave.
    """
    low = max(value - half, value + expected - span[1] - own)
    high = min(value + half, value + expected - span[0] + own)
    return Estimate(float(value), float(min(low, value)), float(max(high, value)), df)


@dataclass(frozen=True)
class HillCurve:
    """Effect of one drug alone: emax * d^h / (d^h + ec50^h).

    An `emax` of 0 or less is an inert drug.
    """

    ec50: float
    hill: float
    emax: float = 1.0

    def effect(self, dose: ArrayLike) -> FloatArray:
        """Effect of doses of any shape."""
        with np.errstate(divide="ignore", over="ignore"):
            ratio = (self.ec50 / np.asarray(dose, dtype=np.float64)) ** self.hill
        return np.asarray(self.emax / (1 + ratio))


def loewe_effect(doses: ArrayLike, curves: Sequence[HillCurve]) -> FloatArray:
    """Give the expected effect of additive drugs.

    `doses` (..., k) of the k drugs in the combination; gives (...), 0 where no drug does anything.
    """
    given = np.asarray(doses, dtype=np.float64)
    shape = given.shape[:-1]
    parts = _AdditivityTerms(given.reshape(-1, given.shape[-1]), curves)
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


_ROUNDING_SLACK = 1e-9


class _AdditivityTerms:
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

    From the equation itself: dE/dp = (dF/dp) / (-dF/dE) with F = sum_i d_i / D_i(E), (..., 3 k).
    `effect` (...) is what `loewe_effect` gave, to save finding it again.
    """
    given = np.asarray(doses, dtype=np.float64)
    k = given.shape[-1]
    effect = (loewe_effect(given, curves) if effect is None else effect).reshape(-1)
    parts = _AdditivityTerms(given.reshape(-1, k), curves)
    # Beside a steep drug the effect hangs on its maximum, and is found there but for rounding: on
    # which side must not decide.
    terms, fall = parts.at(effect, slack=_ROUNDING_SLACK)
    e, left = effect[:, None], parts.left(effect, slack=_ROUNDING_SLACK)
    with np.errstate(divide="ignore", invalid="ignore"):
        by_slope = -terms * parts.power * np.log(left / e)
        by_emax = terms * parts.power / left
        slopes = np.stack([-terms, by_slope, by_emax], axis=-1) / fall.sum(axis=1)[:, None, None]
    slopes = np.where(np.isfinite(slopes), slopes, 0.0)
    return np.asarray(slopes.reshape(*given.shape[:-1], 3 * k))
