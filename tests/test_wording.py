"""Numbers in words."""

import numpy as np
import pytest

from spheroid_qc.wording import (
    decimal,
    dose_words,
    interval,
    number,
    percent,
    signed,
    signed_interval,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1.00"), (1.049, "1.05"), (-0.0001, "0.00"), (-0.128, "−0.13"), (np.nan, "–")],
)
def test_fixed_places_compare_below_each_other(value, text):
    assert decimal(value) == text


def test_a_zero_has_no_sign_of_its_own():
    assert signed(-0.001) == "+0.00"
    assert interval(-0.00001, 0.5) == "0.00 to 0.50"


def test_an_end_that_is_not_zero_does_not_look_like_it():
    assert interval(-0.03, -0.001) == "−0.03 to −0.001"
    assert interval(0.9996, 1.4) == "0.9996 to 1.40"
    assert interval(0.0, 1.0) == "0.00 to 1.00"


def test_an_end_that_is_open_is_said():
    assert interval(np.nan, 0.5) == "no bound to 0.50"
    assert interval(np.nan, None) == ""


def test_significant_digits_without_exponents():
    assert number(1234567.0) == "1230000"
    assert number(0.00012345) == "0.000123"
    assert number("not a number") == "–"


def test_percent_has_a_true_minus():
    assert percent(-0.12) == "−12 %"


def test_a_dose_keeps_the_unit_it_was_given_in():
    assert dose_words(0.05, "uM", "nM") == "50 nM"


def test_an_end_of_a_difference_shows_its_side() -> None:
    assert signed_interval(0.0012, 0.034) == "[+0.001, +0.03]"
    assert signed_interval(-0.0012, 0.034) == "[−0.001, +0.03]"
