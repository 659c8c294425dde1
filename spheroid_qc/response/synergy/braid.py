"""BRAID: one number, kappa, for the interaction of two drugs over a whole matrix of doses.

Twarog et al. 2016, doi:10.1038/srep25523. With the curves of the drugs alone, here from 0 to
E_i, slopes n_i, n = sqrt(n_1 n_2) and E = max(E_1, E_2):

    t_i = (d_i / m_i)^n_i
    s_i = (E_i / E t_i / (1 + (1 - E_i / E) t_i))^(1/n)       a drug as doses of a common one
    s   = s_1 + s_2 + kappa sqrt(s_1 s_2),                    kappa > -2
    effect = E / (1 + s^-n)

Kappa 0 is additive (of equal slopes and maxima exactly Loewe's), above it synergistic. The
curves are those of the drugs alone, as of Loewe, and kappa is fitted to the combinations.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spheroid_qc.response.arrays import FloatArray, IntArray
from spheroid_qc.response.curves.levenberg_marquardt import descend
from spheroid_qc.response.draws import interval
from spheroid_qc.response.synergy.combination_wells import CombinationWells
from spheroid_qc.response.synergy.excess_over_expected import areas_of
from spheroid_qc.response.synergy.loewe import HillCurve, drawn_curve
from spheroid_qc.response.synergy.synergy_model import (
    NAN,
    UNKNOWN,
    Estimate,
    Row,
    SynergyModel,
    model_row,
)

_LOW, _HIGH = np.log(0.01), np.log(102.0)
"""Of log(kappa + 2): kappa is sought from -1.99 to 100; an end of its interval there is open."""


class Braid(SynergyModel):
    """How much drugs strengthen each other over a matrix: the interaction parameter of BRAID."""

    method = "braid_kappa"
    name = "BRAID kappa"
    references = ("doi:10.1038/srep25523",)
    requires = "Two drugs in a matrix with at least three doses of each, and a curve of each alone."
    is_tested = False
    shows_interaction = False
    limits = (-2.0, np.inf)

    def applies(self, drugs: int) -> bool:
        """Only for pairs."""
        return drugs == 2

    def rows(self, wells: CombinationWells) -> list[Row]:
        """One row for the whole surface; none without a matrix."""
        cells, settings = wells.cells, wells.settings
        combined = wells.combined
        least = min(wells.doses_alone(drug) for drug in (0, 1))
        if not len(areas_of(cells.doses[combined])) or least < settings.min_single_doses:
            return []
        n = int(cells.count[combined].sum())
        flat = [drug for drug in wells.alone if wells.is_idle(drug) or wells.is_refused(drug)]
        if flat:
            note = f"No kappa: {' and '.join(flat)} alone shows no dose response."
            return [model_row(self.method, "surface", UNKNOWN, n, note)]
        fits = [wells.fit(drug, settings.emax) for drug in wells.alone]
        draws = wells.draws_beside(fits)
        weight = (cells.count / cells.relative)[combined]

        def fitted(means: FloatArray) -> FloatArray:
            alone = [drawn_curve(wells, i, fit, means) for i, fit in enumerate(fits)]
            return fit_log_kappa(
                cells.doses[combined], np.atleast_2d(means[..., combined]), alone, weight
            )

        value = fitted(cells.mean)
        drawn = fitted(draws.means)[:, None] if len(draws.means) else np.empty((0, 1))
        (low,), (high,) = interval(value, drawn, settings.confidence)
        found = Estimate(
            float(np.exp(value[0]) - 2),
            -np.inf if low <= _LOW + 1e-3 else float(np.exp(low) - 2),
            np.inf if high >= _HIGH - 1e-3 else float(np.exp(high) - 2),
            NAN,
        )
        note = "" if len(drawn) else "No interval: no replicates."
        return [model_row(self.method, "surface", found, n, note)]


def braid_effect(
    doses: FloatArray, curves: Sequence[HillCurve], kappa: float | FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Give the effect of two drugs, and its derivative by kappa.

    `doses` (..., 2) of the drugs with these curves, which may be many at once (arrays that
    broadcast with doses), as may `kappa`, above -2.
    """
    slope = np.sqrt(np.multiply(curves[0].hill, curves[1].hill))
    most = np.maximum(curves[0].emax, curves[1].emax)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        parts = []
        for i, curve in enumerate(curves):
            t, share = (doses[..., i] / curve.ec50) ** curve.hill, curve.emax / most
            parts.append((share * t / (1 + (1 - share) * t)) ** (1 / slope))
        both = np.sqrt(parts[0] * parts[1])
        acting = parts[0] + parts[1] + kappa * both
        effect = most / (1 + acting**-slope)
        steep = effect * (1 - effect / most) * slope * both / acting
    return np.asarray(effect), np.where(np.isfinite(steep), steep, 0.0)


def fit_log_kappa(
    doses: FloatArray, effects: FloatArray, curves: Sequence[HillCurve], weight: FloatArray
) -> FloatArray:
    """Fit kappa to the effects of combinations, of the wells and every draw: log(kappa + 2), (b,).

    `doses` (j, 2) and `effects` (b, j) of the combinations, `curves` of the drugs alone, one or b
    of each, parameters (b, 1), and `weight` (j,), by least squares.
    """
    root = np.sqrt(weight / weight.max())
    shape = (len(effects), 1)
    each = [
        [np.broadcast_to(part, shape) for part in (one.ec50, one.hill, one.emax)] for one in curves
    ]

    def model(place: FloatArray, at: IntArray) -> tuple[FloatArray, FloatArray]:
        above = np.exp(place)
        own = [HillCurve(*(part[at] for part in parts)) for parts in each]
        effect, steep = braid_effect(doses, own, above - 2)
        return root * (effect - effects[at]), (root * steep * above)[..., None]

    start = np.full(shape, np.log(2.0))
    return descend(model, start, np.array([_LOW]), np.array([_HIGH]))[0][:, 0]
