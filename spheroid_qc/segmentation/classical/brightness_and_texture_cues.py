"""Cues: images at working resolution in which a spheroid may stand out from its background.

Dark and bright against a smooth background and on the plain scale of the field, fine texture
pooled from full resolution, and coarse texture. No cue is right for every microscope; each
proposes candidates and the evidence decides between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spheroid_qc.segmentation.array_types import Float, Mask
from spheroid_qc.segmentation.downsampling import Reduced
from spheroid_qc.segmentation.illumination import background_surface
from spheroid_qc.segmentation.order_statistics import median, percentiles
from spheroid_qc.segmentation.window_filters import gaussian

TEXTURE_CUES = ("fine", "coarse")


@dataclass(frozen=True, eq=False)
class Cue:
    """One image, shape (y, x), higher where a body may be, and how its bodies are sought."""

    name: str
    values: Float
    thresholds: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Cues:
    """All cues of a frame and what the evidence is taken from.

    `mean` is the blocks' intensity, outside the field its median; `smooth` slightly smoothed;
    `level` minus the background surface; `flat` the one of the latter two in which rims are
    judged; `roughness` the logarithm of fine texture. `edge_noise` is the change of intensity that
    the quieter part of the field shows across a rim's reach, `span` the range of intensity in the
    field, uneven light taken off. `polarity` is `auto`, `dark` or `bright`.
    """

    cues: tuple[Cue, ...]
    mean: Float
    smooth: Float
    level: Float
    flat: Float
    roughness: Float
    edge_noise: float
    span: float
    polarity: str


_SHARES = (0.1, 0.16, 0.24, 0.33, 0.43, 0.54, 0.66, 0.78)
"""Thresholds as shares of the way from the background's level to the cue's highest values."""

_PLAIN_SHARES = (0.3, 0.5, 0.7)
"""The same between the darkest and the brightest of the field: with no idea of what is
background, these hold where bodies fill most of the field."""

_MIN_STEP_SHARE = 0.04
"""Differences of less than this share of the field's range make no rim that would count."""

_CROWDED_SHARE = 0.15
"""Where more than this share of the field is off the background surface, the surface may have
been drawn through bodies, and the plain scale is tried too."""

_TEXTURE_SHARES = (0.32, 0.5, 0.7)


def make_cues(reduced: Reduced, usable: Mask, polarity: str) -> Cues:
    """Compute every cue of a frame; of intensity those of a polarity: `auto`, `dark`, `bright`."""
    mean = _without(reduced.mean, usable)
    smooth = gaussian(mean, 1.0, "nearest", truncate=3)
    level = smooth - background_surface(smooth, usable)
    # Without the light's own fall-off, beside which a faint body would count for nothing.
    low, high = percentiles(level[usable], (0.3, 99.7))
    span = max(high - low, 1e-6)
    edge_noise = _edge_noise(smooth, usable, span)
    # Where the smooth surface explains most of the field it is the background for certain.
    foreign = np.abs(level[usable]) > max(3 * edge_noise, 0.08 * span)
    crowded = float(foreign.mean()) > _CROWDED_SHARE
    flat = smooth
    if not crowded:  # rims are judged without the slope of the light
        even = _edge_noise(level, usable, span)
        if even < edge_noise:
            flat, edge_noise = level, even
    cues = []
    for name, sign in (("dark", -1), ("bright", 1)):
        if polarity in ("auto", name):
            minimum = max(edge_noise, _MIN_STEP_SHARE * span)
            cues.append(_by_share(name, sign * level, usable, (50, 99.7), _SHARES, minimum))
            if crowded:
                cues.append(
                    _by_share(f"{name}_plain", sign * smooth, usable, (1, 99), _PLAIN_SHARES, 0)
                )
    fine = _log_energy(_without(reduced.texture, usable), 1.2, span)
    fluctuation = mean - gaussian(mean, 3.0, "nearest", truncate=3)
    coarse = _log_energy(fluctuation, 2.5, span)
    for name, values in zip(TEXTURE_CUES, (fine, coarse), strict=True):
        cues.append(_by_share(name, values, usable, (50, 99.7), _TEXTURE_SHARES, 0.1))
    return Cues(tuple(cues), mean, smooth, level, flat, fine, edge_noise, span, polarity)


def _without(values: Float, usable: Mask) -> Float:
    """Put the field's median where nothing is to be sought, so that no edge stands there."""
    if usable.all():
        return values
    result: Float = values.copy()
    result[~usable] = median(values[usable])
    return result


def _log_energy(values: Float, sigma: float, span: float) -> Float:
    energy = gaussian(values * values, sigma, "nearest", truncate=3)
    floor = (2e-3 * span) ** 2 + 1e-12
    result: Float = np.log(np.maximum(energy, 0) + np.float32(floor)) * np.float32(0.5)
    return result


def _edge_noise(smooth: Float, usable: Mask, span: float) -> float:
    changes = [np.zeros(1, np.float32)]
    if smooth.shape[1] > 3:
        changes.append(np.abs(smooth[:, 3:] - smooth[:, :-3])[usable[:, 3:] & usable[:, :-3]])
    if smooth.shape[0] > 3:
        changes.append(np.abs(smooth[3:] - smooth[:-3])[usable[3:] & usable[:-3]])
    quiet = float(np.percentile(np.concatenate(changes), 10))
    return 7.9 * quiet + 2e-3 * span + 1e-6  # a tenth of normal values lies within 0.126 sigma


def _by_share(
    name: str,
    values: Float,
    usable: Mask,
    ends: tuple[float, float],
    shares: tuple[float, ...],
    minimum: float,
) -> Cue:
    sample = values[::2, ::2][usable[::2, ::2]]
    if sample.size < 2000:
        sample = values[usable]
    low, high = percentiles(sample, ends)
    steps = (share * (high - low) for share in shares)
    return Cue(name, values, tuple(low + step for step in steps if step > minimum))
