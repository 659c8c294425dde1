"""Replicate plates that were run one by one, analysed as one experiment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from spheroid_qc.errors import RequestError
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.workflow.run_and_report import write_answer

if TYPE_CHECKING:
    import pandas as pd

    from spheroid_qc.analysis import Analysis
    from spheroid_qc.parameters import Parameters


def analyse_plates_together(
    runs: Sequence[Path], target: Path, parameters: Parameters
) -> tuple[Analysis, Path]:
    """Analyse the wells of several runs as those of one run with several plates.

    Every plate keeps its own vehicle wells as reference; intervals are over biological replicates,
    which are the plates where the map names none. Nothing in the runs is changed.

    Parameters
    ----------
    runs : sequence of Path
        Run folders, finished.
    target : Path
        Folder for tables and report; made if it is not there.
    parameters : Parameters
        Settings of the response; those of the runs do not count.

    Returns
    -------
    tuple of Analysis and Path
        The answer, and the page that shows it.

    Raises
    ------
    RequestError
        If there are fewer than two runs, one is not finished, or `target` holds something else.
    OutputError
        If the tables can't be written.
    """
    import pandas as pd

    from spheroid_qc.analysis.analysis_files import REPORT, check_target
    from spheroid_qc.analysis.run_folder_analysis import analyse_wells
    from spheroid_qc.response.condition_summary import summarise_conditions
    from spheroid_qc.run.tables.tables_read_back import read_run_tables

    if len(runs) < 2:
        raise RequestError("One plate alone is analysed already; choose two or more.")
    check_target(target, run_folder=False)
    found = [read_run_tables(RunFolder(folder)) for folder in runs]
    known = Counter(str(plate) for one in found for plate in one.wells["plate"].unique())
    wells, qc = (
        pd.concat(
            [
                table.assign(plate=_told_apart(table["plate"], folder, known))
                for folder, table in zip(runs, tables, strict=True)
            ],
            ignore_index=True,
        )
        for tables in ([one.wells for one in found], [one.qc for one in found])
    )
    units = {drug: unit for one in found for drug, unit in one.given_units.items()}
    answer = analyse_wells(
        wells, summarise_conditions(wells), parameters, source=str(target), qc=qc,
        given_units=units,
    )  # fmt: skip
    # Pictures are drawn by this process: it is the panels', which have few left for others.
    write_answer(answer, target, 0, None)
    return answer, target / REPORT


def _told_apart(plates: pd.Series, folder: Path, known: Counter[str]) -> list[str]:
    """Give plates names that are one plate's only: those of two runs may be the same."""
    return [f"{folder.name} / {plate}" if known[str(plate)] > 1 else str(plate) for plate in plates]
