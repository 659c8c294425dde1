"""Loewe additivity: the E that solves sum_i d_i / D_i(E) = 1 (Loewe 1953).

D_i(E) is the dose of drug i alone with effect E, from its curve. A drug that can't reach E alone at
any dose contributes nothing there, so that E exists for any maxima and slopes.

Where the doses end before a drug's curve does, the free maximum of the curve is often too low by
chance, and additive drugs then look synergistic. So wherever a full effect fits the wells as well,
every second draw holds the drug to it: which of the two is true is a part of what is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import elementwise
from scipy.special import expit

from spheroid_qc.response.arrays import FloatArray
from spheroid_qc.response.curves.logistic import LogisticFit
from spheroid_qc.response.curves.refit import refit
from spheroid_qc.response.synergy.combination_wells import FULL_EFFECT, CombinationWells
from spheroid_qc.response.synergy.excess_over_expected import excess_rows
from spheroid_qc.response.synergy.synergy_model import (
    NAN,
    UNKNOWN,
    Row,
    SynergyModel,
    joined,
    model_row,
)

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
        settings, cells = wells.settings, wells.cells
        for i, drug in enumerate(wells.drugs):
            tested = wells.doses_alone(i)
            if tested < settings.min_single_doses:
                note = (
                    f"No Loewe excess: {drug} alone was tested at {tested} doses, and its curve "
                    f"needs at least {max(settings.min_single_doses, 3)}."
                )
                return [model_row(self.method, "mean", UNKNOWN, 0, note)]
        fits = [wells.fit(drug, settings.emax) for drug in wells.alone]
        idle = [settings.emax is None and wells.is_idle(drug) for drug in wells.alone]

        def excess(means: FloatArray) -> FloatArray:
            alone = [
                _inert(fit) if rests else drawn_curve(wells, i, fit, means)
                for i, (fit, rests) in enumerate(zip(fits, idle, strict=True))
            ]
            expected = loewe_effect(cells.doses[wells.combined], alone)
            return np.asarray(means[..., wells.combined] - expected)

        rows = excess_rows(self, wells, wells.combined, excess, wells.draws_beside(fits))
        flat = [wells.is_refused(drug) for drug in wells.alone]
        if any(flat):
            names = " and ".join(d for d, one in zip(wells.drugs, flat, strict=True) if one)
            # A drug that is shown to do nothing needs no curve; any other one does.
            refused = any(one and not rests for one, rests in zip(flat, idle, strict=True))
            note = f"{names} alone shows no dose response."
            if refused:
                note = f"No interval: {names} alone gives no curve (F test against a constant)."
            nothing = {"low": NAN, "high": NAN, "p": NAN} if refused else {}
            for row in rows:
                row |= {"note": joined(row["note"], note), "refused": refused, **nothing}
        return rows


def _inert(fit: LogisticFit) -> HillCurve:
    return HillCurve(fit.ec50, fit.hill, 0.0)


def drawn_curve(
    wells: CombinationWells, drug: int, fit: LogisticFit, means: FloatArray
) -> HillCurve:
    """Give the curve of a drug alone for the wells (means (c,)) or for every draw ((b, c))."""
    if means.ndim == 1:
        return HillCurve(fit.ec50, fit.hill, fit.emax)
    alone = means[:, wells.cells_alone(drug)]
    found = refit(fit, alone)
    name = wells.drugs[drug]
    short = fit.problem.emax is None and fit.emax < FULL_EFFECT
    if short and wells.plateau_p(name) > _REFUTED_P:
        found[1::2] = refit(wells.fit(name, 1.0), alone[1::2])
    ec50, hill, emax, _ = found.T[..., None]
    return HillCurve(np.exp(ec50), np.exp(hill), emax)


@dataclass(frozen=True)
class HillCurve:
    """Effect of one drug alone: emax * d^h / (d^h + ec50^h).

    An `emax` of 0 or less is an inert drug. Parameters are numbers, or of many curves at once:
    arrays that broadcast with doses.
    """

    ec50: float | FloatArray
    hill: float | FloatArray
    emax: float | FloatArray = 1.0

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
    each = [
        np.broadcast_arrays(given[..., i], curve.ec50, curve.hill, curve.emax)
        for i, curve in enumerate(curves)
    ]
    shape = np.broadcast_shapes(*(one[0].shape for one in each))
    dose, ec50, hill, emax = (
        np.stack([np.broadcast_to(part, shape).ravel() for part in parts], axis=-1)
        for parts in zip(*each, strict=True)
    )
    share = np.where((dose > 0) & (emax > 0), dose, 0.0) / ec50
    return _additive(share, 1 / hill, emax).reshape(shape)


def _additive(share: FloatArray, power: FloatArray, emax: FloatArray) -> FloatArray:
    """Solve sum_i share_i ((emax_i - E) / E)^power_i = 1 by rows of drugs.

    For the logit of E over the highest maximum, in which log(sum) is nearly straight.
    """
    top = np.where(share > 0, emax, 0.0).max(axis=1)
    acts, effect = top > 0, np.zeros(len(top))
    if not acts.any():
        return effect

    def log_sum(logit: FloatArray, most: FloatArray, *drugs: FloatArray) -> FloatArray:
        e, rest, total = most * expit(logit), most * expit(-logit), np.zeros_like(most)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for i in range(0, len(drugs), 3):  # share, power and emax of each drug in turn
                own_share, own_power, own_emax = drugs[i : i + 3]
                # What is left of the highest maximum has more digits than the difference.
                left = np.where(own_emax == most, rest, own_emax - e)
                total += own_share * np.where(left > 0, left / e, 0.0) ** own_power
        return np.log(np.clip(total, 1e-300, 1e300))  # finite also at the ends of the search

    drugs = np.stack([share, power, emax], axis=-1)[acts].reshape(acts.sum(), -1)
    ends = np.full(len(drugs), 80.0)
    found = elementwise.find_root(
        log_sum, (-ends, ends), args=(top[acts], *drugs.T), tolerances={"xrtol": 1e-13}
    )
    effect[acts] = top[acts] * expit(found.x)
    return effect
