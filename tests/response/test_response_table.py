"""Tables are taken at their word, or refused with a sentence that says where and why."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spheroid_qc.errors import RequestError
from spheroid_qc.response.response_table import read_responses


def table(**columns):
    base = {"drug_1": ["a", "a", "a"], "dose_1_um": [0.0, 1.0, 2.0], "response": [0.0, 0.4, 0.8]}
    return pd.DataFrame(base | columns)


def test_doses_have_one_column_per_drug_in_order_of_first_appearance():
    read = read_responses(
        pd.DataFrame(
            {
                "drug_1": ["b", "a", None],
                "dose_1_um": [1.0, 2.0, None],
                "drug_2": ["a", "c", "b"],
                "dose_2_um": [3.0, 4.0, 0.0],
                "response": [0.1, 0.2, 0.3],
            }
        )
    )
    assert read.drugs == ("b", "a", "c")
    assert read.doses.tolist() == [[1, 3, 0], [0, 2, 4], [0, 0, 0]]
    assert list(read.rows["role"]) == ["treated", "treated", "vehicle"]


def test_doses_that_differ_in_the_last_digits_are_one():
    amounts = [0.1 * 3, 0.3, 0.3 * (1 + 2e-16), 0.3001, 0, 0.30000000000000004]
    table = pd.DataFrame({"drug_1": "x", "dose_1_um": amounts, "response": 0.5})
    doses = read_responses(table).doses[:, 0]
    assert len(np.unique(doses)) == 3
    assert doses[3] == 0.3001
    other = read_responses(table.iloc[::-1]).doses[::-1, 0]
    assert (doses == other).all()


@pytest.mark.parametrize(
    ("kind", "unit", "convert"),
    [
        ("fa", "percent", lambda f: float(f"{100 * f:.1f}")),
        ("viability", "fraction", lambda f: float(f"{1 - f:.3f}")),
        ("viability", "percent", lambda f: float(f"{100 - 100 * f:.1f}")),
        ("inhibition", "percent", lambda f: float(f"{100 * f:.1f}")),
    ],
)
def test_the_same_number_written_another_way_is_the_same_to_the_last_digit(kind, unit, convert):
    effect = np.random.default_rng(2).uniform(-0.3, 1.3, 300).round(3)
    table = pd.DataFrame({"drug_1": "x", "dose_1_um": 1.0, "response": effect})
    other = table.assign(response=[convert(f) for f in effect])
    assert (read_responses(table).effect == effect).all()
    assert (read_responses(other, kind, unit).effect == effect).all()


def test_all_digits_of_an_effect_are_kept_but_for_the_last():
    effect = np.random.default_rng(2).uniform(-0.3, 1.3, 300)
    table = pd.DataFrame({"drug_1": "x", "dose_1_um": 1.0, "response": effect})
    read = read_responses(table).effect
    assert read == pytest.approx(effect, abs=1e-12)
    again = read_responses(table.assign(response=100 - 100 * effect), "viability", "percent")
    assert (again.effect == read).all()
    assert (read_responses(table, "raw").effect == effect).all()


@pytest.mark.parametrize("reference", ["median", ""])
def test_what_effects_were_normalised_to_is_kept(reference):
    table = pd.DataFrame({"drug_1": "x", "dose_1_um": [0, 1.0], "response": 0.5})
    read = read_responses(table, reference=reference)
    assert read.reference == reference
    assert read.where(read.effect > 0).reference == reference


def test_an_unknown_reference_is_refused():
    table = pd.DataFrame({"drug_1": "x", "dose_1_um": [0, 1.0], "response": 0.5})
    with pytest.raises(RequestError, match="mean, median or empty, not 'mode'"):
        read_responses(table, reference="mode")


@pytest.mark.parametrize(
    ("kind", "unit", "given", "effect"),
    [
        ("fa", "fraction", -0.2, -0.2),
        ("fa", "percent", 120.0, 1.2),
        ("inhibition", "percent", 25.0, 0.25),
        ("viability", "percent", 122.0, -0.22),
        ("viability", "fraction", 0.3, 0.7),
        ("raw", "percent", 7.5, 7.5),
    ],
)
def test_stated_values_are_used_as_given(kind, unit, given, effect):
    read = read_responses(table(response=[given, given, given]), kind, unit)
    assert read.effect == pytest.approx([effect] * 3)


@pytest.mark.parametrize(
    ("wrong", "messages"),
    [
        ({"dose_1_um": [0, 1, -2]}, "Row 3, column dose_1_um: a dose can't be negative"),
        ({"drug_1": ["a", "a", None]}, "dose 2 has no drug"),
        ({"drug_2": "a", "dose_2_um": [0, 0, 1.0]}, "a is given twice"),
        ({"drug_2": "b"}, "no column dose_2_um"),
        ({"response": [0, "n/a?", 1]}, "Row 2, column response: 'n/a\\?' is not a number"),
        ({"response": [0, np.inf, 1]}, "infinite"),
        ({"response": [np.nan] * 3}, "no number: there is nothing to analyse"),
        ({"dose_1_um": [0, 0, 0]}, "No row has a dose above 0"),
        ({"drug_1": None, "dose_1_um": None}, "No row names a drug"),
        ({"well": ["A1", "A01", "A2"]}, "Well A01 stands in row 1 and in row 2"),
        ({"well": ["A1", "01-Jan", "A2"]}, "'01-Jan' is not a well"),
        ({"well": ["A1", "1.00E+05", "A2"]}, "is not a well"),
        ({"role": ["vehicle", "vehicle", ""]}, "Row 2 has role vehicle, but a drug"),
        ({"role": ["treated", "", ""]}, "Row 1 has role treated, but no drug"),
        ({"role": "blank"}, "nothing to fit"),
        ({"time_h": [1, None, 2]}, "Row 2 has no time_h"),
    ],
)
def test_mistakes_are_refused_with_a_sentence(wrong, messages):
    with pytest.raises(RequestError, match=messages) as refused:
        read_responses(table(**wrong))
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("kind", ["viabilty", "", "IC50"])
def test_unknown_kinds_are_refused(kind):
    with pytest.raises(RequestError, match="--response-is"):
        read_responses(table(), kind)
    with pytest.raises(RequestError, match="--response-unit"):
        read_responses(table(), "fa", "ppm")


def test_missing_columns_and_empty_tables_are_named():
    with pytest.raises(RequestError, match="no column response; it has drug_1, dose_1_um"):
        read_responses(table().drop(columns="response"))
    with pytest.raises(RequestError, match="no column drug_1"):
        read_responses(pd.DataFrame({"response": [1.0]}))
    with pytest.raises(RequestError, match="no rows"):
        read_responses(table().iloc[:0])


def test_the_same_well_at_two_times_or_plates_is_no_double():
    read_responses(table(well="A1", time_h=[0, 24, 48]))
    read_responses(table(well="A1", plate=[1, 2, 3]))


def test_what_is_left_out_is_counted():
    read = read_responses(
        table(role=["vehicle", "", "positive control"], response=[0, None, 1.0], well=None)
    )
    assert len(read.rows) == 1
    assert "1 row without a response" in " ".join(read.notes)
    assert "role positive_control" in " ".join(read.notes)


def test_doses_in_another_unit_keep_it_and_units_do_not_mix():
    own = {"dose_1_um": [np.nan] * 3, "dose_1": [0, 2.0, 4.0], "unit_1": "Gy"}
    read = read_responses(table(**own))
    assert read.units == ("Gy",)
    assert read.doses[:, 0].tolist() == [0, 2, 4]
    with pytest.raises(RequestError, match="one unit"):
        read_responses(table(**(own | {"dose_1_um": [np.nan, 1.0, np.nan]})))
    with pytest.raises(RequestError, match="has no unit"):
        read_responses(table(**(own | {"unit_1": None})))
