"""Published answers through the command line, to the digits that were published."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.analysis.tables import chou_rows, oracle

pytestmark = pytest.mark.usefixtures("no_report")

# Chou et al. 1994 as recomputed by two independent codes: Dm, m, r.
SINGLE = {
    "paclitaxel": (0.002168, 1.24783, 0.99013),
    "cisplatin": (0.320156, 1.45990, 0.98600),
    "topotecan": (0.046213, 1.85486, 0.99103),
}
INDEX = {
    "paclitaxel + cisplatin": (0.88749, 0.78105, 0.69014, 0.63591),
    "cisplatin + topotecan": (0.55701, 0.56153, 0.56969, 0.57742),
    "paclitaxel + topotecan": (1.12570, 0.92342, 0.77247, 0.69222),
}


def analysed(call, table: pd.DataFrame, tmp_path, *options: str) -> dict[str, pd.DataFrame]:
    table.to_csv(tmp_path / "table.csv", index=False)
    status, _, error = call("analyse", tmp_path / "table.csv", "--out", tmp_path / "out", *options)
    assert status == 0, error
    return {path.stem: pd.read_csv(path) for path in (tmp_path / "out").glob("*.csv")}


def test_chou_1994(call, tmp_path) -> None:
    found = analysed(call, chou_rows(), tmp_path, "--response-is", "fa")
    fits = found["dose_response"].set_index("drug")
    for drug, (dm, m, r) in SINGLE.items():
        line = fits.loc[drug]
        assert line["median_effect_dm_um"] == pytest.approx(dm, abs=5e-7)
        assert line["median_effect_m"] == pytest.approx(m, abs=6e-6)
        assert line["median_effect_r"] == pytest.approx(r, abs=6e-6)
    index = found["synergy"]
    index = index[index["method"] == "combination_index"]
    for combination, values in INDEX.items():
        rows = index[index["combination"] == combination].set_index("level")["value"]
        for level, value in zip(("0.50", "0.75", "0.90", "0.95"), values, strict=True):
            assert rows[f"fa={level}"] == pytest.approx(value, abs=6e-6)
    assert set(index["combination"]) == set(INDEX)


def test_without_replicates_the_index_speaks_and_bliss_has_no_interval(call, tmp_path) -> None:
    chou_rows().to_csv(tmp_path / "t.csv", index=False)
    status, messages, _ = call("analyse", tmp_path / "t.csv", "--response-is", "fa")
    text = " ".join(messages.split())
    assert status == 0
    assert "Synergistic by the combination index: cisplatin + topotecan." in text
    assert "cisplatin + topotecan: by the combination index synergistic (0.57, 95 % CI" in text
    assert "Bliss: without an interval" in text


def test_ryegrass(call, tmp_path) -> None:
    grass = pd.read_csv(oracle("ryegrass_drc.csv"))
    table = grass.rename(columns={"conc": "dose_1_um", "rootl": "response"})
    found = analysed(
        call, table.assign(drug_1="ferulic acid"), tmp_path, "--response-is", "raw"
    )  # fmt: skip
    line = found["dose_response"].iloc[0]
    assert line["ec10_um"] == pytest.approx(1.46371, abs=1e-5)
    assert line["ec50_um"] == pytest.approx(3.05795, abs=2e-5)
    assert line["ec90_um"] == pytest.approx(6.38864, abs=2e-5)
    assert (line["ec50_wald_low_um"], line["ec50_wald_high_um"]) == pytest.approx(
        (2.67053, 3.44538), abs=2e-5
    )
    assert (line["hill"], line["emax"], line["e0"]) == pytest.approx(
        (2.98222, 0.48141, 7.79296), abs=2e-5
    )
    assert line["rmse"] == pytest.approx(0.51963, abs=1e-5)
    assert "synergy" not in found or found["synergy"].empty
    assert (found["comparisons"]["p_dunnett"] < 1).any()


def test_mathews_2014_in_synergyfinders_columns(call, tmp_path) -> None:
    status, _, error = call(
        "analyse", oracle("mathews_block1.csv"), "--response-is", "viability",
        "--response-unit", "percent", "--out", tmp_path / "out",
    )  # fmt: skip
    assert status == 0, error
    rows = pd.read_csv(tmp_path / "out" / "synergy.csv")
    assert set(rows["combination"]) == {"ispinesib + ibrutinib"}
    means = rows[rows["level"] == "mean"].set_index("method")["value"]
    assert 100 * means["bliss_excess"] == pytest.approx(10.856, abs=1e-3)
    assert 100 * means["hsa_excess"] == pytest.approx(20.195, abs=1e-3)
    doses = rows[(rows["method"] == "bliss_excess") & (rows["level"] == "dose")]
    assert len(doses) == 25
    assert doses["dose_1_um"].max() == pytest.approx(2.5)  # given as 2500 nM
    back = pd.read_csv(tmp_path / "out" / "synergyfinder.csv")
    assert (back["conc_unit"] == "uM").all()
    assert len(back) == 36
