"""What is in the wells: plate maps in all their forms.

`reader` finds out which form a file has and collects what it says; `long`, `grid` and `layout`
read the forms; `check`, `drafts`, `doses` and `controls` turn lines into wells and refuse what
would be read wrongly; `models` are the result, `write` the way back to a file.
"""

from __future__ import annotations

from spheroid_qc.plate.maps.models import (
    ROLES,
    Dose,
    MappedWell,
    PlateMap,
    condition_name,
    match_plates,
    with_strata,
)
from spheroid_qc.plate.maps.reader import read_plate_map
from spheroid_qc.plate.maps.write import write_plate_map

__all__ = [
    "ROLES",
    "Dose",
    "MappedWell",
    "PlateMap",
    "condition_name",
    "match_plates",
    "read_plate_map",
    "with_strata",
    "write_plate_map",
]
