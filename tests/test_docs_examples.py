"""The examples in the docstrings of the public functions are right."""

from __future__ import annotations

import doctest
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import spheroid_qc
from spheroid_qc.plate_map import read_plate_map
from spheroid_qc.response.curves.dose_response import dose_response_table
from spheroid_qc.response.synergy.synergy_table import synergy_table

FUNCTIONS = (
    spheroid_qc.segment,
    spheroid_qc.measure,
    spheroid_qc.run_plate,
    spheroid_qc.analyse,
    read_plate_map,
    dose_response_table,
    synergy_table,
)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_examples_do_what_they_say(
    function: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "\n    Examples\n    --------\n" in (function.__doc__ or "")
    (found,) = doctest.DocTestFinder(recurse=False).find(
        function, function.__name__, module=sys.modules[function.__module__], globs={}
    )
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(found, out=sys.stdout.write)
    assert found.examples
    assert not runner.failures, capsys.readouterr().out
