"""Replicate plates that were run one by one, analysed as one experiment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from spheroid_qc.atomic import output_error
from spheroid_qc.errors import RequestError

if TYPE_CHECKING:
    import pandas as pd

    from spheroid_qc.analysis import Analysis
    from spheroid_qc.parameters import Parameters

_TEXTS = (
    "plate", "well", "row", "condition", "role", "state", "flags", "method", "file", "control",
    "cell_line", "vehicle_group", "biological_replicate", "replicate", "passage", "stratum",
    "schedule", *(f"{word}_{n}" for n in (1, 2, 3) for word in ("drug", "unit")),
)  # fmt: skip
_QC_TEXTS = ("plate", "well", "code", "severity", "title", "detail", "advice", "file")


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

    from spheroid_qc.analysis.analysis_files import REPORT, check_target, write_analysis
    from spheroid_qc.analysis.run_folder_analysis import analyse_wells
    from spheroid_qc.report import write_report
    from spheroid_qc.response.condition_summary import summarise_conditions

    if len(runs) < 2:
        raise RequestError("One plate alone is analysed already; choose two or more.")
    check_target(target, run_folder=False)
    wells = pd.concat(_named(runs, "wells", _TEXTS), ignore_index=True)
    qc = pd.concat(_named(runs, "qc", _QC_TEXTS), ignore_index=True)
    answer = analyse_wells(
        wells, summarise_conditions(wells), parameters, source=str(target), qc=qc
    )
    try:
        write_analysis(answer, target)
        write_report(answer, target, workers=0)
    except OSError as error:
        raise output_error(target, error) from error
    return answer, target / REPORT


def _named(runs: Sequence[Path], table: str, texts: Sequence[str]) -> list[pd.DataFrame]:
    """Read a table of every run, with names of plates that are one plate's only."""
    from spheroid_qc.run.store.run_folder import RunFolder
    from spheroid_qc.tables.csv_writer import read_table

    found: list[pd.DataFrame] = []
    for folder in runs:
        path = RunFolder(folder).table(table)
        if not path.is_file():
            raise RequestError(
                f"{folder} holds no {path.name}: its run has not come to its end. Let it end first."
            )
        found.append(read_table(path, text=texts))
    known = Counter(
        str(plate)
        for folder in runs
        for plate in read_table(RunFolder(folder).table("wells"), text=texts)["plate"].unique()
    )
    for folder, rows in zip(runs, found, strict=True):
        if "plate" in rows:
            rows["plate"] = [
                f"{folder.name} / {plate}" if known[str(plate)] > 1 else plate
                for plate in rows["plate"]
            ]
    return found
