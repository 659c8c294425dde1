"""How often what is drawn: the family that trains, and another one that only validates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Family:
    """Chances and ranges of a set of synthetic images.

    Parameters
    ----------
    name : str
    styles, fates : mapping of str to float
        Relative chances.
    wells : mapping of str to float
        Chance that the well's wall is in the frame, for each style.
    smallest : float
        Least diameter of a body, as a share of the side.
    clutter : float
        How much dust, fibres and walls there are; 1 is usual.
    noise : float
        Factor on the noise.
    """

    name: str
    styles: Mapping[str, float]
    fates: Mapping[str, float]
    wells: Mapping[str, float] = field(default_factory=dict)
    smallest: float = 0.035
    clutter: float = 1.0
    noise: float = 1.0

    def chances(self, table: Mapping[str, float]) -> list[float]:
        """Chances that sum to 1."""
        total = sum(table.values())
        return [value / total for value in table.values()]


WIDE = Family(
    "wide",
    {
        "dark": 0.22, "rimmed": 0.15, "phase": 0.14, "faint": 0.11, "darkfield": 0.12,
        "fluorescence": 0.14, "free": 0.12,
    },
    {
        "intact": 0.13, "loosening": 0.1, "shedding": 0.15, "cloud": 0.12, "corona": 0.13,
        "fragments": 0.07, "debris": 0.05, "scattered": 0.11, "few": 0.04, "many": 0.08,
        "moulded": 0.04, "nothing": 0.05,
    },
    {
        "dark": 0.15, "rimmed": 0.06, "phase": 0.12, "faint": 0.5, "darkfield": 0.3,
        "fluorescence": 0.04, "free": 0.12,
    },
)  # fmt: skip
"""The family that the network is trained on."""

OTHER = Family(
    "other",
    {
        "dark": 0.2, "rimmed": 0.15, "phase": 0.2, "faint": 0.1, "darkfield": 0.1,
        "fluorescence": 0.15, "free": 0.1,
    },
    {
        "intact": 0.15, "loosening": 0.15, "shedding": 0.15, "cloud": 0.15, "corona": 0.15,
        "fragments": 0.1, "debris": 0.05, "few": 0.03, "many": 0.02, "moulded": 0.03,
        "nothing": 0.05,
    },
    {
        "dark": 0.25, "rimmed": 0.15, "phase": 0.25, "faint": 0.6, "darkfield": 0.5,
        "fluorescence": 0.1, "free": 0.2,
    },
    smallest=0.09,
    clutter=1.7,
    noise=1.5,
)  # fmt: skip
"""More clutter, noise and walls than in training: held out to choose between networks."""
