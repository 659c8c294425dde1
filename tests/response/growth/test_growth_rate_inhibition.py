"""GR values and metrics against the published toy data of two other implementations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spheroid_qc.errors import RequestError
from spheroid_qc.response.growth.growth_rate_inhibition import (
    METRICS,
    drug_gr_metrics,
    gr_metrics,
    gr_value,
    volume_gr,
)
from tests.response.plates import series, shuffled

KEYS = ["cell_line", "agent", "perturbation", "replicate", "time"]
DOSES = np.geomspace(0.001, 10, 9)


@pytest.fixture(scope="module")
def toy(shared):
    values = pd.read_csv(shared / "oracles" / "gr_toy_output1_values.tsv", sep="\t")
    values["gr"] = gr_value(
        values["cell_count"], values["cell_count__ctrl"], values["cell_count__time0"]
    )
    return values, gr_metrics(values, KEYS, "concentration")


def test_the_published_value():
    assert gr_value(1131, 1212.5, 299.5) == pytest.approx(0.932192640069, abs=1e-12)


def test_published_values(toy):
    values, _ = toy
    assert values["gr"].tolist() == pytest.approx(values["GRvalue"].tolist(), rel=1e-10)


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("gr_toy_output1_metrics.tsv", {"GR_AUC": "gr_aoc", "EC50": "gec50"}),
        ("gr_toy_output1_metrics_R.tsv", {"GR_AOC": "gr_aoc", "GEC50": "gec50"}),
    ],
)
def test_published_metrics(toy, shared, file, names):
    names = names | {"GR50": "gr50", "GRmax": "gr_max", "GRinf": "gr_inf", "Hill": "hill",
                     "r2": "r2", "pval": "p"}  # fmt: skip
    published = pd.read_csv(shared / "oracles" / file, sep="\t")
    published = published.rename(columns={a: f"{b}_published" for a, b in names.items()})
    both = toy[1].merge(published, on=KEYS, suffixes=("", "_x"))
    assert len(both) == 112
    flat = both["gec50_published"] == 0  # how they write a flat fit
    assert ((both["fit"] == "flat") == flat).all()
    assert np.isinf(both.loc[flat, "gr50"]).all()
    for name in ("gr_max", "gr_aoc"):
        assert both[name].tolist() == pytest.approx(both[f"{name}_published"].tolist(), rel=1e-9)
    curves = both[~flat]
    for name, exact in (("gr50", 1e-4), ("gec50", 1e-4), ("gr_inf", 1e-4), ("hill", 1e-4)):
        ours, theirs = curves[name], curves[f"{name}_published"]
        # Their searches stop early: the two publish digits that differ by up to 3e-3.
        assert ours.tolist() == pytest.approx(theirs.tolist(), rel=3e-3, abs=1e-4)
        assert np.isclose(ours, theirs, rtol=exact, atol=1e-5).mean() > 0.95
    assert curves["r2"].tolist() == pytest.approx(curves["r2_published"].tolist(), abs=1e-8)
    assert curves["p"].tolist() == pytest.approx(curves["p_published"].tolist(), rel=1e-4)


def curve(bottom, middle, hill, noise=0.0, copies=1, seed=0):
    dose = np.repeat(DOSES, copies)
    gr = bottom + (1 - bottom) / (1 + (dose / middle) ** hill)
    gr = gr + np.random.default_rng(seed).normal(0, noise, dose.size)
    return pd.DataFrame({"drug": "x", "dose_um": dose, "gr": gr})


@pytest.mark.parametrize("hill", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("bottom", [-0.6, 0.0, 0.4])
def test_a_curve_without_noise_is_found(hill, bottom):
    line = gr_metrics(curve(bottom, 0.2, hill)).iloc[0]
    assert line["fit"] == "sigmoid"
    assert (line["gr_inf"], line["gec50"], line["hill"]) == pytest.approx(
        (bottom, 0.2, hill), rel=1e-4, abs=1e-5
    )
    expected = 0.2 * (0.5 / (0.5 - bottom)) ** (1 / hill)
    assert line["gr50"] == pytest.approx(expected, rel=1e-3)


def test_beyond_the_doses_is_said():
    far = gr_metrics(curve(-0.2, 30.0, 1.0)).iloc[0]
    assert "GR50 > 10" in far["note"]
    shallow = gr_metrics(curve(0.7, 0.2, 1.0)).iloc[0]
    assert np.isinf(shallow["gr50"])
    assert "not reached" in shallow["note"]


def test_poor_curves_are_said():
    idle = gr_metrics(curve(0.99, 1.0, 1.0, noise=0.1, seed=2)).iloc[0]
    assert (idle["fit"], idle["gr50"]) == ("flat", np.inf)
    assert np.isnan(idle[["gec50", "hill"]].astype(float)).all()
    dead = gr_metrics(pd.DataFrame({"drug": "x", "dose_um": DOSES, "gr": -0.5})).iloc[0]
    assert (dead["fit"], dead["gr50"], dead["note"]) == ("flat", -np.inf, "Constant.")
    few = gr_metrics(curve(0, 0.2, 1).iloc[:2]).iloc[0]
    assert "needs four" in few["note"]
    none = gr_metrics(curve(0, 0.2, 1).assign(gr=np.nan)).iloc[0]
    assert "No GR value" in none["note"]
    assert gr_metrics(curve(0, 0.2, 1).iloc[:0]).empty
    with pytest.raises(RequestError, match="negative dose"):
        gr_metrics(curve(0, 0.2, 1).assign(dose_um=-1.0))


def test_replicates_and_order_of_rows():
    table = curve(-0.3, 0.1, 1.3, noise=0.05, copies=3)
    one, other = gr_metrics(table), gr_metrics(shuffled(table))
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert one["n_doses"].iloc[0] == 9
    assert list(one.columns) == ["drug", *METRICS]


def test_values_out_of_reach():
    assert gr_value(0, 4, 1) == -1
    assert gr_value(1, 4, 1) == 0
    assert gr_value([2, 2, 2, np.nan], [1, 4, np.nan, 4], [1, 0, 1, 1]) == pytest.approx(
        [np.nan] * 4, nan_ok=True
    )


def plate(reference=4.0):
    parts = [series({"A01": [2, 2 * reference], "A02": [1, reference], "A03": [1, reference]},
                    [0, 48], "vehicle", "vehicle")]  # fmt: skip
    for i, dose in enumerate((0.1, 1.0, 10.0, 100.0)):
        growth = reference ** (1 / (1 + dose))
        own = series({f"B{i + 1:02d}": [3.0, 3 * growth]}, [0, 48], f"x {dose} uM")
        parts.append(own.assign(drug_1="x", dose_1_um=dose))
    return pd.concat(parts, ignore_index=True)


def test_wells_start_from_their_own_volume():
    table = volume_gr(plate()).set_index("well")
    assert table.loc["A01", "gr"] == pytest.approx(1)
    assert table.loc["B02", "gr"] == pytest.approx(2**0.5 - 1)
    assert table.loc["B02", "reference_growth"] == 4
    metrics = drug_gr_metrics(volume_gr(plate()))
    assert metrics[["drug", "dose_unit", "n"]].iloc[0].tolist() == ["x", "uM", 4]


def test_a_reference_that_does_not_grow_defines_nothing():
    table = volume_gr(plate(0.9))
    assert table["gr"].isna().all()
    assert table["note"].str.contains("did not grow").all()
    assert volume_gr(plate(1.1))["note"].str.contains("hardly grew").all()
    alone = volume_gr(plate().query("role != 'vehicle'"))
    assert alone["note"].str.contains("No reference well").all()
