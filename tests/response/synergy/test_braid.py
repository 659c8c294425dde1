"""BRAID's surface and its one parameter: what it is by its equations, and whether it is found."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from spheroid_qc.response.synergy.braid import braid_effect, fit_log_kappa
from spheroid_qc.response.synergy.loewe import HillCurve, loewe_effect
from tests.response.synergy.test_synergy_table import analyse, bliss, plate

EQUAL = HillCurve(1.0, 1.5), HillCurve(0.1, 1.5)
UNEQUAL = HillCurve(1.0, 1.0), HillCurve(0.1, 2.5)
PARTIAL = HillCurve(1.0, 1.2, 0.9), HillCurve(0.1, 2.0, 0.6)
GRID = np.array([(a, b) for a in 4.0 ** np.arange(-2, 3) for b in 0.1 * 4.0 ** np.arange(-2, 3)])


def surface(kappa: float):
    """Effect of one well for `plate`; drugs alone are on their own curves."""

    def effect(curves, doses):
        return float(braid_effect(np.asarray(doses, dtype=float), curves, kappa)[0])

    return effect


def kappa_of(table):
    (row,) = table[table["method"] == "braid_kappa"].to_dict("records")
    return row


def test_without_interaction_and_with_equal_slopes_it_is_additive():
    effect, _ = braid_effect(GRID, EQUAL, 0.0)
    assert effect == pytest.approx(loewe_effect(GRID, EQUAL), abs=1e-12)
    lower = tuple(HillCurve(c.ec50, c.hill, 0.7) for c in EQUAL)
    assert braid_effect(GRID, lower, 0.0)[0] == pytest.approx(loewe_effect(GRID, lower), abs=1e-12)


@pytest.mark.parametrize("curves", [EQUAL, UNEQUAL, PARTIAL])
def test_alone_each_drug_is_on_its_own_curve(curves):
    for i, curve in enumerate(curves):
        alone = np.where(np.arange(2) == i, GRID, 0.0)
        for kappa in (-1.0, 0.0, 5.0):
            assert braid_effect(alone, curves, kappa)[0] == pytest.approx(
                curve.effect(GRID[:, i]), abs=1e-12
            )


def test_an_effect_by_the_published_equations():
    """Both drugs at half effect: t = 1; (2 + kappa)^n over 1 plus it of full effect."""
    at = np.array([[1.0, 0.1]])
    for kappa, n in ((0.0, 1.5), (1.0, 1.5), (-1.0, 1.5)):
        assert braid_effect(at, EQUAL, kappa)[0][0] == pytest.approx(
            (2 + kappa) ** n / (1 + (2 + kappa) ** n)
        )
    # t = 1, shares 1 and 2 / 3: 1 and (2/3) / (4/3) = 1/2, to the power of 1 / sqrt(1.2 * 2).
    half, n = 0.5 ** (1 / np.sqrt(2.4)), np.sqrt(2.4)
    acting = 1 + half + 3 * np.sqrt(half)
    assert braid_effect(at, PARTIAL, 3.0)[0][0] == pytest.approx(0.9 / (1 + acting**-n))


def test_more_kappa_is_more_effect_and_the_slope_is_right():
    effects = [braid_effect(GRID, PARTIAL, kappa)[0] for kappa in (-1.9, -1.0, 0.0, 1.0, 10.0)]
    assert (np.diff(effects, axis=0) > 0).all()
    step = 1e-5
    _, steep = braid_effect(GRID, PARTIAL, 0.7)
    up, down = (braid_effect(GRID, PARTIAL, 0.7 + s)[0] for s in (step, -step))
    assert steep == pytest.approx((up - down) / 2 / step, abs=1e-8)


def test_the_fit_is_the_least_squares_one():
    rng = np.random.default_rng(4)
    seen = braid_effect(GRID, UNEQUAL, 1.5)[0] + 0.05 * rng.standard_normal((6, len(GRID)))
    weight = rng.uniform(1, 4, len(GRID))

    def loss(log_above, one):
        off = braid_effect(GRID, UNEQUAL, np.exp(log_above) - 2)[0] - one
        return float(weight @ off**2)

    found = fit_log_kappa(GRID, seen, UNEQUAL, weight)
    best = [minimize_scalar(loss, bounds=(-4.6, 4.6), args=(one,), method="bounded",
                            options={"xatol": 1e-9}).x for one in seen]  # fmt: skip
    assert found == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("kappa", [-1.5, -0.5, 0.0, 0.8, 6.0])
@pytest.mark.parametrize("curves", [EQUAL, UNEQUAL, PARTIAL])
def test_what_was_drawn_is_found(kappa, curves):
    row = kappa_of(analyse(plate(curves, surface(kappa), matrix=True)))
    assert row["value"] == pytest.approx(kappa, abs=2e-3)
    assert row["level"] == "surface"
    assert row["call"] == ""


@pytest.mark.parametrize("kappa", [-1.0, 0.0, 2.0])
def test_its_interval_holds_it(kappa):
    row = kappa_of(analyse(plate(EQUAL, surface(kappa), n=3, sd=0.03, seed=2, matrix=True)))
    assert row["low"] < kappa < row["high"]
    assert row["low"] > -2
    assert row["high"] - row["low"] < 3


def test_it_has_no_value_where_a_drug_alone_has_no_curve():
    inert = HillCurve(1.0, 1.5), HillCurve(0.1, 1.5, 0.0)
    row = kappa_of(analyse(plate(inert, bliss, n=3, sd=0.03, seed=1, matrix=True)))
    assert np.isnan(row["value"])
    assert row["note"].endswith("alone shows no dose response.")
    assert not (analyse(plate(EQUAL, bliss))["method"] == "braid_kappa").any()
