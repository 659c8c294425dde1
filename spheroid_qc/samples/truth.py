"""What is true of a simulated plate, frame by frame and condition by condition.

Areas and the disintegration fraction are counted on the exact masks of each frame, by the
definitions of the analysis itself; nothing here is taken from the targets of the simulation.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spheroid_qc.parameters import StateParameters
from spheroid_qc.samples.plate_design import PlateDesign, WellPlan
from spheroid_qc.samples.simulated_drug_effects import (
    Interaction,
    Phenotype,
    Treatment,
    interaction_of,
    phenotype_of,
)


@dataclass(frozen=True, slots=True)
class FrameTruth:
    """One frame; areas in px and um2 count the exact masks.

    `quality` is `ok`, `out_of_focus`, `truncated` (the file is damaged; the numbers are what it
    would have shown) or `empty`; `core_area_px` is that of the largest piece.
    """

    file: str
    plate: str
    well: str
    time_h: float
    condition: str
    role: str
    quality: str
    state: str
    n_pieces: int
    core_area_px: int
    core_total_area_px: int
    shed_area_px: int
    total_area_px: int
    core_area_um2: float
    total_area_um2: float
    disintegration_fraction: float | None
    core_volume_loss_vs_t0: float | None
    centroid_y_px: float | None
    centroid_x_px: float | None


@dataclass(frozen=True, slots=True)
class ConditionTruth:
    """One treatment: what was simulated, at the last time, for a spheroid of mean sensitivity.

    `..._effect` is the excess disintegration fraction (`shed`) or the loss of core volume
    (`shrink`) against vehicle, `..._bliss` what independence of the drugs predicts;
    `..._over_best_pair` is for three drugs the effect beyond that of their best pair.
    """

    condition: str
    drug_1: str
    dose_1_um: float | None
    drug_2: str
    dose_2_um: float | None
    drug_3: str
    dose_3_um: float | None
    n_drugs: int
    n_wells: int
    simulated_as: str
    synergistic: bool
    rule: str
    shed_effect: float
    shed_bliss: float
    shed_excess: float
    shrink_effect: float
    shrink_bliss: float
    shrink_excess: float
    shed_over_best_pair: float | None
    shrink_over_best_pair: float | None
    time_h: float


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything `write_plate` wrote.

    Parameters
    ----------
    folder, plate_map : Path
        The folder of images and the plate map in it.
    design : PlateDesign
        What was simulated.
    frames : tuple of FrameTruth
        Sorted by well and time.
    conditions : tuple of ConditionTruth
        In the order of the design.
    """

    folder: Path
    plate_map: Path
    design: PlateDesign
    frames: tuple[FrameTruth, ...]
    conditions: tuple[ConditionTruth, ...]

    @property
    def synergistic(self) -> tuple[str, ...]:
        """Combinations of drugs that were simulated as synergistic."""
        return tuple(
            " + ".join(drug.name for drug in self.design.drugs if drug.name in interaction.drugs)
            for interaction in self.design.interactions
            if interaction.synergistic
        )


def condition_of(plan: WellPlan) -> str:
    """Return a readable name of a well's treatment."""
    if not plan.treatment:
        return plan.role
    return " + ".join(f"{name} {dose:g} uM" for name, dose in plan.treatment)


def frame_truth(
    file: str,
    design: PlateDesign,
    plan: WellPlan,
    time_h: float,
    core: NDArray[np.int32],
    shed: NDArray[np.bool_],
) -> FrameTruth:
    """Count the exact masks (y, x) of one frame, largest piece of core first.

    `state` stays empty: it needs the well's other frames, see `with_states`.
    """
    place = np.flatnonzero(core)
    labels = core.reshape(-1)[place]
    sizes = np.bincount(labels)[1:]
    largest = int(sizes[0]) if sizes.size else 0
    in_core, in_shed = int(sizes.sum()), int(np.count_nonzero(shed))
    total = in_core + in_shed
    y = x = None
    if largest:
        rows, columns = np.divmod(place[labels == 1], core.shape[1])
        y, x = float(rows.mean()), float(columns.mean())
    quality = "empty" if plan.empty else "ok"
    if plan.blurred_from_h is not None and time_h >= plan.blurred_from_h:
        quality = "out_of_focus"
    if plan.truncated_at_h is not None and time_h == plan.truncated_at_h:
        quality = "truncated"
    area = design.pixel_size_um**2
    return FrameTruth(
        file=file,
        plate=design.plate,
        well=plan.well,
        time_h=time_h,
        condition=condition_of(plan),
        role=plan.role,
        quality=quality,
        state="",
        n_pieces=int(np.count_nonzero(sizes)),
        core_area_px=largest,
        core_total_area_px=in_core,
        shed_area_px=in_shed,
        total_area_px=total,
        core_area_um2=largest * area,
        total_area_um2=total * area,
        disintegration_fraction=1.0 - largest / total if total else None,
        core_volume_loss_vs_t0=None,
        centroid_y_px=y,
        centroid_x_px=x,
    )


def with_states(frames: Sequence[FrameTruth]) -> tuple[FrameTruth, ...]:
    """Add state and loss of core volume, which need all frames of a well, by time."""
    states = StateParameters()
    first = frames[0].core_area_px
    result: list[FrameTruth] = []
    for frame in frames:
        loss = 1.0 - (frame.core_area_px / first) ** 1.5 if first else None
        state = _state(frame, first, states, result[-1].state if result else "")
        result.append(replace(frame, state=state, core_volume_loss_vs_t0=loss))
    return tuple(result)


def _state(frame: FrameTruth, first: int, states: StateParameters, before: str) -> str:
    df = frame.disintegration_fraction
    if not first:
        return "never_formed"
    if df is None:
        return "lost" if before in ("shedding", "disintegrated", "lost") else "vanished"
    if df >= states.disintegrated_df or not frame.core_area_px:
        return "disintegrated"
    if df >= states.shedding_df:
        return "shedding"
    whole = frame.core_area_px >= states.intact_area_ratio * first
    return "intact" if whole else "shrunken"


def conditions_of(design: PlateDesign) -> tuple[ConditionTruth, ...]:
    """Return the simulated truth of every condition of a plate."""
    horizon = max(design.times_h[-1], 1.0)

    def phenotype(treatment: Treatment, rules: tuple[Interaction, ...]) -> Phenotype:
        return phenotype_of(treatment, design.drugs, rules, design.times_h[-1], horizon_h=horizon)

    counts: dict[tuple[Treatment, str], int] = {}
    for plan in design.wells:
        key = (plan.treatment, condition_of(plan))
        counts[key] = counts.get(key, 0) + 1
    result = []
    for (treatment, name), n_wells in counts.items():
        both = [phenotype(treatment, rules) for rules in (design.interactions, ())]
        pairs = [phenotype(pair, design.interactions) for pair in combinations(treatment, 2)]
        named = (*treatment, ("", None), ("", None), ("", None))
        rule = interaction_of(treatment, design.interactions)
        alone = len(treatment) < 2
        result.append(
            ConditionTruth(
                condition=name,
                drug_1=named[0][0],
                dose_1_um=named[0][1],
                drug_2=named[1][0],
                dose_2_um=named[1][1],
                drug_3=named[2][0],
                dose_3_um=named[2][1],
                n_drugs=len(treatment),
                n_wells=n_wells,
                simulated_as="" if alone else rule.kind,
                synergistic=rule.synergistic,
                rule="" if alone else rule.rule,
                shed_effect=both[0].shed,
                shed_bliss=both[1].shed,
                shed_excess=both[0].shed - both[1].shed,
                shrink_effect=1.0 - both[0].survival,
                shrink_bliss=1.0 - both[1].survival,
                shrink_excess=both[1].survival - both[0].survival,
                shed_over_best_pair=(
                    both[0].shed - max(pair.shed for pair in pairs) if len(pairs) == 3 else None
                ),
                shrink_over_best_pair=(
                    min(pair.survival for pair in pairs) - both[0].survival
                    if len(pairs) == 3
                    else None
                ),
                time_h=design.times_h[-1],
            )
        )
    return tuple(sorted(result, key=lambda c: (c.n_drugs, c.condition)))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def write_csv(path: Path, rows: Iterable[FrameTruth | ConditionTruth]) -> None:
    """Write records as UTF-8 CSV: 6 significant digits, missing values empty."""
    records = [asdict(row) for row in rows]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if records:
            writer.writerow(records[0])
            writer.writerows([_cell(value) for value in record.values()] for record in records)
