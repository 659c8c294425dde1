"""Intervals of EC50 and absolute IC50 from draws beside those by profile likelihood.

    python benchmarks/draws_or_profile.py [--plates 200] [--wells 3 4 6] [--share 0/2] [--out FILE]
    python benchmarks/draws_or_profile.py --out FILE --table

The plates of `coverage_curves.py`, and some harder ones, are fitted through `dose_response_table`,
whose intervals are profiles. Of the same fits, curves are drawn as they are for the effect at the
highest dose (`drawn_curves`, as many draws), and an interval of the logarithm of the dose is read
from them as that of all other statistics (`draws`: percentile and reflected), and as the percentile
interval alone. A drawn dose is endless where the search for it ended, an IC50 where the curve never
takes it, an EC50 where the drawn plateau is endless (the rule of `emax`).

Each cell: intervals that hold the truth, per cent, with the 95 % Monte Carlo interval; median of
the upper bound over the lower one, of curves with both; intervals with an open end, per cent.
Milliseconds are processor time for both doses of a curve.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path
from unittest import mock

import numpy as np
from coverage_curves import NORMALISED, SEVEN, TRUTHS, Truth, plate
from numpy.typing import NDArray
from simulated_plates import wilson

from spheroid_qc.response.curves import dose_response, refit
from spheroid_qc.response.curves.hill_search import MAX_LOG_DOSES_BEYOND
from spheroid_qc.response.curves.logistic import LogisticFit
from spheroid_qc.response.draws import interval
from spheroid_qc.response.response_table import read_responses
from spheroid_qc.response.synergy.loewe import HillCurve

FloatArray = NDArray[np.float64]
LEVEL = 0.95
TIMED = 10
"""Plates of a cell of which profiles are computed once more, to be timed."""

HARDER = (
    Truth("ends at 0.2, sd 0.05", HillCurve(1.3, 1.5, 0.2), SEVEN),
    Truth("four doses threefold apart, slope 1.5", HillCurve(1.0, 1.5), SEVEN[1:5]),
    Truth("sd 0.2", HillCurve(1.3, 1.5), SEVEN, "additive", 0.2),
    Truth("plateau not reached, sd 0.1", HillCurve(27.0, 1.2), SEVEN, "additive", 0.1),
    Truth("a step, slope 15", HillCurve(1.6, 15.0), SEVEN),
)
ALL = (*TRUTHS, *HARDER)
KINDS = ("profile", "draws", "percentile")


def doses_of(fit: LogisticFit, curves: FloatArray) -> FloatArray:
    """Log EC50 and absolute IC50 of drawn curves (b, 4), infinite where there is none."""
    log_ec50, log_hill, emax, e0 = curves.T
    lowest, highest = np.log(fit.dose_range)
    least, most = fit.problem.response.min(), fit.problem.response.max()
    span = most - least
    endless = (emax > most + span) | (emax < least - span)
    endless |= log_ec50 >= highest + MAX_LOG_DOSES_BEYOND - 1e-3
    ec50 = np.where(log_ec50 <= lowest - MAX_LOG_DOSES_BEYOND + 1e-3, -np.inf, log_ec50)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (0.5 - e0) / (emax - e0)
        ic50 = log_ec50 + np.log(share / (1 - share)) / np.exp(log_hill)
    ic50 = np.where(share >= 1, np.inf, np.where(share <= 0, -np.inf, ic50))
    return np.column_stack([np.where(endless, np.inf, ec50), ic50])


def examine(truth: Truth, wells: int, plates: int) -> dict[str, object]:
    """Count over plates of one truth."""
    counts: dict[str, float] = defaultdict(float)
    widths: dict[str, list[float]] = defaultdict(list)
    true = {"ec50": np.log(truth.curve.ec50)}
    if truth.curve.emax > 0.5:
        way = 0.5 / (truth.curve.emax - 0.5)
        true["ic50_abs"] = np.log(truth.curve.ec50) + np.log(way) / truth.curve.hill
    for number in range(plates):
        rng = np.random.default_rng([1, ALL.index(truth), wells, number])
        table = plate(truth, wells, rng)
        responses = read_responses(table, reference=NORMALISED.get(truth.noise, ""))
        with mock.patch.object(
            dose_response, "reach_intervals", wraps=refit.reach_intervals
        ) as spied:
            line = dose_response.dose_response_table(responses).iloc[0]
        if not spied.called or not np.isfinite(line["ec50_um"]):
            counts["none"] += 1
            continue
        fit, _, count, reference = spied.call_args.args
        bounds = {"profile": {
            name: np.log([line[f"{name}_low_um"], line[f"{name}_high_um"]]) for name in true
        }}  # fmt: skip
        best = np.log([fit.ec50, max(fit.dose_at(0.5), 1e-300)])
        started = time.process_time()
        values = doses_of(fit, refit.drawn_curves(fit, count, reference))
        ends = interval(best, values, LEVEL)
        counts["draws s"] += time.process_time() - started
        tails = np.quantile(values, [0.025, 0.975], axis=0, method="nearest")
        for kind, (low, high) in (("draws", ends), ("percentile", tails)):
            bounds[kind] = {n: np.array([low[i], high[i]]) for i, n in enumerate(true)}
        if number < TIMED:
            fresh = LogisticFit(**{
                name: getattr(fit, name) for name in fit.__dataclass_fields__ if name[0] != "_"
            })  # fmt: skip
            started = time.process_time()
            fresh.profile_interval(0.5, LEVEL)
            if np.isfinite(fit.dose_at(0.5)):
                dose_response.absolute_ic50_interval(fresh, reference=reference)
            counts["profile s"] += time.process_time() - started
            counts["timed"] += 1
        for name, value in true.items():
            if name == "ic50_abs" and (
                line["ic50_abs_qualifier"] or not np.isfinite(line["ic50_abs_um"])
            ):
                continue
            counts[name] += 1
            for kind, found in bounds.items():
                low, high = found[name]
                counts[f"{kind} {name} holds"] += bool(not low > value and not high < value)
                closed = bool(np.isfinite(low) and np.isfinite(high))
                counts[f"{kind} {name} ends"] += not closed
                if closed:
                    widths[f"{kind} {name}"].append(float(high - low))
    medians = {f"{name} wide": float(np.exp(np.median(w))) for name, w in widths.items()}
    return {"truth": truth.name, "wells": wells, "plates": plates, **counts, **medians}


def show(found: dict[str, float]) -> str:
    """Write the lines of the table of one truth."""
    lines = []
    for name, called in (("ec50", "EC50"), ("ic50_abs", "IC50")):
        given = found.get(name, 0)
        if not given:
            continue
        cells = [str(found["truth"]), called, str(found["wells"]), f"{given:.0f}"]
        for kind in KINDS:
            mean, low, high = (100 * v for v in wilson(found[f"{kind} {name} holds"], given))
            wide = found.get(f"{kind} {name} wide", float("nan"))
            ends = 100 * found[f"{kind} {name} ends"] / given
            cells.append(f"{mean:.1f} ({low:.0f}-{high:.0f}), {wide:.3g}, {ends:.0f}")
        times = found["profile s"] / found["timed"], found["draws s"] / found["ec50"]
        cells.append(f"{1000 * times[0]:.0f}, {1000 * times[1]:.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--plates", type=int, default=200)
    parser.add_argument("--wells", type=int, nargs="+", default=[1, 3, 4, 6])
    parser.add_argument("--only", default="")
    parser.add_argument("--share", default="0/1", help="which of how many processes this is")
    parser.add_argument("--out", type=Path, help="file of counts, one line each; continued")
    parser.add_argument("--table", action="store_true", help="only print what the file holds")
    chosen = parser.parse_args()
    known = {}
    if chosen.out is not None and chosen.out.exists():
        for text in chosen.out.read_text().splitlines():
            found = json.loads(text)
            known[found["truth"], found["wells"]] = found
    number, of = (int(part) for part in chosen.share.split("/"))
    cells = [(truth, wells) for wells in chosen.wells for truth in ALL if chosen.only in truth.name]
    if chosen.table:
        print(f"| curve | dose | n | curves | {' | '.join(KINDS)} | ms: profile, draws |")
        print("| --- |" + " --- |" * (4 + len(KINDS)))
        cells.sort(key=lambda cell: ALL.index(cell[0]))
    for truth, wells in cells if chosen.table else cells[number::of]:
        found = known.get((truth.name, wells))
        if found is None and not chosen.table:
            found = examine(truth, wells, chosen.plates)
            if chosen.out is not None:
                with chosen.out.open("a") as file:
                    file.write(json.dumps(found) + "\n")
        if found is not None:
            print(show(found), flush=True)


if __name__ == "__main__":
    main()
