"""Tables for other programs: Prism's file read back, a workbook, and clear refusals."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pandas as pd
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from spheroid_qc.analysis import analyse_table
from spheroid_qc.analysis.analysis_files import write_analysis
from spheroid_qc.cli.main import app
from spheroid_qc.errors import RequestError
from spheroid_qc.export.export_tables import export_tables
from spheroid_qc.parameters import Parameters, ResponseParameters
from spheroid_qc.tables.instruments.prism import read_pzfx

QUICK = Parameters(response=ResponseParameters(resamples=200))


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two drugs and a pair, two wells each, in a folder."""
    rows = [
        {"drug_1": "=a<b" if x else "", "dose_1_um": x or None, "drug_2": "c" if y else "",
         "dose_2_um": y or None, "response": min(1, 0.2 * x + 0.1 * y) + e}
        for y in (0, 1, 3) for x in (0, 0.5, 1, 2) for e in (0, 0.01)
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("answer")
    write_analysis(analyse_table(pd.DataFrame(rows), "fa", "fraction", QUICK), folder)
    return folder


def test_prism_holds_every_well(answer: Path) -> None:
    path = export_tables(answer, "prism")
    curves, pair = read_pzfx("x.pzfx", path.read_bytes()) or ()
    heading, *rows = [row.texts for row in curves.rows]
    assert heading == ("dose (uM)", "=a<b (uM)", "=a<b (uM)", "c (uM)", "c (uM)")
    assert [row[0] for row in rows] == ["0", "0.5", "1", "2", "3"]
    assert rows[0][1:] == ("0", "0.01", "0", "0.01")
    assert rows[3][1:] == ("0.4", "0.41", "", "")
    heading, *rows = [row.texts for row in pair.rows]
    assert len(rows) == 4
    assert heading.count("c (uM) 3") == 2
    assert path.read_bytes() == export_tables(answer, "prism").read_bytes()


def test_a_workbook_has_a_sheet_a_table(answer: Path) -> None:
    path = export_tables(answer, "xlsx")
    first = path.read_bytes()
    book = load_workbook(path, read_only=True)
    assert {"dose_response", "synergy", "conditions", "used_responses"} <= set(book.sheetnames)
    sheet = book["dose_response"]
    names, values = list(sheet.iter_rows(values_only=True))[:2]
    assert values[names.index("drug")] == "'=a<b"
    assert export_tables(answer, "xlsx").read_bytes() == first


def test_parquet_says_what_it_needs(answer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*_: object, **__: object) -> None:
        raise ImportError("Unable to find a usable engine")

    if importlib.util.find_spec("pyarrow") is not None:
        monkeypatch.setattr(pd.DataFrame, "to_parquet", without)
    with pytest.raises(RequestError, match="needs the library pyarrow"):
        export_tables(answer, "parquet")
    assert not (answer / "parquet").exists()


def test_parquet_holds_what_the_tables_hold(answer: Path) -> None:
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow, which is not installed")
    folder = export_tables(answer, "parquet")
    written = {path.stem for path in folder.iterdir()}
    assert written >= {"dose_response", "synergy", "conditions", "used_responses", "curves"}
    for name in written:
        found = pd.read_parquet(folder / f"{name}.parquet")
        table = pd.read_csv(answer / f"{name}.csv", keep_default_na=False, dtype=str)
        assert list(found.columns) == list(table.columns)
        assert len(found) == len(table)
        for column in found:
            numbers = pd.api.types.is_numeric_dtype(found[column])
            if numbers and found[column].notna().any():
                wanted = pd.to_numeric(table[column]).to_numpy(float)
                assert found[column].to_numpy(float) == pytest.approx(wanted, nan_ok=True)
            else:
                shown = found[column].fillna("").astype(str)
                # What a spreadsheet could take for a formula is marked in CSV only.
                assert shown.tolist() == table[column].str.removeprefix("'").tolist()


def test_what_cannot_be_written_is_said(tmp_path: Path, answer: Path) -> None:
    with pytest.raises(RequestError, match=r"holds no used_responses\.csv"):
        export_tables(tmp_path, "prism")
    with pytest.raises(RequestError, match="holds no tables"):
        export_tables(tmp_path, "xlsx")
    with pytest.raises(RequestError, match="choose one of prism"):
        export_tables(answer, "pdf")
    found = CliRunner().invoke(app, ["export", str(answer), "--to", "prism"])
    assert found.exit_code == 0
    assert "responses.pzfx" in found.output


def test_what_prism_gets_is_read_again(answer: Path) -> None:
    path = export_tables(answer, "prism")
    found = analyse_table(path, "fa", "fraction", QUICK, columns_are="drugs")
    told = pd.read_csv(answer / "dose_response.csv").set_index("drug")["ec50_um"]
    again = found.dose_response.set_index("drug")["ec50_um"]
    assert again["c (uM)"] == pytest.approx(told["c"], rel=1e-3, nan_ok=True)
