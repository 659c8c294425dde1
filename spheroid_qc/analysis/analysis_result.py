"""The record of one analysis: everything that terminal, report and GUI say comes from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from spheroid_qc.analysis.verdict.findings import Verdict
from spheroid_qc.flags import MasksUnfit
from spheroid_qc.parameters import Assay, Parameters


@dataclass(frozen=True)
class ResponseUse:
    """One response that was analysed.

    Parameters
    ----------
    name : str
        Its word in the tables' column `response`: the column that it was taken from.
    title : str
        For people: `core volume lost against vehicle`.
    kind : str
        `fa` (fraction affected) or `raw` (any measured quantity: no synergy).
    n : int
        Wells with a value at the analysis time.
    n_below, n_above : int
        Values below 0 and above 1 that were clipped (image responses only).
    notes : tuple of str
        What was said while it was read.
    """

    name: str
    title: str
    kind: str
    n: int
    n_below: int = 0
    n_above: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Analysis:
    """Answers from one run folder or one tidy table.

    Tables hold what the CSV files hold, as numbers, in final row and column order. A table that
    can't be made is empty (no rows) and `missing` says why. Columns that would hold one value
    only are left out at the left end of `dose_response` and `synergy`: `response` (several
    responses), `stratum` (several strata such as cell lines or passages), `time_h` (several
    times), `plate` (several plates; `all` is their mean with an interval between replicates).

    Parameters
    ----------
    source : str
        Run folder or file, as named by the user.
    kind : str
        `run` or `table`.
    parameters : Parameters
        All settings; those of `response` decide.
    time_h : float or None
        Analysis time; None where there are no times.
    times_h : tuple of float
        All times.
    drugs, units : tuple of str
        In order of first appearance, and the unit of each drug's doses.
    strata : tuple of str
        Strata that are analysed apart; `("",)` if there are none.
    responses : tuple of ResponseUse
        What was analysed, image responses first.
    wells : DataFrame
        The wells table used: `wells.csv` of a run (all its columns); of a tidy table
        `plate, well, time_h, condition, role, drug_1, dose_1_um, dose_1, unit_1 ...,
        biological_replicate, stratum, response` and `effect`.
    used : DataFrame
        What the fits were given, at the analysis time: `response, stratum, plate, well, time_h,
        condition, role, drug_1, dose_1, unit_1, drug_2 ...` (dose in the unit that is analysed)
        and `effect` (fraction affected, or the raw value), one row per well and response.
    conditions : DataFrame
        Of `condition_summary.summarise_conditions`; of a tidy table the metric is `response`.
    dose_response, curves : DataFrame
        `DOSE_RESPONSE_COLUMNS` and `CURVE_COLUMNS` of `response.curves.dose_response`: one row per
        drug or combination in a fixed ratio, and its curve point by point.
    synergy : DataFrame
        `response.synergy.synergy_table.SYNERGY_COLUMNS`: one row per combination, method and level.
    comparisons : DataFrame
        `COLUMNS` of `response.comparisons.comparison_table`: each condition against its vehicle,
        one row per metric.
    plate_quality : DataFrame
        `COLUMNS` of `response.plate_quality.plate_quality_table`: one row per figure.
    survival : DataFrame
        `COLUMNS` of `response.survival.survival_table`: one row per condition and step of its
        Kaplan-Meier curve, with median and log-rank in each row.
    kinetics, kinetics_by_condition : DataFrame
        `COLUMNS` of `response.growth.kinetics`: one row per well with growth rate, doubling time,
        growth delay and areas under the curve; and what `summarise_kinetics` makes of it.
    gr_values, gr_metrics : DataFrame
        Of `volume_gr` and `drug_gr_metrics`: volume-GR of every well at the analysis time, and its
        metrics by drug.
    synergyfinder : DataFrame
        Responses at the analysis time in SynergyFinder's columns (with `response_name` first
        where there are several).
    verdict : Verdict
        The answer in words, as data and as sentences.
    notes : tuple of str
        How the input was understood and what was left out, in finished sentences.
    missing : dict of str to str
        Name of a table that could not be made -> why, in a sentence.
    folder : Path or None
        The run folder; None for a table.
    qc : DataFrame
        `qc.csv` of a run; without columns for a table.
    unfit : tuple of MasksUnfit
        Plates of a run whose untreated wells read as falling apart, which is said before anything
        else.
    given_units : mapping of str to str
        Drug -> molar unit in which its doses were written.
    """

    source: str
    kind: str
    parameters: Parameters
    time_h: float | None
    times_h: tuple[float, ...]
    drugs: tuple[str, ...]
    units: tuple[str, ...]
    strata: tuple[str, ...]
    responses: tuple[ResponseUse, ...]
    wells: pd.DataFrame
    used: pd.DataFrame
    conditions: pd.DataFrame
    dose_response: pd.DataFrame
    synergy: pd.DataFrame
    comparisons: pd.DataFrame
    plate_quality: pd.DataFrame
    synergyfinder: pd.DataFrame
    survival: pd.DataFrame = field(default_factory=pd.DataFrame)
    kinetics: pd.DataFrame = field(default_factory=pd.DataFrame)
    kinetics_by_condition: pd.DataFrame = field(default_factory=pd.DataFrame)
    gr_values: pd.DataFrame = field(default_factory=pd.DataFrame)
    gr_metrics: pd.DataFrame = field(default_factory=pd.DataFrame)
    verdict: Verdict = field(default_factory=Verdict)
    notes: tuple[str, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    qc: pd.DataFrame = field(default_factory=pd.DataFrame)
    unfit: tuple[MasksUnfit, ...] = ()
    given_units: Mapping[str, str] = field(default_factory=dict)
    curves: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def spheres(self) -> bool:
        """Whether a field holds many spheres in place of one spheroid a well."""
        return self.parameters.plate.assay is Assay.SPHERES

    @property
    def has_synergy(self) -> bool:
        """Whether any combination could be compared with its parts."""
        return bool(len(self.synergy) and self.synergy["value"].notna().any())
