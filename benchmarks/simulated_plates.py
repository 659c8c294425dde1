"""Plates with a known answer: curves, interaction, design and scatter are given, wells are drawn.

A truth knows the exact value of every line of the synergy table, so that a benchmark can count
how often an interval holds it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq

from spheroid_qc.response.synergy.loewe import HillCurve, loewe_effect

FloatArray = NDArray[np.float64]
NAMES = ("gemcitabine", "selinexor", "paclitaxel")
STEPS = {"ratio": 2.0, "matrix": 3.0, "cube": 3.0}


@dataclass(frozen=True)
class Scenario:
    """A truth and a design.

    Parameters
    ----------
    name : str
        For the table.
    curves : tuple of HillCurve
        The drugs alone.
    interaction : str
        `bliss`: independence, plus `strength * E (1 - E)`; `loewe`: additive doses with the
        constant index `strength`.
    strength : float
        Of the interaction.
    design : str
        `ratio`: every subset of the drugs in one fixed ratio; `matrix`: all pairs of doses (of
        a triple the doublets in a fixed ratio); `cube`: all triples of doses too.
    levels : int
        Doses of each drug.
    null : tuple of str
        Methods whose null this is.
    noise : str
        `additive` on the fraction affected; `signal`: in proportion to the surviving signal;
        `both`: the two together; `normalised`: a raw signal divided by the mean of the plate's
        vehicle wells; `one vehicle`: the same of a single well; `images`: divided by their median,
        then cut off at 0 and 1; `clipped`: additive, then cut off.
    sd : float
        Standard deviation of a well.
    beyond : float
        Times that all doses are higher than around the EC50.
    excess : float
        Mean true excess over the interaction: what combinations leave alive is taken to a power
        above 1 that gives it, so that effects stay below 1. Infinite where that can't be.
    """

    name: str
    curves: tuple[HillCurve, ...]
    interaction: str
    strength: float
    design: str
    levels: int = 6
    null: tuple[str, ...] = ()
    noise: str = "additive"
    sd: float = 0.05
    beyond: float = 1.0
    excess: float = 0.0
    _known: dict[object, float] = field(default_factory=dict, init=False, compare=False, repr=False)

    def effect(self, doses: FloatArray) -> FloatArray:
        """Give the true fraction affected."""
        plain = self._without_excess(doses)
        together = (doses > 0).sum(axis=1) == len(self.curves)
        return np.where(together, 1 - (1 - plain) ** (1 + self._power()), plain)

    def reaches(self) -> bool:
        """Whether combinations leave enough alive for such an excess."""
        return bool(np.isfinite(self._power()))

    def _power(self) -> float:
        if "power" not in self._known:
            doses = self.doses()
            left = 1 - self._without_excess(doses[(doses > 0).all(axis=1)])

            def missing(power: float) -> float:
                return float((left - left ** (1 + power)).mean()) - self.excess

            can = missing(200.0) > 0
            found = brentq(missing, 0, 200) if self.excess > 0 and can else 0.0
            self._known["power"] = found if can or not self.excess else float("inf")
        return self._known["power"]

    def _without_excess(self, doses: FloatArray) -> FloatArray:
        alone = np.stack([c.effect(doses[:, i]) for i, c in enumerate(self.curves)], axis=1)
        together = (doses > 0).sum(axis=1) > 1
        if self.interaction == "bliss":
            free = 1 - np.prod(1 - alone, axis=1)
            return np.where(together, free + self.strength * free * (1 - free), free)
        # A constant index: the doses act as if they were 1 / index times as high.
        scale = np.where(together, 1 / self.strength, 1.0)
        acting = loewe_effect(doses * scale[:, None], self.curves)
        return np.where(together, acting, alone.sum(axis=1))

    def doses(self) -> FloatArray:
        """Conditions of a plate: drugs alone, doublets, for three drugs triples."""
        k = len(self.curves)
        ec50 = np.array([curve.ec50 for curve in self.curves])
        levels = STEPS[self.design] ** (np.arange(self.levels) - (self.levels - 1) / 2)
        levels *= self.beyond
        rows = []
        for size in range(1, k + 1):
            for drugs in itertools.combinations(range(k), size):
                full = self.design == "cube" or (self.design == "matrix" and size == k)
                amounts: Iterator[Sequence[float]] = (
                    itertools.product(levels, repeat=size)
                    if full
                    else iter([level] * size for level in levels)
                )
                for amount in amounts:
                    row = np.zeros(k)
                    row[list(drugs)] = np.array(amount) * ec50[list(drugs)]
                    rows.append(row)
        return np.array(rows)

    def plate(self, wells: int, rng: np.random.Generator) -> pd.DataFrame:
        """Simulate one plate as a tidy table."""
        vehicles = 1 if self.noise == "one vehicle" else max(wells, 4)
        doses = np.repeat(self.doses(), wells, axis=0)
        doses = np.vstack([np.zeros((vehicles, doses.shape[1])), doses])
        truth = self.effect(doses)
        noise = rng.standard_normal(len(doses)) * self.sd
        if self.noise in ("additive", "clipped"):
            effect = truth + noise
            if self.noise == "clipped":
                effect = np.clip(effect, 0, 1)
        elif self.noise == "signal":
            effect = 1 - (1 - truth) * (1 + 1.6 * noise)
        elif self.noise == "both":
            effect = 1 - (1 - truth) * (1 + 1.6 * noise)
            effect = effect + rng.standard_normal(len(doses)) * self.sd / 3
        else:
            signal = (1 - truth) + noise
            effect = 1 - signal / signal[:vehicles].mean()
            if self.noise == "images":  # the median, then cut off
                effect = np.clip(1 - signal / np.median(signal[:vehicles]), 0, 1)
        table = {"response": effect}
        for i in range(doses.shape[1]):
            table |= {f"drug_{i + 1}": NAMES[i], f"dose_{i + 1}_um": doses[:, i]}
        return pd.DataFrame(table)

    def truth(self, method: str, level: str, fa: float, given: FloatArray) -> float:
        """Give the true value of a line of the synergy table, along its ray where it has a level.

        Parameters
        ----------
        method, level, fa
            As in the table; not the level `mean`.
        given : ndarray, shape (k,)
            Doses of the drugs in the combination.
        """
        at_level = level != "dose"
        ray = given / given[0] if at_level else given
        key = (method, level, *(float(f"{d:.6g}") for d in ray))
        if key not in self._known:
            self._known[key] = self._truth(method, fa if at_level else None, given)
        return self._known[key]

    def _truth(self, method: str, fa: float | None, given: FloatArray) -> float:
        curves = self.curves

        def effect(doses: FloatArray) -> float:
            return float(self.effect(doses[None])[0])

        if fa is not None:  # the doses in the same ratio that truly have that effect
            if effect(given * np.exp(12)) <= fa:
                return float("nan")
            given = given * np.exp(brentq(lambda s: effect(given * np.exp(s)) - fa, -12, 12))
        true = effect(given)
        alone = np.array([float(c.effect(d)) for c, d in zip(curves, given, strict=True)])
        if method == "bliss_excess":
            return true - float(1 - np.prod(1 - alone))
        if method == "hsa_excess":
            return true - float(alone.max())
        if method == "loewe_excess":
            return true - float(loewe_effect(given, curves))
        if method == "excess_over_best_doublet":
            pairs = [effect(np.where(np.arange(3) == out, 0, given)) for out in range(3)]
            return true - max(pairs)
        needed = np.array([dose_for(curve, true) for curve in curves])
        if method == "combination_index":
            return float((given / needed).sum())
        i = int(method[-1]) - 1
        return float(needed[i] / given[i])


def wilson(hits: float, trials: float, gain: float = 1.0) -> tuple[float, float, float]:
    """Share of hits and its 95 % interval; `gain`: how many trials one trial is worth."""
    z, mean, n = 1.96, hits / trials, trials * gain
    centre = (mean + z**2 / 2 / n) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(mean * (1 - mean) / n + z**2 / 4 / n**2)
    return mean, max(float(centre - half), 0.0), min(float(centre + half), 1.0)


def dose_for(curve: HillCurve, effect: float) -> float:
    """Give the dose of a drug alone for an effect; infinite where it has none."""
    if effect >= curve.emax:
        return float("inf")
    return float(curve.ec50 * (effect / (curve.emax - effect)) ** (1 / curve.hill))


def scenarios() -> Iterator[Scenario]:
    """Yield all truths: nulls, synergy, antagonism, several designs and kinds of scatter."""
    equal = (HillCurve(1.0, 1.5), HillCurve(0.1, 1.5))
    unequal = (HillCurve(1.0, 1.0), HillCurve(0.1, 2.5))
    partial = (HillCurve(1.0, 1.2, 0.9), HillCurve(0.1, 2.0, 0.7))
    three = (*unequal, HillCurve(0.01, 1.5))
    inert = (HillCurve(1.0, 1.5), HillCurve(0.1, 1.5), HillCurve(0.01, 1.5, 0.0))
    loewe, bliss = ("combination_index", "loewe_excess"), ("bliss_excess",)
    doublet = ("excess_over_best_doublet",)
    yield Scenario("additive, ratio", unequal, "loewe", 1, "ratio", 6, loewe)
    yield Scenario("additive, matrix 4x4", unequal, "loewe", 1, "matrix", 4, loewe)
    yield Scenario("independent, ratio", unequal, "bliss", 0, "ratio", 6, bliss)
    yield Scenario("independent, matrix 5x5", partial, "bliss", 0, "matrix", 5, bliss)
    yield Scenario("index 0.6, matrix 4x4", unequal, "loewe", 0.6, "matrix", 4)
    yield Scenario("Bliss synergy, matrix 4x4", unequal, "bliss", 0.5, "matrix", 4)
    yield Scenario("three, additive, ratio", three, "loewe", 1, "ratio", 6, loewe)
    yield Scenario("three, independent, ratio", three, "bliss", 0, "ratio", 6, bliss)
    yield Scenario("three, third inert, ratio", inert, "bliss", 0, "ratio", 6, doublet)
    # Other scatter, other designs
    yield Scenario("additive, ratio, normalised", unequal, "loewe", 1, "ratio", 6, loewe,
                   "normalised")  # fmt: skip
    yield Scenario("independent, matrix 4x4, normalised", unequal, "bliss", 0, "matrix", 4, bliss,
                   "normalised")  # fmt: skip
    yield Scenario("additive, ratio, one vehicle well", unequal, "loewe", 1, "ratio", 6, loewe,
                   "one vehicle")  # fmt: skip
    yield Scenario("independent, matrix 4x4, one vehicle well", unequal, "bliss", 0, "matrix", 4,
                   bliss, "one vehicle")  # fmt: skip
    yield Scenario("additive, ratio, as from images", unequal, "loewe", 1, "ratio", 6, loewe,
                   "images")  # fmt: skip
    yield Scenario("independent, matrix 4x4, as from images", unequal, "bliss", 0, "matrix", 4,
                   bliss, "images")  # fmt: skip
    yield Scenario("additive, ratio, signal noise", unequal, "loewe", 1, "ratio", 6, loewe,
                   "signal")  # fmt: skip
    yield Scenario("additive, matrix 4x4, signal noise", unequal, "loewe", 1, "matrix", 4, loewe,
                   "signal")  # fmt: skip
    yield Scenario("independent, matrix 4x4, signal noise", unequal, "bliss", 0, "matrix", 4,
                   bliss, "signal")  # fmt: skip
    yield Scenario("independent, ratio, both noises", unequal, "bliss", 0, "ratio", 6, bliss,
                   "both")  # fmt: skip
    yield Scenario("additive, matrix 4x4, both noises", unequal, "loewe", 1, "matrix", 4, loewe,
                   "both")  # fmt: skip
    # A drug whose curve can't be told from none: Loewe refuses its interval on most plates.
    weak = (HillCurve(1.0, 1.5), HillCurve(0.1, 1.5, 0.15))
    yield Scenario("additive, one weak drug, matrix 4x4, sd 0.1", weak, "loewe", 1, "matrix", 4,
                   ("loewe_excess",), "additive", 0.1)  # fmt: skip
    yield Scenario("additive, ratio, clipped", unequal, "loewe", 1, "ratio", 6, loewe, "clipped")
    yield Scenario("independent, matrix 4x4, clipped", unequal, "bliss", 0, "matrix", 4, bliss,
                   "clipped")  # fmt: skip
    yield Scenario("additive, ratio, sd 0.1", unequal, "loewe", 1, "ratio", 6, loewe, "additive",
                   0.1)  # fmt: skip
    yield Scenario("additive, matrix 6x6, sd 0.1", unequal, "loewe", 1, "matrix", 6, loewe,
                   "additive", 0.1)  # fmt: skip
    yield Scenario("additive, equal slopes, matrix 4x4", equal, "loewe", 1, "matrix", 4, loewe)
    yield Scenario("additive, partial effects, matrix 5x5", partial, "loewe", 1, "matrix", 5,
                   ("loewe_excess",))  # fmt: skip
    yield Scenario("index 0.6, ratio", unequal, "loewe", 0.6, "ratio")
    yield Scenario("index 1.6, ratio", unequal, "loewe", 1.6, "ratio")
    yield Scenario("Bliss synergy, ratio", unequal, "bliss", 0.5, "ratio")
    yield Scenario("three, independent, cube 3", three, "bliss", 0, "cube", 3, bliss)
    yield Scenario("three, additive, cube 3", three, "loewe", 1, "cube", 3, loewe)
    steep = (HillCurve(1.0, 4.0), HillCurve(0.1, 6.0))
    yield Scenario("additive, saturated, matrix 5x5", unequal, "loewe", 1, "matrix", 5, loewe,
                   beyond=3.0)  # fmt: skip
    yield Scenario("independent, saturated, matrix 5x5", unequal, "bliss", 0, "matrix", 5, bliss,
                   beyond=3.0)  # fmt: skip
    yield Scenario("additive, steep, matrix 5x5", steep, "loewe", 1, "matrix", 5, loewe)
    yield Scenario("independent, steep, matrix 5x5", steep, "bliss", 0, "matrix", 5, bliss)
    yield Scenario("three, index 0.6, ratio", three, "loewe", 0.6, "ratio")
