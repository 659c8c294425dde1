"""How often the interval of BRAID's kappa holds the truth, and how well a matrix determines it.

    python benchmarks/coverage_braid.py [--plates 200] [--only WORD]

Plates of two drugs in a matrix of doses (fourfold apart, around the EC50) are simulated from
BRAID's own surface, with wells that scatter by 0.05, and analysed by the model alone: some 0.04 s a
plate. Shares have their 95 % Monte Carlo interval.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from simulated_plates import wilson

from spheroid_qc.parameters import ResponseParameters
from spheroid_qc.response.conditions import conditions
from spheroid_qc.response.synergy.braid import Braid, braid_effect
from spheroid_qc.response.synergy.combination_wells import CombinationWells
from spheroid_qc.response.synergy.loewe import HillCurve

SETTINGS = ResponseParameters(resamples=1000)
SD, STEP = 0.05, 4.0
Curves = tuple[HillCurve, HillCurve]
EQUAL = HillCurve(1.0, 1.5), HillCurve(0.1, 1.5)
UNEQUAL = HillCurve(1.0, 1.0), HillCurve(0.1, 2.5)
PARTIAL = HillCurve(1.0, 1.2, 0.9), HillCurve(0.1, 2.0, 0.7)
LOWER = HillCurve(1.0, 1.2, 0.9), HillCurve(0.1, 2.0, 0.5)


@dataclass(frozen=True)
class Surface:
    """A truth and a design: `levels` doses of each drug, `wells` a condition."""

    name: str
    curves: Curves
    kappa: float
    levels: int
    wells: int

    def plate(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Simulate doses (n, 2) and effects (n,)."""
        levels = STEP ** (np.arange(self.levels) - (self.levels - 1) / 2)
        alone = [(a, 0.0) for a in levels] + [(0.0, b) for b in levels]
        together = [(a, b) for a in levels for b in levels]
        rows = [(0.0, 0.0)] * max(self.wells, 4)
        rows += [row for row in (*alone, *together) for _ in range(self.wells)]
        doses = np.array(rows) * [curve.ec50 for curve in self.curves]
        true = np.nan_to_num(braid_effect(doses, self.curves, self.kappa)[0])
        return doses, true + SD * rng.standard_normal(len(doses))


SURFACES = (
    Surface("equal slopes", EQUAL, 0, 4, 3),
    Surface("slopes 1 and 2.5", UNEQUAL, 0, 4, 3),
    Surface("maxima 0.9 and 0.7", PARTIAL, 0, 5, 3),
    Surface("equal slopes", EQUAL, 1, 4, 3),
    Surface("maxima 0.9 and 0.7", PARTIAL, 2, 5, 3),
    Surface("equal slopes", EQUAL, -1, 4, 3),
    Surface("equal slopes", EQUAL, 8, 4, 3),
    Surface("maxima 0.9 and 0.5", LOWER, 1, 6, 3),
    Surface("slopes 1 and 2.5", UNEQUAL, 1, 4, 6),
    Surface("maxima 0.9 and 0.7", PARTIAL, 0, 4, 6),
)


def examine(surface: Surface, plates: int) -> str:
    """Count over plates, and write one line of the table."""
    held, above, below, widths = 0, 0, 0, []
    for number in range(plates):
        seed = [5, surface.levels, surface.wells, number, SURFACES.index(surface)]
        doses, effect = surface.plate(np.random.default_rng(seed))
        cells = conditions(doses, effect)
        wells = CombinationWells(["a", "b"], doses, effect, cells, SETTINGS)
        (row,) = Braid().rows(wells)
        if not np.isfinite(row["value"]):
            continue
        held += row["low"] <= surface.kappa <= row["high"]
        above, below = above + (row["low"] > 0), below + (row["high"] < 0)
        widths.append(row["high"] - row["low"])
    mean, low, high = (100 * share for share in wilson(held, len(widths)))
    sides = " / ".join(f"{100 * n / len(widths):.1f}" for n in (above, below))
    size = f"{surface.levels} x {surface.levels}"
    return (
        f"| {surface.kappa:g} | {surface.name} | {size} | {surface.wells} | {len(widths)} | "
        f"{mean:.1f} ({low:.1f}-{high:.1f}) | {sides} | {np.median(widths):.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--plates", type=int, default=200)
    parser.add_argument("--only", default="", help="surfaces whose name contains this")
    chosen = parser.parse_args()
    print("| kappa | curves | doses | n | plates | holds, % | above / below 0, % | width |")
    print("| --- |" + " --- |" * 7)
    for surface in SURFACES:
        if chosen.only in surface.name:
            print(examine(surface, chosen.plates), flush=True)


if __name__ == "__main__":
    main()
