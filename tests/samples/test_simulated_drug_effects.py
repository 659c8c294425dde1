"""Drug effects: additive where nothing is declared, more where it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spheroid_qc.samples.plate_design import DEMO
from spheroid_qc.samples.simulated_drug_effects import Hill, Interaction, phenotype_of

doses = st.floats(0.001, 3.0)


def fate(treatment, interactions=(), time_h=72.0, **more):
    return phenotype_of(treatment, DEMO.drugs, interactions, time_h, horizon_h=72.0, **more)


def test_hill_is_half_of_the_top_at_its_ec50() -> None:
    assert Hill(0.8, 0.3, 1.7)(0.3) == pytest.approx(0.4)
    assert Hill(0.8, 0.3)(0.0) == 0.0


def test_no_drug_no_effect() -> None:
    assert fate(()).shed == 0.0
    assert fate(()).survival == 1.0
    assert fate((("selinexor", 0.9),), time_h=0.0).shed == 0.0


@given(doses, doses, doses, st.floats(1, 100))
def test_undeclared_combinations_are_bliss_independent(
    a: float, b: float, c: float, time_h: float
) -> None:
    parts = (("selinexor", a), ("gemcitabine", b), ("nab-paclitaxel", c))
    together = fate(parts, time_h=time_h)
    whole = volume = 1.0
    for part in parts:
        alone = fate((part,), time_h=time_h)
        whole *= 1 - alone.shed
        volume *= alone.survival
    assert 1 - together.shed == pytest.approx(whole)
    assert together.survival == pytest.approx(volume)


@given(doses, doses, st.floats(0.05, 3.0))
def test_declared_synergy_exceeds_bliss(a: float, b: float, beyond: float) -> None:
    pair = (("selinexor", a), ("gemcitabine", b))
    rule = Interaction(("selinexor", "gemcitabine"), shed=beyond, shrink=beyond)
    plain, sharp = fate(pair), fate(pair, (rule,))
    assert sharp.shed > plain.shed
    assert sharp.survival < plain.survival
    assert rule.kind == "synergistic"
    # and it is declared for these two together only
    assert fate(pair[:1], (rule,)) == fate(pair[:1])


@given(doses, st.floats(0, 60), st.floats(0.5, 30))
def test_effects_grow_with_dose_and_time(dose: float, time_h: float, later: float) -> None:
    for drug in DEMO.drugs:
        early = fate(((drug.name, dose),), time_h=time_h)
        assert fate(((drug.name, dose),), time_h=time_h + later).shed >= early.shed
        assert fate(((drug.name, 1.5 * dose),), time_h=time_h).survival <= early.survival


def test_kinds_in_words() -> None:
    names = ("a", "b")
    assert Interaction(names).kind == "additive"
    assert Interaction(names, shed=-0.5).kind == "antagonistic"
    assert "power 2.5" in Interaction(names, shed=1.5, shrink=0.2).rule
    assert Interaction(names, shed=-0.5).rule.startswith("below Bliss")
