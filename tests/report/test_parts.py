"""Small parts of the report: outlines, times, colours, words, downloads, families."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spheroid_qc.analysis.metric_names import METRICS, metric_of
from spheroid_qc.analysis.run_folder_analysis import analyse_wells
from spheroid_qc.analysis.treatment_families import MOST_IN_ONE, families_of
from spheroid_qc.analysis.verdict.headline import headline
from spheroid_qc.analysis.verdict.run_summary import condition_lines
from spheroid_qc.parameters import Parameters, ResponseParameters
from spheroid_qc.report import overview
from spheroid_qc.report.downloadable_tables import downloads
from spheroid_qc.report.film_strips import GRID, outline_paths
from spheroid_qc.report.page_pictures import chosen_times
from spheroid_qc.report.palette import DIVERGING, PALETTE, SEQUENTIAL, step_of, with_variables
from spheroid_qc.report.plate_heat_map import plate_data, plate_views, shown_metrics
from spheroid_qc.report.report_tables import dose_listing
from spheroid_qc.response.condition_summary import summarise_conditions
from spheroid_qc.wording import dose_words, interval, number, p_words, percent, signed
from tests.analysis.plates import exact_wells


def points_of(path: str) -> np.ndarray:
    """Absolute corners of a path, pixels."""
    found = []
    for start, moves in re.findall(r"M([-\d ]+)l([-\d ]+)z", path):
        at = np.array([int(v) for v in start.split()])
        steps = np.array([int(v) for v in moves.split()]).reshape(-1, 2)
        found.append(np.vstack([at, at + np.cumsum(steps, axis=0)]) / GRID)
    return np.vstack(found)


@pytest.mark.parametrize("radius", [4.0, 12.5, 40.0])
def test_outline_lies_on_the_rim(radius: float) -> None:
    y, x = np.mgrid[:112, :112] + 0.5
    disc = (np.hypot(y - 56, x - 50) <= radius).astype(float)
    corners = points_of(outline_paths(disc))
    away = np.hypot(corners[:, 1] - 56, corners[:, 0] - 50)
    assert np.abs(away - radius).max() < 1.0
    assert len(corners) < 2.8 * np.pi * radius + 20  # fewer than a corner a pixel


def test_outline_of_nothing_and_of_everything() -> None:
    assert outline_paths(np.zeros((20, 20))) == ""
    assert outline_paths(np.full((20, 20), np.nan)) == ""
    corners = points_of(outline_paths(np.ones((20, 20))))
    assert corners.min() >= -0.5
    assert corners.max() <= 20.5


def test_times_that_are_shown() -> None:
    assert chosen_times(6, 60) == tuple(range(6))
    many = chosen_times(24, 96, keep=(3,))
    assert {0, 3, 23} <= set(many)
    assert len(many) <= 1500 // 96 < 24
    assert max(np.diff(many)) <= 3
    assert len(chosen_times(24, 384)) >= 3
    assert len(chosen_times(500, 3000)) <= 3
    assert chosen_times(1, 96) == (0,)


def lightness(colour: str) -> float:
    """CIE L* of a colour."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return 116 * np.cbrt(y) - 16 if y > 0.008856 else 903.3 * y


@pytest.mark.parametrize(("scheme", "sign"), [(0, -1), (1, 1)])
def test_ramps_are_read_by_lightness_alone(scheme: int, sign: int) -> None:
    ramp = [lightness(PALETTE[f"s{n}"][scheme]) for n in range(11)]
    assert (sign * np.diff(ramp) > 2).all()
    doses = [lightness(PALETTE[f"t{n}"][scheme]) for n in range(6)]
    assert (sign * np.diff(doses) > 5).all()
    both = [lightness(PALETTE[f"d{n}"][scheme]) for n in range(11)]
    middle = both[5]
    assert all(sign * (both[n] - middle) > 0 for n in range(11) if n != 5)


def test_colours_become_variables() -> None:
    assert len({pair[0] for pair in PALETTE.values()}) == len(PALETTE)
    assert with_variables(f"fill: {SEQUENTIAL[3]}; stroke: {DIVERGING[0]}") == (
        "fill: var(--s3); stroke: var(--d0)"
    )


def test_steps_of_a_ramp() -> None:
    assert [step_of(v, 0, 1) for v in (-1, 0, 0.049, 0.051, 0.5, 1, 2)] == [0, 0, 0, 1, 5, 10, 10]
    assert step_of(float("nan"), 0, 1) is None
    assert step_of(1.0, 1, 1) is None


def test_words() -> None:
    assert dose_words(0.027) == "27 nM"
    assert dose_words(0.1) == "0.1 µM"
    assert dose_words(1500) == "1.5 mM"
    assert dose_words(0.00005) == "50 pM"
    assert dose_words(2.0, "Gy") == "2 Gy"
    assert number(float("nan")) == number(None) == number("text") == "–"
    assert number(-0.01234) == "−0.0123"
    assert number(123456) == "123000"
    assert percent(-0.001) == "0 %"
    assert percent(-0.123) == "−12 %"
    assert interval(0.1, None) == "0.10 to no bound"
    assert interval(None, float("nan")) == ""
    assert interval(-0.00001, 0.5) == "0.00 to 0.50"  # no minus before nothing
    assert interval(-0.001, 0.5) == "−0.001 to 0.50"  # which is not nothing
    assert (signed(-0.001), signed(-0.12)) == ("+0.00", "−0.12")
    assert p_words(1e-9) == "< 0.0001"


def test_downloads_are_the_files(tmp_path: Path) -> None:
    (tmp_path / "conditions.csv").write_text("a,b\n1,2\n")
    rng = np.random.default_rng(0)
    noise = rng.integers(33, 126, 400_000).astype(np.uint8).tobytes()
    (tmp_path / "spheroids.csv").write_bytes(noise)
    (tmp_path / "wells.csv").write_bytes(noise * 20)  # too large for the page
    found = downloads([tmp_path])
    assert found == downloads([tmp_path])
    by_name = {one.name: one for one in found}
    assert list(by_name) == ["tables.zip", "conditions.csv", "wells.csv", "spheroids.csv"]
    assert by_name["conditions.csv"].uri
    assert not by_name["spheroids.csv"].uri  # in the archive only
    assert not by_name["spheroids.csv"].beside
    assert by_name["wells.csv"].beside
    packed = base64.b64decode(by_name["tables.zip"].uri.partition(",")[2])
    archive = zipfile.ZipFile(io.BytesIO(packed))
    assert archive.namelist() == ["conditions.csv", "spheroids.csv"]
    assert all(entry.date_time == (1980, 1, 1, 0, 0, 0) for entry in archive.infolist())


def conditions(*rows: tuple[str, str, str | None, float, str | None, float]) -> pd.DataFrame:
    columns = ["condition", "role", "drug_1", "dose_1_um", "drug_2", "dose_2_um"]
    return pd.DataFrame(rows, columns=columns)


def test_families_are_drugs_by_dose() -> None:
    table = conditions(
        ("vehicle | X", "vehicle", None, np.nan, None, np.nan),
        ("a 10 uM | X", "treated", "a", 10.0, None, np.nan),
        ("a 2 uM | X", "treated", "a", 2.0, None, np.nan),
        ("a 2 uM + b 0.01 uM | X", "treated", "a", 2.0, "b", 0.01),
    ).assign(stratum="X")
    found = families_of(table)
    assert [f.title for f in found] == ["a", "a + b"]
    assert found[0].names == ("a 2 uM | X", "a 10 uM | X")
    assert found[0].labels["a 10 uM | X"] == "10 µM"
    assert found[1].labels["a 2 uM + b 0.01 uM | X"] == "2 µM + 10 nM"
    assert {f.vehicle for f in found} == {"vehicle | X"}


def test_large_families_are_split_and_complete() -> None:
    rows = [("vehicle", "vehicle", None, np.nan, None, np.nan)]
    rows += [
        (f"a {i} uM + b {j} uM", "treated", "a", float(i), "b", float(j))
        for i in range(1, 9)
        for j in range(1, 9)
    ]
    found = families_of(conditions(*rows))
    assert all(len(f.names) <= MOST_IN_ONE for f in found)
    assert sorted(n for f in found for n in f.names) == sorted(r[0] for r in rows[1:])
    assert len({f.title for f in found}) == len(found)


def test_strata_keep_their_own_vehicle() -> None:
    table = conditions(
        ("vehicle | X", "vehicle", None, np.nan, None, np.nan),
        ("vehicle | Y", "vehicle", None, np.nan, None, np.nan),
        ("a 1 uM | X", "treated", "a", 1.0, None, np.nan),
        ("a 1 uM | Y", "treated", "a", 1.0, None, np.nan),
    ).assign(stratum=["X", "Y", "X", "Y"])
    assert {f.title: f.vehicle for f in families_of(table)} == {
        "a (X)": "vehicle | X", "a (Y)": "vehicle | Y",
    }  # fmt: skip


@pytest.fixture
def wells() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "plate": "P1",
            "well": ["A01", "A01", "A02", "A02", "P24", "P24"],
            "time_h": [0.0, 24.0] * 3,
            "condition": ["vehicle", "vehicle", "a 1 uM", "a 1 uM", "blank", "blank"],
            "role": ["vehicle", "vehicle", "treated", "treated", "blank", "blank"],
            "state": ["intact", "intact", "intact", "unscorable", "never_formed", "never_formed"],
            "disintegration_fraction": [0.01, 0.02, 0.0, 0.7, np.nan, np.nan],
            "constant": 3.0,
            "reach": [0.9512345, 1.0, 1.1, 1.2, np.nan, np.nan],
        }
    )


def test_plate_data_hold_every_metric_and_time(wells: pd.DataFrame) -> None:
    metrics = shown_metrics(wells)
    assert [m.column for m in metrics] == ["disintegration_fraction", "reach"]
    none = pd.DataFrame(columns=["plate", "well", "time_h", "severity", "title"])
    data = plate_data(wells.sample(frac=1, random_state=1), metrics, {"a 1 uM": "a"}, none)
    (plate,) = data["plates"]
    assert plate["wells"] == ["A01", "A02", "P24"]
    assert plate["times"] == [0.0, 24.0]
    assert plate["values"]["reach"] == [[0.951, 1], [1.1, 1.2], [None, None]]
    assert plate["values"]["disintegration_fraction"][1] == [0, 0.7]
    named = [data["conditions"][n] for n in plate["condition"]]
    assert named == ["vehicle", "a", "blank"]


def test_a_well_that_is_left_out_has_a_sign_and_no_colour(wells: pd.DataFrame) -> None:
    (view,) = plate_views(wells, metric_of("disintegration_fraction"), 24.0, {})
    looks = {w["well"]: (w["cls"], w["sign"]) for w in view.wells}
    assert looks == {"A01": ("s0", ""), "A02": ("none", "?"), "P24": ("none", "")}
    assert len(view.columns) == 24
    assert len(view.rows) == 16


def test_title_column_and_terminal_count_alike_and_in_the_unit_given() -> None:
    """What one frame shows is said in the same words in title, page and terminal, doses in nM."""
    wells = exact_wells()
    drugs = ["drug_1", "drug_2", "drug_3"]
    wells = wells[~(wells[drugs] == "nab-paclitaxel").any(axis=1)].reset_index(drop=True)
    alone = wells.loc[(wells["drug_1"] == "gemcitabine") & wells["drug_2"].isna(), "condition"]
    name = sorted(alone.unique())[-1]
    last = (wells["condition"] == name) & (wells["time_h"] == wells["time_h"].max())
    wells.loc[last, ["state", "disintegration_fraction"]] = ["disintegrated", 0.8]
    answer = analyse_wells(
        wells, summarise_conditions(wells), Parameters(response=ResponseParameters(resamples=200)),
        source="run", given_units={"gemcitabine": "nM"},
    )  # fmt: skip
    dose = float(name.split()[1])
    shown = f"gemcitabine {1000 * dose:.6g} nM"
    n = int(last.sum())
    said = f"0 of {n}, {n} only in the last frame"
    families = families_of(answer.conditions, wells, answer.given_units)
    _, lines, _ = overview.condition_lines(answer, families, METRICS["disintegration_fraction"], "")
    (line,) = [one for one in lines if one.title == shown]
    assert said in line.cells
    terminal = condition_lines(answer.conditions, wells, answer.survival, answer.given_units)
    assert any(text.startswith(shown) and said in text for text in terminal)
    assert re.search("gemcitabine.* only in the last frame", headline(answer, families)[0])
    (finding,) = [f for f in answer.verdict.about("falls_apart") if f.subject == shown]
    assert f"0 of {n} spheroids fell apart, {n} only in the last frame" in finding.sentence
    (family,) = [one for one in families if name in one.names]
    assert family.labels[name] == f"{1000 * dose:.3g} nM"
    listing = dose_listing(answer)
    assert listing is not None
    assert "nM" in {row["cells"][listing.headings.index("unit")] for row in listing.rows}
