"""Zero interaction potency (ZIP): a drug that does not change the other's curve.

Yadav et al. 2015, doi:10.1016/j.csbj.2015.09.001, as published. Of each drug alone, with effects
from 0 to 1, y_i = (x_i / m_i)^h_i / (1 + (x_i / m_i)^h_i); expected is y_1 + y_2 - y_1 y_2. At each
dose of drug 2 the curve of drug 1 begins at y_2 and ends at 1,

    y_(1 on 2) = (y_2 + (x_1 / m)^h) / (1 + (x_1 / m)^h),   m and h fitted to the combinations,

and the other way round; delta = (y_(1 on 2) + y_(2 on 1)) / 2 - expected. The code of SynergyFinder
fits curves with free ends and replaces what it measured by them, and gives other values.
"""

from __future__ import annotations

import numpy as np

from spheroid_qc.response.arrays import FloatArray, IntArray
from spheroid_qc.response.curves.hill_search import hill_fraction
from spheroid_qc.response.curves.logistic import fit_logistic
from spheroid_qc.response.curves.refit import refit
from spheroid_qc.response.synergy.combination_wells import CombinationWells
from spheroid_qc.response.synergy.excess_over_expected import excess_rows
from spheroid_qc.response.synergy.synergy_model import Row, SynergyModel


class ZeroInteractionPotency(SynergyModel):
    """Excess over drugs that leave each other's potency and slope as they are."""

    method = "zip_excess"
    name = "ZIP"
    title = "beyond zero interaction potency (ZIP)"
    colour = "muted"
    references = ("doi:10.1016/j.csbj.2015.09.001",)
    requires = "Two drugs in a matrix with at least three doses of each, and each of them alone."

    def applies(self, drugs: int) -> bool:
        """Only for pairs."""
        return drugs == 2

    def rows(self, wells: CombinationWells) -> list[Row]:
        """Rows of the mean, and of every combination within rows and columns of three doses."""
        cells, minimum = wells.cells, max(wells.settings.min_single_doses, 3)
        lines = [_series(cells.doses, wells.combined, drug, minimum) for drug in (0, 1)]
        first, second = (np.concatenate([np.empty(0, np.intp), *found.values()]) for found in lines)
        combined = np.intersect1d(first, second)
        if not len(combined) or min(wells.doses_alone(drug) for drug in (0, 1)) < minimum:
            return []
        fits = [wells.fit(drug, 1.0) for drug in wells.alone]

        def excess(means: FloatArray) -> FloatArray:
            drawn = np.atleast_2d(means)
            alone = [refit(fit, drawn[:, wells.cells_alone(i)]) for i, fit in enumerate(fits)]
            y = [
                hill_fraction(cells.doses[:, i], curve[:, 0, None], np.exp(curve[:, 1, None]))
                for i, curve in enumerate(alone)
            ]
            fitted = np.zeros_like(drawn)
            for drug, found in enumerate(lines):
                for rows in found.values():
                    fitted[:, rows] += _along(wells, drug, rows, drawn, y[1 - drug][:, rows[0]]) / 2
            delta = (fitted - (y[0] + y[1] - y[0] * y[1]))[:, combined]
            return np.asarray(delta.reshape(*means.shape[:-1], len(combined)))

        return excess_rows(self, wells, combined, excess, wells.draws_beside(fits))


def _series(
    doses: FloatArray, combined: IntArray, drug: int, minimum: int
) -> dict[float, IntArray]:
    """Find combinations with rising doses of a drug, by the dose of the other."""
    found = {}
    for other in np.unique(doses[combined, 1 - drug]):
        rows = combined[doses[combined, 1 - drug] == other]
        if len(rows) >= minimum:
            found[float(other)] = rows[np.argsort(doses[rows, drug])]
    return found


def _along(
    wells: CombinationWells, drug: int, rows: IntArray, drawn: FloatArray, begin: FloatArray
) -> FloatArray:
    """Effects (b, m) on the curves of a drug, which begin at (b,), through the combinations."""
    cells = wells.cells
    dose = cells.doses[rows, drug]
    fit = fit_logistic(dose, cells.mean[rows], e0=float(begin[0]), emax=1.0)
    curve = refit(fit, drawn[:, rows], begin)
    z = hill_fraction(dose, curve[:, 0, None], np.exp(curve[:, 1, None]))
    return np.asarray(begin[:, None] + (1 - begin[:, None]) * z)
