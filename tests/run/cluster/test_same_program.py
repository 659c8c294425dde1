"""Machines that would make other numbers are told apart."""

from __future__ import annotations

from dataclasses import replace

from spheroid_qc.run.cluster.same_program import program_identity


def test_every_difference_has_a_clause():
    mine = program_identity()
    assert mine.differences(mine) == []
    assert mine.differences(replace(mine, version="0.0.9")) == [
        f"spheroid_qc 0.0.9 instead of {mine.version}"
    ]
    assert "another state" in mine.differences(replace(mine, code="0"))[0]
    assert "weights" in mine.differences(replace(mine, weights="0" * 64))[0]
    older = tuple((n, "1.0" if n == "numpy" else v) for n, v in mine.libraries)
    (clause,) = mine.differences(replace(mine, libraries=older))
    assert clause.startswith("numpy 1.0 instead of ")
