"""A child is the same Python with the same package, spoken to through pipes."""

from __future__ import annotations

import sys

from spheroid_qc.child_process import start_child


def test_a_child_finds_what_this_process_finds_and_speaks_utf_8(tmp_path, monkeypatch) -> None:
    (tmp_path / "lies_elsewhere.py").write_text("print(input() + ' µm')", "utf-8")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    child = start_child("-m", "lies_elsewhere", text=True, encoding="utf-8")
    assert child.communicate("5")[0].strip() == "5 µm"
    assert child.returncode == 0
