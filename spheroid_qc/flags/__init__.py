"""Quality flags: what can be wrong with a frame, a well or a plate, and what to do about it.

`FLAGS` lists every code there is. `frame_flags` judges the features of one frame, `series_flags`
what only shows beside other times and other wells, `masks_unfit` a whole plate. Thresholds stand in
`QualityParameters`.
"""

from __future__ import annotations

from spheroid_qc.flags.flag_kinds import FLAGS, Flag, FlagKind, check_severities, resolve
from spheroid_qc.flags.frame_checks import frame_flags
from spheroid_qc.flags.plate_checks import MasksUnfit, masks_unfit
from spheroid_qc.flags.series_checks import series_flags

__all__ = [
    "FLAGS",
    "Flag",
    "FlagKind",
    "MasksUnfit",
    "check_severities",
    "frame_flags",
    "masks_unfit",
    "resolve",
    "series_flags",
]
