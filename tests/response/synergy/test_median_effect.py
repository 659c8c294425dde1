"""Chou 1994 to the digits, shams exactly additive, and no index where none is possible."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from scipy.special import expit

from spheroid_qc.response.synergy.loewe import HillCurve
from spheroid_qc.response.synergy.median_effect import (
    FA_LEVELS,
    MedianEffect,
    combination_index,
    dose_reduction_index,
    fit_classical_line,
    fit_drawn_line,
    fit_median_effect,
)

SHORT = {"pac": "paclitaxel", "cis": "cisplatin", "top": "topotecan"}
PAIRS = ("pac+cis", "cis+top", "pac+top")


@pytest.fixture(scope="module")
def chou(shared):
    return json.loads((shared / "oracles" / "chou1994_table3.json").read_text())


def doublet(chou, pair):
    """Doses of both drugs, effects, lines of the drugs alone."""
    record = chou["combo"][pair]
    first, second = pair.split("+")
    dose = np.array(record[f"D_{first}"])
    doses = np.stack([dose, dose * record["ratio"][1] / record["ratio"][0]], axis=1)
    singles = [
        fit_median_effect(chou["single"][SHORT[d]]["D"], chou["single"][SHORT[d]]["fa"])
        for d in (first, second)
    ]
    return doses, np.array(record["fa"]), singles


@pytest.mark.parametrize("drug", list(SHORT.values()))
def test_single_agents_as_published(chou, drug):
    line = fit_median_effect(dose=chou["single"][drug]["D"], fa=chou["single"][drug]["fa"])
    dm, m, r = chou["recomputed"]["Dm,m,r"][drug]
    assert (line.dm, line.m, line.r) == (
        pytest.approx(dm, abs=1e-6),
        pytest.approx(m, abs=1e-5),
        pytest.approx(r, abs=1e-5),
    )


@pytest.mark.parametrize("pair", PAIRS)
def test_doublets_as_published(chou, pair):
    doses, fa, singles = doublet(chou, pair)
    line = fit_median_effect(doses.sum(axis=1), fa)
    assert (line.dm, line.m, line.r) == pytest.approx(chou["recomputed"]["Dm,m,r"][pair], abs=1e-5)
    parts = doses[0] / doses[0].sum()
    at_levels = [float(combination_index(line.dose(fa) * parts, fa, singles)) for fa in FA_LEVELS]
    assert at_levels == pytest.approx(
        chou["recomputed"]["CI at fa .50/.75/.90/.95"][pair], abs=1e-5
    )
    observed = combination_index(doses, fa, singles)
    assert observed == pytest.approx(chou["recomputed"]["CI at observed fa"][pair], abs=1e-5)


@pytest.mark.parametrize("pair", PAIRS)
def test_index_and_reductions_belong_together(chou, pair):
    doses, fa, singles = doublet(chou, pair)
    reductions = dose_reduction_index(doses, fa, singles)
    assert (1 / reductions).sum(axis=1) == pytest.approx(combination_index(doses, fa, singles))


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("m", [0.5, 1.0, 3.7])
def test_a_drug_with_itself_has_index_one(k, m):
    drug = MedianEffect(0.7, m, 1.0, 5, 0, 0)
    rng = np.random.default_rng(4)
    doses = rng.uniform(0.1, 2, size=(30, k))
    index = combination_index(
        doses, HillCurve(drug.dm, drug.m).effect(doses.sum(axis=1)), [drug] * k
    )
    assert index == pytest.approx(np.ones(30), rel=1e-9)


def test_effects_outside_the_limits_are_not_on_the_line_and_counted():
    dose, fa = [0.1, 1, 2, 4, 8, 100], [0.0, 0.2, 0.4, 0.6, 0.995, 1.02]
    line = fit_median_effect(dose, fa)
    assert (line.n_points, line.n_left_out, line.n_extreme) == (4, 2, 1)
    assert fit_median_effect(dose, fa, (0.01, 0.99)).n_points == 3
    assert np.isnan(combination_index([[1.0, 1.0]], [1.0], [line, line]))[0]
    assert fit_median_effect([1, 2], [0.5, 1.5]) is None
    assert fit_median_effect([1, 2, 3], [0.5, 0.5, 0.5]) is None


def test_wells_of_a_dose_are_averaged():
    assert fit_median_effect([1, 1, 3, 3], [-0.1, 0.5, 0.5, 0.7]).dm == pytest.approx(
        fit_median_effect([1, 3], [0.2, 0.6]).dm
    )


def test_the_line_gives_back_its_doses():
    line = MedianEffect(2.0, 1.3, 1.0, 4, 0, 0)
    assert HillCurve(line.dm, line.m).effect(line.dose([0.1, 0.5, 0.9])) == pytest.approx(
        [0.1, 0.5, 0.9]
    )
    assert line.dose(0.5) * np.array([0.25, 0.75]) == pytest.approx([0.5, 1.5])


def test_lines_of_draws_are_those_of_each_draw():
    log_dose, line = np.log([0.5, 1.0, 2.0, 4.0]), MedianEffect(1.4, 1.7, 1.0, 4, 0, 0)
    exact = HillCurve(line.dm, line.m).effect(np.exp(log_dose))
    effects = exact + np.array([[0, 0, 0, 0], [0.05, -0.04, 0.03, 0], [-0.02, 0.02, 0, 0.01]])
    for drawn in (fit_drawn_line(log_dose, effects, np.ones(4)),
                  fit_classical_line(log_dose, effects)):  # fmt: skip
        assert drawn.dose(np.full((3, 1), 0.9))[0, 0] == pytest.approx(line.dose(0.9))
    for b, effect in enumerate(effects):  # of the classical lines
        one = fit_median_effect(np.exp(log_dose), effect)
        assert drawn.dose(np.full((3, 1), 0.3))[b, 0] == pytest.approx(float(one.dose(0.3)))


def test_a_line_may_bend_and_says_where_it_does_not_come():
    log_dose = np.log([0.25, 0.5, 1.0, 2.0, 4.0])
    effect = expit(0.4 + 0.9 * log_dose - 0.3 * log_dose**2)[None]
    drawn = fit_drawn_line(log_dose, effect, np.ones(5), bend=True)
    assert drawn.dose(effect[:, :3])[0] == pytest.approx(np.exp(log_dose[:3]), rel=1e-5)
    assert np.isnan(drawn.dose(np.array([[0.95]])))


def test_a_level_line_is_none():
    assert fit_median_effect([1, 2, 4, 8], [0.02, 0.021, 0.019, 0.0205]) is None


def test_a_line_that_hardly_rises_overflows_in_silence():
    line = MedianEffect(dm=1.0, m=1e-3, r=0.1, n_points=3, n_left_out=0, n_extreme=0)
    with np.errstate(all="raise", under="ignore"):
        assert line.dose(0.9) == np.inf
        assert line.dose(0.1) == 0


def test_an_endless_index_is_no_warning():
    # 1e-12 of the effect takes 1e-310 of the dose alone: its inverse is beyond all numbers.
    lines = [MedianEffect(1.0, 12 / 310, 1.0, 3, 0, 0)] * 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert combination_index([1.0, 1.0], 1e-12, lines) == np.inf
