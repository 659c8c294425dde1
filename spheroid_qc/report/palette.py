"""Colours of figures and page, once: readable with colour-blind eyes, on paper and in the dark.

Figures are drawn in the light colours. In an SVG for the page each of them is then replaced by a
CSS variable, so that one figure serves both colour schemes. Ramps rise in lightness alone as well
as in hue, and nothing is told by colour only.
"""

from __future__ import annotations

import re

import numpy as np

# name -> (light, dark)
PALETTE: dict[str, tuple[str, str]] = {
    "ink": ("#1b2027", "#eceef0"),
    "muted": ("#5b6570", "#a3abb4"),
    "line": ("#d9dcdf", "#3a4047"),
    "paper": ("#fffffe", "#16191d"),
    "vehicle": ("#868e97", "#8f98a2"),
    "blue": ("#0072b2", "#5cb3ec"),
    "vermillion": ("#c8520a", "#ff9a57"),
    "green": ("#00876a", "#3cc9a0"),
    "purple": ("#9a4a86", "#e29fd0"),
    "gold": ("#a58000", "#e8d44d"),
    "wine": ("#8c1537", "#d9486a"),
    # How much: nothing to all. Lightness falls steadily (light scheme), rises (dark scheme).
    "s0": ("#f4efe4", "#2b2f35"),
    "s1": ("#f3e0bd", "#432f3c"),
    "s2": ("#f0cf98", "#5e2f3f"),
    "s3": ("#ecba74", "#7b3140"),
    "s4": ("#e5a158", "#97383f"),
    "s5": ("#d98647", "#b1463b"),
    "s6": ("#c96a3d", "#c75a3c"),
    "s7": ("#b24e38", "#d97444"),
    "s8": ("#943639", "#e69155"),
    "s9": ("#71253a", "#f0b173"),
    "s10": ("#481a35", "#f9d69f"),
    # Below and above nothing: blue and orange, which every kind of colour blindness tells apart.
    "d0": ("#1f5a8a", "#8cc3ee"),
    "d1": ("#3f7cae", "#69a5d6"),
    "d2": ("#6ea0c9", "#4c86b8"),
    "d3": ("#a1c3de", "#38678f"),
    "d4": ("#d0e1ee", "#2b4a65"),
    "d5": ("#f1f0ec", "#2f3338"),
    "d6": ("#f7dcc2", "#573f2c"),
    "d7": ("#efb98a", "#80532b"),
    "d8": ("#df9157", "#ab6a2f"),
    "d9": ("#c2682f", "#d4853d"),
    "d10": ("#944516", "#f5a95e"),
    # Doses of one drug, low to high.
    "t0": ("#8fb8d0", "#33668d"),
    "t1": ("#6a9fc0", "#427fac"),
    "t2": ("#4785ad", "#5799c9"),
    "t3": ("#2b6a96", "#77b4e0"),
    "t4": ("#165079", "#9dcdf1"),
    "t5": ("#0a3557", "#cbe8fe"),
    "intact": ("#c9ddd3", "#33524a"),
    "shrunken": ("#93bcd2", "#3f6f8c"),
    "shedding": ("#ebb973", "#b1753a"),
    "disintegrated": ("#b14d37", "#e0714f"),
    "lost": ("#471934", "#f5cf98"),
    "nothing": ("#eceae5", "#24282d"),
}

SEQUENTIAL = tuple(PALETTE[f"s{n}"][0] for n in range(11))
DIVERGING = tuple(PALETTE[f"d{n}"][0] for n in range(11))
DOSES = tuple(PALETTE[f"t{n}"][0] for n in range(6))
# state -> (colour, sign): the sign is read where colours can't be
STATES = {
    "intact": ("intact", "I"),
    "shrunken": ("shrunken", "S"),
    "shedding": ("shedding", "H"),
    "disintegrated": ("disintegrated", "D"),
    "lost": ("lost", "L"),
    "vanished": ("nothing", "V"),
    "never_formed": ("nothing", "N"),
    "unscorable": ("nothing", "?"),
}


def step_of(value: float, low: float, high: float) -> int | None:
    """Which of the eleven steps of a ramp a value has.

    Parameters
    ----------
    value : float
        Any number.
    low, high : float
        Ends of the ramp; beyond them the end's step is given.

    Returns
    -------
    int or None
        0..10; None for a missing value or a ramp of no length.
    """
    if not (np.isfinite(value) and np.isfinite(low) and np.isfinite(high)) or high <= low:
        return None
    return int(min(10, max(0, np.floor((value - low) / (high - low) * 10 + 0.5))))


def dose_colour(rank: int, of: int) -> str:
    """Colour of the `rank`-th of `of` doses, low doses light."""
    if of <= 1:
        return DOSES[4]
    first = 1 if of <= 4 else 0
    return DOSES[round(first + rank * (5 - first) / (of - 1))]


def css_variables(scheme: int) -> str:
    """Give all colours as CSS declarations; scheme 0 is light, 1 dark."""
    return " ".join(f"--{name}: {pair[scheme]};" for name, pair in PALETTE.items())


_BY_HEX = {pair[0]: name for name, pair in PALETTE.items()}
_HEX = re.compile("|".join(_BY_HEX))


def with_variables(svg: str) -> str:
    """Replace the light colours of `PALETTE` in an SVG by CSS variables."""
    return _HEX.sub(lambda found: f"var(--{_BY_HEX[found[0]]})", svg)
