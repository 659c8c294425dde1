"""How often intervals hold the truth and tests cry wolf, at the numbers of wells people have.

    python benchmarks/coverage_response.py [--plates 300] [--only WORD] [--seed 1]

Every line simulates plates with a known answer. `coverage` should be near 0.95 (more is wasteful,
less is wrong); `false positives` at most 0.05, over the whole family of conditions where it says
`any of`. The last column is the simulation's own standard error.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from scipy import stats

from spheroid_qc.response.comparisons.comparison_table import compare_with_vehicle
from spheroid_qc.response.comparisons.effect_size import (
    block_contrast,
    cliffs_delta,
    hedges_g,
    welch,
)
from spheroid_qc.response.condition_summary import figures_of_units
from spheroid_qc.response.growth.growth_rate import growth_rate
from spheroid_qc.response.growth.growth_rate_inhibition import gr_metrics
from spheroid_qc.response.plate_quality.assay_quality import coefficient_of_variation
from spheroid_qc.response.plate_quality.edge_and_position_effects import (
    design_of,
    factor_effect,
    neighbour_correlation,
    places,
)
from spheroid_qc.response.survival.kaplan_meier import kaplan_meier, logrank, median_time

Generator = np.random.Generator
Line = tuple[str, str, int, float, int]
SIZES = (3, 4, 6)


def rate(trials: int, once: Callable[[], bool | float]) -> tuple[float, int]:
    """Share of trials that say yes; NaN is no trial."""
    found = np.array([float(once()) for _ in range(trials)])
    known = found[~np.isnan(found)]
    return (float(known.mean()) if known.size else float("nan")), int(known.size)


def holds(low: float, truth: float, high: float) -> float:
    """Whether an interval holds the truth; an interval that does not exist is no trial."""
    return float("nan") if np.isnan(low) or np.isnan(high) else float(low <= truth <= high)


def intervals(trials: int, rng: Generator) -> Iterator[Line]:
    for n in SIZES:
        yield (
            "mean, t interval",
            "coverage",
            n,
            *rate(
                trials,
                lambda n=n: holds(*_around(_mean_interval(rng.normal(1, 1, n)), 1.0)),
            ),
        )
        for ratio in (1.0, 4.0):

            def difference(n: int = n, ratio: float = ratio) -> float:
                c = welch(rng.normal(1, ratio, n), rng.normal(0, 1, 6))
                return holds(c.low, 1.0, c.high)

            name = f"difference, Welch, vehicle 6, SD x{ratio:g}"
            yield name, "coverage", n, *rate(trials, difference)
        for truth in (0.0, 2.0, 6.0):

            def effect(n: int = n, truth: float = truth) -> float:
                c = block_contrast([rng.normal(truth, 1, n)], [rng.normal(0, 1, 6)])
                _, low, high = hedges_g(c)
                return holds(low, truth, high)

            yield f"Hedges g, truth {truth:g}", "coverage", n, *rate(trials, effect)

            def ordinal(n: int = n, truth: float = truth) -> float:
                _, low, high = cliffs_delta([rng.normal(truth, 1, n)], [rng.normal(0, 1, 6)])
                return holds(low, 2 * stats.norm.cdf(truth / np.sqrt(2)) - 1, high)

            yield f"Cliff's delta, normal shift {truth:g}", "coverage", n, *rate(trials, ordinal)
        yield (
            "coefficient of variation 0.1",
            "coverage",
            n,
            *rate(
                trials,
                lambda n=n: holds(
                    *_around(coefficient_of_variation(rng.normal(1, 0.1, n))[1:], 0.1)
                ),
            ),
        )


def _around(bounds: tuple[float, float], truth: float) -> tuple[float, float, float]:
    return bounds[0], truth, bounds[1]


def _mean_interval(values: np.ndarray) -> tuple[float, float]:
    """Interval of the mean of wells, as the table of conditions has it."""
    everyone = pd.Series(0, range(len(values)))
    found = figures_of_units(pd.DataFrame({"x": values}), everyone, everyone, pd.Index([0]))
    return float(found["ci_low"].loc[0, "x"]), float(found["ci_high"].loc[0, "x"])


def _plate(rng: Generator, n: int, spread: float, plates: int, per_plate: int) -> pd.DataFrame:
    """Eight conditions that do nothing, one of them (the last) with another spread."""
    lines = []
    for plate in range(plates):
        shift = rng.normal(0, 2) if plates > 1 else 0.0
        for k in range(9):
            reaction = rng.normal(0, 0.7) if plates > 1 else 0.0
            count = 6 if k == 0 else (per_plate if plates > 1 else n)
            sd = spread if k == 8 else 1.0
            lines += [
                (f"P{plate}", f"{'ABCDEFGHI'[k]}{i + 1:02d}", f"c{k}", v)
                for i, v in enumerate(shift + reaction + rng.normal(0, sd, count))
            ]
    table = pd.DataFrame(lines, columns=["plate", "well", "condition", "value"])
    return table.assign(role=np.where(table["condition"] == "c0", "vehicle", "treated"))


def comparisons(trials: int, rng: Generator) -> Iterator[Line]:
    tests = ("p_dunnett", "p_t_holm", "p_rank_holm")
    for n in SIZES:
        for plates, spread in ((1, 1.0), (1, 4.0), (n, 1.0)):
            hits = {name: [] for name in (*tests, "covered", "simultaneous")}
            for _ in range(trials):
                table = _plate(rng, n, spread, plates, 3)
                found = compare_with_vehicle(table, ["value"])
                for name in tests:
                    hits[name].append(float((found[name] < 0.05).any()))
                low, high = found["difference_low"], found["difference_high"]
                hits["covered"].append(float(((low <= 0) & (high >= 0)).mean()))
                low, high = found["dunnett_low"], found["dunnett_high"]
                hits["simultaneous"].append(float(((low <= 0) & (high >= 0)).all()))
            what = f"{plates} replicates x 3 wells" if plates > 1 else f"1 plate, SD x{spread:g}"
            for name in tests:
                yield (f"{name}, any of 8, {what}", "false positives", n,
                       float(np.mean(hits[name])), trials)  # fmt: skip
            yield (f"difference, {what}", "coverage", n, float(np.mean(hits["covered"])),
                   trials)  # fmt: skip
            yield (f"Dunnett intervals, all 8, {what}", "coverage", n,
                   float(np.mean(hits["simultaneous"])), trials)  # fmt: skip


def survival(trials: int, rng: Generator) -> Iterator[Line]:
    def watched(n: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
        time = rng.exponential(scale, n)
        lost = rng.exponential(4 * scale, n)
        end = np.minimum(np.minimum(time, lost), 72.0)
        return end, time <= end

    for n in SIZES:
        results = []
        for _ in range(trials):
            t1, e1 = watched(n, 48.0)
            t0, e0 = watched(6, 48.0)
            group = np.arange(n + 6) < n
            results.append(logrank(np.append(t1, t0), np.append(e1, e0), group))
        for name in ("p", "p_exact"):
            p = np.array([r[name] for r in results])
            known = p[~np.isnan(p)]
            yield (f"log-rank, {name}, vehicle 6", "false positives", n,
                   float((known < 0.05).mean()), known.size)  # fmt: skip
        truth = 48.0 * np.log(2)
        curves = [kaplan_meier(*watched(n, 48.0)) for _ in range(trials)]
        at = [curve[curve["time_h"] <= truth].iloc[-1] for curve in curves]
        for low, high, name in (
            ("low", "high", "log-log where it exists"),
            ("exact_low", "exact_high", "beta product"),
        ):
            found = np.array([holds(row[low], 0.5, row[high]) for row in at])
            known = found[~np.isnan(found)]
            yield f"survival 0.5, {name}", "coverage", n, float(known.mean()), known.size
        exact = [median_time(curve) for curve in curves]
        found = np.array([holds(low, truth, high) for _, low, high in exact])
        yield "median time, beta product", "coverage", n, float(found.mean()), found.size


def kinetics(trials: int, rng: Generator) -> Iterator[Line]:
    for frames in (6, 12, 24, 48):
        for decay_h in (0.0, 4.0, 12.0):
            time = np.linspace(0, 72, frames)
            rho = np.exp(-time[1] / decay_h) if decay_h else 0.0

            def covered(time: np.ndarray = time, rho: float = rho) -> float:
                noise = rng.normal(0, 1, time.size)
                for i in range(1, time.size):
                    noise[i] = rho * noise[i - 1] + np.sqrt(1 - rho**2) * noise[i]
                fit = growth_rate(time, np.exp(0.01 * time + 0.05 * noise))
                return holds(fit["low"], 0.01, fit["high"])

            name = f"growth rate of a well, {frames} frames in 72 h, errors last {decay_h:g} h"
            yield name, "coverage", 1, *rate(trials, covered)


def layout(trials: int, rng: Generator) -> Iterator[Line]:
    wells = [f"{row}{column:02d}" for row in "BCDEFG" for column in range(2, 12)]
    place = places(wells)
    for kind in ("one condition", "20 conditions, scattered"):
        labels = np.arange(60) % 20 if kind.startswith("20") else np.zeros(60, dtype=int)

        def effect(axis: int, labels: np.ndarray = labels) -> float:
            design = design_of(rng.permutation(labels))
            found = factor_effect(rng.normal(0, 1, 60), design, design_of(place[:, axis]))
            return float("nan") if np.isnan(found["p"]) else float(found["p"] < 0.05)

        def near(labels: np.ndarray = labels) -> float:
            design = design_of(rng.permutation(labels))
            return float(neighbour_correlation(rng.normal(0, 1, 60), place, design)["p"] < 0.05)

        yield f"row effect, {kind}", "false positives", 60, *rate(trials, lambda: effect(0))
        yield f"column effect, {kind}", "false positives", 60, *rate(trials, lambda: effect(1))
        yield f"spatial residual, {kind}", "false positives", 60, *rate(trials, near)


def growth_inhibition(trials: int, rng: Generator) -> Iterator[Line]:
    doses = np.repeat(np.geomspace(0.01, 10, 6), 1)
    for n in SIZES:

        def called(n: int = n) -> float:
            dose = np.repeat(doses, n)
            table = pd.DataFrame(
                {"drug": "x", "dose_um": dose, "gr": rng.normal(0.9, 0.1, dose.size)}
            )
            return float(gr_metrics(table)["fit"].iloc[0] == "sigmoid")

        yield "GR curve of an idle drug, 6 doses", "false positives", n, *rate(trials, called)


PARTS = {
    "intervals": intervals,
    "comparisons": comparisons,
    "survival": survival,
    "kinetics": kinetics,
    "layout": layout,
    "gr": growth_inhibition,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plates", type=int, default=300, help="simulated plates a line")
    parser.add_argument("--only", choices=PARTS, help="one part")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(f"{'what':64s} {'figure':16s} {'n':>3s} {'rate':>7s} {'trials':>7s} {'error':>7s}")
    for name, part in PARTS.items():
        if arguments.only in (None, name):
            for what, figure, n, value, trials in part(
                arguments.plates, np.random.default_rng(arguments.seed)
            ):
                error = np.sqrt(max(value * (1 - value), 0.0) / max(trials, 1))
                print(f"{what:64s} {figure:16s} {n:3d} {value:7.3f} {trials:7d} {error:7.3f}")


if __name__ == "__main__":
    main()
