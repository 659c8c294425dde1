"""Pictures and the page, from finished tables: the last room before people."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spheroid_qc.report.page import write_report

__all__ = ["write_report"]

_HOME = {"write_report": "page"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"spheroid_qc.report.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
