"""From the tables of an analysis to its verdict, and to lines for the terminal."""

from __future__ import annotations

import textwrap

from spheroid_qc.analysis.analysis_result import Analysis
from spheroid_qc.analysis.metric_names import metric_of
from spheroid_qc.analysis.verdict.combination_verdict import (
    combination_findings,
    third_drug_findings,
)
from spheroid_qc.analysis.verdict.disintegration_verdict import disintegration_findings
from spheroid_qc.analysis.verdict.dose_verdict import dose_findings
from spheroid_qc.analysis.verdict.findings import Verdict, VerdictFinding, short_titles
from spheroid_qc.analysis.verdict.left_out import left_out_findings
from spheroid_qc.analysis.verdict.masks_that_do_not_fit import unfit_findings
from spheroid_qc.response.plate_quality.quality_thresholds import title_of

_WIDTH = 100
_MOST = 12


def verdict_of(analysis: Analysis) -> Verdict:
    """Say in words what an analysis found.

    Whether the masks can be right at all; what falls apart and since when; which combinations do
    more than their parts; whether a third drug adds; doses; the plate's quality; what was left out.
    Its own `verdict` is not looked at.
    """
    settings = analysis.parameters.response
    fractions = [use.name for use in analysis.responses if use.kind == "fa"]
    short = short_titles(analysis) if len(fractions) > 1 else {}
    titles = {name: short.get(name, "") for name in fractions}
    checked = analysis.kind == "run" and "code" in analysis.qc
    findings = [
        *unfit_findings(analysis.unfit),
        *disintegration_findings(analysis),
        *combination_findings(analysis.synergy, titles, settings.confidence, analysis.given_units),
        *third_drug_findings(analysis.synergy, titles, settings.confidence),
        *dose_findings(analysis),
        *_quality(analysis),
        *(left_out_findings(analysis.qc, analysis.wells) if checked else ()),
    ]
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
        of_tables = ("dose_response", "synergy", "comparisons", "plate_quality")
        expected = {name: why for name, why in expected.items() if name in of_tables}
    return tuple(dict.fromkeys((*analysis.notes, *expected.values())))


def verdict_lines(analysis: Analysis) -> list[str]:
    """Lay the verdict out for a terminal.

    Parameters
    ----------
    analysis : Analysis
        With its verdict.

    Returns
    -------
    list of str
        Without what the table by condition and the list of flags say already.
    """
    heads = {
        "falls_apart": "Falling apart:",
        "combination": "Combinations, on average over the tested doses:",
        "third_drug": "Does a third drug add?",
        "dose": "Drugs alone:",
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
                finding.sentence, _WIDTH, initial_indent="  ", subsequent_indent="    ",
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip
        if len(findings) > len(shown):
            lines.append(f"  ... and {len(findings) - len(shown)} more in the report and tables")
    if len(lines) == 1:
        lines += [f"  {reason}" for reason in dict.fromkeys(analysis.missing.values())]
    return lines


def _quality(analysis: Analysis) -> list[VerdictFinding]:
    """Name the figures that miss their bound, by plate."""
    table = analysis.plate_quality
    if table.empty:
        return []
    findings = []
    several = table["plate"].nunique() > 1
    for plate, rows in table.groupby("plate", sort=True):
        missed = rows[rows["meets_bound"] == "no"]
        known = int(rows["meets_bound"].isin(["yes", "no"]).sum())
        where = f"Plate {plate}: " if several and str(plate) else ""
        if missed.empty:
            if known:
                every = "all" if where else "All"
                sentence = f"{where}{every} {known} figures that could be judged keep their bound."
                findings.append(VerdictFinding("quality", str(plate), "yes", sentence, {}))
            continue
        named = []
        for _, row in missed.iterrows():
            name = title_of(str(row["statistic"]))
            if row["metric"]:
                name += f" of {metric_of(str(row['metric']), spheres=analysis.spheres).phrase}"
            named.append(f"{name} {row['value']:.3g} (bound: {row['bound']})")
        more = f" and {len(named) - 6} more" if len(named) > 6 else ""
        sentence = (
            f"{where}{len(missed)} of {known} figures miss their bound: "
            f"{'; '.join(named[:6])}{more}. A bound is no gate; see what each can't tell."
        )
        findings.append(
            VerdictFinding("quality", str(plate), "no", sentence, {"missed": len(missed)})
        )
    return findings
