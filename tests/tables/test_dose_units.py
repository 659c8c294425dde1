"""Units of doses and numbers as people write them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spheroid_qc.tables.dose_units import (
    between_mass_units,
    convert_dose,
    looks_damaged,
    parse_unit,
)
from spheroid_qc.tables.parse_numbers import NumberError, NumberStyle, parse_number, style_of


@pytest.mark.parametrize(
    ("text", "name", "factor"),
    [
        ("uM", "uM", "1"),
        ("µM", "uM", "1"),
        ("μM", "uM", "1"),
        ("um", "uM", "1"),
        ("µm", "uM", "1"),
        ("UM", "uM", "1"),
        ("nM", "uM", "1e-3"),
        ("NM", "uM", "1e-3"),
        ("pM", "uM", "1e-6"),
        ("mM", "uM", "1e3"),
        ("mm", "uM", "1e3"),
        ("M", "uM", "1e6"),
        ("micromolar", "uM", "1"),
        ("Nanomolar", "uM", "1e-3"),
        ("nmol/L", "uM", "1e-3"),
        ("umol/l", "uM", "1"),
        ("µmol/L", "uM", "1"),
        ("umol L-1", "uM", "1"),
        ("µmol·l⁻¹", "uM", "1"),
        ("mmol per liter", "uM", "1e3"),
        ("mol/l", "uM", "1e6"),
        ("[nM]", "uM", "1e-3"),
        ("(µM)", "uM", "1"),
        ("ng/ml", "ng/ml", "1"),
        ("ng/mL", "ng/ml", "1"),
        ("ng per ml", "ng/ml", "1"),
        ("pg/ml", "ng/ml", "1e-3"),
        ("ug/ml", "ug/ml", "1"),
        ("µg/mL", "ug/ml", "1"),
        ("mg/l", "ug/ml", "1"),
        ("ug/l", "ng/ml", "1"),
        ("mg/ml", "mg/ml", "1"),
        ("g/l", "mg/ml", "1"),
        ("Gy", "Gy", "1"),
        ("cGy", "Gy", "1e-2"),
        ("%", "%", "1"),
        ("% (v/v)", "%", "1"),
        ("percent", "%", "1"),
        ("U/ml", "U/ml", "1"),
        ("IU/mL", "U/ml", "1"),
        ("units/ml", "U/ml", "1"),
    ],
)
def test_spellings(text: str, name: str, factor: str) -> None:
    unit = parse_unit(text)
    assert unit is not None
    assert (unit.name, unit.factor) == (name, Decimal(factor))


@pytest.mark.parametrize(
    "text",
    ["", "MM", "m", "foo", "ug", "mg/kg", "uM/ml", "nmol", "x", "1", "Mg/ml", "mol/ml", "hours"],
)
def test_unknown_or_two_meanings(text: str) -> None:
    assert parse_unit(text) is None


def test_damaged_micro_sign_is_known_as_such() -> None:
    assert all(looks_damaged(text) for text in ("ÂµM", "\ufffdM", "?M"))
    assert not looks_damaged("µM")


@pytest.mark.parametrize(
    ("amount", "unit", "mass", "expected"),
    [
        ("100", "nM", None, (0.1, "uM")),
        ("3", "nM", None, (0.003, "uM")),
        ("0.1", "mM", None, (100.0, "uM")),
        ("30", "pM", None, (3e-05, "uM")),
        ("0.0000025", "M", None, (2.5, "uM")),
        ("180", "ng/ml", 180.0, (1.0, "uM")),
        ("443.3", "ug/ml", 443.3, (1000.0, "uM")),
        ("1", "mg/ml", 1000.0, (1000.0, "uM")),
        ("5", "ng/ml", None, (5.0, "ng/ml")),
        ("200", "cGy", None, (2.0, "Gy")),
        ("2", "Gy", 100.0, (2.0, "Gy")),
    ],
)
def test_conversion_is_exact(
    amount: str, unit: str, mass: float | None, expected: tuple[float, str]
) -> None:
    known = parse_unit(unit)
    assert known is not None
    assert convert_dose(Decimal(amount), known, mass) == expected


def test_mass_units_convert_both_ways() -> None:
    assert between_mass_units(1.5, "ug/ml", "ng/ml") == 1500.0
    assert between_mass_units(1.0, "ng/ml", "mg/ml") == 1e-06


@given(st.integers(1, 10**6), st.sampled_from(["pM", "nM", "uM", "mM", "M"]))
def test_molar_units_agree(number: int, unit: str) -> None:
    known = parse_unit(unit)
    assert known is not None
    in_molar = Decimal(number) * known.factor / Decimal("1e6")
    molar = parse_unit("M")
    assert molar is not None
    assert convert_dose(in_molar, molar) == convert_dose(Decimal(number), known)


@pytest.mark.parametrize(
    ("texts", "separator", "mark", "sure"),
    [
        (["0.1", "1"], ",", ".", True),
        (["0,1", "1"], ";", ",", True),
        (["0,1", "1,000"], ";", ",", True),
        (["1.000", "10"], ";", ".", False),
        (["1.000", "10"], ",", ".", False),
        (["1.000", "1000"], ",", ".", True),
        (["1.000", "3.500"], ",", ".", True),
        (["1.000", "3.500"], "\t", ".", False),
        (["0.300", "1.000"], "\t", ".", True),
        (["1.234,5"], ";", ",", True),
        (["1,234.5"], ",", ".", True),
        (["x", ""], ",", ".", True),
    ],
)
def test_decimal_mark_of_a_table(texts: list[str], separator: str, mark: str, sure: bool) -> None:
    assert style_of([texts], separator) == NumberStyle(mark, sure)


@pytest.mark.parametrize(
    ("text", "style", "expected"),
    [
        ("1e-3", NumberStyle(), "0.001"),
        (".5", NumberStyle(), "0.5"),
        ("1.", NumberStyle(), "1"),
        ("0,1", NumberStyle(","), "0.1"),
        ("1,5E2", NumberStyle(","), "150"),
        ("1,000", NumberStyle(","), "1"),
        ("1.234,5", NumberStyle(","), "1234.5"),
        ("1,234.5", NumberStyle(), "1234.5"),
        ("1 000", NumberStyle(), "1000"),
        ("10\u202f000,5", NumberStyle(","), "10000.5"),
        ("1'000", NumberStyle(), "1000"),
        ("\u22125", NumberStyle(), "-5"),
        ("1.000", NumberStyle(), "1"),
    ],
)
def test_numbers_read(text: str, style: NumberStyle, expected: str) -> None:
    assert parse_number(text, style) == Decimal(expected)


@pytest.mark.parametrize(
    ("text", "style", "words"),
    [
        ("1,000", NumberStyle(), "1000 without a separator"),
        ("1.000", NumberStyle(","), "1000 without a separator"),
        ("1.000", NumberStyle(".", sure=False), "1000 without a separator"),
        ("0,1", NumberStyle(), "decimal comma"),
        ("0.1", NumberStyle(","), "decimal point"),
        ("nan", NumberStyle(), "not a finite number"),
        ("-Inf", NumberStyle(), "not a finite number"),
        ("#REF!", NumberStyle(), "error value"),
        ("#####", NumberStyle(), "error value"),
        ("<5", NumberStyle(), "not a number"),
        ("1-2", NumberStyle(), "not a number"),
        ("", NumberStyle(), "empty"),
    ],
)
def test_numbers_refused(text: str, style: NumberStyle, words: str) -> None:
    with pytest.raises(NumberError, match=words):
        parse_number(text, style)


@given(st.floats(min_value=-1e12, max_value=1e12, allow_nan=False), st.sampled_from(".,"))
def test_any_number_survives_either_mark(number: float, mark: str) -> None:
    text = repr(number).replace(".", mark)
    assert float(parse_number(text, NumberStyle(mark))) == number
