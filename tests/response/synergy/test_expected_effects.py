"""Null models at their closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spheroid_qc.response.synergy.bliss import Bliss
from spheroid_qc.response.synergy.hsa import HighestSingleAgent
from spheroid_qc.response.synergy.loewe import HillCurve, loewe_effect

bliss_effect, hsa_effect = Bliss().expected, HighestSingleAgent().expected
effects = st.lists(st.floats(0, 1), min_size=2, max_size=5)


@given(effects)
def test_bliss_lies_above_the_best_single(single):
    assert bliss_effect(single) >= hsa_effect(single) - 1e-12
    assert bliss_effect(single) <= 1


def test_bliss_by_hand_also_for_negative_effects():
    assert bliss_effect([0.5, 0.4]) == pytest.approx(0.7)
    assert bliss_effect([0.5, 0.4, 0.5]) == pytest.approx(0.85)
    assert bliss_effect([-0.2, 0.5]) == pytest.approx(1 - 1.2 * 0.5)


@settings(max_examples=60)
@given(
    st.floats(0.01, 100), st.floats(0.3, 8), st.floats(0.1, 1), st.integers(2, 4),
    st.floats(0.01, 100),
)  # fmt: skip
def test_a_drug_with_itself_is_exactly_additive(ec50, hill, emax, k, dose):
    drug = HillCurve(ec50, hill, emax)
    parts = np.linspace(1, 2, k)
    doses = dose * parts / parts.sum()
    assert loewe_effect(doses, [drug] * k) == pytest.approx(drug.effect(dose), rel=1e-9, abs=1e-12)


def test_dilutions_of_one_drug_are_additive_too():
    doses = np.array([[1.0, 30.0], [0.2, 4.0]])
    expected = HillCurve(2.0, 1.7).effect(doses[:, 0] + doses[:, 1] / 10)
    assert loewe_effect(doses, [HillCurve(2.0, 1.7), HillCurve(20.0, 1.7)]) == pytest.approx(
        expected
    )


def test_the_isobole_is_straight_for_any_slopes():
    one, other = HillCurve(1.0, 0.7), HillCurve(5.0, 3.0)
    level = 0.6
    ends = [c.ec50 * (level / (1 - level)) ** (1 / c.hill) for c in (one, other)]
    share = np.linspace(0.05, 0.95, 7)
    doses = np.stack([share * ends[0], (1 - share) * ends[1]], axis=1)
    assert loewe_effect(doses, [one, other]) == pytest.approx(np.full(7, level))


def test_one_drug_alone_is_itself_and_an_inert_one_adds_nothing():
    drug, inert = HillCurve(1.0, 2.0, 0.8), HillCurve(1.0, 1.0, 0.0)
    assert loewe_effect([2.0, 0.0], [drug, drug]) == pytest.approx(drug.effect(2.0))
    assert loewe_effect([2.0, 50.0], [drug, inert]) == pytest.approx(drug.effect(2.0))
    assert loewe_effect([2.0, 50.0], [inert, inert]) == 0
    assert loewe_effect([0.0, 0.0], [drug, drug]) == 0


def test_beyond_the_maximum_of_one_drug_the_other_goes_on_alone():
    weak, strong = HillCurve(1.0, 1.0, 0.3), HillCurve(1.0, 1.0, 1.0)
    assert loewe_effect([100.0, 9.0], [weak, strong]) == pytest.approx(0.9, abs=1e-9)
    assert loewe_effect([0.01, 9.0], [weak, strong]) == pytest.approx(0.9, abs=1e-9)


def test_many_curves_at_once_are_each_their_own():
    rng = np.random.default_rng(2)
    ec50, hill, emax = (
        rng.uniform(0.1, 5, (2, 40)),
        rng.uniform(0.4, 6, (2, 40)),
        rng.random((2, 40)),
    )
    doses = rng.uniform(0.05, 10, (5, 2))
    both = [HillCurve(e[:, None], h[:, None], m[:, None])
            for e, h, m in zip(ec50, hill, emax, strict=True)]  # fmt: skip
    found = loewe_effect(doses, both)
    assert found.shape == (40, 5)
    for b in range(40):
        one = [HillCurve(ec50[i, b], hill[i, b], emax[i, b]) for i in range(2)]
        assert found[b] == pytest.approx(loewe_effect(doses, one), abs=1e-9)
