"""Degenerate tables: a clear sentence each, nothing written or an honest gap."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.analysis.tables import bliss_plate

pytestmark = pytest.mark.usefixtures("no_report")

GOOD = bliss_plate(drugs="ab", n=2, seed=2)


def changed(**columns) -> pd.DataFrame:
    return GOOD.assign(**columns)


def first(column: str, value) -> pd.DataFrame:
    table = GOOD.astype({column: object})
    table.loc[7, column] = value
    return table


REFUSED = [
    (first("dose_1_um", -1), "line 9, column 3 (dose_1_um): the dose -1 is negative"),
    (first("dose_1_um", "much"), "'much' is not a number"),
    (first("response", "high"), "line 9, column 6 (response): 'high' is not a number"),
    (first("response", "#DIV/0!"), "error value of the spreadsheet program"),
    (first("response", "inf"), "not a finite number"),
    (
        first("well", "1E+03"),
        "'1E+03' is a number; a spreadsheet program reads names",
    ),
    (
        first("well", "01. Jan"),
        "'01. Jan' is a date; a spreadsheet program has turned the",
    ),
    (first("well", "A01"), "Well A01 stands in table.csv, line 2 and in table.csv, line 9"),
    (first("drug_1", ""), "the dose 0.5 has no drug; write the drug's name in the same line"),
    (changed(drug_2="a", dose_2_um=0.1), "has a twice; name each drug once"),
    (changed(response=np.nan), "The column response holds no number"),
    (changed(dose_1_um=0, dose_2_um=0), "No row has a dose above 0"),
    (changed(time_h=[np.nan, *[1] * (len(GOOD) - 1)]), "line 2 has no time_h"),
    (
        GOOD.rename(columns={"dose_1_um": "dose_1"}),
        "of a has no unit; write the unit into the",
    ),
    (GOOD.rename(columns={"dose_1_um": "dose_1 (furlong)"}), "the unit 'furlong' is not known"),
    (GOOD.drop(columns="response"), "has no column response; it has well, drug_1"),
    (GOOD.drop(columns="dose_2_um"), "has drug_2 but no column dose_2_um"),
    (GOOD[["well", "response"]], "has no column of drugs or doses"),
    (GOOD.iloc[:0], "has headings but no rows"),
    (changed(role="treated"), "has role treated, but no drug with a dose above 0"),
]


@pytest.mark.parametrize(
    ("table", "messages"), REFUSED, ids=[messages[:40] for _, messages in REFUSED]
)
def test_refused_with_a_sentence_and_nothing_written(call, tmp_path, table, messages) -> None:
    table.to_csv(tmp_path / "table.csv", index=False)
    status, out, error = call("analyse", tmp_path / "table.csv", "--response-is", "fa")
    assert status == 2
    assert out == ""
    assert messages in error
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_the_meaning_is_never_guessed(call, tmp_path) -> None:
    path = tmp_path / "table.csv"
    GOOD.to_csv(path, index=False)
    status, _, error = call("analyse", path)
    assert (status, "Say it with --response-is" in error) == (2, True)
    status, _, error = call("analyse", path, "--response-is", "alive")
    assert status == 2
    changed(response=100 * GOOD["response"]).to_csv(path, index=False)
    status, _, error = call("analyse", path, "--response-is", "fa")
    assert status == 2
    assert "no fractions; say --response-unit percent" in error
    GOOD.rename(columns={"response": "viability"}).to_csv(path, index=False)
    status, _, error = call("analyse", path, "--response-is", "fa")
    assert status == 2
    assert "called 'viability', but --response-is says fa" in error
    status, _, error = call("analyse", tmp_path / "none.csv", "--response-is", "fa")
    assert (status, "does not exist" in error) == (2, True)
    status, _, error = call("analyse", "", "--response-is", "fa")
    assert (status, "empty text" in error) == (2, True)
    empty = tmp_path / "empty"
    empty.mkdir()
    status, _, error = call("analyse", empty)
    assert (status, "neither run.json nor a table" in error) == (2, True)


def table_of(call, tmp_path, table, *options) -> tuple[dict[str, pd.DataFrame], str]:
    path = tmp_path / "table.csv"
    table.to_csv(path, index=False)
    status, out, error = call("analyse", path, "--response-is", "fa", *options)
    assert status == 0, error
    folder = tmp_path / "table_spheroid_qc"
    return {p.stem: pd.read_csv(p) for p in folder.glob("*.csv")}, out + error


def test_one_dose(call, tmp_path) -> None:
    one = GOOD[GOOD["dose_1_um"].isin([1.0, np.nan]) & GOOD["drug_2"].isna()]
    found, messages = table_of(call, tmp_path, one.fillna({"dose_1_um": 0}))
    assert "too few for a curve" in found["dose_response"]["note"].iloc[0]
    assert "no well holds more than one drug" in messages


def test_one_dose_of_each_drug_and_a_combination(call, tmp_path) -> None:
    doses = [dose for dose in GOOD["dose_1_um"].unique() if dose in (1.0, 0.1)]
    few = GOOD[GOOD["dose_1_um"].isin(doses) | GOOD["dose_1_um"].isna()]
    found, messages = table_of(call, tmp_path, few)
    notes = found["synergy"].set_index("method")["note"]
    assert "No combination index." in notes["combination_index"]
    assert "an index needs at least 3" in notes["combination_index"]
    means = found["synergy"][found["synergy"]["level"] == "mean"].set_index("method")
    assert np.isfinite(means.loc["bliss_excess", "value"])
    assert "by Bliss" in messages


def test_no_vehicle(call, tmp_path) -> None:
    found, messages = table_of(call, tmp_path, GOOD[GOOD["drug_1"].notna()])
    assert "there is no vehicle to compare with" in messages
    assert "comparisons" not in found
    assert found["synergy"]["value"].notna().any()


def test_constant_response(call, tmp_path) -> None:
    found, messages = table_of(call, tmp_path, changed(response=0.3))
    assert found["dose_response"]["note"].str.contains("No dose response").all()
    assert found["dose_response"]["ec50_um"].isna().all()
    assert "Synergistic" not in messages
    assert "no dose response" in messages


def test_some_missing_and_blanks(call, tmp_path) -> None:
    table = first("response", "NA")
    blank = pd.DataFrame({"well": ["P24"], "response": [0.0], "role": ["blank"]})
    _, messages = table_of(call, tmp_path, pd.concat([table, blank]))
    assert "1 row without a response left out" in messages
    assert "1 well of role blank not used in any fit" in messages


def test_names_from_the_table_are_harmless(call, tmp_path) -> None:
    bad = {"a": "=cmd|' /C calc'!A0", "b": "<script>alert(1)</script>"}
    found, out = table_of(call, tmp_path, GOOD.replace({"drug_1": bad, "drug_2": bad}))
    text = (tmp_path / "table_spheroid_qc" / "dose_response.csv").read_text("utf-8")
    assert "\n=cmd" not in text
    assert "'=cmd" in text
    assert "\x1b" not in out
    assert len(found["dose_response"]) == 3


def test_places_that_must_not_be_written_to(call, tmp_path) -> None:
    path = tmp_path / "table.csv"
    GOOD.to_csv(path, index=False)
    status, _, error = call("analyse", path, "--response-is", "fa", "--out", path)
    assert (status, "is a file, not a folder" in error) == (2, True)
    other = tmp_path / "other"
    other.mkdir()
    (other / "synergy.csv").write_text("mine", "utf-8")
    status, _, error = call("analyse", path, "--response-is", "fa", "--out", other)
    assert (status, "did not write there" in error) == (2, True)
    assert (other / "synergy.csv").read_text("utf-8") == "mine"
    (other / "run.json").write_text('{"parameters": {}}', "utf-8")
    status, _, error = call("analyse", path, "--response-is", "fa", "--out", other)
    assert (status, "folder of a run" in error) == (2, True) or "run.json" in error


def test_only_response_settings_may_change(call, tmp_path) -> None:
    path = tmp_path / "table.csv"
    GOOD.to_csv(path, index=False)
    say = ("analyse", path, "--response-is", "fa")
    status, _, error = call(*say, "--set", "quality.outlier_z=3")
    assert (status, "section response only" in error) == (2, True)
    status, _, error = call(*say, "--set", "response.nonsense=3")
    assert status == 2
    status, _, error = call(*say, "--time", "soon")
    assert (status, "--time" in error) == (2, True)
    status, _, error = call(*say, "--set", "response.confidence=0.9")
    assert status == 0, error
    wide = pd.read_csv(tmp_path / "table_spheroid_qc" / "dose_response.csv")
    status, _, error = call(*say)
    assert status == 0
    usual = pd.read_csv(tmp_path / "table_spheroid_qc" / "dose_response.csv")
    assert (wide["ec50_high_um"] < usual["ec50_high_um"]).all()
