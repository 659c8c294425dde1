"""The tables of an analysis as files: whole or not at all, the same bytes for the same answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spheroid_qc import __version__
from spheroid_qc.analysis.analysis_result import Analysis
from spheroid_qc.atomic import write_json
from spheroid_qc.errors import RequestError
from spheroid_qc.run.store.run_folder import RunFolder
from spheroid_qc.tables.csv_writer import write_table

ANALYSIS_JSON = "analysis.json"
"""What was asked: settings, source, versions; marks a folder as one of ours."""

REPORT = "report.html"
"""One self-contained page."""

FILES = {
    "dose_response": "dose_response.csv",
    "curves": "curves.csv",
    "synergy": "synergy.csv",
    "survival": "survival.csv",
    "plate_quality": "plate_quality.csv",
    "comparisons": "comparisons.csv",
    "kinetics": "kinetics.csv",
    "kinetics_by_condition": "kinetics_conditions.csv",
    "gr_values": "gr_values.csv",
    "gr_metrics": "gr_metrics.csv",
    "synergyfinder": "synergyfinder.csv",
    "used": "used_responses.csv",
}
"""Table of `Analysis` -> file; a table without rows has no file."""

_ALWAYS = ("dose_response", "synergy")


def default_target(source: Path) -> Path:
    """Folder for the answer to a table when none is named: beside it."""
    source = source.resolve()
    name = source.name if source.is_dir() else source.stem
    return source.with_name(f"{name}_spheroid_qc")


def check_target(target: Path, *, run_folder: bool) -> None:
    """Refuse a place where writing could destroy something.

    Parameters
    ----------
    target : Path
        Where the tables are to go.
    run_folder : bool
        Whether it is the run folder that is analysed.

    Raises
    ------
    RequestError
        If it is a file, another run's folder, or holds files of those names by others.
    """
    if target.exists() and not target.is_dir():
        raise RequestError(f"{target} is a file, not a folder; choose another --out folder.")
    if run_folder:
        return
    if RunFolder(target).run_json.is_file():
        raise RequestError(
            f"{target} is the folder of a run, whose tables must not be mixed with those of "
            "another source; choose another --out folder."
        )
    if not target.is_dir() or (target / ANALYSIS_JSON).is_file():
        return
    taken = [name for name in (*FILES.values(), REPORT) if (target / name).exists()]
    if taken:
        raise RequestError(
            f"{target} holds a {taken[0]} that this program did not write there; nothing was "
            "written: choose an empty or new --out folder."
        )


def write_analysis(analysis: Analysis, target: Path) -> dict[str, Path]:
    """Write every table that has rows, and what was asked.

    Parameters
    ----------
    analysis : Analysis
        The answer.
    target : Path
        Folder; made if it is not there.

    Returns
    -------
    dict of str to Path
        Table -> file. Files of tables that are empty this time are taken away: they would
        belong to an older answer.
    """
    target.mkdir(parents=True, exist_ok=True)
    write_json(target / ANALYSIS_JSON, _asked(analysis))
    written = {}
    for name, file in FILES.items():
        table, path = getattr(analysis, name), target / file
        if len(table) or (name in _ALWAYS and len(table.columns)):
            write_table(path, table)
            written[name] = path
        else:
            path.unlink(missing_ok=True)
    if analysis.kind == "table":
        written["conditions"] = target / "conditions.csv"
        write_table(written["conditions"], analysis.conditions)
    return written


def clear_analysis(target: Path) -> None:
    """Take away the files of an earlier answer, which new tables may contradict."""
    for name in (*FILES.values(), REPORT, ANALYSIS_JSON):
        (target / name).unlink(missing_ok=True)


def _asked(analysis: Analysis) -> dict[str, Any]:
    """Lay out settings and words; no time of day: the same question gives the same bytes."""
    return {
        "program": "spheroid_qc",
        "version": __version__,
        "kind": analysis.kind,
        "source": "." if analysis.kind == "run" else Path(analysis.source).name,
        "time_h": analysis.time_h,
        "response": analysis.parameters.response.model_dump(mode="json"),
        "responses": [
            {"name": use.name, "title": use.title, "kind": use.kind, "n": use.n,
             "clipped_below_0": use.n_below, "clipped_above_1": use.n_above}
            for use in analysis.responses
        ],
        "verdict": [
            {"topic": f.topic, "subject": f.subject, "outcome": f.outcome, "sentence": f.sentence}
            for f in analysis.verdict.findings
        ],
        "notes": list(analysis.notes),
        "missing": analysis.missing,
    }  # fmt: skip
