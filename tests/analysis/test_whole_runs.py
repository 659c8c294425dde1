"""A run ends with the drug response: the same bytes each time, and `analyse` makes them again."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import pytest

from spheroid_qc import Parameters, analyse, run_plate
from spheroid_qc.analysis.analysis_files import ANALYSIS_JSON, FILES
from spheroid_qc.configuration import apply_overrides
from spheroid_qc.errors import RequestError
from spheroid_qc.run.store.review_decisions import Exclusion, write_exclusions
from spheroid_qc.run.store.run_folder import RunFolder
from tests.run.conftest import write_plate

# What they all look at is made once and not once in every process.
pytestmark = pytest.mark.xdist_group("whole_runs")

MADE = {"dose_response.csv", "synergy.csv", "survival.csv", "plate_quality.csv",
        "comparisons.csv", "kinetics.csv", ANALYSIS_JSON}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "images"
    write_plate(folder)
    ends = "well,ATP\nB2,100\nB3,110\nB4,105\nC2,40\nC3,35\n"
    (folder.parent / "ends.csv").write_text(ends, "utf-8")
    return folder, result_of(folder)


def result_of(folder: Path, out: str = "out", join: bool = True, **settings):
    parameters = apply_overrides(
        Parameters(), {name.replace("__", "."): value for name, value in settings.items()}
    )
    return run_plate(
        folder, folder.parent / "map.csv", folder.parent / out, parameters,
        join=folder.parent / "ends.csv" if join else None, workers=0,
    )  # fmt: skip


def bytes_of(folder: Path) -> dict[str, bytes]:
    names = (*FILES.values(), ANALYSIS_JSON, "wells.csv")
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}


def test_the_run_leaves_the_tables_and_the_answer(run) -> None:
    _, result = run
    assert {path.name for path in result.out.iterdir()} >= MADE
    assert result.tables["synergy"] == result.out / "synergy.csv"
    assert result.analysis is not None
    assert [use.name for use in result.analysis.responses] == [
        "core_volume_loss_vs_vehicle", "df_excess_vs_vehicle", "ATP"
    ]  # fmt: skip
    assert json.loads((result.out / "run.json").read_text())["join"]["columns"] == ["ATP"]
    assert any("never formed a spheroid: D02" in note for note in result.analysis.notes)
    assert result.failures == ()


def test_analyse_makes_the_same_bytes_again(run, tmp_path, call) -> None:
    _, result = run
    before = bytes_of(result.out)
    copy = tmp_path / "copy"
    shutil.copytree(result.out, copy)
    status, out, _ = call("analyse", copy)
    assert status == 0
    assert "Drug response at 12 h" in out
    assert bytes_of(copy) == before
    status, *_ = call("analyze", result.out, "--out", tmp_path / "elsewhere")
    assert status == 0
    elsewhere = bytes_of(tmp_path / "elsewhere")
    assert elsewhere == {name: text for name, text in before.items() if name != "wells.csv"}


def test_analyse_says_when_decisions_are_newer_than_the_tables(run, tmp_path, call) -> None:
    _, result = run
    copy = tmp_path / "copy"
    shutil.copytree(result.out, copy)
    write_exclusions(copy / "exclusions.csv", [Exclusion("", "C03", 6.0, "fibre", "Ada", "now")])
    # Also when the clock was set back meanwhile.
    made = (copy / "wells.csv").stat().st_mtime
    os.utime(copy / "exclusions.csv", (made - 5, made - 5))
    status, out, error = call("analyse", copy)
    assert status == 1
    assert "they are not in this answer" in error
    assert "Drug response at 12 h" in out
    (copy / "exclusions.csv").unlink()
    assert call("analyse", copy)[0] == 0


def test_changed_response_settings_recompute_and_keep_the_masks(run) -> None:
    folder, result = run
    shutil.copytree(result.out, folder.parent / "again")
    wide = result_of(folder, "again", response__confidence=0.8)
    assert wide.n_new == 0
    assert bytes_of(wide.out)[ANALYSIS_JSON] != bytes_of(result.out)[ANALYSIS_JSON]
    back = result_of(folder, "again")
    assert bytes_of(back.out) == bytes_of(result.out)
    bare = run_plate(folder, None, folder.parent / "again", workers=0)
    assert bare.analysis is None
    assert not {path.name for path in bare.out.iterdir()} & MADE


def test_a_time_that_was_not_imaged_costs_no_image(run) -> None:
    folder, result = run
    shutil.copytree(result.out, folder.parent / "late")
    late = result_of(folder, "late", response__time_h=900)
    assert late.analysis is None
    assert any("No plate was imaged at 900 h" in sentence for sentence in late.failures)
    assert not {path.name for path in late.out.iterdir()} & MADE


def test_folders_that_can_not_be_analysed(run, tmp_path, call) -> None:
    _, result = run
    copy = tmp_path / "copy"
    shutil.copytree(result.out, copy)
    status, _, error = call("analyse", copy, "--response-is", "fa")
    assert (status, "is a run folder, whose responses come from images" in error) == (2, True)
    status, _, error = call("analyse", copy, "--time", "900")
    assert (status, "No plate was imaged at 900 h" in error) == (2, True)
    with RunFolder(copy).locked(), pytest.raises(RequestError, match="in use by a run"):
        analyse(copy)
    for name, column in (("conditions", "condition"), ("conditions", "n_lost"), ("qc", "plate")):
        path = copy / f"{name}.csv"
        whole = path.read_text("utf-8")
        heading, rest = whole.split("\n", 1)
        damaged = [f"x{title}" if title == column else title for title in heading.split(",")]
        path.write_text(",".join(damaged) + "\n" + rest, "utf-8")
        status, _, error = call("analyse", copy)
        assert (status, f"{name}.csv has no column {column}; restore" in error) == (2, True)
        path.write_text(whole, "utf-8")
    (copy / "wells.csv").write_text("a,b\n1,2\n", "utf-8")
    status, _, error = call("analyse", copy)
    assert (status, "has no column plate, well" in error) == (2, True)
    (copy / "wells.csv").unlink()
    status, _, error = call("analyse", copy)
    assert (status, "continues where it stopped" in error) == (2, True)
    (copy / "run.json").write_text("{", "utf-8")
    status, _, error = call("analyse", copy)
    assert (status, "can't be read" in error) == (2, True)


@pytest.mark.parametrize(
    ("column", "value"), [("time_h", "A99"), ("time_h", "inf"), ("core_area_px", "=1+1")]
)
def test_an_edited_table_is_refused_with_its_line(run, tmp_path, call, column, value) -> None:
    _, result = run
    copy = tmp_path / "copy"
    shutil.copytree(result.out, copy)
    with (copy / "wells.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    rows[2][rows[0].index(column)] = value
    with (copy / "wells.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    status, _, error = call("analyse", copy)
    assert status == 2
    assert f"wells.csv, line 3, column {column}: '{value}' is not a number" in error
