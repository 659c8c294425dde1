"""From wells of a run to the answer: the demo plate's truth, what was left out, joined values."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spheroid_qc.analysis.run_folder_analysis import analyse_wells
from spheroid_qc.analysis.verdict.verdict_sentences import remarks, verdict_lines
from spheroid_qc.parameters import Parameters, ResponseParameters
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.run.tables.tables_read_back import read_run_tables
from spheroid_qc.samples.plate_design import DEMO
from spheroid_qc.samples.truth import conditions_of as truth_of
from tests.analysis.plates import conditions_of, exact_wells

QUICK = Parameters(response=ResponseParameters(resamples=400))
IMAGE = ["core_volume_loss_vs_vehicle", "df_excess_vs_vehicle"]


def analysed(wells: pd.DataFrame, parameters: Parameters = QUICK, joined=()):
    return analyse_wells(
        wells, conditions_of(wells), parameters, source="run", joined=joined
    )  # fmt: skip


@pytest.fixture(scope="module")
def wells() -> pd.DataFrame:
    return exact_wells()


@pytest.fixture(scope="module")
def answer(wells):
    return analysed(wells)


@pytest.fixture(scope="module")
def pair(wells) -> pd.DataFrame:
    """The part of the plate without nab-paclitaxel, which is quicker to analyse."""
    has = (wells[[f"drug_{n}" for n in (1, 2, 3)]] == "nab-paclitaxel").any(axis=1)
    return wells[~has].reset_index(drop=True)


@pytest.fixture(scope="module")
def pair_answer(pair):
    return analysed(pair)


def test_the_demo_plate_is_answered_as_it_was_simulated(answer) -> None:
    simulated = {
        frozenset(i.drugs) for i in DEMO.interactions if i.synergistic
    }  # fmt: skip
    head, *pairs = answer.verdict.about("combination")
    messages = {frozenset(name.split(" + ")) for name in head.facts["synergistic"]}
    assert messages == simulated
    assert {len(f.subject.split(" + ")) for f in pairs} == {2, 3}
    assert len(pairs) == 4
    (third,) = answer.verdict.about("third_drug")
    assert third.outcome == "yes"
    truth = {c.condition: c for c in truth_of(DEMO)}
    best = max(c.shed_over_best_pair for c in truth.values() if c.n_drugs == 3)
    value = third.facts["df_excess_vs_vehicle"]["value"]
    assert 0.3 * best < value < 1.2 * best


def test_it_says_what_falls_apart_and_since_when(answer, wells) -> None:
    head, *conditions = answer.verdict.about("falls_apart")
    assert head.outcome == "yes"
    assert "of the vehicle wells 0 of 6" in head.sentence
    first = conditions[0]
    assert first.facts["events"] == first.facts["n"] == 3
    named = set(answer.wells.loc[answer.wells["state"] == "disintegrated", "condition"])
    assert {f.subject for f in conditions} <= named
    assert all("spheroids fell apart" in f.sentence for f in conditions)


def test_it_says_what_was_left_out(answer, wells) -> None:
    blurred = next(plan.well for plan in DEMO.wells if plan.blurred_from_h is not None)
    assert any(f"unscorable (a flag of severity exclude): {blurred}." in n for n in answer.notes)
    used = answer.used[answer.used["response"] == IMAGE[0]]
    assert blurred not in set(used["well"])
    empty = {plan.well for plan in DEMO.wells if plan.empty or plan.role == "positive_control"}
    assert not empty & set(used["well"])
    assert len(used) == 75 - 1 - 1 - 3


def test_both_image_responses_side_by_side(answer) -> None:
    assert list(answer.dose_response["response"].unique()) == IMAGE
    assert list(answer.synergy.columns[:3]) == ["response", "time_h", "combination"]
    assert (answer.synergy["time_h"] == 72).all()
    singles = answer.dose_response[~answer.dose_response["drug"].str.contains("+", regex=False)]
    assert len(singles) == 2 * 3
    assert answer.used["effect"].between(0, 1).all()


def test_clipping_is_counted_and_said(answer, wells) -> None:
    last = wells[(wells["time_h"] == 72) & wells["role"].isin(["vehicle", "treated"])]
    for use in answer.responses:
        assert use.n_below == int((last[use.name] < 0).sum()) > 0
        assert any(n.startswith(f"{use.name}: clipped") for n in answer.notes)


def test_tables_of_a_run(answer) -> None:
    z = answer.plate_quality[answer.plate_quality["statistic"] == "z_prime"]
    assert z["value"].max() > 0.5
    assert set(answer.comparisons["metric"]) == {
        "core_volume_loss_vs_t0", "disintegration_fraction"
    }  # fmt: skip
    assert answer.survival["n_events_total"].max() == 3
    assert len(answer.kinetics) == 75
    assert answer.gr_values["gr"].notna().any()
    assert set(answer.gr_metrics["drug"]) == {"selinexor", "gemcitabine", "nab-paclitaxel"}
    blocks = answer.synergyfinder.groupby("block_id")
    assert blocks["response_name"].nunique().max() == 1
    assert blocks.ngroups == 8
    assert answer.missing == {}
    text = "\n".join(verdict_lines(answer))
    assert "Synergistic by Bliss: " in text
    assert max(map(len, text.splitlines())) <= 100


def test_another_time_can_be_asked_for(pair) -> None:
    early = analysed(pair, Parameters(response=ResponseParameters(time_h=24, resamples=400)))
    assert early.time_h == 24
    assert (early.synergy["time_h"] == 24).all()
    assert (early.comparisons["time_h"] == 24).all()
    assert any("24 h, as asked" in note for note in early.notes)


def test_order_of_rows_does_not_matter(pair, pair_answer) -> None:
    mixed = analysed(pair.sample(frac=1, random_state=0))
    for name in ("synergy", "dose_response", "comparisons", "survival", "plate_quality"):
        pd.testing.assert_frame_equal(getattr(mixed, name), getattr(pair_answer, name))


def test_strata_are_analysed_apart(pair, pair_answer) -> None:
    own = pair.assign(condition=pair["condition"] + " | PANC-1", stratum="PANC-1")
    other = pair.assign(plate="VID2", condition=pair["condition"] + " | BxPC-3", stratum="BxPC-3")
    both = analysed(pd.concat([own, other], ignore_index=True))
    assert both.strata == ("BxPC-3", "PANC-1")
    part = both.synergy[both.synergy["stratum"] == "PANC-1"]
    np.testing.assert_allclose(part["value"], pair_answer.synergy["value"])
    head, *_ = both.verdict.about("combination")
    assert len(head.facts["synergistic"]) == 2
    one = analysed(own)  # a single stratum needs no column
    assert "stratum" not in one.synergy


def test_joined_end_points_are_raw_responses(pair) -> None:
    last = pair["time_h"] == 72
    atp = 1000 * (1 - pair["core_volume_loss_vs_vehicle"].clip(0, 1)) + 50
    joined = pair.assign(ATP=atp.where(last & pair["state"].ne("unscorable")))
    found = analysed(joined, joined=["ATP"])
    assert [use.name for use in found.responses] == [*IMAGE, "ATP"]
    assert found.responses[-1].kind == "raw"
    fits = found.dose_response[found.dose_response["response"] == "ATP"]
    assert fits["ec50_um"].notna().any()
    assert "ATP" in set(found.comparisons["metric"])
    assert "ATP" not in set(found.synergy["response"])


def test_schedules_are_kept_apart(pair) -> None:
    late = pair[pair["condition"] == "gemcitabine 0.09 uM"]
    some = late["well"].unique()[:1]
    renamed = pair.copy()
    moved = pair["well"].isin(some)
    renamed["schedule"] = np.where(pair["drug_2"].notna(), "from 0 h;from 0 h", "from 0 h")
    renamed.loc[moved, "schedule"] = "from 24 h"
    found = analysed(renamed)
    assert "gemcitabine (from 0 h)" in found.drugs
    assert "gemcitabine (from 24 h)" in found.drugs


def test_lost_wells_count_as_a_full_effect(pair) -> None:
    gone = pair.copy()
    at = (gone["condition"] == "selinexor 0.9 uM") & (gone["time_h"] == 72)
    gone.loc[at, ["df_excess_vs_vehicle", "disintegration_fraction"]] = np.nan
    gone.loc[at, "state"] = "lost"
    found = analysed(gone)
    used = found.used[
        (found.used["response"] == "df_excess_vs_vehicle")
        & (found.used["condition"] == "selinexor 0.9 uM")
    ]
    assert (used["effect"] == 1).all()
    assert any("3 lost wells" in note for note in found.notes)


def test_no_vehicle_and_one_time(pair) -> None:
    bare = pair[pair["role"] != "vehicle"].assign(
        core_volume_loss_vs_vehicle=np.nan, df_excess_vs_vehicle=np.nan
    )
    found = analysed(bare)
    assert found.dose_response.empty
    assert "No well of the plate map" in found.missing["dose_response"]
    assert verdict_lines(found)
    once = analysed(pair[pair["time_h"] == 72])
    assert "One time only" in once.missing["survival"]
    assert "time_h" not in once.synergy
    assert "One time only" in " ".join(remarks(once))
    head, *_ = once.verdict.about("falls_apart")
    assert head.outcome == "yes"


def test_the_simulated_tables_of_the_speed_benchmark_are_those_of_a_run(tmp_path) -> None:
    """A column that every run writes was missing there once: nobody could measure any more."""
    path = Path(__file__).parents[2] / "benchmarks" / "analysis_speed.py"
    spec = importlib.util.spec_from_file_location("analysis_speed", path)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    benchmark.write_run(tmp_path, times=3)
    assert len(read_run_tables(RunFolder(tmp_path)).wells) == 3 * 384
