"""How often 95 % intervals hold, and how often nothing is called synergy.

Plates are simulated from known curves and a known interaction, with 3, 4 or 6 wells a
condition, analysed like any other table, and compared with the truth:

    python benchmarks/coverage_synergy.py --plates 1000 --wells 3 4 6

Columns: share of intervals that hold the truth (wanted: 90 to 98 %), and the share of plates
that are called synergistic on the mean although the method's own null holds (at most 5 %).
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq

from spheroid_qc.response.combinations import synergy_table
from spheroid_qc.response.dose_response import dose_response_table
from spheroid_qc.response.reference_models import HillCurve, loewe_effect
from spheroid_qc.response.responses import read_responses

FloatArray = NDArray[np.float64]
LEVELS = (0.5, 0.75, 0.9, 0.95)
NAMES = ("gemcitabine", "selinexor", "paclitaxel")


@dataclass(frozen=True)
class Scenario:
    """A truth and a design.

    `null` names the methods whose null this is. `noise`: `additive` on the fraction affected,
    `signal` for scatter in proportion to the surviving signal, `normalised` for a raw signal
    divided by the mean of the plate's vehicle wells.
    """

    name: str
    curves: tuple[HillCurve, ...]
    interaction: str
    strength: float
    design: str
    null: tuple[str, ...] = ()
    noise: str = "additive"
    sd: float = 0.05

    def effect(self, doses: FloatArray) -> FloatArray:
        """Give the true fraction affected."""
        alone = np.stack([c.effect(doses[:, i]) for i, c in enumerate(self.curves)], axis=1)
        together = (doses > 0).sum(axis=1) > 1
        if self.interaction == "bliss":
            free = 1 - np.prod(1 - alone, axis=1)
            return np.where(together, free + self.strength * free * (1 - free), free)
        # A constant index: the doses act as if they were 1 / index times as high.
        scale = np.where(together, 1 / self.strength, 1.0)
        return np.where(
            together, loewe_effect(doses * scale[:, None], self.curves), alone.sum(axis=1)
        )


def design_doses(scenario: Scenario) -> FloatArray:
    """Conditions of a plate: drugs alone, doublets, for three drugs triples."""
    k = len(scenario.curves)
    ec50 = np.array([curve.ec50 for curve in scenario.curves])
    steps = {"ratio": 2.0 ** np.arange(-3, 3), "matrix": 3.0 ** np.arange(-2, 2)}
    levels = steps["ratio"] if scenario.design == "ratio" else steps["matrix"]
    rows = []
    for size in range(1, k + 1):
        for drugs in itertools.combinations(range(k), size):
            free = itertools.product(levels, repeat=size)
            same = ([level] * size for level in levels)
            for amounts in free if scenario.design == "matrix" else same:
                row = np.zeros(k)
                row[list(drugs)] = np.array(amounts) * ec50[list(drugs)]
                rows.append(row)
    return np.array(rows)


def plate(scenario: Scenario, wells: int, rng: np.random.Generator) -> pd.DataFrame:
    """Simulate one plate as a tidy table."""
    conditions = design_doses(scenario)
    doses = np.repeat(conditions, wells, axis=0)
    doses = np.vstack([np.zeros((max(wells, 4), doses.shape[1])), doses])
    truth = scenario.effect(doses)
    noise = rng.standard_normal(len(doses)) * scenario.sd
    if scenario.noise == "additive":
        effect = truth + noise
    elif scenario.noise == "signal":
        effect = 1 - (1 - truth) * (1 + 1.6 * noise)
    else:
        signal = (1 - truth) + noise
        effect = 1 - signal / signal[: max(wells, 4)].mean()
    table = {"response": effect}
    for i in range(doses.shape[1]):
        table |= {f"drug_{i + 1}": NAMES[i], f"dose_{i + 1}_um": doses[:, i]}
    return pd.DataFrame(table)


def dose_for(curve: HillCurve, effect: float) -> float:
    """Give the dose of a drug alone for an effect; infinite where it has none."""
    if effect >= curve.emax:
        return float("inf")
    return float(curve.ec50 * (effect / (curve.emax - effect)) ** (1 / curve.hill))


def true_index(curves: tuple[HillCurve, ...], doses: FloatArray, effect: float) -> float:
    """Give the combination index of doses with a true effect."""
    alone = [dose_for(c, effect) for c in curves]
    return float(sum(d / a for d, a in zip(doses, alone, strict=True)))


def truth_of(scenario: Scenario, row: pd.Series, grid: FloatArray) -> float:
    """Give the true value of one line of the synergy table."""
    k = len(scenario.curves)
    drugs = [NAMES.index(name) for name in row["combination"].split(" + ")]
    curves = tuple(scenario.curves[i] for i in drugs)

    def excess(doses: FloatArray) -> float:
        whole = np.zeros(k)
        whole[drugs] = doses
        true = float(scenario.effect(whole[None])[0])
        method = row["method"]
        alone = np.array([float(c.effect(d)) for c, d in zip(curves, doses, strict=True)])
        if method == "bliss_excess":
            return true - float(1 - np.prod(1 - alone))
        if method == "hsa_excess":
            return true - float(alone.max())
        if method == "loewe_excess":
            return true - float(loewe_effect(doses, curves))
        if method == "excess_over_best_doublet":
            pairs = []
            for left_out in drugs:
                part = whole.copy()
                part[left_out] = 0
                pairs.append(float(scenario.effect(part[None])[0]))
            return true - max(pairs)
        index = true_index(curves, doses, true)
        if method == "combination_index":
            return index
        i = int(method[-1]) - 1
        return dose_for(curves[i], true) / float(doses[i])

    if row["level"] == "mean":
        return float(np.mean([excess(doses) for doses in grid]))
    given = row[[f"dose_{i + 1}_um" for i in range(len(drugs))]].to_numpy(dtype=float)
    if row["level"] == "dose":
        return excess(given)

    # At an effect: the doses in the same ratio that truly have it.
    def miss(log_scale: float) -> float:
        whole = np.zeros(k)
        whole[drugs] = given * np.exp(log_scale)
        return float(scenario.effect(whole[None])[0]) - row["fa"]

    if miss(12) <= 0:
        return float("nan")  # no dose has that effect
    return excess(given * np.exp(brentq(miss, -12, 12)))


def scenarios() -> Iterator[Scenario]:
    """Yield all truths: nulls, synergy, antagonism, several kinds of scatter."""
    equal = (HillCurve(1.0, 1.5), HillCurve(0.1, 1.5))
    unequal = (HillCurve(1.0, 1.0), HillCurve(0.1, 2.5))
    partial = (HillCurve(1.0, 1.2, 0.9), HillCurve(0.1, 2.0, 0.7))
    three = (*unequal, HillCurve(0.01, 1.5))
    loewe, bliss = ("combination_index", "loewe_excess"), ("bliss_excess",)
    yield Scenario("additive, equal slopes, ratio", equal, "loewe", 1, "ratio", loewe)
    yield Scenario("additive, unequal slopes, ratio", unequal, "loewe", 1, "ratio", loewe)
    yield Scenario("additive, unequal slopes, matrix", unequal, "loewe", 1, "matrix", loewe)
    yield Scenario("index 0.6, ratio", unequal, "loewe", 0.6, "ratio")
    yield Scenario("index 1.6, ratio", unequal, "loewe", 1.6, "ratio")
    yield Scenario("independent, ratio", unequal, "bliss", 0, "ratio", bliss)
    yield Scenario("independent, partial effects, matrix", partial, "bliss", 0, "matrix", bliss)
    yield Scenario("Bliss synergy, ratio", unequal, "bliss", 0.5, "ratio")
    yield Scenario("additive, normalised", unequal, "loewe", 1, "ratio", loewe, "normalised")
    yield Scenario("independent, normalised", unequal, "bliss", 0, "ratio", bliss, "normalised")
    yield Scenario("independent, signal noise", unequal, "bliss", 0, "matrix", bliss, "signal")
    yield Scenario("additive, signal noise", unequal, "loewe", 1, "ratio", loewe, "signal")
    yield Scenario("additive, sd 0.1", unequal, "loewe", 1, "ratio", loewe, "additive", 0.1)
    yield Scenario("three drugs, additive", three, "loewe", 1, "ratio", loewe)
    yield Scenario("three drugs, independent", three, "bliss", 0, "ratio", bliss)
    inert = (HillCurve(1.0, 1.5), HillCurve(0.1, 1.5), HillCurve(0.01, 1.5, 0.0))
    yield Scenario("third drug inert", inert, "bliss", 0, "ratio", ("excess_over_best_doublet",))


def examine(scenario: Scenario, wells: int, plates: int, seed: int) -> None:
    """Print coverage and false synergy of one scenario."""
    held: dict[str, list[bool]] = defaultdict(list)
    called: dict[str, list[bool]] = defaultdict(list)
    start = time.perf_counter()
    for number in range(plates):
        rng = np.random.default_rng([seed, wells, number])
        responses = read_responses(plate(scenario, wells, rng))
        curves = dose_response_table(responses)
        for _, row in curves[~curves["drug"].str.contains("+", regex=False)].iterrows():
            curve = scenario.curves[NAMES.index(row["drug"])]
            if curve.emax > 0:
                low, high = row["ec50_low_um"], row["ec50_high_um"]
                inside = not low > curve.ec50 and not high < curve.ec50
                held["ec50"].append(bool(inside))
        table = synergy_table(responses)
        largest = max(table["combination"], key=len)
        for _, row in table.iterrows():
            if not np.isfinite(row["value"]):
                continue
            members = [NAMES.index(name) for name in row["combination"].split(" + ")]
            grid = design_doses(scenario)
            others = [i for i in range(grid.shape[1]) if i not in members]
            chosen = (grid[:, members] > 0).all(axis=1) & ~(grid[:, others] > 0).any(axis=1)
            tested = grid[chosen][:, members]
            if row["method"] == "combination_index" and row["level"] == "mean":
                own = table[table["combination"].eq(row["combination"])].query(
                    "method == 'combination_index' and level == 'dose'"
                )  # the mean is over the doses that have an index
                names = [f"dose_{i + 1}_um" for i in range(len(members))]
                tested = own.dropna(subset=["value"])[names].to_numpy(dtype=float)
            true = truth_of(scenario, row, tested)
            low, high = row["low"], row["high"]
            inside = not low > true + 1e-12 and not high < true - 1e-12
            kind = row["method"].rstrip("_123")
            kind += " dose" if row["level"] == "dose" else " " + row["level"]
            if np.isfinite(true):
                held[kind].append(bool(inside))
            if row["method"] in scenario.null and row["combination"] == largest:
                index = row["method"] == "combination_index"
                below = row["high"] < 1 if index else row["low"] > 0
                if row["level"] != "dose":
                    called[f"{row['method']} {row['level']}"].append(bool(below))
                else:
                    said = "Synergistic" in row["note"] or "Better" in row["note"]
                    if not called[f"{row['method']} any dose"] or (
                        len(called[f"{row['method']} any dose"]) <= number
                    ):
                        called[f"{row['method']} any dose"].append(False)
                    called[f"{row['method']} any dose"][-1] |= said
    seconds = (time.perf_counter() - start) / plates
    print(f"\n{scenario.name}; n = {wells}; {plates} plates, {seconds:.2f} s each")
    for kind in sorted(held):
        print(f"  {kind:38s} {100 * np.mean(held[kind]):6.1f} % of {len(held[kind])}")
    for kind in sorted(called):
        print(f"  false synergy: {kind:23s} {100 * np.mean(called[kind]):6.1f} %", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--plates", type=int, default=20)
    parser.add_argument("--wells", type=int, nargs="+", default=[3])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    chosen = parser.parse_args()
    for scenario in scenarios():
        if chosen.only in scenario.name:
            for wells in chosen.wells:
                examine(scenario, wells, chosen.plates, chosen.seed)


if __name__ == "__main__":
    main()
