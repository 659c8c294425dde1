"""One frame, one well, one plate: executors, resume, the run folder."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spheroid_qc.run.plate import Progress, RunResult, default_out, run_plate

__all__ = ["Progress", "RunResult", "default_out", "run_plate"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("spheroid_qc.run.plate"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
