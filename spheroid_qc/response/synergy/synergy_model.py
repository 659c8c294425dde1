"""What a synergy model is: a class that says what it is called, what it asks, and its rows.

A model stands in a file of its own (`bliss.py`, `hsa.py`, `loewe.py` ...) and is registered in
`model_registry`; the table, its notes, the verdict and the report follow from what it says here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

from spheroid_qc.response.arrays import FloatArray
from spheroid_qc.response.draws import interval, p_value
from spheroid_qc.response.synergy.combination_wells import CombinationWells

Row = dict[str, Any]

NAN = float("nan")


class Estimate(NamedTuple):
    """A value, its interval, and the two-sided p of no interaction."""

    value: float
    low: float
    high: float
    p: float


UNKNOWN = Estimate(NAN, NAN, NAN, NAN)


def estimates(values: FloatArray, draws: FloatArray, level: float, df: float) -> list[Estimate]:
    """Give estimates of values (n,), 0 without interaction, from their draws (b, n)."""
    low, high = interval(values, draws, level)
    columns = (values, low, high, p_value(values, draws, df))
    return [Estimate(*one) for one in zip(*(c.tolist() for c in columns), strict=True)]


class SynergyModel(ABC):
    """A way to compare a combination with what its drugs do alone.

    Attributes
    ----------
    method : str
        Code in column `method` of `synergy.csv`.
    name : str
        What it is called in sentences: "Bliss".
    title : str
        What its value is, in the report's forest plot: "beyond independence (Bliss)"; empty: not
        drawn there.
    colour : str
        Name in the report's palette.
    references : tuple of str
        Where it was published, DOIs where there are any.
    requires : str
        What it asks of the data, in a finished sentence.
    is_ratio : bool
        A ratio of doses: 1 without interaction, below it with synergy, averaged in logarithms.
        Else an excess of effect: 0 without interaction, above it with synergy.
    is_tested : bool
        Whether its interval is held against no interaction.
    shows_interaction : bool
        Whether a value on the side of synergy may be called synergy.
    words : tuple of str
        What an interval wholly on the side of synergy, or of antagonism, is called.
    limits : tuple of float
        What its values lie within.
    verdict_rank : int or None
        Place in the order in which the verdict on a combination asks models; None: not asked.
    """

    method: ClassVar[str]
    name: ClassVar[str]
    title: ClassVar[str] = ""
    colour: ClassVar[str] = "muted"
    references: ClassVar[tuple[str, ...]] = ()
    requires: ClassVar[str] = ""
    is_ratio: ClassVar[bool] = False
    is_tested: ClassVar[bool] = True
    shows_interaction: ClassVar[bool] = True
    words: ClassVar[tuple[str, str]] = ("Synergistic", "Antagonistic")
    limits: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    verdict_rank: ClassVar[int | None] = None

    @property
    def null(self) -> float:
        """Value without interaction."""
        return 1.0 if self.is_ratio else 0.0

    def covers(self, method: str) -> bool:
        """Whether rows with this code in column `method` are this model's."""
        return method == self.method

    def applies(self, drugs: int) -> bool:
        """Whether combinations of so many drugs have it."""
        return drugs > 1

    def side(self, low: float, high: float) -> int:
        """Side of an interval: 1 synergy, -1 antagonism, 0 where it holds no interaction."""
        above = int(low > self.null) - int(high < self.null)
        return -above if self.is_ratio else above

    def within_limits(self, value: float, low: float, high: float) -> tuple[float, float]:
        """Bounds of a value within what such values can be, as far as the value is."""
        return max(low, min(self.limits[0], value)), min(high, max(self.limits[1], value))

    @abstractmethod
    def rows(self, wells: CombinationWells) -> list[Row]:
        """Rows of the table for one combination on one plate, from `model_row`.

        Parameters
        ----------
        wells : CombinationWells
            The combination, its drugs alone and the vehicle.

        Returns
        -------
        list of dict
            The mean over all tested combinations (`level` is `mean`) and each of them (`dose`).
            Where the data do not suffice: rows without a value, whose note says why.
        """


def model_row(
    method: str, level: str, estimate: Estimate, n: int, note: str, *,
    fa: float = NAN, doses: FloatArray | None = None,
) -> Row:  # fmt: skip
    """Put the parts of a row together.

    `note` holds finished sentences, `n` is the number of wells; `fa` and `doses` (k,) where the row
    has them.
    """
    return {
        "method": method, "level": level, "fa": fa, "doses": doses, **estimate._asdict(),
        "n": n, "note": note,
    }  # fmt: skip


def joined(*notes: str) -> str:
    """Sentences in a row."""
    return " ".join(filter(None, notes))
