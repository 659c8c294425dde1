"""The demo plate without a camera: exact masks, measured and followed as a run does."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from spheroid_qc.follow.change_against_references import versus_time_zero, versus_vehicle
from spheroid_qc.follow.spheroid_states import assign_states
from spheroid_qc.follow.time_zero import find_time_zero
from spheroid_qc.parameters import StateParameters
from spheroid_qc.response.condition_summary import summarise_conditions
from spheroid_qc.samples.exact_masks import masks_of
from spheroid_qc.samples.plate_design import DEMO, PlateDesign
from spheroid_qc.samples.simulated_time_course import history_of
from spheroid_qc.samples.truth import frame_truth

SMALL_DEMO = replace(
    DEMO, shape=(512, 512), pixel_size_um=2.6, times_h=(0.0, 24.0, 48.0, 72.0)
)  # fmt: skip


def exact_wells(design: PlateDesign = SMALL_DEMO, seed: int = 0) -> pd.DataFrame:
    """`wells.csv` of a plate whose masks are known; blurred frames are unscorable."""
    rows = []
    for plan in design.wells:
        history = history_of(design, plan, seed)
        for index, time_h in enumerate(design.times_h):
            core, shed = masks_of(history.scene_at(index))
            truth = frame_truth("x.tif", design, plan, time_h, core, shed)
            line: dict[str, object] = {
                "plate": design.plate, "well": plan.well, "time_h": time_h, "timepoint": index,
                "time_since_dose_h": time_h, "role": plan.role, "file": "x.tif", "flags": "",
                "n_spheroids": truth.n_pieces, "core_area_px": float(truth.core_area_px),
                "core_area_um2": truth.core_area_um2, "total_area_px": float(truth.total_area_px),
                "total_area_um2": truth.total_area_um2, "reference_group": "",
                "disintegration_fraction": truth.disintegration_fraction,
                "scorable": truth.quality in ("ok", "empty"), "dose_time_h": 0.0,
            }  # fmt: skip
            names = [f"{drug} {dose:.6g} uM" for drug, dose in plan.treatment]
            line["condition"] = " + ".join(names) or plan.role
            for slot in (1, 2, 3):
                drug, dose = ([*plan.treatment, *[(None, None)] * 3])[slot - 1]
                line |= {f"drug_{slot}": drug, f"dose_{slot}_um": dose}
                line |= {f"dose_{slot}": dose, f"unit_{slot}": drug and "uM"}
            rows.append(line)
    table = pd.DataFrame(rows)
    kinds = StateParameters()
    origin = find_time_zero(table)
    table["is_t0"] = table.index.isin(origin.dropna())
    table["state"] = assign_states(table, origin, kinds)
    table = table.join(versus_time_zero(table, origin)).join(versus_vehicle(table))
    return table.drop(columns=["timepoint", "scorable", "reference_group", "dose_time_h"])


def conditions_of(wells: pd.DataFrame) -> pd.DataFrame:
    return summarise_conditions(wells)
