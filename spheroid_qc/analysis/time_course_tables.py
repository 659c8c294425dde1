"""Tables that need the whole table of wells: plate quality, comparisons, survival, kinetics, GR."""

from __future__ import annotations

import pandas as pd

from spheroid_qc.analysis.tables_by_stratum import Messages
from spheroid_qc.follow.disintegration_time import time_to_disintegration
from spheroid_qc.parameters import Parameters
from spheroid_qc.response.comparisons import comparison_table
from spheroid_qc.response.growth import kinetics
from spheroid_qc.response.growth.growth_rate_inhibition import (
    METRIC_COLUMNS,
    drug_gr_metrics,
    volume_gr,
)
from spheroid_qc.response.growth.kinetics import summarise_kinetics
from spheroid_qc.response.plate_quality import plate_quality_table
from spheroid_qc.response.replicates import in_fixed_order, is_time_zero
from spheroid_qc.response.survival import survival_table


def timed_tables(
    wells: pd.DataFrame,
    parameters: Parameters,
    time_h: float | None,
    joined: tuple[str, ...],
    messages: Messages,
) -> dict[str, pd.DataFrame]:
    """Make every table that reads the wells over time.

    These are `comparisons` (of the `joined` end points too), `plate_quality, survival, kinetics,
    kinetics_by_condition, gr_values, gr_metrics`; empty where one can't be made, and `messages`
    gets why.
    """
    level = parameters.response.confidence
    times = wells["time_h"].nunique()

    known = [m for m in comparison_table.COMPARED if m in wells and wells[m].notna().any()]
    metrics = [*known, *joined] or [m for m in ("sfe_percent", "n_spheroids") if m in wells][:1]
    made = {
        "comparisons": messages.attempt(
            "comparisons", lambda: _compared(wells, metrics, joined, time_h, level),
            comparison_table.COLUMNS,
        ),
        "plate_quality": messages.attempt(
            "plate_quality",
            lambda: plate_quality_table.plate_quality(
                wells, time_h=time_h, plate_format=parameters.plate.well_count
            ),
            plate_quality_table.COLUMNS,
        ),
    }  # fmt: skip
    if "state" not in wells or "is_t0" not in wells:
        reason = "Many spheres a field are not followed one by one: nothing over time."
    elif times < 2:
        reason = "One time only: nothing over time can be told."
    else:
        reason = ""
    if reason:
        empty = {
            "survival": survival_table.COLUMNS,
            "kinetics": kinetics.COLUMNS,
            "kinetics_by_condition": (),
            "gr_values": (),
            "gr_metrics": METRIC_COLUMNS,
        }
        messages.missing |= dict.fromkeys(empty, reason)
        return made | {name: pd.DataFrame(columns=list(c)) for name, c in empty.items()}
    followed = in_fixed_order(wells[wells["role"] != "unmapped"])
    followed = followed.assign(is_t0=is_time_zero(followed), state=followed["state"].fillna(""))
    made["survival"] = messages.attempt(
        "survival",
        lambda: survival_table.survival_table(
            time_to_disintegration(followed, parameters.states), followed, level
        ),
        survival_table.COLUMNS,
    )
    made["kinetics"] = messages.attempt(
        "kinetics", lambda: kinetics.well_kinetics(wells, level=level), kinetics.COLUMNS
    )
    by_condition = made["kinetics"]
    by_condition = by_condition[by_condition["role"] != "blank"]
    made["kinetics_by_condition"] = messages.attempt(
        "kinetics_by_condition", lambda: summarise_kinetics(by_condition, level), ()
    )
    made["gr_values"] = messages.attempt("gr_values", lambda: volume_gr(wells, time_h), ())
    made["gr_metrics"] = messages.attempt(
        "gr_metrics", lambda: drug_gr_metrics(made["gr_values"]), METRIC_COLUMNS
    )
    return made


def _compared(
    wells: pd.DataFrame,
    metrics: list[str],
    joined: tuple[str, ...],
    time_h: float | None,
    level: float,
) -> pd.DataFrame:
    """Image metrics at the analysis time, joined end points where they were measured."""
    own = [m for m in metrics if m not in joined]
    parts = [comparison_table.compare_with_vehicle(wells, own, time_h, level)] if own else []
    for name in joined:
        rows = wells[wells[name].notna()].drop_duplicates(["plate", "well"], keep="last")
        if len(rows):
            parts.append(comparison_table.compare_with_vehicle(rows, [name], None, level))
    return pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
