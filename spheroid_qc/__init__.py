"""Core and shed material of spheroids over time, and whether the answer can be trusted.

`segment`, `measure`, `run_plate` and `analyse` are the whole analysis; they are loaded on first
use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spheroid_qc.measure import measure
    from spheroid_qc.parameters import Parameters
    from spheroid_qc.segment import Segmentation, segment
    from spheroid_qc.workflow import analyse, run_plate

__all__ = [
    "Parameters", "Segmentation", "__version__", "analyse", "measure", "run_plate", "segment",
]  # fmt: skip

__version__ = "0.1.0"

_HOME = {
    "Parameters": "spheroid_qc.parameters",
    "Segmentation": "spheroid_qc.segment",
    "segment": "spheroid_qc.segment",
    "measure": "spheroid_qc.measure",
    "run_plate": "spheroid_qc.workflow",
    "analyse": "spheroid_qc.workflow",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # `measure` and `segment` are packages too; the function takes the name's place on first use.
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
