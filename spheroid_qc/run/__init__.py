"""One frame, one well, one plate: executors, resume, the run folder."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spheroid_qc.run.plate import RunResult, default_out, run_plate
    from spheroid_qc.run.progress import Progress

__all__ = ["Progress", "RunResult", "default_out", "run_plate"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        home = "progress" if name == "Progress" else "plate"
        return getattr(import_module(f"spheroid_qc.run.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
