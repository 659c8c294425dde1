"""From finished wells, or from any tidy table, to the whole answer: tables, notes, verdict.

`response` holds the methods; this room chooses what they are asked, puts their tables together
and says the answer in words. Terminal, report and GUI read one record, `Analysis`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spheroid_qc.analysis.files import write_analysis
    from spheroid_qc.analysis.record import Analysis, ResponseUse
    from spheroid_qc.analysis.runs import analyse_run_folder
    from spheroid_qc.analysis.tidy import analyse_table
    from spheroid_qc.analysis.verdict import Finding, Verdict

__all__ = [
    "Analysis", "Finding", "ResponseUse", "Verdict", "analyse_run_folder", "analyse_table",
    "write_analysis",
]  # fmt: skip

_HOME = {
    "Analysis": "record",
    "Finding": "verdict",
    "ResponseUse": "record",
    "Verdict": "verdict",
    "analyse_run_folder": "runs",
    "analyse_table": "tidy",
    "write_analysis": "files",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"spheroid_qc.analysis.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
