"""What README and the pages of `docs/` say is done here: commands run, maps and names are read."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from spheroid_qc.configuration.settings import settings
from spheroid_qc.parameters import PlateParameters
from tests.test_docs import AGAIN, undescribed

ROOT = Path(__file__).resolve().parent.parent
FRONT = ROOT / "README.md"
PAGES = [FRONT, *sorted((ROOT / "docs").glob("*.md"))]
LINKED = [*sorted(ROOT.glob("*.md")), *PAGES[1:], *sorted((ROOT / "benchmarks").glob("*.md"))]
NAMES = [page.name for page in PAGES]

TREATMENTS: tuple[dict[str, float], ...] = (
    {},
    {"gemcitabine": 0.03},
    {"selinexor": 0.3},
    {"gemcitabine": 0.03, "selinexor": 0.3},
)
"""What the wells of README's run hold."""


def text_of(page: str | Path) -> str:
    """Text of a page of `docs/`, or of any file."""
    return (ROOT / "docs" / page).read_text(encoding="utf-8")


def blocks(page: str | Path, mark: str, language: str) -> list[str]:
    """Code blocks below a comment such as `<!-- tested -->`."""
    pattern = rf"<!-- {mark} -->\n```{language}\n(.*?)```"
    return re.findall(pattern, text_of(page), flags=re.DOTALL)


def table_below(page: str, heading: str) -> list[list[str]]:
    """Cells of the first table below a heading, without its head."""
    text = text_of(page).split(f"{heading}\n", 1)[1]
    rows = re.search(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    assert rows is not None
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        for row in rows[0].splitlines()[2:]
    ]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the pages suppose it: two plates, a map, one image, masks drawn by hand."""
    from spheroid_qc.samples import DEMO, write_plate
    from spheroid_qc.segmentation import segment

    folder = tmp_path_factory.mktemp("desk")
    whole = [w for w in DEMO.wells if not (w.empty or w.truncated_at_h or w.blurred_from_h)]
    wells = []
    for treatment in TREATMENTS:
        same = [w for w in whole if dict(w.treatment) == treatment and w.role != "blank"]
        wells += same[:3]
    large = replace(DEMO, wells=tuple(wells), times_h=(0.0, 48.0, 72.0), shape=(512, 512))
    small = replace(large, wells=(wells[0], wells[-1]), times_h=(0.0, 48.0))
    for name, design in (("plate_1", large), ("plate_2", small)):
        write_plate(folder / name, design)
        (folder / name / "plate_map.csv").replace(folder / f"map_of_{name}.csv")
        (folder / name / "truth").rename(folder / f"truth_of_{name}")
    (folder / "map_of_plate_1.csv").rename(folder / "plate_map.csv")
    first = min((folder / "plate_1").glob("*.tif"))
    (folder / "spheroid.tif").write_bytes(first.read_bytes())
    (folder / "odd_names").mkdir()
    (folder / "odd_names" / "B7-day3.tif").write_bytes(first.read_bytes())
    truth = pd.read_csv(folder / "truth_of_plate_1" / "truth.csv")
    truth[["well", "time_h", "core_area_um2"]].to_csv(folder / "manual.csv", index=False)
    (folder / "my_masks").mkdir()
    import tifffile

    found = segment(tifffile.imread(first), method="classical")
    drawn = (found.core > 0) + 2 * (found.shed & (found.core == 0))
    Image.fromarray(drawn.astype("uint8")).save(folder / "my_masks" / f"{first.stem}.png")
    (text,) = blocks("drug_response.md", "tested responses", "csv")
    (folder / "responses.csv").write_text(text, encoding="utf-8")
    return folder


def run_in(folder: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run one command with the programs of this environment first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )


def without_digits(lines: Iterable[str]) -> list[str]:
    """Lines with their words only: another processor may round the last digit otherwise."""
    return [" ".join(re.sub(r"[-\d]+", "#", line).split()) for line in lines]


@pytest.mark.slow
def test_commands_and_scripts_run_in_the_order_of_the_pages(desk: Path) -> None:
    front = [FRONT, *(ROOT / "docs" / n for n in ("getting_started.md", "settings.md"))]
    scripts = [s for page in [*front, *PAGES] for s in blocks(page, "tested", "sh")]
    printed: dict[str, str] = {}
    for script in scripts:
        bare = re.sub(r" +# .*", "", script)
        if any(bare in done for done in printed):
            continue  # the same on an earlier page
        done = run_in(desk, ["sh", "-euc", script])
        assert done.returncode == 0, script + done.stdout + done.stderr
        printed[bare] = done.stdout
    number = 0
    for page in PAGES:
        for script in blocks(page, "tested", "python"):
            number += 1
            file = desk / f"script_{number}.py"
            file.write_text(script, encoding="utf-8")
            done = run_in(desk, [sys.executable, str(file)])
            assert done.returncode == 0, script + done.stderr
    assert number >= 3

    (shown,) = blocks(FRONT, "output", "text")
    answer = next(text for script, text in printed.items() if "--out results\n" in script)
    assert set(without_digits(shown.splitlines())) <= set(without_digits(answer.splitlines()))
    for folder, rows in (("results", 12 * 3), ("results_2", 2 * 2), ("results_3", 2 * 2)):
        assert len(pd.read_csv(desk / folder / "wells.csv")) == rows
        assert (desk / folder / "qc.csv").is_file()
    for cells in table_below("run_folder.md", "# The run folder"):
        for name in re.findall(r"`([^`]+)`", cells[0]):
            if name in ("adapter.npz", "adaptation/", "new_pixel_size.json", "alarms.csv"):
                continue  # where something was learned, a pixel size came late, or it was watched
            assert (desk / "results_2" / name).exists(), name
    assert len(list((desk / "results_2" / "overlays").rglob("*.png"))) == 2 * 2
    for cells in table_below("drug_response.md", "## The files"):
        for name in re.findall(r"`([^`]+)`", cells[0]):
            if name == "curves.csv":
                continue  # the plate of the front page has one dose of a drug, and no curve
            assert (desk / "results" / name).exists(), name
    for folder in ("results", "responses_spheroid_qc"):
        for file in sorted((desk / folder).glob("*.csv")):
            assert not undescribed(file.name, pd.read_csv(file, nrows=0).columns), AGAIN


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_what_is_not_run_says_why(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for language in ("sh", "python"):
        for before in re.split(rf"^```{language}\n", text, flags=re.MULTILINE)[:-1]:
            last = before.rstrip().splitlines()[-1]
            assert re.fullmatch(r"<!-- (tested|not run: .+) -->", last), f"{language} after {last}"


def test_maps_are_read(tmp_path: Path) -> None:
    from spheroid_qc.plate_map import read_plate_map

    maps = blocks("plate_maps.md", "tested map", "csv")
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

    (text,) = blocks("drug_response.md", "tested responses", "csv")
    (tmp_path / "responses.csv").write_text(text, encoding="utf-8")
    answer = analyse_table(tmp_path / "responses.csv", "viability", "percent")
    assert answer.drugs == ("selinexor", "gemcitabine")
    told = text_of("drug_response.md")
    for name in (*FILES.values(), ANALYSIS_JSON):
        assert f"`{name}`" in told, name
    for method in set(answer.synergy["method"]) - {"dose_reduction_index_2"}:
        assert f"`{method}`" in told, method


@pytest.mark.parametrize(
    "cells", table_below("file_names.md", "# File names"), ids=lambda cells: cells[0]
)
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


def test_settings_named_on_the_pages_exist() -> None:
    known = {record.key for record in settings()}
    named = {
        key
        for page in PAGES
        for key in re.findall(
            r"--set ([a-z]\w+\.[a-z]\w+)[\w.]*=", page.read_text(encoding="utf-8")
        )
    }
    assert len(named) >= 5
    assert named <= known


def test_states_on_the_page_are_those_of_the_tables() -> None:
    from spheroid_qc.follow.spheroid_states import STATES

    assert [cells[0].strip("`") for cells in table_below("run_folder.md", "## States")] == [*STATES]


def test_the_front_page_is_one_screen() -> None:
    text = FRONT.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 160
    for page in (ROOT / "docs").glob("*.md"):
        assert f"docs/{page.name}" in text, f"README leads nowhere to {page.name}"


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    anchors: dict[Path, set[str]] = {}
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        place = (page.parent / file).resolve() if file else page.resolve()
        assert place.exists(), target
        if anchor:
            anchors.setdefault(place, anchors_of(place))
            assert anchor in anchors[place], target


def anchors_of(page: Path) -> set[str]:
    """Anchors of the headings of a page."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
