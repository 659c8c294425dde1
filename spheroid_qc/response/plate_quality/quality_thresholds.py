"""Customary bounds of the plate figures, and what each of them can't tell."""

from __future__ import annotations

import math

MAX_CV, MAX_MISSING_SHARE = 0.10, 0.05
MIN_Z_PRIME, MIN_SSMD = 0.5, 3.0
LARGE_HEDGES_G, LARGE_OMEGA2, SMALL_P = 0.8, 0.14, 0.01

_Z = (
    f">= {MIN_Z_PRIME:g} is called excellent in screening; no gate for phenotypic assays, where "
    "0 to 0.5 is often workable"
)
_SSMD = f"absolute value >= {MIN_SSMD:g} for a strong control, >= 2 for a moderate one"
_CV = f"<= {MAX_CV:g}; above 0.2 sizes can hardly be compared (our choice)"
_SHARE = f"<= {MAX_MISSING_SHARE:g} (our choice)"
_EDGE = f"interval within -{LARGE_HEDGES_G:g} to {LARGE_HEDGES_G:g}, a large effect (our choice)"
_OMEGA = f"< {LARGE_OMEGA2:g} (a large effect) or p >= {SMALL_P:g} (our choice)"
_SAMPLE = (
    "It is an estimate from few wells with a heavy sampling error, says nothing about doses "
    "between the controls, and sees no spatial error outside the control wells."
)
_MAD = _SAMPLE + " With three wells the MAD is hardly a spread."
_PLACE = (
    "It does not tell the place from what else changes along it (seeding order, imaging order), "
    "and sees only what the conditions leave over."
)
_FEW = "Few wells: no difference seen is not none. " + _PLACE
_WIDE = "A pattern wider than the plate, or one that follows the layout. " + _PLACE
_MISSING = "Not why they are missing, nor whether the missing wells were the worst."
_EQUAL = "Equal sizes don't make equal biology; says nothing about later times."
_STATISTICS = {
    "missing_frames": ("Frames that are missing", _SHARE, _MISSING),
    "never_formed": ("Wells that never formed a spheroid", _SHARE,
                     "Not whether the cells or the coating were at fault."),
    "unscorable": ("Frames that can't be scored", _SHARE,
                   "Not whether those spheroids were affected by a drug."),
    "size_cv_t0_vehicle": ("Variation of size at time zero (CV), vehicle", _CV, _EQUAL),
    "size_cv_t0_all": ("Variation of size at time zero (CV), all wells", _CV,
                       "Mixes seeding error with errors of segmentation."),
    "edge_difference": ("Edge minus inner wells", "", _FEW),
    "edge_hedges_g": ("Edge against inner wells, Hedges' g", _EDGE, _FEW),
    "row_effect": ("Row effect, ω²", _OMEGA, _PLACE),
    "column_effect": ("Column effect, ω²", _OMEGA, _PLACE),
    "spatial_residual": ("Neighbours alike, Moran's I", f"p >= {SMALL_P:g} (our choice)", _WIDE),
    "z_prime": ("Z′", _Z, _SAMPLE),
    "robust_z_prime": ("Robust Z′", _Z, _MAD),
    "ssmd": ("SSMD", _SSMD, _SAMPLE + " Its bound depends on how strong the control is."),
    "robust_ssmd": ("Robust SSMD", _SSMD, _MAD),
}  # fmt: skip
BOUNDS = {name: bound for name, (_, bound, _) in _STATISTICS.items() if bound}
"""Statistic -> its customary bound, in words."""

CANNOT_TELL = {name: words for name, (_, _, words) in _STATISTICS.items()}
"""Statistic -> what it can't tell."""


def title_of(statistic: str) -> str:
    """Say what a statistic is called; one that isn't known is named by itself."""
    return _STATISTICS.get(statistic, (statistic,))[0]


def verdict(statistic: str, value: float, low: float, high: float, p: float) -> str:
    """Compare a figure with its bound.

    Gives `yes`, `no`, `undecided`, or an empty text where there is nothing to compare: `BOUNDS`
    lacks the statistic, or the figure is NaN.
    """
    if statistic not in BOUNDS or math.isnan(value):
        return ""
    if statistic == "edge_hedges_g":
        if math.isnan(low) or math.isnan(high):
            return "undecided"
        if low >= -LARGE_HEDGES_G and high <= LARGE_HEDGES_G:
            return "yes"
        return "no" if low > LARGE_HEDGES_G or high < -LARGE_HEDGES_G else "undecided"
    if statistic in ("row_effect", "column_effect"):
        return "no" if value >= LARGE_OMEGA2 and p < SMALL_P else "yes"
    if statistic == "spatial_residual":
        return "no" if p < SMALL_P else "yes"
    if statistic.endswith("z_prime"):
        return "yes" if value >= MIN_Z_PRIME else "no"
    if statistic.endswith("ssmd"):
        return "yes" if abs(value) >= MIN_SSMD else "no"
    maximum = MAX_CV if statistic.startswith("size_cv") else MAX_MISSING_SHARE
    return "yes" if value <= maximum else "no"
