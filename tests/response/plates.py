"""Small tables of wells with known answers."""

from __future__ import annotations

import numpy as np
import pandas as pd


def well_names(n: int, row: str = "B") -> list[str]:
    return [f"{chr(ord(row) + i // 10)}{i % 10 + 2:02d}" for i in range(n)]


def groups(values: dict[str, list[float]], plate: str = "P", **columns: object) -> pd.DataFrame:
    """One row a well; the condition `vehicle` is the vehicle, `positive...` a positive control."""
    conditions = [name for name, found in values.items() for _ in found]
    role = [
        "vehicle" if c.startswith("vehicle") else
        "positive_control" if c.startswith("positive") else "treated"
        for c in conditions
    ]  # fmt: skip
    flat = [v for found in values.values() for v in found]
    table = pd.DataFrame(
        {
            "plate": plate,
            "well": well_names(len(flat)),
            "condition": conditions,
            "role": role,
            "value": np.array(flat, dtype=float),
        }
    )
    return table.assign(**columns)


def series(
    volumes: dict[str, list[float]], times: list[float], condition: str, role: str = "treated"
) -> pd.DataFrame:
    """Rows of wells over time; the first time is time zero."""
    lines = [
        {
            "plate": "P",
            "well": well,
            "time_h": t,
            "time_since_dose_h": t - times[0],
            "is_t0": t == times[0],
            "condition": condition,
            "role": role,
            "state": "intact",
            "volume_um3": v,
            "disintegration_fraction": 0.1,
        }
        for well, found in volumes.items()
        for t, v in zip(times, found, strict=True)
    ]
    return pd.DataFrame(lines)


def shuffled(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    return table.sample(frac=1, random_state=seed)
