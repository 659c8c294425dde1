"""How long the drug response of a full 384-well plate with 24 times takes, from its tables.

    .venv/bin/python benchmarks/analysis_speed.py [--times 24] [--keep FOLDER]

Simulates the tables of a run (three drugs alone at eight doses, in pairs and all together, four
wells a condition, with vehicle and positive control), then measures the processor's and the
wall's time of everything `spheroid-qc analyse` does.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from spheroid_qc import Parameters, __version__, analyse
from spheroid_qc.atomic import write_json
from spheroid_qc.follow.change_against_references import versus_vehicle
from spheroid_qc.follow.spheroid_states import assign_states
from spheroid_qc.response.condition_summary import summarise_conditions
from spheroid_qc.tables.csv_writer import write_table

DRUGS = {"selinexor": 0.3, "gemcitabine": 0.03, "nab-paclitaxel": 0.01}
NAMES = [f"{row}{column:02d}" for row in "ABCDEFGHIJKLMNOP" for column in range(1, 25)]


def treatments() -> list[dict[str, float]]:
    """384 wells: 32 vehicle, 16 positive controls, 96 single, 192 pairs, 48 triples."""
    wells: list[dict[str, float]] = [{}] * 32 + [{"staurosporine": 1.0}] * 16
    for drug, middle in DRUGS.items():
        wells += [{drug: middle * 2.0**k} for k in range(-4, 4) for _ in range(4)]
    for one, two in itertools.combinations(DRUGS, 2):
        for a, b in itertools.product((-2, -1, 0, 1), repeat=2):
            wells += [{one: DRUGS[one] * 2.0**a, two: DRUGS[two] * 2.0**b}] * 4
    for k in range(-3, 3):
        wells += [{drug: middle * 2.0**k for drug, middle in DRUGS.items()}] * 8
    return wells


def wells_table(times: int, seed: int = 0) -> pd.DataFrame:
    """Simulate `wells.csv`."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(384)
    hours = np.linspace(0, 72, times)
    rows = []
    for place, treatment in zip(order, treatments(), strict=True):
        size = rng.normal(370, 10)
        kept = whole = 1.0
        for drug, dose in treatment.items():
            reached = dose**1.5 / (dose**1.5 + DRUGS.get(drug, 0.01) ** 1.5)
            kept *= 1 - 0.7 * reached
            whole *= 1 - (0.9 if drug == "staurosporine" else 0.5) * reached
        row, column = divmod(int(place), 24)
        line: dict[str, object] = {"plate": "P1", "well": NAMES[place]}
        line |= {"row": chr(ord("A") + row), "column": column + 1}
        names = [f"{drug} {dose:.6g} uM" for drug, dose in treatment.items()]
        role = "treated" if treatment else "vehicle"
        role = "positive_control" if "staurosporine" in treatment else role
        line |= {"condition": " + ".join(names) or "vehicle", "role": role}
        for slot, (drug, dose) in enumerate(treatment.items(), start=1):
            line |= {f"drug_{slot}": drug, f"dose_{slot}_um": dose}
            line |= {f"dose_{slot}": dose, f"unit_{slot}": "uM"}
        for index, hour in enumerate(hours):
            done = hour**2 / (hour**2 + 36**2) * (72**2 + 36**2) / 72**2
            volume = (1 + 0.05 * hour / 24) * (1 - (1 - kept) * done) * np.exp(rng.normal(0, 0.02))
            df = float(np.clip(0.02 + 0.98 * (1 - whole) * done + rng.normal(0, 0.01), 0, 1))
            area = np.pi / 4 * size**2 * volume ** (2 / 3)
            rows.append(
                line
                | {
                    "time_h": hour, "timepoint": index, "time_since_dose_h": hour,
                    "n_spheroids": 1, "core_area_um2": area, "core_area_px": area / 1.69,
                    "total_area_um2": area / (1 - df), "total_area_px": area / (1 - df) / 1.69,
                    "equivalent_diameter_um": np.sqrt(4 * area / np.pi),
                    "volume_um3": 4 / 3 * np.pi * (area / np.pi) ** 1.5,
                    "circularity": 0.9, "solidity": 0.97,
                    "disintegration_fraction": df, "disintegration_index": np.tanh(df),
                    "is_t0": index == 0, "scorable": True,
                    "reference_group": "", "stratum": "", "schedule": "", "flags": "",
                    "file": "x.tif", "state": "intact",
                }
            )  # fmt: skip
    table = pd.DataFrame(rows).sort_values(["plate", "well", "time_h"], ignore_index=True)
    first = table.index.to_series().groupby(table["well"]).transform("min")
    table["state"] = assign_states(table, first, Parameters().states)
    area = table["core_area_um2"]
    table["core_volume_loss_vs_t0"] = 1 - (area / area.loc[first].to_numpy()) ** 1.5
    table = table.join(versus_vehicle(table))
    return table.drop(columns=["timepoint", "scorable", "reference_group"])


def write_run(folder: Path, times: int) -> None:
    """Write the tables that `spheroid-qc analyse` reads."""
    wells = wells_table(times)
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / "wells.csv", wells)
    write_table(folder / "conditions.csv", summarise_conditions(wells))
    columns = ["plate", "well", "time_h", "code", "severity", "title", "detail", "advice", "file"]
    write_table(folder / "qc.csv", pd.DataFrame(columns=columns))
    known = {"version": __version__, "parameters": Parameters().model_dump(mode="json")}
    write_json(folder / "run.json", known | {"inputs": [], "join": None, "status": "done"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=24)
    parser.add_argument("--keep", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        write_run(folder, options.times)
        wall, processor = time.perf_counter(), time.process_time()
        result = analyse(folder)
        print(
            f"384 wells, {options.times} times: {time.perf_counter() - wall:.1f} s, "
            f"{time.process_time() - processor:.1f} s of one processor; "
            f"{len(result.analysis.synergy)} rows of synergy"
        )
        for finding in result.analysis.verdict.about("combination"):
            print(finding.sentence)


if __name__ == "__main__":
    main()
