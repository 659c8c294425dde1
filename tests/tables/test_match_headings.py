"""What a heading means: which column, for which drug, in which unit."""

from __future__ import annotations

import pytest

from spheroid_qc.tables.match_headings import read_heading


@pytest.mark.parametrize(
    ("text", "kind", "slot"),
    [
        ("Well", "well", ""),
        ("well_id", "well", ""),
        ("Position", "well", ""),
        ("Well Position", "well", ""),
        ("WellPosition", "well", ""),
        ("drug", "drug", ""),
        ("Compound", "drug", ""),
        ("treatment", "drug", ""),
        ("Agent 2", "drug", "2"),
        ("drug2", "drug", "2"),
        ("Drug B", "drug", "2"),
        ("drug.1", "drug", "1"),
        ("Dose", "dose", ""),
        ("Conc_1", "dose", "1"),
        ("conc [µM]", "dose", ""),
        ("dose_uM_2", "dose", "2"),
        ("dose_2_um", "dose", "2"),
        ("Drug 3 concentration (nM)", "dose", "3"),
        ("concentration in nM", "dose", ""),
        ("dose_ng_ml", "dose", ""),
        ("unit_2", "unit", "2"),
        ("cell line", "cell_line", ""),
        ("Passage_No", "passage", ""),
        ("dosed_at_h_2", "dosed_at_h", "2"),
        ("washout_at_h", "washout_at_h", ""),
        ("cells/well", "cells_seeded", ""),
        ("bio rep", "biological_replicate", ""),
        ("Technical Replicate", "replicate", ""),
        ("MW (g/mol)", "molar_mass_g_mol", ""),
        ("Radiation_dosage", "stratum", ""),
        ("stratum_donor", "stratum", ""),
        ("Treatment.Label", "extra", ""),
        ("replicate_2", "extra", ""),
        ("selinexor_uM", "extra", ""),
        ("date", "extra", ""),
    ],
)
def test_headings(text: str, kind: str, slot: str) -> None:
    heading = read_heading(text)
    assert (heading.kind, heading.slot) == (kind, slot)
    assert heading.written == text


@pytest.mark.parametrize(
    ("heading", "factor"),
    [
        ("dose_uM", "1"),
        ("Dose (nM)", "0.001"),
        ("conc [µM]", "1"),
        ("dose_mM", "1000"),
        ("dose", ""),
    ],
)
def test_unit_in_the_heading(heading: str, factor: str) -> None:
    unit = read_heading(heading).unit
    assert ("" if unit is None else str(float(unit.factor)).removesuffix(".0")) == factor


@pytest.mark.parametrize(
    ("text", "kind", "unit", "scale"),
    [
        ("log10 conc (M)", "dose", "M", "log10"),
        ("Log[M]", "dose", "M", "log"),
        ("logM", "dose", "M", "log"),
        ("Log[gemcitabine] (M)", "dose", "M", "log"),
        ("dose_log10_uM", "dose", "uM", "log10"),
        ("Concentration (log10 M)", "dose", "M", "log10"),
        ("ln(dose uM)", "dose", "uM", "ln"),
        ("-log10 conc (M)", "dose", "M", "-log10"),
        ("logistic", "extra", None, ""),
        ("µM", "dose", "µM", ""),
        ("nm", "extra", None, ""),
        ("Dose uM (final)", "dose", "uM", ""),
        ("Drug (uM)", "dose", "uM", ""),
        ("mmoles_per_liter", "dose", "mM", ""),
        ("Timepoint", "time_h", None, "unstated"),
        ("Metadata_Well", "well", None, ""),
        ("Image_Metadata_Plate", "plate", None, ""),
        ("CELL_LINE_NAME", "cell_line", None, ""),
        ("ConcRowUnit", "unit", None, ""),
        ("Patient", "factor", None, ""),
        ("block_id", "block", None, ""),
        ("comments", "remark", None, ""),
    ],
)
def test_headings_of_every_table(text, kind, unit, scale) -> None:
    heading = read_heading(text)
    written = heading.unit.written if heading.unit else None
    assert (heading.kind, written, heading.scale) == (kind, unit, scale)
