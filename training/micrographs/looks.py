"""How a body looks: what is drawn at random before anything is put on the canvas.

Signals are optical densities in transmitted light (positive: darker) and brightness in emitted or
scattered light. A look belongs to a style, but every number of it has a wide range, and the style
`free` takes any number from anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

Rng = np.random.Generator

STYLES = ("dark", "rimmed", "phase", "faint", "darkfield", "fluorescence", "free")
EMITTING = ("darkfield", "fluorescence")


@dataclass(frozen=True)
class Look:
    """Appearance of a body.

    Parameters
    ----------
    flat, dome : float
        Signal of the whole body, and of its middle beyond that.
    power : float
        How the dome falls towards the rim: 0.5 a ball, large a peak.
    soft : float
        Width of the edge, px.
    centre, centre_size : float
        Signal of a necrotic or dim middle, and its share of the radius.
    kind, coarse, grain : str, float, float
        Texture tile, its coarseness in [0, 1], and its signal.
    grain_2, coarse_2 : float
        A second, grainy texture.
    folds : float
        Signal of creases.
    rim, rim_width, rim_depth : float
        Signal, width and depth (px) of the line along the outline.
    side, side_turn : float
        How much one side of the rim differs from the other, and which.
    glow, glow_width : float
        Signal outside of the rim and how far it reaches, px.
    ring, ring_at : float
        A second line at some distance outside of the rim, px.
    fine : float
        Structure smaller than a pixel of this frame, as a standard deviation.
    """

    flat: float = 0.5
    dome: float = 0.3
    power: float = 0.5
    soft: float = 1.5
    centre: float = 0.0
    centre_size: float = 0.5
    kind: str = "grain"
    coarse: float = 0.3
    grain: float = 0.1
    grain_2: float = 0.0
    coarse_2: float = 0.7
    folds: float = 0.0
    rim: float = 0.0
    rim_width: float = 2.0
    rim_depth: float = 1.0
    side: float = 0.0
    side_turn: float = 0.0
    glow: float = 0.0
    glow_width: float = 4.0
    ring: float = 0.0
    ring_at: float = 4.0
    fine: float = 0.02


def _some(rng: Rng, share: float, low: float, high: float) -> float:
    """Draw a number from the range in some share of cases, else 0."""
    return float(rng.uniform(low, high)) if rng.random() < share else 0.0


def _log(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def draw_look(rng: Rng, style: str, radius: float, cell: float) -> Look:
    """Draw the look of a frame's bodies.

    Parameters
    ----------
    rng : numpy.random.Generator
    style : str
        One of `STYLES`.
    radius : float
        Of the largest body, px.
    cell : float
        Diameter of a cell, px; rims are about as wide.

    Returns
    -------
    Look
    """
    u = rng.uniform
    common = Look(
        soft=_log(rng, 0.4, 2.5),
        kind=str(rng.choice(("grain", "cells", "cobbles", "cloud"), p=(0.35, 0.3, 0.2, 0.15))),
        coarse=float(np.clip(np.log(cell / 1.6) / np.log(13) + rng.normal(0, 0.12), 0, 0.99)),
        coarse_2=float(u(0, 1)),
        centre_size=float(u(0.3, 0.85)),
        rim_width=_log(rng, 0.7, max(1.0, min(1.2 * cell, 0.15 * radius))),
        rim_depth=float(u(0.5, 1.25)),
        side=_some(rng, 0.5, 0.1, 0.9),
        side_turn=float(u(-np.pi, np.pi)),
        glow_width=_log(rng, 1.0, max(2.0, 0.4 * radius)),
        ring_at=_log(rng, 2.0, max(7.0, 0.5 * radius)) if rng.random() < 0.3 else float(u(2, 7)),
        power=_log(rng, 0.3, 2.0),
        folds=_some(rng, 0.12, 0.1, 0.5),
        fine=_log(rng, 0.003, 0.08),
    )
    draw = {
        "dark": _dark,
        "rimmed": _rimmed,
        "phase": _phase,
        "faint": _faint,
        "darkfield": _darkfield,
        "fluorescence": _fluorescence,
        "free": _free,
    }
    return draw[style](rng, common)


def _dark(rng: Rng, look: Look) -> Look:
    u = rng.uniform
    return replace(
        look,
        flat=_log(rng, 0.12, 1.6),
        dome=_some(rng, 0.7, 0.05, 1.8),
        centre=_some(rng, 0.4, -0.3, 0.9),
        grain=_log(rng, 0.02, 0.3),
        grain_2=_some(rng, 0.4, 0.02, 0.2),
        rim=_some(rng, 0.5, -0.2, 0.6),
        glow=_some(rng, 0.55, -0.3, 0.12),
        ring=_some(rng, 0.2, -0.15, 0.15),
        soft=look.soft * u(0.8, 2.0),
    )


def _rimmed(rng: Rng, look: Look) -> Look:
    u = rng.uniform
    return replace(
        look,
        flat=float(u(-0.12, 0.3)),
        dome=_some(rng, 0.4, -0.15, 0.25),
        centre=_some(rng, 0.3, -0.15, 0.4),
        grain=_log(rng, 0.04, 0.4),
        grain_2=_some(rng, 0.5, 0.03, 0.2),
        rim=_log(rng, 0.25, 1.6),
        glow=_some(rng, 0.6, -0.35, 0.1),
        ring=_some(rng, 0.3, -0.25, 0.25),
    )


def _phase(rng: Rng, look: Look) -> Look:
    u = rng.uniform
    return replace(
        look,
        flat=float(u(-0.25, 0.7)),
        dome=_some(rng, 0.5, -0.2, 0.6),
        centre=_some(rng, 0.3, -0.3, 0.6),
        grain=_log(rng, 0.05, 0.5),
        grain_2=_some(rng, 0.5, 0.03, 0.3),
        rim=_some(rng, 0.7, -0.5, 0.8),
        glow=-_log(rng, 0.08, 0.8),
        glow_width=min(look.glow_width, _log(rng, 1.2, 9.0)),
        ring=_some(rng, 0.4, -0.2, 0.3),
    )


def _faint(rng: Rng, look: Look) -> Look:
    u = rng.uniform
    scale = _log(rng, 0.006, 0.08)
    return replace(
        look,
        flat=scale * float(u(-0.6, 1.0)),
        dome=0.0,
        centre=_some(rng, 0.2, -0.5, 0.5) * scale,
        grain=scale * float(u(0.2, 1.6)),
        coarse=min(look.coarse, 0.6),
        grain_2=_some(rng, 0.5, 0.2, 1.0) * scale,
        rim=_some(rng, 0.7, -1.5, 2.5) * scale,
        rim_width=float(u(0.6, 1.8)),
        folds=_some(rng, 0.2, 0.5, 2.0) * scale,
        glow=_some(rng, 0.3, -0.6, 0.3) * scale,
        fine=scale * float(np.exp(u(np.log(0.4), np.log(6.0)))),
        soft=_log(rng, 0.4, 1.5),
    )


def _darkfield(rng: Rng, look: Look) -> Look:
    u = rng.uniform
    return replace(
        look,
        flat=_log(rng, 0.1, 1.2),
        dome=_some(rng, 0.5, -0.1, 0.5),
        centre=_some(rng, 0.4, -0.4, 0.3),
        grain=_log(rng, 0.03, 0.35),
        grain_2=_some(rng, 0.5, 0.02, 0.2),
        rim=_some(rng, 0.6, -0.1, 0.9),
        glow=_some(rng, 0.5, 0.02, 0.3) - _some(rng, 0.2, 0.02, 0.1),
        glow_width=look.glow_width * _log(rng, 1.0, 2.5),  # stray light reaches far
        ring=_some(rng, 0.3, 0.02, 0.2),
        fine=_log(rng, 0.01, 0.2),
        soft=look.soft * u(0.7, 2.0),
    )


def _fluorescence(rng: Rng, look: Look) -> Look:
    hollow = rng.random() < 0.4
    strength = _log(rng, 0.15, 1.5)
    return replace(
        look,
        flat=strength * (_log(rng, 0.03, 0.4) if hollow else float(rng.uniform(0.4, 1.0))),
        dome=0.0 if hollow else strength * _some(rng, 0.6, 0.1, 1.2),
        centre=-strength * _some(rng, 0.4, 0.02, 0.3) * (0.1 if hollow else 1.0),
        grain=strength * _log(rng, 0.02, 0.35),
        grain_2=strength * _some(rng, 0.4, 0.02, 0.25),
        rim=strength * (_log(rng, 0.2, 1.2) if hollow else _some(rng, 0.3, 0.1, 0.8)),
        rim_width=look.rim_width * (_log(rng, 1.0, 5.0) if hollow else 1.5),
        rim_depth=float(rng.uniform(0.8, 2.0)),
        glow=strength * _some(rng, 0.6, 0.02, 0.3),
        folds=0.0,
        fine=_log(rng, 0.01, 0.2),
        soft=look.soft * float(rng.uniform(0.8, 2.5)),
    )


def _free(rng: Rng, look: Look) -> Look:
    scale = _log(rng, 0.05, 1.5)
    n = rng.normal
    return replace(
        look,
        flat=scale * n(0, 0.6),
        dome=scale * n(0, 0.5),
        centre=scale * n(0, 0.4),
        grain=scale * abs(n(0.1, 0.25)),
        grain_2=scale * abs(n(0, 0.15)),
        rim=scale * n(0.2, 0.6),
        rim_width=look.rim_width * _log(rng, 0.7, 2.0),
        glow=scale * n(0, 0.3),
        ring=scale * n(0, 0.15),
        folds=look.folds * scale,
        fine=scale * _log(rng, 0.02, 0.5),
    )


def vary(rng: Rng, look: Look, much: float) -> Look:
    """Change a frame's look a little for one of several bodies.

    Parameters
    ----------
    rng : numpy.random.Generator
    look : Look
    much : float
        0: not at all; 1: twofold and more.

    Returns
    -------
    Look
    """
    names = ("flat", "dome", "centre", "grain", "rim", "glow", "fine")
    factors = np.exp(rng.normal(0, 0.5 * much, len(names)))
    changed = {name: getattr(look, name) * float(f) for name, f in zip(names, factors, strict=True)}
    return replace(look, side_turn=look.side_turn + float(rng.normal(0, 0.3)), **changed)
