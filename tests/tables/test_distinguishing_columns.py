"""Which columns tell rows apart, and which are measurements, names of rows, or names of labels."""

from __future__ import annotations

import random

import pytest

from spheroid_qc.tables.distinguishing_columns import (
    KnownRows,
    look_merged,
    names_within_labels,
    stem_of,
    would_be_pooled,
)

DOSES = (0.0, 0.1, 1.0, 10.0)


def design(levels: list[str], repeats: int = 1, doses: tuple[float, ...] = DOSES):
    """Rows of one drug, each level at each dose."""
    return [(dose, level) for level in levels for dose in doses for _ in range(repeats)]


def known(rows, **labels) -> KnownRows:
    return KnownRows(["gem"] * len(rows), [("gem", dose) for dose, *_ in rows], labels)


def asked(rows, heading: str, *, is_remark: bool = False, **labels) -> bool:
    values = [value for _, value in rows]
    return would_be_pooled(known(rows, **labels), heading, values, is_remark=is_remark)


@pytest.mark.parametrize(
    "levels",
    [
        ["A", "B"],
        ["0", "4"],
        ["TRUE", "FALSE"],
        ["+", "-"],
        [str(905933 + 137 * n) for n in range(16)],
        [f"{0.01 * 1.6**n:.4g}" for n in range(14)],
    ],
)
@pytest.mark.parametrize("repeats", [1, 3])
def test_levels_at_every_dose_are_asked_about_however_many(levels, repeats) -> None:
    assert asked(design(levels, repeats), "what")


def test_a_level_at_half_of_the_doses_is_asked_about() -> None:
    assert asked(design(["0"], 5) + [(dose, "4") for dose in DOSES[2:]], "RT_Gy")


def test_numbers_with_series_of_doses_of_their_own_are_asked_about() -> None:
    rows = [(0.1, "7"), (1, "7"), (10, "7"), (0.3, "9"), (3, "9"), (30, "9")]
    assert asked(rows, "line")


def test_measurements_are_let_be() -> None:
    chance = random.Random(3)
    rows = design([""], 6)
    assert not asked([(dose, f"{chance.gauss(50, 9):.2f}") for dose, _ in rows], "glow")
    assert not asked([(dose, str(int(chance.gauss(50 + dose * 4, 5)))) for dose, _ in rows], "glow")
    few = [(dose, str(chance.randint(0, 5))) for dose, _ in rows]
    assert not asked(few, "dead count")
    assert asked(design(["1", "2", "3"]), "n")  # three repeats, each at all doses


def test_what_follows_the_dose_says_nothing_new() -> None:
    rows = design([""], 3)
    assert not asked([(dose, f"level {DOSES.index(dose)}") for dose, _ in rows], "level")
    assert asked([(dose, str(dose * 10)) for dose, _ in rows], "olaparib_uM")
    assert not asked([(dose, str(dose * 10)) for dose, _ in rows], "stock_uM")


def test_names_of_rows_are_asked_about_where_words_in_them_tell_rows_apart() -> None:
    rows = design(["BxPC3", "AsPC1"], 2)
    named = [(dose, f"{line}_{n:03d}") for n, (dose, line) in enumerate(rows)]
    assert asked(named, "sample")
    assert asked([(dose, f"D:/{name[:5]}/B{2 + n % 9:02d}.tif") for n, (dose, name) in
                  enumerate(named)], "path")  # fmt: skip
    counted = [(dose, f"exp1_B{2 + n % 9:02d}_{n}.tif") for n, (dose, _) in enumerate(rows)]
    assert not asked(counted, "path")
    assert not asked([(dose, str(n)) for n, (dose, _) in enumerate(rows)], "no")


@pytest.mark.parametrize(
    ("label", "values", "heading", "is_asked"),
    [
        ("plate", ("1", "2"), "run", False),
        ("plate", ("exp1", "exp2"), "experiment", False),
        ("plate", ("2024-03-01", "2024-03-08"), "date", False),
        ("plate", ("25", "5"), "glucose", True),
        ("plate", ("1", "2"), "glucose_mM", True),
        ("plate", ("PANC1.csv", "MIA.csv"), "name", True),
        ("time_h", ("Day 1", "Day 2"), "label", False),
        ("time_h", ("1", "2"), "cycle", False),
        ("time_h", ("PANC", "MIA"), "model", True),
        ("time_h", ("CTG", "LDH"), "assay", True),
    ],
)
def test_other_names_of_plates_and_times(label, values, heading, is_asked) -> None:
    labels = {"plate": ("1", "2"), "time_h": (24.0, 48.0)}[label]
    rows = [(dose, value) for value in values for dose in DOSES for _ in range(2)]
    of = [one for one in labels for _ in DOSES for _ in range(2)]
    assert asked(rows, heading, **{label: of}) is is_asked


def test_remarks_are_about_rows_and_not_about_series() -> None:
    rows = design(["", "hypoxia"], 2)
    assert asked(rows, "note", is_remark=True)
    assert asked(design(["KRAS mut", "KRAS wt"], 2), "note", is_remark=True)
    bubble = [(dose, "bubble" if at == 3 else "") for at, (dose, _) in enumerate(rows)]
    assert not asked(bubble, "note", is_remark=True)
    assert not asked([(d, v or "fine") for d, v in bubble], "note", is_remark=True)
    assert asked([(d, v.replace("bubble", "outlier")) for d, v in bubble], "note", is_remark=True)


def test_a_mark_in_half_of_the_rows_is_a_factor() -> None:
    assert asked(design(["", "+"]), "Dox")
    assert asked(design(["", "4"]), "RT (Gy)")


@pytest.mark.parametrize(("levels", "is_remark"), [(("0", "4"), False), (("P1", "P2"), True)])
def test_single_doses_are_a_design_too(levels, is_remark) -> None:
    names = ("DMSO", "gem", "sel")
    rows = KnownRows(
        [name for name in names for _ in levels], [(n, 1.0) for n in names for _ in levels]
    )
    assert would_be_pooled(rows, "what", list(levels) * 3, is_remark=is_remark)
    classes = KnownRows(["gem", "gem", "ara", "ara", "sel"], ["gem", "gem", "ara", "ara", "sel"])
    assert not would_be_pooled(classes, "class", ["nucleoside"] * 4 + ["XPO1"])


def test_stems() -> None:
    assert stem_of("PANC1_03") == stem_of("PANC1_B02") == "panc"
    assert stem_of("rep 2") == "rep"
    assert stem_of("H1299_1") != stem_of("H1975_1")


def test_labels_of_repeats_that_hold_something_else() -> None:
    rows = design(["PANC-1 a", "PANC-1 b", "MIA a", "MIA b"])
    assert names_within_labels(known(rows), [value for _, value in rows])
    for levels in (["rep 1", "rep 2"], ["a", "b"], ["bio1_tech1", "bio1_tech2", "bio2_tech1"]):
        rows = design(levels)
        assert not names_within_labels(known(rows), [value for _, value in rows])


def test_merged_look() -> None:
    assert look_merged(["a", "", "", "b", "", ""])
    assert not look_merged(["a", "a", "", "b", "b", "b"])
    assert not look_merged(["", "a", "", "b"])
