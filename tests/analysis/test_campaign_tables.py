"""Many plates side by side: figures by hand, drift, and conditions across plates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spheroid_qc.analysis.campaign_tables import CampaignPlate, campaign_tables, outlying, robust_z
from spheroid_qc.analysis.verdict.campaign_sentences import campaign_sentences


def one_plate(number: int, size: float, loss: float = 0.5, vehicle_spread: float = 0.02):
    rows = []
    for time in (0.0, 48.0):
        for n in range(12):
            vehicle = n < 6
            away = vehicle_spread * (n % 6 - 2.5)
            rows.append(
                {
                    "plate": "P", "well": f"{'AB'[n // 6]}{n % 6 + 1:02d}", "time_h": time,
                    "condition": "vehicle" if vehicle else "drug 1 uM", "file": "x.tif",
                    "role": "vehicle" if vehicle else "treated", "state": "intact",
                    "equivalent_diameter_um": size * (1 + away / 10),
                    "disintegration_fraction": 0.01,
                    "core_volume_loss_vs_t0": (away if vehicle else loss) if time else 0.0,
                }
            )  # fmt: skip
    quality = pd.DataFrame(
        [
            {"plate": "P", "statistic": "z_prime", "metric": "m", "value": 0.5 + 0.01 * number},
            {"plate": "P", "statistic": "ssmd", "metric": "m", "value": 4.0},
            {"plate": "P", "statistic": "size_cv_t0_vehicle", "metric": "s", "value": 0.05},
        ]
    )
    wells = pd.DataFrame(rows)
    return CampaignPlate(f"plate {number}", f"run{number}", "P", wells, quality, pd.DataFrame())


def test_robust_z_by_hand() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, 100.0, np.nan])
    found = robust_z(values)
    assert found[2] == 0.0
    assert found[4] == pytest.approx(97 / 1.4826)
    assert np.isnan(found[5])
    assert np.isnan(robust_z(np.array([1.0, 2.0]))).all()
    assert np.isnan(robust_z(np.ones(5))).all()


def test_plates_in_their_order() -> None:
    plates = [one_plate(n, 300.0) for n in (1, 2, 3)]
    found = campaign_tables(plates)
    table = found.plates
    assert list(table["order"]) == [1, 2, 3]
    assert list(table["run"]) == ["run1", "run2", "run3"]
    assert list(table["z_prime"]) == [0.51, 0.52, 0.53]
    assert table["vehicle_size_t0"].to_numpy() == pytest.approx([300.0] * 3)
    assert set(table["size_metric"]) == {"equivalent_diameter_um"}
    assert list(table["vehicle_wells"]) == [6, 6, 6]
    assert list(found.quality["name"].unique()) == ["plate 1", "plate 2", "plate 3"]


def test_drift_of_vehicle_size_is_said() -> None:
    plates = [one_plate(n, 300.0 + 5 * n) for n in range(1, 9)]
    found = campaign_tables(plates)
    line = found.drift.set_index("figure").loc["vehicle_size_t0"]
    assert line["tau"] == pytest.approx(1.0)
    assert line["p"] < 0.001
    assert line["slope_per_plate"] == pytest.approx(5.0)
    sentences = campaign_sentences(found)
    assert any("size of vehicle spheroids at time zero rises" in text for text in sentences)
    steady = campaign_tables([one_plate(n, 300.0 + n % 2) for n in range(1, 9)])
    assert not any("size of vehicle" in text for text in campaign_sentences(steady))


def test_what_is_said_fits_the_number_of_plates() -> None:
    # One of four is far from the others, and four are too few to say so.
    few = [one_plate(n, 300.0 + n + 100.0 * (n == 4)) for n in range(1, 5)]
    found = campaign_tables(few)
    assert found.plates["vehicle_size_t0_robust_z"].abs().max() > 3.5
    assert not outlying(found.plates, "vehicle_size_t0").any()
    assert campaign_sentences(found) == ["With fewer than 5 plates none is said to stand out."]
    same = campaign_sentences(campaign_tables([one_plate(1, 300.0) for _ in range(6)]))
    assert same == ["No figure drifts from plate to plate, and no plate stands out."]
    assert campaign_sentences(campaign_tables(few[:1])) == []


def test_a_plate_that_stands_out_is_named() -> None:
    sizes = (300.0, 301.0, 299.0, 302.0, 298.0, 200.0)
    found = campaign_tables([one_plate(n, size) for n, size in enumerate(sizes, start=1)])
    (sentence,) = [t for t in campaign_sentences(found) if t.startswith("Plate plate 6: size")]
    assert "below the campaign's median" in sentence


def test_conditions_against_their_vehicle_and_across_plates() -> None:
    losses = (0.50, 0.52, 0.48, 0.51, 0.05)
    found = campaign_tables([one_plate(n, 300.0, loss) for n, loss in enumerate(losses, start=1)])
    rows = found.conditions
    drug = rows[(rows["condition"] == "drug 1 uM") & (rows["metric"] == "core_volume_loss_vs_t0")]
    vehicle = 0.02 * (np.arange(6) - 2.5)
    spread = 1.4826 * np.median(np.abs(vehicle - np.median(vehicle)))
    assert drug["robust_z_vs_vehicle"].iloc[0] == pytest.approx(0.5 / spread)
    assert list(drug["n_plates"]) == [5] * 5
    assert drug["robust_z_across_plates"].iloc[4] < -3.5
    assert drug["robust_z_across_plates"].abs().iloc[:4].max() < 3.5


def test_plates_without_the_common_time_show_their_last() -> None:
    short = one_plate(1, 300.0)
    wells = short.wells[short.wells["time_h"] == 0.0]
    first = CampaignPlate("short", "s", "P", wells, pd.DataFrame(), pd.DataFrame())
    found = campaign_tables([first, one_plate(2, 300.0)], time_h=48.0)
    assert list(found.plates["time_h"]) == [0.0, 48.0]
    assert np.isnan(found.plates["z_prime"].iloc[0])


def test_no_plates() -> None:
    found = campaign_tables([])
    for table in (found.plates, found.drift, found.conditions, found.quality):
        assert table.empty
