"""What is installed: the same manifest in wheel and checkout, and every library that is used."""

from __future__ import annotations

import ast
import email
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import spheroid_qc
from spheroid_qc.frames.optional_readers import OPTIONAL_READERS

ROOT = Path(__file__).resolve().parent.parent

# Used without an import of their own.
SILENT = {
    "imagecodecs": "decodes LZW, deflate and JPEG inside TIFF for tifffile",
}
# Imported where a command asks for it, with a sentence where it is missing.
OF_EXTRAS = {"distributed", "numcodecs", "roifile"}
IMPORT_NAME = {"lazy-loader": "lazy_loader", "scikit-image": "skimage", "pillow": "PIL"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this checkout, built without the network."""
    return build(ROOT, tmp_path_factory.mktemp("wheel"))


def build(tree: Path, out: Path, kind: str = "wheel") -> Path:
    """Build `tree` with the build backend that is installed here."""
    code = f"from hatchling.build import build_{kind} as build; build({str(out)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=tree, check=True, capture_output=True)
    (built,) = out.iterdir()
    return built


def members(wheel: Path) -> list[str]:
    """Names of all files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def manifest_in(wheel: Path) -> str:
    """Text of the manifest in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.read("spheroid_qc/plugin.yaml").decode()


def test_manifest_at_the_root_and_in_the_package_are_one() -> None:
    link = ROOT / "spheroid_qc" / "plugin.yaml"
    assert link.read_text(encoding="utf-8") == (ROOT / "plugin.yaml").read_text(encoding="utf-8")
    assert link.is_symlink()
    assert os.readlink(link) == "../plugin.yaml"


def test_napari_finds_the_installed_plugin_and_all_it_promises() -> None:
    npe2 = pytest.importorskip("npe2")
    manifest = npe2.PluginManifest.from_distribution("spheroid_qc")
    assert manifest.name == "spheroid_qc"
    manifest.validate_imports()
    samples = manifest.contributions.sample_data
    assert samples, "the sample data are the plug-in's first contribution"


def test_sample_data_are_layers() -> None:
    npe2 = pytest.importorskip("npe2")
    manifest = npe2.PluginManifest.from_distribution("spheroid_qc")
    commands = {command.id: command for command in manifest.contributions.commands}
    for sample in manifest.contributions.sample_data:
        module, _, name = commands[sample.command].python_name.partition(":")
        layers = getattr(__import__(module, fromlist=[name]), name)()
        assert layers
        for data, attributes, kind in layers:
            assert data.ndim >= 2
            assert isinstance(attributes, dict)
            assert kind in ("image", "labels")


@pytest.mark.slow
def test_wheel_holds_what_it_must(wheel: Path) -> None:
    names = members(wheel)
    assert names.count("spheroid_qc/plugin.yaml") == 1
    assert len(names) == len(set(names))
    assert "spheroid_qc/py.typed" in names
    assert any(re.fullmatch(r"spheroid_qc-[^/]+\.dist-info/licenses/LICENSE", n) for n in names)
    modules = {str(p.relative_to(ROOT)) for p in (ROOT / "spheroid_qc").rglob("*.py")}
    assert modules <= set(names)
    page = ROOT / "spheroid_qc" / "report" / "templates"
    assert {str(p.relative_to(ROOT)) for p in page.iterdir()} <= set(names)
    assert not [name for name in names if not name.startswith(("spheroid_qc/", "spheroid_qc-"))]
    assert manifest_in(wheel) == (ROOT / "plugin.yaml").read_text(encoding="utf-8")


@pytest.mark.slow
def test_npe2_finds_the_manifest_in_an_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    pytest.importorskip("npe2")
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(wheel)], check=True, capture_output=True)
    code = (
        "import json, spheroid_qc, npe2\n"
        "manager = npe2.PluginManager(); manager.discover()\n"
        "manifest = manager.get_manifest('spheroid_qc'); manifest.validate_imports()\n"
        "print(json.dumps([spheroid_qc.__file__, len(manifest.contributions.sample_data)]))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    where, samples = json.loads(done.stdout)
    assert Path(where).is_relative_to(site)
    assert samples >= 1


def copied(tree: Path) -> Path:
    """Copy what a build needs."""
    tree.mkdir()
    shutil.copytree(
        ROOT / "spheroid_qc",
        tree / "spheroid_qc",
        symlinks=True,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name in ("pyproject.toml", "plugin.yaml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree / name)
    return tree


@pytest.mark.slow
def test_checkout_without_links_builds_a_right_wheel(tmp_path: Path) -> None:
    tree = copied(tmp_path / "tree")
    link = tree / "spheroid_qc" / "plugin.yaml"
    link.unlink()
    link.write_text("../plugin.yaml")  # what git leaves where links are switched off
    built = build(tree, tmp_path / "out")
    assert members(built).count("spheroid_qc/plugin.yaml") == 1
    assert manifest_in(built) == (ROOT / "plugin.yaml").read_text(encoding="utf-8")


@pytest.mark.slow
def test_wheel_from_the_source_archive_is_the_same(wheel: Path, tmp_path: Path) -> None:
    archive = build(ROOT, tmp_path / "sdist", "sdist")
    shutil.unpack_archive(archive, tmp_path / "tree")
    (tree,) = (tmp_path / "tree").iterdir()
    again = build(tree, tmp_path / "out")
    assert sorted(members(again)) == sorted(members(wheel))
    assert manifest_in(again) == manifest_in(wheel)


def test_version_stands_in_one_place() -> None:
    assert importlib.metadata.version("spheroid_qc") == spheroid_qc.__version__
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {spheroid_qc.__version__}\n" in citation
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def requirements(wheel: Path) -> list[str]:
    """Requirements as the wheel declares them."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name)).get_all("Requires-Dist") or []


def name_of(requirement: str) -> str:
    """Name of the distribution in a requirement."""
    return re.split(r"[\s<>=!~;\[(]", requirement, maxsplit=1)[0].lower()


@pytest.mark.slow
def test_base_brings_no_gui_and_nothing_is_capped(wheel: Path) -> None:
    declared = requirements(wheel)
    for requirement in declared:
        assert not re.search(r"[<~]|==", requirement.partition(";")[0]), requirement
    base = {name_of(text) for text in declared if "extra ==" not in text}
    assert not {name for name in base if re.search(r"qt|pyside|napari|magicgui", name)}
    extras = {match[1] for text in declared if (match := re.search(r"extra == '([^']+)'", text))}
    assert extras == {
        "napari", "all", "cluster", "export", "formats", "parquet", "zarr", "training", "docs",
        "dev",
    }  # fmt: skip


@pytest.mark.slow
def test_extras_bring_the_readers_that_are_named(wheel: Path) -> None:
    brought = {
        extra: {name_of(text) for text in requirements(wheel) if f"extra == '{extra}'" in text}
        for extra in ("formats", "zarr")
    }
    for suffix, reader in OPTIONAL_READERS.items():
        assert reader.module.lower().replace("_", "-") in brought[reader.extra], suffix


@pytest.mark.slow
def test_base_is_what_the_package_imports(wheel: Path) -> None:
    declared = {name_of(text) for text in requirements(wheel) if "extra ==" not in text}
    imported = set()
    for path in (ROOT / "spheroid_qc").rglob("*.py"):
        if "gui" in path.relative_to(ROOT).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.partition(".")[0])
    third_party = imported - set(sys.stdlib_module_names) - {"spheroid_qc"}
    third_party -= OF_EXTRAS
    # pydantic and typer bring these in step with themselves.
    third_party -= {"pydantic_core", "typing_extensions", "click"}
    # Readers of extras are imported with the first file that needs one; tests/images holds that.
    third_party -= {"ome_zarr_models", *(reader.module for reader in OPTIONAL_READERS.values())}
    needed = {IMPORT_NAME.get(name, name) for name in declared - set(SILENT)}
    assert third_party - needed - set(SILENT) == set(), "imported but not declared"
    assert needed - third_party == set(), "declared but not imported"
