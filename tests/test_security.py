"""What SECURITY.md promises of the source: no network, no pickle of files, no code from data."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_house import MODULES, NAMES, PACKAGE, ROOT, imports_of

NETWORK = {
    "socket", "ssl", "http", "urllib", "urllib3", "requests", "httpx", "aiohttp", "ftplib",
    "smtplib", "xmlrpc", "socketserver", "asyncio", "websockets", "fsspec", "pooch",
    "distributed", "dask", "tornado",
}  # fmt: skip
UNSAFE = {"pickle", "dill", "joblib", "cloudpickle", "shelve", "marshal", "jsonpickle", "yaml"}
RUNS_TEXT = {"eval", "exec", "compile", "__import__", "literal_eval", "system", "popen"}

ALLOWED = {
    # The name of this computer, in the lock of a run folder; nothing is connected.
    ("run/store/run_folder.py", "socket"),
    # Only the exception for a result that can't be sent between own processes.
    ("run/worker_processes.py", "pickle"),
    # Calls and answers through the pipes of a process of our own; nothing that lies in a file.
    ("gui/helper_process.py", "pickle"),
    # The scheduler that a user names, and nothing else.
    ("run/cluster/dask_executor.py", "distributed"),
    # What a Dask worker says of itself to the task that it runs.
    ("run/cluster/hosted_task.py", "distributed"),
    # Makes the address of a local file for the browser.
    ("gui/panels/results_panel.py", "urllib"),
}
"""Module and library, each with its reason."""


def calls_of(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node


def called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def place(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_no_network_and_no_pickle(path: Path) -> None:
    roots = {name.partition(".")[0] for name in imports_of(path)} & (NETWORK | UNSAFE)
    assert {root for root in roots if (place(path), root) not in ALLOWED} == set()


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_no_text_is_run_as_code(path: Path) -> None:
    for node in calls_of(path):
        by_method = isinstance(node.func, ast.Attribute) and called(node) not in ("system", "popen")
        # `re.compile` makes a pattern; methods called `eval` are those of data frames.
        if called(node) in RUNS_TEXT and not (by_method and called(node) == "compile"):
            pytest.fail(f"line {node.lineno}: {called(node)}")
        for keyword in node.keywords:
            on = isinstance(keyword.value, ast.Constant) and keyword.value.value is True
            assert not (keyword.arg in ("shell", "allow_pickle") and on), f"line {node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_numpy_reads_no_objects(path: Path) -> None:
    for node in calls_of(path):
        if called(node) == "load" and ast.unparse(node.func).startswith(("np.", "numpy.")):
            assert any(keyword.arg == "allow_pickle" for keyword in node.keywords)


READS = {"read_bytes", "read_text", "imread", "read_csv", "read_excel", "fromfile", "genfromtxt"}
OWN = {
    # Files of the package itself.
    "report/build_page.py", "segmentation/learned/network.py", "segmentation/learned/confidence.py",
    # Finished tables of this very run, packed into its page.
    "report/downloadable_tables.py",
    # What stands in the memory already.
    "tables/csv_writer.py",
    # The marker of a demo that this command wrote.
    "cli/demo.py",
}  # fmt: skip
"""Modules that read something that nobody named."""


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_files_that_were_named_are_opened_in_one_place(path: Path) -> None:
    if place(path) in OWN or place(path) == "storage.py":
        return
    found = [called(node) for node in calls_of(path) if called(node) in READS]
    assert not found, "open it with spheroid_qc.storage"


def test_the_promises_are_written_down() -> None:
    words = (ROOT / "SECURITY.md").read_text("utf-8")
    for promise in ("network", "pickle", "max_megapixels", "run folder", "formula", "report"):
        assert promise in words
