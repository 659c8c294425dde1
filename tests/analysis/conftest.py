"""The command line in this process."""

from __future__ import annotations

import sys

import pytest

from spheroid_qc.cli import main


@pytest.fixture
def call(monkeypatch, capsys):
    """Run `main`: (exit status, standard output, standard error)."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["spheroid-qc", *map(str, arguments)])
        monkeypatch.setattr(main, "stop_on_signals", lambda: None)
        status = 0
        try:
            main.main()
        except SystemExit as stopped:
            status = int(stopped.code or 0)
        messages = capsys.readouterr()
        assert "Traceback" not in messages.err
        return status, messages.out, messages.err

    return run


@pytest.fixture
def no_report(monkeypatch):
    """Leave the page out where a test is about tables; it has tests of its own."""
    monkeypatch.setattr("spheroid_qc.report.write_report", lambda *_, **__: None, raising=False)
