"""What a matrix of doses has besides: zero interaction potency, the most synergistic area."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import least_squares

from spheroid_qc.response.synergy.excess_over_expected import areas_of
from tests.response.synergy.test_synergy_table import CURVES, analyse, bliss, mean_of, plate


def test_independent_drugs_leave_each_other_s_curve_as_it_is():
    found = analyse(plate(CURVES[:2], bliss, matrix=True)).query("method == 'zip_excess'")
    assert set(found["level"]) == {"mean", "area", "dose"}
    assert found["value"].to_numpy(float) == pytest.approx(np.zeros(len(found)), abs=1e-6)


def test_zip_is_the_mean_of_both_fitted_curves_as_published():
    """Drug 1 is four times as potent beside drug 2; the other curve is fitted here by scipy."""
    one, two = CURVES[:2]

    def shifted(curves, doses):
        potent = 4 if (doses > 0).all() else 1
        return 1 - (1 - float(one.effect(potent * doses[0]))) * (1 - float(two.effect(doses[1])))

    found = analyse(plate((one, two), shifted, matrix=True))
    rows = found[(found["method"] == "zip_excess") & (found["level"] == "dose")]
    for first, own in rows.groupby("dose_1_um"):
        second, begin = own["dose_2_um"].to_numpy(float), float(one.effect(first))
        seen = 1 - (1 - one.effect(4 * first)) * (1 - two.effect(second))

        def along(place, x=second, y=begin):
            power = (x / np.exp(place[0])) ** np.exp(place[1])
            return (y + power) / (1 + power)

        best = least_squares(lambda place, a=along, y=seen: a(place) - y, [np.log(0.1), 0.5])
        alone = 1 - (1 - begin) * (1 - two.effect(second))
        wanted = (seen + along(best.x)) / 2 - alone
        assert own["value"].to_numpy(float) == pytest.approx(wanted, abs=1e-5)


# Each drug is the more potent the more there is of the other: effects by drug a (rows: none, 0.25,
# 1, 4, 16 uM) and b (columns: none, 0.1, 0.4, 1.6, 6.4 uM), and delta scores of their combinations
# by another program, synfit 0.10.0 (MIT). Its curves of combinations may end below 1, which is the
# one difference of definition; here they end between 0.997 and 1.
STRENGTHENED = (
    (0.0, 0.112, 0.305, 0.604, 0.842),
    (0.048, 0.173, 0.38, 0.671, 0.875),
    (0.211, 0.355, 0.568, 0.806, 0.935),
    (0.585, 0.699, 0.835, 0.942, 0.983),
    (0.882, 0.922, 0.962, 0.988, 0.997),
)
OTHERS_ZIP = (
    (0.0178, 0.0407, 0.0469, 0.0255),
    (0.0558, 0.1174, 0.1190, 0.0603),
    (0.0676, 0.1233, 0.1052, 0.0485),
    (0.0262, 0.0437, 0.0344, 0.0154),
)


def test_zip_agrees_with_another_program_where_curves_end_at_full_effect():
    doses = (0, 0.25, 1, 4, 16), (0, 0.1, 0.4, 1.6, 6.4)
    rows = [
        {"drug_1": "a", "dose_1_um": a, "drug_2": "b", "dose_2_um": b, "response": effect}
        for a, effects in zip(doses[0], STRENGTHENED, strict=True)
        for b, effect in zip(doses[1], effects, strict=True)
    ]
    found = analyse(pd.DataFrame(rows)).query("method == 'zip_excess'")
    each = found[found["level"] == "dose"]
    table = each.pivot_table(index="dose_1_um", columns="dose_2_um", values="value").to_numpy(float)
    assert table == pytest.approx(np.array(OTHERS_ZIP), abs=5e-4)
    assert mean_of(found, "zip_excess")["value"] == pytest.approx(0.05924, abs=1e-4)


def test_pairs_in_a_fixed_ratio_have_no_matrix():
    found = analyse(plate(CURVES[:2], bliss))
    assert not (found["method"] == "zip_excess").any()
    assert not (found["level"] == "area").any()


def test_the_most_synergistic_area_is_found_and_has_an_interval():
    table = plate(CURVES[:2], bliss, n=3, sd=0.02, matrix=True)
    found = analyse(table)
    bliss_rows = found[found["method"] == "bliss_excess"]
    assert (bliss_rows["level"] == "area").sum() == 1  # 3 x 3 doses: the only one
    area = bliss_rows[bliss_rows["level"] == "area"].iloc[0]
    mean = mean_of(found, "bliss_excess")
    assert area["value"] == pytest.approx(mean["value"])
    assert (area["low"], area["high"]) == pytest.approx((mean["low"], mean["high"]), abs=1e-3)
    assert (area["dose_1_um"], area["dose_2_um"]) == pytest.approx((0.5, 0.05))
    assert area["note"] == ""


def test_the_highest_of_many_areas_is_too_high_by_chance_and_its_interval_knows():
    """36 doses of independent drugs, 16 areas, all with an excess of 0."""
    held = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        doses = 2.0 ** np.arange(-3, 3)
        rows = [(a, b) for a in (0, *doses) for b in (0, *doses)] * 3
        table = pd.DataFrame(rows, columns=["dose_1_um", "dose_2_um"])
        true = [bliss(CURVES[:2], row) for row in table.to_numpy() * (1.0, 0.1)]
        table["dose_2_um"] *= 0.1
        table["response"] = true + 0.05 * rng.standard_normal(len(table))
        found = analyse(table.assign(drug_1="a", drug_2="b"))
        area = found[(found["level"] == "area") & (found["method"] == "bliss_excess")].iloc[0]
        held += int(area["low"] < 0 < area["high"])
    assert held >= 11


def test_areas_are_three_by_three_neighbouring_doses():
    doses = np.array([(a, b) for a in (1, 2, 4, 8) for b in (10, 30, 90)], dtype=float)
    assert areas_of(doses).tolist() == [list(range(9)), list(range(3, 12))]
    assert areas_of(doses[1:]).tolist() == [[i - 1 for i in range(3, 12)]]
    assert len(areas_of(np.ones((5, 3)))) == 0
