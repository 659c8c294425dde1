"""What the README says is done here: its commands run, its maps and file names are read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from spheroid_qc.configuration.settings import settings
from spheroid_qc.parameters import PlateParameters

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(ROOT.glob("*.md"))


def blocks(mark: str, language: str) -> list[str]:
    """Code blocks below a comment such as `<!-- tested -->`."""
    pattern = rf"<!-- {mark} -->\n```{language}\n(.*?)```"
    return re.findall(pattern, README, flags=re.DOTALL)


def table_below(heading: str) -> list[list[str]]:
    """Cells of the first table below a heading, without its head."""
    text = README.split(f"{heading}\n", 1)[1]
    rows = re.search(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    assert rows is not None
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        for row in rows[0].splitlines()[2:]
    ]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the README supposes it: a plate, its map and one image."""
    from spheroid_qc.samples import DEMO, write_plate

    folder = tmp_path_factory.mktemp("desk")
    vehicle = [well for well in DEMO.wells if well.role == "vehicle"][:3]
    treated = [well for well in DEMO.wells if well.role == "treated" and not well.truncated_at_h]
    wells = tuple(replace(well, empty=False) for well in (*vehicle, treated[0]))
    design = replace(DEMO, wells=wells, times_h=(0.0, 24.0), shape=(512, 512))
    write_plate(folder / "plate_1", design)
    for name in ("plate_map.csv", "truth"):
        (folder / "plate_1" / name).rename(folder / name)
    first = min((folder / "plate_1").glob("*.tif"))
    (folder / "spheroid.tif").write_bytes(first.read_bytes())
    return folder


def run_in(folder: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run one command with the programs of this environment first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )


@pytest.mark.slow
def test_commands_and_scripts_run_in_the_order_of_the_page(desk: Path) -> None:
    for script in blocks("tested", "sh"):
        done = run_in(desk, ["sh", "-euc", script])
        assert done.returncode == 0, script + done.stdout + done.stderr
    for number, script in enumerate(blocks("tested", "python")):
        file = desk / f"readme_{number}.py"
        file.write_text(script, encoding="utf-8")
        done = run_in(desk, [sys.executable, str(file)])
        assert done.returncode == 0, script + done.stderr

    for folder in ("results", "results_2", "results_3"):
        wells = pd.read_csv(desk / folder / "wells.csv")
        assert len(wells) == 4 * 2
        assert (desk / folder / "qc.csv").is_file()
    for cells in table_below("## The run folder"):
        for name in re.findall(r"`([^`]+)`", cells[0]):
            assert (desk / "results_2" / name).exists(), name
    assert len(list((desk / "results_2" / "overlays").rglob("*.png"))) == 4 * 2
    told = README.split("### Columns of `wells.csv`", 1)[1].split("\n## ", 1)[0]
    header = list(pd.read_csv(desk / "results" / "wells.csv", nrows=0).columns)
    for column in header[: header.index("method") + 1]:
        if not re.fullmatch(r"drug_2|dose_2_um", column):
            assert f"`{column}`" in told, column


def test_maps_are_read(tmp_path: Path) -> None:
    from spheroid_qc.plate_map import read_plate_map

    maps = blocks("tested map", "csv")
    assert len(maps) == 2
    read = []
    for number, text in enumerate(maps):
        file = tmp_path / f"map_{number}.csv"
        file.write_text(text, encoding="utf-8")
        read.append({well.well: well for well in read_plate_map(file).wells})
    long, grid = read
    assert [dose.drug for dose in long["A03"].drugs] == ["gemcitabine", "selinexor"]
    assert long["A03"].drugs[0].dose_um == pytest.approx(0.1)
    assert [long[well].role for well in ("A01", "A02", "A04")] == ["vehicle", "treated", "blank"]
    assert long["A01"].dosed_at_h == 24
    assert grid["A01"].role == "vehicle"
    assert [(dose.drug, dose.dose_um) for dose in grid["B03"].drugs] == [("gemcitabine", 1.0)]


def test_tables_of_responses_are_read(tmp_path: Path) -> None:
    from spheroid_qc.analysis import analyse_table
    from spheroid_qc.analysis.analysis_files import ANALYSIS_JSON, FILES

    (text,) = blocks("tested responses", "csv")
    (tmp_path / "responses.csv").write_text(text, encoding="utf-8")
    answer = analyse_table(tmp_path / "responses.csv", "viability", "percent")
    assert answer.drugs == ("selinexor", "gemcitabine")
    told = README.split("## Drug response", 1)[1].split("\n## ", 1)[0]
    for name in (*FILES.values(), ANALYSIS_JSON):
        assert f"`{name}`" in told, name
    for table in (answer.synergy, answer.dose_response):
        for column in list(table.columns)[:14]:
            if not re.fullmatch(r"dose_[23]_um", column):
                assert f"`{column}`" in told, column
    for method in set(answer.synergy["method"]) - {"dose_reduction_index_2"}:
        assert f"`{method}`" in told, method


@pytest.mark.parametrize("cells", table_below("## File names"), ids=lambda cells: cells[0])
def test_file_names_are_read_as_told(cells: list[str], tmp_path: Path) -> None:
    from spheroid_qc.frames.frame_table import frame_table

    _, example, told = cells
    file = tmp_path / "plate" / example.strip("`")
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    (frame,) = frame_table(tmp_path / "plate", PlateParameters()).frames
    messages = dict(re.findall(r"(?:^|, )(well|field|channel|plane|plate) ([^,]+)", told))
    assert frame.well == messages["well"]
    if "field" in messages:
        assert frame.field == int(messages["field"])
    if "channel" in messages:
        assert frame.channel == messages["channel"]
    if "plane" in messages:
        assert frame.z == int(messages["plane"])
    if "plate" in messages:
        assert frame.plate == messages["plate"]


def test_settings_named_on_the_page_exist() -> None:
    known = {record.key for record in settings()}
    named = re.findall(r"--set (\w+\.\w+)[\w.]*=", README)
    assert named
    assert set(named) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    anchors = {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif "://" not in target:
            assert (page.parent / target).exists(), target
