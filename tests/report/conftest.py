"""A small plate whose names try to break out of the page, analysed; and a browser."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spheroid_qc import Parameters, run_plate
from spheroid_qc.analysis import Analysis, analyse_run_folder
from spheroid_qc.configuration import apply_overrides
from tests.report.browser import Browser, find_chromium
from tests.run.conftest import draw, write

SCRIPT = "sel</script><script>window.hit=1</script>"
IMAGE = 'gem"><img src=x onerror="window.hit=2">'
FORMULA = "$x^2$ {{7*7}} & <b>bold</b>"
HOURS = (0, 12, 24)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, or a skip that says how to get it."""
    program = find_chromium()
    if program is None:
        pytest.skip("no chromium: sudo apt-get install -y --no-install-recommends chromium")
    with Browser(program) as found:
        yield found


def treatment(row: int, column: int) -> tuple[str, str, str, str, str, str]:
    """Vehicle, two drugs alone at three doses, and together."""
    doses = ("0.1", "0.3", "1")
    if column < 3:
        return ("vehicle", "", "", "", "", "")
    at = doses[(column - 3) % 3]
    if row == 1:
        return ("treated", SCRIPT, at, "uM", "", "")
    if row == 2:
        return ("treated", IMAGE, at, "uM", "", "")
    return ("treated", SCRIPT, at, "uM", IMAGE, at)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-seven wells and three times; in one well the last file is no image."""
    root = tmp_path_factory.mktemp("report")
    plate = root / "plate <i>1"
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(
        ["well", "role", "drug", "dose", "unit", "drug_2", "dose_2", "unit_2", "cell_line"]
    )
    for row in (1, 2, 3):
        for column in range(9):
            role, drug, dose, unit, second, dose_2 = treatment(row, column)
            well = f"{'ABCD'[row]}{column + 2:02d}"
            unit_2 = unit if second else ""
            lines.writerow([well, role, drug, dose, unit, second, dose_2, unit_2, FORMULA])
            strength = (float(dose) if dose else 0.0) * (2.0 if second else 1.0)
            for step, hour in enumerate(HOURS):
                late = strength * step / 2
                image = draw(
                    44 - 10 * min(late, 1.6), shed=int(60 * min(late, 1.5)),
                    seed=100 * row + 10 * column + step,
                )  # fmt: skip
                write(plate / f"{well}_{hour}h.tif", image)
    (plate / "B05_24h.tif").write_bytes(b"no picture <script>window.hit=3</script>")
    (root / "map.csv").write_text(text.getvalue(), "utf-8")
    parameters = apply_overrides(Parameters(), {}, {})
    run_plate(plate, root / "map.csv", root / "out", parameters, workers=0)
    return root / "out"


@pytest.fixture(scope="session")
def analysis(run_folder: Path) -> Analysis:
    """What was found on it."""
    return analyse_run_folder(run_folder)


@pytest.fixture(scope="session")
def page(run_folder: Path) -> Path:
    """The page that the run wrote."""
    return run_folder / "report.html"


@pytest.fixture
def responses() -> pd.DataFrame:
    """A tidy table: two drugs and their combination at three doses, four wells each."""
    rng = np.random.default_rng(3)
    rows = []
    doses = (0.1, 0.3, 1.0)
    for first in (0.0, *doses):
        for second in (0.0, *doses):
            for _ in range(4):
                whole = 1 / (1 + (first / 0.4) ** 1.4) / (1 + (second / 0.3) ** 1.2)
                effect = 1 - whole ** (1.6 if first and second else 1.0)
                rows.append(("sel", first, "gem", second, effect + rng.normal(0, 0.02)))
    return pd.DataFrame(rows, columns=["drug_1", "dose_1_um", "drug_2", "dose_2_um", "response"])
