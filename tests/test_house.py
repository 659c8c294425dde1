"""The plan of the house: who may import whom, and what stays out until it is needed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "spheroid_qc"
MODULES = sorted(PACKAGE.rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in MODULES]

# From the first to the last: a room imports only from its own and from earlier lines.
PLAN = (
    (
        "child_process",
        "errors",
        "parameters",
        "search_time",
        "stopwatch",
        "storage",
        "wells",
        "wording",
    ),
    ("atomic", "configuration", "tables"),
    ("frames", "plate_map"),
    ("images",),
    ("samples",),
    ("segmentation",),
    ("measurement", "flags"),
    ("follow",),
    ("response",),
    ("response_tables",),
    ("run",),
    ("analysis",),
    ("report",),
    ("workflow",),
    ("evaluate",),
    ("export",),
    ("gui",),
    ("cli",),
)
LEVEL = {room: level for level, rooms in enumerate(PLAN) for room in rooms}
GUI_ONLY = re.compile(r"napari|qtpy|PyQt\d*|PySide\d*|magicgui|superqt|vispy|app_model|pytestqt")
HEAVY = {
    "torch",
    "pandas",
    "scipy",
    "skimage",
    "matplotlib",
    "onnxruntime",
    "imagecodecs",
    "tifffile",
}
QT = {"napari", "qtpy", "PyQt5", "PyQt6", "PySide6", "magicgui", "superqt"}


def room_of(path: Path) -> str:
    """First part of the path below the package, without suffix."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> Iterator[str]:
    """Full names of everything a file imports, at the top or inside functions."""
    package = (*path.relative_to(ROOT).parts[:-1],)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            first = node.args[0] if node.args else None
            if called in ("import_module", "__import__") and isinstance(first, ast.Constant):
                yield str(first.value)


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_only_the_gui_knows_of_napari_and_qt(path: Path) -> None:
    if room_of(path) == "gui":
        return
    found = [name for name in imports_of(path) if GUI_ONLY.fullmatch(name.partition(".")[0])]
    assert not found


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_a_room_imports_only_rooms_before_it(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return  # the front door: it names all rooms and loads them on first use
    assert room in LEVEL, f"{room} has no place in the plan of ARCHITECTURE.md and of this test"
    for name in imports_of(path):
        if not name.startswith("spheroid_qc."):
            continue
        other = name.split(".")[1]
        if other in LEVEL:
            same = other == room or (LEVEL[other] == LEVEL[room] and room not in ("gui", "cli"))
            assert same or LEVEL[other] < LEVEL[room], f"{room} imports {name}"
        else:
            assert other == "__version__", f"{room} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_samples_stand_apart_from_what_they_test(path: Path) -> None:
    if room_of(path) == "samples":
        for name in imports_of(path):
            assert not re.match(r"spheroid_qc\.(segmentation|measurement|flags|follow|run)\b", name)


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_what_is_installed_trains_nothing(path: Path) -> None:
    found = [name.partition(".")[0] for name in imports_of(path)]
    assert not {"torch", "onnx", "training"} & set(found)


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_a_module_does_one_thing_and_says_which(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if room_of(path) != "parameters":  # a plain list, as long as there are settings
        assert len(text.splitlines()) <= 600, "the subject cuts files, but this is several"
    assert ast.get_docstring(ast.parse(text)), "a module says in its docstring what it is for"


def test_the_plan_in_words_and_the_plan_in_code_agree() -> None:
    words = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for room in {room_of(path) for path in MODULES} - {"__init__"}:
        assert f"`{room}" in words, f"ARCHITECTURE.md does not mention {room}"


def loaded_by(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after running some code."""
    ending = "\nimport sys; print('\\0', *{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code + ending], cwd=ROOT, capture_output=True, text=True, check=True
    )
    # What the code itself prints stands before: help has words that are names of modules.
    return set(done.stdout.rpartition("\0")[2].split())


def test_importing_the_package_costs_nothing() -> None:
    assert not loaded_by("import spheroid_qc") & (HEAVY | QT | {"numpy", "pydantic"})


def test_words_and_settings_need_no_numerical_libraries() -> None:
    rooms = "errors, parameters, configuration, wells, tables, frames, plate_map"
    assert not loaded_by(f"from spheroid_qc import {rooms}") & (HEAVY | QT)


def test_the_whole_analysis_needs_no_gui() -> None:
    code = "import spheroid_qc as s; s.segment, s.measure, s.run_plate, s.Parameters()"
    assert not loaded_by(code) & QT


@pytest.mark.parametrize(
    "command",
    [[], ["run"], ["analyse"], ["demo"], ["inspect"], ["evaluate"]],
    ids=lambda c: " ".join(c),
)
def test_help_loads_no_numerical_libraries(command: list[str]) -> None:
    arguments = ["spheroid-qc", *command, "--help"]
    code = (
        f"import sys; sys.argv = {arguments!r}\n"
        "from spheroid_qc.cli.main import main\n"
        "try:\n    status = main()\n"
        "except SystemExit as leaving:\n    status = leaving.code\n"
        "assert not status, status"
    )
    assert not loaded_by(code) & (HEAVY | QT)


def test_no_file_and_no_class_has_the_name_of_another() -> None:
    files = [path.name for path in MODULES if path.name != "__init__.py"]
    assert sorted(files) == sorted(set(files)), "a file name that occurs twice says too little"
    classes = [
        node.name
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    assert sorted(classes) == sorted(set(classes)), "one class name, one meaning"


def imported_at_start(path: Path) -> Iterator[str]:
    """Modules of the package that a module imports before any of its functions runs."""
    names = {module_name(other) for other in MODULES}
    stack = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield from (name for name in (full, node.module) if name in names)
        stack += list(ast.iter_child_nodes(node))


def module_name(path: Path) -> str:
    """Dotted name of a module's file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_imports_never_run_in_a_circle() -> None:
    graph = {module_name(path): set(imported_at_start(path)) for path in MODULES}
    for name, others in graph.items():
        others.discard(name)
    while leaves := [name for name, others in graph.items() if not others]:
        for name in leaves:
            del graph[name]
        for others in graph.values():
            others.difference_update(leaves)
    assert not graph, f"in or above a circle: {sorted(graph)}"
