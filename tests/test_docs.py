"""The pages of `docs/`: generated parts are current and complete, and the site builds from disk."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
AGAIN = "run python docs/generate.py, and describe new columns in docs/columns.toml"


def load_generator() -> ModuleType:
    """`docs/generate.py`, which is no module of the package."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generator = load_generator()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_generated_parts_are_current(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert generator.renewed(text) == text, AGAIN


def first_cells(page: str) -> set[str]:
    """What stands in the first column of the tables of a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return set(re.findall(r"`([^`]+)`", " ".join(re.findall(r"^\| (`.+?) \|", text, re.MULTILINE))))


def test_every_flag_setting_and_command_has_a_line() -> None:
    from spheroid_qc.cli.main import app
    from spheroid_qc.configuration.settings import settings
    from spheroid_qc.flags import FLAGS
    from spheroid_qc.measurement import measured_columns

    assert set(FLAGS) <= first_cells("flags.md")
    assert {record.key for record in settings()} <= first_cells("settings.md")
    assert set(measured_columns()) <= first_cells("columns.md")
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    for command in app.registered_commands:
        name = command.name or command.callback.__name__
        assert command.hidden or f"\n## `spheroid-qc {name}`\n" in text, name


@pytest.mark.parametrize(
    "command", ["run", "analyse", "adapt", "inspect", "demo", "evaluate", "gui"]
)
def test_every_option_has_a_line(command: str) -> None:
    code = f"import sys; sys.argv[1:] = [{command!r}, '--help']; import spheroid_qc.cli.main as m; "
    help_text = subprocess.run(
        [sys.executable, "-c", code + "m.main()"], capture_output=True, text=True, check=True
    ).stdout
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    part = text.split(f"## `spheroid-qc {command}`", 1)[1].split("\n## ", 1)[0]
    for option in set(re.findall(r"^ +(--[a-z-]+)", help_text, re.MULTILINE)) - {"--help"}:
        assert f"`{option}" in part, option


def undescribed(file: str, columns: Iterable[str]) -> list[str]:
    """Columns of a table that no line of the page is about."""
    lines = generator.described_columns()[file]
    return [name for name in columns if not any(generator.matches(key, name) for key in lines)]


def test_columns_of_both_assays_have_a_line(tmp_path: Path) -> None:
    from spheroid_qc import run_plate
    from spheroid_qc.configuration import apply_overrides
    from spheroid_qc.measurement.fluorescence_channels import FLUORESCENCE_COLUMNS
    from spheroid_qc.parameters import Parameters
    from spheroid_qc.samples import DEMO, write_plate

    design = replace(DEMO, wells=DEMO.wells[:1], times_h=(0.0,), shape=(256, 256))
    write_plate(tmp_path / "plate", design)
    parameters = apply_overrides(Parameters(), {"plate.assay": "spheres"})
    out = run_plate(tmp_path / "plate", out=tmp_path / "out", parameters=parameters, workers=0).out
    for file in sorted(out.glob("*.csv")):
        assert not undescribed(file.name, pd.read_csv(file, nrows=0).columns), AGAIN
    further = [f"Calcein_{name}" for name in FLUORESCENCE_COLUMNS]
    assert not undescribed("wells.csv", further), AGAIN


def built(tree: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a tree as `make docs` does."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=tree,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_the_site_builds_without_a_broken_link_and_loads_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    pytest.importorskip("material", reason="the extra docs is not installed")
    done = built(ROOT, tmp_path / "site")
    assert done.returncode == 0, done.stdout + done.stderr
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > len(PAGES)
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|link|iframe)\b[^>]*?(?:src|href)=\"([^\"]+)\"", text)
        assert not [target for target in loaded if "//" in target], page.name
    for sheet in (tmp_path / "site").rglob("*.css"):
        assert "url(http" not in sheet.read_text(encoding="utf-8"), sheet.name


@pytest.mark.slow
def test_a_broken_link_breaks_the_site(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="the extra docs is not installed")
    tree = tmp_path / "tree"
    for name in ("docs", "benchmarks", "spheroid_qc/segmentation/learned"):
        keep = shutil.ignore_patterns("*.onnx", "__pycache__")
        shutil.copytree(ROOT / name, tree / name, ignore=keep)
    for file in (*ROOT.glob("*.md"), ROOT / "mkdocs.yml", ROOT / "LICENSE", ROOT / "CITATION.cff"):
        shutil.copy(file, tree / file.name)
    page = tree / "docs" / "flags.md"
    page.write_text(page.read_text("utf-8") + "\n[nowhere](no_such_page.md)\n", "utf-8")
    done = built(tree, tmp_path / "site")
    assert done.returncode != 0
    assert "no_such_page.md" in done.stdout + done.stderr


def test_the_site_shows_every_page() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in PAGES:
        assert f": {page.name}\n" in text, page.name
