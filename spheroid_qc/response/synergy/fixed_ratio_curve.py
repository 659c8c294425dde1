"""The curve of a fixed-ratio combination that may bend more than a median effect line.

    logit E = a + b x + c x^2,   x = log(total dose)

Independent drugs of unequal slopes, for one, have no straight line together. At the ends of the
line the index then lies outside an interval that takes the line for granted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from spheroid_qc.response.curves.levenberg_marquardt import levenberg_marquardt

FloatArray = NDArray[np.float64]

MIN_RAY_DOSES = 3
"""As many as parameters: the noise of a well must then be known from elsewhere."""


@dataclass(frozen=True)
class RayCurve:
    """A fitted curve.

    x is counted from `centre`, the mean log dose; `place` is a, b, c, and `unit` (3, 3) their
    covariance for a variance of 1 of a well.
    """

    centre: float
    place: FloatArray
    unit: FloatArray

    def log_dose(self, fa: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Log doses of effects (m,), their unit variances, and the slopes there.

        NaN where the curve does not rise to an effect.
        """
        a, b, c = self.place
        u = logit(fa)
        with np.errstate(invalid="ignore", divide="ignore"):
            slope = np.sqrt(b * b - 4 * c * (a - u))
            x = 2 * (u - a) / (b + slope)
            x = np.where(b + slope > 0, x, np.nan)
            gradient = -np.stack([np.ones_like(x), x, x * x], axis=1) / slope[:, None]
            variance = np.einsum("ij,jk,ik->i", gradient, self.unit, gradient)
        return x + self.centre, variance, slope


def fit_ray(total: FloatArray, mean: FloatArray, weight: FloatArray) -> RayCurve | None:
    """Fit the curve to mean effects by weighted least squares.

    `total` doses, `mean` effects and `weight` (wells over the relative variance of a well) are
    (m,). None with fewer than three doses, or where they don't determine a rising curve.
    """
    if len(total) < MIN_RAY_DOSES:
        return None
    x = np.log(total)
    centre = float(x.mean())
    x = x - centre
    powers, root = np.stack([np.ones_like(x), x, x * x], axis=1), np.sqrt(weight)

    def model(place: FloatArray) -> tuple[FloatArray, FloatArray]:
        e = expit(powers @ place)
        return root * (e - mean), (root * e * (1 - e))[:, None] * powers

    slope, level = np.polyfit(x, logit(np.clip(mean, 0.02, 0.98)), 1)
    reach = np.array([30.0, 30.0, 10.0])
    place, _, jac = levenberg_marquardt(model, np.array([level, slope, 0.0]), (-reach, reach))
    information = jac.T @ jac
    if np.linalg.cond(information) > 1e12 or np.any(np.abs(place) >= 0.999 * reach):
        return None
    return RayCurve(centre, place, np.asarray(np.linalg.inv(information), dtype=np.float64))
