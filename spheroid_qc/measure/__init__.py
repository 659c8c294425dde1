"""Masks -> numbers.

`registry.REGISTRY` lists every metric; `measure` makes a table of them. `frame_quality` adds
the raw figures from which `spheroid_qc.flags` decides whether a frame can be trusted, and
`fluorescence` reads further channels. The package can be called: it is `measure`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spheroid_qc._callable import make_callable
from spheroid_qc.measure.scene import scene_of
from spheroid_qc.measure.table import COLUMNS, measure, measure_rows, measured_columns, rows_of

if TYPE_CHECKING:
    from spheroid_qc.measure.channels import FLUORESCENCE_COLUMNS, fluorescence
    from spheroid_qc.measure.quality import QUALITY_FIGURES, figures_of, frame_quality
    from spheroid_qc.measure.registry import REGISTRY

__all__ = [
    "COLUMNS",
    "FLUORESCENCE_COLUMNS",
    "QUALITY_FIGURES",
    "REGISTRY",
    "figures_of",
    "fluorescence",
    "frame_quality",
    "measure",
    "measure_rows",
    "measured_columns",
    "rows_of",
    "scene_of",
]

_HOME = {
    "FLUORESCENCE_COLUMNS": "channels",
    "fluorescence": "channels",
    "QUALITY_FIGURES": "quality",
    "figures_of": "quality",
    "frame_quality": "quality",
    "REGISTRY": "registry",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


make_callable(__name__, measure)
