"""What came out of a run, as the report says it: verdict, conditions, drug figures. No Qt.

Read in the helper process; nothing is computed that the report does not show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from spheroid_qc.errors import SpheroidQCError
from spheroid_qc.gui.result_figures import Figure, dose_figures, synergy_figures
from spheroid_qc.parameters import Parameters
from spheroid_qc.report.overview import Line
from spheroid_qc.tables.csv_writer import read_table

TABLES = ("wells", "conditions", "qc", "spheroids")


@dataclass(frozen=True)
class RunAnswer:
    """The answer of one run folder.

    `title` says which metric `lines` show, one line a condition, and at which time; `headings` are
    those of the lines' further cells. `verdict` are (question, sentences). `doses` and `synergies`
    are figures; `lacking` says why there is no answer, where there is none.
    """

    out: Path
    title: str = ""
    headings: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    verdict: tuple[tuple[str, tuple[str, ...]], ...] = ()
    doses: tuple[Figure, ...] = ()
    synergies: tuple[Figure, ...] = ()
    lacking: str = ""


def tables_of(out: Path) -> dict[str, pd.DataFrame]:
    """Read the tables of a run folder; those that are not there are left out."""
    found = {}
    for name in TABLES:
        path = out / f"{name}.csv"
        if path.is_file():
            found[name] = read_table(path, ("plate", "well", "flags", "state", "condition"))
    return found


def answer_of(out: Path, parameters: Parameters) -> RunAnswer:
    """Read the answer of a run folder."""
    from spheroid_qc.analysis import analyse_run_folder
    from spheroid_qc.analysis.treatment_families import families_of
    from spheroid_qc.report import overview
    from spheroid_qc.report.time_sections import time_metrics
    from spheroid_qc.response.replicates import shared_stratum

    if not (out / "conditions.csv").is_file():
        return RunAnswer(out, lacking="There are no results yet.")
    try:
        analysis = analyse_run_folder(out, parameters)
    except SpheroidQCError as error:
        return RunAnswer(out, lacking=str(error))
    families = families_of(analysis.conditions, analysis.wells, analysis.given_units)
    metrics = time_metrics(analysis)
    leading = next((m for m in metrics if m.column == "disintegration_fraction"), None)
    leading = leading or (metrics[0] if metrics else None)
    headings: list[str] = []
    lines: list[Line] = []
    title = ""
    if leading is not None:
        stratum = shared_stratum(analysis.conditions)
        headings, lines, _ = overview.condition_lines(analysis, families, leading, stratum)
        when = "" if analysis.time_h is None else f" at {analysis.time_h:g} h"
        title = f"{leading.axis}{when}" + (f" ({stratum})" if stratum else "")
    blocks: list[dict[str, Any]] = overview.verdict_blocks(analysis.verdict.findings)
    verdict = tuple(
        (str(block["title"]), tuple(f.sentence for f in (*block["lead"], *block["findings"])))
        for block in blocks
    )
    return RunAnswer(
        out, title, tuple(headings), tuple(lines), verdict, tuple(dose_figures(analysis)),
        tuple(synergy_figures(analysis)),
    )  # fmt: skip


class TogetherAnswer(NamedTuple):
    """What came out of several plates: sentences of the verdict, the page, plates by what is known.

    `plates` have a plate map, wells of the `unmapped` ones belong to no condition.
    """

    sentences: tuple[str, ...]
    page: Path
    plates: tuple[str, ...]
    unmapped: tuple[str, ...]


def answer_together(runs: Sequence[Path], target: Path, parameters: Parameters) -> TogetherAnswer:
    """Analyse replicate plates as one experiment."""
    from spheroid_qc.workflow.plates_together import analyse_plates_together

    analysis, page = analyse_plates_together(runs, target, parameters)
    mapped = (analysis.wells["role"] != "unmapped").groupby(analysis.wells["plate"]).any()
    return TogetherAnswer(
        tuple(finding.sentence for finding in analysis.verdict.findings),
        page,
        tuple(str(plate) for plate in mapped.index[mapped]),
        tuple(str(plate) for plate in mapped.index[~mapped]),
    )
