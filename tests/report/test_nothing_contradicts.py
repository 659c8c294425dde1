"""Title, sentences, tables and colours of a run say one thing: 200 simulated tables."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from spheroid_qc.analysis import Analysis, analyse_table
from spheroid_qc.analysis.treatment_families import families_of
from spheroid_qc.analysis.verdict.combination_verdict import OUTCOME_WORDS, OUTCOMES
from spheroid_qc.analysis.verdict.headline import headline
from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import Parameters, ResponseParameters
from spheroid_qc.report.drug_sections import is_matrix
from spheroid_qc.report.figures import draw_excess_matrix, draw_forest
from spheroid_qc.report.palette import DIVERGING
from spheroid_qc.response.synergy.model_registry import drawn_models, model_of

QUICK = Parameters(response=ResponseParameters(resamples=200))
AXES = Figure().add_subplot()
SIDES = {"more": 1, "slightly_more": 1, "open": 0, "": 0, "slightly_less": -1, "less": -1}


def simulated(seed: int) -> pd.DataFrame:
    """A table of one or two combinations: any shape, size, scatter and interaction."""
    rng = np.random.default_rng(seed)
    number = 1 + int(rng.random() < 0.25)
    rows: list[dict[str, object]] = []
    n, sd = int(rng.integers(1, 3)), float(rng.choice([0.01, 0.04, 0.1]))
    levels = 3
    for pair in range(number):
        names = [f"{'abcd'[2 * pair]}", f"{'abcd'[2 * pair + 1]}"]
        tops = rng.choice([0.0, 0.4, 0.9, 1.0, -0.3], size=2, p=[0.1, 0.2, 0.3, 0.3, 0.1])
        slopes, boost = rng.uniform(0.6, 4, size=2), rng.choice([-0.3, -0.07, 0, 0.07, 0.3])
        doses = [np.r_[0, np.geomspace(0.1, 10, levels)] for _ in names]
        ray = rng.random() < 0.3
        for i, x in enumerate(doses[0]):
            for j, y in enumerate(doses[1]):
                if ray and x and y and i != j:
                    continue
                alone = [top * d**h / (d**h + 1)
                         for top, d, h in zip(tops, (x, y), slopes, strict=True)]  # fmt: skip
                mean = 1 - (1 - alone[0]) * (1 - alone[1]) + (boost if x and y else 0.0)
                rows += [
                    {"drug_1": names[0] if x else "", "dose_1_um": x or None,
                     "drug_2": names[1] if y else "", "dose_2_um": y or None,
                     "response": mean + rng.normal(0, sd)}
                    for _ in range(n)
                ]  # fmt: skip
    return pd.DataFrame(rows)


def agrees(analysis: Analysis) -> None:
    """Hold title, sentences, table and pictures of one analysis against each other."""
    table = analysis.synergy
    minimum = analysis.parameters.response.min_excess
    for _, row in table.iterrows():
        model, call = model_of(row["method"]), row["call"]
        side, far = SIDES[call], np.log(row["value"]) if model.is_ratio else row["value"]
        if not side:
            continue
        assert np.sign(far) == (-side if model.is_ratio else side)
        assert model.side(
            -np.inf if row["low_qualifier"] else row["low"],
            np.inf if row["high_qualifier"] else row["high"],
        ) == side  # fmt: skip
        counts = abs(far) >= (np.log1p(minimum) if model.is_ratio else minimum)
        assert counts == (not call.startswith("slightly"))
    title, _ = headline(analysis, families_of(analysis.conditions, analysis.wells))
    found = [f for f in analysis.verdict.about("combination") if f.subject]
    for finding in found:
        own = table[(table["combination"] == finding.subject) & (table["level"] == "mean")]
        calls = {row["method"]: str(row["call"]) for _, row in own.iterrows()}
        lead = str(finding.facts["code"])
        call = calls.get(lead, "")
        assert finding.outcome == (OUTCOMES.get(call, call) or "unknown")
        for method, one in calls.items():
            told = finding.facts.get(f"fa:{method}")
            if isinstance(told, dict):
                assert told["outcome"] in (OUTCOMES.get(one, one), "unsure", "unknown")
                assert (told["outcome"] in ("unsure", "unknown")) == (one == "")
        if len(found) == 1:
            words = OUTCOME_WORDS[finding.outcome].did or None
            assert words is None or f" {words} by " in title
            assert (words is None) == ("can't be told" in title)
            said = {m for m, one in calls.items() if one and model_of(m).shows_interaction
                    and model_of(m).verdict_rank is not None}  # fmt: skip
            for method in said:
                assert model_of(method).name in title
    if len(found) > 1:
        for outcome, words in (("yes", "did more than"), ("opposite", "did less than"),
                               ("open", "not shown either way")):  # fmt: skip
            count = sum(f.outcome == outcome for f in found)
            assert (f"{count} {words}" in title) == (count > 0)
    pictures_agree(table)
    for finding in analysis.verdict.about("dose"):
        (row,) = (r for _, r in analysis.dose_response.iterrows() if r["drug"] == finding.subject)
        shown = np.isfinite(row["ec50_um"])
        assert ("EC50 " in finding.sentence.replace("no EC50", "")) == shown
        assert ("shows no dose response" in finding.sentence) == (row["pattern"] == "none")
        reached = re.search(r"reaches (\d+) % (affected|of the vehicle)", finding.sentence)
        if reached:
            top = float(row["effect_at_top"])
            shown = min(max(top, 0.0), 1.0) if reached[2] == "affected" else 1 - top
            assert int(reached[1]) == pytest.approx(100 * shown, abs=0.51)
        if "half effect not reached" in finding.sentence:
            assert not (np.isfinite(row["ic50_abs_um"]) and row["ic50_abs_qualifier"] != ">")


def pictures_agree(table: pd.DataFrame) -> None:
    """Colours, frames and filled dots are those of the table's rows."""
    for name in dict.fromkeys(table["combination"]):
        own = table[table["combination"] == name]
        for model in drawn_models():
            tiles = own[(own["method"] == model.method) & (own["level"] == "dose")]
            tiles = tiles[tiles["value"].notna()]
            if not len(tiles) or not is_matrix(tiles):
                continue
            AXES.clear()
            draw_excess_matrix(AXES, tiles, name.split(" + "))
            drawn = [p for p in AXES.patches if isinstance(p, Rectangle)]
            for patch, (_, row) in zip(drawn, tiles.iterrows(), strict=True):
                colour = [DIVERGING.index(to_hex(patch.get_facecolor()))]
                call = row["call"]
                assert np.sign(colour[0] - 5) in (0, np.sign(row["value"]))
                assert np.sign(colour[0] - 5) * SIDES[call] >= 0
                framed = patch.get_edgecolor()[3] > 0
                assert framed == bool(SIDES[call])
                solid = patch.get_linestyle() in ("-", "solid")
                assert solid != call.startswith("slightly") or not framed
        means = own[(own["level"] == "mean") & own["value"].notna()]
        AXES.clear()
        draw_forest(AXES, means, [name])
        dots = [line for line in AXES.lines if line.get_marker() == "o"]
        methods = [m.method for m in drawn_models() if m.method in set(means["method"])]
        for dot, method in zip(dots, methods, strict=True):
            (row,) = (r for _, r in means.iterrows() if r["method"] == method)
            filled = to_hex(dot.get_markerfacecolor()) == to_hex(dot.get_markeredgecolor())
            assert filled == bool(SIDES[row["call"]])


@pytest.mark.parametrize("first", range(0, 200, 10))
def test_no_verdict_is_contradicted(first: int) -> None:
    for seed in range(first, first + 10):
        try:
            analysis = analyse_table(simulated(seed), "fa", "fraction", QUICK)
        except RequestError as error:
            assert "vehicle" in str(error)  # noqa: PT017
            continue
        agrees(analysis)
