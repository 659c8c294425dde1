"""How often 95 % intervals hold, how often nothing is called synergy, and how often synergy is.

Plates are simulated from known curves and a known interaction, with 3, 4 or 6 wells a
condition, analysed like any other table, and compared with the truth:

    python benchmarks/coverage_synergy.py --out FILE --plates 400 --wells 3 4 6 --only WORD
    python benchmarks/coverage_synergy.py --out FILE --table

Counts are appended to FILE after every batch of plates, all truths and numbers of wells in turn,
and a run that was stopped continues there; `--share 0/4` to `3/4` divide it over processes that
write to the same file. Plate number p of a truth is the same whoever simulates it. The table gives
the share of intervals that hold the truth (wanted: 92 to 98 %), the share of plates that are called
synergistic although the method's own null holds (at most 5 %), and the power: the share that are
called so where the true excess over that null is 0.1 or 0.2 on average (`--excess`), each with its
Monte Carlo interval (lines of one plate hang together: plates are the units). Calls are those of
column `call`, slight ones too, and of the most synergistic area beside the mean and single doses;
of methods that refuse an interval the share of plates without one stands there too.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from simulated_plates import Scenario, scenarios, wilson

from spheroid_qc.parameters import ResponseParameters
from spheroid_qc.response.conditions import conditions
from spheroid_qc.response.response_table import read_responses
from spheroid_qc.response.synergy.excess_over_expected import areas_of
from spheroid_qc.response.synergy.synergy_table import combination_rows

BATCH = 20
SETTINGS = ResponseParameters(resamples=1000)
NORMALISED = {"normalised": "mean", "one vehicle": "mean", "images": "median"}
"""What is stated of scatters that were normalised to vehicle wells."""

SYNERGY = ("more", "slightly_more")
"""Words of column `call` that say synergy; one that is small is one."""

REFUSING = ("loewe_excess", "combination_index")
"""Methods that give no interval where the drugs alone have no curve, or none of their form."""

NO_INTERVAL = "no interval of the mean: "

Counts = dict[str, list[float]]


def count_plate(scenario: Scenario, table: pd.DataFrame, held: Counts, called: Counts) -> None:
    """Add one plate: per kind of line its share of intervals that hold, and false calls.

    Each entry gets [plates, sum of shares, sum of squared shares, lines].
    """
    inside: dict[str, list[bool]] = defaultdict(list)
    wrong: dict[str, bool] = {}
    refused: dict[str, bool] = {}
    lines = analysed(scenario, table)
    for line in lines:
        method, level, value = line["method"], line["level"], line["value"]
        low, high = line["low"], line["high"]
        if level == "mean" and method in REFUSING:
            refused[method] = bool(line.get("refused")) or not np.isfinite(low + high)
        if method in scenario.null:
            kind = f"{method} {level if level in ('mean', 'area') else f'any {level}'}"
            wrong[kind] = wrong.get(kind, False) or line["call"] in SYNERGY
            if level not in ("mean", "area"):
                alone = high < 1 if method == "combination_index" else low > 0
                inside[f"!{method} {level}, each without adjustment"].append(bool(alone))
        if not np.isfinite(value) or level == "surface":  # of which coverage_braid.py knows
            continue
        if level in ("mean", "area"):
            of = [r for r in lines if r["method"] == method and r["level"] == "dose"]
            true = true_mean(scenario, method, level, [r for r in of if np.isfinite(r["value"])])
        else:
            true = truth(scenario, method, level, line["fa"], line["doses"])
        if not np.isfinite(true):
            continue
        if np.isnan(low) and np.isnan(high):
            inside[f"?{method} {level} without an interval"].append(True)
            continue
        kind = method.rstrip("_123") + " " + level
        inside[kind].append(not low > true + 1e-12 and not high < true - 1e-12)
    for kind, values in inside.items():
        _add(held, kind, float(np.mean(values)), len(values))
    for kind, said in wrong.items():
        _add(called, kind, float(said), 1)
    for method, none in refused.items():
        _add(called, f"{NO_INTERVAL}{method}", float(none), 1)


def count_calls(scenario: Scenario, table: pd.DataFrame, called: Counts) -> None:
    """Add one plate with a true excess: which methods, each beyond its own null, call its mean."""
    for line in analysed(scenario, table):
        if line["method"] in scenario.null and line["level"] in ("mean", "area"):
            kind = f"{line['method']} {line['level']}"
            _add(called, kind, float(line["call"] in SYNERGY), 1)


def truth(scenario: Scenario, method: str, level: str, fa: float, doses: np.ndarray) -> float:
    """Give the true value of a line; of ZIP that of a plate without scatter."""
    if method != "zip_excess":
        return scenario.truth(method, level, fa, doses)
    if "zip" not in scenario._known:
        exact = replace(scenario, sd=0.0, noise="additive").plate(1, np.random.default_rng(0))
        found = [line for line in analysed(scenario, exact) if line["method"] == method]
        scenario._known["zip"] = {
            tuple(f["doses"]): f["value"] for f in found if f["level"] == "dose"
        }
    return scenario._known["zip"][tuple(doses)]


def true_mean(scenario: Scenario, method: str, level: str, lines: list[dict]) -> float:
    """Give the true mean over these doses, or that of the most synergistic area.

    Of an index the geometric mean, with the weights of the table.
    """
    doses = np.array([line["doses"] for line in lines])
    each = np.array([truth(scenario, method, "dose", np.nan, d) for d in doses])
    if level == "area":
        return float(each[areas_of(doses)].mean(axis=1).max())
    if method != "combination_index":
        return float(each.mean())
    fa = np.array([line["fa"] for line in lines])
    weight = (fa * (1 - fa)) ** 2 / lines[0]["relative"](fa)
    return float(np.exp(np.log(each) @ weight / weight.sum())) if (each > 0).all() else float("nan")


def analysed(scenario: Scenario, table: pd.DataFrame) -> list[dict]:
    """Lines of the synergy table for the combination of all drugs.

    Through the functions behind `synergy_table`, without what makes a table of them and without
    the doublets of a triple: they have truths of their own, and the machine has little time.
    """
    responses = read_responses(table, reference=NORMALISED.get(scenario.noise, ""))
    variance_model = conditions(responses.doses, responses.effect).variance_model
    columns = tuple(range(len(scenario.curves)))
    rows = combination_rows(responses, columns, variance_model, SETTINGS)
    return [row | {"relative": variance_model.relative} for row in rows]


def _add(counts: Counts, kind: str, share: float, lines: int) -> None:
    entry = counts.setdefault(kind, [0, 0.0, 0.0, 0])
    for i, part in enumerate((1, share, share**2, lines)):
        entry[i] += part


def run(cells: list[tuple[Scenario, int]], batches: range, seed: int, out: Path) -> None:
    """Simulate the batches that are not in the file yet and append their counts."""
    names = ("scenario", "wells", "excess", "seed", "batch")
    done = {tuple(record[name] for name in names) for record in _records(out)}
    for batch, (scenario, wells) in itertools.product(batches, cells):
        place = (scenario.name, wells, scenario.excess, seed, batch)
        if place in done or not scenario.reaches():
            continue
        held: Counts = {}
        called: Counts = {}
        start = time.perf_counter()
        for number in range(batch * BATCH, (batch + 1) * BATCH):
            rng = np.random.default_rng([seed, zlib.crc32(scenario.name.encode()), wells, number])
            plate = scenario.plate(wells, rng)
            if scenario.excess:
                count_calls(scenario, plate, called)
            else:
                count_plate(scenario, plate, held, called)
        record = dict(zip(names, place, strict=True)) | {
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


def label_of(what: str, kind: str, excess: float, *, brief: bool) -> str:
    """Name a line of the table; in brief all effects of an index, and all drugs, are one."""
    if kind.startswith(NO_INTERVAL):
        return kind.replace("_", " ")
    if excess:
        return f"power at an excess of {excess:g}: {kind.replace('_', ' ')}"
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
        if not record["excess"]:
            plates[record["scenario"], record["wells"]] += record["plates"]
        for what in ("held", "called"):
            for kind, part in record[what].items():
                if brief and kind[0] in "~?!":
                    continue
                label = label_of(what, kind, record["excess"], brief=brief)
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
    parser.add_argument("--plates", type=int, default=400)
    parser.add_argument("--excess", type=float, nargs="+", default=[0.0, 0.1, 0.2])
    parser.add_argument("--wells", type=int, nargs="+", default=[3])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="truths whose name contains this; |: or")
    parser.add_argument("--first", type=int, help="only so many truths of the list")
    parser.add_argument("--share", default="0/1", help="this process's part of the batches: 0/2")
    parser.add_argument("--table", action="store_true", help="print the table and stop")
    parser.add_argument("--all", action="store_true", help="with --table: rarer lines too")
    chosen = parser.parse_args()
    if chosen.table:
        table(chosen.out, brief=not chosen.all)
        return
    first, _, of = chosen.share.partition("/")
    cells = [
        (replace(scenario, excess=excess), wells)
        for scenario in itertools.islice(scenarios(), chosen.first)
        if any(word in scenario.name for word in chosen.only.split("|"))
        for excess in chosen.excess
        if not excess or "loewe_excess" in scenario.null or "bliss_excess" in scenario.null
        for wells in chosen.wells
    ]
    run(cells, range(int(first), chosen.plates // BATCH, int(of)), chosen.seed, chosen.out)


if __name__ == "__main__":
    main()
