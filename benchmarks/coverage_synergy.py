"""How often 95 % intervals hold, and how often nothing is called synergy.

Plates are simulated from known curves and a known interaction, with 3, 4 or 6 wells a
condition, analysed like any other table, and compared with the truth:

    python benchmarks/coverage_synergy.py --out FILE --plates 1000 --wells 3 4 6 --only WORD
    python benchmarks/coverage_synergy.py --out FILE --table

Counts are appended to FILE after every batch of plates, and a run that was stopped continues
there. Plate number p of a truth is the same whoever simulates it. The table gives the share of
intervals that hold the truth (wanted: 90 to 98 %) and the share of plates that are called
synergistic although the method's own null holds (at most 5 %), each with its Monte Carlo
interval (lines of one plate hang together: plates are the units).
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from simulated_plates import NAMES, Scenario, scenarios, wilson

from spheroid_qc.response.combinations import synergy_table
from spheroid_qc.response.dose_response import dose_response_table
from spheroid_qc.response.responses import read_responses

BATCH = 20
Counts = dict[str, list[float]]


def count_plate(
    scenario: Scenario, table: pd.DataFrame, held: Counts, called: Counts, *, curves: bool = True
) -> None:
    """Add one plate: per kind of line its share of intervals that hold, and false calls.

    Each entry gets [plates, sum of shares, sum of squared shares, lines].
    """
    responses = read_responses(table)
    inside: dict[str, list[bool]] = defaultdict(list)
    wrong: dict[str, bool] = {}
    if curves:
        _curves(scenario, dose_response_table(responses), inside)
    found = synergy_table(responses)
    grid = scenario.doses()
    largest = max(found["combination"], key=len)
    names = [f"dose_{i + 1}_um" for i in range(3)]
    for line in found.to_dict("records"):
        method, level, value = line["method"], line["level"], line["value"]
        null = method in scenario.null and line["combination"] == largest
        if null:
            kind = f"{method} {'' if level == 'mean' else 'any '}{level}"
            said = "Synergistic" in line["note"] or "Better than" in line["note"]
            wrong[kind] = wrong.get(kind, False) or said
            if level != "mean":
                alone = line["high"] < 1 if method == "combination_index" else line["low"] > 0
                inside[f"!{method} {level}, each without adjustment"].append(bool(alone))
        if not np.isfinite(value):
            continue
        members = [NAMES.index(name) for name in line["combination"].split(" + ")]
        given = np.array([line[name] for name in names[: len(members)]], dtype=float)
        if level == "mean":
            true = _mean_truth(scenario, found, line, grid, members)
        else:
            true = scenario.truth(line["combination"], method, level, line["fa"], given)
        if not np.isfinite(true):
            continue
        low, high = line["low"], line["high"]
        if np.isnan(low) and np.isnan(high):
            inside[f"?{method} {level}"].append(True)
            continue
        holds = not low > true + 1e-12 and not high < true - 1e-12
        kind = method.rstrip("_123") + " " + level
        inside[kind].append(holds)
        if np.isfinite(low) and np.isfinite(high) and method == "combination_index":
            inside[f"~{kind} bounded"].append(True)
    for kind, values in inside.items():
        _add(held, kind, float(np.mean(values)), len(values))
    for kind, said in wrong.items():
        _add(called, kind, float(said), 1)


def _curves(scenario: Scenario, curves: pd.DataFrame, inside: dict[str, list[bool]]) -> None:
    for line in curves.to_dict("records"):
        if line["drug"] not in NAMES or scenario.curves[NAMES.index(line["drug"])].emax <= 0:
            continue
        curve = scenario.curves[NAMES.index(line["drug"])]
        low, high = line["ec50_low_um"], line["ec50_high_um"]
        inside["ec50"].append(not low > curve.ec50 and not high < curve.ec50)
        inside["~ec50 bounded"].append(bool(np.isfinite(low) and np.isfinite(high)))
        if curve.emax > 0.5 and line["ic50_abs_qualifier"] == "=":
            half = curve.ec50 * (0.5 / (curve.emax - 0.5)) ** (1 / curve.hill)
            low, high = line["ic50_abs_low_um"], line["ic50_abs_high_um"]
            inside["ic50_abs"].append(not low > half and not high < half)


def _mean_truth(
    scenario: Scenario, found: pd.DataFrame, line: dict, grid: np.ndarray, members: list[int]
) -> float:  # fmt: skip
    """Mean of the true values over the tested doses (of an index: over those that have one)."""
    others = [i for i in range(grid.shape[1]) if i not in members]
    chosen = (grid[:, members] > 0).all(axis=1) & ~(grid[:, others] > 0).any(axis=1)
    tested = grid[chosen][:, members]
    if line["method"] == "combination_index":
        own = found[
            (found["combination"] == line["combination"])
            & (found["method"] == "combination_index")
            & (found["level"] == "dose")
            & found["value"].notna()
        ]
        names = [f"dose_{i + 1}_um" for i in range(len(members))]
        tested = own[names].to_numpy(dtype=float)
    values = [
        scenario.truth(line["combination"], line["method"], "dose", float("nan"), doses)
        for doses in tested
    ]
    return float(np.mean(values))


def _add(counts: Counts, kind: str, share: float, lines: int) -> None:
    entry = counts.setdefault(kind, [0, 0.0, 0.0, 0])
    for i, part in enumerate((1, share, share**2, lines)):
        entry[i] += part


def run(
    scenario: Scenario,
    wells: int,
    plates: int,
    seed: int,
    out: Path,
    share: tuple[int, int],
    *,
    curves: bool,
) -> None:
    """Simulate the batches that are not in the file yet and append their counts."""
    done = {
        record["batch"]
        for record in _records(out)
        if (record["scenario"], record["wells"], record["seed"]) == (scenario.name, wells, seed)
    }
    for batch in range(plates // BATCH):
        if batch in done or batch % share[1] != share[0]:
            continue
        held: Counts = {}
        called: Counts = {}
        start = time.perf_counter()
        for number in range(batch * BATCH, (batch + 1) * BATCH):
            rng = np.random.default_rng([seed, zlib.crc32(scenario.name.encode()), wells, number])
            count_plate(scenario, scenario.plate(wells, rng), held, called, curves=curves)
        record = {
            "scenario": scenario.name, "wells": wells, "seed": seed, "batch": batch,
            "plates": BATCH, "seconds": round(time.perf_counter() - start, 2),
            "held": held, "called": called,
        }  # fmt: skip
        with out.open("a") as file:
            file.write(json.dumps(record) + "\n")


def _records(path: Path) -> Iterator[dict]:
    if path.exists():
        for text in path.read_text().splitlines():
            yield json.loads(text)


def interval(plates: float, total: float, squares: float) -> tuple[float, float, float]:
    """Share and its 95 % Monte Carlo interval, by Wilson with the plates' own variance."""
    mean = total / plates
    binomial, spread = mean * (1 - mean), max(squares / plates - mean**2, 0.0)
    return wilson(total, plates, binomial / spread if spread > 0 and binomial > 0 else 1.0)


def label_of(what: str, kind: str, *, brief: bool) -> str:
    """Name a line of the table; in brief all effects of an index, and all drugs, are one."""
    if brief:
        method, _, level = kind.partition(" ")
        level = "at an effect" if level.startswith("fa=") else level
        level = "at any effect" if level.startswith("any fa=") else level
        if method.startswith("dose_reduction"):
            level = "all"
        kind = f"{method.replace('_', ' ')}, {level}"
    return f"called synergistic: {kind}" if what == "called" else kind


def table(out: Path, *, brief: bool) -> None:
    """Print a Markdown table of everything in the file."""
    cells: dict[tuple[str, str, str], dict[int, dict[str, list[float]]]] = {}
    plates: dict[tuple[str, int], int] = defaultdict(int)
    for record in _records(out):
        plates[record["scenario"], record["wells"]] += record["plates"]
        for what in ("held", "called"):
            for kind, part in record[what].items():
                if brief and kind[0] in "~?!":
                    continue
                label = label_of(what, kind, brief=brief)
                at = cells.setdefault((record["scenario"], what, label), {})
                entry = at.setdefault(record["wells"], {}).setdefault(kind, [0, 0, 0, 0])
                entry[:] = [a + b for a, b in zip(entry, part, strict=True)]
    sizes = sorted({n for at in cells.values() for n in at})
    print("| truth and design | % of intervals that hold, or of plates | "
          + " | ".join(f"n = {n}" for n in sizes) + " |")  # fmt: skip
    print("| --- | --- |" + " --- |" * len(sizes))
    order = [scenario.name for scenario in scenarios()]
    last = ""
    for name, what, label in sorted(cells, key=lambda c: (order.index(c[0]), c[1] == "called", c)):
        if name != last:
            counts = " | ".join(f"{plates[name, n]} plates" for n in sizes)
            print(f"| **{name}** | | {counts} |")
            last = name
        texts = []
        for n in sizes:
            entries = list(cells[name, what, label].get(n, {}).values())
            if not entries:
                texts.append("")
                continue
            # Lines that were put together hang together: their plates count once.
            sums = [sum(part) / len(entries) for part in zip(*entries, strict=True)]
            mean, low, high = (100 * v for v in interval(*sums[:3]))
            texts.append(f"{mean:.1f} ({low:.1f}-{high:.1f})")
        print(f"| | {label} | " + " | ".join(texts) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="file of counts")
    parser.add_argument("--plates", type=int, default=100)
    parser.add_argument("--wells", type=int, nargs="+", default=[3])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="truths whose name contains this; |: or")
    parser.add_argument("--first", type=int, help="only so many truths of the list")
    parser.add_argument("--share", default="0/1", help="this process's part of the batches: 0/2")
    parser.add_argument("--curves", action="store_true", help="fit dose-response curves as well")
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    parser.add_argument("--all", action="store_true", help="with --table: rarer lines too")
    chosen = parser.parse_args()
    if chosen.table:
        table(chosen.out, brief=not chosen.all)
        return
    first, _, of = chosen.share.partition("/")
    for scenario in itertools.islice(scenarios(), chosen.first):
        if any(word in scenario.name for word in chosen.only.split("|")):
            for wells in chosen.wells:
                run(scenario, wells, chosen.plates, chosen.seed, chosen.out,
                    (int(first), int(of)), curves=chosen.curves)  # fmt: skip


if __name__ == "__main__":
    main()
