"""Which candidates are spheroid bodies: evidence against evidence, not one threshold.

A body has a rim: most of its outline changes the same way, in intensity or in texture, more
than the background does by itself, and evenly. It is compact, solid behind the rim, not cut
off by the field's edge, and much the same at neighbouring thresholds and in other cues
(stability, as in maximally stable extremal regions, Matas et al. 2004,
doi:10.1016/j.imavis.2004.02.006).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spheroid_qc.segmentation.array_types import Features, Mask
from spheroid_qc.segmentation.classical.brightness_and_texture_cues import TEXTURE_CUES, Cues
from spheroid_qc.segmentation.classical.candidates import Candidates
from spheroid_qc.segmentation.order_statistics import median
from spheroid_qc.segmentation.piece_shapes import box_of, narrowed, widened

_SHARP_RIM_BLOCKS = 2.2
"""Width, in blocks, that a perfectly sharp rim has at working resolution."""

_SOFT_RIM_RADII, _SMUDGE_RIM_RADII = 0.30, 0.42
"""Width of the rim as a share of the radius: from the first on a small smooth piece is doubted,
at the second it is a smudge. A ball in focus has 0.2 to 0.25."""

_LARGER_PIECE_RADII = 0.18
"""So much more for a piece twice as large as dust may be: spheroids out of focus are as soft as
that, but not a Gaussian throughout."""

_SMOOTH, _TEXTURED = 0.15, 0.3
"""Logarithmic change of texture across the rim: a smudge has none."""


def _smudge(mask: Mask, cues: Cues, rough_step: float, size: float) -> float:
    """How surely, in [0, 1], a small piece is a smudge and no body.

    `rough_step` is the change of log texture across its rim, positive where the inside is rougher;
    `size` its area as a share of what dust may have.
    """
    box = box_of(mask, 6)
    piece, values = mask[box], cues.mean[box]
    if piece.all():
        return 0.0
    depth = ndimage.distance_transform_edt(piece) - ndimage.distance_transform_edt(~piece)
    outside = (depth < -2) & (depth >= -5)
    if not outside.any():
        return 0.0
    middle = values[depth > 0.6 * depth.max()]
    height = abs(median(middle) - median(values[outside]))
    rings = np.rint(depth - depth.min()).astype(np.intp).ravel()
    count = np.bincount(rings)
    profile = (np.bincount(rings, values.ravel()) / np.maximum(count, 1))[count > 0]
    change = np.diff(profile)
    steepest = float(np.abs(change[1:] + change[:-1]).max(initial=0.0)) / 2
    radius = float(np.sqrt(np.count_nonzero(piece) / np.pi))
    width = height / max(steepest, 1e-9)
    blur = float(np.sqrt(max(width**2 - _SHARP_RIM_BLOCKS**2, 0.0))) / radius
    blur -= _LARGER_PIECE_RADII * float(np.clip(size - 1, 0, 1))
    soft = np.clip((blur - _SOFT_RIM_RADII) / (_SMUDGE_RIM_RADII - _SOFT_RIM_RADII), 0, 1)
    smooth = np.clip((_TEXTURED - rough_step) / (_TEXTURED - _SMOOTH), 0, 1)
    return float(soft * smooth)


_TEXTURE_WEIGHT = 0.15
"""What a change of texture by a factor e counts beside a change of the field's whole range."""

_TEXTURE_AREA = 6.0
"""A body that shows by texture alone is larger than this many smallest bodies: a smaller rough
patch is a clump of cells."""

_SIBLING_STEP = 0.4
"""A further body's rim changes by at least this share of the first one's."""

_SMUDGE_AREA = 4.0
"""A soft smooth piece of up to this many smallest bodies may be dust out of focus; a larger one,
up to four times this, if it is all flank."""

_FEW_BODIES, _MIN_SHARE_FEW = 4, 0.07
"""Beside up to four bodies, pieces below this share of the largest one's area are clumps."""

_SURE_STEP = 3.0
"""Change across the rim, in standard deviations of the background's own, that counts half."""

_CLUMP_SHARE = 0.06
"""Area of a body with a rim, as a share of a textured region around it: below it the body is
a clump within a body that shows by texture, above it the region is the body's corona."""

_MANY_BODIES, _EVIDENCE_AMONG_MANY = 5, 0.6
"""Among so many bodies, one more is accepted on this share of the evidence."""

_MIN_SIMILAR_EVIDENCE = 0.35
"""Evidence, but for its stability, from which a candidate counts among similar bodies."""

_MAX_CONTENDERS = 8
"""Distinct candidates that are examined for the first body."""

_MIN_SIBLING_SHARE = 0.03
"""Area of further bodies, as a share of the largest: below it is a clump."""


@dataclass(frozen=True, eq=False)
class SelectedBody:
    """A chosen candidate, the `row`th; its mask has shape (y, x).

    Parameters
    ----------
    score, evidence : float
        Rank among the frame's candidates; how sure it is, in [0, 1], that this is a body.
    stability : float
        In [0, 1]: share of neighbouring thresholds and other cues that find the same.
    support : float
        In [0, 1]: how much of the zone behind the rim, and of the inside, is foreign.
    by_texture : bool
        Whether texture rather than intensity speaks for it.
    step : float
        Mean signed change of intensity outwards across the rim.
    """

    row: int
    mask: Mask
    score: float
    evidence: float
    stability: float
    support: float
    by_texture: bool
    step: float

    @property
    def confidence(self) -> float:
        """Evidence, less where thresholds and cues disagree about the body."""
        return float(np.clip(self.evidence * (0.75 + 0.25 * self.stability), 0.0, 1.0))


def select_bodies(
    candidates: Candidates, cues: Cues, usable: Mask, min_area: float, needed: float
) -> tuple[list[SelectedBody], float]:
    """Choose the bodies of a frame, best first; no two overlap.

    The largest has at least `min_area` blocks; below the evidence `needed`, in (0, 1), there is
    nothing. Gives also the best evidence there was, even where it was not enough.
    """
    if len(candidates) == 0:
        return [], 0.0
    scores = _Scores(candidates, cues, float(np.count_nonzero(usable)), min_area)
    order = np.lexsort((candidates.cue, -candidates.area, -scores.score))
    order = order[scores.score[order] > 0]
    first, evidence = _first_body(order, candidates, cues, scores, min_area, needed)
    if first is None:
        return [], evidence
    row, best = first
    chosen = [best]
    taken = best.mask.copy()
    largest = float(candidates.area[row])
    for other in order:
        if candidates.area[other] < _MIN_SIBLING_SHARE * largest:
            continue
        if bool(scores.by_texture[other]) != best.by_texture:
            continue
        if (
            not best.by_texture
            and candidates.step[other] * best.step < _SIBLING_STEP * best.step**2
        ):
            continue
        enough = needed * (_EVIDENCE_AMONG_MANY if len(chosen) >= _MANY_BODIES else 1.0)
        if scores.evidence[other] < enough:
            continue
        mask = candidates.mask(int(other))
        if taken[mask].any():
            continue
        body = _examine(int(other), candidates, cues, scores, mask)
        if body.evidence < enough:
            continue
        chosen.append(body)
        taken |= mask
    chosen = [_central(body, candidates, scores) for body in chosen]
    if len(chosen) <= _FEW_BODIES:
        sizes = [np.count_nonzero(body.mask) for body in chosen]
        chosen = [b for b, n in zip(chosen, sizes, strict=True) if n >= _MIN_SHARE_FEW * max(sizes)]
    return chosen, evidence


def _central(body: SelectedBody, c: Candidates, scores: _Scores) -> SelectedBody:
    """Take the middle one of all thresholds that give the body nearly as good a rim.

    Where an edge is sharp they are all the same; where the body fades, no threshold is better
    than its neighbours and the middle is the safest.
    """
    row = body.row
    family = np.flatnonzero(
        (np.abs(c.step) > 0.88 * abs(body.step))
        & (c.step * body.step > 0)
        & (c.ellipse_fill > c.ellipse_fill[row] - 0.02)
        & (np.abs(np.log(c.area / c.area[row])) < 0.7)
        & (np.hypot(c.y - c.y[row], c.x - c.x[row]) < 0.15 * np.sqrt(c.area[row]))
        & (c.split == c.split[row])
        & (c.convexity > c.convexity[row] - 0.07)
        & ~scores.by_texture
    )
    if body.by_texture or family.size < 3:
        return body
    middle = int(family[np.argsort(c.area[family], kind="stable")[family.size // 2]])
    return replace(body, mask=c.mask(middle))


class _Scores:
    """Score, evidence and stability of all candidates at once."""

    def __init__(self, c: Candidates, cues: Cues, field_area: float, min_area: float) -> None:
        self.min_area = min_area
        shape = np.clip((c.ellipse_fill - 0.6) / 0.4, 0, 1) ** 1.5
        # Long things are fibres, the sooner the smaller they are.
        longest = np.where(c.area < 4 * min_area, 4.5, 6.0)
        shape *= np.clip((longest - c.elongation) / (longest / 2), 0, 1)
        # Seams between touching balls are no outline, so that parts may seem all too convex.
        shape *= np.where(c.split, 1.0, c.convexity**1.5)
        size = c.area / (c.area + min_area)
        size *= np.clip((0.95 - c.area / field_area) / 0.1, 0, 1)
        self.stability = _stability(c)
        intensity = np.abs(c.step) / cues.span * np.clip((c.agreement - 0.5) / 0.4, 0, 1)
        intensity /= 1 + (c.unevenness / 1.2) ** 2
        texture = _TEXTURE_WEIGHT * np.maximum(c.rough_step, 0.0)
        texture *= np.clip((c.rough_agreement - 0.6) / 0.3, 0, 1)
        names = [cue.name in TEXTURE_CUES for cue in cues.cues]
        self.by_texture = np.array(names)[c.cue.astype(np.intp)] & (texture > intensity)
        if cues.polarity != "auto":
            unwanted = c.step < 0 if cues.polarity == "dark" else c.step > 0
            intensity = np.where(unwanted, 0.0, intensity)
        strength = np.where(self.by_texture, texture, intensity)
        # Walls and tile edges at the border are rough; a body that is cut off has a rim as well.
        whole = np.where(self.by_texture, 1.3 - 2.5 * c.border, 1.3 - 2.0 * c.border)
        common = shape * np.clip(whole, 0, 1) * size
        self.score = strength * common * (0.6 + 0.4 * self.stability)
        ratio = (np.abs(c.step) / (_SURE_STEP * cues.edge_noise)) ** 2
        by_rim = ratio / (ratio + 1) * np.minimum(1.0, intensity / 0.06)
        rough = np.maximum(c.rough_step, 0.0)
        sure = np.where(self.by_texture, rough / (rough + 0.5), by_rim)
        self.similar = similar = _similar_bodies(c, by_rim * common**0.5, min_area)
        settled = np.where(self.by_texture, self.stability, np.maximum(self.stability, similar))
        self.evidence = np.clip(sure * common**0.5 * (0.6 + 0.4 * settled), 0, 1)


def _similar_bodies(c: Candidates, sure: Features, min_area: float) -> Features:
    """Share, up to one, of eight others of the same kind elsewhere in the frame.

    Where bodies fill the frame each has a threshold of its own and none is stable, but many of
    much the same size, roundness and contrast are no accident.
    """
    similar = np.zeros(len(c))
    able = np.flatnonzero(
        (sure > _MIN_SIMILAR_EVIDENCE)
        & (c.area > 0.5 * min_area)
        & (c.ellipse_fill > 0.94)
        & (c.agreement > 0.9)
    )
    if not 8 <= able.size <= 1500:
        return similar
    # One for each place: the surest of those whose centres lie within each other.
    order = able[np.argsort(-sure[able], kind="stable")]
    radius = np.sqrt(c.area / np.pi)
    places: list[int] = []
    for row in order:
        near = np.hypot(c.y[places] - c.y[row], c.x[places] - c.x[row])
        if not places or bool(np.all(near > 0.8 * (radius[places] + radius[row]))):
            places.append(int(row))
    alike = np.abs(np.log(c.area[able, None] / c.area[None, places])) < np.log(3)
    alike &= c.step[able, None] * c.step[None, places] > 0
    similar[able] = np.clip((alike.sum(axis=1) - 1) / 8.0, 0, 1)
    return similar


def _stability(c: Candidates) -> Features:
    """Share, up to one, of four further candidates with nearly the same size and place."""
    size = np.log(c.area)
    reach = 0.12 * np.sqrt(c.area)
    near = np.abs(size[:, None] - size[None, :]) < 0.15
    near &= np.abs(c.y[:, None] - c.y[None, :]) < reach[:, None]
    near &= np.abs(c.x[:, None] - c.x[None, :]) < reach[:, None]
    found: Features = np.minimum((near.sum(axis=1) - 1) / 5.0, 1.0)
    return found


def _first_body(
    order: NDArray[np.intp],
    c: Candidates,
    cues: Cues,
    scores: _Scores,
    min_area: float,
    needed: float,
) -> tuple[tuple[int, SelectedBody] | None, float]:
    """Find the best of a few distinct contenders, each examined on its own."""
    seen: list[int] = []
    bodies: list[tuple[int, SelectedBody]] = []
    best_evidence = 0.0
    for row in order:
        if c.area[row] < min_area * (_TEXTURE_AREA if scores.by_texture[row] else 1):
            continue
        if any(
            abs(np.log(c.area[row] / c.area[k])) < 0.15
            and np.hypot(c.y[row] - c.y[k], c.x[row] - c.x[k]) < 0.12 * np.sqrt(c.area[row])
            for k in seen
        ):
            continue
        seen.append(int(row))
        body = _examine(int(row), c, cues, scores, c.mask(int(row)))
        best_evidence = max(best_evidence, body.evidence)
        if body.evidence >= needed:
            bodies.append((int(row), body))
        if len(seen) >= _MAX_CONTENDERS:
            break
    if not bodies:
        return None, best_evidence
    bodies.sort(key=lambda item: -item[1].score)
    for row, body in bodies:
        inside_or_around = [
            (c.area[other] / c.area[row], other_body)
            for other, other_body in bodies
            if other_body.by_texture != body.by_texture
            and (other_body.mask & body.mask).sum() > 0.7 * min(c.area[other], c.area[row])
        ]
        if body.by_texture and any(
            ratio < 1 and (ratio > _CLUMP_SHARE or other.score >= 2 * body.score)
            for ratio, other in inside_or_around
        ):
            continue
        if not body.by_texture and any(
            ratio > 1 / _CLUMP_SHARE and body.score < 2 * other.score
            for ratio, other in inside_or_around
        ):
            continue
        return (row, body), best_evidence
    return bodies[0], best_evidence


def _examine(row: int, c: Candidates, cues: Cues, scores: _Scores, mask: Mask) -> SelectedBody:
    """Weigh the zone behind the rim (solid, or cells and gaps) and the inside."""
    box = box_of(mask, 4)
    piece = mask[box]
    outside = widened(piece, 3) & ~widened(piece)
    inner = narrowed(piece, beyond=True)
    band = inner & ~narrowed(inner, 2, beyond=True)
    level = median(cues.smooth[box][outside]) if outside.any() else 0.0
    rough = median(cues.roughness[box][outside]) if outside.any() else 0.0
    step = float(c.step[row])
    if scores.by_texture[row]:
        behind = cues.roughness[box][band] - rough > 0.4 * float(c.rough_step[row])
    else:
        behind = (level - cues.mean[box][band]) * np.sign(step) > 0.35 * abs(step)
    solid = float(behind.mean()) if behind.size else 1.0
    foreign = np.abs(cues.smooth[box] - level) > max(2 * cues.edge_noise, 0.25 * abs(step))
    foreign |= cues.roughness[box] > rough + 0.25
    support = float(foreign[piece].mean())
    factor = float(np.clip((solid - 0.45) / 0.4, 0, 1) * np.clip(support / 0.6, 0, 1))
    size = float(c.area[row] / (_SMUDGE_AREA * scores.min_area))
    small = float(np.clip(4 - size, 0, 1))
    small *= 1 - float(scores.similar[row])
    if small > 0 and not scores.by_texture[row]:
        factor *= 1 - small * _smudge(mask, cues, float(c.rough_step[row]), size)
    return SelectedBody(
        row,
        mask,
        float(scores.score[row]) * factor,
        float(scores.evidence[row]) * factor**0.5,
        float(scores.stability[row]),
        factor,
        bool(scores.by_texture[row]),
        step,
    )
