"""One training image: what is in it, how it looks, and the truth.

Domain randomisation (Tobin et al. 2017, doi:10.1109/IROS.2017.8202133): every number is drawn from
a range wider than any microscope's, so that a real one lies inside. Nothing here is taken from a
micrograph; no image was used but those that these lines draw.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from training.micrographs.camera import compress, expose, record
from training.micrographs.canvas import Canvas
from training.micrographs.families import WIDE, Family
from training.micrographs.fates import FATES, Plan
from training.micrographs.looks import EMITTING, Look, draw_look
from training.micrographs.loose import fill_crowds
from training.micrographs.surroundings import add_clutter, draw_light, stamp_writing, whole_well

Float = NDArray[np.float32]
Mask = NDArray[np.bool_]
Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Micrograph:
    """A synthetic frame and its truth.

    Parameters
    ----------
    image : ndarray of float32, shape (y, x)
        In [0, 1].
    fine : ndarray of float32
        Standard deviation of what is smaller than a pixel.
    labels : ndarray of int32
        Bodies from 1.
    depth : ndarray of float32
        Of the owning body below its rim, as a share of its radius.
    shed : ndarray of bool
    ignore : ndarray of bool
        Where even an exact simulator would not bet.
    style, fate : str
    """

    image: Float
    fine: Float
    labels: NDArray[np.int32]
    depth: Float
    shed: Mask
    ignore: Mask
    style: str
    fate: str


def draw_micrograph(rng: Rng, side: int, family: Family = WIDE) -> Micrograph:
    """Draw one frame.

    Parameters
    ----------
    rng : numpy.random.Generator
    side : int
        Of the square frame, px; at most 512.
    family : Family
        Ranges and chances.

    Returns
    -------
    Micrograph
    """
    shape = (side, side)
    canvas = Canvas(shape)
    style = str(rng.choice(list(family.styles), p=family.chances(family.styles)))
    fates = family.fates
    fate = str(rng.choice(list(fates), p=family.chances(fates)))
    emitting = style in EMITTING or (style == "free" and rng.random() < 0.2)
    largest = 0.24 if fate in ("cloud", "corona", "fragments") else 0.42
    radius = side * float(np.exp(rng.uniform(np.log(family.smallest / 2), np.log(largest))))
    if rng.random() < 0.15:
        radius = side * float(rng.uniform(0.2, 0.25 if largest < 0.3 else 0.49))
    if fate == "many":
        radius = side * float(np.exp(rng.uniform(np.log(0.015), np.log(0.13))))
    cell = float(np.clip(radius * np.exp(rng.uniform(np.log(0.025), np.log(0.24))), 0.8, 13.0))
    look = draw_look(rng, style, radius, cell)
    strength = _strength(look)
    plan = Plan(style, fate, emitting, radius, cell, strength, look)
    well = None
    if rng.random() < family.wells[style]:
        well = whole_well(rng, shape)
    light = draw_light(rng, shape)
    centre = _place(rng, plan, side, well)
    FATES[fate](canvas, rng, plan, centre)
    fill_crowds(canvas, cell)
    truth = (canvas.labels, canvas.shed & (canvas.labels == 0), canvas.ignore, canvas.near)
    signal, fine = canvas.signal, canvas.fine
    drawn = np.abs(signal) if canvas.shed.any() else None
    add_clutter(rng, signal, fine, family.clutter, emitting, max(strength, 0.02))
    if rng.random() < 0.3:
        fine = fine + np.float32(strength * np.exp(rng.uniform(-5, -1.5)))
    if style == "faint" and rng.random() < 0.7:  # what is faint is seen only in even light
        light = 1 + (light - 1) * np.float32(np.exp(rng.uniform(np.log(0.03), 0)))
    flat = None
    if well is not None:
        outside, wall, _, _ = well
        signal = signal + wall * np.float32(max(strength, 0.15))
        for layer in truth:
            layer[outside] = 0
        if rng.random() < 0.75:
            flat = outside
    picture = expose(rng, signal, light, style, emitting)
    contrast = strength if emitting else strength * float(np.median(picture))
    picture, fine, noise = record(rng, picture, fine, emitting, max(contrast * family.noise, 1e-4))
    if drawn is not None:  # what drowns in noise is nothing to learn from
        unseen = ndimage.uniform_filter(drawn, 5) < 0.6 * noise * strength / max(contrast, 1e-6)
        unseen &= truth[1]
        truth[1][unseen] = False
        truth[2][unseen] = True
    return _finish(rng, plan, picture, fine, truth, flat)


def _strength(look: Look) -> float:
    """Contrast of a body, as what would make an eye see it."""
    parts = (
        abs(look.flat + 0.5 * look.dome), look.grain, 0.6 * abs(look.rim), 0.5 * look.grain_2,
        0.4 * abs(look.glow), 0.4 * abs(look.folds),
    )  # fmt: skip
    return max(0.004, *parts)


def _place(
    rng: Rng,
    plan: Plan,
    side: int,
    well: tuple[Mask, Float, tuple[float, float], float] | None,
) -> tuple[float, float]:
    """Where the spheroid lies: mostly towards the middle, in a well anywhere up to the wall."""
    if well is not None:
        _, _, (y, x), wide = well
        away = max(wide - plan.radius * rng.uniform(0.9, 1.3), 0) * np.sqrt(rng.random())
        if rng.random() < 0.3:
            away = max(wide - plan.radius * rng.uniform(0.85, 1.2), 0)
        turn = rng.uniform(-np.pi, np.pi)
        y, x = y + away * np.sin(turn), x + away * np.cos(turn)
        return (float(np.clip(y, 0, side)), float(np.clip(x, 0, side)))
    if rng.random() < 0.6:
        y, x = np.clip(rng.normal(0.5, 0.09, 2), 0.1, 0.9) * side
    else:
        low = min(plan.radius * rng.uniform(0.5, 1.3), 0.5 * side)
        y, x = rng.uniform(low, side - low, 2)
    return float(y), float(x)


def _finish(
    rng: Rng,
    plan: Plan,
    picture: Float,
    fine: Float,
    truth: tuple[NDArray[np.int32], Mask, Mask, Float],
    flat: Mask | None,
) -> Micrograph:
    """Surround, borders, writing and storage: what happens to a picture after the camera."""
    labels, shed, ignore, depth = truth
    if flat is not None:
        picture[flat] = 0.0 if rng.random() < 0.6 else float(rng.uniform(0, 1))
        fine[flat] = 0.0
    if rng.random() < 0.03:  # a bar left by stitching or cropping
        wide = int(rng.integers(1, picture.shape[0] // 12))
        rows = slice(0, wide) if rng.random() < 0.5 else slice(-wide, None)
        level = float(rng.random() < 0.3)
        picture[rows], fine[rows], labels[rows], shed[rows] = level, 0.0, 0, False
    if rng.random() < 0.14:
        written = stamp_writing(rng, picture, 0.0, 1.0)
        fine[written] = 0.0
        labels[written], shed[written] = 0, False
    picture = compress(rng, picture)
    return Micrograph(picture, fine, labels, depth, shed, ignore, plan.style, plan.fate)
