"""Tables of responses for the tests, and the command line on them."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ORACLES = Path(os.environ.get("SPHEROID_QC_SHARED", "/nowhere")) / "oracles"
FULL = {"pac": "paclitaxel", "cis": "cisplatin", "top": "topotecan"}


def oracle(name: str) -> Path:
    """A file with published answers; the test is skipped where there is none."""
    path = ORACLES / name
    if not path.is_file():
        pytest.skip("SPHEROID_QC_SHARED names no folder with oracles")
    return path


def chou_rows() -> pd.DataFrame:
    """Single agents and doublets of Chou et al. 1994, table 3, as a tidy table of fa."""
    known = json.loads(oracle("chou1994_table3.json").read_text("utf-8"))
    rows = [
        {"drug_1": drug, "dose_1_um": dose, "response": fa}
        for drug, series in known["single"].items()
        for dose, fa in zip(series["D"], series["fa"], strict=True)
    ]
    for name, series in known["combo"].items():
        first, second = name.split("+")
        given = next(key for key in series if key.startswith("D_"))[2:]
        share = series["ratio"][1] / series["ratio"][0]
        for dose, fa in zip(series[f"D_{given}"], series["fa"], strict=True):
            one, two = (dose, dose * share) if given == first else (dose / share, dose)
            rows.append(
                {
                    "drug_1": FULL[first], "dose_1_um": one, "drug_2": FULL[second],
                    "dose_2_um": two, "response": fa,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def hill(dose: float, ec50: float, slope: float) -> float:
    return dose**slope / (dose**slope + ec50**slope)


def bliss_plate(
    *, n: int = 3, sd: float = 0.02, seed: int = 0, boost: float = 0.0, drugs: str = "abc"
) -> pd.DataFrame:
    """Vehicle, each drug alone, pairs and all of them; independent but for `boost`, in wells."""
    rng = np.random.default_rng(seed)
    middle = dict(zip(drugs, (1.0, 0.1, 3.0), strict=False))
    rows: list[dict[str, object]] = []
    for size in range(len(drugs) + 1):
        for chosen in itertools.combinations(drugs, size):
            for level in (0.25, 0.5, 1.0, 2.0) if size else (1.0, 1.0):
                for _ in range(n):
                    kept, row = 1.0, {}
                    for slot, drug in enumerate(chosen, start=1):
                        dose = level * middle[drug]
                        row |= {f"drug_{slot}": drug, f"dose_{slot}_um": dose}
                        kept *= 1 - hill(dose, middle[drug], 1.5)
                    fa = 1 - kept + (boost if size > 1 else 0.0) + rng.normal(0, sd)
                    rows.append(row | {"response": fa})
    order = [f"{w}{s}" for s in range(1, len(drugs) + 1) for w in ("drug_", "dose_")]
    columns = [f"{c}_um" if c.startswith("dose") else c for c in order]
    table = pd.DataFrame(rows)[[*columns, "response"]]
    names = [f"{r}{c:02d}" for r in "ABCDEFGHIJKLMNOP" for c in range(1, 25)]
    table.insert(0, "well", names[: len(table)])
    return table
