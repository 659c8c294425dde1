"""Treatments written out: read in full, or not at all."""

from __future__ import annotations

import pytest

from spheroid_qc.tables.treatment_text import (
    name_beside_name,
    numbers_of_treatment,
    parts_of_treatment,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tam 10 nM", "tam 10 nM"),
        ("tam_10nM", "tam 10 nM"),
        ("10nM tam", "tam 10 nM"),
        ("tam-10 µM + rux 1 µM", "tam 10 µM, rux 1 µM"),
        ("tam 100nm, rux 1um", "tam 100 nm, rux 1 um"),
        ("tam 100nm rux 1um", "tam 100 nm, rux 1 um"),
        ("tam_0.1uM_rux_1uM", "tam 0.1 uM, rux 1 uM"),
        ("tam (10 nM) & rux (1 uM)", "tam 10 nM, rux 1 uM"),
        ("tam 10 nM with rux 1 uM", "tam 10 nM, rux 1 uM"),
        ("tam 10 nM x rux 1 uM", "tam 10 nM, rux 1 uM"),
        ("3 Gy, tam 10 nM", "radiation 3 Gy, tam 10 nM"),
        ("3Gy + tam 10 nM", "radiation 3 Gy, tam 10 nM"),
        ("RT 3Gy tam 10 nM", "RT 3 Gy, tam 10 nM"),
        ("IL-2 50 U/ml, tam 10 nM", "IL-2 50 U/ml, tam 10 nM"),
        ("TRAIL 20 ng/ml + tam 10 nM", "TRAIL 20 ng/ml, tam 10 nM"),
        ("DMSO 0.1% tam 10 nM", "tam 10 nM"),
        ("tam 10 nM + DMSO", "tam 10 nM"),
        ("tam 1 000 nM", "tam 1 000 nM"),
        ("tam 10^-7 M", "tam 1e-7 M"),
        ("tam 3x10^-6M", "tam 3e-6 M"),
        ("tam 10\u207b\u2078 M", "tam 1e-8 M"),
        ("tam .5 uM", "tam .5 uM"),
        ("tam = 1 uM", "tam 1 uM"),
        ("tam: 1,5 uM", "tam 1,5 uM"),
        ("5 nM of tam", "tam 5 nM"),
        ("4-OHT 1uM", "4-OHT 1 uM"),
        ("SN-38_5nM", "SN-38 5 nM"),
        ("BI 2536 10 nM", "BI 2536 10 nM"),
        ("AZD-6738-1uM", "AZD-6738 1 uM"),
        ("compound 7 10 uM", "compound 7 10 uM"),
        ("AB 123 400 nM", "AB 123 400 nM"),
        ("tam 100 000 nM", "tam 100 000 nM"),
        ("vitamin D3 10 nM", "vitamin D3 10 nM"),
        ("1,25-dihydroxyvitamin D3 10 nM", "1,25-dihydroxyvitamin D3 10 nM"),
        ("valproic acid 1 mM", "valproic acid 1 mM"),
    ],
)
def test_read_in_full(text: str, expected: str) -> None:
    parts = parts_of_treatment(text)
    assert parts is not None
    assert ", ".join(f"{p.name} {p.number} {p.unit.written}" for p in parts) == expected


@pytest.mark.parametrize(
    "text",
    [
        "48h tam 10 nM", "tam 10 nM 48h", "day 3 tam 10 nM", "tam d3 10 nM", "tam 10 nM daily",
        "tam 1-10 uM", "tam 1\u201310 uM", "tam 10 to 100 nM", "tam >10 uM", "tam ~1 uM",
        "tam 10-6M", "tam 1 500 nM", "tam 12 500 nM", "tam 2x1 uM", "tam0.1uM",
        "tam 10 nM then rux 1 uM", "tam 10 nM -> rux 1 uM", "tam, rux 1 uM", "tam/rux 10 nM",
        "tam and rux 10 nM", "tam:rux 10:1 nM", "tam + rux (1:10) 10 nM", "#4 tam 10 nM",
        "1% O2 tam 10 nM", "1% O2, tam 10 nM", "FBS 2% tam 10 nM", "siMYC tam 10 nM",
        "HT29 tam 10 nM", "tam 10 nM (HT29)", "tam 10 nM R1", "tam 10 nM w/o serum",
    ],
)  # fmt: skip
def test_what_is_left_over_is_no_name(text: str) -> None:
    assert parts_of_treatment(text) is None


@pytest.mark.parametrize("text", ["tam", "untreated", "tam IC50", "JQ 1", ""])
def test_no_amount(text: str) -> None:
    assert parts_of_treatment(text) == ()


def test_numbers_tell_the_decimal_mark() -> None:
    assert numbers_of_treatment("tam 0,5 µM + rux 1.000 nM in 0.1 % DMSO") == ["0,5", "1.000"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["tam", "rux", "nab-paclitaxel"], None),
        (["valproic acid", "retinoic acid"], None),
        (["tam", "tam hydrochloride"], None),
        (["tam", "siMYC tam"], ("siMYC tam", "tam")),
        (["HT29 tam", "DLD tam"], ("HT29 tam", "DLD tam")),
    ],
)
def test_names_in_names(names: list[str], expected: tuple[str, str] | None) -> None:
    assert name_beside_name(names) == expected
