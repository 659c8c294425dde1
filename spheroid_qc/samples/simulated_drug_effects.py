"""How drugs act on simulated spheroids: dose, time, and what combinations do.

Two responses are kept apart, as the analysis keeps them apart: `survival`, the volume of the
core relative to an untreated spheroid, and `shed`, the excess disintegration fraction. Both
follow Bliss independence (Bliss 1939, doi:10.1111/j.1744-7348.1939.tb06990.x) between drugs,
sharpened by a stated exponent where a combination is simulated as synergistic:

    1 - effect = product(1 - effect_i) ** (1 + synergy)
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hill:
    """A dose-response curve rising from 0.

    `top` is the effect of an endless dose, in [0, 1), and `ec50_um` the dose of half of that, uM.
    """

    top: float
    ec50_um: float
    slope: float = 1.3

    def __call__(self, dose_um: float) -> float:
        """Return the effect of a dose in uM."""
        if dose_um <= 0:
            return 0.0
        strength = float(dose_um**self.slope)
        return self.top * strength / (strength + float(self.ec50_um**self.slope))


@dataclass(frozen=True, slots=True)
class Drug:
    """One simulated drug.

    `unit` is that of the plate map, `per_um` how many of it are one uM; `doses_um` are the doses of
    the plate, uM, ascending. `shrink` and `shed` are loss of core volume and excess disintegration
    fraction at the horizon; after `half_time_h` the effect is at half its final strength, and
    `steepness` says how suddenly it comes. `spread`: how far shed cells travel, in radii of the
    spheroid; small for a loosening rim.
    """

    name: str
    unit: str
    per_um: float
    doses_um: tuple[float, ...]
    shrink: Hill
    shed: Hill
    half_time_h: float = 36.0
    steepness: float = 2.0
    spread: float = 0.5

    def progress(self, time_h: float, horizon_h: float) -> float:
        """Return how much of its final effect a drug has had after `time_h` of exposure."""
        if time_h <= 0:
            return 0.0

        def risen(t: float) -> float:
            passed = float(t**self.steepness)
            return passed / (passed + float(self.half_time_h**self.steepness))

        return risen(time_h) / risen(horizon_h)


@dataclass(frozen=True, slots=True)
class Interaction:
    """What exactly these drugs together, in any order, do beyond independence.

    `shed` and `shrink` are exponents beyond 1 on what is left unaffected; 0 is Bliss independence.
    """

    drugs: tuple[str, ...]
    shed: float = 0.0
    shrink: float = 0.0

    @property
    def synergistic(self) -> bool:
        """Whether the combination does more than its parts would."""
        return self.shed > 0 or self.shrink > 0

    @property
    def kind(self) -> str:
        """`additive`, `synergistic` or `antagonistic`."""
        if self.synergistic:
            return "synergistic"
        return "antagonistic" if self.shed < 0 or self.shrink < 0 else "additive"

    @property
    def rule(self) -> str:
        """The rule in words."""
        if self.kind == "additive":
            return "Bliss independence: 1 - effect is the product of 1 - effect of each drug"
        return (
            f"{'beyond' if self.synergistic else 'below'} Bliss: 1 - effect is the Bliss product "
            f"to the power {1 + self.shed:g} for the disintegration fraction and "
            f"{1 + self.shrink:g} for the core volume"
        )


# (name, dose in uM) of every drug in a well, in the order of the plate's drugs
Treatment = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Phenotype:
    """What a treatment has done to a spheroid by some time.

    `survival` is the core volume relative to an untreated spheroid, in (0, 1]; `shed` the
    disintegration fraction in excess of an untreated one's, in [0, 1); `spread` how far shed cells
    travel, in radii.
    """

    survival: float
    shed: float
    spread: float


def interaction_of(treatment: Treatment, interactions: tuple[Interaction, ...]) -> Interaction:
    """Return the interaction declared for exactly these drugs, else independence."""
    names = frozenset(name for name, dose in treatment if dose > 0)
    for interaction in interactions:
        if frozenset(interaction.drugs) == names:
            return interaction
    return Interaction(tuple(sorted(names)))


def phenotype_of(
    treatment: Treatment,
    drugs: tuple[Drug, ...],
    interactions: tuple[Interaction, ...],
    time_h: float,
    *,
    horizon_h: float,
    potency: float = 1.0,
) -> Phenotype:
    """Return what a treatment (empty for vehicle) has done `time_h` hours after the dose.

    The Hill curves of the drugs hold at `horizon_h`; `potency` is a factor on all doses: how
    sensitive this one spheroid is.
    """
    known = {drug.name: drug for drug in drugs}
    kept_volume, kept_whole = 1.0, 1.0
    weight, spread = 0.0, 0.0
    for name, dose in treatment:
        drug = known[name]
        progress = drug.progress(time_h, horizon_h)
        shed = min(0.99, drug.shed(dose * potency) * progress)
        kept_volume *= 1.0 - min(0.99, drug.shrink(dose * potency) * progress)
        kept_whole *= 1.0 - shed
        weight += shed
        spread += shed * drug.spread
    beyond = interaction_of(treatment, interactions)
    return Phenotype(
        survival=kept_volume ** (1.0 + beyond.shrink),
        shed=1.0 - kept_whole ** (1.0 + beyond.shed),
        spread=spread / weight if weight > 0 else 0.3,
    )
