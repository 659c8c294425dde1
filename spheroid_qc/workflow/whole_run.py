"""Everything in one call: a run with its drug response, or drug response of what is there.

The command line, Python and napari call these two functions, so that all of them get the same
tables, the same report and the same words.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from spheroid_qc.atomic import output_error
from spheroid_qc.errors import OutputError, RequestError, SpheroidQCError
from spheroid_qc.parameters import Parameters
from spheroid_qc.run.plate_run import RunResult
from spheroid_qc.run.plate_run import run_plate as run_images
from spheroid_qc.run.progress import Progress, report_progress
from spheroid_qc.run.store.run_folder import RunFolder

if TYPE_CHECKING:
    from spheroid_qc.analysis import Analysis


@dataclass(frozen=True)
class PlateResult(RunResult):
    """What a run and its analysis left behind.

    Parameters
    ----------
    analysis : Analysis or None
        Drug response; None without a plate map, or if it could not be made (then `failures`
        says why).
    """

    analysis: Analysis | None = None


@dataclass(frozen=True)
class AnalysisResult:
    """What an analysis left behind.

    Parameters
    ----------
    out : Path
        Folder of the tables.
    tables : dict of str to Path
        Name -> file.
    analysis : Analysis
        The answer.
    failures : tuple of str
        Sentences on what could not be made, or is not in the answer.
    """

    out: Path
    tables: dict[str, Path]
    analysis: Analysis
    failures: tuple[str, ...] = ()


def run_plate(
    folder: str | Path,
    plate_map: str | Path | None = None,
    out: str | Path | None = None,
    parameters: Parameters | None = None,
    progress: Callable[[Progress], None] | None = None,
    *,
    join: str | Path | None = None,
    exclusions: str | Path | None = None,
    workers: int | None = None,
) -> PlateResult:
    """Analyse a folder of images, and with a plate map the drug response.

    Parameters
    ----------
    folder, plate_map, out, parameters, progress, join, exclusions, workers
        As `spheroid_qc.run.run_plate`.

    Returns
    -------
    PlateResult
        `tables` also names those of the drug response.

    Raises
    ------
    RequestError
        If the request can't be carried out as a whole; nothing is written then.
    OutputError
        If the results can't be written; finished wells are kept.

    Examples
    --------
    Two small wells of the demo plate at one time, in this process:

    >>> from dataclasses import replace
    >>> from spheroid_qc import run_plate
    >>> from spheroid_qc.samples import DEMO, write_plate
    >>> small = replace(DEMO, wells=DEMO.wells[:2], times_h=(0.0,), shape=(256, 256))
    >>> _ = write_plate("plate", small)
    >>> result = run_plate("plate", out="results", workers=0)
    >>> result.n_frames, result.failures
    (2, ())
    >>> (result.out / "wells.csv").is_file()
    True
    """
    made: list[AnalysisResult] = []
    failed: list[str] = []

    def conclude(run: RunFolder) -> None:
        """Analyse the finished tables while the folder is still held."""
        from spheroid_qc.analysis import analyse_run_folder
        from spheroid_qc.analysis.analysis_files import clear_analysis

        if plate_map is None:
            clear_analysis(run.root)
            return
        try:
            answer = analyse_run_folder(run.root, parameters or Parameters())
            made.append(_written(answer, run.root, workers, progress))
            failed.extend(made[0].failures)
        except OutputError:
            raise
        except SpheroidQCError as error:
            # The images took hours: a response that can't be analysed must not undo them.
            clear_analysis(run.root)
            failed.append(f"The drug response could not be analysed: {error}")

    result = run_images(
        folder, plate_map, out, parameters, progress, join=join, exclusions=exclusions,
        workers=workers, conclude=conclude,
    )  # fmt: skip
    known = {f.name: getattr(result, f.name) for f in fields(RunResult)}
    if made:
        known["tables"] = result.tables | made[0].tables
        from spheroid_qc.analysis.verdict.verdict_sentences import remarks, verdict_lines

        answer = made[0].analysis
        known["answer"] = (*result.answer, "", *verdict_lines(answer))
        known["notes"] = (*result.notes, *remarks(answer))
    known["failures"] = (*result.failures, *failed)
    return PlateResult(**known, analysis=made[0].analysis if made else None)


def analyse(
    source: str | Path,
    out: str | Path | None = None,
    response_is: str | None = None,
    response_unit: str | None = None,
    parameters: Parameters | None = None,
    response_column: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    workers: int | None = None,
) -> AnalysisResult:
    r"""Analyse the drug response of a run folder or of a table, and write the answer.

    Parameters
    ----------
    source : str or Path
        A run folder, a table of responses (CSV, TSV, XLSX) or a folder of such tables.
    out : str or Path, optional
        Folder of the answer; default: the run folder itself, or a folder beside the table.
    response_is, response_unit, response_column : str, optional
        What the response of a table is; see `analysis.analyse_table`.
    parameters : Parameters, optional
        Settings; default: those of the run, or all defaults.
    progress : callable, optional
        Called with a `Progress` while pictures of the report are drawn.
    workers : int, optional
        Processes that draw them; default: one a processor.

    Returns
    -------
    AnalysisResult
        Tables and the answer.

    Raises
    ------
    RequestError
        If the request can't be carried out; nothing is written then.
    OutputError
        If the answer can't be written.

    Examples
    --------
    Viability of one drug at six doses, from a table that any program may have made:

    >>> from pathlib import Path
    >>> from spheroid_qc import analyse
    >>> wells = [(0, 100), (0.1, 98), (0.3, 93), (1, 78), (3, 52), (10, 21), (30, 8)]
    >>> lines = [f"{'drug' if dose else ''},{dose},{viability}" for dose, viability in wells]
    >>> _ = Path("wells.csv").write_text("\n".join(["drug_1,dose_1_um,response", *lines]))
    >>> result = analyse("wells.csv", response_is="viability", response_unit="percent", workers=0)
    >>> round(float(result.analysis.dose_response["ec50_um"][0]), 1)
    3.1
    >>> sorted(path.name for path in result.out.glob("*.html"))
    ['report.html']
    """
    from spheroid_qc.analysis import analyse_run_folder, analyse_table
    from spheroid_qc.analysis.analysis_files import check_target, default_target
    from spheroid_qc.analysis.run_folder_analysis import is_run_folder

    place = Path(source)
    if not place.exists():
        raise RequestError(f"{place} does not exist; give a run folder or a table of responses.")
    if not is_run_folder(place):
        target = default_target(place) if out is None else Path(out)
        check_target(target, run_folder=False)
        answer = analyse_table(place, response_is, response_unit, parameters, response_column)
        return _written(answer, target, workers, progress)
    stated = {
        "--response-is": response_is, "--response-unit": response_unit,
        "--response-column": response_column,
    }  # fmt: skip
    named = [name for name, value in stated.items() if value is not None]
    if named:
        raise RequestError(
            f"{named[0]} is about tables of responses; {place} is a run folder, whose responses "
            "come from images."
        )
    target = place if out is None else Path(out)
    own = target.resolve() == place.resolve()
    check_target(target, run_folder=own)
    with RunFolder(target).locked() if own else nullcontext():
        result = _written(analyse_run_folder(place, parameters), target, workers, progress)
    if not RunFolder(place).has_later_decisions():
        return result
    late = (
        f"{place} holds corrections, acceptances or exclusions that were made after its tables, "
        "and they are not in this answer. Give the images to spheroid-qc run once more with the "
        "same --out, which segments nothing anew and ends with the answer."
    )
    return replace(result, failures=(*result.failures, late))


def _written(
    answer: Analysis,
    target: Path,
    workers: int | None,
    progress: Callable[[Progress], None] | None,
) -> AnalysisResult:
    """Write everything that an answer has: tables, and the page that shows them."""
    from spheroid_qc.analysis.analysis_files import REPORT, write_analysis
    from spheroid_qc.report import write_report

    begun = time.monotonic()

    def drawn(done: int, total: int) -> None:
        rate = done / max(time.monotonic() - begun, 1e-9)
        left = (total - done) / rate if rate else None
        report_progress(progress, Progress("pictures", done, total, rate, left))

    failures: list[str] = []
    try:
        tables = write_analysis(answer, target)
        try:
            write_report(answer, target, workers=workers, progress=drawn)
        except (OSError, SpheroidQCError):
            raise
        except Exception as error:  # a fault of ours in a picture must not cost the tables
            if os.environ.get("SPHEROID_QC_TRACEBACK"):
                raise
            (target / REPORT).unlink(missing_ok=True)
            failures.append(
                f"{REPORT} could not be made ({type(error).__name__}: {error}); the tables are "
                "complete. Please report this with the tables."
            )
        return AnalysisResult(target, tables, answer, tuple(failures))
    except OSError as error:
        raise output_error(target, error) from error
