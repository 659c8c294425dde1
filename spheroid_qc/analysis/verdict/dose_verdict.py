"""At which dose: the half-effect dose of every drug alone, with what is known of its interval."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spheroid_qc.analysis.analysis_result import Analysis
from spheroid_qc.analysis.verdict.findings import VerdictFinding, short_titles
from spheroid_qc.response.replicates import stratum_of
from spheroid_qc.response.wells_analysed_together import ALL_PLATES


def dose_findings(analysis: Analysis) -> list[VerdictFinding]:
    """Name the half-effect dose of every drug alone, by response.

    One finding per stratum and drug; `unknown` where no response has such a dose.
    """
    table = analysis.dose_response
    if table.empty:
        return []
    alone = table[(table["ratio"].fillna("") == "") & table["drug"].isin(analysis.drugs)]
    if "plate" in alone and (alone["plate"] == ALL_PLATES).any():
        alone = alone[alone["plate"] == ALL_PLATES]
    findings = []
    for (stratum, drug), rows in alone.groupby([stratum_of(alone), "drug"], sort=False):
        doses = [_ec50(row) for _, row in rows.iterrows()]
        words = [_words(row, analysis) for _, row in rows.iterrows()]
        sentence = f"{stratum}: " * bool(stratum) + f"{drug}: {'; '.join(words)}."
        outcome = "yes" if np.isfinite([dose[0] for dose in doses]).any() else "unknown"
        facts = {"stratum": stratum, "ec50": tuple(doses)}
        findings.append(VerdictFinding("dose", str(drug), outcome, sentence, facts))
    return findings


def _ec50(row: pd.Series) -> tuple[float, float, float]:
    """Dose and interval in the unit that is analysed."""
    end = "_um" if row["unit"] == "uM" else ""
    return float(row[f"ec50{end}"]), float(row[f"ec50_low{end}"]), float(row[f"ec50_high{end}"])


def _words(row: pd.Series, analysis: Analysis) -> str:
    title = ""
    if "response" in row:
        title = f"{short_titles(analysis).get(row['response'], row['response'])} "
    value, low, high = _ec50(row)
    if np.isnan(value):
        flat = row["flat_p"] >= analysis.parameters.response.flat_p
        return f"{title}no dose response" if flat else f"{title}no curve"
    if row["ec50_qualifier"] in (">", "<"):
        return f"{title}{row['ec50_qualifier']} {value:.3g} {row['unit']}, beyond the tested doses"
    bounds = ""
    if np.isfinite(low) or np.isfinite(high):
        lower = f"{low:.3g}" if np.isfinite(low) else "no lower bound"
        upper = f"{high:.3g}" if np.isfinite(high) else "no upper bound"
        bounds = f" ({lower} to {upper})"
    return f"{title}{value:.3g} {row['unit']}{bounds}"
