"""What a simulated plate is: which well holds what, when it is imaged, and what goes wrong.

`DEMO` is the plate of `spheroid-qc demo`: 75 wells of a 96-well plate with three replicates of
selinexor, gemcitabine and nab-paclitaxel at three doses, alone, in pairs and all together at a
fixed ratio, with vehicle wells and a positive control.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from spheroid_qc.samples.optics import Modality
from spheroid_qc.samples.simulated_drug_effects import Drug, Hill, Interaction, Treatment

GEMCITABINE = Drug(
    "gemcitabine",
    "uM",
    1.0,
    (0.01, 0.03, 0.09),
    shrink=Hill(0.80, 0.035, 1.2),
    shed=Hill(0.10, 0.06, 1.4),
    half_time_h=40.0,
    steepness=2.0,
    spread=0.35,
)
NAB_PACLITAXEL = Drug(
    "nab-paclitaxel",
    "nM",
    1000.0,
    (0.003, 0.009, 0.027),
    shrink=Hill(0.50, 0.010, 1.3),
    shed=Hill(0.38, 0.011, 1.5),
    half_time_h=30.0,
    steepness=1.8,
    spread=0.12,
)
SELINEXOR = Drug(
    "selinexor",
    "uM",
    1.0,
    (0.1, 0.3, 0.9),
    shrink=Hill(0.70, 0.35, 1.3),
    shed=Hill(0.62, 0.33, 1.5),
    half_time_h=34.0,
    steepness=2.2,
    spread=0.65,
)
STAUROSPORINE = Drug(
    "staurosporine",
    "uM",
    1.0,
    (1.0,),
    shrink=Hill(0.85, 0.05, 2.0),
    shed=Hill(0.85, 0.05, 2.0),
    half_time_h=16.0,
    steepness=2.0,
    spread=0.6,
)


@dataclass(frozen=True, slots=True)
class WellPlan:
    """What one well is meant to be.

    Parameters
    ----------
    row, column : int
        Place, zero-based.
    treatment : Treatment
        Drugs and doses in uM; empty for vehicle.
    role : str
        `vehicle`, `positive_control`, `treated` or `blank`.
    replicate : int
        Number of the replicate, from 1.
    empty : bool
        No spheroid was seeded.
    blurred_from_h : float or None
        Out of focus from this time on.
    truncated_at_h : float or None
        The file of this time is cut short.
    """

    row: int
    column: int
    treatment: Treatment = ()
    role: str = "treated"
    replicate: int = 1
    empty: bool = False
    blurred_from_h: float | None = None
    truncated_at_h: float | None = None

    @property
    def well(self) -> str:
        """Canonical name, as `B02`."""
        return f"{chr(ord('A') + self.row)}{self.column + 1:02d}"


@dataclass(frozen=True, slots=True)
class PlateDesign:
    """A whole simulated plate.

    Parameters
    ----------
    wells : tuple of WellPlan
        The wells that are imaged.
    drugs, interactions : tuple
        What the drugs do alone and together.
    times_h : tuple of float
        Times of the frames; the dose is given at 0, right after the first frame.
    plate : str
        Prefix of the file names.
    cell_line : str
        Column of the plate map.
    shape : tuple of int
        Height and width of a frame, px.
    pixel_size_um : float
        Size of a pixel.
    modality : Modality
        How the plate is imaged.
    bits : int
        Bits of the camera.
    diameter_um, diameter_cv : float
        Spheroids at the start: mean diameter and its coefficient of variation.
    growth_per_day : float
        Growth rate of the core volume without drug.
    potency_sd : float
        SD of the logarithm of a well's sensitivity.
    break_share : float
        Share of wells whose spheroid breaks into pieces once it sheds strongly.
    extras : bool
        Dust and fibres.
    """

    wells: tuple[WellPlan, ...]
    drugs: tuple[Drug, ...] = (SELINEXOR, GEMCITABINE, NAB_PACLITAXEL)
    interactions: tuple[Interaction, ...] = ()
    times_h: tuple[float, ...] = (0.0, 12.0, 24.0, 48.0, 72.0)
    plate: str = "VID1"
    cell_line: str = "PDAC-CSC"
    shape: tuple[int, int] = (1024, 1024)
    pixel_size_um: float = 1.3
    modality: Modality = Modality.BRIGHTFIELD
    bits: int = 12
    diameter_um: float = 370.0
    diameter_cv: float = 0.03
    growth_per_day: float = 0.05
    potency_sd: float = 0.08
    break_share: float = 0.4
    extras: bool = True

    def __post_init__(self) -> None:
        """Refuse plates that can't be imaged, with a ValueError."""
        if not self.times_h or any(b <= a for a, b in pairwise(self.times_h)):
            raise ValueError("times_h has to hold rising times")
        if self.times_h[0] < 0:
            raise ValueError("times_h has to start at 0 or later")
        places = [(plan.row, plan.column) for plan in self.wells]
        if len(set(places)) < len(places):
            raise ValueError("a well is planned twice")
        if not all(0 <= row < 26 and 0 <= column < 48 for row, column in places):
            raise ValueError("wells lie in rows A to Z and columns 1 to 48")
        known = {drug.name for drug in self.drugs}
        for plan in self.wells:
            unknown = [name for name, _ in plan.treatment if name not in known]
            if unknown:
                raise ValueError(f"well {plan.well} holds an unknown drug: {unknown[0]}")
        if not 8 <= self.bits <= 16 or self.pixel_size_um <= 0 or min(self.shape) < 64:
            raise ValueError("cameras have 8 to 16 bits and at least 64 x 64 pixels")


def tri_drug_plate(
    drugs: tuple[Drug, Drug, Drug] = (SELINEXOR, GEMCITABINE, NAB_PACLITAXEL),
    *,
    replicates: int = 3,
    vehicles_per_replicate: int = 2,
    combined_levels: tuple[int, ...] = (0, 1, 2),
    positive_control: Drug | None = None,
    layout_seed: int = 7,
) -> tuple[WellPlan, ...]:
    """Lay out three drugs alone, in pairs and all together, in blocks of two rows.

    Every block of two rows and twelve columns is one replicate of everything, shuffled within
    itself, so that neither a column nor the plate's edge goes with a treatment. The place left
    over in each block holds, in turn: an empty well, a well that goes out of focus, a well with
    a truncated file. Positive controls stand apart, in the row below the last block.

    Parameters
    ----------
    drugs : tuple of Drug
        The three drugs with their doses.
    replicates : int
        Blocks, at most 3 on a 96-well plate.
    vehicles_per_replicate : int
        Vehicle wells of each block.
    combined_levels : tuple of int
        Which of the doses (from 0) are combined, at the fixed ratio of their ranks.
    positive_control : Drug, optional
        What surely makes a spheroid fall apart, at its first dose; one well a replicate.
    layout_seed : int
        Seed of the shuffling.

    Returns
    -------
    tuple of WellPlan
        Sorted by row and column.
    """
    rng = np.random.default_rng(layout_seed)
    conditions: list[Treatment] = [()] * vehicles_per_replicate
    conditions += [((drug.name, dose),) for drug in drugs for dose in drug.doses_um]
    for size in (2, 3):
        for chosen in combinations(drugs, size):
            conditions += [
                tuple((drug.name, drug.doses_um[level]) for drug in chosen)
                for level in combined_levels
            ]
    spare = ((drugs[0].name, drugs[0].doses_um[1]),)
    plans = []
    for block in range(replicates):
        places = [(1 + 2 * block + k // 12, k % 12) for k in range(24)]
        if len(conditions) > len(places):
            raise ValueError(f"{len(conditions)} wells do not fit into a block of 24")
        order = rng.permutation(len(places))
        for n, treatment in enumerate(conditions):
            row, column = places[order[n]]
            role = "treated" if treatment else "vehicle"
            plans.append(WellPlan(row, column, treatment, role, block + 1))
        if len(conditions) < len(places):
            row, column = places[order[len(conditions)]]
            plans.append(
                (
                    WellPlan(row, column, (), "blank", 1, empty=True),
                    WellPlan(row, column, spare, "treated", 4, blurred_from_h=24.0),
                    WellPlan(row, column, spare, "treated", 5, truncated_at_h=48.0),
                )[block % 3]
            )
        if positive_control is not None:
            treatment = ((positive_control.name, positive_control.doses_um[0]),)
            place = (1 + 2 * replicates, 2 + 3 * block)
            plans.append(WellPlan(*place, treatment, "positive_control", block + 1))
    return tuple(sorted(plans, key=lambda plan: (plan.row, plan.column)))


DEMO = PlateDesign(
    wells=tri_drug_plate(positive_control=STAUROSPORINE),
    drugs=(SELINEXOR, GEMCITABINE, NAB_PACLITAXEL, STAUROSPORINE),
    interactions=(
        Interaction(("selinexor", "gemcitabine"), shed=1.5, shrink=0.4),
        Interaction(("selinexor", "gemcitabine", "nab-paclitaxel"), shed=1.6, shrink=0.4),
    ),
)
