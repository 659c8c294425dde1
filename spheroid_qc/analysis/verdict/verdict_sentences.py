"""From the tables of an analysis to its verdict, and to lines for the terminal."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd

from spheroid_qc.analysis.analysis_result import Analysis
from spheroid_qc.analysis.metric_names import metric_of
from spheroid_qc.analysis.verdict.combination_verdict import (
    combination_findings,
    third_drug_findings,
)
from spheroid_qc.analysis.verdict.disintegration_verdict import fate_findings
from spheroid_qc.analysis.verdict.findings import Verdict, VerdictFinding
from spheroid_qc.response.groups import ALL_PLATES
from spheroid_qc.response.plate_quality.plate_bounds import title_of
from spheroid_qc.run.run_summary import distrust_lines

SHORT_TITLES = {
    "core_volume_loss_vs_vehicle": "core volume lost",
    "df_excess_vs_vehicle": "disintegration",
}
_WIDTH = 100
_MOST = 12


def verdict_of(analysis: Analysis) -> Verdict:
    """Say in words what an analysis found.

    Parameters
    ----------
    analysis : Analysis
        With all its tables; its own `verdict` is not looked at.

    Returns
    -------
    Verdict
        What falls apart and since when; which combinations do more than their parts; whether a
        third drug adds; doses; the plate's quality; what was left out.
    """
    settings = analysis.parameters.response
    fractions = [use for use in analysis.responses if use.kind == "fa"]
    several = len(fractions) > 1
    titles = {
        use.name: SHORT_TITLES.get(use.name, use.title) if several else "" for use in fractions
    }
    findings: list[VerdictFinding] = []
    findings += fate_findings(analysis)
    findings += combination_findings(
        analysis.synergy, titles, settings.min_excess, settings.confidence
    )
    findings += third_drug_findings(analysis.synergy, titles, settings.confidence)
    findings += _doses(analysis)
    findings += _quality(analysis)
    findings += _left_out(analysis)
    return Verdict(tuple(findings))


def remarks(analysis: Analysis) -> tuple[str, ...]:
    """Give the notes, and why tables are missing that one could have expected.

    Parameters
    ----------
    analysis : Analysis
        Any.

    Returns
    -------
    tuple of str
        Each once. That a table of responses holds no sizes of spheroids needs no saying.
    """
    expected = analysis.missing
    if analysis.kind == "table":
        asked = ("dose_response", "synergy", "comparisons", "plate_quality")
        expected = {name: why for name, why in expected.items() if name in asked}
    return tuple(dict.fromkeys((*analysis.notes, *expected.values())))


def verdict_lines(analysis: Analysis, width: int = _WIDTH) -> list[str]:
    """Lay the verdict out for a terminal.

    Parameters
    ----------
    analysis : Analysis
        With its verdict.
    width : int
        Columns.

    Returns
    -------
    list of str
        Without what the table by condition and the list of flags say already.
    """
    heads = {
        "falls_apart": "Falling apart:",
        "combination": "Combinations, on average over the tested doses:",
        "third_drug": "Does a third drug add?",
        "dose": "Doses (relative EC50, the inflection):",
        "quality": "Plate quality:",
    }
    when = "" if analysis.time_h is None else f" at {analysis.time_h:g} h"
    lines = [f"Drug response{when}"]
    for topic, head in heads.items():
        findings = analysis.verdict.about(topic)
        if not findings:
            continue
        lines += ["", head]
        shown = findings[:_MOST]
        for finding in shown:
            lines += textwrap.wrap(
                finding.sentence, width, initial_indent="  ", subsequent_indent="    ",
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip
        if len(findings) > len(shown):
            lines.append(f"  ... and {len(findings) - len(shown)} more in the report and tables")
    if len(lines) == 1:
        lines += [f"  {reason}" for reason in dict.fromkeys(analysis.missing.values())]
    return lines


def _doses(analysis: Analysis) -> list[VerdictFinding]:
    """Name the half-effect dose of every drug alone, by response."""
    table = analysis.dose_response
    if table.empty:
        return []
    alone = table[table["ratio"].fillna("") == ""]
    alone = alone[alone["drug"].isin(analysis.drugs)]
    if "plate" in alone:
        several = alone["plate"] == ALL_PLATES
        alone = alone[several] if several.any() else alone
    strata = alone["stratum"].astype(str) if "stratum" in alone else pd.Series("", alone.index)
    findings = []
    for stratum, drug in dict.fromkeys(zip(strata, alone["drug"], strict=True)):
        rows = alone[(strata == stratum) & (alone["drug"] == drug)]
        parts = [_potency(row, analysis) for _, row in rows.iterrows()]
        where = f"{stratum}: " if stratum else ""
        known = rows[["ec50_um", *({"ec50"} & set(rows))]].notna().any(axis=None)
        sentence = f"{where}{drug}: {'; '.join(parts)}."
        findings.append(
            VerdictFinding("dose", str(drug), "yes" if known else "unknown", sentence, {})
        )
    return findings


def _potency(row: pd.Series, analysis: Analysis) -> str:
    name = row.get("response")
    uses = {use.name: use for use in analysis.responses}
    title = ""
    if name is not None:
        title = SHORT_TITLES.get(
            str(name), uses[str(name)].title if str(name) in uses else str(name)
        )
        title += " "
    own = "" if row["unit"] == "uM" else str(row["unit"])
    columns = (
        ["ec50", "ec50_low", "ec50_high"] if own else ["ec50_um", "ec50_low_um", "ec50_high_um"]
    )
    value, low, high = (float(row[c]) for c in columns)
    unit = own or "uM"
    if np.isnan(value):
        flat = row["flat_p"] >= analysis.parameters.response.flat_p
        return f"{title}no dose response" if flat else f"{title}no curve"
    sign = str(row["ec50_qualifier"])
    if sign in "><" and sign:
        return f"{title}{sign} {value:.3g} {unit}, beyond the tested doses"
    bounds = ""
    if np.isfinite(low) or np.isfinite(high):
        lower = f"{low:.3g}" if np.isfinite(low) else "no lower bound"
        upper = f"{high:.3g}" if np.isfinite(high) else "no upper bound"
        bounds = f" ({lower} to {upper})"
    return f"{title}{value:.3g} {unit}{bounds}"


def _quality(analysis: Analysis) -> list[VerdictFinding]:
    """Name the figures that miss their bound, by plate."""
    table = analysis.plate_quality
    if table.empty:
        return []
    findings = []
    several = table["plate"].nunique() > 1
    for plate, rows in table.groupby("plate", sort=True):
        missed = rows[rows["meets_bound"] == "no"]
        judged = int(rows["meets_bound"].isin(["yes", "no"]).sum())
        where = f"Plate {plate}: " if several and str(plate) else ""
        if missed.empty:
            if judged:
                sentence = f"{where}all {judged} figures that could be judged keep their bound."
                findings.append(VerdictFinding("quality", str(plate), "yes", sentence, {}))
            continue
        told = []
        for _, row in missed.iterrows():
            name = title_of(str(row["statistic"]))
            if row["metric"]:
                name += f" of {metric_of(str(row['metric']), spheres=analysis.spheres).phrase}"
            told.append(f"{name} {row['value']:.3g} (bound: {row['bound']})")
        more = f" and {len(told) - 6} more" if len(told) > 6 else ""
        sentence = (
            f"{where}{len(missed)} of {judged} figures miss their bound: "
            f"{'; '.join(told[:6])}{more}. A bound is no gate; see what each can't tell."
        )
        findings.append(
            VerdictFinding("quality", str(plate), "no", sentence, {"missed": len(missed)})
        )
    return findings


def _left_out(analysis: Analysis) -> list[VerdictFinding]:
    """Tell what is not trusted and why, and what is worth a look."""
    if analysis.kind != "run" or "code" not in analysis.qc:
        return []
    lines = [line.strip() for line in distrust_lines(analysis.qc, analysis.wells)]
    findings = []
    for line in lines:
        if line.endswith("mean:") or line.startswith("..."):
            continue
        kept_out = ": " in line and not line.startswith("Worth a look")
        sentence = f"Kept out of every mean: {line}." if kept_out else line.rstrip(".") + "."
        findings.append(VerdictFinding("left_out", line.partition(": ")[2], "yes", sentence, {}))
    return findings
