"""A written plate map reads back the same, and is harmless in a spreadsheet program."""

from __future__ import annotations

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spheroid_qc.errors import PlateMapError
from spheroid_qc.plate_map import PlateMap, read_plate_map, write_plate_map
from spheroid_qc.wells import well_name

UNITS = ("pM", "nM", "uM", "µM", "mM", "M", "ng/ml", "ug/ml", "Gy", "%", "U/ml")
words = st.text(
    st.characters(categories=("Lu", "Ll", "Nd"), max_codepoint=0x24F), min_size=1, max_size=8
).filter(lambda text: not text.isdigit())
names = words.map(lambda text: f"cpd {text}q")
formulas = st.sampled_from(
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(1)",
        "'=x",
        "''",
        "-5",
        "a,b",
        'say "x"',
        "a;b",
        "#n",
    ]
)
texts = st.one_of(st.just(""), words, formulas)


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@st.composite
def long_maps(draw: st.DrawFn) -> str:
    """Valid long maps, one line for each drug, lines in any order."""
    drugs = draw(st.lists(names, min_size=1, max_size=4, unique_by=str.casefold))
    units = {drug: draw(st.sampled_from(UNITS)) for drug in drugs}
    places = draw(
        st.lists(
            st.tuples(st.integers(0, 15), st.integers(0, 23)), min_size=1, max_size=12, unique=True
        )
    )
    plates = draw(st.booleans())
    lines = []
    for row, column in places:
        well = well_name(row, column)
        chosen = draw(st.lists(st.sampled_from(drugs), max_size=3, unique=True))
        # A treated well without the cell line that others have is refused.
        none = [] if chosen else [""]
        common = [
            draw(st.sampled_from(["L1", "l1", "B b", *none])),
            draw(st.sampled_from(["", "DMSO", "saline"])),
            draw(st.sampled_from(["", "0", "24", "1.5"])),
            draw(st.sampled_from(["", "100", "72.25"])),
            draw(st.sampled_from(["", "5000", "500"])),
            draw(st.sampled_from(["12", "13", *none])),
            draw(texts),
            draw(st.sampled_from(["0", "2", *none])),
        ]
        plate = draw(st.sampled_from(["P1", "=P2"])) if plates else ""
        role = (
            "treated"
            if chosen
            else draw(
                st.sampled_from(["vehicle", "blank", "positive_control", "DMSO", "untreated"])
            )
        )
        for drug in chosen or [""]:
            dose = draw(st.integers(1, 10**9).map(lambda number: str(number / 10**4)))
            named = [drug, dose if drug else "", units[drug] if drug else ""]
            lines.append([plate, well, role, *named, *common])
    lines = draw(st.permutations(lines))
    head = ["plate", "well", "role", "drug", "dose", "unit", "cell_line", "vehicle_group"]
    head += ["dosed_at_h", "washout_at_h", "cells_seeded", "passage", "=remark", "irradiation"]
    first = 0 if plates else 1
    rows = [",".join(map(quoted, line[first:])) for line in (head, *lines)]
    return "\n".join(rows) + "\n"


def problems_of(path: Path) -> tuple[str, ...]:
    """Sentences for which a map is refused; none where it is read."""
    try:
        read_plate_map(path)
    except PlateMapError as error:
        return error.problems or ("no sentence",)
    return ()


def read_text(folder: str, text: str) -> PlateMap:
    path = Path(folder) / "map.csv"
    path.write_text(text, encoding="utf-8")
    return read_plate_map(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(long_maps())
def test_written_maps_read_back_equal(text: str) -> None:
    with TemporaryDirectory() as folder:
        first = read_text(folder, text)
        again = read_plate_map(write_plate_map(first, Path(folder) / "again.csv"))
        assert again == first
        twice = write_plate_map(again, Path(folder) / "twice.csv")
        assert twice.read_bytes() == (Path(folder) / "again.csv").read_bytes()
        with (Path(folder) / "again.csv").open(encoding="utf-8", newline="") as file:
            for line in csv.reader(file):
                for cell in line:
                    assert not cell.startswith(("=", "+", "@", "\t")), cell
                    assert not cell.startswith("-") or cell[1:].replace(".", "").isdigit(), cell


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200), st.sampled_from(["", "well,drug,dose_uM\n", "drug,1,2\nA,"]))
def test_any_text_is_read_or_refused_in_sentences(text: str, start: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "map.csv"
        path.write_bytes((start + text).encode("utf-8", errors="surrogatepass"))
        sentences = problems_of(path)
        assert all(sentence.endswith(".") for sentence in sentences)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"PK\x03\x04", b"\xff\xfe", b"well,drug\n"]))
def test_any_bytes_are_read_or_refused_in_sentences(content: bytes, start: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "map.csv"
        path.write_bytes(start + content)
        assert all(sentence.endswith(".") for sentence in problems_of(path))


def test_order_of_drugs_survives(tmp_path: Path) -> None:
    text = "well,drug,dose_uM\nC3,x,1\nB2,y,1\nA1,z,1\nA1,y,1\nA1,x,1\nA3,DMSO,0\n"
    first = read_text(str(tmp_path), text)
    again = read_plate_map(write_plate_map(first, tmp_path / "again.csv"))
    assert again.drugs == first.drugs == ("x", "y", "z")
    assert again == first


def test_mass_units_and_molar_mass_survive(tmp_path: Path) -> None:
    text = "well,drug,dose,unit,molar_mass_g_mol\nA1,x,10,ng/ml,443.3\nA2,y,1,ug/ml,\nA3,z,2,Gy,\n"
    first = read_text(str(tmp_path), text)
    again = read_plate_map(write_plate_map(first, tmp_path / "again.csv"))
    assert again == first
    assert again.wells[0].drugs[0].molar_mass_g_mol == 443.3
