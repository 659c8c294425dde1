"""Tables of responses as people write them: read by the rules of plate maps, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spheroid_qc.analysis import analyse_table, table_analysis, tables_by_stratum
from spheroid_qc.analysis.tables_by_stratum import Asked
from spheroid_qc.errors import RequestError
from spheroid_qc.parameters import Parameters, ResponseParameters
from spheroid_qc.response.synergy.synergy_table import SYNERGY_COLUMNS
from spheroid_qc.response.wells_analysed_together import analysis_time
from spheroid_qc.response_tables.read_responses import read_response_files
from tests.analysis.tables import hill

QUICK = Parameters(response=ResponseParameters(resamples=200))
DOSES = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
VEHICLE = (100.4, 102.0, 101.4, 100.3, 97.8, 100.9)


def alive(dose: float, ec50: float = 1.0, seed: int = 0) -> float:
    noise = np.random.default_rng([seed, int(1000 * dose)]).normal(0, 1.5)
    return round(100 * (1 - hill(dose, ec50, 1.2)) + noise, 2)


def lines(drug: str = "gem", vehicle: str = "DMSO,0", ec50: float = 1.0, n: int = 3) -> list[str]:
    found = [f"{vehicle},{value}" for value in VEHICLE]
    return found + [f"{drug},{d},{alive(d, ec50, k)}" for k in range(n) for d in DOSES]


def table(tmp_path: Path, head: str, rows: list[str], name: str = "t.csv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join([head, *rows]) + "\n", "utf-8")
    return path


def analysed(path: Path, *how: str | None, **more: object) -> dict[str, float]:
    """EC50 of each drug, or of each stratum where there are several."""
    answer = analyse_table(path, *(how or (None, None)), QUICK, **more)  # type: ignore[arg-type]
    fits = answer.dose_response
    return dict(zip(fits["stratum" if "stratum" in fits else "drug"], fits["ec50_um"], strict=True))


HEAD = "drug,dose_uM,viability (%)"


@pytest.fixture(autouse=True)
def only_crude_curves(monkeypatch) -> None:
    """How tables are read is asked here; fits and intervals take most of the time elsewhere."""

    def nothing(*_: object, **__: object) -> pd.DataFrame:
        return pd.DataFrame(columns=list(SYNERGY_COLUMNS))

    monkeypatch.setattr(tables_by_stratum, "dose_response", crude)
    for name in ("synergy", "synergyfinder"):
        monkeypatch.setattr(tables_by_stratum, name, nothing)
    for name in ("_compared", "_quality", "_summary"):
        monkeypatch.setattr(table_analysis, name, nothing)
    monkeypatch.setattr(table_analysis, "verdict_of", lambda analysis: analysis.verdict)


def crude(asked: Asked) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Half effect of every drug, between the two doses around it."""
    rows = []
    for one in asked.series:
        at_time, _ = analysis_time(one.responses, asked.settings.time_h)
        alone = (at_time.doses > 0).sum(axis=1) <= 1
        for at, drug in enumerate(at_time.drugs):
            dose = at_time.doses[:, at]
            levels = np.unique(dose[alone & (dose > 0)])
            means = [at_time.effect[alone & (dose == level)].mean() for level in levels]
            middle = np.exp(np.interp(0.5, means, np.log(levels))) if len(levels) else np.nan
            n = int((alone & ((dose > 0) | (at_time.doses == 0).all(axis=1))).sum())
            rows.append({"drug": drug, "n": n, "ec50_um": middle, "stratum": one.stratum})
    found = pd.DataFrame(rows)
    fits = found if len(asked.series) > 1 else found.drop(columns="stratum")
    return fits, pd.DataFrame()


@pytest.mark.parametrize("name", ["blank", "medium only", "no cells", "Media blank", "cell-free"])
@pytest.mark.parametrize("dose", ["", "0"])
def test_blanks_are_no_vehicle(tmp_path, name, dose) -> None:
    rows = [*lines(), f"{name},{dose},0.5", f"{name},{dose},0.7"]
    found = analyse_table(table(tmp_path, HEAD, rows), None, None, QUICK)
    assert found.dose_response["ec50_um"][0] == pytest.approx(1, rel=0.15)
    assert "2 wells of role blank not used in any fit." in found.notes


@pytest.mark.parametrize("row", ["Triton X-100,,1.5", "gem,NA,20", "gem,,15", "Mean,1,52.1"])
def test_what_is_named_without_a_dose_is_never_vehicle(tmp_path, row) -> None:
    rows = lines()
    rows.insert(9, row)
    with pytest.raises(RequestError, match=r"t\.csv, line 11, column 1 \(drug\)"):
        analysed(table(tmp_path, HEAD, rows))


@pytest.mark.parametrize("word", ["Mean", "SD", "Total", "average", "Std. Dev."])
def test_summary_lines_are_left_out_and_said(tmp_path, word) -> None:
    path = table(tmp_path, HEAD, [*lines(), f"{word},,52.1"])
    read = read_response_files(path)
    assert len(read.rows) == 30
    assert f"Line 32 of t.csv ({word}) sum the table up and are left out." in read.notes


def test_a_line_that_says_nothing_is_asked_about_beside_named_controls(tmp_path) -> None:
    with pytest.raises(RequestError, match="line 32: the line has a response, but names no drug"):
        analysed(table(tmp_path, HEAD, [*lines(), ",,52.1"]))
    unnamed = analysed(table(tmp_path, HEAD, lines(vehicle=",")))
    assert unnamed["gem"] == pytest.approx(1, rel=0.15)


def test_two_units_for_one_dose_are_said_once(tmp_path) -> None:
    rows = [f"{','.join(row.split(',')[:2])},uM,{row.split(',')[2]}" for row in lines()]
    with pytest.raises(RequestError) as error:
        analysed(table(tmp_path, "drug,conc (nM),unit,viability (%)", rows))
    assert str(error.value).count("two units") == 1
    assert "nM and uM" in str(error.value)


@pytest.mark.parametrize(
    "heading", ["CELL_LINE_NAME", "Cell Line Name", "Patient", "perturbation", "donor", "Condition"]
)
def test_what_tells_rows_apart_is_a_stratum(tmp_path, heading) -> None:
    rows = [f"{row},A" for row in lines()] + [f"{row},B" for row in lines(ec50=10)]
    found = analysed(table(tmp_path, f"{HEAD},{heading}", rows))
    assert sorted(found.values()) == pytest.approx([1, 10], rel=0.2)


def test_an_unknown_column_that_tells_rows_apart_is_refused(tmp_path) -> None:
    rows = [f"{row},red" for row in lines()] + [f"{row},blue" for row in lines(ec50=10)]
    with pytest.raises(RequestError, match="line 1, column 4 \\(batch\\): rows of one treatment"):
        analysed(table(tmp_path, f"{HEAD},batch", rows))
    for harmless in ("stratum batch", "replicate"):
        assert analysed(table(tmp_path, f"{HEAD},{harmless}", rows))
    numbered = [f"{row},{n % 2}" for n, row in enumerate(lines(n=4))]
    with pytest.raises(RequestError, match="differ in this column"):
        analysed(table(tmp_path, f"{HEAD},serum", numbered))


def test_labels_and_measurements_are_harmless(tmp_path) -> None:
    rows = lines()
    labelled = [
        f"{row},{row.split(',')[0]} group,{n * 0.37:.2f},{f'note {n % 3}' if n % 2 else ''}"
        for n, row in enumerate(rows)
    ]
    found = analysed(table(tmp_path, f"{HEAD},class,area,comment", labelled))
    assert found["gem"] == pytest.approx(1, rel=0.15)
    per_dose = [f"{row},{row.split(',')[0]} at {row.split(',')[1]}" for row in rows]
    assert analysed(table(tmp_path, f"{HEAD},label", per_dose))


@pytest.mark.parametrize(
    ("heading", "late"),
    [("Timepoint", "48"), ("Time (s)", "172800"), ("time", "48h"), ("time_min", "2880"),
     ("Elapsed", "48:00:00"), ("Day", "2"), ("time", "2 d"), ("time", "1d24h"),
     ("Time point", "Day 2"), ("Time [days]", "2")],
)  # fmt: skip
def test_times_are_told_apart(tmp_path, heading, late) -> None:
    flat = [
        f"{row.split(',')[0]},{row.split(',')[1]},100.{n % 10}" for n, row in enumerate(lines())
    ]
    early = "0:00:00" if ":" in late else "0"
    rows = [f"{row},{early}" for row in flat] + [f"{row},{late}" for row in lines()]
    answer = analyse_table(table(tmp_path, f"{HEAD},{heading}", rows), None, None, QUICK)
    assert answer.time_h == pytest.approx(48)
    assert answer.dose_response["ec50_um"][0] == pytest.approx(1, rel=0.15)


def test_counts_of_times_are_asked_about(tmp_path) -> None:
    rows = [f"{row},{n}" for n in (1, 2, 3) for row in lines()]
    with pytest.raises(RequestError, match="which may be hours, days or numbers of readings"):
        analysed(table(tmp_path, f"{HEAD},Timepoint", rows))


def test_dates_are_hours_since_the_first(tmp_path) -> None:
    rows = [f"{row},2024-03-0{day} 08:00" for day in (1, 3) for row in lines()]
    answer = analyse_table(table(tmp_path, f"{HEAD},date time", rows), None, None, QUICK)
    assert answer.times_h == (0.0, 48.0)
    unsure = [f"{row},0{day}/0{day + 1}/2024 08:00" for day in (1, 3) for row in lines()]
    with pytest.raises(RequestError, match="may begin with the day or with the month"):
        analysed(table(tmp_path, f"{HEAD},date time", unsure))


def test_what_cannot_be_true_is_asked(tmp_path) -> None:
    fractions = [
        f"{','.join(r.split(',')[:2])},{float(r.split(',')[2]) / 100:.4f}" for r in lines()
    ]
    with pytest.raises(RequestError, match="say --response-unit fraction"):
        analysed(table(tmp_path, HEAD, fractions))
    with pytest.raises(RequestError, match="looks like viability given as inhibition"):
        analysed(table(tmp_path, "drug,dose_uM,response", lines()), "inhibition", "percent")
    with pytest.raises(RequestError, match="called fractions, but half of them exceed 2"):
        analysed(table(tmp_path, "drug,dose_uM,viability (fraction)", lines()))
    dead = [f"{','.join(r.split(',')[:2])},{100 - float(r.split(',')[2]):.2f}" for r in lines()]
    with pytest.raises(RequestError, match="looks like inhibition or fa given as viability"):
        analysed(table(tmp_path, HEAD, dead))


def test_copies_count_once(tmp_path) -> None:
    rng = np.random.default_rng(0)
    rows = []
    for repeat in (1, 2, 3, 4):
        for a in (0, 0.1, 1, 10):
            for b in (0, 0.2, 2):
                single = not a or not b
                rest = (1 - hill(a, 1, 1.2) if a else 1) * (1 - hill(b, 1, 1.2) if b else 1)
                noise = 0 if single else rng.normal(0, 2)
                rows.append(f"x,{a},y,{b},{repeat},{round(100 * (1 - rest) + noise, 6) or 1.234}")
    path = table(tmp_path, "drug1,conc1,drug2,conc2,replicate,inhibition (%)", rows)
    text = path.read_text("utf-8").replace("conc1", "conc1_uM").replace("conc2", "conc2_uM")
    path.write_text(text, "utf-8")
    answer = analyse_table(path, None, None, QUICK)
    assert any("measured once and copied, and count once" in note for note in answer.notes)
    assert answer.dose_response.set_index("drug").loc["x", "n"] == 4  # with the vehicle


def test_one_name_for_a_drug(tmp_path) -> None:
    spelled = ["gem", "Gem", "GEM "]
    rows = lines()
    rows[6:] = [row.replace("gem", spelled[n // 8]) for n, row in enumerate(rows[6:])]
    answer = analyse_table(table(tmp_path, HEAD, rows), None, None, QUICK)
    assert list(answer.dose_response["drug"]) == ["gem"]
    assert any("are read as one drug, gem" in note for note in answer.notes)


@pytest.mark.parametrize(
    ("head", "change"),
    [
        ("drug,dose,viability (%)",
         lambda d, c, v: f"{d},{c}µM,{v}" if d == "gem" else f"{d},0,{v}"),
        ("drug,dose_uM,viability", lambda d, c, v: f"{d},{c},{v}%"),
        ("drug,dose_uM,viability", lambda d, c, v: f"{d},{c},{v} %"),
        ("drug,µM,viability (%)", lambda d, c, v: f"{d},{c},{v}"),
        ("drug,Dose uM (final),viability (% of DMSO)", lambda d, c, v: f"{d},{c},{v}"),
        ("drug,dose,unit,% viability",
         lambda d, c, v: f"{d},{c},uM,{v}" if d == "gem" else f"{d},0.1,%,{v}"),
        ("treatment,viability (%)",
         lambda d, c, v: f"{d}_{c}uM,{v}" if d == "gem" else f"{d},{v}"),
        ("drug,log10 conc (M),viability (%)",
         lambda d, c, v: f"{d},{np.log10(float(c)) - 6:.4f},{v}" if d == "gem" else f"{d},,{v}"),
    ],
)  # fmt: skip
def test_units_wherever_they_stand(tmp_path, head, change) -> None:
    rows = [change(*row.split(",")) for row in lines()]
    assert analysed(table(tmp_path, head, rows))["gem"] == pytest.approx(1, rel=0.15)


def test_logarithms_whose_base_is_not_stated_are_asked_about(tmp_path) -> None:
    def row(d: str, c: str, v: str) -> str:
        return f"{d},{np.log10(float(c)) - 6:.4f},{v}" if d == "gem" else f"{d},,{v}"

    path = table(tmp_path, "drug,log conc (M),viability (%)", [row(*r.split(",")) for r in lines()])
    with pytest.raises(RequestError, match="--dose-scale log10"):
        analysed(path)
    assert analysed(path, dose_scale="log10")["gem"] == pytest.approx(1, rel=0.15)


def synergy_rows(form: str) -> list[str]:
    rows = []
    for i, a in enumerate((0, 0.1, 0.3, 1, 3, 10), start=1):
        for j, b in enumerate((0, 0.01, 0.03, 0.1, 0.3, 1), start=1):
            value = round(100 * (1 - hill(a, 1, 1.2) if a else 100) / (1 if a else 100), 3)
            value = round(value * (1 - hill(b, 0.1, 1.2) if b else 1), 3)
            rows.append(form.format(i=i, j=j, a=a, b=b, nano=1000 * a, v=value))
    return rows


@pytest.mark.parametrize(
    ("head", "form"),
    [
        ("BlockId,DrugRow,DrugCol,Row,Col,Response,ConcRow,ConcCol,ConcUnit",
         "1,gem,sel,{i},{j},{v},{a},{b},uM"),
        ("BlockId,DrugRow,DrugCol,ConcRow,ConcCol,Response,ConcRowUnit,ConcColUnit",
         "1,gem,sel,{nano},{b},{v},nM,uM"),
        ("block_id,drug_row,drug_col,cell_line_name,conc_r,conc_c,conc_r_unit,conc_c_unit,response",
         "1,gem,sel,A549,{nano},{b},nM,uM,{v}"),
        ("block_id,drug1,drug2,conc1,conc2,response,conc_unit1,conc_unit2",
         "1,gem,sel,{a},{b},{v},uM,uM"),
    ],
)  # fmt: skip
def test_synergyfinder_and_drugcomb_in_all_versions(tmp_path, head, form) -> None:
    path = table(tmp_path, head, synergy_rows(form))
    found = analysed(path, "viability", "percent")
    assert found["gem"] == pytest.approx(1, rel=0.2)
    assert found["sel"] == pytest.approx(0.1, rel=0.2)


def test_blocks_are_matrices_and_no_replicates(tmp_path) -> None:
    head = "block_id,drug1,drug2,cell_line_name,conc1,conc2,response,conc_unit"
    rows = [row for block, line in ((1, "A"), (2, "A"), (3, "B"))
            for row in synergy_rows(f"{block},gem,sel,{line},{{a}},{{b}},{{v}},uM")]  # fmt: skip
    answer = analyse_table(table(tmp_path, head, rows), "viability", "percent", QUICK)
    assert answer.strata == ("A | block 1", "A | block 2", "B | block 3")
    assert "plate" not in answer.synergy


@pytest.mark.parametrize("word", ["Drug{}:", "Agent {}"])
def test_matrices_of_two_drugs(tmp_path, word) -> None:
    head = [f"{word.format(1)},gem", f"{word.format(2)},sel", "ConcUnit:,uM"]
    doses = (0, 0.01, 0.03, 0.1, 0.3, 1)
    body = ["," + ",".join(map(str, doses))]
    for a in (0, 0.1, 0.3, 1, 3, 10):
        kept = 1 - hill(a, 1, 1.2) if a else 1
        values = [round(100 * kept * (1 - hill(b, 0.1, 1.2) if b else 1), 2) for b in doses]
        body.append(",".join(map(str, (a, *values))))
    path = table(tmp_path, head[0], [*head[1:], *body])
    found = analysed(path, "viability", "percent")
    assert (found["gem"], found["sel"]) == pytest.approx((1, 0.1), rel=0.2)
    with pytest.raises(RequestError, match="looks like a matrix of two drugs' doses"):
        analysed(table(tmp_path, body[0], body[1:]), "viability", "percent")
    nameless = table(tmp_path, head[0], [*head[2:], *body])
    with pytest.raises(RequestError, match="its two drugs are not named"):
        analysed(nameless, "viability", "percent")


def test_wide_tables_are_read_or_asked_about(tmp_path) -> None:
    body = [f"{d},{alive(d) if d else 100},{alive(d, seed=1) if d else 101}" for d in (0, *DOSES)]
    repeats = table(tmp_path, "dose_uM,rep1,rep2", body)
    assert analysed(repeats, "viability", "percent")["drug"] == pytest.approx(1, rel=0.15)
    named = table(tmp_path, "dose_uM,gem,sel", body)
    with pytest.raises(
        RequestError, match="may be drugs, cell lines or repeats; say --columns-are"
    ):
        analysed(named, "viability", "percent")
    drugs = analysed(named, "viability", "percent", columns_are="drugs")
    assert set(drugs) == {"gem", "sel"}
    cells = analysed(named, "viability", "percent", columns_are="cell-lines")
    assert set(cells) == {"gem", "sel"}


def test_doses_without_a_unit_are_said_once(tmp_path) -> None:
    with pytest.raises(RequestError) as error:
        analysed(table(tmp_path, "drug,conc,viability (%)", lines()))
    assert str(error.value).count("has no unit") == 1
    nameless = table(tmp_path, "drug1.conc,drug2.conc,E", ["0,1,0.9", "1,0,0.8", "1,1,0.7"])
    with pytest.raises(RequestError) as error:
        analysed(nameless, "viability", None, response_column="E")
    assert str(error.value).count("\n") == 0


EXPORT = """Label: plate 7
Metric: Confluence (Percent)

Date Time\tElapsed\tA1\tA2\tA3\tB1\tB2\tB3
1/1/2024 8:00:00 AM\t0\t10\t11\t10\t11\t10\t12
1/3/2024 8:00:00 AM\t48\t90\t60\t20\t92\t61\t18
"""
MAP = "well,drug,dose_uM\nA1,DMSO,\nB1,DMSO,\nA2,gem,1\nB2,gem,1\nA3,gem,10\nB3,gem,10\n"


def test_values_by_well_are_joined_with_a_map(tmp_path) -> None:
    path, plate_map = tmp_path / "export.txt", tmp_path / "map.csv"
    path.write_text(EXPORT, "utf-8")
    plate_map.write_text(MAP, "utf-8")
    with pytest.raises(RequestError, match="an IncuCyte metric export and has values by well"):
        analysed(path, "raw", None)
    answer = analyse_table(path, "raw", None, QUICK, plate_map=plate_map)
    assert answer.times_h == (0.0, 48.0)
    assert answer.drugs == ("gem",)
    last = answer.wells[answer.wells["time_h"] == 48].set_index("well")
    assert last.loc["A03", "response"] == 20
    assert last.loc["A01", "role"] == "vehicle"
    grid = table(tmp_path, "signal,1,2,3", ["A,90,60,20", "B,92,61,18"], "grid.csv")
    of_grid = analyse_table(grid, "raw", None, QUICK, plate_map=plate_map)
    assert of_grid.wells.set_index("well").loc["B03", "response"] == 18


def test_repeats_and_times_beside_drugs(tmp_path) -> None:
    repeats = table(tmp_path, "drug,dose_uM,rep1,rep2", ["DMSO,0,100,101", "gem,1,50,52"])
    read = read_response_files(repeats).rows
    assert read["replicate"].value_counts().to_dict() == {"rep1": 2, "rep2": 2}
    times = table(tmp_path, "drug,dose_uM,0h,48 h", ["DMSO,0,100,101", "gem,1,99,52"])
    read = read_response_files(times).rows
    assert read.groupby("time_h")["response"].sum().to_dict() == {0: 199, 48: 153}


def test_names_of_plates_that_may_be_cell_lines_are_asked_about(tmp_path) -> None:
    rows = [f"{row},p{n},{name}" for n, name in enumerate(("HeLa", "A549")) for row in lines()]
    with pytest.raises(RequestError, match="column 5 \\(cells\\): rows of one treatment differ"):
        analysed(table(tmp_path, f"{HEAD},plate,cells", rows))
    dated = [f"{row},p{n},2024-03-0{n + 1}" for n in (0, 1) for row in lines()]
    assert analysed(table(tmp_path, f"{HEAD},plate,date", dated))


def test_logarithms_of_nothing_are_asked_about(tmp_path) -> None:
    rows = ["gem,0,100", "gem,-6,50", "gem,-5,4"]
    with pytest.raises(RequestError, match="a dose of 1 M or more, which can't be"):
        analysed(table(tmp_path, "drug,log10 conc (M),viability (%)", rows))


PRISM = """<?xml version="1.0" encoding="UTF-8"?>
<GraphPadPrismFile xmlns="http://graphpad.com/prism/Prism.htm" PrismXMLVersion="5.00">
<Table ID="Table0" XFormat="numbers" YFormat="replicates" Replicates="2">
<Title>Data 1</Title>
<XColumn><Title>log[Drug], M</Title><Subcolumn>{x}</Subcolumn></XColumn>
<YColumn><Title>gem</Title><Subcolumn>{a}</Subcolumn><Subcolumn>{b}</Subcolumn></YColumn>
<YColumn><Title>sel</Title><Subcolumn>{c}</Subcolumn></YColumn>
</Table></GraphPadPrismFile>
"""


def test_prism(tmp_path) -> None:
    def cells(values: list[float]) -> str:
        return "".join(f"<d>{value}</d>" for value in values)

    doses = [np.log10(dose) - 6 for dose in DOSES]
    path = tmp_path / "data.pzfx"
    struck = cells([alive(d, seed=1) for d in DOSES]).replace("<d>", '<d Excluded="1">', 1)
    text = PRISM.format(
        x=cells(doses), a=cells([alive(d) for d in DOSES]), b=struck,
        c=cells([alive(d, 10) for d in DOSES]),
    )  # fmt: skip
    path.write_text(text, "utf-8")
    how = {"columns_are": "drugs", "dose_scale": "log10"}
    with pytest.raises(RequestError, match="say --columns-are"):
        analysed(path, "viability", "percent")
    with pytest.raises(RequestError, match="--dose-scale log10"):
        analysed(path, "viability", "percent", columns_are="drugs")
    found = analysed(path, "viability", "percent", **how)
    assert (found["gem"], found["sel"]) == pytest.approx((1, 10), rel=0.2)
    read = analyse_table(path, "viability", "percent", QUICK, **how)
    assert len(read.wells) == 23
    assert any("1 value struck out in Prism" in note for note in read.notes)
    path.write_text(text[:400], "utf-8")
    with pytest.raises(RequestError, match="the file is damaged"):
        analysed(path, "viability", "percent")


def test_vehicle_wells_far_from_nothing_are_told(tmp_path) -> None:
    rows = [f"DMSO,0,{value + 20}" for value in VEHICLE] + lines()[6:]
    answer = analyse_table(table(tmp_path, HEAD, rows), None, None, QUICK)
    assert any("stand at a fraction affected of −0.21 (median of 6)" in n for n in answer.notes)


def test_incucyte_means_of_groups(tmp_path) -> None:
    path = tmp_path / "groups.txt"
    path.write_text(
        "Label: x\nMetric: Confluence (Percent)\n\n"
        "Date Time\tElapsed\tDMSO\tDMSO (Std Err Well)\tgem 1 uM\tgem 10 uM\n"
        "1/1/2024 1:00:00 AM\t0\t10\t1\t11\t12\n1/2/2024 1:00:00 AM\t24\t90\t2\t50\t20\n",
        "utf-8",
    )
    answer = analyse_table(path, "raw", None, QUICK, response_column="Confluence (Percent)")
    assert answer.drugs == ("gem",)
    assert answer.times_h == (0.0, 24.0)
    unknown = path.read_text("utf-8").replace("gem 10 uM", "group C")
    path.write_text(unknown, "utf-8")
    with pytest.raises(RequestError, match="group C has no dose"):
        analysed(path, "raw", None, response_column="Confluence (Percent)")


def test_a_combination_with_one_dose_is_asked_about(tmp_path) -> None:
    with pytest.raises(RequestError, match="'gem \\+ sel' stands with one dose"):
        analysed(table(tmp_path, HEAD, [*lines(), "gem + sel,1,20"]))
