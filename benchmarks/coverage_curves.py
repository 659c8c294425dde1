"""How often the interval of an EC50 holds the truth, for curves steep or shallow, whole or cut off.

    python benchmarks/coverage_curves.py [--plates 1000] [--wells 3 4 6] [--out FILE]

Every line simulates plates of one drug with a known curve (vehicle wells and some doses, threefold
apart unless said) and fits them through `dose_response_table`. `holds`: the interval holds the
true EC50 (absolute IC50, plateau, effect at the highest dose), an end that the table leaves open
counting as endless. `open`: intervals without an upper bound. `beyond`: EC50 given as "> highest
dose". `flat`: no dose response seen. Shares have their 95 % Monte Carlo interval.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from simulated_plates import wilson

from spheroid_qc.response.curves.dose_response import dose_response_table
from spheroid_qc.response.response_table import read_responses
from spheroid_qc.response.synergy.loewe import HillCurve


@dataclass(frozen=True)
class Truth:
    """A curve and how its wells scatter; `vehicle`: whether there are vehicle wells."""

    name: str
    curve: HillCurve
    doses: tuple[float, ...]
    noise: str = "additive"
    sd: float = 0.05
    vehicle: bool = True


SHARES = ("holds", "ic50 holds", "emax holds", "top holds")
NORMALISED = {"normalised": "mean", "both": "median", "one": "mean", "mean": "mean"}
"""What is stated of scatters that were normalised to vehicle wells."""

SEVEN = tuple(3.0 ** np.arange(-3, 4))
SIX = tuple(2.0 ** (np.arange(6) - 2.5))
TRUTHS = (
    Truth("slope 1.5", HillCurve(1.3, 1.5), SEVEN),
    Truth("shallow, slope 0.7", HillCurve(1.3, 0.7), SEVEN),
    Truth("steep, slope 4", HillCurve(1.3, 4.0), SEVEN),
    Truth("very steep, slope 8", HillCurve(1.3, 8.0), SEVEN),
    Truth("six doses twofold apart, slope 1", HillCurve(1.0, 1.0), SIX),
    Truth("ends at 0.6", HillCurve(1.3, 1.5, 0.6), SEVEN),
    Truth("end not reached: EC50 at the last dose but one", HillCurve(9.0, 1.2), SEVEN),
    Truth("EC50 threefold beyond the last dose", HillCurve(81.0, 1.2), SEVEN),
    Truth("signal noise", HillCurve(1.3, 1.5), SEVEN, "signal", 0.1),
    Truth("normalised to the vehicle", HillCurve(1.3, 1.5), SEVEN, "normalised"),
    Truth("cut off at 0 and 1", HillCurve(1.3, 1.5), SEVEN, "clipped"),
    Truth("sd 0.1", HillCurve(1.3, 1.5), SEVEN, "additive", 0.1),
    Truth("no vehicle wells", HillCurve(1.3, 1.5), SEVEN, vehicle=False),
    Truth("normalised to the vehicle's median, then cut off", HillCurve(1.3, 1.5), SEVEN, "both"),
    Truth("normalised to one vehicle well", HillCurve(1.3, 1.5), SEVEN, "one"),
    Truth("normalised to the mean, then cut off and rounded", HillCurve(1.3, 1.5), SEVEN, "mean"),
)


def plate(truth: Truth, wells: int, rng: np.random.Generator) -> pd.DataFrame:
    """Simulate one drug as a tidy table of fractions affected."""
    vehicles = 1 if truth.noise == "one" else max(wells, 4)
    dose = np.concatenate([np.zeros(vehicles), np.repeat(truth.doses, wells)])
    true = np.where(dose > 0, truth.curve.effect(dose), 0.0)
    noise = truth.sd * rng.standard_normal(len(dose))
    effect = true + noise
    if truth.noise == "signal":
        effect = 1 - (1 - true) * (1 + noise)
    elif truth.noise == "clipped":
        effect = np.clip(effect, 0, 1)
    elif truth.noise in ("normalised", "both", "one", "mean"):
        signal = 1 - true + noise
        effect = 1 - signal / signal[:vehicles].mean()
        if truth.noise == "both":
            effect = np.clip(1 - signal / np.median(signal[:vehicles]), 0, 1)
        elif truth.noise == "mean":
            effect = np.clip(effect, 0, 1).round(3)
    table = pd.DataFrame({"drug_1": "x", "dose_1_um": dose, "response": effect})
    return table if truth.vehicle else table[dose > 0]


def examine(truth: Truth, wells: int, plates: int, seed: int) -> dict[str, object]:
    """Count over plates of one truth."""
    counts = dict.fromkeys((*SHARES, "open", "beyond", "flat", "given", "ic50"), 0)
    for number in range(plates):
        rng = np.random.default_rng([seed, TRUTHS.index(truth), wells, number])
        responses = read_responses(
            plate(truth, wells, rng), reference=NORMALISED.get(truth.noise, "")
        )
        line = dose_response_table(responses).iloc[0]
        if not np.isfinite(line["ec50_um"]):
            counts["flat"] += 1
            continue
        low, high = line["ec50_low_um"], line["ec50_high_um"]
        counts["given"] += 1
        counts["holds"] += bool(not low > truth.curve.ec50 and not high < truth.curve.ec50)
        bottom, top = line["emax_low"], line["emax_high"]
        counts["emax holds"] += bool(not bottom > truth.curve.emax and not top < truth.curve.emax)
        reached = float(truth.curve.effect(max(truth.doses)))
        bottom, top = line["effect_at_top_low"], line["effect_at_top_high"]
        counts["top holds"] += bool(not bottom > reached and not top < reached)
        counts["open"] += bool(np.isnan(high))
        counts["beyond"] += line["ec50_qualifier"] == ">"
        if truth.curve.emax > 0.5 and not line["ic50_abs_qualifier"]:
            half = truth.curve.ec50 * (0.5 / (truth.curve.emax - 0.5)) ** (1 / truth.curve.hill)
            low, high = line["ic50_abs_low_um"], line["ic50_abs_high_um"]
            counts["ic50"] += 1
            counts["ic50 holds"] += bool(not low > half and not high < half)
    return {"truth": truth.name, "wells": wells, "plates": plates, **counts}


def show(found: dict) -> str:
    """Write one line of the table."""

    def share(part: str, whole: str) -> str:
        if not found[whole]:
            return ""
        mean, low, high = (100 * v for v in wilson(found[part], found[whole]))
        return f"{mean:.1f} ({low:.1f}-{high:.1f})"

    cells = [found["truth"], str(found["wells"]), str(found["plates"]), share("holds", "given"),
             share("ic50 holds", "ic50"), share("emax holds", "given"),
             share("top holds", "given")]  # fmt: skip
    cells += [f"{100 * found[k] / found['plates']:.1f}" for k in ("open", "beyond", "flat")]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--plates", type=int, default=200)
    parser.add_argument("--wells", type=int, nargs="+", default=[3, 4, 6])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path, help="file of counts, one line each; continued")
    chosen = parser.parse_args()
    print("| curve | n | plates | EC50 holds, % | absolute IC50 holds, % | emax holds, % "
          "| effect at the highest dose holds, % | open | beyond | flat |")  # fmt: skip
    print("| --- |" + " --- |" * 9)
    known = {}
    if chosen.out is not None and chosen.out.exists():
        for text in chosen.out.read_text().splitlines():
            found = json.loads(text)
            known[found["truth"], found["wells"], found["plates"]] = found
    for truth in TRUTHS:
        for wells in chosen.wells:
            if chosen.only not in truth.name:
                continue
            found = known.get((truth.name, wells, chosen.plates))
            if found is None:
                found = examine(truth, wells, chosen.plates, chosen.seed)
                if chosen.out is not None:
                    with chosen.out.open("a") as file:
                        file.write(json.dumps(found, default=int) + "\n")
            print(show(found), flush=True)


if __name__ == "__main__":
    main()
